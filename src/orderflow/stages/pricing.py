"""Pricing: the price list quotes what is ordered.

From the moment the order is acknowledged, units without a price are asked about, and only these. The price comes as a
quote; each quote adds a frozen tranche per line, so what was quoted once stays as it is, whatever the price list says
tomorrow. Of a quote that comes late, the lines count of which still as many units have no price as were asked about.
A kit is quoted as one, its components never by themselves: they bear their shares of its price.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import chain

import attrs

from orderflow.charges import Adjustment, Amounts, Tranche
from orderflow.kits import component_tranches
from orderflow.messages import Event, event
from orderflow.order import Order
from orderflow.policy import Policy
from orderflow.ports import Quote, QuotedLine, QuoteLine, QuotePrices, Refused, Reply
from orderflow.stages.exceptions import impossible_reply, raised
from orderflow.stages.stage import Stage, Wait, Wanted
from orderflow.totals import COMPONENT_OF, shared_out
from orderflow.values.checked import PERSONAL
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.money import sum_money
from orderflow.values.numbers import EXACT, ZERO

__all__ = ["STAGE", "PriceQuoted", "PriceRefused", "agreed_tranches", "is_sensible_quote", "prices_quoted"]


@event("price_quoted")
class PriceQuoted(Event):
    """These units have these prices from now on, whatever the price list says tomorrow.

    ``kits`` are the prices of kits, as they were quoted; the tranches have them shared out over the components.
    """

    tranches: tuple[Tranche, ...]
    kits: tuple[Tranche, ...] = ()

    def apply(self, order: Order) -> Order:
        """Each line has one tranche more."""
        return order.quoted(self.tranches, self.kits)


@event("price_refused")
class PriceRefused(Event):
    """The price list has no price for what was asked."""

    code: str
    message: str = attrs.field(default="", metadata=PERSONAL)

    def apply(self, order: Order) -> Order:
        """Nothing is priced by this."""
        return order


# -- what is wanted from outside, and what answers mean -------------------------------------------------------------


def _wants(order: Order) -> Iterable[Wanted]:
    lines = tuple(_unpriced_lines(order))
    if lines:
        charged = any(_is_in_force(order, line_id) for line_id in order.tranches)
        yield Wanted(QuotePrices(order.id, "quote", order.currency, order.customer, order.ship_to, lines, charged))


def _is_in_force(order: Order, line_id: str) -> bool:
    """Whether something is charged at the prices of a line that were quoted before."""
    back = order.given_back.get(line_id, ())
    return any(
        index >= len(back) or back[index] < tranche.units for index, tranche in enumerate(order.tranches[line_id])
    )


def _unpriced_lines(order: Order) -> Iterable[QuoteLine]:
    """What is to be priced, once the order is acknowledged."""
    if "acknowledged" not in order.milestones:
        return
    for line_id, unpriced in order.unpriced_units.items():
        line = order.lines[line_id]
        if order.live_quantity(line_id) and line.origin.kind != "component_of":
            already = EXACT.subtract(order.live_quantity(line_id), unpriced)
            measure = line.estimate(unpriced)
            yield QuoteLine(
                line_id, line.sku, line.unit, unpriced, already, line.stated_price, measure, line.measure_unit
            )
    if order.kits:
        yield from _unpriced_kits(order)


def _unpriced_kits(order: Order) -> Iterable[QuoteLine]:
    """Kits are priced as such: as many as hold the units of their components that have no price."""
    for kit in order.kits.values():
        kits = kit.needed_for({line_id: order.unpriced(line_id) for line_id in kit.components})
        if kits:
            wanted = kit.complete({line_id: order.live_quantity(line_id) for line_id in kit.components})
            already, line = max(ZERO, EXACT.subtract(wanted, kits)), kit.line
            yield QuoteLine(kit.id, kit.sku, line.unit, kits, already, line.stated_price)


def _quote_answered(order: Order, request: QuotePrices, reply: Reply, policy: Policy, at: datetime) -> Iterable[Event]:
    if isinstance(reply, Refused):
        yield PriceRefused(at, reply.code, reply.message)
        options = ("try_again", "cancel_order")
        yield from raised(order, "pricing.refused", request, reply.message or reply.code, options, at)
    elif not isinstance(reply, Quote) or not _is_answer_to(reply, request):
        yield from impossible_reply(order, request, reply, at)
    else:
        wanted = {line.line_id: line.quantity for line in _unpriced_lines(order)}
        tranches = agreed_tranches(reply)
        wanted_still = tuple(one for one in tranches if wanted.get(one.line_id) == one.quantity)
        if wanted_still:
            yield prices_quoted(order, wanted_still, at)


def prices_quoted(order: Order, tranches: tuple[Tranche, ...], at: datetime) -> PriceQuoted:
    """Prices of lines as they are, those of kits shared out over their components."""
    kits = tuple(one for one in tranches if one.line_id in order.kits)
    if not kits:
        return PriceQuoted(at, tranches)
    lines = tuple(one for one in tranches if one.line_id not in order.kits)
    shares = (component_tranches(order.kits[one.line_id], one, order.rounding) for one in kits)
    return PriceQuoted(at, (*lines, *chain.from_iterable(shares)), kits)


def _is_answer_to(quote: Quote, request: QuotePrices) -> bool:
    """Every line asked for, none else, each in the order's currency, for what was asked, in parts that sum up."""
    asked = {line.line_id: line for line in request.lines}
    return (
        len(quote.lines) == len(asked)
        and {line.line_id for line in quote.lines} == set(asked)
        and all(_is_answered(line, asked[line.line_id], request.currency) for line in quote.lines)
        and all(_is_sensible(one, request.currency) for one in quote.adjustments)
    )


