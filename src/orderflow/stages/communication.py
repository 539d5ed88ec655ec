"""Communication: those concerned hear of it in time, once, and in the words of that moment.

What has happened and was not told yet is told: each *fact* is a kind and a subject (``out_for_delivery`` of
``P1 2026-12-01``), derived from the state, so that a report that comes twice is told once. Whom to tell, how and with
which data is a strategy (``Policy.draft``); it may tell several at once. What it drafts is frozen in `MessageQueued`,
so that the same key always carries the same message.

A message that nobody should read any more is not sent: one that a later one about the same part of the order makes
stale is superseded, and so is one that was not sent within the time in which it is worth reading
(``Policy.told_within``, counted from the fact). What was not to be told at all, because the command said so
(``Envelope.notify``), the strategy said so, or it was known too late, is withheld: kept on record, and never told. So
is what was not sent yet when the personal data of the order was erased; from then on there is nobody to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TypeAlias

import attrs

from orderflow.ledger import delivered, kind_of, place_of, shipped
from orderflow.messages import Event, event
from orderflow.order import Case, Message, Order, Parcel, Return
from orderflow.policy import Draft, Policy, Withheld
from orderflow.ports import Refused, Reply, SendMessage, Sent
from orderflow.stages.exceptions import ExceptionResolved, impossible_reply, raised
from orderflow.stages.stage import Stage, Wait, Wanted
from orderflow.tracking import TrackingStatus
from orderflow.values.checked import PERSONAL
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.numbers import plain
from orderflow.values.times import day_in

__all__ = ["KINDS", "STAGE", "MessageFailed", "MessageQueued", "MessageSent", "MessageSuperseded", "MessageWithheld"]

_S = TrackingStatus

#: The kinds of messages of the standard process, and the fact that each tells of.
KINDS = {
    "order_placed": "the order was received",
    "order_verified": "price, stock and requirements are in order",
    "digital_delivered": "digital goods are sent, with the proof",
    "order_changed": "something else is wanted from now on: quantities, lines, address, terms or prices",
    "change_declined": "goods go as they would have gone: it was too late to redirect them",
    "proposal_declined": "what the customer proposed to change stays as it is",
    "lines_cancelled": "units are cancelled, and nobody is waited for about them any more",
    "cancellation_declined": "nothing of what was to be cancelled could be",
    "goods_backordered": "lines wait for stock",
    "shipment_despatched": "a shipment leaves, with tracking and estimate",
    "out_for_delivery": "a parcel comes today",
    "ready_for_pickup": "goods wait to be collected, at a location of ours or of the carrier's",
    "delivery_failed": "the carrier tried to deliver, and could not",
    "action_required": "a parcel stands still until somebody does something",
    "return_to_sender": "a parcel is on its way back",
    "goods_lost": "the carrier has lost a parcel",
    "replacement_ordered": "what did not arrive, or not whole, is sent once more",
    "goods_credited": "what did not arrive, or not whole, is given back in money",
    "return_authorized": "goods may be sent back, with the label, where we book one",
    "return_refused": "goods are not taken back",
    "return_received": "returned goods have arrived",
    "return_credited": "the price of returned goods is given back",
    "exchange_ordered": "other goods are sent for what came back",
    "delivery_delayed": "a promise slips: the lines, and the day now expected",
    "parcel_delivered": "a parcel arrived, and others are still to come",
    "order_delivered": "everything has arrived",
    "charge_raised": "goods, or a fee, were charged: an invoice",
    "credit_raised": "what was charged was credited: a credit note",
    "payment_awaited": "work waits until the customer has paid, or more than it was told before",
    "order_cancelled": "nothing of the order will be delivered",
    "order_rejected": "the order was refused",
}

_ENDS = (("cancelled", "order_cancelled"), ("rejected", "order_rejected"))
_MILESTONES = (("placed", "order_placed"), ("verified", "order_verified"))
#: What reports of a parcel on its way are told of, and whether each day on which they come is a fact of its own.
_REPORTS = {
    _S.OUT_FOR_DELIVERY: ("out_for_delivery", True),
    _S.DELIVERY_FAILED: ("delivery_failed", True),
    _S.READY_FOR_PICKUP: ("ready_for_pickup", False),
    _S.RETURN_TO_SENDER: ("return_to_sender", False),
}
#: Kinds of accounts whose units are still to arrive.
_TO_COME = frozenset({"open", "backordered", "allocated", "picked", "packed", "shipped"})

#: A kind, a subject, and since when it is a fact, where that is known.
Fact: TypeAlias = tuple[str, str, datetime | None]


@event("message_queued")
class MessageQueued(Event):
    """Someone is to be told something, in these words: the intention, before it was sent."""

    message_id: str
    kind: str
    subject: str
    channel: str
    to: str = attrs.field(metadata=PERSONAL)
    locale: str
    body: FrozenMap[str, str] = attrs.field(metadata=PERSONAL)
    recipient: str = "customer"
    send_before: datetime | None = None

    def apply(self, order: Order) -> Order:
        """There is a message to be sent."""
        message = Message(
            self.message_id,
            self.kind,
            self.subject,
            self.channel,
            self.to,
            self.locale,
            self.body,
            recipient=self.recipient,
            send_before=self.send_before,
        )
        return order.replace(messages=order.messages.set(self.message_id, message))


@event("message_sent")
class MessageSent(Event):
    """The message is on its way."""

    message_id: str
    receipt: str = attrs.field(default="", metadata=PERSONAL)

    def apply(self, order: Order) -> Order:
        """The message was sent."""
        return _message(order, self.message_id, "sent")


@event("message_failed")
class MessageFailed(Event):
    """The message cannot be brought to its recipient."""

    message_id: str
    code: str

    def apply(self, order: Order) -> Order:
        """The message failed."""
        return _message(order, self.message_id, "failed", self.code)


@event("message_superseded")
class MessageSuperseded(Event):
    """The message was not sent in time, and would be stale now: by a later one of a kind, or by ``time``."""

    message_id: str
    by: str

    def apply(self, order: Order) -> Order:
        """The message will not be sent."""
        return _message(order, self.message_id, "superseded")


@event("message_withheld")
class MessageWithheld(Event):
    """Nobody is to be told of this, now or later."""

    message_id: str
    kind: str
    subject: str
    why: str = attrs.field(metadata=PERSONAL)

    def apply(self, order: Order) -> Order:
        """It counts as told, and will not be sent."""
        message = Message(
            self.message_id, self.kind, self.subject, "", "", "", FrozenMap(), state="withheld", failure=self.why
        )
        return order.replace(messages=order.messages.set(self.message_id, message))


def _message(order: Order, message_id: str, state: str, failure: str = "") -> Order:
    message = order.messages[message_id].replace(state=state, failure=failure)
    return order.replace(messages=order.messages.set(message_id, message))


# -- what there is to tell ------------------------------------------------------------------------------------------


def _to_tell(order: Order) -> Iterator[Fact]:
    """What there is to tell by now."""
    milestones = order.milestones
    if "placed" not in milestones or "messages" in order.theirs or order.erased_at is not None:
        return
    settlement = order.settlement
    for document in settlement.documents.values():
        yield f"{document.kind}_raised", document.id, document.at
    for milestone, kind in _ENDS:
        if milestone in milestones:
            yield kind, "", None
            return
    if settlement.awaited is not None and not order.balance.covers("authorized"):
        yield "payment_awaited", str(settlement.awaited), None
    for milestone, kind in _MILESTONES:
        if milestone in milestones:
            yield kind, "", None
    if order.amendments and order.is_priced:
        yield "order_changed", str(order.amendments), None
    yield from _of_goods(order)
    yield from _of_changes(order)
    if "delivered" in milestones:
        yield "order_delivered", _time(milestones.get("reopened")), None


def _of_goods(order: Order) -> Iterator[Fact]:
    """What there is to tell of goods on their way, there and back."""
    if "backordered" in order.ledger.kinds:
        yield from _backordered(order)
    for shipment in order.shipments.values():
        if shipment.stage == "despatched":
            yield "shipment_despatched", shipment.id, None
    for parcel in order.parcels.values():
        if parcel.is_reported:
            yield from _reported(order, parcel)
            yield from _made_good(parcel)
    for slip in _slips(order):
        yield "delivery_delayed", slip, None
    for fulfillment in order.fulfillments.values():
        if fulfillment.ready_at is not None:
            yield "ready_for_pickup", fulfillment.id, fulfillment.ready_at
    for handover in order.handovers.values():
        if handover.method == "digital":
            yield "digital_delivered", handover.id, handover.at
    for known in order.returns.values():
        yield from _of_return(known)


def _of_changes(order: Order) -> Iterator[Fact]:
    """What there is to tell of lines that are cancelled, and of wishes that were declined."""
    if order.cancellation is None:
        for number, wish in enumerate(order.line_cancellations, 1):
            if (wish.cancelled or wish.declined) and not wish.waiting:
                yield "lines_cancelled" if wish.cancelled else "cancellation_declined", str(number), None
    for number, one in enumerate(order.redirections, 1):
        if one.word == "declined":
            yield "change_declined", str(number), None
    for proposal in order.proposals.values():
        if proposal.word == "declined" and proposal.by.kind == "customer":
            yield "proposal_declined", proposal.id, None


def _slips(order: Order) -> Iterable[str]:
    """What is late, and waited for: not what was made good in another way."""
    late = ((line_id, s.slip) for line_id, s in order.promises.items() if s.slip and s.deliver != "kept")
    return dict.fromkeys(slip for line_id, slip in late if _is_awaited(order, line_id))


def _is_awaited(order: Order, line_id: str) -> bool:
    """Whether units of a line are to arrive that were neither replaced nor credited."""
    for account, _ in order.ledger.accounts(line_id):
        parcel = order.parcels.get(place_of(account))
        if kind_of(account) in ("shipped", "lost") and parcel is not None and parcel.given_up:
            if line_id in order.owed_for(parcel):
                return True
        elif kind_of(account) in _TO_COME or kind_of(account) == "lost":
            return True
    return False


def _backordered(order: Order) -> Iterator[Fact]:
    """Lines that wait for stock, and of which that was not told: all of them at once."""
    told = {
        line_id
        for message in order.messages.values()
        if message.kind == "goods_backordered"
        for line_id in message.subject.split("+")
    }
    waiting = [line_id for line_id in order.lines if order.ledger.of_kind(line_id, "backordered")]
    fresh = [line_id for line_id in waiting if line_id not in told]
    if fresh:
        yield "goods_backordered", "+".join(fresh), None


def _reported(order: Order, parcel: Parcel) -> Iterator[Fact]:
    """What carriers say of a parcel, where somebody should know."""
    tracking, held = parcel.tracking, order.ledger.held
    if delivered(parcel.id) in held:
        if _more_will_come(order) and not _was_told_delivered(order, tracking.delivered_at):
            yield "parcel_delivered", parcel.id, None
    elif tracking.lost_since is not None:
        yield "goods_lost", parcel.id, tracking.lost_since
    elif shipped(parcel.id) in held:
        kind, is_daily = _REPORTS.get(tracking.status, ("", False))
        if kind and is_daily and tracking.since is not None:
            day = day_in(tracking.since, order.terms.zone or "UTC")
            yield kind, f"{parcel.id} {day.isoformat()}", tracking.since
        elif kind:
            yield kind, parcel.id, tracking.since
        elif tracking.action_required:
            yield "action_required", f"{parcel.id} {tracking.reason}".rstrip(), tracking.since


def _more_will_come(order: Order) -> bool:
    """Whether other units are still to arrive: nobody knows while some of them are to be cancelled."""
    is_known = order.cancellation is None and not order.to_be_cancelled
    return is_known and not order.ledger.kinds.isdisjoint(_TO_COME)


def _was_told_delivered(order: Order, delivered_at: datetime | None) -> bool:
    """Whether a parcel is no news: the order was told delivered, with it or without it, before more came up."""
    reopened = order.milestones.get("reopened")
    if reopened is not None and delivered_at is not None and delivered_at <= reopened:
        return True
    return any(m.kind == "order_delivered" and m.subject == _time(reopened) for m in order.messages.values())


def _time(reopened: datetime | None) -> str:
    """Which delivery of an order is told of: the first, or the one after it was reopened."""
    return "" if reopened is None else reopened.isoformat()


def _made_good(parcel: Parcel) -> Iterator[Fact]:
    """What is done about a parcel that did not arrive, or not whole."""
    if parcel.replacements:
        lines = (line_id for replacing in parcel.replacements.values() for line_id in replacing)
        yield "replacement_ordered", "+".join(lines), None
    if parcel.credited:
        units = (plain(units) for units in parcel.credited.values())
        yield "goods_credited", f"{parcel.id} {'+'.join(units)}", None


def _of_return(known: Return) -> Iterator[Fact]:
    """What the customer is to know of a return: what was agreed, what came, what is done about it."""
    if known.ended == "refused":
        yield "return_refused", known.id, None
    elif known.authorized and known.lines and not known.receipts and not known.ended and not _awaits_label(known):
        yield "return_authorized", known.id, None
    if known.receipts and known.kind != "undelivered":
        yield "return_received", f"{known.id} {known.receipts}", None
    if known.successors:
        lines = (line_id for successors in known.successors.values() for line_id in successors)
        free = known.resolution == "replacement"
        yield "replacement_ordered" if free else "exchange_ordered", "+".join(lines), None
    if known.credits:
        yield "return_credited", f"{known.id} {known.credits}", None


def _awaits_label(known: Return) -> bool:
    """Whether the customer is to be told with a label that is not there yet."""
    return known.shipment is not None and known.shipment.stage == "requested"


def _untold(order: Order) -> tuple[Fact, ...]:
    """What there is to tell and was not told yet; worked out once for an order."""
    memory = order.remembered
    found: tuple[Fact, ...] | None = memory.get("untold")
    if found is None:
        told = order.worked_out("told", (order.messages,), _told)
        found = memory["untold"] = tuple(fact for fact in _to_tell(order) if fact[:2] not in told)
    return found


def _told(order: Order) -> frozenset[tuple[str, str]]:
    """What was told of, or is about to be."""
    return frozenset((message.kind, message.subject) for message in order.messages.values())


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    number = len(order.messages)
    for kind, subject, since in _untold(order):
        limit = policy.told_within.get(kind)
        send_before = None if limit is None else (since or at) + limit
        drafts = _drafts(policy, order, kind, subject, send_before, at)
        for draft in drafts:
            number += 1
            yield _as_event(draft, f"M{number}", kind, subject, send_before, at)
        if drafts and not isinstance(drafts[0], Withheld):
            yield from _stale(order, policy, kind, subject, at)


def _drafts(
    policy: Policy, order: Order, kind: str, subject: str, send_before: datetime | None, at: datetime
) -> tuple[Draft | Withheld, ...]:
    drafts = policy.draft(order, kind, subject) if order.erased_at is None else None
    if drafts is None:
        return ()
    found = (drafts,) if isinstance(drafts, Draft | Withheld) else tuple(drafts)
    is_too_late = send_before is not None and send_before <= at
    return (Withheld("known too late"),) if found and is_too_late else found


def _as_event(
    draft: Draft | Withheld, message_id: str, kind: str, subject: str, send_before: datetime | None, at: datetime
) -> Event:
    if isinstance(draft, Withheld):
        return MessageWithheld(at, message_id, kind, subject, draft.why)
    return MessageQueued(
        at,
        message_id,
        kind,
        subject,
        draft.channel,
        draft.to,
        draft.locale,
        draft.body,
        draft.recipient,
        send_before,
    )


def _stale(order: Order, policy: Policy, kind: str, subject: str, at: datetime) -> Iterator[Event]:
    """Messages that were not sent yet, and that nobody should read after this one."""
    older = policy.superseded_by.get(kind, ())
    about = _about(order, subject)
    for message in order.messages.values():
        if message.kind in older and (not about or _about(order, message.subject) in ("", about)):
            yield from _made_stale(order, message, kind, at)


def _made_stale(order: Order, message: Message, by: str, at: datetime) -> Iterator[Event]:
    """A message that was not sent in time will not be; one that was refused needs nobody any more."""
    if message.state == "queued":
        yield MessageSuperseded(at, message.id, by)
    elif message.state == "failed" and (case := order.case_about(message.id)) is not None:
        yield ExceptionResolved(at, case.id, "moot")


def _about(order: Order, subject: str) -> str:
    """The part of the order that a subject names: a parcel, a work, some lines; empty for the whole order."""
    part = subject.partition(" ")[0]
    parts = (order.parcels, order.shipments, order.fulfillments, order.handovers, order.returns, order.lines)
    return part if any(part.partition("+")[0] in known for known in parts) else ""


# -- time -----------------------------------------------------------------------------------------------------------


def _moments(order: Order, policy: Policy) -> Iterable[datetime]:
    return (m.send_before for m in order.messages.values() if m.send_before is not None and m.state == "queued")


def _at_time(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """What was not sent in time is not sent any more."""
    for message in order.messages.values():
        if message.state == "queued" and message.send_before is not None and message.send_before <= at:
            yield MessageSuperseded(at, message.id, "time")


# -- sending --------------------------------------------------------------------------------------------------------


def _wants(order: Order) -> Iterable[Wanted]:
    for message in order.messages.values():
        if message.state == "queued":
            yield Wanted(
                SendMessage(
                    order.id,
                    f"send/{message.id}",
                    f"{order.tenant}/{order.id}/message/{message.id}",
                    message.id,
                    message.kind,
                    message.channel,
                    message.to,
                    message.locale,
                    message.body,
                )
            )


def _sent(order: Order, request: SendMessage, reply: Reply, policy: Policy, at: datetime) -> Iterable[Event]:
    message = order.messages[request.message_id]
    if isinstance(reply, Sent):
        if message.state != "sent":
            yield MessageSent(at, message.id, reply.receipt)
    elif isinstance(reply, Refused):
        if message.state == "queued":
            yield MessageFailed(at, message.id, reply.code)
            told = f"{message.kind} was refused: {reply.message or reply.code}"
            yield from raised(order, "message.refused", message.id, told, ("try_again", "give_up"), at)
    else:
        yield from impossible_reply(order, request, reply, at)


def _give_up(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The message is not sent."""
    message = order.messages.get(case.about.partition("/")[2])
    if message is not None and message.state == "queued":
        yield MessageFailed(at, message.id, case.code)


