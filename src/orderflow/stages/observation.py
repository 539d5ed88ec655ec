"""Observation: orders that others have begun, and facts that they tell about them.

``AdoptOrder`` brings an order in mid-life: its lines, the prices that were agreed, and what has become of it so far, as
facts (`orderflow.facts`). It is the second door: nothing of the past is refused for the state it is in, nobody is told
of it, and no port is called for what others decided. ``RecordFacts`` tells what others did later; it may come late,
twice and in any order, about an order that was placed here as well.

What was told is kept as a set (`FactsRecorded`). What it amounts to (`orderflow.observations`) is followed, level by
level, like everything else: after every change of the order the books are drawn up anew, and where they differ from
those that it has, `FactsApplied` records the way there, forward or back. The steps of the order follow its goods; where
goods that had left turn out not to have, it steps back.

``theirs`` are the concerns that others decide about an adopted order: all of them, unless it is said. What is open of
an order of which the stock is ours is claimed, planned and sent here like that of any other; of one whose stock is
theirs it waits for their facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from orderflow.books import Books, Observed, ObservedParcel, ObservedShipment, in_hand_of
from orderflow.charges import RoundingRule
from orderflow.errors import InvalidInput, Violation
from orderflow.facts import Fact, as_fact, united
from orderflow.kits import Kit
from orderflow.ledger import HERE, OPEN, Account, Move, place_of
from orderflow.lifecycle import Lifecycle
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Booking, Fulfillment, Goods, Line, Order, Parcel, Shipment, Terms
from orderflow.payments import Settlement
from orderflow.policy import Authority, Policy
from orderflow.ports import Quote
from orderflow.reconciliation import moves_to
from orderflow.stages.acceptance import (
    OrderLine,
    PlacedLine,
    an_order_has_a_number,
    as_method,
    as_order_line,
    exploded_rows,
    order_as_told,
    stated_prices_are_in_the_orders_currency,
    terms_said,
    texts,
)
from orderflow.stages.changes import OrderCancelled
from orderflow.stages.kits import A_KIT_CAN_BE_ORDERED
from orderflow.stages.picking import OrderInFulfillment
from orderflow.stages.pricing import agreed_tranches, is_sensible_quote, prices_quoted
from orderflow.stages.stage import Decision, Stage, Wait, order_exists, order_was_placed, units_text
from orderflow.tracking import Scan
from orderflow.tracking import united as reports_united
from orderflow.values.address import Address, as_address
from orderflow.values.checked import PERSONAL, checked, evolved, optional, tuple_of
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_reference, as_text
from orderflow.values.money import as_currency
from orderflow.values.numbers import EXACT, ZERO, total_by
from orderflow.values.party import Party, as_party
from orderflow.values.quantity import Quantity
from orderflow.values.times import as_day, as_instant, as_zone

__all__ = [
    "STAGE",
    "AdoptOrder",
    "FactsApplied",
    "FactsRecorded",
    "OrderAdopted",
    "OrderSteppedBack",
    "RecordFacts",
    "id_of_adopted",
]

#: Everything that somebody may decide about an order.
CONCERNS = tuple(field.name for field in attrs.fields(Authority))


def _as_concern(raw: Any) -> str:
    if raw not in CONCERNS:
        raise InvalidInput.because("adoption.unknown_concern", f"must be one of {', '.join(CONCERNS)}")
    return str(raw)


def _as_quote(raw: Any) -> Quote:
    if not isinstance(raw, Quote):
        raise InvalidInput.because("adoption.not_a_quote", f"must be a Quote, not {type(raw).__name__}")
    return raw


@command("adopt_order")
class AdoptOrder(Command):
    """Take over an order that others have begun: what was ordered, at which prices, and what has become of it so far.

    ``reference`` is its number in its ``channel``, and its id where no other is given. ``agreed`` are the prices that
    were agreed, in the words of a price list: lines are ``L1``, ``L2``, ... ``theirs`` are the concerns that others
    decide; left out, all of them are. Where ``settlement`` is ours, what others have billed is not charged again.
    """

    reference: str = checked(as_reference)
    lines: tuple[OrderLine, ...] = checked(tuple_of(as_order_line, at_least=1))
    currency: str = checked(as_currency)
    placed_at: datetime = checked(as_instant)
    facts: tuple[Fact, ...] = checked(tuple_of(as_fact), default=())
    theirs: tuple[str, ...] | None = checked(optional(tuple_of(_as_concern)), default=None)
    agreed: Quote | None = checked(optional(_as_quote), default=None)
    ship_to: Address | None = checked(optional(as_address), default=None)
    customer: Party | None = checked(optional(as_party), default=None)
    bill_to: Party | None = checked(optional(as_party), default=None)
    order_id: str | None = checked(optional(as_id), default=None)
    channel: str = checked(as_id, default="main")
    tenant: str = checked(as_id, default="main")
    priority: str = checked(as_text(100), default="")
    deliver_by: date | None = checked(optional(as_day), default=None)
    not_before: date | None = checked(optional(as_day), default=None)
    zone: str = checked(as_zone, default="UTC")
    service: str | None = checked(optional(as_reference), default=None)
    carrier: str | None = checked(optional(as_reference), default=None)
    method: str = checked(as_method, default="carrier")
    instructions: tuple[str, ...] = checked(texts, default=(), personal=True)
    requirements: tuple[str, ...] = checked(texts, default=())
    customer_reference: str = checked(as_text(100), default="", personal=True)
    complete: str | None = checked(optional(as_id), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            reference: str,
            lines: Iterable[OrderLine | tuple[str, Decimal | int | str | Quantity]],
            currency: str,
            placed_at: datetime,
            facts: Iterable[Fact] = (),
            theirs: Iterable[str] | None = None,
            agreed: Quote | None = None,
            ship_to: Address | None = None,
            customer: Party | str | None = None,
            bill_to: Party | str | None = None,
            order_id: str | None = None,
            channel: str = "main",
            tenant: str = "main",
            priority: str = "",
            deliver_by: date | None = None,
            not_before: date | None = None,
            zone: str = "UTC",
            service: str | None = None,
            carrier: str | None = None,
            method: str = "carrier",
            instructions: Iterable[str] = (),
            requirements: Iterable[str] = (),
            customer_reference: str = "",
            complete: str | None = None,
        ) -> None: ...


@command("record_facts")
class RecordFacts(Command):
    """Others did something about an order, and say so: facts, which may be late, repeated or out of order."""

    order_id: str = checked(as_id)
    facts: tuple[Fact, ...] = checked(tuple_of(as_fact, at_least=1))

    if TYPE_CHECKING:

        def __init__(self, order_id: str, facts: Iterable[Fact]) -> None: ...


@event("order_adopted")
class OrderAdopted(Event):
    """An order that others have begun is kept here from now on; ``milestones`` are what it has reached with them."""

    tenant: str
    channel: str
    reference: str
    order_id: str
    currency: str
    lines: tuple[PlacedLine, ...]
    state: str
    placed_at: datetime
    milestones: FrozenMap[str, datetime]
    theirs: tuple[str, ...] = ()
    ship_to: Address | None = None
    customer: Party | None = None
    bill_to: Party | None = None
    priority: str = ""
    terms: Terms = attrs.field(factory=Terms)
    instructions: tuple[str, ...] = attrs.field(default=(), metadata=PERSONAL)
    requirements: tuple[str, ...] = ()
    rounding: RoundingRule = attrs.field(factory=RoundingRule)
    customer_reference: str = attrs.field(default="", metadata=PERSONAL)
    kits: tuple[Kit, ...] = ()
    charge_on: str = ""

    def apply(self, order: Order | None) -> Order:
        """A new order, with every unit open until facts say otherwise."""
        more = {"placed_at": self.placed_at, "milestones": self.milestones, "theirs": self.theirs}
        settled = {"settlement": Settlement(self.charge_on)} if self.charge_on else {}
        adopted = order_as_told(None, self, "placed", **more, **settled)
        return _observing(adopted, self.at)


@event("facts_recorded")
class FactsRecorded(Event):
    """Others have told something that was not known before: facts, or reports of a whole shipment of theirs."""

    facts: tuple[Fact, ...]
    scans: tuple[Scan, ...] = ()

    def apply(self, order: Order) -> Order:
        """What was told is a larger set; what it means follows."""
        order = _observing(order)
        known = order.observed
        assert known is not None
        facts, scans = united(known.facts, self.facts), reports_united(known.scans, self.scans)
        return order.replace(observed=evolved(known, facts=facts, scans=scans))


def _observing(order: Order, adopted_at: datetime | None = None) -> Order:
    """An order under observation: from now on, what is ordered may be told as well."""
    if order.observed is not None:
        return order
    ordered = FrozenMap({line_id: order.ledger.ordered(line_id) for line_id in order.lines})
    return order.replace(observed=Observed(ordered, (), Books(ordered), adopted_at=adopted_at))


@event("facts_applied")
class FactsApplied(Event):
    """The order has the books that the facts amount to: ``moves`` lead there from those that it had."""

    books: Books
    moves: tuple[Move, ...]
    states: FrozenMap[str, str]

    def apply(self, order: Order) -> Order:
        """Units, parcels, shipments and works are as others say."""
        assert order.observed is not None
        before, books = order.observed.books, self.books.each_once
        known = {line_id: order.lines.get(line_id) or Line(line_id, sku) for line_id, sku in books.products.items()}
        lines = {
            id: line if line.sku == books.products[id] else line.replace(sku=books.products[id])
            for id, line in known.items()
        }
        after = order.replace(
            lines=order.lines.merged(lines),
            ledger=order.ledger.moved(self.moves),
            fulfillments=order.fulfillments.merged(dict(self._worked(order))),
            parcels=order.parcels.merged({one.id: self._parcel(order, one) for one in books.parcels.values()}),
            shipments=order.shipments.merged({s.id: self._shipment(order, s) for s in books.shipments.values()}),
            observed=evolved(order.observed, books=books),
        )
        return after.repriced(_wanted_again(before, books))

    def _worked(self, order: Order) -> Iterable[tuple[str, Fulfillment]]:
        for work_id, location in self.books.works.items():
            parcels = (parcel for parcel in self.books.parcels.values() if parcel.fulfillment_id == work_id)
            planned = total_by(pair for parcel in parcels for pair in parcel.contents.items())
            known = order.fulfillments.get(work_id) or Fulfillment(work_id, location, "", FrozenMap())
            yield work_id, known.replace(state=self.states[work_id], planned=FrozenMap(planned))

    def _parcel(self, order: Order, one: ObservedParcel) -> Parcel:
        known = order.parcels.get(one.id) or Parcel(one.id, one.fulfillment_id, "", ())
        parcel = known.replace(
            fulfillment_id=one.fulfillment_id,
            state=self.states[one.id],
            contents=tuple(Goods(line_id, units) for line_id, units in one.contents.items()),
            weight_kg=one.weight_kg,
            sscc=one.sscc,
            tracking_number=one.tracking_number,
            told=one.told,
        )
        return parcel.with_scans(parcel.scans)

    def _shipment(self, order: Order, one: ObservedShipment) -> Shipment:
        has_left = any(self.books.parcels[parcel_id].contents for parcel_id in one.parcel_ids)
        booking = Booking(one.document, one.carrier, one.service, one.tracking_number)
        return Shipment(
            one.id,
            one.parcel_ids,
            one.location,
            order.ship_to,
            one.carrier,
            one.service,
            stage="despatched" if has_left else "withdrawn",
            booking=booking,
            despatched_at=one.despatched_at if has_left else None,
            issued=True,
            numbers=booking.numbers,
        )


def _wanted_again(before: Books, after: Books) -> Mapping[str, Decimal]:
    """Units that were given up by facts, and are wanted after all."""
    again: dict[str, Decimal] = {}
    for line_id, units in after.ordered.items():
        more = EXACT.subtract(units, before.ordered.get(line_id, ZERO))
        less = EXACT.subtract(before.cancelled.get(line_id, ZERO), after.cancelled.get(line_id, ZERO))
        again[line_id] = EXACT.add(max(ZERO, more), max(ZERO, less))
    return again


@event("order_stepped_back")
class OrderSteppedBack(Event):
    """Goods that had left turn out not to have, or more is to be sent: the order is where it was before."""

    state: str
    milestones: tuple[str, ...]

    def apply(self, order: Order) -> Order:
        """The milestones that it had reached are not reached any more."""
        left = {name: at for name, at in order.milestones.items() if name not in self.milestones}
        return order.replace(state=self.state, milestones=FrozenMap(left))


def id_of_adopted(command: AdoptOrder) -> str:
    """The id of an adopted order: its number, with what no id may contain made a dash."""
    return command.order_id or command.reference.replace("/", "-")


# -- rules ----------------------------------------------------------------------------------------------------------


def an_order_is_adopted_once(order: Order | None, command: AdoptOrder, policy: Policy) -> Iterable[Violation]:
    """What is known already is not adopted; what others did since, `RecordFacts` says."""
    if order is not None:
        yield Violation("adoption.known_already", f"order {order.id} exists", "order_id", remedy="RecordFacts")


def agreed_prices_are_of_this_order(order: Order | None, command: AdoptOrder, policy: Policy) -> Iterable[Violation]:
    """Prices are agreed for lines and kits of the order, in its currency, for what is ordered of them."""
    if command.agreed is None:
        return
    ordered = {f"L{number}": line.quantity for number, line in enumerate(command.lines, 1)}
    for index, line in enumerate(command.agreed.lines):
        path = f"agreed.lines[{index}]"
        if line.line_id not in ordered:
            yield Violation("adoption.unknown_line", f"there is no line {line.line_id!r}", f"{path}.line_id")
        elif line.quantity != ordered[line.line_id]:
            told = f"{ordered[line.line_id]} units are ordered, {line.quantity} are priced"
            yield Violation("adoption.other_quantity", told, f"{path}.quantity")
    if not is_sensible_quote(command.agreed, command.currency):
        yield Violation("adoption.bad_prices", "a price is in another currency, or its parts do not sum up", "agreed")


# -- decisions ------------------------------------------------------------------------------------------------------


def _adopt(order: Order | None, command: AdoptOrder, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    assert command.order_id is not None
    theirs = CONCERNS if command.theirs is None else command.theirs
    state, milestones = _as_far_as_others_went(command, theirs, policy, envelope.at)
    lines, kits = exploded_rows(command.lines)
    adopted = OrderAdopted(
        envelope.at,
        command.tenant,
        command.channel,
        command.reference,
        command.order_id,
        command.currency,
        lines,
        state,
        command.placed_at,
        FrozenMap(milestones),
        theirs,
        command.ship_to,
        command.customer,
        command.bill_to,
        command.priority,
        terms_said(command),
        command.instructions,
        command.requirements,
        policy.rounding,
        command.customer_reference,
        kits,
        "" if "settlement" in theirs else policy.charge_on or "",
    )
    yield adopted
    if command.agreed is not None and command.agreed.lines:
        yield prices_quoted(adopted.apply(None), agreed_tranches(command.agreed), envelope.at)
    if command.facts:
        yield FactsRecorded(envelope.at, united((), command.facts))


def _as_far_as_others_went(
    command: AdoptOrder, theirs: tuple[str, ...], policy: Policy, at: datetime
) -> tuple[str, dict[str, datetime]]:
    """The state and milestones of an adopted order: verified by others, where its stock is theirs or goods moved."""
    chart, milestones = policy.lifecycles.order, {"placed": command.placed_at, "acknowledged": at}
    steps = ["place", "acknowledge"]
    if "stock" in theirs or any(fact.TAG in _BEGUN for fact in command.facts):
        steps.append("verify")
        milestones["verified"] = at
    state = chart.initial
    for step in steps:
        state = _entered(chart, step) or state
    return state, milestones


#: Facts that show that others have verified an order, and begun.
_BEGUN = frozenset({"confirmed", "reserved", "picked", "despatched", "delivered", "returned", "invoiced"})


def _entered(chart: Lifecycle, step: str) -> str | None:
    """The state into which a step leads, from wherever."""
    return next((one.target for one in chart.steps if one.event == step), None)


def _record(order: Order, command: RecordFacts, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    known = order.observed.facts if order.observed is not None else ()
    news = tuple(dict.fromkeys(fact for fact in command.facts if fact not in known))
    if news:
        yield FactsRecorded(envelope.at, news)


# -- what follows ---------------------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    if order.observed is None:
        return
    due = evolved(order.books_by_facts, anomalies=())
    present = _present(order)
    moves = moves_to(due, present, order.ledger)
    if moves or due != order.observed.books:
        yield FactsApplied(at, due, moves, FrozenMap(_states(order, due, policy)))
        return
    yield from _steps(order, policy, at)


def _present(order: Order) -> Books:
    """The books that the order has by facts: of what is in hand, what is still there."""
    assert order.observed is not None
    books = order.observed.books
    held = {account: FrozenMap(units) for account in in_hand_of(books) if (units := order.ledger.holding(account))}
    return evolved(books, in_hand=FrozenMap(held))


def _states(order: Order, books: Books, policy: Policy) -> Iterable[tuple[str, str]]:
    """The states of the parts that facts tell of: their lifecycles are not asked."""
    chart, parcels = policy.lifecycles.fulfillment, policy.lifecycles.parcel
    for work_id in books.works:
        is_held = any(place_of(Account(account)) == work_id for account in books.in_hand)
        has_left = any(p.contents for p in books.parcels.values() if p.fulfillment_id == work_id)
        step = "submit" if is_held else "record_despatch" if has_left else "cancel"
        yield work_id, _entered(chart, step) or chart.initial
    for parcel in books.parcels.values():
        known = order.parcels.get(parcel.id)
        if known is not None and known.contents and parcel.contents:
            yield parcel.id, known.state
        else:
            step = "record_despatch" if parcel.contents else "unpack"
            yield parcel.id, _entered(parcels, step) or parcels.initial


def _steps(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """The order goes as far as its goods, and back where these are not there after all."""
    has_begun, kinds, milestones = _has_begun(order), order.ledger.kinds, order.milestones
    if kinds == {"cancelled"} and not order.is_over and order.cancellation is None:
        state = _entered(policy.lifecycles.order, "cancel")
        if state is not None:
            yield OrderCancelled(at, state, (), "")
    elif "cancelled" in milestones and (has_begun or kinds & HERE):
        yield from _back(order, policy, _last_step(order), ("cancelled",), at)
    elif has_begun and "in_fulfillment" not in milestones:
        state = policy.order_step(order, "start_fulfillment")
        if state is not None:
            yield OrderInFulfillment(at, state)
    elif not has_begun and "in_fulfillment" in milestones and _is_all_theirs(order) and not order.is_over:
        yield from _back(order, policy, "verify", ("in_fulfillment", *_AFTERWARDS), at)
    elif "shipped" in milestones and kinds & HERE:
        yield from _back(order, policy, "start_fulfillment", _AFTERWARDS, at)


def _last_step(order: Order) -> str:
    """The step that an order had taken before it was cancelled."""
    steps = {"in_fulfillment": "start_fulfillment", "verified": "verify"}
    return next((step for milestone, step in steps.items() if milestone in order.milestones), "acknowledge")


_AFTERWARDS = ("shipped", "delivered", "completed", "reopened")


def _has_begun(order: Order) -> bool:
    """Whether others have anything of the order in hand, or have sent it."""
    assert order.observed is not None
    books = order.observed.books
    return bool(books.in_hand) or any(parcel.contents for parcel in books.parcels.values())


def _is_all_theirs(order: Order) -> bool:
    return all(order.is_observed(work) for work in order.fulfillments)


def _back(order: Order, policy: Policy, step: str, milestones: tuple[str, ...], at: datetime) -> Iterable[Event]:
    state = _entered(policy.lifecycles.order, step)
    if state is not None:
        yield OrderSteppedBack(at, state, tuple(name for name in milestones if name in order.milestones))


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    if order.is_told_of_stock and (open_units := order.ledger.holding(OPEN)):
        told = f"to tell what becomes of {units_text(order, open_units)}"
        yield Wait("whoever decides about stock", told, "RecordFacts")


def _looks_at(order: Order) -> tuple[str, ...]:
    if order.observed is None:
        return ("observed",)
    return ("observed", "ledger", "lines", "parcels", "shipments", "milestones", "fulfillments", "state")


STAGE = Stage(
    name="observation",
    commands=(AdoptOrder, RecordFacts),
    events=(OrderAdopted, FactsRecorded, FactsApplied, OrderSteppedBack),
    decisions=(
        Decision(
            AdoptOrder,
            tiers=(
                (an_order_is_adopted_once, an_order_has_a_number),
                (stated_prices_are_in_the_orders_currency, agreed_prices_are_of_this_order, *A_KIT_CAN_BE_ORDERED),
            ),
            events=_adopt,
            is_told=False,
        ),
        Decision(RecordFacts, tiers=((order_exists, order_was_placed),), events=_record),
    ),
    follow=_follow,
    looks_at=_looks_at,
    awaits=_awaits,
)
