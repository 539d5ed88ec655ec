"""What customers require and which prices they state is held against the order before it is verified."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
import pytest

from orderflow.commands import AmendOrder, ReleaseHold
from orderflow.defaults import STANDARD
from orderflow.errors import Violation
from orderflow.order import Order
from orderflow.policy import Policy
from orderflow.ports import Quote, QuotePrices
from orderflow.stages.acceptance import OrderLine
from tests.scenario import BERLIN, ID, D, Life, amounts, eur, placed, quoted, verified


def organic_is_certified(order: Order, line_id: str | None) -> Iterable[Violation]:
    """Organic goods are certified: ours are teas."""
    skus = [order.lines[line_id].sku] if line_id else [line.sku for line in order.lines.values()]
    for sku in skus:
        if not sku.startswith("TEA"):
            yield Violation("house.not_organic", f"{sku} is not certified", line_id or "", "hold")


KNOWN = attrs.evolve(STANDARD, requirements={"organic": organic_is_certified})


def codes(life: Life) -> list[tuple[str, str]]:
    return [(hold.code, hold.note) for hold in life.order.active_holds]


def test_a_requirement_is_held_against_its_line_or_against_the_order() -> None:
    tea, pot = OrderLine("TEA-250", 1, requirements=["organic"]), OrderLine("POT-1", 1)
    assert verified(KNOWN, lines=[tea, pot]).order.state == "verified"
    of_the_pot = verified(KNOWN, lines=[tea, attrs.evolve(pot, requirements=["organic"])])
    assert codes(of_the_pot) == [("house.not_organic", "POT-1 is not certified")]
    assert of_the_pot.do(ReleaseHold(ID, "H1")).order.state == "verified"
    assert codes(verified(KNOWN, lines=[tea, pot], requirements=["organic"])) == [
        ("house.not_organic", "POT-1 is not certified")
    ]


def test_a_requirement_that_nobody_knows_is_looked_at_by_a_person() -> None:
    life = verified(lines=[OrderLine("TEA-250", 1, requirements=["kosher"])], requirements=["by bicycle"])
    assert codes(life) == [
        ("verification.unknown_requirement", "nobody has said how the requirement 'by bicycle' of the order is met"),
        ("verification.unknown_requirement", "nobody has said how the requirement 'kosher' of TEA-250 is met"),
    ]
    assert life.do(ReleaseHold(ID, "H1")).order.state == "acknowledged"
    assert life.do(ReleaseHold(ID, "H2")).order.state == "verified"


@pytest.mark.parametrize(
    ("severity", "state"), [("error", "acknowledged"), ("warning", "verified"), ("ignored", "verified")]
)
def test_how_much_an_unknown_requirement_weighs_is_policy(severity: str, state: str) -> None:
    policy = attrs.evolve(STANDARD, severities={"verification.unknown_requirement": severity})
    life = verified(policy, requirements=["by bicycle"])
    assert (life.order.state, life.order.holds) == (state, {})
    assert ("WarningRecorded" in [type(event).__name__ for event in life.history]) == (severity == "warning")


def test_what_is_not_wanted_any_more_requires_nothing() -> None:
    lines = [OrderLine("TEA-250", 1), OrderLine("POT-1", 1, requirements=["kosher"])]
    life = placed(lines=lines).do(AmendOrder(ID, {"L2": 0})).reply_all()
    assert (life.order.state, life.order.holds) == ("verified", {})


def stating(price: Any, policy: Policy = STANDARD, **more: Any) -> Life:
    """Tea, of which a packet is quoted at 8.50 and 0.60 tax."""
    return verified(policy, lines=[OrderLine("TEA-250", 2, price=eur(price), **more)], ship_to=BERLIN)


def test_a_quote_above_the_stated_price_is_held_for_review_and_released() -> None:
    life = stating("8.40")
    assert codes(life) == [
        ("verification.price_differs", "TEA-250: 8.40 EUR was stated, 8.50 EUR is quoted"),
    ]
    assert life.do(ReleaseHold(ID, "H1")).order.state == "verified"


@pytest.mark.parametrize("price", ["8.50", "8.51", "100"])
def test_a_quote_at_or_below_the_stated_price_is_fine(price: str) -> None:
    assert stating(price).order.state == "verified"


@pytest.mark.parametrize(
    ("tolerance", "price", "state"),
    [
        (D("2"), "8.34", "verified"),
        (D("2"), "8.33", "acknowledged"),
        (eur("0.10"), "8.40", "verified"),
        (eur("0.10"), "8.39", "acknowledged"),
    ],
)
def test_a_tolerance_is_per_cent_or_money(tolerance: Any, price: str, state: str) -> None:
    assert stating(price, attrs.evolve(STANDARD, price_tolerance=tolerance)).order.state == state


@pytest.mark.parametrize(
    ("price", "with_tax", "state"),
    [("9.10", True, "verified"), ("9.09", True, "acknowledged"), ("8.50", False, "verified")],
)
def test_a_price_may_be_stated_with_the_tax_in_it(price: str, with_tax: bool, state: str) -> None:
    assert stating(price, price_with_tax=with_tax).order.state == state


@pytest.mark.parametrize(
    ("stated", "per", "state"),
    [("4.60", 100, "verified"), ("0.046", 1, "verified"), ("46", 1000, "verified"), ("4.59", 100, "acknowledged")],
)
def test_a_price_may_be_for_another_number_of_units_than_the_quote(stated: str, per: int, state: str) -> None:
    line = OrderLine("SCREW", 250, price=eur(stated), price_per=per)
    quote = attrs.evolve(quoted("L1", 250, "4.60"), base_quantity=D(100), amounts=amounts("11.50"))
    life = placed(lines=[line]).answer(QuotePrices, Quote((quote,))).reply_all()
    assert life.order.state == state
