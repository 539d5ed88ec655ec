"""Conservation: no unit is lost or invented, whatever happens, seen by an auditor who keeps books of his own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings

from orderflow.events import GoodsPicked, OrderShipped
from orderflow.ledger import OPEN, Move
from orderflow.messages import Event
from orderflow.order import Order
from orderflow.process import evolve
from tests.laws.lives import Life, fails_somewhere, lives

Moved: TypeAlias = Iterable[tuple[str, str, str, Any]]


class Auditor:
    """Counts units by line and account from what each event says in words, with fractions; knows no ledger."""

    def __init__(self) -> None:
        self.books: defaultdict[tuple[str, str], Fraction] = defaultdict(Fraction)
        self.fulfillment_of: dict[str, str] = {}
        self.parcels_of: dict[str, tuple[str, ...]] = {}

    def hears(self, event: Event) -> None:
        """Write down what an event moves."""
        tell: Callable[[Any], Moved] | None = getattr(self, f"_{event.TAG}", None)
        if tell is None:
            moves: Moved = [(m.line_id, m.source, m.target, m.quantity) for m in getattr(event, "moves", ())]
        else:
            moves = list(tell(event))
        for line_id, source, target, quantity in moves:
            units = Fraction(quantity)
            assert units > 0, event
            self.books[line_id, source] -= units
            self.books[line_id, target] += units

    def agrees(self, order: Order) -> None:
        """The order's ledger says the same, every line balances, and nothing is below nothing."""
        mine = {place: units for place, units in self.books.items() if units}
        theirs = {
            (line_id, str(account)): Fraction(units)
            for line_id, accounts in order.ledger.balances.items()
            for account, units in accounts.items()
        }
        assert mine == theirs
        for line_id in order.lines:
            held = sum(units for (line, account), units in mine.items() if line == line_id and units > 0)
            assert held == Fraction(order.ledger.ordered(line_id)) + Fraction(order.ledger.surplus(line_id))
        assert all(units >= 0 for (_, account), units in mine.items() if account not in ("ordered", "surplus"))

    def _order_placed(self, event: Any) -> Moved:
        return ((placed.line.id, "ordered", "open", placed.quantity) for placed in event.lines)

    def _line_backordered(self, event: Any) -> Moved:
        return ((event.line_id, "open", "backordered", event.quantity),)

    def _backorder_filled(self, event: Any) -> Moved:
        return ((event.line_id, "backordered", "open", event.quantity),)

    def _line_substituted(self, event: Any) -> Moved:
        yield from ((m.line_id, m.source, m.target, m.quantity) for m in event.moves)
        yield event.substitute.id, "ordered", "open", event.quantity

    def _fulfillment_planned(self, event: Any) -> Moved:
        work = f"allocated:{event.fulfillment_id}"
        return ((line_id, "open", work, units) for line_id, units in event.quantities.items())

    def _work_declined(self, event: Any) -> Moved:
        work = f"allocated:{event.fulfillment_id}"
        return ((line_id, work, "open", units) for line_id, units in event.quantities.items())

    def _goods_picked(self, event: Any) -> Moved:
        source, target = f"allocated:{event.fulfillment_id}", f"picked:{event.fulfillment_id}"
        return ((goods.line_id, source, target, goods.quantity) for goods in event.goods)

    def _picked_short(self, event: Any) -> Moved:
        return ((event.line_id, f"allocated:{event.fulfillment_id}", "open", event.quantity),)

    def _parcel_packed(self, event: Any) -> Moved:
        self.fulfillment_of[event.parcel_id] = event.fulfillment_id
        source, target = f"picked:{event.fulfillment_id}", f"packed:{event.parcel_id}"
        return ((goods.line_id, source, target, goods.quantity) for goods in event.contents)

    def _parcel_unpacked(self, event: Any) -> Moved:
        return self._all(f"packed:{event.parcel_id}", f"picked:{self.fulfillment_of[event.parcel_id]}")

    def _shipment_planned(self, event: Any) -> Moved:
        self.parcels_of[event.shipment_id] = event.parcel_ids
        return ()

    def _goods_despatched(self, event: Any) -> Moved:
        for parcel_id in self.parcels_of[event.shipment_id]:
            yield from self._all(f"packed:{parcel_id}", f"shipped:{parcel_id}")

    def _goods_delivered(self, event: Any) -> Moved:
        yield from self._all(f"shipped:{event.parcel_id}", f"delivered:{event.parcel_id}")
        yield from self._all(f"lost:{event.parcel_id}", f"delivered:{event.parcel_id}")

    def _delivery_revoked(self, event: Any) -> Moved:
        return self._all(f"delivered:{event.parcel_id}", f"shipped:{event.parcel_id}")

    def _goods_lost(self, event: Any) -> Moved:
        return self._all(f"shipped:{event.parcel_id}", f"lost:{event.parcel_id}")

    def _goods_found(self, event: Any) -> Moved:
        return self._all(f"lost:{event.parcel_id}", f"shipped:{event.parcel_id}")

    def _replacement_ordered(self, event: Any) -> Moved:
        return ((line.line_id, "ordered", "open", line.quantity) for line in event.lines)

    def _all(self, source: str, target: str) -> Moved:
        held = [(line, units) for (line, account), units in self.books.items() if account == source and units]
        return ((line, source, target, units) for line, units in held)


