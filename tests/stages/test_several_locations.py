"""What one location does not have is sought at the others, planned where it is held, and sent together or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any

import attrs
import pytest

from orderflow.commands import (
    AmendOrder,
    BookShipment,
    CancelOrder,
    DespatchShipment,
    PackParcel,
    PlaceHold,
    RecordPick,
    ReleaseHold,
    Reroute,
    ResolveException,
    StartPicking,
    StockArrived,
)
from orderflow.defaults import STANDARD
from orderflow.explain import explain
from orderflow.ledger import OPEN, Move, allocated
from orderflow.order import Order
from orderflow.policy import Policy, Substitute
from orderflow.ports import ClaimStock, GaveUp, IssueStock, Level, Levels, QueryLevels, QuotePrices, Refused
from orderflow.sources import Need, Share, Source, take_in_order
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.changes import LinesCancelled
from orderflow.stages.sourcing import (
    FulfillmentPlanned,
    FulfillmentWithdrawn,
    LinesReleased,
    SearchEnded,
    WorkRerouted,
)
from orderflow.stages.stock import (
    BackorderAccepted,
    ClaimWanted,
    LineBackordered,
    LineSubstituted,
    SearchReopened,
    StockSought,
)
from orderflow.values import FrozenMap
from tests.scenario import ID, IF_SHORT, NOW, D, Life, given, held, placed

TEN: dict[str, Any] = {"lines": [("TEA-250", 10)]}
TWO_OF_TEA: dict[str, Any] = {"lines": [("TEA-250", 6), ("TEA-250", 4)]}


def sourcing(**changes: Any) -> Policy:
    """The standard policy with another way of choosing locations."""
    return attrs.evolve(STANDARD, sourcing=attrs.evolve(STANDARD.sourcing, **changes))


def in_a_shortage(choice: Any) -> Policy:
    """The standard policy with another choice about what nobody has; no substitute is substituted."""

    def choose(order: Order, line_id: str) -> Any:
        return choice if order.lines[line_id].origin.kind == "ordered" else "wait"

    return attrs.evolve(STANDARD, shortage=choose)


def levels(sku: str = "TEA-250", **units: Any) -> Levels:
    """So many units are said to be available where."""
    return Levels(tuple(Level(sku, location, D(there), D(there)) for location, there in units.items()))


def holds(units: Any, location: str) -> Callable[[ClaimStock], Any]:
    """The inventory holds so many units there; with ``None`` all that are wanted."""
    return lambda request: held(request, units, location)


def priced(policy: Policy = STANDARD, **changes: Any) -> Life:
    """Placed, acknowledged and priced; nobody knows of any stock yet."""
    return placed(policy, **(TEN | changes)).answer(QuotePrices)


def six_at_a(policy: Policy = STANDARD, **changes: Any) -> Life:
    """Ten are wanted, A has six, and it is asked who else has some."""
    return priced(policy, **changes).answer(ClaimStock, holds(6, "A"))


def shared(policy: Policy = STANDARD, at_b: Any = 4, **changes: Any) -> Life:
    """Six at A, and so many of the other four at B; the shares are confirmed, and what can be planned is."""
    life = six_at_a(policy, **changes).answer(QueryLevels, levels(A=0, B=5))
    return life.answer(ClaimStock, holds(6, "A"), "C1").answer(ClaimStock, holds(at_b, "B"), "C2")


def claims(life: Life) -> dict[str, tuple[str, Any, Any]]:
    """By claim: the location, what is wanted there, and what is known to be held."""
    return {claim.id: (claim.location, claim.wanted, claim.held) for claim in life.order.claims.values()}


def work(life: Life) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """By fulfillment: the location, the state, and what was planned."""
    return {f.id: (f.location, f.state, dict(f.planned)) for f in life.order.fulfillments.values()}


def nobody_has_the_rest(policy: Policy = STANDARD, **changes: Any) -> Life:
    """Six at A, and nowhere else any: the locations were asked."""
    return six_at_a(policy, **changes).answer(QueryLevels, levels(A=0))


def pick(life: Life, fulfillment: str, **short: Any) -> Life:
    """A location picks what it was given, but for what is short."""
    return life.do(StartPicking(ID, fulfillment), RecordPick(ID, fulfillment, **short))


# -- what a location does not have is sought ------------------------------------------------------------------------


def test_what_a_location_does_not_have_is_sought_at_the_others() -> None:
    life = six_at_a()
    assert life.events[-1] == StockSought(NOW, ("L1",), FrozenMap({"L1": ("A",)}))
    assert life.wanted(QueryLevels) == QueryLevels(ID, "levels/1", ("TEA-250",))
    assert life.goods == {"L1": {"open": D(10)}}
    waits = [str(wait) for wait in explain(life.order, life.process).waiting_for]
    assert "the inventory to say where TEA-250 can be had" in waits


def test_the_rest_is_asked_for_where_it_is_and_no_more_than_is_there_where_it_is_not() -> None:
    life = six_at_a().answer(QueryLevels, levels(A=0, B=5))
    assert life.events == (
        ClaimWanted(NOW, "C1", "L1", 2, D(6), "A"),
        ClaimWanted(NOW, "C2", "L1", 1, D(4), "B"),
        SearchEnded(NOW, ("L1",)),
    )
    assert life.asks == ("claim/C1/2", "claim/C2/1", "send/M1")


def test_what_is_held_at_two_locations_is_verified_and_becomes_the_work_of_two() -> None:
    life = shared()
    assert life.order.state == "verified"
    assert (
        FulfillmentPlanned(NOW, "F2", "B", FrozenMap({"L1": D(4)}), "planned", FrozenMap({"L1": "C2"})) in life.events
    )
    assert work(life) == {"F1": ("A", "planned", {"L1": D(6)}), "F2": ("B", "planned", {"L1": D(4)})}
    assert life.goods == {"L1": {"allocated:F1": D(6), "allocated:F2": D(4)}}


def test_each_location_issues_what_it_sends_under_its_own_claim() -> None:
    life = pick(shared(), "F2").do(PackParcel(ID, "F2"), BookShipment(ID, service="parcel")).reply_all()
    life.do(DespatchShipment(ID))
    issue = life.wanted(IssueStock)
    assert (issue.location, [(line.claim_key, line.quantity) for line in issue.lines]) == (
        "B",
        [(f"main/{ID}/claim/C2", D(4))],
    )
    assert life.order.taken(life.order.claims["C1"]) == 6


def test_a_location_that_says_more_than_it_holds_is_remembered_and_not_asked_again() -> None:
    life = shared(at_b=1)
    assert life.events[-1] == StockSought(NOW, ("L1",), FrozenMap({"L1": ("B",)}))
    assert life.order.searches["L1"].refused == ("A", "B")
    life.answer(QueryLevels, levels(A=9, B=9, C=2, D=1))
    assert claims(life) == {
        "C1": ("A", D(6), D(6)),
        "C2": ("B", D(1), D(1)),
        "C3": ("C", D(2), D(0)),
        "C4": ("D", D(1), D(0)),
    }


def test_the_locations_are_asked_a_bounded_number_of_times() -> None:
    life = six_at_a(sourcing(rounds=2)).answer(QueryLevels, levels(B=5))
    life.answer(ClaimStock, about="C1").answer(ClaimStock, holds(0, "B"), "C2").answer(QueryLevels, levels(C=5))
    life.answer(ClaimStock, holds(0, "B"), "C2").answer(ClaimStock, holds(0, "C"), "C3")
    assert life.order.searches["L1"].rounds == 2
    assert life.goods == {"L1": {"open": D(6), "backordered": D(4)}}
    assert life.case.code == "stock.short"


def test_a_location_that_holds_more_than_expected_is_not_given_more_than_is_wanted() -> None:
    life = six_at_a().answer(QueryLevels, levels(B=1000))
    assert claims(life)["C2"] == ("B", D(4), D(0))


@pytest.mark.parametrize(
    "reply",
    [Levels(()), levels(), levels("POT-1", B=5), levels(A=9), levels(B=0), levels(B=-4), Refused("inventory.closed")],
    ids=repr,
)
def test_where_nobody_else_has_any_the_rest_is_backordered_and_someone_is_asked(reply: Any) -> None:
    life = six_at_a().answer(QueryLevels, reply)
    assert [event for event in life.events if isinstance(event, SearchEnded)] == [SearchEnded(NOW, ("L1",), ("L1",))]
    assert life.goods == {"L1": {"open": D(6), "backordered": D(4)}}
    assert (life.case.code, life.case.message, life.case.options) == (
        "stock.short",
        "6 of 10 × TEA-250 can be had",
        IF_SHORT,
    )
    assert life.order.state == "acknowledged"


def test_what_only_a_part_of_can_be_found_is_asked_for_and_the_rest_backordered() -> None:
    life = six_at_a().answer(QueryLevels, levels(B=3))
    assert claims(life) == {"C1": ("A", D(7), D(6)), "C2": ("B", D(3), D(0))}
    life.answer(ClaimStock, holds(6, "A"), "C1").answer(ClaimStock, holds(3, "B"), "C2")
    assert life.goods == {"L1": {"open": D(9), "backordered": D(1)}}
    assert life.case.message == "9 of 10 × TEA-250 can be had"


def test_levels_that_nobody_can_tell_are_a_case_and_are_asked_for_again() -> None:
    life = six_at_a().answer(QueryLevels, GaveUp(8, "no answer"))
    assert (life.case.code, life.case.about) == ("port.gave_up", "levels/1")
    assert life.goods == {"L1": {"open": D(10)}}
    life.do(ResolveException(ID, life.case.id, "try_again")).answer(QueryLevels, levels(B=5))
    assert claims(life)["C2"] == ("B", D(4), D(0))


def test_another_answer_to_the_question_where_is_a_case() -> None:
    life = six_at_a().answer(QueryLevels, held(placed().wanted(ClaimStock, "C1")))
    assert life.case.code == "port.impossible_reply"


def test_levels_that_come_late_or_twice_change_nothing() -> None:
    life = six_at_a()
    asked = life.wanted(QueryLevels)
    life.hears(asked, levels(B=5))
    assert life.hears(asked, levels(C=5)).events == ()


def test_a_hold_on_claims_stops_the_search_until_it_is_released() -> None:
    life = priced().do(PlaceHold(ID, "audit", blocks=["claim"])).answer(ClaimStock, holds(6, "A"))
    assert "StockSought" not in life.happened
    life.do(ReleaseHold(ID, "H1"))
    assert StockSought(NOW, ("L1",), FrozenMap({"L1": ("A",)})) in life.events


# -- how locations are chosen ---------------------------------------------------------------------------------------


def test_a_host_may_ask_before_anything_is_claimed() -> None:
    life = priced(sourcing(ask="first"))
    assert life.asks == ("levels/1", "send/M1")
    life.answer(QueryLevels, levels(A=6, B=5))
    assert claims(life) == {"C1": ("A", D(6), D(0)), "C2": ("B", D(4), D(0))}
    assert life.reply_all().order.state == "verified"


def test_a_host_that_asks_first_asks_for_all_lines_together_and_a_shelf_is_given_once() -> None:
    life = priced(sourcing(ask="first"), **TWO_OF_TEA)
    assert life.wanted(QueryLevels) == QueryLevels(ID, "levels/1", ("TEA-250",))
    life.answer(QueryLevels, levels(A=7, B=5))
    assert {(c.line_id, c.location, c.wanted) for c in life.order.claims.values()} == {
        ("L1", "A", D(6)),
        ("L2", "A", D(1)),
        ("L2", "B", D(3)),
    }


def test_one_location_that_has_it_all_is_better_than_two() -> None:
    life = priced(sourcing(ask="first")).answer(QueryLevels, levels(A=6, B=4, C=10))
    assert claims(life) == {"C1": ("C", D(10), D(0))}


def test_the_location_that_has_more_of_what_is_needed_is_better_than_the_one_that_has_most() -> None:
    life = priced(sourcing(ask="first"), lines=[("TEA-250", 10), ("POT-1", 1)])
    found = levels(A=900, C=10).levels + levels("POT-1", C=1).levels
    life.answer(QueryLevels, Levels(found))
    assert [(c.line_id, c.location, c.wanted) for c in life.order.claims.values()] == [
        ("L1", "C", D(10)),
        ("L2", "C", D(1)),
    ]


def test_a_host_may_rank_locations_and_leave_some_out() -> None:
    def cheap_first(order: Order, source: Source) -> int:
        return {"B": 1, "C": 2}.get(source.location, 3)

    def is_no_shop(order: Order, source: Source) -> bool:
        return not source.location.startswith("SHOP")

    ranked = sourcing(allocate=take_in_order, rank=cheap_first, filters=[is_no_shop])
    life = six_at_a(ranked).answer(QueryLevels, levels(SHOP1=90, D=90, C=2, B=1))
    assert claims(life) == {
        "C1": ("A", D(6), D(6)),
        "C2": ("B", D(1), D(0)),
        "C3": ("C", D(2), D(0)),
        "C4": ("D", D(1), D(0)),
    }


@pytest.mark.parametrize("quantity", ["5", "9", "0", "-1"])
def test_a_strategy_that_shares_out_what_is_not_needed_or_not_there_is_told_so(quantity: str) -> None:
    def greedy(order: Order, needs: tuple[Need, ...], sources: tuple[Source, ...]) -> Iterable[Share]:
        return [Share("L1", "B", D(quantity))]

    life = six_at_a(sourcing(allocate=greedy))
    with pytest.raises(ValueError, match=f"wants {quantity} of L1 at B"):
        life.answer(QueryLevels, levels(B=8))


@pytest.mark.parametrize("share", [Share("L1", "C", D(1)), Share("L9", "B", D(1))], ids=repr)
def test_a_strategy_that_shares_out_to_a_place_or_a_line_that_is_none_is_told_so(share: Share) -> None:
    life = six_at_a(sourcing(allocate=lambda order, needs, sources: [share]))
    with pytest.raises(ValueError, match="strategy wants 1"):
        life.answer(QueryLevels, levels(B=8))


def test_a_host_that_never_asks_is_short_at_once() -> None:
    life = six_at_a(sourcing(ask="never"))
    assert life.goods == {"L1": {"open": D(6), "backordered": D(4)}}


def test_how_often_is_asked_is_a_word_that_is_known() -> None:
    with pytest.raises(ValueError, match="ask"):
        sourcing(ask="sometimes")


def test_two_lines_of_one_product_are_sought_together() -> None:
    life = priced(**TWO_OF_TEA).answer(ClaimStock, holds(6, "A"), "C1").answer(ClaimStock, holds(1, "A"), "C2")
    life.answer(QueryLevels, levels(B=5))
    assert [(c.line_id, c.location, c.wanted) for c in life.order.claims.values()] == [
        ("L1", "A", D(6)),
        ("L2", "A", D(1)),
        ("L2", "B", D(3)),
    ]
    life.reply_all()
    assert work(life) == {
        "F1": ("A", "planned", {"L1": D(6), "L2": D(1)}),
        "F2": ("B", "planned", {"L2": D(3)}),
    }


# -- what nobody has ------------------------------------------------------------------------------------------------


def test_trying_again_asks_the_location_anew_and_then_all_of_them() -> None:
    life = nobody_has_the_rest()
    life.do(ResolveException(ID, "X1", "try_again"))
    assert life.events[1:] == (SearchReopened(NOW, "L1"), ClaimWanted(NOW, "C1", "L1", 2, D(10), "A", afresh=True))
    life.answer(ClaimStock, holds(7, "A"), "C1").answer(QueryLevels, levels(B=3))
    life.answer(ClaimStock, about="C1", reply=holds(7, "A")).answer(ClaimStock, holds(3, "B"), "C2")
    assert life.goods == {"L1": {"allocated:F1": D(7), "allocated:F2": D(3)}}
    assert not life.order.open_cases


def test_what_is_there_may_be_sent_and_the_rest_follows_when_it_comes() -> None:
    life = nobody_has_the_rest().do(ResolveException(ID, "X1", "ship_available"))
    assert BackorderAccepted(NOW, "L1") in life.events
    assert life.order.state == "verified"
    assert life.goods == {"L1": {"allocated:F1": D(6), "backordered": D(4)}}
    assert not life.order.open_cases
    life.reply_all().do(StockArrived(ID, "TEA-250")).answer(ClaimStock, holds(10, "A"))
    assert life.goods == {"L1": {"allocated:F1": D(6), "allocated:F2": D(4)}}


def test_the_rest_may_be_cancelled() -> None:
    life = nobody_has_the_rest().do(ResolveException(ID, "X1", "cancel_rest"))
    assert any(isinstance(event, LinesCancelled) for event in life.events)
    life.reply_all()
    assert life.goods == {"L1": {"allocated:F1": D(6), "cancelled": D(4)}}
    assert claims(life) == {"C1": ("A", D(6), D(6))}
    assert life.order.state == "verified"


def test_the_rest_of_an_order_that_nobody_has_any_of_is_the_order() -> None:
    life = priced().answer(ClaimStock, holds(0, "A")).answer(QueryLevels, levels())
    life.do(ResolveException(ID, "X1", "cancel_rest")).reply_all()
    assert life.order.state == "cancelled"


def test_the_order_may_be_cancelled_for_it() -> None:
    life = nobody_has_the_rest().do(ResolveException(ID, "X1", "cancel_order")).reply_all()
    assert life.order.state == "cancelled"
    assert claims(life) == {"C1": ("A", D(0), D(0))}


def test_stock_that_arrives_at_another_location_is_found() -> None:
    life = nobody_has_the_rest().do(StockArrived(ID)).answer(ClaimStock, holds(6, "A"))
    life.answer(QueryLevels, levels(B=4)).reply_all()
    assert life.goods == {"L1": {"allocated:F1": D(6), "allocated:F2": D(4)}}
    assert not life.order.open_cases


# -- what becomes of it by policy -----------------------------------------------------------------------------------


def test_a_host_may_wait_for_stock() -> None:
    life = nobody_has_the_rest(in_a_shortage("wait"))
    assert (life.order.state, life.goods) == ("acknowledged", {"L1": {"open": D(6), "backordered": D(4)}})


def test_a_host_may_send_what_is_there_without_asking_anyone() -> None:
    life = nobody_has_the_rest(in_a_shortage("backorder"))
    assert {type(event) for event in life.events} >= {LineBackordered, BackorderAccepted, FulfillmentPlanned}
    assert life.goods == {"L1": {"allocated:F1": D(6), "backordered": D(4)}}
    assert not life.order.open_cases


def test_a_host_may_have_a_person_look_at_it() -> None:
    life = nobody_has_the_rest(in_a_shortage("hold"))
    (hold,) = life.order.active_holds
    assert (hold.code, hold.note) == ("stock.short", "4 × TEA-250 cannot be had")
    assert life.order.state == "acknowledged"
    life.do(ReleaseHold(ID, "H1"))
    assert life.goods == {"L1": {"allocated:F1": D(6), "backordered": D(4)}}


def test_a_host_may_cancel_what_nobody_has() -> None:
    life = nobody_has_the_rest(in_a_shortage("cancel")).reply_all()
    assert life.goods == {"L1": {"allocated:F1": D(6), "cancelled": D(4)}}
    assert claims(life) == {"C1": ("A", D(6), D(6))}


def test_a_host_that_cancels_what_nobody_has_cancels_the_order_with_the_last_of_it() -> None:
    life = priced(in_a_shortage("cancel")).answer(ClaimStock, holds(0, "A")).answer(QueryLevels, levels())
    assert life.reply_all().order.state == "cancelled"


def test_a_host_may_reject_an_order_that_it_cannot_serve() -> None:
    life = nobody_has_the_rest(in_a_shortage("reject")).reply_all()
    assert life.order.state == "rejected"
    assert claims(life) == {"C1": ("A", D(0), D(0))}


def test_an_order_that_was_verified_is_not_rejected_any_more_but_loses_the_units() -> None:
    life = shared(in_a_shortage("reject"))
    pick(life, "F2", short={"L1": "not found"}).answer(QueryLevels, levels()).reply_all()
    assert life.goods == {"L1": {"allocated:F1": D(6), "cancelled": D(4)}}


def test_a_host_may_send_something_else_instead() -> None:
    life = nobody_has_the_rest(in_a_shortage(Substitute("TEA-125", D(2))))
    (event,) = (event for event in life.events if isinstance(event, LineSubstituted))
    assert (event.line_id, event.substitute.id, event.substitute.sku, event.quantity) == ("L1", "L2", "TEA-125", D(8))
    line = life.order.lines["L2"]
    assert (line.origin.kind, line.origin.line_id) == ("substitute_for", "L1")
    life.reply_all()
    assert life.goods == {"L1": {"allocated:F1": D(6), "cancelled": D(4)}, "L2": {"allocated:F2": D(8)}}
    assert life.order.is_priced


# -- changes of an order at two locations ---------------------------------------------------------------------------


def test_more_is_wanted_where_the_line_was_claimed_first() -> None:
    life = shared().do(AmendOrder(ID, {"L1": 12}))
    assert claims(life) == {"C1": ("A", D(8), D(6)), "C2": ("B", D(4), D(4))}
    life.answer(ClaimStock, holds(6, "A"), "C1")
    life.answer(QueryLevels, levels(B=1, C=5)).answer(QuotePrices).reply_all()
    assert life.order.line_status("L1").by_kind == {"allocated": D(12)}


def test_less_is_wanted_where_nobody_has_begun() -> None:
    life = shared()
    life.do(StartPicking(ID, "F1"), AmendOrder(ID, {"L1": 7}))
    assert claims(life) == {"C1": ("A", D(6), D(6)), "C2": ("B", D(1), D(4))}
    assert life.goods["L1"] == {"allocated:F1": D(6), "allocated:F2": D(1), "cancelled": D(3)}
    life.reply_all()
    assert claims(life)["C2"] == ("B", D(1), D(1))


def test_a_whole_share_that_is_not_wanted_any_more_is_released() -> None:
    life = shared().do(AmendOrder(ID, {"L1": 6})).reply_all()
    assert claims(life) == {"C1": ("A", D(6), D(6)), "C2": ("B", D(0), D(0))}
    assert work(life)["F2"][1] == "cancelled"


def test_while_it_is_asked_who_has_the_rest_an_amendment_waits_for_the_answer() -> None:
    life = six_at_a().do(AmendOrder(ID, {"L1": 12}))
    assert "ClaimWanted" not in life.happened
    life.answer(QueryLevels, levels(B=9))
    assert claims(life) == {"C1": ("A", D(6), D(6)), "C2": ("B", D(6), D(0))}


def test_less_is_wanted_while_it_is_asked_who_has_the_rest() -> None:
    life = six_at_a().do(AmendOrder(ID, {"L1": 5}))
    assert claims(life)["C1"] == ("A", D(5), D(6))
    life.answer(QueryLevels, levels(B=9)).reply_all()
    assert claims(life) == {"C1": ("A", D(5), D(5))}
    assert life.goods == {"L1": {"allocated:F1": D(5), "cancelled": D(5)}}


@pytest.mark.parametrize("when", [six_at_a, shared, nobody_has_the_rest], ids=["sought", "shared", "short"])
def test_a_cancelled_order_is_released_at_every_location(when: Callable[[], Life]) -> None:
    life = when().do(CancelOrder(ID))
    assert all(claim.wanted == 0 for claim in life.order.claims.values())
    assert "QueryLevels" not in [type(request).__name__ for request in life.reply_all().requests]
    assert all(claim.held == 0 for claim in life.order.claims.values())
    assert life.order.state == "cancelled"


def test_an_order_that_is_cancelled_while_levels_are_awaited_claims_nothing_when_they_come() -> None:
    life = six_at_a()
    asked = life.wanted(QueryLevels)
    life.do(CancelOrder(ID)).hears(asked, levels(B=5)).reply_all()
    assert claims(life) == {"C1": ("A", D(0), D(0))}


# -- what is not on the shelf ---------------------------------------------------------------------------------------


def test_what_is_picked_short_is_sought_elsewhere_and_not_planned_at_the_same_location_again() -> None:
    life = pick(shared(), "F1", short={"L1": "damaged"}, goods=[("L1", 5)])
    assert StockSought(NOW, ("L1",), FrozenMap({"L1": ("A",)})) in life.events
    life.answer(QueryLevels, levels(A=90, B=1))
    assert claims(life) == {"C1": ("A", D(5), D(6)), "C2": ("B", D(5), D(4))}
    life.reply_all()
    assert work(life) == {
        "F1": ("A", "picked", {"L1": D(6)}),
        "F2": ("B", "planned", {"L1": D(4)}),
        "F3": ("B", "planned", {"L1": D(1)}),
    }


def test_what_is_not_found_anywhere_becomes_a_case_and_what_was_picked_stays() -> None:
    life = pick(shared(), "F1", short={"L1": "damaged"}, goods=[("L1", 5)]).answer(QueryLevels, levels(A=90))
    assert life.goods == {"L1": {"picked:F1": D(5), "allocated:F2": D(4), "backordered": D(1)}}
    assert life.case.message == "9 of 10 × TEA-250 can be had"
    life.do(ResolveException(ID, life.case.id, "cancel_rest")).reply_all()
    assert life.goods == {"L1": {"picked:F1": D(5), "allocated:F2": D(4), "cancelled": D(1)}}
    assert claims(life) == {"C1": ("A", D(5), D(5)), "C2": ("B", D(4), D(4))}


# -- rerouting ------------------------------------------------------------------------------------------------------


def test_work_is_taken_away_from_a_location_to_wherever_it_can_be_had() -> None:
    life = shared()
    given(life).when(Reroute(ID, "F2")).then(
        WorkRerouted(NOW, "B", (Move("L1", allocated("F2"), OPEN, D(4)),), FrozenMap({"C2": D(4)})),
        StockSought(NOW, ("L1",), FrozenMap({"L1": ("B",)})),
        FulfillmentWithdrawn(NOW, "F2", "cancelled"),
    )
    life.answer(QueryLevels, levels(A=0, B=9, C=9)).reply_all()
    assert work(life)["F3"] == ("C", "planned", {"L1": D(4)})
    assert claims(life) == {"C1": ("A", D(6), D(6)), "C2": ("B", D(0), D(0)), "C3": ("C", D(4), D(4))}


def test_a_location_that_goes_dark_loses_what_is_planned_and_what_is_held_there() -> None:
    life = shared(attrs.evolve(STANDARD, automatic=STANDARD.automatic - {"plan"})).do(Reroute(ID, location="B"))
    assert life.order.claims["C2"].missed == 4
    life.answer(QueryLevels, levels(A=1, B=9, C=9)).reply_all()
    assert claims(life) == {"C1": ("A", D(6), D(6)), "C2": ("B", D(0), D(0)), "C3": ("C", D(4), D(4))}


def test_work_is_given_to_the_location_that_somebody_named() -> None:
    life = shared().do(Reroute(ID, "F2", to="D")).answer(QueryLevels, levels(C=9, D=4)).reply_all()
    assert work(life)["F3"] == ("D", "planned", {"L1": D(4)})


def test_where_the_named_location_has_too_little_the_others_give_the_rest() -> None:
    life = shared(sourcing(allocate=take_in_order)).do(Reroute(ID, "F2", to="D"))
    life.answer(QueryLevels, levels(C=9, D=3)).reply_all()
    assert {f.location: dict(f.planned)["L1"] for f in list(life.order.fulfillments.values())[2:]} == {"D": 3, "C": 1}


def test_what_was_picked_stays_where_it_is() -> None:
    life = shared().do(StartPicking(ID, "F2"), RecordPick(ID, "F2", [("L1", 1)]), Reroute(ID, "F2"))
    assert life.goods == {"L1": {"allocated:F1": D(6), "picked:F2": D(1), "open": D(3)}}
    life.answer(QueryLevels, levels(C=9)).reply_all()
    assert claims(life) == {"C1": ("A", D(6), D(6)), "C2": ("B", D(1), D(1)), "C3": ("C", D(3), D(3))}


def test_work_that_nobody_else_can_do_is_backordered() -> None:
    life = shared().do(Reroute(ID, "F2")).answer(QueryLevels, levels(B=90))
    assert life.goods == {"L1": {"allocated:F1": D(6), "backordered": D(4)}}
    assert life.case.code == "stock.short"


# -- reservations that end ------------------------------------------------------------------------------------------


def test_one_of_two_reservations_lapses_and_its_units_are_asked_for_again() -> None:
    life = six_at_a().answer(QueryLevels, levels(B=5)).answer(ClaimStock, holds(6, "A"), "C1")
    evening = NOW + timedelta(hours=10)
    life.answer(ClaimStock, lambda request: held(request, 4, "B", evening), "C2")
    assert work(life).keys() == {"F1", "F2"}
    life.passes(hours=11)
    assert life.goods == {"L1": {"allocated:F1": D(6), "open": D(4)}}
    assert claims(life) == {"C1": ("A", D(6), D(6)), "C2": ("B", D(4), D(0))}
    life.answer(ClaimStock, holds(1, "B")).answer(QueryLevels, levels(C=3)).reply_all()
    assert claims(life) == {"C1": ("A", D(6), D(6)), "C2": ("B", D(1), D(1)), "C3": ("C", D(3), D(3))}
    assert life.order.line_status("L1").by_kind == {"allocated": D(10)}


# -- not before a day -----------------------------------------------------------------------------------------------

THURSDAY = date(2026, 11, 26)


def later(policy: Policy = STANDARD, **changes: Any) -> Life:
    """Nine o'clock on a Monday: the tea is not wanted before Thursday, the pot is."""
    lines = [OrderLine("TEA-250", 10, not_before=THURSDAY), OrderLine("POT-1", 1)]
    return priced(policy, lines=lines, **changes)


