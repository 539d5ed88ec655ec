"""Asking for a return: what the customer wants to send back or claims, and what the policy has against it.

A *return* brings goods back for money, or for the same goods once more; an *exchange* brings others, at their price; a
*claim* brings nothing back: what was wrong is made good, and the customer keeps it. What the policy has against it
(`Policy.return_window`, `Policy.returnable`) is put on record when it is asked for, as of that moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from orderflow.errors import InvalidInput, Violation
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Order, Reason, Return, ReturnLine
from orderflow.policy import Policy
from orderflow.returns import Resolution, ReturnKind
from orderflow.stages.kits import returned_of_kits
from orderflow.stages.returns_origin import with_customer
from orderflow.stages.stage import (
    Decision,
    Stage,
    next_id,
    nothing_holds,
    order_exists,
    order_was_placed,
)
from orderflow.values.checked import checked, tuple_of
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_text
from orderflow.values.numbers import EXACT, ZERO, plain
from orderflow.values.times import day_in

__all__ = ["STAGE", "RequestReturn", "ReturnRequested"]

#: How a return of each kind may be made good; the first is meant where nothing is said.
_RESOLUTIONS: Mapping[str, tuple[Resolution, ...]] = FrozenMap(
    {"return": ("refund", "replacement"), "exchange": ("exchange",), "claim": ("refund", "replacement")}
)


def _as_return_line(raw: Any) -> ReturnLine:
    """A `ReturnLine`, or its line id, quantity and reason."""
    if isinstance(raw, tuple | list) and 2 <= len(raw) <= 3:
        raw = ReturnLine(*raw)
    if not isinstance(raw, ReturnLine):
        raise InvalidInput.because("return.not_a_line", "must be a ReturnLine or (line_id, quantity, reason)")
    return raw


def _as_kind(raw: Any) -> Any:
    if raw not in _RESOLUTIONS:
        raise InvalidInput.because("return.unknown_kind", f"must be one of {', '.join(_RESOLUTIONS)}")
    return raw


@command("request_return")
class RequestReturn(Command):
    """The customer wants to return units, to exchange them, or claims that something was wrong with them.

    Whole kits are returned by their id, components of them by theirs; only components can be exchanged.
    ``kind`` is ``return``, ``exchange`` or ``claim`` (nothing comes back). ``resolution`` is how it is to be made good:
    ``refund``, or ``replacement``; an exchange is for ``sku`` of each line.
    """

    order_id: str = checked(as_id)
    lines: tuple[ReturnLine, ...] = checked(tuple_of(_as_return_line, at_least=1))
    kind: ReturnKind = checked(_as_kind, default="return")
    resolution: str = checked(as_text(20), default="")

    if TYPE_CHECKING:

        def __init__(
            self,
            order_id: str,
            lines: Iterable[ReturnLine | tuple[str, Decimal | int | str] | tuple[str, Decimal | int | str, str]],
            kind: ReturnKind = "return",
            resolution: str = "",
        ) -> None: ...

    def _check(self) -> None:
        if self.resolution not in ("", *_RESOLUTIONS[self.kind]):
            told = f"{self.kind} is made good by {' or '.join(_RESOLUTIONS[self.kind])}"
            raise InvalidInput.because("return.other_resolution", told, "resolution")

    @property
    def resolved_by(self) -> Resolution:
        """How it is to be made good."""
        return next(one for one in _RESOLUTIONS[self.kind] if self.resolution in ("", one))


@event("return_requested")
class ReturnRequested(Event):
    """The customer asked to return goods; ``objections`` are what the policy had against it then, by line.

    With a ``case_id`` it was not the customer: it was decided there that the goods are collected.
    """

    return_id: str
    kind: ReturnKind
    resolution: Resolution
    state: str
    lines: tuple[ReturnLine, ...]
    objections: FrozenMap[str, tuple[Reason, ...]] = attrs.field(factory=FrozenMap)
    case_id: str = ""

    def apply(self, order: Order) -> Order:
        """There is a return more, and no unit has moved."""
        made = Return(
            self.return_id,
            self.kind,
            self.resolution,
            self.state,
            self.at,
            self.lines,
            self.objections,
            case_id=self.case_id,
        )
        return order.replace(returns=order.returns.set(made.id, made))


# -- rules ----------------------------------------------------------------------------------------------------------


def the_lines_to_return_exist(order: Order, command: RequestReturn, policy: Policy) -> Iterable[Violation]:
    """What is returned is of lines of this order, and came in parcels of it."""
    for index, line in enumerate(command.lines):
        if line.line_id not in order.lines and line.line_id not in order.kits:
            yield Violation("return.unknown_line", f"there is no line {line.line_id!r}", f"lines[{index}].line_id")
        elif line.parcel_id and line.parcel_id not in order.parcels and line.parcel_id not in order.handovers:
            told = f"there is no parcel {line.parcel_id!r}"
            yield Violation("return.unknown_parcel", told, f"lines[{index}].parcel_id")


def kits_are_returned_whole(order: Order, command: RequestReturn, policy: Policy) -> Iterable[Violation]:
    """Whole kits come back, and what is exchanged are their components."""
    for index, line in enumerate(command.lines):
        kit = order.kits.get(line.line_id)
        if kit is not None and line.quantity % 1:
            told = f"{kit.sku} is a kit: whole ones, or units of {', '.join(kit.components)}"
            yield Violation("return.broken_kit", told, f"lines[{index}].quantity")
        if kit is not None and command.kind == "exchange":
            told, remedy = f"{kit.sku} is a kit: its components can be exchanged", "return it, and order another"
            yield Violation("return.kit_exchange", told, f"lines[{index}].line_id", remedy=remedy)


def only_what_the_customer_has_is_returned(order: Order, command: RequestReturn, policy: Policy) -> Iterable[Violation]:
    """No more units are returned than the customer has, and did not return or claim before."""
    asked: dict[tuple[str, str], Decimal] = {}
    for index, line in returned_of_kits(order, command.lines, with_customer):
        for place in {"", line.parcel_id}:
            key = (line.line_id, place)
            asked[key] = EXACT.add(asked.get(key, ZERO), line.quantity)
            most = with_customer(order, line.line_id, place)
            if asked[key] > most and (not place or asked[line.line_id, ""] <= with_customer(order, line.line_id)):
                of = f" of {place}" if place else ""
                told = f"{plain(asked[key])} of {line.line_id}{of}, but {plain(most)} can be returned"
                yield Violation("return.too_much", told, f"lines[{index}].quantity")


# -- the decision ---------------------------------------------------------------------------------------------------


def _request(order: Order, command: RequestReturn, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    found: dict[str, tuple[Reason, ...]] = {}
    lines = tuple(line for _, line in returned_of_kits(order, command.lines, with_customer))
    for line in lines:
        reasons = tuple(_objections(order, line, command.kind, policy, envelope.at))
        if reasons:
            found[line.line_id] = tuple(dict.fromkeys((*found.get(line.line_id, ()), *reasons)))
    return_id, state = next_id("R", order.returns), policy.lifecycles.return_.initial
    resolution, objections = command.resolved_by, FrozenMap(found)
    yield ReturnRequested(envelope.at, return_id, command.kind, resolution, state, lines, objections)


def _objections(order: Order, line: ReturnLine, kind: str, policy: Policy, at: datetime) -> Iterable[Reason]:
    """What the policy has against returning units of a line, as of a moment."""
    yield from policy.returnable(order, line, kind)
    until = policy.returnable_until(order, line.line_id, _arrived(order, line))
    if kind != "claim" and until is not None and at > until:
        last = day_in(until, order.terms_of(line.line_id).zone or "UTC")
        yield Reason("return.window_over", f"could be returned until {last}")


def _arrived(order: Order, line: ReturnLine) -> datetime | None:
    """When the units were delivered: those of a parcel, or the last of the line."""
    parcel, handover = order.parcels.get(line.parcel_id), order.handovers.get(line.parcel_id)
    if handover is not None:
        return handover.at
    arrived = parcel.tracking.delivered_at if parcel is not None else None
    return arrived or order.arrived_at(line.line_id)


def _all_of_it(order: Order, policy: Policy) -> Iterable[Command]:
    """Everything that the customer could return."""
    lines = []
    for line_id in order.lines:
        if units := with_customer(order, line_id):
            lines.append(ReturnLine(line_id, units))
    return (RequestReturn(order.id, lines),) if lines else ()


STAGE = Stage(
    name="returns_request",
    commands=(RequestReturn,),
    events=(ReturnRequested,),
    decisions=(
        Decision(
            RequestReturn,
            tiers=(
                (order_exists, order_was_placed),
                (the_lines_to_return_exist, kits_are_returned_whole),
                (nothing_holds("request_return"),),
                (only_what_the_customer_has_is_returned,),
            ),
            events=_request,
            candidates=_all_of_it,
        ),
    ),
)
