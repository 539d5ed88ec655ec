"""Changes and cancellations of an order, as a partner sends them.

An OrderChange says anew how lines are to read. What that means depends on how the order reads when it arrives, so a
document makes its command for an order: an amendment of what is otherwise, and nothing where all of it is so already.
What a document leaves out stays as it was. A change that takes out everything is a cancellation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from orderflow.adapters.ubl.agreement import STANDARD_AGREEMENT, Agreement
from orderflow.adapters.ubl.arithmetic import Sum, line_sums, totals
from orderflow.adapters.ubl.lines import Delivery, delivery_of
from orderflow.adapters.ubl.markup import Element, parsed
from orderflow.adapters.ubl.orders import Heading, currency_of, heading_of, read_rows
from orderflow.adapters.ubl.reading import Flag, Loss, Reader, opened
from orderflow.adapters.ubl.responses import line_number, order_number
from orderflow.errors import InvalidInput, Problems
from orderflow.kits import Kit
from orderflow.messages import Command
from orderflow.order import Line, Order, Terms
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.amending import AmendOrder, LineChange, PriceOverride
from orderflow.stages.changes import CancelOrder, still_wanted
from orderflow.values.address import Address
from orderflow.values.checked import evolved
from orderflow.values.ids import as_text
from orderflow.values.numbers import plain
from orderflow.values.record import record

__all__ = [
    "ChangedLine",
    "OrderCancellationDocument",
    "OrderChangeDocument",
    "read_order_cancellation",
    "read_order_change",
]

_REASON = as_text(1000)
_TERMS = ("deliver_by", "window", "not_before", "ship_to", "complete")


@record
class ChangedLine:
    """How a line is to read: the customer's number of it, its status, and the line itself, unless it is cancelled."""

    number: str
    status: str
    line: OrderLine | None = None


@record
class OrderChangeDocument:
    """A change of an order as a partner sent it; see `OrderDocument` for what is reported of it."""

    heading: Heading
    order_number: str
    sequence: str
    lines: tuple[ChangedLine, ...]
    delivery: Delivery
    reason: str = ""
    currency: str = ""
    losses: tuple[Loss, ...] = ()
    flags: tuple[Flag, ...] = ()
    line_sums: tuple[Sum, ...] = ()
    totals: tuple[Sum, ...] = ()
    used: tuple[str, ...] = ()

    def commands(self, order: Order) -> tuple[Command, ...]:
        """What makes the order read as the document says: an amendment, a cancellation, or nothing.

        Raises:
            InvalidInput: ``ubl.other_order``, ``ubl.other_currency``, ``ubl.unknown_line`` (a line is to be revised
                that is not there), ``ubl.line_is_there`` (one is to be added that is).
        """
        _check_order(self.order_number, order)
        problems, said = Problems(), dict[str, Any]()
        if self.currency and self.currency != order.currency:
            problems.add("ubl.other_currency", f"is in {self.currency}, the order in {order.currency}", "currency")
        for index, changed in enumerate(self.lines):
            line = _line_of(order, changed.number)
            with problems.at(f"lines[{index}]"):
                _check_line(changed, line)
                _change(order, line, changed, said)
        problems.raise_any()
        said |= _changed_terms(self.delivery, order.terms, ("ship_to", "deliver_by", "not_before"), order.ship_to)
        if not said:
            return ()
        if not said.keys() - {"remove"} and _nothing_is_left(order, said["remove"]):
            return (CancelOrder(order.id, self.reason),)
        return (
            AmendOrder(order.id, **said, reason=self.reason or f"order change {self.heading.number or ''}".strip()),
        )

    def unmet(self, order: Order) -> tuple[Loss, ...]:
        """What the document says otherwise than the order, and no amendment can change: tolerances."""
        return tuple(_unmet(order, self.lines))


@record
class OrderCancellationDocument:
    """The cancellation of one or several orders as a partner sent it."""

    heading: Heading
    order_numbers: tuple[str, ...]
    reason: str = ""
    losses: tuple[Loss, ...] = ()
    flags: tuple[Flag, ...] = ()
    used: tuple[str, ...] = ()

    def command(self, order: Order) -> CancelOrder:
        """The command that cancels an order, if it is one that the document names (``ubl.other_order``)."""
        if order_number(order) not in self.order_numbers:
            _check_order(self.order_numbers[0], order)
        return CancelOrder(order.id, self.reason)


def read_order_change(document: bytes | str, agreement: Agreement = STANDARD_AGREEMENT) -> OrderChangeDocument:
    """Read an OrderChange of UBL 2.

    Raises:
        InvalidInput: with everything that cannot be read, each with its path and the line of the document.
    """
    reader = opened(parsed(document), "OrderChange", agreement)
    root = reader.root
    heading, delivery = heading_of(reader), delivery_of(reader, root)
    numbers = _order_numbers(reader)
    rows = read_rows(reader, delivery)
    currency = currency_of(reader, rows) or ""
    sums = line_sums(reader, rows)
    whole = totals(reader, rows, sums)
    sequence = reader.read(root.first("SequenceNumberID"), _REASON) or ""
    reason = _reason(reader, root.all("Note"))
    for row in rows:
        if row.status == "Disputed":
            reader.refuse("ubl.disputed", "a change does not dispute a line", row.element)
    reader.raise_any()
    return OrderChangeDocument(
        heading,
        numbers[0],
        sequence,
        tuple(ChangedLine(row.id, row.status, row.line) for row in rows),
        delivery,
        reason,
        currency,
        reader.losses(),
        tuple(reader.flags),
        sums,
        whole,
        reader.used(),
    )


