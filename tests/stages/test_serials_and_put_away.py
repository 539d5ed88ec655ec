"""Lots and serial numbers follow the goods from the shelf into the parcel; what was cancelled goes back."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from orderflow.commands import CancelLines, CancelOrder, PackParcel, RecordPick, RecordPutAway, UnpackParcel
from orderflow.explain import explain
from orderflow.order import Goods
from orderflow.stages.holds import WarningRecorded
from orderflow.stages.packing import on_the_table
from tests.scenario import ID, NOW, D, Life, booked, given, packed, picked, picking

FIVE = {"lines": [("TEA-250", 5)]}
SSCC = "340123450000000000"


def goods(quantity: Any, **read: Any) -> Goods:
    return Goods("L1", D(quantity), **read)


def numbered(*serials: str) -> Goods:
    return goods(len(serials), serials=serials)


# -- at the shelf ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("serials", [("A",), ("A", "B", "C"), ("A", "A")])
def test_every_unit_has_a_serial_of_its_own(serials: tuple[str, ...]) -> None:
    command = RecordPick(ID, "F1", [goods(2, serials=serials)])
    given(picking(**FIVE)).when(command).refused(("goods.serials_differ", "goods[0].serials"))


def test_half_a_unit_has_no_serial() -> None:
    command = RecordPick(ID, "F1", [goods("1.5", serials=("A",))])
    given(picking(**FIVE)).when(command).refused(("goods.serials_differ", "goods[0].serials"))


def test_a_serial_is_picked_once_in_an_order() -> None:
    life = picking(**FIVE).do(RecordPick(ID, "F1", [numbered("A", "B")]))
    given(life).when(RecordPick(ID, "F1", [numbered("C", "B")])).refused(("picking.serial_twice", "goods[0].serials"))
    given(life).when(RecordPick(ID, "F1", [numbered("C"), numbered("C")])).refused(
        ("picking.serial_twice", "goods[1].serials")
    )


def test_the_same_serial_of_two_products_is_of_two_units() -> None:
    life = picking().do(RecordPick(ID, "F1", [numbered("A", "B"), Goods("L2", D(1), serials=("A",))]))
    assert life.order.fulfillments["F1"].state == "picked"


def test_goods_that_are_past_their_day_are_on_record() -> None:
    life = picking(**FIVE).do(RecordPick(ID, "F1", [goods(2, expires_on=date(2026, 11, 22)), goods(3)]))
    told = "2 × TEA-250 expired on 2026-11-22"
    assert WarningRecorded(NOW, "picking.expired", told, "goods[0].expires_on") in life.events
    life = picking(**FIVE).do(RecordPick(ID, "F1", [goods(5, expires_on=date(2026, 11, 23))]))
    assert "WarningRecorded" not in life.happened


# -- on the packing table -------------------------------------------------------------------------------------------


def test_a_parcel_without_a_list_holds_what_was_read_at_the_shelf() -> None:
    read = (goods(2, lot="7B", expires_on=date(2027, 1, 1), measured=D("0.51")), numbered("A", "B"))
    life = picking(**FIVE).do(RecordPick(ID, "F1", [*read, goods(1)]), PackParcel(ID, "F1"))
    assert life.order.parcels["P1"].contents == (*read, goods(1))


def test_what_is_in_a_parcel_is_not_on_the_table() -> None:
    life = picking(**FIVE).do(RecordPick(ID, "F1", [goods(3, lot="7B"), numbered("A", "B")]))
    life.do(PackParcel(ID, "F1", [goods(1, lot="7B"), numbered("B")]))
    assert on_the_table(life.order, "F1") == (goods(2, lot="7B"), numbered("A"))
    life.do(UnpackParcel(ID, "P1"))
    assert on_the_table(life.order, "F1") == (goods(3, lot="7B"), numbered("A", "B"))


def test_what_was_cancelled_is_not_on_the_table() -> None:
    life = picking(**FIVE).do(RecordPick(ID, "F1", [numbered("A", "B", "C", "D", "E")]))
    life.do(CancelLines(ID, {"L1": 2}))
    assert on_the_table(life.order, "F1") == (numbered("A", "B", "C"),)


def test_a_serial_that_was_not_picked_is_not_packed_nor_one_twice() -> None:
    life = picking(**FIVE).do(RecordPick(ID, "F1", [numbered("A", "B", "C", "D", "E")]))
    life.do(PackParcel(ID, "F1", [numbered("A", "B")]))
    given(life).when(
        PackParcel(
            ID,
            "F1",
            [
                numbered("X"),
                numbered("B"),
                numbered("C"),
            ],
        )
    ).refused(("packing.serial_not_there", "contents[0].serials"), ("packing.serial_not_there", "contents[1].serials"))
    given(life).when(PackParcel(ID, "F1", [numbered("C"), numbered("C")])).refused(
        ("packing.serial_not_there", "contents[1].serials")
    )
    given(life).when(PackParcel(ID, "F1", [goods(2, serials=("C",))])).refused(
        ("goods.serials_differ", "contents[0].serials")
    )


def test_serials_that_are_read_first_on_the_table_are_taken() -> None:
    life = picked(**FIVE).do(PackParcel(ID, "F1", [numbered("A", "B")]))
    assert life.order.parcels["P1"].contents == (numbered("A", "B"),)


def test_two_parcels_do_not_have_one_container_code() -> None:
    life = picked(**FIVE).do(PackParcel(ID, "F1", [("L1", 1)], sscc=SSCC))
    given(life).when(PackParcel(ID, "F1", sscc=SSCC)).refused(("packing.sscc_twice", "sscc"))
    life.do(UnpackParcel(ID, "P1"), PackParcel(ID, "F1", sscc=SSCC))
    assert life.order.contents_of("P2") == {"L1": D(5)}


# -- back on the shelf ----------------------------------------------------------------------------------------------


def awaited(life: Life) -> list[str]:
    return [str(wait) for wait in explain(life.order, life.process).waiting_for]


@pytest.mark.parametrize("situation", [picked, packed])
def test_what_was_in_hand_when_it_was_cancelled_goes_back_on_the_shelf(situation: Any) -> None:
    life = situation(**FIVE).do(CancelOrder(ID)).reply_all()
    assert life.order.state == "cancelled"
    assert life.order.put_away == {"F1": {"L1": D(5)}}
    assert "BER to put 5 × TEA-250 back on the shelf (fulfillment F1)" in awaited(life)
    assert "put_away:BER" in life.order.labels
    life.do(RecordPutAway(ID, "F1", [("L1", 2)]))
    assert life.order.put_away == {"F1": {"L1": D(3)}}
    before = life.order
    life.do(RecordPutAway(ID, "F1"))
    assert life.order.put_away == {}
    assert life.order.relabelled(before) == (frozenset(), {"put_away:BER"})
    assert not any("shelf" in told for told in awaited(life))
    assert "put_away:BER" not in life.order.labels


def test_what_nobody_had_in_hand_does_not_go_back() -> None:
    life = picking(**FIVE).do(RecordPick(ID, "F1", [("L1", 2)]), CancelOrder(ID)).reply_all()
    assert life.order.put_away == {"F1": {"L1": D(2)}}
    assert picking(**FIVE).do(CancelOrder(ID)).order.put_away == {}


def test_a_voided_parcel_goes_back_as_well() -> None:
    life = booked(**FIVE).do(CancelOrder(ID)).reply_all()
    assert life.order.put_away == {"F1": {"L1": D(5)}}


def test_a_unit_that_is_back_on_the_shelf_can_be_picked_again() -> None:
    life = picking(**FIVE).do(RecordPick(ID, "F1", [numbered("A", "B")]), CancelLines(ID, {"L1": 4}))
    assert life.order.put_away == {"F1": {"L1": D(1)}}
    life.do(RecordPutAway(ID, "F1", [numbered("B")]))
    assert life.order.fulfillments["F1"].taken == (numbered("A"),)
