"""What a host may replace: one frozen value.

A `Policy` holds lifecycles, rule books, strategies, automation and the way of retrying. It decides what may happen
next; it never decides what *has* happened: events record outcomes, so replay is the same under any two policies. The
standard policy is `orderflow.defaults.STANDARD`; a host's own is ``attrs.evolve(STANDARD, ...)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import attrs

from orderflow.calendars import as_wished
from orderflow.cartons import Box, Packable, first_fit_decreasing
from orderflow.change_rules import CHANGES, ChangeRule, Modification, rule_for
from orderflow.charges import RoundingRule, Tranche
from orderflow.errors import Violation
from orderflow.kits import Kit
from orderflow.ledger import CANCELLED, place_of
from orderflow.lifecycle import FULFILLMENT, ORDER, PARCEL, RETURN, Lifecycle
from orderflow.order import Case, ConfirmedLine, Fulfillment, Line, Order, Parcel, Reason, Return, ReturnLine, Shipment
from orderflow.ports import Rate
from orderflow.promise import Promise
from orderflow.sources import Sourcing
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_line
from orderflow.values.money import Money
from orderflow.values.numbers import EXACT, plain, total_by
from orderflow.values.times import day_in, instant_of

__all__ = [
    "AUTOMATIC",
    "BY_CHOICE",
    "REVIEWED",
    "Allocation",
    "Authority",
    "Available",
    "Basis",
    "ChargeOn",
    "Check",
    "Draft",
    "Drafts",
    "ExchangeOn",
    "Lifecycles",
    "PaidFirst",
    "Policy",
    "RequirementRule",
    "Retry",
    "Rule",
    "Shortage",
    "Substitute",
    "VerificationRule",
    "Weight",
    "Withheld",
    "all_but_data",
    "answered_as_it_stands",
    "as_it_was_sent",
    "nobody_must_agree",
    "nobody_pays_on_delivery",
    "what_is_ordered",
]

#: A rule of a command: a function whose name is a true sentence, and which yields what contradicts it.
Rule: TypeAlias = Callable[[Order, Any, "Policy"], Iterable[Violation]]
#: A rule of verification: what an order must fulfill before work begins. Severity ``hold`` places a hold for review.
VerificationRule: TypeAlias = Callable[[Order], Iterable[Violation]]
#: A guard of a lifecycle step, over the order and the id of the part concerned (empty for the order itself).
Guard: TypeAlias = Callable[[Order, str], bool]

#: How much an objection weighs: it refuses, holds for review, is recorded, or is not made at all.
Weight: TypeAlias = Literal["error", "hold", "warning", "ignored"]

#: What happens by itself in the standard policy: everything up to "ready to pick", and after despatch.
AUTOMATIC = frozenset({"acknowledge", "verify", "confirm", "plan", "complete", "close_return"})
#: What happens by itself where a policy adds it to these: digital goods are sent, the message being the delivery; and
#: a return is authorized against which the policy has nothing.
BY_CHOICE = frozenset({"deliver_digital", "authorize_return"})


#: What our own rules object to without refusing: how much it weighs may be changed by ``Policy.severities``.
REVIEWED: FrozenMap[str, str] = FrozenMap(
    {
        "acceptance.repeated_reference": "the same customer has used its own number for another order",
        "verification.price_differs": "a quoted price is above the one that the customer stated",
        "verification.unknown_requirement": "the customer requires what no rule of the policy knows",
    }
)


@attrs.frozen
class Lifecycles:
    """The lifecycles of an order and its parts."""

    order: Lifecycle = ORDER
    fulfillment: Lifecycle = FULFILLMENT
    parcel: Lifecycle = PARCEL
    return_: Lifecycle = RETURN


@attrs.frozen
class Retry:
    """How often and how patiently an unavailable port is asked again: ``first``, then ``factor`` times as long, ..."""

    first: timedelta = timedelta(seconds=30)
    factor: int = 2
    longest: timedelta = timedelta(hours=1)
    attempts: int = 8

    def __attrs_post_init__(self) -> None:
        if self.attempts < 1 or self.factor < 1 or self.first <= timedelta(0):
            raise ValueError("a port is asked at least once, after a pause, and no more often as time goes on")

    def delay(self, failed: int) -> timedelta:
        """How long to wait after ``failed`` attempts in a row."""
        grown: timedelta = self.first * (self.factor ** max(0, min(failed, 20) - 1))
        return min(self.longest, grown)


#: A rule of a requirement, over the order and the id of the line that has it (``None``: the order itself).
RequirementRule: TypeAlias = Callable[[Order, str | None], Iterable[Violation]]


def what_is_ordered(order: Order) -> object:
    """The facts on which most checks depend: who orders, where to, what, and at which prices.

    They are those of the order as it was agreed. What warehouses make of it, within the tolerance of a line, and what
    goods are found to weigh, are no other order.
    """
    customer = order.customer
    who = (customer.id, customer.name) if customer is not None else ()
    return who, repr(order.ship_to), tuple(_what_is_ordered(order, line) for line in order.lines.values())


def _what_is_ordered(order: Order, line: Line) -> tuple[str, str, tuple[str, ...]]:
    wanted = EXACT.subtract(order.ledger.ordered(line.id), order.ledger.balance(line.id, CANCELLED))
    agreed = (f"{plain(tranche.quantity)} for {tranche.amounts.total}" for tranche in order.tranches.get(line.id, ()))
    return line.sku, plain(wanted), tuple(agreed)


@attrs.frozen
class Check:
    """Something that only others can answer before work begins: credit, fraud, export, payment.

    Attributes:
        name: by which it is asked for and answered.
        who: who answers it, in words.
        valid_for: how long an answer holds; ``None`` for as long as the facts stay.
        facts: on what the answer depends: a value whose ``repr`` says it all. Where it changes, the check is asked
            for again.
        needs_price: whether it is asked for only once every unit has a price.
    """

    name: str
    who: str = "someone"
    valid_for: timedelta | None = None
    facts: Callable[[Order], object] = what_is_ordered
    needs_price: bool = True


def answered_as_it_stands(order: Order) -> Iterable[ConfirmedLine]:
    """Each line is confirmed as it stands: what waits for stock as backordered, the rest as accepted or changed.

    It is changed where another price is quoted than the customer stated, substituted where it stands in for another;
    rejected are units that were cancelled because nobody had them. The day is the promised one, or the one that was
    wished for.
    """
    rejected = order.in_kits(_without_stock(order))
    for row in order.rows:
        yield from _kit_as_it_stands(order, row, rejected) if isinstance(row, Kit) else _as_it_stands(order, row)
        if row.id in rejected:
            yield ConfirmedLine(row.id, rejected[row.id], "rejected")


def _as_it_stands(order: Order, line: Line) -> Iterable[ConfirmedLine]:
    live, waiting = order.live_quantity(line.id), order.ledger.of_kind(line.id, "backordered")
    tranches, days = order.tranches.get(line.id, ()), (_day_of(order, line),)
    return _answered(line, EXACT.subtract(live, waiting), waiting, tranches, days)


def _answered(
    line: Line, there: Decimal, waiting: Decimal, tranches: tuple[Tranche, ...], days: Iterable[date | None]
) -> Iterable[ConfirmedLine]:
    """The answer to units that are there, and that for those that wait for stock."""
    price, per = (tranches[-1].unit_price, tranches[-1].base_quantity) if tranches else (None, Decimal(1))
    day = max((day for day in days if day is not None), default=None)
    if there > 0:
        yield ConfirmedLine(line.id, there, _answer_to(line, price), price, day, price_per=per)
    if waiting > 0:
        yield ConfirmedLine(line.id, waiting, "backordered", price, day, price_per=per)


def _kit_as_it_stands(order: Order, kit: Kit, rejected: Mapping[str, Decimal]) -> Iterable[ConfirmedLine]:
    """Whole kits, at the price of a kit; and units that make up none, each component by itself."""
    live = {line_id: order.live_quantity(line_id) for line_id in kit.components}
    waiting = {line_id: order.ledger.of_kind(line_id, "backordered") for line_id in kit.components}
    wanted = kit.complete(live)
    there = kit.complete({line_id: EXACT.subtract(live[line_id], waiting[line_id]) for line_id in live})
    to_come, in_kits = kit.holds(EXACT.subtract(wanted, there)), kit.holds(wanted)
    lines = {line_id: order.lines[line_id] for line_id in kit.components}
    days = [_day_of(order, line) for line in lines.values()]
    yield from _answered(kit.line, there, EXACT.subtract(wanted, there), kit.prices, days)
    for line_id, line in lines.items():
        loose = EXACT.subtract(live[line_id], in_kits[line_id])
        late = max(Decimal(0), EXACT.subtract(waiting[line_id], to_come[line_id]))
        tranches = order.tranches.get(line_id, ())
        yield from _answered(line, EXACT.subtract(loose, late), late, tranches, (_day_of(order, line),))
        if line_id in rejected:
            yield ConfirmedLine(line_id, rejected[line_id], "rejected")


def _without_stock(order: Order) -> dict[str, Decimal]:
    """Units of each line that were cancelled because nobody had them."""
    short = (one for one in order.line_cancellations if one.reason == "stock.short")
    return total_by(pair for one in short for pair in one.cancelled.items())


def _answer_to(line: Line, price: Money | None) -> Literal["accepted", "changed", "substituted"]:
    if line.origin.kind == "substitute_for":
        return "substituted"
    return "accepted" if line.stated_price in (None, price) else "changed"


def _day_of(order: Order, line: Line) -> date | None:
    standing = order.promises.get(line.id)
    return (standing.promise.deliver_by if standing is not None else None) or order.terms_of(line.id).deliver_by


def nobody_must_agree(order: Order, lines: tuple[ConfirmedLine, ...]) -> bool:
    """What we confirm stands without the buyer's word."""
    return False


