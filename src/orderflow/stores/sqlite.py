"""A store in one SQLite file.

The events are the truth; everything else is there to find them quickly. The row of an order holds what lists show and
what the next moment of attention is. A *snapshot* is a shortcut through a long history: it is written every so many
events, has the shape that the program had that day, and where the shape has changed it is ignored and written anew; it
is never converted. Which shortcut an order was loaded by can therefore never be seen.

Every change is one ``BEGIN IMMEDIATE`` transaction on a write-ahead log, so writers queue for the file at the start and
a reader never waits. With ``synchronous="FULL"`` what was appended survives a power cut; with ``"NORMAL"`` it survives
a crash of the process, and a power cut may take back the last moments, whole changes at a time.

Loaded orders stay in memory. They are checked against the version in the file at every load, so that any number of
processes can work on one file: only the events that another process added are read and replayed.

One connection serves all threads of a process in turn: SQLite has one writer anyway, and a lock is fairer than its
polling. SQLite does not survive a fork: a store that was opened before it refuses to work in the child, which has to
open its own.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Literal, NoReturn, Protocol, Self

import attrs

from orderflow.codec import SnapshotMismatch, standard_codec
from orderflow.errors import CommandIdReused, DuplicateOrder, InvalidInput, NewerVersion, VersionConflict
from orderflow.messages import Actor, Event
from orderflow.order import Order
from orderflow.process import replay
from orderflow.stores.base import AT_ONCE, Attempt, CommandRecord, Loaded, OrderSummary, Page, Recorded
from orderflow.stores.erasing import check_replay, erased_attempts, erased_command, erased_history
from orderflow.stores.paging import page_bounds
from orderflow.tracking import Scan
from orderflow.values.erasing import erased
from orderflow.values.frozenmap import FrozenMap

__all__ = ["SCHEMA_VERSION", "OrderCodec", "SqliteStore"]

SCHEMA_VERSION: Final = 2

_WAIT_SECONDS: Final = 30.0
_Key = tuple[str, str]

_SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE orders (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    order_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    reference TEXT NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    placed_at INTEGER NOT NULL,
    next_at INTEGER,
    attempts TEXT NOT NULL
);
CREATE UNIQUE INDEX orders_by_id ON orders (tenant, order_id);
CREATE UNIQUE INDEX orders_by_reference ON orders (tenant, reference, channel);
CREATE INDEX orders_by_tenant ON orders (tenant);
CREATE INDEX orders_by_state ON orders (tenant, state);
CREATE INDEX orders_due ON orders (tenant, next_at) WHERE next_at IS NOT NULL;
CREATE TABLE events (
    tenant TEXT NOT NULL,
    order_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    tag TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    cause TEXT NOT NULL,
    by_kind TEXT NOT NULL,
    by_id TEXT NOT NULL,
    by_behalf TEXT,
    policy TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, order_id, number)
) WITHOUT ROWID;
CREATE TABLE snapshots (
    tenant TEXT NOT NULL,
    order_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, order_id)
);
CREATE TABLE commands (
    tenant TEXT NOT NULL,
    command_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    tag TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    at INTEGER NOT NULL,
    by_kind TEXT NOT NULL,
    by_id TEXT NOT NULL,
    by_behalf TEXT,
    reason TEXT NOT NULL,
    correlation_id TEXT,
    PRIMARY KEY (tenant, command_id)
) WITHOUT ROWID;
CREATE TABLE tracking (
    tenant TEXT NOT NULL, number TEXT NOT NULL, order_id TEXT NOT NULL, PRIMARY KEY (tenant, number, order_id)
) WITHOUT ROWID;
CREATE TABLE labels (
    tenant TEXT NOT NULL, label TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (tenant, label, seq)
) WITHOUT ROWID;
CREATE INDEX labels_by_order ON labels (seq);
CREATE TABLE inbox (
    tenant TEXT NOT NULL, number TEXT NOT NULL, scan TEXT NOT NULL, PRIMARY KEY (tenant, number, scan)
) WITHOUT ROWID;
CREATE TABLE numbers (tenant TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
"""

#: What a file of an older version lacks, by that version.
_UPGRADES: Final = {1: "ALTER TABLE events ADD COLUMN policy TEXT NOT NULL DEFAULT ''"}

