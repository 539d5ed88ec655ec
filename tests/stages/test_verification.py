"""Price and stock are asked for side by side, and every answer, even an impossible one, means something."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import attrs
import pytest

from orderflow.commands import (
    AmendOrder,
    ApproveOrder,
    BookShipment,
    CancelOrder,
    DespatchShipment,
    PackParcel,
    PlaceHold,
    RecordPick,
    ReleaseHold,
    ResolveException,
    StartPicking,
    TimePassed,
)
from orderflow.defaults import STANDARD
from orderflow.errors import Violation
from orderflow.explain import explain
from orderflow.ledger import OPEN, Move, allocated
from orderflow.messages import Command
from orderflow.order import ConfirmedLine, Order
from orderflow.policy import Policy
from orderflow.ports import (
    ClaimStock,
    GaveUp,
    Issued,
    IssueStock,
    Levels,
    Quote,
    QuotePrices,
    Refused,
    Reply,
    Request,
    Sent,
    StockHeld,
    Voided,
)
from orderflow.stages.confirmation import OrderConfirmed
from orderflow.stages.exceptions import ExceptionRaised, ExceptionResolved
from orderflow.stages.holds import HoldPlaced
from orderflow.stages.pricing import PriceQuoted, PriceRefused
from orderflow.stages.sourcing import FulfillmentPlanned
from orderflow.stages.stock import BackorderFilled, ClaimWanted, LineBackordered, ReservationLapsed, StockClaimed
from orderflow.stages.verification import OrderVerified
from orderflow.values import FrozenMap, Money
from tests.scenario import (
    ID,
    IF_SHORT,
    NOW,
    SENSIBLE,
    D,
    Life,
    amounts,
    eur,
    given,
    held,
    placed,
    quote_of,
    quoted,
    verified,
)

THREE = {"lines": [("TEA-250", 3)]}


def waits_for_stock(held_now: Any = 1) -> Life:
    """Three are wanted and priced; the inventory answers with less."""
    return placed(**THREE).answer(QuotePrices).answer(ClaimStock, lambda request: held(request, held_now))


# -- all is well ----------------------------------------------------------------------------------------------------


def test_the_last_answer_verifies_the_order_and_gives_the_location_its_work() -> None:
    life = placed(**THREE).answer(QuotePrices).answer(ClaimStock)
    assert life.events[:4] == (
        StockClaimed(NOW, "C1", 1, D(3), "BER"),
        OrderVerified(NOW, "verified"),
        OrderConfirmed(NOW, (ConfirmedLine("L1", 3, price=eur("8.50")),)),
        FulfillmentPlanned(NOW, "F1", "BER", FrozenMap({"L1": D(3)}), "planned", FrozenMap({"L1": "C1"})),
    )
    assert life.happened[4:] == ["MessageQueued"]


def test_a_quote_becomes_a_frozen_tranche_of_each_line() -> None:
    life = placed(**THREE).answer(QuotePrices)
    (event,) = life.events
    assert isinstance(event, PriceQuoted)
    assert event.tranches == life.order.tranches["L1"]
    assert life.order.total == eur("27.30")
    assert "quote" not in life.asks


def test_the_order_of_the_answers_makes_no_difference_to_the_order() -> None:
    kinds = placed().asks
    assert sorted(kinds) == ["claim/C1/1", "claim/C2/1", "quote", "send/M1"]
    ends: set[str] = set()
    for order_of_replies in permutations(kinds):
        life = placed()
        for request_id in order_of_replies:
            (request,) = (r for r in life.requests if r.id == request_id)
            life.hears(request, SENSIBLE[type(request)](request))
        life.reply_all()
        ends.add(repr([_unordered(getattr(life.order, field.name)) for field in attrs.fields(Order)]))
    assert len(ends) == 1


def _unordered(held: Any) -> Any:
    """Maps by key: only the order of events may differ."""
    return sorted(held.items(), key=lambda item: str(item[0])) if isinstance(held, dict) else held


def test_claims_and_quote_say_all_that_an_answer_needs() -> None:
    life = placed()
    claim, quote = life.wanted(ClaimStock, "C1"), life.wanted(QuotePrices)
    assert claim == ClaimStock(ID, "claim/C1/1", f"main/{ID}/claim/C1", "C1", 1, "TEA-250", "each", D(2))
    assert (quote.currency, quote.customer, quote.ship_to) == ("EUR", life.order.customer, life.order.ship_to)
    assert [(line.line_id, line.quantity, line.already) for line in quote.lines] == [
        ("L1", D(2), D(0)),
        ("L2", D(1), D(0)),
    ]


# -- stock that is short --------------------------------------------------------------------------------------------


def test_a_short_collectorders_the_rest_and_asks_someone() -> None:
    life = waits_for_stock()
    assert life.facts == (
        StockClaimed(NOW, "C1", 1, D(1), "BER"),
        LineBackordered(NOW, "L1", D(2)),
        ExceptionRaised(NOW, "X1", "stock.short", "L1", "1 of 3 × TEA-250 can be had", IF_SHORT),
    )
    assert life.goods == {"L1": {"open": D(1), "backordered": D(2)}}
    assert life.order.state == "acknowledged"


def test_trying_again_fills_the_backorder_and_verifies_the_order() -> None:
    life = waits_for_stock()
    given(life).when(ResolveException(ID, "X1", "try_again")).then(
        ExceptionResolved(NOW, "X1", "try_again"), ClaimWanted(NOW, "C1", "L1", 2, D(3), "BER", afresh=True)
    )
    life.answer(ClaimStock)
    assert life.events[:3] == (
        StockClaimed(NOW, "C1", 2, D(3), "BER"),
        BackorderFilled(NOW, "L1", D(2)),
        OrderVerified(NOW, "verified"),
    )
    assert life.goods == {"L1": {"allocated:F1": D(3)}}


def test_stock_that_is_found_before_anyone_chose_closes_the_case() -> None:
    life = waits_for_stock()
    request = placed(**THREE).wanted(ClaimStock)
    life.hears(request, StockHeld(1, D(3), "BER"))
    assert life.events == (ClaimWanted(NOW, "C1", "L1", 2, D(3), "BER"),)
    life.answer(ClaimStock)
    assert ExceptionResolved(NOW, "X1", "filled") in life.events
    assert life.order.state == "verified"


@pytest.mark.parametrize("found", [0, 1, 2])
def test_a_line_that_is_still_short_after_another_try_still_has_a_case(found: int) -> None:
    life = waits_for_stock(1).do(ResolveException(ID, "X1", "try_again"))
    life.answer(ClaimStock, lambda request: held(request, found))
    assert life.order.ledger.of_kind("L1", "backordered") == D(3 - found)
    assert life.case.code == "stock.short"


def test_a_backorder_that_is_filled_in_part_keeps_its_case() -> None:
    life = waits_for_stock(1)
    life.hears(placed(**THREE).wanted(ClaimStock), StockHeld(1, D(2), "BER"))
    life.answer(ClaimStock, lambda request: held(request, 2))
    assert life.order.ledger.of_kind("L1", "backordered") == 1
    assert life.case.code == "stock.short"


def test_a_backorder_that_is_amended_away_needs_nobody_any_more() -> None:
    life = waits_for_stock(2).do(AmendOrder(ID, {"L1": 2}))
    assert "LineBackordered" not in life.happened
    assert life.order.ledger.of_kind("L1", "backordered") == 0
    life.reply_all()
    assert life.order.state == "verified"
    assert list(life.order.open_cases) == []


def test_a_refused_claim_counts_as_nothing_held_and_says_why() -> None:
    life = placed(**THREE).answer(QuotePrices).answer(ClaimStock, Refused("stock.discontinued"))
    assert life.facts == (
        StockClaimed(NOW, "C1", 1, D(0), refusal="stock.discontinued"),
        LineBackordered(NOW, "L1", D(3)),
        ExceptionRaised(
            NOW,
            "X1",
            "stock.short",
            "L1",
            "0 of 3 × TEA-250 can be had (stock.discontinued)",
            IF_SHORT,
        ),
    )


def test_two_short_lines_are_two_cases_and_cancelling_by_one_ends_the_order() -> None:
    life = placed().answer(QuotePrices)
    for claim in ("C1", "C2"):
        life.answer(ClaimStock, lambda request: held(request, 0), claim)
    assert [case.about for case in life.order.open_cases] == ["L1", "L2"]
    life.do(ResolveException(ID, "X2", "cancel_order"))
    assert life.happened[:3] == ["ExceptionResolved", "CancellationRequested", "OrderCancelled"]
    assert life.reply_all().order.state == "cancelled"


def test_a_cancelled_order_has_no_open_cases() -> None:
    life = waits_for_stock().do(CancelOrder(ID)).reply_all()
    assert list(life.order.open_cases) == []


# -- prices ---------------------------------------------------------------------------------------------------------


def test_a_refused_quote_is_a_case_and_is_not_asked_again_until_someone_says_so() -> None:
    life = placed().answer(QuotePrices, Refused("price.unknown", "no price for POT-1"))
    assert life.events == (
        PriceRefused(NOW, "price.unknown", "no price for POT-1"),
        ExceptionRaised(
            NOW, "X1", "pricing.refused", "quote", "no price for POT-1", ("try_again", "cancel_order"), True
        ),
    )
    assert "quote" not in life.asks
    life.do(ResolveException(ID, "X1", "try_again"))
    assert "quote" in life.asks
    assert life.reply_all().order.state == "verified"


def test_an_order_without_a_price_can_be_cancelled_by_its_case() -> None:
    life = placed().answer(QuotePrices, Refused("price.unknown")).do(ResolveException(ID, "X1", "cancel_order"))
    assert life.order.state == "cancelled"


def test_a_quote_for_another_quantity_than_is_wanted_by_now_is_asked_anew() -> None:
    life = placed(**THREE)
    request = life.wanted(QuotePrices)
    life.do(AmendOrder(ID, {"L1": 5})).hears(request, quote_of(request))
    assert life.events == ()
    assert life.wanted(QuotePrices).lines[0].quantity == 5


# -- answers that cannot be -----------------------------------------------------------------------------------------

IMPOSSIBLE_STOCK: dict[str, Reply] = {
    "more held than wanted": StockHeld(1, D(4), "BER"),
    "less than nothing": StockHeld(1, D(-1), "BER"),
    "a float": StockHeld(1, 3.0, "BER"),  # type: ignore[arg-type]
    "nothing": StockHeld(1, None, "BER"),  # type: ignore[arg-type]
    "a revision never asked for": StockHeld(2, D(3), "BER"),
    "a quote": Quote(()),
    "an issue": Issued(),
    "sent": Sent(),
    "voided": Voided(),
    "no reply at all": "yes",  # type: ignore[dict-item]
    "infinitely many": StockHeld(1, D("Infinity"), "BER"),
    "no number": StockHeld(1, D("NaN"), "BER"),
    "held until a moment without a zone": StockHeld(1, D(3), "BER", datetime(2026, 11, 24)),
}


@pytest.mark.parametrize("about", IMPOSSIBLE_STOCK)
def test_an_impossible_answer_about_stock_is_a_case_until_someone_tries_again(about: str) -> None:
    life = placed(**THREE)
    _is_a_case(life, life.wanted(ClaimStock), IMPOSSIBLE_STOCK[about])
    assert life.reply_all().order.state == "verified"


def _changed(change: Callable[[Any], Any]) -> Callable[[QuotePrices], Quote]:
    def changing(request: QuotePrices) -> Quote:
        quote = quote_of(request)
        return Quote((change(quote.lines[0]), *quote.lines[1:]))

    return changing


USD = Money("1", "USD")
IMPOSSIBLE_QUOTES: dict[str, Callable[[QuotePrices], Any]] = {
    "unit price in another currency": _changed(lambda line: attrs.evolve(line, unit_price=USD)),
    "tax in another currency": _changed(lambda line: attrs.evolve(line, amounts=attrs.evolve(line.amounts, tax=USD))),
    "a missing line": lambda request: Quote(quote_of(request).lines[1:]),
    "no lines": lambda request: Quote(()),
    "a line nobody asked about": lambda request: Quote((*quote_of(request).lines, quoted("L9", 1, 1))),
    "another quantity": _changed(lambda line: attrs.evolve(line, quantity=D(1))),
    "amounts that are none": _changed(lambda line: attrs.evolve(line, amounts=None)),
    "no lines at all": lambda request: Quote(None),  # type: ignore[arg-type]
    "stock": lambda request: StockHeld(1, D(2)),
    "levels": lambda request: Levels(()),
    "no reply at all": lambda request: None,
    "a line twice": lambda request: Quote((*quote_of(request).lines, quote_of(request).lines[0])),
    "a float quantity": _changed(lambda line: attrs.evolve(line, quantity=2.0)),
}


@pytest.mark.parametrize("about", IMPOSSIBLE_QUOTES)
def test_an_impossible_quote_is_a_case_until_someone_tries_again(about: str) -> None:
    life = placed()
    request = life.wanted(QuotePrices)
    _is_a_case(life, request, IMPOSSIBLE_QUOTES[about](request))
    assert life.reply_all().order.state == "verified"
    assert life.order.total == eur("46.76")


def _is_a_case(life: Life, request: Request, reply: Any) -> None:
    """The answer is a case, the request is not pending, and is again once someone tries again."""
    before = life.order.ledger, life.order.tranches, life.order.claims
    life.hears(request, reply)
    assert [(case.code, case.about) for case in life.order.open_cases] == [("port.impossible_reply", request.id)]
    assert (life.order.ledger, life.order.tranches, life.order.claims) == before
    assert request.id not in life.asks
    assert life.hears(request, reply).events == (), "the case is raised once"
    life.do(ResolveException(ID, life.case.id, "try_again"))
    assert request.id in life.asks


# -- answers that come late -----------------------------------------------------------------------------------------


def test_an_answer_to_an_older_revision_settles_nothing() -> None:
    life = placed(**THREE)
    old = life.wanted(ClaimStock)
    life.do(AmendOrder(ID, {"L1": 2}))
    assert life.hears(old, held(old)).events == ()
    assert life.wanted(ClaimStock).revision == 2
    assert life.hears(old, Refused("no")).events == ()


def test_the_same_answer_twice_means_nothing_the_second_time() -> None:
    life = placed(**THREE)
    request = life.wanted(ClaimStock)
    life.hears(request, held(request))
    assert life.hears(request, held(request)).events == ()
    assert life.hears(request, Refused("late")).events == ()


def test_stock_granted_late_after_a_cancellation_is_released_by_a_further_revision() -> None:
    life = placed(**THREE)
    request = life.wanted(ClaimStock)
    life.do(CancelOrder(ID)).reply_all()
    assert life.order.claims["C1"].is_settled
    life.hears(request, held(request))
    assert life.events == (ClaimWanted(NOW, "C1", "L1", 3, D(0), "BER"),)
    assert life.wanted(ClaimStock).quantity == 0


def test_a_failure_of_a_claim_that_was_overtaken_needs_nobody() -> None:
    life = placed(**THREE)
    request = life.wanted(ClaimStock)
    life.do(CancelOrder(ID)).reply_all()
    assert life.hears(request, GaveUp(8, "timeout")).events == ()


# -- reservations that end ------------------------------------------------------------------------------------------

EVENING = NOW + timedelta(hours=10)


def reserved(*commands: Any) -> Life:
    life = placed(**THREE).answer(QuotePrices).answer(ClaimStock, lambda r: held(r, until=EVENING)).reply_all()
    return life.do(*commands)


def test_a_reservation_draws_attention_shortly_before_it_ends() -> None:
    life = reserved()
    assert life.process.attention(life.order) == EVENING - timedelta(minutes=5)
    assert life.passes(hours=9, minutes=54).events == ()


def test_a_reservation_is_put_again_before_it_ends_and_nothing_else_moves() -> None:
    life = reserved().passes(hours=9, minutes=56)
    assert life.events == (ClaimWanted(life.now, "C1", "L1", 2, D(3), "BER"),)
    later = EVENING + timedelta(hours=10)
    life.answer(ClaimStock, lambda request: held(request, until=later))
    assert life.events == (StockClaimed(life.now, "C1", 2, D(3), "BER", later),)
    assert life.goods == {"L1": {"allocated:F1": D(3)}}
    assert life.process.attention(life.order) == later - timedelta(minutes=5)


def test_a_reservation_that_has_ended_lapses_and_is_put_again() -> None:
    life = reserved().passes(hours=11)
    assert life.events[:2] == (
        ReservationLapsed(life.now, "C1", (Move("L1", allocated("F1"), OPEN, D(3)),)),
        ClaimWanted(life.now, "C1", "L1", 2, D(3), "BER"),
    )
    assert life.happened[2:] == ["FulfillmentWithdrawn"]
    life.reply_all()
    assert life.goods == {"L1": {"allocated:F2": D(3)}}


def test_what_is_off_the_shelf_does_not_lapse() -> None:
    life = reserved(StartPicking(ID, "F1"), RecordPick(ID, "F1", [("L1", 1)])).passes(hours=11)
    assert life.goods == {"L1": {"open": D(2), "picked:F1": D(1)}}
    assert "PickingFinished" in life.happened
    assert life.order.claims["C1"].held == 1
    life.answer(ClaimStock, lambda request: held(request, 1))
    assert life.goods == {"L1": {"backordered": D(2), "picked:F1": D(1)}}


OFF_THE_SHELF = (StartPicking(ID, "F1"), RecordPick(ID, "F1"))
TO_THE_CARRIER = (*OFF_THE_SHELF, PackParcel(ID, "F1"), BookShipment(ID, service="parcel"))


@pytest.mark.parametrize("steps", [OFF_THE_SHELF, TO_THE_CARRIER[:3], TO_THE_CARRIER], ids=len)
def test_a_reservation_is_put_again_until_its_goods_are_issued(steps: tuple[Command, ...]) -> None:
    life = reserved(*steps).reply_all()
    goods = life.goods
    assert life.process.attention(life.order) == EVENING - timedelta(minutes=5)
    assert life.passes(hours=9, minutes=56).events == (ClaimWanted(life.now, "C1", "L1", 2, D(3), "BER"),)
    life.answer(ClaimStock, lambda request: held(request, until=EVENING + timedelta(hours=10)))
    assert life.goods == goods


def test_a_reservation_is_put_again_while_the_goods_issue_has_no_answer_and_not_afterwards() -> None:
    life = reserved(*TO_THE_CARRIER).reply_all().do(DespatchShipment(ID))
    assert life.process.attention(life.order) == EVENING - timedelta(minutes=5)
    life.answer(IssueStock)
    assert life.process.attention(life.order) is None
    assert life.passes(hours=11).events == ()


def test_the_answer_to_a_lapsed_reservation_may_be_less() -> None:
    life = reserved().passes(hours=11).answer(ClaimStock, lambda request: held(request, 0))
    assert life.goods == {"L1": {"backordered": D(3)}}
    assert life.case.code == "stock.short"
    assert life.order.state == "verified"


@pytest.mark.parametrize("minutes", [1, 3, 5])
def test_a_reservation_shorter_than_the_time_of_renewal_is_not_put_again_at_once(minutes: int) -> None:
    until = NOW + timedelta(minutes=minutes)
    life = placed(**THREE).answer(ClaimStock, lambda request: held(request, until=until))
    attention = life.process.attention(life.order)
    assert attention is not None
    assert attention > NOW
    assert life.do(TimePassed(ID)).events == ()


# -- rules of verification ------------------------------------------------------------------------------------------


def objecting(severity: Any, limit: int = 2) -> Policy:
    """A rule of the host: no more than so many units in all."""

    def orders_stay_below_the_limit(order: Order) -> list[Violation]:
        units = sum(order.live_quantity(line_id) for line_id in order.lines)
        return [Violation("credit.limit", f"{units} units", severity=severity)] if units > limit else []

    return attrs.evolve(STANDARD, verification=(orders_stay_below_the_limit,))


def test_an_objection_of_severity_error_keeps_the_order_from_being_verified() -> None:
    life = verified(objecting("error"))
    assert life.order.state == "acknowledged"
    assert life.do(AmendOrder(ID, {"L1": 1})).reply_all().order.state == "verified"


def test_an_objection_of_severity_warning_keeps_nothing() -> None:
    assert verified(objecting("warning")).order.state == "verified"


def test_an_objection_of_severity_hold_places_one_hold_for_review() -> None:
    life = verified(objecting("hold"))
    (hold,) = life.order.holds.values()
    assert (hold.code, hold.blocks, hold.note) == ("credit.limit", ("verify",), "3 units")
    assert sum(isinstance(event, HoldPlaced) for event in life.history) == 1
    assert life.passes(hours=1).events == ()


def test_a_released_objection_is_waived_and_the_order_is_verified() -> None:
    life = verified(objecting("hold")).do(ReleaseHold(ID, "H1"))
    assert life.happened[:2] == ["HoldReleased", "OrderVerified"]
    assert [waiver.code for waiver in life.order.waivers] == ["credit.limit"]


def test_a_waiver_ends_where_the_facts_change() -> None:
    life = verified(objecting("hold")).do(PlaceHold(ID, "wait", blocks=["verify"]), ReleaseHold(ID, "H1"))
    assert life.order.state == "acknowledged"
    life.do(AmendOrder(ID, {"L1": 9})).reply_all().do(ReleaseHold(ID, "H2"))
    assert life.happened == ["HoldReleased", "HoldPlaced"]
    assert life.order.holds["H3"].note == "10 units"
    assert life.order.state == "acknowledged"
    assert life.do(ReleaseHold(ID, "H3")).order.state == "verified"


def test_an_order_whose_verification_is_not_automatic_stays_acknowledged() -> None:
    policy = attrs.evolve(STANDARD, automatic=STANDARD.automatic - {"verify"})
    assert verified(policy).order.state == "acknowledged"


def test_a_price_for_some_units_and_stock_for_all_is_not_enough() -> None:
    life = placed(**THREE).reply_all(QuotePrices)
    assert life.order.state == "acknowledged"
    life.answer(QuotePrices, Quote((quoted("L1", 3, "8.50"),)))
    assert life.order.state == "verified"
    assert life.order.charged == amounts("25.50")


# -- by hand --------------------------------------------------------------------------------------------------------


def test_an_order_that_is_approved_by_hand_waits_for_someone() -> None:
    life = placed(attrs.evolve(STANDARD, automatic=STANDARD.automatic - {"verify"})).reply_all()
    assert life.order.state == "acknowledged"
    assert [str(wait) for wait in explain(life.order, life.process).waiting_for] == ["someone to approve the order"]
    assert "OrderVerified" in life.do(ApproveOrder(ID)).happened
    assert life.order.state == "verified"


def test_what_the_hosts_rules_object_to_is_not_approved_by_hand_either() -> None:
    policy = attrs.evolve(
        STANDARD,
        automatic=STANDARD.automatic - {"verify"},
        verification=(lambda order: [Violation("credit.exceeded", "over the limit")],),
    )
    life = placed(policy).reply_all()
    assert life.codes(ApproveOrder(ID)) == ["credit.exceeded"]
