"""Tracking and delivery: following each parcel to the door.

Reports come by push (``RecordTracking``) and by poll. A report is an observation: it is never refused. What is new
joins the parcel's set of reports, and what the set amounts to (`orderflow.tracking.fold`) decides, level-triggered,
what the ledger says: delivered, or not after all; lost, or found again. So any arrival order and any repetition ends in
the same tracking and ledger.

The order is delivered when nothing is on its way any more: what did not arrive was replaced or credited, in
`orderflow.stages.losses`. Where nothing arrived at all, and all of it was credited, the order is closed undelivered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from orderflow.errors import InvalidInput, Violation
from orderflow.ledger import CAME_BACK, GIVEN_UP, Account, Move, delivered, gone, lost, shipped
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Case, Order, Parcel, Shipment
from orderflow.policy import Policy
from orderflow.ports import QueryTracking, Refused, Reply, Scans
from orderflow.stages.exceptions import impossible_reply
from orderflow.stages.losses import CODES, nothing_is_awaited
from orderflow.stages.observation import FactsRecorded
from orderflow.stages.returns_labels import return_scans
from orderflow.stages.stage import Decision, Stage, Wait, Wanted, order_exists, why_not
from orderflow.tracking import Scan, TrackingStatus, united
from orderflow.values.checked import checked, tuple_of
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id

__all__ = [
    "STAGE",
    "CompleteOrder",
    "DeliveryRevoked",
    "EstimateChanged",
    "GoodsDelivered",
    "GoodsFound",
    "GoodsLost",
    "OrderCompleted",
    "OrderDelivered",
    "OrderReopened",
    "RecordTracking",
    "StrayScanRecorded",
    "TrackingRecorded",
]


def _as_scan(raw: Any) -> Scan:
    if not isinstance(raw, Scan):
        raise InvalidInput.because("tracking.not_a_scan", f"must be a Scan, not {type(raw).__name__}")
    return raw


@command("record_tracking")
class RecordTracking(Command):
    """A carrier reported; what was known already changes nothing.

    A parcel that travels under no number at all is called by its id, ``P1``; whoever brought it says so.
    """

    order_id: str = checked(as_id)
    scans: tuple[Scan, ...] = checked(tuple_of(_as_scan, at_least=1))

    if TYPE_CHECKING:

        def __init__(self, order_id: str, scans: Iterable[Scan]) -> None: ...


@command("complete_order")
class CompleteOrder(Command):
    """Close a delivered order by hand, where that does not happen by itself (``Policy.automatic``)."""

    order_id: str = checked(as_id)


@event("tracking_recorded")
class TrackingRecorded(Event):
    """A parcel has reports that it did not have before."""

    parcel_id: str
    scans: tuple[Scan, ...]

    def apply(self, order: Order) -> Order:
        """The parcel's reports are a larger set."""
        parcel = order.parcels[self.parcel_id]
        return order.replace(parcels=order.parcels.set(parcel.id, parcel.with_scans(united(parcel.scans, self.scans))))


@event("stray_scans_recorded")
class StrayScanRecorded(Event):
    """A carrier reported about a label of this order under which nothing travels any more."""

    scans: tuple[Scan, ...]

    def apply(self, order: Order) -> Order:
        """The reports are kept, as anomalies."""
        return order.replace(stray_scans=united(order.stray_scans, self.scans))


@event("estimate_changed")
class EstimateChanged(Event):
    """The carrier believes in another day of delivery."""

    parcel_id: str
    estimate: date | None

    def apply(self, order: Order) -> Order:
        """The parcel has another estimate."""
        parcel = order.parcels[self.parcel_id].replace(estimate=self.estimate)
        return order.replace(parcels=order.parcels.set(parcel.id, parcel))


@event("goods_delivered")
class GoodsDelivered(Event):
    """A parcel reached the customer; ``delivered_at`` is when the carrier says it did."""

    parcel_id: str
    state: str
    delivered_at: datetime

    def apply(self, order: Order) -> Order:
        """Its contents are delivered."""
        return _carried(order, self.parcel_id, self.state, delivered)


