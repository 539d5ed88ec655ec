"""Despatch advice: what others sent, and what that means for the order.

A fulfiller, a supplier or the ERP says afterwards what has left: which units in which parcels, under
which tracking numbers. That is an observation: it happened, so it is never refused for the state of the order or for a
quantity. Its units are taken from wherever the ledger still has them: out of the very parcel that is named by its
tracking number or SSCC, then at the location that is named before others, the furthest along first: packed, picked,
allocated, open, backordered. What the ledger does not have is *surplus*: within the line's tolerance that is nothing to
speak of, beyond it it is flagged, not charged, and a case for someone to decide. Goods that left although the order was
cancelled are such a surplus as well.

The parcels, their shipment and the goods issue are ours from then on: they are tracked and told to the inventory like
any other. An advice is known by its source and document number, and the same one again changes nothing. Nor does one
that tells of parcels, by their numbers, that we have despatched ourselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orderflow.consignment import as_dimensions
from orderflow.errors import InvalidInput, Violation
from orderflow.ledger import (
    BACKORDERED,
    GONE,
    OPEN,
    SURPLUS,
    Account,
    Move,
    allocated,
    kind_of,
    packed,
    picked,
    place_of,
    shipped,
)
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Booking, Case, DespatchAdvice, Fulfillment, Goods, Order, Parcel, Shipment
from orderflow.policy import Policy
from orderflow.ports import IssueLine, IssueStock
from orderflow.stages.exceptions import raised
from orderflow.stages.picking import OrderInFulfillment, as_goods, totals
from orderflow.stages.shipping import FulfillmentDespatched
from orderflow.stages.stage import Decision, Stage, next_id, order_exists, order_was_placed
from orderflow.stages.stock import claim_key
from orderflow.stages.tolerance import over_room
from orderflow.tracking import Anomaly
from orderflow.values.address import Address
from orderflow.values.checked import checked, evolved, optional, tuple_of, value
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_line, as_reference, as_sscc
from orderflow.values.numbers import EXACT, ZERO, as_positive, plain, total_by
from orderflow.values.record import record
from orderflow.values.times import as_instant

__all__ = [
    "STAGE",
    "DespatchRecorded",
    "DespatchedParcel",
    "FactFlagged",
    "RecordDespatch",
    "SentParcel",
    "SurplusCharged",
]

_OPTIONS = ("charge", "customer_keeps", "collect")
#: The case of a despatch that went beyond the order, and its options.
CASES: FrozenMap[str, tuple[str, ...]] = FrozenMap({"despatch.beyond_tolerance": _OPTIONS})
_line = as_line(128)


@value
class DespatchedParcel:
    """A parcel as somebody else says that it left: its goods, and how the carrier knows it."""

    contents: tuple[Goods, ...] = checked(tuple_of(as_goods, at_least=1))
    tracking_number: str = checked(_line, default="")
    sscc: str = checked(as_sscc, default="")
    weight_kg: Decimal | None = checked(optional(as_positive), default=None)
    dimensions_cm: tuple[Decimal, Decimal, Decimal] | None = checked(optional(as_dimensions), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            contents: Iterable[Goods | tuple[str, Decimal | int | str]],
            tracking_number: str = "",
            sscc: str = "",
            weight_kg: Decimal | int | str | None = None,
            dimensions_cm: tuple[Decimal | int | str, Decimal | int | str, Decimal | int | str] | None = None,
        ) -> None: ...


def _as_parcel(raw: Any) -> DespatchedParcel:
    if not isinstance(raw, DespatchedParcel):
        told = f"must be a DespatchedParcel, not {type(raw).__name__}"
        raise InvalidInput.because("despatch.not_a_parcel", told)
    return raw


@command("record_despatch")
class RecordDespatch(Command):
    """Somebody else sent goods of this order, and says so in a document of theirs.

    ``source`` and ``document`` name the advice: the same one is recorded once. ``occurred_at`` is when the goods left;
    without it, they left now. ``tracking_number`` is the number of the whole shipment, where there is one.
    """

    order_id: str = checked(as_id)
    source: str = checked(as_id)
    document: str = checked(as_reference)
    parcels: tuple[DespatchedParcel, ...] = checked(tuple_of(_as_parcel, at_least=1))
    carrier: str = checked(_line, default="")
    service: str = checked(_line, default="")
    tracking_number: str = checked(_line, default="")
    location: str = checked(_line, default="")
    occurred_at: datetime | None = checked(optional(as_instant), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            order_id: str,
            source: str,
            document: str,
            parcels: Iterable[DespatchedParcel],
            carrier: str = "",
            service: str = "",
            tracking_number: str = "",
            location: str = "",
            occurred_at: datetime | None = None,
        ) -> None: ...

    @property
    def key(self) -> str:
        """What the advice is known by."""
        return f"{self.source}/{self.document}"

    @property
    def goods(self) -> tuple[Goods, ...]:
        """Everything that left."""
        return tuple(goods for parcel in self.parcels for goods in parcel.contents)

    @property
    def numbers(self) -> tuple[str, ...]:
        """Every number that a carrier may report under, the master's first."""
        found = (self.tracking_number, *(parcel.tracking_number for parcel in self.parcels))
        return tuple(dict.fromkeys(filter(None, found)))


