"""Whether something is what its type says: for values that come from code which nobody has checked.

Ports are written by others. A reply whose parts are not what they should be must become a case for a person, not an
error somewhere further on. `fits` holds a value against a type, down to the last part; what it takes to check a type
is worked out once.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Literal, NewType, Union, get_args, get_origin

import attrs

__all__ = ["fits"]

Check = Callable[[Any], bool]


def fits(value: Any, kind: Any) -> bool:
    """Whether ``value`` is of a type in all its parts: finite numbers, moments with a zone, records field by field.

    >>> fits((1, 2), tuple[int, ...]), fits((1, "2"), tuple[int, ...]), fits(Decimal("NaN"), Decimal)
    (True, False, False)
    """
    return _check(kind)(value)


@cache
def _check(kind: Any) -> Check:
    origin, parts = get_origin(kind), get_args(kind)
    if isinstance(kind, NewType):
        return _check(kind.__supertype__)
    if origin in (Union, types.UnionType):
        return _any_of(tuple(_check(part) for part in parts))
    if origin is Literal:
        return lambda value: value in parts
    if origin is tuple:
        return _tuple(parts)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(origin, *parts)
    return _leaf(kind)


def _leaf(kind: Any) -> Check:
    if kind is Any:
        return lambda value: True
    if kind is Decimal:
        return lambda value: isinstance(value, Decimal) and value.is_finite()
    if kind is datetime:
        return lambda value: isinstance(value, datetime) and value.utcoffset() is not None
    if kind is date:
        return lambda value: isinstance(value, date) and not isinstance(value, datetime)
    if kind is int:
        return lambda value: isinstance(value, int) and not isinstance(value, bool)
    if kind is None or kind is type(None):
        return lambda value: value is None
    if attrs.has(kind):
        return _record(kind)
    return lambda value: isinstance(value, kind)


def _any_of(checks: tuple[Check, ...]) -> Check:
    def is_one_of_them(value: Any) -> bool:
        for check in checks:  # noqa: SIM110 - every reply comes by here, and a generator takes twice as long
            if check(value):
                return True
        return False

    return is_one_of_them


def _tuple(parts: tuple[Any, ...]) -> Check:
    if len(parts) == 2 and parts[1] is Ellipsis:
        item = _check(parts[0])
        return lambda value: isinstance(value, tuple) and all(map(item, value))
    checks = tuple(_check(part) for part in parts)
    return lambda value: (
        isinstance(value, tuple)
        and len(value) == len(checks)
        and all(check(item) for check, item in zip(checks, value, strict=True))
    )


def _mapping(origin: Any, key: Any, held: Any) -> Check:
    key_fits, held_fits = _check(key), _check(held)
    return lambda value: isinstance(value, origin) and all(map(key_fits, value)) and all(map(held_fits, value.values()))


def _record(kind: Any) -> Check:
    hints = typing.get_type_hints(kind)
    fields = tuple((field.name, _check(hints[field.name])) for field in attrs.fields(kind))

    def is_one_in_all_its_parts(value: Any) -> bool:
        if not isinstance(value, kind):
            return False
        for name, check in fields:  # noqa: SIM110 - as above
            if not check(getattr(value, name)):
                return False
        return True

    return is_one_in_all_its_parts