@event("delivery_revoked")
class DeliveryRevoked(Event):
    """A parcel that was reported delivered was not, or did not stay: it is on its way again."""

    parcel_id: str
    state: str

    def apply(self, order: Order) -> Order:
        """Its contents are on their way."""
        return _carried(order, self.parcel_id, self.state, shipped)


@event("goods_lost")
class GoodsLost(Event):
    """A parcel is lost: what is in it will not arrive, for all that is known."""

    parcel_id: str
    state: str

    def apply(self, order: Order) -> Order:
        """Its contents are lost."""
        return _carried(order, self.parcel_id, self.state, lost)


@event("goods_found")
class GoodsFound(Event):
    """A parcel that was lost was seen again: it is on its way."""

    parcel_id: str
    state: str

    def apply(self, order: Order) -> Order:
        """Its contents are on their way."""
        return _carried(order, self.parcel_id, self.state, shipped)


@event("order_delivered")
class OrderDelivered(Event):
    """Everything that is not cancelled has reached the customer, or was made good."""

    state: str

    def apply(self, order: Order) -> Order:
        """The order is delivered."""
        return order.reached(self.state, "delivered", self.at)


@event("order_completed")
class OrderCompleted(Event):
    """Delivered, or all of it made good without a delivery, and nothing is open any more."""

    state: str

    def apply(self, order: Order) -> Order:
        """The order is completed."""
        return order.reached(self.state, "completed", self.at)


@event("order_reopened")
class OrderReopened(Event):
    """A delivery did not stay, something is sent once more, or a problem came up late: the order is not over."""

    state: str

    def apply(self, order: Order) -> Order:
        """The order waits for delivery again; where all of it had arrived and has, only for someone to see to it."""
        milestones = order.milestones.without("delivered") if "delivered" in order.milestones else order.milestones
        if "completed" in milestones:
            milestones = milestones.without("completed")
        if not _everything_arrived(order):
            milestones = milestones.set("reopened", self.at)
        return order.replace(state=self.state, milestones=milestones)


def _carried(order: Order, parcel_id: str, state: str, place: Callable[[str], Account]) -> Order:
    """The order with all that left in a parcel in one place."""
    target = place(parcel_id)
    moves = tuple(
        Move(line_id, source, target, units)
        for source in gone(parcel_id)
        if source != target
        for line_id, units in order.ledger.holding(source).items()
    )
    parcel = order.parcels[parcel_id].replace(state=state)
    return order.replace(ledger=order.ledger.moved(moves), parcels=order.parcels.set(parcel_id, parcel))


# -- what reports mean ----------------------------------------------------------------------------------------------


def _recorded(order: Order, scans: Iterable[Scan], at: datetime) -> Iterable[Event]:
    news: dict[str, list[Scan]] = {}
    scans = tuple(scans)
    if order.observed is not None:
        numbers, known = order.observed.numbers - order.own_numbers, order.observed.scans
        theirs = tuple(dict.fromkeys(s for s in scans if s.tracking_number in numbers and s not in known))
        if theirs:
            yield FactsRecorded(at, (), theirs)
        scans = tuple(scan for scan in scans if scan.tracking_number not in numbers)
    if order.returns:
        yield from return_scans(order, scans, at)
    strays = tuple(dict.fromkeys(scan for scan in scans if _is_stray(order, scan)))
    if strays:
        yield StrayScanRecorded(at, strays)
    for scan in scans:
        for parcel in _parcels_under(order, scan):
            if scan not in parcel.scans and scan not in news.setdefault(parcel.id, []):
                news[parcel.id].append(scan)
    for parcel_id, fresh in news.items():
        if fresh:
            yield TrackingRecorded(at, parcel_id, tuple(fresh))


