"""Threads and processes on one file, and processes that are killed in the middle of their work."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from orderflow import commands as c
from orderflow.errors import CommandRefused, DuplicateOrder, VersionConflict
from orderflow.runtime import OrderFlow
from orderflow.stores import OrderStore, SqliteStore
from tests.runtime.other_processes import Outside, ended_well, lived, started
from tests.runtime.shop import Shop, lead, place, tags


def together(*work: Callable[[], Any]) -> list[Any]:
    """All at once, each in a thread of its own; what each returned, or the error it met."""
    barrier = Barrier(len(work))

    def begun(one: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return one()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(begun, work))


def test_threads_that_command_one_order_lose_nothing_and_meet_no_error(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow()
    order_id = lead(flow)

    def worker(who: int) -> Callable[[], list[Any]]:
        return lambda: [
            flow.handle(c.PlaceHold(order_id, f"hold-{who}-{turn}"), command_id=f"{who}-{turn}") for turn in range(12)
        ]

    answers = together(*map(worker, range(4)))

    receipts = [receipt for answer in answers for receipt in answer]
    codes = [hold.code for hold in flow.get(order_id).holds.values()]
    assert sorted(codes) == sorted(f"hold-{who}-{turn}" for who in range(4) for turn in range(12))
    assert len({receipt.version for receipt in receipts}) == 48
    history = flow.history(order_id)
    assert [one.number for one in history] == list(range(1, len(history) + 1))
    assert [one.cause for one in history if one.event.TAG == "hold_placed"] == [
        receipt.command_id for receipt in sorted(receipts, key=lambda receipt: receipt.version)
    ]


def test_of_threads_that_send_one_command_under_one_id_one_is_first_and_the_others_hear_the_same(
    store: OrderStore,
) -> None:
    shop = Shop(store)
    flow = shop.flow()

    receipts = together(*[lambda: flow.handle(place(), command_id="basket-1")] * 4)

    assert sorted(receipt.replayed for receipt in receipts) == [False, True, True, True]
    assert len({(receipt.order.id, receipt.version, receipt.events) for receipt in receipts}) == 1
    assert shop.inventory.held("TEA") == 2
    assert len(flow.find().orders) == 1


def test_of_threads_that_ask_for_the_same_step_one_takes_it_and_the_others_are_refused(store: OrderStore) -> None:
    flow = Shop(store).flow()
    order_id = lead(flow)

    answers = together(*[lambda: flow.handle(c.StartPicking(order_id, "F1"))] * 4)

    assert sorted(type(answer).__name__ for answer in answers) == ["CommandRefused"] * 3 + ["Receipt"]
    assert tags(flow, order_id).count("picking_started") == 1


def test_of_threads_that_have_seen_the_same_version_one_is_heard(store: OrderStore) -> None:
    flow = Shop(store).flow()
    order_id = lead(flow)
    seen = flow.get(order_id).version

    answers = together(
        *[lambda n=n: flow.handle(c.PlaceHold(order_id, f"h{n}"), expected_version=seen) for n in range(4)]
    )

    assert [type(answer) for answer in answers].count(VersionConflict) == 3
    assert len(flow.get(order_id).holds) == 1


def test_threads_that_place_orders_get_a_number_each_and_a_reference_once(store: OrderStore) -> None:
    flow = Shop(store).flow()

    placed = together(*[lambda: flow.handle(place()).order.id] * 4)
    assert sorted(placed) == ["A-1001", "A-1002", "A-1003", "A-1004"]

    answers = together(*[lambda n=n: flow.handle(place(order_id=f"W{n}", reference="7")) for n in range(4)])
    assert [type(answer) for answer in answers].count(DuplicateOrder) == 3


def test_threads_that_ask_for_the_same_order_have_each_effect_once(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow()
    order_id = lead(flow, upto="packed")
    shop.flow(inline=False).handle(c.BookShipment(order_id))

    together(*[lambda: flow.advance(order_id)] * 4)

    assert shop.carriers.bookings == {"B1": "booked"}
    assert tags(flow, order_id).count("shipment_booked") == 1
    assert len({message.key for message in shop.notifications.sent}) == len(shop.notifications)


def test_workers_that_take_turns_leave_nothing_undone_and_do_nothing_twice(store: OrderStore) -> None:
    shop = Shop(store)
    front = shop.flow(inline=False)
    ids = [front.handle(place()).order.id for _ in range(12)]
    flows = [shop.flow() for _ in range(3)]

    reports = together(*[lambda flow=flow: [flow.run_due(limit=2) for _ in range(8)] for flow in flows])

    advanced = [order_id for turns in reports for report in turns for order_id in report.advanced]
    assert sorted(set(advanced)) == ids
    assert not any(report.failed for turns in reports for report in turns)
    assert {row.state for row in front.find().orders} == {"verified"}
    assert shop.inventory.held("TEA") == 24
    assert len(shop.notifications) == 24


def test_two_processes_on_one_file_lose_nothing(path: Path) -> None:
    with Shop().flow(store=SqliteStore(path)) as flow:
        lead(flow)

    for process in [started(f"hold_again_and_again({str(path)!r}, {who!r}, 12)") for who in "AB"]:
        ended_well(process)

    with Shop().flow(store=SqliteStore(path)) as flow:
        order = flow.get("A-1001")
        assert {hold.code for hold in order.holds.values()} == {f"{who}-{turn}" for who in "AB" for turn in range(12)}
        assert [one.number for one in flow.history("A-1001")] == list(range(1, order.version + 1))
        assert len(flow.find().orders) == 13
        assert {row.state for row in flow.find().orders} == {"verified"}


def test_a_refused_command_says_so_in_every_thread(store: OrderStore) -> None:
    flow = Shop(store).flow()
    order_id = lead(flow)

    answers = together(*[lambda: flow.handle(c.DespatchShipment(order_id))] * 3)

    assert [type(answer) for answer in answers] == [CommandRefused] * 3


# -- killed in the middle ----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is killed by its parent")
def test_a_process_that_is_killed_at_any_call_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    calm = Outside(tmp_path)
    with calm.flow() as flow:
        lived(flow)
        orders = {row.order_id: flow.get(row.order_id) for row in flow.find().orders}
    graves = tmp_path / "graves"
    graves.mkdir()

    ended_well(started(f"die_at_every_call({str(graves)!r}, {calm.calls})"))

    assert len(list(graves.iterdir())) == 2 * calm.calls > 30
    for grave in graves.iterdir():
        outside = Outside(grave)
        outside.passes(minutes=6)  # the lease of the worker that is gone
        with outside.flow() as flow:
            assert not flow.run_due().failed, grave.name
            assert len(flow.run_due()) == 0, grave.name
            everything_is_at_rest(outside, flow, grave.name)
            lived(flow)
            everything_is_at_rest(outside, flow, grave.name)
            assert outside.books == calm.books, grave.name
            for order_id, order in orders.items():
                now = flow.get(order_id)
                assert (now.state, now.ledger, now.total) == (order.state, order.ledger, order.total), grave.name


def everything_is_at_rest(outside: Outside, flow: OrderFlow, name: str) -> None:
    """Nobody waits for anything, and what the orders say is what the systems say."""
    orders = [flow.get(row.order_id) for row in flow.find().orders]
    claims = [claim for order in orders for claim in order.claims.values()]
    labels = [known.shipment for order in orders for known in order.returns.values() if known.shipment is not None]
    booked = [*labels, *(shipment for order in orders for shipment in order.shipments.values())]
    bookings = [shipment.booking.number for shipment in booked if shipment.booking is not None]
    sent = [message for order in orders for message in order.messages.values() if message.state == "sent"]
    assert orders, name
    assert not [case for order in orders for case in order.open_cases], name
    assert sum(claim.held for claim in claims) == sum(e.held for e in outside.inventory.claims().values()), name
    assert sorted(bookings) == sorted(outside.carriers.bookings), name
    assert len(sent) == len(outside.notifications), name
