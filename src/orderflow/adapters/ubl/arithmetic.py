"""What a document reckons, reckoned again: wrong sums are flagged, with what is stated and what it comes to.

Nothing is corrected. Each sum is checked against the *stated* numbers that it is made of, so that one mistake is told
once, where it was made: a row against its quantity and price, the total of rows against the rows, what is payable
against the totals. A stated number may be exact, or rounded to the digits of the currency, half up or half to even.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from orderflow.adapters.ubl.lines import Row
from orderflow.adapters.ubl.markup import Element
from orderflow.adapters.ubl.reading import Reader
from orderflow.values.money import CURRENCY_DIGITS
from orderflow.values.numbers import ZERO, Rounding, add, mul, neg, plain, ratio_rounded, sub, total
from orderflow.values.record import record

__all__ = ["Sum", "line_sums", "totals"]


@record
class Sum:
    """A number that a document states and that can be reckoned: of a row, or of the whole.

    ``stated`` or ``computed`` is missing where the document does not say enough.
    """

    of: str
    stated: Decimal | None
    computed: Decimal | None
    agrees: bool | None


def line_sums(reader: Reader, rows: Iterable[Row]) -> tuple[Sum, ...]:
    """Of each row: quantity times price, for so many units, less allowances, plus charges."""
    return tuple(_line_sum(reader, row) for row in rows)


def _line_sum(reader: Reader, row: Row) -> Sum:
    element = row.element.first("LineExtensionAmount")
    stated = _amount(reader, element, keep=True)
    adjusted = total(amount if is_charge else neg(amount) for is_charge, amount in _adjustments(reader, row.element))
    computed = agrees = None
    if row.quantity is not None and row.price is not None:
        digits = CURRENCY_DIGITS.get(row.price.currency, 2)
        whole = mul(row.quantity, row.price.amount)
        ways = [ratio_rounded(whole, row.price_per, digits, rule) for rule in (Rounding.HALF_UP, Rounding.HALF_EVEN)]
        computed = add(ways[0], adjusted)
        if stated is not None:
            goods = sub(stated, adjusted)
            agrees = goods in ways or mul(goods, row.price_per) == whole
    if element is not None and agrees is None and stated is not None:
        reader.lose(element, "there is no quantity and price to check it by")
    if element is not None and agrees is False:
        _flag(reader, "ubl.line_amount", "quantity, price, allowances and charges come to", element, stated, computed)
    return Sum(row.id, stated, computed, agrees)


def totals(reader: Reader, rows: Iterable[Row], sums: Iterable[Sum]) -> tuple[Sum, ...]:
    """Of the whole document: rows, allowances, charges, taxes, and what is payable."""
    made = _Totals(reader, tuple(rows), tuple(sums))
    return tuple(made.all())


class _Totals:
    """The sums of a document, each made of those before it."""

    def __init__(self, reader: Reader, rows: tuple[Row, ...], sums: tuple[Sum, ...]) -> None:
        self.reader, self.sums, self.found = reader, sums, list[Sum]()
        self.holder = reader.root.first("AnticipatedMonetaryTotal")
        adjustments = _adjustments(reader, reader.root)
        self.allowances = total(amount for is_charge, amount in adjustments if not is_charge)
        self.charges = total(amount for is_charge, amount in adjustments if is_charge)
        self.taxes_of_rows = [amount for row in rows if (amount := _tax_of(reader, row.element)) is not None]

    def all(self) -> list[Sum]:
        tax = self._tax()
        line = self._check("LineExtensionAmount", "ubl.line_total", "the rows come to", self._of_rows(), keep=True)
        less = self._check("AllowanceTotalAmount", "ubl.allowance_total", "the allowances come to", self.allowances)
        more = self._check("ChargeTotalAmount", "ubl.charge_total", "the charges come to", self.charges)
        computed = add(sub(line, less or ZERO), more or ZERO) if line is not None else None
        before = self._check("TaxExclusiveAmount", "ubl.total_before_tax", "rows and charges come to", computed)
        computed = add(before, tax) if before is not None else None
        after = self._check("TaxInclusiveAmount", "ubl.total_with_tax", "with tax it comes to", computed)
        prepaid, rounding = self._stated("PrepaidAmount"), self._stated("PayableRoundingAmount")
        computed = add(sub(after, prepaid or ZERO), rounding or ZERO) if after is not None else None
        self._check("PayableAmount", "ubl.payable", "the totals come to", computed)
        return self.found

    def _of_rows(self) -> Decimal | None:
        """The rows as they are stated; as they are reckoned, where they state nothing."""
        amounts = [one.stated if one.stated is not None else one.computed for one in self.sums]
        return total(amount for amount in amounts if amount is not None) if None not in amounts else None

    def _tax(self) -> Decimal:
        """The taxes that are stated: of the whole, else of the rows."""
        stated = [self._tax_total(one) for one in self.reader.root.all("TaxTotal")]
        of_rows = total(self.taxes_of_rows)
        if not stated:
            return of_rows
        whole = total(amount for amount in stated if amount is not None)
        if self.taxes_of_rows:
            agrees = whole == of_rows
            self.found.append(Sum("TaxTotal", whole, of_rows, agrees))
            if not agrees:
                at = self.reader.root.all("TaxTotal")[0]
                _flag(self.reader, "ubl.tax_of_lines", "the taxes of the rows come to", at, whole, of_rows)
        return whole

    def _tax_total(self, element: Element) -> Decimal | None:
        return _tax_total(self.reader, element)

    def _stated(self, name: str, keep: bool = False) -> Decimal | None:
        element = self.holder.first(name) if self.holder is not None else None
        return _amount(self.reader, element, keep=keep)

    def _check(self, name: str, code: str, told: str, computed: Decimal | None, keep: bool = False) -> Decimal | None:
        """A stated total against what it is made of; what is stated goes on to the next one, else what it comes to."""
        stated = self._stated(name, keep)
        if stated is None:
            return computed
        agrees = stated == computed if computed is not None else None
        self.found.append(Sum(name, stated, computed, agrees))
        element = self.holder.first(name) if self.holder is not None else None
        if agrees is False and element is not None:
            _flag(self.reader, code, told, element, stated, computed)
        return stated


def _tax_total(reader: Reader, element: Element) -> Decimal | None:
    """A total of taxes, against the taxes that it consists of, and these against their rates."""
    stated = _amount(reader, element.first("TaxAmount"))
    parts = [_tax_part(reader, part) for part in element.all("TaxSubtotal")]
    if stated is not None and parts and None not in parts:
        computed = total(part for part in parts if part is not None)
        if computed != stated:
            _flag(reader, "ubl.tax_total", "the taxes in it come to", element, stated, computed)
    return stated


def _tax_part(reader: Reader, element: Element) -> Decimal | None:
    stated, taxable = (_amount(reader, element.first(name)) for name in ("TaxAmount", "TaxableAmount"))
    percent = reader.checked(element.first("Percent") or element.first("TaxCategory", "Percent"))
    if stated is not None and taxable is not None and percent is not None:
        digits = CURRENCY_DIGITS.get(reader.currency, 2)
        computed = ratio_rounded(mul(taxable, percent), Decimal(100), digits)
        if stated != computed:
            _flag(reader, "ubl.tax_amount", f"{plain(percent)} % of {plain(taxable)} is", element, stated, computed)
    return stated


def _tax_of(reader: Reader, item: Element) -> Decimal | None:
    """The tax of a row, in either way of saying it."""
    stated = _amount(reader, item.first("TotalTaxAmount"))
    parts = [_tax_total(reader, one) for one in item.all("TaxTotal")]
    found = [part for part in parts if part is not None]
    if stated is not None and found and total(found) != stated:
        _flag(reader, "ubl.tax_total", "the taxes of the row come to", item, stated, total(found))
    return stated if stated is not None else total(found) if found else None


def _adjustments(reader: Reader, holder: Element) -> list[tuple[bool, Decimal]]:
    """Allowances and charges: whether it is a charge, and how much."""
    found = []
    for one in holder.all("AllowanceCharge"):
        is_charge, amount = reader.is_said(one.first("ChargeIndicator")), _amount(reader, one.first("Amount"))
        reader.lose(one, "allowances and charges are agreed with the pricing system; the stated ones were checked")
        if is_charge is not None and amount is not None:
            found.append((is_charge, amount))
    return found


def _amount(reader: Reader, element: Element | None, keep: bool = False) -> Decimal | None:
    """An amount that is checked; ``keep``: it follows from what is kept, so that nothing is lost with it."""
    amount = reader.number(element) if keep else reader.checked(element)
    if element is not None and amount is not None:
        reader.amount_currency(element)
    return amount


def _flag(reader: Reader, code: str, told: str, at: Element, stated: Decimal | None, computed: Decimal | None) -> None:
    assert stated is not None
    assert computed is not None
    reader.flag(code, f"{told} {plain(computed)}, {plain(stated)} is stated", at, stated, computed)
