# /// script
# requires-python = ">=3.11"
# dependencies = ["orderflow-core"]
#
# [tool.uv.sources]
# orderflow-core = { path = "..", editable = true }
# ///
"""Northwind's 830 orders: 809 adopted as history, 21 that were open taken on and sent from what is on the shelves.

The old shop's tables say what was ordered and, for most orders, on which day it left. That is history: it comes in by
the second door (`AdoptOrder`), as facts. Nobody is told of it, no system around is asked about it, and what it amounts
to can be read off the orders like anything else: what left, how long that took, how late it was, what it cost.

The 21 orders that had not left are adopted with nothing told of them, and everything about them is ours to decide. So
they go on like any other order: units are claimed, the older order first, from the stock that the product table states;
what is not there is backordered; what is there is picked, packed, booked with the order's shipper and sent.

Every figure is taken from the orders that orderflow keeps, and held against `expected.json`, which was counted from the
tables by other means. One that differs is an error (exit code 1).

    uv run examples/northwind.py DIR            DIR holds orders.csv, order_details.csv, products.csv, customers.csv,
                                                shippers.csv and expected.json

What the figures mean. An order is *late* that left after the day by which the customer required it; its *lead time* is
from the day it was placed to the day it left. The *net amount* of a line is price × quantity × (1 - discount), one
number: it is rounded as a whole, half-up, where lines are charged. (Goods and discount as components of their own would
each round, and all orders would come to 53 cents less.) Units that *cannot be allocated* are those that are wanted of a
product beyond what is on the shelf; which orders go short depends on who is served first, how many units do not.

At the end stands the conformance report: whether what happened to the orders, by the facts that were told of them and
by what was done here, is the way that an order should go.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import attrs

from orderflow import (
    STANDARD,
    Address,
    AdoptOrder,
    BookShipment,
    Contact,
    DespatchShipment,
    MemoryStore,
    Money,
    Order,
    OrderFlow,
    OrderLine,
    PackParcel,
    Party,
    RecordPick,
    StartPicking,
)
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryInventory
from orderflow.charges import Adjustment, Amounts
from orderflow.conformance import ConformanceReport, conformance, conformance_of
from orderflow.facts import Despatched, Package
from orderflow.ports import Quote, QuotedLine
from orderflow.promise import Promise
from orderflow.values.money import sum_money, zero
from orderflow.values.times import day_in

CURRENCY = "USD"
SOURCE = "northwind"
#: Northwind's shippers are services of one desk that books with all of them.
DESK = "SHIPPERS"
NOON, MORNING = clock_time(12), clock_time(9)

COUNTRIES = {
    "Argentina": "AR",
    "Austria": "AT",
    "Belgium": "BE",
    "Brazil": "BR",
    "Canada": "CA",
    "Denmark": "DK",
    "Finland": "FI",
    "France": "FR",
    "Germany": "DE",
    "Ireland": "IE",
    "Italy": "IT",
    "Mexico": "MX",
    "Norway": "NO",
    "Poland": "PL",
    "Portugal": "PT",
    "Spain": "ES",
    "Sweden": "SE",
    "Switzerland": "CH",
    "UK": "GB",
    "USA": "US",
    "Venezuela": "VE",
}
#: Postal codes of five digits that have lost the zero in front: they were kept as numbers once.
FIVE_DIGITS = frozenset({"DE", "ES", "MX"})


# -- Northwind ---------------------------------------------------------------------------------------------------------


class NorthwindLine(NamedTuple):
    """A row of ``order_details``; ``discount`` is a part of one."""

    product: str
    price: Decimal
    quantity: int
    discount: Decimal


class NorthwindOrder(NamedTuple):
    """A row of ``orders``, with its lines, its customer and the name of its shipper."""

    id: str
    placed: date
    required: date
    shipped: date | None
    shipper: str
    freight: Decimal
    customer: Party
    ship_to: Address
    lines: tuple[NorthwindLine, ...]


class Product(NamedTuple):
    """A row of ``products``: its name, and what is on the shelf."""

    name: str
    in_stock: int


class Northwind(NamedTuple):
    """The tables, and what they are known to come to."""

    orders: list[NorthwindOrder]
    products: dict[str, Product]
    shippers: tuple[str, ...]
    expected: Mapping[str, Any]


def northwind_data(place: Path) -> Northwind:
    """The tables in a directory; orders in the order in which they were placed."""
    shippers = {row["ShipperID"]: row["CompanyName"] for row in _rows(place, "shippers")}
    customers = {row["CustomerID"]: _customer(row) for row in _rows(place, "customers")}
    lines: dict[str, list[NorthwindLine]] = {}
    for row in _rows(place, "order_details"):
        line = NorthwindLine(
            row["ProductID"], Decimal(row["UnitPrice"]), int(row["Quantity"]), Decimal(row["Discount"])
        )
        lines.setdefault(row["OrderID"], []).append(line)
    orders = [
        NorthwindOrder(
            row["OrderID"],
            date.fromisoformat(row["OrderDate"]),
            date.fromisoformat(row["RequiredDate"]),
            date.fromisoformat(row["ShippedDate"]) if row["ShippedDate"] else None,
            shippers[row["ShipVia"]],
            Decimal(row["Freight"]),
            customers[row["CustomerID"]],
            _address(row),
            tuple(lines[row["OrderID"]]),
        )
        for row in _rows(place, "orders")
    ]
    orders.sort(key=lambda order: (order.placed, int(order.id)))
    products = {
        row["ProductID"]: Product(row["ProductName"], int(row["UnitsInStock"])) for row in _rows(place, "products")
    }
    expected = json.loads((place / "expected.json").read_text(encoding="utf-8"))
    return Northwind(orders, products, tuple(shippers.values()), expected)


def _rows(place: Path, table: str) -> Iterator[dict[str, str]]:
    with (place / f"{table}.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            yield {column: " ".join(value.split()) for column, value in row.items()}


def _customer(row: Mapping[str, str]) -> Party:
    """A customer. Northwind knows no e-mail addresses; without one, nobody would be told anything."""
    email = f"{row['CustomerID'].lower()}@example.com"
    return Party(row["CompanyName"], id=row["CustomerID"], contact=Contact(email, name=row["ContactName"]))


def _address(row: Mapping[str, str]) -> Address:
    """An address as it is written today; regions are parts of the world here, of use only where one is needed."""
    country = COUNTRIES[row["ShipCountry"]]
    code = _postal_code(country, row["ShipPostalCode"])
    region = row["ShipRegion"] if country in ("BR", "CA", "MX", "US") else ""
    return Address(country, row["ShipAddress"], row["ShipCity"], region, code, row["ShipName"])


def _postal_code(country: str, code: str) -> str:
    """Without the letter of the country in front, and with all its zeros."""
    front, dash, rest = code.partition("-")
    if dash and front.isalpha():
        code = rest
    return code.zfill(5) if country in FIVE_DIGITS else code


# -- adopting ----------------------------------------------------------------------------------------------------------


def adopted(order: NorthwindOrder) -> AdoptOrder:
    """An order of the old shop: what left is a fact of theirs, what did not is ours to see to."""
    return AdoptOrder(
        reference=order.id,
        lines=[OrderLine(line.product, line.quantity) for line in order.lines],
        currency=CURRENCY,
        placed_at=datetime.combine(order.placed, NOON, UTC),
        facts=[_despatched(order)] if order.shipped is not None else [],
        theirs=None if order.shipped is not None else (),
        agreed=_agreed(order),
        ship_to=order.ship_to,
        customer=order.customer,
        deliver_by=order.required,
        carrier=DESK,
        service=order.shipper,
    )


def _despatched(order: NorthwindOrder) -> Despatched:
    """The old shop sent each order whole, on one day."""
    assert order.shipped is not None
    parcel = Package({f"L{number}": line.quantity for number, line in enumerate(order.lines, 1)})
    left = datetime.combine(order.shipped, NOON, UTC)
    return Despatched(SOURCE, order.id, [parcel], occurred_at=left, carrier=DESK, service=order.shipper)


def _agreed(order: NorthwindOrder) -> Quote:
    """What was agreed: each line's net amount, unrounded, and the freight for the order as a whole."""
    lines = tuple(_quoted(f"L{number}", line) for number, line in enumerate(order.lines, 1))
    freight = Adjustment("shipping", "freight", "Freight", Money(order.freight, CURRENCY))
    return Quote(lines, (freight,))


