"""Small orders to put into stores, and what other processes do with them."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from orderflow.errors import VersionConflict
from orderflow.ledger import BACKORDERED, OPEN, Move, allocated
from orderflow.messages import SYSTEM, Actor, Event
from orderflow.order import Fulfillment, Line, Order, Parcel
from orderflow.process import evolve
from orderflow.stages.acceptance import OrderAcknowledged, OrderPlaced, PlacedLine
from orderflow.stores import CommandRecord, OrderStore, SqliteStore
from orderflow.tracking import Scan
from orderflow.values.frozenmap import FrozenMap

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
CLERK = Actor("employee", "E7", "C1")


def after(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def placing(order_id: str = "O1", *, tenant: str = "main", channel: str = "web", reference: str | None = None) -> Event:
    line = PlacedLine(Line("L1", "sku-1"), Decimal(2))
    return OrderPlaced(NOON, tenant, channel, reference or f"R-{order_id}", order_id, "EUR", (line,), "received")


def acknowledging(state: str = "acknowledged", minutes: int = 1) -> Event:
    return OrderAcknowledged(after(minutes), state)


def placed(store: OrderStore, order_id: str = "O1", **changes: Any) -> Order:
    """A new order in the store; columns beside it are passed on to the store."""
    beside = {name: changes.pop(name) for name in ("next_at", "attempts", "command") if name in changes}
    event = placing(order_id, **changes)
    order = evolve(None, event)
    store.append(order, 0, [event], cause=f"place-{order_id}", by=SYSTEM, **beside)
    return order


def moved(store: OrderStore, order: Order, *events: Event, expected: int | None = None, **beside: Any) -> Order:
    """The order with some events more, kept."""
    made = order
    for event in events or (acknowledging(),):
        made = evolve(made, event)
    options = {"cause": "moved", "by": SYSTEM, **beside}
    store.append(made, order.version if expected is None else expected, events or (acknowledging(),), **options)
    return made


def carried(store: OrderStore, order: Order, *numbers: str, **beside: Any) -> Order:
    """The order with parcels that travel under these numbers, kept."""
    parcels = {
        number: Parcel(id=number, fulfillment_id="F1", state="packed", contents=(), tracking_number=number)
        for number in numbers
    }
    made = evolve(order, acknowledging()).replace(parcels=FrozenMap(parcels))
    store.append(made, order.version, [acknowledging()], cause="labels", by=SYSTEM, **beside)
    return made


def planned(store: OrderStore, order: Order, location: str, **beside: Any) -> Order:
    """The order with all its open units given to one location, kept."""
    work = Fulfillment("F1", location, "planned", FrozenMap({"L1": Decimal(2)}))
    moves = (Move("L1", OPEN, allocated("F1"), order.ledger.balance("L1", OPEN)),)
    return _changed(store, order, beside, fulfillments=FrozenMap({"F1": work}), ledger=order.ledger.moved(moves))


def backordered(store: OrderStore, order: Order, quantity: int, **beside: Any) -> Order:
    """The order with some of its open units waiting for stock, kept; with less than none, they wait no longer."""
    source, target = (OPEN, BACKORDERED) if quantity > 0 else (BACKORDERED, OPEN)
    moves = (Move("L1", source, target, Decimal(abs(quantity))),)
    return _changed(store, order, beside, ledger=order.ledger.moved(moves))


def _changed(store: OrderStore, order: Order, beside: dict[str, Any], **changes: Any) -> Order:
    made = evolve(order, acknowledging()).replace(**changes)
    store.append(made, order.version, [acknowledging()], cause="changed", by=SYSTEM, **beside)
    return made


def record(command_id: str = "c-1", order_id: str = "O1", fingerprint: str = "f") -> CommandRecord:
    return CommandRecord(command_id, order_id, "hold_order", fingerprint, 1, 2, after(3), CLERK, "because", "corr")


def scan(number: str = "T1", status: str = "in_transit", minutes: int = 5, **more: Any) -> Scan:
    return Scan(number, status, after(minutes), **more)


# -- other processes ---------------------------------------------------------------------------------------------------


def in_another_process(call: str) -> subprocess.Popen[str]:
    """Start ``call``, an expression about this module's names, in a fresh interpreter."""
    code = f"from tests.stores.worlds import *; {call}"
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=surroundings,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def end_of(process: subprocess.Popen[str]) -> int:
    said, _ = process.communicate(timeout=60)
    assert process.returncode in (0, 9), said
    return process.returncode


def append_many(path: str, who: str, times: int) -> None:
    """Change order O1 again and again, starting over whenever someone else was faster."""
    with SqliteStore(path) as store:
        for turn in range(times):
            append_once(store, f"{who}-{turn}")


def append_once(store: OrderStore, cause: str) -> None:
    for _ in range(1000):
        loaded = store.load("main", "O1")
        assert loaded is not None
        try:
            moved(store, loaded.order, cause=cause)
            return
        except VersionConflict:
            continue
    raise AssertionError("somebody else was faster a thousand times")


def die_before(path: str, statement: str) -> None:
    """Change order O1, and be gone before the statement that begins so is carried out."""
    store = SqliteStore(path, snapshot_every=1)
    loaded = store.load("main", "O1")
    assert loaded is not None

    def watching(sql: str) -> None:
        if sql.startswith(statement):
            os._exit(9)

    store._connection.set_trace_callback(watching)
    carried(store, loaded.order, "T1", command=record(), next_at=after(9), inbox_taken=[scan("T0")])
    os._exit(9)


def use_after_fork(path: str) -> None:
    """Fork with an open store; the child is refused, the parent goes on."""
    with SqliteStore(path) as store:
        if (child := os.fork()) == 0:
            try:
                append_once(store, "child")
            except RuntimeError as refused:
                store.close()
                os._exit(7 if "in every process" in str(refused) else 1)
            os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        append_once(store, "parent")
