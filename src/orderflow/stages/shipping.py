"""Shipping: what is booked leaves.

*Despatch* is the departure (goods issue): units are shipped from then on. What the inventory is to be told is frozen at
that moment, and it is told until it has booked the goods out, or somebody has done so by hand.

A fulfillment is over when its location has nothing left to send and something of it has left; the order is shipped when
everything that is not cancelled has left.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from orderflow.errors import Violation
from orderflow.ledger import CAME_BACK, GONE, HERE, Move, kind_of, packed, shipped
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Case, Order, Parcel, Shipment
from orderflow.policy import Policy
from orderflow.ports import Issued, IssueLine, IssueStock, Refused, Reply
from orderflow.stages.booking import bookable_parcels, changed_shipment, held_subjects
from orderflow.stages.exceptions import impossible_reply, raised
from orderflow.stages.stage import (
    Decision,
    Stage,
    Wait,
    Wanted,
    next_id,
    nothing_holds,
    order_exists,
    order_not_cancelling,
    why_not,
)
from orderflow.stages.stock import claim_key
from orderflow.values.checked import checked, evolved, optional, tuple_of
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id
from orderflow.values.numbers import EXACT, ZERO, plain

__all__ = [
    "STAGE",
    "DespatchShipment",
    "FulfillmentDespatched",
    "GoodsDespatched",
    "OrderShipped",
    "ShipmentDivided",
    "StockIssued",
]


@command("despatch_shipment")
class DespatchShipment(Command):
    """The parcels of a booked shipment have left; without an id, those of the one shipment that is booked.

    Where only some of its parcels have left, these are named: the others stay booked, as a shipment of their own.
    """

    order_id: str = checked(as_id)
    shipment_id: str | None = checked(optional(as_id), default=None)
    parcel_ids: tuple[str, ...] | None = checked(optional(tuple_of(as_id, at_least=1)), default=None)

    if TYPE_CHECKING:

        def __init__(
            self, order_id: str, shipment_id: str | None = None, parcel_ids: Iterable[str] | None = None
        ) -> None: ...


@event("shipment_divided")
class ShipmentDivided(Event):
    """Some parcels of a booking stay behind: they are to follow under the same booking, by themselves."""

    shipment_id: str
    rest_id: str
    parcel_ids: tuple[str, ...]

    def apply(self, order: Order) -> Order:
        """The parcels that stay are a shipment more; the freight stays with those that leave."""
        whole = order.shipments[self.shipment_id]
        assert whole.booking is not None
        booking = evolved(whole.booking, cost=None)
        rest = whole.replace(id=self.rest_id, parcel_ids=self.parcel_ids, booking=booking)
        left = tuple(parcel_id for parcel_id in whole.parcel_ids if parcel_id not in self.parcel_ids)
        shipments = {whole.id: whole.replace(parcel_ids=left), rest.id: rest}
        return order.replace(shipments=order.shipments.merged(shipments))


@event("goods_despatched")
class GoodsDespatched(Event):
    """The parcels have left: goods issue. What the inventory is to be told is frozen here."""

    shipment_id: str
    states: FrozenMap[str, str]
    issue: IssueStock

    def apply(self, order: Order) -> Order:
        """The contents are on their way."""
        shipment = order.shipments[self.shipment_id]
        moves: list[Move] = []
        parcels = dict(order.parcels)
        for parcel_id in shipment.parcel_ids:
            for line_id, quantity in order.contents_of(parcel_id).items():
                moves.append(Move(line_id, packed(parcel_id), shipped(parcel_id), quantity))
            parcels[parcel_id] = parcels[parcel_id].replace(state=self.states.get(parcel_id, parcels[parcel_id].state))
        gone = changed_shipment(
            order,
            shipment.id,
            stage="despatched",
            despatched_at=self.at,
            issue=self.issue,
            issued=not self.issue.lines,
        )
        return gone.moved(moves).replace(parcels=FrozenMap(parcels))


@event("stock_issued")
class StockIssued(Event):
    """The inventory system has booked the goods out that left in a shipment, or were collected."""

    shipment_id: str

    def apply(self, order: Order) -> Order:
        """The goods issue is known outside."""
        handover = order.handovers.get(self.shipment_id)
        if handover is not None:
            return order.replace(handovers=order.handovers.set(handover.id, handover.replace(issued=True)))
        return changed_shipment(order, self.shipment_id, issued=True)


@event("fulfillment_despatched")
class FulfillmentDespatched(Event):
    """A location has sent everything it was to send."""

    fulfillment_id: str
    state: str

    def apply(self, order: Order) -> Order:
        """The fulfillment is over."""
        fulfillment = order.fulfillments[self.fulfillment_id].replace(state=self.state)
        return order.replace(fulfillments=order.fulfillments.set(self.fulfillment_id, fulfillment))


@event("order_shipped")
class OrderShipped(Event):
    """Everything that is not cancelled has left."""

    state: str

    def apply(self, order: Order) -> Order:
        """The order is shipped."""
        return order.reached(self.state, "shipped", self.at)


# -- rules ----------------------------------------------------------------------------------------------------------


def a_shipment_is_there(order: Order, command: DespatchShipment, policy: Policy) -> Iterable[Violation]:
    """The shipment is one of this order's; without an id, there is exactly one that could leave."""
    if command.shipment_id is not None:
        if command.shipment_id not in order.shipments:
            yield Violation("shipment.unknown", f"there is no shipment {command.shipment_id!r}", "shipment_id")
        return
    booked = _booked(order)
    if len(booked) > 1:
        yield Violation("shipping.several", f"{', '.join(booked)} are booked: which one?", "shipment_id")
    elif not booked and not order.shipments:
        packed_any = bookable_parcels(order)
        code, why = (
            ("not_booked", "no carrier is booked yet") if packed_any else ("nothing_packed", "nothing is packed yet")
        )
        yield Violation(f"shipping.{code}", why, remedy="BookShipment" if packed_any else "PackParcel")
    elif not booked:
        stages = ", ".join(f"{shipment.id} is {shipment.stage}" for shipment in order.shipments.values())
        yield Violation("shipping.not_booked", stages)


