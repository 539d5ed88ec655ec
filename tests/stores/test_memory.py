"""The store in memory can go back to any moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from orderflow.stores import Attempt, MemoryStore
from tests.stores.worlds import acknowledging, after, backordered, carried, moved, placed, record, scan


def a_world() -> MemoryStore:
    store = MemoryStore()
    order = placed(store, "O1", next_at=after(1))
    carried(store, order, "T1", command=record(), next_at=after(1))
    placed(store, "O2")
    store.park("main", scan("T9"))
    return store


def o2(store: MemoryStore) -> Any:
    loaded = store.load("main", "O2")
    assert loaded is not None
    return loaded.order


CHANGES: list[Callable[[MemoryStore], Any]] = [
    lambda store: moved(store, o2(store)),
    lambda store: moved(store, o2(store), next_at=after(3)),
    lambda store: moved(store, o2(store), acknowledging("elsewhere")),
    lambda store: moved(store, o2(store), command=record("c-2")),
    lambda store: moved(store, o2(store), inbox_taken=[scan("T9")]),
    lambda store: carried(store, o2(store), "T1"),
    lambda store: placed(store, "O3"),
    lambda store: store.park("main", scan("T8")),
    lambda store: store.next_number("main"),
    lambda store: store.due("main", after(2), 1, timedelta(minutes=1)),
    lambda store: store.reschedule("main", "O2", 1, {"a": Attempt(1, after(1))}, None),
]


def test_worlds_with_the_same_past_have_the_same_fingerprint() -> None:
    assert a_world().fingerprint() == a_world().fingerprint()
    assert hash(a_world().fingerprint()) == hash(a_world().fingerprint())


def test_every_change_changes_the_fingerprint_in_its_own_way() -> None:
    prints = [a_world().fingerprint()]
    for change in CHANGES:
        store = a_world()
        change(store)
        prints.append(store.fingerprint())

    assert len(set(prints)) == len(CHANGES) + 1


@pytest.mark.parametrize("change", CHANGES)
def test_a_restored_world_is_as_it_was_again_and_again(change: Callable[[MemoryStore], Any]) -> None:
    store = a_world()
    before, then = store.fingerprint(), store.snapshot()

    for _ in range(2):
        change(store)
        assert store.fingerprint() != before
        store.restore(then)
        assert store.fingerprint() == before


def test_a_restored_world_finds_nothing_that_came_after_it() -> None:
    store = a_world()
    then = store.snapshot()
    backordered(store, placed(store, "O3"), 1)
    assert store.find("main", label="backorder:sku-1").orders

    store.restore(then)

    assert store.find("main", label="backorder:sku-1").orders == ()
