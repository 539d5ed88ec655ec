"""Returns: what was asked for (`orderflow.stages.returns_request`) is authorized or refused, and closed at last.

What the policy had against it when it was asked for is on record; whoever authorizes it all the same says so.

To authorize is to expect the goods: their units go from where they were delivered to ``returning``. So no unit can be
returned twice, and what does not come goes back to where it was taken from. Units that were made good before (in a
loss, say) may come back as well, and nothing is due for them. Units of a claim stay where they are, and can never be
returned: they were made good.

To receive goods needs none of this, and to authorize needs no money: goods, money and papers each keep their own count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from orderflow.errors import InvalidInput, Violation
from orderflow.ledger import Move, received, returning
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Goods, Order, Reason, Return, Shipment
from orderflow.policy import Policy
from orderflow.ports import BookReturn, ParcelBody
from orderflow.returns import added, subtracted
from orderflow.stages.kits import kits_are_whole, path_of
from orderflow.stages.returns_origin import location_of, moves_back, settled_in, with_customer
from orderflow.stages.stage import (
    Decision,
    Stage,
    Wait,
    by_line,
    nothing_holds,
    order_exists,
    units_text,
    why_not,
)
from orderflow.values.checked import PERSONAL, as_flag, checked, evolved, optional
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_reference, as_text
from orderflow.values.numbers import EXACT, ZERO, as_not_negative, plain, total, total_by

__all__ = [
    "STAGE",
    "AuthorizeReturn",
    "CancelReturn",
    "CloseReturn",
    "RefuseReturn",
    "ReturnAuthorized",
    "ReturnCancelled",
    "ReturnClosed",
    "ReturnRefused",
    "as_percent",
    "as_percents",
    "on_return",
    "part_of",
    "replaced_under",
    "return_may",
    "the_return_exists",
    "with_return",
]


def _as_units(raw: Any) -> FrozenMap[str, Decimal]:
    if not isinstance(raw, Mapping):
        raise InvalidInput.because("return.not_a_map", "must map line ids to units")
    return by_line(raw, as_not_negative)


def as_percent(raw: Any) -> Decimal:
    """How many per cent of what is due are not given back."""
    percent = as_not_negative(raw)
    if percent > 100:
        raise InvalidInput.because("return.not_a_percentage", "must be from 0 to 100 per cent")
    return percent


def as_percents(raw: Any) -> FrozenMap[str, Decimal]:
    """By line, how many per cent of what is due for its units are not given back."""
    if not isinstance(raw, Mapping):
        raise InvalidInput.because("return.not_a_map", "must map line ids to per cent")
    return by_line(raw, as_percent)


def part_of(units: Decimal, percent: Decimal) -> Decimal:
    """So many per cent of so many units."""
    return EXACT.scaleb(EXACT.multiply(units, percent), -2)


@command("authorize_return")
class AuthorizeReturn(Command):
    """The return is agreed: all that was asked for, or so many units of each line in ``quantities``.

    ``reason`` says why it is not all. ``goodwill`` is needed where the policy has something against a line.
    ``location`` is where the goods are to go, and ``label`` whether we book the carrier; without ``carrier`` and
    ``service``, the policy chooses. ``deduct`` is by line how many per cent of what is due are not given back.
    """

    order_id: str = checked(as_id)
    return_id: str = checked(as_id)
    quantities: FrozenMap[str, Decimal] | None = checked(optional(_as_units), default=None)
    reason: str = checked(as_text(1000), default="", personal=True)
    goodwill: bool = checked(as_flag, default=False)
    location: str = checked(as_text(100), default="")
    label: bool = checked(as_flag, default=True)
    carrier: str | None = checked(optional(as_reference), default=None)
    service: str | None = checked(optional(as_reference), default=None)
    deduct: FrozenMap[str, Decimal] = checked(as_percents, default=FrozenMap())

    if TYPE_CHECKING:

        def __init__(
            self,
            order_id: str,
            return_id: str,
            quantities: Mapping[str, Decimal | int | str] | None = None,
            reason: str = "",
            goodwill: bool = False,
            location: str = "",
            label: bool = True,
            carrier: str | None = None,
            service: str | None = None,
            deduct: Mapping[str, Decimal | int | str] = ...,
        ) -> None: ...


@command("refuse_return")
class RefuseReturn(Command):
    """The return is not agreed, and why."""

    order_id: str = checked(as_id)
    return_id: str = checked(as_id)
    reason: str = checked(as_text(1000), default="", personal=True)


@command("cancel_return")
class CancelReturn(Command):
    """The customer has changed his mind, and keeps the goods."""

    order_id: str = checked(as_id)
    return_id: str = checked(as_id)


@command("close_return")
class CloseReturn(Command):
    """Nothing more is awaited of a return: what has not come is with the customer still."""

    order_id: str = checked(as_id)
    return_id: str = checked(as_id)
    reason: str = checked(as_text(1000), default="", personal=True)


@event("return_authorized")
class ReturnAuthorized(Event):
    """A return was agreed: ``moves`` say which units are awaited, and out of which parcels they are.

    ``label`` is the body of a carrier's booking, frozen before it was asked for.
    """

    return_id: str
    state: str
    units: FrozenMap[str, Decimal]
    moves: tuple[Move, ...] = ()
    settled: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    declined: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    reason: str = attrs.field(default="", metadata=PERSONAL)
    location: str = ""
    label: BookReturn | None = None
    deducted: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)

    def apply(self, order: Order) -> Order:
        """The units are on their way back, as far as we are concerned."""
        known = order.returns[self.return_id]
        return with_return(
            order.replace(ledger=order.ledger.moved(self.moves)),
            self.return_id,
            state=self.state,
            authorized=added(known.authorized, self.units.items()),
            declined=self.declined,
            reasons=(Reason("return.declined", self.reason),) if self.declined else (),
            taken=(*known.taken, *self.moves),
            settled=added(known.settled, self.settled.items()),
            location=self.location,
            shipment=_labelled(self.label) if self.label is not None else None,
            deducted=added(known.deducted, self.deducted.items()),
        )


def _labelled(label: BookReturn) -> Shipment:
    """The booking of a return label, as it is asked for."""
    return Shipment(
        label.shipment_id,
        (label.shipment_id,),
        label.location,
        None,
        label.carrier,
        label.service,
        stage="requested",
        generation=label.generation,
        request=label,
    )


@event("return_refused")
class ReturnRefused(Event):
    """A return was not agreed."""

    return_id: str
    state: str
    reasons: tuple[Reason, ...]

    def apply(self, order: Order) -> Order:
        """It is over, and no unit has moved."""
        return with_return(order, self.return_id, state=self.state, reasons=self.reasons, ended="refused")


@event("return_cancelled")
class ReturnCancelled(Event):
    """The customer keeps the goods after all."""

    return_id: str
    state: str
    moves: tuple[Move, ...] = ()

    def apply(self, order: Order) -> Order:
        """The units are where they were."""
        return _given_up(order, self.return_id, self.moves, self.state, "cancelled")


@event("return_closed")
class ReturnClosed(Event):
    """A return is over: everything that came was disposed of, and made good as agreed."""

    return_id: str
    state: str
    moves: tuple[Move, ...] = ()
    reason: str = attrs.field(default="", metadata=PERSONAL)

    def apply(self, order: Order) -> Order:
        """What did not come is with the customer."""
        return _given_up(order, self.return_id, self.moves, self.state, "closed")


def with_return(order: Order, return_id: str, **changes: Any) -> Order:
    """The order with something of a return changed."""
    return order.replace(returns=order.returns.set(return_id, order.returns[return_id].replace(**changes)))


def _given_up(order: Order, return_id: str, moves: tuple[Move, ...], state: str, ended: str) -> Order:
    """The order after units of a return that were awaited are not any more."""
    known = order.returns[return_id]
    left = subtracted(known.authorized, ((move.line_id, move.quantity) for move in moves))
    taken = tuple(_less(known.taken, moves))
    under_way = added(FrozenMap(), ((move.line_id, move.quantity) for move in taken))
    return with_return(
        order.replace(ledger=order.ledger.moved(moves)),
        return_id,
        state=state,
        ended=ended,
        authorized=FrozenMap() if ended == "cancelled" else left,
        taken=taken,
        settled=FrozenMap({id: min(units, under_way[id]) for id, units in known.settled.items() if id in under_way}),
    )


def _less(taken: tuple[Move, ...], undone: tuple[Move, ...]) -> Iterator[Move]:
    """The moves by which units came under a return, without those that were undone: the last ones first."""
    left = total_by(((move.line_id, move.target), move.quantity) for move in undone)
    kept = []
    for move in reversed(taken):
        gone = min(move.quantity, left.get((move.line_id, move.source), ZERO))
        if gone:
            left[move.line_id, move.source] = EXACT.subtract(left[move.line_id, move.source], gone)
        if rest := EXACT.subtract(move.quantity, gone):
            kept.append(evolved(move, quantity=rest))
    return reversed(kept)


def replaced_under(order: Order, known: Return, line_id: str) -> Decimal:
    """Units that are made good by goods that are sent for nothing, and are still wanted."""
    if known.resolution != "replacement":
        return ZERO
    return total(order.live_quantity(successor) for successor in known.successors.get(line_id, ()))


# -- rules ----------------------------------------------------------------------------------------------------------


def the_return_exists(order: Order, command: Any, policy: Policy) -> Iterable[Violation]:
    """The return is one of this order's."""
    if command.return_id is not None and command.return_id not in order.returns:
        yield Violation("return.unknown", f"there is no return {command.return_id!r}", "return_id")


