"""What units cost, and what is owed back for them, to the cent.

Each quote adds a frozen *tranche* to a line: a quantity with its agreed components (net, discount, shipping, tax,
charges), unrounded. *Charges* round, by an explicit rule; nothing else does. A charge or credit for part of a tranche
is a difference of one cumulative function,

    F(x) = round(T * x / Q)        credit for q more units after r  =  F(r + q) - F(r)

so that any sequence of partial credits of a tranche adds up to exactly what the tranche was charged, and never to more.
An amendment prices only what it adds; a reduction takes the newest tranche with free units first.

F goes on beyond Q. Units that came beyond the order and are charged cost what the newest tranche costs: all of it is
F(Q + surplus), from which credits are taken as before. And where goods are priced by what they measure, F is taken of
the measure: T is for the measure M that the quote estimated, and once goods were despatched, what was read off them
takes the place of their part of the estimate.

Where prices are shown with tax, the sum that was shown is what must be paid: it rounds, its tax rounds, and the net
amount is what is left of it. Everywhere else each component rounds by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

import attrs

from orderflow.values.checked import checked, evolved, value
from orderflow.values.ids import as_text
from orderflow.values.money import Money, zero
from orderflow.values.numbers import EXACT, Rounding, as_not_negative, ratio_cut, ratio_rounded, round_to
from orderflow.values.record import record

__all__ = [
    "COMPONENTS",
    "Adjustment",
    "Amounts",
    "RoundingRule",
    "TaxGroup",
    "Tranche",
    "charged",
    "credited",
    "given_back",
    "measured_back",
    "measured_out",
    "rounded_fraction",
    "rounded_shares",
    "taken_again",
]

#: The parts of a price, as fields of `Amounts`. Discounts are negative.
COMPONENTS = ("net", "discount", "shipping", "tax", "charges")

_ZERO = Decimal(0)


@record
class RoundingRule:
    """How charges round: the rule, and whether each line rounds or only the document.

    ``tax_per`` says for what tax is computed: for each line, or for all that is taxed alike; left out, as the rest.
    """

    rounding: Rounding = Rounding.HALF_UP
    per: Literal["line", "document"] = "line"
    tax_per: Literal["line", "group"] | None = None


@value
class TaxGroup:
    """Goods that are taxed alike: the rate, its code (``standard``, ``reduced``, ``zero``), and where it is owed."""

    code: str = checked(as_text(100))
    rate: Decimal = checked(as_not_negative)
    jurisdiction: str = checked(as_text(100), default="")

    if TYPE_CHECKING:

        def __init__(self, code: str, rate: Decimal | int | str, jurisdiction: str = "") -> None: ...


@record
class Adjustment:
    """A discount (negative), charge or shipping cost by its name, as a document shows it; before tax.

    ``of_order`` is a line's share of what was agreed for the order as a whole.
    """

    kind: Literal["discount", "charge", "shipping"]
    code: str
    description: str
    amount: Money
    of_order: bool = False


@record
class Amounts:
    """The components of a price: goods before tax, discount (negative), shipping share, tax, other charges."""

    net: Money
    discount: Money
    shipping: Money
    tax: Money
    charges: Money = attrs.field(default=attrs.Factory(lambda self: zero(self.net.currency), takes_self=True))

    @classmethod
    def none(cls, currency: str) -> Amounts:
        """Nothing of anything."""
        nothing = zero(currency)
        return cls(nothing, nothing, nothing, nothing, nothing)

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.net + other.net,
            self.discount + other.discount,
            self.shipping + other.shipping,
            self.tax + other.tax,
            self.charges + other.charges,
        )

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.net - other.net,
            self.discount - other.discount,
            self.shipping - other.shipping,
            self.tax - other.tax,
            self.charges - other.charges,
        )

    @property
    def total(self) -> Money:
        """What is to be paid."""
        return self.net + self.discount + self.shipping + self.tax + self.charges

    @property
    def before_tax(self) -> Money:
        """What tax is owed on."""
        return self.net + self.discount + self.shipping + self.charges

    def rounded(self, rounding: Rounding) -> Amounts:
        """Each component rounded to the digits of its currency."""
        return Amounts(*(getattr(self, name).rounded(rounding) for name in COMPONENTS))


@record
class Tranche:
    """The frozen price of some units of a line, as one quote agreed it.

    ``unit_price`` is for ``base_quantity`` units ("4.60 per 100"); ``amounts`` are the unrounded components for the
    whole ``quantity``, taxes and shares of order-level amounts included, and ``adjustments`` name what discount,
    charges and shipping consist of. ``tax_included`` says that prices are shown with tax. ``measure`` is what the
    quantity was estimated to measure, where that is what is priced.

    What became of it: ``surplus`` units that came beyond the order are charged at this price as well, and of all its
    units ``measured_units`` were found to measure ``measured`` when they left. Of these, some may have been given back,
    with what they measured.
    """

    line_id: str
    quantity: Decimal
    unit_price: Money
    amounts: Amounts
    base_quantity: Decimal = Decimal(1)
    adjustments: tuple[Adjustment, ...] = ()
    tax_group: TaxGroup | None = None
    tax_included: bool = False
    measure: Decimal | None = None
    surplus: Decimal = _ZERO
    measured_units: Decimal = _ZERO
    measured: Decimal = _ZERO
    measured_units_back: Decimal = _ZERO
    measured_back: Decimal = _ZERO

    @property
    def units(self) -> Decimal:
        """The units that are charged at this price: those it was agreed for, and those that came beyond the order."""
        return EXACT.add(self.quantity, self.surplus) if self.surplus else self.quantity

    @property
    def is_as_agreed(self) -> bool:
        """Whether its amounts are charged as they are: as many units as agreed, none measured, tax added to it."""
        return not (self.surplus or self.measured_units or self.tax_included)

    def share(self, units: Decimal, measure: Decimal = _ZERO) -> Fraction:
        """The part of the agreed amounts that so many units are worth, and goods that were measured."""
        part = Fraction(units) / Fraction(self.quantity)
        return part + Fraction(measure) / Fraction(self.measure) if measure and self.measure else part

    @property
    def whole(self) -> Fraction:
        """All that it charges, as a part of the agreed amounts: goods that were measured by that, others by number."""
        return self.share(EXACT.subtract(self.units, self.measured_units), self.measured)

    def share_back(self, units: Decimal) -> Fraction:
        """The part of the agreed amounts that is owed back for so many units; measured ones count by their measure."""
        return self.share(EXACT.subtract(units, self.measured_units_back), self.measured_back)

    def unmeasured(self, back: Decimal) -> Decimal:
        """Units that were neither measured nor given back, of which ``back`` were."""
        if not self.measured_units:
            return EXACT.subtract(self.units, back)
        still_there = EXACT.subtract(self.measured_units, self.measured_units_back)
        return EXACT.subtract(EXACT.subtract(self.units, back), still_there)

    def upto(self, units: Decimal, rounding: Rounding) -> Amounts:
        """F: the charge for the first ``units`` of this tranche, rounded.

        >>> ten = Money("10.00", "EUR")
        >>> none = zero("EUR")
        >>> three = Tranche("L1", Decimal(3), ten, Amounts(ten, none, none, none))
        >>> [str(three.upto(Decimal(n), Rounding.HALF_UP).net) for n in range(5)]
        ['0.00 EUR', '3.33 EUR', '6.67 EUR', '10.00 EUR', '13.33 EUR']
        """
        return rounded_shares([(self, self.share(units))], RoundingRule(rounding), self.unit_price.currency)


def charged(tranches: Iterable[Tranche], rule: RoundingRule, currency: str) -> Amounts:
    """What the document charges for all units of these tranches, rounded by ``rule``."""
    tranches = tuple(tranches)
    if rule.tax_per is not None or not all(map(_is_as_agreed, tranches)):
        return rounded_shares([(tranche, tranche.whole) for tranche in tranches], rule, currency)
    digits, per_line = zero(currency).digits, rule.per == "line"
    totals = dict.fromkeys(COMPONENTS, _ZERO)
    for tranche in tranches:
        for name in COMPONENTS:
            money: Money = getattr(tranche.amounts, name)
            part = round_to(money.amount, digits, rule.rounding) if per_line else money.amount
            totals[name] = EXACT.add(totals[name], part)
    return Amounts(*(Money(total, currency).rounded(rule.rounding) for total in totals.values()))


_is_as_agreed = attrgetter("is_as_agreed")


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
        taken = min(left, tranches[index].unmeasured(back[index]))
        back[index] = EXACT.add(back[index], taken)
        left = EXACT.subtract(left, taken)
    return tuple(back)


def taken_again(before: Sequence[Decimal], units: Decimal) -> tuple[Decimal, ...]:
    """How many units of each tranche are given back, after ``units`` of them are wanted again after all.

    The units that were given back last are wanted again first: those of the oldest tranche.

    >>> taken_again([Decimal(2), Decimal(2)], Decimal(3))
    (Decimal('0'), Decimal('1'))
    """
    back, left = list(before), units
    for index, given in enumerate(back):
        taken = min(left, given)
        back[index] = EXACT.subtract(given, taken)
        left = EXACT.subtract(left, taken)
    return tuple(back)


def measured_out(
    tranches: Sequence[Tranche], back: Sequence[Decimal], units: Decimal, measure: Decimal
) -> tuple[Tranche, ...]:
    """The tranches of a line after ``units`` left that measure so much: the oldest that are charged leave first.

    Units that span two tranches are measured in proportion.

    >>> none = Amounts.none("EUR")
    >>> old, new = (Tranche("L1", Decimal(n), zero("EUR"), none, measure=Decimal(n)) for n in (3, 2))
    >>> [str(one.measured) for one in measured_out([old, new], [], Decimal(4), Decimal("4.4"))]
    ['3.3', '1.1']
    """
    made, units_left, measure_left = list(tranches), units, measure
    for index, tranche in enumerate(tranches):
        taken = min(units_left, tranche.unmeasured(back[index] if index < len(back) else _ZERO))
        if taken <= 0:
            continue
        part = ratio_cut(EXACT.multiply(measure_left, taken), units_left)
        units_left, measure_left = EXACT.subtract(units_left, taken), EXACT.subtract(measure_left, part)
        if tranche.measure is not None:
            made[index] = evolved(
                tranche,
                measured_units=EXACT.add(tranche.measured_units, taken),
                measured=EXACT.add(tranche.measured, part),
            )
    return tuple(made)


def measured_back(
    tranches: Sequence[Tranche], before: Sequence[Decimal], units: Decimal, measure: Decimal
) -> tuple[tuple[Tranche, ...], tuple[Decimal, ...]]:
    """The tranches of a line, and how many units of each are given back, after measured goods are given back.

    The newest tranche with measured units first; who gives back all that was measured is owed all that it measured.
    """
    made, back = list(tranches), [*before, *[_ZERO] * (len(tranches) - len(before))]
    units_left, measure_left = units, measure
    for index in reversed(range(len(made))):
        tranche = made[index]
        there = EXACT.subtract(tranche.measured_units, tranche.measured_units_back)
        taken, rest = min(units_left, there), EXACT.subtract(tranche.measured, tranche.measured_back)
        if taken <= 0:
            continue
        part = rest if taken == there else min(rest, ratio_cut(EXACT.multiply(measure_left, taken), units_left))
        units_left, measure_left = EXACT.subtract(units_left, taken), max(_ZERO, EXACT.subtract(measure_left, part))
        back[index] = EXACT.add(back[index], taken)
        made[index] = evolved(
            tranche,
            measured_units_back=EXACT.add(tranche.measured_units_back, taken),
            measured_back=EXACT.add(tranche.measured_back, part),
        )
    return tuple(made), tuple(back)


def credited(
    given: Iterable[tuple[Sequence[Tranche], Sequence[Decimal]]], rule: RoundingRule, currency: str
) -> Amounts:
    """What is owed back for units given back of each tranche, line by line, by whatever steps they were given back.

    The credit for one step is the difference of two calls. When everything was given back, it is what was charged: the
    shares round in the same company (of a line, a tax group, the document) as the charge did.
    """
    pairs = ((tranche, units) for tranches, back in given for tranche, units in zip(tranches, back, strict=False))
    return rounded_shares([(tranche, tranche.share_back(units)) for tranche, units in pairs if units], rule, currency)


def rounded_shares(shares: Sequence[tuple[Tranche, Fraction]], rule: RoundingRule, currency: str) -> Amounts:
    """Shares of tranches, exact, summed with those that they round together with, and rounded once."""
    digits, exact = zero(currency).digits, _sums(shares, rule)
    totals = dict.fromkeys(COMPONENTS, _ZERO)
    for (name, shown_with_tax, _), amount in exact.items():
        part = rounded_fraction(amount, digits, rule.rounding)
        totals[name] = EXACT.add(totals[name], part)
        if shown_with_tax and name != "net":
            totals["net"] = EXACT.subtract(totals["net"], part)
    return Amounts(*(Money(total, currency) for total in totals.values()))


def _sums(shares: Sequence[tuple[Tranche, Fraction]], rule: RoundingRule) -> dict[tuple[str, bool, object], Fraction]:
    """What rounds together, by component; where prices are shown with tax, the whole stands for the net amount."""
    sums: dict[tuple[str, bool, object], Fraction] = defaultdict(Fraction)
    for number, (tranche, share) in enumerate(shares):
        with_tax, amounts = tranche.tax_included, tranche.amounts
        company = number if rule.per == "line" else None
        taxed_with = company if rule.tax_per is None else number if rule.tax_per == "line" else tranche.tax_group
        for name in COMPONENTS:
            money: Money = amounts.total if with_tax and name == "net" else getattr(amounts, name)
            if money.amount:
                together = taxed_with if name == "tax" else company
                sums[name, with_tax, together] += Fraction(money.amount) * share
    return sums


def rounded_fraction(exact: Fraction, digits: int, rounding: Rounding) -> Decimal:
    """An exact amount, rounded once."""
    return ratio_rounded(Decimal(exact.numerator), Decimal(exact.denominator), digits, rounding)
