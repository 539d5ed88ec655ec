"""A price list: prices by product and quantity, taxes, discounts, handling, shipping.

A price may depend on the quantity ("4.20 each from 10") and may be for more than one unit ("4.60 per 100"). Which break
a line reaches is decided by all its units; so an amendment that reaches a break gets the better price for the units it
adds, and what was agreed before stays. What is priced by what it measures has its price, and its breaks, per unit of
that.

Nothing is rounded here, since only charges round. Where a quotient has no end (a gross price taken apart at 19 %) it
is cut after a dozen places and the tax is the exact rest, so that the parts always sum to the price that was shown.
"""

from __future__ import annotations

import decimal
from collections.abc import Hashable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar, TypeAlias

import attrs

from orderflow.adapters.memory.books import Books
from orderflow.charges import Adjustment, Amounts, TaxGroup
from orderflow.errors import InvalidInput, PortRefused, Problems
from orderflow.ports import Quote, QuotedLine, QuoteLine, QuotePrices, Repeats
from orderflow.values.checked import evolved
from orderflow.values.money import Money, as_currency, as_money, split, sum_money, zero
from orderflow.values.numbers import (
    EXACT,
    ONE,
    ZERO,
    add,
    as_decimal,
    as_not_negative,
    as_positive,
    mul,
    plain,
    round_to,
)

__all__ = ["PriceList"]

_Number: TypeAlias = Decimal | int | str
_Price: TypeAlias = Money | Decimal | int | str
_MOST_DIGITS, _PLACES = 28, 12
_DIVIDING = decimal.Context(prec=_MOST_DIGITS, rounding=decimal.ROUND_HALF_EVEN)


@attrs.frozen
class _Entry:
    """A product's prices: (from so many units, price), best break first; each for ``base`` units."""

    breaks: tuple[tuple[Decimal, Money], ...]
    base: Decimal = ONE


