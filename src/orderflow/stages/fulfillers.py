"""Fulfillers: the work at locations that others run, and the handshake about it.

Where a location is run by another company (``Policy.fulfillers``), its work is not picked and packed by us: it is
*submitted*. A work is a PUT, as a claim on stock is. Revision 1 asks for all units of a fulfillment; whatever is to be
cancelled of them afterwards, or done otherwise (sent to another address), is a higher revision with smaller quantities,
zero for all, or other words; and it counts units that have left, so that answers and departures may come in any order.
The fulfiller answers, perhaps hours later, what it will do:

- less than was asked for when it is submitted: the rest is *declined*, open again, and cannot be had at this location
  any more, whatever its books say;
- more than is still wanted: those units are packed already, and their cancellation is declined;
- what it gives up is cancelled then, and not before.

That the goods have left is an observation (``RecordDespatch``), as with everything that others do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal

import attrs

from orderflow.ledger import CANCELLED, OPEN, Move, allocated
from orderflow.messages import Event, event
from orderflow.order import Case, Fulfillment, Order, Work
from orderflow.policy import Policy
from orderflow.ports import PutWork, Refused, Reply, WorkAccepted, WorkLine
from orderflow.stages.amending import THE_WAY, RedirectionDeclined, RedirectionSettled
from orderflow.stages.changes import CancellationDeclined, LinesCancelled, a_part_is_kept
from orderflow.stages.exceptions import ExceptionResolved, impossible_reply, raised
from orderflow.stages.picking import OrderInFulfillment
from orderflow.stages.stage import Stage, Wait, Wanted, units_text
from orderflow.values.address import Address
from orderflow.values.checked import PERSONAL, evolved
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.numbers import EXACT, ZERO, total_by

__all__ = ["STAGE", "FulfillerAskedAgain", "WorkConfirmed", "WorkDeclined", "WorkWanted"]


@event("work_wanted")
class WorkWanted(Event):
    """A fulfiller is to do this work, or less of it from now on: the intention, before it was asked."""

    fulfillment_id: str
    state: str
    request: PutWork

    def apply(self, order: Order) -> Order:
        """The work has a new revision, to be put until it is confirmed."""
        request = self.request
        wanted = FrozenMap({line.line_id: line.quantity for line in request.lines})
        work = order.works.get(self.fulfillment_id)
        if work is None:
            work = Work(self.fulfillment_id, request.fulfiller, request.revision, wanted, request)
        else:
            work = work.replace(revision=request.revision, wanted=wanted, request=request)
        fulfillment = order.fulfillments[self.fulfillment_id].replace(state=self.state)
        return order.replace(
            works=order.works.set(work.fulfillment_id, work),
            fulfillments=order.fulfillments.set(fulfillment.id, fulfillment),
        )


@event("work_confirmed")
class WorkConfirmed(Event):
    """A fulfiller has said what it will do, after a revision of its work: what has left included."""

    fulfillment_id: str
    revision: int
    quantities: FrozenMap[str, Decimal]

    def apply(self, order: Order) -> Order:
        """The work is confirmed at this revision."""
        return _work(
            order, self.fulfillment_id, confirmed=self.revision, wanted=self.quantities, agreed=self.quantities
        )


@event("work_declined")
class WorkDeclined(Event):
    """A fulfiller will not do these units."""

    fulfillment_id: str
    quantities: FrozenMap[str, Decimal]
    code: str
    message: str = attrs.field(default="", metadata=PERSONAL)

    def apply(self, order: Order) -> Order:
        """They are open again; and what is held there for their lines is that much less than the inventory says."""
        source = allocated(self.fulfillment_id)
        moves = (Move(line_id, source, OPEN, units) for line_id, units in self.quantities.items())
        declined = total_by((*order.works[self.fulfillment_id].declined.items(), *self.quantities.items()))
        after = _work(order, self.fulfillment_id, declined=FrozenMap(declined))
        return _missed(after, self.fulfillment_id, self.quantities).replace(ledger=order.ledger.moved(moves))


@event("fulfiller_asked_again")
class FulfillerAskedAgain(Event):
    """What a fulfiller has declined may be asked of it once more."""

    fulfillment_id: str

    def apply(self, order: Order) -> Order:
        """Nobody holds it against the fulfiller any more."""
        taken_back = {line_id: -units for line_id, units in order.works[self.fulfillment_id].declined.items()}
        return _missed(_work(order, self.fulfillment_id, declined=FrozenMap()), self.fulfillment_id, taken_back)


def _missed(order: Order, fulfillment_id: str, quantities: Mapping[str, Decimal]) -> Order:
    """So many more units that are held by the books of a location cannot be had there."""
    claims = dict(order.claims)
    for line_id, units in quantities.items():
        claim = order.claim_of(fulfillment_id, line_id)
        if claim is not None:
            claims[claim.id] = claim.replace(missed=max(ZERO, EXACT.add(claim.missed, units)))
    return order.replace(claims=FrozenMap(claims))


def _work(order: Order, fulfillment_id: str, **changes: object) -> Order:
    return order.replace(works=order.works.set(fulfillment_id, order.works[fulfillment_id].replace(**changes)))


# -- what is with a fulfiller -----------------------------------------------------------------------------------------


def _gone(order: Order, fulfillment_id: str) -> dict[str, Decimal]:
    """Units of a work that have left, by line, wherever they are by now: in its parcels, and in those of others."""
    gone: dict[str, Decimal] = {}
    for parcel in order.parcels_of(fulfillment_id):
        for line_id, units in order.despatched_in(parcel.id).items():
            gone[line_id] = EXACT.add(gone.get(line_id, ZERO), units)
    for parcel in order.parcels.values():
        for work, lines in parcel.of_other_works.items():
            for line_id, units in lines.items() if fulfillment_id in (work, parcel.fulfillment_id) else ():
                count = EXACT.add if work == fulfillment_id else EXACT.subtract
                gone[line_id] = count(gone.get(line_id, ZERO), units)
    return gone


def _asked_away(order: Order, fulfillment_id: str) -> Mapping[str, Decimal]:
    """Units that a fulfiller is to give up, by line: all that it has, where the whole order is to be cancelled."""
    account = allocated(fulfillment_id)
    return order.ledger.holding(account) if order.cancellation is not None else order.wished_out_of(account)


def _wanted_of(order: Order, work: Work) -> FrozenMap[str, Decimal]:
    """What is wanted of a work by now; it only ever becomes less."""
    here, gone = order.ledger.holding(allocated(work.fulfillment_id)), _gone(order, work.fulfillment_id)
    away = _asked_away(order, work.fulfillment_id)
    wanted = {}
    for line_id, before in work.wanted.items():
        there = EXACT.add(here.get(line_id, ZERO), gone.get(line_id, ZERO))
        wanted[line_id] = min(before, EXACT.subtract(there, away.get(line_id, ZERO)))
    return FrozenMap(wanted)


# -- what follows -----------------------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    if not order.works and not policy.fulfillers:
        return
    for fulfillment in order.fulfillments.values():
        work = order.works.get(fulfillment.id)
        if work is None:
            yield from _submitted(order, fulfillment, policy, at)
        elif (wanted := _wanted_of(order, work)) != work.wanted or _is_told_otherwise(order, fulfillment, work):
            request = _request(order, fulfillment, work.fulfiller, work.revision + 1, wanted)
            yield WorkWanted(at, fulfillment.id, fulfillment.state, request)
    if order.redirections:
        yield from _redirections_answered(order, at)
    yield from _order_is_worked_on(order, policy, at)
    yield from _declined_work_is_a_case(order, at)


def _submitted(order: Order, fulfillment: Fulfillment, policy: Policy, at: datetime) -> Iterable[Event]:
    """Work at a location that others run is submitted, where nothing holds it and the lifecycles permit it."""
    fulfiller = policy.fulfiller_at(fulfillment.location)
    units = order.ledger.holding(allocated(fulfillment.id))
    if fulfiller is None or not units or order.cancellation is not None:
        return
    state = policy.fulfillment_step(order, fulfillment, "submit")
    may_begin = "in_fulfillment" in order.milestones or policy.order_step(order, "start_fulfillment") is not None
    if state is not None and may_begin and not any(order.holds_on("submit", fulfillment.id)):
        yield WorkWanted(at, fulfillment.id, state, _request(order, fulfillment, fulfiller, 1, units))


def _request(
    order: Order, fulfillment: Fulfillment, fulfiller: str, revision: int, quantities: Mapping[str, Decimal]
) -> PutWork:
    """Freeze the whole body of a work; of one whose redirection was declined, in the words that were agreed."""
    wish, work = order.redirection_of(fulfillment.id), order.works.get(fulfillment.id)
    lines = tuple(_work_line(order, line_id, units) for line_id, units in quantities.items())
    ship_to, instructions = order.ship_to, order.instructions
    if wish is not None and wish.word == "declined" and work is not None:
        agreed = {line.line_id: line for line in work.request.lines}
        lines = tuple(evolved(agreed[line_id], quantity=units) for line_id, units in quantities.items())
        ship_to, instructions = work.request.ship_to, work.request.instructions
    return PutWork(
        order.id,
        f"work/{fulfillment.id}/{revision}",
        f"{order.tenant}/{order.id}/work/{fulfillment.id}",
        fulfillment.id,
        revision,
        fulfiller,
        fulfillment.location,
        lines,
        ship_to,
        instructions,
        order.reference,
    )


def _is_told_otherwise(order: Order, fulfillment: Fulfillment, work: Work) -> bool:
    """Whether a fulfiller that has goods is to do with them otherwise than it was asked last."""
    wish = order.redirection_of(fulfillment.id) if order.redirections else None
    if wish is None or wish.word != "waits" or not order.ledger.holds_any(allocated(fulfillment.id)):
        return False
    now, then = _request(order, fulfillment, work.fulfiller, work.revision, work.wanted), work.request
    return (now.lines, now.ship_to, now.instructions) != (then.lines, then.ship_to, then.instructions)


def _redirections_answered(order: Order, at: datetime) -> Iterable[Event]:
    """A fulfiller that has agreed to a work in its new words does it so; what it has sent before went the old way."""
    for place in dict.fromkeys(one.place for one in order.redirections if one.word == "waits"):
        work = order.works.get(place)
        if work is None:
            continue
        if not order.ledger.holds_any(allocated(place)):
            if _gone(order, place):
                yield RedirectionDeclined(at, place, "amendment.goods_have_left", f"{place} has left")
            else:
                yield RedirectionSettled(at, place)
        elif work.is_settled and not _is_told_otherwise(order, order.fulfillments[place], work):
            yield RedirectionSettled(at, place)


def _work_line(order: Order, line_id: str, units: Decimal) -> WorkLine:
    line, terms = order.lines[line_id], order.terms_of(line_id)
    elsewhere: Address | None = terms.ship_to if terms.ship_to != order.ship_to else None
    return WorkLine(
        line_id, line.sku, line.unit, units, elsewhere, terms.carrier or "", terms.service or "", line.instructions
    )


def _order_is_worked_on(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """The order is in fulfillment once a fulfiller has taken a part of it."""
    if "in_fulfillment" in order.milestones or order.cancellation is not None:
        return
    if any(any(work.agreed.values()) or _gone(order, work.fulfillment_id) for work in order.works.values()):
        state = policy.order_step(order, "start_fulfillment")
        if state is not None:
            yield OrderInFulfillment(at, state)


def _declined_work_is_a_case(order: Order, at: datetime) -> Iterable[Event]:
    """Declined units that nobody else was given are a case; it closes by itself when somebody was."""
    waiting = order.ledger.holding(OPEN)
    for work in order.works.values():
        case = order.case_about(work.fulfillment_id)
        units = {line_id: waiting[line_id] for line_id in work.declined if line_id in waiting}
        if units and case is None and order.cancellation is None:
            told = f"{work.fulfiller} will not do {units_text(order, units)}"
            options = ("try_again", "cancel_order")
            yield from raised(order, "fulfillers.declined", work.fulfillment_id, told, options, at)
            return
        if not units and case is not None and case.code == "fulfillers.declined":
            yield ExceptionResolved(at, case.id, "filled")


# -- what is wanted from outside, and what answers mean -------------------------------------------------------------


def _wants(order: Order) -> Iterable[Wanted]:
    for work in order.works.values():
        if not work.is_settled and not _all_is_gone(order, work):
            yield Wanted(work.request)


def _all_is_gone(order: Order, work: Work) -> bool:
    """Whether all that was ever asked for has left, so that no answer could change anything."""
    gone = _gone(order, work.fulfillment_id)
    planned = order.fulfillments[work.fulfillment_id].planned
    return all(gone.get(line_id, ZERO) >= units for line_id, units in planned.items())


def _answered(order: Order, request: PutWork, reply: Reply, policy: Policy, at: datetime) -> Iterable[Event]:
    work = order.works[request.fulfillment_id]
    if isinstance(reply, Refused):
        if request.revision == work.revision and not work.is_settled:
            yield from _refused(order, work, request, reply, policy, at)
    elif not isinstance(reply, WorkAccepted) or _cannot_be(order, work, reply):
        yield from impossible_reply(order, request, reply, at)
    elif reply.revision == work.revision:
        if not work.is_settled:
            yield from _agreed(order, work, reply.quantities, None, policy, at)
        elif any(reply.quantities.get(line_id, ZERO) > units for line_id, units in work.agreed.items()):
            told = f"{work.fulfiller} has said twice what it will do of {work.fulfillment_id}, and not the same"
            yield from raised(order, "fulfillers.contradiction", work.fulfillment_id, told, ("settled",), at)


def _cannot_be(order: Order, work: Work, reply: WorkAccepted) -> bool:
    """More than was ever asked for, or has left; or an answer to a question that was never asked."""
    planned = order.fulfillments[work.fulfillment_id].planned
    return reply.revision > work.revision or any(
        units < 0 or units > max(planned.get(line_id, ZERO), work.wanted.get(line_id, ZERO))
        for line_id, units in reply.quantities.items()
    )


def _refused(
    order: Order, work: Work, request: PutWork, reply: Refused, policy: Policy, at: datetime
) -> Iterable[Event]:
    """A refusal changes nothing: a work that is submitted is not taken, one that was taken stays as it was."""
    wish = order.redirection_of(work.fulfillment_id)
    if wish is not None and wish.word == "waits" and work.confirmed:
        yield RedirectionDeclined(at, work.fulfillment_id, reply.code, reply.message)
    if work.revision == 1 or work.confirmed:
        yield from _agreed(order, work, work.agreed, reply, policy, at)
    else:
        told = f"{work.fulfiller} refused to do less before it said whether it does anything: {reply.code}"
        options = ("try_again", "nothing_is_done", "all_is_done")
        yield from raised(order, "fulfillers.unclear", request, told, options, at)


def _agreed(
    order: Order, work: Work, quantities: Mapping[str, Decimal], refusal: Refused | None, policy: Policy, at: datetime
) -> Iterator[Event]:
    """What a fulfiller gives up is cancelled, or open again where nobody asked; what it keeps is not cancelled."""
    gone = _gone(order, work.fulfillment_id)
    agreed = {line_id: max(quantities.get(line_id, ZERO), gone.get(line_id, ZERO)) for line_id in work.wanted}
    given_up, declined, kept = _parts(order, work, agreed, gone)
    yield WorkConfirmed(at, work.fulfillment_id, work.revision, FrozenMap(agreed))
    if given_up:
        moves = _moves(work, given_up)
        cancelled = LinesCancelled(at, moves, () if order.cancellation is not None else moves)
        order = cancelled.apply(order)
        yield cancelled
    if declined:
        code, told = (refusal.code, refusal.message) if refusal is not None else ("fulfiller.declined", "")
        yield WorkDeclined(at, work.fulfillment_id, declined, code, told)
    if kept:
        told = (refusal.message if refusal is not None else "") or f"{work.fulfiller} keeps {units_text(order, kept)}"
        code = refusal.code if refusal is not None else "fulfiller.packed"
        moves = _moves(work, kept)
        if order.cancellation is not None:
            yield from a_part_is_kept(order, policy, code, told, moves, at)
        else:
            yield CancellationDeclined(at, code, told, moves)


def _parts(
    order: Order, work: Work, agreed: Mapping[str, Decimal], gone: Mapping[str, Decimal]
) -> tuple[FrozenMap[str, Decimal], FrozenMap[str, Decimal], FrozenMap[str, Decimal]]:
    """Of the units that a fulfiller has: those given up as was asked, those declined unasked, those kept unwanted."""
    away = _asked_away(order, work.fulfillment_id)
    given_up: dict[str, Decimal] = {}
    declined: dict[str, Decimal] = {}
    kept: dict[str, Decimal] = {}
    for line_id, here in order.ledger.holding(allocated(work.fulfillment_id)).items():
        still_to_do = EXACT.subtract(agreed.get(line_id, ZERO), gone.get(line_id, ZERO))
        free = EXACT.subtract(here, min(here, still_to_do))
        asked = away.get(line_id, ZERO)
        given_up[line_id] = min(free, asked)
        declined[line_id] = EXACT.subtract(free, given_up[line_id])
        kept[line_id] = EXACT.subtract(asked, given_up[line_id])
    return _some(given_up), _some(declined), _some(kept)


def _some(quantities: Mapping[str, Decimal]) -> FrozenMap[str, Decimal]:
    return FrozenMap({line_id: units for line_id, units in quantities.items() if units})


def _moves(work: Work, quantities: Mapping[str, Decimal]) -> tuple[Move, ...]:
    source = allocated(work.fulfillment_id)
    return tuple(Move(line_id, source, CANCELLED, units) for line_id, units in quantities.items())


# -- settling, and waiting ------------------------------------------------------------------------------------------


def _ask_again(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The units that were declined are put to the same fulfiller once more."""
    yield FulfillerAskedAgain(at, case.about)


