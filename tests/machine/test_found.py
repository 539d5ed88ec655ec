"""Faults that the machine found, each as small as it can be told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from orderflow import commands as c
from orderflow.defaults import STANDARD
from orderflow.errors import CommandRefused
from orderflow.policy import Authority, Policy
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.advices import DespatchedParcel
from orderflow.tracking import Scan
from tests.machine.machine import ADA, BERLIN
from tests.machine.trade import Trade


def _trade(policy: Policy = STANDARD) -> Trade:
    trade = Trade()
    trade.flow = type(trade.flow)(
        **dict.fromkeys(("inventory", "pricing", "carriers", "notifications", "fulfillers"), trade.line),
        policy=policy,
        clock=trade.clock,
    )
    trade.store = trade.flow.store
    return trade


def _placed(trade: Trade, quantity: int = 2, **terms: Any) -> str:
    assert trade.give(c.PlaceOrder([OrderLine("TEA", quantity, **terms)], "EUR", BERLIN, ADA))
    return trade.ids[-1]


def _sent_by_others(order_id: str, quantity: int = 1, location: str = "BER") -> c.RecordDespatch:
    parcel = DespatchedParcel([("L1", quantity)], "X-1")
    return c.RecordDespatch(order_id, "ACME", "D1", [parcel], location=location)


def test_an_order_that_waits_for_backordered_goods_together_says_so() -> None:
    trade = _trade(attrs.evolve(STANDARD, shortage=lambda order, line_id: "backorder"))
    order_id = _placed(trade, 14, complete="line")

    assert "new stock of 3 × TEA" in str(trade.flow.explain(order_id))
    trade.check()


def test_a_suppliers_parcel_waits_for_the_supplier() -> None:
    trade = _trade()
    order_id = _placed(trade, method="supplier", supplier="WEAVERS")
    for step in (c.StartPicking, c.RecordPick, c.PackParcel):
        trade.give(step(order_id, "F1"))

    assert "WEAVERS to send 2 × TEA" in str(trade.flow.explain(order_id))


def test_work_that_is_planned_by_hand_waits_for_somebody() -> None:
    trade = _trade(attrs.evolve(STANDARD, automatic=STANDARD.automatic - {"plan"}))

    assert "someone to plan" in str(trade.flow.explain(_placed(trade)))


def test_what_others_sent_after_all_is_claimed_where_it_left() -> None:
    trade = _trade()
    order_id = _placed(trade, 10)
    trade.give(c.CancelLines(order_id))

    trade.give(_sent_by_others(order_id, location="HAM"))

    assert trade.inventory.held("TEA") == 0


def test_an_order_of_which_goods_have_left_does_not_expire_for_ever() -> None:
    trade = _trade(attrs.evolve(STANDARD, expire_after=timedelta(days=1), authority=Authority(price="theirs")))
    order_id = _placed(trade)
    trade.give(_sent_by_others(order_id))
    before = trade.order(order_id).version

    trade.passes(timedelta(days=2))

    assert trade.order(order_id).version < before + 5


def test_nothing_of_a_draft_is_cancelled_or_despatched() -> None:
    trade = _trade()
    assert trade.give(c.SaveDraft("EUR", [("TEA", 2)], BERLIN, ADA))

    for command in (c.CancelLines(trade.ids[0]), _sent_by_others(trade.ids[0])):
        with pytest.raises(CommandRefused, match=r"draft\.not_placed"):
            trade.flow.handle(command)


def test_nothing_is_sent_once_more_of_an_order_that_was_cancelled() -> None:
    trade = _trade()
    order_id = _placed(trade)
    trade.give(c.CancelOrder(order_id))
    trade.give(_sent_by_others(order_id))
    (surplus,) = trade.order(order_id).open_cases
    trade.give(c.ResolveException(order_id, surplus.id, "charge"))
    trade.give(c.RecordTracking(order_id, [Scan("X-1", "return_to_sender", trade.clock())]))

    offered = {option for case in trade.order(order_id).open_cases for option in case.options}

    assert "refund" in offered
    assert "reship" not in offered
