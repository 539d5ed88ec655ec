"""A cancellation is honest: at every stage it is clear what it still can do."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from orderflow.commands import (
    AmendOrder,
    BookShipment,
    CancelOrder,
    DespatchShipment,
    PackParcel,
    RecordPick,
    RejectOrder,
    ResolveException,
    StartPicking,
)
from orderflow.defaults import STANDARD
from orderflow.ledger import CANCELLED, OPEN, Move
from orderflow.ports import BookCarrier, ClaimStock, GaveUp, QuotePrices, Refused, VoidBooking
from orderflow.stages.booking import BookingRefused, ShipmentBooked
from orderflow.stages.changes import CancellationDeclined, CancellationRequested, OrderCancelled
from orderflow.stages.communication import MessageQueued, MessageSuperseded
from orderflow.stages.stock import ClaimWanted
from orderflow.stages.voiding import ShipmentVoided, VoidDeclined, VoidWanted
from orderflow.values import FrozenMap
from tests.scenario import (
    ID,
    NOW,
    D,
    Life,
    booked,
    booking_of,
    delivered,
    despatched,
    eur,
    given,
    held,
    packed,
    picked,
    picking,
    placed,
    requested,
    verified,
)

BY_HAND = attrs.evolve(STANDARD, automatic=STANDARD.automatic - {"acknowledge"})


def claimed_in_part() -> Life:
    return placed().answer(ClaimStock, about="C1")


def rates_wanted() -> Life:
    return packed().do(BookShipment(ID))


def partly_picked() -> Life:
    return picking().do(RecordPick(ID, "F1", [("L1", 1)]))


def partly_packed() -> Life:
    return picked().do(PackParcel(ID, "F1", [("L1", 1)]))


AT_ONCE: dict[str, Callable[[], Life]] = {
    "placed": lambda: placed(BY_HAND),
    "acknowledged, all claims in flight": placed,
    "acknowledged, a claim in flight": claimed_in_part,
    "acknowledged, no price": lambda: placed().reply_all(QuotePrices),
    "verified and planned": verified,
    "verified, not planned": lambda: verified(attrs.evolve(STANDARD, automatic=STANDARD.automatic - {"plan"})),
    "picking": picking,
    "partly picked": partly_picked,
    "picked": picked,
    "partly packed": partly_packed,
    "packed": packed,
    "rates asked for": rates_wanted,
}


@pytest.mark.parametrize("stage", AT_ONCE)
def test_an_order_without_a_booking_is_cancelled_at_once(stage: str) -> None:
    life = AT_ONCE[stage]().do(CancelOrder(ID, "changed my mind"))
    assert life.happened[0] == "CancellationRequested"
    assert "OrderCancelled" in life.happened
    assert_over(life)


def assert_over(life: Life) -> None:
    """Every unit is cancelled, nothing is held, nothing is owed, nothing is pending and nobody is asked."""
    assert life.order.state == "cancelled"
    assert life.goods == {"L1": {"cancelled": D(2)}, "L2": {"cancelled": D(1)}}
    assert {claim.wanted for claim in life.order.claims.values()} <= {D(0)}
    life.reply_all()
    assert life.asks == ()
    assert all(claim.is_settled and not claim.held for claim in life.order.claims.values())
    assert life.order.total == eur(0)
    assert life.order.cancellation is None
    assert {f.state for f in life.order.fulfillments.values()} <= {"cancelled"}
    assert {p.state for p in life.order.parcels.values()} <= {"unpacked"}
    assert {s.stage for s in life.order.shipments.values()} <= {"withdrawn", "voided", "refused", "booked"}
    assert ("order_cancelled", "sent") in life.told
    assert life.passes(days=100).events == ()


def test_a_cancellation_tells_exactly_what_it_did() -> None:
    life = placed()
    told = {"order": ID, "name": "Ada Krull", "lines": "2 × TEA-250, 1 × POT-1", "reason": "changed my mind"}
    given(life).when(CancelOrder(ID, "changed my mind")).then(
        CancellationRequested(NOW, "changed my mind"),
        OrderCancelled(
            NOW,
            "cancelled",
            (Move("L1", OPEN, CANCELLED, D(2)), Move("L2", OPEN, CANCELLED, D(1))),
            "changed my mind",
        ),
        MessageQueued(NOW, "M2", "order_cancelled", "", "email", "ada@example.org", "en", FrozenMap(told)),
        MessageSuperseded(NOW, "M1", "order_cancelled"),
        ClaimWanted(NOW, "C1", "L1", 2, D(0)),
        ClaimWanted(NOW, "C2", "L2", 2, D(0)),
    )


# -- with a carrier in it -------------------------------------------------------------------------------------------


def test_a_requested_booking_is_awaited_then_voided_and_only_then_is_the_order_cancelled() -> None:
    life = given(requested()).when(CancelOrder(ID)).then(CancellationRequested(NOW))
    assert life.order.is_cancelling
    assert life.asks == ("book/S1/1",)
    life.answer(BookCarrier)
    assert [type(event) for event in life.events] == [ShipmentBooked, VoidWanted]
    assert life.asks == ("void/S1/1",)
    life.answer(VoidBooking)
    assert life.events[0] == ShipmentVoided(NOW, "S1", FrozenMap({"P1": "packed"}))
    assert isinstance(life.events[1], OrderCancelled)
    assert_over(life)


def test_a_booked_order_is_cancelled_when_the_carrier_voids_the_booking() -> None:
    life = given(booked()).when(CancelOrder(ID)).then(CancellationRequested(NOW), VoidWanted(NOW, "S1", 1))
    request = life.wanted(VoidBooking)
    assert (request.key, request.number) == (f"main/{ID}/void/S1/1", "B-S1-1")
    assert life.goods["L1"] == {"packed:P1": D(2)}
    assert_over(life.answer(VoidBooking))


def test_a_booking_that_is_refused_meanwhile_needs_no_void() -> None:
    life = requested().do(CancelOrder(ID)).answer(BookCarrier, Refused("busy"))
    assert life.events[0] == BookingRefused(NOW, "S1", "busy")
    assert "OrderCancelled" in life.happened
    assert_over(life)


def test_a_booking_that_is_refused_meanwhile_leaves_nothing_to_settle() -> None:
    life = requested().do(CancelOrder(ID)).answer(BookCarrier, Refused("busy"))
    assert list(life.order.open_cases) == []


def test_a_carrier_that_declines_the_void_declines_the_cancellation_and_the_order_goes_on() -> None:
    life = booked().do(CancelOrder(ID)).answer(VoidBooking, Refused("void.too_late", "it is in the van"))
    assert life.events == (
        VoidDeclined(NOW, "S1", "void.too_late", "it is in the van"),
        CancellationDeclined(NOW, "void.too_late", "it is in the van"),
    )
    assert not life.order.is_cancelling
    assert life.asks == ()
    assert life.do(DespatchShipment(ID)).order.state == "shipped"


def test_a_declined_cancellation_may_be_asked_for_again_under_a_new_key() -> None:
    life = booked().do(CancelOrder(ID)).answer(VoidBooking, Refused("busy")).do(CancelOrder(ID))
    assert life.wanted(VoidBooking).key == f"main/{ID}/void/S1/2"
    assert_over(life.answer(VoidBooking))


def test_where_one_of_two_bookings_cannot_be_voided_the_other_parcel_can_be_booked_again() -> None:
    life = picked(lines=[("TEA-250", 2)]).do(PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, ["P1"], service="parcel"), BookShipment(ID, service="parcel")).reply_all()
    life.do(CancelOrder(ID)).answer(VoidBooking, about="S1").answer(VoidBooking, Refused("no"), "S2")
    assert life.order.state == "in_fulfillment"
    assert [s.stage for s in life.order.shipments.values()] == ["voided", "booked"]
    life.do(BookShipment(ID, service="parcel")).reply_all().do(DespatchShipment(ID, "S2"), DespatchShipment(ID, "S3"))
    assert life.order.state == "shipped"


@pytest.mark.parametrize("stage", [despatched, delivered])
def test_what_has_left_cannot_be_cancelled(stage: Callable[[], Life]) -> None:
    codes = stage().codes(CancelOrder(ID))
    assert codes == ["cancellation.goods_have_left", "order.cannot_cancel"]


def test_an_order_of_which_a_part_has_left_cannot_be_cancelled() -> None:
    life = half_gone()
    assert life.codes(CancelOrder(ID)) == ["cancellation.goods_have_left"]


def half_gone() -> Life:
    """One parcel has left, the booking of the other was refused."""
    life = picked(lines=[("TEA-250", 2)]).do(PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, ["P1"], service="parcel"), BookShipment(ID, service="parcel"))
    life.answer(BookCarrier, about="S1").answer(BookCarrier, Refused("busy"), "S2")
    return life.do(DespatchShipment(ID, "S1")).reply_all()


def test_an_exception_cannot_cancel_what_has_left_either() -> None:
    life = half_gone()
    assert life.codes(ResolveException(ID, "X1", "cancel_order")) == ["cancellation.goods_have_left"]
    assert life.goods == {"L1": {"packed:P2": D(1), "shipped:P1": D(1)}}
    assert life.order.state == "in_fulfillment"


def test_a_case_of_short_stock_cannot_cancel_what_has_left() -> None:
    life = booked().do(AmendOrder(ID, {"L1": 3})).answer(ClaimStock, lambda request: held(request, 2)).reply_all()
    life.do(DespatchShipment(ID)).reply_all()
    assert life.codes(ResolveException(ID, "X1", "cancel_order")) == ["cancellation.goods_have_left"]
    assert life.goods["L1"]["shipped:P1"] == D(2)


def test_while_a_cancellation_waits_nothing_new_is_begun() -> None:
    life = partly_packed().do(BookShipment(ID, service="parcel"), CancelOrder(ID))
    for command in (
        CancelOrder(ID),
        AmendOrder(ID, {"L1": 1}),
        PackParcel(ID, "F1"),
        StartPicking(ID, "F1"),
        BookShipment(ID, ["P1"]),
        DespatchShipment(ID, "S1"),
    ):
        assert "cancellation.requested" in life.codes(command)


# -- answers that come after the end --------------------------------------------------------------------------------


def test_a_booking_that_turns_up_after_the_cancellation_is_voided() -> None:
    life = requested()
    request = life.wanted(BookCarrier)
    life.hears(request, GaveUp(8, "timeout")).do(CancelOrder(ID))
    assert life.order.is_cancelling
    life.do(ResolveException(ID, "X1", "not_booked"))
    assert life.happened[:3] == ["ExceptionResolved", "BookingAbandoned", "OrderCancelled"]
    life.reply_all().hears(request, booking_of(request))
    assert life.happened == ["ShipmentBooked", "VoidWanted"]
    assert life.answer(VoidBooking).happened == ["ShipmentVoided"]
    assert_over(life)


def test_a_late_booking_that_cannot_be_voided_is_a_case() -> None:
    life = requested()
    request = life.wanted(BookCarrier)
    life.hears(request, GaveUp(8, "timeout")).do(CancelOrder(ID), ResolveException(ID, "X1", "not_booked"))
    life.hears(request, booking_of(request)).answer(VoidBooking, Refused("void.too_late"))
    assert life.happened == ["VoidDeclined", "ExceptionRaised"]
    assert (life.case.code, life.case.options) == ("shipping.void_declined", ("settled",))
    assert life.do(ResolveException(ID, life.case.id, "settled")).happened == ["ExceptionResolved"]


def test_a_second_answer_to_a_void_changes_nothing() -> None:
    life = booked().do(CancelOrder(ID))
    request = life.wanted(VoidBooking)
    life.answer(VoidBooking)
    assert life.hears(request, Refused("late")).events == ()


def test_a_void_that_is_answered_with_something_else_is_a_case() -> None:
    life = booked().do(CancelOrder(ID)).answer(VoidBooking, lambda request: None)
    assert (life.case.code, life.case.about) == ("port.impossible_reply", "void/S1/1")
    assert life.asks == ()
    assert_over(life.do(ResolveException(ID, "X1", "try_again")).answer(VoidBooking))


def test_a_rejected_order_releases_what_it_had_claimed() -> None:
    life = claimed_in_part().do(RejectOrder(ID))
    assert [(c.wanted, c.revision) for c in life.order.claims.values()] == [(D(0), 2), (D(0), 2)]
    life.reply_all()
    assert life.asks == ()
    assert life.goods == {"L1": {"cancelled": D(2)}, "L2": {"cancelled": D(1)}}
    assert life.codes(RejectOrder(ID)) == ["order.cannot_reject"]


def test_a_verified_order_cannot_be_rejected() -> None:
    assert verified().codes(RejectOrder(ID)) == ["order.cannot_reject"]
