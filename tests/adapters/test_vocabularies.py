"""What carriers say is read in our words; what we do not know is kept and named."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from orderflow.adapters.vocabularies import EASYPOST, KARRIO, Meaning, Vocabulary, scans_of_easypost, scans_of_karrio
from orderflow.errors import InvalidInput
from orderflow.tracking import Reason, Scan, TrackingStatus, fold, united

S = TrackingStatus
NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)


# -- the vocabularies -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vocabulary", [EASYPOST, KARRIO], ids=lambda held: held.name)
def test_a_vocabulary_says_where_its_words_are_published_and_speaks_ours(vocabulary: Vocabulary) -> None:
    assert vocabulary.source.startswith("https://")
    words = [*vocabulary.statuses.values(), *vocabulary.details.values()]
    assert all(isinstance(meaning.reason, Reason) or meaning.reason == "" for meaning in words)
    assert all(meaning.status is not None for meaning in vocabulary.statuses.values())


def test_the_vocabularies_are_whole() -> None:
    assert (len(EASYPOST.statuses), len(EASYPOST.details)) == (10, 28)
    assert (len(KARRIO.statuses), len(KARRIO.details)) == (12, 35)


@pytest.mark.parametrize(
    ("status", "detail", "meaning"),
    [
        ("in_transit", "arrived_at_facility", Meaning(S.IN_TRANSIT)),
        ("in_transit", "weather_delay", Meaning(S.DELIVERY_DELAYED, Reason.WEATHER)),
        ("in_transit", "lost", Meaning(S.IN_TRANSIT, Reason.LOST, True)),
        ("unknown", "lost", Meaning(S.UNKNOWN, Reason.LOST, True)),
        ("failure", "lost", Meaning(S.DELIVERY_FAILED, Reason.LOST, True)),
        ("return_to_sender", "refused", Meaning(S.RETURN_TO_SENDER, Reason.REFUSED, True)),
        ("failure", "refused", Meaning(S.DELIVERY_FAILED, Reason.REFUSED, True)),
        ("available_for_pickup", "arrived_at_pickup_location", Meaning(S.READY_FOR_PICKUP)),
        ("delivered", "arrived_at_destination", Meaning(S.DELIVERED)),
        ("out_for_delivery", "delayed", Meaning(S.OUT_FOR_DELIVERY, Reason.CARRIER)),
        ("teleported", "delayed", Meaning(S.DELIVERY_DELAYED, Reason.CARRIER)),
        ("teleported", "", Meaning(S.UNKNOWN)),
    ],
)
def test_a_detail_refines_a_status_that_says_little(status: str, detail: str, meaning: Meaning) -> None:
    assert EASYPOST.meaning(status, detail) == meaning


# -- EasyPost -------------------------------------------------------------------------------------------------------


def detail(status: str, behind: str = "status_update", hour: int = 9, **more: Any) -> dict[str, Any]:
    return {"status": status, "status_detail": behind, "datetime": f"2026-11-23T{hour:02}:00:00Z", **more}


def tracker(*details: Any, **more: Any) -> dict[str, Any]:
    return {"object": "Tracker", "tracking_code": "T-1", "tracking_details": list(details), **more}


def test_a_tracker_is_read_as_scans_with_the_raw_words_kept() -> None:
    place = {"city": "LEIPZIG", "state": None, "zip": "04103", "country": "DE"}
    held = detail("in_transit", "held", 10, tracking_location=place, carrier_code="AO")
    reading = scans_of_easypost(tracker(held, status="in_transit", status_detail="held"))
    assert reading.scans == (
        Scan("T-1", S.ON_HOLD, NINE + timedelta(hours=1), location="LEIPZIG, 04103, DE", raw="in_transit/held/AO"),
    )
    assert (reading.status, reading.unknown_codes, reading.unread) == (S.ON_HOLD, (), ())


def test_a_tracker_comes_in_an_event_as_well() -> None:
    one = tracker(detail("delivered", "arrived_at_destination"), status="delivered")
    assert scans_of_easypost({"object": "Event", "result": one}) == scans_of_easypost(one)


def test_the_estimate_of_a_tracker_goes_with_its_newest_report() -> None:
    details = (detail("in_transit", hour=11), detail("pre_transit", hour=9))
    reading = scans_of_easypost(tracker(*details, status="in_transit", est_delivery_date="2026-11-25T22:00:00Z"))
    assert [scan.estimate for scan in reading.scans] == [date(2026, 11, 25), None]


def test_unknown_words_are_kept_and_named_each_once() -> None:
    odd = (detail("teleported", "beamed"), detail("teleported", "status_update", 10), detail("in_transit", "lost", 11))
    reading = scans_of_easypost(tracker(*odd, status="vanished"))
    assert [(scan.status, scan.raw) for scan in reading.scans][:2] == [
        (S.UNKNOWN, "teleported/beamed"),
        (S.UNKNOWN, "teleported/status_update"),
    ]
    assert reading.unknown_codes == ("status 'vanished'", "status 'teleported'", "detail 'beamed'")
    assert reading.status is S.UNKNOWN
    assert fold(united((), reading.scans)).lost_since == NINE + timedelta(hours=2)


def test_a_report_without_a_moment_is_named() -> None:
    reading = scans_of_easypost(tracker(detail("in_transit") | {"datetime": "soon"}, "nonsense", status="in_transit"))
    assert reading.scans == ()
    assert reading.unread == (
        "tracking_details[0] has no moment: 'soon'",
        "tracking_details[1] has no moment: ''",
    )


@pytest.mark.parametrize("read", [scans_of_easypost, scans_of_karrio])
@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ([], "vocabulary.not_an_object"),
        (None, "vocabulary.not_an_object"),
        ({}, "vocabulary.not_a_tracker"),
    ],
)
def test_what_is_no_tracker_is_refused(read: Any, payload: Any, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(payload)
    assert refused.value.codes == (code,)


# -- karrio ---------------------------------------------------------------------------------------------------------


def test_a_tracker_of_karrio_is_read_newest_first() -> None:
    events = [
        {
            "timestamp": "2026-11-23T14:00:00.000Z",
            "code": "DF",
            "status": "delivery_failed",
            "reason": "consignee_refused",
        },
        {"timestamp": "2026-11-23T09:00:00+01:00", "code": "PU", "status": "picked_up", "location": "Berlin"},
    ]
    reading = scans_of_karrio(
        {
            "tracking_number": "K-1",
            "status": "delivery_failed",
            "estimated_delivery": "2026-11-24",
            "events": events,
        }
    )
    assert reading.scans == (
        Scan(
            "K-1",
            S.DELIVERY_FAILED,
            NINE + timedelta(hours=5),
            reason="refused",
            action_required=True,
            raw="DF/delivery_failed/consignee_refused",
            estimate=date(2026, 11, 24),
        ),
        Scan("K-1", S.PICKED_UP, NINE - timedelta(hours=1), location="Berlin", raw="PU/picked_up"),
    )
    assert (reading.status, reading.unknown_codes) == (S.DELIVERY_FAILED, ())


@pytest.mark.parametrize(
    ("time", "hour", "minute"), [("09:05", 9, 5), ("09:05 PM", 21, 5), ("21:05:00", 21, 5), ("", 0, 0)]
)
def test_an_event_with_a_day_and_a_time_happened_in_the_zone_it_is_read_in(time: str, hour: int, minute: int) -> None:
    event = {"date": "2026-11-23", "time": time, "code": "X", "status": "in_transit"}
    zone = timezone(timedelta(hours=-5))
    reading = scans_of_karrio({"tracking_number": "K-1", "status": "in_transit", "events": [event]}, zone)
    assert reading.scans[0].occurred_at == datetime(2026, 11, 23, hour, minute, tzinfo=zone)


def test_of_events_without_a_status_the_newest_has_that_of_the_tracker_and_the_others_are_named() -> None:
    events = [{"date": "2026-11-23", "time": "12:00", "code": "OK"}, {"date": "2026-11-22", "code": "AR"}]
    reading = scans_of_karrio({"tracking_number": "K-1", "status": "delivered", "events": events})
    assert [scan.status for scan in reading.scans] == [S.DELIVERED, S.UNKNOWN]
    assert reading.unknown_codes == ("code 'AR'",)


def test_what_karrio_does_not_say_is_named() -> None:
    events = [
        {"date": "some day"},
        {"date": "2026-11-23", "time": "noon"},
        {"date": "2026-11-23", "reason": "gremlins"},
    ]
    reading = scans_of_karrio({"tracking_number": "K-1", "status": "odd", "events": events})
    assert reading.unread == ("events[0] has no moment: 'some day'", "events[1] has no moment: '2026-11-23'")
    assert reading.unknown_codes == ("status 'odd'", "detail 'gremlins'")


# -- real payloads --------------------------------------------------------------------------------------------------

RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "carrier-easypost" / "exchanges.json"
needs_recorded = pytest.mark.skipif(not RECORDED.exists(), reason="recorded exchanges are not at hand")


def trackers_in(found: Any) -> Iterator[dict[str, Any]]:
    if isinstance(found, dict):
        if found.get("object") == "Tracker":
            yield found
        for held in found.values():
            yield from trackers_in(held)
    elif isinstance(found, list):
        for held in found:
            yield from trackers_in(held)


def recorded() -> list[dict[str, Any]]:
    """Every tracker of the recorded exchanges, each of its states once."""
    exchanges = json.loads(RECORDED.read_text(encoding="utf-8"))
    found = (one for exchange in exchanges for one in trackers_in(exchange["response"]))
    return list({(one["id"], one["status"]): one for one in found}.values())


@needs_recorded
def test_every_recorded_payload_gives_its_recorded_status() -> None:
    payloads = recorded()
    readings = [scans_of_easypost(payload) for payload in payloads]
    assert (len(payloads), len({payload["id"] for payload in payloads})) == (55, 33)
    assert sum(len(reading.scans) for reading in readings) == 102
    assert [(reading.unknown_codes, reading.unread) for reading in readings] == [((), ())] * 55
    assert Counter(payload["status"] for payload in payloads) == {
        "unknown": 21,
        "pre_transit": 26,
        "error": 2,
        "delivered": 6,
    }
    for reading in readings:
        said = S.PENDING if reading.status is S.UNKNOWN else reading.status
        tracking = fold(united((), reading.scans))
        assert (tracking.status, tracking.anomalies) == (said, ())


@needs_recorded
def test_all_recorded_payloads_of_a_tracker_converge_in_any_order() -> None:
    payloads = sorted(recorded(), key=lambda payload: (payload["updated_at"], len(payload["tracking_details"])))
    by_tracker: dict[str, list[dict[str, Any]]] = {}
    for payload in payloads:
        by_tracker.setdefault(payload["id"], []).append(payload)
    assert len(by_tracker) == 33
    for held in by_tracker.values():
        last = scans_of_easypost(held[-1]).status
        ends = set()
        for arrival in permutations(held):
            known: tuple[Scan, ...] = ()
            for payload in (*arrival, arrival[0]):
                known = united(known, scans_of_easypost(payload).scans)
            ends.add((known, fold(known).status))
        assert [status for _, status in ends] == [S.PENDING if last is S.UNKNOWN else last]
