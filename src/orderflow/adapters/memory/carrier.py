"""A carrier: it quotes, books, voids and reports, and its parcels can be moved by hand or by the clock.

A booking is ``booked``, then ``collected`` once a parcel of it was scanned on its way, then ``delivered`` once all
were; or ``voided``, as long as nothing was collected. Scans are the carrier's own account of what happened: they may
be made for any moment and in any order, as real ones come.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from heapq import heappop, heappush
from typing import Any, ClassVar, Final, TypeAlias

import attrs

from orderflow.adapters.memory.books import Books, same_body
from orderflow.adapters.memory.clock import utc_now
from orderflow.consignment import Label, Leg
from orderflow.errors import PortRefused
from orderflow.order import Booking
from orderflow.ports import (
    BookCarrier,
    Booked,
    BookReturn,
    QueryRates,
    QueryTracking,
    Rate,
    Rates,
    Repeats,
    Scans,
    VoidBooking,
    Voided,
)
from orderflow.tracking import Scan, TrackingStatus
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.money import Money

__all__ = ["SERVICES", "MemoryCarrier"]

_Cost: TypeAlias = Money | Decimal | int | str
_S = TrackingStatus
_VOIDED = Voided()

SERVICES: Final[Mapping[str, tuple[_Cost, int]]] = FrozenMap({"standard": ("4.90", 3), "express": ("9.90", 1)})
"""What a carrier offers if nothing else is said: services with their cost in euro and their days."""

_NOT_YET = frozenset({_S.PENDING, _S.CANCELLED, _S.UNKNOWN})
#: The way of a parcel by itself: when, as parts of the service's days in eighths, and what is scanned.
_WAY = ((0, _S.PICKED_UP), (2, _S.IN_TRANSIT), (7, _S.OUT_FOR_DELIVERY), (8, _S.DELIVERED))


@attrs.frozen
class _Entry:
    """A booking in the carrier's book."""

    state: str
    service: str
    master: str
    parcels: tuple[str, ...]
    arrived: frozenset[str] = frozenset()
    legs: tuple[str, ...] = ()


