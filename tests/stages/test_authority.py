"""What others decide is not asked of anyone, waited for by name, and answered in the words of a port."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from orderflow.commands import (
    BookShipment,
    CancelOrder,
    DespatchShipment,
    PackParcel,
    RecordAnswer,
    RecordPick,
    RecordTracking,
    StartPicking,
)
from orderflow.defaults import STANDARD
from orderflow.messages import Envelope
from orderflow.policy import Authority
from orderflow.ports import Refused, Sent, StockHeld
from orderflow.process import OrderProcess
from orderflow.stages.authority import left_to_others
from tests.scenario import ID, SENSIBLE, D, Life, placed, scan, verified

ALL = Authority("theirs", "theirs", "theirs", "theirs", "theirs")


def under(**theirs: str) -> Any:
    return attrs.evolve(STANDARD, authority=Authority(**theirs))  # type: ignore[arg-type]


def answered(life: Life) -> Life:
    """Others answer all that is left to them, as one would wish."""
    while open_now := left_to_others(life.order):
        request = open_now[0].request
        life.do(RecordAnswer(ID, request.id, SENSIBLE[type(request)](request)))
    return life


def waits(life: Life) -> list[str]:
    return [str(wait) for stage in life.process.stages for wait in stage.awaits(life.order, life.process.policy)]


def test_an_order_that_others_decide_all_about_goes_its_way_and_nobody_is_asked() -> None:
    life = placed(attrs.evolve(STANDARD, authority=ALL))
    assert life.asks == ()
    answered(life)
    assert life.order.state == "verified"
    for command in (StartPicking(ID, "F1"), RecordPick(ID, "F1"), PackParcel(ID, "F1"), BookShipment(ID)):
        answered(life.do(command))
        assert life.asks == ()
    answered(life.do(DespatchShipment(ID)))
    assert {type(request).__name__ for request in life.requests} <= {"QueryTracking"}
    life.do(RecordTracking(ID, [scan("delivered", hours=30)]))
    assert (life.order.state, life.told) == ("completed", [])


@pytest.mark.parametrize(
    ("concern", "asked"),
    [
        ("price", ("claim/C1/1", "claim/C2/1", "send/M1")),
        ("stock", ("quote", "send/M1")),
        ("messages", ("claim/C1/1", "claim/C2/1", "quote")),
    ],
)
def test_only_what_is_ours_is_asked(concern: str, asked: tuple[str, ...]) -> None:
    assert sorted(placed(under(**{concern: "theirs"})).asks) == sorted(asked)


def test_the_explanation_names_whom_we_wait_for() -> None:
    assert waits(placed(under(price="theirs", stock="theirs"), lines=[("TEA-250", 1)])) == [
        "the notifications to tell ada@example.org: order_placed (M1)",
        "whoever decides the prices to answer quote (RecordAnswer)",
        "whoever decides about stock to answer claim/C1/1 (RecordAnswer)",
    ]
    assert "whoever fulfills to tell what left from BER" in waits(verified(under(fulfillment="theirs")))


def test_what_is_cancelled_is_wanted_back_until_they_say_so() -> None:
    life = answered(placed(under(stock="theirs"), lines=[("TEA-250", 2)])).reply_all().do(CancelOrder(ID))
    assert [one.request.id for one in left_to_others(life.order)] == ["claim/C1/2"]
    life.do(RecordAnswer(ID, "claim/C1/2", StockHeld(2, D(0))))
    assert left_to_others(life.order) == ()
    assert life.order.claims["C1"].held == 0


def test_an_answer_may_be_a_refusal_and_one_that_cannot_be_is_a_case() -> None:
    refused = placed(under(price="theirs")).do(RecordAnswer(ID, "quote", Refused("unknown", "no such tea")))
    assert refused.case.code == "pricing.refused"
    too_much = placed(under(stock="theirs"), lines=[("TEA-250", 2)])
    assert too_much.do(RecordAnswer(ID, "claim/C1/1", StockHeld(1, D(3)))).case.code == "port.impossible_reply"


def test_who_decides_is_settled_when_the_order_is_placed() -> None:
    life = placed(under(stock="theirs"))
    elsewhere = OrderProcess(STANDARD)
    outcome = elsewhere.carry_out(life.loaded, CancelOrder(ID), Envelope(life.now))
    assert outcome.order.theirs == ("stock",)
    assert placed().order.theirs == ()


def test_what_we_asked_ourselves_is_not_answered_this_way() -> None:
    life = placed(under(stock="theirs"))
    assert life.codes(RecordAnswer(ID, "quote", Sent())) == ["authority.not_open"]
    assert life.codes(RecordAnswer(ID, "claim/C1/1", Sent())) == ["authority.other_kind"]
