"""Observations: what a set of facts amounts to.

Facts (`orderflow.facts`) come late, twice, out of order, and are taken back. So an order keeps the *set* of all facts
that it was ever told, and what others have done with it is a *fold* over that set in one total order: the same set
gives the same books, whoever came first and however often. When a fact arrives, the books are drawn up anew, and what
is recorded is the way from the present to them: also backwards, when a despatch is taken back.

**What counts.** Of each document its highest revision; what several documents say adds up. Goods that left weigh more
than what is written: first comes what is ordered, then what was despatched, parcel by parcel in the order of time, then
what came back, arrived, was cancelled, picked, reserved.

**What fits.** A line has room for what is ordered of it. A parcel fits as a whole or not at all; a quantity as far as
there is room. What does not fit is kept with the rest of the set and tried again whenever the books are drawn up, which
is whenever the order changes: a despatch that came before the revision that ordered its goods is applied in full as
soon as that is there. What does not fit now is an anomaly *now*: anomalies are read off the books, never written down.

**What is ours.** Facts move only units that are under observation: those of parcels and reservations that facts told
of, those that are open and that nobody of us handles, and those that facts have cancelled. What our own process has
claimed a piece of work for, packed, sent, cancelled or taken back is not theirs to move: it takes that much room from
them. So an order of which others have sent a part can be finished here, and a fact that contradicts our own work waits,
flagged, until the work is given up.

**Names.** Parts that facts tell of are named after what they are told by (`P@` and the tracking number, `S@` and the
despatch note, `F@` and the location), so that even their ids do not depend on the order of arrival. A part that was
ever told of stays, empty where nothing of it counts any more, since scans may come under its number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import attrs

from orderflow import facts as told
from orderflow.books import Books, Observed, ObservedParcel, ObservedShipment, in_hand_of
from orderflow.facts import Cancelled, Delivered, Despatched, Fact, Ordered, Package, Picked, Reserved, Returned
from orderflow.ledger import BACKORDERED, OPEN, Account, Ledger, allocated, gone, picked
from orderflow.tracking import Anomaly, Scan
from orderflow.tracking import united as reports_united
from orderflow.values.checked import evolved
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import digest
from orderflow.values.numbers import EXACT, ZERO, plain, total

__all__ = ["Ground", "drawn_up", "ground_of"]

_ESCAPES = str.maketrans({"%": "%25", "/": "%2F", " ": "%20", ":": "%3A", "+": "%2B"})
_LONGEST = 120


def _id(prefix: str, *parts: str) -> str:
    """A part's id out of what it is told by; what no id may contain is escaped, what is too long is digested."""
    name = ":".join(part.translate(_ESCAPES) for part in parts)
    if len(name) > _LONGEST:
        name = f"{name[:80]}~{digest(name)}"
    return f"{prefix}@{name}"


@attrs.frozen
class Ground:
    """What the facts of an order are held against.

    Attributes:
        ordered: what was ordered of each line when observation began.
        extra: by how much there is more room in a line than is ordered by the facts; less, where our own process has
            units of it.
        away: what our own process has taken out of parcels that facts told of, by parcel and line.
        scans: what was reported under the numbers of whole shipments, and under the second numbers of parcels.
        own: the numbers under which parcels of our own travel, or will.
        kept: the products of lines, told by facts, of which our own process has units.
        currency: that of the order.
        began: a moment for what was told without one.
        is_closed: whether we have cancelled or rejected the order: then nothing more is ordered by anyone.
    """

    ordered: Mapping[str, Decimal]
    extra: Mapping[str, Decimal]
    away: Mapping[str, Mapping[str, Decimal]]
    scans: tuple[Scan, ...]
    own: frozenset[str]
    currency: str
    began: datetime
    is_closed: bool = False
    kept: Mapping[str, str] = FrozenMap()


