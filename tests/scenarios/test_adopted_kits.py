"""Scenario: an order of kits that an ERP has begun is adopted, with the price that was agreed for a kit."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orderflow import (
    AdoptOrder,
    AuthorizeReturn,
    CommandRefused,
    DisposeReturn,
    OrderFlow,
    OrderLine,
    ReceiveReturn,
    RecordFacts,
    RequestReturn,
    facts,
)
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.charges import Amounts
from orderflow.order import Order
from orderflow.ports import Quote, QuotedLine
from orderflow.values import Money
from orderflow.values.checked import evolved
from tests.scenario import BERLIN, NOW

SET = OrderLine("SET", 5, components=[("CUP", 2), ("POT", 1)])
CUPS, POTS = "L1.1", "L1.2"
NOTHING = Money("0", "EUR")


def agreed(kits: int) -> Quote:
    """A kit at 30.00 and tax."""
    net, tax = Money(30 * kits, "EUR"), Money("5.70", "EUR") * kits
    return Quote((QuotedLine("L1", Decimal(kits), Money("30.00", "EUR"), Amounts(net, NOTHING, NOTHING, tax)),))


def sent(contents: dict[str, int]) -> facts.Despatched:
    return facts.Despatched("ERP", "DN-1", [facts.Package(contents, "1Z1")], occurred_at=NOW, location="BER")


def adopted(flow: OrderFlow, *told: facts.Fact, row: OrderLine = SET, **more: Any) -> Order:
    command = AdoptOrder("SO-77", [row], "EUR", NOW - timedelta(days=5), told, ship_to=BERLIN, **more)
    return flow.handle(command).order


@pytest.fixture
def flow() -> OrderFlow:
    clock = ManualClock(NOW)
    return OrderFlow(
        inventory=MemoryInventory({"CUP": 50, "POT": 50}, location="BER", clock=clock),
        pricing=PriceList({"SET": "30.00"}),
        carriers=MemoryCarrier(clock=clock),
        notifications=Mailbox(),
        clock=clock,
    )


def test_kits_of_which_some_have_left_with_others_are_adopted(flow: OrderFlow) -> None:
    order = adopted(flow, sent({CUPS: 6, POTS: 4}), agreed=agreed(5))
    status = order.kit_status("L1")

    assert (status.ordered, status.shipped) == (5, 3)
    assert [str(order.tranches[line_id][0].amounts.net) for line_id in order.lines] == ["100.00 EUR", "50.00 EUR"]
    assert str(order.total) == "178.50 EUR"
    assert order.kits["L1"].prices[0].unit_price == Money("30.00", "EUR")


def test_facts_are_about_components_and_a_kit_is_flagged(flow: OrderFlow) -> None:
    order = adopted(flow, sent({"L1": 3}), agreed=agreed(5))
    assert [one.code for one in order.anomalies] == ["fact.unknown_line"]
    assert order.kit_status("L1").shipped == 0

    revised = evolved(sent(dict(order.in_components({"L1": 3}))), revision=2)
    order = flow.handle(RecordFacts(order.id, [revised])).order
    assert order.kit_status("L1").shipped == 3


def test_what_others_have_sent_comes_back_as_kits(flow: OrderFlow) -> None:
    order = adopted(
        flow, sent({CUPS: 10, POTS: 5}), facts.Delivered("ERP", "POD-1", ["1Z1"], occurred_at=NOW), agreed=agreed(5)
    )
    for command in (
        RequestReturn(order.id, [("L1", 2)]),
        AuthorizeReturn(order.id, "R1", label=False),
        ReceiveReturn(order.id, "R1"),
        DisposeReturn(order.id, "R1"),
    ):
        order = flow.handle(command).order

    assert (str(order.total), order.kit_status("L1").delivered) == ("107.10 EUR", 3)


def test_a_price_is_agreed_for_all_the_kits(flow: OrderFlow) -> None:
    with pytest.raises(CommandRefused, match=r"agreed.lines\[0\].quantity: 5 units are ordered, 4 are priced"):
        adopted(flow, agreed=agreed(4))


def test_what_could_not_be_ordered_as_a_kit_is_not_adopted_as_one(flow: OrderFlow) -> None:
    with pytest.raises(CommandRefused, match=r"acceptance\.broken_kit"):
        adopted(flow, row=OrderLine("SET", "1.5", components=SET.components))