class PriceList(Books):
    """A pricing system in memory.

    >>> prices = PriceList({"TEA": [(1, "4.60"), (10, "4.20")], "NAIL": "4.60"}, base_quantities={"NAIL": 100})
    >>> line = QuoteLine("L1", "TEA", "each", Decimal(2), already=Decimal(8))
    >>> quoted = prices.quote(QuotePrices("O1", "quote", "EUR", None, None, (line,))).lines[0]
    >>> str(quoted.unit_price), str(quoted.amounts.net)
    ('4.20 EUR', '8.40 EUR')

    Args:
        prices: By product: a price, or breaks as pairs (from so many units, price).
        currency: The one currency of this list.
        tax: The rate of tax, on goods and shipping: ``"0.19"``; its group has the code ``standard``.
        tax_included: Whether the prices, and all other amounts, are shown with tax.
        tax_groups: By product, how it is taxed where that is not the standard.
        jurisdiction: Where the standard tax is owed.
        base_quantities: By product, for how many units the price is; one if left out.
        shipping: What sending an order costs, once per order, shared over the lines of its first quote.
        handling: What handling an order costs, likewise.
        discount_percent: What everybody gets off the goods: ``"5"``.
        product_discounts: By product, the per cent that are taken off it besides.
        order_discount: What is taken off an order, once, up to what its goods are worth.
    """

    BOOKS = ("_entries",)
    repeats: ClassVar[Repeats] = Repeats.DEDUPLICATES

    def __init__(
        self,
        prices: Mapping[str, _Price | Sequence[tuple[_Number, _Price]]],
        currency: str = "EUR",
        *,
        tax: _Number = 0,
        tax_included: bool = False,
        base_quantities: Mapping[str, _Number] | None = None,
        tax_groups: Mapping[str, TaxGroup] | None = None,
        jurisdiction: str = "",
        shipping: _Price | None = None,
        handling: _Price | None = None,
        discount_percent: _Number = 0,
        product_discounts: Mapping[str, _Number] | None = None,
        order_discount: _Price | None = None,
    ) -> None:
        self.currency = as_currency(currency)
        self.tax_included = tax_included
        self._entries: dict[str, _Entry] = {}
        problems = Problems()
        self.tax = problems.attempt("tax", as_not_negative, tax) or ZERO
        self.discount_percent = problems.attempt("discount_percent", as_not_negative, discount_percent) or ZERO
        self.shipping, self.handling, self.order_discount = (
            None if amount is None else problems.attempt(name, self._whole, amount)
            for name, amount in (("shipping", shipping), ("handling", handling), ("order_discount", order_discount))
        )
        self.product_discounts = {
            sku: problems.attempt(f"product_discounts[{sku!r}]", as_not_negative, percent) or ZERO
            for sku, percent in (product_discounts or {}).items()
        }
        self.tax_groups = dict(tax_groups or {})
        bases = base_quantities or {}
        for sku, price in prices.items():
            with problems.at(f"prices[{sku!r}]"):
                self.set_price(sku, price, bases.get(sku, ONE))
        problems.raise_any()
        self._standard = TaxGroup("standard", self.tax, jurisdiction) if self.tax else None
        self._nothing = zero(self.currency)

    def __repr__(self) -> str:
        return f"PriceList({len(self._entries)} products in {self.currency})"

    def set_price(
        self, sku: str, price: _Price | Sequence[tuple[_Number, _Price]], base_quantity: _Number = ONE
    ) -> None:
        """Change a product's price, or add the product. Quotes given before stay as they were."""
        pairs = price if isinstance(price, (list, tuple)) else [(ZERO, price)]
        breaks = [(as_not_negative(least), self._money(each)) for least, each in pairs]
        if not breaks:
            raise InvalidInput.because("pricing.no_breaks", "needs at least one price")
        self._entries[sku] = _Entry(tuple(sorted(breaks, key=_least, reverse=True)), as_positive(base_quantity))

    def quote(self, request: QuotePrices) -> Quote:
        """Price the units asked for.

        Raises:
            PortRefused: ``pricing.other_currency``, ``pricing.unknown_product`` or ``pricing.below_minimum`` (for fewer
                units than the lowest break).
        """
        if request.currency != self.currency:
            raise PortRefused("pricing.other_currency", f"prices are in {self.currency}, not {request.currency}")
        chosen = [self._chosen(line) for line in request.lines]
        pairs = zip(request.lines, chosen, strict=True)
        goods = [self._times(price, _priced(line), base) for line, (price, base) in pairs]
        first = not request.shipping_charged and not any(line.already for line in request.lines)
        shares = self._shipping_shares(request.lines, goods, first)
        lines = tuple(
            self._quoted(line, price, base, worth, share)
            for line, (price, base), worth, share in zip(request.lines, chosen, goods, shares, strict=True)
        )
        return Quote(lines, tuple(self._for_the_order(lines)) if first and lines else ())

    def fingerprint(self) -> Hashable:
        """The prices as one comparable value."""
        return frozenset(self._entries.items())

    def _money(self, raw: Any) -> Money:
        money = raw if isinstance(raw, (Money, tuple, list)) else Money(raw, self.currency)
        money = as_money(money)
        if money.currency != self.currency:
            raise InvalidInput.because("money.currency_mismatch", f"must be in {self.currency}, not {money.currency}")
        if money.amount < ZERO:
            raise InvalidInput.because("number.negative", "must not be negative")
        return money

    def _whole(self, raw: Any) -> Money:
        """Money in whole cents, as it is shared out (``money.not_rounded``)."""
        return split(self._money(raw), [ONE])[0]

    def _chosen(self, line: QuoteLine) -> tuple[Money, Decimal]:
        """The price of a line's units, and for how many it is."""
        entry = self._entries.get(line.sku)
        if entry is None:
            raise PortRefused("pricing.unknown_product", f"there is no price for {line.sku}")
        # by measure: what all units would measure at the rate of these
        units = add(line.quantity, line.already)
        have, need = (units, ONE) if line.measure is None else (mul(line.measure, units), line.quantity)
        for least, price in entry.breaks:
            if have >= mul(least, need):
                return price, entry.base
        raise PortRefused("pricing.below_minimum", f"{line.sku} is sold from {entry.breaks[-1][0]} units on")

    def _times(self, price: Money, units: Decimal, base: Decimal) -> Money:
        worth = price * units
        return _storable(worth) if base == ONE else self._over(worth, base)

    def _over(self, worth: Money, by: Decimal) -> Money:
        """A quotient, exact if it ends within a dozen places, and never with more digits than can be stored."""
        share = _DIVIDING.divide(worth.amount, by)
        _, _, exponent = share.as_tuple()
        assert isinstance(exponent, int)
        return Money(share if exponent >= -_PLACES else round_to(share, _places(worth)), self.currency)

    def _shipping_shares(self, lines: Sequence[QuoteLine], goods: Sequence[Money], first: bool) -> Iterable[Money]:
        """What each line bears of the shipping: in proportion to its worth, and nothing after the first quote."""
        if self.shipping is None or not lines or not first:
            return [self._nothing] * len(lines)
        if len(lines) == 1:
            return [self.shipping]
        weights = [worth.amount for worth in goods]
        return split(self.shipping, weights if any(weights) else [line.quantity for line in lines])

    def _for_the_order(self, lines: Iterable[QuotedLine]) -> Iterable[Adjustment]:
        """What is charged, and what is taken off, once per order."""
        if self.handling is not None and not self.handling.is_zero:
            yield Adjustment("charge", "handling", "Handling", self.handling)
        if self.order_discount is not None and not self.order_discount.is_zero:
            worth = sum_money((self._shown(line) for line in lines), self.currency)
            off = min(self.order_discount, worth.rounded())
            yield Adjustment("discount", "order", "Off the order", -off)

    def _shown(self, line: QuotedLine) -> Money:
        """What a line's goods cost after its own discounts, as prices are shown."""
        worth = line.amounts.net + line.amounts.discount
        with_tax = add(ONE, line.tax_group.rate) if line.tax_included and line.tax_group is not None else ONE
        return _storable(worth * with_tax)

    def _quoted(self, line: QuoteLine, price: Money, base: Decimal, goods: Money, shipping: Money) -> QuotedLine:
        group = self.tax_groups.get(line.sku, self._standard)
        rate = group.rate if group is not None else ZERO
        discounts = tuple(self._discounts(line.sku, goods))
        payable = sum_money((goods, shipping, *(one.amount for one in discounts)), self.currency)
        if rate and self.tax_included:
            with_tax = add(ONE, rate)
            goods, shipping = self._over(goods, with_tax), self._over(shipping, with_tax)
            discounts = tuple(evolved(one, amount=self._over(one.amount, with_tax)) for one in discounts)
        discount = sum_money((one.amount for one in discounts), self.currency)
        tax = (
            payable - goods - discount - shipping
            if self.tax_included
            else _storable(payable * rate)
            if rate
            else self._nothing
        )
        amounts = Amounts(goods, discount, shipping, tax, self._nothing)
        return QuotedLine(
            line.line_id, line.quantity, price, amounts, base, discounts, group, self.tax_included, line.measure
        )

    def _discounts(self, sku: str, goods: Money) -> Iterable[Adjustment]:
        """What is taken off the goods, by name."""
        own = self.product_discounts.get(sku, ZERO)
        for code, percent in (("general", self.discount_percent), ("product", own)):
            if percent:
                off = _storable(goods * EXACT.scaleb(EXACT.minus(percent), -2))
                yield Adjustment("discount", code, f"{plain(percent)} % off", off)


def _priced(line: QuoteLine) -> Decimal:
    """How much of a line has a price: what it measures, or its units."""
    return line.quantity if line.measure is None else line.measure


def _least(pair: tuple[Decimal, Money]) -> Decimal:
    return pair[0]


def _places(money: Money) -> int:
    """How many places a part of ``money`` may have: a dozen, or fewer where the amount is very large."""
    return max(0, min(_PLACES, _MOST_DIGITS - 1 - money.amount.adjusted()))


def _storable(money: Money) -> Money:
    """``money``, cut after a dozen places only where it has more digits than can be stored."""
    try:
        as_decimal(money.amount)
    except InvalidInput:
        return money.rounded(digits=_places(money))
    return money
