"""Conformance: where what happened deviates from the way of an order.

A process on paper says that an order is placed, confirmed, picked, sent, delivered and billed, in that order and in the
quantities ordered. What others tell of an order, and what was done to one here, says what *has* happened. A
*deviation* is a place where the two differ, under a stable code; that is no judgement, goods that left early have left.
The report of many orders counts deviations by code: it says how a process is lived, before it is replaced.

An order shows its present; what was done when, its history knows better (`OrderFlow.history`), and may be given along.
Moments that nobody told are not guessed: a deviation in time is found only where both moments are known.

>>> print(conformance_of([]))
0 orders, none deviates
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from orderflow import facts as told
from orderflow.facts import Cancelled, Confirmed, Delivered, Despatched, Fact, Invoiced, Ordered, Picked, Returned
from orderflow.order import Order, Parcel
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.numbers import EXACT, ZERO, plain, total, total_by
from orderflow.values.record import record

__all__ = ["CODES", "Conformance", "ConformanceReport", "Count", "Deviation", "conformance", "conformance_of"]

#: Every deviation there is, by its code.
CODES: FrozenMap[str, str] = FrozenMap(
    {
        "conformance.despatched_before_order": "goods left before they were ordered",
        "conformance.despatched_before_confirmation": "goods left before the order was verified or confirmed",
        "conformance.despatched_beyond_order": "more left, or was held, than was ordered",
        "conformance.despatched_beyond_confirmation": "more left than was confirmed",
        "conformance.despatched_before_pick": "goods left before they were picked, or more than were",
        "conformance.despatched_when_over": "goods left, or were ordered, although the order was over or held back",
        "conformance.picked_before_confirmation": "goods were picked before the order was placed or confirmed",
        "conformance.delivered_before_despatch": "goods arrived before they left, or without having left",
        "conformance.returned_before_delivery": "goods came back before they arrived, or more than arrived",
        "conformance.cancelled_after_despatch": "units were cancelled after they had left",
        "conformance.invoiced_before_despatch": "more was billed than had left",
        "conformance.invoiced_beyond_order": "more was billed than was ordered",
        "conformance.step_skipped": "the order reached a milestone without one that comes before it",
        "conformance.time_reversed": "what comes later on the way of the order has an earlier time",
        "conformance.contradicted": "two documents, or two forms of one, say different things",
        "conformance.report_out_of_place": "a carrier's report cannot follow, or is about nothing that travels",
        "conformance.unknown_part": "a fact is about a line that there is not, or in another currency",
    }
)

#: What an anomaly of an order says about its way.
_ANOMALIES = {
    "fact.beyond_order": "despatched_beyond_order",
    "fact.ordered_below": "despatched_beyond_order",
    "fact.order_is_over": "despatched_when_over",
    "fact.contradicted": "contradicted",
    "fact.parcel_told_twice": "contradicted",
    "fact.own_parcel": "contradicted",
    "fact.goods_elsewhere": "contradicted",
    "fact.returned_before_despatch": "returned_before_delivery",
    "fact.delivered_before_despatch": "delivered_before_despatch",
    "fact.cancelled_too_late": "cancelled_after_despatch",
    "fact.unknown_line": "unknown_part",
    "fact.other_currency": "unknown_part",
    "tracking.cannot_follow": "report_out_of_place",
    "tracking.stray": "report_out_of_place",
    "tracking.not_despatched": "delivered_before_despatch",
    "despatch.beyond_tolerance": "despatched_beyond_order",
    "despatch.order_is_over": "despatched_when_over",
    "despatch.on_hold": "despatched_when_over",
    "despatch.not_verified": "despatched_before_confirmation",
    "despatch.contradicted": "contradicted",
    "despatch.other_number": "contradicted",
}
#: The milestones of an order, in the order in which it reaches them.
_MILESTONES = ("placed", "acknowledged", "verified", "in_fulfillment", "shipped", "delivered")


@record
class Deviation:
    """One place where an order left the way: its code, what it is about, and when, where that is known."""

    code: str
    message: str
    about: str = ""
    at: datetime | None = None

    def __str__(self) -> str:
        when = f"{self.at:%Y-%m-%d %H:%M}  " if self.at is not None else ""
        return f"{when}{self.code}  {self.message}"


@record
class Conformance:
    """How the way of one order was: its deviations, those of the books first, then in the order of time."""

    order_id: str
    deviations: tuple[Deviation, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of its deviations, each once."""
        return tuple(dict.fromkeys(deviation.code for deviation in self.deviations))

    @property
    def conforms(self) -> bool:
        """Whether nothing deviates."""
        return not self.deviations

    def __str__(self) -> str:
        if self.conforms:
            return f"{self.order_id}  as it should be"
        return "\n".join((self.order_id, *(f"  {deviation}" for deviation in self.deviations)))


