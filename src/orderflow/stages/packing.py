"""Packing: picked goods become parcels.

A parcel is a handling unit with contents, weight, dimensions and, where there is one, an SSCC. The fulfillment is
packed, by itself, when nothing picked is left outside a parcel.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orderflow.consignment import as_dimensions
from orderflow.errors import Violation
from orderflow.ledger import Move, packed, picked
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Goods, Order, Parcel
from orderflow.policy import Policy
from orderflow.stages.picking import (
    as_goods,
    fulfillment_may,
    goods_are_there,
    handled,
    on_fulfillment,
    serials_count_units,
    serials_in,
    surplus_of,
    the_fulfillment_exists,
    the_work_is_ours,
)
from orderflow.stages.stage import (
    Decision,
    Stage,
    Wait,
    next_id,
    nothing_holds,
    order_exists,
    order_not_cancelling,
    units_text,
    why_not,
)
from orderflow.values.address import Address
from orderflow.values.checked import checked, evolved, optional, tuple_of
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_sscc
from orderflow.values.numbers import EXACT, ZERO, as_positive, total_by

__all__ = [
    "STAGE",
    "PackParcel",
    "PackingFinished",
    "ParcelEmptied",
    "ParcelPacked",
    "ParcelUnpacked",
    "UnpackParcel",
    "on_the_table",
    "the_parcel_exists",
]


@command("pack_parcel")
class PackParcel(Command):
    """Put picked goods into one parcel: without a list, all that is picked and goes one way. Weight in kg, sides in cm.

    ``sscc`` is the parcel's serial shipping container code, 18 digits with the GS1 check digit.
    """

    order_id: str = checked(as_id)
    fulfillment_id: str = checked(as_id)
    contents: tuple[Goods, ...] | None = checked(optional(tuple_of(as_goods, at_least=1)), default=None)
    weight_kg: Decimal | None = checked(optional(as_positive), default=None)
    dimensions_cm: tuple[Decimal, Decimal, Decimal] | None = checked(optional(as_dimensions), default=None)
    sscc: str = checked(as_sscc, default="")

    if TYPE_CHECKING:

        def __init__(
            self,
            order_id: str,
            fulfillment_id: str,
            contents: Iterable[Goods | tuple[str, Decimal | int | str]] | None = None,
            weight_kg: Decimal | int | str | None = None,
            dimensions_cm: tuple[Decimal | int | str, Decimal | int | str, Decimal | int | str] | None = None,
            sscc: str = "",
        ) -> None: ...


@command("unpack_parcel")
class UnpackParcel(Command):
    """Take the goods out of a parcel again; they are picked, and to be packed anew."""

    order_id: str = checked(as_id)
    parcel_id: str = checked(as_id)


@event("parcel_packed")
class ParcelPacked(Event):
    """Goods were put into a parcel; ``surplus`` counts those of them that nobody had ordered or noticed before."""

    parcel_id: str
    fulfillment_id: str
    contents: tuple[Goods, ...]
    state: str
    fulfillment_state: str
    weight_kg: Decimal | None = None
    dimensions_cm: tuple[Decimal, Decimal, Decimal] | None = None
    sscc: str = ""
    surplus: FrozenMap[str, Decimal] = FrozenMap()

    def apply(self, order: Order) -> Order:
        """There is a parcel more, and its contents are packed."""
        source, target = picked(self.fulfillment_id), packed(self.parcel_id)
        moves = handled(self.contents, source, target, self.surplus)
        parcel = Parcel(
            self.parcel_id,
            self.fulfillment_id,
            self.state,
            self.contents,
            self.weight_kg,
            self.dimensions_cm,
            self.sscc,
        )
        fulfillment = order.fulfillments[self.fulfillment_id].replace(state=self.fulfillment_state)
        return order.moved(moves).replace(
            parcels=order.parcels.set(self.parcel_id, parcel),
            fulfillments=order.fulfillments.set(self.fulfillment_id, fulfillment),
        )


@event("parcel_unpacked")
class ParcelUnpacked(Event):
    """The goods were taken out of a parcel."""

    parcel_id: str
    state: str
    fulfillment_state: str

    def apply(self, order: Order) -> Order:
        """The contents are picked again."""
        parcel = order.parcels[self.parcel_id]
        target = picked(parcel.fulfillment_id)
        moves = tuple(
            Move(line_id, packed(parcel.id), target, quantity)
            for line_id, quantity in order.contents_of(parcel.id).items()
        )
        fulfillment = order.fulfillments[parcel.fulfillment_id].replace(state=self.fulfillment_state)
        return order.replace(
            ledger=order.ledger.moved(moves),
            parcels=order.parcels.set(parcel.id, parcel.replace(state=self.state)),
            fulfillments=order.fulfillments.set(fulfillment.id, fulfillment),
        )


@event("parcel_emptied")
class ParcelEmptied(Event):
    """Everything in a parcel was cancelled: there is nothing in it that may be sent."""

    parcel_id: str
    state: str

    def apply(self, order: Order) -> Order:
        """The parcel is no more."""
        parcel = order.parcels[self.parcel_id].replace(state=self.state)
        return order.replace(parcels=order.parcels.set(self.parcel_id, parcel))


@event("packing_finished")
class PackingFinished(Event):
    """Everything picked is in parcels."""

    fulfillment_id: str
    state: str

    def apply(self, order: Order) -> Order:
        """The fulfillment is packed."""
        fulfillment = order.fulfillments[self.fulfillment_id].replace(state=self.state)
        return order.replace(fulfillments=order.fulfillments.set(self.fulfillment_id, fulfillment))


# -- rules ----------------------------------------------------------------------------------------------------------


def the_parcel_exists(order: Order, command: Any, policy: Policy) -> Iterable[Violation]:
    """The parcel is one of this order's."""
    if command.parcel_id not in order.parcels:
        yield Violation("parcel.unknown", f"there is no parcel {command.parcel_id!r}", "parcel_id")


