"""Kits in amendments: whole ones by the id of the row, and units of components by theirs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import attrs
import pytest

from orderflow.change_rules import ChangeRule
from orderflow.charges import Adjustment
from orderflow.codec import standard_codec
from orderflow.commands import (
    AmendOrder,
    BookShipment,
    CancelLines,
    ConfirmOrder,
    DespatchShipment,
    PackParcel,
)
from orderflow.messages import Actor, Envelope
from orderflow.order import ConfirmedLine
from orderflow.ports import QuotePrices
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.amending import LineChange, PriceOverride, Substitution
from tests.scenario import ID, NOW, ONE_PLACE, D, Life, eur, packed, picked, placed
from tests.stages.test_kits import CUPS, PARTS, POTS, a_set, quoted_at, wanted

SHOPPER = Actor("customer", "C-1")


def five_sets(*adjustments: Adjustment, **order: Any) -> Life:
    """Five sets at 30.00, verified."""
    life = placed(lines=[a_set()], **order)
    return life.answer(QuotePrices, lambda request: quoted_at(request, "30.00", *adjustments)).reply_all()


def three_of_five_left() -> Life:
    """Three sets have left, two are in a parcel."""
    life = picked(lines=[a_set()]).do(PackParcel(ID, "F1", [(CUPS, 6), (POTS, 3)]), PackParcel(ID, "F1"))
    return life.do(BookShipment(ID, service="a")).reply_all().do(DespatchShipment(ID, parcel_ids=["P1"]))


def read_again(life: Life) -> None:
    """What is stored of it reads as it was, and leads to the same order."""
    codec = standard_codec()
    assert codec.order_from_json(codec.order_to_json(life.order)) == life.order
    assert [codec.event_from_json(codec.event_to_json(event)) for event in life.history] == list(life.history)
    assert life.loaded == life.order


def nets(life: Life) -> dict[str, list[str]]:
    return {line_id: [str(one.amounts.net) for one in held] for line_id, held in life.order.tranches.items()}


# -- units ------------------------------------------------------------------------------------------------------------


def test_a_kit_is_taken_out_with_what_is_left_of_its_components() -> None:
    life = five_sets().do(CancelLines(ID, {CUPS: 3}), AmendOrder(ID, remove=["L1"], add=[("TEA-250", 1)]))

    assert wanted(life) == {CUPS: 0, POTS: 0, "L3": 1}
    assert life.order.kit_status("L1").wanted == 0


def test_no_kits_any_more_leaves_what_makes_up_none() -> None:
    life = five_sets().do(CancelLines(ID, {CUPS: 3}), AmendOrder(ID, {"L1": 0}))

    assert wanted(life) == {CUPS: 1, POTS: 2}


def test_a_component_is_amended_by_itself() -> None:
    life = five_sets().do(AmendOrder(ID, {CUPS: 8}, lines={POTS: LineChange(service="express")}))

    assert wanted(life) == {CUPS: 8, POTS: 5}
    assert [line.terms.service for line in life.order.lines.values()] == [None, "express"]
    assert life.order.kits["L1"].line.terms.service is None
    assert life.order.credited.total == eur("20.00")


def test_kits_are_added_with_their_components_under_the_next_free_number() -> None:
    row = OrderLine("CAMP", 2, components=[("TENT", 1), ("PEG", 8)], service="express")
    life = five_sets().do(AmendOrder(ID, add=[row, ("TEA-250", 1)], substitute={CUPS: ("MUG", 2)}))

    assert {line.id: line.sku for line in life.order.lines.values()} == {
        CUPS: "CUP",
        POTS: "POT",
        "L3.1": "TENT",
        "L3.2": "PEG",
        "L4": "TEA-250",
        "L5": "MUG",
    }
    assert list(life.order.kits) == ["L1", "L3"]
    assert life.order.lines["L3.2"].terms.service == "express"
    assert [(one.line_id, one.sku, one.quantity) for one in life.wanted(QuotePrices).lines] == [
        ("L4", "TEA-250", 1),
        ("L5", "MUG", 20),
        ("L3", "CAMP", 2),
    ]
    life.reply_all().do(AmendOrder(ID, add=[a_set(1)]))
    assert list(life.order.kits["L7"].components) == ["L7.1", "L7.2"]
    read_again(life)


def test_what_stands_in_for_a_component_makes_up_kits_like_it() -> None:
    life = five_sets().do(AmendOrder(ID, substitute={CUPS: ("HALF", 2)})).reply_all()

    assert life.order.live_quantity("L3") == 20
    assert life.order.kit_status("L1").wanted == 5
    life.do(AmendOrder(ID, {"L3": 12}))
    assert life.order.kit_status("L1").wanted == 3


def test_another_number_of_kits_counts_what_stands_in_for_their_components() -> None:
    life = five_sets().do(AmendOrder(ID, substitute={CUPS: Substitution("HALF", 2, 4)})).reply_all()
    assert wanted(life) == {CUPS: 6, POTS: 5, "L3": 8}

    life.do(AmendOrder(ID, {"L1": 4})).reply_all()
    assert wanted(life) == {CUPS: 6, POTS: 4, "L3": 4}
    life.do(AmendOrder(ID, {"L1": 2})).reply_all()
    assert wanted(life) == {CUPS: 4, POTS: 2, "L3": 0}
    life.do(AmendOrder(ID, {"L1": 3})).reply_all()
    assert wanted(life) == {CUPS: 6, POTS: 3, "L3": 0}


def test_a_kit_is_taken_out_with_what_stands_in_for_its_components() -> None:
    life = five_sets().do(AmendOrder(ID, substitute={CUPS: "MUG"}, add=[("TEA-250", 1)]), AmendOrder(ID, remove=["L1"]))

    assert wanted(life) == {CUPS: 0, POTS: 0, "L3": 1, "L4": 0}


def test_a_kit_and_what_stands_in_for_a_component_are_not_amended_at_once() -> None:
    life = five_sets().do(AmendOrder(ID, substitute={CUPS: "MUG"}))
    assert life.refusal(AmendOrder(ID, {"L3": 1}, remove=["L1"])) == [("amendment.kit_and_component", "quantities[L3]")]


# -- terms ------------------------------------------------------------------------------------------------------------


def test_terms_of_a_kit_are_those_of_its_components() -> None:
    said = LineChange(service="express", complete="line", instructions=["a gift"])
    life = five_sets().do(AmendOrder(ID, lines={"L1": said}))
    kit = life.order.kits["L1"].line

    assert (kit.terms.service, kit.terms.complete, kit.instructions) == ("express", "line", ("a gift",))
    for line in life.order.lines.values():
        assert (line.terms.service, line.terms.complete, line.instructions) == ("express", "kit/L1", ("a gift",))
    assert life.order.group_of(CUPS) == (CUPS, POTS)
    life.do(AmendOrder(ID, lines={"L1": LineChange(clear=["service", "complete"])}))
    assert {line.terms.complete for line in (kit, *life.order.lines.values())} == {"line", None}
    assert life.order.kits["L1"].line.terms == life.order.lines[CUPS].terms


def test_a_change_of_a_kit_that_could_not_be_ordered_is_told_under_the_kit() -> None:
    said = LineChange(deliver_by=date(2026, 12, 1), not_before=date(2026, 12, 24))
    refused = five_sets().refusal(AmendOrder(ID, lines={"L1": said}))

    assert set(refused) == {("acceptance.days_reversed", "lines[L1].deliver_by")}


# -- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "kind", "path"),
    [
        (AmendOrder(ID, {"L1": 7}), "increase", "quantities[L1]"),
        (AmendOrder(ID, {"L1": 4}), "decrease", "quantities[L1]"),
        (AmendOrder(ID, remove=["L1"], add=[("TEA-250", 1)]), "remove_line", "remove[0]"),
        (AmendOrder(ID, lines={"L1": LineChange(service="express")}), "terms", "lines[L1].service"),
        (AmendOrder(ID, prices={"L1": eur("1.00")}, reason="kind"), "price", "prices[L1]"),
        (CancelLines(ID, {"L1": 1}), "cancel_lines", "quantities[L1]"),
    ],
)
def test_what_is_not_for_a_customer_is_told_once_for_a_kit(command: Any, kind: str, path: str) -> None:
    policy = attrs.evolve(ONE_PLACE, changes=(ChangeRule(kind, "*", "customer", "deny"), ChangeRule()))
    life = packed(policy, lines=[a_set()])

    refused = life.process.violations(life.order, command, SHOPPER)
    assert [(one.code, one.path) for one in refused] == [("change.denied", path)]
    assert "at the stage packed" in refused[0].message


# -- prices -----------------------------------------------------------------------------------------------------------


def test_a_price_of_kits_is_shared_out_over_what_has_not_left() -> None:
    life = three_of_five_left()
    before = life.order.total
    life.do(AmendOrder(ID, prices={"L1": eur("20.00")}, reason="late"))
    (first, second) = life.order.kits["L1"].prices

    assert (first.unit_price, second.unit_price, second.quantity) == (eur("10.00"), eur("20.00"), 2)
    assert nets(life) == {CUPS: ["33.33 EUR", "26.67 EUR"], POTS: ["16.67 EUR", "13.33 EUR"]}
    assert life.order.total == before + eur("20.00")
    read_again(life)


def test_units_that_make_up_no_kit_keep_their_price() -> None:
    life = five_sets().do(CancelLines(ID, {POTS: 2}), AmendOrder(ID, prices={"L1": eur("24.00")}, reason="agreed"))

    assert [(one.quantity, one.unit_price) for one in life.order.kits["L1"].prices] == [
        (5, eur("30.00")),
        (3, eur("24")),
    ]
    assert life.order.total == eur("112.00")


def test_a_price_of_kits_keeps_what_was_agreed_for_the_order() -> None:
    shipping = Adjustment("shipping", "std", "Standard", eur("4.99"))
    life = five_sets(shipping).do(AmendOrder(ID, prices={"L1": PriceOverride(eur("100.00"), per=10)}, reason="agreed"))

    assert life.order.total == eur("54.99")
    assert life.order.totals.amounts.shipping == eur("4.99")


def test_a_component_has_a_price_of_its_own() -> None:
    life = five_sets().do(AmendOrder(ID, prices={POTS: eur("4.00")}, reason="scratched"))

    assert life.order.total == eur("120.00")
    life.do(AmendOrder(ID, prices={"L1": eur("20.00")}, reason="all scratched"))
    assert life.order.total == eur("100.00")
    life.do(CancelLines(ID, {"L1": 5}))
    assert life.order.total == eur("0.00")


def test_kits_confirmed_at_another_price_have_it() -> None:
    life = five_sets().do(ConfirmOrder(ID, [ConfirmedLine("L1", 5, "changed", eur("28.00"))]))

    assert life.order.total == eur("140.00")
    assert life.order.kits["L1"].prices[-1].unit_price == eur("28.00")


# -- preview ----------------------------------------------------------------------------------------------------------


def test_what_an_amendment_of_kits_would_come_to_can_be_seen_before() -> None:
    life = five_sets()
    command = AmendOrder(ID, {"L1": 3}, prices={"L1": eur("20.00")}, reason="agreed")
    made = life.process.preview(life.order, command, Envelope(NOW))

    assert (made.order.total, made.money) == (eur("60.00"), eur("-90.00"))
    assert {line_id: accounts["cancelled"] for line_id, accounts in made.goods.items()} == {CUPS: 4, POTS: 2}


def test_seven_kits_add_no_fraction_of_any() -> None:
    life = five_sets().do(AmendOrder(ID, {"L1": 7}))
    assert wanted(life) == {CUPS: Decimal(14), POTS: Decimal(7)}
    assert PARTS[0].quantity == D(2)
