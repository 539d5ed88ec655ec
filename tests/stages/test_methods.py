"""Not every line travels by a carrier: some are collected, some are sent as data, some a supplier ships."""

from __future__ import annotations

from typing import Any

import attrs

from orderflow.commands import (
    BookShipment,
    CancelLines,
    CancelOrder,
    DeliverDigital,
    DespatchShipment,
    PackParcel,
    PlaceHold,
    RecordCollection,
    RecordDespatch,
    RecordPick,
    RecordTracking,
    ReleaseHold,
    ResolveException,
    StartPicking,
)
from orderflow.defaults import STANDARD
from orderflow.explain import explain
from orderflow.ports import ClaimStock, IssueLine, IssueStock, Refused
from orderflow.process import OrderProcess
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.advices import DespatchedParcel
from orderflow.stages.shipping import StockIssued
from tests.scenario import ID, NOW, D, Life, picked, picking, placed, scan, verified

TEA = OrderLine("TEA-250", 2)
BOOK = OrderLine("EBOOK", 1, method="digital")
DESK = OrderLine("DESK", 3, method="supplier", supplier="Holzmann")


def test_stock_is_claimed_only_for_what_comes_from_stock() -> None:
    life = placed(lines=[TEA, BOOK, DESK])
    assert [claim.line_id for claim in life.order.claims.values()] == ["L1"]
    assert life.wanted(ClaimStock).sku == "TEA-250"
    assert life.reply_all().order.state == "verified", "nobody waits for stock that is not needed"


def test_what_a_supplier_ships_is_the_work_of_the_supplier() -> None:
    life = verified(lines=[DESK, TEA, OrderLine("LAMP", 1, method="supplier")])
    assert {f.location: dict(f.planned) for f in life.order.fulfillments.values()} == {
        "BER": {"L2": D(2)},
        "Holzmann": {"L1": D(3)},
        "supplier": {"L3": D(1)},
    }


LAMP = OrderLine("LAMP", 2, method="pick_up")
AT_ONCE = attrs.evolve(STANDARD, automatic=STANDARD.automatic | {"deliver_digital"})


def waiting(**changes: Any) -> Life:
    """Two lamps are picked and wait for the customer."""
    return picked(**({"lines": [LAMP], "ship_to": None} | changes))


# -- pick-up --------------------------------------------------------------------------------------------------------


def test_the_customer_hears_when_all_is_there_and_takes_it_without_a_carrier() -> None:
    life = picking(lines=[LAMP], ship_to=None).do(RecordPick(ID, "F1", [("L1", 1)])).reply_all()
    assert life.order.fulfillments["F1"].ready_at is None, "one lamp is still on the shelf"
    life.do(RecordPick(ID, "F1"))
    assert "PickupReady" in life.happened
    assert life.told[-1] == ("ready_for_pickup", "queued")
    assert life.order.messages["M3"].body["place"] == "BER"
    assert life.order.messages["M3"].body["lines"] == "2 × LAMP"
    life.reply_all().do(RecordCollection(ID, "F1", "Ada Krull", proof="signed"))
    assert life.happened[:4] == ["GoodsHandedOver", "FulfillmentDespatched", "OrderShipped", "OrderDelivered"]
    assert life.goods == {"L1": {"delivered:D1": D(2)}}
    assert (life.order.handovers["D1"].taken_by, life.order.handovers["D1"].proof) == ("Ada Krull", "signed")
    assert life.order.shipments == {}
    assert life.order.state == "delivered", "the inventory has yet to book the lamps out"
    assert life.reply_all().order.state == "completed"


def test_what_is_collected_leaves_our_stock() -> None:
    life = waiting().do(RecordCollection(ID, "F1"))
    issue = life.wanted(IssueStock)
    assert (issue.location, issue.lines) == ("BER", (IssueLine(f"main/{ID}/claim/C1", "LAMP", "each", D(2)),))
    assert life.answer(IssueStock).events[0] == StockIssued(NOW, "D1")


def test_a_goods_issue_of_a_collection_can_be_booked_by_hand() -> None:
    life = waiting().do(RecordCollection(ID, "F1")).answer(IssueStock, Refused("period.closed"))
    assert "StockIssued" in life.do(ResolveException(ID, life.case.id, "booked_by_hand")).happened
    assert life.order.state == "completed"


def test_the_customer_may_come_twice() -> None:
    life = waiting().do(RecordCollection(ID, "F1", goods=[("L1", 1)])).reply_all()
    assert life.order.status.word == "partly delivered"
    assert life.codes(RecordCollection(ID, "F1", goods=[("L1", 2)])) == ["handover.too_much"]
    assert life.do(RecordCollection(ID, "F1")).reply_all().order.state == "completed"
    assert list(life.order.handovers) == ["D1", "D2"]


