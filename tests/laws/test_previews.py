"""What a flow previews is what handling does, and nothing else: seen in the store, and in the books of all systems.

A life is led by chance through the public face, under a host of any kind; then a command is drawn, an amendment as
often as not. It is previewed, and given while nobody answers: so what is in the store afterwards is what the command
itself has done, before anyone has said anything to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow import CommandRefused, Order, OrderFlow, PlaceHold, PortUnavailable, process
from orderflow.errors import Violation
from orderflow.messages import Command
from orderflow.ports import Request
from orderflow.process import Preview, pending
from tests.laws.chance import Chance, numbered
from tests.laws.test_amendments import LIFE, SOMEBODY, a_life, is_what_was_shown
from tests.machine import machine
from tests.machine.trade import Trade


class Nobody:
    """Every system at once, and none of them answers; who was asked for what is noted."""

    def __init__(self, trade: Trade) -> None:
        self._line, self.asked = trade.line, set[str]()

    def __getattr__(self, method: str) -> Any:
        getattr(self._line, method)
        if method.startswith("_") or method == "repeats":
            return getattr(self._line, method)

        def unanswered(request: Request) -> Any:
            self.asked.add(request.id)
            raise PortUnavailable("the line is down")

        return unanswered


def a_command(trade: Trade, dice: Chance, order: Order) -> Command:
    """An amendment as often as not, or anything else that can be done with the order and takes it further."""
    possible = [one for one in trade.flow.explain(order).possible if not isinstance(one, PlaceHold)]
    return dice.one(possible) if possible and dice.once_in(2) else machine._amendment(trade, dice, order)


def unheard(trade: Trade, nobody: Nobody) -> OrderFlow:
    """A flow over the same store, under the same policy, to which nobody answers."""
    names = ("inventory", "pricing", "carriers", "notifications", "fulfillers")
    ports: dict[str, Any] = dict.fromkeys(names, nobody)
    return OrderFlow(**ports, store=trade.store, policy=trade.flow.process.policy, clock=trade.clock)


def kept(flow: OrderFlow, ids: list[str]) -> dict[str, Any]:
    return {order_id: flow.history(order_id) for order_id in ids}


def is_given(trade: Trade, order_id: str, command: Command, preview: Preview, by: Any) -> None:
    """The command is given; the store holds what was previewed, and everything else as it was."""
    nobody = Nobody(trade)
    flow = unheard(trade, nobody)
    before, held, done = trade.books, kept(flow, trade.ids), len(trade.systems.done)
    order = flow.get(order_id)

    receipt = flow.handle(command, by=by)

    after = flow.get(order_id)
    assert (receipt.order, receipt.events) == (after, preview.events)
    is_what_was_shown(preview, order, after)
    now = kept(flow, trade.ids)
    news = now.pop(order_id)[len(held[order_id]) :]
    assert tuple(recorded.event for recorded in news) == preview.events
    assert now == {id: history for id, history in held.items() if id != order_id}, "another order has changed"
    assert trade.books[2:] == before[2:], "a system has done something"
    assert len(trade.systems.done) == done
    assert nobody.asked <= {one.request.id for one in pending(preview.order)}, "something else was asked for"


def refusal(what: Callable[[], Any]) -> tuple[Violation, ...]:
    """What stands in the way of it; nothing if it is done."""
    try:
        what()
    except CommandRefused as refused:
        return refused.violations
    return ()


def previewed_and_given(trade: Trade, order: Order, dice: Chance) -> str:
    """A command is previewed, and given if it may be; what became of it."""
    command, by = a_command(trade, dice, order), dice.one(SOMEBODY)
    before, seen = trade.books, list[Preview]()
    foretold = refusal(lambda: seen.append(trade.flow.preview(command, by=by)))
    assert trade.books == before, "a preview has moved something"
    if foretold:
        assert refusal(lambda: trade.flow.handle(command, by=by)) == foretold, "something else stands in the way"
        assert trade.books == before
        return "refused"
    is_given(trade, order.id, command, seen[0], by)
    return type(command).__name__


def some_of_each(trade: Trade, dice: Chance) -> Iterator[str]:
    """Several commands in turn for each order of which time alone changes nothing at this moment."""
    for order_id in trade.ids:
        for _ in range(4):
            order = trade.order(order_id)
            if not trade._is_overdue(order):
                yield previewed_and_given(trade, order, dice)
                trade.does(lambda order_id=order_id: trade.flow.advance(order_id))


@settings(max_examples=30, deadline=None)
@given(LIFE, st.binary(min_size=48, max_size=48))
def test_handling_does_what_the_flow_has_previewed_and_nothing_else(
    drawn: tuple[bytes, list[bytes]], dice: bytes
) -> None:
    for _ in some_of_each(a_life(drawn), Chance(dice)):
        pass


# -- it bites ---------------------------------------------------------------------------------------------------------


def some(many: int = 30) -> Counter[str]:
    """What became of commands in the same lives every time."""
    found: Counter[str] = Counter()
    for number in range(many):
        drawn = numbered(number, 20)
        trade = a_life((drawn.setting[:24], [move + move[:2] for move in drawn.moves[:14]]))
        found.update(some_of_each(trade, Chance(b"".join(drawn.moves[14:]))))
    return found


def test_commands_are_of_many_kinds() -> None:
    found = some(120)
    assert len(found) >= 10, found
    assert found["AmendOrder"] >= 5
    assert found["refused"] >= 5


def whose_preview_is_carried_out(self: OrderFlow, command: Command, **said: Any) -> Any:
    """A fault: what was to be looked at is done."""
    seen = PREVIEW(self, command, **said)
    self.handle(command, **said)
    return seen


PREVIEW = OrderFlow.preview


def test_a_preview_that_does_it_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OrderFlow, "preview", whose_preview_is_carried_out)
    with pytest.raises(AssertionError, match="a preview has moved something"):
        some()


@pytest.mark.parametrize("name", ["_money_moved", "_goods_moved", "_differing"])
def test_a_preview_that_says_nothing_of_money_goods_or_claims_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    silent: dict[str, Any] = {
        "_money_moved": lambda before, after: after.total - after.total,
        "_goods_moved": lambda before, after: {},
        "_differing": lambda before, after, field: {},
    }
    monkeypatch.setattr(process, name, silent[name])
    with pytest.raises(AssertionError):
        some()
