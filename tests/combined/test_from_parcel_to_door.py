"""From the parcel to the door: shipping, tracking, exceptions, promises and messages, met together in one order."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest

from orderflow import (
    BookShipment,
    CancelLines,
    DespatchShipment,
    PackParcel,
    RecordCollection,
    RecordDespatch,
    RecordPick,
    RecordTracking,
    Scan,
    StartPicking,
    VoidShipment,
)
from orderflow.calendars import PromiseCalendar, SendingLocation
from orderflow.consignment import SharedBox
from orderflow.errors import PortUnavailable
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.advices import DespatchedParcel
from tests.combined.shop import Shop

FIVE_DAYS = PromiseCalendar(
    locations={"BER": SendingLocation("Europe/Berlin", cut_off=time(14), country="DE")}, transit={("", ""): 5}
)


def sent(contents: Any, number: str = "", **more: Any) -> DespatchedParcel:
    return DespatchedParcel(contents, number, **more)


# -- shipping -------------------------------------------------------------------------------------------------------


def test_cancelling_what_stayed_behind_leaves_the_booking_to_what_has_left() -> None:
    shop = Shop()
    shop.place(("TEA", 2))
    shop.pick_pack("F1", [("L1", 1)], [("L1", 1)])
    shop.do(BookShipment("A-1"), DespatchShipment("A-1", parcel_ids=["P1"]), CancelLines("A-1", {"L1": 1}))
    assert shop.goods == {"L1": {"shipped:P1": 1, "cancelled": 1}}
    assert shop.carrier.bookings == {"B1": "booked"}
    assert shop.scan("P1", "delivered").state == "completed"


@pytest.mark.parametrize(
    ("location", "parcels", "on_hand"),
    [
        ("", [[("L1", 6)], [("L1", 4)]], {"BER": 0, "HAM": 1}),
        ("HAM", [[("L1", 10)]], {"BER": 6, "HAM": -5}),
        ("BER", [[("L1", 10)]], {"BER": -4, "HAM": 5}),
    ],
)
def test_what_others_sent_from_several_locations_is_held_nowhere_any_more(
    location: str, parcels: list[Any], on_hand: dict[str, int]
) -> None:
    shop = Shop({("TEA", "BER"): 6, ("TEA", "HAM"): 5})
    shop.place(("TEA", 10))
    assert shop.goods == {"L1": {"allocated:F1": 6, "allocated:F2": 4}}
    told = [sent(goods, f"X{number}") for number, goods in enumerate(parcels, 1)]
    shop.do(RecordDespatch("A-1", "3PL", "D1", told, "UPS", location=location))
    shop.flow.observe(*(Scan(parcel.tracking_number, "delivered", shop.clock()) for parcel in told))
    assert shop.order.state == "completed"
    assert {place: int(shop.stock.on_hand("TEA", place)) for place in on_hand} == on_hand
    assert shop.stock.held("TEA") == 0


def test_a_carrier_is_chosen_that_keeps_the_promise_of_what_is_in_the_parcel() -> None:
    soon = PromiseCalendar(
        locations={"BER": SendingLocation("Europe/Berlin", cut_off=time(14), country="DE")}, transit={("", ""): 1}
    )
    shop = Shop(promise=soon)
    shop.place(("TEA", 1), OrderLine("POT", 1, deliver_by=date(2026, 12, 24)), zone="Europe/Berlin")
    shop.pick_pack("F1", [("L1", 1)], [("L2", 1)])
    shop.do(BookShipment("A-1", ["P1"]), BookShipment("A-1", ["P2"]))
    assert [shop.order.shipments[shipment].service for shipment in ("S1", "S2")] == ["express", "standard"]


def test_an_advice_about_a_parcel_that_we_sent_ourselves_is_no_news() -> None:
    shop = Shop()
    shop.place(("TEA", 4))
    shop.pick_pack("F1", [("L1", 1)], [("L1", 3)])
    shop.do(BookShipment("A-1"), DespatchShipment("A-1", parcel_ids=["P1"]))
    first, second = (parcel.tracking_number for parcel in shop.order.parcels.values())
    told = [sent([("L1", 1)], first), sent([("L1", 3)], second)]
    shop.do(RecordDespatch("A-1", "WH", "D1", told[:1], location="BER"))
    for _ in range(2):
        shop.do(RecordDespatch("A-1", "WH", "D2", told, location="BER"))
    assert shop.order.anomalies == ()
    assert shop.goods == {"L1": {"shipped:P1": 1, "shipped:P2": 3}}
    assert shop.cases == []
    assert shop.stock.on_hand("TEA") == 96


def test_whoever_took_a_booking_is_awaited_by_its_name() -> None:
    shop = Shop()
    shop.place()
    shop.pick_pack()
    shop.do(BookShipment("A-1", service="standard"))
    assert shop.waits == ["PARCELCO to collect P1 (shipment S1)"]
    shop.do(DespatchShipment("A-1"))
    shop.scan("P1", "out_for_delivery")
    (told,) = [message for message in shop.mailbox.sent if message.kind == "out_for_delivery"]
    assert told.body["carrier"] == "PARCELCO"


SSCC = "340123450000000017"


def test_a_parcel_without_a_tracking_number_is_followed_by_its_sscc() -> None:
    shop = Shop()
    shop.place(("TEA", 2))
    shop.do(RecordDespatch("A-1", "3PL", "D1", [sent([("L1", 2)], sscc=SSCC)], "DHL"))
    shop.flow.observe(Scan(SSCC, "delivered", shop.clock()))
    assert shop.order.state == "completed"


def test_a_parcel_that_nobody_knows_by_a_number_can_be_delivered() -> None:
    shop = Shop()
    shop.place(("TEA", 2))
    shop.do(RecordDespatch("A-1", "3PL", "D1", [sent([("L1", 2)])], "our van"))
    assert shop.do(RecordTracking("A-1", [Scan("P1", "delivered", shop.clock())])).state == "completed"


def test_every_parcel_under_one_number_is_delivered_by_it() -> None:
    shop = Shop()
    shop.place(("TEA", 4))
    shop.do(RecordDespatch("A-1", "3PL", "D1", [sent([("L1", 2)], "X1"), sent([("L1", 1)], "X1")], "DHL"))
    shop.do(RecordDespatch("A-1", "3PL", "D2", [sent([("L1", 1)], "X1")], "DHL"))
    shop.flow.observe(Scan("X1", "delivered", shop.clock()))
    assert shop.goods == {"L1": {"delivered:P1": 2, "delivered:P2": 1, "delivered:P3": 1}}
    assert shop.order.state == "completed"


# -- exceptions -----------------------------------------------------------------------------------------------------


def test_what_a_carrier_cancels_on_the_way_is_a_case() -> None:
    shop = Shop()
    shop.place(("TEA", 2))
    shop.leave()
    shop.scan("P1", "cancelled")
    assert shop.cases == ["delivery.cancelled"]
    shop.scan("P1", "in_transit")
    assert shop.cases == []


def test_an_order_of_which_all_comes_back_and_was_refunded_is_over() -> None:
    shop = Shop()
    shop.place(("TEA", 2))
    shop.leave()
    shop.scan("P1", "return_to_sender")
    order = shop.choose("refund")
    assert (order.state, str(order.total)) == ("completed", "0.00 EUR")


# -- communication --------------------------------------------------------------------------------------------------


def test_an_order_that_was_delivered_is_not_told_so_again_because_an_extra_unit_turns_up() -> None:
    shop = Shop()
    shop.place(("TEA", 2))
    shop.leave()
    shop.scan("P1", "on_hold", reason="lost")
    shop.choose("reship")
    shop.leave("F2")
    assert shop.scan("P2", "delivered").state == "completed"
    shop.later(days=1)
    shop.scan("P1", "delivered")
    assert shop.cases == ["delivery.extra"]
    assert shop.choose("customer_keeps").state == "completed"
    assert shop.told["order_delivered"] == 1


def test_nothing_is_still_to_come_when_one_of_two_replaced_parcels_turns_up() -> None:
    shop = Shop()
    shop.place(("TEA", 2))
    shop.pick_pack("F1", [("L1", 1)], [("L1", 1)])
    shop.do(BookShipment("A-1"), DespatchShipment("A-1"))
    shop.scan("P1", "on_hold", reason="lost")
    shop.choose("reship")
    shop.scan("P2", "return_to_sender")
    shop.choose("reship")
    for work in ("F2", "F3"):
        shop.leave(work)
    for parcel in ("P3", "P4"):
        shop.scan(parcel, "delivered")
    assert shop.told["parcel_delivered"] == 1
    shop.scan("P1", "delivered")
    assert (shop.told["parcel_delivered"], shop.told["order_delivered"]) == (1, 1)


def test_the_customer_hears_that_nothing_could_be_cancelled() -> None:
    shop = Shop({("TEA", "HAM"): 50}, fulfillers={"HAM": "ACME"})
    shop.place(("TEA", 4))
    shop.acme.pack(shop.acme.queue[0])
    before = len(shop.mailbox.sent)
    shop.do(CancelLines("A-1", {"L1": 2}))
    assert shop.goods == {"L1": {"allocated:F1": 4}}
    assert len(shop.mailbox.sent) == before + 1


def test_what_was_delivered_with_the_order_is_no_news_when_some_of_it_is_sent_again() -> None:
    shop = Shop()
    shop.place(("TEA", 2))
    shop.leave()
    shop.scan("P1", "delivered")
    shop.later(hours=1)
    shop.scan("P1", "unknown", reason="damaged")
    assert shop.told["order_delivered"] == 1
    shop.choose("reship")
    assert shop.told["parcel_delivered"] == 0
    shop.leave("F2")
    shop.later(hours=1)
    assert shop.scan("P2", "delivered").state == "completed"
    assert shop.told["order_delivered"] == 2


# -- promises -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["refund", "reship"])
def test_what_was_made_good_is_not_told_late(option: str) -> None:
    shop = Shop(promise=FIVE_DAYS)
    shop.place(("TEA", 2), ("POT", 1), zone="Europe/Berlin")
    shop.pick_pack("F1", [("L1", 2)], [("L2", 1)])
    shop.do(BookShipment("A-1"), DespatchShipment("A-1"))
    shop.scan("P1", "in_transit", reason="lost")
    shop.choose(option)
    if option == "reship":
        shop.leave("F2")
        shop.scan("P3", "delivered")
    assert shop.scan("P2", "delivered").state == "completed"
    shop.later(days=12)
    assert "delivery_delayed" not in shop.told


def test_what_is_wanted_on_the_very_day_is_not_late_from_the_start() -> None:
    shop = Shop()
    order = shop.place(("TEA", 1), zone="Europe/Berlin", deliver_by=date(2026, 11, 23))
    assert order.promises["L1"].deliver == "open"
    shop.later(hours=1)
    assert "delivery_delayed" not in shop.told
    shop.later(hours=15)
    assert (shop.order.promises["L1"].deliver, shop.told["delivery_delayed"]) == ("missed", 1)


def test_goods_to_be_collected_are_in_time_when_they_are_ready_whenever_the_customer_comes() -> None:
    shop = Shop(promise=FIVE_DAYS)
    shop.place(OrderLine("TEA", 1, method="pick_up"), zone="Europe/Berlin")
    assert shop.order.promises["L1"].promise.due == date(2026, 11, 23)
    shop.do(StartPicking("A-1", "F1"), RecordPick("A-1", "F1"))
    shop.later(days=4)
    assert (shop.order.promises["L1"].ship, shop.order.promises["L1"].deliver) == ("kept", "kept")
    shop.do(RecordCollection("A-1", "F1"))
    promise = shop.order.promise_of("L1")
    assert promise is not None
    assert (promise.deliver, promise.days_late) == ("kept", 0)
    assert "delivery_delayed" not in shop.told


def test_goods_to_be_collected_that_are_not_ready_are_told_late_when_they_should_be() -> None:
    shop = Shop(promise=FIVE_DAYS)
    shop.place(OrderLine("TEA", 1, method="pick_up"), zone="Europe/Berlin")
    assert "delivery_delayed" not in shop.told
    shop.later(hours=4, minutes=1)
    assert (shop.order.promises["L1"].deliver, shop.told["delivery_delayed"]) == ("at_risk", 1)


# -- messages that cannot be sent -----------------------------------------------------------------------------------


class Down:
    """A mail port that can be down."""

    def __init__(self, port: Any) -> None:
        self.port, self.is_up = port, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.port, name)

    def send(self, request: Any) -> Any:
        if not self.is_up:
            raise PortUnavailable("down")
        return self.port.send(request)


def test_an_order_is_completed_while_the_mail_is_down_for_days() -> None:
    shop = Shop(mail=Down)
    shop.mail.is_up = False
    shop.place()
    shop.leave()
    shop.later(days=3)
    assert set(shop.cases) == {"port.gave_up"}
    assert shop.scan("P1", "delivered").state == "completed"
    shop.mail.is_up = True
    shop.later(hours=1)
    shop.choose("try_again")
    assert shop.order.open_cases == ()
    assert shop.told == {"order_placed": 1, "order_delivered": 1}


def test_nobody_reads_that_all_has_arrived_once_it_went_back() -> None:
    shop = Shop(mail=Down)
    shop.place()
    shop.leave()
    shop.mail.is_up = False
    shop.scan("P1", "delivered")
    shop.scan("P1", "return_to_sender")
    shop.mail.is_up = True
    shop.later(hours=2)
    assert (shop.told["return_to_sender"], shop.told["order_delivered"]) == (1, 0)


def test_goods_to_be_collected_say_nothing_of_a_parcel() -> None:
    shop = Shop(mail=Down)
    shop.place(("TEA", 1), OrderLine("POT", 1, method="pick_up"))
    shop.leave("F1")
    shop.mail.is_up = False
    shop.scan("P1", "delivery_failed", reason="absent")
    shop.do(StartPicking("A-1", "F2"), RecordPick("A-1", "F2"))
    shop.mail.is_up = True
    shop.later(hours=2)
    assert (shop.told["delivery_failed"], shop.told["ready_for_pickup"]) == (1, 1)


def test_a_parcel_with_goods_of_two_works_makes_neither_of_them_smaller() -> None:
    shop = Shop({("TEA", "HAM"): 50}, fulfillers={"HAM": "ACME"})
    shop.place(("TEA", 4))
    told = [sent([("L1", 1)], "X1"), sent([("L1", 3)], "X2")]
    shop.do(RecordDespatch("A-1", "ACME", "D1", told, "DHL", location="HAM"))
    for number in ("X1", "X2"):
        shop.flow.observe(Scan(number, "in_transit", shop.clock(), reason="lost"))
        shop.choose("reship")
    both = [sent([("L2", 1), ("L3", 3)], "X3")]
    shop.do(RecordDespatch("A-1", "ACME", "D2", both, "DHL", location="HAM"))
    assert [work.revision for work in shop.order.works.values()] == [1, 1, 1]


# -- what travels under one number --------------------------------------------------------------------------------


def test_what_the_master_number_said_before_a_parcel_left_says_nothing_of_it() -> None:
    shop = Shop()
    shop.place(("TEA", 2))
    shop.pick_pack("F1", [("L1", 1)], [("L1", 1)])
    master = shop.do(BookShipment("A-1")).shipments["S1"].booking.tracking_number  # type: ignore[union-attr]
    shop.do(DespatchShipment("A-1", parcel_ids=["P1"]))
    shop.flow.observe(Scan(master, "delivered", shop.clock()))
    shop.later(hours=3)
    shop.do(DespatchShipment("A-1", "S2"))
    assert shop.goods == {"L1": {"delivered:P1": 1, "shipped:P2": 1}}
    shop.flow.observe(Scan(master, "delivered", shop.clock() - timedelta(hours=2)))
    assert shop.goods == {"L1": {"delivered:P1": 1, "shipped:P2": 1}}, "it comes late, and tells of an earlier time"
    shop.flow.observe(Scan(master, "delivered", shop.clock() + timedelta(hours=1)))
    assert shop.goods == {"L1": {"delivered:P1": 1, "delivered:P2": 1}}


def test_units_that_nobody_ordered_are_not_replaced_when_they_are_lost() -> None:
    shop = Shop()
    shop.place(("TEA", 10))
    shop.do(RecordDespatch("A-1", "3PL", "D1", [sent([("L1", 12)], "X1")], "DHL"))
    shop.choose("customer_keeps")
    shop.flow.observe(Scan("X1", "on_hold", shop.clock(), reason="lost"))
    shop.choose("reship")
    assert shop.goods["L2"] == {"allocated:F2": 10}


def test_an_order_hears_that_the_box_that_it_shares_was_voided() -> None:
    shop = Shop()
    shop.place(("TEA", 2))
    shop.place(("POT", 2), order_id="B-1")
    for order_id in ("A-1", "B-1"):
        shop.do(StartPicking(order_id, "F1"), RecordPick(order_id, "F1"), PackParcel(order_id, "F1"))
        box = SharedBox("BOX-7", "8.2", {"A-1": "5.1", "B-1": "3.1"})
        shop.do(BookShipment(order_id, service="standard", shared=box))
    shop.do(VoidShipment("A-1", "BOX-7"))
    shop.choose("void_booking")
    assert shop.carrier.bookings == {"B1": "voided"}
    assert shop.flow.get("B-1").shipments["BOX-7"].stage != "booked"
