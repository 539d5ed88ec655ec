"""What is returned, exchanged or claimed: authorized or not, received as it comes, disposed of once, made good once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import attrs
import pytest

from orderflow.commands import (
    AuthorizeReturn,
    BookShipment,
    CancelLines,
    CancelReturn,
    CloseReturn,
    DespatchShipment,
    DisposeReturn,
    InspectReturn,
    PackParcel,
    ReceiveReturn,
    RecordPick,
    RecordTracking,
    RefuseReturn,
    RequestReturn,
    ResolveException,
    StartPicking,
    TakeStep,
)
from orderflow.errors import InvalidInput
from orderflow.explain import explain
from orderflow.lifecycle import RETURN
from orderflow.order import Goods, Reason, ReturnLine, WrongGoods
from orderflow.policy import Lifecycles, Policy
from orderflow.ports import BookReturn, GaveUp, ReceiveStock, Refused, TrackReturn, VoidReturn
from orderflow.stages.returns_disposition import Disposition
from tests.scenario import BERLIN, ID, ONE_PLACE, D, Life, delivered, despatched, eur, picked, scan

FOUR = [("TEA-250", 4)]
AUTHORIZED_ITSELF = attrs.evolve(ONE_PLACE, automatic=ONE_PLACE.automatic | {"authorize_return"})


def when_credited(basis: Any) -> Policy:
    return attrs.evolve(ONE_PLACE, credit_on=basis)


def asked(units: int = 2, policy: Policy = ONE_PLACE, **more: Any) -> Life:
    """Four packets were delivered, and the customer wants to return some."""
    return delivered(policy, lines=FOUR).do(RequestReturn(ID, [("L1", units, "too bitter")], **more)).reply_all()


def agreed(units: int = 2, policy: Policy = ONE_PLACE, **more: Any) -> Life:
    return asked(units, policy, **more).do(AuthorizeReturn(ID, "R1")).reply_all()


def received(units: int = 2, policy: Policy = ONE_PLACE, **more: Any) -> Life:
    return agreed(units, policy, **more).do(ReceiveReturn(ID, "R1")).reply_all()


def disposed(*dispositions: Any, units: int = 2, policy: Policy = ONE_PLACE, **more: Any) -> Life:
    return received(units, policy, **more).do(DisposeReturn(ID, "R1", dispositions or None)).reply_all()


def two_parcels() -> Life:
    """Two packets in each of two parcels, both despatched."""
    life = picked(lines=FOUR).do(PackParcel(ID, "F1", [("L1", 2)]), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, ["P1"], service="a"), BookShipment(ID, ["P2"], service="a")).reply_all()
    life.do(DespatchShipment(ID, "S1"), DespatchShipment(ID, "S2")).reply_all()
    return life.do(RecordTracking(ID, [scan("delivered", "T-S1-1", 30)])).reply_all()


def state(life: Life, return_id: str = "R1") -> str:
    return life.order.returns[return_id].state


def waits(life: Life) -> list[str]:
    return [str(wait) for wait in explain(life.order, life.process).waiting_for]


def choose(life: Life, option: str) -> Life:
    return life.do(ResolveException(ID, life.case.id, option)).reply_all()


# -- asked for, authorized, refused ---------------------------------------------------------------------------------


def test_to_ask_moves_nothing_and_keeps_others_from_asking_for_the_same() -> None:
    life = asked(3)
    assert life.goods["L1"] == {"delivered:P1": 4}
    assert (state(life), life.order.state) == ("requested", "completed")
    assert life.refusal(RequestReturn(ID, [("L1", 2)])) == [("return.too_much", "lines[0].quantity")]
    life.do(RequestReturn(ID, [("L1", 1)]))


def test_what_is_authorized_is_awaited_under_a_label_the_other_way_round() -> None:
    life = asked().do(AuthorizeReturn(ID, "R1"))
    request = life.wanted(BookReturn)
    assert (request.ship_from, request.ship_to, request.location) == (BERLIN, None, "BER")
    assert (request.carrier, request.service, request.key) == ("DHL", "parcel", f"main/{ID}/label/R1/1")
    assert life.goods["L1"] == {"delivered:P1": 2, "returning:R1": 2}
    assert life.order.status.word == "partly returning"
    assert ("return_authorized", "queued") not in life.told, "the customer is told with the label"
    life.reply_all()
    assert life.order.tracking_numbers == ("T-S1-1", "T-R1-1")
    assert "return:BER" in life.order.labels
    assert life.told[-1] == ("return_authorized", "sent")


def test_fewer_units_may_be_authorized_than_were_asked_for() -> None:
    life = asked(3).do(AuthorizeReturn(ID, "R1", {"L1": 1}, "two are opened"))
    known = life.order.returns["R1"]
    assert (dict(known.authorized), dict(known.declined)) == ({"L1": 1}, {"L1": 2})
    assert known.reasons == (Reason("return.declined", "two are opened"),)
    assert life.codes(RequestReturn(ID, [("L1", 4)])) == ["return.too_much"]
    life.do(RequestReturn(ID, [("L1", 3)]))


def test_a_refused_return_moves_nothing_and_the_customer_hears_why() -> None:
    life = asked().do(RefuseReturn(ID, "R1", "worn")).reply_all()
    assert state(life) == "refused"
    assert life.goods["L1"] == {"delivered:P1": 4}
    assert life.told[-1] == ("return_refused", "sent")
    assert list(life.order.messages.values())[-1].body["reason"] == "worn"


def test_after_the_window_a_return_is_a_matter_of_goodwill() -> None:
    life = delivered(lines=FOUR).at(days=40).do(RequestReturn(ID, [("L1", 1)]))
    assert life.refusal(AuthorizeReturn(ID, "R1")) == [("return.window_over", "L1")]
    life.do(AuthorizeReturn(ID, "R1", goodwill=True))
    assert state(life) == "authorized"


def test_the_day_of_the_request_counts_and_not_that_of_the_authorization() -> None:
    life = asked().at(days=60).do(AuthorizeReturn(ID, "R1"))
    assert state(life) == "authorized"


def test_the_window_of_a_line_may_be_the_hosts() -> None:
    policy = attrs.evolve(ONE_PLACE, return_window=lambda order, line_id: order.placed_at - timedelta(hours=1))
    assert asked(1, policy).codes(AuthorizeReturn(ID, "R1")) == ["return.window_over"]


def test_a_final_sale_is_a_condition_of_a_line() -> None:
    def final_sale(order: Any, line: ReturnLine, kind: str) -> list[Reason]:
        return [Reason("shop.final_sale", "was a final sale")] if kind == "return" else []

    policy = attrs.evolve(ONE_PLACE, returnable=final_sale)
    life = asked(1, policy)
    assert life.codes(AuthorizeReturn(ID, "R1")) == ["shop.final_sale"]
    life.do(RequestReturn(ID, [("L1", 1)], kind="claim"), AuthorizeReturn(ID, "R2"))


def test_a_policy_may_authorize_what_nothing_speaks_against() -> None:
    assert state(asked(policy=AUTHORIZED_ITSELF)) == "authorized"
    late = delivered(AUTHORIZED_ITSELF, lines=FOUR).at(days=40).do(RequestReturn(ID, [("L1", 1)]))
    assert state(late) == "requested"


def test_a_customer_who_changes_his_mind_has_the_goods_and_the_label_is_voided() -> None:
    life = agreed().do(CancelReturn(ID, "R1"))
    assert isinstance(life.wanted(VoidReturn), VoidReturn)
    life.reply_all()
    assert (state(life), life.order.returns["R1"].shipment.stage) == ("cancelled", "voided")
    assert life.goods["L1"] == {"delivered:P1": 4}
    life.do(RequestReturn(ID, [("L1", 4)]))


def test_a_label_that_was_refused_is_asked_for_anew_or_done_without() -> None:
    life = asked().do(AuthorizeReturn(ID, "R1")).answer(BookReturn, Refused("area.closed"))
    assert (life.case.code, life.case.options) == ("return.label_refused", ("try_again", "without_label"))
    again = life.do(ResolveException(ID, life.case.id, "try_again")).wanted(BookReturn)
    assert (again.id, again.key) == ("label/R1/2", f"main/{ID}/label/R1/2")


def test_a_booking_that_comes_after_the_return_was_cancelled_is_voided() -> None:
    life = asked().do(AuthorizeReturn(ID, "R1"), CancelReturn(ID, "R1")).answer(BookReturn)
    assert life.wanted(VoidReturn).number == "B-R1-1"


def test_reports_about_a_return_move_the_return_and_never_the_goods() -> None:
    life = agreed().do(RecordTracking(ID, [scan("in_transit", "T-R1-1", 50)]))
    assert state(life) == "in_transit"
    life.do(RecordTracking(ID, [scan("delivered", "T-R1-1", 70)]))
    assert life.goods["L1"] == {"delivered:P1": 2, "returning:R1": 2}
    assert not any(isinstance(request, TrackReturn) for request in life.requests)
    assert life.order.state == "completed"


# -- received -------------------------------------------------------------------------------------------------------


def test_goods_are_received_without_a_refund() -> None:
    life = received()
    assert life.goods["L1"] == {"delivered:P1": 2, "received:R1": 2}
    assert life.order.total == eur("36.40")


def test_goods_come_in_parts_and_add_up() -> None:
    life = agreed(3).do(ReceiveReturn(ID, "R1", [("L1", 1)], reference="GR-1"))
    life.do(ReceiveReturn(ID, "R1", [("L1", 1)], reference="GR-1"))
    assert life.goods["L1"]["received:R1"] == 1, "the same goods receipt came once"
    life.do(ReceiveReturn(ID, "R1", [("L1", 2)], reference="GR-2"))
    assert life.goods["L1"] == {"delivered:P1": 1, "received:R1": 3}


def test_less_than_was_agreed_stays_awaited_until_the_return_is_closed() -> None:
    life = agreed(3).do(ReceiveReturn(ID, "R1", [("L1", 1)]), DisposeReturn(ID, "R1")).reply_all()
    assert life.goods["L1"] == {"delivered:P1": 1, "returning:R1": 2, "restocked": 1}
    life.do(CloseReturn(ID, "R1", "nothing more comes"))
    assert life.goods["L1"] == {"delivered:P1": 3, "restocked": 1}
    assert life.order.total == eur("27.30")


@pytest.mark.parametrize(("option", "left"), [("accept", "9.10"), ("decline", "18.20")])
def test_more_than_was_agreed_is_kept_flagged_and_someone_says_whether_it_is_accepted(option: str, left: str) -> None:
    life = agreed(2).do(ReceiveReturn(ID, "R1", [("L1", 3)]))
    assert life.goods["L1"] == {"delivered:P1": 1, "received:R1": 3}
    assert [anomaly.code for anomaly in life.order.anomalies] == ["return.unexpected"]
    assert life.case.message == "1 × TEA-250 came back under R1, and nobody had agreed to it"
    life.do(DisposeReturn(ID, "R1")).reply_all()
    assert life.order.total == eur("18.20")
    assert choose(life, option).order.total == eur(left)
    assert state(life) == "closed"


def test_what_nobody_announced_makes_a_return_of_its_own() -> None:
    life = delivered(lines=FOUR).do(ReceiveReturn(ID, goods=[("L1", 1)], location="HAM"))
    known = life.order.returns["R1"]
    assert (known.state, known.location, life.case.code) == ("received", "HAM", "return.unexpected")
    choose(life.do(DisposeReturn(ID, "R1")).reply_all(), "accept")
    assert (life.order.total, state(life)) == (eur("27.30"), "closed")


def test_what_is_of_no_line_is_noted_and_enters_no_ledger() -> None:
    life = agreed(1).do(ReceiveReturn(ID, "R1", [], wrong=[("COFFEE", 2)]))
    assert life.order.returns["R1"].wrong == (WrongGoods("COFFEE", 2),)
    assert life.goods["L1"] == {"delivered:P1": 3, "returning:R1": 1}
    assert [anomaly.code for anomaly in life.order.anomalies] == ["return.wrong_goods"]


def test_more_than_ever_left_is_noted_like_wrong_goods() -> None:
    life = agreed(2).do(ReceiveReturn(ID, "R1", [("L1", 6)]))
    assert life.goods["L1"] == {"received:R1": 4}
    assert [(one.sku, one.quantity) for one in life.order.returns["R1"].wrong] == [("TEA-250", 2)]


def test_a_serial_number_that_was_never_sent_is_flagged() -> None:
    life = picked(lines=[("TEA-250", 1)]).do(PackParcel(ID, "F1", [Goods("L1", D(1), serials=("S-1",))]))
    life.do(BookShipment(ID, service="a")).reply_all().do(DespatchShipment(ID)).reply_all()
    life.do(RecordTracking(ID, [scan("delivered", hours=30)]))
    life.do(ReceiveReturn(ID, goods=[Goods("L1", D(1), serials=("S-2",))]))
    assert [anomaly.code for anomaly in life.order.anomalies] == ["return.unexpected", "return.other_serial"]


def test_goods_that_come_for_a_return_that_was_over_open_it() -> None:
    life = agreed().do(CancelReturn(ID, "R1")).reply_all().do(ReceiveReturn(ID, "R1", [("L1", 2)]))
    assert (state(life), life.case.code) == ("received", "return.unexpected")


# -- what becomes of the goods --------------------------------------------------------------------------------------


def test_what_goes_on_the_shelf_is_told_to_the_inventory_once() -> None:
    life = received(3).do(DisposeReturn(ID, "R1", [("L1", 2), ("L1", 1, "scrap")]))
    request = life.wanted(ReceiveStock)
    assert (request.key, request.location) == (f"main/{ID}/receive/R1/1", "BER")
    assert [(line.sku, line.quantity) for line in request.lines] == [("TEA-250", 2)]
    assert life.goods["L1"] == {"delivered:P1": 1, "restocked": 2, "scrapped": 1}
    assert life.codes(DisposeReturn(ID, "R1")) == ["return.cannot_dispose"]
    life.reply_all()
    assert state(life) == "closed"
    assert not any(isinstance(one, ReceiveStock) for one in life.requests)


def test_lots_and_serials_read_at_the_dock_are_told_with_the_goods() -> None:
    read = [Goods("L1", D(2), lot="A", serials=("1", "2")), Goods("L1", D(1), lot="B")]
    life = agreed(3).do(ReceiveReturn(ID, "R1", read), DisposeReturn(ID, "R1", [("L1", 1, "scrap")]))
    life.do(DisposeReturn(ID, "R1"))
    told = [(line.quantity, line.lot, line.serials) for line in life.wanted(ReceiveStock).lines]
    assert told == [(1, "A", ("2",)), (1, "B", ())]


def test_a_goods_receipt_that_was_refused_is_a_case() -> None:
    life = received().do(DisposeReturn(ID, "R1")).answer(ReceiveStock, Refused("books.closed"))
    assert life.case.options == ("try_again", "booked_by_hand")
    choose(life, "booked_by_hand")
    assert state(life) == "closed"


def test_what_is_sent_back_is_the_customers_and_nothing_is_due_for_it() -> None:
    life = disposed(("L1", 1, "send_back"), ("L1", 1, "scrap"))
    assert life.goods["L1"] == {"delivered:P1": 2, "sent_back": 1, "scrapped": 1}
    assert life.order.total == eur("27.30")


def test_what_was_credited_is_not_sent_back() -> None:
    life = received(policy=when_credited("received"))
    assert life.order.total == eur("18.20")
    assert life.refusal(DisposeReturn(ID, "R1", [("L1", 1, "send_back")])) == [
        ("return.credited", "dispositions[0].fate")
    ]


def test_where_goods_must_be_inspected_nothing_is_disposed_of_before() -> None:
    chart = attrs.evolve(RETURN, steps=tuple(s for s in RETURN.steps if (s.source, s.event) != ("received", "dispose")))
    policy = attrs.evolve(ONE_PLACE, lifecycles=Lifecycles(return_=chart))
    life = received(policy=policy)
    assert life.codes(DisposeReturn(ID, "R1")) == ["return.cannot_dispose"]
    life.do(InspectReturn(ID, "R1", [("L1", 1, "good"), ("L1", 1, "damaged")], {"L1": 25}))
    life.do(DisposeReturn(ID, "R1")).reply_all()
    assert (state(life), life.order.total) == ("closed", eur("22.75")), "18.20 and a quarter of it"


def test_a_step_of_the_hosts_own_stands_between() -> None:
    chart = RETURN.inserted("quarantined", after="received", by="quarantine", taking=("inspect", "dispose"))
    life = received(policy=attrs.evolve(ONE_PLACE, lifecycles=Lifecycles(return_=chart)))
    assert life.codes(DisposeReturn(ID, "R1")) == ["return.cannot_dispose"]
    assert waits(life) == ["someone to take the step quarantine (R1)"]
    life.do(TakeStep(ID, "quarantine", "R1"))
    assert state(life) == "quarantined"
    assert waits(life) == ["BER to say what becomes of 2 × TEA-250 (return R1)"]
    life.do(DisposeReturn(ID, "R1"))


# -- money ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("basis", "totals"),
    [
        ("authorized", ["18.20", "18.20", "18.20", "18.20"]),
        ("received", ["36.40", "18.20", "18.20", "18.20"]),
        ("inspected", ["36.40", "36.40", "18.20", "18.20"]),
        ("disposed", ["36.40", "36.40", "36.40", "18.20"]),
    ],
)
def test_the_policy_says_when_units_are_credited(basis: str, totals: list[str]) -> None:
    life, seen = agreed(policy=when_credited(basis)), []
    for step in (None, ReceiveReturn(ID, "R1"), InspectReturn(ID, "R1"), DisposeReturn(ID, "R1")):
        seen.append((life.do(step) if step else life).order.total)
    assert seen == [eur(total) for total in totals]
    assert life.order.credited.total == eur("18.20")


def test_units_that_are_looked_at_twice_count_once() -> None:
    life = agreed(policy=when_credited("inspected")).do(ReceiveReturn(ID, "R1", [("L1", 1)]))
    life.do(InspectReturn(ID, "R1"), InspectReturn(ID, "R1"), ReceiveReturn(ID, "R1", [("L1", 1)]))
    assert (life.order.returns["R1"].received["L1"], life.order.total) == (2, eur("27.30")), "one was looked at"
    assert life.do(InspectReturn(ID, "R1")).order.total == eur("18.20")


def test_a_deduction_is_a_share_of_what_the_units_are_worth() -> None:
    life = disposed(Disposition("L1", 1, deduct=50), ("L1", 1))
    assert life.order.total == eur("22.75")
    assert life.codes(RequestReturn(ID, [("L1", 3)])) == ["return.too_much"]
    life.do(RequestReturn(ID, [("L1", 2)]), AuthorizeReturn(ID, "R2"), ReceiveReturn(ID, "R2"), DisposeReturn(ID, "R2"))
    assert life.order.total == eur("4.55"), "what was withheld stays withheld"


def test_what_was_returned_cannot_be_returned_again() -> None:
    life = disposed(units=4)
    assert life.codes(RequestReturn(ID, [("L1", 1)])) == ["return.too_much"]
    assert life.order.total == eur(0)
    assert life.order.status.word == "returned"
    assert life.order.state == "completed"


# -- exchanges, replacements, claims --------------------------------------------------------------------------------


def sent(life: Life, line_id: str) -> Life:
    """The goods of a further line are sent, and arrive."""
    work = next(id for id, work in life.order.fulfillments.items() if line_id in work.planned)
    life.do(StartPicking(ID, work), RecordPick(ID, work), PackParcel(ID, work)).reply_all()
    parcel, shipment = list(life.order.parcels)[-1], f"S{len(life.order.shipments) + 1}"
    life.do(BookShipment(ID, [parcel], service="a")).reply_all().do(DespatchShipment(ID, shipment)).reply_all()
    return life.do(RecordTracking(ID, [scan("delivered", f"T-{shipment}-1", 200)])).reply_all()


def test_an_exchange_is_a_line_of_the_same_order_at_its_own_price() -> None:
    life = delivered(lines=FOUR).do(RequestReturn(ID, [ReturnLine("L1", 1, sku="POT-1")], kind="exchange"))
    life.do(AuthorizeReturn(ID, "R1")).reply_all()
    assert tuple(life.order.lines) == ("L1",)
    life.do(ReceiveReturn(ID, "R1")).reply_all()
    line = life.order.lines["L2"]
    assert (line.sku, line.origin.kind, line.origin.line_id) == ("POT-1", "exchange_for", "L1")
    assert life.order.state == "shipped", "it is open again until the pot arrives"
    life.do(DisposeReturn(ID, "R1")).reply_all()
    assert life.order.total == eur("27.30") + eur("28.56")
    sent(life, "L2")
    assert (life.order.state, state(life)) == ("completed", "closed")
    life.do(RequestReturn(ID, [("L2", 1)]))


def test_an_exchange_may_be_sent_before_anything_is_back() -> None:
    policy = attrs.evolve(ONE_PLACE, exchange_on="authorized")
    life = agreed(1, policy, kind="exchange")
    assert life.order.lines["L2"].sku == "TEA-250"
    sent(life, "L2")
    assert life.goods["L1"] == {"delivered:P1": 3, "returning:R1": 1}
    assert life.order.state == "completed"


def test_a_replacement_is_free_and_nothing_is_credited() -> None:
    life = disposed(units=1, resolution="replacement")
    assert (life.order.lines["L2"].origin.kind, life.order.total) == ("replacement_of", eur("36.40"))
    sent(life, "L2")
    assert (life.order.state, state(life), life.order.total) == ("completed", "closed", eur("36.40"))


def test_a_replacement_that_is_cancelled_is_credited_after_all() -> None:
    life = disposed(units=1, resolution="replacement")
    life.do(CancelLines(ID, {"L2": 1})).reply_all()
    assert life.order.total == eur("27.30")


def test_a_claim_is_credited_without_goods_and_they_cannot_be_returned_for_money_later() -> None:
    life = asked(1, kind="claim").do(AuthorizeReturn(ID, "R1")).reply_all()
    assert life.goods["L1"] == {"delivered:P1": 4}
    assert (state(life), life.order.total) == ("closed", eur("27.30"))
    assert life.codes(RequestReturn(ID, [("L1", 4)])) == ["return.too_much"]
    life.do(RequestReturn(ID, [("L1", 3)]), AuthorizeReturn(ID, "R2"), ReceiveReturn(ID, "R2"), DisposeReturn(ID, "R2"))
    assert life.order.total == eur(0)


def test_a_claim_may_be_credited_in_part() -> None:
    life = asked(1, kind="claim").do(AuthorizeReturn(ID, "R1", deduct={"L1": 80}))
    assert life.order.total == eur("36.40") - eur("1.82")
    assert life.codes(RequestReturn(ID, [("L1", 4)])) == ["return.too_much"]


def test_a_claim_may_be_made_good_by_other_goods() -> None:
    life = asked(1, kind="claim", resolution="replacement").do(AuthorizeReturn(ID, "R1")).reply_all()
    assert life.goods["L2"] == {"allocated:F2": 1}
    assert sent(life, "L2").order.total == eur("36.40")
    assert state(life) == "closed"
    assert life.codes(RequestReturn(ID, [("L1", 4)])) == ["return.too_much"]


def test_what_cannot_be_asked_for_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as wrong:
        RequestReturn(ID, [], kind="gift")  # type: ignore[arg-type]
    assert [v.code for v in wrong.value.violations] == ["shape.too_few", "return.unknown_kind"]
    with pytest.raises(InvalidInput, match="exchange is made good by exchange"):
        RequestReturn(ID, [("L1", 1)], kind="exchange", resolution="refund")


# -- what a carrier brings back -------------------------------------------------------------------------------------


def brought_back() -> Life:
    """Of two parcels one arrived; the other comes back to us."""
    life = two_parcels().do(RecordTracking(ID, [scan("return_to_sender", "T-S2-1", 40)])).reply_all()
    return life.do(ReceiveReturn(ID, parcel_id="P2")).reply_all()


def test_a_parcel_that_comes_back_closes_its_case_and_asks_how_it_is_made_good() -> None:
    life = brought_back()
    assert life.order.cases["X1"].chosen == "moot"
    assert (life.case.code, life.case.options) == ("return.undelivered", ("refund", "reship"))
    assert life.goods["L1"] == {"delivered:P1": 2, "received:R1": 2}
    assert life.order.state == "shipped"


def test_what_came_back_is_refunded_once_it_is_disposed_of() -> None:
    life = choose(brought_back(), "refund")
    assert life.order.total == eur("36.40")
    life.do(DisposeReturn(ID, "R1")).reply_all()
    assert (life.order.total, life.order.state, state(life)) == (eur("18.20"), "completed", "closed")


def test_what_came_back_is_sent_once_more_for_nothing() -> None:
    life = choose(brought_back().do(DisposeReturn(ID, "R1")).reply_all(), "reship")
    assert life.goods["L2"] == {"allocated:F2": 2}
    sent(life, "L2")
    assert (life.order.total, life.order.state) == (eur("36.40"), "completed")


def test_what_was_refunded_as_lost_and_comes_back_is_not_refunded_again() -> None:
    life = two_parcels().do(RecordTracking(ID, [scan("unknown", "T-S2-1", 40, reason="lost")])).reply_all()
    choose(life, "refund")
    assert (life.order.total, life.order.state) == (eur("18.20"), "completed")
    life.do(ReceiveReturn(ID, parcel_id="P2")).reply_all()
    assert life.order.open_cases == ()
    life.do(DisposeReturn(ID, "R1")).reply_all()
    assert life.goods["L1"] == {"delivered:P1": 2, "restocked": 2}
    assert (life.order.total, state(life)) == (eur("18.20"), "closed")


def test_an_extra_unit_that_is_collected_is_a_return_for_which_nothing_is_due() -> None:
    life = two_parcels().do(RecordTracking(ID, [scan("unknown", "T-S2-1", 40, reason="lost")])).reply_all()
    choose(life, "refund").do(RecordTracking(ID, [scan("delivered", "T-S2-1", 60)])).reply_all()
    assert life.case.code == "delivery.extra"
    life.do(RequestReturn(ID, [ReturnLine("L1", 2, parcel_id="P2")]), AuthorizeReturn(ID, "R1")).reply_all()
    assert life.order.open_cases == ()
    life.do(ReceiveReturn(ID, "R1"), DisposeReturn(ID, "R1")).reply_all()
    assert (life.order.total, state(life)) == (eur("18.20"), "closed")
    life.do(RequestReturn(ID, [("L1", 2)]), AuthorizeReturn(ID, "R2"), ReceiveReturn(ID, "R2"), DisposeReturn(ID, "R2"))
    assert life.order.total == eur(0)


def test_an_order_of_which_all_came_back_is_closed_undelivered() -> None:
    life = despatched(lines=FOUR).do(ReceiveReturn(ID, parcel_id="P1")).reply_all()
    choose(life, "refund").do(DisposeReturn(ID, "R1")).reply_all()
    assert (life.order.state, life.order.total) == ("completed", eur(0))


# -- promises, explanations, silence --------------------------------------------------------------------------------


def test_a_promise_that_was_kept_stays_kept_when_goods_come_back() -> None:
    life = delivered(lines=FOUR, deliver_by=date(2026, 12, 1))
    before = life.order.promise_of("L1")
    life.do(RequestReturn(ID, [("L1", 4)]), AuthorizeReturn(ID, "R1"), ReceiveReturn(ID, "R1"), DisposeReturn(ID, "R1"))
    assert life.order.promise_of("L1") == before
    assert before is not None
    assert before.deliver == "kept"


def test_it_is_explained_whom_a_return_waits_for() -> None:
    life = asked()
    assert waits(life) == ["someone to authorize or refuse R1 (2 × TEA-250)"]
    life.do(AuthorizeReturn(ID, "R1")).reply_all()
    assert waits(life) == ["the customer to send back 2 × TEA-250 (R1 to BER)"]
    life.do(ReceiveReturn(ID, "R1")).reply_all()
    assert waits(life) == ["BER to say what becomes of 2 × TEA-250 (return R1)"]


def test_a_carrier_that_gives_no_answer_about_a_label_is_a_case() -> None:
    life = asked().do(AuthorizeReturn(ID, "R1")).answer(BookReturn, GaveUp(8, "timeout"))
    choose(life, "not_booked")
    assert life.order.returns["R1"].shipment.stage == "withdrawn"
