"""Receiving returns: what comes in at the dock, announced or not, and what is found when it is looked at.

What came has come: it is never refused. Units that were authorized are taken from those that are awaited. More of them,
or units that nobody announced, are taken from wherever the ledger has them, kept, and flagged, and someone says whether
they are accepted. What is of no line of the order, or is more than ever left, enters no ledger: it is noted. A receipt
is a part: every one adds to what came before, and the same document counts once.

What a carrier could not deliver and brings back comes in by the same dock: the units of its parcel are received, and
someone chooses between the money and another parcel, unless the loss was made good before. From where they are then,
they go the way of every return.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from orderflow.errors import InvalidInput, Violation
from orderflow.ledger import Account, Move, delivered, kind_of, lost, received, returning, shipped
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Case, Finding, Goods, Order, Return, WrongGoods
from orderflow.policy import Policy
from orderflow.returns import Resolution, ReturnKind, added, subtracted
from orderflow.stages.exceptions import ExceptionRaised, ExceptionResolved, raised
from orderflow.stages.picking import as_goods, totals
from orderflow.stages.returns import (
    as_percents,
    on_return,
    part_of,
    return_may,
    the_return_exists,
    with_return,
)
from orderflow.stages.returns_origin import at_the_customers, location_of, settled_in
from orderflow.stages.stage import (
    Decision,
    Stage,
    Wait,
    next_id,
    nothing_holds,
    order_exists,
    order_was_placed,
    units_text,
)
from orderflow.tracking import Anomaly
from orderflow.values.checked import checked, optional, tuple_of
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_line, as_text
from orderflow.values.numbers import EXACT, ZERO, plain, total, total_by
from orderflow.values.quantity import as_amount

__all__ = [
    "STAGE",
    "InspectReturn",
    "ReceiveReturn",
    "ReturnInspected",
    "ReturnReceived",
    "ReturnResolved",
    "UnexpectedSettled",
    "deductible",
]

UNEXPECTED, UNDELIVERED = "return.unexpected", "return.undelivered"


def _as_wrong(raw: Any) -> WrongGoods:
    if isinstance(raw, tuple | list) and 2 <= len(raw) <= 3:
        raw = WrongGoods(*raw)
    if not isinstance(raw, WrongGoods):
        raise InvalidInput.because("return.not_wrong_goods", "must be WrongGoods or (sku, quantity)")
    return raw


_condition, _note = as_text(100), as_text(1000)


def _as_finding(raw: Any) -> Finding:
    """A `Finding`, or its line id, quantity and condition."""
    if isinstance(raw, Finding):
        raw = (raw.line_id, raw.quantity, raw.condition, raw.note)
    if not isinstance(raw, tuple | list) or not 3 <= len(raw) <= 4:
        raise InvalidInput.because("return.not_a_finding", "must be a Finding or (line_id, quantity, condition)")
    note = raw[3] if len(raw) == 4 else ""
    return Finding(as_id(raw[0]), as_amount(raw[1]), _condition(raw[2]), _note(note))


@command("receive_return")
class ReceiveReturn(Command):
    """Goods came back, and are at the dock; without a list, everything that was awaited.

    ``return_id`` is the return that they were announced under; without one they are announced by nobody. ``parcel_id``
    is the parcel that a carrier brought back. ``wrong`` is what is of no line of this order. ``findings`` are what was
    seen at once. ``reference`` is the number of the goods receipt: what is told twice under it came once.
    """

    order_id: str = checked(as_id)
    return_id: str | None = checked(optional(as_id), default=None)
    goods: tuple[Goods, ...] | None = checked(optional(tuple_of(as_goods)), default=None)
    wrong: tuple[WrongGoods, ...] = checked(tuple_of(_as_wrong), default=())
    parcel_id: str | None = checked(optional(as_id), default=None)
    reference: str = checked(as_line(128), default="")
    location: str = checked(as_text(100), default="")
    findings: tuple[Finding, ...] = checked(tuple_of(_as_finding), default=())

    if TYPE_CHECKING:

        def __init__(
            self,
            order_id: str,
            return_id: str | None = None,
            goods: Iterable[Goods | tuple[str, Decimal | int | str]] | None = None,
            wrong: Iterable[WrongGoods | tuple[str, Decimal | int | str]] = (),
            parcel_id: str | None = None,
            reference: str = "",
            location: str = "",
            findings: Iterable[Finding | tuple[str, Decimal | int | str, str]] = (),
        ) -> None: ...

    def _check(self) -> None:
        if self.goods is None and self.return_id is None and self.parcel_id is None:
            raise InvalidInput.because("return.nothing_said", "what came, nobody says", "goods")
        if self.goods == () and not self.wrong:
            raise InvalidInput.because("return.nothing_said", "nothing came", "goods")


@command("inspect_return")
class InspectReturn(Command):
    """Goods that came back were looked at; without a list, everything at the dock is good.

    ``deduct`` is by line how many per cent of what is due for these units are not given back.
    """

    order_id: str = checked(as_id)
    return_id: str = checked(as_id)
    findings: tuple[Finding, ...] | None = checked(optional(tuple_of(_as_finding, at_least=1)), default=None)
    deduct: FrozenMap[str, Decimal] = checked(as_percents, default=FrozenMap())

    if TYPE_CHECKING:

        def __init__(
            self,
            order_id: str,
            return_id: str,
            findings: Iterable[Finding | tuple[str, Decimal | int | str, str]] | None = None,
            deduct: Mapping[str, Decimal | int | str] = ...,
        ) -> None: ...


@event("return_received")
class ReturnReceived(Event):
    """Goods came back. ``moves`` is what the ledger knows of them, ``unexpected`` what of it nobody had agreed to."""

    return_id: str
    kind: ReturnKind
    resolution: Resolution
    state: str
    goods: tuple[Goods, ...]
    moves: tuple[Move, ...]
    unexpected: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    settled: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    wrong: tuple[WrongGoods, ...] = ()
    findings: tuple[Finding, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()
    reference: str = ""
    location: str = ""
    parcel_id: str = ""

    def apply(self, order: Order) -> Order:
        """The units are at the dock; a return that nobody announced is there now."""
        known = order.returns.get(self.return_id) or Return(
            self.return_id, self.kind, self.resolution, self.state, self.at, parcel_id=self.parcel_id
        )
        units = [(move.line_id, move.quantity) for move in self.moves]
        made = known.replace(
            state=self.state,
            ended="",
            authorized=self._agreed(known, units),
            taken=(*known.taken, *(move for move in self.moves if move.source != returning(self.return_id))),
            settled=added(known.settled, self.settled.items()),
            location=known.location or self.location,
            received=added(known.received, units),
            goods=(*known.goods, *self.goods),
            at_dock=(*known.at_dock, *self.goods),
            wrong=(*known.wrong, *self.wrong),
            unexpected=added(known.unexpected, self.unexpected.items()),
            references=(*known.references, self.reference) if self.reference else known.references,
            receipts=known.receipts + 1,
        )
        made = made.looked_at(self.findings) if self.findings else made
        return order.replace(
            ledger=order.ledger.moved(self.moves),
            returns=order.returns.set(made.id, made),
            flagged=(*order.flagged, *self.anomalies) if self.anomalies else order.flagged,
        )

    def _agreed(self, known: Return, units: Iterable[tuple[str, Decimal]]) -> FrozenMap[str, Decimal]:
        """What a carrier could not deliver is agreed to come back; anything else was, or was not, before."""
        if self.kind != "undelivered":
            return known.authorized
        return subtracted(added(known.authorized, units), self.unexpected.items())


@event("return_inspected")
class ReturnInspected(Event):
    """Goods that came back were looked at; ``deducted`` is how many units' worth is not given back."""

    return_id: str
    state: str
    findings: tuple[Finding, ...]
    deducted: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)

    def apply(self, order: Order) -> Order:
        """What was found is on record."""
        known = order.returns[self.return_id]
        deducted = added(known.deducted, self.deducted.items())
        seen = known.looked_at(self.findings).replace(state=self.state, deducted=deducted)
        return order.replace(returns=order.returns.set(known.id, seen))


