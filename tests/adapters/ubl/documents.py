"""Documents of UBL for the tests, written by hand, and where the published examples are, if they are there."""

from __future__ import annotations

from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data" / "ubl-oasis"
needs_examples = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the published examples are not beside the project")

COMMON = "urn:oasis:names:specification:ubl:schema:xsd:Common"
SPACES = f'xmlns:cac="{COMMON}AggregateComponents-2" xmlns:cbc="{COMMON}BasicComponents-2"'

ADDRESS = """\
<cbc:StreetName>Torstrasse</cbc:StreetName><cbc:BuildingNumber>1</cbc:BuildingNumber>
<cbc:CityName>Berlin</cbc:CityName><cbc:PostalZone>10119</cbc:PostalZone>
<cac:Country><cbc:IdentificationCode>DE</cbc:IdentificationCode></cac:Country>"""

HEAD = "<cbc:UBLVersionID>2.1</cbc:UBLVersionID><cbc:ID>PO-7</cbc:ID><cbc:IssueDate>2026-11-20</cbc:IssueDate>"
CURRENCY = "<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>"
BUYER = f"""\
<cac:BuyerCustomerParty><cbc:SupplierAssignedAccountID>C-12</cbc:SupplierAssignedAccountID><cac:Party>
<cac:PartyName><cbc:Name>Krull &amp; Sons</cbc:Name></cac:PartyName>
<cac:PostalAddress>{ADDRESS}</cac:PostalAddress>
<cac:Contact><cbc:Name>Ada Krull</cbc:Name><cbc:Telephone>030 1234</cbc:Telephone>
<cbc:ElectronicMail>ada@example.org</cbc:ElectronicMail></cac:Contact>
</cac:Party></cac:BuyerCustomerParty>"""
SELLER = """\
<cac:SellerSupplierParty><cac:Party><cac:PartyName><cbc:Name>Tea House</cbc:Name></cac:PartyName>
</cac:Party></cac:SellerSupplierParty>"""
DELIVERY = f"""\
<cac:Delivery><cac:DeliveryLocation><cac:Address>{ADDRESS}</cac:Address></cac:DeliveryLocation>
<cac:RequestedDeliveryPeriod><cbc:StartDate>2026-12-01</cbc:StartDate><cbc:EndDate>2026-12-04</cbc:EndDate>
</cac:RequestedDeliveryPeriod></cac:Delivery>"""


def document(kind: str, inside: str) -> str:
    """A whole document of some kind."""
    return f'<{kind} xmlns="urn:oasis:names:specification:ubl:schema:xsd:{kind}-2" {SPACES}>\n{inside}\n</{kind}>'


def amount(name: str, value: str, currency: str = "EUR") -> str:
    return f'<cbc:{name} currencyID="{currency}">{value}</cbc:{name}>'


def line(
    id: str = "10",
    quantity: str = "5",
    price: str = "9.90",
    *,
    stated: str = "",
    per: str = "",
    sku: str = "TEA",
    unit: str = "C62",
    more: str = "",
    before: str = "",
) -> str:
    """A row; ``more`` stands where a delivery may, ``before`` where a status may."""
    extension = amount("LineExtensionAmount", stated) if stated else ""
    base = f'<cbc:BaseQuantity unitCode="{unit}">{per}</cbc:BaseQuantity>' if per else ""
    cost = f"<cac:Price>{amount('PriceAmount', price)}{base}</cac:Price>" if price else ""
    number = f"<cac:SellersItemIdentification><cbc:ID>{sku}</cbc:ID></cac:SellersItemIdentification>" if sku else ""
    amounts = f'<cbc:Quantity unitCode="{unit}">{quantity}</cbc:Quantity>' if quantity else ""
    return (
        f"<cac:OrderLine><cac:LineItem><cbc:ID>{id}</cbc:ID>{before}{amounts}{extension}{more}{cost}"
        f"<cac:Item><cbc:Name>Green tea</cbc:Name>{number}</cac:Item></cac:LineItem></cac:OrderLine>"
    )


def order(
    *lines: str,
    head: str = HEAD,
    currency: str = CURRENCY,
    delivery: str = DELIVERY,
    totals: str = "",
    notes: str = "",
) -> str:
    """An order; without rows, one of five teas."""
    return document("Order", "\n".join([head, notes, currency, BUYER, SELLER, delivery, totals, *(lines or (line(),))]))


def change(*lines: str, number: str = "PO-7", more: str = "", delivery: str = "") -> str:
    """A change of an order."""
    reference = f"<cac:OrderReference><cbc:ID>{number}</cbc:ID></cac:OrderReference>"
    head = HEAD.replace("PO-7", "C-1") + "<cbc:SequenceNumberID>1</cbc:SequenceNumberID>"
    return document("OrderChange", "\n".join([head, more, reference, BUYER, SELLER, delivery, *lines]))


def cancellation(*numbers: str, note: str = "Ordered by mistake") -> str:
    """The cancellation of orders."""
    references = "".join(f"<cac:OrderReference><cbc:ID>{one}</cbc:ID></cac:OrderReference>" for one in numbers)
    head = HEAD.replace("PO-7", "X-1")
    return document(
        "OrderCancellation", f"{head}<cbc:CancellationNote>{note}</cbc:CancellationNote>{references}{BUYER}{SELLER}"
    )


def status(code: str) -> str:
    return f"<cbc:LineStatusCode>{code}</cbc:LineStatusCode>"
