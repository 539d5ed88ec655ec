"""What a document says about the money of an order, in parts that sum to the whole.

A document shows the same amount in several ways: by line, by discount and charge, by tax group. Each way must come to
what is charged, to the smallest unit, although shares of it do not come out even.

- Amounts that are agreed for the order as a whole are *apportioned* over its lines when they are quoted, in proportion
  to what the lines are worth: each gets its share rounded down, and what is left goes to the largest remainders.
- Names (this discount, that charge) and tax groups share out the charged amount in the same way.
- Lines are shown as they round by themselves. Where the document rounds as a whole, or tax by its group, what they sum
  to may differ from what is charged by some cents; the difference is named: `Totals.rounding`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from orderflow.charges import Adjustment, Amounts, RoundingRule, TaxGroup, Tranche, charged, credited
from orderflow.values.checked import evolved
from orderflow.values.money import Money, zero
from orderflow.values.numbers import EXACT, Rounding, ratio_cut
from orderflow.values.record import record

__all__ = ["COMPONENT_OF", "LineTotal", "TaxTotal", "Totals", "apportioned", "shared_out", "tax_rate_of", "totals"]

#: Which component holds the adjustments of a kind.
COMPONENT_OF = {"discount": "discount", "charge": "charges", "shipping": "shipping"}

#: The tranches of a line, and how many units of each were given back.
Held: TypeAlias = tuple[Sequence[Tranche], Sequence[Decimal]]

_ZERO = Decimal(0)


@record
class LineTotal:
    """What a line costs: units that are charged and were not given back, and the components for them."""

    line_id: str
    quantity: Decimal
    amounts: Amounts


@record
class TaxTotal:
    """What is taxed alike: on how much tax is owed, and how much."""

    group: TaxGroup | None
    base: Money
    tax: Money


@record
class Totals:
    """What the customer is to pay, by line, by name and by tax group; each way sums to the whole.

    ``lines`` and ``rounding`` together are ``amounts``. ``adjustments`` sum to its discount, charges and shipping;
    those without a code are what nobody named. The bases of ``taxes`` sum to `net`, their taxes to `tax`.
    """

    lines: tuple[LineTotal, ...]
    adjustments: tuple[Adjustment, ...]
    taxes: tuple[TaxTotal, ...]
    rounding: Amounts
    amounts: Amounts

    @property
    def net(self) -> Money:
        """What is to be paid before tax."""
        return self.amounts.before_tax

    @property
    def tax(self) -> Money:
        """The tax on it."""
        return self.amounts.tax

    @property
    def gross(self) -> Money:
        """What is to be paid."""
        return self.amounts.total


def totals(lines: Iterable[tuple[str, Held]], rule: RoundingRule, currency: str) -> Totals:
    """The totals of a document over these lines, each with its tranches and what was given back of them."""
    held = tuple(lines)
    pairs = [(tranche, back) for _, (tranches, given) in held for tranche, back in _with_back(tranches, given)]
    amounts = _still_charged(pairs, rule, currency)
    shown = tuple(_line_total(line_id, tranches, given, rule, currency) for line_id, (tranches, given) in held)
    rounding = amounts
    for line in shown:
        rounding = rounding - line.amounts
    names = tuple(_adjustments(pairs, amounts, rule.rounding))
    return Totals(shown, names, tuple(_taxes(pairs, amounts, rule, currency)), rounding, amounts)


_Pair: TypeAlias = tuple[Tranche, Decimal]


def _with_back(tranches: Sequence[Tranche], given: Sequence[Decimal]) -> Iterator[_Pair]:
    for index, tranche in enumerate(tranches):
        yield tranche, given[index] if index < len(given) else _ZERO


def _still_charged(pairs: Sequence[_Pair], rule: RoundingRule, currency: str) -> Amounts:
    """What these tranches charge, less what is owed back for them."""
    whole = charged((tranche for tranche, _ in pairs), rule, currency)
    return whole - credited((([tranche], [back]) for tranche, back in pairs), rule, currency)


def _line_total(
    line_id: str, tranches: Sequence[Tranche], given: Sequence[Decimal], rule: RoundingRule, currency: str
) -> LineTotal:
    pairs, units = tuple(_with_back(tranches, given)), _ZERO
    for tranche, back in pairs:
        units = EXACT.add(units, EXACT.subtract(tranche.units, back))
    return LineTotal(line_id, units, _still_charged(pairs, rule, currency))


def _left(pair: _Pair) -> Fraction:
    """The part of a tranche's agreed amounts that is still charged."""
    tranche, back = pair
    return tranche.whole - tranche.share_back(back)


def _adjustments(pairs: Sequence[_Pair], amounts: Amounts, rounding: Rounding) -> Iterator[Adjustment]:
    """What discounts, charges and shipping consist of, by name; what nobody named comes last of its kind."""
    for kind, component in COMPONENT_OF.items():
        whole: Money = getattr(amounts, component)
        exact: dict[tuple[str, str, bool], Fraction] = {}
        unnamed = Fraction(0)
        for pair in pairs:
            tranche, left = pair[0], _left(pair)
            unnamed += Fraction(getattr(tranche.amounts, component).amount) * left
            for one in tranche.adjustments:
                if one.kind == kind:
                    name, part = (one.code, one.description, one.of_order), Fraction(one.amount.amount) * left
                    exact[name] = exact.get(name, Fraction(0)) + part
                    unnamed -= part
        if unnamed or (whole.amount and not exact):
            exact["", "", False] = unnamed
        parts = _fitted(whole, tuple(exact.values()))
        for (code, description, of_order), amount in zip(exact, parts, strict=True):
            yield Adjustment(kind, code, description, amount, of_order)  # type: ignore[arg-type]


