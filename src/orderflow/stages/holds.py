"""Holds: reasoned blockers, placed by people or rules, never a state.

A hold says why, what it is about (the order, a fulfillment, a parcel) and which steps it blocks (all, where it names
none); it may end by itself. Holds stop new intentions, never answers and never facts. Releasing a hold that a rule
placed records a *waiver* of that rule on those facts: the hold does not come back until the facts change.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from orderflow.errors import Violation
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Hold, Order, Waiver
from orderflow.policy import Policy
from orderflow.stages.stage import Decision, Stage, Wait, next_id, order_exists
from orderflow.values.checked import PERSONAL, checked, optional, tuple_of
from orderflow.values.ids import as_id, as_text, digest
from orderflow.values.times import as_instant

__all__ = [
    "STAGE",
    "STEPS",
    "HoldPlaced",
    "HoldReleased",
    "PlaceHold",
    "ReleaseHold",
    "WarningRecorded",
    "reviews",
    "warnings",
]

#: The steps of our own that a hold can block; a host's own steps can be blocked by their names as well.
STEPS = (
    "place",
    "acknowledge",
    "claim",
    "verify",
    "confirm",
    "plan",
    "submit",
    "pick",
    "pack",
    "book",
    "despatch",
    "hand_over",
    "deliver_digital",
)


@command("place_hold")
class PlaceHold(Command):
    """Block steps of an order, or of a part of it, for a reason."""

    order_id: str = checked(as_id)
    code: str = checked(as_id)
    scope: str = checked(as_text(100), default="")
    blocks: tuple[str, ...] = checked(tuple_of(as_id), default=())
    note: str = checked(as_text(1000), default="", personal=True)
    expires_at: datetime | None = checked(optional(as_instant), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            order_id: str,
            code: str,
            scope: str = "",
            blocks: Iterable[str] = (),
            note: str = "",
            expires_at: datetime | None = None,
        ) -> None: ...


@command("release_hold")
class ReleaseHold(Command):
    """Lift a hold; where a rule placed it, the rule is waived on these facts."""

    order_id: str = checked(as_id)
    hold_id: str = checked(as_id)


@event("hold_placed")
class HoldPlaced(Event):
    """Something is blocked from now on."""

    hold_id: str
    code: str
    scope: str = ""
    blocks: tuple[str, ...] = ()
    note: str = attrs.field(default="", metadata=PERSONAL)
    expires_at: datetime | None = None
    facts: str = attrs.field(default="", metadata=PERSONAL)

    def apply(self, order: Order) -> Order:
        """The order has a hold more."""
        hold = Hold(
            self.hold_id, self.code, self.scope, self.blocks, self.note, self.at, self.expires_at, None, self.facts
        )
        return order.replace(holds=order.holds.set(self.hold_id, hold))


@event("hold_released")
class HoldReleased(Event):
    """A hold blocks no longer, because someone lifted it or its time was over."""

    hold_id: str
    expired: bool = False

    def apply(self, order: Order) -> Order:
        """The hold is released, and its rule waived on its facts."""
        hold = order.holds[self.hold_id].replace(released_at=self.at)
        waivers = (*order.waivers, Waiver(hold.code, hold.facts)) if hold.facts else order.waivers
        return order.replace(holds=order.holds.set(self.hold_id, hold), waivers=waivers)


@event("warning_recorded")
class WarningRecorded(Event):
    """A rule had something to say that stops nothing."""

    code: str
    message: str = attrs.field(metadata=PERSONAL)
    path: str = ""

    def apply(self, order: Order) -> Order:
        """It is on record, and changes nothing."""
        return order


# -- rules ----------------------------------------------------------------------------------------------------------


def the_scope_exists(order: Order, command: PlaceHold, policy: Policy) -> Iterable[Violation]:
    """A hold is about the order, a fulfillment or a parcel."""
    if command.scope and command.scope not in order.fulfillments and command.scope not in order.parcels:
        yield Violation("hold.unknown_scope", f"there is no {command.scope!r} in this order", "scope")


def the_blocked_steps_exist(order: Order, command: PlaceHold, policy: Policy) -> Iterable[Violation]:
    """What a hold blocks is a step of ours, or one that the host has put into a lifecycle."""
    charts = policy.lifecycles
    for index, step in enumerate(command.blocks):
        if step not in STEPS and not any(
            step in chart.events for chart in (charts.order, charts.fulfillment, charts.parcel)
        ):
            yield Violation(
                "hold.unknown_step",
                f"no step is called {step!r}",
                f"blocks[{index}]",
                remedy=f"ours are {', '.join(STEPS)}",
            )


def the_hold_has_not_ended_before_it_begins(order: Order, command: PlaceHold, policy: Policy) -> Iterable[Violation]:
    """A hold can end only after the order was placed."""
    if command.expires_at is not None and command.expires_at <= order.placed_at:
        yield Violation("hold.already_over", f"the hold would have ended at {command.expires_at}", "expires_at")


def the_hold_exists(order: Order, command: ReleaseHold, policy: Policy) -> Iterable[Violation]:
    """The hold is one of this order's."""
    if command.hold_id not in order.holds:
        yield Violation("hold.unknown", f"there is no hold {command.hold_id!r}", "hold_id")


