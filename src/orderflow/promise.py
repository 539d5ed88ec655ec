"""What was promised, what is believed, what happened: and how late that is.

A promise is a calendar day where somebody is, not an instant: the day by which goods leave is a day at the location
that sends them, the day by which they arrive is a day where the customer is. A parcel handed over in New York at 22:30
on the first of December is on time for that day, although it is already the second in Greenwich. So a promise keeps
both days and both zones.

A promise is never changed. It may be *renewed* by another one; the earlier ones stay on record. How a promise stands
is kept beside it, once for each of its days: ``open``, ``at_risk`` (it will probably not be kept), ``missed`` or
``kept``.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from orderflow.values.record import record
from orderflow.values.times import day_in, instant_of

__all__ = ["Promise", "PromiseStatus", "Standing", "Word", "days_late", "is_late", "slip_of"]

#: How one day of a promise stands.
Word = Literal["open", "at_risk", "missed", "kept"]

_ONE_DAY = timedelta(days=1)


def days_late(promised: date, happened: datetime, zone: str) -> int:
    """Whole calendar days by which ``happened`` is after ``promised`` in the customer's zone; never below nothing.

    >>> from datetime import UTC
    >>> days_late(date(2026, 12, 1), datetime(2026, 12, 2, 3, 30, tzinfo=UTC), "America/New_York")
    0
    >>> days_late(date(2026, 12, 1), datetime(2026, 12, 2, 3, 30, tzinfo=UTC), "Europe/Berlin")
    1
    """
    return max(0, (day_in(happened, zone) - promised).days)


def is_late(promised: date, happened: datetime, zone: str) -> bool:
    """Whether ``happened`` is on a later calendar day than promised, where the customer is."""
    return day_in(happened, zone) > promised


@record
class Promise:
    """What we committed to for a line: the day by which it leaves, the day by which it arrives.

    Attributes:
        line_id: the line.
        ship_by: the day by which everything has left, in ``ship_zone``, where the location is.
        deliver_by: the day by which everything has arrived, in ``deliver_zone``, where the customer is.
        leave_by: the instant on the ship-by day from which what has not left will hardly leave any more.
        quantity: for how many units it was made; ``None``: for whatever is wanted of the line.
        locations: which locations it counts on; empty: on whichever send the goods.
        wished_by: the day that the customer had asked for when it was made.
        not_before: the day before which nothing may arrive, and so nothing is late.
    """

    line_id: str
    ship_by: date | None = None
    ship_zone: str = "UTC"
    deliver_by: date | None = None
    deliver_zone: str = "UTC"
    leave_by: datetime | None = None
    quantity: Decimal | None = None
    locations: tuple[str, ...] = ()
    wished_by: date | None = None
    not_before: date | None = None

    @property
    def due(self) -> date | None:
        """The day after which the goods are late: never before the first day on which they may arrive."""
        if self.deliver_by is None or self.not_before is None:
            return self.deliver_by
        return max(self.deliver_by, self.not_before)

    @property
    def ship_day_over(self) -> datetime | None:
        """When the ship-by day has ended at the location."""
        return _after(self.ship_by, self.ship_zone)

    @property
    def due_day_begins(self) -> datetime | None:
        """When the deliver-by day begins where the customer is."""
        return None if self.due is None else instant_of(self.due, self.deliver_zone)

    @property
    def due_day_over(self) -> datetime | None:
        """When the deliver-by day has ended where the customer is."""
        return _after(self.due, self.deliver_zone)


def _after(day: date | None, zone: str) -> datetime | None:
    return None if day is None else instant_of(day + _ONE_DAY, zone)


@record
class Standing:
    """How the promise of a line stands, by what was recorded.

    ``slip`` names what the customer is to hear of: the lines that will be late together, and the day now expected; it
    is told once. ``slipped_to`` is the worst day that was ever expected.
    """

    promise: Promise
    earlier: tuple[Promise, ...] = ()
    ship: Word = "open"
    deliver: Word = "open"
    slipped_to: date | None = None
    slip: str = ""


@record
class PromiseStatus:
    """Promise, estimate and actual of a line, side by side: derived, never stored.

    ``despatched_at`` is when the last unit left, ``delivered_at`` when the last one arrived; ``None`` while units are
    still here, or on their way. ``estimate`` is the day by which carriers believe to deliver.
    """

    promise: Promise
    earlier: tuple[Promise, ...]
    ship: Word
    deliver: Word
    estimate: date | None
    despatched_at: datetime | None
    delivered_at: datetime | None

    @property
    def days_late_shipped(self) -> int | None:
        """Days by which the goods left after the ship-by day; ``None`` while they have not left, or without a day."""
        if self.promise.ship_by is None or self.despatched_at is None:
            return None
        return days_late(self.promise.ship_by, self.despatched_at, self.promise.ship_zone)

    @property
    def days_late(self) -> int | None:
        """Days by which the goods arrived after the deliver-by day; ``None`` while they have not, or without a day."""
        if self.promise.due is None or self.delivered_at is None:
            return None
        return days_late(self.promise.due, self.delivered_at, self.promise.deliver_zone)


def slip_of(line_ids: tuple[str, ...], expected: date | None) -> str:
    """The name of a slip: the lines, and the day now expected.

    >>> slip_of(("L1", "L2"), date(2026, 12, 3))
    'L1+L2 2026-12-03'
    """
    lines = "+".join(line_ids)
    return lines if expected is None else f"{lines} {expected.isoformat()}"
