"""Approval: changes that someone proposes, and someone else allows.

A change that the policy lets an actor only propose stays with the order as it was given (`AmendmentProposed`). It holds
nothing up: work goes on, and other changes are made. Whoever approves it is held to every rule again, as things are by
then; a change that has become impossible is refused, and can still be declined. When it is too late for any change of
the order, what is still proposed is moot by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from orderflow.change_rules import MODIFICATIONS, Modification
from orderflow.errors import Violation
from orderflow.ledger import HERE
from orderflow.messages import Actor, Command, Envelope, Event, command, event
from orderflow.order import Order, Proposal
from orderflow.policy import Policy
from orderflow.stages import amendment, changes
from orderflow.stages.permission import AmendmentProposed, must_be_approved, who_may
from orderflow.stages.stage import Decision, Stage, Wait, order_exists
from orderflow.values.checked import PERSONAL, checked, evolved
from orderflow.values.ids import as_id, as_text

__all__ = [
    "STAGE",
    "AmendmentApproved",
    "AmendmentDeclined",
    "AmendmentMoot",
    "AmendmentProposed",
    "ApproveAmendment",
    "DeclineAmendment",
]


@command("approve_amendment")
class ApproveAmendment(Command):
    """Let a proposed change happen, as it was asked for, if it still can."""

    order_id: str = checked(as_id)
    proposal_id: str = checked(as_id)
    note: str = checked(as_text(1000), default="", personal=True)


@command("decline_amendment")
class DeclineAmendment(Command):
    """A proposed change is not to happen; whoever proposed it may take it back by this."""

    order_id: str = checked(as_id)
    proposal_id: str = checked(as_id)
    reason: str = checked(as_text(1000), default="", personal=True)

    if TYPE_CHECKING:

        def __init__(self, order_id: str, proposal_id: str, reason: str = "") -> None: ...


@event("amendment_approved")
class AmendmentApproved(Event):
    """Someone has approved a proposed change; that it happened is told by the events beside this one."""

    proposal_id: str
    note: str = attrs.field(default="", metadata=PERSONAL)

    def apply(self, order: Order) -> Order:
        """The proposal is settled."""
        return _answered(order, self.proposal_id, word="approved", answer=self.note)


@event("amendment_declined")
class AmendmentDeclined(Event):
    """A proposed change will not happen."""

    proposal_id: str
    reason: str = attrs.field(default="", metadata=PERSONAL)

    def apply(self, order: Order) -> Order:
        """The proposal is settled."""
        return _answered(order, self.proposal_id, word="declined", answer=self.reason)


@event("amendment_moot")
class AmendmentMoot(Event):
    """Nobody has answered a proposed change before it was too late for any."""

    proposal_id: str

    def apply(self, order: Order) -> Order:
        """The proposal is settled."""
        return _answered(order, self.proposal_id, word="moot")


def _answered(order: Order, proposal_id: str, **answer: str) -> Order:
    proposal = order.proposals[proposal_id].replace(**answer)
    return order.replace(proposals=order.proposals.set(proposal_id, proposal))


#: What may be proposed, and what it means when it is made.
_DECISIONS: dict[type[Command], Decision] = {
    decision.command: decision
    for stage in (amendment.STAGE, changes.STAGE)
    for decision in stage.decisions
    if decision.modifies is not None
}


def _modifications(order: Order, proposal: Proposal, policy: Policy) -> tuple[Modification, ...]:
    """What a proposed change modifies, at the stages of the goods by now."""
    modifies = _DECISIONS[type(proposal.command)].modifies
    assert modifies is not None
    return tuple(modifies(order, proposal.command, policy))


# -- rules ----------------------------------------------------------------------------------------------------------


def the_proposal_exists(
    order: Order, command: ApproveAmendment | DeclineAmendment, policy: Policy
) -> Iterable[Violation]:
    """The proposal is one of this order's."""
    if command.proposal_id not in order.proposals:
        yield Violation("proposal.unknown", f"there is no proposal {command.proposal_id!r}", "proposal_id")


def the_proposal_is_open(
    order: Order, command: ApproveAmendment | DeclineAmendment, policy: Policy
) -> Iterable[Violation]:
    """A proposal is answered once."""
    proposal = order.proposals[command.proposal_id]
    if proposal.word != "waits":
        yield Violation("proposal.answered", f"{proposal.id} is {proposal.word}", "proposal_id")


def what_is_proposed_is_still_possible(order: Order, command: ApproveAmendment, policy: Policy) -> Iterable[Violation]:
    """A change is approved as things are by now, not as they were when it was proposed."""
    proposal = order.proposals[command.proposal_id]
    decision = _DECISIONS[type(proposal.command)]
    for tier in decision.tiers:
        found = [violation for rule in tier for violation in rule(order, proposal.command, policy)]
        if found:
            decline = f"DeclineAmendment {proposal.id}"
            yield from (evolved(one, remedy=f"{one.remedy}, or {decline}" if one.remedy else decline) for one in found)
            return


