"""Kits: what their components cost is what they cost, whatever is taken back of them in whatever order."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow import kits as kits_module
from orderflow.charges import COMPONENTS, Adjustment, Amounts, RoundingRule, TaxGroup, Tranche, charged
from orderflow.kits import Component, Kit, component_tranches, exploded
from orderflow.ledger import CANCELLED, CLOSED_SHORT, OPEN, Ledger, Move, delivered
from orderflow.order import Line, Order
from orderflow.stages.pricing import PriceQuoted
from orderflow.totals import COMPONENT_OF
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.money import Money, sum_money
from orderflow.values.numbers import EXACT, Rounding
from tests.laws.test_money import DIGITS, parts
from tests.scenario import NOW, D

VAT = TaxGroup("standard", Decimal("0.19"))
ratios = st.decimals("0.01", "12", places=2)
weights = st.lists(st.decimals("0", "99", places=1), min_size=1, max_size=5).filter(any)
rules = st.builds(
    RoundingRule,
    st.sampled_from(Rounding),
    st.sampled_from(["line", "document"]),
    st.sampled_from([None, "line", "group"]),
)
prices = st.decimals("0.001", "999.999", places=3)
currencies = st.sampled_from(sorted(DIGITS))


@st.composite
def boms(draw: Any) -> Kit:
    """A kit of some components, with weights or without."""
    said = draw(st.one_of(st.none(), weights))
    count = len(said) if said else draw(st.integers(1, 4))
    made = [Component(f"P{n}", draw(ratios), said[n] if said else None) for n in range(count)]
    return exploded(Line("L1", "SET"), Decimal(1), made)[0]


def a_quote(kits: Decimal, price: Decimal, currency: str, with_tax: bool, per: Decimal = Decimal(1)) -> Tranche:
    """So many kits, with a discount that is named, one that is not, shipping and tax: nothing comes out even."""
    net = EXACT.multiply(kits, price)
    money = [Money(EXACT.multiply(net, Decimal(part)), currency) for part in ("1", "-0.033", "0.07", "0.1971", "0.01")]
    named = (
        Adjustment("discount", "club", "For members", Money(EXACT.multiply(net, Decimal("-0.02")), currency)),
        Adjustment("shipping", "post", "By post", money[2]),
    )
    return Tranche("L1", kits, Money(price, currency), Amounts(*money), per, named, VAT, with_tax)


@settings(max_examples=80)
@given(boms(), st.integers(1, 40), prices, currencies, rules, st.booleans())
def test_the_shares_of_the_components_are_the_price_of_the_kit(
    kit: Kit, number: int, price: Decimal, currency: str, rule: RoundingRule, with_tax: bool
) -> None:
    the_shares_are_the_price(kit, number, price, currency, rule, with_tax)


def the_shares_are_the_price(
    kit: Kit, number: int, price: Decimal, currency: str, rule: RoundingRule, with_tax: bool
) -> None:
    quote = a_quote(Decimal(number), price, currency, with_tax)
    shares = component_tranches(kit, quote, rule)

    assert charged(shares, rule, currency) == charged([quote], rule, currency)
    assert [one.quantity for one in shares] == list(kit.holds(Decimal(number)).values())
    for one in shares:
        for kind, name in COMPONENT_OF.items():
            named = [part.amount for part in one.adjustments if part.kind == kind]
            if kind == "shipping":
                assert sum_money(named, currency) == getattr(one.amounts, name)
    worth = [Fraction(one.unit_price.amount) * Fraction(one.quantity) / Fraction(one.base_quantity) for one in shares]
    assert sum(worth) == Fraction(price) * number


def test_a_share_that_is_lost_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    rounded = lambda amount, weights: [(amount * weight).rounded() for weight in map(_third, weights)]  # noqa: E731
    monkeypatch.setattr(kits_module, "apportioned", rounded)
    kit, _ = exploded(Line("L1", "SET"), D(1), [Component("A", 1), Component("B", 1), Component("C", 1)])

    with pytest.raises(AssertionError):
        the_shares_are_the_price(kit, 1, D("10.00"), "EUR", RoundingRule(), with_tax=False)


def _third(weight: Fraction) -> Decimal:
    return EXACT.scaleb(D(int(weight * 333)), -3)


class Counter:
    """An order for kits, and what somebody counts on fingers beside it."""

    def __init__(self, kit: Kit, number: int, price: Decimal, currency: str, rule: RoundingRule) -> None:
        bare = Order("main", "main", "A-1", "A-1", 0, "verified", currency, NOW, rounding=rule, ledger=Ledger())
        lines = [(Line(line_id, line_id), units) for line_id, units in kit.holds(Decimal(number)).items()]
        self.order = bare.replace(kits=FrozenMap({"L1": kit})).with_lines(lines)
        self.price = price
        self.quoted()

    def quoted(self) -> None:
        """Kits are priced as far as their components are not."""
        kit = self.order.kits["L1"]
        number = kit.needed_for({line_id: self.order.unpriced(line_id) for line_id in kit.components})
        if number:
            quote = a_quote(number, self.price, self.order.currency, with_tax=False)
            shares = component_tranches(kit, quote, self.order.rounding)
            self.order = PriceQuoted(NOW, shares, (quote,)).apply(self.order)

    def step(self, name: str, line: int, thousandths: int) -> None:
        line_id = list(self.order.lines)[line % len(self.order.lines)]
        part = EXACT.scaleb(Decimal(thousandths), -3)
        if name == "refund":
            there = self.order.ledger.of_kind(line_id, "delivered")
            refunded = self.order.refunded.get(line_id, Decimal(0))
            units = EXACT.multiply(part, EXACT.subtract(there, refunded))
            self.order = self.order.refunding({line_id: units}) if units else self.order
            return
        source, target = {"cancel": (OPEN, CANCELLED), "short": (OPEN, CLOSED_SHORT)}.get(name, (OPEN, delivered("P1")))
        units = EXACT.multiply(part, self.order.ledger.balance(line_id, source))
        if name == "more":
            self.order = self.order.with_lines([(self.order.lines[line_id], part)])
            self.quoted()
        elif units:
            self.order = self.order.moved([Move(line_id, source, target, units)])

    def agree(self) -> None:
        order, kit = self.order, self.order.kits["L1"]
        for name in COMPONENTS:
            given, paid = parts(order.credited)[name], parts(order.charged)[name]
            assert abs(given) <= abs(paid)
        for line_id in kit.components:
            assert order.unpriced(line_id) == 0
        held = order.kit_status("L1")
        assert held.delivered <= held.shipped <= held.available <= held.wanted <= held.ordered
        for count, units in ((held.delivered, "delivered"), (held.wanted, "live")):
            there = {
                line_id: order.ledger.of_kind(line_id, units) if units == "delivered" else order.live_quantity(line_id)
                for line_id in kit.components
            }
            parts_of = kit.components.items()
            assert all(part.per_kit * count <= there[line_id] for line_id, part in parts_of)
            assert any(part.per_kit * (count + 1) > there[line_id] for line_id, part in parts_of)

    def ends(self) -> None:
        """Everything that is there is cancelled, all that arrived is refunded."""
        for line in range(len(self.order.lines)):
            self.step("cancel", line, 1000)
            self.step("refund", line, 1000)


steps = st.lists(
    st.tuples(
        st.sampled_from(["cancel", "short", "deliver", "refund", "more"]), st.integers(0, 9), st.integers(1, 1000)
    ),
    max_size=10,
)


@settings(max_examples=80)
@given(boms(), st.integers(1, 9), prices, currencies, rules, steps)
def test_all_that_is_given_back_of_kits_is_all_that_they_cost(
    kit: Kit, number: int, price: Decimal, currency: str, rule: RoundingRule, taken: list[tuple[str, int, int]]
) -> None:
    counter = Counter(kit, number, price, currency, rule)
    counter.agree()
    for step in taken:
        counter.step(*step)
        counter.agree()
    counter.ends()
    counter.agree()

    assert counter.order.credited == counter.order.charged
    assert counter.order.total.is_zero


def test_of_a_component_ordered_by_itself_the_others_of_its_kit_are_not_charged() -> None:
    kit, _ = exploded(Line("L1", "SET"), D(5), [Component("A", 2), Component("B", 1)])
    counter = Counter(kit, 5, D("30.00"), "EUR", RoundingRule())
    before = counter.order.total
    counter.order = counter.order.with_lines([(counter.order.lines["L1.1"], D(1))])
    counter.quoted()

    assert counter.order.unpriced("L1.1") == 0
    assert counter.order.given_back["L1.2"] == (D(0), D(1))
    # one of the two cups of a kit: of 20.00 less 0.66, with 1.40 shipping, 0.20 charges and 3.94 tax
    assert counter.order.total - before == Money("12.44", "EUR")
