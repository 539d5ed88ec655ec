# /// script
# requires-python = ">=3.11"
# dependencies = ["orderflow-core", "duckdb==1.5.5", "duckdb-extension-tpch==1.5.5"]
#
# [tool.uv.sources]
# orderflow-core = { path = "..", editable = true }
# ///
"""TPC-H's 15,000 orders, from o_orderdate to l_receiptdate, through the public API on a simulated clock.

Each order is placed on its day, with a priority, and each line with its instruction, its promise and its service. Each
line travels as a parcel of its own: it leaves on l_shipdate and arrives on l_receiptdate. On 1995-06-17, the day on
which TPC-H looks at its orders, the warehouse and the carriers stop; what is placed after it stays open. TPC-H knows
what should have come of it, the status and the price of each order, and this script fails if orderflow disagrees.

Two of the benchmark's own questions are about lateness: Q4 (orders with a late line, by priority) and Q12 (late lines,
by ship mode and priority). They are answered here from orderflow's events alone, and must agree with the answers that
the benchmark publishes, and with its SQL over the rows. The published answers are for all 15,000 orders; a quick look
is held against the SQL over the same orders.

    uv run examples/tpch.py                     all of it, in memory
    uv run examples/tpch.py --orders 200        a quick look
    uv run examples/tpch.py --db orders.db      kept in one SQLite file
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from orderflow import (
    STANDARD,
    Address,
    BookShipment,
    Command,
    Contact,
    DespatchShipment,
    Event,
    MemoryStore,
    Money,
    Order,
    OrderFlow,
    OrderLine,
    PackParcel,
    Party,
    PlaceOrder,
    RecordPick,
    SqliteStore,
    StartPicking,
)
from orderflow.adapters.memory import ManualClock, MemoryCarrier, MemoryInventory
from orderflow.charges import Amounts, RoundingRule
from orderflow.defaults import one_fulfillment_a_line
from orderflow.events import GoodsDelivered, GoodsDespatched, OrderPlaced, ParcelPacked, ShipmentPlanned
from orderflow.ledger import kind_of, place_of
from orderflow.ports import Quote, QuotedLine, QuotePrices, Repeats, SendMessage, Sent
from orderflow.promise import days_late, is_late
from orderflow.values.money import Rounding, zero
from orderflow.values.times import day_in

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FROZEN = date(1995, 6, 17)
CURRENCY = "USD"
MODES = ("AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK")
#: O, F and P among all 15,000 orders: what the benchmark's data is known to have.
OFP_OF_ALL = "7,333 / 7,304 / 363"
ALL = 15_000

#: What Q4 and Q12 ask for: the quarter of the orders; the modes and the year of the lines, and which priority is high.
QUARTER = (date(1993, 7, 1), date(1993, 9, 30))
SHIP_MODES = ("MAIL", "SHIP")
YEAR = 1994
HIGH = ("1-URGENT", "2-HIGH")

#: The events that a timeline tells of; the rest are intentions and details.
TOLD = frozenset(
    {
        "order_placed",
        "price_quoted",
        "stock_claimed",
        "order_verified",
        "fulfillment_planned",
        "goods_picked",
        "parcel_packed",
        "shipment_booked",
        "goods_despatched",
        "goods_delivered",
        "order_shipped",
        "order_delivered",
        "order_completed",
        "message_sent",
    }
)

#: TPC-H's nations as postal addresses know them: country, town, postal code and region where they are needed.
NATIONS = {
    "ALGERIA": ("DZ", "Algiers", "", ""),
    "ARGENTINA": ("AR", "Buenos Aires", "C1002", ""),
    "BRAZIL": ("BR", "Brasília", "70040-010", "DF"),
    "CANADA": ("CA", "Ottawa", "K1A 0B1", "ON"),
    "CHINA": ("CN", "Beijing", "100000", "Beijing"),
    "EGYPT": ("EG", "Cairo", "11511", ""),
    "ETHIOPIA": ("ET", "Addis Ababa", "1000", ""),
    "FRANCE": ("FR", "Paris", "75001", ""),
    "GERMANY": ("DE", "Berlin", "10115", ""),
    "INDIA": ("IN", "New Delhi", "110001", "Delhi"),
    "INDONESIA": ("ID", "Jakarta", "10110", ""),
    "IRAN": ("IR", "Tehran", "", ""),
    "IRAQ": ("IQ", "Baghdad", "10001", ""),
    "JAPAN": ("JP", "Tokyo", "100-0001", "Tokyo"),
    "JORDAN": ("JO", "Amman", "11118", ""),
    "KENYA": ("KE", "Nairobi", "00100", ""),
    "MOROCCO": ("MA", "Rabat", "10000", ""),
    "MOZAMBIQUE": ("MZ", "Maputo", "1100", ""),
    "PERU": ("PE", "Lima", "15001", ""),
    "ROMANIA": ("RO", "Bucharest", "010011", ""),
    "RUSSIA": ("RU", "Moscow", "101000", ""),
    "SAUDI ARABIA": ("SA", "Riyadh", "11564", ""),
    "UNITED KINGDOM": ("GB", "London", "SW1A 1AA", ""),
    "UNITED STATES": ("US", "Washington", "20001", "DC"),
    "VIETNAM": ("VN", "Hanoi", "100000", ""),
}


# -- TPC-H -------------------------------------------------------------------------------------------------------------


class TpchLine(NamedTuple):
    """A row of ``lineitem``."""

    number: int
    part: str
    quantity: Decimal
    price: Decimal
    discount: Decimal
    tax: Decimal
    leaves: date
    promised: date
    arrives: date
    instruction: str
    mode: str

    @property
    def has_left(self) -> bool:
        """Whether it was shipped when TPC-H looked."""
        return self.leaves <= FROZEN

    @property
    def has_arrived(self) -> bool:
        """Whether it was received when TPC-H looked."""
        return self.arrives <= FROZEN


class TpchOrder(NamedTuple):
    """A row of ``orders`` with its lines and its customer."""

    id: str
    status: str
    total: Decimal
    placed: date
    priority: str
    customer: str
    phone: str
    street: str
    nation: str
    lines: tuple[TpchLine, ...]


class Answer(NamedTuple):
    """What one of the benchmark's questions comes to, and who says so: figures by priority (Q4) or ship mode (Q12)."""

    query: int
    source: str
    figures: Mapping[str, tuple[int, ...]]


