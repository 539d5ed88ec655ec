"""What a lifecycle is: the steps that an order, a fulfillment or a parcel may take, as one value.

A lifecycle is a table. Its rows are steps: in this state, on this event, go to that state, perhaps only while a guard
holds. Everything else is derived. The states are the names that the rows mention, so a host adds a state by writing a
row. States come in three kinds:

- *final*: it ends here, nothing leads away (a cancelled order);
- *resting*: it may stay here for good, and may yet move on (a completed order, which a late claim reopens);
- *passing*: everything else. From every passing state some way leads to a final or resting one; a lifecycle in which
  things get stuck is refused when it is written down.

Where several steps lead from one state by one event, the first whose guard holds is taken. A guard is a *name*; whoever
asks says whether it holds, so the table stays a value that can be compared, stored and drawn. A leading ``!`` turns a
guard around: ``!urgent`` holds where ``urgent`` does not.

The table is compiled once into a dictionary from (state, event); a step costs a look-up. A real state machine, compiled
from the same value by `orderflow.lifecycle.chart`, is the oracle of its meaning, which is why some names are refused
here: they would mean something else there.
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import attrs

from orderflow.errors import LifecycleError, UnknownType, Violation

__all__ = ["RESERVED", "Lifecycle", "Step"]

# fmt: off
RESERVED = frozenset({
    "TransitionNotAllowed", "activate_initial_state", "active_listeners", "add_listener",
    "allow_event_without_transition", "allowed_events", "atomic_configuration_update", "bind_events_to",
    "cancel_event", "catch_errors_as_events", "configuration", "configuration_values", "current_state",
    "current_state_value", "enable_self_transition_entries", "enabled_events", "events", "final_states",
    "history_values", "id", "initial_state", "is_terminated", "listeners", "listeners_inherit", "model", "name",
    "prepare", "raise_", "send", "start_configuration_values", "state_field", "states", "states_map",
    "validate_disconnected_states", "validate_final_reachability", "validate_trap_states", "after_transition",
    "before_transition", "on_enter_state", "on_exit_state", "on_invoke_state", "on_transition",
    "prepare_event",
})
# fmt: on
"""Names that state machines keep for themselves: no state, event or guard may have one."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_HOOKS_OF_AN_EVENT = ("before", "on", "after")
_HOOKS_OF_A_STATE = ("on_enter", "on_exit", "on_invoke")

Pair = tuple[str, str]
Holds = Callable[[str], bool]


@attrs.frozen
class Step:
    """One row of a lifecycle: in ``source``, on ``event``, go to ``target`` if ``guard`` holds."""

    source: str
    event: str
    target: str
    guard: str | None = None

    @property
    def asks(self) -> str | None:
        """The name of the guard without its ``!``."""
        return None if self.guard is None else self.guard.removeprefix("!")

    def __str__(self) -> str:
        guard = f" [{self.guard}]" if self.guard is not None else ""
        return f"{self.source} -{self.event}{guard}-> {self.target}"


def _nobody_says(guard: str) -> bool:
    """A guard was met and nobody said whether it holds: that is not a no."""
    raise UnknownType(guard, "guard")


def _tuple(raw: Iterable[str]) -> tuple[str, ...]:
    """The names, each once; a single name stands for itself, not for its letters."""
    return (raw,) if isinstance(raw, str) else tuple(dict.fromkeys(raw))


def _rows(raw: Iterable[Step]) -> tuple[Step, ...]:
    return tuple(raw)


