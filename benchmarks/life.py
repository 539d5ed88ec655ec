"""The whole life of a 3-line order in memory and on SQLite, beside a hand-written floor, in one run, as ratios.

The floor (`floor.py`) does the same life with the same number of commits, and nothing else. Both run in turns, round by
round, so that whatever else the machine does falls on both; the median of the rounds counts. Where the time goes is
sampled from the running stack a few thousand times: unlike a tracing profiler, that does not make small functions dear.

    python benchmarks/life.py             the table, the breakdown, the import
    python benchmarks/life.py --smoke     everything once and tiny: does it still run?
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import attrs
import floor

AIM_MEMORY_US = 500
AIM_RATIO_FULL = 1.5
AIM_IMPORT_MS = 100


# -- orderflow's side --------------------------------------------------------------------------------------------------


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def now(self) -> datetime:
        """The moment it shows."""
        return self.at

    def advance(self, **by: float) -> datetime:
        """Later."""
        self.at += timedelta(**by)
        return self.at


class Systems:
    """All four ports, as plain as the floor's world: dictionaries, each effect remembered by its key."""

    def __init__(self) -> None:
        from orderflow import ports
        from orderflow.charges import Amounts
        from orderflow.order import Booking
        from orderflow.values.frozenmap import FrozenMap
        from orderflow.values.money import Money

        self._is, self._amounts, self._booking = ports, Amounts, Booking
        self._map, self._money = FrozenMap, Money
        self.world = floor.World()
        self.repeats = ports.Repeats.DEDUPLICATES

    def claim(self, request: Any) -> Any:
        """Stock without end."""
        held = self.world.claim(request.key, request.sku, request.quantity)
        return self._is.StockHeld(request.revision, held, request.location or "main")

    def issue(self, request: Any) -> Any:
        """The units have left."""
        self.world.issue(request.key)
        return self._is.Issued()

    def receive(self, request: Any) -> Any:
        """The units are on hand again."""
        return self._is.Received()

    def levels(self, request: Any) -> Any:
        """How much there is."""
        stock = self.world.available
        return self._is.Levels(tuple(self._is.Level(sku, "main", stock[sku], stock[sku]) for sku in request.skus))

    def quote(self, request: Any) -> Any:
        """A price list and one rate of tax."""
        return self._is.Quote(tuple(self._quoted(line, request.currency) for line in request.lines))

    def _quoted(self, line: Any, currency: str) -> Any:
        _, quantity, unit, net, tax = self.world.quote(line.line_id, line.sku, line.quantity)
        money = self._money
        nothing = money(0, currency)
        amounts = self._amounts(money(net, currency), nothing, nothing, money(tax, currency))
        return self._is.QuotedLine(line.line_id, quantity, money(unit, currency), amounts)

    def rates(self, request: Any) -> Any:
        """One service."""
        return self._is.Rates((self._is.Rate("post", "standard", self._money("4.90", "EUR")),))

    def book(self, request: Any) -> Any:
        """A booking; each parcel has a number."""
        numbers = {parcel.parcel_id: f"TN-{request.order_id}-{parcel.parcel_id}" for parcel in request.parcels}
        number = self.world.book(request.key)
        booking = self._booking(number, request.carrier, request.service, f"TN-{request.order_id}")
        return self._is.Booked(booking, self._map(numbers))

    def void(self, request: Any) -> Any:
        """Not booked any more."""
        return self._is.Voided()

    def track(self, request: Any) -> Any:
        """Nothing seen; scans are pushed."""
        return self._is.Scans(())

    def send(self, request: Any) -> Any:
        """The message is in the box."""
        return self._is.Sent(self.world.send(request.key))


class Host:
    """An application around orderflow, which lives the life through the public face."""

    def __init__(self, store: Any) -> None:
        import orderflow

        self.face = orderflow
        self.clock, self.systems, self.store = Clock(), Systems(), store
        ports = dict.fromkeys(("inventory", "pricing", "carriers", "notifications"), self.systems)
        self.flow = orderflow.OrderFlow(**ports, store=store, clock=self.clock)
        self.who, self.where = self._customer()

    def _customer(self) -> tuple[Any, Any]:
        from orderflow.values.address import Address
        from orderflow.values.party import Contact, Party

        where = Address("GB", "1 High Street", city="Leeds", postal_code="LS1 1AA", name="A. Buyer")
        return Party("A. Buyer", contact=Contact(email="buyer@example.com")), where

    def live(self, name: str) -> None:
        """One life, from the order placed to the order completed."""
        face, handle, clock = self.face, self.flow.handle, self.clock
        lines = tuple((sku, quantity) for _, sku, quantity in floor.LINES)
        placed = face.PlaceOrder(lines, "EUR", self.where, self.who, order_id=name, reference=f"R-{name}")
        order = handle(placed).order
        clock.advance(hours=2)
        fulfillment = next(iter(order.fulfillments))
        handle(face.StartPicking(order_id=name, fulfillment_id=fulfillment))
        clock.advance(minutes=20)
        handle(face.RecordPick(order_id=name, fulfillment_id=fulfillment))
        clock.advance(minutes=20)
        handle(face.PackParcel(order_id=name, fulfillment_id=fulfillment, weight_kg=Decimal("2.4")))
        handle(face.BookShipment(order_id=name, carrier="post", service="standard"))
        clock.advance(hours=1)
        handle(face.DespatchShipment(order_id=name))
        self._deliver(name)

    def _deliver(self, name: str) -> None:
        from orderflow.tracking import Scan

        number = f"TN-{name}-P1"
        for status in ("in_transit", "delivered"):
            self.flow.observe(Scan(number, status, self.clock.advance(days=1), id=status))

    def state(self, name: str) -> str:
        """Where an order stands."""
        loaded = self.store.load("main", name)
        return str(loaded.order.state) if loaded else "unknown"


