"""Whatever is lost, found, replaced, cancelled and credited, in whatever order: nothing is made good twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow import commands as c
from orderflow.charges import COMPONENTS
from orderflow.explain import explain
from orderflow.order import Order
from orderflow.process import pending
from orderflow.stages.losses import CODES
from orderflow.tracking import Scan
from orderflow.values.numbers import ZERO
from tests.laws.chance import SETTING, Chance
from tests.laws.lives import BEGUN, Living
from tests.laws.test_scans import sent_off

#: What a carrier may tell of a parcel, and how it says so.
_NEWS = (
    ("unknown", "lost", False),
    ("delivered", "", False),
    ("in_transit", "", False),
    ("return_to_sender", "", False),
    ("in_transit", "damaged", False),
    ("delivery_failed", "absent", True),
    ("on_hold", "lost", True),
)
_WORK = (c.StartPicking, c.RecordPick, c.PackParcel, c.BookShipment, c.DespatchShipment, c.CancelLines)


def nothing_is_made_good_twice(order: Order) -> None:
    assert order.ledger.is_balanced()
    for parcel in order.parcels.values():
        sent, good = order.sent_in(parcel.id), order.made_good(parcel)
        assert all(units <= sent.get(line_id, ZERO) for line_id, units in good.items() if units)
    for name in COMPONENTS:
        charged, credited = (getattr(held, name).amount for held in (order.charged, order.credited))
        assert abs(credited) <= abs(charged)
    for line_id, back in order.given_back.items():
        for units, tranche in zip(back, order.tranches[line_id], strict=False):
            assert ZERO <= units <= tranche.units
    assert not any(order.tranches.get(line.id) for line in order.lines.values() if line.is_free)
    about = [case.about for case in order.open_cases if case.code in CODES]
    assert len(about) == len(set(about)), "a parcel has one problem at a time"


def one_of(living: Living, chance: Chance, kinds: tuple[type[Any], ...]) -> None:
    """One of the commands of these kinds that are possible now, if any is."""
    assert living.order is not None
    possible = [one for one in explain(living.order, living.process).possible if isinstance(one, kinds)]
    if possible:
        living.give(chance.one(possible))


def answered(living: Living, chance: Chance) -> None:
    """Every system answers as one would wish."""
    for _ in range(30):
        assert living.order is not None
        wanted = [one for one in pending(living.order) if not one.repeats]
        if not wanted:
            return
        living.answer(wanted[0].request, living.world.does(wanted[0].request, chance, living.now))


def happens(living: Living, chance: Chance, hour: int) -> None:
    """A carrier tells something, someone chooses, or someone works."""
    assert living.order is not None
    what = chance.below(3)
    if what == 0:
        status, reason, acts = chance.one(_NEWS)
        number = chance.one(living.order.tracking_numbers)
        seen = Scan(number, status, BEGUN + timedelta(hours=100 + hour), reason=reason, action_required=acts)
        living.give(c.RecordTracking(living.order.id, [seen]))
    elif what == 1:
        one_of(living, chance, (c.ResolveException,))
    else:
        one_of(living, chance, _WORK)
    answered(living, chance)


@settings(max_examples=60)
@given(
    st.binary(min_size=SETTING * 3, max_size=SETTING * 3),
    st.lists(st.binary(min_size=8, max_size=8), min_size=4, max_size=30),
)
def test_nothing_is_made_good_twice_and_in_the_end_every_order_is_over(setting: bytes, moves: list[bytes]) -> None:
    living = sent_off(setting)
    for hour, drawn in enumerate(moves):
        happens(living, Chance(drawn), hour)
        assert living.order is not None
        nothing_is_made_good_twice(living.order)

    comes_to_an_end(living)


def comes_to_an_end(living: Living) -> None:
    """What is left is cancelled, what travels arrives, and someone settles the rest."""
    nothing_drawn = Chance(b"")
    for turn in range(40):
        order = living.order
        assert order is not None
        if "completed" in order.milestones and not order.open_cases:
            break
        for case in order.open_cases:
            by_hand = {"customer_keeps", "accept", "refund", "give_up", "settled", "booked_by_hand", "try_again"}
            option = next(option for option in case.options if option in by_hand)
            living.give(c.ResolveException(order.id, case.id, option))
            answered(living, nothing_drawn)
            nothing_is_made_good_twice(living.order or order)
            break
        else:
            one_of(living, nothing_drawn, (c.CancelLines, *_WORK[:-1]))
            answered(living, nothing_drawn)
            at = BEGUN + timedelta(hours=200 + turn)
            seen = [Scan(number, "delivered", at) for number in (living.order or order).tracking_numbers]
            living.give(c.RecordTracking(order.id, seen))
    order = living.order
    assert order is not None
    assert order.open_cases == ()
    by_itself = "complete" in living.process.policy.automatic
    assert order.state == ("completed" if by_itself else "delivered")
    arrived = {account.partition(":")[2] for account in order.ledger.held if account.startswith("delivered:")}
    assert not any(order.owed_for(parcel) for parcel in order.parcels.values() if parcel.id not in arrived)
