"""The rows of a document: products, quantities, prices, and the terms of their delivery."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from orderflow.adapters.ubl.agreement import ItemNumbers
from orderflow.adapters.ubl.markup import Element
from orderflow.adapters.ubl.parties import address_of, recipient_of
from orderflow.adapters.ubl.reading import Reader
from orderflow.errors import InvalidInput
from orderflow.stages.acceptance import OrderLine
from orderflow.values.address import Address
from orderflow.values.checked import evolved
from orderflow.values.ids import as_reference, as_text
from orderflow.values.money import Money
from orderflow.values.numbers import EXACT, ONE, ZERO, ratio_cut
from orderflow.values.quantity import as_unit
from orderflow.values.record import record
from orderflow.values.times import Window

__all__ = ["Delivery", "Row", "delivery_of", "instructions_of", "row_of"]


@record
class Delivery:
    """Where and when: of the order, or of a row."""

    ship_to: Address | None = None
    not_before: date | None = None
    deliver_by: date | None = None
    window: Window | None = None


@record
class Row:
    """A row as it was read: its id, its status, and the line of an order that it makes, if it makes one."""

    id: str
    status: str
    line: OrderLine | None
    quantity: Decimal | None
    price: Money | None
    price_per: Decimal
    element: Element


def delivery_of(reader: Reader, holder: Element) -> Delivery:
    """The first delivery that is asked for; further ones are flagged and lost."""
    deliveries = holder.all("Delivery")
    if not deliveries:
        return Delivery()
    first, *more = deliveries
    for one in more:
        reader.flag("ubl.several_deliveries", "only the first delivery is kept", one)
    address = first.first("DeliveryAddress") or first.first("DeliveryLocation", "Address")
    ship_to = None
    if address is not None:
        ship_to = address_of(reader, address, recipient_of(reader, first))
    period = first.first("RequestedDeliveryPeriod")
    latest = reader.day(first.first("LatestDeliveryDate"))
    if period is None:
        return Delivery(ship_to, deliver_by=latest)
    start, end = reader.day(period.first("StartDate")), reader.day(period.first("EndDate"))
    if start is not None and end is not None and end < start:
        reader.refuse("ubl.days_reversed", f"must not end before it starts: {start} to {end}", period)
    return Delivery(ship_to, start, min(filter(None, (end, latest)), default=None), _window(reader, period))


def _window(reader: Reader, period: Element) -> Window | None:
    """The hours of a period, where both ends have one; a window of no width is lost."""
    clocks = [clock for clock in map(period.first, ("StartTime", "EndTime")) if clock is not None]
    start = reader.instant(period.first("StartDate"), period.first("StartTime"))
    end = reader.instant(period.first("EndDate"), period.first("EndTime"))
    if start is not None and end is not None and start < end:
        return Window(start, end)
    for clock in clocks:
        reader.lose(clock, "hours are kept as a window, which has a beginning and a later end")
    return None


def instructions_of(reader: Reader, *holders: Element | None) -> tuple[str, ...]:
    """Notes, and the special terms of delivery."""
    found: list[Element] = []
    for holder in holders:
        if holder is not None:
            found += holder.all("Note")
            found += [said for terms in holder.all("DeliveryTerms") for said in terms.all("SpecialTerms")]
    return reader.notes(*found)


def row_of(reader: Reader, order_line: Element, whole: Delivery) -> Row | None:
    """A row, with what it says; problems are noted, and then it has no line."""
    item = order_line.first("LineItem")
    if item is None:
        reader.refuse("ubl.missing", "must have a LineItem", order_line)
        return None
    id = reader.read(item.first("ID"), as_text(100))
    if not reader.says(item.first("ID")):
        reader.refuse("ubl.missing", "must have an ID", item)
    status = reader.status(item.first("LineStatusCode"))
    known = len(reader.problems)
    amount, base = item.first("Price", "PriceAmount"), item.first("Price", "BaseQuantity")
    quantity, price = reader.positive(item.first("Quantity")), reader.money(amount)
    if price is not None and price.amount < 0 and amount is not None:
        reader.refuse("ubl.negative_price", "must not be below nothing", amount)
    row = Row(id or "", status, None, quantity, price, reader.positive(base) or ONE, item)
    if status == "Cancelled":
        _lose_all_but_the_number(reader, order_line, item)
        return row
    made = _line(reader, order_line, row, whole)
    return row if len(reader.problems) > known else evolved(row, line=made)


def _lose_all_but_the_number(reader: Reader, order_line: Element, item: Element) -> None:
    for part in (*item.children, *(one for one in order_line.children if one is not item)):
        if part.name not in ("ID", "LineStatusCode"):
            reader.lose(part, "of a line that is cancelled only the number counts")


def _line(reader: Reader, order_line: Element, row: Row, whole: Delivery) -> OrderLine | None:
    """The line of an order that a row makes; what is missing for one is noted."""
    item, sku = row.element, _sku(reader, row.element)
    said = _terms(reader, order_line, item, whole)
    unit = _unit(reader, item)
    if sku is None:
        reader.refuse("ubl.no_item_number", "must name a product by a number", item.first("Item") or item)
    if not reader.says(item.first("Quantity")):
        reader.refuse("ubl.missing", "must have a Quantity", item)
    if reader.problems or sku is None or row.quantity is None:
        return None
    under, over = _tolerance(reader, item, row.quantity)
    said |= {"under": under, "over": over, "price_per": row.price_per, "customer_reference": row.id}
    try:
        return OrderLine(sku, row.quantity, unit, row.price, **said)
    except InvalidInput as invalid:
        for violation in invalid.violations:
            reader.refuse(violation.code, f"{violation.path} {violation.message}", item)
        return None


def _terms(reader: Reader, order_line: Element, item: Element, whole: Delivery) -> dict[str, Any]:
    """Where, when and how a row goes; the hours of the whole order are those of rows that name no day."""
    delivery = delivery_of(reader, item)
    partial = reader.is_said(item.first("PartialDeliveryIndicator"))
    return {
        "deliver_by": delivery.deliver_by,
        "window": delivery.window or (whole.window if delivery.deliver_by is None else None),
        "not_before": delivery.not_before,
        "ship_to": delivery.ship_to,
        "instructions": instructions_of(reader, order_line, item),
        "complete": None if partial is None else "no" if partial else "line",
    }


_NUMBERS = {
    "sellers": "SellersItemIdentification",
    "standard": "StandardItemIdentification",
    "buyers": "BuyersItemIdentification",
    "manufacturers": "ManufacturersItemIdentification",
}


def _sku(reader: Reader, item: Element) -> str | None:
    """The product, by the rule that is agreed; numbers that are not it are lost."""
    ways = {name: item.first("Item", way, "ID") for name, way in _NUMBERS.items()}
    numbers = {name: reader.text(way) for name, way in ways.items() if way is not None}
    sku = reader.agreement.sku(ItemNumbers(**numbers))
    if sku in numbers.values():
        chosen = next(name for name, number in numbers.items() if number == sku)
        for name, way in ways.items():
            if way is not None and name != chosen:
                reader.lose(way, f"the product is known by its {_NUMBERS[chosen]}")
    if not sku:
        return None
    try:
        return as_reference(sku)
    except InvalidInput as invalid:
        for violation in invalid.violations:
            reader.refuse(violation.code, f"the product number {violation.message}", item)
        return None


def _unit(reader: Reader, item: Element) -> str:
    quantity = item.first("Quantity")
    code = reader.attribute(quantity, "unitCode") if quantity is not None else ""
    _same_unit(reader, item.first("Price", "BaseQuantity"), item, "what the price is for")
    try:
        return as_unit(reader.agreement.unit_of(code))
    except InvalidInput as invalid:
        assert quantity is not None
        reader.refuse(invalid.violations[0].code, invalid.violations[0].message, quantity, "@unitCode")
        return reader.agreement.unit


def _tolerance(reader: Reader, item: Element, quantity: Decimal) -> tuple[Decimal, Decimal]:
    """How far a delivery may fall short of the quantity or go beyond it, in per cent."""
    for limit in (item.first("MinimumQuantity"), item.first("MaximumQuantity")):
        _same_unit(reader, limit, item, "the limit")
    under = _percent(reader, item.first("MinimumQuantity"), quantity, -1, Decimal(99))
    over = _percent(reader, item.first("MaximumQuantity"), quantity, 1, Decimal(1000))
    return under, over


def _same_unit(reader: Reader, element: Element | None, item: Element, what: str) -> None:
    """What goes with a quantity is in the unit of the quantity; where it says another, that is flagged."""
    quantity = item.first("Quantity")
    if element is None or quantity is None:
        return
    unit, said = reader.attribute(quantity, "unitCode"), reader.attribute(element, "unitCode")
    if said and said != unit:
        reader.flag("ubl.units_differ", f"{what} is in {said}, the quantity in {unit or 'no unit'}", element)


def _percent(reader: Reader, element: Element | None, quantity: Decimal, sign: int, most: Decimal) -> Decimal:
    """How far a limit is off the quantity; what no tolerance can be is flagged and lost."""
    limit = reader.number(element)
    if element is None or limit is None:
        return ZERO
    hundredfold = EXACT.multiply(EXACT.subtract(limit, quantity), Decimal(100 * sign))
    percent = ratio_cut(hundredfold, quantity)
    if ZERO <= percent <= most and EXACT.multiply(percent, quantity) == hundredfold:
        return percent
    told = f"is no exact percentage, of at most {most}, of the quantity, as a tolerance is"
    reader.flag("ubl.bad_tolerance", f"{element.name} {told}", element, limit)
    reader.lose(element, f"the limit {told}")
    return ZERO
