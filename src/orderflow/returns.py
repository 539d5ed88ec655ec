"""A return: goods of an order that come back, or a claim about goods that do not.

A return is a part of its order, with a lifecycle of its own. What the ledger cannot say it remembers: out of which
parcels its units came, what was read off them at the dock, what became of them, and how many of them were made good in
money or in goods. Of goods and money alike it only counts up: whatever is due is the difference between what should be
and what was done already, so nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs

from orderflow.ledger import Account, Move, returning
from orderflow.parts import Frozen, Goods, Reason, Shipment
from orderflow.tracking import Scan, Tracking, fold
from orderflow.values.checked import PERSONAL, checked, value
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_id_or_blank, as_reference, as_text
from orderflow.values.numbers import EXACT, ratio_cut, total_by
from orderflow.values.quantity import as_amount
from orderflow.values.record import record

__all__ = [
    "Finding",
    "Resolution",
    "Return",
    "ReturnKind",
    "ReturnLine",
    "WrongGoods",
    "added",
    "subtracted",
]

_ZERO = Decimal(0)

#: Goods come back (``return``), others are sent for them (``exchange``), none come back (``claim``), or the carrier
#: brings back what it could not deliver (``undelivered``).
ReturnKind: TypeAlias = Literal["return", "exchange", "claim", "undelivered"]
#: How units are made good: in money, by other goods at their price, or by the same goods for nothing; ``nothing`` where
#: they were made good already, and empty as long as nobody has decided.
Resolution: TypeAlias = Literal["refund", "exchange", "replacement", "nothing", ""]


def _as_sku(raw: Any) -> str:
    return "" if raw == "" else as_reference(raw)


@value
class ReturnLine:
    """Units of a line that the customer wants to return, and why.

    ``parcel_id`` says in which parcel they came, where that is known. ``sku`` is what is wanted for them in exchange;
    left out, the same product.
    """

    line_id: str = checked(as_id)
    quantity: Decimal = checked(as_amount)
    reason: str = checked(as_text(200), default="", personal=True)
    parcel_id: str = checked(as_id_or_blank, default="")
    sku: str = checked(_as_sku, default="")
    note: str = checked(as_text(1000), default="", personal=True)

    if TYPE_CHECKING:

        def __init__(
            self,
            line_id: str,
            quantity: Decimal | int | str,
            reason: str = "",
            parcel_id: str = "",
            sku: str = "",
            note: str = "",
        ) -> None: ...


@value
class WrongGoods:
    """Something that came with a return and is of no line of the order: it is noted, and enters no ledger."""

    sku: str = checked(as_reference)
    quantity: Decimal = checked(as_amount)
    note: str = checked(as_text(1000), default="", personal=True)

    if TYPE_CHECKING:

        def __init__(self, sku: str, quantity: Decimal | int | str, note: str = "") -> None: ...


@record
class Finding:
    """What was found when units of a return were looked at: their condition, ``damaged`` say, in a host's own word."""

    line_id: str
    quantity: Decimal
    condition: str
    note: str = attrs.field(default="", metadata=PERSONAL)


def added(held: FrozenMap[str, Decimal], more: Iterable[tuple[str, Decimal]]) -> FrozenMap[str, Decimal]:
    """Quantities by line, with more of them."""
    found = total_by((*held.items(), *more))
    return FrozenMap({line_id: units for line_id, units in found.items() if units})


def subtracted(held: FrozenMap[str, Decimal], less: Iterable[tuple[str, Decimal]]) -> FrozenMap[str, Decimal]:
    """Quantities by line, with less of them."""
    return added(held, ((line_id, units.copy_negate()) for line_id, units in less))


