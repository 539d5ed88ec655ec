"""Cash on delivery: what a carrier is to collect, has collected, and hands over.

Where an order is paid on delivery (``Policy.on_delivery``), each booking tells the carrier what to collect for it, all
its parcels together: what the customer owes once these goods are there too, less what was paid and what carriers are to
collect for other shipments. So each shipment has an amount of its own, and together they are what is owed. The amount
is frozen with the booking.

That cash was *collected* is what the customer has paid; that it was *remitted* is what we have of it. Both are
observations; where an amount differs from what was to be collected, or from what was, that is an anomaly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from orderflow.ledger import HERE, Account, Move, delivered, packed, shipped
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Order, Shipment
from orderflow.payments import CASH, PaymentFact, Settlement
from orderflow.policy import Policy
from orderflow.stages.payment import as_revision, as_told, one_of
from orderflow.stages.settlement import still_to_arrive, to_be_raised
from orderflow.stages.stage import Decision, Stage, Wait, order_exists, order_was_placed
from orderflow.values.checked import checked, optional
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_reference
from orderflow.values.money import Money, sum_money, zero
from orderflow.values.times import as_instant

__all__ = ["STAGE", "CashCollected", "CashRemitted", "RecordCash", "amount_to_collect"]


@command("record_cash")
class RecordCash(Command):
    """A carrier says that it has collected the cash of a shipment, or somebody that the carrier has remitted it."""

    order_id: str = checked(as_id)
    shipment_id: str = checked(as_id)
    source: str = checked(as_id)
    reference: str = checked(as_reference)
    amount: Money = checked(as_told)
    state: str = checked(one_of(*CASH), default="collected")
    revision: int = checked(as_revision, default=0)
    occurred_at: datetime | None = checked(optional(as_instant), default=None)


@event("cash_collected")
class CashCollected(Event):
    """The carrier has collected cash on delivery: the customer has paid."""

    source: str
    reference: str
    shipment_id: str
    amount: Money
    revision: int = 0
    occurred_at: datetime | None = None

    def apply(self, order: Order) -> Order:
        """The customer has paid so much."""
        return _after_told(order, self, "collected")


@event("cash_remitted")
class CashRemitted(Event):
    """The carrier has handed over what it collected."""

    source: str
    reference: str
    shipment_id: str
    amount: Money
    revision: int = 0
    occurred_at: datetime | None = None

    def apply(self, order: Order) -> Order:
        """We have so much of it."""
        return _after_told(order, self, "remitted")


def _after_told(order: Order, told: CashCollected | CashRemitted, state: str) -> Order:
    fact = PaymentFact(told.amount, told.occurred_at or told.at, told.revision)
    settlement = order.settlement.told("cash", told.source, told.reference, state, fact, told.shipment_id)
    return order.replace(settlement=settlement)


# -- decisions --


def _record_cash(order: Order, command: RecordCash, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    kind = CashCollected if command.state == "collected" else CashRemitted
    said = (command.shipment_id, command.amount, command.revision, command.occurred_at)
    happened = kind(envelope.at, command.source, command.reference, *said)
    if happened.apply(order) != order:
        yield happened


# -- what a carrier is to collect --


def amount_to_collect(order: Order, shipment: Shipment, policy: Policy) -> Money | None:
    """What is owed for the goods of a shipment that is about to be booked; ``None`` where nothing is to be collected.

    A box that several orders share is not paid on delivery: its carrier knows nothing of orders.
    """
    if shipment.shared is not None or not policy.on_delivery(order):
        return None
    earlier = [order.shipments[one] for one in order.to_collect if one != shipment.id]
    gone = _as_if_there(order, (*earlier, shipment))
    is_last = not gone.ledger.kinds & HERE
    balance = order.balance if is_last and not _charges_by_shipment(order) else gone.balance
    due = balance.payable if is_last else balance.charged - balance.credited
    lost_counts = is_last or order.settlement.charge_on != "delivery"
    amount = due - order.balance.kept - _to_collect_for(order, earlier, (shipment,), lost_counts)
    return amount if amount > zero(order.currency) else None


def _charges_by_shipment(order: Order) -> bool:
    return order.settlement.charge_on in ("despatch", "delivery")


def _as_if_there(order: Order, shipments: Iterable[Shipment]) -> Order:
    """The order once shipments have got, one after the other, as far as their goods are charged."""
    gone = order if _charges_by_shipment(order) else _as_if_charged_by_shipment(order)
    for one in shipments:
        gone = _after(gone, one)
    return gone


def _as_if_charged_by_shipment(order: Order) -> Order:
    """The order with its goods charged as they left, though they are charged otherwise, or not by us."""
    fees = {key: one for key, one in order.settlement.documents.items() if not any(line.line_id for line in one.lines)}
    charging = order.replace(settlement=Settlement("despatch", FrozenMap(fees)))
    return _raised(charging)


def _after(order: Order, shipment: Shipment) -> Order:
    """The order as it is once a shipment has got as far as its goods are charged."""
    on_delivery = order.settlement.charge_on == "delivery"
    moves = tuple(_moves(order, shipment, (packed, shipped) if on_delivery else (packed,), on_delivery))
    return _raised(order.moved(moves)) if moves else order


def _moves(
    order: Order, shipment: Shipment, sources: Iterable[Callable[[str], Account]], has_arrived: bool
) -> Iterable[Move]:
    """The moves by which the goods of a shipment leave, or arrive."""
    for parcel_id in shipment.parcel_ids:
        target = Account(delivered(parcel_id) if has_arrived else shipped(parcel_id))
        for source in sources:
            for line_id, units in order.ledger.holding(source(parcel_id)).items():
                yield Move(line_id, source(parcel_id), target, units)


def _raised(order: Order) -> Order:
    for happened in tuple(to_be_raised(order, order.placed_at)):
        order = happened.apply(order)
    return order


def _to_collect_for(
    order: Order, shipments: Iterable[Shipment], besides: tuple[Shipment, ...], lost_counts: bool
) -> Money:
    """What carriers are to collect for shipments, and have not; ``besides`` are on their way as well."""
    shipments = tuple(shipments)
    left = (
        order.to_collect[one.id]
        for one in shipments
        if order.settlement.collected(one.id, "collected", order.currency).is_zero
        and _will_be_paid(order, one, (*shipments, *besides), lost_counts)
    )
    return sum_money(left, order.currency)


def _will_be_paid(order: Order, shipment: Shipment, shipments: Iterable[Shipment], lost_counts: bool) -> bool:
    """Whether the goods of a shipment are, or may still be, at a door where they are paid.

    Not those that were given back, nor those for which another shipment brings a replacement. Whether what is lost
    ``lost_counts``, until somebody settles it, depends on whether it is charged.
    """
    came_back = {move.source for known in order.returns.values() for move in known.taken}
    if any(order.ledger.holding(at(one)) for one in shipment.parcel_ids for at in (packed, delivered)):
        return True
    if any(delivered(one) in came_back for one in shipment.parcel_ids):
        return True
    others = (one for one in shipments if one.id != shipment.id)
    there = order.moved(move for one in others for move in _moves(order, one, (packed, shipped), True))
    return any(
        lost_counts or order.ledger.balance(line_id, shipped(parcel_id)) > 0
        for parcel_id in shipment.parcel_ids
        for line_id in still_to_arrive(there, parcel_id)
    )


# -- whom it waits for --


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    booked = tuple(order.shipments[shipment_id] for shipment_id in order.to_collect)
    if not booked:
        return
    too_much = _to_collect_for(order, booked, (), False) - _outstanding(order, booked)
    for shipment in booked:
        yield from _of_the_carrier(order, shipment, booked, too_much)
    too_little = _outstanding(order, booked) - _to_collect_for(order, booked, (), True)
    if too_little > zero(order.currency) and _all_is_booked(order):
        yield Wait("the customer", f"to pay {too_little} beside what is collected on delivery")


def _of_the_carrier(order: Order, shipment: Shipment, booked: tuple[Shipment, ...], too_much: Money) -> Iterable[Wait]:
    """The carrier is to collect, not more than is owed, and then to hand over."""
    collected, remitted = (order.settlement.collected(shipment.id, state, order.currency) for state in CASH)
    who, about, beyond = shipment.carrier or "the carrier", f"shipment {shipment.id}", ""
    if remitted < collected:
        yield Wait(who, f"to hand over {collected - remitted} in cash", about)
    if not collected.is_zero or not _will_be_paid(order, shipment, booked, False):
        return
    if shipment.stage == "despatched":
        if too_much > zero(order.currency):
            beyond = f", and with it {min(too_much, order.to_collect[shipment.id])} more than is owed"
        yield Wait(who, f"to collect {order.to_collect[shipment.id]}{beyond}", about)
    elif too_much > zero(order.currency) and shipment.stage != "void_wanted":
        told = f"to book {shipment.id} anew: carriers are to collect {too_much} more than is owed"
        yield Wait("someone", told, "VoidShipment")


def _outstanding(order: Order, booked: tuple[Shipment, ...]) -> Money:
    """What is still to be paid in all, with the cents by which the documents of these shipments will differ."""
    return (_as_if_there(order, booked) if _charges_by_shipment(order) else order).balance.outstanding


def _all_is_booked(order: Order) -> bool:
    """Whether no shipment is still to be booked that could collect the rest."""
    if order.ledger.kinds & (HERE - {"packed"}):
        return False
    shipments = (order.shipment_of(parcel_id) for parcel_id in order.parcels if order.contents_of(parcel_id))
    return all(shipment is not None and shipment.request is not None for shipment in shipments)


STAGE = Stage(
    name="cash",
    commands=(RecordCash,),
    events=(CashCollected, CashRemitted),
    decisions=(Decision(RecordCash, tiers=((order_exists, order_was_placed),), events=_record_cash),),
    looks_at=lambda order: (),
    awaits=_awaits,
)
