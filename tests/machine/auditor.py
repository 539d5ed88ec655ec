"""A naive auditor: the trade's own books, kept with pencil and fractions beside what orderflow keeps.

It hears every event of an order in words (so many units were picked, this parcel left, that is what they cost) and
counts. It knows neither the ledger nor the charges of the library; where both disagree, one of them is wrong.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from orderflow.messages import Event
from orderflow.order import Order

__all__ = ["DIGITS", "Auditor", "Price", "Row", "kind", "quoted"]

#: Kinds of places in which goods are that have left us.
GONE = ("shipped", "delivered", "lost")
#: Kinds of places in which they are that have left us and come back, or are to.
BACK = ("returning", "received", "restocked", "scrapped", "sent_back")
#: Places after the point.
DIGITS = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}
_PARTS = ("net", "discount", "shipping", "tax", "charges")


def kind(account: str) -> str:
    """``packed`` of ``packed:P1``."""
    return account.partition(":")[0]


class Price:
    """Units of a line at an agreed price: how many are charged, and how many were given back."""

    def __init__(self, tranche: Any) -> None:
        self.quoted = Fraction(tranche.quantity)
        self.amounts = {part: Fraction(getattr(tranche.amounts, part).amount) for part in _PARTS}
        self.with_tax, self.group = tranche.tax_included, tranche.tax_group
        self.measure = None if tranche.measure is None else Fraction(tranche.measure)
        self.charged, self.back = self.quoted, Fraction(0)


class Row:
    """One line: how many units were ordered or came beyond that, where they are, what they cost."""

    def __init__(self, sku: str, method: str, over: Decimal) -> None:
        self.sku, self.method, self.over = sku, method, Fraction(over)
        self.ordered = self.surplus = self.beyond = Fraction(0)
        self.at: defaultdict[str, Fraction] = defaultdict(Fraction)
        self.prices: list[Price] = []
        self.without_price = self.unbilled = Fraction(0)
        self.replaces = ""

    @property
    def live(self) -> Fraction:
        """Units that are still to reach the customer, or have."""
        return self.ordered + self.surplus - self.at["cancelled"] - self.at["closed_short"]

    @property
    def left(self) -> Fraction:
        """Units that have left us, wherever they are."""
        return sum((self.at[place] for place in (*GONE, *BACK)), Fraction(0))

    def gives_back(self, units: Fraction) -> None:
        """Units that are not wanted any more: first those that cost nothing, then the latest price."""
        free = min(units, self.without_price)
        self.without_price -= free
        self.unbilled -= min(units, self.unbilled)
        self.refunds(units - free)

    def refunds(self, units: Fraction) -> None:
        """Units that were paid for and are given back, the latest price first."""
        for price in reversed(self.prices):
            taken = min(units, price.charged - price.back)
            price.back += taken
            units -= taken

    def came_beyond(self, units: Fraction, uncharged: Fraction) -> None:
        """Units beyond the order, charged at the latest price unless nobody agreed to that."""
        free = min(units, uncharged) if self.prices else units
        self.without_price += free
        self.unbilled += free
        if self.prices:
            self.prices[-1].charged += units - free


class Auditor:
    """The books of one order."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.method, self.own_methods = "carrier", dict[str, str | None]()
        self.boxes: defaultdict[str, defaultdict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
        self.where: dict[str, str] = {}
        self.shipments: dict[str, list[str]] = {}
        self.claims: dict[str, tuple[str, Fraction]] = {}
        self.to_issue: dict[str, dict[str, Fraction]] = {}
        self.issued: defaultdict[str, Fraction] = defaultdict(Fraction)
        self.to_receive: dict[str, dict[str, Fraction]] = {}
        self.restocked: defaultdict[str, Fraction] = defaultdict(Fraction)
        self.labels: dict[str, str] = {}
        self.put_away: defaultdict[str, Fraction] = defaultdict(Fraction)
        self.bookings: dict[str, str] = {}
        self.insisted: set[str] = set()
        self.letters: dict[str, tuple[Any, ...]] = {}
        self.sent: list[str] = []
        self.failed: set[str] = set()
        self.heard = 0
        self.seen: set[str] = set()

    def hears(self, event: Event) -> None:
        """Write down what an event says."""
        self.heard += 1
        self.seen.add(type(event).__name__)
        tell: Callable[[Any], None] | None = getattr(self, f"_{event.TAG}", None)
        if tell is not None:
            tell(event)
        else:
            self._moves(getattr(event, "moves", ()))

    # -- where units are ---------------------------------------------------------------------------------------------

    def _moves(self, moves: Iterable[Any], uncharged: Any = ()) -> None:
        beyond: defaultdict[str, Fraction] = defaultdict(Fraction)
        given: defaultdict[str, Fraction] = defaultdict(Fraction)
        for move in moves:
            units = Fraction(move.quantity)
            if move.source == "surplus":
                beyond[move.line_id] += units
            if kind(move.target) in ("cancelled", "closed_short"):
                given[move.line_id] += units
            self._goes(move.line_id, move.source, move.target, units)
        for line_id, units in beyond.items():
            self.rows[line_id].came_beyond(units, Fraction(dict(uncharged).get(line_id, 0)))
        for line_id, units in given.items():
            self.rows[line_id].gives_back(units)

    def _goes(self, line_id: str, source: str, target: str, units: Fraction) -> None:
        row = self.rows[line_id]
        assert units > 0, f"{units} of {line_id} from {source} to {target}"
        if source == "ordered":
            row.ordered += units
            row.without_price += units
        elif source == "surplus":
            row.surplus += units
        else:
            row.at[kind(source)] -= units
            assert row.at[kind(source)] >= 0, f"{line_id}: there are fewer {kind(source)} than {units}"
        row.at[kind(target)] += units
        for account, sign in ((source, -1), (target, 1)):
            what, _, box = account.partition(":")
            if box and what in ("packed", *GONE):
                self.boxes[box][line_id] += sign * units
                assert self.boxes[box][line_id] >= 0, f"{box} does not hold {units} of {line_id}"
                if sign > 0:
                    self.where[box] = what

    def _carried(self, box: str, *, to: str) -> None:
        """All that is in a parcel that has left is somewhere else on its way."""
        was = self.where.get(box)
        assert was in GONE, f"{box} is {was}, and was seen {to}"
        for line_id, units in self.boxes[box].items():
            self.rows[line_id].at[was] -= units
            self.rows[line_id].at[to] += units
        self.where[box] = to

    def _begins(self, line: Any, units: Any, method: str) -> None:
        self.rows[line.id] = Row(line.sku, line.terms.method or method, line.tolerance.over)
        self.own_methods[line.id] = line.terms.method
        if units:
            self._goes(line.id, "ordered", "open", Fraction(units))

    def _order_amended(self, event: Any) -> None:
        self._moves(event.moves)
        if event.terms is not None:
            self.method = event.terms.method or "carrier"
        for line in event.changed:
            self.own_methods[line.id] = line.terms.method
        for placed in event.added:
            self._begins(placed.line, placed.quantity, self.method)
        for line_id, row in self.rows.items():
            row.method = self.own_methods.get(line_id) or self.method

    def _order_drafted(self, event: Any) -> None:
        self._order_placed(event)

    def _order_placed(self, event: Any) -> None:
        self.rows.clear()
        self.method = event.terms.method or "carrier"
        for placed in event.lines:
            self._begins(placed.line, placed.quantity, event.terms.method or "carrier")

    def _line_substituted(self, event: Any) -> None:
        self._moves(event.moves)
        self._begins(event.substitute, event.quantity, self.rows[event.line_id].method)

    def _replacement_ordered(self, event: Any) -> None:
        for one in event.lines:
            origin = self.rows[one.replaces]
            self.rows[one.line_id] = Row(origin.sku, origin.method, Decimal(0))
            self.rows[one.line_id].replaces = one.replaces
            self.own_methods[one.line_id] = origin.method
            self._goes(one.line_id, "ordered", "open", Fraction(one.quantity))

    def _line_backordered(self, event: Any) -> None:
        self._goes(event.line_id, "open", "backordered", Fraction(event.quantity))

    def _backorder_filled(self, event: Any) -> None:
        self._goes(event.line_id, "backordered", "open", Fraction(event.quantity))

    def _fulfillment_planned(self, event: Any) -> None:
        for line_id, units in event.quantities.items():
            self._goes(line_id, "open", "allocated", Fraction(units))

    def _work_declined(self, event: Any) -> None:
        for line_id, units in event.quantities.items():
            self._goes(line_id, "allocated", "open", Fraction(units))

    def _goods_picked(self, event: Any) -> None:
        self._handled(event.goods, event.surplus, "allocated", "picked")

    def _picked_short(self, event: Any) -> None:
        self._goes(event.line_id, "allocated", "open", Fraction(event.quantity))

    def _parcel_packed(self, event: Any) -> None:
        self._handled(event.contents, event.surplus, "picked", f"packed:{event.parcel_id}")

    def _handled(self, goods: Iterable[Any], surplus: Any, source: str, target: str) -> None:
        units: defaultdict[str, Fraction] = defaultdict(Fraction)
        for some in goods:
            units[some.line_id] += Fraction(some.quantity)
        for line_id, quantity in units.items():
            more = Fraction(surplus.get(line_id, 0))
            if quantity > more:
                self._goes(line_id, source, target, quantity - more)
            if more:
                self._goes(line_id, "surplus", target, more)
                self.rows[line_id].came_beyond(more, Fraction(0))

    def _parcel_unpacked(self, event: Any) -> None:
        for line_id, units in list(self.boxes[event.parcel_id].items()):
            if units:
                self._goes(line_id, f"packed:{event.parcel_id}", "picked", units)

    def _goods_put_away(self, event: Any) -> None:
        for some in event.goods:
            self.put_away[some.line_id] += Fraction(some.quantity)

    # -- what leaves -------------------------------------------------------------------------------------------------

    def _shipment_planned(self, event: Any) -> None:
        self.shipments[event.shipment_id] = list(event.parcel_ids)

    def _shipment_divided(self, event: Any) -> None:
        rest = list(event.parcel_ids)
        self.shipments[event.rest_id] = rest
        self.shipments[event.shipment_id] = [box for box in self.shipments[event.shipment_id] if box not in rest]

    def _goods_despatched(self, event: Any) -> None:
        leaving: defaultdict[str, Fraction] = defaultdict(Fraction)
        for box in self.shipments[event.shipment_id]:
            for line_id, units in list(self.boxes[box].items()):
                if units:
                    self._goes(line_id, f"packed:{box}", f"shipped:{box}", units)
                    leaving[line_id] += units
        self._leaves(event.shipment_id, leaving)

    def _despatch_recorded(self, event: Any) -> None:
        leaving: defaultdict[str, Fraction] = defaultdict(Fraction)
        ours = {sent.parcel_id for sent in event.parcels}
        for boxes in self.shipments.values():
            boxes[:] = [box for box in boxes if box not in ours]
        self._moves(event.moves, event.beyond)
        for sent in event.parcels:
            held: defaultdict[str, Fraction] = defaultdict(Fraction)
            for some in sent.contents:
                held[some.line_id] += Fraction(some.quantity)
                leaving[some.line_id] += Fraction(some.quantity)
            mine = {line_id: units for line_id, units in self.boxes[sent.parcel_id].items() if units}
            assert mine == dict(held), f"{sent.parcel_id} left with {dict(held)}, and {mine} was booked"
        for line_id, units in event.beyond.items():
            self.rows[line_id].beyond += Fraction(units)
        self.shipments[event.shipment_id] = list(ours)
        self._leaves(event.shipment_id, leaving)

    def _goods_handed_over(self, event: Any) -> None:
        leaving: defaultdict[str, Fraction] = defaultdict(Fraction)
        self._moves(event.moves)
        for move in event.moves:
            leaving[move.line_id] += Fraction(move.quantity)
        self._leaves(event.handover_id, leaving)

    def _leaves(self, about: str, leaving: dict[str, Fraction]) -> None:
        """The inventory is to book out what came from a shelf of ours."""
        units: defaultdict[str, Fraction] = defaultdict(Fraction)
        for line_id, quantity in leaving.items():
            if self.rows[line_id].method not in ("digital", "supplier"):
                units[self.rows[line_id].sku] += quantity
        if units:
            assert about not in self.to_issue, f"{about} left twice"
            self.to_issue[about] = units

    def _stock_issued(self, event: Any) -> None:
        for sku, units in self.to_issue.pop(event.shipment_id).items():
            self.issued[sku] += units

    def _goods_delivered(self, event: Any) -> None:
        self._carried(event.parcel_id, to="delivered")

    def _delivery_revoked(self, event: Any) -> None:
        self._carried(event.parcel_id, to="shipped")

    def _goods_lost(self, event: Any) -> None:
        self._carried(event.parcel_id, to="lost")

    def _goods_found(self, event: Any) -> None:
        self._carried(event.parcel_id, to="shipped")

    # -- what comes back ---------------------------------------------------------------------------------------------

    def _return_disposed(self, event: Any) -> None:
        self._moves(event.moves)
        told: defaultdict[str, Fraction] = defaultdict(Fraction)
        for receipt in event.receipts:
            assert receipt.id not in self.to_receive, f"{receipt.id} is told twice"
            self.to_receive[receipt.id] = defaultdict(Fraction)
            for line in receipt.lines:
                self.to_receive[receipt.id][line.sku] += Fraction(line.quantity)
                told[line.sku] += Fraction(line.quantity)
        kept: defaultdict[str, Fraction] = defaultdict(Fraction)
        for move in event.moves:
            row = self.rows[move.line_id]
            if move.target == "restocked" and row.method not in ("digital", "supplier"):
                kept[row.sku] += Fraction(move.quantity)
        assert told == kept, f"the inventory is told {dict(told)}, and {dict(kept)} goes on the shelf"

    def _stock_received(self, event: Any) -> None:
        for sku, units in self.to_receive.pop(event.request_id).items():
            self.restocked[sku] += units

    def _return_label_booked(self, event: Any) -> None:
        self.labels[event.booking.number] = event.return_id

    def _exchange_ordered(self, event: Any) -> None:
        for one in event.lines:
            origin = self.rows[one.instead_of]
            self.rows[one.line_id] = Row(one.sku, origin.method, Decimal(0))
            self.rows[one.line_id].over = origin.over
            self.rows[one.line_id].replaces = one.instead_of if one.is_free else ""
            self._goes(one.line_id, "ordered", "open", Fraction(one.quantity))

    def _return_credited(self, event: Any) -> None:
        for line_id, units in event.quantities.items():
            row = self.rows[line_id]
            while row.replaces:
                row = self.rows[row.replaces]
            worth = Fraction(units) - Fraction(event.withheld.get(line_id, 0))
            left = sum((price.charged - price.back for price in row.prices), Fraction(0))
            assert 0 <= worth <= left, f"{line_id}: {worth} are credited, and {left} were paid for and not given back"
            row.refunds(worth)

    # -- what others hold --------------------------------------------------------------------------------------------

    def _claim_wanted(self, event: Any) -> None:
        self.claims[event.claim_id] = event.line_id, Fraction(event.quantity)

    def _shipment_booked(self, event: Any) -> None:
        self.bookings[event.booking.number] = event.shipment_id

    def _booking_contradicted(self, event: Any) -> None:
        self.bookings[event.booking.number] = event.shipment_id

    def _void_declined(self, event: Any) -> None:
        self.insisted.add(event.shipment_id)

    # -- money -------------------------------------------------------------------------------------------------------

    def _price_quoted(self, event: Any) -> None:
        for tranche in event.tranches:
            row = self.rows[tranche.line_id]
            row.prices.append(Price(tranche))
            wanted = row.without_price - row.unbilled
            row.without_price -= min(Fraction(tranche.quantity), wanted)
            beyond = Fraction(tranche.quantity) - min(Fraction(tranche.quantity), wanted)
            assert not beyond or event.kits, f"{tranche.line_id}: more is priced than is wanted"
            row.refunds(beyond)

    def _price_overridden(self, event: Any) -> None:
        """Some of the units had a price, which is given back, and others had none; now all have this one."""
        for tranche in event.tranches:
            row, taken = self.rows[tranche.line_id], Fraction(dict(event.taken).get(tranche.line_id, 0))
            row.refunds(taken)
            row.without_price -= Fraction(tranche.quantity) - taken
            assert row.without_price >= 0, f"{tranche.line_id}: more is priced than is wanted"
            row.prices.append(Price(tranche))

    def _surplus_charged(self, event: Any) -> None:
        for line_id, units in event.quantities.items():
            row = self.rows[line_id]
            row.without_price -= Fraction(units)
            row.unbilled -= Fraction(units)
            row.prices[-1].charged += Fraction(units)

    def _goods_credited(self, event: Any) -> None:
        for line_id, units in event.quantities.items():
            row = self.rows[line_id]
            while row.replaces:
                row = self.rows[row.replaces]
            row.refunds(Fraction(units))

    def owed(self, order: Order) -> Fraction:
        """What the customer is to pay, by the order's rule."""
        prices = [price for row in self.rows.values() for price in row.prices]
        charged = [(price, price.charged / price.quoted) for price in prices]
        back = [(price, price.back / price.quoted) for price in prices if price.back]
        return quoted(charged, order) - quoted(back, order)

    # -- letters -----------------------------------------------------------------------------------------------------

    def _message_queued(self, event: Any) -> None:
        said = event.kind, event.subject, event.recipient, event.channel
        again = [one for one, what in self.letters.items() if what == said and one not in self.failed]
        assert not again, f"{said} was told already: {again}"
        assert event.message_id not in self.letters
        self.letters[event.message_id] = said

    def _message_sent(self, event: Any) -> None:
        assert event.message_id not in self.sent, f"{event.message_id} was sent twice"
        self.sent.append(event.message_id)

    def _message_failed(self, event: Any) -> None:
        self.failed.add(event.message_id)

    # -- agreement ---------------------------------------------------------------------------------------------------

    def agrees(self, order: Order) -> None:
        """The order says what these books say."""
        for line_id, row in self.rows.items():
            status = order.line_status(line_id).by_kind
            theirs = {what: Fraction(units) for what, units in status.items() if units}
            mine = {what: units for what, units in row.at.items() if units}
            assert mine == theirs, f"{line_id}: {mine} by the auditor, {theirs} by the ledger"
            assert sum(mine.values()) == row.ordered + row.surplus
            assert Fraction(order.ledger.ordered(line_id)) == row.ordered
            assert Fraction(order.ledger.surplus(line_id)) == row.surplus
            room = row.ordered * row.over / 100 + row.at.get("closed_short", 0)
            assert row.surplus - row.beyond <= room, f"{line_id}: too much left, unnoticed"
            assert row.left <= row.ordered + row.surplus
            wanted = sum(units for line, units in self.claims.values() if line == line_id)
            assert wanted <= row.live, f"{wanted} of {line_id} are claimed, and {row.live} wanted"
        if self.rows:
            assert set(self.rows) == set(order.lines)
            assert Fraction(order.total.amount) == self.owed(order), f"{order.total}, and {self.owed(order)} is owed"
            assert order.totals.gross == order.total


def quoted(parts: list[tuple[Price, Fraction]], order: Order) -> Fraction:
    """Parts of agreed amounts, each rounded in the company that the order's rule gives it."""
    rule, digits = order.rounding, DIGITS[order.currency]
    sums: defaultdict[Any, Fraction] = defaultdict(Fraction)
    for number, (price, share) in enumerate(parts):
        company = number if rule.per == "line" else "all"
        taxed = {None: company, "line": number, "group": price.group}[rule.tax_per]
        if price.with_tax:
            sums["whole", company, True] += sum(price.amounts.values()) * share
            continue
        for part, amount in price.amounts.items():
            sums[part, taxed if part == "tax" else company, False] += amount * share
    return sum((_rounded(amount, digits, rule.rounding.value) for amount in sums.values()), Fraction(0))


def _rounded(exact: Fraction, digits: int, how: str) -> Fraction:
    cents = exact * 10**digits
    if how == "half_even":
        return Fraction(round(cents), 10**digits)
    whole = math.floor(abs(cents) + (Fraction(1, 2) if how == "half_up" else 0))
    return Fraction(whole if cents >= 0 else -whole, 10**digits)
