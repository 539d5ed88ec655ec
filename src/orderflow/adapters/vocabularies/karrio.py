"""karrio: the words of its trackers, and how a tracker is read.

karrio (https://docs.karrio.io/reference/api/trackers) stands in front of many carriers and has words of its own: the
statuses are the twelve that orderflow uses, the reasons say who or what was the cause. Its events come newest first,
some with a moment, some with a day and a time where the parcel was; older ones have no status of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from orderflow.adapters.vocabularies.words import (
    Meaning,
    Reading,
    Vocabulary,
    day_in,
    each_once,
    fields_of,
    instant_in,
    list_in,
    text_in,
)
from orderflow.errors import InvalidInput
from orderflow.tracking import Reason, Scan, TrackingStatus

__all__ = ["KARRIO", "scans_of_karrio"]

_R = Reason
#: How karrio writes the time of day of events that have no moment.
_TIMES = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")


def _must_act(reason: Reason) -> Meaning:
    return Meaning(None, reason, action_required=True)


#: The words of karrio's trackers.
KARRIO: Final = Vocabulary(
    name="karrio",
    source="https://docs.karrio.io/reference/api/trackers",
    statuses={str(status): Meaning(status) for status in TrackingStatus},
    details={
        "carrier_damaged_parcel": _must_act(_R.DAMAGED),
        "carrier_sorting_error": Meaning(None, _R.MISSORTED),
        "carrier_address_not_found": _must_act(_R.ADDRESS),
        "carrier_parcel_lost": _must_act(_R.LOST),
        "carrier_not_enough_time": Meaning(None, _R.CAPACITY),
        "carrier_vehicle_issue": Meaning(None, _R.CARRIER),
        "carrier_capacity_exceeded": Meaning(None, _R.CAPACITY),
        "carrier_mechanical_delay": Meaning(None, _R.CARRIER),
        "retailer_cancelled": Meaning(None, _R.SENDER),
        "retailer_incorrect_data": _must_act(_R.SENDER),
        "retailer_not_ready": _must_act(_R.SENDER),
        "retailer_incorrect_parcel": _must_act(_R.PACKAGING),
        "retailer_incorrect_dimensions": _must_act(_R.PACKAGING),
        "retailer_packaging_issue": _must_act(_R.PACKAGING),
        "consignee_refused": _must_act(_R.REFUSED),
        "consignee_business_closed": Meaning(None, _R.CLOSED),
        "consignee_not_available": Meaning(None, _R.ABSENT),
        "consignee_not_home": Meaning(None, _R.ABSENT),
        "consignee_cancelled": _must_act(_R.RECIPIENT),
        "consignee_verification_failed": _must_act(_R.IDENTITY),
        "consignee_incorrect_address": _must_act(_R.ADDRESS),
        "consignee_access_restricted": _must_act(_R.ACCESS),
        "consignee_safe_place_unavailable": Meaning(None, _R.ACCESS),
        "customs_delay": Meaning(None, _R.CUSTOMS),
        "customs_documentation": _must_act(_R.CUSTOMS),
        "customs_duties_unpaid": _must_act(_R.DUTIES),
        "customs_prohibited": _must_act(_R.PROHIBITED),
        "customs_inspection": Meaning(None, _R.CUSTOMS),
        "weather_delay": Meaning(None, _R.WEATHER),
        "natural_disaster": Meaning(None, _R.DISASTER),
        "force_majeure": Meaning(None, _R.DISASTER),
        "parcel_being_researched": Meaning(None, _R.CARRIER),
        "security_issue": _must_act(_R.SECURITY),
        "regulatory_hold": _must_act(_R.SECURITY),
        "unknown": Meaning(),
    },
)


def scans_of_karrio(payload: Any, zone: tzinfo = UTC) -> Reading:
    """What a tracker of karrio says; ``payload`` is the JSON as Python has it.

    ``zone`` is where events happened that have a day and a time but no moment. An event without a status of its own has
    that of the tracker where it is the newest, and is otherwise ``unknown``, its code named.

    Raises:
        InvalidInput: it is no tracker.
    """
    tracker = fields_of(payload, "a tracker")
    number = text_in(tracker, "tracking_number")
    if not number:
        raise InvalidInput.because("vocabulary.not_a_tracker", "a tracker of karrio has a tracking_number")
    head = text_in(tracker, "status")
    moments = [(_moment(event, zone), event) for event in list_in(tracker, "events")]
    newest = max((moment for moment, _ in moments if moment is not None), default=None)
    scans: list[Scan] = []
    unread: list[str] = []
    unknown = list(KARRIO.unknown_codes(head))
    for index, (moment, event) in enumerate(moments):
        if moment is None:
            unread.append(f"events[{index}] has no moment: {text_in(event, 'date')!r}")
            continue
        is_newest = moment == newest
        status = text_in(event, "status") or (head if is_newest else "")
        believed = text_in(tracker, "estimated_delivery") if is_newest else ""
        unknown += _unknown_codes(event, status)
        scans.append(_scan(number, event, status, moment, believed))
    meaning = KARRIO.meaning(head).status
    assert meaning is not None
    return Reading(number, tuple(scans), meaning, each_once(unknown), tuple(unread))


def _unknown_codes(event: Mapping[str, Any], status: str) -> tuple[str, ...]:
    """What is not in the vocabulary; of an event without a status, the carrier's own code."""
    code = text_in(event, "code")
    bare = (f"code {code!r}",) if code and not status else ()
    return (*bare, *KARRIO.unknown_codes(status, text_in(event, "reason")))


def _scan(number: str, event: Mapping[str, Any], status: str, moment: datetime, believed: str) -> Scan:
    behind = text_in(event, "reason")
    meaning = KARRIO.meaning(status, behind)
    return Scan(
        number,
        meaning.status or TrackingStatus.UNKNOWN,
        moment,
        reason=str(meaning.reason),
        action_required=meaning.action_required,
        location=text_in(event, "location"),
        raw="/".join(filter(None, (text_in(event, "code"), status, behind)))[:200],
        estimate=day_in(believed),
    )


def _moment(event: Mapping[str, Any], zone: tzinfo) -> datetime | None:
    told = instant_in(text_in(event, "timestamp"))
    if told is not None:
        return told
    day, time = day_in(text_in(event, "date")), text_in(event, "time")
    if day is None:
        return None
    for form in _TIMES:
        try:
            return datetime.strptime(f"{day} {time}", f"%Y-%m-%d {form}").replace(tzinfo=zone)
        except ValueError:
            continue
    return datetime.combine(day, datetime.min.time(), zone) if not time else None