def way_of(order: Order, line_id: str) -> tuple[Address | None, str | None, str | None, str | None]:
    """What goods must agree on to travel together: to where, by which service of which carrier, how."""
    terms = order.terms_of(line_id)
    return terms.ship_to or order.ship_to, terms.service, terms.carrier, terms.method


def a_parcel_goes_one_way(order: Order, command: PackParcel, policy: Policy) -> Iterable[Violation]:
    """Goods in one parcel have one address and one way of travelling."""
    lines = dict.fromkeys(goods.line_id for goods in command.contents or ())
    if len({way_of(order, line_id) for line_id in lines}) > 1:
        yield Violation("packing.mixed", f"{', '.join(lines)} differ in address or service", "contents")


def goods_priced_by_measure_are_measured(order: Order, command: PackParcel, policy: Policy) -> Iterable[Violation]:
    """What is priced by what it measures says so when it is packed, since that is what will be charged."""
    if command.contents is None:
        all_of_it = _going_one_way(order, on_the_table(order, command.fulfillment_id))
        goods: Iterable[tuple[str, str, bool]] = (
            (some.line_id, "contents", some.measured is not None) for some in all_of_it
        )
    else:
        goods = (
            (some.line_id, f"contents[{index}].measured", some.measured is not None)
            for index, some in enumerate(command.contents)
        )
    for line_id, path, is_measured in goods:
        unit = order.lines[line_id].measure_unit
        if unit and not is_measured:
            told = f"{order.lines[line_id].sku} is priced by {unit}: how much is packed?"
            yield Violation("packing.not_measured", told, path, remedy="name the contents with what they measure")


def on_the_table(order: Order, fulfillment_id: str) -> tuple[Goods, ...]:
    """What is picked and in no parcel, as it was read off when it was picked."""
    work = order.fulfillments[fulfillment_id]
    quantities = order.ledger.holding(picked(fulfillment_id))
    if not work.taken:
        return tuple(Goods(line_id, units) for line_id, units in quantities.items())
    packed_already = [g for p in order.parcels_of(work.id) if _is_packed(order, p) for g in p.contents]
    found: list[Goods] = []
    for line_id, units in quantities.items():
        for some in _not_among(packed_already, (g for g in work.taken if g.line_id == line_id)):
            if units:
                found.append(some.part(min(units, some.quantity)))
                units = EXACT.subtract(units, found[-1].quantity)
        if units:
            found.append(Goods(line_id, units))
    return tuple(found)


