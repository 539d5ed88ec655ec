"""What a lifecycle permits, how it is extended, and why one is refused."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import attrs
import pytest
from statemachine import StateMachine

from orderflow.errors import LifecycleError, UnknownType
from orderflow.lifecycle import FULFILLMENT, ORDER, PARCEL, RESERVED, Lifecycle, Step
from orderflow.lifecycle.worked import WITH_ENGRAVING, WITH_FRAUD_REVIEW

A_TO_B = Step("a", "go", "b")


def life(*steps: Any, **changed: Any) -> Lifecycle:
    """A lifecycle that goes from ``a`` to the final ``b`` where nothing else is said."""
    said: dict[str, Any] = {"name": "thing", "version": 1, "initial": "a", "steps": steps or (A_TO_B,), "final": ("b",)}
    return Lifecycle(**said | changed)


# Bad definitions: every code, alone and in company


REFUSED: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"steps": ("a", A_TO_B)}, [("lifecycle.not_a_step", "steps[0]")]),
    ({"steps": (Step("a", 1, "b"),)}, [("lifecycle.bad_name", "steps[0].event")]),  # type: ignore[arg-type]
    ({"steps": (A_TO_B, Step("a", "go.on", "b"))}, [("lifecycle.bad_name", "steps[1].event")]),
    ({"steps": (A_TO_B, Step("a", "*", "b"))}, [("lifecycle.bad_name", "steps[1].event")]),
    ({"steps": (A_TO_B, Step("a", "go on", "b"))}, [("lifecycle.bad_name", "steps[1].event")]),
    ({"steps": (A_TO_B, Step("a", "", "b"))}, [("lifecycle.bad_name", "steps[1].event")]),
    ({"steps": (A_TO_B, Step("a", "_go", "b"))}, [("lifecycle.bad_name", "steps[1].event")]),
    ({"steps": (Step("a", "go", "b", guard="x or y"),)}, [("lifecycle.bad_name", "steps[0].guard")]),
    ({"steps": (Step("a", "go", "b", guard="not"),)}, [("lifecycle.bad_name", "steps[0].guard")]),
    ({"steps": (Step("a", "go", "b", guard=""),)}, [("lifecycle.bad_name", "steps[0].guard")]),
    ({"steps": (Step("a", "go", "b", guard="!"),)}, [("lifecycle.bad_name", "steps[0].guard")]),
    ({"name": "my thing"}, [("lifecycle.bad_name", "name")]),
    ({"version": 0}, [("lifecycle.bad_version", "version")]),
    ({"version": True}, [("lifecycle.bad_version", "version")]),
    ({"version": "1"}, [("lifecycle.bad_version", "version")]),
    ({"steps": (Step("a", "b", "b"),)}, [("lifecycle.ambiguous_name", "b")]),
    ({"steps": (Step("a", "go", "b", guard="go"),)}, [("lifecycle.ambiguous_name", "go")]),
    ({"steps": (Step("a", "go", "b", guard="a"),)}, [("lifecycle.ambiguous_name", "a")]),
    ({"steps": (Step("a", "send", "b"),)}, [("lifecycle.reserved_name", "send")]),
    ({"steps": (Step("a", "go", "model"),), "final": "model"}, [("lifecycle.reserved_name", "model")]),
    ({"steps": (Step("a", "go", "on_go"),), "final": "on_go"}, [("lifecycle.reserved_name", "on_go")]),
    ({"steps": (Step("a", "on_enter_b", "b"),)}, [("lifecycle.reserved_name", "on_enter_b")]),
    ({"steps": (Step("a", "go", "b", guard="before_go"),)}, [("lifecycle.reserved_name", "before_go")]),
    ({"initial": "z"}, [("lifecycle.unknown_state", "initial"), ("lifecycle.unreachable_state", "a"),
                        ("lifecycle.unreachable_state", "b"), ("lifecycle.trap", "z")]),
    ({"final": ("b", "z")}, [("lifecycle.unknown_state", "final")]),
    ({"resting": ("z",)}, [("lifecycle.unknown_state", "resting")]),
    ({"steps": (), "final": ("a",)}, [("lifecycle.no_steps", "steps"), ("lifecycle.unknown_state", "initial"),
                                      ("lifecycle.unknown_state", "final")]),
    ({"final": (), "steps": (A_TO_B, Step("b", "back", "a"))}, [("lifecycle.no_end", "final")]),
    ({"final": ()}, [("lifecycle.no_end", "final"), ("lifecycle.trap", "b")]),
    ({"resting": ("b",)}, [("lifecycle.final_and_resting", "resting")]),
    ({"steps": (A_TO_B, Step("b", "back", "a"))}, [("lifecycle.final_with_a_way_out", "steps[1]")]),
    ({"steps": (A_TO_B, Step("b", "stay", "b"))}, [("lifecycle.final_with_a_way_out", "steps[1]")]),
    ({"steps": (A_TO_B, A_TO_B)}, [("lifecycle.duplicate_step", "steps[1]")]),
    ({"steps": (A_TO_B, Step("a", "go", "a", guard="dry"))}, [("lifecycle.shadowed_step", "steps[1]")]),
    ({"steps": (Step("a", "go", "b", "dry"), Step("a", "go", "a", "dry"))}, [("lifecycle.shadowed_step", "steps[1]")]),
    ({"steps": (Step("a", "go", "b", "dry"), Step("a", "go", "b", "!dry"), Step("a", "go", "a"))},
     [("lifecycle.shadowed_step", "steps[2]")]),
    ({"steps": (A_TO_B, Step("c", "go", "b"))}, [("lifecycle.unreachable_state", "c")]),
    ({"steps": (A_TO_B, Step("a", "stray", "c"))}, [("lifecycle.trap", "c")]),
    ({"steps": (A_TO_B, Step("a", "stray", "c"), Step("c", "stay", "c"))}, [("lifecycle.trap", "c")]),
    ({"steps": (A_TO_B, Step("a", "stray", "c"), Step("c", "turn", "d"), Step("d", "turn", "c"))},
     [("lifecycle.never_ends", "c"), ("lifecycle.never_ends", "d")]),
]  # fmt: skip


@pytest.mark.parametrize(("said", "reasons"), REFUSED)
def test_a_lifecycle_that_cannot_work_is_refused_with_the_reason(
    said: dict[str, Any], reasons: list[tuple[str, str]]
) -> None:
    with pytest.raises(LifecycleError) as refused:
        life(**said)
    assert [(violation.code, violation.path) for violation in refused.value.violations] == reasons


def test_all_reasons_are_told_at_once() -> None:
    with pytest.raises(LifecycleError) as refused:
        life(A_TO_B, A_TO_B, Step("b", "go.on", "c"), Step("e", "send", "b"), version=-1, final=("b", "z"))
    assert refused.value.codes == (
        "lifecycle.bad_name",
        "lifecycle.bad_version",
        "lifecycle.reserved_name",
        "lifecycle.unknown_state",
        "lifecycle.final_with_a_way_out",
        "lifecycle.duplicate_step",
        "lifecycle.unreachable_state",
        "lifecycle.trap",
    )


def test_every_public_name_of_a_living_machine_is_reserved() -> None:
    living = life_machine()
    own = {"a", "b", "go"}
    assert {name for name in dir(living) if not name.startswith("_")} - own <= RESERVED


def life_machine() -> StateMachine:
    from orderflow.lifecycle import statechart

    return statechart(life())()


# What is permitted


def test_an_event_leads_to_its_target_and_nothing_else_is_permitted() -> None:
    assert ORDER.target("placed", "acknowledge") == "acknowledged"
    assert ORDER.permits("completed", "reopen")
    assert ORDER.target("shipped", "cancel") is None
    assert not ORDER.permits("cancelled", "acknowledge")


def test_an_unknown_state_or_event_is_an_error_that_names_it() -> None:
    with pytest.raises(UnknownType, match="unknown state of lifecycle order 'lost'"):
        ORDER.target("lost", "cancel")
    with pytest.raises(UnknownType, match="unknown event of lifecycle order 'explode'"):
        ORDER.permits("placed", "explode")
    with pytest.raises(UnknownType, match="'lost'"):
        ORDER.events_from("lost")
    with pytest.raises(UnknownType, match="'explode'"):
        ORDER.sources_of("explode")


def test_the_first_step_whose_guard_holds_is_taken() -> None:
    guarded = life(Step("a", "go", "b", "dry"), Step("a", "go", "c", "!warm"), Step("c", "go", "b"))
    assert guarded.guards == ("dry", "warm")
    assert guarded.target("a", "go", {"dry": True, "warm": False}.__getitem__) == "b"
    assert guarded.target("a", "go", {"dry": False, "warm": False}.__getitem__) == "c"
    assert guarded.target("a", "go", {"dry": False, "warm": True}.__getitem__) is None


def test_a_guard_for_which_nobody_answers_is_not_a_no() -> None:
    with pytest.raises(UnknownType, match="unknown guard 'dry'"):
        life(Step("a", "go", "b", "dry")).target("a", "go")


def test_the_table_can_be_asked_from_both_sides() -> None:
    assert ORDER.events_from("placed") == ("acknowledge", "reject", "cancel")
    assert ORDER.events_from("cancelled") == ()
    assert ORDER.sources_of("cancel") == ("draft", "placed", "acknowledged", "verified", "in_fulfillment")
    assert ORDER.steps_from("delivered") == (
        Step("delivered", "complete", "completed"),
        Step("delivered", "reopen", "shipped"),
    )


# The standard lifecycles


def test_the_standard_order_goes_from_placed_to_completed_and_back() -> None:
    state = ORDER.initial
    for event in ("place", "acknowledge", "verify", "start_fulfillment", "ship", "deliver", "complete", "reopen"):
        state = ORDER.target(state, event) or ""
    assert state == "shipped"
    assert (ORDER.final, ORDER.resting) == (("cancelled", "rejected"), ("completed",))


def test_the_standard_fulfillment_packs_and_despatches_parcel_by_parcel() -> None:
    assert FULFILLMENT.target("picked", "pack") == "picked"
    assert FULFILLMENT.target("packed", "despatch") == "packed"
    assert FULFILLMENT.target("packed", "unpack") == "picked"
    assert set(FULFILLMENT.final) == {"despatched", "cancelled"}
    assert FULFILLMENT.sources_of("cancel") == ("planned", "submitted", "picking", "picked", "packed")


def test_the_standard_parcel_is_unpacked_only_when_it_is_not_booked() -> None:
    assert PARCEL.sources_of("unpack") == ("packed",)
    assert PARCEL.target("booked", "unbook") == "packed"
    assert PARCEL.sources_of("despatch") == ("booked",)
    assert (PARCEL.final, PARCEL.resting) == (("unpacked",), ("delivered",))


# Lifecycles are values


def test_lifecycles_are_equal_by_value() -> None:
    again = attrs.evolve(ORDER, final=("cancelled", "rejected"))
    assert again == ORDER
    assert hash(again) == hash(ORDER)
    assert attrs.evolve(ORDER, version=2) != ORDER
    assert len({ORDER, again, PARCEL}) == 2


@pytest.mark.parametrize("copied", [lambda it: pickle.loads(pickle.dumps(it)), copy.deepcopy, attrs.evolve])
def test_a_copy_is_the_same_lifecycle_and_works(copied: Any) -> None:
    again = copied(ORDER)
    assert again == ORDER
    assert again.target("placed", "reject") == "rejected"


def test_a_lifecycle_cannot_be_changed_in_place() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        ORDER.initial = "shipped"  # type: ignore[misc]


def test_one_end_may_be_named_without_a_tuple() -> None:
    assert life(Step("a", "go", "done"), final="done").final == ("done",)


# Extending


def test_an_extended_lifecycle_has_the_new_steps_and_the_next_version() -> None:
    parked = ORDER.extended(Step("verified", "park", "parked"), Step("parked", "unpark", "verified"))
    assert parked.target("parked", "unpark") == "verified"
    assert (parked.name, parked.version) == ("order", 2)
    assert "parked" not in ORDER.states
    assert ORDER.extended(version=7).version == 7


def test_an_extension_may_add_ends() -> None:
    burned = PARCEL.extended(
        Step("booked", "burn", "burned"), Step("packed", "lose", "lost"), final="burned", resting="lost"
    )
    assert burned.final == ("unpacked", "burned")
    assert set(burned.resting) == {"delivered", "lost"}


def test_a_step_can_be_redirected() -> None:
    changed = PARCEL.extended(Step("delivered", "reopen", "booked"), instead_of=[("delivered", "reopen")])
    assert changed.target("delivered", "reopen") == "booked"


def test_a_state_that_no_step_mentions_any_more_is_gone() -> None:
    strict = ORDER.without(("placed", "reject"), ("acknowledged", "reject"))
    assert "rejected" not in strict.states
    assert strict.final == ("cancelled",)
    assert strict.version == 2


def test_a_resting_state_may_lose_its_way_out() -> None:
    assert ORDER.without(("completed", "reopen")).events_from("completed") == ()


def test_an_extension_that_cannot_work_is_refused_with_the_reason() -> None:
    for steps, code in [
        ([Step("cancelled", "revive", "placed")], "lifecycle.final_with_a_way_out"),
        ([Step("verified", "park", "parked")], "lifecycle.trap"),
        ([Step("parked", "unpark", "verified")], "lifecycle.unreachable_state"),
        ([Step("placed", "cancel", "rejected")], "lifecycle.shadowed_step"),
    ]:
        with pytest.raises(LifecycleError) as refused:
            ORDER.extended(*steps)
        assert refused.value.codes == (code,)
    with pytest.raises(LifecycleError, match=r"lifecycle\.unknown_state"):
        ORDER.extended(final=("burned",))


def test_taking_out_steps_that_are_not_there_is_refused_for_each() -> None:
    with pytest.raises(LifecycleError) as refused:
        ORDER.without(("placed", "ship"), ("placed", "cancel"), ("lost", "cancel"))
    assert refused.value.codes == ("lifecycle.no_such_step", "lifecycle.no_such_step")


def test_taking_out_the_only_way_somewhere_is_refused() -> None:
    with pytest.raises(LifecycleError) as refused:
        ORDER.without(("in_fulfillment", "ship"))
    assert set(refused.value.codes) == {"lifecycle.unreachable_state"}
    assert [violation.path for violation in refused.value.violations] == ["shipped", "delivered", "completed"]


# Inserting


def test_a_fraud_review_stands_between_acknowledged_and_verified() -> None:
    assert not WITH_FRAUD_REVIEW.permits("acknowledged", "verify")
    assert WITH_FRAUD_REVIEW.target("acknowledged", "review_fraud") == "fraud_review"
    assert WITH_FRAUD_REVIEW.target("fraud_review", "verify") == "verified"
    assert WITH_FRAUD_REVIEW.target("acknowledged", "cancel") == "cancelled"
    assert WITH_FRAUD_REVIEW.target("fraud_review", "cancel") == "cancelled"
    assert WITH_FRAUD_REVIEW.target("fraud_review", "reject") == "rejected"
    assert WITH_FRAUD_REVIEW.events_from("fraud_review") == ("verify", "reject", "cancel")


def test_an_inserted_state_takes_over_the_steps_that_stay_in_place() -> None:
    assert WITH_ENGRAVING.target("picked", "engrave") == "engraving"
    assert WITH_ENGRAVING.target("engraving", "pack") == "engraving"
    assert WITH_ENGRAVING.target("engraving", "finish_packing") == "packed"
    assert WITH_ENGRAVING.target("packed", "unpack") == "picked"
    assert WITH_ENGRAVING.events_from("picked") == ("engrave", "unpack", "record_despatch", "cancel")


def test_from_an_inserted_state_all_is_possible_that_was_possible_before_it() -> None:
    assert set(WITH_ENGRAVING.events_from("engraving")) == {
        "pack",
        "finish_packing",
        "unpack",
        "despatch",
        "hand_over",
        "finish_despatch",
        "record_despatch",
        "cancel",
    }
    assert WITH_ENGRAVING.target("engraving", "unpack") == "engraving", "round and round stays round and round"
    assert WITH_ENGRAVING.target("engraving", "cancel") == "cancelled"


@pytest.mark.parametrize("chart", [ORDER, FULFILLMENT, PARCEL], ids=lambda chart: chart.name)
def test_wherever_a_state_is_inserted_it_can_do_all_that_the_one_before_could(chart: Lifecycle) -> None:
    for after in chart.states:
        leaving = tuple(step.event for step in chart.steps_from(after))
        for taken in leaving:
            longer = chart.inserted("review", after=after, by="look", taking=(taken,))
            assert set(longer.events_from("review")) == set(leaving)
            for step in chart.steps_from(after):
                expected = "review" if step.target == after else step.target
                assert longer.target("review", step.event) == expected
                if step.event != taken:
                    assert longer.target(after, step.event) == step.target


def test_an_inserted_state_that_takes_nothing_is_a_way_round() -> None:
    round_about = ORDER.inserted("review", after="acknowledged", by="look", taking=())
    assert round_about.events_from("review") == ORDER.events_from("acknowledged")
    assert set(round_about.events_from("acknowledged")) == {*ORDER.events_from("acknowledged"), "look"}


def test_the_guards_of_steps_go_with_them_into_an_inserted_state() -> None:
    guarded = life(Step("a", "go", "b"), Step("a", "stay", "a", "dry"), Step("a", "leave", "b", "!dry"))
    longer = guarded.inserted("c", after="a", by="look", taking="go")
    assert longer.steps_from("c") == (
        Step("c", "go", "b"),
        Step("c", "stay", "c", "dry"),
        Step("c", "leave", "b", "!dry"),
    )


def test_an_inserted_state_may_be_entered_by_the_event_that_it_takes_over() -> None:
    two_eyes = ORDER.inserted("looked_at_once", after="acknowledged", by="verify", taking="verify")
    assert two_eyes.target("acknowledged", "verify") == "looked_at_once"
    assert two_eyes.target("looked_at_once", "verify") == "verified"


@pytest.mark.parametrize(
    ("said", "codes"),
    [
        ({"state": "shipped"}, ("lifecycle.state_exists",)),
        ({"after": "nowhere"}, ("lifecycle.unknown_state",)),
        ({"by": "cancel"}, ("lifecycle.event_taken",)),
        ({"taking": ("ship", "verify", "pack")}, ("lifecycle.no_such_step", "lifecycle.no_such_step")),
        ({"after": "cancelled", "taking": ()}, ("lifecycle.final_with_a_way_out", "lifecycle.trap")),
        ({"state": "placed", "by": "reject", "taking": ("ship",)},
         ("lifecycle.state_exists", "lifecycle.event_taken", "lifecycle.no_such_step")),
    ],
)  # fmt: skip
def test_an_insertion_that_cannot_work_is_refused_with_every_reason(
    said: dict[str, Any], codes: tuple[str, ...]
) -> None:
    whole = {"state": "review", "after": "acknowledged", "by": "look", "taking": ("verify",)} | said
    with pytest.raises(LifecycleError) as refused:
        ORDER.inserted(**whole)
    assert refused.value.codes == codes


# What is loaded


def loaded_by(statement: str) -> bool:
    """Whether a fresh interpreter that runs ``statement`` has loaded the state machine library."""
    asked = f"import sys; {statement}; sys.exit('statemachine' in sys.modules)"
    return subprocess.run([sys.executable, "-c", asked], check=False).returncode == 1


def test_the_state_machine_library_is_loaded_only_when_a_chart_is_made() -> None:
    assert not loaded_by("import orderflow.lifecycle as l; l.ORDER.target('placed', 'cancel'); l.WITH = l.statechart")
    assert loaded_by("import orderflow.lifecycle as l; l.mermaid(l.ORDER)")


def test_what_is_not_there_is_said_so() -> None:
    import orderflow.lifecycle as package

    assert "mermaid" in dir(package)
    with pytest.raises(AttributeError, match="no attribute 'drawing'"):
        package.drawing
