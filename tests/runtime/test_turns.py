"""`run_due`: who gets a turn, in which order, for how long, and what happens when one of them breaks."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from orderflow import commands as c
from orderflow.adapters.memory import Mailbox, MemoryInventory
from orderflow.defaults import STANDARD
from orderflow.errors import NewerVersion, OrderflowError, PortUnavailable, UnknownType
from orderflow.ports import Repeats, SendMessage, Sent
from orderflow.runtime import DueReport, OrderFlow
from orderflow.stores import OrderStore, SqliteStore
from orderflow.tracking import Scan
from orderflow.values.checked import evolved
from tests.runtime.shop import NINE, Only, Shop, go_on, lead, next_due, place, tags

DOWN = PortUnavailable("down")


def waiting(shop: Shop, orders: int) -> list[str]:
    """Orders placed a second after the other, each of which waits to ask for its stock again."""
    down = shop.flow(inventory=Only(shop.inventory, "claim", [DOWN] * orders))
    ids = []
    for _ in range(orders):
        ids.append(lead(down))
        shop.passes(seconds=1)
    return ids


# -- whose turn it is --------------------------------------------------------------------------------------------------


def test_the_most_urgent_orders_have_their_turn_first(store: OrderStore) -> None:
    shop = Shop(store)
    ids = waiting(shop, 3)
    flow = shop.flow()
    flow.handle(c.PlaceHold(ids[2], "until-then", expires_at=NINE + timedelta(seconds=20), blocks=("pick",)))
    shop.passes(minutes=1)

    report = flow.run_due()

    assert report == DueReport((ids[2], ids[0], ids[1]), {})
    assert len(report) == 3
    assert [flow.get(order_id).state for order_id in ids] == ["verified"] * 3


def test_a_turn_takes_as_many_as_it_is_told_to(store: OrderStore) -> None:
    shop = Shop(store)
    ids = waiting(shop, 5)
    flow = shop.flow()
    shop.passes(minutes=1)

    turns = [flow.run_due(limit=2).advanced for _ in range(4)]

    assert turns == [(ids[0], ids[1]), (ids[2], ids[3]), (ids[4],), ()]


def test_nobody_has_a_turn_before_it_is_due(store: OrderStore) -> None:
    shop = Shop(store)
    waiting(shop, 2)
    flow = shop.flow()
    moment = next_due(flow)
    assert moment == NINE + timedelta(seconds=30)

    shop.clock.set(moment - timedelta(microseconds=1))
    assert flow.run_due() == DueReport((), {})
    shop.clock.set(moment)
    assert len(flow.run_due()) == 1


def test_an_order_that_one_flow_works_on_is_not_given_to_another(store: OrderStore) -> None:
    shop = Shop(store)
    (order_id,) = waiting(shop, 1)
    shop.passes(minutes=1)
    other = shop.flow()
    meanwhile: list[DueReport] = []

    class Nosy(MemoryInventory):
        def claim(self, request: Any) -> Any:
            meanwhile.append(other.run_due())
            return shop.inventory.claim(request)

    assert shop.flow(inventory=Nosy()).run_due().advanced == (order_id,)
    assert meanwhile == [DueReport((), {})]
    assert other.get(order_id).state == "verified"


class Meddling(Mailbox):
    """A mailbox during whose work another worker has a turn."""

    other: OrderFlow
    kind = ""

    def send(self, request: SendMessage) -> Sent:
        if request.kind == self.kind:
            self.kind = ""
            self.reports = [*getattr(self, "reports", ()), self.other.run_due()]
        return super().send(evolved(request, key=f"{request.key}#{len(self)}"))


def test_a_lease_lasts_until_the_worker_is_done(store: OrderStore) -> None:
    shop = Shop(store)
    (order_id,) = waiting(shop, 1)
    shop.passes(minutes=1)
    mail = Meddling()
    mail.other, mail.kind = shop.flow(notifications=mail), "order_verified"

    assert shop.flow(notifications=mail).run_due().advanced == (order_id,)
    assert mail.reports == [DueReport((), {})]


def test_a_worker_does_not_send_what_is_just_being_sent(store: OrderStore) -> None:
    shop = Shop(store)
    mail = Meddling()
    mail.repeats = Repeats.NEITHER  # type: ignore[misc]
    mail.other, mail.kind = shop.flow(notifications=mail), "order_placed"

    shop.flow(notifications=mail).handle(place())

    assert sorted(message.kind for message in mail.sent) == ["order_placed", "order_verified"]


def test_an_order_whose_worker_died_has_another_turn_when_the_lease_is_over(store: OrderStore) -> None:
    shop = Shop(store)
    (order_id,) = waiting(shop, 1)
    shop.passes(minutes=1)

    class Dies(MemoryInventory):
        def claim(self, request: Any) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop.flow(inventory=Dies()).run_due(lease=timedelta(minutes=2))
    flow = shop.flow()
    shop.passes(seconds=119)
    assert flow.run_due().advanced == ()
    shop.passes(seconds=1)

    assert flow.run_due().advanced == (order_id,)
    assert flow.get(order_id).state == "verified"


def test_time_alone_is_noticed_in_a_turn(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow()
    order_id = lead(flow)
    flow.handle(c.PlaceHold(order_id, "until-ten", expires_at=NINE + timedelta(hours=1)))
    assert next_due(flow) == NINE + timedelta(hours=1)
    shop.passes(hours=1)

    flow.run_due()

    assert tags(flow, order_id)[-1] == "hold_released"
    assert flow.history(order_id)[-1].cause == "time"
    assert next_due(flow) is None


# -- one that is broken ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ('{"type":"order_was_teleported","v":1,"at":"2026-11-23T09:00:00+00:00"}', UnknownType),
        ('{"type":"order_acknowledged","v":99,"at":"2026-11-23T09:00:00+00:00","state":"acknowledged"}', NewerVersion),
        ('{"type":"order_acknow', OrderflowError),
        ('{"type":"order_acknowledged","v":1}', OrderflowError),
    ],
)
def test_an_order_that_cannot_be_read_does_not_keep_the_others_from_their_turn(
    path: Path, body: str, error: type[Exception]
) -> None:
    shop = Shop()
    with shop.flow(store=SqliteStore(path)) as flow:
        shop.store = flow.store
        ids = waiting(shop, 3)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE events SET body = ? WHERE order_id = ? AND number = 2", (body, ids[1]))
    db.close()
    shop.passes(minutes=1)

    with shop.flow(store=SqliteStore(path)) as flow:
        report = flow.run_due()

        assert report.advanced == (ids[0], ids[2])
        assert list(report.failed) == [ids[1]]
        assert isinstance(report.failed[ids[1]], error)
        assert len(report) == 3
        assert [flow.get(order_id).state for order_id in (ids[0], ids[2])] == ["verified"] * 2
        with pytest.raises(error):
            flow.get(ids[1])
        with pytest.raises(error):
            flow.handle(c.CancelOrder(ids[1]))
        assert lead(flow) == "A-1004"


def test_an_order_that_broke_is_left_alone_until_its_lease_is_over(path: Path) -> None:
    shop = Shop()
    with shop.flow(store=SqliteStore(path)) as flow:
        shop.store = flow.store
        waiting(shop, 1)
    with sqlite3.connect(path) as db:
        db.execute('UPDATE events SET body = \'{"type":"nothing","v":1}\' WHERE number = 1')
    db.close()
    shop.passes(minutes=1)

    with shop.flow(store=SqliteStore(path)) as flow:
        assert len(flow.run_due().failed) == 1
        assert len(flow.run_due()) == 0
        shop.passes(minutes=5)
        assert len(flow.run_due().failed) == 1


def choosing_badly(order: Any, shipment: Any, rates: Any) -> Any:
    """A host's strategy with a fault in it."""
    if order.id == "A-1001":
        raise ZeroDivisionError("the host's own")
    return rates[0]


