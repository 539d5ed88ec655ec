"""Changes: cancellation of an order, of lines and of quantities, honest about what is still possible.

Units that nobody has begun to send are cancelled at once. What is in a parcel, or with a fulfiller, is a *wish* until
whoever has it answers: a carrier voids its booking or keeps it, the warehouse unpacks, a fulfiller gives up what it has
not packed. Goods that have left are never cancelled. A wish for the whole order ends as `OrderCancelled`; where a part
is kept, what can be had is cancelled (`LinesCancelled`), the rest is declined, and the order goes on without it.

Each event says which units it is about. What was held for cancelled units is released because claims follow what is
wanted; nothing here speaks to the inventory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from orderflow.change_rules import Modification, furthest, furthest_of_lines
from orderflow.errors import InvalidInput, Violation
from orderflow.ledger import (
    BACKORDERED,
    CAME_BACK,
    CANCELLED,
    GONE,
    OPEN,
    Account,
    Move,
    allocated,
    kind_of,
    packed,
    picked,
    place_of,
    units_by_line,
)
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Cancellation, Case, Order, Parcel, Shipment
from orderflow.policy import Policy
from orderflow.stages.acceptance import everything_cancelled
from orderflow.stages.kits import kits_are_whole, path_of
from orderflow.stages.stage import (
    Decision,
    Stage,
    Wait,
    by_line,
    nothing_has_left,
    order_exists,
    order_may,
    order_not_cancelling,
    order_was_placed,
    units_text,
    why_not,
)
from orderflow.values.checked import PERSONAL, checked, evolved, optional
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_text
from orderflow.values.numbers import EXACT, ZERO, as_positive, plain, total_by

__all__ = [
    "STAGE",
    "CancelLines",
    "CancelOrder",
    "CancellationDeclined",
    "CancellationRequested",
    "CancellationWithdrawn",
    "LinesCancelled",
    "OrderCancelled",
    "a_part_is_kept",
    "asks_nobody",
    "cancellable",
    "cancelled_or_wished",
    "has_left",
    "still_wanted",
    "void_declined",
    "wished",
]

#: Stages of a shipment in which a carrier has, or may have, a booking of ours.
#: Accounts of units that have left: these are not cancelled.
_HAS_LEFT = GONE | CAME_BACK


def _as_quantities(raw: Any) -> FrozenMap[str, Decimal]:
    if not isinstance(raw, Mapping) or not raw:
        raise InvalidInput.because("cancellation.no_quantities", "must map line ids to the units to be cancelled")
    return by_line(raw, as_positive)


@command("cancel_order")
class CancelOrder(Command):
    """Cancel the whole order, as long as nothing of it has left."""

    order_id: str = checked(as_id)
    reason: str = checked(as_text(1000), default="", personal=True)


@command("cancel_lines")
class CancelLines(Command):
    """Cancel units of some lines, or whole kits; without quantities the rest: everything that has not left."""

    order_id: str = checked(as_id)
    quantities: FrozenMap[str, Decimal] | None = checked(optional(_as_quantities), default=None)
    reason: str = checked(as_text(1000), default="", personal=True)

    if TYPE_CHECKING:

        def __init__(
            self, order_id: str, quantities: Mapping[str, Decimal | int | str] | None = None, reason: str = ""
        ) -> None: ...


@event("cancellation_requested")
class CancellationRequested(Event):
    """The order, or these units of it, are to be cancelled once everyone who has them has answered.

    ``waiting`` names the units by who has them; ``None`` stands for the whole order.
    """

    reason: str = attrs.field(default="", metadata=PERSONAL)
    waiting: tuple[Move, ...] | None = None

    def apply(self, order: Order) -> Order:
        """Nothing new is begun with what is to be cancelled."""
        if self.waiting is None:
            return order.replace(cancellation=Cancellation(self.at, self.reason))
        earlier, wish = _wish(order, self.at, self.reason)
        wish = evolved(wish, waiting=(*wish.waiting, *self.waiting))
        return order.replace(line_cancellations=(*earlier, wish))


@event("lines_cancelled")
class LinesCancelled(Event):
    """Units will not be delivered; ``settles`` are the units, as they were wished for, of which that was waited for."""

    moves: tuple[Move, ...]
    settles: tuple[Move, ...] = ()
    reason: str = attrs.field(default="", metadata=PERSONAL)

    def apply(self, order: Order) -> Order:
        """The units are cancelled, and what was paid for them is owed back."""
        earlier, wish = _wish(order, self.at, self.reason)
        wish = evolved(wish, waiting=_less(wish.waiting, self.settles), cancelled=_more(wish.cancelled, self.moves))
        return order.moved(self.moves).replace(line_cancellations=(*earlier, wish))


@event("cancellation_declined")
class CancellationDeclined(Event):
    """It is too late: a carrier keeps its booking, a fulfiller has packed, goods have left. The order goes on.

    ``kept`` are the units that will not be cancelled, by who has them, where others were or may be.
    """

    code: str
    message: str = attrs.field(default="", metadata=PERSONAL)
    kept: tuple[Move, ...] = ()

    def apply(self, order: Order) -> Order:
        """The wish is off the table, as far as it is about these units."""
        if not self.kept:
            return order.replace(cancellation=None)
        earlier, wish = _wish(order, self.at)
        wish = evolved(wish, waiting=_less(wish.waiting, self.kept), declined=_more(wish.declined, self.kept))
        return order.replace(cancellation=None, line_cancellations=(*earlier, wish))


@event("cancellation_withdrawn")
class CancellationWithdrawn(Event):
    """Units that were to be cancelled are wanted after all, before whoever has them has answered."""

    kept: tuple[Move, ...]

    def apply(self, order: Order) -> Order:
        """They are not waited for any more."""
        earlier, wish = _wish(order, self.at)
        wish = evolved(wish, waiting=_less(wish.waiting, self.kept))
        return order.replace(line_cancellations=(*earlier, wish))


@event("order_cancelled")
class OrderCancelled(Event):
    """Nothing of the order will be delivered."""

    state: str
    moves: tuple[Move, ...]
    reason: str = attrs.field(default="", metadata=PERSONAL)

    def apply(self, order: Order) -> Order:
        """Every unit is cancelled."""
        settled = tuple(evolved(wish, waiting=()) for wish in order.line_cancellations)
        why = {"cancellation": None, "over_because": self.reason}
        after = order.moved(self.moves).reached(self.state, "cancelled", self.at, **why)
        return after.replace(line_cancellations=settled) if settled else after


def _wish(order: Order, at: datetime, reason: str = "") -> tuple[tuple[Cancellation, ...], Cancellation]:
    """The earlier wishes for some units, and the one that news is about: the one that waits, or a new one."""
    wishes, whole = order.line_cancellations, order.cancellation
    if wishes:
        last = wishes[-1]
        if last.waiting or (whole is not None and last.of_order and last.requested_at == whole.requested_at):
            return wishes[:-1], last
    if whole is not None:
        return wishes, Cancellation(whole.requested_at, whole.reason, of_order=True)
    return wishes, Cancellation(at, reason)


def _less(waiting: tuple[Move, ...], settled: Iterable[Move]) -> tuple[Move, ...]:
    """The units that still wait after some were settled."""
    left = list(waiting)
    for move in settled:
        units = move.quantity
        for index, one in enumerate(left):
            if (one.line_id, one.source) == (move.line_id, move.source):
                taken = min(units, one.quantity)
                left[index] = evolved(one, quantity=EXACT.subtract(one.quantity, taken))
                units = EXACT.subtract(units, taken)
    return tuple(one for one in left if one.quantity)


def _more(counted: Mapping[str, Decimal], moves: Iterable[Move]) -> FrozenMap[str, Decimal]:
    return FrozenMap(total_by((*counted.items(), *((move.line_id, move.quantity) for move in moves))))


# -- what can still be cancelled, and whose word it needs --------------------------------------------------------------


def cancellable(order: Order, line_id: str, policy: Policy) -> Decimal:
    """Units of a line that have not left and are not being cancelled already; some only if whoever has them agrees."""
    total = ZERO
    for account in _accounts(order, policy):
        total = EXACT.add(total, _free(order, line_id, account))
    return total


def _free(order: Order, line_id: str, account: Account) -> Decimal:
    held = order.ledger.balance(line_id, account)
    return EXACT.subtract(held, order.wished_out_of(account).get(line_id, ZERO)) if held else ZERO


def _accounts(order: Order, policy: Policy) -> Iterator[Account]:
    """Where units can still be cancelled, those least handled first."""
    yield from _at_once(order, policy)
    yield from (packed(parcel.id) for parcel in _parcels_here(order, booked=False))
    for fulfillment_id in order.works:
        yield allocated(fulfillment_id)
    yield from (packed(parcel.id) for parcel in _parcels_here(order, booked=True))


def _at_once(order: Order, policy: Policy) -> Iterator[Account]:
    """Where units can be cancelled without asking anyone."""
    yield from (BACKORDERED, OPEN)
    ours = [f for f in reversed(order.fulfillments.values()) if f.id not in order.works]
    initial = policy.lifecycles.fulfillment.initial
    yield from (allocated(f.id) for f in ours if f.state == initial)
    yield from (allocated(f.id) for f in ours if f.state != initial)
    yield from (picked(f.id) for f in ours)


def _parcels_here(order: Order, booked: bool) -> Iterator[Parcel]:
    """The packed parcels, newest first, that no carrier has by its own reports: with a booking, or without."""
    gone = {parcel.id for parcel in order.moved_before_despatch}
    for parcel in reversed(order.parcels.values()):
        is_here = parcel.id not in gone and order.ledger.holds_any(packed(parcel.id))
        if is_here and booked == (order.shipment_of(parcel.id) is not None):
            yield parcel


def wished(order: Order, quantities: Mapping[str, Decimal], policy: Policy) -> tuple[Move, ...]:
    """The units to be cancelled, those least handled first; of parcels, those that can go as a whole."""
    left = dict(quantities)
    found: list[Move] = []

    def take(account: Account) -> None:
        for line_id, units in left.items():
            taken = min(units, _free(order, line_id, account))
            if taken > 0:
                found.append(Move(line_id, account, CANCELLED, taken))
                left[line_id] = EXACT.subtract(units, taken)

    for account in _at_once(order, policy):
        take(account)
    for parcel in _parcels_here(order, booked=False):
        contents = order.contents_of(parcel.id)
        if all(left.get(line_id, ZERO) >= units for line_id, units in contents.items()):
            take(packed(parcel.id))
    for account in _accounts(order, policy):
        if account not in {move.source for move in found}:
            take(account)
    return tuple(found)


def asks_nobody(order: Order, move: Move) -> bool:
    """Whether units can be cancelled without anyone's word: not those in a parcel, or with a fulfiller."""
    return kind_of(move.source) != "packed" and place_of(move.source) not in order.works


