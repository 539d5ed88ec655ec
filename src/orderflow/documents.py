"""Documents: what is charged, and credited, on paper.

A *charge* (an invoice) says what units cost; a *credit* (a credit note) cites the charge that it takes something of
back. Neither is ever changed: whatever happens later is another document. What has been charged and credited so far is
the sum of the documents, and what there is to be charged or credited now is the difference to what is *kept*: the units
of each tranche that the customer is to pay for by now. So nobody says "credit this": whoever takes units back records
only that, and the documents follow.

- Charges are differences of one cumulative function for each tranche, F(r + q) - F(r) (`orderflow.charges`), for net
  amount, discount, shipping and charges. Tax is computed for each document, once for all that is taxed alike.
- A credit takes from the newest charge that has units of that price left, exactly what was charged for these units
  there: G(r + q) - G(r) with G(x) = round(A * x / X), over the X units that the line of the charge charged at A, and
  for tax over the tax of its group there. What is credited whole is credited exactly as it was charged.
- Where a document does not come to what the quote says, in tax above all, the cents are named: `Document.difference`.

Goods that are priced by what they measure are charged by the measure. Where they were charged before they were
measured, that charge is credited, and what was measured is charged instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import attrs

from orderflow.charges import Amounts, RoundingRule, TaxGroup, Tranche, rounded_fraction, rounded_shares
from orderflow.totals import TaxTotal, fitted
from orderflow.values.money import Money, zero
from orderflow.values.numbers import EXACT, Rounding
from orderflow.values.record import record

__all__ = [
    "Document",
    "DocumentLine",
    "Kept",
    "Part",
    "Place",
    "Prices",
    "Tally",
    "charge_of",
    "credit_of",
    "fee_line",
    "kept_of",
    "taken_back",
    "tally_of",
    "to_be_charged",
    "to_be_credited",
    "worth_of",
]

_ZERO, _NONE = Decimal(0), Fraction(0)
#: The components of a line that round by themselves; net comes first, or, where prices are shown with tax, the gross.
_ALONE = ("net", "discount", "shipping", "charges")

#: A line of the order and which of its tranches: what has one price.
Place: TypeAlias = tuple[str, int]
Prices: TypeAlias = Mapping[str, Sequence[Tranche]]


@record
class DocumentLine:
    """What a document says of some units of a line at one of its prices, or of a fee by its ``code``.

    ``tranche`` counts the line's prices from 0. Goods charged by what they measure have a ``measure``; their quantity
    says how many pieces it was. A credit ``cites`` the charge, and which line of it (from 0), that it takes this from.
    """

    line_id: str
    tranche: int
    quantity: Decimal
    amounts: Amounts
    tax_group: TaxGroup | None = None
    measure: Decimal | None = None
    cites: str = ""
    cited_line: int = 0
    code: str = ""
    description: str = ""

    @property
    def place(self) -> Place:
        """The line of the order, and which of its prices."""
        return self.line_id, self.tranche

    @property
    def size(self) -> Decimal:
        """How much it is about: what was measured, or the units."""
        return self.quantity if self.measure is None else self.measure


@record
class Document:
    """A charge or a credit, as it was raised; all amounts are in whole cents, those of a credit to be given back.

    ``difference`` is by how much it differs from what the quote says of the same units. A goodwill is a charge below
    zero.
    """

    id: str
    kind: Literal["charge", "credit"]
    at: datetime
    lines: tuple[DocumentLine, ...]
    difference: Amounts
    reason: str = ""

    @property
    def amounts(self) -> Amounts:
        """What all of it comes to, by component."""
        return _sum(self.lines)

    @property
    def total(self) -> Money:
        """What is to be paid for it, or given back."""
        return self.amounts.total

    @property
    def rounding(self) -> Money:
        """The cents by which its sum differs from what the quote says."""
        return self.difference.total

    @property
    def taxes(self) -> tuple[TaxTotal, ...]:
        """Base and tax of each tax group."""
        groups: dict[TaxGroup | None, tuple[Money, Money]] = {}
        for line in self.lines:
            nothing = zero(line.amounts.net.currency)
            base, tax = groups.get(line.tax_group, (nothing, nothing))
            groups[line.tax_group] = base + line.amounts.before_tax, tax + line.amounts.tax
        return tuple(TaxTotal(group, base, tax) for group, (base, tax) in groups.items())


# -- what was charged and credited so far ---------------------------------------------------------------------------


@attrs.frozen
class Tally:
    """What documents have charged and credited: shares of each tranche, and what is left of each line of a charge.

    ``charged`` and ``credited`` are parts of the agreed amounts; ``units``, and of goods by measure ``measures`` and
    ``pieces``, what is charged and was not credited; ``back`` what was credited of each line of a charge.
    """

    charged: Mapping[Place, Fraction]
    credited: Mapping[Place, Fraction]
    units: Mapping[Place, Decimal]
    measures: Mapping[Place, Decimal]
    pieces: Mapping[Place, Decimal]
    back: Mapping[tuple[str, int], tuple[Decimal, Decimal]]


def tally_of(documents: Iterable[Document], prices: Prices) -> Tally:
    """Count what documents say, over the tranches that they are about."""
    charged: dict[Place, Fraction] = {}
    credited: dict[Place, Fraction] = {}
    units: dict[Place, Decimal] = {}
    measures: dict[Place, Decimal] = {}
    pieces: dict[Place, Decimal] = {}
    back: dict[tuple[str, int], tuple[Decimal, Decimal]] = {}
    for document in documents:
        is_charge = document.kind == "charge"
        shares = charged if is_charge else credited
        for line in document.lines:
            if not is_charge:
                cited = line.cites, line.cited_line
                size, some = back.get(cited, (_ZERO, _ZERO))
                back[cited] = EXACT.add(size, line.size), EXACT.add(some, line.quantity)
            if line.line_id:
                place = line.place
                shares[place] = shares.get(place, _NONE) + _share(line, prices)
                _count(units if line.measure is None else measures, place, line.size, is_charge)
                if line.measure is not None:
                    _count(pieces, place, line.quantity, is_charge)
    return Tally(charged, credited, units, measures, pieces, back)


def _count(counted: dict[Place, Decimal], place: Place, size: Decimal, is_charge: bool) -> None:
    counted[place] = (EXACT.add if is_charge else EXACT.subtract)(counted.get(place, _ZERO), size)


def _share(line: DocumentLine, prices: Prices) -> Fraction:
    """The part of its tranche's agreed amounts that a line is about."""
    tranche = prices[line.line_id][line.tranche]
    return _share_of(tranche, line.size, line.measure is not None)


