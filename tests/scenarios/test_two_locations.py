"""Two locations with six and five units, an order of ten, and one unit that is not on its shelf.

Told to systems in memory by what a host would write. As available, nine leave and one follows; where the order is to
leave complete, nothing does until the last unit is packed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from orderflow import (
    BookShipment,
    CancelOrder,
    CommandRefused,
    DespatchShipment,
    Order,
    OrderFlow,
    PackParcel,
    PlaceOrder,
    RecordPick,
    Reroute,
    ResolveException,
    StartPicking,
    StockArrived,
)
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList
from tests.scenario import ADA, BERLIN


class Shop:
    """Two locations, one flow."""

    def __init__(self, at_b: int = 5, **settings: Any) -> None:
        self.clock = ManualClock(datetime(2026, 11, 23, 9, tzinfo=UTC))
        self.inventory = MemoryInventory({("TEA", "A"): 6, ("TEA", "B"): at_b})
        self.carrier = MemoryCarrier(clock=self.clock)
        self.mailbox = Mailbox()
        self.flow = OrderFlow(
            inventory=self.inventory,
            pricing=PriceList({"TEA": "9.90"}),
            carriers=self.carrier,
            notifications=self.mailbox,
            clock=self.clock,
            **settings,
        )
        self.order_id = ""

    def orders(self, quantity: int = 10, **terms: Any) -> Order:
        """The customer orders tea; two settings of the same shop differ in the terms only."""
        place = PlaceOrder(lines=[("TEA", quantity)], currency="EUR", ship_to=BERLIN, customer=ADA, **terms)
        self.order_id = self.flow.handle(place).order.id
        return self.order

    def does(self, *commands: Any) -> Order:
        for command in commands:
            self.clock.advance(timedelta(minutes=5))
            self.flow.handle(command)
        return self.order

    def picks(self, fulfillment: str, **pick: Any) -> Order:
        return self.does(StartPicking(self.order_id, fulfillment), RecordPick(self.order_id, fulfillment, **pick))

    def packs(self, *fulfillments: str) -> Order:
        """Each piece of work becomes a parcel, and each parcel a booking of its own."""
        for fulfillment in fulfillments:
            self.does(PackParcel(self.order_id, fulfillment), BookShipment(self.order_id))
        return self.order

    def one_is_missing(self, **terms: Any) -> Order:
        """A takes five of its six from the shelf; B takes all of its four."""
        self.orders(**terms)
        self.picks("F1", goods=[("L1", 5)], short={"L1": "damaged"})
        self.picks("F2")
        return self.order

    @property
    def order(self) -> Order:
        return self.flow.get(self.order_id)

    @property
    def goods(self) -> dict[str, Any]:
        """Where the tea is, by kind of account."""
        return {kind: units for kind, units in self.order.status.by_kind.items() if units}

    @property
    def work(self) -> dict[str, tuple[str, Any]]:
        return {f.id: (f.location, f.planned["L1"]) for f in self.order.fulfillments.values()}

    @property
    def books(self) -> dict[str, tuple[Any, Any]]:
        """Of each location: units held for us, and units that have left."""
        return {at: (self.inventory.held("TEA", at), self.inventory.issued("TEA", at)) for at in ("A", "B")}

    def refused(self, command: Any) -> tuple[str, ...]:
        with pytest.raises(CommandRefused) as refused:
            self.flow.handle(command)
        return tuple(violation.code for violation in refused.value.violations)


def test_ten_units_are_held_at_two_locations_and_become_the_work_of_both() -> None:
    shop = Shop()
    order = shop.orders()

    assert order.state == "verified"
    assert shop.work == {"F1": ("A", Decimal(6)), "F2": ("B", Decimal(4))}
    assert shop.books == {"A": (6, 0), "B": (4, 0)}
    assert order.total.amount == Decimal("99.00")


def test_the_missing_unit_is_sourced_from_the_other_location_and_not_from_the_shelf_it_was_missed_on() -> None:
    shop = Shop()
    shop.one_is_missing()

    assert shop.work["F3"] == ("B", Decimal(1))
    assert shop.goods == {"allocated": 1, "picked": 9}
    assert shop.books == {"A": (5, 0), "B": (5, 0)}
    assert not shop.order.open_cases


def test_as_available_nine_leave_and_one_follows() -> None:
    shop = Shop()
    shop.one_is_missing()
    shop.packs("F1", "F2")
    shop.does(DespatchShipment(shop.order_id, "S1"), DespatchShipment(shop.order_id, "S2"))
    assert shop.goods == {"allocated": 1, "shipped": 9}
    assert shop.order.state == "in_fulfillment"
    assert shop.books == {"A": (0, 5), "B": (1, 4)}

    shop.picks("F3")
    shop.packs("F3")
    shop.does(DespatchShipment(shop.order_id))

    assert shop.goods == {"shipped": 10}
    assert shop.order.state == "shipped"
    assert shop.books == {"A": (0, 5), "B": (0, 5)}
    assert len([message for message in shop.mailbox.sent if message.kind == "shipment_despatched"]) == 3


def test_complete_nothing_leaves_until_it_is_all_there() -> None:
    shop = Shop()
    shop.one_is_missing(complete="order")
    shop.packs("F1", "F2")

    for shipment in ("S1", "S2"):
        assert shop.refused(DespatchShipment(shop.order_id, shipment)) == ("shipping.not_complete",)
    shop.picks("F3")
    assert shop.refused(DespatchShipment(shop.order_id, "S1")) == ("shipping.not_complete",)
    assert shop.books == {"A": (5, 0), "B": (5, 0)}
    shop.packs("F3")
    shop.does(*(DespatchShipment(shop.order_id, shipment) for shipment in ("S1", "S2", "S3")))

    assert shop.goods == {"shipped": 10}
    assert shop.order.state == "shipped"
    assert shop.books == {"A": (0, 5), "B": (0, 5)}


def test_complete_the_last_unit_waits_for_goods_to_come_in_and_the_others_for_it() -> None:
    shop = Shop(at_b=4)
    shop.one_is_missing(complete="order")
    (case,) = shop.order.open_cases
    assert (case.code, case.message) == ("stock.short", "9 of 10 × TEA can be had")
    assert shop.goods == {"backordered": 1, "picked": 9}
    shop.packs("F1", "F2")
    assert shop.refused(DespatchShipment(shop.order_id, "S1")) == ("shipping.not_complete",)

    shop.inventory.receive("TEA", 1, "A")
    shop.does(StockArrived(shop.order_id, "TEA"))

    assert shop.work["F3"] == ("A", Decimal(1))
    assert not shop.order.open_cases
    shop.picks("F3")
    shop.packs("F3")
    shop.does(*(DespatchShipment(shop.order_id, shipment) for shipment in ("S1", "S2", "S3")))
    assert shop.goods == {"shipped": 10}
    assert shop.books == {"A": (0, 6), "B": (0, 4)}


def test_a_unit_that_comes_in_at_the_other_location_is_sent_from_there() -> None:
    shop = Shop(at_b=4)
    shop.one_is_missing()
    shop.inventory.receive("TEA", 1, "B")

    shop.does(StockArrived(shop.order_id, "TEA", "B"))

    assert shop.work["F3"] == ("B", Decimal(1))


def test_as_available_nine_leave_and_the_last_waits_for_goods_to_come_in() -> None:
    shop = Shop(at_b=4)
    shop.one_is_missing()
    shop.packs("F1", "F2")
    shop.does(DespatchShipment(shop.order_id, "S1"), DespatchShipment(shop.order_id, "S2"))
    assert shop.goods == {"backordered": 1, "shipped": 9}

    shop.inventory.receive("TEA", 1, "A")
    (receipt,) = shop.flow.stock_arrived("TEA")

    assert receipt.order.id == shop.order_id
    shop.picks("F3")
    shop.packs("F3")
    shop.does(DespatchShipment(shop.order_id))
    assert shop.order.state == "shipped"
    assert shop.goods == {"shipped": 10}


def test_the_last_unit_may_be_cancelled_and_the_others_leave_complete() -> None:
    shop = Shop(at_b=4)
    shop.one_is_missing(complete="order")
    shop.packs("F1", "F2")

    shop.does(ResolveException(shop.order_id, "X1", "cancel_rest"))
    shop.does(DespatchShipment(shop.order_id, "S1"), DespatchShipment(shop.order_id, "S2"))

    assert shop.goods == {"shipped": 9, "cancelled": 1}
    assert (shop.order.state, shop.order.total.amount) == ("shipped", Decimal("89.10"))
    assert shop.books == {"A": (0, 5), "B": (0, 4)}


def test_an_order_that_is_cancelled_is_held_nowhere() -> None:
    shop = Shop()
    shop.one_is_missing()

    order = shop.does(CancelOrder(shop.order_id))

    assert order.state == "cancelled"
    assert shop.books == {"A": (0, 0), "B": (0, 0)}


def test_a_location_that_goes_dark_is_served_by_the_other_as_far_as_it_can() -> None:
    shop = Shop()
    shop.orders()

    shop.does(Reroute(shop.order_id, location="A"))

    assert shop.work["F3"] == ("B", Decimal(1))
    assert shop.goods == {"allocated": 5, "backordered": 5}
    assert shop.order.open_cases[0].message == "5 of 10 × TEA can be had"


def test_two_orders_never_get_the_same_unit() -> None:
    shop = Shop()
    shop.orders()
    second = shop.orders(2)

    assert shop.books == {"A": (6, 0), "B": (5, 0)}
    assert second.status.by_kind == {"open": 1, "backordered": 1}