def _is_stray(order: Order, scan: Scan) -> bool:
    """Whether a report is news about a dead label of this order."""
    is_ours = any(scan.tracking_number in shipment.numbers for shipment in order.shipments.values())
    is_live = any(True for _ in _parcels_under(order, scan))
    return is_ours and not is_live and scan not in order.stray_scans


def _parcels_under(order: Order, scan: Scan) -> Iterable[Parcel]:
    """The parcels that a report is about: those with its number; for a master number or that of a leg, every parcel."""
    number = scan.tracking_number
    known = order.parcels_with(number)
    if known or _has_no_number(order, number):
        yield from known or (order.parcels[number],)
        return
    for shipment in _shipments_under(order, scan):
        yield from (order.parcels[parcel_id] for parcel_id in shipment.parcel_ids)


def _shipments_under(order: Order, scan: Scan) -> list[Shipment]:
    """The shipments that travel under a master number: of several that left one by one, those that had left by then."""
    number = scan.tracking_number
    under = [s for s in order.shipments.values() if s.is_live and s.booking is not None and number in s.booking.numbers]
    gone = {s.id: s.despatched_at for s in under if s.despatched_at is not None}
    if len(under) == 1 or not gone:
        return under
    by_then = max(scan.occurred_at, min(gone.values()))
    return [s for s in under if s.id in gone and gone[s.id] <= by_then]


def _has_no_number(order: Order, parcel_id: str) -> bool:
    """Whether a parcel is known to nobody by a number: within its order it is called by its id."""
    shipment = order.shipment_of(parcel_id)
    if shipment is None or shipment.stage != "despatched" or order.parcels[parcel_id].tracking_number:
        return False
    return not order.parcels[parcel_id].sscc and not (shipment.booking and shipment.booking.numbers)


def the_number_is_one_of_ours(order: Order, command: RecordTracking, policy: Policy) -> Iterable[Violation]:
    """A report concerns a parcel of this order; for others there is the inbox (``OrderFlow.observe``)."""
    for index, scan in enumerate(command.scans):
        numbers = (part.numbers for parts in (order.shipments, order.returns) for part in parts.values())
        is_dead = any(scan.tracking_number in known for known in numbers)
        is_theirs = order.observed is not None and scan.tracking_number in order.observed.numbers
        if not (is_dead or is_theirs) and not any(True for _ in _parcels_under(order, scan)):
            yield Violation(
                "tracking.unknown_number",
                f"no parcel of this order travels under {scan.tracking_number!r}",
                f"scans[{index}].tracking_number",
                remedy="observe(scan) keeps it until a booking claims it",
            )


def nothing_is_left_open(order: Order, command: CompleteOrder, policy: Policy) -> Iterable[Violation]:
    """Every goods issue is booked, every claim confirmed, every exception settled."""
    if not _nothing_is_open(order):
        yield Violation("delivery.something_is_open", "a goods issue, a claim or an exception is open")


def the_order_may_be_completed(order: Order, command: CompleteOrder, policy: Policy) -> Iterable[Violation]:
    """The order's lifecycle permits to complete it: delivered, or nothing of it will arrive and all was made good."""
    if _completed(order, policy) is None:
        told, remedy = why_not(policy.lifecycles.order, order.state, "complete")
        yield Violation("order.cannot_complete", f"the order is {told}", remedy=remedy)


def _completed(order: Order, policy: Policy) -> str | None:
    """The state of the order once completed by hand; ``None`` where that is not possible."""
    closes = _last_step(order, _everything_arrived(order)) == "close"
    return policy.order_step(order, "close" if closes else "complete")


