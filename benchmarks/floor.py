"""The floor: what a good engineer writes by hand for exactly one life of an order, and nothing more.

Frozen events, one table of steps, a dict of balances per line, `json`, bare `sqlite3`. The life is that of three lines
of two units each: placed, acknowledged, priced, claimed, verified, planned, picked, packed, booked, despatched, issued,
in transit, delivered, completed, with four messages on the way. Nothing is refused but by the ledger and the table;
there are no holds, no changes, no retries, no policies and no values that check themselves, and the order is kept in
hand and never read back. The ratio to it is the price of all that.

Three ways to keep what happened: `Objects` keeps the events, `Json` keeps their text, `Sqlite` writes them with the row
of the order and the record of the command, one transaction a commit. How many commits there are, and how the events
fall into them, is a parameter (`Commit`), so that the floor can have the same commits as what is measured beside it.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Protocol

import attrs

__all__ = ["EVENTS", "NATURAL", "Commit", "Cut", "Json", "Keeper", "Objects", "Sqlite", "World", "cuts", "live"]

CENT = Decimal("0.01")
TAX = Decimal("0.19")
ZERO = Decimal(0)
TWO = Decimal(2)
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LINES = (("L1", "TEA-250", TWO), ("L2", "POT-1", TWO), ("L3", "CUP-6", TWO))
SHIP_TO = {"name": "A. Buyer", "street": "1 High Street", "city": "Leeds", "postcode": "LS1 1AA", "country": "GB"}


# -- events ------------------------------------------------------------------------------------------------------------


@attrs.frozen
class Placed:
    at: datetime
    order_id: str
    reference: str
    currency: str
    ship_to: dict[str, str]
    lines: tuple[tuple[str, str, Decimal], ...]


@attrs.frozen
class Stepped:
    """The order is in another state."""

    at: datetime
    state: str


@attrs.frozen
class ClaimWanted:
    at: datetime
    claim_id: str
    line_id: str
    quantity: Decimal


@attrs.frozen
class Quoted:
    at: datetime
    tranches: tuple[tuple[str, Decimal, Decimal, Decimal, Decimal], ...]


@attrs.frozen
class Claimed:
    at: datetime
    claim_id: str
    held: Decimal
    location: str


@attrs.frozen
class Planned:
    at: datetime
    fulfillment_id: str
    location: str
    lines: tuple[tuple[str, Decimal], ...]


@attrs.frozen
class PickingStarted:
    at: datetime
    fulfillment_id: str
    state: str


@attrs.frozen
class Picked:
    at: datetime
    fulfillment_id: str
    goods: tuple[tuple[str, Decimal], ...]
    state: str


@attrs.frozen
class Packed:
    at: datetime
    parcel_id: str
    fulfillment_id: str
    goods: tuple[tuple[str, Decimal], ...]
    weight_kg: Decimal
    state: str


@attrs.frozen
class BookingWanted:
    at: datetime
    shipment_id: str
    parcel_ids: tuple[str, ...]
    carrier: str
    service: str
    ship_to: dict[str, str]


@attrs.frozen
class Booked:
    at: datetime
    shipment_id: str
    number: str
    tracking_number: str


@attrs.frozen
class Despatched:
    at: datetime
    shipment_id: str
    parcel_id: str
    goods: tuple[tuple[str, Decimal], ...]


@attrs.frozen
class StockIssued:
    at: datetime
    shipment_id: str


@attrs.frozen
class Scanned:
    at: datetime
    tracking_number: str
    status: str
    scan_id: str


@attrs.frozen
class Delivered:
    at: datetime
    parcel_id: str
    goods: tuple[tuple[str, Decimal], ...]


@attrs.frozen
class MessageQueued:
    at: datetime
    message_id: str
    kind: str
    to: str
    body: dict[str, str]


@attrs.frozen
class MessageSent:
    at: datetime
    message_id: str
    receipt: str


# -- the order and its table of steps ----------------------------------------------------------------------------------

STEPS = {
    ("order", "placed", "acknowledge"): "acknowledged",
    ("order", "acknowledged", "verify"): "verified",
    ("order", "verified", "start_fulfillment"): "in_fulfillment",
    ("order", "in_fulfillment", "ship"): "shipped",
    ("order", "shipped", "deliver"): "delivered",
    ("order", "delivered", "complete"): "completed",
    ("fulfillment", "planned", "start_picking"): "picking",
    ("fulfillment", "picking", "finish_picking"): "picked",
    ("fulfillment", "picked", "finish_packing"): "packed",
    ("fulfillment", "packed", "finish_despatch"): "despatched",
    ("parcel", "packed", "book"): "booked",
    ("parcel", "booked", "despatch"): "despatched",
    ("parcel", "despatched", "deliver"): "delivered",
}

#: Which status of a parcel may follow which.
FOLLOWS = {None: {"in_transit", "delivered"}, "in_transit": {"in_transit", "delivered"}, "delivered": {"delivered"}}


def step(kind: str, state: str, event: str) -> str:
    """The state that follows, or a refusal."""
    target = STEPS.get((kind, state, event))
    if target is None:
        raise ValueError(f"{kind}: no {event} while {state}")
    return target


@attrs.define
class Order:
    """The one order in hand."""

    id: str
    state: str = ""
    version: int = 0
    ledger: dict[str, dict[str, Decimal]] = attrs.field(factory=dict)
    tranches: dict[str, tuple[str, Decimal, Decimal, Decimal, Decimal]] = attrs.field(factory=dict)
    claims: dict[str, list[Any]] = attrs.field(factory=dict)
    fulfillments: dict[str, str] = attrs.field(factory=dict)
    parcels: dict[str, str] = attrs.field(factory=dict)
    bookings: dict[str, str] = attrs.field(factory=dict)
    messages: dict[str, str] = attrs.field(factory=dict)
    scans: set[tuple[str, str, str]] = attrs.field(factory=set)
    tracking: str | None = None
    issued: bool = False

    def move(self, line_id: str, source: str, target: str, quantity: Decimal) -> None:
        """Units of a line go from one account to another, which cannot give more than it holds."""
        line = self.ledger[line_id]
        left = line.get(source, ZERO) - quantity
        if left < 0 and source != "ordered":
            raise ValueError(f"{source} of {line_id} holds too little")
        if left:
            line[source] = left
        else:
            del line[source]
        line[target] = line.get(target, ZERO) + quantity

    def holds(self, account: str) -> tuple[tuple[str, Decimal], ...]:
        """What an account holds, by line."""
        return tuple((line_id, line[account]) for line_id, line in self.ledger.items() if account in line)


# -- what events mean --------------------------------------------------------------------------------------------------


def _placed(order: Order, event: Placed) -> None:
    order.state = "placed"
    for line_id, _, quantity in event.lines:
        order.ledger[line_id] = {}
        order.move(line_id, "ordered", "open", quantity)


def _stepped(order: Order, event: Stepped) -> None:
    order.state = event.state


def _claim_wanted(order: Order, event: ClaimWanted) -> None:
    order.claims[event.claim_id] = [event.line_id, event.quantity, None]


def _quoted(order: Order, event: Quoted) -> None:
    for tranche in event.tranches:
        order.tranches[tranche[0]] = tranche


def _claimed(order: Order, event: Claimed) -> None:
    order.claims[event.claim_id][2] = event.held


def _planned(order: Order, event: Planned) -> None:
    order.fulfillments[event.fulfillment_id] = "planned"
    for line_id, quantity in event.lines:
        order.move(line_id, "open", f"allocated:{event.fulfillment_id}", quantity)


def _picking_started(order: Order, event: PickingStarted) -> None:
    order.fulfillments[event.fulfillment_id] = event.state


def _picked(order: Order, event: Picked) -> None:
    order.fulfillments[event.fulfillment_id] = event.state
    for line_id, quantity in event.goods:
        order.move(line_id, f"allocated:{event.fulfillment_id}", f"picked:{event.fulfillment_id}", quantity)


def _packed(order: Order, event: Packed) -> None:
    order.fulfillments[event.fulfillment_id] = event.state
    order.parcels[event.parcel_id] = "packed"
    for line_id, quantity in event.goods:
        order.move(line_id, f"picked:{event.fulfillment_id}", f"packed:{event.parcel_id}", quantity)


def _booking_wanted(order: Order, event: BookingWanted) -> None:
    order.bookings[event.shipment_id] = ""


def _booked(order: Order, event: Booked) -> None:
    order.bookings[event.shipment_id] = event.number
    order.parcels["P1"] = step("parcel", order.parcels["P1"], "book")


def _despatched(order: Order, event: Despatched) -> None:
    order.parcels[event.parcel_id] = step("parcel", order.parcels[event.parcel_id], "despatch")
    order.fulfillments["F1"] = step("fulfillment", order.fulfillments["F1"], "finish_despatch")
    for line_id, quantity in event.goods:
        order.move(line_id, f"packed:{event.parcel_id}", f"shipped:{event.parcel_id}", quantity)


def _stock_issued(order: Order, event: StockIssued) -> None:
    order.issued = True


def _scanned(order: Order, event: Scanned) -> None:
    scan = (event.tracking_number, event.status, event.scan_id)
    if scan not in order.scans:
        order.scans.add(scan)
        if event.status in FOLLOWS[order.tracking]:
            order.tracking = event.status


def _delivered(order: Order, event: Delivered) -> None:
    order.parcels[event.parcel_id] = step("parcel", order.parcels[event.parcel_id], "deliver")
    for line_id, quantity in event.goods:
        order.move(line_id, f"shipped:{event.parcel_id}", f"delivered:{event.parcel_id}", quantity)


def _message_queued(order: Order, event: MessageQueued) -> None:
    order.messages[event.message_id] = ""


def _message_sent(order: Order, event: MessageSent) -> None:
    order.messages[event.message_id] = event.receipt


APPLY: dict[type[Any], Callable[[Order, Any], None]] = {
    Placed: _placed,
    Stepped: _stepped,
    ClaimWanted: _claim_wanted,
    Quoted: _quoted,
    Claimed: _claimed,
    Planned: _planned,
    PickingStarted: _picking_started,
    Picked: _picked,
    Packed: _packed,
    BookingWanted: _booking_wanted,
    Booked: _booked,
    Despatched: _despatched,
    StockIssued: _stock_issued,
    Scanned: _scanned,
    Delivered: _delivered,
    MessageQueued: _message_queued,
    MessageSent: _message_sent,
}


# -- the systems around it ---------------------------------------------------------------------------------------------


class World:
    """Stock, prices, a carrier and a mailbox, each remembering the keys under which it was asked."""

    def __init__(self) -> None:
        self.available = {sku: Decimal(1_000_000_000) for _, sku, _ in LINES}
        self.prices = {"TEA-250": Decimal("4.95"), "POT-1": Decimal("29.00"), "CUP-6": Decimal("18.50")}
        self.held: dict[str, Decimal] = {}
        self.issues: set[str] = set()
        self.booked: dict[str, str] = {}
        self.sent: dict[str, str] = {}

    def forget(self) -> None:
        """Drop what belongs to lives that are over, so that memory does not grow with the rounds."""
        self.held.clear()
        self.issues.clear()
        self.booked.clear()
        self.sent.clear()

    def quote(self, line_id: str, sku: str, quantity: Decimal) -> tuple[str, Decimal, Decimal, Decimal, Decimal]:
        """Line, quantity, unit price, net, tax."""
        unit = self.prices[sku]
        net = (unit * quantity).quantize(CENT, ROUND_HALF_UP)
        return line_id, quantity, unit, net, (net * TAX).quantize(CENT, ROUND_HALF_UP)

    def claim(self, key: str, sku: str, quantity: Decimal) -> Decimal:
        """Hold units under a key, counting what is held under it already."""
        before = self.held.get(key, ZERO)
        granted = min(quantity, self.available[sku] + before)
        self.available[sku] -= granted - before
        self.held[key] = granted
        return granted

    def issue(self, key: str) -> None:
        """The units have left."""
        self.issues.add(key)

    def book(self, key: str) -> str:
        """A booking's number, the same for the same key."""
        return self.booked.setdefault(key, f"BK{len(self.booked) + 1}")

    def send(self, key: str) -> str:
        """A receipt, the same for the same key."""
        return self.sent.setdefault(key, f"R{len(self.sent) + 1}")


