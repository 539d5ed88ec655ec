"""Payment: what others tell of the customer's money, and whether work may begin.

A payment was authorized, captured, voided; a refund was requested, paid out, failed: each is an observation, kept by
its source and reference, never refused, and the same in whatever order it comes (`orderflow.payments`). What is owed
follows (`orderflow.balance`); a payment that comes after the order was cancelled is owed back.

Where the policy says so (``Policy.paid_first``), work begins only once everything that is to be paid was paid, or a
payment of it authorized. What is asked for is told once, and the rest goes by itself when the payment comes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from orderflow.errors import InvalidInput, Violation
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Order
from orderflow.payments import PAYMENT, REFUND, PaymentFact, Settlement
from orderflow.policy import Policy
from orderflow.stages.stage import Decision, Stage, Wait, order_exists, order_was_placed
from orderflow.values.checked import checked, optional
from orderflow.values.ids import as_id, as_reference, as_text
from orderflow.values.money import Money, as_money, zero
from orderflow.values.numbers import ZERO
from orderflow.values.times import as_instant

__all__ = [
    "STAGE",
    "PaymentAwaited",
    "PaymentRecorded",
    "RecordPayment",
    "RecordRefund",
    "RefundRecorded",
    "as_revision",
    "as_told",
    "one_of",
    "to_be_paid_first",
    "work_waits_for_payment",
]


def as_told(raw: Any) -> Money:
    """Money, or none."""
    money = as_money(raw)
    if money.amount < ZERO:
        raise InvalidInput.because("number.negative", "must not be negative")
    return money


def one_of(*states: str) -> Any:
    """What can be told of money: one of these words."""

    def as_state(raw: Any) -> str:
        if raw not in states:
            raise InvalidInput.because("settlement.unknown_state", f"must be one of {', '.join(states)}")
        return str(raw)

    return as_state


def as_revision(raw: Any) -> int:
    """How often what is told of money was told anew."""
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 0:
        raise InvalidInput.because("settlement.not_a_revision", "must be a whole number from 0")
    return raw


@command("record_payment")
class RecordPayment(Command):
    """A payment provider or bank says what became of a payment: it was authorized, captured, voided, or it failed.

    ``amount`` is all of it by now, in that respect; ``reference`` is its number at the ``source``. The same may be
    told again; a higher ``revision`` takes the place of what was told before.
    """

    order_id: str = checked(as_id)
    source: str = checked(as_id)
    reference: str = checked(as_reference)
    amount: Money = checked(as_told)
    state: str = checked(one_of(*PAYMENT), default="captured")
    method: str = checked(as_text(100), default="")
    revision: int = checked(as_revision, default=0)
    occurred_at: datetime | None = checked(optional(as_instant), default=None)


@command("record_refund")
class RecordRefund(Command):
    """A payment provider or bank says what became of a refund: it was requested, paid out, or it failed."""

    order_id: str = checked(as_id)
    source: str = checked(as_id)
    reference: str = checked(as_reference)
    amount: Money = checked(as_told)
    state: str = checked(one_of(*REFUND), default="refunded")
    method: str = checked(as_text(100), default="")
    revision: int = checked(as_revision, default=0)
    occurred_at: datetime | None = checked(optional(as_instant), default=None)


@event("payment_recorded")
class PaymentRecorded(Event):
    """Something was told of a payment of the customer's."""

    source: str
    reference: str
    state: str
    amount: Money
    revision: int = 0
    method: str = ""
    occurred_at: datetime | None = None

    def apply(self, order: Order) -> Order:
        """It is known of the payment."""
        return order.replace(settlement=_with_told(order.settlement, "payments", self))


@event("refund_recorded")
class RefundRecorded(Event):
    """Something was told of a refund to the customer."""

    source: str
    reference: str
    state: str
    amount: Money
    revision: int = 0
    method: str = ""
    occurred_at: datetime | None = None

    def apply(self, order: Order) -> Order:
        """It is known of the refund."""
        return order.replace(settlement=_with_told(order.settlement, "refunds", self))