def _booked(order: Order) -> tuple[str, ...]:
    return tuple(
        shipment.id for shipment in order.shipments.values() if shipment.stage == "booked" and shipment.is_live
    )


def _leaving(order: Order, command: DespatchShipment) -> Shipment:
    return order.shipments[command.shipment_id or _booked(order)[0]]


def the_shipment_is_booked(order: Order, command: DespatchShipment, policy: Policy) -> Iterable[Violation]:
    """Nothing leaves without a booking."""
    shipment = _leaving(order, command)
    if shipment.stage != "booked" or not shipment.is_live:
        yield Violation("shipping.not_booked", f"{shipment.id} is {shipment.stage}", shipment.id)


def the_parts_may_be_despatched(order: Order, command: DespatchShipment, policy: Policy) -> Iterable[Violation]:
    """The lifecycles of the parcels and of their fulfillments permit departure."""
    for parcel_id in _departing(order, command) or _leaving(order, command).parcel_ids:
        parcel = order.parcels[parcel_id]
        if policy.parcel_step(order, parcel, "despatch") is None:
            told, _ = why_not(policy.lifecycles.parcel, parcel.state, "despatch")
            yield Violation("parcel.cannot_despatch", f"{parcel.id} is {told}", parcel.id)
        fulfillment = order.fulfillments[parcel.fulfillment_id]
        if policy.fulfillment_step(order, fulfillment, "despatch") is None:
            told, _ = why_not(policy.lifecycles.fulfillment, fulfillment.state, "despatch")
            yield Violation("fulfillment.cannot_despatch", f"{fulfillment.id} is {told}", fulfillment.id)


