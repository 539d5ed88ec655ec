"""Catch weight: ten hams are ordered by the piece, priced by the kilogram, and charged as they were weighed."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from orderflow import (
    Address,
    AmendOrder,
    BookShipment,
    CommandRefused,
    DespatchedParcel,
    DespatchShipment,
    OrderFlow,
    OrderLine,
    PackParcel,
    PlaceDraft,
    PlaceOrder,
    RecordDespatch,
    RecordPick,
    SaveDraft,
    StartPicking,
)
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.messages import Command
from orderflow.order import Goods, Order
from orderflow.values import Money

HOME = Address("DE", "Hauptstr. 1", city="Berlin", postal_code="10115")
HAM = OrderLine("HAM", 10, "piece", measure_unit="kg", estimated_measure="12.0")


def a_butcher() -> OrderFlow:
    clock = ManualClock(datetime(2026, 11, 23, 9, tzinfo=UTC))
    return OrderFlow(
        inventory=MemoryInventory({"HAM": 50, "KNIFE": 5}, location="BER", clock=clock),
        pricing=PriceList({"HAM": [(1, "14.90"), (20, "13.90")], "KNIFE": "9.90"}),
        carriers=MemoryCarrier(clock=clock),
        notifications=Mailbox(),
        clock=clock,
    )


def ordered(flow: OrderFlow, *lines: OrderLine) -> Order:
    return flow.handle(PlaceOrder(lines=lines or (HAM,), ship_to=HOME, currency="EUR")).order


def picked(flow: OrderFlow, *lines: OrderLine) -> Order:
    order = ordered(flow, *lines)
    return does(flow, StartPicking(order.id, "F1"), RecordPick(order.id, "F1"))


def does(flow: OrderFlow, *commands: Command) -> Order:
    for command in commands:
        order = flow.handle(command).order
    return order


def weighed(flow: OrderFlow, order: Order, *parcels: tuple[int, str], fulfillment: str = "F1") -> Order:
    """Parcels of so many pieces are packed, and weigh so much."""
    packs = [
        PackParcel(order.id, fulfillment, [Goods("L1", Decimal(pieces), measured=Decimal(kilograms))])
        for pieces, kilograms in parcels
    ]
    return does(flow, *packs)


def leaves(flow: OrderFlow, order: Order, *parcels: str) -> Order:
    """These parcels are booked, and leave."""
    order = does(flow, BookShipment(order.id, parcels))
    return does(flow, DespatchShipment(order.id, list(order.shipments)[-1]))


def eur(amount: str) -> Money:
    return Money(amount, "EUR")


def test_ten_pieces_are_charged_as_their_parcels_weigh() -> None:
    with a_butcher() as flow:
        order = picked(flow)
        assert order.total == eur("178.80")
        assert order.unit_price("L1") == eur("14.90")

        assert weighed(flow, order, (4, "4.9"), (6, "7.4")).total == eur("178.80")

        # six pieces are still here, and are estimated to weigh 7.2 kg
        first = leaves(flow, order, "P1")
        assert first.total == eur("73.01") + eur("107.28")
        second = leaves(flow, first, "P2")

    assert second.total == eur("73.01") + eur("110.26") == eur("183.27")
    assert second.totals.lines[0].amounts.net == eur("183.27")


def test_what_a_third_party_weighed_is_charged_and_what_it_did_not_is_estimated() -> None:
    with a_butcher() as flow:
        order = ordered(flow)
        weighed_ones = DespatchedParcel([Goods("L1", Decimal(4), measured=Decimal("4.9"))], "T-1")
        others = DespatchedParcel([("L1", 6)], "T-2")
        order = does(flow, RecordDespatch(order.id, "3PL", "LS-1", [weighed_ones, others], "UPS"))

    assert order.total == eur("73.01") + eur("107.28")


def test_a_piece_that_comes_back_is_worth_what_it_weighs() -> None:
    with a_butcher() as flow:
        order = leaves(flow, weighed(flow, picked(flow), (10, "12.3")), "P1")
    (tranche,) = order.tranches["L1"]

    assert tranche.share(Decimal(0), Decimal("1.2")) * Fraction(tranche.amounts.net.amount) == Fraction("17.88")


def test_measured_goods_are_not_packed_without_their_measure() -> None:
    with a_butcher() as flow:
        order = picked(flow)
        for contents, path in ((None, "contents"), ([("L1", 4)], "contents[0].measured")):
            with pytest.raises(CommandRefused) as refused:
                flow.handle(PackParcel(order.id, "F1", contents))
            assert [(v.code, v.path) for v in refused.value.violations] == [("packing.not_measured", path)]


def test_pieces_that_are_cancelled_are_credited_as_they_were_estimated() -> None:
    with a_butcher() as flow:
        order = does(flow, AmendOrder(ordered(flow).id, {"L1": 4}))
        assert order.total == eur("71.52")
        does(flow, StartPicking(order.id, "F1"), RecordPick(order.id, "F1"))
        order = leaves(flow, weighed(flow, order, (4, "4.9")), "P1")

    assert order.total == eur("73.01")


def test_what_an_amendment_adds_is_estimated_like_the_rest_and_may_reach_a_break() -> None:
    with a_butcher() as flow:
        order = does(flow, AmendOrder(ordered(flow).id, {"L1": 20}))
        assert [tranche.measure for tranche in order.tranches["L1"]] == [Decimal("12.0"), Decimal(12)]
        assert order.total == eur("178.80") + eur("166.80")
        for fulfillment in order.fulfillments:
            does(flow, StartPicking(order.id, fulfillment), RecordPick(order.id, fulfillment))
        weighed(flow, order, (4, "4.8"), (6, "7.3"))
        weighed(flow, order, (5, "6.2"), (5, "6.1"), fulfillment="F2")
        leaves(flow, order, "P1", "P2")
        order = leaves(flow, order, "P3")

    # 12.1 kg at the first price; of the second, 6.2 kg have left and the other five are estimated to weigh 6.0 kg
    assert order.total == eur("180.29") + eur("169.58")


def test_what_leaves_first_has_the_oldest_price() -> None:
    with a_butcher() as flow:
        order = does(flow, AmendOrder(ordered(flow).id, {"L1": 20}))
        for fulfillment in order.fulfillments:
            does(flow, StartPicking(order.id, fulfillment), RecordPick(order.id, fulfillment))
        weighed(flow, order, (10, "12.0"))
        weighed(flow, order, (10, "12.4"), fulfillment="F2")
        order = leaves(flow, order, "P2")
        assert [str(one.measured) for one in order.tranches["L1"]] == ["12.4", "0"]

        order = leaves(flow, order, "P1")

    assert order.total == eur("184.76") + eur("166.80")


def test_other_lines_know_no_measure() -> None:
    with a_butcher() as flow:
        order = ordered(flow, OrderLine("KNIFE", 2))

    assert order.lines["L1"].estimate(Decimal(2)) is None
    assert order.tranches["L1"][0].measure is None


def test_a_draft_keeps_what_was_estimated() -> None:
    with a_butcher() as flow:
        draft = flow.handle(SaveDraft("EUR", [HAM], ship_to=HOME)).order
        order = flow.handle(PlaceDraft(draft.id)).order

    assert order.total == eur("178.80")


def test_a_measure_needs_a_unit_and_an_estimate() -> None:
    with a_butcher() as flow, pytest.raises(CommandRefused) as refused:
        ordered(flow, OrderLine("HAM", 1, measure_unit="kg"), OrderLine("HAM", 1, estimated_measure="1.2"))

    assert [(v.code, v.path) for v in refused.value.violations] == [
        ("acceptance.measure_incomplete", "lines[0].estimated_measure"),
        ("acceptance.measure_incomplete", "lines[1].measure_unit"),
    ]
