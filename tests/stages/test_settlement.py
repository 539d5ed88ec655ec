"""What is told of documents and payments, what is refused nowhere, and what a host cannot ask for."""

from __future__ import annotations

import attrs
import pytest

from orderflow.commands import (
    BookShipment,
    CancelOrder,
    ChargeFee,
    ConfirmOrder,
    DeliverDigital,
    RecordCash,
    RecordPayment,
    RecordRefund,
)
from orderflow.consignment import SharedBox
from orderflow.defaults import STANDARD
from orderflow.errors import InvalidInput
from orderflow.policy import Policy
from orderflow.process import OrderProcess
from orderflow.texts import render
from orderflow.values import Money
from tests.scenario import ID, ONE_PLACE, Life, despatched, eur, packed, placed, verified
from tests.stages.test_confirmation import ASKING


def charging(on: str, policy: Policy = ONE_PLACE) -> Policy:
    return attrs.evolve(policy, charge_on=on)


def test_an_order_is_charged_once_it_is_confirmed_and_the_buyer_has_agreed() -> None:
    life = verified(charging("order", ASKING))
    assert life.order.confirmation is not None
    assert life.order.confirmation.word == "waits"
    assert not life.order.settlement.documents


def test_an_order_that_somebody_confirms_is_charged_then() -> None:
    by_hand = attrs.evolve(charging("order"), automatic=STANDARD.automatic - {"confirm"})
    life = verified(by_hand)
    assert not life.order.settlement.documents
    life.do(ConfirmOrder(ID, [("L1", 2), ("L2", 1)]))
    assert list(life.order.settlement.documents) == ["I1"]


def test_the_customer_gets_the_invoice_and_after_the_end_the_credit_note() -> None:
    life = verified(charging("order"))
    assert ("charge_raised", "sent") in life.told
    life.do(CancelOrder(ID)).reply_all()
    assert ("credit_raised", "sent") in life.told
    told = {message.kind: message for message in life.order.messages.values()}
    credit = told["credit_raised"]
    assert dict(credit.body) == {
        "order": ID,
        "name": "Ada Krull",
        "document": "CN1",
        "lines": "2 × TEA-250 and 1 × POT-1",
        "amount": "46.76 EUR",
        "tax": "5.76 EUR",
        "cites": "I1",
    }
    assert render("credit_raised", "de", credit.body).subject == f"Gutschrift CN1 zu Ihrer Bestellung {ID}"
    assert "46.76 EUR" in str(render("charge_raised", "en", told["charge_raised"].body))


def test_who_is_to_pay_first_is_told_what_and_not_any_more_once_it_is_paid() -> None:
    waiting = attrs.evolve(ONE_PLACE, paid_first="paid")
    life = verified(waiting)
    assert ("payment_awaited", "sent") in life.told
    assert [message.subject for message in life.order.messages.values() if message.kind == "payment_awaited"] == [
        "46.76 EUR"
    ]
    life.do(RecordPayment(ID, "bank", "1", eur("46.76")))
    assert "FulfillmentPlanned" in life.happened


def test_digital_goods_wait_for_payment_too() -> None:
    waiting = attrs.evolve(ONE_PLACE, paid_first="paid", automatic=STANDARD.automatic | {"deliver_digital"})
    life = verified(waiting, lines=[("EBOOK", 1)], method="digital")
    assert life.codes(DeliverDigital(ID)) == ["payment.awaited"]
    life.do(RecordPayment(ID, "bank", "1", eur("10.00")))
    assert "GoodsHandedOver" in life.happened


def test_digital_goods_are_charged_when_they_are_sent() -> None:
    life = verified(charging("delivery"), lines=[("EBOOK", 1)], method="digital").do(DeliverDigital(ID))
    assert [one.total for one in life.order.settlement.documents.values()] == [eur("10.00")]


