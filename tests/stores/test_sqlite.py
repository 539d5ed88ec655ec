"""One file, many processes, and what survives them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import pytest

from orderflow.errors import InvalidInput, NewerVersion, UnknownType
from orderflow.messages import SYSTEM
from orderflow.order import Order
from orderflow.process import evolve
from orderflow.stages.erasure import PersonalDataErased
from orderflow.stages.holds import HoldPlaced
from orderflow.stores import Attempt, Loaded, SqliteStore
from tests.stores.worlds import (
    acknowledging,
    after,
    append_many,
    backordered,
    carried,
    die_before,
    end_of,
    in_another_process,
    moved,
    placed,
    planned,
    record,
    scan,
    use_after_fork,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(path) as opened:
        yield opened


def raw(path: Path, statement: str, *parameters: Any) -> list[Any]:
    """What the file itself holds, or another hand in it."""
    with closing(sqlite3.connect(path)) as db, db:
        return db.execute(statement, parameters).fetchall()


def long_order(store: SqliteStore, events: int = 9) -> Order:
    order = placed(store)
    for turn in range(events - 1):
        order = moved(store, order, acknowledging(f"state {turn}", turn))
    return order


def order_in(path: Path, **options: Any) -> Order:
    with SqliteStore(path, **options) as opened:
        loaded = opened.load("main", "O1")
        assert loaded is not None
        return loaded.order


# -- the file ----------------------------------------------------------------------------------------------------------


def test_a_reopened_file_holds_what_it_held(path: Path) -> None:
    with SqliteStore(path) as store:
        order = moved(
            store, placed(store), command=record(), attempts={"a": Attempt(1, after(2), "x")}, next_at=after(2)
        )
        carried(store, placed(store, "O2"), "T1")
        store.park("main", scan("T2"))
        store.next_number("main")
        history = store.history("main", "O1")
        rows = store.find("main")

    with SqliteStore(path) as store:
        loaded = store.load("main", "O1")
        assert loaded is not None
        assert (loaded.order, dict(loaded.attempts), loaded.next_at) == (
            order,
            {"a": Attempt(1, after(2), "x")},
            after(2),
        )
        assert (store.history("main", "O1"), store.find("main")) == (history, rows)
        assert store.command("main", "c-1") == record()
        assert store.find("main", tracking_number="T1").orders[0].order_id == "O2"
        assert store.inbox("main", ["T2"]) == (scan("T2"),)
        assert store.next_number("main") == 2


@pytest.mark.parametrize(("synchronous", "value"), [("FULL", 2), ("NORMAL", 1)])
def test_durability_is_set_as_it_was_asked_for(path: Path, synchronous: Literal["FULL", "NORMAL"], value: int) -> None:
    with SqliteStore(path, synchronous=synchronous) as store:
        assert store._connection.execute("PRAGMA synchronous").fetchone() == (value,)
        assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_full_durability_is_the_default(store: SqliteStore) -> None:
    assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_another_durability_is_refused(path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        SqliteStore(path, synchronous="OFF")  # type: ignore[arg-type]
    assert refused.value.codes == ("sqlite.unknown_synchronous",)


def test_a_file_of_a_newer_program_is_refused(path: Path) -> None:
    SqliteStore(path).close()
    raw(path, "UPDATE meta SET value = '3' WHERE key = 'schema'")

    with pytest.raises(NewerVersion, match="'sqlite schema' has version 3, this program knows up to 2"):
        SqliteStore(path)


def test_a_file_of_an_older_program_is_brought_up_to_date(path: Path) -> None:
    with SqliteStore(path) as store:
        placed(store)
    raw(path, "ALTER TABLE events DROP COLUMN policy")
    raw(path, "UPDATE meta SET value = '1' WHERE key = 'schema'")

    with SqliteStore(path) as store:
        (recorded,) = store.history("main", "O1")

    assert recorded.policy == ""
    assert raw(path, "SELECT value FROM meta WHERE key = 'schema'") == [("2",)]


def test_what_was_erased_is_in_no_byte_of_the_file(path: Path) -> None:
    """Not even where pages were split, freed, or are in the log: the file is written anew."""
    with SqliteStore(path, synchronous="NORMAL", snapshot_every=4) as store:
        orders = [placed(store, f"O{number}") for number in range(30)]
        for turn in range(12):
            for number, order in enumerate(orders):
                told = HoldPlaced(after(turn), f"H{turn + 1}", "review", note=f"Zyx{number:04} " * (1 + turn * 9))
                orders[number] = moved(store, order, told)
        with store.purging_once():
            for order in orders[::2]:
                event = PersonalDataErased(after(99), "employee E1")
                store.erase(evolve(order, event), order.version, [event], cause="c", by=SYSTEM)

        held = b"".join(Path(f"{path}{end}").read_bytes() for end in ("", "-wal"))

    assert [number for number in range(30) if f"Zyx{number:04}".encode() in held] == list(range(1, 30, 2))


def test_a_file_that_somebody_else_uses_for_other_orders_is_left_as_it_is(path: Path) -> None:
    raw(path, "CREATE TABLE orders (mine TEXT)")

    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        SqliteStore(path)

    assert raw(path, "SELECT name FROM sqlite_master") == [("orders",)]


def test_a_closed_store_says_so(path: Path) -> None:
    store = SqliteStore(path)
    store.close()

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        store.load("main", "O1")


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda store: store.load("main", "O1"), "orders_by_id (tenant=? AND order_id=?)"),
        (lambda store: store.due("main", after(1), 5, after(1) - after(0)), "orders_due (tenant=? AND next_at<?)"),
        (lambda store: store.next_due("main"), "orders_due (tenant=? AND next_at>?)"),
        (lambda store: store.find("main"), "orders_by_tenant (tenant=? AND rowid>?)"),
        (lambda store: store.find("main", state="x"), "orders_by_state (tenant=? AND state=? AND rowid>?)"),
        (lambda store: store.find("main", reference="x", channel="y"), "reference=? AND channel=?"),
        (lambda store: store.find("main", reference="x", state="y"), "orders_by_reference (tenant=? AND reference=?)"),
        (lambda store: store.find("main", tracking_number="x"), "orders_by_id (tenant=? AND order_id=? AND rowid>?)"),
        (lambda store: store.find("main", label="x"), "labels USING PRIMARY KEY (tenant=? AND label=? AND seq>?)"),
        (lambda store: store.find("main", label="x", reference="y"), "(tenant=? AND reference=?)"),
    ],
)
def test_orders_are_looked_up_by_an_index(
    store: SqliteStore, path: Path, ask: Callable[[SqliteStore], Any], index: str
) -> None:
    asked: list[str] = []
    store._connection.set_trace_callback(asked.append)
    ask(store)

    plan = raw(path, f"EXPLAIN QUERY PLAN {asked[0]}")

    assert index in plan[0][-1]


def test_labels_cost_nothing_while_they_stay_the_same(store: SqliteStore) -> None:
    order = backordered(store, placed(store), 1)
    asked: list[str] = []
    store._connection.set_trace_callback(asked.append)

    moved(store, order)

    assert asked
    assert not any("labels" in statement for statement in asked)


@pytest.mark.parametrize("cache", [0, 1, 1000])
def test_labels_are_right_also_for_an_order_that_is_not_in_memory(path: Path, cache: int) -> None:
    with SqliteStore(path) as store:
        order = planned(store, backordered(store, placed(store), 1), "BER")
    with SqliteStore(path, cache=cache) as store:
        backordered(store, order, -1)
        found = {label: len(store.find("main", label=label).orders) for label in ("location:BER", "backorder:sku-1")}

    assert found == {"location:BER": 1, "backorder:sku-1": 0}


# -- snapshots and the cache -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("snapshot_every", [0, 1, 4])
@pytest.mark.parametrize("cache", [0, 1, 1000])
def test_how_an_order_was_loaded_cannot_be_seen(path: Path, snapshot_every: int, cache: int) -> None:
    with SqliteStore(path, snapshot_every=snapshot_every, cache=cache) as store:
        order = long_order(store)
        placed(store, "O2")
        assert store.load("main", "O1") == Loaded(order, store.load("main", "O1").attempts)  # type: ignore[union-attr]

    assert order_in(path) == order


def test_a_snapshot_is_written_every_so_many_events_and_is_used(path: Path) -> None:
    with SqliteStore(path, snapshot_every=4) as store:
        order = long_order(store)
    assert raw(path, "SELECT version FROM snapshots") == [(8,)]

    raw(path, "DELETE FROM events WHERE number < 8")

    assert order_in(path) == order


def test_a_snapshot_of_another_shape_is_ignored_and_written_anew_with_the_next_change(path: Path) -> None:
    with SqliteStore(path, snapshot_every=4) as store:
        order = long_order(store)
    document = json.loads(raw(path, "SELECT body FROM snapshots")[0][0])
    raw(path, "UPDATE snapshots SET body = ?", json.dumps({**document, "shape": -1, "state": "nonsense"}))

    with SqliteStore(path, snapshot_every=4) as store:
        loaded = store.load("main", "O1")
        assert loaded is not None
        assert loaded.order == order
        store.reschedule("main", "O1", order.version, {}, after(1))
        store.load("main", "O1")
        order = moved(store, order)

    assert raw(path, "SELECT version FROM snapshots") == [(10,)]
    assert order_in(path) == order


def test_only_so_many_orders_stay_in_memory(path: Path) -> None:
    with SqliteStore(path, cache=2) as store:
        for number in range(5):
            placed(store, f"O{number}")
        store.load("main", "O3")
        store.load("main", "O0")

        assert list(store._cache) == [("main", "O3"), ("main", "O0")]


def test_what_another_connection_did_is_seen(path: Path, store: SqliteStore) -> None:
    order = placed(store)
    with SqliteStore(path) as other:
        order = moved(other, order, acknowledging("a"), acknowledging("b"))
        other.reschedule("main", "O1", 3, {"a": Attempt(1, after(1))}, after(1))

    loaded = store.load("main", "O1")

    assert loaded is not None
    assert (loaded.order, dict(loaded.attempts), loaded.next_at) == (order, {"a": Attempt(1, after(1))}, after(1))


# -- documents of other programs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error"), [({"v": 99}, NewerVersion), ({"type": "order_was_teleported"}, UnknownType)]
)
def test_an_event_this_program_cannot_know_leaves_that_order_alone(
    path: Path, change: dict[str, Any], error: type[Exception]
) -> None:
    with SqliteStore(path) as store:
        moved(store, placed(store), next_at=after(1))
        placed(store, "O2", next_at=after(2))
    document = json.loads(raw(path, "SELECT body FROM events WHERE order_id = 'O1' AND number = 2")[0][0])
    body = json.dumps({**document, **change})
    raw(path, "UPDATE events SET body = ? WHERE order_id = 'O1' AND number = 2", body)

    with SqliteStore(path) as store:
        with pytest.raises(error):
            store.load("main", "O1")
        with pytest.raises(error):
            store.history("main", "O1")
        assert store.load("main", "O2") is not None
        assert [row.order_id for row in store.find("main").orders] == ["O1", "O2"]
        assert store.due("main", after(2), 5, after(1) - after(0)) == ("O1", "O2")


# -- processes ---------------------------------------------------------------------------------------------------------


def just_before_it_writes(store: SqliteStore, do: Callable[[], Any]) -> None:
    """Have something happen in the file between what the store has read and its next transaction."""

    def watching(sql: str) -> None:
        if sql.startswith("BEGIN"):
            store._connection.set_trace_callback(None)
            do()

    store._connection.set_trace_callback(watching)


def test_a_scan_is_not_parked_when_its_number_becomes_known_at_that_moment(path: Path, store: SqliteStore) -> None:
    with SqliteStore(path) as other:
        order = placed(other)
        just_before_it_writes(store, lambda: carried(other, order, "T1"))

        assert store.park("main", scan("T1")) == ("O1",)

    assert store.inbox("main", ["T1"]) == ()


def test_an_order_that_is_leased_at_that_moment_is_not_leased_twice(path: Path, store: SqliteStore) -> None:
    lease = after(1) - after(0)
    with SqliteStore(path) as other:
        placed(other, next_at=after(1))
        just_before_it_writes(store, lambda: other.due("main", after(1), 1, lease))

        assert store.due("main", after(1), 1, lease) == ()


def test_processes_that_change_one_order_lose_no_change_and_number_each_event_once(path: Path) -> None:
    with SqliteStore(path) as store:
        placed(store)
    both = [in_another_process(f"{append_many.__name__}({str(path)!r}, {who!r}, 30)") for who in "AB"]

    assert [end_of(process) for process in both] == [0, 0]

    with SqliteStore(path) as store:
        history = store.history("main", "O1")
        loaded = store.load("main", "O1")
    assert [recorded.number for recorded in history] == list(range(1, 62))
    assert {recorded.cause for recorded in history[1:]} == {f"{who}-{turn}" for who in "AB" for turn in range(30)}
    assert loaded is not None
    assert loaded.order.version == 61


def test_processes_can_open_a_new_file_together(path: Path) -> None:
    three = [in_another_process(f"SqliteStore({str(path)!r}).next_number('main')") for _ in range(3)]

    assert [end_of(process) for process in three] == [0, 0, 0]

    with SqliteStore(path) as store:
        assert store.next_number("main") == 4


@pytest.mark.parametrize(
    ("statement", "version"),
    [("BEGIN", 1), ("UPDATE orders", 1), ("INSERT OR REPLACE INTO snapshots", 1), ("COMMIT", 1), ("never", 2)],
)
def test_a_process_that_dies_in_the_middle_leaves_all_or_nothing(path: Path, statement: str, version: int) -> None:
    with SqliteStore(path, snapshot_every=1) as store:
        placed(store)
        store.park("main", scan("T0"))

    assert end_of(in_another_process(f"{die_before.__name__}({str(path)!r}, {statement!r})")) == 9

    done = version == 2
    with SqliteStore(path) as store:
        row = store.find("main").orders[0]
        assert (row.version, row.state) == (version, "acknowledged" if done else "received")
        assert len(store.history("main", "O1")) == version
        assert store.command("main", "c-1") == (record() if done else None)
        assert store.next_due("main") == (after(9) if done else None)
        assert store.find("main", tracking_number="T1").orders == ((row,) if done else ())
        assert store.inbox("main", ["T0"]) == (() if done else (scan("T0"),))
    assert raw(path, "SELECT version FROM snapshots") == [(version,)]


def test_a_forked_child_must_open_its_own_store(path: Path) -> None:
    with SqliteStore(path) as store:
        placed(store)

    assert end_of(in_another_process(f"{use_after_fork.__name__}({str(path)!r})")) == 0

    with SqliteStore(path) as store:
        assert [recorded.cause for recorded in store.history("main", "O1")] == ["place-O1", "parent"]