def _share_of(tranche: Tranche, size: Decimal, is_measured: bool) -> Fraction:
    return tranche.share(_ZERO, size) if is_measured else tranche.share(size)


# -- what is kept, and so is to be charged or credited --------------------------------------------------------------


@record
class Kept:
    """What the customer is to pay for by now of one tranche: units by number, and goods by measure."""

    place: Place
    units: Decimal
    pieces: Decimal = _ZERO
    measure: Decimal = _ZERO


def kept_of(line_id: str, tranches: Sequence[Tranche], back: Sequence[Decimal]) -> Iterator[Kept]:
    """What is kept of a line, tranche by tranche, of which so many units are given back (or are still to come)."""
    for number, tranche in enumerate(tranches):
        units = tranche.unmeasured(back[number] if number < len(back) else _ZERO)
        pieces, measure = tranche.measured_units, tranche.measured
        if pieces:
            pieces = EXACT.subtract(pieces, tranche.measured_units_back)
            measure = EXACT.subtract(measure, tranche.measured_back)
        yield Kept((line_id, number), units, pieces, measure)


@record
class Part:
    """How much of a place a document is to be about, by number or by measure; of which line of a charge, if any."""

    place: Place
    quantity: Decimal
    measure: Decimal | None = None
    cites: str = ""
    cited_line: int = 0
    tax_group: TaxGroup | None = None
    code: str = ""

    @property
    def size(self) -> Decimal:
        """What was measured, or the units; of a fee, its amount."""
        return self.quantity if self.measure is None else self.measure


def to_be_charged(kept: Iterable[Kept], tally: Tally) -> tuple[Part, ...]:
    """What is kept, and was not charged, or was credited."""
    found: list[Part] = []
    for one in kept:
        units = EXACT.subtract(one.units, tally.units.get(one.place, _ZERO))
        if units > 0:
            found.append(Part(one.place, units))
        measure = EXACT.subtract(one.measure, tally.measures.get(one.place, _ZERO))
        if measure > 0:
            pieces = EXACT.subtract(one.pieces, tally.pieces.get(one.place, _ZERO))
            found.append(Part(one.place, max(_ZERO, pieces), measure))
    return tuple(found)


