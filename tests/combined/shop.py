"""A shop with everything in memory, in which whole lives are played through the front door."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from orderflow import (
    STANDARD,
    Address,
    BookShipment,
    DespatchShipment,
    OrderFlow,
    PackParcel,
    PlaceOrder,
    RecordPick,
    ResolveException,
    StartPicking,
)
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryFulfiller, MemoryInventory, PriceList
from orderflow.order import Order
from orderflow.values import Contact, Party

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
HOME = Address("DE", "Torstrasse 1", city="Berlin", postal_code="10119", name="Ada Krull")
ADA = Party("Ada Krull", contact=Contact("ada@example.org"))


class Shop:
    """One order, ``A-1``, and the systems around it."""

    def __init__(
        self,
        stock: Any = None,
        *,
        carriers: Any = None,
        mail: Any = None,
        at: datetime = NINE,
        **policy: Any,
    ) -> None:
        self.clock = ManualClock(at)
        self.stock = MemoryInventory(stock or {"TEA": 100, "POT": 100}, location="BER", clock=self.clock)
        self.carrier = carriers(self.clock) if callable(carriers) else MemoryCarrier(clock=self.clock)
        self.mailbox = Mailbox()
        self.mail: Any = mail(self.mailbox) if mail else self.mailbox
        self.acme = MemoryFulfiller("ACME")
        self.flow = OrderFlow(
            inventory=self.stock,
            pricing=PriceList({"TEA": "9.90", "POT": "24.00", "CODE": "5.00", "SOFA": "100.00"}, currency="EUR"),
            carriers=self.carrier,
            notifications=self.mail,
            fulfillers=self.acme,
            clock=self.clock,
            policy=attrs.evolve(STANDARD, **policy),
        )

    def place(self, *lines: Any, order_id: str = "A-1", **more: Any) -> Order:
        said: dict[str, Any] = {"ship_to": HOME, "customer": ADA}
        return self.flow.handle(PlaceOrder(lines or [("TEA", 2)], "EUR", order_id=order_id, **(said | more))).order

    def do(self, *commands: Any, **more: Any) -> Order:
        for command in commands:
            self.flow.handle(command, **more)
        return self.order

    def pick_pack(self, work: str = "F1", *parcels: Any) -> Order:
        self.do(StartPicking("A-1", work), RecordPick("A-1", work))
        for goods in parcels or (None,):
            self.do(PackParcel("A-1", work, goods) if goods else PackParcel("A-1", work))
        return self.order

    def leave(self, work: str = "F1") -> Order:
        self.pick_pack(work)
        return self.do(BookShipment("A-1"), DespatchShipment("A-1"))

    @property
    def order(self) -> Order:
        return self.flow.get("A-1")

    def later(self, **time: float) -> Order:
        """The clock goes on, and what is due on the way is attended to."""
        end = self.clock() + timedelta(**time)
        for _ in range(3000):
            due = self.flow.store.next_due("main")
            if due is None or due > end:
                break
            self.clock.set(max(due, self.clock()))
            self.flow.run_due()
        else:
            raise AssertionError("there is no end of what is due")
        self.clock.set(end)
        self.flow.run_due()
        return self.order

    def scan(self, parcel: str, status: str, **more: Any) -> Order:
        self.clock.advance(timedelta(minutes=1))
        self.flow.observe(self.carrier.scan(self.order.parcels[parcel].tracking_number, status, **more))
        return self.order

    def choose(self, option: str, code: str = "") -> Order:
        (case,) = [c for c in self.order.open_cases if not code or c.code == code]
        return self.do(ResolveException("A-1", case.id, option))

    @property
    def cases(self) -> list[str]:
        return [case.code for case in self.order.open_cases]

    @property
    def told(self) -> Counter[str]:
        return Counter(message.kind for message in self.mailbox.sent if message.order_id == "A-1")

    @property
    def goods(self) -> dict[str, dict[str, int]]:
        return {line: {str(k): int(v) for k, v in self.order.ledger.accounts(line)} for line in self.order.lines}

    @property
    def waits(self) -> list[str]:
        return [str(wait) for wait in self.flow.explain("A-1").waiting_for]