class Counting:
    """A store that notes every transaction which writes."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.shape: list[floor.Commit] = []
        self.tags: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def append(self, order: Any, expected_version: int, events: Iterable[Any], **rest: Any) -> None:
        """A commit with events, or with a command alone."""
        kept = tuple(events)
        self._store.append(order, expected_version, kept, **rest)
        self.shape.append(floor.Commit(len(kept), rest.get("command") is not None))
        self.tags.extend(event.TAG for event in kept)

    def reschedule(self, *positional: Any, **named: Any) -> bool:
        """A commit that touches the order's row alone."""
        done: bool = self._store.reschedule(*positional, **named)
        self.shape.append(floor.Commit(0))
        return done

    def due(self, *positional: Any, **named: Any) -> Any:
        """A lease is a commit where something was due."""
        found = self._store.due(*positional, **named)
        if found:
            self.shape.append(floor.Commit(0))
        return found

    def next_number(self, tenant: str) -> int:
        """Numbering is a commit of its own."""
        self.shape.append(floor.Commit(0))
        number: int = self._store.next_number(tenant)
        return number


def memory_store() -> Any:
    """orderflow's store in memory."""
    from orderflow.stores import MemoryStore

    return MemoryStore()


def sqlite_store(path: Path, synchronous: Literal["FULL", "NORMAL"]) -> Any:
    """orderflow's store in one file."""
    from orderflow.stores import SqliteStore

    return SqliteStore(path, synchronous=synchronous)


def measured_shape() -> tuple[tuple[floor.Commit, ...], tuple[str, ...]]:
    """The commits of one life as orderflow makes them, and the tags of its events."""
    counting = Counting(memory_store())
    host = Host(counting)
    host.live("O-shape")
    if host.state("O-shape") != "completed":
        raise SystemExit(f"the life ended {host.state('O-shape')}, not completed; events: {' '.join(counting.tags)}")
    return tuple(counting.shape), tuple(counting.tags)


# -- contestants and rounds --------------------------------------------------------------------------------------------


@attrs.define
class Contestant:
    """One way to live the life: made anew for each round where ``fresh`` says so, outside the time that counts."""

    name: str
    make: Callable[[], Callable[[str], Any]]
    floor: str | None = None
    fresh: bool = True
    found: list[float] = attrs.field(factory=list)
    _live: Callable[[str], Any] | None = None

    def run(self, turn: int, lives: int) -> None:
        """One round."""
        if self._live is None or self.fresh:
            self._live = self.make()
        live = self._live
        gc.collect()
        begun = time.perf_counter()
        for number in range(lives):
            live(f"O{turn}-{number}")
        self.found.append((time.perf_counter() - begun) / lives * 1e6)

    @property
    def us(self) -> float:
        """Microseconds a life: the median of the rounds."""
        return statistics.median(self.found)


def _floor(make: Callable[[], floor.Keeper], at: Sequence[floor.Cut]) -> Callable[[], Callable[[str], Any]]:
    def made() -> Callable[[str], Any]:
        keeper, world = make(), floor.World()
        return lambda name: floor.live(keeper, world, name, at)

    return made


def contestants(where: Path, shape: Sequence[floor.Commit]) -> list[Contestant]:
    """Floor and orderflow, in memory and on SQLite."""
    at = floor.cuts(shape)
    rows = [
        Contestant("floor, objects", _floor(floor.Objects, at)),
        Contestant("floor, with JSON", _floor(floor.Json, at)),
        Contestant("orderflow, memory", lambda: Host(memory_store()).live, "floor, objects"),
    ]
    modes: tuple[Literal["NORMAL", "FULL"], ...] = ("NORMAL", "FULL")
    for mode in modes:
        path = where / mode.lower()
        floor_name = f"floor, SQLite {mode}"
        rows.append(Contestant(floor_name, _floor(_bare(path, mode), at), fresh=False))
        rows.append(Contestant(f"orderflow, SQLite {mode}", _hosted(path, mode), floor_name, fresh=False))
    return rows


