"""Verification: price, stock and the customer's requirements; errors are caught here, not in the warehouse.

Price and stock are asked for side by side. The price comes as a quote; each quote adds a frozen tranche per line, and
only units without a price are asked about. Stock is *claimed*: a claim wants a number of units held, is put with a
rising revision whenever that number changes (an amendment, a cancellation, an expired reservation), and converges,
whatever arrives late, twice or never. A claim counts every unit ever wanted under it, issued ones included, so that
claims and goods issues commute.

When everything is priced and held, the rules are satisfied and nothing holds the order, it is verified: as a
consequence, by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from orderflow.charges import Tranche
from orderflow.errors import Violation
from orderflow.ledger import BACKORDERED, OPEN, Move, allocated
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Case, Claim, Order
from orderflow.policy import Policy
from orderflow.ports import (
    ClaimStock,
    Quote,
    QuotedLine,
    QuoteLine,
    QuotePrices,
    Refused,
    Reply,
    StockHeld,
)
from orderflow.stages.exceptions import ExceptionRaised, ExceptionResolved, impossible_reply, raised
from orderflow.stages.holds import reviews, warnings
from orderflow.stages.stage import (
    Decision,
    Stage,
    Wait,
    Wanted,
    nothing_holds,
    order_exists,
    order_may,
    order_not_cancelling,
)
from orderflow.values.checked import checked
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id
from orderflow.values.numbers import EXACT, plain

__all__ = [
    "STAGE",
    "ApproveOrder",
    "BackorderFilled",
    "ClaimWanted",
    "LineBackordered",
    "OrderVerified",
    "PriceQuoted",
    "PriceRefused",
    "ReservationLapsed",
    "StockClaimed",
    "claim_key",
]

_ZERO = Decimal(0)


@command("approve_order")
class ApproveOrder(Command):
    """Verify the order by hand, where that does not happen by itself (``Policy.automatic``)."""

    order_id: str = checked(as_id)


@event("price_quoted")
class PriceQuoted(Event):
    """These units have these prices from now on, whatever the price list says tomorrow."""

    tranches: tuple[Tranche, ...]

    def apply(self, order: Order) -> Order:
        """Each line has one tranche more."""
        held = dict(order.tranches)
        for tranche in self.tranches:
            held[tranche.line_id] = (*held.get(tranche.line_id, ()), tranche)
        return order.replace(tranches=FrozenMap(held))


@event("price_refused")
class PriceRefused(Event):
    """The price list has no price for what was asked."""

    code: str
    message: str = ""

    def apply(self, order: Order) -> Order:
        """Nothing is priced by this."""
        return order


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
        """The claim is confirmed at this revision."""
        claim = order.claims[self.claim_id].replace(
            confirmed=self.revision,
            held=self.held,
            held_since=self.at,
            location=self.location or order.claims[self.claim_id].location,
            held_until=self.held_until,
            refusal=self.refusal,
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


@event("order_verified")
class OrderVerified(Event):
    """Price, stock and requirements are in order: work may begin."""

    state: str

    def apply(self, order: Order) -> Order:
        """The order is verified."""
        return order.reached(self.state, "verified", self.at)


# -- rules ----------------------------------------------------------------------------------------------------------


def nothing_is_missing(order: Order, command: ApproveOrder, policy: Policy) -> Iterable[Violation]:
    """Price, stock and the host's rules of verification are in order."""
    yield from blockers(order)
    yield from (violation for violation in objections_to(order, policy) if violation.severity == "error")


