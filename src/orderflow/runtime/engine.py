"""What a runtime does, written once: generators that yield what is to be done and are told how it went.

A generator yields `Keep` (call a method of the store) or `Call` (ask a port) and receives the result, or has the
exception thrown into it. Two small trampolines drive them: `orderflow.runtime.sync` calls, `orderflow.runtime.aio`
awaits. A proof drives them one step at a time, in every order, with a crash before and after each step.

The rules of the house are in these few functions:

- ``handle`` = decide + append. When the order has moved on meanwhile, it is decided anew, unless the sender named a
  version. A command that is on record gets its original answer.
- ``advance`` = ask for what is wanted, conclude, append, until nothing is wanted now. A reply that meets a changed
  order is concluded against the order as it is then; it is never dropped and its port is not asked twice for that.
- A request that fails is kept with its count and next time, beside the order; when attempts run out, that is concluded
  too, as the final failure.
- Nothing is done between an effect and its record that could not be done again: the intention is in the order.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from orderflow.errors import (
    CommandIdReused,
    CommandRefused,
    DuplicateOrder,
    InvalidInput,
    OrderflowError,
    PortRefused,
    UnknownOrder,
    VersionConflict,
)
from orderflow.explain import Trouble, explain
from orderflow.messages import SYSTEM, Actor, Command, Envelope, Event
from orderflow.order import Order
from orderflow.ports import (
    EFFECTS,
    CarrierPort,
    FulfillerPort,
    GaveUp,
    InventoryPort,
    NotificationPort,
    PricingPort,
    Refused,
    Repeats,
    Reply,
    Request,
    TellOrders,
    Told,
)
from orderflow.process import OrderProcess, Outcome, Preview, pending
from orderflow.stages.acceptance import PlaceOrder
from orderflow.stages.drafts import SaveDraft, label_of_repeats
from orderflow.stages.erasure import ErasePersonalData
from orderflow.stages.observation import AdoptOrder, RecordFacts, id_of_adopted
from orderflow.stages.sourcing import Reroute, StockArrived
from orderflow.stages.stage import Wanted
from orderflow.stages.steps import TimePassed
from orderflow.stages.tracking import RecordTracking
from orderflow.stages.voiding import RecordVoid
from orderflow.stores.base import Attempt, CommandRecord, Loaded, Recorded
from orderflow.stores.erasing import erased_actor, erased_command
from orderflow.tracking import Scan
from orderflow.values.checked import evolved
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import ERASED
from orderflow.values.record import record

__all__ = ["Call", "DueReport", "Engine", "Keep", "Ports", "Receipt"]

#: How often a command or a reply is decided anew because someone else was quicker.
_MOST_RACES = 20
#: How many rounds of asking one call of advance makes; what is left then is done when the order is next due.
_MOST_ROUNDS = 100
#: Commands with which an order begins to be kept.
_NEW = PlaceOrder | SaveDraft | AdoptOrder
#: How many orders with one number of the customer's are looked at when another comes.
_MOST_REPEATS = 20


@record
class Keep:
    """Call a method of the store."""

    method: str
    args: tuple[Any, ...] = ()
    options: Mapping[str, Any] = FrozenMap()


@record
class Call:
    """Ask a port: a method of it, with a request."""

    port: str
    method: str
    request: Request


Effects: TypeAlias = Generator[Keep | Call, Any, Any]


@record
class Ports:
    """The systems around; one that is missing is never asked, and what is wanted from it stays wanted."""

    inventory: InventoryPort | None = None
    pricing: PricingPort | None = None
    carriers: CarrierPort | None = None
    notifications: NotificationPort | None = None
    fulfillers: FulfillerPort | None = None

    @property
    def orders(self) -> bool:
        """The other orders are there to be told: by the runtime itself."""
        return True


@record
class Receipt:
    """The answer to a command that was accepted.

    Attributes:
        order: the order as it is now, after the systems around were asked as far as they answered.
        events: what the command itself led to.
        command_id: under which id it is on record.
        version: the order's version right after the command.
        replayed: whether this is the original answer to a command that was sent before.
        failure: what went wrong afterwards, in attending to the order: a fault of the host's own code, or of what is on
            file. The command stands; the order is due again.
    """

    order: Order
    events: tuple[Event, ...]
    command_id: str
    version: int
    replayed: bool = False
    failure: Exception | None = None


@record
class DueReport:
    """What one turn of ``run_due`` did: orders that were advanced, and those that could not be, with the error."""

    advanced: tuple[str, ...]
    failed: Mapping[str, Exception]

    def __len__(self) -> int:
        return len(self.advanced) + len(self.failed)


@record
class Engine:
    """What a runtime needs to know; it holds no state of its own."""

    process: OrderProcess
    ports: Ports
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    fingerprint: Callable[[Command], str]
    number: Callable[[int], str]
    tenant: str = "main"
    inline: bool = True
    lease: timedelta = timedelta(minutes=5)

    # -- commands ----------------------------------------------------------------------------------------------------

    def handle(self, command: Command, envelope: Envelope) -> Effects:
        """Decide a command, keep what it leads to, and ask whom that needs; what time alone has changed comes first."""
        _check_command(command)
        given = envelope.command_id is not None
        fingerprint = self.fingerprint(command) if given else ""
        command_id = envelope.command_id or self.new_id()
        numbered: Command | None = None
        lost: OrderflowError | None = None
        for _ in range(_MOST_RACES):
            if given:
                record = yield Keep("command", (self.tenant, command_id))
                if record is not None:
                    return (yield from self._answer_again(record, fingerprint))
            if numbered is None:
                numbered, loaded = yield from self._numbered(command)
            else:
                loaded = yield Keep("load", (self.tenant, numbered.order_id))
            if loaded is not None and self._is_overdue(loaded.order):
                loaded, envelope = yield from self._told_the_time(loaded, envelope)
            numbered = yield from self._with_repeats(loaded, numbered)
            outcome = self.process.carry_out(loaded.order if loaded else None, numbered, envelope)
            if not outcome.events and not given and not isinstance(numbered, ErasePersonalData):
                return Receipt(outcome.order, (), command_id, outcome.order.version)
            keep = self._append_command(loaded, numbered, outcome, envelope, command_id, fingerprint)
            try:
                yield keep
            except (VersionConflict, CommandIdReused) as race:
                lost = race
                continue
            except DuplicateOrder as taken:
                if not _numbers_itself(command):
                    raise
                lost, numbered = taken, None
                continue
            order, failure = yield from self._attended(_kept(keep))
            return Receipt(order, outcome.events, command_id, outcome.order.version, failure=failure)
        assert lost is not None
        raise lost

    def _is_overdue(self, order: Order) -> bool:
        """Whether time alone has changed something about an order that it was not told of yet."""
        moment = self.process.attention(order)
        return moment is not None and moment <= self.clock()

    def _told_the_time(self, loaded: Loaded, envelope: Envelope) -> Effects:
        """The order after it was told what time it is; a sender who saw it just before is still up to date."""
        seen, now = loaded.order.version, self.clock()
        if envelope.expected_version not in (None, seen):
            return loaded, envelope
        outcome = self._aged(loaded.order, now)
        keep = self._append(outcome, seen, "time", SYSTEM, loaded.attempts, now, busy=False)
        try:
            yield keep
        except VersionConflict:
            return (yield from self._loaded(loaded.order.id)), envelope
        if envelope.expected_version == seen:
            envelope = evolved(envelope, expected_version=outcome.order.version)
        return _kept(keep), envelope

    def _aged(self, order: Order, now: datetime) -> Outcome:
        """What time alone has changed about an order by ``now``."""
        return self.process.carry_out(order, TimePassed(order.id), Envelope(now))

    def as_of_now(self, order: Order) -> Order:
        """The order as it is once it was told what time it is; nothing of that is kept."""
        if not self._is_overdue(order):
            return order
        return self._aged(order, self.clock()).order

    def _attended(self, loaded: Loaded) -> Effects:
        """The order after the systems were asked; what went wrong in that does not undo the command, and is told."""
        if not self.inline:
            return loaded.order, None
        try:
            return (yield from self._advance(loaded)), None
        except Exception as failure:
            return loaded.order, failure

    def _numbered(self, command: Command) -> Effects:
        """The command with its tenant and, for a new order without one, the next free number; and its order."""
        if isinstance(command, _NEW):
            if command.tenant not in ("main", self.tenant):
                raise InvalidInput.because("tenant.other", f"this is the flow of tenant {self.tenant!r}", "tenant")
            if command.tenant != self.tenant:
                command = evolved(command, tenant=self.tenant)
            if isinstance(command, AdoptOrder) and command.order_id is None:
                command = evolved(command, order_id=id_of_adopted(command))
            while command.order_id is None:
                order_id = self.number((yield Keep("next_number", (self.tenant,))))
                if (yield Keep("load", (self.tenant, order_id))) is None:
                    command = evolved(command, order_id=order_id, reference=command.reference or order_id)
        return command, (yield Keep("load", (self.tenant, command.order_id)))

    def _with_repeats(self, loaded: Loaded | None, command: Any) -> Effects:
        """The command with the orders of the same customer that have the same number of the customer's own."""
        order = loaded.order if loaded is not None else None
        label = label_of_repeats(order, command)
        if label is None:
            return command
        page = yield Keep("find", (self.tenant,), {"label": label, "limit": _MOST_REPEATS})
        found: list[str] = []
        for row in page.orders:
            other = (yield Keep("load", (self.tenant, row.order_id))) if row.order_id != command.order_id else None
            if other is not None and not other.order.is_over and not other.order.is_draft:
                found.append(row.order_id)
        return evolved(command, repeats=tuple(found))

    def _append_command(
        self,
        loaded: Loaded | None,
        command: Command,
        outcome: Outcome,
        envelope: Envelope,
        command_id: str,
        fingerprint: str,
    ) -> Keep:
        before = loaded.order.version if loaded is not None else 0
        record = CommandRecord(
            command_id,
            outcome.order.id,
            command.TAG,
            fingerprint,
            before,
            outcome.order.version,
            envelope.at,
            envelope.by,
            envelope.reason,
            envelope.correlation_id,
        )
        by = envelope.by
        if loaded is not None and loaded.order.erased_at is not None and not isinstance(command, ErasePersonalData):
            record, by = erased_command(record), erased_actor(by)
        attempts = loaded.attempts if loaded is not None else FrozenMap()
        now = self.clock()
        keep = self._append(outcome, before, command_id, by, attempts, now, record, busy=self.inline)
        return Keep("erase", keep.args, keep.options) if isinstance(command, ErasePersonalData) else keep

    def _append(
        self,
        outcome: Outcome,
        before: int,
        cause: str,
        by: Actor,
        attempts: Mapping[str, Attempt],
        now: datetime,
        command: CommandRecord | None = None,
        inbox_taken: Iterable[Scan] = (),
        *,
        busy: bool = True,
    ) -> Keep:
        """The change as the store is to keep it; while we are ``busy`` with the order, it is leased to us."""
        kept, next_at = self._schedule(outcome.order, attempts, now)
        if busy and next_at is not None and next_at <= now:
            next_at = now + self.lease
        return Keep(
            "append",
            (outcome.order, before, outcome.events),
            {
                "cause": cause,
                "by": by,
                "command": command,
                "attempts": kept,
                "next_at": next_at,
                "inbox_taken": inbox_taken,
                "policy": self.process.policy.name,
            },
        )

    def _answer_again(self, record: CommandRecord, fingerprint: str) -> Effects:
        """The original answer to a command that is on record; where its body was erased, its id alone tells."""
        if record.fingerprint not in (fingerprint, ERASED):
            raise CommandIdReused(record.command_id)
        history = yield Keep("history", (self.tenant, record.order_id))
        events = tuple(recorded.event for recorded in history if record.first < recorded.number <= record.last)
        order, failure = yield from self._attended((yield from self._loaded(record.order_id)))
        return Receipt(order, events, record.command_id, record.last, replayed=True, failure=failure)

    # -- asking ------------------------------------------------------------------------------------------------------

    def advance(self, order_id: str) -> Effects:
        """Ask for what is wanted, conclude and append, until nothing is wanted now; the order as it is then."""
        return (yield from self._advance((yield from self._loaded(order_id))))

    def _advance(self, loaded: Loaded) -> Effects:
        """`advance` from an order that was just loaded or kept."""
        looked_up: tuple[str, ...] = ()
        attempts: Mapping[str, Attempt] = loaded.attempts
        for _ in range(_MOST_ROUNDS):
            now = self.clock()
            moment = self.process.attention(loaded.order)
            ready = self._ready(loaded.order, attempts, now)
            if moment is not None and moment <= now:
                loaded = yield from self._time_passed(loaded, attempts, now)
                attempts = loaded.attempts
            elif ready:
                loaded, attempts = yield from self._round(loaded, attempts, ready)
            elif (numbers := loaded.order.tracking_numbers) and numbers != looked_up:
                looked_up = numbers
                taken = yield from self._take_inbox(loaded, attempts, numbers, now)
                if taken is not loaded:
                    loaded, attempts, looked_up = taken, taken.attempts, ()
            else:
                break
        if attempts is not loaded.attempts or loaded.next_at is not None:
            yield from self._rest(loaded, attempts)
        return loaded.order

    def _loaded(self, order_id: str) -> Effects:
        loaded = yield Keep("load", (self.tenant, order_id))
        if loaded is None:
            raise UnknownOrder(order_id)
        return loaded

    def _time_passed(self, loaded: Loaded, attempts: Mapping[str, Attempt], now: datetime) -> Effects:
        outcome = self._aged(loaded.order, now)
        return (yield from self._appended(loaded, outcome, "time", now, attempts))

    def _take_inbox(
        self, loaded: Loaded, attempts: Mapping[str, Attempt], numbers: tuple[str, ...], now: datetime
    ) -> Effects:
        """Scans that came before the booking whose number they carry."""
        scans = yield Keep("inbox", (self.tenant, numbers))
        if not scans:
            return loaded
        outcome = self.process.carry_out(loaded.order, RecordTracking(loaded.order.id, scans), Envelope(now))
        return (yield from self._appended(loaded, outcome, "inbox", now, attempts, scans))

    def _appended(
        self,
        loaded: Loaded,
        outcome: Outcome,
        cause: str,
        now: datetime,
        attempts: Mapping[str, Attempt],
        inbox_taken: Iterable[Scan] = (),
    ) -> Effects:
        """Append, or load what someone else has appended meanwhile."""
        keep = self._append(outcome, loaded.order.version, cause, SYSTEM, attempts, now, inbox_taken=inbox_taken)
        try:
            yield keep
        except VersionConflict:
            return (yield from self._loaded(loaded.order.id))
        return _kept(keep)

    def _round(self, loaded: Loaded, attempts: Mapping[str, Attempt], ready: tuple[Wanted, ...]) -> Effects:
        """Ask for everything that is wanted now, then keep all that was answered in one append.

        Returns what is kept, and the attempts as they are now (which may not be kept yet).
        """
        answers: list[tuple[Wanted, Reply | Exception]] = []
        for wanted in ready:
            answers.append((wanted, (yield from self._ask(wanted.request))))
        now = self.clock()
        for _ in range(_MOST_RACES):
            outcome, tried = self._concluded(loaded.order, attempts, answers, now)
            if not outcome.events:
                return loaded, tried
            cause = ready[0].request.id if len(ready) == 1 else f"{ready[0].request.id} …"
            keep = self._append(outcome, loaded.order.version, cause, SYSTEM, tried, now)
            try:
                yield keep
            except VersionConflict:
                loaded = yield from self._loaded(loaded.order.id)
                attempts = loaded.attempts
                continue
            kept = _kept(keep)
            return kept, kept.attempts
        return loaded, attempts

    def _ask(self, request: Request) -> Effects:
        """The reply of a port; an exception where it gave none."""
        port, method = request.PORT
        if isinstance(request, TellOrders):
            return (yield from self._told_others(request))
        repeats = getattr(getattr(self.ports, port), "repeats", Repeats.DEDUPLICATES)
        try:
            if repeats is Repeats.LOOKS_UP and type(request) in EFFECTS:
                found = yield Call(port, "lookup", request)
                if found is not None:
                    return found
            return (yield Call(port, method, request))
        except PortRefused as refused:
            return Refused(refused.code, refused.message)
        except Exception as failed:
            return failed

    def _told_others(self, request: TellOrders) -> Effects:
        """Tell other orders what one has heard; one that cannot be told yet is told later, with all of them."""
        failed: Exception | None = None
        for order_id in request.order_ids:
            told = RecordVoid(order_id, request.shipment_id, request.number)
            try:
                yield from self.handle(told, Envelope(self.clock(), SYSTEM))
            except CommandRefused as refused:
                if any(violation.code == "shipping.not_answered" for violation in refused.violations):
                    failed = refused
            except Exception as error:
                failed = error
        return failed or Told()

    def _concluded(
        self,
        order: Order,
        known: Mapping[str, Attempt],
        answers: list[tuple[Wanted, Reply | Exception]],
        now: datetime,
    ) -> tuple[Outcome, FrozenMap[str, Attempt]]:
        """What the answers mean to the order as it is, and how asking went."""
        attempts = dict(known)
        replies: list[tuple[Request, Reply]] = []
        for wanted, answer in answers:
            reply = self._failed(wanted, answer, attempts, now) if isinstance(answer, Exception) else answer
            if reply is not None:
                attempts.pop(wanted.request.id, None)
                replies.append((wanted.request, reply))
        outcome = self.process.settle_all(order, replies, now)
        self._not_at_once_again(outcome.order, answers, attempts, now)
        return outcome, FrozenMap(attempts)

    def _failed(self, wanted: Wanted, failed: Exception, attempts: dict[str, Attempt], now: datetime) -> Reply | None:
        """Another failure: to be tried later, or the final one."""
        retry = self.process.policy.retry
        known = attempts.get(wanted.request.id)
        failures = (known.failures if known is not None else 0) + 1
        reason = str(failed) if isinstance(failed, OrderflowError) else f"{type(failed).__name__}: {failed}"
        if failures >= retry.attempts and not wanted.repeats:
            return GaveUp(failures, reason)
        attempts[wanted.request.id] = Attempt(failures, now + retry.delay(failures), reason)
        return None

    def _not_at_once_again(
        self,
        order: Order,
        answers: list[tuple[Wanted, Reply | Exception]],
        attempts: dict[str, Attempt],
        now: datetime,
    ) -> None:
        """What was asked and is still wanted is asked again later, not at once."""
        still = {wanted.request.id: wanted for wanted in pending(order, self.process.stages)}
        for wanted, _ in answers:
            request_id = wanted.request.id
            if request_id in still and request_id not in attempts:
                attempts[request_id] = Attempt(0, now + self._pause(still[request_id]))

    def _pause(self, wanted: Wanted) -> timedelta:
        policy = self.process.policy
        return (policy.poll_every or policy.retry.longest) if wanted.repeats else policy.retry.first

    # -- when to look again ------------------------------------------------------------------------------------------

    def _ready(self, order: Order, attempts: Mapping[str, Attempt], now: datetime) -> tuple[Wanted, ...]:
        """What may be asked now."""
        return tuple(
            wanted
            for wanted in pending(order, self.process.stages)
            if getattr(self.ports, wanted.request.PORT[0]) is not None
            and (moment := self._when(wanted, attempts.get(wanted.request.id), now)) is not None
            and moment <= now
        )

    def _when(self, wanted: Wanted, attempt: Attempt | None, now: datetime) -> datetime | None:
        """The moment from which a request may be asked; ``None`` for a poll where nobody polls."""
        if wanted.repeats and self.process.policy.poll_every is None:
            return None
        moment = wanted.not_before or now
        return moment if attempt is None else max(moment, attempt.next_at)

    def _schedule(
        self, order: Order, attempts: Mapping[str, Attempt], now: datetime, *, resting: bool = False
    ) -> tuple[FrozenMap[str, Attempt], datetime | None]:
        """What is kept beside the order: the attempts at what is still wanted, and the next moment of attention.

        That is the moment of time alone, of a request, or of a retry, whichever comes first; a new poll begins one
        interval from now. What only a system can answer that we do not have is left to others at once, and looked at
        again, when we are ``resting``, after the longest pause.
        """
        kept: dict[str, Attempt] = {}
        next_at = self.process.attention(order)
        for wanted in pending(order, self.process.stages):
            attempt = attempts.get(wanted.request.id)
            if attempt is None and wanted.repeats and self.process.policy.poll_every is not None:
                attempt = Attempt(0, now + self.process.policy.poll_every)
            if attempt is not None:
                kept[wanted.request.id] = attempt
            moment = self._when(wanted, attempt, now)
            if resting and moment is not None and getattr(self.ports, wanted.request.PORT[0]) is None:
                moment = max(moment, now + self.process.policy.retry.longest)
            if moment is not None and (next_at is None or moment < next_at):
                next_at = moment
        return FrozenMap(kept), next_at

    def _rest(self, loaded: Loaded, attempts: Mapping[str, Attempt]) -> Effects:
        """Keep when to look again, where what is kept does not say so."""
        kept, next_at = self._schedule(loaded.order, attempts, self.clock(), resting=True)
        if kept != loaded.attempts or next_at != loaded.next_at:
            yield Keep("reschedule", (self.tenant, loaded.order.id, loaded.order.version, kept, next_at))

    # -- facts and questions -----------------------------------------------------------------------------------------

    def run_due(self, limit: int, lease: timedelta) -> Effects:
        """Advance the orders that need attention; one that fails does not keep the others from theirs."""
        due = yield Keep("due", (self.tenant, self.clock(), limit, lease))
        advanced: list[str] = []
        failed: dict[str, Exception] = {}
        for order_id in due:
            try:
                yield from self.advance(order_id)
            except Exception as error:  # of a document that cannot be read, or of a strategy of the host
                failed[order_id] = error
            else:
                advanced.append(order_id)
        return DueReport(tuple(advanced), failed)

    def observe(self, scans: Iterable[Scan | Iterable[Scan]], by: Actor) -> Effects:
        """Record what carriers report, wherever the parcels belong; what nobody knows waits in the inbox."""
        found: dict[str, list[Scan]] = {}
        for scan in _as_scans(scans):
            for order_id in (yield Keep("park", (self.tenant, scan))):
                found.setdefault(order_id, []).append(scan)
        receipts: list[Receipt] = []
        failed: list[Exception] = []
        for order_id, mine in found.items():
            try:
                receipts.append((yield from self.handle(RecordTracking(order_id, mine), Envelope(self.clock(), by))))
            except Exception as error:
                failed.append(error)
        _raise_all("some orders could not take their scans", failed)
        return tuple(receipts)

    def record_facts(self, order_id: str, facts: Iterable[Any], by: Actor) -> Effects:
        """Record what others did about an order."""
        command = RecordFacts(order_id, _one_by_one(facts))
        return (yield from self.handle(command, Envelope(self.clock(), by)))

    def stock_arrived(self, sku: str, location: str | None, by: Actor, limit: int) -> Effects:
        """Serve those who wait for a product, one after the other in the order of the policy's queue."""
        waiting = yield from self._labelled(f"backorder:{sku}")
        queue = sorted(waiting, key=self.process.policy.queue)[:limit]
        return (yield from self._told_each([StockArrived(order.id, sku, location) for order in queue], by))

    def close_location(self, location: str, to: str | None, by: Actor) -> Effects:
        """Take away from a location whatever has not been picked there, of all orders."""
        orders = yield from self._labelled(f"location:{location}")
        return (yield from self._told_each([Reroute(order.id, location=location, to=to) for order in orders], by))

    def _labelled(self, label: str) -> Effects:
        """The orders that carry a label, as they are now."""
        orders: list[Order] = []
        cursor: str | None = None
        while True:
            page = yield Keep("find", (self.tenant,), {"label": label, "cursor": cursor})
            for summary in page.orders:
                orders.append((yield from self._loaded(summary.order_id)).order)
            cursor = page.cursor
            if cursor is None:
                return orders

    def _told_each(self, commands: Iterable[Command], by: Actor) -> Effects:
        """Give a command to each of many orders; one that has moved on meanwhile, so that it is moot, is left out."""
        receipts: list[Receipt] = []
        failed: list[Exception] = []
        for command in commands:
            try:
                receipts.append((yield from self.handle(command, Envelope(self.clock(), by))))
            except CommandRefused:
                continue
            except Exception as error:
                failed.append(error)
        _raise_all("some orders could not be told", failed)
        return tuple(receipts)

    def get(self, order_id: str) -> Effects:
        """An order as it is now."""
        return (yield from self._loaded(order_id)).order

    def explain(self, order: Order | str, by: Actor = SYSTEM) -> Effects:
        """Where an order stands, and which requests of it have failed so far."""
        order_id = order if isinstance(order, str) else order.id
        loaded: Loaded = yield from self._loaded(order_id)
        held = loaded.order if isinstance(order, str) else order
        failing = {request: attempt for request, attempt in loaded.attempts.items() if attempt.failures}
        troubles = tuple(Trouble(request, a.failures, a.reason, a.next_at) for request, a in failing.items())
        return evolved(explain(self.as_of_now(held), self.process, by), troubles=troubles)

    def preview(self, command: Command, envelope: Envelope) -> Effects:
        """What a command would do."""
        _check_command(command)
        order_id = command.order_id
        loaded = (yield Keep("load", (self.tenant, order_id))) if order_id is not None else None
        if loaded is None and isinstance(command, _NEW):
            order_id = order_id or "preview"
            command = evolved(command, tenant=self.tenant, order_id=order_id, reference=command.reference or order_id)
        command = yield from self._with_repeats(loaded, command)
        order = self.as_of_now(loaded.order) if loaded is not None else None
        made: Preview = self.process.preview(order, command, envelope)
        return made

    def history(self, order_id: str) -> Effects:
        """Everything that happened to an order, oldest first."""
        history: tuple[Recorded, ...] = yield Keep("history", (self.tenant, order_id))
        if not history:
            raise UnknownOrder(order_id)
        return history

    def audit(self, order_id: str) -> Effects:
        """Who did what to an order, when, why, under which policy, and what came of it."""
        from orderflow.audit import audit_report  # few programs audit, and all would pay for it when they start

        history = yield from self.history(order_id)
        known: dict[str, CommandRecord] = {}
        for cause in dict.fromkeys(recorded.cause for recorded in history):
            record = yield Keep("command", (self.tenant, cause))
            if record is not None and record.order_id == order_id:
                known[cause] = record
        return audit_report(history, known, self.process.stages)


