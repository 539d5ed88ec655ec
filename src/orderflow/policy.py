"""What a host may replace: one frozen value.

A `Policy` holds lifecycles, rule books, strategies, automation and the way of retrying. It decides what may happen
next; it never decides what *has* happened: events record outcomes, so replay is the same under any two policies. The
standard policy is `orderflow.defaults.STANDARD`; a host's own is ``attrs.evolve(STANDARD, ...)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import attrs

from orderflow.calendars import as_wished
from orderflow.charges import RoundingRule
from orderflow.errors import Violation
from orderflow.lifecycle import FULFILLMENT, ORDER, PARCEL, Lifecycle
from orderflow.order import Case, Fulfillment, Order, Parcel, Shipment
from orderflow.ports import Rate
from orderflow.promise import Promise
from orderflow.values.frozenmap import FrozenMap

__all__ = [
    "AUTOMATIC",
    "BY_CHOICE",
    "REVIEWED",
    "Allocation",
    "Available",
    "Draft",
    "Lifecycles",
    "Policy",
    "Retry",
    "Rule",
    "VerificationRule",
]

#: A rule of a command: a function whose name is a true sentence, and which yields what contradicts it.
Rule: TypeAlias = Callable[[Order, Any, "Policy"], Iterable[Violation]]
#: A rule of verification: what an order must fulfill before work begins. Severity ``hold`` places a hold for review.
VerificationRule: TypeAlias = Callable[[Order], Iterable[Violation]]
#: A guard of a lifecycle step, over the order and the id of the part concerned (empty for the order itself).
Guard: TypeAlias = Callable[[Order, str], bool]

#: How much an objection weighs: it refuses, holds for review, is recorded, or is not made at all.
Weight: TypeAlias = Literal["error", "hold", "warning", "ignored"]

#: What happens by itself in the standard policy: everything up to "ready to pick", and after despatch.
AUTOMATIC = frozenset({"acknowledge", "verify", "plan", "complete"})
#: What happens by itself where a policy adds it to these: digital goods are sent, the message being the delivery.
BY_CHOICE = frozenset({"deliver_digital"})


#: What our own rules object to without refusing: how much it weighs may be changed by ``Policy.severities``.
REVIEWED: FrozenMap[str, str] = FrozenMap(
    {
        "acceptance.repeated_reference": "the same customer has used its own number for another order",
    }
)


@attrs.frozen
class Lifecycles:
    """The lifecycles of an order and its parts."""

    order: Lifecycle = ORDER
    fulfillment: Lifecycle = FULFILLMENT
    parcel: Lifecycle = PARCEL


@attrs.frozen
class Retry:
    """How often and how patiently an unavailable port is asked again: ``first``, then ``factor`` times as long, ..."""

    first: timedelta = timedelta(seconds=30)
    factor: int = 2
    longest: timedelta = timedelta(hours=1)
    attempts: int = 8

    def __attrs_post_init__(self) -> None:
        if self.attempts < 1 or self.factor < 1 or self.first <= timedelta(0):
            raise ValueError("a port is asked at least once, after a pause, and no more often as time goes on")

    def delay(self, failed: int) -> timedelta:
        """How long to wait after ``failed`` attempts in a row."""
        grown: timedelta = self.first * (self.factor ** max(0, min(failed, 20) - 1))
        return min(self.longest, grown)


@attrs.frozen
class Available:
    """Units of a line that are held for us and wait for a fulfillment."""

    line_id: str
    quantity: Decimal
    location: str


@attrs.frozen
class Allocation:
    """The work that one location is to be given."""

    location: str
    quantities: FrozenMap[str, Decimal]


@attrs.frozen
class Draft:
    """A message as a strategy writes it: to whom, how, in which locale, with which data."""

    channel: str
    to: str
    locale: str
    body: FrozenMap[str, str]


def _rules(raw: Iterable[VerificationRule] | VerificationRule) -> tuple[VerificationRule, ...]:
    return (raw,) if callable(raw) else tuple(raw)


def _steps(raw: Iterable[str]) -> frozenset[str]:
    return frozenset(raw)


@attrs.frozen
class Policy:
    """How this host processes orders.

    Attributes:
        plan: sourcing strategy: which location does which part of what is available.
        choose_rate: carrier strategy: which of the offered rates is taken; ``None`` where none will do.
        promise: promise strategy: what is promised of a line from a location, as of a moment; ``None`` for nothing.
        draft: message strategy: what to tell whom at a milestone ``(kind, subject)``; ``None`` for nothing.
        rules: further rules of commands, by the command's tag; they run after our own of the same command. Severity
            ``error`` refuses, ``hold`` places a hold on all steps, ``warning`` goes on record.
        verification: what must be true of an order before it is verified.
        severities: how much weighs what our own rules object to, by code (see `REVIEWED`): ``hold`` for review unless
            it is said, ``error``, ``warning``, or ``ignored``.
        expire_after: how long an order may wait to be verified and confirmed before it is cancelled by itself: a time
            after it was placed, or a strategy that says until when; ``None`` for ever.
        guards: the guards that the lifecycles name.
        automatic: which steps are taken without a command, where the lifecycle permits.
        superseded_by: which unsent messages a later one makes stale.
        rounding: how charges round; frozen into an order when it is placed.
        retry: how an unavailable port is asked again.
        poll_every: how often carriers are asked for tracking; ``None`` where they push.
        renew_before: how long before a reservation ends it is put again; half-way, where it lasts less than twice that.
        settle: which option settles an exception without a person, asked while the case is open; ``None`` leaves it
            to someone. It can see in the order how often it has chosen already, and should come to an end.
        patience: for how long the option ``wait`` waits before the problem needs someone again.
    """

    plan: Callable[[Order, tuple[Available, ...]], Iterable[Allocation]]
    choose_rate: Callable[[Order, Shipment, tuple[Rate, ...]], Rate | None]
    draft: Callable[[Order, str, str], Draft | None]
    promise: Callable[[Order, str, str, datetime], Promise | None] = as_wished
    lifecycles: Lifecycles = attrs.field(factory=Lifecycles)
    rules: Mapping[str, tuple[Rule, ...]] = attrs.field(factory=FrozenMap)
    verification: tuple[VerificationRule, ...] = attrs.field(default=(), converter=_rules)
    guards: Mapping[str, Guard] = attrs.field(factory=FrozenMap)
    automatic: frozenset[str] = attrs.field(default=AUTOMATIC, converter=_steps)
    superseded_by: Mapping[str, tuple[str, ...]] = attrs.field(factory=FrozenMap)
    rounding: RoundingRule = attrs.field(factory=RoundingRule)
    retry: Retry = attrs.field(factory=Retry)
    poll_every: timedelta | None = timedelta(hours=6)
    renew_before: timedelta = timedelta(minutes=5)
    severities: Mapping[str, Weight] = attrs.field(factory=FrozenMap)
    expire_after: timedelta | Callable[[Order], datetime | None] | None = None

    settle: Callable[[Order, Case], str | None] | None = None
    patience: timedelta = timedelta(days=7)

    def severity(self, code: str) -> Weight:
        """How much an objection of our own rules weighs."""
        return self.severities.get(code, "hold")

    def expires_at(self, order: Order) -> datetime | None:
        """Until when an order may wait to be verified and confirmed."""
        if self.expire_after is None or isinstance(self.expire_after, timedelta):
            return None if self.expire_after is None else order.placed_at + self.expire_after
        return self.expire_after(order)

    def order_step(self, order: Order, step: str) -> str | None:
        """The state into which a step would take the order; ``None`` where its lifecycle does not permit it."""
        return self._target(self.lifecycles.order, order.state, step, order, "")

    def fulfillment_step(self, order: Order, fulfillment: Fulfillment, step: str) -> str | None:
        """The state into which a step would take a fulfillment."""
        return self._target(self.lifecycles.fulfillment, fulfillment.state, step, order, fulfillment.id)

    def parcel_step(self, order: Order, parcel: Parcel, step: str) -> str | None:
        """The state into which a step would take a parcel."""
        return self._target(self.lifecycles.parcel, parcel.state, step, order, parcel.id)

    def _target(self, lifecycle: Lifecycle, state: str, step: str, order: Order, subject: str) -> str | None:
        if step not in lifecycle.events:
            return None
        return lifecycle.target(state, step, lambda guard: self.guards[guard](order, subject))
