"""Orders of UBL as orders of orderflow, with a report of what has no place in them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from orderflow.adapters.ubl.agreement import STANDARD_AGREEMENT, Agreement
from orderflow.adapters.ubl.arithmetic import Sum, line_sums, totals
from orderflow.adapters.ubl.lines import Delivery, Row, delivery_of, instructions_of, row_of
from orderflow.adapters.ubl.markup import Element, parsed
from orderflow.adapters.ubl.parties import customer_party, party_of
from orderflow.adapters.ubl.reading import Flag, Loss, Reader, opened
from orderflow.errors import InvalidInput
from orderflow.stages.acceptance import PlaceOrder
from orderflow.values.ids import as_reference, as_text
from orderflow.values.money import as_currency
from orderflow.values.party import Party
from orderflow.values.record import record

__all__ = ["Heading", "OrderDocument", "heading_of", "read_order", "read_rows"]


@record
class Heading:
    """What stands at the head of a document: its number, when it was written, from whom to whom."""

    number: str | None
    issued_on: date | None
    issued_at: datetime | None = None
    uuid: str = ""
    version: str = ""
    buyer: Party | None = None
    seller: Party | None = None


@record
class OrderDocument:
    """An order as a partner sent it: the command that places it, and what to know about it.

    ``losses`` are what the document says and the command cannot; ``flags`` what does not fit together in it. ``sums``
    are its reckoning, row by row and in total, done again. ``used`` are the paths of all that is no loss.
    """

    command: PlaceOrder
    heading: Heading
    losses: tuple[Loss, ...] = ()
    flags: tuple[Flag, ...] = ()
    line_sums: tuple[Sum, ...] = ()
    totals: tuple[Sum, ...] = ()
    used: tuple[str, ...] = ()
    sales_order_id: str = ""


def read_order(document: bytes | str, agreement: Agreement = STANDARD_AGREEMENT) -> OrderDocument:
    """Read an Order of UBL 2.

    Raises:
        InvalidInput: with everything that cannot be read, each with its path and the line of the document.
    """
    reader = opened(parsed(document), "Order", agreement)
    root = reader.root
    heading = heading_of(reader)
    if heading.number is None and agreement.needs_number:
        reader.refuse("ubl.missing", "must have an ID", root)
    delivery = delivery_of(reader, root)
    rows = read_rows(reader, delivery)
    currency = currency_of(reader, rows)
    if currency is None:
        reader.refuse("ubl.no_currency", "must name its currency, or have prices in one", root)
    sums = line_sums(reader, rows)
    whole = totals(reader, rows, sums)
    said = _said(reader, heading, delivery)
    sales_order_id = reader.read(root.first("SalesOrderID"), as_text(200)) or ""
    if reader.is_said(root.first("CopyIndicator")):
        reader.flag("ubl.is_a_copy", "it is a copy of an order that was sent before", root)
    for row in rows:
        if row.status == "Cancelled":
            reader.flag("ubl.cancelled_line", f"line {row.id} says of itself that it is cancelled", row.element)
    reader.raise_any()
    command = _command(reader, [row.line for row in rows if row.line is not None], currency or "", said)
    return OrderDocument(
        command, heading, reader.losses(), tuple(reader.flags), sums, whole, reader.used(), sales_order_id
    )


def _said(reader: Reader, heading: Heading, delivery: Delivery) -> dict[str, Any]:
    """What the document says of the order as a whole."""
    root, agreement = reader.root, reader.agreement
    return {
        "ship_to": delivery.ship_to or agreement.ship_to,
        "customer": heading.buyer,
        "bill_to": customer_party(reader, root.first("AccountingCustomerParty")),
        "reference": heading.number,
        "customer_reference": heading.number or "",
        "channel": agreement.channel,
        "tenant": agreement.tenant,
        "deliver_by": delivery.deliver_by,
        "not_before": delivery.not_before,
        "zone": agreement.zone,
        "method": agreement.method,
        "instructions": instructions_of(reader, root),
    }


def _command(reader: Reader, lines: Iterable[Any], currency: str, said: dict[str, Any]) -> PlaceOrder:
    try:
        return PlaceOrder(lines, currency, **said)
    except InvalidInput as invalid:
        for violation in invalid.violations:
            reader.refuse(violation.code, f"{violation.path} {violation.message}", reader.root)
        raise InvalidInput(reader.problems) from None


def heading_of(reader: Reader) -> Heading:
    """What stands at the head of a document."""
    root = reader.root
    issued = root.first("IssueDate")
    day, clock = reader.day(issued), root.first("IssueTime")
    seller = root.first("SellerSupplierParty", "Party")
    contact = seller.first("Contact") if seller is not None else None
    return Heading(
        reader.read(root.first("ID"), as_reference),
        day,
        reader.instant(issued, clock),
        reader.read(root.first("UUID"), as_text(100)) or "",
        reader.version,
        customer_party(reader, root.first("BuyerCustomerParty")),
        party_of(reader, seller, None, [contact] if contact is not None else ()),
    )


def read_rows(reader: Reader, whole: Delivery) -> list[Row]:
    """The rows of a document; each has an id of its own."""
    root = reader.root
    reader.currency = _stated_currency(reader) or ""
    lines = root.all("OrderLine")
    if not lines:
        reader.refuse("ubl.missing", "must have an OrderLine", root)
    rows = [row for line in lines if (row := row_of(reader, line, whole)) is not None]
    seen: set[str] = set()
    for row in rows:
        if row.id and row.id in seen:
            reader.refuse("ubl.repeated_line", f"there is another row {row.id!r}", row.element)
        seen.add(row.id)
    count: Element | None = root.first("LineCountNumeric")
    said = reader.number(count)
    if count is not None and said is not None and said != len(lines):
        told = f"there are {len(lines)} rows, {said} are announced"
        reader.flag("ubl.line_count", told, count, said, Decimal(len(lines)))
    return rows


def _stated_currency(reader: Reader) -> str | None:
    return reader.read(reader.root.first("DocumentCurrencyCode"), as_currency)


def currency_of(reader: Reader, rows: Iterable[Row]) -> str | None:
    """The currency of an order: as it says, as its prices are in, or as agreed."""
    prices = {row.price.currency for row in rows if row.price is not None}
    found = reader.currency or (prices.pop() if len(prices) == 1 else None) or reader.agreement.currency
    reader.currency = found or ""
    return found