@event("unexpected_settled")
class UnexpectedSettled(Event):
    """Someone said whether units that nobody had agreed to are accepted as if they had been authorized."""

    return_id: str
    accepted: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)

    @property
    def nothing(self) -> str:
        """That nothing is accepted, in words."""
        return "" if self.accepted else "nothing"

    def apply(self, order: Order) -> Order:
        """They are a part of what was agreed, or are not."""
        known = order.returns[self.return_id]
        authorized = added(known.authorized, self.accepted.items())
        return with_return(order, known.id, authorized=authorized, unexpected=FrozenMap())


@event("return_resolved")
class ReturnResolved(Event):
    """It was chosen how goods are made good that could not be delivered."""

    return_id: str
    resolution: Resolution

    def apply(self, order: Order) -> Order:
        """The return has its resolution."""
        return with_return(order, self.return_id, resolution=self.resolution)


# -- where the units come from --------------------------------------------------------------------------------------


class _Arrived:
    """What a receipt means for the ledger: the awaited units first, and what does not fit is noted."""

    def __init__(self, order: Order, known: Return | None, command: ReceiveReturn, return_id: str) -> None:
        self.order, self.known, self.command, self.id = order, known, command, return_id
        self.moves: list[Move] = []
        self.unexpected: dict[str, Decimal] = {}
        self.beyond: dict[str, Decimal] = {}

    def take(self, line_id: str, wanted: Decimal, sources: Iterable[Account]) -> None:
        """Units of a line, out of the first accounts that have them."""
        left, awaited = wanted, {returning(self.id)}
        claimed = self.known.claimed(line_id) if self.known is not None else ZERO
        if self.kind == "undelivered" and self.command.parcel_id is not None:
            awaited |= {place(self.command.parcel_id) for place in (shipped, lost, delivered)}
        for account in dict.fromkeys(sources):
            units = min(left, self.order.ledger.balance(line_id, account))
            if units > 0:
                self.moves.append(Move(line_id, account, received(self.id), units))
                left = EXACT.subtract(left, units)
                agreed = units if account in awaited else min(units, claimed)
                claimed = EXACT.subtract(claimed, agreed) if account not in awaited else claimed
                if beside := EXACT.subtract(units, agreed):
                    self.unexpected[line_id] = EXACT.add(self.unexpected.get(line_id, ZERO), beside)
        if left:
            self.beyond[line_id] = left

    @property
    def kind(self) -> ReturnKind:
        """Whether the customer sent it, or a carrier could not deliver it."""
        if self.known is not None:
            return self.known.kind
        return "undelivered" if self.command.parcel_id is not None else "return"

    def sources(self, line_id: str) -> Iterable[Account]:
        """Where units may have been that are here now: on their way back, in their parcel, with the customer."""
        yield returning(self.id)
        if self.command.parcel_id is not None:
            yield from (place(self.command.parcel_id) for place in (shipped, lost, delivered))
        yield from at_the_customers(self.order, line_id)
        held = [account for account, _ in self.order.ledger.accounts(line_id)]
        for kind in ("returning", "shipped", "lost"):
            yield from (account for account in held if kind_of(account) == kind)


