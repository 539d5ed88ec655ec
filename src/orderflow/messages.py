"""Commands, events and the envelope around a command.

One verb in three tenses: the command ``PackParcel`` asks, the event ``ParcelPacked`` says that it happened, the rules
and the decision between them live in one stage module. A command may be refused; an event is always a fact. An event
records outcomes (the state entered, the units moved, the price agreed), never "apply today's policy", so that replay
depends on nothing but the events.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, dataclass_transform

import attrs

from orderflow.errors import InvalidInput
from orderflow.values.checked import checked, optional, value
from orderflow.values.ids import as_id, as_reference, as_text
from orderflow.values.record import record
from orderflow.values.times import as_instant

if TYPE_CHECKING:
    from orderflow.order import Order

__all__ = ["SYSTEM", "Actor", "Command", "Envelope", "Event", "command", "event"]

C = TypeVar("C", bound=type)


@value
class Actor:
    """Who acts: a customer, an employee, a system, a partner, possibly on behalf of someone else."""

    kind: str = checked(as_id)
    id: str = checked(as_id, personal=True)
    on_behalf_of: str | None = checked(optional(as_id), default=None, personal=True)

    def __str__(self) -> str:
        behalf = f" on behalf of {self.on_behalf_of}" if self.on_behalf_of else ""
        return f"{self.kind} {self.id}{behalf}"


SYSTEM = Actor("system", "orderflow")


def _as_actor(raw: Any) -> Actor:
    if not isinstance(raw, Actor):
        raise InvalidInput.because("envelope.not_an_actor", f"must be an Actor, not {type(raw).__name__}")
    return raw


def _as_version(raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 0:
        raise InvalidInput.because("envelope.not_a_version", "must be a whole number from 0")
    return raw


def _as_notify(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise InvalidInput.because("envelope.not_a_flag", "must be true or false")
    return raw


@value
class Envelope:
    """The outside of a command: when, by whom, under which id, why, and which version the sender has seen.

    ``command_id`` makes a command idempotent within its tenant: the same id with the same body gets the original
    answer, with another body it is refused. ``expected_version`` is the sender's optimistic lock and is never retried.
    Without ``notify`` nobody is told, now or later, of what the command itself leads to.
    """

    at: datetime = checked(as_instant)
    by: Actor = checked(_as_actor, default=SYSTEM)
    command_id: str | None = checked(optional(as_reference), default=None)
    reason: str = checked(as_text(1000), default="", personal=True)
    expected_version: int | None = checked(optional(_as_version), default=None)
    correlation_id: str | None = checked(optional(as_reference), default=None)
    notify: bool = checked(_as_notify, default=True)


class Command:
    """Something asked of one order, which may be refused."""

    __slots__ = ()
    TAG: ClassVar[str] = ""

    if TYPE_CHECKING:

        @property
        def order_id(self) -> str | None: ...


@dataclass_transform(frozen_default=True, field_specifiers=(attrs.field,))
def event(tag: str, version: int = 1) -> Callable[[C], C]:
    """Declare an event class under its stable storage tag and version."""

    def declaring(cls: C) -> C:
        cls.TAG = tag  # type: ignore[attr-defined]
        cls.VERSION = version  # type: ignore[attr-defined]
        return record(cls)

    return declaring


@event("")
class Event:
    """A fact of one order: ``at`` is when it happened, ``apply`` is what it means."""

    TAG: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1

    at: datetime

    def apply(self, order: Order) -> Order:
        """The order after this fact. No policy, no look-ups, no refusal."""
        raise TypeError(f"{type(self).__name__} does not say what it means")


@dataclass_transform(frozen_default=True, field_specifiers=(attrs.field, checked))
def command(tag: str) -> Callable[[C], C]:
    """Declare a command class under its stable storage tag; its fields check themselves."""

    def declaring(cls: C) -> C:
        cls.TAG = tag  # type: ignore[attr-defined]
        return value(cls)

    return declaring
