"""Invoices and credit notes: to the cent, and every cent that differs is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from orderflow import (
    STANDARD,
    Address,
    AmendOrder,
    Authority,
    BookShipment,
    CancelLines,
    CancelOrder,
    ChargeFee,
    Command,
    CommandRefused,
    DespatchShipment,
    GrantGoodwill,
    Money,
    Order,
    OrderFlow,
    OrderLine,
    PackParcel,
    PlaceOrder,
    RecordCash,
    RecordPayment,
    RecordPick,
    RecordRefund,
    RecordTracking,
    ResolveException,
    Scan,
    StartPicking,
    WaiveFee,
)
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.charges import Amounts, RoundingRule, TaxGroup, measured_back
from orderflow.documents import Document
from orderflow.order import Goods
from orderflow.ports import Quote, QuotedLine, QuotePrices, Repeats
from orderflow.stages.settlement import CreditRaised, to_be_raised
from orderflow.values import FrozenMap, Rounding, zero

HOME = Address("DE", "Hauptstr. 1", city="Berlin", postal_code="10115")


def shop(prices: Any = None, policy: Any = None, **more: Any) -> OrderFlow:
    clock = ManualClock(datetime(2026, 11, 23, 9, tzinfo=UTC))
    return OrderFlow(
        inventory=MemoryInventory({"TEA": 50, "BOOK": 50, "HAM": 50}, location="BER", clock=clock),
        pricing=PriceList(prices or {"TEA": "10.03"}, **({"tax": "0.19"} | more)),
        carriers=MemoryCarrier(clock=clock),
        notifications=Mailbox(),
        clock=clock,
        policy=attrs.evolve(STANDARD, **(policy or {"charge_on": "despatch"})),
    )


def does(flow: OrderFlow, *commands: Command) -> Order:
    for command in commands:
        order = flow.handle(command).order
    return order


def picked(flow: OrderFlow, *lines: Any, currency: str = "EUR") -> Order:
    order = does(flow, PlaceOrder(lines or [("TEA", 3)], currency, ship_to=HOME))
    return does(flow, StartPicking(order.id, "F1"), RecordPick(order.id, "F1"))


def leaves(flow: OrderFlow, order: Order, *parcels: Any) -> Order:
    """These goods are packed, parcel by parcel, and leave one after the other; without any, everything does."""
    first = len(order.parcels)
    order = does(flow, *(PackParcel(order.id, "F1", contents and [contents]) for contents in parcels or (None,)))
    for parcel_id in list(order.parcels)[first:]:
        order = does(flow, BookShipment(order.id, [parcel_id]))
        order = does(flow, DespatchShipment(order.id, list(order.shipments)[-1]))
    return order


def eur(amount: Any) -> Money:
    return Money(str(amount), "EUR")


def of(order: Order, kind: str) -> tuple[Document, ...]:
    return order.settlement.of_kind(kind)


def shown(document: Document) -> tuple[str, str, str, str]:
    """Net, tax, the sum, and the cents by which it differs from the quote."""
    amounts = document.amounts
    return tuple(str(one.amount) for one in (amounts.net, amounts.tax, document.total, document.rounding))  # type: ignore[return-value]


def test_three_at_10_03_have_5_72_tax_on_one_invoice_and_1_91_on_each_of_three_with_the_cent_named() -> None:
    with shop() as flow:
        order = leaves(flow, picked(flow))

    (invoice,) = of(order, "charge")
    assert shown(invoice) == ("30.09", "5.72", "35.81", "0.00")
    assert order.balance.difference == eur(0)

    with shop() as flow:
        order = leaves(flow, picked(flow), ("L1", 1), ("L1", 1), ("L1", 1))

    assert [shown(one) for one in of(order, "charge")] == [
        ("10.03", "1.91", "11.94", "0.00"),
        ("10.03", "1.91", "11.94", "0.01"),
        ("10.03", "1.91", "11.94", "0.00"),
    ]
    assert order.total == eur("35.81")
    assert order.balance.payable == eur("35.82")
    assert order.balance.difference == eur("0.01")


def test_three_invoices_are_credited_each_as_it_was_charged() -> None:
    with shop() as flow:
        order = leaves(flow, picked(flow), ("L1", 1), ("L1", 1), ("L1", 1))
        order = lost(flow, order, "P1", "P2", "P3")

    credits = of(order, "credit")
    assert [shown(one)[:3] for one in credits] == [("10.03", "1.91", "11.94")] * 3
    assert [one.lines[0].cites for one in credits] == ["I3", "I2", "I1"]
    assert order.balance.payable == eur(0)


def lost(flow: OrderFlow, order: Order, *parcel_ids: str) -> Order:
    """Parcels are lost, one after the other, and their goods refunded."""
    for parcel_id in parcel_ids:
        at = flow.clock() + timedelta(hours=1)
        number = order.parcels[parcel_id].tracking_number
        order = does(flow, RecordTracking(order.id, [Scan(number, "unknown", at, reason="lost")]))
        (case,) = order.open_cases
        order = does(flow, ResolveException(order.id, case.id, "refund"))
    return order


def test_units_cancelled_before_they_were_charged_are_never_charged() -> None:
    with shop() as flow:
        order = does(flow, PlaceOrder([("TEA", 3)], "EUR", ship_to=HOME))
        order = does(flow, CancelLines(order.id, {"L1": 2}))
        assert not order.settlement.documents
        does(flow, StartPicking(order.id, "F1"), RecordPick(order.id, "F1"))
        order = leaves(flow, order)

    (invoice,) = of(order, "charge")
    assert [(line.line_id, line.quantity) for line in invoice.lines] == [("L1", Decimal(1))]
    assert shown(invoice) == ("10.03", "1.91", "11.94", "0.00")
    assert not of(order, "credit")


def test_what_was_charged_on_the_order_and_is_cancelled_is_credited() -> None:
    with shop(policy={"charge_on": "order"}) as flow:
        order = does(flow, PlaceOrder([("TEA", 3)], "EUR", ship_to=HOME))
        order = does(flow, CancelLines(order.id, {"L1": 1}))
        assert [shown(one)[2] for one in (*of(order, "charge"), *of(order, "credit"))] == ["35.81", "11.94"]
        order = does(flow, AmendOrder(order.id, {"L1": 3}))
        order = does(flow, CancelOrder(order.id))

    assert [shown(one)[2] for one in of(order, "charge")] == ["35.81", "11.94"]
    # the newest price first: the unit that came last is credited first, and then the other two of the three
    assert [shown(one)[2] for one in of(order, "credit")] == ["11.94", "35.81"]
    assert [line.cites for line in of(order, "credit")[1].lines] == ["I1", "I2"]
    assert order.balance.status == "nothing owed"


def test_on_delivery_nothing_is_charged_before_it_arrives_nor_what_was_lost() -> None:
    with shop(policy={"charge_on": "delivery"}) as flow:
        order = leaves(flow, picked(flow), ("L1", 1), ("L1", 1), ("L1", 1))
        assert not order.settlement.documents
        order = arrived(flow, order, "P1")
        assert [shown(one)[2] for one in of(order, "charge")] == ["11.94"]
        order = lost(flow, order, "P2")
        assert len(order.settlement.documents) == 1
        order = arrived(flow, order, "P3")

    assert [shown(one)[2] for one in of(order, "charge")] == ["11.94", "11.94"]
    assert not of(order, "credit")
    assert order.balance.payable == eur("23.88")


def arrived(flow: OrderFlow, order: Order, parcel_id: str) -> Order:
    number = order.parcels[parcel_id].tracking_number
    return does(flow, RecordTracking(order.id, [Scan(number, "delivered", flow.clock())]))


def test_what_is_sent_once_more_is_charged_once_when_it_arrives() -> None:
    with shop(policy={"charge_on": "delivery"}) as flow:
        order = leaves(flow, picked(flow), ("L1", 3))
        at = flow.clock() + timedelta(hours=1)
        order = does(flow, RecordTracking(order.id, [Scan(order.tracking_numbers[0], "unknown", at, reason="lost")]))
        order = does(flow, ResolveException(order.id, order.open_cases[0].id, "reship"))
        does(flow, StartPicking(order.id, "F2"), RecordPick(order.id, "F2"), PackParcel(order.id, "F2"))
        order = does(flow, BookShipment(order.id))
        order = does(flow, DespatchShipment(order.id, "S2"))
        assert not order.settlement.documents
        order = arrived(flow, order, "P2")
        assert [shown(one)[2] for one in of(order, "charge")] == ["35.81"]
        # the parcel that was lost arrives after all: the customer has extra units, and pays nothing for them
        order = does(flow, RecordTracking(order.id, [Scan(order.parcels["P1"].tracking_number, "delivered", at)]))

    assert len(order.settlement.documents) == 1


def test_tax_is_rounded_once_for_each_group_of_a_document() -> None:
    groups = {"BOOK": TaxGroup("reduced", "0.07")}
    with shop({"TEA": "10.03", "BOOK": "0.33"}, tax_groups=groups) as flow:
        order = picked(flow, ("TEA", 1), ("TEA", 1), ("TEA", 1), ("BOOK", 1), ("BOOK", 1))
        order = leaves(flow, order)

    (invoice,) = of(order, "charge")
    assert [(one.group and one.group.code, str(one.base), str(one.tax)) for one in invoice.taxes] == [
        ("standard", "30.09 EUR", "5.72 EUR"),
        ("reduced", "0.66 EUR", "0.05 EUR"),
    ]
    # line by line, the quote comes to 3 x 1.91 and 2 x 0.02
    assert order.total == eur("36.52")
    assert invoice.total == eur("36.52") + invoice.rounding
    assert (str(invoice.rounding), str(order.balance.difference)) == ("0.00 EUR", "0.00 EUR")


def test_where_prices_are_shown_with_tax_the_gross_is_to_be_paid_and_net_is_the_rest() -> None:
    with shop({"TEA": "10.00"}, tax_included=True) as flow:
        order = leaves(flow, picked(flow), ("L1", 1), ("L1", 2))
        assert [shown(one)[:3] for one in of(order, "charge")] == [
            ("8.40", "1.60", "10.00"),
            ("16.81", "3.19", "20.00"),
        ]
        order = lost(flow, order, "P2")

    assert [shown(one)[:3] for one in of(order, "credit")] == [("16.81", "3.19", "20.00")]
    assert order.balance.difference == eur(0)


@pytest.mark.parametrize(
    ("currency", "invoices"),
    [("KWD", ["3.343", "3.344", "3.343"]), ("JPY", ["3", "4", "3"])],
)
def test_invoices_have_the_digits_of_their_currency(currency: str, invoices: list[str]) -> None:
    class Thirds:
        """Ten and a bit for three."""

        repeats = Repeats.DEDUPLICATES

        def quote(self, request: QuotePrices) -> Quote:
            none, whole = zero(currency), Money("10.03", currency)
            (line,) = request.lines
            return Quote((QuotedLine("L1", line.quantity, whole, Amounts(whole, none, none, none)),))

    clock = ManualClock(datetime(2026, 11, 23, 9, tzinfo=UTC))
    with OrderFlow(
        inventory=MemoryInventory({"TEA": 50}, location="BER", clock=clock),
        pricing=Thirds(),
        carriers=MemoryCarrier(clock=clock),
        notifications=Mailbox(),
        clock=clock,
        policy=attrs.evolve(STANDARD, charge_on="despatch", choose_rate=lambda order, shipment, rates: rates[0]),
    ) as flow:
        order = leaves(flow, picked(flow, currency=currency), ("L1", 1), ("L1", 1), ("L1", 1))

    assert [str(one.total.amount) for one in of(order, "charge")] == invoices


@pytest.mark.parametrize(
    ("rule", "total"),
    [
        (RoundingRule(Rounding.HALF_UP), "0.12"),
        (RoundingRule(Rounding.HALF_EVEN), "0.09"),
        (RoundingRule(Rounding.DOWN), "0.09"),
        (RoundingRule(Rounding.HALF_UP, "document"), "0.11"),
    ],
)
def test_charges_round_by_the_rule_of_the_order(rule: RoundingRule, total: str) -> None:
    with shop({"TEA": "0.025"}, {"charge_on": "despatch", "rounding": rule}, tax=0) as flow:
        order = leaves(flow, picked(flow, ("TEA", 1), ("TEA", 1), ("TEA", 1), ("TEA", "1.25")))

    (invoice,) = of(order, "charge")
    assert str(invoice.total.amount) == str(order.total.amount)
    assert str(invoice.total.amount) == total
    assert sum((line.amounts.net.amount for line in invoice.lines), Decimal(0)) == Decimal(total)


def test_goods_by_weight_are_charged_as_they_were_weighed() -> None:
    ham = OrderLine("HAM", 10, "piece", measure_unit="kg", estimated_measure="12.0")
    with shop({"HAM": "14.90"}, tax=0) as flow:
        order = picked(flow, ham)
        order = leaves(
            flow,
            order,
            Goods("L1", Decimal(4), measured=Decimal("4.9")),
            Goods("L1", Decimal(6), measured=Decimal("7.4")),
        )

    assert [shown(one)[2] for one in of(order, "charge")] == ["73.01", "110.26"]
    assert [str(one.lines[0].measure) for one in of(order, "charge")] == ["4.9", "7.4"]


def test_a_piece_that_is_given_back_is_credited_by_what_it_weighs() -> None:
    ham = OrderLine("HAM", 10, "piece", measure_unit="kg", estimated_measure="12.0")
    with shop({"HAM": "14.90"}, tax=0) as flow:
        order = leaves(flow, picked(flow, ham), Goods("L1", Decimal(10), measured=Decimal("12.3")))
    tranches, back = measured_back(order.tranches["L1"], (), Decimal(1), Decimal("1.2"))
    order = order.replace(tranches=FrozenMap({"L1": tranches}), given_back=FrozenMap({"L1": back}))
    (credit,) = to_be_raised(order, order.placed_at)

    assert isinstance(credit, CreditRaised)
    assert [(str(one.quantity), str(one.measure), one.cites) for one in credit.lines] == [("1", "1.2", "I1")]
    assert credit.lines[0].amounts.net == eur("17.88")


def test_goods_by_weight_that_were_charged_by_estimate_are_credited_and_charged_as_they_weigh() -> None:
    ham = OrderLine("HAM", 10, "piece", measure_unit="kg", estimated_measure="12.0")
    with shop({"HAM": "14.90"}, {"charge_on": "order"}, tax=0) as flow:
        order = leaves(flow, picked(flow, ham), Goods("L1", Decimal(10), measured=Decimal("12.3")))

    assert [(one.id, shown(one)[2]) for one in order.settlement.documents.values()] == [
        ("I1", "178.80"),
        ("CN1", "178.80"),
        ("I2", "183.27"),
    ]


def test_others_who_settle_an_order_are_not_disturbed() -> None:
    with shop(policy={"charge_on": "order", "authority": Authority(settlement="theirs")}) as flow:
        order = leaves(flow, picked(flow))
        with pytest.raises(CommandRefused) as refused:
            flow.handle(ChargeFee(order.id, "express", eur("5.00")))

    assert not order.settlement.documents
    assert refused.value.codes == ("settlement.theirs",)


# -- payments ---------------------------------------------------------------------------------------------------------


def test_what_is_owed_follows_from_what_was_charged_and_paid() -> None:
    with shop(policy={"charge_on": "order"}) as flow:
        order = does(flow, PlaceOrder([("TEA", 3)], "EUR", ship_to=HOME))
        words = [order.balance.status]
        for told in (
            RecordPayment(order.id, "stripe", "pi_1", eur("35.81"), "authorized"),
            RecordPayment(order.id, "stripe", "pi_1", eur("20.00")),
            RecordPayment(order.id, "stripe", "pi_1", eur("35.81"), revision=1),
            RecordPayment(order.id, "bank", "2026-4711", eur("1.00")),
            RecordRefund(order.id, "bank", "r-1", eur("1.00")),
            CancelLines(order.id, {"L1": 1}),
            RecordRefund(order.id, "stripe", "re_1", eur("11.94"), "requested"),
            RecordRefund(order.id, "stripe", "re_1", eur("11.94")),
            CancelOrder(order.id),
            RecordRefund(order.id, "stripe", "re_2", eur("23.87")),
        ):
            order = does(flow, told)
            words.append(order.balance.status)

    assert words == [
        "unpaid",
        "authorized",
        "partly paid",
        "paid",
        "overpaid",
        "paid",
        "credit owed",
        "credit owed",
        "paid",
        "credit owed",
        "refunded",
    ]
    assert [f"{entry.what} {entry.reference} {entry.amount}" for entry in order.balance.entries] == [
        "charge I1 35.81 EUR",
        "credit CN1 -11.94 EUR",
        "credit CN2 -23.87 EUR",
        "payment stripe/pi_1 -35.81 EUR",
        "payment bank/2026-4711 -1.00 EUR",
        "refund bank/r-1 1.00 EUR",
        "refund stripe/re_1 11.94 EUR",
        "refund stripe/re_2 23.87 EUR",
    ]


def test_a_refund_that_failed_is_no_refund() -> None:
    with shop(policy={"charge_on": "order"}) as flow:
        order = does(flow, PlaceOrder([("TEA", 3)], "EUR", ship_to=HOME))
        order = does(flow, RecordPayment(order.id, "stripe", "pi_1", eur("35.81")), CancelOrder(order.id))
        order = does(flow, RecordRefund(order.id, "stripe", "re_1", eur("35.81")))
        assert order.balance.status == "refunded"
        order = does(flow, RecordRefund(order.id, "stripe", "re_1", eur("35.81"), "failed"))
        assert "to pay back 35.81 EUR to the customer" in str(flow.explain(order.id))

    assert (order.balance.status, order.balance.credit_owed) == ("credit owed", eur("35.81"))


def test_a_payment_after_the_order_was_cancelled_is_kept_and_owed_back() -> None:
    with shop() as flow:
        order = does(flow, PlaceOrder([("TEA", 3)], "EUR", ship_to=HOME))
        order = does(flow, CancelOrder(order.id), RecordPayment(order.id, "bank", "4711", eur("35.81")))

    assert order.state == "cancelled"
    assert (order.balance.status, order.balance.credit_owed) == ("credit owed", eur("35.81"))


def test_work_begins_by_itself_once_it_is_paid_for() -> None:
    with shop(policy={"paid_first": "paid"}) as flow:
        order = does(flow, PlaceOrder([("TEA", 3)], "EUR", ship_to=HOME))
        assert order.state == "verified"
        assert not order.fulfillments
        told = str(flow.explain(order.id))
        assert "the customer to pay 35.81 EUR before work begins" in told
        assert "the customer is to pay 35.81 EUR first (payment.awaited)" in told
        order = does(flow, RecordPayment(order.id, "bank", "4711", eur("35.80")))
        assert not order.fulfillments
        order = does(flow, RecordPayment(order.id, "bank", "4712", eur("0.01")))
        assert list(order.fulfillments) == ["F1"]

        order = does(flow, AmendOrder(order.id, {"L1": 4}))
        assert list(order.fulfillments) == ["F1"]
        assert order.balance.status == "partly paid"
        order = does(flow, RecordPayment(order.id, "bank", "4713", order.balance.outstanding))

    assert list(order.fulfillments) == ["F1", "F2"]


def test_an_authorization_is_enough_where_the_policy_says_so() -> None:
    with shop(policy={"paid_first": "authorized"}) as flow:
        order = does(flow, PlaceOrder([("TEA", 3)], "EUR", ship_to=HOME))
        assert not order.fulfillments
        order = does(flow, RecordPayment(order.id, "stripe", "pi_1", eur("35.81"), "authorized"))

    assert list(order.fulfillments) == ["F1"]


# -- fees and goodwill ------------------------------------------------------------------------------------------------


def test_fees_and_goodwill_are_charges_of_their_own() -> None:
    standard = TaxGroup("standard", "0.19")
    with shop(policy={"charge_on": "order"}) as flow:
        order = does(flow, PlaceOrder([("TEA", 3)], "EUR", ship_to=HOME))
        order = does(flow, ChargeFee(order.id, "express", eur("10.00"), standard, description="Express handling"))
        order = does(flow, GrantGoodwill(order.id, "late", eur("5.00"), standard))
        assert [shown(one)[2] for one in of(order, "charge")] == ["35.81", "11.90", "-5.00"]
        assert str(of(order, "charge")[2].amounts.tax) == "-0.80 EUR"
        order = does(flow, WaiveFee(order.id, "I2", eur("1.90")), WaiveFee(order.id, "I2"))
        assert [shown(one)[2] for one in of(order, "credit")] == ["1.90", "10.00"]
        assert order.balance.payable == eur("30.81")
        assert order.balance.difference == eur(0)
        with pytest.raises(CommandRefused) as refused:
            flow.handle(WaiveFee(order.id, "I2"))

    assert refused.value.codes == ("settlement.fee_too_low",)


def test_goodwill_is_never_more_than_what_is_to_be_paid() -> None:
    with shop(policy={"charge_on": "order"}) as flow:
        order = does(flow, PlaceOrder([("TEA", 3)], "EUR", ship_to=HOME))
        order = does(flow, RecordPayment(order.id, "bank", "4711", eur("35.81")))
        with pytest.raises(CommandRefused) as refused:
            flow.handle(GrantGoodwill(order.id, "late", eur("35.82")))
        assert refused.value.codes == ("settlement.goodwill_too_high",)
        order = does(flow, GrantGoodwill(order.id, "late", eur("20.00")), RecordRefund(order.id, "bank", "r1", eur(20)))
        order = does(flow, CancelLines(order.id, {"L1": 2}))
        # 11.94 are left to be paid: the goodwill is taken back as far as it goes beyond that
        assert [shown(one)[2] for one in of(order, "credit")] == ["23.87", "-8.06"]
        assert order.balance.payable == eur(0)
        assert order.balance.credit_owed == eur("15.81")
        order = does(flow, CancelOrder(order.id))

    assert order.balance.payable == eur(0)
    assert order.balance.credit_owed == eur("15.81")


# -- cash on delivery -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("charge_on", ["order", "despatch", "delivery", None])
def test_each_shipment_collects_its_own_amount_and_together_what_is_owed(charge_on: str | None) -> None:
    policy = {"charge_on": charge_on, "on_delivery": lambda order: True, "paid_first": "paid"}
    with shop(policy=policy) as flow:
        order = picked(flow)
        does(flow, *(PackParcel(order.id, "F1", [("L1", 1)]) for _ in range(3)))
        order = does(flow, *(BookShipment(order.id, [f"P{n}"]) for n in (1, 2, 3)))
        amounts = order.to_collect
        assert [shipment.request.collect for shipment in order.shipments.values()] == list(amounts.values())
        order = does(flow, *(DespatchShipment(order.id, f"S{n}") for n in (1, 2, 3)))
        assert "PARCELCO to collect 11.94 EUR (shipment S1)" in str(flow.explain(order.id))
        for parcel_id in ("P1", "P2", "P3"):
            order = arrived(flow, order, parcel_id)
        for number, (shipment_id, amount) in enumerate(amounts.items()):
            order = does(flow, RecordCash(order.id, shipment_id, "DHL", f"c{number}", amount))

    assert sum((one.amount for one in amounts.values()), Decimal(0)) == order.balance.payable.amount
    last = "11.94" if charge_on in ("despatch", "delivery") else "11.93"
    assert [str(one.amount) for one in amounts.values()] == ["11.94", "11.94", last]
    assert (order.balance.status, order.balance.owed) == ("paid", eur(0))
    assert not order.anomalies


def test_cash_that_differs_is_flagged() -> None:
    with shop(policy={"charge_on": "despatch", "on_delivery": lambda order: True}) as flow:
        order = leaves(flow, picked(flow))
        assert order.to_collect == {"S1": eur("35.81")}
        order = does(flow, RecordCash(order.id, "S1", "DHL", "c1", eur("35.00")))
        assert [one.code for one in order.anomalies] == ["cash.differs"]
        assert order.balance.status == "partly paid"
        order = does(flow, RecordCash(order.id, "S1", "DHL", "c1", eur("35.81"), revision=1))
        assert not order.anomalies
        order = does(flow, RecordCash(order.id, "S1", "DHL", "m1", eur("30.00"), "remitted"))
        assert [one.code for one in order.anomalies] == ["cash.remitted_differs"]
        order = does(flow, RecordCash(order.id, "S1", "DHL", "m2", eur("5.81"), "remitted"))
        assert not order.anomalies
        order = does(flow, RecordCash(order.id, "S9", "DHL", "c9", eur("1.00")))

    assert [one.code for one in order.anomalies] == ["cash.not_wanted"]
    assert order.balance.status == "overpaid"
