"""Stories of prices: what is asked, what an answer may say, and how it is shown."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from orderflow.adapters.memory import PriceList
from orderflow.charges import Adjustment, RoundingRule, TaxGroup
from orderflow.commands import AmendOrder, CancelLines, CancelOrder, RecordDespatch, RejectOrder, ResolveException
from orderflow.defaults import STANDARD
from orderflow.ledger import CANCELLED, OPEN, ORDERED, Move
from orderflow.order import Line, Origin
from orderflow.ports import ClaimStock, Quote, QuotePrices, Refused, StockHeld
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.advices import DespatchedParcel
from orderflow.stages.pricing import STAGE
from orderflow.values import Money
from orderflow.values.checked import evolved
from tests.scenario import ID, D, Life, a_place_order, amounts, eur, placed, quote_of, quoted, verified

FULL, LESS = TaxGroup("standard", "0.19"), TaxGroup("reduced", "0.07")


def off(amount: Any, code: str = "SUMMER", kind: Any = "discount") -> Adjustment:
    return Adjustment(kind, code, "Summer sale", eur(amount))


def with_line(request: QuotePrices, **changes: Any) -> Quote:
    """A sensible quote, but for the first line."""
    first, *others = quote_of(request).lines
    return Quote((evolved(first, **changes), *others))


def from_list(prices: PriceList, **placing: Any) -> Life:
    """An order that this price list has priced."""
    return placed(**placing).answer(QuotePrices, prices.quote)


def test_the_price_that_the_customer_stated_is_told_to_the_price_list() -> None:
    life = placed(lines=[OrderLine("TEA-250", 2, price=eur("8.00")), ("POT-1", 1)])

    assert [line.stated for line in life.wanted(QuotePrices).lines] == [eur("8.00"), None]


def test_the_price_of_a_line_is_the_one_agreed_last() -> None:
    life = placed()
    assert life.order.unit_price("L1") is None
    life.reply_all().do(AmendOrder(ID, {"L1": 4}))
    life.answer(QuotePrices, lambda request: Quote((quoted("L1", 2, "7.90"),)))

    assert life.order.unit_price("L1") == eur("7.90")


def test_what_is_charged_once_per_order_is_not_charged_again_for_a_unit_that_is_added() -> None:
    prices = PriceList({"TEA-250": "8.50", "POT-1": "24.00"}, shipping="4.90", handling="2.00")
    life = from_list(prices).reply_all()
    assert (life.order.charged.shipping, life.order.charged.charges) == (eur("4.90"), eur("2.00"))

    life.do(AmendOrder(ID, {"L1": 3}))
    assert life.wanted(QuotePrices).shipping_charged
    life.answer(QuotePrices, prices.quote)
    assert life.order.total == eur("56.40")


def test_a_line_that_is_quoted_alone_later_bears_no_shipping_again() -> None:
    """As lines do that come into an order after its first quote."""
    prices = PriceList({"TEA-250": "8.50", "POT-1": "24.00"}, shipping="4.90")
    request = placed().wanted(QuotePrices)
    alone = evolved(request, lines=request.lines[1:], shipping_charged=True)

    assert prices.quote(alone).lines[0].amounts.shipping.is_zero
    assert prices.quote(evolved(alone, shipping_charged=False)).lines[0].amounts.shipping == eur("4.90")


def test_shipping_is_charged_anew_when_all_of_it_was_given_back() -> None:
    life = placed(lines=[("TEA-250", 2), ("POT-1", 1)]).answer(QuotePrices)
    order = life.order.moved([Move("L1", OPEN, CANCELLED, D(2)), Move("L2", OPEN, CANCELLED, D(1))])
    order = order.replace(lines=order.lines.set("L3", Line("L3", "TEA-250"))).moved([Move("L3", ORDERED, OPEN, D(1))])
    (wanted,) = STAGE.wants(order)

    assert isinstance(wanted.request, QuotePrices)
    assert not wanted.request.shipping_charged


def test_what_is_agreed_for_the_order_is_shared_out_over_its_lines() -> None:
    for_all = (off("-5.00"), off("1", "BOX", "charge"))
    life = placed().answer(QuotePrices, lambda request: evolved(quote_of(request), adjustments=for_all))
    held = {line_id: tranches[0] for line_id, tranches in life.order.tranches.items()}

    # 17.00 and 24.00, and each share takes its tax along: 0.60 of 8.50, 4.56 of 24.00
    assert [held[line].amounts.discount for line in ("L1", "L2")] == [eur("-2.07"), eur("-2.93")]
    assert [held[line].amounts.charges for line in ("L1", "L2")] == [eur("0.41"), eur("0.59")]
    assert all(one.of_order for tranche in held.values() for one in tranche.adjustments)
    assert life.order.charged.before_tax == eur("37.00")
    assert [(one.code, one.amount) for one in life.order.totals.adjustments] == [
        ("SUMMER", eur("-5.00")),
        ("BOX", eur("1.00")),
    ]


def test_free_goods_bear_their_share_by_number() -> None:
    life = placed().answer(
        QuotePrices,
        lambda request: Quote((quoted("L1", 2, 0), quoted("L2", 1, 0)), (off("3.00", "BOX", "charge"),)),
    )

    assert [one.amounts.charges for (one,) in life.order.tranches.values()] == [eur("2.00"), eur("1.00")]


@pytest.mark.parametrize(
    "changes",
    [
        {"adjustments": (off("-1.00"),)},
        {"adjustments": (off("1.00"),), "amounts": evolved(amounts(17), discount=eur("1.00"))},
        {"adjustments": (off("-1", kind="charge"),), "amounts": evolved(amounts(17), charges=eur("-1.00"))},
        {"adjustments": (Adjustment("discount", "X", "", Money(0, "USD")),)},
        {"measure": D("1.2")},
        {"quantity": D(1)},
        {"base_quantity": D(0)},
        {"amounts": evolved(amounts(17), charges=Money(0, "USD"))},
    ],
)
def test_a_quote_that_cannot_be_is_a_case(changes: dict[str, Any]) -> None:
    life = placed().answer(QuotePrices, lambda request: with_line(request, **changes))

    assert not life.order.tranches
    assert life.case.code == "port.impossible_reply"


@pytest.mark.parametrize(
    "adjustment", [off("5.00"), off("-1", kind="charge"), Adjustment("charge", "X", "", Money(1, "USD"))]
)
def test_an_adjustment_that_cannot_be_is_a_case(adjustment: Adjustment) -> None:
    life = placed().answer(QuotePrices, lambda request: evolved(quote_of(request), adjustments=(adjustment,)))

    assert life.case.code == "port.impossible_reply"


def test_discounts_that_are_named_sum_to_the_discount() -> None:
    named = {
        "adjustments": (off("-1.00"), off("-0.50", "VIP")),
        "amounts": evolved(amounts(17), discount=eur("-1.50")),
    }
    life = placed().answer(QuotePrices, lambda request: with_line(request, **named))

    assert [(one.code, one.amount) for one in life.order.totals.adjustments] == [
        ("SUMMER", eur("-1.00")),
        ("VIP", eur("-0.50")),
    ]


def test_a_discount_that_nobody_named_is_shown_without_a_name() -> None:
    life = placed().answer(
        QuotePrices, lambda request: with_line(request, amounts=evolved(amounts(17), discount=eur("-1.50")))
    )

    assert life.order.totals.adjustments == (Adjustment("discount", "", "", eur("-1.50")),)


def test_tax_is_shown_by_group() -> None:
    prices = PriceList({"TEA-250": "8.50", "POT-1": "24.00"}, tax="0.19", tax_groups={"TEA-250": LESS})
    totals = from_list(prices).order.totals

    assert [(one.group, one.base, one.tax) for one in totals.taxes] == [
        (LESS, eur("17.00"), eur("1.19")),
        (FULL, eur("24.00"), eur("4.56")),
    ]
    assert (totals.net, totals.tax, totals.gross) == (eur("41.00"), eur("5.75"), eur("46.75"))


def test_a_difference_of_cents_is_named() -> None:
    """Three lines of 0.13 tax each, or 0.40 on all of them."""
    prices = PriceList({"A": "0.70", "B": "0.70", "C": "0.70"}, tax="0.19")
    policy = attrs.evolve(STANDARD, rounding=RoundingRule(tax_per="group"))
    totals = from_list(prices, policy=policy, lines=[("A", 1), ("B", 1), ("C", 1)]).order.totals

    assert [line.amounts.tax for line in totals.lines] == [eur("0.13")] * 3
    assert (totals.tax, totals.rounding.tax) == (eur("0.40"), eur("0.01"))


def test_prices_with_tax_cost_what_they_say() -> None:
    prices = PriceList({"TEA-250": "9.99", "POT-1": "0.05"}, tax="0.07", tax_included=True, shipping="3.90")
    order = from_list(prices).order

    assert order.total == eur("23.93")
    assert (order.totals.net, order.totals.tax) == (eur("22.37"), eur("1.56"))


def test_a_replacement_costs_nothing() -> None:
    life = verified()
    line = life.order.lines["L1"].replace(id="L3", origin=Origin("replacement_of", "L1"))
    order = life.order.replace(lines=life.order.lines.set("L3", line))

    assert order.unpriced("L3") == 0
    assert order.is_priced


def test_an_order_that_is_cancelled_owes_nothing() -> None:
    prices = PriceList({"TEA-250": "9.99", "POT-1": "0.05"}, tax="0.07", shipping="3.90", order_discount="1.00")
    life = from_list(prices).reply_all().do(CancelOrder(ID)).reply_all()

    assert life.order.total.is_zero
    assert life.order.totals.gross.is_zero
    assert all(line.quantity == 0 for line in life.order.totals.lines)


def test_an_order_without_prices_shows_none() -> None:
    totals = Life().do(a_place_order()).order.totals

    assert (totals.lines, totals.taxes, totals.gross) == ((), (), eur(0))


def test_a_line_may_be_quoted_by_the_piece_although_it_is_measured() -> None:
    ham = OrderLine("HAM", 10, "piece", measure_unit="kg", estimated_measure="12")
    life = placed(lines=[ham]).answer(QuotePrices, lambda request: Quote((quoted("L1", 10, "20.00"),)))

    assert life.order.total == eur("200.00")


def test_goods_that_left_before_the_rest_was_cancelled_are_a_case_while_nobody_has_a_price_for_them() -> None:
    """It stays open: closing it by itself would ask the price list for ever."""
    by_hand = attrs.evolve(STANDARD, automatic=STANDARD.automatic - {"verify"})
    life = placed(by_hand).answer(QuotePrices, Refused("no_such_product")).answer(ClaimStock, StockHeld(1, D(2)), "C1")
    life.do(RecordDespatch(ID, "3PL", "D1", [DespatchedParcel([("L1", 1)], "T9")]))
    assert life.codes(RejectOrder(ID, "too late")) == ["cancellation.goods_have_left"]
    life.do(CancelLines(ID)).reply_all()
    assert life.order.live_quantity("L1") == 1
    (case,) = life.order.open_cases
    assert (case.code, "quote" in life.asks) == ("pricing.refused", False)
    to_cancel = ResolveException(ID, case.id, "cancel_order")
    assert life.codes(to_cancel) == ["cancellation.goods_have_left"]

    life.do(ResolveException(ID, case.id, "try_again")).answer(QuotePrices)

    assert (life.order.open_cases, "quote" in life.asks) == ((), False)