def _is_answered(line: QuotedLine, asked: QuoteLine, currency: str) -> bool:
    """The quantity asked for, at a price; what is not priced by measure has none."""
    amounts = line.amounts
    monies = (line.unit_price, amounts.net, amounts.discount, amounts.shipping, amounts.tax, amounts.charges)
    return (
        line.quantity == asked.quantity
        and line.base_quantity > 0
        and (line.measure is None or (asked.measure is not None and line.measure > 0))
        and all(money.currency == currency for money in monies)
        and (not line.adjustments or _sum_up(line.adjustments, amounts, currency))
    )


def is_sensible_quote(quote: Quote, currency: str) -> bool:
    """Whether prices are in a currency, for something, in parts that sum up."""
    lines = (QuoteLine(line.line_id, "", "", line.quantity, measure=line.measure) for line in quote.lines)
    return all(_is_answered(line, asked, currency) for line, asked in zip(quote.lines, lines, strict=True)) and all(
        _is_sensible(one, currency) for one in quote.adjustments
    )


def agreed_tranches(quote: Quote) -> tuple[Tranche, ...]:
    """The tranches of a quote, with what is for the order as a whole shared out over its lines."""
    return shared_out(quote.adjustments, tuple(map(_tranche, quote.lines)))


def _sum_up(adjustments: tuple[Adjustment, ...], amounts: Amounts, currency: str) -> bool:
    """What is named of a kind is all of it."""
    if not all(_is_sensible(one, currency) for one in adjustments):
        return False
    return all(
        sum_money((one.amount for one in adjustments if one.kind == kind), currency)
        == getattr(amounts, COMPONENT_OF[kind])
        for kind in {one.kind for one in adjustments}
    )


def _is_sensible(adjustment: Adjustment, currency: str) -> bool:
    """A discount takes, charges and shipping add."""
    amount = adjustment.amount
    return amount.currency == currency and (amount.amount <= 0 if adjustment.kind == "discount" else amount.amount >= 0)


def _tranche(line: QuotedLine) -> Tranche:
    return Tranche(
        line.line_id,
        line.quantity,
        line.unit_price,
        line.amounts,
        line.base_quantity,
        line.adjustments,
        line.tax_group,
        line.tax_included,
        line.measure,
    )


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    if "price" in order.theirs:
        return
    unpriced = [line.sku for line in _unpriced_lines(order)]
    if unpriced:
        yield Wait("the price list", f"to quote {', '.join(unpriced[:3])}{' …' if len(unpriced) > 3 else ''}")


STAGE = Stage(
    name="pricing",
    events=(PriceQuoted, PriceRefused),
    wants=_wants,
    answers=FrozenMap({QuotePrices: _quote_answered}),
    awaits=_awaits,
)
