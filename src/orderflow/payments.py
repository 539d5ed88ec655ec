"""Payments: what others told us of money that moved, and what was raised on paper.

A payment, a refund, the cash of a delivery: each is known by its *source* (a payment provider, a bank, a carrier) and
the *reference* that it has there. What is told of it are facts: it was authorized, captured, voided, it failed. A fact
that is told twice counts once, one of a higher revision takes the place of the one before, and the order in which they
come does not matter: what a payment comes to is derived from all of them. A refund that failed is no refund, whatever
was said of it before; one that is tried again is told with a higher revision.

Nothing here is refused and nothing is dropped: what does not fit is kept, and an anomaly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import attrs

from orderflow.documents import Document, Prices, Tally, tally_of
from orderflow.parts import Frozen
from orderflow.tracking import Anomaly
from orderflow.values.checked import evolved
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.money import Money, sum_money, zero
from orderflow.values.record import record

__all__ = ["CASH", "CHARGE_ON", "PAYMENT", "REFUND", "Payment", "PaymentFact", "Settlement"]

#: When charges are raised: when an order is confirmed, when goods leave, or when they arrive.
CHARGE_ON = ("order", "despatch", "delivery")
#: What can be told of a payment, of a refund, and of the cash that a carrier collects.
PAYMENT = ("authorized", "captured", "voided", "failed")
REFUND = ("requested", "refunded", "failed")
CASH = ("collected", "remitted")


@record
class PaymentFact:
    """What was told of a payment in one respect: the amount in all; ``also`` is another that was told with it."""

    amount: Money
    at: datetime
    revision: int = 0
    also: Money | None = None

    def and_told(self, other: PaymentFact) -> PaymentFact:
        """What counts of two of them: the higher revision; of one revision, the larger amount, and it is noted."""
        if other.revision != self.revision:
            return max(self, other, key=lambda fact: fact.revision)
        if other.amount == self.amount:
            return self
        first, second = sorted((self, other), key=_by_amount)
        return evolved(second, also=first.amount)


def _by_amount(fact: PaymentFact) -> tuple[str, Any]:
    return fact.amount.currency, fact.amount.amount


@record(slots=False)
class Payment(Frozen):
    """A payment, refund or collection of cash, as its source knows it, with all that was told of it."""

    source: str
    reference: str
    facts: FrozenMap[str, PaymentFact]
    method: str = ""
    shipment_id: str = ""

    @property
    def key(self) -> str:
        """What it is known by."""
        return f"{self.source}/{self.reference}"

    def told(self, state: str, fact: PaymentFact) -> Payment:
        """This payment after something more was told of it."""
        known = self.facts.get(state)
        return self.replace(facts=self.facts.set(state, fact if known is None else known.and_told(fact)))

    def amount(self, state: str, currency: str) -> Money:
        """How much was told in one respect; nothing where it is in another currency."""
        fact = self.facts.get(state)
        return fact.amount if fact is not None and fact.amount.currency == currency else zero(currency)

    def stands(self, state: str) -> bool:
        """Whether it was told, and did not fail: a failure says nothing about what a higher revision tells."""
        told, failed = self.facts.get(state), self.facts.get("failed")
        return told is not None and (failed is None or told.revision > failed.revision)

    def authorized(self, currency: str) -> Money:
        """How much may still be captured."""
        if not self.stands("authorized"):
            return zero(currency)
        return max(self.amount("authorized", currency) - self._used_up(currency), zero(currency))

    def contradicted_by(self, currency: str) -> Iterator[str]:
        """In which respects it is said of a payment that was captured that it was not."""
        if "captured" in self.facts and not self.facts["captured"].amount.is_zero:
            if "voided" in self.facts and self._used_up(currency) > self.amount("authorized", currency):
                yield "voided"
            if "failed" in self.facts and not self.stands("captured"):
                yield "failed"

    def _used_up(self, currency: str) -> Money:
        """How much of what was authorized was captured, or will never be."""
        return self.amount("captured", currency) + self.amount("voided", currency)

    def refunded(self, currency: str) -> Money:
        """How much the customer has got back: nothing, if that failed."""
        return self.amount("refunded", currency) if self.stands("refunded") else zero(currency)

    def refunding(self, currency: str) -> Money:
        """How much is on its way back to the customer."""
        is_on_its_way = self.stands("requested") and not self.stands("refunded")
        return self.amount("requested", currency) if is_on_its_way else zero(currency)


@record(slots=False)
class Settlement(Frozen):
    """Everything on paper, and all that was told of money, of one order.

    ``charge_on`` says when charges are raised (see `CHARGE_ON`); nothing: we raise none. ``awaited`` is what the
    customer was asked to pay before work begins.
    """

    charge_on: str = ""
    documents: FrozenMap[str, Document] = attrs.field(factory=FrozenMap)
    payments: FrozenMap[str, Payment] = attrs.field(factory=FrozenMap)
    refunds: FrozenMap[str, Payment] = attrs.field(factory=FrozenMap)
    cash: FrozenMap[str, Payment] = attrs.field(factory=FrozenMap)
    awaited: Money | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was raised, and nothing was told."""
        return not (self.documents or self.payments or self.refunds or self.cash)

    def told(
        self,
        held: Literal["payments", "refunds", "cash"],
        source: str,
        reference: str,
        state: str,
        fact: PaymentFact,
        shipment_id: str = "",
        method: str = "",
    ) -> Settlement:
        """This settlement after something was told of a payment, refund, or of cash."""
        known: FrozenMap[str, Payment] = getattr(self, held)
        one = known.get(f"{source}/{reference}") or Payment(source, reference, FrozenMap())
        one = one.replace(
            method=min(filter(None, (one.method, method)), default=""),
            shipment_id=min(filter(None, (one.shipment_id, shipment_id)), default=""),
        )
        return self.replace(**{held: known.set(one.key, one.told(state, fact))})

    def tally(self, prices: Prices) -> Tally:
        """What the documents have charged and credited. Worked out once."""
        known: Tally | None = self.remembered.get("tally")
        if known is None:
            known = self.remembered["tally"] = tally_of(self.documents.values(), prices)
        return known

    def of_kind(self, kind: str) -> tuple[Document, ...]:
        """The charges, or the credits."""
        return tuple(document for document in self.documents.values() if document.kind == kind)

    def next_document(self, kind: str) -> str:
        """The id of the next charge (I1, I2, ...) or credit (CN1, CN2, ...)."""
        return f"{'I' if kind == 'charge' else 'CN'}{len(self.of_kind(kind)) + 1}"

    def paid(self, currency: str) -> Money:
        """What the customer has paid: what was captured, and what carriers have collected."""
        captured = (one.amount("captured", currency) for one in self.payments.values())
        return sum_money((*captured, *(one.amount("collected", currency) for one in self.cash.values())), currency)

    def refunded(self, currency: str) -> Money:
        """What the customer has got back."""
        return sum_money((one.refunded(currency) for one in self.refunds.values()), currency)

    def collected(self, shipment_id: str, state: str, currency: str) -> Money:
        """The cash of a shipment that its carrier has collected, or remitted."""
        told = (one for one in self.cash.values() if one.shipment_id == shipment_id)
        return sum_money((one.amount(state, currency) for one in told), currency)

    def anomalies(self, currency: str, to_collect: Mapping[str, Money]) -> Iterator[Anomaly]:
        """What was told of money that does not fit."""
        for what, held in (("payment", self.payments), ("refund", self.refunds), ("cash", self.cash)):
            for one in held.values():
                yield from _anomalies(what, one, currency)
        too_much = self.refunded(currency) - self.paid(currency)
        if too_much > zero(currency):
            told = f"{too_much} more was paid back to the customer than the customer has paid"
            yield Anomaly("refund.more_than_paid", told, None, "")
        for shipment_id in dict.fromkeys(one.shipment_id for one in self.cash.values()):
            yield from self._cash_anomalies(shipment_id, currency, to_collect.get(shipment_id))

    def _cash_anomalies(self, shipment_id: str, currency: str, wanted: Money | None) -> Iterator[Anomaly]:
        collected, remitted = (self.collected(shipment_id, state, currency) for state in CASH)
        is_collected = any("collected" in one.facts for one in self.cash.values() if one.shipment_id == shipment_id)
        if wanted is None:
            yield Anomaly("cash.not_wanted", f"nothing was to be collected for {shipment_id}", None, shipment_id)
        elif is_collected and collected != wanted:
            told = f"{collected} was collected for {shipment_id} instead of {wanted}"
            yield Anomaly("cash.differs", told, None, shipment_id)
        if remitted > collected or (remitted < collected and not remitted.is_zero):
            told = f"of {collected} that was collected for {shipment_id}, {remitted} was remitted"
            yield Anomaly("cash.remitted_differs", told, None, shipment_id)


def _anomalies(what: str, one: Payment, currency: str) -> Iterator[Anomaly]:
    for state, fact in one.facts.items():
        if fact.amount.currency != currency:
            told = f"{what} {one.key} is {fact.amount}, and the order is in {currency}"
            yield Anomaly("payment.other_currency", told, None, one.key)
        if fact.also is not None:
            told = f"{what} {one.key} was {state} with {fact.also}, and with {fact.amount}"
            yield Anomaly("payment.contradicted", told, None, one.key)
    for state in one.contradicted_by(currency):
        told = f"payment {one.key} was captured, and is said to be {state}"
        yield Anomaly("payment.captured_after_all", told, None, one.key)
