"""An inventory that refuses a claim has changed nothing: what was held before is held still."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orderflow.commands import (
    AmendOrder,
    BookShipment,
    CancelOrder,
    DespatchShipment,
    PackParcel,
    RecordPick,
    RecordTracking,
    ResolveException,
    StartPicking,
)
from orderflow.explain import explain
from orderflow.ports import ClaimStock, GaveUp, QuotePrices, Refused, StockHeld
from orderflow.stages.exceptions import ExceptionResolved
from orderflow.stages.stock import StockClaimed
from tests.scenario import ID, NOW, D, Life, given, held, placed, scan, verified

THREE = {"lines": [("TEA-250", 3)]}
LOCKED = Refused("erp.locked", "the period is closed")

LESS: dict[str, tuple[Callable[[], Life], int]] = {
    "a release": (lambda: verified(**THREE).do(CancelOrder(ID)), 0),
    "an amendment down": (lambda: verified(**THREE).do(AmendOrder(ID, {"L1": 1})), 1),
}


def refused(about: str) -> Life:
    return LESS[about][0]().answer(ClaimStock, LOCKED)


@pytest.mark.parametrize("about", LESS)
def test_a_refused_release_is_a_case_and_nothing_is_recorded_as_released(about: str) -> None:
    life = refused(about)
    claim = life.order.claims["C1"]
    assert life.happened == ["ExceptionRaised"]
    assert (claim.held, claim.wanted, claim.is_settled) == (D(3), D(LESS[about][1]), False)
    case = life.case
    assert (case.code, case.about, case.is_about_request) == ("stock.release_refused", "claim/C1/2", True)
    assert case.options == ("try_again", "released_by_hand")
    assert "the period is closed" in case.message
    assert "claim/C1/2" not in life.asks


@pytest.mark.parametrize("about", LESS)
def test_a_refused_release_is_tried_again_in_the_same_words(about: str) -> None:
    life = LESS[about][0]()
    request = life.wanted(ClaimStock)
    life.hears(request, LOCKED)
    assert life.hears(request, LOCKED).events == (), "the case is raised once"
    given(life).when(ResolveException(ID, "X1", "try_again")).then(ExceptionResolved(NOW, "X1", "try_again"))
    assert life.wanted(ClaimStock) == request
    life.reply_all()
    assert life.order.claims["C1"].held == LESS[about][1]
    assert life.order.claims["C1"].is_settled


@pytest.mark.parametrize("about", LESS)
def test_a_release_that_is_refused_again_is_a_case_again(about: str) -> None:
    life = refused(about).do(ResolveException(ID, "X1", "try_again")).answer(ClaimStock, LOCKED)
    assert (life.case.id, life.case.code) == ("X2", "stock.release_refused")
    assert life.order.claims["C1"].held == 3


@pytest.mark.parametrize("about", LESS)
def test_what_was_released_by_hand_is_recorded_as_wanted(about: str) -> None:
    life = refused(about).do(ResolveException(ID, "X1", "released_by_hand"))
    assert life.events[0] == ExceptionResolved(NOW, "X1", "released_by_hand")
    claimed = [event for event in life.events if isinstance(event, StockClaimed)]
    assert [(event.claim_id, event.revision, event.held) for event in claimed] == [("C1", 2, D(LESS[about][1]))]
    claim = life.order.claims["C1"]
    assert (claim.held, claim.is_settled, claim.location) == (D(LESS[about][1]), True, "BER")
    assert list(life.order.open_cases) == []
    assert "claim/C1/2" not in life.asks


def test_an_answer_that_comes_after_the_refusal_settles_the_claim_and_its_case() -> None:
    life = LESS["a release"][0]()
    request = life.wanted(ClaimStock)
    life.hears(request, LOCKED).hears(request, StockHeld(2, D(0), "BER"))
    assert life.order.claims["C1"].held == 0
    assert list(life.order.open_cases) == []


def test_a_refused_release_is_told_to_whoever_asks() -> None:
    told = str(explain((life := refused("a release")).order, life.process))
    assert "stock.release_refused" in told
    assert "try_again or released_by_hand" in told


def test_an_amendment_overtakes_a_refused_release() -> None:
    life = refused("an amendment down").do(AmendOrder(ID, {"L1": 3})).reply_all()
    claim = life.order.claims["C1"]
    assert (claim.held, claim.wanted, claim.is_settled) == (D(3), D(3), True)
    assert list(life.order.open_cases) == []


def test_an_order_is_not_completed_while_a_release_is_refused() -> None:
    life = refused("an amendment down").do(StartPicking(ID, "F1"), RecordPick(ID, "F1"), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, service="parcel")).reply_all().do(DespatchShipment(ID)).reply_all()
    life.do(RecordTracking(ID, [scan("delivered", hours=30)])).reply_all()
    assert life.order.state == "delivered"
    life.do(ResolveException(ID, "X1", "released_by_hand"))
    assert life.order.state == "completed"


def test_a_refused_amendment_up_keeps_what_was_held_and_the_rest_is_short() -> None:
    life = verified(**THREE).do(AmendOrder(ID, {"L1": 5})).answer(ClaimStock, LOCKED)
    claim = life.order.claims["C1"]
    assert (claim.held, claim.is_settled, claim.refusal, claim.location) == (D(3), True, "erp.locked", "BER")
    assert life.goods == {"L1": {"backordered": D(2), "allocated:F1": D(3)}}
    assert (life.case.code, life.case.message) == ("stock.short", "3 of 5 × TEA-250 can be had (erp.locked)")


def test_a_refused_amendment_up_can_be_tried_again() -> None:
    life = verified(**THREE).do(AmendOrder(ID, {"L1": 5})).answer(ClaimStock, LOCKED)
    life.do(ResolveException(ID, "X1", "try_again")).reply_all()
    assert life.goods == {"L1": {"allocated:F1": D(3), "allocated:F2": D(2)}}
    assert list(life.order.open_cases) == []


def test_a_claim_that_is_refused_after_a_part_was_held_keeps_the_part() -> None:
    life = placed(**THREE).answer(QuotePrices).answer(ClaimStock, lambda request: held(request, 1))
    life.do(ResolveException(ID, "X1", "try_again")).answer(ClaimStock, LOCKED)
    assert life.order.claims["C1"].held == 1
    assert life.goods == {"L1": {"open": D(1), "backordered": D(2)}}


def test_a_release_without_an_answer_is_still_wanted_when_someone_tries_again() -> None:
    life = LESS["a release"][0]().answer(ClaimStock, GaveUp(8, "timeout"))
    assert life.order.claims["C1"].held == 3
    life.do(ResolveException(ID, "X1", "try_again")).reply_all()
    assert life.order.claims["C1"].held == 0
