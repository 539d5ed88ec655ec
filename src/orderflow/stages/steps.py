"""A host's own steps, and the passing of time.

A host may put states and steps of its own into a lifecycle; ``TakeStep`` takes one, for the whole order, a fulfillment,
a parcel or a return. The steps of the standard process have commands of their own and are not taken this way.
``TimePassed`` is how time enters: the core reads no clock, the runtime says what time it is when a moment of attention
has come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orderflow.errors import Violation
from orderflow.lifecycle import FULFILLMENT, ORDER, PARCEL, RETURN, Lifecycle
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Fulfillment, Order, Parcel, Return
from orderflow.policy import Policy
from orderflow.stages.stage import Decision, Stage, Wait, nothing_holds, order_exists, order_not_cancelling, why_not
from orderflow.values.checked import checked
from orderflow.values.ids import as_id, as_text

__all__ = ["STAGE", "StepTaken", "TakeStep", "TimePassed"]


@command("take_step")
class TakeStep(Command):
    """Take a step that the host has put into a lifecycle: of the order, or of the part named by ``subject``."""

    order_id: str = checked(as_id)
    step: str = checked(as_id)
    subject: str = checked(as_text(100), default="")


@command("time_passed")
class TimePassed(Command):
    """It is now the time of the envelope: what ends by itself has ended."""

    order_id: str = checked(as_id)


@event("step_taken")
class StepTaken(Event):
    """The order or a part of it took a step of the host's own."""

    step: str
    state: str
    subject: str = ""

    def apply(self, order: Order) -> Order:
        """It is in another state."""
        if not self.subject:
            return order.reached(self.state, self.step, self.at)
        if self.subject in order.fulfillments:
            fulfillment = order.fulfillments[self.subject].replace(state=self.state)
            return order.replace(fulfillments=order.fulfillments.set(self.subject, fulfillment))
        if self.subject in order.returns:
            known = order.returns[self.subject].replace(state=self.state)
            return order.replace(returns=order.returns.set(self.subject, known))
        parcel = order.parcels[self.subject].replace(state=self.state)
        return order.replace(parcels=order.parcels.set(self.subject, parcel))


def _chart(order: Order, subject: str, policy: Policy) -> tuple[Lifecycle, Lifecycle]:
    """The lifecycle of a subject, and the standard one it stands beside."""
    if not subject:
        return policy.lifecycles.order, ORDER
    if subject in order.fulfillments:
        return policy.lifecycles.fulfillment, FULFILLMENT
    if subject in order.returns:
        return policy.lifecycles.return_, RETURN
    return policy.lifecycles.parcel, PARCEL


def _target(order: Order, command: TakeStep, policy: Policy) -> str | None:
    return _permitted(order, command.subject, command.step, policy)


def _permitted(order: Order, subject: str, step: str, policy: Policy) -> str | None:
    """The state into which a step would take a subject; ``None`` where its lifecycle, guards included, does not."""
    if not subject:
        return policy.order_step(order, step)
    if subject in order.fulfillments:
        return policy.fulfillment_step(order, order.fulfillments[subject], step)
    if subject in order.returns:
        return policy.return_step(order, order.returns[subject], step)
    return policy.parcel_step(order, order.parcels[subject], step)


def the_subject_exists(order: Order, command: TakeStep, policy: Policy) -> Iterable[Violation]:
    """A step is of the order, a fulfillment, a parcel or a return."""
    if command.subject and not any(command.subject in parts for parts in _parts(order)):
        yield Violation("step.unknown_subject", f"there is no {command.subject!r} in this order", "subject")


def _parts(order: Order) -> tuple[Mapping[str, Fulfillment | Parcel | Return], ...]:
    """The parts of an order that have lifecycles of their own."""
    return order.fulfillments, order.parcels, order.returns


def the_step_is_the_hosts_own(order: Order, command: TakeStep, policy: Policy) -> Iterable[Violation]:
    """A step of the standard process is taken by its own command, which does what the step means."""
    chart, standard = _chart(order, command.subject, policy)
    if command.step not in chart.events:
        yield Violation("step.unknown", f"the lifecycle of the {chart.name} has no step {command.step!r}", "step")
    elif command.step in standard.events:
        yield Violation("step.not_yours", f"{command.step!r} is taken by its own command", "step")


def the_step_is_permitted(order: Order, command: TakeStep, policy: Policy) -> Iterable[Violation]:
    """The lifecycle permits the step in this state."""
    if _target(order, command, policy) is None:
        chart, _ = _chart(order, command.subject, policy)
        told, remedy = why_not(chart, _state(order, command.subject), command.step)
        who = command.subject or "the order"
        yield Violation("step.not_permitted", f"{who} is {told}", command.subject, remedy=remedy)


def _holds(order: Order, command: TakeStep, policy: Policy) -> Iterable[Violation]:
    return nothing_holds(command.step, lambda o, c: (c.subject,))(order, command, policy)


def _take(order: Order, command: TakeStep, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    state = _target(order, command, policy)
    assert state is not None
    yield StepTaken(envelope.at, command.step, state, command.subject)


def _nothing_of_our_own(order: Order, command: TimePassed, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    """What time changes, each stage says for itself (``Stage.at_time``); the process asks them all."""
    return ()


def _own_steps(order: Order, policy: Policy) -> Iterable[TakeStep]:
    """Every step of the host's own that the order or a part of it could take, or not, now."""
    charts = policy.lifecycles
    for chart, standard, subjects in (
        (charts.order, ORDER, ("",)),
        (charts.fulfillment, FULFILLMENT, tuple(order.fulfillments)),
        (charts.parcel, PARCEL, tuple(order.parcels)),
        (charts.return_, RETURN, tuple(order.returns)),
    ):
        for step in chart.events:
            if step not in standard.events:
                yield from (TakeStep(order.id, step, subject) for subject in subjects)


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    """Where nothing of ours can move something on, but a step of the host's can, the host is waited for."""
    for own in _own_steps(order, policy):
        chart, standard = _chart(order, own.subject, policy)
        state = _state(order, own.subject)
        ours = any(
            step in standard.events and step not in _WAYS_OUT and _permitted(order, own.subject, step, policy)
            for step in chart.events_from(state)
        )
        if not ours and _target(order, own, policy) is not None:
            yield Wait("someone", f"to take the step {own.step}", own.subject or "the order")


#: Steps that end or undo something, or that others tell of: that they are possible does not mean that it can go on.
_WAYS_OUT = frozenset(
    {"cancel", "reject", "refuse", "unpack", "unbook", "reopen", "record_despatch", "receive", "finish", "close"}
)


def _state(order: Order, subject: str) -> str:
    if not subject:
        return order.state
    return next(parts[subject].state for parts in _parts(order) if subject in parts)


STAGE = Stage(
    name="steps",
    commands=(TakeStep, TimePassed),
    events=(StepTaken,),
    decisions=(
        Decision(
            TakeStep,
            tiers=(
                (order_exists,),
                (the_subject_exists,),
                (the_step_is_the_hosts_own,),
                (the_step_is_permitted, order_not_cancelling, _holds),
            ),
            events=_take,
            candidates=_own_steps,
        ),
        Decision(TimePassed, tiers=((order_exists,),), events=_nothing_of_our_own),
    ),
    awaits=_awaits,
)