def test_a_fault_of_the_host_after_a_command_is_told_with_its_receipt_each_time_it_is_sent(store: OrderStore) -> None:
    shop = Shop(store, policy=attrs.evolve(STANDARD, choose_rate=choosing_badly))
    flow = shop.flow()
    order_id = lead(flow, upto="packed")

    receipts = [flow.handle(c.BookShipment(order_id), command_id="book-1") for _ in range(2)]

    assert [type(receipt.failure) for receipt in receipts] == [ZeroDivisionError, ZeroDivisionError]
    assert [receipt.replayed for receipt in receipts] == [False, True]
    assert receipts[0].events == receipts[1].events
    assert flow.get(order_id).shipments["S1"].stage == "planned"


def test_a_fault_of_the_host_in_one_order_does_not_keep_the_others_from_their_turn(store: OrderStore) -> None:
    shop = Shop(store, policy=attrs.evolve(STANDARD, choose_rate=choosing_badly))
    front, flow = shop.flow(inline=False), shop.flow()
    ids = [lead(flow, upto="packed") for _ in range(3)]
    for order_id in ids:
        front.handle(c.BookShipment(order_id))

    report = flow.run_due()

    assert report.advanced == tuple(ids[1:])
    assert isinstance(report.failed[ids[0]], ZeroDivisionError)


