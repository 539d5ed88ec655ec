"""The Northwind example finds what was counted from the tables by other means, and says so loudly where it does not."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.architecture.guards import ROOT

DATA = ROOT.parent / "shared" / "data" / "northwind"


@pytest.fixture(scope="module")
def northwind() -> ModuleType:
    spec = importlib.util.spec_from_file_location("northwind_example", ROOT / "examples" / "northwind.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["northwind_example"] = module
    spec.loader.exec_module(module)
    return module


# -- a little shop of the same kind ------------------------------------------------------------------------------------

TEA, POT, CUP = "1", "2", "3"
TABLES: dict[str, tuple[str, ...]] = {
    "shippers": ("ShipperID,CompanyName", "1,Slow Boat", "2,Fast Horse"),
    "customers": (
        "CustomerID,CompanyName,ContactName",
        "ADA,Ada & Co,Ada Krull",
        "BOB,Bob's,Bob Stein",
    ),
    "products": (
        "ProductID,ProductName,UnitsInStock",
        f"{TEA},Tea,5",
        f"{POT},Pot,0",
        f"{CUP},Cup,9",
    ),
    "orders": (
        "OrderID,CustomerID,OrderDate,RequiredDate,ShippedDate,ShipVia,Freight,"
        "ShipName,ShipAddress,ShipCity,ShipRegion,ShipPostalCode,ShipCountry",
        # on the required day, which is not late; a week after it; two that are open, the younger one first in the file
        "101,ADA,2018-01-02,2018-01-10,2018-01-10,1,10.00,Ada,Torstr. 1,Berlin,Western Europe,1067,Germany",
        "102,BOB,2018-01-03,2018-01-20,2018-01-27,2,0.05,Bob,Rue 2,Gent,Western Europe,B-9000,Belgium",
        "104,BOB,2018-02-02,2018-02-20,,2,3.33,Bob,Rua 3,Lisboa,Southern Europe,1675,Portugal",
        "103,ADA,2018-02-01,2018-02-20,,1,1.00,Ada,1 Elm St,Boise,North America,83720,USA",
    ),
    "order_details": (
        "OrderID,ProductID,UnitPrice,Quantity,Discount",
        f"101,{TEA},10.00,3,0.0",  # 30.00
        f"101,{CUP},0.50,1,0.25",  # 0.375, which is 0.38; with the discount rounded on its own, 0.37
        f"102,{POT},24.50,2,0.1",  # 44.10
        f"103,{TEA},10.00,4,0.0",  # 40.00: all of it is there
        f"103,{POT},24.50,1,0.0",  # 24.50: nothing is
        f"104,{TEA},10.00,3,0.05",  # 28.50: one unit is left
        f"104,{CUP},0.50,2,0.0",  # 1.00
    ),
}
EXPECTED: dict[str, Any] = {
    "orders": 4,
    "lines": 7,
    "gross": "175.00",
    "net": "168.475",
    "net_lines_rounded_first": "168.48",
    "freight": "14.38",
    "unshipped": 2,
    "late": 1,
    "late_days_total": 7,
    "lead_days_total": 8 + 24,
    "shipped_before_ordered": 0,
    "lines_with_sub_cent_net": 1,
    "repeated_product_in_order": 0,
    "stock": {"products": 3, "units": 14, "out_of_stock": 1},
    "unshipped_demand": {"lines": 4, "units": 10, "products_short": 2, "units_short": 3},
}


def written(place: Path, expected: Mapping[str, Any] = EXPECTED) -> Path:
    """The little shop's tables in a directory."""
    for name, rows in TABLES.items():
        (place / f"{name}.csv").write_text("\n".join(rows), encoding="utf-8")
    (place / "expected.json").write_text(json.dumps(expected), encoding="utf-8")
    return place