class Tpch(NamedTuple):
    """Orders, and what TPC-H says of them."""

    orders: list[TpchOrder]
    answers: list[Answer]


def tpch_data(most: int | None = None) -> Tpch:
    """The first orders of TPC-H at scale 0.01, or all of them, made on the spot by duckdb; nothing is downloaded."""
    import duckdb

    extension = f"extensions/v{duckdb.__version__}/tpch.duckdb_extension"
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as db:
        db.load_extension(str(files("duckdb_extension_tpch") / extension))
        db.execute("CALL dbgen(sf = 0.01)")
        heads = db.execute(
            "SELECT o_orderkey, o_orderstatus, o_totalprice, o_orderdate, o_orderpriority,"
            " c_name, c_phone, c_address, n_name FROM orders JOIN customer ON c_custkey = o_custkey"
            " JOIN nation ON n_nationkey = c_nationkey ORDER BY o_orderkey LIMIT ?",
            [most if most is not None else 2**31],
        ).fetchall()
        for table, key in (("orders", "o_orderkey"), ("lineitem", "l_orderkey")):
            db.execute(f"DELETE FROM {table} WHERE {key} > ?", [heads[-1][0]])
        rows = db.execute(
            "SELECT l_orderkey, l_linenumber, 'P' || l_partkey, l_quantity, l_extendedprice, l_discount, l_tax,"
            " l_shipdate, l_commitdate, l_receiptdate, l_shipinstruct, l_shipmode FROM lineitem"
            " ORDER BY l_orderkey, l_linenumber"
        ).fetchall()
        answers = [answer for query in (4, 12) for answer in _answers(db, query, published=len(heads) == ALL)]
    lines = {key: tuple(TpchLine(*row[1:]) for row in mine) for key, mine in groupby(rows, key=lambda row: row[0])}
    return Tpch([TpchOrder._make((str(key), *rest, lines[key])) for key, *rest in heads], answers)