_INSERT_ORDER: Final = (
    "INSERT INTO orders (tenant, order_id, channel, reference, placed_at, state, version, next_at, attempts)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE_ORDER: Final = (
    "UPDATE orders SET state = ?, version = ?, next_at = ?, attempts = coalesce(?, attempts)"
    " WHERE tenant = ? AND order_id = ? AND version = ?"
)
_UPDATE_ORDER_IN_ITS_STATE: Final = _UPDATE_ORDER.replace("state = ?, ", "")
_UPDATE_PLACED_AT: Final = "UPDATE orders SET placed_at = ? WHERE tenant = ? AND order_id = ?"
_SELECT_WAITING: Final = "SELECT DISTINCT number FROM inbox WHERE tenant = ? AND number > ? ORDER BY number LIMIT ?"
_SELECT_PARKED: Final = "SELECT tenant, number, scan FROM inbox WHERE tenant = ? AND number = ?"
_INSERT_EVENT: Final = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_COMMAND: Final = "INSERT INTO commands VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SELECT_COMMAND: Final = (
    "SELECT command_id, order_id, tag, fingerprint, first, last, at, by_kind, by_id, by_behalf, reason, correlation_id"
    " FROM commands WHERE tenant = ? AND command_id = ?"
)
_SELECT_HISTORY: Final = (
    "SELECT number, body, cause, by_kind, by_id, by_behalf, policy FROM events"
    " WHERE tenant = ? AND order_id = ? ORDER BY number"
)
_UPDATE_EVENT: Final = (
    "UPDATE events SET body = ?, by_id = ?, by_behalf = ? WHERE tenant = ? AND order_id = ? AND number = ?"
)
_SELECT_COMMANDS_OF: Final = _SELECT_COMMAND.replace("command_id = ?", "order_id = ?")
_UPDATE_COMMAND: Final = (
    "UPDATE commands SET fingerprint = ?, by_id = ?, by_behalf = ?, reason = ? WHERE tenant = ? AND command_id = ?"
)
_SELECT_LOADED: Final = "SELECT version, attempts, next_at FROM orders WHERE tenant = ? AND order_id = ?"
_SELECT_BODIES: Final = (
    "SELECT body FROM events WHERE tenant = ? AND order_id = ? AND number > ? AND number <= ? ORDER BY number"
)
_SELECT_DUE: Final = "SELECT seq, order_id FROM orders WHERE tenant = ? AND next_at <= ? ORDER BY next_at, seq LIMIT ?"
_SELECT_NEXT_DUE: Final = "SELECT next_at FROM orders WHERE tenant = ? AND next_at IS NOT NULL ORDER BY next_at LIMIT 1"
_SEQ: Final = "(SELECT seq FROM orders WHERE tenant = ? AND order_id = ?)"
_SELECT_LABELS: Final = f"SELECT label FROM labels WHERE seq = {_SEQ}"
_INSERT_LABEL: Final = f"INSERT OR IGNORE INTO labels VALUES (?, ?, {_SEQ})"
_DELETE_LABEL: Final = f"DELETE FROM labels WHERE tenant = ? AND label = ? AND seq = {_SEQ}"
_HAS_LABEL: Final = (
    "SELECT 1 FROM labels WHERE labels.tenant = :tenant AND labels.label = :label AND labels.seq = orders.seq"
)
_SELECT_CARRYING: Final = "SELECT order_id FROM tracking WHERE tenant = ? AND number = ? ORDER BY order_id"


class OrderCodec(Protocol):
    """What this store needs of a codec: text for events and orders, and back."""

    def event_to_json(self, event: Any, /) -> str:
        """An event as it is kept."""
        ...

    def event_from_json(self, text: str, /) -> Any:
        """A kept event; raises `UnknownType` or `NewerVersion` where this program cannot know what it means."""
        ...

    def order_to_json(self, order: Order, /) -> str:
        """A snapshot."""
        ...

    def order_from_json(self, text: str, /) -> Order:
        """The order of a snapshot; raises `orderflow.codec.SnapshotMismatch` where its shape is not today's."""
        ...


@attrs.frozen
class _Cached:
    """An order in memory, with the columns it was last seen with; ``stale`` where its snapshot has another shape."""

    loaded: Loaded
    attempts: str
    next_at: int | None
    stale: bool = False


