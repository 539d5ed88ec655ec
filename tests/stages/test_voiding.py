"""Bookings that are not wanted any more: voided, declined, or left to the others who share the box."""

from __future__ import annotations

from orderflow.commands import BookShipment, CancelOrder, DespatchShipment, PackParcel, ResolveException, VoidShipment
from orderflow.consignment import SharedBox
from orderflow.ledger import CANCELLED, Move
from orderflow.ledger import packed as in_parcel
from orderflow.ports import BookCarrier, GaveUp, Refused, VoidBooking
from orderflow.process import evolve
from orderflow.stages.amendment import OrderAmended
from orderflow.stages.voiding import ShipmentVoided, VoidDeclined, VoidWanted
from orderflow.values import FrozenMap
from tests.scenario import ID, NOW, D, Life, booked, booking_of, given, packed, picked

BOX = SharedBox("BOX-7", "8.2", {ID: 1, "B-2": 1})


def in_a_box() -> Life:
    return packed().do(BookShipment(ID, carrier="DHL", service="parcel", shared=BOX)).reply_all()


def emptied(life: Life, parcel_id: str = "P1") -> Life:
    """Everything in a packed parcel is cancelled."""
    units = life.order.ledger.holding(in_parcel(parcel_id))
    moves = tuple(Move(line_id, in_parcel(parcel_id), CANCELLED, quantity) for line_id, quantity in units.items())
    event = OrderAmended(life.now, moves)
    order = evolve(life.order, event)
    happened = list(life.process.consequences(order, life.now))
    for one in happened:
        order = evolve(order, one)
    life._happened((event, *happened), order)
    return life


# -- by hand --------------------------------------------------------------------------------------------------------


def test_a_voided_shipment_lets_its_parcels_be_booked_otherwise() -> None:
    life = (
        given(booked())
        .when(VoidShipment(ID, "S1", "the wrong service"))
        .then(VoidWanted(NOW, "S1", 1, "the wrong service"))
    )
    assert life.answer(VoidBooking).events == (ShipmentVoided(NOW, "S1", FrozenMap({"P1": "packed"})),)
    assert life.order.tracking_numbers == ()
    life.do(BookShipment(ID, service="express")).reply_all().do(DespatchShipment(ID))
    assert (life.order.state, life.order.shipments["S2"].stage) == ("shipped", "despatched")


def test_a_void_that_the_carrier_declines_is_a_case_and_the_booking_stays() -> None:
    life = booked().do(VoidShipment(ID, "S1")).answer(VoidBooking, Refused("void.too_late"))
    assert life.events[0] == VoidDeclined(NOW, "S1", "void.too_late")
    assert (life.case.code, life.case.options) == ("shipping.void_declined", ("try_again", "keep_booking"))
    assert life.order.shipments["S1"].stage == "booked"
    assert life.do(ResolveException(ID, "X1", "keep_booking")).happened == ["ExceptionResolved"]
    assert life.do(DespatchShipment(ID)).order.state == "shipped"


def test_a_declined_void_can_be_asked_for_once_more_under_a_new_key() -> None:
    life = booked().do(VoidShipment(ID, "S1"))
    first = life.wanted(VoidBooking).key
    life.answer(VoidBooking, Refused("busy")).do(ResolveException(ID, "X1", "try_again"))
    assert life.wanted(VoidBooking).key != first
    assert life.answer(VoidBooking).happened == ["ShipmentVoided"]


def test_a_case_about_a_booking_is_over_when_the_goods_have_left() -> None:
    life = booked().do(VoidShipment(ID, "S1")).answer(VoidBooking, Refused("busy")).do(DespatchShipment(ID))
    assert life.order.open_cases == ()


def test_an_order_can_still_be_cancelled_after_a_void_was_declined() -> None:
    life = booked().do(VoidShipment(ID, "S1")).answer(VoidBooking, Refused("busy")).do(CancelOrder(ID))
    assert life.answer(VoidBooking).order.state == "cancelled"


# -- by themselves --------------------------------------------------------------------------------------------------


