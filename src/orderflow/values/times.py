"""Instants, days and windows.

An *instant* is a point on the time line that everybody shares: an aware `datetime`, kept in UTC. A *day* is a square in
somebody's calendar: a `date` without a clock. A promise is a day where the customer is, so that a parcel handed over in
Auckland on Tuesday evening is not late because it is still Tuesday morning in London. The two never turn into each
other by accident; `day_in` says in whose calendar.

`zoneinfo` reads the system's tz database, the one thing below the runtime that looks at files. It is imported only when
a zone is named.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from orderflow.errors import InvalidInput
from orderflow.values.checked import checked, value

if TYPE_CHECKING:
    from datetime import tzinfo

__all__ = ["Window", "as_day", "as_instant", "as_zone", "clock_in", "day_in", "instant_of"]


def as_instant(raw: Any) -> datetime:
    """A point in time, in UTC, from an aware datetime.

    Raises:
        InvalidInput: ``time.not_a_datetime`` (a date and a text are refused too), ``time.naive`` (nobody knows where
            its clock hangs) or ``time.out_of_range``.
    """
    if not isinstance(raw, datetime):
        raise InvalidInput.because("time.not_a_datetime", f"must be a datetime, not {type(raw).__name__}")
    if raw.tzinfo is UTC:
        return raw
    if raw.utcoffset() is None:
        raise InvalidInput.because("time.naive", "must be aware of its zone; for UTC say tzinfo=UTC")
    try:
        return raw.astimezone(UTC)
    except OverflowError:
        raise InvalidInput.because("time.out_of_range", "must be a time that UTC can express") from None


def as_day(raw: Any) -> date:
    """A day in a calendar (``time.not_a_day``); a datetime is refused, as it would drop its clock in silence."""
    if isinstance(raw, date) and not isinstance(raw, datetime):
        return raw
    raise InvalidInput.because("time.not_a_day", f"must be a date without a time, not {type(raw).__name__}")


def as_zone(raw: Any) -> str:
    """The name of a time zone of the IANA database, such as ``Europe/Berlin`` (``time.unknown_zone``)."""
    _zone(raw)
    return str(raw)


def day_in(instant: datetime, zone: str) -> date:
    """The calendar day that an instant falls on where ``zone`` is.

    >>> day_in(datetime(2026, 3, 1, 23, 30, tzinfo=UTC), "Europe/Berlin")
    datetime.date(2026, 3, 2)
    """
    moment = as_instant(instant)
    try:
        return moment.astimezone(_zone(zone)).date()
    except OverflowError:
        raise InvalidInput.because("time.out_of_range", f"has no calendar day in {zone}") from None


def clock_in(instant: datetime, zone: str) -> time:
    """What the clocks show at an instant where ``zone`` is.

    >>> clock_in(datetime(2026, 11, 27, 13, 5, tzinfo=UTC), "Europe/Berlin")
    datetime.time(14, 5)
    """
    return as_instant(instant).astimezone(_zone(zone)).time()


def instant_of(day: date, zone: str, clock: time = time()) -> datetime:
    """The instant at which the clocks of ``zone`` show ``clock`` on a day; its beginning, if no clock is given.

    >>> instant_of(date(2026, 12, 1), "America/New_York")
    datetime.datetime(2026, 12, 1, 5, 0, tzinfo=datetime.timezone.utc)
    """
    try:
        return datetime.combine(day, clock, _zone(zone)).astimezone(UTC)
    except OverflowError:
        raise InvalidInput.because("time.out_of_range", f"has no instant in {zone}") from None


@value
class Window:
    """A span in which something may happen: from ``start`` on, until just before ``end``."""

    start: datetime = checked(as_instant)
    end: datetime = checked(as_instant)

    def _check(self) -> None:
        if not self.start < self.end:
            raise InvalidInput.because("window.reversed", "must start before it ends")

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= as_instant(instant) < self.end


def _zone(name: Any) -> tzinfo:
    if name == "UTC":
        return UTC
    if isinstance(name, str) and name:
        from zoneinfo import ZoneInfo

        try:
            return ZoneInfo(name)
        except (LookupError, ValueError, OSError):
            pass
    raise InvalidInput.because("time.unknown_zone", f"must be a zone of the IANA database, not {repr(name)[:60]}")
