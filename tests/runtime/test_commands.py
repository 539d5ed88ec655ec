"""The front door: commands under an id, against a version, with numbers, for tenants; and questions."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from orderflow import commands as c
from orderflow.adapters.memory import Deferring
from orderflow.errors import (
    CommandIdReused,
    CommandRefused,
    DuplicateOrder,
    InvalidInput,
    UnknownOrder,
    VersionConflict,
)
from orderflow.messages import Actor
from orderflow.runtime import OrderFlow
from orderflow.stores import MemoryStore, OrderStore, SqliteStore
from tests.runtime.shop import NINE, Shop, lead, place, tags


@pytest.fixture
def shop(store: OrderStore) -> Shop:
    return Shop(store)


@pytest.fixture
def flow(shop: Shop) -> OrderFlow:
    return shop.flow()


# -- under an id -------------------------------------------------------------------------------------------------------


def test_a_command_under_a_known_id_gets_its_original_answer_and_does_nothing(shop: Shop, flow: OrderFlow) -> None:
    order_id = lead(flow)
    first = flow.handle(c.StartPicking(order_id, "F1"), command_id="till-1")
    flow.handle(c.RecordPick(order_id, "F1"))
    before, books = flow.history(order_id), shop.books
    shop.passes(hours=1)

    again = flow.handle(c.StartPicking(order_id, "F1"), command_id="till-1")

    assert (again.replayed, first.replayed) == (True, False)
    assert (again.events, again.version, again.command_id) == (first.events, first.version, "till-1")
    assert again.order == flow.get(order_id)
    assert flow.history(order_id) == before
    assert shop.books == books


def test_another_body_under_a_known_id_is_refused(flow: OrderFlow) -> None:
    order_id = lead(flow)
    flow.handle(c.PlaceHold(order_id, "review"), command_id="till-1")
    before = flow.history(order_id)

    with pytest.raises(CommandIdReused) as reused:
        flow.handle(c.PlaceHold(order_id, "review", note="urgent"), command_id="till-1")

    assert reused.value.command_id == "till-1"
    assert flow.history(order_id) == before


def test_an_order_that_is_placed_twice_under_one_id_is_one_order_and_uses_one_number(flow: OrderFlow) -> None:
    first = flow.handle(place(), command_id="basket-1")
    again = flow.handle(place(), command_id="basket-1")

    assert again.order == first.order
    assert again.replayed
    assert len(flow.find().orders) == 1
    assert flow.handle(place()).order.id == "A-1002"


def test_an_order_that_is_placed_twice_without_an_id_is_two_orders(flow: OrderFlow) -> None:
    assert [flow.handle(place()).order.id for _ in range(2)] == ["A-1001", "A-1002"]


def late(store: OrderStore) -> tuple[OrderFlow, c.RecordReply]:
    """A flow, and an answer for which nobody waits any more."""
    shop = Shop(store)
    erp = Deferring(shop.inventory, ("claim",), clock=shop.clock)
    flow = shop.flow(inventory=erp)
    order_id = lead(flow)
    answer = c.RecordReply(order_id, "T1", erp.release("T1"))
    flow.handle(answer)
    return flow, answer


def test_a_command_that_leads_to_nothing_is_on_record_where_it_has_an_id(store: OrderStore) -> None:
    flow, answer = late(store)

    first, again = (flow.handle(answer, command_id="late-1") for _ in range(2))

    assert (first.events, first.replayed) == ((), False)
    assert (again.events, again.replayed) == ((), True)
    record = store.command("main", "late-1")
    assert record is not None
    assert record.first == record.last == first.version == flow.get(answer.order_id).version


def test_a_command_that_leads_to_nothing_is_not_on_record_where_it_has_none(store: OrderStore) -> None:
    flow, answer = late(store)
    before = flow.history(answer.order_id)

    receipt = flow.handle(answer)

    assert receipt.events == ()
    assert store.command("main", receipt.command_id) is None
    assert flow.history(answer.order_id) == before


def test_a_command_is_on_record_with_who_when_and_why(store: OrderStore, flow: OrderFlow) -> None:
    order_id = lead(flow)
    clerk = Actor("employee", "E7", "C1")

    receipt = flow.handle(
        c.PlaceHold(order_id, "review"), by=clerk, command_id="till-1", reason="a doubt", correlation_id="case-5"
    )

    record = store.command("main", "till-1")
    assert record is not None
    assert (record.by, record.reason, record.correlation_id, record.at) == (clerk, "a doubt", "case-5", NINE)
    assert (record.first, record.last) == (receipt.version - len(receipt.events), receipt.version)
    assert {(one.by, one.cause) for one in flow.history(order_id)[record.first :]} == {(clerk, "till-1")}


def test_a_command_without_an_id_is_given_one(store: OrderStore) -> None:
    ids = iter(["first", "second"])
    flow = Shop(store).flow(new_id=lambda: next(ids))

    assert flow.handle(place()).command_id == "first"
    assert store.command("main", "first") is not None


def test_a_refused_command_has_not_happened_and_leaves_its_id_free(store: OrderStore, flow: OrderFlow) -> None:
    order_id = lead(flow)
    before = flow.history(order_id)

    with pytest.raises(CommandRefused):
        flow.handle(c.DespatchShipment(order_id), command_id="till-1")

    assert flow.history(order_id) == before
    assert store.command("main", "till-1") is None
    assert not flow.handle(c.StartPicking(order_id, "F1"), command_id="till-1").replayed


# -- against a version -------------------------------------------------------------------------------------------------


def test_a_version_that_the_order_has_left_is_a_conflict_and_nothing_happens(flow: OrderFlow) -> None:
    order_id = lead(flow)
    seen = flow.get(order_id).version
    flow.handle(c.PlaceHold(order_id, "review"), expected_version=seen)
    before = flow.history(order_id)

    with pytest.raises(VersionConflict) as conflict:
        flow.handle(c.PlaceHold(order_id, "another"), expected_version=seen)

    assert (conflict.value.order_id, conflict.value.expected, conflict.value.actual) == (order_id, seen, seen + 1)
    assert flow.history(order_id) == before


def test_a_new_order_has_version_none(flow: OrderFlow) -> None:
    with pytest.raises(VersionConflict):
        flow.handle(place(), expected_version=1)
    assert flow.handle(place(), expected_version=0).order.state == "verified"


def test_a_known_command_is_answered_whatever_version_is_expected_now(flow: OrderFlow) -> None:
    order_id = lead(flow)
    seen = flow.get(order_id).version
    flow.handle(c.PlaceHold(order_id, "review"), expected_version=seen, command_id="till-1")

    assert flow.handle(c.PlaceHold(order_id, "review"), expected_version=seen, command_id="till-1").replayed


def test_someone_who_is_quicker_has_a_command_decided_anew_or_not_as_it_was_asked_for() -> None:
    class Racing(MemoryStore):
        race: Any = None

        def append(self, order: Any, expected_version: int, events: Any, **beside: Any) -> None:
            race, self.race = self.race, None
            if race is not None:
                race()
            super().append(order, expected_version, events, **beside)

    store = Racing()
    flow = Shop(store).flow()
    order_id = lead(flow)
    store.race = lambda: flow.handle(c.PlaceHold(order_id, "quick"))
    flow.handle(c.PlaceHold(order_id, "slow"))
    assert [hold.code for hold in flow.get(order_id).holds.values()] == ["quick", "slow"]

    store.race = lambda: flow.handle(c.PlaceHold(order_id, "quicker"))
    with pytest.raises(VersionConflict):
        flow.handle(c.PlaceHold(order_id, "slower"), expected_version=flow.get(order_id).version)
    assert [hold.code for hold in flow.get(order_id).holds.values()] == ["quick", "slow", "quicker"]


# -- numbers and references --------------------------------------------------------------------------------------------


def test_orders_without_a_number_are_numbered_by_the_store_from_1001(path: Path) -> None:
    with Shop(SqliteStore(path)).flow() as flow:
        assert [lead(flow) for _ in range(2)] == ["A-1001", "A-1002"]
    with Shop(SqliteStore(path)).flow() as flow:
        order = flow.get(lead(flow))
        assert (order.id, order.reference) == ("A-1003", "A-1003")


def test_a_host_numbers_its_orders_as_it_likes(store: OrderStore) -> None:
    flow = Shop(store, number=lambda number: f"2026/{number:05}".replace("/", "-")).flow()

    assert [lead(flow) for _ in range(2)] == ["2026-00001", "2026-00002"]


def test_an_order_that_comes_with_its_id_keeps_it_and_uses_no_number(flow: OrderFlow) -> None:
    order = flow.get(lead(flow, order_id="WEB-7", reference="7"))

    assert (order.id, order.reference) == ("WEB-7", "7")
    assert lead(flow) == "A-1001"


def test_an_order_that_comes_with_a_reference_alone_is_numbered_and_keeps_it(flow: OrderFlow) -> None:
    order = flow.get(lead(flow, reference="7"))

    assert (order.id, order.reference) == ("A-1001", "7")


def test_a_number_that_is_taken_already_is_left_out(flow: OrderFlow) -> None:
    lead(flow, order_id="A-1001")

    assert lead(flow) == "A-1002"


def test_a_channel_has_one_order_with_a_reference(flow: OrderFlow) -> None:
    lead(flow, reference="7", channel="web")
    lead(flow, reference="7", channel="phone")

    with pytest.raises(DuplicateOrder) as duplicate:
        flow.handle(place(reference="7", channel="web"))

    assert (duplicate.value.reference, duplicate.value.channel) == ("7", "web")
    assert len(flow.find(reference="7").orders) == 2


def test_an_id_that_an_order_has_already_is_refused(flow: OrderFlow) -> None:
    lead(flow, order_id="WEB-7", reference="7")

    with pytest.raises((CommandRefused, DuplicateOrder)):
        flow.handle(place(order_id="WEB-7", reference="8"))
    assert tags(flow, "WEB-7").count("order_placed") == 1


def test_three_mistakes_are_told_at_once_and_there_is_no_order_and_no_number_used(flow: OrderFlow) -> None:
    with pytest.raises(InvalidInput) as invalid:
        flow.handle(place(lines=[("TEA", -1), ("", 2)], currency="Euro"))

    assert sorted(violation.path for violation in invalid.value.violations) == [
        "currency",
        "lines[0].quantity",
        "lines[1].sku",
    ]
    assert flow.find().orders == ()
    assert lead(flow) == "A-1001"


def test_a_command_for_an_order_that_is_not_there_is_refused(flow: OrderFlow) -> None:
    with pytest.raises(CommandRefused) as refused:
        flow.handle(c.StartPicking("NONE", "F1"))

    assert refused.value.codes == ("order.unknown",)


# -- tenants -----------------------------------------------------------------------------------------------------------


def test_tenants_on_one_store_do_not_see_each_others_orders(store: OrderStore) -> None:
    shop = Shop(store)
    red, blue = shop.flow(tenant="red"), shop.flow(tenant="blue")
    ids = [red.handle(place(reference="7"), command_id="same").order.id]
    assert [row.order_id for row in red.find().orders] == ids
    assert blue.find().orders == ()
    with pytest.raises(UnknownOrder):
        blue.get(ids[0])
    with pytest.raises(UnknownOrder):
        blue.history(ids[0])
    with pytest.raises(CommandRefused):
        blue.handle(c.CancelOrder(ids[0]))

    receipt = blue.handle(place(reference="7"), command_id="same")

    assert (receipt.replayed, receipt.order.id, receipt.order.tenant) == (False, ids[0], "blue")
    assert red.get(ids[0]).tenant == "red"


def test_tenants_who_share_an_erp_hold_their_goods_under_keys_of_their_own(store: OrderStore) -> None:
    shop = Shop(store)
    for tenant in ("red", "blue"):
        lead(shop.flow(tenant=tenant), upto="booked", order_id="SAME")

    assert shop.inventory.held("TEA") == 4
    assert len(shop.carriers.bookings) == 2
    assert len({message.key for message in shop.notifications.sent}) == 4


def test_a_scan_or_a_turn_of_one_tenant_touches_no_order_of_another(store: OrderStore) -> None:
    from orderflow.tracking import Scan

    shop = Shop(store)
    red, blue = shop.flow(tenant="red"), shop.flow(tenant="blue")
    order_id = lead(red, upto="despatched")
    shop.passes(hours=6)

    assert blue.observe(Scan("PA000001", "delivered", shop.clock())) == ()
    assert blue.run_due().advanced == ()
    assert red.get(order_id).state == "shipped"


def test_an_order_for_another_tenant_is_refused_at_this_door(store: OrderStore) -> None:
    flow = Shop(store).flow(tenant="red")

    with pytest.raises(InvalidInput) as invalid:
        flow.handle(place(tenant="blue"))

    assert invalid.value.codes == ("tenant.other",)


# -- questions ---------------------------------------------------------------------------------------------------------


def test_an_unknown_order_is_told_as_such_by_every_question(flow: OrderFlow) -> None:
    for ask in (flow.get, flow.history, flow.explain, flow.advance):
        with pytest.raises(UnknownOrder) as unknown:
            ask("NONE")
        assert unknown.value.order_id == "NONE"


def test_history_tells_who_and_what_brought_each_event_about(flow: OrderFlow) -> None:
    order_id = lead(flow, upto="picked")
    history = flow.history(order_id)

    assert [one.number for one in history] == list(range(1, flow.get(order_id).version + 1))
    assert all(one.cause for one in history)
    assert (history[0].event.TAG, history[-1].event.TAG) == ("order_placed", "picking_finished")


def test_orders_are_found_by_state_reference_and_channel_page_by_page(flow: OrderFlow) -> None:
    ids = [lead(flow, reference=str(number), channel="web") for number in range(5)]
    flow.handle(c.CancelOrder(ids[2]))

    assert [row.order_id for row in flow.find(state="cancelled").orders] == [ids[2]]
    assert [row.order_id for row in flow.find(reference="3", channel="web").orders] == [ids[3]]
    first = flow.find(limit=3)
    rest = flow.find(limit=3, cursor=first.cursor)
    assert [row.order_id for row in (*first.orders, *rest.orders)] == ids
    assert rest.cursor is None


def test_an_order_is_found_by_the_location_that_works_on_it_and_by_what_it_waits_for(flow: OrderFlow) -> None:
    work, picked, packed = lead(flow), lead(flow, upto="picked"), lead(flow, upto="packed")
    short = lead(flow, lines=[("POT", 100)])

    found = {row.order_id for row in flow.find(label="location:BER").orders}
    assert (found >= {work, picked}, packed in found) == (True, False)
    assert [row.order_id for row in flow.find(label="backorder:POT").orders] == [short]


def test_an_explanation_is_the_same_for_an_order_and_for_its_id(flow: OrderFlow) -> None:
    order_id = lead(flow)

    assert flow.explain(order_id) == flow.explain(flow.get(order_id))
    assert c.StartPicking(order_id, "F1") in flow.explain(order_id).possible


def test_a_preview_tells_what_would_happen_and_nothing_does(store: OrderStore, shop: Shop, flow: OrderFlow) -> None:
    order_id = lead(flow)
    before, history, due, books = flow.get(order_id), flow.history(order_id), store.next_due("main"), shop.books

    preview = flow.preview(c.CancelOrder(order_id))

    assert preview.order.version > before.version
    assert [kind for kind, _ in preview.messages] == ["order_cancelled"]
    assert (flow.get(order_id), flow.history(order_id), store.next_due("main"), shop.books) == (
        before,
        history,
        due,
        books,
    )
    assert flow.handle(c.CancelOrder(order_id)).events == preview.events


def test_a_preview_of_a_new_order_uses_no_number(store: OrderStore, shop: Shop, flow: OrderFlow) -> None:
    preview = flow.preview(place())

    assert [type(request).__name__ for request in preview.requests][:1] == ["ClaimStock"]
    assert flow.find().orders == ()
    assert lead(flow) == "A-1001"


def test_a_preview_of_what_may_not_be_is_refused(flow: OrderFlow) -> None:
    order_id = lead(flow)

    with pytest.raises(CommandRefused):
        flow.preview(c.DespatchShipment(order_id))
    with pytest.raises(CommandRefused):
        flow.preview(c.CancelOrder("NONE"))


def test_leaving_the_flow_closes_its_store(path: Path) -> None:
    with Shop(SqliteStore(path)).flow() as flow:
        order_id = lead(flow)

    with pytest.raises(sqlite3.ProgrammingError):
        flow.get(order_id)
    with Shop(SqliteStore(path)).flow() as flow:
        assert flow.get(order_id).state == "verified"


def test_a_flow_that_is_left_by_an_error_closes_its_store_too(path: Path) -> None:
    with pytest.raises(UnknownOrder), Shop(SqliteStore(path)).flow() as flow:
        flow.get("NONE")

    with pytest.raises(sqlite3.ProgrammingError):
        flow.find()


def test_what_is_read_from_a_file_is_what_is_kept_in_memory(path: Path) -> None:
    shops = Shop(MemoryStore()), Shop(SqliteStore(path))
    flows = [shop.flow() for shop in shops]
    ids = [lead(flow, upto="despatched") for flow in flows]
    flows[1].close()
    with Shop(SqliteStore(path)).flow() as reopened:
        assert reopened.get(ids[1]) == flows[0].get(ids[0])
        assert [one.event for one in reopened.history(ids[1])] == [one.event for one in flows[0].history(ids[0])]
