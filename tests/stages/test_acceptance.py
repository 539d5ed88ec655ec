"""An order is received, recorded word for word, and answered for."""

from __future__ import annotations

from datetime import date, datetime

import attrs
import pytest

from orderflow.charges import RoundingRule
from orderflow.commands import (
    AcknowledgeOrder,
    CancelOrder,
    PlaceHold,
    PlaceOrder,
    RejectOrder,
    ReleaseHold,
    TimePassed,
)
from orderflow.defaults import STANDARD
from orderflow.errors import InvalidInput
from orderflow.ledger import CANCELLED, OPEN, Move
from orderflow.messages import Envelope
from orderflow.order import Line, Reason, Terms
from orderflow.stages.acceptance import OrderAcknowledged, OrderLine, OrderPlaced, OrderRejected, PlacedLine
from orderflow.stages.communication import MessageQueued, MessageSuperseded
from orderflow.stages.stock import ClaimWanted
from orderflow.tracking import Scan
from orderflow.values import Address, FrozenMap, Money, Quantity
from tests.scenario import ADA, BERLIN, ID, NOW, D, Life, a_place_order, given, placed

BY_HAND = attrs.evolve(STANDARD, automatic=STANDARD.automatic - {"acknowledge"})
TOLD = {"order": ID, "name": "Ada Krull", "lines": "2 × TEA-250, 1 × POT-1"}


def test_an_order_is_placed_acknowledged_claimed_and_told_in_one_change() -> None:
    given().when(a_place_order()).then(
        OrderPlaced(
            NOW,
            tenant="main",
            channel="main",
            reference=ID,
            order_id=ID,
            currency="EUR",
            lines=(PlacedLine(Line("L1", "TEA-250"), D(2)), PlacedLine(Line("L2", "POT-1"), D(1))),
            state="placed",
            ship_to=BERLIN,
            customer=ADA,
            terms=Terms(zone="UTC", method="carrier"),
            rounding=RoundingRule(),
        ),
        OrderAcknowledged(NOW, "acknowledged"),
        ClaimWanted(NOW, "C1", "L1", 1, D(2)),
        ClaimWanted(NOW, "C2", "L2", 1, D(1)),
        MessageQueued(NOW, "M1", "order_placed", "", "email", "ada@example.org", "en", FrozenMap(TOLD)),
    )


def test_what_the_customer_says_of_a_line_and_of_the_order_is_kept_word_for_word() -> None:
    line = OrderLine(
        "TEA-250",
        "4.250",
        "kg",
        price=Money("8.50", "EUR"),
        deliver_by=date(2026, 12, 1),
        instructions=["no tape"],
        requirements=["organic"],
    )
    life = placed(lines=[line], deliver_by=date(2026, 12, 24), instructions=["ring twice"], reference="PO-7")
    order = life.order
    assert (order.reference, order.instructions) == ("PO-7", ("ring twice",))
    assert order.lines["L1"] == Line(
        "L1",
        "TEA-250",
        "kg",
        Money("8.50", "EUR"),
        Terms(deliver_by=date(2026, 12, 1)),
        ("no tape",),
        ("organic",),
    )
    assert order.terms_of("L1").deliver_by == date(2026, 12, 1)
    assert order.terms_of("L1").method == "carrier"
    assert order.ledger.ordered("L1") == D("4.25")


def test_a_pair_may_give_a_quantity_with_its_unit() -> None:
    assert placed(lines=[("FLOUR", Quantity("2.5", "kg"))]).order.lines["L1"].unit == "kg"


def test_every_mistake_of_the_input_is_told_at_once_with_its_path() -> None:
    with pytest.raises(InvalidInput) as invalid:
        PlaceOrder(
            [("TEA-250", 1.5), ("POT-1", -1), ("CUP", "NaN"), ("", 1), "a cup", ("BOWL", 0), ("JAR", True)],
            "EURO",
            ship_to="Berlin",  # type: ignore[arg-type]
            customer=7,  # type: ignore[arg-type]
            deliver_by=datetime(2026, 12, 1),
            zone="Europe/Atlantis",
            method="pigeon",
        )
    assert {violation.path: violation.code for violation in invalid.value.violations} == {
        "lines[0].quantity": "number.float",
        "lines[1].quantity": "quantity.not_positive",
        "lines[2].quantity": "number.not_finite",
        "lines[3].sku": "id.empty",
        "lines[4]": "acceptance.not_a_line",
        "lines[5].quantity": "quantity.not_positive",
        "lines[6].quantity": "number.not_a_number",
        "currency": "money.unknown_currency",
        "ship_to": "address.not_an_address",
        "customer": "party.not_a_party",
        "deliver_by": "time.not_a_day",
        "zone": "time.unknown_zone",
        "method": "terms.unknown_method",
    }