def ground_of(
    observed: Observed,
    lines: Iterable[str],
    ledger: Ledger,
    own: frozenset[str],
    currency: str,
    began: datetime,
    is_closed: bool,
    scans: tuple[Scan, ...] = (),
) -> Ground:
    """What the facts of an order are held against, by its ledger."""
    books, extra = observed.books, dict[str, Decimal]()
    away: dict[str, dict[str, Decimal]] = {}
    for line_id in lines:
        ours = _less(ledger.ordered(line_id), books.ordered.get(line_id, ZERO))
        free = total((ledger.balance(line_id, OPEN), ledger.balance(line_id, BACKORDERED)))
        theirs = total(ledger.balance(line_id, Account(account)) for account in in_hand_of(books))
        there = total((ledger.ordered(line_id), ledger.surplus(line_id)))
        elsewhere = _less(_less(there, free), theirs)
        for parcel in books.parcels.values():
            if units := parcel.contents.get(line_id):
                elsewhere = _less(elsewhere, units)
                gone = _less(units, _still_in(parcel.id, line_id, books, ledger))
                if gone > 0:
                    away.setdefault(parcel.id, {})[line_id] = gone
        elsewhere = _less(elsewhere, books.cancelled.get(line_id, ZERO))
        extra[line_id] = _less(EXACT.add(ours, ledger.surplus(line_id)), elsewhere)
    ordered = {line_id: observed.adopted.get(line_id, ZERO) for line_id in lines if line_id not in books.products}
    if is_closed:
        ordered |= {line_id: units for line_id, units in books.ordered.items() if line_id in ordered}
    kept = {line_id: sku for line_id, sku in books.products.items() if extra.get(line_id)}
    return Ground(ordered, extra, away, reports_united(observed.scans, scans), own, currency, began, is_closed, kept)


def _still_in(parcel_id: str, line_id: str, books: Books, ledger: Ledger) -> Decimal:
    """Units of a parcel that are where facts and reports have brought them."""
    here = (ledger.balance(line_id, account) for account in gone(parcel_id))
    back = (held.get(line_id, ZERO) for place, held in books.returned.items() if place.partition(" ")[2] == parcel_id)
    return total((*here, *back))


def drawn_up(facts: tuple[Fact, ...], ground: Ground) -> Books:
    """The books that a set of facts amounts to."""
    return _Drawing(facts, ground).books()


def _less(units: Decimal, taken: Decimal) -> Decimal:
    return EXACT.subtract(units, taken)