def return_may(step: str) -> Any:
    """The lifecycle of the return permits a step."""

    def the_return_may_take_this_step(order: Order, command: Any, policy: Policy) -> Iterable[Violation]:
        known = order.returns[command.return_id]
        if policy.return_step(order, known, step) is None:
            told, remedy = why_not(policy.lifecycles.return_, known.state, step)
            yield Violation(f"return.cannot_{step}", f"{known.id} is {told}", known.id, remedy=remedy)

    return the_return_may_take_this_step


def on_return(order: Order, command: Any) -> tuple[str, ...]:
    """What a hold may be on to stop a return: itself."""
    return (command.return_id,)


def _agreed(order: Order, command: AuthorizeReturn) -> dict[str, Decimal]:
    """Units by line that are authorized: what was asked for, or as much of it as is said."""
    asked = order.returns[command.return_id].requested
    if command.quantities is None:
        return asked
    return {line_id: units for line_id, units in order.in_components(command.quantities).items() if units}


def kits_are_authorized_whole(order: Order, command: AuthorizeReturn, policy: Policy) -> Iterable[Violation]:
    """Of kits, whole ones are authorized, or units of their components."""
    return kits_are_whole(order, command.quantities or {}, "return")


def only_what_was_asked_for_is_authorized(
    order: Order, command: AuthorizeReturn, policy: Policy
) -> Iterable[Violation]:
    """No more is authorized than was asked for, and than the customer still has; and something is."""
    known = order.returns[command.return_id]
    asked, agreed = known.requested, _agreed(order, command)
    if not agreed:
        yield Violation("return.nothing_authorized", "nothing is authorized", "quantities", remedy="RefuseReturn")
    for line_id, units in agreed.items():
        path = path_of(order, command.quantities or {line_id: units}, line_id)
        if units > asked.get(line_id, ZERO):
            told = f"{plain(units)} of {line_id}, but {plain(asked.get(line_id, ZERO))} were asked for"
            yield Violation("return.more_than_asked", told, path)
        elif units > (most := with_customer(order, line_id, beside=known.id)):
            told = f"{plain(units)} of {line_id}, but the customer has {plain(most)}"
            yield Violation("return.too_much", told, path)
    for row_id in command.deduct:
        if agreed.keys().isdisjoint(_of_kit(order, {row_id: ZERO})):
            yield Violation("return.unknown_line", f"{row_id} is not authorized", f"deduct[{row_id}]")


