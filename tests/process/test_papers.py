"""The papers of a warehouse: a walk for many orders and back again, proposals for parcels, the slip in the box."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from orderflow.cartons import Box, Measure, Packable, first_fit_decreasing, weight_of
from orderflow.commands import BookShipment, CancelOrder, PackParcel, PlaceHold, RecordPick, StartPicking
from orderflow.defaults import STANDARD
from orderflow.errors import InvalidInput
from orderflow.order import Goods
from orderflow.papers import Taken, packing_slip, pick_list, record_picks, start_picks
from orderflow.ports import ClaimStock, QuotePrices
from orderflow.proposals import propose_parcels
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.picking import ShortPick
from tests.scenario import BERLIN, ID, D, Life, a_place_order, held, packed, picked, picking, verified

BINS = {"TEA-250": "B-02", "POT-1": "A-07"}


def another(order_id: str, **changes: Any) -> Life:
    life = Life()
    life.do(a_place_order(order_id=order_id, **changes)).reply_all()
    return life


# -- pick lists -----------------------------------------------------------------------------------------------------


def test_a_pick_list_goes_through_the_bins_for_many_orders() -> None:
    orders = [another("A-1").order, another("A-2", lines=[("TEA-250", 5)]).order]
    walk = pick_list("W-17", "BER", orders, lambda sku: BINS[sku])
    assert [(r.number, r.bin, r.sku, r.quantity, r.order_id, r.line_id) for r in walk.rows] == [
        (1, "A-07", "POT-1", D(1), "A-1", "L2"),
        (2, "B-02", "TEA-250", D(2), "A-1", "L1"),
        (3, "B-02", "TEA-250", D(5), "A-2", "L1"),
    ]
    assert walk.totals == {("A-07", "POT-1"): D(1), ("B-02", "TEA-250"): D(7)}


def test_other_locations_and_orders_that_must_not_be_picked_are_left_out() -> None:
    stopped = verified().do(PlaceHold(ID, "credit"))
    gone = verified().do(CancelOrder(ID))
    assert pick_list("W-17", "BER", [stopped.order, gone.order]).rows == ()
    assert pick_list("W-17", "HAM", [verified().order]).rows == ()
    assert len(pick_list("W-17", "BER", [verified().order]).rows) == 2


def test_nothing_of_an_order_that_is_being_cancelled_is_on_a_list() -> None:
    life = Life().do(a_place_order()).answer(QuotePrices).answer(ClaimStock, about="C1")
    life.answer(ClaimStock, lambda request: held(request, location="HAM")).reply_all()
    life.do(StartPicking(ID, "F1"), RecordPick(ID, "F1"), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, service="parcel")).reply_all()
    assert len(pick_list("W-17", "HAM", [life.order]).rows) == 1
    life.do(CancelOrder(ID))
    assert life.order.is_cancelling
    assert pick_list("W-17", "HAM", [life.order]).rows == ()


def test_what_is_picked_is_not_on_a_list_again() -> None:
    life = picking().do(RecordPick(ID, "F1", [("L1", 1)]))
    assert [(row.line_id, row.quantity) for row in pick_list("W", "BER", [life.order]).rows] == [
        ("L2", D(1)),
        ("L1", D(1)),
    ]


def test_a_walk_comes_back_as_one_command_for_each_fulfillment() -> None:
    orders = [another("A-1").order, another("A-2", lines=[("TEA-250", 5)]).order]
    walk = pick_list("W-17", "BER", orders, lambda sku: BINS[sku])
    assert start_picks(walk, orders) == (StartPicking("A-1", "F1"), StartPicking("A-2", "F1"))
    back = record_picks(
        walk, [Taken(1, 1), Taken(3, 2, lot="7B"), Taken(3, 2, "damaged", lot="8A"), Taken(2, 0, "not found")]
    )
    assert back == (
        RecordPick("A-1", "F1", [("L2", 1)], [ShortPick("L1", "not found", 2)], "W-17"),
        RecordPick(
            "A-2",
            "F1",
            [Goods("L1", D(2), lot="7B"), Goods("L1", D(2), lot="8A")],
            [ShortPick("L1", "damaged", 1)],
            "W-17",
        ),
    )


def test_what_comes_back_is_accepted_and_keeps_the_number_of_the_list() -> None:
    life = verified()
    walk = pick_list("W-17", "BER", [life.order])
    life.do(*start_picks(walk, [life.order]))
    assert start_picks(walk, [life.order]) == ()
    (command,) = record_picks(walk, [Taken(1, 1), Taken(2, 1, short="not found")])
    life.do(command)
    assert life.events[0].reference == "W-17"  # type: ignore[attr-defined]
    assert life.happened[:2] == ["GoodsPicked", "PickedShort"]


def test_a_row_of_which_nothing_was_told_stays_to_be_picked() -> None:
    walk = pick_list("W-17", "BER", [picking().order])
    (command,) = record_picks(walk, [Taken(1, 1)])
    life = picking().do(command)
    assert life.order.ledger.of_kind("L1", "allocated") == D(2)


def test_a_row_that_is_none_and_a_shortage_of_nothing_are_told() -> None:
    walk = pick_list("W-17", "BER", [picking().order])
    with pytest.raises(InvalidInput) as invalid:
        record_picks(walk, [Taken(7, 1), Taken(1, 1, short="why")])
    assert [(v.code, v.path) for v in invalid.value.violations] == [
        ("pick_list.unknown_row", "taken[0].row"),
        ("pick_list.nothing_is_short", "taken[1].short"),
    ]
    for bad in ({"row": 0, "quantity": 1}, {"row": True, "quantity": 1}, {"row": 1, "quantity": -1}):
        with pytest.raises(InvalidInput):
            Taken(**bad)


# -- proposals ------------------------------------------------------------------------------------------------------


def test_a_proposal_is_accepted_as_it_is() -> None:
    measures = {"TEA-250": Measure("0.4", (10, 10, 20)), "POT-1": Measure("1.5", (20, 20, 20))}
    box = Box(max_weight_kg=2, dimensions_cm=(30, 30, 30), tare_kg="0.2")
    life = picked(lines=[("TEA-250", 7), ("POT-1", 1)])
    commands = propose_parcels(life.order, "F1", STANDARD, box, measures.__getitem__)
    assert [(command.contents, command.weight_kg) for command in commands] == [
        ((Goods("L2", D(1)), Goods("L1", D(1))), D("2.1")),
        ((Goods("L1", D(5)),), D("2.2")),
        ((Goods("L1", D(1)),), D("0.6")),
    ]
    life.do(*commands)
    assert life.order.fulfillments["F1"].state == "packed"


def test_what_goes_different_ways_goes_into_different_boxes() -> None:
    life = picked(lines=[("TEA-250", 1), OrderLine("POT-1", 1, service="express")])
    commands = propose_parcels(life.order, "F1", STANDARD, Box())
    assert [command.contents for command in commands] == [(Goods("L1", D(1)),), (Goods("L2", D(1)),)]
    assert life.do(*commands).order.fulfillments["F1"].state == "packed"


def test_serials_go_with_their_units() -> None:
    life = picking(lines=[("TEA-250", 3)]).do(RecordPick(ID, "F1", [Goods("L1", D(3), serials=("A", "B", "C"))]))
    commands = propose_parcels(life.order, "F1", STANDARD, Box(2), lambda sku: Measure(1))
    assert [command.contents[0].serials for command in commands if command.contents] == [("A", "B"), ("C",)]
    life.do(*commands)


def test_what_is_too_heavy_for_any_box_travels_alone() -> None:
    boxes = first_fit_decreasing(
        (Packable(Goods("L1", D(2)), Measure(5)), Packable(Goods("L2", D(1)), Measure(1))), Box(2)
    )
    assert [[(one.goods.line_id, one.goods.quantity) for one in box] for box in boxes] == [
        [("L1", D(1))],
        [("L1", D(1))],
        [("L2", D(1))],
    ]


def test_what_nobody_has_measured_goes_into_one_box_without_a_weight() -> None:
    life = picked()
    (command,) = propose_parcels(life.order, "F1", STANDARD, Box(2, (1, 1, 1)))
    assert (command.contents, command.weight_kg) == ((Goods("L1", D(2)), Goods("L2", D(1))), None)


amount = st.decimals(min_value=Decimal("0.1"), max_value=20, places=1)
packable = st.builds(
    lambda number, quantity, weight, sides: Packable(Goods(f"L{number}", quantity), Measure(weight, sides)),
    st.integers(1, 5),
    amount,
    st.none() | amount,
    st.none() | st.tuples(amount, amount, amount),
)


@for_all(st.lists(packable, max_size=6).map(tuple), st.none() | amount, st.none() | st.tuples(amount, amount, amount))
def test_everything_is_packed_once_and_no_box_of_several_units_is_too_full(
    packables: tuple[Packable, ...], most: Any, sides: Any
) -> None:
    box = Box(most, sides)
    boxes = first_fit_decreasing(packables, box)
    assert all(boxes)
    packed_units = sum(one.goods.quantity for contents in boxes for one in contents)
    assert packed_units == sum(one.goods.quantity for one in packables)
    for contents in boxes:
        if sum(one.goods.quantity for one in contents) > 1:
            known = tuple(one for one in contents if one.measure.weight_kg is not None)
            weight, volume = weight_of(known), sum((o.measure.volume or 0) * o.goods.quantity for o in contents)
            assert most is None or weight is None or weight <= most
            assert box.volume is None or volume <= box.volume


# -- slips ----------------------------------------------------------------------------------------------------------


def test_a_slip_says_what_is_in_the_parcel_and_what_is_still_to_come() -> None:
    life = picking().do(RecordPick(ID, "F1", [Goods("L1", D(2), lot="7B"), ("L2", 1)]))  # type: ignore[list-item]
    life.do(PackParcel(ID, "F1", [Goods("L1", D(1), lot="7B")], sscc="340123450000000000"), PackParcel(ID, "F1"))
    slip = packing_slip(life.order, "P1")
    assert (slip.order_id, slip.reference, slip.parcel_id, slip.ship_to) == (ID, ID, "P1", BERLIN)
    assert slip.sscc == "340123450000000000"
    assert [(row.sku, row.quantity, row.lot) for row in slip.rows] == [("TEA-250", D(1), "7B")]
    assert [(row.sku, row.quantity) for row in slip.to_come] == [("TEA-250", D(1)), ("POT-1", D(1))]


def test_the_slip_of_the_last_parcel_has_nothing_to_come() -> None:
    assert packing_slip(packed().order, "P1").to_come == ()