@record
class SentParcel:
    """A parcel as it is recorded: one of ours that was known by its number, or a new one."""

    parcel_id: str
    fulfillment_id: str
    state: str
    contents: tuple[Goods, ...]
    tracking_number: str = ""
    sscc: str = ""
    weight_kg: Decimal | None = None
    dimensions_cm: tuple[Decimal, Decimal, Decimal] | None = None


@event("despatch_recorded")
class DespatchRecorded(Event):
    """Goods left that somebody else sent. ``beyond`` counts what nobody has agreed to pay for."""

    source: str
    document: str
    shipment_id: str
    parcels: tuple[SentParcel, ...]
    moves: tuple[Move, ...]
    issue: IssueStock
    despatched_at: datetime
    booking: Booking
    fulfillments: FrozenMap[str, str]
    location: str = ""
    ship_to: Address | None = None
    numbers: tuple[str, ...] = ()
    beyond: FrozenMap[str, Decimal] = FrozenMap()
    anomalies: tuple[Anomaly, ...] = ()

    def apply(self, order: Order) -> Order:
        """The parcels are on their way, and the advice is known."""
        goods = tuple(goods for sent in self.parcels for goods in sent.contents)
        advice = DespatchAdvice(
            self.source, self.document, self.shipment_id, FrozenMap(totals(goods)), self.numbers, self.beyond
        )
        told = order.replace(
            fulfillments=order.fulfillments.merged(dict(self._worked(order))),
            parcels=order.parcels.merged({sent.parcel_id: self._left(order, sent) for sent in self.parcels}),
            shipments=order.shipments.merged(dict(self._travelling(order))),
            despatch_advices=order.despatch_advices.set(f"{self.source}/{self.document}", advice),
            flagged=(*order.flagged, *self.anomalies),
            unclaimed=self._unclaimed(order),
        )
        return told.moved(self.moves, self.beyond)

    def _unclaimed(self, order: Order) -> FrozenMap[str, tuple[str, ...]]:
        """Of the lines for which no stock was claimed so far, the parcels in which units of them left."""
        known = order.unclaimed
        for sent in self.parcels:
            for line_id in totals(sent.contents):
                if not order.claims_on(line_id) and order.needs_stock(line_id):
                    known = known.set(line_id, (*known.get(line_id, ()), sent.parcel_id))
        return known

    def _worked(self, order: Order) -> Iterable[tuple[str, Fulfillment]]:
        """The fulfillments concerned; one that nobody had planned has done just this."""
        for fulfillment_id, state in self.fulfillments.items():
            known = order.fulfillments.get(fulfillment_id)
            if known is None:
                sent = (goods for one in self.parcels if one.fulfillment_id == fulfillment_id for goods in one.contents)
                known = Fulfillment(fulfillment_id, self.location, state, FrozenMap(totals(sent)))
            yield fulfillment_id, known.replace(state=state, claims=self._claims(order, known))

    def _claims(self, order: Order, work: Fulfillment) -> FrozenMap[str, str]:
        """Under which claims the units of a fulfillment were held, those included that nobody had planned there."""
        claims = dict(work.claims)
        for sent in self.parcels:
            for goods in sent.contents if sent.fulfillment_id == work.id else ():
                claim = order.claim_at(goods.line_id, work.location)
                if claim is not None:
                    claims.setdefault(goods.line_id, claim.id)
        return FrozenMap(claims)

    def _left(self, order: Order, sent: SentParcel) -> Parcel:
        known = order.parcels.get(sent.parcel_id) or Parcel(sent.parcel_id, sent.fulfillment_id, sent.state, ())
        return known.replace(
            state=sent.state,
            contents=sent.contents,
            tracking_number=sent.tracking_number or known.tracking_number,
            sscc=sent.sscc or known.sscc,
            weight_kg=sent.weight_kg or known.weight_kg,
            dimensions_cm=sent.dimensions_cm or known.dimensions_cm,
            of_other_works=self._of_other_works(order, sent) if order.works else known.of_other_works,
        )

    def _of_other_works(self, order: Order, sent: SentParcel) -> FrozenMap[str, FrozenMap[str, Decimal]]:
        """The units that went into a parcel from works other than its own."""
        found: dict[str, dict[str, Decimal]] = {}
        for move in self.moves:
            place = place_of(move.source)
            work = order.parcels[place].fulfillment_id if place in order.parcels else place
            if move.target == shipped(sent.parcel_id) and work in order.works and work != sent.fulfillment_id:
                units = found.setdefault(work, {})
                units[move.line_id] = EXACT.add(units.get(move.line_id, ZERO), move.quantity)
        return FrozenMap({work: FrozenMap(units) for work, units in found.items()})

    def _travelling(self, order: Order) -> Iterable[tuple[str, Shipment]]:
        """The shipment that left; parcels of ours that left with it travel under no other any more."""
        parcel_ids = tuple(sent.parcel_id for sent in self.parcels)
        for shipment in order.shipments.values():
            if shipment.id != self.shipment_id and not set(shipment.parcel_ids).isdisjoint(parcel_ids):
                left = tuple(parcel_id for parcel_id in shipment.parcel_ids if parcel_id not in parcel_ids)
                yield shipment.id, shipment.replace(parcel_ids=left)
        shipment = order.shipments.get(self.shipment_id) or Shipment(
            self.shipment_id,
            parcel_ids,
            self.location,
            self.ship_to,
            self.booking.carrier,
            self.booking.service,
            booking=self.booking,
        )
        numbers = tuple(dict.fromkeys((*shipment.numbers, *self.numbers)))
        yield (
            shipment.id,
            shipment.replace(
                stage="despatched",
                despatched_at=self.despatched_at,
                issue=self.issue,
                issued=not self.issue.lines,
                numbers=numbers,
            ),
        )