def _nothing_is_done(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """Someone found out that the fulfiller does nothing of a work."""
    work = order.works[case.about.split("/")[1]]
    if not work.is_settled:
        yield from _agreed(order, work, {}, None, policy, at)


def _all_is_done(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """Someone found out that the fulfiller does all that it was asked at first, and as it was asked then."""
    work = order.works[case.about.split("/")[1]]
    wish = order.redirection_of(work.fulfillment_id)
    if wish is not None and wish.word == "waits":
        yield RedirectionDeclined(at, work.fulfillment_id, case.code, case.message)
    if not work.is_settled:
        yield from _agreed(order, work, order.fulfillments[work.fulfillment_id].planned, None, policy, at)


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for fulfillment in order.fulfillments.values():
        units = order.ledger.holding(allocated(fulfillment.id))
        work = order.works.get(fulfillment.id)
        name = policy.fulfiller_at(fulfillment.location) if work is None else work.fulfiller
        if not units or name is None:
            continue
        about = f"fulfillment {fulfillment.id}"
        if work is None:
            yield Wait(name, f"to be asked for {units_text(order, units)}", about)
        elif work.is_settled:
            yield Wait(name, f"to send {units_text(order, units)}", about)
        elif away := _some(_asked_away(order, fulfillment.id)):
            yield Wait(name, f"to give up {units_text(order, away)}", about)
        else:
            yield Wait(name, f"to accept {units_text(order, units)}", about)


def _looks_at(order: Order) -> tuple[str, ...]:
    """Without a fulfillment there is no work; what fulfillers are told matters once that was amended."""
    if not order.fulfillments:
        return ("fulfillments",)
    return (*_ALL, *THE_WAY) if order.redirections else _ALL


_ALL = (
    "milestones",
    "state",
    "ledger",
    "fulfillments",
    "works",
    "holds",
    "cancellation",
    "line_cancellations",
    "redirections",
    "cases",
)

STAGE = Stage(
    name="fulfillers",
    events=(WorkWanted, WorkConfirmed, WorkDeclined, FulfillerAskedAgain),
    follow=_follow,
    looks_at=_looks_at,
    wants=_wants,
    answers=FrozenMap({PutWork: _answered}),
    settles=FrozenMap(
        {
            ("fulfillers.declined", "try_again"): _ask_again,
            ("fulfillers.unclear", "nothing_is_done"): _nothing_is_done,
            ("fulfillers.unclear", "all_is_done"): _all_is_done,
        }
    ),
    awaits=_awaits,
)
