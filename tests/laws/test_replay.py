"""Replay: the events alone make the order, and what is wanted follows from the order alone, in the same words."""

from __future__ import annotations

from typing import Any, NoReturn

import attrs
import pytest
from hypothesis import given, settings

from orderflow.events import HoldPlaced
from orderflow.lifecycle import Lifecycle
from orderflow.policy import Policy
from orderflow.ports import EFFECTS, ClaimStock
from orderflow.process import OrderProcess, pending, replay
from orderflow.stages import stock
from tests.laws.lives import Life, fails_somewhere, lives

_POLICY_METHODS = ("order_step", "fulfillment_step", "parcel_step", "_target")


def _nobody_asks(*args: Any, **named: Any) -> NoReturn:
    raise AssertionError("a policy was asked during replay")


def replay_makes_the_same_order(life: Life) -> None:
    """Without asking any policy, whole or in two parts."""
    with pytest.MonkeyPatch.context() as patched:
        for name in _POLICY_METHODS:
            patched.setattr(Policy, name, _nobody_asks)
        for name in ("target", "events_from", "sources_of"):
            patched.setattr(Lifecycle, name, _nobody_asks)
        patched.setattr(OrderProcess, "carry_out", _nobody_asks)
        events = life.events
        assert replay(events) == life.order
        middle = len(events) // 2
        assert replay(events[middle:], replay(events[:middle])) == life.order


def what_is_wanted_follows_from_the_events(life: Life) -> None:
    """Forgetting everything but the events loses no request and changes no word of one."""
    order, happened = None, 0
    for step in life.steps:
        order = replay(step.events, order)
        happened += len(step.events)
        assert order is not None
        assert step.after is not None
        assert order.version == happened
        assert pending(order) == pending(step.after)


def a_key_has_one_body(life: Life) -> None:
    """The same effect is always asked for in the same words; a claim, in each of its revisions."""
    bodies: dict[Any, Any] = {}
    for request in life.asked.values():
        if type(request) in EFFECTS:
            key = getattr(request, "key", None), getattr(request, "revision", None)
            assert bodies.setdefault(key, request) == request
    by_id: dict[str, Any] = {}
    for request in bodies.values():
        assert by_id.setdefault(request.id, request) == request


@settings(max_examples=100)
@given(lives())
def test_replay_needs_no_policy_and_makes_the_same_order(life: Life) -> None:
    replay_makes_the_same_order(life)


@settings(max_examples=150)
@given(lives())
def test_what_is_wanted_is_derived_from_the_state(life: Life) -> None:
    what_is_wanted_follows_from_the_events(life)


@settings(max_examples=100)
@given(lives())
def test_the_same_key_always_has_the_same_body(life: Life) -> None:
    a_key_has_one_body(life)


# -- each law bites ----------------------------------------------------------------------------------------------------


def test_an_event_that_means_something_else_today_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    applied, times = HoldPlaced.apply, [0]

    def later(self: HoldPlaced, order: Any) -> Any:
        times[0] += 1
        return applied(attrs.evolve(self, note=str(times[0])), order)

    monkeypatch.setattr(HoldPlaced, "apply", later)

    assert fails_somewhere(replay_makes_the_same_order)


def test_a_wish_that_depends_on_more_than_the_events_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, times = stock._claim_request, [0]

    def counted(order: Any, claim: Any) -> ClaimStock:
        times[0] += 1
        return attrs.evolve(asked(order, claim), location=str(times[0]))

    monkeypatch.setattr(stock, "_claim_request", counted)

    assert fails_somewhere(what_is_wanted_follows_from_the_events)
    assert fails_somewhere(a_key_has_one_body)


def test_a_claim_that_changes_under_its_revision_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stock._claim_request
    monkeypatch.setattr(stock, "_claim_request", lambda order, claim: attrs.evolve(asked(order, claim), revision=1))

    assert fails_somewhere(a_key_has_one_body)
