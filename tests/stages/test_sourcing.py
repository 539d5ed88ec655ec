"""What is held is divided among locations by a strategy."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import pytest

from orderflow.commands import AmendOrder, PlaceHold, PlanFulfillment, ReleaseHold
from orderflow.defaults import STANDARD, one_fulfillment_a_line
from orderflow.order import Order
from orderflow.policy import Allocation, Available
from orderflow.ports import ClaimStock, QuotePrices
from orderflow.stages.sourcing import FulfillmentPlanned, FulfillmentWithdrawn
from orderflow.values import FrozenMap
from tests.scenario import ID, NOW, D, Life, given, held, placed, verified

BY_HAND = attrs.evolve(STANDARD, automatic=STANDARD.automatic - {"plan"})


CLAIMS = FrozenMap({"L1": "C1", "L2": "C2"})


def plans(life: Life) -> dict[str, tuple[str, dict[str, int]]]:
    return {f.id: (f.location, {k: int(v) for k, v in f.planned.items()}) for f in life.order.fulfillments.values()}


def held_at(policy: object, **locations: str) -> Life:
    life = placed(policy).answer(QuotePrices)  # type: ignore[arg-type]
    for claim, location in locations.items():
        life.answer(ClaimStock, lambda request, where=location: held(request, location=where), claim)
    return life


def test_goods_at_one_location_are_one_piece_of_work() -> None:
    assert plans(held_at(STANDARD, C1="BER", C2="BER")) == {"F1": ("BER", {"L1": 2, "L2": 1})}


def test_each_location_gets_its_own_work() -> None:
    life = held_at(STANDARD, C1="BER", C2="HAM")
    assert plans(life) == {"F1": ("BER", {"L1": 2}), "F2": ("HAM", {"L2": 1})}
    assert life.goods == {"L1": {"allocated:F1": D(2)}, "L2": {"allocated:F2": D(1)}}


def test_a_strategy_may_give_each_line_work_of_its_own() -> None:
    life = held_at(attrs.evolve(STANDARD, plan=one_fulfillment_a_line), C1="BER", C2="BER")
    assert plans(life) == {"F1": ("BER", {"L1": 2}), "F2": ("BER", {"L2": 1})}


def test_a_strategy_may_split_a_line_and_leave_some_of_it_open() -> None:
    def one_at_a_time(order: Order, units: tuple[Available, ...]) -> Iterable[Allocation]:
        if order.fulfillments:
            return []
        return [Allocation(where, FrozenMap({"L1": D(1)})) for where in ("BER", "BER")]

    life = verified(attrs.evolve(STANDARD, plan=one_at_a_time), lines=[("TEA-250", 3)])
    assert plans(life) == {"F1": ("BER", {"L1": 1}), "F2": ("BER", {"L1": 1})}
    assert life.goods["L1"]["open"] == 1


@pytest.mark.parametrize("quantity", [4, 0, -1])
def test_a_strategy_that_allocates_what_is_not_there_is_told_so(quantity: int) -> None:
    def greedy(order: Order, units: tuple[Available, ...]) -> Iterable[Allocation]:
        return [Allocation("BER", FrozenMap({"L1": D(quantity)}))]

    with pytest.raises(ValueError, match=f"allocates {quantity} of L1"):
        verified(attrs.evolve(STANDARD, plan=greedy), lines=[("TEA-250", 3)])


def test_by_hand_work_is_planned_when_someone_says_so() -> None:
    life = verified(BY_HAND)
    assert life.order.fulfillments == {}
    given(life).when(PlanFulfillment(ID)).then(
        FulfillmentPlanned(NOW, "F1", "BER", FrozenMap({"L1": D(2), "L2": D(1)}), "planned", CLAIMS)
    )
    assert life.refusal(PlanFulfillment(ID)) == [("sourcing.nothing_to_plan", "")]


def test_a_hold_on_planning_keeps_the_goods_open_until_it_is_released() -> None:
    life = placed().do(PlaceHold(ID, "wait", blocks=["plan"])).reply_all()
    assert life.order.state == "verified"
    assert life.order.fulfillments == {}
    assert life.do(ReleaseHold(ID, "H1")).happened == ["HoldReleased", "FulfillmentPlanned"]


def test_work_that_lost_all_its_units_is_withdrawn() -> None:
    life = held_at(STANDARD, C1="BER", C2="HAM").reply_all()
    life.do(AmendOrder(ID, {"L2": 0}))
    assert FulfillmentWithdrawn(NOW, "F2", "cancelled") in life.events
    assert life.order.fulfillments["F1"].state == "planned"


def test_units_that_were_added_later_become_work_of_their_own() -> None:
    life = verified().do(AmendOrder(ID, {"L1": 5})).reply_all()
    assert plans(life) == {"F1": ("BER", {"L1": 2, "L2": 1}), "F2": ("BER", {"L1": 3})}
