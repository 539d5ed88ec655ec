"""The carrier in memory: rates, bookings, voids, and parcels on their way."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs
import pytest

from orderflow.adapters.memory import ManualClock, MemoryCarrier
from orderflow.errors import PortRefused
from orderflow.ports import (
    BookCarrier,
    CarrierPort,
    ParcelBody,
    QueryRates,
    QueryTracking,
    Rate,
    VoidBooking,
    Voided,
)
from orderflow.tracking import Scan, TrackingStatus, fold
from orderflow.values import Money

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def booking(*parcels: str, key: str = "K1", service: str = "standard", carrier: str = "PARCELCO") -> BookCarrier:
    bodies = tuple(ParcelBody(parcel, None, None, ()) for parcel in parcels or ("P1",))
    return BookCarrier("O1", key, key, "S1", 1, carrier, service, "MAIN", None, bodies)


def void(number: str, key: str = "V1") -> VoidBooking:
    return VoidBooking("O1", key, key, "S1", number)


def statuses(carrier: MemoryCarrier, *numbers: str) -> list[str]:
    return [scan.status.value for scan in carrier.track(QueryTracking("O1", "track", "S1", numbers)).scans]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NINE)


@pytest.fixture
def carrier(clock: ManualClock) -> MemoryCarrier:
    return MemoryCarrier(clock=clock)


def test_it_is_a_carrier(carrier: MemoryCarrier) -> None:
    assert isinstance(carrier, CarrierPort)


def test_it_says_what_each_service_costs_and_when_it_delivers(carrier: MemoryCarrier) -> None:
    assert carrier.rates(QueryRates("O1", "rates", "S1", "MAIN", None, ())).rates == (
        Rate("PARCELCO", "standard", Money("4.90", "EUR"), date(2026, 3, 5)),
        Rate("PARCELCO", "express", Money("9.90", "EUR"), date(2026, 3, 3)),
    )


def test_a_single_parcel_travels_under_the_master_number(carrier: MemoryCarrier) -> None:
    booked = carrier.book(booking("P1", service="express"))

    assert (booked.booking.number, booked.booking.tracking_number) == ("B1", "PA000001")
    assert (booked.booking.cost, booked.booking.estimate) == (Money("9.90", "EUR"), date(2026, 3, 3))
    assert booked.tracking_numbers == {"P1": "PA000001"}
    assert "PA000001" in booked.booking.label.data


def test_several_parcels_have_numbers_of_their_own(carrier: MemoryCarrier) -> None:
    booked = carrier.book(booking("P1", "P2"))

    assert booked.booking.tracking_number == "PA000001"
    assert booked.tracking_numbers == {"P1": "PA000002", "P2": "PA000003"}


def test_a_booking_asked_for_twice_is_one_booking(carrier: MemoryCarrier, clock: ManualClock) -> None:
    first = carrier.book(booking())
    clock.advance(timedelta(days=1))

    assert carrier.book(attrs.evolve(booking(), id="again")) == first
    assert carrier.bookings == {"B1": "booked"}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (booking("P2"), "carrier.key_reused"),
        (booking(key="K2", service="overnight"), "carrier.unknown_service"),
        (booking(key="K2", carrier="OTHER"), "carrier.unknown_carrier"),
    ],
)
def test_a_booking_that_cannot_be_is_refused(carrier: MemoryCarrier, request_: BookCarrier, code: str) -> None:
    carrier.book(booking("P1"))
    with pytest.raises(PortRefused) as refused:
        carrier.book(request_)
    assert refused.value.code == code
    assert carrier.bookings == {"B1": "booked"}


def test_a_booking_is_voided_once(carrier: MemoryCarrier) -> None:
    carrier.book(booking())

    assert [carrier.void(void("B1")), carrier.void(void("B1")), carrier.void(void("B1", key="V2"))] == [Voided()] * 3
    assert carrier.bookings == {"B1": "voided"}


def test_what_was_collected_cannot_be_voided(carrier: MemoryCarrier) -> None:
    number = carrier.book(booking()).booking.tracking_number
    carrier.collect(number)

    with pytest.raises(PortRefused) as refused:
        carrier.void(void("B1"))
    assert refused.value.code == "carrier.already_collected"
    assert carrier.bookings == {"B1": "collected"}


@pytest.mark.parametrize(("number", "key", "code"), [
    ("B9", "V1", "carrier.unknown_booking"),
    ("B2", "V0", "carrier.key_reused"),
])  # fmt: skip
def test_a_void_that_cannot_be_is_refused(carrier: MemoryCarrier, number: str, key: str, code: str) -> None:
    carrier.book(booking())
    carrier.book(booking(key="K2"))
    carrier.void(void("B1", key="V0"))

    with pytest.raises(PortRefused) as refused:
        carrier.void(void(number, key=key))
    assert refused.value.code == code
    assert carrier.bookings["B2"] == "booked"


def test_a_booking_is_delivered_when_all_its_parcels_are(carrier: MemoryCarrier) -> None:
    first, second = carrier.book(booking("P1", "P2")).tracking_numbers.values()
    carrier.deliver(first)
    assert carrier.bookings == {"B1": "collected"}

    carrier.deliver(second)
    assert carrier.bookings == {"B1": "delivered"}
    assert statuses(carrier, first) == ["delivered"]


def test_the_master_number_stands_for_all_parcels(carrier: MemoryCarrier) -> None:
    booked = carrier.book(booking("P1", "P2"))
    scans = carrier.collect(booked.booking.tracking_number, at=NINE + timedelta(hours=1))

    assert [scan.tracking_number for scan in scans] == list(booked.tracking_numbers.values())
    assert carrier.events_for("PA000001") == scans


def test_a_scan_says_what_it_is_told_to_say_and_is_pushed(clock: ManualClock) -> None:
    pushed: list[Scan] = []
    carrier = MemoryCarrier("SWIFT", {"day": ("3", 1)}, clock, prefix="X", on_scan=pushed.append)
    carrier.book(booking(service="day", carrier="SWIFT"))
    (scan,) = carrier.scan("X000001", "delivery_failed", reason="nobody there", raw="NH", estimate=date(2026, 3, 9))

    assert pushed == [scan]
    assert (scan.status, scan.reason, scan.raw) == (TrackingStatus.DELIVERY_FAILED, "nobody there", "NH")
    assert (scan.occurred_at, scan.estimate) == (NINE, date(2026, 3, 9))


def test_a_parcel_of_nobody_cannot_be_scanned(carrier: MemoryCarrier) -> None:
    with pytest.raises(PortRefused, match="unknown_tracking_number"):
        carrier.collect("PA000009")
    assert statuses(carrier, "PA000009") == []


def test_automatic_parcels_travel_as_the_clock_goes_on(clock: ManualClock) -> None:
    carrier = MemoryCarrier(clock=clock, auto=True)
    number = carrier.book(booking(service="express")).booking.tracking_number
    clock.advance(timedelta(hours=1))
    assert statuses(carrier, number) == []

    carrier.handed_over("B1")
    assert statuses(carrier, number) == ["picked_up"]
    assert carrier.bookings == {"B1": "collected"}
    clock.advance(timedelta(hours=23, minutes=59))
    assert statuses(carrier, number) == ["picked_up", "in_transit", "out_for_delivery"]
    clock.advance(timedelta(minutes=1))
    assert carrier.bookings == {"B1": "delivered"}
    assert fold(carrier.events_for(number)).delivered_at == NINE + timedelta(hours=25)


def test_without_automation_what_is_handed_over_is_only_collected(carrier: MemoryCarrier, clock: ManualClock) -> None:
    number = carrier.book(booking()).booking.tracking_number
    carrier.handed_over(number)
    clock.advance(timedelta(days=9))

    assert statuses(carrier, number) == ["picked_up"]


def test_a_restored_carrier_is_what_it_was(clock: ManualClock) -> None:
    carrier = MemoryCarrier(clock=clock, auto=True)
    carrier.book(booking())
    taken, before = carrier.snapshot(), carrier.fingerprint()
    for change in (
        lambda: carrier.handed_over("B1"),
        lambda: carrier.void(void("B1")),
        lambda: carrier.book(booking(key="K2")),
    ):
        made: Any = change
        made()
        assert carrier.fingerprint() != before
        carrier.restore(taken)
        assert carrier.fingerprint() == before
    assert carrier.book(booking(key="K2")).booking.number == "B2"


# -- legs -----------------------------------------------------------------------------------------------------------


def test_a_service_that_hands_over_has_a_number_for_every_leg(clock: ManualClock) -> None:
    carrier = MemoryCarrier(clock=clock, hands_over={"standard": ("POSTEN",)})
    legs = carrier.book(booking("P1")).booking.legs
    assert [(leg.carrier, leg.tracking_number) for leg in legs] == [("PARCELCO", "PA000001"), ("POSTEN", "PA000002")]
    assert carrier.book(booking(key="K2", service="express")).booking.legs == ()

    carrier.deliver("PA000001")
    assert carrier.bookings["B1"] == "collected", "handed over, not delivered"
    carrier.deliver("PA000002")
    assert carrier.bookings["B1"] == "delivered"
    assert statuses(carrier, "PA000001", "PA000002") == ["delivered", "delivered"]


def test_a_parcel_that_is_handed_over_arrives_by_itself_with_the_last_carrier(clock: ManualClock) -> None:
    carrier = MemoryCarrier(clock=clock, auto=True, hands_over={"standard": ("POSTEN",)})
    carrier.handed_over(carrier.book(booking("P1")).booking.number)
    clock.advance(timedelta(days=4))
    assert carrier.bookings == {"B1": "delivered"}
    assert statuses(carrier, "PA000002") == ["out_for_delivery", "delivered"]
