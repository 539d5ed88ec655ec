"""Handing over: goods that reach the customer without a carrier, because they are collected, or sent as data.

Goods for *pick-up* are picked, and packed where one likes, and wait. When all that a location was to pick for that is
there, the customer may come, and is told so. What is collected is delivered at once, and has left our stock.

*Digital* goods need no warehouse and no stock. They are delivered when someone, or by policy the process itself, says
that they were sent; the proof is a receipt, a link, a licence number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from orderflow.errors import Violation
from orderflow.ledger import OPEN, Move, allocated, delivered, packed, picked
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Fulfillment, Goods, Handover, Order
from orderflow.policy import Policy
from orderflow.ports import IssueLine, IssueStock
from orderflow.stages.payment import to_be_paid_first, work_waits_for_payment
from orderflow.stages.picking import (
    OrderInFulfillment,
    as_goods,
    fulfillment_may,
    on_fulfillment,
    the_fulfillment_exists,
    the_order_is_being_worked_on,
    totals,
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
)
from orderflow.stages.stock import claim_key
from orderflow.values.checked import PERSONAL, checked, optional, tuple_of
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_text
from orderflow.values.numbers import ZERO, plain

__all__ = ["STAGE", "DeliverDigital", "GoodsHandedOver", "PickupReady", "RecordCollection"]


@command("record_collection")
class RecordCollection(Command):
    """The customer, or whoever came for him, took goods at a location; without a list, everything that waits there.

    ``parcel_ids`` are parcels that were taken, ``goods`` what was taken unpacked.
    """

    order_id: str = checked(as_id)
    fulfillment_id: str = checked(as_id)
    taken_by: str = checked(as_text(200), default="", personal=True)
    goods: tuple[Goods, ...] = checked(tuple_of(as_goods), default=())
    parcel_ids: tuple[str, ...] = checked(tuple_of(as_id), default=())
    proof: str = checked(as_text(1000), default="", personal=True)

    if TYPE_CHECKING:

        def __init__(
            self,
            order_id: str,
            fulfillment_id: str,
            taken_by: str = "",
            goods: Iterable[Goods | tuple[str, Decimal | int | str]] = (),
            parcel_ids: Iterable[str] = (),
            proof: str = "",
        ) -> None: ...


@command("deliver_digital")
class DeliverDigital(Command):
    """Digital goods were sent to the customer; without a list, all of the order. ``proof`` is what shows it."""

    order_id: str = checked(as_id)
    goods: tuple[Goods, ...] | None = checked(optional(tuple_of(as_goods, at_least=1)), default=None)
    proof: str = checked(as_text(1000), default="", personal=True)

    if TYPE_CHECKING:

        def __init__(
            self,
            order_id: str,
            goods: Iterable[Goods | tuple[str, Decimal | int | str]] | None = None,
            proof: str = "",
        ) -> None: ...


@event("pickup_ready")
class PickupReady(Event):
    """Everything that a location was to pick for the customer to collect is there."""

    fulfillment_id: str

    def apply(self, order: Order) -> Order:
        """The customer may come."""
        fulfillment = order.fulfillments[self.fulfillment_id].replace(ready_at=self.at)
        return order.replace(fulfillments=order.fulfillments.set(fulfillment.id, fulfillment))


@event("goods_handed_over")
class GoodsHandedOver(Event):
    """Goods reached the customer without a carrier. What the inventory is to be told is frozen here."""

    handover_id: str
    method: str
    moves: tuple[Move, ...]
    fulfillment_id: str = ""
    states: FrozenMap[str, str] = attrs.field(factory=FrozenMap)
    taken_by: str = attrs.field(default="", metadata=PERSONAL)
    proof: str = attrs.field(default="", metadata=PERSONAL)
    issue: IssueStock | None = None

    def apply(self, order: Order) -> Order:
        """The goods are delivered."""
        handover = Handover(
            self.handover_id,
            self.method,
            self.moves,
            self.at,
            self.fulfillment_id,
            tuple(self.states),
            self.taken_by,
            self.proof,
            self.issue,
            issued=self.issue is None,
        )
        parcels = dict(order.parcels)
        for parcel_id, state in self.states.items():
            parcels[parcel_id] = parcels[parcel_id].replace(state=state)
        return order.replace(
            ledger=order.ledger.moved(self.moves),
            parcels=FrozenMap(parcels) if self.states else order.parcels,
            handovers=order.handovers.set(self.handover_id, handover),
        )


# -- what waits ------------------------------------------------------------------------------------------------------


def _loose(order: Order, fulfillment_id: str) -> dict[str, Decimal]:
    """What waits for collection outside parcels."""
    there = order.ledger.held.get(picked(fulfillment_id), {})
    return {line_id: units for line_id, units in there.items() if order.method_of(line_id) == "pick_up"}


def _parcels(order: Order, fulfillment_id: str) -> tuple[str, ...]:
    """The parcels that wait for collection; not those of which units are to be cancelled."""
    return tuple(
        parcel.id
        for parcel in order.parcels_of(fulfillment_id)
        if order.ledger.holds_any(packed(parcel.id))
        and order.method_of(parcel.contents[0].line_id) == "pick_up"
        and not order.wished_out_of(packed(parcel.id))
    )


def _digital(order: Order) -> dict[str, Decimal]:
    """Digital goods that were not delivered yet, and have a price."""
    there = order.ledger.held.get(OPEN, {})
    return {
        line_id: units
        for line_id, units in there.items()
        if order.method_of(line_id) == "digital" and not order.unpriced(line_id)
    }


def _taken(order: Order, command: RecordCollection) -> tuple[dict[str, Decimal], tuple[str, ...]]:
    """The units and the parcels that are collected."""
    if command.goods or command.parcel_ids:
        return totals(command.goods), tuple(dict.fromkeys(command.parcel_ids))
    return _loose(order, command.fulfillment_id), _parcels(order, command.fulfillment_id)


# -- rules ----------------------------------------------------------------------------------------------------------


def only_what_waits_is_collected(order: Order, command: RecordCollection, policy: Policy) -> Iterable[Violation]:
    """What is taken waits for collection at this location, and something is taken."""
    loose, parcels = _loose(order, command.fulfillment_id), _parcels(order, command.fulfillment_id)
    if not loose and not parcels:
        told = f"nothing waits for collection in {command.fulfillment_id}"
        yield Violation("handover.nothing_waits", told, "fulfillment_id")
        return
    for index, parcel_id in enumerate(command.parcel_ids):
        if parcel_id not in parcels:
            told = f"{parcel_id} does not wait for collection in {command.fulfillment_id}"
            yield Violation("handover.other_parcel", told, f"parcel_ids[{index}]")
    for index, told in _too_many(loose, command.goods):
        yield Violation("handover.too_much", told, f"goods[{index}].quantity")


def only_open_digital_goods_are_delivered(order: Order, command: DeliverDigital, policy: Policy) -> Iterable[Violation]:
    """What is delivered is digital, has a price, and was not delivered before."""
    there = _digital(order)
    if not there:
        yield Violation("handover.nothing_digital", "no digital goods wait to be delivered")
        return
    for index, told in _too_many(there, command.goods or ()):
        yield Violation("handover.too_much", told, f"goods[{index}].quantity")


def _too_many(there: dict[str, Decimal], goods: tuple[Goods, ...]) -> Iterator[tuple[int, str]]:
    """Where more units are named than wait, and how many do."""
    for line_id, units in totals(goods).items():
        most = there.get(line_id, ZERO)
        if units > most:
            index = next(index for index, some in enumerate(goods) if some.line_id == line_id)
            yield index, f"{plain(units)} of {line_id}, but {plain(most)} wait"


def the_parcels_may_be_handed_over(order: Order, command: RecordCollection, policy: Policy) -> Iterable[Violation]:
    """The lifecycle of the parcels permits it."""
    for parcel_id in _taken(order, command)[1]:
        parcel = order.parcels.get(parcel_id)
        if parcel is not None and policy.parcel_step(order, parcel, "hand_over") is None:
            yield Violation("parcel.cannot_hand_over", f"{parcel.id} is {parcel.state}", parcel.id)


# -- decisions ------------------------------------------------------------------------------------------------------


def _collect(order: Order, command: RecordCollection, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    loose, parcel_ids = _taken(order, command)
    number = next_id("D", order.handovers)
    moves = [Move(line, picked(command.fulfillment_id), delivered(number), units) for line, units in loose.items()]
    states: dict[str, str] = {}
    for parcel_id in parcel_ids:
        contents = order.contents_of(parcel_id)
        moves += [Move(line, packed(parcel_id), delivered(parcel_id), units) for line, units in contents.items()]
        states[parcel_id] = policy.parcel_step(order, order.parcels[parcel_id], "hand_over") or ""
    yield GoodsHandedOver(
        envelope.at,
        number,
        "pick_up",
        tuple(moves),
        command.fulfillment_id,
        FrozenMap(states),
        command.taken_by,
        command.proof,
        _issue(order, number, order.fulfillments[command.fulfillment_id], moves),
    )


def _issue(order: Order, number: str, fulfillment: Fulfillment, moves: Iterable[Move]) -> IssueStock:
    """What the inventory is to book out."""
    lines = []
    for move in moves:
        line, claim = order.lines[move.line_id], order.claim_of(fulfillment.id, move.line_id)
        lines.append(IssueLine(claim_key(order, claim.id) if claim else "", line.sku, line.unit, move.quantity))
    request_id = f"issue/{number}"
    return IssueStock(
        order.id, request_id, f"{order.tenant}/{order.id}/{request_id}", fulfillment.location, tuple(lines)
    )


def _deliver(order: Order, command: DeliverDigital, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    units = totals(command.goods) if command.goods else _digital(order)
    return _sent(order, units, command.proof, policy, envelope.at)


def _sent(order: Order, units: dict[str, Decimal], proof: str, policy: Policy, at: datetime) -> Iterable[Event]:
    number = next_id("D", order.handovers)
    moves = tuple(Move(line_id, OPEN, delivered(number), quantity) for line_id, quantity in units.items())
    yield GoodsHandedOver(at, number, "digital", moves, proof=proof)
    if "in_fulfillment" not in order.milestones:
        state = policy.order_step(order, "start_fulfillment")
        assert state is not None
        yield OrderInFulfillment(at, state)


# -- what follows ---------------------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    yield from _digital_goods_are_sent(order, policy, at)
    for fulfillment in order.fulfillments.values():
        if fulfillment.ready_at is None and _is_ready(order, fulfillment, policy):
            yield PickupReady(at, fulfillment.id)


def _digital_goods_are_sent(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """Where the policy says so, digital goods are delivered as soon as work on the order may begin."""
    if "deliver_digital" not in policy.automatic or OPEN not in order.ledger.held or "verified" not in order.milestones:
        return
    may_begin = "in_fulfillment" in order.milestones or policy.order_step(order, "start_fulfillment") is not None
    if may_begin and order.cancellation is None and not any(order.holds_on("deliver_digital")):
        if to_be_paid_first(order, policy) is not None:
            return
        units = _digital(order)
        if units:
            yield from _sent(order, units, "", policy, at)


def _is_ready(order: Order, fulfillment: Fulfillment, policy: Policy) -> bool:
    """Whether all that a location was to pick for collection is there."""
    to_pick = order.ledger.held.get(allocated(fulfillment.id), {})
    if any(order.method_of(line_id) == "pick_up" for line_id in to_pick):
        return False
    if not _loose(order, fulfillment.id) and not _parcels(order, fulfillment.id):
        return False
    return policy.fulfillment_step(order, fulfillment, "hand_over") is not None


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for fulfillment in order.fulfillments.values():
        if fulfillment.ready_at is not None:
            units = _loose(order, fulfillment.id)
            for parcel_id in _parcels(order, fulfillment.id):
                units |= order.contents_of(parcel_id)
            if units:
                where = f"at {fulfillment.location}" if fulfillment.location else ""
                yield Wait("the customer", f"to collect {units_text(order, units)}", where)
    for parcel in order.parcels.values():
        units = order.contents_of(parcel.id)
        if any(order.method_of(line_id) == "supplier" for line_id in units):
            who = order.fulfillments[parcel.fulfillment_id].location or "the supplier"
            yield Wait(who, f"to send {units_text(order, units)}", f"parcel {parcel.id}")
    digital = _digital(order) if "verified" in order.milestones else {}
    if digital:
        yield Wait("someone", f"to send {units_text(order, digital)}")


_ALL = ("milestones", "state", "ledger", "fulfillments", "parcels", "tranches", "holds", "cancellation", "settlement")


def _looks_at(order: Order) -> tuple[str, ...]:
    """Before verification nothing is handed over, and nothing is where all goods travel by carrier."""
    if "verified" not in order.milestones:
        return ("milestones",)
    goes_otherwise = any(order.method_of(line_id) in ("pick_up", "digital") for line_id in order.lines)
    return _ALL if goes_otherwise else ("milestones", "lines", "terms")


STAGE = Stage(
    name="handover",
    commands=(RecordCollection, DeliverDigital),
    events=(PickupReady, GoodsHandedOver),
    decisions=(
        Decision(
            RecordCollection,
            tiers=(
                (order_exists,),
                (the_fulfillment_exists,),
                (fulfillment_may("hand_over"), order_not_cancelling, nothing_holds("hand_over", on_fulfillment)),
                (only_what_waits_is_collected, the_parcels_may_be_handed_over),
            ),
            events=_collect,
            candidates=lambda order, policy: tuple(
                RecordCollection(order.id, f) for f in order.fulfillments if _loose(order, f) or _parcels(order, f)
            ),
        ),
        Decision(
            DeliverDigital,
            tiers=(
                (order_exists,),
                (
                    the_order_is_being_worked_on,
                    order_not_cancelling,
                    nothing_holds("deliver_digital"),
                    work_waits_for_payment,
                ),
                (only_open_digital_goods_are_delivered,),
            ),
            events=_deliver,
            candidates=lambda order, policy: (DeliverDigital(order.id),) if _digital(order) else (),
        ),
    ),
    follow=_follow,
    looks_at=_looks_at,
    awaits=_awaits,
)
