"""What only others can answer: asked for on facts, answered in time, asked for again when the facts change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from orderflow.commands import AmendOrder, ApproveOrder, CancelOrder, RecordCheck, ReleaseHold, ResolveException
from orderflow.defaults import STANDARD
from orderflow.errors import InvalidInput
from orderflow.order import Order
from orderflow.policy import Check, Policy
from orderflow.ports import QuotePrices
from orderflow.stages.checks import CheckDropped, CheckRequired
from tests.scenario import ID, NOW, D, Life, a_place_order, placed, verified

CREDIT = Check("credit", who="the bank")
EXPORT = Check("export", who="customs", facts=lambda order: repr(order.ship_to), needs_price=False)


def needing(*checks: Check, **more: Any) -> Policy:
    return attrs.evolve(STANDARD, checks=checks, **more)


def passes(check: str = "credit", **more: Any) -> RecordCheck:
    return RecordCheck(ID, check, True, **more)


def test_an_order_waits_until_every_check_was_passed() -> None:
    life = placed(needing(CREDIT, EXPORT)).reply_all()
    assert life.order.state == "acknowledged"
    waits = [str(wait) for stage in life.process.stages for wait in stage.awaits(life.order, life.process.policy)]
    facts = {name: answer.facts for name, answer in life.order.checks.items()}
    assert waits == [
        f"customs to answer the check export (facts {facts['export']})",
        f"the bank to answer the check credit (facts {facts['credit']})",
    ]
    assert life.codes(ApproveOrder(ID)) == ["verification.check_open", "verification.check_open"]

    assert life.do(passes("export")).order.state == "acknowledged"
    life.do(passes(evidence="SCHUFA 97", note="fine"))
    assert life.order.state == "verified"
    answer = life.order.checks["credit"]
    assert (answer.passed, answer.evidence, answer.note, answer.answered_at) == (True, "SCHUFA 97", "fine", NOW)


def test_a_check_that_needs_the_price_is_asked_for_once_there_is_one() -> None:
    life = placed(needing(CREDIT, EXPORT))
    assert set(life.order.checks) == {"export"}
    assert CheckRequired in map(type, life.answer(QuotePrices).events)
    assert set(life.order.checks) == {"export", "credit"}


def test_which_checks_an_order_needs_can_depend_on_it() -> None:
    def large_orders(order: Order) -> list[Check]:
        return [CREDIT] if order.is_priced and order.total.amount > 40 else []

    policy = attrs.evolve(STANDARD, checks=large_orders)
    assert verified(policy, lines=[("CUP", 1)]).order.state == "verified"
    life = verified(policy)
    assert (life.order.state, set(life.order.checks)) == ("acknowledged", {"credit"})
    life.do(AmendOrder(ID, {"L2": 0}))
    assert CheckDropped(NOW, "credit") in life.events
    assert life.order.state == "verified"


def test_a_check_that_was_not_passed_is_a_case_which_a_person_settles() -> None:
    failed = RecordCheck(ID, "credit", False, note="limit 20")
    life = verified(needing(CREDIT)).do(failed)
    assert (life.case.code, life.case.options) == (
        "verification.check_failed",
        ("override", "ask_again", "cancel_order"),
    )
    assert life.case.message == "the check credit was not passed: limit 20"
    assert life.codes(ApproveOrder(ID)) == ["verification.check_failed"]

    overridden = verified(needing(CREDIT)).do(failed, ResolveException(ID, "X1", "override"))
    assert (overridden.order.state, overridden.order.checks["credit"].overridden) == ("verified", True)
    again = verified(needing(CREDIT)).do(failed, ResolveException(ID, "X1", "ask_again"))
    assert (again.order.state, again.order.checks["credit"].passed, again.order.open_cases) == (
        "acknowledged",
        None,
        (),
    )
    gone = verified(needing(CREDIT)).do(failed, ResolveException(ID, "X1", "cancel_order"))
    assert gone.order.state == "cancelled"


def test_a_better_answer_closes_the_case() -> None:
    life = verified(needing(CREDIT)).do(RecordCheck(ID, "credit", False), passes())
    assert (life.order.state, life.order.open_cases, life.order.cases["X1"].chosen) == ("verified", (), "moot")


def test_an_amendment_before_verification_asks_again_and_leaves_the_checks_of_other_facts() -> None:
    life = verified(needing(CREDIT, EXPORT)).do(passes("export"), AmendOrder(ID, {"L1": 3})).reply_all()
    before = life.order.checks["credit"].facts
    assert life.order.checks["export"].passed
    life.do(AmendOrder(ID, {"L1": 1})).reply_all()
    assert life.order.checks["credit"].facts != before
    assert life.codes(passes(facts=before)) == ["check.facts_changed"]
    assert life.do(passes(facts=life.order.checks["credit"].facts)).order.state == "verified"


def test_an_amendment_of_a_verified_order_holds_it_until_the_check_is_answered_again() -> None:
    life = verified(needing(CREDIT)).do(passes()).reply_all()
    life.do(AmendOrder(ID, {"L1": 3})).reply_all()
    assert life.order.state == "verified"
    assert [hold.code for hold in life.order.active_holds] == ["verification.check_open"]
    assert life.order.ledger.of_kind("L1", "open") == 1

    life.do(passes())
    assert life.order.active_holds == ()
    assert life.order.ledger.of_kind("L1", "open") == 0


def test_a_person_may_lift_that_hold_and_it_does_not_come_back() -> None:
    life = verified(needing(CREDIT)).do(passes()).reply_all().do(AmendOrder(ID, {"L1": 3})).reply_all()
    assert life.do(ReleaseHold(ID, life.order.active_holds[0].id)).order.active_holds == ()


@pytest.mark.parametrize("said", [False, True])
def test_an_answer_that_is_not_valid_any_longer_is_asked_for_again(said: bool) -> None:
    check = attrs.evolve(CREDIT, valid_for=None if said else timedelta(days=3))
    until = {"valid_until": NOW + timedelta(days=3)} if said else {}
    life = verified(needing(check)).do(passes(**until))
    assert life.process.attention(life.order) == NOW + timedelta(days=3)
    life.passes(days=3)
    assert life.order.checks["credit"].passed is None
    assert [hold.code for hold in life.order.active_holds] == ["verification.check_open"]
    assert life.process.attention(life.order) is None
    assert life.do(passes()).order.active_holds == ()


def test_an_answer_to_a_cancelled_order_is_kept_and_is_no_case() -> None:
    life = verified(needing(CREDIT)).do(CancelOrder(ID), RecordCheck(ID, "credit", False))
    assert (life.order.checks["credit"].passed, life.order.open_cases) == (False, ())
    assert life.process.attention(life.order) is None


def test_an_answer_is_yes_or_no() -> None:
    with pytest.raises(InvalidInput) as invalid:
        RecordCheck(ID, "credit", "yes")  # type: ignore[arg-type]
    assert invalid.value.codes == ("shape.not_a_flag",)


def test_orders_without_checks_have_none() -> None:
    assert Life().do(a_place_order()).reply_all().order.checks == {}
    assert D(2) == verified().order.live_quantity("L1")
