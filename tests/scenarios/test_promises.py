"""Scenario 7: a promise is a calendar day where somebody is."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import attrs
import pytest

from orderflow import (
    STANDARD,
    Address,
    BookShipment,
    DespatchShipment,
    OrderFlow,
    PackParcel,
    PlaceOrder,
    RecordPick,
    StartPicking,
)
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.calendars import PromiseCalendar, SendingLocation
from orderflow.order import Order
from orderflow.stages.acceptance import OrderLine
from orderflow.values import Contact, Party

FRIDAY_LATE = datetime(2026, 11, 27, 13, 5, tzinfo=UTC)  # 14:05 in Berlin
FRIDAY_IN_TIME = datetime(2026, 11, 27, 12, 55, tzinfo=UTC)  # 13:55
NEW_YORK = Address("US", "350 5th Ave", city="New York", region="NY", postal_code="10118", name="Ada Krull")
ADA = Party("Ada Krull", contact=Contact("ada@example.org"))
CALENDAR = PromiseCalendar(
    locations={"BER": SendingLocation("Europe/Berlin", cut_off=time(14), country="DE", collection=time(18))},
    transit={("express", ""): 1, ("", ""): 5},
)


class World:
    """A shop in Berlin that sends to New York, and its clock."""

    def __init__(self, at: datetime) -> None:
        self.clock = ManualClock(at)
        self.carriers = MemoryCarrier(services={"express": ("39.00", 1)}, clock=self.clock)
        self.mailbox = Mailbox()
        self.flow = OrderFlow(
            inventory=MemoryInventory({"TEA": 90, "POT": 90}, location="BER", clock=self.clock),
            pricing=PriceList({"TEA": "9.90", "POT": "24.00"}),
            carriers=self.carriers,
            notifications=self.mailbox,
            clock=self.clock,
            policy=attrs.evolve(STANDARD, promise=CALENDAR, poll_every=None),
        )

    def orders(self, *lines: OrderLine | tuple[str, int], **terms: Any) -> Order:
        placed = PlaceOrder(
            lines=lines or [("TEA", 2)],
            currency="EUR",
            ship_to=NEW_YORK,
            customer=ADA,
            order_id="A-7",
            zone="America/New_York",
            **({"service": "express"} | terms),
        )
        return self.flow.handle(placed).order

    def despatches(self) -> Order:
        for command in (StartPicking("A-7", "F1"), RecordPick("A-7", "F1"), PackParcel("A-7", "F1")):
            self.flow.handle(command)
        self.flow.handle(BookShipment("A-7", service="express"))
        return self.flow.handle(DespatchShipment("A-7")).order

    def is_at(self, moment: datetime) -> Order:
        """The clock goes on, and what is due is attended to, whenever that is."""
        while (due := self.flow.store.next_due("main")) is not None and due <= moment:
            self.clock.set(max(due, self.clock()))
            self.flow.run_due()
        self.clock.set(moment)
        self.flow.run_due()
        return self.flow.get("A-7")

    def delivered(self, at: datetime) -> Order:
        self.is_at(at)
        self.carriers.deliver("PA000001", at=at)
        self.flow.observe(self.carriers.events_for("PA000001"))
        return self.flow.get("A-7")

    @property
    def told(self) -> list[str]:
        return [message.kind for message in self.mailbox.sent]

    @property
    def happened(self) -> list[str]:
        tags = (recorded.event.TAG for recorded in self.flow.history("A-7"))
        return [tag for tag in tags if tag.startswith("promise")]


@pytest.mark.parametrize(
    ("ordered", "ship_by", "deliver_by"),
    [
        (FRIDAY_LATE, date(2026, 11, 30), date(2026, 12, 1)),
        (FRIDAY_IN_TIME, date(2026, 11, 27), date(2026, 11, 30)),
        (FRIDAY_IN_TIME + timedelta(minutes=5), date(2026, 11, 30), date(2026, 12, 1)),  # on the stroke of the cut-off
        (datetime(2026, 11, 28, 9, tzinfo=UTC), date(2026, 11, 30), date(2026, 12, 1)),  # on a Saturday
    ],
)
def test_what_is_ordered_before_the_cut_off_leaves_that_day(ordered: datetime, ship_by: date, deliver_by: date) -> None:
    promise = World(ordered).orders().promise_of("L1")

    assert promise is not None
    assert (promise.promise.ship_by, promise.promise.ship_zone) == (ship_by, "Europe/Berlin")
    assert (promise.promise.deliver_by, promise.promise.deliver_zone) == (deliver_by, "America/New_York")


def test_half_past_ten_in_the_evening_in_new_york_is_on_time() -> None:
    world = World(FRIDAY_LATE)
    world.orders()
    world.is_at(datetime(2026, 11, 30, 10, tzinfo=UTC))
    world.despatches()

    order = world.delivered(datetime(2026, 12, 2, 3, 30, tzinfo=UTC))

    promise = order.promise_of("L1")
    assert promise is not None
    assert (promise.ship, promise.deliver) == ("kept", "kept")
    assert (promise.days_late_shipped, promise.days_late) == (0, 0)
    assert order.state == "completed"
