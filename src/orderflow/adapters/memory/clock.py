"""A clock that stands still until someone moves it."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import UTC, datetime, timedelta

from orderflow.adapters.memory.books import Books
from orderflow.errors import InvalidInput
from orderflow.values.times import as_instant

__all__ = ["ManualClock", "utc_now"]


def utc_now() -> datetime:
    """The time of this machine, in UTC: the clock of an adapter that was given none."""
    return datetime.now(UTC)


class ManualClock(Books):
    """A clock for tests and examples. It never goes back.

    >>> clock = ManualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    >>> clock.advance(timedelta(hours=3)).isoformat()
    '2026-03-02T12:00:00+00:00'
    """

    BOOKS = ("_now",)

    def __init__(self, start: datetime) -> None:
        self._now = as_instant(start)

    def __call__(self) -> datetime:
        return self._now

    def __repr__(self) -> str:
        return f"ManualClock({self._now.isoformat()})"

    def advance(self, by: timedelta) -> datetime:
        """Let so much time pass (``clock.backwards``)."""
        return self.set(self._now + by)

    def set(self, moment: datetime) -> datetime:
        """Let it be ``moment``, which must not be over already (``clock.backwards``)."""
        moment = as_instant(moment)
        if moment < self._now:
            raise InvalidInput.because("clock.backwards", f"must not be before {self._now.isoformat()}")
        self._now = moment
        return moment

    def fingerprint(self) -> Hashable:
        """What time it is."""
        return self._now
