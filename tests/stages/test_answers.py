"""Answers that come later, never, or from someone else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from orderflow.commands import AmendOrder, CancelOrder, RecordReply, ResolveException
from orderflow.errors import InvalidInput
from orderflow.ports import (
    BookCarrier,
    ClaimStock,
    Deferred,
    GaveUp,
    QuotePrices,
    Refused,
    SendMessage,
    Sent,
    StockHeld,
)
from orderflow.stages.answers import AnswerDeferred, DeferralClosed
from orderflow.stages.exceptions import ExceptionRaised
from orderflow.stages.stock import ClaimWanted, StockClaimed
from tests.scenario import ID, NOW, D, Life, booking_of, held, placed, quote_of, requested

ASK, END = NOW + timedelta(hours=1), NOW + timedelta(hours=8)
LATER = Deferred("K-1", ASK, END)
THREE = {"lines": [("TEA-250", 3)]}


def deferred() -> tuple[Life, Any]:
    """The inventory will answer: the request, and the life that waits for it."""
    life = placed(**THREE)
    request = life.wanted(ClaimStock)
    return life.hears(request, LATER), request


def test_an_answer_that_will_come_is_waited_for_under_its_ticket() -> None:
    life, request = deferred()
    assert life.events == (AnswerDeferred(NOW, request, "K-1", ASK, END),)
    assert request.id not in life.asks
    assert life.process.attention(life.order) == END


def test_a_deferred_request_is_asked_again_in_the_same_words_when_its_time_has_come() -> None:
    life, request = deferred()
    assert request.id not in life.at(minutes=59).asks
    assert life.at(minutes=1).wanted(ClaimStock) == request


def test_the_same_ticket_with_a_later_time_only_moves_the_time() -> None:
    life, request = deferred()
    later = NOW + timedelta(hours=3)
    life.at(hours=1).hears(request, Deferred("K-1", later, END + timedelta(days=9)))
    assert life.events == (AnswerDeferred(life.now, request, "K-1", later, END),)
    assert life.hears(request, LATER).events == ()
    assert len(life.order.deferrals) == 1


def test_a_ticket_that_stands_for_another_request_is_a_case() -> None:
    life, _ = deferred()
    life.answer(QuotePrices, LATER)
    assert (life.case.code, life.case.about) == ("port.ticket_reused", "quote")


def test_the_answer_may_come_by_asking_again() -> None:
    life, request = deferred()
    life.at(hours=1).hears(request, held(request))
    assert life.events[:2] == (DeferralClosed(life.now, "K-1"), StockClaimed(life.now, "C1", 1, D(3), "BER"))
    assert life.process.attention(life.order) is None


def test_the_answer_may_be_recorded_under_its_ticket() -> None:
    life, request = deferred()
    life.at(hours=5).do(RecordReply(ID, "K-1", held(request)))
    assert life.events[:2] == (DeferralClosed(life.now, "K-1"), StockClaimed(life.now, "C1", 1, D(3), "BER"))
    assert request.id not in life.asks


def test_an_answer_that_is_recorded_twice_is_heard_once() -> None:
    life, request = deferred()
    life.do(RecordReply(ID, "K-1", held(request)))
    assert life.do(RecordReply(ID, "K-1", held(request))).events == ()


def test_a_refusal_may_be_recorded_as_well() -> None:
    life, _ = deferred()
    life.do(RecordReply(ID, "K-1", Refused("stock.none")))
    assert life.case.code == "stock.short"


def test_an_impossible_answer_under_a_ticket_is_a_case() -> None:
    life, request = deferred()
    life.do(RecordReply(ID, "K-1", Sent()))
    assert (life.case.code, life.case.about) == ("port.impossible_reply", request.id)


def test_a_ticket_that_nobody_gave_is_refused() -> None:
    life, request = deferred()
    assert life.refusal(RecordReply(ID, "K-9", held(request))) == [("reply.unknown_ticket", "ticket")]


@pytest.mark.parametrize("reply", [None, "yes", LATER, GaveUp(1)])
def test_only_a_real_reply_can_be_recorded(reply: Any) -> None:
    with pytest.raises(InvalidInput) as invalid:
        RecordReply(ID, "K-1", reply)
    assert [(v.code, v.path) for v in invalid.value.violations] == [("reply.not_a_reply", "reply")]


def test_moments_without_a_zone_are_refused() -> None:
    for moments in ((datetime(2026, 12, 1), END), (ASK, datetime(2026, 12, 1)), ("soon", END)):
        with pytest.raises(InvalidInput):
            Deferred("K", *moments)  # type: ignore[arg-type]


# -- no answer in time ----------------------------------------------------------------------------------------------


def test_no_answer_in_time_is_a_case_and_the_request_waits_for_someone() -> None:
    life, request = deferred()
    life.passes(hours=8)
    assert life.events == (
        DeferralClosed(END, "K-1"),
        ExceptionRaised(
            END,
            "X1",
            "port.gave_up",
            request.id,
            "inventory gave no answer to claim/C1/1 (no answer in time)",
            ("try_again",),
            is_about_request=True,
        ),
    )
    assert request.id not in life.asks
    assert life.passes(hours=1).events == ()
    assert life.do(ResolveException(ID, "X1", "try_again")).wanted(ClaimStock) == request


def test_two_requests_that_get_no_answer_in_time_are_two_cases() -> None:
    life = placed()
    for number, claim in enumerate(("C1", "C2")):
        life.answer(ClaimStock, Deferred(f"K-{number}", ASK, END), claim)
    life.passes(hours=9)
    assert [(case.id, case.about) for case in life.order.open_cases] == [("X1", "claim/C1/1"), ("X2", "claim/C2/1")]


def test_an_answer_that_comes_after_all_settles_its_case() -> None:
    life, request = deferred()
    life.passes(hours=8).do(RecordReply(ID, "K-1", held(request)))
    assert StockClaimed(life.now, "C1", 1, D(3), "BER") in life.events
    assert list(life.order.open_cases) == []


def test_a_request_that_is_tried_again_may_be_deferred_again_under_its_ticket() -> None:
    life, request = deferred()
    life.passes(hours=8).do(ResolveException(ID, "X1", "try_again"))
    life.hears(request, Deferred("K-1", life.now + timedelta(hours=1), life.now + timedelta(hours=8)))
    assert life.passes(minutes=30).events == ()


# -- answers that are not wanted any more ---------------------------------------------------------------------------


def test_stock_that_is_granted_after_the_order_was_cancelled_is_released() -> None:
    life, _ = deferred()
    life.do(CancelOrder(ID)).reply_all()
    life.do(RecordReply(ID, "K-1", StockHeld(1, D(3), "BER")))
    assert life.events == (DeferralClosed(NOW, "K-1"), ClaimWanted(NOW, "C1", "L1", 3, D(0), "BER"))
    life.reply_all()
    assert (life.asks, life.order.claims["C1"].held) == ((), 0)


def test_stock_that_is_granted_for_an_older_wish_does_not_count() -> None:
    life, request = deferred()
    life.do(AmendOrder(ID, {"L1": 1})).do(RecordReply(ID, "K-1", held(request)))
    assert life.happened == ["DeferralClosed"]
    assert life.wanted(ClaimStock).quantity == 1


def test_a_price_that_comes_after_the_order_was_cancelled_means_nothing() -> None:
    life = placed(**THREE)
    request = life.wanted(QuotePrices)
    life.hears(request, LATER).do(CancelOrder(ID)).reply_all().do(RecordReply(ID, "K-1", quote_of(request)))
    assert life.happened == ["DeferralClosed"]
    assert life.order.tranches == {}


def test_a_ticket_that_nobody_waits_for_any_more_ends_without_a_case() -> None:
    life, _ = deferred()
    life.do(CancelOrder(ID)).reply_all().passes(hours=9)
    assert list(life.order.open_cases) == []


def test_a_cancellation_waits_for_a_booking_that_was_deferred() -> None:
    life = requested()
    request = life.wanted(BookCarrier)
    life.hears(request, LATER).do(CancelOrder(ID))
    assert life.order.is_cancelling
    life.at(hours=5).do(RecordReply(ID, "K-1", booking_of(request)))
    assert life.happened == ["DeferralClosed", "ShipmentBooked", "VoidWanted"]
    assert life.reply_all().order.state == "cancelled"


def test_a_message_may_be_deferred_too() -> None:
    life = placed().answer(SendMessage, LATER)
    assert "send/M1" not in life.asks
    life.do(RecordReply(ID, "K-1", Sent("r-7")))
    assert life.told == [("order_placed", "sent")]


# -- after all attempts ---------------------------------------------------------------------------------------------


def test_a_deferred_request_that_is_given_up_has_its_ticket_closed() -> None:
    life, request = deferred()
    life.hears(request, GaveUp(8, "timeout"))
    assert life.happened == ["DeferralClosed", "ExceptionRaised"]


def test_a_question_that_is_given_up_twice_is_one_case() -> None:
    life = placed(**THREE)
    request = life.wanted(ClaimStock)
    assert life.hears(request, GaveUp(8, "timeout")).happened == ["ExceptionRaised"]
    assert life.hears(request, GaveUp(8, "timeout")).events == ()


def test_a_message_that_was_sent_and_then_given_up_needs_nobody() -> None:
    life = placed()
    request = life.wanted(SendMessage)
    assert life.hears(request, Sent()).hears(request, GaveUp(8, "timeout")).events == ()


def test_a_quote_that_comes_twice_is_heard_once() -> None:
    life = placed()
    request = life.wanted(QuotePrices)
    life.reply_all()
    assert life.hears(request, quote_of(request)).events == ()
