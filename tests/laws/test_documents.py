"""Documents: whatever is ordered, sent, lost, cancelled and given back, credits take back exactly what was charged.

An auditor reads the documents as a stranger would: he adds up what credits take of each charge, works out taxes and
worths with fractions of his own, and counts by himself how many units of each line are to be paid for.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow import invoicing, payments
from orderflow.balance import balance_of
from orderflow.charges import COMPONENTS, RoundingRule, TaxGroup
from orderflow.documents import Document, DocumentLine, Part, Tally, tally_of
from orderflow.invoicing import worth_of
from orderflow.ledger import CANCELLED, CLOSED_SHORT, OPEN, ORDERED, SURPLUS, Account, Ledger, Move, delivered, shipped
from orderflow.order import Goods, Line, Order, Parcel
from orderflow.payments import CASH, CHARGE_ON, PAYMENT, REFUND, PaymentFact, Settlement
from orderflow.stages import settlement
from orderflow.stages.losses import GoodsCredited
from orderflow.stages.pricing import PriceQuoted
from orderflow.stages.settlement import to_be_raised
from orderflow.values import FrozenMap, Money, zero
from orderflow.values.checked import evolved
from orderflow.values.numbers import EXACT, Rounding
from tests.laws.test_money import DIGITS, rounded
from tests.laws.test_surplus_money import a_tranche
from tests.scenario import NOW, D

NOTHING = Decimal(0)
GROUPS = (TaxGroup("standard", D("0.19")), TaxGroup("reduced", D("0.07")), None)
#: Rope by the metre, pots by the piece, hams by the piece and priced by the kilogram.
LINES = {"L1": Line("L1", "ROPE"), "L2": Line("L2", "POT")}
HAM = Line("L3", "HAM", "piece", measure_unit="kg", estimated_measure=D(7), estimated_for=D(6))

rules = st.builds(
    RoundingRule, st.sampled_from(Rounding), st.sampled_from(["line", "document"]), st.sampled_from([None, "group"])
)
steps = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "leave",
                "leave",
                "arrive",
                "lose",
                "come_back",
                "cancel",
                "close_short",
                "order_more",
                "surplus",
                "unbilled",
            ]
        ),
        st.sampled_from(["L1", "L1", "L2", "L3"]),
        st.integers(1, 1000),
    ),
    max_size=14,
)
prices = st.decimals(Decimal("0.001"), Decimal("99.999"), places=3)


class Till:
    """An order whose documents follow from what happens to it, and how many units the auditor has seen where."""

    def __init__(self, currency: str, rule: RoundingRule, charge_on: str, with_tax: bool) -> None:
        order = Order("main", "main", "A-1", "A-1", 0, "verified", currency, NOW, rounding=rule)
        self.order = order.replace(
            lines=FrozenMap({**LINES, "L3": HAM}),
            ledger=Ledger(),
            milestones=FrozenMap({"confirmed": NOW}),
            settlement=Settlement(charge_on),
        )
        self.with_tax = with_tax
        self.here: Counter[str] = Counter()
        self.away: Counter[str] = Counter()
        self.there: Counter[str] = Counter()
        self.free: Counter[str] = Counter()
        self.priced: Counter[str] = Counter()
        self.read: list[Document] = []

    # -- what happens ------------------------------------------------------------------------------------------------

    def does(self, name: str, line_id: str, thousandths: int, price: Decimal) -> None:
        units = D(thousandths % 5 + 1) if line_id != "L1" else EXACT.scaleb(D(thousandths), -2)
        getattr(self, name)(line_id, units, price)
        self.settles()

    def settles(self) -> None:
        for _ in range(6):
            found = tuple(to_be_raised(self.order, NOW))
            if not found:
                return
            for event in found:
                self.order = event.apply(self.order)  # type: ignore[arg-type]
        raise AssertionError("there is no end of documents")

    def order_more(self, line_id: str, units: Decimal, price: Decimal) -> None:
        self.order = self.order.moved([Move(line_id, ORDERED, OPEN, units)])
        number = sum(map(len, self.order.tranches.values()))
        tranche = evolved(
            a_tranche(line_id, units, price, self.order.currency),
            measure=self.order.lines[line_id].estimate(units),
            tax_group=GROUPS[number * 2 // 3 % 3],
            tax_included=self.with_tax,
        )
        self.order = PriceQuoted(NOW, (tranche,)).apply(self.order)
        self.here[line_id] += units
        self.priced[line_id] += units

    def leave(self, line_id: str, units: Decimal, price: Decimal) -> None:
        self._sent(line_id, min(units, self.here[line_id]), OPEN, price)

    def surplus(self, line_id: str, units: Decimal, price: Decimal) -> None:
        if self.order.tranches.get(line_id):
            self.here[line_id] += units
            self.priced[line_id] += units
            self._sent(line_id, units, SURPLUS, price)

    def unbilled(self, line_id: str, units: Decimal, price: Decimal) -> None:
        if self.order.tranches.get(line_id) and line_id != "L3":
            self.here[line_id] += units
            self.free[line_id] += units
            self._sent(line_id, units, SURPLUS, price, {line_id: units})

    def _sent(self, line_id: str, units: Decimal, source: Account, price: Decimal, unbilled: Any = None) -> None:
        if not units:
            return
        name, each = f"P{len(self.order.parcels) + 1}", D("0.7") + D(int(price) % 90) / 100
        measured = each * units if line_id == "L3" and price != int(price) else None
        parcel = Parcel(name, "F1", "packed", (Goods(line_id, units, measured=measured),))
        self.order = self.order.replace(parcels=self.order.parcels.set(name, parcel))
        self.order = self.order.moved([Move(line_id, source, shipped(name), units)], unbilled or {})
        self.here[line_id] -= units
        self.away[line_id] += units

    def arrive(self, line_id: str, units: Decimal, price: Decimal) -> None:
        for parcel in self._on_their_way(line_id):
            held = self.order.ledger.balance(line_id, shipped(parcel.id))
            if parcel.credited:
                continue
            self.order = self.order.moved([Move(line_id, shipped(parcel.id), delivered(parcel.id), held)])
            self.away[line_id] -= held
            self.there[line_id] += held
            return

    def lose(self, line_id: str, units: Decimal, price: Decimal) -> None:
        """A parcel is lost, and its units are refunded; of hams, the customer sends back what was on its way."""
        for parcel in self._on_their_way(line_id):
            held = self.order.ledger.balance(line_id, shipped(parcel.id)) - parcel.credited.get(line_id, NOTHING)
            taken = min(units, held, self.priced[line_id])
            if not taken:
                return
            if line_id == "L3":
                self.order = self.order.moved([Move(line_id, shipped(parcel.id), CANCELLED, taken)])
            else:
                credit = GoodsCredited(NOW, parcel.id, "delivery.lost", FrozenMap({line_id: taken}))
                self.order = credit.apply(self.order)
            self.away[line_id] -= taken
            self.priced[line_id] -= taken
            return

    def come_back(self, line_id: str, units: Decimal, price: Decimal) -> None:
        """Units that had arrived are given back, by the one way there is for units that had left."""
        taken = min(units, self.there[line_id], self.priced[line_id])
        if not taken:
            return
        if line_id == "L3":
            name = next(a for a, _ in self.order.ledger.accounts(line_id) if a.startswith("delivered:"))
            taken = min(taken, self.order.ledger.balance(line_id, name))
            self.order = self.order.moved([Move(line_id, name, CANCELLED, taken)])
        else:
            self.order = self.order.refunding({line_id: taken})
        self.there[line_id] -= taken
        self.priced[line_id] -= taken

    def cancel(self, line_id: str, units: Decimal, price: Decimal) -> None:
        self._given_up(line_id, units, CANCELLED)

    def close_short(self, line_id: str, units: Decimal, price: Decimal) -> None:
        self._given_up(line_id, units, CLOSED_SHORT)

    def _given_up(self, line_id: str, units: Decimal, target: Account) -> None:
        """Units that cost nothing go first."""
        if units := min(units, self.here[line_id]):
            self.order = self.order.moved([Move(line_id, OPEN, target, units)])
            free = min(units, self.free[line_id])
            self.here[line_id] -= units
            self.free[line_id] -= free
            self.priced[line_id] -= units - free

    def _on_their_way(self, line_id: str) -> list[Parcel]:
        there = [(one, self.order.ledger.balance(line_id, shipped(one.id))) for one in self.order.parcels.values()]
        return [one for one, held in there if held > one.credited.get(line_id, NOTHING)]

    def everything_comes_back(self) -> None:
        for line_id in self.order.lines:
            self._given_up(line_id, D(10**6), CANCELLED)
            self.settles()
            while self._on_their_way(line_id) and self.priced[line_id]:
                self.lose(line_id, D(10**6), D(1))
                self.settles()
            while self.there[line_id] and self.priced[line_id]:
                self.come_back(line_id, D(10**6), D(1))
                self.settles()

    # -- what the auditor says ---------------------------------------------------------------------------------------

    def due(self, line_id: str) -> Decimal:
        """How many units of a line are to be paid for by now."""
        waiting = {
            "order": NOTHING,
            "despatch": self.here[line_id],
            "delivery": self.here[line_id] + self.away[line_id],
        }
        return max(NOTHING, self.priced[line_id] - waiting[self.order.settlement.charge_on])


def audited(till: Till) -> None:
    order, settlement = till.order, till.order.settlement
    papers = list(settlement.documents.values())
    assert papers[: len(till.read)] == till.read, "what was raised is not changed"
    till.read = papers
    digits = DIGITS[order.currency]
    for paper in papers:
        assert paper.lines
        for line in paper.lines:
            for name in COMPONENTS:
                cents = Fraction(getattr(line.amounts, name).amount) * 10**digits
                assert cents.denominator == 1, "what is charged can be paid"
    credits_take_no_more_than_was_charged(papers, till.with_tax)
    taxes_are_those_of_the_document(order, papers)
    for line_id in order.lines:
        assert units_on(papers, line_id) == till.due(line_id), line_id
    worth_is_what_was_agreed(order, papers, digits)
    everything_is_named(order, papers)


def credits_take_no_more_than_was_charged(papers: list[Document], with_tax: bool) -> None:
    """By line in units, by component and tax group of each charge; where prices are shown with tax, all before it."""
    charges = {paper.id: paper for paper in papers if paper.kind == "charge"}
    back: dict[str, list[DocumentLine]] = {}
    for paper in papers:
        for line in paper.lines:
            assert bool(line.cites) == (paper.kind == "credit")
            if paper.kind == "credit":
                assert papers.index(charges[line.cites]) < papers.index(paper)
                back.setdefault(line.cites, []).append(line)
    for number, taken in back.items():
        charge = charges[number]
        for index, line in enumerate(charge.lines):
            mine = [one for one in taken if one.cited_line == index]
            assert {(one.line_id, one.tranche) for one in mine} <= {(line.line_id, line.tranche)}
            assert all((one.measure is None) == (line.measure is None) for one in mine)
            assert sum((one.size for one in mine), NOTHING) <= line.size
            assert sum((one.quantity for one in mine), NOTHING) <= line.quantity
        for group in {line.tax_group for line in charge.lines}:
            for name in (*COMPONENTS, "before_tax", "total"):
                was = sum(getattr(line.amounts, name).amount for line in charge.lines if line.tax_group == group)
                now = sum(getattr(line.amounts, name).amount for line in taken if line.tax_group == group)
                if name != "net" or not with_tax:
                    assert abs(now) <= abs(was), (number, group, name, now, was)
                    assert now * was >= 0


def taxes_are_those_of_the_document(order: Order, papers: list[Document]) -> None:
    """Tax rounds once for each group of a charge, over what its units were agreed to cost."""
    for paper in papers:
        for group in {line.tax_group for line in paper.lines if paper.kind == "charge"}:
            mine = [line for line in paper.lines if line.tax_group == group]
            exact = sum((exactly(order, line, "tax") for line in mine), Fraction())
            tax = sum((Fraction(line.amounts.tax.amount) for line in mine), Fraction())
            assert tax == rounded(exact, DIGITS[order.currency], order.rounding.rounding)


def exactly(order: Order, line: DocumentLine, name: str) -> Fraction:
    """What the units of a document's line were agreed to cost, unrounded."""
    tranche = order.tranches[line.line_id][line.tranche]
    agreed = Fraction(getattr(tranche.amounts, name).amount)
    if line.measure is None:
        return agreed * Fraction(line.quantity) / Fraction(tranche.quantity)
    assert tranche.measure is not None
    return agreed * Fraction(line.measure) / Fraction(tranche.measure)


