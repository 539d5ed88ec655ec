"""Voiding: a booking that is not wanted any more, and the carrier that may want to keep it.

A booking is voided when the order is being cancelled, when nothing is left in its parcels, when it came after nobody
waited for it any more, or because someone says so. What the carrier answers decides: until then the parcels are booked,
and where it declines they stay so.

Where parcels of a booking have left, it cannot go any more: those that stay are taken out of it, and it stays for the
others.

A box that other orders have goods in is nobody's to void: no order can see whether the others still want it. So a
person is asked, who can: whether this order's goods were taken out of the box (the booking stays, for the others),
whether the whole booking is to be voided because no order wants it any more, or whether the goods stay in it. When it
was voided, the other orders in the box are told so (`TellOrders`): theirs is the same booking.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from orderflow.errors import Violation
from orderflow.ledger import GONE
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Case, Order, Shipment
from orderflow.policy import Policy
from orderflow.ports import Refused, Reply, TellOrders, Told, VoidBooking, Voided
from orderflow.stages.amending import THE_WAY, RedirectionDeclined, RedirectionSettled
from orderflow.stages.booking import changed_shipment, is_wished_back, states_after
from orderflow.stages.changes import void_declined
from orderflow.stages.exceptions import ExceptionRaised, ExceptionResolved, impossible_reply, raised
from orderflow.stages.packing import way_of
from orderflow.stages.stage import Decision, Stage, Wait, Wanted, order_exists, order_not_cancelling
from orderflow.values.checked import PERSONAL, checked
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_reference, as_text

__all__ = [
    "STAGE",
    "OthersTold",
    "RecordVoid",
    "ShipmentVoided",
    "TakenOutOfBox",
    "VoidDeclined",
    "VoidShipment",
    "VoidWanted",
    "the_shipment_exists",
]


@command("void_shipment")
class VoidShipment(Command):
    """Cancel the booking of parcels that have not left; they can then be booked anew. The order goes on."""

    order_id: str = checked(as_id)
    shipment_id: str = checked(as_id)
    reason: str = checked(as_text(1000), default="", personal=True)

    if TYPE_CHECKING:

        def __init__(self, order_id: str, shipment_id: str, reason: str = "") -> None: ...


@command("record_void")
class RecordVoid(Command):
    """A carrier has voided the booking of a box that several orders share, as another of them has heard."""

    order_id: str = checked(as_id)
    shipment_id: str = checked(as_id)
    number: str = checked(as_reference)


@event("void_wanted")
class VoidWanted(Event):
    """A booking is to be cancelled: the intention, before the carrier was asked."""

    shipment_id: str
    generation: int
    reason: str = attrs.field(default="", metadata=PERSONAL)

    def apply(self, order: Order) -> Order:
        """The shipment waits for the carrier's word."""
        return changed_shipment(order, self.shipment_id, stage="void_wanted", void_generation=self.generation)


@event("shipment_voided")
class ShipmentVoided(Event):
    """The booking is void; its parcels stay where they are. ``by_others``: another order in the box had it voided."""

    shipment_id: str
    states: FrozenMap[str, str]
    by_others: bool = False

    def apply(self, order: Order) -> Order:
        """The parcels are not booked any more."""
        after = _unbooked(order, self.shipment_id, "voided", self.states)
        return changed_shipment(after, self.shipment_id, others_know=True) if self.by_others else after


@event("others_told")
class OthersTold(Event):
    """The other orders in a box have heard that its booking is void."""

    shipment_id: str

    def apply(self, order: Order) -> Order:
        """Nobody need be told any more."""
        return changed_shipment(order, self.shipment_id, others_know=True)


@event("taken_out_of_box")
class TakenOutOfBox(Event):
    """Parcels do not travel with a booking after all; it stays for what others have in the box, or what has left."""

    shipment_id: str
    states: FrozenMap[str, str]

    def apply(self, order: Order) -> Order:
        """The parcels are not booked any more."""
        return _unbooked(order, self.shipment_id, "left_box", self.states)


@event("void_declined")
class VoidDeclined(Event):
    """The booking stays: the carrier, or whoever was asked about a shared box, will not cancel it."""

    shipment_id: str
    code: str
    message: str = attrs.field(default="", metadata=PERSONAL)

    def apply(self, order: Order) -> Order:
        """The shipment is booked, as before; or stays on record as a booking that nobody wants."""
        shipment = order.shipments[self.shipment_id]
        stage = "void_declined" if shipment.unwanted else "booked"
        return changed_shipment(order, shipment.id, stage=stage, void_generation=max(1, shipment.void_generation))


