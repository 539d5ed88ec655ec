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
from orderflow.stores import OrderStore, SqliteStore
from tests.runtime.other_processes import Outside, ended_well, lived, started
from tests.runtime.shop import Shop, lead, next_due, place, tags


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


def test_workers_that_take_turns_do_every_order_once(store: OrderStore) -> None:
    shop = Shop(store)
    front = shop.flow(inline=False)
    ids = [front.handle(place()).order.id for _ in range(12)]
    flows = [shop.flow() for _ in range(3)]

    reports = together(*[lambda flow=flow: [flow.run_due(limit=2) for _ in range(8)] for flow in flows])

    advanced = [order_id for turns in reports for report in turns for order_id in report.advanced]
    assert sorted(advanced) == ids
    assert not any(report.failed for turns in reports for report in turns)
    assert {row.state for row in front.find().orders} == {"verified"}


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


# -- killed in the middle ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Outside:
    """What comes of it when nobody is killed."""
    outside = Outside(tmp_path_factory.mktemp("calm"))
    with outside.flow() as flow:
        lived(flow)
        outside.states = {row.order_id: flow.get(row.order_id) for row in flow.find().orders}  # type: ignore[attr-defined]
    return outside


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is killed by its parent")
def test_a_process_that_is_killed_at_any_call_loses_nothing_and_does_nothing_twice(
    calm: Outside, tmp_path: Path
) -> None:
    ended_well(started(f"die_at_every_call({str(tmp_path)!r}, {calm.calls})"))
    graves = sorted(tmp_path.iterdir())
    assert len(graves) == 2 * calm.calls > 40

    for grave in graves:
        outside = Outside(grave)
        outside.passes(minutes=1)
        with outside.flow() as flow:
            report = flow.run_due()
            assert not report.failed, grave.name
            assert next_due(flow) is None or next_due(flow) > outside.clock(), grave.name
            lived(flow)
            assert outside.books == calm.books, grave.name
            for order_id, order in calm.states.items():  # type: ignore[attr-defined]
                now = flow.get(order_id)
                assert (now.state, now.ledger, now.total) == (order.state, order.ledger, order.total), grave.name
                assert not list(now.open_cases), grave.name


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is killed by its parent")
def test_what_a_killed_process_left_open_comes_to_rest_without_the_sender(calm: Outside, tmp_path: Path) -> None:
    ended_well(started(f"die_at_every_call({str(tmp_path)!r}, {calm.calls})"))

    for grave in sorted(tmp_path.iterdir()):
        outside = Outside(grave)
        outside.passes(minutes=1)
        with outside.flow() as flow:
            flow.run_due()
            assert len(flow.run_due()) == 0, grave.name
            orders = [flow.get(row.order_id) for row in flow.find().orders]
            assert orders, grave.name
            held = sum(claim.held for order in orders for claim in order.claims.values())
            outside_held = sum(entry.held for entry in outside.inventory.claims().values())
            assert held == outside_held, grave.name
            booked = [s.booking.number for o in orders for s in o.shipments.values() if s.booking is not None]
            assert sorted(booked) == sorted(outside.carriers.bookings), grave.name
            assert len(outside.notifications) == sum(m.state == "sent" for o in orders for m in o.messages.values())


def test_a_refused_command_says_so_in_every_thread(store: OrderStore) -> None:
    flow = Shop(store).flow()
    order_id = lead(flow)

    answers = together(*[lambda: flow.handle(c.DespatchShipment(order_id))] * 3)

    assert [type(answer) for answer in answers] == [CommandRefused] * 3
