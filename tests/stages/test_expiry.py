"""An order that nobody verified in time ends by itself, and lets go of what was held for it."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from orderflow.commands import ApproveOrder, PlaceHold, SaveDraft
from orderflow.defaults import STANDARD
from orderflow.order import Order
from orderflow.ports import ClaimStock, QuotePrices
from tests.scenario import ID, NOW, Life, placed, requested, verified

A_DAY = attrs.evolve(STANDARD, expire_after=timedelta(days=1))
BY_HAND = attrs.evolve(A_DAY, automatic=STANDARD.automatic - {"verify"})


def test_an_order_that_is_not_verified_in_time_is_cancelled_and_its_stock_is_let_go() -> None:
    life = placed(BY_HAND).reply_all()
    assert life.process.attention(life.order) == NOW + timedelta(days=1)
    assert "TimePassed" not in life.passes(hours=23, minutes=59).happened
    assert life.order.state == "acknowledged"

    life.passes(minutes=1)
    assert life.order.state == "cancelled"
    assert life.happened[:2] == ["CancellationRequested", "OrderCancelled"]
    assert life.events[1].reason == "expired"  # type: ignore[attr-defined]
    assert [request.quantity for request in life.requests if isinstance(request, ClaimStock)] == [0, 0]
    assert life.process.attention(life.order) is None


def test_an_order_that_was_verified_in_time_does_not_expire() -> None:
    life = placed(BY_HAND).reply_all().do(ApproveOrder(ID)).passes(days=2)
    assert life.order.state == "verified"
    assert verified(A_DAY).passes(days=2).order.state == "verified"
    assert requested(A_DAY).passes(days=2).order.cancellation is None


def test_without_a_time_an_order_waits_for_ever_and_a_draft_does_in_any_case() -> None:
    life = placed()
    assert life.process.attention(life.order) is None
    drafted = Life(A_DAY).do(SaveDraft("EUR", order_id=ID))
    assert drafted.passes(days=9).order.state == "draft"


def test_until_when_an_order_may_wait_can_be_a_strategy() -> None:
    def held_ones_wait(order: Order) -> datetime | None:
        return None if order.active_holds else order.placed_at + timedelta(hours=1)

    policy = attrs.evolve(STANDARD, expire_after=held_ones_wait)
    assert placed(policy).passes(hours=1).order.state == "cancelled"
    assert placed(policy).do(PlaceHold(ID, "credit")).passes(hours=1).order.state == "acknowledged"


def test_the_explanation_says_when_the_order_will_expire() -> None:
    life = placed(A_DAY).reply_all(QuotePrices)
    waits = [str(wait) for stage in life.process.stages for wait in stage.awaits(life.order, life.process.policy)]
    assert "the clock to cancel the order at 2026-11-24 09:00, unless it is verified and agreed by then" in waits