class SqliteStore:
    """Orders in one SQLite file, safe under threads and processes.

    Args:
        path: The file; it is made if it is not there.
        codec: How events and snapshots are written; without one, the standard codec.
        synchronous: ``FULL`` (what is appended survives a power cut) or ``NORMAL`` (faster; see the module).
        snapshot_every: After how many events of an order a snapshot of it is written; 0 for never.
        cache: How many loaded orders are kept in memory.

    Raises:
        NewerVersion: the file was written by a newer program.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        codec: OrderCodec | None = None,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
        snapshot_every: int = 64,
        cache: int = 1000,
    ) -> None:
        if synchronous not in ("FULL", "NORMAL"):
            raise InvalidInput.because("sqlite.unknown_synchronous", "must be FULL or NORMAL", "synchronous")
        self._path = os.fspath(path)
        self._codec = codec if codec is not None else standard_codec()
        self._synchronous = synchronous
        self._snapshot_every = snapshot_every
        self._cache: dict[_Key, _Cached] = {}
        self._cache_size = cache
        self._purges_later = 0
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file. A store that is closed cannot be used any more."""
        if self._pid == os.getpid():
            with self._lock:
                self._connection.close()

    # -- orders ------------------------------------------------------------------------------------------------------

    def load(self, tenant: str, order_id: str) -> Loaded | None:
        """The order as it is now, or ``None``; what is in memory is used as far as it goes."""
        key = (tenant, order_id)
        with self._reading() as db:
            row = db.execute(_SELECT_LOADED, key).fetchone()
            cached = self._cache.get(key)
        if row is None:
            return None
        version, attempts, next_at = row
        if cached is None or cached.loaded.order.version != version:
            order, stale = self._replayed(key, version, cached)
        elif cached.attempts == attempts and cached.next_at == next_at:
            self._remember(key, cached)
            return cached.loaded
        else:
            order, stale = cached.loaded.order, cached.stale
        loaded = Loaded(order, _attempts_of(attempts), _moment(next_at))
        self._remember(key, _Cached(loaded, attempts, next_at, stale))
        return loaded

    def command(self, tenant: str, command_id: str) -> CommandRecord | None:
        """What became of a command, by its id."""
        with self._reading() as db:
            row = db.execute(_SELECT_COMMAND, (tenant, command_id)).fetchone()
        return _command_of(row) if row is not None else None

    def append(
        self,
        order: Order,
        expected_version: int,
        events: Iterable[Event],
        *,
        cause: str,
        by: Actor,
        command: CommandRecord | None = None,
        attempts: Mapping[str, Attempt] | None = None,
        next_at: datetime | None = None,
        inbox_taken: Iterable[Scan] = (),
        policy: str = "",
    ) -> None:
        """Keep a change, whole or not at all; see `OrderStore.append`."""
        key = (order.tenant, order.id)
        rows = self._event_rows(order, expected_version, events, cause, by, policy)
        before = self._cached_at(key, expected_version)
        numbers = _new_numbers(order, before)
        snapshot = self._snapshot(order, expected_version, before)
        told = None if attempts is None else _attempts_text(attempts)
        waits = None if next_at is None else _micros(next_at)
        taken = [(order.tenant, scan.tracking_number, _scan_text(scan)) for scan in inbox_taken]
        with self._writing() as db:
            if command is not None:
                _insert_command(db, order.tenant, command)
            if numbers and _scans_wait(db, numbers, taken):
                next_at, waits = AT_ONCE, _micros(AT_ONCE)
            _put_order(db, order, expected_version, told, waits, before)
            _put_labels(db, order, expected_version, before)
            db.executemany(_INSERT_EVENT, rows)
            if numbers:
                db.executemany("INSERT OR IGNORE INTO tracking VALUES (?, ?, ?)", numbers)
            if snapshot is not None:
                db.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)", (*key, order.version, snapshot))
            if taken:
                db.executemany("DELETE FROM inbox WHERE tenant = ? AND number = ? AND scan = ?", taken)
        self._remember_change(key, order, before, attempts, told, next_at, waits, written=snapshot is not None)

    def history(self, tenant: str, order_id: str) -> tuple[Recorded, ...]:
        """Everything that happened to an order, oldest first; empty for an unknown order."""
        with self._reading() as db:
            return self._history(db, tenant, order_id)

    def _history(self, db: sqlite3.Connection, tenant: str, order_id: str) -> tuple[Recorded, ...]:
        rows = db.execute(_SELECT_HISTORY, (tenant, order_id)).fetchall()
        decoded = self._codec.event_from_json
        actors: dict[tuple[str, str, str | None], Actor] = {}
        return tuple(
            Recorded(number, decoded(body), cause, actors.get(by) or actors.setdefault(by, Actor(*by)), policy)
            for number, body, cause, *who, policy in rows
            for by in [(who[0], who[1], who[2])]
        )

    def _event_rows(
        self, order: Order, expected: int, events: Iterable[Event], cause: str, by: Actor, policy: str
    ) -> list[tuple[Any, ...]]:
        encoded = self._codec.event_to_json
        tenant, order_id = order.tenant, order.id
        kind, id_, behalf = by.kind, by.id, by.on_behalf_of
        rows = [
            (tenant, order_id, number, event.TAG, _micros(event.at), encoded(event), cause, kind, id_, behalf, policy)
            for number, event in enumerate(events, start=expected + 1)
        ]
        assert 0 < order.version == expected + len(rows), "an order's version is the number of its events"
        return rows

    # -- erasing -----------------------------------------------------------------------------------------------------

    def erase(
        self,
        order: Order,
        expected_version: int,
        events: Iterable[Event],
        *,
        cause: str,
        by: Actor,
        command: CommandRecord | None = None,
        attempts: Mapping[str, Attempt] | None = None,
        next_at: datetime | None = None,
        inbox_taken: Iterable[Scan] = (),
        policy: str = "",
    ) -> None:
        """Keep a change, and erase what is personal from all that is held of the order; see `OrderStore.erase`.

        Afterwards the file is written anew (`purge`), because what SQLite has freed, it leaves lying about.
        """
        key, told = (order.tenant, order.id), erased_attempts(attempts or {})
        new = tuple(events)
        rows = self._event_rows(order, expected_version, new, cause, by, policy)
        happened = tuple(Recorded(row[2], event, cause, by, policy) for row, event in zip(rows, new, strict=True))
        taken = [(order.tenant, scan.tracking_number, _scan_text(scan)) for scan in inbox_taken]
        with self._writing() as db:
            if command is not None:
                _insert_command(db, order.tenant, command)
            waits = None if next_at is None else _micros(next_at)
            _put_order(db, order, expected_version, _attempts_text(told), waits, None)
            past = self._history(db, *key)
            gone = erased_history(past)
            check_replay(order, gone + happened)
            db.executemany(_UPDATE_EVENT, [(*self._rewritten(one), *key, one.number) for one in gone])
            db.executemany(_INSERT_EVENT, rows)
            _erase_beside(db, order)
            _put_labels(db, order, expected_version, None)
            db.executemany("DELETE FROM inbox WHERE tenant = ? AND number = ? AND scan = ?", taken)
            if db.execute("DELETE FROM snapshots WHERE tenant = ? AND order_id = ?", key).rowcount:
                snapshot = self._codec.order_to_json(order)
                db.execute("INSERT INTO snapshots VALUES (?, ?, ?, ?)", (*key, order.version, snapshot))
        with self._lock:
            self._cache.pop(key, None)
        if not self._purges_later:
            self.purge()

    def _rewritten(self, recorded: Recorded) -> tuple[str, str, str | None]:
        return self._codec.event_to_json(recorded.event), recorded.by.id, recorded.by.on_behalf_of

    def purge(self) -> None:
        """Write the file anew, so that nothing is in it but what it holds; nothing else can be written meanwhile.

        It takes as long as copying the file, and as much room. `erase` ends with it, unless within `purging_once`.
        """
        with self._reading() as db:
            db.execute("VACUUM")
            busy, *_ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise sqlite3.OperationalError("the log is being read: what was erased is in it until the next purge")

    @contextmanager
    def purging_once(self) -> Iterator[None]:
        """Erase many orders, and write the file anew only once, at the end."""
        self._purges_later += 1
        try:
            yield
        finally:
            self._purges_later -= 1
            if not self._purges_later:
                self.purge()

    # -- loaded orders, snapshots ------------------------------------------------------------------------------------

    def _replayed(self, key: _Key, version: int, cached: _Cached | None) -> tuple[Order, bool]:
        """The order at ``version`` by the shortest way, and whether its snapshot is useless."""
        order, stale = (cached.loaded.order, cached.stale) if cached is not None else (None, False)
        if order is None or order.version > version:
            order, stale = self._from_snapshot(key, version)
        after = order.version if order is not None else 0
        with self._reading() as db:
            bodies = db.execute(_SELECT_BODIES, (*key, after, version)).fetchall()
        made = replay((self._codec.event_from_json(body) for (body,) in bodies), order)
        assert made is not None, "an order that is in the file has events"
        return made, stale

    def _from_snapshot(self, key: _Key, version: int) -> tuple[Order | None, bool]:
        with self._reading() as db:
            row = db.execute(
                "SELECT body FROM snapshots WHERE tenant = ? AND order_id = ? AND version <= ?", (*key, version)
            ).fetchone()
        if row is None:
            return None, False
        try:
            return self._codec.order_from_json(row[0]), False
        except SnapshotMismatch:
            return None, True

    def _snapshot(self, order: Order, expected: int, before: _Cached | None) -> str | None:
        """A snapshot where one is due: the events pass a multiple of ``snapshot_every``, or the last one is useless."""
        every = self._snapshot_every
        passed = every > 0 and order.version // every > expected // every
        return self._codec.order_to_json(order) if passed or (before is not None and before.stale) else None

    def _cached_at(self, key: _Key, version: int) -> _Cached | None:
        cached = self._cache.get(key)
        return cached if cached is not None and cached.loaded.order.version == version else None

    def _remember_change(
        self,
        key: _Key,
        order: Order,
        before: _Cached | None,
        attempts: Mapping[str, Attempt] | None,
        told: str | None,
        next_at: datetime | None,
        waits: int | None,
        *,
        written: bool,
    ) -> None:
        if attempts is not None:
            beside = FrozenMap(attempts)
        else:
            beside, told = (before.loaded.attempts, before.attempts) if before is not None else (_NO_ATTEMPTS, "")
        stale = before is not None and before.stale and not written
        self._remember(key, _Cached(Loaded(order, beside, next_at), told or "", waits, stale))

    def _remember(self, key: _Key, cached: _Cached) -> None:
        with self._lock:
            cache = self._cache
            cache.pop(key, None)
            if self._cache_size > 0:
                cache[key] = cached
                if len(cache) > self._cache_size:
                    del cache[next(iter(cache))]

    # -- attention ---------------------------------------------------------------------------------------------------

    def due(self, tenant: str, now: datetime, limit: int, lease: timedelta) -> tuple[str, ...]:
        """Orders that need attention, most urgent first; each is leased: it is not due again before ``now + lease``."""
        asked = (tenant, _micros(now), max(limit, 0))
        with self._reading() as db:
            if not db.execute(_SELECT_DUE, asked).fetchall():
                return ()
        until = _micros(now + lease)
        with self._writing() as db:
            picked = db.execute(_SELECT_DUE, asked).fetchall()
            db.executemany("UPDATE orders SET next_at = ? WHERE seq = ?", [(until, seq) for seq, _ in picked])
        return tuple(order_id for _, order_id in picked)

    def next_due(self, tenant: str) -> datetime | None:
        """The next moment at which any order needs attention."""
        with self._reading() as db:
            row = db.execute(_SELECT_NEXT_DUE, (tenant,)).fetchone()
        return _moment(row[0]) if row is not None else None

    def reschedule(
        self, tenant: str, order_id: str, version: int, attempts: Mapping[str, Attempt], next_at: datetime | None
    ) -> bool:
        """Keep attempts and the next moment of attention; ``False``, and nothing done, when the order has moved on."""
        waits = None if next_at is None else _micros(next_at)
        with self._writing() as db:
            changed = db.execute(
                "UPDATE orders SET attempts = ?, next_at = ? WHERE tenant = ? AND order_id = ? AND version = ?",
                (_attempts_text(attempts), waits, tenant, order_id, version),
            )
            return changed.rowcount == 1

    # -- lists -------------------------------------------------------------------------------------------------------

    def find(
        self,
        tenant: str,
        *,
        state: str | None = None,
        reference: str | None = None,
        channel: str | None = None,
        tracking_number: str | None = None,
        label: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page:
        """Orders in the order in which they were placed into the store, by any of these; pages follow a cursor."""
        asked: dict[str, Any] = {"tenant": tenant, "after": page_bounds(cursor, limit), "limit": limit + 1}
        where = "tenant = :tenant AND seq > :after"
        for column, wanted in (("state", state), ("reference", reference), ("channel", channel)):
            if wanted is not None:
                where += f" AND {column} = :{column}"
                asked[column] = wanted
        source = "orders"
        if label is not None:
            asked["label"] = label
        if label is not None and reference is None and tracking_number is None:
            source = "labels CROSS JOIN orders USING (seq)"
            where = where.replace("tenant = :tenant", "labels.tenant = :tenant AND label = :label")
        elif label is not None:
            where += f" AND EXISTS ({_HAS_LABEL})"
        if reference is not None:  # SQLite cannot know that hardly any two orders share a reference
            source = "orders INDEXED BY orders_by_reference"
        if tracking_number is not None:
            source = "orders INDEXED BY orders_by_id"
            where += " AND order_id IN (SELECT order_id FROM tracking WHERE tenant = :tenant AND number = :number)"
            asked["number"] = tracking_number
        columns = "seq, order_id, channel, reference, state, version, placed_at"
        with self._reading() as db:
            rows = db.execute(
                f"SELECT {columns} FROM {source} WHERE {where} ORDER BY seq LIMIT :limit", asked
            ).fetchall()
        return Page(tuple(map(_summary, rows[:limit])), str(rows[limit - 1][0]) if len(rows) > limit else None)

    # -- scans, numbers ----------------------------------------------------------------------------------------------

    def park(self, tenant: str, scan: Scan) -> tuple[str, ...]:
        """Keep a scan whose tracking number nobody knows; or, where orders know it, say which, and keep nothing."""
        key = (tenant, scan.tracking_number)
        with self._reading() as db:
            known = db.execute(_SELECT_CARRYING, key).fetchall()
        if not known:
            with self._writing() as db:  # asked again: nobody else writes now
                known = db.execute(_SELECT_CARRYING, key).fetchall()
                if not known:
                    db.execute("INSERT OR IGNORE INTO inbox VALUES (?, ?, ?)", (*key, _scan_text(scan)))
        return tuple(order_id for (order_id,) in known)

    def inbox(self, tenant: str, tracking_numbers: Iterable[str]) -> tuple[Scan, ...]:
        """The parked scans for some tracking numbers."""
        found: list[Scan] = []
        with self._reading() as db:
            for number in dict.fromkeys(tracking_numbers):
                rows = db.execute("SELECT scan FROM inbox WHERE tenant = ? AND number = ?", (tenant, number))
                found.extend(_scan_of(number, text) for (text,) in rows.fetchall())
        return tuple(sorted(found, key=lambda scan: (scan.position, scan.tracking_number)))

    def waiting(self, tenant: str, after: str = "", limit: int = 100) -> tuple[str, ...]:
        """The tracking numbers for which parked scans wait, in their order, from the first behind ``after`` on."""
        with self._reading() as db:
            rows = db.execute(_SELECT_WAITING, (tenant, after, limit)).fetchall()
        return tuple(number for (number,) in rows)

    def next_number(self, tenant: str) -> int:
        """The next number of the tenant's own numbering: 1, 2, 3, ... never the same twice."""
        with self._writing() as db:
            db.execute(
                "INSERT INTO numbers VALUES (?, 1) ON CONFLICT (tenant) DO UPDATE SET last = last + 1", (tenant,)
            )
            return int(db.execute("SELECT last FROM numbers WHERE tenant = ?", (tenant,)).fetchone()[0])

    # -- the file ----------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        """A connection, and a lock around it, for this process."""
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._connection = sqlite3.connect(
            self._path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._transaction = _Transaction(self._lock, self._connection)
        self._turn = _Turn(self._lock, self._connection)
        try:
            _prepare_file(self._connection, self._synchronous)
        except BaseException:
            self._connection.close()
            raise

    def _reading(self) -> _Turn:
        if self._pid != os.getpid():
            self._refuse_the_child()
        return self._turn

    def _writing(self) -> _Transaction:
        if self._pid != os.getpid():
            self._refuse_the_child()
        return self._transaction

    def _refuse_the_child(self) -> NoReturn:
        raise RuntimeError(f"{self._path} was opened before this process was forked: open a store in every process")


class _Turn:
    """A thread's turn on the connection."""

    def __init__(self, lock: threading.RLock, db: sqlite3.Connection) -> None:
        self._lock, self._db = lock, db

    def __enter__(self) -> sqlite3.Connection:
        self._lock.acquire()
        return self._db

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


class _Transaction:
    """A thread's turn on the connection, as one transaction that is the file's only writer from its first moment."""

    def __init__(self, lock: threading.RLock, db: sqlite3.Connection) -> None:
        self._lock, self._db = lock, db

    def __enter__(self) -> sqlite3.Connection:
        self._lock.acquire()
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._lock.release()
            raise
        return self._db

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            try:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
            finally:
                self._lock.release()


def _prepare_file(db: sqlite3.Connection, synchronous: str) -> None:
    """Settings, and the tables where there are none yet."""
    _write_ahead(db)
    db.execute(f"PRAGMA synchronous = {synchronous}")
    if _schema_version(db) is None:
        with _Transaction(threading.RLock(), db):
            if _schema_version(db) is None:
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    db.execute(statement)
                db.execute("INSERT INTO meta VALUES ('schema', ?)", (str(SCHEMA_VERSION),))
    version = _schema_version(db) or 0
    if version > SCHEMA_VERSION:
        raise NewerVersion("sqlite schema", version, SCHEMA_VERSION)
    if version < SCHEMA_VERSION:
        with _Transaction(threading.RLock(), db):
            for older in range(_schema_version(db) or 0, SCHEMA_VERSION):  # asked again: another process may have begun
                db.execute(_UPGRADES[older])
            db.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(SCHEMA_VERSION),))


