"""What went wrong waits for someone who chooses; every option does what it says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orderflow.commands import (
    BookShipment,
    CancelOrder,
    DespatchShipment,
    PackParcel,
    RecordPick,
    RecordTracking,
    ResolveException,
    StartPicking,
)
from orderflow.ports import (
    BookCarrier,
    ClaimStock,
    GaveUp,
    IssueStock,
    QueryRates,
    QueryTracking,
    QuotePrices,
    Refused,
    Request,
    SendMessage,
    VoidBooking,
)
from orderflow.stages.booking import BookingAbandoned
from orderflow.stages.communication import MessageFailed
from orderflow.stages.exceptions import ExceptionRaised, ExceptionResolved
from tests.scenario import ID, NOW, SENSIBLE, Life, booked, despatched, given, packed, placed, requested, scan

GIVEN_UP: dict[type[Request], tuple[Callable[[], Life], str, tuple[str, ...]]] = {
    ClaimStock: (lambda: placed(lines=[("TEA-250", 3)]), "inventory", ("try_again",)),
    QuotePrices: (placed, "pricing", ("try_again",)),
    SendMessage: (placed, "notifications", ("try_again", "give_up")),
    QueryRates: (lambda: packed().do(BookShipment(ID)), "carriers", ("try_again",)),
    BookCarrier: (requested, "carriers", ("try_again", "not_booked")),
    VoidBooking: (lambda: booked().do(CancelOrder(ID)), "carriers", ("try_again",)),
    IssueStock: (lambda: booked().do(DespatchShipment(ID)), "inventory", ("try_again",)),
    QueryTracking: (despatched, "carriers", ("try_again",)),
}


@pytest.mark.parametrize("kind", GIVEN_UP, ids=lambda kind: kind.__name__)
def test_a_request_without_an_answer_is_a_case_until_it_is_tried_again(kind: type[Request]) -> None:
    make, port, options = GIVEN_UP[kind]
    life = make()
    request = life.wanted(kind)
    life.hears(request, GaveUp(8, "timeout"))
    told = f"{port} gave no answer to {request.id} (timeout)"
    assert life.events == (
        ExceptionRaised(NOW, "X1", "port.gave_up", request.id, told, options, is_about_request=True),
    )
    assert request.id not in life.asks
    given(life).when(ResolveException(ID, "X1", "try_again")).then(ExceptionResolved(NOW, "X1", "try_again"))
    assert life.wanted(kind) == request, "asked again in the same words, under the same key"
    if kind is not QueryTracking:
        assert life.hears(request, SENSIBLE[kind](request)).events


def test_a_message_that_cannot_be_sent_may_be_given_up() -> None:
    life = placed().answer(SendMessage, GaveUp(8, "timeout"))
    given(life).when(ResolveException(ID, "X1", "give_up")).then(
        ExceptionResolved(NOW, "X1", "give_up"), MessageFailed(NOW, "M1", "port.gave_up")
    )
    assert "send/M1" not in life.asks


def refused_mail() -> Life:
    return placed().answer(SendMessage, Refused("address.unknown"))


def test_a_message_that_is_refused_has_failed_and_is_a_case() -> None:
    life = refused_mail()
    told = "order_placed was refused: address.unknown"
    assert life.events == (
        MessageFailed(NOW, "M1", "address.unknown"),
        ExceptionRaised(NOW, "X1", "message.refused", "M1", told, ("try_again", "give_up")),
    )


def test_a_refused_message_is_written_anew_under_a_key_of_its_own() -> None:
    life = refused_mail().do(ResolveException(ID, "X1", "try_again"))
    assert life.told == [("order_placed", "failed"), ("order_placed", "queued")]
    assert life.wanted(SendMessage).message_id == "M2"
    assert life.answer(SendMessage).told[1] == ("order_placed", "sent")


def test_a_refused_message_may_be_let_be() -> None:
    life = refused_mail().do(ResolveException(ID, "X1", "give_up"))
    assert (life.order.open_cases, life.told) == ((), [("order_placed", "failed")])


def test_a_refused_message_keeps_no_order_from_being_completed() -> None:
    life = refused_mail().reply_all().do(StartPicking(ID, "F1"), RecordPick(ID, "F1"), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, service="a")).reply_all().do(DespatchShipment(ID)).reply_all()
    life.do(RecordTracking(ID, [scan("delivered", hours=30)])).reply_all()
    assert (life.order.state, life.case.code) == ("completed", "message.refused")


def test_a_refused_message_that_would_be_stale_needs_nobody() -> None:
    life = refused_mail().do(CancelOrder(ID)).reply_all()
    assert life.order.cases["X1"].chosen == "moot"


def test_a_message_that_is_answered_with_something_else_is_a_case() -> None:
    life = placed().answer(SendMessage, lambda request: None)
    assert (life.case.code, life.case.about) == ("port.impossible_reply", "send/M1")
    assert "send/M1" not in life.asks


def test_a_booking_that_was_found_not_to_exist_frees_its_parcels() -> None:
    life = requested().answer(BookCarrier, GaveUp(8, "timeout"))
    given(life).when(ResolveException(ID, "X1", "not_booked")).then(
        ExceptionResolved(NOW, "X1", "not_booked"), BookingAbandoned(NOW, "S1")
    )
    assert life.do(BookShipment(ID, service="parcel")).reply_all().order.shipments["S2"].stage == "booked"


def test_an_order_is_not_completed_while_a_case_is_open() -> None:
    life = booked().do(DespatchShipment(ID)).reply_all(IssueStock).answer(IssueStock, Refused("period.closed"))
    life.do(RecordTracking(ID, [scan("delivered", hours=30)])).reply_all()
    assert life.order.state == "delivered"
    assert life.do(ResolveException(ID, "X1", "booked_by_hand")).happened[-1] == "OrderCompleted"


def test_a_case_is_settled_once_and_only_by_what_it_offers() -> None:
    life = placed().answer(QuotePrices, Refused("price.unknown"))
    assert life.refusal(ResolveException(ID, "X9", "x")) == [("exception.unknown", "case_id")]
    assert life.refusal(ResolveException(ID, "X1", "pay")) == [("exception.no_such_option", "option")]
    life.do(ResolveException(ID, "X1", "try_again"))
    assert life.refusal(ResolveException(ID, "X1", "pay")) == [("exception.closed", "case_id")]


def test_several_cases_are_kept_apart_and_settled_in_any_order() -> None:
    life = placed()
    for request in life.requests:
        life.hears(request, GaveUp(8, "timeout"))
    assert [case.id for case in life.order.open_cases] == ["X1", "X2", "X3", "X4"]
    assert life.asks == ()
    life.do(*(ResolveException(ID, f"X{number}", "try_again") for number in (3, 1, 4, 2))).reply_all()
    assert life.order.state == "verified"


def test_a_cancellation_releases_stock_also_where_the_claim_was_given_up() -> None:
    life = placed(lines=[("TEA-250", 3)]).answer(ClaimStock, GaveUp(8, "timeout")).do(CancelOrder(ID))
    assert "claim/C1/2" in life.asks
    assert life.reply_all().order.claims["C1"].held == 0


def test_a_claim_that_was_given_up_needs_nobody_once_the_order_is_cancelled() -> None:
    life = placed(lines=[("TEA-250", 3)]).answer(ClaimStock, GaveUp(8, "timeout")).do(CancelOrder(ID)).reply_all()
    assert list(life.order.open_cases) == []


def test_a_long_answer_is_cut_where_it_is_told() -> None:
    life = placed().answer(QuotePrices, lambda request: "x" * 10_000)
    assert len(life.case.message) < 300
    assert life.case.message.endswith("…")
