"""What came beyond the order, and what is closed short: charged and credited exactly, whatever comes after what."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow import order as order_module
from orderflow.charges import COMPONENTS, Amounts, RoundingRule, Tranche, charged
from orderflow.ledger import CANCELLED, CLOSED_SHORT, OPEN, ORDERED, SURPLUS, Account, Ledger, Move
from orderflow.order import Line, Order
from orderflow.stages.pricing import PriceQuoted
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.money import Money
from orderflow.values.numbers import EXACT, Rounding
from tests.laws.test_money import DIGITS, parts, rounded
from tests.scenario import NOW, D

Per = Literal["line", "document"]
#: The units of every step are some thousandths of what there is, so that they are seldom round.
Step = tuple[str, str, int]

steps = st.lists(
    st.tuples(
        st.sampled_from(["surplus", "unbilled", "bill", "cancel", "close_short", "order"]),
        st.sampled_from(["L1", "L2"]),
        st.integers(1, 1000),
    ),
    max_size=12,
)
prices = st.decimals(Decimal("0.001"), Decimal("99.999"), places=3)


def a_tranche(line_id: str, units: Decimal, price: Decimal, currency: str) -> Tranche:
    """Units at a price, with a discount and a tax that do not come out even."""
    net = EXACT.multiply(units, price)
    money = [EXACT.multiply(net, Decimal(factor)) for factor in ("1", "-0.0333", "0.01", "0.0725", "0.005")]
    return Tranche(line_id, units, Money(price, currency), Amounts(*(Money(one, currency) for one in money)))


def an_order(currency: str, rule: RoundingRule) -> Order:
    lines = FrozenMap({line_id: Line(line_id, "ROPE") for line_id in ("L1", "L2")})
    order = Order("main", "main", "A-1", "A-1", 0, "verified", currency, NOW, lines=lines, rounding=rule)
    return order.replace(ledger=Ledger())


class Books:
    """An order, and what a clerk with a pencil wrote down beside it: tranches, surplus, and units given back."""

    def __init__(self, currency: str, rule: RoundingRule) -> None:
        self.order = an_order(currency, rule)
        self.tranches: dict[str, list[dict[str, Any]]] = {"L1": [], "L2": []}
        self.free = {"L1": Decimal(0), "L2": Decimal(0)}

    def step(self, name: str, line_id: str, thousandths: int, price: Decimal) -> None:
        units = EXACT.scaleb(Decimal(thousandths), -3)
        getattr(self, name)(line_id, units, price)

    def moved(self, line_id: str, source: Account, target: Account, units: Decimal, **more: Any) -> None:
        self.order = self.order.moved([Move(line_id, source, target, units)], **more)

    def ordered(self, line_id: str, units: Decimal, price: Decimal) -> None:
        self.moved(line_id, ORDERED, OPEN, units)
        tranche = a_tranche(line_id, units, price, self.order.currency)
        self.order = PriceQuoted(NOW, (tranche,)).apply(self.order)
        self.tranches[line_id].append({"tranche": tranche, "units": units, "back": Decimal(0)})

    def order_more(self, line_id: str, units: Decimal, price: Decimal) -> None:
        self.ordered(line_id, units, price)

    def surplus(self, line_id: str, units: Decimal, price: Decimal) -> None:
        self.moved(line_id, SURPLUS, OPEN, units)
        self.charge(line_id, units)

    def charge(self, line_id: str, units: Decimal) -> None:
        newest = self.tranches[line_id][-1]
        newest["units"] = EXACT.add(newest["units"], units)

    def unbilled(self, line_id: str, units: Decimal, price: Decimal) -> None:
        self.moved(line_id, SURPLUS, OPEN, units, unbilled={line_id: units})
        self.free[line_id] = EXACT.add(self.free[line_id], units)

    def bill(self, line_id: str, units: Decimal, price: Decimal) -> None:
        units = min(units, self.free[line_id])
        if units:
            self.order = self.order.billed(line_id, units)
            self.free[line_id] = EXACT.subtract(self.free[line_id], units)
            self.charge(line_id, units)

    def cancel(self, line_id: str, units: Decimal, price: Decimal) -> None:
        self.give_up(line_id, EXACT.multiply(units, self.order.live_quantity(line_id)), CANCELLED)

    def close_short(self, line_id: str, units: Decimal, price: Decimal) -> None:
        self.give_up(line_id, EXACT.multiply(units, self.order.live_quantity(line_id)), CLOSED_SHORT)

    def give_up(self, line_id: str, units: Decimal, target: Account) -> None:
        if not units:
            return
        self.moved(line_id, OPEN, target, units)
        free = min(units, self.free[line_id])
        self.free[line_id] = EXACT.subtract(self.free[line_id], free)
        units = EXACT.subtract(units, free)
        for entry in reversed(self.tranches[line_id]):
            taken = min(units, EXACT.subtract(entry["units"], entry["back"]))
            entry["back"] = EXACT.add(entry["back"], taken)
            units = EXACT.subtract(units, taken)

    def by_hand(self, name: str, what: str) -> Fraction:
        """A component of all that is charged (``units``), or given back (``back``), with fractions and a pencil."""
        rule, digits = self.order.rounding, DIGITS[self.order.currency]
        exact = [
            Fraction(getattr(entry["tranche"].amounts, name).amount)
            * Fraction(entry[what])
            / Fraction(entry["tranche"].quantity)
            for entries in self.tranches.values()
            for entry in entries
        ]
        if rule.per == "document":
            return rounded(sum(exact, Fraction()), digits, rule.rounding)
        return sum((rounded(one, digits, rule.rounding) for one in exact), Fraction())

    def agree(self) -> None:
        order = self.order
        for name in COMPONENTS:
            assert parts(order.charged)[name] == self.by_hand(name, "units")
            assert parts(order.credited)[name] == self.by_hand(name, "back")
            assert abs(self.by_hand(name, "back")) <= abs(self.by_hand(name, "units"))
        assert order.total == order.charged.total - order.credited.total
        assert order.ledger.is_balanced()
        for line_id in order.lines:
            assert order.unpriced(line_id) == 0
            assert order.unbilled.get(line_id, Decimal(0)) == self.free[line_id]
        if not any(order.live_quantity(line_id) for line_id in order.lines):
            assert order.total.is_zero
            assert order.charged == order.credited


def live(currency: str, rule: RoundingRule, taken: list[Step], priced: list[Decimal]) -> Books:
    books = Books(currency, rule)
    for line_id, quantity in (("L1", "3"), ("L2", "0.7")):
        books.ordered(line_id, D(quantity), priced[0])
    for number, (name, line_id, thousandths) in enumerate(taken):
        books.step("order_more" if name == "order" else name, line_id, thousandths, priced[number % len(priced)])
        books.agree()
    for line_id in ("L1", "L2"):
        books.cancel(line_id, Decimal(1), priced[0])
    books.agree()
    return books


rules = st.builds(RoundingRule, st.sampled_from(Rounding), st.sampled_from(["line", "document"]))


@settings(max_examples=150)
@given(st.sampled_from(sorted(DIGITS)), rules, steps, st.lists(prices, min_size=1, max_size=4))
def test_surplus_and_what_is_closed_short_are_credited_exactly_as_they_were_charged(
    currency: str, rule: RoundingRule, taken: list[Step], priced: list[Decimal]
) -> None:
    live(currency, rule, taken, priced)


def test_units_within_tolerance_cost_what_the_newest_tranche_costs() -> None:
    books = Books("EUR", RoundingRule())
    books.ordered("L1", D(3), D("3.3333"))
    books.surplus("L1", D(1), D(0))

    assert str(books.order.charged.net) == "13.33 EUR"
    assert books.order.unpriced("L1") == 0


def test_what_is_not_charged_is_charged_when_someone_chooses_so() -> None:
    books = Books("EUR", RoundingRule())
    books.ordered("L1", D(10), D("1.00"))
    books.unbilled("L1", D(2), D(0))
    assert str(books.order.charged.net) == "10.00 EUR"

    books.bill("L1", D(2), D(0))
    assert str(books.order.charged.net) == "12.00 EUR"
    assert not books.order.unbilled


def test_surplus_stays_at_its_price_when_more_is_ordered_later() -> None:
    books = Books("EUR", RoundingRule())
    books.ordered("L1", D(10), D("1.00"))
    books.surplus("L1", D(1), D(0))
    books.ordered("L1", D(5), D("2.00"))

    assert str(books.order.charged.net) == "21.00 EUR"


def test_surplus_without_a_price_is_not_charged() -> None:
    order = an_order("EUR", RoundingRule()).moved([Move("L1", SURPLUS, OPEN, D(2))])

    assert order.unbilled == {"L1": 2}
    assert order.unpriced("L1") == 0
    assert order.moved([Move("L1", OPEN, CANCELLED, D(2))]).unbilled == {}


def test_units_that_were_closed_short_and_are_cancelled_as_well_are_given_back_once() -> None:
    books = Books("EUR", RoundingRule())
    books.ordered("L1", D(10), D("1.00"))
    books.close_short("L1", Decimal("0.2"), D(0))
    books.order = books.order.moved([Move("L1", CLOSED_SHORT, CANCELLED, D(2))])

    books.agree()
    assert str(books.order.credited.net) == "2.00 EUR"


def test_a_share_of_surplus_that_is_lost_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    forgetful = lambda tranches, rule, code: charged(  # noqa: E731
        [Tranche(one.line_id, one.quantity, one.unit_price, one.amounts) for one in tranches], rule, code
    )
    monkeypatch.setattr(order_module, "charged", forgetful)

    with pytest.raises(AssertionError):
        live("EUR", RoundingRule(), [("surplus", "L1", 500)], [D("9.99")])
