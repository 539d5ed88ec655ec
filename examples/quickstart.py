"""A first order: from the customer to the door, on systems that run in memory."""

from datetime import UTC, date, datetime

from orderflow import (
    Address,
    BookShipment,
    Contact,
    DespatchShipment,
    OrderFlow,
    PackParcel,
    Party,
    PlaceOrder,
    RecordPick,
    Scan,
    StartPicking,
)
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList

clock = ManualClock(datetime(2026, 11, 23, 9, tzinfo=UTC))
stock = MemoryInventory({"TEA-250": 100, "POT-1": 5}, location="BER")
prices = PriceList({"TEA-250": "9.90", "POT-1": "24.00"}, currency="EUR", tax="0.19", tax_included=True)
carrier, mail = MemoryCarrier(clock=clock), Mailbox()
ada = Party("Ada Byron", contact=Contact("ada@example.org"))
home = Address("DE", "Hauptstr. 1", city="Berlin", postal_code="10115")

with OrderFlow(inventory=stock, pricing=prices, carriers=carrier, notifications=mail, clock=clock) as flow:
    order = flow.handle(
        PlaceOrder(
            lines=[("TEA-250", 2), ("POT-1", 1)],
            ship_to=home,
            currency="EUR",
            customer=ada,
            deliver_by=date(2026, 11, 26),
        )
    ).order
    print(flow.explain(order.id))

    for command in (
        StartPicking(order.id, "F1"),
        RecordPick(order.id, "F1"),
        PackParcel(order.id, "F1", weight_kg="1.2"),
        BookShipment(order.id),
        DespatchShipment(order.id),
    ):
        order = flow.handle(command).order
    number = order.tracking_numbers[0]
    flow.observe(Scan(number, "delivered", clock()))
    print(flow.explain(order.id))
    print([message.kind for message in mail.sent])
