"""What carriers report, in whatever order and however often, decides where the goods are."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import permutations
from typing import Any

import attrs
import pytest

from orderflow.commands import (
    BookShipment,
    CancelOrder,
    CompleteOrder,
    DespatchShipment,
    PackParcel,
    RecordTracking,
    ResolveException,
)
from orderflow.defaults import STANDARD
from orderflow.explain import explain
from orderflow.order import Booking
from orderflow.ports import BookCarrier, Booked, GaveUp, Issued, IssueStock, QueryTracking, Refused, Scans, VoidBooking
from orderflow.stages.communication import MessageQueued
from orderflow.stages.exceptions import ExceptionRaised
from orderflow.stages.tracking import (
    DeliveryRevoked,
    EstimateChanged,
    GoodsDelivered,
    OrderCompleted,
    OrderDelivered,
    OrderReopened,
    TrackingRecorded,
)
from orderflow.tracking import MAY_FOLLOW, Scan, TrackingStatus, follow_table
from orderflow.values import FrozenMap
from tests.scenario import ID, NOW, Life, booked, delivered, despatched, given, packed, picked, scan

S = TrackingStatus


def two_parcels(**numbers: str) -> Life:
    """Two parcels under the master number M, with or without numbers of their own, despatched."""
    life = picked(lines=[("TEA-250", 2)]).do(PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, service="parcel"))
    life.answer(BookCarrier, Booked(Booking("B", "DHL", "parcel", "M"), FrozenMap(numbers)))
    return life.do(DespatchShipment(ID)).reply_all()


# -- reports --------------------------------------------------------------------------------------------------------


def test_a_pushed_report_joins_what_is_known_of_the_parcel() -> None:
    seen = scan("in_transit", hours=5, location="Leipzig")
    life = given(despatched()).when(RecordTracking(ID, [seen])).then(TrackingRecorded(NOW, "P1", (seen,)))
    assert life.order.parcels["P1"].tracking.status is S.IN_TRANSIT


def test_a_polled_report_means_the_same_as_a_pushed_one() -> None:
    seen = scan("in_transit", hours=5)
    life = despatched().answer(QueryTracking, Scans((seen,)))
    assert life.events == (TrackingRecorded(NOW, "P1", (seen,)),)
    assert life.order.parcels == despatched().do(RecordTracking(ID, [seen])).order.parcels


def test_a_poll_without_news_writes_nothing() -> None:
    life = despatched()
    assert life.answer(QueryTracking, Scans(())).events == ()
    seen = scan("in_transit", hours=5)
    life.answer(QueryTracking, Scans((seen, seen)))
    assert len(life.order.parcels["P1"].scans) == 1
    assert life.answer(QueryTracking, Scans((seen,))).events == ()
    assert life.do(RecordTracking(ID, [seen, seen])).events == ()


def test_a_carrier_that_knows_nothing_of_a_parcel_yet_is_asked_again() -> None:
    life = despatched()
    assert life.answer(QueryTracking, Refused("tracking.unknown")).events == ()
    assert life.asks == ("track/S1",)


@pytest.mark.parametrize("reply", [Issued(), None, Scans(None), Scans(("delivered",))])
def test_a_report_that_is_none_is_a_case(reply: Any) -> None:
    life = despatched().answer(QueryTracking, lambda request: reply)
    assert (life.case.code, life.case.about) == ("port.impossible_reply", "track/S1")
    assert life.asks == ()


def test_a_polled_report_about_somebody_elses_parcel_is_left_out() -> None:
    assert despatched().answer(QueryTracking, Scans((scan("delivered", "OTHER"),))).events == ()


def test_a_pushed_report_about_an_unknown_number_is_refused_with_its_path() -> None:
    scans = [scan("delivered"), scan("delivered", "OTHER")]
    given(despatched()).when(RecordTracking(ID, scans)).refused(("tracking.unknown_number", "scans[1].tracking_number"))


# -- delivery -------------------------------------------------------------------------------------------------------


def test_delivery_of_everything_delivers_and_completes_the_order() -> None:
    seen = scan("delivered", hours=30)
    life = despatched().at(hours=31).do(RecordTracking(ID, [seen]))
    assert life.events[:4] == (
        TrackingRecorded(life.now, "P1", (seen,)),
        GoodsDelivered(life.now, "P1", "delivered", seen.occurred_at),
        OrderDelivered(life.now, "delivered"),
        life.events[3],
    )
    assert life.happened[3:] == ["MessageQueued", "OrderCompleted"]
    assert life.order.status.word == "delivered"
    assert life.order.state == "completed"
    assert not any(isinstance(request, QueryTracking) for request in life.requests)


def test_an_order_is_completed_only_when_the_goods_issue_is_booked() -> None:
    life = booked().do(DespatchShipment(ID), RecordTracking(ID, [scan("delivered", hours=30)]))
    assert life.order.state == "delivered"
    life.answer(IssueStock)
    assert life.happened == ["StockIssued", "OrderCompleted"]


def test_completion_waits_for_someone_where_it_is_not_automatic() -> None:
    life = delivered(attrs.evolve(STANDARD, automatic=STANDARD.automatic - {"complete"}))
    assert life.order.state == "delivered"
    assert "someone to complete the order" in [str(wait) for wait in explain(life.order, life.process).waiting_for]
    assert life.do(CompleteOrder(ID)).happened == ["OrderCompleted"]
    assert life.codes(CompleteOrder(ID)) == ["order.cannot_complete"]


def test_a_parcel_that_was_delivered_before_anyone_recorded_its_departure_is_delivered_then() -> None:
    life = booked().do(RecordTracking(ID, [scan("delivered", hours=30)]))
    assert life.happened == ["TrackingRecorded"]
    life.do(DespatchShipment(ID))
    assert [name for name in life.happened if not name.startswith("Message")] == [
        "GoodsDespatched",
        "FulfillmentDespatched",
        "OrderShipped",
        "GoodsDelivered",
        "OrderDelivered",
    ]
    assert life.reply_all().order.state == "completed"


def test_a_delivered_parcel_that_is_returned_to_its_sender_reopens_the_order() -> None:
    life = delivered()
    assert life.order.state == "completed"
    back = scan("return_to_sender", hours=48)
    options, told = ("reship", "refund", "wait"), "P1 comes back to its sender: 2 × TEA-250 and 1 × POT-1"
    life.do(RecordTracking(ID, [back]))
    assert [event for event in life.events if not isinstance(event, MessageQueued)] == [
        TrackingRecorded(NOW, "P1", (back,)),
        DeliveryRevoked(NOW, "P1", "despatched"),
        ExceptionRaised(NOW, "X1", "delivery.returning", "P1", told, options),
        OrderReopened(NOW, "shipped"),
    ]
    assert life.order.status.word == "shipped"
    assert set(life.order.milestones) >= {"shipped", "reopened"}
    assert not {"delivered", "completed"} & set(life.order.milestones)


def test_a_reopened_order_is_delivered_and_completed_anew_and_each_turn_is_told_once() -> None:
    life = delivered().do(RecordTracking(ID, [scan("return_to_sender", hours=48)]))
    life.do(RecordTracking(ID, [scan("delivered", hours=72)]))
    assert [name for name in life.happened if not name.startswith("Message")] == [
        "TrackingRecorded",
        "GoodsDelivered",
        "ExceptionResolved",
        "OrderDelivered",
        "OrderCompleted",
    ]
    life.do(RecordTracking(ID, [scan("delivered", hours=72), scan("delivered", hours=73)]))
    assert [kind for kind, _ in life.told][-3:] == ["order_delivered", "return_to_sender", "order_delivered"]


def test_a_report_that_cannot_follow_is_kept_and_flagged_and_moves_nothing() -> None:
    life = delivered().do(RecordTracking(ID, [scan("in_transit", hours=40)]))
    assert life.happened == ["TrackingRecorded"]
    assert [anomaly.code for anomaly in life.order.anomalies] == ["tracking.cannot_follow"]
    assert life.order.state == "completed"


def test_an_anomaly_that_a_late_report_explains_is_gone() -> None:
    life = delivered().do(RecordTracking(ID, [scan("in_transit", hours=40)]))
    life.do(RecordTracking(ID, [scan("return_to_sender", hours=35)]))
    assert life.order.anomalies == ()
    assert life.order.parcels["P1"].tracking.status is S.IN_TRANSIT
    assert life.order.state == "shipped"


def test_the_order_in_which_reports_arrive_makes_no_difference() -> None:
    reports = [
        scan("picked_up", hours=1),
        scan("delivered", hours=30, id="d1"),
        scan("in_transit", hours=40),
        scan("return_to_sender", hours=35),
    ]
    ends = set()
    for arrival in permutations(reports):
        life = despatched()
        for report in arrival:
            life.do(RecordTracking(ID, [report]))
        ends.add((life.order.parcels["P1"], life.order.ledger, life.order.state))
    assert len(ends) == 1


def test_a_changed_estimate_is_told_of_the_parcel() -> None:
    life = despatched()
    for day in (date(2026, 11, 26), date(2026, 11, 27)):
        seen = scan("in_transit", hours=day.day, estimate=day)
        given(life).when(RecordTracking(ID, [seen])).then(
            TrackingRecorded(NOW, "P1", (seen,)), EstimateChanged(NOW, "P1", day)
        )
    assert life.do(RecordTracking(ID, [scan("on_hold", hours=28)])).happened == ["TrackingRecorded"]
    assert life.order.parcels["P1"].estimate == date(2026, 11, 27)


# -- several parcels ------------------------------------------------------------------------------------------------


def test_a_report_under_the_master_number_is_about_every_parcel() -> None:
    life = two_parcels()
    assert life.wanted(QueryTracking).tracking_numbers == ("M",)
    life.do(RecordTracking(ID, [scan("delivered", "M", hours=30)]))
    assert life.happened[:4] == ["TrackingRecorded", "TrackingRecorded", "GoodsDelivered", "GoodsDelivered"]
    assert life.order.state == "completed"


def test_parcels_with_numbers_of_their_own_are_followed_one_by_one() -> None:
    life = two_parcels(P1="T1", P2="T2")
    assert life.wanted(QueryTracking).tracking_numbers == ("T1", "T2")
    life.do(RecordTracking(ID, [scan("delivered", "T1", hours=30)]))
    assert life.order.status.word == "partly delivered"
    assert life.order.state == "shipped"
    assert life.wanted(QueryTracking).tracking_numbers == ("T2",)
    assert life.do(RecordTracking(ID, [scan("delivered", "T2", hours=31)])).order.state == "completed"


# -- the table of what may follow what ------------------------------------------------------------------------------

#: Rows came first, columns come after, both in the order of the twelve statuses.
WHAT_MAY_FOLLOW = """
pending          x x x x x x x x x x x x
picked_up        . x x x x x x x x x x x
in_transit       . x x x x x x x x x x x
out_for_delivery . x x x x x x x x x x x
ready_for_pickup . x x x x x x x x x x x
delivered        . . . . . x . . . x . .
delivery_delayed . x x x x x x x x x x x
delivery_failed  . x x x x x x x x x x x
on_hold          . x x x x x x x x x x x
return_to_sender . x x x x x x x x x . .
cancelled        . x x x x x x x x x x .
unknown          x x x x x x x x x x x x
"""
PAIRS = [
    (S(row[0]), after, mark == "x")
    for row in (line.split() for line in WHAT_MAY_FOLLOW.strip().splitlines())
    for after, mark in zip(S, row[1:], strict=True)
]


def test_the_table_has_a_place_for_every_pair() -> None:
    assert len(PAIRS) == 144
    assert set(MAY_FOLLOW) == set(S)


@pytest.mark.parametrize(("before", "after", "may"), PAIRS, ids=lambda value: str(value))
def test_one_status_follows_another_only_where_the_table_says_so(before: S, after: S, may: bool) -> None:
    assert (after in MAY_FOLLOW[before]) is may


@pytest.mark.parametrize(("before", "after", "may"), PAIRS, ids=lambda value: str(value))
def test_a_report_that_may_not_follow_is_an_anomaly_and_any_other_is_none(before: S, after: S, may: bool) -> None:
    from orderflow.tracking import fold

    first, second = (Scan("T", status, NOW + timedelta(hours=n)) for n, status in enumerate((before, after)))
    tracking = fold([first, second])
    if before is S.UNKNOWN:  # says nothing: the parcel is still pending, which anything may follow
        assert tracking.anomalies == ()
    elif may:
        assert tracking.anomalies == ()
        assert tracking.status is (before if after is S.UNKNOWN else after)
    else:
        assert [anomaly.scan for anomaly in tracking.anomalies] == [second]
        assert tracking.status is before


def test_the_table_is_drawn_with_a_row_and_a_column_for_each_status() -> None:
    head, rule, *rows = follow_table().splitlines()
    names = [f"`{status}`" for status in S]
    assert [cell.strip() for cell in head.strip("|").split("|")] == ["after", *names]
    assert rule == "| --- " * 13 + "|"
    drawn = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[0] for row in drawn] == names
    expected = [may for _, _, may in PAIRS]
    assert [cell == "yes" for row in drawn for cell in row[1:]] == expected
    assert {cell for row in drawn for cell in row[1:]} == {"yes", "-"}


def test_an_order_reported_delivered_while_its_reports_are_unknown_codes_is_still_followed() -> None:
    life = despatched().do(RecordTracking(ID, [scan("unknown", hours=2, raw="ZZ-9")]))
    assert life.order.parcels["P1"].tracking.status is S.PENDING
    assert life.order.parcels["P1"].scans[0].raw == "ZZ-9"
    assert isinstance(life.wanted(QueryTracking), QueryTracking)
    assert OrderCompleted(NOW, "completed") in life.do(RecordTracking(ID, [scan("delivered", hours=3)])).events


# -- reports about labels under which nothing travels any more ------------------------------------------------------


@pytest.mark.parametrize("polled", [True, False])
def test_a_report_about_a_voided_label_does_not_move_the_parcel_that_travels_under_another(polled: bool) -> None:
    life = rebooked()
    assert life.order.parcels["P2"].tracking_number == "T-S3-1"
    before = life.goods, life.order.parcels, life.order.state
    seen = scan("cancelled", "T-S1-1", 1)
    if polled:
        life.answer(QueryTracking, Scans((seen,)), "S3")
    else:
        life.do(RecordTracking(ID, [seen]))
        assert life.happened == ["StrayScanRecorded"]
    assert (life.goods, life.order.parcels, life.order.state) == before


def voided(**numbers: str) -> Life:
    """Two parcels whose booking was voided, with the cancellation of the order."""
    life = picked(lines=[("TEA-250", 2)]).do(PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, service="parcel"))
    life.answer(BookCarrier, Booked(Booking("B", "DHL", "parcel", "M"), FrozenMap(numbers)))
    return life.do(CancelOrder(ID)).reply_all()


@pytest.mark.parametrize("number", ["M", "T1", "T2"])
def test_a_report_about_a_voided_shipment_is_kept_and_flagged_and_moves_nothing(number: str) -> None:
    life = voided(P1="T1", P2="T2")
    assert life.order.state == "cancelled"
    before = life.goods, life.order.parcels, life.order.shipments
    seen = scan("in_transit", number, hours=5)
    life.do(RecordTracking(ID, [seen]))
    assert life.happened == ["StrayScanRecorded"]
    assert tuple(life.order.stray_scans) == (seen,)
    assert [(anomaly.code, anomaly.scan) for anomaly in life.order.anomalies] == [("tracking.stray", seen)]
    assert (life.goods, life.order.parcels, life.order.shipments) == before
    assert life.order.state == "cancelled"


def test_a_stray_report_is_kept_once() -> None:
    life, seen = voided(), scan("in_transit", "M", hours=5)
    life.do(RecordTracking(ID, [seen, seen]))
    assert tuple(life.order.stray_scans) == (seen,)
    assert life.do(RecordTracking(ID, [seen])).events == ()
    assert life.do(RecordTracking(ID, [seen, scan("delivered", "M", hours=9)])).happened == ["StrayScanRecorded"]
    assert len(life.order.stray_scans) == 2


def test_stray_and_live_reports_may_come_together() -> None:
    life = rebooked()
    stray, seen = scan("in_transit", "T-S1-1", 1), scan("delivered", "T-S3-1", 30)
    life.do(RecordTracking(ID, [stray, seen]))
    assert tuple(life.order.stray_scans) == (stray,)
    assert life.order.parcels["P2"].scans == (seen,)
    assert life.goods["L1"] == {"shipped:P1": 1, "delivered:P2": 1}


def test_a_report_about_a_booking_that_came_too_late_is_stray() -> None:
    life = packed().do(BookShipment(ID, service="parcel", carrier="DHL"))
    first = life.wanted(BookCarrier)
    life.hears(first, GaveUp(8, "timeout")).do(ResolveException(ID, "X1", "not_booked"))
    life.do(BookShipment(ID, service="parcel", carrier="DHL")).reply_all()
    life.hears(first, Booked(Booking("B1", "DHL", "parcel", "LATE"), FrozenMap({"P1": "LATE-1"})))
    assert life.order.parcels["P1"].tracking_number == "T-S2-1"
    before = life.goods
    for number in ("LATE", "LATE-1"):
        life.do(RecordTracking(ID, [scan("in_transit", number, hours=1)]))
        assert life.happened == ["StrayScanRecorded"]
    assert life.goods == before
    assert life.order.parcels["P1"].scans == ()


def test_a_number_that_was_never_the_orders_is_refused_also_beside_a_stray_one() -> None:
    scans = [scan("in_transit", "M"), scan("in_transit", "OTHER")]
    life = (
        given(voided()).when(RecordTracking(ID, scans)).refused(("tracking.unknown_number", "scans[1].tracking_number"))
    )
    assert not life.order.stray_scans


# -- reports from the road about what nobody has despatched ---------------------------------------------------------

ON_THE_ROAD = [status for status in S if status not in (S.PENDING, S.CANCELLED, S.UNKNOWN)]


@pytest.mark.parametrize("status", ON_THE_ROAD, ids=str)
def test_a_parcel_that_is_on_the_road_before_anyone_despatched_it_is_flagged(status: S) -> None:
    life = booked().do(RecordTracking(ID, [scan(status, hours=1)]))
    assert [anomaly.code for anomaly in life.order.anomalies] == ["tracking.not_despatched"]
    assert life.order.anomalies[0].scan == scan(status, hours=1)
    assert life.goods["L1"] == {"packed:P1": 2}


@pytest.mark.parametrize("status", ON_THE_ROAD, ids=str)
def test_goods_that_are_on_the_road_are_not_cancelled_whoever_forgot_to_despatch_them(status: S) -> None:
    life = booked().do(RecordTracking(ID, [scan(status, hours=1)]))
    assert life.codes(CancelOrder(ID)) == ["cancellation.goods_have_left"]


def test_a_despatch_that_nobody_recorded_is_waited_for() -> None:
    life = booked().do(RecordTracking(ID, [scan("in_transit", hours=1)]))
    waits = explain(life.order, life.process).waiting_for
    assert [wait.who for wait in waits if "despatch" in wait.what] == ["someone"]
    assert DespatchShipment(ID, "S1") in explain(life.order, life.process).possible


def test_a_parcel_that_the_carrier_took_although_it_was_cancelled_stays_flagged() -> None:
    """Whether the report came before the booking was voided or after it, someone has to look for the parcel."""
    before = booked().do(CancelOrder(ID), RecordTracking(ID, [scan("in_transit", hours=1)])).reply_all()
    after = booked().do(CancelOrder(ID)).reply_all().do(RecordTracking(ID, [scan("in_transit", hours=1)]))
    assert [life.order.state for life in (before, after)] == ["cancelled", "cancelled"]
    assert [[anomaly.code for anomaly in life.order.anomalies] for life in (before, after)] == [
        ["tracking.not_despatched"],
        ["tracking.stray"],
    ]


def test_with_the_despatch_all_is_well_again() -> None:
    life = booked().do(RecordTracking(ID, [scan("in_transit", hours=1)]), DespatchShipment(ID)).reply_all()
    assert life.order.anomalies == ()
    assert life.order.state == "shipped"
    assert life.goods["L1"] == {"shipped:P1": 2}
    assert not any("despatch" in wait.what for wait in explain(life.order, life.process).waiting_for)
    assert life.do(RecordTracking(ID, [scan("delivered", hours=30)])).order.state == "completed"


@pytest.mark.parametrize("status", [S.PENDING, S.CANCELLED, S.UNKNOWN], ids=str)
def test_a_report_that_says_nothing_of_the_road_stops_no_cancellation(status: S) -> None:
    life = booked().do(RecordTracking(ID, [scan(status, hours=1)]))
    assert life.order.anomalies == ()
    assert life.do(CancelOrder(ID)).reply_all().order.state == "cancelled"


def test_one_parcel_on_the_road_is_flagged_beside_one_that_was_despatched() -> None:
    life = picked(lines=[("TEA-250", 2)]).do(PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, ["P1"], service="parcel"), BookShipment(ID, ["P2"], service="parcel")).reply_all()
    life.do(DespatchShipment(ID, "S1")).reply_all()
    scans = [scan("in_transit", "T-S1-1", 1), scan("in_transit", "T-S2-1", 1)]
    life.do(RecordTracking(ID, scans))
    assert [anomaly.scan for anomaly in life.order.anomalies] == [scans[1]]


def rebooked() -> Life:
    """The booking of one parcel was voided in a cancellation that the other declined; it travels under a new one."""
    life = picked(lines=[("TEA-250", 2)]).do(PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, ["P2"], service="parcel"), BookShipment(ID, ["P1"], service="parcel")).reply_all()
    life.do(CancelOrder(ID)).answer(VoidBooking, about="S1").answer(VoidBooking, Refused("no"), "S2")
    life.do(BookShipment(ID, ["P2"], service="parcel")).reply_all()
    return life.do(DespatchShipment(ID, "S2"), DespatchShipment(ID, "S3")).reply_all()
