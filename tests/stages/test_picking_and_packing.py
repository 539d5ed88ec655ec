"""Goods come off the shelf and go into parcels, in one go or in several."""

from __future__ import annotations

from typing import Any

import pytest

from orderflow.commands import PackParcel, RecordPick, ResolveException, StartPicking, UnpackParcel
from orderflow.errors import InvalidInput
from orderflow.explain import explain
from orderflow.order import Goods
from orderflow.ports import ClaimStock
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.exceptions import ExceptionRaised
from orderflow.stages.packing import PackingFinished, ParcelPacked, ParcelUnpacked
from orderflow.stages.picking import (
    GoodsPicked,
    OrderInFulfillment,
    PickedShort,
    PickingFinished,
    PickingStarted,
    ShortPick,
)
from orderflow.stages.stock import LineBackordered
from orderflow.values import Address
from tests.scenario import BERLIN, ID, NOW, D, Life, given, packed, picked, picking, placed, verified

TWO = {"lines": [("TEA-250", 2)]}
SSCC = "340123450000000000"
PARIS = Address("FR", "Rue Cler 9", city="Paris", postal_code="75007", name="Ada Krull")
#: What of a line says that it goes another way than the others.
ANOTHER_WAY: dict[str, dict[str, Any]] = {
    "address": {"ship_to": PARIS},
    "service": {"service": "express"},
    "carrier": {"carrier": "UPS"},
}
EVERYTHING = (Goods("L1", D(2)), Goods("L2", D(1)))


#: What can be done about stock that nobody has.
SHORT = ("try_again", "ship_available", "cancel_rest", "cancel_order")


def test_the_first_location_that_picks_puts_the_order_in_fulfillment() -> None:
    given(verified()).when(StartPicking(ID, "F1")).then(
        PickingStarted(NOW, "F1", "picking"), OrderInFulfillment(NOW, "in_fulfillment")
    )


def test_a_second_location_only_starts_its_own_picking() -> None:
    from orderflow.ports import ClaimStock, QuotePrices
    from tests.scenario import held

    life = placed().answer(QuotePrices).answer(ClaimStock, about="C1")
    life.answer(ClaimStock, lambda request: held(request, location="HAM")).reply_all().do(StartPicking(ID, "F1"))
    given(life).when(StartPicking(ID, "F2")).then(PickingStarted(NOW, "F2", "picking"))


def test_a_pick_without_a_list_takes_everything() -> None:
    life = (
        given(picking())
        .when(RecordPick(ID, "F1"))
        .then(GoodsPicked(NOW, "F1", EVERYTHING), PickingFinished(NOW, "F1", "picked"))
    )
    assert life.goods == {"L1": {"picked:F1": D(2)}, "L2": {"picked:F1": D(1)}}


def test_picking_in_several_goes_is_finished_with_the_last() -> None:
    life = given(picking()).when(RecordPick(ID, "F1", [("L1", 1)])).then(GoodsPicked(NOW, "F1", (Goods("L1", D(1)),)))
    assert life.goods["L1"] == {"allocated:F1": D(1), "picked:F1": D(1)}
    given(life).when(RecordPick(ID, "F1")).then(
        GoodsPicked(NOW, "F1", (Goods("L1", D(1)), Goods("L2", D(1)))), PickingFinished(NOW, "F1", "picked")
    )


def test_what_is_read_off_the_goods_is_kept() -> None:
    goods = Goods("L1", "2", measured="0.51", lot="7B", serials=["S1", "S2"])  # type: ignore[arg-type]
    life = picking().do(RecordPick(ID, "F1", [goods]))
    assert life.events == (GoodsPicked(NOW, "F1", (Goods("L1", D(2), D("0.51"), "7B", ("S1", "S2")),)),)


def test_more_than_is_there_is_not_picked_even_in_two_rows() -> None:
    given(picking()).when(RecordPick(ID, "F1", [("L2", 1), ("L1", 1), ("L1", 2), ("L9", 1)])).refused(
        ("picking.takes_too_much", "goods[1].quantity"), ("picking.takes_too_much", "goods[3].quantity")
    )


