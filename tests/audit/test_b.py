"""Found by auditing shipping, tracking, exceptions, promises and communication together: lives that went wrong."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest

from orderflow import (
    BookShipment,
    CancelLines,
    DespatchShipment,
    RecordDespatch,
    RecordPick,
    ResolveException,
    Scan,
    StartPicking,
)
from orderflow.calendars import PromiseCalendar, SendingLocation
from orderflow.errors import PortUnavailable
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.advices import DespatchedParcel
from tests.audit.shop_b import Shop

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
