"""Exact numbers: the arithmetic of goods and money.

Only `decimal.Decimal`, `int` and `str` are numbers here. A float is refused: 0.1 + 0.2 is not 0.3 on its invoices.

The operators of `Decimal` (``+``, ``-``, ``*``, ``abs``) obey a *global* context that belongs to the host: with a
precision of five digits set there, ``a + b`` rounds silently. So no number in orderflow is ever added with an operator.
It goes through `add`, `sub`, `mul` and their like, which use the private context `EXACT`: sixty digits, and an error
instead of any rounding. Comparing and hashing decimals is exact whatever the context is, and so are allowed.

What comes from outside has at most 28 significant digits and an exponent of -15 to 20. What is computed may have up to
60 digits; it is meant to be rounded before it is written down.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Iterable
from decimal import Decimal
from enum import Enum
from typing import Any, Final, TypeVar

from orderflow.errors import InvalidInput

__all__ = [
    "EXACT",
    "ONE",
    "ZERO",
    "Rounding",
    "add",
    "as_decimal",
    "as_not_negative",
    "as_positive",
    "mul",
    "neg",
    "plain",
    "ratio_cut",
    "ratio_rounded",
    "round_to",
    "sub",
    "total",
    "total_by",
]

K = TypeVar("K")

EXACT: Final = decimal.Context(
    prec=60,
    rounding=decimal.ROUND_HALF_EVEN,
    Emin=-9999,
    Emax=9999,
    capitals=1,
    clamp=0,
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow, decimal.Underflow, decimal.Inexact],
)
"""The private context of all arithmetic: exact, or an error. Call its methods; never install it globally."""

_ROUND = EXACT.copy()
_ROUND.traps[decimal.Inexact] = False
_ROUND.traps[decimal.Underflow] = False

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)

_MOST_DIGITS = 28
_LEAST_EXPONENT, _MOST_EXPONENT = -15, 20
_INT_LIMIT = 10**_MOST_DIGITS
_LONGEST_STRING = 60
_WRITTEN = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?(E[+-]?[0-9]{1,3})?", re.ASCII)


class Rounding(Enum):
    """How an unrounded amount becomes one that can be paid."""

    HALF_UP = "half_up"
    """Five goes away from zero: the shopkeeper's rule, and what most tax authorities mean."""
    HALF_EVEN = "half_even"
    """Five goes to the even neighbour: the banker's rule, without bias over many amounts."""
    DOWN = "down"
    """Towards zero: what is over the smallest unit is dropped."""


_MODES = {
    Rounding.HALF_UP: decimal.ROUND_HALF_UP,
    Rounding.HALF_EVEN: decimal.ROUND_HALF_EVEN,
    Rounding.DOWN: decimal.ROUND_DOWN,
}


def as_decimal(raw: Any) -> Decimal:
    """An exact number, from a Decimal, an int or a plainly written str.

    A str is written as ``12``, ``-0.50`` or, as `Decimal` itself writes very small and very large numbers, ``1E-7``:
    no blanks, no underscores, no separators of thousands, no digits of other scripts.

    Raises:
        InvalidInput: ``number.float``, ``number.not_a_number``, ``number.not_finite`` or ``number.too_precise``.
    """
    kind = raw.__class__
    if kind is Decimal:
        return _within_bounds(raw)
    if kind is int:
        return _from_int(raw)
    if isinstance(raw, str):
        return _from_str(raw)
    if isinstance(raw, float):
        raise InvalidInput.because("number.float", "must be a Decimal, int or str; a float is not exact")
    if isinstance(raw, Decimal):
        return _within_bounds(Decimal(raw))
    if isinstance(raw, int) and not isinstance(raw, bool):
        return _from_int(int(raw))
    raise InvalidInput.because("number.not_a_number", f"must be a Decimal, int or str, not {type(raw).__name__}")


def as_positive(raw: Any) -> Decimal:
    """An exact number above zero (``quantity.not_positive``)."""
    number = as_decimal(raw)
    if number <= ZERO:
        raise InvalidInput.because("quantity.not_positive", "must be more than zero")
    return number


def as_not_negative(raw: Any) -> Decimal:
    """An exact number that is zero or more (``number.negative``)."""
    number = as_decimal(raw)
    if number < ZERO:
        raise InvalidInput.because("number.negative", "must not be negative")
    return number


def add(left: Decimal, right: Decimal) -> Decimal:
    """The exact sum, whatever the host's decimal context is."""
    try:
        return EXACT.add(left, right)
    except decimal.DecimalException as lost:
        raise _too_precise() from lost


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum of any number of them; nothing where there are none."""
    found = ZERO
    for amount in amounts:
        found = add(found, amount)
    return found


def total_by(amounts: Iterable[tuple[K, Decimal]]) -> dict[K, Decimal]:
    """The exact sum for each key: of units by line, by place, by whatever they are counted.

    >>> total_by([("L1", Decimal(2)), ("L2", Decimal(1)), ("L1", Decimal(3))])
    {'L1': Decimal('5'), 'L2': Decimal('1')}
    """
    found: dict[K, Decimal] = {}
    for key, amount in amounts:
        found[key] = EXACT.add(found.get(key, ZERO), amount)
    return found


def sub(left: Decimal, right: Decimal) -> Decimal:
    """The exact difference, whatever the host's decimal context is."""
    try:
        return EXACT.subtract(left, right)
    except decimal.DecimalException as lost:
        raise _too_precise() from lost