def nobody_pays_on_delivery(order: Order) -> bool:
    """Carriers collect no cash."""
    return False


Whose: TypeAlias = Literal["ours", "theirs"]
#: When charges are raised.
ChargeOn: TypeAlias = Literal["order", "despatch", "delivery"]
#: What is wanted of the customer before work begins.
PaidFirst: TypeAlias = Literal["authorized", "paid"]


@attrs.frozen
class Authority:
    """Who decides: we do, or others whom we wait for. Frozen into an order when it is placed.

    ``price``: what units cost; ``stock``: what is held, and the goods issue; ``fulfillment``: what locations are asked
    to do; ``booking``: carriers, services, voids; ``messages``: what the customer is told; ``settlement``: what is
    charged and credited.
    """

    price: Whose = "ours"
    stock: Whose = "ours"
    fulfillment: Whose = "ours"
    booking: Whose = "ours"
    messages: Whose = "ours"
    settlement: Whose = "ours"

    @property
    def theirs(self) -> tuple[str, ...]:
        """The concerns that others decide."""
        return tuple(field.name for field in attrs.fields(Authority) if getattr(self, field.name) == "theirs")


def all_but_data(order: Order, line: ReturnLine, kind: str) -> Iterable[Reason]:
    """Goods can be returned, unless they were sent as data; for a claim that does not matter."""
    if kind != "claim" and order.method_of(line.line_id) == "digital":
        yield Reason("return.digital", "digital goods are not taken back")


