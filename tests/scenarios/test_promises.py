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
from tests.scenario import ADA

FRIDAY_LATE = datetime(2026, 11, 27, 13, 5, tzinfo=UTC)  # 14:05 in Berlin
FRIDAY_IN_TIME = datetime(2026, 11, 27, 12, 55, tzinfo=UTC)  # 13:55
NEW_YORK = Address("US", "350 5th Ave", city="New York", region="NY", postal_code="10118", name="Ada Krull")
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


def test_a_line_that_is_not_wanted_before_the_fifteenth_of_december_raises_no_delay() -> None:
    world = World(FRIDAY_LATE)
    order = world.orders(OrderLine("TEA", 2, not_before=date(2026, 12, 15)))
    promise = order.promises["L1"].promise
    assert (promise.ship_by, promise.deliver_by) == (date(2026, 12, 15), date(2026, 12, 16))

    world.is_at(datetime(2026, 12, 15, 16, 59, tzinfo=UTC))
    assert world.happened == ["promise_made"]
    assert "delivery_delayed" not in world.told

    world.is_at(datetime(2026, 12, 15, 17, tzinfo=UTC))  # carriers have come and gone
    assert world.happened == ["promise_made", "promise_at_risk"]


def test_a_slip_is_told_before_the_day_is_over_and_once() -> None:
    world = World(FRIDAY_LATE)
    world.orders()
    world.is_at(datetime(2026, 11, 30, 10, tzinfo=UTC))
    world.despatches()

    def believes(day: int, at: datetime) -> None:
        world.is_at(at)
        world.carriers.scan("PA000001", "in_transit", at, estimate=date(2026, 12, day))
        world.flow.observe(world.carriers.events_for("PA000001"))

    believes(3, datetime(2026, 12, 1, 9, tzinfo=UTC))
    believes(2, datetime(2026, 12, 1, 12, tzinfo=UTC))
    believes(3, datetime(2026, 12, 1, 15, tzinfo=UTC))
    world.is_at(datetime(2026, 12, 2, 12, tzinfo=UTC))
    assert world.happened[-2:] == ["promise_at_risk", "promise_missed"]
    assert world.told.count("delivery_delayed") == 1
    assert "We now expect Thursday 3 December 2026." in str(world.mailbox)

    believes(4, datetime(2026, 12, 2, 15, tzinfo=UTC))
    assert world.told.count("delivery_delayed") == 2
    order = world.delivered(datetime(2026, 12, 4, 18, tzinfo=UTC))
    promise = order.promise_of("L1")
    assert promise is not None
    assert (promise.deliver, promise.days_late) == ("missed", 3)
    assert world.told[-1] == "order_delivered"


def test_nobody_reads_out_for_delivery_days_later() -> None:
    world = World(FRIDAY_LATE)
    world.orders()
    world.despatches()
    friday_night = FRIDAY_LATE + timedelta(hours=6)
    world.is_at(friday_night + timedelta(days=3))
    world.carriers.scan("PA000001", "out_for_delivery", friday_night)
    world.flow.observe(world.carriers.events_for("PA000001"))

    assert "out_for_delivery" not in world.told
