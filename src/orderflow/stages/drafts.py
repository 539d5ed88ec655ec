"""Drafts: an order while it is being written, with all that is still missing.

A draft is an order that was not placed yet: it may lack lines, an address, anything. Saving it again replaces it.
Nothing outside is asked for it and nobody is told of it. `PlaceDraft` places it as it was saved, `PlaceOrder` with its
id as that command says it; either is held to every rule of placing an order. A draft is discarded by cancelling it.

Where a lifecycle has no step ``place``, there are no drafts: an order begins by being placed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import wraps
from typing import TYPE_CHECKING

import attrs

from orderflow.charges import RoundingRule
from orderflow.errors import Violation
from orderflow.kits import OF_A_KIT, Component, Kit
from orderflow.labels import customer_reference_labels
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Line, Order, Terms
from orderflow.policy import Policy, Rule
from orderflow.stages import acceptance
from orderflow.stages.acceptance import OrderLine, PlacedLine, PlaceOrder, as_method, as_order_line, texts
from orderflow.stages.stage import Decision, Stage, Wait, nothing_holds, order_exists
from orderflow.values.address import Address, as_address
from orderflow.values.checked import PERSONAL, checked, evolved, optional, tuple_of
from orderflow.values.ids import as_id, as_reference, as_text
from orderflow.values.money import as_currency
from orderflow.values.numbers import ratio_cut
from orderflow.values.party import Party, as_party
from orderflow.values.quantity import Quantity
from orderflow.values.record import field_names
from orderflow.values.times import as_day, as_zone

__all__ = ["STAGE", "OrderDrafted", "PlaceDraft", "SaveDraft", "as_drafted", "drafted_line", "label_of_repeats"]


@command("save_draft")
class SaveDraft(Command):
    """Keep an order that is still being written; what was saved under the same id before is replaced.

    The fields are those of `PlaceOrder`, and only the currency must be known. Without an ``order_id`` a new draft is
    begun, under a number of the application's own.
    """

    currency: str = checked(as_currency)
    lines: tuple[OrderLine, ...] = checked(tuple_of(as_order_line), default=())
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
    complete: str | None = checked(optional(as_id), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            currency: str,
            lines: Iterable[OrderLine | tuple[str, Decimal | int | str | Quantity]] = (),
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
            complete: str | None = None,
        ) -> None: ...


@command("place_draft")
class PlaceDraft(Command):
    """Place a draft as it was saved.

    ``repeats`` are other orders of the same customer with the same number of its own, as the runtime has found them.
    """

    order_id: str = checked(as_id)
    repeats: tuple[str, ...] = checked(tuple_of(as_id), default=())

    if TYPE_CHECKING:

        def __init__(self, order_id: str, repeats: Iterable[str] = ()) -> None: ...


@event("order_drafted")
class OrderDrafted(Event):
    """An order that is still being written was saved, as a whole."""

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
    kits: tuple[Kit, ...] = ()

    def apply(self, order: Order | None) -> Order:
        """A draft, or another in its place."""
        return acceptance.order_as_told(order, self, "drafted")


_TERMS_OF_A_LINE = tuple(name for name in field_names(Terms) if name in field_names(OrderLine))


def as_drafted(order: Order) -> SaveDraft:
    """What a draft says, as the command that would save it again."""
    terms = order.terms
    return SaveDraft(
        order.currency,
        _rows(order),
        order.ship_to,
        order.customer,
        order.bill_to,
        order.id,
        order.reference,
        order.channel,
        order.tenant,
        order.priority,
        terms.deliver_by,
        terms.not_before,
        terms.zone or "UTC",
        terms.service,
        terms.carrier,
        terms.method or "carrier",
        order.instructions,
        order.requirements,
        order.customer_reference,
        terms.complete,
    )


def _rows(order: Order) -> Iterable[OrderLine]:
    """The rows of a draft, kits as they were ordered."""
    for row in order.rows:
        if isinstance(row, Kit):
            parts = (_component(order, row, line_id) for line_id in row.components)
            yield drafted_line(row.line, _kits(order, row), parts)
        elif order.live_quantity(row.id):
            yield drafted_line(row, order.live_quantity(row.id))


def drafted_line(line: Line, units: Decimal, components: Iterable[Component] = ()) -> OrderLine:
    """A line of an order, as the row that would order it again; of components that leave all at once, each does."""
    terms = line.terms
    if (terms.complete or "").startswith(OF_A_KIT):
        terms = evolved(terms, complete="line")
    return OrderLine(
        line.sku,
        units,
        line.unit,
        line.stated_price,
        instructions=line.instructions,
        requirements=line.requirements,
        under=line.tolerance.under,
        over=line.tolerance.over,
        measure_unit=line.measure_unit or None,
        estimated_measure=line.estimated_measure,
        price_per=line.stated_per,
        price_with_tax=line.stated_with_tax,
        components=components,
        customer_reference=line.customer_reference,
        **{name: getattr(terms, name) for name in _TERMS_OF_A_LINE},
    )


def _kits(order: Order, kit: Kit) -> Decimal:
    """How many kits a draft is for, whole or not: what it may not be when it is placed, it may be in a draft."""
    line_id, part = next(iter(kit.components.items()))
    return ratio_cut(order.live_quantity(line_id), part.per_kit)


def _component(order: Order, kit: Kit, line_id: str) -> Component:
    part, line = kit.components[line_id], order.lines[line_id]
    return Component(line.sku, part.per_kit, part.weight, line.unit)


def _to_place(order: Order, command: PlaceDraft) -> PlaceOrder:
    """The command that would place a draft without its having been one."""
    body = as_drafted(order)
    said = {name: getattr(body, name) for name in field_names(SaveDraft)}
    return PlaceOrder(**said, repeats=command.repeats)


def label_of_repeats(order: Order | None, command: Command) -> str | None:
    """Under which label other orders of the same customer with the same number of its own are found."""
    labels: tuple[str, ...] = ()
    if isinstance(command, PlaceOrder):
        labels = customer_reference_labels(command.customer_reference, command.customer)
    elif isinstance(command, PlaceDraft) and order is not None:
        labels = customer_reference_labels(order.customer_reference, order.customer)
    return labels[-1] if labels else None


# -- rules ----------------------------------------------------------------------------------------------------------


def only_a_draft_is_saved(order: Order | None, command: SaveDraft, policy: Policy) -> Iterable[Violation]:
    """What was placed is an order, and is amended, not drafted."""
    if order is not None and not order.is_draft:
        yield Violation("draft.is_an_order", f"order {order.id} is {order.state}", "order_id", remedy="AmendOrder")


def there_are_drafts(order: Order | None, command: SaveDraft, policy: Policy) -> Iterable[Violation]:
    """The lifecycle of orders begins before they are placed."""
    chart = policy.lifecycles.order
    if "place" not in chart.events_from(chart.initial):
        yield Violation("draft.not_kept", "the lifecycle of the order has no step 'place' to begin with")


def only_a_draft_is_placed(order: Order, command: PlaceDraft, policy: Policy) -> Iterable[Violation]:
    """An order is placed once."""
    if not order.is_draft:
        yield Violation("draft.is_an_order", f"order {order.id} is {order.state}", "order_id")


def a_draft_has_lines(order: Order, command: PlaceDraft, policy: Policy) -> Iterable[Violation]:
    """An order is for something."""
    if not any(order.live_quantity(line_id) for line_id in order.lines):
        yield Violation("draft.no_lines", "the draft has no line yet", "lines")


def _of_a_draft(rule: Rule) -> Rule:
    """A rule of `PlaceOrder`, asked about a draft."""

    @wraps(rule)
    def asked_of_a_draft(order: Order, command: PlaceDraft, policy: Policy) -> Iterable[Violation]:
        return rule(order, _to_place(order, command), policy)

    return asked_of_a_draft


# -- decisions ------------------------------------------------------------------------------------------------------


def _save(order: Order | None, command: SaveDraft, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    assert command.order_id is not None
    lines, kits = acceptance.exploded_rows(command.lines)
    yield OrderDrafted(
        envelope.at,
        command.tenant,
        command.channel,
        order.reference if order is not None else command.reference or command.order_id,
        command.order_id,
        command.currency,
        lines,
        order.state if order is not None else policy.lifecycles.order.initial,
        command.ship_to,
        command.customer,
        command.bill_to,
        command.priority,
        acceptance.terms_said(command),
        command.instructions,
        command.requirements,
        policy.rounding,
        command.customer_reference,
        kits,
    )


def _place(order: Order, command: PlaceDraft, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    return acceptance.place_order(order, _to_place(order, command), policy, envelope)


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    if order.is_draft:
        yield Wait("someone", "to place the draft")


STAGE = Stage(
    name="drafts",
    commands=(SaveDraft, PlaceDraft),
    events=(OrderDrafted,),
    decisions=(
        Decision(
            SaveDraft,
            tiers=(
                (there_are_drafts, acceptance.an_order_has_a_number),
                (only_a_draft_is_saved,),
                (acceptance.a_draft_keeps_its_number,),
            ),
            events=_save,
            candidates=lambda order, policy: (as_drafted(order),) if order.is_draft else (),
        ),
        Decision(
            PlaceDraft,
            tiers=(
                (order_exists,),
                (only_a_draft_is_placed,),
                (acceptance.a_draft_may_be_placed, nothing_holds("place"), a_draft_has_lines),
                tuple(map(_of_a_draft, acceptance.WHAT_IS_ORDERED_IS_POSSIBLE)),
            ),
            events=_place,
            stands_for=_to_place,
            candidates=lambda order, policy: (PlaceDraft(order.id),) if order.is_draft else (),
        ),
    ),
    looks_at=lambda order: (),
    awaits=_awaits,
)