# -- the life ----------------------------------------------------------------------------------------------------------


def happen(order: Order, world: World, reference: str) -> Iterator[Any]:
    """Every event of the life, in order; each is applied before the next is decided."""
    for event in _decide(order, world, reference):
        APPLY[type(event)](order, event)
        order.version += 1
        yield event


def _decide(order: Order, world: World, reference: str) -> Iterator[Any]:
    yield from _accept(order, world, reference)
    yield from _warehouse(order)
    yield from _ship(order, world)
    yield from _deliver(order, world)


def _message(order: Order, at: datetime, number: int, kind: str) -> MessageQueued:
    return MessageQueued(at, f"M{number}", kind, "buyer@example.com", {"order": order.id})


def _accept(order: Order, world: World, reference: str) -> Iterator[Any]:
    at = START
    yield Placed(at, order.id, reference, "EUR", SHIP_TO, LINES)
    yield Stepped(at, step("order", order.state, "acknowledge"))
    yield _message(order, at, 1, "order_placed")
    for number, (line_id, _, quantity) in enumerate(LINES, 1):
        yield ClaimWanted(at, f"C{number}", line_id, quantity)
    yield Quoted(at, tuple(world.quote(line_id, sku, quantity) for line_id, sku, quantity in LINES))
    for (claim_id, claim), (_, sku, _) in zip(order.claims.items(), LINES, strict=True):
        yield Claimed(at, claim_id, world.claim(f"{order.id}/{claim_id}", sku, claim[1]), "main")
    if all(held == wanted for _, wanted, held in order.claims.values()) and len(order.tranches) == len(LINES):
        yield Stepped(at, step("order", order.state, "verify"))
    yield Planned(at, "F1", "main", order.holds("open"))
    yield _message(order, at, 2, "order_verified")
    for message_id in ("M1", "M2"):
        yield MessageSent(at, message_id, world.send(f"{order.id}/{message_id}"))


