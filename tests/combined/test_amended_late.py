"""Orders that are amended when most of it is done, or a second time."""

from __future__ import annotations

from typing import Any

import pytest

from orderflow import (
    Address,
    AmendOrder,
    BookShipment,
    CommandRefused,
    DespatchShipment,
    InvalidInput,
    LineChange,
    Money,
)
from orderflow.stages.amending import PriceOverride
from tests.combined.shop import HOME, Shop

BONN = Address("DE", "Weg 2", city="Bonn", postal_code="53111")


def eur(amount: Any) -> Money:
    return Money(str(amount), "EUR")


def refused(shop: Shop, command: AmendOrder) -> list[tuple[str, str]]:
    with pytest.raises(CommandRefused) as why:
        shop.flow.handle(command)
    return [(violation.code, violation.remedy) for violation in why.value.violations]


# -- what is sent once more -------------------------------------------------------------------------------------------


def sent_once_more() -> Shop:
    """All of it left, came back because nobody lives there, and is to be sent once more."""
    shop = Shop(charge_on="despatch")
    shop.place(("TEA", 2))
    shop.leave()
    shop.scan("P1", "return_to_sender")
    assert refused(shop, AmendOrder("A-1", ship_to=BONN)) == [("order.cannot_amend", "")]
    shop.choose("reship")
    assert (shop.order.state, shop.goods["L2"]) == ("shipped", {"allocated:F2": 2})
    return shop


@pytest.mark.parametrize("change", [{"ship_to": BONN}, {"lines": {"L2": LineChange(ship_to=BONN)}}])
def test_what_is_sent_once_more_goes_to_another_address(change: dict[str, Any]) -> None:
    shop = sent_once_more()
    shop.do(AmendOrder("A-1", **change))
    shop.pick_pack("F2")
    order = shop.do(BookShipment("A-1", ["P2"]), DespatchShipment("A-1", "S2"))
    assert (order.shipments["S1"].ship_to, order.shipments["S2"].ship_to) == (HOME, BONN)


def test_of_an_order_that_has_left_nothing_more_is_ordered_and_nothing_costs_otherwise() -> None:
    shop = sent_once_more()
    only = [("order.cannot_amend", "amend where, when or how goes what is still here")]
    assert refused(shop, AmendOrder("A-1", {"L1": 3})) == only
    assert refused(shop, AmendOrder("A-1", add=[("POT", 1)], ship_to=BONN)) == only
    assert refused(shop, AmendOrder("A-1", prices={"L1": eur(1)}, reason="late")) == only


# -- the same price again ---------------------------------------------------------------------------------------------


def test_a_price_that_is_agreed_already_changes_nothing() -> None:
    shop = Shop(charge_on="order")
    shop.place(("TEA", 2), ("POT", 1))
    cheaper = AmendOrder("A-1", prices={"L1": PriceOverride(eur("80.00"), per=10)}, reason="a friend")
    assert refused(shop, AmendOrder("A-1", prices={"L1": eur("9.90")}, reason="a friend")) == [NOTHING]
    shop.do(cheaper)
    assert refused(shop, cheaper) == [NOTHING]
    assert [one.id for one in shop.order.settlement.documents.values()] == ["I1", "CN1", "I2"]
    order = shop.do(AmendOrder("A-1", prices={**cheaper.prices, "L2": eur("20.00")}, reason="a friend"))
    assert [len(order.tranches[line_id]) for line_id in ("L1", "L2")] == [2, 2]
    order = shop.do(AmendOrder("A-1", {"L1": 3}, prices=cheaper.prices, reason="a friend"))
    assert str(order.total) == "44.00 EUR"


NOTHING = ("amendment.nothing_changes", "")


def test_what_is_taken_back_is_not_given_as_well() -> None:
    with pytest.raises(InvalidInput) as order:
        AmendOrder("A-1", service="express", clear=["carrier", "service"])
    assert [(one.code, one.path) for one in order.value.violations] == [("amendment.said_twice", "clear[1]")]
    with pytest.raises(InvalidInput) as line:
        LineChange(ship_to=BONN, clear=["ship_to"])
    assert [(one.code, one.path) for one in line.value.violations] == [("amendment.said_twice", "clear[0]")]
