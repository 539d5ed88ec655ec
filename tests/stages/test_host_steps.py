"""A host puts states and steps of its own into a lifecycle; what was automatic waits for them."""

from __future__ import annotations

import attrs
import pytest

from orderflow.commands import (
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
from orderflow.lifecycle.model import Step
from orderflow.lifecycle.standard import ORDER, PARCEL
from orderflow.lifecycle.worked import WITH_ENGRAVING, WITH_FRAUD_REVIEW
from orderflow.policy import Lifecycles
from orderflow.stages.steps import StepTaken
from tests.scenario import ID, NOW, D, Life, given, packed, picked, placed, verified

FRAUD = attrs.evolve(STANDARD, lifecycles=Lifecycles(order=WITH_FRAUD_REVIEW))
ENGRAVING = attrs.evolve(STANDARD, lifecycles=Lifecycles(fulfillment=WITH_ENGRAVING))


def test_an_order_is_verified_only_after_the_hosts_own_step() -> None:
    life = verified(FRAUD)
    assert life.order.state == "acknowledged"
    assert life.asks == ()
    life.do(TakeStep(ID, "review_fraud"))
    assert life.events[0] == StepTaken(NOW, "review_fraud", "fraud_review")
    assert life.happened[1:3] == ["OrderVerified", "FulfillmentPlanned"]
    assert "review_fraud" in life.order.milestones


def test_the_hosts_own_step_may_be_taken_before_stock_and_price_are_known() -> None:
    life = given(placed(FRAUD)).when(TakeStep(ID, "review_fraud")).then(StepTaken(NOW, "review_fraud", "fraud_review"))
    assert life.reply_all().order.state == "verified"


def test_an_order_that_was_not_reviewed_can_still_be_rejected_or_cancelled() -> None:
    assert verified(FRAUD).do(RejectOrder(ID)).order.state == "rejected"
    assert verified(FRAUD).do(CancelOrder(ID)).order.state == "cancelled"


def test_from_the_hosts_own_state_the_order_is_cancelled_where_the_host_says_so() -> None:
    life = placed(FRAUD).do(TakeStep(ID, "review_fraud"))
    assert life.codes(CancelOrder(ID)) == ["order.cannot_cancel"]
    policy = attrs.evolve(
        STANDARD,
        lifecycles=Lifecycles(order=WITH_FRAUD_REVIEW.extended(Step("fraud_review", "cancel", "cancelled"))),
    )
    life = placed(policy).do(TakeStep(ID, "review_fraud"), CancelOrder(ID))
    assert life.order.state == "cancelled"


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
