"""Whatever becomes of an order, what is credited is exactly what was charged for these units, and never more.

Whole dealings, drawn by chance, in three currencies, by all rules of rounding, charged when ordered, sent or delivered:
amended, cancelled, sent in parts, lost and found, returned, exchanged, claimed. A bookkeeper hears the events and files
the papers, and after every move holds one against the other (`tests.laws.bookkeeper`).

``ORDERFLOW_CREDITS=thorough`` goes on for many minutes, by chance; the usual run takes seconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import attrs
import pytest
from hypothesis import given, settings

from orderflow import invoicing, payments
from orderflow.documents import Part, Tally, tally_of
from orderflow.stages import returns, returns_settlement, settlement
from orderflow.values import FrozenMap
from tests.laws.bookkeeper import kept
from tests.laws.chance import Script, numbered, scripts
from tests.laws.dealings import Dealings, counted, dealt

IS_THOROUGH = os.environ.get("ORDERFLOW_CREDITS") == "thorough"


@settings(max_examples=5000 if IS_THOROUGH else 40, deadline=None, derandomize=not IS_THOROUGH)
@given(scripts(3, 40 if IS_THOROUGH else 14))
def test_what_is_credited_is_exactly_what_was_charged(script: Script) -> None:
    dealt(script)


@pytest.fixture(scope="module")
def told() -> list[tuple[Dealings, bool]]:
    return [dealt(numbered(number, 16)) for number in range(300 if IS_THOROUGH else 60)]


def test_dealings_are_of_every_kind(told: list[tuple[Dealings, bool]]) -> None:
    happened = counted(one for one, _ in told)

    assert {one.currency for one, _ in told} == {"EUR", "JPY", "KWD"}
    assert {one.order.settlement.charge_on for one, _ in told} == {"order", "despatch", "delivery"}
    assert happened >= {
        "OrderAmended", "PriceOverridden", "LinesCancelled", "GoodsDespatched", "DespatchRecorded", "GoodsDelivered",
        "GoodsLost", "GoodsCredited", "SurplusCharged", "ReturnReceived", "ReturnInspected", "ReturnCredited",
        "ExchangeOrdered", "ChargeRaised", "CreditRaised", "PaymentRecorded", "RefundRecorded",
    }  # fmt: skip


def test_where_everything_goes_back_everything_is_credited(told: list[tuple[Dealings, bool]]) -> None:
    ended = [one for one, whether_all in told if whether_all]

    assert len(ended) >= len(told) * 3 / 4
    assert sum(bool(list(one.books.lines("credit"))) for one in ended) >= len(told) / 2
    for one in ended:
        assert not any(kept(row) for row in one.books.rows.values())
        assert one.order.total.is_zero


# -- it bites ---------------------------------------------------------------------------------------------------------


def noticed() -> None:
    """One of some dealings shows it."""
    for number in range(150):
        try:
            dealt(numbered(number, 16))
        except AssertionError:
            return
    pytest.fail("nobody has noticed")


def test_credits_that_round_by_themselves_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_itself(self: Any, name: str, one: Part, tally: Tally, documents: Any) -> Any:
        line = documents[one.cites].lines[one.cited_line]
        part = Fraction(one.size) / Fraction(line.size)
        whole = getattr(line.amounts, "total" if name == "net" and self.with_tax(one.place) else name)
        return self.rounded(Fraction(whole.amount) * part)

    monkeypatch.setattr(invoicing._Paper, "credited_alone", by_itself)
    noticed()


def test_taxes_that_are_credited_at_their_rate_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_rate(self: Any, parts: Any, tally: Tally, documents: Any) -> Any:
        return [self.rounded(self._weight(documents[p.cites].lines[p.cited_line]) * Fraction(p.size)) for p in parts]

    monkeypatch.setattr(invoicing._Paper, "taxes_credited", by_rate)
    noticed()


def test_differences_that_are_not_named_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    charge_of: Callable[..., Any] = invoicing.charge_of

    def silent(parts: Any, tally: Tally, *rest: Any) -> Any:
        lines, difference = charge_of(parts, tally, *rest)
        return lines, difference - difference

    monkeypatch.setattr(settlement, "charge_of", silent)
    noticed()


def test_what_came_back_and_is_not_credited_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = settlement.to_be_credited
    monkeypatch.setattr(settlement, "to_be_credited", lambda *said: tuple(one for one in real(*said) if one.measure))
    noticed()


def test_a_refund_of_what_was_refunded_as_lost_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returns, "settled_in", lambda order, moves: FrozenMap())
    monkeypatch.setattr(returns_settlement, "owed", lambda order, line_id, basis: Decimal(10**6))
    noticed()


def test_units_that_are_credited_twice_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(documents: Any, prices: Any) -> Tally:
        return attrs.evolve(tally_of(documents, prices), back={})

    monkeypatch.setattr(payments, "tally_of", forgetful)
    noticed()
