"""Return labels: the carrier that brings goods back, booked, followed and voided like any other.

The booking goes the other way round, from the customer to us; its body was frozen when the return was authorized. Its
number is one of the order's, so a scan finds it; what a carrier reports under it moves the return, and never the goods:
they are back when the dock says so. A label that nobody used when its return is over is voided.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import attrs

from orderflow.messages import Event, event
from orderflow.order import Booking, Case, Order, Return
from orderflow.policy import Policy
from orderflow.ports import Booked, BookReturn, Refused, Reply, Scans, TrackReturn, Voided, VoidReturn
from orderflow.stages.exceptions import ExceptionResolved, impossible_reply, raised
from orderflow.stages.returns import with_return
from orderflow.stages.stage import Stage, Wait, Wanted
from orderflow.tracking import Scan, united
from orderflow.values.checked import PERSONAL, evolved
from orderflow.values.frozenmap import FrozenMap

__all__ = [
    "STAGE",
    "LabelBooked",
    "LabelEnded",
    "LabelRequested",
    "LabelVoidWanted",
    "ReturnCollected",
    "ReturnTracked",
    "return_scans",
]


REFUSED = "return.label_refused"


@event("return_label_booked")
class LabelBooked(Event):
    """A carrier will bring the goods back; the customer has a label."""

    return_id: str
    booking: Booking

    def apply(self, order: Order) -> Order:
        """The return is known to the carrier by its numbers."""
        numbers = self.booking.numbers
        return _with_label(order, self.return_id, stage="booked", booking=self.booking, numbers=numbers)


@event("return_label_requested")
class LabelRequested(Event):
    """A label is asked for anew, in these words, after a carrier refused."""

    return_id: str
    request: BookReturn

    def apply(self, order: Order) -> Order:
        """The return waits for its label."""
        generation = self.request.generation
        return _with_label(order, self.return_id, stage="requested", generation=generation, request=self.request)


@event("return_label_void_wanted")
class LabelVoidWanted(Event):
    """Nobody is going to use the label: its booking is to be cancelled."""

    return_id: str

    def apply(self, order: Order) -> Order:
        """The return waits for the carrier's word."""
        return _with_label(order, self.return_id, stage="void_wanted", void_generation=1)


@event("return_label_ended")
class LabelEnded(Event):
    """There is no label, or none any more: ``refused``, ``withdrawn``, ``voided``; or stays (``void_declined``)."""

    return_id: str
    stage: str
    code: str = ""
    message: str = attrs.field(default="", metadata=PERSONAL)

    def apply(self, order: Order) -> Order:
        """Nothing is awaited of the carrier."""
        return _with_label(order, self.return_id, stage=self.stage)


@event("return_tracked")
class ReturnTracked(Event):
    """A carrier reported about a parcel that comes back."""

    return_id: str
    scans: tuple[Scan, ...]

    def apply(self, order: Order) -> Order:
        """The reports about it are a larger set."""
        known = order.returns[self.return_id]
        return order.replace(returns=order.returns.set(known.id, known.with_scans(united(known.scans, self.scans))))


@event("return_collected")
class ReturnCollected(Event):
    """The goods are on their way back, as the carrier says."""

    return_id: str
    state: str

    def apply(self, order: Order) -> Order:
        """The return is in transit."""
        return with_return(order, self.return_id, state=self.state)


def _with_label(order: Order, return_id: str, **changes: Any) -> Order:
    shipment = order.returns[return_id].shipment
    assert shipment is not None, f"{return_id} has no label"
    return with_return(order, return_id, shipment=shipment.replace(**changes))


def return_scans(order: Order, scans: Iterable[Scan], at: datetime) -> Iterable[ReturnTracked]:
    """What is new of reports about parcels that come back."""
    fresh: dict[str, list[Scan]] = {}
    for scan in scans:
        for known in order.returns.values():
            if scan.tracking_number in known.numbers and scan not in (*known.scans, *fresh.get(known.id, ())):
                fresh.setdefault(known.id, []).append(scan)
    return (ReturnTracked(at, return_id, tuple(news)) for return_id, news in fresh.items())


# -- what follows ---------------------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    for case in order.open_cases:
        if case.code == REFUSED and order.returns[case.about.split("/")[1]].ended:
            yield ExceptionResolved(at, case.id, "moot")
    for known in order.returns.values():
        if known.shipment is None:
            continue
        if known.ended and known.shipment.stage == "booked" and not known.tracking.has_moved:
            yield LabelVoidWanted(at, known.id)
        elif known.tracking.has_moved and not known.receipts and not known.ended:
            state = policy.return_step(order, known, "collect")
            if state is not None:
                yield ReturnCollected(at, known.id, state)


# -- what is wanted from outside, and what answers mean -------------------------------------------------------------