def _came(order: Order, known: Return | None, command: ReceiveReturn) -> tuple[Goods, ...]:
    """The goods that came: as listed, or everything that was awaited."""
    if command.goods is not None:
        return command.goods
    if known is not None and known.kind != "undelivered":
        return tuple(Goods(id, units) for id, units in order.ledger.holding(returning(known.id)).items())
    parcel = order.parcels[command.parcel_id or (known.parcel_id if known is not None else "")]
    units = total_by(pair for place in (shipped, lost) for pair in order.ledger.holding(place(parcel.id)).items())
    return tuple(Goods(id, quantity, parcel.measure_of(id, quantity)) for id, quantity in units.items())


def _under(order: Order, command: ReceiveReturn) -> Return | None:
    """The return that goods came under: the one named, or that of the parcel that is being brought back."""
    if command.return_id is not None:
        return order.returns[command.return_id]
    mine = (one for one in order.returns.values() if one.kind == "undelivered" and one.parcel_id == command.parcel_id)
    return next(mine, None)


# -- rules ----------------------------------------------------------------------------------------------------------


def the_parts_exist(order: Order, command: ReceiveReturn, policy: Policy) -> Iterable[Violation]:
    """What came is of lines of this order, and a parcel that came back is one of it."""
    for index, goods in enumerate(command.goods or ()):
        if goods.line_id not in order.lines:
            told = f"there is no line {goods.line_id!r}"
            yield Violation("return.unknown_line", told, f"goods[{index}].line_id", remedy="wrong")
    for index, found in enumerate(command.findings):
        if found.line_id not in order.lines:
            yield Violation("return.unknown_line", f"there is no line {found.line_id!r}", f"findings[{index}].line_id")
    if command.parcel_id is not None and command.parcel_id not in order.parcels:
        yield Violation("return.unknown_parcel", f"there is no parcel {command.parcel_id!r}", "parcel_id")