def test_a_booking_in_which_nothing_is_left_is_voided_and_its_parcel_is_no_more() -> None:
    life = emptied(booked())
    assert "VoidWanted" in life.happened
    life.answer(VoidBooking)
    assert life.happened[:2] == ["ShipmentVoided", "ParcelEmptied"]
    assert life.order.parcels["P1"].state == "unpacked"


def test_a_carrier_that_will_not_void_an_empty_booking_is_not_asked_for_ever() -> None:
    life = emptied(booked()).answer(VoidBooking, Refused("void.too_late"))
    assert life.case.code == "shipping.void_declined"
    assert life.do(ResolveException(ID, "X1", "keep_booking")).reply_all().asks == ()
    assert "shipping.nothing_in_it" in life.codes(DespatchShipment(ID, "S1"))


# -- shared boxes ---------------------------------------------------------------------------------------------------


def test_an_order_leaves_a_shared_box_only_when_someone_has_taken_its_goods_out() -> None:
    life = in_a_box().do(VoidShipment(ID, "BOX-7"))
    assert (life.happened, life.asks) == (["ExceptionRaised"], ())
    assert life.codes(VoidShipment(ID, "BOX-7")) == ["shipping.void_asked"]
    assert life.do(ResolveException(ID, "X1", "taken_out")).happened == ["ExceptionResolved", "TakenOutOfBox"]
    assert life.order.shipments["BOX-7"].stage == "left_box"
    assert life.codes(BookShipment(ID, service="parcel", shared=BOX)) == ["shipping.shared_id_used"]
    assert life.do(BookShipment(ID, service="parcel")).reply_all().order.shipments["S2"].stage == "booked"


def test_a_shared_box_of_which_nothing_is_left_here_is_asked_about_once() -> None:
    life = emptied(in_a_box())
    assert life.case.code == "shipping.shared_box"
    assert life.do(ResolveException(ID, "X1", "stays_in")).happened == ["ExceptionResolved", "VoidDeclined"]
    assert life.order.open_cases == ()


def test_goods_that_left_in_a_shared_box_are_nobodys_question_any_more() -> None:
    life = in_a_box().do(VoidShipment(ID, "BOX-7")).do(DespatchShipment(ID))
    assert (life.order.state, life.order.open_cases) == ("shipped", ())


def test_a_shared_booking_that_turns_up_late_is_not_voided_over_the_heads_of_others() -> None:
    life = packed().do(BookShipment(ID, carrier="DHL", service="parcel", shared=BOX))
    request = life.wanted(BookCarrier)
    life.hears(request, GaveUp(8, "timeout")).do(ResolveException(ID, "X1", "not_booked"))
    life.hears(request, booking_of(request))
    assert (life.case.options, life.asks) == (("taken_out", "void_booking"), ())
    assert life.codes(DespatchShipment(ID, "BOX-7"))[0] == "shipping.not_booked", "nobody waits for it"
    life.do(ResolveException(ID, life.case.id, "taken_out"))
    assert life.order.shipments["BOX-7"].stage == "left_box"


def test_a_refused_shared_box_is_asked_for_anew_in_the_same_words_under_the_same_key() -> None:
    life = packed().do(BookShipment(ID, carrier="DHL", service="parcel", shared=BOX))
    first = life.wanted(BookCarrier)
    life.hears(first, Refused("busy")).do(ResolveException(ID, "X1", "try_again"))
    again = life.wanted(BookCarrier)
    assert (again.id, again.key, again.generation) == ("book/BOX-7/2", first.key, 1)
    assert life.hears(first, Refused("busy")).events == (), "an echo of the first refusal"
    assert life.hears(again, booking_of(again)).happened == ["ShipmentBooked"]


def test_two_parcels_of_one_order_are_not_one_part_of_a_box() -> None:
    life = picked(lines=[("TEA-250", 2)]).do(PackParcel(ID, "F1", [("L1", D(1))]), PackParcel(ID, "F1"))
    assert life.codes(BookShipment(ID, service="a", shared=BOX)) == ["shipping.several_in_box"]
