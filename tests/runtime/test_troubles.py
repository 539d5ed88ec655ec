"""A request that fails is told by an explanation: how often, why, and when it is tried again."""

from __future__ import annotations

import asyncio
import gc
import warnings
from datetime import timedelta
from itertools import repeat
from typing import Any

import pytest

from orderflow import commands as c
from orderflow.adapters.memory import MemoryInventory
from orderflow.errors import PortUnavailable
from orderflow.runtime import AsyncOrderFlow, OrderFlow
from orderflow.stores import OrderStore
from tests.runtime.shop import NINE, Only, Shop, beside, lead, place


def failing(store: OrderStore, times: int = 9) -> tuple[Shop, OrderFlow, str]:
    """An order whose claim fails."""
    shop = Shop(store)
    broken = Only(shop.inventory, "claim", repeat(PortUnavailable("the ERP is closed"), times))
    flow = shop.flow(inventory=broken)
    return shop, flow, flow.handle(place()).order.id


def test_a_request_that_fails_is_told_with_count_reason_and_next_time(store: OrderStore) -> None:
    shop, flow, order_id = failing(store)

    (trouble,) = flow.explain(order_id).troubles

    assert (trouble.failures, trouble.next_at) == (1, NINE + timedelta(seconds=30))
    assert "the ERP is closed" in trouble.reason
    shop.passes(seconds=30)
    flow.run_due()
    (trouble,) = flow.explain(order_id).troubles
    assert (trouble.failures, trouble.next_at) == (2, shop.clock() + timedelta(seconds=60))


def test_a_trouble_is_a_row_of_the_text_that_names_the_request(store: OrderStore) -> None:
    _, flow, order_id = failing(store)

    (row,) = (line for line in str(flow.explain(order_id)).splitlines() if line.startswith("  trouble"))

    assert "claim/C1/1" in row
    assert "the ERP is closed" in row
    assert "09:00" in row


def test_an_explanation_of_an_order_in_hand_knows_its_troubles_too(store: OrderStore) -> None:
    _, flow, order_id = failing(store)

    assert flow.explain(flow.get(order_id)) == flow.explain(order_id)
    assert flow.explain(flow.get(order_id)).troubles


def test_a_trouble_that_is_over_is_told_no_more(store: OrderStore) -> None:
    shop, flow, order_id = failing(store, times=1)
    assert flow.explain(order_id).troubles
    shop.passes(seconds=30)
    flow.run_due()

    assert flow.get(order_id).state == "verified"
    assert flow.explain(order_id).troubles == ()
    assert "trouble" not in str(flow.explain(order_id))


def test_what_is_asked_again_without_having_failed_is_no_trouble(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow()
    order_id = lead(flow, upto="despatched")
    shop.passes(hours=6)
    flow.run_due()

    assert flow.explain(order_id).troubles == ()


def test_a_poll_that_fails_is_a_trouble(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow(carriers=Only(shop.carriers, "track", [PortUnavailable("closed")]))
    order_id = lead(flow, upto="despatched")
    shop.passes(hours=6)
    flow.run_due()

    (trouble,) = flow.explain(order_id).troubles
    assert (trouble.failures, "closed" in trouble.reason) == (1, True)


def test_a_fault_in_an_adapter_is_a_trouble_with_its_name(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow(pricing=Only(shop.pricing, "quote", [KeyError("TEA")]))
    order_id = flow.handle(place()).order.id

    (trouble,) = flow.explain(order_id).troubles
    assert "KeyError" in trouble.reason


def test_for_asyncio_troubles_are_told_as_well(store: OrderStore) -> None:
    from tests.runtime.test_asyncio import Awaited

    shop = Shop(store)
    ports: dict[str, Any] = {name: Awaited(port) for name, port in shop.ports.items()}
    ports["inventory"] = Awaited(Only(shop.inventory, "claim", repeat(PortUnavailable("the ERP is closed"), 9)))

    async def told() -> Any:
        async with AsyncOrderFlow(**ports, **shop.settings, store=store) as flow:
            return (await flow.explain((await flow.handle(place())).order.id)).troubles

    (trouble,) = asyncio.run(told())
    assert (trouble.failures, "the ERP is closed" in trouble.reason) == (1, True)


# -- a port that is awaited, in a program that calls -------------------------------------------------------------------


class AwaitedInventory(MemoryInventory):
    """An inventory written for asyncio."""

    async def claim(self, request: Any) -> Any:  # type: ignore[override]
        return super().claim(request)


def test_a_port_that_must_be_awaited_is_a_trouble_that_says_what_to_use(store: OrderStore) -> None:
    shop = Shop(store)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        flow = shop.flow(inventory=AwaitedInventory({"TEA": 90}, location="BER", clock=shop.clock))
        order_id = flow.handle(place()).order.id
        gc.collect()

    assert [str(one.message) for one in warned if issubclass(one.category, RuntimeWarning)] == []
    assert beside(flow, order_id) == {"claim/C1/1": 1}
    assert not flow.get(order_id).open_cases
    (trouble,) = flow.explain(order_id).troubles
    assert "AsyncOrderFlow" in trouble.reason
    assert "AsyncOrderFlow" in str(flow.explain(order_id))


@pytest.mark.filterwarnings("error")
def test_the_order_of_such_a_port_goes_on_when_the_right_runtime_takes_over(store: OrderStore) -> None:
    from tests.runtime.test_asyncio import Awaited

    shop = Shop(store)
    wrong = AwaitedInventory({"TEA": 90}, location="BER", clock=shop.clock)
    order_id = shop.flow(inventory=wrong).handle(place()).order.id
    ports: dict[str, Any] = {name: Awaited(port) for name, port in shop.ports.items()} | {"inventory": wrong}
    shop.passes(seconds=30)

    async def lived() -> Any:
        async with AsyncOrderFlow(**ports, **shop.settings, store=store) as flow:
            await flow.run_due()
            return (await flow.handle(c.StartPicking(order_id, "F1"))).order

    assert asyncio.run(lived()).state == "in_fulfillment"