def as_it_was_sent(order: Order, back: Return) -> tuple[str, str] | None:
    """A return travels by the carrier and service that brought the goods; no label, where no carrier did."""
    places = dict.fromkeys(place_of(move.source) for move in back.taken)
    for shipment in filter(None, map(order.shipment_of, places)):
        if shipment.service:
            return shipment.carrier, shipment.service
    return None


#: What makes it due to make good units of a return: see `Policy.credit_on`.
Basis: TypeAlias = Literal["authorized", "received", "inspected", "disposed"]
#: What makes it due to send others for them: see `Policy.exchange_on`.
ExchangeOn: TypeAlias = Literal["authorized", "received"]


@attrs.frozen
class Available:
    """Units of a line that are held for us and wait for a fulfillment."""

    line_id: str
    quantity: Decimal
    location: str


@attrs.frozen
class Substitute:
    """Another product is sent for units that cannot be had: ``ratio`` units of it for one."""

    sku: str
    ratio: Decimal = Decimal(1)


#: What becomes of units that no location has: the order waits for them (``wait``), goes on without them for now
#: (``backorder``), is held for a person (``hold``), loses them (``cancel``), is rejected, or gets something else.
Shortage: TypeAlias = Literal["wait", "backorder", "hold", "cancel", "reject"] | Substitute


