"""A preview of an amendment is what happens by it, and nothing else happens; whatever is amended, the books agree."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow.commands import AmendOrder
from orderflow.errors import CommandRefused
from orderflow.messages import SYSTEM, Actor, Envelope
from orderflow.order import Order
from orderflow.process import OrderProcess, Preview, evolve, pending
from tests.laws.chance import Chance
from tests.machine import machine
from tests.machine.trade import Trade

SOMEBODY = (SYSTEM, Actor("customer", "ada"), Actor("merchant", "max"))
LIFE = st.tuples(st.binary(min_size=24, max_size=24), st.lists(st.binary(min_size=12, max_size=12), max_size=12))


def a_life(drawn: tuple[bytes, list[bytes]]) -> Trade:
    """An order somewhere on its way, under a host of any kind."""
    setting, moves = drawn
    driver = machine.TradeMachine()
    driver.trade = Trade(setting)
    driver._tries("PlaceOrder", Chance(setting[::-1]), plain=True)
    for move in moves:
        driver._goes_on(Chance(move), *machine.OFFICE, *machine.WAREHOUSE, *machine.GATE)
    return driver.trade


def moved(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> dict[Any, Any]:
    """By how much numbers differ, where they do."""
    keys = {**before, **after}
    found = {key: after.get(key, Decimal(0)) - before.get(key, Decimal(0)) for key in keys}
    return {key: number for key, number in found.items() if number}


def goods(order: Order) -> dict[tuple[str, str], Decimal]:
    """Units by line and account."""
    return {(line, account): units for line in order.lines for account, units in order.ledger.accounts(line)}


def wanted(order: Order) -> dict[str, Any]:
    return {one.request.id: one.request for one in pending(order)}


def is_what_was_shown(preview: Preview, before: Order, after: Order) -> None:
    """What has become of an order is what a preview said, to the unit, the cent, the request and the message."""
    assert after == preview.order
    shown = {(line, account): units for line, moves in preview.goods.items() for account, units in moves.items()}
    assert moved(goods(before), goods(after)) == shown
    assert preview.money is None or after.total - before.total == preview.money
    then, now = wanted(before), wanted(after)
    assert [request.id for request in preview.requests] == [id for id in now if id not in then]
    assert [request.id for request in preview.withdrawn] == [id for id in then if id not in now]
    claims = {id: claim.wanted for id, claim in after.claims.items()}
    assert preview.claims == {
        id: units for id, units in claims.items() if id not in before.claims or before.claims[id].wanted != units
    }
    stages = {id: shipment.stage for id, shipment in after.shipments.items()}
    assert preview.bookings == {
        id: stage for id, stage in stages.items() if id not in before.shipments or before.shipments[id].stage != stage
    }
    told = [(m.kind, m.subject) for id, m in after.messages.items() if id not in before.messages]
    assert list(preview.messages) == told


@settings(max_examples=60, deadline=None)
@given(LIFE, st.binary(min_size=14, max_size=14))
def test_applying_an_amendment_does_what_its_preview_says_and_nothing_else(
    drawn: tuple[bytes, list[bytes]], dice: bytes
) -> None:
    trade = a_life(drawn)
    for before in trade.orders:
        command = machine._amendment(trade, Chance(dice), before)
        envelope = Envelope(trade.clock(), Chance(dice[::-1]).one(SOMEBODY))
        books = trade.books
        try:
            preview = trade.flow.process.preview(before, command, envelope)
        except CommandRefused as refused:
            told = refused.violations
        else:
            told = ()
        assert trade.books == books, "a preview moves nothing"
        assert told == trade.flow.process.violations(before, command, envelope.by)
        if told:
            return

        after: Order = before
        for event in trade.flow.process.decide(before, command, envelope):
            after = evolve(after, event)

        is_what_was_shown(preview, before, after)


@settings(max_examples=60, deadline=None)
@given(LIFE, st.binary(min_size=14, max_size=14))
def test_what_has_left_is_where_it_was_and_costs_what_it_did(drawn: tuple[bytes, list[bytes]], dice: bytes) -> None:
    trade = a_life(drawn)
    for before in trade.orders:
        command = machine._amendment(trade, Chance(dice), before)
        try:
            after = trade.flow.process.carry_out(before, command, Envelope(trade.clock())).order
        except CommandRefused:
            return
        gone = ("shipped", "delivered", "lost")
        for place, units in goods(before).items():
            if place[1].partition(":")[0] in gone:
                assert goods(after)[place] == units
        for line_id, tranches in before.tranches.items():
            kept = after.tranches[line_id][: len(tranches)]
            assert [(one.unit_price, one.quantity) for one in kept] == [(t.unit_price, t.quantity) for t in tranches]
        for shipment_id, shipment in before.shipments.items():
            assert after.shipments[shipment_id].ship_to == shipment.ship_to


QUANTITIES = st.lists(st.sampled_from(["1", "2", "4.5", "7", "10"]), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(LIFE, QUANTITIES)
def test_the_last_word_on_a_quantity_counts_whatever_was_said_before(
    drawn: tuple[bytes, list[bytes]], quantities: list[str]
) -> None:
    """Up, down and up again: what is wanted in the end is what was said last, whoever has yet to answer."""
    trade = a_life(drawn)
    for order in trade.orders:
        process: OrderProcess = trade.flow.process
        for quantity in quantities:
            command = AmendOrder(order.id, {"L1": quantity})
            if not process.violations(order, command):
                order = process.carry_out(order, command, Envelope(trade.clock())).order
                waiting = sum(move.quantity for move in order.to_be_cancelled if move.line_id == "L1")
                assert order.live_quantity("L1") - waiting == Decimal(quantity)
                assert order.ledger.is_balanced()
                assert order.totals.gross == order.total
