"""Sourcing: which location does which part of the work.

Two questions. *Where from?* What a location does not have is sought at the others: their levels are asked for, and a
strategy (``Policy.sourcing``) filters and ranks the locations and divides among them what is missing; each is asked to
hold its share. A look at levels decides nothing: what is not held after all is sought again, without the locations that
refused, a bounded number of times. *Who does the work?* What is held for us and not yet given to anyone is split
by a strategy (``Policy.plan``) into *fulfillments*, each the work of one location.

What leaves together (`Terms.complete`) is given to locations when all of it is held, and what is not wanted before a
day when that day comes. A fulfillment that has lost all its units (by a cancellation, by an expired reservation) is
withdrawn by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

import attrs

from orderflow.errors import Violation
from orderflow.ledger import BACKORDERED, OPEN, Move, allocated, delivered, lost, packed, shipped
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Claim, Fulfillment, Order, Search
from orderflow.policy import Allocation, Available, Policy
from orderflow.ports import Levels, QueryLevels, Refused, Reply
from orderflow.sources import Need, Share, Source
from orderflow.stages.exceptions import impossible_reply
from orderflow.stages.payment import to_be_paid_first, work_waits_for_payment
from orderflow.stages.stage import Decision, Stage, Wait, Wanted, nothing_holds, order_exists, order_not_cancelling
from orderflow.stages.stock import ClaimWanted, has_come, put, sought_again, wanting_less
from orderflow.values.checked import checked, evolved, optional
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_reference
from orderflow.values.numbers import EXACT, ZERO, plain, total, total_by
from orderflow.values.times import instant_of

__all__ = [
    "STAGE",
    "FulfillmentPlanned",
    "FulfillmentWithdrawn",
    "LinesReleased",
    "PlanFulfillment",
    "Reroute",
    "SearchEnded",
    "StockArrived",
    "WorkRerouted",
]


@command("plan_fulfillment")
class PlanFulfillment(Command):
    """Divide what is held among locations. By default this happens by itself once the order is verified."""

    order_id: str = checked(as_id)


@command("reroute")
class Reroute(Command):
    """Take what has not been picked away from a location, to another one or wherever it can be had.

    Name a fulfillment, or a location that goes dark: then whatever is planned or held there is meant.
    """

    order_id: str = checked(as_id)
    fulfillment_id: str | None = checked(optional(as_id), default=None)
    location: str | None = checked(optional(as_reference), default=None)
    to: str | None = checked(optional(as_reference), default=None)


@command("stock_arrived")
class StockArrived(Command):
    """Goods have come in: ask again for what the order waits for, of one product or of all, at one location or all."""

    order_id: str = checked(as_id)
    sku: str | None = checked(optional(as_reference), default=None)
    location: str | None = checked(optional(as_reference), default=None)


@event("search_ended")
class SearchEnded(Event):
    """The levels of all locations are known; for the lines named as exhausted there is nowhere left to ask."""

    line_ids: tuple[str, ...]
    exhausted: tuple[str, ...] = ()

    def apply(self, order: Order) -> Order:
        """Nothing is asked about these lines now."""
        searches = dict(order.searches)
        for line_id in self.line_ids:
            search = searches[line_id]
            searches[line_id] = evolved(
                search, asking=False, exhausted=search.exhausted or line_id in self.exhausted, preferred=""
            )
        return order.replace(searches=FrozenMap(searches))


@event("work_rerouted")
class WorkRerouted(Event):
    """A location is not to send these units: they are open again, and not to be had there, by claim."""

    location: str
    moves: tuple[Move, ...]
    missed: FrozenMap[str, Decimal]
    to: str = ""

    def apply(self, order: Order) -> Order:
        """They are sought elsewhere."""
        claims, searches = dict(order.claims), dict(order.searches)
        for claim_id, units in self.missed.items():
            claim = claims[claim_id]
            claims[claim_id] = claim.replace(missed=EXACT.add(claim.missed, units))
            known = searches.get(claim.line_id, Search())
            refused = tuple(dict.fromkeys((*known.refused, self.location)))
            searches[claim.line_id] = Search(0, refused, known.asking, False, self.to, known.number)
        ledger = order.ledger.moved(self.moves)
        return order.replace(ledger=ledger, claims=FrozenMap(claims), searches=FrozenMap(searches))


@event("lines_released")
class LinesReleased(Event):
    """The day before which lines were not wanted has come."""

    line_ids: tuple[str, ...]

    def apply(self, order: Order) -> Order:
        """They may be given to the warehouse."""
        return order.replace(released=(*order.released, *self.line_ids))


@event("fulfillment_planned")
class FulfillmentPlanned(Event):
    """A location was given work."""

    fulfillment_id: str
    location: str
    quantities: FrozenMap[str, Decimal]
    state: str
    claims: FrozenMap[str, str] = attrs.field(factory=FrozenMap)

    def apply(self, order: Order) -> Order:
        """The units are allocated to the fulfillment."""
        account = allocated(self.fulfillment_id)
        moves = (Move(line_id, OPEN, account, quantity) for line_id, quantity in self.quantities.items())
        fulfillment = Fulfillment(self.fulfillment_id, self.location, self.state, self.quantities, self.claims)
        return order.replace(
            ledger=order.ledger.moved(moves),
            fulfillments=order.fulfillments.set(self.fulfillment_id, fulfillment),
        )


@event("fulfillment_withdrawn")
class FulfillmentWithdrawn(Event):
    """A location has nothing left to do for this order."""

    fulfillment_id: str
    state: str

    def apply(self, order: Order) -> Order:
        """The fulfillment is over without having been despatched."""
        fulfillment = order.fulfillments[self.fulfillment_id].replace(state=self.state)
        return order.replace(fulfillments=order.fulfillments.set(self.fulfillment_id, fulfillment))


def available(order: Order) -> tuple[Available, ...]:
    """What is held, priced, not yet given to anyone, and may be."""
    if OPEN not in order.ledger.held:
        return ()
    found = total_by(((claim.line_id, claim.location), units) for claim, units in _free_units(order))
    held = (Available(line_id, units, location) for (line_id, location), units in found.items())
    return (*held, *_at_suppliers(order))


def _at_suppliers(order: Order) -> Iterable[Available]:
    """What suppliers ship from their own stock: priced, and not yet given to anyone."""
    for line_id, quantity in order.ledger.held.get(OPEN, {}).items():
        supplier = order.terms_of(line_id).supplier or "supplier"
        if order.method_of(line_id) != "supplier" or supplier in order.declining(line_id):
            continue
        if not order.unpriced(line_id) and _may_be_planned(order, line_id):
            yield Available(line_id, quantity, supplier)


def _free_units(order: Order) -> Iterable[tuple[Claim, Decimal]]:
    """Open units that may be planned, by the claim under which they are held."""
    for line_id, open_units in order.ledger.holding(OPEN).items():
        if order.unpriced(line_id) or not _may_be_planned(order, line_id):
            continue
        for claim in order.claims_on(line_id):
            units = min(open_units, order.free_hold(claim)) if claim.is_settled else ZERO
            if units > 0:
                yield claim, units
                open_units = EXACT.subtract(open_units, units)


def _may_be_planned(order: Order, line_id: str) -> bool:
    """Whether the day of a line has come, and all that is to leave with it is held and wanted as well."""
    if not has_come(order, line_id):
        return False
    return not any(
        order.missing(other)
        or order.ledger.balance(other, BACKORDERED)
        or not _is_confirmed(order, other)
        or (order.waiting(other) and not has_come(order, other))
        for other in order.group_of(line_id)
        if order.live_quantity(other)
    )


def _is_confirmed(order: Order, line_id: str) -> bool:
    return all(claim.is_settled for claim in order.claims_on(line_id))


# -- rules ----------------------------------------------------------------------------------------------------------


def the_order_is_verified(order: Order, command: PlanFulfillment, policy: Policy) -> Iterable[Violation]:
    """Work is planned after verification."""
    if "verified" not in order.milestones:
        yield Violation("sourcing.not_verified", f"the order is {order.state}, not verified")


def something_is_there_to_plan(order: Order, command: PlanFulfillment, policy: Policy) -> Iterable[Violation]:
    """There are units that are held and not allocated."""
    if not available(order):
        yield Violation("sourcing.nothing_to_plan", "no units are held that wait for a location")


def something_is_there_to_reroute(order: Order, command: Reroute, policy: Policy) -> Iterable[Violation]:
    """Units that nobody has picked are planned, or held, where they are not to be."""
    if not _unpicked(order, command)[1]:
        told = f"nothing that could be sent from elsewhere waits at {_named(command)}"
        yield Violation("sourcing.nothing_to_reroute", told, "fulfillment_id" if command.fulfillment_id else "location")


def one_place_is_named(order: Order | None, command: Reroute, policy: Policy) -> Iterable[Violation]:
    """Either a fulfillment or a location is named, and another one than it is to go to."""
    if (command.fulfillment_id is None) == (command.location is None):
        yield Violation("sourcing.name_one", "name a fulfillment or a location, one of both", "fulfillment_id")
    elif command.to is not None and command.to == command.location:
        yield Violation("sourcing.same_location", f"{command.to} is where it is to be taken away from", "to")


def the_named_place_exists(order: Order, command: Reroute, policy: Policy) -> Iterable[Violation]:
    """The fulfillment is one of this order's, and is not at the location to go to."""
    if command.fulfillment_id is None:
        return
    fulfillment = order.fulfillments.get(command.fulfillment_id)
    if fulfillment is None:
        yield Violation("fulfillment.unknown", f"there is no fulfillment {command.fulfillment_id!r}", "fulfillment_id")
    elif fulfillment.location == command.to:
        yield Violation("sourcing.same_location", f"{fulfillment.id} is at {command.to} already", "to")


