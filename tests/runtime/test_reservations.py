"""A reservation protects its goods until they are issued, however long they lie picked or packed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow import commands as c
from orderflow.adapters.memory import MemoryInventory
from orderflow.defaults import STANDARD
from orderflow.runtime import OrderFlow
from orderflow.stores import OrderStore
from tests.runtime.shop import STEPS, Shop, go_on, lead, next_due, place, tags

HOUR = timedelta(hours=1)
PUSHED = attrs.evolve(STANDARD, poll_every=None)


def lending(store: OrderStore | None = None, tea: int = 2, **changes: Any) -> tuple[Shop, OrderFlow]:
    """A shop whose ERP holds goods for an hour at a time."""
    shop = Shop(store, policy=PUSHED, **changes)
    shop.inventory = MemoryInventory({"TEA": tea}, location="BER", clock=shop.clock, hold_for=HOUR)
    shop.ports["inventory"] = shop.inventory
    return shop, shop.flow()


def works_for(shop: Shop, flow: OrderFlow, hours: float) -> None:
    """The worker is there all the time."""
    for _ in range(int(hours * 60 / 4)):
        shop.passes(minutes=4)
        flow.run_due()


@pytest.mark.parametrize("step", ["verified", "picking", "picked", "packed", "booked"])
def test_goods_that_wait_on_their_way_are_held_for_hours_and_nobody_else_gets_them(
    store: OrderStore, step: str
) -> None:
    shop, flow = lending(store)
    first = lead(flow, upto=step)
    works_for(shop, flow, 5)

    second = lead(flow)

    assert flow.get(second).state == "acknowledged"
    assert flow.get(second).claims["C1"].held == 0
    order = go_on(flow, first, after=step)
    assert order.state == "shipped"
    assert not order.open_cases
    assert (shop.inventory.on_hand("TEA"), shop.inventory.discrepancies) == (0, ())


def test_the_work_of_a_location_is_not_withdrawn_by_a_renewal(store: OrderStore) -> None:
    shop, flow = lending(store)
    order_id = lead(flow, upto="picked")
    works_for(shop, flow, 3)

    assert list(flow.get(order_id).fulfillments) == ["F1"]
    assert "reservation_lapsed" not in tags(flow, order_id)
    assert tags(flow, order_id).count("stock_claimed") == 4


def test_a_reservation_is_not_put_again_once_its_goods_are_issued(store: OrderStore) -> None:
    shop, flow = lending(store)
    order_id = lead(flow, upto="despatched")
    before = flow.get(order_id)

    works_for(shop, flow, 3)

    assert next_due(flow) is None
    assert flow.get(order_id) == before


def test_a_goods_issue_that_the_erp_does_not_take_yet_keeps_its_reservation(store: OrderStore) -> None:
    from orderflow.errors import PortUnavailable
    from tests.runtime.shop import Only

    shop, _ = lending(store)
    closed = Only(shop.inventory, "issue", [PortUnavailable("closed")] * 4)
    flow = shop.flow(inventory=closed)
    order_id = lead(flow, upto="despatched")
    works_for(shop, flow, 3)

    second = flow.get(lead(flow))

    assert flow.get(order_id).shipments["S1"].issued
    assert second.claims["C1"].held == 0
    assert (shop.inventory.on_hand("TEA"), shop.inventory.discrepancies) == (0, ())


def test_a_released_order_gives_its_goods_to_the_next(store: OrderStore) -> None:
    shop, flow = lending(store)
    first = lead(flow, upto="picked")
    works_for(shop, flow, 2)
    flow.handle(c.CancelOrder(first))

    assert flow.get(lead(flow)).state == "verified"


TURNS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from([4, 40, 90])), min_size=4, max_size=14)


@given(TURNS)
def test_orders_that_share_a_shelf_never_take_more_than_is_on_it(turns: list[tuple[int, int]]) -> None:
    """Three orders of two come when they come, and go on when they go on; the shelf holds four."""
    shop, flow = lending(tea=4)
    at: dict[int, tuple[str, str]] = {}
    for number, minutes in turns:
        works_for(shop, flow, minutes / 60)
        if number not in at:
            at[number] = flow.handle(place()).order.id, "verified"
            continue
        order_id, step = at[number]
        if flow.get(order_id).state != "acknowledged" and step != "despatched":
            following = STEPS[STEPS.index(step) + 1]
            go_on(flow, order_id, step, following)
            at[number] = order_id, following

    assert shop.inventory.on_hand("TEA") >= 0
    assert shop.inventory.discrepancies == ()
    assert sum(flow.get(order_id).claims["C1"].held for order_id, _ in at.values()) == min(4, 2 * len(at))
