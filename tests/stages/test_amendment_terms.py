"""Where goods go, how and when: what is still here goes the new way; what others have, when they say so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import attrs
import pytest

from orderflow.commands import (
    AmendOrder,
    BookShipment,
    DespatchShipment,
    PackParcel,
    ResolveException,
    VoidShipment,
)
from orderflow.consignment import SharedBox
from orderflow.kits import Component
from orderflow.ledger import OPEN, Move, allocated
from orderflow.ports import BookCarrier, PutWork, QueryRates, Refused, VoidBooking
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.amending import (
    LineChange,
    OrderAmended,
    RedirectionDeclined,
    RedirectionSettled,
)
from orderflow.stages.voiding import VoidWanted
from orderflow.values import Address
from tests.scenario import (
    BERLIN,
    ID,
    NOW,
    ONE_PLACE,
    D,
    Life,
    booked,
    despatched,
    eur,
    given,
    packed,
    picked,
    picking,
    placed,
    requested,
    verified,
)

BONN = Address("DE", "Weg 2", city="Bonn", postal_code="53111", name="Ada Krull")
TO_BONN = AmendOrder(ID, ship_to=BONN)
DAY = date(2026, 12, 1)


def test_components_of_a_kit_that_leave_all_at_once_go_elsewhere_as_well() -> None:
    kit = OrderLine("SET", 1, complete="line", components=[Component("POT", 1), Component("CUP", 2)])
    life = placed(lines=[kit]).do(AmendOrder(ID, lines={"L1.1": LineChange(ship_to=BONN)}), TO_BONN)
    assert (life.order.terms_of("L1.1").ship_to, life.order.ship_to) == (BONN, BONN)
    assert life.order.terms_of("L1.1").complete == life.order.terms_of("L1.2").complete


def sent_to(life: Life) -> Address | None:
    """Where the carrier is to bring the newest shipment."""
    return list(life.order.shipments.values())[-1].ship_to


# -- addresses ------------------------------------------------------------------------------------------------------


def test_another_address_holds_at_once_for_what_is_here() -> None:
    life = packed().do(TO_BONN)
    assert life.facts == (OrderAmended(NOW, (), ship_to=BONN),)
    assert life.do(BookShipment(ID, service="parcel")).wanted(BookCarrier).ship_to == BONN


@pytest.mark.parametrize("begin", [placed, verified, picking, picked, packed], ids=lambda begin: begin.__name__)
def test_an_address_changes_at_every_stage_before_a_carrier_is_asked(begin: Callable[[], Life]) -> None:
    assert begin().do(TO_BONN).order.ship_to == BONN


def test_a_shipment_that_no_carrier_was_asked_about_is_planned_anew() -> None:
    life = packed().do(BookShipment(ID)).do(TO_BONN)
    assert life.happened[:3] == ["OrderAmended", "ShipmentWithdrawn", "ShipmentPlanned"]
    assert life.wanted(QueryRates).ship_to == BONN
    life.reply_all()
    assert life.order.shipments["S2"].stage == "booked"


@pytest.mark.parametrize("begin", [requested, booked], ids=["requested", "booked"])
def test_goods_in_a_booked_parcel_go_another_way_when_the_carrier_voids_the_booking(begin: Callable[[], Life]) -> None:
    life = begin().do(TO_BONN)
    if life.asks[0].startswith("book/"):
        life.answer(BookCarrier)
    assert VoidWanted(NOW, "S1", 1) in life.events
    life.answer(VoidBooking)
    assert RedirectionSettled(NOW, "S1") in life.events
    life.do(BookShipment(ID, service="parcel"))
    assert life.wanted(BookCarrier, "S2").ship_to == BONN


def test_where_the_carrier_keeps_its_booking_the_change_is_declined_for_these_goods_alone() -> None:
    life = booked().do(AmendOrder(ID, {"L1": 5}, ship_to=BONN)).reply_all(VoidBooking)
    life.answer(VoidBooking, Refused("carrier.too_late", "the lorry is loaded"))
    assert RedirectionDeclined(NOW, "S1", "carrier.too_late", "the lorry is loaded") in life.events
    assert (life.order.shipments["S1"].stage, life.order.shipments["S1"].ship_to) == ("booked", BERLIN)
    assert life.order.open_cases == ()
    told = life.order.messages[next(id for id, m in life.order.messages.items() if m.kind == "change_declined")]
    assert (told.body["address"], told.body["lines"]) == ("Torstrasse 1, Berlin", "TEA-250, POT-1")
    life.reply_all().do(DespatchShipment(ID, "S1")).reply_all()
    assert life.goods["L1"] == {"shipped:P1": D(2), "allocated:F2": D(3)}


def test_a_carrier_that_refuses_the_booking_leaves_the_goods_free_for_the_new_way() -> None:
    life = requested().do(TO_BONN).answer(BookCarrier, Refused("full"))
    assert RedirectionSettled(NOW, "S1") in life.events
    life.do(ResolveException(ID, life.case.id, "try_again"))
    assert life.wanted(BookCarrier).ship_to == BONN


def test_an_address_that_is_taken_back_before_the_carrier_answers_needs_no_other_parcel() -> None:
    life = booked().do(TO_BONN, AmendOrder(ID, ship_to=BERLIN))
    assert RedirectionSettled(NOW, "S1") in life.events
    life.answer(VoidBooking)
    life.do(BookShipment(ID, service="parcel"))
    assert life.wanted(BookCarrier, "S2").ship_to == BERLIN


def test_goods_that_leave_before_the_carrier_answers_go_where_they_were_to_go() -> None:
    life = booked().do(TO_BONN)
    assert life.codes(DespatchShipment(ID, "S1")) != []
    life.answer(VoidBooking, Refused("gone"))
    life.do(DespatchShipment(ID, "S1")).reply_all()
    assert sent_to(life) == BERLIN


def test_goods_in_a_box_that_others_share_wait_for_whoever_is_asked() -> None:
    box = SharedBox("BOX", "2", {ID: 1}, ship_to=BERLIN)
    life = packed().do(BookShipment(ID, service="parcel", shared=box)).reply_all().do(TO_BONN)
    assert life.case.options == ("taken_out", "void_booking", "stays_in")
    life.do(ResolveException(ID, life.case.id, "stays_in"))
    assert [one.word for one in life.order.redirections] == ["declined"]
    assert life.order.shipments["BOX"].stage == "booked"


def test_a_line_goes_elsewhere_and_the_others_stay() -> None:
    life = verified().do(AmendOrder(ID, lines={"L2": LineChange(ship_to=BONN)}))
    assert life.order.terms_of("L2").ship_to == BONN
    assert life.order.terms_of("L1").ship_to is None
    life.do(AmendOrder(ID, lines={"L2": LineChange(clear=["ship_to"])}))
    assert life.order.terms_of("L2").ship_to is None


def test_goods_that_are_together_in_a_parcel_are_redirected_together() -> None:
    change = AmendOrder(ID, lines={"L2": LineChange(ship_to=BONN)})
    given(packed()).when(change).refused(("amendment.mixed_parcel", "P1"))
    (told,) = booked().process.violations(booked().order, change)
    assert told.remedy == "VoidShipment S1, UnpackParcel P1"
    both = {line_id: LineChange(ship_to=BONN) for line_id in ("L1", "L2")}
    assert packed().do(AmendOrder(ID, lines=both)).order.amendments == 1


def test_what_has_left_goes_where_it_goes() -> None:
    life = picked().do(PackParcel(ID, "F1", [("L1", 2)]), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, service="a")).reply_all().do(DespatchShipment(ID, parcel_ids=["P1"])).reply_all()
    given(life).when(AmendOrder(ID, lines={"L1": LineChange(ship_to=BONN)})).refused(
        ("amendment.too_late", "lines[L1]")
    )
    life.do(TO_BONN).reply_all()
    assert life.order.shipments["S1"].ship_to == BERLIN
    given(despatched()).when(TO_BONN).refused(("order.cannot_amend", ""))


def test_another_service_for_booked_goods_is_another_booking() -> None:
    life = booked().do(AmendOrder(ID, service="express")).reply_all().do(BookShipment(ID))
    assert life.wanted(BookCarrier, "S2").service == "express"


# -- fulfillers -----------------------------------------------------------------------------------------------------

THEIRS = attrs.evolve(ONE_PLACE, fulfillers={"BER": "ACME"})


def test_a_fulfiller_is_told_the_new_address_under_another_revision() -> None:
    life = verified(THEIRS).do(AmendOrder(ID, ship_to=BONN, instructions=["ring twice"]))
    asked = life.wanted(PutWork)
    assert (asked.revision, asked.ship_to, asked.instructions) == (2, BONN, ("ring twice",))
    life.reply_all()
    assert [one.word for one in life.order.redirections] == ["settled"]


def test_a_fulfiller_that_will_not_do_otherwise_does_what_it_was_asked_before() -> None:
    life = verified(THEIRS).do(TO_BONN).answer(PutWork, Refused("packed", "it is packed"))
    assert life.events[0] == RedirectionDeclined(NOW, "F1", "packed", "it is packed")
    assert life.order.works["F1"].is_settled
    life.reply_all().do(AmendOrder(ID, {"L1": 1}))
    assert life.wanted(PutWork).ship_to == BERLIN
    assert [m.kind for m in life.order.messages.values()].count("change_declined") == 1


def test_a_fulfiller_that_does_what_it_was_asked_at_first_sends_it_where_it_was_asked_to() -> None:
    life = placed(THEIRS).reply_all(PutWork).do(TO_BONN).answer(PutWork, Refused("busy"))
    assert life.case.code == "fulfillers.unclear"
    life.do(ResolveException(ID, life.case.id, "all_is_done"))
    assert [one.word for one in life.order.redirections] == ["declined"]
    assert life.order.works["F1"].request.ship_to == BERLIN


def test_what_a_fulfiller_need_not_know_is_no_other_revision() -> None:
    assert "WorkWanted" not in verified(THEIRS).do(AmendOrder(ID, deliver_by=DAY)).happened


def test_more_is_not_ordered_of_what_a_fulfiller_is_still_to_give_up() -> None:
    life = verified(THEIRS).do(AmendOrder(ID, {"L1": 1}))
    given(life).when(AmendOrder(ID, {"L1": 2})).refused(("amendment.being_given_up", "quantities[L1]"))
    assert life.reply_all().do(AmendOrder(ID, {"L1": 2})).reply_all().order.live_quantity("L1") == 2


# -- days, methods, instructions ------------------------------------------------------------------------------------


def test_a_promise_is_made_anew_for_another_day() -> None:
    life = verified(deliver_by=DAY).do(AmendOrder(ID, deliver_by=date(2026, 12, 8)))
    assert "PromiseMade" in life.happened
    assert life.order.promises["L1"].promise.deliver_by == date(2026, 12, 8)


def test_goods_that_are_wanted_later_go_back_to_be_given_out_on_the_day() -> None:
    life = verified().do(AmendOrder(ID, lines={"L1": LineChange(not_before=DAY)}))
    assert Move("L1", allocated("F1"), OPEN, D(2)) in life.events[0].moves  # type: ignore[attr-defined]
    assert life.reply_all().goods["L1"] == {"open": D(2)}
    life.passes(days=9).reply_all()
    assert life.goods["L1"] == {"allocated:F2": D(2)}


def test_what_was_released_is_held_back_when_its_day_is_put_off() -> None:
    life = verified(not_before=date(2026, 11, 24)).passes(days=1).reply_all()
    assert life.order.released == ("L1", "L2")
    life.do(AmendOrder(ID, not_before=DAY)).reply_all()
    assert life.order.released == ()
    assert life.goods["L1"] == {"open": D(2)}


def test_who_collects_after_all_gets_work_of_another_kind() -> None:
    life = verified().do(AmendOrder(ID, lines={"L1": LineChange(method="pick_up")})).reply_all()
    assert life.goods == {"L1": {"allocated:F2": D(2)}, "L2": {"allocated:F1": D(1)}}


@pytest.mark.parametrize(
    ("begin", "method", "code"),
    [(picking, "pick_up", "amendment.too_late"), (verified, "digital", "amendment.other_method")],
)
def test_a_method_changes_before_work_begins_and_not_into_anything(
    begin: Callable[[], Life], method: str, code: str
) -> None:
    assert begin().refusal(AmendOrder(ID, lines={"L1": LineChange(method=method)})) == [(code, "lines[L1].method")]


def test_instructions_are_said_anew_or_taken_back() -> None:
    life = verified(instructions=["no plastic"]).do(AmendOrder(ID, instructions=[]))
    assert life.order.instructions == ()
    life.do(AmendOrder(ID, lines={"L1": LineChange(instructions=["a card"])}))
    assert life.order.lines["L1"].instructions == ("a card",)
    assert life.codes(AmendOrder(ID, instructions=())) == ["amendment.nothing_changes"]


# -- lines ----------------------------------------------------------------------------------------------------------


def test_lines_are_added_claimed_priced_and_given_to_a_location() -> None:
    life = verified().do(AmendOrder(ID, add=[OrderLine("CUP", 3, price=eur(10))])).reply_all()
    assert life.order.lines["L3"].sku == "CUP"
    assert life.goods["L3"] == {"allocated:F2": D(3)}
    assert life.order.total == eur("76.76")


def test_a_line_is_taken_out() -> None:
    life = verified().do(AmendOrder(ID, remove=["L1"])).reply_all()
    assert life.order.live_quantity("L1") == 0
    assert life.order.total == eur("28.56")


def test_another_product_stands_in_for_what_can_still_be_had_back() -> None:
    life = verified().do(AmendOrder(ID, substitute={"L1": ("TEA-500", "0.5")})).reply_all()
    line = life.order.lines["L3"]
    assert (line.sku, line.origin.kind, line.origin.line_id) == ("TEA-500", "substitute_for", "L1")
    assert life.goods["L3"] == {"allocated:F2": D(1)}
    assert life.order.total == eur("38.56")


def test_everything_that_is_wrong_with_an_amendment_is_told_at_once() -> None:
    life = picked()
    change = AmendOrder(
        ID,
        {"L1": 2},
        add=[OrderLine("CUP", 1, deliver_by=DAY, not_before=date(2026, 12, 2)), OrderLine("CUP", 1, measure_unit="kg")],
        substitute={"L2": "POT-1"},
        prices={"L1": eur(7)},
    )
    assert life.refusal(change) == [
        ("amendment.same_product", "substitute[L2].sku"),
        ("acceptance.measure_incomplete", "add[1].estimated_measure"),
        ("acceptance.days_reversed", "add[0].deliver_by"),
        ("amendment.no_reason", "reason"),
    ]


def test_a_void_that_somebody_asked_for_beside_a_redirection_settles_both() -> None:
    life = booked().do(TO_BONN)
    assert life.codes(VoidShipment(ID, "S1")) == ["shipping.not_booked"]
    assert life.answer(VoidBooking).order.parcels["P1"].tracking_number == ""
