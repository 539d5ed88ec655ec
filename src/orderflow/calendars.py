"""A promise calendar: from the moment of an order to the days on which it leaves and arrives.

A location works on its own business days and takes orders until its cut-off; what comes later counts as of the next
business day. Handling takes business days of the location, transit takes business days of the destination. A calendar
is a strategy (``Policy.promise``); which days are business days is a strategy within it, a function of a day and a
place: Monday to Friday by default, and `orderflow.adapters.holidays` knows the public holidays of most countries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, TypeAlias

import attrs

from orderflow.errors import InvalidInput
from orderflow.order import Order, Terms
from orderflow.promise import Promise
from orderflow.values.checked import checked, optional, value
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.record import record
from orderflow.values.times import as_zone, clock_in, day_in, instant_of

__all__ = ["BusinessDays", "Place", "PromiseCalendar", "SendingLocation", "as_wished", "weekdays"]

_ONE_DAY = timedelta(days=1)
#: A place without a business day for so long has none: the strategy is wrong.
_LONGEST_REST = 366


@record
class Place:
    """Where a day is a business day, or not: a country (ISO 3166), where that matters a region of it."""

    country: str = ""
    region: str = ""


#: Whether people work on a day at a place.
BusinessDays: TypeAlias = Callable[[date, Place], bool]


def weekdays(day: date, place: Place) -> bool:
    """Monday to Friday, wherever it is."""
    return day.weekday() < 5


def _as_clock(raw: Any) -> time:
    if not isinstance(raw, time) or raw.tzinfo is not None:
        raise InvalidInput.because("calendar.not_a_clock", "must be a time of day without a zone")
    return raw


def _as_days(raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 0:
        raise InvalidInput.because("calendar.not_days", "must be a whole number of days from 0")
    return raw


def _as_text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise InvalidInput.because("calendar.not_a_text", f"must be a text, not {type(raw).__name__}")
    return raw


@value
class SendingLocation:
    """How a location sends goods: until when orders of a day are taken, how long handling takes, when carriers come.

    An order that arrives before ``cut_off`` counts for that day, one that arrives at it or later for the next business
    day. ``collection`` is when carriers come on the ship-by day: what has not left then is at risk; where it is left
    out, that is the cut-off.
    """

    zone: str = checked(as_zone)
    cut_off: time = checked(_as_clock, default=time(14))
    handling_days: int = checked(_as_days, default=0)
    country: str = checked(_as_text, default="")
    region: str = checked(_as_text, default="")
    collection: time | None = checked(optional(_as_clock), default=None)

    @property
    def place(self) -> Place:
        """Whose business days count here."""
        return Place(self.country, self.region)

    def leave_by(self, day: date) -> datetime:
        """When carriers come on a day."""
        return instant_of(day, self.zone, self.collection or self.cut_off)


def _locations(raw: Mapping[str, SendingLocation] | SendingLocation) -> FrozenMap[str, SendingLocation]:
    return FrozenMap({"": raw} if isinstance(raw, SendingLocation) else raw)


@attrs.frozen
class PromiseCalendar:
    """A strategy that promises by the calendar; ``attrs.evolve(STANDARD, promise=PromiseCalendar(...))``.

    Attributes:
        locations: how each location sends, by name; ``""`` is any other. One alone stands for all.
        transit: business days on the way, by service and country of destination; ``""`` is any other of either.
        is_business_day: whether people work on a day at a place.
        service: the service that counts where the customer names none.

    A customer who wishes a later day than the first possible one is promised the wished day. What may not arrive before
    a day is counted from that day on. Where nothing is known of the location there is no promise, where nothing is
    known of the transit only a day of departure.
    """

    locations: Mapping[str, SendingLocation] = attrs.field(converter=_locations)
    transit: Mapping[tuple[str, str], int] = attrs.field(factory=FrozenMap)
    is_business_day: BusinessDays = weekdays
    service: str = ""

    def __call__(self, order: Order, line_id: str, location: str, at: datetime) -> Promise | None:
        """What can be promised for a line from a location, as of a moment."""
        sender = self.locations.get(location) or self.locations.get("")
        if sender is None:
            return None
        terms = order.terms_of(line_id)
        ship_by = self.ship_by(sender, at, terms.not_before)
        arrival = Place()
        address = terms.ship_to or order.ship_to
        if address is not None:
            arrival = Place(address.country, address.region)
        days = self._days(terms, arrival.country)
        deliver_by = None
        if days is not None:
            deliver_by = self._later(ship_by, days, arrival)
            if terms.deliver_by is not None and terms.deliver_by > deliver_by:
                deliver_by = terms.deliver_by
                ship_by = self._latest(sender, ship_by, days, arrival, deliver_by)
        return Promise(
            line_id,
            ship_by,
            sender.zone,
            deliver_by,
            terms.zone or "UTC",
            sender.leave_by(ship_by),
            order.live_quantity(line_id),
            (location,),
            terms.deliver_by,
            terms.not_before,
        )

    def ship_by(self, sender: SendingLocation, at: datetime, not_before: date | None = None) -> date:
        """The day by which what was ordered at a moment leaves a location."""
        day = day_in(at, sender.zone)
        if clock_in(at, sender.zone) >= sender.cut_off or not self.is_business_day(day, sender.place):
            day += _ONE_DAY
        if not_before is not None and not_before > day:
            day = not_before
        return self._later(self._next(day, sender.place), sender.handling_days, sender.place)

    def _days(self, terms: Terms, country: str) -> int | None:
        if terms.method in ("digital", "pick_up"):
            return 0
        service = terms.service or self.service
        for key in ((service, country), (service, ""), ("", country), ("", "")):
            if key in self.transit:
                return self.transit[key]
        return None

    def _next(self, day: date, place: Place) -> date:
        """A day, if it is a business day; else the next one."""
        for _ in range(_LONGEST_REST):
            if self.is_business_day(day, place):
                return day
            day += _ONE_DAY
        raise ValueError(f"is_business_day knows no business day at {place} in the year before {day}")

    def _later(self, day: date, days: int, place: Place) -> date:
        """So many business days later."""
        for _ in range(days):
            day = self._next(day + _ONE_DAY, place)
        return day

    def _latest(self, sender: SendingLocation, earliest: date, days: int, arrival: Place, wished: date) -> date:
        """The last business day of a location on which goods can leave and still arrive on the day wished for."""
        day = wished
        while day > earliest:
            if self.is_business_day(day, sender.place) and self._later(day, days, arrival) <= wished:
                return day
            day -= _ONE_DAY
        return earliest


def as_wished(order: Order, line_id: str, location: str, at: datetime) -> Promise | None:
    """The standard strategy: the day that the customer asked for is promised, and without one, none.

    A line that replaces what did not arrive is not promised for the day by which the original was asked for.
    """
    if order.wished_by(line_id) is None or order.lines[line_id].is_free:
        return None
    terms = order.terms_of(line_id)
    return Promise(
        line_id,
        deliver_by=terms.deliver_by,
        deliver_zone=terms.zone or "UTC",
        wished_by=terms.deliver_by,
        not_before=terms.not_before,
    )
