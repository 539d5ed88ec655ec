"""Authority: who decides what: we, or others whom we then wait for.

Per concern (price, stock, fulfillment, booking, messages) the policy says whether it is ours or theirs
(`orderflow.policy.Authority`). What it says is frozen into an order when it is placed, since what is wanted from
outside follows from the order alone. For what is theirs, the process goes on as always and wants what it wants, but no
port is asked: the request stands open, `explain` names it, and whoever decides says so with `RecordAnswer`, in the very
words in which a port would have answered. So the ERP that has already decided needs no adapter that pretends to ask it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orderflow.errors import Violation
from orderflow.messages import Command, Envelope, Event, command
from orderflow.order import Order
from orderflow.policy import Policy
from orderflow.ports import (
    BookCarrier,
    Booked,
    BookReturn,
    ClaimStock,
    Issued,
    IssueStock,
    Levels,
    QueryLevels,
    QueryRates,
    QueryTracking,
    Quote,
    QuotePrices,
    Rates,
    Received,
    ReceiveStock,
    Refused,
    Request,
    StockHeld,
    VoidBooking,
    Voided,
    VoidReturn,
)
from orderflow.stages import booking, pricing, returns_disposition, returns_labels, shipping, sourcing, stock
from orderflow.stages.answers import as_reply
from orderflow.stages.stage import Decision, Stage, Wait, Wanted, order_exists
from orderflow.values.checked import checked
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_reference

__all__ = ["STAGE", "RecordAnswer", "asked_of_us", "left_to_others", "open_request"]

#: The stages whose requests may be left to others.
_ASKING = (
    pricing.STAGE,
    stock.STAGE,
    sourcing.STAGE,
    booking.STAGE,
    shipping.STAGE,
    returns_labels.STAGE,
    returns_disposition.STAGE,
)
#: What each request is about; tracking is a fact of the carrier's, and nobody's decision.
_CONCERNS = {"pricing": "price", "inventory": "stock", "carriers": "booking", "fulfillers": "fulfillment"}
_ANSWERS: FrozenMap[type[Request], type[Any]] = FrozenMap(
    {
        ClaimStock: StockHeld,
        IssueStock: Issued,
        QueryLevels: Levels,
        QuotePrices: Quote,
        QueryRates: Rates,
        BookCarrier: Booked,
        VoidBooking: Voided,
        ReceiveStock: Received,
        BookReturn: Booked,
        VoidReturn: Voided,
    }
)


def asked_of_us(order: Order, request: Request) -> bool:
    """Whether a request is put to a port, rather than left to others."""
    return isinstance(request, QueryTracking) or _CONCERNS.get(request.PORT[0], "") not in order.theirs


def left_to_others(order: Order) -> tuple[Wanted, ...]:
    """What the order wants, and what others are to decide without being asked by us."""
    if not order.theirs:
        return ()
    return tuple(one for stage in _ASKING for one in stage.wants(order) if not asked_of_us(order, one.request))


@command("record_answer")
class RecordAnswer(Command):
    """Others have decided what is theirs to decide: the answer to a request that we did not put to anyone.

    ``request_id`` is as `explain` tells it (``quote``, ``claim/C1/1``, ``book/S1/1``); the reply is that of a port.
    """

    order_id: str = checked(as_reference)
    request_id: str = checked(as_reference)
    reply: Any = checked(as_reply)


def open_request(order: Order, request_id: str) -> Request | None:
    """The request that is left to others under this id."""
    return next((one.request for one in left_to_others(order) if one.request.id == request_id), None)


def it_was_left_to_others(order: Order, command: RecordAnswer, policy: Policy) -> Iterable[Violation]:
    """What is answered is open, and theirs to answer."""
    if open_request(order, command.request_id) is None:
        known = ", ".join(one.request.id for one in left_to_others(order)) or "nothing"
        told = f"{command.request_id!r} is not open for others to decide; open: {known}"
        yield Violation("authority.not_open", told, "request_id")


def the_answer_is_of_its_kind(order: Order, command: RecordAnswer, policy: Policy) -> Iterable[Violation]:
    """A price is answered with prices, a claim with what is held."""
    request = open_request(order, command.request_id)
    kind = _ANSWERS.get(type(request)) if request is not None else None
    if kind is not None and not isinstance(command.reply, kind | Refused):
        told = f"{command.request_id} is answered with {kind.__name__} or Refused, not {type(command.reply).__name__}"
        yield Violation("authority.other_kind", told, "reply")


def _no_events(order: Order, command: RecordAnswer, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    """What an answer means, the process knows: it concludes the request."""
    return ()


_WHO = {
    "price": "whoever decides the prices",
    "stock": "whoever decides about stock",
    "booking": "whoever books the carriers",
    "fulfillment": "whoever fulfills",
}


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for one in left_to_others(order):
        who = _WHO[_CONCERNS[one.request.PORT[0]]]
        yield Wait(who, f"to answer {one.request.id}", "RecordAnswer")
    if "fulfillment" in order.theirs:
        working = [f.location for f in order.fulfillments.values() if order.work_left(f.id)]
        if working:
            yield Wait(_WHO["fulfillment"], f"to tell what left from {', '.join(dict.fromkeys(working))}")


STAGE = Stage(
    name="authority",
    commands=(RecordAnswer,),
    decisions=(
        Decision(
            RecordAnswer,
            tiers=((order_exists,), (it_was_left_to_others,), (the_answer_is_of_its_kind,)),
            events=_no_events,
        ),
    ),
    looks_at=lambda order: (),
    awaits=_awaits,
)
