"""Acceptance: receive and record the order accurately, and say so.

``PlaceOrder`` records what the customer wants, word for word, after everything that can be checked without asking
anyone was checked. *Acknowledged* means received and well-formed; it promises nothing yet. An order is known by tenant,
channel and reference, which is its number there; the ``customer_reference`` is the customer's own (a purchase order's
number), and one that the same customer has used before is looked at by a person, since it may be the same order again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from orderflow.charges import RoundingRule
from orderflow.errors import InvalidInput, Violation
from orderflow.kits import Component, Kit, as_component, exploded
from orderflow.ledger import CANCELLED, HERE, OPEN, ORDERED, Ledger, Move, kind_of
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Line, Order, Origin, Reason, Terms, Tolerance
from orderflow.payments import Settlement
from orderflow.policy import Policy
from orderflow.stages.holds import reviews, warnings
from orderflow.stages.kits import A_KIT_CAN_BE_ORDERED
from orderflow.stages.stage import (
    Decision,
    Stage,
    Wait,
    nothing_has_left,
    nothing_holds,
    order_exists,
    order_may,
    order_not_cancelling,
    why_not,
)
from orderflow.values.address import Address, as_address
from orderflow.values.checked import PERSONAL, as_flag, checked, optional, tuple_of, value
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_reference, as_text
from orderflow.values.money import Money, as_currency, as_money
from orderflow.values.numbers import ONE, ZERO, as_not_negative
from orderflow.values.party import Party, as_party
from orderflow.values.quantity import Quantity, as_amount, as_unit
from orderflow.values.record import record
from orderflow.values.times import Window, as_day, as_zone

__all__ = [
    "STAGE",
    "AcknowledgeOrder",
    "OrderAcknowledged",
    "OrderLine",
    "OrderPlaced",
    "OrderRejected",
    "PlaceOrder",
    "PlacedLine",
    "RejectOrder",
    "as_method",
    "as_order_line",
    "as_price",
    "as_window",
    "everything_cancelled",
    "exploded_rows",
    "order_as_told",
    "place_order",
    "terms_said",
    "texts",
]

_METHODS = ("carrier", "pick_up", "digital", "supplier")


def as_method(raw: Any) -> str:
    """How goods reach the customer: ``carrier``, ``pick_up``, ``digital`` or ``supplier``."""
    if raw not in _METHODS:
        raise InvalidInput.because("terms.unknown_method", f"must be one of {', '.join(_METHODS)}")
    return str(raw)


def as_window(raw: Any) -> Window:
    """The span of time in which goods may arrive."""
    if not isinstance(raw, Window):
        raise InvalidInput.because("terms.not_a_window", f"must be a Window, not {type(raw).__name__}")
    return raw


def as_price(raw: Any) -> Money:
    """A price that was stated or agreed by hand: nothing, or more."""
    price = as_money(raw)
    if price.amount < 0:
        raise InvalidInput.because("acceptance.negative_price", "must not be below nothing")
    return price


def _as_percent_under(raw: Any) -> Decimal:
    percent = _as_percent_over(raw)
    if percent >= 100:
        raise InvalidInput.because("acceptance.bad_tolerance", "must be below 100 per cent: something is delivered")
    return percent


def _as_percent_over(raw: Any) -> Decimal:
    percent = as_not_negative(raw)
    if percent > 1000:
        raise InvalidInput.because("acceptance.bad_tolerance", "must be at most 1000 per cent")
    return percent


def _as_reason(raw: Any) -> Reason:
    if isinstance(raw, Reason):
        return raw
    if isinstance(raw, tuple | list) and len(raw) == 2:
        return Reason(*raw)
    return Reason(raw)


texts = tuple_of(as_text(1000))


@value
class OrderLine:
    """A row as the customer gives it: product, quantity, and where they differ from the order, its own terms.

    ``price`` is the price that the customer states, if one was stated, for ``price_per`` units; it is told to the
    pricing system, and a quote above it is looked at. ``price_with_tax`` says whether it has the tax in it, where it is
    not simply the price as the list has it. ``complete`` says what leaves together or not at all: ``order``, ``line``,
    or the name of a group of lines; ``no`` is as available, whatever the order says. ``supplier`` names who ships what
    is of the method ``supplier``. ``under`` and ``over`` are percentages: how far a delivery may fall short of the
    quantity, or go beyond it, and still be what was ordered. Goods that are handled in pieces and priced by what they
    weigh, say, have a ``measure_unit`` (``kg``) and an ``estimated_measure`` for the whole quantity. A kit, which is
    several products at one price, has ``components``: what one of it holds. ``customer_reference`` is the customer's
    own number for the row.
    """

    sku: str = checked(as_reference)
    quantity: Decimal = checked(as_amount)
    unit: str = checked(as_unit, default="each")
    price: Money | None = checked(optional(as_price), default=None)
    deliver_by: date | None = checked(optional(as_day), default=None)
    window: Window | None = checked(optional(as_window), default=None)
    not_before: date | None = checked(optional(as_day), default=None)
    ship_to: Address | None = checked(optional(as_address), default=None)
    service: str | None = checked(optional(as_reference), default=None)
    carrier: str | None = checked(optional(as_reference), default=None)
    method: str | None = checked(optional(as_method), default=None)
    instructions: tuple[str, ...] = checked(texts, default=(), personal=True)
    requirements: tuple[str, ...] = checked(texts, default=())
    supplier: str | None = checked(optional(as_reference), default=None)
    complete: str | None = checked(optional(as_id), default=None)
    under: Decimal = checked(_as_percent_under, default=ZERO)
    over: Decimal = checked(_as_percent_over, default=ZERO)
    measure_unit: str | None = checked(optional(as_unit), default=None)
    estimated_measure: Decimal | None = checked(optional(as_amount), default=None)
    price_per: Decimal = checked(as_amount, default=ONE)
    price_with_tax: bool | None = checked(optional(as_flag), default=None)
    components: tuple[Component, ...] = checked(tuple_of(as_component), default=())
    customer_reference: str = checked(as_text(100), default="", personal=True)

    if TYPE_CHECKING:

        def __init__(
            self,
            sku: str,
            quantity: Decimal | int | str,
            unit: str = "each",
            price: Money | None = None,
            deliver_by: date | None = None,
            window: Window | None = None,
            not_before: date | None = None,
            ship_to: Address | None = None,
            service: str | None = None,
            carrier: str | None = None,
            method: str | None = None,
            instructions: Iterable[str] = (),
            requirements: Iterable[str] = (),
            supplier: str | None = None,
            complete: str | None = None,
            under: Decimal | int | str = 0,
            over: Decimal | int | str = 0,
            measure_unit: str | None = None,
            estimated_measure: Decimal | int | str | None = None,
            price_per: Decimal | int | str = 1,
            price_with_tax: bool | None = None,
            components: Iterable[Component | tuple[str, Decimal | int | str]] = (),
            customer_reference: str = "",
        ) -> None: ...

    def placed(self, line_id: str) -> PlacedLine:
        """This row under the id it has from now on."""
        terms = Terms(
            deliver_by=self.deliver_by,
            window=self.window,
            not_before=self.not_before,
            ship_to=self.ship_to,
            service=self.service,
            carrier=self.carrier,
            method=self.method,
            supplier=self.supplier,
            complete=self.complete,
        )
        line = Line(
            line_id,
            self.sku,
            self.unit,
            self.price,
            terms,
            self.instructions,
            self.requirements,
            Origin(),
            Tolerance(self.under, self.over),
            measure_unit=self.measure_unit or "",
            estimated_measure=self.estimated_measure,
            estimated_for=self.quantity if self.estimated_measure is not None else ONE,
            stated_per=self.price_per,
            stated_with_tax=self.price_with_tax,
            customer_reference=self.customer_reference,
        )
        return PlacedLine(line, self.quantity)


def exploded_rows(rows: Iterable[OrderLine], first: int = 1) -> tuple[tuple[PlacedLine, ...], tuple[Kit, ...]]:
    """Rows under the ids they have from now on, numbered from ``first``: each a line, or a kit with its components."""
    lines: list[PlacedLine] = []
    kits: list[Kit] = []
    for number, row in enumerate(rows, first):
        placed = row.placed(f"L{number}")
        if row.components:
            kit, components = exploded(placed.line, placed.quantity, row.components)
            kits.append(kit)
            lines += (PlacedLine(*component) for component in components)
        else:
            lines.append(placed)
    return tuple(lines), tuple(kits)


def as_order_line(raw: Any) -> OrderLine:
    """An `OrderLine`, or a pair of product and quantity."""
    if isinstance(raw, OrderLine):
        return raw
    if isinstance(raw, tuple | list) and len(raw) == 2:
        sku, quantity = raw
        if isinstance(quantity, Quantity):
            return OrderLine(sku, quantity.amount, quantity.unit)
        return OrderLine(sku, quantity)
    raise InvalidInput.because("acceptance.not_a_line", "must be an OrderLine or a pair (sku, quantity)")


@command("place_order")
class PlaceOrder(Command):
    """The customer orders: products and quantities, where to, in which currency, with what wishes.

    ``reference`` is the order's number in its ``channel``; without one, and without an ``order_id``, the application's
    numbering gives both. With the id of a draft, the draft is placed, as this command says it. ``deliver_by`` is a
    calendar day in ``zone``. ``customer_reference`` is the customer's own number for the order; ``repeats`` are other
    orders of the same customer with the same, as the runtime has found them. ``complete="order"``: nothing leaves until
    all of it is there; left out, goods leave as they are available.
    """

    lines: tuple[OrderLine, ...] = checked(tuple_of(as_order_line, at_least=1))
    currency: str = checked(as_currency)
    ship_to: Address | None = checked(optional(as_address), default=None)
    customer: Party | None = checked(optional(as_party), default=None)
    bill_to: Party | None = checked(optional(as_party), default=None)
    order_id: str | None = checked(optional(as_id), default=None)
    reference: str | None = checked(optional(as_reference), default=None)
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
    repeats: tuple[str, ...] = checked(tuple_of(as_id), default=())
    complete: str | None = checked(optional(as_id), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            lines: Iterable[OrderLine | tuple[str, Decimal | int | str | Quantity]],
            currency: str,
            ship_to: Address | None = None,
            customer: Party | str | None = None,
            bill_to: Party | str | None = None,
            order_id: str | None = None,
            reference: str | None = None,
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
            repeats: Iterable[str] = (),
            complete: str | None = None,
        ) -> None: ...

    @property
    def terms(self) -> Terms:
        """The terms of the order."""
        return terms_said(self)


@command("acknowledge_order")
class AcknowledgeOrder(Command):
    """Say that the order was received and is well-formed. By default this happens by itself."""

    order_id: str = checked(as_id)


@command("reject_order")
class RejectOrder(Command):
    """Refuse the order as a whole, before it was verified and before goods have left; the reason is told.

    ``reasons`` are for programs as well: several, each a code or a pair of code and sentence.
    """

    order_id: str = checked(as_id)
    reason: str = checked(as_text(1000), default="", personal=True)
    reasons: tuple[Reason, ...] = checked(tuple_of(_as_reason), default=())

    if TYPE_CHECKING:

        def __init__(
            self, order_id: str, reason: str = "", reasons: Iterable[Reason | str | tuple[str, str]] = ()
        ) -> None: ...


@record
class PlacedLine:
    """A row and how many units of it were ordered."""

    line: Line
    quantity: Decimal


@event("order_placed")
class OrderPlaced(Event):
    """The customer's order was recorded."""

    tenant: str
    channel: str
    reference: str
    order_id: str
    currency: str
    lines: tuple[PlacedLine, ...]
    state: str
    ship_to: Address | None = None
    customer: Party | None = None
    bill_to: Party | None = None
    priority: str = ""
    terms: Terms = attrs.field(factory=Terms)
    instructions: tuple[str, ...] = attrs.field(default=(), metadata=PERSONAL)
    requirements: tuple[str, ...] = ()
    rounding: RoundingRule = attrs.field(factory=RoundingRule)
    customer_reference: str = attrs.field(default="", metadata=PERSONAL)
    theirs: tuple[str, ...] = ()
    kits: tuple[Kit, ...] = ()
    charge_on: str = ""

    def apply(self, order: Order | None) -> Order:
        """A new order, or a draft that is one now, with every unit open."""
        settled = {"settlement": Settlement(self.charge_on)} if self.charge_on else {}
        return order_as_told(order, self, "placed", theirs=self.theirs, **settled)


