"""After erasure nothing personal is left of any life, and the order is the same but for its people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any

import attrs
import pytest
from hypothesis import given, settings

from orderflow.codec import standard_codec
from orderflow.errors import InvalidInput
from orderflow.messages import Event
from orderflow.order import Order
from orderflow.process import OrderProcess, evolve, pending, replay
from orderflow.stages import erasure
from orderflow.stages.erasure import ErasePersonalData, PersonalDataErased, asked_of_nobody, erased_order
from orderflow.values import FrozenMap
from orderflow.values.checked import evolved
from orderflow.values.erasing import erased
from tests.laws.chance import Chance, Script, numbered, scripts
from tests.laws.lives import Life, Living, drawn_order, drawn_policy, live

MARK = "Zyx"
#: What is personal in the orders of these lives, and in what carriers report of them.
WORDS = ("Ada", "ada@", "Hauptstr", "Berlin", "10115", "Weg 2", "Bonn", "53111")


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
    chance = Chance(script.setting)
    living = Living(OrderProcess(drawn_policy(chance)), honest=False)
    living.give(drawn_order(chance))
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
