"""The standard policy: strategies that are right for most, and good examples for the rest."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from orderflow.order import Order, Shipment
from orderflow.policy import Allocation, Available, Policy
from orderflow.ports import Rate
from orderflow.process import STAGES, OrderProcess
from orderflow.telling import SUPERSEDED_BY, TOLD_WITHIN, tell_the_customer
from orderflow.values.frozenmap import FrozenMap

__all__ = [
    "STAGES",
    "STANDARD",
    "cheapest_in_time",
    "one_fulfillment_a_line",
    "one_fulfillment_a_location",
    "standard_process",
    "tell_the_customer",
]


def one_fulfillment_a_location(order: Order, units: tuple[Available, ...]) -> Iterable[Allocation]:
    """Each location that holds something for us gets one piece of work with all of it."""
    work: dict[str, dict[str, Decimal]] = {}
    for unit in units:
        work.setdefault(unit.location, {})[unit.line_id] = unit.quantity
    return [Allocation(location, FrozenMap(quantities)) for location, quantities in work.items()]


def one_fulfillment_a_line(order: Order, units: tuple[Available, ...]) -> Iterable[Allocation]:
    """Each line travels by itself: for goods that are despatched on days of their own."""
    return [Allocation(unit.location, FrozenMap({unit.line_id: unit.quantity})) for unit in units]


def cheapest_in_time(order: Order, shipment: Shipment, rates: tuple[Rate, ...]) -> Rate | None:
    """The cheapest rate, in the order's currency, that keeps the promise; where none does, the fastest."""
    offered = [rate for rate in rates if rate.cost.currency == order.currency]
    if not offered:
        return None
    due = order.wanted_by
    in_time = [rate for rate in offered if due is None or (rate.estimate is not None and rate.estimate <= due)]
    if in_time:
        return min(in_time, key=lambda rate: (rate.cost.amount, rate.carrier, rate.service))
    return min(
        offered, key=lambda rate: (rate.estimate is None, rate.estimate or order.placed_at.date(), rate.cost.amount)
    )


STANDARD = Policy(
    plan=one_fulfillment_a_location,
    choose_rate=cheapest_in_time,
    draft=tell_the_customer,
    superseded_by=SUPERSEDED_BY,
    told_within=TOLD_WITHIN,
)


def standard_process() -> OrderProcess:
    """The process under the standard policy."""
    return OrderProcess(STANDARD)
