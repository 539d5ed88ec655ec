"""Money is exact, keeps to its currency and is shared out to the last cent."""

from __future__ import annotations

import copy
import decimal
import pickle
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.errors import InvalidInput
from orderflow.values import CURRENCY_DIGITS, Money, Rounding, as_money, split, sum_money, zero

cents = st.integers(-(10**12), 10**12).map(lambda units: Money(Decimal(units).scaleb(-2), "EUR"))
amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=4)
weights = st.lists(st.decimals(min_value=0, max_value=10**6, places=3), min_size=1, max_size=12).filter(any)


def eur(amount: str) -> Money:
    return Money(amount, "EUR")


def test_a_float_is_refused_with_its_path() -> None:
    with pytest.raises(InvalidInput) as refused:
        Money(0.1, "EUR")  # type: ignore[arg-type]
    assert [(v.code, v.path) for v in refused.value.violations] == [("number.float", "amount")]


def test_amount_and_currency_are_both_told_when_both_are_wrong() -> None:
    with pytest.raises(InvalidInput) as refused:
        Money("a lot", "eur")
    assert [(v.code, v.path) for v in refused.value.violations] == [
        ("number.not_a_number", "amount"),
        ("money.unknown_currency", "currency"),
    ]


@pytest.mark.parametrize(
    ("currency", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("HUF", 2), ("ISK", 0)]
)
def test_currencies_have_the_digits_of_iso_4217(currency: str, digits: int) -> None:
    assert CURRENCY_DIGITS[currency] == digits


def test_every_currency_code_is_three_capitals() -> None:
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCY_DIGITS)


@pytest.mark.parametrize("code", ["XXX", "XAU", "EURO", "", None, 978, ["EUR"]])
def test_what_is_no_currency_is_refused(code: Any) -> None:
    with pytest.raises(InvalidInput, match=r"money\.unknown_currency"):
        zero(code)


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("57.70", "EUR", "57.70 EUR"),
        ("57.7", "EUR", "57.70 EUR"),
        ("57.700", "EUR", "57.70 EUR"),
        ("0.0051", "EUR", "0.0051 EUR"),
        ("-3", "EUR", "-3.00 EUR"),
        ("1E+3", "JPY", "1000 JPY"),
        ("1234567890.5", "KWD", "1234567890.500 KWD"),
    ],
)
def test_money_is_written_with_at_least_the_digits_of_its_currency(amount: str, currency: str, expected: str) -> None:
    with decimal.localcontext(decimal.Context(prec=5, traps=[decimal.Inexact])):
        assert str(Money(amount, currency)) == expected


@given(amounts, amounts, amounts)
def test_arithmetic_is_exact_under_a_hostile_global_context(a: Decimal, b: Decimal, factor: Decimal) -> None:
    with decimal.localcontext(decimal.Context(prec=5, traps=[decimal.Inexact, decimal.Rounded, decimal.Overflow])):
        left, right = Money(a, "EUR"), Money(b, "EUR")
        results = [left + right, left - right, left * factor, factor * left, -left, sum_money([left, right], "EUR")]
    x, y, f = Fraction(a), Fraction(b), Fraction(factor)
    assert [Fraction(result.amount) for result in results] == [x + y, x - y, x * f, x * f, -x, x + y]


@given(amounts, amounts)
def test_money_is_ordered_as_its_amounts_are(a: Decimal, b: Decimal) -> None:
    left, right = Money(a, "EUR"), Money(b, "EUR")
    assert (left < right, left <= right, left > right, left >= right, left == right) == (
        a < b,
        a <= b,
        a > b,
        a >= b,
        a == b,
    )


def test_equal_amounts_are_equal_money_however_they_are_written() -> None:
    assert eur("1.5") == eur("1.50")
    assert hash(eur("1.5")) == hash(eur("1.50"))
    assert eur("1") != Money(1, "USD")


@pytest.mark.parametrize("operator", ["__add__", "__sub__", "__lt__", "__le__", "__gt__", "__ge__"])
def test_currencies_do_not_mix(operator: str) -> None:
    with pytest.raises(InvalidInput, match=r"money\.currency_mismatch"):
        getattr(eur("1"), operator)(Money(1, "USD"))


def test_a_sum_in_another_currency_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"money\.currency_mismatch"):
        sum_money([eur("1")], "USD")
    assert sum_money([], "USD") == zero("USD")