def _quoted(line_id: str, line: NorthwindLine) -> QuotedLine:
    price, nothing = Money(line.price, CURRENCY), zero(CURRENCY)
    net = price * line.quantity * (1 - line.discount)
    return QuotedLine(line_id, Decimal(line.quantity), price, Amounts(net, nothing, nothing, nothing))


# -- the shop that takes over ------------------------------------------------------------------------------------------


def leaves_by_the_required_day(order: Order, line_id: str, location: str, at: datetime) -> Promise | None:
    """What Northwind promised: that goods leave by the required day. When they arrived it never knew."""
    terms = order.terms_of(line_id)
    return Promise(line_id, ship_by=terms.deliver_by, ship_zone=terms.zone or "UTC")


class Shop:
    """Who takes the orders over: one warehouse with the stock of the product table, and the old shop's shippers."""

    def __init__(self, northwind: Northwind) -> None:
        days = [day for order in northwind.orders for day in (order.placed, order.shipped) if day is not None]
        self.northwind = northwind
        self.clock = ManualClock(datetime.combine(max(days) + timedelta(days=1), MORNING, UTC))
        stock = {product_id: product.in_stock for product_id, product in northwind.products.items()}
        self.warehouse = MemoryInventory(stock, location="WAREHOUSE")
        services = {shipper: (Money(0, CURRENCY), 7) for shipper in northwind.shippers}
        self.carrier = MemoryCarrier(DESK, services, self.clock)
        self.mailbox = Mailbox()
        self.flow = OrderFlow(
            inventory=self.warehouse,
            carriers=self.carrier,
            notifications=self.mailbox,
            store=MemoryStore(),
            clock=self.clock,
            policy=attrs.evolve(
                STANDARD,
                promise=leaves_by_the_required_day,
                shortage=lambda order, line_id: "backorder",  # the rest of the order does not wait
                poll_every=None,  # nobody asks carriers here
            ),
        )

    def take_over(self) -> None:
        """Adopt every order, the oldest first: so the oldest that is open is the first to claim what is there."""
        for order in self.northwind.orders:
            self.flow.adopt(adopted(order))

    def send_what_is_there(self) -> None:
        """The warehouse works through all that was planned for it; each order's shipper takes what is packed."""
        for order in list(self.orders()):
            for work in [one.id for one in order.fulfillments.values() if order.work_left(one.id)]:
                self._send(order.id, work)

    def _send(self, order_id: str, work: str) -> None:
        self.flow.handle(StartPicking(order_id, work))
        self.flow.handle(RecordPick(order_id, work))
        order = self.flow.handle(PackParcel(order_id, work)).order
        parcel = next(order.parcels_of(work))
        order = self.flow.handle(BookShipment(order_id, [parcel.id])).order
        shipment = order.shipment_of(parcel.id)
        assert shipment is not None
        self.flow.handle(DespatchShipment(order_id, shipment.id))

    def conformance(self) -> ConformanceReport:
        """Where the orders left the way of an order, by all that is known of them: by facts of others, and events."""
        return conformance_of(conformance(order, self.flow.history(order.id)) for order in self.orders())

    @property
    def sent_messages(self) -> Counter[str]:
        """How many messages of each kind were sent."""
        return Counter(message.kind for message in self.mailbox.sent)

    def orders(self) -> Iterator[Order]:
        """Every order as the store has it, the oldest first."""
        ids: list[str] = []
        cursor, more = None, True
        while more:
            page = self.flow.find(cursor=cursor, limit=500)
            ids += [listed.order_id for listed in page.orders]
            cursor = page.cursor
            more = cursor is not None
        yield from sorted((self.flow.get(order_id) for order_id in ids), key=lambda order: (order.placed_at, order.id))


