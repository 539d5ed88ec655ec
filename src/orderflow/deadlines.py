"""Deadlines: when units of a line left and arrived, as far as that is known, beside what was promised.

What is packed may be on its way already by the carrier's own reports, what is to be collected has arrived when it is
ready, and what came back had arrived before.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING

from orderflow.ledger import GIVEN_UP, HERE, Account, kind_of, packed, picked, place_of
from orderflow.parts import Parcel
from orderflow.promise import PromiseStatus

if TYPE_CHECKING:
    from orderflow.order import Order

__all__ = ["arrived_at", "expected_on", "has_arrived", "has_left", "left_at", "promise_of"]

#: Kinds of accounts whose units are still with us, have not reached the customer, are not to reach it, never left.
_NOT_ARRIVED = HERE | {"shipped", "lost"}
_NEVER_LEFT = HERE | GIVEN_UP


def promise_of(order: Order, line_id: str) -> PromiseStatus | None:
    """What was promised of a line, what is believed, and what happened; ``None`` where nothing was promised."""
    standing = order.promises.get(line_id)
    if standing is None:
        return None
    return PromiseStatus(
        standing.promise,
        standing.earlier,
        standing.ship,
        standing.deliver,
        expected_on(order, line_id),
        left_at(order, line_id) if has_left(order, line_id) else None,
        arrived_at(order, line_id) if has_arrived(order, line_id) else None,
    )


def has_left(order: Order, line_id: str) -> bool:
    """Whether something of a line has left, and nothing that is wanted of it is still here."""
    kinds = _whereabouts(order, line_id)
    return bool(kinds - _NEVER_LEFT) and kinds.isdisjoint(HERE)


def has_arrived(order: Order, line_id: str) -> bool:
    """Whether everything that is wanted of a line has reached the customer; what came back had arrived.

    What the customer is to collect is there when it is ready, whenever that will be done.
    """
    kinds = _whereabouts(order, line_id) - GIVEN_UP
    return bool(kinds) and kinds.isdisjoint(_NOT_ARRIVED)


def _whereabouts(order: Order, line_id: str) -> frozenset[str]:
    """The kinds of accounts in which units of a line are; those that wait to be collected are delivered."""
    if order.returns and any(one.kind == "undelivered" and line_id in one.received for one in order.returns.values()):
        return order.ledger.kinds_of(line_id) | {"lost"}
    if order.method_of(line_id) != "pick_up":
        return order.ledger.kinds_of(line_id)
    ready = set(_ready(order, line_id))
    accounts = (account for account, _ in order.ledger.accounts(line_id))
    return frozenset("delivered" if account in ready else kind_of(account) for account in accounts)


def _ready(order: Order, line_id: str) -> Iterator[Account]:
    """Where units of a line wait for the customer, who was told so."""
    for work in order.fulfillments.values():
        if work.ready_at is not None:
            yield picked(work.id)
            yield from (packed(parcel.id) for parcel in order.parcels_of(work.id))


def left_at(order: Order, line_id: str) -> datetime | None:
    """When the latest parcel with units of a line left, as far as that is known."""
    shipments = (order.shipment_of(parcel.id) for parcel in _parcels_with(order, line_id))
    times = (s.despatched_at for s in shipments if s is not None and s.despatched_at is not None)
    return max((*times, *_handed_over_at(order, line_id)), default=None)


def arrived_at(order: Order, line_id: str) -> datetime | None:
    """When the latest parcel with units of a line arrived, as far as that is known."""
    times = (parcel.tracking.delivered_at for parcel in _parcels_with(order, line_id))
    arrived = (moment for moment in times if moment is not None)
    return max((*arrived, *_handed_over_at(order, line_id)), default=None)


def expected_on(order: Order, line_id: str) -> date | None:
    """The day by which carriers believe to deliver what they have, or are to have, of a line."""
    return max((day for p in _parcels_with(order, line_id) if (day := _estimate(order, p)) is not None), default=None)


def _handed_over_at(order: Order, line_id: str) -> Iterator[datetime]:
    """When units of a line were handed over, or could have been."""
    for handover in order.handovers.values():
        if any(move.line_id == line_id for move in handover.moves):
            work = order.fulfillments.get(handover.fulfillment_id)
            yield min(handover.at, (work.ready_at if work is not None else None) or handover.at)
    if order.method_of(line_id) == "pick_up":
        works = order.fulfillments.values()
        yield from (work.ready_at for work in works if work.ready_at is not None and line_id in work.planned)


def _parcels_with(order: Order, line_id: str) -> Iterator[Parcel]:
    places = [place_of(account) for account, _ in order.ledger.accounts(line_id)]
    for one in order.returns.values():
        places += [place_of(move.source) for move in one.taken if move.line_id == line_id]
    return (order.parcels[place] for place in dict.fromkeys(places) if place in order.parcels)


def _estimate(order: Order, parcel: Parcel) -> date | None:
    if parcel.estimate is not None:
        return parcel.estimate
    shipment = order.shipment_of(parcel.id)
    return shipment.booking.estimate if shipment is not None and shipment.booking is not None else None
