"""One order's life, what may come across it, and the judgement at the end."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from orderflow import (
    STANDARD,
    Address,
    AmendOrder,
    BookShipment,
    CancelOrder,
    Command,
    CommandRefused,
    Contact,
    DespatchShipment,
    Envelope,
    MemoryStore,
    OrderProcess,
    PackParcel,
    Party,
    PlaceOrder,
    RecordPick,
    ResolveException,
    StartPicking,
    UnpackParcel,
    pending,
    replay,
)
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.errors import PortRefused, PortUnavailable
from orderflow.ledger import place_of
from orderflow.ports import BookCarrier, Booked, ClaimStock, StockHeld
from orderflow.process import STAGES
from orderflow.runtime.engine import Effects, Engine, Ports
from orderflow.runtime.sync import drive
from orderflow.stages.stage import Stage
from orderflow.values.frozenmap import FrozenMap
from tests.proof.interleaving import Found, Script, World, search

__all__ = ["AMENDMENT_DOWN", "AMENDMENT_UP", "CANCELLATION", "NOTHING", "Setting", "proved"]

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
ID = "A-1"

LIFE = (
    StartPicking(ID, "F1"),
    RecordPick(ID, "F1"),
    PackParcel(ID, "F1"),
    BookShipment(ID, service="standard"),
    DespatchShipment(ID),
)
#: The same with two lines, of which one comes from two locations.
LIFE_OF_TWO = (
    StartPicking(ID, "F1"),
    RecordPick(ID, "F1"),
    StartPicking(ID, "F2"),
    RecordPick(ID, "F2"),
    PackParcel(ID, "F1"),
    PackParcel(ID, "F2"),
    BookShipment(ID, ["P1"], service="standard"),
    DespatchShipment(ID, "S1"),
    BookShipment(ID, ["P2"], service="standard"),
    DespatchShipment(ID, "S2"),
)
CANCELLATION = (CancelOrder(ID),)
NOTHING: tuple[Command, ...] = ()
AMENDMENT_UP = (AmendOrder(ID, {"L1": 3}),)
AMENDMENT_DOWN = (AmendOrder(ID, {"L1": 1}),)


class EagerCarrier(MemoryCarrier):
    """A carrier whose driver stands at the ramp: what is booked is collected at once, and cannot be voided."""

    def book(self, request: BookCarrier) -> Booked:
        """Book, and collect."""
        booked = super().book(request)
        if self.bookings[booked.booking.number] == "booked":
            self.collect(booked.booking.tracking_number)
        return booked


class GrudgingInventory(MemoryInventory):
    """An inventory that refuses every release once, as when its period is closed, and loses every first answer."""

    BOOKS = (*MemoryInventory.BOOKS, "_grudges")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._grudges: dict[tuple[str, int], bool] = {}

    def claim(self, request: ClaimStock) -> StockHeld:
        """Hold it; not without fuss."""
        first = (request.key, request.revision) not in self._grudges
        self._grudges[request.key, request.revision] = True
        if first and not request.quantity:
            raise PortRefused("erp.period_closed")
        held = super().claim(request)
        if first:
            raise PortUnavailable("the answer was lost")
        return held

    def fingerprint(self) -> Hashable:
        """Grudges are borne in the books."""
        return (super().fingerprint(), frozenset(self._grudges))


@attrs.define
class Setting:
    """A world with one order just placed, and an engine to work on it."""

    engine: Engine
    world: World
    inventory: MemoryInventory
    carrier: MemoryCarrier
    mailbox: Mailbox
    clock: ManualClock
    lines: dict[str, int]
    stock: dict[tuple[str, str], int]

    @classmethod
    def fresh(
        cls,
        stages: tuple[Stage, ...] = STAGES,
        *,
        lines: Mapping[str, int] = FrozenMap({"TEA": 2}),
        stock: Mapping[tuple[str, str], int] = FrozenMap({("TEA", "BER"): 10}),
        fencing: bool = True,
        collects_at_once: bool = False,
        grudging: bool = False,
    ) -> Setting:
        """One order, of two where stock is ten if nothing else is said, placed and not yet attended to."""
        clock = ManualClock(NOW)
        inventory_of = GrudgingInventory if grudging else MemoryInventory
        inventory = inventory_of(stock, location="BER", clock=clock, fencing=fencing)
        carrier: MemoryCarrier = EagerCarrier(clock=clock) if collects_at_once else MemoryCarrier(clock=clock)
        mailbox = Mailbox()
        prices = PriceList({"TEA": "9.90", "POT": "24"}, currency="EUR", tax="0.19")
        store = MemoryStore()
        process = OrderProcess(attrs.evolve(STANDARD, poll_every=timedelta(hours=1)), stages)
        ports = Ports(inventory, prices, carrier, mailbox)
        numbers = itertools.count(1)
        engine = Engine(process, ports, clock, lambda: f"own-{next(numbers)}", repr, str)
        world = World(
            store,
            (inventory, carrier, mailbox, clock),
            {"inventory": inventory, "pricing": prices, "carriers": carrier, "notifications": mailbox},
        )
        setting = cls(engine, world, inventory, carrier, mailbox, clock, dict(lines), dict(stock))
        place = PlaceOrder(
            list(lines.items()),
            "EUR",
            Address("DE", "Hauptstr. 1", city="Berlin", postal_code="10115"),
            Party("Ada", contact=Contact("ada@example.org")),
            order_id=ID,
        )
        setting.drive(attrs.evolve(engine, inline=False).handle(place, Envelope(NOW, command_id="place")))
        return setting

    def drive(self, effects: Effects) -> Any:
        """Run a call of the engine to its end, undisturbed."""
        return drive(effects, self.world.perform)

    def tried(self, command: Command) -> bool:
        """Give a command; whether it was accepted."""
        try:
            self.drive(self.engine.handle(command, Envelope(self.clock())))
        except CommandRefused:
            return False
        return True

    # -- the end of a schedule ---------------------------------------------------------------------------------------

    def judged(self) -> Iterable[str]:
        """Let the warehouse, the carrier and time finish what was begun; then compare all books."""
        for _ in range(3):
            self._quiet()
            self._settle()
            self._work()
        self._quiet()
        for number, booking in list(self.carrier.bookings.items()):
            if self._order().parcels and booking in ("booked", "collected") and self._has_left(number):
                self.carrier.deliver(self._tracking_of(number))
        self._quiet()
        return tuple(self._violations())

    def _settle(self) -> None:
        """What a person does about a request that was refused: have it asked again."""
        for case in self._order().open_cases:
            if case.is_about_request:
                self.tried(ResolveException(ID, case.id, "try_again"))

    def _work(self) -> None:
        """What a warehouse does that still has work: unpack what is not wanted, pick, pack, book, despatch."""
        for parcel_id in dict.fromkeys(place_of(move.source) for move in self._order().to_be_cancelled):
            self.tried(UnpackParcel(ID, parcel_id))
        for fulfillment_id in self._order().fulfillments:
            for work in (StartPicking, RecordPick, PackParcel):
                self.tried(work(ID, fulfillment_id))
        while self.tried(BookShipment(ID, service="standard")):
            pass
        for shipment_id in self._order().shipments:
            self.tried(DespatchShipment(ID, shipment_id))

    def _order(self) -> Any:
        return self.world.store.load("main", ID).order

    def _quiet(self) -> None:
        for _ in range(12):
            self.clock.advance(timedelta(hours=2))
            self.drive(self.engine.run_due(10, timedelta(minutes=1)))

    def _has_left(self, number: str) -> bool:
        return any(
            shipment.stage == "despatched" and shipment.booking.number == number
            for shipment in self._order().shipments.values()
            if shipment.booking is not None
        )

    def _tracking_of(self, number: str) -> str:
        return next(
            shipment.booking.tracking_number
            for shipment in self._order().shipments.values()
            if shipment.booking is not None and shipment.booking.number == number
        )

    def _violations(self) -> Iterable[str]:
        order = self._order()
        history = self.world.store.history("main", ID)
        if replay(recorded.event for recorded in history) != order:
            yield "replay gives another order"
        if not order.ledger.is_balanced():
            yield "the ledger does not sum"
        resting = ("completed", "cancelled") if self._is_enough() else ("acknowledged", "cancelled")
        if order.state not in resting:
            yield f"the order is left {order.state}"
        if pending(order):
            yield f"still wanted: {[one.request.id for one in pending(order)]}"
        yield from self._stock(order)
        yield from self._bookings(order)
        yield from self._messages(order)

    def _is_enough(self) -> bool:
        return all(self._stocked(sku) >= units for sku, units in self.lines.items())

    def _stocked(self, sku: str) -> int:
        return sum(units for (product, _), units in self.stock.items() if product == sku)

    def _stock(self, order: Any) -> Iterable[str]:
        for line_id, line in order.lines.items():
            sku, delivered = line.sku, order.ledger.of_kind(line_id, "delivered")
            wanted = min(self._stocked(sku), self.lines[sku]) if order.state == "acknowledged" else 0
            if self.inventory.held(sku) != wanted:
                yield f"{self.inventory.held(sku)} units of {sku} held that nobody wants"
            if self.inventory.on_hand(sku) != self._stocked(sku) - delivered:
                yield f"{self.inventory.on_hand(sku)} of {sku} on hand, {delivered} delivered"
            if order.state == "completed" and delivered != order.live_quantity(line_id):
                yield f"{delivered} of {sku} delivered of {order.live_quantity(line_id)}"
        if self.inventory.discrepancies:
            yield "a location sent what it had promised to others"

    def _bookings(self, order: Any) -> Iterable[str]:
        for number, state in self.carrier.bookings.items():
            if state not in ("voided", "delivered"):
                yield f"booking {number} is left {state}"
        carried = {number for number, state in self.carrier.bookings.items() if state == "delivered"}
        despatched = {s.booking.number for s in order.shipments.values() if s.stage == "despatched"}
        if carried != despatched:
            yield f"bookings {carried} carried goods, shipments {despatched} left"

    def _messages(self, order: Any) -> Iterable[str]:
        keys = [message.key for message in self.mailbox.sent]
        if len(keys) != len(set(keys)):
            yield "a message was sent twice"
        kinds = [message.kind for message in self.mailbox.sent]
        last = {"cancelled": "order_cancelled", "completed": "order_delivered"}.get(order.state, "order_placed")
        if kinds.count(last) != 1:
            yield f"{kinds.count(last)} messages say {last}"
        for sent in self.mailbox.sent:
            known = order.messages[sent.message_id]
            if (known.kind, known.body, known.to) != (sent.kind, sent.body, sent.to):
                yield f"{sent.message_id} was sent in other words than were queued"


def script(commands: Iterable[Command], name: str) -> Script:
    """Runtime calls for a worker, each under a command id of its own: a repeated call is the same command."""

    def call(command: Command, command_id: str) -> Any:
        return lambda engine: engine.handle(command, Envelope(NOW, command_id=command_id))

    return tuple(call(command, f"{name}-{number}") for number, command in enumerate(commands))


def proved(setting: Setting, across: tuple[Command, ...], *, crashes: int) -> Found:
    """Search every schedule of the life with what comes across it."""

    def attend(engine: Engine) -> Effects:
        return engine.advance(ID)

    life = (attend, *script(LIFE if len(setting.lines) == 1 else LIFE_OF_TWO, "life"))
    other = script(across, "across") or (attend, attend, attend)
    return search(setting.engine, setting.world, (life, other), crashes=crashes, judge=setting.judged)
