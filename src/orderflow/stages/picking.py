"""Picking: taking the goods from the shelf.

``StartPicking`` says that a location has begun; ``RecordPick`` records what was taken, in one go or in several, and
what was looked for and not found: a *short pick*. Units that were picked short are open again, and whoever plans knows
that the location does not have them, whatever its inventory says. Picking is finished, by itself, when nothing
allocated is left to take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from orderflow.errors import InvalidInput, Problems, Violation
from orderflow.ledger import OPEN, SURPLUS, Account, Move, allocated, picked
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Goods, Order
from orderflow.policy import Policy, Rule
from orderflow.stages.holds import warnings
from orderflow.stages.stage import (
    Decision,
    Stage,
    Wait,
    nothing_holds,
    order_exists,
    order_not_cancelling,
    units_text,
    why_not,
)
from orderflow.stages.tolerance import over_room
from orderflow.values.checked import PERSONAL, checked, optional, tuple_of, value
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_line, as_reference, as_text
from orderflow.values.numbers import EXACT, ZERO, plain, total_by
from orderflow.values.quantity import as_amount
from orderflow.values.times import as_day

__all__ = [
    "STAGE",
    "GoodsPicked",
    "OrderInFulfillment",
    "PickedShort",
    "PickingFinished",
    "PickingStarted",
    "RecordPick",
    "ShortPick",
    "StartPicking",
    "as_goods",
    "fulfillment_may",
    "goods_are_there",
    "handled",
    "surplus_of",
    "the_fulfillment_exists",
    "the_work_is_ours",
    "totals",
]

_serials = tuple_of(as_reference)


def as_goods(raw: Any) -> Goods:
    """`Goods`, or a pair of line id and quantity."""
    if isinstance(raw, tuple | list) and len(raw) == 2:
        raw = Goods(raw[0], raw[1])
    if not isinstance(raw, Goods):
        raise InvalidInput.because("goods.not_goods", "must be Goods or a pair (line_id, quantity)")
    return _checked_goods(raw)


def _checked_goods(raw: Goods) -> Goods:
    problems = Problems()
    line_id = problems.attempt("line_id", as_id, raw.line_id)
    quantity = problems.attempt("quantity", as_amount, raw.quantity)
    measured = problems.attempt("measured", optional(as_amount), raw.measured)
    lot = problems.attempt("lot", as_text(100), raw.lot)
    serials = problems.attempt("serials", _serials, raw.serials)
    expires_on: date | None = problems.attempt("expires_on", optional(as_day), raw.expires_on)
    problems.raise_any()
    assert line_id is not None
    assert quantity is not None
    assert lot is not None
    assert serials is not None
    return Goods(line_id, quantity, measured, lot, serials, expires_on)


@value
class ShortPick:
    """Units that were looked for and not found, or not fit to be sold, and why; without a quantity, all the rest."""

    line_id: str = checked(as_id)
    reason: str = checked(as_text(200), default="", personal=True)
    quantity: Decimal | None = checked(optional(as_amount), default=None)

    if TYPE_CHECKING:

        def __init__(self, line_id: str, reason: str = "", quantity: Decimal | int | str | None = None) -> None: ...


def _as_short_pick(raw: Any) -> ShortPick:
    if not isinstance(raw, ShortPick):
        raise InvalidInput.because("picking.not_a_short_pick", f"must be a ShortPick, not {type(raw).__name__}")
    return raw


def _as_short_picks(raw: Any) -> tuple[ShortPick, ...]:
    """Short picks; or a mapping of line ids to the reasons why the rest of these lines was not taken."""
    if not isinstance(raw, Mapping):
        return tuple_of(_as_short_pick)(raw)
    problems = Problems()
    found = (problems.attempt(f"[{line_id}]", lambda at: ShortPick(at, raw[at]), line_id) for line_id in raw)
    short = tuple(one for one in found if one is not None)
    problems.raise_any()
    return short


@command("start_picking")
class StartPicking(Command):
    """A location begins to pick."""

    order_id: str = checked(as_id)
    fulfillment_id: str = checked(as_id)


@command("record_pick")
class RecordPick(Command):
    """These goods were taken from the shelf; without a list, everything that was allocated and is not picked short.

    ``short`` says what was not found, and why: ``{"L1": "damaged"}`` for the rest of a line, or `ShortPick` values.
    ``reference`` is the number of the pick list, if there was one.
    """

    order_id: str = checked(as_id)
    fulfillment_id: str = checked(as_id)
    goods: tuple[Goods, ...] | None = checked(optional(tuple_of(as_goods)), default=None)
    short: tuple[ShortPick, ...] = checked(_as_short_picks, default=())
    reference: str = checked(as_line(128), default="")

    if TYPE_CHECKING:

        def __init__(
            self,
            order_id: str,
            fulfillment_id: str,
            goods: Iterable[Goods | tuple[str, Decimal | int | str]] | None = None,
            short: Iterable[ShortPick] | Mapping[str, str] = (),
            reference: str = "",
        ) -> None: ...


@event("picking_started")
class PickingStarted(Event):
    """A location has begun to pick."""

    fulfillment_id: str
    state: str

    def apply(self, order: Order) -> Order:
        """The fulfillment is being picked."""
        return _in_state(order, self.fulfillment_id, self.state)


@event("order_in_fulfillment")
class OrderInFulfillment(Event):
    """The warehouse works on the order."""

    state: str

    def apply(self, order: Order) -> Order:
        """Fulfillment has started."""
        return order.reached(self.state, "in_fulfillment", self.at)


@event("goods_picked")
class GoodsPicked(Event):
    """Goods were taken from the shelf; ``surplus`` counts those of them that nobody had ordered."""

    fulfillment_id: str
    goods: tuple[Goods, ...]
    surplus: FrozenMap[str, Decimal] = FrozenMap()
    reference: str = ""

    def apply(self, order: Order) -> Order:
        """They are picked, and what was read off them is known."""
        source, target = allocated(self.fulfillment_id), picked(self.fulfillment_id)
        after = order.moved(handled(self.goods, source, target, self.surplus))
        read = tuple(some for some in self.goods if some.was_read)
        if not read:
            return after
        work = order.fulfillments[self.fulfillment_id]
        return after.replace(fulfillments=order.fulfillments.set(work.id, work.replace(taken=(*work.taken, *read))))


@event("picked_short")
class PickedShort(Event):
    """Units were looked for and not found, or not fit to be sold: the location does not have them after all."""

    fulfillment_id: str
    line_id: str
    quantity: Decimal
    reason: str = attrs.field(default="", metadata=PERSONAL)

    def apply(self, order: Order) -> Order:
        """They are open again; and what is held for the line is that much less than the inventory says."""
        move = Move(self.line_id, allocated(self.fulfillment_id), OPEN, self.quantity)
        after = order.replace(ledger=order.ledger.moved((move,)))
        claim = order.claim_of(self.fulfillment_id, self.line_id)
        if claim is None:
            return after
        missed = claim.replace(missed=EXACT.add(claim.missed, self.quantity))
        return after.replace(claims=order.claims.set(claim.id, missed))


@event("picking_finished")
class PickingFinished(Event):
    """A location has picked all it was to pick."""

    fulfillment_id: str
    state: str

    def apply(self, order: Order) -> Order:
        """The fulfillment is picked."""
        return _in_state(order, self.fulfillment_id, self.state)


def _in_state(order: Order, fulfillment_id: str, state: str) -> Order:
    fulfillment = order.fulfillments[fulfillment_id].replace(state=state)
    return order.replace(fulfillments=order.fulfillments.set(fulfillment_id, fulfillment))


# -- rules ----------------------------------------------------------------------------------------------------------


def the_fulfillment_exists(order: Order, command: Any, policy: Policy) -> Iterable[Violation]:
    """The fulfillment is one of this order's."""
    if command.fulfillment_id not in order.fulfillments:
        yield Violation("fulfillment.unknown", f"there is no fulfillment {command.fulfillment_id!r}", "fulfillment_id")


