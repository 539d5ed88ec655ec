"""Booking: a carrier is found for packed parcels, and takes them.

A *shipment* is parcels under one booking. Where no service is named, carriers are asked for rates and a strategy
chooses. When the service is known, the whole body of the booking is frozen: whatever happens afterwards, the same key
always carries the same body; only a booking that was refused is asked for anew, under a new generation and a new key.
An answer that never came is asked for again, not guessed.

A box with goods of several orders is booked under an id of its own: every order asks for it in the same words under the
same key, whichever comes first, and there is one booking.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orderflow.consignment import SharedBox, as_shared_box
from orderflow.errors import Violation
from orderflow.ledger import packed
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Booking, Case, Order, Parcel, Shipment
from orderflow.policy import Policy
from orderflow.ports import BookCarrier, Booked, ParcelBody, QueryRates, Rates, Refused, Reply
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
    "ShipmentWithdrawn",
    "bookable_parcels",
    "changed_shipment",
    "held_subjects",
    "is_wished_back",
    "states_after",
]


@command("book_shipment")
class BookShipment(Command):
    """Have a carrier take parcels; without a list, every packed parcel that is not booked.

    Without a service, the terms of the goods decide, and where these say nothing, rates are asked for and the policy
    chooses. ``shared`` is the box that the one parcel is a part of, where other orders have goods in it as well.
    """

    order_id: str = checked(as_id)
    parcel_ids: tuple[str, ...] | None = checked(optional(tuple_of(as_id, at_least=1)), default=None)
    carrier: str | None = checked(optional(as_reference), default=None)
    service: str | None = checked(optional(as_reference), default=None)
    shared: SharedBox | None = checked(optional(as_shared_box), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            order_id: str,
            parcel_ids: Iterable[str] | None = None,
            carrier: str | None = None,
            service: str | None = None,
            shared: SharedBox | None = None,
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
    shared: SharedBox | None = None

    def apply(self, order: Order) -> Order:
        """There is a shipment more."""
        shipment = Shipment(
            self.shipment_id,
            self.parcel_ids,
            self.location,
            self.ship_to,
            self.carrier,
            self.service,
            shared=self.shared,
        )
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
            generation=order.shipments[self.shipment_id].generation + 1,
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
        numbers = dict.fromkeys(filter(None, (*self.booking.numbers, *self.tracking_numbers.values())))
        booked = changed_shipment(
            order,
            self.shipment_id,
            stage="booked",
            carrier=order.shipments[self.shipment_id].carrier or self.booking.carrier,
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
            parcels[parcel_id] = parcels[parcel_id].replace(
                tracking_number=number, state=state, earlier_legs=self.booking.earlier_legs
            )
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
        and order.method_of(parcel.contents[0].line_id) == "carrier"
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
        elif order.method_of(parcel.contents[0].line_id) != "carrier":
            how = order.method_of(parcel.contents[0].line_id)
            yield Violation("shipping.not_by_carrier", f"{parcel_id} is delivered by {how}", parcel_id)
        elif order.wished_out_of(packed(parcel_id)):
            told = f"units in {parcel_id} are to be cancelled"
            yield Violation("cancellation.requested", told, parcel_id, remedy=f"UnpackParcel {parcel_id}")


def the_parcels_go_one_way(order: Order, command: BookShipment, policy: Policy) -> Iterable[Violation]:
    """Parcels of one booking leave one location for one address by one service."""
    parcels = [order.parcels[parcel_id] for parcel_id in command.parcel_ids or ()]
    if len({_destination(order, parcel) for parcel in parcels}) > 1:
        yield Violation("shipping.mixed", "the parcels differ in location, address or service", "parcel_ids")


def the_shared_box_is_new(order: Order, command: BookShipment, policy: Policy) -> Iterable[Violation]:
    """The id of a shared box is used for one booking; a box that is booked otherwise gets another."""
    if command.shared is not None and command.shared.id in order.shipments:
        stage = order.shipments[command.shared.id].stage
        yield Violation("shipping.shared_id_used", f"{command.shared.id} is known, and {stage}", "shared.id")


def a_shared_box_is_told_whole(order: Order, command: BookShipment, policy: Policy) -> Iterable[Violation]:
    """Of a shared box, one parcel is this order's, and all that the carrier is to be told is known to every order."""
    box = command.shared
    if box is None:
        return
    parcels = [order.parcels[parcel_id] for parcel_id in _chosen(order, command)]
    if len(parcels) > 1:
        yield Violation("shipping.several_in_box", "what an order has in a shared box is one parcel", "parcel_ids")
    if order.id not in box.shares:
        yield Violation("shipping.no_share", f"{order.id} has no share of {box.id}", "shared.shares")
    if not (command.service or _destination(order, parcels[0])[2]):
        yield Violation("shipping.no_service", "orders that share a box name its service", "service")
    if box.sscc and any(parcel.sscc not in ("", box.sscc) for parcel in parcels):
        yield Violation("shipping.other_sscc", f"the parcel has another SSCC than {box.id}", "shared.sscc")


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
    shared = command.shared
    yield ShipmentPlanned(
        envelope.at,
        shared.id if shared is not None else next_id("S", order.shipments),
        parcel_ids,
        location,
        shared.ship_to or ship_to if shared is not None else ship_to,
        command.carrier or carrier or "",
        command.service or service or "",
        shared,
    )