def goods_are_conserved(life: Life) -> None:
    """After every event of a life."""
    auditor, order = Auditor(), None
    for event in life.events:
        order = evolve(order, event)
        assert order.ledger.is_balanced()
        auditor.hears(event)
        auditor.agrees(order)


#: Where units can be that have left us, come back or not.
LEFT = ("shipped", "delivered", "lost", "returning", "received", "restocked", "scrapped", "sent_back")


def what_has_left_has_left(life: Life) -> None:
    """Units in a parcel that went off are under way, with the customer, lost or on their way back, for ever."""
    gone: dict[str, Fraction] = defaultdict(Fraction)
    for step in life.steps:
        if step.after is None:
            continue
        for line_id in step.after.lines:
            kinds = step.after.line_status(line_id).by_kind
            left = sum((Fraction(kinds.get(kind, 0)) for kind in LEFT), Fraction(0))
            assert left >= gone[line_id], (line_id, step)
            gone[line_id] = left


def no_more_leaves_than_was_ordered(life: Life) -> None:
    """What an inventory is told to issue is never more than was ordered."""
    for line_id in life.order.lines:
        kinds = life.order.line_status(line_id).by_kind
        left = sum(Fraction(kinds.get(kind, 0)) for kind in LEFT)
        assert left <= Fraction(life.order.ledger.ordered(line_id))


@settings(max_examples=100)
@given(lives())
def test_no_unit_is_lost_or_invented_by_any_event(life: Life) -> None:
    goods_are_conserved(life)
    no_more_leaves_than_was_ordered(life)


@settings(max_examples=200)
@given(lives(least=25))
def test_goods_that_have_left_are_never_anywhere_else_again(life: Life) -> None:
    what_has_left_has_left(life)


def test_the_auditor_notices_a_pick_that_is_written_down_for_too_little(monkeypatch: pytest.MonkeyPatch) -> None:
    applied = GoodsPicked.apply
    monkeypatch.setattr(
        GoodsPicked, "apply", lambda self, order: order if len(order.lines) > 2 else applied(self, order)
    )

    assert fails_somewhere(goods_are_conserved)


def test_a_departure_that_is_taken_back_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    applied = OrderShipped.apply

    def back(self: OrderShipped, order: Order) -> Order:
        moves = [
            Move(line_id, account, OPEN, units)
            for line_id in order.lines
            for account, units in order.ledger.accounts(line_id)
            if account.startswith("shipped")
        ]
        return applied(self, order).replace(ledger=order.ledger.moved(moves))

    monkeypatch.setattr(OrderShipped, "apply", back)

    assert fails_somewhere(what_has_left_has_left)
