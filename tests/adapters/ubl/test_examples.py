"""The published examples of UBL are read, reckoned and processed, where they lie beside the project."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orderflow import AmendOrder, CancelOrder
from orderflow.adapters.ubl import (
    Agreement,
    OrderChangeDocument,
    OrderDocument,
    read_order,
    read_order_cancellation,
    read_order_change,
    write_despatch_advice,
    write_order_response,
)
from orderflow.errors import InvalidInput
from orderflow.values import Address, Money
from tests.adapters.ubl.documents import EXAMPLES, needs_examples
from tests.adapters.ubl.shop import SELLER, Shop
from tests.adapters.ubl.test_writing import checked

pytestmark = needs_examples

HOME = Address("FI", "Koulutanhua 2", city="Helsinki", postal_code="00840")
#: What one has to agree on for documents that say as little as these two.
AGREED = {
    "CENBII-Order-minimal.xml": Agreement(
        sku=lambda numbers: numbers.sellers or "ITEM", currency="EUR", ship_to=HOME, needs_number=False
    ),
    "CENBII-Order-maximal.xml": Agreement(ship_to=HOME),
}


def found(pattern: str) -> list[Any]:
    return [pytest.param(path, id=path.relative_to(EXAMPLES).as_posix()) for path in sorted(EXAMPLES.glob(pattern))]


ORDERS = [*found("raw/xml/UBL-Order-*.xml"), *found("ph-ubl/order/*.xml"), *found("raw/val/*-good.xml")]
READABLE = [*ORDERS, *found("raw/val/*-bad-code.xml")]


def the(name: str) -> bytes:
    return (EXAMPLES / "raw" / name).read_bytes()


def read(path: Path) -> OrderDocument:
    return read_order(path.read_bytes(), AGREED.get(path.name, Agreement()))


def expected(path: Path) -> Any:
    return json.loads((EXAMPLES / "expected.json").read_text("utf-8"))[path.relative_to(EXAMPLES).as_posix()]


def agrees_with(document: OrderDocument | OrderChangeDocument, told: Any) -> None:
    """The reckoning of a document is what somebody else reckoned."""
    assert [one.of for one in document.line_sums] == [one["id"] for one in told["lines"]]
    for made, one in zip(document.line_sums, told["lines"], strict=True):
        assert made.agrees == one["ok"]
        assert made.computed == (Decimal(one["calc"]) if one["calc"] else None)
        assert made.stated == (Decimal(one["stated"]) if one["stated"] else None)
    wrong = {flag.path.partition("/cac:LineItem")[0] for flag in document.flags if flag.code == "ubl.line_amount"}
    assert len(wrong) == sum(one["ok"] is False for one in told["lines"])
    if "total" in told:
        totals = {one.of: one for one in document.totals}
        assert totals["LineExtensionAmount"].agrees == told["total"]["lines_ok"]
        assert totals["LineExtensionAmount"].computed == Decimal(told["total"]["sum_lines"])
        assert totals["PayableAmount"].stated == Decimal(told["total"]["payable"])


@pytest.mark.parametrize("path", READABLE)
def test_every_order_is_read_and_reckoned_as_somebody_else_reckoned_it(path: Path) -> None:
    document, told = read(path), expected(path)
    assert (document.heading.number or "", str(document.heading.issued_on)) == (told["id"], told["issued"])
    assert [str(line.quantity) for line in document.command.lines] == [one["qty"] for one in told["lines"]]
    assert [str(line.price.amount) if line.price else "" for line in document.command.lines] == [
        one["price"] for one in told["lines"]
    ]
    agrees_with(document, told)


@pytest.mark.parametrize("path", ORDERS)
def test_every_order_is_placed_acknowledged_verified_answered_and_sent(path: Path) -> None:
    shop = Shop(read(path).command)
    assert {"placed", "acknowledged", "verified", "confirmed"} <= set(shop.order.milestones)
    checked(write_order_response(shop.order, SELLER).document)

    shop.sends()
    assert "shipped" in shop.order.milestones
    checked(write_despatch_advice(shop.order, "S1", SELLER).document)


def test_a_hundred_kilograms_at_a_hundred_pounds_are_not_a_hundred_pounds() -> None:
    document = read_order(the("xml/UBL-Order-2.0-Example.xml"))
    assert document.flags[0].code == "ubl.line_amount"
    assert (document.flags[0].stated, document.flags[0].computed) == (Decimal("100.00"), Decimal("10000.00"))
    (line,) = document.command.lines
    assert (line.sku, line.quantity, line.unit, line.price) == ("17589683", 100, "kg", Money("100.00", "GBP"))
    assert document.command.customer is not None
    assert (document.command.customer.name, document.command.customer.id) == ("IYT Corporation", "GT00978567")


def test_what_is_not_well_formed_and_what_ubl_does_not_have_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidInput, match="line 50, column 24") as caught:
        read_order(the("val/order-test-bad-syntax.xml"))
    assert caught.value.codes == ("ubl.not_well_formed",)
    with pytest.raises(InvalidInput, match=r"has no ChannelCod in OtherCommunication \(line 50\)") as caught:
        read_order(the("val/order-test-bad-model.xml"))
    assert caught.value.codes == ("ubl.unknown_element",)


def test_a_code_of_a_list_that_we_do_not_use_is_listed_as_lost() -> None:
    losses = read_order(the("val/order-test-bad-code.xml")).losses
    assert [loss.value for loss in losses if loss.path.endswith("cbc:ChannelCode")] == ["LA"]


def test_an_order_that_says_next_to_nothing_is_refused_with_all_that_is_missing() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_order((EXAMPLES / "ph-ubl/order/CENBII-Order-minimal.xml").read_bytes())
    assert caught.value.codes == ("ubl.missing", "ubl.no_item_number", "ubl.no_currency")


@pytest.mark.parametrize("path", [*found("raw/val/*.json"), *found("raw/json-model/UBL-Order-*.json")])
def test_orders_in_json_are_not_read(path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"ubl\.not_well_formed"):
        read_order(path.read_bytes())


@pytest.mark.parametrize("path", [*found("raw/xml/*.xml"), *found("ph-ubl/orderresponsesimple/*.xml")])
def test_only_orders_are_read_as_orders(path: Path) -> None:
    kind = expected(path)["doc"]
    if kind != "Order":
        with pytest.raises(InvalidInput, match=f"must be a UBL 2 Order, not {kind} of urn:"):
            read_order(path.read_bytes())


def test_the_order_change_doubles_the_paint() -> None:
    shop = Shop(read_order(the("xml/UBL-Order-2.1-Example.xml")).command)
    change = read_order_change(the("xml/UBL-OrderChange-2.1-Example.xml"))
    agrees_with(change, expected(EXAMPLES / "raw/xml/UBL-OrderChange-2.1-Example.xml"))
    (command,) = change.commands(shop.order)
    assert command == AmendOrder(shop.order_id, {"L1": 240}, reason="Information text for the whole order change")

    after = shop.does(command)
    assert (after.live_quantity("L1"), after.live_quantity("L2")) == (240, 15)
    assert change.commands(after) == ()
    assert after.total == Money("12225", "SEK")


def test_the_order_cancellation_cancels() -> None:
    shop = Shop(read_order(the("xml/UBL-Order-2.1-Example.xml")).command)
    command = read_order_cancellation(the("xml/UBL-OrderCancellation-2.1-Example.xml")).command(shop.order)
    assert command == CancelOrder(shop.order_id, "With reference to phone call")
    assert shop.does(command).state == "cancelled"
