"""The answer to an order, line by line, and the buyer's word on it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import attrs
import pytest

from orderflow.commands import (
    AcceptConfirmation,
    AmendOrder,
    ApproveOrder,
    CancelLines,
    ConfirmOrder,
    PlaceHold,
    RefuseConfirmation,
    ReleaseHold,
    ResolveException,
)
from orderflow.defaults import STANDARD
from orderflow.errors import InvalidInput
from orderflow.order import ConfirmedLine, Order
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.confirmation import OrderConfirmed
from tests.scenario import ID, NOW, D, Life, eur, picking, verified

BY_HAND = attrs.evolve(STANDARD, automatic=STANDARD.automatic - {"confirm"})
ASKING = attrs.evolve(STANDARD, buyer_must_agree=lambda order, lines: True)


def confirmed(life: Life) -> tuple[ConfirmedLine, ...]:
    assert life.order.confirmation is not None
    return life.order.confirmation.lines


def test_a_verified_order_is_confirmed_as_it_stands() -> None:
    lines = [
        OrderLine("TEA-250", 2, price=eur("9.00"), deliver_by=date(2026, 12, 1)),
        OrderLine("POT-1", 1, price=eur("24.00")),
    ]
    life = verified(lines=lines, deliver_by=date(2026, 12, 8))
    assert confirmed(life) == (
        ConfirmedLine("L1", 2, "changed", eur("8.50"), date(2026, 12, 1)),
        ConfirmedLine("L2", 1, "accepted", eur("24.00"), date(2026, 12, 8)),
    )
    assert life.order.milestones["confirmed"] == NOW


def test_a_line_may_be_confirmed_for_several_days_by_hand() -> None:
    life = verified(BY_HAND, lines=[("TEA-250", 100)])
    assert life.order.confirmation is None
    lines = (
        ConfirmedLine("L1", 60, "accepted", eur("8.50"), date(2026, 12, 1)),
        ConfirmedLine("L1", 40, "backordered", eur("8.50"), date(2026, 12, 8)),
    )
    life.do(ConfirmOrder(ID, lines))
    assert life.events == (OrderConfirmed(NOW, lines),)
    assert confirmed(life) == lines


def test_what_is_rejected_is_cancelled_first() -> None:
    life = verified(BY_HAND, lines=[("TEA-250", 100)])
    answer = ConfirmOrder(ID, [("L1", 60, "accepted"), ("L1", 40, "rejected")])
    assert life.codes(answer) == ["confirmation.other_quantity"]
    assert life.do(CancelLines(ID, {"L1": 40}), answer).happened == ["OrderConfirmed"]


def test_more_that_is_ordered_is_confirmed_once_it_can_be_had_and_fewer_needs_no_answer() -> None:
    life = verified().do(AmendOrder(ID, {"L1": 5}))
    assert "OrderConfirmed" not in life.happened
    life.reply_all()
    assert [(line.line_id, line.quantity) for line in confirmed(life)] == [("L1", D(5)), ("L2", D(1))]
    assert "OrderConfirmed" not in life.do(AmendOrder(ID, {"L1": 1})).reply_all().happened
    assert len([event for event in life.history if isinstance(event, OrderConfirmed)]) == 2


def test_a_hold_on_the_step_keeps_the_answer_back() -> None:
    life = verified(attrs.evolve(STANDARD, automatic=STANDARD.automatic - {"verify"}))
    life.do(PlaceHold(ID, "ask first", blocks=["confirm"]))
    assert "OrderConfirmed" not in life.do(ApproveOrder(ID)).happened
    assert "OrderConfirmed" in life.do(ReleaseHold(ID, "H1")).happened


def test_an_order_waits_for_the_buyers_word_where_the_policy_wants_it() -> None:
    life = verified(ASKING)
    assert (life.order.state, life.order.fulfillments) == ("verified", {})
    waits = [str(wait) for stage in life.process.stages for wait in stage.awaits(life.order, life.process.policy)]
    assert "the buyer to agree to what was confirmed" in waits
    life.do(AcceptConfirmation(ID))
    assert life.happened[:2] == ["ConfirmationAccepted", "HoldReleased"]
    assert list(life.order.fulfillments) == ["F1"]


def only_changes(order: Order, lines: tuple[ConfirmedLine, ...]) -> bool:
    """The buyer is asked about what it did not order so."""
    return any(line.answer != "accepted" for line in lines)


def test_whether_the_buyer_is_asked_depends_on_what_is_confirmed() -> None:
    policy = attrs.evolve(STANDARD, buyer_must_agree=only_changes)
    assert verified(policy).order.active_holds == ()
    changed = verified(policy, lines=[OrderLine("TEA-250", 1, price=eur(9))])
    assert [hold.code for hold in changed.order.active_holds] == ["confirmation.waits_for_buyer"]


def test_a_refusal_is_a_case_and_another_confirmation_settles_it() -> None:
    life = verified(ASKING).do(RefuseConfirmation(ID, ["L2"], "too late"))
    assert (life.case.code, life.case.message) == ("confirmation.refused", "the buyer refuses L2: too late")
    assert life.codes(AcceptConfirmation(ID)) == ["confirmation.nothing_to_agree"]
    life.do(ConfirmOrder(ID, [("L1", 2, "accepted"), ConfirmedLine("L2", 1, "changed", day=date(2026, 12, 1))]))
    assert life.order.open_cases == ()
    assert life.do(AcceptConfirmation(ID)).order.active_holds == ()


@pytest.mark.parametrize(("option", "state"), [("cancel_order", "cancelled"), ("confirm_again", "verified")])
def test_a_refused_confirmation_has_its_options(option: str, state: str) -> None:
    life = verified(ASKING).do(RefuseConfirmation(ID), ResolveException(ID, "X1", option))
    assert (life.order.state, life.order.open_cases) == (state, ())


def test_an_order_that_the_buyer_does_not_agree_to_in_time_expires() -> None:
    life = verified(attrs.evolve(ASKING, expire_after=timedelta(days=1))).passes(days=1)
    assert life.order.state == "cancelled"


def test_how_a_line_is_answered_is_a_strategy() -> None:
    def all_on_friday(order: Order) -> Iterable[ConfirmedLine]:
        return [ConfirmedLine(line_id, order.live_quantity(line_id), day=date(2026, 11, 27)) for line_id in order.lines]

    life = verified(attrs.evolve(STANDARD, confirm=all_on_friday))
    assert {line.day for line in confirmed(life)} == {date(2026, 11, 27)}


def test_work_that_goes_on_confirms_nothing_again() -> None:
    life = picking()
    assert len([event for event in life.history if isinstance(event, OrderConfirmed)]) == 1


@pytest.mark.parametrize("line", [("L1",), "L1", ("L1", 1, "perhaps"), ("L1", -1, "accepted")])
def test_an_answer_that_is_none_is_told(line: Any) -> None:
    with pytest.raises(InvalidInput):
        ConfirmOrder(ID, [line])