def units_on(papers: list[Document], line_id: str) -> Decimal:
    """Units of a line that are charged and were not credited."""
    sign = {"charge": 1, "credit": -1}
    return sum(
        (line.quantity * sign[paper.kind] for paper in papers for line in paper.lines if line.line_id == line_id),
        NOTHING,
    )


def worth_is_what_was_agreed(order: Order, papers: list[Document], digits: int) -> None:
    """Charges less credits are worth what was agreed for the units left, but for a cent for each line of a document."""
    sign = {"charge": 1, "credit": -1}
    for name in (*COMPONENTS[1:], "total"):
        left, exact, lines = Fraction(), Fraction(), 0
        for paper in papers:
            for line in paper.lines:
                left += sign[paper.kind] * Fraction(getattr(line.amounts, name).amount)
                agreed = COMPONENTS if name == "total" else (name,)
                exact += sign[paper.kind] * sum(exactly(order, line, one) for one in agreed)
                lines += len(agreed)
        assert abs(left - exact) <= Fraction(lines, 10**digits)


def everything_is_named(order: Order, papers: list[Document]) -> None:
    """Without the cents that are named, documents come to F of what was charged, less F of what was credited."""
    sign = {"charge": 1, "credit": -1}
    named = sum((sign[paper.kind] * Fraction(paper.rounding.amount) for paper in papers), Fraction())
    left = sum((sign[paper.kind] * Fraction(paper.total.amount) for paper in papers), Fraction())
    assert left - named == by_the_quote(order, papers, "charge") - by_the_quote(order, papers, "credit")
    assert Fraction(order.balance.payable.amount) == left + Fraction(order.balance.to_come.amount)
    assert order.balance.difference == order.balance.payable - order.total