@record(slots=False)
class Return(Frozen):
    """A return, exchange or claim.

    ``lines`` are what was asked for, ``authorized`` and ``declined`` what was said to that, by line; ``objections`` are
    what the policy had against a line when it was asked for. ``taken`` are the moves by which units came under this
    return, and ``settled`` those of them that had been made good before, in a loss: nothing is due for them.

    ``received`` came back, ``goods`` is what was read off them, ``wrong`` what else came; ``unexpected`` units were not
    authorized, and someone is to say whether they are accepted. ``at_dock`` is what of the goods was not disposed of
    yet. Of what was received, ``restocked``, ``scrapped`` and
    ``sent_back`` were disposed of; ``restockings`` are goods receipts that the inventory has not booked yet.

    ``credited`` units were made good in money, less what ``withheld`` of them are worth; ``deducted`` is how much is to
    be withheld. ``successors`` are by line the lines that were ordered for its units. ``ended`` says how it is over.

    ``shipment`` is the booking of its label, with ``scans`` of the parcel under way. ``case_id`` is the case in which
    it was chosen that goods are collected, if this return came of that. ``inspected`` is how many units were looked at.
    """

    id: str
    kind: ReturnKind
    resolution: Resolution
    state: str
    opened_at: datetime
    lines: tuple[ReturnLine, ...] = ()
    objections: FrozenMap[str, tuple[Reason, ...]] = attrs.field(factory=FrozenMap)
    authorized: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    declined: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    reasons: tuple[Reason, ...] = ()
    taken: tuple[Move, ...] = ()
    settled: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    location: str = ""
    parcel_id: str = ""
    shipment: Shipment | None = None
    scans: tuple[Scan, ...] = ()
    tracking: Tracking = attrs.field(factory=Tracking)
    received: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    goods: tuple[Goods, ...] = ()
    wrong: tuple[WrongGoods, ...] = ()
    unexpected: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    references: tuple[str, ...] = ()
    receipts: int = 0
    findings: tuple[Finding, ...] = ()
    restocked: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    scrapped: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    sent_back: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    dispositions: int = 0
    restockings: tuple[Any, ...] = ()
    deducted: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    credited: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    withheld: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    credits: int = 0
    successors: FrozenMap[str, tuple[str, ...]] = attrs.field(factory=FrozenMap)
    ended: str = ""
    at_dock: tuple[Goods, ...] = ()
    case_id: str = ""
    inspected: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)

    @property
    def is_requested(self) -> bool:
        """Whether it waits to be authorized or refused."""
        return bool(self.lines) and not (self.ended or self.authorized or self.declined or self.receipts)

    @property
    def requested(self) -> dict[str, Decimal]:
        """Units by line that were asked for."""
        return total_by((line.line_id, line.quantity) for line in self.lines)

    @property
    def is_claim(self) -> bool:
        """Whether its goods stay with the customer."""
        return self.kind == "claim"

    def claimed(self, line_id: str) -> Decimal:
        """Units that the customer keeps, and that are made good all the same: those of a claim that did not come."""
        if not self.is_claim:
            return _ZERO
        came = EXACT.subtract(self.received.get(line_id, _ZERO), self.sent_back.get(line_id, _ZERO))
        return max(_ZERO, EXACT.subtract(self.authorized.get(line_id, _ZERO), came))

    def back(self, line_id: str, coming: Decimal = _ZERO) -> Decimal:
        """Units that came back, or are ``coming``, stayed, and had not been made good before."""
        less = EXACT.add(self.sent_back.get(line_id, _ZERO), self.settled.get(line_id, _ZERO))
        return max(_ZERO, EXACT.subtract(EXACT.add(self.received.get(line_id, _ZERO), coming), less))

    @property
    def came_from_customer(self) -> bool:
        """Whether units of it had reached the customer."""
        return self.kind != "undelivered" and bool(self.taken)

    def due(self, line_id: str, basis: str) -> Decimal:
        """Units that are to be made good by now, whatever was done for them already.

        ``basis`` is what makes them so: that they were ``authorized``, ``received``, ``inspected`` or ``disposed`` of.
        """
        agreed = self.authorized.get(line_id, _ZERO)
        if self.is_claim:
            return agreed
        disposed = EXACT.add(self.restocked.get(line_id, _ZERO), self.scrapped.get(line_id, _ZERO))
        kept = EXACT.subtract(self.received.get(line_id, _ZERO), self.sent_back.get(line_id, _ZERO))
        if basis == "authorized":
            done = EXACT.subtract(agreed, self.sent_back.get(line_id, _ZERO))
        elif basis == "received":
            done = kept
        else:
            done = disposed if basis == "disposed" else min(kept, max(disposed, self.inspected.get(line_id, _ZERO)))
        return max(_ZERO, EXACT.subtract(min(done, agreed), self.settled.get(line_id, _ZERO)))

    def looked_at(self, findings: Iterable[Finding]) -> Return:
        """This return after units at the dock were looked at: no more than came were, however often that was done."""
        findings = tuple(findings)
        units = added(self.inspected, ((one.line_id, one.quantity) for one in findings))
        seen = {line_id: min(some, self.received.get(line_id, _ZERO)) for line_id, some in units.items()}
        return self.replace(findings=(*self.findings, *findings), inspected=FrozenMap(seen))

    def measure_of(self, line_id: str, first: Decimal) -> Decimal | None:
        """What the first so many units of a line measured that came back; ``None`` where not all of them were read."""
        measure, left = _ZERO, first
        for some in self.goods:
            if some.line_id != line_id or left <= 0:
                continue
            if some.measured is None:
                return None
            taken = min(left, some.quantity)
            part = some.measured
            if taken != some.quantity:
                part = ratio_cut(EXACT.multiply(some.measured, taken), some.quantity)
            measure, left = EXACT.add(measure, part), EXACT.subtract(left, taken)
        return measure if left <= 0 else None

    def undone(self, balances: dict[str, Decimal]) -> tuple[Move, ...]:
        """The moves that give back what was to come and did not: each unit to where it was taken from, last first."""
        moves, left = [], dict(balances)
        here: Account = returning(self.id)
        for move in reversed(self.taken):
            units = min(left.get(move.line_id, _ZERO), move.quantity)
            if move.target == here and units > 0:
                moves.append(Move(move.line_id, here, move.source, units))
                left[move.line_id] = EXACT.subtract(left[move.line_id], units)
        return tuple(moves)

    def with_scans(self, scans: tuple[Scan, ...]) -> Return:
        """This return with another set of reports about its parcel, and what they amount to."""
        return self.replace(scans=scans, tracking=fold(scans))

    @property
    def numbers(self) -> tuple[str, ...]:
        """What its parcel is tracked by."""
        return self.shipment.numbers if self.shipment is not None else ()
