"""The process: four pure functions, and everything else is a way to call them.

- `OrderProcess.decide` says what may happen: ``(order, command, envelope) -> events``, or `CommandRefused` with every
  reason.
- `evolve` says what it means: ``(order, event) -> order``. No policy, no look-ups.
- `pending` says what is still wanted from outside: ``(order) -> requests``, derived from the state alone.
- `OrderProcess.conclude` says what an answer means: ``(order, request, reply) -> events``, total over every reply,
  refusal and final failure.

After every ``decide`` and ``conclude`` an internal fifth, ``consequences``, runs to a bounded fixpoint in the same
change: milestones, messages and automatic steps live only there, so it does not matter which command removed the last
blocker.

Nothing here reads a clock, draws a random number or does I/O: the envelope says what time it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, get_args

import attrs

from orderflow.errors import CommandRefused, Problems, UnknownType, VersionConflict, Violation
from orderflow.lifecycle import Lifecycle
from orderflow.messages import SYSTEM, Actor, Command, Envelope, Event
from orderflow.order import Case, Order
from orderflow.payments import CHARGE_ON
from orderflow.policy import AUTOMATIC, BY_CHOICE, REVIEWED, Basis, ExchangeOn, Policy, Withheld
from orderflow.ports import REPLIES, Deferred, GaveUp, Reply, Request
from orderflow.stages import (
    acceptance,
    advices,
    amendment,
    answers,
    approval,
    authority,
    booking,
    cash,
    changes,
    checks,
    communication,
    confirmation,
    drafts,
    erasure,
    exceptions,
    expiry,
    fulfillers,
    handover,
    holds,
    losses,
    observation,
    packing,
    payment,
    picking,
    pricing,
    promises,
    putaway,
    returns,
    returns_collection,
    returns_disposition,
    returns_labels,
    returns_receiving,
    returns_request,
    returns_settlement,
    settlement,
    shipping,
    sourcing,
    steps,
    stock,
    tolerance,
    tracking,
    verification,
    voiding,
)
from orderflow.stages.permission import AmendmentProposed
from orderflow.stages.stage import Decision, Stage, Wait, Wanted, titled
from orderflow.values.checked import evolved
from orderflow.values.erasing import erased
from orderflow.values.money import Money
from orderflow.values.numbers import EXACT, ZERO, plain
from orderflow.values.record import record
from orderflow.values.shape import fits

__all__ = ["STAGES", "OrderProcess", "Outcome", "Preview", "evolve", "pending", "replay"]

#: Every stage of the trade, in the order in which goods and papers pass through them.
STAGES: tuple[Stage, ...] = (
    drafts.STAGE,
    acceptance.STAGE,
    observation.STAGE,
    tolerance.STAGE,
    expiry.STAGE,
    stock.STAGE,
    pricing.STAGE,
    checks.STAGE,
    verification.STAGE,
    confirmation.STAGE,
    sourcing.STAGE,
    fulfillers.STAGE,
    picking.STAGE,
    packing.STAGE,
    booking.STAGE,
    voiding.STAGE,
    handover.STAGE,
    shipping.STAGE,
    advices.STAGE,
    tracking.STAGE,
    amendment.STAGE,
    losses.STAGE,
    returns_request.STAGE,
    returns.STAGE,
    returns_collection.STAGE,
    returns_labels.STAGE,
    returns_receiving.STAGE,
    returns_disposition.STAGE,
    returns_settlement.STAGE,
    changes.STAGE,
    approval.STAGE,
    putaway.STAGE,
    settlement.STAGE,
    payment.STAGE,
    cash.STAGE,
    promises.STAGE,
    communication.STAGE,
    holds.STAGE,
    exceptions.STAGE,
    answers.STAGE,
    authority.STAGE,
    erasure.STAGE,
    steps.STAGE,
)

#: Consequences of one change that follow each other; more than this is a policy that chases its own tail.
_MOST_ROUNDS = 50


_NOBODY: tuple[Any, tuple[Any, ...]] = (None, ())


def evolve(order: Order | None, event: Event) -> Order:
    """The order after one event. Replaying its events, in order, gives the order."""
    after = event.apply(order)  # type: ignore[arg-type]
    if after is order:
        return order.replace(version=order.version + 1)
    after.__dict__["version"] = 1 if order is None else order.version + 1
    return after


def replay(events: Iterable[Event], order: Order | None = None) -> Order | None:
    """The order that these events make, from nothing or from an earlier state of it."""
    for event in events:
        order = evolve(order, event)
    return order


def pending(order: Order, stages: tuple[Stage, ...] = STAGES) -> tuple[Wanted, ...]:
    """What is still wanted from outside, derived from the state alone.

    A request that was deferred is wanted from the moment on at which it may be asked again; one about which someone
    has to settle an exception is not wanted until then.
    """
    memory = order.remembered
    known: tuple[Wanted, ...]
    asked, known = memory.get("pending", _NOBODY)
    if asked is not stages:
        known = _wanted(order, stages)
        memory["pending"] = stages, known
    return known


def _wanted(order: Order, stages: tuple[Stage, ...]) -> tuple[Wanted, ...]:
    wanted = tuple(one for stage in stages if stage.wants is not _NO_WANTS for one in stage.wants(order))
    if order.theirs:
        wanted = tuple(one for one in wanted if authority.asked_of_us(order, one.request))
    if order.erased_at is not None:
        wanted = tuple(one for one in wanted if not erasure.asked_of_nobody(one.request))
    if not wanted or not (order.cases or order.deferrals):
        return wanted
    blocked = {case.about for case in order.open_cases if case.is_about_request}
    later = {d.request_id: d.ask_after for d in order.deferrals.values() if not d.answered}
    return tuple(
        evolved(one, not_before=later[one.request.id]) if one.request.id in later else one
        for one in wanted
        if one.request.id not in blocked
    )


@record
class Outcome:
    """What a change leads to: the events, and the order after them."""

    events: tuple[Event, ...]
    order: Order


@record
class Preview:
    """What a command would do, without doing it. ``str`` draws it for people.

    Attributes:
        events: what would happen.
        order: the order as it would be.
        requests: what would be newly asked of the systems around.
        withdrawn: what is asked of them now and would not be any more.
        claims: how many units would be wanted held under a claim, for each claim of which that changes.
        bookings: the stage of each shipment that would come to be, or be at another one (`Shipment.stage`).
        goods: by how much the accounts of each line would change.
        money: by how much the amount that the customer is to pay would change.
        messages: what the customer would be told, as ``(kind, subject)``.
        waiting_for: whom the order would wait for that it does not wait for now: what stands between this and the end.
    """

    events: tuple[Event, ...]
    order: Order
    requests: tuple[Request, ...]
    goods: Mapping[str, Mapping[str, Any]]
    money: Money | None
    messages: tuple[tuple[str, str], ...]
    withdrawn: tuple[Request, ...] = ()
    claims: Mapping[str, Any] = attrs.field(factory=dict)
    bookings: Mapping[str, str] = attrs.field(factory=dict)
    waiting_for: tuple[Wait, ...] = ()

    def __str__(self) -> str:
        rows = [f"{self.order.id}  would be {self.order.state.replace('_', ' ')}"]
        rows += titled("goods", (self._moved(line_id, units) for line_id, units in self.goods.items()))
        rows += titled("held", (f"{claim}: {plain(units)}" for claim, units in self.claims.items()))
        rows += titled("bookings", (f"{shipment}: {stage}" for shipment, stage in self.bookings.items()))
        rows += titled("money", self._money())
        rows += titled("asked", (f"{type(one).__name__} {one.id}" for one in self.requests))
        rows += titled("not asked", (f"{type(one).__name__} {one.id}" for one in self.withdrawn))
        rows += titled("messages", (f"{kind} {subject}".rstrip() for kind, subject in self.messages))
        rows += titled("waiting for", map(str, self.waiting_for))
        return "\n".join(rows)

    def _moved(self, line_id: str, units: Mapping[str, Any]) -> str:
        told = ", ".join(f"{'+' if by > 0 else ''}{plain(by)} {account}" for account, by in units.items())
        return f"{line_id} ({self.order.lines[line_id].sku}): {told}"

    def _money(self) -> Iterable[str]:
        """By how much it would change; a change that is still to be quoted is more than that."""
        if self.money is not None and not self.money.is_zero:
            yield f"{'+' if self.money.amount > 0 else ''}{self.money}"
        if not self.order.is_priced:
            yield "more, once it is quoted"


class OrderProcess:
    """How orders are processed under one policy: a value, and pure."""

    def __init__(self, policy: Policy, stages: tuple[Stage, ...] = STAGES) -> None:
        _check_policy(policy, stages)
        self.policy = policy
        self.stages = stages
        self.decisions: dict[type[Command], Decision] = {
            decision.command: decision for stage in stages for decision in stage.decisions
        }
        self._answers = {kind: answer for stage in stages for kind, answer in stage.answers.items()}
        self._settles = [(key, settle) for stage in stages for key, settle in stage.settles.items()]
        looks_anywhere = bool(policy.verification or policy.guards)
        self._follow = (
            *(
                (stage.follow, _NOTHING.looks_at if looks_anywhere else stage.looks_at)
                for stage in stages
                if stage.follow is not _NOTHING.follow
            ),
            (self._moot_cases, _cases),
            *(((self._settled_by_policy, _cases),) if policy.settle is not None else ()),
        )
        self._moments = tuple(stage.moments for stage in stages if stage.moments is not _NOTHING.moments)
        self._at_time = tuple(stage.at_time for stage in stages if stage.at_time is not _NOTHING.at_time)

    # -- the four functions ------------------------------------------------------------------------------------------

    def decide(self, order: Order | None, command: Command, envelope: Envelope) -> tuple[Event, ...]:
        """What happens when ``command`` is given, consequences included.

        Raises:
            CommandRefused: it may not happen now; every reason of the first broken tier is told, nothing has happened.
            VersionConflict: the sender has seen another version of the order.
        """
        return self.carry_out(order, command, envelope).events

    def conclude(self, order: Order, request: Request, reply: Reply, at: datetime) -> tuple[Event, ...]:
        """What an answer means, consequences included: total over every reply, refusal and final failure."""
        return self.settle(order, request, reply, at).events

    def consequences(self, order: Order, at: datetime) -> tuple[Event, ...]:
        """What follows from the state alone, to a fixpoint."""
        events: list[Event] = []
        self._run_consequences(order, at, events)
        return tuple(events)

    # -- the same, with the order that results -----------------------------------------------------------------------

    def carry_out(self, order: Order | None, command: Command, envelope: Envelope) -> Outcome:
        """`decide`, with the order after it."""
        if order is not None and order.erased_at is not None:
            command, envelope = _impersonal(command, envelope)
        actual = order.version if order is not None else 0
        if envelope.expected_version is not None and envelope.expected_version != actual:
            raise VersionConflict(str(command.order_id), envelope.expected_version, actual)
        refused = self.violations(order, command, envelope.by)
        if refused:
            raise CommandRefused(type(command).__name__, refused)
        decision = self.decisions[type(command)]
        events = list(decision.led_to(order, command, self.policy, envelope))  # type: ignore[arg-type]
        if order is not None:
            events += self._beyond_its_stage(order, command, envelope.at)
        events += self._remarked(decision, order, events, command, envelope)
        is_told = envelope.notify and decision.is_told
        return self._outcome(order, events, envelope.at, self.policy if is_told else _silenced(self.policy))

    def settle(self, order: Order, request: Request, reply: Reply, at: datetime) -> Outcome:
        """`conclude`, with the order after it."""
        return self.settle_all(order, ((request, reply),), at)

    def settle_all(self, order: Order, answers: Iterable[tuple[Request, Reply]], at: datetime) -> Outcome:
        """What several answers mean, one after the other, with the consequences of all together."""
        before, happened = order, list[Event]()
        for request, reply in answers:
            if order.erased_at is not None and isinstance(reply, REPLIES):
                reply = erased(reply)
            for event in self._meaning(order, request, reply, at):
                order = evolve(order, event)
                happened.append(event)
        if happened:
            order = self._run_consequences(order, at, happened, before)
        return Outcome(tuple(happened), order)

    def violations(self, order: Order | None, command: Command, by: Actor = SYSTEM) -> tuple[Violation, ...]:
        """Why a command may not be given now, by this actor: everything in the first broken tier; empty where it may.

        Raises:
            UnknownType: no stage knows this command.
        """
        decision = self.decisions.get(type(command))
        if decision is None:
            raise UnknownType(type(command).__name__, "command")
        return decision.violations(order, command, self.policy, by)  # type: ignore[arg-type]

    def attention(self, order: Order) -> datetime | None:
        """The next moment at which time alone changes something."""
        memory = order.remembered
        known: datetime | None
        asked, known = memory.get("attention", (None, None))
        if asked is not self:
            known = min((moment for moments in self._moments for moment in moments(order, self.policy)), default=None)
            memory["attention"] = self, known
        return known

    def preview(self, order: Order | None, command: Command, envelope: Envelope) -> Preview:
        """What a command would do: events, order, requests, goods, money and messages. Nothing happens.

        Raises:
            CommandRefused: it may not happen now.
        """
        outcome = self.carry_out(order, command, envelope)
        after = outcome.order
        asked, asking = self._requests(order), self._requests(after)
        told = set(order.messages) if order is not None else set()
        waited = set(self._waits(order)) if order is not None else set()
        return Preview(
            outcome.events,
            after,
            tuple(request for id, request in asking.items() if id not in asked),
            _goods_moved(order, after),
            _money_moved(order, after),
            tuple((m.kind, m.subject) for key, m in after.messages.items() if key not in told),
            tuple(request for id, request in asked.items() if id not in asking),
            _differing(order.claims if order is not None else {}, after.claims, "wanted"),
            _differing(order.shipments if order is not None else {}, after.shipments, "stage"),
            tuple(wait for wait in self._waits(after) if wait not in waited),
        )

    # -- inside ------------------------------------------------------------------------------------------------------

    def _requests(self, order: Order | None) -> dict[str, Request]:
        """What is asked for an order, by the id of the request."""
        return {one.request.id: one.request for one in pending(order, self.stages)} if order is not None else {}

    def _waits(self, order: Order) -> Iterator[Wait]:
        return (wait for stage in self.stages for wait in stage.awaits(order, self.policy))

    def _outcome(self, before: Order | None, events: Iterable[Event], at: datetime, policy: Policy) -> Outcome:
        happened = list(events)
        order = before
        for event in happened:
            order = evolve(order, event)
        assert order is not None
        if happened:
            order = self._run_consequences(order, at, happened, before, policy)
        return Outcome(tuple(happened), order)

    def _remarked(
        self, decision: Decision, order: Order | None, events: list[Event], command: Command, envelope: Envelope
    ) -> Iterable[Event]:
        """Holds and warnings from the host's rules of a command that they do not refuse."""
        if not self.policy.rules or any(isinstance(event, AmendmentProposed) for event in events):
            return ()
        remarks = decision.remarks(order, command, self.policy)  # type: ignore[arg-type]
        after = replay(events, order)
        assert after is not None
        return (*holds.reviews(after, remarks, (), envelope.at), *holds.warnings(remarks, envelope.at))

    def _moot_cases(self, order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
        """Cases whose reason is gone close by themselves: a request nobody wants, a choice about a cancelled order.

        Goods that left before an order was rejected are to be priced all the same; while nobody can, that is a case.
        """
        if not order.cases:
            return
        is_over = "cancelled" in order.milestones or "rejected" in order.milestones
        wanted = self._wanted_ids(order)
        for case in order.open_cases:
            is_moot = is_over and "cancel_order" in case.options
            if case.about not in wanted if case.is_about_request else is_moot:
                yield exceptions.ExceptionResolved(at, case.id, "moot")

    def _settled(self, order: Order, case: Case, option: str, at: datetime) -> Iterable[Event]:
        """What an option of a case does."""
        key = (case.code, option)
        return [
            event for known, settle in self._settles if known == key for event in settle(order, case, self.policy, at)
        ]

    def _settled_by_policy(self, order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
        """A case that a strategy settles, one after the other, under the rules for those whom it spares the choice."""
        assert policy.settle is not None
        for case in order.open_cases:
            option = policy.settle(order, case)
            if option is None:
                continue
            if option not in case.options:
                raise ValueError(f"settle chose {option!r} for {case.code}, which offers {', '.join(case.options)}")
            if not self.violations(order, exceptions.ResolveException(order.id, case.id, option)):
                yield exceptions.ExceptionResolved(at, case.id, option, by_policy=True)
                yield from self._settled(order, case, option, at)
                return

    def _run_consequences(
        self, order: Order, at: datetime, events: list[Event], before: Order | None = None, policy: Policy | None = None
    ) -> Order:
        """Ask every stage what follows, until none has anything to say; ``before`` is an order that was asked already.

        A stage is not asked again while nothing has changed that it looked at when it had nothing more to say. That is
        remembered with the order, for this process alone: an order that was loaded, or that another policy has left,
        is looked at whole.
        """
        policy = policy or self.policy
        asked, fields = before.remembered.get("settled", _NOBODY) if before is not None else _NOBODY
        seen: list[Order | None] = [before if asked is self else None] * len(self._follow)
        looked_at: list[tuple[str, ...] | None] = list(fields) if asked is self else [None] * len(self._follow)
        for _ in range(_MOST_ROUNDS):
            quiet = True
            for number, (follow, looks_at) in enumerate(self._follow):
                if _is_unchanged(seen[number], order, looked_at[number]):
                    continue
                found = tuple(follow(order, policy, at))
                if found:
                    seen[number] = None
                    quiet = False
                else:
                    seen[number], looked_at[number] = order, looks_at(order)
                for event in found:
                    order = evolve(order, event)
                    events.append(event)
            if quiet:
                order.remembered["settled"] = self, looked_at
                return order
        raise RuntimeError(f"the consequences of order {order.id} do not come to an end under this policy")

    def _meaning(self, order: Order, request: Request, reply: Reply, at: datetime) -> Iterable[Event]:
        if not isinstance(reply, REPLIES) or not fits(reply, type(reply)):
            return exceptions.impossible_reply(order, request, reply, at)
        if isinstance(reply, Deferred):
            return answers.deferred(order, request, reply, at)
        closing = tuple(answers.closed(order, request, at)) if order.deferrals else ()
        if isinstance(reply, GaveUp):
            is_wanted = request.id in self._wanted_ids(order)
            return (*closing, *answers.given_up(order, request, reply, at)) if is_wanted else closing
        answer = self._answers.get(type(request))
        if answer is None:
            raise UnknownType(type(request).__name__, "request")
        return (*closing, *answer(order, request, reply, self.policy, at))

    def _wanted_ids(self, order: Order) -> set[str]:
        """The requests that are wanted, whether or not they may be asked now."""
        return {one.request.id for stage in self.stages for one in stage.wants(order)}

    def _beyond_its_stage(self, order: Order, command: Command, at: datetime) -> Iterable[Event]:
        """What a command means to other stages than its own: a reply, a settled case, the time."""
        if isinstance(command, answers.RecordReply):
            return self._meaning(order, order.deferrals[command.ticket].request, command.reply, at)
        if isinstance(command, authority.RecordAnswer):
            request = authority.open_request(order, command.request_id)
            assert request is not None
            return self._meaning(order, request, command.reply, at)
        if isinstance(command, exceptions.ResolveException):
            return self._settled(order, order.cases[command.case_id], command.option, at)
        if isinstance(command, steps.TimePassed):
            return self._time_passed(order, at)
        return ()

    def _time_passed(self, order: Order, at: datetime) -> Iterable[Event]:
        """What ends by itself has ended, and what was not answered in time has failed."""
        events: list[Event] = [event for at_time in self._at_time for event in at_time(order, self.policy, at)]
        order = replay(events, order) or order
        while (overdue := next(iter(answers.expired(order, at)), None)) is not None:
            found = tuple(self._meaning(order, overdue.request, GaveUp(0, "no answer in time"), at))
            order = replay(found, order) or order
            events += found
        return events


def _check_policy(policy: Policy, stages: tuple[Stage, ...]) -> None:
    """What a policy names must be there: commands with rules, guards that lifecycles ask for, steps to automate."""
    problems = Problems()
    known = {command.TAG for stage in stages for command in stage.commands}
    checks_named = policy.checks if isinstance(policy.checks, tuple) else ()
    for tag in policy.rules:
        if tag not in known:
            problems.add("policy.unknown_command", f"no command has the tag {tag!r}", f"rules[{tag}]")
    for name in ("order", "fulfillment", "parcel", "return"):
        field = "return_" if name == "return" else name
        chart = getattr(policy.lifecycles, field)
        if not isinstance(chart, Lifecycle) or chart.name != name:
            what = f"one of the {chart.name}" if isinstance(chart, Lifecycle) else type(chart).__name__
            problems.add("policy.wrong_lifecycle", f"must be that of the {name}, not {what}", f"lifecycles.{field}")
            continue
        for guard in chart.guards:
            if guard not in policy.guards:
                problems.add("policy.missing_guard", f"the lifecycle of the {name} asks for {guard!r}", "guards")
    for code in sorted(set(policy.severities) - set(REVIEWED)):
        problems.add("policy.unknown_code", f"no rule of ours objects with {code!r}", f"severities[{code}]")
    fulfillment = policy.lifecycles.fulfillment
    if policy.fulfillers and isinstance(fulfillment, Lifecycle) and "submit" not in fulfillment.events:
        problems.add("policy.missing_step", "work of others is submitted, and the fulfillment cannot be", "lifecycles")
    for name in sorted({c.name for c in checks_named if sum(c.name == d.name for d in checks_named) > 1}):
        problems.add("policy.check_twice", f"there are two checks {name!r}", "checks")
    if (policy.price_tolerance.amount if isinstance(policy.price_tolerance, Money) else policy.price_tolerance) < 0:
        problems.add("policy.negative_tolerance", "must not be below nothing", "price_tolerance")
    if policy.charge_on not in (None, *CHARGE_ON):
        problems.add("policy.unknown_moment", f"must be one of {', '.join(CHARGE_ON)}, or None", "charge_on")
    if not callable(policy.paid_first) and policy.paid_first not in (None, "authorized", "paid"):
        problems.add("policy.unknown_moment", "must be authorized, paid, None, or a strategy", "paid_first")
    for name, known_moments in (("credit_on", get_args(Basis)), ("exchange_on", get_args(ExchangeOn))):
        if getattr(policy, name) not in known_moments:
            problems.add("policy.unknown_moment", f"must be one of {', '.join(known_moments)}", name)
    for step in sorted(policy.automatic - AUTOMATIC - BY_CHOICE):
        problems.add("policy.unknown_step", f"no step {step!r} can be automatic", "automatic")
    problems.raise_any()


def _silenced(policy: Policy) -> Policy:
    """The same policy, under which nobody is told anything."""
    return attrs.evolve(policy, draft=lambda order, kind, subject: Withheld("not to be told"))


def _impersonal(command: Command, envelope: Envelope) -> tuple[Command, Envelope]:
    """A command as an erased order takes it in, without what is personal; who erases it goes on record."""
    if isinstance(command, erasure.ErasePersonalData):
        return command, envelope
    return erased(command), erased(envelope)


_NOTHING = Stage("nothing")
_NO_WANTS = _NOTHING.wants


def _cases(order: Order) -> tuple[str, ...] | None:
    """Whether a case has become moot may depend on anything; without one, only on whether one comes up."""
    return None if order.open_cases else ("cases",)


def _is_unchanged(seen: Order | None, order: Order, fields: tuple[str, ...] | None) -> bool:
    """Whether a stage that had nothing more to say about ``seen``, by these fields, has nothing to say about ``order``.

    ``None`` stands for all fields.
    """
    if seen is order:
        return True
    if seen is None or fields is None:
        return False
    then, now = seen.__dict__, order.__dict__
    for field in fields:  # noqa: SIM110 - asked some hundred times in a life, and a generator takes twice as long
        if then[field] is not now[field]:
            return False
    return True


def _goods_moved(before: Order | None, after: Order) -> dict[str, dict[str, Any]]:
    """By how much the accounts of each line differ."""
    found: dict[str, dict[str, Any]] = {}
    for line_id in after.lines:
        then = dict(before.ledger.accounts(line_id)) if before is not None else {}
        now = dict(after.ledger.accounts(line_id))
        changed = {
            str(account): EXACT.subtract(now.get(account, ZERO), then.get(account, ZERO))
            for account in (*then, *(account for account in now if account not in then))
            if now.get(account, ZERO) != then.get(account, ZERO)
        }
        if changed:
            found[line_id] = changed
    return found


def _differing(before: Mapping[str, Any], after: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a field of each part is afterwards, where that is not what it was before."""
    return {
        id: getattr(part, name)
        for id, part in after.items()
        if id not in before or getattr(before[id], name) != getattr(part, name)
    }


def _money_moved(before: Order | None, after: Order) -> Money | None:
    """By how much the amount to be paid differs, as far as prices are known."""
    if not after.tranches:
        return None
    return after.total if before is None else after.total - before.total
