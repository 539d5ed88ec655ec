"""Sourcing: which location does which part of the work.

What is held for us and not yet given to anyone is divided among locations by a strategy (``Policy.plan``); each part
is a *fulfillment*, the work of one location. A fulfillment that has lost all its units (a cancellation, an expired
reservation) is withdrawn by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from orderflow.errors import Violation
from orderflow.ledger import OPEN, Move, allocated, delivered, lost, packed, shipped
from orderflow.messages import Command, Event, command, event
from orderflow.order import Fulfillment, Order
from orderflow.policy import Allocation, Available, Policy
from orderflow.stages.stage import Decision, Stage, nothing_holds, order_exists, order_not_cancelling
from orderflow.values.checked import checked, evolved
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id
from orderflow.values.numbers import EXACT, ZERO

__all__ = ["STAGE", "FulfillmentPlanned", "FulfillmentWithdrawn", "PlanFulfillment"]


@command("plan_fulfillment")
class PlanFulfillment(Command):
    """Divide what is held among locations. By default this happens by itself once the order is verified."""

    order_id: str = checked(as_id)


@event("fulfillment_planned")
class FulfillmentPlanned(Event):
    """A location was given work."""

    fulfillment_id: str
    location: str
    quantities: FrozenMap[str, Decimal]
    state: str

    def apply(self, order: Order) -> Order:
        """The units are allocated to the fulfillment."""
        account = allocated(self.fulfillment_id)
        moves = (Move(line_id, OPEN, account, quantity) for line_id, quantity in self.quantities.items())
        fulfillment = Fulfillment(self.fulfillment_id, self.location, self.state, self.quantities)
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
    """What is held, priced and not yet given to anyone."""
    if OPEN not in order.ledger.held:
        return ()
    found = []
    for claim in order.claims.values():
        open_units = order.ledger.balance(claim.line_id, OPEN)
        if open_units and claim.confirmed == claim.revision and not order.unpriced(claim.line_id):
            quantity = min(open_units, order.free_hold(claim))
            if quantity > 0:
                found.append(Available(claim.line_id, quantity, claim.location))
    found += _at_suppliers(order)
    return tuple(found)


def _at_suppliers(order: Order) -> Iterable[Available]:
    """What suppliers ship from their own stock: priced, and not yet given to anyone."""
    for line_id, quantity in order.ledger.held.get(OPEN, {}).items():
        if order.method_of(line_id) == "supplier" and not order.unpriced(line_id):
            yield Available(line_id, quantity, order.terms_of(line_id).supplier or "supplier")


# -- rules ----------------------------------------------------------------------------------------------------------


def the_order_is_verified(order: Order, command: PlanFulfillment, policy: Policy) -> Iterable[Violation]:
    """Work is planned after verification."""
    if "verified" not in order.milestones:
        yield Violation("sourcing.not_verified", f"the order is {order.state}, not verified")


def something_is_there_to_plan(order: Order, command: PlanFulfillment, policy: Policy) -> Iterable[Violation]:
    """There are units that are held and not allocated."""
    if not available(order):
        yield Violation("sourcing.nothing_to_plan", "no units are held that wait for a location")


def _plan(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    units = available(order)
    if not units:
        return
    state = policy.lifecycles.fulfillment.initial
    number = len(order.fulfillments)
    for allocation in _one_way_each(order, _within(policy.plan(order, units), units)):
        number += 1
        yield FulfillmentPlanned(at, f"F{number}", allocation.location, allocation.quantities, state)


def _one_way_each(order: Order, allocations: Iterable[Allocation]) -> Iterable[Allocation]:
    """What customers collect is other work than what leaves: neither is to wait for the other."""
    for allocation in allocations:
        ways: dict[str, dict[str, Decimal]] = {}
        for line_id, quantity in allocation.quantities.items():
            ways.setdefault(order.method_of(line_id), {})[line_id] = quantity
        for quantities in ways.values():
            yield allocation if len(ways) == 1 else evolved(allocation, quantities=FrozenMap(quantities))


def _within(allocations: Iterable[Allocation], units: tuple[Available, ...]) -> Iterable[Allocation]:
    """What a strategy allocates, which may not be more than there is: that would be the strategy's bug, said so."""
    left = {unit.line_id: unit.quantity for unit in units}
    for allocation in allocations:
        for line_id, quantity in allocation.quantities.items():
            left[line_id] = EXACT.subtract(left.get(line_id, ZERO), quantity)
            if quantity <= 0 or left[line_id] < 0:
                raise ValueError(f"the sourcing strategy allocates {quantity} of {line_id}, which is not available")
        yield allocation


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    if (
        "verified" in order.milestones
        and "plan" in policy.automatic
        and order.cancellation is None
        and not any(order.holds_on("plan"))
    ):
        yield from _plan(order, policy, at)
    for fulfillment in order.fulfillments.values():
        if not order.work_left(fulfillment.id):
            state = policy.fulfillment_step(order, fulfillment, "cancel")
            if state is None or order.has_handed_over(fulfillment.id):
                continue
            if not any(True for _ in _parcels_with_goods(order, fulfillment)):
                yield FulfillmentWithdrawn(at, fulfillment.id, state)


def _parcels_with_goods(order: Order, fulfillment: Fulfillment) -> Iterable[str]:
    return (
        parcel.id
        for parcel in order.parcels_of(fulfillment.id)
        if any(order.ledger.holds_any(account(parcel.id)) for account in (packed, shipped, delivered, lost))
    )


def _looks_at(order: Order) -> tuple[str, ...] | None:
    """While units wait for a location, anything may change the mind of the strategy."""
    if "verified" not in order.milestones and not order.fulfillments:
        return ("milestones",)
    return None if OPEN in order.ledger.held else ("milestones", "ledger", "cancellation", "fulfillments", "parcels")


STAGE = Stage(
    name="sourcing",
    commands=(PlanFulfillment,),
    events=(FulfillmentPlanned, FulfillmentWithdrawn),
    decisions=(
        Decision(
            PlanFulfillment,
            tiers=(
                (order_exists,),
                (the_order_is_verified, order_not_cancelling, nothing_holds("plan")),
                (something_is_there_to_plan,),
            ),
            events=lambda order, command, policy, envelope: _plan(order, policy, envelope.at),
            candidates=lambda order, policy: (PlanFulfillment(order.id),),
        ),
    ),
    follow=_follow,
    looks_at=_looks_at,
)
