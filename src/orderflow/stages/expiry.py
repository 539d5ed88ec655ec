"""Expiry: an order that nobody verified or confirmed in time is cancelled by itself.

How long an order may wait is policy (``Policy.expire_after``). When that moment has come, it is cancelled like any
other order: what was claimed for it is released because nothing is wanted any more. Of an order of which goods have
left only a part could be cancelled: it does not expire, someone decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from orderflow.messages import Event
from orderflow.order import Order
from orderflow.policy import Policy
from orderflow.stages.changes import CancellationRequested, has_left
from orderflow.stages.stage import Stage, Wait

__all__ = ["STAGE"]


def _moments(order: Order, policy: Policy) -> Iterable[datetime]:
    if policy.expire_after is None or not _is_waiting(order, policy):
        return
    moment = policy.expires_at(order)
    if moment is not None:
        yield moment


def _is_waiting(order: Order, policy: Policy) -> bool:
    """Whether an order was placed, is not agreed yet, and could still be cancelled."""
    return (
        "placed" in order.milestones
        and ("verified" not in order.milestones or _waits_for_the_buyer(order))
        and order.cancellation is None
        and not order.is_over
        and not has_left(order)
        and policy.order_step(order, "cancel") is not None
    )


def _waits_for_the_buyer(order: Order) -> bool:
    """Whether the buyer has not agreed to what was confirmed, or does not."""
    return order.confirmation is not None and order.confirmation.word != "stands"


def _at_time(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    if any(moment <= at for moment in _moments(order, policy)):
        yield CancellationRequested(at, "expired")


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for moment in _moments(order, policy):
        unless = "unless it is verified and agreed by then"
        yield Wait("the clock", f"to cancel the order at {moment:%Y-%m-%d %H:%M}, {unless}")


STAGE = Stage(name="expiry", moments=_moments, at_time=_at_time, awaits=_awaits)
