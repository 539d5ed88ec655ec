"""Scenario 1: a thousand metres of cable, give or take five per cent."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orderflow import (
    BookShipment,
    CommandRefused,
    DespatchedParcel,
    DespatchShipment,
    OrderFlow,
    OrderLine,
    PackParcel,
    PlaceOrder,
    RecordDespatch,
    RecordPick,
    ResolveException,
    StartPicking,
)
from orderflow.adapters.memory import ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.order import Order
from orderflow.values import Address, Money
from tests.scenario import NOW

HOME = Address("DE", "Torstrasse 1", city="Berlin", postal_code="10119")
D = Decimal


class Works:
    """A maker of cable at 0.37 a metre, with so many metres on the drum."""

    def __init__(self, metres: int) -> None:
        clock = ManualClock(NOW)
        self.inventory = MemoryInventory({"CABLE": metres}, location="KOELN", clock=clock)
        prices = PriceList({"CABLE": "0.37"})
        self.flow = OrderFlow(
            inventory=self.inventory, pricing=prices, carriers=MemoryCarrier(clock=clock), clock=clock
        )
        line = OrderLine("CABLE", 1000, "m", under=5, over=5)
        self.id = self.flow.handle(PlaceOrder([line], "EUR", ship_to=HOME)).order.id
        self.flow.handle(StartPicking(self.id, "F1"))

    @property
    def order(self) -> Order:
        order = self.flow.get(self.id)
        assert order is not None
        return order

    def picks_and_sends(self, metres: int, short: str = "") -> Order:
        """The warehouse cuts so many metres, and sends them."""
        self.flow.handle(RecordPick(self.id, "F1", [("L1", metres)], short={"L1": short} if short else ()))
        for command in (PackParcel(self.id, "F1"), BookShipment(self.id), DespatchShipment(self.id)):
            self.flow.handle(command)
        return self.order

    def hears_of(self, metres: int) -> Order:
        """A third party says that it has sent so many metres."""
        self.flow.handle(RecordDespatch(self.id, "3PL", "LS-1", [DespatchedParcel([("L1", metres)], "T-1")], "UPS"))
        return self.order


def where(order: Order) -> dict[str, Decimal]:
    return dict(order.ledger.accounts("L1"))


def eur(amount: str) -> Money:
    return Money(amount, "EUR")


def test_980_despatched_are_the_order_and_nothing_is_backordered() -> None:
    works = Works(1000)
    order = works.picks_and_sends(980, short="end of the drum")
    assert where(order) == {"shipped:P1": D(980), "closed_short": D(20)}
    assert order.state == "shipped"
    assert order.total == eur("362.60")
    assert not works.inventory.held("CABLE")


def test_980_that_a_third_party_despatched_are_the_order_too() -> None:
    works = Works(1000)
    order = works.hears_of(980)
    assert where(order) == {"shipped:P1": D(980), "closed_short": D(20)}
    assert order.state == "shipped"
    assert order.total == eur("362.60")
    assert (works.inventory.issued("CABLE"), works.inventory.held("CABLE")) == (D(980), D(0))
    assert order.open_cases == ()


@pytest.mark.parametrize("on_the_drum", [1000, 5000])
def test_1040_despatched_are_charged_as_1040(on_the_drum: int) -> None:
    order = Works(on_the_drum).picks_and_sends(1040)
    assert where(order) == {"shipped:P1": D(1040)}
    assert order.ledger.surplus("L1") == D(40)
    assert order.total == eur("384.80")
    assert order.state == "shipped"
    assert order.open_cases == ()
    assert order.anomalies == ()


def test_1040_that_a_third_party_despatched_are_charged_as_1040() -> None:
    order = Works(1000).hears_of(1040)
    assert order.total == eur("384.80")
    assert order.anomalies == ()


def test_1060_is_refused_as_a_command() -> None:
    works = Works(5000)
    before = works.order
    with pytest.raises(CommandRefused, match="1060 of L1, but 1000 are there, and 50 more would be within 5 %"):
        works.flow.handle(RecordPick(works.id, "F1", [("L1", 1060)]))
    assert works.order == before


def test_1060_is_kept_as_an_observation_with_60_surplus_and_an_anomaly() -> None:
    works = Works(5000)
    order = works.hears_of(1060)
    assert where(order) == {"shipped:P1": D(1060)}
    assert order.ledger.surplus("L1") == D(60)
    (anomaly,) = order.anomalies
    assert anomaly.code == "despatch.beyond_tolerance"
    assert "60 × CABLE" in anomaly.message
    assert order.unbilled == {"L1": D(10)}
    assert order.total == eur("388.50")
    (case,) = order.open_cases
    works.flow.handle(ResolveException(works.id, case.id, "charge"))
    assert works.order.total == eur("392.20")
    assert works.order.open_cases == ()
    assert works.inventory.issued("CABLE") == D(1060)


def test_the_same_observation_again_is_the_same() -> None:
    works = Works(5000)
    before = works.hears_of(1060)
    assert works.hears_of(1060) == before