def _write_ahead(db: sqlite3.Connection) -> None:
    """Turn the write-ahead log on; of several processes that open a new file, all but one must ask again."""
    until = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as refused:
            if "locked" not in str(refused) or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _schema_version(db: sqlite3.Connection) -> int | None:
    if db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'").fetchone() is None:
        return None
    row = db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    return int(row[0]) if row is not None else None


def _insert_command(db: sqlite3.Connection, tenant: str, told: CommandRecord) -> None:
    by = told.by
    row = (tenant, told.command_id, told.order_id, told.tag, told.fingerprint, told.first, told.last, _micros(told.at))
    try:
        db.execute(_INSERT_COMMAND, (*row, by.kind, by.id, by.on_behalf_of, told.reason, told.correlation_id))
    except sqlite3.IntegrityError:
        raise CommandIdReused(told.command_id) from None


def _command_of(row: tuple[Any, ...]) -> CommandRecord:
    command, order_id, tag, fingerprint, first, last, at, kind, id_, behalf, reason, correlation = row
    by, moment = Actor(kind, id_, behalf), _EPOCH + timedelta(microseconds=at)
    return CommandRecord(command, order_id, tag, fingerprint, first, last, moment, by, reason, correlation)


def _erase_beside(db: sqlite3.Connection, order: Order) -> None:
    """The records of an order's commands, and what is parked for its tracking numbers."""
    for row in db.execute(_SELECT_COMMANDS_OF, (order.tenant, order.id)).fetchall():
        known = erased_command(_command_of(row))
        told = (known.fingerprint, known.by.id, known.by.on_behalf_of, known.reason)
        db.execute(_UPDATE_COMMAND, (*told, order.tenant, known.command_id))
    for number in order.tracking_numbers:
        key = (order.tenant, number)
        scans = [_scan_of(number, text) for _, _, text in db.execute(_SELECT_PARKED, key).fetchall()]
        db.execute("DELETE FROM inbox WHERE tenant = ? AND number = ?", key)
        rows = [(*key, _scan_text(erased(scan))) for scan in scans]
        db.executemany("INSERT OR IGNORE INTO inbox VALUES (?, ?, ?)", rows)


