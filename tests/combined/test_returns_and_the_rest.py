"""Returns meet money, losses, parcels and what was read off the goods: what each of them alone would not show."""

from __future__ import annotations

from typing import Any

import attrs

from orderflow.commands import (
    AuthorizeReturn,
    BookShipment,
    DespatchShipment,
    DisposeReturn,
    PackParcel,
    ReceiveReturn,
    RecordPick,
    RecordTracking,
    RequestReturn,
    ResolveException,
    StartPicking,
)
from orderflow.order import Goods, ReturnLine
from orderflow.policy import Policy
from orderflow.ports import ReceiveStock
from orderflow.stages.returns_disposition import Disposition
from tests.scenario import ID, ONE_PLACE, D, Life, delivered, eur, picked, scan

CHARGED_ON_DELIVERY = attrs.evolve(ONE_PLACE, charge_on="delivery")


def two_parcels(policy: Policy = ONE_PLACE, *arrived: str) -> Life:
    """Two packets in each of two parcels, both despatched; some have arrived."""
    life = picked(policy, lines=[("TEA-250", 4)]).do(PackParcel(ID, "F1", [("L1", 2)]), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, ["P1"], service="a"), BookShipment(ID, ["P2"], service="a")).reply_all()
    life.do(DespatchShipment(ID, "S1"), DespatchShipment(ID, "S2")).reply_all()
    return life.do(*(RecordTracking(ID, [scan("delivered", f"T-{one}-1", 30)]) for one in arrived)).reply_all()


def choose(life: Life, option: str) -> Life:
    return life.do(ResolveException(ID, life.case.id, option)).reply_all()


def sent(life: Life, line_id: str) -> Life:
    """The goods of a further line are sent, and arrive."""
    work = next(id for id, work in life.order.fulfillments.items() if line_id in work.planned)
    life.do(StartPicking(ID, work), RecordPick(ID, work), PackParcel(ID, work)).reply_all()
    parcel, shipment = list(life.order.parcels)[-1], f"S{len(life.order.shipments) + 1}"
    life.do(BookShipment(ID, [parcel], service="a")).reply_all().do(DespatchShipment(ID, shipment)).reply_all()
    return life.do(RecordTracking(ID, [scan("delivered", f"T-{shipment}-1", 200)])).reply_all()


def documents(life: Life) -> list[tuple[str, str]]:
    return [(one.kind, str(one.total)) for one in life.order.settlement.documents.values()]


# -- what is charged on delivery ------------------------------------------------------------------------------------


def test_what_a_carrier_brings_back_never_arrived_and_is_not_charged() -> None:
    life = two_parcels(CHARGED_ON_DELIVERY, "S1").do(ReceiveReturn(ID, parcel_id="P2")).reply_all()
    assert documents(life) == [("charge", "18.20 EUR")]
    choose(life, "refund").do(DisposeReturn(ID, "R1")).reply_all()
    assert documents(life) == [("charge", "18.20 EUR")], "what was never charged is not credited either"
    assert life.order.balance.payable == life.order.total == eur("18.20")


def test_what_came_back_and_is_sent_once_more_is_charged_when_that_arrives() -> None:
    life = choose(two_parcels(CHARGED_ON_DELIVERY, "S1").do(ReceiveReturn(ID, parcel_id="P2")).reply_all(), "reship")
    life.do(DisposeReturn(ID, "R1")).reply_all()
    assert documents(life) == [("charge", "18.20 EUR")]
    assert documents(sent(life, "L2")) == [("charge", "18.20 EUR"), ("charge", "18.20 EUR")]


def test_what_came_back_and_is_sent_back_to_the_customer_is_charged() -> None:
    life = choose(two_parcels(CHARGED_ON_DELIVERY, "S1").do(ReceiveReturn(ID, parcel_id="P2")).reply_all(), "refund")
    life.do(DisposeReturn(ID, "R1", [("L1", 1, "send_back"), ("L1", 1, "scrap")])).reply_all()
    assert documents(life) == [("charge", "18.20 EUR"), ("charge", "9.10 EUR")]
    assert life.order.total == eur("27.30")


def test_what_was_refunded_as_lost_and_comes_back_is_never_charged() -> None:
    life = two_parcels(CHARGED_ON_DELIVERY, "S1")
    choose(life.do(RecordTracking(ID, [scan("unknown", "T-S2-1", 40, reason="lost")])).reply_all(), "refund")
    life.do(ReceiveReturn(ID, parcel_id="P2"), DisposeReturn(ID, "R1")).reply_all()
    assert documents(life) == [("charge", "18.20 EUR")]
