"""A host puts states and steps of its own into a lifecycle; what was automatic waits for them."""

from __future__ import annotations

import attrs
import pytest

from orderflow.commands import (
    AcknowledgeOrder,
    AmendOrder,
    CancelOrder,
    PackParcel,
    PlaceHold,
    RecordPick,
    RejectOrder,
    StartPicking,
    TakeStep,
    UnpackParcel,
)
from orderflow.defaults import STANDARD
from orderflow.errors import CommandRefused
from orderflow.explain import explain
from orderflow.lifecycle.model import Lifecycle
from orderflow.lifecycle.standard import FULFILLMENT, ORDER, PARCEL
from orderflow.lifecycle.worked import WITH_ENGRAVING, WITH_FRAUD_REVIEW
from orderflow.messages import Command
from orderflow.policy import Lifecycles, Policy
from orderflow.ports import ClaimStock, QuotePrices
from orderflow.stages.steps import StepTaken
from tests.scenario import ID, NOW, ONE_PLACE, D, Life, given, held, packed, picked, picking, placed, verified

FRAUD = attrs.evolve(STANDARD, lifecycles=Lifecycles(order=WITH_FRAUD_REVIEW))
ENGRAVING = attrs.evolve(STANDARD, lifecycles=Lifecycles(fulfillment=WITH_ENGRAVING))


def test_an_order_is_verified_only_after_the_hosts_own_step() -> None:
    life = verified(FRAUD)
    assert life.order.state == "acknowledged"
    assert life.asks == ()
    life.do(TakeStep(ID, "review_fraud"))
    assert life.events[0] == StepTaken(NOW, "review_fraud", "fraud_review")
    assert life.happened[1:4] == ["OrderVerified", "OrderConfirmed", "FulfillmentPlanned"]
    assert "review_fraud" in life.order.milestones


def test_the_hosts_own_step_may_be_taken_before_stock_and_price_are_known() -> None:
    life = given(placed(FRAUD)).when(TakeStep(ID, "review_fraud")).then(StepTaken(NOW, "review_fraud", "fraud_review"))
    assert life.reply_all().order.state == "verified"


def test_an_order_that_was_not_reviewed_can_still_be_rejected_or_cancelled() -> None:
    assert verified(FRAUD).do(RejectOrder(ID)).order.state == "rejected"
    assert verified(FRAUD).do(CancelOrder(ID)).order.state == "cancelled"


@pytest.mark.parametrize(("command", "state"), [(CancelOrder(ID), "cancelled"), (RejectOrder(ID), "rejected")])
def test_from_the_hosts_own_state_the_order_can_still_be_cancelled_or_rejected(command: Command, state: str) -> None:
    life = placed(FRAUD).do(TakeStep(ID, "review_fraud"), command).reply_all()
    assert life.order.state == state
    assert life.order.claims["C1"].held == 0


def test_from_the_hosts_own_state_an_order_that_is_short_can_be_amended_or_cancelled_by_its_case() -> None:
    short = (
        placed(attrs.evolve(FRAUD, sourcing=ONE_PLACE.sourcing), lines=[("TEA-250", 3)])
        .answer(QuotePrices)
        .answer(ClaimStock, lambda r: held(r, 1))
    )
    short.do(TakeStep(ID, "review_fraud"))
    assert short.order.state == "fraud_review"
    assert short.do(AmendOrder(ID, {"L1": 2})).order.live_quantity("L1") == 2
    assert short.reply_all(ClaimStock).do(CancelOrder(ID)).order.state == "cancelled"


def test_a_host_that_wants_no_way_out_of_its_own_state_takes_it_away() -> None:
    chart = WITH_FRAUD_REVIEW.without(("fraud_review", "cancel"))
    life = placed(attrs.evolve(STANDARD, lifecycles=Lifecycles(order=chart))).do(TakeStep(ID, "review_fraud"))
    assert life.codes(CancelOrder(ID)) == ["order.cannot_cancel"]


def test_a_step_is_taken_once() -> None:
    life = verified(FRAUD).do(TakeStep(ID, "review_fraud"))
    assert life.refusal(TakeStep(ID, "review_fraud")) == [("step.not_permitted", "")]


def test_a_hold_on_the_hosts_own_step_blocks_it() -> None:
    life = verified(FRAUD).do(PlaceHold(ID, "files", blocks=["review_fraud"]))
    assert life.refusal(TakeStep(ID, "review_fraud")) == [("hold.active", "H1")]