def test_what_is_told_twice_happens_once() -> None:
    told = RecordPayment(ID, "bank", "1", eur("5.00"))
    life = verified().do(told).do(told)
    assert life.events == ()
    refund = RecordRefund(ID, "bank", "r", eur("5.00"))
    assert life.do(refund).do(refund).events == ()


def test_what_does_not_fit_is_kept_and_flagged() -> None:
    life = verified().do(
        RecordPayment(ID, "bank", "1", Money("5.00", "USD")),
        RecordPayment(ID, "bank", "2", eur("5.00")),
        RecordPayment(ID, "bank", "2", eur("6.00")),
        RecordPayment(ID, "bank", "2", eur("6.00"), "voided"),
    )
    assert [one.code for one in life.order.anomalies] == [
        "payment.other_currency",
        "payment.contradicted",
        "payment.captured_after_all",
    ]
    assert life.order.balance.paid == eur("6.00")
    life.do(RecordPayment(ID, "bank", "2", eur("5.00"), revision=1))
    assert "payment.contradicted" not in [one.code for one in life.order.anomalies]


def test_a_box_that_orders_share_is_not_paid_on_delivery() -> None:
    in_cash = attrs.evolve(ONE_PLACE, on_delivery=lambda order: True)
    box = SharedBox("BOX-7", "8.2", {ID: 1, "B-2": 1})
    life = packed(in_cash).do(BookShipment(ID, service="parcel", shared=box))
    assert life.order.shipments["BOX-7"].request.collect is None
    assert life.order.to_collect == {}


def test_a_carrier_is_waited_for_until_it_has_handed_the_cash_over() -> None:
    in_cash = attrs.evolve(ONE_PLACE, on_delivery=lambda order: True)
    life = despatched(in_cash)
    waits = [str(wait) for wait in _waits(life)]
    assert "DHL to collect 46.76 EUR (shipment S1)" in waits
    life.do(RecordCash(ID, "S1", "DHL", "1", eur("46.76")))
    assert "DHL to hand over 46.76 EUR in cash (shipment S1)" in [str(wait) for wait in _waits(life)]
    life.do(RecordCash(ID, "S1", "DHL", "2", eur("46.76"), "remitted"))
    assert not [wait for wait in _waits(life) if "cash" in wait.what or "collect" in wait.what]


def _waits(life: Life) -> list[object]:
    return [w for stage in life.process.stages for w in stage.awaits(life.order, life.process.policy)]


def test_charges_are_frozen_into_an_order_when_it_is_placed() -> None:
    life = placed(charging("despatch"))
    assert life.order.settlement.charge_on == "despatch"
    life.process = OrderProcess(ONE_PLACE)
    assert life.order.settlement.charge_on == "despatch"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"charge_on": "friday"}, "charge_on"),
        ({"paid_first": "soon"}, "paid_first"),
        ({"credit_on": "never"}, "credit_on"),
        ({"exchange_on": "disposed"}, "exchange_on"),
    ],
)
def test_a_moment_that_nobody_knows_is_no_policy(changes: dict[str, str], path: str) -> None:
    with pytest.raises(InvalidInput) as invalid:
        OrderProcess(attrs.evolve(STANDARD, **changes))
    assert [(v.code, v.path) for v in invalid.value.violations] == [("policy.unknown_moment", path)]


def test_amounts_that_are_none_are_told_with_their_path() -> None:
    with pytest.raises(InvalidInput) as invalid:
        ChargeFee(ID, "", eur(0), "standard")  # type: ignore[arg-type]
    assert [(v.code, v.path) for v in invalid.value.violations][1:] == [
        ("settlement.not_positive", "amount"),
        ("settlement.not_a_tax_group", "tax_group"),
    ]
    with pytest.raises(InvalidInput) as invalid:
        RecordPayment(ID, "bank", "1", eur(-1), "sent", revision=-1)
    assert [(v.code, v.path) for v in invalid.value.violations] == [
        ("number.negative", "amount"),
        ("settlement.unknown_state", "state"),
        ("settlement.not_a_revision", "revision"),
    ]