def cancelled_or_wished(order: Order, moves: tuple[Move, ...], reason: str, at: datetime) -> Iterator[Event]:
    """What can be cancelled at once is, and the rest is asked for."""
    waiting = tuple(move for move in moves if not asks_nobody(order, move))
    at_once = tuple(move for move in moves if asks_nobody(order, move))
    if waiting:
        yield CancellationRequested(at, reason, waiting)
    if at_once:
        yield LinesCancelled(at, at_once, (), reason)


# -- rules ----------------------------------------------------------------------------------------------------------


def has_left(order: Order) -> bool:
    """Whether goods of an order are gone, by our own record or by a carrier's."""
    is_despatched = any(shipment.stage == "despatched" for shipment in order.shipments.values())
    return is_despatched or bool(order.handovers) or bool(order.moved_before_despatch)


def the_lines_to_cancel_exist(order: Order, command: CancelLines, policy: Policy) -> Iterable[Violation]:
    """Every line of which units are cancelled is one of this order's."""
    for line_id in command.quantities or ():
        if line_id not in order.lines and line_id not in order.kits:
            yield Violation("cancellation.unknown_line", f"there is no line {line_id!r}", f"quantities[{line_id}]")


def kits_are_cancelled_whole(order: Order, command: CancelLines, policy: Policy) -> Iterable[Violation]:
    """Of kits, whole ones are cancelled, or units of their components."""
    return kits_are_whole(order, command.quantities or {}, "cancellation")


