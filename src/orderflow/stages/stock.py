"""Stock: the inventory holds what is ordered, and what it does not hold is sought elsewhere, or backordered.

Stock is *claimed*: a claim wants a number of units held at one location, is put with a rising revision whenever that
number changes (an amendment, a cancellation, an expired reservation), and converges, whatever arrives late, twice or
never. A claim counts every unit ever wanted under it, issued ones included, so that claims and goods issues commute.

A line may have several claims, one a location. What the claims of a line do not have, because a location had less than
it was asked for or because the goods were not on its shelf, is *missing*. It is sought at other locations first
(`orderflow.stages.sourcing`); what nobody has waits as a backorder, under a case that closes by itself once it is
found. A reservation that ends is put again shortly before, and lapses where that came too late.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

import attrs

from orderflow.kits import with_substitute
from orderflow.ledger import BACKORDERED, CANCELLED, OPEN, Account, Move, allocated, kind_of
from orderflow.messages import Event, event
from orderflow.order import Case, Claim, Line, Order, Search
from orderflow.policy import Policy, Substitute
from orderflow.ports import ClaimStock, Refused, Reply, StockHeld
from orderflow.stages.acceptance import OrderRejected, everything_cancelled
from orderflow.stages.changes import CancellationRequested, LinesCancelled, has_left
from orderflow.stages.exceptions import ExceptionRaised, ExceptionResolved, impossible_reply, raised
from orderflow.stages.holds import HoldPlaced
from orderflow.stages.stage import Stage, Wait, Wanted, next_id
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.numbers import EXACT, plain, ratio_cut, total

__all__ = [
    "STAGE",
    "BackorderAccepted",
    "BackorderFilled",
    "ClaimWanted",
    "LineBackordered",
    "LineSubstituted",
    "ReservationLapsed",
    "SearchReopened",
    "StockClaimed",
    "StockSought",
    "claim_key",
    "claims_and_backorders",
    "has_come",
    "put",
    "put_again",
    "sought_again",
    "wanting_less",
]

_ZERO = Decimal(0)


@event("claim_wanted")
class ClaimWanted(Event):
    """From now on, this many units are wanted held for a line: the intention, before anyone was asked.

    ``afresh``: what was missed on the shelf before is believed to be there again.
    """

    claim_id: str
    line_id: str
    revision: int
    quantity: Decimal
    location: str = ""
    afresh: bool = False

    def apply(self, order: Order) -> Order:
        """The claim has a new revision, to be put until it is confirmed."""
        claim = order.claims.get(self.claim_id)
        if claim is None:
            claim = Claim(self.claim_id, self.line_id, self.quantity, self.revision, location=self.location)
        else:
            missed = _ZERO if self.afresh else _still_missed(claim, self.quantity)
            claim = claim.replace(wanted=self.quantity, revision=self.revision, missed=missed)
        claim = claim.replace(could_hold=max(claim.could_hold, self.quantity))
        return order.replace(claims=order.claims.set(self.claim_id, claim))


def _still_missed(claim: Claim, wanted: Decimal) -> Decimal:
    """What is missed at a location after less is wanted there: what is not held goes first, then what is missed."""
    if not claim.missed:
        return _ZERO
    fewer = max(_ZERO, EXACT.subtract(claim.wanted, wanted))
    not_held = max(_ZERO, EXACT.subtract(claim.wanted, claim.held))
    return max(_ZERO, EXACT.subtract(claim.missed, max(_ZERO, EXACT.subtract(fewer, not_held))))


@event("stock_claimed")
class StockClaimed(Event):
    """What the inventory system holds for a claim, after a revision of it: all, a part, or nothing."""

    claim_id: str
    revision: int
    held: Decimal
    location: str = ""
    held_until: datetime | None = None
    refusal: str = ""

    def apply(self, order: Order) -> Order:
        """The claim is confirmed at this revision; the inventory was asked anew about what was not found."""
        claim = order.claims[self.claim_id].replace(
            confirmed=self.revision,
            held=self.held,
            could_hold=self.held,
            held_since=self.at,
            location=self.location or order.claims[self.claim_id].location,
            held_until=self.held_until,
            refusal=self.refusal,
            missed=min(order.claims[self.claim_id].missed, self.held),
        )
        return order.replace(claims=order.claims.set(self.claim_id, claim))


@event("stock_sought")
class StockSought(Event):
    """For units that the locations asked so far do not have, all locations are to be asked: the intention.

    ``refused`` are, by line, the locations that had less than was wanted of them.
    """

    line_ids: tuple[str, ...]
    refused: FrozenMap[str, tuple[str, ...]] = attrs.field(factory=FrozenMap)

    def apply(self, order: Order) -> Order:
        """Levels are awaited."""
        searches = dict(order.searches)
        for line_id in self.line_ids:
            search = searches.get(line_id, Search())
            refused = dict.fromkeys((*search.refused, *self.refused.get(line_id, ())))
            searches[line_id] = Search(
                search.rounds + 1, tuple(refused), True, False, search.preferred, order.asked + 1
            )
        return order.replace(searches=FrozenMap(searches), asked=order.asked + 1)


@event("search_reopened")
class SearchReopened(Event):
    """All locations may be asked again for a line, also those that had nothing before."""

    line_id: str

    def apply(self, order: Order) -> Order:
        """What was learned by asking is forgotten."""
        return order.replace(searches=order.searches.without(self.line_id))


@event("line_backordered")
class LineBackordered(Event):
    """Units are sold but not in stock."""

    line_id: str
    quantity: Decimal

    def apply(self, order: Order) -> Order:
        """They wait for stock."""
        return order.replace(ledger=order.ledger.moved((Move(self.line_id, OPEN, BACKORDERED, self.quantity),)))


@event("backorder_filled")
class BackorderFilled(Event):
    """Stock was found for units that waited for it."""

    line_id: str
    quantity: Decimal

    def apply(self, order: Order) -> Order:
        """They are open again, and can be planned."""
        ledger = order.ledger.moved((Move(self.line_id, BACKORDERED, OPEN, self.quantity),))
        backorders = order.backorders
        if self.line_id in backorders and not ledger.balance(self.line_id, BACKORDERED):
            backorders = backorders.without(self.line_id)
        return order.replace(ledger=ledger, backorders=backorders)


@event("backorder_accepted")
class BackorderAccepted(Event):
    """The rest of the order need not wait for what a line lacks."""

    line_id: str

    def apply(self, order: Order) -> Order:
        """What is there may be verified and sent."""
        return order.replace(backorders=order.backorders.set(self.line_id, "accepted"))


@event("line_substituted")
class LineSubstituted(Event):
    """Another product is sent for units that nobody has: a line more, and that many units of the other cancelled."""

    line_id: str
    moves: tuple[Move, ...]
    substitute: Line
    quantity: Decimal

    def apply(self, order: Order) -> Order:
        """The substitute is wanted instead."""
        after = order.moved(self.moves).with_lines([(self.substitute, self.quantity)])
        if not order.kits:
            return after
        per = ratio_cut(self.quantity, total(move.quantity for move in self.moves))
        return after.replace(kits=with_substitute(order.kits, after.lines, self.substitute.id, per))


@event("reservation_lapsed")
class ReservationLapsed(Event):
    """The time for which stock was held is over; what was allocated but not picked is open again."""

    claim_id: str
    moves: tuple[Move, ...]

    def apply(self, order: Order) -> Order:
        """Nothing is known to be held for what has not been picked."""
        after = order.replace(ledger=order.ledger.moved(self.moves))
        claim = order.claims[self.claim_id]
        lapsed = claim.replace(held=min(claim.held, after.taken(claim)), held_until=None, missed=_ZERO)
        return after.replace(claims=order.claims.set(self.claim_id, lapsed))


# -- what is wanted from outside, and what answers mean -------------------------------------------------------------


def claim_key(order: Order, claim_id: str) -> str:
    """The idempotency key of a claim: one for its whole life, revisions count inside it."""
    return f"{order.tenant}/{order.id}/claim/{claim_id}"


def _wants(order: Order) -> Iterable[Wanted]:
    if "acknowledged" not in order.milestones:
        return
    for claim in order.claims.values():
        if claim.confirmed != claim.revision:
            yield Wanted(_claim_request(order, claim))


def _claim_request(order: Order, claim: Claim) -> ClaimStock:
    line = order.lines[claim.line_id]
    return ClaimStock(
        order.id,
        f"claim/{claim.id}/{claim.revision}",
        claim_key(order, claim.id),
        claim.id,
        claim.revision,
        line.sku,
        line.unit,
        claim.wanted,
        claim.location,
    )


def _claim_answered(order: Order, request: ClaimStock, reply: Reply, policy: Policy, at: datetime) -> Iterable[Event]:
    claim = order.claims[request.claim_id]
    if isinstance(reply, Refused):
        if request.revision == claim.revision and not claim.is_settled:
            yield from _claim_refused(order, claim, request, reply, at)
        return
    if not isinstance(reply, StockHeld) or _cannot_be(reply, claim, request):
        yield from impossible_reply(order, request, reply, at)
    elif reply.revision < claim.revision:
        yield from _stale_answer(claim, reply, at)
    elif not claim.is_settled:
        yield StockClaimed(at, claim.id, reply.revision, reply.held, reply.location, reply.held_until)
    elif reply.held > claim.held:
        yield put_again(claim, at)


def _claim_refused(order: Order, claim: Claim, request: ClaimStock, reply: Refused, at: datetime) -> Iterable[Event]:
    """A refusal changes nothing outside: what was held is held. To be refused a release is a case, and stays wanted."""
    if claim.wanted < claim.could_hold:
        most = f"up to {plain(claim.could_hold)} units are held, {plain(claim.wanted)} are wanted"
        told = f"{most}: {reply.message or reply.code}"
        yield from raised(order, "stock.release_refused", request, told, ("try_again", "released_by_hand"), at)
    else:
        yield StockClaimed(at, claim.id, claim.revision, claim.held, "", claim.held_until, reply.code)


def _released_by_hand(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """Someone saw to it that no more is held than is wanted."""
    claim = order.claims[case.about.split("/")[1]]
    if not claim.is_settled:
        yield StockClaimed(at, claim.id, claim.revision, claim.wanted)


def _cannot_be(reply: StockHeld, claim: Claim, request: ClaimStock) -> bool:
    """More is held than was wanted, or an answer to a question that was never asked."""
    if reply.held < 0 or reply.revision > claim.revision:
        return True
    if reply.revision == claim.revision:
        return reply.held > claim.wanted
    return reply.revision == request.revision and reply.held > request.quantity


def _stale_answer(claim: Claim, reply: StockHeld, at: datetime) -> Iterable[Event]:
    """An answer to an older revision. Where it grants what is not wanted, the claim is put again: that releases it."""
    if claim.is_settled and reply.held > claim.held:
        yield put_again(claim, at)


def put_again(claim: Claim, at: datetime, *, afresh: bool = False) -> ClaimWanted:
    """The same claim under a new revision: what is held now?"""
    return put(claim, claim.wanted, at, afresh=afresh)


def put(claim: Claim, wanted: Decimal, at: datetime, *, afresh: bool = False) -> ClaimWanted:
    """A claim under a new revision: this many units are wanted now."""
    return ClaimWanted(at, claim.id, claim.line_id, claim.revision + 1, wanted, claim.location, afresh)


# -- what follows: claims -------------------------------------------------------------------------------------------


def claims_and_backorders(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """What follows for stock. Verification says it in one breath with its own: both judge the same order."""
    changes = tuple(_claims_follow_what_is_wanted(order, policy, at))
    yield from changes
    is_over = "cancelled" in order.milestones or "rejected" in order.milestones
    if not changes and not is_over and order.cancellation is None:
        yield from _what_is_missing(order, policy, at)


def _claims_follow_what_is_wanted(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """Wanted is what was ordered less what was cancelled; claims that want something else get a new revision."""
    on = order.claims, order.lines, order.ledger.lives, order.observed
    if order.worked_out("claims_fit", on, _claims_fit):
        return
    by_line = order.claims_by_line
    for line_id, claims in by_line.items():
        if len(claims) == 1 and claims[0].wanted == order.to_be_claimed(line_id):
            continue
        yield from _claims_of_a_line(order, line_id, claims, at)
    if len(by_line) == len(order.lines) or any(order.holds_on("claim")) or order.is_told_of_stock:
        return
    number, sought = len(order.claims), []
    for line_id in order.lines:
        wanted = order.to_be_claimed(line_id)
        if line_id in by_line or line_id in order.searches or not wanted or not order.needs_stock(line_id):
            continue
        if not order.waiting(line_id):
            continue
        if policy.sourcing.ask == "first":
            sought.append(line_id)
        else:
            number += 1
            yield ClaimWanted(at, f"C{number}", line_id, 1, wanted)
    if sought:
        yield StockSought(at, tuple(sought))


def _claims_fit(order: Order) -> bool:
    """Whether every line has one claim, for what is wanted of it: most do, and then nothing follows."""
    by_line = order.claims_by_line
    return len(by_line) == len(order.lines) and all(
        len(claims) == 1 and claims[0].wanted == order.to_be_claimed(line_id) for line_id, claims in by_line.items()
    )


def _claims_of_a_line(order: Order, line_id: str, claims: tuple[Claim, ...], at: datetime) -> Iterable[Event]:
    """More is wanted where more was taken, then where the line was claimed first; less where it is not to be had."""
    beyond = _taken_beyond(order, claims)
    more = EXACT.subtract(order.to_be_claimed(line_id), total(claim.wanted for claim in claims))
    more = EXACT.subtract(more, total(beyond.values()))
    if more > 0:
        if not _is_asked(order, line_id):
            if line_id in order.searches:
                yield SearchReopened(at, line_id)
            beyond[claims[0].id] = EXACT.add(beyond.get(claims[0].id, _ZERO), more)
        more = _ZERO
    left = wanting_less(order, claims, EXACT.minus(more))
    left |= {claim_id: EXACT.add(left[claim_id], units) for claim_id, units in beyond.items()}
    for claim in claims:
        if left[claim.id] != claim.wanted:
            yield put(claim, left[claim.id], at)


def _taken_beyond(order: Order, claims: tuple[Claim, ...]) -> dict[str, Decimal]:
    """Units that locations sent, or took from the shelf, beyond what was wanted held there, by claim.

    Where a line has one claim, that has all of it anyhow.
    """
    if len(claims) == 1:
        return {}
    found = {claim.id: EXACT.subtract(order.taken(claim), claim.wanted) for claim in claims}
    return {claim_id: units for claim_id, units in found.items() if units > 0}


def wanting_less(order: Order, claims: tuple[Claim, ...], fewer: Decimal) -> dict[str, Decimal]:
    """How many units each claim wants when fewer are wanted: first what is not to be had, then what nobody handles."""
    left = {claim.id: claim.wanted for claim in claims}
    for claim in reversed(claims):
        if not fewer:
            break
        idle = min(_not_to_be_had(claim), EXACT.subtract(claim.wanted, order.taken(claim)))
        taken = min(fewer, max(_ZERO, idle))
        left[claim.id] = EXACT.subtract(left[claim.id], taken)
        fewer = EXACT.subtract(fewer, taken)
    for claim in reversed(claims):
        if not fewer:
            break
        taken = min(fewer, max(_ZERO, EXACT.subtract(left[claim.id], order.taken(claim))))
        left[claim.id] = EXACT.subtract(left[claim.id], taken)
        fewer = EXACT.subtract(fewer, taken)
    return left


def _not_to_be_had(claim: Claim) -> Decimal:
    """Units that a location was asked for and does not have."""
    return EXACT.subtract(claim.wanted, claim.to_be_had) if claim.is_settled else _ZERO


# -- what follows: shortage -----------------------------------------------------------------------------------------


def _what_is_missing(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """What is missing is sought; what nobody has is backordered, and a case; what came is open again."""
    if order.ledger.kinds.isdisjoint(("open", "backordered")) and not order.cases:
        return
    short = {
        line_id: missing
        for line_id in order.lines
        if (missing := order.missing(line_id)) and _is_answered(order, line_id)
    }
    sought = tuple(line_id for line_id in short if _may_be_sought(order, line_id, policy))
    if sought and not any(order.holds_on("claim")):
        yield StockSought(at, sought, FrozenMap({line_id: _refusing(order, line_id) for line_id in sought}))
        return
    if short or order.cases or "backordered" in order.ledger.kinds:
        yield from _backorders(order, short, policy, at)


def _backorders(order: Order, short: dict[str, Decimal], policy: Policy, at: datetime) -> Iterable[Event]:
    """Line by line; what takes an id of its own, and what may be the last of the order, comes once in a round."""
    for line_id in order.lines:
        if not _is_answered(order, line_id) or _is_asked(order, line_id):
            continue
        events = tuple(_backorder(order, line_id, short.get(line_id, _ZERO), policy, at))
        yield from events
        if any(isinstance(event, _NUMBERED) for event in events):
            return


_NUMBERED = (ExceptionRaised, HoldPlaced, LineSubstituted, OrderRejected, LinesCancelled)


def _is_answered(order: Order, line_id: str) -> bool:
    """Whether all that is wanted of a line was put to the inventory, and answered."""
    claims = order.claims_on(line_id)
    if not claims:
        search = order.searches.get(line_id)
        return search is not None and search.exhausted
    return all(claim.is_settled for claim in claims)


def _is_asked(order: Order, line_id: str) -> bool:
    search = order.searches.get(line_id)
    return search is not None and search.asking


def _may_be_sought(order: Order, line_id: str, policy: Policy) -> bool:
    if policy.sourcing.ask == "never":
        return False
    search = order.searches.get(line_id)
    if search is None:
        return True
    return not search.asking and not search.exhausted and search.rounds < policy.sourcing.rounds


def _refusing(order: Order, line_id: str) -> tuple[str, ...]:
    """The locations that have less of a line than they were asked for."""
    claims = order.claims_on(line_id)
    return tuple(claim.location for claim in claims if claim.location and claim.to_be_had < claim.wanted)


def _backorder(order: Order, line_id: str, missing: Decimal, policy: Policy, at: datetime) -> Iterable[Event]:
    """What becomes of a line of which units are missing, or are missing no more."""
    waiting = order.ledger.balance(line_id, BACKORDERED)
    case = order.case_about(line_id)
    if missing > waiting:
        yield from _short(order, line_id, EXACT.subtract(missing, waiting), policy, at)
        return
    if missing < waiting:
        yield BackorderFilled(at, line_id, EXACT.subtract(waiting, missing))
    if not missing and case is not None and case.code == "stock.short":
        yield ExceptionResolved(at, case.id, "filled")
    elif missing and case is None and line_id not in order.backorders and has_come(order, line_id):
        yield _short_case(order, line_id, at)


def _short(order: Order, line_id: str, units: Decimal, policy: Policy, at: datetime) -> Iterable[Event]:
    """Units that nobody has: what becomes of them is the policy's choice."""
    choice = policy.shortage(order, line_id)
    if isinstance(choice, Substitute) and choice.sku in order.stood_in_for(line_id):
        choice = "wait"
    if isinstance(choice, Substitute):
        yield _substituted(order, line_id, units, choice, at)
    elif choice == "reject" and not has_left(order) and (state := policy.order_step(order, "reject")) is not None:
        yield OrderRejected(at, state, everything_cancelled(order), "stock.short")
    elif choice in ("cancel", "reject"):
        yield _no_more_wanted(order, line_id, OPEN, units, at)
    else:
        yield LineBackordered(at, line_id, units)
        if choice in ("backorder", "hold") and line_id not in order.backorders:
            yield BackorderAccepted(at, line_id)
        if choice == "hold":
            told = f"{plain(units)} × {order.lines[line_id].sku} cannot be had"
            yield HoldPlaced(at, next_id("H", order.holds), "stock.short", "", (), told)


