"""Answers: every reply to any request ever made means something, and one that nobody waits for never means more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given, settings

from orderflow.events import ExceptionRaised
from orderflow.explain import explain
from orderflow.messages import Event
from orderflow.order import Order
from orderflow.ports import GaveUp, PutWork, QueryLevels, QuotePrices, Request
from orderflow.process import STAGES, pending
from orderflow.stages import stock
from tests.laws.chance import Chance
from tests.laws.lives import Life, fails_somewhere, lives
from tests.laws.world import World, deferral, impossible_replies, nonsense

#: What an answer that nobody waits for may lead to: a compensation, or a note of what does not fit.
HARMLESS = frozenset(
    {
        "claim_wanted",
        "service_chosen",
        "shipment_booked",
        "void_wanted",
        "booking_contradicted",
        "exception_raised",
        "exception_resolved",
        "answer_deferred",
        "deferral_closed",
        "tracking_recorded",
        "estimate_changed",
        "goods_delivered",
        "delivery_revoked",
        "order_delivered",
        "order_completed",
        "order_reopened",
        "message_queued",
        "message_superseded",
        "message_sent",
        "price_refused",
    }
)

Replies = Callable[[Request, Life], Iterable[Any]]


def good_replies(request: Request, life: Life) -> Iterator[Any]:
    """What a willing and an unwilling system would say, now or later."""
    chance = Chance(b"")
    yield World().does(request, chance, life.now)
    yield World().does(request, chance, life.now, generous=False)
    yield deferral(request, chance, life.now)
    yield GaveUp(8, "no answer")


def is_waited_for(order: Order, request: Request) -> bool:
    """Whether a stage still wants exactly this, deferred or not, stopped by a case or not."""
    now = [wanted.request for stage in STAGES for wanted in stage.wants(order)]
    if isinstance(request, QuotePrices):  # the price of each line counts for itself
        asked = {(line.line_id, line.quantity) for line in request.lines}
        return any(
            (line.line_id, line.quantity) in asked for one in now if isinstance(one, QuotePrices) for line in one.lines
        )
    if isinstance(request, QueryLevels):  # and the search of each line, in its round
        return any(_searches(request) & _searches(one) for one in now if isinstance(one, QueryLevels))
    return request in now


def _searches(request: QueryLevels) -> set[str]:
    """The lines that are sought, each with the number of its round."""
    return set(request.id.removeprefix("levels/").split("+"))


def every_reply_is_understood(life: Life, replies: Replies) -> None:
    """Nothing raises, and the order that results can be asked anything: each is, once."""
    seen: set[tuple[Event, ...]] = set()
    for order, request, reply in _answered(life, replies):
        outcome = life.process.settle(order, request, reply, life.now)
        after, told = outcome.order, (order.version, *_but_for_words(outcome.events))
        if told in seen:
            continue
        seen.add(told)
        assert after.ledger.is_balanced()
        assert all(0 <= claim.held <= claim.wanted for claim in after.claims.values() if claim.is_settled)
        pending(after)
        life.process.attention(after)
        str(explain(after, life.process))


def _but_for_words(events: Iterable[Event]) -> Iterator[Event]:
    """What happened, whatever a case says about it in words: these are as many as there are replies."""
    for event in events:
        yield attrs.evolve(event, message="") if isinstance(event, ExceptionRaised) else event


def no_more_is_held_or_booked_for_nobody(life: Life, replies: Replies) -> None:
    """An answer that nobody waits for: nothing, or a compensation."""
    for order, request, reply in _answered(life, replies):
        if is_waited_for(order, request):
            continue
        outcome = life.process.settle(order, request, reply, life.now)
        assert {event.TAG for event in outcome.events} <= HARMLESS, (request, reply, outcome.events)
        after = outcome.order
        for claim in order.claims.values():
            assert after.claims[claim.id].held <= claim.held
            assert after.claims[claim.id].wanted == claim.wanted
        booked = {shipment.id for shipment in order.shipments.values() if shipment.stage == "booked"}
        assert {shipment.id for shipment in after.shipments.values() if shipment.stage == "booked"} <= booked


def no_more_is_held_than_was_wanted(life: Life) -> None:
    """Whatever an inventory said."""
    for step in life.steps:
        for claim in step.after.claims.values() if step.after is not None else ():
            if claim.is_settled:
                assert Decimal(0) <= claim.held <= claim.wanted


def _answered(life: Life, replies: Replies) -> Iterator[tuple[Order, Request, Any]]:
    orders = [step.after for step in life.steps if step.after is not None and step.events]
    requests = list(life.asked.values())
    for at in (len(orders) // 2, len(orders) - 1):
        order = orders[at]
        for request in requests:
            if _was_asked_by(order, request):
                for reply in replies(request, life):
                    yield order, request, reply


def _was_asked_by(order: Order, request: Request) -> bool:
    """Whether the order had made this request by then."""
    claim, shipment = getattr(request, "claim_id", None), getattr(request, "shipment_id", None)
    if claim is not None:
        return claim in order.claims and getattr(request, "revision", 0) <= order.claims[claim].revision
    if isinstance(request, PutWork):
        work = order.works.get(request.fulfillment_id)
        return work is not None and request.revision <= work.revision
    if request.id.startswith("issue/"):
        shipment = request.id.partition("/")[2]
    if shipment is not None:
        known = order.shipments.get(shipment)
        if known is None or getattr(request, "generation", 0) > known.generation:
            return False
        if request.id.startswith(("issue/", "track/")) and known.stage != "despatched":
            return False
        return not request.id.startswith("void/") or int(request.id.split("/")[2]) <= known.void_generation
    message = getattr(request, "message_id", None)
    return message is None or message in order.messages


def _impossible(request: Request, life: Life) -> Iterable[Any]:
    return impossible_replies(request, life.now)


def _nonsense(request: Request, life: Life) -> Iterable[Any]:
    return nonsense(request, life.now)


@settings(max_examples=60)
@given(lives())
def test_every_reply_of_the_right_kind_is_understood(life: Life) -> None:
    every_reply_is_understood(life, good_replies)


@settings(max_examples=30)
@given(lives())
def test_every_impossible_reply_is_understood(life: Life) -> None:
    every_reply_is_understood(life, _impossible)


@settings(max_examples=15)
@given(lives(most=40))
def test_every_nonsense_is_understood(life: Life) -> None:
    every_reply_is_understood(life, _nonsense)


@settings(max_examples=60)
@given(lives(honest=True))
def test_a_reply_that_nobody_waits_for_never_holds_or_books_more(life: Life) -> None:
    no_more_is_held_or_booked_for_nobody(life, good_replies)


@settings(max_examples=100)
@given(lives())
def test_no_more_is_held_than_was_wanted(life: Life) -> None:
    no_more_is_held_than_was_wanted(life)


# -- each law bites ----------------------------------------------------------------------------------------------------


def test_an_inventory_that_is_believed_in_everything_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock, "_cannot_be", lambda *args: False)

    assert fails_somewhere(lambda life: every_reply_is_understood(life, _impossible))


def test_an_old_answer_that_is_taken_for_a_new_one_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(claim: Any, reply: Any, at: Any) -> Any:
        yield stock.StockClaimed(at, claim.id, claim.revision, reply.held)

    monkeypatch.setattr(stock, "_stale_answer", taken)

    assert fails_somewhere(lambda life: no_more_is_held_or_booked_for_nobody(life, good_replies), honest=True)