@pytest.mark.parametrize("number", [D("NaN"), D("Infinity"), D("-Infinity"), float("nan"), float("inf"), "inf"])
def test_a_quantity_that_is_no_finite_number_is_refused(number: object) -> None:
    with pytest.raises(InvalidInput) as invalid:
        a_place_order(lines=[("TEA-250", number)])
    assert [violation.path for violation in invalid.value.violations] == ["lines[0].quantity"]


def test_an_order_without_lines_is_no_order() -> None:
    with pytest.raises(InvalidInput) as invalid:
        a_place_order(lines=[])
    assert invalid.value.codes == ("shape.too_few",)


def test_a_bad_address_tells_everything_that_is_amiss() -> None:
    with pytest.raises(InvalidInput) as invalid:
        Address("US", " ", postal_code="1234")
    assert {violation.path for violation in invalid.value.violations} == {"lines[0]"}
    with pytest.raises(InvalidInput) as invalid:
        Address("US", "1 Main St", postal_code="1234")
    assert {violation.path for violation in invalid.value.violations} == {"postal_code", "region", "city"}


def test_a_moment_without_a_zone_is_refused_wherever_it_comes_in() -> None:
    naive = datetime(2026, 12, 1)
    for said in (
        lambda: Envelope(naive),
        lambda: PlaceHold(ID, "credit", expires_at=naive),
        lambda: Scan("T1", "delivered", naive),
    ):
        with pytest.raises(InvalidInput) as invalid:
            said()
        assert invalid.value.codes == ("time.naive",)


def test_carried_goods_without_an_address_are_refused_for_each_line() -> None:
    lines = [OrderLine("TEA-250", 1), OrderLine("GIFT-CARD", 1, method="digital"), OrderLine("POT-1", 1)]
    given().when(a_place_order(lines=lines, ship_to=None)).refused(
        ("acceptance.no_address", "lines[0].ship_to"), ("acceptance.no_address", "lines[2].ship_to")
    )


def test_what_is_not_carried_needs_no_address() -> None:
    assert placed(ship_to=None, method="pick_up").order.state == "acknowledged"


def test_an_address_of_each_line_is_enough() -> None:
    assert placed(ship_to=None, lines=[OrderLine("TEA-250", 1, ship_to=BERLIN)]).order.state == "acknowledged"


def test_the_rules_of_one_tier_are_all_told() -> None:
    line = OrderLine("TEA-250", 1, price=Money("9", "USD"), deliver_by=date(2026, 12, 1), not_before=date(2026, 12, 2))
    given().when(a_place_order(lines=[line], ship_to=None)).refused(
        ("acceptance.no_address", "ship_to"),
        ("acceptance.other_currency", "lines[0].price"),
        ("acceptance.days_reversed", "lines[0].deliver_by"),
    )


def test_a_line_may_not_be_wanted_before_the_orders_first_day() -> None:
    line = OrderLine("TEA-250", 1, deliver_by=date(2026, 12, 1))
    given().when(a_place_order(lines=[line], not_before=date(2026, 12, 5))).refused(
        ("acceptance.days_reversed", "lines[0].deliver_by")
    )


def test_by_hand_an_order_waits_and_nothing_is_asked_of_anyone() -> None:
    life = placed(BY_HAND)
    assert life.happened == ["OrderPlaced", "MessageQueued"]
    assert life.asks == ("send/M1",)
    given(life).when(AcknowledgeOrder(ID)).then(
        OrderAcknowledged(NOW, "acknowledged"),
        ClaimWanted(NOW, "C1", "L1", 1, D(2)),
        ClaimWanted(NOW, "C2", "L2", 1, D(1)),
    )


def test_a_rejected_order_is_cancelled_in_every_unit_and_its_claims_are_released() -> None:
    life = placed()
    told = FrozenMap(TOLD | {"reason": "we do not deliver there"})
    given(life).when(RejectOrder(ID, "we do not deliver there")).then(
        OrderRejected(
            NOW,
            "rejected",
            (Move("L1", OPEN, CANCELLED, D(2)), Move("L2", OPEN, CANCELLED, D(1))),
            "we do not deliver there",
        ),
        ClaimWanted(NOW, "C1", "L1", 2, D(0)),
        ClaimWanted(NOW, "C2", "L2", 2, D(0)),
        MessageQueued(NOW, "M2", "order_rejected", "", "email", "ada@example.org", "en", told),
        MessageSuperseded(NOW, "M1", "order_rejected"),
    )
    life.reply_all()
    assert life.asks == ()
    assert life.told == [("order_placed", "superseded"), ("order_rejected", "sent")]
    assert all(claim.is_settled and not claim.held for claim in life.order.claims.values())


