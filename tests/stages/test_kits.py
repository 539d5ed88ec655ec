"""Kits: ordered and quoted as one, and handled component by component, at every stage."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from orderflow.charges import Adjustment, RoundingRule, TaxGroup
from orderflow.commands import (
    AmendOrder,
    BookShipment,
    CancelLines,
    ConfirmOrder,
    DespatchShipment,
    PackParcel,
    PlaceDraft,
    RecordDespatch,
    RecordPick,
    RefuseConfirmation,
    ResolveException,
    SaveDraft,
    StartPicking,
)
from orderflow.defaults import one_fulfillment_a_line
from orderflow.errors import InvalidInput
from orderflow.kits import Component
from orderflow.papers import packing_slip
from orderflow.policy import Policy, Substitute
from orderflow.ports import ClaimStock, Quote, QuotedLine, QuotePrices
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.advices import DespatchedParcel
from orderflow.values import Money
from tests.scenario import (
    BERLIN,
    ID,
    ONE_PLACE,
    D,
    Life,
    amounts,
    eur,
    held,
    packed,
    picked,
    placed,
    quote_of,
    verified,
)

CUPS, POTS = "L1.1", "L1.2"
PARTS = (Component("CUP", 2), Component("POT", 1))


def a_set(quantity: Any = 5, **more: Any) -> OrderLine:
    return OrderLine("SET", quantity, components=PARTS, **more)


def quoted_at(request: QuotePrices, price: str, *adjustments: Adjustment, **more: Any) -> Quote:
    lines = (
        QuotedLine(line.line_id, line.quantity, eur(price), amounts(D(price) * line.quantity), **more)
        for line in request.lines
    )
    return Quote(tuple(lines), adjustments)


def short(cups: Any, shortage: Any, **order: Any) -> Life:
    """Of the cups only so many can be had; what becomes of the others is the policy's choice."""
    policy = attrs.evolve(ONE_PLACE, shortage=lambda order, line_id: shortage if line_id == CUPS else "wait")
    life = placed(policy, lines=[a_set()], **order).answer(QuotePrices, lambda request: quoted_at(request, "30.00"))
    life.answer(ClaimStock, lambda request: held(request, cups), "C1").answer(ClaimStock, about="C2")
    return life.reply_all()


def wanted(life: Life) -> dict[str, Decimal]:
    return {line_id: life.order.live_quantity(line_id) for line_id in life.order.lines}


# -- ordering ---------------------------------------------------------------------------------------------------------


def test_a_kit_is_asked_about_as_one_and_its_components_never() -> None:
    life = placed(lines=[("TEA-250", 1), a_set(price=eur("29.00"))])
    request = life.wanted(QuotePrices)

    assert [(line.line_id, line.sku, line.quantity, line.stated) for line in request.lines] == [
        ("L1", "TEA-250", 1, None),
        ("L2", "SET", 5, eur("29.00")),
    ]
    assert [claim.sku for claim in life.requests if isinstance(claim, ClaimStock)] == ["TEA-250", "CUP", "POT"]


def test_components_are_delivered_on_the_terms_of_their_kit() -> None:
    life = placed(lines=[a_set(service="express", instructions=["as a gift"], under=10, complete="A")])

    for line in (life.order.lines[CUPS], life.order.lines[POTS]):
        assert (line.terms.service, line.terms.complete) == ("express", "A")
        assert (line.instructions, line.tolerance.under) == (("as a gift",), D(10))
        assert life.order.kit_of(line.id) is life.order.kits["L1"]


def test_a_draft_may_lack_what_a_kit_needs_and_is_placed_when_it_has_it() -> None:
    mixed = OrderLine("SET", "1.5", measure_unit="kg", components=[Component("CUP", 2, 1), ("POT", 1)])
    life = Life().do(SaveDraft("EUR", [mixed, ("TEA-250", 1)], BERLIN, order_id=ID))
    assert life.codes(PlaceDraft(ID)) == [
        "acceptance.measure_incomplete",
        "acceptance.broken_kit",
        "acceptance.measured_kit",
        "acceptance.kit_weights",
    ]

    life.do(SaveDraft("EUR", [a_set(2), ("TEA-250", 1)], BERLIN, order_id=ID), PlaceDraft(ID))
    assert wanted(life) == {CUPS: 4, POTS: 2, "L2": 1}


