"""After erasure nothing personal is left of any life, and the order is the same but for its people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from itertools import count
from typing import Any

import attrs
import pytest
from hypothesis import given, settings

from orderflow import facts
from orderflow.change_rules import CHANGES, ChangeRule
from orderflow.codec import standard_codec
from orderflow.commands import (
    AmendOrder,
    ApproveAmendment,
    AuthorizeReturn,
    ChargeFee,
    CloseReturn,
    DeclineAmendment,
    GrantGoodwill,
    ReceiveReturn,
    RecordFacts,
    RecordTracking,
    RefuseReturn,
    RequestReturn,
)
from orderflow.defaults import STANDARD
from orderflow.errors import InvalidInput
from orderflow.messages import SYSTEM, Actor, Command, Event
from orderflow.order import Order, ReturnLine
from orderflow.policy import ChargeOn
from orderflow.process import OrderProcess, evolve, pending, replay
from orderflow.returns import WrongGoods
from orderflow.stages import erasure
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.amending import LineChange
from orderflow.stages.erasure import ErasePersonalData, PersonalDataErased, asked_of_nobody, erased_order
from orderflow.tracking import Scan
from orderflow.values import Address, FrozenMap, Money
from orderflow.values.checked import evolved
from orderflow.values.erasing import erased
from tests.laws.chance import Chance, Script, numbered, scripts
from tests.laws.lives import Life, Living, drawn_order, drawn_policy
from tests.scenario import ID, NOW, an_adoption
from tests.scenario import Life as Story

MARK = "Zyx"
#: What is personal in the orders of these lives, and in what carriers report of them.
WORDS = ("Ada", "ada@", "Hauptstr", "Berlin", "10115", "Weg 2", "Bonn", "53111")


# -- lives in which people are spoken of -------------------------------------------------------------------------------

_PAPERS: tuple[Callable[[Chance], Any], ...] = (
    lambda d: facts.Cancelled("ERP", "C1", {"L1": d.one((1, 2))}, d.one((1, 2)), reason=f"for {MARK}"),
    lambda d: facts.Despatched("ERP", d.one(("D1", "D2")), [{"L1": 1}], tracking_number=d.one(("", "M1"))),
    lambda d: facts.Ordered("ERP", "SO-1", {"L1": d.one((1, 5))}, d.one((1, 2))),
)


def _asks_back(chance: Chance, order: Order) -> Command:
    return RequestReturn(order.id, [ReturnLine(chance.one(tuple(order.lines)), 1, f"{MARK} says", note=f"by {MARK}")])


def _takes_back(chance: Chance, order: Order) -> Command:
    known = chance.one((*order.returns, "R1"))
    one, line = order.returns.get(known), chance.one(tuple(order.lines))
    if one is None or one.is_requested:
        refuses = RefuseReturn(order.id, known, f"{MARK} wore it")
        return chance.one((AuthorizeReturn(order.id, known, reason=f"as {MARK} asked"), refuses))
    told = ReceiveReturn(order.id, known, [(line, 1)], wrong=[WrongGoods("POT", 1, f"of {MARK}")])
    return chance.one((told, CloseReturn(order.id, known, f"{MARK} keeps it")))


def _changes(chance: Chance, order: Order) -> Command:
    line = chance.one(tuple(order.lines))
    home = Address("DE", "Weg 2", city="Bonn", postal_code="53111", name=f"{MARK} Krull")
    own = LineChange(ship_to=home, instructions=[f"ask {MARK}"])
    more = OrderLine("CUP", 1, ship_to=home, customer_reference=f"{MARK}-1")
    return chance.one(
        (
            AmendOrder(order.id, ship_to=home, instructions=[f"ask {MARK}"], reason=f"{MARK} moved"),
            AmendOrder(order.id, lines={line: own}, reason=f"{MARK} moved"),
            AmendOrder(order.id, add=[more]),
            AmendOrder(order.id, prices={line: Money("1", order.currency)}, reason=f"{MARK} haggles"),
        )
    )


def _answers_a_wish(chance: Chance, order: Order) -> Command:
    known = chance.one((*order.proposals, "A1"))
    yes, no = ApproveAmendment(order.id, known, f"for {MARK}"), DeclineAmendment(order.id, known, f"{MARK} must pay")
    return chance.one((yes, no))


def _is_charged(chance: Chance, order: Order) -> Command:
    fee = ChargeFee(order.id, "express", Money("5", order.currency), description=f"{MARK} is in a hurry")
    return chance.one((fee, GrantGoodwill(order.id, "late", Money("1", order.currency), description=f"for {MARK}")))


def _arrives(chance: Chance, order: Order) -> Command:
    number = chance.one((*order.tracking_numbers, "T-nobody"))
    at = order.placed_at + timedelta(hours=chance.one((40, 40, 90)))
    return RecordTracking(order.id, [Scan(number, "delivered", at, location=f"{MARK}hausen{chance.below(3)}")])


def _is_told(chance: Chance, order: Order) -> Command:
    return RecordFacts(order.id, [chance.one(_PAPERS)(chance)])


_TALK = (_asks_back, _takes_back, _takes_back, _changes, _changes, _answers_a_wish, _is_charged, _arrives, _is_told)
_WHO = (SYSTEM, Actor("customer", f"{MARK}.krull"), Actor("employee", f"{MARK}.clerk", f"{MARK}.krull"))
_ASKED_FIRST = (ChangeRule("address", "*", "customer", "approval"), *CHANGES)


class Talking(Living):
    """A life in which goods come back, changes are asked for, papers of others arrive, and people say why."""

    def move(self, drawn: bytes) -> None:
        """One move, and sometimes something that is said of people."""
        super().move(drawn)
        chance = Chance(drawn[::-1])
        if self.order is not None and chance.once_in(3):
            self.give(chance.one(_TALK)(chance, self.order), by=chance.one(_WHO))


def begun(script: Script, honest: bool) -> Talking:
    """A life at its beginning, under a host of any kind; or one that went without trouble so far."""
    chance = Chance(script.setting)
    moments: tuple[ChargeOn | None, ...] = (None, "despatch", "order")
    charge_on, smoothly = chance.one(moments), chance.once_in(2)
    policy = STANDARD if smoothly else drawn_policy(chance)
    policy = attrs.evolve(policy, charge_on=charge_on)
    if chance.once_in(2):
        policy = attrs.evolve(policy, changes=_ASKED_FIRST)
    living = Talking(OrderProcess(policy), honest)
    living.give(drawn_order(chance, plain=smoothly))
    for _ in range(chance.one((10, 20, 40)) if smoothly else 0):
        assert living.order is not None
        living.now += timedelta(minutes=9)
        living._goes_on(Chance(b""), living.order)
    return living


def live(script: Script, honest: bool) -> Life:
    """A whole life."""
    living = begun(script, honest)
    for drawn in script.moves:
        living.move(drawn)
    return Life(living.process, tuple(living.steps), living.world, living.now)


# -- what is left ------------------------------------------------------------------------------------------------------


def filled(held: Any, numbers: Iterator[int]) -> Any:
    """The same value with a mark in every personal text, each another one; where a text has a form, as it was."""
    if isinstance(held, tuple):
        return type(held)(filled(item, numbers) for item in held)
    if isinstance(held, Mapping):
        return FrozenMap({name: filled(item, numbers) for name, item in held.items()})
    if not attrs.has(type(held)):
        return held
    for field in attrs.fields(type(held)):
        before = getattr(held, field.name)
        after = _marked(before, numbers) if field.metadata.get("personal") else filled(before, numbers)
        try:
            held = evolved(held, **{field.name: after})
        except InvalidInput:
            continue
    return held


def _marked(held: Any, numbers: Iterator[int]) -> Any:
    mark = f"{MARK}{next(numbers)}@example.org"
    if isinstance(held, str):
        return mark
    if isinstance(held, tuple):
        return (mark,)
    return FrozenMap({mark: mark}) if isinstance(held, Mapping) else held


def said_of_people(held: Any) -> bool:
    told = str(held)
    return any(word in told for word in (MARK, *WORDS))


def written(events: tuple[Event, ...], order: Order) -> str:
    """Everything that a store writes down of an order."""
    codec = standard_codec()
    return "".join((codec.order_to_json(order), *map(codec.event_to_json, events)))


def told_of_people(script: Script, honest: bool = False) -> tuple[Life, tuple[Event, ...]]:
    """A life, and its events with words about people wherever there is room."""
    life = live(script, honest)
    numbers = count()
    return life, tuple(filled(event, numbers) for event in life.events)


def nothing_is_left_and_replay_agrees(script: Script) -> None:
    """What is left of the events makes the order that is left of the order."""
    life, events = told_of_people(script)
    last = PersonalDataErased(life.now, "employee E1", "asked for")
    before = replay(events)
    assert before is not None
    after, left = evolve(before, last), tuple(map(erased, events))
    assert not said_of_people(written((*left, last), after))
    assert replay((*left, last)) == after
    assert standard_codec().order_from_json(standard_codec().order_to_json(after)) == after
    assert erased_order(after) == after


def goods_money_and_ways_are_the_same(script: Script) -> None:
    """Nothing that counts is lost; reports of carriers that differ in their words alone are one."""
    life, events = told_of_people(script)
    before, after = replay(events), replay((*events, PersonalDataErased(life.now, "employee E1")))
    assert before is not None
    assert after is not None
    names = ("ledger", "tranches", "given_back", "refunded", "unbilled", "milestones", "state", "claims", "put_away")
    for name in names:
        assert getattr(after, name) == getattr(before, name), name
    assert (after.charged, after.credited, after.totals) == (before.charged, before.credited, before.totals)
    for parcel in before.parcels.values():
        same = (evolved(one.tracking, anomalies=()) for one in (parcel, after.parcels[parcel.id]))
        assert next(same) == next(same)


def an_erased_life_goes_on(script: Script) -> None:
    """Erased by force in mid-life, it goes on by its rules, under its policy, and takes in nothing personal."""
    living = begun(script, honest=False)
    until = 0
    for number, drawn in enumerate(script.moves):
        if number == script.setting[-1] % len(script.moves) // 2:
            step = living.give(ErasePersonalData("A-1", force=True))
            assert step.after is not None
            living.known.clear()
            living.told.clear()
            until = step.after.version
        living.move(drawn)
    order, events = living.order, tuple(event for step in living.steps for event in step.events)
    assert order is not None
    left = (*map(erased, events[:until]), *events[until:])
    assert order.erased_at is not None
    assert replay(events) == replay(left) == order
    later = (step.after for step in living.steps if step.after is not None and step.after.erased_at is not None)
    assert not any(asked_of_nobody(one.request) for order in later for one in pending(order))
    assert not any(message.state == "queued" for message in order.messages.values())
    assert not said_of_people(written(left, order))


@settings(max_examples=40)
@given(scripts())
def test_nothing_personal_is_left_of_any_life(script: Script) -> None:
    nothing_is_left_and_replay_agrees(script)


@settings(max_examples=40)
@given(scripts())
def test_goods_money_and_ways_are_the_same(script: Script) -> None:
    goods_money_and_ways_are_the_same(script)


@settings(max_examples=40)
@given(scripts())
def test_an_erased_life_goes_on(script: Script) -> None:
    an_erased_life_goes_on(script)


def test_papers_and_reports_that_differ_in_words_alone_are_one_when_the_words_are_gone() -> None:
    given_up = [facts.Cancelled("ERP", "C1", {"L1": 2}, reason=f"for {who}") for who in ("Ada", "Bob")]
    left = facts.Despatched("ERP", "D1", [{"L1": 1}, {"L1": 1}], tracking_number="M1")
    seen = [Scan("M1", "in_transit", NOW, location=where) for where in ("Bonn", "Berlin")]
    life = Story().do(an_adoption(facts=[left, given_up[0]]), RecordFacts(ID, given_up[1:]), RecordTracking(ID, seen))
    assert life.order.observed is not None
    assert (len(life.order.observed.facts), len(life.order.observed.scans)) == (3, 2)

    last = PersonalDataErased(NOW, "employee E1")
    after = evolve(life.order, last)

    assert after.observed is not None
    assert (len(after.observed.facts), len(after.observed.scans)) == (2, 1)
    assert replay((*map(erased, life.history), last)) == after


# -- these laws bite ---------------------------------------------------------------------------------------------------


def broken_somewhere(law: Callable[[Script], None]) -> bool:
    for number in range(30):
        try:
            law(numbered(number))
        except Exception:
            return True
    return False


@pytest.mark.parametrize(
    ("law", "name", "fault"),
    [
        (nothing_is_left_and_replay_agrees, "erased_order", lambda order: order),
        (goods_money_and_ways_are_the_same, "_as_a_set", lambda scans: scans[:1]),
        (an_erased_life_goes_on, "asked_of_nobody", lambda request: False),
    ],
)
def test_a_fault_in_erasing_is_noticed(
    law: Callable[[Script], None], name: str, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, name, fault)
    assert broken_somewhere(law)
