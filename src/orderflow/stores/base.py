"""The store as a port: where orders, their events and everything beside them are kept.

One transaction holds the events of a change, the columns by which orders are found, the record of the command and the
next moment of attention. A store is bound to no tenant; every method names one, and every key and index carries it.

*Version* is the number of events of an order. An append names the version it was decided on and is refused with
`VersionConflict` when the order has moved on. *Attempts* (how often a request failed, when it is asked again) are kept
beside the order and do not bump its version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

import attrs

from orderflow.messages import Actor, Event
from orderflow.order import Order
from orderflow.tracking import Scan
from orderflow.values.checked import PERSONAL
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.record import record

__all__ = ["AT_ONCE", "Attempt", "CommandRecord", "Loaded", "OrderStore", "OrderSummary", "Page", "Recorded"]


@record
class Attempt:
    """How asking for one request went so far: failures in a row, the last reason, and when it is asked next."""

    failures: int
    next_at: datetime
    reason: str = attrs.field(default="", metadata=PERSONAL)


@record
class CommandRecord:
    """What became of a command: enough to answer a repeated one as the first time.

    ``fingerprint`` is a digest of the command's whole body; ``first`` and ``last`` are the versions between which its
    events lie (``first`` exclusive), so an accepted command without events has ``first == last``.
    """

    command_id: str
    order_id: str
    tag: str
    fingerprint: str = attrs.field(metadata=PERSONAL)
    first: int
    last: int
    at: datetime
    by: Actor
    reason: str = attrs.field(default="", metadata=PERSONAL)
    correlation_id: str | None = None


@record
class Recorded:
    """An event as it is kept: its number in the order, the fact, and what brought it about.

    ``cause`` is the id of the command or of the request whose answer it was; ``by`` is who sent the command; ``policy``
    is the name of the policy under which it was decided.
    """

    number: int
    event: Event
    cause: str
    by: Actor
    policy: str = ""


@record
class Loaded:
    """An order with what is kept beside it."""

    order: Order
    attempts: FrozenMap[str, Attempt]
    next_at: datetime | None = None


@record
class OrderSummary:
    """A row of a list of orders."""

    order_id: str
    channel: str
    reference: str
    state: str
    version: int
    placed_at: datetime


@record
class Page:
    """A part of a list, and the cursor with which the next part begins; ``None`` at the end."""

    orders: tuple[OrderSummary, ...]
    cursor: str | None


#: The moment of attention of an order that cannot wait.
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)


class OrderStore(Protocol):
    """Where orders are kept."""

    def load(self, tenant: str, order_id: str) -> Loaded | None:
        """The order as it is now, or ``None``."""
        ...

    def command(self, tenant: str, command_id: str) -> CommandRecord | None:
        """What became of a command, by its id."""
        ...

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
        """Keep a change, whole or not at all.

        ``order`` is the order after ``events``; tenant and id are read off it. ``expected_version`` is 0 for a new
        order. ``events`` may be empty when there is a ``command`` to be recorded. ``attempts``, where given, replaces
        what is kept beside the order. ``inbox_taken`` are parked scans that this change has absorbed.
        Where other parked scans wait for a tracking number that the order did not have before, it is due at once.

        Raises:
            VersionConflict: the order is at another version.
            DuplicateOrder: the channel already has an order with this reference (or the id is taken by a new order).
            CommandIdReused: the command id is on record already.
        """
        ...

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
        """Keep a change as `append` does, and erase what is personal from everything that is held of the order.

        ``order`` is the order once it is erased; ``events`` may be empty. The events before this change, who is on
        record for them, the records of commands, snapshots, labels, attempts and what is parked for its tracking
        numbers are rewritten in the same transaction (`orderflow.stores.erasing`); afterwards nothing of what was there
        is left where the store keeps it. Later changes are personal data again, until this is called again.

        Raises:
            VersionConflict: the order is at another version.
            ErasureFailed: what is left would make another order; nothing has happened.
        """
        ...

    def history(self, tenant: str, order_id: str) -> tuple[Recorded, ...]:
        """Everything that happened to an order, oldest first; empty for an unknown order."""
        ...

    def due(self, tenant: str, now: datetime, limit: int, lease: timedelta) -> tuple[str, ...]:
        """Orders that need attention, most urgent first; each is leased: it is not due again before ``now + lease``."""
        ...

    def next_due(self, tenant: str) -> datetime | None:
        """The next moment at which any order needs attention."""
        ...

    def reschedule(
        self, tenant: str, order_id: str, version: int, attempts: Mapping[str, Attempt], next_at: datetime | None
    ) -> bool:
        """Keep attempts and the next moment of attention; ``False``, and nothing done, when the order has moved on."""
        ...

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
        """Orders in the order in which they were placed into the store, by any of these; pages follow a cursor.

        ``label`` is one of `orderflow.order.Order.labels`: ``location:BER``, ``backorder:TEA-250``.
        """
        ...

    def park(self, tenant: str, scan: Scan) -> tuple[str, ...]:
        """Keep a scan whose tracking number nobody knows; or, where orders know it, say which, and keep nothing."""
        ...

    def inbox(self, tenant: str, tracking_numbers: Iterable[str]) -> tuple[Scan, ...]:
        """The parked scans for some tracking numbers."""
        ...

    def waiting(self, tenant: str, after: str = "", limit: int = 100) -> tuple[str, ...]:
        """The tracking numbers for which parked scans wait, in their order, from the first behind ``after`` on."""
        ...

    def next_number(self, tenant: str) -> int:
        """The next number of the tenant's own numbering: 1, 2, 3, ... never the same twice."""
        ...