def _is_packed(order: Order, parcel: Parcel) -> bool:
    return bool(order.contents_of(parcel.id) or order.despatched_in(parcel.id))


def _not_among(packed_already: Iterable[Goods], taken: Iterable[Goods]) -> Iterable[Goods]:
    """What was taken less what is in parcels: the very units by their serials, others by lot and expiry."""
    gone = {(some.line_id, serial) for some in packed_already for serial in some.serials}
    loose = (some for some in packed_already if not some.serials)
    units = total_by(((some.line_id, some.lot, some.expires_on), some.quantity) for some in loose)
    for some in taken:
        kind = (some.line_id, some.lot, some.expires_on)
        if some.serials:
            left = tuple(serial for serial in some.serials if (some.line_id, serial) not in gone)
            rest = some if left == some.serials else evolved(some.part(Decimal(len(left))), serials=left)
        else:
            away = min(units.get(kind, ZERO), some.quantity)
            units[kind] = EXACT.subtract(units.get(kind, ZERO), away)
            rest = some.part(EXACT.subtract(some.quantity, away))
        if rest.quantity:
            yield rest


def serials_were_picked(order: Order, command: PackParcel, policy: Policy) -> Iterable[Violation]:
    """A unit with a serial number is packed by who picked it, and is in one parcel."""
    here = on_the_table(order, command.fulfillment_id)
    known, read = serials_in(order, here), {some.line_id for some in here if some.serials}
    for index, some in enumerate(command.contents or ()):
        mine = serials_in(order, (some,))
        if some.line_id in read:
            for _, serial in sorted(mine - known):
                told = f"{serial} is not among what is picked and in no parcel"
                yield Violation("packing.serial_not_there", told, f"contents[{index}].serials")
        known -= mine


def no_two_parcels_have_one_code(order: Order, command: PackParcel, policy: Policy) -> Iterable[Violation]:
    """A serial shipping container code names one parcel."""
    for parcel in order.parcels.values():
        if command.sscc and parcel.sscc == command.sscc and _is_packed(order, parcel):
            yield Violation("packing.sscc_twice", f"{parcel.id} has the code {command.sscc}", "sscc")


def _going_one_way(order: Order, goods: tuple[Goods, ...]) -> tuple[Goods, ...]:
    """Of what is picked, that which goes the same way as the first line."""
    way = way_of(order, goods[0].line_id)
    return tuple(some for some in goods if way_of(order, some.line_id) == way)


def the_parcel_may_be_unpacked(order: Order, command: UnpackParcel, policy: Policy) -> Iterable[Violation]:
    """The lifecycles of parcel and fulfillment permit unpacking."""
    parcel = order.parcels[command.parcel_id]
    if policy.parcel_step(order, parcel, "unpack") is None:
        told, _ = why_not(policy.lifecycles.parcel, parcel.state, "unpack")
        yield Violation("parcel.cannot_unpack", f"{parcel.id} is {told}", parcel.id)
    fulfillment = order.fulfillments[parcel.fulfillment_id]
    if policy.fulfillment_step(order, fulfillment, "unpack") is None:
        told, _ = why_not(policy.lifecycles.fulfillment, fulfillment.state, "unpack")
        yield Violation("fulfillment.cannot_unpack", f"{fulfillment.id} is {told}", fulfillment.id)


def the_parcel_is_not_booked(order: Order, command: UnpackParcel, policy: Policy) -> Iterable[Violation]:
    """A parcel that a carrier was asked to take stays as it was described."""
    shipment = order.shipment_of(command.parcel_id)
    if shipment is not None:
        yield Violation(
            "packing.parcel_is_booked", f"{command.parcel_id} travels with {shipment.id}", command.parcel_id
        )


