"""The TPC-H example agrees with TPC-H's rows, and says so loudly where it does not."""

from __future__ import annotations

import importlib.util
import sys
from datetime import date, timedelta
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


def order(tpch: ModuleType, key: str, status: str, total: str, *lines: Any, **other: Any) -> Any:
    placed = date(1995, 6, 1)
    row = tpch.TpchOrder(
        key, status, Decimal(total), placed, "1-URGENT", "Customer#1", "20-1", "Row 1", "UNITED STATES", lines
    )
    return row._replace(**other)


def delivered(tpch: ModuleType, key: str, placed: date, priority: str, *lines: Any) -> Any:
    """An order of which all has arrived; a line costs 95.83."""
    return order(tpch, key, "F", str(Decimal("95.83") * len(lines)), *lines, placed=placed, priority=priority)


PROMISED = date(1994, 1, 20)
DAY = timedelta(days=1)


def quarter_order(tpch: ModuleType, key: str, placed: date, priority: str, *days_late: int) -> Any:
    """An order, each line of which arrives so many days after its promised day, having left two days before it."""
    lines = (
        line(tpch, number, PROMISED - 2 * DAY, PROMISED + late * DAY, promised=PROMISED)
        for number, late in enumerate(days_late, 1)
    )
    return delivered(tpch, key, placed, priority, *lines)


@pytest.fixture
def quarter(tpch: ModuleType) -> list[Any]:
    """Orders for Q4, of its third quarter of 1993 and around it."""
    return [
        quarter_order(tpch, "1", date(1993, 7, 1), "1-URGENT", 1, 3, -1),  # two late lines are one order
        quarter_order(tpch, "2", date(1993, 7, 1), "2-HIGH", 0),  # on the promised day is not late
        quarter_order(tpch, "3", date(1993, 9, 30), "5-LOW", 0, 1),
        quarter_order(tpch, "4", date(1993, 8, 15), "5-LOW", 30),
        quarter_order(tpch, "5", date(1993, 6, 30), "3-MEDIUM", 1),  # the day before the quarter
        quarter_order(tpch, "6", date(1993, 10, 1), "3-MEDIUM", 1),  # the day after it
    ]


@pytest.fixture
def year(tpch: ModuleType) -> list[Any]:
    """Orders for Q12, of its year 1994 and around it."""
    mail = line(tpch, 1, PROMISED - DAY, PROMISED + DAY, promised=PROMISED, mode="MAIL")
    ship, placed = mail._replace(mode="SHIP"), date(1993, 12, 1)
    new_year, end_of_year = date(1994, 1, 1), date(1994, 12, 31)
    return [
        delivered(tpch, "1", placed, "1-URGENT", mail, ship._replace(number=2)),
        delivered(tpch, "2", placed, "2-HIGH", mail),
        delivered(tpch, "3", placed, "3-MEDIUM", ship),
        delivered(tpch, "4", placed, "1-URGENT", mail._replace(leaves=PROMISED)),  # left on the promised day
        delivered(tpch, "5", placed, "1-URGENT", mail._replace(arrives=PROMISED)),  # on the promised day is not late
        delivered(tpch, "6", placed, "1-URGENT", mail._replace(mode="AIR")),
        delivered(tpch, "7", placed, "5-LOW", late_for_a_day(ship, new_year)),
        delivered(tpch, "8", placed, "1-URGENT", late_for_a_day(ship, new_year - DAY)),  # the year before
        delivered(tpch, "9", placed, "5-LOW", late_for_a_day(ship, end_of_year)),
        delivered(tpch, "10", placed, "1-URGENT", late_for_a_day(ship, end_of_year + DAY)),  # the year after
    ]


def late_for_a_day(row: Any, arrives: date) -> Any:
    return row._replace(leaves=arrives - 2 * DAY, promised=arrives - DAY, arrives=arrives)


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


Q4 = {"1-URGENT": (1,), "5-LOW": (2,)}
Q12 = {"MAIL": (2, 0), "SHIP": (1, 3)}


