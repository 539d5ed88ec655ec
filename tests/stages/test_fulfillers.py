"""Work at locations that others run: submitted, accepted, declined, given up or kept; hours later, and in any order."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from orderflow.commands import (
    AmendOrder,
    BookShipment,
    CancelLines,
    CancelOrder,
    PackParcel,
    PlaceHold,
    RecordDespatch,
    RecordPick,
    RecordReply,
    ReleaseHold,
    Reroute,
    ResolveException,
    StartPicking,
)
from orderflow.defaults import STANDARD, one_fulfillment_a_line
from orderflow.errors import InvalidInput
from orderflow.explain import explain
from orderflow.ledger import CANCELLED, Move, allocated
from orderflow.lifecycle import FULFILLMENT
from orderflow.policy import Lifecycles
from orderflow.ports import ClaimStock, Deferred, GaveUp, PutWork, QuotePrices, Refused, VoidBooking, WorkAccepted
from orderflow.process import OrderProcess
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.advices import DespatchedParcel
from orderflow.stages.changes import CancellationDeclined, LinesCancelled, OrderCancelled
from orderflow.stages.fulfillers import FulfillerAskedAgain, WorkConfirmed, WorkDeclined, WorkWanted
from orderflow.stages.picking import OrderInFulfillment
from orderflow.values import FrozenMap
from tests.scenario import BERLIN, ID, NOW, D, Life, a_place_order, held, placed

THEIRS = attrs.evolve(STANDARD, fulfillers={"BER": "ACME"})
TEN: dict[str, Any] = {"lines": [("TEA-250", 10)]}
KEY = f"main/{ID}/work/F1"


def submitted(policy: Any = THEIRS, **changes: Any) -> Life:
    """Ten packets are to be sent by ACME, which has not answered yet."""
    return placed(policy, **(TEN | changes)).reply_all(PutWork)


def does(*units: Any) -> Any:
    """An answer: so many of each line will be done."""
    return lambda request: WorkAccepted(
        request.revision, FrozenMap({f"L{number}": D(n) for number, n in enumerate(units, 1)})
    )


def accepted(**changes: Any) -> Life:
    return submitted(**changes).answer(PutWork, does(10))


def waits(life: Life) -> list[str]:
    return [str(wait) for wait in explain(life.order, life.process).waiting_for]


def kinds(life: Life) -> list[str]:
    return [kind for kind, _ in life.told]


# -- submission -----------------------------------------------------------------------------------------------------


def test_work_at_a_location_that_others_run_is_submitted() -> None:
    life = submitted()
    request = life.wanted(PutWork)
    assert (request.id, request.key, request.revision) == ("work/F1/1", KEY, 1)
    assert (request.fulfiller, request.location, request.ship_to, request.reference) == ("ACME", "BER", BERLIN, ID)
    assert [(line.line_id, line.sku, line.quantity, line.ship_to) for line in request.lines] == [
        ("L1", "TEA-250", D(10), None)
    ]
    assert life.order.fulfillments["F1"].state == "submitted"
    assert waits(life) == ["ACME to accept 10 × TEA-250 (fulfillment F1)"]


def test_work_that_is_accepted_is_begun() -> None:
    life = submitted().answer(PutWork, does(10))
    assert life.events == (
        WorkConfirmed(NOW, "F1", 1, FrozenMap({"L1": D(10)})),
        OrderInFulfillment(NOW, "in_fulfillment"),
    )
    assert life.asks == ()
    assert waits(life) == ["ACME to send 10 × TEA-250 (fulfillment F1)"]


def test_a_function_may_say_who_runs_a_location() -> None:
    life = submitted(attrs.evolve(STANDARD, fulfillers=lambda location: "ACME" if location == "BER" else None))
    assert life.wanted(PutWork).fulfiller == "ACME"
    ours = attrs.evolve(STANDARD, fulfillers={"HAM": "ACME"})
    assert submitted(ours).asks == ()


@pytest.mark.parametrize("command", [StartPicking(ID, "F1"), RecordPick(ID, "F1"), PackParcel(ID, "F1")])
def test_the_work_of_others_is_not_picked_or_packed_by_us(command: Any) -> None:
    assert submitted().codes(command)[0] == "fulfillment.not_ours"
    held = submitted_later()
    assert "fulfillment.not_ours" in held.codes(command), "not even before it was submitted"


def submitted_later() -> Life:
    life = Life(THEIRS).do(a_place_order(**TEN), PlaceHold(ID, "credit", blocks=["submit"])).reply_all(PutWork)
    assert life.order.fulfillments["F1"].state == "planned"
    return life


def test_a_hold_keeps_work_from_being_submitted() -> None:
    life = submitted_later()
    assert life.asks == ()
    assert waits(life)[0] == "ACME to be asked for 10 × TEA-250 (fulfillment F1)"
    life.do(ReleaseHold(ID, "H1"))
    assert life.asks == ("work/F1/1",)


def test_each_fulfillment_is_a_work_of_its_own() -> None:
    policy = attrs.evolve(THEIRS, plan=one_fulfillment_a_line)
    life = submitted(policy, lines=[("TEA-250", 2), ("POT-1", 1)])
    assert life.asks == ("work/F1/1", "work/F2/1")


def test_a_policy_whose_fulfillments_cannot_be_submitted_is_refused() -> None:
    steps = [("planned", "submit"), *(("submitted", step) for step in ("record_despatch", "cancel"))]
    lifecycles = Lifecycles(fulfillment=FULFILLMENT.without(*steps))
    with pytest.raises(InvalidInput) as refused:
        OrderProcess(attrs.evolve(THEIRS, lifecycles=lifecycles))
    assert [violation.code for violation in refused.value.violations] == ["policy.missing_step"]


# -- declined at submission -----------------------------------------------------------------------------------------


def test_units_that_are_declined_are_open_again_and_a_case() -> None:
    life = submitted().answer(PutWork, does(7))
    assert life.events[:2] == (
        WorkConfirmed(NOW, "F1", 1, FrozenMap({"L1": D(7)})),
        WorkDeclined(NOW, "F1", FrozenMap({"L1": D(3)}), "fulfiller.declined"),
    )
    assert life.goods["L1"] == {"allocated:F1": D(7), "open": D(3)}
    assert life.order.claims["C1"].missed == 3
    assert (life.case.code, life.case.message) == ("fulfillers.declined", "ACME will not do 3 × TEA-250")
    assert not [ask for ask in life.asks if ask.startswith("work/")], "who has declined is not asked the same again"


def test_a_refusal_of_a_first_submission_declines_all_of_it() -> None:
    life = submitted().answer(PutWork, Refused("acme.closed", "we are closed"))
    assert life.events[1] == WorkDeclined(NOW, "F1", FrozenMap({"L1": D(10)}), "acme.closed", "we are closed")
    assert life.goods["L1"] == {"open": D(10)}
    assert life.order.fulfillments["F1"].state == "cancelled"
    assert "in_fulfillment" not in life.order.milestones


def test_to_try_again_puts_the_units_to_the_same_fulfiller() -> None:
    life = submitted().answer(PutWork, does(7)).do(ResolveException(ID, "X1", "try_again"))
    assert life.events[1] == FulfillerAskedAgain(NOW, "F1")
    assert "work/F2/1" in life.asks
    life.answer(PutWork, does(3))
    assert life.goods["L1"] == {"allocated:F1": D(7), "allocated:F2": D(3)}
    assert life.order.open_cases == ()


def test_a_supplier_that_declines_is_not_asked_the_same_again() -> None:
    line = OrderLine("TEA-250", 10, method="supplier", supplier="MUELLER")
    life = submitted(attrs.evolve(STANDARD, fulfillers={"MUELLER": "Mueller & Sons"}), lines=[line])
    life.answer(PutWork, does(7))
    assert life.goods["L1"] == {"allocated:F1": D(7), "open": D(3)}
    assert life.order.declining("L1") == {"MUELLER"}
    life.do(ResolveException(ID, life.case.id, "try_again")).answer(PutWork, does(3))
    assert life.goods["L1"] == {"allocated:F1": D(7), "allocated:F2": D(3)}


def test_declined_units_that_are_cancelled_close_their_case() -> None:
    life = submitted().answer(PutWork, does(7)).do(CancelLines(ID, {"L1": 3}))
    assert life.order.open_cases == ()
    assert life.goods["L1"] == {"allocated:F1": D(7), "cancelled": D(3)}


def test_a_declined_work_may_be_the_end_of_the_order() -> None:
    life = submitted().answer(PutWork, Refused("acme.closed")).do(ResolveException(ID, "X1", "cancel_order"))
    assert life.order.state == "cancelled"


# -- cancellation ---------------------------------------------------------------------------------------------------


def test_to_cancel_units_that_a_fulfiller_has_is_a_wish_until_it_answers() -> None:
    life = accepted().do(CancelLines(ID, {"L1": 4}))
    assert life.happened == ["CancellationRequested", "WorkWanted"]
    request = life.wanted(PutWork)
    assert (request.id, request.key, request.lines[0].quantity) == ("work/F1/2", KEY, D(6))
    assert life.goods["L1"] == {"allocated:F1": D(10)}
    assert waits(life) == ["ACME to give up 4 × TEA-250 (fulfillment F1)"]

    life.answer(PutWork, does(6))

    wish = (Move("L1", allocated("F1"), CANCELLED, D(4)),)
    assert life.events[:2] == (WorkConfirmed(NOW, "F1", 2, FrozenMap({"L1": D(6)})), LinesCancelled(NOW, wish, wish))
    assert life.goods["L1"] == {"allocated:F1": D(6), "cancelled": D(4)}
    assert kinds(life).count("lines_cancelled") == 1


def test_what_is_packed_already_is_kept_and_the_rest_given_up() -> None:
    life = accepted().do(CancelLines(ID, {"L1": 5})).answer(PutWork, does(8))
    kept = (Move("L1", allocated("F1"), CANCELLED, D(3)),)
    assert life.events[2] == CancellationDeclined(NOW, "fulfiller.packed", "ACME keeps 3 × TEA-250", kept)
    assert life.goods["L1"] == {"allocated:F1": D(8), "cancelled": D(2)}
    assert life.asks[0].startswith("claim/"), "nothing more is asked of the fulfiller"
    message = list(life.order.messages.values())[-1]
    assert (message.body["lines"], message.body["declined"]) == ("2 × TEA-250", "3 × TEA-250")


def test_an_order_whose_work_is_given_up_is_cancelled() -> None:
    life = accepted().do(CancelOrder(ID))
    assert life.wanted(PutWork).lines[0].quantity == 0
    assert life.order.is_cancelling
    life.answer(PutWork, does(0)).reply_all()
    assert life.order.state == "cancelled"
    assert any(isinstance(event, OrderCancelled) for event in life.history)
    assert life.goods["L1"] == {"cancelled": D(10)}
    assert kinds(life)[-1] == "order_cancelled"
    assert "lines_cancelled" not in kinds(life)
    assert life.order.fulfillments["F1"].state == "cancelled"


def test_an_order_of_which_a_fulfiller_keeps_a_part_loses_the_rest() -> None:
    life = accepted().do(CancelOrder(ID, "no")).answer(PutWork, does(6)).reply_all()
    assert not life.order.is_cancelling
    assert life.order.state == "in_fulfillment"
    assert life.goods["L1"] == {"allocated:F1": D(6), "cancelled": D(4)}
    (wish,) = life.order.line_cancellations
    assert (dict(wish.cancelled), dict(wish.declined), wish.reason) == ({"L1": D(4)}, {"L1": D(6)}, "no")
    assert kinds(life).count("lines_cancelled") == 1


def test_where_one_of_two_fulfillers_keeps_a_part_the_other_is_still_asked_for_the_rest() -> None:
    policy = attrs.evolve(THEIRS, plan=one_fulfillment_a_line)
    life = submitted(policy, lines=[("TEA-250", 10), ("POT-1", 5)])
    life.answer(PutWork, does(10), "F1").answer(PutWork, lambda r: WorkAccepted(1, FrozenMap({"L2": D(5)})), "F2")
    life.do(CancelOrder(ID)).answer(PutWork, does(6), "F1")
    assert "work/F2/2" in life.asks
    life.answer(PutWork, lambda r: WorkAccepted(2, FrozenMap({"L2": D(0)})), "F2").reply_all()
    assert life.goods == {"L1": {"allocated:F1": D(6), "cancelled": D(4)}, "L2": {"cancelled": D(5)}}
    assert kinds(life).count("lines_cancelled") == 1


def test_an_order_that_two_fulfillers_give_up_is_told_as_cancelled_and_nothing_else() -> None:
    policy = attrs.evolve(THEIRS, plan=one_fulfillment_a_line)
    life = submitted(policy, lines=[("TEA-250", 10), ("POT-1", 5)]).reply_all().do(CancelOrder(ID))
    life.answer(PutWork, does(0), "F1")
    assert life.goods["L1"] == {"cancelled": D(10)}
    assert life.order.is_cancelling
    life.reply_all()
    assert life.order.state == "cancelled"
    assert kinds(life)[2:] == ["order_cancelled"]


@pytest.mark.parametrize("first", ["the carrier", "the fulfiller"])
def test_what_a_fulfiller_was_asked_to_give_up_stays_asked_for_when_a_carrier_keeps_its_booking(first: str) -> None:
    life = half_theirs().do(CancelOrder(ID))
    if first == "the fulfiller":
        life.answer(PutWork, lambda r: WorkAccepted(2, FrozenMap({"L2": D(0)})))
        life.answer(VoidBooking, Refused("void.too_late"))
    else:
        life.answer(VoidBooking, Refused("void.too_late"))
        life.answer(PutWork, lambda r: WorkAccepted(2, FrozenMap({"L2": D(0)})))
    life.reply_all()
    assert life.goods == {"L1": {"packed:P1": D(2)}, "L2": {"cancelled": D(1)}}
    assert kinds(life).count("lines_cancelled") == 1


def half_theirs() -> Life:
    """The tea is booked at ours, the pot is with ACME."""
    life = placed(attrs.evolve(STANDARD, fulfillers={"HAM": "ACME"}))
    life.answer(ClaimStock, lambda request: held(request, None, "HAM"), "C2").reply_all()
    life.do(StartPicking(ID, "F1"), RecordPick(ID, "F1"), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, service="parcel")).reply_all()
    assert life.goods == {"L1": {"packed:P1": D(2)}, "L2": {"allocated:F2": D(1)}}
    return life


def test_work_that_was_not_accepted_yet_is_cancelled_under_the_same_key() -> None:
    life = submitted().do(CancelOrder(ID))
    assert life.asks == ("work/F1/2",)
    life.answer(PutWork, does(0)).reply_all()
    assert life.order.state == "cancelled"


def test_work_that_was_not_submitted_yet_is_cancelled_at_once() -> None:
    life = submitted_later().do(CancelLines(ID, {"L1": 4}))
    assert life.goods["L1"] == {"allocated:F1": D(6), "cancelled": D(4)}


def test_to_amend_down_what_a_fulfiller_has_is_a_wish_as_well() -> None:
    life = accepted().do(AmendOrder(ID, {"L1": 7}))
    assert life.happened == ["CancellationRequested", "WorkWanted"]
    assert life.codes(AmendOrder(ID, {"L1": 7})) == ["amendment.nothing_changes"]
    assert life.codes(AmendOrder(ID, {"L1": 0})) == ["amendment.nothing_left"]
    life.answer(PutWork, does(7)).reply_all()
    assert life.order.live_quantity("L1") == 7


def test_an_amendment_takes_what_nobody_handles_first_and_asks_for_the_rest() -> None:
    life = accepted().do(AmendOrder(ID, {"L1": 12})).reply_all(QuotePrices)
    life.do(AmendOrder(ID, {"L1": 9}))
    assert life.goods["L1"] == {"allocated:F1": D(10), "cancelled": D(2)}
    assert [str(move) for move in life.order.to_be_cancelled] == ["1 L1 allocated:F1 -> cancelled"]


def test_a_second_wish_is_a_further_revision() -> None:
    life = accepted().do(CancelLines(ID, {"L1": 1}))
    first = life.wanted(PutWork)
    life.do(CancelLines(ID, {"L1": 2}))
    assert (life.wanted(PutWork).revision, life.wanted(PutWork).lines[0].quantity) == (3, D(7))
    assert life.hears(first, does(9)(first)).events == (), "the newer one was not answered yet"
    life.answer(PutWork, does(7)).reply_all()
    assert life.goods["L1"] == {"allocated:F1": D(7), "cancelled": D(3)}
    assert kinds(life).count("lines_cancelled") == 1


def test_a_wish_that_was_declined_may_be_wished_again() -> None:
    life = accepted().do(CancelLines(ID, {"L1": 4})).answer(PutWork, does(10)).do(CancelLines(ID, {"L1": 4}))
    assert life.wanted(PutWork).revision == 3
    life.answer(PutWork, does(6)).reply_all()
    assert life.goods["L1"] == {"allocated:F1": D(6), "cancelled": D(4)}


def test_a_refused_reduction_leaves_the_work_as_it_was() -> None:
    life = accepted().do(CancelLines(ID, {"L1": 4})).answer(PutWork, Refused("acme.too_late", "it is on the belt"))
    kept = (Move("L1", allocated("F1"), CANCELLED, D(4)),)
    assert life.events[1] == CancellationDeclined(NOW, "acme.too_late", "it is on the belt", kept)
    assert life.order.works["F1"].agreed == {"L1": D(10)}
    assert life.asks == ("send/M3",), "the customer hears that it is too late"


@pytest.mark.parametrize(
    ("option", "goods"),
    [
        ("nothing_is_done", {"cancelled": D(4), "open": D(6)}),
        ("all_is_done", {"allocated:F1": D(10)}),
    ],
)
def test_a_reduction_that_is_refused_before_anything_was_accepted_is_for_a_person(option: str, goods: Any) -> None:
    life = submitted().do(CancelLines(ID, {"L1": 4})).answer(PutWork, Refused("acme.no"))
    assert (life.case.code, life.asks) == ("fulfillers.unclear", ())
    life.do(ResolveException(ID, "X1", option))
    assert life.goods["L1"] == goods


def test_what_a_fulfiller_has_is_not_rerouted_behind_its_back() -> None:
    assert accepted().codes(Reroute(ID, "F1")) == ["sourcing.nothing_to_reroute"]


def test_a_reservation_that_ends_takes_nothing_from_a_fulfiller() -> None:
    until = NOW.replace(hour=12)
    life = placed(THEIRS, **TEN).answer(ClaimStock, lambda request: held(request, until=until)).reply_all()
    life.passes(hours=4)
    assert life.goods["L1"] == {"allocated:F1": D(10)}
    assert not [ask for ask in life.asks if ask.startswith("work/")]


# -- goods that leave meanwhile --------------------------------------------------------------------------------------


def sends(units: int, document: str = "ASN-1") -> RecordDespatch:
    """ACME says that so many have left."""
    parcel = DespatchedParcel([("L1", units)], f"TRK-{document}")
    return RecordDespatch(ID, "ACME", document, [parcel], "DHL", location="BER")


def test_when_all_has_left_no_answer_is_needed_any_more() -> None:
    life = submitted().do(sends(10)).reply_all(PutWork)
    assert [ask for ask in life.asks if ask.startswith("work/")] == []
    assert life.order.state == "shipped"
    assert life.order.fulfillments["F1"].state == "despatched"


def test_what_has_left_is_declined_before_the_fulfiller_answers() -> None:
    life = accepted().do(CancelLines(ID, {"L1": 6}), sends(7))
    assert dict(life.order.line_cancellations[-1].declined) == {"L1": D(3)}
    assert life.wanted(PutWork).revision == 2, "what is asked for stays as it was"
    life.answer(PutWork, does(7)).reply_all()
    assert life.goods["L1"] == {"shipped:P1": D(7), "cancelled": D(3)}
    assert life.order.state == "shipped"


def test_an_answer_that_says_less_than_has_left_gives_up_only_what_is_there() -> None:
    life = accepted().do(CancelLines(ID, {"L1": 4}), sends(6)).answer(PutWork, does(2)).reply_all()
    assert life.goods["L1"] == {"shipped:P1": D(6), "cancelled": D(4)}
    assert life.order.works["F1"].agreed == {"L1": D(6)}


def test_what_is_sent_in_two_parts_may_be_reduced_in_between() -> None:
    life = accepted().do(sends(3), CancelLines(ID)).answer(PutWork, does(5))
    assert life.goods["L1"] == {"shipped:P1": D(3), "allocated:F1": D(2), "cancelled": D(5)}
    life.do(sends(2, "ASN-2")).reply_all()
    assert life.order.state == "shipped"
    assert kinds(life).count("lines_cancelled") == 1


def test_an_order_of_which_something_leaves_while_it_is_cancelled_loses_only_the_rest() -> None:
    life = accepted().do(CancelOrder(ID), sends(6))
    assert not life.order.is_cancelling
    assert life.wanted(PutWork).revision == 2
    life.answer(PutWork, does(6)).reply_all()
    assert life.goods["L1"] == {"shipped:P1": D(6), "cancelled": D(4)}


# -- answers that come late, twice, or cannot be ---------------------------------------------------------------------


def test_an_answer_may_come_hours_later() -> None:
    life = submitted()
    later = Deferred("T1", NOW.replace(hour=12), NOW.replace(day=30))
    life.answer(PutWork, later).at(hours=2)
    assert life.asks == ()
    life.do(RecordReply(ID, "T1", WorkAccepted(1, FrozenMap({"L1": D(10)}))))
    assert life.order.works["F1"].is_settled


def test_an_answer_that_comes_twice_changes_nothing() -> None:
    life = submitted()
    request = life.wanted(PutWork)
    life.answer(PutWork, does(7))
    assert life.hears(request, does(7)(request)).events == ()
    assert life.hears(request, Refused("late")).events == ()


def test_a_late_acceptance_of_what_is_cancelled_meanwhile_changes_nothing() -> None:
    life = submitted()
    first = life.wanted(PutWork)
    life.do(CancelOrder(ID)).answer(PutWork, does(0))
    life.reply_all()
    assert life.hears(first, does(10)(first)).events == ()


def test_a_fulfiller_that_says_two_things_is_a_case() -> None:
    life = submitted()
    request = life.wanted(PutWork)
    life.answer(PutWork, does(7)).do(CancelLines(ID, {"L1": 3})).reply_all()
    assert life.hears(request, does(9)(request)).happened == ["ExceptionRaised"]
    assert life.case.code == "fulfillers.contradiction"
    life.do(ResolveException(ID, life.case.id, "settled"))
    assert life.order.open_cases == ()


@pytest.mark.parametrize(
    "reply",
    [
        WorkAccepted(1, FrozenMap({"L1": D(11)})),
        WorkAccepted(1, FrozenMap({"L1": D(-1)})),
        WorkAccepted(1, FrozenMap({"L9": D(1)})),
        WorkAccepted(2, FrozenMap({"L1": D(10)})),
        None,
    ],
)
def test_an_answer_that_cannot_be_is_a_case(reply: Any) -> None:
    life = submitted().answer(PutWork, lambda request: reply)
    assert (life.case.code, life.case.about) == ("port.impossible_reply", "work/F1/1")
    life.do(ResolveException(ID, "X1", "try_again")).answer(PutWork, does(10))
    assert life.order.works["F1"].is_settled


def test_a_fulfiller_that_gives_no_answer_is_a_case() -> None:
    life = submitted().answer(PutWork, GaveUp(8, "timeout"))
    assert (life.case.code, life.case.options) == ("port.gave_up", ("try_again",))


def test_the_intention_is_an_event_with_the_whole_body() -> None:
    life = submitted()
    (wanted,) = [event for event in life.history if isinstance(event, WorkWanted)]
    assert wanted.request == life.wanted(PutWork)
