"""Settlement: what is charged, credited, paid, and given back in money.

Charges are *raised* when the order is confirmed, when goods leave, or when they arrive (``Policy.charge_on``, frozen
into the order when it is placed), and credits as soon as what was charged is not kept any more: because it was
cancelled, closed short, lost and refunded, or came back. Both follow from the state alone, so that nobody has to say
so: the documents are compared with what is kept, and the difference is raised (`orderflow.documents`).

Fees and goodwill are charges of their own, above and below zero. All goodwill together is never more than what the
customer is to pay: where that shrinks below it, because goods are given back, it is taken back as far.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from orderflow.charges import Amounts, TaxGroup, given_back, measured_back
from orderflow.documents import Document, DocumentLine, Kept, Part, kept_of, not_billed, to_be_charged, to_be_credited
from orderflow.errors import InvalidInput, Violation
from orderflow.invoicing import charge_of, credit_of, fee_line, taken_back
from orderflow.ledger import GIVEN_UP, HERE, kind_of, lost, shipped
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Order, Parcel
from orderflow.policy import Policy
from orderflow.stages.stage import Decision, Stage, order_exists, order_was_placed
from orderflow.values.checked import as_flag, checked, optional
from orderflow.values.ids import as_id, as_reference, as_text
from orderflow.values.money import Money, as_money
from orderflow.values.numbers import EXACT, ZERO, total

__all__ = [
    "STAGE",
    "ChargeFee",
    "ChargeRaised",
    "CreditRaised",
    "GrantGoodwill",
    "WaiveFee",
    "kept_by_now",
    "still_to_arrive",
    "to_be_raised",
]


# -- commands ---------------------------------------------------------------------------------------------------------


def _as_amount(raw: Any) -> Money:
    """Money above nothing."""
    money = as_money(raw)
    if money.amount <= ZERO:
        raise InvalidInput.because("settlement.not_positive", "must be more than nothing")
    return money


def _as_group(raw: Any) -> TaxGroup:
    if not isinstance(raw, TaxGroup):
        raise InvalidInput.because("settlement.not_a_tax_group", f"must be a TaxGroup, not {type(raw).__name__}")
    return raw


@command("charge_fee")
class ChargeFee(Command):
    """Charge something that is no goods of this order: express handling, a late change. It is taxed by its group.

    ``amount`` is before tax, or ``with_tax``.
    """

    order_id: str = checked(as_id)
    code: str = checked(as_reference)
    amount: Money = checked(_as_amount)
    tax_group: TaxGroup | None = checked(optional(_as_group), default=None)
    with_tax: bool = checked(as_flag, default=False)
    description: str = checked(as_text(1000), default="", personal=True)


@command("grant_goodwill")
class GrantGoodwill(Command):
    """Give the customer something back out of goodwill: never more than is to be paid. ``amount`` is with tax."""

    order_id: str = checked(as_id)
    code: str = checked(as_reference)
    amount: Money = checked(_as_amount)
    tax_group: TaxGroup | None = checked(optional(_as_group), default=None)
    with_tax: bool = checked(as_flag, default=True)
    description: str = checked(as_text(1000), default="", personal=True)


@command("waive_fee")
class WaiveFee(Command):
    """Credit a fee that was charged: all that is left of it, or an amount with tax."""

    order_id: str = checked(as_id)
    document_id: str = checked(as_id)
    amount: Money | None = checked(optional(_as_amount), default=None)


# -- events -----------------------------------------------------------------------------------------------------------


def _filed(order: Order, document: Document) -> Order:
    documents = order.settlement.documents.set(document.id, document)
    return order.replace(settlement=order.settlement.replace(documents=documents))


@event("charge_raised")
class ChargeRaised(Event):
    """Goods, or a fee, were charged: an invoice. Below zero it is goodwill."""

    document_id: str
    lines: tuple[DocumentLine, ...]
    difference: Amounts
    reason: str = ""

    def apply(self, order: Order) -> Order:
        """There is a charge more."""
        return _filed(order, Document(self.document_id, "charge", self.at, self.lines, self.difference, self.reason))


@event("credit_raised")
class CreditRaised(Event):
    """What was charged, and is not kept, was credited: a credit note; each line cites the charge."""

    document_id: str
    lines: tuple[DocumentLine, ...]
    difference: Amounts
    reason: str = ""

    def apply(self, order: Order) -> Order:
        """There is a credit more."""
        return _filed(order, Document(self.document_id, "credit", self.at, self.lines, self.difference, self.reason))


# -- what is kept by now ----------------------------------------------------------------------------------------------

#: Kinds of accounts whose units have left and not arrived.
_UNDER_WAY = frozenset({"shipped", "lost"})


def kept_by_now(order: Order) -> Iterable[Kept]:
    """What the customer is to pay for by now: of each price what is not given back, and has got as far as that.

    What has not got so far is taken as if it were given back: of the newest price first, so that what leaves first has
    the oldest. What others have billed is not ours to charge.
    """
    waiting, billed = _waiting(order), order.billed_by_others
    for line_id, tranches in order.tranches.items():
        back: Any = order.given_back.get(line_id, ())
        units, goods = waiting.get(line_id, (ZERO, ()))
        for pieces, measure in goods:
            there = total(EXACT.subtract(one.measured_units, one.measured_units_back) for one in tranches)
            units = EXACT.add(units, max(ZERO, EXACT.subtract(pieces, there)))
            tranches, back = measured_back(tranches, back, pieces, measure)
        if units:
            back = given_back(tranches, back, units)
        kept = kept_of(line_id, tranches, back)
        yield from not_billed(kept, billed[line_id]) if billed.get(line_id) else kept


def _waiting(order: Order) -> Mapping[str, tuple[Decimal, tuple[tuple[Decimal, Decimal], ...]]]:
    """Priced units of each line that are not to be charged yet, and goods among them that were measured."""
    if order.settlement.charge_on == "order":
        return {}
    found: dict[str, tuple[Decimal, tuple[tuple[Decimal, Decimal], ...]]] = {}
    for line_id in order.tranches:
        units, goods = _not_left(order, line_id), []
        for parcel, away in _on_its_way(order, line_id) if order.settlement.charge_on == "delivery" else ():
            measure = parcel.measure_of(line_id, away) if order.lines[line_id].measure_unit else None
            if measure is None:
                units = EXACT.add(units, away)
            else:
                goods.append((away, measure))
        units = EXACT.subtract(units, order.unpriced(line_id))
        if units > 0 or goods:
            found[line_id] = max(ZERO, units), tuple(goods)
    return found


def still_to_arrive(order: Order, parcel_id: str) -> frozenset[str]:
    """The lines of which units left in a parcel that are still to arrive, by this parcel or a later one."""
    return frozenset(
        line_id for line_id in order.lines for one, away in _on_its_way(order, line_id) if one.id == parcel_id and away
    )


def _not_left(order: Order, line_id: str) -> Decimal:
    here = ZERO
    for account, units in order.ledger.accounts(line_id):
        if kind_of(account) in HERE:
            here = EXACT.add(here, units)
    return here


def _on_its_way(order: Order, line_id: str) -> Iterable[tuple[Parcel, Decimal]]:
    """Units of a line that have left and did not arrive yet: neither credited, nor arrived by another line instead."""
    for parcel in order.parcels.values():
        away = _brought_back(order, parcel, line_id)
        for account in (shipped(parcel.id), lost(parcel.id)):
            away = EXACT.add(away, order.ledger.balance(line_id, account))
        if away:
            away = EXACT.subtract(away, parcel.credited.get(line_id, ZERO))
            for other in parcel.replacements.get(line_id, ()):
                away = EXACT.subtract(away, _arrived(order, other))
        if away > 0:
            yield parcel, away


def _brought_back(order: Order, parcel: Parcel, line_id: str) -> Decimal:
    """Units that came back without having arrived: neither credited, sent once more, nor replaced by what arrived."""
    units = ZERO
    for known in order.returns.values():
        if known.kind != "undelivered" or known.parcel_id != parcel.id:
            continue
        came = total(m.quantity for m in known.taken if m.line_id == line_id and kind_of(m.source) in _UNDER_WAY)
        done = EXACT.add(known.credited.get(line_id, ZERO), known.sent_back.get(line_id, ZERO))
        if known.resolution == "replacement":
            done = EXACT.add(done, total(_arrived(order, other) for other in known.successors.get(line_id, ())))
        units = EXACT.add(units, max(ZERO, EXACT.subtract(came, done)))
    return units


def _arrived(order: Order, line_id: str) -> Decimal:
    """Units of a line that are wanted, and neither here nor on their way."""
    units = EXACT.subtract(order.live_quantity(line_id), _not_left(order, line_id))
    for _, away in _on_its_way(order, line_id):
        units = EXACT.subtract(units, away)
    return units


# -- rules ------------------------------------------------------------------------------------------------------------


def we_settle(order: Order, command: Command, policy: Policy) -> Iterable[Violation]:
    """What is charged and credited is ours to decide."""
    if "settlement" in order.theirs:
        yield Violation("settlement.theirs", "others charge and credit this order", "order_id")


def the_amount_is_in_the_currency_of_the_order(order: Order, command: Any, policy: Policy) -> Iterable[Violation]:
    """An order is charged in one currency."""
    if command.amount is not None and command.amount.currency != order.currency:
        yield Violation("settlement.other_currency", f"the order is in {order.currency}", "amount")


def the_amount_is_in_whole_cents(order: Order, command: Any, policy: Policy) -> Iterable[Violation]:
    """What is charged can be paid."""
    if command.amount is not None and command.amount != command.amount.rounded():
        yield Violation("settlement.not_rounded", f"{command.amount} is no amount that can be paid", "amount")


def goodwill_is_not_more_than_is_to_be_paid(
    order: Order, command: GrantGoodwill, policy: Policy
) -> Iterable[Violation]:
    """Nobody is given more than what is charged, or is to be."""
    most, wanted = order.balance.payable, _fee(order, command).amounts.total
    if wanted > most:
        told = f"{wanted} are more than what is to be paid: {most}"
        yield Violation("settlement.goodwill_too_high", told, "amount")


def the_fee_was_charged(order: Order, command: WaiveFee, policy: Policy) -> Iterable[Violation]:
    """The document is a charge of a fee."""
    document = order.settlement.documents.get(command.document_id)
    if document is None or not _is_of_fee(document) or document.total.amount <= ZERO:
        yield Violation("settlement.no_such_fee", f"{command.document_id!r} charges no fee", "document_id")


def no_more_of_the_fee_is_waived_than_is_left(order: Order, command: WaiveFee, policy: Policy) -> Iterable[Violation]:
    """A fee is credited once."""
    left = _left_of(order, order.settlement.documents[command.document_id])
    if left.is_zero or (command.amount is not None and command.amount > left):
        yield Violation("settlement.fee_too_low", f"{left} of {command.document_id} are left", "amount")


# -- decisions --------------------------------------------------------------------------------------------------------


def _fee(order: Order, command: ChargeFee | GrantGoodwill, sign: int = 1) -> DocumentLine:
    rounding = order.rounding.rounding
    amount = command.amount * sign
    return fee_line(command.code, amount, command.tax_group, command.with_tax, rounding, command.description)


def _charge_fee(order: Order, command: ChargeFee, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    yield _raised(order, (_fee(order, command),), Amounts.none(order.currency), "fee", envelope.at)


def _grant(order: Order, command: GrantGoodwill, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    yield _raised(order, (_fee(order, command, -1),), Amounts.none(order.currency), "goodwill", envelope.at)


def _raised(
    order: Order, lines: tuple[DocumentLine, ...], difference: Amounts, reason: str, at: datetime
) -> ChargeRaised:
    return ChargeRaised(at, order.settlement.next_document("charge"), lines, difference, reason)


def _waive(order: Order, command: WaiveFee, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    document = order.settlement.documents[command.document_id]
    part = taken_back(document, command.amount or _left_of(order, document))
    yield _credited(order, (part,), "fee", envelope.at)


def _credited(order: Order, parts: tuple[Part, ...], reason: str, at: datetime) -> CreditRaised:
    settlement = order.settlement
    tally, rule = settlement.tally(order.tranches), order.rounding
    lines, difference = credit_of(parts, tally, settlement.documents, order.tranches, rule, order.currency)
    return CreditRaised(at, settlement.next_document("credit"), lines, difference, reason)


def _is_of_fee(document: Document) -> bool:
    return document.kind == "charge" and not document.lines[0].line_id


def _left_of(order: Order, document: Document) -> Money:
    """What was not credited yet of a fee, or not taken back of goodwill; above nothing."""
    back, _ = order.settlement.tally(order.tranches).back.get((document.id, 0), (ZERO, ZERO))
    return Money(EXACT.subtract(document.lines[0].size, back), order.currency)


# -- what follows -----------------------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    return to_be_raised(order, at)


def to_be_raised(order: Order, at: datetime) -> Iterable[Event]:
    """What is to be credited and charged now; what of goodwill is to be taken back, once nothing is."""
    if "settlement" in order.theirs:
        return
    settlement, charges_now = order.settlement, _charges_now(order)
    if charges_now or settlement.documents:
        tally, kept = settlement.tally(order.tranches), tuple(kept_by_now(order))
        credited = to_be_credited(kept, tally, tuple(settlement.documents.values()))
        charged = to_be_charged(kept, tally) if charges_now else ()
        if credited:
            yield _credited(order, credited, _why_credited(credited, charged), at)
        if charged:
            lines, difference = charge_of(charged, tally, order.tranches, order.rounding, order.currency)
            yield _raised(order, lines, difference, settlement.charge_on, at)
        if credited or charged:
            return
    yield from _goodwill_taken_back(order, at)


def _why_credited(credited: Iterable[Part], charged: Iterable[Part]) -> str:
    """What is charged anew in the same moment was not given back: it has another price."""
    anew = {one.place[0] for one in charged}
    return "price_changed" if all(one.place[0] in anew for one in credited) else "given_back"


def _charges_now(order: Order) -> bool:
    """Whether what is kept by now may be charged: what a buyer must agree to, once it has."""
    charge_on = order.settlement.charge_on
    if charge_on == "order":
        confirmation = order.confirmation
        is_agreed = "confirmed" in order.milestones or "in_fulfillment" in order.milestones
        return is_agreed and (confirmation is None or confirmation.word != "waits")
    return bool(charge_on) and not order.ledger.kinds <= _NEVER_LEFT


_NEVER_LEFT = HERE | GIVEN_UP


def _goodwill_taken_back(order: Order, at: datetime) -> Iterable[Event]:
    """What was granted beyond what is to be paid by now: of the newest goodwill first."""
    granted = [one for one in order.settlement.documents.values() if _is_of_fee(one) and one.total.amount < ZERO]
    for document in reversed(granted):
        too_much, left = -order.balance.payable, _left_of(order, document)
        if too_much.amount > ZERO and not left.is_zero:
            yield _credited(order, (taken_back(document, min(too_much, left)),), "goodwill", at)
            return


_CHARGED = (
    "settlement",
    "tranches",
    "given_back",
    "ledger",
    "unbilled",
    "milestones",
    "confirmation",
    "parcels",
    "observed",
    "returns",
)


def _looks_at(order: Order) -> tuple[str, ...]:
    """Where we charge nothing, and nothing was charged, nothing follows."""
    return _CHARGED if order.settlement.charge_on or order.settlement.documents else ("settlement",)


_WHOLE_AMOUNT = (the_amount_is_in_the_currency_of_the_order, the_amount_is_in_whole_cents)

STAGE = Stage(
    name="settlement",
    commands=(ChargeFee, GrantGoodwill, WaiveFee),
    events=(ChargeRaised, CreditRaised),
    decisions=(
        Decision(ChargeFee, tiers=((order_exists, order_was_placed), (we_settle, *_WHOLE_AMOUNT)), events=_charge_fee),
        Decision(
            GrantGoodwill,
            tiers=(
                (order_exists, order_was_placed),
                (we_settle, *_WHOLE_AMOUNT),
                (goodwill_is_not_more_than_is_to_be_paid,),
            ),
            events=_grant,
        ),
        Decision(
            WaiveFee,
            tiers=(
                (order_exists, order_was_placed),
                (we_settle, the_fee_was_charged, *_WHOLE_AMOUNT),
                (no_more_of_the_fee_is_waived_than_is_left,),
            ),
            events=_waive,
        ),
    ),
    follow=_follow,
    looks_at=_looks_at,
)
