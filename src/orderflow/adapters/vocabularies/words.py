"""Carriers' words, and ours: a vocabulary is data, and what a payload says is read with it.

A carrier, or a service in front of carriers, has a word for where a parcel is and often a second one for what is behind
it. A `Vocabulary` maps both to the twelve statuses and the reasons of `orderflow.tracking`, and names where its words
are published. What it does not know is never dropped: the report is kept with the status ``unknown`` and the carrier's
word in ``Scan.raw``, and the word is named in `Reading.unknown_codes`. A report that cannot be placed in time is named
in `Reading.unread`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import attrs

from orderflow.errors import InvalidInput
from orderflow.tracking import Reason, Scan, TrackingStatus
from orderflow.values.frozenmap import FrozenMap

__all__ = ["Meaning", "Reading", "Vocabulary"]

#: Statuses that say little: a detail may say it better.
_GENERAL = frozenset({TrackingStatus.IN_TRANSIT, TrackingStatus.UNKNOWN})


@attrs.frozen
class Meaning:
    """What a carrier's word means: where the parcel is (where the word says so), what is the matter, who must act."""

    status: TrackingStatus | None = None
    reason: Reason | str = ""
    action_required: bool = False


def _frozen(words: Mapping[str, Meaning]) -> FrozenMap[str, Meaning]:
    return FrozenMap(words)


@attrs.frozen
class Vocabulary:
    """The words of a carrier.

    Attributes:
        name: whose words they are.
        source: where they are published.
        statuses: the words for where a parcel is.
        details: the words for what is behind it. One that says where the parcel is refines a status that says little.
    """

    name: str
    source: str
    statuses: Mapping[str, Meaning] = attrs.field(converter=_frozen)
    details: Mapping[str, Meaning] = attrs.field(converter=_frozen)

    def meaning(self, status: str, detail: str = "") -> Meaning:
        """What a status and the detail behind it mean together; what is not in the vocabulary means ``unknown``."""
        where, what = self.statuses.get(status, _UNKNOWN), self.details.get(detail, _NOTHING)
        known = where.status or TrackingStatus.UNKNOWN
        better = what.status if what.status is not None and known in _GENERAL else known
        return Meaning(better, what.reason or where.reason, where.action_required or what.action_required)

    def unknown_codes(self, status: str, detail: str = "") -> tuple[str, ...]:
        """The words that are not in the vocabulary, each with what it was given as."""
        missing = (("status", status, self.statuses), ("detail", detail, self.details))
        return tuple(f"{kind} {code!r}" for kind, code, known in missing if code and code not in known)


_UNKNOWN = Meaning(TrackingStatus.UNKNOWN)
_NOTHING = Meaning()


@attrs.frozen
class Reading:
    """What a payload says.

    Attributes:
        tracking_number: of which parcel.
        scans: its reports, in the order of the payload; for ``OrderFlow.observe``.
        status: where the parcel is, by the head of the payload. The reports decide; this is for comparison.
        unknown_codes: words that the vocabulary does not have, each once.
        unread: reports that could not be read, with the reason.
    """

    tracking_number: str
    scans: tuple[Scan, ...]
    status: TrackingStatus
    unknown_codes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def fields_of(payload: Any, what: str) -> Mapping[str, Any]:
    """A payload that is an object, as JSON has them.

    Raises:
        InvalidInput: it is something else.
    """
    if not isinstance(payload, Mapping):
        raise InvalidInput.because(
            "vocabulary.not_an_object", f"{what} must be an object, not {type(payload).__name__}"
        )
    return payload


def text_in(fields: Mapping[str, Any], name: str) -> str:
    """A text of a payload, cut to what a `Scan` holds; empty where there is none."""
    held = fields.get(name)
    return "" if held is None else str(held).strip()[:200]


def list_in(fields: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects of a list of a payload; what is no object is left to the reader as an empty one."""
    held = fields.get(name)
    return [one if isinstance(one, Mapping) else {} for one in held] if isinstance(held, list | tuple) else []


def instant_in(text: str) -> datetime | None:
    """A moment as ISO 8601 writes it, with its zone; ``None`` where it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def day_in(text: str) -> date | None:
    """The calendar day that a date or a moment begins with; ``None`` where it is none."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def each_once(words: list[str]) -> tuple[str, ...]:
    """Words without repetitions, as they came."""
    return tuple(dict.fromkeys(words))