def test_picked_goods_are_packed_only_after_they_were_engraved() -> None:
    life = picked(ENGRAVING)
    assert life.codes(PackParcel(ID, "F1")) == ["fulfillment.cannot_pack"]
    given(life).when(TakeStep(ID, "engrave", "F1")).then(StepTaken(NOW, "engrave", "engraving", "F1"))
    life.do(PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1"))
    assert life.order.fulfillments["F1"].state == "packed"


def test_goods_that_are_being_engraved_can_be_cancelled() -> None:
    life = picked(ENGRAVING).do(TakeStep(ID, "engrave", "F1"), CancelOrder(ID)).reply_all()
    assert (life.order.state, life.order.fulfillments["F1"].state) == ("cancelled", "cancelled")


def test_a_parcel_that_is_unpacked_while_others_are_engraved_goes_back_to_the_engraver() -> None:
    life = picked(ENGRAVING).do(TakeStep(ID, "engrave", "F1"), PackParcel(ID, "F1", [("L1", 1)]))
    life.do(UnpackParcel(ID, "P1"))
    assert life.order.fulfillments["F1"].state == "engraving"
    assert life.do(PackParcel(ID, "F1")).order.fulfillments["F1"].state == "packed"
    assert life.goods["L1"] == {"packed:P2": D(2)}


def test_goods_that_were_unpacked_are_engraved_anew() -> None:
    life = picked(ENGRAVING).do(TakeStep(ID, "engrave", "F1"), PackParcel(ID, "F1"), UnpackParcel(ID, "P1"))
    assert life.codes(PackParcel(ID, "F1")) == ["fulfillment.cannot_pack"]
    life.do(TakeStep(ID, "engrave", "F1"), PackParcel(ID, "F1"))
    assert life.goods["L1"] == {"packed:P2": D(2)}


@pytest.mark.parametrize("step", sorted(ORDER.events))
def test_a_step_of_the_standard_process_is_not_taken_by_hand(step: str) -> None:
    assert verified(FRAUD).refusal(TakeStep(ID, step)) == [("step.not_yours", "step")]


def test_a_step_that_no_lifecycle_knows_is_refused() -> None:
    life = verified(FRAUD)
    assert life.refusal(TakeStep(ID, "dance")) == [("step.unknown", "step")]
    assert life.refusal(TakeStep(ID, "review_fraud", "F1")) == [("step.unknown_subject", "subject")]
    life.do(TakeStep(ID, "review_fraud"))
    assert life.refusal(TakeStep(ID, "review_fraud", "F1")) == [("step.unknown", "step")]


def test_a_step_of_the_hosts_own_may_concern_one_parcel() -> None:
    chart = PARCEL.inserted("weighed", after="packed", by="weigh", taking=("book",))
    life = packed(attrs.evolve(STANDARD, lifecycles=Lifecycles(parcel=chart)))
    given(life).when(TakeStep(ID, "weigh", "P1")).then(StepTaken(NOW, "weigh", "weighed", "P1"))
    assert life.order.parcels["P1"].state == "weighed"
    assert life.order.state == "in_fulfillment"


def test_a_guard_of_the_host_decides_with_the_order_in_hand() -> None:
    guarded = [attrs.evolve(s, guard="small") if s.event == "start_fulfillment" else s for s in ORDER.steps]
    chart = attrs.evolve(ORDER, steps=tuple(guarded))
    policy = attrs.evolve(
        STANDARD,
        lifecycles=Lifecycles(order=chart),
        guards={"small": lambda order, subject: order.live_quantity("L1") < 10},
    )
    assert verified(policy, lines=[("TEA-250", 9)]).do(StartPicking(ID, "F1")).order.state == "in_fulfillment"
    life: Life = verified(policy, lines=[("TEA-250", 10)])
    assert life.codes(StartPicking(ID, "F1")) == ["order.cannot_start_fulfillment"]
    assert life.codes(RecordPick(ID, "F1")) == ["fulfillment.cannot_pick"]


# -- guards ---------------------------------------------------------------------------------------------------------


def guarded(chart: Lifecycle, step: str, answer: bool = False, **more: object) -> Policy:
    """The standard policy, with a guard ``vet`` on one step of a lifecycle."""
    steps = tuple(attrs.evolve(one, guard="vet") if one.event == step else one for one in chart.steps)
    charts = attrs.evolve(Lifecycles(), **{chart.name: attrs.evolve(chart, steps=steps)})
    return attrs.evolve(STANDARD, lifecycles=charts, guards={"vet": lambda order, subject: answer}, **more)


BY_HAND = {"automatic": STANDARD.automatic - {"acknowledge"}}
GUARDED: dict[str, tuple[Life, Command, str]] = {
    "a step of the host's own": (
        placed(guarded(WITH_FRAUD_REVIEW, "review_fraud")),
        TakeStep(ID, "review_fraud"),
        "step.not_permitted",
    ),
    "a step of the order": (
        placed(guarded(ORDER, "acknowledge", **BY_HAND)),
        AcknowledgeOrder(ID),
        "order.cannot_acknowledge",
    ),
    "a step that begins the work": (
        verified(guarded(ORDER, "start_fulfillment")),
        StartPicking(ID, "F1"),
        "order.cannot_start_fulfillment",
    ),
    "the cancellation": (verified(guarded(ORDER, "cancel")), CancelOrder(ID), "order.cannot_cancel"),
    "a step of a fulfillment": (
        picking(guarded(FULFILLMENT, "pick")),
        RecordPick(ID, "F1"),
        "fulfillment.cannot_pick",
    ),
    "packing": (picked(guarded(FULFILLMENT, "pack")), PackParcel(ID, "F1"), "fulfillment.cannot_pack"),
    "a step of a parcel": (packed(guarded(PARCEL, "unpack")), UnpackParcel(ID, "P1"), "parcel.cannot_unpack"),
}


@pytest.mark.parametrize("about", GUARDED)
def test_a_step_that_a_guard_forbids_says_so(about: str) -> None:
    life, command, code = GUARDED[about]
    assert life.codes(command) == [code]
    with pytest.raises(CommandRefused, match="guard 'vet' does not hold"):
        life.do(command)


def test_a_guard_that_forbids_a_step_is_told_to_whoever_asks() -> None:
    life = placed(guarded(WITH_FRAUD_REVIEW, "review_fraud"))
    (told,) = (one for one in explain(life.order, life.process).not_possible if isinstance(one.command, TakeStep))
    assert "guard 'vet' does not hold" in str(told)


def test_no_guard_is_named_where_the_state_itself_forbids_the_step() -> None:
    life = verified(guarded(WITH_FRAUD_REVIEW, "review_fraud", True)).do(TakeStep(ID, "review_fraud"))
    with pytest.raises(CommandRefused) as refused:
        life.do(TakeStep(ID, "review_fraud"))
    assert "guard" not in str(refused.value)
