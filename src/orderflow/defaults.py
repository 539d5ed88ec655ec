"""The standard policy: strategies that are right for most, and good examples for the rest."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from orderflow.order import Order, Shipment
from orderflow.policy import Allocation, Available, Policy
from orderflow.ports import Rate
from orderflow.process import STAGES
from orderflow.telling import SUPERSEDED_BY, TOLD_WITHIN, tell_the_customer
from orderflow.values.frozenmap import FrozenMap

__all__ = [
    "STAGES",
    "STANDARD",
    "cheapest",
    "cheapest_in_time",
    "fastest",
    "one_fulfillment_a_line",
    "one_fulfillment_a_location",
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


def cheapest(order: Order, shipment: Shipment, rates: tuple[Rate, ...]) -> Rate | None:
    """The cheapest rate in the order's currency; of equals, the earliest."""
    return min(_offered(order, rates), key=lambda rate: (rate.cost.amount, *_speed(order, rate)), default=None)


def fastest(order: Order, shipment: Shipment, rates: tuple[Rate, ...]) -> Rate | None:
    """The rate, in the order's currency, that delivers first; of equals, the cheapest. Who names no day comes last."""
    return min(_offered(order, rates), key=lambda rate: (*_speed(order, rate), rate.cost.amount), default=None)


def cheapest_in_time(order: Order, shipment: Shipment, rates: tuple[Rate, ...]) -> Rate | None:
    """The cheapest rate, in the order's currency, that keeps the promise; where none does, the fastest."""
    due = _due(order, shipment)
    in_time = tuple(rate for rate in rates if due is None or (rate.estimate is not None and rate.estimate <= due))
    taken = min(_offered(order, in_time), key=lambda rate: (rate.cost.amount, rate.carrier, rate.service), default=None)
    return taken or fastest(order, shipment, rates)


def _due(order: Order, shipment: Shipment) -> date | None:
    """The first day by which something in a shipment is promised, or wished for where nothing is promised."""
    inside = {goods.line_id for parcel_id in shipment.parcel_ids for goods in order.parcels[parcel_id].contents}
    promised = {line_id: order.promises[line_id].promise.due for line_id in inside if line_id in order.promises}
    days = (promised.get(line_id) or order.wished_by(line_id) for line_id in inside)
    return min((day for day in days if day is not None), default=None)


def _offered(order: Order, rates: tuple[Rate, ...]) -> tuple[Rate, ...]:
    """The rates that can be compared with each other."""
    return tuple(rate for rate in rates if rate.cost.currency == order.currency)


def _speed(order: Order, rate: Rate) -> tuple[bool, date]:
    """Earlier is less; a rate without a day is slowest."""
    return rate.estimate is None, rate.estimate or order.placed_at.date()


STANDARD = Policy(
    plan=one_fulfillment_a_location,
    choose_rate=cheapest_in_time,
    draft=tell_the_customer,
    superseded_by=SUPERSEDED_BY,
    told_within=TOLD_WITHIN,
)