def to_be_credited(kept: Iterable[Kept], tally: Tally, documents: Sequence[Document]) -> tuple[Part, ...]:
    """What was charged, and is not kept: from the newest charges that have some of it left."""
    found: list[Part] = []
    for one in kept:
        units = EXACT.subtract(tally.units.get(one.place, _ZERO), one.units)
        if units > 0:
            found += _taken(one.place, units, None, tally, documents)
        measure = EXACT.subtract(tally.measures.get(one.place, _ZERO), one.measure)
        if measure > 0:
            pieces = EXACT.subtract(tally.pieces.get(one.place, _ZERO), one.pieces)
            found += _taken(one.place, measure, max(_ZERO, pieces), tally, documents)
    return tuple(found)


def _taken(
    place: Place, size: Decimal, pieces: Decimal | None, tally: Tally, documents: Sequence[Document]
) -> Iterator[Part]:
    """So much of what was charged at a place, by the lines of charges, the newest first; of measured goods, pieces."""
    for document in reversed(documents):
        for index, line in enumerate(document.lines):
            if document.kind != "charge" or line.place != place or (line.measure is None) != (pieces is None):
                continue
            back, pieces_back = tally.back.get((document.id, index), (_ZERO, _ZERO))
            taken = min(size, EXACT.subtract(line.size, back))
            if taken <= 0:
                continue
            size = EXACT.subtract(size, taken)
            if pieces is None:
                yield Part(place, taken, None, document.id, index)
            else:
                some = min(pieces, EXACT.subtract(line.quantity, pieces_back))
                pieces = EXACT.subtract(pieces, some)
                yield Part(place, some, taken, document.id, index)


# -- how much it comes to -------------------------------------------------------------------------------------------


def worth_of(parts: Iterable[Part], tally: Tally, prices: Prices, rule: RoundingRule, currency: str) -> Amounts:
    """What the quote says of parts that are charged after what was charged already."""
    after = _added(tally.charged, parts, prices)
    return _quoted(after, prices, rule, currency) - _quoted(tally.charged, prices, rule, currency)


def charge_of(
    parts: Sequence[Part], tally: Tally, prices: Prices, rule: RoundingRule, currency: str
) -> tuple[tuple[DocumentLine, ...], Amounts]:
    """The lines of a charge about these parts, and by how much they differ from what the quote says of them."""
    paper = _Paper(prices, rule, currency)
    columns = [paper.charged_alone(name, parts, tally) for name in _ALONE]
    lines = paper.lines(parts, columns, paper.taxes_charged(parts))
    return lines, _sum(lines) - worth_of(parts, tally, prices, rule, currency)


def credit_of(
    parts: Sequence[Part],
    tally: Tally,
    documents: Mapping[str, Document],
    prices: Prices,
    rule: RoundingRule,
    currency: str,
) -> tuple[tuple[DocumentLine, ...], Amounts]:
    """The lines of a credit about these parts of charges, and by how much they differ from what the quote says."""
    paper = _Paper(prices, rule, currency)
    columns = [[paper.credited_alone(name, one, tally, documents) for one in parts] for name in _ALONE]
    lines = paper.lines(parts, columns, paper.taxes_credited(parts, tally, documents))
    if not any(one.place[0] for one in parts):
        return lines, Amounts.none(currency)
    after = _added(tally.credited, parts, prices)
    by_quote = _quoted(after, prices, rule, currency) - _quoted(tally.credited, prices, rule, currency)
    return lines, _sum(lines) - by_quote


def _sum(lines: Sequence[DocumentLine]) -> Amounts:
    whole = lines[0].amounts
    for line in lines[1:]:
        whole = whole + line.amounts
    return whole


def _added(shares: Mapping[Place, Fraction], parts: Iterable[Part], prices: Prices) -> dict[Place, Fraction]:
    """Shares of tranches after some more parts; fees have none."""
    after = dict(shares)
    for one in parts:
        if one.place[0]:
            tranche = prices[one.place[0]][one.place[1]]
            after[one.place] = after.get(one.place, _NONE) + _share_of(tranche, one.size, one.measure is not None)
    return after


def _quoted(shares: Mapping[Place, Fraction], prices: Prices, rule: RoundingRule, currency: str) -> Amounts:
    """What the quote says of shares of its tranches, by its own rule of rounding."""
    pairs = [(prices[line_id][number], share) for (line_id, number), share in shares.items()]
    return rounded_shares(pairs, rule, currency)


