"""The inventory in memory: claims converge, issues are booked, goods are conserved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.adapters.memory import Discrepancy, ManualClock, MemoryInventory
from orderflow.errors import InvalidInput, PortRefused
from orderflow.ports import (
    ClaimStock,
    InventoryPort,
    Issued,
    IssueLine,
    IssueStock,
    Level,
    QueryLevels,
    Repeats,
    StockHeld,
)

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def claim(revision: int, quantity: int | str, key: str = "C1", sku: str = "TEA", location: str = "") -> ClaimStock:
    return ClaimStock("O1", f"{key}/{revision}", key, key, revision, sku, "each", Decimal(quantity), location)


def issue(*lines: tuple[str, int], key: str = "I1", location: str = "MAIN", sku: str = "TEA") -> IssueStock:
    booked = tuple(IssueLine(claim_key, sku, "each", Decimal(quantity)) for claim_key, quantity in lines)
    return IssueStock("O1", key, key, location, booked)


def shelf(inventory: MemoryInventory, sku: str = "TEA") -> tuple[int, int, int]:
    """On hand, held and available."""
    return int(inventory.on_hand(sku)), int(inventory.held(sku)), int(inventory.available(sku))


# -- claims ------------------------------------------------------------------------------------------------------------


def test_it_is_an_inventory_that_deduplicates() -> None:
    assert isinstance(MemoryInventory({}), InventoryPort)
    assert MemoryInventory.repeats is Repeats.DEDUPLICATES


def test_a_claim_holds_what_it_wants() -> None:
    inventory = MemoryInventory({"TEA": 10})

    assert inventory.claim(claim(1, 4)) == StockHeld(1, Decimal(4), "MAIN")
    assert shelf(inventory) == (10, 4, 6)


def test_a_claim_on_too_much_holds_a_part_and_a_later_revision_tops_it_up() -> None:
    inventory = MemoryInventory({"TEA": 3})
    assert inventory.claim(claim(1, 5)).held == 3

    inventory.receive("TEA", 4)
    assert inventory.claim(claim(1, 5)).held == 3
    assert inventory.claim(claim(2, 5)).held == 5
    assert shelf(inventory) == (7, 5, 2)


def test_what_others_hold_is_not_granted_again() -> None:
    inventory = MemoryInventory({"TEA": 5})
    inventory.claim(claim(1, 4, key="C1"))

    assert inventory.claim(claim(1, 4, key="C2")).held == 1


@pytest.mark.parametrize("revision", [1, 2])
def test_a_revision_that_is_not_newer_is_answered_with_what_is_held(revision: int) -> None:
    inventory = MemoryInventory({"TEA": 10})
    inventory.claim(claim(2, 4))
    before = inventory.fingerprint()

    assert inventory.claim(claim(revision, 9)) == StockHeld(2, Decimal(4), "MAIN")
    assert inventory.fingerprint() == before


def test_zero_releases_and_fences_a_key_never_seen() -> None:
    inventory = MemoryInventory({"TEA": 10})
    assert inventory.claim(claim(2, 0)) == StockHeld(2, Decimal(0))

    assert inventory.claim(claim(1, 4)) == StockHeld(2, Decimal(0))
    assert shelf(inventory) == (10, 0, 10)


def test_an_unknown_product_is_refused_but_may_be_released() -> None:
    inventory = MemoryInventory({"TEA": 10})

    with pytest.raises(PortRefused) as refused:
        inventory.claim(claim(1, 1, sku="COFFEE"))
    assert refused.value.code == "inventory.unknown_product"
    assert inventory.claim(claim(2, 0, sku="COFFEE")).held == 0


def test_a_claim_key_stays_with_its_product() -> None:
    inventory = MemoryInventory({"TEA": 10, "COFFEE": 10})
    inventory.claim(claim(1, 1))

    with pytest.raises(PortRefused, match=r"inventory\.key_reused"):
        inventory.claim(claim(2, 1, sku="COFFEE"))


def test_a_claim_goes_where_most_is_available_and_stays_there() -> None:
    inventory = MemoryInventory({("TEA", "NORTH"): 4, ("TEA", "SOUTH"): 6})
    assert inventory.claim(claim(1, 5)).location == "SOUTH"

    inventory.receive("TEA", 20, "NORTH")
    assert inventory.claim(claim(2, 8)) == StockHeld(2, Decimal(6), "SOUTH")
    assert inventory.held("TEA", "NORTH") == 0


def test_a_claim_that_names_a_location_moves_there() -> None:
    inventory = MemoryInventory({("TEA", "NORTH"): 4, ("TEA", "SOUTH"): 6})
    inventory.claim(claim(1, 5))

    assert inventory.claim(claim(2, 5, location="NORTH")) == StockHeld(2, Decimal(4), "NORTH")
    assert (inventory.held("TEA", "NORTH"), inventory.held("TEA", "SOUTH")) == (4, 0)


def test_a_claim_that_holds_nothing_is_bound_to_no_location() -> None:
    inventory = MemoryInventory({("TEA", "NORTH"): 0, ("TEA", "SOUTH"): 0})
    assert inventory.claim(claim(1, 5)) == StockHeld(1, Decimal(0), "")

    inventory.receive("TEA", 9, "SOUTH")
    assert inventory.claim(claim(2, 5)) == StockHeld(2, Decimal(5), "SOUTH")


# -- time --------------------------------------------------------------------------------------------------------------


def test_a_reservation_ends_when_its_time_is_over() -> None:
    clock = ManualClock(NINE)
    inventory = MemoryInventory({"TEA": 10}, clock=clock, hold_for=timedelta(hours=2))
    assert inventory.claim(claim(1, 4)).held_until == NINE + timedelta(hours=2)

    clock.advance(timedelta(hours=1, minutes=59))
    assert shelf(inventory) == (10, 4, 6)
    clock.advance(timedelta(minutes=1))
    assert shelf(inventory) == (10, 0, 10)
    assert inventory.claim(claim(1, 4)) == StockHeld(1, Decimal(0), "MAIN", None)


def test_a_new_revision_renews_a_reservation() -> None:
    clock = ManualClock(NINE)
    inventory = MemoryInventory({"TEA": 10}, clock=clock, hold_for=timedelta(hours=2))
    inventory.claim(claim(1, 4))
    clock.advance(timedelta(hours=1))
    inventory.claim(claim(2, 4))
    clock.advance(timedelta(hours=1))

    assert inventory.held("TEA") == 4
    assert inventory.claims()["C1"].held_until == NINE + timedelta(hours=3)


def test_issued_units_do_not_come_back_when_a_reservation_ends() -> None:
    clock = ManualClock(NINE)
    inventory = MemoryInventory({"TEA": 10}, clock=clock, hold_for=timedelta(hours=2))
    inventory.claim(claim(1, 4))
    inventory.issue(issue(("C1", 3)))
    clock.advance(timedelta(hours=3))

    assert shelf(inventory) == (7, 0, 7)
    assert inventory.claim(claim(1, 4)).held == 3


# -- goods issue -------------------------------------------------------------------------------------------------------


def test_an_issue_takes_units_off_the_shelf_and_out_of_the_hold() -> None:
    inventory = MemoryInventory({"TEA": 10})
    inventory.claim(claim(1, 4))

    assert inventory.issue(issue(("C1", 3))) == Issued()
    assert shelf(inventory) == (7, 1, 6)
    assert inventory.claim(claim(1, 4)).held == 4
    assert inventory.discrepancies == ()


def test_an_issue_is_booked_once_however_often_it_is_asked_for() -> None:
    inventory = MemoryInventory({"TEA": 10})
    inventory.issue(issue(("C1", 3)))
    inventory.issue(issue(("C1", 3)))
    assert inventory.on_hand("TEA") == 7

    with pytest.raises(PortRefused) as refused:
        inventory.issue(issue(("C1", 4)))
    assert refused.value.code == "inventory.key_reused"
    assert inventory.on_hand("TEA") == 7


def test_goods_that_left_are_booked_even_if_they_were_promised_to_others() -> None:
    inventory = MemoryInventory({"TEA": 5})
    inventory.claim(claim(1, 4, key="C1"))
    inventory.issue(issue(("C2", 3)))

    assert inventory.on_hand("TEA") == 2
    assert inventory.discrepancies == (Discrepancy("TEA", "MAIN", Decimal(2), Decimal(4), "I1"),)


def test_more_may_leave_than_the_books_knew_of() -> None:
    inventory = MemoryInventory({"TEA": 1})
    inventory.issue(issue(("C1", 3)))

    assert shelf(inventory) == (-2, 0, 0)
    assert inventory.discrepancies[0].on_hand == -2


# -- levels and stock --------------------------------------------------------------------------------------------------


def test_levels_say_what_is_on_hand_and_what_is_free() -> None:
    inventory = MemoryInventory({("TEA", "NORTH"): 4, ("TEA", "SOUTH"): 6})
    inventory.claim(claim(1, 5))

    assert inventory.levels(QueryLevels("O1", "levels", ("TEA", "COFFEE"))).levels == (
        Level("TEA", "NORTH", Decimal(4), Decimal(4)),
        Level("TEA", "SOUTH", Decimal(6), Decimal(1)),
    )


def test_every_impossible_stock_is_named() -> None:
    stock: Any = {"TEA": -1, "MILK": "2.5", ("NAIL", "SOUTH"): 0.5}
    with pytest.raises(InvalidInput) as refused:
        MemoryInventory(stock)
    assert [(v.path, v.code) for v in refused.value.violations] == [
        ("stock['TEA']", "number.negative"),
        ("stock[('NAIL', 'SOUTH')]", "number.float"),
    ]


def test_a_restored_inventory_is_what_it_was() -> None:
    inventory = MemoryInventory({"TEA": 10})
    inventory.claim(claim(1, 4))
    taken, before = inventory.snapshot(), inventory.fingerprint()

    for _ in range(2):
        inventory.claim(claim(2, 6))
        inventory.issue(issue(("C1", 1)))
        assert inventory.fingerprint() != before
        inventory.restore(taken)
        assert inventory.fingerprint() == before
        assert shelf(inventory) == (10, 4, 6)


# -- laws --------------------------------------------------------------------------------------------------------------

REVISIONS = st.lists(st.integers(0, 6), min_size=1, max_size=5)


@st.composite
def arrivals(draw: st.DrawFn, keys: tuple[str, ...] = ("C1", "C2")) -> tuple[list[ClaimStock], list[ClaimStock]]:
    """Claims as they were put, newest last, and an order in which they arrive: each at least once, some twice."""
    newest, puts = [], []
    for key in keys:
        made = [claim(revision, quantity, key) for revision, quantity in enumerate(draw(REVISIONS), 1)]
        newest.append(made[-1])
        puts.extend(made)
    again = draw(st.lists(st.sampled_from(puts), max_size=4))
    return newest, draw(st.permutations(puts + again))


def after(requests: list[Any], stock: int, fencing: bool = True) -> MemoryInventory:
    inventory = MemoryInventory({"TEA": stock}, fencing=fencing)
    for request in requests:
        inventory.issue(request) if isinstance(request, IssueStock) else inventory.claim(request)
    return inventory


@given(arrivals())
def test_whatever_order_claims_arrive_in_the_newest_revision_counts(case: tuple[list[Any], list[Any]]) -> None:
    newest, arrived = case
    assert after(arrived, 20).fingerprint() == after(newest, 20).fingerprint()


@given(arrivals(keys=("C1",)), st.integers(0, 6))
def test_the_newest_revision_counts_when_goods_are_short_too(case: tuple[list[Any], list[Any]], stock: int) -> None:
    newest, arrived = case
    assert after(arrived, stock).fingerprint() == after(newest, stock).fingerprint()


@pytest.mark.parametrize(
    ("arrived", "held"),
    [
        ([claim(2, 0), claim(1, 5)], 5),
        ([claim(1, 5), claim(2, 3), claim(1, 5)], 5),
    ],
)
def test_without_fencing_an_overtaken_revision_wins(arrived: list[Any], held: int) -> None:
    naive, fenced = after(arrived, 20, fencing=False), after(arrived, 20)

    assert naive.held("TEA") == held
    assert fenced.held("TEA") == max(arrived, key=lambda put: put.revision).quantity


@given(arrivals(keys=("C1",)), st.integers(1, 8), st.integers(0, 10), st.data())
def test_an_issue_and_the_claims_around_it_commute(
    case: tuple[list[Any], list[Any]], quantity: int, stock: int, data: st.DataObject
) -> None:
    newest, arrived = case
    left = issue(("C1", quantity))
    at = data.draw(st.integers(0, len(arrived)))

    assert (
        after([*arrived[:at], left, *arrived[at:]], stock).fingerprint() == after([*newest, left], stock).fingerprint()
    )


ISSUES = st.lists(
    st.builds(lambda key, quantity, number: issue((key, quantity), key=f"I{number}/{key}/{quantity}"),
              st.sampled_from(["C1", "C2"]), st.integers(1, 4), st.integers(1, 2)),
    max_size=5,
)  # fmt: skip


@given(arrivals(), ISSUES, st.integers(0, 12), st.randoms(use_true_random=False))
def test_goods_are_neither_made_nor_lost(
    case: tuple[list[Any], list[Any]], issues: list[Any], stock: int, shuffle: Any
) -> None:
    requests = [*case[1], *issues, *issues]
    shuffle.shuffle(requests)
    inventory = after(requests, stock)

    entries = inventory.claims().values()
    assert inventory.on_hand("TEA") + inventory.issued("TEA") == stock
    assert inventory.issued("TEA") == sum(entry.issued for entry in entries)
    assert inventory.held("TEA") == sum(entry.reserved for entry in entries)
    assert all(entry.held <= max(entry.wanted, entry.issued) for entry in entries)
    assert inventory.discrepancies or inventory.held("TEA") + inventory.available("TEA") == inventory.on_hand("TEA")
