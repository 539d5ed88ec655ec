"""Which class stands under which tag, and how documents of older versions are read.

A document is ``{"type": tag, "v": version, ...fields}``. A family is the classes that may stand in one place: the
events, the commands, the replies. An older version goes, step by step, through its upcasters before its fields are
read; a newer one is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

import attrs

from orderflow.codec.leaves import Form, Read, Write, _wrong, read_int, read_text
from orderflow.errors import InvalidInput, NewerVersion, OrderflowError, Problems, UnknownType

__all__ = ["Document", "Family", "MissingUpcaster", "Upcaster"]

T = TypeVar("T")

Document: TypeAlias = dict[str, Any]
"""A JSON object, as the standard library reads it."""

Upcaster: TypeAlias = Callable[[Document], Document]
"""Takes the fields of a document of one version (without its type and version), gives those of the next."""

_RESERVED = frozenset({"type", "v"})


class MissingUpcaster(OrderflowError):
    """A document is of an older version, and nobody says how to read it."""

    code = "codec.missing_upcaster"

    def __init__(self, tag: str, version: int) -> None:
        self.tag, self.version = tag, version
        super().__init__(f"no upcaster takes {tag!r} from version {version} to {version + 1} ({self.code})")


class Family(Generic[T]):
    """Classes of one kind, under their tags and versions; ``record`` knows how the fields of each are written."""

    def __init__(
        self,
        what: str,
        classes: Iterable[type[T]],
        record: Callable[[type], Form],
        upcasters: Mapping[tuple[str, int], Upcaster],
    ) -> None:
        self._what = what
        self._record = record
        self._upcasters = upcasters
        self._classes: dict[str, type[T]] = {}
        self._writing: dict[type, tuple[Document, Write]] = {}
        self._reading: dict[str, tuple[int, Read]] = {}
        problems = Problems()
        for cls in classes:
            with problems.at(cls.__qualname__):
                self._register(cls, cls.TAG)  # type: ignore[attr-defined]
        problems.raise_any()

    def _register(self, cls: type, tag: str) -> None:
        if not tag or "." in tag:
            raise InvalidInput.because("codec.bad_tag", f"needs a tag without dots, not {tag!r}")
        other: type = self._classes.setdefault(tag, cls)
        if other is not cls:
            raise InvalidInput.because("codec.tag_used_twice", f"has the tag {tag!r}, as {other.__qualname__} has")
        if taken := _RESERVED.intersection(field.name for field in attrs.fields(cls)):
            raise InvalidInput.because("codec.reserved_field", f"must not have a field {' or '.join(sorted(taken))}")

    @property
    def tags(self) -> Mapping[str, type[T]]:
        """The classes by tag."""
        return dict(self._classes)

    @property
    def versions(self) -> Mapping[str, int]:
        """The version in which each tag is written."""
        return {tag: _version_of(cls) for tag, cls in self._classes.items()}

    def dump(self, held: T) -> Document:
        """``{"type": tag, "v": version, ...fields}``."""
        head, write = self._writing.get(held.__class__) or self._first_written(held.__class__)
        return {**head, **write(held)}

    def _first_written(self, cls: type) -> tuple[Document, Write]:
        tag = getattr(cls, "TAG", "") or cls.__qualname__
        if self._classes.get(tag) is not cls:
            raise UnknownType(tag, self._what)
        found = self._writing[cls] = ({"type": tag, "v": _version_of(cls)}, self._record(cls).write)
        return found

    def load(self, document: Any) -> T:
        """The value that a document speaks of."""
        if document.__class__ is not dict:
            raise _wrong("not_an_object", "an object", document)
        fields = document.copy()
        tag, version = _head(fields)
        known, read = self._reading.get(tag) or self._first_read(tag)
        if version != known:
            fields = self._upcast(tag, version, known, fields)
        made: T = read(fields, None)
        return made

    def _first_read(self, tag: str) -> tuple[int, Read]:
        cls = self._classes.get(tag)
        if cls is None:
            raise UnknownType(tag, self._what)
        found = self._reading[tag] = (_version_of(cls), self._record(cls).read)
        return found

    def _upcast(self, tag: str, version: int, known: int, fields: Document) -> Document:
        if version > known:
            raise NewerVersion(tag, version, known)
        for step in range(version, known):
            upcaster = self._upcasters.get((tag, step))
            if upcaster is None:
                raise MissingUpcaster(tag, step)
            fields = upcaster(fields)
        return fields


def _version_of(cls: type) -> int:
    version: int = getattr(cls, "VERSION", 1)
    return version


def _head(fields: Document) -> tuple[str, int]:
    """The tag and version of a document, taken out of its fields."""
    problems = Problems()
    found: list[Any] = []
    for name, read in (("type", read_text), ("v", _read_version)):
        with problems.at(name):
            if name not in fields:
                raise InvalidInput.because("codec.missing_field", "is missing")
            found.append(read(fields.pop(name), None))
    problems.raise_any()
    return found[0], found[1]


def _read_version(raw: Any, kind: Any) -> int:
    if read_int(raw, kind) < 1:
        raise InvalidInput.because("codec.not_a_version", "must be a whole number from 1")
    return int(raw)
