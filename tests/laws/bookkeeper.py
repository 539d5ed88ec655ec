"""A bookkeeper who reads only what happened and the papers: no unit is credited twice, and none at another amount.

The units are those that the machine's auditor counts from the events of an order (`tests.machine.auditor`): how many
were priced, and how many were given back. Beside them the bookkeeper files every charge and credit, and compares.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from orderflow.order import Order
from tests.machine.auditor import DIGITS, Auditor, Row, quoted

__all__ = ["Bookkeeper"]

#: Where units are that have not left, and that have left and not arrived.
HERE, AWAY = ("open", "backordered", "allocated", "picked", "packed"), ("shipped", "lost")
COMPONENTS = ("net", "discount", "shipping", "charges", "tax")
SIGN = {"charge": 1, "credit": -1}


class Bookkeeper(Auditor):
    """The papers of one order beside the units that they are about."""

    def __init__(self) -> None:
        super().__init__()
        self.papers: dict[str, tuple[str, Any]] = {}

    def _charge_raised(self, event: Any) -> None:
        self._filed(event, "charge")

    def _credit_raised(self, event: Any) -> None:
        self._filed(event, "credit")

    def _filed(self, event: Any, kind: str) -> None:
        assert event.document_id not in self.papers, f"there are two {event.document_id}"
        assert event.lines, f"{event.document_id} says nothing"
        for line in event.lines:
            assert bool(line.cites) == (kind == "credit")
            assert not line.cites or self.papers[line.cites][0] == "charge", "a credit cites a charge before it"
        self.papers[event.document_id] = kind, event

    # -- what papers say ---------------------------------------------------------------------------------------------

    def lines(self, kind: str) -> Iterator[Any]:
        """What papers of a kind say of goods."""
        return (line for said, event in self.papers.values() if said == kind for line in event.lines if line.line_id)

    def shares(self, kind: str) -> dict[tuple[str, int], Fraction]:
        """How much of each price papers of a kind are about."""
        found: defaultdict[tuple[str, int], Fraction] = defaultdict(Fraction)
        for line in self.lines(kind):
            price = self.rows[line.line_id].prices[line.tranche]
            part = (line.quantity, price.quoted) if line.measure is None else (line.measure, price.measure)
            found[line.place] += Fraction(part[0]) / part[1]
        return found

    def left(self, line_id: str) -> Fraction:
        """Units of a line that are charged and were not credited."""
        return sum(
            (
                SIGN[kind] * Fraction(one.quantity)
                for kind in SIGN
                for one in self.lines(kind)
                if one.line_id == line_id
            ),
            Fraction(0),
        )

    # -- what must hold ----------------------------------------------------------------------------------------------

    def audits(self, order: Order) -> None:
        """All of it."""
        cent = Fraction(1, 10 ** DIGITS[order.currency])
        for kind, event in self.papers.values():
            self._can_be_paid(event, cent)
            if kind == "charge":
                self._is_credited_once(event)
        if self.papers:
            for line_id, row in self.rows.items():
                self._is_charged_in_time(order, line_id, row)
            self._every_cent_is_named(order, cent)
        assert order.balance.payable.amount >= 0, f"{order.balance.payable} is to be paid"
        if all(kept(row) == 0 for row in self.rows.values()):
            self._nothing_is_left(order)

    @staticmethod
    def _can_be_paid(event: Any, cent: Fraction) -> None:
        for line in event.lines:
            for name in COMPONENTS:
                amount = Fraction(getattr(line.amounts, name).amount)
                assert (amount / cent).denominator == 1, f"{amount} {name} cannot be paid"

    def _is_credited_once(self, charge: Any) -> None:
        """By line in units and amounts, and by what is taxed alike in tax; whatever is credited whole, exactly."""
        cited: defaultdict[int, list[Any]] = defaultdict(list)
        for kind, event in self.papers.values():
            for line in event.lines if kind == "credit" else ():
                if line.cites == charge.document_id:
                    cited[line.cited_line].append(line)
        groups: defaultdict[Any, list[tuple[Any, list[Any]]]] = defaultdict(list)
        for index, line in enumerate(charge.lines):
            groups[line.tax_group].append((line, cited[index]))
            self._line_is_credited_once(charge, line, cited[index])
        for group, pairs in groups.items():
            whole = all(_size(line) == sum(map(_size, back)) for line, back in pairs)
            everything = [one for _, back in pairs for one in back]
            for name in ("tax", "before_tax", "total"):
                _no_more(charge, group, name, [line for line, _ in pairs], everything, whole)

    def _line_is_credited_once(self, charge: Any, line: Any, back: list[Any]) -> None:
        assert all(one.place == line.place and one.tax_group == line.tax_group for one in back)
        assert all((one.measure is None) == (line.measure is None) for one in back)
        given = sum(map(_size, back), Fraction(0))
        assert given <= _size(line), f"{given} of {_size(line)} of {line.place} on {charge.document_id} are credited"
        assert sum((Fraction(one.quantity) for one in back), Fraction(0)) <= len(back) * Fraction(line.quantity)
        names = ["discount", "shipping", "charges", "total" if self._with_tax(line) else "net"]
        for name in names if line.line_id else ["total"]:
            _no_more(charge, line.place, name, [line], back, given == _size(line))

    def _with_tax(self, line: Any) -> bool:
        return not line.line_id or self.rows[line.line_id].prices[line.tranche].with_tax

    def _is_charged_in_time(self, order: Order, line_id: str, row: Row) -> None:
        """As many units are charged and not credited as are to be paid for by now; of goods by number."""
        waiting = {"order": (), "despatch": HERE, "delivery": (*HERE, *AWAY)}[order.settlement.charge_on]
        some = sum((row.at[place] for place in waiting), Fraction(0))
        if any(price.measure is not None for price in row.prices):
            return
        said = f"{self.left(line_id)} of {line_id} are charged, {kept(row)} kept, {some} of them on their way"
        assert kept(row) - some <= self.left(line_id) <= kept(row), said

    def _every_cent_is_named(self, order: Order, cent: Fraction) -> None:
        """Charges less credits are what the order says of these units, but for the cents that papers name."""
        goods = [(kind, event) for kind, event in self.papers.values() if event.lines[0].line_id]
        papers = sum((SIGN[kind] * _total(event.lines) for kind, event in goods), Fraction(0))
        named = sum((SIGN[kind] * Fraction(event.difference.total.amount) for kind, event in goods), Fraction(0))
        charged, credited = (self._by_the_quote(self.shares(kind), order) for kind in SIGN)
        assert papers - named == charged - credited, f"{papers} less {named} named, and {charged} less {credited}"
        if order.balance.to_come.is_zero and all(self.left(one) == kept(row) for one, row in self.rows.items()):
            total, rows = Fraction(order.total.amount), len(self.shares("charge"))
            most = Fraction(0) if self._are_charged_once() else cent * 10 * rows
            assert abs(papers - named - total) <= most, f"{papers} less {named} named, and {total} by the order"

    def _are_charged_once(self) -> bool:
        """Whether papers charge every unit that ever had a price, by number, and none of them twice."""
        charged = self.shares("charge")
        prices = {(line_id, at): one for line_id, row in self.rows.items() for at, one in enumerate(row.prices)}
        return all(
            price.measure is None and charged.get(place) == price.charged / price.quoted
            for place, price in prices.items()
        )

    def _by_the_quote(self, shares: dict[tuple[str, int], Fraction], order: Order) -> Fraction:
        pairs = [(self.rows[line_id].prices[number], share) for (line_id, number), share in shares.items()]
        return quoted(pairs, order)

    def _nothing_is_left(self, order: Order) -> None:
        """Everything was given back: every component of every line is credited as it was charged."""
        assert order.total.is_zero, f"nothing is kept, and {order.total} is to be paid"
        for name in (*COMPONENTS, "total"):
            for group in {line.tax_group for line in self.lines("charge")}:
                was, now = (
                    [line for line in self.lines(kind) if line.tax_group == group] for kind in ("charge", "credit")
                )
                assert _sum_of(was, name) == _sum_of(now, name), f"{name} of {group} is not credited as it was charged"


def kept(row: Row) -> Fraction:
    """Units of a line that were priced and not given back."""
    return sum((price.charged - price.back for price in row.prices), Fraction(0))


def _size(line: Any) -> Fraction:
    return Fraction(line.quantity if line.measure is None else line.measure)


def _sum_of(lines: Iterable[Any], name: str) -> Fraction:
    return sum((Fraction(getattr(line.amounts, name).amount) for line in lines), Fraction(0))


def _total(lines: Iterable[Any]) -> Fraction:
    return _sum_of(lines, "total")


def _no_more(charge: Any, what: Any, name: str, lines: list[Any], back: list[Any], whole: bool) -> None:
    was, now = _sum_of(lines, name), _sum_of(back, name)
    said = f"{charge.document_id} charges {was} {name} of {what}, and {now} is credited"
    assert now == was if whole else abs(now) <= abs(was) and now * was >= 0, said