def test_what_was_not_found_is_open_again_and_not_counted_as_held_any_more() -> None:
    life = (
        given(picking())
        .when(RecordPick(ID, "F1", [("L1", 1), ("L2", 1)], short={"L1": "damaged"}))
        .then(
            GoodsPicked(NOW, "F1", (Goods("L1", D(1)), Goods("L2", D(1)))),
            PickedShort(NOW, "F1", "L1", D(1), "damaged"),
            LineBackordered(NOW, "L1", D(1)),
            PickingFinished(NOW, "F1", "picked"),
            ExceptionRaised(NOW, "X1", "stock.short", "L1", "1 of 2 × TEA-250 can be had", SHORT),
        )
    )
    assert life.goods["L1"] == {"picked:F1": D(1), "backordered": D(1)}
    (claim,) = life.order.claims_on("L1")
    assert (claim.held, claim.missed, life.order.free_hold(claim)) == (D(2), D(1), D(0))


def test_everything_but_what_is_short_is_taken_where_nothing_else_is_said() -> None:
    life = picking().do(RecordPick(ID, "F1", short=[ShortPick("L1", "not found", 1)]))
    assert life.goods == {"L1": {"picked:F1": D(1), "backordered": D(1)}, "L2": {"picked:F1": D(1)}}


def test_a_location_that_finds_nothing_has_nothing_left_to_do() -> None:
    life = picking(**TWO).do(RecordPick(ID, "F1", short={"L1": "not found"}))
    assert life.goods == {"L1": {"backordered": D(2)}}
    assert life.order.fulfillments["F1"].state == "cancelled"


def test_the_inventory_that_was_asked_anew_is_believed_again() -> None:
    life = picking(**TWO).do(RecordPick(ID, "F1", [("L1", 1)], short={"L1": "not found"}))
    life.do(ResolveException(ID, "X1", "try_again")).answer(ClaimStock)
    (claim,) = life.order.claims_on("L1")
    assert (claim.held, claim.missed) == (D(2), D(0))
    assert life.goods["L1"] == {"picked:F1": D(1), "allocated:F2": D(1)}


@pytest.mark.parametrize("short", [{"": "lost"}, {"L1": 7}, [("L1", "lost")], "L1", {"L1": "x" * 201}])
def test_a_short_pick_that_is_none_is_refused(short: Any) -> None:
    with pytest.raises(InvalidInput):
        RecordPick(ID, "F1", short=short)


def test_goods_that_are_none_are_told_with_their_paths() -> None:
    with pytest.raises(InvalidInput) as invalid:
        RecordPick(ID, "F1", [("L1", 0.5), ("", -1), 7])  # type: ignore[list-item]
    assert [violation.path for violation in invalid.value.violations] == [
        "goods[0].quantity",
        "goods[1].line_id",
        "goods[1].quantity",
        "goods[2]",
    ]


def test_a_parcel_without_a_list_holds_everything_that_is_picked() -> None:
    command = PackParcel(ID, "F1", weight_kg="1.2", dimensions_cm=(30, 20, "10.5"), sscc=SSCC)
    life = (
        given(picked())
        .when(command)
        .then(
            ParcelPacked(NOW, "P1", "F1", EVERYTHING, "packed", "picked", D("1.2"), (D(30), D(20), D("10.5")), SSCC),
            PackingFinished(NOW, "F1", "packed"),
        )
    )
    assert life.goods == {"L1": {"packed:P1": D(2)}, "L2": {"packed:P1": D(1)}}
    assert life.order.parcels["P1"].weight_kg == D("1.2")


def test_several_parcels_are_packed_one_by_one() -> None:
    life = (
        given(picked())
        .when(PackParcel(ID, "F1", [("L1", 1)]))
        .then(ParcelPacked(NOW, "P1", "F1", (Goods("L1", D(1)),), "packed", "picked"))
    )
    life.do(PackParcel(ID, "F1", [("L1", 1), ("L2", 1)]))
    assert life.happened == ["ParcelPacked", "PackingFinished"]
    assert life.goods == {"L1": {"packed:P1": D(1), "packed:P2": D(1)}, "L2": {"packed:P2": D(1)}}


def test_more_than_is_picked_is_not_packed() -> None:
    given(picked()).when(PackParcel(ID, "F1", [("L1", 3)])).refused(("packing.takes_too_much", "contents[0].quantity"))


def test_an_unpacked_parcel_gives_its_goods_back_to_be_packed_anew() -> None:
    life = given(packed()).when(UnpackParcel(ID, "P1")).then(ParcelUnpacked(NOW, "P1", "unpacked", "picked"))
    assert life.goods == {"L1": {"picked:F1": D(2)}, "L2": {"picked:F1": D(1)}}
    life.do(PackParcel(ID, "F1"))
    assert life.happened == ["ParcelPacked", "PackingFinished"]
    assert life.order.contents_of("P2") == {"L1": D(2), "L2": D(1)}


