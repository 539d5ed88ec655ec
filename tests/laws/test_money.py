"""Money: to the cent, in any currency, by any sequence of steps, whatever the host does to its decimal context."""

from __future__ import annotations

import decimal
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow import order as order_module
from orderflow.charges import COMPONENTS, Amounts, RoundingRule, Tranche, charged, credited, given_back
from orderflow.values.money import Money
from orderflow.values.numbers import EXACT, Rounding
from tests.laws.chance import Script, numbered, scripts
from tests.laws.lives import CURRENCIES, Life, fails_somewhere, live, lives

DIGITS = {"EUR": 2, "JPY": 0, "KWD": 3}


def rounded(exact: Fraction, digits: int, rule: Rounding) -> Fraction:
    """Rounding as one writes it down by hand: away from zero, to even, or towards zero."""
    scaled = abs(exact) * 10**digits
    whole, rest = floor(scaled), scaled - floor(scaled)
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and (rule is Rounding.HALF_UP or whole % 2 == 1))
    units = whole + 1 if up and rule is not Rounding.DOWN else whole
    return Fraction(units if exact >= 0 else -units, 10**digits)


def parts(amounts: Amounts) -> dict[str, Fraction]:
    """The components, as fractions."""
    return {name: Fraction(getattr(amounts, name).amount) for name in COMPONENTS}


@contextmanager
def hostile() -> Iterator[None]:
    """A host that has set five digits, and that wants to hear of any rounding."""
    with decimal.localcontext() as context:
        context.prec = 5
        context.traps[decimal.Inexact] = context.traps[decimal.Rounded] = True
        yield


def money_adds_up(life: Life) -> None:
    """After every step: charged is the sum of rounded tranches, credited never more, and all of it once all is gone."""
    for step in life.steps:
        order = step.after
        if order is None or not step.events:
            continue
        rule, digits = order.rounding.rounding, DIGITS[order.currency]
        whole, back = parts(order.charged), parts(order.credited)
        for name in COMPONENTS:
            exact = [
                Fraction(getattr(tranche.amounts, name).amount)
                for tranches in order.tranches.values()
                for tranche in tranches
            ]
            assert whole[name] == sum((rounded(one, digits, rule) for one in exact), Fraction())
            assert abs(back[name]) <= abs(whole[name])
            assert back[name] * whole[name] >= 0
        assert Fraction(order.total.amount) == sum(whole.values()) - sum(back.values())
        if not any(order.live_quantity(line_id) for line_id in order.lines):
            assert back == whole


amounts_drawn = st.decimals(Decimal("-50"), Decimal("5000"), places=5)
tranches_drawn = st.builds(
    lambda code, tranches: [
        Tranche("L1", units, Money(1, code), Amounts(*(Money(part, code) for part in shares)))
        for units, shares in tranches
    ],
    st.sampled_from(CURRENCIES),
    st.lists(
        st.tuples(
            st.sampled_from([Decimal(text) for text in ("1", "3", "7", "0.5", "4.25", "1.333", "1000")]),
            st.tuples(amounts_drawn, amounts_drawn, amounts_drawn, amounts_drawn),
        ),
        min_size=1,
        max_size=4,
    ),
)


@settings(max_examples=150)
@given(lives())
def test_what_is_charged_and_credited_adds_up_in_every_life(life: Life) -> None:
    money_adds_up(life)


@settings(max_examples=100)
@given(scripts())
def test_a_hostile_decimal_context_changes_nothing(script: Script) -> None:
    free = live(script)
    with hostile():
        same = live(script)
        assert same.events == free.events
        assert same.order == free.order
        assert (same.order.charged, same.order.credited) == (free.order.charged, free.order.credited)
        assert str(same.order.total) == str(free.order.total)


@settings(max_examples=200)
@given(
    tranches_drawn,
    st.sampled_from(Rounding),
    st.sampled_from(["line", "document"]),
    st.lists(st.integers(1, 999), max_size=6),
)
def test_credits_in_any_steps_come_to_what_was_charged(
    tranches: list[Tranche], rounding: Rounding, per: Literal["line", "document"], cuts: list[int]
) -> None:
    with hostile():
        code = tranches[0].unit_price.currency
        units = Decimal(0)
        for tranche in tranches:
            units = EXACT.add(units, tranche.quantity)
        steps = [EXACT.scaleb(EXACT.multiply(units, Decimal(cut)), -3) for cut in sorted({0, *cuts, 1000})]
        rule = RoundingRule(rounding, per)
        paid_back, back = Amounts.none(code), tuple[Decimal, ...]()
        for before, after in itertools.pairwise(steps):
            now = given_back(tranches, back, EXACT.subtract(after, before))
            paid_back = paid_back + credited([(tranches, now)], rule, code) - credited([(tranches, back)], rule, code)
            back = now

        assert paid_back == charged(tranches, rule, code)


@settings(max_examples=200)
@given(tranches_drawn, st.sampled_from(Rounding), st.integers(0, 1000))
def test_a_share_is_the_rounded_part_of_the_exact_price(
    tranches: list[Tranche], rounding: Rounding, permille: int
) -> None:
    tranche = tranches[0]
    units = EXACT.scaleb(EXACT.multiply(tranche.quantity, Decimal(permille)), -3)
    digits = DIGITS[tranche.unit_price.currency]
    share, exact = parts(tranche.upto(units, rounding)), parts(tranche.amounts)

    assert share == {name: rounded(exact[name] * Fraction(permille, 1000), digits, rounding) for name in COMPONENTS}


@settings(max_examples=200)
@given(tranches_drawn, st.sampled_from(Rounding))
def test_a_document_rounds_once_and_lines_each_by_themselves(tranches: list[Tranche], rounding: Rounding) -> None:
    code = tranches[0].unit_price.currency
    exact = {name: [parts(tranche.amounts)[name] for tranche in tranches] for name in COMPONENTS}
    once = {name: rounded(sum(shares, Fraction()), DIGITS[code], rounding) for name, shares in exact.items()}
    each = {
        name: sum((rounded(share, DIGITS[code], rounding) for share in shares), Fraction())
        for name, shares in exact.items()
    }

    assert parts(charged(tranches, RoundingRule(rounding, "document"), code)) == once
    assert parts(charged(tranches, RoundingRule(rounding, "line"), code)) == each


# -- the law bites -----------------------------------------------------------------------------------------------------


def test_credits_that_round_away_from_the_charge_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    paid = order_module.credited
    monkeypatch.setattr(
        order_module,
        "credited",
        lambda given, rule, code: (
            paid(given, RoundingRule(Rounding.DOWN), code) + Amounts(Money(1, code), *[Money(0, code)] * 3)
        ),
    )

    assert fails_somewhere(money_adds_up)


def test_a_sum_in_the_hosts_own_context_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    free = [live(numbered(number)).order for number in range(60)]
    monkeypatch.setattr(Money, "__add__", lambda self, other: Money(self.amount + other.amount, self.currency))

    with hostile(), pytest.raises((decimal.Inexact, decimal.Rounded)):
        assert [str(order.total) for order in free]
