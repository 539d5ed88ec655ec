"""Booking: a carrier is found for packed parcels, and takes them.

A *shipment* is parcels under one booking. Where no service is named, carriers are asked for rates and a strategy
chooses. When the service is known, the whole body of the booking is frozen: whatever happens afterwards, the same key
always carries the same body; only a booking that was refused is asked for anew, under a new generation and a new key.
A booking that is no longer wanted, because the order is being cancelled, is voided as soon as its answer is known; an
answer that never came is asked for again, not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orderflow.errors import Violation
from orderflow.ledger import packed
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Booking, Case, Order, Parcel, Shipment
from orderflow.policy import Policy
from orderflow.ports import BookCarrier, Booked, ParcelBody, QueryRates, Rates, Refused, Reply, VoidBooking, Voided
from orderflow.stages.changes import void_declined
from orderflow.stages.exceptions import ExceptionRaised, ExceptionResolved, impossible_reply, raised
from orderflow.stages.packing import way_of
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
from orderflow.values.address import Address
from orderflow.values.checked import checked, optional, tuple_of
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_reference

__all__ = [
    "STAGE",
    "BookShipment",
    "BookingAbandoned",
    "BookingContradicted",
    "BookingRefused",
    "BookingRequested",
    "ServiceChosen",
    "ShipmentBooked",
    "ShipmentPlanned",
    "ShipmentVoided",
    "ShipmentWithdrawn",
    "VoidDeclined",
    "VoidWanted",
    "bookable_parcels",
    "changed_shipment",
    "held_subjects",
]


@command("book_shipment")
class BookShipment(Command):
    """Have a carrier take parcels; without a list, every packed parcel that is not booked.

    Without a service, the terms of the goods decide, and where these say nothing, rates are asked for and the policy
    chooses.
    """

    order_id: str = checked(as_id)
    parcel_ids: tuple[str, ...] | None = checked(optional(tuple_of(as_id, at_least=1)), default=None)
    carrier: str | None = checked(optional(as_reference), default=None)
    service: str | None = checked(optional(as_reference), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            order_id: str,
            parcel_ids: Iterable[str] | None = None,
            carrier: str | None = None,
            service: str | None = None,
        ) -> None: ...


@event("shipment_planned")
class ShipmentPlanned(Event):
    """Parcels are to travel together."""

    shipment_id: str
    parcel_ids: tuple[str, ...]
    location: str
    ship_to: Address | None = None
    carrier: str = ""
    service: str = ""

    def apply(self, order: Order) -> Order:
        """There is a shipment more."""
        shipment = Shipment(self.shipment_id, self.parcel_ids, self.location, self.ship_to, self.carrier, self.service)
        return order.replace(shipments=order.shipments.set(self.shipment_id, shipment))


@event("service_chosen")
class ServiceChosen(Event):
    """A carrier's service was chosen for a shipment."""

    shipment_id: str
    carrier: str
    service: str

    def apply(self, order: Order) -> Order:
        """The shipment can be booked."""
        return changed_shipment(order, self.shipment_id, carrier=self.carrier, service=self.service)


@event("booking_requested")
class BookingRequested(Event):
    """A booking is wanted, in these words: the intention, before the carrier was asked."""

    shipment_id: str
    request: BookCarrier

    def apply(self, order: Order) -> Order:
        """The shipment waits for its booking."""
        return changed_shipment(
            order,
            self.shipment_id,
            stage="requested",
            generation=self.request.generation,
            request=self.request,
            carrier=self.request.carrier,
            service=self.request.service,
        )