def lines_can_still_be_cancelled(order: Order, command: CancelLines, policy: Policy) -> Iterable[Violation]:
    """The order can still be cancelled; what is sent once more, as long as it has not left."""
    if policy.order_step(order, "cancel") is not None:
        return
    here = (line_id for line_id in order.lines if cancellable(order, line_id, policy))
    lines = tuple(order.in_components(command.quantities) if command.quantities else here)
    if not lines or not all(order.lines[line_id].is_free for line_id in lines):
        told, remedy = why_not(policy.lifecycles.order, order.state, "cancel")
        yield Violation("order.cannot_cancel", f"the order is {told}", remedy=remedy)


def only_what_has_not_left_is_cancelled(order: Order, command: CancelLines, policy: Policy) -> Iterable[Violation]:
    """No more units are cancelled than can still be, and some are."""
    if command.quantities is None:
        if not any(cancellable(order, line_id, policy) for line_id in order.lines):
            yield Violation("cancellation.nothing_left", "no unit is here that could be cancelled")
        return
    for line_id, units in order.in_components(command.quantities).items():
        most = cancellable(order, line_id, policy)
        if units > most:
            told = f"{plain(units)} units of {line_id} are to be cancelled, {plain(most)} still can be"
            yield Violation("cancellation.too_late", told, path_of(order, command.quantities, line_id))


