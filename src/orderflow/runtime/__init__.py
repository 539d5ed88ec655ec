"""The runtimes: what turns the pure process into orders that are kept and systems that are asked."""

from __future__ import annotations

from orderflow.runtime.aio import AsyncOrderFlow
from orderflow.runtime.clock import system_clock
from orderflow.runtime.engine import DueReport, Ports, Receipt
from orderflow.runtime.sync import OrderFlow

__all__ = ["AsyncOrderFlow", "DueReport", "OrderFlow", "Ports", "Receipt", "system_clock"]
