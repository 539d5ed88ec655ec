"""Amendment: other quantities of some lines, as long as that can still be had.

More units are ordered and open. Fewer are taken where nobody has begun to handle them; what a fulfiller has been asked
to do is taken back only when the fulfiller says so, and is a wish until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orderflow.errors import InvalidInput, Violation
from orderflow.ledger import BACKORDERED, CANCELLED, OPEN, ORDERED, Account, Move, allocated, place_of
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Order
from orderflow.policy import Policy
from orderflow.stages.changes import CancellationRequested, still_wanted
from orderflow.stages.holds import reviews, warnings
from orderflow.stages.kits import kits_are_whole, path_of, wanted_of_components
from orderflow.stages.stage import Decision, Stage, by_line, objections_to, order_exists, order_not_cancelling, why_not
from orderflow.values.checked import checked
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id
from orderflow.values.numbers import EXACT, ZERO, as_not_negative, plain

__all__ = ["STAGE", "AmendOrder", "OrderAmended"]


def _as_quantities(raw: Any) -> FrozenMap[str, Decimal]:
    if not isinstance(raw, Mapping) or not raw:
        raise InvalidInput.because("amendment.no_quantities", "must map line ids to their new quantities")
    return by_line(raw, as_not_negative)


@command("amend_order")
class AmendOrder(Command):
    """Change how many units of some lines are wanted, or how many kits; zero takes a line out."""

    order_id: str = checked(as_id)
    quantities: FrozenMap[str, Decimal] = checked(_as_quantities)

    if TYPE_CHECKING:

        def __init__(self, order_id: str, quantities: Mapping[str, Decimal | int | str]) -> None: ...


@event("order_amended")
class OrderAmended(Event):
    """Other quantities are wanted from now on; the moves say which units came or went."""

    moves: tuple[Move, ...]

    def apply(self, order: Order) -> Order:
        """The ledger has more or fewer live units."""
        return order.moved(self.moves).replace(amendments=order.amendments + 1)


# -- rules ----------------------------------------------------------------------------------------------------------


def the_order_can_still_be_amended(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """An order can be amended as long as it could be cancelled."""
    if policy.order_step(order, "cancel") is None:
        told, _ = why_not(policy.lifecycles.order, order.state, "cancel")
        yield Violation("order.cannot_amend", f"the order is {told}")


def the_lines_exist(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """Every line that is amended is one of this order's."""
    for line_id in command.quantities:
        if line_id not in order.lines and line_id not in order.kits:
            yield Violation("amendment.unknown_line", f"there is no line {line_id!r}", f"quantities[{line_id}]")