def _warehouse(order: Order) -> Iterator[Any]:
    at = START + timedelta(hours=2)
    yield PickingStarted(at, "F1", step("fulfillment", order.fulfillments["F1"], "start_picking"))
    yield Stepped(at, step("order", order.state, "start_fulfillment"))
    at += timedelta(minutes=20)
    goods = order.holds("allocated:F1")
    yield Picked(at, "F1", goods, step("fulfillment", order.fulfillments["F1"], "finish_picking"))
    at += timedelta(minutes=20)
    goods = order.holds("picked:F1")
    packed = step("fulfillment", order.fulfillments["F1"], "finish_packing")
    yield Packed(at, "P1", "F1", goods, Decimal("2.4"), packed)


def _ship(order: Order, world: World) -> Iterator[Any]:
    at = START + timedelta(hours=3)
    yield BookingWanted(at, "S1", ("P1",), "post", "standard", SHIP_TO)
    number = world.book(f"{order.id}/S1")
    yield Booked(at, "S1", number, f"TN-{order.id}")
    at += timedelta(hours=1)
    yield Despatched(at, "S1", "P1", order.holds("packed:P1"))
    yield Stepped(at, step("order", order.state, "ship"))
    yield _message(order, at, 3, "order_shipped")
    world.issue(f"{order.id}/S1")
    yield StockIssued(at, "S1")
    yield MessageSent(at, "M3", world.send(f"{order.id}/M3"))


