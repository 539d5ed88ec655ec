"""Lifecycles as real state machines, and a host's own state machine as a lifecycle.

`statechart` compiles a lifecycle into a class of python-statemachine. The class is never used to process an order: it
validates, it draws, and it is the oracle against which our own table is tested. `from_statemachine` goes the other way:
it reads a flat machine class that a host has already and refuses what a table cannot say.

Both read and build *classes*. The library is imported only inside the functions, since that takes longer than
everything else here together.

Two things are called differently over there. A state machine knows final states only, and wants a way to one from
everywhere; our *resting* states are ordinary states there, so those two checks are switched off in the compiled class:
our own definition check has made them already, with the resting states in mind. And guards are looked up by name on the
class, on the model or on a listener, when a machine is made; without ``guards`` the compiled class can be drawn and
inspected, but an instance needs a model that has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from orderflow.errors import LifecycleError, Violation
from orderflow.lifecycle.model import Lifecycle, Step

if TYPE_CHECKING:
    from statemachine import State, StateChart, StateMachine
    from statemachine.transition import Transition

__all__ = ["from_statemachine", "statechart"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def statechart(lifecycle: Lifecycle, guards: Mapping[str, Callable[..., object]] | None = None) -> type[StateMachine]:
    """A new state machine class that means the same as the lifecycle.

    Args:
        lifecycle: What to compile.
        guards: Functions by the names of the guards; they may take what python-statemachine injects (``model``, ...).

    Raises:
        LifecycleError: ``guards`` has a name for which the lifecycle never asks.
    """
    from statemachine import StateMachine
    from statemachine.factory import StateMachineMetaclass
    from statemachine.states import States

    given = dict(guards or {})
    _refuse(_unasked(lifecycle, given))
    namespace: dict[str, Any] = {name: staticmethod(guard) for name, guard in given.items()}
    namespace |= {"validate_trap_states": False, "validate_final_reachability": False}
    namespace["_lifecycle_states"] = States(_fresh_states(lifecycle))
    made = StateMachineMetaclass(_class_name(lifecycle), (StateMachine,), namespace)
    return cast("type[StateMachine]", made)


def _class_name(lifecycle: Lifecycle) -> str:
    """``in_transit`` becomes ``InTransit``."""
    return "".join(part[:1].upper() + part[1:] for part in lifecycle.name.split("_"))


def _unasked(lifecycle: Lifecycle, guards: Iterable[str]) -> Iterator[Violation]:
    for name in guards:
        if name not in lifecycle.guards:
            yield Violation("lifecycle.unknown_guard", f"no step asks for a guard {name!r}", name)


def _fresh_states(lifecycle: Lifecycle) -> dict[str, State]:
    """New state objects with their transitions: states that two classes share would corrupt both."""
    from statemachine import State

    states = {
        name: State(initial=name == lifecycle.initial, final=name in lifecycle.final) for name in lifecycle.states
    }
    for step in lifecycle.steps:
        turned = step.guard is not None and step.guard.startswith("!")
        asked: dict[str, str | None] = {"unless" if turned else "cond": step.asks}
        states[step.source].to(states[step.target], event=step.event, **asked)
    return states


def from_statemachine(
    machine: type[StateChart[Any]], name: str | None = None, version: int = 1, resting: Iterable[str] = ()
) -> Lifecycle:
    """The lifecycle that a flat state machine class describes.

    States are named by their ids. A guard keeps its name, and gets a ``!`` where the machine says ``unless``.

    Args:
        machine: The class; no instance is made.
        name: The name of the lifecycle; that of the class in small letters, unless it is said.
        version: The version of the lifecycle.
        resting: The states in which it may rest for good, of which a machine class knows nothing.

    Raises:
        LifecycleError: The machine says what a table cannot (nested, parallel or history states, eventless or internal
            transitions, guards that are expressions), or does what nobody would do any more (actions, validators).
    """
    _refuse(_against_machine(machine))
    steps = [
        Step(state.id, event.id, target.id, _guard(transition))
        for state in machine.states
        for transition in state.transitions
        for event in transition.events
        for target in transition.targets
    ]
    initial = "" if machine.initial_state is None else machine.initial_state.id
    final = [state.id for state in machine.final_states]
    return Lifecycle(name or machine.__name__.lower(), version, initial, tuple(steps), tuple(final), tuple(resting))


def _refuse(reasons: Iterable[Violation]) -> None:
    found = tuple(reasons)
    if found:
        raise LifecycleError(found)


def _guard(transition: Transition) -> str | None:
    """The one guard of a transition, as a step names it."""
    for spec in transition.cond:
        name: str = spec.attr_name
        turned = (spec.expected_value is False) is not name.startswith("!")
        return ("!" if turned else "") + name.removeprefix("!")
    return None


def _against_machine(machine: type[StateChart[Any]]) -> Iterator[Violation]:
    """Every reason why the class is no table."""
    if not getattr(machine, "states", None):
        yield Violation("lifecycle.no_states", f"{machine.__name__} has no states")
        return
    if getattr(machine, "listeners", None) or hasattr(machine, "prepare_event"):
        yield Violation("lifecycle.has_actions", f"{machine.__name__} has listeners or hooks that would not be called")
    for state in machine.states:
        yield from _against_state(machine, state)
        for transition in (each for each in state.transitions if not each.initial):
            yield from _against_transition(machine, transition)


def _against_state(machine: type[StateChart[Any]], state: State) -> Iterator[Violation]:
    if state.states or state.parallel or state.history:
        yield Violation("lifecycle.not_flat", f"the state {state.id!r} has states inside", state.id)
    for hooks in (state.enter, state.exit, state.invoke):
        yield from _actions(machine, hooks, state.id)


def _against_transition(machine: type[StateChart[Any]], transition: Transition) -> Iterator[Violation]:
    at = f"{transition.source.id}.{transition.event}" if transition.event else transition.source.id
    if transition.is_eventless:
        yield Violation("lifecycle.eventless_step", "happens by itself; a step needs an event", at)
    if transition.internal:
        yield Violation("lifecycle.internal_step", "is internal; a step enters its target", at)
    if len(transition.targets) != 1:
        yield Violation("lifecycle.not_flat", f"leads to {len(transition.targets)} states", at)
    guards = list(transition.cond)
    if len(guards) > 1:
        yield Violation("lifecycle.several_guards", "has more than one guard; give the combination a name", at)
    for spec in guards:
        if not _PLAIN.fullmatch(spec.attr_name.removeprefix("!")):
            yield Violation("lifecycle.guard_not_a_name", f"the guard {spec.attr_name!r} is no plain name", at)
    for spec in transition.validators:
        yield Violation("lifecycle.has_validators", f"the validator {spec.attr_name!r} would not be called", at)
    for hooks in (transition.before, transition.on, transition.after):
        yield from _actions(machine, hooks, at)


def _actions(machine: type[StateChart[Any]], hooks: Iterable[Any], at: str) -> Iterator[Violation]:
    """The actions that are really there; a hook by convention is one only where the class has the method."""
    for spec in hooks:
        if not spec.is_convention or hasattr(machine, spec.attr_name):
            yield Violation("lifecycle.has_actions", f"the action {spec.attr_name!r} would not be run", at)
