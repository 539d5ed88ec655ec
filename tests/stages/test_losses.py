"""What goes wrong on the way is a case; each option makes good what it says, once, and to the unit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import attrs
import pytest

from orderflow.commands import (
    BookShipment,
    CancelLines,
    CompleteOrder,
    DespatchShipment,
    PackParcel,
    RecordPick,
    RecordTracking,
    ResolveException,
    StartPicking,
)
from orderflow.defaults import STANDARD
from orderflow.explain import explain
from orderflow.order import Case, Order
from orderflow.policy import Policy
from orderflow.ports import ClaimStock, QueryTracking, QuotePrices
from orderflow.stages.exceptions import ExceptionResolved
from orderflow.stages.losses import CODES, STAGE, GoodsCredited, PatienceEnded, ReplacementOrdered
from orderflow.stages.tracking import GoodsFound, GoodsLost
from orderflow.tracking import Reason
from orderflow.values import FrozenMap
from tests.scenario import ID, NOW, ONE_PLACE, Life, despatched, eur, held, picked, scan

LOST = scan("unknown", "T-S2-1", 40, reason="lost")


def two_on_the_way(policy: Policy = ONE_PLACE, **changes: Any) -> Life:
    """Two packets in two parcels, each under a booking of its own; the first has arrived."""
    life = picked(policy, lines=[("TEA-250", 2)], **changes)
    life.do(PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, ["P1"], service="a"), BookShipment(ID, ["P2"], service="a")).reply_all()
    life.do(DespatchShipment(ID, "S1"), DespatchShipment(ID, "S2")).reply_all()
    return life.do(RecordTracking(ID, [scan("delivered", "T-S1-1", 30)])).reply_all()


def lost(policy: Policy = ONE_PLACE, **changes: Any) -> Life:
    """The second is lost."""
    return two_on_the_way(policy, **changes).do(RecordTracking(ID, [LOST])).reply_all()


def chosen(life: Life, option: str) -> Life:
    return life.do(ResolveException(ID, life.case.id, option))


def sent_once_more(life: Life, number: int = 3) -> Life:
    """The replacement is picked, packed, booked and despatched."""
    work = f"F{number - 1}"
    life.reply_all().do(StartPicking(ID, work), RecordPick(ID, work), PackParcel(ID, work)).reply_all()
    life.do(BookShipment(ID, [f"P{number}"], service="a")).reply_all()
    return life.do(DespatchShipment(ID, f"S{number}")).reply_all()


# -- lost, and found again ------------------------------------------------------------------------------------------


def test_a_lost_parcel_is_a_case_with_options() -> None:
    life = two_on_the_way()
    life.do(RecordTracking(ID, [LOST]))
    assert GoodsLost(NOW, "P2", "despatched") in life.events
    assert life.goods["L1"] == {"delivered:P1": 1, "lost:P2": 1}
    assert (life.case.code, life.case.about, life.case.options) == ("delivery.lost", "P2", ("reship", "refund", "wait"))
    assert life.case.message == "P2 is lost: 1 × TEA-250"
    assert life.order.state == "shipped"
    assert isinstance(life.wanted(QueryTracking), QueryTracking), "it may be found again"


@pytest.mark.parametrize("status", ["unknown", "on_hold", "delivery_failed", "in_transit", "delivery_delayed"])
def test_lost_is_told_by_its_reason_under_any_status(status: str) -> None:
    life = two_on_the_way().do(RecordTracking(ID, [scan(status, "T-S2-1", 40, reason="lost")]))
    assert life.case.code == "delivery.lost"


def test_a_parcel_that_was_delivered_cannot_be_lost_on_its_way() -> None:
    life = two_on_the_way().do(RecordTracking(ID, [scan("unknown", "T-S1-1", 40, reason="lost")]))
    assert life.goods["L1"] == {"delivered:P1": 1, "shipped:P2": 1}
    assert [anomaly.code for anomaly in life.order.anomalies] == ["tracking.cannot_follow"]
    assert life.order.open_cases == ()


def test_a_parcel_that_is_found_before_anyone_chose_needs_nobody() -> None:
    life = lost().do(RecordTracking(ID, [scan("in_transit", "T-S2-1", 50)]))
    assert GoodsFound(NOW, "P2", "despatched") in life.events
    assert life.goods["L1"] == {"delivered:P1": 1, "shipped:P2": 1}
    assert life.order.cases["X1"].chosen == "moot"
    life.do(RecordTracking(ID, [scan("delivered", "T-S2-1", 60)])).reply_all()
    assert life.order.state == "completed"


def test_a_lost_parcel_that_arrives_is_delivered() -> None:
    life = lost().do(RecordTracking(ID, [scan("delivered", "T-S2-1", 60)])).reply_all()
    assert life.goods["L1"] == {"delivered:P1": 1, "delivered:P2": 1}
    assert (life.order.state, life.order.cases["X1"].chosen) == ("completed", "moot")


def test_reports_of_losses_in_any_order_and_number_come_to_the_same() -> None:
    reports = [
        scan("in_transit", "T-S2-1", 20),
        LOST,
        scan("out_for_delivery", "T-S2-1", 50),
        scan("delivery_failed", "T-S2-1", 51, reason="absent"),
        scan("on_hold", "T-S2-1", 60, reason="lost"),
    ]
    ends = set()
    for arrival in permutations(reports):
        life = two_on_the_way()
        for report in (*arrival, arrival[0]):
            life.do(RecordTracking(ID, [report]))
        parcel = life.order.parcels["P2"]
        ends.add((parcel, life.order.ledger, life.order.state, life.case.code))
    assert len(ends) == 1
    assert life.goods["L1"]["lost:P2"] == 1


# -- reship ---------------------------------------------------------------------------------------------------------


def test_a_replacement_is_a_free_line_with_the_terms_of_the_original() -> None:
    life = lost(instructions=["no bell"])
    chosen(life, "reship")
    assert isinstance(life.events[1], ReplacementOrdered)
    line = life.order.lines["L2"]
    assert (line.sku, line.origin.kind, line.origin.line_id) == ("TEA-250", "replacement_of", "L1")
    assert line.terms == life.order.lines["L1"].terms
    assert life.goods["L2"] == {"open": 1}
    assert life.wanted(ClaimStock, "C2").quantity == 1
    assert not any(isinstance(request, QuotePrices) for request in life.requests), "a replacement is never priced"
    assert life.order.open_cases == ()


def test_the_order_is_delivered_when_the_replacement_is() -> None:
    life = sent_once_more(chosen(lost(), "reship"))
    before = life.order.charged, life.order.total
    assert life.order.state == "shipped"
    life.do(RecordTracking(ID, [scan("delivered", "T-S3-1", 90)])).reply_all()
    assert life.goods == {"L1": {"delivered:P1": 1, "lost:P2": 1}, "L2": {"delivered:P3": 1}}
    assert life.order.state == "completed"
    assert (life.order.charged, life.order.total) == before
    assert life.order.total == eur("18.20")
    assert not any(isinstance(request, QueryTracking) for request in life.requests)


def test_the_lost_parcel_that_arrives_after_its_replacement_is_an_extra_unit() -> None:
    life = sent_once_more(chosen(lost(), "reship"))
    life.do(RecordTracking(ID, [scan("delivered", "T-S3-1", 90)])).reply_all()
    life.do(RecordTracking(ID, [scan("delivered", "T-S2-1", 95)])).reply_all()
    assert life.goods == {"L1": {"delivered:P1": 1, "delivered:P2": 1}, "L2": {"delivered:P3": 1}}
    assert (life.case.code, life.case.options) == ("delivery.extra", ("customer_keeps", "collect"))
    assert "1 × TEA-250" in life.case.message
    chosen(life, "customer_keeps")
    assert life.order.open_cases == ()
    assert life.order.total == eur("18.20")


def test_a_replacement_that_is_lost_is_replaced_in_its_turn() -> None:
    life = sent_once_more(chosen(lost(), "reship"))
    life.do(RecordTracking(ID, [scan("unknown", "T-S3-1", 90, reason="lost")])).reply_all()
    assert (life.case.about, life.order.state) == ("P3", "shipped")
    sent_once_more(chosen(life, "reship"), 4)
    life.do(RecordTracking(ID, [scan("delivered", "T-S4-1", 120)])).reply_all()
    assert (life.order.state, life.order.lines["L3"].origin.line_id) == ("completed", "L2")


def test_a_replacement_that_is_lost_may_be_credited_on_the_line_that_was_paid() -> None:
    life = sent_once_more(chosen(lost(), "reship"))
    life.do(RecordTracking(ID, [scan("unknown", "T-S3-1", 90, reason="lost")])).reply_all()
    chosen(life, "refund").reply_all()
    assert (life.order.total, life.order.credited.total) == (eur("9.10"), eur("9.10"))
    assert life.order.state == "completed"


def test_when_a_replacement_is_cancelled_the_problem_is_there_again() -> None:
    life = chosen(lost(), "reship").reply_all().do(CancelLines(ID, {"L2": 1}))
    assert life.goods["L2"] == {"cancelled": 1}
    assert (life.case.code, life.case.about, life.order.total) == ("delivery.lost", "P2", eur("18.20"))
    chosen(life, "refund").reply_all()
    assert (life.order.state, life.order.total) == ("completed", eur("9.10"))


def test_a_replacement_that_is_not_in_stock_can_be_cancelled_and_credited_instead() -> None:
    life = chosen(lost(), "reship").answer(ClaimStock, lambda request: held(request, 0), "C2")
    assert life.case.code == "stock.short"
    life.do(CancelLines(ID)).reply_all()
    assert life.order.cases["X2"].chosen == "filled"
    assert chosen(life, "refund").reply_all().order.state == "completed"


def test_beside_a_replacement_nothing_that_has_left_can_be_cancelled() -> None:
    life = chosen(lost(), "reship").reply_all()
    assert "order.cannot_cancel" in life.codes(CancelLines(ID, {"L1": 1, "L2": 1}))
    sent_once_more(life)
    assert "order.cannot_cancel" in life.codes(CancelLines(ID))


# -- refund ---------------------------------------------------------------------------------------------------------


def test_what_is_refunded_is_credited_exactly_and_once() -> None:
    life = chosen(lost(), "refund")
    one = FrozenMap({"L1": Decimal(1)})
    assert life.events[:2] == (
        ExceptionResolved(NOW, "X1", "refund"),
        GoodsCredited(NOW, "P2", "delivery.lost", one),
    )
    assert (life.order.credited.total, life.order.total) == (eur("9.10"), eur("9.10"))
    assert life.order.unpriced("L1") == 0, "what was credited is not asked about again"
    assert life.order.open_cases == ()
    assert life.reply_all().order.state == "completed"
    assert life.refusal(ResolveException(ID, "X1", "reship")) == [("exception.closed", "case_id")]


def test_an_order_of_which_nothing_arrived_is_closed_and_not_called_delivered() -> None:
    life = despatched().do(RecordTracking(ID, [scan("unknown", hours=40, reason="lost")]))
    chosen(life, "refund").reply_all()
    assert life.order.state == "completed"
    assert "delivered" not in life.order.milestones
    assert "order_delivered" not in [kind for kind, _ in life.told]
    assert life.order.total == eur(0)


def test_an_order_of_which_nothing_arrived_can_be_completed_by_hand() -> None:
    by_hand = attrs.evolve(STANDARD, automatic=STANDARD.automatic - {"complete"})
    life = despatched(by_hand).do(RecordTracking(ID, [scan("unknown", hours=40, reason="lost")]))
    assert life.codes(CompleteOrder(ID)) == ["order.cannot_complete"]
    chosen(life, "refund").reply_all()
    assert life.order.state == "shipped"
    assert "someone to complete the order" in [str(wait) for wait in explain(life.order, life.process).waiting_for]
    assert life.do(CompleteOrder(ID)).order.state == "completed"


def test_a_parcel_that_arrives_after_it_was_credited_is_an_extra_unit() -> None:
    life = chosen(lost(), "refund").do(RecordTracking(ID, [scan("delivered", "T-S2-1", 95)]))
    assert life.case.code == "delivery.extra"
    assert chosen(life, "collect").order.open_cases == ()


# -- wait -----------------------------------------------------------------------------------------------------------


def test_waiting_ends_with_the_patience_of_the_policy() -> None:
    life = chosen(lost(), "wait")
    assert life.order.open_cases == ()
    assert life.process.attention(life.order) == NOW + timedelta(days=7)
    life.passes(days=6)
    assert life.order.open_cases == ()
    life.passes(days=1)
    assert life.events[0] == PatienceEnded(life.now, "P2", "delivery.lost")
    assert (life.case.id, life.case.code) == ("X2", "delivery.lost")
    chosen(life, "wait").passes(days=7)
    assert life.case.id == "X3"


def test_a_parcel_that_is_found_while_we_wait_needs_nobody_any_more() -> None:
    life = chosen(lost(), "wait").do(RecordTracking(ID, [scan("delivered", "T-S2-1", 95)])).reply_all()
    assert life.process.attention(life.order) is None
    assert life.order.state == "completed"


def test_a_parcel_that_is_lost_anew_is_a_case_anew() -> None:
    life = chosen(lost(), "wait")
    news = [scan("in_transit", "T-S2-1", 50), scan("unknown", "T-S2-1", 70, reason="lost")]
    assert life.do(RecordTracking(ID, news)).case.id == "X2"


# -- other problems -------------------------------------------------------------------------------------------------

TROUBLES: dict[str, dict[str, Any]] = {
    "delivery.returning": {"status": "return_to_sender", "reason": "refused"},
    "delivery.damaged": {"status": "in_transit", "reason": "damaged"},
    "delivery.failed": {"status": "delivery_failed", "reason": "address", "action_required": True},
    "delivery.cancelled": {"status": "cancelled"},
    "delivery.on_hold": {"status": "on_hold", "reason": "customs", "action_required": True},
    "delivery.delayed": {"status": "delivery_delayed", "reason": "weather", "action_required": True},
    "delivery.lost": {"status": "unknown", "reason": "lost"},
}


def in_trouble(code: str, policy: Policy = ONE_PLACE) -> Life:
    told = TROUBLES["delivery.lost" if code == "delivery.extra" else code]
    life = two_on_the_way(policy).do(RecordTracking(ID, [scan(number="T-S2-1", hours=40, **told)]))
    if code == "delivery.extra":
        chosen(life, "refund").do(RecordTracking(ID, [scan("delivered", "T-S2-1", 95)]))
    return life


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("way", ["reship", "refund", "wait", "redirect", "accept", "customer_keeps", "collect"])
def test_every_option_of_every_problem_closes_its_case(code: str, way: str) -> None:
    life = in_trouble(code)
    assert life.case.code == code
    if way not in CODES[code]:
        assert life.codes(ResolveException(ID, life.case.id, way)) == ["exception.no_such_option"]
        return
    chosen(life, way)
    assert life.order.open_cases == ()
    assert life.reply_all().order.open_cases == ()


def test_every_problem_has_its_options_in_the_book() -> None:
    assert {code for code, _ in STAGE.settles} == set(CODES) == {*TROUBLES, "delivery.extra"}
    assert all(len(options) > 1 for options in CODES.values())


@pytest.mark.parametrize("status", ["delivery_failed", "on_hold", "delivery_delayed"])
def test_a_standstill_in_which_nobody_must_do_anything_is_no_case(status: str) -> None:
    life = two_on_the_way().do(RecordTracking(ID, [scan(status, "T-S2-1", 40)]))
    assert life.order.open_cases == ()


def test_a_standstill_that_is_over_needs_nobody() -> None:
    life = in_trouble("delivery.failed").do(RecordTracking(ID, [scan("out_for_delivery", "T-S2-1", 50)]))
    assert life.order.cases["X1"].chosen == "moot"


def test_the_gravest_problem_counts() -> None:
    life = in_trouble("delivery.failed").do(RecordTracking(ID, [LOST]))
    life.do(RecordTracking(ID, [scan("unknown", "T-S2-1", 45, reason="lost")]))
    assert [(case.code, case.chosen) for case in life.order.cases.values()][:1] == [("delivery.failed", "moot")]
    assert life.case.code == "delivery.lost"


def test_damage_stays_damage_when_the_parcel_arrives_and_what_was_made_good_is_no_extra() -> None:
    life = in_trouble("delivery.damaged").do(RecordTracking(ID, [scan("delivered", "T-S2-1", 50)]))
    assert life.case.code == "delivery.damaged"
    chosen(life, "refund").reply_all()
    assert life.order.open_cases == ()
    assert (life.order.total, life.order.state) == (eur("9.10"), "completed")


def test_what_comes_back_and_was_sent_once_more_does_not_keep_the_order_open() -> None:
    life = sent_once_more(chosen(in_trouble("delivery.returning"), "reship"))
    life.do(RecordTracking(ID, [scan("delivered", "T-S3-1", 90)])).reply_all()
    assert life.order.state == "completed"
    assert not any("P2" in wait.what for wait in explain(life.order, life.process).waiting_for)


# -- what adds up ---------------------------------------------------------------------------------------------------


def test_failed_attempts_and_delays_are_counted_by_their_moment() -> None:
    life = despatched()
    failed = [scan("delivery_failed", hours=n, reason="absent", id=str(m)) for n, m in ((5, 1), (5, 2), (29, 3))]
    for report in reversed(failed):
        life.do(RecordTracking(ID, [report]))
    life.do(RecordTracking(ID, [scan("delivery_delayed", hours=40)]))
    parcel = life.order.parcels["P1"]
    assert (parcel.attempts, parcel.delays) == (2, 1)
    assert [type(event).__name__ for event in life.history].count("DeliveryFailed") == 2
    assert "DeliveryDelayed" in life.happened


def test_damage_is_recorded_once() -> None:
    life = despatched()
    for hour in (5, 6):
        life.do(RecordTracking(ID, [scan("in_transit", hours=hour, reason=Reason.DAMAGED)]))
    assert [type(event).__name__ for event in life.history].count("DamageReported") == 1
    assert life.order.parcels["P1"].is_damaged


# -- chosen by a policy ---------------------------------------------------------------------------------------------


def settling(choose: Callable[[Order, Case], str | None]) -> Policy:
    return attrs.evolve(STANDARD, settle=choose)


def test_a_strategy_settles_cases_by_itself_and_the_history_says_so() -> None:
    policy = settling(lambda order, case: "reship" if case.code == "delivery.lost" else None)
    life = lost(policy)
    assert life.order.lines["L2"].origin.line_id == "L1"
    resolved = [event for event in life.history if type(event).__name__ == "ExceptionResolved"]
    assert [(event.option, event.by_policy) for event in resolved] == [("reship", True)]  # type: ignore[attr-defined]


def test_a_strategy_that_leaves_a_case_to_someone_does() -> None:
    assert lost(settling(lambda order, case: None)).case.code == "delivery.lost"


def test_a_strategy_that_chooses_what_is_not_offered_is_told_so() -> None:
    with pytest.raises(ValueError, match=r"settle chose 'pray' for delivery\.lost, which offers reship, refund, wait"):
        lost(settling(lambda order, case: "pray"))


def test_a_strategy_is_bound_by_the_rules_of_the_choice() -> None:
    life = two_on_the_way(settling(lambda order, case: "cancel_order" if "cancel_order" in case.options else None))
    assert life.order.cancellation is None
