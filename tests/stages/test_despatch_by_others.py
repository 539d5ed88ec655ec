"""What others sent is recorded as it is told: never refused, taken from where the ledger has it, flagged where not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from orderflow.commands import (
    BookShipment,
    CancelOrder,
    DespatchShipment,
    PackParcel,
    PlaceHold,
    RecordDespatch,
    RecordPick,
    RecordTracking,
    ResolveException,
    UnpackParcel,
)
from orderflow.errors import InvalidInput
from orderflow.order import Goods
from orderflow.ports import BookCarrier, IssueStock, QueryTracking, Refused, VoidBooking
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.advices import DespatchedParcel
from tests.scenario import (
    ID,
    NOW,
    D,
    Life,
    booked,
    despatched,
    packed,
    picked,
    picking,
    placed,
    requested,
    scan,
    verified,
)

TWO = {"lines": [("TEA-250", 2)]}
SSCC = "340123450000000000"


def sent(quantity: Any = 2, document: str = "D-1", number: str = "T-9", **more: Any) -> RecordDespatch:
    parcel = {name: more.pop(name) for name in ("sscc", "weight_kg") if name in more}
    return RecordDespatch(ID, "3PL", document, [DespatchedParcel([("L1", quantity)], number, **parcel)], "UPS", **more)


SITUATIONS: dict[str, Any] = {
    "placed": placed,
    "verified": verified,
    "picking": picking,
    "picked": picked,
    "packed": packed,
    "requested": requested,
    "booked": booked,
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_goods_are_taken_from_wherever_they_are(situation: str) -> None:
    life = SITUATIONS[situation](**TWO).do(sent())
    (parcel,) = [parcel for parcel in life.order.parcels.values() if parcel.tracking_number == "T-9"]
    assert life.goods == {"L1": {f"shipped:{parcel.id}": D(2)}}
    assert parcel.state == "despatched"
    assert life.order.unbilled == {}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_an_order_that_others_sent_goes_its_way_to_completion(situation: str) -> None:
    life = SITUATIONS[situation](**TWO).do(sent()).reply_all()
    assert life.order.state == "shipped"
    assert {work.state for work in life.order.fulfillments.values()} == {"despatched"}
    life.do(RecordTracking(ID, [scan("delivered", "T-9", hours=30)])).reply_all()
    assert life.order.state == "completed"


def test_the_parcel_the_shipment_and_the_goods_issue_are_as_if_they_were_ours() -> None:
    left = NOW - timedelta(hours=3)
    life = verified(**TWO).do(sent(weight_kg="1.2", sscc=SSCC, occurred_at=left, tracking_number="M-1"))
    order = life.order
    assert order.parcels["P1"].contents == (Goods("L1", D(2)),)
    assert (order.parcels["P1"].sscc, order.parcels["P1"].weight_kg) == (SSCC, D("1.2"))
    shipment = order.shipments["S1"]
    assert (shipment.stage, shipment.carrier, shipment.location) == ("despatched", "UPS", "BER")
    assert shipment.despatched_at == left
    assert order.tracking_numbers == ("M-1", "T-9")
    assert life.wanted(IssueStock).lines[0].quantity == D(2)
    assert life.wanted(QueryTracking).tracking_numbers == ("T-9",)


def test_the_furthest_along_goes_first() -> None:
    life = picking(lines=[("TEA-250", 4)]).do(RecordPick(ID, "F1", [("L1", 3)]))
    life.do(sent(1))
    assert life.goods["L1"] == {"allocated:F1": D(1), "picked:F1": D(2), "shipped:P1": D(1)}
    life.do(sent(3, "D-2", "T-10"))
    assert life.goods["L1"] == {"shipped:P1": D(1), "shipped:P2": D(3)}


def test_the_same_advice_again_changes_nothing() -> None:
    life = verified(**TWO).do(sent(1))
    before = life.order
    assert life.do(sent(1)).order == before


def test_another_content_under_the_same_number_is_flagged_once() -> None:
    life = verified(**TWO).do(sent(1)).do(sent(2)).do(sent(2))
    assert life.events == ()
    assert life.goods["L1"] == {"allocated:F1": D(1), "shipped:P1": D(1)}
    assert [(flag.code, flag.about) for flag in life.order.anomalies] == [("despatch.contradicted", "S1")]


def test_the_same_content_under_other_tracking_numbers_is_flagged() -> None:
    life = verified(**TWO).do(sent(1)).do(sent(1, number="T-10"))
    assert [flag.code for flag in life.order.anomalies] == ["despatch.contradicted"]
    assert life.order.tracking_numbers == ("T-9",)


# -- parcels of ours that others sent -------------------------------------------------------------------------------


def test_a_booked_parcel_that_is_known_by_its_number_leaves_with_its_own_booking() -> None:
    life = booked(**TWO).do(sent(number="T-S1-1"))
    assert life.goods == {"L1": {"shipped:P1": D(2)}}
    assert life.order.shipments["S1"].stage == "despatched"
    assert life.order.shipments["S1"].carrier == "DHL"
    assert len(life.order.shipments) == 1
    life.reply_all()
    assert life.order.fulfillments["F1"].state == "despatched"


def test_a_packed_parcel_is_known_by_its_container_code() -> None:
    life = picked(**TWO).do(PackParcel(ID, "F1", sscc=SSCC)).do(sent(sscc=SSCC))
    assert life.goods == {"L1": {"shipped:P1": D(2)}}
    assert life.order.parcels["P1"].tracking_number == "T-9"


def test_what_stayed_behind_of_a_parcel_is_on_the_packing_table_again() -> None:
    life = booked(**TWO).do(sent(1, number="T-S1-1"))
    assert life.goods == {"L1": {"shipped:P1": D(1), "picked:F1": D(1)}}
    assert life.order.anomalies == ()
    life.do(PackParcel(ID, "F1"), BookShipment(ID, service="parcel")).reply_all().do(DespatchShipment(ID, "S2"))
    assert life.order.state == "shipped"


def test_a_booking_of_which_nothing_is_left_is_voided() -> None:
    life = booked(**TWO).do(sent())
    assert [flag.code for flag in life.order.anomalies] == ["despatch.other_number"]
    life.answer(VoidBooking)
    assert life.order.shipments["S1"].stage == "voided"
    assert life.order.parcels["P1"].state == "unpacked"


def test_a_carrier_that_keeps_an_empty_booking_is_not_asked_again() -> None:
    life = booked(**TWO).do(sent()).answer(VoidBooking, Refused("too_late"))
    assert not any(isinstance(request, VoidBooking) for request in life.requests)


def test_of_two_parcels_under_one_number_one_is_ours() -> None:
    life = booked(**TWO)
    parcels = [DespatchedParcel([("L1", 1)], "T-S1-1"), DespatchedParcel([("L1", 1)], "T-S1-1")]
    life.do(RecordDespatch(ID, "3PL", "D-1", parcels))
    assert sorted(life.order.parcels) == ["P1", "P2"]
    assert life.order.ledger.of_kind("L1", "shipped") == D(2)


def test_one_of_two_booked_parcels_that_left_travels_on_its_own() -> None:
    life = picked(**TWO).do(PackParcel(ID, "F1", [("L1", 1)], sscc=SSCC), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, service="parcel", carrier="DHL")).reply_all().do(sent(1, sscc=SSCC))
    assert life.goods == {"L1": {"packed:P2": D(1), "shipped:P1": D(1)}}
    assert life.order.shipments["S1"].parcel_ids == ("P2",)
    assert life.order.anomalies == ()
    assert life.order.shipments["S2"].parcel_ids == ("P1",)
    life.do(DespatchShipment(ID, "S1")).reply_all()
    assert life.order.state == "shipped"


# -- what does not fit ----------------------------------------------------------------------------------------------


def test_what_was_never_ordered_is_kept_flagged_and_a_case() -> None:
    life = verified(**TWO)
    before = life.order.total
    life.do(sent(3))
    assert life.goods == {"L1": {"shipped:P1": D(3)}}
    assert (life.order.ledger.surplus("L1"), life.order.unbilled) == (D(1), {"L1": D(1)})
    assert life.order.total == before
    assert (life.case.code, life.case.about) == ("despatch.beyond_tolerance", "S1")
    assert life.case.options == ("charge", "customer_keeps", "collect")
    assert [flag.code for flag in life.order.anomalies] == ["despatch.beyond_tolerance"]


@pytest.mark.parametrize(("option", "charged"), [("charge", 3), ("customer_keeps", 2), ("collect", 2)])
def test_someone_decides_whether_it_is_to_be_paid_for(option: str, charged: int) -> None:
    life = verified(**TWO)
    each = life.order.total.amount / 2
    life.do(sent(3)).do(ResolveException(ID, life.case.id, option)).reply_all()
    assert life.order.total.amount == each * charged
    assert life.order.open_cases == ()


def test_a_second_advice_has_a_case_of_its_own() -> None:
    life = verified(**TWO).do(sent(3), sent(1, "D-2", "T-10"))
    assert [case.about for case in life.order.open_cases] == ["S1", "S2"]
    life.do(ResolveException(ID, "X1", "charge"))
    assert life.order.unbilled == {"L1": D(1)}


def test_goods_of_a_cancelled_order_are_kept_and_flagged() -> None:
    life = verified(**TWO).do(CancelOrder(ID)).reply_all().do(sent())
    assert life.goods == {"L1": {"cancelled": D(2), "shipped:P1": D(2)}}
    assert life.order.unbilled == {"L1": D(2)}
    assert {flag.code for flag in life.order.anomalies} == {"despatch.beyond_tolerance", "despatch.order_is_over"}
    assert life.order.state == "cancelled"
    assert not life.order.total.amount
    life.do(RecordTracking(ID, [scan("delivered", "T-9", hours=30)]))
    assert life.goods == {"L1": {"cancelled": D(2), "delivered:P1": D(2)}}


def test_a_cancellation_that_still_waits_is_declined_by_goods_that_have_left() -> None:
    life = booked(**TWO).do(CancelOrder(ID)).do(sent(number="T-S1-1"))
    assert life.goods == {"L1": {"shipped:P1": D(2)}}
    assert life.order.cancellation is None
    assert not any(isinstance(request, VoidBooking) for request in life.requests)
    assert life.order.state == "shipped"


def test_an_order_on_hold_or_not_verified_is_flagged() -> None:
    life = placed(**TWO).do(PlaceHold(ID, "credit")).do(sent())
    assert [flag.code for flag in life.order.anomalies] == ["despatch.not_verified", "despatch.on_hold"]


def test_what_others_sent_is_not_sent_by_us_again() -> None:
    life = picked(**TWO).do(sent())
    assert life.codes(PackParcel(ID, "F1")) == ["fulfillment.cannot_pack"]


def test_a_parcel_that_left_is_not_unpacked() -> None:
    life = packed(**TWO).do(sent(sscc="", number="T-9"))
    assert life.order.parcels["P1"].state == "unpacked"
    assert life.codes(UnpackParcel(ID, "P1"))[0] == "parcel.cannot_unpack"


def test_goods_of_a_supplier_are_no_goods_issue_of_ours() -> None:
    life = verified(lines=[OrderLine("POT-1", 1, method="supplier", supplier="KRUPP")])
    life.do(RecordDespatch(ID, "KRUPP", "LS-7", [DespatchedParcel([("L1", 1)], "T-9")]))
    assert not any(isinstance(request, IssueStock) for request in life.requests)
    assert life.reply_all().order.state == "shipped"


def test_a_booking_that_was_only_asked_for_is_voided_when_it_comes() -> None:
    life = requested(**TWO).do(sent()).answer(BookCarrier)
    assert life.order.shipments["S1"].stage == "void_wanted"


@pytest.mark.parametrize("parcels", [[], ["P1"], [("L1", 2)]])
def test_parcels_that_are_none_are_refused(parcels: Any) -> None:
    with pytest.raises(InvalidInput) as invalid:
        RecordDespatch(ID, "3PL", "D-1", parcels)
    assert invalid.value.violations[0].path.startswith("parcels")


def test_what_already_left_is_surplus_when_it_is_told_again_under_another_number() -> None:
    life = despatched(**TWO).do(sent())
    assert life.order.unbilled == {"L1": D(2)}
    assert life.order.state == "shipped"


# -- laws -----------------------------------------------------------------------------------------------------------


@for_all(
    quantities=st.lists(st.integers(min_value=1, max_value=5), min_size=1, max_size=4),
    stage=st.sampled_from(sorted(SITUATIONS)),
    over=st.sampled_from([0, 50, 100]),
)
def test_whatever_is_told_everything_is_kept_and_the_books_balance(
    quantities: list[int], stage: str, over: int
) -> None:
    life: Life = SITUATIONS[stage](lines=[OrderLine("TEA-250", 4, over=over)])
    for number, quantity in enumerate(quantities):
        life.do(sent(quantity, f"D-{number}", f"T-{number}0"))
    told = sum(quantities)
    ledger = life.order.ledger
    assert ledger.of_kind("L1", "shipped") == told
    assert ledger.surplus("L1") == max(0, told - 4)
    if "verified" in life.order.milestones:
        assert life.order.unbilled.get("L1", 0) == max(0, told - 4 - 4 * over // 100)
    life.reply_all()
    assert life.order.is_priced