def test_an_order_that_is_not_acknowledged_yet_can_be_rejected_or_cancelled() -> None:
    assert placed(BY_HAND).do(RejectOrder(ID)).order.state == "rejected"
    life = placed(BY_HAND).do(CancelOrder(ID))
    assert (life.order.state, life.order.claims) == ("cancelled", {})


def test_the_reason_of_the_envelope_serves_where_the_command_has_none() -> None:
    life = placed()
    outcome = life.process.carry_out(life.order, RejectOrder(ID), Envelope(NOW, reason="test order"))
    assert outcome.events[0].reason == "test order"  # type: ignore[attr-defined]


def test_a_customer_who_wants_no_messages_gets_none() -> None:
    assert placed(customer=None).order.messages == {}
    assert placed(customer="Ada").order.messages == {}


def test_time_that_passes_over_a_quiet_order_changes_nothing() -> None:
    life = Life().do(a_place_order()).reply_all().at(days=400)
    before = life.order
    assert life.do(TimePassed(ID)).events == ()
    assert life.order is before


def test_a_price_below_nothing_is_refused_with_its_path() -> None:
    with pytest.raises(InvalidInput) as invalid:
        OrderLine("TEA-250", 1, price=Money(-1, "EUR"))
    assert [(violation.code, violation.path) for violation in invalid.value.violations] == [
        ("acceptance.negative_price", "price")
    ]


@pytest.mark.parametrize("price", [None, Money(0, "EUR"), Money("0.01", "EUR")])
def test_what_is_given_away_may_cost_nothing(price: Money | None) -> None:
    assert OrderLine("TEA-250", 1, price=price).price == price


def test_an_order_is_rejected_for_several_reasons_which_it_keeps() -> None:
    reasons = [("embargo", "we may not deliver there"), "no_credit", Reason("other")]
    life = placed().do(RejectOrder(ID, reasons=reasons))
    assert life.order.rejected_for == (
        Reason("embargo", "we may not deliver there"),
        Reason("no_credit"),
        Reason("other"),
    )
    assert life.events[0].reason == "we may not deliver there; no_credit; other"  # type: ignore[attr-defined]
    assert placed().do(RejectOrder(ID, "sorry", reasons=["no_credit"])).events[0].reason == "sorry"  # type: ignore[attr-defined]


def test_a_reason_that_is_none_is_told_with_its_path() -> None:
    with pytest.raises(InvalidInput) as invalid:
        RejectOrder(ID, reasons=["fine", ("a/b", 7), 5])  # type: ignore[list-item]
    assert [violation.path for violation in invalid.value.violations] == [
        "reasons[1].code",
        "reasons[1].text",
        "reasons[2].code",
    ]


def test_a_repeated_customer_reference_is_held_for_review_and_claims_nothing_until_then() -> None:
    life = placed(customer_reference="PO-7", repeats=["A-9", "A-10"])
    (hold,) = life.order.active_holds
    assert (hold.code, hold.blocks) == ("acceptance.repeated_reference", ("claim", "verify"))
    assert hold.note == "PO-7 is also the customer's number of A-9, A-10"
    assert life.order.state == "acknowledged"
    assert life.order.claims == {}

    life.do(ReleaseHold(ID, "H1")).reply_all()
    assert (life.order.state, life.order.active_holds) == ("verified", ())


def test_how_much_a_repeated_reference_weighs_is_policy() -> None:
    def weighing(severity: str) -> Life:
        severities = {"acceptance.repeated_reference": severity}
        return Life(attrs.evolve(STANDARD, severities=severities))

    again = a_place_order(customer_reference="PO-7", repeats=["A-9"])
    assert weighing("error").refusal(again) == [("acceptance.repeated_reference", "customer_reference")]
    assert "WarningRecorded" in weighing("warning").do(again).happened
    ignored = weighing("ignored").do(again)
    assert "WarningRecorded" not in ignored.happened
    assert ignored.order.holds == {}


def test_an_order_is_found_by_the_customers_own_number_of_it() -> None:
    assert "customer_reference:PO-7" in placed(customer_reference="PO-7").order.labels
    assert not any(label.startswith("customer") for label in placed().order.labels)
