"""Given this, when that, then these events: stories of one order, told to the pure process.

There is no runtime here and nothing is pretended: a `Life` holds a process, an order and the time; commands are
commands, and replies are the very values that a port would return. After every step the books must balance, the events
so far must make the order again, and a process that remembers nothing must have come to the same events and requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from orderflow.charges import Amounts
from orderflow.commands import (
    AdoptOrder,
    BookShipment,
    DespatchShipment,
    PackParcel,
    PlaceOrder,
    RecordPick,
    RecordTracking,
    StartPicking,
    TimePassed,
)
from orderflow.defaults import STANDARD
from orderflow.errors import CommandRefused
from orderflow.messages import Command, Envelope, Event
from orderflow.order import Booking, Order
from orderflow.policy import Policy
from orderflow.ports import (
    BookCarrier,
    Booked,
    BookReturn,
    ClaimStock,
    Issued,
    IssueStock,
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
    Reply,
    Request,
    Scans,
    SendMessage,
    Sent,
    StockHeld,
    TellOrders,
    Told,
    VoidBooking,
    Voided,
    VoidReturn,
    WorkAccepted,
)
from orderflow.process import STAGES, OrderProcess, pending, replay
from orderflow.tracking import Scan
from orderflow.values import Address, Contact, FrozenMap, Money, Party, zero

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
BERLIN = Address("DE", "Torstrasse 1", city="Berlin", postal_code="10119", name="Ada Krull")
ADA = Party("Ada Krull", contact=Contact("ada@example.org"))
#: Net price and tax of one unit; what is not listed costs ten.
PRICES = {"TEA-250": ("8.50", "0.60"), "POT-1": ("24.00", "4.56")}
ID = "A-1001"
#: What can be chosen about a line of which units cannot be had.
IF_SHORT = ("try_again", "ship_available", "cancel_rest", "cancel_order")
#: The standard policy where there is one location only: what it does not have, nobody has.
ONE_PLACE = attrs.evolve(STANDARD, sourcing=attrs.evolve(STANDARD.sourcing, ask="never"))


def D(number: Any) -> Decimal:  # noqa: N802 - reads as a number
    return Decimal(str(number))


def eur(amount: Any) -> Money:
    return Money(str(amount), "EUR")


def a_place_order(**changes: Any) -> PlaceOrder:
    """The order of the quickstart: two packets of tea and a pot, to Berlin."""
    said: dict[str, Any] = {
        "lines": [("TEA-250", 2), ("POT-1", 1)],
        "currency": "EUR",
        "ship_to": BERLIN,
        "customer": ADA,
        "order_id": ID,
    }
    return PlaceOrder(**(said | changes))


def an_adoption(**changes: Any) -> AdoptOrder:
    """An order of ten packets of tea that an ERP took five days ago."""
    said: dict[str, Any] = {
        "reference": ID,
        "lines": [("TEA-250", 10)],
        "currency": "EUR",
        "placed_at": NOW - timedelta(days=5),
        "ship_to": BERLIN,
        "customer": ADA,
        "order_id": ID,
    }
    return AdoptOrder(**(said | changes))


def amounts(net: Any, tax: Any = 0) -> Amounts:
    return Amounts(eur(net), zero("EUR"), zero("EUR"), eur(tax))


def quoted(line_id: str, quantity: Any, net: Any, tax: Any = 0) -> QuotedLine:
    """So many units for ``net`` and ``tax`` a piece."""
    return QuotedLine(line_id, D(quantity), eur(net), amounts(D(net) * D(quantity), D(tax) * D(quantity)))


def quote_of(request: QuotePrices) -> Quote:
    lines = (quoted(line.line_id, line.quantity, *PRICES.get(line.sku, ("10.00", "0"))) for line in request.lines)
    return Quote(tuple(lines))


def held(
    request: ClaimStock, quantity: Any = None, location: str | None = None, until: datetime | None = None
) -> StockHeld:
    """All that is wanted, or so many, are held where they are wanted; in Berlin, where nobody said where."""
    where = request.location or "BER" if location is None else location
    amount = request.quantity if quantity is None else D(quantity)
    return StockHeld(request.revision, amount, where, until)


def booking_of(request: BookCarrier) -> Booked:
    number = f"{request.shipment_id}-{request.generation}"
    return Booked(Booking(f"B-{number}", request.carrier or "DHL", request.service, f"T-{number}"))


SENSIBLE: dict[type[Request], Callable[[Any], Any]] = {
    ClaimStock: held,
    QuotePrices: quote_of,
    QueryRates: lambda request: Rates((Rate("DHL", "parcel", eur("4.90")),)),
    BookCarrier: booking_of,
    VoidBooking: lambda request: Voided(),
    TellOrders: lambda request: Told(),
    PutWork: lambda request: WorkAccepted(
        request.revision, FrozenMap({line.line_id: line.quantity for line in request.lines})
    ),
    IssueStock: lambda request: Issued(),
    ReceiveStock: lambda request: Received(),
    BookReturn: booking_of,
    VoidReturn: lambda request: Voided(),
    SendMessage: lambda request: Sent(),
    QueryTracking: lambda request: Scans(()),
    QueryLevels: lambda request: Levels(()),
}


#: Every stage looks at everything, however little it says it looks at.
_BLIND = tuple(attrs.evolve(stage, looks_at=lambda order: None) for stage in STAGES)


class Life:
    """The life of one order so far: the process, the order, the time, and what has happened."""

    def __init__(self, policy: Policy = ONE_PLACE) -> None:
        self.process = OrderProcess(policy)
        self._forgetful = OrderProcess(policy, _BLIND)
        self._order: Order | None = None
        self.now = NOW
        self.events: tuple[Event, ...] = ()
        self.history: list[Event] = []
        self._read: Order | None = None

    @property
    def order(self) -> Order:
        assert self._order is not None, "no order was placed yet"
        return self._order

    # -- what may be done --------------------------------------------------------------------------------------------

    def do(self, *commands: Command) -> Life:
        for command in commands:
            envelope = Envelope(self.now)
            outcome = self.process.carry_out(self._order, command, envelope)
            assert outcome.events == self._forgetful.decide(self._loaded(), command, envelope)
            self._happened(outcome.events, outcome.order)
        return self

    def at(self, **later: float) -> Life:
        """The clock goes on; nobody has noticed yet."""
        self.now += timedelta(**later)
        return self

    def passes(self, **later: float) -> Life:
        """The clock goes on, and the process is told."""
        return self.at(**later).do(TimePassed(ID))

    def hears(self, request: Request, reply: Reply) -> Life:
        """The answer to a request arrives, wanted or not."""
        outcome = self.process.settle(self.order, request, reply, self.now)
        assert outcome.events == self._forgetful.settle(self.loaded, request, reply, self.now).events
        self._happened(outcome.events, outcome.order)
        return self

    def answer(self, kind: type[Request], reply: Any = None, about: str = "") -> Life:
        """The one pending request of a kind (and about something) is answered: by a reply, or a function of it."""
        request = self.wanted(kind, about)
        if reply is None:
            reply = SENSIBLE[kind]
        return self.hears(request, reply(request) if callable(reply) else reply)

    def reply_all(self, *without: type[Request]) -> Life:
        """Every request is answered as one would wish, until nothing is wanted (tracking is asked for ever)."""
        for _round in range(100):
            requests = [r for r in self.requests if not isinstance(r, (*without, QueryTracking))]
            if not requests:
                return self
            before = self.order.version
            self.hears(requests[0], SENSIBLE[type(requests[0])](requests[0]))
            assert self.order.version > before, f"the answer to {requests[0].id} changed nothing"
        raise AssertionError("there is no end of requests")

    # -- what can be seen --------------------------------------------------------------------------------------------

    @property
    def requests(self) -> tuple[Any, ...]:
        """What is wanted from outside now."""
        return tuple(
            wanted.request
            for wanted in pending(self.order)
            if wanted.not_before is None or wanted.not_before <= self.now
        )

    @property
    def asks(self) -> tuple[str, ...]:
        """The ids of what is wanted from outside now."""
        return tuple(request.id for request in self.requests)

    def wanted(self, kind: type[Request], about: str = "") -> Any:
        found = [r for r in self.requests if isinstance(r, kind) and about in r.id]
        assert len(found) == 1, f"{len(found)} requests {kind.__name__} {about}; pending: {', '.join(self.asks)}"
        return found[0]

    @property
    def facts(self) -> tuple[Event, ...]:
        """The events of the last step, whoever was told of them."""
        return tuple(event for event in self.events if not event.TAG.startswith("message_"))

    @property
    def happened(self) -> list[str]:
        """The names of the events of the last step."""
        return [type(event).__name__ for event in self.events]

    def refusal(self, command: Command) -> list[tuple[str, str]]:
        """Code and path of every reason for which a command is refused; refusing it changes nothing."""
        before = self._order
        with pytest.raises(CommandRefused) as refused:
            self.process.carry_out(self._order, command, Envelope(self.now))
        assert self._order == before
        return [(violation.code, violation.path) for violation in refused.value.violations]

    def codes(self, command: Command) -> list[str]:
        return [code for code, _ in self.refusal(command)]

    @property
    def case(self) -> Any:
        """The one open exception."""
        (case,) = self.order.open_cases
        return case

    @property
    def goods(self) -> dict[str, dict[str, Decimal]]:
        """Where the units of each line are."""
        return {line_id: dict(self.order.ledger.accounts(line_id)) for line_id in self.order.lines}

    @property
    def told(self) -> list[tuple[str, str]]:
        """The messages of this order: kind and state."""
        return [(message.kind, message.state) for message in self.order.messages.values()]

    @property
    def loaded(self) -> Order:
        """The same order as a store would give it back: made of its events, and remembering nothing."""
        order = self._loaded()
        assert order is not None
        return order

    # -- inside ------------------------------------------------------------------------------------------------------

    def _loaded(self) -> Order | None:
        """What the events make, read once for each change; whatever was worked out about it since is forgotten."""
        if self._read is None or self._read.version != len(self.history):
            self._read = replay(self.history)
        if self._read is None:
            return None
        fresh = self._read.replace()
        fresh.__dict__.pop("_worked_out", None)
        return fresh

    def _happened(self, events: Iterable[Event], order: Order) -> None:
        self.events = tuple(events)
        self.history += self.events
        self._order = order
        assert order.ledger.is_balanced()
        assert order.version == len(self.history)
        loaded = self.loaded
        assert loaded == order
        assert pending(loaded) == pending(order)
        assert self._forgetful.consequences(loaded, self.now) == (), "everything that follows has happened"


@attrs.frozen
class Given:
    """A life up to now, waiting for what happens next."""

    life: Life

    def when(self, command: Command) -> When:
        return When(self.life, command)


@attrs.frozen
class When:
    """A command that is to be given."""

    life: Life
    command: Command

    def then(self, *expected: Event) -> Life:
        self.life.do(self.command)
        assert expected == self.life.events
        return self.life

    def refused(self, *expected: tuple[str, str]) -> Life:
        assert list(expected) == self.life.refusal(self.command)
        return self.life


def given(*steps: Command | Life) -> Given:
    """Given these commands (or this life), everything asked for having been answered after each."""
    life = steps[0] if steps and isinstance(steps[0], Life) else Life()
    for step in steps:
        if isinstance(step, Command):
            life.do(step).reply_all()
    return Given(life)


# -- lives up to a point --------------------------------------------------------------------------------------------


def placed(policy: Policy = ONE_PLACE, **changes: Any) -> Life:
    """Placed and acknowledged; nobody outside has answered yet."""
    return Life(policy).do(a_place_order(**changes))


def verified(policy: Policy = ONE_PLACE, **changes: Any) -> Life:
    return placed(policy, **changes).reply_all()


def picking(policy: Policy = ONE_PLACE, **changes: Any) -> Life:
    return verified(policy, **changes).do(StartPicking(ID, "F1")).reply_all()


def picked(policy: Policy = ONE_PLACE, **changes: Any) -> Life:
    return picking(policy, **changes).do(RecordPick(ID, "F1")).reply_all()


def packed(policy: Policy = ONE_PLACE, **changes: Any) -> Life:
    return picked(policy, **changes).do(PackParcel(ID, "F1")).reply_all()


def requested(policy: Policy = ONE_PLACE, **changes: Any) -> Life:
    """A booking was asked for; the carrier has not answered yet."""
    return packed(policy, **changes).do(BookShipment(ID, service="parcel", carrier="DHL"))


def booked(policy: Policy = ONE_PLACE, **changes: Any) -> Life:
    return requested(policy, **changes).reply_all()


def despatched(policy: Policy = ONE_PLACE, **changes: Any) -> Life:
    return booked(policy, **changes).do(DespatchShipment(ID)).reply_all()


def scan(status: str, number: str = "T-S1-1", hours: float = 0, **more: Any) -> Scan:
    return Scan(number, status, NOW + timedelta(hours=hours), **more)


def delivered(policy: Policy = ONE_PLACE, **changes: Any) -> Life:
    return despatched(policy, **changes).do(RecordTracking(ID, [scan("delivered", hours=30)])).reply_all()
