"""Invoicing: what the parts of a document come to, in whole cents.

The components of a charge round alone: each part by its own tranche, or all of them together where the order rounds by
the document, as differences of F over what was charged before. Tax rounds in company, once for all that is taxed alike
on the document, and is then shared out over its lines. A credit does the same with the lines, and the tax groups, of
the charges that it cites (`orderflow.documents` says which, and why).

Where prices are shown with tax, the gross amount rounds, and its tax, and net is what is left. So do fees, whose size
is their gross amount.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from orderflow.charges import Amounts, RoundingRule, TaxGroup, Tranche, rounded_fraction, rounded_shares
from orderflow.documents import Document, DocumentLine, Part, Place, Prices, Tally, share_of, sum_of
from orderflow.totals import fitted
from orderflow.values.money import Money, zero
from orderflow.values.numbers import EXACT, Rounding

__all__ = ["charge_of", "credit_of", "fee_line", "taken_back", "worth_of"]

_ZERO, _NONE = Decimal(0), Fraction(0)
#: The components of a line that round by themselves; net comes first, or, where prices are shown with tax, the gross.
_ALONE = ("net", "discount", "shipping", "charges")


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
    return lines, sum_of(lines) - worth_of(parts, tally, prices, rule, currency)


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
    return lines, sum_of(lines) - by_quote


def _added(shares: Mapping[Place, Fraction], parts: Iterable[Part], prices: Prices) -> dict[Place, Fraction]:
    """Shares of tranches after some more parts; fees have none."""
    after = dict(shares)
    for one in parts:
        if one.place[0]:
            tranche = prices[one.place[0]][one.place[1]]
            after[one.place] = after.get(one.place, _NONE) + share_of(tranche, one.size, one.measure is not None)
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
        return share_of(tranche, one.size, one.measure is not None) if tranche is not None else _NONE

    # -- charges -----------------------------------------------------------------------------------------------------

    def charged_alone(self, name: str, parts: Sequence[Part], tally: Tally) -> list[Decimal]:
        """One component of each part: the difference of F over its tranche or, by the document, over all of them."""
        exact = self._exactly(name, parts)
        if not any(exact):
            return [_ZERO] * len(parts)
        per_line = self.rule.per == "line"
        before: dict[object, Fraction] = {}
        for place, share in tally.charged.items():
            company = place if per_line else self.with_tax(place)
            before[company] = before.get(company, _NONE) + self._agreed(name, place) * share
        companies = [one.place if per_line else self.with_tax(one.place) for one in parts]

        def whole(company: object, sum_of_parts: Fraction) -> Decimal:
            then = before.get(company, _NONE)
            return EXACT.subtract(self.rounded(then + sum_of_parts), self.rounded(then))

        return self._in_company(companies, exact, whole)

    def taxes_charged(self, parts: Sequence[Part]) -> list[Decimal]:
        """The tax of each part: that of its group in this document, shared out."""
        exact = self._exactly("tax", parts)
        companies = [(self._group(one.place), self.with_tax(one.place)) for one in parts]
        return self._in_company(companies, exact, lambda company, sum_of_parts: self.rounded(sum_of_parts))

    def _exactly(self, name: str, parts: Sequence[Part]) -> list[Fraction]:
        """A component of each part, unrounded."""
        agreed = (self._agreed(name, one.place) for one in parts)
        return [whole * self.share(one) if whole else whole for whole, one in zip(agreed, parts, strict=True)]

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
        return Fraction(tranche.amounts.tax.amount) * share_of(tranche, line.size, line.measure is not None)

    def _group_back(
        self,
        company: tuple[str, TaxGroup | None, bool],
        tally: Tally,
        documents: Mapping[str, Document],
        parts: Sequence[Part],
    ) -> Decimal:
        """The tax of a group of a charge that is credited, once these parts are.

        Where prices are shown with tax, no more before tax is credited than was charged; nor of goodwill, below zero.
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
        if not with_tax:
            return credited
        bound = _decimal(gross - base)
        if base >= 0 and tax >= 0:
            return max(credited, bound)
        return min(credited, bound) if base <= 0 and tax <= 0 else credited

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
