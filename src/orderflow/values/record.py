"""Frozen records: what most of this library is made of.

A record is a frozen attrs class. There are some hundred and fifty of them, and a program that imports them pays for
each: attrs writes and compiles ``__eq__``, ``__hash__`` and ``__repr__`` for every class, which takes longer than all
else about it. Records share these three instead, each over the tuple of its own fields, which at run time is as fast.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform, overload

import attrs

__all__ = ["field_names", "record", "speaks_for_itself"]

C = TypeVar("C", bound=type)


@overload
def record(cls: C) -> C: ...
@overload
def record(*, slots: bool = True) -> Callable[[C], C]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(attrs.field,))
def record(cls: Any = None, *, slots: bool = True) -> Any:
    """A frozen class that is equal to another of its kind with equal fields, hashable where these are, and readable."""
    if cls is None:
        return lambda declared: record(declared) if slots else _made(declared, slots=False)
    return _made(cls, slots=slots)


def _made(cls: type, *, slots: bool) -> type:
    written = "__repr__" in cls.__dict__
    made = attrs.frozen(cls, eq=False, repr=False, slots=slots)
    names = field_names(made)
    held = _tuple_of(names)

    def equal(self: Any, other: Any) -> Any:
        if other.__class__ is not made:
            return NotImplemented
        return held(self) == held(other)

    def hashed(self: Any) -> int:
        return hash((made, held(self)))

    def shown(self: Any) -> str:
        parts = ", ".join(f"{name}={value!r}" for name, value in zip(names, held(self), strict=True))
        return f"{made.__qualname__}({parts})"

    made.__eq__ = equal  # type: ignore[method-assign,assignment]
    made.__hash__ = hashed  # type: ignore[method-assign,assignment]
    if not written:
        made.__repr__ = shown  # type: ignore[method-assign,assignment]
    return made


def field_names(cls: type) -> tuple[str, ...]:
    """The names of a record's fields, in order."""
    return tuple(field.name for field in attrs.fields(cls))


def speaks_for_itself(held: Any) -> bool:
    """Whether a value is best shown as it shows itself, like money."""
    return any("__str__" in vars(cls) for cls in type(held).__mro__[:-1])


def _tuple_of(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """The named attributes of something, as a tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    if names:
        only = attrgetter(names[0])
        return lambda held: (only(held),)
    return lambda held: ()
