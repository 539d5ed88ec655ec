"""A shop that gets its orders as documents: everything in memory, stock and prices for whatever an order names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from orderflow import (
    BookShipment,
    DespatchShipment,
    Order,
    OrderFlow,
    PackParcel,
    PlaceOrder,
    RecordPick,
    StartPicking,
)
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.defaults import STANDARD
from orderflow.values import Address, Contact, Party

SELLER = Party(
    "Tea House", "S-1", Contact("sales@example.org"), Address("DE", "Weg 1", city="Bonn", postal_code="53111"), "DE1"
)


class Shop:
    """One flow, with as much of everything as is asked for, or as is said."""

    def __init__(self, command: PlaceOrder, stock: dict[str, Any] | None = None, **policy: Any) -> None:
        self.clock = ManualClock(datetime(2026, 12, 1, 9, tzinfo=UTC))
        names = {line.sku for line in command.lines}
        held = {(sku, "A"): 1000 for sku in names} | {(sku, "A"): units for sku, units in (stock or {}).items()}
        prices = {line.sku: line.price.amount if line.price else "1.00" for line in command.lines}
        self.carrier = MemoryCarrier(clock=self.clock)
        self.flow = OrderFlow(
            inventory=MemoryInventory(held),
            pricing=PriceList(
                {sku: str(price) for sku, price in prices.items()},
                currency=command.currency,
                base_quantities={line.sku: line.price_per for line in command.lines},
            ),
            carriers=self.carrier,
            notifications=Mailbox(),
            clock=self.clock,
            policy=attrs.evolve(STANDARD, shortage=lambda order, line_id: "backorder", **policy),
        )
        self.order_id = self.flow.handle(command).order.id

    def does(self, *commands: Any) -> Order:
        for command in commands:
            self.clock.advance(timedelta(minutes=5))
            self.flow.handle(command)
        return self.order

    def sends(self, *goods: Any, **packing: Any) -> Order:
        """All of it is picked, packed in one parcel and sent."""
        (work,) = self.order.fulfillments
        self.does(StartPicking(self.order_id, work), RecordPick(self.order_id, work, goods=goods or None))
        self.does(
            PackParcel(self.order_id, work, **packing),
            BookShipment(self.order_id, carrier="PARCELCO", service="standard"),
        )
        (shipment,) = self.order.shipments
        return self.does(DespatchShipment(self.order_id, shipment))

    @property
    def order(self) -> Order:
        return self.flow.get(self.order_id)
