"""Checks: what only others can answer before work begins: credit, fraud, export, payment.

Which checks an order needs is policy (``Policy.checks``). Each is asked for on certain *facts* of the order, known by a
digest; whoever can answer it says so with `RecordCheck`. The order is not verified while an answer is missing or was
no. Where the facts change (an amendment, another price), or an answer is not valid any longer, the check is asked for
again; an order that was verified before is held until it is answered. A check that was not passed is a case: a person
overrides it, has it asked again, or cancels the order.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import attrs

from orderflow.errors import Violation
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Answer, Case, Order
from orderflow.policy import Check, Policy
from orderflow.stages.changes import CancellationRequested
from orderflow.stages.exceptions import ExceptionResolved, raised
from orderflow.stages.holds import HoldPlaced, HoldReleased
from orderflow.stages.stage import Decision, Stage, Wait, next_id, order_exists
from orderflow.values.checked import PERSONAL, as_flag, checked, optional
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_text, digest
from orderflow.values.times import as_instant

__all__ = ["HOLD", "STAGE", "CheckDropped", "CheckRecorded", "CheckRequired", "RecordCheck", "digest_of"]

#: The hold on an order that was verified, and of which a check is asked for again.
HOLD = "verification.check_open"
_BLOCKED = ("plan", "pick", "pack", "book", "despatch")


@command("record_check")
class RecordCheck(Command):
    """Whoever can answer a check does: passed or not, valid until when, and on what evidence.

    ``valid_until`` is as the policy has it where it is left out. With ``facts``, the digest that the check was asked
    for on, an answer to what the order was like before is refused.
    """

    order_id: str = checked(as_id)
    check: str = checked(as_id)
    passed: bool = checked(as_flag)
    valid_until: datetime | None = checked(optional(as_instant), default=None)
    note: str = checked(as_text(1000), default="", personal=True)
    evidence: str = checked(as_text(1000), default="", personal=True)
    facts: str = checked(as_text(100), default="", personal=True)


@event("check_required")
class CheckRequired(Event):
    """Somebody must answer a check, on these facts of the order."""

    check: str
    facts: str = attrs.field(metadata=PERSONAL)
    who: str = ""

    def apply(self, order: Order) -> Order:
        """The check is open, whatever was answered on other facts."""
        return order.replace(checks=order.checks.set(self.check, Answer(self.check, self.facts, self.who, self.at)))


@event("check_recorded")
class CheckRecorded(Event):
    """A check was answered; ``overridden`` where a person let the order pass against the answer."""

    check: str
    passed: bool
    valid_until: datetime | None = None
    note: str = attrs.field(default="", metadata=PERSONAL)
    evidence: str = attrs.field(default="", metadata=PERSONAL)
    overridden: bool = False

    def apply(self, order: Order) -> Order:
        """The check has its answer."""
        answer = order.checks[self.check].replace(
            passed=self.passed,
            answered_at=self.at,
            valid_until=self.valid_until,
            note=self.note,
            evidence=self.evidence,
            overridden=self.overridden,
        )
        return order.replace(checks=order.checks.set(self.check, answer))


@event("check_dropped")
class CheckDropped(Event):
    """The order, as it is now, does not need a check any more."""

    check: str

    def apply(self, order: Order) -> Order:
        """Nobody has to answer it."""
        return order.replace(checks=FrozenMap({name: a for name, a in order.checks.items() if name != self.check}))


# -- rules ----------------------------------------------------------------------------------------------------------


def the_check_is_asked_for(order: Order, command: RecordCheck, policy: Policy) -> Iterable[Violation]:
    """Only what was asked for is answered."""
    if command.check not in order.checks:
        asked = ", ".join(order.checks) or "none"
        yield Violation("check.unknown", f"no check {command.check!r} was asked for; asked for: {asked}", "check")


def the_facts_are_still_the_same(order: Order, command: RecordCheck, policy: Policy) -> Iterable[Violation]:
    """An answer is about the order as it is now."""
    if command.facts and command.facts != order.checks[command.check].facts:
        yield Violation("check.facts_changed", "the order has changed since this was asked", "facts", remedy="ask anew")


# -- decisions ------------------------------------------------------------------------------------------------------


def _record(order: Order, command: RecordCheck, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    at = envelope.at
    until = command.valid_until
    if until is None and command.passed:
        spec = {check.name: check for check in policy.checks_of(order)}.get(command.check)
        until = at + spec.valid_for if spec is not None and spec.valid_for is not None else None
    yield CheckRecorded(at, command.check, command.passed, until, command.note, command.evidence)
    if not command.passed and not order.is_over:
        because = f": {command.note}" if command.note else ""
        told = f"the check {command.check} was not passed{because}"
        options = ("override", "ask_again", "cancel_order")
        yield from raised(order, "verification.check_failed", f"check/{command.check}", told, options, at)
        if _still_matters(order):
            yield from _held(order, "a check was not passed", at)


def _checked(order: Order, case: Case) -> Answer | None:
    return order.checks.get(case.about.partition("/")[2])


def _override(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """A person lets the order pass, until the facts change."""
    answer = _checked(order, case)
    if answer is not None:
        yield CheckRecorded(at, answer.check, True, None, answer.note, answer.evidence, overridden=True)


def _ask_again(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The check is asked for once more."""
    answer = _checked(order, case)
    if answer is not None:
        yield CheckRequired(at, answer.check, answer.facts, answer.who)


