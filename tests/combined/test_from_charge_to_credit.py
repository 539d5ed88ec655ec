"""Where cancellations, losses, returns and goodwill meet: each unit is given back once, and at what it was charged."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from orderflow import (
    AmendOrder,
    AuthorizeReturn,
    BookShipment,
    CancelLines,
    DespatchedParcel,
    DespatchShipment,
    DisposeReturn,
    GrantGoodwill,
    InspectReturn,
    Money,
    OrderFlow,
    OrderLine,
    PlaceOrder,
    ReceiveReturn,
    RecordDespatch,
    RequestReturn,
    ReturnLine,
)
from orderflow.adapters.memory import MemoryInventory, PriceList
from orderflow.ledger import kind_of
from orderflow.tracking import Scan
from tests.combined.shop import HOME, Shop


def credited(shop: Shop) -> list[dict[str, int]]:
    """What returns were given back, event by event."""
    events = (recorded.event for recorded in shop.flow.history("A-1"))
    return [{k: int(v) for k, v in e.quantities.items()} for e in events if type(e).__name__ == "ReturnCredited"]


def arrived(shop: Shop, parcel: str, reason: str = "") -> None:
    """A parcel is delivered, whoever sent it."""
    shop.clock.advance(timedelta(minutes=1))
    shop.flow.observe(Scan(shop.order.parcels[parcel].tracking_number, "delivered", shop.clock(), reason=reason))


def claimed(shop: Shop, units: int) -> None:
    shop.do(RequestReturn("A-1", [("L1", units)], "claim"), AuthorizeReturn("A-1", "R1"))


def returned(shop: Shop, units: int, number: str) -> None:
    shop.do(RequestReturn("A-1", [("L1", units)]))
    shop.do(*(step("A-1", number) for step in (AuthorizeReturn, ReceiveReturn, InspectReturn, DisposeReturn)))


def test_what_comes_back_of_a_parcel_that_was_credited_after_some_of_it_was_returned_is_not_credited_again() -> None:
    """A part was on its way back when the parcel was reported damaged, and the rest was credited."""
    shop = Shop()
    shop.place(("TEA", 9))
    shop.leave()
    shop.scan("P1", "delivered")
    shop.do(RequestReturn("A-1", [("L1", 1)]), AuthorizeReturn("A-1", "R1"))
    shop.scan("P1", "delivered", reason="damaged")
    shop.choose("refund")
    returned(shop, 8, "R2")

    assert shop.order.returns["R2"].settled == {"L1": 8}
    assert credited(shop) == []

    shop.do(ReceiveReturn("A-1", "R1"), InspectReturn("A-1", "R1"), DisposeReturn("A-1", "R1"))
    assert credited(shop) == [{"L1": 1}]
    assert shop.order.total.is_zero


def test_what_was_refunded_as_lost_and_is_returned_leaves_what_is_kept_to_be_paid() -> None:
    """One of two parcels was refunded and found, and goes back with tea that came for nothing; the other is kept."""
    shop = Shop(credit_on="authorized")
    shop.place(("TEA", 4))
    shop.pick_pack("F1", [("L1", 2)], [("L1", 2)])
    shop.do(BookShipment("A-1"), DespatchShipment("A-1"))
    shop.scan("P1", "delivery_failed", reason="lost")
    shop.choose("refund")
    free = DespatchedParcel([("L1", 3)], "X-1")
    shop.do(RecordDespatch("A-1", "ACME", "D1", [free], location="BER"))
    shop.choose("customer_keeps")
    for parcel in ("P1", "P2", "P3"):
        arrived(shop, parcel)
    assert str(shop.order.total) == "19.80 EUR"

    lines = [ReturnLine("L1", 2, parcel_id="P1"), ReturnLine("L1", 3, parcel_id="P3")]
    shop.do(RequestReturn("A-1", lines), AuthorizeReturn("A-1", "R1"))

    assert credited(shop) == []
    assert str(shop.order.total) == "19.80 EUR"


def test_a_claim_for_what_a_loss_refunds_as_well_gives_back_no_more_than_was_paid() -> None:
    shop = Shop()
    shop.place(("TEA", 3))
    shop.leave()
    free = DespatchedParcel([("L1", 2)], "X-1")
    shop.do(RecordDespatch("A-1", "ACME", "D1", [free], location="BER"))
    shop.choose("customer_keeps")
    for parcel in ("P1", "P2"):
        arrived(shop, parcel)
    claimed(shop, 5)
    arrived(shop, "P1", reason="damaged")
    for case in shop.order.open_cases:
        shop.choose("refund", case.code)

    assert credited(shop) == [{"L1": 3}]
    assert shop.order.total.is_zero


def test_what_was_claimed_is_not_refunded_once_more_at_the_cost_of_what_is_still_here() -> None:
    shop = Shop()
    shop.place(("TEA", 5))
    one = DespatchedParcel([("L1", 1)], "X-1")
    shop.do(RecordDespatch("A-1", "ACME", "D1", [one], location="BER"))
    arrived(shop, "P1")
    claimed(shop, 1)
    arrived(shop, "P1", reason="damaged")
    for case in shop.order.open_cases:
        shop.choose("refund", case.code)

    assert str(shop.order.total) == "39.60 EUR"


def test_what_was_refunded_is_not_claimed_once_more_at_the_cost_of_what_is_still_here() -> None:
    shop = Shop()
    shop.place(("TEA", 5))
    one = DespatchedParcel([("L1", 1)], "X-1")
    shop.do(RecordDespatch("A-1", "ACME", "D1", [one], location="BER"))
    arrived(shop, "P1", reason="damaged")
    shop.choose("refund")
    claimed(shop, 1)

    assert str(shop.order.total) == "39.60 EUR"


def test_units_to_be_cancelled_that_others_have_sent_in_another_parcel_have_left() -> None:
    shop = Shop()
    shop.place(("TEA", 1))
    shop.pick_pack()
    shop.do(AmendOrder("A-1", {"L1": "0.25"}))
    assert shop.order.to_be_cancelled

    sent = DespatchedParcel([("L1", 1)], "X-1")
    order = shop.do(RecordDespatch("A-1", "ACME", "D1", [sent], location="BER"))

    assert not order.to_be_cancelled
    assert [kind_of(account) for account, _ in order.ledger.accounts("L1")] == ["shipped"]
    assert order.line_cancellations[-1].declined == {"L1": Decimal("0.75")}


def test_goodwill_that_is_taken_back_whole_has_no_tax_that_it_had_not() -> None:
    """Where the gross amount is what must be right, below zero as well."""
    flow = OrderFlow(inventory=MemoryInventory({"CUP": 9}, location="BER"), pricing=PriceList({"CUP": "10"}))
    order = flow.handle(PlaceOrder([OrderLine("CUP", 2)], "EUR", HOME, order_id="A-1")).order
    flow.handle(GrantGoodwill("A-1", "late", Money("15", "EUR")))
    order = flow.handle(CancelLines("A-1", {"L1": 1})).order

    charge, *_, credit = order.settlement.documents.values()
    assert (charge.reason, credit.kind) == ("goodwill", "credit")
    assert (credit.amounts.charges.amount, credit.amounts.tax.amount, credit.amounts.net.amount) == (Decimal(-5), 0, 0)
    assert order.balance.payable.is_zero