def fulfillment_may(step: str) -> Rule:
    """The fulfillment's lifecycle permits a step."""

    def the_fulfillment_may_take_this_step(order: Order, command: Any, policy: Policy) -> Iterable[Violation]:
        fulfillment = order.fulfillments[command.fulfillment_id]
        if policy.fulfillment_step(order, fulfillment, step) is None:
            told, remedy = why_not(policy.lifecycles.fulfillment, fulfillment.state, step)
            yield Violation(f"fulfillment.cannot_{step}", f"{fulfillment.id} is {told}", fulfillment.id, remedy=remedy)

    return the_fulfillment_may_take_this_step


def the_work_is_ours(order: Order, command: Any, policy: Policy) -> Iterable[Violation]:
    """At a location that others run, we neither pick nor pack, nor what a supplier ships."""
    fulfillment = order.fulfillments[command.fulfillment_id]
    fulfiller = policy.fulfiller_at(fulfillment.location)
    if fulfiller is None and any(order.method_of(line_id) == "supplier" for line_id in fulfillment.planned):
        fulfiller = fulfillment.location or "the supplier"
    if fulfiller is not None or command.fulfillment_id in order.works:
        told = f"{command.fulfillment_id} is the work of {fulfiller or order.works[command.fulfillment_id].fulfiller}"
        yield Violation("fulfillment.not_ours", told, command.fulfillment_id, remedy="RecordDespatch")


