"""Instants are aware and in UTC; days belong to a calendar."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.errors import InvalidInput
from orderflow.values import Window, as_day, as_instant, as_zone, day_in

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Undecided(tzinfo):
    """A zone that does not say how far it is from UTC."""

    def utcoffset(self, at: datetime | None) -> timedelta | None:
        return None

    def dst(self, at: datetime | None) -> timedelta | None:
        return None

    def tzname(self, at: datetime | None) -> str | None:
        return None


offsets = st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), offsets)
def test_an_instant_is_the_same_moment_in_utc(local: datetime, zone: timezone) -> None:
    instant = as_instant(local.replace(tzinfo=zone))
    assert instant == local.replace(tzinfo=zone)
    assert instant.tzinfo is UTC


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (datetime(2026, 3, 1), "time.naive"),
        (datetime(2026, 3, 1, tzinfo=Undecided()), "time.naive"),
        (date(2026, 3, 1), "time.not_a_datetime"),
        ("2026-03-01T12:00:00Z", "time.not_a_datetime"),
        (0, "time.not_a_datetime"),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=1))), "time.out_of_range"),
    ],
)
def test_what_is_no_instant_is_refused(raw: Any, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        as_instant(raw)
    assert refused.value.codes == (code,)


def test_a_day_is_a_date_and_never_a_datetime() -> None:
    assert as_day(date(2026, 3, 1)) == date(2026, 3, 1)
    for raw in (NOON, "2026-03-01", None):
        with pytest.raises(InvalidInput, match=r"time\.not_a_day"):
            as_day(raw)


def test_a_window_holds_its_start_but_not_its_end() -> None:
    window = Window(NOON, NOON + timedelta(hours=1))
    assert (NOON in window, NOON + timedelta(minutes=59) in window, window.end in window) == (True, True, False)


@pytest.mark.parametrize("length", [timedelta(0), timedelta(seconds=-1)])
def test_a_window_must_start_before_it_ends(length: timedelta) -> None:
    with pytest.raises(InvalidInput, match=r"window\.reversed"):
        Window(NOON, NOON + length)


def test_both_ends_of_a_window_are_checked_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        Window(datetime(2026, 1, 1), date(2026, 1, 2))  # type: ignore[arg-type]
    assert [(v.path, v.code) for v in refused.value.violations] == [
        ("start", "time.naive"),
        ("end", "time.not_a_datetime"),
    ]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_zones_of_the_iana_database_are_known(zone: str) -> None:
    assert as_zone(zone) == zone


@pytest.mark.parametrize("zone", ["", "Europe", "Europe/Atlantis", "../etc/passwd", "/etc/localtime", "A\0B", None, 1])
def test_other_zones_are_refused(zone: Any) -> None:
    with pytest.raises(InvalidInput, match=r"time\.unknown_zone"):
        as_zone(zone)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("UTC", date(2026, 3, 1)), ("Pacific/Auckland", date(2026, 3, 2)), ("America/Los_Angeles", date(2026, 3, 1))],
)
def test_a_day_is_the_one_in_the_calendar_of_the_place(zone: str, expected: date) -> None:
    assert day_in(NOON, zone) == expected


def test_values_do_not_load_the_zone_database_until_a_zone_is_named() -> None:
    program = "import sys, orderflow.values; sys.exit('zoneinfo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
