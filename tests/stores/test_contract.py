"""What every store keeps its word on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from orderflow.errors import (
    CommandIdReused,
    DuplicateOrder,
    ErasureFailed,
    InvalidInput,
    OrderflowError,
    VersionConflict,
)
from orderflow.messages import SYSTEM, Actor
from orderflow.order import Order
from orderflow.process import evolve
from orderflow.stages.erasure import ErasePersonalData, PersonalDataErased
from orderflow.stages.holds import HoldPlaced, PlaceHold
from orderflow.stores import Attempt, CommandRecord, OrderStore, Recorded
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import ERASED
from orderflow.values.party import Contact, Party
from tests.scenario import ID, Life, booked
from tests.stores.worlds import (
    CLERK,
    acknowledging,
    after,
    append_once,
    backordered,
    carried,
    moved,
    placed,
    placing,
    planned,
    record,
    scan,
)

LEASE = timedelta(minutes=1)


def everything(store: OrderStore, tenant: str = "main") -> list[Any]:
    """All that can be seen of a small world."""
    return [
        store.load(tenant, "O1"),
        store.history(tenant, "O1"),
        store.load(tenant, "O2"),
        store.command(tenant, "c-1"),
        store.command(tenant, "c-2"),
        store.find(tenant),
        store.find(tenant, tracking_number="T1"),
        store.inbox(tenant, ["T0", "T1", "T2"]),
        store.waiting(tenant),
        store.next_due(tenant),
    ]


# -- append, load, history ---------------------------------------------------------------------------------------------


def test_what_was_appended_is_loaded(store: OrderStore) -> None:
    attempts = {"quote:1": Attempt(2, after(7), "no answer")}
    order = placed(store, attempts=attempts, next_at=after(7))

    loaded = store.load("main", "O1")

    assert loaded is not None
    assert (loaded.order, loaded.attempts, loaded.next_at) == (order, FrozenMap(attempts), after(7))


def test_an_unknown_order_is_none_and_has_no_history(store: OrderStore) -> None:
    placed(store)

    assert store.load("main", "O2") is None
    assert store.history("main", "O2") == ()


def test_an_order_can_be_loaded_after_each_of_many_changes(store: OrderStore) -> None:
    order = placed(store)
    for turn in range(10):
        order = moved(store, order, acknowledging(f"state {turn}", turn))
        loaded = store.load("main", "O1")
        assert loaded is not None
        assert (loaded.order, loaded.order.version) == (order, turn + 2)


def test_history_tells_the_events_in_order_with_cause_and_actor(store: OrderStore) -> None:
    order = placed(store)
    moved(store, order, acknowledging("a", 1), acknowledging("b", 2), cause="c-9", by=CLERK)

    assert store.history("main", "O1") == (
        Recorded(1, placing(), "place-O1", SYSTEM),
        Recorded(2, acknowledging("a", 1), "c-9", CLERK),
        Recorded(3, acknowledging("b", 2), "c-9", CLERK),
    )


def test_a_change_that_says_nothing_about_attempts_leaves_them(store: OrderStore) -> None:
    order = placed(store, attempts={"a": Attempt(1, after(1))}, next_at=after(1))

    order = moved(store, order)
    loaded = store.load("main", "O1")
    assert loaded is not None
    assert (dict(loaded.attempts), loaded.next_at) == ({"a": Attempt(1, after(1))}, None)

    moved(store, order, attempts={})
    loaded = store.load("main", "O1")
    assert loaded is not None
    assert loaded.attempts == {}


def test_a_change_decided_on_an_old_version_is_refused_and_changes_nothing(store: OrderStore) -> None:
    order = placed(store)
    moved(store, order)
    store.park("main", scan("T0"))
    before = everything(store)

    with pytest.raises(VersionConflict) as refused:
        carried(store, order, "T1", command=record(), next_at=after(1), inbox_taken=[scan("T0")], attempts={})

    assert (refused.value.order_id, refused.value.expected, refused.value.actual) == ("O1", 1, 2)
    assert everything(store) == before


def test_a_change_of_an_order_that_is_not_there_is_a_conflict_with_version_none(store: OrderStore) -> None:
    order = evolve(None, placing())

    with pytest.raises(VersionConflict) as refused:
        moved(store, order)

    assert (refused.value.expected, refused.value.actual) == (1, 0)
    assert store.load("main", "O1") is None


def test_a_version_ahead_of_the_order_is_refused(store: OrderStore) -> None:
    order = placed(store)

    with pytest.raises(VersionConflict):
        moved(store, evolve(order, acknowledging()))


def test_an_orders_version_is_the_number_of_its_events(store: OrderStore) -> None:
    with pytest.raises(AssertionError, match="number of its events"):
        store.append(evolve(None, placing()).replace(version=2), 0, [placing()], cause="c", by=SYSTEM)


# -- references, tenants -----------------------------------------------------------------------------------------------


def test_a_channel_has_one_order_with_a_reference(store: OrderStore) -> None:
    placed(store, reference="R1")
    before = everything(store)

    with pytest.raises(DuplicateOrder) as refused:
        placed(store, "O2", reference="R1", command=record())

    assert (refused.value.reference, refused.value.channel) == ("R1", "web")
    assert everything(store) == before


def test_another_channel_or_tenant_may_use_the_reference_too(store: OrderStore) -> None:
    placed(store, reference="R1")
    placed(store, "O2", reference="R1", channel="phone")
    placed(store, "O1", reference="R1", tenant="other")

    assert len(store.find("main", reference="R1").orders) == 2
    assert len(store.find("other", reference="R1").orders) == 1


def test_an_order_id_is_used_once(store: OrderStore) -> None:
    placed(store)

    with pytest.raises(DuplicateOrder):
        placed(store, reference="another")

    assert len(store.history("main", "O1")) == 1
    assert store.find("main", reference="another").orders == ()


def test_tenants_see_nothing_of_each_other(store: OrderStore) -> None:
    store.park("main", scan("T0"))
    carried(store, placed(store, command=record(), next_at=after(1)), "T1", next_at=after(1))
    store.next_number("main")

    assert everything(store, "other")[:5] == [None, (), None, None, None]
    assert store.find("other").orders == store.find("other", tracking_number="T1").orders == ()
    assert store.inbox("other", ["T0"]) == ()
    assert store.next_due("other") is None
    assert store.due("other", after(9), 10, LEASE) == ()
    assert store.reschedule("other", "O1", 2, {}, None) is False
    assert store.park("other", scan("T1")) == ()
    assert store.next_number("other") == 1


# -- commands ----------------------------------------------------------------------------------------------------------


def test_what_became_of_a_command_is_on_record(store: OrderStore) -> None:
    placed(store, command=record())

    assert store.command("main", "c-1") == record()
    assert store.command("main", "c-2") is None
    assert store.command("other", "c-1") is None


def test_a_command_without_events_is_recorded_and_moves_nothing(store: OrderStore) -> None:
    order = placed(store)

    store.append(order, 1, [], cause="c-1", by=CLERK, command=record(), next_at=after(4))

    loaded = store.load("main", "O1")
    assert loaded is not None
    assert (loaded.order.version, loaded.next_at) == (1, after(4))
    assert store.command("main", "c-1") == record()


def test_a_command_without_events_is_refused_when_the_order_has_moved_on(store: OrderStore) -> None:
    order = placed(store)
    moved(store, order)

    with pytest.raises(VersionConflict):
        store.append(order, 1, [], cause="c-1", by=CLERK, command=record())

    assert store.command("main", "c-1") is None


@pytest.mark.parametrize("fingerprint", ["f", "another"])
def test_a_command_id_is_used_once(store: OrderStore, fingerprint: str) -> None:
    order = placed(store, command=record())
    before = everything(store)

    with pytest.raises(CommandIdReused):
        moved(store, order, command=record(fingerprint=fingerprint))

    assert everything(store) == before


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda store, order: placed(store, reference="R-O1", command=record()), CommandIdReused),
        (lambda store, order: placed(store, reference="R-O1", command=record("c-2")), DuplicateOrder),
        (lambda store, order: moved(store, order, expected=None, command=record()), CommandIdReused),
        (lambda store, order: moved(store, order, command=record("c-2")), VersionConflict),
    ],
)
def test_a_reused_command_id_is_told_before_anything_else(
    store: OrderStore, change: Callable[..., Any], error: type[OrderflowError]
) -> None:
    order = placed(store, command=record())
    moved(store, order)

    with pytest.raises(error):
        change(store, order)


# -- attention ---------------------------------------------------------------------------------------------------------


def test_orders_are_due_most_urgent_first(store: OrderStore) -> None:
    for order_id, minutes in (("O1", 3), ("O2", 1), ("O3", 2), ("O4", 9), ("O5", 1)):
        placed(store, order_id, next_at=after(minutes))
    placed(store, "O6")

    assert store.due("main", after(3), 10, LEASE) == ("O2", "O5", "O3", "O1")


def test_a_limit_takes_the_most_urgent_and_leaves_the_rest_due(store: OrderStore) -> None:
    for order_id, minutes in (("O1", 3), ("O2", 1), ("O3", 2)):
        placed(store, order_id, next_at=after(minutes))

    assert store.due("main", after(3), 0, LEASE) == ()
    assert store.due("main", after(3), 2, LEASE) == ("O2", "O3")
    assert store.due("main", after(3), 2, LEASE) == ("O1",)


def test_a_leased_order_is_due_again_when_the_lease_is_over(store: OrderStore) -> None:
    placed(store, next_at=after(1))

    assert store.due("main", after(1), 10, LEASE) == ("O1",)
    assert store.due("main", after(2) - timedelta(microseconds=1), 10, LEASE) == ()
    loaded = store.load("main", "O1")
    assert loaded is not None
    assert (loaded.next_at, loaded.order.version) == (after(2), 1)
    assert store.due("main", after(2), 10, LEASE) == ("O1",)


def test_nothing_is_due_before_its_moment(store: OrderStore) -> None:
    placed(store, next_at=after(1))

    assert store.due("main", after(1) - timedelta(microseconds=1), 10, LEASE) == ()
    assert store.next_due("main") == after(1)


def test_the_next_due_moment_is_the_earliest_and_goes_with_the_order(store: OrderStore) -> None:
    assert store.next_due("main") is None
    order = placed(store, next_at=after(5))
    placed(store, "O2", next_at=after(8))
    assert store.next_due("main") == after(5)

    moved(store, order)

    assert store.next_due("main") == after(8)


def test_rescheduling_keeps_attempts_and_does_not_move_the_order(store: OrderStore) -> None:
    order = placed(store, next_at=after(1))
    attempts = {"quote:1": Attempt(1, after(6), "no answer")}

    assert store.reschedule("main", "O1", 1, attempts, after(6)) is True

    loaded = store.load("main", "O1")
    assert loaded is not None
    assert (loaded.order, loaded.attempts, loaded.next_at) == (order, FrozenMap(attempts), after(6))
    assert store.next_due("main") == after(6)
    assert len(store.history("main", "O1")) == 1
    moved(store, order)


def test_rescheduling_a_moved_order_is_refused(store: OrderStore) -> None:
    moved(store, placed(store), next_at=after(2))
    before = everything(store)

    assert store.reschedule("main", "O1", 1, {"a": Attempt(1, after(1))}, after(6)) is False
    assert store.reschedule("main", "O2", 1, {}, after(6)) is False

    assert everything(store) == before


def test_an_order_is_leased_to_one_thread_only(store: OrderStore) -> None:
    for number in range(30):
        placed(store, f"O{number}", next_at=after(0))

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(lambda _: store.due("main", after(1), 5, LEASE), range(12)))

    taken = [order_id for share in shares for order_id in share]
    assert sorted(taken) == sorted(f"O{number}" for number in range(30))


# -- lists -------------------------------------------------------------------------------------------------------------


def test_orders_are_found_by_each_column_and_by_several(store: OrderStore) -> None:
    first = placed(store, "O1", reference="R1")
    placed(store, "O2", reference="R1", channel="phone")
    third = placed(store, "O3")
    moved(store, first)
    carried(store, third, "T1", "T2")

    def found(**by: Any) -> list[str]:
        return [summary.order_id for summary in store.find("main", **by).orders]

    assert found() == ["O1", "O2", "O3"]
    assert found(state="received") == ["O2"]
    assert found(reference="R1") == ["O1", "O2"]
    assert found(reference="R1", channel="phone") == ["O2"]
    assert found(channel="web") == ["O1", "O3"]
    assert found(tracking_number="T2") == ["O3"]
    assert found(tracking_number="T2", state="received") == []
    assert found(tracking_number="T9") == []


def test_an_order_is_found_under_its_labels_while_it_has_them(store: OrderStore) -> None:
    def found(label: str, tenant: str = "main", **by: Any) -> list[str]:
        return [summary.order_id for summary in store.find(tenant, label=label, **by).orders]

    first = backordered(store, placed(store, "O1", reference="R1"), 1)
    second = carried(store, backordered(store, placed(store, "O2"), 2), "T2")
    backordered(store, placed(store, "O1", tenant="other"), 1)
    assert found("backorder:sku-1") == ["O1", "O2"]
    assert found("backorder:sku-1", "other") == ["O1"]
    assert found("backorder:sku-2") == found("location:BER") == []

    first = planned(store, first, "BER")
    assert (found("location:BER"), found("backorder:sku-1")) == (["O1"], ["O1", "O2"])
    planned(store, backordered(store, backordered(store, second, -2), 1), "BER")
    backordered(store, first, -1)
    assert (found("location:BER"), found("backorder:sku-1")) == (["O1", "O2"], ["O2"])

    assert found("location:BER", state="acknowledged") == ["O1", "O2"]
    assert found("location:BER", state="received") == []
    assert found("location:BER", reference="R1") == found("location:BER", reference="R1", channel="web") == ["O1"]
    assert found("backorder:sku-1", reference="R1") == []
    assert found("location:BER", tracking_number="T2") == ["O2"]
    assert found("location:HAM", tracking_number="T2") == []


def test_pages_under_a_label_follow_a_cursor(store: OrderStore) -> None:
    for number in range(5):
        order = placed(store, f"O{number}")
        if number != 2:
            backordered(store, order, 1)

    first = store.find("main", label="backorder:sku-1", limit=2)
    second = store.find("main", label="backorder:sku-1", limit=2, cursor=first.cursor)

    assert [summary.order_id for summary in (*first.orders, *second.orders)] == ["O0", "O1", "O3", "O4"]
    assert second.cursor is None


def test_a_change_that_is_refused_leaves_the_labels(store: OrderStore) -> None:
    order = placed(store)
    moved(store, order)

    with pytest.raises(VersionConflict):
        backordered(store, order, 1)

    assert store.find("main", label="backorder:sku-1").orders == ()


def test_a_row_of_a_list_shows_the_order_as_it_is_now(store: OrderStore) -> None:
    order = moved(store, placed(store))

    (row,) = store.find("main").orders

    shown = (row.order_id, row.channel, row.reference, row.state, row.version, row.placed_at)
    assert shown == ("O1", "web", "R-O1", "acknowledged", 2, order.placed_at)


def test_pages_over_250_orders_show_each_once_whatever_is_placed_or_changed_meanwhile(store: OrderStore) -> None:
    orders = [placed(store, f"O{number:03}") for number in range(250)]
    seen: list[str] = []
    cursor, sizes = None, []
    while True:
        page = store.find("main", cursor=cursor, limit=100)
        seen += [summary.order_id for summary in page.orders]
        sizes.append(len(page.orders))
        if page.cursor is None:
            break
        cursor = page.cursor
        if len(sizes) == 1:
            moved(store, orders[7])
            placed(store, "late")

    assert seen == [*(f"O{number:03}" for number in range(250)), "late"]
    assert sizes == [100, 100, 51]


def test_the_last_page_has_no_cursor_even_when_it_is_full(store: OrderStore) -> None:
    for number in range(4):
        placed(store, f"O{number}")

    first = store.find("main", limit=2)
    last = store.find("main", limit=2, cursor=first.cursor)

    assert [summary.order_id for summary in last.orders] == ["O2", "O3"]
    assert last.cursor is None


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1 ", "\u0663", "9" * 19, "9" * 40, 7])
def test_a_cursor_that_no_page_gave_is_refused(store: OrderStore, cursor: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        store.find("main", cursor=cursor)
    assert refused.value.codes == ("find.bad_cursor",)


@pytest.mark.parametrize("limit", [0, -1, 1001, True, 2.0])
def test_a_page_has_at_least_one_order_and_at_most_a_thousand(store: OrderStore, limit: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        store.find("main", limit=limit)
    assert refused.value.codes == ("find.bad_limit",)


# -- tracking, inbox, numbers ------------------------------------------------------------------------------------------


def test_a_scan_nobody_knows_is_parked_once_and_found_by_its_number(store: OrderStore) -> None:
    late, early = scan(minutes=9, estimate=after(0).date(), raw="X7", action_required=True), scan(minutes=2)

    assert store.park("main", late) == store.park("main", late) == store.park("main", early) == ()
    store.park("main", scan("T2"))

    assert store.inbox("main", ["T1"]) == (early, late)
    assert store.inbox("main", ["T1", "T2", "T1", "T9"]) == (early, scan("T2"), late)
    assert store.inbox("main", []) == ()


def test_a_scan_whose_number_orders_know_is_not_parked(store: OrderStore) -> None:
    carried(store, placed(store, "O2"), "T1")
    carried(store, placed(store, "O1"), "T1", "T2")

    assert store.park("main", scan("T1")) == ("O1", "O2")
    assert store.inbox("main", ["T1"]) == ()


def test_an_order_that_takes_a_parked_scan_takes_only_that(store: OrderStore) -> None:
    order = placed(store)
    store.park("main", scan(minutes=1))
    store.park("main", scan(minutes=2))

    carried(store, order, "T1", inbox_taken=[scan(minutes=1)])

    assert store.inbox("main", ["T1"]) == (scan(minutes=2),)


def test_what_waits_is_listed_by_number_and_page_by_page(store: OrderStore) -> None:
    for number, minutes in (("T3", 1), ("T1", 2), ("T2", 3), ("T1", 4), ("T1", 4)):
        store.park("main", scan(number, minutes=minutes))
    store.park("other", scan("T9"))

    assert store.waiting("main") == ("T1", "T2", "T3")
    assert store.waiting("main", limit=2) == ("T1", "T2")
    assert store.waiting("main", after="T2", limit=2) == ("T3",)
    carried(store, placed(store), "T1", inbox_taken=store.inbox("main", ["T1"]))
    assert store.waiting("main") == ("T2", "T3")


def test_a_number_once_known_stays_known(store: OrderStore) -> None:
    order = carried(store, placed(store), "T1")
    carried(store, order, "T2")

    assert [store.park("main", scan(number)) for number in ("T1", "T2")] == [("O1",), ("O1",)]


def test_no_scan_is_lost_between_being_parked_and_its_number_becoming_known(store: OrderStore) -> None:
    for turn in range(15):
        order_id, number = f"O{turn}", f"T{turn}"
        order = placed(store, order_id)
        together = threading.Barrier(2)

        def labelling(order: Any = order, number: str = number, together: threading.Barrier = together) -> None:
            together.wait()
            carried(store, order, number)

        with ThreadPoolExecutor(1) as pool:
            labelled = pool.submit(labelling)
            together.wait()
            known = store.park("main", scan(number))
            labelled.result()

        parked = store.inbox("main", [number])
        assert (known, parked) in [((order_id,), ()), ((), (scan(number),))]


def test_numbers_count_from_one_for_each_tenant(store: OrderStore) -> None:
    assert [store.next_number("main") for _ in range(3)] == [1, 2, 3]
    assert store.next_number("other") == 1


def test_no_two_threads_get_the_same_number(store: OrderStore) -> None:
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda _: store.next_number("main"), range(100)))

    assert sorted(numbers) == list(range(1, 101))


def test_threads_that_change_one_order_lose_no_change(store: OrderStore) -> None:
    placed(store)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda turn: append_once(store, f"c{turn}"), range(40)))

    history = store.history("main", "O1")
    assert [recorded.number for recorded in history] == list(range(1, 42))
    assert {recorded.cause for recorded in history[1:]} == {f"c{turn}" for turn in range(40)}


# -- erasing -----------------------------------------------------------------------------------------------------------


def booked_by_zyx() -> Life:
    """An order with something said about somebody, and a number under which it is to travel."""
    life = booked(customer=Party("Zyx", contact=Contact("Zyx@example.org")), instructions=["ring at Zyx"])
    return life.do(PlaceHold(ID, "review", note="Zyx called"))


def holding(store: OrderStore, **beside: Any) -> Order:
    """Such an order, kept."""
    life = booked_by_zyx()
    store.append(life.order, 0, life.history, **{"cause": "c-1", "by": SYSTEM, **beside})
    return life.order


def all_of_it(store: OrderStore) -> list[Any]:
    """All that is to be seen of such an order."""
    loaded = store.load("main", ID)
    assert loaded is not None
    held = loaded.order.__dict__, loaded.attempts, loaded.next_at
    return [held, store.history("main", ID), *everything(store), *map(store.command, ("main",) * 2, ("c-1", "c-9"))]


def erased_in(store: OrderStore, order: Order, **beside: Any) -> Order:
    """The order without what is personal, kept."""
    event = PersonalDataErased(after(9), "employee E1", "asked for")
    made = evolve(order, event)
    options = {"cause": "c-9", "by": Actor("employee", "E1"), "policy": "b2c", **beside}
    store.erase(made, order.version, [event], **options)
    return made


def test_what_is_personal_is_erased_from_all_that_is_held_of_an_order(store: OrderStore) -> None:
    attempts = {"quote:1": Attempt(2, after(7), "Zyx is unknown")}
    zyx = Actor("customer", "Zyx", "Zyx")
    store.park("main", scan("T-S1-1", location="Zyxhausen", raw="signed Zyx"))
    told = CommandRecord("c-1", ID, "hold_order", "f", 1, 2, after(3), zyx, "Zyx asked")
    order = holding(store, command=told, attempts=attempts, by=zyx, next_at=after(7))

    erasing = CommandRecord("c-9", ID, ErasePersonalData.TAG, "f", 1, 2, after(9), CLERK, "asked for")

    made = erased_in(store, order, attempts=attempts, next_at=after(7), command=erasing)

    assert "Zyx" not in repr(all_of_it(store))
    loaded = store.load("main", ID)
    assert loaded is not None
    assert (loaded.order, loaded.next_at) == (made, after(7))
    assert loaded.attempts == {"quote:1": Attempt(2, after(7), ERASED)}
    assert {one.by for one in store.history("main", ID)} == {Actor("customer", ERASED, ERASED), Actor("employee", "E1")}
    assert store.history("main", ID)[-1].policy == "b2c"
    known = store.command("main", "c-1")
    assert known is not None
    assert (known.fingerprint, known.by, known.reason) == (ERASED, Actor("customer", ERASED, ERASED), ERASED)
    assert store.command("main", "c-9") == erasing
    (parked,) = store.inbox("main", ["T-S1-1"])
    assert (parked.location, parked.status) == (ERASED, "in_transit")


def test_other_orders_keep_what_is_theirs(store: OrderStore) -> None:
    other = moved(store, placed(store, "O2"), HoldPlaced(after(1), "H1", "review", note="Zyx called"))
    store.park("other", scan("T-S1-1", location="Zyxhausen"))
    erased_in(store, holding(store))

    loaded = store.load("main", "O2")
    assert loaded is not None
    assert loaded.order == other
    assert store.inbox("other", ["T-S1-1"])[0].location == "Zyxhausen"


def test_to_erase_again_needs_no_event(store: OrderStore) -> None:
    order = erased_in(store, holding(store))
    before = all_of_it(store)

    store.erase(order, order.version, (), cause="again", by=CLERK)

    assert all_of_it(store) == before


def test_what_was_decided_on_an_old_version_erases_nothing(store: OrderStore) -> None:
    order = holding(store)
    moved(store, order)
    before = all_of_it(store)

    with pytest.raises(VersionConflict):
        erased_in(store, order, command=record("c-9", ID))

    assert all_of_it(store) == before


def test_an_order_that_its_events_would_not_make_is_not_kept(store: OrderStore) -> None:
    order = holding(store)
    before = all_of_it(store)
    event = PersonalDataErased(after(9), "employee E1")

    with pytest.raises(ErasureFailed):
        store.erase(evolve(order, event).replace(priority="high"), order.version, [event], cause="c-9", by=CLERK)

    assert all_of_it(store) == before


def test_after_erasing_an_order_goes_on(store: OrderStore) -> None:
    order = erased_in(store, holding(store))

    for turn in range(8):
        order = moved(store, order, acknowledging(f"state {turn}"))
        loaded = store.load("main", ID)
        assert loaded is not None
        assert loaded.order == order
