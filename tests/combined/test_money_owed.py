"""What is owed, where payments, refunds, cash and changes of mind meet."""

from __future__ import annotations

from typing import Any

import pytest

from orderflow import (
    AcceptConfirmation,
    AmendOrder,
    BookShipment,
    CancelLines,
    CancelOrder,
    ChargeFee,
    DespatchShipment,
    GrantGoodwill,
    Money,
    PlaceHold,
    RecordCash,
    RecordPayment,
    RecordRefund,
    WaiveFee,
)
from orderflow.charges import TaxGroup
from orderflow.ports import Deferred
from tests.combined.shop import Shop


def eur(amount: Any) -> Money:
    return Money(str(amount), "EUR")


def paid(reference: str, amount: Any, state: str = "captured", revision: int = 0) -> RecordPayment:
    return RecordPayment("A-1", "stripe", reference, eur(amount), state, revision=revision)


def refund(amount: Any, state: str = "refunded", revision: int = 0) -> RecordRefund:
    return RecordRefund("A-1", "stripe", "re_1", eur(amount), state, revision=revision)


def money_waits(shop: Shop) -> list[str]:
    return [wait for wait in shop.waits if "EUR" in wait]


# -- refunds ----------------------------------------------------------------------------------------------------------


def cancelled_and_paid() -> Shop:
    shop = Shop(charge_on="order")
    shop.place(("TEA", 2))
    shop.do(paid("pi_1", "19.80"), CancelOrder("A-1"))
    return shop


def test_a_refund_that_was_requested_is_not_asked_for_again() -> None:
    shop = cancelled_and_paid()
    assert money_waits(shop) == ["someone to pay back 19.80 EUR to the customer (RecordRefund)"]
    shop.do(refund("15.00", "requested"))
    assert money_waits(shop) == [
        "someone to pay back 4.80 EUR to the customer (RecordRefund)",
        "stripe to pay out 15.00 EUR to the customer (re_1)",
    ]
    shop.do(refund("15.00"))
    assert money_waits(shop) == ["someone to pay back 4.80 EUR to the customer (RecordRefund)"]


def test_a_refund_that_failed_and_is_tried_again_counts() -> None:
    shop = cancelled_and_paid()
    shop.do(refund("19.80"), refund("19.80", "failed"))
    assert shop.order.balance.status == "credit owed"
    shop.do(refund("19.80", "requested", revision=1))
    assert (shop.order.balance.refunding, shop.order.balance.refunded) == (eur("19.80"), eur(0))
    shop.do(refund("19.80", revision=2))
    assert (shop.order.balance.status, money_waits(shop)) == ("refunded", [])
    shop.do(refund("19.80", "failed", revision=3))
    assert shop.order.balance.credit_owed == eur("19.80")


def test_more_refunded_than_paid_is_flagged_and_owed_to_us() -> None:
    shop = cancelled_and_paid()
    order = shop.do(refund("20.00"))
    assert (order.balance.status, order.balance.owed) == ("unpaid", eur("0.20"))
    assert [one.code for one in order.anomalies] == ["refund.more_than_paid"]
    told = "0.20 EUR more was paid back to the customer than the customer has paid (refund.more_than_paid)"
    assert f"  flagged       {told}\n" in str(shop.flow.explain("A-1"))
    order = shop.do(paid("pi_2", "0.20"))
    assert (order.balance.status, order.anomalies) == ("refunded", ())


# -- goodwill, and what is still to be paid ----------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [None, "0.19"])
def test_goodwill_that_is_taken_back_in_part_has_the_tax_that_was_granted(rate: str | None) -> None:
    group = rate and TaxGroup("standard", rate)
    shop = Shop(charge_on="order")
    shop.place(("TEA", 2))
    shop.do(ChargeFee("A-1", "express", eur("5.00")), GrantGoodwill("A-1", "late", eur("6.00"), group))
    order = shop.do(CancelOrder("A-1"), WaiveFee("A-1", "I2"))
    (granted,) = (one for one in order.settlement.of_kind("charge") if one.reason == "goodwill")
    back = [one.amounts for one in order.settlement.of_kind("credit") if one.reason == "goodwill"]
    assert [str(one.total) for one in back] == ["-1.00 EUR", "-5.00 EUR"]
    assert back[0] + back[1] == granted.amounts
    assert all(-eur("1.00") < one.tax <= eur(0) and one.before_tax < eur(0) for one in back)


def test_goodwill_on_what_was_paid_is_a_credit_and_no_overpayment() -> None:
    shop = Shop(charge_on="despatch")
    shop.place(("TEA", 2))
    assert shop.do(paid("pi_1", "20.00")).balance.status == "overpaid"
    order = shop.do(RecordRefund("A-1", "stripe", "re_1", eur("0.20")), GrantGoodwill("A-1", "late", eur("5.00")))
    assert (order.balance.status, order.balance.credit_owed) == ("credit owed", eur("5.00"))


