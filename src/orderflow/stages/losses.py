"""Losses: what goes wrong on the way, and how it is made good.

What a parcel's reports amount to (`orderflow.tracking.fold`) may be a problem: it is lost, it comes back, it is
damaged, or it stands still until somebody does something. Each is a *case* about the parcel; a person chooses an
option, or a strategy does (``Policy.settle``). A parcel has one problem at a time, the gravest; a case whose problem is
gone closes by itself, as ``moot``.

To *reship* is to order the missing units once more: a line of their own, with the terms of the original, free, with its
own claim, fulfillment and parcel. To *refund* is to give back the units of the original line, through the same counter
as every credit. Both count by unit: what is replaced by a line that is still wanted, or was credited, is *made good*,
and only what is not can be replaced or credited. So nothing is made good twice, and when a replacement is cancelled the
problem is there again. Where a parcel arrives after it was made good, the customer has an *extra unit*: that is a case.

To *wait* lasts as long as the policy is patient (``Policy.patience``); a problem that is still there then is raised
again. Goods that are lost and found again are never counted twice: they are where the reports say.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from orderflow.ledger import delivered
from orderflow.messages import Event, event
from orderflow.order import Case, Choice, Line, Order, Origin, Parcel
from orderflow.policy import Policy
from orderflow.stages.exceptions import ExceptionRaised, ExceptionResolved
from orderflow.stages.stage import Settle, Stage, units_text
from orderflow.tracking import TrackingStatus
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.numbers import ZERO, total_by
from orderflow.values.record import record

__all__ = [
    "CODES",
    "DAMAGED",
    "EXTRA",
    "STAGE",
    "DamageReported",
    "DeliveryDelayed",
    "DeliveryFailed",
    "GoodsCredited",
    "PatienceEnded",
    "ProblemSettled",
    "Replacement",
    "ReplacementOrdered",
    "nothing_is_awaited",
]

_S = TrackingStatus
LOST, RETURNING, DAMAGED = "delivery.lost", "delivery.returning", "delivery.damaged"
FAILED, ON_HOLD, DELAYED = "delivery.failed", "delivery.on_hold", "delivery.delayed"
CANCELLED = "delivery.cancelled"
EXTRA = "delivery.extra"

#: What can go wrong on the way, by the code of its case: the options that it offers.
CODES: FrozenMap[str, tuple[str, ...]] = FrozenMap(
    {
        EXTRA: ("customer_keeps", "collect"),
        LOST: ("reship", "refund", "wait"),
        RETURNING: ("reship", "refund", "wait"),
        DAMAGED: ("reship", "refund", "accept"),
        FAILED: ("wait", "redirect", "reship", "refund"),
        ON_HOLD: ("wait", "redirect", "reship", "refund"),
        DELAYED: ("wait", "reship", "refund"),
        CANCELLED: ("reship", "refund", "wait"),
    }
)
#: A standstill is a case where its last report says that somebody must do something.
_STANDSTILLS = {_S.DELIVERY_FAILED: FAILED, _S.ON_HOLD: ON_HOLD, _S.DELIVERY_DELAYED: DELAYED}


@event("delivery_failed")
class DeliveryFailed(Event):
    """The carrier tried to deliver a parcel and could not; ``attempts`` is how often by now."""

    parcel_id: str
    attempts: int
    reason: str = ""

    def apply(self, order: Order) -> Order:
        """So many attempts are known to have failed."""
        return _with(order, self.parcel_id, attempts=self.attempts)


@event("delivery_delayed")
class DeliveryDelayed(Event):
    """The carrier says that a parcel is late; ``delays`` is how often by now."""

    parcel_id: str
    delays: int
    reason: str = ""

    def apply(self, order: Order) -> Order:
        """So many delays are known."""
        return _with(order, self.parcel_id, delays=self.delays)


@event("damage_reported")
class DamageReported(Event):
    """The carrier says that a parcel was damaged on its way."""

    parcel_id: str

    def apply(self, order: Order) -> Order:
        """The damage is known."""
        return _with(order, self.parcel_id, is_damaged=True)


@record
class Replacement:
    """So many units of a line are sent once more, under a line of their own."""

    line_id: str
    replaces: str
    quantity: Decimal


@event("replacement_ordered")
class ReplacementOrdered(Event):
    """What did not arrive is sent once more: each line replaces one, has its terms, and is free.

    ``code`` is that of the problem for which nobody counts on the parcel any more.
    """

    parcel_id: str
    code: str
    lines: tuple[Replacement, ...]

    def apply(self, order: Order) -> Order:
        """There are lines more, with open units, beside what was ordered."""
        parcel = order.parcels[self.parcel_id]
        replacements = dict(parcel.replacements)
        for one in self.lines:
            replacements[one.replaces] = (*replacements.get(one.replaces, ()), one.line_id)
        more = order.with_lines(
            (_replacing(order.lines[one.replaces], one.line_id), one.quantity) for one in self.lines
        )
        return _given_up(more, parcel, self.code, replacements=FrozenMap(replacements))


@event("goods_credited")
class GoodsCredited(Event):
    """What did not arrive, or not whole, is given back in money: so many units of each line of the parcel."""

    parcel_id: str
    code: str
    quantities: FrozenMap[str, Decimal]

    def apply(self, order: Order) -> Order:
        """The units are given back."""
        parcel = order.parcels[self.parcel_id]
        credited = total_by((*parcel.credited.items(), *self.quantities.items()))
        return _given_up(order.refunding(self.quantities), parcel, self.code, credited=FrozenMap(credited))


@event("problem_settled")
class ProblemSettled(Event):
    """What is to be done about a problem of a parcel was chosen; ``until`` is for how long we wait, at most."""

    parcel_id: str
    code: str
    option: str
    since: datetime
    until: datetime | None = None

    def apply(self, order: Order) -> Order:
        """The problem needs nobody, until a later report brings it up anew."""
        choices = order.parcels[self.parcel_id].choices.set(self.code, Choice(self.option, self.since, self.until))
        return _with(order, self.parcel_id, choices=choices)


@event("patience_ended")
class PatienceEnded(Event):
    """We have waited long enough, and the problem is still there."""

    parcel_id: str
    code: str

    def apply(self, order: Order) -> Order:
        """The problem needs someone again."""
        return _with(order, self.parcel_id, choices=order.parcels[self.parcel_id].choices.without(self.code))


def _replacing(line: Line, line_id: str) -> Line:
    return line.replace(id=line_id, stated_price=None, origin=Origin("replacement_of", line.id))


def _with(order: Order, parcel_id: str, **changes: object) -> Order:
    parcel = order.parcels[parcel_id].replace(**changes)
    return order.replace(parcels=order.parcels.set(parcel_id, parcel))


def _given_up(order: Order, parcel: Parcel, code: str, **changes: object) -> Order:
    choices = parcel.choices.without(code) if code in parcel.choices else parcel.choices
    return _with(order, parcel.id, given_up=code, choices=choices, **changes)


# -- what is the matter ---------------------------------------------------------------------------------------------


@record
class _Problem:
    """What is the matter with a parcel, since which report, in words."""

    code: str
    since: datetime
    told: str


def nothing_is_awaited(order: Order) -> bool:
    """Whether every parcel that left has arrived, or was made good; of what came back, it is known how."""
    held = order.ledger.held
    if any(one.kind == "undelivered" and not one.resolution for one in order.returns.values()):
        return False
    return not any(order.owed_for(parcel) for parcel in order.parcels.values() if delivered(parcel.id) not in held)


def _problem(order: Order, parcel: Parcel) -> _Problem | None:
    """The gravest problem that a parcel has, whatever was chosen about it."""
    tracking = parcel.tracking
    if not (parcel.given_up or tracking.is_troubled) or not (sent := order.sent_in(parcel.id)):
        return None
    since = tracking.since or parcel.reports[-1].occurred_at
    has_arrived = order.ledger.holds_any(delivered(parcel.id))
    if has_arrived and parcel.given_up not in ("", DAMAGED):
        extra = {line_id: min(units, sent.get(line_id, ZERO)) for line_id, units in order.made_good(parcel).items()}
        extra = {line_id: units for line_id, units in extra.items() if units}
        told = f"{parcel.id} has arrived after it was made good: {units_text(order, extra)}"
        return _Problem(EXTRA, since, told) if extra else None
    owed = order.owed_for(parcel)
    code, began = _trouble(parcel, has_arrived)
    if not code or not owed:
        return None
    return _Problem(code, began or since, f"{parcel.id} {_SAYS[code]}: {units_text(order, owed)}")


def _trouble(parcel: Parcel, has_arrived: bool) -> tuple[str, datetime | None]:
    """What is the matter with a parcel by its reports; one that was given up stays so until it arrives."""
    tracking = parcel.tracking
    if parcel.given_up:
        return parcel.given_up, None
    if not has_arrived and tracking.lost_since is not None:
        return LOST, tracking.lost_since
    if not has_arrived and tracking.status is _S.RETURN_TO_SENDER:
        return RETURNING, tracking.since
    if tracking.damaged_since is not None:
        return DAMAGED, tracking.damaged_since
    if not has_arrived and tracking.status is _S.CANCELLED:
        return CANCELLED, tracking.since
    if not has_arrived and tracking.action_required:
        return _STANDSTILLS.get(tracking.status, ""), tracking.since
    return "", None


_SAYS = {
    LOST: "is lost",
    RETURNING: "comes back to its sender",
    DAMAGED: "is damaged",
    FAILED: "could not be delivered",
    ON_HOLD: "is held up",
    DELAYED: "is late",
    CANCELLED: "was cancelled by its carrier on the way",
}


def _stands(parcel: Parcel, problem: _Problem) -> Choice | None:
    """What was chosen about a problem, where that stands."""
    choice = parcel.choices.get(problem.code)
    return choice if choice is not None and choice.since >= problem.since else None


def _troubled(order: Order) -> Iterable[tuple[Parcel, _Problem]]:
    for parcel in order.parcels.values():
        problem = _problem(order, parcel)
        if problem is not None:
            yield parcel, problem


# -- what follows ---------------------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    open_ones = {case.about: case for case in order.open_cases if case.code in CODES} if order.cases else {}
    needed = {parcel.id: problem for parcel, problem in _troubled(order) if _stands(parcel, problem) is None}
    for parcel in order.parcels.values():
        if parcel.is_reported:
            yield from _told_of(parcel, at)
    for about, case in open_ones.items():
        if about not in needed or needed[about].code != case.code:
            yield ExceptionResolved(at, case.id, "moot")
    number = len(order.cases)
    for parcel_id, problem in needed.items():
        if parcel_id not in open_ones or open_ones[parcel_id].code != problem.code:
            number += 1
            options = tuple(one for one in CODES[problem.code] if one != "reship" or not order.is_over)
            yield ExceptionRaised(at, f"X{number}", problem.code, parcel_id, problem.told, options)


def _told_of(parcel: Parcel, at: datetime) -> Iterable[Event]:
    """What only adds up is recorded as it grows."""
    tracking = parcel.tracking
    if tracking.attempts != parcel.attempts:
        yield DeliveryFailed(at, parcel.id, tracking.attempts, tracking.reason)
    if tracking.delays != parcel.delays:
        yield DeliveryDelayed(at, parcel.id, tracking.delays, tracking.reason)
    if tracking.damaged_since is not None and not parcel.is_damaged:
        yield DamageReported(at, parcel.id)


def _moments(order: Order, policy: Policy) -> Iterable[datetime]:
    for parcel, problem in _troubled(order):
        choice = _stands(parcel, problem)
        if choice is not None and choice.until is not None:
            yield choice.until


def _at_time(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """Patience has an end."""
    for parcel, problem in _troubled(order):
        choice = _stands(parcel, problem)
        if choice is not None and choice.until is not None and choice.until <= at:
            yield PatienceEnded(at, parcel.id, problem.code)


# -- settling -------------------------------------------------------------------------------------------------------


def _reship(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """What was not made good is ordered once more: a free line, with the terms of the original."""
    owed = order.owed_for(order.parcels[case.about])
    first = len(order.lines) + 1
    lines = tuple(Replacement(f"L{n}", line_id, units) for n, (line_id, units) in enumerate(owed.items(), first))
    yield ReplacementOrdered(at, case.about, case.code, lines)


def _refund(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """What was not made good is credited, exactly; nobody counts on its arrival any more."""
    yield GoodsCredited(at, case.about, case.code, FrozenMap(order.owed_for(order.parcels[case.about])))


def _wait(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """Nothing is done for as long as ``Policy.patience`` lasts; a problem that is there then is a case again."""
    for problem in _the_problem(order, case):
        yield ProblemSettled(at, case.about, case.code, "wait", problem.since, at + policy.patience)


def _as_chosen(option: str, says: str) -> Settle:
    """The choice is recorded; what it asks for is done by people."""

    def settled(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
        until = at + policy.patience if option == "redirect" else None
        for problem in _the_problem(order, case):
            yield ProblemSettled(at, case.about, case.code, option, problem.since, until)

    settled.__doc__ = says
    return settled


def _the_problem(order: Order, case: Case) -> Iterable[_Problem]:
    problem = _problem(order, order.parcels[case.about])
    if problem is not None and problem.code == case.code:
        yield problem


#: Choices that are recorded: what they ask for is done by people.
_CHOICES = {
    "redirect": "Someone has told the carrier another way; like ``wait``, until patience ends.",
    "accept": "The customer takes it as it is.",
    "customer_keeps": "The customer keeps the extra units, and pays nothing for them.",
    "collect": "The extra units are fetched back; someone sees to it.",
}
_OPTIONS: dict[str, Settle] = {
    "reship": _reship,
    "refund": _refund,
    "wait": _wait,
    **{option: _as_chosen(option, says) for option, says in _CHOICES.items()},
}


def _looks_at(order: Order) -> tuple[str, ...]:
    """Reports are with the parcels; how much of a parcel is made good, the ledger says, and returns what came back."""
    is_made_good = any(parcel.given_up for parcel in order.parcels.values())
    return ("parcels", "cases", "returns", "ledger") if is_made_good else ("parcels", "cases", "returns")


STAGE = Stage(
    name="losses",
    events=(
        DeliveryFailed,
        DeliveryDelayed,
        DamageReported,
        ReplacementOrdered,
        GoodsCredited,
        ProblemSettled,
        PatienceEnded,
    ),
    follow=_follow,
    looks_at=_looks_at,
    moments=_moments,
    at_time=_at_time,
    settles=FrozenMap({(code, option): _OPTIONS[option] for code, options in CODES.items() for option in options}),
)