class _Paper:
    """How the parts of one document round, alone and in company."""

    def __init__(self, prices: Prices, rule: RoundingRule, currency: str) -> None:
        self.prices, self.rule, self.currency = prices, rule, currency
        self.digits = zero(currency).digits

    def rounded(self, exact: Fraction) -> Decimal:
        """An amount in whole cents."""
        return rounded_fraction(exact, self.digits, self.rule.rounding)

    def tranche(self, place: Place) -> Tranche | None:
        """The price of a place; a fee has none."""
        return self.prices[place[0]][place[1]] if place[0] else None

    def with_tax(self, place: Place) -> bool:
        """Whether the gross amount is what must be right to the cent, and net the rest of it."""
        tranche = self.tranche(place)
        return tranche is None or tranche.tax_included

    def share(self, one: Part) -> Fraction:
        """The part of its tranche's amounts that a part is about."""
        tranche = self.tranche(one.place)
        return _share_of(tranche, one.size, one.measure is not None) if tranche is not None else _NONE

    # -- charges -----------------------------------------------------------------------------------------------------

    def charged_alone(self, name: str, parts: Sequence[Part], tally: Tally) -> list[Decimal]:
        """One component of each part: the difference of F over its tranche or, by the document, over all of them."""
        per_line = self.rule.per == "line"
        before: dict[object, Fraction] = {}
        for place, share in tally.charged.items():
            company = place if per_line else self.with_tax(place)
            before[company] = before.get(company, _NONE) + self._agreed(name, place) * share
        exact = [self._agreed(name, one.place) * self.share(one) for one in parts]
        companies = [one.place if per_line else self.with_tax(one.place) for one in parts]

        def whole(company: object, sum_of_parts: Fraction) -> Decimal:
            then = before.get(company, _NONE)
            return EXACT.subtract(self.rounded(then + sum_of_parts), self.rounded(then))

        return self._in_company(companies, exact, whole)

    def taxes_charged(self, parts: Sequence[Part]) -> list[Decimal]:
        """The tax of each part: that of its group in this document, shared out."""
        exact = [self._agreed("tax", one.place) * self.share(one) for one in parts]
        companies = [(self._group(one.place), self.with_tax(one.place)) for one in parts]
        return self._in_company(companies, exact, lambda company, sum_of_parts: self.rounded(sum_of_parts))

    def _agreed(self, name: str, place: Place) -> Fraction:
        tranche = self.tranche(place)
        assert tranche is not None, "fees are not charged by the quote"
        return Fraction(_component(name, tranche.amounts, tranche.tax_included).amount)

    def _group(self, place: Place) -> TaxGroup | None:
        tranche = self.tranche(place)
        return tranche.tax_group if tranche is not None else None

    def _in_company(
        self, companies: Sequence[object], exact: Sequence[Fraction], whole: Callable[[Any, Fraction], Decimal]
    ) -> list[Decimal]:
        """What each part gets of what its company comes to, rounded once."""
        found = [_ZERO] * len(companies)
        for company in dict.fromkeys(companies):
            mine = [at for at, other in enumerate(companies) if other == company]
            amount = Money(whole(company, sum((exact[at] for at in mine), _NONE)), self.currency)
            parts = fitted(amount, [exact[at] for at in mine]) if len(mine) > 1 else (amount,)
            for at, part in zip(mine, parts, strict=True):
                found[at] = part.amount
        return found

    # -- credits -----------------------------------------------------------------------------------------------------

    def credited_alone(self, name: str, one: Part, tally: Tally, documents: Mapping[str, Document]) -> Decimal:
        """One component of a part: the difference of G over the line of the charge that it cites."""
        line = documents[one.cites].lines[one.cited_line]
        amount = Fraction(_component(name, line.amounts, self.with_tax(one.place)).amount)
        before, after = self._back(one, line, tally)
        return EXACT.subtract(self.rounded(amount * after), self.rounded(amount * before))

    def _back(self, one: Part, line: DocumentLine, tally: Tally) -> tuple[Fraction, Fraction]:
        """How much of a line of a charge was credited before a part of it is, and after that."""
        back, whole = tally.back.get((one.cites, one.cited_line), (_ZERO, _ZERO))[0], Fraction(line.size)
        return Fraction(back) / whole, Fraction(EXACT.add(back, one.size)) / whole

    def taxes_credited(self, parts: Sequence[Part], tally: Tally, documents: Mapping[str, Document]) -> list[Decimal]:
        """The tax of each part: of its group in the charge that it cites, what was not credited yet of its share."""
        companies, exact = [], []
        for one in parts:
            line = documents[one.cites].lines[one.cited_line]
            before, after = self._back(one, line, tally)
            companies.append((one.cites, line.tax_group, self.with_tax(one.place)))
            exact.append(self._weight(line) * (after - before))
        then = {company: self._group_back(company, tally, documents, ()) for company in dict.fromkeys(companies)}
        now = {company: self._group_back(company, tally, documents, parts) for company in then}
        return self._in_company(companies, exact, lambda company, _: EXACT.subtract(now[company], then[company]))

    def _weight(self, line: DocumentLine) -> Fraction:
        """The exact tax of a line of a charge, by which its group's tax is shared out."""
        tranche = self.tranche(line.place)
        if tranche is None:
            return Fraction(line.amounts.tax.amount)
        return Fraction(tranche.amounts.tax.amount) * _share_of(tranche, line.size, line.measure is not None)

    def _group_back(
        self,
        company: tuple[str, TaxGroup | None, bool],
        tally: Tally,
        documents: Mapping[str, Document],
        parts: Sequence[Part],
    ) -> Decimal:
        """The tax of a group of a charge that is credited, once these parts are.

        Where prices are shown with tax, no more before tax is credited than was charged.
        """
        cited, group, with_tax = company
        taking = {one.cited_line: one.size for one in parts if one.cites == cited}
        tax, base, weight, weighed, gross = _NONE, _NONE, _NONE, _NONE, _NONE
        for index, line in enumerate(documents[cited].lines):
            if line.tax_group != group or self.with_tax(line.place) != with_tax:
                continue
            back = EXACT.add(tally.back.get((cited, index), (_ZERO, _ZERO))[0], taking.get(index, _ZERO))
            part = Fraction(back) / Fraction(line.size)
            tax, base = tax + Fraction(line.amounts.tax.amount), base + Fraction(line.amounts.before_tax.amount)
            weight, weighed = weight + self._weight(line), weighed + self._weight(line) * part
            gross += Fraction(self.rounded(Fraction(line.amounts.total.amount) * part))
        credited = self.rounded(tax * weighed / weight) if weight else _ZERO
        least = gross - base
        return _decimal(least) if with_tax and tax >= 0 and credited < least else credited

    # -- lines -------------------------------------------------------------------------------------------------------

    def lines(
        self, parts: Sequence[Part], columns: Sequence[Sequence[Decimal]], taxes: Sequence[Decimal]
    ) -> tuple[DocumentLine, ...]:
        """The parts, each with its amounts."""
        return tuple(self._line(*row) for row in zip(parts, *columns, taxes, strict=True))

    def _line(self, one: Part, *columns: Decimal) -> DocumentLine:
        net, discount, shipping, charges, tax = columns
        if self.with_tax(one.place):
            for part in (discount, shipping, charges, tax):
                net = EXACT.subtract(net, part)
        amounts = Amounts(*(Money(part, self.currency) for part in (net, discount, shipping, tax, charges)))
        line_id, number = one.place
        group = one.tax_group if one.tax_group is not None else self._group(one.place)
        return DocumentLine(
            line_id, number, one.quantity, amounts, group, one.measure, one.cites, one.cited_line, one.code
        )


