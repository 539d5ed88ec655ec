"""Answers that come later: asked for again, brought by someone else, given up, or overtaken by a cancellation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orderflow import commands as c
from orderflow.adapters.memory import Deferring, MemoryInventory
from orderflow.errors import CommandRefused
from orderflow.ports import StockHeld
from orderflow.runtime import OrderFlow
from orderflow.stores import OrderStore
from tests.runtime.shop import NINE, NONE, TWO, Only, Shop, SlowErp, lead, next_due, place, tags


def later(store: OrderStore, **options: Any) -> tuple[Shop, Deferring, Only, OrderFlow]:
    """A shop whose ERP says "later" to claims; what it is asked is counted."""
    shop = Shop(store)
    erp = Deferring(shop.inventory, ("claim",), clock=shop.clock, **options)
    asked = Only(erp, "claim", clock=shop.clock)
    return shop, erp, asked, shop.flow(inventory=asked)


def test_a_deferred_request_is_asked_again_when_the_port_said_and_not_before(store: OrderStore) -> None:
    shop, erp, asked, flow = later(store)
    order_id = lead(flow)
    assert next_due(flow) == NINE + timedelta(hours=1)

    shop.passes(minutes=59)
    assert flow.run_due().advanced == ()
    flow.advance(order_id)
    assert asked.calls == 1
    shop.passes(minutes=1)
    flow.run_due()
    assert asked.calls == 2
    assert next_due(flow) == NINE + timedelta(hours=2)
    erp.release("T1")
    shop.passes(hours=1)
    flow.run_due()

    assert [(moment - NINE).total_seconds() for moment in asked.at] == [0, 3600, 7200]
    assert flow.get(order_id).state == "verified"
    assert next_due(flow) is None


def test_a_port_that_wants_to_be_asked_at_once_is_left_in_peace_for_a_moment(store: OrderStore) -> None:
    _, _, asked, flow = later(store, ask_after=timedelta())
    lead(flow)

    assert asked.calls == 1
    assert next_due(flow) == NINE + timedelta(seconds=30)


def test_an_answer_that_is_brought_earlier_ends_the_waiting(store: OrderStore) -> None:
    shop, erp, asked, flow = later(store)
    order_id = lead(flow)
    shop.passes(minutes=20)

    receipt = flow.handle(c.RecordReply(order_id, "T1", erp.release("T1")))

    assert receipt.order.state == "verified"
    assert next_due(flow) is None
    shop.passes(days=30)
    assert flow.run_due().advanced == ()
    assert asked.calls == 1


def test_an_answer_under_a_ticket_nobody_gave_is_refused(store: OrderStore) -> None:
    _, _, _, flow = later(store)
    order_id = lead(flow)

    with pytest.raises(CommandRefused) as refused:
        flow.handle(c.RecordReply(order_id, "T9", StockHeld(1, TWO)))

    assert refused.value.codes == ("reply.unknown_ticket",)


def test_when_no_answer_came_in_time_a_person_has_to_choose(store: OrderStore) -> None:
    shop, erp, asked, flow = later(store, ask_after=timedelta(days=9), give_up_after=timedelta(days=2))
    order_id = lead(flow)
    assert next_due(flow) == NINE + timedelta(days=2)

    shop.passes(days=2)
    flow.run_due()

    (case,) = flow.get(order_id).open_cases
    assert (case.code, case.about, case.options) == ("port.gave_up", "claim/C1/1", ("try_again",))
    assert asked.calls == 1
    erp.release("T1")
    flow.handle(c.ResolveException(order_id, case.id, "try_again"))
    shop.passes(days=9)
    flow.run_due()
    assert flow.get(order_id).state == "verified"


def test_an_answer_that_comes_after_all_settles_the_case(store: OrderStore) -> None:
    shop, erp, _, flow = later(store, give_up_after=timedelta(hours=2))
    order_id = lead(flow)
    shop.passes(days=1)
    flow.run_due()
    assert [case.code for case in flow.get(order_id).open_cases] == ["port.gave_up"]

    flow.handle(c.RecordReply(order_id, "T1", erp.release("T1")))

    assert flow.get(order_id).state == "verified"
    assert not list(flow.get(order_id).open_cases)


# -- the ERP that grants at 13:20 what was cancelled at 09:05 ----------------------------------------------------------


def overtaken(store: OrderStore, **erp: Any) -> tuple[Shop, SlowErp, OrderFlow, str]:
    """09:00 two packets are claimed, and the ERP will see; 09:05 the customer changes her mind."""
    shop = Shop(store)
    inventory = MemoryInventory({"TEA": 90}, location="BER", clock=shop.clock, fencing=erp.pop("fencing", True))
    slow = SlowErp(inventory, shop.clock, **erp)
    flow = shop.flow(inventory=slow)
    order_id = flow.handle(place()).order.id
    shop.passes(minutes=5)
    flow.handle(c.CancelOrder(order_id))
    return shop, slow, flow, order_id


def test_a_grant_that_arrives_after_the_cancellation_is_released_once(store: OrderStore) -> None:
    shop, erp, flow, order_id = overtaken(store)
    shop.passes(hours=4, minutes=15)

    flow.handle(c.RecordReply(order_id, "job-1", erp.works_on("job-1")))
    assert erp.inventory.held("TEA") == 2
    flow.handle(c.RecordReply(order_id, "job-2", erp.works_on("job-2")))

    assert erp.inventory.held("TEA") == 0
    assert [request.quantity for request in erp.queue.values()] == [2, 0]
    order = flow.get(order_id)
    assert (order.state, order.claims["C1"].held) == ("cancelled", NONE)
    assert next_due(flow) is None


def test_answers_that_arrive_in_the_wrong_order_come_to_the_same(store: OrderStore) -> None:
    _, erp, flow, order_id = overtaken(store)
    granted, released = erp.works_on("job-1"), erp.works_on("job-2")

    flow.handle(c.RecordReply(order_id, "job-2", released))
    flow.handle(c.RecordReply(order_id, "job-1", granted))

    assert erp.inventory.held("TEA") == 0
    assert len(erp.queue) <= 3
    for ticket in list(erp.queue)[2:]:
        flow.handle(c.RecordReply(order_id, ticket, erp.works_on(ticket)))
    assert erp.inventory.held("TEA") == 0
    assert next_due(flow) is None


def test_a_release_that_overtakes_its_claim_leaves_nothing_held(store: OrderStore) -> None:
    _, erp, flow, order_id = overtaken(store)

    flow.handle(c.RecordReply(order_id, "job-2", erp.works_on("job-2")))
    flow.handle(c.RecordReply(order_id, "job-1", erp.works_on("job-1")))

    assert erp.inventory.held("TEA") == 0
    assert list(erp.queue) == ["job-1", "job-2"]
    assert flow.get(order_id).claims["C1"].held == 0
    assert next_due(flow) is None


@pytest.mark.parametrize("fencing", [True, False])
def test_a_release_that_was_done_at_once_is_not_undone_by_the_late_grant(store: OrderStore, fencing: bool) -> None:
    shop, erp, flow, order_id = overtaken(store, releases_at_once=True, fencing=fencing)
    assert erp.inventory.held("TEA") == 0
    shop.passes(hours=4)

    flow.handle(c.RecordReply(order_id, "job-1", erp.works_on("job-1")))

    assert erp.inventory.held("TEA") == 0
    assert flow.get(order_id).claims["C1"].held == 0
    assert next_due(flow) is None


def test_a_booking_that_is_granted_after_the_cancellation_is_voided_once(store: OrderStore) -> None:
    shop = Shop(store)
    carrier = Deferring(shop.carriers, ("book",), clock=shop.clock)
    voids = Only(carrier, "void")
    flow = shop.flow(carriers=voids)
    order_id = lead(flow, upto="booked")
    flow.handle(c.CancelOrder(order_id))

    flow.handle(c.RecordReply(order_id, "T1", carrier.release("T1")))

    assert shop.carriers.bookings == {"B1": "voided"}
    assert voids.calls == 1
    assert flow.get(order_id).state == "cancelled"
    assert shop.inventory.held("TEA") == 0


def test_an_answer_that_nobody_waits_for_changes_nothing(store: OrderStore) -> None:
    _, erp, _, flow = later(store)
    order_id = lead(flow)
    flow.handle(c.RecordReply(order_id, "T1", erp.release("T1")))
    before = flow.get(order_id), tags(flow, order_id)

    receipt = flow.handle(c.RecordReply(order_id, "T1", erp.release("T1")))

    assert receipt.events == ()
    assert (flow.get(order_id), tags(flow, order_id)) == before