def what_leaves_together_is_all_there(order: Order, command: DespatchShipment, policy: Policy) -> Iterable[Violation]:
    """Of what is to leave together, all is in parcels, or has left."""
    named: set[str] = set()
    for parcel_id in _leaving(order, command).parcel_ids:
        for line_id in order.contents_of(parcel_id):
            for other in order.group_of(line_id):
                if other not in named and (short := _not_packed(order, other)):
                    told = f"{plain(short)} × {order.lines[other].sku} are to leave with it, and are not packed"
                    yield Violation("shipping.not_complete", told, other)
                named.add(other)


def _not_packed(order: Order, line_id: str) -> Decimal:
    """Units of a line that are still to come into a parcel."""
    total = ZERO
    for account, quantity in order.ledger.accounts(line_id):
        if kind_of(account) in _NOT_PACKED:
            total = EXACT.add(total, quantity)
    return total


_NOT_PACKED = frozenset({"open", "backordered", "allocated", "picked"})


def the_departing_parcels_are_of_the_shipment(
    order: Order, command: DespatchShipment, policy: Policy
) -> Iterable[Violation]:
    """The parcels that are said to leave are of this shipment."""
    shipment = _leaving(order, command)
    for index, parcel_id in enumerate(command.parcel_ids or ()):
        if parcel_id not in shipment.parcel_ids:
            told = f"{parcel_id} does not travel with {shipment.id}"
            yield Violation("shipping.other_parcel", told, f"parcel_ids[{index}]")


def something_departs(order: Order, command: DespatchShipment, policy: Policy) -> Iterable[Violation]:
    """A parcel leaves with something in it: one of which everything was cancelled stays."""
    if _leaving(order, command).stage == "booked" and not _departing(order, command):
        yield Violation("shipping.nothing_in_it", f"nothing is left in {_leaving(order, command).id}", "parcel_ids")


def _departing(order: Order, command: DespatchShipment) -> tuple[str, ...]:
    """The parcels that leave: those named, or all of the shipment that have something in them."""
    named = command.parcel_ids or _leaving(order, command).parcel_ids
    return tuple(parcel_id for parcel_id in dict.fromkeys(named) if order.contents_of(parcel_id))


def _leaving_subjects(order: Order, command: DespatchShipment) -> tuple[str, ...]:
    return held_subjects(order, _departing(order, command))


# -- decisions ------------------------------------------------------------------------------------------------------


