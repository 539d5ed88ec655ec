"""Parcels are booked with a carrier and leave; what the carrier was asked is frozen."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from orderflow.commands import BookShipment, CancelOrder, DespatchShipment, PackParcel, RecordTracking, ResolveException
from orderflow.consignment import Label, Leg
from orderflow.defaults import cheapest, cheapest_in_time, fastest
from orderflow.order import Booking, Goods
from orderflow.ports import (
    BookCarrier,
    Booked,
    GaveUp,
    Issued,
    IssueLine,
    IssueStock,
    ParcelBody,
    QueryRates,
    QueryTracking,
    Rate,
    Rates,
    Refused,
    Sent,
    VoidBooking,
)
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.booking import (
    BookingContradicted,
    BookingRefused,
    BookingRequested,
    ServiceChosen,
    ShipmentBooked,
    ShipmentPlanned,
)
from orderflow.stages.exceptions import ExceptionRaised, ExceptionResolved
from orderflow.stages.shipping import FulfillmentDespatched, GoodsDespatched, OrderShipped, StockIssued
from orderflow.values import Address, FrozenMap, Money
from tests.scenario import (
    BERLIN,
    ID,
    NOW,
    D,
    Life,
    booked,
    booking_of,
    despatched,
    eur,
    given,
    packed,
    picked,
    requested,
    scan,
)
from tests.stages.test_voiding import emptied

BODY = ParcelBody("P1", None, None, (Goods("L1", D(2)), Goods("L2", D(1))))
PARIS = Address("FR", "1 rue de Rivoli", city="Paris", postal_code="75001")


def booking_request(generation: int = 1) -> BookCarrier:
    request_id = f"book/S1/{generation}"
    return BookCarrier(
        ID, request_id, f"main/{ID}/{request_id}", "S1", generation, "DHL", "parcel", "BER", BERLIN, (BODY,), ID
    )


def two_parcels(**changes: Any) -> Life:
    return picked(lines=[("TEA-250", 2)], **changes).do(PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1"))


# -- booking --------------------------------------------------------------------------------------------------------


def test_a_named_service_is_booked_at_once_and_in_frozen_words() -> None:
    given(packed()).when(BookShipment(ID, carrier="DHL", service="parcel")).then(
        ShipmentPlanned(NOW, "S1", ("P1",), "BER", BERLIN, "DHL", "parcel"),
        BookingRequested(NOW, "S1", booking_request()),
    )


def test_the_service_that_the_goods_are_to_travel_by_decides() -> None:
    life = packed(service="express", carrier="UPS").do(BookShipment(ID))
    request = life.wanted(BookCarrier)
    assert (request.carrier, request.service) == ("UPS", "express")


def test_a_booking_gives_its_number_to_the_only_parcel() -> None:
    life = requested().answer(BookCarrier)
    booking = Booking("B-S1-1", "DHL", "parcel", "T-S1-1")
    assert life.events == (
        ShipmentBooked(NOW, "S1", booking, FrozenMap({"P1": "T-S1-1"}), FrozenMap({"P1": "booked"})),
    )
    assert life.order.tracking_numbers == ("T-S1-1",)
    assert life.asks == ()


def test_several_parcels_keep_the_numbers_they_were_given() -> None:
    life = two_parcels().do(BookShipment(ID, service="parcel"))
    life.answer(BookCarrier, Booked(Booking("B", "DHL", "parcel", "M"), FrozenMap({"P1": "T1", "P2": "T2"})))
    assert life.order.tracking_numbers == ("M", "T1", "T2")


def test_without_a_service_rates_are_asked_for_and_the_strategy_chooses() -> None:
    life = packed().do(BookShipment(ID))
    assert life.happened == ["ShipmentPlanned"]
    request = life.wanted(QueryRates)
    assert (request.location, request.ship_to, request.parcels) == ("BER", BERLIN, (BODY,))
    life.answer(QueryRates, Rates((Rate("UPS", "saver", eur("9.90")), Rate("DHL", "parcel", eur("4.90")))))
    assert life.events == (
        ServiceChosen(NOW, "S1", "DHL", "parcel"),
        BookingRequested(NOW, "S1", booking_request()),
    )


WISHED = date(2026, 12, 1)
CHEAP = Rate("DHL", "parcel", eur("4.90"), date(2026, 12, 2))
FAST = Rate("UPS", "express", eur("19.90"), date(2026, 11, 30))
FAIR = Rate("DHL", "express", eur("9.90"), date(2026, 12, 1))
VAGUE = Rate("BIKE", "soon", eur("1.00"))
FOREIGN = Rate("USPS", "air", Money("1", "USD"), date(2026, 11, 24))


@pytest.mark.parametrize(
    ("wanted_by", "rates", "chosen"),
    [
        (None, (FAST, CHEAP, FAIR), CHEAP),
        (WISHED, (FAST, CHEAP, FAIR), FAIR),
        (WISHED, (CHEAP, FAST), FAST),
        (date(2026, 11, 25), (CHEAP, FAST, FAIR, VAGUE), FAST),
        (WISHED, (VAGUE, CHEAP), CHEAP),
        (WISHED, (VAGUE,), VAGUE),
        (None, (FOREIGN, FAIR), FAIR),
        (None, (FOREIGN,), None),
        (None, (), None),
    ],
)
def test_the_cheapest_rate_in_time_is_taken(wanted_by: date | None, rates: Any, chosen: Rate | None) -> None:
    life = packed(deliver_by=wanted_by).do(BookShipment(ID))
    assert cheapest_in_time(life.order, life.order.shipments["S1"], rates) == chosen


def test_a_host_may_want_the_cheapest_or_the_fastest() -> None:
    life = packed(deliver_by=WISHED).do(BookShipment(ID))
    shipment, same = life.order.shipments["S1"], Rate("UPS", "night", eur("4.90"), date(2026, 11, 30))
    for rates, low, quick in [
        ((FAST, CHEAP, FAIR), CHEAP, FAST),
        ((CHEAP, VAGUE), VAGUE, CHEAP),
        ((CHEAP, same, FAST), same, same),
        ((FOREIGN,), None, None),
        ((), None, None),
    ]:
        assert (cheapest(life.order, shipment, rates), fastest(life.order, shipment, rates)) == (low, quick)


def test_where_no_rate_will_do_someone_is_asked_and_may_ask_again() -> None:
    life = packed().do(BookShipment(ID)).answer(QueryRates, Rates(()))
    assert life.events == (
        ExceptionRaised(
            NOW,
            "X1",
            "shipping.no_rate",
            "rates/S1",
            "no carrier offers a rate that will do",
            ("try_again", "cancel_order"),
            is_about_request=True,
        ),
    )
    assert life.asks == ()
    life.do(ResolveException(ID, "X1", "try_again")).answer(QueryRates)
    assert life.happened == ["ServiceChosen", "BookingRequested"]


def test_carriers_that_refuse_to_offer_a_rate_are_a_case_too() -> None:
    life = packed().do(BookShipment(ID)).answer(QueryRates, Refused("area.closed", "not to the moon"))
    assert (life.case.code, life.case.message) == ("shipping.no_rate", "not to the moon")
    assert life.do(ResolveException(ID, "X1", "cancel_order")).reply_all().order.state == "cancelled"


@pytest.mark.parametrize("reply", [Issued(), None, Rates((Rate("DHL", "", eur(1)),)), Rates(None), Rates(("fast",))])
def test_rates_that_cannot_be_are_a_case(reply: Any) -> None:
    life = packed().do(BookShipment(ID)).answer(QueryRates, lambda request: reply)
    assert (life.case.code, life.case.about) == ("port.impossible_reply", "rates/S1")
    assert life.asks == ()
    assert life.do(ResolveException(ID, "X1", "try_again")).asks == ("rates/S1",)


def test_rates_for_a_shipment_that_is_requested_already_change_nothing() -> None:
    life = packed().do(BookShipment(ID))
    request = life.wanted(QueryRates)
    life.answer(QueryRates)
    assert life.hears(request, Rates((FAST,))).events == ()


def test_parcels_for_different_addresses_are_booked_one_by_one() -> None:
    lines = [OrderLine("TEA-250", 1), OrderLine("POT-1", 1, ship_to=PARIS)]
    life = picked(lines=lines).do(PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1", [("L2", 1)]))
    assert life.refusal(BookShipment(ID, ["P1", "P2"])) == [("shipping.mixed", "parcel_ids")]
    life.do(BookShipment(ID, service="parcel"), BookShipment(ID, service="parcel"))
    assert [(s.parcel_ids, s.ship_to) for s in life.order.shipments.values()] == [
        (("P1",), BERLIN),
        (("P2",), PARIS),
    ]


@pytest.mark.parametrize("other", [{"ship_to": PARIS}, {"service": "express", "carrier": "UPS"}], ids=["to", "by"])
def test_without_parcels_named_what_goes_one_way_is_booked_and_then_the_others(other: dict[str, Any]) -> None:
    lines = [OrderLine("TEA-250", 1, service="parcel"), OrderLine("POT-1", 1, **({"service": "parcel"} | other))]
    life = picked(lines=[*lines, OrderLine("CUP-1", 2, service="parcel")])
    life.do(PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1", [("L2", 1)]), PackParcel(ID, "F1"))
    life.do(BookShipment(ID), BookShipment(ID))
    assert life.codes(BookShipment(ID)) == ["shipping.nothing_packed"]
    one, two = (life.wanted(BookCarrier, about) for about in ("S1", "S2"))
    assert [parcel.parcel_id for parcel in one.parcels] == ["P1", "P3"]
    assert [parcel.parcel_id for parcel in two.parcels] == ["P2"]
    assert (one.ship_to, one.service, one.carrier) == (BERLIN, "parcel", "")
    assert (two.ship_to, two.service, two.carrier) == (
        other.get("ship_to", BERLIN),
        other.get("service", "parcel"),
        other.get("carrier", ""),
    )


def test_every_parcel_of_mixed_goods_arrives_where_its_goods_are_to_go() -> None:
    lines = [OrderLine("TEA-250", 2), OrderLine("POT-1", 1, ship_to=PARIS, service="express")]
    life = picked(lines=lines).do(PackParcel(ID, "F1"), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, carrier="DHL"), BookShipment(ID, carrier="DHL")).reply_all()
    sent = {
        shipment.ship_to: {line for parcel in shipment.parcel_ids for line in life.order.contents_of(parcel)}
        for shipment in life.order.shipments.values()
    }
    assert sent == {BERLIN: {"L1"}, PARIS: {"L2"}}
    assert life.order.shipments["S2"].service == "express"


# -- bookings that fail ---------------------------------------------------------------------------------------------


def test_a_refused_booking_is_a_case() -> None:
    life = requested().answer(BookCarrier, Refused("weight.too_heavy", "at most 30 kg"))
    assert life.events == (
        BookingRefused(NOW, "S1", "weight.too_heavy", "at most 30 kg"),
        ExceptionRaised(
            NOW, "X1", "shipping.refused", "S1", "DHL refused S1: at most 30 kg", ("try_again", "cancel_order")
        ),
    )
    assert life.asks == ()


def test_a_refused_booking_is_tried_again_as_a_new_generation_under_a_new_key() -> None:
    life = requested().answer(BookCarrier, Refused("busy"))
    given(life).when(ResolveException(ID, "X1", "try_again")).then(
        ExceptionResolved(NOW, "X1", "try_again"), BookingRequested(NOW, "S1", booking_request(2))
    )
    assert life.answer(BookCarrier).happened == ["ShipmentBooked"]


def test_the_parcels_of_a_refused_booking_can_be_booked_otherwise() -> None:
    life = requested().answer(BookCarrier, Refused("busy")).do(BookShipment(ID, service="express")).reply_all()
    assert life.order.shipments["S2"].stage == "booked"
    assert life.codes(ResolveException(ID, "X1", "try_again")) == ["exception.closed"], "nothing is left to settle"


@pytest.mark.parametrize(
    "reply",
    [
        Issued(),
        Sent(),
        None,
        Booked(Booking("", "DHL", "parcel", "T")),
        Booked(Booking("B", "DHL", "parcel", "T"), FrozenMap({"P9": "T"})),
        Booked(None),  # type: ignore[arg-type]
        Booked(Booking("B", "DHL", "parcel", "T"), None),  # type: ignore[arg-type]
    ],
)
def test_a_booking_that_cannot_be_is_a_case(reply: Any) -> None:
    life = requested().answer(BookCarrier, lambda request: reply)
    assert (life.case.code, life.case.about) == ("port.impossible_reply", "book/S1/1")
    assert life.asks == ()
    assert life.do(ResolveException(ID, "X1", "try_again")).asks == ("book/S1/1",)
    assert life.answer(BookCarrier).happened == ["ShipmentBooked"]


def test_the_same_booking_answered_twice_is_one_booking() -> None:
    life = requested()
    request = life.wanted(BookCarrier)
    life.hears(request, booking_of(request))
    assert life.hears(request, booking_of(request)).events == ()
    assert life.hears(request, Refused("late")).events == ()


def test_one_booking_with_two_numbers_is_a_contradiction_that_someone_settles() -> None:
    life = requested()
    request = life.wanted(BookCarrier)
    other = Booking("B-other", "DHL", "parcel", "T-other")
    life.hears(request, booking_of(request)).hears(request, Booked(other))
    assert life.events[0] == BookingContradicted(NOW, "S1", other)
    assert (life.case.code, life.case.options) == ("shipping.contradiction", ("settled",))
    assert life.order.shipments["S1"].booking == booking_of(request).booking
    assert life.do(ResolveException(ID, "X1", "settled")).happened == ["ExceptionResolved"]


def abandoned() -> tuple[Life, Any]:
    """A booking without an answer, of which someone found out that it does not exist."""
    life = requested()
    request = life.wanted(BookCarrier)
    life.hears(request, GaveUp(8, "timeout")).do(ResolveException(ID, "X1", "not_booked"))
    return life, request


def test_a_booking_that_turns_up_after_it_was_given_up_is_voided() -> None:
    life, request = abandoned()
    assert life.hears(request, booking_of(request)).happened == ["ShipmentBooked", "VoidWanted"]
    assert life.answer(VoidBooking).happened == ["ShipmentVoided"]
    assert life.order.parcels["P1"].state == "packed"
    assert life.do(BookShipment(ID, service="parcel")).reply_all().order.shipments["S2"].stage == "booked"


def test_a_booking_that_turns_up_late_leaves_the_parcels_to_the_one_that_took_its_place() -> None:
    life, request = abandoned()
    life.do(BookShipment(ID, service="parcel")).reply_all()
    life.hears(request, booking_of(request)).reply_all()
    assert life.order.shipments["S1"].stage == "voided"
    parcel = life.order.parcels["P1"]
    assert (parcel.state, parcel.tracking_number) == ("booked", "T-S2-1")
    assert life.do(DespatchShipment(ID)).order.state == "shipped"


def test_an_unwanted_booking_that_the_carrier_will_not_void_is_a_case() -> None:
    life, request = abandoned()
    life.hears(request, booking_of(request)).answer(VoidBooking, Refused("void.too_late"))
    assert life.case.code == "shipping.void_declined"


# -- despatch -------------------------------------------------------------------------------------------------------

ISSUE = IssueStock(
    ID,
    "issue/S1",
    f"main/{ID}/issue/S1",
    "BER",
    (
        IssueLine(f"main/{ID}/claim/C1", "TEA-250", "each", D(2)),
        IssueLine(f"main/{ID}/claim/C2", "POT-1", "each", D(1)),
    ),
)


def test_despatch_ships_the_goods_and_tells_the_inventory() -> None:
    life = booked().do(DespatchShipment(ID))
    assert life.events[:3] == (
        GoodsDespatched(NOW, "S1", FrozenMap({"P1": "despatched"}), ISSUE),
        FulfillmentDespatched(NOW, "F1", "despatched"),
        OrderShipped(NOW, "shipped"),
    )
    assert life.happened[3:] == ["MessageQueued"]
    assert life.goods == {"L1": {"shipped:P1": D(2)}, "L2": {"shipped:P1": D(1)}}
    assert life.wanted(IssueStock) == ISSUE
    assert life.answer(IssueStock).events == (StockIssued(NOW, "S1"),)


def test_an_order_is_shipped_with_its_last_parcel() -> None:
    life = two_parcels()
    life.do(BookShipment(ID, ["P1"], service="parcel"), BookShipment(ID, service="parcel")).reply_all()
    assert life.refusal(DespatchShipment(ID)) == [("shipping.several", "shipment_id")]
    life.do(DespatchShipment(ID, "S2"))
    assert life.happened == ["GoodsDespatched", "MessageQueued"]
    assert life.order.status.word == "partly shipped"
    life.do(DespatchShipment(ID))
    assert life.happened == ["GoodsDespatched", "FulfillmentDespatched", "OrderShipped", "MessageQueued"]


def test_a_refused_goods_issue_is_a_case_and_can_be_booked_by_hand() -> None:
    life = booked().do(DespatchShipment(ID)).answer(IssueStock, Refused("period.closed"))
    assert life.events == (
        ExceptionRaised(
            NOW,
            "X1",
            "shipping.issue_refused",
            "issue/S1",
            "the goods issue of S1 was refused: period.closed",
            ("try_again", "booked_by_hand"),
            is_about_request=True,
        ),
    )
    assert "issue/S1" not in life.asks
    given(life).when(ResolveException(ID, "X1", "booked_by_hand")).then(
        ExceptionResolved(NOW, "X1", "booked_by_hand"), StockIssued(NOW, "S1")
    )
    assert "issue/S1" not in life.asks


def test_a_refused_goods_issue_can_be_tried_again_in_the_same_words() -> None:
    life = booked().do(DespatchShipment(ID)).answer(IssueStock, Refused("period.closed"))
    life.do(ResolveException(ID, "X1", "try_again"))
    assert life.wanted(IssueStock) == ISSUE


@pytest.mark.parametrize("reply", [Sent(), None, Rates(())])
def test_a_goods_issue_that_is_answered_with_something_else_is_a_case(reply: Any) -> None:
    life = booked().do(DespatchShipment(ID)).answer(IssueStock, lambda request: reply)
    assert (life.case.code, life.case.about) == ("port.impossible_reply", "issue/S1")
    assert "issue/S1" not in life.asks
    assert life.hears(ISSUE, Issued()).events[0] == StockIssued(NOW, "S1")


def test_a_goods_issue_is_booked_once() -> None:
    life = despatched()
    for reply in (Issued(), Refused("no"), Sent()):
        assert life.hears(ISSUE, reply).events == ()


def test_the_carrier_is_asked_about_a_parcel_only_from_despatch_on() -> None:
    assert not any(isinstance(request, QueryTracking) for request in booked().requests)
    request = despatched().wanted(QueryTracking)
    assert request == QueryTracking(ID, "track/S1", "S1", ("T-S1-1",))


def test_a_parcel_with_a_number_is_followed_also_where_another_has_none() -> None:
    life = two_parcels().do(BookShipment(ID, service="parcel"))
    life.answer(BookCarrier, Booked(Booking("B", "DHL", "parcel", ""), FrozenMap({"P2": "T2"})))
    life.do(DespatchShipment(ID)).reply_all()
    assert life.wanted(QueryTracking).tracking_numbers == ("T2",)


def test_a_withdrawn_shipment_was_never_asked_for() -> None:
    life = packed().do(BookShipment(ID))
    request = life.wanted(QueryRates)
    life.do(CancelOrder(ID))
    assert "ShipmentWithdrawn" in life.happened
    assert life.hears(request, Rates((CHEAP,))).events == ()


def test_the_moment_of_despatch_is_kept() -> None:
    life = booked().at(hours=3).do(DespatchShipment(ID))
    assert life.order.shipments["S1"].despatched_at == datetime(2026, 11, 23, 12, tzinfo=NOW.tzinfo)


# -- some of it first -----------------------------------------------------------------------------------------------


def some_left(**changes: Any) -> Life:
    """Two parcels under one booking, of which one has left."""
    life = two_parcels(**changes).do(BookShipment(ID, carrier="DHL", service="parcel"))
    booking = Booking("B", "DHL", "parcel", "M", cost=eur("8.00"))
    life.answer(BookCarrier, Booked(booking, FrozenMap({"P1": "T1", "P2": "T2"})))
    return life.do(DespatchShipment(ID, parcel_ids=["P2"]))


def test_what_stays_behind_follows_under_the_same_booking() -> None:
    life = some_left()
    assert life.happened == ["ShipmentDivided", "GoodsDespatched", "MessageQueued"]
    assert life.goods == {"L1": {"packed:P1": D(1), "shipped:P2": D(1)}}
    assert [line.quantity for line in life.wanted(IssueStock).lines] == [D(1)], "each departure is a goods issue"
    gone, rest = life.order.shipments["S1"], life.order.shipments["S2"]
    assert (gone.parcel_ids, gone.stage, rest.parcel_ids, rest.stage) == (("P2",), "despatched", ("P1",), "booked")
    assert rest.booking is not None
    assert rest.booking.number == "B"
    assert life.order.tracking_numbers == ("M", "T1", "T2")
    life.reply_all().do(DespatchShipment(ID))
    assert life.happened == ["GoodsDespatched", "FulfillmentDespatched", "OrderShipped", "MessageQueued"]
    assert life.wanted(IssueStock).key == f"main/{ID}/issue/S2"


def test_the_freight_of_one_booking_counts_once() -> None:
    order = some_left().order
    assert [order.freight_of(shipment_id) for shipment_id in order.shipments] == [eur("8.00"), None]


def test_a_parcel_of_which_everything_was_cancelled_does_not_leave() -> None:
    life = two_parcels().do(BookShipment(ID, service="parcel")).reply_all()
    emptied(life, "P1").do(DespatchShipment(ID)).reply_all()
    assert (life.order.parcels["P1"].state, life.order.parcels["P2"].state) == ("unpacked", "despatched")
    assert life.order.state == "shipped"
    assert list(life.order.shipments) == ["S1"], "what is empty does not follow either"


# -- legs -----------------------------------------------------------------------------------------------------------


def by_two_carriers() -> Life:
    """The first carrier brings the parcel to the second, who brings it to the door."""
    life = requested()
    legs = (Leg("DHL", "D1", "Berlin", "Oslo"), Leg("POSTEN", "N1", "Oslo", "Bergen"))
    return life.answer(BookCarrier, Booked(Booking("B", "DHL", "parcel", "D1", legs=legs))).do(DespatchShipment(ID))


def test_what_an_earlier_carrier_delivers_is_handed_over() -> None:
    life = by_two_carriers().do(RecordTracking(ID, [scan("delivered", "D1", hours=5)]))
    assert life.happened == ["TrackingRecorded"]
    tracking = life.order.parcels["P1"].tracking
    assert (tracking.status, tracking.reason, tracking.delivered_at) == ("in_transit", "handed_over", None)
    life.do(RecordTracking(ID, [scan("delivered", "N1", hours=30)]))
    assert "OrderDelivered" in life.happened


def test_a_parcel_is_followed_by_the_number_of_every_leg() -> None:
    life = by_two_carriers().reply_all()
    assert life.order.tracking_numbers == ("D1", "N1")
    assert life.wanted(QueryTracking).tracking_numbers == ("D1", "N1")


def test_reports_of_legs_may_come_in_any_order() -> None:
    late = by_two_carriers().do(RecordTracking(ID, [scan("delivered", "N1", hours=30)]))
    late.do(RecordTracking(ID, [scan("delivered", "D1", hours=5)]))
    assert late.order.parcels["P1"].tracking.status == "delivered"
    assert late.order.anomalies == ()


def test_the_last_leg_delivers_every_parcel_of_the_booking() -> None:
    life = two_parcels().do(BookShipment(ID, service="parcel"))
    legs = (Leg("DHL", "M"), Leg("POSTEN", "N1"))
    booking = Booking("B", "DHL", "parcel", "M", legs=legs)
    life.answer(BookCarrier, Booked(booking, FrozenMap({"P1": "T1", "P2": "T2"}))).do(DespatchShipment(ID))
    life.do(RecordTracking(ID, [scan("delivered", "M", hours=3)]))
    assert life.order.state == "shipped"
    life.do(RecordTracking(ID, [scan("delivered", "N1", hours=30)])).reply_all()
    assert life.order.status.word == "delivered"


def test_the_label_is_at_hand_once_the_parcels_are_booked() -> None:
    life = requested()
    assert life.order.shipments["S1"].label is None
    label = Label("JVBERi0=", "PDF", "https://labels.example/1")
    life.answer(BookCarrier, Booked(Booking("B", "DHL", "parcel", "T", label)))
    assert life.order.shipments["S1"].label == label
