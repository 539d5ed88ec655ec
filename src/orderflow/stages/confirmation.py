"""Confirmation: the answer to the order, line by line: what we will deliver, when, at what price.

Once an order is verified it is confirmed: accepted, changed, backordered, substituted or rejected, with quantity, price
and day; several entries for a line where its units come on several days. That is the *order response* of the trade.
What it says by itself is a strategy (``Policy.confirm``); a merchant may say it by hand with `ConfirmOrder`. Where the
policy wants the buyer's word first (``Policy.buyer_must_agree``), the order waits under a hold until
`AcceptConfirmation`; `RefuseConfirmation` makes it a case: as a whole, for some lines, or for some of its entries (60
units on the first, 40 on the eighth and dearer: the buyer takes the 60). A buyer that keeps the rest has refused units
that are cancelled, and an order that goes on. More that is ordered before anything left is confirmed anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from orderflow.errors import InvalidInput, Violation
from orderflow.ledger import CANCELLED
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Case, Confirmation, ConfirmedLine, Hold, Order
from orderflow.policy import Policy
from orderflow.stages.amending import PriceOverride
from orderflow.stages.changes import CancellationRequested, cancellable, cancelled_or_wished, still_wanted, wished
from orderflow.stages.exceptions import ExceptionResolved, raised
from orderflow.stages.holds import HoldPlaced, HoldReleased
from orderflow.stages.repricing import overridden
from orderflow.stages.stage import Decision, Stage, Wait, next_id, nothing_holds, order_exists, order_not_cancelling
from orderflow.stages.verification import blockers
from orderflow.values.checked import PERSONAL, as_flag, checked, tuple_of
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_text
from orderflow.values.numbers import EXACT, ZERO, plain, total_by

__all__ = [
    "HOLD",
    "STAGE",
    "AcceptConfirmation",
    "ConfirmOrder",
    "ConfirmationAccepted",
    "ConfirmationRefused",
    "OrderConfirmed",
    "RefuseConfirmation",
]

#: The hold on an order that waits for the buyer's word.
HOLD = "confirmation.waits_for_buyer"
_BLOCKED = ("plan", "pick", "pack", "book", "despatch")


def _as_confirmed(raw: Any) -> ConfirmedLine:
    if isinstance(raw, ConfirmedLine):
        return raw
    if isinstance(raw, tuple | list) and 2 <= len(raw) <= 3:
        return ConfirmedLine(*raw)
    raise InvalidInput.because("confirmation.not_a_line", "must be a ConfirmedLine or (line_id, quantity, answer)")


def _as_number(raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 1:
        raise InvalidInput.because("confirmation.not_a_part", "must be the number of an entry, from 1")
    return raw


@command("confirm_order")
class ConfirmOrder(Command):
    """Answer the order by hand, line by line: every unit that is still wanted has an answer."""

    order_id: str = checked(as_id)
    lines: tuple[ConfirmedLine, ...] = checked(tuple_of(_as_confirmed, at_least=1))

    if TYPE_CHECKING:

        def __init__(
            self, order_id: str, lines: Iterable[ConfirmedLine | tuple[str, Decimal | int | str, str]]
        ) -> None: ...


@command("accept_confirmation")
class AcceptConfirmation(Command):
    """The buyer agrees to what was confirmed."""

    order_id: str = checked(as_id)


@command("refuse_confirmation")
class RefuseConfirmation(Command):
    """The buyer does not agree: to these lines, to these entries, or to the confirmation as a whole.

    ``parts`` are numbers of entries of the confirmation, from one. Who keeps the rest (``keep_rest``) agrees to all
    others: the refused units are cancelled, and the order goes on.
    """

    order_id: str = checked(as_id)
    lines: tuple[str, ...] = checked(tuple_of(as_id), default=())
    reason: str = checked(as_text(1000), default="", personal=True)
    parts: tuple[int, ...] = checked(tuple_of(_as_number), default=())
    keep_rest: bool = checked(as_flag, default=False)

    if TYPE_CHECKING:

        def __init__(
            self,
            order_id: str,
            lines: Iterable[str] = (),
            reason: str = "",
            parts: Iterable[int] = (),
            keep_rest: bool = False,
        ) -> None: ...


@event("order_confirmed")
class OrderConfirmed(Event):
    """The order was answered, line by line."""

    lines: tuple[ConfirmedLine, ...]
    buyer_must_agree: bool = False

    def apply(self, order: Order) -> Order:
        """This is the confirmation now, whatever was said before."""
        made = Confirmation(self.lines, self.at, "waits" if self.buyer_must_agree else "stands")
        return order.replace(confirmation=made, milestones=order.milestones.set("confirmed", self.at))


@event("confirmation_accepted")
class ConfirmationAccepted(Event):
    """The buyer agreed to what was confirmed."""

    def apply(self, order: Order) -> Order:
        """The confirmation stands, but for what was refused of it."""
        return _with_word(order, "stands")


@event("confirmation_refused")
class ConfirmationRefused(Event):
    """The buyer did not agree to these lines and entries; to nothing of it, where none is named."""

    lines: tuple[str, ...] = ()
    reason: str = attrs.field(default="", metadata=PERSONAL)
    parts: tuple[int, ...] = ()

    def apply(self, order: Order) -> Order:
        """The confirmation is refused, until another is given, or what was refused is cancelled."""
        return _with_word(order, "refused", refused=self.lines, refused_parts=self.parts)


def _with_word(order: Order, word: str, **more: Any) -> Order:
    assert order.confirmation is not None
    return order.replace(confirmation=order.confirmation.replace(word=word, **more))


# -- rules ----------------------------------------------------------------------------------------------------------


def the_order_is_verified(order: Order, command: ConfirmOrder, policy: Policy) -> Iterable[Violation]:
    """What we will deliver is known once price, stock and requirements are."""
    if "verified" not in order.milestones or order.is_over:
        yield Violation("confirmation.not_verified", f"the order is {order.state}")


def nothing_has_been_shipped(order: Order, command: ConfirmOrder, policy: Policy) -> Iterable[Violation]:
    """What has left needs no answer any more."""
    if any(shipment.stage == "despatched" for shipment in order.shipments.values()):
        yield Violation("confirmation.too_late", "goods of this order have left")


def the_confirmed_lines_exist(order: Order, command: ConfirmOrder, policy: Policy) -> Iterable[Violation]:
    """Only lines of this order are answered."""
    for index, line in enumerate(command.lines):
        if line.line_id not in order.lines and line.line_id not in order.kits:
            yield Violation(
                "confirmation.unknown_line", f"there is no line {line.line_id!r}", f"lines[{index}].line_id"
            )


def every_unit_is_answered_once(order: Order, command: ConfirmOrder, policy: Policy) -> Iterable[Violation]:
    """The answers of a line, rejections apart, add up to the units that are wanted of it."""
    answered = _answered(order, command.lines)
    for line_id in order.lines:
        live, told = _wanted(order, line_id), answered.get(line_id, ZERO)
        if live != told:
            yield Violation(
                "confirmation.other_quantity",
                f"{plain(told)} of {plain(live)} units of {line_id} are answered",
                line_id,
                remedy="what is rejected is cancelled first",
            )


def the_buyer_is_asked(order: Order, command: Any, policy: Policy) -> Iterable[Violation]:
    """There is a confirmation that waits for the buyer's word."""
    if order.confirmation is None or order.confirmation.word != "waits":
        yield Violation("confirmation.nothing_to_agree", "no confirmation waits for the buyer's word")


