"""The compiled table means what the state machine means: the same target, or both refuse."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from types import SimpleNamespace

import attrs
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from statemachine import StateMachine
from statemachine.exceptions import TransitionNotAllowed

from orderflow.errors import LifecycleError
from orderflow.lifecycle import FULFILLMENT, ORDER, PARCEL, Lifecycle, Step, from_statemachine, statechart
from orderflow.lifecycle.worked import WITH_ENGRAVING, WITH_FRAUD_REVIEW

GUARDED = Lifecycle(
    name="refund",
    version=1,
    initial="asked",
    steps=(
        Step("asked", "decide", "escalated", guard="large"),
        Step("asked", "decide", "granted", guard="trusted"),
        Step("asked", "decide", "refused"),
        Step("escalated", "decide", "granted", guard="!large"),
        Step("escalated", "decide", "escalated", guard="!trusted"),
        Step("escalated", "give_up", "refused"),
        Step("refused", "ask_again", "asked", guard="trusted"),
    ),
    final=("granted",),
    resting=("refused",),
)

# Names that begin like those to which the state machine library gives a meaning of its own.
AWKWARD = Lifecycle(
    name="return",
    version=1,
    initial="on_hold",
    steps=(
        Step("on_hold", "error_execution", "done_state_on_hold", guard="is_urgent"),
        Step("done_state_on_hold", "done_state_x", "after_all"),
        Step("done_state_on_hold", "error_x", "on_hold"),
        Step("after_all", "class", "end"),
    ),
    final=("end",),
)


def live_target(machine: type[StateMachine], state: str, event: str) -> str | None:
    """What a living machine does, that stands in ``state`` and is sent ``event``."""
    model = SimpleNamespace(state=state)
    living = machine(model)
    try:
        living.send(event)
    except TransitionNotAllowed:
        assert model.state == state
        return None
    return str(model.state)


def valuations(names: tuple[str, ...]) -> Iterator[dict[str, bool]]:
    """Every way in which the guards may hold."""
    for held in product((False, True), repeat=len(names)):
        yield dict(zip(names, held, strict=True))


def differences(table: Lifecycle, oracle: Lifecycle) -> list[tuple[str, str, str | None, str | None]]:
    """Where ``table`` says something else than the machine compiled from ``oracle``, over all that can be asked."""
    found = []
    held: dict[str, bool] = {}
    answers = {name: (lambda name=name: held[name]) for name in oracle.guards}
    machine = statechart(oracle, answers)
    for valuation in valuations(oracle.guards):
        held.update(valuation)
        for state, event in product(oracle.states, oracle.events):
            ours, theirs = table.target(state, event, held.__getitem__), live_target(machine, state, event)
            if ours != theirs:
                found.append((state, event, ours, theirs))
    return found


ALL = [ORDER, FULFILLMENT, PARCEL, WITH_FRAUD_REVIEW, WITH_ENGRAVING, GUARDED, AWKWARD]
IDS = ["order", "fulfillment", "parcel", "fraud review", "engraving", "guarded", "awkward names"]


@pytest.mark.parametrize("lifecycle", ALL, ids=IDS)
def test_the_table_and_the_living_machine_agree_on_every_state_event_and_guard(lifecycle: Lifecycle) -> None:
    assert differences(lifecycle, lifecycle) == []


@pytest.mark.parametrize("lifecycle", ALL, ids=IDS)
def test_a_compiled_machine_read_back_is_the_same_table(lifecycle: Lifecycle) -> None:
    back = from_statemachine(statechart(lifecycle), name=lifecycle.name, resting=lifecycle.resting)
    assert (back.initial, back.final, back.resting) == (lifecycle.initial, lifecycle.final, lifecycle.resting)
    assert set(back.steps) == set(lifecycle.steps)
    assert differences(back, lifecycle) == []


def mutants(lifecycle: Lifecycle) -> Iterator[Lifecycle]:
    """Tables that differ from the lifecycle in one step, slipped past the definition check."""
    for index, step in enumerate(lifecycle.steps):
        others = [state for state in lifecycle.states if state != step.target]
        changed = [attrs.evolve(step, target=others[0])]
        if step.source != step.target:
            changed.append(attrs.evolve(step, source=step.target, target=step.source))
        if step.guard is not None:
            changed.append(attrs.evolve(step, guard=step.guard[1:] if step.guard[0] == "!" else f"!{step.guard}"))
        for mutant in changed:
            steps = [*lifecycle.steps[:index], mutant, *lifecycle.steps[index + 1 :]]
            yield forged(lifecycle, steps)


def forged(lifecycle: Lifecycle, steps: list[Step]) -> Lifecycle:
    """The lifecycle with another table, as a wrong compiler would make it."""
    from orderflow.lifecycle.model import _compiled

    made = attrs.evolve(lifecycle)
    object.__setattr__(made, "_table", _compiled(tuple(steps)))
    return made


@pytest.mark.parametrize("lifecycle", [PARCEL, GUARDED], ids=["parcel", "guarded"])
def test_a_wrong_table_is_noticed(lifecycle: Lifecycle) -> None:
    wrong = list(mutants(lifecycle))
    assert len(wrong) > len(lifecycle.steps)
    assert [mutant for mutant in wrong if not differences(mutant, lifecycle)] == []


def test_a_reversed_edge_is_told_by_state_and_event() -> None:
    steps = [Step(s.target, s.event, s.source) if s.event == "verify" else s for s in ORDER.steps]
    assert differences(forged(ORDER, steps), ORDER) == [
        ("acknowledged", "verify", None, "verified"),
        ("verified", "verify", "acknowledged", None),
    ]


def test_guards_in_the_wrong_order_are_noticed() -> None:
    steps = [GUARDED.steps[1], GUARDED.steps[0], *GUARDED.steps[2:]]
    assert differences(forged(GUARDED, steps), GUARDED) == [("asked", "decide", "granted", "escalated")]


STATES = ["here", "there", "beyond", "apart", "done"]
EVENTS = ["go", "turn", "wait"]
CHOICES = st.lists(
    st.tuples(st.sampled_from(STATES), st.sampled_from([None, "dry", "!dry", "warm", "!warm"])), max_size=3
)


def unshadowed(rows: list[Step]) -> Iterator[Step]:
    """The rows that some guard values lead to."""
    asked: dict[tuple[str, str], set[str | None]] = {}
    for row in rows:
        before = asked.setdefault((row.source, row.event), set())
        decided = None in before or {"dry", "!dry"} <= before or {"warm", "!warm"} <= before
        if not decided and row.guard not in before:
            yield row
        before.add(row.guard)


@st.composite
def lifecycles(draw: st.DrawFn) -> Lifecycle:
    """A lifecycle that works: random rows, without those that could never be taken."""
    pairs = [(state, event, draw(CHOICES)) for state, event in product(STATES[:-1], EVENTS)]
    rows = list(unshadowed([Step(s, e, target, guard) for s, e, choices in pairs for target, guard in choices]))
    reached = {"here"}
    for _ in STATES:
        reached |= {row.target for row in rows if row.source in reached}
    steps = tuple(row for row in rows if row.source in reached)
    assume(steps)
    leaving = sorted({step.source for step in steps})
    final = tuple(sorted({step.target for step in steps} - set(leaving)))
    resting = draw(st.lists(st.sampled_from(leaving), max_size=2))
    try:
        return Lifecycle("random", 1, "here", steps, final, resting)
    except LifecycleError:
        return Lifecycle("random", 1, "here", steps, final, leaving)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lifecycles())
def test_random_lifecycles_and_their_machines_agree_on_everything(lifecycle: Lifecycle) -> None:
    assert differences(lifecycle, lifecycle) == []
    back = from_statemachine(statechart(lifecycle), name="random", resting=lifecycle.resting)
    assert {*back.steps} == {*lifecycle.steps}
