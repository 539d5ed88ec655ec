"""What type checkers must infer of the runtimes and the pure functions. Checked by ``mypy --strict``, never run."""

from __future__ import annotations

from datetime import datetime
from typing import assert_type

from orderflow import (
    STANDARD,
    AsyncOrderFlow,
    Command,
    Envelope,
    Event,
    Explanation,
    MemoryStore,
    Order,
    OrderFlow,
    OrderProcess,
    Receipt,
    Scan,
    SqliteStore,
    evolve,
    explain,
    pending,
    replay,
)
from orderflow.ports import ClaimStock, Reply
from orderflow.process import Preview
from orderflow.runtime import DueReport
from orderflow.stages.stage import Wanted
from orderflow.stores import OrderStore, Page, Recorded


def a_flow_answers_with_values(flow: OrderFlow, command: Command, scan: Scan) -> None:
    receipt = flow.handle(command, command_id="till-7.81", expected_version=3)
    assert_type(receipt, Receipt)
    assert_type(receipt.order, Order)
    assert_type(receipt.events, tuple[Event, ...])
    assert_type(flow.handle(command).order, Order)
    assert_type(flow.advance("A-1001"), Order)
    assert_type(flow.get("A-1001"), Order)
    assert_type(flow.find(state="verified", limit=10), Page)
    assert_type(flow.find().cursor, str | None)
    assert_type(flow.history("A-1001"), tuple[Recorded, ...])
    assert_type(flow.observe(scan, scan), tuple[Receipt, ...])
    assert_type(flow.run_due(), DueReport)
    assert_type(flow.explain("A-1001"), Explanation)
    assert_type(flow.explain(receipt.order), Explanation)
    assert_type(flow.preview(command), Preview)


def a_flow_is_a_context_manager() -> None:
    with OrderFlow() as flow:
        assert_type(flow, OrderFlow)


async def an_asyncio_flow_answers_with_the_same_values_awaited(command: Command, scan: Scan) -> None:
    async with AsyncOrderFlow() as flow:
        assert_type(flow, AsyncOrderFlow)
        assert_type(await flow.handle(command), Receipt)
        assert_type((await flow.handle(command)).order, Order)
        assert_type(await flow.advance("A-1001"), Order)
        assert_type(await flow.get("A-1001"), Order)
        assert_type(await flow.find(channel="web"), Page)
        assert_type(await flow.history("A-1001"), tuple[Recorded, ...])
        assert_type(await flow.observe(scan), tuple[Receipt, ...])
        assert_type(await flow.run_due(), DueReport)
        assert_type(await flow.explain("A-1001"), Explanation)
        assert_type(await flow.preview(command), Preview)


async def what_is_not_awaited_is_no_receipt(flow: AsyncOrderFlow, command: Command) -> None:
    receipt: Receipt = flow.handle(command)  # type: ignore[assignment]
    assert_type(receipt, Receipt)


def what_a_flow_does_not_take(flow: OrderFlow) -> None:
    flow.handle("CancelOrder A-1001")  # type: ignore[arg-type]
    flow.handle(flow.get("A-1001"))  # type: ignore[arg-type]
    flow.get(1001)  # type: ignore[arg-type]
    flow.observe("TRK1")  # type: ignore[arg-type]
    OrderFlow(MemoryStore())  # type: ignore[arg-type, call-arg]


def stores_are_order_stores() -> tuple[OrderStore, ...]:
    in_memory: OrderStore = MemoryStore()
    in_a_file: OrderStore = SqliteStore("orders.sqlite")
    OrderFlow(store=in_memory)
    OrderFlow(store="orders.sqlite")  # type: ignore[arg-type]
    return in_memory, in_a_file


def the_four_functions(command: Command, request: ClaimStock, reply: Reply, envelope: Envelope, at: datetime) -> None:
    process = OrderProcess(STANDARD)
    events = process.decide(None, command, envelope)
    assert_type(events, tuple[Event, ...])
    order = replay(events)
    assert_type(order, Order | None)
    assert order is not None
    assert_type(evolve(order, events[0]), Order)
    assert_type(pending(order), tuple[Wanted, ...])
    assert_type(process.conclude(order, request, reply, at), tuple[Event, ...])
    assert_type(process.consequences(order, at), tuple[Event, ...])
    assert_type(explain(order, process), Explanation)