def test_one_of_several_parcels_can_be_unpacked() -> None:
    life = picked(**TWO).do(PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1"), UnpackParcel(ID, "P1"))
    assert life.goods == {"L1": {"packed:P2": D(1), "picked:F1": D(1)}}
    assert life.order.fulfillments["F1"].state == "picked"


@pytest.mark.parametrize("sides", [(1, 2), (1, 2, 3, 4), (1, 2, 0), (1, 2, 3.5)])
def test_a_parcel_has_three_sides_that_are_exact_and_above_zero(sides: tuple[object, ...]) -> None:
    with pytest.raises(InvalidInput):
        PackParcel(ID, "F1", dimensions_cm=sides)  # type: ignore[arg-type]


# -- one parcel goes one way ----------------------------------------------------------------------------------------


def two_ways(way: str) -> Life:
    """Picked: two lines that go the way of the order, and between them one that goes another."""
    other = OrderLine("POT-1", 1, **ANOTHER_WAY[way])
    return picked(lines=[("TEA-250", 2), other, ("CUP-1", 3)])


@pytest.mark.parametrize("way", ANOTHER_WAY)
def test_goods_that_go_different_ways_are_not_put_into_one_parcel(way: str) -> None:
    life = (
        given(two_ways(way)).when(PackParcel(ID, "F1", [("L1", 1), ("L2", 1)])).refused(("packing.mixed", "contents"))
    )
    life.do(PackParcel(ID, "F1", [("L1", 1), ("L3", 3)]))
    assert life.order.contents_of("P1") == {"L1": D(1), "L3": D(3)}


@pytest.mark.parametrize("way", ANOTHER_WAY)
def test_a_parcel_without_a_list_holds_what_goes_the_way_of_the_first_and_the_next_the_others(way: str) -> None:
    life = two_ways(way).do(PackParcel(ID, "F1"))
    assert life.order.contents_of("P1") == {"L1": D(2), "L3": D(3)}
    assert life.order.fulfillments["F1"].state == "picked"
    life.do(PackParcel(ID, "F1"))
    assert life.order.contents_of("P2") == {"L2": D(1)}
    assert life.order.fulfillments["F1"].state == "packed"


def test_goods_of_one_address_are_one_parcel_however_it_was_said() -> None:
    life = picked(lines=[("TEA-250", 2), OrderLine("POT-1", 1, ship_to=BERLIN)])
    assert life.do(PackParcel(ID, "F1", [("L1", 2), ("L2", 1)])).order.fulfillments["F1"].state == "packed"


def test_that_the_first_way_can_be_packed_is_told_as_possible() -> None:
    life = two_ways("address")
    assert PackParcel(ID, "F1") in explain(life.order, life.process).possible


# -- the number of a parcel -----------------------------------------------------------------------------------------

#: Serial shipping container codes: the last digit of 18 checks the others.
GOOD_SSCC = [SSCC, "000000000000000000", "106141412345678908", "376104250021234569", ""]


@pytest.mark.parametrize("sscc", GOOD_SSCC)
def test_a_container_code_with_its_check_digit_is_taken_and_none_means_none(sscc: str) -> None:
    assert PackParcel(ID, "F1", sscc=sscc).sscc == sscc


BAD_SSCC: list[Any] = [
    "123",
    "00340",
    "1061414123456789080",
    "10614141234567890",
    "106141412345678907",
    "106141412345678980",
    "10614141234567890X",
    " 106141412345678908",
    "\u0661" * 18,
    106141412345678908,
    None,
]


@pytest.mark.parametrize("sscc", BAD_SSCC, ids=repr)
def test_a_container_code_that_is_none_is_refused_with_its_path(sscc: Any) -> None:
    with pytest.raises(InvalidInput) as invalid:
        PackParcel(ID, "F1", sscc=sscc)
    assert [(violation.code, violation.path) for violation in invalid.value.violations] == [
        ("packing.bad_sscc", "sscc")
    ]


@pytest.mark.parametrize("place", range(18))
def test_one_wrong_digit_in_a_container_code_is_found(place: int) -> None:
    good = "106141412345678908"
    for digit in set("0123456789") - {good[place]}:
        with pytest.raises(InvalidInput):
            PackParcel(ID, "F1", sscc=good[:place] + digit + good[place + 1 :])