class MemoryCarrier(Books):
    """A carrier in memory.

    Args:
        name: What the carrier is called in bookings.
        services: By name, what a service costs (a number is in euro) and how many days it takes.
        clock: What time it is; the machine's clock if left out.
        prefix: How its tracking numbers begin; the first two letters of the name if left out.
        auto: Whether parcels that were `handed_over` travel by themselves as the clock goes on.
        on_scan: Called with every new scan, for those who want to be told and not to ask.
        hands_over: By service, the carriers to whom it hands over in turn; the last one delivers. Each leg has a number
            of its own, the first one the master number.
    """

    BOOKS = ("_bookings", "_by_key", "_voids", "_owner", "_scans", "_due", "_numbers")
    repeats: ClassVar[Repeats] = Repeats.DEDUPLICATES

    def __init__(
        self,
        name: str = "PARCELCO",
        services: Mapping[str, tuple[_Cost, int]] = SERVICES,
        clock: Callable[[], datetime] | None = None,
        *,
        prefix: str = "",
        auto: bool = False,
        on_scan: Callable[[Scan], None] | None = None,
        hands_over: Mapping[str, tuple[str, ...]] = FrozenMap(),
    ) -> None:
        self.hands_over = dict(hands_over)
        self.name, self.auto, self.on_scan = name, auto, on_scan
        self.services = {service: (_as_cost(cost), days) for service, (cost, days) in services.items()}
        self.prefix = prefix or name[:2].upper()
        self._clock = clock or utc_now
        self._bookings: dict[str, _Entry] = {}
        self._by_key: dict[str, tuple[Any, Booked]] = {}
        self._voids: dict[str, tuple[str, Voided]] = {}
        self._owner: dict[str, str] = {}
        self._scans: dict[str, tuple[Scan, ...]] = {}
        self._due: list[tuple[datetime, int, str, TrackingStatus]] = []
        self._numbers = 0

    def __repr__(self) -> str:
        return f"MemoryCarrier({self.name!r}, {len(self._bookings)} bookings)"

    # -- the port --------------------------------------------------------------------------------------------------

    def rates(self, request: QueryRates) -> Rates:
        """What each service would cost, and the day it would deliver."""
        return Rates(
            tuple(
                Rate(self.name, service, cost, self._estimate(days)) for service, (cost, days) in self.services.items()
            )
        )

    def book(self, request: BookCarrier) -> Booked:
        """Book a service for parcels; under a key only once.

        Raises:
            PortRefused: ``carrier.key_reused``, ``carrier.unknown_carrier`` or ``carrier.unknown_service``.
        """
        body = _body(request)
        known = same_body(self._by_key, request.key, body, "carrier")
        if known is not None:
            return known
        if request.carrier not in ("", self.name):
            raise PortRefused("carrier.unknown_carrier", f"{self.name} cannot book {request.carrier}")
        if request.service not in self.services:
            raise PortRefused("carrier.unknown_service", f"{self.name} has no service {request.service!r}")
        booked = self._booked(request)
        self._by_key[request.key] = (body, booked)
        return booked

    def void(self, request: VoidBooking) -> Voided:
        """Cancel a booking that was not collected yet; one that is void stays so.

        Raises:
            PortRefused: ``carrier.key_reused``, ``carrier.unknown_booking`` or ``carrier.already_collected``.
        """
        self.tick()
        known = same_body(self._voids, request.key, request.number, "carrier")
        if known is not None:
            return known
        entry = self._bookings.get(request.number)
        if entry is None:
            raise PortRefused("carrier.unknown_booking", f"{self.name} has no booking {request.number!r}")
        if entry.state not in ("booked", "voided"):
            raise PortRefused("carrier.already_collected", f"{self.name} has collected {request.number}")
        self._bookings[request.number] = attrs.evolve(entry, state="voided")
        self._voids[request.key] = (request.number, _VOIDED)
        return _VOIDED

    def track(self, request: QueryTracking) -> Scans:
        """What was scanned of these parcels; a master number stands for all parcels of its booking."""
        self.tick()
        numbers = dict.fromkeys(parcel for number in request.tracking_numbers for parcel in self._parcels(number))
        return Scans(tuple(scan for number in numbers for scan in self._scans.get(number, ())))

    # -- the carrier's own side ------------------------------------------------------------------------------------

    @property
    def bookings(self) -> dict[str, str]:
        """The state of every booking, by number: booked, voided, collected or delivered."""
        self.tick()
        return {number: entry.state for number, entry in self._bookings.items()}

    def events_for(self, number: str) -> tuple[Scan, ...]:
        """What was scanned under a tracking number, in the order of scanning."""
        self.tick()
        return tuple(scan for parcel in self._parcels(number) for scan in self._scans.get(parcel, ()))

    def collect(self, tracking_number: str, at: datetime | None = None) -> tuple[Scan, ...]:
        """Pick a parcel up; by its master number, all parcels of a booking."""
        return self.scan(tracking_number, _S.PICKED_UP, at)

    def deliver(self, tracking_number: str, at: datetime | None = None) -> tuple[Scan, ...]:
        """Deliver a parcel; by its master number, all parcels of a booking."""
        return self.scan(tracking_number, _S.DELIVERED, at)

    def scan(
        self, tracking_number: str, status: TrackingStatus | str, at: datetime | None = None, **fields: Any
    ) -> tuple[Scan, ...]:
        """Scan a parcel, or by its master number all parcels of a booking (``carrier.unknown_tracking_number``).

        Args:
            tracking_number: What is scanned.
            status: Which of the twelve statuses it has.
            at: When it occurred; now if left out.
            fields: What else the scan says: ``reason``, ``location``, ``raw``, ``estimate``, ``action_required``;
                also its ``id``, which is counted if left out.
        """
        if tracking_number not in self._owner:
            raise PortRefused("carrier.unknown_tracking_number", f"{self.name} has no parcel {tracking_number!r}")
        moment = self._clock() if at is None else at
        return tuple(self._scanned(parcel, status, moment, fields) for parcel in self._parcels(tracking_number))

    def handed_over(self, number: str) -> None:
        """The carrier has the parcels of a booking (or of one of its tracking numbers).

        With ``auto`` they go all the way by themselves, as the clock passes the hours of their service; without it they
        are collected, and the rest is up to whoever scans.
        """
        number = self._owner.get(number, number)
        entry = self._bookings.get(number)
        if entry is None:
            raise PortRefused("carrier.unknown_booking", f"{self.name} has no booking {number!r}")
        if not self.auto:
            self.collect(entry.master)
            return
        start, eighth = self._clock(), timedelta(hours=3 * self.services[entry.service][1])
        for step, (eighths, status) in enumerate(_WAY):
            number = entry.legs[-1] if entry.legs and eighths > 4 else entry.master
            heappush(self._due, (start + eighths * eighth, step, number, status))
        self.tick()

    def tick(self) -> None:
        """Let what is due by the clock happen; every question to the carrier does this by itself."""
        if not self._due:
            return
        now = self._clock()
        while self._due and self._due[0][0] <= now:
            moment, _, number, status = heappop(self._due)
            self.scan(number, status, moment)

    def fingerprint(self) -> Hashable:
        """Bookings, voids and scans as one comparable value."""
        return (
            frozenset(self._bookings.items()),
            frozenset(self._by_key.items()),
            frozenset(self._voids.items()),
            frozenset(self._scans.items()),
            tuple(sorted(self._due)),
        )

    # -- the books -------------------------------------------------------------------------------------------------

    def _estimate(self, days: int) -> date:
        return self._clock().date() + timedelta(days=days)

    def _parcels(self, number: str) -> tuple[str, ...]:
        """The parcels that a tracking number stands for."""
        owner = self._owner.get(number)
        if owner is None:
            return ()
        entry = self._bookings[owner]
        return entry.parcels if number == entry.master else (number,)

    def _next_number(self) -> str:
        self._numbers += 1
        return f"{self.prefix}{self._numbers:06d}"

    def _booked(self, request: BookCarrier) -> Booked:
        number, master = f"B{len(self._bookings) + 1}", self._next_number()
        alone = len(request.parcels) <= 1
        given = {parcel.parcel_id: master if alone else self._next_number() for parcel in request.parcels}
        parcels = tuple(given.values()) or (master,)
        legs = self._legs(request.service, master)
        numbers = tuple(leg.tracking_number for leg in legs)
        self._bookings[number] = _Entry("booked", request.service, master, parcels, legs=numbers)
        for tracking_number in (master, *parcels, *numbers):
            self._owner[tracking_number] = number
        cost, days = self.services[request.service]
        label = Label(f"{self.name} {request.service} {master} ({len(parcels)} of {number})", "TXT")
        booking = Booking(number, self.name, request.service, master, label, cost, self._estimate(days), legs)
        return Booked(booking, FrozenMap(given))

    def _legs(self, service: str, master: str) -> tuple[Leg, ...]:
        """The legs of a service that hands over; none where one carrier brings the parcels to the door."""
        others = self.hands_over.get(service, ())
        first = (Leg(self.name, master),) if others else ()
        return (*first, *(Leg(other, self._next_number()) for other in others))

    def _scanned(self, number: str, status: TrackingStatus | str, moment: datetime, fields: dict[str, Any]) -> Scan:
        before = self._scans.get(number, ())
        scan = Scan(number, status, moment, **{"id": f"{number}-{len(before) + 1}", **fields})
        self._scans[number] = (*before, scan)
        self._moved(number, scan.status)
        if self.on_scan is not None:
            self.on_scan(scan)
        return scan

    def _moved(self, number: str, status: TrackingStatus) -> None:
        """What a scan means for the booking. A void one stays void, whatever is seen of its parcels."""
        owner = self._owner[number]
        entry = self._bookings[owner]
        if status in _NOT_YET or entry.state == "voided":
            return
        arrived = entry.arrived
        if status is _S.DELIVERED and number not in entry.legs[:-1]:
            arrived |= set(entry.parcels) if number in entry.legs else {number}
        if status is _S.RETURN_TO_SENDER:
            arrived = arrived - {number}
        state = "delivered" if arrived.issuperset(entry.parcels) else "collected"
        if (state, arrived) != (entry.state, entry.arrived):
            self._bookings[owner] = attrs.evolve(entry, state=state, arrived=arrived)


def _body(request: BookCarrier) -> tuple[Any, ...]:
    return (
        request.shipment_id,
        request.generation,
        request.carrier,
        request.service,
        request.location,
        request.ship_to,
        request.parcels,
        request.reference,
        request.ship_from if isinstance(request, BookReturn) else None,
    )


def _as_cost(cost: _Cost) -> Money:
    return cost if isinstance(cost, Money) else Money(cost, "EUR")
