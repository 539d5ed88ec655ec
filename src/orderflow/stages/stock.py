"""Stock: the inventory holds what is ordered, and what it does not hold is backordered.

Stock is *claimed*: a claim wants a number of units held, is put with a rising revision whenever that number changes (an
amendment, a cancellation, an expired reservation), and converges, whatever arrives late, twice or never. A claim counts
every unit ever wanted under it, issued ones included, so that claims and goods issues commute.

Units that are not held wait as a backorder, under a case that closes by itself once they are. A reservation that ends
is put again shortly before, and lapses where that came too late.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from orderflow.ledger import BACKORDERED, OPEN, Move, allocated, kind_of
from orderflow.messages import Event, event
from orderflow.order import Case, Claim, Order
from orderflow.policy import Policy
from orderflow.ports import ClaimStock, Refused, Reply, StockHeld
from orderflow.stages.exceptions import ExceptionRaised, ExceptionResolved, impossible_reply, raised
from orderflow.stages.stage import Stage, Wait, Wanted
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.numbers import EXACT, plain

__all__ = [
    "STAGE",
    "BackorderFilled",
    "ClaimWanted",
    "LineBackordered",
    "ReservationLapsed",
    "StockClaimed",
    "claim_key",
    "claims_and_backorders",
]

_ZERO = Decimal(0)


@event("claim_wanted")
class ClaimWanted(Event):
    """From now on, this many units are wanted held for a line: the intention, before anyone was asked."""

    claim_id: str
    line_id: str
    revision: int
    quantity: Decimal
    location: str = ""

    def apply(self, order: Order) -> Order:
        """The claim has a new revision, to be put until it is confirmed."""
        claim = order.claims.get(self.claim_id)
        if claim is None:
            claim = Claim(self.claim_id, self.line_id, self.quantity, self.revision, location=self.location)
        else:
            claim = claim.replace(wanted=self.quantity, revision=self.revision)
        claim = claim.replace(could_hold=max(claim.could_hold, self.quantity))
        return order.replace(claims=order.claims.set(self.claim_id, claim))


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
            missed=_ZERO,
        )
        return order.replace(claims=order.claims.set(self.claim_id, claim))


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
        return order.replace(ledger=order.ledger.moved((Move(self.line_id, BACKORDERED, OPEN, self.quantity),)))


@event("reservation_lapsed")
class ReservationLapsed(Event):
    """The time for which stock was held is over; what was allocated but not picked is open again."""

    claim_id: str
    moves: tuple[Move, ...]

    def apply(self, order: Order) -> Order:
        """Nothing is known to be held for what has not been picked."""
        claim = order.claims[self.claim_id]
        ledger = order.ledger.moved(self.moves)
        free = EXACT.add(ledger.balance(claim.line_id, OPEN), ledger.balance(claim.line_id, BACKORDERED))
        handled = EXACT.subtract(order.live_quantity(claim.line_id), free)
        lapsed = claim.replace(held=min(claim.held, handled), held_until=None)
        return order.replace(ledger=ledger, claims=order.claims.set(self.claim_id, lapsed))


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
        yield _put_again(claim, at)


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
        yield _put_again(claim, at)


def _put_again(claim: Claim, at: datetime) -> ClaimWanted:
    return ClaimWanted(at, claim.id, claim.line_id, claim.revision + 1, claim.wanted, claim.location)


# -- what follows ---------------------------------------------------------------------------------------------------


def claims_and_backorders(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """What follows for stock. Verification says it in one breath with its own: both judge the same order."""
    yield from _claims_follow_what_is_wanted(order, policy, at)
    is_over = "cancelled" in order.milestones or "rejected" in order.milestones
    if not is_over and order.cancellation is None:
        yield from _backorders_follow_what_is_held(order, at)


def _claims_follow_what_is_wanted(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """Wanted is what was ordered less what was cancelled; a claim that wants something else gets a new revision."""
    claimed = set()
    for claim in order.claims.values():
        claimed.add(claim.line_id)
        wanted = order.live_quantity(claim.line_id)
        if claim.wanted != wanted:
            yield ClaimWanted(at, claim.id, claim.line_id, claim.revision + 1, wanted, claim.location)
    if len(claimed) == len(order.lines) or any(order.holds_on("claim")):
        return
    number = len(order.claims)
    for line_id in order.lines:
        wanted = order.live_quantity(line_id)
        if line_id not in claimed and wanted and order.needs_stock(line_id):
            number += 1
            yield ClaimWanted(at, f"C{number}", line_id, 1, wanted)


def _backorders_follow_what_is_held(order: Order, at: datetime) -> Iterable[Event]:
    """What is not held is backordered, and a case; what came to be held is open again, and the case closed.

    Units that are in somebody's hands wait for no stock, whatever the inventory says.
    """
    number = len(order.cases)
    for claim in order.claims.values():
        if not claim.is_settled or claim.wanted != order.live_quantity(claim.line_id):
            continue
        case = order.case_about(claim.line_id)
        waiting = order.ledger.balance(claim.line_id, BACKORDERED)
        if not waiting and case is None and claim.held >= claim.wanted:
            continue
        missing = max(_ZERO, EXACT.subtract(claim.wanted, claim.held))
        short = min(EXACT.subtract(missing, waiting), order.ledger.balance(claim.line_id, OPEN))
        if short > 0:
            yield LineBackordered(at, claim.line_id, short)
        elif missing < waiting:
            yield BackorderFilled(at, claim.line_id, EXACT.subtract(waiting, missing))
        if missing and case is None and (waiting or short > 0):
            number += 1
            yield _short_case(order, claim, f"X{number}", at)
        elif not missing and case is not None and case.code == "stock.short":
            yield ExceptionResolved(at, case.id, "filled")


def _short_case(order: Order, claim: Claim, case_id: str, at: datetime) -> ExceptionRaised:
    line = order.lines[claim.line_id]
    told = f"{plain(claim.held)} of {plain(claim.wanted)} × {line.sku} can be had"
    because = f" ({claim.refusal})" if claim.refusal else ""
    options = ("try_again", "cancel_order")
    return ExceptionRaised(at, case_id, "stock.short", claim.line_id, told + because, options)


# -- time -----------------------------------------------------------------------------------------------------------


def _unpicked(order: Order, claim: Claim) -> Iterable[Move]:
    for fulfillment_id in order.fulfillments:
        quantity = order.ledger.balance(claim.line_id, allocated(fulfillment_id))
        if quantity:
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
            yield _put_again(claim, at)


# -- settling, and waiting ------------------------------------------------------------------------------------------


def _claim_again(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The stock of the short line is asked for once more."""
    claim = order.claim_on(case.about)
    if claim is not None and claim.is_settled:
        yield _put_again(claim, at)


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    if "acknowledged" not in order.milestones:
        return
    for claim in order.claims.values():
        if not claim.is_settled:
            line = order.lines[claim.line_id]
            verb = f"to hold {plain(claim.wanted)} × {line.sku}" if claim.wanted else f"to release {line.sku}"
            yield Wait("the inventory", verb, f"claim {claim.id}")


STAGE = Stage(
    name="stock",
    events=(ClaimWanted, StockClaimed, LineBackordered, BackorderFilled, ReservationLapsed),
    wants=_wants,
    answers=FrozenMap({ClaimStock: _claim_answered}),
    moments=_moments,
    at_time=_at_time,
    settles=FrozenMap(
        {
            ("stock.short", "try_again"): _claim_again,
            ("stock.release_refused", "released_by_hand"): _released_by_hand,
        }
    ),
    awaits=_awaits,
)
