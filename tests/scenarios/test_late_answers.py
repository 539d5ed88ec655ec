"""An ERP that answers hours later: what is held in the end is what is wanted in the end, and nothing twice."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from orderflow import CancelOrder, OrderFlow, PlaceOrder, RecordReply
from orderflow.adapters.memory import Deferring, ManualClock, MemoryInventory, PriceList
from orderflow.ports import ClaimStock, Deferred, StockHeld
from orderflow.values import Address
from tests.scenario import NOW

HOME = Address("DE", "Torstrasse 1", city="Berlin", postal_code="10119")
TEN, NOTHING = Decimal(10), Decimal(0)


class Counting(MemoryInventory):
    """An inventory that counts how often it let go of something."""

    released = 0

    def claim(self, request: ClaimStock) -> StockHeld:
        before = self.held(request.sku)
        answer = super().claim(request)
        self.released += self.held(request.sku) < before
        return answer


class Queue:
    """An ERP that takes every claim into a queue, and does the work when it comes to it, in any order."""

    def __init__(self, inventory: MemoryInventory, clock: ManualClock) -> None:
        self.inventory, self.clock = inventory, clock
        self.jobs: dict[str, ClaimStock] = {}

    def claim(self, request: ClaimStock) -> Deferred:
        ticket = f"T{request.revision}"
        self.jobs[ticket] = request
        return Deferred(ticket, self.clock() + timedelta(days=1), self.clock() + timedelta(days=7))

    def works_on(self, ticket: str) -> StockHeld:
        return self.inventory.claim(self.jobs[ticket])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inventory, name)


def erp() -> tuple[ManualClock, Counting]:
    clock = ManualClock(NOW)
    return clock, Counting({"TEA": 90}, location="BER", clock=clock)


def flow_over(inventory: Any, clock: ManualClock) -> OrderFlow:
    return OrderFlow(inventory=inventory, pricing=PriceList({"TEA": "9.90"}), clock=clock)


def ordered_and_cancelled(flow: OrderFlow, clock: ManualClock) -> str:
    """09:00 ten are ordered, and the ERP says later; 09:05 the customer changes her mind."""
    order_id = flow.handle(PlaceOrder(lines=[("TEA", 10)], ship_to=HOME, currency="EUR")).order.id
    clock.advance(timedelta(minutes=5))
    assert flow.handle(CancelOrder(order_id)).order.state == "cancelled"
    return order_id


def assert_nothing_is_held(flow: OrderFlow, order_id: str, inventory: Counting) -> None:
    order = flow.get(order_id)
    claim = order.claims["C1"]
    assert inventory.held("TEA") == NOTHING
    assert inventory.on_hand("TEA") == Decimal(90)
    assert (claim.wanted, claim.held, claim.is_settled) == (NOTHING, NOTHING, True)
    assert order.state == "cancelled"
    assert not order.open_cases
    assert flow.store.next_due(flow.tenant) is None, "nobody is waited for any more"


def test_a_grant_that_comes_after_the_cancellation_is_released_once() -> None:
    clock, inventory = erp()
    slow = Deferring(inventory, ("claim",), clock=clock, ask_after=timedelta(days=1))
    flow = flow_over(slow, clock)
    order_id = ordered_and_cancelled(flow, clock)
    assert [(request.revision, request.quantity) for request in slow.requests.values()] == [(1, TEN), (2, NOTHING)]

    clock.set(NOW.replace(hour=13, minute=20))
    granted = slow.release("T1")
    assert granted == StockHeld(1, TEN, "BER")
    flow.handle(RecordReply(order_id, "T1", granted))
    flow.handle(RecordReply(order_id, "T2", slow.release("T2")))

    assert inventory.released == 1
    assert_nothing_is_held(flow, order_id, inventory)


def test_an_erp_that_works_in_its_own_time_grants_at_13_20_and_releases_after_that() -> None:
    clock, inventory = erp()
    queue = Queue(inventory, clock)
    flow = flow_over(queue, clock)
    order_id = ordered_and_cancelled(flow, clock)

    clock.set(NOW.replace(hour=13, minute=20))
    flow.handle(RecordReply(order_id, "T1", queue.works_on("T1")))
    assert inventory.held("TEA") == TEN
    flow.handle(RecordReply(order_id, "T2", queue.works_on("T2")))

    assert (inventory.released, list(queue.jobs)) == (1, ["T1", "T2"])
    assert_nothing_is_held(flow, order_id, inventory)


def test_a_release_that_arrives_before_its_claim_leaves_nothing_to_release() -> None:
    clock, inventory = erp()
    queue = Queue(inventory, clock)
    flow = flow_over(queue, clock)
    order_id = ordered_and_cancelled(flow, clock)

    flow.handle(RecordReply(order_id, "T2", queue.works_on("T2")))
    clock.set(NOW.replace(hour=13, minute=20))
    flow.handle(RecordReply(order_id, "T1", queue.works_on("T1")))

    assert (inventory.released, list(queue.jobs)) == (0, ["T1", "T2"])
    assert_nothing_is_held(flow, order_id, inventory)


def test_answers_that_arrive_in_the_wrong_order_come_to_the_same() -> None:
    clock, inventory = erp()
    queue = Queue(inventory, clock)
    flow = flow_over(queue, clock)
    order_id = ordered_and_cancelled(flow, clock)

    granted, released = queue.works_on("T1"), queue.works_on("T2")
    flow.handle(RecordReply(order_id, "T2", released))
    clock.set(NOW.replace(hour=13, minute=20))
    flow.handle(RecordReply(order_id, "T1", granted))
    for ticket in list(queue.jobs)[2:]:
        flow.handle(RecordReply(order_id, ticket, queue.works_on(ticket)))

    assert inventory.released == 1
    assert_nothing_is_held(flow, order_id, inventory)
