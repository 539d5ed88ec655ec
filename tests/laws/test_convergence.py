"""Convergence: when everyone answers truthfully, an order comes to rest, and a cancelled one leaves nothing behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from orderflow import commands as c
from orderflow.messages import Envelope
from orderflow.order import Order
from orderflow.policy import Policy
from orderflow.process import pending, replay
from orderflow.stages import stock
from tests.laws.chance import Chance
from tests.laws.lives import Given, Life, Step, fails_somewhere, lives

MOST_ROUNDS = 60
_ALWAYS_YES = Chance(b"")


def at_rest(life: Life) -> Order:
    """The order when all answers under way have come, every request was answered, and every question settled.

    What was backordered comes in as well: it is asked for again as long as anything waits for stock.
    """
    order, now, process, world = life.order, life.now, life.process, life.world
    for request, reply in tuple(world.untold.values()):
        order = process.settle(order, request, reply, now).order
    settled: set[str] = set()
    for _ in range(MOST_ROUNDS):
        wanted = [one for one in pending(order) if not one.repeats]
        for one in wanted:
            now = max(now, one.not_before or now) + timedelta(seconds=1)
            order = process.settle(order, one.request, world.does(one.request, _ALWAYS_YES, now), now).order
        case = next(iter(order.open_cases), None)
        if case is not None:
            assert case.id not in settled
            settled.add(case.id)
            choice = c.ResolveException(order.id, case.id, case.options[0])
            order = process.carry_out(order, choice, Envelope(now)).order
        elif not wanted:
            came = c.StockArrived(order.id)
            if process.violations(order, came):
                return order
            outcome = process.carry_out(order, came, Envelope(now))
            if not outcome.events:
                return order
            order = outcome.order
    raise AssertionError(f"never at rest: {[one.request for one in pending(order)]} {list(order.open_cases)}")


def an_order_comes_to_rest(life: Life) -> None:
    """Nothing is wanted any more, and both sides know the same."""
    order, world = at_rest(life), life.world
    assert all(claim.is_settled for claim in order.claims.values())
    for claim in order.claims.values():
        key = stock.claim_key(order, claim.id)
        if key in world.claims:
            revision, wanted, held = world.claims[key]
            assert (claim.revision, claim.wanted) == (revision, wanted)
            assert claim.held == held or claim.held_until is None
    assert all(times == 1 for times in world.messages.values())
    if "cancelled" in order.milestones or "rejected" in order.milestones:
        assert world.held == 0
        assert world.unvoided == set()
        assert order.cancellation is None
    ours = {s.booking.number for s in order.shipments.values() if s.booking is not None and s.stage != "voided"}
    assert set(world.bookings.values()) - world.voided <= ours


@settings(max_examples=100)
@given(lives(honest=True))
def test_every_order_comes_to_rest_and_a_cancelled_one_leaves_nothing_behind(life: Life) -> None:
    an_order_comes_to_rest(life)


@settings(max_examples=100)
@given(lives(honest=True))
def test_an_order_that_is_cancelled_now_leaves_nothing_behind(life: Life) -> None:
    cancelled_now(life)


def cancelled_now(life: Life) -> None:
    """Wherever it stands, the customer cancels, if that is still possible."""
    command = c.CancelOrder(life.order.id)
    if life.process.violations(life.order, command):
        return
    events = life.process.decide(life.order, command, Envelope(life.now))
    order = replay(events, life.order)
    step = Step(life.order, Given(command, Envelope(life.now)), events, order)
    an_order_comes_to_rest(Life(life.process, (*life.steps, step), life.world, life.now))


# -- the law bites -----------------------------------------------------------------------------------------------------


def test_a_claim_that_is_never_released_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    followed = stock._claims_follow_what_is_wanted

    def while_it_is_wanted(order: Order, policy: Policy, at: Any) -> Any:
        return () if "cancelled" in order.milestones else followed(order, policy, at)

    monkeypatch.setattr(stock, "_claims_follow_what_is_wanted", while_it_is_wanted)

    assert fails_somewhere(an_order_comes_to_rest, honest=True)
