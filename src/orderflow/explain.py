"""Explanations: where an order stands, whom it waits for, what is possible, and why everything else is not.

Explanations come from the same rule books as decisions: each stage names the commands that could be given now
(`Decision.candidates`), and each is held against its rules. So what is called possible is accepted by ``decide``, and
what is called impossible is refused by it for exactly the reasons told; a property test holds them to it.
"""

from __future__ import annotations

from datetime import datetime

from orderflow.errors import Violation
from orderflow.messages import SYSTEM, Actor, Command
from orderflow.order import Order
from orderflow.process import OrderProcess
from orderflow.stages.stage import Wait, objections_to, titled
from orderflow.stages.verification import blockers
from orderflow.values.record import record

__all__ = ["Explanation", "Impossible", "Trouble", "explain"]


@record
class Impossible:
    """A command that would be refused now, with every reason."""

    command: Command
    reasons: tuple[Violation, ...]

    def __str__(self) -> str:
        told = "; ".join(f"{reason.message} ({reason.code})" for reason in self.reasons)
        return f"{_short(self.command)}: {told}"


@record
class Trouble:
    """A request that has failed so far: how often, why the last time, and when it is asked again."""

    request_id: str
    failures: int
    reason: str
    next_at: datetime

    def __str__(self) -> str:
        times = "once" if self.failures == 1 else f"{self.failures} times"
        return f"{self.request_id} failed {times}: {self.reason}; asked again at {self.next_at:%Y-%m-%d %H:%M} UTC"


@record
class Explanation:
    """Everything there is to say about where an order stands. ``str`` draws it for people."""

    order: Order
    waiting_for: tuple[Wait, ...]
    missing: tuple[Violation, ...]
    possible: tuple[Command, ...]
    not_possible: tuple[Impossible, ...]
    troubles: tuple[Trouble, ...] = ()

    def __str__(self) -> str:
        rows = [_headline(self.order)]
        rows += titled("waiting for", [str(wait) for wait in self.waiting_for])
        rows += titled("trouble", [str(trouble) for trouble in self.troubles])
        rows += titled("money", [str(self.order.balance)] if not self.order.settlement.is_empty else [])
        rows += titled("flagged", [f"{anomaly.message} ({anomaly.code})" for anomaly in self.order.anomalies])
        rows += titled("missing", [f"{reason.message} ({reason.code})" for reason in self.missing])
        rows += titled("possible", [" · ".join(_short(command) for command in self.possible)] if self.possible else [])
        rows += titled("not possible", [str(impossible) for impossible in self.not_possible])
        return "\n".join(rows)


def explain(order: Order, process: OrderProcess, by: Actor = SYSTEM) -> Explanation:
    """Explain where an order stands under a process, to an actor: what is possible depends on who asks."""
    possible: list[Command] = []
    not_possible: list[Impossible] = []
    for stage in process.stages:
        for decision in stage.decisions:
            for command in decision.candidates(order, process.policy):
                reasons = process.violations(order, command, by)
                if reasons:
                    not_possible.append(Impossible(command, reasons))
                else:
                    possible.append(command)
    waits = tuple(wait for stage in process.stages for wait in stage.awaits(order, process.policy))
    is_before = "acknowledged" in order.milestones and "verified" not in order.milestones
    is_over = "cancelled" in order.milestones or "rejected" in order.milestones
    missing = _missing(order, process) if is_before and not is_over else ()
    return Explanation(order, waits, missing, tuple(possible), tuple(not_possible))


def _missing(order: Order, process: OrderProcess) -> tuple[Violation, ...]:
    """What the order lacks before it is verified; the host's rules speak when nothing of ours is open."""
    return tuple(blockers(order)) or tuple(v for v in objections_to(order, process.policy) if v.severity == "error")


def _headline(order: Order) -> str:
    lines = len(order.rows)
    parts = [order.state.replace("_", " "), f"{lines} line{'s' if lines != 1 else ''}"]
    if order.tranches and order.is_priced:
        parts.append(str(order.total))
    if order.wanted_by is not None:
        parts.append(f"wanted by {order.wanted_by:%a %d %b}")
    return f"{order.id}  {' · '.join(parts)}"


def _short(command: Command) -> str:
    """``StartPicking F1``: the command and the part of the order it is about."""
    name = type(command).__name__
    about = (
        getattr(command, field, None)
        for field in (
            "fulfillment_id",
            "parcel_id",
            "shipment_id",
            "return_id",
            "hold_id",
            "case_id",
            "option",
            "step",
            "subject",
            "proposal_id",
        )
    )
    return " ".join([name, *(str(part) for part in about if part)])
