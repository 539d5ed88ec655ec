"""The runtimes: what turns the pure process into orders that are kept and systems that are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orderflow.runtime.clock import system_clock
from orderflow.runtime.engine import DueReport, Ports, Receipt
from orderflow.runtime.sync import OrderFlow

if TYPE_CHECKING:
    from orderflow.runtime.aio import AsyncOrderFlow

__all__ = ["AsyncOrderFlow", "DueReport", "OrderFlow", "Ports", "Receipt", "system_clock"]


def __getattr__(name: str) -> Any:
    if name == "AsyncOrderFlow":
        from orderflow.runtime.aio import AsyncOrderFlow

        return AsyncOrderFlow
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