def something_is_awaited(order: Order, command: ReceiveReturn, policy: Policy) -> Iterable[Violation]:
    """Without a list, it is known what was to come."""
    if not _is_known(order, command) and not command.wrong and not _came(order, _under(order, command), command):
        yield Violation("return.nothing_awaited", "nothing is awaited: what came is to be listed", "goods")


def no_more_is_found_than_came(order: Order, command: InspectReturn, policy: Policy) -> Iterable[Violation]:
    """What is looked at lies at the dock."""
    known = order.returns[command.return_id]
    there = order.ledger.holding(received(known.id))
    if not there:
        yield Violation("return.nothing_received", f"nothing of {known.id} lies at the dock", "return_id")
        return
    found: dict[str, Decimal] = {}
    for index, one in enumerate(command.findings or ()):
        found[one.line_id] = EXACT.add(found.get(one.line_id, ZERO), one.quantity)
        if found[one.line_id] > there.get(one.line_id, ZERO):
            told = f"{plain(found[one.line_id])} of {one.line_id}, but {plain(there.get(one.line_id, ZERO))} lie there"
            yield Violation("return.not_there", told, f"findings[{index}].quantity")


def deductible(known: Return, line_id: str) -> Decimal:
    """Units of a line of which something may be deducted still: those that were not made good, nor deducted from."""
    done = EXACT.add(known.credited.get(line_id, ZERO), known.deducted.get(line_id, ZERO))
    kept = EXACT.subtract(known.received.get(line_id, ZERO), known.sent_back.get(line_id, ZERO))
    return max(ZERO, EXACT.add(EXACT.subtract(kept, done), known.withheld.get(line_id, ZERO)))


def only_what_is_due_is_deducted(order: Order, command: InspectReturn, policy: Policy) -> Iterable[Violation]:
    """Nothing is deducted for units that were not looked at, or were credited already."""
    known = order.returns[command.return_id]
    looked = _looked_at(order, command)
    for line_id, percent in command.deduct.items():
        if part_of(looked.get(line_id, ZERO), percent) > deductible(known, line_id) or line_id not in looked:
            told = f"{line_id} was not looked at, or is made good"
            yield Violation("return.not_deductible", told, f"deduct[{line_id}]")


def _looked_at(order: Order, command: InspectReturn) -> dict[str, Decimal]:
    if command.findings is None:
        return order.ledger.holding(received(command.return_id))
    return {
        one.line_id: total(o.quantity for o in command.findings if o.line_id == one.line_id) for one in command.findings
    }


# -- decisions ------------------------------------------------------------------------------------------------------


def _is_known(order: Order, command: ReceiveReturn) -> bool:
    """Whether a document was received before."""
    return bool(command.reference) and any(command.reference in one.references for one in order.returns.values())