class _Drawing:
    """Draws up the books, kind by kind; ``room`` is what each line still has room for."""

    def __init__(self, facts: tuple[Fact, ...], ground: Ground) -> None:
        self.facts, self.ground = facts, ground
        self.counting, self.beside = told.current(facts)
        self.anomalies: list[Anomaly] = []
        self.room: dict[str, Decimal] = {}
        self.ordered: dict[str, Decimal] = dict(ground.ordered)
        self.products: dict[str, str] = {}
        self.parcels: dict[str, ObservedParcel] = {}
        self.second: dict[str, str] = {}
        self.shipments: dict[str, ObservedShipment] = {}
        self.sent: dict[str, Decimal] = {}
        self.in_hand: dict[str, dict[str, Decimal]] = {}
        self.returned: dict[str, dict[str, Decimal]] = {}

    def books(self) -> Books:
        """Everything, in the order in which it weighs."""
        for fact in self.beside:
            self._flag("fact.contradicted", f"{told.text_of(fact)} says two things", told.key_of(fact)[2])
        self._ordered()
        self._unknown_lines()
        self._parcels_there_are()
        self._despatched()
        self._returned()
        self._delivered()
        self._reported()
        cancelled = self._cancelled()
        self._picked()
        self._reserved()
        self._other_currencies()
        return Books(
            FrozenMap(self.ordered),
            FrozenMap(self.products),
            FrozenMap(self._works()),
            FrozenMap(self.parcels),
            FrozenMap(self.shipments),
            _frozen(self.returned),
            FrozenMap(cancelled),
            _frozen(self.in_hand),
            tuple(dict.fromkeys(self.anomalies)),
        )

    def _of(self, kind: type[Any]) -> list[Any]:
        return [fact for fact in self.counting if type(fact) is kind]

    def _flag(self, code: str, message: str, about: str = "") -> None:
        self.anomalies.append(Anomaly(code, message, None, about))

    # -- what is ordered ---------------------------------------------------------------------------------------------

    def _ordered(self) -> None:
        """Of several documents the latest that names a line decides on it; units of ours are ordered in any case."""
        self._products()
        for line_id in self.products:
            self.ordered[line_id] = ZERO
        for fact in self._of(Ordered):
            for line_id, units in fact.quantities.items():
                if self.ground.is_closed and units != self.ordered.get(line_id, ZERO):
                    text = f"{told.text_of(fact)} changes an order that is over"
                    self._flag("fact.order_is_over", text, fact.document)
                elif line_id in self.ordered:
                    self.ordered[line_id] = units
                elif units:
                    self._flag("fact.unknown_line", f"{told.text_of(fact)} names {line_id}, which is no line", line_id)
        for line_id, units in self.ordered.items():
            room = EXACT.add(units, self.ground.extra.get(line_id, ZERO))
            if room < 0:
                text = f"{plain(units)} of {line_id} are ordered, and {plain(_less(units, room))} are in our own hands"
                self._flag("fact.ordered_below", text, line_id)
                self.ordered[line_id] = _less(units, room)
                room = ZERO
            self.room[line_id] = room

    def _products(self) -> None:
        """Which product a new line is of: what counts decides, else what was ever told; the latest of several.

        A line that our own process has units of stays what it is.
        """
        for facts in (self.facts, self.counting):
            for fact in facts:
                if type(fact) is Ordered:
                    new = {id: sku for id, sku in fact.products.items() if id not in self.ground.ordered}
                    self.products |= new
        said: dict[str, str] = {}
        self.products |= self.ground.kept
        for fact in self._of(Ordered):
            for line_id, sku in fact.products.items():
                known = self.products.get(line_id, sku)
                if said.setdefault(line_id, known) != sku:
                    text = f"{told.text_of(fact)} says that {line_id} is {sku}, and it is {known}"
                    self._flag("fact.contradicted", text, line_id)

    def _unknown_lines(self) -> None:
        """Facts about lines that there are not, or not yet."""
        for fact in self.counting:
            named = getattr(fact, "quantities", ()) if type(fact) is not Ordered else ()
            for line_id in named:
                if line_id not in self.ordered:
                    self._flag("fact.unknown_line", f"{told.text_of(fact)} names {line_id}, which is no line", line_id)

    # -- what has left -----------------------------------------------------------------------------------------------

    def _parcels_there_are(self) -> None:
        """Every parcel and shipment that was ever told of, with nothing in it."""
        counting = set(self.counting)
        in_order = [fact for fact in self.facts if type(fact) is Despatched and fact.parcels]
        in_order.sort(key=lambda fact: fact not in counting)
        for fact in in_order:
            for package in fact.parcels:
                if package.tracking_number and package.sscc:
                    self.second.setdefault(package.sscc, package.tracking_number)
        members: dict[str, list[str]] = {}
        for fact in in_order:
            for number, package in enumerate(fact.parcels, 1):
                known = self._known(package)
                parcel_id = _parcel_id(fact, known, number)
                if parcel_id not in self.parcels:
                    members.setdefault(_shipment_id(fact), []).append(parcel_id)
                self._told_of(parcel_id, fact, known)
                if known is not package:
                    self._told_of(_parcel_id(fact, package, number), fact, package)
        for fact in in_order:
            shipment_id = _shipment_id(fact)
            if shipment_id not in self.shipments:
                self.shipments[shipment_id] = ObservedShipment(
                    shipment_id,
                    tuple(members.get(shipment_id, ())),
                    fact.document,
                    fact.location,
                    fact.carrier,
                    fact.service,
                    fact.tracking_number,
                    fact.occurred_at,
                )

    def _known(self, package: Package) -> Package:
        """A parcel that one calls by its SSCC, and of which another says under which number that travels, is one."""
        if package.tracking_number or package.sscc not in self.second:
            return package
        return evolved(package, tracking_number=self.second[package.sscc])

    def _told_of(self, parcel_id: str, fact: Despatched, package: Package) -> None:
        """A parcel, by what is said of it first, and then by what was not said of it yet."""
        one = _empty(fact, package, parcel_id)
        if known := self.parcels.get(parcel_id):
            one = evolved(known, sscc=known.sscc or one.sscc, weight_kg=known.weight_kg or one.weight_kg)
        self.parcels[parcel_id] = one

    def _despatched(self) -> None:
        """Parcel by parcel, in the order in which they left: each as a whole, where its lines have room for it."""
        seen: dict[str, Package] = {}
        for fact in self._of(Despatched):
            for number, package in enumerate(fact.parcels, 1):
                parcel_id = _parcel_id(fact, self._known(package), number)
                known = seen.setdefault(parcel_id, package)
                if known is not package:
                    if known.contents != package.contents:
                        text = f"{told.text_of(fact)} says that other goods are in {parcel_id[2:]}"
                        self._flag("fact.parcel_told_twice", text, parcel_id)
                elif self._fits(fact, package, parcel_id):
                    self._put_in(parcel_id, package.contents)
        for parcel_id, away in self.ground.away.items():
            held = self.parcels[parcel_id].contents
            kept = {line_id: max(held.get(line_id, ZERO), units) for line_id, units in away.items()}
            if any(held.get(line_id, ZERO) < units for line_id, units in kept.items()):
                self._flag("fact.goods_elsewhere", f"goods of {parcel_id[2:]} are handled here by now", parcel_id)
                more = {line_id: _less(units, held.get(line_id, ZERO)) for line_id, units in kept.items()}
                self._put_in(parcel_id, {line_id: units for line_id, units in more.items() if units})

    def _fits(self, fact: Despatched, package: Package, parcel_id: str) -> bool:
        numbers = {package.tracking_number or fact.tracking_number, package.sscc} - {""}
        if not numbers.isdisjoint(self.ground.own):
            self._flag("fact.own_parcel", f"{told.text_of(fact)} tells of a parcel of our own", parcel_id)
            return False
        for line_id, units in package.contents.items():
            if line_id not in self.room:
                self._flag("fact.unknown_line", f"{told.text_of(fact)} names {line_id}, which is no line", line_id)
                return False
            if units > self.room[line_id]:
                there = f"{plain(units)} of {line_id} in {parcel_id[2:]}, and there is room for"
                text = f"{told.text_of(fact)} tells of {there} {plain(self.room[line_id])}"
                self._flag("fact.beyond_order", text, parcel_id)
                return False
        return True

    def _put_in(self, parcel_id: str, contents: Mapping[str, Decimal]) -> None:
        parcel = self.parcels[parcel_id]
        held = dict(parcel.contents)
        for line_id, units in contents.items():
            held[line_id] = EXACT.add(held.get(line_id, ZERO), units)
            self.room[line_id] = max(ZERO, _less(self.room[line_id], units))
            self.sent[line_id] = EXACT.add(self.sent.get(line_id, ZERO), units)
        self.parcels[parcel_id] = evolved(parcel, contents=FrozenMap(held))

    def _in_order(self) -> Iterable[ObservedParcel]:
        """The parcels that have something in them, in the order in which they left."""
        return (self.parcels[parcel_id] for parcel_id in tuple(self.parcels) if self.parcels[parcel_id].contents)

    def _returned(self) -> None:
        """What came back, out of the parcels in the order in which they left."""
        left = {parcel.id: dict(parcel.contents) for parcel in self._in_order()}
        for parcel_id, away in self.ground.away.items():
            for line_id, units in away.items():
                left[parcel_id][line_id] = _less(left[parcel_id][line_id], units)
        for fact in self._of(Returned):
            for line_id, units in fact.quantities.items():
                wanted = units
                for parcel_id, held in left.items():
                    taken = min(wanted, held.get(line_id, ZERO))
                    if taken > 0:
                        held[line_id] = _less(held[line_id], taken)
                        wanted = _less(wanted, taken)
                        _add(self.returned, f"{fact.disposition} {parcel_id}", line_id, taken)
                if wanted:
                    text = f"{told.text_of(fact)} tells of {plain(wanted)} of {line_id} more than have left"
                    self._flag("fact.returned_before_despatch", text, line_id)

    # -- what has arrived --------------------------------------------------------------------------------------------

    def _delivered(self) -> None:
        """Reports of parcels that have arrived: of each the first fact that says so."""
        waiting = {parcel.id: parcel for parcel in self._in_order()}
        for fact in self._of(Delivered):
            for name in fact.parcels:
                found = self._named(name)
                for parcel_id in found:
                    if waiting.pop(parcel_id, None) is not None:
                        self._tell(parcel_id, fact)
                if not found:
                    text = f"{told.text_of(fact)} tells of {name}, which has not left"
                    self._flag("fact.delivered_before_despatch", text, name)
            self._counted_off(fact, waiting)

    def _named(self, name: str) -> list[str]:
        """The parcels of a number or despatch note that have something in them."""
        found = [p.id for p in self._in_order() if name in (p.tracking_number, p.sscc, p.id)]
        if found:
            return found
        notes = (one for one in self.shipments.values() if name in (one.document, one.tracking_number))
        return [parcel_id for one in notes for parcel_id in one.parcel_ids if self.parcels[parcel_id].contents]

    def _counted_off(self, fact: Delivered, waiting: dict[str, ObservedParcel]) -> None:
        left = dict(fact.quantities)
        for parcel_id, parcel in tuple(waiting.items()) if left else ():
            if all(left.get(line_id, ZERO) >= units for line_id, units in parcel.contents.items()):
                for line_id, units in parcel.contents.items():
                    left[line_id] = _less(left[line_id], units)
                self._tell(waiting.pop(parcel_id).id, fact)
        for line_id, units in left.items():
            if units:
                text = f"{told.text_of(fact)} tells of {plain(units)} of {line_id} that fill no parcel on its way"
                self._flag("fact.delivered_before_despatch", text, line_id)

    def _tell(self, parcel_id: str, fact: Delivered) -> None:
        parcel = self.parcels[parcel_id]
        when = fact.occurred_at or self.ground.began
        number = parcel.tracking_number or parcel_id
        scan = Scan(number, "delivered", when, f"{fact.source} {fact.document}"[:200])
        self.parcels[parcel_id] = evolved(parcel, told=(scan,))

    def _reported(self) -> None:
        """What carriers say of a whole shipment, they say of each of its parcels, but for one with that very number.

        A parcel with that number that turned out not to have left hears of it, and who travels under it besides.
        """
        for scan in self.ground.scans:
            number = scan.tracking_number
            own = [p for p in self.parcels.values() if p.tracking_number == number]
            if not any(parcel.contents for parcel in own):
                own += [p for p in self.parcels.values() if p.sscc == number and p.contents]
            if not any(parcel.contents for parcel in own):
                shipped = (one for one in self.shipments.values() if one.tracking_number == number)
                members = (self.parcels[parcel_id] for one in shipped for parcel_id in one.parcel_ids)
                own += [parcel for parcel in members if parcel.contents]
            for parcel in own:
                self.parcels[parcel.id] = evolved(parcel, told=reports_united(parcel.told, (scan,)))

    # -- what is written ---------------------------------------------------------------------------------------------

    def _cancelled(self) -> dict[str, Decimal]:
        cancelled: dict[str, Decimal] = {}
        for fact in self._of(Cancelled):
            for line_id, units in fact.quantities.items():
                taken = self._take(line_id, units)
                if taken:
                    cancelled[line_id] = EXACT.add(cancelled.get(line_id, ZERO), taken)
                if taken != units:
                    text = f"{told.text_of(fact)} tells of {plain(_less(units, taken))} of {line_id} that are not open"
                    self._flag("fact.cancelled_too_late", text, line_id)
        return cancelled

    def _picked(self) -> None:
        """What was picked and has not left is in hand."""
        gone = dict(self.sent)
        for fact in self._of(Picked):
            for line_id, units in fact.quantities.items():
                left = min(units, gone.get(line_id, ZERO))
                gone[line_id] = _less(gone.get(line_id, ZERO), left)
                self._hold(fact, line_id, _less(units, left), picked(_work_id(fact.location)))

    def _reserved(self) -> None:
        """What is reserved, as far as there is anything to reserve: what has left since needs no reservation."""
        still = {line_id: EXACT.add(units, self.sent.get(line_id, ZERO)) for line_id, units in self.room.items()}
        for held in self.in_hand.values():
            for line_id, units in held.items():
                still[line_id] = EXACT.add(still.get(line_id, ZERO), units)
        for fact in self._of(Reserved):
            for line_id, units in fact.quantities.items():
                gone = max(ZERO, _less(min(units, still.get(line_id, ZERO)), self.room.get(line_id, ZERO)))
                still[line_id] = max(ZERO, _less(still.get(line_id, ZERO), units))
                self._hold(fact, line_id, _less(units, gone), allocated(_work_id(fact.location)))

    def _hold(self, fact: Picked | Reserved, line_id: str, units: Decimal, account: Account) -> None:
        taken = self._take(line_id, units)
        if taken:
            _add(self.in_hand, account, line_id, taken)
        if taken != units:
            text = (
                f"{told.text_of(fact)} tells of {plain(_less(units, taken))} of {line_id} more than there is room for"
            )
            self._flag("fact.beyond_order", text, line_id)

    def _take(self, line_id: str, units: Decimal) -> Decimal:
        taken = min(units, self.room.get(line_id, ZERO))
        if taken:
            self.room[line_id] = _less(self.room[line_id], taken)
        return taken

    def _other_currencies(self) -> None:
        for fact in self.counting:
            amount = getattr(fact, "amount", None)
            if amount is not None and amount.currency != self.ground.currency:
                text = f"{told.text_of(fact)} is in {amount.currency}, the order in {self.ground.currency}"
                self._flag("fact.other_currency", text, fact.document)

    def _works(self) -> dict[str, str]:
        """The locations that facts tell of."""
        named = (fact.location for fact in self.facts if isinstance(fact, Despatched | Picked | Reserved))
        return {_work_id(location): location for location in sorted(set(named))}


def _frozen(held: Mapping[str, Mapping[str, Decimal]]) -> FrozenMap[str, FrozenMap[str, Decimal]]:
    return FrozenMap({account: FrozenMap(units) for account, units in held.items()})


def _add(held: dict[str, dict[str, Decimal]], account: str, line_id: str, units: Decimal) -> None:
    lines = held.setdefault(account, {})
    lines[line_id] = EXACT.add(lines.get(line_id, ZERO), units)


def _work_id(location: str) -> str:
    return _id("F", location)


def _shipment_id(fact: Despatched) -> str:
    return _id("S", fact.source, fact.document)


def _parcel_id(fact: Despatched, package: Package, number: int) -> str:
    """A parcel is known by its own number; without one, by its place on the despatch note."""
    known_by = package.tracking_number or package.sscc
    return _id("P", known_by) if known_by else _id("P", fact.source, fact.document, str(number))


def _empty(fact: Despatched, package: Package, parcel_id: str) -> ObservedParcel:
    return ObservedParcel(
        parcel_id,
        _work_id(fact.location),
        FrozenMap(),
        package.tracking_number or package.sscc,
        package.sscc,
        package.weight_kg,
    )