# -- what the orders say -----------------------------------------------------------------------------------------------


def has_left(order: Order) -> bool:
    """Whether nothing of an order is still here."""
    return all(order.has_left(line_id) for line_id in order.lines)


def left_at(order: Order) -> datetime:
    """When the last of an order left."""
    return max(at for line_id in order.lines if (at := order.left_at(line_id)) is not None)


def lead_days(order: Order) -> int:
    """From the day an order was placed to the day it left."""
    zone = order.terms.zone or "UTC"
    return (day_in(left_at(order), zone) - day_in(order.placed_at, zone)).days


def days_late(order: Order) -> int:
    """By how many days an order that has left broke its promise."""
    promises = (order.promise_of(line_id) for line_id in order.lines)
    return max(promise.days_late_shipped or 0 for promise in promises if promise is not None)


def units_of(orders: Iterable[Order], *kinds: str) -> Counter[str]:
    """Units by product, in accounts of some kinds; without one, all that is wanted."""
    found: Counter[str] = Counter()
    for order in orders:
        for line in order.lines.values():
            held = [order.ledger.of_kind(line.id, kind) for kind in kinds] or [order.live_quantity(line.id)]
            found[line.sku] += int(sum(held))
    return +found


def net_of(orders: Iterable[Order]) -> Iterator[Money]:
    """The net amount of each line, as it was agreed, unrounded."""
    for order in orders:
        for tranches in order.tranches.values():
            yield from (tranche.amounts.net + tranche.amounts.discount for tranche in tranches)