@pytest.mark.parametrize(
    ("component", "path"),
    [
        (("CUP", 0), "components[0].quantity"),
        (("CUP", 1, 2), "components[0]"),
        ("CUP", "components"),
        ({"sku": "CUP"}, "components[0]"),
    ],
)
def test_a_component_is_a_product_and_how_many_of_it(component: Any, path: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        OrderLine("SET", 1, components=[component] if component != "CUP" else component)

    assert path in [violation.path for violation in raised.value.violations]


# -- prices -----------------------------------------------------------------------------------------------------------


def test_a_price_is_shared_out_with_all_that_belongs_to_it() -> None:
    standard = TaxGroup("standard", "0.19")
    order_discount = Adjustment("discount", "welcome", "Welcome", eur("-1.00"))
    life = placed(lines=[a_set(1)])
    life.answer(QuotePrices, lambda request: quoted_at(request, "30.00", order_discount, tax_group=standard))
    totals = life.order.totals

    assert [str(life.order.tranches[line][0].amounts.discount) for line in (CUPS, POTS)] == ["-0.67 EUR", "-0.33 EUR"]
    assert [(one.code, one.amount, one.of_order) for one in totals.adjustments] == [("welcome", eur("-1.00"), True)]
    assert [(one.line_id, one.quantity, str(one.amounts.net)) for one in totals.lines] == [("L1", D(1), "30.00 EUR")]
    assert [(one.group, str(one.base)) for one in totals.taxes] == [(standard, "29.00 EUR")]
    assert life.order.total == eur("29.00") + totals.tax


def test_a_kit_that_was_broken_up_is_shown_by_its_components() -> None:
    life = verified(lines=[a_set()]).do(CancelLines(ID, {CUPS: 4}))

    assert [(one.line_id, one.quantity) for one in life.order.totals.lines] == [(CUPS, D(6)), (POTS, D(5))]
    assert life.order.totals.gross == life.order.total


def test_what_was_cancelled_before_the_price_came_is_not_charged() -> None:
    life = placed(lines=[a_set()]).do(CancelLines(ID, {CUPS: 3}), CancelLines(ID, {"L1": 1}))
    assert [line.quantity for line in life.wanted(QuotePrices).lines] == [4]
    life.reply_all()

    assert life.order.is_priced
    assert life.order.total == eur("30.00")  # five cups and four pots, of four kits at 10.00: 12 units
    assert life.order.given_back == {CUPS: (D(3),)}


def test_a_quote_for_another_number_of_kits_counts_for_nothing() -> None:
    life = placed(lines=[a_set()])
    late = life.wanted(QuotePrices)
    life.do(AmendOrder(ID, {"L1": 6})).hears(late, quote_of(late))
    assert life.order.tranches == {}

    life.reply_all()
    assert life.order.total == eur("60.00")


def test_a_second_quote_of_a_kit_stands_beside_the_first() -> None:
    life = verified(lines=[a_set()]).do(AmendOrder(ID, {"L1": 7}))
    (line,) = life.wanted(QuotePrices).lines
    assert (line.quantity, line.already) == (2, 5)
    life.answer(QuotePrices, lambda request: quoted_at(request, "9.00")).reply_all()

    assert [str(one.unit_price) for one in life.order.kits["L1"].prices] == ["10.00 EUR", "9.00 EUR"]
    assert life.order.total == eur("68.00")
    life.do(CancelLines(ID, {"L1": 1}))
    assert life.order.total == eur("59.00")


def test_a_price_that_does_not_come_out_even_is_for_all_units_of_a_component() -> None:
    life = placed(lines=[OrderLine("SET", 1, components=[("CUP", 3), ("POT", 5)])])
    life.answer(QuotePrices, lambda request: quoted_at(request, "10.00"))
    cups, pots = (life.order.tranches[line_id][0] for line_id in (CUPS, POTS))

    assert (str(cups.unit_price), cups.base_quantity) == ("1.25 EUR", D(1))
    assert (str(pots.unit_price), pots.base_quantity) == ("1.25 EUR", D(1))

    life = placed(lines=[OrderLine("SET", 1, components=[("CUP", 3), ("POT", 3)])])
    life.answer(QuotePrices, lambda request: quoted_at(request, "10.00"))
    assert (str(life.order.unit_price(CUPS)), life.order.tranches[CUPS][0].base_quantity) == ("5.00 EUR", D(3))


def test_tax_that_rounds_by_document_is_shared_out_unrounded() -> None:
    policy = attrs.evolve(ONE_PLACE, rounding=RoundingRule(per="document"))
    life = placed(policy, lines=[a_set(1)])
    life.answer(
        QuotePrices,
        lambda request: Quote(
            tuple(
                QuotedLine(one.line_id, one.quantity, eur("9.99"), amounts("9.99", "1.8981")) for one in request.lines
            )
        ),
    )

    assert [str(t[0].amounts.tax.amount) for t in life.order.tranches.values()] == ["1.2654", "0.6327"]
    assert life.order.total == eur("11.89")


def test_the_stated_price_of_a_kit_is_held_against_the_quoted_one() -> None:
    life = verified(lines=[a_set(price=eur("9.50"))])

    assert [(hold.code, hold.note) for hold in life.order.active_holds] == [
        ("verification.price_differs", "SET: 9.50 EUR was stated, 10.00 EUR is quoted")
    ]
    tolerant = attrs.evolve(ONE_PLACE, price_tolerance=Money("0.50", "EUR"))
    assert verified(tolerant, lines=[a_set(price=eur("9.50"))]).order.state == "verified"


def test_what_is_required_of_a_kit_is_required_of_its_components() -> None:
    life = verified(lines=[a_set(requirements=["food_safe"])])

    assert [hold.note for hold in life.order.active_holds] == [
        f"nobody has said how the requirement 'food_safe' of {product} of SET is met" for product in ("CUP", "POT")
    ]


# -- short of a component ---------------------------------------------------------------------------------------------


def test_a_kit_waits_for_its_scarcest_component() -> None:
    life = short(6, "wait")
    status = life.order.kit_status("L1")

    assert (status.available, status.wanted) == (D(3), D(5))
    assert life.case.message == "6 of 10 × CUP can be had"
    life.do(ResolveException(ID, life.case.id, "ship_available"))
    assert [(line.line_id, line.quantity, line.answer) for line in life.order.confirmation.lines] == [  # type: ignore[union-attr]
        ("L1", 3, "accepted"),
        ("L1", 2, "backordered"),
    ]


def test_kits_that_cannot_be_completed_are_cancelled_whole() -> None:
    life = short(7, "cancel")

    assert wanted(life) == {CUPS: 6, POTS: 3}
    assert life.order.total == eur("90.00")
    assert [(line.line_id, line.quantity, line.answer) for line in life.order.confirmation.lines] == [  # type: ignore[union-attr]
        ("L1", 3, "accepted"),
        ("L1", 2, "rejected"),
    ]
    assert [claim.wanted for claim in life.order.claims.values()] == [6, 3]


def test_with_the_last_kit_the_order_is_cancelled() -> None:
    assert short(0, "cancel").order.state == "cancelled"


def test_a_substitute_for_a_component_makes_up_kits_at_its_own_price() -> None:
    life = short(6, Substitute("MUG", D("0.5")))
    status = life.order.kit_status("L1")

    assert wanted(life) == {CUPS: 6, POTS: 5, "L3": 2}
    assert (status.wanted, status.available, status.ordered) == (D(5), D(5), D(5))
    # 150.00 less four cups, and two mugs
    assert life.order.total == eur("150.00") - eur("40.00") + eur("20.00")
    assert dict(status.components[0].by_kind)["allocated"] == 10


def test_what_comes_beyond_the_order_of_a_component_costs_its_share() -> None:
    life = verified(lines=[a_set(1, over=100)])
    life.do(RecordDespatch(ID, "3PL", "D-1", [DespatchedParcel([(CUPS, 3), (POTS, 1)])]))

    assert life.order.ledger.surplus(CUPS) == 1
    assert life.order.total == eur("13.34")
    assert life.order.kit_status("L1").shipped == 1


# -- on the way -------------------------------------------------------------------------------------------------------


def test_what_is_to_leave_together_waits_for_all_components() -> None:
    life = short(6, "backorder", complete=None)
    assert list(life.order.fulfillments) == ["F1"]

    policy = attrs.evolve(ONE_PLACE, shortage=lambda order, line_id: "backorder")
    life = placed(policy, lines=[a_set(complete="line")]).answer(QuotePrices)
    life.answer(ClaimStock, lambda request: held(request, 6), "C1").reply_all()
    assert life.order.group_of(CUPS) == (CUPS, POTS)
    assert not life.order.fulfillments


def test_a_packing_slip_names_the_kit() -> None:
    life = picked(lines=[a_set(1), ("TEA-250", 1)]).do(PackParcel(ID, "F1", [(CUPS, 2), ("L2", 1)]))
    slip = packing_slip(life.order, "P1")

    assert [(row.sku, row.kit) for row in (*slip.rows, *slip.to_come)] == [
        ("CUP", "SET"),
        ("TEA-250", ""),
        ("POT", "SET"),
    ]


def test_units_that_make_up_no_kit_are_told_by_product() -> None:
    order = packed(lines=[a_set()]).order

    assert order.in_kits({CUPS: D(6), POTS: D(5)}) == {"L1": 3, POTS: 2}
    assert order.in_kits({CUPS: D(1)}) == {CUPS: 1}
    assert order.in_components({"L1": D(3), POTS: D(2)}) == {CUPS: 6, POTS: 5}
    assert order.name_of(POTS) == "POT of SET"
    assert [row.id for row in order.rows] == ["L1"]


# -- confirmation by hand, and changes --------------------------------------------------------------------------------


def test_kits_are_confirmed_and_refused_by_the_row() -> None:
    agreed: Policy = attrs.evolve(ONE_PLACE, buyer_must_agree=lambda order, lines: True)
    life = verified(agreed, lines=[a_set()])
    assert life.codes(ConfirmOrder(ID, [("L1", 4, "accepted")])) == ["confirmation.other_quantity"] * 2
    life.do(ConfirmOrder(ID, [("L1", 4, "accepted"), (CUPS, 2, "backordered"), (POTS, 1, "accepted")]))

    assert life.codes(RefuseConfirmation(ID, ["L9"])) == ["confirmation.unknown_line"]
    life.do(RefuseConfirmation(ID, ["L1"], "too slow"))
    assert life.case.message == "the buyer refuses L1: too slow"


#: Three of five kits are there, two wait for the cups; and the buyer is asked.
CONFIRMED = ConfirmOrder(
    ID, [("L1", 3, "accepted"), ("L1", 1, "backordered"), (CUPS, 2, "backordered"), (POTS, 1, "accepted")]
)


@pytest.mark.parametrize(
    ("refused", "left"),
    [
        (RefuseConfirmation(ID, parts=[2], keep_rest=True), {CUPS: 8, POTS: 4}),
        (RefuseConfirmation(ID, parts=[3], keep_rest=True), {CUPS: 8, POTS: 5}),
        (RefuseConfirmation(ID, [CUPS], keep_rest=True), {CUPS: 0, POTS: 5}),
        (RefuseConfirmation(ID, [POTS], parts=[2], keep_rest=True), {CUPS: 8, POTS: 0}),
    ],
)
def test_what_the_buyer_refuses_of_kits_is_cancelled_and_the_rest_stays(
    refused: RefuseConfirmation, left: dict[str, int]
) -> None:
    agreed: Policy = attrs.evolve(ONE_PLACE, buyer_must_agree=lambda order, lines: True)
    life = verified(agreed, lines=[a_set()]).do(CONFIRMED, refused)

    assert wanted(life) == left
    assert life.order.confirmation is not None
    assert life.order.confirmation.word == "stands"


def test_who_refuses_a_kit_refuses_what_is_told_of_its_components_as_well() -> None:
    agreed: Policy = attrs.evolve(ONE_PLACE, buyer_must_agree=lambda order, lines: True)
    life = verified(agreed, lines=[a_set(), ("TEA-250", 1)])
    life.do(ConfirmOrder(ID, [*CONFIRMED.lines, ("L2", 1, "accepted")]), RefuseConfirmation(ID, ["L1"], keep_rest=True))

    assert wanted(life) == {CUPS: 0, POTS: 0, "L2": 1}


def test_fewer_kits_leave_what_makes_up_none() -> None:
    life = verified(lines=[a_set()]).do(CancelLines(ID, {CUPS: 4}), AmendOrder(ID, {"L1": 2}))

    assert wanted(life) == {CUPS: 4, POTS: 4}
    assert life.order.kit_status("L1").wanted == 2
    assert life.codes(AmendOrder(ID, {"L1": 2})) == ["amendment.nothing_changes"]


def test_kits_of_which_a_component_has_left_are_not_cancelled() -> None:
    life = verified(attrs.evolve(ONE_PLACE, plan=one_fulfillment_a_line), lines=[a_set()])
    life.do(StartPicking(ID, "F2"), RecordPick(ID, "F2"), PackParcel(ID, "F2"))
    life.do(BookShipment(ID, ["P1"], service="parcel")).reply_all().do(DespatchShipment(ID)).reply_all()

    assert life.refusal(CancelLines(ID, {"L1": 1})) == [("cancellation.too_late", "quantities[L1]")]
    life.do(CancelLines(ID, {CUPS: 2}))
    assert life.order.kit_status("L1").wanted == 4


def test_kits_can_be_ordered_beside_lines_and_kits_of_the_same_products() -> None:
    life = verified(lines=[a_set(1), ("CUP", 3), a_set(2)])

    assert wanted(life) == {CUPS: 2, POTS: 1, "L2": 3, "L3.1": 4, "L3.2": 2}
    assert life.order.total == eur("60.00")
    life.do(CancelLines(ID, {"L3": 2}))
    assert (life.order.kit_status("L1").wanted, life.order.kit_status("L3").wanted) == (D(1), D(0))
    assert life.order.total == eur("40.00")
