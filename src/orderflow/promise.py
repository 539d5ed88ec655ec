"""What was promised, what is believed, what happened: and how late that is.

A promise is a calendar day where the customer is, not an instant: a parcel handed over in New York at 22:30 on the
first of December is on time for that day, although it is already the second in Greenwich.
"""

from __future__ import annotations

from datetime import date, datetime

from orderflow.values.times import day_in

__all__ = ["days_late", "is_late"]


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
