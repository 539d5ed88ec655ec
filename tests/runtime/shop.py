"""A small shop: real systems in memory, a clock that is moved by hand, and the lives of orders up to a point."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from orderflow import commands as c
from orderflow.adapters.memory import Flaky, Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.errors import PortRefused
from orderflow.messages import Command
from orderflow.order import Order
from orderflow.ports import ClaimStock, Deferred, Refused, Repeats, Reply, Request
from orderflow.runtime import OrderFlow
from orderflow.stores import OrderStore
from orderflow.values import Address, Contact, Party

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
BERLIN = Address("DE", "Torstrasse 1", city="Berlin", postal_code="10119", name="Ada Krull")
ADA = Party("Ada Krull", contact=Contact("ada@example.org"))
STEPS = ("verified", "picking", "picked", "packed", "booked", "despatched")


def place(**changes: Any) -> c.PlaceOrder:
    """Two packets of tea to Berlin, under a number of the shop's own."""
    said: dict[str, Any] = {"lines": [("TEA", 2)], "currency": "EUR", "ship_to": BERLIN, "customer": ADA}
    return c.PlaceOrder(**(said | changes))


def the_steps(order_id: str) -> dict[str, Command]:
    """What leads an order from one step to the next."""
    return {
        "picking": c.StartPicking(order_id, "F1"),
        "picked": c.RecordPick(order_id, "F1"),
        "packed": c.PackParcel(order_id, "F1"),
        "booked": c.BookShipment(order_id),
        "despatched": c.DespatchShipment(order_id),
    }


class Shop:
    """The systems around, the time, and flows over them."""

    def __init__(self, store: OrderStore | None = None, **changes: Any) -> None:
        self.clock = ManualClock(NINE)
        self.store = store
        self.inventory: Any = MemoryInventory({"TEA": 90, "POT": 90}, location="BER", clock=self.clock)
        self.pricing: Any = PriceList({"TEA": "9.90", "POT": "24.00"}, tax="0.19")
        self.carriers: Any = MemoryCarrier(clock=self.clock)
        self.notifications: Any = Mailbox()
        self.ports: dict[str, Any] = {
            "inventory": self.inventory,
            "pricing": self.pricing,
            "carriers": self.carriers,
            "notifications": self.notifications,
        }
        self.settings: dict[str, Any] = {"clock": self.clock} | changes

    def flow(self, **changes: Any) -> OrderFlow:
        """A flow over these systems; anything about it can be changed."""
        where = {} if self.store is None else {"store": self.store}
        return OrderFlow(**(self.ports | self.settings | where | changes))

    def passes(self, **time: float) -> datetime:
        """Time passes; nobody has noticed yet."""
        return self.clock.advance(timedelta(**time))

    @property
    def books(self) -> tuple[object, ...]:
        """All that the systems know."""
        return tuple(port.fingerprint() for port in (self.inventory, self.carriers, self.notifications))


def lead(flow: OrderFlow, upto: str = "verified", **placing: Any) -> str:
    """An order is placed and led up to a step; its id."""
    order_id = flow.handle(place(**placing)).order.id
    go_on(flow, order_id, upto=upto)
    return order_id


def go_on(flow: OrderFlow, order_id: str, after: str = "verified", upto: str = "despatched") -> Order:
    """An order is led on from one step to another."""
    for step in STEPS[STEPS.index(after) + 1 : STEPS.index(upto) + 1]:
        flow.handle(the_steps(order_id)[step])
    return flow.get(order_id)


def beside(flow: OrderFlow, order_id: str) -> dict[str, int]:
    """How often each request of an order has failed so far."""
    loaded = flow.store.load(flow.tenant, order_id)
    assert loaded is not None
    return {request: attempt.failures for request, attempt in loaded.attempts.items() if attempt.failures}


def next_due(flow: OrderFlow) -> datetime | None:
    return flow.store.next_due(flow.tenant)


def tags(flow: OrderFlow, order_id: str) -> list[str]:
    """What has happened to an order, in one word each."""
    return [recorded.event.TAG for recorded in flow.history(order_id)]


class Only(Flaky):
    """A port of which one method fails by the script; ``calls`` counts that method alone, ``at`` says when."""

    def __init__(
        self,
        port: Any,
        method: str,
        failures: Iterable[Exception | None] = (),
        *,
        after: bool = False,
        clock: Any = None,
    ) -> None:
        super().__init__(port, failures, after=after)
        self.method = method
        self.at: list[datetime] = []
        self._moment = clock

    def _ask(self, method: str, request: Request) -> Any:
        if method != self.method:
            return getattr(self.port, method)(request)
        if self._moment is not None:
            self.at.append(self._moment())
        return super()._ask(method, request)


class SlowErp:
    """An ERP that takes claims into a queue, and works on them when somebody has the time: `works_on` a ticket."""

    repeats = Repeats.DEDUPLICATES

    def __init__(self, inventory: MemoryInventory, clock: ManualClock, *, releases_at_once: bool = False) -> None:
        self.inventory, self.clock, self.releases_at_once = inventory, clock, releases_at_once
        self.queue: dict[str, ClaimStock] = {}

    def claim(self, request: ClaimStock) -> Any:
        if self.releases_at_once and not request.quantity:
            return self.inventory.claim(request)
        ticket = f"job-{request.revision}"
        self.queue[ticket] = request
        return Deferred(ticket, self.clock() + timedelta(days=1), self.clock() + timedelta(days=7))

    def works_on(self, ticket: str) -> Reply:
        try:
            return self.inventory.claim(self.queue[ticket])
        except PortRefused as refused:
            return Refused(refused.code, refused.message)

    def issue(self, request: Any) -> Any:
        return self.inventory.issue(request)

    def receive(self, request: Any) -> Any:
        return self.inventory.receive(request)

    def levels(self, request: Any) -> Any:
        return self.inventory.levels(request)


TWO, NONE = Decimal(2), Decimal(0)