def _despatch(order: Order, command: DespatchShipment, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    shipment, departing = _leaving(order, command), _departing(order, command)
    staying = tuple(parcel_id for parcel_id in shipment.parcel_ids if parcel_id not in departing)
    rest = tuple(filter(order.contents_of, staying))
    if rest:
        yield ShipmentDivided(envelope.at, shipment.id, next_id("S", order.shipments), rest)
    states = {p: policy.parcel_step(order, order.parcels[p], "despatch") or "" for p in departing}
    for parcel_id in staying:
        if parcel_id not in rest:
            parcel = order.parcels[parcel_id]
            states[parcel_id] = policy.parcel_step(order, parcel, "unbook") or parcel.state
    issue = IssueStock(
        order.id,
        f"issue/{shipment.id}",
        f"{order.tenant}/{order.id}/issue/{shipment.id}",
        shipment.location,
        tuple(_issue_lines(order, departing)),
    )
    yield GoodsDespatched(envelope.at, shipment.id, FrozenMap(states), issue)


def _issue_lines(order: Order, parcel_ids: tuple[str, ...]) -> Iterable[IssueLine]:
    """What leaves our stock with these parcels, and the claim it was held under."""
    for parcel_id in parcel_ids:
        for line_id, quantity in order.contents_of(parcel_id).items():
            if not order.needs_stock(line_id):
                continue
            line, claim = order.lines[line_id], order.claim_of(order.parcels[parcel_id].fulfillment_id, line_id)
            yield IssueLine(claim_key(order, claim.id) if claim else "", line.sku, line.unit, quantity)


# -- what follows ---------------------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    yield from _fulfillments_despatched(order, policy, at)
    yield from _order_shipped(order, policy, at)


def _fulfillments_despatched(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    chart = policy.lifecycles.fulfillment
    finishing = chart.sources_of("finish_despatch") if "finish_despatch" in chart.events else ()
    for fulfillment in order.fulfillments.values():
        if fulfillment.state not in finishing or order.work_left(fulfillment.id):
            continue
        parcels = tuple(order.parcels_of(fulfillment.id))
        has_left = order.has_handed_over(fulfillment.id) or any(
            not order.contents_of(parcel.id) and _has_left(order, parcel) for parcel in parcels
        )
        if has_left and not any(order.contents_of(parcel.id) for parcel in parcels):
            state = policy.fulfillment_step(order, fulfillment, "finish_despatch")
            if state is not None:
                yield FulfillmentDespatched(at, fulfillment.id, state)


def _has_left(order: Order, parcel: Parcel) -> bool:
    shipment = order.shipment_of(parcel.id)
    return shipment is not None and shipment.stage == "despatched"


def _order_shipped(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    if "in_fulfillment" not in order.milestones:
        return
    state = policy.order_step(order, "ship")
    if state is not None and _everything_left(order):
        yield OrderShipped(at, state)


#: Where units are that have left, those included that came back since.
_HAS_LEFT = GONE | CAME_BACK


def _everything_left(order: Order) -> bool:
    """Nothing is here any more, and something has left."""
    kinds = order.ledger.kinds
    if kinds & HERE:
        return False
    return not kinds.isdisjoint(_HAS_LEFT) or any(one.taken for one in order.returns.values())


# -- what is wanted from outside, and what answers mean -------------------------------------------------------------


def _wants(order: Order) -> Iterable[Wanted]:
    for issue in order.unissued.values():
        yield Wanted(issue)


def _issue_answered(order: Order, request: IssueStock, reply: Reply, policy: Policy, at: datetime) -> Iterable[Event]:
    shipment_id = request.id.partition("/")[2]
    if shipment_id not in order.unissued:
        return
    if isinstance(reply, Issued):
        yield StockIssued(at, shipment_id)
    elif isinstance(reply, Refused):
        told = f"the goods issue of {shipment_id} was refused: {reply.message or reply.code}"
        yield from raised(order, "shipping.issue_refused", request, told, ("try_again", "booked_by_hand"), at)
    else:
        yield from impossible_reply(order, request, reply, at)


# -- settling, and waiting ------------------------------------------------------------------------------------------


def _booked_by_hand(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """Someone booked the goods out in the inventory."""
    shipment_id = case.about.split("/")[1]
    if shipment_id in order.unissued:
        yield StockIssued(at, shipment_id)


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for departure in order.unissued if "stock" not in order.theirs else ():
        what = "handover" if departure in order.handovers else "shipment"
        yield Wait("the inventory", "to book the goods out", f"{what} {departure}")


_ALL = ("milestones", "state", "ledger", "shipments", "parcels", "fulfillments", "handovers")


def _looks_at(order: Order) -> tuple[str, ...]:
    """Without a shipment and without a handover, nothing can have left."""
    return _ALL if order.shipments or order.handovers else ("shipments", "handovers")


STAGE = Stage(
    name="shipping",
    commands=(DespatchShipment,),
    events=(ShipmentDivided, GoodsDespatched, StockIssued, FulfillmentDespatched, OrderShipped),
    decisions=(
        Decision(
            DespatchShipment,
            tiers=(
                (order_exists,),
                (a_shipment_is_there,),
                (the_departing_parcels_are_of_the_shipment,),
                (
                    the_shipment_is_booked,
                    something_departs,
                    the_parts_may_be_despatched,
                    order_not_cancelling,
                    nothing_holds("despatch", _leaving_subjects),
                ),
                (what_leaves_together_is_all_there,),
            ),
            events=_despatch,
            candidates=lambda order, policy: tuple(
                DespatchShipment(order.id, shipment_id) for shipment_id in (tuple(order.shipments) or (None,))
            ),
        ),
    ),
    follow=_follow,
    looks_at=_looks_at,
    wants=_wants,
    answers=FrozenMap({IssueStock: _issue_answered}),
    settles=FrozenMap({("shipping.issue_refused", "booked_by_hand"): _booked_by_hand}),
    awaits=_awaits,
)