def the_order_waits_for_stock(order: Order, command: StockArrived, policy: Policy) -> Iterable[Violation]:
    """Units of the product are missing, and the inventory can be asked again."""
    if not any(True for _ in _asked_again(order, command, order.placed_at)):
        yield Violation("sourcing.nothing_waits", f"the order waits for no {command.sku or 'stock'}", "sku")


def _asked_again(order: Order, command: StockArrived, at: datetime) -> Iterable[Event]:
    """What is asked again of the lines that wait for stock, of one product or of any."""
    for line_id, line in order.lines.items():
        if command.sku in (None, line.sku) and (
            order.ledger.balance(line_id, BACKORDERED) or (_is_confirmed(order, line_id) and order.missing(line_id))
        ):
            yield from sought_again(order, line_id, at, command.location)


def _named(command: Reroute) -> str:
    return str(command.fulfillment_id or command.location)


# -- decisions: rerouting -------------------------------------------------------------------------------------------


def _unpicked(order: Order, command: Reroute) -> tuple[tuple[Move, ...], dict[str, Decimal]]:
    """The allocated units that are taken back, and by claim the units that are not to be had there any more.

    What a fulfiller was asked to send is not taken back behind its back: it may have packed it.
    """
    moves: list[Move] = []
    missed: dict[str, Decimal] = {}
    for fulfillment in order.fulfillments.values():
        is_named = fulfillment.id == command.fulfillment_id or fulfillment.location == command.location
        if not is_named or fulfillment.id in order.works:
            continue
        for line_id, units in order.ledger.holding(allocated(fulfillment.id)).items():
            claim = order.claim_of(fulfillment.id, line_id)
            if claim is not None:
                moves.append(Move(line_id, allocated(fulfillment.id), OPEN, units))
                missed[claim.id] = EXACT.add(missed.get(claim.id, ZERO), units)
    if command.location is not None:
        for claim in order.claims.values():
            free = order.free_hold(claim) if claim.location == command.location else ZERO
            if free:
                missed[claim.id] = EXACT.add(missed.get(claim.id, ZERO), free)
    return tuple(moves), missed


