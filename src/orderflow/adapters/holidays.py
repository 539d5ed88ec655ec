"""Public holidays of most countries, for promise calendars: an optional extra (``orderflow-core[holidays]``).

The `holidays` package knows them; it is imported only when a calendar is made. What it does not know is not guessed:
a country without data has its weekends free and nothing else, a region without data has the holidays of its country.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from datetime import date
from functools import cache

from orderflow.calendars import BusinessDays, Place

__all__ = ["SATURDAY_AND_SUNDAY", "business_days"]

#: The weekend of most countries, as weekdays are counted: Monday is 0.
SATURDAY_AND_SUNDAY = frozenset({5, 6})


def business_days(
    weekend: Iterable[int] = SATURDAY_AND_SUNDAY, *, also_closed: Iterable[date] = (), also_open: Iterable[date] = ()
) -> BusinessDays:
    """Neither weekend nor public holiday of the place; ``also_closed`` and ``also_open`` are exceptions of one's own.

    Raises:
        ModuleNotFoundError: the `holidays` package is not installed.
    """
    import holidays

    free, closed, opened = frozenset(weekend), frozenset(also_closed), frozenset(also_open)

    @cache
    def known(place: Place) -> Container[date]:
        for region in (place.region or None, None):
            try:
                return holidays.country_holidays(place.country, subdiv=region)
            except NotImplementedError:
                continue
        return ()

    def is_business_day(day: date, place: Place) -> bool:
        """Whether people work on a day at a place."""
        if day in opened or day in closed:
            return day in opened
        return day.weekday() not in free and day not in known(place)

    return is_business_day