@event("fact_flagged")
class FactFlagged(Event):
    """Something was told that does not fit what is known; nothing else follows from it."""

    anomaly: Anomaly

    def apply(self, order: Order) -> Order:
        """It is kept, for someone to look at."""
        return order.replace(flagged=(*order.flagged, self.anomaly))


@event("surplus_charged")
class SurplusCharged(Event):
    """Someone decided that units beyond the order and its tolerance are to be paid for."""

    quantities: FrozenMap[str, Decimal]

    def apply(self, order: Order) -> Order:
        """They are billed like any other surplus."""
        for line_id, units in self.quantities.items():
            order = order.billed(line_id, units)
        return order


# -- rules ----------------------------------------------------------------------------------------------------------


def the_goods_are_of_this_order(order: Order, command: RecordDespatch, policy: Policy) -> Iterable[Violation]:
    """An advice speaks of lines that there are."""
    for number, parcel in enumerate(command.parcels):
        for index, goods in enumerate(parcel.contents):
            if goods.line_id not in order.lines:
                path = f"parcels[{number}].contents[{index}].line_id"
                yield Violation("despatch.unknown_line", f"there is no line {goods.line_id!r}", path)


# -- where the units come from --------------------------------------------------------------------------------------


class _Taking:
    """Takes units for one advice, the furthest along first, and notes what does not fit."""

    def __init__(self, order: Order, command: RecordDespatch) -> None:
        self.order, self.command = order, command
        self.left = {line_id: dict(order.ledger.accounts(line_id)) for line_id in totals(command.goods)}
        self.moves: list[Move] = []
        self.known: set[str] = set()

    def fill(self, parcel_id: str, contents: Iterable[Goods], known: Parcel | None) -> None:
        """Take what is in one parcel; what stays behind of a parcel of ours is on the packing table again."""
        for line_id, quantity in totals(contents).items():
            wanted = quantity
            for account in self._sources(known):
                wanted = EXACT.subtract(wanted, self._take(line_id, account, wanted, shipped(parcel_id)))
                if not wanted:
                    break
            else:
                self.moves.append(Move(line_id, SURPLUS, shipped(parcel_id), wanted))
        if known is not None:
            self.known.add(known.id)
            for line_id, held in self.order.contents_of(known.id).items():
                self.left.setdefault(line_id, dict(self.order.ledger.accounts(line_id)))
                self._take(line_id, packed(known.id), held, picked(known.fulfillment_id))

    def _take(self, line_id: str, account: Account, wanted: Decimal, target: Account) -> Decimal:
        taken = min(wanted, self.left[line_id].get(account, ZERO))
        if taken > 0:
            self.left[line_id][account] = EXACT.subtract(self.left[line_id][account], taken)
            self.moves.append(Move(line_id, account, target, taken))
        return taken

    def _sources(self, known: Parcel | None) -> Iterable[Account]:
        order, here = self.order, self.command.location
        if known is not None:
            yield packed(known.id)
        parcels = sorted(order.parcels.values(), key=lambda p: order.fulfillments[p.fulfillment_id].location != here)
        for is_here in (True, False):
            works = [work.id for work in order.fulfillments.values() if (work.location == here) == is_here]
            loose = (p.id for p in parcels if p.fulfillment_id in works and order.shipment_of(p.id) is None)
            yield from map(packed, loose)
            yield from map(picked, works)
            yield from map(allocated, works)
        yield from (OPEN, BACKORDERED)
        yield from (packed(parcel.id) for parcel in parcels if order.shipment_of(parcel.id) is not None)

    @property
    def raided(self) -> tuple[str, ...]:
        """Parcels that are booked under another number, and whose goods have left."""
        places = dict.fromkeys(place_of(move.source) for move in self.moves if kind_of(move.source) == "packed")
        known = {place_of(move.target) for move in self.moves} | self.known
        return tuple(p for p in places if p not in known and self.order.shipment_of(p) is not None)

    @property
    def surplus(self) -> dict[str, Decimal]:
        """Units that the ledger did not have."""
        return total_by((move.line_id, move.quantity) for move in self.moves if move.source == SURPLUS)

    def worked(self, parcel_id: str) -> str | None:
        """The fulfillment that most likely packed a parcel: one of where it left, or the one its units came from."""
        sources = [
            self.order.parcels[place].fulfillment_id if place in self.order.parcels else place
            for move in self.moves
            if move.target == shipped(parcel_id) and (place := place_of(move.source))
        ]
        here = [work.id for work in self.order.fulfillments.values() if work.location == self.command.location]
        return next(iter([*(work for work in sources if work in here), *reversed(here), *sources]), None)


