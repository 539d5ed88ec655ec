"""Following a parcel: what carriers report, and what that means.

Reports arrive late, twice and out of order, and some contradict each other. So the reports of a parcel are kept as a
*set*, and its tracking is a *fold* over that set in one total order (when it occurred, rank of the status, id).
Whatever order they arrive in and however often, the tracking is the same.

Carriers use hundreds of codes; they are normalised to the twelve statuses below, with the raw code kept. A table says
which status may follow which; a report that may not follow is kept and flagged as an anomaly and does not move the
parcel. After "delivered" a parcel may still be returned to its sender; it cannot be in transit again.

A status says where a parcel is, a *reason* what is the matter with it. A parcel is *lost* from the first report on that
says so by its reason, until one that may follow says where it is: then it was found again. Lost is not a status, since
carriers tell it under several; a parcel that was delivered cannot be lost on the way. What only adds up (failed
attempts, delays, damage) counts every report of the set, whatever may follow what.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import attrs

from orderflow.errors import InvalidInput
from orderflow.values.checked import PERSONAL, checked, evolved, optional, value
from orderflow.values.ids import as_reference, as_text
from orderflow.values.record import record
from orderflow.values.times import as_day, as_instant

__all__ = [
    "MAY_FOLLOW",
    "Anomaly",
    "Reason",
    "Scan",
    "Tracking",
    "TrackingStatus",
    "fold",
    "follow_table",
    "united",
]


class TrackingStatus(StrEnum):
    """The twelve statuses to which carriers' vocabularies are normalised."""

    PENDING = "pending"
    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    READY_FOR_PICKUP = "ready_for_pickup"
    DELIVERED = "delivered"
    DELIVERY_DELAYED = "delivery_delayed"
    DELIVERY_FAILED = "delivery_failed"
    ON_HOLD = "on_hold"
    RETURN_TO_SENDER = "return_to_sender"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value


class Reason(StrEnum):
    """What is behind a status: the words to which carriers' reasons are normalised.

    A `Scan` takes any other word as well; ``lost`` and ``damaged`` mean something to the process.
    """

    ATTEMPTED = "attempted"
    ABSENT = "absent"
    CLOSED = "closed"
    REFUSED = "refused"
    ADDRESS = "address"
    ACCESS = "access"
    IDENTITY = "identity"
    RECIPIENT = "recipient"
    SENDER = "sender"
    PACKAGING = "packaging"
    DAMAGED = "damaged"
    LOST = "lost"
    MISSORTED = "missorted"
    CAPACITY = "capacity"
    CARRIER = "carrier"
    CUSTOMS = "customs"
    DUTIES = "duties"
    PROHIBITED = "prohibited"
    SECURITY = "security"
    WEATHER = "weather"
    DISASTER = "disaster"
    EXPIRED = "expired"

    def __str__(self) -> str:
        return self.value


_S = TrackingStatus

#: Among reports of one instant, the further along counts last.
_RANK = {
    status: rank
    for rank, status in enumerate(
        (
            _S.UNKNOWN,
            _S.PENDING,
            _S.CANCELLED,
            _S.PICKED_UP,
            _S.IN_TRANSIT,
            _S.ON_HOLD,
            _S.DELIVERY_DELAYED,
            _S.OUT_FOR_DELIVERY,
            _S.DELIVERY_FAILED,
            _S.READY_FOR_PICKUP,
            _S.DELIVERED,
            _S.RETURN_TO_SENDER,
        )
    )
}

_ON_THE_WAY = frozenset(
    {
        _S.PICKED_UP,
        _S.IN_TRANSIT,
        _S.OUT_FOR_DELIVERY,
        _S.READY_FOR_PICKUP,
        _S.DELIVERY_DELAYED,
        _S.DELIVERY_FAILED,
        _S.ON_HOLD,
    }
)
_ENDS = frozenset({_S.DELIVERED, _S.RETURN_TO_SENDER})
_ALL = frozenset(_S)

#: Which status may follow which. What is not listed is kept and flagged, and does not move the parcel.
MAY_FOLLOW: dict[TrackingStatus, frozenset[TrackingStatus]] = {
    _S.UNKNOWN: _ALL,
    _S.PENDING: _ALL,
    _S.CANCELLED: _ON_THE_WAY | _ENDS | {_S.CANCELLED},
    _S.DELIVERED: _ENDS,
    _S.RETURN_TO_SENDER: _ON_THE_WAY | _ENDS,
    **{status: (_ON_THE_WAY | _ENDS | {_S.CANCELLED, _S.UNKNOWN}) for status in _ON_THE_WAY},
}


def follow_table() -> str:
    """The 12 x 12 table of what may follow what, in Markdown; rows came first, columns come after."""
    head = "| after | " + " | ".join(f"`{status}`" for status in _S) + " |"
    rule = "| --- " * (len(_S) + 1) + "|"
    rows = (
        f"| `{before}` | " + " | ".join("yes" if after in MAY_FOLLOW[before] else "-" for after in _S) + " |"
        for before in _S
    )
    return "\n".join((head, rule, *rows))


def _as_status(raw: Any) -> TrackingStatus:
    try:
        return TrackingStatus(raw)
    except ValueError:
        raise InvalidInput.because("tracking.unknown_status", f"{raw!r} is not one of the twelve statuses") from None