def test_nobody_waits_for_money_before_work_that_was_begun_long_ago() -> None:
    shop = Shop(paid_first="paid")
    shop.place(("TEA", 2))
    shop.do(paid("pi_1", "19.80"))
    shop.leave()
    assert money_waits(shop) == []
    shop.do(RecordPayment("A-1", "stripe", "pi_1", eur("10.00"), revision=1))
    assert money_waits(shop) == ["the customer to pay 9.80 EUR"]


# -- authorizations ---------------------------------------------------------------------------------------------------


def test_what_is_left_of_an_authorization_may_be_voided_after_a_part_was_captured() -> None:
    shop = Shop(charge_on="order")
    shop.place(("TEA", 2))
    order = shop.do(paid("pi_1", "19.80", "authorized"), paid("pi_1", "9.90"), paid("pi_1", "9.90", "voided"))
    assert order.anomalies == ()
    assert (order.balance.status, order.balance.authorized) == ("partly paid", eur(0))
    order = shop.do(paid("pi_1", "19.80", revision=1))
    assert [one.code for one in order.anomalies] == ["payment.captured_after_all"]


def test_a_part_of_an_authorization_may_be_voided() -> None:
    shop = Shop(charge_on="order")
    shop.place(("TEA", 2))
    order = shop.do(paid("pi_1", "19.80", "authorized"), paid("pi_1", "9.90", "voided"))
    assert (order.balance.status, order.balance.authorized) == ("unpaid", eur("9.90"))


def test_a_payment_that_failed_and_is_tried_again_is_no_contradiction() -> None:
    shop = Shop(charge_on="order")
    shop.place(("TEA", 2))
    order = shop.do(paid("pi_1", "19.80", "failed"), paid("pi_1", "19.80", revision=1))
    assert (order.balance.status, order.anomalies) == ("paid", ())


# -- nothing is charged before its time -------------------------------------------------------------------------------


def test_a_fee_before_the_order_is_confirmed_does_not_charge_the_goods() -> None:
    shop = Shop(charge_on="order")
    claim, shop.stock.claim = shop.stock.claim, lambda request: Deferred("t-1")  # type: ignore[method-assign]
    shop.place(("TEA", 2))
    order = shop.do(ChargeFee("A-1", "express", eur("5.00")))
    assert [one.reason for one in order.settlement.documents.values()] == ["fee"]
    assert (order.balance.owed, order.balance.payable) == (eur("5.00"), eur("24.80"))
    shop.stock.claim = claim  # type: ignore[method-assign]
    order = shop.later(hours=30)
    assert [one.reason for one in order.settlement.documents.values()] == ["fee", "order"]
    assert order.balance.owed == eur("24.80")


def test_what_a_buyer_is_asked_about_again_is_charged_once_it_agrees() -> None:
    shop = Shop(charge_on="order", buyer_must_agree=lambda order, lines: True)
    shop.place(("TEA", 2))
    shop.do(AcceptConfirmation("A-1"))
    order = shop.do(AmendOrder("A-1", {"L1": 5}))
    assert [str(one.total) for one in order.settlement.documents.values()] == ["19.80 EUR"]
    assert order.balance.payable == eur("49.50")
    order = shop.do(AcceptConfirmation("A-1"))
    assert [str(one.total) for one in order.settlement.documents.values()] == ["19.80 EUR", "29.70 EUR"]


def test_nobody_waits_for_a_hold_on_an_order_that_was_cancelled() -> None:
    shop = Shop()
    shop.place(("TEA", 2))
    shop.do(PlaceHold("A-1", "fraud"), CancelOrder("A-1"))
    assert shop.waits == []


# -- cash on delivery, and an order that changes after it was booked -------------------------------------------------


def booked_in_cash(**policy: Any) -> Shop:
    shop = Shop(on_delivery=lambda order: True, **policy)
    shop.place(("TEA", 2))
    shop.pick_pack()
    shop.do(BookShipment("A-1"))
    return shop


