"""Within a line's tolerance a delivery may fall short of the order, or go beyond it, and still be the order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from orderflow.commands import (
    AmendOrder,
    BookShipment,
    CancelOrder,
    DespatchShipment,
    PackParcel,
    RecordDespatch,
    RecordPick,
    RecordTracking,
    StartPicking,
)
from orderflow.errors import InvalidInput
from orderflow.ledger import CLOSED_SHORT, OPEN, SURPLUS, Move, allocated, picked
from orderflow.order import Tolerance
from orderflow.ports import ClaimStock
from orderflow.process import replay
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.advices import DespatchedParcel
from orderflow.stages.tolerance import LinesClosedShort, over_room, still_ordered
from tests.scenario import ID, NOW, D, Life, held, picking, placed, scan, verified


def cable(under: Any = 5, over: Any = 5, quantity: Any = 1000) -> dict[str, Any]:
    return {"lines": [OrderLine("CABLE", quantity, "m", under=under, over=over)]}


def sent(life: Life) -> Life:
    """What is picked is packed, booked and despatched."""
    life.do(PackParcel(ID, "F1"), BookShipment(ID, service="freight", carrier="DHL")).reply_all()
    return life.do(DespatchShipment(ID)).reply_all()


def backordered(there: int, **terms: Any) -> Life:
    """A thousand are wanted since the order was amended, so many can be had, and the location has picked them."""
    life = verified(**cable(quantity=there, **terms)).do(AmendOrder(ID, {"L1": 1000}))
    life.answer(ClaimStock, lambda request: held(request, there)).reply_all()
    return life.do(StartPicking(ID, "F1"), RecordPick(ID, "F1"))


def test_a_line_keeps_its_tolerance_and_most_have_none() -> None:
    life = placed(lines=[OrderLine("CABLE", 1000, "m", under="2.5", over=5), ("TEA-250", 2)])
    assert life.order.lines["L1"].tolerance == Tolerance(D("2.5"), D(5))
    assert life.order.lines["L2"].tolerance == Tolerance()


@pytest.mark.parametrize("said", [{"under": -1}, {"under": 100}, {"over": 1001}, {"over": 0.5}, {"over": "5%"}])
def test_a_tolerance_that_is_none_is_refused_with_its_path(said: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as invalid:
        OrderLine("CABLE", 1000, **said)
    assert [violation.path for violation in invalid.value.violations] == list(said)


# -- beyond ---------------------------------------------------------------------------------------------------------


def test_more_than_was_ordered_is_picked_as_surplus() -> None:
    life = picking(**cable()).do(RecordPick(ID, "F1", [("L1", 1040)]))
    assert life.goods == {"L1": {"picked:F1": D(1040)}}
    assert life.order.ledger.surplus("L1") == D(40)
    assert life.order.fulfillments["F1"].state == "picked"


def test_more_than_the_tolerance_is_refused_with_the_numbers() -> None:
    life = picking(**cable())
    assert life.refusal(RecordPick(ID, "F1", [("L1", 1060)])) == [("picking.takes_too_much", "goods[0].quantity")]
    (violation,) = life.process.violations(life.order, RecordPick(ID, "F1", [("L1", 1060)]))
    assert violation.message == "1060 of L1, but 1000 are there, and 50 more would be within 5 % of the order"


def test_what_lies_beyond_is_counted_over_all_picks_of_all_locations() -> None:
    life = picking(**cable()).do(RecordPick(ID, "F1", [("L1", 500)]), RecordPick(ID, "F1", [("L1", 540)]))
    assert life.order.ledger.surplus("L1") == D(40)
    assert over_room(life.order, "L1") == D(10)
    assert life.codes(PackParcel(ID, "F1", [("L1", 1051)])) == ["packing.takes_too_much"]
    life.do(PackParcel(ID, "F1", [("L1", 1050)]))
    assert life.goods == {"L1": {"packed:P1": D(1050)}}
    assert life.order.ledger.surplus("L1") == D(50)


def test_a_line_of_another_location_is_not_handed_over_in_surplus() -> None:
    life = placed(lines=[OrderLine("CABLE", 1000, "m", over=5), ("TEA-250", 2)]).answer(ClaimStock, about="C1")
    life.answer(ClaimStock, lambda request: held(request, location="HAM")).reply_all().do(StartPicking(ID, "F2"))
    assert life.codes(RecordPick(ID, "F2", [("L1", 10), ("L2", 2)])) == ["picking.takes_too_much"]


def test_surplus_is_claimed_too_so_that_the_goods_issue_is_covered() -> None:
    life = picking(**cable()).do(RecordPick(ID, "F1", [("L1", 1040)]))
    assert life.wanted(ClaimStock).quantity == D(1040)


def test_surplus_that_the_inventory_knows_nothing_of_is_no_backorder() -> None:
    life = picking(**cable()).do(RecordPick(ID, "F1", [("L1", 1040)]))
    life.answer(ClaimStock, lambda request: held(request, 1000))
    assert life.goods == {"L1": {"picked:F1": D(1040)}}
    assert life.order.open_cases == ()


# -- short ----------------------------------------------------------------------------------------------------------


def test_a_short_pick_within_the_tolerance_closes_the_line() -> None:
    life = picking(**cable()).do(RecordPick(ID, "F1", [("L1", 980)], short={"L1": "end of the drum"}))
    assert LinesClosedShort(NOW, (Move("L1", OPEN, CLOSED_SHORT, D(20)),)) in life.events
    assert life.goods == {"L1": {"picked:F1": D(980), "closed_short": D(20)}}
    assert life.order.live_quantity("L1") == D(980)
    assert life.wanted(ClaimStock).quantity == D(980)
    assert life.order.is_priced


def test_a_short_pick_beyond_the_tolerance_leaves_the_rest_wanted() -> None:
    life = picking(**cable()).do(RecordPick(ID, "F1", [("L1", 940)], short={"L1": "end of the drum"}))
    assert life.order.ledger.of_kind("L1", "closed_short") == 0
    assert life.order.live_quantity("L1") == D(1000)


def test_what_is_closed_short_is_not_charged() -> None:
    life = picking(**cable())
    before = life.order.total
    life.do(RecordPick(ID, "F1", [("L1", 980)], short={"L1": "end of the drum"}))
    assert life.order.total.amount * 1000 == before.amount * 980


def test_a_line_that_was_closed_short_is_delivered_and_completed() -> None:
    life = picking(**cable()).do(RecordPick(ID, "F1", [("L1", 980)], short={"L1": "end of the drum"}))
    sent(life).do(RecordTracking(ID, [scan("delivered", hours=30)]))
    assert life.order.state == "completed"


def test_a_backorder_is_closed_once_what_was_sent_is_as_good_as_the_whole() -> None:
    life = backordered(980)
    assert life.goods == {"L1": {"picked:F1": D(980), "backordered": D(20)}}
    sent(life)
    assert life.goods == {"L1": {"shipped:P1": D(980), "closed_short": D(20)}}
    assert life.order.state == "shipped"
    assert life.order.open_cases == ()


def test_exactly_the_tolerance_is_within_it() -> None:
    life = sent(backordered(950))
    assert life.goods == {"L1": {"shipped:P1": D(950), "closed_short": D(50)}}


def test_what_is_being_cancelled_is_not_closed_short() -> None:
    life = backordered(980).do(PackParcel(ID, "F1"), BookShipment(ID, service="freight", carrier="DHL")).reply_all()
    life.do(CancelOrder(ID))
    assert life.order.is_cancelling
    life.do(RecordDespatch(ID, "3PL", "D-1", [DespatchedParcel([("L1", 980)], "T-S1-1")]))
    assert life.goods == {"L1": {"shipped:P1": D(980), "cancelled": D(20)}}
    assert life.order.state == "shipped"


def test_a_backorder_beyond_the_tolerance_stays() -> None:
    life = backordered(949)
    sent(life)
    assert life.goods == {"L1": {"shipped:P1": D(949), "backordered": D(51)}}


def test_a_line_without_a_tolerance_is_never_closed_short() -> None:
    life = backordered(999, under=0)
    sent(life)
    assert life.goods == {"L1": {"shipped:P1": D(999), "backordered": D(1)}}


def test_what_another_location_works_on_is_not_closed_short() -> None:
    life = picking(**cable()).do(RecordPick(ID, "F1", [("L1", 970)]))
    assert life.goods == {"L1": {"picked:F1": D(970), "allocated:F1": D(30)}}


# -- laws -----------------------------------------------------------------------------------------------------------


@for_all(
    quantity=st.decimals(min_value=1, max_value=9999, places=3),
    over=st.decimals(min_value=0, max_value=50, places=2),
    more=st.decimals(min_value=0, max_value=9999, places=3),
)
def test_no_command_brings_more_than_the_tolerance(quantity: Any, over: Any, more: Any) -> None:
    life = picking(**cable(over=over, quantity=quantity))
    command = RecordPick(ID, "F1", [("L1", quantity + more)])
    if more * 100 <= quantity * over:
        life.do(command)
        assert life.order.ledger.surplus("L1") == more
    else:
        assert life.codes(command) == ["picking.takes_too_much"]


@for_all(
    quantity=st.integers(min_value=1, max_value=500),
    under=st.decimals(min_value=0, max_value=50, places=1),
    missing=st.integers(min_value=0, max_value=500),
)
def test_what_is_closed_short_is_never_more_than_the_tolerance(quantity: int, under: Any, missing: int) -> None:
    missing = min(missing, quantity - 1)
    life = picking(**cable(under=under, quantity=quantity))
    if missing:
        life.do(RecordPick(ID, "F1", [("L1", quantity - missing)], short={"L1": ""}))
    closed = life.order.ledger.of_kind("L1", "closed_short")
    assert closed == (missing if missing * 100 <= quantity * under else 0)


def test_a_tolerance_is_measured_against_what_is_still_ordered() -> None:
    life = picking(**cable())
    order = life.order.moved(
        (Move("L1", allocated("F1"), CLOSED_SHORT, D(20)), Move("L1", SURPLUS, picked("F1"), D(5)))
    )
    assert still_ordered(order, "L1") == D(1000)
    assert over_room(order, "L1") == D(65)
    assert over_room(order, "L9") == 0
    assert replay(life.history) == life.order
