"""Every test that takes a ``store`` runs on one in memory and on one in a file; ``path`` is where a file may be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orderflow.stores import MemoryStore, OrderStore, SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.sqlite"


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, path: Path) -> Iterator[OrderStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    with SqliteStore(path, synchronous="NORMAL", snapshot_every=5) as opened:
        yield opened
