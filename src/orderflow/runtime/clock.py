"""The one place where the real time and real chance come from; both are replaced by handing in other functions."""

from __future__ import annotations

import os
from datetime import UTC, datetime

__all__ = ["random_id", "system_clock"]


def system_clock() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


def random_id() -> str:
    """An id that nobody else has: for commands that were given none."""
    return os.urandom(16).hex()
