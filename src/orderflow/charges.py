"""What units cost, and what is owed back for them, to the cent.

Each quote adds a frozen *tranche* to a line: a quantity with its agreed components (net, tax, discount, shipping),
unrounded. *Charges* round, by an explicit rule; nothing else does. A charge or credit for part of a tranche is a
difference of one cumulative function,

    F(x) = round(T * x / Q)        credit for q more units after r  =  F(r + q) - F(r)

so that any sequence of partial credits of a tranche adds up to exactly what the tranche was charged, and never to more.
An amendment prices only what it adds; a reduction takes the newest tranche with free units first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from orderflow.values.money import Money, zero
from orderflow.values.numbers import EXACT, Rounding, ratio_rounded, round_to
from orderflow.values.record import record

__all__ = ["COMPONENTS", "Amounts", "RoundingRule", "Tranche", "charged", "credited", "given_back"]

#: The parts of a price, in the order in which documents show them. Discounts are negative.
COMPONENTS = ("net", "discount", "shipping", "tax")

_ZERO = Decimal(0)


@record
class RoundingRule:
    """How charges round: the rule, and whether each line rounds or only the document."""

    rounding: Rounding = Rounding.HALF_UP
    per: Literal["line", "document"] = "line"


@record
class Amounts:
    """The components of a price: goods before tax, discount (negative), shipping share, tax."""

    net: Money
    discount: Money
    shipping: Money
    tax: Money

    @classmethod
    def none(cls, currency: str) -> Amounts:
        """Nothing of anything."""
        nothing = zero(currency)
        return cls(nothing, nothing, nothing, nothing)

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.net + other.net,
            self.discount + other.discount,
            self.shipping + other.shipping,
            self.tax + other.tax,
        )

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.net - other.net,
            self.discount - other.discount,
            self.shipping - other.shipping,
            self.tax - other.tax,
        )

    @property
    def total(self) -> Money:
        """What is to be paid."""
        return self.net + self.discount + self.shipping + self.tax

    def rounded(self, rounding: Rounding) -> Amounts:
        """Each component rounded to the digits of its currency."""
        return Amounts(
            self.net.rounded(rounding),
            self.discount.rounded(rounding),
            self.shipping.rounded(rounding),
            self.tax.rounded(rounding),
        )


@record
class Tranche:
    """The frozen price of some units of a line, as one quote agreed it.

    ``unit_price`` is for ``base_quantity`` units ("4.60 per 100"); ``amounts`` are the unrounded components for the
    whole ``quantity``, taxes and shares of order-level amounts included.
    """

    line_id: str
    quantity: Decimal
    unit_price: Money
    amounts: Amounts
    base_quantity: Decimal = Decimal(1)

    def upto(self, units: Decimal, rounding: Rounding) -> Amounts:
        """F: the charge for the first ``units`` of this tranche, each component rounded.

        >>> ten = Money("10.00", "EUR")
        >>> none = zero("EUR")
        >>> three = Tranche("L1", Decimal(3), ten, Amounts(ten, none, none, none))
        >>> [str(three.upto(Decimal(n), Rounding.HALF_UP).net) for n in range(4)]
        ['0.00 EUR', '3.33 EUR', '6.67 EUR', '10.00 EUR']
        """
        return Amounts(*(self._share(getattr(self.amounts, name), units, rounding) for name in COMPONENTS))

    def _share(self, whole: Money, units: Decimal, rounding: Rounding) -> Money:
        part = EXACT.multiply(whole.amount, units)
        return Money(ratio_rounded(part, self.quantity, whole.digits, rounding), whole.currency)


def charged(tranches: Iterable[Tranche], rule: RoundingRule, currency: str) -> Amounts:
    """What the document charges for all units of these tranches, rounded by ``rule``."""
    digits, per_line = zero(currency).digits, rule.per == "line"
    totals = dict.fromkeys(COMPONENTS, _ZERO)
    for tranche in tranches:
        for name in COMPONENTS:
            money: Money = getattr(tranche.amounts, name)
            part = round_to(money.amount, digits, rule.rounding) if per_line else money.amount
            totals[name] = EXACT.add(totals[name], part)
    return Amounts(*(Money(total, currency).rounded(rule.rounding) for total in totals.values()))


def given_back(tranches: Sequence[Tranche], before: Sequence[Decimal], units: Decimal) -> tuple[Decimal, ...]:
    """How many units of each tranche are given back, after ``units`` more: the newest with free units first.

    Which tranche a unit was taken from is settled when it is taken; a tranche that comes later changes nothing about
    it.

    >>> none = Amounts.none("EUR")
    >>> old, new = (Tranche("L1", Decimal(n), zero("EUR"), none) for n in (3, 2))
    >>> given_back([old, new], [], Decimal(4))
    (Decimal('2'), Decimal('2'))
    """
    back = [*before, *[_ZERO] * (len(tranches) - len(before))]
    left = units
    for index in reversed(range(len(tranches))):
        taken = min(left, EXACT.subtract(tranches[index].quantity, back[index]))
        back[index] = EXACT.add(back[index], taken)
        left = EXACT.subtract(left, taken)
    return tuple(back)


def credited(
    given: Iterable[tuple[Sequence[Tranche], Sequence[Decimal]]], rule: RoundingRule, currency: str
) -> Amounts:
    """What is owed back for units given back of each tranche, line by line, by whatever steps they were given back.

    The credit for one step is the difference of two calls. When everything was given back, it is what was charged: with
    ``per="document"`` F is taken over the whole document, as the charge was.
    """
    shares = [(tranche, units) for tranches, back in given for tranche, units in zip(tranches, back, strict=False)]
    if rule.per == "document":
        return Amounts(*(_document_share(name, shares, rule.rounding, currency) for name in COMPONENTS))
    total = Amounts.none(currency)
    for tranche, units in shares:
        if units:
            total = total + tranche.upto(units, rule.rounding)
    return total


def _document_share(name: str, shares: Iterable[tuple[Tranche, Decimal]], rounding: Rounding, currency: str) -> Money:
    """One component of the shares, exact over all tranches and rounded once."""
    exact = Fraction(0)
    for tranche, units in shares:
        exact += Fraction(getattr(tranche.amounts, name).amount) * Fraction(units) / Fraction(tranche.quantity)
    top, bottom = Decimal(exact.numerator), Decimal(exact.denominator)
    return Money(ratio_rounded(top, bottom, zero(currency).digits, rounding), currency)
