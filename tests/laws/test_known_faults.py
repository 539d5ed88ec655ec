"""Faults that the laws found, each as small as it can be told. A test here turns strict when its fault is mended."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from orderflow import commands as c
from orderflow.charges import RoundingRule
from orderflow.defaults import STANDARD
from orderflow.explain import explain
from orderflow.messages import Command
from orderflow.order import Booking, Order
from orderflow.policy import Policy
from orderflow.ports import Booked, Deferred, GaveUp, Level, Levels, Quote, Rate, Rates, Refused, Request, StockHeld
from orderflow.process import OrderProcess, pending
from orderflow.values.address import Address
from orderflow.values.money import Money
from tests.laws.chance import Chance
from tests.laws.lives import BEGUN, Living
from tests.laws.world import priced

_HOME = Address("DE", "Hauptstr. 1", city="Berlin", postal_code="10115")
_YES = Chance(b"")


class Told(Living):
    """A life as it is told, step by step."""

    def __init__(self, *lines: tuple[str, str], policy: Policy = STANDARD) -> None:
        super().__init__(OrderProcess(policy), honest=True)
        self.now = BEGUN
        self.does(c.PlaceOrder(lines or (("TEA", "3"),), "EUR", _HOME, order_id="A-1"))

    @property
    def is_(self) -> Order:
        assert self.order is not None
        return self.order

    def does(self, *commands: Command) -> Told:
        """Commands that are accepted."""
        for command in commands:
            self.now += timedelta(minutes=1)
            step = self.give(command)
            assert step.refused is None, step.refused
        return self

    def wanted(self, request_id: str) -> Request:
        """The pending request of this id."""
        return next(one.request for one in pending(self.is_) if one.request.id == request_id)

    def hears(self, request: Request | str, reply: Any) -> Told:
        """An answer."""
        self.answer(self.wanted(request) if isinstance(request, str) else request, reply)
        return self

    def everyone_answers(self) -> Told:
        """Every pending request is granted."""
        for _ in range(20):
            wanted = [one for one in pending(self.is_) if not one.repeats]
            if not wanted:
                return self
            self.answer(wanted[0].request, self.world.does(wanted[0].request, _YES, self.now))
        raise AssertionError("never at rest")

    def is_packed(self) -> Told:
        """Everything that is planned is in one parcel."""
        ids = ("A-1", next(reversed(self.is_.fulfillments)))
        return self.does(c.StartPicking(*ids), c.RecordPick(*ids), c.PackParcel(*ids))


def booked(number: str) -> Booked:
    return Booked(Booking(number, "DHL", "express", f"T-{number}"))


EXPRESS = c.BookShipment("A-1", carrier="DHL", service="express")


def test_goods_that_have_left_are_not_cancelled_by_settling_a_case() -> None:
    told = Told()
    told.hears("claim/C1/1", StockHeld(1, Decimal(3), "BER")).everyone_answers().is_packed()
    told.does(EXPRESS).everyone_answers().does(c.AmendOrder("A-1", {"L1": 5}))
    told.hears("claim/C1/2", StockHeld(2, Decimal(3), "BER")).everyone_answers().does(c.DespatchShipment("A-1", "S1"))
    assert told.is_.line_status("L1").by_kind["shipped"] == 3

    told.give(c.ResolveException("A-1", "X1", "cancel_order"))

    assert told.is_.line_status("L1").by_kind.get("shipped") == 3


def test_a_late_booking_leaves_parcels_alone_that_travel_with_another_shipment() -> None:
    told = Told().everyone_answers().is_packed().does(EXPRESS)
    first = told.wanted("book/S1/1")
    told.hears(first, GaveUp(8)).does(c.ResolveException("A-1", "X1", "not_booked"), EXPRESS)
    told.hears("book/S2/1", booked("B2"))
    assert (told.is_.parcels["P1"].tracking_number, told.is_.parcels["P1"].state) == ("T-B2", "booked")

    told.hears(first, booked("B1")).everyone_answers()

    assert (told.is_.parcels["P1"].tracking_number, told.is_.parcels["P1"].state) == ("T-B2", "booked")
    told.does(c.DespatchShipment("A-1", "S2"))


def test_a_repeated_refusal_of_the_first_booking_is_not_taken_for_the_answer_to_the_second() -> None:
    told = Told().everyone_answers().is_packed().does(EXPRESS)
    first = told.wanted("book/S1/1")
    told.hears(first, Refused("full")).does(c.ResolveException("A-1", "X1", "try_again"))
    assert told.wanted("book/S1/2")

    told.hears(first, Refused("full"))

    assert told.is_.shipments["S1"].stage == "requested"


def test_a_hold_on_booking_stops_a_booking_whose_rates_arrive_later() -> None:
    told = Told().everyone_answers().is_packed().does(c.BookShipment("A-1"))
    rates = told.wanted("rates/S1")
    told.does(c.PlaceHold("A-1", "review", blocks=("book",)))

    told.hears(rates, Rates((Rate("DHL", "express", Money(9, "EUR")),)))

    assert not [one for one in pending(told.is_) if one.request.id.startswith("book/")]


def test_giving_up_on_what_nobody_wants_any_more_asks_nobody_to_choose() -> None:
    told = Told()
    first = told.wanted("claim/C1/1")
    told.does(c.AmendOrder("A-1", {"L1": 2})).hears("claim/C1/2", StockHeld(2, Decimal(2), "BER"))

    told.hears(first, GaveUp(8))

    assert not list(told.is_.open_cases)


def test_a_ticket_for_what_nobody_wants_any_more_runs_out_silently() -> None:
    told = Told()
    told.hears("claim/C1/1", Deferred("T1", told.now + timedelta(hours=1), told.now + timedelta(hours=2)))
    told.does(c.AmendOrder("A-1", {"L1": 2})).hears("claim/C1/2", StockHeld(2, Decimal(2), "BER"))
    told.now += timedelta(days=1)

    told.does(c.TimePassed("A-1"))

    assert not list(told.is_.open_cases)


def test_a_request_under_two_tickets_becomes_one_case() -> None:
    told = Told()
    for ticket in ("T1", "T2"):
        told.hears("claim/C1/1", Deferred(ticket, told.now + timedelta(hours=1), told.now + timedelta(hours=2)))
    told.now += timedelta(days=1)

    told.does(c.TimePassed("A-1"))

    assert [case.about for case in told.is_.open_cases] == ["claim/C1/1"]


def test_a_short_line_that_is_amended_to_what_is_there_is_short_no_more() -> None:
    told = Told().hears("claim/C1/1", StockHeld(1, Decimal(2), "BER")).hears("levels/1", Levels(()))
    assert [case.code for case in told.is_.open_cases] == ["stock.short"]

    told.does(c.AmendOrder("A-1", {"L1": 2}))

    assert "line_backordered" not in [event.TAG for event in told.steps[-1].events]
    told.hears("claim/C1/2", StockHeld(2, Decimal(2), "BER"))
    assert not list(told.is_.open_cases)


def test_a_cancelled_order_that_rounds_per_document_owes_nothing() -> None:
    told = Told(("TEA", "1"), ("POT", "1"), policy=attrs.evolve(STANDARD, rounding=RoundingRule(per="document")))
    told.hears("quote", Quote(tuple(priced(line, Decimal(1), "EUR", Decimal("0.005")) for line in ("L1", "L2"))))
    told.does(c.CancelOrder("A-1"))

    assert told.is_.total == Money(0, "EUR")


def test_every_ticket_that_a_port_gives_can_be_answered() -> None:
    told = Told().hears("claim/C1/1", Deferred("jobs/17", BEGUN, BEGUN + timedelta(days=1)))

    told.does(c.RecordReply("A-1", "jobs/17", StockHeld(1, Decimal(3), "BER")))


_LATER: Any = "soon"
_ODD: Any = object()
_LIST: Any = []
_NAIVE = datetime(2026, 3, 9)
BROKEN: dict[str, tuple[str, Any]] = {
    "not a number is held": ("claim/C1/1", StockHeld(1, Decimal("NaN"))),
    "held until a moment without a zone": ("claim/C1/1", StockHeld(1, Decimal(3), "BER", _NAIVE)),
    "held until a word": ("claim/C1/1", StockHeld(1, Decimal(3), "BER", _LATER)),
    "a ticket that is a list": ("claim/C1/1", Deferred(_LIST, BEGUN, BEGUN)),
    "a booking whose estimate is a word": (
        "book/S1/1",
        Booked(Booking("B1", "DHL", "express", "T1", estimate=_LATER)),
    ),
    "a tracking number that is an object": ("book/S1/1", Booked(Booking("B1", "DHL", "express", [_ODD]))),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_reply_with_broken_parts_is_a_case_and_stops_nothing(name: str) -> None:
    request_id, reply = BROKEN[name]
    told = Told()
    if request_id.startswith("book"):
        told.everyone_answers().is_packed().does(EXPRESS)

    told.hears(request_id, reply)

    told.process.attention(told.is_)
    assert str(explain(told.is_, told.process))
    assert [case.code for case in told.is_.open_cases] == ["port.impossible_reply"]


def at(location: str, units: int) -> Level:
    """So much tea."""
    return Level("TEA", location, Decimal(units), Decimal(units))


def test_a_location_that_is_not_to_send_what_it_does_not_hold_either_is_asked_for_nothing_below_nothing() -> None:
    told = Told().everyone_answers().does(c.Reroute("A-1", location="BER"))
    told.hears("levels/1", Levels((at("HAM", 1),))).hears("claim/C1/2", StockHeld(2, Decimal(1), "BER"))
    told.hears("claim/C2/1", StockHeld(1, Decimal(1), "HAM")).does(c.CancelOrder("A-1"))

    assert all(claim.wanted >= 0 for claim in told.is_.claims.values())


def test_a_line_whose_stock_may_not_be_asked_for_is_not_short() -> None:
    by_hand = attrs.evolve(STANDARD, automatic=STANDARD.automatic - {"acknowledge"})
    told = Told(policy=by_hand).does(c.PlaceHold("A-1", "wait", blocks=("claim",)), c.AcknowledgeOrder("A-1"))

    told.everyone_answers()

    assert not list(told.is_.open_cases)
    assert told.is_.line_status("L1").word == "open"


def test_work_names_the_claim_of_its_own_location_before_one_without_a_location() -> None:
    told = Told(("POT", "1"), ("TEA", "3")).hears("claim/C1/1", StockHeld(1, Decimal(1), "BER"))
    told.hears("claim/C2/1", StockHeld(1, Decimal(2))).hears("levels/1", Levels((at("BER", 9),)))

    told.hears("claim/C2/2", StockHeld(2, Decimal(2))).everyone_answers()

    work = {fulfillment.location: dict(fulfillment.claims) for fulfillment in told.is_.fulfillments.values()}
    assert work == {"BER": {"L1": "C1", "L2": "C3"}, "": {"L2": "C2"}}


def test_levels_of_old_do_not_end_the_search_of_another_line() -> None:
    told = Told(("TEA", "3"), ("TEA", "2")).hears("claim/C1/1", StockHeld(1, Decimal(1), "BER"))
    first = told.wanted("levels/1")
    told.hears(first, Levels(())).hears("claim/C2/1", StockHeld(1, Decimal(1), "BER"))

    told.hears(first, Levels(()))

    assert told.wanted("levels/2")


def test_a_search_that_is_reopened_asks_under_a_name_of_its_own() -> None:
    told = Told().hears("claim/C1/1", StockHeld(1, Decimal(1), "BER"))
    first = told.wanted("levels/1")
    told.hears(first, Levels(())).does(c.StockArrived("A-1")).hears("claim/C1/2", StockHeld(2, Decimal(1), "BER"))

    told.hears(first, Levels(()))

    assert told.is_.searches["L1"].asking


def test_the_teller_tells_a_life_that_ends_well() -> None:
    told = Told().everyone_answers().is_packed().does(EXPRESS).everyone_answers()
    told.does(c.DespatchShipment("A-1")).everyone_answers()

    assert told.is_.state == "shipped"