def _complete(order: Order, command: CompleteOrder, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    state = _completed(order, policy)
    assert state is not None
    yield OrderCompleted(envelope.at, state)


def _record(order: Order, command: RecordTracking, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    return _recorded(order, command.scans, envelope.at)


def _tracking_answered(
    order: Order, request: QueryTracking, reply: Reply, policy: Policy, at: datetime
) -> Iterable[Event]:
    if isinstance(reply, Scans):
        yield from _recorded(order, reply.scans, at)
    elif not isinstance(reply, Refused):
        yield from impossible_reply(order, request, reply, at)


def _wants(order: Order) -> Iterable[Wanted]:
    for shipment in order.shipments.values():
        if shipment.stage == "despatched" and shipment.booking is not None and not _is_told(order, shipment):
            numbers = tuple(
                parcel.tracking_number or shipment.booking.tracking_number
                for parcel in (order.parcels[parcel_id] for parcel_id in shipment.parcel_ids)
                if not parcel.tracking.is_over and not (parcel.given_up and "completed" in order.milestones)
            )
            legs = (leg.tracking_number for leg in shipment.booking.legs) if numbers else ()
            known = tuple(dict.fromkeys(filter(None, (*numbers, *legs))))
            if known:
                request = QueryTracking(order.id, f"track/{shipment.id}", shipment.id, known)
                yield Wanted(request, repeats=True)


def _is_told(order: Order, shipment: Shipment) -> bool:
    """Whether others booked a shipment and say what becomes of it: we do not ask their carrier."""
    return "booking" in order.theirs and order.is_observed(shipment.id)


# -- what follows ---------------------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    for parcel in order.parcels.values():
        if parcel.is_reported or order.is_observed(parcel.id):
            yield from _parcel_follows_its_reports(order, parcel, policy, at)
    if "shipped" in order.milestones or "deliver" in policy.lifecycles.order.events_from(order.state):
        yield from _order_follows_its_parcels(order, policy, at)


def _parcel_follows_its_reports(order: Order, parcel: Parcel, policy: Policy, at: datetime) -> Iterable[Event]:
    tracking = parcel.tracking
    if tracking.estimate != parcel.estimate:
        yield EstimateChanged(at, parcel.id, tracking.estimate)
    is_delivered, is_lost = tracking.status is TrackingStatus.DELIVERED, tracking.lost_since is not None
    is_known_delivered = order.ledger.holds_any(delivered(parcel.id))
    is_known_lost = order.ledger.holds_any(lost(parcel.id))
    if is_delivered and (is_known_lost or order.ledger.holds_any(shipped(parcel.id))):
        state = policy.parcel_step(order, parcel, "deliver") or parcel.state
        yield GoodsDelivered(at, parcel.id, state, tracking.delivered_at or at)
    elif not is_delivered and is_known_delivered:
        state = policy.parcel_step(order, parcel, "reopen") or parcel.state
        yield DeliveryRevoked(at, parcel.id, state)
    elif is_lost and order.ledger.holds_any(shipped(parcel.id)):
        yield GoodsLost(at, parcel.id, parcel.state)
    elif is_known_lost and not is_lost:
        yield GoodsFound(at, parcel.id, parcel.state)


def _order_follows_its_parcels(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    arrived = _everything_arrived(order)
    chart = policy.lifecycles.order
    if arrived and "deliver" in chart.events:
        state = policy.order_step(order, "deliver")
        if state is not None:
            yield OrderDelivered(at, state)
            return
    if _is_not_over_after_all(order, arrived):
        state = policy.order_step(order, "reopen")
        if state is not None:
            yield OrderReopened(at, state)
    elif "complete" in policy.automatic and (step := _last_step(order, arrived)) and _nothing_is_open(order):
        state = policy.order_step(order, step)
        if state is not None:
            yield OrderCompleted(at, state)


def _is_not_over_after_all(order: Order, arrived: bool) -> bool:
    """A delivery did not stay, or a problem on the way came up after the order was completed."""
    if "completed" in order.milestones and any(case.code in CODES for case in order.open_cases):
        return True
    return not arrived and "delivered" in order.milestones


def _last_step(order: Order, arrived: bool) -> str:
    """The step with which an order is over: one of which nothing will arrive any more is closed undelivered."""
    if arrived:
        return "complete"
    kinds = order.ledger.kinds
    has_left = "shipped" in order.milestones or not kinds.isdisjoint({"lost", "shipped"} | CAME_BACK)
    return "close" if has_left and kinds <= _NOWHERE | CAME_BACK and nothing_is_awaited(order) else ""


#: Where units are that are on their way to nobody; those that are lost or still travel may have been made good.
_NOWHERE = GIVEN_UP | {"lost", "shipped"}
_ARRIVED = GIVEN_UP | {"delivered"}


def _everything_arrived(order: Order) -> bool:
    """Something has arrived, and what has not was made good: nothing is waited for any more.

    Of what came back without having arrived it is known how it is made good.
    """
    kinds = order.ledger.kinds
    if "delivered" not in kinds and not any(one.came_from_customer for one in order.returns.values()):
        return False
    return kinds <= _ARRIVED or (kinds <= _NOWHERE | _ARRIVED | CAME_BACK and nothing_is_awaited(order))


def _nothing_is_open(order: Order) -> bool:
    """Every goods issue is booked, every claim confirmed, every exception settled."""
    return (
        not order.unissued
        and (order.is_told_of_stock or all(claim.is_settled for claim in order.claims.values()))
        and all(case.code in _BESIDE_THE_GOODS or _is_beside(case) for case in order.open_cases)
    )


#: Cases that say nothing of what is still to be delivered: with them open, an order may be over.
_BESIDE_THE_GOODS = frozenset(
    {"message.refused", "return.unexpected", "return.label_refused", "return.receipt_refused"}
)


def _is_beside(case: Case) -> bool:
    """Whether a case asks how to go on with a message or a return: these have ends of their own."""
    return case.is_about_request and case.about.startswith(("send/", "label/", "unlabel/", "receive/"))


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    if "complete" not in policy.automatic and _completed(order, policy) is not None:
        yield Wait("someone", "to complete the order")
    for parcel in order.moved_before_despatch:
        yield Wait("someone", f"to record the despatch of {parcel.id}", str(parcel.tracking.status))
    for shipment in order.shipments.values():
        if shipment.stage != "despatched":
            continue
        for parcel_id in shipment.parcel_ids:
            parcel = order.parcels[parcel_id]
            if order.ledger.holds_any(shipped(parcel_id)) and not parcel.given_up:
                by = f" by {parcel.estimate:%a %d %b}" if parcel.estimate else ""
                number = parcel.tracking_number or (shipment.booking.tracking_number if shipment.booking else "")
                yield Wait(
                    shipment.carrier or "the carrier",
                    f"to deliver {parcel_id}{by}",
                    f"{number} {parcel.tracking.status}",
                )


def _looks_at(order: Order) -> tuple[str, ...]:
    """Before anything has left there is nothing to follow."""
    if not order.ledger.kinds.isdisjoint(("shipped", "delivered", "lost", "restocked")) or order.returns:
        return ("milestones", "state", "ledger", "parcels", "shipments", "handovers", "claims", "cases", "returns")
    return ("ledger", "parcels")


STAGE = Stage(
    name="tracking",
    commands=(RecordTracking, CompleteOrder),
    events=(
        TrackingRecorded,
        StrayScanRecorded,
        EstimateChanged,
        GoodsDelivered,
        DeliveryRevoked,
        GoodsLost,
        GoodsFound,
        OrderDelivered,
        OrderCompleted,
        OrderReopened,
    ),
    decisions=(
        Decision(RecordTracking, tiers=((order_exists,), (the_number_is_one_of_ours,)), events=_record),
        Decision(
            CompleteOrder,
            tiers=((order_exists,), (the_order_may_be_completed,), (nothing_is_left_open,)),
            events=_complete,
            candidates=lambda order, policy: (CompleteOrder(order.id),),
        ),
    ),
    follow=_follow,
    looks_at=_looks_at,
    wants=_wants,
    answers=FrozenMap({QueryTracking: _tracking_answered}),
    awaits=_awaits,
)
