"""Quantities are exact, above zero and in a unit."""

from __future__ import annotations

from typing import Any

import pytest

from orderflow.errors import InvalidInput
from orderflow.values import Quantity, as_quantity


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (2, "2 each"),
        ("4.250", "4.25 each"),
        (("4.25", "kg"), "4.25 kg"),
        ([3, "C62"], "3 C62"),
        (Quantity(1, "pair"), "1 pair"),
    ],
)
def test_a_quantity_is_read_from_what_people_write(raw: Any, expected: str) -> None:
    assert str(as_quantity(raw)) == expected


@pytest.mark.parametrize(
    ("raw", "problems"),
    [
        (0.5, [("", "number.float")]),
        (True, [("", "number.not_a_number")]),
        (0, [("", "quantity.not_positive")]),
        ((-1, ""), [("amount", "quantity.not_positive"), ("unit", "unit.empty")]),
        ((1, " "), [("unit", "unit.empty")]),
        ((1, "u" * 21), [("unit", "unit.too_long")]),
        ((1, None), [("unit", "text.not_text")]),
        ((1, "kg", "net"), [("", "quantity.not_a_pair")]),
    ],
)
def test_what_is_no_quantity_is_refused(raw: Any, problems: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidInput) as refused:
        as_quantity(raw)
    assert [(v.path, v.code) for v in refused.value.violations] == problems
