"""Answers that come later, never, or from someone else.

A port may answer `Deferred`: the answer will come under a ticket. Until then the request is asked again from time to
time (the same key, the same body); ``RecordReply`` brings the answer when it arrives by another way, hours later.
Every ticket is kept with its request, so that a late answer means what it means: one that nobody waits for changes
nothing, one that is no longer wanted is compensated by the stage that asked. A request that got no answer in time, or
none after all attempts, becomes a case for a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from orderflow.errors import InvalidInput, Violation
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Deferral, Order
from orderflow.policy import Policy
from orderflow.ports import REPLIES, BookCarrier, Deferred, GaveUp, Request, SendMessage
from orderflow.stages.exceptions import ExceptionRaised, raised
from orderflow.stages.stage import Decision, Stage, order_exists
from orderflow.values.checked import checked
from orderflow.values.ids import as_id, as_reference
from orderflow.values.shape import fits

__all__ = [
    "STAGE",
    "AnswerDeferred",
    "DeferralClosed",
    "RecordReply",
    "as_reply",
    "closed",
    "deferred",
    "expired",
    "given_up",
]


def as_reply(raw: Any) -> Any:
    """The reply of a port, in all its parts, as somebody else tells it."""
    if not isinstance(raw, REPLIES) or isinstance(raw, Deferred | GaveUp):
        raise InvalidInput.because("reply.not_a_reply", f"must be the reply of a port, not {type(raw).__name__}")
    if not fits(raw, type(raw)):
        raise InvalidInput.because("reply.misshapen", f"a part of {raw!r} is not what it should be")
    return raw


@command("record_reply")
class RecordReply(Command):
    """The answer to a deferred request has arrived, under its ticket."""

    order_id: str = checked(as_id)
    ticket: str = checked(as_reference)
    reply: Any = checked(as_reply)


@event("answer_deferred")
class AnswerDeferred(Event):
    """A port will answer later."""

    request: Request
    ticket: str
    ask_after: datetime
    give_up_at: datetime

    def apply(self, order: Order) -> Order:
        """The request waits under its ticket."""
        deferral = Deferral(self.request.id, self.ticket, self.request, self.ask_after, self.give_up_at)
        return order.replace(deferrals=order.deferrals.set(self.ticket, deferral))


@event("deferral_closed")
class DeferralClosed(Event):
    """The answer to a deferred request is known, or nobody waits for it any more."""

    ticket: str

    def apply(self, order: Order) -> Order:
        """The ticket is closed; it stays on record for answers that come even later."""
        deferral = order.deferrals[self.ticket].replace(answered=True)
        return order.replace(deferrals=order.deferrals.set(self.ticket, deferral))


def deferred(order: Order, request: Request, reply: Deferred, at: datetime) -> Iterable[Event]:
    """A port answered that it will answer; the same ticket with a later time only moves the time."""
    known = order.deferrals.get(reply.ticket)
    if known is not None and known.request_id != request.id:
        told = f"ticket {reply.ticket} stands for {known.request_id} already"
        yield from raised(order, "port.ticket_reused", request, told, ("try_again",), at)
    elif known is None or known.answered or known.ask_after < reply.ask_after:
        give_up_at = reply.give_up_at if known is None or known.answered else known.give_up_at
        yield AnswerDeferred(at, request, reply.ticket, reply.ask_after, give_up_at)


def closed(order: Order, request: Request, at: datetime) -> Iterable[Event]:
    """A request that was deferred has its answer."""
    for deferral in order.deferrals.values():
        if deferral.request_id == request.id and not deferral.answered:
            yield DeferralClosed(at, deferral.ticket)


def given_up(order: Order, request: Request, reply: GaveUp, at: datetime) -> Iterable[ExceptionRaised]:
    """No answer, finally: a person must choose."""
    options: tuple[str, ...] = ("try_again",)
    if isinstance(request, BookCarrier):
        options = ("try_again", "not_booked")
    elif isinstance(request, SendMessage):
        options = ("try_again", "give_up")
    told = f"{request.PORT[0]} gave no answer to {request.id} ({reply.reason or 'no reason known'})"
    return raised(order, "port.gave_up", request, told, options, at)


def the_ticket_is_known(order: Order, command: RecordReply, policy: Policy) -> Iterable[Violation]:
    """The ticket is one that a port gave for this order."""
    if command.ticket not in order.deferrals:
        yield Violation("reply.unknown_ticket", f"no request waits under {command.ticket!r}", "ticket")


def _no_events(order: Order, command: RecordReply, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    """What a reply means, the process knows: it concludes the ticket's request."""
    return ()


def _is_open(order: Order, deferral: Deferral) -> bool:
    return not deferral.answered and order.case_about(deferral.request_id) is None


def _moments(order: Order, policy: Policy) -> Iterable[datetime]:
    return (deferral.give_up_at for deferral in order.deferrals.values() if _is_open(order, deferral))


def expired(order: Order, at: datetime) -> Iterable[Deferral]:
    """The deferred requests whose answer is overdue; what that means, the process knows: the final failure."""
    return (d for d in order.deferrals.values() if _is_open(order, d) and d.give_up_at <= at)


STAGE = Stage(
    name="answers",
    commands=(RecordReply,),
    events=(AnswerDeferred, DeferralClosed),
    decisions=(Decision(RecordReply, tiers=((order_exists,), (the_ticket_is_known,)), events=_no_events),),
    moments=_moments,
)