def test_what_is_wanted_later_is_held_now_and_planned_when_its_day_comes() -> None:
    life = later().reply_all()
    assert life.order.state == "verified"
    assert work(life) == {"F1": ("BER", "planned", {"L2": D(1)})}
    assert life.goods["L1"] == {"open": D(10)}
    assert life.process.attention(life.order) == NOW + timedelta(days=2, hours=15)
    assert "the day on which TEA-250 is released (2026-11-26 00:00)" in [
        str(wait) for wait in explain(life.order, life.process).waiting_for
    ]
    life.passes(days=2, hours=14, minutes=59)
    assert life.goods["L1"] == {"open": D(10)}
    assert LinesReleased(NOW + timedelta(days=2, hours=15), ("L1",)) in life.passes(minutes=1).events
    assert work(life)["F2"] == ("BER", "planned", {"L1": D(10)})


def test_a_host_may_give_it_to_the_warehouse_some_time_before() -> None:
    life = later(attrs.evolve(STANDARD, release_before=timedelta(days=1))).reply_all()
    assert life.process.attention(life.order) == NOW + timedelta(days=1, hours=15)
    assert work(life.passes(days=1, hours=15))["F2"] == ("BER", "planned", {"L1": D(10)})


def test_the_day_begins_where_the_customer_is() -> None:
    life = later(zone="Asia/Tokyo").reply_all()
    assert life.process.attention(life.order) == NOW + timedelta(days=2, hours=6)


