"""Whatever the order in which facts arrive, and however often: the same order comes of them.

A history is a set of what others told about one order: revisions of it, despatch notes with two parcels, some of them
taken back or corrected, returns, deliveries, reservations, and what carriers reported, some of it before anybody said
that the parcel exists. It is told twice: in one order, and in another with repetitions and in other portions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow import OrderFlow
from orderflow import facts as f
from orderflow.adapters.memory import ManualClock
from orderflow.commands import AdoptOrder, RecordFacts, RecordTracking
from orderflow.defaults import STANDARD
from orderflow.ledger import kind_of, place_of
from orderflow.messages import Envelope
from orderflow.order import Order, Parcel
from orderflow.process import OrderProcess, replay
from orderflow.reconciliation import moves_to
from orderflow.stages import observation
from orderflow.stages.observation import FactsApplied
from orderflow.tracking import Scan
from orderflow.values.checked import evolved
from tests.laws.chance import Chance, Script, numbered
from tests.laws.lives import Living, drawn_order, drawn_policy
from tests.scenario import ID, NOW, an_adoption

PROCESS = OrderProcess(STANDARD)
SSCC = "340123450000000017"
NUMBERS = ("1Z1", "1Z2", "M1", SSCC)

moments = st.none() | st.integers(0, 6).map(lambda days: NOW - timedelta(days=days))
units = st.integers(1, 5).map(Decimal)
some_units = st.dictionaries(st.sampled_from(("L1", "L2")), units, max_size=2)
revisions = st.integers(1, 3)
sources = st.sampled_from(("ERP", "3PL"))
packages = st.builds(
    f.Package,
    st.dictionaries(st.sampled_from(("L1", "L2", "L3")), units, min_size=1, max_size=2),
    st.sampled_from(("", "1Z1", "1Z2")),
    st.sampled_from(("", "", SSCC)),
)
ordered = st.builds(
    f.Ordered,
    st.just("ERP"),
    st.sampled_from(("SO-1", "SO-1", "SO-2")),
    st.dictionaries(st.sampled_from(("L1", "L2", "L3")), st.integers(0, 14), max_size=3),
    revisions,
    moments,
    st.sampled_from(({}, {"L3": "CUP"}, {"L3": "MUG"})),
)
despatched = st.builds(
    f.Despatched,
    st.just("ERP"),
    st.sampled_from(("D1", "D2")),
    st.lists(packages, max_size=2),
    revisions,
    moments,
    tracking_number=st.sampled_from(("", "M1", "1Z1")),
    location=st.sampled_from(("", "BER")),
)
delivered = st.builds(
    f.Delivered,
    st.just("ERP"),
    st.just("POD"),
    st.lists(st.sampled_from(("1Z1", "1Z2", "D1")), max_size=2),
    some_units,
    revisions,
    moments,
)
others = st.one_of(
    st.builds(f.Returned, st.just("ERP"), st.sampled_from(("R1", "R2")), some_units, revisions, moments),
    st.builds(f.Cancelled, st.just("ERP"), st.just("C1"), some_units, revisions, moments),
    st.builds(f.Picked, sources, st.just("PL"), some_units, revisions, moments, st.sampled_from(("", "HAM"))),
    st.builds(f.Reserved, st.just("ERP"), st.just("RS"), some_units, revisions, moments, st.just("BER")),
    st.builds(f.Invoiced, st.just("ERP"), st.just("I1"), some_units),
)
scans = st.builds(
    Scan,
    st.sampled_from(NUMBERS),
    st.sampled_from(("in_transit", "out_for_delivery", "delivered", "return_to_sender", "unknown")),
    st.integers(0, 6).map(lambda days: NOW - timedelta(days=days)),
    reason=st.sampled_from(("", "", "", "lost")),
)
histories = st.lists(st.one_of(despatched, despatched, ordered, delivered, scans, others), min_size=2, max_size=10)


def adopted() -> AdoptOrder:
    return an_adoption(lines=[("TEA-250", 10), ("POT-1", 4)])


def told_all(news: Iterable[tuple[Any, ...]]) -> Order:
    """The order after it was told so, portion by portion; reports of parcels that nobody knows wait for them."""
    outcome = PROCESS.carry_out(None, adopted(), Envelope(NOW))
    order, events, inbox = outcome.order, list(outcome.events), list[Scan]()
    for portion in news:
        inbox += [one for one in portion if isinstance(one, Scan)]
        facts = [one for one in portion if not isinstance(one, Scan)]
        commands: list[Any] = [RecordFacts(ID, facts)] if facts else []
        for command in [*commands, *(RecordTracking(ID, [scan]) for scan in inbox)]:
            if PROCESS.violations(order, command):
                assert isinstance(command, RecordTracking), "a fact is never refused"
                continue
            outcome = PROCESS.carry_out(order, command, Envelope(NOW))
            order, events = outcome.order, [*events, *outcome.events]
            assert order.ledger.is_balanced()
            assert PROCESS.consequences(order, NOW) == (), "everything that follows has happened"
    assert replay(events) == order
    return order


def seen(order: Order) -> dict[str, Any]:
    """What must not depend on the order of arrival."""
    assert order.observed is not None
    return {
        "facts": order.observed.facts,
        "books": order.observed.books,
        "ledger": {line_id: dict(order.ledger.accounts(line_id)) for line_id in order.lines},
        "ordered": {line_id: order.ledger.ordered(line_id) for line_id in order.lines},
        "lines": {line.id: line.sku for line in order.lines.values()},
        "parcels": {
            parcel.id: (set(parcel.contents), parcel.tracking_number, parcel.reports, parcel.tracking)
            for parcel in order.parcels.values()
        },
        "shipments": {
            shipment.id: (shipment.stage, shipment.parcel_ids, shipment.booking, shipment.despatched_at)
            for shipment in order.shipments.values()
        },
        "anomalies": sorted(map(repr, order.anomalies)),
        "status": order.status,
        "state": order.state,
    }


def portions(data: st.DataObject, history: list[Any]) -> list[tuple[Any, ...]]:
    """The same history in another order, with repetitions, some of it told at once."""
    again = data.draw(st.permutations([*history, *data.draw(st.lists(st.sampled_from(history), max_size=3))]))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(again)), max_size=4)) | {len(again)})
    return [tuple(again[start:end]) for start, end in zip([0, *cuts], cuts, strict=False)]


def same_order(history: list[Any], data: st.DataObject) -> None:
    told_in_turn = told_all([(one,) for one in history])
    told_otherwise = told_all(portions(data, history))
    assert seen(told_in_turn) == seen(told_otherwise)


@settings(max_examples=120)
@given(histories, st.data())
def test_any_permutation_and_repetition_of_the_same_facts_gives_the_same_order(
    history: list[Any], data: st.DataObject
) -> None:
    same_order(history, data)


def told_a_flow(news: Iterable[tuple[Any, ...]]) -> Order:
    """The order after a flow was told so: what nobody knows the parcel of yet waits in the inbox of the store."""
    flow = OrderFlow(clock=ManualClock(NOW))
    flow.adopt(adopted())
    for portion in news:
        flow.observe(*(one for one in portion if isinstance(one, Scan)))
        if told := [one for one in portion if not isinstance(one, Scan)]:
            flow.record_facts(ID, *told)
    order = flow.get(ID)
    assert replay(recorded.event for recorded in flow.history(ID)) == order
    return order


@settings(max_examples=40)
@given(histories, st.data())
def test_a_flow_comes_to_the_same_order_whatever_was_told_first(history: list[Any], data: st.DataObject) -> None:
    """Despatches, reports and bookings by others in any order and number: through the public face, and its inbox."""
    in_turn = told_a_flow([(one,) for one in history])
    assert seen(in_turn) == seen(told_a_flow(portions(data, history)))
    assert seen(in_turn) == seen(told_all([(one,) for one in history]))


#: Histories in which one thing goes by two names, or one name is that of two things.
NAMED_TWICE: dict[str, list[Any]] = {
    "a line of two products": [
        f.Ordered("ERP", "SO-1", {"L3": 1}, products={"L3": "CUP"}),
        f.Ordered("ERP", "SO-1", {"L3": 1}, 2, products={"L3": "MUG"}),
    ],
    "a parcel by its number, and by its SSCC": [
        f.Despatched("ERP", "D1", [f.Package({"L1": 4}, "1Z1", SSCC)]),
        f.Despatched("3PL", "D7", [f.Package({"L1": 4}, sscc=SSCC)]),
        Scan(SSCC, "in_transit", NOW - timedelta(days=1)),
        Scan("1Z1", "delivered", NOW),
    ],
    "a parcel and its shipment by one number": [
        f.Despatched("ERP", "D1", [f.Package({"L1": 4}, "1Z1")], tracking_number="1Z1"),
        f.Despatched("ERP", "D1", [f.Package({"L1": 4})], 2, tracking_number="1Z1"),
        Scan("1Z1", "delivered", NOW),
    ],
    "a parcel of which two reports of one moment differ in the number alone": [
        f.Despatched("ERP", "D1", [f.Package({"L1": 4}, "1Z1", SSCC)], tracking_number="M1"),
        Scan(SSCC, "in_transit", NOW),
        Scan("M1", "in_transit", NOW),
    ],
    "a note that is taken back under another number": [
        f.Despatched("ERP", "D1", [f.Package({"L1": 4})], tracking_number="M1"),
        f.Despatched("ERP", "D1", revision=2, tracking_number="1Z1"),
        Scan("1Z1", "delivered", NOW),
        f.Despatched("ERP", "D2", [f.Package({"L1": 2})], tracking_number="1Z1"),
    ],
}


@pytest.mark.parametrize("name", NAMED_TWICE)
def test_what_goes_by_two_names_is_one_thing_in_whatever_order_it_is_told(name: str) -> None:
    first, *others = (seen(told_all([(one,) for one in told])) for told in permutations(NAMED_TWICE[name]))
    assert all(other == first for other in others)


def test_a_parcel_that_two_name_differently_left_once() -> None:
    order = told_all([(one,) for one in NAMED_TWICE["a parcel by its number, and by its SSCC"]])
    assert order.status.by_kind == {"open": 10, "delivered": 4}
    assert order.anomalies == ()


def test_a_correction_of_who_has_the_number_leaves_no_anomaly() -> None:
    order = told_all([(one,) for one in NAMED_TWICE["a parcel and its shipment by one number"]])
    assert order.status.by_kind == {"open": 10, "delivered": 4}
    assert order.anomalies == ()


def test_the_newest_revision_says_which_product_a_line_is_of() -> None:
    order = told_all([(one,) for one in NAMED_TWICE["a line of two products"]])
    assert (order.lines["L3"].sku, order.anomalies) == ("MUG", ())


# -- it bites ----------------------------------------------------------------------------------------------------------


def whoever_comes_last(known: tuple[Any, ...], news: Iterable[Any]) -> tuple[Any, ...]:
    """A fault: facts are kept in the order of their arrival."""
    return (*known, *(fact for fact in news if fact not in known))


def the_last_revision_told(facts: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """A fault: of each document the revision that comes last counts, not the highest."""
    return tuple({f.key_of(fact): fact for fact in facts}.values()), ()


def only_forward(books: Any, present: Any, ledger: Any) -> Any:
    """A fault: nothing that left is taken back."""
    before = {id: one.contents for id, one in present.parcels.items()}
    if any(before.get(id) and not one.contents for id, one in books.parcels.items()):
        return ()
    return moves_to(books, present, ledger)


def once_delivered_always(event: FactsApplied, order: Order, one: Any) -> Parcel:
    """A fault: that a parcel was delivered is not taken back."""
    known = order.parcels.get(one.id)
    return PARCEL(event, order, evolved(one, told=one.told or (known.told if known is not None else ())))


PARCEL = FactsApplied._parcel


#: Two despatch notes and a proof of delivery, of which one note and the proof are taken back.
CORRECTED = [
    f.Despatched("ERP", "D1", [f.Package({"L1": 3}, "1Z1")]),
    f.Despatched("ERP", "D2", [f.Package({"L1": 2}, "1Z2")]),
    f.Delivered("ERP", "POD", ["1Z2"]),
    f.Delivered("ERP", "POD", revision=2),
    f.Despatched("ERP", "D1", revision=2),
]


def test_what_was_corrected_is_as_if_it_had_never_been_said() -> None:
    in_turn, other_way_round = (told_all([(one,) for one in some]) for some in (CORRECTED, CORRECTED[::-1]))
    assert seen(in_turn) == seen(other_way_round)


@pytest.mark.parametrize(
    ("place", "name", "fault"),
    [
        (observation, "united", whoever_comes_last),
        (observation, "moves_to", only_forward),
        (f, "current", the_last_revision_told),
        (FactsApplied, "_parcel", once_delivered_always),
    ],
)
def test_the_law_bites(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, fault: Any) -> None:
    if fault is the_last_revision_told:
        monkeypatch.setattr(observation, "united", whoever_comes_last)
    monkeypatch.setattr(place, name, fault)
    in_turn, other_way_round = (told_all([(one,) for one in some]) for some in (CORRECTED, CORRECTED[::-1]))
    with pytest.raises(AssertionError):
        assert seen(in_turn) == seen(other_way_round)


# -- facts, and our own work -------------------------------------------------------------------------------------------


def a_fact(chance: Chance, order: Order, now: datetime) -> Any:
    """Something that others say of an order that is processed here."""
    lines = (*order.lines, *order.lines, "L9")
    units = {chance.one(lines): chance.one(("1", "2", "0.5", "3", "7")) for _ in range(1 + chance.below(2))}
    revision, when = 1 + chance.below(3), chance.one((None, now, now - timedelta(hours=5)))
    location = chance.one(("", "BER", "HAM"))
    number = chance.one(("", "1Z1", "1Z2", *order.tracking_numbers))
    sent = [f.Package(units, number)] if chance.below(4) else []
    ordered = {line_id: chance.one(("0", "1", "2", "5", "9")) for line_id in units}
    return chance.one(
        (
            f.Ordered("ERP", "SO", ordered, revision, when, chance.one(({}, {"L7": "CUP"}))),
            f.Despatched("ERP", chance.one(("D1", "D2")), sent, revision, when, location=location),
            f.Despatched("3PL", "D1", sent, revision, when, location=location),
            f.Delivered("ERP", "POD", [chance.one(("1Z1", "1Z2", "D1"))], units, revision, when),
            f.Returned("ERP", "R", units, revision, when),
            f.Cancelled("ERP", "C", units, revision, when),
            f.Picked("ERP", "P", units, revision, when, location),
            f.Reserved("ERP", "RS", units, revision, when, location),
        )
    )


#: Where facts may move units from, and to; every other account is that of a part of theirs.
SHARED = {"open", "backordered", "ordered", "cancelled", "restocked"}


def meets_our_work(script: Script) -> Counter[str]:
    """A life under which facts of others come in; what happened, counted."""
    chance, happened = Chance(script.setting), Counter[str]()
    living = Living(OrderProcess(drawn_policy(chance)), honest=True)
    living.give(drawn_order(chance))
    for drawn in script.moves:
        living.move(drawn)
        again = Chance(drawn[::-1])
        if again.once_in(4):
            assert living.order is not None
            living.give(RecordFacts(living.order.id, [a_fact(again, living.order, living.now)]))
    for step in living.steps:
        assert step.after is None or step.after.ledger.is_balanced()
        assert step.after is None or all(step.after.unpriced(line_id) >= 0 for line_id in step.after.lines)
        for event in step.events:
            happened[event.TAG] += 1
            if isinstance(event, FactsApplied):
                accounts = {account for move in event.moves for account in (move.source, move.target)}
                assert all(kind_of(one) in SHARED or place_of(one)[:2] in ("P@", "F@") for one in accounts)
    assert living.order is not None
    assert replay(event for step in living.steps for event in step.events) == living.order
    assert living.process.consequences(living.order, living.now) == ()
    return happened


def test_facts_move_nothing_that_is_in_our_own_hands() -> None:
    happened = Counter[str]()
    for number in range(60):
        happened += meets_our_work(numbered(number))
    assert min(happened[tag] for tag in ("facts_applied", "goods_picked", "order_cancelled")) > 10
