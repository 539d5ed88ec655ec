"""The same for asyncio: ports that are awaited, tasks that are cancelled, tasks that work on one order."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Coroutine
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from orderflow import commands as c
from orderflow.adapters.memory import Flaky, MemoryInventory
from orderflow.errors import CommandIdReused, CommandRefused, PortUnavailable, UnknownOrder, VersionConflict
from orderflow.runtime import AsyncOrderFlow
from orderflow.stores import OrderStore, SqliteStore
from orderflow.tracking import Scan
from tests.runtime.shop import NINE, Only, Shop, beside, place, the_steps

DOWN = PortUnavailable("down")


class Awaited:
    """A system whose every answer has to be awaited."""

    def __init__(self, port: Any) -> None:
        self.port = port

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self.port, name)
        if not callable(asked):
            return asked

        async def answer(request: Any) -> Any:
            await asyncio.sleep(0)
            return asked(request)

        return answer


def a_flow(shop: Shop, **changes: Any) -> AsyncOrderFlow:
    ports = {name: Awaited(port) for name, port in shop.ports.items()}
    where = {} if shop.store is None else {"store": shop.store}
    return AsyncOrderFlow(**(ports | shop.settings | where | changes))


def awaited(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


async def lead(flow: AsyncOrderFlow, steps: int = 5) -> str:
    order_id = (await flow.handle(place())).order.id
    for command in list(the_steps(order_id).values())[:steps]:
        await flow.handle(command)
    return order_id


def test_a_life_from_the_order_to_the_door(store: OrderStore) -> None:
    shop = Shop(store)

    async def lived() -> Any:
        async with a_flow(shop) as flow:
            order_id = await lead(flow)
            stray = Scan("NOBODY'S", "delivered", shop.clock())
            assert await flow.observe(stray) == ()
            assert await flow.inbox() == {"NOBODY'S": (stray,)}
            (receipt,) = await flow.observe(Scan("PA000001", "delivered", shop.clock()))
            assert receipt.order == await flow.get(order_id)
            assert (await flow.find(state="completed")).orders[0].order_id == order_id
            assert (await flow.find(label="location:BER")).orders == ()
            assert len(await flow.history(order_id)) == receipt.order.version
            assert (await flow.explain(order_id)).order == receipt.order
            return receipt.order

    assert awaited(lived()).state == "completed"
    assert (shop.inventory.issued("TEA"), shop.inventory.held("TEA")) == (2, 0)


def test_a_preview_asks_nobody_and_changes_nothing(store: OrderStore) -> None:
    shop = Shop(store)

    async def lived() -> None:
        flow = a_flow(shop)
        order_id = await lead(flow, 0)
        before, books = await flow.history(order_id), shop.books
        assert (await flow.preview(c.CancelOrder(order_id))).order.version > len(before)
        assert (await flow.history(order_id), shop.books) == (before, books)

    awaited(lived())


@pytest.mark.parametrize("after", [False, True])
def test_ports_that_fail_every_other_time_are_asked_again(store: OrderStore, after: bool) -> None:
    shop, calm = Shop(store), Shop()

    async def lived(shop: Shop, flow: AsyncOrderFlow) -> str:
        order_id = (await flow.handle(place())).order.id
        for command in (None, *the_steps(order_id).values()):
            if command is not None:
                await flow.handle(command)
            for _ in range(4):
                shop.passes(minutes=2)
                await flow.run_due()
        return (await flow.get(order_id)).state

    failing = {name: Flaky(Awaited(port), cycle([DOWN, None]), after=after) for name, port in shop.ports.items()}
    assert awaited(lived(shop, a_flow(shop, **failing))) == "shipped"
    assert awaited(lived(calm, a_flow(calm))) == "shipped"
    assert shop.books == calm.books


def test_a_port_that_fails_never_raises_out_of_handle(store: OrderStore) -> None:
    shop = Shop(store)
    flow = a_flow(shop, inventory=Only(Awaited(shop.inventory), "claim", [ConnectionError("reset"), None], after=True))

    order_id = awaited(flow.handle(place())).order.id

    assert beside(flow, order_id) == {"claim/C1/1": 1}  # type: ignore[arg-type]
    shop.passes(seconds=30)
    assert awaited(flow.run_due()).advanced == (order_id,)
    assert awaited(flow.get(order_id)).state == "verified"
    assert shop.inventory.held("TEA") == 2


class Hangs(MemoryInventory):
    """An ERP that does not answer before somebody loses patience; the work may be done all the same."""

    def __init__(self, shop: Shop, *, after: bool) -> None:
        super().__init__()
        self.shop, self.after, self.asked = shop, after, asyncio.Event()

    async def claim(self, request: Any) -> Any:  # type: ignore[override]
        if self.after:
            self.shop.inventory.claim(request)
        self.asked.set()
        await asyncio.Event().wait()


@pytest.mark.parametrize("after", [False, True])
def test_a_task_that_is_cancelled_while_it_asks_leaves_the_order_due(store: OrderStore, after: bool) -> None:
    shop = Shop(store)

    async def lived() -> str:
        hangs = Hangs(shop, after=after)
        task = asyncio.create_task(a_flow(shop, inventory=hangs).handle(place(), command_id="basket-1"))
        await hangs.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        flow = a_flow(shop)
        assert store.next_due("main") == NINE + timedelta(minutes=5), "the lease of the worker that is gone"
        shop.clock.advance(timedelta(minutes=5))
        (order_id,) = (await flow.run_due()).advanced
        assert (await flow.get(order_id)).state == "verified"
        assert (await flow.handle(place(), command_id="basket-1")).replayed
        return order_id

    assert awaited(lived()) == "A-1001"
    assert shop.inventory.held("TEA") == 2


def test_a_turn_that_is_cancelled_is_taken_again_when_the_lease_is_over(store: OrderStore) -> None:
    shop = Shop(store)

    async def lived() -> None:
        order_id = (await a_flow(shop, inline=False).handle(place())).order.id
        hangs = Hangs(shop, after=True)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(a_flow(shop, inventory=hangs).run_due(), 0.02)
        flow = a_flow(shop)
        assert (await flow.run_due()).advanced == ()
        shop.passes(minutes=5)
        assert (await flow.run_due()).advanced == (order_id,)
        assert (await flow.get(order_id)).state == "verified"

    awaited(lived())


def test_tasks_that_work_on_one_order_lose_nothing_and_book_once(store: OrderStore) -> None:
    shop = Shop(store)

    async def lived() -> Any:
        flow = a_flow(shop)
        order_id = await lead(flow, 3)
        booking = flow.handle(c.BookShipment(order_id))
        holds = [flow.handle(c.PlaceHold(order_id, f"hold-{n}", blocks=("despatch",))) for n in range(8)]
        await asyncio.gather(booking, *holds, *(flow.advance(order_id) for _ in range(4)))
        return await flow.get(order_id)

    order = awaited(lived())
    assert {hold.code for hold in order.holds.values()} == {f"hold-{n}" for n in range(8)}
    assert order.parcels["P1"].state == "booked"
    assert shop.carriers.bookings == {"B1": "booked"}


def test_tasks_that_send_the_same_command_under_one_id_place_one_order(store: OrderStore) -> None:
    shop = Shop(store)

    async def lived() -> list[Any]:
        flow = a_flow(shop)
        return await asyncio.gather(*(flow.handle(place(), command_id="basket-1") for _ in range(5)))

    receipts = awaited(lived())
    assert [receipt.replayed for receipt in receipts].count(False) == 1
    assert {receipt.order.id for receipt in receipts} == {receipts[0].order.id}
    assert shop.inventory.held("TEA") == 2


def test_what_is_refused_is_refused_with_the_same_errors(store: OrderStore) -> None:
    async def lived() -> None:
        flow = a_flow(Shop(store))
        order_id = (await flow.handle(place(), command_id="basket-1")).order.id
        with pytest.raises(UnknownOrder):
            await flow.get("NONE")
        with pytest.raises(CommandRefused):
            await flow.handle(c.DespatchShipment(order_id))
        with pytest.raises(CommandIdReused):
            await flow.handle(c.CancelOrder(order_id), command_id="basket-1")
        with pytest.raises(VersionConflict):
            await flow.handle(c.CancelOrder(order_id), expected_version=1)

    awaited(lived())


def test_where_handle_only_decides_a_turn_does_the_rest(store: OrderStore) -> None:
    async def lived() -> tuple[str, str]:
        flow = a_flow(Shop(store), inline=False)
        placed = (await flow.handle(place())).order
        await flow.run_due()
        return placed.state, (await flow.get(placed.id)).state

    assert awaited(lived()) == ("acknowledged", "verified")


def test_plain_ports_will_do_as_well(store: OrderStore) -> None:
    shop = Shop(store)

    assert awaited(lead(a_flow(shop, **shop.ports))) == "A-1001"
    assert shop.carriers.bookings == {"B1": "booked"}


def test_leaving_the_flow_closes_its_store(path: Path) -> None:
    async def lived() -> AsyncOrderFlow:
        async with a_flow(Shop(SqliteStore(path))) as flow:
            await flow.handle(place())
        return flow

    flow = awaited(lived())
    with pytest.raises(sqlite3.ProgrammingError):
        awaited(flow.get("A-1001"))


def test_a_deferred_answer_is_asked_for_when_its_time_has_come(store: OrderStore) -> None:
    from orderflow.adapters.memory import Deferring

    shop = Shop(store)
    erp = Deferring(shop.inventory, ("claim",), clock=shop.clock)

    async def lived() -> str:
        flow = a_flow(shop, inventory=Awaited(erp))
        order_id = (await flow.handle(place())).order.id
        assert store.next_due("main") == NINE + timedelta(hours=1)
        erp.release("T1")
        shop.passes(hours=1)
        await flow.run_due()
        return (await flow.get(order_id)).state

    assert awaited(lived()) == "verified"
