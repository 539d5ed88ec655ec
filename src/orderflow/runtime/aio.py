"""The runtime for asyncio: ports may be coroutines, or plain; the store is called in line (its calls are short)."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from orderflow.explain import Explanation
from orderflow.messages import SYSTEM, Actor, Command
from orderflow.order import Order
from orderflow.process import Preview
from orderflow.runtime.engine import DueReport, Effects, Receipt
from orderflow.runtime.face import Face
from orderflow.stores.base import Page, Recorded
from orderflow.tracking import Scan

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
