"""Permission: who may change what, as the policy has it, and what becomes of a change that someone must approve.

A command that changes an order says which modifications it means (`Decision.modifies`). Each is held against the
policy's table (`Policy.changes`) for the kind of actor that asks. One that is denied refuses the command. Where one
needs approval, nothing is changed: the command is kept with the order as it was given, as a *proposal*.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from orderflow.change_rules import MODIFICATIONS, Modification
from orderflow.errors import Violation
from orderflow.messages import Actor, Command, Envelope, Event, event
from orderflow.order import Order, Proposal
from orderflow.policy import Policy
from orderflow.values.checked import PERSONAL

__all__ = ["AmendmentProposed", "denied", "must_be_approved", "proposed", "who_may"]


@event("amendment_proposed")
class AmendmentProposed(Event):
    """Someone asks for a change that another has to approve; nothing is changed by that."""

    proposal_id: str
    command: Command
    by: Actor
    reason: str = attrs.field(default="", metadata=PERSONAL)

    def apply(self, order: Order) -> Order:
        """The change waits to be approved or declined."""
        proposal = Proposal(self.proposal_id, self.command, self.by, self.at, self.reason)
        return order.replace(proposals=order.proposals.set(self.proposal_id, proposal))


def denied(modifications: Iterable[Modification], policy: Policy, by: Actor) -> Iterable[Violation]:
    """The changes that are not for this actor."""
    for one in modifications:
        if policy.change_rule(one, by.kind).verdict == "deny":
            told = f"{MODIFICATIONS[one.kind]}, at the stage {one.stage}, is not for a {by.kind} ({one.kind})"
            others = who_may(one, policy)
            yield Violation("change.denied", told, one.path, remedy=f"by {others}" if others else "")


def who_may(modification: Modification, policy: Policy) -> str:
    """The kinds of actors that the policy names and that may make a change by themselves."""
    named = dict.fromkeys(kind for rule in policy.changes for kind in (rule.actor, *rule.approved_by) if kind != "*")
    return " or ".join(kind for kind in named if policy.change_rule(modification, kind).verdict == "allow")


def must_be_approved(modifications: Iterable[Modification], policy: Policy, by: Actor) -> tuple[Modification, ...]:
    """The changes that this actor may propose, and another has to approve."""
    return tuple(one for one in modifications if policy.change_rule(one, by.kind).verdict == "approval")


def proposed(order: Order, command: Command, envelope: Envelope) -> AmendmentProposed:
    """The change as a proposal."""
    number = f"A{len(order.proposals) + 1}"
    return AmendmentProposed(envelope.at, number, command, envelope.by, envelope.reason)
