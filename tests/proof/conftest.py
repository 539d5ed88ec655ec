"""Reports what the searches have covered, at the end of the run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.proof.interleaving import Found

_COVERED: dict[str, Found] = {}


@pytest.fixture
def covered() -> dict[str, Found]:
    """Where a proof leaves what it has seen, by its name."""
    return _COVERED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not _COVERED:
        return
    terminalreporter.section("crash and cancel: every interleaving")
    for name, found in _COVERED.items():
        terminalreporter.write_line(
            f"{name:<58} {found.schedules:>26,} schedules {found.states:>7,} states {found.steps:>8,} steps "
            f"{found.endings:>4} endings {len(found.violations)} violations"
        )
    total = sum(found.schedules for found in _COVERED.values())
    states = sum(found.states for found in _COVERED.values())
    terminalreporter.write_line(f"{total:,} interleavings through {states:,} distinct states")
