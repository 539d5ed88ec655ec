"""Every command, up to two orders, a world full of trouble, and an auditor who agrees after every move.

``ORDERFLOW_MACHINE=thorough`` drives the machine for many minutes, by chance; the usual run takes seconds, and is the
same every time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from orderflow import charging, commands
from orderflow.errors import CommandRefused
from orderflow.order import Order
from orderflow.runtime import sync
from orderflow.stages import stock
from orderflow.stages.changes import LinesCancelled, OrderCancelled
from orderflow.stages.communication import MessageSent
from orderflow.stages.shipping import GoodsDespatched
from orderflow.values.checked import evolved
from tests.machine.machine import COUNTED, FORMS, TradeMachine, guided, snake

#: Commands that no rule gives, each with the reason.
WITHOUT_A_RULE: dict[str, str] = {
    "AdoptOrder": "the auditor hears of an order from its beginning; tests/laws/test_observations.py adopts them",
    "RecordFacts": "what others did is no move of this trade; tests/laws/test_observations.py lets both meet",
}
IS_THOROUGH = os.environ.get("ORDERFLOW_MACHINE") == "thorough"
USUAL = settings(
    max_examples=3000 if IS_THOROUGH else 40,
    stateful_step_count=60 if IS_THOROUGH else 35,
    deadline=None,
    derandomize=not IS_THOROUGH,
    suppress_health_check=list(HealthCheck),
)


def test_every_command_has_a_rule() -> None:
    assert set(FORMS) | set(WITHOUT_A_RULE) == set(commands.__all__)
    for name in FORMS:
        assert hasattr(getattr(TradeMachine, snake(name)), "hypothesis_stateful_rule")


def test_whatever_happens_the_books_agree() -> None:
    run_state_machine_as_test(TradeMachine, settings=USUAL)


def test_the_machine_gets_somewhere() -> None:
    """Lives that seek what was rarely done, and some without a plan: most commands are accepted and refused in them.

    `RecordVoid` is for boxes that orders share, of which there are none here.
    """
    for counter in COUNTED.values():
        counter.clear()

    for number in range(30):
        guided(number, 40, COUNTED["accepted"])
    for number in range(3):
        _run(30, number)

    assert len(COUNTED["accepted"]) >= len(FORMS) - 6, set(FORMS) - set(COUNTED["accepted"])
    assert len(COUNTED["refused"]) >= len(FORMS) - 4, set(FORMS) - set(COUNTED["refused"])
    assert len(COUNTED["events"]) >= 80
    assert len(COUNTED["codes"]) >= 50


# -- it bites ----------------------------------------------------------------------------------------------------------


def _run(examples: int, number: int = 1) -> None:
    """The machine by a fixed number, without the time that it takes to make a failure small."""

    class Seeded(TradeMachine):
        pass

    plain = settings(
        max_examples=examples,
        stateful_step_count=35,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(number)(Seeded), settings=plain)


def _is_noticed(examples: int = 150) -> None:
    """A machine that meets the fault stops."""
    with pytest.raises(AssertionError):
        _run(examples)


def test_cancelled_units_that_are_not_given_back_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charging, "_gave_back", lambda order, line_id, units, live: order)

    _is_noticed()


def test_a_claim_that_is_not_released_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock, "wanting_less", lambda order, claims, fewer: {c.id: c.wanted for c in claims})

    _is_noticed()


def test_goods_that_leave_twice_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    applied: Callable[..., Order] = GoodsDespatched.apply

    def twice(self: Any, order: Order) -> Order:
        after = applied(self, order)
        shipment = after.shipments[self.shipment_id]
        again = shipment.replace(issue=_doubled(shipment.issue))
        return after.replace(shipments=after.shipments.set(shipment.id, again))

    monkeypatch.setattr(GoodsDespatched, "apply", twice)

    _is_noticed()


def _doubled(issue: Any) -> Any:
    return evolved(issue, lines=(*issue.lines, *issue.lines))


def test_a_refused_command_that_leaves_something_behind_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    handled: Callable[..., Any] = sync.OrderFlow.handle

    def handle(self: Any, command: Any, **said: Any) -> Any:
        try:
            return handled(self, command, **said)
        except CommandRefused:
            if command.TAG == "record_pick" and command.order_id is not None:
                handled(self, commands.PlaceHold(command.order_id, "refused"))
            raise

    monkeypatch.setattr(sync.OrderFlow, "handle", handle)

    _is_noticed()


def test_units_that_are_cancelled_by_halves_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    for event in (LinesCancelled, OrderCancelled):
        applied: Callable[..., Order] = event.apply

        def forgetful(self: Any, order: Order, applied: Callable[..., Order] = applied) -> Order:
            after = applied(self, order)
            return after.replace(ledger=order.ledger) if len(self.moves) > 1 else after

        monkeypatch.setattr(event, "apply", forgetful)

    _is_noticed()


def test_a_letter_that_is_sent_again_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MessageSent, "apply", lambda self, order: order)

    _is_noticed()