def order_as_told(order: Order | None, told: Any, milestone: str, **more: Any) -> Order:
    """An order as it is told of as a whole, with every unit open; of a draft before it, only what went on is kept."""
    moves = (Move(placed.line.id, ORDERED, OPEN, placed.quantity) for placed in told.lines)
    before = order.milestones if order is not None else FrozenMap[str, datetime]()
    said: dict[str, Any] = {
        "version": 0,
        "state": told.state,
        "currency": told.currency,
        "placed_at": told.at,
        "customer": told.customer,
        "ship_to": told.ship_to,
        "bill_to": told.bill_to,
        "priority": told.priority,
        "terms": told.terms,
        "instructions": told.instructions,
        "requirements": told.requirements,
        "lines": FrozenMap({placed.line.id: placed.line for placed in told.lines}),
        "ledger": Ledger().moved(moves),
        "rounding": told.rounding,
        "milestones": before.set(milestone, told.at),
        "customer_reference": told.customer_reference,
        "kits": FrozenMap({kit.id: kit for kit in told.kits}),
        **more,
    }
    if order is not None:
        return order.replace(**said)
    return Order(tenant=told.tenant, channel=told.channel, reference=told.reference, id=told.order_id, **said)


@event("order_acknowledged")
class OrderAcknowledged(Event):
    """The customer may know that the order has arrived."""

    state: str

    def apply(self, order: Order) -> Order:
        """The order is acknowledged."""
        return order.reached(self.state, "acknowledged", self.at)


