"""Nothing of a document is lost in silence: what it says is used, or it is listed.

Proved without the reader's word for it. Each thing that is said is changed, one after the other, and the document read
again: where the result differs it was used, where it does not it has to be on the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

import pytest

from orderflow.adapters.ubl import Agreement, read_order, read_order_cancellation, read_order_change
from orderflow.errors import InvalidInput
from orderflow.values.record import field_names
from tests.adapters.ubl.documents import (
    ADDRESS,
    COMMON,
    DELIVERY,
    EXAMPLES,
    amount,
    cancellation,
    change,
    line,
    order,
    status,
)

AGREED = Agreement(zone="Europe/Berlin")

FULL = order(
    line(
        "10",
        "40",
        "9.90",
        stated="396.00",
        per="1",
        more=amount("TotalTaxAmount", "75.24")
        + '<cbc:MinimumQuantity unitCode="C62">38</cbc:MinimumQuantity>'
        + "<cbc:PartialDeliveryIndicator>false</cbc:PartialDeliveryIndicator>"
        + "<cbc:AccountingCost>Project 7</cbc:AccountingCost>"
        + DELIVERY,
        before="<cbc:Note>Fragile</cbc:Note><cbc:LineStatusCode listID='x'>Added</cbc:LineStatusCode>",
    ),
    line("20", "3", "1", more='<cbc:MinimumQuantity unitCode="C62">2</cbc:MinimumQuantity>'),
    notes="<cbc:IssueTime>09:30:00.5+01:00</cbc:IssueTime><cbc:Note languageID='en'>Ring twice</cbc:Note>",
    totals=(
        "<cac:DeliveryTerms><cbc:ID>DAP</cbc:ID><cbc:SpecialTerms>By hand</cbc:SpecialTerms></cac:DeliveryTerms>"
        "<cac:AllowanceCharge><cbc:ChargeIndicator>true</cbc:ChargeIndicator>"
        f"{amount('Amount', '5')}</cac:AllowanceCharge>"
        f"<cac:TaxTotal>{amount('TaxAmount', '75.24')}</cac:TaxTotal>"
        f"<cac:AnticipatedMonetaryTotal>{amount('LineExtensionAmount', '399')}{amount('PayableAmount', '479.24')}"
        "</cac:AnticipatedMonetaryTotal>"
    ),
    delivery=DELIVERY + f"<cac:Delivery><cac:DeliveryAddress>{ADDRESS}</cac:DeliveryAddress></cac:Delivery>",
)


PREFIXES = {f"{COMMON}AggregateComponents-2": "cac:", f"{COMMON}BasicComponents-2": "cbc:"}


READERS: dict[str, Callable[..., Any]] = {
    "Order": read_order,
    "OrderChange": read_order_change,
    "OrderCancellation": read_order_cancellation,
}
REVISED = change(
    line("10", "7", stated="69.30", more=amount("TotalTaxAmount", "1") + DELIVERY, before=status("Revised")),
    line("20", before=status("Cancelled")),
    more="<cbc:Note>More guests</cbc:Note>",
    delivery=DELIVERY,
)


def documents() -> Iterator[Any]:
    yield pytest.param(FULL.encode(), id="ours")
    yield pytest.param(REVISED.encode(), id="our change")
    yield pytest.param(cancellation("PO-7").encode(), id="our cancellation")
    for kind in READERS if EXAMPLES.is_dir() else ():
        for path in sorted(EXAMPLES.glob(f"raw/xml/*-{kind}-*.xml")):
            yield pytest.param(path.read_bytes(), id=path.stem)


def sayings(element: ElementTree.Element, path: str) -> Iterator[tuple[str, ElementTree.Element, str]]:
    """Everything that is said, with its path, by a parser and a way of counting that are not the reader's."""
    if (element.text or "").strip():
        yield path, element, ""
    for name in element.attrib:
        yield f"{path}/@{name}", element, name
    for child in element:
        alike = element.findall(child.tag)
        which = f"[{alike.index(child) + 1}]" if len(alike) > 1 else ""
        namespace, _, name = child.tag[1:].partition("}")
        yield from sayings(child, f"{path}/{PREFIXES[namespace]}{name}{which}")


def another(said: str) -> str:
    """Something else of the same kind."""
    if said in ("true", "false"):
        return "false" if said == "true" else "true"
    return said[:-1] + ("2" if said[-1] == "1" else "1") if said[-1].isdigit() else f"{said}x"


@contextmanager
def changed(element: ElementTree.Element, name: str) -> Iterator[None]:
    """Another word in a document, for a while."""
    text, attributes = element.text, dict(element.attrib)
    if name:
        element.attrib[name] = another(attributes[name].strip())
    else:
        element.text = another((text or "").strip())
    yield
    element.text = text
    element.attrib.update(attributes)


def read(root: ElementTree.Element) -> Any:
    try:
        return READERS[root.tag.partition("}")[2]](ElementTree.tostring(root), AGREED)
    except InvalidInput:
        return None


def kept(document: Any) -> dict[str, Any]:
    """All that is kept of a document."""
    reported = {"losses", "flags", "used", "totals", "line_sums"}
    return {name: getattr(document, name) for name in field_names(type(document)) if name not in reported}


@pytest.mark.parametrize("content", list(documents()))
def test_whatever_is_said_is_used_or_listed(content: bytes) -> None:
    root = ElementTree.fromstring(content)
    before = read(root)
    assert before is not None
    said = {path: (element, name) for path, element, name in sayings(root, f"/{root.tag.partition('}')[2]}")}
    lost = [loss.path for loss in before.losses]
    assert sorted((*before.used, *lost)) == sorted(said)
    assert all(loss.why and loss.value and loss.line for loss in before.losses)

    for path, (element, name) in said.items():
        with changed(element, name):
            after = read(root)
        if path in lost:
            assert after is None or kept(after) == kept(before), f"{path} is listed, and matters"
        else:
            told = after is None or kept(after) != kept(before) or after.flags != before.flags
            assert told, f"{path} is not listed, and does not matter"