def _pack(order: Order, command: PackParcel, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    everything = order.ledger.holding(picked(command.fulfillment_id))
    contents = command.contents or _going_one_way(order, on_the_table(order, command.fulfillment_id))
    state = policy.fulfillment_step(order, order.fulfillments[command.fulfillment_id], "pack")
    assert state is not None
    yield ParcelPacked(
        envelope.at,
        next_id("P", order.parcels),
        command.fulfillment_id,
        contents,
        policy.lifecycles.parcel.initial,
        state,
        command.weight_kg,
        command.dimensions_cm,
        command.sscc,
        surplus_of(contents, everything),
    )


def _unpack(order: Order, command: UnpackParcel, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    parcel = order.parcels[command.parcel_id]
    state = policy.parcel_step(order, parcel, "unpack")
    fulfillment_state = policy.fulfillment_step(order, order.fulfillments[parcel.fulfillment_id], "unpack")
    assert state is not None
    assert fulfillment_state is not None
    yield ParcelUnpacked(envelope.at, parcel.id, state, fulfillment_state)


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    for parcel in order.parcels.values():
        if parcel.state == policy.lifecycles.parcel.initial and not order.ledger.holds_any(packed(parcel.id)):
            state = policy.parcel_step(order, parcel, "unpack")
            if state is not None:
                yield ParcelEmptied(at, parcel.id, state)
    finishing = _finishing_states(policy)
    for fulfillment in order.fulfillments.values():
        if (
            fulfillment.state in finishing
            and not order.work_left(fulfillment.id)
            and _has_parcels(order, fulfillment.id)
        ):
            state = policy.fulfillment_step(order, fulfillment, "finish_packing")
            if state is not None:
                yield PackingFinished(at, fulfillment.id, state)


def _has_parcels(order: Order, fulfillment_id: str) -> bool:
    return any(order.ledger.holds_any(packed(parcel.id)) for parcel in order.parcels_of(fulfillment_id))


def _finishing_states(policy: Policy) -> tuple[str, ...]:
    chart = policy.lifecycles.fulfillment
    return chart.sources_of("finish_packing") if "finish_packing" in chart.events else ()


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for fulfillment in order.fulfillments.values():
        units = order.ledger.holding(picked(fulfillment.id))
        if units:
            who = fulfillment.location or "the warehouse"
            yield Wait(who, f"to pack {units_text(order, units)}", f"fulfillment {fulfillment.id}")


def _looks_at(order: Order) -> tuple[str, ...]:
    return ("ledger", "fulfillments", "parcels") if order.fulfillments else ("fulfillments",)


STAGE = Stage(
    name="packing",
    commands=(PackParcel, UnpackParcel),
    events=(ParcelPacked, ParcelUnpacked, ParcelEmptied, PackingFinished),
    decisions=(
        Decision(
            PackParcel,
            tiers=(
                (order_exists,),
                (the_fulfillment_exists,),
                (
                    the_work_is_ours,
                    fulfillment_may("pack"),
                    order_not_cancelling,
                    nothing_holds("pack", on_fulfillment),
                ),
                (goods_are_there(picked, "packing.takes", "contents"),),
                (
                    a_parcel_goes_one_way,
                    goods_priced_by_measure_are_measured,
                    serials_count_units("contents"),
                    serials_were_picked,
                    no_two_parcels_have_one_code,
                ),
            ),
            events=_pack,
            candidates=lambda order, policy: tuple(PackParcel(order.id, f) for f in order.fulfillments),
        ),
        Decision(
            UnpackParcel,
            tiers=(
                (order_exists,),
                (the_parcel_exists,),
                (the_parcel_may_be_unpacked, the_parcel_is_not_booked, order_not_cancelling),
            ),
            events=_unpack,
            candidates=lambda order, policy: tuple(UnpackParcel(order.id, p) for p in order.parcels),
        ),
    ),
    follow=_follow,
    looks_at=_looks_at,
    awaits=_awaits,
)
