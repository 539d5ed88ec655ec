"""Lifecycles for people: a diagram, a table, and the reference page.

``python -m orderflow.lifecycle.draw > docs/lifecycles.md`` writes the page anew; a test fails while it is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from orderflow.lifecycle.chart import statechart
from orderflow.lifecycle.model import Lifecycle
from orderflow.lifecycle.standard import FULFILLMENT, ORDER, PARCEL, RETURN
from orderflow.lifecycle.worked import WITH_ENGRAVING, WITH_FRAUD_REVIEW

__all__ = ["main", "markdown", "mermaid", "page"]

_INTRODUCTION = """\
# Lifecycles

A lifecycle says which steps are permitted in which state. The tables have a row for each state and a column for each
event; a cell names the state to which the event leads, and is empty where the event is refused. A guard stands in
brackets. Where there are several, the first that holds is taken.

This page is generated: `python -m orderflow.lifecycle.draw > docs/lifecycles.md`.
"""

_FRAUD_REVIEW = """\
A host looks at every order before it is verified. An acknowledged order is then no longer verified automatically:
`verify` is not permitted there. An order under review can be neither rejected nor cancelled, unless the host also adds
`Step("fraud_review", "cancel", "cancelled")` and the like with `extended`.

```python
from orderflow.lifecycle import ORDER

ORDER.inserted("fraud_review", after="acknowledged", by="review_fraud", taking=("verify",))
```
"""

_ENGRAVING = """\
A host engraves what was picked before it is packed. The steps by `pack` and `finish_packing` now lead from `engraving`;
`pack` leads from `picked` to itself, so now it leads from `engraving` to itself.

```python
from orderflow.lifecycle import FULFILLMENT

FULFILLMENT.inserted("engraving", after="picked", by="engrave", taking=("pack", "finish_packing"))
```
"""


def mermaid(lifecycle: Lifecycle) -> str:
    """The diagram of a lifecycle in the Mermaid language, drawn from the compiled state machine."""
    return format(statechart(lifecycle), "mermaid").rstrip("\n") + "\n"


def markdown(lifecycle: Lifecycle) -> str:
    """The table of a lifecycle: its states by its events."""
    head = ("state", *(f"`{event}`" for event in lifecycle.events))
    rows = [_row(head), _row("---" for _ in head)]
    rows += [
        _row((_state(lifecycle, state), *(_cell(lifecycle, state, event) for event in lifecycle.events)))
        for state in lifecycle.states
    ]
    return "\n".join(rows) + "\n"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _state(lifecycle: Lifecycle, state: str) -> str:
    """The name of a state and what is special about it."""
    kinds = {
        "initial": state == lifecycle.initial,
        "final": state in lifecycle.final,
        "resting": state in lifecycle.resting,
    }
    said = ", ".join(kind for kind, is_it in kinds.items() if is_it)
    return f"**{state}** ({said})" if said else f"**{state}**"


def _cell(lifecycle: Lifecycle, state: str, event: str) -> str:
    """Where the event leads from the state."""
    steps = [step for step in lifecycle.steps_from(state) if step.event == event]
    return ", ".join(f"{step.target} [{step.guard}]" if step.guard else step.target for step in steps)


def _section(title: str, lifecycle: Lifecycle, text: str = "") -> str:
    """A chapter of the page: what it is, the diagram, the table."""
    named = f"Lifecycle `{lifecycle.name}`, version {lifecycle.version}.\n"
    drawn = f"```mermaid\n{mermaid(lifecycle)}```\n"
    return "\n".join(part for part in (f"## {title}\n", text, named, drawn, markdown(lifecycle)) if part)


def page() -> str:
    """The reference page: the standard lifecycles and the worked extensions."""
    return "\n".join(
        (
            _INTRODUCTION,
            _section("Order", ORDER),
            _section("Fulfillment", FULFILLMENT),
            _section("Parcel", PARCEL),
            _section("Return", RETURN),
            _section("Worked example: a fraud review", WITH_FRAUD_REVIEW, _FRAUD_REVIEW),
            _section("Worked example: engraving", WITH_ENGRAVING, _ENGRAVING),
        )
    )


def main() -> None:
    """Print the reference page."""
    sys.stdout.write(page())


if __name__ == "__main__":
    main()
