"""Money: an exact amount in one currency.

An amount is never rounded by arithmetic. It is rounded once, by whoever charges it, with a rule that is named
(`Rounding`) to the digits of its currency: two for the euro, none for the yen, three for the Kuwaiti dinar. Amounts of
different currencies do not add up and do not compare; there is no exchange here.

Digits are those of ISO 4217. Funds, metals and test codes of that standard (XAU, XDR, XXX and their like) have no
smallest unit and nobody pays an order with them, so they are unknown here. Codes that were withdrawn in recent years
stay known, since stored orders name them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from orderflow.errors import InvalidInput, Problems, Violation
from orderflow.values.checked import checked, value
from orderflow.values.numbers import (
    EXACT,
    ZERO,
    Rounding,
    add,
    as_decimal,
    as_not_negative,
    mul,
    neg,
    plain,
    round_to,
    sub,
)

__all__ = ["CURRENCY_DIGITS", "Money", "Rounding", "as_currency", "as_money", "split", "sum_money", "zero"]

_CODES_BY_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
        CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF
        IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
        MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP
        SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER
        ZAR ZMW ZWG
        ANG BGN CUC HRK SLL ZWL
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

CURRENCY_DIGITS: Final[dict[str, int]] = {
    code: digits for digits, codes in _CODES_BY_DIGITS.items() for code in codes.split()
}
"""ISO 4217 alphabetic codes with the digits of their smallest unit; the last row of the two-digit ones is withdrawn."""


def as_currency(raw: Any) -> str:
    """An ISO 4217 alphabetic code, in capitals (``money.unknown_currency``)."""
    if isinstance(raw, str) and raw in CURRENCY_DIGITS:
        return raw
    raise InvalidInput.because("money.unknown_currency", f"must be a currency code of ISO 4217, not {_shown(raw)}")


@value
class Money:
    """An exact, unrounded amount in one currency; it may be negative.

    Amounts given to the constructor keep to the bounds of `orderflow.values.numbers`. A product may have more digits,
    up to 60, and is rounded before it is charged or stored.

    >>> price = Money("19.99", "EUR") * 3
    >>> str(price), str((price * Decimal("0.0725")).rounded())
    ('59.97 EUR', '4.35 EUR')
    """

    amount: Decimal = checked(as_decimal)
    currency: str = checked(as_currency)

    if TYPE_CHECKING:

        def __init__(self, amount: Decimal | int | str, currency: str) -> None: ...

    def __add__(self, other: Money) -> Money:
        if not isinstance(other, Money):
            return NotImplemented
        self._same_currency(other)
        return _money(add(self.amount, other.amount), self.currency)

    def __sub__(self, other: Money) -> Money:
        if not isinstance(other, Money):
            return NotImplemented
        self._same_currency(other)
        return _money(sub(self.amount, other.amount), self.currency)

    def __mul__(self, factor: Decimal | int) -> Money:
        if isinstance(factor, (Money, str)):
            return NotImplemented
        return _money(mul(self.amount, as_decimal(factor)), self.currency)

    __rmul__ = __mul__

    def __neg__(self) -> Money:
        return _money(neg(self.amount), self.currency)

    def __lt__(self, other: Money) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        self._same_currency(other)
        return self.amount < other.amount

    def __le__(self, other: Money) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        self._same_currency(other)
        return self.amount <= other.amount

    def __gt__(self, other: Money) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return other.__lt__(self)

    def __ge__(self, other: Money) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return other.__le__(self)

    def __str__(self) -> str:
        written = plain(self.amount)
        whole, _, places = written.partition(".")
        places = places.ljust(self.digits, "0")
        return f"{whole}.{places} {self.currency}" if places else f"{whole} {self.currency}"

    @property
    def digits(self) -> int:
        """How many places after the point the smallest unit of the currency has."""
        return CURRENCY_DIGITS[self.currency]

    @property
    def is_zero(self) -> bool:
        """Whether nothing is owed either way."""
        return not self.amount

    def rounded(self, rule: Rounding = Rounding.HALF_UP, digits: int | None = None) -> Money:
        """The amount that can be paid: rounded to the currency's smallest unit, or to ``digits`` places."""
        return _money(round_to(self.amount, self.digits if digits is None else digits, rule), self.currency)

    def _same_currency(self, other: Money) -> None:
        if self.currency != other.currency:
            raise InvalidInput.because(
                "money.currency_mismatch", f"must be in one currency, not {self.currency} and {other.currency}"
            )


