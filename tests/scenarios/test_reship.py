"""Scenario 6: reship, then found. Two were sent, one is lost, a replacement is shipped, and the lost one arrives."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from orderflow import (
    BookShipment,
    DespatchShipment,
    OrderFlow,
    PackParcel,
    PlaceOrder,
    RecordPick,
    ResolveException,
    StartPicking,
)
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.order import Order
from tests.scenario import ADA, BERLIN, NOW


class Trade:
    """A shop with its systems in memory, and one order of two that left in two parcels."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.stock = MemoryInventory({"TEA": 10}, location="BER", clock=self.clock)
        self.carrier = MemoryCarrier(clock=self.clock)
        self.flow = OrderFlow(
            inventory=self.stock,
            pricing=PriceList({"TEA": "9.90"}, currency="EUR"),
            carriers=self.carrier,
            notifications=Mailbox(),
            clock=self.clock,
        )
        self.id = self.flow.handle(PlaceOrder([("TEA", 2)], "EUR", BERLIN, ADA)).order.id
        self.flow.handle(StartPicking(self.id, "F1"))
        self.flow.handle(RecordPick(self.id, "F1"))
        self.flow.handle(PackParcel(self.id, "F1", [("L1", 1)]))
        self.flow.handle(PackParcel(self.id, "F1", [("L1", 1)]))
        for parcel in ("P1", "P2"):
            self.flow.handle(BookShipment(self.id, [parcel]))
        self.flow.handle(DespatchShipment(self.id, "S1"))
        self.flow.handle(DespatchShipment(self.id, "S2"))

    @property
    def order(self) -> Order:
        return self.flow.get(self.id)

    def reports(self, parcel: str, status: str, reason: str = "", hours: float = 1) -> None:
        """The carrier scans a parcel some hours later, and we are told."""
        self.clock.advance(timedelta(hours=hours))
        self.flow.observe(self.carrier.scan(self.order.parcels[parcel].tracking_number, status, reason=reason))

    def choose(self, option: str) -> None:
        (case,) = self.order.open_cases
        self.flow.handle(ResolveException(self.id, case.id, option))

    def send_replacement(self) -> None:
        self.flow.handle(StartPicking(self.id, "F2"))
        self.flow.handle(RecordPick(self.id, "F2"))
        self.flow.handle(PackParcel(self.id, "F2"))
        self.flow.handle(BookShipment(self.id))
        self.flow.handle(DespatchShipment(self.id))

    def delivered(self) -> dict[str, Decimal]:
        """How many units of each line the customer has."""
        return {line_id: self.order.ledger.of_kind(line_id, "delivered") for line_id in self.order.lines}


def test_two_sent_one_lost_replaced_and_the_lost_one_arrives() -> None:
    trade = Trade()
    trade.reports("P1", "delivered")
    trade.reports("P2", "on_hold", "lost")
    assert [case.code for case in trade.order.open_cases] == ["delivery.lost"]

    trade.choose("reship")
    trade.send_replacement()
    assert trade.order.state == "shipped"
    trade.reports("P3", "delivered")
    assert trade.order.state == "completed"

    trade.reports("P2", "delivered")
    order = trade.order
    assert trade.delivered() == {"L1": 2, "L2": 1}
    assert (order.lines["L2"].origin.kind, order.lines["L2"].origin.line_id) == ("replacement_of", "L1")
    (extra,) = order.open_cases
    assert (extra.code, extra.options) == ("delivery.extra", ("customer_keeps", "collect"))
    assert (str(order.total), str(order.charged.total), order.credited.total.amount) == ("19.80 EUR", "19.80 EUR", 0)
    assert {line_id: sum(t.quantity for t in held) for line_id, held in order.tranches.items()} == {"L1": 2}
    assert trade.stock.on_hand("TEA") == 7

    trade.choose("customer_keeps")
    assert (trade.order.state, trade.order.open_cases) == ("completed", ())
    assert str(trade.order.total) == "19.80 EUR"


@pytest.mark.parametrize("arrival", list(permutations(("P1", "P2", "P3"))), ids="-".join)
def test_in_whatever_order_the_three_arrive_the_customer_has_three_and_pays_for_two(arrival: tuple[str, ...]) -> None:
    trade = Trade()
    trade.reports("P2", "on_hold", "lost")
    trade.choose("reship")
    trade.send_replacement()
    for parcel in arrival:
        trade.reports(parcel, "delivered")
    assert trade.delivered() == {"L1": 2, "L2": 1}
    assert [case.code for case in trade.order.open_cases] == ["delivery.extra"]
    assert str(trade.order.total) == "19.80 EUR"
    trade.choose("collect")
    assert trade.order.state == "completed"
