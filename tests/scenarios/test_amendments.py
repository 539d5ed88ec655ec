"""Orders that change: a price that the buyer refuses, a break price that was earned, and changes of mind."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from orderflow import (
    STANDARD,
    AcceptConfirmation,
    Address,
    AmendOrder,
    BookShipment,
    CommandRefused,
    DespatchShipment,
    LineChange,
    OrderFlow,
    PackParcel,
    PlaceDraft,
    PlaceOrder,
    Policy,
    PortUnavailable,
    RecordPick,
    RefuseConfirmation,
    ResolveException,
    SaveDraft,
    StartPicking,
    StockArrived,
)
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.messages import Command
from orderflow.order import ConfirmedLine, Order
from orderflow.values import Money
from tests.scenario import ADA, NOW

BERLIN = Address("DE", "Torstrasse 1", city="Berlin", postal_code="10119")
BONN = Address("DE", "Weg 2", city="Bonn", postal_code="53111")
FIRST, EIGHTH = date(2026, 12, 1), date(2026, 12, 8)


def eur(amount: Any) -> Money:
    return Money(str(amount), "EUR")


class Shop:
    """A shop with a hundred and twenty bolts on the shelf, or fewer."""

    def __init__(self, prices: Any, stock: int = 120, policy: Policy = STANDARD) -> None:
        self.clock = ManualClock(NOW)
        self.stock = MemoryInventory({"BOLT": stock, "NUT": 50}, location="BER", clock=self.clock)
        self.carrier = MemoryCarrier(clock=self.clock)
        self.mail = Mailbox()
        self.flow = OrderFlow(
            inventory=self.stock,
            pricing=PriceList({"BOLT": prices, "NUT": "1.00"}),
            carriers=self.carrier,
            notifications=self.mail,
            clock=self.clock,
            policy=policy,
        )

    def places(self, units: int, **said: Any) -> Order:
        placed = PlaceOrder([("BOLT", units)], "EUR", BERLIN, ADA, order_id="A-1", **said)
        return self.flow.handle(placed).order

    def does(self, *commands: Command) -> Order:
        for command in commands:
            self.flow.handle(command)
        return self.flow.get("A-1")

    def sends(self, *parcels: tuple[str, int]) -> Order:
        """All that is allocated is picked and packed, and the first parcel leaves."""
        self.does(StartPicking("A-1", "F1"), RecordPick("A-1", "F1"))
        self.does(*(PackParcel("A-1", "F1", [contents]) for contents in parcels))
        return self.does(BookShipment("A-1", ["P1"], service="standard"), DespatchShipment("A-1", "S1"))


# -- a hundred asked for, sixty and forty confirmed -------------------------------------------------------------------


def sixty_and_forty(order: Order) -> Iterable[ConfirmedLine]:
    """What is there comes on the first; the rest on the eighth, and is dearer."""
    yield ConfirmedLine("L1", 60, "accepted", eur("5.00"), FIRST)
    yield ConfirmedLine("L1", 40, "changed", eur("5.20"), EIGHTH)


def only_changes(order: Order, lines: tuple[ConfirmedLine, ...]) -> bool:
    """The buyer is asked about what it did not order so."""
    return any(line.answer == "changed" for line in lines)


ANSWERED = attrs.evolve(
    STANDARD, confirm=sixty_and_forty, buyer_must_agree=only_changes, shortage=lambda order, line_id: "backorder"
)


def hundred() -> Shop:
    shop = Shop("5.00", stock=60, policy=ANSWERED)
    order = shop.places(100, deliver_by=FIRST)
    assert order.confirmation is not None
    assert (order.confirmation.word, order.fulfillments) == ("waits", {})
    return shop


def test_the_buyer_refuses_the_price_of_forty_and_the_sixty_proceed() -> None:
    shop = hundred()
    (first, second) = shop.flow.get("A-1").confirmation.lines  # type: ignore[union-attr]
    assert (first.quantity, first.price, first.day) == (60, eur("5.00"), FIRST)
    assert (second.quantity, second.price, second.day) == (40, eur("5.20"), EIGHTH)

    order = shop.does(RefuseConfirmation("A-1", parts=[2], reason="too dear", keep_rest=True))

    assert order.status.by_kind == {"allocated": Decimal(60), "cancelled": Decimal(40)}
    assert order.total == eur("300.00")  # the sixty, at 5.00
    assert order.confirmation is not None
    assert (order.confirmation.word, order.confirmation.refused_parts) == ("stands", (2,))
    assert order.active_holds == ()
    assert shop.stock.held("BOLT") == 60
    shop.sends(("L1", 60))
    assert shop.flow.get("A-1").state == "shipped"
    assert [message.kind for message in shop.mail.sent].count("lines_cancelled") == 1


def test_a_merchant_may_decide_what_becomes_of_a_price_that_was_refused() -> None:
    shop = hundred()
    order = shop.does(RefuseConfirmation("A-1", parts=[2], reason="too dear"))
    (case,) = order.open_cases
    assert (case.code, case.message) == ("confirmation.refused", "the buyer refuses entry 2: too dear")
    order = shop.does(ResolveException("A-1", case.id, "cancel_refused"))
    assert order.status.by_kind == {"allocated": Decimal(60), "cancelled": Decimal(40)}
    assert (order.total, order.open_cases) == (eur("300.00"), ())


def test_a_buyer_that_agrees_pays_what_was_confirmed() -> None:
    shop = hundred()
    order = shop.does(AcceptConfirmation("A-1"))
    assert order.total == eur("508.00")
    assert order.status.by_kind == {"allocated": Decimal(60), "backordered": Decimal(40)}
    shop.stock.receive("BOLT", 40)
    assert shop.does(StockArrived("A-1")).status.by_kind == {"allocated": Decimal(100)}


def test_a_buyer_that_refuses_all_of_it_has_no_order() -> None:
    shop = hundred()
    assert shop.does(RefuseConfirmation("A-1", keep_rest=True)).state == "cancelled"
    assert shop.stock.held("BOLT") == 0


# -- ten at the break price, four shipped, twelve wanted ------------------------------------------------------------


def test_the_shipped_four_keep_their_price_when_ten_become_twelve() -> None:
    """Ten cost 4.00 each, fewer 5.00: what is added later is priced as a part of twelve, and only that is priced."""
    shop = Shop([(0, "5.00"), (10, "4.00")])
    assert shop.places(10).total == eur("40.00")
    shop.sends(("L1", 4), ("L1", 6))
    order = shop.does(AmendOrder("A-1", {"L1": 12}))
    assert [(t.quantity, t.unit_price) for t in order.tranches["L1"]] == [
        (Decimal(10), eur("4.00")),
        (Decimal(2), eur("4.00")),
    ]
    assert order.total == eur("48.00")
    order = shop.does(AmendOrder("A-1", prices={"L1": eur("3.50")}, reason="a good customer"))
    assert order.total == eur("44.00")  # four at 4.00, and eight at 3.50
    order = shop.does(AmendOrder("A-1", {"L1": 4}))
    assert order.to_be_cancelled == ()
    assert order.total == eur("16.00")
    assert order.state == "shipped"


# -- changes of mind --------------------------------------------------------------------------------------------------


def test_down_and_up_again_is_what_it_was() -> None:
    shop = Shop("5.00")
    shop.places(10)
    before = shop.flow.get("A-1")
    shop.does(AmendOrder("A-1", {"L1": 3}), AmendOrder("A-1", {"L1": 10}))
    order = shop.flow.get("A-1")
    assert (order.total, order.live_quantity("L1")) == (before.total, Decimal(10))
    assert shop.stock.held("BOLT") == 10


def test_units_in_a_booked_parcel_that_are_wanted_after_all_stay_in_it() -> None:
    """The wish is taken back before the carrier has answered; nothing is ordered twice."""
    shop = Shop("5.00")
    shop.places(10)
    shop.does(StartPicking("A-1", "F1"), RecordPick("A-1", "F1"), PackParcel("A-1", "F1"))
    shop.does(BookShipment("A-1", service="standard"))
    line = _Down(shop)
    shop.does(AmendOrder("A-1", {"L1": 4}))
    assert [move.quantity for move in shop.flow.get("A-1").to_be_cancelled] == [Decimal(6)]
    shop.does(AmendOrder("A-1", {"L1": 10}))
    line.is_up()
    order = shop.flow.advance("A-1")
    assert order.status.by_kind == {"packed": Decimal(10)}
    assert (order.ledger.ordered("L1"), order.total) == (Decimal(10), eur("50.00"))


class _Down:
    """The line to the carrier is down, until it is up."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.void = shop, shop.carrier.void
        shop.carrier.void = self._nobody  # type: ignore[method-assign]

    def _nobody(self, request: Any) -> Any:
        raise PortUnavailable("the line is down")

    def is_up(self) -> None:
        self.shop.carrier.void = self.void  # type: ignore[method-assign]
        self.shop.clock.advance(timedelta(hours=2))
        self.shop.flow.run_due()


