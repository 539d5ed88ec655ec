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

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Literal, TypeAlias

import attrs

from orderflow.charges import Amounts, TaxGroup, Tranche
from orderflow.totals import TaxTotal
from orderflow.values.checked import PERSONAL
from orderflow.values.money import Money, zero
from orderflow.values.numbers import EXACT, ratio_cut
from orderflow.values.record import record

__all__ = [
    "Document",
    "DocumentLine",
    "Kept",
    "Part",
    "Place",
    "Prices",
    "Tally",
    "kept_of",
    "not_billed",
    "share_of",
    "sum_of",
    "tally_of",
    "to_be_charged",
    "to_be_credited",
]

_ZERO, _NONE = Decimal(0), Fraction(0)

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
    description: str = attrs.field(default="", metadata=PERSONAL)

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
        return sum_of(self.lines)

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


def sum_of(lines: Sequence[DocumentLine]) -> Amounts:
    """What lines of a document come to, by component."""
    whole = lines[0].amounts
    for line in lines[1:]:
        whole = whole + line.amounts
    return whole


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
    return share_of(tranche, line.size, line.measure is not None)


def share_of(tranche: Tranche, size: Decimal, is_measured: bool) -> Fraction:
    """The part of a tranche's agreed amounts that so many units are, or goods that measure so much."""
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


def not_billed(kept: Iterable[Kept], billed: Decimal) -> Iterator[Kept]:
    """What is left to be charged of what is kept of a line, once others have billed so many units of it.

    They have billed the oldest prices first, as what leaves first has the oldest; of measured goods, their share.

    >>> kept = Kept(("L1", 0), Decimal(1), Decimal(2), Decimal("3.0"))
    >>> [(str(one.units), str(one.pieces), str(one.measure)) for one in not_billed([kept], Decimal(2))]
    [('0', '1', '1.5')]
    """
    for one in kept:
        units, measure = min(billed, one.units), one.measure
        pieces = min(EXACT.subtract(billed, units), one.pieces)
        if pieces:
            measure = EXACT.subtract(measure, ratio_cut(EXACT.multiply(measure, pieces), one.pieces))
        billed = EXACT.subtract(EXACT.subtract(billed, units), pieces)
        yield Kept(one.place, EXACT.subtract(one.units, units), EXACT.subtract(one.pieces, pieces), measure)


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