def _no_more_wanted(order: Order, line_id: str, account: Account, units: Decimal, at: datetime) -> Event:
    """Units that nobody has are cancelled, with the rest of their kits; with the last of an order, the order is."""
    moves = (Move(line_id, account, CANCELLED, units), *_of_broken_kits(order, line_id, account, units))
    if total(order.live_quantity(other) for other in order.lines) == total(move.quantity for move in moves):
        return CancellationRequested(at, "stock.short")
    return LinesCancelled(at, moves, reason="stock.short")


def _of_broken_kits(order: Order, line_id: str, account: Account, units: Decimal) -> Iterable[Move]:
    """The rest of kits of which so many units of a component cannot be had, as far as nobody handles it."""
    kit = order.kit_of(line_id) if order.kits else None
    if kit is None:
        return
    live = {other: order.live_quantity(other) for other in kit.components}
    left = {**live, line_id: EXACT.subtract(live[line_id], units)}
    for other, needed in kit.holds(EXACT.subtract(kit.complete(live), kit.complete(left))).items():
        own = units if other == line_id else _ZERO
        needed = EXACT.subtract(needed, own)
        for where in (BACKORDERED, OPEN):
            there = EXACT.subtract(order.ledger.balance(other, where), own if where == account else _ZERO)
            taken = min(needed, there)
            if taken > 0:
                yield Move(other, where, CANCELLED, taken)
                needed = EXACT.subtract(needed, taken)


