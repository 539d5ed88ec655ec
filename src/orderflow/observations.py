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
from orderflow.facts import (
    Cancelled,
    Delivered,
    Despatched,
    Fact,
    Invoiced,
    Ordered,
    Package,
    Paid,
    Picked,
    Reserved,
    Returned,
)
from orderflow.ledger import (
    BACKORDERED,
    CANCELLED,
    OPEN,
    ORDERED,
    Account,
    Ledger,
    Move,
    allocated,
    delivered,
    lost,
    picked,
    shipped,
)
from orderflow.tracking import Anomaly, Scan
from orderflow.tracking import united as reports_united
from orderflow.values.checked import evolved
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import digest
from orderflow.values.money import Money, sum_money
from orderflow.values.numbers import EXACT, ZERO, plain, total
from orderflow.values.record import record

__all__ = [
    "Books",
    "Ground",
    "Observed",
    "ObservedParcel",
    "ObservedShipment",
    "drawn_up",
    "ground_of",
    "in_hand_of",
    "moves_to",
]

_ESCAPES = str.maketrans({"%": "%25", "/": "%2F", " ": "%20", ":": "%3A", "+": "%2B"})
_LONGEST = 120


def _id(prefix: str, *parts: str) -> str:
    """A part's id out of what it is told by; what no id may contain is escaped, what is too long is digested."""
    name = ":".join(part.translate(_ESCAPES) for part in parts)
    if len(name) > _LONGEST:
        name = f"{name[:80]}~{digest(name)}"
    return f"{prefix}@{name}"


@record
class ObservedParcel:
    """A parcel that facts tell of: what is in it by now (nothing, where it does not count), and how it is known.

    ``told`` are reports that facts stand for, that it was delivered, and those of its whole shipment.
    """

    id: str
    fulfillment_id: str
    contents: FrozenMap[str, Decimal]
    tracking_number: str = ""
    sscc: str = ""
    weight_kg: Decimal | None = None
    told: tuple[Scan, ...] = ()


@record
class ObservedShipment:
    """What left by one despatch note: its parcels, and who carries them."""

    id: str
    parcel_ids: tuple[str, ...]
    document: str
    location: str = ""
    carrier: str = ""
    service: str = ""
    tracking_number: str = ""
    despatched_at: datetime | None = None


@record
class Books:
    """What others have done with an order, by the facts: the books that it is to have.

    ``in_hand`` and ``returned`` are by account; those of ``returned`` name the parcel out of which units came back.
    """

    ordered: FrozenMap[str, Decimal]
    products: FrozenMap[str, str] = FrozenMap()
    works: FrozenMap[str, str] = FrozenMap()
    parcels: FrozenMap[str, ObservedParcel] = FrozenMap()
    shipments: FrozenMap[str, ObservedShipment] = FrozenMap()
    returned: FrozenMap[str, FrozenMap[str, Decimal]] = FrozenMap()
    cancelled: FrozenMap[str, Decimal] = FrozenMap()
    in_hand: FrozenMap[str, FrozenMap[str, Decimal]] = FrozenMap()
    anomalies: tuple[Anomaly, ...] = ()


@record
class Observed:
    """What an order has of others: every fact that it was told, and the books that it has by them.

    ``adopted`` is what was ordered of each line when observation began; ``scans`` are reports under the number of a
    whole shipment that facts tell of: which parcels they are about, the facts decide. An order that others have
    begun was taken over at ``adopted_at``.
    """

    adopted: FrozenMap[str, Decimal]
    facts: tuple[Fact, ...]
    books: Books
    scans: tuple[Scan, ...] = ()
    adopted_at: datetime | None = None

    @property
    def numbers(self) -> frozenset[str]:
        """The numbers of whole shipments, and the second ones of parcels, of all that was ever told."""
        notes = [fact for fact in self.facts if isinstance(fact, Despatched) and fact.parcels]
        second = (one.sscc for fact in notes for one in fact.parcels if one.tracking_number)
        return frozenset(filter(None, (*(fact.tracking_number for fact in notes), *second)))

    @property
    def invoiced(self) -> dict[str, Decimal]:
        """What others have billed, by line."""
        billed: dict[str, Decimal] = {}
        for fact in told.current(self.facts)[0]:
            for line_id, units in fact.quantities.items() if isinstance(fact, Invoiced) else ():
                billed[line_id] = EXACT.add(billed.get(line_id, ZERO), units)
        return billed

    def amount(self, kind: type[Invoiced | Paid], currency: str) -> Money:
        """What others have billed, or were paid, as far as amounts were told, in the currency of the order."""
        counting = (fact for fact in told.current(self.facts)[0] if isinstance(fact, kind))
        amounts = (fact.amount for fact in counting if fact.amount is not None and fact.amount.currency == currency)
        return sum_money(amounts, currency)


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


def in_hand_of(books: Books) -> tuple[Account, ...]:
    """The accounts of reservations and picks that facts told of."""
    return tuple(account(work) for work in books.works for account in (allocated, picked))


def _still_in(parcel_id: str, line_id: str, books: Books, ledger: Ledger) -> Decimal:
    """Units of a parcel that are where facts and reports have brought them."""
    here = (ledger.balance(line_id, account(parcel_id)) for account in _LEFT)
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
        scan = Scan(number, "delivered", when, f"{fact.source} {fact.document}"[:200], raw=fact.TAG)
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


# -- the way there ----------------------------------------------------------------------------------------------------

#: Where the units of a parcel may be that has left.
_LEFT = (shipped, delivered, lost)


def moves_to(books: Books, present: Books, ledger: Ledger) -> tuple[Move, ...]:
    """The moves that lead from the ``present`` books to others: first what is given up, then what is taken."""
    way = _Way(ledger)
    lines = dict.fromkeys((*present.ordered, *books.ordered))
    for line_id in lines:
        now, then = _units_of(line_id, present), _units_of(line_id, books)
        changes = {key: _less(then.get(key, ZERO), now.get(key, ZERO)) for key in dict.fromkeys((*now, *then))}
        more = _less(books.ordered.get(line_id, ZERO), present.ordered.get(line_id, ZERO))
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
        return [account(place) for account in _LEFT]
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
                self._held[line_id, source] = _less(self._there(line_id, source), taken)
                self._held[line_id, target] = EXACT.add(self._there(line_id, target), taken)
                units = _less(units, taken)
        assert not units, f"{units} of {line_id} are nowhere to be had for {target}"

    def _there(self, line_id: str, account: Account) -> Decimal:
        held = self._held.get((line_id, account))
        return self._ledger.balance(line_id, account) if held is None else held
