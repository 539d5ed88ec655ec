"""Erasing: the same value, without what it says about people.

Which fields say something about a person is written on the fields themselves (`orderflow.values.checked.PERSONAL`), so
that there is one rule for commands, events, requests, orders and whatever a host declares. What is erased leaves a mark
that everyone can recognise (`orderflow.values.ids.ERASED`) and every check lets pass: an erased address is an address
still, in its country, and can be read back from a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import attrs

from orderflow.values.checked import evolved
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import ERASED

__all__ = ["erased", "says_erased"]

T = TypeVar("T")
_FACTORY: Any = attrs.Factory


def erased(held: T) -> T:
    """The same value without what is personal in it; the very same where nothing is, or nothing is left.

    >>> from orderflow.values import Address
    >>> erased(Address("DE", "Torstrasse 1", city="Berlin", postal_code="10119")).one_line()
    '(erased), (erased) (erased), DE'

    Raises:
        TypeError: a field of a host's is marked as personal, and what it holds cannot be left out.
    """
    made: T = _erased(held)
    return made


def _erased(held: Any) -> Any:
    if isinstance(held, str) or held is None:
        return held
    if isinstance(held, tuple | frozenset):
        return _items(held)
    if isinstance(held, Mapping):
        return _entries(held)
    return _record(held) if attrs.has(type(held)) else held


def _items(held: Any) -> Any:
    items = [_erased(item) for item in held]
    return held if all(map(_same, items, held)) else type(held)(items)


def _entries(held: Mapping[Any, Any]) -> Any:
    items = {name: _erased(item) for name, item in held.items()}
    return held if all(map(_same, items.values(), held.values())) else FrozenMap(items)


def _same(one: Any, other: Any) -> bool:
    return one is other


def _record(held: Any) -> Any:
    changes = {}
    for name, is_personal, default in _fields(type(held)):
        before = getattr(held, name)
        after = _blank(before, default, f"{type(held).__qualname__}.{name}") if is_personal else _erased(before)
        if after is not before:
            changes[name] = after
    return evolved(held, **changes) if changes else held


def _fields(cls: Any) -> tuple[tuple[str, bool, Any], ...]:
    return _fields_of(cls)


@cache
def _fields_of(cls: type) -> tuple[tuple[str, bool, Any], ...]:
    """The fields of a class: name, whether it is personal, and its default."""
    return tuple((field.name, bool(field.metadata.get("personal")), field.default) for field in attrs.fields(cls))


def _blank(held: Any, default: Any, name: str) -> Any:
    """What stands in a personal field once it is erased: nothing, where there was nothing."""
    if held is None or (not held and isinstance(held, str | tuple | frozenset | Mapping)):
        return held
    if isinstance(held, str):
        return held if held == ERASED else ERASED
    if isinstance(held, tuple | frozenset):
        gone = type(held)((ERASED,))
        return held if held == gone else gone
    if isinstance(held, Mapping):
        return FrozenMap()
    if attrs.has(type(held)):
        return _record(held) if any(marked for _, marked, _ in _fields(type(held))) else _blank_record(held)
    if default is attrs.NOTHING or isinstance(default, _FACTORY):
        raise TypeError(f"{name} is personal, and a {type(held).__name__} cannot be erased: give the field a default")
    return default


def _blank_record(held: Any) -> Any:
    """A record that does not say which of its fields are personal, where all of it is."""
    cls = type(held)
    fields = ((name, default, f"{cls.__qualname__}.{name}") for name, _, default in _fields(cls))
    return evolved(held, **{name: _blank(getattr(held, name), default, told) for name, default, told in fields})


def says_erased(held: Any) -> bool:
    """Whether a part of a value was erased: what it asks for cannot be done any more.

    >>> says_erased(("Ada", ERASED)), says_erased({"name": "Ada"})
    (True, False)
    """
    if isinstance(held, str):
        return held == ERASED
    if isinstance(held, tuple | frozenset):
        return any(map(says_erased, held))
    if isinstance(held, Mapping):
        return any(map(says_erased, held.values()))
    return attrs.has(type(held)) and any(says_erased(getattr(held, name)) for name, _, _ in _fields(type(held)))