def totals(goods: Iterable[Goods]) -> dict[str, Decimal]:
    """Units by line."""
    return total_by((some.line_id, some.quantity) for some in goods)


def handled(goods: Iterable[Goods], source: Account, target: Account, surplus: Mapping[str, Decimal]) -> Iterable[Move]:
    """The moves of handled goods; those that nobody had ordered come from the surplus."""
    if not surplus:
        return (Move(some.line_id, source, target, some.quantity) for some in goods)
    return _with_surplus(goods, source, target, surplus)


def _with_surplus(
    goods: Iterable[Goods], source: Account, target: Account, surplus: Mapping[str, Decimal]
) -> Iterable[Move]:
    for line_id, quantity in totals(goods).items():
        beyond = surplus.get(line_id, ZERO)
        if beyond:
            yield Move(line_id, SURPLUS, target, beyond)
        if quantity > beyond:
            yield Move(line_id, source, target, EXACT.subtract(quantity, beyond))


def surplus_of(goods: Iterable[Goods], there: Mapping[str, Decimal]) -> FrozenMap[str, Decimal]:
    """Of handled goods, the units beyond what was there to be handled."""
    beyond = {line_id: EXACT.subtract(units, there.get(line_id, ZERO)) for line_id, units in totals(goods).items()}
    return FrozenMap({line_id: units for line_id, units in beyond.items() if units > 0})


def goods_are_there(account: Callable[[str], Account], code: str, field: str) -> Rule:
    """No more is handled than the account of the fulfillment holds, and a line's tolerance allows; and something is."""

    def no_more_is_handled_than_is_there(order: Order, command: Any, policy: Policy) -> Iterable[Violation]:
        there = order.ledger.holding(account(command.fulfillment_id))
        if not there:
            yield Violation(f"{code}_nothing", f"{command.fulfillment_id} has nothing left for this", "fulfillment_id")
            return
        planned = order.fulfillments[command.fulfillment_id].planned
        for line_id, quantity in totals(getattr(command, field) or ()).items():
            held = there.get(line_id, ZERO)
            if quantity <= held:
                continue
            room = over_room(order, line_id) if line_id in planned else ZERO
            if quantity > EXACT.add(held, room):
                told = f"{plain(quantity)} of {line_id}, but {plain(held)} are there{_and_more(order, line_id, room)}"
                path = f"{field}[{_index_of(getattr(command, field), line_id)}].quantity"
                yield Violation(f"{code}_too_much", told, path)

    return no_more_is_handled_than_is_there


def _and_more(order: Order, line_id: str, room: Decimal) -> str:
    line = order.lines.get(line_id)
    if line is None or not line.tolerance.over:
        return ""
    return f", and {plain(room)} more would be within {plain(line.tolerance.over)} % of the order"


