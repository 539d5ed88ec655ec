"""Kits: five sets of two cups and a pot at 30.00, some of which never come, some of which come back."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from orderflow import (
    STANDARD,
    AmendOrder,
    AuthorizeReturn,
    BookShipment,
    CancelLines,
    ChargeFee,
    Component,
    DespatchShipment,
    DisposeReturn,
    OrderFlow,
    OrderLine,
    PackParcel,
    PlaceDraft,
    PlaceOrder,
    ReceiveReturn,
    RecordPick,
    RequestReturn,
    ResolveException,
    SaveDraft,
    StartPicking,
    explain,
)
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.messages import Command
from orderflow.order import Order
from orderflow.papers import invoice_rows, pick_list
from orderflow.values import Money
from orderflow.values.numbers import plain
from tests.scenario import ADA, BERLIN, NOW

SET = OrderLine("SET", 5, components=[("CUP", 2), ("POT", 1)])
CUPS, POTS = "L1.1", "L1.2"


class Shop:
    """A shop with its systems in memory, and one order."""

    def __init__(
        self, stock: dict[str, int] | None = None, prices: Any = None, currency: str = "EUR", charge_on: Any = None
    ) -> None:
        self.clock = ManualClock(NOW)
        self.stock = MemoryInventory(stock or {"CUP": 50, "POT": 50}, location="BER", clock=self.clock)
        self.carrier = MemoryCarrier(clock=self.clock)
        self.mailbox = Mailbox()
        self.currency = currency
        self.flow = OrderFlow(
            inventory=self.stock,
            pricing=PriceList(prices or {"SET": "30.00"}, currency, tax="0.19" if charge_on else 0),
            carriers=self.carrier,
            notifications=self.mailbox,
            clock=self.clock,
            policy=attrs.evolve(STANDARD, charge_on=charge_on),
        )
        self.id = ""

    @property
    def order(self) -> Order:
        return self.flow.get(self.id)

    def orders(self, *lines: OrderLine) -> Shop:
        placed = self.flow.handle(PlaceOrder(lines or (SET,), self.currency, BERLIN, ADA))
        self.id = placed.order.id
        return self

    def does(self, *commands: Command) -> Shop:
        for command in commands:
            self.flow.handle(command)
        return self

    def sends(self, *parcels: dict[str, int], work: str = "F1") -> Shop:
        """What is there is picked, and leaves in parcels with these contents."""
        self.does(StartPicking(self.id, work), RecordPick(self.id, work))
        for contents in parcels:
            self.does(PackParcel(self.id, work, list(contents.items())))
            self.does(BookShipment(self.id, [list(self.order.parcels)[-1]]))
        for shipment in self.order.shipments.values():
            if shipment.stage == "booked":
                self.does(DespatchShipment(self.id, shipment.id))
        return self

    def takes_back(self, *lines: tuple[str, int]) -> Shop:
        """What the customer returns comes back, and goes on the shelf."""
        self.does(RequestReturn(self.id, lines), AuthorizeReturn(self.id, "R1", label=False))
        return self.does(ReceiveReturn(self.id, "R1"), DisposeReturn(self.id, "R1"))

    def reports(self, parcel: str, status: str, reason: str = "") -> Shop:
        self.clock.advance(timedelta(hours=1))
        self.flow.observe(self.carrier.scan(self.order.parcels[parcel].tracking_number, status, reason=reason))
        return self

    @property
    def kits(self) -> tuple[int, ...]:
        """Kits that are ordered, wanted, available, shipped, delivered."""
        held = self.order.kit_status("L1")
        return tuple(map(int, (held.ordered, held.wanted, held.available, held.shipped, held.delivered)))

    def invoiced(self, document: str) -> list[tuple[str, str, str, str]]:
        """What a document says, row by row: product, quantity, net, tax."""
        rows = invoice_rows(self.order, document)
        whole = self.order.settlement.documents[document].total
        assert sum((row.amounts.total.amount for row in rows), Decimal(0)) == whole.amount
        return [(row.sku, plain(row.quantity), str(row.amounts.net), str(row.amounts.tax)) for row in rows]


def eur(amount: str) -> Money:
    return Money(amount, "EUR")


def six_cups_and_five_pots_arrive() -> Shop:
    """Four cups are missing; the rest is sent, and arrives."""
    shop = Shop({"CUP": 6, "POT": 5}).orders()
    assert shop.kits == (5, 5, 3, 0, 0)
    shop.does(ResolveException(shop.id, shop.order.open_cases[0].id, "ship_available"))
    shop.sends({CUPS: 6, POTS: 5})
    assert shop.kits == (5, 5, 3, 3, 0)
    return shop.reports("P1", "delivered")


def test_six_cups_and_five_pots_are_three_kits_a_pot_is_10_00_and_four_cups_are_40_00() -> None:
    """Five kits of two cups and a pot at 30.00: what is delivered, what a pot is worth, and what was missing."""
    shop = six_cups_and_five_pots_arrive()
    cups, pots = shop.order.kit_status("L1").components

    assert shop.kits == (5, 5, 3, 3, 3)
    assert dict(cups.by_kind) == {"delivered": 6, "backordered": 4}
    assert dict(pots.by_kind) == {"delivered": 5}
    assert (int(cups.loose), int(pots.loose)) == (0, 2)
    assert (shop.order.total, shop.order.credited.total) == (eur("150.00"), eur("0.00"))

    shop.takes_back((POTS, 1))
    assert shop.order.credited.total == eur("10.00")
    assert shop.kits == (5, 5, 3, 3, 3)
    shop.does(CancelLines(shop.id, {CUPS: 4}))
    assert shop.order.credited.total - eur("10.00") == eur("40.00")
    assert shop.order.total == eur("100.00")


def test_kits_that_come_back_are_credited_with_their_price() -> None:
    shop = six_cups_and_five_pots_arrive().takes_back(("L1", 2))
    told = {m.kind: m.body["lines"] for m in shop.order.messages.values() if m.kind.startswith("return")}

    assert shop.order.credited.total == eur("60.00")
    assert shop.kits == (5, 5, 1, 1, 1)
    assert set(told.values()) == {"2 × SET"}
    assert shop.order.returns["R1"].requested == {CUPS: 4, POTS: 2}


def test_the_missing_cups_are_cancelled() -> None:
    shop = six_cups_and_five_pots_arrive()
    shop.does(CancelLines(shop.id, {CUPS: 4}))

    assert shop.order.credited.total == eur("40.00")
    assert shop.kits == (5, 3, 3, 3, 3)
    assert shop.order.refunding({POTS: Decimal(1)}).credited.total == eur("50.00")
    assert shop.order.state == "completed"


def test_a_pot_that_is_lost_is_credited_or_replaced() -> None:
    for option, credited, delivered in (("refund", "10.00", 4), ("reship", "0.00", 5)):
        shop = Shop().orders().sends({CUPS: 10, POTS: 4}, {POTS: 1})
        shop.reports("P1", "delivered").reports("P2", "unknown", "lost")
        assert shop.kits == (5, 5, 4, 4, 4)
        shop.does(ResolveException(shop.id, shop.order.open_cases[0].id, option))
        if option == "reship":
            assert shop.kits == (5, 5, 5, 4, 4)
            shop.sends({"L3": 1}, work="F2").reports("P3", "delivered")

        assert shop.order.credited.total == eur(credited)
        assert shop.kits[-1] == delivered


def test_kits_are_quoted_as_one_and_told_as_they_were_ordered() -> None:
    shop = Shop(prices={"SET": "30.00", "TEA": "8.50"}, stock={"CUP": 50, "POT": 50, "TEA": 5})
    shop.orders(OrderLine("TEA", 2), SET)
    order = shop.order

    assert list(order.lines) == ["L1", "L2.1", "L2.2"]
    assert [line.origin.kind for line in order.lines.values()] == ["ordered", "component_of", "component_of"]
    assert order.total == eur("167.00")
    assert [str(line.answer) for line in order.confirmation.lines] == ["accepted"] * 2  # type: ignore[union-attr]
    assert [(line.line_id, line.quantity, line.price) for line in order.confirmation.lines] == [  # type: ignore[union-attr]
        ("L1", 2, eur("8.50")),
        ("L2", 5, eur("30.00")),
    ]
    assert "2 lines" in str(explain(order, shop.flow.process))
    assert {message.body["lines"] for message in order.messages.values()} == {"2 × TEA, 5 × SET"}


def test_who_picks_sees_what_a_component_belongs_to() -> None:
    shop = Shop(stock={"CUP": 50, "POT": 50, "TEA": 5}, prices={"SET": "30.00", "TEA": "8.50"})
    rows = pick_list("PL-1", "BER", [shop.orders(OrderLine("TEA", 2), SET).order]).rows

    assert [(row.sku, row.kit) for row in rows] == [("CUP", "SET"), ("POT", "SET"), ("TEA", "")]


def test_what_leaves_is_told_in_kits_and_the_rest_by_product() -> None:
    shop = six_cups_and_five_pots_arrive()
    told = {m.kind: m.body["lines"] for m in shop.order.messages.values()}

    assert told["order_placed"] == "5 × SET"
    assert told["goods_backordered"] == "4 × CUP of SET"
    assert told["shipment_despatched"] == "3 × SET, 2 × POT of SET"


@pytest.mark.parametrize("as_draft", [False, True])
def test_kits_whose_components_leave_together_may_be_drafted_before(as_draft: bool) -> None:
    shop = Shop()
    row = OrderLine(
        "SET", 3, price=eur("30.00"), complete="line", components=[Component("CUP", 2, 5), Component("POT", 1, 20)]
    )
    if as_draft:
        saved = shop.flow.handle(SaveDraft("EUR", [row], BERLIN, ADA)).order
        shop.id = saved.id
        shop.does(PlaceDraft(saved.id))
    else:
        shop.orders(row)

    assert shop.order.kits["L1"].line.terms.complete == "line"
    assert shop.order.group_of(CUPS) == (CUPS, POTS)
    assert [str(shop.order.tranches[line][0].amounts.net) for line in (CUPS, POTS)] == ["30.00 EUR", "60.00 EUR"]


def test_one_invoice_for_each_despatch_speaks_of_kits() -> None:
    shop = Shop(charge_on="despatch", prices={"SET": "10.00"}).orders()
    shop.sends({CUPS: 6, POTS: 3}, {CUPS: 4, POTS: 2})

    assert shop.invoiced("I1") == [("SET", "3", "30.00 EUR", "5.70 EUR")]
    assert shop.invoiced("I2") == [("SET", "2", "20.00 EUR", "3.80 EUR")]
    assert shop.order.balance.difference == eur("0.00")
    assert shop.order.total == eur("59.50")


def test_what_leaves_of_a_broken_kit_is_invoiced_by_product_and_comes_to_the_kit() -> None:
    shop = Shop(charge_on="despatch", prices={"SET": "10.00"}).orders()
    shop.sends({CUPS: 6, POTS: 4}, {CUPS: 4, POTS: 1})

    assert [row[:2] for row in shop.invoiced("I1")] == [("CUP of SET", "6"), ("POT of SET", "4")]
    assert sum((shop.order.settlement.documents[one].total.amount for one in ("I1", "I2")), Decimal(0)) == Decimal(
        "59.50"
    )
    shop.reports("P1", "delivered").reports("P2", "delivered").takes_back(("L1", 1))
    assert shop.invoiced("CN1") == [("SET", "1", "10.00 EUR", "1.90 EUR")]


def test_kits_that_are_taken_back_are_credited_as_kits() -> None:
    shop = Shop(charge_on="order", prices={"SET": "10.01"}).orders()
    assert shop.invoiced("I1") == [("SET", "5", "50.05 EUR", "9.51 EUR")]
    shop.does(CancelLines(shop.id, {"L1": 2}), CancelLines(shop.id, {CUPS: 1}), ChargeFee(shop.id, "gift", eur("2.00")))

    assert shop.invoiced("CN1") == [("SET", "2", "20.02 EUR", "3.80 EUR")]
    assert [row[:2] for row in shop.invoiced("CN2")] == [("CUP of SET", "1")]
    assert shop.invoiced("I2") == [("", "1", "0.00 EUR", "0.00 EUR")]


def test_a_price_above_the_stated_one_is_looked_at() -> None:
    shop = Shop().orders(OrderLine("SET", 5, price=eur("29.00"), components=SET.components))
    (hold,) = shop.order.active_holds

    assert (hold.code, hold.note) == ("verification.price_differs", "SET: 29.00 EUR was stated, 30.00 EUR is quoted")


def test_another_number_of_kits_is_another_number_of_every_component() -> None:
    shop = Shop(prices={"SET": [(1, "30.00"), (7, "28.00")]}).orders()
    shop.does(AmendOrder(shop.id, {"L1": 7}))
    assert shop.kits == (7, 7, 7, 0, 0)
    assert shop.order.total == eur("206.00")

    shop.does(AmendOrder(shop.id, {"L1": 4}))
    assert shop.kits == (7, 4, 4, 0, 0)
    assert shop.order.total == eur("120.00")


def test_whole_kits_and_single_components_are_cancelled() -> None:
    shop = Shop().orders()
    shop.does(CancelLines(shop.id, {"L1": 1}), CancelLines(shop.id, {POTS: 1}))

    assert shop.order.credited.total == eur("40.00")
    assert shop.kits == (5, 3, 3, 0, 0)
    assert [wish.cancelled for wish in shop.order.line_cancellations] == [{CUPS: 2, POTS: 1}, {POTS: 1}]
    told = [m.body["lines"] for m in shop.order.messages.values() if m.kind == "lines_cancelled"]
    assert told == ["1 × SET", "1 × POT of SET"]


def test_a_broken_kit_is_whole_again_before_more_of_it_is_ordered() -> None:
    shop = Shop().orders()
    shop.does(CancelLines(shop.id, {CUPS: 4}), AmendOrder(shop.id, {"L1": 6}))

    assert shop.kits[:2] == (6, 6)
    assert {line: shop.order.live_quantity(line) for line in (CUPS, POTS)} == {CUPS: 12, POTS: 6}
    assert shop.order.total == eur("180.00")
    assert shop.order.is_priced


@pytest.mark.parametrize(
    ("currency", "price", "shares"),
    [
        ("EUR", "10.00", ["3.34 EUR", "3.33 EUR", "3.33 EUR"]),
        ("JPY", "1000", ["334 JPY", "333 JPY", "333 JPY"]),
        ("KWD", "1.000", ["0.334 KWD", "0.333 KWD", "0.333 KWD"]),
    ],
)
def test_odd_cents_are_shared_out_to_the_smallest_unit(currency: str, price: str, shares: list[str]) -> None:
    shop = Shop({"A": 9, "B": 9, "C": 9}, {"BOX": price}, currency)
    shop.orders(OrderLine("BOX", 1, components=[("A", 1), ("B", 1), ("C", 1)]))

    assert [str(shop.order.tranches[line][0].amounts.net) for line in shop.order.lines] == shares
    assert shop.order.total == Money(price, currency)


def test_kits_in_kits_are_sent_as_what_is_in_them() -> None:
    shop = Shop({"ROPE": 50, "HOOK": 50, "BAG": 9}, {"CAMP": "47.50"})
    line = Component("LINE", "1.5", components=[Component("ROPE", "2.5", unit="m"), ("HOOK", 2)])
    shop.orders(OrderLine("CAMP", 2, components=[line, ("BAG", 1)]))
    order = shop.order

    assert {line.sku: order.live_quantity(line.id) for line in order.lines.values()} == {
        "ROPE": Decimal("7.5"),
        "HOOK": Decimal(6),
        "BAG": Decimal(2),
    }
    assert [part.per_kit for part in order.kits["L1"].components.values()] == [Decimal("3.75"), 3, 1]
    assert sum(t[0].amounts.net.amount for t in order.tranches.values()) == 95
    assert order.lines["L1.1"].unit == "m"
    assert shop.kits == (2, 2, 2, 0, 0)
