"""A price agreed by hand, for units that have not left.

What has left keeps the price at which it left. The other units of the line are taken out of the tranches that priced
them, the newest first, and make a tranche of their own: at the price agreed, with the tax rate of the line, and with
their share of shipping, charges and discounts that were agreed for the order as a whole. Discounts on the line itself
are part of the price that is replaced.

A kit has its price for whole kits: as many as the units of its components make up that could have another price. It is
shared out over these as a quote is; units that make up no whole kit keep theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from orderflow.charges import Adjustment, Amounts, Tranche, given_back
from orderflow.kits import component_tranches
from orderflow.ledger import GIVEN_UP, HERE, kind_of
from orderflow.order import Order
from orderflow.stages.amending import PriceOverridden, PriceOverride
from orderflow.totals import COMPONENT_OF, tax_rate_of
from orderflow.values.checked import evolved
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.money import Money, zero
from orderflow.values.numbers import EXACT, ZERO, ratio_cut, total

__all__ = ["can_be_repriced", "overridden"]


def overridden(
    order: Order, prices: Mapping[str, PriceOverride], reason: str, at: datetime, most: Decimal | None = None
) -> PriceOverridden | None:
    """Prices agreed by hand for what has not left of lines and kits, of each for so many at the most, if any."""
    tranches, kits, taken = list[Tranche](), list[Tranche](), dict[str, Decimal]()
    for row_id, said in prices.items():
        here = can_be_repriced(order, row_id)
        units = here if most is None else min(here, most)
        if not units or _is_agreed(order, row_id, units, said):
            continue
        agreed, kit = _by_hand(order, row_id, units, said), order.kits.get(row_id)
        shares = (agreed,) if kit is None else component_tranches(kit, agreed, order.rounding)
        tranches += shares
        kits += (agreed,) if kit is not None else ()
        taken |= {one.line_id: _taken_out(order, one.line_id, one.quantity) for one in shares}
    if not tranches:
        return None
    given_up = FrozenMap({line_id: units for line_id, units in taken.items() if units})
    return PriceOverridden(at, tuple(tranches), given_up, reason, tuple(kits))


def can_be_repriced(order: Order, row_id: str) -> Decimal:
    """Units of a line, or whole kits, that have not left, and are or will be charged."""
    kit = order.kits.get(row_id)
    if kit is not None:
        return kit.complete({line_id: can_be_repriced(order, line_id) for line_id in kit.components})
    line_id = row_id
    if order.lines[line_id].is_free:
        return ZERO
    return min(_here(order, line_id), EXACT.add(_charged_here(order, line_id), order.unpriced(line_id)))


def _is_agreed(order: Order, line_id: str, units: Decimal, said: PriceOverride) -> bool:
    """Whether so many units of a line have that price already, and no discount of their own."""
    if line_id in order.kits or _taken_out(order, line_id, units) < units:
        return False
    wanted = Fraction(said.price.amount) / Fraction(said.per)
    return all(
        wanted == Fraction(tranche.unit_price.amount) / Fraction(tranche.base_quantity)
        and tranche.amounts.discount.amount == total(one.amount.amount for one in _of_order(tranche))
        for tranche, _ in _by_tranche(order, line_id, units)
    )


def _of_order(tranche: Tranche) -> Iterator[Adjustment]:
    """The discounts that were agreed for the order as a whole."""
    return (one for one in tranche.adjustments if one.kind == "discount" and one.of_order)


def _taken_out(order: Order, line_id: str, units: Decimal) -> Decimal:
    """How many of so many units have a price already, and are taken out of the tranches that priced them."""
    return min(units, _charged_here(order, line_id))


def _by_hand(order: Order, row_id: str, units: Decimal, said: PriceOverride) -> Tranche:
    """The tranche of so many units of a line, or of so many kits, at a price agreed by hand."""
    kit = order.kits.get(row_id)
    earlier = order.tranches.get(row_id, ()) if kit is None else kit.prices
    like = earlier[-1] if earlier else None
    rate, measure = _rate(like, said), _measure(order, like, row_id, units) if kit is None else None
    shown = _cut(Fraction(said.price.amount) * Fraction(units if measure is None else measure) / Fraction(said.per))
    lines = {row_id: units} if kit is None else kit.holds(units)
    kept = tuple(_kept(order, {line_id: _taken_out(order, line_id, some) for line_id, some in lines.items()}))
    with_tax = like.tax_included if like is not None else said.tax_included
    return Tranche(
        row_id,
        units,
        said.price,
        _amounts(shown, kept, rate, with_tax, order.currency),
        said.per,
        kept,
        like.tax_group if like is not None else said.tax_group,
        with_tax,
        measure,
    )


def _here(order: Order, line_id: str) -> Decimal:
    return total(units for account, units in order.ledger.accounts(line_id) if kind_of(account) in HERE)


def _charged_here(order: Order, line_id: str) -> Decimal:
    """Units of a line that have a price and have not left: what leaves is charged by the oldest tranches first."""
    charged = total(one.units for one in order.tranches.get(line_id, ()))
    charged = EXACT.subtract(charged, total(order.given_back.get(line_id, ())))
    kinds = ((kind_of(account), units) for account, units in order.ledger.accounts(line_id))
    gone = total(units for kind, units in kinds if kind not in HERE and kind not in GIVEN_UP)
    for free in (order.refunded.get(line_id, ZERO), order.unbilled.get(line_id, ZERO)):
        gone = EXACT.subtract(gone, min(gone, free))
    return max(ZERO, EXACT.subtract(charged, gone))


def _rate(like: Tranche | None, said: PriceOverride) -> Fraction:
    if like is not None:
        return tax_rate_of(like)
    return Fraction(said.tax_group.rate) if said.tax_group is not None else Fraction(0)


def _measure(order: Order, like: Tranche | None, line_id: str, units: Decimal) -> Decimal | None:
    """What units that are priced by measure are expected to measure: as those before them, or as the customer said."""
    if like is not None and like.measure is not None:
        return ratio_cut(EXACT.multiply(like.measure, units), like.quantity)
    return order.lines[line_id].estimate(units) if like is None else None


def _kept(order: Order, units: Mapping[str, Decimal]) -> Iterator[Adjustment]:
    """The shares of shipping, charges and of the order's discounts that go with units taken out of their tranches."""
    sums: dict[tuple[str, str, str, bool], Decimal] = {}
    for tranche, taken in (pair for line_id, some in units.items() for pair in _by_tranche(order, line_id, some)):
        for one in _beside_the_price(tranche, order.currency):
            key = one.kind, one.code, one.description, one.of_order
            part = ratio_cut(EXACT.multiply(one.amount.amount, taken), tranche.quantity)
            sums[key] = EXACT.add(sums.get(key, ZERO), part)
    for (kind, code, description, of_order), amount in sums.items():
        if amount:
            yield Adjustment(kind, code, description, Money(amount, order.currency), of_order)  # type: ignore[arg-type]