def _index_of(goods: Iterable[Goods], line_id: str) -> int:
    return next(index for index, some in enumerate(goods) if some.line_id == line_id)


def something_is_recorded(order: Order | None, command: RecordPick, policy: Policy) -> Iterable[Violation]:
    """A pick says what was taken, or what was not."""
    if command.goods == () and not command.short:
        yield Violation("picking.says_nothing", "nothing was taken, and nothing is short", "goods")


def what_is_short_was_to_be_picked(order: Order, command: RecordPick, policy: Policy) -> Iterable[Violation]:
    """A line is picked short once in a pick, and by no more than what was to be taken and was not."""
    there = order.ledger.holding(allocated(command.fulfillment_id))
    taken = totals(command.goods or ())
    named: set[str] = set()
    for index, short in enumerate(command.short):
        left = EXACT.subtract(there.get(short.line_id, ZERO), taken.get(short.line_id, ZERO))
        if short.line_id in named:
            yield Violation("picking.short_twice", f"{short.line_id} is named twice", f"short[{index}].line_id")
        elif left <= 0 or (short.quantity is not None and short.quantity > left):
            told = f"{plain(short.quantity)} of " if short.quantity is not None else ""
            yield Violation(
                "picking.short_of_too_much",
                f"{told}{short.line_id} short, but {plain(max(ZERO, left))} were left to take",
                f"short[{index}]",
            )
        named.add(short.line_id)


def serials_count_units(field: str) -> Rule:
    """Where goods have serial numbers, every unit has one of its own."""

    def every_unit_has_a_serial_of_its_own(order: Order, command: Any, policy: Policy) -> Iterable[Violation]:
        for index, some in enumerate(getattr(command, field) or ()):
            if some.serials and (len(some.serials) != some.quantity or len(set(some.serials)) != len(some.serials)):
                told = f"{plain(some.quantity)} of {some.line_id}, but {len(set(some.serials))} serial numbers"
                yield Violation("goods.serials_differ", told, f"{field}[{index}].serials")

    return every_unit_has_a_serial_of_its_own


def no_serial_is_picked_twice(order: Order, command: RecordPick, policy: Policy) -> Iterable[Violation]:
    """A unit with a serial number is taken from the shelf once."""
    known = serials_in(order, (some for work in order.fulfillments.values() for some in work.taken))
    for index, some in enumerate(command.goods or ()):
        mine = serials_in(order, (some,))
        for _, serial in sorted(mine & known):
            told = f"{serial} was picked already"
            yield Violation("picking.serial_twice", told, f"goods[{index}].serials")
        known |= mine


def serials_in(order: Order, goods: Iterable[Goods]) -> set[tuple[str, str]]:
    """Product and serial number of every unit that has one."""
    return {(order.lines[some.line_id].sku, serial) for some in goods for serial in some.serials}


def past_their_day(order: Order, goods: Iterable[Goods], at: datetime) -> Iterable[Violation]:
    """Goods that are past their day are on record; a host that will not send them has a rule of its own."""
    for index, some in enumerate(goods):
        if some.expires_on is not None and some.expires_on < at.date():
            told = f"{plain(some.quantity)} × {order.lines[some.line_id].sku} expired on {some.expires_on}"
            yield Violation("picking.expired", told, f"goods[{index}].expires_on", "warning")


def the_order_is_being_worked_on(order: Order, command: Any, policy: Policy) -> Iterable[Violation]:
    """Picking starts where the order's lifecycle lets fulfillment start, or has let it."""
    if "in_fulfillment" not in order.milestones and policy.order_step(order, "start_fulfillment") is None:
        told, _ = why_not(policy.lifecycles.order, order.state, "start_fulfillment")
        yield Violation("order.cannot_start_fulfillment", f"the order is {told}")


def on_fulfillment(order: Order, command: Any) -> tuple[str, ...]:
    """Holds on the fulfillment count as well."""
    return (command.fulfillment_id,)