# -- decisions ------------------------------------------------------------------------------------------------------


def _cancel(order: Order, command: CancelOrder, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    yield CancellationRequested(envelope.at, command.reason or envelope.reason)


def _cancel_lines(order: Order, command: CancelLines, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    """To cancel all units of which none has left is to cancel the order."""
    reason = command.reason or envelope.reason
    said = command.quantities or {line_id: cancellable(order, line_id, policy) for line_id in order.lines}
    quantities = order.in_components(said)
    if all(quantities.get(line_id, ZERO) == still_wanted(order, line_id) for line_id in order.lines):
        yield CancellationRequested(envelope.at, reason)
    else:
        yield from cancelled_or_wished(order, wished(order, quantities, policy), reason, envelope.at)


def still_wanted(order: Order, line_id: str) -> Decimal:
    """Units of a line that are wanted, those left out that only wait to be cancelled."""
    waiting = units_by_line(order.to_be_cancelled) if order.to_be_cancelled else FrozenMap()
    return EXACT.subtract(order.live_quantity(line_id), waiting.get(line_id, ZERO))


def a_part_is_kept(
    order: Order, policy: Policy, code: str, message: str, kept: tuple[Move, ...], at: datetime
) -> Iterable[Event]:
    """The wish to cancel the whole order was declined for some units; for all others that are here it stands."""
    if order.cancellation is not None:
        beside = {move.source for move in kept}
        rest = {line_id: cancellable(order, line_id, policy) for line_id in order.lines}
        moves = tuple(move for move in wished(order, rest, policy) if move.source not in beside)
        yield from cancelled_or_wished(order, moves, order.cancellation.reason, at)
    yield CancellationDeclined(at, code, message, kept)


def _of_order(order: Order, command: CancelOrder, policy: Policy) -> Iterator[Modification]:
    """The cancellation of an order, at the stage of what is furthest of it."""
    if not order.is_draft:
        yield Modification("cancel_order", furthest_of_lines(order, order.lines, policy.lifecycles.fulfillment.initial))


def _of_lines(order: Order, command: CancelLines, policy: Policy) -> Iterator[Modification]:
    """The cancellation of units of each line or kit, at the stage of what is furthest of them."""
    quantities = command.quantities or {line_id: cancellable(order, line_id, policy) for line_id in order.lines}
    for line_id, units in quantities.items():
        sources = [move.source for move in wished(order, order.in_components({line_id: units}), policy)]
        if sources:
            stage = furthest(order, sources, policy.lifecycles.fulfillment.initial)
            yield Modification("cancel_lines", stage, f"quantities[{line_id}]" if command.quantities else "")


# -- what follows ---------------------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    if order.cancellation is not None:
        yield from _whole_order(order, policy, at)
        return
    for account in dict.fromkeys(move.source for move in order.to_be_cancelled):
        yield from _settled(order, account, at)


def _whole_order(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """The order is cancelled when no carrier has, or may have, a booking of ours, and no fulfiller any units."""
    assert order.cancellation is not None
    gone = tuple(_gone(order))
    if gone:
        told = f"{units_text(order, units_by_line(gone))} have left"
        yield from a_part_is_kept(order, policy, "cancellation.goods_have_left", told, gone, at)
        return
    if any(order.ledger.holds_any(allocated(fulfillment_id)) for fulfillment_id in order.works):
        return
    if any(shipment.is_outstanding for shipment in order.shipments.values()):
        return
    state = policy.order_step(order, "cancel")
    if state is not None:
        yield OrderCancelled(at, state, everything_cancelled(order), order.cancellation.reason)
    else:
        yield CancellationDeclined(at, "order.cannot_cancel", f"the order is {order.state}")


def _gone(order: Order) -> Iterator[Move]:
    """The units that have left, whatever has become of them."""
    for account, held in order.ledger.held.items():
        if kind_of(account) in _HAS_LEFT:
            yield from (Move(line_id, account, CANCELLED, units) for line_id, units in held.items())


def _settled(order: Order, account: Account, at: datetime) -> Iterable[Event]:
    """What has become of units of one account that were to be cancelled: in a parcel, or with a fulfiller."""
    asked = tuple(move for move in order.to_be_cancelled if move.source == account)
    there = order.ledger.holding(account)
    parcel = order.parcels.get(place_of(account))
    if parcel is not None and not there and not _has_left(order, parcel):
        yield from _unpacked(order, parcel, asked, at)
    elif gone := tuple(_beyond(asked, there)):
        told = f"{units_text(order, units_by_line(gone))} have left"
        yield CancellationDeclined(at, "cancellation.goods_have_left", told, gone)
    elif parcel is not None and order.shipment_of(parcel.id) is None and dict(units_by_line(asked)) == there:
        yield LinesCancelled(at, asked, asked)


def _unpacked(order: Order, parcel: Parcel, asked: tuple[Move, ...], at: datetime) -> Iterable[Event]:
    """Units that were to be cancelled are out of their parcel: on the packing table, or sent in another one."""
    table = picked(parcel.fulfillment_id)
    unpacked = tuple(evolved(move, source=table) for move in asked)
    gone = tuple(evolved(move, source=packed(parcel.id)) for move in _beyond(unpacked, order.ledger.holding(table)))
    if gone:
        told = f"{units_text(order, units_by_line(gone))} have left"
        yield CancellationDeclined(at, "cancellation.goods_have_left", told, gone)
    else:
        yield LinesCancelled(at, unpacked, asked)


def _has_left(order: Order, parcel: Parcel) -> bool:
    """Whether what was in a parcel is under way in it, or beyond."""
    return bool(order.contents_of(parcel.id) or order.despatched_in(parcel.id))


def _beyond(asked: tuple[Move, ...], there: Mapping[str, Decimal]) -> Iterator[Move]:
    """The units that are to be cancelled and are not there any more: their fulfiller or carrier has sent them."""
    left = dict(there)
    for move in asked:
        here = min(move.quantity, left.get(move.line_id, ZERO))
        left[move.line_id] = EXACT.subtract(left.get(move.line_id, ZERO), here)
        if here < move.quantity:
            yield evolved(move, quantity=EXACT.subtract(move.quantity, here))


def void_declined(order: Order, shipment: Shipment, code: str, message: str, at: datetime) -> Iterable[Event]:
    """A carrier keeps its booking: what is in its parcels is not cancelled, nor is the order.

    What fulfillers were asked to give up for the sake of the whole order stays asked for: some may have done so.
    """
    places = {packed(parcel_id) for parcel_id in shipment.parcel_ids}
    kept = tuple(move for move in order.to_be_cancelled if move.source in places)
    if order.cancellation is not None:
        asked = tuple(_with_fulfillers(order))
        if asked:
            yield CancellationRequested(at, order.cancellation.reason, asked)
        yield CancellationDeclined(at, code, message, kept)
    elif kept:
        yield CancellationDeclined(at, code, message, kept)


def _with_fulfillers(order: Order) -> Iterator[Move]:
    for fulfillment_id in order.works:
        account = allocated(fulfillment_id)
        for line_id in order.ledger.holding(account):
            units = _free(order, line_id, account)
            if units:
                yield Move(line_id, account, CANCELLED, units)


# -- settling, and waiting ------------------------------------------------------------------------------------------


def _cancel_instead(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The order is cancelled, under the rules of ``CancelOrder``."""
    yield CancellationRequested(at, case.message)


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    names = [s.id for s in order.shipments.values() if s.is_outstanding]
    if order.cancellation is not None and names:
        yield Wait("the cancellation", f"for the word of the carrier on {', '.join(names)}")
    for account in dict.fromkeys(move.source for move in order.to_be_cancelled):
        parcel = order.parcels.get(place_of(account))
        if parcel is not None and order.shipment_of(parcel.id) is None:
            who = order.fulfillments[parcel.fulfillment_id].location or "the warehouse"
            told = units_text(order, order.wished_out_of(account))
            yield Wait(
                who, f"to unpack {parcel.id}: {told} are to be cancelled", f"fulfillment {parcel.fulfillment_id}"
            )


def _looks_at(order: Order) -> tuple[str, ...]:
    """Without a cancellation that waits there is nothing to follow."""
    if order.cancellation is not None:
        return ("state", "shipments", "cancellation", "line_cancellations", "works", "ledger")
    if order.to_be_cancelled:
        return ("shipments", "cancellation", "line_cancellations", "ledger")
    return ("cancellation", "line_cancellations")


STAGE = Stage(
    name="changes",
    commands=(CancelOrder, CancelLines),
    events=(CancellationRequested, LinesCancelled, CancellationDeclined, CancellationWithdrawn, OrderCancelled),
    decisions=(
        Decision(
            CancelOrder,
            tiers=((order_exists,), (nothing_has_left, order_may("cancel"), order_not_cancelling)),
            events=_cancel,
            candidates=lambda order, policy: (CancelOrder(order.id),),
            modifies=_of_order,
        ),
        Decision(
            CancelLines,
            tiers=(
                (order_exists, order_was_placed),
                (the_lines_to_cancel_exist, kits_are_cancelled_whole),
                (order_not_cancelling,),
                (lines_can_still_be_cancelled, only_what_has_not_left_is_cancelled),
            ),
            events=_cancel_lines,
            candidates=lambda order, policy: (CancelLines(order.id),),
            modifies=_of_lines,
        ),
    ),
    follow=_follow,
    looks_at=_looks_at,
    settles=FrozenMap(
        {
            ("stock.short", "cancel_order"): _cancel_instead,
            ("pricing.refused", "cancel_order"): _cancel_instead,
            ("shipping.refused", "cancel_order"): _cancel_instead,
            ("shipping.no_rate", "cancel_order"): _cancel_instead,
            ("fulfillers.declined", "cancel_order"): _cancel_instead,
        }
    ),
    awaits=_awaits,
)
