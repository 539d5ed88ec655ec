"""Ten are with a third party when all ten are cancelled: it declines six as packed, and accepts four.

Six are shipped and four cancelled, and the customer hears of the cancellation once, in whatever order the answer, the
despatch advice and the carrier's reports arrive, and however often.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import attrs
import pytest

from orderflow import STANDARD, CancelLines, CancelOrder, OrderFlow, PlaceOrder, RecordDespatch, RecordReply, Scan
from orderflow.adapters.memory import Deferring, Mailbox, ManualClock, MemoryFulfiller, MemoryInventory, PriceList
from orderflow.messages import Command
from orderflow.order import Order
from orderflow.stages.advices import DespatchedParcel
from orderflow.values import Address
from tests.scenario import ADA, NOW

HOME = Address("DE", "Torstrasse 1", city="Berlin", postal_code="10119")
SIX, FOUR = Decimal(6), Decimal(4)

#: Three ways to say that all ten are not wanted any more.
ALL_TEN: dict[str, Callable[[str], Command]] = {
    "the order": CancelOrder,
    "the rest": CancelLines,
    "ten units": lambda order_id: CancelLines(order_id, {"L1": 10}),
}


class Race:
    """The third party has packed six of ten, and has been asked to give up all; nothing of that was told yet."""

    def __init__(self, cancel: Callable[[str], Command] = CancelOrder, *, accepted: bool = True) -> None:
        self.clock = ManualClock(NOW)
        self.acme = MemoryFulfiller("ACME")
        self.slow = Deferring(self.acme, ("put",), clock=self.clock, ask_after=timedelta(days=2))
        self.inventory = MemoryInventory({("TEA", "HAM"): 50}, clock=self.clock)
        self.mail = Mailbox()
        self.flow = OrderFlow(
            inventory=self.inventory,
            pricing=PriceList({"TEA": "9.90"}),
            fulfillers=self.slow,
            notifications=self.mail,
            policy=attrs.evolve(STANDARD, fulfillers={"HAM": "ACME"}),
            clock=self.clock,
        )
        placed = PlaceOrder(lines=[("TEA", 10)], ship_to=HOME, currency="EUR", customer=ADA)
        self.order_id = self.flow.handle(placed).order.id
        if accepted:
            self.flow.handle(RecordReply(self.order_id, "T1", self.slow.release("T1")))
        (key,) = self.acme.queue
        self.acme.pack(key, {"L1": 6})
        self.flow.handle(cancel(self.order_id))
        assert self.flow.get(self.order_id).status.by_kind == {"allocated": Decimal(10)}, "nobody has answered yet"
        assert dict(self.acme.send(key)) == {"L1": SIX}

    def hear(self, fact: str) -> None:
        """One of the facts arrives."""
        getattr(self, fact)()

    def first_answer(self) -> None:
        self.flow.handle(RecordReply(self.order_id, "T1", self.slow.answers["T1"]))

    def answer(self) -> None:
        self.flow.handle(RecordReply(self.order_id, "T2", self.slow.release("T2")))

    def despatch(self) -> None:
        parcel = DespatchedParcel([("L1", 6)], "TRK1")
        self.flow.handle(RecordDespatch(self.order_id, "ACME", "ASN-1", [parcel], "DHL", location="HAM"))

    def in_transit(self) -> None:
        self.flow.observe(Scan("TRK1", "in_transit", NOW + timedelta(hours=3), id="r1"))

    def delivered(self) -> None:
        self.flow.observe(Scan("TRK1", "delivered", NOW + timedelta(hours=30), id="r2"))

    @property
    def order(self) -> Order:
        return self.flow.get(self.order_id)

    def end(self) -> dict[str, Any]:
        """Everything about the order but the order in which it was told.

        That a parcel has arrived is news while others are awaited: it depends on what was known at that moment.
        """
        fields = {field.name: getattr(self.order, field.name) for field in attrs.fields(Order)}
        del fields["version"]
        messages = fields["messages"].values()
        fields["messages"] = {(m.kind, m.subject, m.state, m.body) for m in messages if m.kind != "parcel_delivered"}
        return fields


def ended(facts: Iterable[str], cancel: Callable[[str], Command] = CancelOrder, *, accepted: bool = True) -> Race:
    race = Race(cancel, accepted=accepted)
    for fact in facts:
        race.hear(fact)
    return race


def assert_six_are_shipped_and_four_cancelled(race: Race) -> None:
    order = race.order
    assert dict(order.ledger.accounts("L1")) == {"delivered:P1": SIX, "cancelled": FOUR}
    assert order.state == "completed"
    kinds = [message.kind for message in race.mail.sent]
    assert kinds.count("lines_cancelled") == 1
    assert sorted(kinds) == sorted(
        ["order_placed", "order_verified", "lines_cancelled", "shipment_despatched", "order_delivered"]
    )
    (told,) = [message.body for message in race.mail.sent if message.kind == "lines_cancelled"]
    assert (told["lines"], told["declined"]) == ("4 × TEA", "6 × TEA")
    assert str(order.total) == "59.40 EUR"
    assert order.claims["C1"].wanted == SIX
    assert (race.inventory.held("TEA"), race.inventory.on_hand("TEA")) == (0, 44)
    assert not order.open_cases
    assert not order.anomalies
    assert order.to_be_cancelled == ()


@pytest.mark.parametrize("how", ALL_TEN)
def test_one_after_the_other(how: str) -> None:
    race = Race(ALL_TEN[how])
    race.answer()
    assert dict(race.order.ledger.accounts("L1")) == {"allocated:F1": SIX, "cancelled": FOUR}
    race.despatch()
    assert race.order.state == "shipped"
    race.delivered()
    assert_six_are_shipped_and_four_cancelled(race)


def test_under_every_order_of_arrival_and_repetition_it_ends_the_same() -> None:
    facts = ("answer", "answer", "despatch", "despatch", "delivered", "delivered")
    arrivals = sorted(set(permutations(facts)))
    assert len(arrivals) == 90
    first = ended(arrivals[0])
    assert_six_are_shipped_and_four_cancelled(first)
    for arriving in arrivals:
        race = ended(arriving)
        assert race.end() == first.end(), arriving
        assert [m.kind for m in race.mail.sent].count("lines_cancelled") == 1, arriving


@pytest.mark.parametrize("how", ALL_TEN)
def test_an_answer_to_the_submission_that_is_under_way_as_well_changes_nothing(how: str) -> None:
    """The work was cancelled before anyone knew that it was accepted."""
    facts = ("first_answer", "answer", "despatch", "in_transit", "delivered")
    first = ended(facts, ALL_TEN[how], accepted=False)
    assert_six_are_shipped_and_four_cancelled(first)
    for arriving in permutations(facts):
        race = ended(arriving, ALL_TEN[how], accepted=False)
        assert race.end() == first.end(), arriving


def test_what_was_not_told_by_anyone_is_asked_again() -> None:
    race = Race()
    race.slow.release("T2")
    race.clock.advance(timedelta(days=2))
    race.flow.run_due()
    assert dict(race.order.ledger.accounts("L1")) == {"allocated:F1": SIX, "cancelled": FOUR}
