"""Orders that others have begun, and what they tell about them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from orderflow import facts as f
from orderflow.commands import AmendOrder, CancelLines, CancelOrder, RecordFacts, RecordTracking
from orderflow.defaults import STANDARD
from orderflow.errors import InvalidInput
from orderflow.explain import explain
from orderflow.lifecycle.worked import WITH_FRAUD_REVIEW
from orderflow.policy import Lifecycles
from orderflow.ports import ClaimStock, Quote, StockHeld
from orderflow.values import Money
from tests.scenario import ID, NOW, D, Life, an_adoption, booked, eur, quoted, scan, verified

AGO = NOW - timedelta(days=2)
SENT = f.Despatched("ERP", "D1", [f.Package({"L1": 4}, "1Z1"), f.Package({"L1": 2}, "1Z2")], occurred_at=AGO)
AGREED = Quote((quoted("L1", 10, "8.50", "0.60"),))


def adopted(*told: f.Fact, **changes: Any) -> Life:
    return Life().do(an_adoption(facts=told, **changes))


def says(life: Life, *told: f.Fact) -> Life:
    return life.do(RecordFacts(ID, told))


def codes(life: Life) -> list[str]:
    return [anomaly.code for anomaly in life.order.anomalies]


def test_an_adopted_order_is_as_far_as_others_went() -> None:
    life = adopted()
    assert (life.order.state, life.order.placed_at, life.asks) == ("verified", NOW - timedelta(days=5), ())
    assert life.happened == ["OrderAdopted"]


def test_what_is_open_waits_for_those_who_decide() -> None:
    life = adopted(SENT)
    waits = [str(wait) for wait in explain(life.order, life.process).waiting_for]
    assert "whoever decides about stock to tell what becomes of 4 × TEA-250 (RecordFacts)" in waits


def test_an_order_of_which_nothing_is_theirs_goes_its_way_here() -> None:
    life = adopted(theirs=()).reply_all()
    assert life.order.state == "verified"
    assert life.goods == {"L1": {"allocated:F1": 10}}


def test_nobody_is_told_of_the_past_though_messages_are_ours() -> None:
    life = adopted(SENT, theirs=())
    assert {state for _, state in life.told} == {"withheld"}
    says(life, f.Despatched("ERP", "D2", [f.Package({"L1": 4}, "1Z3")], occurred_at=NOW))
    assert [kind for kind, state in life.told if state == "queued"] == ["shipment_despatched"]


def test_a_host_state_on_the_way_does_not_keep_facts_back() -> None:
    policy = attrs.evolve(STANDARD, lifecycles=Lifecycles(order=WITH_FRAUD_REVIEW))
    life = Life(policy).do(an_adoption(facts=(SENT,)))
    assert (life.order.state, life.order.status.by_kind) == ("in_fulfillment", {"open": 4, "shipped": 6})


def test_the_higher_revision_counts_and_an_equal_one_repeated_changes_nothing() -> None:
    life = says(adopted(), f.Reserved("ERP", "R", {"L1": 4}, 2), f.Reserved("ERP", "R", {"L1": 9}, 1))
    assert life.goods == {"L1": {"open": 6, "allocated:F@": 4}}
    assert says(life, f.Reserved("ERP", "R", {"L1": "4.0"}, 2)).happened == []
    assert says(life, f.Reserved("ERP", "R", revision=3)).goods == {"L1": {"open": 10}}


def test_two_bodies_under_one_revision_are_an_anomaly_until_a_higher_one_says_which() -> None:
    for told in ((4, 5), (5, 4)):
        life = says(adopted(), *(f.Reserved("ERP", "R", {"L1": units}) for units in told))
        assert (life.goods, codes(life)) == ({"L1": {"open": 5, "allocated:F@": 5}}, ["fact.contradicted"])
    assert codes(says(life, f.Reserved("ERP", "R", {"L1": 4}, 2))) == []


def test_documents_of_a_kind_add_up_and_sources_do_not_mix() -> None:
    life = adopted(f.Picked("WMS", "7", {"L1": 3}, location="BER"), f.Picked("3PL", "7", {"L1": 2}, location="HAM"))
    assert life.goods == {"L1": {"open": 5, "picked:F@BER": 3, "picked:F@HAM": 2}}


def test_what_was_picked_has_left_with_the_despatch() -> None:
    assert adopted(f.Picked("WMS", "7", {"L1": 7}), SENT).goods["L1"] == {
        "shipped:P@1Z1": 4,
        "shipped:P@1Z2": 2,
        "picked:F@": 1,
        "open": 3,
    }


def test_one_parcel_told_by_two_sources_is_one_parcel() -> None:
    again = f.Despatched("3PL", "LS-9", [f.Package({"L1": 4}, "1Z1")])
    life = adopted(SENT, again)
    assert (life.order.status.by_kind, codes(life)) == ({"open": 4, "shipped": 6}, [])
    other = f.Despatched("3PL", "LS-9", [f.Package({"L1": 3}, "1Z1")], 2)
    assert codes(says(life, other)) == ["fact.parcel_told_twice"]


def test_a_parcel_that_is_ours_is_not_theirs_to_tell_of() -> None:
    life = booked()
    number = life.order.parcels["P1"].tracking_number
    before = life.goods
    says(life, f.Despatched("ERP", "D1", [f.Package({"L1": 2}, number)]))
    assert (life.goods, codes(life)) == (before, ["fact.own_parcel"])


def test_what_came_back_leaves_its_parcel() -> None:
    life = adopted(SENT, f.Delivered("ERP", "POD", ["D1"], occurred_at=NOW))
    assert life.goods["L1"] == {"delivered:P@1Z1": 4, "delivered:P@1Z2": 2, "open": 4}
    says(life, f.Returned("ERP", "RT", {"L1": 5}, disposition="scrapped"))
    assert life.goods["L1"] == {"delivered:P@1Z2": 1, "open": 4, "scrapped": 5}
    says(life, f.Returned("ERP", "RT", revision=2))
    assert life.goods["L1"] == {"delivered:P@1Z1": 4, "delivered:P@1Z2": 2, "open": 4}


def test_deliveries_are_counted_off_parcel_by_parcel() -> None:
    life = adopted(SENT, f.Delivered("ERP", "POD", quantities={"L1": 5}, occurred_at=NOW))
    assert life.goods["L1"] == {"delivered:P@1Z1": 4, "shipped:P@1Z2": 2, "open": 4}
    assert codes(life) == ["fact.delivered_before_despatch"]


def test_a_delivery_that_is_taken_back_did_not_happen() -> None:
    life = adopted(SENT, f.Delivered("ERP", "POD", ["1Z1"], occurred_at=NOW))
    says(life, f.Delivered("ERP", "POD", revision=2))
    assert life.goods["L1"] == {"shipped:P@1Z1": 4, "shipped:P@1Z2": 2, "open": 4}


def test_carriers_and_others_report_about_the_same_parcel() -> None:
    life = adopted(SENT).do(RecordTracking(ID, [scan("delivered", "1Z1", 5)]))
    says(life, f.Delivered("ERP", "POD", ["1Z1"], occurred_at=NOW))
    assert life.order.parcels["P@1Z1"].tracking.delivered_at == NOW


def test_a_report_of_the_whole_shipment_is_about_all_that_is_in_it() -> None:
    first = f.Despatched("ERP", "D1", [{"L1": 4}], tracking_number="M1")
    life = adopted(first).do(RecordTracking(ID, [scan("delivered", "M1")]))
    assert life.goods["L1"] == {"open": 6, "delivered:P@ERP:D1:1": 4}
    says(life, f.Despatched("ERP", "D1", [{"L1": 4}, {"L1": 2}], 2, tracking_number="M1"))
    assert life.goods["L1"] == {"open": 4, "delivered:P@ERP:D1:1": 4, "delivered:P@ERP:D1:2": 2}


def test_an_order_that_others_cancelled_is_cancelled_until_they_take_it_back() -> None:
    life = adopted(f.Cancelled("ERP", "C", {"L1": 10}))
    assert (life.order.state, life.order.status.word) == ("cancelled", "cancelled")
    says(life, f.Cancelled("ERP", "C", {"L1": 4}, 2))
    assert (life.order.state, life.goods) == ("verified", {"L1": {"open": 6, "cancelled": 4}})


def test_what_others_cancel_is_given_back_and_charged_again_when_it_is_wanted_after_all() -> None:
    life = adopted(agreed=AGREED)
    assert life.order.total == eur("91.00")
    assert says(life, f.Cancelled("ERP", "C", {"L1": 4})).order.total == eur("54.60")
    assert says(life, f.Ordered("ERP", "SO", {"L1": 8})).order.total == eur("36.40")
    assert says(life, f.Ordered("ERP", "SO", {"L1": 10}, 2)).order.total == eur("54.60")
    assert says(life, f.Cancelled("ERP", "C", revision=2)).order.total == eur("91.00")


def test_a_revision_may_bring_a_product_of_its_own() -> None:
    life = adopted(f.Despatched("ERP", "D1", [{"L2": 1}]))
    assert codes(life) == ["fact.unknown_line"]
    says(life, f.Ordered("ERP", "SO", {"L2": 3}, products={"L2": "CUP"}))
    assert (life.order.lines["L2"].sku, life.goods["L2"]) == ("CUP", {"open": 2, "shipped:P@ERP:D1:1": 1})
    assert codes(life) == []


def test_less_is_ordered_than_is_in_our_own_hands() -> None:
    life = says(adopted(theirs=()).reply_all(), f.Ordered("ERP", "SO", {"L1": 8}))
    assert (life.goods, codes(life)) == ({"L1": {"allocated:F1": 10}}, ["fact.ordered_below"])
    assert life.do(CancelLines(ID, {"L1": 3})).order.status.by_kind == {"allocated": 7, "cancelled": 3}
    assert codes(life) == ["fact.ordered_below"]


def test_what_we_add_is_beside_what_others_say_is_ordered() -> None:
    life = adopted(theirs=(), agreed=AGREED).do(AmendOrder(ID, {"L1": 13}))
    assert says(life, f.Ordered("ERP", "SO", {"L1": 12}, 2)).order.ledger.ordered("L1") == 15


def test_an_order_that_we_cancelled_is_not_ordered_anew() -> None:
    life = verified().do(CancelOrder(ID)).reply_all()
    says(life, f.Ordered("ERP", "SO", {"L1": 5}))
    assert (life.order.state, codes(life)) == ("cancelled", ["fact.order_is_over"])


def test_stock_is_claimed_for_what_others_do_not_send() -> None:
    life = adopted(SENT, theirs=("price",), agreed=AGREED)
    assert life.wanted(ClaimStock).quantity == 4
    life.reply_all()
    assert life.goods["L1"] == {"shipped:P@1Z1": 4, "shipped:P@1Z2": 2, "allocated:F2": 4}
    says(life, f.Despatched("ERP", "D1", revision=2)).answer(ClaimStock, lambda r: StockHeld(r.revision, D(10), "BER"))
    assert life.goods["L1"] == {"allocated:F2": 4, "allocated:F3": 6}


def test_a_shipment_of_theirs_is_not_polled_unless_booking_is_ours() -> None:
    assert adopted(SENT).asks == ()
    assert "track/S@ERP:D1" in adopted(SENT, theirs=("price", "stock"), agreed=AGREED).asks


def test_facts_in_another_currency_are_flagged() -> None:
    assert codes(adopted(f.Invoiced("ERP", "I", amount=Money("9", "USD")))) == ["fact.other_currency"]


def test_what_is_invoiced_and_paid_by_others_is_kept() -> None:
    life = adopted(
        f.Invoiced("ERP", "I1", {"L1": 6}, eur("54.60")),
        f.Invoiced("ERP", "I2", {"L1": 2}, eur("18.20")),
        f.Paid("BANK", "7", eur("54.60")),
    )
    observed = life.order.observed
    assert observed is not None
    assert observed.invoiced == {"L1": 8}
    assert (observed.amount(f.Invoiced, "EUR"), observed.amount(f.Paid, "EUR")) == (eur("72.80"), eur("54.60"))
    assert life.goods == {"L1": {"open": 10}}


def test_names_that_no_id_may_have_are_escaped() -> None:
    life = adopted(f.Despatched("ERP", "2026/7 a", [{"L1": 1}]), f.Despatched("E" * 100, "D" * 100, [{"L1": 1}]))
    first, second = life.order.parcels
    assert first == "P@ERP:2026%2F7%20a:1" or second == "P@ERP:2026%2F7%20a:1"
    assert all("/" not in id and len(id) <= 128 for id in (first, second))


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (lambda: f.Ordered("a/b", "", {"L1": -1}, -1), {"id.bad_character", "id.empty", "fact.not_a_revision"}),
        (lambda: f.Reserved("ERP", "R", [("L1", 1)]), {"shape.not_a_map"}),
        (lambda: f.Despatched("ERP", "D", ["P1"]), {"fact.not_a_package"}),
        (lambda: f.Returned("ERP", "R", disposition="eaten"), {"fact.unknown_disposition"}),
        (lambda: f.Ordered("ERP", "S", products=["CUP"]), {"shape.not_a_map"}),
        (lambda: RecordFacts(ID, ["D1"]), {"fact.not_a_fact"}),
        (lambda: an_adoption(theirs=["weather"]), {"adoption.unknown_concern"}),
        (lambda: an_adoption(agreed="cheap"), {"adoption.not_a_quote"}),
    ],
)
def test_what_no_fact_can_be_is_told_at_once(made: Any, told: set[str]) -> None:
    with pytest.raises(InvalidInput) as invalid:
        made()
    assert told <= {violation.code for violation in invalid.value.violations}