@pytest.mark.parametrize("crash_at", range(6))
def test_amendments_survive_a_crash_after_any_of_them(crash_at: int) -> None:
    """The process dies after the change is kept and before anyone was asked: whoever comes next finishes it."""
    amendments = [
        AmendOrder("A-1", {"L1": 6}),
        AmendOrder("A-1", add=[("NUT", 3)]),
        AmendOrder("A-1", {"L1": 9}, ship_to=BONN),
        AmendOrder("A-1", remove=["L2"], deliver_by=EIGHTH),
        AmendOrder("A-1", prices={"L1": eur("4.00")}, reason="late"),
        AmendOrder("A-1", {"L1": 5}, lines={"L1": LineChange(instructions=["ring twice"])}),
    ]
    shop = Shop("5.00")
    shop.places(10)
    for number, amendment in enumerate(amendments):
        if number == crash_at:
            claim, shop.stock.claim = shop.stock.claim, _dies  # type: ignore[method-assign]
            with pytest.raises(_Crash) if _asks_for_stock(amendment) else _nothing():
                shop.does(amendment)
            shop.stock.claim = claim  # type: ignore[method-assign]
        else:
            shop.does(amendment)
    shop.clock.advance(timedelta(hours=2))
    shop.flow.run_due()
    order = shop.flow.get("A-1")
    assert order.status.by_kind["allocated"] == 5
    assert (order.total, order.ship_to) == (eur("20.00"), BONN)
    assert (shop.stock.held("BOLT"), shop.stock.held("NUT")) == (5, 0)
    assert order.amendments == len(amendments)


