"""What was promised, what is believed, what happened: of one order, told to the pure process."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import attrs
import pytest

from orderflow.calendars import Place, PromiseCalendar, SendingLocation
from orderflow.commands import AmendOrder, CancelOrder, RecordFacts, RecordTracking, TimePassed
from orderflow.defaults import STANDARD
from orderflow.errors import InvalidInput
from orderflow.events import PromiseAtRisk, PromiseKept, PromiseMade, PromiseMissed
from orderflow.facts import Delivered, Despatched
from orderflow.policy import Policy
from orderflow.ports import ClaimStock
from orderflow.promise import Promise
from orderflow.stages.acceptance import OrderLine
from tests.scenario import ID, NOW, D, Life, an_adoption, despatched, placed, scan, verified

TUESDAY, WEDNESDAY, THURSDAY = date(2026, 11, 24), date(2026, 11, 25), date(2026, 11, 26)
BERLIN = SendingLocation("Europe/Berlin", cut_off=time(14), country="DE", collection=time(18))
CALENDAR = attrs.evolve(STANDARD, promise=PromiseCalendar(BERLIN, transit={("", "DE"): 1}))
TEA, POT = "L1", "L2"


def promises(life: Life) -> list[Any]:
    return [event for event in life.events if isinstance(event, PromiseMade | PromiseAtRisk | PromiseMissed)]


def words(life: Life, line_id: str = TEA) -> tuple[str, str]:
    status = life.order.promise_of(line_id)
    assert status is not None
    return status.ship, status.deliver


def calendar(**changes: Any) -> PromiseCalendar:
    return PromiseCalendar(**({"locations": BERLIN, "transit": {("", ""): 1}} | changes))


def arrives(life: Life, hours: float) -> Life:
    return life.at(hours=hours).do(RecordTracking(ID, [scan("delivered", hours=hours)])).reply_all()


# -- promising ---------------------------------------------------------------------------------------------------------


def test_the_day_that_the_customer_asked_for_is_promised_when_the_order_is_verified() -> None:
    asked = placed(deliver_by=THURSDAY, zone="Europe/Berlin")
    assert asked.order.promise_of(TEA) is None

    promise = asked.reply_all().order.promise_of(TEA)

    assert promise is not None
    assert promise.promise == Promise(TEA, None, "UTC", THURSDAY, "Europe/Berlin", wished_by=THURSDAY)
    assert (promise.ship, promise.deliver, promise.days_late) == ("open", "open", None)


def test_without_a_wish_and_without_a_calendar_nothing_is_promised_and_nothing_can_be_late() -> None:
    life = despatched()

    assert life.order.promise_of(TEA) is None
    assert life.process.attention(life.order) is None


def test_a_line_has_a_promise_of_its_own() -> None:
    life = verified(lines=[OrderLine("TEA-250", 2, deliver_by=TUESDAY), ("POT-1", 1)], deliver_by=THURSDAY)

    days = [life.order.promises[line].promise.deliver_by for line in (TEA, POT)]
    assert days == [TUESDAY, THURSDAY]


def test_a_calendar_promises_departure_and_arrival_each_in_its_zone() -> None:
    promise = verified(CALENDAR, zone="Europe/Vienna").order.promises[TEA].promise

    assert (promise.ship_by, promise.ship_zone) == (NOW.date(), "Europe/Berlin")
    assert (promise.deliver_by, promise.deliver_zone) == (TUESDAY, "Europe/Vienna")
    assert promise.leave_by == datetime(2026, 11, 23, 17, tzinfo=UTC)
    assert (promise.quantity, promise.locations) == (D(2), ("BER",))


def test_more_units_renew_a_promise_that_was_made_for_fewer_and_the_old_one_stays_on_record() -> None:
    life = verified(CALENDAR)
    first = life.order.promises[TEA].promise

    life.at(days=1).do(AmendOrder(ID, {TEA: 3})).reply_all()

    status = life.order.promise_of(TEA)
    assert status is not None
    assert (status.promise.deliver_by, status.promise.quantity) == (WEDNESDAY, D(3))
    assert status.earlier == (first,)
    assert life.order.promises[POT].earlier == ()


def test_fewer_units_leave_the_promise_alone() -> None:
    life = verified(CALENDAR).at(days=1).do(AmendOrder(ID, {TEA: 1}))

    assert not promises(life)


def test_a_wish_is_promised_whatever_the_quantity() -> None:
    life = verified(deliver_by=THURSDAY).do(AmendOrder(ID, {TEA: 3})).reply_all()

    assert life.order.promises[TEA].earlier == ()


# -- the calendar ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "wish", "ship_by", "deliver_by"),
    [
        ({}, {}, "2026-11-23", "2026-11-24"),
        ({"transit": {("", ""): 5}}, {}, "2026-11-23", "2026-11-30"),  # over a weekend
        ({"transit": {("express", ""): 1, ("", "DE"): 2, ("", ""): 9}}, {}, "2026-11-23", "2026-11-25"),
        ({"transit": {("express", "DE"): 1, ("", ""): 9}}, {"service": "express"}, "2026-11-23", "2026-11-24"),
        ({"transit": {("express", "DE"): 1, ("", ""): 9}, "service": "express"}, {}, "2026-11-23", "2026-11-24"),
        ({"transit": {}}, {}, "2026-11-23", None),
        ({"transit": {}}, {"method": "pick_up"}, "2026-11-23", "2026-11-23"),
        ({"locations": attrs.evolve(BERLIN, handling_days=2)}, {}, "2026-11-25", "2026-11-26"),
        ({"locations": attrs.evolve(BERLIN, cut_off=time(10))}, {}, "2026-11-24", "2026-11-25"),
        ({}, {"not_before": date(2026, 12, 15)}, "2026-12-15", "2026-12-16"),
        ({}, {"not_before": date(2026, 12, 19)}, "2026-12-21", "2026-12-22"),  # a Saturday
        ({}, {"deliver_by": date(2026, 12, 1)}, "2026-11-30", "2026-12-01"),  # the day wished for can be kept
        ({}, {"deliver_by": date(2026, 11, 30)}, "2026-11-27", "2026-11-30"),
        ({}, {"deliver_by": date(2026, 11, 23)}, "2026-11-23", "2026-11-24"),  # and here it cannot
    ],
)
def test_the_days_of_a_calendar(
    changes: dict[str, Any], wish: dict[str, Any], ship_by: str, deliver_by: str | None
) -> None:
    policy = attrs.evolve(STANDARD, promise=calendar(**changes))
    promise = verified(policy, **wish).order.promises[TEA].promise

    assert str(promise.ship_by) == ship_by
    assert promise.deliver_by == (deliver_by and date.fromisoformat(deliver_by))


def test_a_location_that_a_calendar_does_not_know_promises_nothing() -> None:
    life = verified(attrs.evolve(STANDARD, promise=calendar(locations={"HAM": BERLIN})))

    assert life.order.promise_of(TEA) is None


def test_a_place_without_business_days_is_a_mistake_of_the_calendar() -> None:
    policy = attrs.evolve(STANDARD, promise=calendar(is_business_day=lambda day, place: False))

    with pytest.raises(ValueError, match="no business day"):
        verified(policy)


def test_a_location_is_checked_all_at_once() -> None:
    with pytest.raises(InvalidInput) as invalid:
        SendingLocation("Mars/Base", cut_off="14:00", handling_days=-1)  # type: ignore[arg-type]
    assert invalid.value.codes == ("time.unknown_zone", "calendar.not_a_clock", "calendar.not_days")


def test_business_days_are_asked_for_the_place_where_people_work() -> None:
    asked = set()

    def no_rest(day: date, place: Place) -> bool:
        asked.add(place.country)
        return True

    verified(attrs.evolve(STANDARD, promise=calendar(is_business_day=no_rest)))
    assert asked == {"DE"}


# -- risk, before the day is over --------------------------------------------------------------------------------------


def test_what_has_not_left_when_the_carrier_came_is_at_risk_and_missed_when_the_day_is_over() -> None:
    life = verified(CALENDAR)
    assert life.process.attention(life.order) == datetime(2026, 11, 23, 17, tzinfo=UTC)

    life.passes(hours=8)
    assert promises(life) == [PromiseAtRisk(life.now, (TEA, POT), "ship", NOW.date(), None)]
    assert life.process.attention(life.order) == datetime(2026, 11, 23, 23, tzinfo=UTC)

    life.passes(hours=6)
    assert promises(life) == [PromiseMissed(life.now, (TEA, POT), "ship", NOW.date(), None)]
    assert words(life) == ("missed", "open")


def test_what_is_still_here_when_the_promised_day_begins_is_at_risk() -> None:
    life = verified(deliver_by=TUESDAY, zone="Europe/Berlin")
    assert life.process.attention(life.order) == datetime(2026, 11, 23, 23, tzinfo=UTC)

    life.passes(hours=14)

    assert promises(life) == [PromiseAtRisk(life.now, (TEA, POT), "deliver", TUESDAY, None)]


def test_what_is_on_its_way_is_missed_when_the_promised_day_is_over() -> None:
    life = despatched(deliver_by=TUESDAY, zone="Europe/Berlin")
    assert life.process.attention(life.order) == datetime(2026, 11, 24, 23, tzinfo=UTC)

    life.passes(days=2)

    assert promises(life) == [PromiseMissed(life.now, (TEA, POT), "deliver", TUESDAY, None)]
    assert life.process.attention(life.order) is None


def test_when_nobody_looked_for_long_only_the_end_of_it_is_told() -> None:
    life = verified(CALENDAR).passes(days=9)

    assert [(type(e), e.kind) for e in promises(life)] == [(PromiseMissed, "ship"), (PromiseMissed, "deliver")]


def test_a_carrier_that_believes_in_a_later_day_is_a_risk_at_once_and_again_only_when_it_becomes_worse() -> None:
    life = despatched(deliver_by=WEDNESDAY)

    def believes(day: int, hours: float) -> list[Any]:
        report = scan("in_transit", hours=hours, estimate=date(2026, 11, day))
        return promises(life.at(hours=1).do(RecordTracking(ID, [report])))

    assert believes(25, 1) == []
    assert believes(26, 2) == [PromiseAtRisk(life.now, (TEA, POT), "deliver", WEDNESDAY, THURSDAY)]
    assert believes(25, 3) == []
    assert believes(26, 4) == []
    assert believes(27, 5) == [PromiseAtRisk(life.now, (TEA, POT), "deliver", WEDNESDAY, date(2026, 11, 27))]


def test_a_line_that_is_not_wanted_before_a_day_is_not_late_before_it() -> None:
    early = attrs.evolve(STANDARD, promise=lambda order, line_id, location, at: Promise(
        line_id, deliver_by=TUESDAY, deliver_zone="Europe/Berlin", not_before=order.terms_of(line_id).not_before
    ))  # fmt: skip
    life = verified(early, not_before=date(2026, 12, 15))

    assert life.process.attention(life.order) == datetime(2026, 12, 14, 23, tzinfo=UTC)


def test_a_cancelled_line_is_not_late() -> None:
    life = verified(deliver_by=TUESDAY).do(AmendOrder(ID, {POT: 0})).passes(days=5)
    assert promises(life) == [PromiseMissed(life.now, (TEA,), "deliver", TUESDAY, None)]

    cancelled = verified(deliver_by=TUESDAY).do(CancelOrder(ID)).reply_all()
    assert cancelled.process.attention(cancelled.order) is None


# -- what happened -----------------------------------------------------------------------------------------------------


def test_a_promise_is_kept_by_what_happened_where_the_customer_is() -> None:
    life = arrives(despatched(deliver_by=TUESDAY, zone="America/New_York"), hours=43)  # Wednesday 04:00 in Greenwich

    assert life.now == datetime(2026, 11, 25, 4, tzinfo=UTC)
    assert PromiseKept(life.now, (TEA, POT), "deliver", TUESDAY) in life.history


def test_what_arrives_late_was_missed_by_so_many_days() -> None:
    life = arrives(despatched(deliver_by=TUESDAY), hours=39.5)

    status = life.order.promise_of(TEA)
    assert status is not None
    assert (status.deliver, status.days_late) == ("missed", 1)
    assert life.order.promises[TEA].slip == "", "what has arrived needs no warning"
    assert PromiseMissed(life.now, (TEA, POT), "deliver", TUESDAY, life.now) in life.history


def test_a_report_that_comes_late_corrects_what_was_taken_for_missed() -> None:
    life = despatched(deliver_by=TUESDAY).passes(days=3)
    assert words(life)[1] == "missed"

    life.do(RecordTracking(ID, [scan("delivered", hours=30)]))

    assert words(life)[1] == "kept"


def test_a_delivery_that_did_not_stay_does_not_keep_a_promise() -> None:
    life = arrives(despatched(deliver_by=THURSDAY), hours=4)
    assert words(life)[1] == "kept"

    life.do(RecordTracking(ID, [scan("return_to_sender", hours=6)]))
    assert words(life)[1] == "at_risk"
    assert life.passes(days=4).happened == ["PromiseMissed"]


def test_time_that_brings_nothing_new_says_nothing_new() -> None:
    life = verified(CALENDAR).passes(days=9)

    assert life.passes(days=1).events == ()


def test_the_departure_is_kept_by_the_day_at_the_location() -> None:
    policy: Policy = attrs.evolve(CALENDAR, poll_every=None)
    life = verified(policy)
    assert words(life)[0] == "open"
    on_time = despatched(policy)

    assert words(on_time)[0] == "kept"
    status = on_time.order.promise_of(TEA)
    assert status is not None
    assert (status.days_late_shipped, status.despatched_at) == (0, NOW)


def test_units_that_come_from_elsewhere_are_not_promised_anew_before_they_do() -> None:
    life = placed(CALENDAR)
    life.answer(ClaimStock, about="C1").do(TimePassed(ID))

    assert life.order.promise_of(TEA) is None
    assert life.reply_all().at(hours=2).do(TimePassed(ID)).events == ()
    assert timedelta(hours=2) == life.now - NOW


# -- adopted orders ----------------------------------------------------------------------------------------------------

LEFT = Despatched("ERP", "D1", [{"L1": 10}], occurred_at=NOW - timedelta(days=4))


@pytest.mark.parametrize("days", [-3, -1])
def test_a_day_that_was_over_when_an_order_was_adopted_is_missed_in_silence(days: int) -> None:
    day = NOW.date() + timedelta(days=days)
    life = Life().do(an_adoption(facts=[LEFT], deliver_by=day, theirs=["price"])).reply_all()
    told = life.told
    assert words(life)[1] == "missed"
    assert {state for _, state in told} == {"withheld"}

    life.at(days=5).do(TimePassed(ID)).reply_all()

    assert (life.told, life.process.attention(life.order)) == (told, None)


def test_a_day_that_was_still_to_come_when_an_order_was_adopted_is_told_when_it_is_over() -> None:
    day = NOW.date() + timedelta(days=2)
    life = Life().do(an_adoption(facts=[LEFT], deliver_by=day, theirs=["price"])).reply_all()
    assert words(life)[1] == "open"
    life.at(days=5).do(TimePassed(ID)).reply_all()
    assert (words(life)[1], life.told[-1]) == ("missed", ("delivery_delayed", "sent"))


def test_a_proof_that_comes_after_the_adoption_shows_that_a_promise_was_kept() -> None:
    life = Life().do(an_adoption(facts=[LEFT], deliver_by=NOW.date() - timedelta(days=1), theirs=["price"]))
    life.do(RecordFacts(ID, [Delivered("ERP", "POD", ["D1"], occurred_at=NOW - timedelta(days=2))]))
    assert words(life)[1] == "kept"
