"""Crash and cancel: every interleaving of one order's life with what may come across it.

Two workers, a crash before and after each store write and each port call; the systems keep their own books. At the end
of every schedule nothing is held that nobody wants, nothing is booked that is not shipped or voided, each message was
sent once, and the ledger sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import pytest

from orderflow.messages import Event
from orderflow.order import Order, Shipment
from orderflow.ports import BookCarrier
from orderflow.process import STAGES
from orderflow.stages import booking, stock, voiding
from orderflow.stages.stage import Stage, Wanted
from orderflow.stages.voiding import VoidWanted
from tests.proof.interleaving import Found
from tests.proof.order_life import (
    AMENDMENT_DOWN,
    AMENDMENT_UP,
    CANCELLATION,
    NOTHING,
    Setting,
    proved,
)

Covered = Callable[[str, Found], None]

#: What comes across, and how many crashes at most; schedules with fewer are among them.
ACROSS = {
    "a cancellation": (CANCELLATION, 2),
    "an amendment up": (AMENDMENT_UP, 1),
    "an amendment down": (AMENDMENT_DOWN, 1),
    "an amendment up, then a cancellation": ((*AMENDMENT_UP, *CANCELLATION), 0),
    "a second worker that only attends": (NOTHING, 1),
}


@pytest.mark.parametrize("name", ACROSS)
def test_nothing_is_lost_on_the_way(name: str, covered: Covered) -> None:
    """However the steps of both workers fall, and wherever they crash, the books agree in the end."""
    across, crashes = ACROSS[name]
    found = proved(Setting.fresh(), across, crashes=crashes)
    covered(f"a life, {name}, {crashes} crash{'es' * (crashes != 1)}", found)
    assert found.violations == ()
    assert found.schedules > 1_000_000
    assert found.states > 500


def test_a_cancellation_that_the_carrier_declines_leaves_an_order_that_goes_on(covered: Covered) -> None:
    """A carrier that collects at once voids nothing: the cancellation is declined, and the goods arrive."""
    found = proved(Setting.fresh(collects_at_once=True), CANCELLATION, crashes=1)
    covered("a life, a cancellation, a carrier that declines, 1 crash", found)
    assert found.violations == ()


def test_stock_that_comes_late_is_found(covered: Covered) -> None:
    """With too little stock the order is backordered, cancelled or not, and nothing is held for nobody."""
    found = proved(Setting.fresh(stock={("TEA", "BER"): 1}), CANCELLATION, crashes=1)
    covered("a life with short stock, a cancellation, 1 crash", found)
    assert found.violations == ()


#: Two lines, two locations: no location has all of the tea, so that the first claim for it comes back short.
APART: dict[str, Any] = {
    "lines": {"TEA": 2, "POT": 1},
    "stock": {("TEA", "BER"): 1, ("TEA", "HAM"): 1, ("POT", "BER"): 1},
}


@pytest.mark.parametrize(
    ("name", "across", "crashes"),
    [
        ("a cancellation", CANCELLATION, 1),
        ("an amendment down", AMENDMENT_DOWN, 0),
        ("a second worker that only attends", NOTHING, 1),
    ],
)
def test_two_lines_from_two_locations_with_a_short_claim(
    name: str, across: tuple[Any, ...], crashes: int, covered: Covered
) -> None:
    """What one location does not have is found at the other, and what comes across leaves nothing held at either."""
    found = proved(Setting.fresh(**APART), across, crashes=crashes)
    covered(f"two lines, two locations, a short claim, {name}, {crashes} crash{'es' * (crashes != 1)}", found)
    assert found.violations == ()
    assert found.schedules > 1_000_000


@pytest.mark.parametrize("name", ["a cancellation", "an amendment down"])
def test_an_inventory_that_makes_a_fuss_releases_in_the_end(name: str, covered: Covered) -> None:
    """Every first answer is lost and every release refused once: someone has it asked again, and nothing stays held."""
    found = proved(Setting.fresh(grudging=True), ACROSS[name][0], crashes=0)
    covered(f"a life, {name}, a grudging inventory, 0 crashes", found)
    assert found.violations == ()


# -- it bites -------------------------------------------------------------------------------------------------------


def _changed(stage: Stage, **parts: Any) -> tuple[Stage, ...]:
    """All stages, with one of them changed."""
    return tuple(attrs.evolve(one, **parts) if one.name == stage.name else one for one in STAGES)


def test_without_fencing_a_release_that_overtakes_its_claim_is_lost() -> None:
    """An inventory that does not remember the newest revision holds stock for a cancelled order."""
    found = proved(Setting.fresh(fencing=False), CANCELLATION, crashes=1)
    assert any("held that nobody wants" in violation for violation in found.violations)


def test_without_compensation_a_booking_that_nobody_wants_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancellation that does not void what a late answer brings leaves the carrier with a booking."""

    def without_voids(function: Callable[..., Iterable[Event]]) -> Callable[..., Iterable[Event]]:
        return lambda *args: [event for event in function(*args) if not isinstance(event, VoidWanted)]

    monkeypatch.setattr(Shipment, "is_outstanding", False)
    stages = _changed(voiding.STAGE, follow=without_voids(voiding.STAGE.follow))
    found = proved(Setting.fresh(stages), CANCELLATION, crashes=0)
    assert any("is left booked" in violation for violation in found.violations)


def test_without_the_frozen_body_one_key_carries_two_bookings() -> None:
    """A booking whose body follows the order as it is now comes back to the carrier as another one."""

    def as_it_is_now(order: Order) -> Iterable[Wanted]:
        for wanted in booking.STAGE.wants(order):
            if isinstance(wanted.request, BookCarrier):
                thawed = attrs.evolve(wanted.request, reference=f"{order.reference} as of {order.version}")
                yield attrs.evolve(wanted, request=thawed)
            else:
                yield wanted

    found = proved(Setting.fresh(_changed(booking.STAGE, wants=as_it_is_now)), CANCELLATION, crashes=1)
    assert any("booking" in violation for violation in found.violations)


def test_with_only_the_first_claim_released_the_second_location_keeps_its_units(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process that forgets that a line may be claimed at two locations holds stock for a cancelled order."""
    whole = stock._claims_of_a_line

    def of_the_first(order: Order, line_id: str, claims: tuple[Any, ...], at: Any) -> Iterable[Event]:
        return (event for event in whole(order, line_id, claims, at) if event.claim_id == claims[0].id)

    monkeypatch.setattr(stock, "_claims_of_a_line", of_the_first)
    found = proved(Setting.fresh(**APART), CANCELLATION, crashes=0)
    assert any("held that nobody wants" in violation for violation in found.violations)