def _component(name: str, amounts: Amounts, with_tax: bool) -> Money:
    """A component; where the gross amount is what must be right, that stands for the net."""
    if name == "net" and with_tax:
        return amounts.total
    found: Money = getattr(amounts, name)
    return found


def _decimal(cents: Fraction) -> Decimal:
    """A sum of whole cents."""
    return EXACT.divide(Decimal(cents.numerator), Decimal(cents.denominator))


# -- fees -------------------------------------------------------------------------------------------------------------


def fee_line(
    code: str, amount: Money, group: TaxGroup | None, with_tax: bool, rounding: Rounding, description: str = ""
) -> DocumentLine:
    """A fee, or below zero a goodwill: ``amount`` before tax, or with it, and the tax of its group."""
    amount, rate = amount.rounded(rounding), Fraction(group.rate) if group is not None else _NONE
    exact = Fraction(amount.amount) * (rate / (1 + rate) if with_tax else rate)
    tax = Money(rounded_fraction(exact, amount.digits, rounding), amount.currency)
    charges, nothing = amount - tax if with_tax else amount, zero(amount.currency)
    amounts = Amounts(nothing, nothing, nothing, tax, charges)
    size = amounts.total.amount.copy_abs()
    return DocumentLine("", 0, Decimal(1), amounts, group, size, "", 0, code, description)


def taken_back(document: Document, amount: Money) -> Part:
    """A part of a fee or goodwill, by its amount."""
    line = document.lines[0]
    return Part(("", 0), Decimal(1), amount.amount.copy_abs(), document.id, 0, line.tax_group, line.code)
