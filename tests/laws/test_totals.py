"""The parts sum to the whole: by line, by name, by tax group, in any currency, whatever is discounted or given back."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow.adapters.memory import PriceList
from orderflow.charges import COMPONENTS, Amounts, RoundingRule, TaxGroup
from orderflow.defaults import STANDARD
from orderflow.ledger import CANCELLED, OPEN, ORDERED, SURPLUS, Ledger, Move
from orderflow.order import Line, Order
from orderflow.ports import QuotePrices
from orderflow.stages import pricing
from orderflow.totals import COMPONENT_OF, Totals, shared_out
from orderflow.values import FrozenMap, Money, as_decimal, sum_money
from orderflow.values.checked import evolved
from orderflow.values.numbers import EXACT, Rounding
from tests.laws.test_money import DIGITS, rounded
from tests.scenario import NOW

GROUPS = (None, TaxGroup("reduced", "0.07"), TaxGroup("zero", 0), TaxGroup("stacked", "0.08875", "New York City"))

rules = st.builds(
    RoundingRule,
    st.sampled_from(Rounding),
    st.sampled_from(["line", "document"]),
    st.sampled_from([None, "line", "group"]),
)


@attrs.frozen
class Basket:
    """What is ordered, at which prices, in which currency."""

    currency: str
    lines: tuple[tuple[Decimal, Decimal, TaxGroup | None, Decimal], ...]
    included: bool
    general: str
    shipping: Decimal
    handling: Decimal
    off: Decimal

    @property
    def prices(self) -> PriceList:
        place = Decimal(1).scaleb(-DIGITS[self.currency])
        groups = {f"S{n}": group for n, (_, _, group, _) in enumerate(self.lines) if group is not None}
        return PriceList(
            {f"S{n}": price for n, (_, price, _, _) in enumerate(self.lines)},
            self.currency,
            tax="0.19",
            tax_included=self.included,
            tax_groups=groups,
            discount_percent=self.general,
            product_discounts={f"S{n}": percent for n, (_, _, _, percent) in enumerate(self.lines)},
            shipping=self.shipping * place,
            handling=self.handling * place,
            order_discount=self.off * place,
        )


cents = st.integers(0, 5000).map(Decimal)
baskets = st.builds(
    Basket,
    st.sampled_from(sorted(DIGITS)),
    st.lists(
        st.tuples(
            st.decimals("0.001", "999", places=3),
            st.decimals("0.00", "99.99", places=2),
            st.sampled_from(GROUPS),
            st.sampled_from([Decimal(0), Decimal(10), Decimal("33.333")]),
        ),
        min_size=1,
        max_size=5,
    ).map(tuple),
    st.booleans(),
    st.sampled_from(["0", "3", "12.5"]),
    cents,
    cents,
    cents,
)


def acknowledged(basket: Basket, rule: RoundingRule) -> Order:
    lines = FrozenMap({f"L{n}": Line(f"L{n}", f"S{n}") for n in range(len(basket.lines))})
    moves = [Move(f"L{n}", ORDERED, OPEN, quantity) for n, (quantity, _, _, _) in enumerate(basket.lines)]
    return Order(
        "main", "main", "A-1", "A-1", 0, "acknowledged", basket.currency, NOW,
        lines=lines, rounding=rule, ledger=Ledger().moved(moves), milestones=FrozenMap({"acknowledged": NOW}),
    )  # fmt: skip


def quoted(order: Order, prices: PriceList) -> tuple[Order, Any]:
    """The order after the price list has answered, and what it answered."""
    (wanted,) = pricing.STAGE.wants(order)
    reply = prices.quote(wanted.request)  # type: ignore[arg-type]
    for event in pricing.STAGE.answers[QuotePrices](order, wanted.request, reply, STANDARD, NOW):
        assert isinstance(event, pricing.PriceQuoted), event
        order = event.apply(order)
    return order, reply


def added(amounts: Iterable[Amounts], currency: str) -> Amounts:
    total = Amounts.none(currency)
    for one in amounts:
        total = total + one
    return total


def sums_up(totals: Totals, order: Order) -> None:
    """Each way of showing the money comes to what is to be paid."""
    code = order.currency
    assert totals.gross == order.total == totals.net + totals.tax
    assert added([*(line.amounts for line in totals.lines), totals.rounding], code) == totals.amounts
    assert sum_money((one.base for one in totals.taxes), code) == totals.net
    assert sum_money((one.tax for one in totals.taxes), code) == totals.tax
    for kind, component in COMPONENT_OF.items():
        named = sum_money((one.amount for one in totals.adjustments if one.kind == kind), code)
        assert named == getattr(totals.amounts, component)
    for line in totals.lines:
        assert line.quantity == order.live_quantity(line.line_id)
    if order.rounding.per == "line" and order.rounding.tax_per in (None, "line"):
        assert totals.rounding == Amounts.none(code)


def is_all_there(order: Order, reply: Any) -> None:
    """The tranches are the quoted lines, and what was agreed for the order: exactly, and fit to be stored."""
    tranches = [tranche for held in order.tranches.values() for tranche in held]
    code = order.currency
    shown, offered = (
        [one.amounts.total if one.tax_included else one.amounts.before_tax for one in some]
        for some in (tranches, reply.lines)
    )
    assert sum_money(shown, code) == sum_money([*offered, *(one.amount for one in reply.adjustments)], code)
    for tranche in tranches:
        for name in COMPONENTS:
            as_decimal(getattr(tranche.amounts, name).amount)
        for kind, component in COMPONENT_OF.items():
            names = [one.amount for one in tranche.adjustments if one.kind == kind]
            assert not names or kind == "shipping" or sum_money(names, code) == getattr(tranche.amounts, component)


@settings(max_examples=150)
@given(baskets, rules, st.lists(st.integers(0, 1000), min_size=5, max_size=5), st.booleans())
def test_the_parts_sum_to_the_whole_whatever_is_given_back(
    basket: Basket, rule: RoundingRule, gone: list[int], with_surplus: bool
) -> None:
    order, reply = quoted(acknowledged(basket, rule), basket.prices)
    is_all_there(order, reply)
    sums_up(order.totals, order)

    if with_surplus:
        order = order.moved([Move("L0", SURPLUS, OPEN, Decimal("0.7"))])
        sums_up(order.totals, order)
    for line_id, thousandths in zip(order.lines, gone, strict=False):
        units = EXACT.scaleb(EXACT.multiply(order.live_quantity(line_id), Decimal(thousandths)), -3)
        order = order.moved([Move(line_id, OPEN, CANCELLED, units)]) if units else order
        sums_up(order.totals, order)
    order = order.moved(
        Move(line_id, OPEN, CANCELLED, left) for line_id in order.lines if (left := order.live_quantity(line_id))
    )
    assert order.total.is_zero
    sums_up(order.totals, order)


@settings(max_examples=150)
@given(baskets, st.sampled_from(Rounding))
def test_where_prices_are_shown_with_tax_a_line_costs_what_was_shown(basket: Basket, rounding: Rounding) -> None:
    basket = attrs.evolve(basket, included=True)
    order, _ = quoted(acknowledged(basket, RoundingRule(rounding)), basket.prices)
    shown = [sum((Fraction(t.amounts.total.amount) for t in held), Fraction()) for held in order.tranches.values()]

    assert order.total.amount == sum((rounded(one, DIGITS[basket.currency], rounding) for one in shown), Fraction())


@settings(max_examples=150)
@given(baskets, st.sampled_from(Rounding), st.sampled_from(["line", "document"]))
def test_tax_per_group_is_rounded_once_for_all_that_is_taxed_alike(
    basket: Basket, rounding: Rounding, per: Any
) -> None:
    basket = attrs.evolve(basket, included=False)
    order, _ = quoted(acknowledged(basket, RoundingRule(rounding, per, "group")), basket.prices)
    exact: dict[TaxGroup | None, Fraction] = {}
    for held in order.tranches.values():
        for tranche in held:
            group, tax = tranche.tax_group, Fraction(tranche.amounts.tax.amount)
            exact[group] = exact.get(group, Fraction()) + tax

    assert {one.group: Fraction(one.tax.amount) for one in order.totals.taxes} == {
        group: rounded(tax, DIGITS[basket.currency], rounding) for group, tax in exact.items()
    }


@settings(max_examples=100)
@given(baskets, rules)
def test_what_an_order_charges_is_what_the_quote_says(basket: Basket, rule: RoundingRule) -> None:
    """By a clerk who knows the rule and adds up what was quoted, in fractions."""
    order, _ = quoted(acknowledged(basket, rule), basket.prices)
    tranches = [tranche for held in order.tranches.values() for tranche in held]
    sums: dict[Any, Fraction] = {}
    for number, tranche in enumerate(tranches):
        line = number if rule.per == "line" else "document"
        tax = {None: line, "line": number, "group": str(tranche.tax_group)}[rule.tax_per]
        if tranche.tax_included:
            parts = [(line, "all", tranche.amounts.total)]
        else:
            parts = [(tax if n == "tax" else line, n, getattr(tranche.amounts, n)) for n in COMPONENTS]
        for company, name, money in parts:
            sums[company, name] = sums.get((company, name), Fraction()) + Fraction(money.amount)

    digits = DIGITS[basket.currency]
    assert order.total.amount == sum((rounded(one, digits, rule.rounding) for one in sums.values()), Fraction())


def test_a_share_that_is_dropped_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pricing, "shared_out", lambda adjustments, tranches: shared_out((), tranches))
    line = (Decimal(1), Decimal("9.99"), None, Decimal(0))
    basket = Basket("EUR", (line, line), False, "0", Decimal(0), Decimal(250), Decimal(0))

    with pytest.raises(AssertionError):
        is_all_there(*quoted(acknowledged(basket, RoundingRule()), basket.prices))


def test_a_cent_that_no_part_has_is_noticed() -> None:
    line = (Decimal(1), Decimal("9.99"), None, Decimal(0))
    basket = Basket("EUR", (line, line), False, "0", Decimal(0), Decimal(250), Decimal(0))
    order, _ = quoted(acknowledged(basket, RoundingRule()), basket.prices)
    cent = Amounts(*(Money(amount, "EUR") for amount in ("0.01", 0, 0, 0)))

    with pytest.raises(AssertionError):
        sums_up(evolved(order.totals, amounts=order.totals.amounts + cent), order)
