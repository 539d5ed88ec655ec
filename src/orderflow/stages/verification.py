"""Verification: price, stock and the customer's requirements; errors are caught here, not in the warehouse.

Price and stock are asked for side by side. When everything is priced and held, the rules are satisfied and nothing
holds the order, it is verified: as a consequence, by itself.

Stock and verification judge the same order, in one step: first what is to be claimed and backordered, then whether the
order as it stood has everything. So an order that is amended down to what is held is verified at once, while the claim
for what it does not want any more is still to be put.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from orderflow.errors import Violation
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Order
from orderflow.policy import Policy
from orderflow.stages.acceptance import OrderRejected
from orderflow.stages.changes import CancellationRequested, LinesCancelled
from orderflow.stages.holds import HoldPlaced, reviews, warnings
from orderflow.stages.stage import (
    Decision,
    Stage,
    Wait,
    nothing_holds,
    objections_to,
    order_exists,
    order_may,
    order_not_cancelling,
)
from orderflow.stages.stock import StockSought, claims_and_backorders, has_come
from orderflow.values.checked import checked
from orderflow.values.ids import as_id
from orderflow.values.numbers import EXACT, plain

__all__ = [
    "STAGE",
    "ApproveOrder",
    "OrderVerified",
    "blockers",
]


@command("approve_order")
class ApproveOrder(Command):
    """Verify the order by hand, where that does not happen by itself (``Policy.automatic``)."""

    order_id: str = checked(as_id)


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


def blockers(order: Order) -> Iterable[Violation]:
    """What the order still lacks before it can be verified."""
    for answer in order.checks.values():
        if answer.passed is None:
            told = f"{answer.who or 'someone'} has not answered the check {answer.check}"
            yield Violation("verification.check_open", told, answer.check)
        elif not answer.passed:
            yield Violation("verification.check_failed", f"the check {answer.check} was not passed", answer.check)
    unpriced = order.unpriced_units
    for line_id, line in order.lines.items():
        live = order.live_quantity(line_id)
        if not live:
            continue
        if line_id in unpriced:
            yield Violation("verification.no_price", f"{order.name_of(line_id)} has no price yet", line_id)
        if not order.needs_stock(line_id) or not order.waiting(line_id):
            continue
        claims, search = order.claims_on(line_id), order.searches.get(line_id)
        is_asked = search.asking if search is not None else not claims
        if is_asked or any(not claim.is_settled for claim in claims):
            yield Violation("verification.stock_unknown", f"the stock of {line.sku} is not confirmed yet", line_id)
        elif line_id not in order.backorders and (missing := order.missing(line_id)) and has_come(order, line_id):
            there = f"{plain(EXACT.subtract(live, missing))} of {plain(live)}"
            yield Violation("verification.short", f"{there} × {line.sku} are held", line_id)


# -- decisions ------------------------------------------------------------------------------------------------------


def _approve(order: Order, command: ApproveOrder, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    return _verified(order, policy, envelope.at)


# -- what follows ---------------------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    if "acknowledged" not in order.milestones:
        return
    changes = tuple(claims_and_backorders(order, policy, at))
    yield from changes
    is_over = "cancelled" in order.milestones or "rejected" in order.milestones
    is_stopped = any(isinstance(change, _STOPPING) for change in changes)
    if not is_over and not is_stopped and "verified" not in order.milestones and "verify" in policy.automatic:
        yield from _verified(order, policy, at)


#: What a shortage leads to, after which an order is judged anew.
_STOPPING = (OrderRejected, CancellationRequested, LinesCancelled, HoldPlaced, StockSought)


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


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    if "acknowledged" not in order.milestones:
        return
    if "verify" not in policy.automatic and "verified" not in order.milestones and not tuple(blockers(order)):
        yield Wait("someone", "to approve the order")


_ALL = (
    "milestones",
    "state",
    "ledger",
    "claims",
    "searches",
    "backorders",
    "released",
    "tranches",
    "checks",
    "holds",
    "waivers",
    "cancellation",
    "cases",
)
_STOCK = ("milestones", "ledger", "claims", "searches", "released", "holds", "cancellation", "cases")


def _looks_at(order: Order) -> tuple[str, ...]:
    """What was verified is not verified again; claims and backorders follow to the end."""
    return _STOCK if "verified" in order.milestones else _ALL


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
    events=(OrderVerified,),
    follow=_follow,
    looks_at=_looks_at,
    awaits=_awaits,
)
