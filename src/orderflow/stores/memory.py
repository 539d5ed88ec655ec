"""A store that lives as long as its process: for tests, trials and simulations.

Every value in it is immutable, so a copy of the whole world is a copy of a few dictionaries; `MemoryStore.snapshot` and
`MemoryStore.restore` make and undo thousands of histories cheaply, and `MemoryStore.fingerprint` says whether two of
them came out the same.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain
from types import TracebackType
from typing import Self

import attrs

from orderflow.errors import CommandIdReused, DuplicateOrder, VersionConflict
from orderflow.messages import Actor, Event
from orderflow.order import Order
from orderflow.stores.base import AT_ONCE, Attempt, CommandRecord, Loaded, OrderSummary, Page, Recorded
from orderflow.stores.erasing import check_replay, erased_attempts, erased_command, erased_history
from orderflow.stores.paging import page_bounds
from orderflow.tracking import Scan
from orderflow.values.checked import evolved
from orderflow.values.erasing import erased
from orderflow.values.frozenmap import FrozenMap

__all__ = ["MemorySnapshot", "MemoryStore"]

_Key = tuple[str, str]
_NO_ATTEMPTS: FrozenMap[str, Attempt] = FrozenMap()


@attrs.frozen(slots=False, eq=False)
class _Kept:
    """An order, its history, and its serial number among all orders."""

    serial: int
    loaded: Loaded
    history: tuple[Recorded, ...]

    @property
    def digest(self) -> str:
        """What tells this history from others; worked out once."""
        known: str | None = self.__dict__.get("_digest")
        if known is None:
            import hashlib

            known = hashlib.blake2b(repr(self.history).encode(), digest_size=16).hexdigest()
            self.__dict__["_digest"] = known
        return known


@attrs.frozen
class MemorySnapshot:
    """All that a `MemoryStore` held at one moment."""

    _orders: dict[_Key, _Kept]
    _waiting: dict[_Key, datetime]
    _references: dict[tuple[str, str, str], str]
    _commands: dict[_Key, CommandRecord]
    _carrying: dict[_Key, frozenset[str]]
    _parked: dict[_Key, frozenset[Scan]]
    _numbers: dict[str, int]
    _labelled: dict[_Key, set[str]]

    def copy(self) -> MemorySnapshot:
        """The same, to be changed on its own."""
        return MemorySnapshot(
            self._orders.copy(),
            self._waiting.copy(),
            self._references.copy(),
            self._commands.copy(),
            self._carrying.copy(),
            self._parked.copy(),
            self._numbers.copy(),
            {label: held.copy() for label, held in self._labelled.items()},
        )


class MemoryStore:
    """Orders in dictionaries. Safe under threads; gone with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._world = MemorySnapshot({}, {}, {}, {}, {}, {}, {}, {})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing to do; here so that stores can stand in for each other."""

    # -- worlds ------------------------------------------------------------------------------------------------------

    def snapshot(self) -> MemorySnapshot:
        """All that the store holds now, for `restore`."""
        with self._lock:
            return self._world.copy()

    def restore(self, snapshot: MemorySnapshot) -> None:
        """Hold again what the store held then; the snapshot can be used any number of times."""
        world = snapshot.copy()
        with self._lock:
            self._world = world

    def fingerprint(self) -> tuple[object, ...]:
        """A hashable value that is equal for stores that hold the same."""
        with self._lock:
            world = self._world
            orders = tuple(
                (key, kept.digest, kept.loaded.attempts, kept.loaded.next_at) for key, kept in world._orders.items()
            )
            others = (world._commands, world._carrying, world._parked, world._numbers)
            return (orders, *(frozenset(held.items()) for held in others))

    # -- orders ------------------------------------------------------------------------------------------------------

    def load(self, tenant: str, order_id: str) -> Loaded | None:
        """The order as it is now, or ``None``."""
        with self._lock:
            kept = self._world._orders.get((tenant, order_id))
            return kept.loaded if kept is not None else None

    def command(self, tenant: str, command_id: str) -> CommandRecord | None:
        """What became of a command, by its id."""
        with self._lock:
            return self._world._commands.get((tenant, command_id))

    def append(
        self,
        order: Order,
        expected_version: int,
        events: Iterable[Event],
        *,
        cause: str,
        by: Actor,
        command: CommandRecord | None = None,
        attempts: Mapping[str, Attempt] | None = None,
        next_at: datetime | None = None,
        inbox_taken: Iterable[Scan] = (),
        policy: str = "",
    ) -> None:
        """Keep a change, whole or not at all; see `OrderStore.append`."""
        new = _recorded(order, expected_version, events, cause, by, policy)
        taken = tuple(inbox_taken)
        with self._lock:
            kept = self._may_be_kept(order, expected_version, command)
            if self._scans_wait(order, kept, taken):
                next_at = AT_ONCE
            self._keep(order, new, kept, attempts, next_at)
            self._set_references(order, new=kept is None)
            self._set_labels(order, kept)
            if command is not None:
                self._world._commands[order.tenant, command.command_id] = command
            for scan in taken:
                self._unpark(order.tenant, scan)

    def erase(
        self,
        order: Order,
        expected_version: int,
        events: Iterable[Event],
        *,
        cause: str,
        by: Actor,
        command: CommandRecord | None = None,
        attempts: Mapping[str, Attempt] | None = None,
        next_at: datetime | None = None,
        inbox_taken: Iterable[Scan] = (),
        policy: str = "",
    ) -> None:
        """Keep a change, and erase what is personal from all that is held of the order; see `OrderStore.erase`."""
        new = _recorded(order, expected_version, events, cause, by, policy)
        with self._lock:
            kept = self._may_be_kept(order, expected_version, command)
            assert kept is not None, "an order that is erased is there"
            past = erased_history(kept.history)
            check_replay(order, past + new)
            loaded = evolved(kept.loaded, attempts=erased_attempts(kept.loaded.attempts))
            told = None if attempts is None else erased_attempts(attempts)
            self._keep(order, new, attrs.evolve(kept, history=past, loaded=loaded), told, next_at)
            self._set_labels(order, kept)
            self._erase_beside(order)
            if command is not None:
                self._world._commands[order.tenant, command.command_id] = command
            for scan in inbox_taken:
                self._unpark(order.tenant, scan)

    def _erase_beside(self, order: Order) -> None:
        """The records of an order's commands, and what is parked for its tracking numbers."""
        commands, parked = self._world._commands, self._world._parked
        for key, known in commands.items():
            if key[0] == order.tenant and known.order_id == order.id:
                commands[key] = erased_command(known)
        for number in order.tracking_numbers:
            if (scans := parked.get((order.tenant, number))) is not None:
                parked[order.tenant, number] = erased(scans)

    def history(self, tenant: str, order_id: str) -> tuple[Recorded, ...]:
        """Everything that happened to an order, oldest first; empty for an unknown order."""
        with self._lock:
            kept = self._world._orders.get((tenant, order_id))
            return kept.history if kept is not None else ()

    def _may_be_kept(self, order: Order, expected: int, command: CommandRecord | None) -> _Kept | None:
        """The order as it was before, once nothing stands against the change."""
        world = self._world
        if command is not None and (order.tenant, command.command_id) in world._commands:
            raise CommandIdReused(command.command_id)
        kept = world._orders.get((order.tenant, order.id))
        if expected == 0:
            if kept is not None or (order.tenant, order.channel, order.reference) in world._references:
                raise DuplicateOrder(order.reference, order.channel)
            return None
        actual = kept.loaded.order.version if kept is not None else 0
        if actual != expected:
            raise VersionConflict(order.id, expected, actual)
        return kept

    def _scans_wait(self, order: Order, kept: _Kept | None, taken: tuple[Scan, ...]) -> bool:
        """Whether scans were parked under numbers that the order did not have before, other than those being taken."""
        parked = self._world._parked
        if not parked:
            return False
        known = kept.loaded.order.tracking_numbers if kept is not None else ()
        fresh = (number for number in order.tracking_numbers if number not in known)
        return any(not parked.get((order.tenant, number), frozenset()).issubset(taken) for number in fresh)

    def _keep(
        self,
        order: Order,
        new: tuple[Recorded, ...],
        kept: _Kept | None,
        attempts: Mapping[str, Attempt] | None,
        next_at: datetime | None,
    ) -> None:
        beside = FrozenMap(attempts) if attempts is not None else kept.loaded.attempts if kept else _NO_ATTEMPTS
        serial, past = (kept.serial, kept.history) if kept is not None else (len(self._world._orders) + 1, ())
        self._put(_Kept(serial, Loaded(order, beside, next_at), past + new))

    def _put(self, kept: _Kept) -> None:
        order, next_at = kept.loaded.order, kept.loaded.next_at
        key = (order.tenant, order.id)
        self._world._orders[key] = kept
        if next_at is not None:
            self._world._waiting[key] = next_at
        else:
            self._world._waiting.pop(key, None)

    def _set_references(self, order: Order, *, new: bool) -> None:
        if new:
            self._world._references[order.tenant, order.channel, order.reference] = order.id
        carrying = self._world._carrying
        for number in order.tracking_numbers:
            known = carrying.get((order.tenant, number), frozenset())
            if order.id not in known:
                carrying[order.tenant, number] = known | {order.id}

    def _set_labels(self, order: Order, kept: _Kept | None) -> None:
        fresh, gone = order.relabelled(kept.loaded.order if kept is not None else None)
        labelled = self._world._labelled
        for label in fresh:
            labelled.setdefault((order.tenant, label), set()).add(order.id)
        for label in gone:
            held = labelled[order.tenant, label]
            held.discard(order.id)
            if not held:
                del labelled[order.tenant, label]

    # -- attention ---------------------------------------------------------------------------------------------------

    def due(self, tenant: str, now: datetime, limit: int, lease: timedelta) -> tuple[str, ...]:
        """Orders that need attention, most urgent first; each is leased: it is not due again before ``now + lease``."""
        with self._lock:
            world = self._world
            ripe = sorted(
                (at, world._orders[key].serial, key)
                for key, at in world._waiting.items()
                if at <= now and key[0] == tenant
            )
            picked = [key for _, _, key in ripe[: max(limit, 0)]]
            for key in picked:
                kept = world._orders[key]
                self._put(attrs.evolve(kept, loaded=evolved(kept.loaded, next_at=now + lease)))
            return tuple(order_id for _, order_id in picked)

    def next_due(self, tenant: str) -> datetime | None:
        """The next moment at which any order needs attention."""
        with self._lock:
            return min((at for key, at in self._world._waiting.items() if key[0] == tenant), default=None)

    def reschedule(
        self, tenant: str, order_id: str, version: int, attempts: Mapping[str, Attempt], next_at: datetime | None
    ) -> bool:
        """Keep attempts and the next moment of attention; ``False``, and nothing done, when the order has moved on."""
        with self._lock:
            kept = self._world._orders.get((tenant, order_id))
            if kept is None or kept.loaded.order.version != version:
                return False
            self._put(attrs.evolve(kept, loaded=Loaded(kept.loaded.order, FrozenMap(attempts), next_at)))
            return True

    # -- lists -------------------------------------------------------------------------------------------------------

    def find(
        self,
        tenant: str,
        *,
        state: str | None = None,
        reference: str | None = None,
        channel: str | None = None,
        tracking_number: str | None = None,
        label: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page:
        """Orders in the order in which they were placed into the store, by any of these; pages follow a cursor."""
        after = page_bounds(cursor, limit)
        found: list[_Kept] = []
        with self._lock:
            for kept in self._candidates(tenant, tracking_number, label):
                order = kept.loaded.order
                if (
                    kept.serial > after
                    and state in (None, order.state)
                    and reference in (None, order.reference)
                    and channel in (None, order.channel)
                    and (label is None or label in order.labels)
                ):
                    found.append(kept)
                    if len(found) > limit:
                        break
        shown = found[:limit]
        return Page(
            tuple(_summary(kept.loaded.order) for kept in shown), str(shown[-1].serial) if len(found) > limit else None
        )

    def _candidates(self, tenant: str, tracking_number: str | None, label: str | None) -> Iterator[_Kept]:
        world = self._world
        ids: Iterable[str]
        if tracking_number is not None:
            ids = world._carrying.get((tenant, tracking_number), ())
        elif label is not None:
            ids = world._labelled.get((tenant, label), ())
        else:
            return (kept for key, kept in world._orders.items() if key[0] == tenant)
        held = (world._orders[tenant, order_id] for order_id in ids)
        return iter(sorted(held, key=lambda kept: kept.serial))

    # -- scans, numbers ----------------------------------------------------------------------------------------------

    def park(self, tenant: str, scan: Scan) -> tuple[str, ...]:
        """Keep a scan whose tracking number nobody knows; or, where orders know it, say which, and keep nothing."""
        key = (tenant, scan.tracking_number)
        with self._lock:
            known = self._world._carrying.get(key)
            if known is None:
                self._world._parked[key] = self._world._parked.get(key, frozenset()) | {scan}
                return ()
            return tuple(sorted(known))

    def inbox(self, tenant: str, tracking_numbers: Iterable[str]) -> tuple[Scan, ...]:
        """The parked scans for some tracking numbers."""
        asked = dict.fromkeys(tracking_numbers)
        with self._lock:
            parked = self._world._parked
            found = chain.from_iterable(parked.get((tenant, number), ()) for number in asked)
            return tuple(sorted(found, key=lambda scan: (scan.position, scan.tracking_number)))

    def waiting(self, tenant: str, after: str = "", limit: int = 100) -> tuple[str, ...]:
        """The tracking numbers for which parked scans wait, in their order, from the first behind ``after`` on."""
        with self._lock:
            numbers = [number for owner, number in self._world._parked if owner == tenant and number > after]
        return tuple(sorted(numbers)[:limit])

    def _unpark(self, tenant: str, scan: Scan) -> None:
        key = (tenant, scan.tracking_number)
        left = self._world._parked.get(key, frozenset()) - {scan}
        if left:
            self._world._parked[key] = left
        else:
            self._world._parked.pop(key, None)

    def next_number(self, tenant: str) -> int:
        """The next number of the tenant's own numbering: 1, 2, 3, ... never the same twice."""
        with self._lock:
            number = self._world._numbers[tenant] = self._world._numbers.get(tenant, 0) + 1
            return number


def _recorded(
    order: Order, expected: int, events: Iterable[Event], cause: str, by: Actor, policy: str
) -> tuple[Recorded, ...]:
    """The events of a change as they are kept."""
    new = tuple(Recorded(number, event, cause, by, policy) for number, event in enumerate(events, start=expected + 1))
    assert 0 < order.version == expected + len(new), "an order's version is the number of its events"
    return new


def _summary(order: Order) -> OrderSummary:
    return OrderSummary(order.id, order.channel, order.reference, order.state, order.version, order.placed_at)
