"""Ids are kept letter by letter; texts can be stored and printed."""

from __future__ import annotations

from typing import Any

import pytest

from orderflow.errors import InvalidInput
from orderflow.values import as_id, as_id_or_blank, as_line, as_text, ordinal


@pytest.mark.parametrize("raw", ["A", "SO-2026 1", "\u6ce8\u6587-7", "a" * 128, "#1001", "\U0001f4e6"])
def test_an_id_is_kept_as_it_is(raw: str) -> None:
    assert as_id(raw) == raw


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (7, "id.not_text"),
        (None, "id.not_text"),
        ("", "id.empty"),
        ("a" * 129, "id.too_long"),
        (" a", "id.bad_character"),
        ("a\u00a0", "id.bad_character"),
        ("a/b", "id.bad_character"),
        ("a\tb", "id.bad_character"),
        ("a\x7f", "id.bad_character"),
        ("\u00e9\x85b", "id.bad_character"),
        ("a\ud800", "id.bad_character"),
    ],
)
def test_what_is_no_id_is_refused(raw: Any, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        as_id(raw)
    assert refused.value.codes == (code,)


def test_a_blank_id_means_none_only_where_that_is_allowed() -> None:
    assert as_id_or_blank("") == ""
    assert as_id_or_blank("C1") == "C1"
    with pytest.raises(InvalidInput, match=r"id\.not_text"):
        as_id_or_blank(None)


def test_free_text_may_have_several_lines_and_a_line_may_not() -> None:
    assert as_text(20)("to the\nback door") == "to the\nback door"
    with pytest.raises(InvalidInput, match=r"text\.bad_character"):
        as_line(20)("to the\nback door")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (7, "text.not_text"),
        ("abcdef", "text.too_long"),
        ("a\0", "text.bad_character"),
        ("\udfff", "text.bad_character"),
    ],
)
def test_what_cannot_be_kept_as_text_is_refused(raw: Any, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        as_text(5)(raw)
    assert refused.value.codes == (code,)


def test_parts_of_an_order_are_numbered_from_its_state() -> None:
    assert [ordinal("F", count) for count in (1, 2)] == ["F1", "F2"]
