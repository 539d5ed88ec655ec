"""Reconciliation: the moves by which the ledger follows what others did.

Books by the facts (`orderflow.observations`) say where units are to be, and the present ones where they are. Between
the two there are moves, line by line: first what is given up, then what is taken. They may lead backwards, as when a
despatch was taken back, and each takes from an account no more than it holds by then.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from orderflow.books import Books
from orderflow.ledger import (
    BACKORDERED,
    CANCELLED,
    OPEN,
    ORDERED,
    Account,
    Ledger,
    Move,
    delivered,
    gone,
    lost,
    shipped,
)
from orderflow.values.numbers import EXACT, ZERO

__all__ = ["moves_to"]


def moves_to(books: Books, present: Books, ledger: Ledger) -> tuple[Move, ...]:
    """The moves that lead from the ``present`` books to others: first what is given up, then what is taken."""
    way = _Way(ledger)
    lines = dict.fromkeys((*present.ordered, *books.ordered))
    for line_id in lines:
        now, then = _units_of(line_id, present), _units_of(line_id, books)
        changes = {key: EXACT.subtract(then.get(key, ZERO), now.get(key, ZERO)) for key in dict.fromkeys((*now, *then))}
        more = EXACT.subtract(books.ordered.get(line_id, ZERO), present.ordered.get(line_id, ZERO))
        for (kind, place), change in changes.items():
            if kind == "returned" and change < 0:
                disposition, _, parcel_id = place.partition(" ")
                way.go(line_id, [Account(disposition)], shipped(parcel_id), EXACT.minus(change))
        for (kind, place), change in changes.items():
            if kind != "returned" and change < 0:
                way.go(line_id, _sources(kind, place), OPEN, EXACT.minus(change))
        if more > 0:
            way.go(line_id, [ORDERED], OPEN, more)
        for (kind, place), change in changes.items():
            if kind != "returned" and change > 0:
                way.go(line_id, [OPEN, BACKORDERED], _target(kind, place), change)
        for (kind, place), change in changes.items():
            if kind == "returned" and change > 0:
                disposition, _, parcel_id = place.partition(" ")
                way.go(line_id, [account(parcel_id) for account in _RETURNING], Account(disposition), change)
        if more < 0:
            way.go(line_id, [OPEN, BACKORDERED], ORDERED, EXACT.minus(more))
    return tuple(way.moves)


_RETURNING = (delivered, shipped, lost)


def _units_of(line_id: str, books: Books) -> dict[tuple[str, str], Decimal]:
    """The units of a line that are under observation, by where they are."""
    found: dict[tuple[str, str], Decimal] = {}
    for parcel in books.parcels.values():
        if units := parcel.contents.get(line_id):
            found["parcel", parcel.id] = units
    for kind, held in (("returned", books.returned), ("in_hand", books.in_hand)):
        for place, lines in held.items():
            if units := lines.get(line_id):
                found[kind, place] = units
    if units := books.cancelled.get(line_id):
        found["cancelled", ""] = units
    return found


def _sources(kind: str, place: str) -> list[Account]:
    if kind == "parcel":
        return list(gone(place))
    return [Account(place) if kind == "in_hand" else CANCELLED]


def _target(kind: str, place: str) -> Account:
    if kind == "parcel":
        return shipped(place)
    return Account(place) if kind == "in_hand" else CANCELLED


class _Way:
    """Gathers moves, with what each account still holds on the way."""

    def __init__(self, ledger: Ledger) -> None:
        self.moves: list[Move] = []
        self._ledger = ledger
        self._held: dict[tuple[str, Account], Decimal] = {}

    def go(self, line_id: str, sources: Iterable[Account], target: Account, units: Decimal) -> None:
        """So many units go to an account, from where they are."""
        for source in sources:
            taken = units if source == ORDERED else min(units, self._there(line_id, source))
            if taken > 0:
                self.moves.append(Move(line_id, source, target, taken))
                self._held[line_id, source] = EXACT.subtract(self._there(line_id, source), taken)
                self._held[line_id, target] = EXACT.add(self._there(line_id, target), taken)
                units = EXACT.subtract(units, taken)
        assert not units, f"{units} of {line_id} are nowhere to be had for {target}"

    def _there(self, line_id: str, account: Account) -> Decimal:
        held = self._held.get((line_id, account))
        return self._ledger.balance(line_id, account) if held is None else held
