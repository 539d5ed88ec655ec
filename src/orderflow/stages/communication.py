"""Communication: the customer hears of it in time, once, and in the words of that moment.

What has happened and was not told yet is told: milestones of the order, and each shipment that leaves. Whom to tell,
how and with which data is a strategy (``Policy.draft``); what it drafts is frozen in `MessageQueued`, so that the same
key always carries the same message. Messages that a later one makes stale, and that were not sent yet, are superseded.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import attrs

from orderflow.messages import Event, event
from orderflow.order import Case, Message, Order
from orderflow.policy import Policy
from orderflow.ports import Refused, Reply, SendMessage, Sent
from orderflow.stages.exceptions import ExceptionResolved, impossible_reply, raised
from orderflow.stages.stage import Stage, Wait, Wanted, next_id
from orderflow.values.checked import PERSONAL
from orderflow.values.frozenmap import FrozenMap

__all__ = ["KINDS", "STAGE", "MessageFailed", "MessageQueued", "MessageSent", "MessageSuperseded"]

#: The kinds of messages of the standard process, and the milestone or event that each tells of.
KINDS = {
    "order_placed": "placed",
    "order_verified": "verified",
    "ready_for_pickup": "what the customer collects is all there, with the place",
    "digital_delivered": "digital goods are sent, with the proof",
    "shipment_despatched": "a shipment leaves, with tracking and estimate",
    "order_delivered": "delivered",
    "lines_cancelled": "units are cancelled, and nobody is waited for about them any more",
    "order_cancelled": "cancelled",
    "order_rejected": "rejected",
}

_ENDS = (("cancelled", "order_cancelled"), ("rejected", "order_rejected"))
_MILESTONES = (("placed", "order_placed"), ("verified", "order_verified"), ("delivered", "order_delivered"))


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

    def apply(self, order: Order) -> Order:
        """There is a message to be sent."""
        message = Message(self.message_id, self.kind, self.subject, self.channel, self.to, self.locale, self.body)
        return order.replace(messages=order.messages.set(self.message_id, message))


@event("message_sent")
class MessageSent(Event):
    """The message is on its way."""

    message_id: str
    receipt: str = ""

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
    """The message was not sent in time, and would be stale now."""

    message_id: str
    by: str

    def apply(self, order: Order) -> Order:
        """The message will not be sent."""
        return _message(order, self.message_id, "superseded")


def _message(order: Order, message_id: str, state: str, failure: str = "") -> Order:
    message = order.messages[message_id].replace(state=state, failure=failure)
    return order.replace(messages=order.messages.set(message_id, message))


_TOLD_OF = ("milestones", "shipments", "fulfillments", "handovers", "cancellation", "line_cancellations")


def _to_tell(order: Order) -> Iterable[tuple[str, str]]:
    """What there is to tell by now: kind and subject."""
    milestones = order.milestones
    if "placed" not in milestones:
        return
    for milestone, kind in _ENDS:
        if milestone in milestones:
            yield kind, ""
            return
    for milestone, kind in _MILESTONES:
        if milestone in milestones:
            yield kind, ""
    for shipment in order.shipments.values():
        if shipment.stage == "despatched":
            yield "shipment_despatched", shipment.id
    for fulfillment in order.fulfillments.values():
        if fulfillment.ready_at is not None:
            yield "ready_for_pickup", fulfillment.id
    for handover in order.handovers.values():
        if handover.method == "digital":
            yield "digital_delivered", handover.id
    if order.cancellation is None:
        for number, wish in enumerate(order.line_cancellations, 1):
            if wish.cancelled and not wish.waiting:
                yield "lines_cancelled", str(number)


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    told = {(message.kind, message.subject) for message in order.messages.values()}
    number = len(order.messages)
    for kind, subject in _to_tell(order):
        if (kind, subject) in told:
            continue
        draft = policy.draft(order, kind, subject)
        if draft is None:
            continue
        number += 1
        yield MessageQueued(at, f"M{number}", kind, subject, draft.channel, draft.to, draft.locale, draft.body)
        stale = policy.superseded_by.get(kind, ())
        for message in order.messages.values():
            if message.kind in stale:
                yield from _made_stale(order, message, kind, at)


def _made_stale(order: Order, message: Message, by: str, at: datetime) -> Iterable[Event]:
    """A message that was not sent in time will not be; one that was refused needs nobody any more."""
    if message.state == "queued":
        yield MessageSuperseded(at, message.id, by)
    elif message.state == "failed" and (case := order.case_about(message.id)) is not None:
        yield ExceptionResolved(at, case.id, "moot")


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
    draft = policy.draft(order, message.kind, message.subject)
    if draft is not None:
        number = next_id("M", order.messages)
        yield MessageQueued(
            at, number, message.kind, message.subject, draft.channel, draft.to, draft.locale, draft.body
        )


def _let_be(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The message is not sent."""
    return ()


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for message in order.messages.values():
        if message.state == "queued":
            yield Wait("the notifications", f"to tell {message.to or 'the customer'}: {message.kind}", message.id)


_TOLD_OF = ("milestones", "shipments", "fulfillments", "handovers", "cancellation", "line_cancellations")


def _looks_at(order: Order) -> tuple[str, ...] | None:
    """While something was not told, anything may change the mind of the strategy."""
    told = {(message.kind, message.subject) for message in order.messages.values()}
    return _TOLD_OF if told.issuperset(_to_tell(order)) else None


STAGE = Stage(
    name="communication",
    events=(MessageQueued, MessageSent, MessageFailed, MessageSuperseded),
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
)