def _approve(order: Order, command: ApproveOrder, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    return _verified(order, policy, envelope.at)


# -- what is wanted from outside ------------------------------------------------------------------------------------


def claim_key(order: Order, claim_id: str) -> str:
    """The idempotency key of a claim: one for its whole life, revisions count inside it."""
    return f"{order.tenant}/{order.id}/claim/{claim_id}"


def _wants(order: Order) -> Iterable[Wanted]:
    if "acknowledged" not in order.milestones:
        return
    for claim in order.claims.values():
        if claim.confirmed != claim.revision:
            yield Wanted(_claim_request(order, claim))
    lines = tuple(_unpriced_lines(order))
    if lines:
        yield Wanted(QuotePrices(order.id, "quote", order.currency, order.customer, order.ship_to, lines))


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


def _unpriced_lines(order: Order) -> Iterable[QuoteLine]:
    for line_id, line in order.lines.items():
        if line_id in order.tranches and not order.unpriced(line_id):
            continue
        if order.live_quantity(line_id) and (unpriced := order.unpriced(line_id)):
            already = EXACT.subtract(order.live_quantity(line_id), unpriced)
            yield QuoteLine(line_id, line.sku, line.unit, unpriced, already)


# -- what answers mean ----------------------------------------------------------------------------------------------


def _claim_answered(order: Order, request: ClaimStock, reply: Reply, policy: Policy, at: datetime) -> Iterable[Event]:
    claim = order.claims[request.claim_id]
    if isinstance(reply, Refused):
        if request.revision == claim.revision and not claim.is_settled:
            yield StockClaimed(at, claim.id, claim.revision, _ZERO, refusal=reply.code)
        return
    if not isinstance(reply, StockHeld) or _cannot_be(reply, claim, request):
        yield from impossible_reply(order, request, reply, at)
    elif reply.revision < claim.revision:
        yield from _stale_answer(claim, reply, at)
    elif not claim.is_settled:
        yield StockClaimed(at, claim.id, reply.revision, reply.held, reply.location, reply.held_until)
    elif reply.held > claim.held:
        yield _put_again(claim, at)


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


def _quote_answered(order: Order, request: QuotePrices, reply: Reply, policy: Policy, at: datetime) -> Iterable[Event]:
    if isinstance(reply, Refused):
        yield PriceRefused(at, reply.code, reply.message)
        options = ("try_again", "cancel_order")
        yield from raised(order, "pricing.refused", request, reply.message or reply.code, options, at)
    elif not isinstance(reply, Quote) or not _is_answer_to(reply, request):
        yield from impossible_reply(order, request, reply, at)
    else:
        wanted = {line.line_id: line.quantity for line in _unpriced_lines(order)}
        tranches = tuple(_tranche(line) for line in reply.lines if wanted.get(line.line_id) == line.quantity)
        if tranches:
            yield PriceQuoted(at, tranches)


def _is_answer_to(quote: Quote, request: QuotePrices) -> bool:
    """Every line asked for, none else, each in the order's currency and for the quantity asked."""
    asked = {line.line_id: line.quantity for line in request.lines}
    answered = {line.line_id: line.quantity for line in quote.lines if line.base_quantity > 0}
    return (
        asked == answered
        and len(quote.lines) == len(asked)
        and all(
            money.currency == request.currency
            for line in quote.lines
            for money in (
                line.unit_price,
                line.amounts.net,
                line.amounts.discount,
                line.amounts.shipping,
                line.amounts.tax,
            )
        )
    )


def _tranche(line: QuotedLine) -> Tranche:
    return Tranche(line.line_id, line.quantity, line.unit_price, line.amounts, line.base_quantity)


# -- what follows ---------------------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    if "acknowledged" not in order.milestones:
        return
    yield from _claims_follow_what_is_wanted(order, policy, at)
    if "cancelled" in order.milestones or "rejected" in order.milestones:
        return
    if order.cancellation is None:
        yield from _backorders_follow_what_is_held(order, at)
    if "verified" not in order.milestones and "verify" in policy.automatic:
        yield from _verified(order, policy, at)


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
        if line_id not in claimed and wanted:
            number += 1
            yield ClaimWanted(at, f"C{number}", line_id, 1, wanted)


def _backorders_follow_what_is_held(order: Order, at: datetime) -> Iterable[Event]:
    """What is not held is backordered, and a case; what came to be held is open again, and the case closed."""
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
        if missing and case is None:
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


def _verified(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    if order.cancellation is not None:
        return
    state = policy.order_step(order, "verify")
    if state is None or any(True for _ in blockers(order)) or any(order.holds_on("verify")):
        return
    objections = objections_to(order, policy)
    holds = tuple(reviews(order, objections, ("verify",), at))
    if holds:
        yield from holds
    elif not any(violation.severity == "error" for violation in objections):
        yield from warnings(objections, at)
        yield OrderVerified(at, state)


def objections_to(order: Order, policy: Policy) -> tuple[Violation, ...]:
    """What the host's rules have against verifying the order."""
    return tuple(violation for rule in policy.verification for violation in rule(order))


def blockers(order: Order) -> Iterable[Violation]:
    """What the order still lacks before it can be verified."""
    for line_id, line in order.lines.items():
        live = order.live_quantity(line_id)
        if not live:
            continue
        if order.unpriced(line_id):
            yield Violation("verification.no_price", f"{line.sku} has no price yet", line_id)
        claim = order.claim_on(line_id)
        if claim is None or claim.confirmed != claim.revision:
            yield Violation("verification.stock_unknown", f"the stock of {line.sku} is not confirmed yet", line_id)
        elif claim.held < live:
            yield Violation(
                "verification.short", f"{plain(claim.held)} of {plain(live)} × {line.sku} are held", line_id
            )


# -- time -----------------------------------------------------------------------------------------------------------


def _unpicked(order: Order, claim: Claim) -> Iterable[Move]:
    for fulfillment_id in order.fulfillments:
        quantity = order.ledger.balance(claim.line_id, allocated(fulfillment_id))
        if quantity:
            yield Move(claim.line_id, allocated(fulfillment_id), OPEN, quantity)


def _is_needed(order: Order, claim: Claim) -> bool:
    """Whether a reservation still protects anything: units that are not off the shelf."""
    return bool(order.ledger.balance(claim.line_id, OPEN)) or any(True for _ in _unpicked(order, claim))


def _moments(order: Order, policy: Policy) -> Iterable[datetime]:
    for claim in order.claims.values():
        if claim.held_until is not None and claim.is_settled and claim.wanted and _is_needed(order, claim):
            yield _renewal(claim, policy)


def _renewal(claim: Claim, policy: Policy) -> datetime:
    """When a reservation is put again: some time before it ends, but not before half of it is over."""
    assert claim.held_until is not None
    assert claim.held_since is not None
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


def _claim_again(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """Ask for the stock of a short line once more."""
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
    if "verify" not in policy.automatic and "verified" not in order.milestones and not tuple(blockers(order)):
        yield Wait("someone", "to approve the order")
    unpriced = [order.lines[line.line_id].sku for line in _unpriced_lines(order)]
    if unpriced:
        yield Wait("the price list", f"to quote {', '.join(unpriced[:3])}{' …' if len(unpriced) > 3 else ''}")


_ALL = ("milestones", "state", "ledger", "claims", "tranches", "holds", "waivers", "cancellation", "cases")


def _looks_at(order: Order) -> tuple[str, ...]:
    """What was verified is not verified again; claims and backorders follow to the end."""
    return ("milestones", "ledger", "claims", "cancellation", "cases") if "verified" in order.milestones else _ALL


STAGE = Stage(
    name="verification",
    commands=(ApproveOrder,),
    decisions=(
        Decision(
            ApproveOrder,
            tiers=(
                (order_exists,),
                (order_may("verify"), order_not_cancelling, nothing_holds("verify")),
                (nothing_is_missing,),
            ),
            events=_approve,
            candidates=lambda order, policy: (ApproveOrder(order.id),),
        ),
    ),
    events=(
        PriceQuoted,
        PriceRefused,
        ClaimWanted,
        StockClaimed,
        LineBackordered,
        BackorderFilled,
        ReservationLapsed,
        OrderVerified,
    ),
    follow=_follow,
    looks_at=_looks_at,
    wants=_wants,
    answers=FrozenMap({ClaimStock: _claim_answered, QuotePrices: _quote_answered}),
    moments=_moments,
    at_time=_at_time,
    settles=FrozenMap({("stock.short", "try_again"): _claim_again}),
    awaits=_awaits,
)
