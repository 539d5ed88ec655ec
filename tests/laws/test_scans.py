"""Outside facts converge: reports in any order, any number of times, in any batches, come to the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow import commands as c
from orderflow.defaults import STANDARD, one_fulfillment_a_line, one_fulfillment_a_location
from orderflow.explain import explain
from orderflow.messages import Envelope
from orderflow.order import Order
from orderflow.policy import AUTOMATIC
from orderflow.ports import QueryTracking, Scans
from orderflow.process import OrderProcess, pending
from orderflow.stages import tracking
from orderflow.tracking import Scan
from tests.laws.chance import SETTING, Chance
from tests.laws.lives import BEGUN, Living, drawn_order
from tests.laws.world import scan

_STEPS = (c.StartPicking, c.RecordPick, c.PackParcel, c.BookShipment, c.DespatchShipment)


def sent_off(drawn: bytes, until: str = "despatched") -> Living:
    """An order whose every parcel is on its way, or booked to be."""
    chance = Chance(drawn)
    by_hand = {step for step in ("deliver", "complete", "ship") if chance.once_in(6)}
    plan = chance.one((one_fulfillment_a_location, one_fulfillment_a_line))
    living = Living(OrderProcess(attrs.evolve(STANDARD, automatic=AUTOMATIC - by_hand, plan=plan)), True)
    living.give(drawn_order(chance))
    named = tuple(command for command in _STEPS if until == "despatched" or command is not c.DespatchShipment)
    for _ in range(80):
        order = living.order
        assert order is not None
        wanted = [one for one in pending(order) if not one.repeats]
        possible = [one for one in explain(order, living.process).possible if isinstance(one, named)]
        if wanted:
            living.answer(wanted[0].request, living.world.does(wanted[0].request, chance, living.now))
        elif possible:
            living.give(possible[0])
        elif (moment := living.process.attention(order)) is not None and set(order.later_lines) - set(order.released):
            living.now = max(living.now, moment)
            living.give(c.TimePassed(order.id))
        else:
            assert {shipment.stage for shipment in order.shipments.values()} == {until}
            return living
    raise AssertionError("it never left")


def truth(order: Order) -> tuple[Any, ...]:
    """What reports decide."""
    parcels = tuple((p.id, p.state, p.scans, p.tracking, p.estimate) for p in order.parcels.values())
    return order.ledger, parcels, order.anomalies, order.state, order.status, "delivered" in order.milestones


def told(living: Living, batches: Sequence[Sequence[Scan]], asked: bool = False) -> Order:
    """The order after some batches of reports, pushed or asked for."""
    assert living.order is not None
    order, now = living.order, living.now
    for batch in batches:
        now += timedelta(minutes=5)
        if asked:
            request = QueryTracking(order.id, "track/S1", "S1", ())
            order = living.process.settle(order, request, Scans(tuple(batch)), now).order
        else:
            order = living.process.carry_out(order, c.RecordTracking(order.id, tuple(batch)), Envelope(now)).order
    return order


def reports_of(living: Living, drawn: Sequence[bytes]) -> list[Scan]:
    """Reports about this order's parcels, some under the master number, some contradicting each other."""
    assert living.order is not None
    numbers = living.order.tracking_numbers
    return [scan(chance.one(numbers), chance, BEGUN + timedelta(days=4)) for chance in map(Chance, drawn)]


settings_drawn = st.binary(min_size=SETTING * 3, max_size=SETTING * 3)
reports_drawn = st.lists(st.binary(min_size=10, max_size=10), min_size=1, max_size=7)


@st.composite
def twice(draw: st.DrawFn) -> tuple[bytes, list[bytes], list[list[bytes]], bool]:
    """A setting, reports, and the same reports shuffled, repeated and cut into batches."""
    reports = draw(reports_drawn)
    again = draw(st.permutations(reports + draw(st.lists(st.sampled_from(reports), max_size=3))))
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(again) - 1)), max_size=4)))
    batches = [list(again[at:to]) for at, to in zip([0, *cuts], [*cuts, len(again)], strict=True) if again[at:to]]
    return draw(settings_drawn), reports, batches, draw(st.booleans())


def any_order_of_reports_comes_to_the_same(case: tuple[bytes, list[bytes], list[list[bytes]], bool]) -> None:
    """Told one by one as drawn, and told in another order, again, and in batches."""
    setting, reports, batches, asked = case
    living = sent_off(setting)
    one_by_one = told(living, [[report] for report in reports_of(living, reports)])
    otherwise = told(living, [reports_of(living, batch) for batch in batches], asked)

    assert truth(otherwise) == truth(one_by_one)
    assert one_by_one.ledger.is_balanced()


@settings(max_examples=150)
@given(twice())
def test_reports_in_any_order_and_number_come_to_the_same(
    case: tuple[bytes, list[bytes], list[list[bytes]], bool],
) -> None:
    any_order_of_reports_comes_to_the_same(case)


@settings(max_examples=100)
@given(settings_drawn, reports_drawn)
def test_reports_before_the_departure_count_as_those_after_it(setting: bytes, reports: list[bytes]) -> None:
    living = sent_off(setting, until="booked")
    assert living.order is not None
    leaving = [c.DespatchShipment(living.order.id, shipment) for shipment in living.order.shipments]
    batch = reports_of(living, reports)

    before = told(living, [batch])
    for command in leaving:
        before = living.process.carry_out(before, command, Envelope(living.now)).order
    for command in leaving:
        living.give(command)
    after = told(living, [batch])

    assert truth(before) == truth(after)


@settings(max_examples=60)
@given(settings_drawn, reports_drawn)
def test_a_report_that_is_known_changes_nothing(setting: bytes, reports: list[bytes]) -> None:
    living = sent_off(setting)
    known = told(living, [reports_of(living, reports)])
    again = c.RecordTracking(known.id, reports_of(living, reports))

    assert living.process.carry_out(known, again, Envelope(living.now + timedelta(days=9))).events == ()


def test_reports_that_are_kept_in_the_order_of_their_arrival_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def as_they_come(known: tuple[Scan, ...], news: Any) -> tuple[Scan, ...]:
        return (*known, *(one for one in news if one not in known))

    monkeypatch.setattr(tracking, "united", as_they_come)
    setting, reports = bytes(3 * SETTING), [b"\0\0\0\0\0\0\0\0", b"\0\0\0\1\5\0\0\0"]

    with pytest.raises(AssertionError):
        any_order_of_reports_comes_to_the_same((setting, reports, [[reports[1]], [reports[0]]], False))
