"""The audit of an order: who did what, when, on whose behalf, why, under which policy, and what came of it."""

from __future__ import annotations

import asyncio

import attrs
import pytest
from hypothesis import given, settings

from orderflow import AdoptOrder, Money, OrderFlow, Scan, facts
from orderflow import commands as c
from orderflow.adapters.memory import ManualClock
from orderflow.audit import AuditReport, audit_report
from orderflow.defaults import STANDARD
from orderflow.errors import CommandRefused, UnknownOrder
from orderflow.messages import SYSTEM, Actor, Event, event
from orderflow.order import Order
from orderflow.process import STAGES, replay
from orderflow.runtime import AsyncOrderFlow
from orderflow.sentences import SENTENCES, sentence
from orderflow.stores import MemoryStore, Recorded
from orderflow.values.checked import PERSONAL
from tests.laws.lives import Life, lives
from tests.runtime.shop import NINE, Shop, lead, place
from tests.scenario import Life as Story
from tests.scenario import delivered
from tests.stages.test_cases import RAISED

ADA = Actor("customer", "ada")
CLERK = Actor("employee", "E7", on_behalf_of="ada")


def an_audit() -> tuple[Shop, AuditReport]:
    """An order that a customer placed, and a clerk held in her name; another policy was in force by then."""
    shop = Shop(MemoryStore())
    order_id = shop.flow().handle(place(), by=ADA, command_id="web-1", correlation_id="visit-9").order.id
    later = shop.flow(policy=attrs.evolve(STANDARD, name="christmas"))
    shop.passes(hours=2)
    later.handle(c.PlaceHold(order_id, "review", note="gift"), by=CLERK, reason="she called")
    return shop, later.audit(order_id)


def test_a_report_says_who_did_what_when_why_and_under_which_policy() -> None:
    _, report = an_audit()

    placed, held = report.by("customer").entries[0], report.entries[-1]

    assert (placed.by, placed.source, placed.what, placed.cause) == (ADA, "command", "place_order", "web-1")
    assert (placed.at, placed.policy, placed.correlation_id) == (NINE, "standard", "visit-9")
    assert placed.happened[:2] == (
        "the order was placed: 2 × TEA (L1), to Ada Krull, Torstrasse 1, 10119 Berlin, DE, for Ada Krull",
        "the order was acknowledged",
    )
    assert (held.by, held.what, held.reason, held.policy) == (CLERK, "place_hold", "she called", "christmas")
    assert held.headline == 'employee E7 on behalf of ada: place_hold "she called" · policy christmas'
    assert held.happened == ("hold H1 (review) placed: gift",)


def test_what_a_systems_answer_led_to_names_the_system() -> None:
    _, report = an_audit()

    answers = [entry for entry in report.entries if entry.source == "answer"]

    assert [entry.headline for entry in answers] == [
        "inventory and others answered claim/C1/1 … · policy standard",
        "notifications answered send/M2 · policy standard",
    ]
    assert "the order was verified" in answers[0].happened
    assert all(entry.by == SYSTEM for entry in answers)


def test_what_came_by_itself_with_time_is_told_as_such() -> None:
    shop = Shop(MemoryStore())
    flow = shop.flow()
    order_id = lead(flow)
    flow.handle(c.PlaceHold(order_id, "review", expires_at=shop.clock() + (shop.passes(hours=1) - NINE)))
    shop.passes(hours=2)
    flow.run_due()

    last = flow.audit(order_id).entries[-1]

    assert (last.source, last.headline) == ("time", "by itself, as time had passed · policy standard")
    assert last.happened == ("hold H1 was released, having expired: yes",)


def test_a_report_is_filtered_by_actor() -> None:
    _, report = an_audit()

    assert [entry.what for entry in report.by("employee").entries] == ["place_hold"]
    assert report.by(on_behalf_of="ada") == report.by("employee", "E7") == report.by(id="E7")
    assert [entry.what for entry in report.by(id="ada").entries] == ["place_order"]
    assert len(report.by("partner")) == 0


def test_refused_commands_are_not_on_record_and_the_report_says_so() -> None:
    shop, report = an_audit()
    flow = shop.flow()
    with pytest.raises(CommandRefused):
        flow.handle(c.CompleteOrder(report.order_id), by=CLERK)

    assert flow.audit(report.order_id) == report
    assert str(report).endswith("Commands that were refused changed nothing, and are not on record.")


def test_a_report_is_drawn_for_people() -> None:
    _, report = an_audit()

    drawn = str(report).splitlines()

    assert drawn[0] == "A-1001: 13 events in 4 changes (times in UTC)"
    assert drawn[2:5] == [
        "2026-11-23 09:00:00  customer ada: place_order · policy standard · visit-9",
        "      1  the order was placed: 2 × TEA (L1), to Ada Krull, Torstrasse 1, 10119 Berlin, DE, for Ada Krull",
        "      2  the order was acknowledged",
    ]