# -- what follows ---------------------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    for shipment in order.shipments.values():
        if shipment.stage == "planned":
            if order.cancellation is not None or "cancelled" in order.milestones or is_wished_back(order, shipment):
                yield ShipmentWithdrawn(at, shipment.id)
            elif shipment.service and not _is_held(order, shipment):
                yield _requested(order, shipment, shipment.carrier, shipment.service, at)
    yield from _refusals_that_were_overcome(order, at)


def is_wished_back(order: Order, shipment: Shipment) -> bool:
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
    """Freeze the whole body of a booking. That of a shared box says nothing that another order would not say as well.

    So a shared box keeps its one key, also where it is asked for anew after a refusal.
    """
    shared, generation = shipment.shared, shipment.generation + 1
    request_id = f"book/{shipment.id}/{generation}"
    request = BookCarrier(
        order.id,
        request_id,
        f"{order.tenant}/{order.id}/{request_id}" if shared is None else f"{order.tenant}/shared/{shared.id}",
        shipment.id,
        generation if shared is None else 1,
        carrier,
        service,
        shipment.location,
        shipment.ship_to,
        _bodies(order, shipment),
        order.reference if shared is None else shared.id,
    )
    return BookingRequested(at, shipment.id, request)


def _bodies(order: Order, shipment: Shipment) -> tuple[ParcelBody, ...]:
    box = shipment.shared
    if box is not None:
        return (ParcelBody(box.id, box.weight_kg, box.dimensions_cm, (), box.sscc),)
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
        elif shipment.stage == "planned" and not shipment.service and not _is_held(order, shipment):
            yield Wanted(_rates_request(order, shipment))


def _is_held(order: Order, shipment: Shipment) -> bool:
    return bool(order.holds) and any(order.holds_on("book", *held_subjects(order, shipment.parcel_ids)))


def _rates_request(order: Order, shipment: Shipment) -> QueryRates:
    request_id, bodies = f"rates/{shipment.id}", _bodies(order, shipment)
    return QueryRates(order.id, request_id, shipment.id, shipment.location, shipment.ship_to, bodies)


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
        if _is_current(shipment, request):
            yield BookingRefused(at, shipment.id, reply.code, reply.message)
            told = f"{request.carrier or 'the carrier'} refused {shipment.id}: {reply.message or reply.code}"
            yield from raised(order, "shipping.refused", shipment.id, told, ("try_again", "cancel_order"), at)
    else:
        yield from impossible_reply(order, request, reply, at)