def _bare(path: Path, mode: str) -> Callable[[], floor.Keeper]:
    return lambda: floor.Sqlite(path.with_suffix(".floor.db"), mode)


def _hosted(path: Path, mode: Literal["FULL", "NORMAL"]) -> Callable[[], Callable[[str], Any]]:
    return lambda: Host(sqlite_store(path.with_suffix(".orderflow.db"), mode)).live


def race(rows: Sequence[Contestant], rounds: int, lives: int) -> None:
    """All in turns; who begins changes from round to round. The first round warms up and is dropped."""
    for turn in range(rounds + 1):
        first = turn % len(rows)
        for row in (*rows[first:], *rows[:first]):
            row.run(turn, lives)
    for row in rows:
        del row.found[0]


def table(rows: Sequence[Contestant], commits: int, events: int) -> Iterator[str]:
    """The table of µs a life and ratios, in Markdown."""
    by_name = {row.name: row for row in rows}
    yield "| a life | µs | quickest round | × its floor | events | commits |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for row in rows:
        ratio = f"{_ratio(row, by_name):.2f}" if row.floor else "1"
        count = events if row.floor else floor.EVENTS
        yield f"| {row.name} | {row.us:,.0f} | {min(row.found):,.0f} | {ratio} | {count} | {commits} |"


def _ratio(row: Contestant, by_name: dict[str, Contestant]) -> float:
    """The median of the ratios of the rounds: both sides of each were run next to each other."""
    base = by_name[row.floor or row.name]
    return statistics.median(mine / theirs for mine, theirs in zip(row.found, base.found, strict=True))


# -- where the time goes -----------------------------------------------------------------------------------------------

#: What a frame of orderflow is doing, by module and function; the innermost frame that is listed counts.
_PHASES: tuple[tuple[str, frozenset[str], str], ...] = (
    ("orderflow.stores", frozenset(), "store"),
    ("orderflow.codec", frozenset(), "codec"),
    ("orderflow.runtime", frozenset(), "runtime"),
    ("orderflow.process", frozenset({"decide"}), "decide"),
    ("orderflow.process", frozenset({"evolve"}), "evolve"),
    ("orderflow.process", frozenset({"conclude"}), "conclude"),
    ("orderflow.process", frozenset({"pending", "wanted", "attention", "moments", "next_attention"}), "pending"),
    ("orderflow.process", frozenset({"consequences", "settled"}), "consequences"),
    ("orderflow", frozenset({"apply"}), "evolve"),
)


def _phase(frame: FrameType | None) -> str:
    while frame is not None:
        module, function = frame.f_globals.get("__name__") or "", frame.f_code.co_name
        if module == __name__:
            if frame.f_locals.get("self").__class__ is Systems:
                return "ports"
            return "making commands"
        if module == floor.__name__:
            return "ports"
        for prefix, functions, phase in _PHASES:
            if (module == prefix or module.startswith(f"{prefix}.")) and (not functions or function in functions):
                return phase
        frame = frame.f_back
    return "elsewhere"


def _place(frame: FrameType | None) -> tuple[str, str]:
    """The innermost function of orderflow: module and qualified name."""
    while frame is not None:
        module = frame.f_globals.get("__name__") or ""
        if module.startswith("orderflow") or module in (__name__, floor.__name__):
            return module.replace("__main__", "(benchmark)"), frame.f_code.co_qualname
        frame = frame.f_back
    return "elsewhere", ""


@attrs.define
class Samples:
    """How often the running stack was found where."""

    phases: Counter[str] = attrs.field(factory=Counter)
    modules: Counter[str] = attrs.field(factory=Counter)
    functions: Counter[str] = attrs.field(factory=Counter)

    def take(self, number: int, frame: FrameType | None) -> None:
        """One look at the stack."""
        module, function = _place(frame)
        self.phases[_phase(frame)] += 1
        self.modules[module] += 1
        self.functions[f"{module}.{function}"] += 1

    def lines(self, title: str, found: Counter[str], us: float, most: int) -> Iterator[str]:
        """The largest shares, in Markdown."""
        total = found.total() or 1
        yield f"| {title} | share | µs |"
        yield "| --- | ---: | ---: |"
        for name, times in found.most_common(most):
            yield f"| {name} | {times / total:.1%} | {us * times / total:,.0f} |"


