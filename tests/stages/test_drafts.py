"""An order is written bit by bit, and is an order only once it is placed."""

from __future__ import annotations

import attrs
import pytest

from orderflow.commands import CancelOrder, PlaceDraft, PlaceHold, PlaceOrder, ReleaseHold, SaveDraft
from orderflow.defaults import STANDARD
from orderflow.errors import Violation
from orderflow.ledger import CANCELLED
from orderflow.lifecycle import ORDER, Step
from orderflow.order import Order
from orderflow.policy import Lifecycles, Policy
from orderflow.process import pending
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.drafts import as_drafted
from tests.scenario import ADA, BERLIN, ID, D, Life, a_place_order, eur, placed

WHOLE = a_place_order()


def a_draft(**changes: object) -> SaveDraft:
    said = {"currency": "EUR", "order_id": ID}
    return SaveDraft(**(said | changes))  # type: ignore[arg-type]


def whole_draft(**changes: object) -> SaveDraft:
    return a_draft(lines=WHOLE.lines, ship_to=BERLIN, customer=ADA, **changes)


def test_a_draft_needs_no_line_no_address_and_no_customer_and_asks_nobody_anything() -> None:
    life = Life().do(a_draft())
    assert life.happened == ["OrderDrafted"]
    assert (life.order.state, life.order.is_draft, dict(life.order.lines)) == ("draft", True, {})

    life.do(whole_draft())
    assert life.happened == ["OrderDrafted"]
    assert pending(life.order) == ()
    assert life.told == []


def test_a_draft_that_is_saved_again_is_replaced_as_a_whole() -> None:
    life = Life().do(whole_draft(priority="high"), a_draft(lines=[("CUP", 3)], instructions=["gift"]))
    order = life.order
    assert [(line.sku, order.live_quantity(line.id)) for line in order.lines.values()] == [("CUP", D(3))]
    assert (order.ship_to, order.customer, order.priority, order.instructions) == (None, None, "", ("gift",))
    assert order.version == 2


def test_a_draft_that_is_placed_is_the_same_order_as_one_that_was_placed_at_once() -> None:
    line = OrderLine("TEA-250", "1.5", "kg", price=eur(8), service="express", requirements=["organic"], under=5, over=2)
    said = {"lines": [line, ("POT-1", 1)], "instructions": ["ring twice"], "zone": "Europe/Berlin", "method": "pick_up"}
    at_once = placed(**said)
    drafted = Life().do(a_draft(ship_to=BERLIN, customer=ADA, **said), PlaceDraft(ID))

    assert drafted.events == at_once.events
    same = {"version": at_once.order.version, "milestones": at_once.order.milestones}
    assert drafted.order.replace(**same) == at_once.order
    assert set(drafted.order.milestones) == {*at_once.order.milestones, "drafted"}


def test_a_draft_may_be_placed_in_other_words_under_its_number() -> None:
    life = Life().do(a_draft(reference="WEB-7", channel="web", lines=[("CUP", 1)]))
    life.do(a_place_order(channel="web"))
    assert (life.order.reference, life.order.channel, life.order.state) == ("WEB-7", "web", "acknowledged")
    assert [line.sku for line in life.order.lines.values()] == ["TEA-250", "POT-1"]
    assert life.codes(PlaceDraft(ID)) == ["draft.is_an_order"]


def test_a_draft_says_of_itself_what_would_save_it_again() -> None:
    life = Life().do(whole_draft(priority="high", reference="R-1", customer_reference="PO-7"))
    before = life.order
    life.do(as_drafted(before))
    assert life.order.replace(version=1) == before


def test_a_discarded_draft_is_cancelled_without_a_word_to_anyone_and_is_never_placed() -> None:
    life = Life().do(whole_draft(), CancelOrder(ID))
    assert life.order.state == "cancelled"
    assert life.goods["L1"] == {CANCELLED: D(2)}
    assert life.told == []
    assert pending(life.order) == ()
    assert life.codes(PlaceDraft(ID)) == life.codes(a_draft()) == ["draft.is_an_order"]
    assert life.codes(a_place_order()) == ["acceptance.already_placed"]


def test_a_hold_on_a_draft_stays_with_the_order() -> None:
    life = Life().do(whole_draft(), PlaceHold(ID, "credit", blocks=["place", "verify"]))
    assert life.codes(PlaceDraft(ID)) == ["hold.active"]
    life.do(PlaceHold(ID, "other", blocks=["verify"]), ReleaseHold(ID, "H1"), PlaceDraft(ID)).reply_all()
    assert (life.order.state, [hold.id for hold in life.order.active_holds]) == ("acknowledged", ["H2"])


def no_tea(order: Order | None, command: PlaceOrder, policy: Policy) -> list[Violation]:
    """A rule of the host, about orders that are placed."""
    found = [line.sku for line in command.lines if line.sku.startswith("TEA")]
    return [Violation("house.no_tea", f"no {sku} this year", severity="error") for sku in found]


def gifts_are_looked_at(order: Order | None, command: PlaceOrder, policy: Policy) -> list[Violation]:
    gift = "gift" in command.instructions
    return [Violation("house.gift", "a gift", severity="hold")] if gift else []


def test_what_the_host_has_against_placing_an_order_it_has_against_placing_a_draft() -> None:
    policy = attrs.evolve(STANDARD, rules={"place_order": (no_tea, gifts_are_looked_at)})
    life = Life(policy).do(whole_draft())
    assert life.codes(PlaceDraft(ID)) == ["house.no_tea"]
    life.do(a_draft(lines=[("CUP", 1)], ship_to=BERLIN, instructions=["gift"]), PlaceDraft(ID))
    assert [hold.code for hold in life.order.active_holds] == ["house.gift"]


def test_a_host_may_put_a_step_before_a_draft_is_placed() -> None:
    signed = ORDER.extended(Step("draft", "place", "placed", "has_a_customer"), instead_of=[("draft", "place")])
    guards = {"has_a_customer": lambda order, subject: order.customer is not None}
    policy = attrs.evolve(STANDARD, lifecycles=Lifecycles(order=signed), guards=guards)
    life = Life(policy).do(a_draft(lines=WHOLE.lines, ship_to=BERLIN))
    assert life.codes(PlaceDraft(ID)) == ["order.cannot_place"]
    assert life.do(whole_draft(), PlaceDraft(ID)).order.state == "acknowledged"
    assert placed(policy, customer=None).order.state == "acknowledged", "what is placed at once was never a draft"


@pytest.mark.parametrize("repeats", [(), ("A-7",)])
def test_a_draft_whose_customer_reference_was_used_before_is_held_when_it_is_placed(repeats: tuple[str, ...]) -> None:
    life = Life().do(whole_draft(customer_reference="PO-7"), PlaceDraft(ID, repeats))
    assert [hold.code for hold in life.order.active_holds] == ["acceptance.repeated_reference"] * len(repeats)