def mul(left: Decimal, right: Decimal) -> Decimal:
    """The exact product, whatever the host's decimal context is."""
    try:
        return EXACT.multiply(left, right)
    except decimal.DecimalException as lost:
        raise _too_precise() from lost


def neg(number: Decimal) -> Decimal:
    """The number with the other sign; zero stays zero, without a sign."""
    try:
        return EXACT.minus(number)
    except decimal.DecimalException as lost:
        raise _too_precise() from lost


def round_to(number: Decimal, digits: int, rule: Rounding = Rounding.HALF_UP) -> Decimal:
    """``number`` with exactly ``digits`` places after the point.

    >>> round_to(Decimal("2.345"), 2), round_to(Decimal("2.345"), 2, Rounding.HALF_EVEN)
    (Decimal('2.35'), Decimal('2.34'))
    """
    try:
        made = number.quantize(_unit(digits), rounding=_MODES[rule], context=_ROUND)
    except decimal.DecimalException as lost:
        raise _too_precise() from lost
    return made if made else made.copy_abs()


def ratio_rounded(numerator: Decimal, denominator: Decimal, digits: int, rule: Rounding = Rounding.HALF_UP) -> Decimal:
    """``numerator / denominator`` rounded once, from the true quotient and not from one that was cut before.

    >>> ratio_rounded(Decimal("100"), Decimal("3"), 2)
    Decimal('33.33')
    """
    above, below = numerator.as_integer_ratio()
    times, under = denominator.as_integer_ratio()
    top, bottom = above * under * 10**digits, below * times
    if not bottom:
        raise InvalidInput.because("number.division_by_zero", "must not be divided by zero")
    whole, rest = divmod(abs(top), abs(bottom))
    if _goes_up(whole, rest, abs(bottom), rule):
        whole += 1
    signed = -whole if (top < 0) != (bottom < 0) else whole
    return EXACT.scaleb(Decimal(signed), -digits)


def ratio_cut(numerator: Decimal, denominator: Decimal, places: int = 12) -> Decimal:
    """``numerator / denominator`` with as many places as it needs, cut after a dozen where it does not end.

    >>> ratio_cut(Decimal("12.0"), Decimal(8)), ratio_cut(Decimal(1), Decimal(3))
    (Decimal('1.5'), Decimal('0.333333333333'))
    """
    made = EXACT.normalize(ratio_rounded(numerator, denominator, places, Rounding.HALF_EVEN))
    return round_to(made, 0) if made == made.to_integral_value() else made


def plain(number: Decimal) -> str:
    """A number as people write it: without an exponent and without zeros that say nothing.

    >>> plain(Decimal("2.000")), plain(Decimal("4.250")), plain(Decimal("1E+3"))
    ('2', '4.25', '1000')
    """
    written = format(number, "f")
    if "." in written:
        written = written.rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def _goes_up(whole: int, rest: int, bottom: int, rule: Rounding) -> bool:
    """Whether ``whole + rest/bottom`` rounds away from zero."""
    if rule is Rounding.DOWN:
        return False
    if rule is Rounding.HALF_UP:
        return 2 * rest >= bottom
    return 2 * rest > bottom or (2 * rest == bottom and whole % 2 == 1)


_UNITS = {digits: Decimal((0, (1,), -digits)) for digits in range(-_LEAST_EXPONENT + 1)}


def _unit(digits: int) -> Decimal:
    unit = _UNITS.get(digits)
    if unit is None:
        raise InvalidInput.because("number.digits", f"must round to 0 to {-_LEAST_EXPONENT} places, not {digits!r}")
    return unit


def _from_int(raw: int) -> Decimal:
    if -_INT_LIMIT < raw < _INT_LIMIT:
        return Decimal(raw)
    raise _too_precise()


def _from_str(raw: str) -> Decimal:
    if raw.lstrip("+-").lower() in {"nan", "snan", "inf", "infinity"}:
        raise InvalidInput.because("number.not_finite", "must be a finite number")
    if _WRITTEN.fullmatch(raw) is None:
        raise InvalidInput.because("number.not_a_number", f"must be a plainly written number, not {raw[:40]!r}")
    if len(raw) > _LONGEST_STRING:
        raise _too_precise()
    return _within_bounds(Decimal(raw))


def _within_bounds(number: Decimal) -> Decimal:
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        raise InvalidInput.because("number.not_finite", "must be a finite number")
    if len(digits) > _MOST_DIGITS or not _LEAST_EXPONENT <= exponent <= _MOST_EXPONENT:
        raise _too_precise()
    return number.copy_abs() if sign and not number else number


def _too_precise() -> InvalidInput:
    return InvalidInput.because(
        "number.too_precise",
        f"must have at most {_MOST_DIGITS} digits, with an exponent of {_LEAST_EXPONENT} to {_MOST_EXPONENT}",
    )
