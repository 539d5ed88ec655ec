"""A policy that cannot be meant so is refused where the process is built; what is meant is understood."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import attrs
import pytest

from orderflow.defaults import STANDARD
from orderflow.errors import InvalidInput, Violation
from orderflow.lifecycle import FULFILLMENT, ORDER, PARCEL, Step
from orderflow.order import Order
from orderflow.policy import Check, Lifecycles, Retry
from orderflow.process import OrderProcess
from orderflow.runtime import OrderFlow
from orderflow.values import Money
from tests.scenario import placed, verified

WRONG: dict[str, Any] = {
    "an order like a fulfillment": {"order": FULFILLMENT},
    "an order like a parcel": {"order": PARCEL},
    "a fulfillment like an order": {"fulfillment": ORDER},
    "a parcel like an order": {"parcel": ORDER},
    "a word": {"order": "order"},
    "nothing": {"parcel": None},
    "a class": {"fulfillment": Step},
}


@pytest.mark.parametrize("about", WRONG)
def test_a_lifecycle_in_a_place_that_is_not_its_own_is_refused(about: str) -> None:
    with pytest.raises(InvalidInput) as invalid:
        OrderProcess(attrs.evolve(STANDARD, lifecycles=Lifecycles(**WRONG[about])))
    assert invalid.value.codes == ("policy.wrong_lifecycle",)
    (named,) = WRONG[about]
    assert named in invalid.value.violations[0].path


def test_every_lifecycle_in_a_wrong_place_is_told() -> None:
    with pytest.raises(InvalidInput) as invalid:
        OrderFlow(policy=attrs.evolve(STANDARD, lifecycles=Lifecycles(ORDER, PARCEL, FULFILLMENT)))
    assert invalid.value.codes == ("policy.wrong_lifecycle", "policy.wrong_lifecycle")


def test_a_lifecycle_that_was_extended_is_still_the_one_of_its_place() -> None:
    longer = ORDER.inserted("review", after="acknowledged", by="look", taking="verify")
    assert OrderProcess(attrs.evolve(STANDARD, lifecycles=Lifecycles(order=longer))).policy.lifecycles.order is longer


def test_what_is_automatic_may_be_told_as_a_list() -> None:
    policy = attrs.evolve(STANDARD, automatic=["acknowledge", "verify"])
    assert policy.automatic == frozenset({"acknowledge", "verify"})
    life = verified(policy)
    assert life.order.state == "verified"
    assert not life.order.fulfillments


def test_what_cannot_be_automatic_is_refused_also_in_a_list() -> None:
    with pytest.raises(InvalidInput) as invalid:
        OrderProcess(attrs.evolve(STANDARD, automatic=["verfy"]))
    assert invalid.value.codes == ("policy.unknown_step",)


def test_one_rule_of_verification_needs_no_tuple() -> None:
    def nobody_buys_tea(order: Order) -> Iterable[Violation]:
        yield Violation("credit.limit", "over the limit")

    policy = attrs.evolve(STANDARD, verification=nobody_buys_tea)
    assert policy.verification == (nobody_buys_tea,)
    assert verified(policy).order.state == "acknowledged"


def test_rules_of_verification_may_be_told_as_a_list() -> None:
    policy = attrs.evolve(STANDARD, verification=[lambda order: [Violation("credit.limit", "over the limit")]])
    assert len(policy.verification) == 1
    assert hash(policy.verification)
    assert placed(policy).reply_all().order.state == "acknowledged"


@pytest.mark.parametrize("attempts", [0, -1])
def test_a_port_is_asked_at_least_once(attempts: int) -> None:
    with pytest.raises(ValueError, match="at least once"):
        Retry(attempts=attempts)


def test_a_port_may_be_asked_only_once() -> None:
    assert Retry(attempts=1).delay(1) == timedelta(seconds=30)


@pytest.mark.parametrize("severity", ["eror", "", "ERROR", None, 3])
def test_a_severity_that_is_none_is_refused_where_it_is_written(severity: Any) -> None:
    with pytest.raises(ValueError, match="severity"):
        Violation("credit.limit", "over the limit", severity=severity)


@pytest.mark.parametrize("severity", ["error", "hold", "warning"])
def test_there_are_three_severities(severity: Any) -> None:
    assert Violation("credit.limit", "over the limit", severity=severity).severity == severity


def test_a_severity_for_a_code_that_no_rule_of_ours_has_is_refused() -> None:
    with pytest.raises(InvalidInput) as invalid:
        OrderProcess(attrs.evolve(STANDARD, severities={"acceptance.repeated": "error"}))
    assert [(v.code, v.path) for v in invalid.value.violations] == [
        ("policy.unknown_code", "severities[acceptance.repeated]")
    ]


def test_two_checks_of_one_name_and_a_tolerance_below_nothing_are_refused_together() -> None:
    twice = [Check("credit"), Check("credit", "the bank"), Check("export")]
    with pytest.raises(InvalidInput) as invalid:
        OrderProcess(attrs.evolve(STANDARD, checks=twice, price_tolerance=Money("-0.01", "EUR")))
    assert invalid.value.codes == ("policy.check_twice", "policy.negative_tolerance")
    OrderProcess(attrs.evolve(STANDARD, checks=twice[1:], price_tolerance=0))