@event("shipment_booked")
class ShipmentBooked(Event):
    """The carrier took the booking."""

    shipment_id: str
    booking: Booking
    tracking_numbers: FrozenMap[str, str]
    states: FrozenMap[str, str]
    wanted: bool = True

    def apply(self, order: Order) -> Order:
        """The parcels are booked, and known to the carrier by their numbers; unless nobody waited for this any more."""
        numbers = dict.fromkeys(filter(None, (self.booking.tracking_number, *self.tracking_numbers.values())))
        booked = changed_shipment(
            order,
            self.shipment_id,
            stage="booked",
            booking=self.booking,
            numbers=tuple(numbers),
            unwanted=not self.wanted,
        )
        if not self.wanted:
            return booked
        parcels = dict(order.parcels)
        for parcel_id in order.shipments[self.shipment_id].parcel_ids:
            number = self.tracking_numbers.get(parcel_id, "")
            state = self.states.get(parcel_id, parcels[parcel_id].state)
            parcels[parcel_id] = parcels[parcel_id].replace(tracking_number=number, state=state)
        return booked.replace(parcels=FrozenMap(parcels))


@event("booking_refused")
class BookingRefused(Event):
    """The carrier will not take the booking."""

    shipment_id: str
    code: str
    message: str = ""

    def apply(self, order: Order) -> Order:
        """The shipment came to nothing."""
        return changed_shipment(order, self.shipment_id, stage="refused")


@event("booking_abandoned")
class BookingAbandoned(Event):
    """Someone found out that a booking without an answer does not exist."""

    shipment_id: str

    def apply(self, order: Order) -> Order:
        """The shipment came to nothing."""
        return changed_shipment(order, self.shipment_id, stage="withdrawn")


@event("booking_contradicted")
class BookingContradicted(Event):
    """The carrier answered one booking with two numbers; the second is noted, for whoever settles it to void."""

    shipment_id: str
    booking: Booking

    def apply(self, order: Order) -> Order:
        """What is booked stays what was recorded first."""
        return order


@event("shipment_withdrawn")
class ShipmentWithdrawn(Event):
    """A shipment that was never asked for is not wanted any more."""

    shipment_id: str

    def apply(self, order: Order) -> Order:
        """The shipment came to nothing."""
        return changed_shipment(order, self.shipment_id, stage="withdrawn")


@event("void_wanted")
class VoidWanted(Event):
    """A booking is to be cancelled: the intention, before the carrier was asked."""

    shipment_id: str
    generation: int

    def apply(self, order: Order) -> Order:
        """The shipment waits for the carrier's word."""
        return changed_shipment(order, self.shipment_id, stage="void_wanted", void_generation=self.generation)


@event("shipment_voided")
class ShipmentVoided(Event):
    """The booking is void; its parcels stay where they are."""

    shipment_id: str
    states: FrozenMap[str, str]

    def apply(self, order: Order) -> Order:
        """The parcels are not booked any more."""
        shipment = order.shipments[self.shipment_id]
        if shipment.unwanted:
            return changed_shipment(order, self.shipment_id, stage="voided")
        parcels = dict(order.parcels)
        for parcel_id in shipment.parcel_ids:
            state = self.states.get(parcel_id, parcels[parcel_id].state)
            parcels[parcel_id] = parcels[parcel_id].replace(tracking_number="", state=state)
        return changed_shipment(order, self.shipment_id, stage="voided").replace(parcels=FrozenMap(parcels))


@event("void_declined")
class VoidDeclined(Event):
    """The carrier will not cancel the booking."""

    shipment_id: str
    code: str
    message: str = ""

    def apply(self, order: Order) -> Order:
        """The shipment is booked, as before; or stays on record as a booking that nobody wants."""
        is_unwanted = order.shipments[self.shipment_id].unwanted
        return changed_shipment(order, self.shipment_id, stage="void_declined" if is_unwanted else "booked")


def changed_shipment(order: Order, shipment_id: str, **changes: Any) -> Order:
    """The order with something of a shipment changed."""
    shipment = order.shipments[shipment_id].replace(**changes)
    return order.replace(shipments=order.shipments.set(shipment_id, shipment))


# -- rules ----------------------------------------------------------------------------------------------------------