def _substituted(order: Order, line_id: str, units: Decimal, by: Substitute, at: datetime) -> LineSubstituted:
    instead = order.lines[line_id].standing_in(next_id("L", order.lines), by.sku)
    moves = (Move(line_id, OPEN, CANCELLED, units),)
    return LineSubstituted(at, line_id, moves, instead, EXACT.multiply(units, by.ratio))


def has_come(order: Order, line_id: str) -> bool:
    """Whether the time of a line has come: of one that is wanted later only, nobody need worry now."""
    return order.terms_of(line_id).not_before is None or line_id in order.released


def _short_case(order: Order, line_id: str, at: datetime) -> ExceptionRaised:
    line = order.lines[line_id]
    live = order.live_quantity(line_id)
    told = f"{plain(EXACT.subtract(live, order.missing(line_id)))} of {plain(live)} × {line.sku} can be had"
    refusal = next((claim.refusal for claim in order.claims_on(line_id) if claim.refusal), "")
    because = f" ({refusal})" if refusal else ""
    options = ("try_again", "ship_available", "cancel_rest", "cancel_order")
    return ExceptionRaised(at, next_id("X", order.cases), "stock.short", line_id, told + because, options)


# -- time -----------------------------------------------------------------------------------------------------------


def _unpicked(order: Order, claim: Claim) -> Iterable[Move]:
    """What was allocated and not picked; what a fulfiller was asked to send stays with it, packed or not."""
    for fulfillment_id in order.fulfillments:
        if fulfillment_id in order.works:
            continue
        quantity = order.ledger.balance(claim.line_id, allocated(fulfillment_id))
        if quantity and order.claim_of(fulfillment_id, claim.line_id) == claim:
            yield Move(claim.line_id, allocated(fulfillment_id), OPEN, quantity)