def _deliver(order: Order, world: World) -> Iterator[Any]:
    at = START + timedelta(days=1)
    yield Scanned(at, f"TN-{order.id}", "in_transit", "1")
    at += timedelta(days=1)
    yield Scanned(at, f"TN-{order.id}", "delivered", "2")
    if order.tracking == "delivered":
        yield Delivered(at, "P1", order.holds("shipped:P1"))
    if not order.holds("shipped:P1") and not order.holds("open"):
        yield Stepped(at, step("order", order.state, "deliver"))
    yield _message(order, at, 4, "order_delivered")
    yield MessageSent(at, "M4", world.send(f"{order.id}/M4"))
    at += timedelta(days=14)
    yield Stepped(at, step("order", order.state, "complete"))


EVENTS = sum(1 for _ in happen(Order("O0"), World(), "R0"))
"""How many events the life has here."""


# -- commits -----------------------------------------------------------------------------------------------------------


@attrs.frozen
class Commit:
    """One transaction: how many events it writes, and whether a command is recorded with it."""

    events: int
    command: bool = False


@attrs.frozen
class Cut:
    """A commit of the floor: due after so many of its events."""

    after: int
    command: bool


#: One commit a command, one an answer from outside, one a scan.
NATURAL = (
    Commit(6, command=True),  # place: placed, acknowledged, message, three claims wanted
    Commit(1),  # quoted
    Commit(1),  # claimed
    Commit(1),  # claimed
    Commit(4),  # claimed, verified, planned, message
    Commit(1),  # message sent
    Commit(1),  # message sent
    Commit(2, command=True),  # start picking, order in fulfillment
    Commit(1, command=True),  # pick
    Commit(1, command=True),  # pack
    Commit(1, command=True),  # book
    Commit(1),  # booked
    Commit(3, command=True),  # despatch, shipped, message
    Commit(1),  # issued
    Commit(1),  # message sent
    Commit(1, command=True),  # in transit
    Commit(4, command=True),  # delivered, goods, order, message
    Commit(1),  # message sent
    Commit(1, command=True),  # completed
)


