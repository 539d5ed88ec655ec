"""What a decision is: pure, refused without a trace, complete in its consequences, and as `explain` says."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given, settings

from orderflow.errors import CommandRefused, VersionConflict
from orderflow.explain import Explanation, Impossible, explain
from orderflow.messages import Envelope
from orderflow.order import Order
from orderflow.process import OrderProcess, Outcome, evolve
from orderflow.stages import packing
from orderflow.values.record import field_names
from tests.laws import lives as made_up
from tests.laws.lives import Answered, Given, Life, fails_somewhere, lives

EXPLAIN = {"explain": explain}
IDS = {
    "fulfillment_planned": ("F", "fulfillment_id"),
    "parcel_packed": ("P", "parcel_id"),
    "shipment_planned": ("S", "shipment_id"),
    "message_queued": ("M", "message_id"),
    "message_withheld": ("M", "message_id"),
    "hold_placed": ("H", "hold_id"),
    "exception_raised": ("X", "case_id"),
}


def as_it_is(order: Order | None) -> str:
    """All that an order is; what was worked out about it, and is kept beside it, is no part of it."""
    return "" if order is None else repr([getattr(order, name) for name in field_names(Order)])


def a_refusal_changes_nothing(life: Life) -> None:
    """And the same refusal comes again; the order that was refused is the order that is."""
    for step in life.steps:
        if step.refused is None or not isinstance(step.action, Given):
            continue
        assert step.after is step.before
        assert step.events == ()
        seen = as_it_is(step.before)
        with pytest.raises((CommandRefused, VersionConflict)) as again:
            life.process.carry_out(step.before, step.action.command, step.action.envelope)
        assert str(again.value) == str(step.refused)
        assert as_it_is(step.before) == seen


def the_same_input_has_the_same_outcome(life: Life) -> None:
    """A decision or conclusion is made again, much later, and gives the same events and order."""
    for step in life.steps:
        if step.refused is not None:
            continue
        action, seen = step.action, as_it_is(step.before)
        if isinstance(action, Given):
            again = life.process.carry_out(step.before, action.command, action.envelope)
        else:
            assert isinstance(action, Answered)
            assert step.before is not None
            again = life.process.settle(step.before, action.request, action.reply, action.at)
        assert again == Outcome(step.events, step.after)  # type: ignore[arg-type]
        assert as_it_is(step.before) == seen


def nothing_follows_what_has_followed(life: Life) -> None:
    """Consequences have come to an end in the same change, and decide says no more than carry_out."""
    for step in life.steps:
        if step.after is not None and step.events:
            assert life.process.consequences(step.after, step.action_at) == ()


def explanations_agree_with_decisions(life: Life) -> None:
    """What is possible is accepted, what is not is refused for exactly these reasons, and nothing is left out."""
    for order in _some_orders(life):
        explained = EXPLAIN["explain"](order, life.process)
        envelope = Envelope(life.now)
        for command in explained.possible:
            life.process.decide(order, command, envelope)
        for impossible in explained.not_possible:
            assert impossible.reasons
            with pytest.raises(CommandRefused) as refused:
                life.process.decide(order, impossible.command, envelope)
            assert refused.value.violations == impossible.reasons
        policy = life.process.policy
        said = [*explained.possible, *(impossible.command for impossible in explained.not_possible)]
        named = [one for decision in life.process.decisions.values() for one in decision.candidates(order, policy)]
        assert sorted(map(repr, said)) == sorted(map(repr, named))
        assert str(explained)


def _some_orders(life: Life) -> list[Order]:
    after = [step.after for step in life.steps if step.after is not None and step.events]
    return after[::3] + after[-1:]


def ids_count_from_one(life: Life) -> None:
    """Ids inside an order are ordinals: each is new, and none is left out."""
    found: dict[str, list[str]] = {}
    for event in life.events:
        if event.TAG in IDS:
            prefix, field = IDS[event.TAG]
            found.setdefault(prefix, []).append(getattr(event, field))
    for prefix, ids in found.items():
        assert ids == [f"{prefix}{number}" for number in range(1, len(ids) + 1)]
    order = life.order
    parts = (order.fulfillments, order.parcels, order.shipments, order.messages, order.holds, order.cases)
    assert [len(part) for part in parts] == [len(found.get(prefix, ())) for prefix in dict(IDS.values())]
    assert order.version == len(life.events)


@settings(max_examples=100)
@given(lives())
def test_a_refusal_changes_nothing(life: Life) -> None:
    a_refusal_changes_nothing(life)


@settings(max_examples=80)
@given(lives())
def test_the_same_command_or_reply_on_the_same_order_has_the_same_outcome(life: Life) -> None:
    the_same_input_has_the_same_outcome(life)


@settings(max_examples=100)
@given(lives())
def test_consequences_are_a_fixpoint(life: Life) -> None:
    nothing_follows_what_has_followed(life)


@settings(max_examples=100)
@given(lives())
def test_explanations_agree_with_decisions(life: Life) -> None:
    explanations_agree_with_decisions(life)


@settings(max_examples=100)
@given(lives())
def test_ids_are_ordinals_without_gaps(life: Life) -> None:
    ids_count_from_one(life)


# -- each law bites ----------------------------------------------------------------------------------------------------


def test_a_decision_that_remembers_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    def numbered_across_orders(prefix: str, held: Any) -> str:
        drawn.append(1)
        return f"{prefix}{len(drawn)}"

    monkeypatch.setattr(packing, "next_id", numbered_across_orders)

    assert fails_somewhere(the_same_input_has_the_same_outcome)


def test_a_refusal_with_a_trace_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = OrderProcess.violations

    def counted(self: OrderProcess, order: Order | None, command: Any, *by: Any) -> Any:
        found = refusing(self, order, command, *by)
        if found and order is not None:
            vars(order)["version"] += 1
        return found

    monkeypatch.setattr(OrderProcess, "violations", counted)

    assert fails_somewhere(a_refusal_changes_nothing)


def test_a_consequence_that_comes_too_late_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_consequences(self: Any, order: Order | None, events: Any, at: Any, policy: Any) -> Outcome:
        happened = tuple(events)
        for event in happened:
            order = evolve(order, event)
        assert order is not None
        return Outcome(happened, order)

    monkeypatch.setattr(OrderProcess, "_outcome", without_consequences)

    assert fails_somewhere(nothing_follows_what_has_followed)


def test_an_explanation_that_promises_too_much_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def promising(order: Order, process: OrderProcess) -> Explanation:
        said = explain(order, process)
        first: tuple[Impossible, ...] = said.not_possible[:1]
        possible = (*said.possible, *(one.command for one in first))
        return attrs.evolve(said, possible=possible, not_possible=said.not_possible[1:])

    monkeypatch.setitem(EXPLAIN, "explain", promising)
    assert made_up.explain is explain

    assert fails_somewhere(explanations_agree_with_decisions)


def test_an_id_that_is_given_twice_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "next_id", lambda prefix, held: f"{prefix}{max(1, len(held))}")

    assert fails_somewhere(ids_count_from_one)