@contextmanager
def sampling(every: float) -> Iterator[Samples]:
    """Look at the stack every so many seconds."""
    samples = Samples()
    before = signal.signal(signal.SIGALRM, samples.take)
    signal.setitimer(signal.ITIMER_REAL, every, every)
    try:
        yield samples
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def breakdown(row: Contestant, seconds: float, most: int) -> Iterator[str]:
    """Where a contestant's time goes: by what is being done, by module, by function."""
    live = row.make()
    until, number = time.perf_counter() + seconds, 0
    with sampling(0.0005) as samples:
        while time.perf_counter() < until:
            live(f"B-{number}")
            number += 1
    yield f"### {row.name}: {row.us:,.0f} µs, {samples.phases.total():,} samples"
    for title, found in (("doing", samples.phases), ("module", samples.modules), ("function", samples.functions)):
        yield ""
        yield from samples.lines(title, found, row.us, most)


# -- the import --------------------------------------------------------------------------------------------------------

_IMPORT = """
import sys, time
begun = time.perf_counter()
{statement}
print(time.perf_counter() - begun, *sys.modules)
"""
_FACE = "OrderFlow, PlaceOrder, StartPicking, RecordPick, PackParcel, BookShipment, DespatchShipment"


def import_ms(statement: str, times: int) -> tuple[float, set[str]]:
    """The quickest of some fresh interpreters, in milliseconds, and the modules it then holds."""
    best, loaded = float("inf"), set[str]()
    code = _IMPORT.format(statement=statement)
    with tempfile.TemporaryDirectory() as compiled:  # as a program finds it from its second start on
        place = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        place["PYTHONPYCACHEPREFIX"] = compiled
        for _ in range(times + 1):
            ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=place)
            said = ran.stdout.split()
            best, loaded = min(best, float(said[0]) * 1e3), set(said[1:])
    return best, loaded


def imports(times: int) -> Iterator[str]:
    """How long importing takes, and what it leaves alone."""
    yield "| import | ms | of its own modules | heavy ones |"
    yield "| --- | ---: | ---: | --- |"
    for statement in ("import attrs", "import orderflow", f"from orderflow import {_FACE}"):
        ms, loaded = import_ms(statement, times)
        heavy = sorted(loaded & {"statemachine", "cattrs", "sqlite3", "asyncio"})
        own = sum(1 for name in loaded if name.partition(".")[0] == "orderflow")
        short = statement.partition(",")[0] + (", …" if "," in statement else "")
        yield f"| `{short}` | {ms:.1f} | {own} | {' '.join(heavy) or '-'} |"
        if "statemachine" in loaded:
            raise SystemExit(f"`{statement}` loads python-statemachine")


# -- the run -----------------------------------------------------------------------------------------------------------


def verdict(rows: Sequence[Contestant]) -> Iterator[str]:
    """Where it stands against the aims."""
    by_name = {row.name: row for row in rows}
    memory, full = by_name["orderflow, memory"], by_name["orderflow, SQLite FULL"]
    yield f"in memory: {memory.us:,.0f} µs of {AIM_MEMORY_US}"
    yield f"on SQLite FULL: {_ratio(full, by_name):.2f} × the floor, of {AIM_RATIO_FULL}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="rounds that count")
    parser.add_argument("--lives", type=int, default=40, help="lives a round")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each breakdown samples")
    parser.add_argument("--most", type=int, default=14, help="rows of each breakdown")
    parser.add_argument("--directory", help="where the SQLite files are made (default: the temporary directory)")
    parser.add_argument("--smoke", action="store_true", help="everything once and tiny")
    wanted = parser.parse_args()
    if wanted.smoke:
        wanted.rounds, wanted.lives, wanted.seconds, wanted.most = 1, 2, 0.2, 3
    return wanted


def main() -> None:
    """Print the report."""
    wanted = _arguments()
    shape, tags = measured_shape()
    commands = sum(commit.command for commit in shape)
    print(f"{len(tags)} events in {len(shape)} commits, {commands} of them with a command; the floor: {floor.EVENTS}\n")
    with tempfile.TemporaryDirectory(dir=wanted.directory) as where:
        rows = contestants(Path(where), shape)
        race(rows, wanted.rounds, wanted.lives)
        print(*table(rows, len(shape), len(tags)), "", *verdict(rows), "", sep="\n")
        for row in rows:
            if row.name == "orderflow, memory":
                print(*breakdown(row, wanted.seconds, wanted.most), "", sep="\n")
        sampled = Contestant("orderflow, SQLite FULL", _hosted(Path(where, "sampled"), "FULL"))
        sampled.found = next(row for row in rows if row.name == sampled.name).found
        print(*breakdown(sampled, wanted.seconds, wanted.most), "", sep="\n")
    print(*imports(1 if wanted.smoke else 7), sep="\n")


if __name__ == "__main__":
    main()
