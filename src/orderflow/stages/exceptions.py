"""Exceptions: what went wrong in a way that someone must settle by choosing an option.

A *case* is raised by whichever stage met the problem, names what it is about and which options there are, and is
closed by choosing one (a person does, or ``Policy.settle``), or by itself when its reason is gone (``filled``,
``moot``). While a case about a request is
open, the request is not asked again: a port that gave its final answer, or none after all attempts, is not nagged. What
an option does, the stage that raised the case says (``Stage.settles``).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import attrs

from orderflow.errors import Violation
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Case, Order
from orderflow.policy import Policy
from orderflow.ports import Request
from orderflow.stages.stage import (
    Decision,
    Stage,
    Wait,
    next_id,
    nothing_has_left,
    order_exists,
    order_may,
    order_not_cancelling,
)
from orderflow.values.checked import PERSONAL, checked
from orderflow.values.ids import as_id

__all__ = [
    "STAGE",
    "ExceptionRaised",
    "ExceptionResolved",
    "ResolveException",
    "impossible_reply",
    "raised",
]


@command("resolve_exception")
class ResolveException(Command):
    """Settle an exception by choosing one of its options."""

    order_id: str = checked(as_id)
    case_id: str = checked(as_id)
    option: str = checked(as_id)


@event("exception_raised")
class ExceptionRaised(Event):
    """Someone must choose how to go on."""

    case_id: str
    code: str
    about: str
    message: str = attrs.field(metadata=PERSONAL)
    options: tuple[str, ...]
    is_about_request: bool = False

    def apply(self, order: Order) -> Order:
        """The order has an open case more."""
        case = Case(self.case_id, self.code, self.about, self.message, self.options, self.at, self.is_about_request)
        return order.replace(cases=order.cases.set(self.case_id, case))


@event("exception_resolved")
class ExceptionResolved(Event):
    """The case is closed: by an option that someone or the policy chose, or by itself, as ``filled`` or ``moot``."""

    case_id: str
    option: str
    by_policy: bool = False

    def apply(self, order: Order) -> Order:
        """The case is closed."""
        return order.replace(cases=order.cases.set(self.case_id, order.cases[self.case_id].replace(chosen=self.option)))


def raised(
    order: Order, code: str, about: str | Request, message: str, options: tuple[str, ...], at: datetime
) -> Iterable[ExceptionRaised]:
    """A case about a part of the order or about a request, unless one about the same thing is open already."""
    subject, is_request = (about.id, True) if isinstance(about, Request) else (about, False)
    if order.case_about(subject) is None:
        yield ExceptionRaised(at, next_id("X", order.cases), code, subject, message, options, is_request)


def impossible_reply(order: Order, request: Request, reply: Any, at: datetime) -> Iterable[Event]:
    """An answer that cannot be: more granted than wanted, another currency, the answer to another question."""
    port = ".".join(request.PORT)
    shown = repr(reply)
    told = f"{port} answered {request.id} with {shown[:200]}{'…' if len(shown) > 200 else ''}"
    return raised(order, "port.impossible_reply", request, told, ("try_again",), at)


# -- rules ----------------------------------------------------------------------------------------------------------


def the_case_exists(order: Order, command: ResolveException, policy: Policy) -> Iterable[Violation]:
    """The exception is one of this order's."""
    if command.case_id not in order.cases:
        yield Violation("exception.unknown", f"there is no exception {command.case_id!r}", "case_id")


def the_case_is_open(order: Order, command: ResolveException, policy: Policy) -> Iterable[Violation]:
    """An exception is settled once."""
    case = order.cases[command.case_id]
    if case.chosen:
        yield Violation("exception.closed", f"{case.id} was settled by {case.chosen!r}", "case_id")


def the_option_is_offered(order: Order, command: ResolveException, policy: Policy) -> Iterable[Violation]:
    """The option is one that the exception offers."""
    case = order.cases[command.case_id]
    if command.option not in case.options:
        yield Violation(
            "exception.no_such_option", f"{case.id} offers {', '.join(case.options)}, not {command.option!r}", "option"
        )


def the_order_can_still_be_cancelled(order: Order, command: ResolveException, policy: Policy) -> Iterable[Violation]:
    """To settle an exception by cancelling the order is to cancel it, under the same rules."""
    if command.option == "cancel_order":
        yield from nothing_has_left(order, command, policy)
        yield from order_may("cancel")(order, command, policy)
        yield from order_not_cancelling(order, command, policy)


def _resolve(order: Order, command: ResolveException, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    yield ExceptionResolved(envelope.at, command.case_id, command.option)


def _candidates(order: Order, policy: Policy) -> Iterable[Command]:
    for case in order.open_cases:
        for option in case.options:
            yield ResolveException(order.id, case.id, option)


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for case in order.open_cases:
        yield Wait("someone", f"to settle {case.id} {case.code}: {case.message}", " or ".join(case.options))


STAGE = Stage(
    name="exceptions",
    commands=(ResolveException,),
    events=(ExceptionRaised, ExceptionResolved),
    decisions=(
        Decision(
            ResolveException,
            tiers=(
                (order_exists,),
                (the_case_exists,),
                (the_case_is_open,),
                (the_option_is_offered,),
                (the_order_can_still_be_cancelled,),
            ),
            events=_resolve,
            candidates=_candidates,
        ),
    ),
    awaits=_awaits,
)
