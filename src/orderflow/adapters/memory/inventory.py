"""An inventory: what is on the shelves, and what of it is held for whom.

Three books by product and location (on hand, held, issued) and one by claim. A *claim* is a PUT: under its key only the
newest revision counts, whatever order revisions arrive in and however often, so the books converge on what was wanted
last. Zero releases, and fences a key that was never seen: a claim that was overtaken by its own release grants nothing.

A claim's quantities count the units already issued under it. So a goods issue and a new revision may arrive in either
order; the books come out the same. Goods that left have left: an issue is always booked, and where the shelf then holds
less than was promised to others, the difference is noted in ``discrepancies``.

Units of measure are not looked at; a product is counted in one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from heapq import heappop, heappush
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias, overload

import attrs

from orderflow.adapters.memory.books import Books, same_body
from orderflow.adapters.memory.clock import utc_now
from orderflow.errors import PortRefused, Problems
from orderflow.ports import (
    ClaimStock,
    Issued,
    IssueLine,
    IssueStock,
    Level,
    Levels,
    QueryLevels,
    Received,
    ReceiveStock,
    Repeats,
    StockHeld,
)
from orderflow.values.numbers import EXACT, ZERO, add, as_not_negative, as_positive, neg, sub

__all__ = ["ClaimEntry", "Discrepancy", "MemoryInventory"]

_Cell: TypeAlias = tuple[str, str]
_Number: TypeAlias = Decimal | int | str
_ISSUED, _RECEIVED = Issued(), Received()


@attrs.frozen
class ClaimEntry:
    """A claim as the inventory knows it; ``reserved`` units wait on the shelf, ``issued`` ones have left."""

    sku: str
    location: str
    revision: int
    wanted: Decimal
    reserved: Decimal
    issued: Decimal
    held_until: datetime | None = None

    @property
    def held(self) -> Decimal:
        """What is held, counted like ``wanted``: issued units included."""
        return add(self.reserved, self.issued)


@attrs.frozen
class Discrepancy:
    """After a goods issue less was on hand at a location than is held there for others."""

    sku: str
    location: str
    on_hand: Decimal
    held: Decimal
    issue_key: str


class MemoryInventory(Books):
    """An inventory system in memory.

    Args:
        stock: Units on hand, by product (at ``location``) or by (product, location).
        location: Where goods are whose location nobody names.
        clock: What time it is; needed for ``hold_for`` only, and the machine's clock if left out.
        hold_for: How long a reservation lasts after each new revision; forever if left out.
        fencing: Leave it on. Without it revisions are applied as they arrive, as naive systems do; it is there for
            proofs that this goes wrong.
    """

    BOOKS = (
        "_on_hand",
        "_reserved",
        "_issued",
        "_claims",
        "_issues",
        "_receipts",
        "_locations",
        "_deadlines",
        "_discrepancies",
    )
    repeats: ClassVar[Repeats] = Repeats.DEDUPLICATES

    def __init__(
        self,
        stock: (
            Mapping[str, _Number] | Mapping[tuple[str, str], _Number] | Mapping[str | tuple[str, str], _Number] | None
        ) = None,
        *,
        location: str = "MAIN",
        clock: Callable[[], datetime] | None = None,
        hold_for: timedelta | None = None,
        fencing: bool = True,
    ) -> None:
        self.location, self.hold_for, self.fencing = location, hold_for, fencing
        self._clock = clock or utc_now
        self._on_hand: dict[_Cell, Decimal] = {}
        self._reserved: dict[_Cell, Decimal] = {}
        self._issued: dict[_Cell, Decimal] = {}
        self._claims: dict[str, ClaimEntry] = {}
        self._issues: dict[str, tuple[Any, Issued]] = {}
        self._receipts: dict[str, tuple[Any, Received]] = {}
        self._locations: dict[str, tuple[str, ...]] = {}
        self._deadlines: list[tuple[datetime, str]] = []
        self._discrepancies: list[Discrepancy] = []
        self._stock_up(stock or {})

    def __repr__(self) -> str:
        return f"MemoryInventory({len(self._on_hand)} shelves, {len(self._claims)} claims)"

    # -- the port --------------------------------------------------------------------------------------------------

    def claim(self, request: ClaimStock) -> StockHeld:
        """Put the wanted quantity of a claim; an older or equal revision changes nothing. Says what is held now.

        Raises:
            PortRefused: ``inventory.unknown_product``; ``inventory.key_reused`` for a claim on another product.
        """
        now = self._now()
        known = self._claims.get(request.key)
        if known is not None and self.fencing and request.revision <= known.revision:
            return _answer(known)
        if known is not None and known.sku != request.sku:
            raise PortRefused("inventory.key_reused", f"{request.key!r} is a claim on {known.sku}")
        if request.quantity and request.sku not in self._locations:
            raise PortRefused("inventory.unknown_product", f"nothing is known of {request.sku}")
        if known is None and not request.quantity and not self.fencing:
            return StockHeld(request.revision, ZERO)
        return _answer(self._put(request, known, now))

    def issue(self, request: IssueStock) -> Issued:
        """Book goods out: they have left, whatever the books thought (``inventory.key_reused``)."""
        self._now()
        body = (request.location, request.lines)
        if same_body(self._issues, request.key, body, "inventory") is None:
            for line in request.lines:
                self._book_out(line, request)
            self._issues[request.key] = (body, _ISSUED)
        return _ISSUED

    @overload
    def receive(self, what: ReceiveStock) -> Received: ...
    @overload
    def receive(self, what: str, quantity: _Number, location: str | None = None) -> Decimal: ...
    def receive(
        self, what: ReceiveStock | str, quantity: _Number = 0, location: str | None = None
    ) -> Received | Decimal:
        """Put goods on the shelf: those of a goods receipt, once under its key, or units of a product.

        For units of a product it is said how many are on hand there now.

        Raises:
            PortRefused: ``inventory.key_reused`` for a key that was used for another goods receipt.
        """
        if isinstance(what, str):
            cell = self._cell(what, location)
            self._on_hand[cell] = add(self._on_hand[cell], as_positive(quantity))
            return self._on_hand[cell]
        body = (what.location, what.lines)
        if same_body(self._receipts, what.key, body, "inventory") is None:
            for line in what.lines:
                self.receive(line.sku, line.quantity, what.location or None)
            self._receipts[what.key] = (body, _RECEIVED)
        return _RECEIVED

    def levels(self, request: QueryLevels) -> Levels:
        """How much is where; a product nobody knows is nowhere."""
        self._now()
        return Levels(
            tuple(
                Level(sku, location, self._on_hand.get((sku, location), ZERO), self._available((sku, location)))
                for sku in request.skus
                for location in self._locations.get(sku, ())
            )
        )

    # -- the warehouse's own side ----------------------------------------------------------------------------------

    @property
    def discrepancies(self) -> tuple[Discrepancy, ...]:
        """Where goods issues left less than was promised, in the order in which it happened."""
        return tuple(self._discrepancies)

    def on_hand(self, sku: str, location: str | None = None) -> Decimal:
        """Units on the shelf, at a location or everywhere."""
        return self._sum(self._on_hand, sku, location)

    def held(self, sku: str, location: str | None = None) -> Decimal:
        """Units on the shelf that are held for somebody."""
        self._now()
        return self._sum(self._reserved, sku, location)

    def issued(self, sku: str, location: str | None = None) -> Decimal:
        """Units that have left."""
        return self._sum(self._issued, sku, location)

    def available(self, sku: str, location: str | None = None) -> Decimal:
        """Units on the shelf that are held for nobody."""
        self._now()
        total = ZERO
        for place in self._locations.get(sku, ()) if location is None else (location,):
            total = add(total, self._available((sku, place)))
        return total

    def claims(self) -> Mapping[str, ClaimEntry]:
        """The book of claims, by key; released ones stay in it, as their fences."""
        self._now()
        return MappingProxyType(self._claims)

    def fingerprint(self) -> Hashable:
        """The books as one comparable value; the notes on discrepancies are no book."""
        return (
            frozenset(self._on_hand.items()),
            frozenset(self._claims.items()),
            frozenset(item for item in self._issued.items() if item[1]),
            frozenset(self._issues.items()),
            frozenset(self._receipts.items()),
        )

    # -- the books ---------------------------------------------------------------------------------------------------

    def _stock_up(self, stock: Mapping[Any, Any]) -> None:
        problems = Problems()
        for product, units in stock.items():
            sku, location = product if isinstance(product, tuple) else (product, None)
            quantity = problems.attempt(f"stock[{product!r}]", as_not_negative, units)
            self._on_hand[self._cell(sku, location)] = quantity or ZERO
        problems.raise_any()

    def _cell(self, sku: str, location: str | None) -> _Cell:
        """The shelf of a product at a location, put up where there is none yet."""
        cell = (sku, location or self.location)
        if cell not in self._on_hand:
            self._on_hand[cell] = ZERO
            self._locations[sku] = (*self._locations.get(sku, ()), cell[1])
        return cell

    def _sum(self, book: Mapping[_Cell, Decimal], sku: str, location: str | None) -> Decimal:
        if location is not None:
            return book.get((sku, location), ZERO)
        total = ZERO
        for place in self._locations.get(sku, ()):
            total = add(total, book.get((sku, place), ZERO))
        return total

    def _available(self, cell: _Cell) -> Decimal:
        free = EXACT.subtract(self._on_hand.get(cell, ZERO), self._reserved.get(cell, ZERO))
        return free if free > ZERO else ZERO

    def _reserve(self, cell: _Cell, units: Decimal) -> None:
        self._reserved[cell] = add(self._reserved.get(cell, ZERO), units)

    def _put(self, request: ClaimStock, known: ClaimEntry | None, now: datetime | None) -> ClaimEntry:
        """Release what the claim held, and reserve what is wanted now: what is still wanted is there again."""
        kept, issued = "", ZERO
        if known is not None:
            issued = known.issued
            if known.reserved:
                self._reserve((known.sku, known.location), neg(known.reserved))
            if known.reserved or issued:
                kept = known.location
        missing = max(ZERO, sub(request.quantity, issued))
        location = request.location or kept or (self._fullest(request.sku) if missing else "")
        reserved = min(missing, self._available((request.sku, location)))
        if reserved:
            self._reserve((request.sku, location), reserved)
        elif not issued:
            location = request.location
        until = now + self.hold_for if now is not None and self.hold_for is not None and reserved else None
        entry = ClaimEntry(request.sku, location, request.revision, request.quantity, reserved, issued, until)
        self._claims[request.key] = entry
        if until is not None:
            heappush(self._deadlines, (until, request.key))
        return entry

    def _fullest(self, sku: str) -> str:
        """The location with most of a product available; among equals the one stocked first."""
        places = self._locations[sku]
        return places[0] if len(places) == 1 else max(places, key=lambda place: self._available((sku, place)))

    def _book_out(self, line: IssueLine, request: IssueStock) -> None:
        entry = self._claims.get(line.claim_key)
        place = request.location or (entry.location if entry else "")
        cell = self._cell(line.sku, place)
        self._on_hand[cell] = sub(self._on_hand[cell], line.quantity)
        self._issued[cell] = add(self._issued.get(cell, ZERO), line.quantity)
        self._claims[line.claim_key] = self._less_reserved(line, entry or _unclaimed(line.sku), cell[1])
        held = self._reserved.get(cell, ZERO)
        if held > self._on_hand[cell] or self._on_hand[cell] < ZERO:
            self._discrepancies.append(Discrepancy(line.sku, cell[1], self._on_hand[cell], held, request.key))

    def _less_reserved(self, line: IssueLine, entry: ClaimEntry, place: str) -> ClaimEntry:
        """The claim after units left under it: they need not be held any more."""
        used = min(entry.reserved, line.quantity)
        if used:
            self._reserve((entry.sku, entry.location), neg(used))
        left = sub(entry.reserved, used)
        return ClaimEntry(
            entry.sku,
            entry.location or place,
            entry.revision,
            entry.wanted,
            left,
            add(entry.issued, line.quantity),
            entry.held_until if left else None,
        )

    def _now(self) -> datetime | None:
        """What time it is, with every reservation released whose time is over; ``None`` where none ever is."""
        if self.hold_for is None:
            return None
        now = self._clock()
        while self._deadlines and self._deadlines[0][0] <= now:
            until, key = heappop(self._deadlines)
            entry = self._claims[key]
            if entry.held_until == until:
                self._reserve((entry.sku, entry.location), neg(entry.reserved))
                self._claims[key] = attrs.evolve(entry, reserved=ZERO, held_until=None)
        return now


def _unclaimed(sku: str) -> ClaimEntry:
    """What is known of a claim before its first revision arrived."""
    return ClaimEntry(sku, "", 0, ZERO, ZERO, ZERO)


def _answer(entry: ClaimEntry) -> StockHeld:
    return StockHeld(entry.revision, entry.held, entry.location, entry.held_until)
