"""The four functions themselves: what they promise whatever the command."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import permutations

import attrs
import pytest

from orderflow.commands import AmendOrder, CancelOrder, PlaceHold, ResolveException, StartPicking, TimePassed
from orderflow.defaults import STANDARD, one_fulfillment_a_location, tell_the_customer
from orderflow.errors import UnknownType, VersionConflict
from orderflow.messages import Command, Envelope, Event, command
from orderflow.order import Order
from orderflow.policy import Allocation, Available, Draft, Policy
from orderflow.ports import ClaimStock, Deferred, GaveUp, QueryTracking, QuotePrices, Request, SendMessage, Sent
from orderflow.process import STAGES, OrderProcess, evolve, pending, replay
from orderflow.stages.holds import HoldPlaced
from orderflow.stages.stage import Stage
from tests.scenario import (
    ID,
    NOW,
    SENSIBLE,
    Life,
    a_place_order,
    booked,
    delivered,
    despatched,
    held,
    placed,
    requested,
    verified,
)


def test_decide_gives_events_and_evolve_what_they_mean() -> None:
    process = OrderProcess(STANDARD)
    events = process.decide(None, a_place_order(), Envelope(NOW))
    order: Order | None = None
    for event in events:
        order = evolve(order, event)
    assert order is not None
    assert order.version == len(events)
    assert order == process.carry_out(None, a_place_order(), Envelope(NOW)).order


def test_the_same_command_on_the_same_order_gives_the_same_events() -> None:
    life = booked()
    envelope = Envelope(NOW)
    assert life.process.decide(life.order, CancelOrder(ID), envelope) == life.process.decide(
        life.order, CancelOrder(ID), envelope
    )


def test_conclude_gives_events_without_changing_the_order() -> None:
    life = placed()
    request = life.wanted(ClaimStock, "C1")
    before = life.order
    events = life.process.conclude(before, request, held(request), NOW)
    assert [type(event).__name__ for event in events] == ["StockClaimed"]
    assert life.order is before


def test_events_replay_to_the_same_order_from_any_point_on() -> None:
    life = delivered()
    for middle in range(len(life.history) + 1):
        assert replay(life.history[middle:], replay(life.history[:middle])) == life.order


def test_replaying_nothing_is_no_order() -> None:
    assert replay([]) is None


def test_a_sender_who_has_seen_another_version_is_told_so() -> None:
    life = verified()
    for order, expected in ((life.order, 3), (life.order, 0), (None, 1)):
        with pytest.raises(VersionConflict) as conflict:
            life.process.carry_out(order, CancelOrder(ID), Envelope(NOW, expected_version=expected))
        assert conflict.value.expected == expected
    at_version = Envelope(NOW, expected_version=life.order.version)
    assert life.process.carry_out(life.order, CancelOrder(ID), at_version).order.state == "cancelled"
    assert life.process.carry_out(None, a_place_order(), Envelope(NOW, expected_version=0)).events


@command("juggle")
class Juggle(Command):
    """No stage knows this."""

    order_id: str


@attrs.frozen
class AskTheOracle(Request):
    """No stage asks this."""


def test_what_no_stage_knows_is_an_error_that_names_it() -> None:
    life = verified()
    with pytest.raises(UnknownType, match="Juggle"):
        life.do(Juggle(ID))
    with pytest.raises(UnknownType, match="AskTheOracle"):
        life.hears(AskTheOracle(ID, "oracle"), Sent())


def test_a_stage_that_chases_its_own_tail_is_stopped_with_an_error() -> None:
    def ever_more(order: Order, policy: Policy, at: datetime) -> tuple[Event, ...]:
        return (HoldPlaced(at, f"H{len(order.holds) + 1}", "again"),)

    process = OrderProcess(STANDARD, (*STAGES, Stage("restless", follow=ever_more)))
    with pytest.raises(RuntimeError, match="do not come to an end"):
        process.decide(None, a_place_order(), Envelope(NOW))


def test_nothing_is_pending_for_an_order_that_is_over() -> None:
    assert pending(delivered().order) == ()
    assert pending(verified().do(CancelOrder(ID)).reply_all().order) == ()


def test_only_tracking_is_asked_for_again_and_again() -> None:
    repeating = [wanted for wanted in pending(despatched().order) if wanted.repeats]
    assert [type(wanted.request) for wanted in repeating] == [QueryTracking]
    for life in (placed(), requested(), booked().do(CancelOrder(ID))):
        assert not any(wanted.repeats for wanted in pending(life.order))


def test_what_is_pending_follows_from_the_state_alone() -> None:
    life = requested()
    again = replay(life.history)
    assert again is not None
    assert pending(again) == pending(life.order)


def test_the_next_moment_of_attention_is_the_earliest_of_all() -> None:
    life = placed()
    assert life.process.attention(life.order) is None
    first, second, third = (NOW + timedelta(hours=n) for n in (2, 3, 4))
    life.answer(QuotePrices, Deferred("K", first, third))
    assert life.process.attention(life.order) == third
    life.do(PlaceHold(ID, "credit", expires_at=second))
    assert life.process.attention(life.order) == second
    life.answer(ClaimStock, lambda request: held(request, until=first), "C1")
    assert life.process.attention(life.order) == first - STANDARD.renew_before


def test_everything_that_time_ends_ends_at_once() -> None:
    life = placed().answer(QuotePrices, Deferred("K", NOW + timedelta(hours=1), NOW + timedelta(hours=2)))
    life.do(PlaceHold(ID, "credit", expires_at=NOW + timedelta(hours=2)))
    life.answer(ClaimStock, lambda request: held(request, until=NOW + timedelta(hours=2)), "C1")
    life.passes(hours=3)
    assert sorted(life.happened) == [
        "ClaimWanted",
        "DeferralClosed",
        "ExceptionRaised",
        "HoldReleased",
        "ReservationLapsed",
    ]
    assert life.do(TimePassed(ID)).events == ()


# -- previews -------------------------------------------------------------------------------------------------------

PREVIEWS: list[tuple[Life, Command]] = [
    (verified(), CancelOrder(ID)),
    (verified(), AmendOrder(ID, {"L1": 1})),
    (verified(), StartPicking(ID, "F1")),
    (booked(), CancelOrder(ID)),
]


@pytest.mark.parametrize(("life", "command"), PREVIEWS)
def test_a_preview_changes_nothing_and_says_what_carrying_out_does(life: Life, command: Command) -> None:
    before = life.order
    seen = life.process.preview(before, command, Envelope(NOW))
    assert life.order is before
    outcome = life.process.carry_out(before, command, Envelope(NOW))
    assert (seen.events, seen.order) == (outcome.events, outcome.order)


def test_a_preview_of_a_cancellation_tells_goods_money_requests_and_messages() -> None:
    life = verified()
    seen = life.process.preview(life.order, CancelOrder(ID), Envelope(NOW))
    assert seen.goods == {"L1": {"allocated:F1": -2, "cancelled": 2}, "L2": {"allocated:F1": -1, "cancelled": 1}}
    assert str(seen.money) == "-46.76 EUR"
    assert sorted(request.id for request in seen.requests) == ["claim/C1/2", "claim/C2/2", "send/M3"]
    assert seen.messages == (("order_cancelled", ""),)


def test_a_preview_of_an_amendment_tells_what_is_given_back() -> None:
    life = verified()
    seen = life.process.preview(life.order, AmendOrder(ID, {"L1": 1}), Envelope(NOW))
    assert seen.goods == {"L1": {"allocated:F1": -1, "cancelled": 1}}
    assert str(seen.money) == "-9.10 EUR"


def test_a_preview_of_a_new_order_knows_no_price_yet() -> None:
    seen = OrderProcess(STANDARD).preview(None, a_place_order(), Envelope(NOW))
    assert seen.money is None
    assert seen.goods == {"L1": {"open": 2}, "L2": {"open": 1}}
    assert {type(request).__name__ for request in seen.requests} == {"ClaimStock", "QuotePrices", "SendMessage"}


def test_a_preview_of_a_step_inside_the_house_moves_no_money_and_asks_nobody() -> None:
    life = verified()
    seen = life.process.preview(life.order, StartPicking(ID, "F1"), Envelope(NOW))
    assert (seen.goods, seen.requests, seen.messages) == ({}, (), ())
    assert seen.money == life.order.total - life.order.total


def test_a_preview_is_drawn_for_people() -> None:
    life = verified()
    told = str(life.process.preview(life.order, AmendOrder(ID, {"L1": 4}, remove=["L2"]), Envelope(NOW))).splitlines()
    assert told[:10] == [
        "A-1001  would be verified",
        "  goods         L1 (TEA-250): +2 open",
        "                L2 (POT-1): -1 allocated:F1, +1 cancelled",
        "  held          C1: 4",
        "                C2: 0",
        "  money         -28.56 EUR",
        "                more, once it is quoted",
        "  asked         ClaimStock claim/C1/2",
        "                ClaimStock claim/C2/2",
        "                QuotePrices quote",
    ]
    assert "  waiting for   the inventory to hold 4 × TEA-250 (claim C1)" in told
    booked_one = booked()
    seen = booked_one.process.preview(booked_one.order, CancelOrder(ID), Envelope(NOW))
    assert "  bookings      S1: void_wanted" in str(seen).splitlines()


def test_a_policy_is_a_value_that_a_host_changes_by_value() -> None:
    quiet: Policy = attrs.evolve(STANDARD, draft=lambda order, kind, subject: None)
    assert placed(quiet).order.messages == {}
    assert placed().order.messages != {}


# -- what is remembered never shows ---------------------------------------------------------------------------------


def test_a_strategy_for_messages_may_look_at_anything_of_the_order() -> None:
    def once_priced(order: Order, kind: str, subject: str) -> Draft | None:
        return tell_the_customer(order, kind, subject) if order.is_priced else None

    life = placed(attrs.evolve(STANDARD, draft=once_priced))
    assert life.order.messages == {}
    assert life.answer(QuotePrices).happened == ["PriceQuoted", "MessageQueued"]


def test_a_strategy_for_sourcing_may_look_at_anything_of_the_order() -> None:
    def while_nobody_has_to_settle_anything(order: Order, units: tuple[Available, ...]) -> Iterable[Allocation]:
        return () if any(True for _ in order.open_cases) else one_fulfillment_a_location(order, units)

    life = placed(attrs.evolve(STANDARD, plan=while_nobody_has_to_settle_anything))
    life.answer(SendMessage, GaveUp(8, "timeout")).reply_all()
    assert life.order.fulfillments == {}
    life.do(ResolveException(ID, "X1", "try_again"))
    assert list(life.order.fulfillments) == ["F1"]


def test_answers_that_are_settled_together_make_the_same_order_as_one_by_one() -> None:
    life = placed()
    for requests in permutations(life.requests):
        answers = [(request, SENSIBLE[type(request)](request)) for request in requests]
        together = life.process.settle_all(life.order, answers, NOW)
        assert replay(together.events, life.loaded) == together.order
        one_by_one = placed()
        for request, reply in answers:
            one_by_one.hears(request, reply)
        assert together.order == one_by_one.order


def test_an_answer_that_is_settled_twice_at_once_is_heard_once() -> None:
    life = placed()
    request = life.wanted(ClaimStock, "C1")
    outcome = life.process.settle_all(life.order, [(request, held(request))] * 2, NOW)
    assert [type(event).__name__ for event in outcome.events] == ["StockClaimed"]
    assert life.process.settle_all(life.order, [], NOW).order is life.order
