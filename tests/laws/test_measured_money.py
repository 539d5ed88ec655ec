"""Goods priced by what they measure: charged and credited exactly, in whatever order they leave and are given back."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow import charging
from orderflow.charges import COMPONENTS, RoundingRule, Tranche
from orderflow.ledger import CANCELLED, OPEN, ORDERED, Move, delivered, kind_of, shipped
from orderflow.order import Goods, Line, Order, Parcel
from orderflow.stages.pricing import PriceQuoted
from orderflow.values import FrozenMap
from orderflow.values.checked import evolved
from tests.laws.test_money import DIGITS, parts, rounded
from tests.laws.test_surplus_money import a_tranche, an_order, prices, rules
from tests.scenario import NOW, D

#: What happens: a parcel leaves or is delivered, or units are given back; how many pieces; what each of them weighs.
steps = st.lists(
    st.tuples(
        st.sampled_from(["leave", "leave", "leave_unread", "deliver", "cancel", "lose", "order"]),
        st.integers(1, 6),
        st.decimals("0.8", "1.7", places=3),
    ),
    max_size=14,
)


class Scales:
    """An order of hams, and what happens to them."""

    def __init__(self, currency: str, rule: RoundingRule) -> None:
        order = an_order(currency, rule)
        line = Line("L1", "HAM", "piece", measure_unit="kg", estimated_measure=D(12), estimated_for=D(10))
        self.order: Order = order.replace(lines=FrozenMap({"L1": line}))

    def orders(self, pieces: int, price: Decimal) -> None:
        self.order = self.order.moved([Move("L1", ORDERED, OPEN, D(pieces))])
        tranche = a_tranche("L1", D(pieces), price, self.order.currency)
        measure = self.order.lines["L1"].estimate(D(pieces))
        self.order = PriceQuoted(NOW, (evolved(tranche, measure=measure),)).apply(self.order)

    def leaves(self, pieces: int, each: Decimal | None) -> None:
        pieces = min(pieces, int(self.order.ledger.balance("L1", OPEN)))
        if not pieces:
            return
        name = f"P{len(self.order.parcels) + 1}"
        goods = Goods("L1", D(pieces), measured=None if each is None else each * pieces)
        self.order = self.order.replace(parcels=self.order.parcels.set(name, Parcel(name, "F1", "packed", (goods,))))
        self.order = self.order.moved([Move("L1", OPEN, shipped(name), D(pieces))])

    def gone(self, kinds: tuple[str, ...], pieces: int) -> None:
        """Units in accounts of these kinds are given back, the last account first."""
        for account, held in reversed(tuple(self.order.ledger.accounts("L1"))):
            taken = min(D(pieces), held)
            if kind_of(account) in kinds and taken:
                self.order = self.order.moved([Move("L1", account, CANCELLED, taken)])
                return

    def delivers(self) -> None:
        for account, held in tuple(self.order.ledger.accounts("L1")):
            if kind_of(account) == "shipped":
                name = account.partition(":")[2]
                self.order = self.order.moved([Move("L1", account, delivered(name), held)])
                return

    def step(self, name: str, pieces: int, each: Decimal) -> None:
        if name == "order":
            self.orders(pieces, each)
        elif name == "deliver":
            self.delivers()
        elif name == "cancel":
            self.gone(("open",), pieces)
        elif name == "lose":
            self.gone(("shipped", "delivered"), pieces)
        else:
            self.leaves(pieces, each if name == "leave" else None)


def agree(order: Order) -> None:
    """What is still charged of each tranche is something, and the order charges it, rounded by hand."""
    tranches, back = order.tranches["L1"], order.given_back.get("L1", ())
    pairs = [(one, back[at] if at < len(back) else Decimal(0)) for at, one in enumerate(tranches)]
    digits, rule = DIGITS[order.currency], order.rounding
    for one, units in pairs:
        assert 0 <= one.measured_units_back <= one.measured_units <= one.units
        assert 0 <= one.measured_back <= one.measured
        assert one.unmeasured(units) >= 0
        assert 0 <= one.share_back(units) <= one.whole
    for name in COMPONENTS:
        exact = [Fraction(getattr(one.amounts, name).amount) * one.whole for one, _ in pairs]
        each = exact if rule.per == "line" else [sum(exact, Fraction())]
        assert parts(order.charged)[name] == sum(
            (rounded(amount, digits, rule.rounding) for amount in each), Fraction()
        )
    assert order.unpriced("L1") == 0
    assert order.totals.gross == order.total


def weigh(currency: str, rule: RoundingRule, taken: list[tuple[str, int, Decimal]], price: Decimal) -> Order:
    scales = Scales(currency, rule)
    scales.orders(10, price)
    for name, pieces, each in taken:
        scales.step(name, pieces, each)
        agree(scales.order)
    while scales.order.live_quantity("L1"):
        scales.gone(("open", "shipped", "delivered"), 3)
        agree(scales.order)
    assert scales.order.total.is_zero
    assert scales.order.credited == scales.order.charged
    return scales.order


@settings(max_examples=200)
@given(st.sampled_from(sorted(DIGITS)), rules, steps, prices)
def test_measured_goods_are_credited_exactly_as_they_were_charged(
    currency: str, rule: RoundingRule, taken: list[tuple[str, int, Decimal]], price: Decimal
) -> None:
    weigh(currency, rule, taken, price)


def test_a_piece_that_was_lost_is_credited_by_what_it_measured() -> None:
    scales = Scales("EUR", RoundingRule())
    scales.orders(10, D("17.88"))
    scales.leaves(1, D("1.3"))
    scales.leaves(9, D("1.2"))
    before = scales.order.charged.net
    scales.order = scales.order.moved([Move("L1", shipped("P1"), CANCELLED, D(1))])

    assert before == scales.order.charged.net
    assert str(before) == "180.29 EUR"
    assert str(scales.order.credited.net) == "19.37 EUR"


def test_measured_goods_that_are_credited_by_the_piece_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charging, "GONE", frozenset())
    monkeypatch.setattr(Tranche, "unmeasured", lambda self, back: self.units - back)

    with pytest.raises(AssertionError):
        weigh("EUR", RoundingRule(), [("leave", 4, D("1.1"))], D("17.88"))