def _answers(db: DuckDBPyConnection, query: int, *, published: bool) -> Iterator[Answer]:
    """The published answer, where it applies, and what the benchmark's SQL finds in the rows that are there."""
    if published:
        found = db.execute("SELECT answer FROM tpch_answers() WHERE query_nr = ? AND scale_factor = 0.01", [query])
        ((text,),) = found.fetchall()
        yield Answer(query, "as published", _figures(row.split("|") for row in text.splitlines()[1:]))
    yield Answer(query, "by SQL over the rows", _figures(db.execute(f"PRAGMA tpch({query})").fetchall()))


def _figures(rows: Iterable[Sequence[Any]]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(int(figure) for figure in figures) for name, *figures in rows}


# -- the systems around: two ports of one's own, two from the library --------------------------------------------------


class TpchPrices:
    """A pricing system: it quotes what the rows say. TPC-H drops fractions of a cent after the discount and the tax."""

    repeats = Repeats.DEDUPLICATES

    def __init__(self, orders: Iterable[TpchOrder]) -> None:
        self._lines = {(order.id, f"L{line.number}"): line for order in orders for line in order.lines}

    def quote(self, request: QuotePrices) -> Quote:
        """The price of the lines asked for."""
        return Quote(tuple(self._quoted(request.order_id, asked.line_id) for asked in request.lines))

    def _quoted(self, order_id: str, line_id: str) -> QuotedLine:
        line = self._lines[order_id, line_id]
        net = Money(line.price, CURRENCY)
        reduced = (net * (1 - line.discount)).rounded(Rounding.DOWN)
        amounts = Amounts(net, reduced - net, zero(CURRENCY), reduced * line.tax)
        return QuotedLine(line_id, line.quantity, Money(line.price / line.quantity, CURRENCY), amounts)


class Post:
    """A messaging system that counts what it sends, by kind."""

    repeats = Repeats.NEITHER

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()

    def send(self, request: SendMessage) -> Sent:
        """Send one message."""
        self.sent[request.kind] += 1
        return Sent()


# -- Q4 and Q12, from orderflow's events -------------------------------------------------------------------------------


@attrs.define
class Journey:
    """A line's way from the order to the door, as the events tell it."""

    order_id: str
    placed: date
    priority: str
    service: str
    promised: date
    zone: str
    left: date | None = None
    arrived: date | None = None
    late: bool = False


