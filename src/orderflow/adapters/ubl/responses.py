"""Answers to an order: what we will deliver, line by line, or in one word.

An `OrderResponse` says what was confirmed: quantities, days, prices, substitutes. Units of a line that come on several
days at one price are one row with several deliveries; where price or answer differ, there are several rows. Each names
the line of the customer's own order that it answers. What was cancelled since is not promised any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby

from orderflow.adapters.ubl.agreement import STANDARD_AGREEMENT, Agreement
from orderflow.adapters.ubl.reading import Loss
from orderflow.adapters.ubl.writing import (
    Part,
    Written,
    aggregate,
    amount,
    basic,
    buyer_part,
    document,
    moment,
    quantity,
    seller_part,
)
from orderflow.errors import InvalidInput
from orderflow.ledger import CANCELLED
from orderflow.order import Confirmation, ConfirmedLine, Line, Order
from orderflow.values.checked import evolved
from orderflow.values.numbers import EXACT, ZERO, plain, total
from orderflow.values.party import Party

__all__ = ["line_number", "order_number", "order_reference", "write_order_response", "write_order_response_simple"]


def write_order_response(
    order: Order, seller: Party, agreement: Agreement = STANDARD_AGREEMENT, *, number: str = ""
) -> Written:
    """The answer to an order, line by line, as an OrderResponse of UBL 2.1.

    It says ``AB`` while the order is only acknowledged, ``AP`` where everything is accepted as it was ordered, ``CA``
    where something is not, ``RE`` where the order is rejected or cancelled (UN/EDIFACT 4343). ``number`` is the number
    of the answer; without one, it is made of the order's.

    Raises:
        InvalidInput: ``ubl.nothing_to_answer``: the order is a draft.
    """
    at = _answered_at(order)
    lines = tuple(_answers(order))
    groups = [tuple(group) for _, group in groupby(lines, key=lambda one: (one.line_id, *_told_alike(one)))]
    made = document(
        "OrderResponse",
        basic("ID", number or f"{order.id}-R{order.version}"),
        basic("SalesOrderID", order.id),
        *moment("IssueDate", "IssueTime", at, agreement.zone),
        basic("OrderResponseCode", _code(order)),
        *(basic("Note", note) for note in _reasons(order)),
        basic("DocumentCurrencyCode", order.currency),
        order_reference(order),
        seller_part("SellerSupplierParty", seller),
        buyer_part("BuyerCustomerParty", order.customer),
        *_rows(order, groups, agreement),
    )
    return Written(made, tuple(_losses(order, lines)))


def write_order_response_simple(
    order: Order, seller: Party, agreement: Agreement = STANDARD_AGREEMENT, *, number: str = ""
) -> Written:
    """The answer to an order in one word: accepted or not, as an OrderResponseSimple of UBL 2.1.

    What was confirmed otherwise than it was ordered is a loss; who has such, writes an OrderResponse.
    """
    made = document(
        "OrderResponseSimple",
        basic("ID", number or f"{order.id}-R{order.version}"),
        *moment("IssueDate", "IssueTime", _answered_at(order), agreement.zone),
        basic("AcceptedIndicator", not order.is_over),
        *(basic("RejectionNote", note) for note in _reasons(order)),
        order_reference(order),
        seller_part("SellerSupplierParty", seller),
        buyer_part("BuyerCustomerParty", order.customer),
    )
    lost = (
        Loss(f"confirmation.lines[{line.line_id}]", _shown(line), "a simple answer is for the order as a whole")
        for line in _answers(order)
        if line.answer != "accepted"
    )
    return Written(made, (*lost, *_word_lost(order)))


def order_number(order: Order) -> str:
    """The number by which the customer knows an order."""
    return order.customer_reference or order.reference


def line_number(order: Order, line: Line) -> str:
    """The number by which the customer knows a line: instead of another, that one's; a component has its kit's."""
    kit = order.kits.get(line.origin.line_id) if line.origin.line_id is not None else None
    if kit is not None:
        return line_number(order, kit.line)
    before = order.lines.get(line.origin.line_id) if line.origin.line_id is not None else None
    if before is not None and not line.customer_reference:
        return line_number(order, before)
    return line.customer_reference or line.id


def _answered_at(order: Order) -> datetime:
    """When the order was answered last: rejected, cancelled, confirmed, acknowledged."""
    if order.is_draft:
        raise InvalidInput.because("ubl.nothing_to_answer", f"{order.id} is a draft", "order")
    over = [order.milestones[name] for name in ("rejected", "cancelled") if name in order.milestones]
    if over:
        return max(over)
    if order.confirmation is not None:
        return order.confirmation.at
    return order.milestones.get("acknowledged", order.placed_at)


def _answers(order: Order) -> Iterator[ConfirmedLine]:
    """What was confirmed, without the units that were cancelled since."""
    if order.confirmation is None or order.is_over:
        return
    wanted = _wanted(order)
    still = _still_confirmed(wanted, order.confirmation)
    for number, line in enumerate(order.confirmation.lines, 1):
        if line.answer == "rejected":
            yield line
        elif not wanted.get(line.line_id):
            yield evolved(line, answer="rejected", note=line.note or "cancelled")
        elif still[number]:
            yield evolved(line, quantity=still[number])


def _still_confirmed(wanted: Mapping[str, Decimal], confirmation: Confirmation) -> dict[int, Decimal]:
    """How many units of each entry are still wanted: those that the buyer refused went first, then the last ones."""
    entries = list(enumerate(confirmation.lines, 1))
    entries.sort(key=lambda entry: entry[0] in confirmation.refused_parts)
    left = {line.line_id: wanted.get(line.line_id, ZERO) for line in confirmation.lines}
    still = {}
    for number, line in entries:
        still[number] = min(left[line.line_id], line.quantity) if line.answer != "rejected" else ZERO
        left[line.line_id] = EXACT.subtract(left[line.line_id], still[number])
    return still


def _wanted(order: Order) -> Mapping[str, Decimal]:
    """Units that were not cancelled, as they were ordered: whole kits by the row, and the rest by component."""
    ledger = order.ledger
    return order.in_kits({id: EXACT.subtract(ledger.ordered(id), ledger.balance(id, CANCELLED)) for id in order.lines})


def _code(order: Order) -> str:
    if order.is_over:
        return "RE"
    if order.confirmation is None:
        return "AB"
    return "AP" if all(line.answer == "accepted" for line in _answers(order)) else "CA"


def _reasons(order: Order) -> tuple[str, ...]:
    if not order.is_over:
        return ()
    told = (order.over_because, *(reason.text or reason.code for reason in order.rejected_for))
    return tuple(dict.fromkeys(filter(None, told)))


def order_reference(order: Order) -> Part | None:
    """The order, by the customer's number and by ours."""
    return aggregate("OrderReference", basic("ID", order_number(order)), basic("SalesOrderID", order.id))