def _put_order(
    db: sqlite3.Connection,
    order: Order,
    expected: int,
    attempts: str | None,
    next_at: int | None,
    before: _Cached | None,
) -> None:
    """The row of an order; its state is left out where it is known to be the same, which spares an index."""
    key = (order.tenant, order.id)
    if expected == 0:
        placed = (*key, order.channel, order.reference, _micros(order.placed_at))
        try:
            db.execute(_INSERT_ORDER, (*placed, order.state, order.version, next_at, attempts or ""))
        except sqlite3.IntegrityError:
            raise DuplicateOrder(order.reference, order.channel) from None
        return
    changed: tuple[Any, ...] = (order.version, next_at, attempts, *key, expected)
    if before is not None and before.loaded.order.state == order.state:
        done = db.execute(_UPDATE_ORDER_IN_ITS_STATE, changed)
    else:
        done = db.execute(_UPDATE_ORDER, (order.state, *changed))
    if before is None or before.loaded.order.placed_at != order.placed_at:  # a draft that was placed, or saved again
        db.execute(_UPDATE_PLACED_AT, (_micros(order.placed_at), *key))
    if done.rowcount == 0:
        row = db.execute(_SELECT_LOADED, key).fetchone()
        raise VersionConflict(order.id, expected, row[0] if row is not None else 0)