def _unbooked(order: Order, shipment_id: str, stage: str, states: FrozenMap[str, str]) -> Order:
    """The order with a shipment over; its parcels are free again, unless they travel otherwise already."""
    shipment = order.shipments[shipment_id]
    over = changed_shipment(order, shipment_id, stage=stage)
    if shipment.unwanted:
        return over
    parcels = dict(order.parcels)
    for parcel_id in shipment.parcel_ids:
        state = states.get(parcel_id, parcels[parcel_id].state)
        parcels[parcel_id] = parcels[parcel_id].replace(tracking_number="", state=state, earlier_legs=())
    return over.replace(parcels=FrozenMap(parcels))


# -- rules ----------------------------------------------------------------------------------------------------------


def the_shipment_exists(order: Order, command: VoidShipment | RecordVoid, policy: Policy) -> Iterable[Violation]:
    """The shipment is one of this order's."""
    if command.shipment_id not in order.shipments:
        yield Violation("shipment.unknown", f"there is no shipment {command.shipment_id!r}", "shipment_id")


def the_booking_can_be_voided(order: Order, command: VoidShipment, policy: Policy) -> Iterable[Violation]:
    """There is a booking, nobody is asked about it yet, and no parcel of it has left."""
    shipment = order.shipments[command.shipment_id]
    if shipment.stage != "booked" or shipment.unwanted:
        yield Violation("shipping.not_booked", f"{shipment.id} is {shipment.stage}", shipment.id)
    elif _is_asked_about(order, shipment):
        yield Violation("shipping.void_asked", f"someone is asked about {shipment.id} already", shipment.id)
    for other in _left_under_the_same_booking(order, shipment):
        yield Violation("shipping.part_has_left", f"{other.id} left under the same booking", shipment.id)


def the_voided_booking_is_known(order: Order, command: RecordVoid, policy: Policy) -> Iterable[Violation]:
    """The booking is one that others share, and no goods have left under it; what a carrier will answer comes first.

    Of a booking of the order's own, nobody but the carrier says that it is void.
    """
    shipment = order.shipments[command.shipment_id]
    if shipment.shared is None:
        yield Violation(
            "shipping.not_shared", f"no other order shares {shipment.id}", shipment.id, remedy="VoidShipment"
        )
    elif shipment.stage == "requested":
        yield Violation("shipping.not_answered", f"the booking of {shipment.id} has no answer yet", shipment.id)
    elif shipment.stage not in _STANDING or shipment.booking is None or shipment.booking.number != command.number:
        yield Violation("shipping.not_booked", f"{shipment.id} is {shipment.stage}", shipment.id)


#: Stages of a shipment under a booking that can be void.
_STANDING = frozenset({"booked", "void_wanted", "void_declined"})


def _left_under_the_same_booking(order: Order, shipment: Shipment) -> Iterable[Shipment]:
    """The shipments that were divided from this one, and have left."""
    for other in order.shipments.values():
        if other.id != shipment.id and other.stage == "despatched" and _is_same_booking(other, shipment):
            yield other


def _is_same_booking(one: Shipment, other: Shipment) -> bool:
    return other.booking is not None and one.booking is not None and one.booking.number == other.booking.number


def _is_asked_about(order: Order, shipment: Shipment) -> bool:
    """Whether someone is to say what becomes of a box that others share."""
    case = order.case_about(shipment.id)
    return case is not None and case.code == "shipping.shared_box"


# -- decisions, and what follows ------------------------------------------------------------------------------------