def figures_of_history(orders: Sequence[Order]) -> dict[str, Any]:
    """What all orders say of what was ordered, what it costs, and what the old shop sent."""
    shipped = [order for order in orders if has_left(order)]
    late = [days for order in shipped if (days := days_late(order))]
    tranches = [one for order in orders for held in order.tranches.values() for one in held]
    gross = sum_money((one.unit_price * one.quantity for one in tranches), CURRENCY)
    charged = [order.charged for order in orders]
    return {
        "orders": len(orders),
        "lines": sum(len(order.lines) for order in orders),
        "repeated_product_in_order": sum(_repeats_a_product(order) for order in orders),
        "shipped": len(shipped),
        "unshipped": len(orders) - len(shipped),
        "shipped_before_ordered": sum(lead_days(order) < 0 for order in shipped),
        "lead_days_total": sum(lead_days(order) for order in shipped),
        "late": len(late),
        "late_days_total": sum(late),
        "gross": gross.amount,
        "net": sum_money(net_of(orders), CURRENCY).amount,
        "lines_with_sub_cent_net": sum(net != net.rounded() for net in net_of(orders)),
        "net_lines_rounded_first": sum_money((one.net + one.discount for one in charged), CURRENCY).amount,
        "freight": sum_money((one.shipping for one in charged), CURRENCY).amount,
    }


def _repeats_a_product(order: Order) -> bool:
    return len({line.sku for line in order.lines.values()}) < len(order.lines)


def figures_of_stock(shop: Shop) -> dict[str, Any]:
    """What is on the shelves before anything leaves."""
    on_hand = [int(shop.warehouse.on_hand(product)) for product in shop.northwind.products]
    return {"products": len(on_hand), "units": sum(on_hand), "out_of_stock": on_hand.count(0)}


def figures_of_demand(orders: Sequence[Order]) -> dict[str, Any]:
    """What is wanted by the orders that were open, and what of it cannot be had."""
    short = units_of(orders, "backordered")
    return {
        "lines": sum(len(order.lines) for order in orders),
        "units": units_of(orders).total(),
        "products_short": len(short),
        "units_short": short.total(),
    }


# -- found, and expected -----------------------------------------------------------------------------------------------


class Check(NamedTuple):
    """A figure from orderflow's orders beside the one that is expected."""

    name: str
    found: Any
    expected: Any

    @property
    def holds(self) -> bool:
        """Whether they agree."""
        return bool(self.found == self.expected)

    def __str__(self) -> str:
        return f"  {'✓' if self.holds else '✗'} {self.name:<42}{_told(self.found):>16}{_told(self.expected):>16}"


