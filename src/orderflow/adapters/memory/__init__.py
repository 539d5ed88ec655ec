"""An inventory, a price list, a carrier, a fulfiller and a mailbox in memory, and a clock that is moved by hand.

They are whole systems in small: they keep books, they recognise a repeated effect by its key, they refuse what a real
system refuses. All that they know can be copied (``snapshot``), put back (``restore``) and compared (``fingerprint``),
so that a test can try every place in which a program may crash.
"""

from __future__ import annotations

from orderflow.adapters.memory.carrier import MemoryCarrier
from orderflow.adapters.memory.clock import ManualClock
from orderflow.adapters.memory.faults import Deferring, Flaky
from orderflow.adapters.memory.fulfiller import MemoryFulfiller, WorkEntry
from orderflow.adapters.memory.inventory import ClaimEntry, Discrepancy, MemoryInventory
from orderflow.adapters.memory.mailbox import Mailbox
from orderflow.adapters.memory.pricing import PriceList

__all__ = [
    "ClaimEntry",
    "Deferring",
    "Discrepancy",
    "Flaky",
    "Mailbox",
    "ManualClock",
    "MemoryCarrier",
    "MemoryFulfiller",
    "MemoryInventory",
    "PriceList",
    "WorkEntry",
]
