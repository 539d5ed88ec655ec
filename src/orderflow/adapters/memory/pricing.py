"""A price list: prices by product and quantity, one tax rate, a discount, shipping.

A price may depend on the quantity ("4.20 each from 10") and may be for more than one unit ("4.60 per 100"). Which break
a line reaches is decided by all its units; so an amendment that reaches a break gets the better price for the units it
adds, and what was agreed before stays.

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
from orderflow.charges import Amounts
from orderflow.errors import InvalidInput, PortRefused, Problems
from orderflow.ports import Quote, QuotedLine, QuoteLine, QuotePrices, Repeats
from orderflow.values.money import Money, as_currency, as_money, split, zero
from orderflow.values.numbers import EXACT, ONE, ZERO, add, as_decimal, as_not_negative, as_positive, round_to

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
        tax: The rate of tax, on goods and shipping: ``"0.19"``.
        tax_included: Whether the prices, and shipping, are shown with tax.
        base_quantities: By product, for how many units the price is; one if left out.
        shipping: What sending an order costs. It is shared over the lines of a quote none of whose lines was priced
            before; so a line added later on its own bears it again.
        discount_percent: What everybody gets off the goods: ``"5"``.
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
        shipping: _Price | None = None,
        discount_percent: _Number = 0,
    ) -> None:
        self.currency = as_currency(currency)
        self.tax_included = tax_included
        self._entries: dict[str, _Entry] = {}
        problems = Problems()
        self.tax = problems.attempt("tax", as_not_negative, tax) or ZERO
        self.discount_percent = problems.attempt("discount_percent", as_not_negative, discount_percent) or ZERO
        self.shipping = None if shipping is None else problems.attempt("shipping", self._whole, shipping)
        bases = base_quantities or {}
        for sku, price in prices.items():
            with problems.at(f"prices[{sku!r}]"):
                self.set_price(sku, price, bases.get(sku, ONE))
        problems.raise_any()
        self._with_tax = add(ONE, self.tax)
        self._discount = EXACT.scaleb(EXACT.minus(self.discount_percent), -2)
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
        goods = [self._times(price, line.quantity, base) for line, (price, base) in pairs]
        shares = self._shipping_shares(request.lines, goods)
        return Quote(
            tuple(
                QuotedLine(line.line_id, line.quantity, price, self._amounts(worth, share), base)
                for line, (price, base), worth, share in zip(request.lines, chosen, goods, shares, strict=True)
            )
        )

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
        units = add(line.quantity, line.already) if line.already else line.quantity
        for least, price in entry.breaks:
            if units >= least:
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

    def _shipping_shares(self, lines: Sequence[QuoteLine], goods: Sequence[Money]) -> Iterable[Money]:
        """What each line bears of the shipping: in proportion to its worth, and nothing after the first quote."""
        if self.shipping is None or not lines or any(line.already for line in lines):
            return [self._nothing] * len(lines)
        if len(lines) == 1:
            return [self.shipping]
        weights = [worth.amount for worth in goods]
        return split(self.shipping, weights if any(weights) else [line.quantity for line in lines])

    def _amounts(self, goods: Money, shipping: Money) -> Amounts:
        discount = _storable(goods * self._discount) if self._discount else self._nothing
        payable = goods + discount + shipping
        if not self.tax:
            return Amounts(goods, discount, shipping, self._nothing)
        if not self.tax_included:
            return Amounts(goods, discount, shipping, _storable(payable * self.tax))
        net = self._over(goods, self._with_tax)
        discount = self._over(discount, self._with_tax) if self._discount else discount
        shipping = self._over(shipping, self._with_tax) if not shipping.is_zero else shipping
        return Amounts(net, discount, shipping, payable - net - discount - shipping)


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
