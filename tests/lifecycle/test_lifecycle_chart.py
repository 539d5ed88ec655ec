"""A host's own machine plugged in, machines that no table can say, and the drawings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from statemachine import HistoryState, State, StateChart, StateMachine

from orderflow.errors import LifecycleError
from orderflow.lifecycle import ORDER, PARCEL, Lifecycle, Step, from_statemachine, markdown, mermaid, statechart
from orderflow.lifecycle.draw import main, page

PAGE = Path(__file__).parents[2] / "docs" / "lifecycles.md"


class HostRepair(StateMachine):
    """A machine as a host may have it."""

    received = State(initial=True)
    on_bench = State("On the bench")
    scrapped = State(final=True)
    returned = State(final=True)

    diagnose = received.to(scrapped, cond="hopeless") | received.to(on_bench, unless="hopeless")
    retry = on_bench.to(on_bench)
    give_back = on_bench.to(returned, cond="!unpaid")
    give_up = received.to(scrapped) | on_bench.to(scrapped)

    def hopeless(self) -> bool:
        return False

    def unpaid(self) -> bool:
        return False


def test_a_flat_machine_of_a_host_becomes_a_lifecycle() -> None:
    assert from_statemachine(HostRepair, version=3) == Lifecycle(
        name="hostrepair",
        version=3,
        initial="received",
        steps=(
            Step("received", "diagnose", "scrapped", "hopeless"),
            Step("received", "diagnose", "on_bench", "!hopeless"),
            Step("received", "give_up", "scrapped"),
            Step("on_bench", "retry", "on_bench"),
            Step("on_bench", "give_back", "returned", "!unpaid"),
            Step("on_bench", "give_up", "scrapped"),
        ),
        final=("scrapped", "returned"),
    )


def test_a_lifecycle_read_from_a_machine_compiles_into_the_same_again() -> None:
    repair = from_statemachine(HostRepair, name="repair")
    assert from_statemachine(statechart(repair), name="repair") == repair


def test_reading_and_compiling_leave_other_machines_alone() -> None:
    before = from_statemachine(HostRepair)
    first, second = statechart(before), statechart(before)
    assert first is not second
    assert first.states[0] is not second.states[0]
    assert from_statemachine(HostRepair) == before


class Nested(StateChart[Any]):
    class outer(State.Compound):  # noqa: N801
        first = State(initial=True)
        second = State(final=True)
        memory = HistoryState()
        inside = first.to(second)

    done = State(final=True)
    leave = outer.to(done)


class Parallel(StateChart[Any]):
    class both(State.Parallel):  # noqa: N801
        class left(State.Compound):  # noqa: N801
            l1 = State(initial=True)
            l2 = State(final=True)
            go_left = l1.to(l2)

        class right(State.Compound):  # noqa: N801
            r1 = State(initial=True)
            r2 = State(final=True)
            go_right = r1.to(r2)


class Eventless(StateChart[Any]):
    a = State(initial=True)
    b = State(final=True)
    a.to(b, cond="dry")
    go = a.to(b)

    def dry(self) -> bool:
        return False


class Internal(StateMachine):
    a = State(initial=True)
    b = State(final=True)
    stay = a.to(a, internal=True)
    go = a.to(b)


class Acting(StateMachine):
    a = State(initial=True)
    b = State(final=True, enter="greet")
    go = a.to(b, on="greet")

    def greet(self) -> None: ...

    def on_exit_a(self) -> None: ...

    def after_go(self) -> None: ...


class Guarding(StateMachine):
    a = State(initial=True)
    b = State(final=True)
    go = a.to(b, cond="dry and warm")
    run = a.to(b, cond=["dry", "warm"])
    fly = a.to(b, validators="check")
    swim = a.to(b, cond=lambda: True)

    dry = warm = True

    def check(self) -> None: ...


class Empty(StateMachine):
    pass


@pytest.mark.parametrize(
    ("machine", "codes"),
    [
        (Nested, ["lifecycle.not_flat"]),
        (Parallel, ["lifecycle.not_flat"]),
        (Eventless, ["lifecycle.eventless_step"]),
        (Internal, ["lifecycle.internal_step"]),
        (Acting, ["lifecycle.has_actions"] * 4),
        (
            Guarding,
            [
                "lifecycle.guard_not_a_name",
                "lifecycle.several_guards",
                "lifecycle.has_validators",
                "lifecycle.guard_not_a_name",
            ],
        ),
        (Empty, ["lifecycle.no_states"]),
    ],
)
def test_a_machine_that_no_table_can_say_is_refused_with_every_reason(
    machine: type[StateMachine], codes: list[str]
) -> None:
    with pytest.raises(LifecycleError) as refused:
        from_statemachine(machine)
    assert list(refused.value.codes) == codes


def test_a_machine_with_a_resting_state_needs_to_be_told_so() -> None:
    machine = statechart(PARCEL)
    with pytest.raises(LifecycleError) as refused:
        from_statemachine(machine, name="parcel")
    assert set(refused.value.codes) == {"lifecycle.never_ends"}
    assert from_statemachine(machine, name="parcel", resting=("delivered",)) == PARCEL


def test_a_guard_for_which_no_step_asks_is_refused() -> None:
    with pytest.raises(LifecycleError) as refused:
        statechart(ORDER, {"dry": lambda: True})
    assert refused.value.codes == ("lifecycle.unknown_guard",)


def test_guards_may_come_from_the_model() -> None:
    class Parcelled:
        state: str | None = None
        dry = True

    machine = statechart(Lifecycle("thing", 1, "a", (Step("a", "go", "b", "dry"),), ("b",)))
    model = Parcelled()
    machine(model).send("go")
    assert model.state == "b"


# Drawings


def test_the_diagram_names_every_step() -> None:
    drawn = mermaid(PARCEL)
    assert drawn.startswith("stateDiagram-v2\n")
    assert "[*] --> packed" in drawn
    assert "unpacked --> [*]" in drawn
    for step in PARCEL.steps:
        assert f"{step.source} --> {step.target} : {step.event.capitalize().replace('_', ' ')}" in drawn


def test_the_table_has_a_row_a_state_and_a_column_an_event() -> None:
    thing = Lifecycle(
        "thing",
        1,
        "a",
        (Step("a", "go", "b", "dry"), Step("a", "go", "c"), Step("c", "back", "a")),
        final="b",
        resting="c",
    )
    assert markdown(thing).splitlines() == [
        "| state | `go` | `back` |",
        "| --- | --- | --- |",
        "| **a** (initial) | b [dry], c |  |",
        "| **b** (final) |  |  |",
        "| **c** (resting) |  | a |",
    ]


def test_the_drawings_are_the_same_in_every_run() -> None:
    def printed(seed: str) -> str:
        run = [sys.executable, "-m", "orderflow.lifecycle.draw"]
        told = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.run(run, env=told, check=True, capture_output=True, text=True).stdout

    assert printed("1") == printed("2") == page()


def test_the_reference_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "stale: python -m orderflow.lifecycle.draw > docs/lifecycles.md"


def test_the_module_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    said: Callable[[], None] = main
    said()
    assert capsys.readouterr().out == page()
