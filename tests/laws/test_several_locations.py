"""Several locations: what is claimed is what is wanted, and nobody is given work that is not held for us there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings

from orderflow.events import FulfillmentPlanned, GoodsDespatched
from orderflow.messages import Event
from orderflow.order import Claim, Order
from orderflow.process import evolve
from orderflow.stages import sourcing, stock
from tests.laws.lives import Life, fails_somewhere, lives
from tests.laws.test_convergence import at_rest

HERE = ("allocated", "picked", "packed", "shipped", "delivered")


def each_event(life: Life) -> Iterator[tuple[Order, Event, Order]]:
    """Every event after the first, between the order before it and the order after it."""
    order: Order | None = None
    for event in life.events:
        after = evolve(order, event)
        if order is not None:
            yield order, event, after
        order = after


def units(order: Order, line_id: str, *kinds: str) -> Fraction:
    """Units of a line in accounts of some kinds."""
    return sum(
        (Fraction(held) for account, held in order.ledger.accounts(line_id) if account.split(":")[0] in kinds),
        Fraction(0),
    )


def live(order: Order, line_id: str) -> Fraction:
    """Units ordered, and neither cancelled nor closed short."""
    return Fraction(order.ledger.ordered(line_id)) - units(order, line_id, "cancelled", "closed_short")


def given_to(order: Order, fulfillment_id: str, line_id: str) -> Fraction:
    """Units of a line that a fulfillment was given, wherever they are by now."""
    places = {fulfillment_id, *(p.id for p in order.parcels.values() if p.fulfillment_id == fulfillment_id)}
    return sum(
        (
            Fraction(held)
            for account, held in order.ledger.accounts(line_id)
            if account.partition(":")[0] in HERE and account.partition(":")[2] in places
        ),
        Fraction(0),
    )


# -- the laws ----------------------------------------------------------------------------------------------------------


def claims_want_what_is_live(life: Life) -> None:
    """After every step the claims of a line want no more than is live; all of it, unless levels are awaited for it."""
    for step in life.steps:
        order = step.after
        for line_id, claims in order.claims_by_line.items() if order is not None else ():
            assert order is not None
            wanted = sum((Fraction(claim.wanted) for claim in claims), Fraction(0))
            assert all(claim.wanted >= 0 for claim in claims)
            assert wanted <= live(order, line_id)
            search = order.searches.get(line_id)
            assert wanted == live(order, line_id) or (search is not None and search.asking)


def work_is_planned_where_it_is_held(life: Life) -> None:
    """What a location is given is held for us there, under the claim that the fulfillment names, and given once."""
    for before, event, after in each_event(life):
        if not isinstance(event, FulfillmentPlanned):
            continue
        for line_id in event.quantities:
            assert line_id in event.claims, f"{line_id} is given to {event.location or 'someone'}, held by nobody"
            claim = before.claims[event.claims[line_id]]
            assert claim.line_id == line_id
            assert claim.location in (event.location, ""), (event, claim)
            assert claim.confirmed == claim.revision
            assert _given_under(after, claim) <= Fraction(claim.held) - Fraction(claim.missed), (event, claim)


def what_leaves_together_leaves_together(life: Life) -> None:
    """When goods leave, everything that is to leave with them is in parcels, or has left."""
    for before, event, _after in each_event(life):
        if isinstance(event, GoodsDespatched):
            for parcel_id in before.shipments[event.shipment_id].parcel_ids:
                for line_id in before.contents_of(parcel_id):
                    for other in _together(before, line_id):
                        assert not units(before, other, "open", "backordered", "allocated", "picked")


def work_is_planned_when_all_that_leaves_together_is_held(life: Life) -> None:
    """Nobody begins to work on a part of what is to leave together."""
    for before, event, _after in each_event(life):
        if isinstance(event, FulfillmentPlanned):
            for other in {other for line_id in event.quantities for other in _together(before, line_id)}:
                there = sum((Fraction(c.held) - Fraction(c.missed) for c in before.claims_on(other)), Fraction(0))
                assert there >= live(before, other)
                assert not units(before, other, "backordered")


def _together(order: Order, line_id: str) -> list[str]:
    """The lines of the same group, as the order says it in words."""
    said = {other: line.terms.complete or order.terms.complete for other, line in order.lines.items()}
    if said[line_id] == "order":
        return list(order.lines)
    return [other for other, group in said.items() if group not in (None, "no") and _is_with(said, line_id, other)]


def _is_with(said: dict[str, str | None], line_id: str, other: str) -> bool:
    return other == line_id if said[line_id] == "line" else said[other] == said[line_id]


def nothing_is_planned_before_its_day(life: Life) -> None:
    """A line that is not wanted before a day is not given to anyone before, but for the lead time of the host."""
    for before, event, _after in each_event(life):
        if isinstance(event, FulfillmentPlanned):
            for line_id in event.quantities:
                day = before.terms_of(line_id).not_before
                if day is not None:
                    begins = datetime.combine(day, time(), UTC) - timedelta(hours=12)
                    assert event.at >= begins


def an_order_at_rest_holds_what_is_live(life: Life) -> None:
    """Where the inventory has everything and says so, both sides hold what is wanted, and a cancelled order nothing."""
    order, world = at_rest(life), life.world
    held_back = any(order.holds_on("claim")) or order.cancellation is not None
    for line_id, claims in order.claims_by_line.items():
        wanted = live(order, line_id)
        assert sum((Fraction(claim.wanted) for claim in claims), Fraction(0)) == wanted
        taken = {claim.id: _given_under(order, claim) for claim in claims}
        if not held_back:
            assert sum((max(Fraction(c.held), taken[c.id]) for c in claims), Fraction(0)) == wanted
        outside = [world.claims[key] for claim in claims if (key := stock.claim_key(order, claim.id)) in world.claims]
        assert sum((Fraction(held) for _, _, held in outside), Fraction(0)) <= wanted
    if not held_back and "acknowledged" in order.milestones and not _is_over(order):
        assert set(order.claims_by_line) >= {line_id for line_id in order.lines if live(order, line_id)}
        assert not any(units(order, line_id, "backordered") for line_id in order.lines)
    if _is_over(order):
        assert not any(claim.wanted or claim.held for claim in order.claims.values())


def _given_under(order: Order, claim: Claim) -> Fraction:
    """Units under a claim that someone was given: these nobody takes back, whatever the inventory holds later."""
    work = [f.id for f in order.fulfillments.values() if f.claims.get(claim.line_id) == claim.id]
    return sum((given_to(order, fulfillment_id, claim.line_id) for fulfillment_id in work), Fraction(0))


def _is_over(order: Order) -> bool:
    return "cancelled" in order.milestones or "rejected" in order.milestones


@settings(max_examples=100)
@given(lives())
def test_claims_want_what_is_live_and_never_more(life: Life) -> None:
    claims_want_what_is_live(life)


@settings(max_examples=200)
@given(lives(least=25))
def test_work_is_planned_only_where_it_is_held(life: Life) -> None:
    work_is_planned_where_it_is_held(life)
    work_is_planned_when_all_that_leaves_together_is_held(life)
    nothing_is_planned_before_its_day(life)


@settings(max_examples=200)
@given(lives(least=25))
def test_what_is_to_leave_together_leaves_when_all_of_it_is_there(life: Life) -> None:
    what_leaves_together_leaves_together(life)


@settings(max_examples=100)
@given(lives(honest=True))
def test_an_order_at_rest_holds_exactly_what_is_live(life: Life) -> None:
    an_order_at_rest_holds_what_is_live(life)


# -- each law bites ----------------------------------------------------------------------------------------------------


def test_a_claim_that_does_not_follow_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock, "wanting_less", lambda order, claims, fewer: {c.id: c.wanted for c in claims})

    assert fails_somewhere(claims_want_what_is_live)


def test_work_for_what_nobody_holds_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Order, "free_hold", lambda self, claim: claim.wanted)

    assert fails_somewhere(work_is_planned_where_it_is_held)


def test_a_part_that_is_planned_or_leaves_alone_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Order, "group_of", lambda self, line_id: ())

    assert fails_somewhere(work_is_planned_when_all_that_leaves_together_is_held, tries=600)
    assert fails_somewhere(what_leaves_together_leaves_together, tries=600)


def test_work_that_begins_too_early_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sourcing, "_may_be_planned", lambda order, line_id: True)

    assert fails_somewhere(nothing_is_planned_before_its_day)


def test_stock_that_is_found_and_not_asked_for_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(order: Any, line_id: str, shares: Any, at: Any) -> Any:
        return ()

    monkeypatch.setattr(sourcing, "_claims_for", nowhere)

    assert fails_somewhere(an_order_at_rest_holds_what_is_live, honest=True)