def test_packed_goods_can_be_collected_parcel_by_parcel() -> None:
    life = waiting().do(PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1")).reply_all()
    assert life.codes(BookShipment(ID)) == ["shipping.nothing_packed"]
    assert life.codes(BookShipment(ID, ["P1"])) == ["shipping.not_by_carrier"]
    life.do(RecordCollection(ID, "F1", parcel_ids=["P2"]))
    assert life.goods == {"L1": {"packed:P1": D(1), "delivered:P2": D(1)}}
    assert "handover.other_parcel" in life.codes(RecordCollection(ID, "F1", parcel_ids=["P2"]))
    life.do(RecordCollection(ID, "F1")).reply_all()
    assert (life.order.state, life.order.parcels["P1"].state) == ("completed", "delivered")
    assert life.order.fulfillments["F1"].state == "despatched"


def test_what_is_collected_and_what_is_carried_do_not_wait_for_each_other() -> None:
    life = verified(lines=[TEA, LAMP])
    assert [dict(f.planned) for f in life.order.fulfillments.values()] == [{"L1": D(2)}, {"L2": D(2)}]
    for work in ("F1", "F2"):
        life.do(StartPicking(ID, work), RecordPick(ID, work))
    life.do(PackParcel(ID, "F1"), BookShipment(ID, service="parcel")).reply_all().do(DespatchShipment(ID)).reply_all()
    assert life.order.status.word == "partly shipped"
    life.do(RecordTracking(ID, [scan("delivered", hours=30)])).reply_all()
    assert life.order.state == "in_fulfillment"
    life.do(RecordCollection(ID, "F2")).reply_all()
    assert life.order.state == "completed"


def test_goods_that_wait_can_be_cancelled_and_goods_that_were_collected_cannot() -> None:
    assert waiting().do(CancelOrder(ID)).reply_all().order.state == "cancelled"
    life = waiting().do(RecordCollection(ID, "F1", goods=[("L1", 1)])).reply_all()
    assert life.codes(CancelOrder(ID)) == ["cancellation.goods_have_left"]
    life.do(CancelLines(ID)).reply_all()
    assert life.goods == {"L1": {"delivered:D1": D(1), "cancelled": D(1)}}
    assert life.order.state == "completed"


# -- digital --------------------------------------------------------------------------------------------------------


def test_digital_goods_are_delivered_by_hand_with_a_proof() -> None:
    life = verified(lines=[BOOK], ship_to=None)
    assert (life.order.state, life.order.fulfillments, life.asks) == ("verified", {}, ())
    life.do(DeliverDigital(ID, proof="https://books.example/9"))
    assert life.happened[:4] == ["GoodsHandedOver", "OrderInFulfillment", "OrderShipped", "OrderDelivered"]
    assert life.order.state == "completed"
    assert life.goods == {"L1": {"delivered:D1": D(1)}}
    message = next(m for m in life.order.messages.values() if m.kind == "digital_delivered")
    assert (message.body["lines"], message.body["proof"]) == ("1 × EBOOK", "https://books.example/9")


def test_digital_goods_are_delivered_by_themselves_where_the_policy_says_so() -> None:
    life = verified(AT_ONCE, lines=[BOOK], ship_to=None)
    assert life.order.state == "completed"
    assert ("digital_delivered", "sent") in life.told


def test_digital_goods_do_not_wait_for_those_that_are_carried() -> None:
    life = verified(AT_ONCE, lines=[TEA, BOOK])
    assert (life.order.state, life.order.status.word) == ("in_fulfillment", "partly delivered")
    life.do(StartPicking(ID, "F1"), RecordPick(ID, "F1"), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, service="parcel")).reply_all().do(DespatchShipment(ID))
    assert life.order.state == "shipped"
    assert life.do(RecordTracking(ID, [scan("delivered", hours=30)])).reply_all().order.state == "completed"


def test_a_hold_keeps_digital_goods_back() -> None:
    life = placed(AT_ONCE, lines=[BOOK], ship_to=None).do(PlaceHold(ID, "fraud", blocks=["deliver_digital"]))
    assert life.reply_all().order.state == "verified"
    assert life.codes(DeliverDigital(ID)) == ["hold.active"]
    assert life.do(ReleaseHold(ID, "H1")).reply_all().order.state == "completed"


def test_a_licence_is_delivered_in_parts() -> None:
    life = verified(lines=[OrderLine("LICENCE", 3, method="digital")], ship_to=None).do(DeliverDigital(ID, [("L1", 1)]))
    assert life.order.state == "in_fulfillment"
    assert life.refusal(DeliverDigital(ID, [("L1", 3)])) == [("handover.too_much", "goods[0].quantity")]
    assert life.do(DeliverDigital(ID)).order.state in ("delivered", "completed")


def test_an_order_waits_for_whoever_collects_or_sends() -> None:
    told = str(explain(waiting().order, OrderProcess(STANDARD)))
    assert "the customer to collect 2 × LAMP (at BER)" in told
    assert "someone to send 1 × EBOOK" in str(explain(verified(lines=[BOOK]).order, OrderProcess(STANDARD)))


# -- suppliers ------------------------------------------------------------------------------------------------------


def test_a_supplier_ships_and_tells_of_it_and_our_books_are_not_touched() -> None:
    life = verified(lines=[DESK])
    box = DespatchedParcel([("L1", 3)], "HZ-1")
    life.do(RecordDespatch(ID, "holzmann", "DN-7", [box], carrier="Spedition", location="Holzmann"))
    assert not any(isinstance(request, IssueStock) for request in life.requests), "nothing left our stock"
    assert life.order.state == "shipped"
    life.do(RecordTracking(ID, [scan("delivered", "HZ-1", hours=50)])).reply_all()
    assert life.order.state == "completed"


def test_an_order_of_all_methods_is_complete_when_the_last_of_it_has_arrived() -> None:
    life = verified(AT_ONCE, lines=[TEA, LAMP, BOOK, DESK])
    for work in ("F1", "F2"):
        life.do(StartPicking(ID, work), RecordPick(ID, work))
    life.do(PackParcel(ID, "F1"), BookShipment(ID, service="parcel")).reply_all().do(DespatchShipment(ID)).reply_all()
    life.do(RecordTracking(ID, [scan("delivered", hours=30)]), RecordCollection(ID, "F2")).reply_all()
    assert (life.order.state, life.order.status.word) == ("in_fulfillment", "partly delivered")
    life.do(RecordDespatch(ID, "holzmann", "DN-7", [DespatchedParcel([("L4", 3)], "HZ-1")], location="Holzmann"))
    assert life.order.state == "shipped"
    assert life.do(RecordTracking(ID, [scan("delivered", "HZ-1", hours=50)])).reply_all().order.state == "completed"