def _told_alike(line: ConfirmedLine) -> tuple[object, ...]:
    """What the units of one row have in common."""
    return line.answer, line.price, line.price_per, line.sku, line.note


def _rows(order: Order, groups: Iterable[tuple[ConfirmedLine, ...]], agreement: Agreement) -> Iterator[Part | None]:
    written: dict[str, int] = {}
    for group in groups:
        kit = order.kits.get(group[0].line_id)
        line = order.lines[group[0].line_id] if kit is None else kit.line
        known_as = line_number(order, line)
        written[known_as] = written.get(known_as, 0) + 1
        yield _row(order, line, group, written[known_as], agreement)


def _row(order: Order, line: Line, group: tuple[ConfirmedLine, ...], number: int, agreement: Agreement) -> Part | None:
    first, code = group[0], agreement.code_of(line.unit)
    known_as = line_number(order, line)
    id = known_as if number == 1 else f"{known_as}-{number}"
    note = first.note or (first.answer if first.answer in ("backordered", "rejected") else "")
    item = aggregate(
        "LineItem",
        basic("ID", id),
        basic("Note", note),
        basic("LineStatusCode", agreement.answers[first.answer]),
        quantity("Quantity", total(one.quantity for one in group), code),
        *(_delivery(one.quantity if len(group) > 1 else None, one.day, code) for one in group),
        _price(first, code),
        _item(line.sku),
    )
    substitute = aggregate("SellerSubstitutedLineItem", basic("ID", id), _item(first.sku)) if first.sku else None
    reference = aggregate("OrderLineReference", basic("LineID", known_as), basic("SalesOrderLineID", line.id))
    return aggregate("OrderLine", item, substitute, reference)


def _delivery(units: Decimal | None, day: date | None, code: str) -> Part | None:
    promised = aggregate("PromisedDeliveryPeriod", basic("EndDate", day))
    return aggregate("Delivery", quantity("Quantity", units, code), promised)


def _price(line: ConfirmedLine, code: str) -> Part | None:
    if line.price is None:
        return None
    base = quantity("BaseQuantity", line.price_per, code) if line.price_per != 1 else None
    return aggregate("Price", amount("PriceAmount", line.price), base)


def _item(sku: str) -> Part | None:
    return aggregate("Item", aggregate("SellersItemIdentification", basic("ID", sku)))


def _losses(order: Order, lines: Iterable[ConfirmedLine]) -> Iterator[Loss]:
    for line in lines:
        if line.answer in ("backordered", "rejected"):
            why = "UBL has one word for all that is not as ordered; it is told in a note"
            if line.note:
                why = "UBL has one word for all that is not as ordered, and a note says something else"
            yield Loss(f"confirmation.lines[{line.line_id}].answer", line.answer, why)
    yield from _word_lost(order)


def _word_lost(order: Order) -> Iterator[Loss]:
    if order.confirmation is not None and order.confirmation.word != "stands" and not order.is_over:
        why = "UBL does not say that an answer needs, or has, the buyer's word"
        yield Loss("confirmation.word", order.confirmation.word, why)


def _shown(line: ConfirmedLine) -> str:
    return f"{line.answer}: {plain(line.quantity)} of {line.line_id}"
