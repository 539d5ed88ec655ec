"""What is told at the end of a run: what the searches of ``tests/proof`` have covered."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    rows = [
        value
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, value in report.user_properties
        if name == "covered"
    ]
    if not rows:
        return
    terminalreporter.section("crash and cancel: every interleaving")
    wide = max(len(row[0]) for row in rows)
    for name, schedules, states, steps, endings, violations in sorted(rows):
        terminalreporter.write_line(
            f"{name:<{wide}} {schedules:>31,} schedules {states:>7,} states {steps:>7,} steps "
            f"{endings:>3} endings {violations} violations"
        )
    schedules, states = sum(row[1] for row in rows), sum(row[2] for row in rows)
    terminalreporter.write_line(f"{schedules:,} interleavings through {states:,} distinct states")
