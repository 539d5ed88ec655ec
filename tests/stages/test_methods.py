"""Not every line travels by a carrier: some are collected, some are sent as data, some a supplier ships."""

from __future__ import annotations

from orderflow.ports import ClaimStock
from orderflow.stages.acceptance import OrderLine
from tests.scenario import D, placed, verified

TEA = OrderLine("TEA-250", 2)
BOOK = OrderLine("EBOOK", 1, method="digital")
DESK = OrderLine("DESK", 3, method="supplier", supplier="Holzmann")


def test_stock_is_claimed_only_for_what_comes_from_stock() -> None:
    life = placed(lines=[TEA, BOOK, DESK])
    assert [claim.line_id for claim in life.order.claims.values()] == ["L1"]
    assert life.wanted(ClaimStock).sku == "TEA-250"
    assert life.reply_all().order.state == "verified", "nobody waits for stock that is not needed"


def test_what_a_supplier_ships_is_the_work_of_the_supplier() -> None:
    life = verified(lines=[DESK, TEA, OrderLine("LAMP", 1, method="supplier")])
    assert {f.location: dict(f.planned) for f in life.order.fulfillments.values()} == {
        "BER": {"L2": D(2)},
        "Holzmann": {"L1": D(3)},
        "supplier": {"L3": D(1)},
    }
