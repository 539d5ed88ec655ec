"""Scenario: an order that an ERP has begun is adopted, and what the ERP says next arrives twice and too early."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from orderflow import (
    AdoptOrder,
    AsyncOrderFlow,
    BookShipment,
    CommandRefused,
    DespatchShipment,
    OrderFlow,
    OrderLine,
    PackParcel,
    RecordPick,
    Scan,
    StartPicking,
    facts,
)
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.charges import Amounts
from orderflow.order import Order
from orderflow.ports import Quote, QuotedLine
from orderflow.stores import SqliteStore
from orderflow.values import Money
from tests.scenario import ADA, BERLIN, NOW

SENT = facts.Despatched(
    "ERP",
    "DN-1",
    [facts.Package({"L1": 4}, "1Z1"), facts.Package({"L1": 2}, "1Z2")],
    occurred_at=NOW - timedelta(days=2),
    carrier="UPS",
    location="BER",
)
RESERVED = facts.Reserved("ERP", "RS-1", {"L1": 4}, location="BER")
BILLED = facts.Invoiced("ERP", "RE-1", {"L1": 6}, Money("59.40", "EUR"), occurred_at=NOW - timedelta(days=2))
SIX_MORE = facts.Despatched("ERP", "DN-2", [facts.Package({"L1": 6}, "1Z3")], occurred_at=NOW, carrier="UPS")
NOW_TWELVE = facts.Ordered("ERP", "SO-77", {"L1": 12}, revision=2)


class Overheard:
    """A system in memory of which every call is noted."""

    def __init__(self, port: Any, calls: list[str]) -> None:
        self._port, self._calls = port, calls

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if not callable(method):
            return method

        def noted(request: Any) -> Any:
            self._calls.append(request.id)
            return method(request)

        return noted


class Firm:
    """A firm with its systems in memory, none of which is to hear of what the ERP has done."""

    def __init__(self, flow: type[Any] = OrderFlow, **more: Any) -> None:
        self.clock = ManualClock(NOW)
        self.calls: list[str] = []
        self.stock = MemoryInventory({"TEA": 50}, location="BER", clock=self.clock)
        self.carrier = MemoryCarrier(clock=self.clock)
        self.mail = Mailbox()
        self.flow = flow(
            inventory=Overheard(self.stock, self.calls),
            pricing=Overheard(PriceList({"TEA": "9.90"}, currency="EUR"), self.calls),
            carriers=Overheard(self.carrier, self.calls),
            notifications=Overheard(self.mail, self.calls),
            clock=self.clock,
            **more,
        )


NOTHING = Money("0", "EUR")
#: Ten at 9.90 and tax, as they were agreed with the ERP.
AGREED = Quote(
    (
        QuotedLine(
            "L1",
            Decimal(10),
            Money("9.90", "EUR"),
            Amounts(Money("99.00", "EUR"), NOTHING, NOTHING, Money("18.81", "EUR")),
        ),
    )
)


def adoption(*told: facts.Fact, **more: Any) -> AdoptOrder:
    lines = [OrderLine("TEA", 10)]
    return AdoptOrder("SO-77", lines, "EUR", NOW - timedelta(days=5), told, ship_to=BERLIN, customer=ADA, **more)


def goods(order: Order) -> dict[str, Decimal]:
    return dict(order.ledger.accounts("L1"))


def test_an_order_in_mid_life_is_adopted_without_a_call_or_a_message() -> None:
    firm = Firm()
    order = firm.flow.adopt(adoption(SENT, RESERVED, BILLED)).order
    assert goods(order) == {"shipped:P@1Z1": 4, "shipped:P@1Z2": 2, "allocated:F@BER": 4}
    assert (order.id, order.state, order.status.word) == ("SO-77", "in_fulfillment", "partly shipped")
    assert order.observed is not None
    assert order.observed.invoiced == {"L1": 6}
    assert order.observed.amount(facts.Invoiced, "EUR") == Money("59.40", "EUR")
    firm.clock.advance(timedelta(days=3))
    firm.flow.run_due()
    assert (firm.calls, len(firm.mail), order.anomalies) == ([], 0, ())


def test_a_day_that_was_missed_before_the_order_came_here_is_no_news() -> None:
    """It was promised for a day that is over: that is known from the beginning, and nobody is told of it now."""
    firm = Firm()
    wished = (NOW - timedelta(days=2)).date()
    ours = adoption(SENT, theirs=["price", "stock", "fulfillment", "booking"], agreed=AGREED, deliver_by=wished)
    order = firm.flow.adopt(ours).order
    assert order.promises["L1"].deliver == "missed"
    for _ in range(3):
        firm.clock.advance(timedelta(days=10))
        firm.flow.run_due()
    assert (firm.calls, len(firm.mail)) == ([], 0)


def test_a_despatch_that_comes_twice_and_before_its_revision_leaves_no_anomaly() -> None:
    firm = Firm()
    adopted = firm.flow.adopt(adoption(SENT, RESERVED, BILLED)).order
    assert goods(adopted) == {"shipped:P@1Z1": 4, "shipped:P@1Z2": 2, "allocated:F@BER": 4}
    assert (firm.calls, len(firm.mail), adopted.anomalies) == ([], 0, ())
    early = firm.flow.record_facts("SO-77", SIX_MORE).order
    assert [anomaly.code for anomaly in early.anomalies] == ["fact.beyond_order"]
    assert early.status.by_kind == {"allocated": 4, "shipped": 6}
    again = firm.flow.record_facts("SO-77", SIX_MORE)
    assert (again.events, again.order.status) == ((), early.status)
    order = firm.flow.record_facts("SO-77", NOW_TWELVE).order
    assert goods(order) == {"shipped:P@1Z1": 4, "shipped:P@1Z2": 2, "shipped:P@1Z3": 6}
    assert (order.state, order.status.by_kind, order.anomalies) == ("shipped", {"shipped": 12}, ())
    assert (firm.calls, len(firm.mail)) == ([], 0)


def test_it_is_the_same_order_in_whatever_order_it_is_told() -> None:
    ends = set()
    for told in permutations((SENT, RESERVED, SIX_MORE, NOW_TWELVE)):
        flow = OrderFlow(clock=ManualClock(NOW))
        flow.adopt(adoption())
        for fact in (*told, *told):
            order = flow.record_facts("SO-77", fact).order
        ends.add((repr(sorted(goods(order).items())), order.state, order.anomalies))
    assert ends == {
        (
            "[('shipped:P@1Z1', Decimal('4')), ('shipped:P@1Z2', Decimal('2')), ('shipped:P@1Z3', Decimal('6'))]",
            "shipped",
            (),
        )
    }


def test_what_came_back_before_anyone_said_that_it_had_left_completes_the_order_with_the_last_word() -> None:
    """Two of ten were wanted in the end; both left, and both came back: told in any order, the order is over."""
    two = facts.Ordered("ERP", "SO-77", {"L1": 2}, revision=2)
    nothing_yet = facts.Despatched("ERP", "DN-1", [])
    left = facts.Despatched("ERP", "DN-1", [facts.Package({"L1": 2}, "1Z1")], 2)
    back = facts.Returned("ERP", "RT-1", {"L1": 2})
    for told in permutations((two, nothing_yet, left, back)):
        flow = OrderFlow(clock=ManualClock(NOW))
        flow.adopt(adoption())
        for fact in told:
            order = flow.record_facts("SO-77", fact).order
        assert (order.state, order.status.by_kind, order.anomalies) == ("completed", {"restocked": 2}, ()), told


def test_reports_of_carriers_and_proofs_of_delivery_complete_an_adopted_order() -> None:
    firm = Firm()
    firm.flow.observe(Scan("1Z1", "delivered", NOW))
    firm.flow.adopt(adoption(SENT, RESERVED, SIX_MORE, NOW_TWELVE))
    order = firm.flow.record_facts("SO-77", facts.Delivered("ERP", "POD-1", ["1Z2", "DN-2"], occurred_at=NOW)).order
    assert order.status.by_kind == {"delivered": 12}
    assert (order.state, firm.calls) == ("completed", [])


def test_a_despatch_that_is_taken_back_did_not_happen() -> None:
    firm = Firm()
    firm.flow.adopt(adoption(SENT, SIX_MORE, NOW_TWELVE))
    assert firm.flow.get("SO-77").state == "shipped"
    order = firm.flow.record_facts("SO-77", facts.Despatched("ERP", "DN-2", revision=2)).order
    assert order.status.by_kind == {"open": 6, "shipped": 6}
    assert (order.state, "shipped" in order.milestones) == ("in_fulfillment", False)


def test_what_is_open_is_finished_here_where_it_is_ours() -> None:
    """The ERP has sent six of ten; of the rest stock is claimed, picked, booked and sent here, for four only."""
    firm = Firm()
    order = firm.flow.adopt(adoption(SENT, BILLED, theirs=["price", "messages"], agreed=AGREED)).order
    assert firm.calls == ["claim/C1/1"]
    assert (order.claims["C1"].wanted, firm.stock.held("TEA")) == (4, 4)
    assert goods(order)["allocated:F2"] == 4
    for command in (
        StartPicking("SO-77", "F2"),
        RecordPick("SO-77", "F2"),
        PackParcel("SO-77", "F2"),
        BookShipment("SO-77"),
        DespatchShipment("SO-77"),
    ):
        order = firm.flow.handle(command).order
    assert (order.state, order.status.by_kind, order.anomalies) == ("shipped", {"shipped": 10}, ())
    assert (firm.stock.issued("TEA"), len(firm.mail), str(order.total)) == (4, 0, "117.81 EUR")


def test_a_fact_that_contradicts_our_own_work_waits_for_it() -> None:
    firm = Firm()
    firm.flow.adopt(adoption(SENT, theirs=["price", "messages"], agreed=AGREED))
    order = firm.flow.record_facts("SO-77", SIX_MORE, NOW_TWELVE).order
    assert goods(order)["allocated:F2"] == 4
    assert [anomaly.code for anomaly in order.anomalies] == ["fact.beyond_order"]


def test_an_order_is_adopted_once() -> None:
    firm = Firm()
    firm.flow.adopt(adoption(SENT), command_id="import-1")
    assert firm.flow.adopt(adoption(SENT), command_id="import-1").replayed
    with pytest.raises(CommandRefused) as refused:
        firm.flow.adopt(adoption(SENT))
    assert [violation.code for violation in refused.value.violations] == ["adoption.known_already"]


def test_an_adopted_order_is_kept_and_read_again(tmp_path: Any) -> None:
    path = tmp_path / "orders.db"
    with OrderFlow(store=SqliteStore(path), clock=ManualClock(NOW)) as flow:
        flow.adopt(adoption(SENT, RESERVED, BILLED))
        kept = flow.record_facts("SO-77", SIX_MORE).order
    with OrderFlow(store=SqliteStore(path), clock=ManualClock(NOW)) as flow:
        assert flow.get("SO-77") == kept
        assert flow.find(tracking_number="1Z2").orders[0].order_id == "SO-77"
        assert flow.record_facts("SO-77", NOW_TWELVE).order.status.by_kind == {"shipped": 12}


def test_asyncio_adopts_the_same_order() -> None:
    async def adopted() -> Order:
        flow = AsyncOrderFlow(clock=ManualClock(NOW))
        await flow.adopt(adoption(SENT, RESERVED))
        order: Order = (await flow.record_facts("SO-77", [SIX_MORE, NOW_TWELVE])).order
        return order

    flow = OrderFlow(clock=ManualClock(NOW))
    flow.adopt(adoption(SENT, RESERVED))
    assert asyncio.run(adopted()) == flow.record_facts("SO-77", [SIX_MORE, NOW_TWELVE]).order
