"""Returns from end to end: a ham of 1.2 kg goes back, a shirt is exchanged, a refused parcel comes home."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import attrs
import pytest

from orderflow import (
    STANDARD,
    Address,
    AuthorizeReturn,
    BookShipment,
    CommandRefused,
    Contact,
    DespatchShipment,
    DisposeReturn,
    InspectReturn,
    Money,
    Order,
    OrderFlow,
    OrderLine,
    PackParcel,
    Party,
    PlaceOrder,
    Policy,
    ReceiveReturn,
    RecordPick,
    RequestReturn,
    ResolveException,
    ReturnLine,
    StartPicking,
)
from orderflow.adapters.memory import Flaky, Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.errors import PortUnavailable
from orderflow.order import Goods
from orderflow.texts import render

HOME = Address("DE", "Hauptstr. 1", city="Berlin", postal_code="10115", name="Ada Krull")
ADA = Party("Ada Krull", contact=Contact("ada@example.org", locale="de-DE"))
HAM = OrderLine("HAM", 10, "piece", measure_unit="kg", estimated_measure="12.0")


def eur(amount: str) -> Money:
    return Money(amount, "EUR")


class Shop:
    """A shop with its systems in memory, and one order that was delivered, or is on its way."""

    def __init__(self, *lines: OrderLine, policy: Policy = STANDARD, contents: list[Goods] | None = None) -> None:
        self.clock = ManualClock(datetime(2026, 11, 23, 9, tzinfo=UTC))
        self.stock = MemoryInventory({"HAM": 50, "TEA": 10, "POT": 5}, location="BER", clock=self.clock)
        self.troubles: list[Exception] = []
        self.line = Flaky(self.stock, iter(self._trouble, object()), after=True)
        self.carrier, self.mail = MemoryCarrier(clock=self.clock), Mailbox()
        self.flow = OrderFlow(
            inventory=self.line,
            pricing=PriceList({"HAM": "14.90", "TEA": "9.90", "POT": "24.00"}),
            carriers=self.carrier,
            notifications=self.mail,
            clock=self.clock,
            policy=policy,
        )
        self.id = self.flow.handle(PlaceOrder(lines, "EUR", HOME, ADA)).order.id
        self.flow.handle(StartPicking(self.id, "F1"))
        self.flow.handle(RecordPick(self.id, "F1"))
        self.flow.handle(PackParcel(self.id, "F1", contents))
        self.flow.handle(BookShipment(self.id))
        self.flow.handle(DespatchShipment(self.id))

    def _trouble(self) -> Exception | None:
        return self.troubles.pop() if self.troubles else None

    @property
    def order(self) -> Order:
        return self.flow.get(self.id)

    def arrives(self, parcel_id: str = "P1", status: str = "delivered") -> None:
        self.flow.observe(self.carrier.scan(self.order.parcels[parcel_id].tracking_number, status))

    def told(self) -> list[str]:
        return [message.kind for message in self.order.messages.values() if message.kind.startswith(("return", "exch"))]


def test_a_ham_of_1_2_kg_that_goes_back_refunds_17_88() -> None:
    shop = Shop(HAM, contents=[Goods("L1", Decimal(4), Decimal("4.9")), Goods("L1", Decimal(6), Decimal("7.4"))])
    shop.arrives()
    assert shop.order.total == eur("183.27")

    shop.flow.handle(RequestReturn(shop.id, [("L1", 1, "too salty")]))
    shop.flow.handle(AuthorizeReturn(shop.id, "R1"))
    (number,) = shop.order.returns["R1"].numbers
    shop.flow.observe(shop.carrier.collect(number))
    assert shop.order.returns["R1"].state == "in_transit"

    shop.flow.handle(ReceiveReturn(shop.id, "R1", [Goods("L1", Decimal(1), Decimal("1.2"))]))
    before = shop.order.total
    shop.flow.handle(DisposeReturn(shop.id, "R1", [("L1", 1, "scrap")]))

    assert before - shop.order.total == eur("17.88")
    assert (shop.order.returns["R1"].state, shop.order.state) == ("closed", "completed")
    assert shop.stock.on_hand("HAM") == 40
    assert shop.told() == ["return_authorized", "return_received", "return_credited"]
    shown = render("return_credited", "de-DE", list(shop.order.messages.values())[-1].body)
    assert "Erstattet: 1 × HAM." in shown.body


def test_every_ham_that_goes_back_one_by_one_is_refunded_to_the_cent() -> None:
    shop = Shop(HAM, contents=[Goods("L1", Decimal(10), Decimal("12.3"))])
    shop.arrives()
    for number in range(1, 11):
        shop.flow.handle(RequestReturn(shop.id, [("L1", 1)]))
        shop.flow.handle(AuthorizeReturn(shop.id, f"R{number}", label=False))
        shop.flow.handle(ReceiveReturn(shop.id, f"R{number}", [Goods("L1", Decimal(1), Decimal("1.2"))]))
        shop.flow.handle(DisposeReturn(shop.id, f"R{number}"))

    assert shop.order.total == eur("0.00")
    assert shop.order.credited == shop.order.charged
    assert shop.stock.on_hand("HAM") == 50


def test_what_goes_on_the_shelf_is_booked_once_though_the_answer_is_lost() -> None:
    shop = Shop(OrderLine("TEA", 3))
    shop.arrives()
    shop.flow.handle(RequestReturn(shop.id, [("L1", 2)]))
    shop.flow.handle(AuthorizeReturn(shop.id, "R1"))
    shop.flow.handle(ReceiveReturn(shop.id, "R1"))
    shop.troubles.append(PortUnavailable("the line is down"))
    shop.flow.handle(DisposeReturn(shop.id, "R1"))
    assert (shop.stock.on_hand("TEA"), shop.order.returns["R1"].state) == (9, "disposed")

    shop.clock.advance(timedelta(minutes=5))
    shop.flow.run_due()
    assert (shop.stock.on_hand("TEA"), shop.order.returns["R1"].state) == (9, "closed")


def test_an_exchange_is_priced_sent_and_completes_the_order_again() -> None:
    shop = Shop(OrderLine("TEA", 3))
    shop.arrives()
    assert shop.order.state == "completed"
    shop.flow.handle(RequestReturn(shop.id, [ReturnLine("L1", 1, "wrong gift", sku="POT")], kind="exchange"))
    shop.flow.handle(AuthorizeReturn(shop.id, "R1"))
    shop.flow.handle(ReceiveReturn(shop.id, "R1"))
    assert (shop.order.state, shop.order.lines["L2"].origin.kind) == ("shipped", "exchange_for")
    shop.flow.handle(DisposeReturn(shop.id, "R1"))
    assert shop.order.total == eur("43.80")

    for command in (StartPicking(shop.id, "F2"), RecordPick(shop.id, "F2"), PackParcel(shop.id, "F2")):
        shop.flow.handle(command)
    shop.flow.handle(BookShipment(shop.id))
    shop.flow.handle(DespatchShipment(shop.id))
    shop.arrives("P2")
    assert (shop.order.state, shop.order.returns["R1"].state) == ("completed", "closed")
    assert "exchange_ordered" in shop.told()


def test_a_parcel_refused_at_the_door_comes_home_and_is_refunded() -> None:
    shop = Shop(OrderLine("TEA", 3))
    shop.arrives(status="return_to_sender")
    assert [case.code for case in shop.order.open_cases] == ["delivery.returning"]
    shop.flow.handle(ReceiveReturn(shop.id, parcel_id="P1"))
    (case,) = shop.order.open_cases
    shop.flow.handle(ResolveException(shop.id, case.id, "refund"))
    shop.flow.handle(DisposeReturn(shop.id, "R1"))

    assert (shop.order.total, shop.order.state, shop.stock.on_hand("TEA")) == (eur("0.00"), "completed", 10)


def test_a_worn_return_is_credited_in_part_once_it_was_looked_at() -> None:
    shop = Shop(OrderLine("POT", 2), policy=attrs.evolve(STANDARD, credit_on="inspected"))
    shop.arrives()
    shop.flow.handle(RequestReturn(shop.id, [("L1", 1)]))
    shop.flow.handle(AuthorizeReturn(shop.id, "R1"))
    shop.flow.handle(ReceiveReturn(shop.id, "R1"))
    assert shop.order.total == eur("48.00")
    shop.flow.handle(InspectReturn(shop.id, "R1", [("L1", 1, "worn")], {"L1": 25}))
    assert shop.order.total == eur("30.00")
    with pytest.raises(CommandRefused, match=r"return\.credited"):
        shop.flow.handle(DisposeReturn(shop.id, "R1", [("L1", 1, "send_back")]))


def test_a_preview_of_a_disposition_says_what_would_move() -> None:
    shop = Shop(OrderLine("TEA", 3))
    shop.arrives()
    shop.flow.handle(RequestReturn(shop.id, [("L1", 2)]))
    shop.flow.handle(AuthorizeReturn(shop.id, "R1"))
    shop.flow.handle(ReceiveReturn(shop.id, "R1"))
    seen = shop.flow.preview(DisposeReturn(shop.id, "R1"))
    assert seen.goods == {"L1": {"received:R1": -2, "restocked": 2}}
    assert seen.money == eur("-19.80")
    assert [request.id for request in seen.requests] == ["receive/R1/1", "send/M7"]
    assert [kind for kind, _ in seen.messages] == ["return_credited"]