# -- decisions ------------------------------------------------------------------------------------------------------


def _record(order: Order, command: RecordDespatch, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    news = tuple(told for told in command.parcels if not _is_known_to_have_left(order, told))
    if not news:
        return
    command, known = evolved(command, parcels=news), order.despatch_advices.get(command.key)
    if known is not None:
        yield from _told_again(order, known, command, envelope.at)
        return
    recorded = _recorded(order, command, policy, envelope.at)
    yield recorded
    if recorded.beyond:
        told = "; ".join(a.message for a in recorded.anomalies if a.code == "despatch.beyond_tolerance")
        yield from raised(order, "despatch.beyond_tolerance", recorded.shipment_id, told, _OPTIONS, envelope.at)


def _is_known_to_have_left(order: Order, told: DespatchedParcel) -> bool:
    """Whether a parcel is one that left here by a despatch of ours: the same number, and the same units."""
    by_others = {advice.shipment_id for advice in order.despatch_advices.values()}
    for parcel in order.parcels.values():
        if (told.sscc and told.sscc == parcel.sscc) or _is_known_as(order, parcel, told.tracking_number):
            shipment = order.shipment_of(parcel.id)
            is_ours = shipment is not None and shipment.id not in by_others
            if is_ours and order.despatched_in(parcel.id) == totals(told.contents):
                return True
    return False


def _told_again(order: Order, known: DespatchAdvice, command: RecordDespatch, at: datetime) -> Iterable[Event]:
    """The same advice changes nothing; one that says something else under the same number is flagged, once."""
    units = totals(command.goods)
    if units == dict(known.units) and command.numbers == known.numbers:
        return
    first, second = (_units_text(order, told) for told in (known.units, units))
    told = f"{command.source} {command.document} told {first} before, and {second} now"
    anomaly = Anomaly("despatch.contradicted", told, None, known.shipment_id)
    if anomaly not in order.flagged:
        yield FactFlagged(at, anomaly)


def _recorded(order: Order, command: RecordDespatch, policy: Policy, at: datetime) -> DespatchRecorded:
    taking, chosen = _Taking(order, command), _our_parcels(order, command)
    numbers = iter(range(len(order.parcels) + 1, len(order.parcels) + len(command.parcels) + 1))
    ids = [parcel.id if parcel is not None else f"P{next(numbers)}" for parcel in chosen]
    for parcel_id, told, ours in zip(ids, command.parcels, chosen, strict=True):
        taking.fill(parcel_id, told.contents, ours)
    new = next_id("F", order.fulfillments)
    works = [ours.fulfillment_id if ours else taking.worked(id_) or new for id_, ours in zip(ids, chosen, strict=True)]
    shipment_id = _shipment_of(order, ids) or next_id("S", order.shipments)
    location = command.location or (order.fulfillments[works[0]].location if works[0] != new else "")
    beyond = _beyond(order, taking.surplus)
    return DespatchRecorded(
        at,
        command.source,
        command.document,
        shipment_id,
        tuple(
            _sent(order, parcel_id, work, told, ours, policy)
            for parcel_id, work, told, ours in zip(ids, works, command.parcels, chosen, strict=True)
        ),
        tuple(taking.moves),
        _issue(order, shipment_id, location, _by_claim(order, command, works, location)),
        command.occurred_at or at,
        Booking(command.document, command.carrier, command.service, command.tracking_number),
        FrozenMap({work: _work_state(order, work, taking, policy) for work in works}),
        location,
        order.terms_of(command.goods[0].line_id).ship_to or order.ship_to,
        command.numbers,
        beyond,
        tuple(_flags(order, shipment_id, taking, beyond)),
    )


def _our_parcels(order: Order, command: RecordDespatch) -> list[Parcel | None]:
    """For each parcel of the advice the one of ours that it is, by its SSCC or tracking number, if it is still here."""
    found: list[Parcel | None] = []
    for told in command.parcels:
        ours = (
            parcel
            for parcel in order.parcels.values()
            if parcel not in found
            and order.ledger.holds_any(packed(parcel.id))
            and ((told.sscc and told.sscc == parcel.sscc) or _is_known_as(order, parcel, told.tracking_number))
        )
        found.append(next(ours, None))
    return found


def _is_known_as(order: Order, parcel: Parcel, number: str) -> bool:
    return bool(number) and number == parcel.tracking_number


def _shipment_of(order: Order, parcel_ids: list[str]) -> str | None:
    """The booked shipment of which every parcel has left, and no other with them."""
    shipment = order.shipment_of(parcel_ids[0]) if parcel_ids[0] in order.parcels else None
    is_whole = shipment is not None and set(shipment.parcel_ids) == set(parcel_ids)
    return shipment.id if shipment is not None and shipment.stage in ("booked", "void_wanted") and is_whole else None


def _sent(
    order: Order, parcel_id: str, work: str, told: DespatchedParcel, ours: Parcel | None, policy: Policy
) -> SentParcel:
    parcel = ours or Parcel(parcel_id, work, policy.lifecycles.parcel.initial, told.contents)
    states = (policy.parcel_step(order, parcel, step) for step in ("despatch", "record_despatch"))
    return SentParcel(
        parcel_id,
        work,
        next((state for state in states if state is not None), parcel.state),
        told.contents,
        told.tracking_number,
        told.sscc,
        told.weight_kg,
        told.dimensions_cm,
    )


def _work_state(order: Order, fulfillment_id: str, taking: _Taking, policy: Policy) -> str:
    """The state of a fulfillment after this: what stayed behind of a parcel is to be packed anew."""
    known = order.fulfillments.get(fulfillment_id)
    if known is None:
        known = Fulfillment(fulfillment_id, taking.command.location, policy.lifecycles.fulfillment.initial, FrozenMap())
        return policy.fulfillment_step(order, known, "record_despatch") or known.state
    if any(move.target == picked(fulfillment_id) for move in taking.moves):
        return policy.fulfillment_step(order, known, "unpack") or known.state
    return known.state


def _by_claim(
    order: Order, command: RecordDespatch, works: list[str], location: str
) -> dict[tuple[str, str], tuple[str, Decimal]]:
    """Units by line and claim, and where they left: at the location that is named, or else where they were held."""
    found: dict[tuple[str, str], tuple[str, Decimal]] = {}
    for told, work in zip(command.parcels, works, strict=True):
        known = order.fulfillments.get(work)
        where = command.location or (known.location if known is not None else location)
        for line_id, quantity in totals(told.contents).items():
            if order.needs_stock(line_id):
                claim = order.claim_at(line_id, where)
                key = line_id, claim.id if claim is not None else ""
                found[key] = where, EXACT.add(found.get(key, ("", ZERO))[1], quantity)
    return found


def _issue(
    order: Order, shipment_id: str, location: str, units: Mapping[tuple[str, str], tuple[str, Decimal]]
) -> IssueStock:
    """What the inventory is to be told, frozen now: nothing of goods that were not ours.

    Goods that left several locations are booked out where each claim holds them.
    """
    lines = []
    for (line_id, claim_id), (_, quantity) in units.items():
        line = order.lines[line_id]
        lines.append(IssueLine(claim_key(order, claim_id) if claim_id else "", line.sku, line.unit, quantity))
    places = {where for where, _ in units.values()}
    request_id = f"issue/{shipment_id}"
    key = f"{order.tenant}/{order.id}/{request_id}"
    return IssueStock(order.id, request_id, key, "" if len(places) > 1 else location, tuple(lines))


def _beyond(order: Order, surplus: Mapping[str, Decimal]) -> FrozenMap[str, Decimal]:
    """Of the surplus, what the lines' tolerances have no room for."""
    found = {line_id: EXACT.subtract(units, over_room(order, line_id)) for line_id, units in surplus.items()}
    return FrozenMap({line_id: units for line_id, units in found.items() if units > 0})


def _flags(order: Order, shipment_id: str, taking: _Taking, beyond: Mapping[str, Decimal]) -> Iterable[Anomaly]:
    """What about this despatch does not fit."""
    source = taking.command.source
    for line_id, units in beyond.items():
        line, surplus = order.lines[line_id], taking.surplus[line_id]
        within = f", {plain(units)} of them beyond its {plain(line.tolerance.over)} %" if surplus != units else ""
        told = f"{source} sent {plain(surplus)} × {line.sku} ({line_id}) more than was to be sent{within}"
        yield Anomaly("despatch.beyond_tolerance", told, None, shipment_id)
    for milestone in ("cancelled", "rejected"):
        if milestone in order.milestones:
            told = f"{source} sent goods although the order is {milestone}"
            yield Anomaly("despatch.order_is_over", told, None, shipment_id)
    if "verified" not in order.milestones and not {"cancelled", "rejected"} & set(order.milestones):
        yield Anomaly("despatch.not_verified", f"{source} sent goods of an unverified order", None, shipment_id)
    if any(order.holds_on("despatch")):
        yield Anomaly("despatch.on_hold", f"{source} sent goods although the order is on hold", None, shipment_id)
    if taking.raided:
        told = f"{source} sent under another number what was booked in {', '.join(taking.raided)}"
        yield Anomaly("despatch.other_number", told, None, shipment_id)


def _units_text(order: Order, units: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{plain(quantity)} × {order.lines[line_id].sku}" for line_id, quantity in units.items())


# -- what follows ---------------------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    if not order.despatch_advices:
        return
    if "in_fulfillment" not in order.milestones:
        entered = policy.order_step(order, "start_fulfillment")
        if entered is not None:
            yield OrderInFulfillment(at, entered)
    yield from _works_that_others_finished(order, policy, at)


def _works_that_others_finished(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """A location of which everything has left has nothing to do, whether or not it began here."""
    for work in order.fulfillments.values():
        parcels = tuple(order.parcels_of(work.id))
        has_left = any(_has_units(order, parcel.id, *GONE) for parcel in parcels)
        if not has_left or order.work_left(work.id) or any(_has_units(order, p.id, "packed") for p in parcels):
            continue
        state = policy.fulfillment_step(order, work, "record_despatch")
        if state is not None:
            yield FulfillmentDespatched(at, work.id, state)


def _has_units(order: Order, parcel_id: str, *kinds: str) -> bool:
    return any(order.ledger.holds_any(Account(f"{kind}:{parcel_id}")) for kind in kinds)


def _charge(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """What came beyond the tolerance is to be paid for."""
    owed: dict[str, Decimal] = {}
    for advice in order.despatch_advices.values():
        if advice.shipment_id == case.about:
            for line_id, units in advice.beyond.items():
                owed[line_id] = min(units, order.unbilled.get(line_id, ZERO))
    charged = FrozenMap({line_id: units for line_id, units in owed.items() if units and order.tranches.get(line_id)})
    if charged:
        yield SurplusCharged(at, charged)


def _looks_at(order: Order) -> tuple[str, ...]:
    """Where nobody else has sent anything there is nothing to follow."""
    if not order.despatch_advices:
        return ("despatch_advices",)
    return ("despatch_advices", "state", "milestones", "ledger", "fulfillments", "parcels", "shipments", "cancellation")


STAGE = Stage(
    name="advices",
    commands=(RecordDespatch,),
    events=(DespatchRecorded, FactFlagged, SurplusCharged),
    decisions=(
        Decision(
            RecordDespatch,
            tiers=((order_exists, order_was_placed), (the_goods_are_of_this_order,)),
            events=_record,
        ),
    ),
    follow=_follow,
    settles=FrozenMap({("despatch.beyond_tolerance", "charge"): _charge}),
    looks_at=_looks_at,
)
