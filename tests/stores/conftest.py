"""Both stores, under one name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orderflow.stores import MemoryStore, OrderStore, SqliteStore


@pytest.fixture(params=["memory", "sqlite", "sqlite without a cache"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OrderStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    cache = 0 if "without" in request.param else 1000
    with SqliteStore(tmp_path / "orders.sqlite", synchronous="NORMAL", snapshot_every=3, cache=cache) as opened:
        yield opened
