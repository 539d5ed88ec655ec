"""Every case can be closed by every option that it offers, and comes to rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orderflow.commands import (
    AuthorizeReturn,
    BookShipment,
    CancelLines,
    CancelOrder,
    DespatchShipment,
    DisposeReturn,
    ReceiveReturn,
    RecordCheck,
    RecordDespatch,
    RefuseConfirmation,
    ResolveException,
    VoidShipment,
)
from orderflow.consignment import SharedBox
from orderflow.ports import (
    BookCarrier,
    Booked,
    BookReturn,
    ClaimStock,
    GaveUp,
    IssueStock,
    PutWork,
    QueryRates,
    QuotePrices,
    Rates,
    ReceiveStock,
    Refused,
    SendMessage,
    VoidBooking,
    WorkAccepted,
)
from orderflow.process import STAGES
from orderflow.stages import advices
from orderflow.stages.advices import DespatchedParcel
from orderflow.stages.losses import CODES
from orderflow.values import FrozenMap
from orderflow.values.checked import evolved
from tests.docs.test_reference import generate
from tests.scenario import ID, SENSIBLE, Life, booked, booking_of, held, packed, placed, requested, verified
from tests.stages.test_answers import LATER
from tests.stages.test_checks import CREDIT, needing
from tests.stages.test_confirmation import ASKING
from tests.stages.test_fulfillers import submitted as work_of_others
from tests.stages.test_losses import in_trouble
from tests.stages.test_returns import agreed, asked, brought_back, received

Made = Callable[[], Life]


def ticket_reused() -> Life:
    life = placed(lines=[("TEA-250", 3)]).answer(ClaimStock, LATER)
    return life.answer(QuotePrices, LATER)


def contradicted() -> Life:
    life = requested()
    request = life.wanted(BookCarrier)
    other = booking_of(request).booking
    life.hears(request, booking_of(request))
    return life.hears(request, Booked(evolved(other, number="B-other")))


def unwanted_booking() -> Life:
    life = requested()
    request = life.wanted(BookCarrier)
    life.hears(request, GaveUp(8, "timeout")).do(CancelOrder(ID), ResolveException(ID, "X1", "not_booked"))
    return life.hears(request, booking_of(request)).answer(VoidBooking, Refused("void.too_late"))


def in_a_shared_box() -> Life:
    box = SharedBox("BOX-7", "8.2", {ID: 1, "B-2": 1})
    return packed().do(BookShipment(ID, service="parcel", shared=box)).reply_all().do(VoidShipment(ID, "BOX-7"))


def issue_refused() -> Life:
    return booked().do(DespatchShipment(ID)).reply_all(IssueStock).answer(IssueStock, Refused("period.closed"))


def release_refused() -> Life:
    return verified(lines=[("TEA-250", 3)]).do(CancelOrder(ID)).answer(ClaimStock, Refused("erp.locked"))


def beyond_tolerance() -> Life:
    told = RecordDespatch(ID, "3PL", "D-1", [DespatchedParcel([("L1", 5)])])
    return verified(lines=[("TEA-250", 2)]).do(told)


def said_twice() -> Life:
    life = work_of_others()
    request = life.wanted(PutWork)
    less = {line.line_id: line.quantity - 1 for line in request.lines}
    life.hears(request, WorkAccepted(1, FrozenMap(less))).do(CancelLines(ID, {"L1": 1})).reply_all()
    return life.hears(request, SENSIBLE[PutWork](request))


#: Every code of a case, and lives in which it comes up.
RAISED: dict[str, tuple[Made, ...]] = {
    "port.gave_up": (
        lambda: placed().answer(QuotePrices, GaveUp(8, "timeout")),
        lambda: requested().answer(BookCarrier, GaveUp(8, "timeout")),
        lambda: placed().answer(SendMessage, GaveUp(8, "timeout")),
        lambda: asked().do(AuthorizeReturn(ID, "R1")).answer(BookReturn, GaveUp(8, "timeout")),
    ),
    "port.impossible_reply": (lambda: placed().answer(QuotePrices, lambda request: None),),
    "port.ticket_reused": (ticket_reused,),
    "pricing.refused": (lambda: placed().answer(QuotePrices, Refused("price.unknown")),),
    "shipping.no_rate": (lambda: packed().do(BookShipment(ID)).answer(QueryRates, Rates(())),),
    "shipping.refused": (lambda: requested().answer(BookCarrier, Refused("area.closed")),),
    "shipping.contradiction": (contradicted,),
    "shipping.void_declined": (
        lambda: booked().do(VoidShipment(ID, "S1")).answer(VoidBooking, Refused("void.too_late")),
        unwanted_booking,
    ),
    "shipping.shared_box": (in_a_shared_box,),
    "shipping.issue_refused": (issue_refused,),
    "verification.check_failed": (
        lambda: verified(needing(CREDIT)).do(RecordCheck(ID, "credit", False, note="limit 20")),
    ),
    "confirmation.refused": (lambda: verified(ASKING).do(RefuseConfirmation(ID, ["L2"], "too late")),),
    "stock.short": (lambda: placed(lines=[("TEA-250", 3)]).answer(ClaimStock, lambda request: held(request, 1)),),
    "stock.release_refused": (release_refused,),
    "fulfillers.declined": (lambda: work_of_others().answer(PutWork, Refused("acme.closed")),),
    "fulfillers.unclear": (
        lambda: work_of_others().do(CancelLines(ID, {"L1": 1})).answer(PutWork, Refused("acme.no")),
    ),
    "fulfillers.contradiction": (said_twice,),
    "message.refused": (lambda: placed().answer(SendMessage, Refused("address.unknown")),),
    "despatch.beyond_tolerance": (beyond_tolerance,),
    "return.label_refused": (lambda: asked().do(AuthorizeReturn(ID, "R1")).answer(BookReturn, Refused("no")),),
    "return.unexpected": (lambda: agreed().do(ReceiveReturn(ID, "R1", [("L1", 3)])),),
    "return.undelivered": (brought_back,),
    "return.receipt_refused": (lambda: received().do(DisposeReturn(ID, "R1")).answer(ReceiveStock, Refused("no")),),
    **{code: ((lambda code=code: in_trouble(code)),) for code in CODES},
}


def test_every_code_of_a_case_is_in_the_table() -> None:
    """Whoever adds a case adds a life in which it comes up."""
    settled = {code for stage in STAGES for code, _ in stage.settles}
    assert {told.code for told in generate.told_cases()} | settled == set(RAISED)
    assert set(advices.CASES) <= set(RAISED)


@pytest.mark.parametrize(
    ("code", "number"), [(code, number) for code, made in RAISED.items() for number in range(len(made))]
)
def test_every_option_closes_its_case_and_the_order_comes_to_rest(code: str, number: int) -> None:
    make = RAISED[code][number]
    (offered,) = (case for case in make().order.open_cases if case.code == code)
    for option in offered.options:
        life = make()
        life.do(ResolveException(ID, offered.id, option))
        assert life.order.cases[offered.id].chosen == option
        assert not any(case.code == code for case in life.reply_all().order.open_cases), option
