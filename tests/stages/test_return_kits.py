"""Kits that come back: whole ones by the id of the row, and units of components by theirs."""

from __future__ import annotations

import attrs
import pytest

from orderflow.commands import (
    AmendOrder,
    AuthorizeReturn,
    BookShipment,
    DespatchShipment,
    DisposeReturn,
    PackParcel,
    ReceiveReturn,
    RecordPick,
    RecordTracking,
    RequestReturn,
    StartPicking,
)
from orderflow.policy import Policy
from orderflow.ports import QuotePrices
from orderflow.returns import ReturnLine
from tests.scenario import ID, ONE_PLACE, Life, eur, placed, scan
from tests.stages.test_kits import CUPS, POTS, a_set, quoted_at


def arrived(policy: Policy = ONE_PLACE, *changes: AmendOrder) -> Life:
    """Five sets at 30.00 are with the customer."""
    life = placed(policy, lines=[a_set()]).answer(QuotePrices, lambda request: quoted_at(request, "30.00")).reply_all()
    for change in changes:
        life.do(change).reply_all()
    for number, work in enumerate(life.order.fulfillments, 1):
        life.do(StartPicking(ID, work), RecordPick(ID, work), PackParcel(ID, work))
        life.do(BookShipment(ID, service="parcel", carrier="DHL")).reply_all().do(DespatchShipment(ID)).reply_all()
        life.do(RecordTracking(ID, [scan("delivered", f"T-S{number}-1", hours=30)])).reply_all()
    return life


def back(life: Life, *dispositions: tuple[str, int, str]) -> Life:
    life.do(AuthorizeReturn(ID, "R1", label=False), ReceiveReturn(ID, "R1"))
    return life.do(DisposeReturn(ID, "R1", dispositions or None)).reply_all()


def test_a_kit_and_a_component_beside_it_come_back_together() -> None:
    life = arrived().do(RequestReturn(ID, [ReturnLine("L1", 2, "too big"), (POTS, 1, "cracked")]))

    known = life.order.returns["R1"]
    assert [(line.line_id, line.quantity, line.reason) for line in known.lines] == [
        (CUPS, 4, "too big"),
        (POTS, 2, "too big"),
        (POTS, 1, "cracked"),
    ]
    back(life)
    assert life.order.credited.total == eur("70.00")
    assert life.order.kit_status("L1").delivered == 2


def test_of_a_kit_that_comes_back_the_cup_may_be_sent_back_again() -> None:
    life = arrived().do(RequestReturn(ID, [("L1", 1)]))
    back(life, (CUPS, 1, "restock"), (CUPS, 1, "send_back"), (POTS, 1, "restock"))

    assert life.order.credited.total == eur("20.00")
    status = life.order.kit_status("L1")
    assert (status.delivered, status.components[0].loose) == (4, 1)


def test_what_stands_in_for_a_component_comes_back_for_it() -> None:
    life = arrived(ONE_PLACE, AmendOrder(ID, substitute={POTS: "JUG"}))
    life.do(RequestReturn(ID, [("L1", 5)]))

    assert life.order.returns["R1"].requested == {CUPS: 10, "L3": 5}


def test_kits_are_authorized_whole_or_by_component_and_deducted_from() -> None:
    life = arrived().do(RequestReturn(ID, [("L1", 3)]))
    assert life.refusal(AuthorizeReturn(ID, "R1", {"L1": 4})) == [
        ("return.more_than_asked", "quantities[L1]"),
        ("return.more_than_asked", "quantities[L1]"),
    ]
    assert life.refusal(AuthorizeReturn(ID, "R1", {"L1": "0.5", CUPS: 1})) == [
        ("return.broken_kit", "quantities[L1]"),
        ("return.kit_and_component", f"quantities[{CUPS}]"),
    ]
    assert life.refusal(AuthorizeReturn(ID, "R1", {POTS: 1}, deduct={CUPS: 1})) == [
        ("return.unknown_line", f"deduct[{CUPS}]")
    ]
    life.do(AuthorizeReturn(ID, "R1", {"L1": 2}, deduct={"L1": 50, POTS: 0}, label=False))
    known = life.order.returns["R1"]

    assert (known.authorized, known.declined) == ({CUPS: 4, POTS: 2}, {CUPS: 2, POTS: 1})
    assert known.deducted == {CUPS: 2}
    life.do(ReceiveReturn(ID, "R1"), DisposeReturn(ID, "R1")).reply_all()
    assert life.order.credited.total == eur("40.00")


def test_a_kit_is_claimed_and_replaced_for_nothing() -> None:
    life = arrived().do(RequestReturn(ID, [("L1", 1)], "claim", "replacement"), AuthorizeReturn(ID, "R1"))

    assert {line.id: life.order.live_quantity(line.id) for line in life.order.lines.values() if line.is_free} == {
        "L3": 2,
        "L4": 1,
    }
    assert life.order.total == eur("150.00")


def test_a_component_is_exchanged_at_the_price_of_what_is_wanted() -> None:
    policy = attrs.evolve(ONE_PLACE, exchange_on="authorized")
    life = arrived(policy).do(RequestReturn(ID, [ReturnLine(CUPS, 2, sku="MUG")], "exchange"))
    life.do(AuthorizeReturn(ID, "R1", label=False))

    assert [(line.line_id, line.sku, line.quantity) for line in life.wanted(QuotePrices).lines] == [("L3", "MUG", 2)]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (
            RequestReturn(ID, [("L9", 1), ("L1", "0.5")]),
            [("return.unknown_line", "lines[0].line_id"), ("return.broken_kit", "lines[1].quantity")],
        ),
        (RequestReturn(ID, [("L1", 1)], "exchange"), [("return.kit_exchange", "lines[0].line_id")]),
        (RequestReturn(ID, [(POTS, 1), ("L1", 5)]), [("return.too_much", "lines[1].quantity")]),
    ],
)
def test_what_cannot_come_back_of_a_kit_is_told(command: RequestReturn, told: list[tuple[str, str]]) -> None:
    assert arrived().refusal(command) == told
