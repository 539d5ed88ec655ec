"""Promises: what is committed to, whether it will be kept, and whether it was.

When an order is verified a promise is made for each line, by a strategy (``Policy.promise``). It is kept word for word.
Another one takes its place only by another `PromiseMade`: when more units are wanted than it was made for, when
other locations send than it counted on, or when the customer wishes another day.

From then on estimate and actual are held against it. A day is kept or missed by what happened; a slip is told before
the day is over: when carriers believe in a later day, when the last collection of the ship-by day has gone without the
goods, when the deliver-by day begins and they are still here. When time alone shows it, the next such instant is a
moment of attention. A slip is worth telling once; another one only when it becomes worse by a day or more. What time
had shown when an order was adopted belongs to its past: it is judged with the adoption, of which nobody is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any, Literal, TypeAlias

from orderflow.calendars import as_wished
from orderflow.ledger import place_of
from orderflow.messages import Event, event
from orderflow.order import Order
from orderflow.policy import Policy
from orderflow.promise import Promise, Standing, Word, is_late, slip_of
from orderflow.stages.stage import Stage
from orderflow.values.checked import evolved
from orderflow.values.numbers import EXACT
from orderflow.values.record import record

__all__ = ["STAGE", "PromiseAtRisk", "PromiseKept", "PromiseMade", "PromiseMissed"]

Kind: TypeAlias = Literal["ship", "deliver"]


@event("promise_made")
class PromiseMade(Event):
    """We committed to days on which lines leave and arrive; for a line that had a promise, it is renewed."""

    promises: tuple[Promise, ...]

    def apply(self, order: Order) -> Order:
        """These are the promises now; earlier ones stay on record. One for a later day is a slip."""
        later = [promise for promise in self.promises if _is_later(order, promise)]
        held = dict[str, Standing]()
        for promise in self.promises:
            known = order.promises.get(promise.line_id)
            if known is None:
                held[promise.line_id] = Standing(promise)
                continue
            lines = tuple(p.line_id for p in later if p.due == promise.due)
            slip = slip_of(lines, promise.due) if promise in later else known.slip
            earlier = (*known.earlier, known.promise)
            held[promise.line_id] = Standing(promise, earlier, slipped_to=known.slipped_to, slip=slip)
        return order.replace(promises=order.promises.merged(held))


@event("promise_at_risk")
class PromiseAtRisk(Event):
    """A promise will probably not be kept; ``expected`` is the day now believed in, where one is known."""

    line_ids: tuple[str, ...]
    kind: Kind
    promised: date
    expected: date | None = None

    def apply(self, order: Order) -> Order:
        """The promises are at risk, unless they are missed already; that the delivery slips is worth telling."""
        held = {line_id: self._standing(order.promises[line_id]) for line_id in self.line_ids}
        return order.replace(promises=order.promises.merged(held))

    def _standing(self, known: Standing) -> Standing:
        if self.kind == "ship":
            return evolved(known, ship="missed" if known.ship == "missed" else "at_risk")
        return evolved(
            known,
            deliver="missed" if known.deliver == "missed" else "at_risk",
            slipped_to=self.expected or known.slipped_to,
            slip=slip_of(self.line_ids, self.expected) if self.expected or not known.slip else known.slip,
        )


@event("promise_missed")
class PromiseMissed(Event):
    """The promised day is over, and the goods had not left, or not arrived; ``happened`` is when they did, if known."""

    line_ids: tuple[str, ...]
    kind: Kind
    promised: date
    happened: datetime | None = None

    def apply(self, order: Order) -> Order:
        """The promises are missed; that goods have not arrived is worth telling, if no slip was told before."""
        held = {line_id: self._standing(order.promises[line_id]) for line_id in self.line_ids}
        return order.replace(promises=order.promises.merged(held))

    def _standing(self, known: Standing) -> Standing:
        if self.kind == "ship":
            return evolved(known, ship="missed")
        is_news = self.happened is None and not known.slip
        return evolved(known, deliver="missed", slip=slip_of(self.line_ids, None) if is_news else known.slip)


@event("promise_kept")
class PromiseKept(Event):
    """Everything of these lines left, or arrived, by the promised day."""

    line_ids: tuple[str, ...]
    kind: Kind
    promised: date

    def apply(self, order: Order) -> Order:
        """The promises are kept."""
        held = {line_id: _word(order.promises[line_id], self.kind, "kept") for line_id in self.line_ids}
        return order.replace(promises=order.promises.merged(held))


def _word(standing: Standing, kind: Kind, word: Word) -> Standing:
    return evolved(standing, **{kind: word})


def _is_later(order: Order, promise: Promise) -> bool:
    known = order.promises.get(promise.line_id)
    if known is None or promise.due is None or known.promise.due is None:
        return False
    return promise.due > max(known.promise.due, known.slipped_to or known.promise.due)


# -- promising ------------------------------------------------------------------------------------------------------


def _made(order: Order, policy: Policy, at: datetime) -> tuple[Promise, ...]:
    """The promises that are to be made now: for lines that have none, or whose ground is gone."""
    found = []
    for line_id in order.lines:
        if policy.promise is as_wished and order.wished_by(line_id) is None:
            continue
        wanted = EXACT.subtract(order.live_quantity(line_id), order.ledger.surplus(line_id))
        standing = order.promises.get(line_id)
        if wanted <= 0 or (standing is not None and _stands(order, standing.promise)):
            continue
        made = [policy.promise(order, line_id, location, at) for location in _locations(order, line_id) or ("",)]
        if any(promise is None for promise in made):
            continue
        promise = _the_latest(order, line_id, [promise for promise in made if promise is not None])
        if standing is None or promise != standing.promise:
            found.append(promise)
    return tuple(found)


def _stands(order: Order, promise: Promise) -> bool:
    """Whether the ground on which a promise was made is still there."""
    line_id = promise.line_id
    if promise.quantity is not None and order.live_quantity(line_id) > promise.quantity:
        return False
    if promise.locations and not set(_locations(order, line_id)) <= set(promise.locations):
        return False
    return promise.wished_by == order.wished_by(line_id)


def _the_latest(order: Order, line_id: str, made: list[Promise]) -> Promise:
    """What can be promised of a line that several locations send: the latest of their days."""
    last = max(made, key=lambda promise: (promise.due or date.min, promise.ship_by or date.min))
    return evolved(
        last,
        line_id=line_id,
        quantity=None if last.quantity is None else order.live_quantity(line_id),
        locations=_locations(order, line_id) if last.locations else (),
        wished_by=order.wished_by(line_id),
    )


def _locations(order: Order, line_id: str) -> tuple[str, ...]:
    """The locations that send units of a line, or have sent them; before work is planned, those that hold them."""
    found: dict[str, None] = {}
    for account, _ in order.ledger.accounts(line_id):
        place = place_of(account)
        parcel = order.parcels.get(place)
        fulfillment = order.fulfillments.get(place if parcel is None else parcel.fulfillment_id)
        if fulfillment is not None:
            found[fulfillment.location] = None
    if not found:
        found = {claim.location: None for claim in order.claims.values() if claim.line_id == line_id and claim.location}
    return tuple(found)


# -- judging --------------------------------------------------------------------------------------------------------


@record
class _Finding:
    """What was found out about the promise of a line."""

    line_id: str
    event: type[PromiseAtRisk] | type[PromiseMissed] | type[PromiseKept]
    kind: Kind
    promised: date
    detail: Any = None


def _judged(order: Order) -> Iterator[_Finding]:
    """What has happened to the goods, and what carriers believe, held against the promises."""
    for line_id, standing in order.promises.items():
        if order.live_quantity(line_id) > 0:
            yield from _departure(order, line_id, standing)
            yield from _arrival(order, line_id, standing)


def _departure(order: Order, line_id: str, standing: Standing) -> Iterator[_Finding]:
    promised = standing.promise.ship_by
    if promised is None:
        return
    if order.has_left(line_id):
        when = order.left_at(line_id)
        yield from _verdict(line_id, standing.ship, "ship", promised, when, standing.promise.ship_zone)
    elif standing.ship == "kept":
        yield _Finding(line_id, PromiseAtRisk, "ship", promised)


def _arrival(order: Order, line_id: str, standing: Standing) -> Iterator[_Finding]:
    promised = standing.promise.due
    if promised is None:
        return
    if order.has_arrived(line_id):
        when = order.arrived_at(line_id)
        yield from _verdict(line_id, standing.deliver, "deliver", promised, when, standing.promise.deliver_zone)
        return
    expected = order.expected_on(line_id)
    if expected is not None and expected > max(promised, standing.slipped_to or promised):
        yield _Finding(line_id, PromiseAtRisk, "deliver", promised, expected)
    elif standing.deliver == "kept":
        yield _Finding(line_id, PromiseAtRisk, "deliver", promised)


def _verdict(
    line_id: str, known: Word, kind: Kind, promised: date, when: datetime | None, zone: str
) -> Iterator[_Finding]:
    """A day is kept or missed by when it happened; where nobody knows when, by what was recorded until then."""
    is_missed = known == "missed" if when is None else is_late(promised, when, zone)
    if is_missed and known != "missed":
        yield _Finding(line_id, PromiseMissed, kind, promised, when)
    elif not is_missed and known != "kept":
        yield _Finding(line_id, PromiseKept, kind, promised)


def _told(findings: Iterable[_Finding], at: datetime) -> Iterator[Event]:
    """One event for all lines of which the same was found out."""
    together: dict[tuple[Any, Kind, date, Any], list[str]] = {}
    for found in findings:
        together.setdefault((found.event, found.kind, found.promised, found.detail), []).append(found.line_id)
    for (made, kind, promised, detail), line_ids in together.items():
        details = () if made is PromiseKept else (detail,)
        yield made(at, tuple(line_ids), kind, promised, *details)


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    if "verified" not in order.milestones:
        return
    made = _made(order, policy, at)
    if made:
        yield PromiseMade(at, made)
    elif order.promises:
        yield from _told((*_judged(order), *_over_before_it_came(order)), at)


def _over_before_it_came(order: Order) -> Iterator[_Finding]:
    """Of an order that others had begun: days that were over when it was taken over are missed from the beginning."""
    adopted_at = order.observed.adopted_at if order.observed is not None else None
    if adopted_at is not None:
        yield from _shown_by_time(order, adopted_at)


# -- time -----------------------------------------------------------------------------------------------------------


def _to_watch(order: Order) -> Iterator[tuple[datetime, _Finding]]:
    """What time alone will show, and when: as things stand now."""
    for line_id, standing in order.promises.items():
        if order.live_quantity(line_id) > 0:
            has_left = order.has_left(line_id)
            if not has_left:
                yield from _watched_departure(line_id, standing)
            if not order.has_arrived(line_id):
                yield from _watched_arrival(line_id, standing, has_left, order.milestones["verified"])


def _watched_departure(line_id: str, standing: Standing) -> Iterator[tuple[datetime, _Finding]]:
    promise = standing.promise
    if promise.ship_by is None or promise.ship_day_over is None:
        return
    if standing.ship == "open" and promise.leave_by is not None:
        yield promise.leave_by, _Finding(line_id, PromiseAtRisk, "ship", promise.ship_by)
    if standing.ship != "missed":
        yield promise.ship_day_over, _Finding(line_id, PromiseMissed, "ship", promise.ship_by)


def _watched_arrival(
    line_id: str, standing: Standing, has_left: bool, verified: datetime
) -> Iterator[tuple[datetime, _Finding]]:
    """What is not on its way is at risk as the day begins; if it was promised for that very day, when it should go."""
    promise = standing.promise
    if promise.due is None or promise.due_day_begins is None or promise.due_day_over is None:
        return
    if standing.deliver == "open" and not has_left:
        begins = max(promise.due_day_begins, promise.leave_by or promise.due_day_begins)
        if begins > verified:
            yield begins, _Finding(line_id, PromiseAtRisk, "deliver", promise.due)
    if standing.deliver != "missed":
        yield promise.due_day_over, _Finding(line_id, PromiseMissed, "deliver", promise.due)


def _moments(order: Order, policy: Policy) -> Iterable[datetime]:
    return (moment for moment, _ in _to_watch(order)) if order.promises else ()


def _at_time(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """What time has shown by now; of a day that is over, only that."""
    return _told(_shown_by_time(order, at), at)


def _shown_by_time(order: Order, at: datetime) -> Iterator[_Finding]:
    due = [found for moment, found in _to_watch(order) if moment <= at]
    over = {(found.line_id, found.kind) for found in due if found.event is PromiseMissed}
    return (found for found in due if found.event is PromiseMissed or (found.line_id, found.kind) not in over)


def _looks_at(order: Order) -> tuple[str, ...]:
    """Before the order is verified nothing is promised; later on, what the promises were made on, and what happened."""
    if "verified" not in order.milestones:
        return ("milestones",)
    if not order.promises:
        return ("milestones", "lines", "terms", "fulfillments", "claims")
    return ("promises", "ledger", "parcels", "shipments", "lines", "terms", "fulfillments", "claims")


STAGE = Stage(
    name="promises",
    events=(PromiseMade, PromiseAtRisk, PromiseMissed, PromiseKept),
    follow=_follow,
    looks_at=_looks_at,
    moments=_moments,
    at_time=_at_time,
)