def told_by(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The rows that were printed, whatever the widths of their columns."""
    return [" ".join(row.split()) for row in capsys.readouterr().out.splitlines()]


def test_the_figures_of_a_little_shop_are_what_they_were_counted_to_be(
    northwind: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert northwind.main([str(written(tmp_path))]) == 0

    told = told_by(capsys)
    assert not [row for row in told if row.startswith("✗")]
    assert "✓ net, each line rounded half-up 168.48 168.48" in told
    assert told[-1] == "4 orders, none deviates"


def test_the_older_order_is_served_first_and_the_rest_waits(
    northwind: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    northwind.main([str(written(tmp_path))])

    told = told_by(capsys)
    # order, placed, required, state, lines, units, sent, short, by
    assert "103 2018-02-01 2018-02-20 in fulfillment 2 5 4 1 Slow Boat" in told
    assert "104 2018-02-02 2018-02-20 in fulfillment 2 5 3 2 Fast Horse" in told
    # product, wanted, there, short, orders that wait
    assert "Tea 7 5 2 104" in told
    assert "Pot 1 0 1 103" in told


def test_history_says_when_goods_left_and_asks_for_nothing(northwind: ModuleType, tmp_path: Path) -> None:
    shop = northwind.Shop(northwind.northwind_data(written(tmp_path)))
    shop.take_over()

    late = shop.flow.get("102")
    assert (late.state, northwind.lead_days(late), northwind.days_late(late)) == ("shipped", 24, 7)
    assert late.promises["L1"].ship == "missed"
    assert northwind.days_late(shop.flow.get("101")) == 0
    assert {key.split("/")[1] for key in shop.warehouse.claims()} == {"103", "104"}
    assert not shop.mailbox.for_order("102")
    assert not shop.carrier.bookings


def test_postal_codes_are_those_of_letters_again(northwind: ModuleType, tmp_path: Path) -> None:
    codes = [order.ship_to.postal_code for order in northwind.northwind_data(written(tmp_path)).orders]
    assert codes == ["01067", "9000", "83720", "1675"]


@pytest.mark.parametrize(
    ("key", "wrong", "told"),
    [
        ("late_days_total", 8, "days by which they did"),
        ("net_lines_rounded_first", "168.47", "net, each line rounded half-up"),
        ("unshipped_demand", {**EXPECTED["unshipped_demand"], "units_short": 2}, "units that cannot be allocated"),
    ],
)
def test_a_difference_is_told_and_fails(
    northwind: ModuleType, key: str, wrong: Any, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert northwind.main([str(written(tmp_path, {**EXPECTED, key: wrong}))]) == 1

    said = capsys.readouterr()
    assert f"✗ {told}" in said.out
    assert f"DIFFERENT from what is expected: {told}" in said.err


def test_units_that_went_to_a_younger_order_are_noticed(northwind: ModuleType, tmp_path: Path) -> None:
    tables = northwind.northwind_data(written(tmp_path))
    shop = northwind.Shop(tables._replace(orders=tables.orders[::-1]))
    shop.take_over()

    checks = {check.name: check for check in northwind.what_must_hold(shop, ["103", "104"])}
    assert not checks["younger orders served before older ones"].holds


def test_goods_that_left_before_they_were_ordered_are_told_in_the_conformance_report(
    northwind: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = northwind.northwind_data(written(tmp_path, {**EXPECTED, "shipped_before_ordered": 1}))
    orders = [
        order._replace(shipped=order.placed - timedelta(days=1)) if order.id == "101" else order
        for order in tables.orders
    ]
    northwind.run(tables._replace(orders=orders))

    told = told_by(capsys)
    assert "✓ orders that left before they were placed 1 1" in told
    assert "✓ orders that left the way of an order 1 1" in told
    assert any(row.startswith("conformance.despatched_before_order 1 in 1 orders") for row in told)


def test_a_place_without_expectations_is_refused(
    northwind: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        northwind.main([str(tmp_path)])
    assert refused.value.code == 2
    assert "there is no expected.json" in capsys.readouterr().err


# -- the real one ------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not (DATA / "expected.json").is_file(), reason="Northwind's tables are not in ../shared/data")
def test_northwind_comes_out_as_it_was_counted(northwind: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert northwind.main([str(DATA)]) == 0

    told = told_by(capsys)
    assert told[-1] == "830 orders, none deviates"
    for figure in (
        "✓ orders that had left 809 809",
        "✓ days from placed to left 6,870 6,870",
        "✓ orders that left after the required day 37 37",
        "✓ days by which they did 236 236",
        "✓ net, unrounded 1,265,793.0395 1,265,793.0395",
        "✓ net, each line rounded half-up 1,265,793.29 1,265,793.29",
        "✓ freight 64,942.69 64,942.69",
        "✓ units that they want 1,198 1,198",
        "✓ units that cannot be allocated 471 471",
    ):
        assert figure in told