def _reroute(order: Order, command: Reroute, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    moves, missed = _unpicked(order, command)
    if command.fulfillment_id is not None:
        location = order.fulfillments[command.fulfillment_id].location
    else:
        location = str(command.location)
    yield WorkRerouted(envelope.at, location, moves, FrozenMap(missed), command.to or "")


def _arrived(order: Order, command: StockArrived, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    return _asked_again(order, command, envelope.at)


# -- where from: what is wanted from outside, and what the answer means --------------------------------------------


def _wants(order: Order) -> Iterable[Wanted]:
    for number in dict.fromkeys(search.number for search in order.searches.values() if search.asking):
        skus = tuple(dict.fromkeys(order.lines[line_id].sku for line_id in _asked_under(order, number)))
        yield Wanted(QueryLevels(order.id, f"levels/{number}", skus))


def _asked_under(order: Order, number: int) -> tuple[str, ...]:
    """The lines for which locations are asked under a number."""
    return tuple(id for id, search in order.searches.items() if search.asking and search.number == number)


def _levels_answered(order: Order, request: QueryLevels, reply: Reply, policy: Policy, at: datetime) -> Iterable[Event]:
    asking = _asked_under(order, int(request.id.partition("/")[2]))
    if not asking:
        return
    if isinstance(reply, Refused):
        yield SearchEnded(at, asking, asking)
    elif not isinstance(reply, Levels):
        yield from impossible_reply(order, request, reply, at)
    else:
        yield from _shared_out(order, asking, reply, policy, at)


def _shared_out(order: Order, lines: tuple[str, ...], levels: Levels, policy: Policy, at: datetime) -> Iterable[Event]:
    """Each location is asked to hold its share; lines of which a part is nowhere are exhausted."""
    needs = tuple(
        Need(line_id, order.lines[line_id].sku, missing)
        for line_id in lines
        if order.cancellation is None and (missing := order.missing(line_id))
    )
    sources = _sources(order, needs, levels, policy)
    shares = tuple(_within_levels(policy.sourcing.allocate(order, needs, sources), needs, sources)) if needs else ()
    found = total_by((share.line_id, share.quantity) for share in shares)
    number = len(order.claims)
    for need in needs:
        for wanted in _claims_for(order, need.line_id, shares, at):
            if not wanted.claim_id:
                number += 1
                wanted = evolved(wanted, claim_id=f"C{number}")
            yield wanted
    yield SearchEnded(at, lines, tuple(n.line_id for n in needs if found.get(n.line_id, ZERO) < n.quantity))


def _sources(order: Order, needs: tuple[Need, ...], levels: Levels, policy: Policy) -> tuple[Source, ...]:
    """The locations that have something and did not refuse it, filtered and ranked; first the one somebody named."""
    there: dict[str, dict[str, Decimal]] = {}
    for level in levels.levels:
        for need in needs:
            refused = order.searches[need.line_id].refused
            if level.sku == need.sku and level.available > 0 and level.location not in refused:
                there.setdefault(level.location, {})[need.line_id] = level.available
    sources = [Source(location, FrozenMap(units)) for location, units in there.items()]
    sourcing = policy.sourcing
    sources = [source for source in sources if all(allowed(order, source) for allowed in sourcing.filters)]
    sources.sort(key=lambda source: sourcing.rank(order, source))
    named = {order.searches[need.line_id].preferred for need in needs}
    return tuple(sorted(sources, key=lambda source: source.location not in named))


def _within_levels(shares: Iterable[Share], needs: tuple[Need, ...], sources: tuple[Source, ...]) -> Iterable[Share]:
    """What a strategy allocates, which may not be more than is needed, or than there is: that would be its bug."""
    needed = {need.line_id: need.quantity for need in needs}
    there = {(line_id, source.location): units for source in sources for line_id, units in source.available.items()}
    for share in shares:
        place = share.line_id, share.location
        needed[share.line_id] = EXACT.subtract(needed.get(share.line_id, ZERO), share.quantity)
        there[place] = EXACT.subtract(there.get(place, ZERO), share.quantity)
        if share.quantity <= 0 or needed[share.line_id] < 0 or there[place] < 0:
            raise ValueError(
                f"the sourcing strategy wants {plain(share.quantity)} of {share.line_id} at {share.location}"
            )
        yield share


def _claims_for(order: Order, line_id: str, shares: tuple[Share, ...], at: datetime) -> Iterable[ClaimWanted]:
    """The claims of a line after its shares are asked for: less where it is not to be had, more where it is."""
    claims = order.claims_on(line_id)
    given = total_by((share.location, share.quantity) for share in shares if share.line_id == line_id)
    wanted = total(given.values())
    surplus = EXACT.subtract(total(c.wanted for c in claims), EXACT.subtract(order.to_be_claimed(line_id), wanted))
    left = wanting_less(order, claims, max(ZERO, surplus))
    for claim in claims:
        target = EXACT.add(left[claim.id], given.pop(claim.location, ZERO))
        if target != claim.wanted:
            yield put(claim, target, at)
    for location, units in given.items():
        yield ClaimWanted(at, "", line_id, 1, units, location)


# -- who does the work ----------------------------------------------------------------------------------------------


def _plan(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    units = available(order)
    if not units:
        return
    state = policy.lifecycles.fulfillment.initial
    number = len(order.fulfillments)
    free = sorted(_free_units(order), key=lambda pair: not pair[0].location)
    for allocation in _one_way_each(order, _within(policy.plan(order, units), units)):
        for quantities, claims in _by_claim(allocation, free):
            number += 1
            yield FulfillmentPlanned(at, f"F{number}", allocation.location, quantities, state, claims)


def _one_way_each(order: Order, allocations: Iterable[Allocation]) -> Iterable[Allocation]:
    """What customers collect is other work than what leaves: neither is to wait for the other."""
    for allocation in allocations:
        ways: dict[str, dict[str, Decimal]] = {}
        for line_id, quantity in allocation.quantities.items():
            ways.setdefault(order.method_of(line_id), {})[line_id] = quantity
        for quantities in ways.values():
            yield allocation if len(ways) == 1 else evolved(allocation, quantities=FrozenMap(quantities))


def _within(allocations: Iterable[Allocation], units: tuple[Available, ...]) -> Iterable[Allocation]:
    """What a strategy allocates, which may not be more than there is: that would be the strategy's bug, said so.

    Where the inventory names no location, the strategy may.
    """
    left = {(unit.line_id, unit.location): unit.quantity for unit in units}
    for allocation in allocations:
        for line_id, quantity in allocation.quantities.items():
            place = line_id, allocation.location if (line_id, allocation.location) in left else ""
            left[place] = EXACT.subtract(left.get(place, ZERO), quantity)
            if quantity <= 0 or left[place] < 0:
                raise ValueError(f"the sourcing strategy allocates {quantity} of {line_id}, which is not available")
        yield allocation


def _by_claim(
    allocation: Allocation, free: list[tuple[Claim, Decimal]]
) -> Iterable[tuple[FrozenMap[str, Decimal], FrozenMap[str, str]]]:
    """The work of one location; in several pieces where units of one line are held there under several claims."""
    left = dict(allocation.quantities)
    while left:
        units: dict[str, Decimal] = {}
        claims: dict[str, str] = {}
        for index, (claim, quantity) in enumerate(free):
            line_id = claim.line_id
            taken = min(quantity, left.get(line_id, ZERO))
            if claim.location in (allocation.location, "") and taken and line_id not in units:
                units[line_id], claims[line_id] = taken, claim.id
                free[index] = claim, EXACT.subtract(quantity, taken)
                left[line_id] = EXACT.subtract(left[line_id], taken)
        unclaimed = {line_id: quantity for line_id, quantity in left.items() if line_id not in claims}
        units |= {line_id: quantity for line_id, quantity in unclaimed.items() if quantity}
        left = {line_id: quantity for line_id, quantity in left.items() if quantity and line_id not in unclaimed}
        yield FrozenMap(units), FrozenMap(claims)


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    if (
        "verified" in order.milestones
        and "plan" in policy.automatic
        and order.cancellation is None
        and not any(order.holds_on("plan"))
        and to_be_paid_first(order, policy) is None
    ):
        yield from _plan(order, policy, at)
    for fulfillment in order.fulfillments.values():
        if not order.work_left(fulfillment.id):
            state = policy.fulfillment_step(order, fulfillment, "cancel")
            if state is None or order.has_handed_over(fulfillment.id):
                continue
            if not any(True for _ in _parcels_with_goods(order, fulfillment)):
                yield FulfillmentWithdrawn(at, fulfillment.id, state)


def _later(order: Order, policy: Policy) -> Mapping[str, datetime]:
    """The lines that are not wanted before a day, and when they are to be given to the warehouse."""
    if not order.later_lines or order.is_over:
        return {}
    return {
        line_id: instant_of(terms.not_before, terms.zone or "UTC") - policy.release_before
        for line_id, terms in order.later_lines.items()
        if line_id not in order.released and terms.not_before is not None and order.waiting(line_id)
    }


def _released(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """What was not wanted before now is wanted; of what was not to be had then, the locations are asked again."""
    due = tuple(line_id for line_id, moment in _later(order, policy).items() if moment <= at)
    if due:
        yield LinesReleased(at, due)
        for line_id in due:
            if order.ledger.balance(line_id, BACKORDERED):
                yield from sought_again(order, line_id, at)


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    asking = [order.lines[line_id].sku for line_id, search in order.searches.items() if search.asking]
    if asking and "stock" not in order.theirs:
        yield Wait("the inventory", f"to say where {', '.join(dict.fromkeys(asking))} can be had")
    is_ready = "verified" in order.milestones and order.cancellation is None and not order.is_over
    if "plan" not in policy.automatic and is_ready and available(order):
        yield Wait("someone", "to plan the work for what is held")
    for line_id, moment in _later(order, policy).items():
        yield Wait("the day", f"on which {order.lines[line_id].sku} is released", f"{moment:%Y-%m-%d %H:%M}")


def _parcels_with_goods(order: Order, fulfillment: Fulfillment) -> Iterable[str]:
    return (
        parcel.id
        for parcel in order.parcels_of(fulfillment.id)
        if any(order.ledger.holds_any(account(parcel.id)) for account in (packed, shipped, delivered, lost))
    )


def _reroutes(order: Order, policy: Policy) -> Iterable[Command]:
    """Away from any location that has something to pick."""
    return (Reroute(order.id, f) for f in order.fulfillments if order.ledger.holds_any(allocated(f)))


def _looks_at(order: Order) -> tuple[str, ...] | None:
    """While units wait for a location, anything may change the mind of the strategy."""
    if "verified" not in order.milestones and not order.fulfillments:
        return ("milestones",)
    return None if OPEN in order.ledger.held else ("milestones", "ledger", "cancellation", "fulfillments", "parcels")


STAGE = Stage(
    name="sourcing",
    commands=(PlanFulfillment, Reroute, StockArrived),
    events=(SearchEnded, WorkRerouted, LinesReleased, FulfillmentPlanned, FulfillmentWithdrawn),
    decisions=(
        Decision(
            PlanFulfillment,
            tiers=(
                (order_exists,),
                (the_order_is_verified, order_not_cancelling, nothing_holds("plan"), work_waits_for_payment),
                (something_is_there_to_plan,),
            ),
            events=lambda order, command, policy, envelope: _plan(order, policy, envelope.at),
            candidates=lambda order, policy: (PlanFulfillment(order.id),),
        ),
        Decision(
            Reroute,
            tiers=(
                (order_exists, one_place_is_named),
                (the_named_place_exists,),
                (order_not_cancelling, nothing_holds("plan")),
                (something_is_there_to_reroute,),
            ),
            events=_reroute,
            candidates=_reroutes,
        ),
        Decision(
            StockArrived,
            tiers=((order_exists,), (order_not_cancelling,), (the_order_waits_for_stock,)),
            events=_arrived,
            candidates=lambda order, policy: (StockArrived(order.id),) if BACKORDERED in order.ledger.held else (),
        ),
    ),
    follow=_follow,
    looks_at=_looks_at,
    wants=_wants,
    answers=FrozenMap({QueryLevels: _levels_answered}),
    moments=lambda order, policy: _later(order, policy).values(),
    at_time=_released,
    awaits=_awaits,
)
