"""A fulfiller: another company that takes work into a queue, packs it when it comes to it, and sends it.

A work is a PUT, as a claim on stock is: under its key only the newest revision counts, whatever order revisions arrive
in and however often. A revision with less gives up what is not packed yet; what is packed will be sent. Zero for a key
never seen fences it: work that was overtaken by its own cancellation is never begun.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import ClassVar, TypeAlias

import attrs

from orderflow.adapters.memory.books import Books
from orderflow.errors import PortRefused
from orderflow.ports import PutWork, Repeats, WorkAccepted
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.numbers import EXACT, ZERO, add, as_not_negative, as_positive, sub

__all__ = ["MemoryFulfiller", "WorkEntry"]

_Number: TypeAlias = Decimal | int | str
_NONE: FrozenMap[str, Decimal] = FrozenMap()


@attrs.frozen
class WorkEntry:
    """A work in the fulfiller's book: what it will do by line, and how much of that is packed, and has been sent."""

    location: str
    revision: int
    skus: FrozenMap[str, str]
    to_do: FrozenMap[str, Decimal]
    packed: FrozenMap[str, Decimal] = _NONE
    sent: FrozenMap[str, Decimal] = _NONE

    @property
    def unpacked(self) -> dict[str, Decimal]:
        """Units that are still to be packed."""
        return {line: left for line, units in self.to_do.items() if (left := sub(units, self.packed.get(line, ZERO)))}


class MemoryFulfiller(Books):
    """A fulfiller in memory.

    Args:
        name: What the fulfiller is called.
        locations: Where it works; everywhere, if left out.
        capacity: Units of a product that it takes on in all; what is not named is not limited.
    """

    BOOKS = ("_works", "_taken")
    repeats: ClassVar[Repeats] = Repeats.DEDUPLICATES

    def __init__(
        self,
        name: str = "FULFILCO",
        locations: Collection[str] | None = None,
        *,
        capacity: Mapping[str, _Number] | None = None,
    ) -> None:
        self.name = name
        self.locations = frozenset(locations) if locations is not None else None
        self.capacity = {sku: as_not_negative(units) for sku, units in (capacity or {}).items()}
        self._works: dict[str, WorkEntry] = {}
        self._taken: dict[str, Decimal] = {}

    def __repr__(self) -> str:
        return f"MemoryFulfiller({self.name!r}, {len(self._works)} works)"

    # -- the port --------------------------------------------------------------------------------------------------

    def put(self, request: PutWork) -> WorkAccepted:
        """Put the wanted quantities of a work; an older or equal revision changes nothing. Says what will be done.

        Raises:
            PortRefused: ``fulfiller.unknown_location``; ``fulfiller.key_reused`` for work at another location.
        """
        known = self._works.get(request.key)
        if known is not None and known.location != request.location:
            raise PortRefused("fulfiller.key_reused", f"{request.key!r} is work at {known.location}")
        if self.locations is not None and request.location not in self.locations:
            raise PortRefused("fulfiller.unknown_location", f"{self.name} does not work at {request.location}")
        if known is None or request.revision > known.revision:
            known = self._works[request.key] = self._put(request, known)
        return WorkAccepted(known.revision, known.to_do)

    # -- the fulfiller's own side ------------------------------------------------------------------------------------

    @property
    def works(self) -> Mapping[str, WorkEntry]:
        """The book of works, by key; cancelled ones stay in it, as their fences."""
        return MappingProxyType(self._works)

    @property
    def queue(self) -> tuple[str, ...]:
        """The keys of the works with something to pack, in the order in which they came."""
        return tuple(key for key, work in self._works.items() if work.unpacked)

    def pack(self, key: str, quantities: Mapping[str, _Number] | None = None) -> WorkEntry:
        """Pack units of a work by line; all that is left, if nothing is said (``fulfiller.nothing_to_pack``)."""
        work = self._work(key)
        units = self._within(quantities, work.unpacked, "fulfiller.nothing_to_pack")
        self._works[key] = attrs.evolve(work, packed=_sum(work.packed, units))
        return self._works[key]

    def send(self, key: str, quantities: Mapping[str, _Number] | None = None) -> FrozenMap[str, Decimal]:
        """Send packed units of a work, all that are packed if nothing is said, and say which these are."""
        work = self._work(key)
        here = {line: left for line, units in work.packed.items() if (left := sub(units, work.sent.get(line, ZERO)))}
        units = self._within(quantities, here, "fulfiller.nothing_to_send")
        self._works[key] = attrs.evolve(work, sent=_sum(work.sent, units))
        return units

    def fingerprint(self) -> Hashable:
        """The books as one comparable value."""
        return frozenset(self._works.items())

    # -- the books ---------------------------------------------------------------------------------------------------

    def _put(self, request: PutWork, known: WorkEntry | None) -> WorkEntry:
        skus = FrozenMap({line.line_id: line.sku for line in request.lines})
        packed = known.packed if known is not None else _NONE
        before = known.to_do if known is not None else _NONE
        to_do = {}
        for line in request.lines:
            done, had = packed.get(line.line_id, ZERO), before.get(line.line_id, ZERO)
            to_do[line.line_id] = self._takes_on(line.sku, max(line.quantity, done), had)
        if known is None:
            return WorkEntry(request.location, request.revision, skus, FrozenMap(to_do))
        return attrs.evolve(known, revision=request.revision, skus=skus, to_do=FrozenMap(to_do))

    def _takes_on(self, sku: str, wanted: Decimal, had: Decimal) -> Decimal:
        """How much of what is wanted there is room for, the units that were taken on before included."""
        taken = sub(self._taken.get(sku, ZERO), had)
        if sku in self.capacity:
            wanted = min(wanted, max(had, EXACT.subtract(self.capacity[sku], taken)))
        self._taken[sku] = add(taken, wanted)
        return wanted

    def _work(self, key: str) -> WorkEntry:
        if key not in self._works:
            raise PortRefused("fulfiller.unknown_work", f"{self.name} has no work {key!r}")
        return self._works[key]

    def _within(
        self, quantities: Mapping[str, _Number] | None, there: Mapping[str, Decimal], code: str
    ) -> FrozenMap[str, Decimal]:
        units = {line: as_positive(said) for line, said in quantities.items()} if quantities is not None else there
        if not units or any(said > there.get(line, ZERO) for line, said in units.items()):
            raise PortRefused(code, f"{self.name} has {dict(there)} and not {dict(units)}")
        return FrozenMap(units)


def _sum(book: Mapping[str, Decimal], units: Mapping[str, Decimal]) -> FrozenMap[str, Decimal]:
    return FrozenMap({**book, **{line: add(book.get(line, ZERO), some) for line, some in units.items()}})