@attrs.frozen
class Lifecycle:
    """The states that something passes through, and what moves it from one to the next.

    Two lifecycles with the same name, version, initial state, steps and ends are equal. One that cannot work is refused
    with `LifecycleError`, which lists every reason.

    Attributes:
        name: What lives it: ``order``, ``fulfillment``, ``parcel``.
        version: Goes up by one whenever the steps change.
        initial: The state in which it begins.
        steps: The rows. Their order matters only among steps from one state by one event.
        final: The states in which it ends.
        resting: The states in which it may stay for good, though something may lead away.
    """

    name: str
    version: int
    initial: str
    steps: tuple[Step, ...] = attrs.field(converter=_rows)
    final: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    resting: tuple[str, ...] = attrs.field(default=(), converter=_tuple)
    states: tuple[str, ...] = attrs.field(init=False, eq=False, repr=False)
    events: tuple[str, ...] = attrs.field(init=False, eq=False, repr=False)
    _table: dict[Pair, tuple[tuple[str | None, bool, str], ...]] = attrs.field(init=False, eq=False, repr=False)
    _sources: dict[str, tuple[str, ...]] = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        put = object.__setattr__
        self._refuse(_misshapen(self))
        mentioned = [self.initial, *(name for step in self.steps for name in (step.source, step.target))]
        put(self, "states", tuple(dict.fromkeys(mentioned)))
        put(self, "events", tuple(dict.fromkeys(step.event for step in self.steps)))
        put(self, "final", self._in_order(self.final))
        put(self, "resting", self._in_order(self.resting))
        self._refuse(reason for rule in _RULES for reason in rule(self))
        put(self, "_table", _compiled(self.steps))
        put(self, "_sources", _sources(self.steps))

    def _in_order(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names in the order of the states, so that equal sets of ends are equal; unknown ones last."""
        known = [state for state in self.states if state in names]
        return (*known, *(name for name in names if name not in self.states))

    # What is permitted

    def target(self, state: str, event: str, holds: Holds = _nobody_says) -> str | None:
        """Where ``event`` leads from ``state``, or ``None`` where it is not permitted.

        Args:
            state: The state it is in.
            event: What is to happen.
            holds: Says whether the guard of this name holds; asked only where a step has one.

        Raises:
            UnknownType: The lifecycle has no such state or event, or has a guard that nobody answers for.
        """
        for guard, wanted, target in self._table.get((state, event)) or self._nothing(state, event):
            if guard is None or bool(holds(guard)) is wanted:
                return target
        return None

    def permits(self, state: str, event: str, holds: Holds = _nobody_says) -> bool:
        """Whether ``event`` leads anywhere from ``state``."""
        return self.target(state, event, holds) is not None

    def _nothing(self, state: str, event: str) -> tuple[tuple[str | None, bool, str], ...]:
        """No rows, once it is sure that both names mean something here."""
        self._known_state(state)
        self._known_event(event)
        return ()

    def _known_state(self, state: str) -> None:
        if state not in self.states:
            raise UnknownType(state, f"state of lifecycle {self.name}")

    def _known_event(self, event: str) -> None:
        if event not in self.events:
            raise UnknownType(event, f"event of lifecycle {self.name}")

    # What there is

    @property
    def guards(self) -> tuple[str, ...]:
        """The names of the guards that the steps ask for, without ``!``."""
        return tuple(dict.fromkeys(step.asks for step in self.steps if step.asks is not None))

    def steps_from(self, state: str) -> tuple[Step, ...]:
        """The steps that lead away from ``state``, in order."""
        self._known_state(state)
        return tuple(step for step in self.steps if step.source == state)

    def events_from(self, state: str) -> tuple[str, ...]:
        """The events that may lead somewhere from ``state``, guards or not."""
        return tuple(dict.fromkeys(step.event for step in self.steps_from(state)))

    def sources_of(self, event: str) -> tuple[str, ...]:
        """The states in which ``event`` may happen, guards or not."""
        self._known_event(event)
        return self._sources[event]

    # Changing it, by value

    def extended(
        self,
        *steps: Step,
        final: Iterable[str] = (),
        resting: Iterable[str] = (),
        instead_of: Iterable[Pair] = (),
        version: int | None = None,
    ) -> Lifecycle:
        """This lifecycle with more steps, and with new states where the steps mention them.

        Args:
            steps: Are added after those there are.
            final: States in which it ends, besides those there are.
            resting: States in which it may rest, besides those there are.
            instead_of: Pairs (state, event) whose steps are taken out first, so that a step can be redirected.
            version: One more than before, unless it is said.
        """
        kept = self._kept(tuple(instead_of))
        return self._changed(
            (*kept, *steps), (*self.final, *_tuple(final)), (*self.resting, *_tuple(resting)), version, (final, resting)
        )

    def without(self, *pairs: Pair, version: int | None = None) -> Lifecycle:
        """This lifecycle without the steps from these states by these events.

        A state that no step mentions any more is gone.
        """
        return self._changed(self._kept(pairs), self.final, self.resting, version)

    def inserted(
        self, state: str, *, after: str, by: str, taking: Iterable[str], version: int | None = None
    ) -> Lifecycle:
        """This lifecycle with a new state between ``after`` and what follows it.

        From ``after`` the event ``by`` leads to ``state``, which takes over the steps of ``after`` by the events
        ``taking``. All other steps of ``after`` are possible from ``state`` as well: what could be cancelled still can.
        A step that led from ``after`` to itself leads from ``state`` to itself.
        """
        taken = _tuple(taking)
        self._refuse(self._against_inserting(state, after, by, taken))
        leaves = [step.source == after and step.event in taken for step in self.steps]
        moved = [self._moved(step, state) if left else step for step, left in zip(self.steps, leaves, strict=True)]
        place = leaves.index(True) if True in leaves else len(moved)
        kept = (step for step, left in zip(self.steps, leaves, strict=True) if step.source == after and not left)
        copied = (self._moved(step, state) for step in kept)
        steps = (*moved[:place], Step(after, by, state), *moved[place:], *copied)
        return self._changed(steps, self.final, self.resting, version)

    @staticmethod
    def _moved(step: Step, state: str) -> Step:
        """The step, leading from ``state`` instead; round and round stays round and round."""
        return attrs.evolve(step, source=state, target=state if step.target == step.source else step.target)

    def _against_inserting(self, state: str, after: str, by: str, taken: tuple[str, ...]) -> Iterator[Violation]:
        if state in self.states:
            yield Violation("lifecycle.state_exists", f"there is a state {state!r} already", "state")
        if after not in self.states:
            yield Violation("lifecycle.unknown_state", f"there is no state {after!r}", "after")
            return
        leaving = self.events_from(after)
        if by in leaving and by not in taken:
            yield Violation("lifecycle.event_taken", f"{by!r} leads from {after!r} to somewhere else already", "by")
        for event in taken:
            if event not in leaving:
                yield _no_such_step((after, event), "taking")

    def _kept(self, pairs: tuple[Pair, ...]) -> tuple[Step, ...]:
        """The steps without those of the pairs, each of which must be there."""
        self._refuse(_no_such_step(pair, "without") for pair in pairs if tuple(pair) not in self._table)
        dropped = {tuple(pair) for pair in pairs}
        return tuple(step for step in self.steps if (step.source, step.event) not in dropped)

    def _changed(
        self,
        steps: tuple[Step, ...],
        final: Iterable[str],
        resting: Iterable[str],
        version: int | None,
        named: tuple[Iterable[str], Iterable[str]] = ((), ()),
    ) -> Lifecycle:
        """A lifecycle of these steps; ends that vanished with their steps are dropped, ``named`` ones are not."""
        mentioned = {self.initial, *(name for step in steps for name in (step.source, step.target))}
        gone = set(self.states) - mentioned - set(_tuple(named[0])) - set(_tuple(named[1]))
        return Lifecycle(
            self.name,
            self.version + 1 if version is None else version,
            self.initial,
            steps,
            tuple(state for state in final if state not in gone),
            tuple(state for state in resting if state not in gone),
        )

    @staticmethod
    def _refuse(reasons: Iterable[Violation]) -> None:
        found = tuple(reasons)
        if found:
            raise LifecycleError(found)


def _compiled(steps: tuple[Step, ...]) -> dict[Pair, tuple[tuple[str | None, bool, str], ...]]:
    """The rows by (state, event): name of the guard, what it must answer, target."""
    table: dict[Pair, tuple[tuple[str | None, bool, str], ...]] = {}
    for step in steps:
        row = (step.asks, not (step.guard or "").startswith("!"), step.target)
        pair = (step.source, step.event)
        table[pair] = (*table.get(pair, ()), row)
    return table


def _sources(steps: tuple[Step, ...]) -> dict[str, tuple[str, ...]]:
    """From which states each event may happen, in the order of the steps."""
    found: dict[str, dict[str, None]] = {}
    for step in steps:
        found.setdefault(step.event, {})[step.source] = None
    return {event: tuple(sources) for event, sources in found.items()}


def _no_such_step(pair: Pair, path: str) -> Violation:
    state, event = pair
    return Violation("lifecycle.no_such_step", f"no step leads from {state!r} by {event!r}", path)


# Why a lifecycle cannot work. Each rule yields all its reasons; they are told in the order of _RULES.


def _misshapen(lifecycle: Lifecycle) -> Iterator[Violation]:
    """What is no table at all; told alone, since nothing else can be said about it."""
    for index, step in enumerate(lifecycle.steps):
        if not isinstance(step, Step):
            yield Violation("lifecycle.not_a_step", f"must be a Step, not {type(step).__name__}", f"steps[{index}]")
    named = [("initial", lifecycle.initial)]
    named += [("final", state) for state in lifecycle.final] + [("resting", state) for state in lifecycle.resting]
    for index, step in enumerate(lifecycle.steps):
        if isinstance(step, Step):
            names = {"source": step.source, "event": step.event, "target": step.target, "guard": step.guard or ""}
            named += [(f"steps[{index}].{part}", name) for part, name in names.items()]
    for path, name in named:
        if not isinstance(name, str):
            yield Violation("lifecycle.bad_name", f"must be a string, not {type(name).__name__}", path)


def _bad_names(lifecycle: Lifecycle) -> Iterator[Violation]:
    """Names are stored, sent and drawn; some letters, and some words, mean something there."""
    said = "must be letters, digits and underscores, beginning with a letter"
    named = [("name", lifecycle.name), ("initial", lifecycle.initial)]
    for index, step in enumerate(lifecycle.steps):
        at = f"steps[{index}]"
        named += [(f"{at}.source", step.source), (f"{at}.event", step.event), (f"{at}.target", step.target)]
        if step.asks is not None:
            named.append((f"{at}.guard", step.asks))
    for path, name in named:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            yield Violation("lifecycle.bad_name", f"{name!r} {said}", path)
        elif path.endswith("guard") and keyword.iskeyword(name):
            yield Violation("lifecycle.bad_name", f"the guard {name!r} is a word of the language", path)


def _bad_version(lifecycle: Lifecycle) -> Iterator[Violation]:
    version = lifecycle.version
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        yield Violation("lifecycle.bad_version", f"must be a whole number from 1, not {version!r}", "version")


def _names_of_two(lifecycle: Lifecycle) -> Iterator[Violation]:
    """A state and an event of one name: in a chart the last would win, silently."""
    kinds = {"state": lifecycle.states, "event": lifecycle.events, "guard": lifecycle.guards}
    count = Counter(name for names in kinds.values() for name in names)
    for name in (name for name, times in count.items() if times > 1):
        what = " and ".join(kind for kind, names in kinds.items() if name in names)
        yield Violation("lifecycle.ambiguous_name", f"{name!r} is the name of {what}", name)


def _reserved_names(lifecycle: Lifecycle) -> Iterator[Violation]:
    """Names that a state machine would take for its own parts, or for actions to be run."""
    hooks = {f"{hook}_{event}": event for event in lifecycle.events for hook in _HOOKS_OF_AN_EVENT}
    hooks |= {f"{hook}_{state}": state for state in lifecycle.states for hook in _HOOKS_OF_A_STATE}
    for name in dict.fromkeys((*lifecycle.states, *lifecycle.events, *lifecycle.guards)):
        if name in RESERVED:
            yield Violation("lifecycle.reserved_name", f"state machines keep the name {name!r} for themselves", name)
        elif name in hooks:
            said = f"state machines would take {name!r} for an action of {hooks[name]!r}"
            yield Violation("lifecycle.reserved_name", said, name)


def _unknown_states(lifecycle: Lifecycle) -> Iterator[Violation]:
    """The ends, and the beginning, must be states that some step mentions."""
    if not lifecycle.steps:
        yield Violation("lifecycle.no_steps", "has no steps", "steps")
    stepping = {name for step in lifecycle.steps for name in (step.source, step.target)}
    named = [("initial", lifecycle.initial)]
    named += [("final", state) for state in lifecycle.final] + [("resting", state) for state in lifecycle.resting]
    for path, state in named:
        if state not in stepping:
            yield Violation("lifecycle.unknown_state", f"no step mentions the state {state!r}", path)


def _bad_ends(lifecycle: Lifecycle) -> Iterator[Violation]:
    """It ends or rests somewhere, and nothing leads away from an end."""
    if not lifecycle.final and not lifecycle.resting:
        yield Violation("lifecycle.no_end", "has neither a final nor a resting state", "final")
    for state in lifecycle.final:
        if state in lifecycle.resting:
            yield Violation("lifecycle.final_and_resting", f"{state!r} is both final and resting", "resting")
    for index, step in enumerate(lifecycle.steps):
        if step.source in lifecycle.final:
            yield Violation("lifecycle.final_with_a_way_out", f"{step} leads away from an end", f"steps[{index}]")


def _useless_steps(lifecycle: Lifecycle) -> Iterator[Violation]:
    """A step that is written twice, or that an earlier one always takes before it."""
    seen: set[Step] = set()
    asked: dict[Pair, set[str | None]] = {}
    for index, step in enumerate(lifecycle.steps):
        before = asked.setdefault((step.source, step.event), set())
        if step in seen:
            yield Violation("lifecycle.duplicate_step", f"{step} is there twice", f"steps[{index}]")
        elif None in before or step.guard in before or any(f"!{guard}" in before for guard in before):
            yield Violation("lifecycle.shadowed_step", f"{step} can never be taken: an earlier is", f"steps[{index}]")
        seen.add(step)
        before.add(step.guard)


def _reached(starts: Iterable[str], edges: Iterable[Pair]) -> set[str]:
    """All states that the edges lead to, from ``starts``."""
    following: dict[str, list[str]] = {}
    for source, target in edges:
        following.setdefault(source, []).append(target)
    reached = set(starts)
    waiting = list(reached)
    while waiting:
        fresh = [state for state in following.get(waiting.pop(), ()) if state not in reached]
        reached.update(fresh)
        waiting.extend(fresh)
    return reached


def _unreachable_states(lifecycle: Lifecycle) -> Iterator[Violation]:
    """Nobody ever gets there."""
    reached = _reached([lifecycle.initial], [(step.source, step.target) for step in lifecycle.steps])
    for state in lifecycle.states:
        if state not in reached:
            said = f"no way leads from {lifecycle.initial!r} to {state!r}"
            yield Violation("lifecycle.unreachable_state", said, state)


def _traps(lifecycle: Lifecycle) -> Iterator[Violation]:
    """Who gets there never gets anywhere: to no end and to no rest."""
    ends = (*lifecycle.final, *lifecycle.resting)
    leaving = {step.source for step in lifecycle.steps if step.target != step.source}
    ending = _reached(ends, [(step.target, step.source) for step in lifecycle.steps])
    for state in lifecycle.states:
        if state not in leaving and state not in ends:
            remedy = "add a step, or declare it final or resting"
            yield Violation("lifecycle.trap", f"nothing leads away from {state!r}", state, remedy=remedy)
        elif state not in ending and ends:
            yield Violation("lifecycle.never_ends", f"no way leads from {state!r} to an end", state)


_RULES: tuple[Callable[[Lifecycle], Iterator[Violation]], ...] = (
    _bad_names,
    _bad_version,
    _names_of_two,
    _reserved_names,
    _unknown_states,
    _bad_ends,
    _useless_steps,
    _unreachable_states,
    _traps,
)