def answered(tpch: ModuleType, orders: list[Any], query: int, figures: dict[str, tuple[int, ...]]) -> bool:
    agrees: bool = tpch.run(orders, MemoryStore(), answers=[tpch.Answer(query, "by hand", figures)])
    return agrees


def test_q4_counts_the_orders_of_the_quarter_with_a_line_after_its_promised_day(
    tpch: ModuleType, quarter: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert answered(tpch, quarter, 4, Q4)

    rows = capsys.readouterr().out.splitlines()
    table = rows.index("Q4         orders placed from 1993-07-01 to 1993-09-30 of which a line was late, by priority")
    assert [row.split() for row in rows[table + 1 : table + 3]] == [["1-URGENT", "1"], ["5-LOW", "2"]]
    assert "  ✓ Q4, by hand                       1 / 2" in rows


def test_q12_counts_lines_late_in_the_year_that_left_before_the_promised_day(
    tpch: ModuleType, year: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert answered(tpch, year, 12, Q12)

    rows = capsys.readouterr().out.splitlines()
    table = next(number for number, row in enumerate(rows) if row.startswith("Q12 "))
    assert [row.split() for row in rows[table + 1 : table + 3]] == [["MAIL", "2", "0"], ["SHIP", "1", "3"]]
    assert "  ✓ Q12, by hand                      2 + 0 / 1 + 3" in rows


def test_both_questions_are_answered_from_a_file_as_from_memory(
    tpch: ModuleType, quarter: list[Any], tmp_path: Path
) -> None:
    store = SqliteStore(tmp_path / "orders.db", synchronous="NORMAL")

    assert tpch.run(quarter, store, answers=[tpch.Answer(4, "by hand", Q4), tpch.Answer(12, "by hand", {})])


@pytest.mark.parametrize(
    ("query", "figures", "told"),
    [
        (4, Q4 | {"5-LOW": (3,)}, "5-LOW: 2 here, 3 in TPC-H"),
        (4, {"1-URGENT": (1,), "4-NOT SPECIFIED": (2,)}, "4-NOT SPECIFIED: none here, 2 in TPC-H"),
        (12, {"MAIL": (1, 0)}, "MAIL: none here, 1 + 0 in TPC-H"),
    ],
)
def test_another_answer_than_the_benchmarks_is_told_and_fails(
    tpch: ModuleType,
    quarter: list[Any],
    query: int,
    figures: dict[str, tuple[int, ...]],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert not answered(tpch, quarter, query, figures)

    said = capsys.readouterr()
    assert told in said.out
    assert f"DIFFERENT from TPC-H: Q{query}, by hand" in said.err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"arrives": PROMISED}, "1-URGENT: none here, 1 in TPC-H"),
        ({"promised": PROMISED + 3 * DAY}, "1-URGENT: none here, 1 in TPC-H"),
    ],
)
def test_a_line_that_travelled_otherwise_than_in_the_benchmark_fails(
    tpch: ModuleType, quarter: list[Any], change: dict[str, Any], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    otherwise = quarter[0]._replace(lines=tuple(row._replace(**change) for row in quarter[0].lines))

    assert not answered(tpch, [otherwise, *quarter[1:]], 4, Q4)

    assert told in capsys.readouterr().out


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

    told = capsys.readouterr().out
    assert "✓ O / F / P" in told
    assert "✓ Q4, by SQL over the rows" in told
    assert "✓ Q12, by SQL over the rows" in told
    assert "as published" not in told


def test_the_published_answers_are_read_as_the_sql_finds_them(tpch: ModuleType) -> None:
    pytest.importorskip("duckdb", reason="duckdb is declared by the example alone: uv run examples/tpch.py")
    pytest.importorskip("duckdb_extension_tpch", reason="declared by the example alone: uv run examples/tpch.py")

    answers = {(answer.query, answer.source): answer.figures for answer in tpch.tpch_data().answers}

    assert answers[12, "as published"] == {"MAIL": (64, 86), "SHIP": (61, 96)}
    assert answers[12, "by SQL over the rows"] == answers[12, "as published"]
    assert answers[4, "by SQL over the rows"] == answers[4, "as published"]
