"""Pricing: the price list quotes what is ordered.

From the moment the order is acknowledged, units without a price are asked about, and only these. The price comes as a
quote; each quote adds a frozen tranche per line, so what was quoted once stays as it is, whatever the price list says
tomorrow. Of a quote that comes late, the lines count of which still as many units have no price as were asked about.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from orderflow.charges import Tranche
from orderflow.messages import Event, event
from orderflow.order import Order
from orderflow.policy import Policy
from orderflow.ports import Quote, QuotedLine, QuoteLine, QuotePrices, Refused, Reply
from orderflow.stages.exceptions import impossible_reply, raised
from orderflow.stages.stage import Stage, Wait, Wanted
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.numbers import EXACT

__all__ = ["STAGE", "PriceQuoted", "PriceRefused"]


@event("price_quoted")
class PriceQuoted(Event):
    """These units have these prices from now on, whatever the price list says tomorrow."""

    tranches: tuple[Tranche, ...]

    def apply(self, order: Order) -> Order:
        """Each line has one tranche more."""
        held = dict(order.tranches)
        for tranche in self.tranches:
            held[tranche.line_id] = (*held.get(tranche.line_id, ()), tranche)
        return order.replace(tranches=FrozenMap(held))


@event("price_refused")
class PriceRefused(Event):
    """The price list has no price for what was asked."""

    code: str
    message: str = ""

    def apply(self, order: Order) -> Order:
        """Nothing is priced by this."""
        return order


# -- what is wanted from outside, and what answers mean -------------------------------------------------------------


def _wants(order: Order) -> Iterable[Wanted]:
    if "acknowledged" not in order.milestones:
        return
    lines = tuple(_unpriced_lines(order))
    if lines:
        yield Wanted(QuotePrices(order.id, "quote", order.currency, order.customer, order.ship_to, lines))


def _unpriced_lines(order: Order) -> Iterable[QuoteLine]:
    for line_id, line in order.lines.items():
        if line_id in order.tranches and not order.unpriced(line_id):
            continue
        if order.live_quantity(line_id) and (unpriced := order.unpriced(line_id)):
            already = EXACT.subtract(order.live_quantity(line_id), unpriced)
            yield QuoteLine(line_id, line.sku, line.unit, unpriced, already)


def _quote_answered(order: Order, request: QuotePrices, reply: Reply, policy: Policy, at: datetime) -> Iterable[Event]:
    if isinstance(reply, Refused):
        yield PriceRefused(at, reply.code, reply.message)
        options = ("try_again", "cancel_order")
        yield from raised(order, "pricing.refused", request, reply.message or reply.code, options, at)
    elif not isinstance(reply, Quote) or not _is_answer_to(reply, request):
        yield from impossible_reply(order, request, reply, at)
    else:
        wanted = {line.line_id: line.quantity for line in _unpriced_lines(order)}
        tranches = tuple(_tranche(line) for line in reply.lines if wanted.get(line.line_id) == line.quantity)
        if tranches:
            yield PriceQuoted(at, tranches)


def _is_answer_to(quote: Quote, request: QuotePrices) -> bool:
    """Every line asked for, none else, each in the order's currency and for the quantity asked."""
    asked = {line.line_id: line.quantity for line in request.lines}
    answered = {line.line_id: line.quantity for line in quote.lines if line.base_quantity > 0}
    return (
        asked == answered
        and len(quote.lines) == len(asked)
        and all(
            money.currency == request.currency
            for line in quote.lines
            for money in (
                line.unit_price,
                line.amounts.net,
                line.amounts.discount,
                line.amounts.shipping,
                line.amounts.tax,
            )
        )
    )


def _tranche(line: QuotedLine) -> Tranche:
    return Tranche(line.line_id, line.quantity, line.unit_price, line.amounts, line.base_quantity)


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    if "acknowledged" not in order.milestones or "price" in order.theirs:
        return
    unpriced = [order.lines[line.line_id].sku for line in _unpriced_lines(order)]
    if unpriced:
        yield Wait("the price list", f"to quote {', '.join(unpriced[:3])}{' …' if len(unpriced) > 3 else ''}")


STAGE = Stage(
    name="pricing",
    events=(PriceQuoted, PriceRefused),
    wants=_wants,
    answers=FrozenMap({QuotePrices: _quote_answered}),
    awaits=_awaits,
)