def by_the_quote(order: Order, papers: list[Document], kind: str) -> Fraction:
    """All units of one kind of documents as the quote rounds them: each price by itself, a group's tax, or together."""
    rule, digits = order.rounding, DIGITS[order.currency]
    sums: dict[object, Fraction] = {}
    for paper in papers:
        for line in paper.lines if paper.kind == kind else ():
            tranche = order.tranches[line.line_id][line.tranche]
            alone = line.place if rule.per == "line" else None
            names = [name for name in COMPONENTS if name == "tax" or not tranche.tax_included]
            for name in names if not tranche.tax_included else ["gross"]:
                company = tranche.tax_group if name == "tax" and rule.tax_per == "group" else alone
                exact = (
                    sum((exactly(order, line, one) for one in COMPONENTS), Fraction())
                    if name == "gross"
                    else exactly(order, line, name)
                )
                key = (name, company, name == "tax" and rule.tax_per == "group")
                sums[key] = sums.get(key, Fraction()) + exact
    return sum((rounded(exact, digits, rule.rounding) for exact in sums.values()), Fraction())


def tell(
    currency: str,
    rule: RoundingRule,
    charge_on: str,
    with_tax: bool,
    taken: list[tuple[str, str, int]],
    price: Decimal,
) -> Till:
    """A whole story; the auditor comes after every step, and when everything was given back."""
    till = Till(currency, rule, charge_on, with_tax)
    for line_id, units in (("L1", D("3.7")), ("L2", D(5)), ("L3", D(6))):
        till.order_more(line_id, units, price)
    till.settles()
    audited(till)
    for name, line_id, thousandths in taken:
        till.does(name, line_id, thousandths, price)
        audited(till)
    till.everything_comes_back()
    audited(till)
    nothing_is_left(till)
    return till


