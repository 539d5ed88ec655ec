"""Who hears what, when, in which locale and by which channel; and what nobody hears any more."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import attrs
import pytest

from orderflow.commands import (
    AmendOrder,
    BookShipment,
    CancelLines,
    CancelOrder,
    DespatchShipment,
    PackParcel,
    RecordPick,
    RecordTracking,
    ResolveException,
    StartPicking,
    TimePassed,
)
from orderflow.defaults import STANDARD, one_fulfillment_a_line
from orderflow.errors import InvalidInput
from orderflow.events import MessageQueued, MessageSuperseded, MessageWithheld
from orderflow.messages import Envelope
from orderflow.order import Message, Order
from orderflow.policy import Draft, Policy, Withheld
from orderflow.ports import ClaimStock
from orderflow.process import STAGES, OrderProcess
from orderflow.stages.communication import KINDS
from orderflow.telling import Audience
from orderflow.values import Contact, FrozenMap, Party
from tests.scenario import (
    ADA,
    BERLIN,
    ID,
    NOW,
    Life,
    a_place_order,
    booked,
    delivered,
    despatched,
    held,
    packed,
    placed,
    scan,
    verified,
)


def reports(life: Life, *statuses: str, hours: float = 1, number: str = "T-S1-1", **more: Any) -> Life:
    scans = [scan(status, number, hours + later, **more) for later, status in enumerate(statuses)]
    return life.do(RecordTracking(ID, scans))


def queued(life: Life) -> list[tuple[str, str]]:
    """What was to be told by the last step: kind and subject."""
    return [(event.kind, event.subject) for event in life.events if isinstance(event, MessageQueued)]


def message(life: Life, kind: str) -> Message:
    (found,) = (one for one in life.order.messages.values() if one.kind == kind)
    return found


def in_two_parcels() -> Life:
    """An order of two lines, each on its way in a parcel of its own."""
    life = verified(attrs.evolve(STANDARD, plan=one_fulfillment_a_line))
    for fulfillment_id in ("F1", "F2"):
        leaves(life, fulfillment_id)
    return life


def leaves(life: Life, fulfillment_id: str) -> None:
    life.do(StartPicking(ID, fulfillment_id)).reply_all().do(RecordPick(ID, fulfillment_id)).reply_all()
    life.do(PackParcel(ID, fulfillment_id)).reply_all()
    life.do(BookShipment(ID, service="parcel", carrier="DHL")).reply_all()
    life.do(DespatchShipment(ID)).reply_all()


# -- facts, each told once ---------------------------------------------------------------------------------------------


def test_the_way_of_an_order_is_told_step_by_step() -> None:
    life = despatched()
    reports(life, "in_transit", "out_for_delivery", "delivered").reply_all()

    assert [kind for kind, _ in life.told] == [
        "order_placed",
        "order_verified",
        "shipment_despatched",
        "order_delivered",
    ]


@pytest.mark.parametrize(
    ("status", "more", "kind", "subject"),
    [
        ("out_for_delivery", {}, "out_for_delivery", "P1 2026-11-23"),
        ("delivery_failed", {"reason": "not_at_home"}, "delivery_failed", "P1 2026-11-23"),
        ("ready_for_pickup", {"location": "Shop 7"}, "ready_for_pickup", "P1"),
        ("return_to_sender", {}, "return_to_sender", "P1"),
        ("on_hold", {"action_required": True, "reason": "customs"}, "action_required", "P1 customs"),
    ],
)
def test_what_a_carrier_reports_of_a_parcel_is_told_once_however_often_it_is_reported(
    status: str, more: dict[str, Any], kind: str, subject: str
) -> None:
    life = reports(despatched(), status, **more)
    assert queued(life) == [(kind, subject)]

    assert queued(reports(life, status, **more)) == []
    assert queued(reports(life, status, hours=2, id="again", **more)) == []


@pytest.mark.parametrize("status", ["pending", "picked_up", "in_transit", "on_hold", "delivery_delayed", "unknown"])
def test_what_changes_nothing_for_the_customer_is_not_told(status: str) -> None:
    assert queued(reports(despatched(), status)) == []


def test_another_day_of_delivery_is_another_fact() -> None:
    life = reports(despatched(), "out_for_delivery").reply_all()
    reports(life, "delivery_failed", hours=5).reply_all()

    assert queued(reports(life.at(days=1), "out_for_delivery", hours=25)) == [("out_for_delivery", "P1 2026-11-24")]


def test_a_parcel_that_arrives_before_the_others_is_told_of_and_the_last_one_by_the_order() -> None:
    life = despatched(lines=[("TEA-250", 2)])
    assert queued(reports(life, "delivered", hours=3)) == [("order_delivered", "")]

    split = in_two_parcels()
    assert queued(reports(split, "delivered", number="T-S1-1")) == [("parcel_delivered", "P1")]
    assert queued(reports(split, "delivered", number="T-S2-1")) == [("order_delivered", "")]


def test_lines_that_wait_for_stock_are_told_of_together_and_once() -> None:
    life = placed().reply_all(ClaimStock)
    for _ in range(2):
        life.hears(life.requests[0], held(life.requests[0], 0))
    told = [one for one in life.order.messages.values() if one.kind == "goods_backordered"]

    assert sorted(line for one in told for line in one.subject.split("+")) == ["L1", "L2"]
    assert queued(life.do(TimePassed(ID))) == []


def test_a_change_is_told_with_the_new_total_once_it_is_known() -> None:
    life = verified().do(AmendOrder(ID, {"L1": 3}))
    assert queued(life) == []

    life.reply_all()
    assert message(life, "order_changed").body["total"] == str(life.order.total)
    assert life.do(AmendOrder(ID, {"L1": 2})).order.messages["M4"].subject == "2"


def test_a_slip_is_told_once_with_the_lines_and_the_new_day() -> None:
    life = despatched(deliver_by=date(2026, 11, 24))
    reports(life, "in_transit", estimate=date(2026, 11, 26)).reply_all()

    told = message(life, "delivery_delayed")
    assert told.subject == "L1+L2 2026-11-26"
    body = {"lines": "2 × TEA-250, 1 × POT-1", "promised": "2026-11-24", "expected": "2026-11-26"}
    assert told.body.items() >= body.items()
    assert queued(reports(life, "in_transit", hours=4, estimate=date(2026, 11, 26), id="again")) == []
    assert queued(life.passes(days=4)) == []


def test_a_promise_that_is_missed_without_a_new_day_is_told_without_one() -> None:
    life = despatched(deliver_by=date(2026, 11, 24)).passes(days=2)

    assert queued(life) == [("delivery_delayed", "L1+L2")]
    assert "expected" not in message(life, "delivery_delayed").body


def test_a_slip_that_was_not_told_is_not_told_once_the_goods_are_there_in_time() -> None:
    def late_teller(order: Order, kind: str, subject: str) -> Draft | None:
        return Draft("email", "ada@example.org", "en", FrozenMap()) if order.has_arrived("L1") else None

    life = despatched(attrs.evolve(STANDARD, draft=late_teller), deliver_by=date(2026, 11, 24))
    reports(life, "in_transit", estimate=date(2026, 11, 26))
    assert life.order.promises["L1"].slip

    reports(life, "delivered", hours=4)
    assert "delivery_delayed" not in [kind for kind, _ in queued(life)]
    assert ("order_delivered", "") in queued(life)


def test_a_cancelled_order_is_told_of_and_nothing_else_any_more() -> None:
    life = placed().do(CancelOrder(ID, "too dear")).reply_all()

    assert life.told[-1] == ("order_cancelled", "sent")


def test_cancelled_lines_are_told_of() -> None:
    life = verified().do(CancelLines(ID, {"L1": 1})).reply_all()

    assert message(life, "lines_cancelled").body["lines"] == "1 × TEA-250"


def test_every_kind_is_named_with_the_fact_that_it_tells_of() -> None:
    assert all(KINDS.values())
    assert {kind for kinds in STANDARD.superseded_by.values() for kind in kinds} | {*STANDARD.told_within} <= {*KINDS}


def test_what_was_lost_is_told_and_what_is_done_about_it() -> None:
    life = reports(despatched(deliver_by=date(2026, 11, 24)), "delivery_failed", reason="lost")
    assert queued(life) == [("goods_lost", "P1")]

    life.do(ResolveException(ID, life.case.id, "reship"))
    assert queued(life) == [("replacement_ordered", "L3+L4")]
    assert message(life, "replacement_ordered").body["lines"] == "2 × TEA-250, 1 × POT-1"
    life.reply_all()
    assert set(life.order.promises) == {"L1", "L2"}, "the day asked for is that of the original"


def test_what_is_given_back_for_lost_goods_is_told() -> None:
    life = reports(despatched(), "delivery_failed", reason="lost")
    life.do(ResolveException(ID, life.case.id, "refund")).reply_all()

    assert message(life, "goods_credited").body["lines"] == "2 × TEA-250 and 1 × POT-1"


# -- who hears it ------------------------------------------------------------------------------------------------------

PHONED = attrs.evolve(BERLIN, phone="+49 30 123")
OFFICE = Party("Krull KG", contact=Contact("office@example.org", locale="de", wants=("order_delivered",)))
BOTH = attrs.evolve(
    STANDARD,
    draft=Audience({"": ("customer", "bill_to"), "out_for_delivery": ("customer", "ship_to"), "order_placed": ()}),
)


def told_to(life: Life) -> list[tuple[str, str, str, str]]:
    return [(m.kind, m.recipient, m.channel, m.to) for m in life.order.messages.values()]


def test_several_may_hear_of_one_fact_each_in_its_own_way() -> None:
    life = reports(despatched(BOTH, ship_to=PHONED, bill_to=OFFICE), "out_for_delivery")
    reports(life, "delivered", hours=3)

    assert told_to(life) == [
        ("order_verified", "customer", "email", "ada@example.org"),
        ("shipment_despatched", "customer", "email", "ada@example.org"),
        ("out_for_delivery", "customer", "email", "ada@example.org"),
        ("out_for_delivery", "ship_to", "sms", "+49 30 123"),
        ("order_delivered", "customer", "email", "ada@example.org"),
        ("order_delivered", "bill_to", "email", "office@example.org"),
    ]
    assert [m.locale for m in life.order.messages.values()][-1] == "de"


def test_who_is_two_parties_of_an_order_hears_it_once() -> None:
    life = verified(BOTH, bill_to=ADA)

    assert told_to(life) == [("order_verified", "customer", "email", "ada@example.org")]


def test_who_has_no_number_and_who_does_not_want_to_is_not_told() -> None:
    quiet = Party("Ada", contact=Contact("ada@example.org", wants=()))
    nowhere = Party("Ada", contact=Contact(channel="sms"))

    assert (
        told_to(verified(customer=quiet))
        == told_to(verified(customer=nowhere))
        == told_to(verified(customer=None))
        == []
    )


def test_a_strategy_may_give_one_draft_several_or_none() -> None:
    def some(order: Order, kind: str, subject: str) -> Any:
        one = Draft("email", f"{kind}@example.org", "en", FrozenMap())
        answers: dict[str, Any] = {"order_placed": one, "order_verified": iter([one, attrs.evolve(one, to="b@c.de")])}
        return answers.get(kind)

    life = despatched(attrs.evolve(STANDARD, draft=some))
    assert [m.to for m in life.order.messages.values()] == [
        "order_placed@example.org",
        "order_verified@example.org",
        "b@c.de",
    ]


def test_a_fact_that_a_strategy_withholds_is_never_told() -> None:
    asked: list[str] = []

    def silent(order: Order, kind: str, subject: str) -> Withheld:
        asked.append(kind)
        return Withheld("the shop tells")

    process = OrderProcess(attrs.evolve(STANDARD, draft=silent))
    order = process.carry_out(None, a_place_order(), Envelope(NOW)).order
    process.carry_out(order, TimePassed(ID), Envelope(NOW))

    assert asked == ["order_placed"]
    assert [(m.state, m.failure) for m in order.messages.values()] == [("withheld", "the shop tells")]


# -- what nobody hears any more ----------------------------------------------------------------------------------------


def without_mail(life: Life, *steps: Any) -> Life:
    """The carrier reports while no mail can be sent; all else is answered."""
    for hours, status in steps:
        reports(life, status, hours=hours)
    return life


def states(life: Life) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in life.order.messages.values():
        found.setdefault(one.kind, []).append(one.state)
    return found


def test_a_message_that_a_later_one_makes_stale_is_not_sent() -> None:
    life = without_mail(despatched(), (1, "out_for_delivery"), (3, "delivery_failed"), (5, "delivered"))

    assert {kind: words for kind, words in states(life).items() if words != ["sent"]} == {
        "out_for_delivery": ["superseded"],
        "delivery_failed": ["superseded"],
        "order_delivered": ["queued"],
    }
    assert [ask for ask in life.asks if ask.startswith("send")] == ["send/M6"]


def test_a_message_about_one_parcel_does_not_make_one_about_another_stale() -> None:
    split = in_two_parcels()
    reports(split, "out_for_delivery", number="T-S1-1")
    reports(split, "delivery_failed", number="T-S2-1")

    assert states(split)["out_for_delivery"] == ["queued"]


def test_out_for_delivery_is_not_sent_days_later() -> None:
    life = reports(despatched(), "out_for_delivery")
    assert life.process.attention(life.order) == NOW + timedelta(hours=13)

    life.passes(days=3)

    assert life.events == (MessageSuperseded(life.now, "M4", "time"),)
    assert "send/M4" not in life.asks


def test_a_report_that_arrives_days_late_is_not_told() -> None:
    life = reports(despatched().at(days=3), "out_for_delivery")

    assert MessageWithheld(life.now, "M4", "out_for_delivery", "P1 2026-11-23", "known too late") in life.events
    assert queued(reports(life, "delivery_failed", hours=71)) == [("delivery_failed", "P1 2026-11-26")]


# -- silence -----------------------------------------------------------------------------------------------------------


def test_a_command_may_be_given_without_telling_anyone_now_or_later() -> None:
    process = OrderProcess(STANDARD)
    quiet = process.carry_out(None, a_place_order(), Envelope(NOW, notify=False))
    later = process.carry_out(quiet.order, TimePassed(ID), Envelope(NOW))

    assert [(m.kind, m.state) for m in later.order.messages.values()] == [("order_placed", "withheld")]
    assert MessageWithheld(NOW, "M1", "order_placed", "", "not to be told") in quiet.events


def test_what_follows_later_is_told_all_the_same() -> None:
    life = booked()
    outcome = life.process.carry_out(life.order, DespatchShipment(ID), Envelope(NOW, notify=False))
    told = life.process.carry_out(outcome.order, RecordTracking(ID, [scan("delivered")]), Envelope(NOW)).order.messages

    assert [(m.kind, m.state) for m in told.values()][-2:] == [
        ("shipment_despatched", "withheld"),
        ("order_delivered", "queued"),
    ]


def test_notify_is_a_flag() -> None:
    with pytest.raises(InvalidInput, match="envelope"):
        Envelope(NOW, notify="no")  # type: ignore[arg-type]


def test_a_preview_shows_what_would_be_told() -> None:
    life = packed()
    assert life.process.preview(life.order, CancelOrder(ID), Envelope(NOW)).messages == (("order_cancelled", ""),)


# -- erased data, other processes --------------------------------------------------------------------------------------


def test_what_is_told_stays_told_when_the_customer_is_reached_elsewhere() -> None:
    """Who is told by another channel from now on is not told everything once more."""
    life = despatched()
    other: Policy = attrs.evolve(STANDARD, draft=lambda order, kind, subject: Draft("sms", "+49", "en", FrozenMap()))

    assert OrderProcess(other).consequences(life.order, NOW) == ()


def test_an_ordinary_order_is_not_asked_about_again() -> None:
    (stage,) = (one for one in STAGES if one.name == "communication")

    assert stage.looks_at(delivered().order) is not None
