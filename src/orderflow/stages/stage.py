"""What a stage is, and the rules that stages share.

A stage contributes any of these, each a plain function over the order:

``decisions``  what its commands may do: rules in tiers (shape, existence, state, quantity), then events
``follow``     what follows from the state alone: milestones and automatic steps (run to a fixpoint after every change)
``wants``      what is still wanted from outside, derived from the state
``answers``    what an answer to such a request means, total over every reply
``moments``    when time alone would change something, and ``at_time``: what it changes then
``settles``    what the options of its exception cases do
``awaits``     whom the order waits for, in words

``looks_at`` names the fields of the order on which ``follow`` depends, having said all it had to say about an order, so
that it is asked again only when one of them has changed; ``None`` stands for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import attrs

from orderflow.change_rules import Modification
from orderflow.errors import Violation
from orderflow.lifecycle import Lifecycle
from orderflow.messages import SYSTEM, Actor, Command, Envelope, Event
from orderflow.order import Case, Order
from orderflow.policy import Policy, Rule
from orderflow.ports import Request
from orderflow.stages.objections import objections_to
from orderflow.stages.permission import denied, must_be_approved, proposed
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.numbers import plain
from orderflow.values.quantity import by_line
from orderflow.values.record import record

__all__ = [
    "Decision",
    "Stage",
    "Wait",
    "Wanted",
    "by_line",
    "next_id",
    "nothing_holds",
    "objections_to",
    "order_exists",
    "order_may",
    "order_not_cancelling",
    "order_was_placed",
    "titled",
    "units_text",
    "why_not",
]


@record
class Wanted:
    """A request that is wanted, from which moment on (``None``: now), and whether it repeats while it is wanted."""

    request: Request
    not_before: datetime | None = None
    repeats: bool = False


@record
class Wait:
    """Whom the order waits for, and what for."""

    who: str
    what: str
    about: str = ""

    def __str__(self) -> str:
        about = f" ({self.about})" if self.about else ""
        return f"{self.who} {self.what}{about}"


def titled(title: str, told: Iterable[str]) -> list[str]:
    """Rows of a report for people: the title stands before the first of them."""
    return [f"  {title if number == 0 else '':<14}{row}" for number, row in enumerate(told)]


def _no_candidates(order: Order, policy: Policy) -> Iterable[Command]:
    return ()


@attrs.frozen(eq=False)
class Decision:
    """One command: its rules in tiers, the events it leads to, and the forms in which it could be given now.

    ``stands_for`` is another command that means the same here: what the host has against that, it has against this.
    ``modifies`` are the changes of a placed order that it asks for, which the policy may not permit everyone; and
    ``for_whom`` are further rules about who may give it. What is not ``is_told`` is the past: nobody is told of it,
    now or later.
    """

    command: type[Command]
    tiers: tuple[tuple[Rule, ...], ...]
    events: Callable[[Order, Any, Policy, Envelope], Iterable[Event]]
    candidates: Callable[[Order, Policy], Iterable[Command]] = _no_candidates
    stands_for: Callable[[Order, Any], Command] | None = None
    is_told: bool = True
    modifies: Callable[[Order, Any, Policy], Iterable[Modification]] | None = None
    for_whom: tuple[Callable[[Order, Any, Policy, Actor], Iterable[Violation]], ...] = ()

    def violations(self, order: Order, command: Command, policy: Policy, by: Actor = SYSTEM) -> tuple[Violation, ...]:
        """Everything in the first tier that is broken: ours, who may do it at all, a host's own rules."""
        for tier in self.tiers:
            found = [violation for rule in tier for violation in rule(order, command, policy)]
            if found:
                return tuple(found)
        if self.modifies is not None or self.for_whom:
            found = list(self._not_for(order, command, policy, by))
            if found:
                return tuple(found)
        return tuple(v for v in self.remarks(order, command, policy) if v.severity == "error")

    def _not_for(self, order: Order, command: Command, policy: Policy, by: Actor) -> Iterable[Violation]:
        """What an actor may not do of it."""
        if self.modifies is not None:
            yield from denied(self.modifies(order, command, policy), policy, by)
        for rule in self.for_whom:
            yield from rule(order, command, policy, by)

    def led_to(self, order: Order, command: Command, policy: Policy, envelope: Envelope) -> Iterable[Event]:
        """The events of the command; of a change that another must approve, that it was proposed."""
        if self.modifies is not None and must_be_approved(self.modifies(order, command, policy), policy, envelope.by):
            return (proposed(order, command, envelope),)
        return self.events(order, command, policy, envelope)

    def remarks(self, order: Order, command: Command, policy: Policy) -> tuple[Violation, ...]:
        """What the host's own rules say to this command, whatever its severity."""
        if not policy.rules:
            return ()
        found = [v for rule in policy.rules.get(self.command.TAG, ()) for v in rule(order, command, policy)]
        if self.stands_for is not None:
            same = self.stands_for(order, command)
            found += [v for rule in policy.rules.get(same.TAG, ()) for v in rule(order, same, policy)]
        return tuple(found)


