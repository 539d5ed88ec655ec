"""Addresses have the parts that their country needs, in the order of their country."""

from __future__ import annotations

from typing import Any

import pytest

from orderflow.errors import InvalidInput
from orderflow.values import ERASED, Address, as_address, evolved, personal_fields
from orderflow.values.address import _CITY_NOT_NEEDED, _LOCALITY_ROWS, _POSTAL_SHAPES, _REGION_NEEDED, COUNTRIES


def problems_of(*given: Any, **named: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as refused:
        Address(*given, **named)
    return [(violation.path, violation.code) for violation in refused.value.violations]


def test_all_missing_parts_are_told_at_once() -> None:
    assert problems_of("US", "1 Main St") == [
        ("postal_code", "address.postal_code_missing"),
        ("region", "address.region_missing"),
        ("city", "address.city_missing"),
    ]


def test_a_malformed_postal_code_is_told_along_with_a_missing_city() -> None:
    assert problems_of("DE", "Torstrasse 1", postal_code="1011") == [
        ("postal_code", "address.postal_code_malformed"),
        ("city", "address.city_missing"),
    ]


def test_problems_of_single_fields_are_told_before_those_of_the_country() -> None:
    assert problems_of("Germany", ["", "x" * 101], phone=49) == [
        ("country", "address.unknown_country"),
        ("lines[1]", "text.too_long"),
        ("phone", "text.not_text"),
    ]


@pytest.mark.parametrize(
    ("lines", "path", "code"),
    [
        ("", "lines[0]", "address.line_empty"),
        (["a", " "], "lines[1]", "address.line_empty"),
        ([], "lines", "shape.too_few"),
        (["a"] * 6, "lines", "address.too_many_lines"),
        ("a\nb", "lines[0]", "text.bad_character"),
        (None, "lines", "shape.not_a_list"),
    ],
)
def test_lines_are_one_to_five_with_something_on_each(lines: Any, path: str, code: str) -> None:
    assert problems_of("DE", lines, city="Berlin", postal_code="10119") == [(path, code)]


@pytest.mark.parametrize("country", ["AE", "HK", "IE", "PA"])
def test_countries_without_postal_codes_need_none(country: str) -> None:
    assert Address(country, "1 Any Street", city="Any").postal_code == ""


@pytest.mark.parametrize("country", ["SG", "HK", "MC"])
def test_a_city_state_needs_no_city(country: str) -> None:
    assert Address(country, "1 Any Street", postal_code="123456").city == ""


@pytest.mark.parametrize(
    ("country", "postal_code"),
    [
        ("GB", "SW1A 1AA"),
        ("GB", "m1 1ae"),
        ("CA", "K1A 0B1"),
        ("US", "62704-1234"),
        ("NL", "1012 AB"),
        ("SE", "111 22"),
        ("SE", "11122"),
        ("PL", "00-950"),
        ("PT", "1000-205"),
        ("PT", "1000"),
        ("BR", "01310-100"),
        ("JP", "100-0001"),
        ("LV", "LV-1010"),
        ("LU", "L-1234"),
        ("LU", "1234"),
    ],
)
def test_postal_codes_are_taken_in_the_shapes_of_their_country(country: str, postal_code: str) -> None:
    address = Address(country, "1", city="C", region="R", postal_code=postal_code)
    assert address.postal_code == postal_code


@pytest.mark.parametrize(
    ("country", "postal_code"),
    [
        ("GB", "12345"),
        ("CA", "K1A-0B1"),
        ("US", "6270"),
        ("US", "62704-12"),
        ("NL", "1012"),
        ("LV", "LT-1010"),
        ("DE", "D-10119"),
        ("DE", "\u0661\u0660\u0661\u0661\u0669"),
    ],
)
def test_postal_codes_of_another_shape_are_refused(country: str, postal_code: str) -> None:
    problems = problems_of(country, "1", city="C", region="R", postal_code=postal_code)
    assert problems == [("postal_code", "address.postal_code_malformed")]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (Address("DE", "Torstrasse 1", "Berlin", "", "10119", name="Ada"), "Ada, Torstrasse 1, 10119 Berlin, DE"),
        (Address("US", "1 Main St", "Springfield", "IL", "62704"), "1 Main St, Springfield IL 62704, US"),
        (Address("GB", ["Flat 2", "1 High St"], "Leeds", "", "LS1 1AA"), "Flat 2, 1 High St, Leeds, LS1 1AA, GB"),
        (Address("IT", "Via Roma 1", "Torino", "TO", "10121"), "Via Roma 1, 10121 Torino TO, IT"),
        (Address("HK", "1 Queen's Rd", company="Acme"), "Acme, 1 Queen's Rd, HK"),
        (
            Address("BR", "Av. Paulista 1", "Sao Paulo", "SP", "01310-100"),
            "Av. Paulista 1, Sao Paulo SP, 01310-100, BR",
        ),
    ],
)
def test_an_address_is_written_in_the_order_of_its_country(address: Address, expected: str) -> None:
    assert address.one_line() == expected
    assert address.block() == expected.replace(", ", "\n")


def test_the_tables_name_only_known_countries() -> None:
    for table in (_POSTAL_SHAPES, _REGION_NEEDED, _CITY_NOT_NEEDED, _LOCALITY_ROWS):
        assert COUNTRIES.issuperset(table)
    assert len(COUNTRIES) == 249


def test_every_part_of_the_place_is_written_in_every_country() -> None:
    for country in COUNTRIES:
        shape = _POSTAL_SHAPES.get(country, "P").split("|")[0].replace("N", "1").replace("A", "B")
        address = Address(country, "Line", "City", "Region", shape)
        assert all(part in address.block() for part in ("City", "Region", shape)), country


def test_an_erased_address_is_still_an_address() -> None:
    address = Address("US", "1 Main St", "Springfield", "IL", "62704", name="Ada", phone="1")
    personal = personal_fields(Address)
    assert personal == {"lines", "city", "postal_code", "name", "company", "phone"}
    erased = evolved(address, **dict.fromkeys(personal, ERASED))
    assert erased.one_line() == f"{ERASED}, {ERASED}, {ERASED}, {ERASED} IL {ERASED}, US"


def test_a_text_is_not_an_address() -> None:
    with pytest.raises(InvalidInput, match=r"address\.not_an_address"):
        as_address("1 Main St")
