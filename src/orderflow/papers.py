"""Papers, as data: pick lists over many orders, the slip that goes into a parcel, and the rows of an invoice.

A *pick list* is a walk through a location: what to take from which bin, for which order. It is made of orders and
changes none of them; what comes back from the walk is turned into one `RecordPick` for each fulfillment, which carries
the list's reference. A *packing slip* says what is in a parcel, and what of the order is still to come. The *rows of an
invoice* or credit note are the lines of a document as they were ordered: kits as kits, where it is about whole ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from orderflow.charges import Amounts, TaxGroup
from orderflow.documents import Document, DocumentLine, sum_of
from orderflow.errors import InvalidInput, Problems
from orderflow.ledger import CAME_BACK, GONE, allocated
from orderflow.order import Goods, Order
from orderflow.stages.picking import RecordPick, ShortPick, StartPicking
from orderflow.values.address import Address
from orderflow.values.checked import PERSONAL, checked, evolved, optional, tuple_of, value
from orderflow.values.ids import as_reference, as_text
from orderflow.values.numbers import EXACT, ZERO, as_not_negative, plain, total_by
from orderflow.values.record import record
from orderflow.values.times import as_day

__all__ = [
    "InvoiceRow",
    "PackingSlip",
    "PickList",
    "PickRow",
    "SlipRow",
    "Taken",
    "invoice_rows",
    "packing_slip",
    "pick_list",
    "record_picks",
    "start_picks",
]


@record
class PickRow:
    """What to take from one bin for one line of one order; ``kit`` is what it is a component of."""

    number: int
    bin: str
    sku: str
    unit: str
    quantity: Decimal
    order_id: str
    fulfillment_id: str
    line_id: str
    kit: str = ""


@record
class PickList:
    """A walk through a location, bin by bin."""

    reference: str
    location: str
    rows: tuple[PickRow, ...]

    @property
    def totals(self) -> Mapping[tuple[str, str], Decimal]:
        """How much to take of which product from which bin, for all orders together."""
        return total_by(((row.bin, row.sku), row.quantity) for row in self.rows)


def _no_bin(sku: str) -> str:
    return ""


def pick_list(
    reference: str, location: str, orders: Iterable[Order], bin_of: Callable[[str], str] = _no_bin
) -> PickList:
    """What a location has to take from its shelves for these orders, in the order of its bins.

    Orders that are being cancelled, or whose picking is on hold, are left out. ``bin_of`` says where a product lies.
    """
    found = []
    for order in orders:
        if order.cancellation is not None:
            continue
        for work in order.fulfillments.values():
            if work.location != location or any(order.holds_on("pick", work.id)):
                continue
            for line_id, quantity in order.ledger.holding(allocated(work.id)).items():
                line, place = order.lines[line_id], (order.id, work.id, line_id, _kit(order, line_id))
                found.append(PickRow(0, bin_of(line.sku), line.sku, line.unit, quantity, *place))
    found.sort(key=lambda row: (row.bin, row.sku, row.order_id, row.fulfillment_id, row.line_id))
    rows = tuple(evolved(row, number=number) for number, row in enumerate(found, 1))
    return PickList(as_reference(reference), location, rows)


def start_picks(picks: PickList, orders: Iterable[Order], initial: str = "planned") -> tuple[StartPicking, ...]:
    """The commands that say that a list is being walked: for every fulfillment on it that nobody has begun."""
    begun = {(o.id, work.id) for o in orders for work in o.fulfillments.values() if work.state != initial}
    works = dict.fromkeys((row.order_id, row.fulfillment_id) for row in picks.rows)
    return tuple(StartPicking(*work) for work in works if work not in begun)


def _as_row_number(raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 1:
        raise InvalidInput.because("pick_list.not_a_row", "must be the number of a row, from 1")
    return raw


@value
class Taken:
    """What was taken for one row of a pick list, and what was read off it.

    ``short`` says why the rest of the row was not taken and will not be; without it, the rest is still to be picked.
    """

    row: int = checked(_as_row_number)
    quantity: Decimal = checked(as_not_negative)
    short: str | None = checked(optional(as_text(200)), default=None)
    lot: str = checked(as_text(100), default="")
    serials: tuple[str, ...] = checked(tuple_of(as_reference), default=())
    expires_on: date | None = checked(optional(as_day), default=None)
    measured: Decimal | None = checked(optional(as_not_negative), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            row: int,
            quantity: Decimal | int | str,
            short: str | None = None,
            lot: str = "",
            serials: Iterable[str] = (),
            expires_on: date | None = None,
            measured: Decimal | int | str | None = None,
        ) -> None: ...


def record_picks(picks: PickList, taken: Iterable[Taken]) -> tuple[RecordPick, ...]:
    """The commands that record what came back from a list: one for every fulfillment of which something was told.

    A row may come back in several parts (two lots); a row of which nothing was told stays to be picked.

    Raises:
        InvalidInput: ``pick_list.unknown_row``, or ``pick_list.nothing_is_short`` where a row is complete and short.
    """
    told = tuple(taken)
    rows = {row.number: row for row in picks.rows}
    _check(rows, told)
    works = dict.fromkeys((rows[one.row].order_id, rows[one.row].fulfillment_id) for one in told)
    return tuple(_record_pick(picks, rows, work, told) for work in works)


def _check(rows: Mapping[int, PickRow], told: tuple[Taken, ...]) -> None:
    problems = Problems()
    for index, one in enumerate(told):
        row = rows.get(one.row)
        if row is None:
            problems.add("pick_list.unknown_row", f"the list has no row {one.row}", f"taken[{index}].row")
        elif one.short is not None and _taken_of(one.row, told) >= row.quantity:
            said = f"row {one.row} is complete: {plain(row.quantity)} were to be taken"
            problems.add("pick_list.nothing_is_short", said, f"taken[{index}].short")
    problems.raise_any()


def _taken_of(row: int, told: tuple[Taken, ...]) -> Decimal:
    total = ZERO
    for one in told:
        if one.row == row:
            total = EXACT.add(total, one.quantity)
    return total


def _record_pick(
    picks: PickList, rows: Mapping[int, PickRow], work: tuple[str, str], told: tuple[Taken, ...]
) -> RecordPick:
    mine = [(rows[one.row], one) for one in told if (rows[one.row].order_id, rows[one.row].fulfillment_id) == work]
    goods = [
        Goods(row.line_id, one.quantity, one.measured, one.lot, one.serials, one.expires_on)
        for row, one in mine
        if one.quantity
    ]
    short = {
        row.line_id: ShortPick(row.line_id, one.short, EXACT.subtract(row.quantity, _taken_of(row.number, told)))
        for row, one in mine
        if one.short is not None
    }
    return RecordPick(*work, goods, tuple(short.values()), picks.reference)


# -- packing slips --------------------------------------------------------------------------------------------------


@record
class SlipRow:
    """Goods of one line, as they lie in a parcel or are still to come; ``kit`` is what they are a component of."""

    line_id: str
    sku: str
    unit: str
    quantity: Decimal
    lot: str = ""
    serials: tuple[str, ...] = ()
    expires_on: date | None = None
    kit: str = ""


@record
class PackingSlip:
    """What the recipient reads: what is in this parcel, and what of the order is still to come."""

    order_id: str
    reference: str
    parcel_id: str
    sscc: str
    ship_to: Address | None = attrs.field(metadata=PERSONAL)
    rows: tuple[SlipRow, ...] = ()
    to_come: tuple[SlipRow, ...] = ()


def packing_slip(order: Order, parcel_id: str) -> PackingSlip:
    """The slip of one parcel. To come is what is wanted, has not left and is not in this parcel.

    Raises:
        KeyError: the order has no such parcel.
    """
    parcel = order.parcels[parcel_id]
    rows = tuple(
        SlipRow(
            some.line_id,
            order.lines[some.line_id].sku,
            order.lines[some.line_id].unit,
            some.quantity,
            some.lot,
            some.serials,
            some.expires_on,
            _kit(order, some.line_id),
        )
        for some in parcel.contents
    )
    line_id = parcel.contents[0].line_id
    ship_to = order.terms_of(line_id).ship_to or order.ship_to
    return PackingSlip(
        order.id, order.reference, parcel.id, parcel.sscc, ship_to, rows, tuple(_to_come(order, parcel_id))
    )


def _to_come(order: Order, parcel_id: str) -> Iterable[SlipRow]:
    here = order.contents_of(parcel_id)
    for line in order.lines.values():
        left = EXACT.subtract(order.live_quantity(line.id), here.get(line.id, ZERO))
        for kind in (*GONE, *CAME_BACK):
            left = EXACT.subtract(left, order.ledger.of_kind(line.id, kind))
        if left > 0:
            yield SlipRow(line.id, line.sku, line.unit, left, kit=_kit(order, line.id))


def _kit(order: Order, line_id: str) -> str:
    kit = order.kit_of(line_id)
    return kit.sku if kit is not None else ""


# -- invoices and credit notes --------------------------------------------------------------------------------------


@record
class InvoiceRow:
    """What a document says of so many units of a line, or of so many kits, at one price; or of a fee, by its ``code``.

    ``measure`` is what goods came to that are charged by it. A credit ``cites`` the charge that it takes this from.
    """

    row_id: str
    sku: str
    unit: str
    quantity: Decimal
    amounts: Amounts
    tax_group: TaxGroup | None = None
    measure: Decimal | None = None
    cites: str = ""
    code: str = ""
    description: str = ""


def invoice_rows(order: Order, document_id: str) -> tuple[InvoiceRow, ...]:
    """The rows of a charge or a credit, as they were ordered; they sum to the document, to the smallest unit.

    Components that are charged or credited together, and make up whole kits and nothing else, are one row.

    Raises:
        KeyError: the order has no such document.
    """
    document: Document = order.settlement.documents[document_id]
    together: dict[Any, list[DocumentLine]] = {}
    for index, line in enumerate(document.lines):
        kit = order.kit_of(line.line_id) if line.line_id else None
        alone = (index,) if kit is None else (kit.id, line.tranche, line.tax_group, line.cites)
        together.setdefault(alone, []).append(line)
    return tuple(row for lines in together.values() for row in _rows(order, lines))


def _rows(order: Order, lines: list[DocumentLine]) -> Iterable[InvoiceRow]:
    units: dict[str, Decimal] = {}
    for line in lines:
        units[line.line_id] = EXACT.add(units.get(line.line_id, ZERO), line.quantity)
    told, first = order.in_kits(units), lines[0]
    kit = order.kits.get(next(iter(told)))
    if kit is not None and len(told) == 1:
        row, quantity = kit.line, told[kit.id]
        yield InvoiceRow(row.id, row.sku, row.unit, quantity, sum_of(lines), first.tax_group, None, first.cites)
        return
    for line in lines:
        named = order.lines.get(line.line_id)
        yield InvoiceRow(
            line.line_id,
            order.name_of(line.line_id) if named is not None else "",
            named.unit if named is not None else "",
            line.quantity,
            line.amounts,
            line.tax_group,
            line.measure,
            line.cites,
            line.code,
            line.description,
        )
