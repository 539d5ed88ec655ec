"""Cash on delivery: what a carrier is to collect, has collected, and hands over.

Where an order is paid on delivery (``Policy.on_delivery``), each booking tells the carrier what to collect for it, all
its parcels together: what the customer owes once these goods are there too, less what was paid and what carriers are to
collect for other shipments. So each shipment has an amount of its own, and together they are what is owed. The amount
is frozen with the booking.

That cash was *collected* is what the customer has paid; that it was *remitted* is what we have of it. Both are
observations; where an amount differs from what was to be collected, or from what was, that is an anomaly.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from orderflow.ledger import Account, Move, delivered, lost, packed, shipped
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Order, Shipment
from orderflow.payments import CASH, PaymentFact, Settlement
from orderflow.policy import Policy
from orderflow.stages.losses import DAMAGED
from orderflow.stages.payment import as_revision, as_told, one_of
from orderflow.stages.settlement import to_be_raised
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
    gone = order if _charges_by_shipment(order) else _as_if_charged_by_shipment(order)
    for one in (*(one for one in earlier if one.stage != "despatched"), shipment):
        gone = _after(gone, one)
    is_last = not gone.ledger.kinds & _STILL_HERE
    balance = order.balance if is_last and not _charges_by_shipment(order) else gone.balance
    due = balance.payable if is_last else balance.charged - balance.credited
    amount = due - order.balance.kept - _still_to_collect(order, shipment)
    return amount if amount > zero(order.currency) else None


_STILL_HERE = frozenset({"open", "backordered", "allocated", "picked", "packed"})


def _charges_by_shipment(order: Order) -> bool:
    return order.settlement.charge_on in ("despatch", "delivery")


def _as_if_charged_by_shipment(order: Order) -> Order:
    """The order with its goods charged as they left, though they are charged otherwise, or not by us."""
    fees = {key: one for key, one in order.settlement.documents.items() if not any(line.line_id for line in one.lines)}
    charging = order.replace(settlement=Settlement("despatch", FrozenMap(fees)))
    return _raised(charging)


def _after(order: Order, shipment: Shipment) -> Order:
    """The order as it is once a shipment has got as far as its goods are charged."""
    arrived = delivered if order.settlement.charge_on == "delivery" else shipped
    moves = [
        Move(line_id, packed(parcel_id), Account(arrived(parcel_id)), units)
        for parcel_id in shipment.parcel_ids
        for line_id, units in order.contents_of(parcel_id).items()
    ]
    return _raised(order.moved(moves))


def _raised(order: Order) -> Order:
    for happened in tuple(to_be_raised(order, order.placed_at)):
        order = happened.apply(order)
    return order


def _still_to_collect(order: Order, shipment: Shipment) -> Money:
    """What carriers are to collect for other shipments, and have not."""
    left = (
        amount
        for other, amount in order.to_collect.items()
        if other != shipment.id
        and order.settlement.collected(other, "collected", order.currency).is_zero
        and _may_be_collected(order, order.shipments[other])
    )
    return sum_money(left, order.currency)


def _may_be_collected(order: Order, shipment: Shipment) -> bool:
    """Whether something of a shipment has arrived, or is to: nobody pays for what came back, or was made good."""
    held = order.ledger.held
    back = {move.source for known in order.returns.values() for move in known.taken}
    for parcel in (order.parcels[parcel_id] for parcel_id in shipment.parcel_ids):
        under_way = shipped(parcel.id) in held or lost(parcel.id) in held
        if under_way and parcel.given_up in ("", DAMAGED):
            return True
        if packed(parcel.id) in held or delivered(parcel.id) in held or delivered(parcel.id) in back:
            return True
    return False


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for shipment_id, amount in order.to_collect.items():
        shipment, settlement = order.shipments[shipment_id], order.settlement
        if shipment.stage != "despatched":
            continue
        collected, remitted = (settlement.collected(shipment_id, state, order.currency) for state in CASH)
        if collected.is_zero and not _may_be_collected(order, shipment):
            continue
        if collected.is_zero:
            yield Wait(shipment.carrier or "the carrier", f"to collect {amount}", f"shipment {shipment_id}")
        elif remitted < collected:
            told = f"to hand over {collected - remitted} in cash"
            yield Wait(shipment.carrier or "the carrier", told, f"shipment {shipment_id}")


STAGE = Stage(
    name="cash",
    commands=(RecordCash,),
    events=(CashCollected, CashRemitted),
    decisions=(Decision(RecordCash, tiers=((order_exists, order_was_placed),), events=_record_cash),),
    looks_at=lambda order: (),
    awaits=_awaits,
)