@event("order_rejected")
class OrderRejected(Event):
    """The order was refused as a whole; its units are cancelled."""

    state: str
    moves: tuple[Move, ...]
    reason: str = attrs.field(default="", metadata=PERSONAL)
    reasons: tuple[Reason, ...] = ()

    def apply(self, order: Order) -> Order:
        """The order is rejected, and nothing of it is wanted any more."""
        why = {"rejected_for": self.reasons, "over_because": self.reason}
        return order.moved(self.moves).reached(self.state, "rejected", self.at, **why)


# -- rules ----------------------------------------------------------------------------------------------------------


#: What is said of a whole order: placed at once, or drafted before.
Told = Any


def an_order_is_placed_once(order: Order | None, command: PlaceOrder, policy: Policy) -> Iterable[Violation]:
    """An order id is used once; that of a draft, to place it."""
    if order is not None and not order.is_draft:
        yield Violation("acceptance.already_placed", f"order {order.id} exists", "order_id")


def a_draft_keeps_its_number(order: Order | None, command: Told, policy: Policy) -> Iterable[Violation]:
    """Channel and reference, by which an order is known, stay what they were when its draft was first saved."""
    if order is None:
        return
    if command.reference not in (None, order.reference):
        yield Violation("acceptance.other_reference", f"this draft is number {order.reference}", "reference")
    if command.channel != order.channel:
        yield Violation("acceptance.other_channel", f"this draft is of channel {order.channel}", "channel")


