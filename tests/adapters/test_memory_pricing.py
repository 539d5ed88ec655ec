"""The price list in memory: the right price, in exact parts that sum."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.adapters.memory import PriceList
from orderflow.errors import InvalidInput, PortRefused
from orderflow.ports import PricingPort, QuotedLine, QuoteLine, QuotePrices
from orderflow.values import Money, as_decimal, sum_money


def asked(*lines: tuple[str, int | str] | tuple[str, int | str, int], currency: str = "EUR") -> QuotePrices:
    made = (
        QuoteLine(f"L{n}", line[0], "each", Decimal(line[1]), Decimal(line[2] if len(line) == 3 else 0))
        for n, line in enumerate(lines, 1)
    )
    return QuotePrices("O1", "quote", currency, None, None, tuple(made))


def quoted(prices: PriceList, *lines: Any) -> tuple[QuotedLine, ...]:
    return prices.quote(asked(*lines)).lines


def eur(amount: str) -> Money:
    return Money(amount, "EUR")


def test_it_is_a_price_list() -> None:
    assert isinstance(PriceList({}), PricingPort)


def test_a_price_is_per_unit_and_tax_is_added() -> None:
    (line,) = quoted(PriceList({"TEA": "4.60"}, tax="0.19"), ("TEA", 3))

    assert (line.unit_price, line.quantity, line.base_quantity) == (eur("4.60"), 3, 1)
    assert (line.amounts.net, line.amounts.tax, line.amounts.total) == (eur("13.80"), eur("2.622"), eur("16.422"))


def test_a_price_may_be_for_a_hundred() -> None:
    (line,) = quoted(PriceList({"NAIL": Money("4.60", "EUR")}, base_quantities={"NAIL": 100}), ("NAIL", 250))

    assert (line.unit_price, line.base_quantity, line.amounts.net) == (eur("4.60"), 100, eur("11.50"))


@pytest.mark.parametrize(
    ("quantity", "already", "price"), [(9, 0, "4.60"), (10, 0, "4.20"), (2, 8, "4.20"), (1, 8, "4.60"), (99, 1, "3.90")]
)
def test_the_break_counts_all_units_of_the_line(quantity: int, already: int, price: str) -> None:
    prices = PriceList({"TEA": [(1, "4.60"), (100, "3.90"), (10, "4.20")]})
    (line,) = quoted(prices, ("TEA", quantity, already))

    assert line.unit_price == eur(price)
    assert line.amounts.net == eur(price) * quantity


def test_a_discount_is_negative_and_lowers_the_tax() -> None:
    (line,) = quoted(PriceList({"TEA": "10.00"}, tax="0.19", discount_percent="5"), ("TEA", 2))

    assert (line.amounts.discount, line.amounts.tax) == (eur("-1.00"), eur("3.61"))


def test_shipping_is_shared_by_worth_to_the_cent() -> None:
    prices = PriceList({"TEA": "1.00", "MILK": "2.00"}, shipping=Money("5.00", "EUR"))
    lines = quoted(prices, ("TEA", 1), ("MILK", 1))

    assert [line.amounts.shipping for line in lines] == [eur("1.67"), eur("3.33")]


def test_shipping_of_free_goods_is_shared_by_quantity() -> None:
    lines = quoted(PriceList({"A": 0, "B": 0}, shipping="4.00"), ("A", 1), ("B", 3))

    assert [line.amounts.shipping for line in lines] == [eur("1.00"), eur("3.00")]


def test_an_amendment_bears_no_shipping_again() -> None:
    (line,) = quoted(PriceList({"TEA": "1.00"}, shipping="5.00"), ("TEA", 1, 1))

    assert line.amounts.shipping.is_zero


def test_a_price_that_includes_tax_is_taken_apart_exactly() -> None:
    (line,) = quoted(PriceList({"TEA": "9.99"}, tax="0.19", tax_included=True), ("TEA", 1))

    assert str(line.amounts.net) == "8.394957983193 EUR"
    assert line.amounts.total == eur("9.99")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (asked(("COFFEE", 1)), "pricing.unknown_product"),
        (asked(("TEA", 1), currency="USD"), "pricing.other_currency"),
        (asked(("WINE", 5)), "pricing.below_minimum"),
    ],
)
def test_what_has_no_price_is_refused(request_: QuotePrices, code: str) -> None:
    prices = PriceList({"TEA": "4.60", "WINE": [(6, "8.00")]})
    with pytest.raises(PortRefused) as refused:
        prices.quote(request_)
    assert refused.value.code == code


def test_every_impossible_price_is_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        PriceList({"A": "-1", "B": Money(1, "USD"), "C": [], "D": "4"}, tax="-0.1", shipping="free")
    assert [(v.path, v.code) for v in refused.value.violations] == [
        ("tax", "number.negative"),
        ("shipping.amount", "number.not_a_number"),
        ("prices['A']", "number.negative"),
        ("prices['B']", "money.currency_mismatch"),
        ("prices['C']", "pricing.no_breaks"),
    ]


def test_shipping_is_in_whole_cents() -> None:
    with pytest.raises(InvalidInput, match=r"money\.not_rounded"):
        PriceList({"TEA": "4.60"}, shipping="4.905")


def test_a_changed_price_is_undone_by_a_restore() -> None:
    prices = PriceList({"TEA": "4.60"})
    taken, before = prices.snapshot(), prices.fingerprint()
    prices.set_price("TEA", "5.00")
    assert prices.fingerprint() != before

    prices.restore(taken)
    assert quoted(prices, ("TEA", 1))[0].unit_price == eur("4.60")


CENTS = st.decimals("0.00", "99999.99", places=2)


@given(
    st.lists(st.tuples(CENTS, st.decimals("0.001", "9999", places=3)), min_size=1, max_size=4),
    st.sampled_from(["0", "0.07", "0.19", "0.0725", "0.255"]),
    st.booleans(),
    st.sampled_from([1, 3, 12, 100]),
    st.sampled_from(["0", "3", "12.5"]),
    CENTS,
)
def test_the_parts_of_a_quote_sum_exactly_and_can_be_stored(
    goods: list[tuple[Decimal, Decimal]], tax: str, included: bool, base: int, discount: str, shipping: Decimal
) -> None:
    names = {f"S{n}": price for n, (price, _) in enumerate(goods)}
    prices = PriceList(
        names,
        tax=tax,
        tax_included=included,
        base_quantities=dict.fromkeys(names, base),
        shipping=shipping,
        discount_percent=discount,
    )
    lines = quoted(prices, *((f"S{n}", str(quantity)) for n, (_, quantity) in enumerate(goods)))

    for line in lines:
        for name in ("net", "discount", "shipping", "tax"):
            as_decimal(getattr(line.amounts, name).amount)
    whole = sum_money((line.amounts.total for line in lines), "EUR").amount
    worth = sum(price * quantity / base for price, quantity in goods) * (1 - Decimal(discount) / 100) + shipping
    expected = worth if included else worth * (1 + Decimal(tax))
    assert abs(whole - expected) < Decimal("0.0000000001")
    if included and base in (1, 100):
        assert whole == expected
    if not included:
        assert sum_money((line.amounts.shipping for line in lines), "EUR").amount == shipping
