"""Amendment: an order that was placed is changed, as long as that can still be had.

More units and more lines are ordered and open. Fewer are taken where they are least handled; what is in a parcel, or
with a fulfiller, is a wish until whoever has it answers. Another address, carrier or service holds at once for what is
still here; what a carrier has booked goes the new way only when the carrier voids its booking. What has left cannot
change, and keeps its price. All of an amendment happens, or nothing of it, and every problem of it is told at once.

What it comes to is worked out in `orderflow.stages.amendment_plan`; who may ask for it the policy says as data
(`orderflow.change_rules`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from orderflow.change_rules import Modification, furthest, furthest_of_lines
from orderflow.errors import Violation
from orderflow.ledger import HERE, kind_of, place_of
from orderflow.messages import Command, Envelope, Event
from orderflow.order import Order
from orderflow.policy import Policy
from orderflow.stages.amending import (
    DATES,
    OF_LINES,
    OF_ORDERS,
    AmendOrder,
    LineChange,
    OrderAmended,
    PriceOverridden,
    RedirectionDeclined,
    RedirectionSettled,
)
from orderflow.stages.amendment_kits import KIT_RULES, lines_of, named_rows, of_components, units_of
from orderflow.stages.amendment_plan import had_back, less_of, plan_of
from orderflow.stages.amendment_terms import TERMS_RULES
from orderflow.stages.changes import cancellable, still_wanted, wished
from orderflow.stages.holds import reviews, warnings
from orderflow.stages.kits import path_of
from orderflow.stages.repricing import can_be_repriced
from orderflow.stages.stage import (
    Decision,
    Stage,
    Wait,
    objections_to,
    order_exists,
    order_not_cancelling,
    why_not,
)
from orderflow.values.numbers import EXACT, plain

__all__ = ["STAGE", "AmendOrder", "OrderAmended"]


# -- rules ----------------------------------------------------------------------------------------------------------


def a_draft_is_saved_again(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """What is being written is written again, not amended: nobody was promised anything."""
    if order.is_draft:
        yield Violation("draft.not_placed", f"{order.id} is a draft", "order_id", remedy="SaveDraft")


def the_lines_exist(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """Every line that is amended is one of this order's."""
    for line_id, path in named_rows(command):
        if line_id not in order.lines and line_id not in order.kits:
            yield Violation("amendment.unknown_line", f"there is no line {line_id!r}", path)


