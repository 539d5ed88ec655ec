"""Values tell every problem at once, each under its path."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal
from typing import Any

import attrs
import pytest

from orderflow.errors import InvalidInput
from orderflow.values import (
    Money,
    Quantity,
    as_amount,
    as_currency,
    as_id,
    as_quantity,
    checked,
    evolved,
    optional,
    personal_fields,
    tuple_of,
    value,
)


@value
class Row:
    sku: str = checked(as_id)
    quantity: Quantity = checked(as_quantity)
    note: str | None = checked(optional(as_id), default=None)


def as_row(raw: Any) -> Row:
    return raw if isinstance(raw, Row) else Row(*raw)


@value
class Basket:
    currency: str = checked(as_currency)
    rows: tuple[Row, ...] = checked(tuple_of(as_row, at_least=1))
    buyer: str = checked(as_id, default="nobody", personal=True)

    def _check(self) -> None:
        if len({row.sku for row in self.rows}) < len(self.rows):
            raise InvalidInput.because("basket.repeated_sku", "must name each sku once", "rows")


def problems_of(*given: Any, **named: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as refused:
        Basket(*given, **named)
    return [(violation.path, violation.code) for violation in refused.value.violations]


def test_a_float_is_refused_with_its_path() -> None:
    assert problems_of("EUR", [("A", 1), ("B", 1.5)]) == [("rows[1].quantity", "number.float")]


def test_several_problems_in_several_rows_are_told_at_once() -> None:
    assert problems_of("euro", [("", 0), ("B", (1.5, "")), ("C", 1, " x")], buyer=7) == [
        ("currency", "money.unknown_currency"),
        ("rows[0].sku", "id.empty"),
        ("rows[0].quantity", "quantity.not_positive"),
        ("rows[1].quantity.amount", "number.float"),
        ("rows[1].quantity.unit", "unit.empty"),
        ("rows[2].note", "id.bad_character"),
        ("buyer", "id.not_text"),
    ]


def test_what_only_all_fields_can_tell_is_checked_when_each_is_good() -> None:
    assert problems_of("EUR", [("A", 1), ("A", 2)]) == [("rows", "basket.repeated_sku")]
    assert problems_of("XXX", [("A", 1), ("A", 2)]) == [("currency", "money.unknown_currency")]


def test_too_few_items_are_refused() -> None:
    assert problems_of("EUR", []) == [("rows", "shape.too_few")]


@pytest.mark.parametrize("raw", ["AB", b"AB", {"A": 1}, {"A"}, 7, None])
def test_what_is_not_a_list_is_not_taken_for_one(raw: Any) -> None:
    assert problems_of("EUR", raw) == [("rows", "shape.not_a_list")]


def test_any_sequence_or_generator_becomes_a_tuple() -> None:
    assert tuple_of(as_amount)(str(n) for n in (1, 2)) == (Decimal(1), Decimal(2))
    assert tuple_of(as_amount)([]) == ()


def test_none_stays_none_only_where_it_is_optional() -> None:
    assert Row("A", as_quantity(1), None).note is None
    with pytest.raises(InvalidInput):
        Row(None, as_quantity(1))  # type: ignore[arg-type]


def test_a_good_value_is_frozen_hashable_and_copies_as_itself() -> None:
    basket = Basket("EUR", (Row("A", as_quantity(1)),))
    assert hash(basket) == hash(copy.deepcopy(basket))
    assert pickle.loads(pickle.dumps(basket)) == basket
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        basket.currency = "USD"  # type: ignore[misc]


def test_a_changed_copy_is_checked_again() -> None:
    with pytest.raises(InvalidInput, match=r"amount.*number\.float"):
        evolved(Money(1, "EUR"), amount=0.5)


def test_personal_fields_are_marked() -> None:
    assert personal_fields(Basket) == {"buyer"}
