"""What an auditor tried: demands that were built apart, met in one order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from orderflow import (
    STANDARD,
    Address,
    BookShipment,
    CancelLines,
    CommandRefused,
    DespatchShipment,
    Order,
    OrderFlow,
    OrderLine,
    PackParcel,
    PlaceOrder,
    RecordDespatch,
    RecordPick,
    StartPicking,
)
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.commands import RecordCollection
from orderflow.messages import Command
from orderflow.stages.advices import DespatchedParcel
from orderflow.values import Contact, Party

ADA = Party("Ada Krull", contact=Contact("ada@example.org"))
HOME = Address("DE", "Torstrasse 1", city="Berlin", postal_code="10119", name="Ada Krull")
STOCK: Mapping[Any, int] = {("TEA", "A"): 6, ("TEA", "B"): 5, ("POT", "A"): 5, ("CUP", "B"): 50}


class Shop:
    """Two locations, one flow; settings that are not of the policy are named apart."""

    def __init__(
        self,
        stock: Mapping[Any, int] = STOCK,
        prices: Mapping[str, Any] | None = None,
        price_list: Mapping[str, Any] | None = None,
        **policy: Any,
    ) -> None:
        self.clock = ManualClock(datetime(2026, 11, 23, 9, tzinfo=UTC))
        self.inventory = MemoryInventory(stock, clock=self.clock)
        self.mail = Mailbox()
        self.flow = OrderFlow(
            inventory=self.inventory,
            pricing=PriceList(prices or {"TEA": "9.90", "POT": "24", "CUP": "3"}, **(price_list or {})),
            carriers=MemoryCarrier(clock=self.clock),
            notifications=self.mail,
            policy=attrs.evolve(STANDARD, **policy),
            clock=self.clock,
        )
        self.id = ""

    def orders(self, *lines: OrderLine, **said: Any) -> Order:
        place = PlaceOrder(lines=lines, currency="EUR", ship_to=HOME, customer=ADA, **said)
        self.id = self.flow.handle(place).order.id
        return self.order

    @property
    def order(self) -> Order:
        return self.flow.get(self.id)

    def does(self, *commands: Command) -> Order:
        for command in commands:
            self.clock.advance(timedelta(minutes=1))
            self.flow.handle(command)
        return self.order

    def picks(self, fulfillment: str, **pick: Any) -> Order:
        return self.does(StartPicking(self.id, fulfillment), RecordPick(self.id, fulfillment, **pick))

    def sends(self, fulfillment: str) -> Order:
        """All that a location has picked leaves in one parcel."""
        packed = self.does(PackParcel(self.id, fulfillment))
        booked = self.does(BookShipment(self.id, [list(packed.parcels)[-1]]))
        return self.does(DespatchShipment(self.id, list(booked.shipments)[-1]))

    def held(self, sku: str = "TEA") -> dict[str, int]:
        return {at: int(units) for at in ("A", "B") if (units := self.inventory.held(sku, at))}

    @property
    def wanted(self) -> dict[str, int]:
        """What is wanted held at each location, of the first line."""
        return {claim.location: int(claim.wanted) for claim in self.order.claims_on("L1")}

    @property
    def waits(self) -> str:
        return "; ".join(str(wait) for wait in self.flow.explain(self.id).waiting_for)

    def refused(self, command: Command) -> tuple[str, ...]:
        with pytest.raises(CommandRefused) as refused:
            self.flow.handle(command)
        return tuple(violation.code for violation in refused.value.violations)


def tea(quantity: int = 10, **said: Any) -> OrderLine:
    return OrderLine("TEA", quantity, **said)


# -- several locations -------------------------------------------------------------------------------------------------


def test_what_is_picked_beyond_the_order_is_claimed_where_it_was_picked() -> None:
    shop = Shop({("TEA", "A"): 20, ("TEA", "B"): 7}, prices={"TEA": "1"})
    other = shop.orders(tea(12))
    assert shop.held() == {"A": 12}
    order = shop.orders(tea(10, over="20"))
    assert shop.wanted == {"A": 8, "B": 2}
    shop.flow.handle(CancelLines(other.id))
    work = next(work.id for work in order.fulfillments.values() if work.location == "B")
    shop.picks("F1" if work == "F2" else "F2")
    shop.picks(work, goods=[("L1", 4)])
    assert shop.wanted == {"A": 8, "B": 4}
    assert shop.held() == {"A": 8, "B": 4}


def test_when_all_units_left_from_one_location_nothing_stays_held_at_the_other() -> None:
    shop = Shop()
    shop.orders(tea())
    assert shop.wanted == {"A": 6, "B": 4}
    parcel = DespatchedParcel([("L1", 10)], "T1")
    shop.does(RecordDespatch(shop.id, "3PL", "D1", [parcel], "UPS", location="B"))
    assert shop.wanted == {"A": 0, "B": 10}
    assert shop.held() == {}


def test_what_was_collected_at_the_second_location_is_not_given_up_for_what_is_cancelled_at_the_first() -> None:
    shop = Shop()
    shop.orders(tea(), method="pick_up")
    for fulfillment in ("F1", "F2"):
        shop.picks(fulfillment)
    order = shop.does(RecordCollection(shop.id, "F2"), CancelLines(shop.id))
    assert shop.wanted == {"A": 0, "B": 4}
    assert shop.held() == {}
    assert order.open_cases == ()
    assert order.state == "completed"
    assert order.total.amount == Decimal("39.60")