def _taxes(pairs: Sequence[_Pair], amounts: Amounts, rule: RoundingRule, currency: str) -> Iterator[TaxTotal]:
    """Base and tax of each group, as they round by themselves where that sums up; otherwise shared out."""
    groups: dict[TaxGroup | None, list[_Pair]] = {}
    for pair in pairs:
        groups.setdefault(pair[0].tax_group, []).append(pair)
    alone = [_still_charged(members, rule, currency) for members in groups.values()]
    exact_tax = [sum((_exact("tax", pair) for pair in members), Fraction(0)) for members in groups.values()]
    exact_base = [sum((_exact_base(pair) for pair in members), Fraction(0)) for members in groups.values()]
    taxes = _summing(amounts.tax, [one.tax for one in alone], exact_tax)
    bases = _summing(amounts.before_tax, [one.before_tax for one in alone], exact_base)
    for group, base, tax in zip(groups, bases, taxes, strict=True):
        yield TaxTotal(group, base, tax)


def _exact(name: str, pair: _Pair) -> Fraction:
    money: Money = getattr(pair[0].amounts, name)
    return Fraction(money.amount) * _left(pair)


def _exact_base(pair: _Pair) -> Fraction:
    return Fraction(pair[0].amounts.before_tax.amount) * _left(pair)


def _summing(whole: Money, rounded: Sequence[Money], exact: Sequence[Fraction]) -> Sequence[Money]:
    """The rounded parts where they sum to the whole; otherwise the whole, shared out over the exact ones."""
    total = zero(whole.currency)
    for one in rounded:
        total = total + one
    return rounded if total == whole else _fitted(whole, exact)


# -- sharing out -----------------------------------------------------------------------------------------------------


def _fitted(whole: Money, exact: Sequence[Fraction], digits: int | None = None) -> tuple[Money, ...]:
    """Parts in smallest units, near the exact ones, that sum to ``whole``: what is left goes to the largest remainders.

    Parts of an amount below zero are those of the amount above zero, with the other sign.
    """
    if not exact:
        return ()
    places, sign = whole.digits if digits is None else digits, -1 if whole.amount < 0 else 1
    scaled = [sign * part * 10**places for part in exact]
    parts = [part.numerator // part.denominator for part in scaled]
    left = sign * int(EXACT.scaleb(whole.amount, places)) - sum(parts)
    each, rest = divmod(left, len(parts))
    by_remainder = sorted(range(len(parts)), key=lambda at: (parts[at] - scaled[at], at))
    for place, index in enumerate(by_remainder):
        parts[index] += each + (place < rest)
    return tuple(Money(EXACT.scaleb(Decimal(sign * part), -places), whole.currency) for part in parts)


def apportioned(amount: Money, weights: Sequence[Fraction]) -> tuple[Money, ...]:
    """An amount shared out in proportion to weights, to the smallest unit (or to its own places, if it is finer).

    >>> [str(part) for part in apportioned(Money("-5.00", "EUR"), [Fraction(1), Fraction(1), Fraction(1)])]
    ['-1.67 EUR', '-1.67 EUR', '-1.66 EUR']
    """
    total, exponent = sum(weights, Fraction(0)), amount.amount.as_tuple().exponent
    assert isinstance(exponent, int)
    shares = [Fraction(amount.amount) * weight / total for weight in weights]
    return _fitted(amount, shares, max(amount.digits, -exponent))


def shared_out(adjustments: Iterable[Adjustment], tranches: Sequence[Tranche]) -> tuple[Tranche, ...]:
    """Tranches that bear what was agreed for the order as a whole, each its share, with the tax that this changes.

    Shares are in proportion to what the goods are worth after discounts, or to their number where they are free. The
    amount is meant as prices are shown: before tax, or with it.
    """
    worth = [max(Fraction(0), Fraction((one.amounts.net + one.amounts.discount).amount)) for one in tranches]
    weights = worth if any(worth) else [Fraction(one.quantity) for one in tranches]
    bearing = tuple(tranches)
    for adjustment in adjustments:
        shares = apportioned(adjustment.amount, weights)
        bearing = tuple(_bears(one, adjustment, share) for one, share in zip(bearing, shares, strict=True))
    return bearing


def _bears(tranche: Tranche, adjustment: Adjustment, share: Money) -> Tranche:
    """The tranche with its share of an adjustment of the order, and the tax on that."""
    if share.is_zero:
        return tranche
    before, rate = tranche.amounts, tax_rate_of(tranche)
    if tranche.tax_included:
        net = _cut(Fraction(share.amount) / (1 + rate), share.currency)
        tax = share - net
    else:
        net, tax = share, _cut(Fraction(share.amount) * rate, share.currency)
    component = COMPONENT_OF[adjustment.kind]
    amounts = evolved(before, tax=before.tax + tax, **{component: getattr(before, component) + net})
    named = evolved(adjustment, amount=net, of_order=True)
    return evolved(tranche, amounts=amounts, adjustments=(*tranche.adjustments, named))


def tax_rate_of(tranche: Tranche) -> Fraction:
    """The rate at which a tranche is taxed: that of its group, or what its tax comes to."""
    if tranche.tax_group is not None:
        return Fraction(tranche.tax_group.rate)
    base = tranche.amounts.before_tax
    return Fraction(tranche.amounts.tax.amount) / Fraction(base.amount) if base.amount else Fraction(0)


def _cut(exact: Fraction, currency: str) -> Money:
    """An exact amount, cut after a dozen places where it does not end."""
    return Money(ratio_cut(Decimal(exact.numerator), Decimal(exact.denominator)), currency)