def test_what_is_short_before_its_day_worries_nobody_until_then() -> None:
    life = later().answer(ClaimStock, holds(6, "A"), "C1").answer(QueryLevels, levels()).reply_all()
    assert life.goods["L1"] == {"open": D(6), "backordered": D(4)}
    assert not life.order.open_cases
    assert (life.order.state, work(life)) == ("verified", {"F1": ("BER", "planned", {"L2": D(1)})})
    life.passes(days=3)
    life.answer(ClaimStock, holds(8, "A"), "C1").answer(QueryLevels, levels())
    assert life.goods["L1"] == {"allocated:F2": D(6), "allocated:F3": D(2), "backordered": D(2)}
    assert life.case.code == "stock.short"


def test_stock_that_comes_before_the_day_is_there_on_the_day() -> None:
    life = later().answer(ClaimStock, holds(6, "A"), "C1").answer(QueryLevels, levels()).reply_all()
    life.do(StockArrived(ID)).answer(ClaimStock, holds(10, "A"), "C1")
    assert life.goods["L1"] == {"open": D(10)}
    assert life.passes(days=3).goods["L1"] == {"allocated:F2": D(10)}
    assert not life.order.open_cases


def test_a_cancelled_order_waits_for_no_day() -> None:
    life = later().reply_all().do(CancelOrder(ID)).reply_all()
    assert life.process.attention(life.order) is None