def read_order_cancellation(
    document: bytes | str, agreement: Agreement = STANDARD_AGREEMENT
) -> OrderCancellationDocument:
    """Read an OrderCancellation of UBL 2.

    Raises:
        InvalidInput: with everything that cannot be read, each with its path and the line of the document.
    """
    reader = opened(parsed(document), "OrderCancellation", agreement)
    heading, numbers = heading_of(reader), _order_numbers(reader, every=True)
    reason = _reason(reader, reader.root.all("CancellationNote"))
    reader.raise_any()
    return OrderCancellationDocument(heading, numbers, reason, reader.losses(), tuple(reader.flags), reader.used())


# -- reading --------------------------------------------------------------------------------------------------------


def _order_numbers(reader: Reader, every: bool = False) -> tuple[str, ...]:
    """The numbers of the orders that a document is about."""
    references = reader.root.all("OrderReference")
    found = [reader.read(one.first("ID"), as_text(100)) for one in (references if every else references[:1])]
    numbers = tuple(number for number in found if number)
    if not numbers:
        reader.refuse("ubl.missing", "must refer to an order by its ID", reader.root)
    return numbers


def _reason(reader: Reader, notes: Iterable[Element]) -> str:
    """Notes as one reason; where they are too long together, the last ones are lost."""
    told = ""
    for note in notes:
        for said in reader.notes(note):
            longer = f"{told}\n{said}" if told else said
            if len(longer) > 1000:
                reader.flag("ubl.not_usable", "the notes are longer than a reason may be", note)
                reader.lose(note, "the notes are longer than a reason may be")
            else:
                told = longer
    return told


# -- what it means for an order -------------------------------------------------------------------------------------


def _check_order(number: str, order: Order) -> None:
    if number != order_number(order):
        told = f"is about order {number}, not {order_number(order)}"
        raise InvalidInput.because("ubl.other_order", told, "order_number")


def _line_of(order: Order, number: str) -> Line | None:
    """The line or kit of an order that has this number; of several the one of which something is wanted still."""
    rows = (row.line if isinstance(row, Kit) else row for row in order.rows)
    lines = [line for line in rows if line_number(order, line) == number]
    return next((line for line in lines if _wanted(order, line.id)), lines[0] if lines else None)


def _wanted(order: Order, row_id: str) -> Decimal:
    """How many units of a line, or how many kits, are wanted still."""
    kit = order.kits.get(row_id)
    if kit is None:
        return still_wanted(order, row_id)
    return kit.complete({line_id: still_wanted(order, line_id) for line_id in kit.components})


def _check_line(changed: ChangedLine, line: Line | None) -> None:
    if line is None and changed.status != "Added":
        raise InvalidInput.because("ubl.unknown_line", f"there is no line {changed.number!r} in the order")


def _change(order: Order, line: Line | None, changed: ChangedLine, said: dict[str, Any]) -> None:
    """What is otherwise about a line, in the words of an amendment."""
    row = changed.line
    wanted = _wanted(order, line.id) if line is not None else Decimal(0)
    if row is None:
        if line is not None and wanted:
            said.setdefault("remove", []).append(line.id)
    elif line is None or not wanted:
        said.setdefault("add", []).append(row)
    elif changed.status == "Added" and (row.sku, row.unit, row.quantity) != (line.sku, line.unit, wanted):
        told = f"line {changed.number!r} is there already, for {plain(wanted)} {line.sku}"
        raise InvalidInput.because("ubl.line_is_there", told)
    elif (row.sku, row.unit) != (line.sku, line.unit):
        said.setdefault("remove", []).append(line.id)
        said.setdefault("add", []).append(row)
    else:
        _change_line(line, row, wanted, said)


def _change_line(line: Line, row: OrderLine, wanted: Decimal, said: dict[str, Any]) -> None:
    if row.quantity != wanted:
        said.setdefault("quantities", {})[line.id] = row.quantity
    if row.price is not None and (row.price, row.price_per) != (line.stated_price, line.stated_per):
        said.setdefault("prices", {})[line.id] = PriceOverride(row.price, row.price_per)
    other = _changed_terms(row, line.terms, _TERMS, line.terms.ship_to)
    if row.instructions and row.instructions != line.instructions:
        other["instructions"] = row.instructions
    if other:
        said.setdefault("lines", {})[line.id] = LineChange(**other)


def _changed_terms(
    new: OrderLine | Delivery, terms: Terms, names: Iterable[str], ship_to: Address | None
) -> dict[str, Any]:
    """The terms that are said and read otherwise; whoever receives is as before, where nobody is named."""
    found = {}
    for name in names:
        told, held = getattr(new, name), ship_to if name == "ship_to" else getattr(terms, name)
        if name == "ship_to" and told is not None and held is not None:
            kept = {part: getattr(told, part) or getattr(held, part) for part in ("name", "company", "phone")}
            told = evolved(told, **kept)
        if told is not None and told != held:
            found[name] = told
    return found


def _nothing_is_left(order: Order, removed: Iterable[str]) -> bool:
    gone = {line_id for row_id in removed for line_id in order.in_components({row_id: Decimal(1)})}
    return not any(still_wanted(order, line_id) for line_id in order.lines if line_id not in gone)


def _unmet(order: Order, lines: Iterable[ChangedLine]) -> Iterator[Loss]:
    for index, changed in enumerate(lines):
        line, row = _line_of(order, changed.number), changed.line
        if line is None or row is None or (row.sku, row.unit) != (line.sku, line.unit):
            continue
        for name in ("under", "over"):
            held, told = getattr(line.tolerance, name), getattr(row, name)
            if told and told != held:
                why = "the tolerance of a line that was ordered cannot be amended"
                yield Loss(f"lines[{index}].{name}", plain(told), why)