def _told(figure: Any) -> str:
    return figure if isinstance(figure, str) else f"{figure:,}"


NAMES = {
    "orders": "orders",
    "lines": "lines",
    "repeated_product_in_order": "orders with a product in two lines",
    "shipped": "orders that had left",
    "unshipped": "orders that had not",
    "shipped_before_ordered": "orders that left before they were placed",
    "lead_days_total": "days from placed to left",
    "late": "orders that left after the required day",
    "late_days_total": "days by which they did",
    "gross": "goods at list price",
    "net": "net, unrounded",
    "lines_with_sub_cent_net": "lines with a fraction of a cent",
    "net_lines_rounded_first": "net, each line rounded half-up",
    "freight": "freight",
}
STOCK_NAMES = {"products": "products", "units": "units on the shelves", "out_of_stock": "products out of stock"}
DEMAND_NAMES = {
    "lines": "lines of open orders",
    "units": "units that they want",
    "products_short": "products that they want more of than there is",
    "units_short": "units that cannot be allocated",
}


def compared(names: Mapping[str, str], found: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[Check]:
    """Each figure beside the expected one; a money amount is written as text there, so that no digit is lost."""
    for key, name in names.items():
        figure = found[key]
        yield Check(name, figure, Decimal(expected[key]) if isinstance(figure, Decimal) else expected[key])


def expected_of_history(expected: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is expected, with what follows from it."""
    return {**expected, "shipped": expected["orders"] - expected["unshipped"]}


def what_must_hold(shop: Shop, were_open: Sequence[str]) -> Iterator[Check]:
    """What is true of any taking-over, whatever the figures: of goods, stock, and what others were asked or told."""
    orders = list(shop.orders())
    ours = [order for order in orders if order.id in were_open]
    claimed = {key.split("/")[1] for key in shop.warehouse.claims()}
    stock = {product: held.in_stock for product, held in shop.northwind.products.items()}
    sent, short, wanted = units_of(ours, "shipped"), units_of(ours, "backordered"), units_of(ours)
    beyond = {product: max(0, units - stock[product]) for product, units in wanted.items()}
    on_hand = Counter({product: int(shop.warehouse.on_hand(product)) for product in stock})
    yield Check("units sent and short are those that were wanted", (sent + short).total(), wanted.total())
    yield Check("products short by another number", sum(short[p] != beyond[p] for p in wanted), 0)
    yield Check("younger orders served before older ones", sum(served_out_of_turn(ours)), 0)
    yield Check("units still on the shelves", on_hand.total(), sum(stock.values()) - sent.total())
    yield Check("orders for which stock was claimed", len(claimed), len(were_open))
    yield Check("of these, orders of the past", len(claimed.difference(were_open)), 0)
    yield Check("bookings with shippers", len(shop.carrier.bookings), sum(len(order.shipments) for order in ours))
    told = {message.order_id for message in shop.mailbox.sent}
    yield Check("orders of the past of which somebody was told", len(told.difference(were_open)), 0)
    yield Check("messages about parcels", shop.sent_messages["shipment_despatched"], len(shop.carrier.bookings))
    yield Check("orders whose books do not balance", sum(not order.ledger.is_balanced() for order in orders), 0)
    yield Check("orders with something to settle", sum(any(order.open_cases) for order in orders), 0)
    # of what can go wrong on the way of an order, Northwind's tables can show one thing
    too_early = shop.northwind.expected["shipped_before_ordered"]
    yield Check("orders that left the way of an order", shop.conformance().deviating, too_early)


def served_out_of_turn(orders: Sequence[Order]) -> Iterator[bool]:
    """For each line with units that were had: whether an older order was left short of the same product."""
    short: set[str] = set()
    for order in orders:
        for line in order.lines.values():
            yield line.sku in short and bool(order.live_quantity(line.id) - _short_of(order, line.id))
        short |= {line.sku for line in order.lines.values() if _short_of(order, line.id)}


def _short_of(order: Order, line_id: str) -> Decimal:
    return order.ledger.of_kind(line_id, "backordered")


# -- the report --------------------------------------------------------------------------------------------------------


def table_of_orders(shop: Shop, were_open: Iterable[str]) -> Iterator[str]:
    """The orders that were open, and what became of them."""
    head = f"{'order':<7}{'placed':<12}{'required':<12}{'state':<16}"
    yield f"  {head}{'lines':>5}{'units':>7}{'sent':>7}{'short':>7}  by"
    for order in map(shop.flow.get, were_open):
        units = [units_of([order], *kinds).total() for kinds in ((), ("shipped",), ("backordered",))]
        yield (
            f"  {order.id:<7}{order.placed_at.date()!s:<12}{order.terms.deliver_by!s:<12}"
            f"{order.state.replace('_', ' '):<16}{len(order.lines):>5}{''.join(f'{one:>7,}' for one in units)}"
            f"  {order.terms.service}"
        )


def table_of_shortages(shop: Shop, orders: Sequence[Order]) -> Iterator[str]:
    """The products of which more is wanted than there is."""
    wanted, short = units_of(orders), units_of(orders, "backordered")
    yield f"  {'product':<40}{'wanted':>7}{'there':>7}{'short':>7}  orders that wait"
    for product, units in short.most_common():
        waiting = [order.id for order in orders if units_of([order], "backordered")[product]]
        held = shop.northwind.products[product]
        yield f"  {held.name:<40}{wanted[product]:>7,}{held.in_stock:>7,}{units:>7,}  {' '.join(waiting)}"


def run(northwind: Northwind) -> bool:
    """Take the orders over, send what can be had, tell what came of it, and say whether it is what was expected."""
    shop, expected = Shop(northwind), northwind.expected
    stock = figures_of_stock(shop)
    started = time.perf_counter()
    shop.take_over()
    orders = list(shop.orders())
    were_open = [order.id for order in orders if not has_left(order)]
    history = figures_of_history(orders)
    shop.send_what_is_there()
    took = time.perf_counter() - started
    ours = [shop.flow.get(order_id) for order_id in were_open]
    days = [order.placed_at.date() for order in orders]
    print(f"{len(orders):,} orders placed from {min(days)} to {max(days)}, taken over in {took:.1f} seconds\n")
    print(f"the {len(were_open)} that had not left, on {shop.clock():%Y-%m-%d}")
    print(*table_of_orders(shop, were_open), "", sep="\n")
    print("what they wait for", *table_of_shortages(shop, ours), "", sep="\n")
    passed = report(
        {
            "all orders, as they were taken over": compared(NAMES, history, expected_of_history(expected)),
            "the stock": compared(STOCK_NAMES, stock, expected["stock"]),
            "what was open": compared(DEMAND_NAMES, figures_of_demand(ours), expected["unshipped_demand"]),
            "and in any case": what_must_hold(shop, were_open),
        }
    )
    print("", "the way of each order, as it was gone", shop.conformance(), sep="\n")
    return passed


def report(made: Mapping[str, Iterable[Check]]) -> bool:
    """Print the figures, and say whether they are all as expected."""
    failed: list[str] = []
    print(f"  {'':<44}{'found':>16}{'expected':>16}")
    for title, checks in made.items():
        print(title)
        for check in checks:
            print(check)
            failed += [] if check.holds else [check.name]
    if failed:
        print(f"\nDIFFERENT from what is expected: {', '.join(failed)}", file=sys.stderr)
    return not failed


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Northwind's orders: history adopted, the open ones sent, checked.")
    parser.add_argument("place", type=Path, metavar="DIR", help="where the tables and expected.json are")
    chosen = parser.parse_args(arguments)
    if not (chosen.place / "expected.json").is_file():
        parser.error(f"there is no expected.json in {chosen.place}")
    return 0 if run(northwind_data(chosen.place)) else 1


if __name__ == "__main__":
    sys.exit(main())