def _is_needed(order: Order, claim: Claim) -> bool:
    """Whether a reservation still protects anything: until the goods issue, the inventory counts on its word alone."""
    accounts = order.ledger.accounts(claim.line_id)
    if any(kind_of(account) in _STILL_HELD for account, _ in accounts):
        return True
    return bool(order.unissued)


_STILL_HELD = frozenset({"open", "allocated", "picked", "packed"})


def _moments(order: Order, policy: Policy) -> Iterable[datetime]:
    for claim in order.claims.values():
        if claim.held_until is not None and claim.is_settled and claim.wanted and _is_needed(order, claim):
            yield _renewal(claim, policy)


def _renewal(claim: Claim, policy: Policy) -> datetime:
    """When a reservation is put again: some time before it ends, but not before half of it is over.

    One that was refused is put again when it has ended.
    """
    assert claim.held_until is not None
    assert claim.held_since is not None
    if claim.refusal:
        return claim.held_until
    return claim.held_until - min(policy.renew_before, max(timedelta(0), claim.held_until - claim.held_since) / 2)


def _at_time(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """A reservation is put again shortly before it ends; one that has ended lapses, and is put again as well."""
    for claim in order.claims.values():
        if claim.held_until is None or not claim.is_settled or not claim.wanted or not _is_needed(order, claim):
            continue
        if at >= claim.held_until:
            yield ReservationLapsed(at, claim.id, tuple(_unpicked(order, claim)))
        if at >= _renewal(claim, policy):
            yield put_again(claim, at)


# -- settling, and waiting ------------------------------------------------------------------------------------------


def sought_again(order: Order, line_id: str, at: datetime, location: str | None = None) -> Iterable[Event]:
    """Ask for the stock of a short line once more, everywhere: the shelves may have been filled.

    What was missed on a shelf is believed to be there again, at the ``location`` where goods came in, if one is named.
    """
    search = order.searches.get(line_id)
    if search is not None and not search.asking:
        yield SearchReopened(at, line_id)
    for claim in order.claims_on(line_id):
        is_there = location is None or location == claim.location
        if claim.is_settled and (claim.to_be_had if is_there else claim.held) < claim.wanted:
            yield put_again(claim, at, afresh=is_there)


def _try_again(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The stock of the short line is asked for once more, at every location."""
    return sought_again(order, case.about, at)


def _ship_available(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The order goes on with what is there; the rest follows when it can be had."""
    if case.about not in order.backorders and order.ledger.balance(case.about, BACKORDERED):
        yield BackorderAccepted(at, case.about)


def _cancel_rest(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """What cannot be had is not wanted any more."""
    waiting = order.ledger.balance(case.about, BACKORDERED)
    if waiting:
        yield _no_more_wanted(order, case.about, BACKORDERED, waiting, at)


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    if "acknowledged" not in order.milestones:
        return
    for claim in order.claims.values() if "stock" not in order.theirs else ():
        if not claim.is_settled:
            line = order.lines[claim.line_id]
            verb = f"to hold {plain(claim.wanted)} × {line.sku}" if claim.wanted else f"to release {line.sku}"
            yield Wait("the inventory", verb, f"claim {claim.id}")
    for line_id, units in order.ledger.holding(BACKORDERED).items():
        if order.case_about(line_id) is None and not _is_asked(order, line_id):
            yield Wait("new stock", f"of {plain(units)} × {order.lines[line_id].sku} to arrive", "StockArrived")


STAGE = Stage(
    name="stock",
    events=(
        ClaimWanted,
        StockClaimed,
        StockSought,
        SearchReopened,
        LineBackordered,
        BackorderFilled,
        BackorderAccepted,
        LineSubstituted,
        ReservationLapsed,
    ),
    wants=_wants,
    answers=FrozenMap({ClaimStock: _claim_answered}),
    moments=_moments,
    at_time=_at_time,
    settles=FrozenMap(
        {
            ("stock.short", "try_again"): _try_again,
            ("stock.short", "ship_available"): _ship_available,
            ("stock.short", "cancel_rest"): _cancel_rest,
            ("stock.release_refused", "released_by_hand"): _released_by_hand,
        }
    ),
    awaits=_awaits,
)
