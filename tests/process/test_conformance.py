"""Where what happened deviates from the way of an order, by code."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orderflow import facts as f
from orderflow.commands import RecordDespatch, RecordTracking
from orderflow.conformance import CODES, Conformance, conformance, conformance_of
from orderflow.stages.advices import DespatchedParcel
from orderflow.values import Money
from tests.scenario import ID, NOW, Life, an_adoption, delivered, eur, placed, scan, verified

HOUR = timedelta(hours=1)
PLACED = NOW - timedelta(days=5)


def sent(units: int = 10, hours: float = 10, document: str = "D1", **more: Any) -> f.Despatched:
    return f.Despatched("ERP", document, [f.Package({"L1": units}, "1Z1")], occurred_at=PLACED + hours * HOUR, **more)


def at(hours: float) -> dict[str, Any]:
    return {"occurred_at": PLACED + hours * HOUR}


def found(*told: f.Fact) -> Conformance:
    return conformance(Life().do(an_adoption(facts=told)).order)


NORMAL = (
    f.Ordered("ERP", "SO", {"L1": 10}, **at(0)),
    f.Confirmed("ERP", "SO", {"L1": 10}, **at(1)),
    f.Picked("ERP", "PL", {"L1": 10}, **at(5)),
    sent(),
    f.Invoiced("ERP", "RE", {"L1": 10}, eur("91.00"), **at(10)),
    f.Delivered("ERP", "POD", ["1Z1"], **at(30)),
    f.Returned("ERP", "RT", {"L1": 2}, **at(50)),
    f.Paid("BANK", "1", eur("91.00"), **at(60)),
)


def test_an_order_that_went_its_way_has_no_deviation() -> None:
    report = found(*NORMAL)
    assert (report.deviations, report.conforms, str(report)) == ((), True, f"{ID}  as it should be")


DEVIATIONS = {
    "despatched_before_order": [sent(hours=-1)],
    "despatched_before_confirmation": [f.Confirmed("ERP", "SO", **at(11)), sent()],
    "despatched_beyond_order": [sent(11)],
    "despatched_beyond_confirmation": [f.Confirmed("ERP", "SO", {"L1": 9}, **at(1)), sent()],
    "despatched_before_pick": [f.Picked("ERP", "PL", {"L1": 10}, **at(11)), sent()],
    "picked_before_confirmation": [f.Picked("ERP", "PL", {"L1": 1}, **at(-1))],
    "delivered_before_despatch": [sent(), f.Delivered("ERP", "POD", ["1Z1"], **at(9))],
    "returned_before_delivery": [
        sent(),
        f.Delivered("ERP", "POD", ["1Z1"], **at(30)),
        f.Returned("ERP", "RT", {"L1": 1}, **at(20)),
    ],
    "cancelled_after_despatch": [sent(8), f.Cancelled("ERP", "C", {"L1": 3}, **at(20))],
    "invoiced_before_despatch": [sent(), f.Invoiced("ERP", "RE", {"L1": 1}, **at(9))],
    "invoiced_beyond_order": [sent(), f.Invoiced("ERP", "RE", {"L1": 11}, **at(12))],
    "time_reversed": [f.Ordered("ERP", "SO", {"L1": 10}, 1, **at(3)), f.Ordered("ERP", "SO", {"L1": 10}, 2, **at(2))],
    "contradicted": [f.Reserved("ERP", "R", {"L1": 1}), f.Reserved("ERP", "R", {"L1": 2})],
    "unknown_part": [f.Invoiced("ERP", "RE", {}, Money("1", "USD"), **at(20))],
}


@pytest.mark.parametrize("name", DEVIATIONS)
def test_each_deviation_is_found_by_its_code(name: str) -> None:
    assert f"conformance.{name}" in found(*DEVIATIONS[name]).codes


def test_a_normal_history_in_which_one_thing_is_moved_deviates_in_that_only() -> None:
    early = [fact for fact in NORMAL if not isinstance(fact, f.Delivered)]
    report = found(*early, f.Delivered("ERP", "POD", ["1Z1"], **at(9)))
    assert report.codes == ("conformance.delivered_before_despatch",)
    assert str(report.deviations[0]).startswith("2026-11-18 18:00  conformance.delivered_before_despatch  P@1Z1")


def test_an_order_of_our_own_conforms_with_all_its_history() -> None:
    life = delivered()
    assert conformance(life.order, life.history).deviations == ()


def test_goods_that_others_sent_of_an_order_that_nobody_verified_deviate() -> None:
    life = placed().do(RecordDespatch(ID, "3PL", "D-1", [DespatchedParcel([("L1", 1)])]))
    assert "conformance.despatched_before_confirmation" in conformance(life.order, life.history).codes


def test_a_report_that_cannot_follow_and_a_skipped_step_deviate() -> None:
    life = delivered().do(RecordTracking(ID, [scan("in_transit", hours=40)]))
    assert conformance(life.order).codes == ("conformance.report_out_of_place",)
    left_out = life.order.replace(milestones=life.order.milestones.without("verified"))
    assert "conformance.step_skipped" in conformance(left_out).codes


def test_picking_before_verification_shows_in_the_history() -> None:
    life = delivered()
    tags = ("order_verified",)
    events = [event for event in life.history if event.TAG not in tags]
    assert "conformance.picked_before_confirmation" in conformance(life.order, events).codes


def test_what_was_sent_of_an_order_that_is_over_deviates() -> None:
    life = verified().do(RecordDespatch(ID, "3PL", "D-1", [DespatchedParcel([("L1", 9)])]))
    assert "conformance.despatched_beyond_order" in conformance(life.order).codes
    flagged = life.order.flagged[0]
    over = life.order.replace(flagged=(type(flagged)("despatch.order_is_over", "sent although cancelled"),))
    assert "conformance.despatched_when_over" in conformance(over).codes


def test_many_orders_are_counted_by_code() -> None:
    reports = [found(*NORMAL), found(sent(11)), found(sent(11), *DEVIATIONS["invoiced_beyond_order"][1:])]
    total = conformance_of(reports)
    assert (total.orders, total.deviating) == (3, 2)
    assert {code: (count.deviations, count.orders) for code, count in total.by_code.items()} == {
        "conformance.despatched_beyond_order": (2, 2),
        "conformance.invoiced_beyond_order": (1, 1),
    }
    assert str(total).splitlines()[0] == "3 orders, 2 deviate"
    assert "more left, or was held, than was ordered" in str(total)


def test_every_code_has_its_case_here() -> None:
    elsewhere = {"despatched_when_over", "step_skipped", "report_out_of_place"}
    assert set(CODES) == {f"conformance.{name}" for name in {*DEVIATIONS, *elsewhere}}