@event("payment_awaited")
class PaymentAwaited(Event):
    """Work on the order waits until the customer has paid so much."""

    amount: Money

    def apply(self, order: Order) -> Order:
        """The customer is to pay."""
        return order.replace(settlement=order.settlement.replace(awaited=self.amount))


def _with_told(settlement: Settlement, held: Literal["payments", "refunds"], told: Any) -> Settlement:
    fact = PaymentFact(told.amount, told.occurred_at or told.at, told.revision)
    return settlement.told(held, told.source, told.reference, told.state, fact, method=told.method)


# -- decisions --


def _record_payment(order: Order, command: RecordPayment, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    said = (command.amount, command.revision, command.method, command.occurred_at)
    happened = PaymentRecorded(envelope.at, command.source, command.reference, command.state, *said)
    if happened.apply(order) != order:
        yield happened


def _record_refund(order: Order, command: RecordRefund, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    said = (command.amount, command.revision, command.method, command.occurred_at)
    happened = RefundRecorded(envelope.at, command.source, command.reference, command.state, *said)
    if happened.apply(order) != order:
        yield happened


# -- paid before work begins --


def to_be_paid_first(order: Order, policy: Policy) -> Money | None:
    """What the customer is to pay, or have authorized, before work on the order begins; ``None``: nothing."""
    wanted = policy.wants_first(order) if policy.paid_first is not None else None
    if wanted is None or not order.tranches or not order.is_priced or order.balance.covers(wanted):
        return None
    authorized = order.balance.authorized if wanted == "authorized" else zero(order.currency)
    return order.balance.outstanding - authorized


def work_waits_for_payment(order: Order, command: Any, policy: Policy) -> Iterable[Violation]:
    """Where the policy wants it, work begins only once it is paid for."""
    amount = to_be_paid_first(order, policy)
    if amount is not None:
        yield Violation("payment.awaited", f"the customer is to pay {amount} first", remedy="RecordPayment")


# -- what follows --


def _awaited(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """The customer is asked for more than before."""
    if (
        policy.paid_first is None
        or "verified" not in order.milestones
        or order.is_over
        or order.cancellation is not None
    ):
        return
    amount = to_be_paid_first(order, policy)
    if amount is not None and (order.settlement.awaited is None or amount > order.settlement.awaited):
        yield PaymentAwaited(at, amount)


#: Kinds of accounts whose units were not given to any location.
_NOT_BEGUN = frozenset({"open", "backordered"})


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    if "verified" in order.milestones and not order.is_over and order.cancellation is None:
        amount = to_be_paid_first(order, policy)
        if amount is not None:
            is_begun = order.ledger.kinds.isdisjoint(_NOT_BEGUN)
            yield Wait("the customer", f"to pay {amount}{'' if is_begun else ' before work begins'}")
    if not order.settlement.is_empty:
        yield from _to_be_paid_back(order)


def _to_be_paid_back(order: Order) -> Iterable[Wait]:
    """What the customer is to get back and nobody has begun to pay; and what is on its way."""
    nothing, balance = zero(order.currency), order.balance
    if (left := balance.credit_owed - balance.refunding) > nothing:
        yield Wait("someone", f"to pay back {left} to the customer", "RecordRefund")
    for one in order.settlement.refunds.values():
        if (amount := one.refunding(order.currency)) > nothing:
            yield Wait(one.source, f"to pay out {amount} to the customer", one.reference)


STAGE = Stage(
    name="payment",
    commands=(RecordPayment, RecordRefund),
    events=(PaymentRecorded, RefundRecorded, PaymentAwaited),
    decisions=(
        Decision(RecordPayment, tiers=((order_exists, order_was_placed),), events=_record_payment),
        Decision(RecordRefund, tiers=((order_exists, order_was_placed),), events=_record_refund),
    ),
    follow=_awaited,
    looks_at=lambda order: ("settlement", "tranches", "given_back", "ledger", "milestones", "cancellation"),
    awaits=_awaits,
)