def _cancel(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The order is cancelled, as far as that is still possible."""
    yield CancellationRequested(at, case.message)


# -- what follows ---------------------------------------------------------------------------------------------------


def digest_of(check: Check, order: Order) -> str:
    """A short digest of the facts on which a check depends."""
    return digest(repr(check.facts(order)))


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    if not policy.checks and not order.checks:
        return ()
    return (*_closed_cases(order, at), *(_followed(order, policy, at) if _still_matters(order) else ()))


def _still_matters(order: Order) -> bool:
    """Whether the order is at work, and has not left."""
    milestones = order.milestones
    return (
        "acknowledged" in milestones
        and "shipped" not in milestones
        and not order.is_over
        and order.cancellation is None
        and order.erased_at is None
    )


def _followed(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    required = {check.name: check for check in policy.checks_of(order)}
    asked = []
    for check in required.values():
        known = order.checks.get(check.name)
        if known is None and check.needs_price and not order.is_priced:
            continue
        facts = digest_of(check, order)
        if known is None or known.facts != facts:
            asked.append(CheckRequired(at, check.name, facts, check.who))
    yield from asked
    yield from (CheckDropped(at, name) for name in order.checks if name not in required)
    if asked:
        yield from _held(order, _ASKED_AGAIN, at)
    elif all(answer.passed for name, answer in order.checks.items() if name in required):
        yield from (HoldReleased(at, hold.id) for hold in order.active_holds if hold.code == HOLD)


_ASKED_AGAIN = "a check is asked for again, since the order has changed or an answer has run out"


def _held(order: Order, told: str, at: datetime) -> Iterable[Event]:
    """An order that was verified goes no further until its checks are answered again."""
    if "verified" in order.milestones and not any(hold.code == HOLD for hold in order.active_holds):
        yield HoldPlaced(at, next_id("H", order.holds), HOLD, "", _BLOCKED, told)


def _closed_cases(order: Order, at: datetime) -> Iterable[Event]:
    """A case about an answer that does not count any more is closed."""
    for case in order.open_cases:
        if case.code == "verification.check_failed":
            answer = _checked(order, case)
            if answer is None or answer.passed is not False:
                yield ExceptionResolved(at, case.id, "moot")


def _moments(order: Order, policy: Policy) -> Iterable[datetime]:
    if order.checks and _still_matters(order):
        yield from (answer.valid_until for answer in order.checks.values() if answer.valid_until is not None)


def _at_time(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """An answer that is not valid any longer is asked for again."""
    if not order.checks or not _still_matters(order):
        return
    over = [a for a in order.checks.values() if a.valid_until is not None and a.valid_until <= at]
    yield from (CheckRequired(at, answer.check, answer.facts, answer.who) for answer in over)
    if over:
        yield from _held(order, _ASKED_AGAIN, at)


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    if order.checks and _still_matters(order):
        for answer in order.checks.values():
            if answer.passed is None:
                yield Wait(answer.who or "someone", f"to answer the check {answer.check}", f"facts {answer.facts}")


def _looks_at(order: Order) -> tuple[str, ...] | None:
    """Which facts a check is about is the host's to say; nothing of it matters before the order is acknowledged."""
    return None if "acknowledged" in order.milestones else ("milestones",)


STAGE = Stage(
    name="checks",
    commands=(RecordCheck,),
    events=(CheckRequired, CheckRecorded, CheckDropped),
    decisions=(
        Decision(
            RecordCheck,
            tiers=((order_exists,), (the_check_is_asked_for,), (the_facts_are_still_the_same,)),
            events=_record,
            candidates=lambda order, policy: (
                RecordCheck(order.id, answer.check, True) for answer in order.checks.values() if answer.passed is None
            ),
        ),
    ),
    follow=_follow,
    looks_at=_looks_at,
    moments=_moments,
    at_time=_at_time,
    settles=FrozenMap(
        {
            ("verification.check_failed", "override"): _override,
            ("verification.check_failed", "ask_again"): _ask_again,
            ("verification.check_failed", "cancel_order"): _cancel,
        }
    ),
    awaits=_awaits,
)