def _receive(order: Order, command: ReceiveReturn, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    if _is_known(order, command):
        return
    known = _under(order, command)
    return_id = known.id if known is not None else next_id("R", order.returns)
    goods, arrived = _came(order, known, command), _Arrived(order, known, command, return_id)
    for line_id, units in totals(goods).items():
        arrived.take(line_id, units, arrived.sources(line_id))
    wrong = (
        *command.wrong,
        *(WrongGoods(order.lines[i].sku, n, "more than was sent") for i, n in arrived.beyond.items()),
    )
    kept = tuple(_within(goods, arrived.beyond))
    yield ReturnReceived(
        envelope.at,
        return_id,
        arrived.kind,
        known.resolution if known is not None else _resolution(order, arrived, command),
        _state(order, known, policy),
        kept,
        tuple(arrived.moves),
        FrozenMap(arrived.unexpected),
        settled_in(order, (move for move in arrived.moves if kind_of(move.source) != "returning")),
        wrong,
        command.findings,
        tuple(_flagged(order, return_id, kept, arrived.unexpected, wrong)),
        command.reference,
        command.location or location_of(order, arrived.moves),
        command.parcel_id or "",
    )


def _state(order: Order, known: Return | None, policy: Policy) -> str:
    """The state of a return that goods came under: facts ask no lifecycle, but it says what they are called."""
    if known is not None:
        return policy.return_step(order, known, "receive") or known.state
    chart = policy.lifecycles.return_
    steps = [step for step in chart.steps_from(chart.initial) if step.event == "receive"]
    return steps[0].target if steps else chart.initial


def _resolution(order: Order, arrived: _Arrived, command: ReceiveReturn) -> Resolution:
    """How goods are made good that nobody announced: in money, once accepted; a parcel, as someone chooses."""
    if arrived.kind != "undelivered" or command.parcel_id is None:
        return "refund"
    owed = order.owed_for(order.parcels[command.parcel_id])
    return "" if any(move.line_id in owed for move in arrived.moves) else "nothing"


def _within(goods: Iterable[Goods], beyond: Mapping[str, Decimal]) -> Iterable[Goods]:
    """The goods that are in the ledger: of the last ones, not what is more than was ever sent."""
    left = dict(beyond)
    kept = []
    for some in reversed(tuple(goods)):
        more = min(some.quantity, left.get(some.line_id, ZERO))
        if more:
            left[some.line_id] = EXACT.subtract(left[some.line_id], more)
            some = some.part(EXACT.subtract(some.quantity, more))
        if some.quantity:
            kept.append(some)
    return reversed(kept)


def _flagged(
    order: Order, return_id: str, goods: Iterable[Goods], unexpected: Mapping[str, Decimal], wrong: Iterable[WrongGoods]
) -> Iterable[Anomaly]:
    """What does not fit what was sent, or agreed."""
    if unexpected:
        yield Anomaly(
            "return.unexpected", f"{units_text(order, unexpected)} came that nobody had agreed to", about=return_id
        )
    for one in wrong:
        yield Anomaly(
            "return.wrong_goods", f"{plain(one.quantity)} × {one.sku} came that is not ours to take", about=return_id
        )
    sent = {(g.line_id, serial) for parcel in order.parcels.values() for g in parcel.contents for serial in g.serials}
    back = {(g.line_id, serial) for one in order.returns.values() for g in _that_stayed(one) for serial in g.serials}
    for some in goods:
        for serial in some.serials:
            if (some.line_id, serial) not in sent and any(line == some.line_id for line, _ in sent):
                yield Anomaly("return.other_serial", f"{serial} was not sent under {some.line_id}", about=return_id)
            elif (some.line_id, serial) in back:
                yield Anomaly("return.serial_twice", f"{serial} came back before", about=return_id)
            back.add((some.line_id, serial))


def _that_stayed(known: Return) -> Iterable[Goods]:
    """What came under a return, but for lines of which something was sent back: that may come once more."""
    return (some for some in known.goods if some.line_id not in known.sent_back)


def _inspect(order: Order, command: InspectReturn, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    known = order.returns[command.return_id]
    there = order.ledger.holding(received(known.id))
    findings = command.findings
    if findings is None:
        findings = tuple(Finding(line_id, units, "good") for line_id, units in there.items())
    looked = _looked_at(order, command)
    deducted = {id: part_of(looked[id], percent) for id, percent in command.deduct.items() if percent}
    state = policy.return_step(order, known, "inspect") or known.state
    yield ReturnInspected(envelope.at, known.id, state, findings, FrozenMap(deducted))


# -- what follows: cases --------------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    for known in order.returns.values():
        code, case = _question(known), order.case_about(known.id)
        if case is not None and case.code in (UNEXPECTED, UNDELIVERED) and case.code != code:
            yield ExceptionResolved(at, case.id, "moot")
            return
        if code and case is None:
            yield from _asked(order, known, code, at)
            return


def _question(known: Return) -> str:
    """What someone is to say about a return, if anything."""
    if known.unexpected:
        return UNEXPECTED
    return UNDELIVERED if known.kind == "undelivered" and not known.resolution else ""


def _asked(order: Order, known: Return, code: str, at: datetime) -> Iterable[ExceptionRaised]:
    if code == UNEXPECTED:
        told = f"{units_text(order, known.unexpected)} came back under {known.id}, and nobody had agreed to it"
        return raised(order, "return.unexpected", known.id, told, ("accept", "decline"), at)
    told = f"{units_text(order, known.received)} came back undelivered in {known.parcel_id}"
    options = ("refund",) if order.is_over else ("refund", "reship")
    return raised(order, "return.undelivered", known.id, told, options, at)


def _accept(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The units count as authorized: they are made good like the others of their return."""
    yield UnexpectedSettled(at, case.about, order.returns[case.about].unexpected)


def _decline(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """Nothing is due for the units; what becomes of them, someone says by disposing of them."""
    yield UnexpectedSettled(at, case.about)


def _refund(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """What could not be delivered is given back in money, when a return is."""
    yield ReturnResolved(at, case.about, "refund")


def _reship(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """What could not be delivered is sent once more, for nothing."""
    yield ReturnResolved(at, case.about, "replacement")


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for known in order.returns.values():
        there = order.ledger.holding(received(known.id))
        if there and any(policy.return_step(order, known, step) for step in ("inspect", "dispose")):
            who = known.location or "the warehouse"
            yield Wait(who, f"to say what becomes of {units_text(order, there)}", f"return {known.id}")


def _looks_at(order: Order) -> tuple[str, ...]:
    return ("returns", "cases") if order.returns else ("returns",)


def _coming(order: Order, policy: Policy) -> Iterable[Command]:
    """What is awaited has come, and what has come is looked at."""
    for known in order.returns.values():
        if order.ledger.holds_any(returning(known.id)):
            yield ReceiveReturn(order.id, known.id)


STAGE = Stage(
    name="returns_receiving",
    commands=(ReceiveReturn, InspectReturn),
    events=(ReturnReceived, ReturnInspected, UnexpectedSettled, ReturnResolved),
    decisions=(
        Decision(
            ReceiveReturn,
            tiers=(
                (order_exists, order_was_placed),
                (the_return_exists, the_parts_exist),
                (something_is_awaited,),
            ),
            events=_receive,
            candidates=_coming,
        ),
        Decision(
            InspectReturn,
            tiers=(
                (order_exists,),
                (the_return_exists,),
                (return_may("inspect"), nothing_holds("inspect_return", on_return)),
                (no_more_is_found_than_came, only_what_is_due_is_deducted),
            ),
            events=_inspect,
            candidates=lambda order, policy: tuple(InspectReturn(order.id, id) for id in order.returns),
        ),
    ),
    follow=_follow,
    looks_at=_looks_at,
    awaits=_awaits,
    settles=FrozenMap(
        {
            (UNEXPECTED, "accept"): _accept,
            (UNEXPECTED, "decline"): _decline,
            (UNDELIVERED, "refund"): _refund,
            (UNDELIVERED, "reship"): _reship,
        }
    ),
)