def nothing_is_left(till: Till) -> None:
    """Everything was given back: every charge is credited as it was charged, to the cent, by component and group."""
    papers = till.order.settlement.documents.values()
    for charge in till.order.settlement.of_kind("charge"):
        for group in {line.tax_group for line in charge.lines}:
            for name in COMPONENTS:
                was = sum(getattr(line.amounts, name).amount for line in charge.lines if line.tax_group == group)
                now = sum(
                    getattr(line.amounts, name).amount
                    for paper in papers
                    for line in paper.lines
                    if line.cites == charge.id and line.tax_group == group
                )
                assert was == now, (charge.id, group, name)
    assert till.order.balance.payable.is_zero


@settings(max_examples=120)
@given(st.sampled_from(sorted(DIGITS)), rules, st.sampled_from(CHARGE_ON), st.booleans(), steps, prices)
def test_credits_take_back_exactly_what_was_charged(
    currency: str,
    rule: RoundingRule,
    charge_on: Literal["order", "despatch", "delivery"],
    with_tax: bool,
    taken: list[tuple[str, str, int]],
    price: Decimal,
) -> None:
    tell(currency, rule, charge_on, with_tax, taken, price)


# -- it bites ---------------------------------------------------------------------------------------------------------

STORY = [
    ("leave", "L1", 233),
    ("leave", "L2", 1),
    ("order_more", "L2", 2),
    ("arrive", "L1", 1),
    ("come_back", "L1", 71),
    ("come_back", "L1", 50),
    ("leave", "L3", 3),
    ("lose", "L3", 1),
    ("cancel", "L2", 2),
    ("surplus", "L1", 301),
    ("arrive", "L2", 1),
    ("come_back", "L2", 1),
]


