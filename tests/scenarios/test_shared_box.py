"""A box with goods of two orders: 8.2 kg under one SSCC, one freight of 6.40, two workers, and one booking.

Orders A and B are packed into one box. Each order's worker asks the carrier; both die when the carrier has done its
work and before its answer was kept. Whatever the order of the two, the carrier has one booking in its books, its
freight is borne by both, and what is scanned of the box is true for both.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

from orderflow import (
    BookShipment,
    CancelOrder,
    DespatchShipment,
    OrderFlow,
    PackParcel,
    PlaceOrder,
    RecordPick,
    ResolveException,
    Scan,
    StartPicking,
    VoidShipment,
)
from orderflow.adapters.memory import ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.consignment import SharedBox
from orderflow.ports import BookCarrier, TellOrders
from orderflow.runtime.engine import Engine
from orderflow.stores import SqliteStore
from orderflow.values import Money
from tests.scenario import BERLIN

SSCC = "340123450000000017"
BOX = SharedBox("BOX-7", "8.2", {"A": "5.1", "B": "3.1"}, sscc=SSCC)


class Killed(BaseException):
    """The worker is gone, in the middle of what it was doing."""


class DiesAfterBooking:
    """A carrier whose bookings are made; some callers do not live to hear of it. All meet before they ask."""

    def __init__(self, carrier: MemoryCarrier, deaths: int, callers: int = 1) -> None:
        self.carrier, self.deaths = carrier, deaths
        self.meeting = Barrier(callers)
        self.asked: list[BookCarrier] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.carrier, name)

    def book(self, request: BookCarrier) -> Any:
        if self.deaths > 0:
            self.meeting.wait(timeout=10)
        self.asked.append(request)
        booked = self.carrier.book(request)
        if len(self.asked) <= self.deaths:
            raise Killed
        return booked


class World:
    """One file, one set of systems, and as many workers as one likes."""

    def __init__(self, file: Path, deaths: int = 0, callers: int = 1) -> None:
        self.file = file
        self.clock = ManualClock(datetime(2026, 11, 23, 9, tzinfo=UTC))
        self.carrier = MemoryCarrier("DHL", {"parcel": ("6.40", 2)}, self.clock)
        self.port = DiesAfterBooking(self.carrier, deaths, callers)
        self.inventory = MemoryInventory({"TEA": 100, "POT": 100}, clock=self.clock)
        self.open: list[OrderFlow] = []

    def worker(self) -> OrderFlow:
        """A process of its own, on the same file."""
        flow = OrderFlow(
            inventory=self.inventory,
            pricing=PriceList({"TEA": "9.90", "POT": "24.00"}),
            carriers=self.port,
            store=SqliteStore(self.file),
            clock=self.clock,
        )
        self.open.append(flow)
        return flow

    def packed(self, *orders: str) -> None:
        """Each order has its goods in the box."""
        flow = self.worker()
        for order_id, sku in zip(orders, ("TEA", "POT"), strict=True):
            flow.handle(PlaceOrder([(sku, 2)], "EUR", BERLIN, order_id=order_id))
            for command in (StartPicking(order_id, "F1"), RecordPick(order_id, "F1")):
                flow.handle(command)
            flow.handle(PackParcel(order_id, "F1", sscc=SSCC))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "orders.sqlite")
    yield made
    for flow in made.open:
        flow.close()


def book(flow: OrderFlow, order_id: str) -> Any:
    return flow.handle(BookShipment(order_id, service="parcel", shared=BOX))


def both_booked(world: World) -> OrderFlow:
    world.packed("A", "B")
    flow = world.worker()
    book(flow, "A")
    book(flow, "B")
    return flow


def left(world: World) -> OrderFlow:
    flow = both_booked(world)
    for order_id in "AB":
        flow.handle(DespatchShipment(order_id))
    return flow


def number_of(flow: OrderFlow, order_id: str) -> str:
    return flow.get(order_id).parcels["P1"].tracking_number


def test_two_workers_that_race_and_die_after_the_carrier_has_booked_make_one_booking(world: World) -> None:
    world.port = DiesAfterBooking(world.carrier, deaths=2, callers=2)
    world.packed("A", "B")

    def works(order_id: str) -> None:
        with pytest.raises(Killed):
            book(world.worker(), order_id)

    workers = [Thread(target=works, args=(order_id,)) for order_id in "AB"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(world.carrier.bookings) == 1
    assert {order_id: world.worker().get(order_id).shipments["BOX-7"].stage for order_id in "AB"} == {
        "A": "requested",
        "B": "requested",
    }, "nobody has heard of it"

    world.port.deaths = 0
    world.clock.advance(timedelta(minutes=6))
    assert sorted(world.worker().run_due().advanced) == ["A", "B"]

    flow = world.worker()
    assert world.carrier.bookings == {"B1": "booked"}
    assert number_of(flow, "A") == number_of(flow, "B") != ""
    assert len({flow.get(order_id).shipments["BOX-7"].booking for order_id in "AB"}) == 1


def test_every_order_asks_in_the_same_words_and_of_the_whole_box(world: World) -> None:
    both_booked(world)
    one, other = world.port.asked
    assert (one.key, one.shipment_id, one.generation, one.parcels, one.reference) == (
        other.key,
        other.shipment_id,
        other.generation,
        other.parcels,
        other.reference,
    )
    (body,) = one.parcels
    assert (str(body.weight_kg), body.sscc, body.contents) == ("8.2", SSCC, ())


def test_the_freight_is_borne_once_over_both_orders(world: World) -> None:
    flow = both_booked(world)
    parts = [flow.get(order_id).freight_of("BOX-7") for order_id in "AB"]
    assert parts == [Money("3.98", "EUR"), Money("2.42", "EUR")]


def test_one_scan_delivers_both_orders(world: World) -> None:
    flow = left(world)
    receipts = flow.observe(Scan(number_of(flow, "A"), "delivered", world.clock() + timedelta(hours=30)))
    assert sorted(receipt.order.id for receipt in receipts) == ["A", "B"]
    assert [flow.get(order_id).status.word for order_id in "AB"] == ["delivered", "delivered"]
    assert [flow.get(order_id).state for order_id in "AB"] == ["completed", "completed"]


def test_an_order_that_is_cancelled_does_not_void_what_the_other_still_wants(world: World) -> None:
    flow = both_booked(world)
    order = flow.handle(CancelOrder("A")).order
    (case,) = order.open_cases
    assert (case.code, case.options) == ("shipping.shared_box", ("taken_out", "void_booking", "stays_in"))
    assert world.carrier.bookings == {"B1": "booked"}

    order = flow.handle(ResolveException("A", case.id, "taken_out")).order
    assert order.state == "cancelled"
    assert order.tracking_numbers == ()
    assert world.carrier.bookings == {"B1": "booked"}, "it is B's booking as much"
    assert flow.handle(DespatchShipment("B")).order.state == "shipped"


def test_a_box_that_no_order_wants_any_more_is_voided_when_someone_says_so(world: World) -> None:
    flow = both_booked(world)
    (case,) = flow.handle(CancelOrder("A")).order.open_cases
    flow.handle(ResolveException("A", case.id, "taken_out"))
    (case,) = flow.handle(CancelOrder("B")).order.open_cases
    assert flow.handle(ResolveException("B", case.id, "void_booking")).order.state == "cancelled"
    assert world.carrier.bookings == {"B1": "voided"}


def test_goods_that_stay_in_the_box_are_not_cancelled(world: World) -> None:
    flow = both_booked(world)
    (case,) = flow.handle(CancelOrder("A")).order.open_cases
    order = flow.handle(ResolveException("A", case.id, "stays_in")).order
    assert (order.state, order.is_cancelling, order.open_cases) == ("in_fulfillment", False, ())
    assert flow.handle(DespatchShipment("A")).order.state == "shipped"


def test_a_loss_opens_a_case_in_both_orders(world: World) -> None:
    flow = left(world)
    lost = Scan(number_of(flow, "A"), "on_hold", world.clock() + timedelta(hours=30), reason="lost")
    flow.observe(lost)
    cases = [flow.get(order_id).open_cases for order_id in "AB"]
    assert [[case.code for case in open_cases] for open_cases in cases] == [["delivery.lost"], ["delivery.lost"]]


# -- a booking that is voided for all -------------------------------------------------------------------------------


def voided(flow: OrderFlow, order_id: str = "A") -> None:
    """Someone who can see that no order wants the box any more says so in one of them."""
    flow.handle(VoidShipment(order_id, "BOX-7"))
    (case,) = flow.get(order_id).open_cases
    flow.handle(ResolveException(order_id, case.id, "void_booking"))


def stages(flow: OrderFlow) -> list[str]:
    return [flow.get(order_id).shipments["BOX-7"].stage for order_id in "AB"]


def test_a_booking_that_is_voided_for_all_is_void_in_every_order(world: World) -> None:
    flow = both_booked(world)
    voided(flow)
    assert stages(flow) == ["voided", "voided"]
    assert number_of(flow, "B") == ""

    other = SharedBox("BOX-8", "8.2", {"A": "5.1", "B": "3.1"}, sscc=SSCC)
    for order_id in "AB":
        flow.handle(BookShipment(order_id, service="parcel", shared=other))
        assert flow.handle(DespatchShipment(order_id)).order.state == "shipped"
    assert world.carrier.bookings == {"B1": "voided", "B2": "booked"}


def test_who_was_asked_about_the_box_need_not_answer_any_more(world: World) -> None:
    flow = both_booked(world)
    flow.handle(CancelOrder("B"))
    assert [case.code for case in flow.get("B").open_cases] == ["shipping.shared_box"]
    voided(flow)

    assert flow.get("B").open_cases == ()
    assert flow.get("B").state == "cancelled"
    assert flow.get("A").state == "in_fulfillment"


def test_an_order_that_has_no_answer_about_the_box_yet_hears_of_it_when_it_has(world: World) -> None:
    world.packed("A", "B")
    flow = world.worker()
    book(flow, "A")
    world.port.deaths = 99
    with pytest.raises(Killed):
        book(flow, "B")
    world.port.deaths = 0
    voided(flow)
    assert stages(flow) == ["voided", "requested"]

    for _ in range(12):
        world.clock.advance(timedelta(minutes=10))
        flow.run_due()
    assert stages(flow) == ["voided", "voided"]


def test_who_dies_before_the_others_were_told_tells_them_after_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = both_booked(world)
    flow.handle(VoidShipment("A", "BOX-7"))
    (case,) = flow.get("A").open_cases

    def dies(self: Engine, request: TellOrders) -> Any:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(Engine, "_told_others", dies)
        with pytest.raises(Killed):
            flow.handle(ResolveException("A", case.id, "void_booking"))
    assert stages(flow) == ["voided", "booked"]

    world.clock.advance(timedelta(minutes=6))
    assert "A" in world.worker().run_due().advanced
    assert stages(world.worker()) == ["voided", "voided"]