def cuts(shape: Sequence[Commit]) -> tuple[Cut, ...]:
    """Where the floor commits so as to have as many commits as ``shape``, its own events spread as they are there.

    No event is invented: where ``shape`` has more events than the floor, the floor writes its own, in as many commits.
    A commit without events updates the order's row alone.
    """
    total = sum(commit.events for commit in shape) or 1
    made, found = 0, []
    for commit in shape:
        made += commit.events
        found.append(Cut(round(EVENTS * made / total), commit.command))
    return tuple(found)


class Keeper(Protocol):
    """Where a life is kept."""

    def commit(self, order: Order, events: list[Any], command: bool) -> None:
        """Keep some events, and the order as it is after them."""
        ...


def live(keeper: Keeper, world: World, name: str, at: Sequence[Cut]) -> Order:
    """One life, from the order placed to the order completed."""
    order = Order(name)
    fresh: list[Any] = []
    commits = iter(at)
    cut = next(commits, None)
    for event in happen(order, world, f"R-{name}"):
        fresh.append(event)
        while cut is not None and cut.after <= order.version:
            keeper.commit(order, fresh, cut.command)
            fresh = []
            cut = next(commits, None)
    assert order.state == "completed"
    assert not fresh
    return order


# -- three ways to keep it ---------------------------------------------------------------------------------------------


class Objects:
    """Keep the events as they are."""

    def __init__(self) -> None:
        self.streams: dict[str, list[Any]] = {}
        self.commits = 0

    def commit(self, order: Order, events: list[Any], command: bool) -> None:
        """The events are at the end of the order's stream."""
        self.streams.setdefault(order.id, []).extend(events)
        self.commits += 1


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is Decimal:
        return str(value)
    if kind is datetime:
        return value.isoformat()
    raise TypeError(f"{kind.__name__} is not written")


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False, default=_plain).encode
_NAMES = {kind: tuple(field.name for field in attrs.fields(kind)) for kind in APPLY}