def test_the_story_comes_out() -> None:
    told_in_every_way()


def noticed() -> None:
    with pytest.raises(AssertionError):
        told_in_every_way()


def told_in_every_way() -> None:
    for charge_on in CHARGE_ON:
        for with_tax in (False, True):
            tell("EUR", RoundingRule(), charge_on, with_tax, STORY, D("3.333" if with_tax else "1.5"))


def test_credits_that_round_by_themselves_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_itself(self: Any, name: str, one: Part, tally: Tally, documents: Any) -> Decimal:
        line = documents[one.cites].lines[one.cited_line]
        part = Fraction(one.size) / Fraction(line.size)
        found: Decimal = self.rounded(Fraction(getattr(line.amounts, name).amount) * part)
        return found

    monkeypatch.setattr(invoicing._Paper, "credited_alone", by_itself)
    noticed()


def test_tax_that_rounds_by_the_line_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_line(self: Any, parts: list[Part]) -> list[Decimal]:
        return [self.rounded(exact) for exact in self._exactly("tax", parts)]

    monkeypatch.setattr(invoicing._Paper, "taxes_charged", by_line)
    noticed()


def test_charges_that_round_by_themselves_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = invoicing._Paper.charged_alone

    def by_itself(self: Any, name: str, parts: list[Part], tally: Tally) -> list[Decimal]:
        return real(self, name, parts, tally_of((), {}))

    monkeypatch.setattr(invoicing._Paper, "charged_alone", by_itself)
    monkeypatch.setattr(invoicing, "worth_of", lambda parts, tally, *rest: worth_of(parts, tally_of((), {}), *rest))
    noticed()


def test_credits_that_forget_what_was_credited_before_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(documents: Any, prices: Any) -> Tally:
        return attrs.evolve(tally_of(documents, prices), back={})

    monkeypatch.setattr(payments, "tally_of", forgetful)
    noticed()


def test_units_that_are_charged_before_their_time_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settlement, "_waiting", lambda order: {})
    noticed()


# -- payments ---------------------------------------------------------------------------------------------------------

facts = st.lists(
    st.tuples(
        st.sampled_from(["payments", "refunds", "cash"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from([*PAYMENT, *REFUND, *CASH]),
        st.builds(
            PaymentFact,
            st.builds(Money, st.sampled_from(["1", "2.50", "0"]), st.sampled_from(["EUR", "EUR", "USD"])),
            st.just(NOW),
            st.integers(0, 2),
        ),
    ),
    max_size=7,
)


@settings(max_examples=100)
@given(facts, st.randoms(use_true_random=False))
def test_what_is_told_of_payments_comes_to_the_same_in_any_order_and_as_often_as_one_likes(
    told: list[tuple[Any, str, str, PaymentFact]], chance: Any
) -> None:
    again = [*told, *told[: len(told) // 2]]
    chance.shuffle(again)
    assert as_told(told) == as_told(again)


def as_told(told: list[tuple[Any, str, str, PaymentFact]]) -> Any:
    known = Settlement()
    for held, reference, state, fact in told:
        known = known.told(held, "bank", reference, state, fact)
    balance = balance_of(known, zero("EUR"), zero("EUR"), False, False)
    return known, balance.status, {(a.code, a.message) for a in known.anomalies("EUR", {})}