def test_scans_reach_the_other_orders_although_one_cannot_be_read(path: Path) -> None:
    shop = Shop()
    with shop.flow(store=SqliteStore(path)) as flow:
        ids = [lead(flow, upto="despatched") for _ in range(2)]
    with sqlite3.connect(path) as db:
        db.execute('UPDATE events SET body = \'{"type":"nothing","v":1}\' WHERE order_id = ?', (ids[0],))
    db.close()

    with shop.flow(store=SqliteStore(path)) as flow:
        with suppress(UnknownType):
            flow.observe(*(Scan(number, "delivered", shop.clock()) for number in ("PA000001", "PA000002")))
        assert flow.get(ids[1]).state == "completed"


# -- not in line, or without a system ----------------------------------------------------------------------------------


def test_where_handle_only_decides_nobody_is_asked_until_a_turn(store: OrderStore) -> None:
    shop = Shop(store)
    front = shop.flow(inline=False)

    receipt = front.handle(place())

    assert receipt.order.state == "acknowledged"
    assert (shop.inventory.claims(), len(shop.notifications)) == ({}, 0)
    assert next_due(front) == NINE
    assert front.run_due().advanced == (receipt.order.id,)
    assert front.get(receipt.order.id).state == "verified"


def test_a_repeated_command_asks_nobody_either_where_handle_only_decides(store: OrderStore) -> None:
    shop = Shop(store)
    front = shop.flow(inline=False)
    for _ in range(2):
        front.handle(place(), command_id="basket-1")

    assert shop.inventory.claims() == {}


def test_deciding_first_and_asking_later_comes_to_the_same(store: OrderStore) -> None:
    def lived(shop: Shop, flow: OrderFlow) -> tuple[Any, ...]:
        order_id = flow.handle(place()).order.id
        for after, step in (("verified", "packed"), ("packed", "booked"), ("booked", "despatched")):
            flow.run_due()
            go_on(flow, order_id, after, step)
        flow.run_due()
        return flow.get(order_id).state, flow.get(order_id).ledger, tags(flow, order_id), shop.books

    shop, other = Shop(store), Shop()
    assert lived(shop, shop.flow(inline=False)) == lived(other, other.flow())


def test_a_system_that_is_not_there_is_not_asked_and_its_absence_is_told(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow(pricing=None, notifications=None)

    order = flow.get(lead(flow))
    loaded = store.load("main", order.id)

    assert order.state == "acknowledged"
    assert order.claims["C1"].held == 2
    assert not order.cases
    assert loaded is not None
    assert not loaded.attempts
    assert next_due(flow) == NINE + timedelta(hours=1), (
        "others may have the system; we look again after the longest pause"
    )
    assert [reason.code for reason in flow.explain(order).missing] == ["verification.no_price"]
    assert [wait.who for wait in flow.explain(order).waiting_for] == ["the price list", "the notifications"]


def test_what_a_missing_system_left_open_goes_on_once_a_flow_has_it(store: OrderStore) -> None:
    shop = Shop(store)
    order_id = lead(shop.flow(pricing=None, notifications=None))

    order = shop.flow().advance(order_id)

    assert order.state == "verified"
    assert [message.kind for message in shop.notifications.sent] == ["order_placed", "order_verified"]


def test_a_flow_without_any_system_can_be_told_everything(store: OrderStore) -> None:
    flow = Shop(store).flow(inventory=None, pricing=None, carriers=None, notifications=None)
    order_id = lead(flow)

    flow.handle(c.CancelOrder(order_id))

    assert flow.run_due().advanced == ()
    assert flow.get(order_id).state == "cancelled"


def test_a_front_without_systems_leaves_orders_due_for_a_worker_that_has_them(store: OrderStore) -> None:
    shop = Shop(store)
    front = OrderFlow(store=store, clock=shop.clock, inline=False)
    order_id = front.handle(place()).order.id

    shop.flow().run_due()

    assert front.get(order_id).state == "verified"
