"""What both runtimes share: how they are built, and how a command gets its envelope."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from orderflow.defaults import STANDARD
from orderflow.messages import SYSTEM, Actor, Command, Envelope
from orderflow.policy import Policy
from orderflow.ports import CarrierPort, FulfillerPort, InventoryPort, NotificationPort, PricingPort
from orderflow.process import STAGES, OrderProcess
from orderflow.runtime.clock import random_id, system_clock
from orderflow.runtime.engine import Call, Engine, Keep, Ports
from orderflow.stages.stage import Stage
from orderflow.stores.base import OrderStore
from orderflow.tracking import Scan

if TYPE_CHECKING:
    from orderflow.codec import Codec

__all__ = ["Face", "numbered_from_1001"]


def numbered_from_1001(number: int) -> str:
    """A-1001, A-1002, ...: the numbering of orders that come without a number."""
    return f"A-{1000 + number}"


def _fingerprints(stages: tuple[Stage, ...]) -> Callable[[Command], str]:
    """A digest of a command's whole body, by a codec that knows these stages; made when first needed."""

    @cache
    def codec() -> Codec:
        from orderflow.codec import Codec, standard_codec

        return standard_codec() if stages is STAGES else Codec(stages)

    return lambda command: codec().fingerprint(command)


class Face:
    """How a runtime is built.

    Args:
        inventory: the system that owns the stock.
        pricing: the system that knows prices.
        carriers: the carriers.
        notifications: what brings messages to people.
        fulfillers: who works at the locations that others run.
        store: where orders are kept; in memory, where none is given.
        policy: how orders are processed.
        clock: what time it is.
        tenant: whose orders these are.
        inline: whether ``handle`` also asks the systems around; without, ``run_due`` does.
        new_id: ids for commands that were given none.
        number: the id of the n-th order that comes without one.
        process: a whole process of one's own, with further stages.
        fingerprint: a digest of a command's body; the codec's, where none is given.
    """

    def __init__(
        self,
        *,
        inventory: InventoryPort | None = None,
        pricing: PricingPort | None = None,
        carriers: CarrierPort | None = None,
        notifications: NotificationPort | None = None,
        fulfillers: FulfillerPort | None = None,
        store: OrderStore | None = None,
        policy: Policy = STANDARD,
        clock: Callable[[], datetime] = system_clock,
        tenant: str = "main",
        inline: bool = True,
        new_id: Callable[[], str] = random_id,
        number: Callable[[int], str] = numbered_from_1001,
        process: OrderProcess | None = None,
        fingerprint: Callable[[Command], str] | None = None,
    ) -> None:
        for name, port, protocol in (
            ("inventory", inventory, InventoryPort),
            ("pricing", pricing, PricingPort),
            ("carriers", carriers, CarrierPort),
            ("notifications", notifications, NotificationPort),
            ("fulfillers", fulfillers, FulfillerPort),
        ):
            _check_port(name, port, protocol)
        if not callable(clock):
            raise TypeError(f"clock must be a function that says what time it is, not {type(clock).__name__}")
        self.store = store if store is not None else _memory_store()
        self.ports = Ports(inventory, pricing, carriers, notifications, fulfillers)
        self.process = process or OrderProcess(policy)
        self.clock = clock
        self.tenant = tenant
        digest = fingerprint or _fingerprints(self.process.stages)
        self._engine = Engine(self.process, self.ports, clock, new_id, digest, number, tenant, inline)

    def _envelope(
        self,
        at: datetime | None,
        by: Actor | None,
        command_id: str | None,
        reason: str,
        expected_version: int | None,
        correlation_id: str | None,
        notify: bool = True,
    ) -> Envelope:
        moment = at if at is not None else self.clock()
        return Envelope(moment, by or SYSTEM, command_id, reason, expected_version, correlation_id, notify)

    def close(self) -> None:
        """Close the store, where it can be closed."""
        closing = getattr(self.store, "close", None)
        if closing is not None:
            closing()

    def _waiting(self, after: str, limit: int) -> dict[str, tuple[Scan, ...]]:
        """Reports that wait for a booking to claim their number, by number."""
        numbers = self.store.waiting(self.tenant, after, limit)
        waiting: dict[str, tuple[Scan, ...]] = dict.fromkeys(numbers, ())
        for scan in self.store.inbox(self.tenant, numbers):
            waiting[scan.tracking_number] += (scan,)
        return waiting

    def _perform(self, effect: Keep | Call) -> Any:
        if type(effect) is Keep:
            return getattr(self.store, effect.method)(*effect.args, **effect.options)
        assert isinstance(effect, Call)
        return getattr(getattr(self.ports, effect.port), effect.method)(effect.request)


def _check_port(name: str, port: Any, protocol: type) -> None:
    """A port has the methods of its protocol; what is missing is named at once, not when an order first needs it."""
    if port is None:
        return
    wanted = (method for method in vars(protocol) if not method.startswith("_"))
    missing = [method for method in wanted if not callable(getattr(port, method, None))]
    if missing:
        raise TypeError(f"{name}: {type(port).__name__} is no {protocol.__name__}, it has no {', '.join(missing)}")


def _memory_store() -> Any:
    from orderflow.stores.memory import MemoryStore

    return MemoryStore()