def a_draft_may_be_placed(order: Order | None, command: Told, policy: Policy) -> Iterable[Violation]:
    """The lifecycle lets the draft become an order, a guard of the host's included."""
    if order is not None and policy.order_step(order, "place") is None:
        told, remedy = why_not(policy.lifecycles.order, order.state, "place")
        yield Violation("order.cannot_place", f"the order is {told}", remedy=remedy)


def an_order_has_a_number(order: Order | None, command: Told, policy: Policy) -> Iterable[Violation]:
    """Someone gave the order an id: the caller, or the application's numbering."""
    if command.order_id is None:
        yield Violation("acceptance.no_number", "the order needs an id", "order_id")


def carried_goods_have_an_address(order: Order | None, command: Told, policy: Policy) -> Iterable[Violation]:
    """What a carrier is to bring needs an address to bring it to."""
    if command.ship_to is not None:
        return
    for index, line in enumerate(command.lines):
        if line.ship_to is None and (line.method or command.method) == "carrier":
            yield Violation(
                "acceptance.no_address", "a carrier needs a delivery address", _address_path(command, index)
            )


def _address_path(command: Told, index: int) -> str:
    return "ship_to" if len(command.lines) == 1 else f"lines[{index}].ship_to"


def stated_prices_are_in_the_orders_currency(order: Order | None, command: Told, policy: Policy) -> Iterable[Violation]:
    """An order has one currency."""
    for index, line in enumerate(command.lines):
        if line.price is not None and line.price.currency != command.currency:
            yield Violation(
                "acceptance.other_currency",
                f"the price is in {line.price.currency}, the order in {command.currency}",
                f"lines[{index}].price",
            )