def _start(order: Order, command: StartPicking, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    state = policy.fulfillment_step(order, order.fulfillments[command.fulfillment_id], "start_picking")
    assert state is not None
    yield PickingStarted(envelope.at, command.fulfillment_id, state)
    if "in_fulfillment" not in order.milestones:
        entered = policy.order_step(order, "start_fulfillment")
        assert entered is not None
        yield OrderInFulfillment(envelope.at, entered)


def _pick(order: Order, command: RecordPick, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    left = order.ledger.holding(allocated(command.fulfillment_id))
    surplus = surplus_of(command.goods or (), left)
    for line_id, quantity in totals(command.goods or ()).items():
        left[line_id] = max(ZERO, EXACT.subtract(left.get(line_id, ZERO), quantity))
    short = {one.line_id: (one.quantity or left[one.line_id], one.reason) for one in command.short}
    goods = command.goods
    if goods is None:
        rest = ((line_id, EXACT.subtract(units, short.get(line_id, _NONE)[0])) for line_id, units in left.items())
        goods = tuple(Goods(line_id, units) for line_id, units in rest if units)
    if goods:
        yield GoodsPicked(envelope.at, command.fulfillment_id, goods, surplus, command.reference)
        yield from warnings(past_their_day(order, goods, envelope.at), envelope.at)
    for line_id, (units, reason) in short.items():
        yield PickedShort(envelope.at, command.fulfillment_id, line_id, units, reason)


_NONE = (ZERO, "")


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    for fulfillment in order.fulfillments.values():
        if (
            fulfillment.state in _picking_states(policy)
            and not order.ledger.holds_any(allocated(fulfillment.id))
            and order.ledger.holds_any(picked(fulfillment.id))
        ):
            state = policy.fulfillment_step(order, fulfillment, "finish_picking")
            if state is not None:
                yield PickingFinished(at, fulfillment.id, state)


def _picking_states(policy: Policy) -> tuple[str, ...]:
    chart = policy.lifecycles.fulfillment
    return chart.sources_of("finish_picking") if "finish_picking" in chart.events else ()


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for fulfillment in order.fulfillments.values():
        units = order.ledger.holding(allocated(fulfillment.id))
        if units and fulfillment.id not in order.works and policy.fulfiller_at(fulfillment.location) is None:
            who = fulfillment.location or "the warehouse"
            does = "send" if any(order.method_of(line_id) == "supplier" for line_id in units) else "pick"
            yield Wait(who, f"to {does} {units_text(order, units)}", f"fulfillment {fulfillment.id}")


def _looks_at(order: Order) -> tuple[str, ...]:
    return ("ledger", "fulfillments") if order.fulfillments else ("fulfillments",)


STAGE = Stage(
    name="picking",
    commands=(StartPicking, RecordPick),
    events=(PickingStarted, OrderInFulfillment, GoodsPicked, PickedShort, PickingFinished),
    decisions=(
        Decision(
            StartPicking,
            tiers=(
                (order_exists,),
                (the_fulfillment_exists,),
                (
                    the_work_is_ours,
                    fulfillment_may("start_picking"),
                    the_order_is_being_worked_on,
                    order_not_cancelling,
                    nothing_holds("pick", on_fulfillment),
                ),
            ),
            events=_start,
            candidates=lambda order, policy: tuple(StartPicking(order.id, f) for f in order.fulfillments),
        ),
        Decision(
            RecordPick,
            tiers=(
                (order_exists, something_is_recorded),
                (the_fulfillment_exists,),
                (
                    the_work_is_ours,
                    fulfillment_may("pick"),
                    order_not_cancelling,
                    nothing_holds("pick", on_fulfillment),
                ),
                (goods_are_there(allocated, "picking.takes", "goods"),),
                (what_is_short_was_to_be_picked, serials_count_units("goods"), no_serial_is_picked_twice),
            ),
            events=_pick,
            candidates=lambda order, policy: tuple(RecordPick(order.id, f) for f in order.fulfillments),
        ),
    ),
    follow=_follow,
    looks_at=_looks_at,
    awaits=_awaits,
)
