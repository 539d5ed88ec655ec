"""What carriers report: asked for from time to time, told unasked, or told before anyone can know of what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from orderflow import commands as c
from orderflow.adapters.memory import Deferring
from orderflow.defaults import STANDARD
from orderflow.errors import CommandRefused, PortUnavailable
from orderflow.order import Booking
from orderflow.ports import Booked
from orderflow.runtime import OrderFlow
from orderflow.stores import MemoryStore, OrderStore
from orderflow.tracking import Scan
from tests.runtime.shop import NINE, Only, Shop, go_on, lead, next_due, tags

NUMBER = "PA000001"


def scan(status: str, shop: Shop, number: str = NUMBER) -> Scan:
    return Scan(number, status, shop.clock())


def polled(store: OrderStore, *failures: Exception | None, **settings: Any) -> tuple[Shop, Only, OrderFlow, str]:
    """An order on its way, and a carrier that can be asked; its questions are counted."""
    shop = Shop(store, **settings)
    asked = Only(shop.carriers, "track", failures, clock=shop.clock)
    flow = shop.flow(carriers=asked)
    return shop, asked, flow, lead(flow, upto="despatched")


def hours(asked: Only) -> list[float]:
    """When the carrier was asked, however often."""
    return [(moment - NINE) / timedelta(hours=1) for moment in dict.fromkeys(asked.at)]


# -- asked -------------------------------------------------------------------------------------------------------------


def test_the_carrier_is_asked_one_interval_after_despatch_and_then_every_interval(store: OrderStore) -> None:
    shop, asked, flow, _ = polled(store)
    assert next_due(flow) == NINE + timedelta(hours=6)

    for _ in range(25):
        shop.passes(hours=1)
        flow.run_due()

    assert hours(asked) == [6, 12, 18, 24]


def test_the_carrier_is_asked_once_a_turn(store: OrderStore) -> None:
    shop, asked, flow, _ = polled(store)

    shop.passes(hours=6)
    flow.run_due()

    assert asked.calls == 1


def test_the_interval_is_the_policys(store: OrderStore) -> None:
    shop, asked, flow, _ = polled(store, policy=attrs.evolve(STANDARD, poll_every=timedelta(minutes=30)))

    for _ in range(4):
        shop.passes(minutes=30)
        flow.run_due()

    assert hours(asked) == [0.5, 1, 1.5, 2]


def test_a_poll_without_news_leaves_the_order_and_its_history_alone(store: OrderStore) -> None:
    shop, asked, flow, order_id = polled(store)
    before, history = flow.get(order_id), flow.history(order_id)

    for _ in range(3):
        shop.passes(hours=6)
        flow.run_due()

    assert asked.calls >= 3
    assert flow.get(order_id) == before
    assert flow.history(order_id) == history


def test_news_is_recorded_once_and_polling_stops_when_the_parcel_has_arrived(store: OrderStore) -> None:
    shop, asked, flow, order_id = polled(store)
    shop.passes(hours=2)
    shop.carriers.collect(NUMBER)
    for _ in range(2):
        shop.passes(hours=6)
        flow.run_due()
    assert tags(flow, order_id).count("tracking_recorded") == 1
    shop.carriers.deliver(NUMBER)
    shop.passes(hours=6)
    flow.run_due()
    calls = asked.calls

    assert flow.get(order_id).state == "completed"
    assert next_due(flow) is None
    shop.passes(days=9)
    flow.run_due()
    flow.advance(order_id)
    assert asked.calls == calls


def test_where_carriers_push_they_are_never_asked(store: OrderStore) -> None:
    shop, asked, flow, order_id = polled(store, policy=attrs.evolve(STANDARD, poll_every=None))

    shop.passes(days=9)

    assert next_due(flow) is None
    assert flow.run_due().advanced == ()
    flow.advance(order_id)
    assert asked.calls == 0


def test_a_poll_that_fails_is_tried_again_for_ever_and_asks_no_person(store: OrderStore) -> None:
    shop, asked, flow, order_id = polled(store, *[PortUnavailable("closed")] * 30)

    for _ in range(40):
        shop.clock.set(next_due(flow) or shop.clock())
        flow.run_due()

    assert asked.failed == 30
    assert not flow.get(order_id).cases
    assert next_due(flow) == shop.clock() + timedelta(hours=6)


# -- told --------------------------------------------------------------------------------------------------------------


def test_a_scan_before_the_booking_waits_and_is_applied_when_the_booking_claims_it(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow()
    order_id = lead(flow, upto="packed")
    early = scan("picked_up", shop)

    assert flow.observe(early) == ()
    assert store.inbox("main", [NUMBER]) == (early,)
    shop.passes(minutes=5)
    go_on(flow, order_id, "packed", "booked")

    assert flow.get(order_id).parcels["P1"].scans == (early,)
    assert store.inbox("main", [NUMBER]) == ()
    assert [one.cause for one in flow.history(order_id) if one.event.TAG == "tracking_recorded"] == ["inbox"]


def test_all_scans_that_came_early_come_to_the_same_as_if_they_had_come_late(store: OrderStore) -> None:
    way = ("picked_up", "in_transit", "out_for_delivery", "delivered")
    early, late = Shop(store), Shop(MemoryStore())
    one, other = early.flow(), late.flow()
    scans = [Scan(NUMBER, status, NINE + timedelta(hours=hour)) for hour, status in enumerate(way)]
    one.observe(*reversed(scans))
    ids = [lead(flow, upto="despatched") for flow in (one, other)]
    other.observe(*scans)

    orders = [flow.get(order_id) for flow, order_id in zip((one, other), ids, strict=True)]
    assert [order.state for order in orders] == ["completed", "completed"]
    assert orders[0].parcels["P1"].tracking == orders[1].parcels["P1"].tracking
    assert orders[0].ledger == orders[1].ledger


def test_a_known_number_goes_to_its_order_at_once(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow()
    order_id = lead(flow, upto="despatched")

    (receipt,) = flow.observe(scan("delivered", shop))

    assert (receipt.order.id, receipt.order.state) == (order_id, "completed")
    assert store.inbox("main", [NUMBER]) == ()


def test_a_scan_that_is_told_again_changes_nothing(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow()
    order_id = lead(flow, upto="despatched")
    told = scan("in_transit", shop)
    flow.observe(told)
    before, history = flow.get(order_id), flow.history(order_id)

    (receipt,) = flow.observe(told, told)

    assert receipt.events == ()
    assert flow.get(order_id) == before
    assert flow.history(order_id) == history


def test_a_scan_that_waits_and_is_told_again_waits_once(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow()
    early = scan("picked_up", shop, "NOBODY'S")
    for _ in range(3):
        flow.observe(early)

    assert store.inbox("main", ["NOBODY'S"]) == (early,)


def test_what_waits_for_a_booking_is_listed_for_people(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow()
    early, later, lost = scan("picked_up", shop), scan("in_transit", shop), scan("in_transit", shop, "NOBODY'S")
    flow.observe(later, early, lost, early)

    assert flow.inbox() == {"NOBODY'S": (lost,), NUMBER: (early, later)}
    assert list(flow.inbox(after="NOBODY'S")) == list(flow.inbox(limit=2))[1:] == [NUMBER]
    lead(flow, upto="booked")
    assert flow.inbox() == {"NOBODY'S": (lost,)}


def test_one_scan_reaches_every_order_with_that_number_and_no_other(store: OrderStore) -> None:
    shop = Shop(store)
    carrier = Deferring(shop.carriers, ("book",), clock=shop.clock)
    flow = shop.flow(carriers=carrier)
    ids = [lead(flow, upto="booked") for _ in range(3)]
    for ticket, order_id, number in zip(carrier.answers, ids, ("BOX", "BOX", "ELSE"), strict=True):
        flow.handle(c.RecordReply(order_id, ticket, Booked(Booking(f"B-{order_id}", "PARCELCO", "standard", number))))
        go_on(flow, order_id, "booked", "despatched")

    receipts = flow.observe(scan("delivered", shop, "BOX"))

    assert [receipt.order.id for receipt in receipts] == ids[:2]
    assert [flow.get(order_id).state for order_id in ids] == ["completed", "completed", "shipped"]
    assert [row.order_id for row in flow.find(tracking_number="BOX").orders] == ids[:2]


def test_who_reported_is_on_record(store: OrderStore) -> None:
    from orderflow.messages import Actor

    shop = Shop(store)
    flow = shop.flow()
    order_id = lead(flow, upto="despatched")
    carrier = Actor("partner", "PARCELCO")

    flow.observe(scan("in_transit", shop), by=carrier)

    assert flow.history(order_id)[-1].by == carrier


def test_a_scan_that_waits_is_applied_by_the_worker_where_handle_only_decides(store: OrderStore) -> None:
    shop = Shop(store)
    carrier = Deferring(shop.carriers, ("book",), clock=shop.clock)
    flow = shop.flow(carriers=carrier)
    order_id = lead(flow, upto="booked")
    flow.observe(scan("picked_up", shop))
    front = shop.flow(carriers=carrier, inline=False)
    front.handle(c.RecordReply(order_id, "T1", carrier.release("T1")))

    front.run_due()

    assert store.inbox("main", [NUMBER]) == ()
    assert [one.status for one in front.get(order_id).parcels["P1"].scans] == ["picked_up"]


def test_a_crash_between_a_booking_and_the_look_into_the_inbox_loses_no_scan() -> None:
    class Dies(MemoryStore):
        dies = True

        def inbox(self, tenant: str, tracking_numbers: Any) -> tuple[Scan, ...]:
            if self.dies:
                raise KeyboardInterrupt
            return super().inbox(tenant, tracking_numbers)

    store = Dies()
    shop = Shop(store)
    flow = shop.flow()
    order_id = lead(flow, upto="packed")
    flow.observe(scan("picked_up", shop))
    with pytest.raises(KeyboardInterrupt):
        flow.handle(c.BookShipment(order_id))
    store.dies = False

    shop.passes(hours=1)
    flow.run_due()

    assert [one.status for one in flow.get(order_id).parcels["P1"].scans] == ["picked_up"]


# -- about labels under which nothing travels any more -----------------------------------------------------------------


def test_a_scan_of_a_voided_label_is_kept_with_its_order_and_nobody_is_told_off(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow()
    order_id = lead(flow, upto="booked")
    flow.handle(c.CancelOrder(order_id))
    seen = scan("in_transit", shop)

    (receipt,) = flow.observe(seen)

    assert (receipt.order.id, receipt.order.state) == (order_id, "cancelled")
    assert tuple(flow.get(order_id).stray_scans) == (seen,)
    assert [anomaly.code for anomaly in flow.get(order_id).anomalies] == ["tracking.stray"]
    assert store.inbox("main", [NUMBER]) == ()
    history = flow.history(order_id)
    flow.observe(seen)
    assert flow.history(order_id) == history


@pytest.mark.parametrize("live_first", [True, False])
def test_scans_of_a_voided_and_of_a_live_label_of_one_order_may_come_together(
    store: OrderStore, live_first: bool
) -> None:
    shop, flow, order_id, dead, live = rebooked(store)
    scans = [scan("in_transit", shop, live), scan("in_transit", shop, dead)]

    flow.observe(*(scans if live_first else scans[::-1]))

    order = flow.get(order_id)
    assert tuple(order.stray_scans) == (scans[1],)
    assert [parcel.scans for parcel in order.parcels.values() if parcel.tracking_number == live] == [(scans[0],)]


def rebooked(store: OrderStore) -> tuple[Shop, OrderFlow, str, str, str]:
    """One parcel is declined, the other voided and booked anew: the order goes on, with a dead label and a live one."""
    shop = Shop(store)
    flow = shop.flow()
    order_id = lead(flow, upto="picked")
    flow.handle(c.PackParcel(order_id, "F1", [("L1", 1)]))
    flow.handle(c.PackParcel(order_id, "F1"))
    for parcel_id in ("P1", "P2"):
        flow.handle(c.BookShipment(order_id, [parcel_id]))
    dead, collected = (flow.get(order_id).parcels[parcel_id].tracking_number for parcel_id in ("P1", "P2"))
    shop.carriers.collect(collected)
    flow.handle(c.CancelOrder(order_id))
    flow.handle(c.BookShipment(order_id, ["P1"]))
    order = flow.get(order_id)
    assert (order.shipments["S1"].stage, order.shipments["S2"].stage) == ("voided", "booked")
    return shop, flow, order_id, dead, order.parcels["P1"].tracking_number


def test_a_scan_of_a_voided_label_does_not_keep_other_orders_from_their_scans(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow()
    gone, going = lead(flow, upto="booked"), lead(flow, upto="despatched")
    dead, live = (flow.get(order_id).parcels["P1"].tracking_number for order_id in (gone, going))
    flow.handle(c.CancelOrder(gone))

    receipts = flow.observe(scan("delivered", shop, dead), scan("delivered", shop, live))

    assert {receipt.order.id for receipt in receipts} == {gone, going}
    assert (flow.get(gone).state, flow.get(going).state) == ("cancelled", "completed")


def test_what_is_on_the_road_undespatched_is_told_by_an_explanation_until_it_is_despatched(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow()
    order_id = lead(flow, upto="booked")
    flow.observe(scan("delivered", shop))
    with pytest.raises(CommandRefused) as refused:
        flow.handle(c.CancelOrder(order_id))
    assert refused.value.codes == ("cancellation.goods_have_left",)
    assert any("despatch" in wait.what for wait in flow.explain(order_id).waiting_for)

    flow.handle(c.DespatchShipment(order_id))

    assert flow.get(order_id).state == "completed"
    assert flow.get(order_id).anomalies == ()
    assert (shop.inventory.issued("TEA"), shop.inventory.held("TEA")) == (2, 0)
