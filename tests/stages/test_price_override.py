"""A price agreed by hand: for what has not left, with the tax of the line; everything else keeps its price."""

from __future__ import annotations

import attrs
import pytest

from orderflow.charges import Adjustment, Amounts, TaxGroup
from orderflow.commands import (
    AmendOrder,
    BookShipment,
    CancelLines,
    DespatchShipment,
    PackParcel,
    RecordPick,
    StartPicking,
)
from orderflow.errors import InvalidInput
from orderflow.ports import Quote, QuotedLine, QuotePrices, Refused
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.amending import PriceOverride
from tests.scenario import ID, ONE_PLACE, D, Life, booked, eur, given, placed, verified
from tests.stages.test_rule_books import replacing

TEN = {"lines": [("TEA-250", 10)]}  # 8.50 and 0.60 tax a piece: 91.00
CHEAPER = AmendOrder(ID, prices={"L1": eur("5.00")}, reason="agreed on the phone")


def test_units_that_have_not_left_have_the_price_that_was_agreed_with_the_tax_of_the_line() -> None:
    life = verified(**TEN).do(CHEAPER)
    assert life.happened[:2] == ["OrderAmended", "PriceOverridden"]
    assert "quote" not in life.asks
    assert (life.order.total, life.order.unit_price("L1")) == (eur("53.53"), eur("5.00"))
    assert life.order.charged.total - life.order.credited.total == life.order.total


def partly_left() -> Life:
    """Four of ten have left."""
    life = verified(**TEN).do(StartPicking(ID, "F1"), RecordPick(ID, "F1"), PackParcel(ID, "F1", [("L1", 4)]))
    life.do(PackParcel(ID, "F1"), BookShipment(ID, service="a")).reply_all()
    return life.do(DespatchShipment(ID, parcel_ids=["P1"])).reply_all()


def test_what_has_left_keeps_its_price() -> None:
    life = partly_left().do(CHEAPER)
    assert life.order.total == eur("68.52")  # 4 × 9.10 and 6 × 5.35 rounded as a line: 36.40 + 32.12
    assert [(t.unit_price, t.quantity) for t in life.order.tranches["L1"]] == [
        (eur("8.50"), D(10)),
        (eur("5.00"), D(6)),
    ]


def test_what_is_added_has_the_price_that_was_agreed_and_what_has_left_the_old_one() -> None:
    life = partly_left().do(AmendOrder(ID, {"L1": 12}, prices={"L1": eur(5)}, reason="x"))
    assert dict(life.order.given_back) == {"L1": (D(6),)}
    assert life.order.total == eur("79.22")  # 4 × 9.10 and 8 × 5.00 with 2.82 of tax


def test_cancelled_units_give_back_the_price_that_was_agreed_for_them() -> None:
    life = partly_left().do(CHEAPER, CancelLines(ID)).reply_all()
    assert life.order.total == eur("36.40")
    assert life.order.state == "shipped"


def test_a_price_is_agreed_for_more_units_in_the_same_breath() -> None:
    life = verified(**TEN).do(AmendOrder(ID, {"L1": 12}, prices={"L1": eur(5)}, reason="x"))
    assert not any(isinstance(request, QuotePrices) for request in life.requests)
    assert life.order.total == eur("64.24")
    assert life.reply_all().do(AmendOrder(ID, {"L1": 13})).answer(QuotePrices).order.total == eur("73.34")


def test_a_price_may_be_agreed_where_the_list_has_none() -> None:
    life = placed(lines=[("ODD", 2)]).answer(QuotePrices, Refused("price.unknown"))
    agreed = PriceOverride(eur("119.00"), 2, TaxGroup("standard", "0.19"), tax_included=True)
    life.do(AmendOrder(ID, prices={"L1": agreed}, reason="made to order")).reply_all()
    assert (life.order.state, life.order.total, life.order.totals.tax) == ("verified", eur("119.00"), eur("19.00"))
    assert life.order.open_cases == ()


def test_shipping_and_what_was_agreed_for_the_whole_order_stay_and_line_discounts_go() -> None:
    def quote(request: QuotePrices) -> Quote:
        named = (
            Adjustment("discount", "line", "ten for nine", eur("-10")),
            Adjustment("discount", "order", "welcome", eur("-5"), of_order=True),
            Adjustment("shipping", "post", "postage", eur("4.90")),
        )
        amounts = Amounts(eur(100), eur(-15), eur("4.90"), eur(0))
        return Quote((QuotedLine("L1", D(10), eur(10), amounts, adjustments=named),))

    life = placed(lines=[("CUP", 10)]).answer(QuotePrices, quote).reply_all()
    assert life.order.total == eur("89.90")
    life.do(AmendOrder(ID, prices={"L1": eur(8)}, reason="x"))
    assert life.order.total == eur("79.90")
    charged = [one.code for one in life.order.totals.adjustments if not one.amount.is_zero]
    assert charged == ["order", "post"]


def test_a_price_that_is_made_by_hand_has_a_reason_a_currency_and_something_to_price() -> None:
    given(verified(**TEN)).when(AmendOrder(ID, prices={"L1": eur(5)})).refused(("amendment.no_reason", "reason"))
    usd = attrs.evolve(eur(5), currency="USD")
    given(verified(**TEN)).when(AmendOrder(ID, prices={"L1": usd}, reason="x")).refused(
        ("acceptance.other_currency", "prices[L1]")
    )
    given(verified().do(AmendOrder(ID, {"L1": 0}))).when(CHEAPER).refused(("amendment.too_late", "prices[L1]"))
    given(replacing()).when(AmendOrder(ID, prices={"L2": eur(5)}, reason="x")).refused(
        ("amendment.replacement", "prices[L2]")
    )


def test_a_price_below_nothing_is_none() -> None:
    with pytest.raises(InvalidInput) as invalid:
        AmendOrder(ID, prices={"L1": eur(-1)}, reason="x")
    assert [(v.code, v.path) for v in invalid.value.violations] == [("acceptance.negative_price", "prices[L1].price")]


def test_a_price_agreed_by_hand_above_the_customers_is_looked_at() -> None:
    life = verified(ONE_PLACE, lines=[OrderLine("TEA-250", 1, price=eur("8.50"))])
    life.do(AmendOrder(ID, prices={"L1": eur(9)}, reason="x"))
    assert [hold.code for hold in life.order.active_holds] == ["verification.price_differs"]


def test_goods_in_a_booked_parcel_are_priced_anew_without_anyones_word() -> None:
    life = booked(**TEN).do(CHEAPER)
    assert life.order.shipments["S1"].stage == "booked"
    assert life.order.total == eur("53.53")
