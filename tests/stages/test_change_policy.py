"""What may still change, by whom: data. What someone may only propose waits for someone else, and holds nothing up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import attrs
import pytest

from orderflow.change_rules import MODIFICATIONS, STAGES, ChangeRule, furthest_of_lines
from orderflow.commands import (
    AmendOrder,
    ApproveAmendment,
    BookShipment,
    CancelLines,
    CancelOrder,
    DeclineAmendment,
    DespatchShipment,
    PackParcel,
    RecordPick,
    StartPicking,
)
from orderflow.errors import CommandRefused, InvalidInput, Violation
from orderflow.explain import explain
from orderflow.messages import Actor, Command, Envelope
from orderflow.policy import Policy
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.amending import LineChange
from orderflow.stages.approval import AmendmentApproved, AmendmentMoot, AmendmentProposed
from tests.scenario import (
    BERLIN,
    ID,
    NOW,
    ONE_PLACE,
    D,
    Life,
    booked,
    delivered,
    despatched,
    eur,
    packed,
    picked,
    picking,
    placed,
    verified,
)

ADA, MAX, EVE = Actor("customer", "ada"), Actor("merchant", "max"), Actor("merchant", "eve")
LESS = AmendOrder(ID, {"L1": 1})


def policy(*rules: ChangeRule) -> Policy:
    return attrs.evolve(ONE_PLACE, changes=(*rules, ChangeRule()))


ASKED = policy(ChangeRule("*", "picking", "customer", "approval"), ChangeRule("*", "picked", "customer", "deny"))


def given_by(life: Life, by: Actor, *commands: Command) -> Life:
    """Commands that someone gives."""
    for command in commands:
        outcome = life.process.carry_out(life.order, command, Envelope(life.now, by=by))
        life._happened(outcome.events, outcome.order)
    return life


def refused(life: Life, by: Actor, command: Command) -> list[tuple[str, str]]:
    with pytest.raises(CommandRefused) as told:
        life.process.carry_out(life.order, command, Envelope(life.now, by=by))
    return [(violation.code, violation.path) for violation in told.value.violations]


# -- stages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begin", "stage"),
    [
        (placed, "placed"),
        (verified, "allocated"),
        (picking, "picking"),
        (picked, "picked"),
        (packed, "packed"),
        (booked, "booked"),
        (despatched, "shipped"),
        (delivered, "delivered"),
        (lambda: verified(attrs.evolve(ONE_PLACE, automatic=ONE_PLACE.automatic - {"plan"})), "confirmed"),
        (lambda: verified(attrs.evolve(ONE_PLACE, fulfillers={"BER": "ACME"})), "picking"),
    ],
)
def test_the_stage_is_how_far_the_goods_are(begin: Callable[[], Life], stage: str) -> None:
    order = begin().order
    assert furthest_of_lines(order, ["L1"], "planned") == furthest_of_lines(order, order.lines, "planned") == stage
    assert stage in STAGES


ALL_AT_ONCE: dict[str, Command] = {
    "increase": AmendOrder(ID, {"L1": 5}),
    "decrease": AmendOrder(ID, {"L1": 1}),
    "remove_line": AmendOrder(ID, remove=["L1"]),
    "add_line": AmendOrder(ID, add=[OrderLine("CUP", 1)]),
    "substitute": AmendOrder(ID, substitute={"L1": "CUP"}),
    "address": AmendOrder(ID, ship_to=attrs.evolve(BERLIN, city="Bonn")),
    "dates": AmendOrder(ID, lines={"L1": LineChange(deliver_by=date(2026, 12, 1), clear=["window"])}),
    "terms": AmendOrder(ID, service="express"),
    "instructions": AmendOrder(ID, instructions=["ring twice"]),
    "price": AmendOrder(ID, prices={"L1": eur(1)}, reason="x"),
    "cancel_lines": CancelLines(ID, {"L1": 1}),
    "cancel_order": CancelOrder(ID),
}


@pytest.mark.parametrize("kind", MODIFICATIONS)
def test_every_modification_can_be_denied_and_says_what_where_and_by_whom(kind: str) -> None:
    life = verified(policy(ChangeRule(kind, "allocated", "customer", "deny")))
    command = ALL_AT_ONCE[kind]
    told = life.process.violations(life.order, command, ADA)
    assert {violation.code for violation in told} == {"change.denied"}
    assert all(kind in violation.message and "allocated" in violation.message for violation in told)
    assert "customer" in told[0].message
    assert life.process.violations(life.order, command, MAX) == ()


def test_the_first_rule_that_fits_decides_and_what_none_fits_is_denied() -> None:
    only_merchants = attrs.evolve(ONE_PLACE, changes=(ChangeRule(actor="merchant"),))
    life = verified(only_merchants)
    assert refused(life, ADA, LESS) == [("change.denied", "quantities[L1]")]
    (told,) = life.process.violations(life.order, LESS, ADA)
    assert told.remedy == "by merchant"
    assert given_by(life, MAX, LESS).order.live_quantity("L1") == 1


def test_customers_make_no_prices_in_the_standard_policy_and_may_all_else_that_is_possible() -> None:
    life = verified()
    assert refused(life, ADA, ALL_AT_ONCE["price"]) == [("change.denied", "prices[L1]")]
    for kind in MODIFICATIONS.keys() - {"price"}:
        assert life.process.violations(life.order, ALL_AT_ONCE[kind], ADA) == ()


def test_what_is_impossible_for_everyone_is_told_before_what_is_not_permitted() -> None:
    life = despatched(policy(ChangeRule(verdict="deny")))
    assert refused(life, ADA, LESS) == [("order.cannot_amend", "")]


def test_units_are_at_the_stage_of_those_that_are_taken() -> None:
    """Two are being picked, one more was ordered since: to take that one out is no change of what is being picked."""
    life = picking(ASKED, lines=[("TEA-250", 2)]).do(AmendOrder(ID, {"L1": 3})).reply_all()
    assert given_by(life, ADA, AmendOrder(ID, {"L1": 2})).order.live_quantity("L1") == 2
    assert given_by(life, ADA, LESS).order.live_quantity("L1") == 2
    assert life.order.open_proposals


@pytest.mark.parametrize("bad", [{"modification": "colour"}, {"stage": "soon"}, {"verdict": "maybe"}, {"actor": ""}])
def test_a_rule_that_says_what_nobody_knows_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        ChangeRule(**bad)


# -- proposals ------------------------------------------------------------------------------------------------------


def proposing() -> Life:
    return given_by(picking(ASKED), ADA, LESS)


def test_what_needs_approval_is_proposed_and_nothing_else_happens() -> None:
    life = proposing()
    assert life.events == (AmendmentProposed(NOW, "A1", LESS, ADA),)
    assert life.goods["L1"] == {"allocated:F1": D(2)}
    assert [str(wait) for wait in explain(life.order, life.process).waiting_for if "propose" in str(wait)] == [
        "someone to approve what customer ada proposed (decrease) (A1)"
    ]


def test_someone_else_approves_and_it_happens_as_it_was_asked_for() -> None:
    life = given_by(proposing(), MAX, ApproveAmendment(ID, "A1", "fine"))
    assert life.events[0] == AmendmentApproved(NOW, "A1", "fine")
    assert life.goods["L1"] == {"allocated:F1": D(1), "cancelled": D(1)}
    assert refused(life, MAX, ApproveAmendment(ID, "A1")) == [("proposal.answered", "proposal_id")]


def test_nobody_approves_what_they_proposed_or_could_only_propose() -> None:
    life = proposing()
    assert refused(life, ADA, ApproveAmendment(ID, "A1")) == [("proposal.own", "proposal_id")]
    other = Actor("customer", "bob")
    assert refused(life, other, ApproveAmendment(ID, "A1")) == [("change.not_to_approve", "quantities[L1]")]
    assert refused(life, other, DeclineAmendment(ID, "A1")) == [("change.not_to_approve", "proposal_id")]
    told = explain(life.order, life.process, ADA)
    assert [c for c in told.possible if isinstance(c, ApproveAmendment | DeclineAmendment)] == [
        DeclineAmendment(ID, "A1")
    ]


def test_four_eyes_of_one_kind() -> None:
    rule = ChangeRule("price", "*", "merchant", "approval", ["merchant"])
    life = given_by(verified(policy(rule)), MAX, ALL_AT_ONCE["price"])
    assert refused(life, MAX, ApproveAmendment(ID, "A1")) == [("proposal.own", "proposal_id")]
    assert refused(life, ADA, ApproveAmendment(ID, "A1")) == [("change.not_to_approve", "prices[L1]")]
    assert given_by(life, EVE, ApproveAmendment(ID, "A1")).order.unit_price("L1") == eur(1)


def test_what_was_proposed_is_judged_as_things_are_by_now() -> None:
    life = proposing().do(AmendOrder(ID, {"L1": 1}))
    assert refused(life, MAX, ApproveAmendment(ID, "A1")) == [("amendment.nothing_changes", "quantities")]
    with pytest.raises(CommandRefused, match="DeclineAmendment A1"):
        given_by(life, MAX, ApproveAmendment(ID, "A1"))
    given_by(life, MAX, DeclineAmendment(ID, "A1", "done already"))
    assert life.order.proposals["A1"].word == "declined"
    told = [m for m in life.order.messages.values() if m.kind == "proposal_declined"]
    assert [m.body["reason"] for m in told] == ["done already"]


def test_the_rules_of_the_host_are_asked_when_it_is_approved() -> None:
    def never_less(order: Any, command: AmendOrder, policy: Policy) -> list[Violation]:
        return [Violation("house.never_less", "no")] if command.quantities.get("L1") == 1 else []

    life = given_by(picking(attrs.evolve(ASKED, rules={"amend_order": (never_less,)})), MAX)
    assert refused(life, ADA, LESS) == [("house.never_less", "")]
    lax = given_by(picking(ASKED), ADA, LESS)
    strict = Life(attrs.evolve(ASKED, rules={"amend_order": (never_less,)}))
    strict._order, strict.history = lax.order, list(lax.history)
    assert refused(strict, MAX, ApproveAmendment(ID, "A1")) == [("house.never_less", "")]


def test_a_cancellation_is_proposed_as_well() -> None:
    life = given_by(picking(ASKED), ADA, CancelOrder(ID, "changed my mind"))
    assert life.order.cancellation is None
    given_by(life, MAX, ApproveAmendment(ID, "A1")).reply_all()
    assert life.order.state == "cancelled"
    lines = given_by(picking(ASKED), ADA, CancelLines(ID, {"L1": 1}))
    assert given_by(lines, MAX, ApproveAmendment(ID, "A1")).goods["L1"]["cancelled"] == 1


def test_a_proposal_holds_nothing_up_and_is_moot_when_everything_has_left() -> None:
    life = given_by(verified(policy(ChangeRule("*", "*", "customer", "approval"))), ADA, LESS)
    life.do(StartPicking(ID, "F1"))
    life.do(RecordPick(ID, "F1"), PackParcel(ID, "F1"), BookShipment(ID, service="a")).reply_all()
    life.do(DespatchShipment(ID))
    assert AmendmentMoot(NOW, "A1") in life.events


def test_a_preview_of_a_proposal_moves_nothing_and_one_of_its_approval_everything() -> None:
    life = picking(ASKED)
    before = life.process.preview(life.order, LESS, Envelope(NOW, by=ADA))
    assert (before.goods, before.claims, [type(e).__name__ for e in before.events]) == ({}, {}, ["AmendmentProposed"])
    given_by(life, ADA, LESS)
    preview = life.process.preview(life.order, ApproveAmendment(ID, "A1"), Envelope(NOW, by=MAX))
    assert preview.claims == {"C1": D(1)}