def by_priority_and_age(order: Order) -> tuple[bool, str, datetime]:
    """Orders with a priority come first, by its name (``1-urgent`` before ``2-high``); among equals the older one."""
    return (not order.priority, order.priority, order.placed_at)


def wait_for_stock(order: Order, line_id: str) -> Shortage:
    """An order waits until all of it can be had; someone may decide otherwise."""
    return "wait"


@attrs.frozen
class Allocation:
    """The work that one location is to be given."""

    location: str
    quantities: FrozenMap[str, Decimal]


@attrs.frozen
class Draft:
    """A message as a strategy writes it: to whom, how, in which locale, with which data."""

    channel: str
    to: str
    locale: str
    body: FrozenMap[str, str]
    recipient: str = "customer"


@attrs.frozen
class Withheld:
    """What a strategy says of something that nobody is to be told, now or later, and why."""

    why: str


#: What a message strategy may answer: what to tell whom, that nobody is to be told, or nothing for now.
Drafts: TypeAlias = Draft | Withheld | Iterable[Draft] | None


def _rules(raw: Iterable[VerificationRule] | VerificationRule) -> tuple[VerificationRule, ...]:
    return (raw,) if callable(raw) else tuple(raw)


def _checks(raw: Any) -> Any:
    return raw if callable(raw) else tuple(raw)


def _changes(raw: Iterable[ChangeRule]) -> tuple[ChangeRule, ...]:
    return tuple(raw)


def _called(raw: str) -> str:
    return as_line(100)(raw)


def _steps(raw: Iterable[str]) -> frozenset[str]:
    return frozenset(raw)


