"""EasyPost: the words of its trackers, and how a tracker is read.

Published at https://docs.easypost.com/docs/trackers: a tracker and each of its details has a ``status`` and a
``status_detail``. A tracker comes as the answer to a question or inside an event of a webhook; either is read. Its
details have no ids, so the same report in two payloads is the same scan because it says the same.
"""

from __future__ import annotations

from collections.abc import Mapping
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

__all__ = ["EASYPOST", "scans_of_easypost"]

_S, _R = TrackingStatus, Reason

#: The words of EasyPost's trackers.
EASYPOST: Final = Vocabulary(
    name="EasyPost",
    source="https://docs.easypost.com/docs/trackers",
    statuses={
        "unknown": Meaning(_S.UNKNOWN),
        "pre_transit": Meaning(_S.PENDING),
        "in_transit": Meaning(_S.IN_TRANSIT),
        "out_for_delivery": Meaning(_S.OUT_FOR_DELIVERY),
        "delivered": Meaning(_S.DELIVERED),
        "available_for_pickup": Meaning(_S.READY_FOR_PICKUP),
        "return_to_sender": Meaning(_S.RETURN_TO_SENDER),
        "failure": Meaning(_S.DELIVERY_FAILED, action_required=True),
        "cancelled": Meaning(_S.CANCELLED),
        "error": Meaning(_S.UNKNOWN),
    },
    details={
        "address_correction": Meaning(None, _R.ADDRESS),
        "arrived_at_destination": Meaning(),
        "arrived_at_facility": Meaning(),
        "arrived_at_pickup_location": Meaning(_S.READY_FOR_PICKUP),
        "awaiting_information": Meaning(_S.ON_HOLD, _R.SENDER, action_required=True),
        "cancelled": Meaning(_S.CANCELLED),
        "damaged": Meaning(None, _R.DAMAGED, action_required=True),
        "delayed": Meaning(_S.DELIVERY_DELAYED, _R.CARRIER),
        "delivery_exception": Meaning(_S.DELIVERY_FAILED, _R.ATTEMPTED),
        "departed_facility": Meaning(),
        "departed_origin_facility": Meaning(),
        "expired": Meaning(None, _R.EXPIRED),
        "failure": Meaning(_S.DELIVERY_FAILED, action_required=True),
        "held": Meaning(_S.ON_HOLD),
        "in_transit": Meaning(_S.IN_TRANSIT),
        "label_created": Meaning(_S.PENDING),
        "lost": Meaning(None, _R.LOST, action_required=True),
        "missorted": Meaning(_S.DELIVERY_DELAYED, _R.MISSORTED),
        "out_for_delivery": Meaning(_S.OUT_FOR_DELIVERY),
        "received_at_destination_facility": Meaning(),
        "received_at_origin_facility": Meaning(_S.PICKED_UP),
        "refused": Meaning(_S.DELIVERY_FAILED, _R.REFUSED, action_required=True),
        "return": Meaning(_S.RETURN_TO_SENDER),
        "status_update": Meaning(),
        "transferred_to_destination_carrier": Meaning(),
        "transit_exception": Meaning(_S.DELIVERY_DELAYED, _R.CARRIER),
        "unknown": Meaning(),
        "weather_delay": Meaning(_S.DELIVERY_DELAYED, _R.WEATHER),
    },
)


def scans_of_easypost(payload: Any) -> Reading:
    """What a tracker of EasyPost says, or an event that carries one; ``payload`` is the JSON as Python has it.

    Raises:
        InvalidInput: it is no tracker.
    """
    tracker = fields_of(payload, "a tracker")
    if tracker.get("object") == "Event":
        tracker = fields_of(tracker.get("result"), "the tracker of an event")
    number = text_in(tracker, "tracking_code")
    if not number:
        raise InvalidInput.because("vocabulary.not_a_tracker", "a tracker of EasyPost has a tracking_code")
    details = list_in(tracker, "tracking_details")
    newest = max((text_in(detail, "datetime") for detail in details), default="")
    scans: list[Scan] = []
    unread: list[str] = []
    unknown = list(EASYPOST.unknown_codes(*_codes(tracker)))
    for index, detail in enumerate(details):
        unknown += EASYPOST.unknown_codes(*_codes(detail))
        believed = text_in(detail, "est_delivery_date")
        if not believed and text_in(detail, "datetime") == newest:
            believed = text_in(tracker, "est_delivery_date")
        scan = _scan(number, detail, believed)
        if scan is None:
            unread.append(f"tracking_details[{index}] has no moment: {text_in(detail, 'datetime')!r}")
        else:
            scans.append(scan)
    status = EASYPOST.meaning(*_codes(tracker)).status
    assert status is not None
    return Reading(number, tuple(scans), status, each_once(unknown), tuple(unread))


def _codes(fields: Mapping[str, Any]) -> tuple[str, str]:
    return text_in(fields, "status"), text_in(fields, "status_detail")


def _scan(number: str, detail: Mapping[str, Any], believed: str) -> Scan | None:
    moment = instant_in(text_in(detail, "datetime"))
    if moment is None:
        return None
    status, behind = _codes(detail)
    meaning = EASYPOST.meaning(status, behind)
    return Scan(
        number,
        meaning.status or _S.UNKNOWN,
        moment,
        reason=str(meaning.reason),
        action_required=meaning.action_required,
        location=_place(detail),
        raw="/".join(filter(None, (status, behind, text_in(detail, "carrier_code"))))[:200],
        estimate=day_in(believed),
    )


def _place(detail: Mapping[str, Any]) -> str:
    place = detail.get("tracking_location")
    if not isinstance(place, Mapping):
        return ""
    return ", ".join(filter(None, (text_in(place, name) for name in ("city", "state", "zip", "country"))))[:200]
