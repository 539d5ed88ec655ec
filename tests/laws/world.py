"""A naive world: the systems around one order, as dictionaries, and all the odd things they may answer.

What is asked for with a key is done once under it. A claim is a PUT: the newest revision counts. Nothing here imports
an adapter of the library, so that a mistake there cannot hide one in the process.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from orderflow.charges import Amounts
from orderflow.order import Booking
from orderflow.ports import (
    BookCarrier,
    Booked,
    ClaimStock,
    Deferred,
    GaveUp,
    Issued,
    IssueStock,
    Level,
    Levels,
    PutWork,
    QueryLevels,
    QueryRates,
    QueryTracking,
    Quote,
    QuotedLine,
    QuotePrices,
    Rate,
    Rates,
    Received,
    ReceiveStock,
    Refused,
    Request,
    Scans,
    SendMessage,
    Sent,
    StockHeld,
    VoidBooking,
    Voided,
    WorkAccepted,
)
from orderflow.tracking import Scan
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.money import Money
from orderflow.values.numbers import EXACT
from tests.laws.chance import Chance

__all__ = ["LOCATIONS", "World", "impossible_replies", "nonsense"]

LOCATIONS = ("BER", "HAM", "MUC")

_PRICES = ("9.99", "0.333", "1", "3.3333", "0.005", "1250", "0.105")
_LEVELS = ("1000", "1000", "2", "0", "0.5")
ZERO = Decimal(0)


def priced(line_id: str, quantity: Decimal, currency: str, price: Decimal) -> QuotedLine:
    """A line at a price, with a discount, a share of the shipping and tax, none of them rounded."""
    net = EXACT.multiply(price, quantity)
    discount = EXACT.multiply(net, Decimal("-0.05"))
    shipping = Decimal("0.3333")
    tax = EXACT.multiply(EXACT.add(EXACT.add(net, discount), shipping), Decimal("0.19"))
    parts = (Money(EXACT.plus(part), currency) for part in (net, discount, shipping, tax))
    return QuotedLine(line_id, quantity, Money(price, currency), Amounts(*parts))


class World:
    """What the systems around have done for one order; where there is ``plenty``, every claim gets what it wants."""

    def __init__(self, plenty: bool = False) -> None:
        self.plenty = plenty
        self.claims: dict[str, tuple[int, Decimal, Decimal]] = {}
        self.places: dict[str, str] = {}
        self.works: dict[str, tuple[int, FrozenMap[str, Decimal]]] = {}
        self.bookings: dict[str, str] = {}
        self.numbers: dict[str, Any] = {}
        self.voided: set[str] = set()
        self.kept: set[str] = set()
        self.issued: set[str] = set()
        self.received: set[str] = set()
        self.messages: dict[str, int] = {}
        self.answers: dict[str, tuple[Request, Any]] = {}
        self.untold: dict[str, tuple[Request, Any]] = {}

    # -- doing what is asked -----------------------------------------------------------------------------------------

    def does(self, request: Request, chance: Chance, now: datetime, generous: bool = True) -> Any:
        """Do it, once under its key, and say what came of it. Who is not generous grants less, or refuses."""
        if isinstance(request, ClaimStock):
            return self._claimed(request, chance, now, generous)
        if isinstance(request, PutWork):
            return self._put(request, chance, generous)
        key = getattr(request, "key", None)
        if key is None:
            return self._found(request, chance, now, generous)
        if key not in self.answers or (generous and isinstance(self.answers[key][1], Refused)):
            self.answers[key] = (request, self._done(request, chance, now, generous))
        return self.answers[key][1]

    def _claimed(self, request: ClaimStock, chance: Chance, now: datetime, generous: bool) -> Any:
        known = self.claims.get(request.key)
        if known is None or known[0] < request.revision:
            held = request.quantity
            if not generous or (not self.plenty and chance.once_in(9)):
                held = EXACT.multiply(held, Decimal(chance.one(("0", "0.5"))))
            known = self.claims[request.key] = (request.revision, request.quantity, held)
            if request.location or request.key not in self.places:
                self.places[request.key] = request.location or chance.one(("BER", "BER", "HAM", ""))
        revision, _wanted, held = known
        until = now + timedelta(hours=chance.one((1, 30, 300))) if held and chance.once_in(4) else None
        return StockHeld(revision, held, self.places[request.key], until)

    def _put(self, request: PutWork, chance: Chance, generous: bool) -> Any:
        """A work is taken on or reduced as asked; who is not generous takes on less, and keeps what it has packed."""
        revision, doing = self.works.get(request.key, (0, FrozenMap()))
        if revision < request.revision:
            if not generous and chance.once_in(4):
                return Refused("fulfiller.no", "not us")
            wanted = {line.line_id: line.quantity for line in request.lines}
            if not generous and not revision:
                wanted = {
                    line: EXACT.multiply(units, Decimal(chance.one(("0", "0.5")))) for line, units in wanted.items()
                }
            elif not generous:
                wanted = {line: chance.one((doing[line], units)) for line, units in wanted.items() if line in doing}
            elif revision:
                wanted = {line: min(doing.get(line, ZERO), units) for line, units in wanted.items()}
            revision, doing = self.works[request.key] = (request.revision, FrozenMap(wanted))
        return WorkAccepted(revision, doing)

    def _done(self, request: Request, chance: Chance, now: datetime, generous: bool) -> Any:
        if isinstance(request, BookCarrier):
            return self._booked(request, chance, now) if generous else Refused("carrier.full", "no room")
        if isinstance(request, VoidBooking):
            if not generous:
                self.kept.add(request.number)
                return Refused("carrier.already_collected", "we have it")
            self.voided.add(request.number)
            self.kept.discard(request.number)
            return Voided()
        if isinstance(request, IssueStock):
            if not generous:
                return Refused("inventory.closed")
            assert request.key not in self.issued
            self.issued.add(request.key)
            return Issued()
        if isinstance(request, ReceiveStock):
            if not generous:
                return Refused("inventory.closed")
            assert request.key not in self.received
            self.received.add(request.key)
            return Received()
        assert isinstance(request, SendMessage)
        if not generous:
            return Refused("mail.unknown_recipient")
        self.messages[request.key] = self.messages.get(request.key, 0) + 1
        return Sent(f"R{len(self.messages)}")

    def _booked(self, request: BookCarrier, chance: Chance, now: datetime) -> Booked:
        number = f"B{len(self.bookings) + 1}"
        self.bookings[request.key] = number
        tracked = {p.parcel_id: f"T-{number}-{p.parcel_id}" for p in request.parcels} if chance.below(3) else {}
        booking = Booking(
            number,
            request.carrier or "DHL",
            request.service,
            f"T-{number}",
            cost=Money(5, "EUR"),
            estimate=(now + timedelta(days=2)).date(),
        )
        return Booked(booking, FrozenMap(tracked))

    def _found(self, request: Request, chance: Chance, now: datetime, generous: bool) -> Any:
        if isinstance(request, QuotePrices):
            if not generous:
                return Refused("pricing.unknown", "no price")
            return Quote(
                tuple(
                    priced(line.line_id, line.quantity, request.currency, Decimal(chance.one(_PRICES)))
                    for line in request.lines
                )
            )
        if isinstance(request, QueryLevels):
            return self._levels(request, chance) if generous else chance.one((Levels(()), Refused("inventory.closed")))
        if isinstance(request, QueryRates):
            if not generous:
                return chance.one((Rates(()), Refused("carrier.closed")))
            return Rates(tuple(Rate("DHL", "express", Money(9, code)) for code in ("EUR", "JPY", "KWD")))
        assert isinstance(request, QueryTracking)
        if not generous:
            return Refused("carrier.unknown_number")
        return Scans(tuple(scan(number, chance, now) for number in request.tracking_numbers))

    def _levels(self, request: QueryLevels, chance: Chance) -> Levels:
        """What is said to be where; whether a claim then gets it is another matter."""
        said = ((sku, location, Decimal(chance.one(_LEVELS))) for sku in request.skus for location in LOCATIONS)
        return Levels(tuple(Level(sku, location, units, units) for sku, location, units in said))

    # -- what it knows at the end ------------------------------------------------------------------------------------

    @property
    def held(self) -> Decimal:
        """Units held under any claim."""
        total = ZERO
        for _, _, held in self.claims.values():
            total = EXACT.add(total, held)
        return total

    @property
    def unvoided(self) -> set[str]:
        """Bookings that are not void, and that no carrier insisted on."""
        return set(self.bookings.values()) - self.voided - self.kept


_STATUSES = (
    "delivered",
    "in_transit",
    "picked_up",
    "out_for_delivery",
    "delivery_failed",
    "on_hold",
    "delivery_delayed",
    "return_to_sender",
    "cancelled",
    "unknown",
    "pending",
    "delivered",
)


def scan(number: str, chance: Chance, now: datetime) -> Scan:
    """A report about a parcel, of a moment around now."""
    estimate = date(2026, 4, 1 + chance.below(3)) if chance.once_in(3) else None
    return Scan(
        number,
        chance.one(_STATUSES),
        now - timedelta(hours=chance.below(60)),
        id=chance.one(("", "a", "b")),
        raw=chance.one(("", "X1")),
        estimate=estimate,
        reason=chance.one(("", "", "lost", "damaged", "refused", "")),
        action_required=chance.once_in(4),
    )


def deferral(request: Request, chance: Chance, now: datetime) -> Deferred:
    """The answer will come."""
    ticket = chance.one((f"T-{request.id}", f"T-{request.id}-2", "T-same")).replace("/", "-")
    return Deferred(ticket, now + timedelta(hours=1 + chance.below(3)), now + timedelta(hours=chance.one((48, 2, 400))))


def lost(chance: Chance) -> GaveUp:
    """Nobody ever answered."""
    return GaveUp(8, chance.one(("", "no answer")))


# -- what cannot be ----------------------------------------------------------------------------------------------------


def impossible_replies(request: Request, now: datetime) -> list[Any]:
    """Replies of the right types that are no answer to this request."""
    found: list[Any] = [
        StockHeld(1, Decimal(10**6), "BER"),
        StockHeld(10**6, Decimal(1), "BER"),
        StockHeld(1, Decimal(-1)),
        Issued(),
        Quote(()),
        Rates(()),
        Rates((Rate("DHL", "", Money(1, "EUR")),)),
        Rates((Rate("DHL", "slow", Money(1, "USD")),)),
        WorkAccepted(1, FrozenMap({"L1": Decimal(10**6)})),
        WorkAccepted(10**6, FrozenMap({"L1": Decimal(1)})),
        WorkAccepted(1, FrozenMap({"L1": Decimal(-1)})),
        WorkAccepted(1, FrozenMap({"L99": Decimal(1)})),
        Booked(Booking("", "DHL", "express", "T")),
        Booked(Booking("B-other", "DHL", "express", "T-other")),
        Booked(Booking("B-odd", "DHL", "express", "T"), FrozenMap({"P99": "T9"})),
        Voided(),
        Scans(()),
        Scans((Scan("T-nobody", "delivered", now),)),
        Sent(""),
        Refused("no"),
        Refused(""),
        Levels(()),
        Levels((Level("NOTHING", "BER", Decimal(5), Decimal(5)),)),
        Levels(tuple(Level(sku, "", Decimal(-5), Decimal(-5)) for sku in ("TEA", "POT", "CUP"))),
        Levels(tuple(Level(sku, "BER", Decimal(0), Decimal(10**6)) for sku in ("TEA", "TEA", "POT", "CUP"))),
    ]
    if isinstance(request, QuotePrices):
        other = "USD"
        found.append(Quote(tuple(priced(line.line_id, line.quantity, other, Decimal(1)) for line in request.lines)))
        found.append(Quote(tuple(priced(line.line_id, Decimal(99), "EUR", Decimal(1)) for line in request.lines)))
        found.append(Quote((priced("L99", Decimal(1), request.currency, Decimal(1)),)))
    return found


def nonsense(request: Request, now: datetime) -> list[Any]:
    """What a broken adapter may hand over: no reply at all, or one whose parts are not what they should be."""
    revision = getattr(request, "revision", 1)
    odd: Any = object()
    parts: Any = (None, "1", 1.5, odd, [], {})
    found: list[Any] = [None, 0, 42, "yes", b"", [], {}, (), True, odd, Exception("?"), StockHeld, request]
    found += [StockHeld(revision, part) for part in parts]
    found += [StockHeld(part, Decimal(0)) for part in parts]
    found += [WorkAccepted(part, FrozenMap()) for part in parts]
    found += [WorkAccepted(revision, part) for part in parts]
    found += [Quote(part) for part in parts]
    found += [Quote((part,)) for part in parts]
    found += [Rates(part) for part in parts]
    found += [Rates((part,)) for part in parts]
    found += [Rates((Rate(odd, "express", part),)) for part in parts]
    found += [Booked(part) for part in parts]
    found += [Booked(Booking("B", "DHL", "express", "T"), part) for part in (None, 1.5, odd)]
    found += [Levels(part) for part in parts]
    found += [Levels((part,)) for part in parts]
    found += [Levels((Level("TEA", "BER", Decimal(1), part),)) for part in parts]
    found += [Levels((Level("TEA", part, Decimal(1), Decimal(1)),)) for part in (None, 1.5, odd, [])]
    found += [Scans(part) for part in parts]
    found += [Scans((part,)) for part in parts]
    if isinstance(request, QuotePrices):
        lines: Any = [
            QuotedLine(line.line_id, line.quantity, part, part) for line in request.lines for part in (None, "1", odd)
        ]
        found += [Quote((line,)) for line in lines]
    return found
