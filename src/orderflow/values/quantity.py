"""Quantities: how much of something is ordered, picked or shipped.

A quantity is an exact number above zero and the unit it is counted in. Units are open short texts; none is converted.
Whoever exchanges documents with others does well to use the codes of UN/ECE Recommendation 20 (``C62`` one, ``KGM``
kilogram, ``MTR`` metre); ``each`` is the default for those who count pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orderflow.errors import InvalidInput, Problems
from orderflow.values.checked import checked, value
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_line
from orderflow.values.numbers import as_positive, plain

__all__ = ["Quantity", "as_amount", "as_quantity", "as_unit", "by_line", "plain"]

_LONGEST_UNIT = 20
_as_line = as_line(1000)


def as_amount(raw: Any) -> Decimal:
    """How many or how much: an exact number above zero (``quantity.not_positive``)."""
    return as_positive(raw)


def as_unit(raw: Any) -> str:
    """What is counted in: a short text such as ``each``, ``kg`` or ``KGM`` (``unit.empty``, ``unit.too_long``)."""
    unit = _as_line(raw)
    if not unit.strip():
        raise InvalidInput.because("unit.empty", "must name a unit")
    if len(unit) > _LONGEST_UNIT:
        raise InvalidInput.because("unit.too_long", f"must be at most {_LONGEST_UNIT} characters, not {len(unit)}")
    return unit


@value
class Quantity:
    """So much of something: an exact amount above zero, in a unit.

    >>> str(Quantity("4.250", "kg"))
    '4.25 kg'
    """

    amount: Decimal = checked(as_amount)
    unit: str = checked(as_unit, default="each")

    if TYPE_CHECKING:

        def __init__(self, amount: Decimal | int | str, unit: str = "each") -> None: ...

    def __str__(self) -> str:
        return f"{plain(self.amount)} {self.unit}"


def as_quantity(raw: Any) -> Quantity:
    """A quantity, from itself, from a number (then in ``each``), or from a pair of amount and unit."""
    if isinstance(raw, Quantity):
        return raw
    if isinstance(raw, (tuple, list)):
        if len(raw) != 2:
            raise InvalidInput.because("quantity.not_a_pair", f"must be (amount, unit), not {len(raw)} items")
        return Quantity(raw[0], raw[1])
    return Quantity(as_amount(raw))


def by_line(raw: Mapping[Any, Any], check: Callable[[Any], Decimal]) -> FrozenMap[str, Decimal]:
    """Quantities by line id, each checked; every problem is told with the line that it is about."""
    if not isinstance(raw, Mapping):
        raise InvalidInput.because("shape.not_a_map", f"must be quantities by line, not {type(raw).__name__}")
    problems = Problems()
    found: dict[str, Decimal] = {}
    for line_id, quantity in raw.items():
        with problems.at(f"[{line_id}]"):
            found[as_id(line_id)] = check(quantity)
    problems.raise_any()
    return FrozenMap(found)
