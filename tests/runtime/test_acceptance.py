"""Through the front door: drafts, the customer's own numbers, orders that expire, references that are taken."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs
import pytest

from orderflow import commands as c
from orderflow.defaults import STANDARD
from orderflow.errors import CommandRefused, DuplicateOrder
from orderflow.runtime import AsyncOrderFlow, OrderFlow
from orderflow.stores import OrderStore
from orderflow.values import Party
from tests.runtime.shop import ADA, BERLIN, NINE, Shop, place, tags

SHOP = Party("Tea & Co", id="C-7")


@pytest.fixture
def shop(store: OrderStore) -> Shop:
    return Shop(store)


@pytest.fixture
def flow(shop: Shop) -> OrderFlow:
    return shop.flow()


def held(flow: OrderFlow, order_id: str) -> list[str]:
    return [hold.note for hold in flow.get(order_id).active_holds]


def test_a_draft_takes_a_number_and_is_placed_under_it(shop: Shop, flow: OrderFlow) -> None:
    draft = flow.handle(c.SaveDraft("EUR", customer=ADA)).order
    assert (draft.id, draft.reference, draft.state) == ("A-1001", "A-1001", "draft")
    assert flow.find(state="draft").orders[0].order_id == draft.id
    assert flow.store.next_due("main") is None
    with pytest.raises(CommandRefused, match="no line yet"):
        flow.handle(c.PlaceDraft(draft.id))

    shop.passes(hours=2)
    flow.handle(c.SaveDraft("EUR", [("TEA", 2)], BERLIN, ADA, order_id=draft.id))
    order = flow.handle(c.PlaceDraft(draft.id)).order

    assert (order.state, order.placed_at) == ("verified", NINE + timedelta(hours=2))
    (row,) = flow.find(reference="A-1001").orders
    assert (row.state, row.placed_at) == ("verified", order.placed_at)
    assert tags(flow, order.id)[:3] == ["order_drafted", "order_drafted", "order_placed"]
    assert flow.handle(place()).order.id == "A-1002"


def test_a_draft_can_be_looked_at_as_the_order_that_it_would_be(flow: OrderFlow) -> None:
    draft = flow.handle(c.SaveDraft("EUR", [("TEA", 2)], BERLIN, ADA)).order
    preview = flow.preview(c.PlaceDraft(draft.id))
    assert preview.order.state == "acknowledged"
    assert preview.messages == (("order_placed", ""),)
    assert "PlaceDraft" in str(flow.explain(draft.id))
    assert flow.get(draft.id).is_draft
    assert flow.preview(c.SaveDraft("EUR")).order.is_draft


def test_the_same_customers_own_number_is_held_for_review_once_it_comes_again(flow: OrderFlow) -> None:
    first = flow.handle(place(customer=SHOP, customer_reference="PO-7")).order
    other = flow.handle(place(customer=Party("Tea & Co", id="C-8"), customer_reference="PO-7")).order
    plain = flow.handle(place(customer=SHOP, customer_reference="PO-8")).order
    again = flow.handle(place(customer=SHOP, customer_reference="PO-7")).order

    assert [order.state for order in (first, other, plain, again)] == ["verified"] * 3 + ["acknowledged"]
    assert held(flow, again.id) == [f"PO-7 is also the customer's number of {first.id}"]
    assert len(flow.find(label="customer_reference:PO-7").orders) == 3
    assert flow.handle(c.ReleaseHold(again.id, "H1")).order.state == "verified"


def test_a_customer_without_an_id_is_known_by_its_name_of_which_the_store_shows_nothing(flow: OrderFlow) -> None:
    first = flow.handle(place(customer=ADA, customer_reference="7")).order
    again = flow.handle(place(customer="Ada Krull", customer_reference="7")).order
    assert held(flow, again.id) == [f"7 is also the customer's number of {first.id}"]
    assert held(flow, flow.handle(place(customer="Ida", customer_reference="7")).order.id) == []
    assert not any("Ada" in label for label in first.labels)


def test_orders_that_came_to_nothing_and_drafts_are_no_repetition(flow: OrderFlow) -> None:
    first = flow.handle(place(customer=SHOP, customer_reference="PO-7")).order
    flow.handle(c.CancelOrder(first.id))
    draft = flow.handle(c.SaveDraft("EUR", [("TEA", 1)], BERLIN, SHOP, customer_reference="PO-7")).order
    second = flow.handle(place(customer=SHOP, customer_reference="PO-7")).order
    assert second.holds == {}

    placed = flow.handle(c.PlaceDraft(draft.id)).order
    assert held(flow, placed.id) == [f"PO-7 is also the customer's number of {second.id}"]


def test_the_answer_to_a_repeated_command_is_the_first_one_although_the_order_is_there_by_now(flow: OrderFlow) -> None:
    said = place(customer=SHOP, customer_reference="PO-7", order_id="WEB-1")
    first = flow.handle(said, command_id="post-1")
    again = flow.handle(said, command_id="post-1")
    assert (again.replayed, again.order, again.order.holds) == (True, first.order, {})


def test_a_number_of_the_customers_is_looked_for_with_asyncio_as_well(shop: Shop) -> None:
    async def lived() -> list[str]:
        async with AsyncOrderFlow(
            **shop.ports, **shop.settings, **({"store": shop.store} if shop.store else {})
        ) as flow:
            await flow.handle(place(customer=SHOP, customer_reference="PO-7"))
            again = await flow.handle(place(customer=SHOP, customer_reference="PO-7"))
            return [hold.code for hold in again.order.active_holds]

    assert asyncio.run(lived()) == ["acceptance.repeated_reference"]


def test_an_order_that_nobody_verified_in_time_is_cancelled_by_itself_and_lets_its_stock_go(shop: Shop) -> None:
    policy = attrs.evolve(STANDARD, expire_after=timedelta(days=1), automatic=STANDARD.automatic - {"verify"})
    flow = shop.flow(policy=policy)
    order = flow.handle(place()).order
    assert (order.state, shop.inventory.held("TEA")) == ("acknowledged", 2)
    assert flow.store.next_due("main") == NINE + timedelta(days=1)

    shop.passes(days=1)
    flow.run_due()

    assert (flow.get(order.id).state, shop.inventory.held("TEA")) == ("cancelled", 0)


def test_a_reference_that_a_channel_has_already_is_told_with_reference_and_channel(flow: OrderFlow) -> None:
    flow.handle(place(reference="7", channel="web"))
    for command in (place(reference="7", channel="web"), c.SaveDraft("EUR", reference="7", channel="web")):
        with pytest.raises(DuplicateOrder) as duplicate:
            flow.handle(command)
        assert str(duplicate.value) == "channel 'web' already has an order '7' (order.duplicate_reference)"
    assert flow.handle(c.SaveDraft("EUR", reference="7", channel="phone")).order.is_draft
