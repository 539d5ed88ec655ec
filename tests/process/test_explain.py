"""Explanations are complete: where an order stands, whom it waits for, what is possible, and why the rest is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import attrs
import pytest

from orderflow.commands import CancelOrder, PlaceHold, ResolveException, StartPicking
from orderflow.defaults import STANDARD
from orderflow.errors import CommandRefused, Violation
from orderflow.explain import explain
from orderflow.messages import Envelope
from orderflow.ports import BookCarrier, ClaimStock, GaveUp, QuotePrices, Refused
from tests.scenario import (
    ID,
    NOW,
    Life,
    booked,
    delivered,
    despatched,
    held,
    packed,
    picked,
    picking,
    placed,
    requested,
    verified,
)

SITUATIONS: dict[str, Callable[[], Life]] = {
    "placed": placed,
    "short": lambda: placed().answer(QuotePrices).answer(ClaimStock, lambda r: held(r, 0), "C1"),
    "on hold": lambda: verified().do(PlaceHold(ID, "credit", expires_at=NOW + timedelta(days=1))),
    "verified": verified,
    "picking": picking,
    "picked": picked,
    "packed": packed,
    "requested": requested,
    "refused": lambda: requested().answer(BookCarrier, Refused("busy")),
    "given up": lambda: requested().answer(BookCarrier, GaveUp(8, "timeout")),
    "cancelling": lambda: booked().do(CancelOrder(ID)),
    "booked": booked,
    "despatched": despatched,
    "delivered": delivered,
    "cancelled": lambda: verified().do(CancelOrder(ID)).reply_all(),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_is_called_possible_is_accepted_and_the_rest_refused_for_the_reasons_told(situation: str) -> None:
    life = SITUATIONS[situation]()
    told = explain(life.order, life.process)
    assert told.order is life.order
    for command in told.possible:
        assert life.process.carry_out(life.order, command, Envelope(NOW)).order.ledger.is_balanced()
    for impossible in told.not_possible:
        with pytest.raises(CommandRefused) as refused:
            life.process.carry_out(life.order, impossible.command, Envelope(NOW))
        assert refused.value.violations == impossible.reasons


@pytest.mark.parametrize("situation", SITUATIONS)
def test_an_order_that_is_not_over_waits_for_somebody(situation: str) -> None:
    life = SITUATIONS[situation]()
    waits = explain(life.order, life.process).waiting_for
    assert bool(waits) is (life.order.state not in ("completed", "cancelled"))


def test_the_quickstart_order_is_explained_before_anyone_answered() -> None:
    life = placed(deliver_by=date(2026, 12, 1))
    assert str(explain(life.order, life.process)).splitlines() == [
        "A-1001  acknowledged · 2 lines · wanted by Tue 01 Dec",
        "  waiting for   the inventory to hold 2 × TEA-250 (claim C1)",
        "                the inventory to hold 1 × POT-1 (claim C2)",
        "                the price list to quote TEA-250, POT-1",
        "                the notifications to tell ada@example.org: order_placed (M1)",
        "  missing       TEA-250 has no price yet (verification.no_price)",
        "                the stock of TEA-250 is not confirmed yet (verification.stock_unknown)",
        "                POT-1 has no price yet (verification.no_price)",
        "                the stock of POT-1 is not confirmed yet (verification.stock_unknown)",
        "  possible      RejectOrder · AmendOrder · CancelOrder · CancelLines · PlaceHold",
        "  not possible  AcknowledgeOrder: the order is acknowledged (order.cannot_acknowledge)",
        "                ApproveOrder: TEA-250 has no price yet (verification.no_price); "
        "the stock of TEA-250 is not confirmed yet (verification.stock_unknown); "
        "POT-1 has no price yet (verification.no_price); "
        "the stock of POT-1 is not confirmed yet (verification.stock_unknown)",
        "                PlanFulfillment: the order is acknowledged, not verified (sourcing.not_verified)",
        "                BookShipment: nothing is packed yet (shipping.nothing_packed)",
        "                DespatchShipment: nothing is packed yet (shipping.nothing_packed)",
        "                CompleteOrder: the order is acknowledged (order.cannot_complete)",
    ]


def test_the_quickstart_order_is_explained_when_it_is_ready_to_be_picked() -> None:
    life = verified(deliver_by=date(2026, 12, 1))
    assert str(explain(life.order, life.process)).splitlines() == [
        "A-1001  verified · 2 lines · 46.76 EUR · wanted by Tue 01 Dec",
        "  waiting for   BER to pick 2 × TEA-250 and 1 × POT-1 (fulfillment F1)",
        "  possible      Reroute F1 · StartPicking F1 · AmendOrder · CancelOrder · CancelLines · PlaceHold",
        "  not possible  AcknowledgeOrder: the order is verified (order.cannot_acknowledge)",
        "                RejectOrder: the order is verified (order.cannot_reject)",
        "                ApproveOrder: the order is verified (order.cannot_verify)",
        "                PlanFulfillment: no units are held that wait for a location (sourcing.nothing_to_plan)",
        "                RecordPick F1: F1 is planned (fulfillment.cannot_pick)",
        "                PackParcel F1: F1 is planned (fulfillment.cannot_pack)",
        "                BookShipment: nothing is packed yet (shipping.nothing_packed)",
        "                DespatchShipment: nothing is packed yet (shipping.nothing_packed)",
        "                CompleteOrder: the order is verified (order.cannot_complete)",
    ]


def waits(life: Life) -> list[str]:
    return [str(wait) for wait in explain(life.order, life.process).waiting_for]


def test_the_carrier_is_waited_for_in_words_from_booking_to_the_door() -> None:
    assert waits(packed()) == ["BER to book a carrier for P1"]
    assert waits(requested()) == ["DHL to take P1 (shipment S1)"]
    assert waits(booked()) == ["DHL to collect P1 (shipment S1)"]
    assert waits(despatched()) == ["DHL to deliver P1 (T-S1-1 pending)"]
    assert waits(delivered()) == []


def test_a_cancellation_names_the_carrier_whose_word_it_waits_for() -> None:
    told = waits(booked().do(CancelOrder(ID)))
    assert told == ["DHL to void the booking (shipment S1)", "the cancellation for the word of the carrier on S1"]


def test_a_hold_is_waited_for_with_its_note_and_its_end() -> None:
    until = NOW + timedelta(days=1)
    life = verified().do(PlaceHold(ID, "credit", blocks=["pick"], note="ask Grete", expires_at=until))
    assert waits(life)[-1] == "someone to release hold H1 credit: ask Grete, by itself at 2026-11-24 09:00 (pick)"
    told = explain(life.order, life.process)
    (refused,) = (one for one in told.not_possible if isinstance(one.command, StartPicking))
    assert str(refused) == "StartPicking F1: hold H1 (credit) blocks this: ask Grete (hold.active)"


def test_a_case_is_waited_for_with_its_options_and_each_is_a_command() -> None:
    life = requested().answer(BookCarrier, Refused("busy", "call back"))
    assert "someone to settle X1 shipping.refused: DHL refused S1: call back (try_again or cancel_order)" in waits(life)
    possible = explain(life.order, life.process).possible
    assert {ResolveException(ID, "X1", "try_again"), ResolveException(ID, "X1", "cancel_order")} <= set(possible)


def test_stock_that_is_missing_is_told_in_units() -> None:
    life = placed(lines=[("TEA-250", 3)]).answer(QuotePrices).answer(ClaimStock, lambda r: held(r, 1))
    (missing,) = explain(life.order, life.process).missing
    assert (missing.code, missing.message) == ("verification.short", "1 of 3 × TEA-250 are held")


def test_a_rule_of_the_host_that_keeps_an_order_from_being_verified_is_told() -> None:
    rule = attrs.evolve(STANDARD, verification=(lambda order: [Violation("credit.limit", "over the limit")],))
    life = verified(rule)
    assert "credit.limit" in str(explain(life.order, life.process))