@attrs.frozen
class Policy:
    """How this host processes orders.

    Attributes:
        plan: sourcing strategy: into which pieces of work what is held at each location is split.
        choose_rate: carrier strategy: which of the offered rates is taken; ``None`` where none will do.
        promise: promise strategy: what is promised of a line from a location, as of a moment; ``None`` for nothing.
        draft: message strategy: what to tell whom of a fact ``(kind, subject)``: a draft or several; `Withheld` where
            nobody is ever to be told; nothing where it is to be asked again.
        sourcing: sourcing strategy: which location is to hold what, where one does not have it all.
        shortage: what becomes of units of a line that no location has.
        queue: who is served first when stock arrives: a key by which waiting orders are sorted.
        release_before: how long before the start of its "not before" day a line is given to the warehouse.
        pack: packing strategy: into which boxes of a kind goods are proposed to go (`propose_parcels`).
        lifecycles: the states and steps of an order, a fulfillment, a parcel and a return.
        rules: further rules of commands, by the command's tag; they run after our own of the same command. Severity
            ``error`` refuses, ``hold`` places a hold on all steps, ``warning`` goes on record.
        verification: what must be true of an order before it is verified.
        severities: how much weighs what our own rules object to, by code (see `REVIEWED`): ``hold`` for review unless
            it is said, ``error``, ``warning``, or ``ignored``.
        expire_after: how long an order may wait to be verified and confirmed before it is cancelled by itself: a time
            after it was placed, or a strategy that says until when; ``None`` for ever.
        checks: what only others can answer before an order is verified: the checks, or a strategy that says which
            ones an order needs.
        requirements: rules by the names of the requirements that customers put on orders and lines.
        price_tolerance: by how much a quoted price may be above the one that the customer stated: per cent, or money.
        confirm: confirmation strategy: how each line of a verified order is answered.
        buyer_must_agree: whether the buyer's word is wanted on a confirmation before work begins.
        authority: who decides about price, stock, fulfillment, booking, messages and settlement: we, or others.
        changes: what may still change, at which stage, by whom: the first rule that fits decides.
        guards: the guards that the lifecycles name.
        automatic: which steps are taken without a command, where the lifecycle permits.
        superseded_by: which unsent messages a later one about the same part of the order makes stale.
        told_within: how long after the fact a message of a kind is still worth sending.
        rounding: how charges round; frozen into an order when it is placed.
        charge_on: when charges are raised, as documents: on the ``order`` (once it is confirmed), on ``despatch`` or on
            ``delivery``; ``None``: we raise none. Frozen into an order when it is placed.
        paid_first: whether an order must be ``paid``, or payment of it ``authorized``, before work begins; or a
            strategy that says so of an order.
        on_delivery: whether an order is paid in cash on delivery: then carriers are told what to collect.
        retry: how an unavailable port is asked again.
        poll_every: how often carriers are asked for tracking; ``None`` where they push.
        fulfillers: which locations are run by others: a name by location, or a function that says so (``None``: ours).
        renew_before: how long before a reservation ends it is put again; half-way, where it lasts less than twice that.
        settle: which option settles an exception without a person, asked while the case is open; ``None`` leaves it
            to someone. It can see in the order how often it has chosen already, and should come to an end.
        name: what this policy is called: every change is recorded with the name of the policy it was decided under.
        return_window: how long after its delivery a unit may be returned: a time, of which the last day counts to its
            end where the customer is, or a strategy that says until when for a line; ``None`` for ever. It does not
            concern claims.
        returnable: what speaks against returning units of a line (``return``, ``exchange``, ``claim``): a final sale,
            hygiene. Who authorizes it all the same does so out of goodwill.
        return_service: by which carrier and service a return travels for which we book the label; ``None`` without one.
        credit_on: when units of a return are due to be credited: once ``authorized``, ``received``, ``inspected``, or
            ``disposed`` of.
        exchange_on: when what is wanted in exchange, or as a replacement, is ordered: once ``authorized``, or
            ``received``.
        patience: for how long the option ``wait`` waits before the problem needs someone again.
    """

    plan: Callable[[Order, tuple[Available, ...]], Iterable[Allocation]]
    choose_rate: Callable[[Order, Shipment, tuple[Rate, ...]], Rate | None]
    draft: Callable[[Order, str, str], Drafts]
    sourcing: Sourcing = attrs.field(factory=Sourcing)
    shortage: Callable[[Order, str], Shortage] = wait_for_stock
    queue: Callable[[Order], Any] = by_priority_and_age
    release_before: timedelta = timedelta(0)
    promise: Callable[[Order, str, str, datetime], Promise | None] = as_wished
    pack: Callable[[tuple[Packable, ...], Box], Iterable[tuple[Packable, ...]]] = first_fit_decreasing
    lifecycles: Lifecycles = attrs.field(factory=Lifecycles)
    rules: Mapping[str, tuple[Rule, ...]] = attrs.field(factory=FrozenMap)
    verification: tuple[VerificationRule, ...] = attrs.field(default=(), converter=_rules)
    guards: Mapping[str, Guard] = attrs.field(factory=FrozenMap)
    automatic: frozenset[str] = attrs.field(default=AUTOMATIC, converter=_steps)
    superseded_by: Mapping[str, tuple[str, ...]] = attrs.field(factory=FrozenMap)
    told_within: Mapping[str, timedelta] = attrs.field(factory=FrozenMap)
    rounding: RoundingRule = attrs.field(factory=RoundingRule)
    charge_on: ChargeOn | None = None
    paid_first: PaidFirst | Callable[[Order], PaidFirst | None] | None = None
    on_delivery: Callable[[Order], bool] = nobody_pays_on_delivery
    retry: Retry = attrs.field(factory=Retry)
    poll_every: timedelta | None = timedelta(hours=6)
    renew_before: timedelta = timedelta(minutes=5)
    fulfillers: Mapping[str, str] | Callable[[str], str | None] = attrs.field(factory=FrozenMap)
    severities: Mapping[str, Weight] = attrs.field(factory=FrozenMap)
    expire_after: timedelta | Callable[[Order], datetime | None] | None = None
    checks: tuple[Check, ...] | Callable[[Order], Iterable[Check]] = attrs.field(default=(), converter=_checks)
    requirements: Mapping[str, RequirementRule] = attrs.field(factory=FrozenMap)
    price_tolerance: Decimal | Money = Decimal(0)
    confirm: Callable[[Order], Iterable[ConfirmedLine]] = answered_as_it_stands
    buyer_must_agree: Callable[[Order, tuple[ConfirmedLine, ...]], bool] = nobody_must_agree

    return_window: timedelta | Callable[[Order, str], datetime | None] | None = timedelta(days=30)
    returnable: Callable[[Order, ReturnLine, str], Iterable[Reason]] = all_but_data
    return_service: Callable[[Order, Return], tuple[str, str] | None] = as_it_was_sent
    credit_on: Basis = "disposed"
    exchange_on: ExchangeOn = "received"
    changes: tuple[ChangeRule, ...] = attrs.field(default=CHANGES, converter=_changes)

    settle: Callable[[Order, Case], str | None] | None = None
    patience: timedelta = timedelta(days=7)

    authority: Authority = attrs.field(factory=Authority)
    name: str = attrs.field(default="standard", converter=_called)

    def change_rule(self, modification: Modification, actor: str) -> ChangeRule:
        """The rule about a change by a kind of actor."""
        return rule_for(self.changes, modification, actor)

    def checks_of(self, order: Order) -> tuple[Check, ...]:
        """The checks that an order needs."""
        return self.checks if isinstance(self.checks, tuple) else tuple(self.checks(order))

    def wants_first(self, order: Order) -> PaidFirst | None:
        """What is wanted of the customer before work on an order begins; who pays on delivery pays then."""
        if self.paid_first is None:
            return None
        wanted = self.paid_first(order) if callable(self.paid_first) else self.paid_first
        return None if self.on_delivery(order) else wanted

    def severity(self, code: str) -> Weight:
        """How much an objection of our own rules weighs."""
        return self.severities.get(code, "hold")

    def expires_at(self, order: Order) -> datetime | None:
        """Until when an order may wait to be verified and confirmed."""
        if self.expire_after is None or isinstance(self.expire_after, timedelta):
            return None if self.expire_after is None else order.placed_at + self.expire_after
        return self.expire_after(order)

    def order_step(self, order: Order, step: str) -> str | None:
        """The state into which a step would take the order; ``None`` where its lifecycle does not permit it."""
        return self._target(self.lifecycles.order, order.state, step, order, "")

    def fulfillment_step(self, order: Order, fulfillment: Fulfillment, step: str) -> str | None:
        """The state into which a step would take a fulfillment."""
        return self._target(self.lifecycles.fulfillment, fulfillment.state, step, order, fulfillment.id)

    def parcel_step(self, order: Order, parcel: Parcel, step: str) -> str | None:
        """The state into which a step would take a parcel."""
        return self._target(self.lifecycles.parcel, parcel.state, step, order, parcel.id)

    def return_step(self, order: Order, back: Return, step: str) -> str | None:
        """The state into which a step would take a return."""
        return self._target(self.lifecycles.return_, back.state, step, order, back.id)

    def returnable_until(self, order: Order, line_id: str, delivered_at: datetime | None) -> datetime | None:
        """Until when units of a line may be returned that were delivered at a moment; ``None`` for ever.

        A window that is a length of time ends with its last day, where the customer is.
        """
        window = self.return_window
        if window is None or (isinstance(window, timedelta) and delivered_at is None):
            return None
        if not isinstance(window, timedelta):
            return window(order, line_id)
        assert delivered_at is not None
        zone = order.terms_of(line_id).zone or "UTC"
        return instant_of(day_in(delivered_at + window, zone), zone, time.max)

    def fulfiller_at(self, location: str) -> str | None:
        """Who runs a location; ``None`` where we do."""
        if callable(self.fulfillers):
            return self.fulfillers(location)
        return self.fulfillers.get(location)

    def _target(self, lifecycle: Lifecycle, state: str, step: str, order: Order, subject: str) -> str | None:
        if step not in lifecycle.events:
            return None
        return lifecycle.target(state, step, lambda guard: self.guards[guard](order, subject))
