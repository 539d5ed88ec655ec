"""From the order to the parcel: demands that each stage meets by itself, met together in one order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from orderflow import (
    STANDARD,
    Address,
    AmendOrder,
    BookShipment,
    CancelLines,
    CancelOrder,
    CommandRefused,
    DespatchShipment,
    Order,
    OrderFlow,
    OrderLine,
    PackParcel,
    PlaceOrder,
    RecordDespatch,
    RecordPick,
    RejectOrder,
    ReleaseHold,
    Reroute,
    StartPicking,
)
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryFulfiller, MemoryInventory, PriceList
from orderflow.commands import (
    RecordAnswer,
    RecordCheck,
    RecordCollection,
    RecordPutAway,
    RefuseConfirmation,
    ResolveException,
)
from orderflow.messages import Command
from orderflow.order import Goods
from orderflow.policy import Authority, Check, Substitute
from orderflow.ports import StockHeld
from orderflow.stages.advices import DespatchedParcel
from orderflow.values import Contact, Money, Party

ADA = Party("Ada Krull", contact=Contact("ada@example.org"))
HOME = Address("DE", "Torstrasse 1", city="Berlin", postal_code="10119", name="Ada Krull")
STOCK: Mapping[Any, int] = {("TEA", "A"): 6, ("TEA", "B"): 5, ("POT", "A"): 5, ("CUP", "B"): 50}


class Shop:
    """Two locations, one flow; settings that are not of the policy are named apart."""

    def __init__(
        self,
        stock: Mapping[Any, int] = STOCK,
        prices: Mapping[str, Any] | None = None,
        price_list: Mapping[str, Any] | None = None,
        **policy: Any,
    ) -> None:
        self.clock = ManualClock(datetime(2026, 11, 23, 9, tzinfo=UTC))
        self.inventory = MemoryInventory(stock, clock=self.clock)
        self.mail = Mailbox()
        fulfillers = {"fulfillers": MemoryFulfiller("ACME")} if "fulfillers" in policy else {}
        self.flow = OrderFlow(
            inventory=self.inventory,
            pricing=PriceList(prices or {"TEA": "9.90", "POT": "24", "CUP": "3"}, **(price_list or {})),
            carriers=MemoryCarrier(clock=self.clock),
            notifications=self.mail,
            policy=attrs.evolve(STANDARD, **policy),
            clock=self.clock,
            **fulfillers,
        )
        self.id = ""

    def orders(self, *lines: OrderLine, **said: Any) -> Order:
        place = PlaceOrder(lines=lines, currency="EUR", ship_to=HOME, customer=ADA, **said)
        self.id = self.flow.handle(place).order.id
        return self.order

    @property
    def order(self) -> Order:
        return self.flow.get(self.id)

    def does(self, *commands: Command) -> Order:
        for command in commands:
            self.clock.advance(timedelta(minutes=1))
            self.flow.handle(command)
        return self.order

    def picks(self, fulfillment: str, **pick: Any) -> Order:
        return self.does(StartPicking(self.id, fulfillment), RecordPick(self.id, fulfillment, **pick))

    def sends(self, fulfillment: str) -> Order:
        """All that a location has picked leaves in one parcel."""
        packed = self.does(PackParcel(self.id, fulfillment))
        booked = self.does(BookShipment(self.id, [list(packed.parcels)[-1]]))
        return self.does(DespatchShipment(self.id, list(booked.shipments)[-1]))

    def held(self, sku: str = "TEA") -> dict[str, int]:
        return {at: int(units) for at in ("A", "B") if (units := self.inventory.held(sku, at))}

    @property
    def wanted(self) -> dict[str, int]:
        """What is wanted held at each location, of the first line."""
        return {claim.location: int(claim.wanted) for claim in self.order.claims_on("L1")}

    @property
    def waits(self) -> str:
        return "; ".join(str(wait) for wait in self.flow.explain(self.id).waiting_for)

    def refused(self, command: Command) -> tuple[str, ...]:
        with pytest.raises(CommandRefused) as refused:
            self.flow.handle(command)
        return tuple(violation.code for violation in refused.value.violations)


def tea(quantity: int = 10, **said: Any) -> OrderLine:
    return OrderLine("TEA", quantity, **said)


# -- several locations -------------------------------------------------------------------------------------------------


def test_what_is_picked_beyond_the_order_is_claimed_where_it_was_picked() -> None:
    shop = Shop({("TEA", "A"): 20, ("TEA", "B"): 7}, prices={"TEA": "1"})
    other = shop.orders(tea(12))
    assert shop.held() == {"A": 12}
    order = shop.orders(tea(10, over="20"))
    assert shop.wanted == {"A": 8, "B": 2}
    shop.flow.handle(CancelLines(other.id))
    work = next(work.id for work in order.fulfillments.values() if work.location == "B")
    shop.picks("F1" if work == "F2" else "F2")
    shop.picks(work, goods=[("L1", 4)])
    assert shop.wanted == {"A": 8, "B": 4}
    assert shop.held() == {"A": 8, "B": 4}


def test_when_all_units_left_from_one_location_nothing_stays_held_at_the_other() -> None:
    shop = Shop()
    shop.orders(tea())
    assert shop.wanted == {"A": 6, "B": 4}
    parcel = DespatchedParcel([("L1", 10)], "T1")
    shop.does(RecordDespatch(shop.id, "3PL", "D1", [parcel], "UPS", location="B"))
    assert shop.wanted == {"A": 0, "B": 10}
    assert shop.held() == {}


def test_what_was_collected_at_the_second_location_is_not_given_up_for_what_is_cancelled_at_the_first() -> None:
    shop = Shop()
    shop.orders(tea(), method="pick_up")
    for fulfillment in ("F1", "F2"):
        shop.picks(fulfillment)
    order = shop.does(RecordCollection(shop.id, "F2"), CancelLines(shop.id))
    assert shop.wanted == {"A": 0, "B": 4}
    assert shop.held() == {}
    assert order.open_cases == ()
    assert order.state == "completed"
    assert order.total.amount == Decimal("39.60")


def test_what_left_a_location_counts_as_sent_from_there_though_others_had_been_given_its_work() -> None:
    shop = Shop({("TEA", "A"): 7, ("TEA", "B"): 6})
    shop.orders(tea(10))
    shop.picks("F1")
    parcel = DespatchedParcel([("L1", 8)], "T1")
    order = shop.does(RecordDespatch(shop.id, "3PL", "D1", [parcel], "UPS", location="B"))
    assert order.line_status("L1").by_kind["shipped"] == 8
    assert shop.wanted == {"A": 2, "B": 8}
    assert shop.held() == {"A": 2}


def test_what_left_before_anything_was_claimed_there_is_counted_once() -> None:
    shop = Shop({("TEA", "A"): 7})
    shop.orders(tea(7))
    parcel = DespatchedParcel([("L1", 2)], "T1")
    order = shop.does(RecordDespatch(shop.id, "3PL", "D1", [parcel], "UPS", location="B"))
    assert shop.wanted == {"A": 7}
    shop.inventory.receive("TEA", 5, "B")
    shop.does(AmendOrder(order.id, {"L1": 10}))
    order = shop.does(CancelLines(order.id))
    assert shop.held() == {}
    assert order.open_cases == ()


def test_what_left_before_it_was_claimed_is_not_claimed_afterwards() -> None:
    shop = Shop()
    order = shop.orders(tea(3), customer_reference="PO-7")
    order = shop.orders(tea(3, not_before=date(2026, 12, 15)), customer_reference="PO-7")
    assert order.claims == {}, "it is held for review"
    parcel = DespatchedParcel([("L1", 3)], "T1")
    shop.does(RecordDespatch(order.id, "3PL", "D1", [parcel], "UPS", location="A"))
    order = shop.does(ReleaseHold(order.id, order.active_holds[0].id))
    assert order.claims == {}
    assert (order.state, shop.waits) == ("shipped", "UPS to deliver P1 (T1 pending)")


def test_an_order_goes_on_without_the_day_of_a_line_that_has_left_before_it() -> None:
    shop = Shop()
    order = shop.orders(tea(3), OrderLine("CUP", 2, not_before=date(2026, 12, 15)), complete="order")
    assert order.fulfillments == {}
    parcel = DespatchedParcel([("L2", 2)], "T1")
    order = shop.does(RecordDespatch(order.id, "3PL", "D1", [parcel], "UPS", location="B"))
    assert "A to pick 3 × TEA" in shop.waits


def test_of_what_left_in_part_before_it_was_claimed_only_the_rest_is_held() -> None:
    shop = Shop()
    shop.orders(tea(1), customer_reference="PO-7")
    order = shop.orders(tea(4), customer_reference="PO-7")
    assert order.claims == {}, "it is held for review"
    parcel = DespatchedParcel([("L1", 3)], "T1")
    shop.does(RecordDespatch(order.id, "3PL", "D1", [parcel], "UPS", location="B"))
    shop.does(ReleaseHold(order.id, order.active_holds[0].id))
    assert shop.held() == {"A": 2}


def test_a_fulfiller_may_repeat_that_it_has_sent_more_than_it_was_asked_to() -> None:
    shop = Shop({("TEA", "B"): 5, ("CUP", "B"): 5}, fulfillers={"B": "ACME"})
    order = shop.orders(tea(4), OrderLine("CUP", 3))
    parcel = DespatchedParcel([("L1", 5)], "T1")
    shop.does(RecordDespatch(order.id, "ACME", "D1", [parcel], "UPS", location="B"))
    shop.does(CancelLines(order.id, {"L2": 1}))
    order = shop.does(CancelLines(order.id, {"L2": 1}))
    assert [case.code for case in order.open_cases] == ["despatch.beyond_tolerance"]
    assert order.line_status("L2").by_kind["cancelled"] == 2


# -- shortage ----------------------------------------------------------------------------------------------------------


def test_an_order_of_which_nobody_has_anything_is_cancelled_as_a_whole() -> None:
    shop = Shop({("TEA", "A"): 1, ("CUP", "A"): 1}, shortage=lambda order, line_id: "cancel")
    order = shop.orders(tea(2), OrderLine("CUP", 4))
    shop.does(Reroute(order.id, location="A"))
    assert shop.order.state == "cancelled"
    assert shop.held() == {}


@pytest.mark.parametrize(
    ("choice", "state"), [("reject", "rejected"), ("hold", "acknowledged"), ("cancel", "cancelled")]
)
def test_a_pre_order_that_nobody_can_serve_is_not_verified_at_the_same_moment(choice: Any, state: str) -> None:
    shop = Shop({("TEA", "A"): 1}, shortage=lambda order, line_id: choice)
    order = shop.orders(OrderLine("CUP", 2, not_before=date(2026, 12, 15)))
    assert order.state == state
    assert "verified" not in order.milestones


def test_what_a_supplier_ships_is_not_picked_by_us() -> None:
    shop = Shop()
    order = shop.orders(OrderLine("CUP", 2, method="supplier", supplier="ACME"))
    assert shop.refused(StartPicking(order.id, "F1")) == ("fulfillment.not_ours",)
    assert shop.waits == "ACME to send 2 × CUP (fulfillment F1)"


def test_a_substitute_that_nobody_has_is_not_its_own_substitute() -> None:
    shop = Shop({("TEA", "A"): 6}, shortage=lambda order, line_id: Substitute("CUP"))
    order = shop.orders(tea())
    assert [line.sku for line in order.lines.values()] == ["TEA", "CUP"]
    assert [case.about for case in order.open_cases] == ["L2"]


def test_who_waits_for_new_stock_says_so() -> None:
    shop = Shop()
    order = shop.orders(tea(15), complete="order")
    order = shop.does(ResolveException(shop.id, order.open_cases[0].id, "ship_available"))
    assert (order.state, order.open_cases, order.fulfillments) == ("verified", (), {})
    assert shop.waits == "new stock of 4 × TEA to arrive (StockArrived)"


def test_what_nobody_had_and_was_cancelled_for_it_is_confirmed_as_rejected() -> None:
    shop = Shop(shortage=lambda order, line_id: "cancel")
    order = shop.orders(tea(15), OrderLine("POT", 2), OrderLine("CUP", 60))
    assert order.confirmation is not None
    assert [(line.line_id, int(line.quantity), line.answer) for line in order.confirmation.lines] == [
        ("L1", 11, "accepted"),
        ("L1", 4, "rejected"),
        ("L2", 2, "accepted"),
        ("L3", 50, "accepted"),
        ("L3", 10, "rejected"),
    ]


# -- checks, expiry, stated prices -------------------------------------------------------------------------------------

CREDIT = Check("credit", "the bank")


@pytest.mark.parametrize("taken", [9, 11])
def test_what_is_picked_within_the_tolerance_needs_no_other_check(taken: int) -> None:
    shop = Shop({("TEA", "A"): 20}, checks=(CREDIT,))
    order = shop.orders(tea(10, under="10", over="10"))
    shop.does(RecordCheck(order.id, "credit", True))
    short = {"L1": "damaged"} if taken < 10 else {}
    order = shop.picks("F1", goods=[("L1", taken)], short=short)
    assert order.active_holds == ()
    assert order.checks["credit"].passed


def test_what_goods_weigh_needs_no_other_check() -> None:
    shop = Shop({("HAM", "A"): 20}, prices={"HAM": "14.90"}, checks=(CREDIT,))
    order = shop.orders(OrderLine("HAM", 10, "piece", measure_unit="kg", estimated_measure="12.0"))
    shop.does(RecordCheck(order.id, "credit", True))
    shop.picks("F1")
    for pieces, weight in ((4, "4.9"), (6, "7.4")):
        shop.does(PackParcel(order.id, "F1", [Goods("L1", Decimal(pieces), measured=Decimal(weight))]))
    shop.does(BookShipment(order.id, ["P1"]), DespatchShipment(order.id, "S1"))
    order = shop.does(BookShipment(order.id, ["P2"]), DespatchShipment(order.id, "S2"))
    assert order.active_holds == ()
    assert str(order.total) == "183.27 EUR"


def test_an_amendment_still_asks_for_the_check_again() -> None:
    shop = Shop(checks=(CREDIT,))
    order = shop.orders(tea(5))
    shop.does(RecordCheck(order.id, "credit", True))
    order = shop.does(AmendOrder(order.id, {"L1": 6}))
    assert [hold.code for hold in order.active_holds] == ["verification.check_open"]


def test_a_check_that_is_not_passed_after_all_stops_the_work() -> None:
    shop = Shop(checks=(CREDIT,))
    order = shop.orders(tea(5))
    shop.does(RecordCheck(order.id, "credit", True))
    order = shop.does(RecordCheck(order.id, "credit", False, note="stolen card"))
    assert shop.refused(StartPicking(order.id, "F1")) == ("hold.active",)
    order = shop.does(ResolveException(order.id, order.open_cases[0].id, "override"))
    assert order.active_holds == ()
    shop.picks("F1")


def test_an_order_whose_confirmation_the_buyer_refused_expires_as_well() -> None:
    shop = Shop(expire_after=timedelta(hours=24), buyer_must_agree=lambda order, lines: True)
    order = shop.orders(tea(5))
    shop.does(RefuseConfirmation(order.id, reason="too dear"))
    shop.clock.advance(timedelta(hours=25))
    shop.flow.run_due()
    assert shop.order.state == "cancelled"
    assert shop.held() == {}


@pytest.mark.parametrize("included", [True, False])
def test_a_stated_price_with_tax_is_compared_with_the_price_of_the_goods_alone(included: bool) -> None:
    prices = {"tax": "0.19", "tax_included": included, "shipping": "5.90"}
    shop = Shop(price_list=prices)
    with_tax = "9.90" if included else "11.781"
    order = shop.orders(tea(3, price=Money(with_tax, "EUR"), price_with_tax=True))
    assert order.state == "verified"
    order = shop.orders(tea(3, price=Money("8.31", "EUR"), price_with_tax=False))
    told = "9.90 EUR with tax" if included else "9.90 EUR without tax"
    assert [hold.note for hold in order.active_holds] == [f"TEA: 8.31 EUR without tax was stated, {told} is quoted"]


@pytest.mark.parametrize("with_tax", [True, False, None])
def test_a_stated_price_of_measured_goods_is_by_what_they_measure(with_tax: bool | None) -> None:
    shop = Shop({("HAM", "A"): 20}, prices={"HAM": "14.90"})
    price = Money("14.90", "EUR")
    order = shop.orders(
        OrderLine("HAM", 10, "piece", measure_unit="kg", estimated_measure="12", price=price, price_with_tax=with_tax)
    )
    assert order.state == "verified"


# -- authority ---------------------------------------------------------------------------------------------------------


def test_the_inventory_is_not_waited_for_where_stock_is_decided_by_others() -> None:
    shop = Shop(authority=Authority(stock="theirs"))
    order = shop.orders(tea(3))
    shop.does(RecordAnswer(order.id, "claim/C1/1", StockHeld(1, Decimal(2), "A")))
    assert shop.waits == "whoever decides about stock to answer levels/1 (RecordAnswer)"


# -- what is told, what is put away ------------------------------------------------------------------------------------


def test_the_customer_hears_why_an_order_was_rejected_or_cancelled() -> None:
    shop = Shop(automatic=STANDARD.automatic - {"verify"})
    for command in (RejectOrder, CancelOrder):
        order = shop.orders(tea(1))
        shop.does(command(order.id, reason="we do not deliver to islands"))
        assert shop.mail.sent[-1].body["reason"] == "we do not deliver to islands"


def test_only_a_serial_that_was_picked_is_put_away() -> None:
    shop = Shop()
    order = shop.orders(OrderLine("POT", 2), tea(1))
    shop.picks("F1", goods=[Goods("L1", Decimal(2), serials=("s1", "s2")), ("L2", 1)])
    shop.does(CancelLines(order.id, {"L1": 1}))
    unknown = RecordPutAway(order.id, "F1", [Goods("L1", Decimal(1), serials=("s9",))])
    assert shop.refused(unknown) == ("put_away.serial_not_there",)
    order = shop.does(RecordPutAway(order.id, "F1", [Goods("L1", Decimal(1), serials=("s2",))]))
    assert order.put_away == {}
