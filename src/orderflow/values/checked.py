"""The mechanism by which values check themselves and tell every problem at once.

A field declared with `checked(convert)` runs ``convert`` on what it is given. Where that raises `InvalidInput` the
field keeps the violations for a moment, and the class, declared with `@value`, raises them all together when every
field has been looked at, each under the name of its field. So ``PlaceOrder`` with a float for a quantity, a naive date
and an unknown currency names three paths in one error.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Any, Final, TypeVar, dataclass_transform

import attrs

from orderflow.errors import InvalidInput, Violation
from orderflow.values.record import record

#: How a field is marked that holds data about a person, so that a store can erase it without breaking replay.
PERSONAL: Final = {"personal": True}

__all__ = ["PERSONAL", "as_flag", "checked", "evolved", "optional", "personal_fields", "tuple_of", "value"]

T = TypeVar("T")
V = TypeVar("V")
C = TypeVar("C", bound=type)


_NOT_LISTS = (str, bytes, bytearray, dict, set, frozenset)
"""What can be iterated over, but has no order or is one thing: taking its items in turn would hide a mistake."""

_TAKES_ANYTHING = Signature([Parameter("raw", Parameter.POSITIONAL_OR_KEYWORD, annotation=Any)], return_annotation=Any)
"""How every field's converter is called: attrs asks for it some five hundred times while the library is imported."""


class _Invalid:
    """The violations of one field, until its class raises them."""

    __slots__ = ("violations",)

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        self.violations = violations


def checked(convert: Callable[[Any], Any], *, default: Any = attrs.NOTHING, personal: bool = False) -> Any:
    """A field whose input runs through ``convert``; ``personal`` marks it as erasable data about a person."""

    def gathering(raw: Any) -> Any:
        try:
            return convert(raw)
        except InvalidInput as invalid:
            return _Invalid(invalid.violations)

    gathering.__signature__ = _TAKES_ANYTHING  # type: ignore[attr-defined]
    return attrs.field(default=default, converter=gathering, metadata={"personal": personal})


def as_flag(raw: Any) -> bool:
    """True or False, and nothing that merely looks like it (``shape.not_a_flag``)."""
    if not isinstance(raw, bool):
        raise InvalidInput.because("shape.not_a_flag", f"must be True or False, not {type(raw).__name__}")
    return raw


def optional(convert: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """``convert``, but ``None`` stays ``None``."""

    def converting(raw: Any) -> T | None:
        return None if raw is None else convert(raw)

    return converting


def tuple_of(convert: Callable[[Any], T], *, at_least: int = 0) -> Callable[[Any], tuple[T, ...]]:
    """``convert`` over every item, with the problems of all items gathered under their index."""

    def converting(raw: Any) -> tuple[T, ...]:
        if isinstance(raw, _NOT_LISTS) or not hasattr(raw, "__iter__"):
            raise InvalidInput.because("shape.not_a_list", f"must be a list, not {type(raw).__name__}")
        items: list[T] = []
        found: list[Violation] = []
        for index, item in enumerate(raw):
            try:
                items.append(convert(item))
            except InvalidInput as invalid:
                found.extend(violation.under(f"[{index}]") for violation in invalid.violations)
        if not found and len(items) < at_least:
            found.append(Violation("shape.too_few", f"needs at least {at_least}"))
        if found:
            raise InvalidInput(found)
        return tuple(items)

    return converting


def _raise_gathered(self: Any) -> None:
    """Raise what the fields of this value could not accept, all at once."""
    found: list[Violation] = []
    for name in type(self)._checked_names:
        held = getattr(self, name)
        if held.__class__ is _Invalid:
            found.extend(violation.under(name) for violation in held.violations)
    if found:
        raise InvalidInput(found)
    check = getattr(type(self), "_check", None)
    if check is not None:
        check(self)


@dataclass_transform(frozen_default=True, field_specifiers=(attrs.field, checked))
def value(cls: C) -> C:
    """A frozen class whose fields check themselves and tell every problem at once.

    A method ``_check(self)`` is called when every field is good; it may raise `InvalidInput` for what only all fields
    together can tell.
    """
    cls.__attrs_post_init__ = _raise_gathered  # type: ignore[attr-defined]
    made = record(cls)
    names = tuple(a.name for a in attrs.fields(made) if a.converter is not None)
    made._checked_names = names  # type: ignore[attr-defined]
    return made


def evolved(held: V, /, **changes: Any) -> V:
    """A copy of a value with some fields changed, and checked again as a whole."""
    made: V = attrs.evolve(held, **changes)  # type: ignore[misc]
    return made


def personal_fields(cls: type) -> frozenset[str]:
    """The fields of a value class that hold data about a person, by name; those inside nested values not counted."""
    return frozenset(field.name for field in attrs.fields(cls) if field.metadata.get("personal"))