def _booked_answer(
    order: Order, shipment: Shipment, request: BookCarrier, reply: Booked, policy: Policy, at: datetime
) -> Iterable[Event]:
    known = shipment.booking
    if not reply.booking.number or set(reply.tracking_numbers) - _asked_about(shipment):
        yield from impossible_reply(order, request, reply, at)
    elif shipment.stage in ("refused", "withdrawn"):
        yield ShipmentBooked(at, shipment.id, reply.booking, _numbers(shipment, reply), FrozenMap(), wanted=False)
    elif _is_current(shipment, request):
        states = states_after("book", order, shipment, policy)
        yield ShipmentBooked(at, shipment.id, reply.booking, _numbers(shipment, reply), states)
    elif known is None or known.number != reply.booking.number:
        yield BookingContradicted(at, shipment.id, reply.booking)
        other = f"is booked as {known.number}" if known is not None else "was asked for anew"
        told = f"{shipment.id} {other} and was answered {reply.booking.number} as well"
        yield from raised(order, "shipping.contradiction", shipment.id, told, ("settled",), at)


def _is_current(shipment: Shipment, request: BookCarrier) -> bool:
    """Whether a shipment waits for the answer to this very request, and not to an earlier one."""
    return shipment.stage == "requested" and shipment.request.id == request.id


def _asked_about(shipment: Shipment) -> set[str]:
    """The parcels that the carrier knows of: a shared box is one."""
    return {shipment.shared.id} if shipment.shared is not None else set(shipment.parcel_ids)


def _numbers(shipment: Shipment, reply: Booked) -> FrozenMap[str, str]:
    """The tracking number of each parcel: its own, or the master's where it is the only one."""
    if shipment.shared is not None:
        number = reply.tracking_numbers.get(shipment.shared.id) or reply.booking.tracking_number
        return FrozenMap(dict.fromkeys(shipment.parcel_ids, number) if number else {})
    if reply.tracking_numbers:
        return reply.tracking_numbers
    if len(shipment.parcel_ids) == 1 and reply.booking.tracking_number:
        return FrozenMap({shipment.parcel_ids[0]: reply.booking.tracking_number})
    return FrozenMap()


def states_after(step: str, order: Order, shipment: Shipment, policy: Policy) -> FrozenMap[str, str]:
    """The states into which a step takes those parcels of a shipment that may take it."""
    parcels = (order.parcels[parcel_id] for parcel_id in shipment.parcel_ids)
    targets = ((parcel.id, policy.parcel_step(order, parcel, step)) for parcel in parcels)
    return FrozenMap({parcel_id: state for parcel_id, state in targets if state is not None})


# -- settling, and waiting ------------------------------------------------------------------------------------------


def _book_again(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The booking is asked for once more: a new generation, a new key."""
    shipment = order.shipments[case.about]
    if shipment.stage != "refused" or order.cancellation is not None or not _free_again(order, shipment):
        return
    _, ship_to, service, carrier = _destination(order, order.parcels[shipment.parcel_ids[0]])
    if shipment.shared is None and ship_to != shipment.ship_to:
        number, way = next_id("S", order.shipments), (carrier or shipment.carrier, service or shipment.service)
        yield ShipmentPlanned(at, number, shipment.parcel_ids, shipment.location, ship_to, *way)
    else:
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
        elif shipment.stage == "planned":
            yield Wait(carrier, "to offer a rate", f"shipment {shipment.id}")
        elif shipment.stage == "booked" and shipment.is_live:
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
    ),
    decisions=(
        Decision(
            BookShipment,
            tiers=(
                (order_exists,),
                (something_is_packed, the_parcels_exist, the_shared_box_is_new),
                (the_parcels_may_be_booked, order_not_cancelling, nothing_holds("book", _booking_subjects)),
                (the_parcels_go_one_way, a_shared_box_is_told_whole),
            ),
            events=_book,
            candidates=lambda order, policy: (BookShipment(order.id),),
        ),
    ),
    follow=_follow,
    looks_at=_looks_at,
    wants=_wants,
    answers=FrozenMap({QueryRates: _rates_answered, BookCarrier: _booking_answered}),
    settles=FrozenMap({("shipping.refused", "try_again"): _book_again, ("port.gave_up", "not_booked"): _not_booked}),
    awaits=_awaits,
)