def kits_are_amended_whole(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """Of kits, whole ones are wanted, or units of their components."""
    return kits_are_whole(order, command.quantities, "amendment")


def an_amendment_changes_something(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """At least one quantity differs from what is wanted already, and something stays wanted."""
    wanted = _wanted(order, command)
    if all(still_wanted(order, line_id) == quantity for line_id, quantity in wanted.items()):
        yield Violation("amendment.nothing_changes", "these quantities are wanted already", "quantities")
    if not any(wanted.get(line_id, still_wanted(order, line_id)) for line_id in order.lines):
        yield Violation("amendment.nothing_left", "no unit would be left", "quantities", remedy="CancelOrder")


def a_replacement_is_what_was_missing(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """Of a line that is free because it replaces another, no more is ordered than was missing."""
    for line_id, quantity in _wanted(order, command).items():
        if order.lines[line_id].is_free and quantity > order.live_quantity(line_id):
            replaced = order.lines[line_id].origin.line_id
            told = f"{line_id} replaces what was missing of {replaced}, and is free"
            yield Violation("amendment.replacement", told, f"quantities[{line_id}]", remedy=f"amend {replaced}")


def handled_goods_are_not_amended(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """Only units that nobody has begun to handle can be taken out, and those that a fulfiller may give up."""
    for line_id, quantity in _wanted(order, command).items():
        less = EXACT.subtract(still_wanted(order, line_id), quantity)
        free = ZERO
        for _, units in (*_reducible(order, line_id, policy), *_with_fulfillers(order, line_id)):
            free = EXACT.add(free, units)
        if less > free:
            yield Violation(
                "amendment.too_late",
                f"{plain(less)} units fewer are asked for, {plain(free)} can still be taken out",
                path_of(order, command.quantities, line_id),
            )


def the_amended_order_could_still_be_verified(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """What the host's rules demand of an order that is verified, they demand of it when it is amended."""
    if "verified" in order.milestones:
        objections = objections_to(order.moved(_moves(order, command, policy)), policy)
        yield from (violation for violation in objections if violation.severity == "error")


def _wanted(order: Order, command: AmendOrder) -> Mapping[str, Decimal]:
    """How many units of each line are wanted from now on."""
    return wanted_of_components(order, command.quantities, still_wanted)


def _reducible(order: Order, line_id: str, policy: Policy) -> Iterable[tuple[Account, Decimal]]:
    """The accounts from which units can still be taken, in the order in which they are."""
    ledger = order.ledger
    accounts = [BACKORDERED, OPEN]
    initial = policy.lifecycles.fulfillment.initial
    accounts += [allocated(f.id) for f in reversed(order.fulfillments.values()) if f.state == initial]
    return ((account, held) for account in accounts if (held := ledger.balance(line_id, account)))


def _with_fulfillers(order: Order, line_id: str) -> Iterable[tuple[Account, Decimal]]:
    """The works that others do from which units can be asked back, the newest first."""
    for fulfillment_id in reversed(order.works):
        account = allocated(fulfillment_id)
        units = EXACT.subtract(order.ledger.balance(line_id, account), order.wished_out_of(account).get(line_id, ZERO))
        if units:
            yield account, units


# -- decisions ------------------------------------------------------------------------------------------------------


def _amend(order: Order, command: AmendOrder, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    moves = _moves(order, command, policy)
    asked = _asked_back(order, command, policy)
    if moves:
        yield OrderAmended(envelope.at, moves)
    if asked:
        yield CancellationRequested(envelope.at, envelope.reason, asked)
    if "verified" in order.milestones:
        objections = objections_to(order.moved(moves), policy)
        yield from reviews(order, objections, (), envelope.at)
        yield from warnings(objections, envelope.at)


def _moves(order: Order, command: AmendOrder, policy: Policy) -> tuple[Move, ...]:
    """The units that come and go by an amendment."""
    return tuple(
        move
        for line_id, quantity in _wanted(order, command).items()
        for move in _amendment(order, line_id, quantity, policy)
    )


def _asked_back(order: Order, command: AmendOrder, policy: Policy) -> tuple[Move, ...]:
    """The units that fulfillers are asked to give up, beyond those that nobody has begun to handle."""
    return tuple(
        move
        for line_id, quantity in _wanted(order, command).items()
        for move in _taken(order, line_id, _less(order, line_id, quantity), policy)
        if place_of(move.source) in order.works
    )


def _less(order: Order, line_id: str, quantity: Decimal) -> Decimal:
    return EXACT.subtract(still_wanted(order, line_id), quantity)


def _taken(order: Order, line_id: str, less: Decimal, policy: Policy) -> Iterable[Move]:
    """The units that an amendment takes out, from where they are."""
    for account, held in (*_reducible(order, line_id, policy), *_with_fulfillers(order, line_id)):
        taken = min(less, held)
        if taken > 0:
            yield Move(line_id, account, CANCELLED, taken)
            less = EXACT.subtract(less, taken)


def _amendment(order: Order, line_id: str, quantity: Decimal, policy: Policy) -> Iterable[Move]:
    less = _less(order, line_id, quantity)
    if less < 0:
        yield Move(line_id, ORDERED, OPEN, EXACT.subtract(ZERO, less))
        return
    for move in _taken(order, line_id, less, policy):
        if place_of(move.source) not in order.works:
            yield move


def _one_unit_more(order: Order, policy: Policy) -> Iterable[Command]:
    """The smallest amendment there is: whether an order can be amended at all."""
    line_id = next(iter(order.lines))
    yield AmendOrder(order.id, {line_id: EXACT.add(order.live_quantity(line_id), Decimal(1))})


STAGE = Stage(
    name="amendment",
    commands=(AmendOrder,),
    events=(OrderAmended,),
    decisions=(
        Decision(
            AmendOrder,
            tiers=(
                (order_exists,),
                (the_lines_exist, kits_are_amended_whole),
                (the_order_can_still_be_amended, order_not_cancelling),
                (an_amendment_changes_something, a_replacement_is_what_was_missing, handled_goods_are_not_amended),
                (the_amended_order_could_still_be_verified,),
            ),
            events=_amend,
            candidates=_one_unit_more,
        ),
    ),
)