@record
class Count:
    """How often something deviates, and in how many orders."""

    deviations: int
    orders: int


@record
class ConformanceReport:
    """How the ways of many orders were: how often each deviation occurs, the most frequent first."""

    orders: int
    deviating: int
    by_code: Mapping[str, Count]

    def __str__(self) -> str:
        if not self.by_code:
            return f"{self.orders} orders, none deviates"
        wide = max(map(len, self.by_code))
        rows = (
            f"  {code:<{wide}}  {count.deviations:>6} in {count.orders:>6} orders  {CODES[code]}"
            for code, count in self.by_code.items()
        )
        return "\n".join((f"{self.orders} orders, {self.deviating} deviate", *rows))


def conformance(order: Order, history: Iterable[Any] = ()) -> Conformance:
    """Where one order deviates from the way of an order; ``history`` are its events, recorded or bare."""
    events = tuple(getattr(one, "event", one) for one in history)
    found = dict.fromkeys(
        (*_of_anomalies(order), *_of_milestones(order), *_of_shipments(order), *_of_facts(order), *_of(events))
    )
    ordered = sorted(found, key=lambda one: (one.at is not None, one.at.timestamp() if one.at is not None else 0.0))
    return Conformance(order.id, tuple(ordered))


def conformance_of(orders: Iterable[Order | Conformance]) -> ConformanceReport:
    """Where many orders deviate: orders as they are, or what was found about each with its history."""
    reports = [one if isinstance(one, Conformance) else conformance(one) for one in orders]
    counts: dict[str, list[int]] = {}
    for report in reports:
        for code in report.codes:
            held = counts.setdefault(code, [0, 0])
            held[0] += sum(deviation.code == code for deviation in report.deviations)
            held[1] += 1
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1][0], entry[0]))
    by_code = FrozenMap({code: Count(*held) for code, held in ranked})
    return ConformanceReport(len(reports), sum(not report.conforms for report in reports), by_code)


def _deviation(name: str, message: str, about: str = "", at: datetime | None = None) -> Deviation:
    code = f"conformance.{name}"
    assert code in CODES, f"{code} is not in the table"
    return Deviation(code, message, about, at)


# -- what the order itself shows ---------------------------------------------------------------------------------------


def _of_anomalies(order: Order) -> Iterator[Deviation]:
    """What does not fit the books, or was flagged when it was recorded."""
    for anomaly in order.anomalies:
        when = anomaly.scan.occurred_at if anomaly.scan is not None else None
        yield _deviation(_ANOMALIES.get(anomaly.code, "contradicted"), anomaly.message, anomaly.about, when)


def _of_milestones(order: Order) -> Iterator[Deviation]:
    """Milestones that are missing before the furthest, or have an earlier time than one before them."""
    reached = [name for name in _MILESTONES if name in order.milestones]
    last = _MILESTONES.index(reached[-1]) if reached else 0
    for name in _MILESTONES[:last]:
        if name not in order.milestones:
            yield _deviation("step_skipped", f"{reached[-1]} without being {name}", at=order.milestones[reached[-1]])
    for before, after in pairwise(reached):
        if order.milestones[after] < order.milestones[before]:
            yield _deviation("time_reversed", f"{after} before {before}", at=order.milestones[after])


