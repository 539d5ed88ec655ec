"""The balance: what is owed, either way, and why.

*Payable* is what the customer is to pay in all: what was charged and not credited, and what is still to come for units
that were not charged yet. Against it stands what was paid and not refunded. From the two follows the one word for it,
`Balance.status`, and what is owed now, to us or to the customer. Nothing of this is stored: a late payment, a failed
refund, a credit change the facts, and the balance with them.

What documents charge may differ from what the quote says by some cents (see `orderflow.documents`); `difference` names
them in total.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from orderflow.charges import RoundingRule, Tranche
from orderflow.documents import Kept, Part, kept_of, not_billed, tally_of, to_be_charged
from orderflow.invoicing import worth_of
from orderflow.payments import Settlement
from orderflow.values.money import Money, sum_money, zero
from orderflow.values.numbers import EXACT
from orderflow.values.record import record

__all__ = ["Balance", "Entry", "balance_of", "billed_by_others", "still_to_charge"]


@record
class Entry:
    """A line of the statement: what happened, by which paper or reference, and what the customer owes more by it."""

    at: datetime
    what: str
    reference: str
    amount: Money

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d} {self.what} {self.reference} {self.amount}"


@record
class Balance:
    """What was charged, credited, paid and refunded, what is still to be charged, and what follows from it.

    ``difference`` is by how many cents all that is payable differs from what the order says (`Order.total`), fees and
    goodwill aside. ``entries`` are the statement: they sum to what is charged and was not paid.
    """

    charged: Money
    credited: Money
    to_come: Money
    paid: Money
    refunded: Money
    authorized: Money
    refunding: Money
    difference: Money
    has_given_back: bool
    raises_charges: bool
    entries: tuple[Entry, ...]

    @property
    def payable(self) -> Money:
        """What the customer is to pay in all, for what was not given back."""
        return self.charged - self.credited + self.to_come

    @property
    def kept(self) -> Money:
        """What the customer has paid and did not get back."""
        return self.paid - self.refunded

    @property
    def outstanding(self) -> Money:
        """What is still to be paid in all; below zero, what is owed to the customer."""
        return self.payable - self.kept

    @property
    def owed(self) -> Money:
        """What the customer owes now: what was charged (or, where we raise no charges, agreed) and was not paid."""
        now = self.outstanding - self.to_come if self.raises_charges else self.outstanding
        return max(now, zero(now.currency))

    @property
    def credit_owed(self) -> Money:
        """What we owe the customer: what was paid beyond everything payable."""
        return max(-self.outstanding, zero(self.paid.currency))

    @property
    def status(self) -> str:
        """One word: unpaid, authorized, partly paid, paid, overpaid, refunded, credit owed, or nothing owed."""
        nothing = zero(self.paid.currency)
        payable, kept = max(self.payable, nothing), self.kept
        if kept > payable:
            return "credit owed" if self.has_given_back else "overpaid"
        if kept == payable:
            if not payable.is_zero:
                return "paid"
            return "refunded" if self.refunded > nothing else "nothing owed"
        if kept > nothing:
            return "partly paid"
        return "authorized" if self.covers("authorized") else "unpaid"

    def covers(self, how: str) -> bool:
        """Whether everything payable is ``paid``, or at least ``authorized``."""
        nothing = zero(self.paid.currency)
        there = self.authorized if how == "authorized" else nothing
        return self.outstanding - there <= nothing

    def __str__(self) -> str:
        parts = [self.status, f"payable {self.payable}", f"paid {self.kept}"]
        if not self.credit_owed.is_zero:
            parts.append(f"owed to the customer {self.credit_owed}")
        elif not self.outstanding.is_zero:
            parts.append(f"outstanding {self.outstanding}")
        return " · ".join(parts)


Held: TypeAlias = Mapping[str, Sequence[Tranche]]
GivenBack: TypeAlias = Mapping[str, Sequence[Decimal]]
Billed: TypeAlias = Mapping[str, Decimal]


def billed_by_others(prices: Held, given_back: GivenBack, billed: Billed, rule: RoundingRule, currency: str) -> Money:
    """What units come to, by what was agreed, that others have billed, and that so are not ours to charge."""
    ours = {one.place: one for one in _kept(prices, given_back, billed)}
    parts: list[Part] = []
    for one in _kept(prices, given_back, {}):
        left = ours[one.place]
        if one.units != left.units:
            parts.append(Part(one.place, EXACT.subtract(one.units, left.units)))
        if one.measure != left.measure:
            pieces = EXACT.subtract(one.pieces, left.pieces)
            parts.append(Part(one.place, pieces, EXACT.subtract(one.measure, left.measure)))
    return worth_of(parts, tally_of((), prices), prices, rule, currency).total if parts else zero(currency)


def _kept(prices: Held, given_back: GivenBack, billed: Billed) -> Iterator[Kept]:
    for line_id, held in prices.items():
        kept = kept_of(line_id, held, given_back.get(line_id, ()))
        yield from not_billed(kept, billed[line_id]) if billed.get(line_id) else kept


def still_to_charge(
    settlement: Settlement, prices: Held, given_back: GivenBack, rule: RoundingRule, total: Money, billed: Billed
) -> Money:
    """What units come to that the customer is to pay for, and that no document charges yet, of ours or of others."""
    if not any(line.line_id for document in settlement.documents.values() for line in document.lines):
        return total
    tally = settlement.tally(prices)
    parts = to_be_charged(_kept(prices, given_back, billed), tally)
    return worth_of(parts, tally, prices, rule, total.currency).total if parts else zero(total.currency)


def balance_of(
    settlement: Settlement, total: Money, to_come: Money, has_given_back: bool, raises_charges: bool
) -> Balance:
    """The balance of an order of which so much is the total by its quotes, and so much is still to be charged."""
    currency = total.currency
    charges, credits = settlement.of_kind("charge"), settlement.of_kind("credit")
    charged = sum_money((document.total for document in charges), currency)
    credited = sum_money((document.total for document in credits), currency)
    payments, refunds = settlement.payments.values(), settlement.refunds.values()
    return Balance(
        charged,
        credited,
        to_come,
        settlement.paid(currency),
        settlement.refunded(currency),
        sum_money((payment.authorized(currency) for payment in payments), currency),
        sum_money((refund.refunding(currency) for refund in refunds), currency),
        charged - credited + to_come - total - _of_fees(settlement, currency),
        has_given_back or bool(credits) or any(document.total < zero(currency) for document in charges),
        raises_charges,
        tuple(sorted(_entries(settlement, currency), key=_by_time)),
    )


def _of_fees(settlement: Settlement, currency: str) -> Money:
    """What fees and goodwill come to."""
    fees = zero(currency)
    for document in settlement.documents.values():
        for line in document.lines:
            if not line.line_id:
                fees = fees + line.amounts.total if document.kind == "charge" else fees - line.amounts.total
    return fees


def _entries(settlement: Settlement, currency: str) -> Iterator[Entry]:
    for document in settlement.documents.values():
        is_charge = document.kind == "charge"
        yield Entry(document.at, document.kind, document.id, document.total if is_charge else -document.total)
    for what, state, held in (
        ("payment", "captured", settlement.payments),
        ("cash on delivery", "collected", settlement.cash),
    ):
        for one in held.values():
            if not (amount := one.amount(state, currency)).is_zero:
                yield Entry(one.facts[state].at, what, one.key, -amount)
    for one in settlement.refunds.values():
        if not (amount := one.refunded(currency)).is_zero:
            yield Entry(one.facts["refunded"].at, "refund", one.key, amount)


def _by_time(entry: Entry) -> datetime:
    return entry.at