def test_an_unknown_order_has_no_audit() -> None:
    with pytest.raises(UnknownOrder):
        Shop().flow().audit("A-1")


def test_an_asynchronous_flow_audits_too() -> None:
    shop, report = an_audit()

    assert asyncio.run(AsyncOrderFlow(store=shop.store, clock=shop.clock).audit(report.order_id)) == report


def test_without_the_records_of_commands_the_events_are_told() -> None:
    history = Shop(MemoryStore()).flow()
    order_id = lead(history)

    report = audit_report(history.history(order_id))

    assert report.entries[0].what == "a command that is not on record"
    assert report.entries[0].happened[1] == "the order was acknowledged"


# -- sentences ---------------------------------------------------------------------------------------------------------


def test_every_event_of_ours_has_a_sentence_and_every_sentence_names_its_fields() -> None:
    for cls in (cls for stage in STAGES for cls in stage.events):
        worked_out = {name for name in dir(cls) if isinstance(getattr(cls, name), property)}
        fields = {field.name for field in attrs.fields(cls)} | worked_out
        named = {part.split("}")[0] for part in SENTENCES[cls.TAG].split("{")[1:]}
        assert named <= fields, cls


@event("wrapped")
class Wrapped(Event):
    """A host's own event, without words."""

    paper: str
    units: int = 0
    card: str = attrs.field(default="", metadata=PERSONAL)

    def apply(self, order: Order) -> Order:
        """The order stays as it is."""
        return order


def test_an_event_of_a_host_is_told_by_its_tag_and_fields() -> None:
    order = delivered().order
    assert sentence(Wrapped(NINE, "red", 2), order) == "wrapped (paper: red, units: 2)"


def told(history: list[Event]) -> list[str]:
    return [sentence(one, replay(history[: number + 1])) for number, one in enumerate(history)]  # type: ignore[arg-type]


def test_no_sentence_shows_how_anything_is_programmed() -> None:
    """Of every kind of trouble: no brackets of the templates, no values as Python writes them."""
    stories: list[Story] = [make() for makes in RAISED.values() for make in makes]
    for words in (line for story in (*stories, delivered()) for line in told(story.history)):
        assert not any(sign in words for sign in ("{", "}", "Decimal(", "datetime", "<", "=", "FrozenMap")), words


@settings(max_examples=20)
@given(lives())
def test_any_life_can_be_audited(life: Life) -> None:
    """Every event is told once, in its order, and the same is told again."""
    history = [
        Recorded(number, one, f"c{number // 3}", SYSTEM, "standard") for number, one in enumerate(life.events, 1)
    ]
    report = audit_report(history)
    assert sum(len(entry.happened) for entry in report.entries) == len(life.events)
    assert [entry.first for entry in report.entries] == sorted({entry.first for entry in report.entries})
    assert str(report) == str(audit_report(history))


def test_what_others_told_reads_as_who_said_what_in_which_paper_and_where_the_goods_went() -> None:
    flow = OrderFlow(clock=ManualClock(NINE))
    parcels = [facts.Package({"L1": 4}, "1Z1"), facts.Package({"L1": 2})]
    sent = facts.Despatched("ERP", "DN-1", parcels, occurred_at=NINE, carrier="UPS", tracking_number="M1")
    flow.adopt(AdoptOrder("SO-77", [("TEA", 10)], "EUR", NINE, [sent]), by=Actor("system", "import"), reason="go-live")
    flow.observe(Scan("M1", "in_transit", NINE))
    flow.record_facts("SO-77", facts.Despatched("ERP", "DN-1", revision=2), facts.Paid("ERP", "P1", Money("5", "EUR")))
    report = str(flow.audit("SO-77"))
    for told in (
        'system import: adopt_order "go-live"',
        "others told: ERP despatched DN-1: 4 × TEA (L1) under 1Z1, 2 × TEA (L1), occurred at 2026-11-23 09:00 UTC,"
        " carrier UPS, tracking number M1",
        "the books follow what others told: 4 × TEA (L1) from open to shipped P@1Z1;"
        " 2 × TEA (L1) from open to shipped P@ERP:DN-1:2",
        "carriers reported of what others sent: M1 in_transit at 2026-11-23 09:00 UTC",
        "others told: ERP despatched DN-1 (revision 2): nothing; ERP paid P1: amount 5.00 EUR",
        "the books follow what others told: 4 × TEA (L1) from shipped P@1Z1 to open;",
    ):
        assert told in report, report
