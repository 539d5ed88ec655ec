"""Books that can be copied: plain dicts and lists of values that never change, so a shallow copy is a whole one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from orderflow.errors import PortRefused

__all__ = ["Books", "same_body"]

B = TypeVar("B")


class Books:
    """What an adapter in memory knows, in the attributes that ``BOOKS`` names."""

    BOOKS: ClassVar[tuple[str, ...]] = ()

    def snapshot(self) -> object:
        """A copy of the books, to be given to `restore`, as often as wanted."""
        return tuple(_copied(getattr(self, name)) for name in self.BOOKS)

    def restore(self, snapshot: object) -> None:
        """The books as they were when ``snapshot`` was taken."""
        assert isinstance(snapshot, tuple)
        for name, book in zip(self.BOOKS, snapshot, strict=True):
            setattr(self, name, _copied(book))


def _copied(book: Any) -> Any:
    return book.copy() if isinstance(book, (dict, list)) else book


def same_body(book: Mapping[str, tuple[Any, B]], key: str, body: Any, port: str) -> B | None:
    """What was answered under ``key`` before, if anything was; a key with another body is refused."""
    known = book.get(key)
    if known is None:
        return None
    if known[0] != body:
        raise PortRefused(f"{port}.key_reused", f"the key {key!r} was used before for something else")
    return known[1]
