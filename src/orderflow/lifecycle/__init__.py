"""Lifecycles: which steps of the process are permitted in which state, as values that a host extends.

`Lifecycle` and `Step` are the value, `ORDER`, `FULFILLMENT`, `PARCEL` and `RETURN` the standard ones. What needs the
state machine library (`statechart`, `from_statemachine`, `mermaid`, `markdown`) is loaded when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from orderflow.lifecycle.model import RESERVED, Lifecycle, Step
from orderflow.lifecycle.standard import FULFILLMENT, ORDER, PARCEL, RETURN

if TYPE_CHECKING:
    from orderflow.lifecycle.chart import from_statemachine, statechart
    from orderflow.lifecycle.draw import markdown, mermaid

__all__ = [
    "FULFILLMENT",
    "ORDER",
    "PARCEL",
    "RESERVED",
    "RETURN",
    "Lifecycle",
    "Step",
    "from_statemachine",
    "markdown",
    "mermaid",
    "statechart",
]

_LATER = {"from_statemachine": "chart", "statechart": "chart", "markdown": "draw", "mermaid": "draw"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
