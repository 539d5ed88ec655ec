"""Time comes first: what has ended by itself has ended, whether or not the worker has noticed yet."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from orderflow import commands as c
from orderflow.adapters.memory import MemoryInventory
from orderflow.errors import CommandRefused, VersionConflict
from orderflow.runtime import AsyncOrderFlow, OrderFlow
from orderflow.stores import OrderStore
from tests.runtime.shop import Shop, go_on, lead, place, tags


def held_back(store: OrderStore, **changes: Any) -> tuple[Shop, OrderFlow, str]:
    """An order whose picking was held for two hours, three hours ago; nobody has noticed."""
    shop = Shop(store, **changes)
    flow = shop.flow()
    order_id = lead(flow)
    flow.handle(c.PlaceHold(order_id, "credit", blocks=["pick"], expires_at=shop.clock() + timedelta(hours=2)))
    with pytest.raises(CommandRefused):
        flow.handle(c.StartPicking(order_id, "F1"))
    shop.passes(hours=3)
    return shop, flow, order_id


def lapsed(store: OrderStore) -> tuple[Shop, OrderFlow, str]:
    """An order whose goods were held for an hour, two hours ago; nobody has noticed."""
    shop = Shop(store)
    shop.inventory = MemoryInventory({"TEA": 2}, location="BER", clock=shop.clock, hold_for=timedelta(hours=1))
    flow = shop.flow(inventory=shop.inventory)
    order_id = lead(flow)
    shop.passes(hours=2)
    return shop, flow, order_id


# -- holds -------------------------------------------------------------------------------------------------------------


def test_a_hold_whose_time_is_over_blocks_no_command(store: OrderStore) -> None:
    _, flow, order_id = held_back(store)

    order = flow.handle(c.StartPicking(order_id, "F1")).order

    assert order.state == "in_fulfillment"
    assert order.active_holds == ()


def test_a_hold_whose_time_is_over_blocks_no_command_of_a_front_that_only_decides(store: OrderStore) -> None:
    shop, _, order_id = held_back(store)

    order = shop.flow(inline=False).handle(c.StartPicking(order_id, "F1")).order

    assert order.state == "in_fulfillment"


def test_a_hold_whose_time_is_over_blocks_no_preview_and_a_preview_keeps_nothing(store: OrderStore) -> None:
    _, flow, order_id = held_back(store)
    history = flow.history(order_id)

    assert flow.preview(c.StartPicking(order_id, "F1")).order.state == "in_fulfillment"

    assert flow.history(order_id) == history


def test_a_hold_whose_time_is_over_is_told_by_no_explanation_and_asking_keeps_nothing(store: OrderStore) -> None:
    _, flow, order_id = held_back(store)
    history = flow.history(order_id)

    told = flow.explain(order_id)

    assert c.StartPicking(order_id, "F1") in told.possible
    assert "hold" not in str(told)
    assert flow.history(order_id) == history


def test_a_hold_whose_time_is_not_over_still_blocks(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow()
    order_id = lead(flow)
    flow.handle(c.PlaceHold(order_id, "credit", expires_at=shop.clock() + timedelta(hours=2)))
    shop.passes(hours=1, minutes=59)

    with pytest.raises(CommandRefused) as refused:
        flow.handle(c.StartPicking(order_id, "F1"))
    assert refused.value.codes == ("hold.active",)
    assert c.StartPicking(order_id, "F1") not in flow.explain(order_id).possible


def test_that_time_has_passed_is_on_record_once_and_before_the_command(store: OrderStore) -> None:
    shop, flow, order_id = held_back(store)
    flow.handle(c.StartPicking(order_id, "F1"))
    for _ in range(2):
        flow.run_due()
    go_on(flow, order_id, "picking", "packed")

    happened = tags(flow, order_id)
    assert happened.count("hold_released") == 1
    assert happened.index("hold_released") < happened.index("picking_started")
    (released,) = (one.event for one in flow.history(order_id) if one.event.TAG == "hold_released")
    assert released.at == shop.clock()


def test_a_command_under_an_id_gets_its_original_answer_also_where_time_had_passed_before_it(
    store: OrderStore,
) -> None:
    shop, flow, order_id = held_back(store)
    first = flow.handle(c.StartPicking(order_id, "F1"), command_id="till-1")
    shop.passes(hours=1)

    again = flow.handle(c.StartPicking(order_id, "F1"), command_id="till-1")

    assert (again.replayed, again.events, again.version) == (True, first.events, first.version)
    assert tags(flow, order_id).count("hold_released") == 1


def test_a_hold_that_is_over_cannot_be_released_by_hand_any_more(store: OrderStore) -> None:
    _, flow, order_id = held_back(store)

    with pytest.raises(CommandRefused) as refused:
        flow.handle(c.ReleaseHold(order_id, "H1"))
    assert refused.value.codes == ("hold.already_released",)


# -- against a version -------------------------------------------------------------------------------------------------


def test_who_saw_the_order_before_the_time_passed_is_not_told_that_it_has_moved_on(store: OrderStore) -> None:
    _, flow, order_id = held_back(store)
    seen = flow.get(order_id).version

    receipt = flow.handle(c.StartPicking(order_id, "F1"), expected_version=seen)

    assert receipt.order.state == "in_fulfillment"
    assert "hold_released" in tags(flow, order_id)


def test_who_saw_another_version_is_told_so_also_where_time_has_passed(store: OrderStore) -> None:
    _, flow, order_id = held_back(store)
    seen = flow.get(order_id).version

    with pytest.raises(VersionConflict):
        flow.handle(c.StartPicking(order_id, "F1"), expected_version=seen - 1)
    assert "picking_started" not in tags(flow, order_id)


# -- reservations ------------------------------------------------------------------------------------------------------


def test_goods_whose_reservation_has_lapsed_are_not_picked(store: OrderStore) -> None:
    _, flow, order_id = lapsed(store)

    with pytest.raises(CommandRefused):
        flow.handle(c.StartPicking(order_id, "F1"))
    with pytest.raises(CommandRefused):
        flow.preview(c.StartPicking(order_id, "F1"))
    assert c.StartPicking(order_id, "F1") not in flow.explain(order_id).possible
    assert "picking_started" not in tags(flow, order_id)


def test_goods_whose_reservation_has_lapsed_may_be_another_orders_by_now(store: OrderStore) -> None:
    shop, flow, order_id = lapsed(store)
    second = flow.handle(place()).order
    assert second.state == "verified"

    with pytest.raises(CommandRefused):
        flow.handle(c.StartPicking(order_id, "F1"))
    flow.run_due()

    assert dict(flow.get(order_id).ledger.accounts("L1")) == {"backordered": 2}
    go_on(flow, second.id)
    assert (shop.inventory.on_hand("TEA"), shop.inventory.discrepancies) == (0, ())


def test_goods_whose_reservation_has_lapsed_are_claimed_again_and_are_work_of_their_own(store: OrderStore) -> None:
    _, flow, order_id = lapsed(store)
    with pytest.raises(CommandRefused):
        flow.handle(c.StartPicking(order_id, "F1"))

    flow.run_due()

    assert flow.get(order_id).fulfillments["F1"].state == "cancelled"
    assert flow.handle(c.StartPicking(order_id, "F2")).order.state == "in_fulfillment"
    assert tags(flow, order_id).count("reservation_lapsed") == 1


def test_for_asyncio_time_comes_first_as_well(store: OrderStore) -> None:
    from tests.runtime.test_asyncio import Awaited

    shop, _, order_id = held_back(store)
    ports = {name: Awaited(port) for name, port in shop.ports.items()}

    async def told() -> None:
        async with AsyncOrderFlow(**ports, **shop.settings, store=store) as flow:
            command = c.StartPicking(order_id, "F1")
            assert command in (await flow.explain(order_id)).possible
            assert (await flow.preview(command)).order.state == "in_fulfillment"
            assert (await flow.handle(command)).order.state == "in_fulfillment"

    asyncio.run(told())