def _wants(order: Order) -> Iterable[Wanted]:
    for known in order.returns.values():
        label = known.shipment
        if label is None:
            continue
        if label.stage == "requested":
            yield Wanted(label.request)
        elif label.stage == "void_wanted" and label.booking is not None:
            request_id = f"unlabel/{known.id}/{label.void_generation}"
            key = f"{order.tenant}/{order.id}/{request_id}"
            yield Wanted(VoidReturn(order.id, request_id, key, known.id, label.booking.number))
        elif label.stage == "booked" and not (known.ended or known.receipts or known.tracking.is_over):
            request = TrackReturn(order.id, f"track/{known.id}", known.id, known.numbers)
            yield Wanted(request, repeats=True)


def _booked(order: Order, request: BookReturn, reply: Reply, policy: Policy, at: datetime) -> Iterable[Event]:
    known = order.returns[request.shipment_id]
    is_awaited = known.shipment is not None and known.shipment.request.id == request.id
    if not is_awaited or known.shipment is None or known.shipment.stage not in ("requested", "withdrawn"):
        return
    if isinstance(reply, Booked):
        if reply.booking.number and set(reply.tracking_numbers) <= {known.id}:
            yield LabelBooked(at, known.id, _numbered(reply, known))
        else:
            yield from impossible_reply(order, request, reply, at)
    elif isinstance(reply, Refused):
        yield LabelEnded(at, known.id, "refused", reply.code, reply.message)
        if not known.ended:
            told = f"{request.carrier or 'the carrier'} refused a label for {known.id}: {reply.message or reply.code}"
            about = known.shipment.request.id
            yield from raised(order, "return.label_refused", about, told, ("try_again", "without_label"), at)
    else:
        yield from impossible_reply(order, request, reply, at)


def _numbered(reply: Booked, known: Return) -> Booking:
    """The booking under the number of its one parcel."""
    number = reply.booking.tracking_number or reply.tracking_numbers.get(known.id, "")
    return evolved(reply.booking, tracking_number=number)


def _voided(order: Order, request: VoidReturn, reply: Reply, policy: Policy, at: datetime) -> Iterable[Event]:
    known = order.returns[request.shipment_id]
    if known.shipment is None or known.shipment.stage != "void_wanted":
        return
    if isinstance(reply, Voided):
        yield LabelEnded(at, known.id, "voided")
    elif isinstance(reply, Refused):
        yield LabelEnded(at, known.id, "void_declined", reply.code, reply.message)
    else:
        yield from impossible_reply(order, request, reply, at)


def _tracked(order: Order, request: TrackReturn, reply: Reply, policy: Policy, at: datetime) -> Iterable[Event]:
    if isinstance(reply, Scans):
        yield from return_scans(order, reply.scans, at)
    elif not isinstance(reply, Refused):
        yield from impossible_reply(order, request, reply, at)


# -- settling, and waiting ------------------------------------------------------------------------------------------


def _ask_again(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The label is asked for once more: a new generation, a new key."""
    known = order.returns[case.about.split("/")[1]]
    if known.shipment is None or known.shipment.stage != "refused" or known.ended:
        return
    before, generation = known.shipment.request, known.shipment.generation + 1
    request_id = f"label/{known.id}/{generation}"
    key = f"{order.tenant}/{order.id}/{request_id}"
    yield LabelRequested(at, known.id, evolved(before, id=request_id, key=key, generation=generation))


def _without(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The customer sends the goods back in some other way."""
    return ()


def _not_booked(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The carrier has no such booking, as someone found out: the return goes on without a label."""
    known = order.returns.get(case.about.split("/")[1])
    if known is not None and known.shipment is not None and known.shipment.stage == "requested":
        yield LabelEnded(at, known.id, "withdrawn")


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for known in order.returns.values():
        if known.shipment is not None and known.shipment.stage in ("requested", "void_wanted"):
            what = "to book a label" if known.shipment.stage == "requested" else "to void the label"
            yield Wait(known.shipment.carrier or "the carriers", what, f"return {known.id}")


def _looks_at(order: Order) -> tuple[str, ...]:
    return ("returns", "cases") if order.returns else ("returns",)


STAGE = Stage(
    name="returns_labels",
    events=(LabelBooked, LabelRequested, LabelVoidWanted, LabelEnded, ReturnTracked, ReturnCollected),
    follow=_follow,
    looks_at=_looks_at,
    wants=_wants,
    answers=FrozenMap({BookReturn: _booked, VoidReturn: _voided, TrackReturn: _tracked}),
    settles=FrozenMap(
        {
            (REFUSED, "try_again"): _ask_again,
            (REFUSED, "without_label"): _without,
            ("port.gave_up", "not_booked"): _not_booked,
        }
    ),
    awaits=_awaits,
)