def _one_by_one(given: Iterable[Any]) -> tuple[Any, ...]:
    """What was given one by one, or as one iterable."""
    items = tuple(given)
    if len(items) == 1 and isinstance(items[0], Iterable) and not isinstance(items[0], str):
        return tuple(items[0])
    return items


def _as_scans(given: Iterable[Any]) -> tuple[Scan, ...]:
    """Scans one by one, or as one iterable of them."""
    scans = _one_by_one(given)
    for scan in scans:
        if not isinstance(scan, Scan):
            raise TypeError(f"must be a Scan, not {type(scan).__name__}")
    return scans


def _raise_all(told: str, failed: list[Exception]) -> None:
    """Raise what went wrong: one error as it is, several as a group."""
    if len(failed) > 1:
        raise ExceptionGroup(told, failed)
    for only in failed:
        raise only


def _check_command(command: Any) -> None:
    """A slip of the host's hand is told as such."""
    if isinstance(command, type) and issubclass(command, Command):
        raise TypeError(f"a command is an instance: {command.__name__}(...), not the class")
    if not isinstance(command, Command):
        raise TypeError(f"must be a command, not {type(command).__name__}")


def _numbers_itself(command: Command) -> bool:
    """Whether a new order takes both its id and its reference from our numbering."""
    return isinstance(command, PlaceOrder | SaveDraft) and command.order_id is None and command.reference is None


def _kept(keep: Keep) -> Loaded:
    """What the store holds after an append: the order, and what is kept beside it."""
    return Loaded(keep.args[0], keep.options["attempts"], keep.options["next_at"])