_set_amount = Money.__dict__["amount"].__set__
_set_currency = Money.__dict__["currency"].__set__


def _money(amount: Decimal, currency: str) -> Money:
    """Money from parts that are known to be good, without looking at them again."""
    made = object.__new__(Money)
    _set_amount(made, amount)
    _set_currency(made, currency)
    return made


def as_money(raw: Any) -> Money:
    """Money, or a pair of amount and currency (``money.not_money``)."""
    if isinstance(raw, Money):
        return raw
    if isinstance(raw, (tuple, list)) and len(raw) == 2:
        return Money(raw[0], raw[1])
    raise InvalidInput.because("money.not_money", f"must be Money or (amount, currency), not {_shown(raw)}")


def zero(currency: str) -> Money:
    """No money, in ``currency``."""
    return _money(ZERO, as_currency(currency))


def sum_money(items: Iterable[Money], currency: str) -> Money:
    """What ``items`` come to together; no items are zero ``currency``."""
    total = zero(currency)
    for item in items:
        total = total + item
    return total


def split(total: Money, weights: Sequence[Decimal | int | str], digits: int | None = None) -> tuple[Money, ...]:
    """Share ``total`` out in proportion to ``weights``, to the last cent.

    Every part is a whole number of smallest units and the parts sum to ``total``. Each gets its share rounded down; the
    units left over go to the largest remainders, and among equals to the earlier.

    >>> [str(part) for part in split(Money("10.00", "EUR"), [Decimal(1), Decimal(1), Decimal(1)])]
    ['3.34 EUR', '3.33 EUR', '3.33 EUR']

    Raises:
        InvalidInput: ``number.negative`` for a weight below zero, ``money.no_weights`` when there is none above zero,
            ``money.not_rounded`` when ``total`` is finer than the parts may be.
    """
    places = total.digits if digits is None else digits
    units, shares = _units(total, places), _whole_weights(weights)
    whole = sum(shares)
    parts = [abs(units) * share // whole for share in shares]
    remainders = [abs(units) * share % whole for share in shares]
    left = abs(units) - sum(parts)
    for index in sorted(range(len(parts)), key=lambda at: (-remainders[at], at))[:left]:
        parts[index] += 1
    sign = -1 if units < 0 else 1
    return tuple(_money(EXACT.scaleb(Decimal(sign * part), -places), total.currency) for part in parts)


def _units(total: Money, digits: int) -> int:
    """``total`` counted in smallest units."""
    rounded = round_to(total.amount, digits)
    if rounded != total.amount:
        raise InvalidInput.because(
            "money.not_rounded", f"must be rounded to {digits} places before it is split: {total}"
        )
    return int(EXACT.scaleb(rounded, digits))


def _whole_weights(weights: Sequence[Decimal | int | str]) -> list[int]:
    """``weights`` as integers in the same proportion."""
    problems = Problems()
    found = [problems.attempt(f"weights[{index}]", as_not_negative, weight) for index, weight in enumerate(weights)]
    problems.raise_any()
    scaled = [int(EXACT.scaleb(weight, 15)) for weight in found if weight is not None]
    if not any(scaled):
        raise InvalidInput([Violation("money.no_weights", "needs at least one weight above zero", "weights")])
    return scaled


def _shown(raw: Any) -> str:
    return repr(raw)[:40]
