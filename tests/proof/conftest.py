"""What the searches have covered goes with the report of each test, out of whichever process it ran in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.proof.interleaving import Found


@pytest.fixture
def covered(record_property: Callable[[str, object], None]) -> Callable[[str, Found], None]:
    """Where a proof leaves what it has seen, by its name."""

    def leave(name: str, found: Found) -> None:
        violations = len(found.violations)
        record_property("covered", (name, found.schedules, found.states, found.steps, found.endings, violations))

    return leave
