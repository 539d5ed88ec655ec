"""Public holidays as business days of a promise calendar, with the real package where it is installed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from orderflow.adapters.holidays import business_days
from orderflow.calendars import Place, PromiseCalendar, SendingLocation

pytest.importorskip("holidays", reason="the extra 'holidays' is not installed")

THURSDAY = datetime(2026, 12, 24, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "place", "is_open"),
    [
        (date(2026, 12, 25), Place("DE"), False),
        (date(2026, 12, 25), Place("US", "NY"), False),
        (date(2026, 11, 26), Place("US"), False),  # Thanksgiving
        (date(2026, 11, 26), Place("DE"), True),
        (date(2026, 11, 28), Place("DE"), False),  # a Saturday
        (date(2027, 1, 6), Place("DE", "BY"), False),  # Epiphany, in Bavaria
        (date(2027, 1, 6), Place("DE", "BE"), True),
        (date(2027, 1, 6), Place("DE", "nowhere"), True),
        (date(2026, 12, 25), Place("ZZ"), True),
        (date(2026, 12, 25), Place(), True),
    ],
)
def test_a_business_day_is_neither_weekend_nor_holiday_of_the_place(day: date, place: Place, is_open: bool) -> None:
    assert business_days()(day, place) is is_open


def test_a_host_has_exceptions_of_its_own() -> None:
    inventory_day, advent_saturday = date(2026, 12, 30), date(2026, 12, 19)
    is_open = business_days(also_closed=[inventory_day], also_open=[advent_saturday])

    assert (is_open(inventory_day, Place("DE")), is_open(advent_saturday, Place("DE"))) == (False, True)
    assert business_days(weekend=[4, 5])(date(2026, 12, 20), Place("AE"))


def test_a_location_does_not_send_on_its_holidays() -> None:
    berlin = SendingLocation("Europe/Berlin", cut_off=time(14), country="DE")

    assert PromiseCalendar(berlin).ship_by(berlin, THURSDAY) == date(2026, 12, 25)
    assert PromiseCalendar(berlin, is_business_day=business_days()).ship_by(berlin, THURSDAY) == date(2026, 12, 28)