def bookable_parcels(order: Order) -> tuple[Parcel, ...]:
    """Packed parcels with something in them, none of it to be cancelled, that travel under no shipment yet."""
    return tuple(
        parcel
        for parcel in order.parcels.values()
        if order.ledger.holds_any(packed(parcel.id))
        and order.shipment_of(parcel.id) is None
        and not order.wished_out_of(packed(parcel.id))
    )


def _chosen(order: Order, command: BookShipment) -> tuple[str, ...]:
    if command.parcel_ids is not None:
        return command.parcel_ids
    free = bookable_parcels(order)
    return tuple(parcel.id for parcel in free if _destination(order, parcel) == _destination(order, free[0]))


def _destination(order: Order, parcel: Parcel) -> tuple[str, Address | None, str | None, str | None]:
    """What parcels must agree on to travel together: from where, to where, how."""
    ship_to, service, carrier, _ = way_of(order, parcel.contents[0].line_id)
    return order.fulfillments[parcel.fulfillment_id].location, ship_to, service, carrier


def something_is_packed(order: Order, command: Any, policy: Policy) -> Iterable[Violation]:
    """There is a parcel to be sent."""
    if getattr(command, "parcel_ids", None) is None and not bookable_parcels(order):
        yield Violation("shipping.nothing_packed", _why_nothing_is_packed(order), remedy="PackParcel")


def _why_nothing_is_packed(order: Order) -> str:
    if not order.parcels:
        return "nothing is packed yet"
    return (
        "every packed parcel is booked" if any(map(order.contents_of, order.parcels)) else "no parcel is waiting here"
    )


def the_parcels_exist(order: Order, command: BookShipment, policy: Policy) -> Iterable[Violation]:
    """Every parcel is one of this order's, and named once."""
    named = command.parcel_ids or ()
    for index, parcel_id in enumerate(named):
        if parcel_id not in order.parcels:
            yield Violation("parcel.unknown", f"there is no parcel {parcel_id!r}", f"parcel_ids[{index}]")
        elif parcel_id in named[:index]:
            yield Violation("parcel.named_twice", f"{parcel_id} is named twice", f"parcel_ids[{index}]")


def the_parcels_may_be_booked(order: Order, command: BookShipment, policy: Policy) -> Iterable[Violation]:
    """Every parcel is packed and travels under no other shipment."""
    for parcel_id in _chosen(order, command):
        parcel, shipment = order.parcels[parcel_id], order.shipment_of(parcel_id)
        if shipment is not None:
            yield Violation("shipping.already_booked", f"{parcel_id} travels with {shipment.id}", parcel_id)
        elif policy.parcel_step(order, parcel, "book") is None or not order.ledger.holds_any(packed(parcel_id)):
            told, _ = why_not(policy.lifecycles.parcel, parcel.state, "book")
            yield Violation("parcel.cannot_book", f"{parcel_id} is {told}", parcel_id)
        elif order.wished_out_of(packed(parcel_id)):
            told = f"units in {parcel_id} are to be cancelled"
            yield Violation("cancellation.requested", told, parcel_id, remedy=f"UnpackParcel {parcel_id}")


def the_parcels_go_one_way(order: Order, command: BookShipment, policy: Policy) -> Iterable[Violation]:
    """Parcels of one booking leave one location for one address by one service."""
    parcels = [order.parcels[parcel_id] for parcel_id in command.parcel_ids or ()]
    if len({_destination(order, parcel) for parcel in parcels}) > 1:
        yield Violation("shipping.mixed", "the parcels differ in location, address or service", "parcel_ids")


def _booking_subjects(order: Order, command: BookShipment) -> tuple[str, ...]:
    return held_subjects(order, _chosen(order, command))


def held_subjects(order: Order, parcel_ids: tuple[str, ...]) -> tuple[str, ...]:
    """What a hold may be on to stop these parcels: themselves, and the fulfillments that packed them."""
    fulfillments = {order.parcels[parcel_id].fulfillment_id for parcel_id in parcel_ids}
    return (*parcel_ids, *sorted(fulfillments))