@pytest.mark.parametrize("charge_on", ["order", "despatch", "delivery", None])
def test_more_cash_to_collect_than_is_owed_is_told_before_it_is_too_late(charge_on: str | None) -> None:
    shop = booked_in_cash(charge_on=charge_on)
    assert money_waits(shop) == []
    shop.do(AmendOrder("A-1", prices={"L1": eur("5.00")}, reason="late"))
    assert money_waits(shop) == [
        "someone to book S1 anew: carriers are to collect 9.80 EUR more than is owed (VoidShipment)"
    ]
    shop.do(DespatchShipment("A-1", "S1"))
    assert money_waits(shop) == ["PARCELCO to collect 19.80 EUR, and with it 9.80 EUR more than is owed (shipment S1)"]
    order = shop.do(RecordCash("A-1", "S1", "PARCELCO", "c-1", eur("19.80")))
    assert (order.balance.status, order.balance.credit_owed) == ("credit owed", eur("9.80"))


def test_a_credit_says_whether_units_were_given_back_or_have_another_price() -> None:
    shop = Shop(charge_on="order")
    shop.place(("TEA", 2))
    shop.do(AmendOrder("A-1", prices={"L1": eur("5.00")}, reason="late"), CancelLines("A-1", {"L1": 1}))
    raised = shop.order.settlement.documents.values()
    assert [one.reason for one in raised if one.kind == "credit"] == ["price_changed", "given_back"]
    assert shop.order.balance.payable == eur("5.00")


def test_less_cash_to_collect_than_is_owed_is_told() -> None:
    shop = booked_in_cash(charge_on="despatch")
    shop.do(AmendOrder("A-1", prices={"L1": eur("10.00")}, reason="a mistake"))
    assert money_waits(shop) == ["the customer to pay 0.20 EUR beside what is collected on delivery"]
    shop.do(DespatchShipment("A-1", "S1"), paid("bank-1", "0.20"))
    assert money_waits(shop) == ["PARCELCO to collect 19.80 EUR (shipment S1)"]


def test_what_is_still_to_be_booked_is_collected_with_it() -> None:
    shop = booked_in_cash(charge_on="despatch")
    shop.do(AmendOrder("A-1", {"L1": 3}))
    assert money_waits(shop) == []
    shop.pick_pack("F2")
    order = shop.do(BookShipment("A-1", ["P2"]))
    assert {one: str(amount) for one, amount in order.to_collect.items()} == {"S1": "19.80 EUR", "S2": "9.90 EUR"}
    assert money_waits(shop) == []


def two_in_cash(charge_on: str | None) -> Shop:
    """One piece has left, two are packed; all are paid on delivery."""
    shop = Shop(on_delivery=lambda order: True, charge_on=charge_on)
    shop.place(("TEA", 3))
    shop.pick_pack("F1", [("L1", 1)], [("L1", 2)])
    shop.do(BookShipment("A-1", ["P1"]), DespatchShipment("A-1", "S1"))
    return shop


def collected(shop: Shop, *parcels: str) -> dict[str, str]:
    """What carriers are to collect, once each of these parcels is booked."""
    for parcel in parcels:
        shop.do(BookShipment("A-1", [parcel]))
    return {shipment: str(amount.amount) for shipment, amount in shop.order.to_collect.items()}


WHEN = pytest.mark.parametrize("charge_on", ["order", "despatch", "delivery", None])


@WHEN
def test_what_is_booked_while_another_shipment_is_under_way_collects_its_own(charge_on: str | None) -> None:
    assert collected(two_in_cash(charge_on), "P2") == {"S1": "9.90", "S2": "19.80"}


@WHEN
@pytest.mark.parametrize("trouble", ["lost", "returning"])
def test_nothing_is_collected_for_goods_that_were_given_back(charge_on: str | None, trouble: str) -> None:
    shop = two_in_cash(charge_on)
    said = {"lost": ("unknown", {"reason": "lost"}), "returning": ("return_to_sender", {})}[trouble]
    shop.scan("P1", said[0], **said[1])
    shop.choose("refund")
    assert collected(shop, "P2") == {"S1": "9.90", "S2": "19.80"}
    assert shop.order.balance.payable == eur("19.80")
    assert money_waits(shop) == []


@WHEN
def test_what_was_lost_is_collected_with_its_replacement(charge_on: str | None) -> None:
    shop = two_in_cash(charge_on)
    shop.scan("P1", "unknown", reason="lost")
    assert money_waits(shop) == []
    shop.choose("reship")
    shop.pick_pack("F2")
    assert collected(shop, "P2", "P3") == {"S1": "9.90", "S2": "19.80", "S3": "9.90"}
    assert money_waits(shop) == []


def test_a_booking_that_is_being_voided_is_not_to_be_booked_anew() -> None:
    shop = booked_in_cash(charge_on="order")
    shop.carrier.void = lambda request: Deferred("t-1")  # type: ignore[method-assign]
    shop.do(AmendOrder("A-1", {"L1": 1}, prices={"L1": eur("5.00")}, reason="late"))
    assert shop.order.shipments["S1"].stage == "void_wanted"
    assert money_waits(shop) == []
