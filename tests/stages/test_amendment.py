"""Quantities change as long as nobody has begun to handle the goods; prices change only for what is added."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs
import pytest

from orderflow.commands import (
    AmendOrder,
    BookShipment,
    CancelOrder,
    DespatchShipment,
    PackParcel,
    RecordPick,
    ReleaseHold,
    ResolveException,
    StartPicking,
    UnpackParcel,
)
from orderflow.defaults import STANDARD
from orderflow.errors import InvalidInput, Violation
from orderflow.explain import explain
from orderflow.ledger import BACKORDERED, CANCELLED, OPEN, ORDERED, Move, allocated
from orderflow.order import Order
from orderflow.policy import Policy
from orderflow.ports import ClaimStock, Quote, QuotedLine, QuoteLine, QuotePrices, Refused
from orderflow.stages.amendment import OrderAmended
from orderflow.stages.sourcing import FulfillmentWithdrawn
from orderflow.stages.stock import ClaimWanted
from tests.scenario import (
    ID,
    NOW,
    D,
    Life,
    amounts,
    booked,
    despatched,
    eur,
    given,
    held,
    packed,
    picked,
    picking,
    placed,
    quoted,
    verified,
)

TWO = {"lines": [("TEA-250", 2)]}


def partly_left() -> Life:
    """Of two packets in two parcels under one booking, one has left."""
    life = picked(**TWO).do(PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, service="a")).reply_all()
    return life.do(DespatchShipment(ID, parcel_ids=["P1"])).reply_all()


def test_more_units_are_ordered_claimed_by_a_revision_and_priced() -> None:
    life = (
        given(verified(**TWO))
        .when(AmendOrder(ID, {"L1": 5}))
        .then(OrderAmended(NOW, (Move("L1", ORDERED, OPEN, D(3)),)), ClaimWanted(NOW, "C1", "L1", 2, D(5), "BER"))
    )
    assert life.asks == ("claim/C1/2", "quote")
    assert life.wanted(ClaimStock).key == f"main/{ID}/claim/C1"
    assert life.wanted(QuotePrices).lines == (QuoteLine("L1", "TEA-250", "each", D(3), D(2)),)


def test_only_what_is_added_gets_the_new_price() -> None:
    life = verified(**TWO).do(AmendOrder(ID, {"L1": 5}))
    life.answer(QuotePrices, Quote((quoted("L1", 3, "9.00", "0.63"),))).reply_all()
    assert [(t.quantity, t.unit_price) for t in life.order.tranches["L1"]] == [(D(2), eur("8.50")), (D(3), eur(9))]
    assert life.order.charged == amounts("44.00", "3.09")
    assert life.goods == {"L1": {"allocated:F1": D(2), "allocated:F2": D(3)}}


def test_units_that_are_taken_out_are_credited_at_the_newest_price_first() -> None:
    life = verified(**TWO).do(AmendOrder(ID, {"L1": 5}))
    life.answer(QuotePrices, Quote((quoted("L1", 3, "9.00"),))).reply_all()
    life.do(AmendOrder(ID, {"L1": 3})).reply_all()
    assert life.order.credited == amounts("18.00")
    life.do(AmendOrder(ID, {"L1": 1})).reply_all()
    assert life.order.credited == amounts(D("27.00") + D("8.50"), "0.60")
    assert life.order.total == eur("9.10")


def test_credits_for_a_price_that_does_not_divide_add_up_to_the_cent() -> None:
    life = placed(lines=[("TEA-250", 3), ("POT-1", 1)])
    thirds = QuotedLine("L1", D(3), eur("3.33"), amounts("10.00", "0.70"))
    life.answer(QuotePrices, Quote((thirds, quoted("L2", 1, 24)))).reply_all()
    credits = [life.order.credited.total]
    for left in (2, 1, 0):
        life.do(AmendOrder(ID, {"L1": left})).reply_all()
        credits.append(life.order.credited.total)
    assert credits == [eur(0), eur("3.56"), eur("7.14"), eur("10.70")]
    assert life.order.total == eur(24)


def test_a_cancelled_order_owes_nothing_and_keeps_nothing() -> None:
    life = verified(**TWO).do(AmendOrder(ID, {"L1": 5})).reply_all().do(CancelOrder(ID)).reply_all()
    assert life.order.charged == life.order.credited
    assert life.order.total == eur(0)


def test_fewer_units_leave_the_location_that_has_not_begun() -> None:
    life = verified().do(AmendOrder(ID, {"L1": 1, "L2": 0}))
    assert life.events[:-1] == (
        OrderAmended(
            NOW,
            (
                Move("L1", allocated("F1"), CANCELLED, D(1)),
                Move("L2", allocated("F1"), CANCELLED, D(1)),
            ),
        ),
        ClaimWanted(NOW, "C1", "L1", 2, D(1), "BER"),
        ClaimWanted(NOW, "C2", "L2", 2, D(0), "BER"),
    )
    assert life.reply_all().goods == {"L1": {"allocated:F1": D(1), "cancelled": D(1)}, "L2": {"cancelled": D(1)}}
    assert [claim.held for claim in life.order.claims.values()] == [D(1), D(0)]


def test_fewer_units_come_out_of_the_backorder_first_then_of_what_is_open() -> None:
    life = placed(lines=[("TEA-250", 5)]).answer(ClaimStock, lambda request: held(request, 3))
    life.do(AmendOrder(ID, {"L1": 2}))
    assert life.events[0] == OrderAmended(
        NOW, (Move("L1", BACKORDERED, CANCELLED, D(2)), Move("L1", OPEN, CANCELLED, D(1)))
    )


def test_units_come_back_from_the_newest_work_first() -> None:
    life = verified(**TWO).do(AmendOrder(ID, {"L1": 5})).reply_all().do(AmendOrder(ID, {"L1": 1}))
    assert life.events[0] == OrderAmended(
        NOW, (Move("L1", allocated("F2"), CANCELLED, D(3)), Move("L1", allocated("F1"), CANCELLED, D(1)))
    )
    assert FulfillmentWithdrawn(NOW, "F2", "cancelled") in life.events


def test_up_and_down_in_one_amendment() -> None:
    life = verified().do(AmendOrder(ID, {"L1": "2.5", "L2": 0})).reply_all()
    assert life.order.live_quantity("L1") == D("2.5")
    assert life.order.live_quantity("L2") == 0


BEGUN: dict[str, tuple[Callable[[], Life], dict[str, Any]]] = {
    "picking": (lambda: picking(**TWO), {"allocated:F1": D(1), "cancelled": D(1)}),
    "picked": (lambda: picked(**TWO), {"picked:F1": D(1), "cancelled": D(1)}),
    "packed": (lambda: packed(**TWO), {"packed:P1": D(2)}),
    "booked": (lambda: booked(**TWO), {"packed:P1": D(2)}),
}


@pytest.mark.parametrize("stage", BEGUN)
def test_goods_that_somebody_handles_are_taken_out_or_wished_back(stage: str) -> None:
    life, goods = BEGUN[stage][0]().do(AmendOrder(ID, {"L1": 1})), BEGUN[stage][1]
    assert life.goods["L1"] == goods
    assert [move.quantity for move in life.order.to_be_cancelled] == ([] if "cancelled" in goods else [D(1)])


def test_units_in_a_booked_parcel_go_when_the_carrier_voids_it() -> None:
    life = booked(**TWO).do(AmendOrder(ID, {"L1": 1}))
    assert life.asks == ("void/S1/1",)
    life.reply_all().do(UnpackParcel(ID, "P1")).reply_all()
    assert life.goods["L1"] == {"picked:F1": D(1), "cancelled": D(1)}


def test_what_has_left_is_not_taken_out() -> None:
    life = partly_left()
    given(life).when(AmendOrder(ID, {"L1": 0})).refused(
        ("amendment.nothing_left", "quantities"), ("amendment.too_late", "quantities[L1]")
    )
    life.do(AmendOrder(ID, {"L1": 1})).reply_all()
    assert life.goods["L1"] == {"shipped:P1": D(1), "cancelled": D(1)}


def test_what_was_added_while_others_were_picked_is_taken_out_first() -> None:
    life = picking(**TWO).do(AmendOrder(ID, {"L1": 4})).reply_all()
    life.do(AmendOrder(ID, {"L1": 2})).reply_all()
    assert life.goods["L1"] == {"allocated:F1": D(2), "cancelled": D(2)}


def test_an_amendment_comes_too_late_when_everything_has_left() -> None:
    assert despatched().codes(AmendOrder(ID, {"L1": 5})) == ["order.cannot_amend"]


def test_what_is_left_of_an_order_decides_whether_it_is_shipped() -> None:
    life = booked(**TWO).do(AmendOrder(ID, {"L1": 3})).reply_all().do(DespatchShipment(ID)).reply_all()
    assert life.order.state == "in_fulfillment"
    life.do(AmendOrder(ID, {"L1": 2}))
    assert life.order.state == "shipped"


def test_units_that_were_added_go_all_the_way_in_a_parcel_of_their_own() -> None:
    life = booked(**TWO).do(AmendOrder(ID, {"L1": 3})).reply_all()
    life.do(StartPicking(ID, "F2"), RecordPick(ID, "F2"), PackParcel(ID, "F2"), BookShipment(ID, service="parcel"))
    life.reply_all().do(DespatchShipment(ID, "S1"), DespatchShipment(ID, "S2")).reply_all()
    assert life.goods == {"L1": {"shipped:P1": D(2), "shipped:P2": D(1)}}
    assert life.order.state == "shipped"


def test_added_units_without_a_price_are_not_given_to_anyone() -> None:
    life = verified(**TWO).do(AmendOrder(ID, {"L1": 5})).answer(QuotePrices, Refused("price.unknown")).reply_all()
    assert life.goods["L1"] == {"open": D(3), "allocated:F1": D(2)}
    life.do(ResolveException(ID, "X1", "try_again")).reply_all()
    assert life.goods["L1"] == {"allocated:F1": D(2), "allocated:F2": D(3)}


def test_added_units_that_are_not_in_stock_are_backordered_and_the_rest_goes_on() -> None:
    life = verified(**TWO).do(AmendOrder(ID, {"L1": 5})).answer(ClaimStock, lambda request: held(request, 4))
    life.reply_all()
    assert life.goods["L1"] == {"backordered": D(1), "allocated:F1": D(2), "allocated:F2": D(2)}
    assert life.case.message == "4 of 5 × TEA-250 can be had"


@pytest.mark.parametrize(
    ("quantities", "refused"),
    [
        ({"L1": 2}, [("amendment.nothing_changes", "quantities")]),
        ({"L1": 2, "L2": 1}, [("amendment.nothing_changes", "quantities")]),
        ({"L1": 0, "L2": 0}, [("amendment.nothing_left", "quantities")]),
        ({"L8": 1, "L1": 0, "L9": 2}, [("amendment.unknown_line", f"quantities[L{n}]") for n in (8, 9)]),
    ],
)
def test_an_amendment_must_mean_something(quantities: dict[str, int], refused: list[tuple[str, str]]) -> None:
    given(verified()).when(AmendOrder(ID, quantities)).refused(*refused)


def test_a_bad_amendment_tells_every_bad_quantity() -> None:
    with pytest.raises(InvalidInput) as invalid:
        AmendOrder(ID, {"L1": 0.5, "L2": -1, "L3": "many"})  # type: ignore[dict-item]
    assert {violation.path: violation.code for violation in invalid.value.violations} == {
        "quantities[L1]": "number.float",
        "quantities[L2]": "number.negative",
        "quantities[L3]": "number.not_a_number",
    }
    with pytest.raises(InvalidInput) as invalid:
        AmendOrder(ID, {})
    assert invalid.value.codes == ("amendment.says_nothing",)


def test_units_that_came_and_went_without_a_price_change_nothing_of_what_is_to_be_paid() -> None:
    life = verified(**TWO)
    assert life.order.total == eur("18.20")
    life.do(AmendOrder(ID, {"L1": 5}), AmendOrder(ID, {"L1": 2}))
    assert life.order.total == eur("18.20")


def test_an_order_is_priced_where_a_line_without_a_price_was_taken_out() -> None:
    life = placed().do(AmendOrder(ID, {"L1": 0})).reply_all()
    assert life.order.state == "verified"
    assert life.order.total == eur("28.56")
    assert life.order.is_priced


# -- the host's rules of verification -------------------------------------------------------------------------------


def at_most(limit: int, severity: Any) -> Policy:
    """A rule of the host: an order has no more than so many units."""

    def orders_stay_below_the_limit(order: Order) -> Iterable[Violation]:
        units = sum(order.live_quantity(line_id) for line_id in order.lines)
        if units > limit:
            yield Violation("credit.limit", f"{units} units", "customer", severity)

    return attrs.evolve(STANDARD, verification=(orders_stay_below_the_limit,))


@pytest.mark.parametrize("begin", [verified, picking, packed], ids=lambda begin: begin.__name__)
def test_a_verified_order_is_not_amended_into_one_that_would_not_be_verified(begin: Callable[..., Life]) -> None:
    life = begin(at_most(3, "error"), **TWO)
    given(life).when(AmendOrder(ID, {"L1": 4})).refused(("credit.limit", "customer"))
    assert life.do(AmendOrder(ID, {"L1": 3})).reply_all().order.live_quantity("L1") == 3


def test_that_a_rule_forbids_an_amendment_is_told_to_whoever_asks() -> None:
    life = verified(at_most(2, "error"), **TWO)
    (told,) = (one for one in explain(life.order, life.process).not_possible if isinstance(one.command, AmendOrder))
    assert [reason.code for reason in told.reasons] == ["credit.limit"]


def test_before_it_is_verified_an_order_is_amended_as_its_customer_likes() -> None:
    life = verified(at_most(3, "error"), lines=[("TEA-250", 5)])
    assert life.order.state == "acknowledged"
    assert life.do(AmendOrder(ID, {"L1": 4})).reply_all().order.state == "acknowledged"
    assert life.do(AmendOrder(ID, {"L1": 2})).reply_all().order.state == "verified"


def test_an_amendment_that_is_to_be_looked_at_places_a_hold_for_review() -> None:
    life = verified(at_most(3, "hold"), **TWO).do(AmendOrder(ID, {"L1": 4}))
    assert life.order.live_quantity("L1") == 4
    (hold,) = life.order.active_holds
    assert (hold.code, hold.note) == ("credit.limit", "4 units")
    life.reply_all()
    assert len(life.order.holds) == 1


def test_an_amendment_that_was_looked_at_is_not_looked_at_again() -> None:
    life = verified(at_most(3, "hold"), **TWO).do(AmendOrder(ID, {"L1": 4})).reply_all().do(ReleaseHold(ID, "H1"))
    life.do(StartPicking(ID, "F1")).reply_all()
    assert life.order.active_holds == ()
    life.do(AmendOrder(ID, {"L1": 5}))
    assert [hold.note for hold in life.order.active_holds] == ["5 units"]


def test_an_amendment_within_the_rules_places_no_hold() -> None:
    assert not verified(at_most(3, "hold"), **TWO).do(AmendOrder(ID, {"L1": 3})).order.holds


def test_a_warning_about_an_amendment_stops_nothing() -> None:
    life = verified(at_most(3, "warning"), **TWO).do(AmendOrder(ID, {"L1": 4})).reply_all()
    assert life.order.live_quantity("L1") == 4
    assert not life.order.holds
