"""Returns meet money, losses, parcels and what was read off the goods: what each of them alone would not show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from orderflow.commands import (
    AuthorizeReturn,
    BookShipment,
    CancelLines,
    CancelOrder,
    CancelReturn,
    DespatchShipment,
    DisposeReturn,
    InspectReturn,
    PackParcel,
    ReceiveReturn,
    RecordDespatch,
    RecordPick,
    RecordTracking,
    RequestReturn,
    ResolveException,
    StartPicking,
)
from orderflow.explain import explain
from orderflow.order import Goods, ReturnLine, WrongGoods
from orderflow.policy import Policy
from orderflow.ports import ReceiveStock
from orderflow.sentences import sentence
from orderflow.stages.advices import DespatchedParcel
from orderflow.stages.returns_disposition import Disposition
from tests.combined.shop import Shop
from tests.scenario import ID, ONE_PLACE, D, Life, delivered, despatched, eur, picked, scan, verified

CHARGED_ON_DELIVERY = attrs.evolve(ONE_PLACE, charge_on="delivery")


def two_parcels(policy: Policy = ONE_PLACE, *arrived: str) -> Life:
    """Two packets in each of two parcels, both despatched; some have arrived."""
    life = picked(policy, lines=[("TEA-250", 4)]).do(PackParcel(ID, "F1", [("L1", 2)]), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, ["P1"], service="a"), BookShipment(ID, ["P2"], service="a")).reply_all()
    life.do(DespatchShipment(ID, "S1"), DespatchShipment(ID, "S2")).reply_all()
    return life.do(*(RecordTracking(ID, [scan("delivered", f"T-{one}-1", 30)]) for one in arrived)).reply_all()


def choose(life: Life, option: str) -> Life:
    return life.do(ResolveException(ID, life.case.id, option)).reply_all()


def sent(life: Life, line_id: str) -> Life:
    """The goods of a further line are sent, and arrive."""
    work = next(id for id, work in life.order.fulfillments.items() if line_id in work.planned)
    life.do(StartPicking(ID, work), RecordPick(ID, work), PackParcel(ID, work)).reply_all()
    parcel, shipment = list(life.order.parcels)[-1], f"S{len(life.order.shipments) + 1}"
    life.do(BookShipment(ID, [parcel], service="a")).reply_all().do(DespatchShipment(ID, shipment)).reply_all()
    return life.do(RecordTracking(ID, [scan("delivered", f"T-{shipment}-1", 200)])).reply_all()


def documents(life: Life) -> list[tuple[str, str]]:
    return [(one.kind, str(one.total)) for one in life.order.settlement.documents.values()]


# -- what is charged on delivery ------------------------------------------------------------------------------------


def test_what_a_carrier_brings_back_never_arrived_and_is_not_charged() -> None:
    life = two_parcels(CHARGED_ON_DELIVERY, "S1").do(ReceiveReturn(ID, parcel_id="P2")).reply_all()
    assert documents(life) == [("charge", "18.20 EUR")]
    choose(life, "refund").do(DisposeReturn(ID, "R1")).reply_all()
    assert documents(life) == [("charge", "18.20 EUR")], "what was never charged is not credited either"
    assert life.order.balance.payable == life.order.total == eur("18.20")


def test_what_came_back_and_is_sent_once_more_is_charged_when_that_arrives() -> None:
    life = choose(two_parcels(CHARGED_ON_DELIVERY, "S1").do(ReceiveReturn(ID, parcel_id="P2")).reply_all(), "reship")
    life.do(DisposeReturn(ID, "R1")).reply_all()
    assert documents(life) == [("charge", "18.20 EUR")]
    assert documents(sent(life, "L2")) == [("charge", "18.20 EUR"), ("charge", "18.20 EUR")]


def test_what_came_back_and_is_sent_back_to_the_customer_is_charged() -> None:
    life = choose(two_parcels(CHARGED_ON_DELIVERY, "S1").do(ReceiveReturn(ID, parcel_id="P2")).reply_all(), "refund")
    life.do(DisposeReturn(ID, "R1", [("L1", 1, "send_back"), ("L1", 1, "scrap")])).reply_all()
    assert documents(life) == [("charge", "18.20 EUR"), ("charge", "9.10 EUR")]
    assert life.order.total == eur("27.30")


def test_what_was_refunded_as_lost_and_comes_back_is_never_charged() -> None:
    life = two_parcels(CHARGED_ON_DELIVERY, "S1")
    choose(life.do(RecordTracking(ID, [scan("unknown", "T-S2-1", 40, reason="lost")])).reply_all(), "refund")
    life.do(ReceiveReturn(ID, parcel_id="P2"), DisposeReturn(ID, "R1")).reply_all()
    assert documents(life) == [("charge", "18.20 EUR")]


# -- out of which parcel, and what was sent back --------------------------------------------------------------------


def test_of_each_parcel_as_many_units_are_returned_as_were_named() -> None:
    life = two_parcels(ONE_PLACE, "S1", "S2")
    life.do(RequestReturn(ID, [ReturnLine("L1", 1, parcel_id="P2"), ReturnLine("L1", 1, parcel_id="P1")]))
    life.do(AuthorizeReturn(ID, "R1")).reply_all()
    assert life.goods["L1"] == {"delivered:P1": 1, "delivered:P2": 1, "returning:R1": 2}


def test_what_is_not_named_comes_out_of_the_oldest_parcel() -> None:
    life = two_parcels(ONE_PLACE, "S1", "S2")
    life.do(RequestReturn(ID, [ReturnLine("L1", 1, parcel_id="P2"), ("L1", 1)]), AuthorizeReturn(ID, "R1")).reply_all()
    assert life.goods["L1"] == {"delivered:P1": 1, "delivered:P2": 1, "returning:R1": 2}


def found_after_the_refund(option: str = "") -> Life:
    """Of two parcels one was refunded as lost, and arrived after all."""
    life = two_parcels(ONE_PLACE, "S1").do(RecordTracking(ID, [scan("unknown", "T-S2-1", 40, reason="lost")]))
    choose(life.reply_all(), "refund").do(RecordTracking(ID, [scan("delivered", "T-S2-1", 60)])).reply_all()
    return choose(life, option) if option else life


def test_extra_units_come_back_before_those_that_were_paid() -> None:
    life = found_after_the_refund().do(RequestReturn(ID, [("L1", 3)]), AuthorizeReturn(ID, "R1")).reply_all()
    assert life.goods["L1"] == {"delivered:P1": 1, "returning:R1": 3}
    life.do(ReceiveReturn(ID, "R1"), DisposeReturn(ID, "R1")).reply_all()
    assert life.order.total == eur("9.10"), "two of the three had been refunded as lost"


def test_extra_units_that_the_customer_may_keep_come_back_last() -> None:
    life = found_after_the_refund("customer_keeps").do(RequestReturn(ID, [("L1", 2)]), AuthorizeReturn(ID, "R1"))
    life.reply_all().do(ReceiveReturn(ID, "R1"), DisposeReturn(ID, "R1")).reply_all()
    assert life.goods["L1"] == {"delivered:P2": 2, "restocked": 2}
    assert life.order.total == eur(0)


def returned(life: Life, units: int, *dispositions: Any) -> Life:
    """Units are asked for, authorized, received and disposed of."""
    life.do(RequestReturn(ID, [("L1", units)]))
    back = list(life.order.returns)[-1]
    life.do(AuthorizeReturn(ID, back)).reply_all().do(ReceiveReturn(ID, back))
    return life.do(DisposeReturn(ID, back, dispositions or None)).reply_all()


def test_what_was_sent_back_is_the_customers_again_and_can_be_returned_again() -> None:
    life = returned(delivered(lines=[("TEA-250", 4)]), 4, ("L1", 3, "send_back"), ("L1", 1))
    assert (life.order.total, life.goods["L1"]) == (eur("27.30"), {"restocked": 1, "sent_back": 3})
    assert life.codes(RequestReturn(ID, [("L1", 4)])) == ["return.too_much"]
    returned(life, 2)
    assert (life.order.total, life.order.returns["R2"].location) == (eur("9.10"), "BER")
    assert life.goods["L1"] == {"restocked": 3, "sent_back": 1}
    life.do(ReceiveReturn(ID, goods=[("L1", 1)]))
    choose(life, "accept").do(DisposeReturn(ID, "R3")).reply_all()
    assert (life.order.total, life.goods["L1"]) == (eur(0), {"restocked": 4})


def test_what_was_sent_back_and_is_kept_by_the_customer_after_all_is_sent_back_still() -> None:
    life = returned(delivered(lines=[("TEA-250", 4)]), 1, ("L1", 1, "send_back"))
    life.do(RequestReturn(ID, [("L1", 4)]), AuthorizeReturn(ID, "R2"), CancelReturn(ID, "R2")).reply_all()
    assert life.goods["L1"] == {"delivered:P1": 3, "sent_back": 1}


def test_what_was_refunded_as_lost_and_sent_back_to_the_customer_owes_nothing_the_second_time_either() -> None:
    life = two_parcels(ONE_PLACE, "S1").do(RecordTracking(ID, [scan("unknown", "T-S2-1", 40, reason="lost")]))
    choose(life.reply_all(), "refund").do(ReceiveReturn(ID, parcel_id="P2"))
    life.do(DisposeReturn(ID, "R1", [("L1", 2, "send_back")])).reply_all()
    life.do(ReceiveReturn(ID, goods=[("L1", 4)]))
    choose(life, "accept").do(DisposeReturn(ID, "R2")).reply_all()
    assert (life.order.total, life.goods["L1"]) == (eur(0), {"restocked": 4})
    assert life.order.credited.total == eur("36.40")


# -- what is read off the goods -------------------------------------------------------------------------------------


def sent_with_serials(*serials: str) -> Life:
    life = picked(lines=[("TEA-250", len(serials))])
    life.do(PackParcel(ID, "F1", [Goods("L1", D(len(serials)), serials=serials)]))
    life.do(BookShipment(ID, service="a")).reply_all().do(DespatchShipment(ID)).reply_all()
    life.do(RecordTracking(ID, [scan("delivered", hours=30)]))
    return life.do(RequestReturn(ID, [("L1", len(serials))]), AuthorizeReturn(ID, "R1")).reply_all()


def flagged(life: Life) -> list[str]:
    return [anomaly.code for anomaly in life.order.anomalies]


def test_the_same_serial_twice_in_one_receipt_is_flagged() -> None:
    goods = [Goods("L1", D(1), serials=("S-1",)), Goods("L1", D(1), serials=("S-1",))]
    life = sent_with_serials("S-1", "S-2").do(ReceiveReturn(ID, "R1", goods))
    assert flagged(life) == ["return.serial_twice"]


def test_a_serial_that_was_sent_back_may_come_once_more() -> None:
    life = sent_with_serials("S-1").do(ReceiveReturn(ID, "R1", [Goods("L1", D(1), serials=("S-1",))]))
    life.do(DisposeReturn(ID, "R1", [("L1", 1, "send_back")])).reply_all()
    life.do(RequestReturn(ID, [("L1", 1)]), AuthorizeReturn(ID, "R2"))
    assert flagged(life.do(ReceiveReturn(ID, "R2", [Goods("L1", D(1), serials=("S-1",))]))) == []


def told(life: Life) -> list[tuple[Any, ...]]:
    lines = [line for one in life.requests if isinstance(one, ReceiveStock) for line in one.lines]
    return [(line.quantity, line.lot, line.serials) for line in lines]


def test_a_serial_that_is_scrapped_is_not_put_on_the_shelf_with_the_rest() -> None:
    goods = [Goods("L1", D(2), lot="A", serials=("S-1", "S-2")), Goods("L1", D(1), lot="B", serials=("S-3",))]
    life = sent_with_serials("S-1", "S-2", "S-3").do(ReceiveReturn(ID, "R1", goods))
    life.do(DisposeReturn(ID, "R1", [Disposition("L1", 1, "scrap", serials=["S-2"])]), DisposeReturn(ID, "R1"))
    assert told(life) == [(1, "A", ("S-1",)), (1, "B", ("S-3",))]


def test_serials_of_several_lots_leave_the_dock_together_and_their_lots_are_not_mixed_up() -> None:
    goods = [Goods("L1", D(2), lot="A", serials=("S-1", "S-2")), Goods("L1", D(1), lot="B", serials=("S-3",))]
    life = sent_with_serials("S-1", "S-2", "S-3").do(ReceiveReturn(ID, "R1", goods))
    life.do(DisposeReturn(ID, "R1", [Disposition("L1", 2, "scrap", serials=["S-1", "S-3"]), ("L1", 1)]))
    assert told(life) == [(1, "A", ("S-2",))]


def test_a_lot_that_is_named_is_taken_from_that_lot() -> None:
    goods = [Goods("L1", D(2), lot="A"), Goods("L1", D(1), lot="B")]
    life = sent_with_serials("S-1", "S-2", "S-3").do(ReceiveReturn(ID, "R1", goods))
    life.do(DisposeReturn(ID, "R1", [Disposition("L1", 1, "scrap", lot="B")]), DisposeReturn(ID, "R1"))
    assert told(life) == [(2, "A", ())]


# -- goods or money, goods or goods ---------------------------------------------------------------------------------


def test_what_is_replaced_is_not_sent_back_as_well() -> None:
    life = delivered(lines=[("TEA-250", 4)]).do(RequestReturn(ID, [("L1", 2)], resolution="replacement"))
    life.do(AuthorizeReturn(ID, "R1")).reply_all().do(ReceiveReturn(ID, "R1")).reply_all()
    back = DisposeReturn(ID, "R1", [("L1", 1, "send_back"), ("L1", 1)])
    assert life.refusal(back) == [("return.credited", "dispositions[0].fate")]
    life.do(CancelLines(ID, {"L2": 1})).reply_all().do(back).reply_all()
    assert (life.order.total, life.goods["L2"]) == (eur("36.40"), {"allocated:F2": 1, "cancelled": 1})


# -- until when -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "last"),
    [
        ("UTC", datetime(2026, 12, 25, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 12, 25, 5, tzinfo=UTC)),
        ("Asia/Tokyo", datetime(2026, 12, 25, 15, tzinfo=UTC)),
    ],
)
def test_the_last_day_of_the_window_ends_where_the_customer_is(zone: str, last: datetime) -> None:
    life = delivered(lines=[("TEA-250", 4)], zone=zone)
    assert life.order.arrived_at("L1") == datetime(2026, 11, 24, 15, tzinfo=UTC)
    life.now = last - timedelta(seconds=1)
    life.do(RequestReturn(ID, [("L1", 1)]))
    assert not life.order.returns["R1"].objections
    life.now = last
    (reason,) = life.do(RequestReturn(ID, [("L1", 1)])).order.returns["R2"].objections["L1"]
    ends = {"UTC": "2026-12-24", "America/New_York": "2026-12-24", "Asia/Tokyo": "2026-12-25"}
    assert reason.text == f"could be returned until {ends[zone]}"


# -- what is to be collected ----------------------------------------------------------------------------------------


def test_extra_units_that_are_to_be_collected_are_a_return_for_which_nothing_is_due() -> None:
    life = found_after_the_refund("collect")
    known = life.order.returns["R1"]
    assert (known.resolution, known.case_id, known.requested) == ("nothing", "X2", {"L1": 2})
    assert [line.parcel_id for line in known.lines] == ["P2"]
    life.do(AuthorizeReturn(ID, "R1")).reply_all().do(ReceiveReturn(ID, "R1"), DisposeReturn(ID, "R1")).reply_all()
    assert life.goods["L1"] == {"delivered:P1": 2, "restocked": 2}
    assert (life.order.total, life.order.returns["R1"].state) == (eur("18.20"), "closed")
    assert life.order.open_cases == ()


def test_what_comes_with_the_collected_units_is_credited_once_it_is_accepted() -> None:
    life = found_after_the_refund("collect").do(AuthorizeReturn(ID, "R1")).reply_all()
    choose(life.do(ReceiveReturn(ID, "R1", [("L1", 3)])), "accept").do(DisposeReturn(ID, "R1")).reply_all()
    assert life.order.total == eur("9.10")


def sent_beyond(option: str, units: int = 5) -> Life:
    """Two packets were ordered, and the warehouse of others sent more."""
    told = RecordDespatch(ID, "3PL", "D-1", [DespatchedParcel([("L1", units)], "N-1")])
    return choose(verified(lines=[("TEA-250", 2)]).do(told).reply_all(), option)


def test_what_was_sent_beyond_the_order_is_asked_back_once_it_has_arrived() -> None:
    life = sent_beyond("collect")
    assert life.order.returns == {}
    life.do(RecordTracking(ID, [scan("delivered", "N-1", 30)])).reply_all()
    assert life.order.returns["R1"].requested == {"L1": 3}
    life.do(AuthorizeReturn(ID, "R1")).reply_all().do(ReceiveReturn(ID, "R1"), DisposeReturn(ID, "R1")).reply_all()
    assert (life.order.total, life.order.returns["R1"].state) == (eur("18.20"), "closed")
    returned(life, 2)
    assert life.order.total == eur(0)


@pytest.mark.parametrize(("option", "left"), [("customer_keeps", "18.20"), ("charge", "18.20")])
def test_units_beyond_the_order_that_are_returned_without_being_asked_for(option: str, left: str) -> None:
    life = sent_beyond(option).do(RecordTracking(ID, [scan("delivered", "N-1", 30)])).reply_all()
    assert life.order.returns == {}
    assert returned(life, 3).order.total == eur(left), "what was charged is given back, what was free is not"


# -- when money is due, and when goods are --------------------------------------------------------------------------


@pytest.mark.parametrize("credit_on", ["authorized", "received", "inspected", "disposed"])
@pytest.mark.parametrize("exchange_on", ["authorized", "received"])
def test_who_is_to_get_others_for_nothing_gets_them_whenever_money_would_be_due(
    credit_on: Any, exchange_on: Any
) -> None:
    policy = attrs.evolve(ONE_PLACE, credit_on=credit_on, exchange_on=exchange_on)
    life = delivered(policy, lines=[("TEA-250", 4)]).do(RequestReturn(ID, [("L1", 1)], resolution="replacement"))
    life.do(AuthorizeReturn(ID, "R1")).reply_all().do(ReceiveReturn(ID, "R1")).reply_all()
    assert (life.order.total, life.goods["L2"]) == (eur("36.40"), {"allocated:F2": 1})
    life.do(InspectReturn(ID, "R1"), DisposeReturn(ID, "R1"), CancelLines(ID, {"L2": 1})).reply_all()
    assert (life.order.total, life.order.returns["R1"].state) == (eur("27.30"), "closed")


# -- what is told of it ---------------------------------------------------------------------------------------------


def test_the_audit_says_what_became_of_the_goods_and_what_was_not_accepted() -> None:
    life = delivered(lines=[("TEA-250", 4)]).do(RequestReturn(ID, [("L1", 2)]))
    life.do(AuthorizeReturn(ID, "R1", deduct={"L1": 10})).reply_all().do(ReceiveReturn(ID, "R1", [("L1", 4)]))
    choose(life, "decline")
    life.do(DisposeReturn(ID, "R1", [("L1", 1), ("L1", 2, "send_back"), ("L1", 1, "scrap", 50)])).reply_all()
    said = [sentence(event, life.order) for event in life.history]
    assert "return R1 was agreed: 2 × TEA-250 (L1); not given back: 0.2 × TEA-250 (L1)" in said
    assert "of what nobody had agreed to under R1 this is accepted: nothing" in said
    assert (
        "of return R1, on the shelf: 1 × TEA-250 (L1), scrapped: 1 × TEA-250 (L1), sent back: 2 × TEA-250 (L1)"
        "; not given back: 0.5 × TEA-250 (L1)"
    ) in said


# -- goods that come back under a claim -----------------------------------------------------------------------------


def test_what_comes_back_under_a_claim_was_made_good_already() -> None:
    life = delivered(lines=[("TEA-250", 4)]).do(RequestReturn(ID, [("L1", 1)], kind="claim"))
    life.do(AuthorizeReturn(ID, "R1")).reply_all()
    assert (life.order.total, life.codes(RequestReturn(ID, [("L1", 4)]))) == (eur("27.30"), ["return.too_much"])
    life.do(ReceiveReturn(ID, "R1", [("L1", 1)]), DisposeReturn(ID, "R1")).reply_all()
    assert life.goods["L1"] == {"delivered:P1": 3, "restocked": 1}
    assert (life.order.total, life.order.returns["R1"].state) == (eur("27.30"), "closed")
    assert returned(life, 3).order.total == eur(0), "the other three can be returned"


def test_what_comes_with_the_goods_of_a_claim_is_credited_once_it_is_accepted() -> None:
    life = delivered(lines=[("TEA-250", 4)]).do(RequestReturn(ID, [("L1", 1)], kind="claim"))
    life.do(AuthorizeReturn(ID, "R1")).reply_all().do(ReceiveReturn(ID, "R1", [("L1", 2)]))
    assert life.order.returns["R1"].unexpected == {"L1": 1}
    choose(life, "accept").do(DisposeReturn(ID, "R1")).reply_all()
    assert life.order.total == eur("18.20")
    assert returned(life, 2).order.total == eur(0)


def test_the_goods_of_a_claim_that_were_replaced_are_not_sent_back() -> None:
    life = delivered(lines=[("TEA-250", 4)]).do(RequestReturn(ID, [("L1", 1)], kind="claim", resolution="replacement"))
    life.do(AuthorizeReturn(ID, "R1")).reply_all().do(ReceiveReturn(ID, "R1", [("L1", 1)]))
    assert life.codes(DisposeReturn(ID, "R1", [("L1", 1, "send_back")])) == ["return.credited"]


def test_units_of_one_line_are_exchanged_for_the_products_that_were_asked_for() -> None:
    wanted = [ReturnLine("L1", 1, sku="POT-1"), ReturnLine("L1", 2, sku="CUP")]
    life = delivered(lines=[("TEA-250", 4)]).do(RequestReturn(ID, wanted, kind="exchange"))
    life.do(AuthorizeReturn(ID, "R1")).reply_all().do(ReceiveReturn(ID, "R1", [("L1", 2)])).reply_all()
    assert [(line.sku, life.order.live_quantity(line.id)) for line in life.order.lines.values()] == [
        ("TEA-250", 4),
        ("POT-1", 1),
        ("CUP", 1),
    ]
    life.do(ReceiveReturn(ID, "R1", [("L1", 1)])).reply_all()
    assert (life.order.lines["L4"].sku, life.order.live_quantity("L4")) == ("CUP", 1)
    life.do(ReceiveReturn(ID, "R1", [("L1", 1)])).reply_all()
    choose(life, "accept")
    assert (life.order.lines["L5"].sku, life.order.live_quantity("L5")) == ("POT-1", 1), "one more came, and was taken"


# -- cash on delivery -----------------------------------------------------------------------------------------------


def on_delivery(charge_on: Any) -> Life:
    """An order that its carrier is to collect the cash for."""
    return despatched(attrs.evolve(ONE_PLACE, charge_on=charge_on, on_delivery=lambda order: True), lines=TWO)


TWO = [("TEA-250", 2)]


def booked_anew(life: Life) -> Life:
    life.do(StartPicking(ID, "F2"), RecordPick(ID, "F2"), PackParcel(ID, "F2")).reply_all()
    return life.do(BookShipment(ID, ["P2"], service="a")).reply_all()


def waits(life: Life) -> str:
    return "; ".join(str(wait) for wait in explain(life.order, life.process).waiting_for)


@pytest.mark.parametrize("charge_on", ["order", "despatch", "delivery"])
def test_what_came_back_unpaid_and_is_sent_once_more_is_paid_on_that_delivery(charge_on: Any) -> None:
    life = choose(on_delivery(charge_on).do(ReceiveReturn(ID, parcel_id="P1")).reply_all(), "reship")
    assert "to collect 18.20 EUR" not in waits(life), "nobody pays for what came back"
    booked_anew(life.do(DisposeReturn(ID, "R1")).reply_all())
    assert life.order.to_collect["S2"] == eur("18.20")


@pytest.mark.parametrize("charge_on", ["order", "despatch", "delivery"])
def test_what_was_lost_unpaid_and_is_sent_once_more_is_paid_on_that_delivery(charge_on: Any) -> None:
    life = on_delivery(charge_on).do(RecordTracking(ID, [scan("unknown", hours=40, reason="lost")]))
    assert booked_anew(choose(life, "reship")).order.to_collect["S2"] == eur("18.20")


def test_what_arrived_and_is_returned_before_the_carrier_told_of_its_cash_is_collected_still() -> None:
    life = on_delivery("despatch").do(RecordTracking(ID, [scan("delivered", hours=30)])).reply_all()
    assert "to collect 18.20 EUR" in waits(returned(life, 2))


# -- every order comes to an end ---------------------------------------------------------------------------------------


def test_a_return_in_which_nothing_of_the_order_came_does_not_make_a_cancelled_order_shipped() -> None:
    shop = Shop({("TEA", "BER"): 9, ("POT", "HAM"): 9}, fulfillers={"HAM": "ACME"})
    shop.place(("TEA", 1), ("POT", 1))
    shop.pick_pack()
    shop.do(BookShipment("A-1"), CancelLines("A-1", {"L1": 1}))
    shop.do(ReceiveReturn("A-1", goods=[], wrong=[WrongGoods("SOFA", 1)]))
    shop.do(CancelOrder("A-1"))
    assert shop.goods == {"L1": {"cancelled": 1}, "L2": {"cancelled": 1}}
    assert shop.order.state == "cancelled"