def _void(order: Order, command: VoidShipment, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    return _unbook(order, order.shipments[command.shipment_id], policy, command.reason or envelope.reason, envelope.at)


def _record_void(order: Order, command: RecordVoid, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    shipment = order.shipments[command.shipment_id]
    yield ShipmentVoided(envelope.at, shipment.id, states_after("unbook", order, shipment, policy), by_others=True)


def _unbook(order: Order, shipment: Shipment, policy: Policy, reason: str, at: datetime) -> Iterable[Event]:
    """Have a booking voided, unless others travel under it; or ask someone about the box that others share."""
    if any(_left_under_the_same_booking(order, shipment)):
        yield TakenOutOfBox(at, shipment.id, states_after("unbook", order, shipment, policy))
    elif shipment.shared is None:
        yield VoidWanted(at, shipment.id, shipment.void_generation + 1, reason)
    else:
        yield from _asked_about_the_box(order, shipment, at)


def _asked_about_the_box(order: Order, shipment: Shipment, at: datetime) -> Iterable[ExceptionRaised]:
    told = f"{shipment.id} is not wanted for {order.id}; other orders may have goods in it"
    options = ("taken_out", "void_booking", *(() if shipment.unwanted else ("stays_in",)))
    return raised(order, "shipping.shared_box", shipment.id, told, options, at)


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    for shipment in order.shipments.values():
        if shipment.stage == "booked" and _is_to_go(order, shipment) and not _is_asked_about(order, shipment):
            yield from _unbook(order, shipment, policy, "", at)
            if shipment.shared is not None:
                return  # one case at a time: each is given the next id
    if order.redirections:
        yield from _redirections_answered(order, at)
    for case in order.open_cases:
        if case.code in _ABOUT_BOOKINGS and order.shipments[case.about].stage in ("despatched", "voided"):
            yield ExceptionResolved(at, case.id, "moot")


def _redirections_answered(order: Order, at: datetime) -> Iterable[Event]:
    """What has become of bookings whose goods are to go another way."""
    for place in dict.fromkeys(one.place for one in order.redirections if one.word == "waits"):
        shipment = order.shipments.get(place)
        if shipment is not None and shipment.stage == "despatched":
            yield RedirectionDeclined(at, place, "amendment.goods_have_left", f"{place} has left")
        elif shipment is not None and (not shipment.is_live or _goes_there(order, shipment)):
            yield RedirectionSettled(at, place)


def _goes_there(order: Order, shipment: Shipment) -> bool:
    """Whether a booking is for the way that its goods are to go, as it was amended back to that."""
    ways = (way_of(order, line_id) for parcel_id in shipment.parcel_ids for line_id in order.contents_of(parcel_id))
    return all(
        ship_to == shipment.ship_to and service in (None, shipment.service) and carrier in (None, shipment.carrier)
        for ship_to, service, carrier, _ in ways
    )


def _is_redirected(order: Order, shipment: Shipment) -> bool:
    """Whether goods that were booked are to go another way."""
    wish = order.redirection_of(shipment.id) if order.redirections else None
    return wish is not None and wish.word == "waits"


#: Cases about a booking that may have to go; they are over when the goods have left, or it is gone.
_ABOUT_BOOKINGS = frozenset({"shipping.shared_box", "shipping.void_declined"})


def _is_to_go(order: Order, shipment: Shipment) -> bool:
    """Whether a booking is cancelled by itself; an empty one no more than once, as the carrier may decline."""
    if shipment.unwanted or _is_cancelled_with(order, shipment) or _is_redirected(order, shipment):
        return True
    return not shipment.void_generation and not any(_has_anything(order, p) for p in shipment.parcel_ids)


def _has_anything(order: Order, parcel_id: str) -> bool:
    """Whether units are in a parcel, be it here or gone."""
    return any(f"{kind}:{parcel_id}" in order.ledger.held for kind in ("packed", *GONE))


def _is_cancelled_with(order: Order, shipment: Shipment) -> bool:
    """Whether the order, or units in the parcels of a shipment, are to be cancelled."""
    return order.cancellation is not None or is_wished_back(order, shipment)


# -- what is wanted from outside, and what answers mean -------------------------------------------------------------


def _wants(order: Order) -> Iterable[Wanted]:
    for shipment in order.shipments.values():
        if shipment.stage == "void_wanted" and shipment.booking is not None:
            request_id = f"void/{shipment.id}/{shipment.void_generation}"
            key = f"{order.tenant}/{order.id}/{request_id}"
            yield Wanted(VoidBooking(order.id, request_id, key, shipment.id, shipment.booking.number))
        elif shipment.shared is not None and shipment.stage == "voided" and shipment.booking is not None:
            others = tuple(order_id for order_id in shipment.shared.shares if order_id != order.id)
            if others and not shipment.others_know:
                request_id = f"tell/{shipment.id}"
                yield Wanted(TellOrders(order.id, request_id, shipment.id, shipment.booking.number, others))


def _void_answered(order: Order, request: VoidBooking, reply: Reply, policy: Policy, at: datetime) -> Iterable[Event]:
    shipment = order.shipments[request.shipment_id]
    if shipment.stage != "void_wanted":
        return
    if isinstance(reply, Voided):
        yield ShipmentVoided(at, shipment.id, states_after("unbook", order, shipment, policy))
    elif isinstance(reply, Refused):
        yield VoidDeclined(at, shipment.id, reply.code, reply.message)
        if not shipment.unwanted or order.cancellation is not None:
            yield from void_declined(order, shipment, reply.code, reply.message, at)
        if _is_redirected(order, shipment):
            yield RedirectionDeclined(at, shipment.id, reply.code, reply.message)
        elif shipment.unwanted or not _is_cancelled_with(order, shipment):
            told = f"booking {request.number} is not wanted, and {reply.message or reply.code}"
            options = ("settled",) if shipment.unwanted else ("try_again", "keep_booking")
            yield from raised(order, "shipping.void_declined", shipment.id, told, options, at)
    else:
        yield from impossible_reply(order, request, reply, at)


def _others_told(order: Order, request: TellOrders, reply: Reply, policy: Policy, at: datetime) -> Iterable[Event]:
    if isinstance(reply, Told):
        if not order.shipments[request.shipment_id].others_know:
            yield OthersTold(at, request.shipment_id)
    else:
        yield from impossible_reply(order, request, reply, at)


# -- settling, and waiting ------------------------------------------------------------------------------------------


def _void_after_all(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """Ask the carrier to void the booking: once more, or for all orders in the box."""
    shipment = order.shipments[case.about]
    if shipment.stage == "booked":
        yield VoidWanted(at, shipment.id, shipment.void_generation + 1, case.message)


def _taken_out(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """Nothing of this order is in the box any more."""
    shipment = order.shipments[case.about]
    if shipment.stage == "booked":
        yield TakenOutOfBox(at, shipment.id, states_after("unbook", order, shipment, policy))


def _stays_in(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The goods travel in the box after all; a cancellation that waited for them is declined."""
    shipment = order.shipments[case.about]
    if shipment.stage == "booked":
        yield VoidDeclined(at, shipment.id, case.code, case.message)
        yield from void_declined(order, shipment, case.code, case.message, at)
        if _is_redirected(order, shipment):
            yield RedirectionDeclined(at, shipment.id, case.code, "the goods stay in the box")


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for shipment in order.shipments.values():
        if shipment.stage == "void_wanted":
            yield Wait(shipment.carrier or "the carriers", "to void the booking", f"shipment {shipment.id}")


_ALL = ("ledger", "shipments", "cancellation", "line_cancellations", "redirections", "cases")


def _looks_at(order: Order) -> tuple[str, ...]:
    """Without a shipment nothing can be voided; where goods are to go matters once they were redirected."""
    if not order.shipments:
        return ("shipments",)
    return (*_ALL, *THE_WAY) if order.redirections else _ALL


STAGE = Stage(
    name="voiding",
    commands=(VoidShipment, RecordVoid),
    events=(VoidWanted, ShipmentVoided, OthersTold, TakenOutOfBox, VoidDeclined),
    decisions=(
        Decision(
            VoidShipment,
            tiers=(
                (order_exists,),
                (the_shipment_exists,),
                (the_booking_can_be_voided, order_not_cancelling),
            ),
            events=_void,
            candidates=lambda order, policy: tuple(VoidShipment(order.id, shipment) for shipment in order.shipments),
        ),
        Decision(
            RecordVoid,
            tiers=((order_exists,), (the_shipment_exists,), (the_voided_booking_is_known,)),
            events=_record_void,
        ),
    ),
    follow=_follow,
    looks_at=_looks_at,
    wants=_wants,
    answers=FrozenMap({VoidBooking: _void_answered, TellOrders: _others_told}),
    settles=FrozenMap(
        {
            ("shipping.void_declined", "try_again"): _void_after_all,
            ("shipping.shared_box", "taken_out"): _taken_out,
            ("shipping.shared_box", "void_booking"): _void_after_all,
            ("shipping.shared_box", "stays_in"): _stays_in,
        }
    ),
    awaits=_awaits,
)