def _by_tranche(order: Order, line_id: str, units: Decimal) -> Iterator[tuple[Tranche, Decimal]]:
    """Which tranches units are taken out of, and how many of each."""
    tranches, before = order.tranches.get(line_id, ()), order.given_back.get(line_id, ())
    after = given_back(tranches, before, units)
    for index, tranche in enumerate(tranches):
        taken = EXACT.subtract(after[index], before[index] if index < len(before) else ZERO)
        if taken:
            yield tranche, taken


def _beside_the_price(tranche: Tranche, currency: str) -> Iterator[Adjustment]:
    """What a tranche charges beside the price of its goods, by name; what has no name comes last of its kind."""
    for kind, component in COMPONENT_OF.items():
        named = [one for one in tranche.adjustments if one.kind == kind]
        yield from (one for one in named if kind != "discount" or one.of_order)
        whole: Money = getattr(tranche.amounts, component)
        rest = EXACT.subtract(whole.amount, total(one.amount.amount for one in named))
        if kind != "discount" and rest:
            yield Adjustment(kind, "", "", Money(rest, currency))  # type: ignore[arg-type]


def _amounts(shown: Decimal, kept: Iterable[Adjustment], rate: Fraction, with_tax: bool, currency: str) -> Amounts:
    """The components of a price as it is shown, with what is charged beside it."""
    net = _cut(Fraction(shown) / (1 + rate)) if with_tax else shown
    amounts = evolved(Amounts.none(currency), net=Money(net, currency))
    for one in kept:
        component = COMPONENT_OF[one.kind]
        amounts = evolved(amounts, **{component: getattr(amounts, component) + one.amount})
    tax = EXACT.subtract(shown, net) if with_tax else _cut(Fraction(net) * rate)
    beside = amounts.before_tax - Money(net, currency)
    tax = EXACT.add(tax, _cut(Fraction(beside.amount) * rate))
    return evolved(amounts, tax=Money(tax, currency) if tax else zero(currency))


def _cut(exact: Fraction) -> Decimal:
    """An exact amount, cut after a dozen places where it does not end."""
    return ratio_cut(Decimal(exact.numerator), Decimal(exact.denominator))
