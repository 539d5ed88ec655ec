"""What every store erases of an order, besides what is its own to keep.

What happened stays, without the people in it. Who acted is a person unless it is a system; the record of an erasure
itself, and of the command that asked for it, stays whole: it proves that it was done, by whom, and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orderflow.errors import ErasureFailed
from orderflow.messages import Actor
from orderflow.order import Order
from orderflow.process import replay
from orderflow.stages.erasure import ErasePersonalData, PersonalDataErased
from orderflow.stores.base import Attempt, CommandRecord, Recorded
from orderflow.values.checked import evolved
from orderflow.values.erasing import erased
from orderflow.values.frozenmap import FrozenMap

__all__ = ["check_replay", "erased_actor", "erased_attempts", "erased_command", "erased_history"]


def erased_actor(by: Actor) -> Actor:
    """Who acted, by kind only; a system is not a person."""
    gone = erased(by)
    return evolved(gone, id=by.id) if by.kind == "system" else gone


def erased_history(history: Iterable[Recorded]) -> tuple[Recorded, ...]:
    """What happened, without the people in it; who erased something stays on record."""
    return tuple(
        recorded
        if isinstance(recorded.event, PersonalDataErased)
        else evolved(recorded, event=erased(recorded.event), by=erased_actor(recorded.by))
        for recorded in history
    )


def erased_command(known: CommandRecord) -> CommandRecord:
    """The record of a command without its body's digest, its sender and its reason."""
    if known.tag == ErasePersonalData.TAG:
        return known
    return evolved(erased(known), by=erased_actor(known.by))


def erased_attempts(attempts: Mapping[str, Attempt]) -> FrozenMap[str, Attempt]:
    """How asking went, without what was said about it."""
    return FrozenMap({request: erased(attempt) for request, attempt in attempts.items()})


def check_replay(order: Order, history: Iterable[Recorded]) -> None:
    """What is left makes the order that was asked for."""
    if replay(recorded.event for recorded in history) != order:
        raise ErasureFailed(order.id)
