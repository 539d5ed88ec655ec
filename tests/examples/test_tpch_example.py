"""The TPC-H example agrees with TPC-H's rows, and says so loudly where it does not."""

from __future__ import annotations

import importlib.util
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from orderflow import MemoryStore, SqliteStore
from tests.architecture.guards import ROOT


@pytest.fixture(scope="module")
def tpch() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tpch_example", ROOT / "examples" / "tpch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tpch_example"] = module
    spec.loader.exec_module(module)
    return module


def line(tpch: ModuleType, number: int, leaves: date, arrives: date, **other: Any) -> Any:
    row = tpch.TpchLine(
        number,
        f"P{number}",
        Decimal("3.00"),
        Decimal("100.05"),
        Decimal("0.07"),
        Decimal("0.03"),
        leaves,
        date(1995, 6, 10),
        arrives,
        "COLLECT COD",
        "REG AIR",
    )
    return row._replace(**other)


@pytest.fixture
def orders(tpch: ModuleType) -> list[Any]:
    """Three orders by hand: all has arrived, a part has left, nothing has."""
    gone = line(tpch, 1, date(1995, 6, 2), date(1995, 6, 12))
    travelling = line(tpch, 2, date(1995, 6, 17), date(1995, 6, 18))
    waiting = line(tpch, 3, date(1995, 6, 18), date(1995, 6, 20))
    # 100.05 less 7 % is 93.04 (.65 of a cent is dropped); with 3 % on it, 95.83 (.12 of a cent is dropped)
    return [
        order(tpch, "1", "F", "191.66", gone, gone._replace(number=2, promised=date(1995, 6, 12))),
        order(tpch, "2", "P", "287.49", gone, travelling, waiting),
        order(tpch, "3", "O", "95.83", waiting._replace(number=1)),
    ]


def order(tpch: ModuleType, key: str, status: str, total: str, *lines: Any) -> Any:
    placed = date(1995, 6, 1)
    return tpch.TpchOrder(
        key, status, Decimal(total), placed, "1-URGENT", "Customer#1", "20-1", "Row 1", "UNITED STATES", lines
    )


def test_orders_by_hand_come_out_as_their_rows_say(
    tpch: ModuleType, orders: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert tpch.run(orders, MemoryStore())

    told = capsys.readouterr().out
    assert "O / F / P                         1 / 1 / 1" in told
    assert "money                             574.98" in told
    assert "lines that were late              2" in told
    assert "units on their way or delivered   12" in told
    assert "✗" not in told


def test_the_same_comes_out_of_a_file(tpch: ModuleType, orders: list[Any], tmp_path: Path) -> None:
    assert tpch.run(orders, SqliteStore(tmp_path / "orders.db", synchronous="NORMAL"))


def test_the_timeline_shows_each_line_as_far_as_it_is(
    tpch: ModuleType, orders: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    tpch.run(orders, MemoryStore())

    rows = capsys.readouterr().out.splitlines()
    bars = [next(row for row in rows if row.startswith(f"  L{number}")) for number in (1, 2, 3)]
    assert [bar.rpartition("REG AIR, ")[2] for bar in bars] == [
        "delivered P1, 2 days late",
        "shipped P2",
        "allocated F3",
    ]
    assert [bar.count("●") for bar in bars] == [1, 0, 0]
    assert any(row.startswith("  1995-06-12  goods delivered P1") for row in rows)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"status": "P"}, "order 3: O here, P in TPC-H"),
        ({"total": Decimal("95.84")}, "order 3: 95.83 here, 95.84 in TPC-H"),
    ],
)
def test_a_difference_is_told_and_fails(
    tpch: ModuleType, orders: list[Any], change: dict[str, Any], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not tpch.run([*orders[:2], orders[2]._replace(**change)], MemoryStore())

    said = capsys.readouterr()
    assert told in said.out
    assert "DIFFERENT from TPC-H" in said.err


def test_a_file_that_is_there_is_not_touched(
    tpch: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "orders.db"
    file.write_text("precious")

    with pytest.raises(SystemExit) as stopped:
        tpch.main(["--db", str(file)])

    assert stopped.value.code == 2
    assert file.read_text() == "precious"
    assert "is there already" in capsys.readouterr().err


def test_the_first_orders_of_tpch_come_out_as_tpch_says(tpch: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("duckdb", reason="duckdb is declared by the example alone: uv run examples/tpch.py")
    pytest.importorskip("duckdb_extension_tpch", reason="declared by the example alone: uv run examples/tpch.py")

    assert tpch.main(["--orders", "40"]) == 0

    assert "✓ O / F / P" in capsys.readouterr().out
