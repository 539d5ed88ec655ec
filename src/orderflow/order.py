"""The order: one frozen value, and all that can be asked of it.

An order is what its events say. It changes only by `orderflow.process.evolve`; everything here asks. *State* is the
stored position in a lifecycle (``verified``); *status* is derived from the goods ledger and reported ("3 of 5
delivered"). What is wanted from outside (claims, bookings, messages) is written down in the order as an intention with
its whole body, so that a crash loses nothing: what is still open can always be asked for again, in the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from operator import is_
from typing import Any, TypeVar

import attrs

from orderflow import charging, deadlines, labels
from orderflow.balance import Balance, balance_of, billed_by_others, still_to_charge
from orderflow.books import Books, Observed
from orderflow.charges import (
    Amounts,
    RoundingRule,
    Tranche,
    charged,
    credited,
)
from orderflow.kits import Kit, KitStatus, as_ordered, in_kits, kit_status
from orderflow.labels import customer_reference_labels
from orderflow.ledger import (
    BACKORDERED,
    CANCELLED,
    GIVEN_UP,
    GONE,
    OPEN,
    ORDERED,
    Account,
    Ledger,
    Move,
    allocated,
    gone,
    kind_of,
    lost,
    packed,
    picked,
    place_of,
    units_by_line,
)
from orderflow.observations import drawn_up, ground_of
from orderflow.parts import (
    Answer,
    Booking,
    Cancellation,
    Case,
    Choice,
    Claim,
    Confirmation,
    ConfirmedLine,
    Deferral,
    DespatchAdvice,
    Frozen,
    Fulfillment,
    Goods,
    Handover,
    Hold,
    Line,
    Message,
    Origin,
    Parcel,
    Proposal,
    Reason,
    Redirection,
    Search,
    Shipment,
    Status,
    Terms,
    Tolerance,
    Waiver,
    Work,
)
from orderflow.payments import Settlement
from orderflow.promise import PromiseStatus, Standing
from orderflow.returns import Finding, Return, ReturnLine, WrongGoods
from orderflow.totals import Totals, totals
from orderflow.tracking import Anomaly, Scan
from orderflow.values.address import Address
from orderflow.values.checked import PERSONAL, evolved
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.money import Money
from orderflow.values.numbers import EXACT, total, total_by
from orderflow.values.party import Party
from orderflow.values.record import record

__all__ = [
    "Answer",
    "Booking",
    "Cancellation",
    "Case",
    "Choice",
    "Claim",
    "Confirmation",
    "ConfirmedLine",
    "Deferral",
    "DespatchAdvice",
    "Finding",
    "Fulfillment",
    "Goods",
    "Handover",
    "Hold",
    "Line",
    "Message",
    "Order",
    "Origin",
    "Parcel",
    "Proposal",
    "Reason",
    "Redirection",
    "Return",
    "ReturnLine",
    "Search",
    "Shipment",
    "Status",
    "Terms",
    "Tolerance",
    "Waiver",
    "Work",
    "WrongGoods",
    "customer_reference_labels",
]

#: Methods of delivery for which nothing is taken from stock of ours.
_WITHOUT_STOCK = frozenset({"digital", "supplier"})

T = TypeVar("T")

_ZERO, _ONE = Decimal(0), Decimal(1)
_UNSETTLED = Settlement()
_NOTHING: Mapping[str, Decimal] = FrozenMap()


@record(slots=False)
class Order(Frozen):
    """The customer's commitment and everything that came of it."""

    tenant: str
    channel: str
    reference: str
    id: str
    version: int
    state: str
    currency: str
    placed_at: datetime
    customer: Party | None = None
    ship_to: Address | None = None
    bill_to: Party | None = None
    priority: str = ""
    terms: Terms = attrs.field(factory=Terms)
    instructions: tuple[str, ...] = attrs.field(default=(), metadata=PERSONAL)
    requirements: tuple[str, ...] = ()
    lines: FrozenMap[str, Line] = attrs.field(factory=FrozenMap)
    ledger: Ledger = attrs.field(factory=Ledger)
    rounding: RoundingRule = attrs.field(factory=RoundingRule)
    tranches: FrozenMap[str, tuple[Tranche, ...]] = attrs.field(factory=FrozenMap)
    given_back: FrozenMap[str, tuple[Decimal, ...]] = attrs.field(factory=FrozenMap)
    unbilled: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    refunded: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    settlement: Settlement = _UNSETTLED
    claims: FrozenMap[str, Claim] = attrs.field(factory=FrozenMap)
    searches: FrozenMap[str, Search] = attrs.field(factory=FrozenMap)
    asked: int = 0
    backorders: FrozenMap[str, str] = attrs.field(factory=FrozenMap)
    released: tuple[str, ...] = ()
    fulfillments: FrozenMap[str, Fulfillment] = attrs.field(factory=FrozenMap)
    works: FrozenMap[str, Work] = attrs.field(factory=FrozenMap)
    parcels: FrozenMap[str, Parcel] = attrs.field(factory=FrozenMap)
    shipments: FrozenMap[str, Shipment] = attrs.field(factory=FrozenMap)
    handovers: FrozenMap[str, Handover] = attrs.field(factory=FrozenMap)
    returns: FrozenMap[str, Return] = attrs.field(factory=FrozenMap)
    messages: FrozenMap[str, Message] = attrs.field(factory=FrozenMap)
    holds: FrozenMap[str, Hold] = attrs.field(factory=FrozenMap)
    waivers: tuple[Waiver, ...] = ()
    cases: FrozenMap[str, Case] = attrs.field(factory=FrozenMap)
    deferrals: FrozenMap[str, Deferral] = attrs.field(factory=FrozenMap)
    stray_scans: tuple[Scan, ...] = ()
    despatch_advices: FrozenMap[str, DespatchAdvice] = attrs.field(factory=FrozenMap)
    observed: Observed | None = None
    put_away: FrozenMap[str, FrozenMap[str, Decimal]] = attrs.field(factory=FrozenMap)
    flagged: tuple[Anomaly, ...] = ()
    cancellation: Cancellation | None = None
    line_cancellations: tuple[Cancellation, ...] = ()
    redirections: tuple[Redirection, ...] = ()
    proposals: FrozenMap[str, Proposal] = attrs.field(factory=FrozenMap)
    milestones: FrozenMap[str, datetime] = attrs.field(factory=FrozenMap)
    promises: FrozenMap[str, Standing] = attrs.field(factory=FrozenMap)
    amendments: int = 0
    customer_reference: str = attrs.field(default="", metadata=PERSONAL)
    rejected_for: tuple[Reason, ...] = ()
    checks: FrozenMap[str, Answer] = attrs.field(factory=FrozenMap)
    confirmation: Confirmation | None = None
    theirs: tuple[str, ...] = ()
    over_because: str = attrs.field(default="", metadata=PERSONAL)
    erased_at: datetime | None = None
    kits: FrozenMap[str, Kit] = attrs.field(factory=FrozenMap)
    unclaimed: FrozenMap[str, tuple[str, ...]] = attrs.field(factory=FrozenMap)

    def reached(self, state: str, milestone: str, at: datetime, **changes: Any) -> Order:
        """The order in another state, with the moment of a milestone kept (the last time it was reached)."""
        return self.replace(state=state, milestones=self.milestones.set(milestone, at), **changes)

    def moved(self, moves: Iterable[Move], unbilled: Mapping[str, Decimal] = _NOTHING) -> Order:
        """The order after units were moved, with what that means for what they cost.

        Units that came beyond the order are charged at the price of the newest tranche of their line, but for those
        of them that are ``unbilled``, or have no price to be charged at. Units that are cancelled, or closed short,
        are given back: those that cost nothing first, then those of the newest tranche.
        """
        moves = tuple(moves)
        order = charging.moved(self, moves, unbilled)
        return order.replace(put_away=self._to_be_put_away(moves), ledger=self.ledger.moved(moves))

    def with_lines(self, added: Iterable[tuple[Line, Decimal]]) -> Order:
        """The order with further lines beside those that were placed, all their units open."""
        added = tuple(added)
        lines = self.lines.merged({line.id: line for line, _ in added})
        moves = tuple(Move(line.id, ORDERED, OPEN, units) for line, units in added)
        return self.replace(lines=lines, ledger=self.ledger.moved(moves))

    def _to_be_put_away(self, moves: Iterable[Move]) -> FrozenMap[str, FrozenMap[str, Decimal]]:
        """What goes back on the shelf, by who has it in hand: goods that were picked, and are not wanted any more."""
        waiting = self.put_away
        for move in moves:
            kind, place = kind_of(move.source), place_of(move.source)
            if move.target in GIVEN_UP and kind in ("picked", "packed"):
                work = place if kind == "picked" else self.parcels[place].fulfillment_id
                units = waiting.get(work) or FrozenMap[str, Decimal]()
                more = EXACT.add(units.get(move.line_id, _ZERO), move.quantity)
                waiting = waiting.set(work, units.set(move.line_id, more))
        return waiting

    def quoted(self, tranches: Iterable[Tranche], kits: Iterable[Tranche] = ()) -> Order:
        """The order after units were priced; of ``kits`` that were, components that nobody wants are given back."""
        return charging.quoted(self, tranches, kits)

    def billed(self, line_id: str, units: Decimal) -> Order:
        """The order after someone chose to charge units that came beyond it and were not charged so far."""
        return charging.billed(self, line_id, units)

    def repriced(self, wanted_again: Mapping[str, Decimal]) -> Order:
        """The order after others moved units: what is not wanted is given back, what is wanted again is as before."""
        return charging.repriced(self, wanted_again)

    def refunding(self, quantities: Mapping[str, Decimal], measures: Mapping[str, Decimal] = _NOTHING) -> Order:
        """The order after units that had left were given back; those of a free line are the units that it replaces.

        ``measures`` is what they measure, by line: goods that were charged by what they measured are given back by
        that; where it is not known, by what such units measured when they left.
        """
        return charging.refunding(self, quantities, measures)

    def not_given_back(self, line_id: str) -> Decimal:
        """Units that are charged under a line, and were not given back."""
        return charging.not_given_back(self, line_id)

    def worked_out(self, what: str, on: tuple[object, ...], work_out: Callable[[Order], T]) -> T:
        """What follows from some parts of the order alone; the next order takes it over while its parts are the same.

        ``on`` are these very parts. What is worked out on several occasions, and costs more than to compare them, is
        worth it: prices, terms, what is wanted.
        """
        memory = self.__dict__.get("_worked_out")
        if memory is None:
            memory = self.__dict__["_worked_out"] = {}
        known = memory.get(what)
        if known is None or not all(map(is_, known[0], on)):
            known = memory[what] = on, work_out(self)
        made: T = known[1]
        return made

    def __repr__(self) -> str:
        return f"<Order {self.id} {self.state} v{self.version}>"

    # -- words of the trade ------------------------------------------------------------------------------------------

    @property
    def is_draft(self) -> bool:
        """Whether the order is being written and was not placed yet."""
        return "placed" not in self.milestones and not self.is_over

    @property
    def is_over(self) -> bool:
        """Whether nothing of the order will be delivered: it was cancelled or rejected."""
        return "cancelled" in self.milestones or "rejected" in self.milestones

    @property
    def is_cancelling(self) -> bool:
        """Whether a cancellation of the whole order waits for a carrier's or warehouse's word."""
        return self.cancellation is not None

    @property
    def to_be_cancelled(self) -> tuple[Move, ...]:
        """Units that are to be cancelled, once whoever has them says so: by the parcel or work that holds them."""
        return self.line_cancellations[-1].waiting if self.line_cancellations else ()

    def wished_out_of(self, account: Account) -> dict[str, Decimal]:
        """Units of one account that wait to be cancelled, by line."""
        return dict(units_by_line(move for move in self.to_be_cancelled if move.source == account))

    def redirection_of(self, place: str) -> Redirection | None:
        """The newest wish to send what is in a shipment, or in the work of a fulfiller, another way."""
        return next((one for one in reversed(self.redirections) if one.place == place), None)

    @property
    def open_proposals(self) -> tuple[Proposal, ...]:
        """The changes that someone still has to approve or decline."""
        return tuple(one for one in self.proposals.values() if one.word == "waits")

    @property
    def active_holds(self) -> tuple[Hold, ...]:
        """The holds that still block something."""
        return tuple(hold for hold in self.holds.values() if hold.released_at is None)

    @property
    def open_cases(self) -> tuple[Case, ...]:
        """The exceptions that someone still has to settle."""
        return tuple(case for case in self.cases.values() if not case.chosen)

    def holds_on(self, step: str, *subjects: str) -> Iterator[Hold]:
        """The holds that block a step of the order or of one of the subjects; a hold without a list blocks all."""
        for hold in self.holds.values():
            if (
                hold.released_at is None
                and (not hold.blocks or step in hold.blocks)
                and (not hold.scope or hold.scope in subjects)
            ):
                yield hold

    def case_about(self, about: str) -> Case | None:
        """The open exception about a request or a part of the order, if there is one."""
        for case in self.cases.values():
            if not case.chosen and case.about == about:
                return case
        return None

    @property
    def labels(self) -> frozenset[str]:
        """By what this order is found in a store, beside its state and numbers; derived, and worked out once.

        ``location:BER`` while a fulfillment there has work left or open units are held there, ``put_away:BER`` while
        goods are to go back on the shelf there, ``return:BER`` while goods are to come back there or lie at its dock,
        ``backorder:TEA-250`` while units of a product wait for stock, ``customer_reference:PO-7`` for the number that
        the customer gave it, ``ended:2026-11`` by the month in which it was over, as long as its personal data was not
        erased and no return of it is open.
        """
        known: frozenset[str] | None = self.remembered.get("labels")
        if known is None:
            known = self.remembered["labels"] = frozenset(labels.labels_of(self))
        return known

    def relabelled(self, before: Order | None) -> tuple[frozenset[str], frozenset[str]]:
        """The labels that this order has and ``before`` did not, and the other way round."""
        return labels.relabelled(self, before)

    # -- goods -------------------------------------------------------------------------------------------------------

    def live_quantity(self, line_id: str) -> Decimal:
        """Units of a line that are to reach, or have reached, the customer: neither cancelled nor closed short."""
        return self.ledger.lives.get(line_id, _ZERO)

    def work_left(self, fulfillment_id: str) -> bool:
        """Whether a fulfillment still has units to pick or to pack."""
        held = self.ledger.held
        return allocated(fulfillment_id) in held or picked(fulfillment_id) in held

    def declining(self, line_id: str) -> frozenset[str]:
        """The locations whose fulfillers would not do units of a line."""
        if not self.works:
            return frozenset()
        works = (work for work in self.works.values() if line_id in work.declined)
        return frozenset(self.fulfillments[work.fulfillment_id].location for work in works)

    def parcels_of(self, fulfillment_id: str) -> Iterator[Parcel]:
        """The parcels a fulfillment packed."""
        return (parcel for parcel in self.parcels.values() if parcel.fulfillment_id == fulfillment_id)

    def shipment_of(self, parcel_id: str) -> Shipment | None:
        """The shipment a parcel travels, or is to travel, under; shipments that came to nothing do not count."""
        for shipment in self.shipments.values():
            if parcel_id in shipment.parcel_ids and shipment.is_live:
                return shipment
        return None

    def parcels_with(self, tracking_number: str) -> tuple[Parcel, ...]:
        """The parcels that travel under a tracking number of their own; without one, a parcel's SSCC is its number."""
        return tuple(p for p in self.parcels.values() if tracking_number == self._number_of(p))

    def _number_of(self, parcel: Parcel) -> str:
        """The number of a parcel: where nothing else is known of one that has left, the one on its label."""
        if parcel.tracking_number or not parcel.sscc:
            return parcel.tracking_number
        shipment = self.shipment_of(parcel.id)
        if shipment is None or shipment.stage != "despatched":
            return ""
        return parcel.sscc if shipment.booking is None or not shipment.booking.tracking_number else ""

    @property
    def unissued(self) -> dict[str, Any]:
        """The goods issues that the inventory has not booked yet, by the shipment or handover in which goods left."""
        if not self.shipments and not self.handovers:
            return {}
        left = {s.id: s.issue for s in self.shipments.values() if s.stage == "despatched" and not s.issued}
        return left | {handover.id: handover.issue for handover in self.handovers.values() if not handover.issued}

    def has_handed_over(self, fulfillment_id: str) -> bool:
        """Whether a customer has collected anything of a fulfillment."""
        return any(handover.fulfillment_id == fulfillment_id for handover in self.handovers.values())

    def freight_of(self, shipment_id: str) -> Money | None:
        """What the carrier charges this order for a shipment: of a shared box, its part."""
        shipment = self.shipments[shipment_id]
        cost = shipment.booking.cost if shipment.booking is not None else None
        return cost if cost is None or shipment.shared is None else shipment.shared.part_of(self.id, cost)

    @property
    def tracking_numbers(self) -> tuple[str, ...]:
        """Every number under which parcels of this order travel, master numbers included."""
        return self.worked_out(
            "numbers", (self.shipments, self.parcels, self.returns, self.observed), Order._tracking_numbers
        )

    def _tracking_numbers(self) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for shipment in self.shipments.values():
            if shipment.is_live and shipment.booking is not None:
                found.update(dict.fromkeys(shipment.booking.numbers))
        for parcel in self.parcels.values():
            if number := self._number_of(parcel):
                found[number] = None
        for one in self.returns.values():
            found.update(dict.fromkeys(one.numbers))
        if self.observed is not None:
            found.update(dict.fromkeys(sorted(self.observed.numbers)))
        return tuple(found)

    @property
    def status(self) -> Status:
        """Where the units are, and one word for it: derived from the ledger, never stored."""
        kinds = self.ledger.by_kind()
        return Status(_word_for(kinds), total(self.ledger.ordered(line_id) for line_id in self.lines), kinds)

    def line_status(self, line_id: str) -> Status:
        """Where the units of one line are."""
        kinds = total_by((kind_of(account), quantity) for account, quantity in self.ledger.accounts(line_id))
        return Status(_word_for(kinds), self.ledger.ordered(line_id), kinds)

    @property
    def anomalies(self) -> tuple[Anomaly, ...]:
        """Facts that do not fit: what was flagged when it was recorded, and reports of carriers that cannot be.

        Such are reports that may not follow, about dead labels, or about parcels that never left; and what others
        say that does not fit the order as it is now.
        """
        found = list(self.flagged)
        if self.observed is not None:
            found += self.books_by_facts.anomalies
        found += [anomaly for parcel in self.parcels.values() for anomaly in parcel.tracking.anomalies]
        held, back = self.ledger.held, {place_of(m.source) for one in self.returns.values() for m in one.taken}
        for parcel in self.parcels.values():
            has_left = parcel.id in back or any(account in held for account in gone(parcel.id))
            if not parcel.tracking.has_moved or has_left or self._travels_besides(parcel):
                continue
            told = f"{parcel.id} is {parcel.tracking.status} and was not despatched"
            found.append(Anomaly("tracking.not_despatched", told, parcel.reports[-1]))
        for scan in self.stray_scans:
            found.append(Anomaly("tracking.stray", f"nothing travels under {scan.tracking_number} any more", scan))
        if not self.settlement.is_empty:
            found += self.settlement.anomalies(self.currency, self.to_collect)
        return tuple(found)

    def _travels_besides(self, parcel: Parcel) -> bool:
        """Whether facts say by now that what was reported of a parcel is about another."""
        if self.observed is None or parcel.id not in self.observed.books.parcels:
            return False
        others = (one for one in self.observed.books.parcels.values() if one.contents)
        return any(parcel.reports[-1] in one.told for one in others)

    @property
    def books_by_facts(self) -> Books:
        """What others have done with this order, by all that they have told: drawn up anew where it changed."""
        assert self.observed is not None, "nothing was observed of this order"
        on = self.observed, self.ledger, self.lines, self.parcels, self.shipments, self.milestones
        return self.worked_out("books_by_facts", on, Order._drawn_up)

    def _drawn_up(self) -> Books:
        observed = self.observed
        assert observed is not None, "nothing was observed of this order"
        numbers, own = observed.numbers, self.own_numbers
        theirs = (self.parcels[parcel_id] for parcel_id in observed.books.parcels)
        scans = tuple(scan for parcel in theirs if parcel.tracking_number in numbers for scan in parcel.scans)
        ground = ground_of(
            observed, self.lines, self.ledger, own, self.currency, self.placed_at, self._is_closed, scans
        )
        return drawn_up(observed.facts, ground)

    @property
    def own_numbers(self) -> frozenset[str]:
        """The numbers under which parcels travel, or will, that facts do not tell of: they are our own."""
        books = self.observed.books if self.observed is not None else None
        if books is None:
            return frozenset()
        parcels = (parcel for parcel in self.parcels.values() if parcel.id not in books.parcels)
        found = {number for parcel in parcels for number in (parcel.tracking_number, parcel.sscc)}
        found.update(n for one in self.shipments.values() if one.id not in books.shipments for n in one.numbers)
        return frozenset(found - {""})

    @property
    def _is_closed(self) -> bool:
        """Whether the order is over by our own doing, not only by what others told."""
        if not self.is_over or self.observed is None:
            return False
        told = self.observed.books.cancelled
        return any(self.ledger.balance(line_id, CANCELLED) > told.get(line_id, _ZERO) for line_id in self.lines)

    @property
    def is_told_of_stock(self) -> bool:
        """Whether others say by facts what is held: then nothing is claimed."""
        return self.observed is not None and "stock" in self.theirs

    def is_observed(self, part_id: str) -> bool:
        """Whether a work, parcel or shipment is one that facts tell of, and not ours to handle."""
        if self.observed is None:
            return False
        books = self.observed.books
        return part_id in books.works or part_id in books.parcels or part_id in books.shipments

    def under_observation(self, line_id: str) -> Decimal:
        """Units of a line that others have in hand, or have sent: no stock of ours is claimed for them."""
        if self.observed is None:
            return _ZERO
        books = self.observed.books
        held = (*(parcel.contents for parcel in books.parcels.values()), *books.in_hand.values())
        return total(units.get(line_id, _ZERO) for units in held)

    @property
    def moved_before_despatch(self) -> tuple[Parcel, ...]:
        """Parcels that a carrier has, by its own reports, although their departure was never recorded."""
        held = self.ledger.held
        return tuple(
            p for p in self.parcels.values() if p.is_reported and p.tracking.has_moved and packed(p.id) in held
        )

    # -- kits --------------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> tuple[Line | Kit, ...]:
        """What was ordered, row by row: lines, and kits in place of the lines of their components."""
        if not self.kits:
            return tuple(self.lines.values())
        found = (self.kit_of(line_id) or line for line_id, line in self.lines.items())
        return tuple({row.id: row for row in found}.values())

    def kit_of(self, line_id: str) -> Kit | None:
        """The kit of which a line is a component."""
        origin = self.lines[line_id].origin
        return self.kits[origin.line_id or ""] if origin.kind == "component_of" else None

    def kit_status(self, kit_id: str) -> KitStatus:
        """How many kits are where, and where the units of their components are: exact quantities."""
        waiting = {line_id: units for line_id in self.lines if (units := self.missing(line_id))}
        return kit_status(self.kits[kit_id], self.ledger, self.lines, waiting)

    def in_kits(self, quantities: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
        """Units by line, told as they were ordered: whole kits by the kit's id."""
        return in_kits(self.kits, quantities) if self.kits else quantities

    def in_components(self, quantities: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
        """Units by line, where kits are told by their ids: the other way round."""
        if self.kits.keys().isdisjoint(quantities):
            return quantities
        rows = quantities.items()
        parts = (self.kits[id].holds(units) if id in self.kits else {id: units} for id, units in rows)
        return total_by(pair for held in parts for pair in held.items())

    def name_of(self, row_id: str) -> str:
        """The product of a line or kit; of a component, with the kit that it belongs to."""
        if row_id in self.kits:
            return self.kits[row_id].sku
        kit = self.kit_of(row_id) if self.kits else None
        return f"{self.lines[row_id].sku} of {kit.sku}" if kit is not None else self.lines[row_id].sku

    # -- promises ----------------------------------------------------------------------------------------------------

    def promise_of(self, line_id: str) -> PromiseStatus | None:
        """What was promised of a line, what is believed, and what happened; ``None`` where nothing was promised."""
        return deadlines.promise_of(self, line_id)

    def has_left(self, line_id: str) -> bool:
        """Whether something of a line has left, and nothing that is wanted of it is still here."""
        return deadlines.has_left(self, line_id)

    def has_arrived(self, line_id: str) -> bool:
        """Whether everything that is wanted of a line has reached the customer; what came back had arrived.

        What the customer is to collect is there when it is ready, whenever that will be done.
        """
        return deadlines.has_arrived(self, line_id)

    def left_at(self, line_id: str) -> datetime | None:
        """When the latest parcel with units of a line left, as far as that is known."""
        return deadlines.left_at(self, line_id)

    def arrived_at(self, line_id: str) -> datetime | None:
        """When the latest parcel with units of a line arrived, as far as that is known."""
        return deadlines.arrived_at(self, line_id)

    def expected_on(self, line_id: str) -> date | None:
        """The day by which carriers believe to deliver what they have, or are to have, of a line."""
        return deadlines.expected_on(self, line_id)

    # -- terms, money ------------------------------------------------------------------------------------------------

    def terms_of(self, line_id: str) -> Terms:
        """The terms of a line: its own, and the order's for what it leaves open. Worked out once while lines stay."""
        memory = self.worked_out("terms", (self.lines, self.terms), _no_terms)
        known = memory.get(line_id)
        if known is None:
            known = memory[line_id] = self.lines[line_id].terms.over(self.terms)
        return known

    @property
    def later_lines(self) -> Mapping[str, Terms]:
        """The lines that are not wanted before a day, with their terms."""
        return self.worked_out("later_lines", (self.lines, self.terms), Order._later_lines)

    def _later_lines(self) -> Mapping[str, Terms]:
        every = ((line_id, self.terms_of(line_id)) for line_id in self.lines)
        return {line_id: terms for line_id, terms in every if terms.not_before is not None}

    def stood_in_for(self, line_id: str) -> frozenset[str]:
        """The products that a line is of, or stands in for: nothing is a substitute for itself, at whatever remove."""
        line, found = self.lines[line_id], {self.lines[line_id].sku}
        while line.origin.kind == "substitute_for" and line.origin.line_id is not None:
            line = self.lines[line.origin.line_id]
            found.add(line.sku)
        return frozenset(found)

    def method_of(self, line_id: str) -> str:
        """How a line reaches the customer: ``carrier``, ``pick_up``, ``digital`` or ``supplier``."""
        return self.lines[line_id].terms.method or self.terms.method or "carrier"

    def needs_stock(self, line_id: str) -> bool:
        """Whether a line is served from stock of ours: neither digital goods are, nor what a supplier ships."""
        return self.method_of(line_id) not in _WITHOUT_STOCK

    def wished_by(self, line_id: str) -> date | None:
        """The day by which the customer asked for a line."""
        return self.lines[line_id].terms.deliver_by or self.terms.deliver_by

    @property
    def wanted_by(self) -> date | None:
        """The latest day by which everything is to be delivered."""
        days = [day for line_id in self.lines if (day := self.wished_by(line_id)) is not None]
        return max(days, default=None)

    def unpriced(self, line_id: str) -> Decimal:
        """Units of a line, ordered and still wanted, that no quote covers yet; surplus is never asked about.

        A line that replaces what was lost costs nothing: it was paid for under the line that it replaces.
        """
        return self.unpriced_units.get(line_id, _ZERO)

    @property
    def unpriced_units(self) -> Mapping[str, Decimal]:
        """Units of each line that no quote covers yet, where there are any; see `unpriced`."""
        on = self.lines, self.tranches, self.given_back, self.unbilled, self.refunded, self.ledger.lives
        return self.worked_out("unpriced", on, Order._unpriced_by_line)

    def _unpriced_by_line(self) -> Mapping[str, Decimal]:
        return {line_id: units for line_id in self.lines if (units := self._units_unpriced(line_id))}

    def _units_unpriced(self, line_id: str) -> Decimal:
        if self.lines[line_id].is_free:
            return _ZERO
        unpriced = EXACT.subtract(self.live_quantity(line_id), charging.charged_units(self, line_id))
        return EXACT.subtract(unpriced, self.unbilled[line_id]) if line_id in self.unbilled else unpriced

    def unit_price(self, line_id: str) -> Money | None:
        """The price of a unit of a line (or of its base quantity), as it was agreed last; ``None`` before that."""
        tranches = self.tranches.get(line_id)
        return tranches[-1].unit_price if tranches else None

    def paid_line(self, line_id: str) -> str:
        """The line with which a line was paid for: itself, or the one that it replaces, at whatever remove."""
        line = self.lines[line_id]
        while line.is_free and line.origin.line_id is not None:
            line = self.lines[line.origin.line_id]
        return line.id

    @property
    def charged(self) -> Amounts:
        """What the agreed prices come to for everything ever ordered, and charged beyond it, by the order's rule."""
        return self.worked_out("charged", (self.tranches, self.rounding), Order._charged)

    def _charged(self) -> Amounts:
        tranches = (tranche for held in self.tranches.values() for tranche in held)
        return charged(tranches, self.rounding, self.currency)

    @property
    def credited(self) -> Amounts:
        """What of that is owed back for units that were cancelled or closed short."""
        if not self.given_back:
            return Amounts.none(self.currency)
        given = ((self.tranches[line_id], back) for line_id, back in self.given_back.items())
        return credited(given, self.rounding, self.currency)

    @property
    def total(self) -> Money:
        """What the customer is to pay for what is not cancelled."""
        charged = self.charged
        return (charged - self.credited).total if self.given_back else charged.total

    @property
    def totals(self) -> Totals:
        """What is to be paid, by line or kit, by discount and charge, by tax group: as documents show it."""
        lines = ((line_id, (tranches, self.given_back.get(line_id, ()))) for line_id, tranches in self.tranches.items())
        found = totals(lines, self.rounding, self.currency)
        return evolved(found, lines=as_ordered(self.kits, found.lines)) if self.kits else found

    @property
    def billed_by_others(self) -> dict[str, Decimal]:
        """Units of each line that others have billed of an order that we settle: they are not charged twice."""
        if self.observed is None or "settlement" in self.theirs:
            return {}
        return self.observed.invoiced

    @property
    def balance(self) -> Balance:
        """What was charged, credited, paid and refunded, and what is owed, either way; others' papers are not ours."""
        known: Balance | None = self.remembered.get("balance")
        if known is None:
            total, has_given_back = self.total, bool(self.given_back) or self.is_over
            billed, held = self.billed_by_others, (self.tranches, self.given_back)
            if billed:
                total = total - billed_by_others(*held, billed, self.rounding, self.currency)
            to_come = still_to_charge(self.settlement, *held, self.rounding, total, billed)
            known = balance_of(self.settlement, total, to_come, has_given_back, bool(self.settlement.charge_on))
            self.remembered["balance"] = known
        return known

    @property
    def to_collect(self) -> dict[str, Money]:
        """What carriers are to collect on delivery, by shipment: as they were told when it was booked."""
        live = (shipment for shipment in self.shipments.values() if shipment.request is not None and shipment.is_live)
        own = (shipment for shipment in live if shipment.request.shipment_id == shipment.id)
        return {shipment.id: shipment.request.collect for shipment in own if shipment.request.collect is not None}

    @property
    def is_priced(self) -> bool:
        """Whether quotes cover every unit."""
        return not self.unpriced_units

    # -- stock -------------------------------------------------------------------------------------------------------

    @property
    def claims_by_line(self) -> Mapping[str, tuple[Claim, ...]]:
        """The claims of each line that has any, in the order in which they were made."""
        return self.worked_out("claims_by_line", (self.claims,), Order._claims_by_line)

    def _claims_by_line(self) -> Mapping[str, tuple[Claim, ...]]:
        found: dict[str, tuple[Claim, ...]] = {}
        for claim in self.claims.values():
            found[claim.line_id] = (*found.get(claim.line_id, ()), claim)
        return found

    def claims_on(self, line_id: str) -> tuple[Claim, ...]:
        """The claims for the stock of a line, one a location, in the order in which they were made."""
        return self.claims_by_line.get(line_id, ())

    def claim_at(self, line_id: str, location: str) -> Claim | None:
        """The claim for a line at a location; the first one of the line where there is none at that."""
        claims = self.claims_on(line_id)
        return next((claim for claim in claims if claim.location == location), claims[0] if claims else None)

    def claim_of(self, fulfillment_id: str, line_id: str) -> Claim | None:
        """The claim under which a fulfillment's units of a line are, or were, held."""
        fulfillment = self.fulfillments.get(fulfillment_id)
        if fulfillment is None:
            return self.claim_at(line_id, "")
        named = fulfillment.claims.get(line_id)
        return self.claims[named] if named is not None else self.claim_at(line_id, fulfillment.location)

    def to_be_claimed(self, line_id: str) -> Decimal:
        """Units of a line for which stock is held, or was: those that others see to are not among them."""
        live = self.live_quantity(line_id)
        if self.observed is not None:
            live = EXACT.subtract(live, self.under_observation(line_id))
        return EXACT.subtract(live, self.left_unclaimed(line_id)) if line_id in self.unclaimed else live

    def left_unclaimed(self, line_id: str) -> Decimal:
        """Units of a line that left before stock was claimed for it: of no claim, these are counted under none."""
        sent = (self.despatched_in(parcel_id) for parcel_id in self.unclaimed.get(line_id, ()))
        return total(units.get(line_id, _ZERO) for units in sent)

    def taken(self, claim: Claim) -> Decimal:
        """Units under a claim that were given to a fulfillment, wherever they are by now."""
        if len(self.claims_on(claim.line_id)) == 1:
            return EXACT.subtract(self.to_be_claimed(claim.line_id), self.waiting(claim.line_id))
        total = _ZERO
        for account, quantity in self.ledger.accounts(claim.line_id):
            work = self._work_at(place_of(account))
            if place_of(account) in self.unclaimed.get(claim.line_id, ()):
                continue
            if work and not self.is_observed(work) and self.claim_of(work, claim.line_id) == claim:
                total = EXACT.add(total, quantity)
        return total

    def _work_at(self, place: str) -> str:
        """The fulfillment whose units are at a place: itself, that of a parcel, or of goods that were collected."""
        if place in self.parcels:
            return self.parcels[place].fulfillment_id
        return self.handovers[place].fulfillment_id if place in self.handovers else place

    def free_hold(self, claim: Claim) -> Decimal:
        """Units under a claim that can be had and that no fulfillment has been given yet."""
        return max(_ZERO, EXACT.subtract(claim.to_be_had, self.taken(claim)))

    def waiting(self, line_id: str) -> Decimal:
        """Units of a line that no location has been given yet."""
        return EXACT.add(self.ledger.balance(line_id, OPEN), self.ledger.balance(line_id, BACKORDERED))

    def missing(self, line_id: str) -> Decimal:
        """Units of a line that wait for stock: no claim that was answered has them, and nobody handles them."""
        waiting = self.waiting(line_id)
        if not waiting or not self.needs_stock(line_id):
            return _ZERO
        short = EXACT.subtract(self.to_be_claimed(line_id), total(claim.to_be_had for claim in self.claims_on(line_id)))
        return max(_ZERO, min(short, waiting))

    def group_of(self, line_id: str) -> tuple[str, ...]:
        """The lines that leave together with a line, by its terms: itself, its group, or the whole order."""
        complete = self.terms_of(line_id).complete
        if complete is None or complete == "no":
            return ()
        if complete in ("line", "order"):
            return (line_id,) if complete == "line" else tuple(self.lines)
        return tuple(other for other in self.lines if self.terms_of(other).complete == complete)

    def contents_of(self, parcel_id: str) -> dict[str, Decimal]:
        """What is still in a parcel that has not left."""
        return self.ledger.holding(packed(parcel_id))

    def sent_in(self, parcel_id: str) -> dict[str, Decimal]:
        """What left in a parcel, wherever it is now: on its way, arrived, or lost."""
        return total_by(pair for account in gone(parcel_id) for pair in self.ledger.holding(account).items())

    def despatched_in(self, parcel_id: str) -> dict[str, Decimal]:
        """What left in a parcel, that which has come back included."""
        back = (move for one in self.returns.values() for move in one.taken if place_of(move.source) == parcel_id)
        return total_by((*self.sent_in(parcel_id).items(), *units_by_line(back).items()))

    def made_good(self, parcel: Parcel) -> dict[str, Decimal]:
        """Units of a parcel that are replaced by a line that is still wanted, or that were credited."""
        units = dict(parcel.credited)
        for line_id, replacing in parcel.replacements.items():
            for replacement in replacing:
                units[line_id] = EXACT.add(units.get(line_id, _ZERO), self.live_quantity(replacement))
        return units

    def owed_for(self, parcel: Parcel) -> dict[str, Decimal]:
        """Units that left in a parcel, and were neither replaced nor credited."""
        good = self.made_good(parcel)
        left = {id: EXACT.subtract(units, good.get(id, _ZERO)) for id, units in self.sent_in(parcel.id).items()}
        left |= {id: min(units, self._still_owed(id, parcel)) for id, units in left.items() if id in self.unbilled}
        if any(one.is_claim for one in self.returns.values()):
            left = {id: min(units, self._not_made_good(id)) for id, units in left.items()}
        return {line_id: units for line_id, units in left.items() if units > 0}

    def with_customer(self, line_id: str) -> Decimal:
        """Units of a line that have left and did not come back: on their way, arrived, or lost."""
        return total(units for account, units in self.ledger.accounts(line_id) if kind_of(account) in GONE)

    def _not_made_good(self, line_id: str) -> Decimal:
        """Units of a line that have left, of which no claim, and nobody who settled a loss, has made any good."""
        left = self.with_customer(line_id)
        for parcel in self.parcels.values():
            left = EXACT.subtract(left, self.made_good(parcel).get(line_id, _ZERO))
        for known in self.returns.values():
            left = EXACT.add(EXACT.subtract(left, known.claimed(line_id)), known.settled.get(line_id, _ZERO))
        return max(_ZERO, left)

    def _still_owed(self, line_id: str, parcel: Parcel) -> Decimal:
        """Of a line of which more came than was ordered, and is charged: what is neither elsewhere nor made good."""
        owed = EXACT.subtract(self.live_quantity(line_id), self.unbilled[line_id])
        for account, units in self.ledger.accounts(line_id):
            if place_of(account) != parcel.id and kind_of(account) not in _NOT_COMING:
                owed = EXACT.subtract(owed, units)
        for other in self.parcels.values():
            if other.id != parcel.id and self.ledger.balance(line_id, lost(other.id)):
                owed = EXACT.subtract(owed, self.made_good(other).get(line_id, _ZERO))
        return max(_ZERO, owed)


_NOT_COMING = frozenset({"lost", "cancelled", "closed_short"})


def _no_terms(order: Order) -> dict[str, Terms]:
    return {}


#: The furthest account of the trade decides the word; "partly" where units are elsewhere as well.
_WORDS = (
    "open",
    "backordered",
    "allocated",
    "picked",
    "packed",
    "lost",
    "shipped",
    "delivered",
    "sent_back",
    "returning",
    "received",
    "returned",
)
#: Goods that came back and stayed are returned, whatever became of them.
_RETURNED = ("restocked", "scrapped")


def _word_for(kinds: Mapping[str, Decimal]) -> str:
    if any(map(kinds.get, _RETURNED)):
        kinds = {**kinds, "returned": _ONE}
    live = [kind for kind in _WORDS if kinds.get(kind)]
    if not live:
        return "cancelled" if kinds.get("cancelled") else "empty"
    furthest = live[-1]
    return furthest if len(live) == 1 else f"partly {furthest}"
