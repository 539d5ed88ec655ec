"""Disposition: what becomes of goods that came back: on the shelf again, scrapped, or sent back to the customer.

Each unit at the dock is disposed of once, since its account gives it up: nothing is restocked twice. What goes on the
shelf is told to the inventory in words that are frozen with the decision, under a key of their own, and asked again
until it is booked. What is sent back is the customer's again, and nothing is due for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import attrs

from orderflow.errors import InvalidInput, Violation
from orderflow.ledger import RESTOCKED, SCRAPPED, SENT_BACK, Account, Move, received, returning
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Case, Goods, Order, Return
from orderflow.policy import Policy
from orderflow.ports import Received, ReceiveLine, ReceiveStock, Refused, Reply
from orderflow.returns import added
from orderflow.stages.exceptions import impossible_reply, raised
from orderflow.stages.returns import (
    as_percent,
    on_return,
    part_of,
    replaced_under,
    return_may,
    the_return_exists,
    with_return,
)
from orderflow.stages.returns_receiving import deductible
from orderflow.stages.stage import Decision, Stage, Wait, Wanted, nothing_holds, order_exists
from orderflow.values.checked import checked, evolved, optional, tuple_of, value
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_reference, as_text
from orderflow.values.numbers import EXACT, ZERO, plain, total
from orderflow.values.quantity import as_amount
from orderflow.values.times import as_day

__all__ = [
    "STAGE",
    "DisposeReturn",
    "Disposition",
    "ReturnDisposed",
    "ReturnFinished",
    "StockReceived",
]

_FATES: Mapping[str, Account] = FrozenMap({"restock": RESTOCKED, "scrap": SCRAPPED, "send_back": SENT_BACK})


def _as_fate(raw: Any) -> Any:
    if raw not in _FATES:
        raise InvalidInput.because("return.unknown_disposition", f"must be one of {', '.join(_FATES)}")
    return raw


@value
class Disposition:
    """What becomes of so many units of a line: ``restock``, ``scrap`` or ``send_back``.

    ``location`` is where they go on the shelf, if not where they came in; lot, serials and expiry are what was read off
    them, if it was not read at the dock. ``deduct`` is how many per cent of what is due for them are not given back.
    """

    line_id: str = checked(as_id)
    quantity: Decimal = checked(as_amount)
    fate: Literal["restock", "scrap", "send_back"] = checked(_as_fate, default="restock")
    deduct: Decimal = checked(as_percent, default=ZERO)
    location: str = checked(as_text(100), default="")
    lot: str = checked(as_text(100), default="")
    serials: tuple[str, ...] = checked(tuple_of(as_reference), default=())
    expires_on: date | None = checked(optional(as_day), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            line_id: str,
            quantity: Decimal | int | str,
            fate: Literal["restock", "scrap", "send_back"] = "restock",
            deduct: Decimal | int | str = 0,
            location: str = "",
            lot: str = "",
            serials: Iterable[str] = (),
            expires_on: date | None = None,
        ) -> None: ...


def _as_disposition(raw: Any) -> Disposition:
    if isinstance(raw, tuple | list) and 2 <= len(raw) <= 4:
        raw = Disposition(*raw)
    if not isinstance(raw, Disposition):
        raise InvalidInput.because("return.not_a_disposition", "must be a Disposition or (line_id, quantity, fate)")
    return raw


@command("dispose_return")
class DisposeReturn(Command):
    """Say what becomes of goods at the dock; without a list, all of them go on the shelf again."""

    order_id: str = checked(as_id)
    return_id: str = checked(as_id)
    dispositions: tuple[Disposition, ...] | None = checked(
        optional(tuple_of(_as_disposition, at_least=1)), default=None
    )

    if TYPE_CHECKING:

        def __init__(
            self,
            order_id: str,
            return_id: str,
            dispositions: Iterable[Disposition | tuple[str, Decimal | int | str] | tuple[str, Decimal | int | str, str]]
            | None = None,
        ) -> None: ...


@event("return_disposed")
class ReturnDisposed(Event):
    """It was said what becomes of goods that came back; ``receipts`` is what the inventory is to book in.

    ``at_dock`` is what was read off the goods that are still there.
    """

    return_id: str
    state: str
    moves: tuple[Move, ...]
    receipts: tuple[ReceiveStock, ...] = ()
    deducted: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    at_dock: tuple[Goods, ...] = ()

    @property
    def restocked(self) -> FrozenMap[str, Decimal]:
        """What goes on the shelf again, by line."""
        return self._to(RESTOCKED)

    @property
    def scrapped(self) -> FrozenMap[str, Decimal]:
        """What is scrapped, by line."""
        return self._to(SCRAPPED)

    @property
    def sent_back(self) -> FrozenMap[str, Decimal]:
        """What is sent back to the customer, by line."""
        return self._to(SENT_BACK)

    def _to(self, target: Account) -> FrozenMap[str, Decimal]:
        return added(FrozenMap(), ((move.line_id, move.quantity) for move in self.moves if move.target == target))

    def apply(self, order: Order) -> Order:
        """The units have left the dock."""
        known = order.returns[self.return_id]
        return with_return(
            order.replace(ledger=order.ledger.moved(self.moves)),
            known.id,
            state=self.state,
            restocked=added(known.restocked, self.restocked.items()),
            scrapped=added(known.scrapped, self.scrapped.items()),
            sent_back=added(known.sent_back, self.sent_back.items()),
            dispositions=known.dispositions + 1,
            restockings=(*known.restockings, *self.receipts),
            deducted=added(known.deducted, self.deducted.items()),
            at_dock=self.at_dock,
        )


@event("return_finished")
class ReturnFinished(Event):
    """Everything that came back was disposed of, and nothing more is awaited."""

    return_id: str
    state: str

    def apply(self, order: Order) -> Order:
        """The return waits for nothing but what is due."""
        return with_return(order, self.return_id, state=self.state)


@event("stock_received")
class StockReceived(Event):
    """The inventory has booked in what goes on the shelf again."""

    return_id: str
    request_id: str

    def apply(self, order: Order) -> Order:
        """The goods receipt is known outside."""
        left = tuple(one for one in order.returns[self.return_id].restockings if one.id != self.request_id)
        return with_return(order, self.return_id, restockings=left)


# -- rules ----------------------------------------------------------------------------------------------------------


def only_what_lies_there_is_disposed_of(order: Order, command: DisposeReturn, policy: Policy) -> Iterable[Violation]:
    """No more is disposed of than lies at the dock, and something does."""
    there = order.ledger.holding(received(command.return_id))
    if not there:
        told = f"nothing of {command.return_id} lies at the dock"
        yield Violation("return.nothing_received", told, "return_id")
        return
    asked: dict[str, Decimal] = {}
    for index, one in enumerate(command.dispositions or ()):
        asked[one.line_id] = EXACT.add(asked.get(one.line_id, ZERO), one.quantity)
        if asked[one.line_id] > there.get(one.line_id, ZERO):
            told = f"{plain(asked[one.line_id])} of {one.line_id}, but {plain(there.get(one.line_id, ZERO))} lie there"
            yield Violation("return.not_there", told, f"dispositions[{index}].quantity")


def what_was_credited_is_not_sent_back(order: Order, command: DisposeReturn, policy: Policy) -> Iterable[Violation]:
    """The customer gets the goods, or the money, or others for nothing."""
    known = order.returns[command.return_id]
    back: dict[str, Decimal] = {}
    for index, one in enumerate(command.dispositions or ()):
        if one.fate != "send_back":
            continue
        back[one.line_id] = EXACT.add(back.get(one.line_id, known.sent_back.get(one.line_id, ZERO)), one.quantity)
        credited, replaced = known.credited.get(one.line_id, ZERO), replaced_under(order, known, one.line_id)
        if EXACT.add(EXACT.add(credited, replaced), back[one.line_id]) > known.received.get(one.line_id, ZERO):
            told = f"{plain(replaced or credited)} of {one.line_id} {'are replaced' if replaced else 'were credited'}"
            remedy = f"CancelLines {', '.join(known.successors[one.line_id])}" if replaced else ""
            yield Violation("return.credited", told, f"dispositions[{index}].fate", remedy=remedy)


def nothing_is_deducted_twice(order: Order, command: DisposeReturn, policy: Policy) -> Iterable[Violation]:
    """Nothing is deducted for units that were credited already, or that the customer gets back."""
    known = order.returns[command.return_id]
    asked: dict[str, Decimal] = {}
    for index, one in enumerate(command.dispositions or ()):
        if not one.deduct:
            continue
        asked[one.line_id] = EXACT.add(asked.get(one.line_id, ZERO), part_of(one.quantity, one.deduct))
        if one.fate == "send_back" or asked[one.line_id] > deductible(known, one.line_id):
            told = f"nothing is due for {one.line_id} of which it could be deducted"
            yield Violation("return.not_deductible", told, f"dispositions[{index}].deduct")


# -- decisions ------------------------------------------------------------------------------------------------------


def _dispose(order: Order, command: DisposeReturn, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    known = order.returns[command.return_id]
    there, readings = order.ledger.holding(received(known.id)), _Readings(known)
    chosen = command.dispositions
    if chosen is None:
        chosen = tuple(Disposition(line_id, units) for line_id, units in there.items())
    receipts = tuple(_receipts(order, known, chosen, readings))
    yield ReturnDisposed(
        envelope.at,
        known.id,
        policy.return_step(order, known, "dispose") or known.state,
        tuple(Move(one.line_id, received(known.id), _FATES[one.fate], one.quantity) for one in chosen),
        receipts,
        added(FrozenMap(), ((one.line_id, part_of(one.quantity, one.deduct)) for one in chosen)),
        tuple(readings.left),
    )


def _receipts(
    order: Order, known: Return, chosen: Iterable[Disposition], readings: _Readings
) -> Iterator[ReceiveStock]:
    """What the inventory is to book in, location by location."""
    found: dict[str, list[ReceiveLine]] = {}
    for one in chosen:
        lines = [_on_the_shelf(order, one, goods) for goods in readings.next(one)]
        if one.fate == "restock" and order.needs_stock(one.line_id):
            found.setdefault(one.location or known.location, []).extend(lines)
    for number, (location, received_lines) in enumerate(found.items(), 1):
        request_id = f"receive/{known.id}/{known.dispositions + 1}" + (f".{number}" if len(found) > 1 else "")
        key = f"{order.tenant}/{order.id}/{request_id}"
        yield ReceiveStock(order.id, request_id, key, location, tuple(received_lines))


def _on_the_shelf(order: Order, one: Disposition, goods: Goods) -> ReceiveLine:
    line = order.lines[one.line_id]
    return ReceiveLine(
        line.sku,
        line.unit,
        goods.quantity,
        one.lot or goods.lot,
        one.serials or goods.serials,
        one.expires_on or goods.expires_on,
        goods.measured,
    )


class _Readings:
    """What was read off the goods at the dock; what is disposed of leaves, in the order in which it came."""

    def __init__(self, known: Return) -> None:
        self.left = list(known.at_dock)

    def next(self, one: Disposition) -> list[Goods]:
        """The units of a line that are meant: of its lot, or with its serials, before others of the line."""
        pieces = [piece for some in self.left for piece in _by_serial(some, one)]
        mine = (at for at, some in enumerate(pieces) if some.line_id == one.line_id)
        taken, left, units = [], dict(enumerate(pieces)), one.quantity
        for at in sorted(mine, key=lambda at: _fit(one, pieces[at])):
            some = left.pop(at)
            part = min(units, some.quantity)
            if part:
                taken.append(some.part(part))
                units = EXACT.subtract(units, part)
            if part != some.quantity:
                left[at] = _rest(some, part)
        self.left = [left[at] for at in sorted(left)]
        return [_as_one(one, taken)] if one.lot or one.serials or not taken else taken


def _fit(one: Disposition, some: Goods) -> int:
    """How well goods fit what is said of units: by a serial, by their lot, by nothing that speaks against it."""
    if set(one.serials) & set(some.serials):
        return 0
    if one.lot and one.lot == some.lot:
        return 1
    return 3 if (one.serials and some.serials) or (one.lot and some.lot) else 2


def _by_serial(some: Goods, one: Disposition) -> tuple[Goods, ...]:
    """Goods apart from those with the serials that are named, where only some of them are."""
    named = tuple(serial for serial in some.serials if serial in one.serials)
    if some.line_id != one.line_id or not named or len(named) >= some.quantity:
        return (some,)
    others = evolved(some, serials=(*named, *(serial for serial in some.serials if serial not in named)))
    return others.part(Decimal(len(named))), _rest(others, Decimal(len(named)))


def _rest(some: Goods, units: Decimal) -> Goods:
    """Goods without the first so many units of them."""
    if not units:
        return some
    left = EXACT.subtract(some.quantity, units)
    return evolved(some, quantity=left, serials=some.serials[int(units) :], measured=None)


def _as_one(one: Disposition, taken: list[Goods]) -> Goods:
    """Units in one piece, where it was said what they are; what else was read off them stays, if it is the same."""
    lots, days = {some.lot for some in taken}, {some.expires_on for some in taken}
    measured = [some.measured for some in taken if some.measured is not None]
    return Goods(
        one.line_id,
        one.quantity,
        total(measured) if measured and len(measured) == len(taken) else None,
        lot=lots.pop() if len(lots) == 1 else "",
        expires_on=days.pop() if len(days) == 1 else None,
    )


# -- what follows, what is wanted, and what answers mean ------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    held = order.ledger.held
    for known in order.returns.values():
        if (
            known.dispositions
            and not known.ended
            and returning(known.id) not in held
            and received(known.id) not in held
        ):
            state = policy.return_step(order, known, "finish")
            if state is not None:
                yield ReturnFinished(at, known.id, state)


def _wants(order: Order) -> Iterable[Wanted]:
    for known in order.returns.values():
        yield from map(Wanted, known.restockings)


def _received(order: Order, request: ReceiveStock, reply: Reply, policy: Policy, at: datetime) -> Iterable[Event]:
    return_id = request.id.split("/")[1]
    if request not in order.returns[return_id].restockings:
        return
    if isinstance(reply, Received):
        yield StockReceived(at, return_id, request.id)
    elif isinstance(reply, Refused):
        told = f"the goods receipt of {return_id} was refused: {reply.message or reply.code}"
        yield from raised(order, "return.receipt_refused", request, told, ("try_again", "booked_by_hand"), at)
    else:
        yield from impossible_reply(order, request, reply, at)


def _booked_by_hand(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """Someone booked the goods in in the inventory."""
    return_id = case.about.split("/")[1]
    if any(one.id == case.about for one in order.returns[return_id].restockings):
        yield StockReceived(at, return_id, case.about)


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for known in order.returns.values() if "stock" not in order.theirs else ():
        if known.restockings:
            yield Wait("the inventory", "to book goods in that came back", f"return {known.id}")


def _looks_at(order: Order) -> tuple[str, ...]:
    return ("returns", "ledger") if order.returns else ("returns",)


STAGE = Stage(
    name="returns_disposition",
    commands=(DisposeReturn,),
    events=(ReturnDisposed, ReturnFinished, StockReceived),
    decisions=(
        Decision(
            DisposeReturn,
            tiers=(
                (order_exists,),
                (the_return_exists,),
                (return_may("dispose"), nothing_holds("dispose_return", on_return)),
                (only_what_lies_there_is_disposed_of,),
                (what_was_credited_is_not_sent_back, nothing_is_deducted_twice),
            ),
            events=_dispose,
            candidates=lambda order, policy: tuple(DisposeReturn(order.id, return_id) for return_id in order.returns),
        ),
    ),
    follow=_follow,
    looks_at=_looks_at,
    wants=_wants,
    answers=FrozenMap({ReceiveStock: _received}),
    settles=FrozenMap({("return.receipt_refused", "booked_by_hand"): _booked_by_hand}),
    awaits=_awaits,
)