def _put_labels(db: sqlite3.Connection, order: Order, expected: int, before: _Cached | None) -> None:
    """The labels of an order, where they have changed."""
    key = (order.tenant, order.id)
    if expected > 0 and before is None:
        kept = frozenset(label for (label,) in db.execute(_SELECT_LABELS, key))
        fresh, gone = order.labels - kept, kept - order.labels
    else:
        fresh, gone = order.relabelled(before.loaded.order if before is not None else None)
    if fresh:
        db.executemany(_INSERT_LABEL, [(order.tenant, label, *key) for label in sorted(fresh)])
    if gone:
        db.executemany(_DELETE_LABEL, [(order.tenant, label, *key) for label in sorted(gone)])


def _new_numbers(order: Order, before: _Cached | None) -> list[tuple[str, str, str]]:
    """The tracking numbers that the order may not have had before."""
    known: Sequence[str] = ()
    if before is not None:
        past = before.loaded.order
        if past.parcels is order.parcels and past.shipments is order.shipments:
            return []
        known = past.tracking_numbers
    return [(order.tenant, number, order.id) for number in order.tracking_numbers if number not in known]


def _scans_wait(db: sqlite3.Connection, numbers: Sequence[tuple[str, str, str]], taken: Sequence[Any]) -> bool:
    """Whether scans were parked under numbers that somebody knows now, other than those being taken."""
    parked = (row for tenant, number, _ in numbers for row in db.execute(_SELECT_PARKED, (tenant, number)))
    return any(tuple(row) not in taken for row in parked)


