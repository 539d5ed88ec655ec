"""Every order in which things can happen, tried.

Two workers share one store and the same systems. Each runs a script of runtime calls, as the very generators that the
runtimes drive; a *step* performs the one effect (a store call, a port call) at which a worker stands. From every state
the search goes on with a step of either worker, and, as long as crashes are left, with a worker dying before or after
its effect and coming back to repeat the call it was in, as a client with a command id would. States that are equal in
everything that matters are searched once, and the number of different schedules through them is counted exactly.

At the end of every schedule the systems' own books are held against the order.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import attrs

from orderflow import CommandRefused, OrderflowError
from orderflow.errors import PortRefused
from orderflow.runtime.engine import Call, Effects, Engine, Keep

__all__ = ["Found", "Script", "World", "search"]

#: One call of a worker: given the engine, the generator to be driven.
Script = tuple[Callable[[Engine], Effects], ...]


@attrs.frozen
class Stand:
    """Where a worker stands: which call of its script, and what its generator was told so far in it."""

    call: int
    told: tuple[tuple[str, Any], ...] = ()
    tokens: tuple[Hashable, ...] = ()


@attrs.frozen
class Found:
    """What a search has seen."""

    schedules: int
    states: int
    steps: int
    endings: int
    violations: tuple[str, ...]


@attrs.define
class World:
    """The store and the systems, as one thing that can be copied, put back and compared."""

    store: Any
    systems: tuple[Any, ...]
    ports: dict[str, Any]

    def copied(self) -> tuple[Any, ...]:
        """All that is known outside the workers."""
        return (self.store.snapshot(), *(system.snapshot() for system in self.systems))

    def put_back(self, copy: tuple[Any, ...]) -> None:
        """Be as you were."""
        self.store.restore(copy[0])
        for system, books in zip(self.systems, copy[1:], strict=True):
            system.restore(books)

    def fingerprint(self) -> Hashable:
        """Equal for worlds that are equal."""
        return (self.store.fingerprint(), *(system.fingerprint() for system in self.systems))

    def perform(self, effect: Keep | Call) -> Any:
        """Do what a worker wants done."""
        if isinstance(effect, Keep):
            return getattr(self.store, effect.method)(*effect.args, **effect.options)
        return getattr(self.ports[effect.port], effect.method)(effect.request)


class Search:
    """One exhaustive search."""

    def __init__(
        self,
        engine: Engine,
        world: World,
        scripts: tuple[Script, ...],
        crashes: int,
        judge: Callable[[], Iterable[str]],
    ) -> None:
        self.engine, self.world, self.scripts, self.judge = engine, world, scripts, judge
        self.crashes = crashes
        self.steps = 0
        self.schedules_from: dict[Hashable, int] = {}
        self.drivers: dict[Hashable, tuple[Keep | Call | None, Hashable]] = {}
        self.numbers: dict[Hashable, int] = {}
        self.endings: dict[Hashable, tuple[str, ...]] = {}
        self.violations: dict[str, None] = {}

    def run(self) -> Found:
        """Search from the world as it is now."""
        schedules = self._from(tuple(Stand(0) for _ in self.scripts), self.crashes)
        return Found(schedules, len(self.schedules_from), self.steps, len(self.endings), tuple(self.violations))

    def _from(self, stands: tuple[Stand, ...], crashes: int) -> int:
        minds = tuple((stand.call, self._driver(worker, stand)[1]) for worker, stand in enumerate(stands))
        world = self._number(self.world.fingerprint())
        key = (world, minds, crashes)
        known = self.schedules_from.get(key)
        if known is not None:
            return known
        here = self.world.copied()
        schedules = 0
        for worker, stand in enumerate(stands):
            effect = self._effect(worker, stand)
            if effect is None:
                continue
            schedules += self._branch(here, stands, worker, self._told(effect, world), crashes)
            if crashes:
                again = _with(stands, worker, Stand(stand.call))
                if stand.told:
                    schedules += self._from(again, crashes - 1)
                    self.world.put_back(here)
                self._told(effect, world)
                schedules += self._from(again, crashes - 1)
                self.world.put_back(here)
        if not schedules:
            self._ended(here)
            schedules = 1
        self.schedules_from[key] = schedules
        return schedules

    def _branch(
        self, here: Any, stands: tuple[Stand, ...], worker: int, answer: tuple[str, Any, Hashable], crashes: int
    ) -> int:
        kind, value, token = answer
        stand = stands[worker]
        moved = Stand(stand.call, (*stand.told, (kind, value)), (*stand.tokens, self._number(token)))
        schedules = self._from(_with(stands, worker, self._settled(worker, moved)), crashes)
        self.world.put_back(here)
        return schedules

    def _number(self, thing: Hashable) -> int:
        """A number that is equal for equal things: quicker to compare than they are."""
        return self.numbers.setdefault(thing, len(self.numbers))

    def _told(self, effect: Keep | Call, world: int) -> tuple[str, Any, Hashable]:
        """Perform an effect: what the worker is told, and a token that is equal for equal answers."""
        self.steps += 1
        before = world if isinstance(effect, Keep) and effect.method != "append" else None
        try:
            value = self.world.perform(effect)
        except (OrderflowError, PortRefused) as error:
            return "throw", error, (type(error).__name__, str(error))
        return "send", value, before if before is not None else repr(value)

    def _effect(self, worker: int, stand: Stand) -> Keep | Call | None:
        """The effect at which a worker stands; ``None`` when its script is over."""
        return self._driver(worker, stand)[0]

    def _driver(self, worker: int, stand: Stand) -> tuple[Keep | Call | None, Hashable]:
        """The effect at which a worker stands, and everything it remembers."""
        if stand.call >= len(self.scripts[worker]):
            return None, "over"
        key = (worker, stand.call, stand.tokens)
        if key not in self.drivers:
            self.drivers[key] = self._replayed(worker, stand)
        return self.drivers[key]

    def _replayed(self, worker: int, stand: Stand) -> tuple[Keep | Call | None, Hashable]:
        """Drive a fresh generator to where this worker stands; no effect where its call has come to its end."""
        effects = self.scripts[worker][stand.call](self.engine)
        try:
            effect = next(effects)
            for kind, value in stand.told:
                effect = effects.send(value) if kind == "send" else effects.throw(value)
        except (StopIteration, CommandRefused):
            return None, "over"
        return effect, self._number(remembered(effects))

    def _settled(self, worker: int, stand: Stand) -> Stand:
        """The stand at the next effect: of this call, or of the first call after it that has one."""
        while stand.call < len(self.scripts[worker]) and self._effect(worker, stand) is None:
            stand = Stand(stand.call + 1)
        return stand

    def _ended(self, here: Any) -> None:
        """Both scripts are over: let time pass until nothing is wanted, and hold the books against each other."""
        ending = self.world.fingerprint()
        if ending not in self.endings:
            self.endings[ending] = tuple(self.judge())
            self.world.put_back(here)
        for violation in self.endings[ending]:
            self.violations[violation] = None


#: Frames that do nothing after what they wait for but hand back what nobody in a search looks at.
_FORGETFUL = {"handle": (), "advance": (), "_advance": ("looked_up",), "_attended": ()}


def remembered(effects: Any) -> Hashable:
    """Everything that decides how a suspended generator goes on: where each frame stands, and its variables.

    Two histories that leave a worker with the same memory are one from then on. Of the frames that wait for another
    only what they still use counts; loop counters and the last lost race, which only bound the number of retries, do
    not.
    """
    frames: list[Hashable] = []
    while effects is not None and getattr(effects, "gi_frame", None) is not None:
        frame, waits_for = effects.gi_frame, effects.gi_yieldfrom
        name = frame.f_code.co_name
        used = _FORGETFUL.get(name) if waits_for is not None else None
        variables = {
            key: value
            for key, value in frame.f_locals.items()
            if key not in ("self", "_", "keep", "lost") and (used is None or key in used)
        }
        frames.append((name, frame.f_lasti, _token(variables)))
        effects = waits_for
    return tuple(frames)


def _token(value: Any) -> Hashable:
    """Equal for equal values, whatever they are."""
    if isinstance(value, BaseException):
        return (type(value).__name__, str(value))
    if isinstance(value, dict):
        return frozenset((key, _token(held)) for key, held in value.items())
    if isinstance(value, list | tuple):
        return tuple(_token(item) for item in value)
    if attrs.has(type(value)):
        try:
            return hash(value), value
        except TypeError:
            return (type(value).__name__, *(_token(getattr(value, a.name)) for a in attrs.fields(type(value))))
    return value if isinstance(value, Hashable) else repr(value)


def _with(stands: tuple[Stand, ...], worker: int, stand: Stand) -> tuple[Stand, ...]:
    return (*stands[:worker], stand, *stands[worker + 1 :])


def search(
    engine: Engine, world: World, scripts: tuple[Script, ...], *, crashes: int, judge: Callable[[], Iterable[str]]
) -> Found:
    """Try every schedule of ``scripts`` with up to ``crashes`` crashes, and judge every ending."""
    return Search(engine, world, scripts, crashes, judge).run()
