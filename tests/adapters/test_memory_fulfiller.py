"""The fulfiller in memory: a queue of works, which converge on what was put last and never give back what is packed."""

from __future__ import annotations

from itertools import permutations

import pytest

from orderflow.adapters.memory import MemoryFulfiller
from orderflow.errors import PortRefused
from orderflow.ports import FulfillerPort, PutWork, WorkAccepted, WorkLine
from orderflow.values import FrozenMap
from tests.scenario import D


def work(revision: int, *units: int, key: str = "K1", location: str = "3PL") -> PutWork:
    """A revision of a work: so many of each line."""
    lines = tuple(WorkLine(f"L{number}", f"SKU-{number}", "each", D(n)) for number, n in enumerate(units, 1))
    return PutWork("O1", f"work/F1/{revision}", key, "F1", revision, "FULFILCO", location, lines)


def accepted(revision: int, *units: int) -> WorkAccepted:
    return WorkAccepted(revision, FrozenMap({f"L{number}": D(n) for number, n in enumerate(units, 1)}))


def test_it_is_a_fulfiller() -> None:
    assert isinstance(MemoryFulfiller(), FulfillerPort)


def test_a_work_is_taken_into_the_queue_and_packed_and_sent() -> None:
    fulfiller = MemoryFulfiller()
    assert fulfiller.put(work(1, 10, 2)) == accepted(1, 10, 2)
    assert fulfiller.queue == ("K1",)

    fulfiller.pack("K1", {"L1": 6})
    assert fulfiller.send("K1") == {"L1": D(6)}
    assert fulfiller.works["K1"].unpacked == {"L1": D(4), "L2": D(2)}
    fulfiller.pack("K1")
    assert fulfiller.queue == ()
    assert fulfiller.send("K1", {"L2": 1}) == {"L2": D(1)}


def test_a_revision_that_comes_again_is_answered_as_the_first_time() -> None:
    fulfiller = MemoryFulfiller()
    fulfiller.put(work(1, 10))
    before = fulfiller.fingerprint()
    assert fulfiller.put(work(1, 10)) == accepted(1, 10)
    assert fulfiller.fingerprint() == before


def test_less_gives_up_what_is_not_packed_and_keeps_what_is() -> None:
    fulfiller = MemoryFulfiller()
    fulfiller.put(work(1, 10))
    fulfiller.pack("K1", {"L1": 6})
    assert fulfiller.put(work(2, 0)) == accepted(2, 6)
    assert fulfiller.queue == ()


def test_zero_fences_a_work_that_was_never_seen() -> None:
    fulfiller = MemoryFulfiller()
    assert fulfiller.put(work(2, 0)) == accepted(2, 0)
    assert fulfiller.put(work(1, 10)) == accepted(2, 0)
    assert fulfiller.queue == ()


@pytest.mark.parametrize("arriving", tuple(permutations((1, 2, 2, 3))))
def test_in_whatever_order_revisions_arrive_the_newest_counts(arriving: tuple[int, ...]) -> None:
    fulfiller = MemoryFulfiller()
    for revision in arriving:
        fulfiller.put(work(revision, 12 - 4 * revision))
    assert fulfiller.works["K1"].to_do == {"L1": D(0)}


def test_what_there_is_no_room_for_is_not_accepted() -> None:
    fulfiller = MemoryFulfiller(capacity={"SKU-1": 12})
    assert fulfiller.put(work(1, 10)) == accepted(1, 10)
    assert fulfiller.put(work(1, 5, key="K2")) == accepted(1, 2)
    assert fulfiller.put(work(2, 4)) == accepted(2, 4)
    assert fulfiller.put(work(1, 7, key="K3")) == accepted(1, 6)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (work(1, 1, key="K2", location="MOON"), "fulfiller.unknown_location"),
        (work(2, 1, location="OTHER"), "fulfiller.key_reused"),
    ],
)
def test_work_that_cannot_be_is_refused(request_: PutWork, code: str) -> None:
    fulfiller = MemoryFulfiller(locations=("3PL", "OTHER"))
    fulfiller.put(work(1, 2))
    with pytest.raises(PortRefused) as refused:
        fulfiller.put(request_)
    assert refused.value.code == code


def test_no_more_is_packed_or_sent_than_there_is() -> None:
    fulfiller = MemoryFulfiller()
    fulfiller.put(work(1, 2))
    for doing, code in (
        (lambda: fulfiller.pack("K1", {"L1": 3}), "fulfiller.nothing_to_pack"),
        (lambda: fulfiller.send("K1"), "fulfiller.nothing_to_send"),
        (lambda: fulfiller.pack("K9"), "fulfiller.unknown_work"),
    ):
        with pytest.raises(PortRefused) as refused:
            doing()
        assert refused.value.code == code


def test_its_books_can_be_copied_and_put_back() -> None:
    fulfiller = MemoryFulfiller(capacity={"SKU-1": 12})
    fulfiller.put(work(1, 10))
    books, before = fulfiller.snapshot(), fulfiller.fingerprint()
    fulfiller.pack("K1")
    fulfiller.restore(books)
    assert fulfiller.fingerprint() == before
    assert fulfiller.put(work(1, 5, key="K2")) == accepted(1, 2)