def _summary(row: tuple[Any, ...]) -> OrderSummary:
    _, order_id, channel, reference, state, version, placed_at = row
    return OrderSummary(order_id, channel, reference, state, version, _EPOCH + timedelta(microseconds=placed_at))


# -- moments, attempts and scans as they are kept ----------------------------------------------------------------------

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_ATTEMPTS: Final[FrozenMap[str, Attempt]] = FrozenMap()


def _micros(moment: datetime) -> int:
    """A moment as microseconds since 1970."""
    past = moment - _EPOCH
    return (past.days * 86_400 + past.seconds) * 1_000_000 + past.microseconds


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)


def _attempts_text(attempts: Mapping[str, Attempt]) -> str:
    if not attempts:
        return ""
    told = {request: [made.failures, _micros(made.next_at), made.reason] for request, made in attempts.items()}
    return json.dumps(told, separators=(",", ":"))


def _attempts_of(text: str) -> FrozenMap[str, Attempt]:
    if not text:
        return _NO_ATTEMPTS
    told = json.loads(text)
    return FrozenMap(
        {
            request: Attempt(failures, _EPOCH + timedelta(microseconds=next_at), reason)
            for request, (failures, next_at, reason) in told.items()
        }
    )


def _scan_text(scan: Scan) -> str:
    """A scan but for its tracking number; equal scans give equal texts."""
    told = [
        scan.status.value,
        _micros(scan.occurred_at),
        scan.id,
        scan.reason,
        scan.action_required,
        scan.location,
        scan.raw,
        scan.estimate.isoformat() if scan.estimate is not None else None,
    ]
    return json.dumps(told, separators=(",", ":"))


def _scan_of(number: str, text: str) -> Scan:
    status, occurred_at, id_, reason, action_required, location, raw, estimate = json.loads(text)
    moment = _EPOCH + timedelta(microseconds=occurred_at)
    day = date.fromisoformat(estimate) if estimate is not None else None
    return Scan(number, status, moment, id_, reason, action_required, location, raw, day)