class Journeys:
    """Every line's journey, written down while the events happen. The carrier of this run takes no delivery back.

    To read each order's history at the end comes to the same, but a file has to decode all of it once more.
    """

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], Journey] = {}
        self._parcels: dict[tuple[str, str], list[Journey]] = {}
        self._shipments: dict[tuple[str, str], list[Journey]] = {}

    def note(self, order_id: str, events: Iterable[Event]) -> None:
        """Write down what happened to an order."""
        for event in events:
            match event:
                case OrderPlaced():
                    self._note_placed(event)
                case ParcelPacked():
                    inside = [self._lines[order_id, goods.line_id] for goods in event.contents]
                    self._parcels[order_id, event.parcel_id] = inside
                case ShipmentPlanned():
                    inside = [each for parcel_id in event.parcel_ids for each in self._parcels[order_id, parcel_id]]
                    self._shipments[order_id, event.shipment_id] = inside
                case GoodsDespatched():
                    for journey in self._shipments[order_id, event.shipment_id]:
                        journey.left = day_in(event.at, journey.zone)
                case GoodsDelivered():
                    for journey in self._parcels[order_id, event.parcel_id]:
                        journey.arrived = day_in(event.delivered_at, journey.zone)
                        journey.late = is_late(journey.promised, event.delivered_at, journey.zone)

    def _note_placed(self, event: OrderPlaced) -> None:
        for line in (placed.line for placed in event.lines):
            terms = line.terms.over(event.terms)
            assert terms.deliver_by is not None, "TPC-H promises a day for every line"
            zone = terms.zone or "UTC"
            placed = day_in(event.at, zone)
            journey = Journey(event.order_id, placed, event.priority, terms.service or "", terms.deliver_by, zone)
            self._lines[event.order_id, line.id] = journey

    def answer(self, query: int) -> Mapping[str, tuple[int, ...]]:
        """What Q4 or Q12 comes to."""
        return self._q4() if query == 4 else self._q12()

    def _q4(self) -> dict[str, tuple[int, ...]]:
        """How many orders of the quarter have a line that was late, by priority."""
        first, last = QUARTER
        late = {one.order_id: one.priority for one in self._lines.values() if one.late and first <= one.placed <= last}
        return {priority: (orders,) for priority, orders in sorted(Counter(late.values()).items())}

    def _q12(self) -> dict[str, tuple[int, ...]]:
        """How many lines were late although they left before the promised day, by mode: high priority, and low."""
        counted = Counter(
            (one.service, one.priority in HIGH)
            for one in self._lines.values()
            if one.late and one.service in SHIP_MODES
            if one.arrived is not None and one.arrived.year == YEAR
            if one.left is not None and one.left < one.promised
        )
        return {mode: (counted[mode, True], counted[mode, False]) for mode in sorted({mode for mode, _ in counted})}


# -- the simulation ----------------------------------------------------------------------------------------------------


class Happening(NamedTuple):
    """Something that happens on a day, at its hour: an order is placed (8), a line arrives (12), a line leaves (16)."""

    day: date
    hour: int
    order: TpchOrder
    line: TpchLine | None


def happenings(orders: Iterable[TpchOrder]) -> list[Happening]:
    """All that happens to all orders, in the order of time."""
    found = [Happening(order.placed, 8, order, None) for order in orders]
    for order in orders:
        found += [Happening(line.leaves, 16, order, line) for line in order.lines if line.has_left]
        found += [Happening(line.arrives, 12, order, line) for line in order.lines if line.has_arrived]
    return sorted(found, key=lambda one: one[:2])


