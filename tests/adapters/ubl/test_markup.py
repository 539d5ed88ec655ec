"""A document from outside is read with suspicion."""

from __future__ import annotations

from time import perf_counter

import pytest

from orderflow.adapters.ubl import read_order
from orderflow.adapters.ubl.markup import Element, parsed, rendered
from orderflow.errors import InvalidInput
from tests.adapters.ubl.documents import line, order

LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'
QUADRATIC = f'<!DOCTYPE x [<!ENTITY a "{"h" * 50_000}">]><x>{"&a;" * 50_000}</x>'
EXTERNAL = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><x>&a;</x>'
PARAMETER = '<!DOCTYPE x [<!ENTITY % a SYSTEM "http://example.org/a.dtd"> %a;]><x/>'
ELSEWHERE = '<!DOCTYPE x SYSTEM "http://example.org/a.dtd"><x/>'


def refused(document: bytes | str) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as caught:
        parsed(document)
    (violation,) = caught.value.violations
    return violation.code, violation.message


@pytest.mark.parametrize("attack", [LAUGHS, QUADRATIC, EXTERNAL, PARAMETER, ELSEWHERE])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_before_anything_of_it_is_expanded(attack: str, encoding: str) -> None:
    assert refused(attack)[0] == "ubl.declares_entities"
    assert refused(attack.encode(encoding))[0] == "ubl.declares_entities"


@pytest.mark.parametrize(
    ("document", "code", "told"),
    [
        ("", "ubl.not_well_formed", "no element found: line 1, column 0"),
        ("<a>\n  <b</a>", "ubl.not_well_formed", "line 2, column 4"),
        ('{"Order": []}', "ubl.not_well_formed", "line 1, column 0"),
        ("<a>&unknown;</a>", "ubl.not_well_formed", "undefined entity: line 1, column 3"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "ubl.not_well_formed", "unknown encoding"),
        (b"<a>\xff</a>", "ubl.not_well_formed", "invalid token"),
        ("<a>\ud800</a>", "ubl.not_well_formed", "invalid token"),
        ("<a>" * 100 + "</a>" * 100, "ubl.too_deep", "60 elements deep"),
        (b" " * 20_000_001, "ubl.too_large", "20000000 bytes"),
        (None, "ubl.not_a_document", "not NoneType"),
    ],
)
def test_what_is_no_document_is_refused_with_its_place(document: bytes | str, code: str, told: str) -> None:
    found, message = refused(document)
    assert (found, told in message) == (code, True), message


def test_a_text_is_read_as_it_is_whatever_encoding_it_announces() -> None:
    assert parsed('<?xml version="1.0" encoding="ISO-8859-1"?><a>Käse</a>').text == "Käse"
    assert parsed('<?xml version="1.0" encoding="ISO-8859-1"?><a>Käse</a>'.encode("latin-1")).text == "Käse"


def test_an_element_knows_where_it_stands() -> None:
    root = parsed(order())
    (line,) = root.all("OrderLine")
    quantity = line.first("LineItem", "Quantity")
    assert quantity is not None
    assert quantity.path == "/Order/cac:OrderLine/cac:LineItem/cbc:Quantity"
    assert quantity.line == order().splitlines().index(next(r for r in order().splitlines() if "OrderLine" in r)) + 1


def test_what_is_written_is_read_again_as_it_was() -> None:
    root = Element("Order", "urn:oasis:names:specification:ubl:schema:xsd:Order-2")
    party = Element("Party", "cac", parent=root)
    Element("Name", "cbc", {"languageID": 'a"<'}, 'Krull & Sons <"GmbH">', parent=party)
    again = parsed(rendered(root)).first("Party", "Name")

    assert again is not None
    assert (again.text, again.attributes) == ('Krull & Sons <"GmbH">', {"languageID": 'a"<'})


def test_a_text_in_many_pieces_is_read_in_no_time() -> None:
    began = perf_counter()
    assert len(parsed(f"<a>{'between the elements<b/>' * 100_000}</a>").text) == 2_000_000
    assert perf_counter() - began < 5


def test_a_document_with_many_rows_is_read_in_no_time() -> None:
    began = perf_counter()
    document = read_order(order(*(line(str(number)) for number in range(2000))))
    assert len(document.command.lines) == 2000
    assert perf_counter() - began < 5
