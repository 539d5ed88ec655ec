"""Numbers are exact, whatever was given and whatever the host's decimal context says."""

from __future__ import annotations

import decimal
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.errors import InvalidInput
from orderflow.values.numbers import (
    Rounding,
    add,
    as_decimal,
    as_not_negative,
    as_positive,
    mul,
    neg,
    plain,
    ratio_rounded,
    round_to,
    sub,
)

numbers = st.decimals(min_value=-(10**12), max_value=10**12, places=6)


class Count(IntEnum):
    TWO = 2


class HostDecimal(Decimal):
    """A subclass such as an ORM may hand out."""


def hostile() -> decimal.Context:
    """A context in which nearly every operation would round or raise."""
    return decimal.Context(prec=5, rounding=decimal.ROUND_UP, Emin=-3, Emax=3, traps=list(decimal.Context().flags))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (Decimal("1.50"), "1.50"),
        (7, "7"),
        (-7, "-7"),
        ("57.70", "57.70"),
        ("-0.5", "-0.5"),
        ("+3", "3"),
        ("1E-7", "1E-7"),
        (Decimal("-0.00"), "0.00"),
        (Count.TWO, "2"),
        (HostDecimal("2.5"), "2.5"),
        (10**28 - 1, "9" * 28),
    ],
)
def test_exact_numbers_are_taken_as_they_are(raw: Any, expected: str) -> None:
    number = as_decimal(raw)
    assert str(number) == expected
    assert type(number) is Decimal


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (0.1, "number.float"),
        (float("nan"), "number.float"),
        (True, "number.not_a_number"),
        (None, "number.not_a_number"),
        (b"1", "number.not_a_number"),
        ("", "number.not_a_number"),
        (" 1", "number.not_a_number"),
        ("1\n", "number.not_a_number"),
        ("1_000", "number.not_a_number"),
        ("1,5", "number.not_a_number"),
        (".5", "number.not_a_number"),
        ("5.", "number.not_a_number"),
        ("\u0663", "number.not_a_number"),
        ("NaN", "number.not_finite"),
        ("-Infinity", "number.not_finite"),
        (Decimal("NaN"), "number.not_finite"),
        (Decimal("sNaN"), "number.not_finite"),
        (Decimal("-Infinity"), "number.not_finite"),
        ("1" * 29, "number.too_precise"),
        ("1" * 5000, "number.too_precise"),
        (10**28, "number.too_precise"),
        (Decimal("1E-16"), "number.too_precise"),
        (Decimal("1E+21"), "number.too_precise"),
        ("1E+999", "number.too_precise"),
    ],
)
def test_what_is_no_exact_number_is_refused_with_its_code(raw: Any, code: str) -> None:
    with decimal.localcontext(hostile()), pytest.raises(InvalidInput) as refused:
        as_decimal(raw)
    assert refused.value.codes == (code,)


@pytest.mark.parametrize("raw", [0, "-1", Decimal("-0.01")])
def test_a_quantity_must_be_above_zero(raw: Any) -> None:
    with pytest.raises(InvalidInput, match=r"quantity\.not_positive"):
        as_positive(raw)


def test_zero_is_not_negative_but_less_is() -> None:
    assert as_not_negative("0") == 0
    with pytest.raises(InvalidInput, match=r"number\.negative"):
        as_not_negative("-0.01")


@given(numbers, numbers)
def test_arithmetic_is_exact_under_a_hostile_global_context(left: Decimal, right: Decimal) -> None:
    with decimal.localcontext(hostile()):
        results = add(left, right), sub(left, right), mul(left, right), neg(left)
    a, b = Fraction(left), Fraction(right)
    assert [Fraction(result) for result in results] == [a + b, a - b, a * b, -a]


def test_a_result_that_cannot_be_exact_is_refused_instead_of_rounded() -> None:
    wide = mul(Decimal("1." + "1" * 27), Decimal("1." + "1" * 27))
    with pytest.raises(InvalidInput, match=r"number\.too_precise"):
        mul(wide, wide)
    with pytest.raises(InvalidInput, match=r"number\.too_precise"):
        add(Decimal("1E+50"), Decimal("1E-15"))


@pytest.mark.parametrize(
    ("number", "half_up", "half_even", "down"),
    [
        ("2.345", "2.35", "2.34", "2.34"),
        ("2.355", "2.36", "2.36", "2.35"),
        ("-2.345", "-2.35", "-2.34", "-2.34"),
        ("2.3449", "2.34", "2.34", "2.34"),
        ("-0.004", "0.00", "0.00", "0.00"),
        ("7", "7.00", "7.00", "7.00"),
    ],
)
def test_each_rounding_rule_does_what_its_name_says(number: str, half_up: str, half_even: str, down: str) -> None:
    with decimal.localcontext(hostile()):
        rounded = [str(round_to(Decimal(number), 2, rule)) for rule in Rounding]
    assert rounded == [half_up, half_even, down]


@given(numbers, st.decimals(min_value=-1000, max_value=1000, places=3).filter(bool), st.sampled_from(Rounding))
def test_a_quotient_is_rounded_once_from_its_true_value(above: Decimal, below: Decimal, rule: Rounding) -> None:
    with decimal.localcontext(hostile()):
        rounded = Fraction(ratio_rounded(above, below, 2, rule))
    error = abs(rounded - Fraction(above) / Fraction(below))
    assert error < Fraction(1, 100) if rule is Rounding.DOWN else error <= Fraction(1, 200)


@given(numbers, st.sampled_from(Rounding))
def test_a_quotient_by_one_is_the_number_rounded(number: Decimal, rule: Rounding) -> None:
    assert ratio_rounded(number, Decimal(1), 2, rule) == round_to(number, 2, rule)


def test_division_by_zero_and_odd_digits_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"number\.division_by_zero"):
        ratio_rounded(Decimal(1), Decimal(0), 2)
    with pytest.raises(InvalidInput, match=r"number\.digits"):
        round_to(Decimal(1), 16)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("2.000", "2"),
        ("4.250", "4.25"),
        ("1E+3", "1000"),
        ("100", "100"),
        ("0.00", "0"),
        ("-0", "0"),
        ("1E-7", "0.0000001"),
    ],
)
def test_a_number_is_written_as_people_write_it(number: str, expected: str) -> None:
    with decimal.localcontext(hostile()):
        assert plain(Decimal(number)) == expected


@given(numbers)
def test_what_is_written_plainly_reads_back_as_the_same_number(number: Decimal) -> None:
    assert as_decimal(plain(number)) == number
    assert as_decimal(str(number)) == number
