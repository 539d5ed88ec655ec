"""What holds of every document: it is read or refused, right sums are not flagged, and wrong ones are."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from orderflow.adapters.ubl import Agreement, read_order, read_order_cancellation, read_order_change
from orderflow.errors import InvalidInput
from orderflow.values.numbers import Rounding, mul, plain, ratio_rounded
from tests.adapters.ubl.documents import amount, cancellation, change, line, order, status
from tests.adapters.ubl.test_losses import FULL

DOCUMENTS = {
    read_order: FULL,
    read_order_change: change(line(before=status("Revised")), line("20", before=status("Added"))),
    read_order_cancellation: cancellation("PO-7", "PO-8"),
}
WORDS = st.sampled_from(
    [
        *("", "0", "-1", "1E5", "9" * 29, "0." + "0" * 15 + "1", ".5", "5.", "+", "1_0", "٣", "NaN", "INF", "true"),
        *("false", "xx", "EUR", "KWD", "JPY", "9999-12-31", "0001-01-01", "2026-02-30", "24:00:00"),
        *("23:59:59-14:00", "00:00:00+99:99", "a/b", "\t", "é", "\ufffd", "Added", "Cancelled"),
    ]
) | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=1200)


@given(st.data())
def test_a_document_with_other_words_or_without_some_of_its_elements_is_read_or_refused(data: st.DataObject) -> None:
    read = data.draw(st.sampled_from(list(DOCUMENTS)))
    root = ElementTree.fromstring(DOCUMENTS[read])
    elements = [element for element in root.iter() if element is not root]
    parents = {child: parent for parent in root.iter() for child in parent}
    for _ in range(data.draw(st.integers(1, 4))):
        element = data.draw(st.sampled_from(elements))
        kind = data.draw(st.sampled_from(["text", "attribute", "gone", "twice"]))
        if kind == "text":
            element.text = data.draw(WORDS)
        elif kind == "attribute":
            for name in element.attrib:
                element.attrib[name] = data.draw(WORDS)
        elif kind == "twice":
            parents[element].append(element)
        elif element in parents[element]:
            parents[element].remove(element)
    with contextlib.suppress(InvalidInput):
        made = read(ElementTree.tostring(root), Agreement(zone="Pacific/Auckland"))
        assert all(loss.why for loss in made.losses)


def decimals(least: str, most: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(least, most, places=places, allow_nan=False, allow_infinity=False)


ROWS = st.lists(
    st.tuples(
        decimals("0.001", "9999", 3),
        decimals("0", "999", 4),
        st.sampled_from([1, 3, 10, 100]),
        st.sampled_from(Rounding),
    ),
    min_size=1,
    max_size=4,
)


@given(ROWS, decimals("0", "500", 2), st.integers(0, 8), st.sampled_from(["0.01", "-0.01", "100"]))
def test_right_sums_are_never_flagged_and_a_wrong_one_always_is(
    rows: list[tuple[Decimal, Decimal, int, Rounding]], tax: Decimal, wrong: int, off: str
) -> None:
    rules = [Rounding.HALF_UP if rule is Rounding.DOWN else rule for *_, rule in rows]
    sums = [
        ratio_rounded(mul(quantity, price), Decimal(per), 2, rule)
        for (quantity, price, per, _), rule in zip(rows, rules, strict=True)
    ]
    stated = [*sums, sum(sums, Decimal(0)), sum(sums, Decimal(0)) + tax]

    def written(numbers: list[Decimal]) -> str:
        *of_lines, whole, payable = map(plain, numbers)
        lines = [
            line(str(number), plain(quantity), plain(price), per=str(per), stated=of_lines[number])
            for number, (quantity, price, per, _) in enumerate(rows)
        ]
        taxes = f"<cac:TaxTotal>{amount('TaxAmount', plain(tax))}</cac:TaxTotal>"
        inside = amount("LineExtensionAmount", whole) + amount("PayableAmount", payable)
        return order(*lines, totals=f"{taxes}<cac:AnticipatedMonetaryTotal>{inside}</cac:AnticipatedMonetaryTotal>")

    assert read_order(written(stated)).flags == ()
    place = wrong % len(stated)
    stated[place] += Decimal(off)
    flags = read_order(written(stated)).flags
    exact = place < len(rows) and mul(stated[place], Decimal(rows[place][2])) == mul(rows[place][0], rows[place][1])
    other_rule = place < len(rows) and any(
        stated[place] == ratio_rounded(mul(*rows[place][:2]), Decimal(rows[place][2]), 2, rule)
        for rule in (Rounding.HALF_UP, Rounding.HALF_EVEN)
    )
    if place < len(rows) and (exact or other_rule):
        assert [flag.code for flag in flags] == ["ubl.line_total"]
    else:
        told = ["ubl.line_amount", "ubl.line_total"] if place < len(rows) else []
        told += ["ubl.line_total", "ubl.payable"] if place == len(rows) else []
        told += ["ubl.payable"] if place == len(rows) + 1 else []
        assert [flag.code for flag in flags] == told