def the_hold_is_active(order: Order, command: ReleaseHold, policy: Policy) -> Iterable[Violation]:
    """A hold is released once."""
    if not order.holds[command.hold_id].is_active:
        yield Violation("hold.already_released", f"{command.hold_id} is released", "hold_id")


def reviews(
    order: Order, objections: Iterable[Violation], blocks: tuple[str, ...], at: datetime
) -> Iterable[HoldPlaced]:
    """Holds for the objections of severity ``hold`` that were not waived on these facts, and do not hold already."""
    if order.erased_at is not None:  # what was waived is not known any more, nor is anybody sent anything
        return
    seen = {(waiver.code, waiver.facts) for waiver in order.waivers}
    seen |= {(hold.code, hold.facts) for hold in order.active_holds}
    number = len(order.holds)
    for violation in objections:
        facts = _digest(violation)
        if violation.severity == "hold" and (violation.code, facts) not in seen:
            number += 1
            seen.add((violation.code, facts))
            yield HoldPlaced(at, f"H{number}", violation.code, "", blocks, violation.message, None, facts)


def warnings(objections: Iterable[Violation], at: datetime) -> Iterable[WarningRecorded]:
    """The objections of severity ``warning``, for the record."""
    for violation in objections:
        if violation.severity == "warning":
            yield WarningRecorded(at, violation.code, violation.message, violation.path)


def _digest(violation: Violation) -> str:
    """A short digest of the facts that a rule objected to, as its message states them."""
    told = f"{violation.code}|{violation.path}|{violation.message}"
    return digest(told)


def _place(order: Order, command: PlaceHold, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    yield HoldPlaced(
        envelope.at,
        next_id("H", order.holds),
        command.code,
        command.scope,
        command.blocks,
        command.note or envelope.reason,
        command.expires_at,
    )


def _release(order: Order, command: ReleaseHold, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    yield HoldReleased(envelope.at, command.hold_id)


def _moments(order: Order, policy: Policy) -> Iterable[datetime]:
    return (hold.expires_at for hold in order.active_holds if hold.expires_at is not None)


def _at_time(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    for hold in order.active_holds:
        if hold.expires_at is not None and hold.expires_at <= at:
            yield HoldReleased(at, hold.id, expired=True)


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for hold in () if order.is_over else order.active_holds:
        note = f": {hold.note}" if hold.note else ""
        until = f", by itself at {hold.expires_at:%Y-%m-%d %H:%M}" if hold.expires_at else ""
        yield Wait(
            "someone", f"to release hold {hold.id} {hold.code}{note}{until}", ", ".join(hold.blocks) or "all steps"
        )


STAGE = Stage(
    name="holds",
    commands=(PlaceHold, ReleaseHold),
    events=(HoldPlaced, HoldReleased, WarningRecorded),
    decisions=(
        Decision(
            PlaceHold,
            tiers=(
                (order_exists,),
                (the_scope_exists, the_blocked_steps_exist, the_hold_has_not_ended_before_it_begins),
            ),
            events=_place,
            candidates=lambda order, policy: (PlaceHold(order.id, "review"),),
        ),
        Decision(
            ReleaseHold,
            tiers=((order_exists,), (the_hold_exists,), (the_hold_is_active,)),
            events=_release,
            candidates=lambda order, policy: tuple(ReleaseHold(order.id, hold.id) for hold in order.active_holds),
        ),
    ),
    moments=_moments,
    at_time=_at_time,
    awaits=_awaits,
)