def a_line_is_amended_one_way(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """A line gets another quantity, is taken out, or is substituted: one of these."""
    said = [*command.quantities, *command.remove, *command.substitute]
    for line_id in dict.fromkeys(line_id for line_id in said if said.count(line_id) > 1):
        yield Violation("amendment.said_twice", f"{line_id} is to become several things at once", line_id)


def the_order_can_still_be_amended(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """An order can be amended as long as it could be cancelled; where goods go, as long as some of them are here."""
    if policy.order_step(order, "cancel") is None:
        is_here = not order.ledger.kinds.isdisjoint(HERE)
        if is_here and not any(getattr(command, name) for name in _ABOUT_GOODS):
            return
        told, _ = why_not(policy.lifecycles.order, order.state, "cancel")
        remedy = "amend where, when or how goes what is still here" if is_here else ""
        yield Violation("order.cannot_amend", f"the order is {told}", remedy=remedy)


#: What an amendment says of which goods are wanted, and at which price.
_ABOUT_GOODS = ("quantities", "add", "remove", "substitute", "prices")


def an_amendment_changes_something(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """The order is another one afterwards, and something stays wanted."""
    wanted, only = of_components(order, command).wanted, "quantities" if command.quantities else ""
    is_told = command.substitute or any(
        any(rule(order, command, policy))
        for rule in (
            handled_goods_are_not_amended,
            a_replacement_is_what_was_missing,
            a_price_is_agreed_for_a_reason,
        )
    )
    if not is_told and not plan_of(order, command, policy).changes_anything:
        yield Violation("amendment.nothing_changes", "all of this is wanted already", only)
    is_more = bool(command.add or command.substitute)
    if not is_more and not any(wanted.get(line_id, still_wanted(order, line_id)) for line_id in order.lines):
        yield Violation("amendment.nothing_left", "no unit would be left", only, remedy="CancelOrder")


def a_replacement_is_what_was_missing(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """Of a line that is free because it replaces another, no more is ordered than was missing, and at no price."""
    dearer = [(line_id, f"prices[{line_id}]") for line_id in command.prices]
    for line_id, quantity in command.quantities.items():
        if quantity > order.live_quantity(line_id):
            dearer.append((line_id, f"quantities[{line_id}]"))
    for line_id, path in dearer:
        if line_id in order.lines and order.lines[line_id].is_free:
            replaced = order.lines[line_id].origin.line_id
            told = f"{line_id} replaces what was missing of {replaced}, and is free"
            yield Violation("amendment.replacement", told, path, remedy=f"amend {replaced}")


def handled_goods_are_not_amended(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """Only units that have not left can be taken out; and some only if whoever has them agrees."""
    wanted = of_components(order, command).wanted
    for row_id, path in named_rows(command):
        for line_id in units_of(order, row_id) if path.startswith(("quantities", "remove")) else ():
            less, free = less_of(order, line_id, wanted[line_id]), cancellable(order, line_id, policy)
            if less > free:
                told = f"{plain(less)} units of {line_id} fewer are asked for, {plain(free)} can still be taken out"
                yield Violation("amendment.too_late", told, path)


def what_a_fulfiller_gives_up_is_waited_for(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """While a fulfiller has not said whether it gives up units of a line, nobody knows how many more are wanted."""
    asked = {move.line_id for move in order.to_be_cancelled if place_of(move.source) in order.works}
    for line_id, quantity in of_components(order, command).quantities.items():
        if line_id in asked and less_of(order, line_id, quantity) < 0:
            told, path = f"a fulfiller has yet to say whether it gives up units of {line_id}", command.quantities
            yield Violation(
                "amendment.being_given_up", told, path_of(order, path, line_id), remedy="wait for its answer"
            )


def substitutes_are_other_products(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """Another product stands in, for units that can be had back without asking anyone."""
    for line_id, said in command.substitute.items():
        path, back = f"substitute[{line_id}]", had_back(order, line_id, policy)
        if said.sku in order.stood_in_for(line_id):
            told = f"{line_id} is of {said.sku}, or stands in for it"
            yield Violation("amendment.same_product", told, f"{path}.sku")
        if not back or (said.quantity is not None and said.quantity > back):
            told = f"{plain(back)} units of {line_id} can be had back without asking anyone"
            yield Violation("amendment.too_late", told, path, remedy="AmendOrder add, and quantities")


def a_price_is_agreed_for_a_reason(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """Whoever makes a price by hand says why; and what has left keeps its price."""
    if command.prices and not command.reason:
        yield Violation("amendment.no_reason", "a price that is agreed by hand needs a reason", "reason")
    after = plan_of(order, command, policy).after
    for line_id, said in command.prices.items():
        if said.price.currency != order.currency:
            told = f"the price is in {said.price.currency}, the order in {order.currency}"
            yield Violation("acceptance.other_currency", told, f"prices[{line_id}]")
        elif not can_be_repriced(after, line_id) and not _is_free(order, line_id):
            told = f"no unit of {line_id} is here that could have another price"
            yield Violation("amendment.too_late", told, f"prices[{line_id}]")


def _is_free(order: Order, row_id: str) -> bool:
    return row_id in order.lines and order.lines[row_id].is_free


def the_amended_order_could_still_be_verified(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """What the host's rules demand of an order that is verified, they demand of it when it is amended."""
    if "verified" in order.milestones:
        objections = objections_to(plan_of(order, command, policy).after, policy)
        yield from (violation for violation in objections if violation.severity == "error")


# -- who may: which modifications it means ----------------------------------------------------------------------------


def _modifications(order: Order, command: AmendOrder, policy: Policy) -> Iterator[Modification]:
    """What an amendment modifies, each at the stage of the goods that it is about."""
    initial, wanted = policy.lifecycles.fulfillment.initial, of_components(order, command).wanted
    for row_id, path in named_rows(command):
        line_ids = lines_of(order, row_id)
        if path.startswith(("quantities", "remove")):
            yield from _of_units(order, {line_id: wanted[line_id] for line_id in units_of(order, row_id)}, path, policy)
        elif path.startswith("substitute"):
            back = wished(order, {row_id: had_back(order, row_id, policy)}, policy)
            yield Modification("substitute", furthest(order, (move.source for move in back), initial), path)
        elif path.startswith("prices"):
            yield Modification("price", furthest_of_lines(order, line_ids, initial), path)
        else:
            yield from _of_words(order, command.lines[row_id], line_ids, f"{path}.", policy)
    whole = furthest_of_lines(order, order.lines, initial)
    yield from (Modification("add_line", whole, f"add[{index}]") for index, _ in enumerate(command.add))
    yield from _of_words(order, command, tuple(order.lines), "", policy)


def _of_units(order: Order, wanted: Mapping[str, Decimal], path: str, policy: Policy) -> Iterator[Modification]:
    initial = policy.lifecycles.fulfillment.initial
    less = {line_id: less_of(order, line_id, quantity) for line_id, quantity in wanted.items()}
    more, fewer = (
        [id for id, units in less.items() if units < 0],
        {id: units for id, units in less.items() if units > 0},
    )
    if more:
        yield Modification("increase", furthest_of_lines(order, more, initial), path)
    if fewer:
        taken = wished(order, fewer, policy)
        kind = "decrease" if any(wanted.values()) else "remove_line"
        yield Modification(kind, furthest(order, (move.source for move in taken), initial), path)


def _of_words(
    order: Order, said: AmendOrder | LineChange, line_ids: tuple[str, ...], path: str, policy: Policy
) -> Iterator[Modification]:
    """What is said otherwise about some lines: at the stage of what is still here of them."""
    still_here = [
        account for line_id in line_ids for account, _ in order.ledger.accounts(line_id) if kind_of(account) in HERE
    ]
    stage = furthest(order, still_here, policy.lifecycles.fulfillment.initial)
    for name in dict.fromkeys((*OF_LINES, *OF_ORDERS, "instructions")):
        if getattr(said, name, None) is not None or name in said.clear:
            kind = {"ship_to": "address", "instructions": "instructions"}.get(name, "terms")
            yield Modification("dates" if name in DATES else kind, stage, f"{path}{name}")


# -- decisions ------------------------------------------------------------------------------------------------------


def _amend(order: Order, command: AmendOrder, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    plan = plan_of(order, command, policy)
    yield from plan.events(envelope.at, envelope.reason)
    if "verified" in order.milestones:
        objections = objections_to(plan.after, policy)
        yield from reviews(order, objections, (), envelope.at)
        yield from warnings(objections, envelope.at)


def _one_unit_more(order: Order, policy: Policy) -> Iterable[Command]:
    """The smallest amendment there is: whether an order can be amended at all."""
    line_id = next(iter(order.lines), "L1")
    yield AmendOrder(order.id, {line_id: EXACT.add(order.live_quantity(line_id), Decimal(1))})


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for one in order.redirections:
        if one.word == "waits":
            work = order.works.get(one.place)
            who = work.fulfiller if work is not None else order.shipments[one.place].carrier or "the carriers"
            yield Wait(who, f"to say whether {', '.join(one.line_ids)} can go otherwise", one.place)


STAGE = Stage(
    name="amendment",
    commands=(AmendOrder,),
    events=(OrderAmended, PriceOverridden, RedirectionSettled, RedirectionDeclined),
    decisions=(
        Decision(
            AmendOrder,
            tiers=(
                (order_exists,),
                (a_draft_is_saved_again,),
                (the_lines_exist, a_line_is_amended_one_way, *KIT_RULES),
                (the_order_can_still_be_amended, order_not_cancelling),
                (
                    an_amendment_changes_something,
                    a_replacement_is_what_was_missing,
                    handled_goods_are_not_amended,
                    what_a_fulfiller_gives_up_is_waited_for,
                    substitutes_are_other_products,
                    *TERMS_RULES,
                    a_price_is_agreed_for_a_reason,
                ),
                (the_amended_order_could_still_be_verified,),
            ),
            events=_amend,
            candidates=_one_unit_more,
            modifies=_modifications,
        ),
    ),
    awaits=_awaits,
)
