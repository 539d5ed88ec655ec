"""Tolerance: how far a delivery may differ from the order and still be the order.

Who sells cable by the metre or paper by the ream cannot always deliver exactly what was ordered. A line may say by how
many per cent a delivery may fall short of it (*under*) or go beyond it (*over*), measured against what was ordered and
not cancelled.

Short of it: once what was shipped, or what is left to ship after a short pick, is within the tolerance, the remainder
is *closed short* by itself. It is neither backordered nor looked for elsewhere, and what was agreed for it is given
back. Units that somebody is handling are not part of the remainder.

Beyond it: units that nobody ordered are *surplus*, and come from that source. Commands take as much of it as the
tolerance leaves room for; observations may bring more, which is then flagged.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from orderflow.ledger import BACKORDERED, CAME_BACK, CANCELLED, CLOSED_SHORT, GONE, OPEN, Account, Move, allocated
from orderflow.messages import Event, event
from orderflow.order import Line, Order
from orderflow.policy import Policy
from orderflow.stages.stage import Stage
from orderflow.values.numbers import EXACT, ZERO

__all__ = ["STAGE", "LinesClosedShort", "over_room", "still_ordered"]


@event("lines_closed_short")
class LinesClosedShort(Event):
    """What is missing of some lines is within their tolerance: it will not be delivered, and is not owed."""

    moves: tuple[Move, ...]

    def apply(self, order: Order) -> Order:
        """The units are wanted no more, and what was agreed for them is given back."""
        return order.moved(self.moves)


def still_ordered(order: Order, line_id: str) -> Decimal:
    """Units of a line that were ordered and not cancelled: what a delivery is measured against."""
    kept = EXACT.subtract(order.ledger.ordered(line_id), order.ledger.balance(line_id, CANCELLED))
    return max(ZERO, kept)


def over_room(order: Order, line_id: str) -> Decimal:
    """Units that may still come beyond what was ordered of a line."""
    line = order.lines.get(line_id)
    if line is None or not line.tolerance.over:
        return ZERO
    ordered = still_ordered(order, line_id)
    most = EXACT.add(ordered, _percent(ordered, line.tolerance.over))
    return max(ZERO, EXACT.subtract(most, order.live_quantity(line_id)))


def _percent(quantity: Decimal, percent: Decimal) -> Decimal:
    return EXACT.scaleb(EXACT.multiply(quantity, percent), -2)


# -- what follows ---------------------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    if order.cancellation is not None or not order.fulfillments:
        return
    moves = tuple(
        Move(line.id, account, CLOSED_SHORT, quantity)
        for line in order.lines.values()
        if line.tolerance.under
        for account, quantity in _remainder(order, line)
    )
    if moves:
        yield LinesClosedShort(at, moves)


def _remainder(order: Order, line: Line) -> tuple[tuple[Account, Decimal], ...]:
    """What of a line is not handled any more, where the rest of it is as good as the whole."""
    idle = _idle(order, line.id)
    rest = tuple((account, units) for account, units in order.ledger.accounts(line.id) if account in idle)
    if not rest:
        return ()
    served = order.live_quantity(line.id)
    for _, units in rest:
        served = EXACT.subtract(served, units)
    gone = ZERO
    for kind in (*GONE, *CAME_BACK):
        gone = EXACT.add(gone, order.ledger.of_kind(line.id, kind))
    has_ended = served == gone or any(claim.missed for claim in order.claims.values() if claim.line_id == line.id)
    ordered = still_ordered(order, line.id)
    least = EXACT.subtract(ordered, _percent(ordered, line.tolerance.under))
    return rest if has_ended and served >= least else ()


def _idle(order: Order, line_id: str) -> frozenset[Account]:
    """Where units wait that nobody handles; a location that sent the line without them does not look for them."""
    senders = {
        parcel.fulfillment_id
        for parcel in order.parcels.values()
        if any(order.ledger.balance(line_id, Account(f"{kind}:{parcel.id}")) for kind in GONE)
    }
    return frozenset({OPEN, BACKORDERED, *map(allocated, senders)})


def _looks_at(order: Order) -> tuple[str, ...]:
    if not any(line.tolerance.under for line in order.lines.values()):
        return ("lines",)
    return ("lines", "ledger", "claims", "fulfillments", "cancellation")


STAGE = Stage(name="tolerance", events=(LinesClosedShort,), follow=_follow, looks_at=_looks_at)
