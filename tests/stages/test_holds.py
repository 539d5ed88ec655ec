"""Holds stop new intentions; never answers, never facts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import attrs
import pytest

from orderflow.commands import (
    AcknowledgeOrder,
    BookShipment,
    CancelOrder,
    DespatchShipment,
    PackParcel,
    PlaceHold,
    RecordPick,
    RecordTracking,
    ReleaseHold,
    StartPicking,
)
from orderflow.defaults import STANDARD
from orderflow.messages import Command, Envelope
from orderflow.ports import BookCarrier, ClaimStock, QueryRates
from orderflow.stages.holds import HoldPlaced, HoldReleased
from tests.scenario import (
    ID,
    NOW,
    Life,
    booked,
    despatched,
    given,
    packed,
    picked,
    picking,
    placed,
    requested,
    scan,
    verified,
)


def test_a_hold_says_why_what_and_until_when() -> None:
    until = NOW + timedelta(days=2)
    given(verified()).when(PlaceHold(ID, "credit", "F1", ["pick", "pack"], "ask Grete", until)).then(
        HoldPlaced(NOW, "H1", "credit", "F1", ("pick", "pack"), "ask Grete", until)
    )


def test_the_reason_of_the_envelope_serves_where_the_hold_has_no_note() -> None:
    life = verified()
    outcome = life.process.carry_out(life.order, PlaceHold(ID, "credit"), Envelope(NOW, reason="ask Grete"))
    assert outcome.order.holds["H1"].note == "ask Grete"


STEPS: dict[str, tuple[Callable[[], Life], Command]] = {
    "pick": (verified, StartPicking(ID, "F1")),
    "pack": (picked, PackParcel(ID, "F1")),
    "book": (packed, BookShipment(ID)),
    "despatch": (booked, DespatchShipment(ID)),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("scope", ["", "F1"])
def test_a_hold_on_a_step_blocks_it_until_it_is_released(step: str, scope: str) -> None:
    life, command = STEPS[step][0](), STEPS[step][1]
    life.do(PlaceHold(ID, "credit", scope, [step]))
    assert life.refusal(command) == [("hold.active", "H1")]
    life.do(ReleaseHold(ID, "H1")).do(command)
    assert life.events


@pytest.mark.parametrize("step", STEPS)
def test_a_hold_without_a_list_blocks_every_step(step: str) -> None:
    assert STEPS[step][0]().do(PlaceHold(ID, "credit")).codes(STEPS[step][1]) == ["hold.active"]


@pytest.mark.parametrize("step", STEPS)
def test_a_hold_on_other_steps_blocks_nothing(step: str) -> None:
    life = STEPS[step][0]().do(PlaceHold(ID, "credit", blocks=[other for other in STEPS if other != step]))
    assert life.do(STEPS[step][1]).events


def test_a_hold_on_a_step_in_progress_stops_that_too() -> None:
    assert picking().do(PlaceHold(ID, "recall", "F1")).codes(RecordPick(ID, "F1")) == ["hold.active"]


def test_a_hold_on_one_parcel_leaves_the_other_alone() -> None:
    life = picked(lines=[("TEA-250", 2)]).do(PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1"))
    life.do(PlaceHold(ID, "damaged", "P1"))
    assert life.refusal(BookShipment(ID, ["P1"])) == [("hold.active", "H1")]
    assert life.do(BookShipment(ID, ["P2"])).happened == ["ShipmentPlanned"]


def test_several_holds_are_all_told() -> None:
    life = verified().do(PlaceHold(ID, "credit", note="over the limit"), PlaceHold(ID, "recall", "F1"))
    assert life.refusal(StartPicking(ID, "F1")) == [("hold.active", "H1"), ("hold.active", "H2")]


def test_a_hold_for_nothing_that_exists_is_refused() -> None:
    given(verified()).when(PlaceHold(ID, "credit", "F9", expires_at=NOW)).refused(
        ("hold.unknown_scope", "scope"), ("hold.already_over", "expires_at")
    )


def test_a_hold_is_released_once() -> None:
    life = verified().do(PlaceHold(ID, "credit"))
    given(life).when(ReleaseHold(ID, "H1")).then(HoldReleased(NOW, "H1"))
    assert life.refusal(ReleaseHold(ID, "H1")) == [("hold.already_released", "hold_id")]
    assert life.refusal(ReleaseHold(ID, "H2")) == [("hold.unknown", "hold_id")]


def test_a_hold_that_a_person_placed_waives_no_rule() -> None:
    assert verified().do(PlaceHold(ID, "credit"), ReleaseHold(ID, "H1")).order.waivers == ()


def test_a_hold_ends_by_itself_when_its_time_is_over() -> None:
    until = NOW + timedelta(hours=8)
    life = verified().do(PlaceHold(ID, "credit", expires_at=until))
    assert life.process.attention(life.order) == until
    assert life.passes(hours=7).events == ()
    assert life.passes(hours=1).events == (HoldReleased(until, "H1", expired=True),)
    assert life.process.attention(life.order) is None
    assert life.do(StartPicking(ID, "F1")).events


def test_an_order_that_waited_only_for_a_hold_goes_on_when_it_expires() -> None:
    life = placed().do(PlaceHold(ID, "wait", blocks=["verify"], expires_at=NOW + timedelta(hours=1))).reply_all()
    assert life.order.state == "acknowledged"
    assert life.passes(hours=2).happened[:3] == ["HoldReleased", "OrderVerified", "OrderConfirmed"]


# -- what holds never stop ------------------------------------------------------------------------------------------


def test_answers_are_heard_whatever_is_held() -> None:
    life = placed().do(PlaceHold(ID, "everything"))
    assert life.answer(ClaimStock, about="C1").happened == ["StockClaimed"]
    life.reply_all()
    assert life.order.state == "acknowledged"
    assert life.do(ReleaseHold(ID, "H1")).happened[1:4] == ["OrderVerified", "OrderConfirmed", "FulfillmentPlanned"]


def test_a_booking_that_was_asked_for_is_recorded_whatever_is_held() -> None:
    life = requested().do(PlaceHold(ID, "everything"))
    assert life.asks == ("book/S1/1",)
    assert life.answer(BookCarrier).happened == ["ShipmentBooked"]


def test_a_shipment_that_is_planned_is_not_asked_for_while_booking_is_held() -> None:
    life = packed().do(BookShipment(ID), PlaceHold(ID, "customs", "P1", ["book"]))
    assert life.asks == ()
    life.do(ReleaseHold(ID, "H1"))
    assert isinstance(life.wanted(QueryRates), QueryRates)


def test_a_report_of_the_carrier_is_heard_whatever_is_held() -> None:
    life = despatched().do(PlaceHold(ID, "everything"), RecordTracking(ID, [scan("delivered", hours=30)]))
    assert life.order.status.word == "delivered"


def test_an_order_on_hold_can_be_cancelled_and_releases_its_stock() -> None:
    life = verified().do(PlaceHold(ID, "everything"), CancelOrder(ID)).reply_all()
    assert life.order.state == "cancelled"
    assert [claim.held for claim in life.order.claims.values()] == [0, 0]


def test_a_hold_on_claiming_keeps_stock_from_being_claimed() -> None:
    by_hand = attrs.evolve(STANDARD, automatic=STANDARD.automatic - {"acknowledge"})
    life = placed(by_hand).do(PlaceHold(ID, "wait", blocks=["claim"]), AcknowledgeOrder(ID))
    assert life.order.claims == {}
    assert life.do(ReleaseHold(ID, "H1")).happened == ["HoldReleased", "ClaimWanted", "ClaimWanted"]


def test_a_hold_on_claiming_never_keeps_stock_from_being_released() -> None:
    life = verified().do(PlaceHold(ID, "wait", blocks=["claim"]), CancelOrder(ID)).reply_all()
    assert [claim.held for claim in life.order.claims.values()] == [0, 0]
