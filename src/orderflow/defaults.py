"""The standard policy: strategies that are right for most, and good examples for the rest."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from orderflow.order import Cancellation, Fulfillment, Order, Shipment
from orderflow.policy import Allocation, Available, Draft, Policy
from orderflow.ports import Rate
from orderflow.process import STAGES, OrderProcess
from orderflow.stages.changes import units_by_line
from orderflow.stages.stage import units_text
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.numbers import plain

__all__ = [
    "STAGES",
    "STANDARD",
    "cheapest",
    "cheapest_in_time",
    "fastest",
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


def cheapest(order: Order, shipment: Shipment, rates: tuple[Rate, ...]) -> Rate | None:
    """The cheapest rate in the order's currency; of equals, the earliest."""
    return min(_offered(order, rates), key=lambda rate: (rate.cost.amount, *_speed(order, rate)), default=None)


def fastest(order: Order, shipment: Shipment, rates: tuple[Rate, ...]) -> Rate | None:
    """The rate, in the order's currency, that delivers first; of equals, the cheapest. Who names no day comes last."""
    return min(_offered(order, rates), key=lambda rate: (*_speed(order, rate), rate.cost.amount), default=None)


def cheapest_in_time(order: Order, shipment: Shipment, rates: tuple[Rate, ...]) -> Rate | None:
    """The cheapest rate, in the order's currency, that keeps the promise; where none does, the fastest."""
    due = order.wanted_by
    in_time = tuple(rate for rate in rates if due is None or (rate.estimate is not None and rate.estimate <= due))
    taken = min(_offered(order, in_time), key=lambda rate: (rate.cost.amount, rate.carrier, rate.service), default=None)
    return taken or fastest(order, shipment, rates)


def _offered(order: Order, rates: tuple[Rate, ...]) -> tuple[Rate, ...]:
    """The rates that can be compared with each other."""
    return tuple(rate for rate in rates if rate.cost.currency == order.currency)


def _speed(order: Order, rate: Rate) -> tuple[bool, date]:
    """Earlier is less; a rate without a day is slowest."""
    return rate.estimate is None, rate.estimate or order.placed_at.date()


def tell_the_customer(order: Order, kind: str, subject: str) -> Draft | None:
    """The customer's contact hears of every milestone it wants to hear of, in its own locale, by its own channel."""
    contact = order.customer.contact if order.customer is not None else None
    if contact is None or not contact.wants_kind(kind):
        return None
    to = contact.phone if contact.channel in ("sms", "phone") else contact.email
    if not to:
        return None
    return Draft(contact.channel, to, contact.locale, FrozenMap(_body(order, kind, subject)))


def _body(order: Order, kind: str, subject: str) -> dict[str, str]:
    """The data of a message: what happened to which order, and what the recipient will want to know next."""
    body = {"order": order.reference, "name": order.customer.name if order.customer is not None else ""}
    if kind == "shipment_despatched":
        return body | _shipment_body(order, order.shipments[subject])
    if kind == "ready_for_pickup":
        return body | _pickup_body(order, order.fulfillments[subject])
    if kind == "digital_delivered":
        handover = order.handovers[subject]
        return body | {"lines": units_text(order, units_by_line(handover.moves)), "proof": handover.proof}
    if kind == "lines_cancelled":
        return body | _cancellation_body(order, order.line_cancellations[int(subject) - 1])
    body["lines"] = ", ".join(
        f"{plain(order.live_quantity(line.id) or order.ledger.ordered(line.id))} × {line.sku}"
        for line in order.lines.values()
    )
    if order.tranches and order.is_priced and kind != "order_cancelled":
        body["total"] = str(order.total)
    if order.wanted_by is not None:
        body["wanted_by"] = order.wanted_by.isoformat()
    return body


def _pickup_body(order: Order, fulfillment: Fulfillment) -> dict[str, str]:
    """What waits, and where."""
    units = {line_id: units for line_id, units in fulfillment.planned.items() if order.method_of(line_id) == "pick_up"}
    return {"location": fulfillment.location, "lines": units_text(order, units)}


def _cancellation_body(order: Order, wish: Cancellation) -> dict[str, str]:
    """What was cancelled, what could not be, and what is to be paid for the rest."""
    body = {"lines": units_text(order, wish.cancelled)}
    if wish.declined:
        body["declined"] = units_text(order, wish.declined)
    if wish.reason:
        body["reason"] = wish.reason
    if order.tranches and order.is_priced:
        body["total"] = str(order.total)
    return body


def _shipment_body(order: Order, shipment: Shipment) -> dict[str, str]:
    parcels = [order.parcels[parcel_id] for parcel_id in shipment.parcel_ids]
    body = {
        "shipment": shipment.id,
        "lines": ", ".join(
            f"{plain(goods.quantity)} × {order.lines[goods.line_id].sku}"
            for parcel in parcels
            for goods in parcel.contents
        ),
        "tracking": ", ".join(parcel.tracking_number for parcel in parcels if parcel.tracking_number),
    }
    booking = shipment.booking
    if booking is not None:
        body["carrier"] = booking.carrier
        body["tracking"] = body["tracking"] or booking.tracking_number
        if booking.estimate is not None:
            body["estimate"] = booking.estimate.isoformat()
    return body


STANDARD = Policy(
    plan=one_fulfillment_a_location,
    choose_rate=cheapest_in_time,
    draft=tell_the_customer,
    superseded_by=FrozenMap(
        {
            "order_cancelled": ("order_placed", "order_verified"),
            "order_rejected": ("order_placed", "order_verified"),
            "order_delivered": ("order_verified", "shipment_despatched"),
        }
    ),
)


def standard_process() -> OrderProcess:
    """The process under the standard policy."""
    return OrderProcess(STANDARD)