# -- decisions ------------------------------------------------------------------------------------------------------


def _book(order: Order, command: BookShipment, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    parcel_ids = _chosen(order, command)
    location, ship_to, service, carrier = _destination(order, order.parcels[parcel_ids[0]])
    yield ShipmentPlanned(
        envelope.at,
        next_id("S", order.shipments),
        parcel_ids,
        location,
        ship_to,
        command.carrier or carrier or "",
        command.service or service or "",
    )


# -- what follows ---------------------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    for shipment in order.shipments.values():
        if shipment.stage == "planned":
            if order.cancellation is not None or "cancelled" in order.milestones or _is_wished_back(order, shipment):
                yield ShipmentWithdrawn(at, shipment.id)
            elif shipment.service and not any(order.holds_on("book", *held_subjects(order, shipment.parcel_ids))):
                yield _requested(order, shipment, shipment.carrier, shipment.service, at)
        elif shipment.stage == "booked" and (order.cancellation is not None or _is_wished_back(order, shipment)):
            yield VoidWanted(at, shipment.id, shipment.void_generation + 1)
    yield from _refusals_that_were_overcome(order, at)


def _is_wished_back(order: Order, shipment: Shipment) -> bool:
    """Whether units in the parcels of a shipment are to be cancelled."""
    return bool(order.to_be_cancelled) and any(order.wished_out_of(packed(p)) for p in shipment.parcel_ids)


def _refusals_that_were_overcome(order: Order, at: datetime) -> Iterable[Event]:
    """A refused shipment is no problem any more once its parcels travel otherwise, or hold nothing."""
    for case in order.open_cases:
        if case.code == "shipping.refused":
            shipment = order.shipments[case.about]
            if not any(order.contents_of(p) and order.shipment_of(p) is None for p in shipment.parcel_ids):
                yield ExceptionResolved(at, case.id, "moot")


def _requested(order: Order, shipment: Shipment, carrier: str, service: str, at: datetime) -> BookingRequested:
    """Freeze the whole body of a booking."""
    generation = shipment.generation + 1
    request_id = f"book/{shipment.id}/{generation}"
    request = BookCarrier(
        order.id,
        request_id,
        f"{order.tenant}/{order.id}/{request_id}",
        shipment.id,
        generation,
        carrier,
        service,
        shipment.location,
        shipment.ship_to,
        _bodies(order, shipment),
        order.reference,
    )
    return BookingRequested(at, shipment.id, request)


def _bodies(order: Order, shipment: Shipment) -> tuple[ParcelBody, ...]:
    parcels = (order.parcels[parcel_id] for parcel_id in shipment.parcel_ids)
    return tuple(
        ParcelBody(parcel.id, parcel.weight_kg, parcel.dimensions_cm, parcel.contents, parcel.sscc)
        for parcel in parcels
    )


# -- what is wanted from outside, and what answers mean -------------------------------------------------------------


def _wants(order: Order) -> Iterable[Wanted]:
    for shipment in order.shipments.values():
        if shipment.stage == "requested":
            yield Wanted(shipment.request)
        elif shipment.stage == "planned" and not shipment.service:
            if not any(order.holds_on("book", *held_subjects(order, shipment.parcel_ids))):
                yield Wanted(
                    QueryRates(
                        order.id,
                        f"rates/{shipment.id}",
                        shipment.id,
                        shipment.location,
                        shipment.ship_to,
                        _bodies(order, shipment),
                    )
                )
        elif shipment.stage == "void_wanted" and shipment.booking is not None:
            request_id = f"void/{shipment.id}/{shipment.void_generation}"
            key = f"{order.tenant}/{order.id}/{request_id}"
            yield Wanted(VoidBooking(order.id, request_id, key, shipment.id, shipment.booking.number))


def _rates_answered(order: Order, request: QueryRates, reply: Reply, policy: Policy, at: datetime) -> Iterable[Event]:
    shipment = order.shipments[request.shipment_id]
    if shipment.stage != "planned" or shipment.service:
        return
    if isinstance(reply, Refused):
        yield from _no_rate(order, request, reply.message or reply.code, at)
    elif not isinstance(reply, Rates) or any(not rate.service for rate in reply.rates):
        yield from impossible_reply(order, request, reply, at)
    else:
        rate = policy.choose_rate(order, shipment, reply.rates)
        if rate is None:
            yield from _no_rate(order, request, "no carrier offers a rate that will do", at)
        else:
            yield ServiceChosen(at, shipment.id, rate.carrier, rate.service)


def _no_rate(order: Order, request: QueryRates, why: str, at: datetime) -> Iterable[ExceptionRaised]:
    return raised(order, "shipping.no_rate", request, why, ("try_again", "cancel_order"), at)


def _booking_answered(
    order: Order, request: BookCarrier, reply: Reply, policy: Policy, at: datetime
) -> Iterable[Event]:
    shipment = order.shipments[request.shipment_id]
    if isinstance(reply, Booked):
        yield from _booked_answer(order, shipment, request, reply, policy, at)
    elif isinstance(reply, Refused):
        if shipment.stage == "requested" and shipment.generation == request.generation:
            yield BookingRefused(at, shipment.id, reply.code, reply.message)
            told = f"{request.carrier or 'the carrier'} refused {shipment.id}: {reply.message or reply.code}"
            yield from raised(order, "shipping.refused", shipment.id, told, ("try_again", "cancel_order"), at)
    else:
        yield from impossible_reply(order, request, reply, at)


def _booked_answer(
    order: Order, shipment: Shipment, request: BookCarrier, reply: Booked, policy: Policy, at: datetime
) -> Iterable[Event]:
    known = shipment.booking
    if not reply.booking.number or set(reply.tracking_numbers) - set(shipment.parcel_ids):
        yield from impossible_reply(order, request, reply, at)
    elif shipment.stage in ("refused", "withdrawn"):
        yield ShipmentBooked(at, shipment.id, reply.booking, _numbers(shipment, reply), FrozenMap(), wanted=False)
        yield VoidWanted(at, shipment.id, shipment.void_generation + 1)
    elif shipment.stage == "requested" and shipment.generation == request.generation:
        states = _states(order, shipment, policy, "book")
        yield ShipmentBooked(at, shipment.id, reply.booking, _numbers(shipment, reply), states)
    elif known is None or known.number != reply.booking.number:
        yield BookingContradicted(at, shipment.id, reply.booking)
        other = f"is booked as {known.number}" if known is not None else "was asked for anew"
        told = f"{shipment.id} {other} and was answered {reply.booking.number} as well"
        yield from raised(order, "shipping.contradiction", shipment.id, told, ("settled",), at)


def _numbers(shipment: Shipment, reply: Booked) -> FrozenMap[str, str]:
    """The tracking number of each parcel: its own, or the master's where it is the only one."""
    if reply.tracking_numbers:
        return reply.tracking_numbers
    if len(shipment.parcel_ids) == 1 and reply.booking.tracking_number:
        return FrozenMap({shipment.parcel_ids[0]: reply.booking.tracking_number})
    return FrozenMap()


def _states(order: Order, shipment: Shipment, policy: Policy, step: str) -> FrozenMap[str, str]:
    """The states into which a step takes those parcels of a shipment that may take it."""
    parcels = (order.parcels[parcel_id] for parcel_id in shipment.parcel_ids)
    targets = ((parcel.id, policy.parcel_step(order, parcel, step)) for parcel in parcels)
    return FrozenMap({parcel_id: state for parcel_id, state in targets if state is not None})


def _void_answered(order: Order, request: VoidBooking, reply: Reply, policy: Policy, at: datetime) -> Iterable[Event]:
    shipment = order.shipments[request.shipment_id]
    if shipment.stage != "void_wanted":
        return
    if isinstance(reply, Voided):
        yield ShipmentVoided(at, shipment.id, _states(order, shipment, policy, "unbook"))
    elif isinstance(reply, Refused):
        yield VoidDeclined(at, shipment.id, reply.code, reply.message)
        if not shipment.unwanted or order.cancellation is not None:
            yield from void_declined(order, shipment, reply.code, reply.message, at)
        if shipment.unwanted:
            told = f"booking {request.number} is not wanted, and {reply.message or reply.code}"
            yield from raised(order, "shipping.void_declined", shipment.id, told, ("settled",), at)
    else:
        yield from impossible_reply(order, request, reply, at)


# -- settling, and waiting ------------------------------------------------------------------------------------------


def _book_again(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The booking is asked for once more: a new generation, a new key."""
    shipment = order.shipments[case.about]
    if shipment.stage == "refused" and order.cancellation is None and _free_again(order, shipment):
        yield _requested(order, shipment, shipment.carrier, shipment.service, at)


def _free_again(order: Order, shipment: Shipment) -> bool:
    return all(
        order.shipment_of(parcel_id) is None
        and order.ledger.holds_any(packed(parcel_id))
        and not order.wished_out_of(packed(parcel_id))
        for parcel_id in shipment.parcel_ids
    )


def _not_booked(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The carrier has no such booking, as someone found out: its parcels can be booked anew."""
    shipment_id = case.about.split("/")[1]
    if order.shipments[shipment_id].stage == "requested":
        yield BookingAbandoned(at, shipment_id)


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    """What a carrier is awaited for, to the collection of what is booked; then whom parcels without a carrier await."""
    for shipment in order.shipments.values():
        carrier = shipment.carrier or "the carriers"
        if shipment.stage == "requested":
            yield Wait(carrier, f"to take {', '.join(shipment.parcel_ids)}", f"shipment {shipment.id}")
        elif shipment.stage == "void_wanted":
            yield Wait(carrier, "to void the booking", f"shipment {shipment.id}")
        elif shipment.stage == "planned":
            yield Wait(carrier, "to offer a rate", f"shipment {shipment.id}")
        elif shipment.stage == "booked":
            yield Wait(carrier, f"to collect {', '.join(shipment.parcel_ids)}", f"shipment {shipment.id}")
    free = bookable_parcels(order)
    if free and order.cancellation is None:
        names = ", ".join(parcel.id for parcel in free)
        yield Wait(
            order.fulfillments[free[0].fulfillment_id].location or "the warehouse", f"to book a carrier for {names}"
        )


_ALL = ("milestones", "ledger", "shipments", "parcels", "holds", "cancellation", "line_cancellations", "cases")


def _looks_at(order: Order) -> tuple[str, ...]:
    """Without a shipment nothing can be booked, voided or refused."""
    return _ALL if order.shipments else ("shipments",)


STAGE = Stage(
    name="booking",
    commands=(BookShipment,),
    events=(
        ShipmentPlanned,
        ServiceChosen,
        BookingRequested,
        ShipmentBooked,
        BookingRefused,
        BookingAbandoned,
        BookingContradicted,
        ShipmentWithdrawn,
        VoidWanted,
        ShipmentVoided,
        VoidDeclined,
    ),
    decisions=(
        Decision(
            BookShipment,
            tiers=(
                (order_exists,),
                (something_is_packed, the_parcels_exist),
                (the_parcels_may_be_booked, order_not_cancelling, nothing_holds("book", _booking_subjects)),
                (the_parcels_go_one_way,),
            ),
            events=_book,
            candidates=lambda order, policy: (BookShipment(order.id),),
        ),
    ),
    follow=_follow,
    looks_at=_looks_at,
    wants=_wants,
    answers=FrozenMap({QueryRates: _rates_answered, BookCarrier: _booking_answered, VoidBooking: _void_answered}),
    settles=FrozenMap({("shipping.refused", "try_again"): _book_again, ("port.gave_up", "not_booked"): _not_booked}),
    awaits=_awaits,
)