def test_money_is_multiplied_by_exact_numbers_only() -> None:
    for factor in (0.5, True):
        with pytest.raises(InvalidInput):
            eur("1") * factor  # type: ignore[operator]
    for other in (eur("2"), "2"):
        with pytest.raises(TypeError):
            eur("1") * other  # type: ignore[operator]


def test_money_and_a_bare_number_do_not_add_up() -> None:
    with pytest.raises(TypeError):
        eur("1") + 1  # type: ignore[operator]


@pytest.mark.parametrize(
    ("money", "rule", "digits", "expected"),
    [
        (eur("2.345"), Rounding.HALF_UP, None, "2.35 EUR"),
        (eur("2.345"), Rounding.HALF_EVEN, None, "2.34 EUR"),
        (eur("-2.349"), Rounding.DOWN, None, "-2.34 EUR"),
        (Money("99.5", "JPY"), Rounding.HALF_UP, None, "100 JPY"),
        (Money("1.23456", "KWD"), Rounding.HALF_UP, None, "1.235 KWD"),
        (eur("1.23456"), Rounding.HALF_UP, 4, "1.2346 EUR"),
        (eur("-0.001"), Rounding.HALF_UP, None, "0.00 EUR"),
    ],
)
def test_money_rounds_by_the_named_rule(money: Money, rule: Rounding, digits: int | None, expected: str) -> None:
    assert str(money.rounded(rule, digits)) == expected


@given(cents, weights)
def test_the_parts_of_a_split_sum_to_the_total(total: Money, shares: list[Decimal]) -> None:
    parts = split(total, shares)
    assert sum_money(parts, "EUR") == total
    assert len(parts) == len(shares)
    assert all(part == part.rounded() for part in parts)


@given(cents, weights)
def test_no_part_of_a_split_is_a_cent_away_from_its_fair_share(total: Money, shares: list[Decimal]) -> None:
    whole = sum(map(Fraction, shares))
    for part, share in zip(split(total, shares), shares, strict=True):
        fair = Fraction(total.amount) * Fraction(share) / whole
        assert abs(Fraction(part.amount) - fair) < Fraction(1, 100)
        assert share or part.is_zero


@pytest.mark.parametrize(
    ("total", "shares", "expected"),
    [
        (eur("10.00"), [1, 1, 1], ["3.34", "3.33", "3.33"]),
        (eur("-10.00"), [1, 1, 1], ["-3.34", "-3.33", "-3.33"]),
        (eur("0.02"), [1, 1, 1], ["0.01", "0.01", "0.00"]),
        (eur("0.01"), [0, 1], ["0.00", "0.01"]),
        (eur("0.01"), ["0.4", "0.6"], ["0.00", "0.01"]),
        (Money(100, "JPY"), [1, 2], ["33", "67"]),
    ],
)
def test_leftover_cents_go_to_the_largest_remainder_then_to_the_earlier(
    total: Money, shares: list[Any], expected: list[str]
) -> None:
    assert [part.amount for part in split(total, shares)] == [Decimal(amount) for amount in expected]


@pytest.mark.parametrize(
    ("total", "shares", "problems"),
    [
        (eur("1.005"), [1], [("money.not_rounded", "")]),
        (eur("1"), [0, 0], [("money.no_weights", "weights")]),
        (eur("1"), [], [("money.no_weights", "weights")]),
        (eur("1"), [-1, 1, 0.5], [("number.negative", "weights[0]"), ("number.float", "weights[2]")]),
    ],
)
def test_what_cannot_be_split_is_refused(total: Money, shares: list[Any], problems: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidInput) as refused:
        split(total, shares)
    assert [(v.code, v.path) for v in refused.value.violations] == problems


def test_computed_money_is_as_good_as_constructed_money() -> None:
    computed = eur("1") + eur("2")
    assert computed == eur("3")
    assert pickle.loads(pickle.dumps(computed)) == computed
    assert copy.deepcopy(computed) == computed
    with pytest.raises(AttributeError):
        computed.amount = Decimal(9)  # type: ignore[misc]


def test_money_is_read_from_a_pair() -> None:
    assert as_money(("1.50", "EUR")) == eur("1.50") == as_money(eur("1.50"))
    with pytest.raises(InvalidInput, match=r"money\.not_money"):
        as_money("1.50 EUR")