def _write_again(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The message is written anew, to whoever is to be told by now, and sent under a key of its own."""
    message = order.messages[case.about]
    limit = policy.told_within.get(message.kind)
    send_before = None if limit is None else at + limit
    drafts = _drafts(policy, order, message.kind, message.subject, send_before, at)
    number = len(order.messages)
    for draft in drafts:
        if isinstance(draft, Draft) and draft.recipient == message.recipient:
            number += 1
            yield _as_event(draft, f"M{number}", message.kind, message.subject, send_before, at)


def _let_be(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The message is not sent."""
    return ()


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for message in order.messages.values():
        if message.state == "queued":
            yield Wait("the notifications", f"to tell {message.to or 'the customer'}: {message.kind}", message.id)


_TOLD_OF = (
    "settlement",
    "milestones",
    "shipments",
    "parcels",
    "fulfillments",
    "handovers",
    "returns",
    "ledger",
    "promises",
    "amendments",
    "cancellation",
    "line_cancellations",
    "redirections",
    "proposals",
)
_TOLD_AND_PRICED = (*_TOLD_OF, "tranches", "given_back", "lines")


def _looks_at(order: Order) -> tuple[str, ...] | None:
    """While something was not told, anything may change the mind of the strategy."""
    if _untold(order):
        return None
    return _TOLD_AND_PRICED if order.amendments else _TOLD_OF


STAGE = Stage(
    name="communication",
    events=(MessageQueued, MessageSent, MessageFailed, MessageSuperseded, MessageWithheld),
    follow=_follow,
    looks_at=_looks_at,
    wants=_wants,
    answers=FrozenMap({SendMessage: _sent}),
    settles=FrozenMap(
        {
            ("port.gave_up", "give_up"): _give_up,
            ("message.refused", "try_again"): _write_again,
            ("message.refused", "give_up"): _let_be,
        }
    ),
    awaits=_awaits,
    moments=_moments,
    at_time=_at_time,
)