class Shop:
    """A shop with one warehouse and one carrier, on a simulated clock."""

    def __init__(self, orders: Sequence[TpchOrder], store: MemoryStore | SqliteStore) -> None:
        stock: Counter[str] = Counter()
        for order in orders:
            for line in order.lines:
                stock[line.part] += int(line.quantity)
        self.clock = ManualClock(datetime.combine(min(order.placed for order in orders), clock_time(), UTC))
        self.warehouse = MemoryInventory(stock, location="WAREHOUSE")
        self.carrier = MemoryCarrier("TPC", {mode: (Money(0, CURRENCY), 7) for mode in MODES}, self.clock)
        self.post = Post()
        self.flow = OrderFlow(
            inventory=self.warehouse,
            pricing=TpchPrices(orders),
            carriers=self.carrier,
            notifications=self.post,
            store=store,
            clock=self.clock,
            policy=attrs.evolve(
                STANDARD,
                plan=one_fulfillment_a_line,
                rounding=RoundingRule(Rounding.DOWN),
                poll_every=None,  # the carrier reports by itself
            ),
        )
        self.journeys = Journeys()
        self._work: dict[tuple[str, str], str] = {}
        self._numbers: dict[tuple[str, str], str] = {}

    def happen(self, one: Happening) -> None:
        """Let it be that day and hour, and let it happen."""
        self.clock.set(datetime.combine(one.day, clock_time(one.hour), UTC))
        if one.line is None:
            self.place(one.order)
        elif one.hour == 16:
            self.despatch(one.order.id, f"L{one.line.number}")
        else:
            self.deliver(one.order.id, f"L{one.line.number}")

    def place(self, order: TpchOrder) -> None:
        """The customer orders; all up to the plan of the warehouse follows by itself."""
        country, town, postal_code, region = NATIONS[order.nation]
        email = f"{order.customer.replace('#', '-').lower()}@example.com"
        placed = self._do(
            PlaceOrder(
                order_id=order.id,
                lines=[
                    OrderLine(
                        line.part,
                        line.quantity,
                        deliver_by=line.promised,
                        service=line.mode,
                        instructions=[line.instruction],
                    )
                    for line in order.lines
                ],
                currency=CURRENCY,
                customer=Party(order.customer, contact=Contact(email, order.phone)),
                ship_to=Address(country, order.street, town, region, postal_code, order.customer),
                priority=order.priority,
            )
        )
        for fulfillment in placed.fulfillments.values():
            for line_id in fulfillment.planned:
                self._work[order.id, line_id] = fulfillment.id

    def despatch(self, order_id: str, line_id: str) -> None:
        """The warehouse picks and packs a line, has it booked and hands it over."""
        work = self._work.pop((order_id, line_id))
        self._do(StartPicking(order_id, work))
        self._do(RecordPick(order_id, work))
        order = self._do(PackParcel(order_id, work))
        parcel = next(order.parcels_of(work))
        order = self._do(BookShipment(order_id, [parcel.id]))
        shipment = order.shipment_of(parcel.id)
        assert shipment is not None
        order = self._do(DespatchShipment(order_id, shipment.id))
        self._numbers[order_id, line_id] = order.parcels[parcel.id].tracking_number

    def deliver(self, order_id: str, line_id: str) -> None:
        """The carrier delivers a line's parcel, and reports it."""
        for receipt in self.flow.observe(*self.carrier.deliver(self._numbers.pop((order_id, line_id)))):
            self.journeys.note(order_id, receipt.events)

    def _do(self, command: Command) -> Order:
        """Have a command handled, and write down what it led to."""
        receipt = self.flow.handle(command)
        self.journeys.note(receipt.order.id, receipt.events)
        return receipt.order

    def orders(self) -> Iterator[Order]:
        """Every order as the store has it."""
        cursor, more = None, True
        while more:
            page = self.flow.find(cursor=cursor, limit=500)
            yield from (self.flow.get(listed.order_id) for listed in page.orders)
            cursor = page.cursor
            more = cursor is not None


