"""The runtime for asyncio: ports may be coroutines, or plain; the store is called in line (its calls are short)."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from orderflow.explain import Explanation
from orderflow.facts import Fact
from orderflow.messages import SYSTEM, Actor, Command
from orderflow.order import Order
from orderflow.process import Preview
from orderflow.runtime.engine import DueReport, Effects, Receipt
from orderflow.runtime.face import Face
from orderflow.stages.erasure import ErasePersonalData
from orderflow.stages.observation import AdoptOrder
from orderflow.stores.base import Page, Recorded
from orderflow.tracking import Scan

if TYPE_CHECKING:
    from orderflow.audit import AuditReport

__all__ = ["AsyncOrderFlow"]


class AsyncOrderFlow(Face):
    """`OrderFlow` for asyncio: the same generators, awaited. Methods mean, take and raise the same."""

    async def handle(
        self,
        command: Command,
        *,
        at: datetime | None = None,
        by: Actor | None = None,
        command_id: str | None = None,
        reason: str = "",
        expected_version: int | None = None,
        correlation_id: str | None = None,
        notify: bool = True,
    ) -> Receipt:
        """Carry out a command, and ask whom that needs."""
        envelope = self._envelope(at, by, command_id, reason, expected_version, correlation_id, notify)
        receipt: Receipt = await self._drive(self._engine.handle(command, envelope))
        return receipt

    async def advance(self, order_id: str) -> Order:
        """Ask for what an order wants now; the order as it is then."""
        order: Order = await self._drive(self._engine.advance(order_id))
        return order

    async def run_due(self, limit: int = 100, lease: timedelta = timedelta(minutes=5)) -> DueReport:
        """Give their turn to the orders that need attention by now."""
        report: DueReport = await self._drive(self._engine.run_due(limit, lease))
        return report

    async def observe(self, *scans: Scan | Iterable[Scan], by: Actor = SYSTEM) -> tuple[Receipt, ...]:
        """Record what carriers report, in whichever orders the parcels are."""
        receipts: tuple[Receipt, ...] = await self._drive(self._engine.observe(scans, by))
        return receipts

    async def adopt(
        self,
        command: AdoptOrder,
        *,
        at: datetime | None = None,
        by: Actor | None = None,
        command_id: str | None = None,
        reason: str = "",
        correlation_id: str | None = None,
    ) -> Receipt:
        """Take over an order that others have begun; nobody is told of its past, and nothing of it is asked again.

        What is open of it and ours to decide is processed from now on like any other order.
        """
        envelope = self._envelope(at, by, command_id, reason, None, correlation_id)
        receipt: Receipt = await self._drive(self._engine.handle(command, envelope))
        return receipt

    async def record_facts(self, order_id: str, *facts: Fact | Iterable[Fact], by: Actor = SYSTEM) -> Receipt:
        """Record what others did about an order, as they tell it: late, twice, in any order.

        Raises:
            CommandRefused: there is no such order.
        """
        receipt: Receipt = await self._drive(self._engine.record_facts(order_id, facts, by))
        return receipt

    async def stock_arrived(
        self, sku: str, location: str | None = None, *, by: Actor = SYSTEM, limit: int = 1000
    ) -> tuple[Receipt, ...]:
        """Goods have come in: serve the orders that wait for a product, by priority and age (``Policy.queue``).

        Each asks the inventory anew, one after the other; so a unit goes to one order, the first in the queue.
        """
        receipts: tuple[Receipt, ...] = await self._drive(self._engine.stock_arrived(sku, location, by, limit))
        return receipts

    async def close_location(self, location: str, to: str | None = None, *, by: Actor = SYSTEM) -> tuple[Receipt, ...]:
        """A location goes dark: what has not been picked there is sourced elsewhere, for all orders (`Reroute`)."""
        receipts: tuple[Receipt, ...] = await self._drive(self._engine.close_location(location, to, by))
        return receipts

    async def erase(
        self,
        order_id: str,
        *,
        force: bool = False,
        at: datetime | None = None,
        by: Actor | None = None,
        reason: str = "",
        command_id: str | None = None,
    ) -> Receipt:
        """Erase what an order says about people, for good, from everything that the store holds of it.

        What happened to the goods and the money stays, and replays to the same order without the people. See
        `orderflow.commands.ErasePersonalData`, which this gives.

        Raises:
            CommandRefused: the order is at work, and ``force`` is not said; nothing has happened.
        """
        command = ErasePersonalData(order_id, force)
        return await self.handle(command, at=at, by=by, reason=reason, command_id=command_id)

    async def get(self, order_id: str) -> Order:
        """An order as it is now."""
        order: Order = await self._drive(self._engine.get(order_id))
        return order

    async def find(
        self,
        *,
        state: str | None = None,
        reference: str | None = None,
        channel: str | None = None,
        tracking_number: str | None = None,
        label: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page:
        """Orders by state, reference, channel, tracking number or label, page by page."""
        return self.store.find(
            self.tenant,
            state=state,
            reference=reference,
            channel=channel,
            tracking_number=tracking_number,
            label=label,
            cursor=cursor,
            limit=limit,
        )

    async def inbox(self, *, after: str = "", limit: int = 100) -> dict[str, tuple[Scan, ...]]:
        """Reports for tracking numbers that nobody knows (yet), by number, page by page: for people to look at."""
        return self._waiting(after, limit)

    async def history(self, order_id: str) -> tuple[Recorded, ...]:
        """Everything that happened to an order, oldest first."""
        history: tuple[Recorded, ...] = await self._drive(self._engine.history(order_id))
        return history

    async def audit(self, order_id: str) -> AuditReport:
        """Who did what to an order, when, on whose behalf, why, under which policy, and what came of it.

        Raises:
            UnknownOrder: there is none.
        """
        report: AuditReport = await self._drive(self._engine.audit(order_id))
        return report

    async def explain(self, order: Order | str, *, by: Actor = SYSTEM) -> Explanation:
        """Where an order stands, whom it waits for, what is possible or not and why, and what has failed so far."""
        told: Explanation = await self._drive(self._engine.explain(order, by))
        return told

    async def preview(
        self, command: Command, *, at: datetime | None = None, by: Actor | None = None, reason: str = ""
    ) -> Preview:
        """What a command would do, without doing it."""
        envelope = self._envelope(at, by, None, reason, None, None)
        made: Preview = await self._drive(self._engine.preview(command, envelope))
        return made

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def _drive(self, effects: Effects) -> Any:
        """Do what a generator yields, and tell it how it went."""
        try:
            effect = next(effects)
            while True:
                try:
                    result = self._perform(effect)
                    if inspect.isawaitable(result):
                        result = await result
                except Exception as error:
                    effect = effects.throw(error)
                else:
                    effect = effects.send(result)
        except StopIteration as done:
            return done.value