def a_measure_is_estimated_in_its_unit(order: Order | None, command: Told, policy: Policy) -> Iterable[Violation]:
    """What is priced by measure says in which unit, and about how much it will be."""
    for index, line in enumerate(command.lines):
        if (line.measure_unit is None) != (line.estimated_measure is None):
            missing = "measure_unit" if line.measure_unit is None else "estimated_measure"
            yield Violation(
                "acceptance.measure_incomplete", "a measure needs a unit and an estimate", f"lines[{index}].{missing}"
            )


def days_are_in_order(order: Order | None, command: Told, policy: Policy) -> Iterable[Violation]:
    """Nothing is wanted before it may be delivered."""
    for index, line in enumerate(command.lines):
        latest, earliest = line.deliver_by or command.deliver_by, line.not_before or command.not_before
        if latest is not None and earliest is not None and latest < earliest:
            yield Violation(
                "acceptance.days_reversed",
                f"wanted by {latest}, but not before {earliest}",
                f"lines[{index}].deliver_by",
            )


def a_customer_reference_is_used_once(order: Order | None, command: Told, policy: Policy) -> Iterable[Violation]:
    """Where the policy makes it an error, a customer uses its own number for one order."""
    if command.repeats and policy.severity("acceptance.repeated_reference") == "error":
        yield Violation("acceptance.repeated_reference", _repeated(command), "customer_reference")


def _repeated(command: Told) -> str:
    return f"{command.customer_reference} is also the customer's number of {', '.join(command.repeats)}"


# -- decisions ------------------------------------------------------------------------------------------------------


def terms_said(command: Told) -> Terms:
    """The terms of an order as a command says them."""
    return Terms(
        deliver_by=command.deliver_by,
        not_before=command.not_before,
        zone=command.zone,
        service=command.service,
        carrier=command.carrier,
        method=command.method,
        complete=command.complete,
    )