def with_progress(work: Sequence[Happening]) -> Iterator[Happening]:
    """The same, with a bar on stderr: one that grows on a terminal, a line now and then elsewhere."""
    grows = sys.stderr.isatty()
    every = -(-len(work) // (200 if grows else 4))
    for number, one in enumerate(work, 1):
        yield one
        if number % every == 0 or number == len(work):
            part = number / len(work)
            bar = f"{'━' * int(40 * part):·<40} {part:4.0%}  {one.day}"
            print(f"\r{bar}" if grows else bar, end="" if grows and number < len(work) else "\n", file=sys.stderr)


# -- what came of it ---------------------------------------------------------------------------------------------------


def status_of(order: Order) -> str:
    """F where every line has left, O where none has, P between: from the ledger."""
    left = {order.line_status(line_id).word in ("shipped", "delivered") for line_id in order.lines}
    return "P" if len(left) == 2 else "F" if True in left else "O"


def delivered_at(order: Order, line_id: str) -> datetime | None:
    """When a line's parcel was delivered, if it was."""
    for account, _ in order.ledger.accounts(line_id):
        if kind_of(account) == "delivered":
            return order.parcels[place_of(account)].tracking.delivered_at
    return None


def lateness(order: Order, line_id: str) -> int:
    """By how many days a line that was delivered broke its promise."""
    at, terms = delivered_at(order, line_id), order.terms_of(line_id)
    return days_late(terms.deliver_by, at, terms.zone or "UTC") if at and terms.deliver_by else 0


class Outcome:
    """The figures of all orders, and one order that shows most."""

    def __init__(self) -> None:
        self.states: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.units: Counter[str] = Counter()
        self.late = self.unbalanced = self.unsettled = 0
        self.total = zero(CURRENCY)
        self.by_order: dict[str, tuple[str, Decimal]] = {}
        self.example: Order | None = None
        self._best: tuple[int, ...] = ()

    def add(self, order: Order) -> None:
        """Count one order."""
        status, total = status_of(order), order.total
        late = sum(lateness(order, line_id) > 0 for line_id in order.lines)
        kinds = order.ledger.by_kind()
        self.states[order.state] += 1
        self.statuses[status] += 1
        for kind, units in kinds.items():
            self.units[kind] += int(units)
        self.late += late
        self.unbalanced += not order.ledger.is_balanced()
        self.unsettled += any(order.open_cases) or any(order.active_holds)
        self.total += total
        self.by_order[order.id] = (status, total.amount)
        shows = (len(kinds), min(late, 1), -abs(len(order.lines) - 4))
        if shows > self._best:
            self._best, self.example = shows, order


class Check(NamedTuple):
    """A figure of orderflow's beside the same one, counted from TPC-H's rows alone."""

    name: str
    ours: Any
    theirs: Any
    differing: Sequence[str] = ()

    @property
    def holds(self) -> bool:
        """Whether they agree."""
        return bool(self.ours == self.theirs) and not self.differing

    def __str__(self) -> str:
        ours, theirs = (each if isinstance(each, str) else f"{each:,}" for each in (self.ours, self.theirs))
        told = f"  {'✓' if self.holds else '✗'} {self.name:<34}{ours}"
        if ours != theirs:
            told += f"   but TPC-H has {theirs}"
        return "\n".join((told, *(f"      {each}" for each in self.differing[:5])))


def checks(orders: Sequence[TpchOrder], outcome: Outcome, shop: Shop, answers: Iterable[Answer] = ()) -> list[Check]:
    """Everything that TPC-H can tell by itself, beside what orderflow's ledger says."""
    lines = [line for order in orders for line in order.lines]
    left, arrived = [one for one in lines if one.has_left], [one for one in lines if one.has_arrived]
    statuses = OFP_OF_ALL if len(orders) == ALL else _ofp(Counter(order.status for order in orders))
    sent = shop.post.sent
    return [
        Check("orders", len(outcome.by_order), len(orders)),
        Check("O / F / P", _ofp(outcome.statuses), statuses, tuple(_differing(orders, outcome, 0))),
        Check("money", outcome.total.amount, sum(one.total for one in orders), tuple(_differing(orders, outcome, 1))),
        Check("units on their way or delivered", _units(outcome, "shipped", "delivered"), _sum(left)),
        Check("units delivered", _units(outcome, "delivered"), _sum(arrived)),
        Check("units in the warehouse", _units(outcome, "allocated"), _sum(lines) - _sum(left)),
        Check("units on the shelves", _on_the_shelves(shop, lines), _sum(lines) - _sum(left)),
        Check("lines that were late", outcome.late, sum(line.arrives > line.promised for line in arrived)),
        Check("messages about parcels", sent["shipment_despatched"], len(left)),
        Check(
            "messages about delivered orders",
            sent["order_delivered"],
            sum(all(line.has_arrived for line in order.lines) for order in orders),
        ),
        Check("orders whose books do not balance", outcome.unbalanced, 0),
        Check("orders with something to settle", outcome.unsettled, 0),
        *(_answered(shop.journeys.answer(answer.query), answer) for answer in answers),
    ]


def _answered(ours: Mapping[str, tuple[int, ...]], answer: Answer) -> Check:
    """One of the benchmark's questions, as orderflow's events answer it and as TPC-H does."""
    differing = tuple(
        f"{name}: {_row(ours.get(name, ()))} here, {_row(answer.figures.get(name, ()))} in TPC-H"
        for name in sorted({*ours, *answer.figures})
        if ours.get(name) != answer.figures.get(name)
    )
    return Check(f"Q{answer.query}, {answer.source}", _rows(ours), _rows(answer.figures), differing)


def _rows(figures: Mapping[str, tuple[int, ...]]) -> str:
    return " / ".join(_row(figures[name]) for name in sorted(figures)) or "none"


def _row(figures: Iterable[int]) -> str:
    return " + ".join(f"{figure:,}" for figure in figures) or "none"


def _ofp(counted: Counter[str]) -> str:
    return " / ".join(f"{counted[status]:,}" for status in "OFP")


def _differing(orders: Iterable[TpchOrder], outcome: Outcome, which: int) -> Iterator[str]:
    """The orders whose status (0) or total (1) is another one than TPC-H's."""
    for order in orders:
        ours, theirs = outcome.by_order.get(order.id, ("-", "-"))[which], (order.status, order.total)[which]
        if ours != theirs:
            yield f"order {order.id}: {ours} here, {theirs} in TPC-H"


def _sum(lines: Iterable[TpchLine]) -> int:
    return sum(int(line.quantity) for line in lines)


def _units(outcome: Outcome, *kinds: str) -> int:
    return sum(outcome.units[kind] for kind in kinds)


def _on_the_shelves(shop: Shop, lines: Iterable[TpchLine]) -> int:
    return sum(int(shop.warehouse.on_hand(part)) for part in {line.part for line in lines})


# -- one order's timeline ----------------------------------------------------------------------------------------------


def timeline(order: Order, flow: OrderFlow) -> Iterator[str]:
    """One order drawn: a bar for each line, and below what happened on which day."""
    first = order.placed_at.date()
    days = [FROZEN, *(day for line_id in order.lines if (day := order.terms_of(line_id).deliver_by) is not None)]
    scale = max(1, -(-((max(days) - first).days + 1) // 60))
    yield f"order {order.id} · {order.priority} · {order.state.replace('_', ' ')} · {order.status.word} · {order.total}"
    yield f"  {'':<20}{first} {'·' if scale == 1 else f'· one column for {scale} days'}"
    for line_id in order.lines:
        yield _bar(order, line_id, first, scale, (max(days) - first).days // scale + 1)
    yield f"  {'':<20}· in the warehouse   ━ on its way   ● delivered   ◇ promised for   ┊ {FROZEN}"
    for day, recorded in groupby(flow.history(order.id), key=lambda one: one.event.at.date()):
        told = Counter(_told(one.event) for one in recorded if one.event.TAG in TOLD)
        text = ", ".join(words if times == 1 else f"{words} ×{times}" for words, times in told.items())
        for number, row in enumerate(wrap(text, 108)):
            yield f"  {str(day) if number == 0 else '':<12}{row}"


def _told(event: Event) -> str:
    """What happened, and to which parcel or shipment."""
    about = getattr(event, "parcel_id", "") or getattr(event, "shipment_id", "")
    return " ".join(filter(None, (event.TAG.replace("_", " "), about)))


def _bar(order: Order, line_id: str, first: date, scale: int, width: int) -> str:
    """A line from the order's day on: waiting, travelling, delivered."""
    account = next(account for account, _ in order.ledger.accounts(line_id))
    shipment = order.shipment_of(place_of(account)) if kind_of(account) in ("shipped", "delivered") else None
    left = shipment.despatched_at.date() if shipment is not None and shipment.despatched_at is not None else None
    at, promised = delivered_at(order, line_id), order.terms_of(line_id).deliver_by
    cells = [" "] * width

    def column(day: date) -> int:
        return min(width - 1, max(0, (day - first).days // scale))

    until = at.date() if at is not None else max(first, FROZEN)
    for number in range(column(until) + 1):
        cells[number] = "━" if left is not None and number >= column(left) else "·"
    if cells[column(FROZEN)] != "━":
        cells[column(FROZEN)] = "┊"
    if promised is not None:
        cells[column(promised)] = "◇"
    if at is not None:
        cells[column(at.date())] = "●"
    units = order.ledger.ordered(line_id)
    late = lateness(order, line_id)
    told = account.replace(":", " ") + (f", {late} day{'s' if late > 1 else ''} late" if late else "")
    line = order.lines[line_id]
    return f"  {line_id:<3}{units:>4.0f} × {line.sku:<10}{''.join(cells)} {line.terms.service}, {told}"


# -- the script --------------------------------------------------------------------------------------------------------


def summary(orders: Sequence[TpchOrder], outcome: Outcome, shop: Shop) -> Iterator[str]:
    """What came of it, in a few rows."""
    lines = sum(len(order.lines) for order in orders)
    days = [order.placed for order in orders]
    yield f"TPC-H at scale 0.01: {len(orders):,} orders, {lines:,} lines, placed {min(days)} to {max(days)}"
    yield f"warehouse, carrier and lateness as of {FROZEN}"
    yield ""
    yield f"orders     {_counted(outcome.states)}"
    yield f"units      {_counted(outcome.units)}"
    yield f"money      {outcome.total.amount:,.2f} {CURRENCY}"
    yield f"messages   {_counted(shop.post.sent)}"
    yield f"late       {outcome.late:,} lines were delivered after the day that was promised"
    yield f"Q4         orders placed from {QUARTER[0]} to {QUARTER[1]} of which a line was late, by priority"
    yield from _table(shop.journeys.answer(4))
    modes = "/".join(SHIP_MODES)
    yield f"Q12        {modes} lines, late in {YEAR}, that had left before the promised day: high, low priority"
    yield from _table(shop.journeys.answer(12))
    yield "not yet    l_returnflag: goods that come back, and payment on delivery, are not part of this run"


def _table(figures: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    for name, row in figures.items():
        yield f"           {name:<17}{''.join(f'{figure:>6,}' for figure in row)}"
    if not figures:
        yield "           none"


def _counted(counter: Counter[str]) -> str:
    return " · ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in counter.most_common())


def run(
    orders: Sequence[TpchOrder],
    store: MemoryStore | SqliteStore,
    kept: str = "in memory",
    answers: Sequence[Answer] = (),
) -> bool:
    """Take the orders through, tell what came of it, and say whether it is what TPC-H says."""
    shop, work = Shop(orders, store), happenings(orders)
    with shop.flow as flow:
        started = time.perf_counter()
        for one in with_progress(work):
            shop.happen(one)
        took = time.perf_counter() - started
        outcome = Outcome()
        for order in shop.orders():
            outcome.add(order)
        print(*summary(orders, outcome, shop), sep="\n")
        print(f"speed      {len(orders) / took:,.0f} orders a second: {timedelta(seconds=round(took))}, {kept}\n")
        if outcome.example is not None:
            print(*timeline(outcome.example, flow), "", sep="\n")
        return report(checks(orders, outcome, shop, answers))


def report(made: Sequence[Check]) -> bool:
    """Print the checks, and say whether they all hold."""
    print("orderflow's ledger and events beside TPC-H's rows and answers", *made, sep="\n")
    failed = [check.name for check in made if not check.holds]
    if failed:
        print(f"\nDIFFERENT from TPC-H: {', '.join(failed)}", file=sys.stderr)
    return not failed


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="TPC-H's orders through orderflow, checked.")
    parser.add_argument("--orders", type=int, metavar="N", help="only the first N orders")
    parser.add_argument("--db", type=Path, metavar="FILE", help="keep the orders in a new SQLite file")
    chosen = parser.parse_args(arguments)
    if chosen.orders is not None and chosen.orders < 1:
        parser.error("--orders must be at least 1")
    if chosen.db is not None and chosen.db.exists():
        parser.error(f"{chosen.db} is there already: this needs a new file")
    orders, answers = tpch_data(chosen.orders)
    if chosen.db is None:
        return 0 if run(orders, MemoryStore(), answers=answers) else 1
    # A run that a power cut breaks off is simply run again: NORMAL is enough, and spares the wait for the disk.
    store = SqliteStore(chosen.db, synchronous="NORMAL")
    return 0 if run(orders, store, f"in {chosen.db} (write-ahead log, synchronous=NORMAL)", answers) else 1


if __name__ == "__main__":
    sys.exit(main())
