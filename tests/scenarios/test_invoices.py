"""Invoices and credit notes: to the cent, and every cent that differs is named."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs

from orderflow import (
    STANDARD,
    Address,
    BookShipment,
    Command,
    DespatchShipment,
    Money,
    Order,
    OrderFlow,
    PackParcel,
    PlaceOrder,
    RecordPick,
    StartPicking,
)
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.documents import Document

HOME = Address("DE", "Hauptstr. 1", city="Berlin", postal_code="10115")


def shop(prices: Any = None, policy: Any = None, **more: Any) -> OrderFlow:
    clock = ManualClock(datetime(2026, 11, 23, 9, tzinfo=UTC))
    return OrderFlow(
        inventory=MemoryInventory({"TEA": 50, "BOOK": 50, "HAM": 50}, location="BER", clock=clock),
        pricing=PriceList(prices or {"TEA": "10.03"}, **({"tax": "0.19"} | more)),
        carriers=MemoryCarrier(clock=clock),
        notifications=Mailbox(),
        clock=clock,
        policy=attrs.evolve(STANDARD, **(policy or {"charge_on": "despatch"})),
    )


def does(flow: OrderFlow, *commands: Command) -> Order:
    for command in commands:
        order = flow.handle(command).order
    return order


def picked(flow: OrderFlow, *lines: Any, currency: str = "EUR") -> Order:
    order = does(flow, PlaceOrder(lines or [("TEA", 3)], currency, ship_to=HOME))
    return does(flow, StartPicking(order.id, "F1"), RecordPick(order.id, "F1"))


def leaves(flow: OrderFlow, order: Order, *contents: Any) -> Order:
    """These goods are packed, booked, and leave; without any, everything does."""
    order = does(flow, PackParcel(order.id, "F1", contents or None))
    order = does(flow, BookShipment(order.id, [list(order.parcels)[-1]]))
    return does(flow, DespatchShipment(order.id, list(order.shipments)[-1]))


def eur(amount: Any) -> Money:
    return Money(str(amount), "EUR")


def of(order: Order, kind: str) -> tuple[Document, ...]:
    return order.settlement.of_kind(kind)


def shown(document: Document) -> tuple[str, str, str, str]:
    """Net, tax, the sum, and the cents by which it differs from the quote."""
    amounts = document.amounts
    return tuple(str(one.amount) for one in (amounts.net, amounts.tax, document.total, document.rounding))  # type: ignore[return-value]


def test_one_invoice_for_three_has_the_tax_of_the_quote() -> None:
    with shop() as flow:
        order = leaves(flow, picked(flow))

    (invoice,) = of(order, "charge")
    assert shown(invoice) == ("30.09", "5.72", "35.81", "0.00")
    assert order.balance.difference == eur(0)


def test_three_invoices_for_one_each_name_the_cent_of_tax_that_is_too_much() -> None:
    with shop() as flow:
        order = picked(flow)
        for _ in range(3):
            order = leaves(flow, order, ("L1", 1))

    assert [shown(one) for one in of(order, "charge")] == [
        ("10.03", "1.91", "11.94", "0.00"),
        ("10.03", "1.91", "11.94", "0.01"),
        ("10.03", "1.91", "11.94", "0.00"),
    ]
    assert order.total == eur("35.81")
    assert order.balance.payable == eur("35.82")
    assert order.balance.difference == eur("0.01")