def place_order(order: Order | None, command: PlaceOrder, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    """An order is placed, for the first time or as a draft; one that may be another again is held for review."""
    placed = _placed(order, command, policy, envelope.at)
    yield placed
    severity = policy.severity("acceptance.repeated_reference")
    if command.repeats and (severity == "hold" or severity == "warning"):
        again = Violation("acceptance.repeated_reference", _repeated(command), "customer_reference", severity)
        yield from reviews(placed.apply(order), (again,), ("claim", "verify"), envelope.at)
        yield from warnings((again,), envelope.at)


def _placed(order: Order | None, command: PlaceOrder, policy: Policy, at: datetime) -> OrderPlaced:
    assert command.order_id is not None
    number = order.reference if order is not None else command.reference or command.order_id
    lines, kits = exploded_rows(command.lines)
    return OrderPlaced(
        at,
        command.tenant,
        command.channel,
        number,
        command.order_id,
        command.currency,
        lines,
        _state_once_placed(order, policy),
        command.ship_to,
        command.customer,
        command.bill_to,
        command.priority,
        command.terms,
        command.instructions,
        command.requirements,
        policy.rounding,
        command.customer_reference,
        policy.authority.theirs,
        kits,
        "" if policy.authority.settlement == "theirs" else policy.charge_on or "",
    )


def _state_once_placed(order: Order | None, policy: Policy) -> str:
    """What ``place`` leads to; the guards of that step are asked about drafts, not about what is placed at once."""
    chart = policy.lifecycles.order
    if "place" not in chart.events:
        return chart.initial
    target = policy.order_step(order, "place") if order is not None else chart.target(chart.initial, "place", _granted)
    return target or chart.initial


def _granted(guard: str) -> bool:
    return True


def _acknowledge(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    state = policy.order_step(order, "acknowledge")
    if state is not None:
        yield OrderAcknowledged(at, state)


def _reject(order: Order, command: RejectOrder, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    state = policy.order_step(order, "reject")
    assert state is not None
    told = command.reason or "; ".join(reason.text or reason.code for reason in command.reasons) or envelope.reason
    yield OrderRejected(envelope.at, state, everything_cancelled(order), told, command.reasons)


def everything_cancelled(order: Order) -> tuple[Move, ...]:
    """The moves that cancel every unit that is still here."""
    return tuple(
        Move(line_id, account, CANCELLED, quantity)
        for line_id in order.lines
        for account, quantity in order.ledger.accounts(line_id)
        if kind_of(account) in HERE
    )


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """An order is acknowledged by itself, unless the host does it by hand."""
    if (
        "acknowledged" not in order.milestones
        and "acknowledge" in policy.automatic
        and not any(order.holds_on("acknowledge"))
    ):
        return _acknowledge(order, policy, at)
    return ()


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    if "acknowledged" not in order.milestones and policy.order_step(order, "acknowledge") is not None:
        yield Wait("someone", "to acknowledge the order")


def _looks_at(order: Order) -> tuple[str, ...]:
    """What was acknowledged is never acknowledged again."""
    return () if "acknowledged" in order.milestones else ("milestones", "state", "holds")


#: What can be said of an order without asking anyone.
WHAT_IS_ORDERED_IS_POSSIBLE = (
    carried_goods_have_an_address,
    stated_prices_are_in_the_orders_currency,
    a_measure_is_estimated_in_its_unit,
    days_are_in_order,
    a_customer_reference_is_used_once,
    *A_KIT_CAN_BE_ORDERED,
)

STAGE = Stage(
    name="acceptance",
    commands=(PlaceOrder, AcknowledgeOrder, RejectOrder),
    events=(OrderPlaced, OrderAcknowledged, OrderRejected),
    decisions=(
        Decision(
            PlaceOrder,
            tiers=(
                (an_order_is_placed_once, an_order_has_a_number),
                (a_draft_keeps_its_number, a_draft_may_be_placed, nothing_holds("place")),
                WHAT_IS_ORDERED_IS_POSSIBLE,
            ),
            events=place_order,
        ),
        Decision(
            AcknowledgeOrder,
            tiers=((order_exists,), (order_may("acknowledge"), nothing_holds("acknowledge"))),
            events=lambda order, command, policy, envelope: _acknowledge(order, policy, envelope.at),
            candidates=lambda order, policy: (AcknowledgeOrder(order.id),),
        ),
        Decision(
            RejectOrder,
            tiers=((order_exists,), (order_may("reject"), order_not_cancelling), (nothing_has_left,)),
            events=_reject,
            candidates=lambda order, policy: (RejectOrder(order.id),),
        ),
    ),
    follow=_follow,
    looks_at=_looks_at,
    awaits=_awaits,
)