def others_approve(order: Order, command: ApproveAmendment, policy: Policy, by: Actor) -> Iterable[Violation]:
    """Nobody approves what they proposed; and only who may make a change, or is named for it, approves it."""
    proposal = order.proposals[command.proposal_id]
    if (by.kind, by.id) == (proposal.by.kind, proposal.by.id):
        yield Violation("proposal.own", f"{proposal.id} was proposed by the same {by.kind}", "proposal_id")
        return
    for one in _modifications(order, proposal, policy):
        if not _may_approve(one, proposal.by, by, policy):
            told = (
                f"{MODIFICATIONS[one.kind]}, at the stage {one.stage}, is not for a {by.kind} to approve ({one.kind})"
            )
            yield Violation("change.not_to_approve", told, one.path, remedy=_by_whom(one, proposal.by, policy))


def _may_approve(modification: Modification, proposer: Actor, approver: Actor, policy: Policy) -> bool:
    rule = policy.change_rule(modification, proposer.kind)
    if rule.verdict == "approval" and rule.approved_by:
        return approver.kind in rule.approved_by
    return policy.change_rule(modification, approver.kind).verdict == "allow"


def _by_whom(modification: Modification, proposer: Actor, policy: Policy) -> str:
    rule = policy.change_rule(modification, proposer.kind)
    who = " or ".join(rule.approved_by) or who_may(modification, policy)
    return f"by {who}" if who else ""


def others_decline(order: Order, command: DeclineAmendment, policy: Policy, by: Actor) -> Iterable[Violation]:
    """A proposal is declined by who could approve it, or taken back by who made it."""
    proposal = order.proposals[command.proposal_id]
    if (by.kind, by.id) == (proposal.by.kind, proposal.by.id):
        return
    waiting = must_be_approved(_modifications(order, proposal, policy), policy, proposal.by)
    if waiting and not any(_may_approve(one, proposal.by, by, policy) for one in waiting):
        told = f"{proposal.id} is not for a {by.kind} to decline"
        yield Violation("change.not_to_approve", told, "proposal_id", remedy=_by_whom(waiting[0], proposal.by, policy))


# -- decisions, and what follows ------------------------------------------------------------------------------------


def _approve(order: Order, command: ApproveAmendment, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    proposal = order.proposals[command.proposal_id]
    yield AmendmentApproved(envelope.at, proposal.id, command.note)
    yield from _DECISIONS[type(proposal.command)].events(order, proposal.command, policy, envelope)


def _decline(order: Order, command: DeclineAmendment, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    yield AmendmentDeclined(envelope.at, command.proposal_id, command.reason or envelope.reason)


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    if order.proposals and (order.is_over or order.ledger.kinds.isdisjoint(HERE)):
        yield from (AmendmentMoot(at, proposal.id) for proposal in order.open_proposals)


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for proposal in order.open_proposals:
        asked = must_be_approved(_modifications(order, proposal, policy), policy, proposal.by)
        who = next((told for one in asked if (told := _by_whom(one, proposal.by, policy))), "")
        kinds = ", ".join(dict.fromkeys(one.kind for one in asked))
        what = f"to approve what {proposal.by.kind} {proposal.by.id} proposed"
        yield Wait(who.removeprefix("by ") or "someone", f"{what}{f' ({kinds})' if kinds else ''}", proposal.id)


STAGE = Stage(
    name="approval",
    commands=(ApproveAmendment, DeclineAmendment),
    events=(AmendmentProposed, AmendmentApproved, AmendmentDeclined, AmendmentMoot),
    decisions=(
        Decision(
            ApproveAmendment,
            tiers=(
                (order_exists,),
                (the_proposal_exists,),
                (the_proposal_is_open,),
                (what_is_proposed_is_still_possible,),
            ),
            events=_approve,
            candidates=lambda order, policy: tuple(ApproveAmendment(order.id, p.id) for p in order.open_proposals),
            stands_for=lambda order, command: order.proposals[command.proposal_id].command,
            for_whom=(others_approve,),
        ),
        Decision(
            DeclineAmendment,
            tiers=((order_exists,), (the_proposal_exists,), (the_proposal_is_open,)),
            events=_decline,
            candidates=lambda order, policy: tuple(DeclineAmendment(order.id, p.id) for p in order.open_proposals),
            for_whom=(others_decline,),
        ),
    ),
    follow=_follow,
    looks_at=lambda order: ("milestones", "ledger", "proposals") if order.proposals else ("proposals",),
    awaits=_awaits,
)
