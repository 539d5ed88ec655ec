"""Orders that others have begun, and the money for them: what they have billed is not billed again, by whomever."""

from __future__ import annotations

from itertools import permutations

import attrs
import pytest

from orderflow.charges import TaxGroup
from orderflow.commands import (
    BookShipment,
    CancelLines,
    ChargeFee,
    DespatchShipment,
    PackParcel,
    RecordFacts,
    RecordPick,
    StartPicking,
)
from orderflow.facts import Despatched, Fact, Invoiced
from orderflow.order import Order
from orderflow.policy import Policy
from orderflow.ports import Quote
from orderflow.stages.observation import AdoptOrder
from tests.scenario import ID, NOW, ONE_PLACE, D, Life, an_adoption, eur, quoted

WE_BILL = attrs.evolve(ONE_PLACE, charge_on="despatch")
SIX_SENT = Despatched("ERP", "D7", [{"L1": 6}], occurred_at=NOW, location="HAM")
SIX_BILLED = Invoiced("ERP", "I-77", {"L1": 6}, amount=eur("59.40"))
AGREED = Quote((quoted("L1", 10, "9.90"),))


def ours(*facts: Fact) -> AdoptOrder:
    return an_adoption(theirs=["price", "messages"], agreed=AGREED, facts=facts)


def adopted(*facts: Fact, policy: Policy = WE_BILL) -> Life:
    """Six of ten have left elsewhere; the rest, and what is charged from now on, is ours."""
    return Life(policy).do(ours(*facts)).reply_all()


def sent(life: Life) -> Life:
    """The rest leaves from here."""
    (work,) = (one.id for one in life.order.fulfillments.values() if life.order.work_left(one.id))
    life.do(StartPicking(ID, work), RecordPick(ID, work), PackParcel(ID, work), BookShipment(ID)).reply_all()
    return life.do(DespatchShipment(ID)).reply_all()


def charged(order: Order) -> list[tuple[str, str, str]]:
    """What was raised: by kind, for how many units, for how much."""
    documents = order.settlement.documents.values()
    return [(one.kind, str(sum(line.quantity for line in one.lines)), str(one.total)) for one in documents]


def test_what_others_have_billed_is_not_charged_again() -> None:
    life = adopted(SIX_SENT, SIX_BILLED)
    assert charged(life.order) == []
    assert (str(life.order.balance.payable), str(life.order.total)) == ("39.60 EUR", "99.00 EUR")

    sent(life)

    assert charged(life.order) == [("charge", "4", "39.60 EUR")]
    assert (str(life.order.balance), life.order.balance.difference.is_zero) == (
        "unpaid · payable 39.60 EUR · paid 0.00 EUR · outstanding 39.60 EUR",
        True,
    )


def test_what_others_sent_and_did_not_bill_is_ours_to_charge() -> None:
    assert charged(adopted(SIX_SENT).order) == [("charge", "6", "59.40 EUR")]


def test_an_invoice_of_others_that_is_told_late_takes_back_what_we_charged_and_its_correction_charges_it() -> None:
    life = adopted(SIX_SENT).do(RecordFacts(ID, [SIX_BILLED]))
    assert charged(life.order) == [("charge", "6", "59.40 EUR"), ("credit", "6", "59.40 EUR")]
    life.do(RecordFacts(ID, [Invoiced("ERP", "I-77", {"L1": 5}, revision=2)]))
    assert charged(life.order)[2:] == [("charge", "1", "9.90 EUR")]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_in_whatever_order_others_tell_the_same_is_to_be_paid(order: tuple[int, ...]) -> None:
    told = (SIX_SENT, SIX_BILLED, Invoiced("ERP", "I-78", {"L1": 1}))
    life = adopted()
    for index in order:
        life.do(RecordFacts(ID, [told[index]])).reply_all()
    assert str(life.order.balance.payable) == "29.70 EUR"
    assert str(life.order.balance.charged - life.order.balance.credited) == "0.00 EUR"


def test_what_is_cancelled_was_ours_to_charge_first() -> None:
    life = adopted(SIX_SENT, SIX_BILLED).do(CancelLines(ID)).reply_all()
    assert life.order.total == eur("59.40")
    assert (charged(life.order), life.order.balance.payable) == ([], eur(0))


def test_fees_of_ours_are_charged_beside_invoices_of_others() -> None:
    life = adopted(SIX_SENT, SIX_BILLED).do(ChargeFee(ID, "express", eur(5), TaxGroup("S", D("0.19"))))
    assert charged(life.order) == [("charge", "1", "5.95 EUR")]


def test_when_we_charge_is_frozen_into_an_adopted_order_unless_others_settle_it() -> None:
    assert adopted().order.settlement.charge_on == "despatch"
    theirs = Life(WE_BILL).do(an_adoption(agreed=AGREED, facts=(SIX_SENT, SIX_BILLED)))
    assert (theirs.order.settlement.charge_on, charged(theirs.order)) == ("", [])
