"""Audit: who did what to an order, when, on whose behalf, why, under which policy, and what came of it.

A report is read off the record: the events as a store keeps them, with what brought each of them about, and the records
of the commands. Nothing is noted for it beside them, so it cannot say anything else than what the order was made of.
What a change led to by itself (milestones, messages, the next step) happened in that change and stands in its entry.
What the order did without anybody's command has an entry of its own: the answer of a system that was asked, reports
that had waited, the time that had come.

Commands that were refused changed nothing and are not on record; nor is one that had nothing to change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from typing import Literal, TypeAlias

import attrs

from orderflow.messages import Actor
from orderflow.order import Order
from orderflow.process import STAGES, evolve, pending
from orderflow.sentences import sentence
from orderflow.stages.stage import Stage
from orderflow.stores.base import CommandRecord, Recorded

__all__ = ["AuditEntry", "AuditReport", "audit_report"]

#: What brought a change about: somebody's command, a system's answer, reports that had waited, or the time.
Source: TypeAlias = Literal["command", "answer", "inbox", "time"]
_BY_ITSELF: Mapping[str, Source] = {"time": "time", "inbox": "inbox"}
_NOTED = "Commands that were refused changed nothing, and are not on record."


@attrs.frozen
class AuditEntry:
    """One change of an order: who brought it about, how, why, and what happened.

    Attributes:
        first: the number of its first event in the order; ``last``: of its last one.
        at: when it was.
        by: who did it, and on whose behalf; for what nobody commanded, the system.
        source: what brought it about: a ``command``, an ``answer`` that a system gave, reports from the ``inbox``, or
            the ``time``.
        what: the tag of the command; for an answer, the system that gave it.
        cause: the id of the command, or of the request that was answered.
        reason: why, in the words of whoever gave the command.
        policy: the name of the policy under which it was decided.
        correlation_id: what the host connects it with.
        happened: what happened, in sentences.
    """

    first: int
    last: int
    at: datetime
    by: Actor
    source: Source
    what: str
    cause: str
    happened: tuple[str, ...]
    reason: str = ""
    policy: str = ""
    correlation_id: str | None = None

    @property
    def headline(self) -> str:
        """Who did what, why, and under which policy, on one line."""
        did = {
            "command": f"{self.by}: {self.what}",
            "answer": f"{self.what} answered {self.cause}",
            "inbox": "reports that had waited for their parcel",
            "time": "by itself, as time had passed",
        }[self.source]
        why = f' "{self.reason}"' if self.reason else ""
        about = filter(None, (f"policy {self.policy}" if self.policy else "", self.correlation_id))
        return f"{did}{why}" + "".join(f" · {part}" for part in about)

    def __str__(self) -> str:
        head = f"{self.at:%Y-%m-%d %H:%M:%S}  {self.headline}"
        return "\n".join((head, *(f"  {number:>5}  {told}" for number, told in enumerate(self.happened, self.first))))


@attrs.frozen
class AuditReport:
    """What happened to an order, change by change, oldest first; ``str`` draws it for people."""

    order_id: str
    entries: tuple[AuditEntry, ...]

    def __len__(self) -> int:
        return len(self.entries)

    def by(self, kind: str | None = None, id: str | None = None, on_behalf_of: str | None = None) -> AuditReport:
        """What somebody did: those changes alone that a command of theirs brought about.

        >>> AuditReport("A-1001", ()).by("employee", "E7").entries
        ()
        """
        wanted = {name: said for name, said in (("kind", kind), ("id", id), ("on_behalf_of", on_behalf_of)) if said}
        theirs = (
            entry
            for entry in self.entries
            if entry.source == "command" and all(getattr(entry.by, name) == said for name, said in wanted.items())
        )
        return attrs.evolve(self, entries=tuple(theirs))

    def __str__(self) -> str:
        events = sum(len(entry.happened) for entry in self.entries)
        head = f"{self.order_id}: {events} events in {len(self.entries)} changes (times in UTC)"
        return "\n".join((head, "", *map(str, self.entries), "", _NOTED))


def audit_report(
    history: Iterable[Recorded],
    commands: Mapping[str, CommandRecord] | None = None,
    stages: tuple[Stage, ...] = STAGES,
) -> AuditReport:
    """The report on an order, from its history and the records of its commands, by their ids.

    Without a record, what somebody did is told by the events alone.
    """
    known = commands or {}
    order: Order | None = None
    entries: list[AuditEntry] = []
    for _, change in groupby(history, lambda recorded: _change_of(recorded, known)):
        events = tuple(change)
        before, told = order, list[str]()
        for recorded in events:
            order = evolve(order, recorded.event)
            told.append(sentence(recorded.event, order))
        entries.append(_entry(events, known.get(events[0].cause), before, tuple(told), stages))
    return AuditReport(order.id if order is not None else "", tuple(entries))


def _change_of(recorded: Recorded, known: Mapping[str, CommandRecord]) -> tuple[object, ...]:
    """What the events of one change have in common; a command is one change, whatever it led to."""
    if recorded.cause in known:
        return (recorded.cause,)
    return recorded.cause, recorded.by, recorded.policy, recorded.event.at


def _entry(
    events: tuple[Recorded, ...],
    command: CommandRecord | None,
    before: Order | None,
    told: tuple[str, ...],
    stages: tuple[Stage, ...],
) -> AuditEntry:
    first = events[0]
    source, what = _source(first, command, before, stages)
    at = command.at if command is not None else first.event.at
    entry = AuditEntry(first.number, events[-1].number, at, first.by, source, what, first.cause, told, "", first.policy)
    if command is None:
        return entry
    return attrs.evolve(entry, reason=command.reason, correlation_id=command.correlation_id)


def _source(
    first: Recorded, command: CommandRecord | None, before: Order | None, stages: tuple[Stage, ...]
) -> tuple[Source, str]:
    """What brought a change about, and the command or the system that did."""
    if command is not None:
        return "command", command.tag
    if first.cause in _BY_ITSELF:
        return _BY_ITSELF[first.cause], ""
    asked, _, others = first.cause.partition(" ")
    answered = (one.request for one in pending(before, stages) if one.request.id == asked) if before is not None else ()
    port = next((request.PORT[0] for request in answered), "")
    if not port:
        return "command", "a command that is not on record"
    return "answer", f"{port} and others" if others else port