def _nothing(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    return ()


def _no_wants(order: Order) -> Iterable[Wanted]:
    return ()


def _no_moments(order: Order, policy: Policy) -> Iterable[datetime]:
    return ()


def _everything(order: Order) -> tuple[str, ...] | None:
    return None


def _no_waits(order: Order, policy: Policy) -> Iterable[Wait]:
    return ()


Answer = Callable[[Order, Any, Any, Policy, datetime], Iterable[Event]]
Settle = Callable[[Order, Case, Policy, datetime], Iterable[Event]]


@attrs.frozen(eq=False)
class Stage:
    """One stage of the trade."""

    name: str
    commands: tuple[type[Command], ...] = ()
    events: tuple[type[Event], ...] = ()
    decisions: tuple[Decision, ...] = ()
    follow: Callable[[Order, Policy, datetime], Iterable[Event]] = _nothing
    wants: Callable[[Order], Iterable[Wanted]] = _no_wants
    answers: Mapping[type[Request], Answer] = attrs.field(factory=FrozenMap)
    moments: Callable[[Order, Policy], Iterable[datetime]] = _no_moments
    at_time: Callable[[Order, Policy, datetime], Iterable[Event]] = _nothing
    settles: Mapping[tuple[str, str], Settle] = attrs.field(factory=FrozenMap)
    awaits: Callable[[Order, Policy], Iterable[Wait]] = _no_waits
    looks_at: Callable[[Order], tuple[str, ...] | None] = _everything

    def __attrs_post_init__(self) -> None:
        given = {decision.command for decision in self.decisions}
        assert given == set(self.commands), f"stage {self.name}: commands without a decision, or the reverse"


def next_id(prefix: str, held: Mapping[str, Any]) -> str:
    """The next ordinal id: F1, F2, ... Parts are never removed, so their number is enough."""
    return f"{prefix}{len(held) + 1}"


def units_text(order: Order, quantities: Mapping[str, Decimal]) -> str:
    """``2 x TEA-250 and 1 x POT-1``, kits as they were ordered; long lists are cut."""
    parts = [f"{plain(quantity)} × {order.name_of(row_id)}" for row_id, quantity in order.in_kits(quantities).items()]
    if len(parts) > 4:
        parts = [*parts[:3], f"{len(parts) - 3} more lines"]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


# -- rules that stages share ----------------------------------------------------------------------------------------


def order_exists(order: Order | None, command: Any, policy: Policy) -> Iterable[Violation]:
    """A command concerns an order that exists."""
    if order is None:
        yield Violation("order.unknown", f"there is no order {command.order_id!r}", "order_id")


def order_was_placed(order: Order | None, command: Any, policy: Policy) -> Iterable[Violation]:
    """What becomes of goods concerns an order: of a draft nothing was ordered yet."""
    if order is not None and order.is_draft:
        yield Violation("draft.not_placed", f"{order.id} is a draft", "order_id", remedy="PlaceDraft")


def why_not(chart: Lifecycle, state: str, step: str) -> tuple[str, str]:
    """Why a lifecycle does not permit a step, and from which states it would: for a message, and its remedy."""
    if step not in chart.events:
        return f"{state}, and its lifecycle has no step {step!r}", ""
    guards = [s.guard for s in chart.steps_from(state) if s.event == step and s.guard]
    if guards:
        return f"{state}, but guard {' and '.join(map(repr, guards))} does not hold", ""
    return state, f"possible while it is {' or '.join(chart.sources_of(step))}"


def order_may(step: str) -> Rule:
    """The order's lifecycle permits a step."""

    def the_order_may_take_this_step(order: Order, command: Any, policy: Policy) -> Iterable[Violation]:
        if policy.order_step(order, step) is None:
            told, remedy = why_not(policy.lifecycles.order, order.state, step)
            yield Violation(f"order.cannot_{step}", f"the order is {told}", remedy=remedy)

    return the_order_may_take_this_step


def order_not_cancelling(order: Order, command: Any, policy: Policy) -> Iterable[Violation]:
    """Nothing new is begun while a cancellation waits for its answer."""
    if order.cancellation is not None:
        yield Violation("cancellation.requested", "the order is being cancelled")


def nothing_holds(step: str, subjects: Callable[[Order, Any], tuple[str, ...]] = lambda order, command: ()) -> Rule:
    """No active hold blocks a step."""

    def no_hold_blocks_this_step(order: Order | None, command: Any, policy: Policy) -> Iterable[Violation]:
        if order is None or not order.holds:
            return
        for hold in order.holds_on(step, *subjects(order, command)):
            yield Violation(
                "hold.active",
                f"hold {hold.id} ({hold.code}) blocks this" + (f": {hold.note}" if hold.note else ""),
                hold.id,
                remedy=f"ReleaseHold {hold.id}",
            )

    return no_hold_blocks_this_step