class _Crash(BaseException):
    """The process is gone."""


def _dies(request: Any) -> Any:
    raise _Crash


def _asks_for_stock(amendment: AmendOrder) -> bool:
    return bool(amendment.quantities or amendment.add or amendment.remove)


class _nothing:  # noqa: N801 - reads as a word
    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None: ...


def test_what_is_being_written_is_saved_again_and_not_amended() -> None:
    shop = Shop("5.00")
    shop.flow.handle(SaveDraft("EUR", [("BOLT", 3)], BERLIN, order_id="A-1"))
    with pytest.raises(CommandRefused) as refused:
        shop.does(AmendOrder("A-1", {"L1": 4}))
    assert [(v.code, v.remedy) for v in refused.value.violations] == [("draft.not_placed", "SaveDraft")]
    shop.flow.handle(SaveDraft("EUR", [("BOLT", 4)], BERLIN, order_id="A-1"))
    assert shop.does(PlaceDraft("A-1")).total == eur("20.00")


def test_an_order_is_edited_long_after_it_was_confirmed_and_is_never_stuck() -> None:
    """Confirmed, picked, packed, booked: each time something else is wanted, and in the end it arrives."""
    shop = Shop("5.00")
    shop.places(10)
    shop.does(AmendOrder("A-1", {"L1": 9}), StartPicking("A-1", "F1"), AmendOrder("A-1", {"L1": 8}))
    shop.does(RecordPick("A-1", "F1"), AmendOrder("A-1", {"L1": 7}), PackParcel("A-1", "F1"))
    shop.does(BookShipment("A-1", service="standard"), AmendOrder("A-1", ship_to=BONN))
    order = shop.does(BookShipment("A-1", service="standard"), DespatchShipment("A-1", "S2"))
    assert (order.shipments["S2"].ship_to, order.state) == (BONN, "shipped")
    assert (order.total, order.status.by_kind["shipped"]) == (eur("35.00"), Decimal(7))
    shop.carrier.deliver(order.parcels["P1"].tracking_number)
    shop.flow.observe(shop.carrier.events_for(order.parcels["P1"].tracking_number))
    assert shop.flow.get("A-1").state == "completed"