def _as_flag(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise InvalidInput.because("shape.not_a_flag", "must be true or false")
    return raw


@value
class Scan:
    """One report of a carrier about one parcel: an observation, possibly late, repeated or out of order.

    ``id`` is the carrier's own id of the report, where it has one; reports that are the same in every respect are one.
    ``raw`` keeps the carrier's code; ``estimate`` is the day of delivery that the carrier believes in at that moment.
    """

    tracking_number: str = checked(as_reference)
    status: TrackingStatus = checked(_as_status)
    occurred_at: datetime = checked(as_instant)
    id: str = checked(as_text(200), default="")
    reason: str = checked(as_text(200), default="")
    action_required: bool = checked(_as_flag, default=False)
    location: str = checked(as_text(200), default="", personal=True)
    raw: str = checked(as_text(200), default="", personal=True)
    estimate: date | None = checked(optional(as_day), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            tracking_number: str,
            status: TrackingStatus | str,
            occurred_at: datetime,
            id: str = "",
            reason: str = "",
            action_required: bool = False,
            location: str = "",
            raw: str = "",
            estimate: date | None = None,
        ) -> None: ...

    @property
    def position(self) -> tuple[Any, ...]:
        """Where this report stands in the total order of all reports; what can be erased of it counts last."""
        return (
            self.occurred_at,
            _RANK[self.status],
            self.id,
            self.reason,
            self.action_required,
            self.estimate or date.min,
            self.tracking_number,
            self.location,
            self.raw,
        )


@record
class Anomaly:
    """A fact that does not fit what is known: kept, flagged, and for someone to look at.

    It was told by a carrier's ``scan``, or by something else that was recorded; ``about`` then names the part of the
    order that it is about.
    """

    code: str
    message: str = attrs.field(metadata=PERSONAL)
    scan: Scan | None = None
    about: str = ""


@record
class Tracking:
    """What a parcel's reports amount to."""

    status: TrackingStatus = TrackingStatus.PENDING
    since: datetime | None = None
    reason: str = ""
    action_required: bool = False
    estimate: date | None = None
    delivered_at: datetime | None = None
    anomalies: tuple[Anomaly, ...] = ()
    lost_since: datetime | None = None
    damaged_since: datetime | None = None
    attempts: int = 0
    delays: int = 0

    @property
    def has_moved(self) -> bool:
        """Whether the carrier has, or had, the parcel in its hands."""
        return self.status in _ON_THE_WAY or self.status in _ENDS

    @property
    def is_troubled(self) -> bool:
        """Whether anything is the matter: lost, damaged, sent back, cancelled, or waiting for somebody to act."""
        return (
            self.action_required
            or self.lost_since is not None
            or self.damaged_since is not None
            or self.status in (_S.RETURN_TO_SENDER, _S.CANCELLED)
        )

    @property
    def is_over(self) -> bool:
        """Whether the carrier has nothing more to report for now."""
        return self.status in _ENDS


def united(known: tuple[Scan, ...], news: Iterable[Scan]) -> tuple[Scan, ...]:
    """The set of ``known`` and ``news`` in the one total order; ``known`` itself where there is no news."""
    fresh = set(news).difference(known)
    if not fresh:
        return known
    return tuple(sorted((*known, *fresh), key=lambda scan: scan.position))


def fold(scans: Iterable[Scan]) -> Tracking:
    """What reports, given in the one total order, amount to."""
    tracking = Tracking()
    anomalies: list[Anomaly] = []
    failed, late, damaged = set[datetime](), set[datetime](), None
    for scan in scans:
        if scan.reason == Reason.DAMAGED:
            damaged = damaged or scan.occurred_at
        elif scan.status is _S.DELIVERY_FAILED and scan.reason != Reason.LOST:
            failed.add(scan.occurred_at)
        elif scan.status is _S.DELIVERY_DELAYED:
            late.add(scan.occurred_at)
        if scan.status in MAY_FOLLOW[tracking.status]:
            tracking = _moved(tracking, scan)
        else:
            anomalies.append(Anomaly("tracking.cannot_follow", f"{scan.status} cannot follow {tracking.status}", scan))
    if not (anomalies or failed or late or damaged):
        return tracking
    return evolved(tracking, anomalies=tuple(anomalies), damaged_since=damaged, attempts=len(failed), delays=len(late))


def _moved(tracking: Tracking, scan: Scan) -> Tracking:
    if scan.status is _S.UNKNOWN:
        lost_since = _lost_since(tracking, scan)
        if scan.estimate is None and lost_since is tracking.lost_since:
            return tracking
        return evolved(tracking, estimate=scan.estimate or tracking.estimate, lost_since=lost_since)
    again = scan.status is tracking.status
    return Tracking(
        status=scan.status,
        since=tracking.since if again else scan.occurred_at,
        reason=scan.reason,
        action_required=scan.action_required,
        estimate=scan.estimate or tracking.estimate,
        delivered_at=_delivered_at(tracking, scan),
        lost_since=_lost_since(tracking, scan),
    )


def _lost_since(tracking: Tracking, scan: Scan) -> datetime | None:
    """Lost from the first report on that says so, until one says where the parcel is."""
    if scan.reason == Reason.LOST and scan.status is not _S.DELIVERED:
        return tracking.lost_since or scan.occurred_at
    is_somewhere = scan.status in _ON_THE_WAY or scan.status in _ENDS
    return None if is_somewhere else tracking.lost_since


def _delivered_at(tracking: Tracking, scan: Scan) -> datetime | None:
    """The first "delivered" counts, unless the parcel turned back."""
    if scan.status is _S.DELIVERED:
        return tracking.delivered_at or scan.occurred_at
    return None if scan.status is _S.RETURN_TO_SENDER else tracking.delivered_at