def _of_shipments(order: Order) -> Iterator[Deviation]:
    """What left and arrived, by the times of the shipments and by carriers' reports."""
    confirmed = _confirmed_at(order)
    for shipment in order.shipments.values():
        left = shipment.despatched_at
        if left is None or shipment.stage != "despatched":
            continue
        if left < order.placed_at:
            yield _deviation("despatched_before_order", f"{shipment.id} left before the order", shipment.id, left)
        elif confirmed is not None and left < confirmed:
            told = f"{shipment.id} left before the order was confirmed"
            yield _deviation("despatched_before_confirmation", told, shipment.id, left)
        for parcel in (order.parcels[parcel_id] for parcel_id in shipment.parcel_ids):
            arrived = parcel.tracking.delivered_at
            if arrived is not None and arrived < left and _has_goods(order, parcel):
                yield _deviation("delivered_before_despatch", f"{parcel.id} arrived before it left", parcel.id, arrived)


def _has_goods(order: Order, parcel: Parcel) -> bool:
    return bool(order.sent_in(parcel.id))


def _confirmed_at(order: Order) -> datetime | None:
    """When the order was answered: by others, as they tell, or here, where it was not adopted in mid-life."""
    if order.observed is not None:
        known = [fact.occurred_at for fact in _counting(order, Confirmed) if fact.occurred_at is not None]
        if known or order.observed.adopted_at is not None:
            return min(known, default=None)
    return order.milestones.get("verified")


# -- what others tell --------------------------------------------------------------------------------------------------


def _counting(order: Order, kind: type[Any]) -> list[Any]:
    """What the documents of a kind say by their newest revisions."""
    if order.observed is None:
        return []
    known: tuple[Fact, ...] | None = order.remembered.get("counting_facts")
    if known is None:
        known = order.remembered["counting_facts"] = told.current(order.observed.facts)[0]
    return [fact for fact in known if type(fact) is kind]


def _of_facts(order: Order) -> Iterator[Deviation]:
    """What the documents of others say about each other."""
    if order.observed is None:
        return
    yield from _revisions_in_time(order.observed.facts)
    yield from _picks(order)
    yield from _confirmations(order)
    yield from _cancellations(order)
    yield from _returns(order)
    yield from _invoices(order)


def _revisions_in_time(facts: tuple[Fact, ...]) -> Iterator[Deviation]:
    """A later revision of a document does not come from an earlier time."""
    by_key: dict[tuple[str, str, str], list[Fact]] = {}
    for fact in facts:
        by_key.setdefault(told.key_of(fact), []).append(fact)
    for held in by_key.values():
        dated = sorted((f for f in held if f.occurred_at is not None and _is_written(f)), key=lambda f: f.revision)
        for before, after in pairwise(dated):
            if before.revision < after.revision and after.occurred_at < before.occurred_at:  # type: ignore[operator]
                text = f"{told.text_of(after)} is earlier than revision {before.revision}"
                yield _deviation("time_reversed", text, after.document, after.occurred_at)


def _is_written(fact: Fact) -> bool:
    """Whether the time of a fact is that of its paper; that of a despatch or delivery may be told more exactly."""
    return isinstance(fact, Ordered | Confirmed | Cancelled | Invoiced)


def _units_until(facts: Iterable[Any], line_id: str, moment: datetime | None) -> Decimal:
    """Units of a line that facts tell of, up to a moment; those without a time count in any case."""
    units = ZERO
    for fact in facts:
        if moment is None or fact.occurred_at is None or fact.occurred_at <= moment:
            units = EXACT.add(units, _units_of(fact).get(line_id, ZERO))
    return units


def _units_of(fact: Any) -> Mapping[str, Decimal]:
    if not isinstance(fact, Despatched):
        held: Mapping[str, Decimal] = fact.quantities
        return held
    return total_by(pair for package in fact.parcels for pair in package.contents.items())


def _picks(order: Order) -> Iterator[Deviation]:
    """Goods are picked after the order was confirmed, and leave after they were picked, where picks are told at all."""
    picks, confirmed = _counting(order, Picked), _confirmed_at(order)
    for fact in picks:
        first = max(order.placed_at, confirmed or order.placed_at)
        if fact.occurred_at is not None and fact.occurred_at < first:
            text = f"{told.text_of(fact)} is from before the order was {'placed' if confirmed is None else 'confirmed'}"
            yield _deviation("picked_before_confirmation", text, fact.document, fact.occurred_at)
    if picks:
        yield from _beyond(order, Despatched, picks, "despatched_before_pick", "picked")