# -- what leaves together -------------------------------------------------------------------------------------------


def two_lines(terms: Any = None, other: Any = None, **changes: Any) -> Life:
    """Ten of tea, of which A has six and is asked; and a pot, which A has."""
    lines = [OrderLine("TEA-250", 10, complete=terms), OrderLine("POT-1", 1, complete=other)]
    life = priced(in_a_shortage("backorder"), lines=lines, **changes)
    return life.answer(ClaimStock, holds(6, "A"), "C1").answer(ClaimStock, holds(1, "A"), "C2")


def planned_skus(life: Life) -> dict[str, Any]:
    """Units that some location was given, by line."""
    return {line: sum(dict(f.planned).get(line, 0) for f in life.order.fulfillments.values()) for line in ("L1", "L2")}


@pytest.mark.parametrize(
    ("said", "planned"),
    [
        ({}, {"L1": 6, "L2": 1}),
        ({"complete": "order"}, {"L1": 0, "L2": 0}),
        ({"complete": "line"}, {"L1": 0, "L2": 1}),
        ({"terms": "line"}, {"L1": 0, "L2": 1}),
        ({"terms": "set"}, {"L1": 0, "L2": 1}),
        ({"terms": "set", "other": "set"}, {"L1": 0, "L2": 0}),
        ({"complete": "order", "terms": "no", "other": "no"}, {"L1": 6, "L2": 1}),
        ({"complete": "order", "other": "no"}, {"L1": 0, "L2": 1}),
    ],
    ids=str,
)
def test_what_leaves_together_is_planned_when_all_of_it_is_held(said: Any, planned: Any) -> None:
    life = two_lines(**said).answer(QueryLevels, levels())
    assert life.order.state == "verified"
    assert planned_skus(life) == planned
    life.do(StockArrived(ID)).answer(ClaimStock, holds(10, "A"), "C1").reply_all()
    assert planned_skus(life) == {"L1": 10, "L2": 1}