def _of_kit(order: Order, by_row: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """What is said of each line: of a component, what is said of its kit, where nothing is said of it by itself."""
    if order.kits.keys().isdisjoint(by_row):
        return dict(by_row)
    of_kits = {line_id: by_row[kit.id] for kit in order.kits.values() if kit.id in by_row for line_id in kit.components}
    return of_kits | {line_id: said for line_id, said in by_row.items() if line_id not in order.kits}


def the_policy_has_nothing_against_it(order: Order, command: AuthorizeReturn, policy: Policy) -> Iterable[Violation]:
    """What was asked for in time, and can be returned, is authorized; anything else out of goodwill."""
    known = order.returns[command.return_id]
    if command.goodwill:
        return
    for line_id in _agreed(order, command):
        for reason in known.objections.get(line_id, ()):
            told = f"{line_id}: {reason.text or reason.code}"
            yield Violation(reason.code, told, line_id, remedy="RefuseReturn, or goodwill=True")


def nothing_of_it_was_made_good(order: Order, command: CancelReturn, policy: Policy) -> Iterable[Violation]:
    """What was credited or replaced is not taken back by keeping the goods."""
    known = order.returns[command.return_id]
    if known.credited or known.successors:
        yield Violation("return.made_good", f"{known.id} was made good already", known.id)


def nothing_is_left_at_the_dock(order: Order, command: CloseReturn, policy: Policy) -> Iterable[Violation]:
    """Of everything that came it is known what became of it, and whether it is accepted."""
    known = order.returns[command.return_id]
    there = order.ledger.holding(received(known.id))
    if there:
        told = f"{units_text(order, there)} lie at the dock"
        yield Violation("return.not_disposed", told, known.id, remedy=f"DisposeReturn {known.id}")
    if case := order.case_about(known.id):
        yield Violation("return.case_open", f"{case.id} is open", known.id, remedy=f"ResolveException {case.id}")


# -- decisions ------------------------------------------------------------------------------------------------------


def _authorize(order: Order, command: AuthorizeReturn, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    known, agreed = order.returns[command.return_id], _agreed(order, command)
    asked = known.requested
    less = {line_id: EXACT.subtract(units, agreed.get(line_id, ZERO)) for line_id, units in asked.items()}
    moves = () if known.is_claim else moves_back(order, known, agreed)
    location = command.location or known.location or location_of(order, moves)
    label = None
    if command.label and moves:
        expected = known.replace(taken=moves, authorized=FrozenMap(agreed), location=location)
        service = (command.carrier or "", command.service) if command.service else None
        label = _label(order, expected, service or policy.return_service(order, expected))
    yield ReturnAuthorized(
        envelope.at,
        known.id,
        policy.return_step(order, known, "authorize") or known.state,
        FrozenMap(agreed),
        moves,
        settled_in(order, moves),
        FrozenMap({line_id: units for line_id, units in less.items() if units}),
        command.reason or envelope.reason,
        location,
        label,
        _deducted(order, command, agreed),
    )


def _deducted(order: Order, command: AuthorizeReturn, agreed: Mapping[str, Decimal]) -> FrozenMap[str, Decimal]:
    """How many of the units of each line that are authorized are not given back."""
    percents = _of_kit(order, command.deduct)
    return FrozenMap({id: part_of(agreed[id], cut) for id, cut in percents.items() if cut and id in agreed})


def _label(order: Order, known: Return, service: tuple[str, str] | None) -> BookReturn | None:
    """The whole body of the booking of a return label, from the customer to where the goods are to go."""
    if service is None:
        return None
    goods = tuple(Goods(line_id, units) for line_id, units in known.authorized.items())
    request_id = f"label/{known.id}/1"
    return BookReturn(
        order.id,
        request_id,
        f"{order.tenant}/{order.id}/{request_id}",
        known.id,
        1,
        *service,
        known.location,
        None,
        (ParcelBody(known.id, None, None, goods),),
        order.reference,
        ship_from=order.terms_of(goods[0].line_id).ship_to or order.ship_to,
    )


def _refuse(order: Order, command: RefuseReturn, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    known = order.returns[command.return_id]
    told = command.reason or envelope.reason
    against = tuple(dict.fromkeys(one for reasons in known.objections.values() for one in reasons))
    reasons = (Reason("return.refused", told),) if told or not against else against
    yield ReturnRefused(envelope.at, known.id, policy.return_step(order, known, "refuse") or known.state, reasons)


def _cancel(order: Order, command: CancelReturn, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    known = order.returns[command.return_id]
    moves = known.undone(order.ledger.holding(returning(known.id)))
    yield ReturnCancelled(envelope.at, known.id, policy.return_step(order, known, "cancel") or known.state, moves)


def _close(order: Order, command: CloseReturn, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    known = order.returns[command.return_id]
    moves = known.undone(order.ledger.holding(returning(known.id)))
    state = policy.return_step(order, known, "close") or known.state
    yield ReturnClosed(envelope.at, known.id, state, moves, command.reason or envelope.reason)


# -- what follows, and waiting --------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """Where the policy says so, a return is authorized by itself that nothing speaks against."""
    if "authorize_return" not in policy.automatic:
        return
    for known in order.returns.values():
        if known.is_requested and not known.objections:
            wish = AuthorizeReturn(order.id, known.id)
            if not any(True for _ in _DECISIONS[0].violations(order, wish, policy)):
                yield from _authorize(order, wish, policy, Envelope(at))
                return


def _looks_at(order: Order) -> tuple[str, ...]:
    return ("returns", "ledger", "holds", "cases") if order.returns else ("returns",)


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for known in order.returns.values():
        if known.is_requested:
            yield Wait("someone", f"to authorize or refuse {known.id}", units_text(order, known.requested))
        elif coming := order.ledger.holding(returning(known.id)):
            where = f"to {known.location}" if known.location else ""
            yield Wait("the customer", f"to send back {units_text(order, coming)}", f"{known.id} {where}".rstrip())


def _of_returns(command: Any) -> Any:
    return lambda order, policy: tuple(command(order.id, return_id) for return_id in order.returns)


_DECISIONS = (
    Decision(
        AuthorizeReturn,
        tiers=(
            (order_exists,),
            (the_return_exists, kits_are_authorized_whole),
            (return_may("authorize"), nothing_holds("authorize_return", on_return)),
            (only_what_was_asked_for_is_authorized,),
            (the_policy_has_nothing_against_it,),
        ),
        events=_authorize,
        candidates=_of_returns(AuthorizeReturn),
    ),
    Decision(
        RefuseReturn,
        tiers=((order_exists,), (the_return_exists,), (return_may("refuse"),)),
        events=_refuse,
        candidates=_of_returns(RefuseReturn),
    ),
    Decision(
        CancelReturn,
        tiers=((order_exists,), (the_return_exists,), (return_may("cancel"),), (nothing_of_it_was_made_good,)),
        events=_cancel,
        candidates=_of_returns(CancelReturn),
    ),
    Decision(
        CloseReturn,
        tiers=((order_exists,), (the_return_exists,), (return_may("close"),), (nothing_is_left_at_the_dock,)),
        events=_close,
        candidates=_of_returns(CloseReturn),
    ),
)


STAGE = Stage(
    name="returns",
    commands=(AuthorizeReturn, RefuseReturn, CancelReturn, CloseReturn),
    events=(ReturnAuthorized, ReturnRefused, ReturnCancelled, ReturnClosed),
    decisions=_DECISIONS,
    follow=_follow,
    looks_at=_looks_at,
    awaits=_awaits,
)
