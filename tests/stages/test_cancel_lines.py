"""Units of some lines are cancelled: at once where nobody has to be asked, and never once they have left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from orderflow.commands import (
    AmendOrder,
    BookShipment,
    CancelLines,
    CancelOrder,
    DespatchShipment,
    PackParcel,
    RecordDespatch,
    RecordPick,
    RecordTracking,
    UnpackParcel,
)
from orderflow.defaults import STANDARD, one_fulfillment_a_line
from orderflow.errors import InvalidInput
from orderflow.explain import explain
from orderflow.ledger import BACKORDERED, CANCELLED, OPEN, Move, allocated, packed, picked
from orderflow.ports import BookCarrier, ClaimStock, Refused, VoidBooking
from orderflow.process import OrderProcess
from orderflow.stages.advices import DespatchedParcel
from orderflow.stages.changes import (
    CancellationDeclined,
    CancellationRequested,
    LinesCancelled,
    OrderCancelled,
)
from orderflow.stages.stock import ClaimWanted
from tests.scenario import ID, NOW, D, Life, eur, given, held, picking, placed, scan, verified
from tests.scenario import booked as booked_order
from tests.scenario import packed as packed_order
from tests.scenario import picked as picked_order

ONE_A_LINE = attrs.evolve(STANDARD, plan=one_fulfillment_a_line)
TEN: dict[str, Any] = {"lines": [("TEA-250", 10)]}


def two_parcels(first: int = 4) -> Life:
    """Ten packets in two parcels."""
    return picked_order(**TEN).do(PackParcel(ID, "F1", [("L1", first)]), PackParcel(ID, "F1"))


def half_gone() -> Life:
    """Four of ten have left; six are packed, and no carrier has them."""
    life = two_parcels().do(BookShipment(ID, ["P1"], service="parcel")).reply_all()
    return life.do(DespatchShipment(ID, "S1")).reply_all()


def nothing_moves(life: Life) -> None:
    """Nothing is asked, and everything held is wanted."""
    life.reply_all()
    assert [ask for ask in life.asks if not ask.startswith("track/")] == []
    assert all(claim.is_settled and claim.held == claim.wanted for claim in life.order.claims.values())


# -- at once ----------------------------------------------------------------------------------------------------------

STAGES: dict[str, tuple[Callable[[], Life], str]] = {
    "claimed": (lambda: placed(**TEN), OPEN),
    "backordered": (lambda: placed(**TEN).answer(ClaimStock, lambda r: held(r, 0)).reply_all(), BACKORDERED),
    "planned": (lambda: verified(**TEN), allocated("F1")),
    "being picked": (lambda: picking(**TEN), allocated("F1")),
    "picked": (lambda: picked_order(**TEN), picked("F1")),
}


@pytest.mark.parametrize("stage", STAGES)
def test_units_that_are_in_no_parcel_are_cancelled_at_once(stage: str) -> None:
    begin, account = STAGES[stage]
    life = begin().do(CancelLines(ID, {"L1": 3}, "too many"))
    assert life.events[0] == LinesCancelled(NOW, (Move("L1", account, CANCELLED, D(3)),), (), "too many")
    assert life.goods["L1"]["cancelled"] == D(3)
    assert life.order.live_quantity("L1") == 7


def test_a_cancellation_tells_exactly_what_it_did() -> None:
    life = verified(**TEN).do(CancelLines(ID, {"L1": 3}))
    assert [type(event).__name__ for event in life.events] == ["LinesCancelled", "ClaimWanted", "MessageQueued"]
    assert life.events[1] == ClaimWanted(NOW, "C1", "L1", 2, D(7), life.order.claims["C1"].location)
    message = list(life.order.messages.values())[-1]
    assert (message.kind, message.subject) == ("lines_cancelled", "1")
    assert dict(message.body) == {"order": ID, "name": "Ada Krull", "lines": "3 × TEA-250", "total": "63.70 EUR"}
    nothing_moves(life)


def test_units_least_handled_are_cancelled_first() -> None:
    life = verified(**TEN).do(AmendOrder(ID, {"L1": 11})).answer(ClaimStock, lambda r: held(r, 10))
    life.do(CancelLines(ID, {"L1": 3}))
    assert life.events[0] == LinesCancelled(
        NOW, (Move("L1", BACKORDERED, CANCELLED, D(1)), Move("L1", allocated("F1"), CANCELLED, D(2)))
    )


def test_what_is_picked_goes_after_what_is_not() -> None:
    life = picking(**TEN).do(RecordPick(ID, "F1", [("L1", 6)]), CancelLines(ID, {"L1": 5}))
    assert life.goods["L1"] == {"picked:F1": D(5), "cancelled": D(5)}
    assert life.order.fulfillments["F1"].state == "picked"


def test_a_fulfillment_that_lost_all_its_units_withdraws_itself() -> None:
    life = verified(lines=[("TEA-250", 2), ("POT-1", 1)], policy=ONE_A_LINE).do(CancelLines(ID, {"L2": 1}))
    assert [f.state for f in life.order.fulfillments.values()] == ["planned", "cancelled"]


def test_a_backorder_that_is_cancelled_closes_its_case_and_the_rest_goes_on() -> None:
    life = placed(**TEN).answer(ClaimStock, lambda r: held(r, 8)).reply_all()
    assert life.case.code == "stock.short"
    life.do(CancelLines(ID, {"L1": 2})).reply_all()
    assert life.order.open_cases == ()
    assert life.goods["L1"] == {"allocated:F1": D(8), "cancelled": D(2)}


def test_all_units_of_which_none_has_left_is_the_order() -> None:
    for command in (CancelLines(ID, reason="no"), CancelLines(ID, {"L1": 2, "L2": 1}, "no")):
        life = given(verified()).life.do(command)
        assert life.events[0] == CancellationRequested(NOW, "no")
        assert isinstance(life.events[1], OrderCancelled)
        assert [kind for kind, _ in life.told] == ["order_placed", "order_verified", "order_cancelled"]


def test_the_last_line_that_is_cancelled_cancels_the_order() -> None:
    life = verified().do(CancelLines(ID, {"L1": 2}), CancelLines(ID, {"L2": 1}))
    assert life.order.state == "cancelled"
    nothing_moves(life.reply_all())
    assert life.order.total == eur(0)


# -- in parcels -------------------------------------------------------------------------------------------------------


def test_a_parcel_of_which_all_is_cancelled_is_no_more() -> None:
    life = two_parcels().do(CancelLines(ID, {"L1": 4}))
    assert life.happened[:2] == ["CancellationRequested", "LinesCancelled"]
    assert "ParcelEmptied" in life.happened
    assert life.order.parcels["P1"].state == "unpacked"
    assert life.goods["L1"] == {"packed:P2": D(6), "cancelled": D(4)}
    assert ("lines_cancelled", "queued") in life.told


def test_some_units_of_a_parcel_are_cancelled_when_it_is_unpacked() -> None:
    life = packed_order(**TEN).do(CancelLines(ID, {"L1": 3}, "too many"))
    wish = (Move("L1", packed("P1"), CANCELLED, D(3)),)
    assert life.events == (CancellationRequested(NOW, "too many", wish),)
    assert life.goods["L1"] == {"packed:P1": D(10)}
    waits = [str(wait) for wait in explain(life.order, OrderProcess(STANDARD)).waiting_for]
    assert waits == ["BER to unpack P1: 3 × TEA-250 are to be cancelled (fulfillment F1)"]

    life.do(UnpackParcel(ID, "P1"))

    assert life.events[1] == LinesCancelled(NOW, (Move("L1", picked("F1"), CANCELLED, D(3)),), wish)
    assert life.goods["L1"] == {"picked:F1": D(7), "cancelled": D(3)}
    assert life.told[-1] == ("lines_cancelled", "queued")


def test_a_parcel_with_units_to_be_cancelled_is_not_booked() -> None:
    life = two_parcels().do(CancelLines(ID, {"L1": 3}))
    assert life.order.wished_out_of(packed("P2")) == {"L1": D(3)}
    assert life.refusal(BookShipment(ID, ["P2"])) == [("cancellation.requested", "P2")]
    life.do(BookShipment(ID, service="parcel"))
    assert life.order.shipments["S1"].parcel_ids == ("P1",)


def test_units_in_a_booked_parcel_are_cancelled_when_the_void_says_so() -> None:
    life = two_parcels().do(BookShipment(ID, ["P1"], service="parcel")).reply_all().do(CancelLines(ID, {"L1": 10}))
    assert life.order.is_cancelling, "all of it is the order"
    life = two_parcels().do(BookShipment(ID, ["P2"], service="parcel")).reply_all().do(CancelLines(ID, {"L1": 9}))
    assert set(life.happened) == {
        "CancellationRequested",
        "VoidWanted",
        "LinesCancelled",
        "ParcelEmptied",
        "ClaimWanted",
    }
    life.answer(VoidBooking)
    assert life.happened == ["ShipmentVoided"]
    life.do(UnpackParcel(ID, "P2")).reply_all()
    assert life.goods["L1"] == {"picked:F1": D(1), "cancelled": D(9)}
    assert [kind for kind, _ in life.told].count("lines_cancelled") == 1


def test_a_requested_booking_is_awaited_and_then_voided() -> None:
    life = two_parcels().do(BookShipment(ID, ["P2"], service="parcel"), CancelLines(ID, {"L1": 10 - 2}))
    assert life.goods["L1"] == {"packed:P2": D(6), "cancelled": D(4)}
    life.answer(BookCarrier)
    assert life.happened == ["ShipmentBooked", "VoidWanted"]


def test_a_booking_that_was_not_asked_for_yet_is_withdrawn() -> None:
    life = two_parcels().do(BookShipment(ID, ["P2"]), CancelLines(ID, {"L1": 10 - 1}))
    assert life.order.shipments["S1"].stage == "withdrawn"


def test_a_carrier_that_keeps_its_booking_declines_these_units_and_no_others() -> None:
    life = two_parcels().do(BookShipment(ID, ["P2"], service="parcel")).reply_all().do(CancelLines(ID, {"L1": 7}))
    life.answer(VoidBooking, Refused("void.too_late", "it is in the van"))
    kept = (Move("L1", packed("P2"), CANCELLED, D(3)),)
    assert life.events[1] == CancellationDeclined(NOW, "void.too_late", "it is in the van", kept)
    assert life.goods["L1"] == {"packed:P2": D(6), "cancelled": D(4)}
    message = list(life.order.messages.values())[-1]
    assert (message.kind, message.body["lines"], message.body["declined"]) == (
        "lines_cancelled",
        "4 × TEA-250",
        "3 × TEA-250",
    )
    assert life.reply_all().asks == ()
    assert life.do(DespatchShipment(ID)).order.state == "shipped"


def test_a_wish_of_which_nothing_came_is_not_told_as_a_cancellation() -> None:
    life = booked_order(**TEN).do(CancelLines(ID, {"L1": 3})).answer(VoidBooking, Refused("no")).reply_all()
    assert "lines_cancelled" not in [kind for kind, _ in life.told]
    assert life.order.to_be_cancelled == ()
    assert dict(life.order.line_cancellations[-1].declined) == {"L1": D(3)}


def test_a_whole_order_that_a_carrier_keeps_takes_no_earlier_wish_along() -> None:
    life = two_parcels().do(BookShipment(ID, ["P2"], service="parcel")).reply_all()
    life.do(CancelLines(ID, {"L1": 2}), CancelOrder(ID)).answer(VoidBooking, Refused("no"))
    assert not life.order.is_cancelling
    assert life.order.wished_out_of(packed("P1")) == {"L1": D(2)}
    life.do(UnpackParcel(ID, "P1"))
    assert life.goods["L1"] == {"packed:P2": D(6), "picked:F1": D(2), "cancelled": D(2)}


def test_an_earlier_wish_for_the_same_parcel_is_declined_with_the_order() -> None:
    life = booked_order(**TEN).do(CancelLines(ID, {"L1": 2}), CancelOrder(ID)).answer(VoidBooking, Refused("no"))
    assert life.order.to_be_cancelled == ()
    assert life.asks == ("send/M3",)
    assert life.told[-1] == ("cancellation_declined", "queued")


def leaves(number: str, units: int) -> RecordDespatch:
    """The ERP says that a parcel has left after all."""
    return RecordDespatch(ID, "ERP", "D-1", [DespatchedParcel([("L1", units)], number)])


def test_a_parcel_that_left_after_all_takes_its_units_along() -> None:
    life = booked_order(**TEN).do(CancelLines(ID, {"L1": 3}), leaves("T-S1-1", 10))
    assert dict(life.order.line_cancellations[-1].declined) == {"L1": D(3)}
    assert life.goods["L1"] == {"shipped:P1": D(10)}
    assert not [ask for ask in life.asks if ask.startswith("void/")]
    assert "lines_cancelled" not in [kind for kind, _ in life.told]


def test_an_order_of_which_a_parcel_left_after_all_loses_the_rest() -> None:
    life = two_parcels().do(BookShipment(ID, ["P1"], service="parcel")).reply_all()
    life.do(CancelOrder(ID), leaves("T-S1-1", 4))
    assert life.goods["L1"] == {"shipped:P1": D(4), "cancelled": D(6)}
    assert not life.order.is_cancelling
    assert life.order.state == "shipped"


# -- after a part has left --------------------------------------------------------------------------------------------


def test_the_rest_after_a_partial_shipment_is_cancelled_and_the_order_is_shipped_by_itself() -> None:
    life = half_gone().do(CancelLines(ID))
    assert life.goods["L1"] == {"shipped:P1": D(4), "cancelled": D(6)}
    assert life.order.state == "shipped"
    assert life.order.fulfillments["F1"].state == "despatched"
    nothing_moves(life)
    life.do(RecordTracking(ID, [scan("delivered", hours=30)])).reply_all()
    assert life.order.state == "completed"
    assert life.order.total == eur("36.40")
    assert [kind for kind, _ in life.told].count("lines_cancelled") == 1


def test_an_order_of_which_the_rest_is_cancelled_after_the_delivery_is_completed_by_that() -> None:
    life = half_gone().do(RecordTracking(ID, [scan("delivered", hours=30)])).reply_all()
    assert life.order.state == "in_fulfillment"
    life.do(CancelLines(ID)).reply_all()
    assert life.order.state == "completed"


def test_goods_that_are_gone_are_refused_with_what_can_still_be_cancelled() -> None:
    life = half_gone()
    (violation,) = life.process.violations(life.order, CancelLines(ID, {"L1": 7}))
    assert (violation.code, violation.path) == ("cancellation.too_late", "quantities[L1]")
    assert violation.message == "7 units of L1 are to be cancelled, 6 still can be"


def test_to_cancel_an_order_of_which_a_part_has_left_names_the_remedy() -> None:
    life = half_gone()
    (violation,) = life.process.violations(life.order, CancelOrder(ID))
    assert (violation.code, violation.remedy) == ("cancellation.goods_have_left", "CancelLines")


def test_units_that_wait_to_be_cancelled_cannot_be_cancelled_twice() -> None:
    life = packed_order(**TEN).do(CancelLines(ID, {"L1": 3}))
    assert life.codes(CancelLines(ID, {"L1": 8})) == ["cancellation.too_late"]
    life.do(CancelLines(ID, {"L1": 2}), UnpackParcel(ID, "P1"))
    assert life.goods["L1"] == {"picked:F1": D(5), "cancelled": D(5)}
    assert [kind for kind, _ in life.told].count("lines_cancelled") == 1


def test_a_parcel_the_carrier_already_has_is_gone() -> None:
    life = two_parcels().do(BookShipment(ID, ["P1"], service="parcel")).reply_all()
    life.do(RecordTracking(ID, [scan("in_transit", hours=1)]))
    assert life.codes(CancelLines(ID, {"L1": 7})) == ["cancellation.too_late"]
    assert life.do(CancelLines(ID)).goods["L1"] == {"packed:P1": D(4), "cancelled": D(6)}


# -- money ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cuts", [[1] * 9, [4, 5], [9], [2, 3, 4]])
def test_however_it_is_cut_what_is_owed_back_is_the_same(cuts: list[int]) -> None:
    life = verified(**TEN)
    for units in cuts:
        life.do(CancelLines(ID, {"L1": units}))
    assert life.order.credited.total == eur("81.90")
    assert life.order.total == eur("9.10")


def test_units_without_a_price_are_cancelled_before_those_that_have_one() -> None:
    life = placed(**TEN).do(CancelLines(ID, {"L1": 4})).reply_all()
    assert life.order.total == eur("54.60")
    assert life.order.is_priced


@pytest.mark.parametrize("quantities", [{}, {"L1": 0}, {"L1": -1}, {"L1": 1.5}, [("L1", 1)]])
def test_what_is_no_quantity_is_refused_at_once(quantities: object) -> None:
    with pytest.raises(InvalidInput):
        CancelLines(ID, quantities)  # type: ignore[arg-type]