def test_what_leaves_together_leaves_when_all_of_it_is_packed_whatever_location_it_comes_from() -> None:
    life = shared(complete="order")
    pick(life, "F1").do(PackParcel(ID, "F1"), BookShipment(ID, service="parcel")).reply_all()
    assert life.refusal(DespatchShipment(ID)) == [("shipping.not_complete", "L1")]
    pick(life, "F2").do(PackParcel(ID, "F2"), BookShipment(ID, service="parcel")).reply_all()
    life.do(DespatchShipment(ID, "S1"), DespatchShipment(ID, "S2"))
    assert life.goods == {"L1": {"shipped:P1": D(6), "shipped:P2": D(4)}}
    assert life.order.state == "shipped"


def test_what_leaves_as_available_leaves_from_one_location_before_the_other() -> None:
    life = pick(shared(), "F1").do(PackParcel(ID, "F1"), BookShipment(ID, service="parcel")).reply_all()
    life.do(DespatchShipment(ID))
    assert life.goods == {"L1": {"shipped:P1": D(6), "allocated:F2": D(4)}}


def test_what_was_cancelled_is_not_waited_for() -> None:
    life = pick(shared(complete="order"), "F1").do(PackParcel(ID, "F1"), BookShipment(ID, service="parcel")).reply_all()
    life.do(AmendOrder(ID, {"L1": 6}), DespatchShipment(ID))
    assert life.goods == {"L1": {"shipped:P1": D(6), "cancelled": D(4)}}
