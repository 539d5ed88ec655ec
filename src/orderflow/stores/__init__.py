"""Where orders are kept: the port `OrderStore`, in memory, and in one SQLite file.

What a store needs (``sqlite3``, ``threading``) is loaded when the store is asked for by name, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderflow.stores.base import Attempt, CommandRecord, Loaded, OrderStore, OrderSummary, Page, Recorded

if TYPE_CHECKING:
    from orderflow.stores.memory import MemoryStore
    from orderflow.stores.sqlite import SqliteStore

__all__ = [
    "Attempt",
    "CommandRecord",
    "Loaded",
    "MemoryStore",
    "OrderStore",
    "OrderSummary",
    "Page",
    "Recorded",
    "SqliteStore",
]


def __getattr__(name: str) -> Any:
    if name == "MemoryStore":
        from orderflow.stores.memory import MemoryStore

        return MemoryStore
    if name == "SqliteStore":
        from orderflow.stores.sqlite import SqliteStore

        return SqliteStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