def the_refused_lines_were_confirmed(order: Order, command: RefuseConfirmation, policy: Policy) -> Iterable[Violation]:
    """A buyer refuses what was said to it."""
    lines = order.confirmation.lines if order.confirmation is not None else ()
    told = {line.line_id for line in lines if line.answer != "rejected"}.union(_answered(order, lines))
    for index, number in enumerate(command.parts):
        if number > len(lines):
            yield Violation(
                "confirmation.unknown_part", f"the confirmation has {len(lines)} entries", f"parts[{index}]"
            )
    for index, line_id in enumerate(command.lines):
        if line_id not in told:
            yield Violation("confirmation.unknown_line", f"line {line_id!r} was not confirmed", f"lines[{index}]")


# -- decisions ------------------------------------------------------------------------------------------------------


def _answered(order: Order, lines: Iterable[ConfirmedLine]) -> Mapping[str, Decimal]:
    """How many units of each line were answered with anything but a rejection; kits by their components."""
    return order.in_components(total_by((one.line_id, one.quantity) for one in lines if one.answer != "rejected"))


def _confirm(order: Order, command: ConfirmOrder, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    return _confirmed(order, command.lines, policy, envelope.at)


def _confirmed(order: Order, lines: tuple[ConfirmedLine, ...], policy: Policy, at: datetime) -> Iterable[Event]:
    must_agree = policy.buyer_must_agree(order, lines)
    yield OrderConfirmed(at, lines, must_agree)
    held = tuple(_waiting(order))
    if must_agree and not held:
        told = "the buyer must agree to what was confirmed"
        yield HoldPlaced(at, next_id("H", order.holds), HOLD, "", _BLOCKED, told)
    elif not must_agree:
        yield from (HoldReleased(at, hold.id) for hold in held)
        yield from _agreed_prices(order, lines, at)


def _agreed_prices(order: Order, lines: Iterable[ConfirmedLine], at: datetime) -> Iterable[Event]:
    """Units that were confirmed at a price that nobody had quoted have that price now."""
    for line in lines:
        kit = order.kits.get(line.line_id)
        tranches = order.tranches.get(line.line_id, ()) if kit is None else kit.prices
        quoted = [(one.unit_price, one.base_quantity) for one in tranches]
        if line.answer == "rejected" or line.price is None or not quoted or (line.price, line.price_per) in quoted:
            continue
        prices = {line.line_id: PriceOverride(line.price, line.price_per)}
        agreed = overridden(order, prices, "as confirmed", at, most=line.quantity)
        if agreed is not None:
            order = agreed.apply(order)
            yield agreed


def _waiting(order: Order) -> Iterable[Hold]:
    return (hold for hold in order.active_holds if hold.code == HOLD)


def _accept(order: Order, command: AcceptConfirmation, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    assert order.confirmation is not None
    yield ConfirmationAccepted(envelope.at)
    yield from (HoldReleased(envelope.at, hold.id) for hold in _waiting(order))
    yield from _agreed_prices(order, order.confirmation.lines, envelope.at)


def _refuse(order: Order, command: RefuseConfirmation, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    reason = command.reason or envelope.reason
    refused = ConfirmationRefused(envelope.at, command.lines, reason, command.parts)
    yield refused
    if command.keep_rest:
        yield from _without_refused(refused.apply(order), reason, policy, envelope.at)
        return
    what = ", ".join((*command.lines, *(f"entry {number}" for number in command.parts))) or "the confirmation"
    told = f"the buyer refuses {what}{f': {reason}' if reason else ''}"
    options = ("confirm_again", "cancel_refused", "cancel_order")
    yield from raised(order, "confirmation.refused", "confirmation", told, options, envelope.at)


def _divided(order: Order, confirmation: Confirmation) -> tuple[list[ConfirmedLine], list[ConfirmedLine]]:
    """The entries to which the buyer did not agree, and the others; what is of a component is of its kit as well."""
    lines, parts = confirmation.refused, confirmation.refused_parts
    refused, kept = list[ConfirmedLine](), list[ConfirmedLine]()
    for number, line in enumerate(confirmation.lines, 1):
        kit = order.kit_of(line.line_id) if line.line_id in order.lines else None
        is_named = line.line_id in lines or (kit is not None and kit.id in lines)
        (refused if number in parts or is_named or not (parts or lines) else kept).append(line)
    return refused, kept


def _refused_units(
    order: Order, confirmation: Confirmation, refused: Iterable[ConfirmedLine], kept: Iterable[ConfirmedLine]
) -> dict[str, Decimal]:
    """The units of each line to which the buyer did not agree: of a component that it named, those in kits as well."""
    units, beside = dict(_answered(order, refused)), _answered(order, kept)
    for line_id in confirmation.refused:
        if line_id in beside:
            units[line_id] = EXACT.add(units.get(line_id, ZERO), beside[line_id])
    return units


def _without_refused(order: Order, reason: str, policy: Policy, at: datetime) -> Iterable[Event]:
    """What the buyer refused is cancelled, as far as that is still here; to the rest it has agreed."""
    assert order.confirmation is not None
    entries, kept = _divided(order, order.confirmation)
    units = _refused_units(order, order.confirmation, entries, kept)
    refused = {line_id: min(some, cancellable(order, line_id, policy)) for line_id, some in units.items()}
    told = reason or "refused by the buyer"
    if all(refused.get(line_id, ZERO) == still_wanted(order, line_id) for line_id in order.lines):
        yield CancellationRequested(at, told)
        return
    after = order
    for change in cancelled_or_wished(order, wished(order, refused, policy), told, at):
        after = change.apply(after)
        yield change
    yield ConfirmationAccepted(at)
    yield from (HoldReleased(at, hold.id) for hold in _waiting(order))
    yield from _agreed_prices(after, kept, at)


def _cancel_refused(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """What the buyer refused is cancelled, and the order goes on with the rest."""
    if order.confirmation is not None and order.confirmation.word == "refused":
        yield from _without_refused(order, case.message, policy, at)


def _confirm_again(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The order, as it is by now, is confirmed anew."""
    return _confirmed(order, tuple(policy.confirm(order)), policy, at)


def _cancel(order: Order, case: Case, policy: Policy, at: datetime) -> Iterable[Event]:
    """The order is cancelled, as far as that is still possible."""
    yield CancellationRequested(at, case.message)


# -- what follows ---------------------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    if "verified" not in order.milestones or order.is_over or order.is_told_of_stock:
        return
    yield from _settled_cases(order, at)
    if "confirm" not in policy.automatic or order.cancellation is not None or any(order.holds_on("confirm")):
        return
    if order.confirmation is None or (_is_out_of_date(order, order.confirmation) and not any(blockers(order))):
        lines = tuple(policy.confirm(order))
        if order.confirmation is None or _answered(order, lines) != _answered(order, order.confirmation.lines):
            yield from _confirmed(order, lines, policy, at)


def _is_out_of_date(order: Order, confirmation: Confirmation) -> bool:
    """Whether more is wanted than was confirmed, and nothing has left yet; what is cancelled needs no other answer."""
    if any(shipment.stage == "despatched" for shipment in order.shipments.values()):
        return False
    return order.worked_out("unconfirmed", (confirmation, order.ledger.lives, order.kits), _wants_more_than_confirmed)


def _wants_more_than_confirmed(order: Order) -> bool:
    assert order.confirmation is not None
    answered = _answered(order, order.confirmation.lines)
    return any(_wanted(order, line_id) > answered.get(line_id, ZERO) for line_id in order.lines)


def _wanted(order: Order, line_id: str) -> Decimal:
    """Units of a line that were ordered and not cancelled; what tolerance adds or closes needs no other answer."""
    return EXACT.subtract(order.ledger.ordered(line_id), order.ledger.balance(line_id, CANCELLED))


def _settled_cases(order: Order, at: datetime) -> Iterable[Event]:
    """A refused confirmation is settled by another one."""
    if order.confirmation is not None and order.confirmation.word != "refused":
        for case in order.open_cases:
            if case.code == "confirmation.refused":
                yield ExceptionResolved(at, case.id, "moot")


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    if order.confirmation is not None and order.confirmation.word == "waits" and not order.is_over:
        yield Wait("the buyer", "to agree to what was confirmed")


def _looks_at(order: Order) -> tuple[str, ...] | None:
    """Once what was ordered is answered, only more of it needs another answer."""
    if "verified" not in order.milestones:
        return ("milestones",)
    if order.confirmation is not None and _is_out_of_date(order, order.confirmation):
        return None
    return ("milestones", "ledger", "holds", "cases", "confirmation", "cancellation")


def _waits_for_the_buyer(order: Order) -> bool:
    return order.confirmation is not None and order.confirmation.word == "waits"


STAGE = Stage(
    name="confirmation",
    commands=(ConfirmOrder, AcceptConfirmation, RefuseConfirmation),
    events=(OrderConfirmed, ConfirmationAccepted, ConfirmationRefused),
    decisions=(
        Decision(
            ConfirmOrder,
            tiers=(
                (order_exists,),
                (the_confirmed_lines_exist,),
                (the_order_is_verified, nothing_has_been_shipped, order_not_cancelling, nothing_holds("confirm")),
                (every_unit_is_answered_once,),
            ),
            events=_confirm,
        ),
        Decision(
            AcceptConfirmation,
            tiers=((order_exists,), (the_buyer_is_asked, order_not_cancelling)),
            events=_accept,
            candidates=lambda order, policy: (AcceptConfirmation(order.id),) if _waits_for_the_buyer(order) else (),
        ),
        Decision(
            RefuseConfirmation,
            tiers=((order_exists,), (the_buyer_is_asked, order_not_cancelling), (the_refused_lines_were_confirmed,)),
            events=_refuse,
            candidates=lambda order, policy: (RefuseConfirmation(order.id),) if _waits_for_the_buyer(order) else (),
        ),
    ),
    follow=_follow,
    looks_at=_looks_at,
    settles=FrozenMap(
        {
            ("confirmation.refused", "confirm_again"): _confirm_again,
            ("confirmation.refused", "cancel_refused"): _cancel_refused,
            ("confirmation.refused", "cancel_order"): _cancel,
        }
    ),
    awaits=_awaits,
)