def _confirmations(order: Order) -> Iterator[Deviation]:
    """No more leaves than was confirmed, where quantities are confirmed."""
    confirmations = [fact for fact in _counting(order, Confirmed) if fact.quantities]
    if confirmations:
        yield from _beyond(order, Despatched, confirmations, "despatched_beyond_confirmation", "confirmed")


def _invoices(order: Order) -> Iterator[Deviation]:
    """No more is billed than has left by then, nor than is ordered."""
    assert order.observed is not None
    yield from _beyond(order, Invoiced, _counting(order, Despatched), "invoiced_before_despatch", "despatched")
    for line_id, units in order.observed.invoiced.items():
        ordered = order.ledger.ordered(line_id)
        if units > ordered:
            text = f"{plain(units)} of {line_id} are billed, {plain(ordered)} are ordered"
            yield _deviation("invoiced_beyond_order", text, line_id)


def _beyond(order: Order, kind: type[Any], limits: list[Any], name: str, word: str) -> Iterator[Deviation]:
    """Documents by which more of a line is told of than others tell of by then."""
    facts = _counting(order, kind)
    for fact in facts:
        for line_id, units in _units_of(fact).items():
            upto, limit = (_units_until(some, line_id, fact.occurred_at) for some in (facts, limits))
            if units and upto > limit:
                text = f"{told.text_of(fact)}: {plain(upto)} of {line_id}, and {plain(limit)} were {word} by then"
                yield _deviation(name, text, fact.document, fact.occurred_at)


def _cancellations(order: Order) -> Iterator[Deviation]:
    """What is cancelled had not left."""
    for fact in _counting(order, Cancelled):
        for line_id, units in fact.quantities.items() if fact.occurred_at is not None else ():
            left = _units_until(_dated(_counting(order, Despatched)), line_id, fact.occurred_at)
            room = EXACT.subtract(order.ledger.ordered(line_id), left)
            if units > room:
                text = f"{told.text_of(fact)}: {plain(units)} of {line_id}, and {plain(left)} had left"
                yield _deviation("cancelled_after_despatch", text, fact.document, fact.occurred_at)


def _dated(facts: Iterable[Any]) -> list[Any]:
    return [fact for fact in facts if fact.occurred_at is not None]


def _returns(order: Order) -> Iterator[Deviation]:
    """What comes back had arrived, where deliveries are told, or carriers report."""
    arrived = [p for p in order.parcels.values() if p.tracking.delivered_at is not None]
    if not arrived and not _counting(order, Delivered):
        return
    for fact in _counting(order, Returned):
        for line_id, units in fact.quantities.items():
            there = ZERO
            for parcel in arrived:
                when = parcel.tracking.delivered_at
                if fact.occurred_at is None or when is None or when <= fact.occurred_at:
                    goods = (some.quantity for some in parcel.contents if some.line_id == line_id)
                    there = EXACT.add(there, total(goods))
            if units > there:
                text = f"{told.text_of(fact)}: {plain(units)} of {line_id}, and {plain(there)} had arrived"
                yield _deviation("returned_before_delivery", text, fact.document, fact.occurred_at)


# -- what a history shows ----------------------------------------------------------------------------------------------

#: Events that come before others on the way of an order, by their tags.
_PICKED, _CONFIRMED = "goods_picked", ("order_verified",)


def _of(events: tuple[Any, ...]) -> Iterator[Deviation]:
    """What was done here, in the order in which it was recorded."""
    confirmed = False
    latest: datetime | None = None
    for event in events:
        if event.TAG in _CONFIRMED:
            confirmed = True
        elif event.TAG == _PICKED and not confirmed:
            told = "goods were picked before the order was verified"
            yield _deviation("picked_before_confirmation", told, event.fulfillment_id, event.at)
        if latest is not None and event.at < latest:
            yield _deviation("time_reversed", f"{event.TAG} is from before what was recorded before it", at=event.at)
        latest = event.at if latest is None else max(latest, event.at)