def dumped(event: Any) -> str:
    """The text of an event."""
    return _encode({name: getattr(event, name) for name in _NAMES[type(event)]})


class Json(Objects):
    """Keep the text of the events."""

    def commit(self, order: Order, events: list[Any], command: bool) -> None:
        """The texts are at the end of the order's stream."""
        super().commit(order, [(type(event).__name__, dumped(event)) for event in events], command)


_SCHEMA = """
CREATE TABLE orders (
    id TEXT PRIMARY KEY, reference TEXT NOT NULL UNIQUE, state TEXT NOT NULL, version INTEGER NOT NULL, at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE events (
    order_id TEXT NOT NULL, number INTEGER NOT NULL, tag TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (order_id, number)
) WITHOUT ROWID;
CREATE TABLE commands (
    id TEXT PRIMARY KEY, order_id TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL
) WITHOUT ROWID;
"""


class Sqlite:
    """One file, write-ahead log, one immediate transaction a commit: events, the order's row, the command's record."""

    def __init__(self, path: Path, synchronous: str = "FULL") -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute(f"PRAGMA synchronous={synchronous}")
        self.connection.executescript(_SCHEMA)
        self.commits = 0

    def commit(self, order: Order, events: list[Any], command: bool) -> None:
        """All of it, or nothing."""
        last = order.version
        first = last - len(events)
        rows = [(order.id, first + n, type(event).__name__, dumped(event)) for n, event in enumerate(events, 1)]
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            self._row(order, first, rows)
            if rows:
                self.connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
            if command:
                execute("INSERT INTO commands VALUES (?, ?, ?, ?)", (f"{order.id}-{last}", order.id, first, last))
            execute("COMMIT")
        except BaseException:
            execute("ROLLBACK")
            raise
        self.commits += 1

    def _row(self, order: Order, first: int, rows: Iterable[Any]) -> None:
        at = START.isoformat()
        if first == 0:
            row = (order.id, f"R-{order.id}", order.state, order.version, at)
            self.connection.execute("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", row)
            return
        done = self.connection.execute(
            "UPDATE orders SET state = ?, version = ?, at = ? WHERE id = ? AND version = ?",
            (order.state, order.version, at, order.id, first),
        )
        if done.rowcount != 1:
            raise RuntimeError(f"{order.id} has moved on")

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()


# -- on its own --------------------------------------------------------------------------------------------------------


def _timed(keeper: Keeper, prefix: str, rounds: int, lives: int) -> float:
    """Microseconds a life: the median of some rounds of some lives."""
    world, at = World(), cuts(NATURAL)
    found = []
    for turn in range(rounds):
        begun = time.perf_counter()
        for number in range(lives):
            live(keeper, world, f"{prefix}{turn}-{number}", at)
        found.append((time.perf_counter() - begun) / lives * 1e6)
        world.forget()
    return statistics.median(found)


def main() -> None:
    """Print the floor with its natural commits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--lives", type=int, default=50)
    parser.add_argument("--directory", help="where the SQLite files are made (default: the temporary directory)")
    wanted = parser.parse_args()
    print(f"{EVENTS} events, {len(NATURAL)} commits; µs a life")
    with tempfile.TemporaryDirectory(dir=wanted.directory) as where:
        keepers: dict[str, Keeper] = {
            "objects": Objects(),
            "with JSON": Json(),
            "SQLite NORMAL": Sqlite(Path(where, "normal.db"), "NORMAL"),
            "SQLite FULL": Sqlite(Path(where, "full.db"), "FULL"),
        }
        for name, keeper in keepers.items():
            _timed(keeper, "warm", 1, 5)
            print(f"{name:<16}{_timed(keeper, 'O', wanted.rounds, wanted.lives):>10.0f}")


if __name__ == "__main__":
    main()
