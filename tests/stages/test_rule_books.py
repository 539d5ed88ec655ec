"""Every rule book, in its tiers: what is told, in which order, with which path; and only the first broken tier."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import attrs
import pytest

from orderflow.change_rules import ChangeRule
from orderflow.commands import (
    AcceptConfirmation,
    AcknowledgeOrder,
    AdoptOrder,
    AmendOrder,
    ApproveAmendment,
    ApproveOrder,
    AuthorizeReturn,
    BookShipment,
    CancelLines,
    CancelOrder,
    CancelReturn,
    ChargeFee,
    CloseReturn,
    CompleteOrder,
    ConfirmOrder,
    DeclineAmendment,
    DeliverDigital,
    DespatchShipment,
    DisposeReturn,
    ErasePersonalData,
    GrantGoodwill,
    InspectReturn,
    PackParcel,
    PlaceDraft,
    PlaceHold,
    PlanFulfillment,
    ReceiveReturn,
    RecordAnswer,
    RecordCash,
    RecordCheck,
    RecordCollection,
    RecordDespatch,
    RecordFacts,
    RecordPayment,
    RecordPick,
    RecordPutAway,
    RecordRefund,
    RecordReply,
    RecordTracking,
    RecordVoid,
    RefuseConfirmation,
    RefuseReturn,
    RejectOrder,
    ReleaseHold,
    RequestReturn,
    Reroute,
    ResolveException,
    SaveDraft,
    StartPicking,
    StockArrived,
    TakeStep,
    TimePassed,
    UnpackParcel,
    VoidShipment,
    WaiveFee,
)
from orderflow.consignment import SharedBox
from orderflow.defaults import STANDARD
from orderflow.errors import Violation
from orderflow.facts import Ordered
from orderflow.kits import Component
from orderflow.lifecycle import FULFILLMENT, ORDER, Lifecycle, Step
from orderflow.lifecycle.worked import WITH_FRAUD_REVIEW
from orderflow.messages import Command
from orderflow.order import ReturnLine
from orderflow.policy import Authority, Check, Lifecycles, Policy
from orderflow.ports import BookCarrier, ClaimStock, GaveUp, Quote, QuotePrices, Refused, Sent
from orderflow.process import STAGES
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.advices import DespatchedParcel
from orderflow.stages.amending import LineChange
from orderflow.stages.picking import ShortPick
from orderflow.values import Money
from orderflow.values.checked import evolved
from tests.scenario import (
    BERLIN,
    ID,
    NOW,
    ONE_PLACE,
    Life,
    a_place_order,
    an_adoption,
    booked,
    delivered,
    despatched,
    eur,
    held,
    packed,
    picked,
    picking,
    placed,
    quoted,
    requested,
    scan,
    verified,
)
from tests.stages.test_answers import LATER
from tests.stages.test_returns import agreed, asked, received, when_credited

BY_HAND = attrs.evolve(STANDARD, automatic=STANDARD.automatic - {"acknowledge"})
PLAN_BY_HAND = attrs.evolve(STANDARD, automatic=STANDARD.automatic - {"plan"})
FRAUD = attrs.evolve(STANDARD, lifecycles=Lifecycles(order=WITH_FRAUD_REVIEW))
HOLD = PlaceHold(ID, "credit")
THEY_SETTLE = attrs.evolve(STANDARD, authority=Authority(settlement="theirs"))
THEY_PAY_LATER = attrs.evolve(ONE_PLACE, charge_on="despatch")
CREDIT = attrs.evolve(STANDARD, checks=[Check("credit")])
BEGUN_BY_PLACING = Lifecycle("order", 2, "placed", ORDER.steps[2:], ORDER.final, ORDER.resting)
NO_DRAFTS = attrs.evolve(STANDARD, lifecycles=Lifecycles(order=BEGUN_BY_PLACING))
GUARDED = ORDER.extended(Step("draft", "place", "placed", "buyer_signed"), instead_of=[("draft", "place")])
NEVER_PLACED = attrs.evolve(
    STANDARD, lifecycles=Lifecycles(order=GUARDED), guards={"buyer_signed": lambda order, subject: False}
)
CANCELLING = ("cancellation.requested", "")
SSCC = "340123450000000017"
BOX = SharedBox("BOX", 1, {ID: 1})
IN_BOX = BookShipment(ID, service="a", shared=BOX)
OVER = OrderLine("TEA-250", 1, price=eur(1), deliver_by=date(2026, 12, 1), not_before=date(2026, 12, 2))


def cancelling(life: Life) -> Life:
    """A cancellation that waits for the carrier."""
    return life.do(CancelOrder(ID))


def left_open() -> Life:
    """Delivered, but the goods issue was never booked."""
    life = booked().do(DespatchShipment(ID))
    return life.do(RecordTracking(ID, [scan("delivered", hours=30)]))


def two_booked() -> Life:
    life = picked(lines=[("TEA-250", 2)]).do(PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1"))
    return life.do(BookShipment(ID, ["P1"], service="a"), BookShipment(ID, ["P2"], service="a")).reply_all()


def one_of_two_left() -> Life:
    life = picked(lines=[("TEA-250", 2)]).do(PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1"))
    return life.do(BookShipment(ID, service="a")).reply_all().do(DespatchShipment(ID, parcel_ids=["P1"]))


def four_of_five_kits_left() -> Life:
    life = picked(lines=KITS).do(PackParcel(ID, "F1", [("L1.1", 8), ("L1.2", 5)]), PackParcel(ID, "F1"))
    return life.do(BookShipment(ID, service="a")).reply_all().do(DespatchShipment(ID, parcel_ids=["P1"]))


#: All that is picked together leaves together.
TOGETHER = attrs.evolve(ONE_PLACE, lifecycles=Lifecycles(fulfillment=FULFILLMENT.without(("picked", "despatch"))))


def one_of_two_packed(policy: Policy = ONE_PLACE) -> Life:
    return picked(policy).do(PackParcel(ID, "F1", [("L1", 1)]))


def drafted() -> Life:
    return Life().do(SaveDraft("EUR", order_id=ID))


def sent_by_others(*contents: tuple[str, int]) -> RecordDespatch:
    return RecordDespatch(ID, "3PL", "D-1", [DespatchedParcel(contents or [("L1", 1)])])


def late_to_ask() -> Life:
    """Two were asked for after the window was over."""
    return delivered(lines=[("TEA-250", 4)]).at(days=40).do(RequestReturn(ID, [("L1", 2)]))


def gone_since() -> Life:
    """The parcel turns out not to have stayed with the customer, who had asked to return it."""
    return asked().do(RecordTracking(ID, [scan("return_to_sender", hours=60)]))


def replacing() -> Life:
    """One packet is lost and sent once more, while the other has not left yet."""
    life = picked(lines=[("TEA-250", 2)]).do(PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1"))
    life.do(BookShipment(ID, ["P1"], service="a")).reply_all().do(DespatchShipment(ID, "S1")).reply_all()
    life.do(RecordTracking(ID, [scan("unknown", "T-S1-1", 9, reason="lost")]))
    return life.do(ResolveException(ID, life.case.id, "reship"))


def one_backordered() -> Life:
    life = placed().answer(QuotePrices).answer(ClaimStock, lambda request: held(request, 1), "C1")
    return life.answer(ClaimStock, about="C2")


def one_of_two_booked() -> Life:
    """What is to leave together was picked short; the one parcel that could be packed is booked."""
    life = picking(complete="order").do(RecordPick(ID, "F1", [("L1", 1)], short={"L1": "lost", "L2": "lost"}))
    return life.do(PackParcel(ID, "F1"), BookShipment(ID, service="a")).reply_all()


def proposal() -> Life:
    """A price was proposed, and nobody has answered yet."""
    asked = attrs.evolve(ONE_PLACE, changes=[ChangeRule("price", verdict="approval"), ChangeRule()])
    return verified(asked).do(AmendOrder(ID, prices={"L1": eur(1)}, reason="agreed"))


def answered_proposal() -> Life:
    return proposal().do(DeclineAmendment(ID, "A1"))


Case = tuple[Callable[[], Life], Command, list[tuple[str, str]]]
#: Kits that cannot be: half of one, of which some components say what they weigh and nothing has a number.
BROKEN = OrderLine("SET", "2.5", components=[Component("A", 2, 1), Component("B", 1)])
MEASURED = OrderLine("SET", 2, measure_unit="kg", estimated_measure=1, components=[("A", 2)])
ENDLESS = OrderLine("SET", "3", components=[Component("A", "1E-15", components=[("B", "0.1")])])
KITS = [OrderLine("SET", 5, components=[("A", 2), ("B", 1)])]
NUMBERLESS = a_place_order(order_id=None, reference="PO-1", ship_to=None, lines=[OVER], currency="USD")

#: Per command, from its first tier to its last: a situation, the command, and all that is told.
BOOK: dict[type[Command], list[Case]] = {
    type(NUMBERLESS): [
        (placed, NUMBERLESS, [("acceptance.already_placed", "order_id"), ("acceptance.no_number", "order_id")]),
        (Life, NUMBERLESS, [("acceptance.no_number", "order_id")]),
        (
            lambda: Life(NEVER_PLACED).do(SaveDraft("EUR", order_id=ID), HOLD),
            attrs.evolve(NUMBERLESS, order_id=ID, channel="web"),
            [
                ("acceptance.other_reference", "reference"),
                ("acceptance.other_channel", "channel"),
                ("order.cannot_place", ""),
                ("hold.active", "H1"),
            ],
        ),
        (
            Life,
            attrs.evolve(NUMBERLESS, order_id=ID),
            [
                ("acceptance.no_address", "ship_to"),
                ("acceptance.other_currency", "lines[0].price"),
                ("acceptance.days_reversed", "lines[0].deliver_by"),
            ],
        ),
        (
            Life,
            attrs.evolve(NUMBERLESS, order_id=ID, ship_to=BERLIN, currency="EUR"),
            [("acceptance.days_reversed", "lines[0].deliver_by")],
        ),
        (
            Life,
            a_place_order(lines=[BROKEN, MEASURED, ENDLESS]),
            [
                ("acceptance.broken_kit", "lines[0].quantity"),
                ("acceptance.measured_kit", "lines[1].measure_unit"),
                ("acceptance.kit_weights", "lines[0].components"),
                ("number.too_precise", "lines[2].components"),
            ],
        ),
    ],
    SaveDraft: [
        (
            lambda: Life(NO_DRAFTS),
            SaveDraft("EUR"),
            [("draft.not_kept", ""), ("acceptance.no_number", "order_id")],
        ),
        (placed, SaveDraft("EUR", order_id=ID, reference="PO-9"), [("draft.is_an_order", "order_id")]),
        (
            drafted,
            SaveDraft("EUR", order_id=ID, reference="PO-9", channel="web"),
            [("acceptance.other_reference", "reference"), ("acceptance.other_channel", "channel")],
        ),
    ],
    PlaceDraft: [
        (Life, PlaceDraft(ID), [("order.unknown", "order_id")]),
        (placed, PlaceDraft(ID), [("draft.is_an_order", "order_id")]),
        (
            lambda: Life(NEVER_PLACED).do(SaveDraft("EUR", order_id=ID), HOLD),
            PlaceDraft(ID),
            [("order.cannot_place", ""), ("hold.active", "H1"), ("draft.no_lines", "lines")],
        ),
        (
            lambda: Life(attrs.evolve(STANDARD, severities={"acceptance.repeated_reference": "error"})).do(
                SaveDraft("USD", [OVER], order_id=ID, customer_reference="PO-1")
            ),
            PlaceDraft(ID, ["A-1"]),
            [
                ("acceptance.no_address", "ship_to"),
                ("acceptance.other_currency", "lines[0].price"),
                ("acceptance.days_reversed", "lines[0].deliver_by"),
                ("acceptance.repeated_reference", "customer_reference"),
            ],
        ),
    ],
    RecordCheck: [
        (Life, RecordCheck(ID, "credit", True), [("order.unknown", "order_id")]),
        (placed, RecordCheck(ID, "credit", True), [("check.unknown", "check")]),
        (
            lambda: verified(CREDIT),
            RecordCheck(ID, "credit", True, facts="something else"),
            [("check.facts_changed", "facts")],
        ),
    ],
    ConfirmOrder: [
        (Life, ConfirmOrder(ID, [("L9", 1, "accepted")]), [("order.unknown", "order_id")]),
        (placed, ConfirmOrder(ID, [("L9", 1, "accepted")]), [("confirmation.unknown_line", "lines[0].line_id")]),
        (
            lambda: placed().do(HOLD),
            ConfirmOrder(ID, [("L1", 9, "accepted")]),
            [("confirmation.not_verified", ""), ("hold.active", "H1")],
        ),
        (
            lambda: cancelling(booked()),
            ConfirmOrder(ID, [("L1", 9, "accepted")]),
            [("cancellation.requested", "")],
        ),
        (despatched, ConfirmOrder(ID, [("L1", 9, "accepted")]), [("confirmation.too_late", "")]),
        (
            verified,
            ConfirmOrder(ID, [("L1", 1, "accepted"), ("L1", 1, "rejected")]),
            [("confirmation.other_quantity", "L1"), ("confirmation.other_quantity", "L2")],
        ),
    ],
    AcceptConfirmation: [
        (Life, AcceptConfirmation(ID), [("order.unknown", "order_id")]),
        (
            lambda: cancelling(booked()),
            AcceptConfirmation(ID),
            [("confirmation.nothing_to_agree", ""), ("cancellation.requested", "")],
        ),
    ],
    RefuseConfirmation: [
        (Life, RefuseConfirmation(ID), [("order.unknown", "order_id")]),
        (verified, RefuseConfirmation(ID, ["L9"]), [("confirmation.nothing_to_agree", "")]),
        (
            lambda: verified(attrs.evolve(STANDARD, buyer_must_agree=lambda order, lines: True)),
            RefuseConfirmation(ID, ["L1", "L9"]),
            [("confirmation.unknown_line", "lines[1]")],
        ),
    ],
    RecordAnswer: [
        (Life, RecordAnswer(ID, "quote", Sent()), [("order.unknown", "order_id")]),
        (placed, RecordAnswer(ID, "quote", Sent()), [("authority.not_open", "request_id")]),
        (
            lambda: placed(attrs.evolve(STANDARD, authority=Authority(price="theirs"))),
            RecordAnswer(ID, "quote", Sent()),
            [("authority.other_kind", "reply")],
        ),
    ],
    AcknowledgeOrder: [
        (Life, AcknowledgeOrder(ID), [("order.unknown", "order_id")]),
        (lambda: placed().do(HOLD), AcknowledgeOrder(ID), [("order.cannot_acknowledge", ""), ("hold.active", "H1")]),
        (lambda: placed(BY_HAND).do(HOLD), AcknowledgeOrder(ID), [("hold.active", "H1")]),
    ],
    RejectOrder: [
        (Life, RejectOrder(ID), [("order.unknown", "order_id")]),
        (
            lambda: cancelling(requested()),
            RejectOrder(ID),
            [("order.cannot_reject", ""), ("cancellation.requested", "")],
        ),
        (verified, RejectOrder(ID), [("order.cannot_reject", "")]),
    ],
    PlanFulfillment: [
        (Life, PlanFulfillment(ID), [("order.unknown", "order_id")]),
        (
            lambda: placed().do(HOLD),
            PlanFulfillment(ID),
            [("sourcing.not_verified", ""), ("hold.active", "H1")],
        ),
        (
            lambda: cancelling(requested()).do(HOLD),
            PlanFulfillment(ID),
            [("cancellation.requested", ""), ("hold.active", "H1")],
        ),
        (verified, PlanFulfillment(ID), [("sourcing.nothing_to_plan", "")]),
    ],
    Reroute: [
        (Life, Reroute(ID), [("order.unknown", "order_id"), ("sourcing.name_one", "fulfillment_id")]),
        (verified, Reroute(ID, "F1", "BER"), [("sourcing.name_one", "fulfillment_id")]),
        (verified, Reroute(ID, location="BER", to="BER"), [("sourcing.same_location", "to")]),
        (lambda: verified().do(HOLD), Reroute(ID, "F9"), [("fulfillment.unknown", "fulfillment_id")]),
        (verified, Reroute(ID, "F1", to="BER"), [("sourcing.same_location", "to")]),
        (
            lambda: cancelling(requested()).do(HOLD),
            Reroute(ID, "F1"),
            [("cancellation.requested", ""), ("hold.active", "H1")],
        ),
        (packed, Reroute(ID, "F1"), [("sourcing.nothing_to_reroute", "fulfillment_id")]),
        (verified, Reroute(ID, location="HAM"), [("sourcing.nothing_to_reroute", "location")]),
    ],
    StockArrived: [
        (Life, StockArrived(ID), [("order.unknown", "order_id")]),
        (lambda: cancelling(requested()), StockArrived(ID), [("cancellation.requested", "")]),
        (verified, StockArrived(ID), [("sourcing.nothing_waits", "sku")]),
        (one_backordered, StockArrived(ID, "POT-1"), [("sourcing.nothing_waits", "sku")]),
    ],
    RecordDespatch: [
        (Life, sent_by_others(), [("order.unknown", "order_id")]),
        (
            placed,
            sent_by_others(("L1", 1), ("L8", 1), ("L9", 99)),
            [
                ("despatch.unknown_line", "parcels[0].contents[1].line_id"),
                ("despatch.unknown_line", "parcels[0].contents[2].line_id"),
            ],
        ),
    ],
    StartPicking: [
        (Life, StartPicking(ID, "F9"), [("order.unknown", "order_id")]),
        (lambda: verified().do(HOLD), StartPicking(ID, "F9"), [("fulfillment.unknown", "fulfillment_id")]),
        (
            lambda: cancelling(requested()).do(HOLD),
            StartPicking(ID, "F1"),
            [("fulfillment.cannot_start_picking", "F1"), ("cancellation.requested", ""), ("hold.active", "H1")],
        ),
    ],
    ChargeFee: [
        (Life, ChargeFee(ID, "express", eur("0.005")), [("order.unknown", "order_id")]),
        (drafted, ChargeFee(ID, "express", eur(5)), [("draft.not_placed", "order_id")]),
        (
            lambda: placed(THEY_SETTLE),
            ChargeFee(ID, "express", Money("0.005", "USD")),
            [
                ("settlement.theirs", "order_id"),
                ("settlement.other_currency", "amount"),
                ("settlement.not_rounded", "amount"),
            ],
        ),
    ],
    GrantGoodwill: [
        (Life, GrantGoodwill(ID, "late", eur("0.005")), [("order.unknown", "order_id")]),
        (
            lambda: placed(THEY_SETTLE),
            GrantGoodwill(ID, "late", Money("0.005", "USD")),
            [
                ("settlement.theirs", "order_id"),
                ("settlement.other_currency", "amount"),
                ("settlement.not_rounded", "amount"),
            ],
        ),
        (verified, GrantGoodwill(ID, "late", eur("46.77")), [("settlement.goodwill_too_high", "amount")]),
    ],
    WaiveFee: [
        (Life, WaiveFee(ID, "I1"), [("order.unknown", "order_id")]),
        (
            lambda: placed(THEY_SETTLE),
            WaiveFee(ID, "I1", Money("0.005", "USD")),
            [
                ("settlement.theirs", "order_id"),
                ("settlement.no_such_fee", "document_id"),
                ("settlement.other_currency", "amount"),
                ("settlement.not_rounded", "amount"),
            ],
        ),
        (
            lambda: verified().do(ChargeFee(ID, "express", eur(5))),
            WaiveFee(ID, "I1", eur("5.01")),
            [("settlement.fee_too_low", "amount")],
        ),
    ],
    RecordPayment: [(Life, RecordPayment(ID, "bank", "4711", eur(1)), [("order.unknown", "order_id")])],
    RecordRefund: [(Life, RecordRefund(ID, "bank", "4711", eur(1)), [("order.unknown", "order_id")])],
    RecordCash: [(Life, RecordCash(ID, "S1", "DHL", "c1", eur(1)), [("order.unknown", "order_id")])],
    RecordPutAway: [
        (Life, RecordPutAway(ID, "F9"), [("order.unknown", "order_id")]),
        (picked, RecordPutAway(ID, "F9"), [("fulfillment.unknown", "fulfillment_id")]),
        (picked, RecordPutAway(ID, "F1"), [("put_away.nothing", "fulfillment_id")]),
        (
            lambda: cancelling(picked()),
            RecordPutAway(ID, "F1", [("L2", 1), ("L1", 1), ("L1", 2), ("L9", 1)]),
            [("put_away.too_much", "goods[1].quantity"), ("put_away.too_much", "goods[3].quantity")],
        ),
    ],
    RecordPick: [
        (
            Life,
            RecordPick(ID, "F9", []),
            [("order.unknown", "order_id"), ("picking.says_nothing", "goods")],
        ),
        (verified, RecordPick(ID, "F9", []), [("picking.says_nothing", "goods")]),
        (verified, RecordPick(ID, "F9", [("L1", 99)]), [("fulfillment.unknown", "fulfillment_id")]),
        (
            lambda: verified().do(HOLD),
            RecordPick(ID, "F1", [("L1", 99)]),
            [("fulfillment.cannot_pick", "F1"), ("hold.active", "H1")],
        ),
        (
            lambda: cancelling(requested()),
            RecordPick(ID, "F1"),
            [("fulfillment.cannot_pick", "F1"), ("cancellation.requested", "")],
        ),
        (
            picking,
            RecordPick(ID, "F1", [("L1", 3), ("L2", 2)]),
            [("picking.takes_too_much", "goods[0].quantity"), ("picking.takes_too_much", "goods[1].quantity")],
        ),
        (
            picking,
            RecordPick(ID, "F1", [("L1", 1)], short=[ShortPick("L1", "", 2), ShortPick("L1"), ShortPick("L9")]),
            [
                ("picking.short_of_too_much", "short[0]"),
                ("picking.short_twice", "short[1].line_id"),
                ("picking.short_of_too_much", "short[2]"),
            ],
        ),
    ],
    PackParcel: [
        (Life, PackParcel(ID, "F9"), [("order.unknown", "order_id")]),
        (picked, PackParcel(ID, "F9", [("L1", 99)]), [("fulfillment.unknown", "fulfillment_id")]),
        (
            lambda: picking().do(HOLD),
            PackParcel(ID, "F1", [("L1", 99)]),
            [("fulfillment.cannot_pack", "F1"), ("hold.active", "H1")],
        ),
        (
            lambda: cancelling(one_of_two_packed().do(BookShipment(ID, service="a"))),
            PackParcel(ID, "F1", [("L1", 99)]),
            [("cancellation.requested", "")],
        ),
        (
            picked,
            PackParcel(ID, "F1", [("L1", 3), ("L2", 2)]),
            [("packing.takes_too_much", "contents[0].quantity"), ("packing.takes_too_much", "contents[1].quantity")],
        ),
    ],
    UnpackParcel: [
        (Life, UnpackParcel(ID, "P9"), [("order.unknown", "order_id")]),
        (packed, UnpackParcel(ID, "P9"), [("parcel.unknown", "parcel_id")]),
        (
            lambda: cancelling(booked()),
            UnpackParcel(ID, "P1"),
            [("parcel.cannot_unpack", "P1"), ("packing.parcel_is_booked", "P1"), ("cancellation.requested", "")],
        ),
        (
            despatched,
            UnpackParcel(ID, "P1"),
            [
                ("parcel.cannot_unpack", "P1"),
                ("fulfillment.cannot_unpack", "F1"),
                ("packing.parcel_is_booked", "P1"),
            ],
        ),
    ],
    BookShipment: [
        (Life, BookShipment(ID), [("order.unknown", "order_id")]),
        (picked, BookShipment(ID), [("shipping.nothing_packed", "")]),
        (booked, BookShipment(ID), [("shipping.nothing_packed", "")]),
        (
            lambda: packed().do(HOLD),
            BookShipment(ID, ["P1", "P9", "P1"]),
            [("parcel.unknown", "parcel_ids[1]"), ("parcel.named_twice", "parcel_ids[2]")],
        ),
        (
            lambda: cancelling(booked()).do(HOLD),
            BookShipment(ID, ["P1"]),
            [("shipping.already_booked", "P1"), ("cancellation.requested", ""), ("hold.active", "H1")],
        ),
        (
            lambda: packed().do(UnpackParcel(ID, "P1")),
            BookShipment(ID, ["P1"]),
            [("parcel.cannot_book", "P1")],
        ),
        (
            lambda: picked(lines=[OrderLine("TEA-250", 1), OrderLine("POT-1", 1, service="express")]).do(
                PackParcel(ID, "F1", [("L1", 1)]), PackParcel(ID, "F1")
            ),
            BookShipment(ID, ["P1", "P2"]),
            [("shipping.mixed", "parcel_ids")],
        ),
        (
            lambda: packed().do(BookShipment(ID, service="a", shared=BOX)),
            BookShipment(ID, ["P9"], shared=BOX),
            [("parcel.unknown", "parcel_ids[0]"), ("shipping.shared_id_used", "shared.id")],
        ),
        (
            lambda: picked().do(PackParcel(ID, "F1", [("L1", 1)], sscc=SSCC), PackParcel(ID, "F1")),
            BookShipment(ID, shared=attrs.evolve(BOX, shares={"B": 1}, sscc="000000000000000000")),
            [
                ("shipping.several_in_box", "parcel_ids"),
                ("shipping.no_share", "shared.shares"),
                ("shipping.no_service", "service"),
                ("shipping.other_sscc", "shared.sscc"),
            ],
        ),
    ],
    DespatchShipment: [
        (Life, DespatchShipment(ID), [("order.unknown", "order_id")]),
        (placed, DespatchShipment(ID), [("shipping.nothing_packed", "")]),
        (packed, DespatchShipment(ID), [("shipping.not_booked", "")]),
        (requested, DespatchShipment(ID), [("shipping.not_booked", "")]),
        (two_booked, DespatchShipment(ID), [("shipping.several", "shipment_id")]),
        (booked, DespatchShipment(ID, "S9"), [("shipment.unknown", "shipment_id")]),
        (
            lambda: cancelling(requested()).do(HOLD),
            DespatchShipment(ID, "S1"),
            [
                ("shipping.not_booked", "S1"),
                ("parcel.cannot_despatch", "P1"),
                ("cancellation.requested", ""),
                ("hold.active", "H1"),
            ],
        ),
        (
            lambda: one_of_two_packed(TOGETHER).do(BookShipment(ID, service="a")).reply_all(),
            DespatchShipment(ID),
            [("fulfillment.cannot_despatch", "F1")],
        ),
        (lambda: booked().do(HOLD), DespatchShipment(ID), [("hold.active", "H1")]),
        (booked, DespatchShipment(ID, "S1", ["P1", "P9"]), [("shipping.other_parcel", "parcel_ids[1]")]),
        (lambda: one_of_two_booked().do(HOLD), DespatchShipment(ID), [("hold.active", "H1")]),
        (one_of_two_booked, DespatchShipment(ID), [("shipping.not_complete", "L1"), ("shipping.not_complete", "L2")]),
    ],
    RecordCollection: [
        (Life, RecordCollection(ID, "F9"), [("order.unknown", "order_id")]),
        (packed, RecordCollection(ID, "F9"), [("fulfillment.unknown", "fulfillment_id")]),
        (
            lambda: cancelling(requested()).do(HOLD),
            RecordCollection(ID, "F1"),
            [CANCELLING, ("hold.active", "H1")],
        ),
        (picking, RecordCollection(ID, "F1"), [("fulfillment.cannot_hand_over", "F1")]),
        (packed, RecordCollection(ID, "F1"), [("handover.nothing_waits", "fulfillment_id")]),
        (
            lambda: picked(method="pick_up"),
            RecordCollection(ID, "F1", goods=[("L1", 3)], parcel_ids=["P1"]),
            [("handover.other_parcel", "parcel_ids[0]"), ("handover.too_much", "goods[0].quantity")],
        ),
    ],
    DeliverDigital: [
        (Life, DeliverDigital(ID), [("order.unknown", "order_id")]),
        (
            lambda: placed().do(HOLD),
            DeliverDigital(ID),
            [("order.cannot_start_fulfillment", ""), ("hold.active", "H1")],
        ),
        (lambda: cancelling(requested()), DeliverDigital(ID), [CANCELLING]),
        (verified, DeliverDigital(ID), [("handover.nothing_digital", "")]),
        (
            lambda: verified(method="digital"),
            DeliverDigital(ID, [("L1", 3), ("L9", 1)]),
            [("handover.too_much", "goods[0].quantity"), ("handover.too_much", "goods[1].quantity")],
        ),
    ],
    RequestReturn: [
        (Life, RequestReturn(ID, [("L9", 1)]), [("order.unknown", "order_id")]),
        (drafted, RequestReturn(ID, [("L9", 1)]), [("draft.not_placed", "order_id")]),
        (
            lambda: delivered().do(HOLD),
            RequestReturn(ID, [("L9", 1), ReturnLine("L1", 9, parcel_id="P9")]),
            [("return.unknown_line", "lines[0].line_id"), ("return.unknown_parcel", "lines[1].parcel_id")],
        ),
        (lambda: delivered().do(HOLD), RequestReturn(ID, [("L1", 9)]), [("hold.active", "H1")]),
        (
            asked,
            RequestReturn(ID, [("L1", 1), ReturnLine("L1", 2, parcel_id="P1"), ("L1", 1)]),
            [("return.too_much", "lines[1].quantity"), ("return.too_much", "lines[2].quantity")],
        ),
    ],
    AuthorizeReturn: [
        (Life, AuthorizeReturn(ID, "R9"), [("order.unknown", "order_id")]),
        (asked, AuthorizeReturn(ID, "R9", {}), [("return.unknown", "return_id")]),
        (
            lambda: agreed().do(HOLD),
            AuthorizeReturn(ID, "R1", {}),
            [("return.cannot_authorize", "R1"), ("hold.active", "H1")],
        ),
        (asked, AuthorizeReturn(ID, "R1", {"L1": 0}), [("return.nothing_authorized", "quantities")]),
        (
            late_to_ask,
            AuthorizeReturn(ID, "R1", {"L1": 3}, deduct={"L2": 5}),
            [("return.more_than_asked", "quantities[L1]"), ("return.unknown_line", "deduct[L2]")],
        ),
        (gone_since, AuthorizeReturn(ID, "R1"), [("return.too_much", "quantities[L1]")]),
        (late_to_ask, AuthorizeReturn(ID, "R1"), [("return.window_over", "L1")]),
    ],
    RefuseReturn: [
        (Life, RefuseReturn(ID, "R9"), [("order.unknown", "order_id")]),
        (asked, RefuseReturn(ID, "R9"), [("return.unknown", "return_id")]),
        (agreed, RefuseReturn(ID, "R1"), [("return.cannot_refuse", "R1")]),
    ],
    CancelReturn: [
        (Life, CancelReturn(ID, "R9"), [("order.unknown", "order_id")]),
        (asked, CancelReturn(ID, "R9"), [("return.unknown", "return_id")]),
        (received, CancelReturn(ID, "R1"), [("return.cannot_cancel", "R1")]),
        (lambda: agreed(policy=when_credited("authorized")), CancelReturn(ID, "R1"), [("return.made_good", "R1")]),
    ],
    CloseReturn: [
        (Life, CloseReturn(ID, "R9"), [("order.unknown", "order_id")]),
        (asked, CloseReturn(ID, "R9"), [("return.unknown", "return_id")]),
        (asked, CloseReturn(ID, "R1"), [("return.cannot_close", "R1")]),
        (
            lambda: agreed().do(ReceiveReturn(ID, "R1", [("L1", 3)])),
            CloseReturn(ID, "R1"),
            [("return.not_disposed", "R1"), ("return.case_open", "R1")],
        ),
    ],
    ReceiveReturn: [
        (Life, ReceiveReturn(ID, "R9"), [("order.unknown", "order_id")]),
        (drafted, ReceiveReturn(ID, "R9"), [("draft.not_placed", "order_id")]),
        (
            asked,
            ReceiveReturn(ID, "R9", [("L9", 1)], parcel_id="P9", findings=[("L8", 1, "good")]),
            [
                ("return.unknown", "return_id"),
                ("return.unknown_line", "goods[0].line_id"),
                ("return.unknown_line", "findings[0].line_id"),
                ("return.unknown_parcel", "parcel_id"),
            ],
        ),
        (asked, ReceiveReturn(ID, "R1"), [("return.nothing_awaited", "goods")]),
    ],
    InspectReturn: [
        (Life, InspectReturn(ID, "R9"), [("order.unknown", "order_id")]),
        (asked, InspectReturn(ID, "R9"), [("return.unknown", "return_id")]),
        (lambda: asked().do(HOLD), InspectReturn(ID, "R1"), [("return.cannot_inspect", "R1"), ("hold.active", "H1")]),
        (
            received,
            InspectReturn(ID, "R1", [("L1", 2, "good"), ("L1", 1, "worn"), ("L9", 1, "good")], {"L2": 5}),
            [
                ("return.not_there", "findings[1].quantity"),
                ("return.not_there", "findings[2].quantity"),
                ("return.not_deductible", "deduct[L2]"),
            ],
        ),
        (
            lambda: received(policy=when_credited("received")),
            InspectReturn(ID, "R1", deduct={"L1": 5}),
            [("return.not_deductible", "deduct[L1]")],
        ),
    ],
    DisposeReturn: [
        (Life, DisposeReturn(ID, "R9"), [("order.unknown", "order_id")]),
        (asked, DisposeReturn(ID, "R9"), [("return.unknown", "return_id")]),
        (lambda: asked().do(HOLD), DisposeReturn(ID, "R1"), [("return.cannot_dispose", "R1"), ("hold.active", "H1")]),
        (
            received,
            DisposeReturn(ID, "R1", [("L1", 2), ("L1", 1, "scrap"), ("L2", 1)]),
            [("return.not_there", "dispositions[1].quantity"), ("return.not_there", "dispositions[2].quantity")],
        ),
        (
            lambda: received(policy=when_credited("received")),
            DisposeReturn(ID, "R1", [("L1", 1, "send_back"), ("L1", 1, "scrap", 10)]),
            [("return.credited", "dispositions[0].fate"), ("return.not_deductible", "dispositions[1].deduct")],
        ),
    ],
    VoidShipment: [
        (Life, VoidShipment(ID, "S9"), [("order.unknown", "order_id")]),
        (packed, VoidShipment(ID, "S9"), [("shipment.unknown", "shipment_id")]),
        (lambda: cancelling(requested()), VoidShipment(ID, "S1"), [("shipping.not_booked", "S1"), CANCELLING]),
        (despatched, VoidShipment(ID, "S1"), [("shipping.not_booked", "S1")]),
        (one_of_two_left, VoidShipment(ID, "S2"), [("shipping.part_has_left", "S2")]),
        (
            lambda: packed().do(BookShipment(ID, service="a", shared=BOX)).reply_all().do(VoidShipment(ID, "BOX")),
            VoidShipment(ID, "BOX"),
            [("shipping.void_asked", "BOX")],
        ),
    ],
    RecordVoid: [
        (Life, RecordVoid(ID, "S9", "B1"), [("order.unknown", "order_id")]),
        (packed, RecordVoid(ID, "S9", "B1"), [("shipment.unknown", "shipment_id")]),
        (booked, RecordVoid(ID, "S1", "B-S1-1"), [("shipping.not_shared", "S1")]),
        (lambda: packed().do(IN_BOX), RecordVoid(ID, "BOX", "B-BOX-1"), [("shipping.not_answered", "BOX")]),
        (lambda: packed().do(IN_BOX).reply_all(), RecordVoid(ID, "BOX", "another"), [("shipping.not_booked", "BOX")]),
        (
            lambda: packed().do(IN_BOX).reply_all().do(DespatchShipment(ID)),
            RecordVoid(ID, "BOX", "B-BOX-1"),
            [("shipping.not_booked", "BOX")],
        ),
    ],
    RecordTracking: [
        (Life, RecordTracking(ID, [scan("delivered")]), [("order.unknown", "order_id")]),
        (
            booked,
            RecordTracking(ID, [scan("delivered", "A"), scan("delivered"), scan("delivered", "B")]),
            [
                ("tracking.unknown_number", "scans[0].tracking_number"),
                ("tracking.unknown_number", "scans[2].tracking_number"),
            ],
        ),
    ],
    ApproveOrder: [
        (Life, ApproveOrder(ID), [("order.unknown", "order_id")]),
        (
            lambda: cancelling(requested()).do(HOLD),
            ApproveOrder(ID),
            [("order.cannot_verify", ""), ("cancellation.requested", ""), ("hold.active", "H1")],
        ),
        (
            placed,
            ApproveOrder(ID),
            [
                ("verification.no_price", "L1"),
                ("verification.stock_unknown", "L1"),
                ("verification.no_price", "L2"),
                ("verification.stock_unknown", "L2"),
            ],
        ),
    ],
    CompleteOrder: [
        (Life, CompleteOrder(ID), [("order.unknown", "order_id")]),
        (verified, CompleteOrder(ID), [("order.cannot_complete", "")]),
        (left_open, CompleteOrder(ID), [("delivery.something_is_open", "")]),
    ],
    AdoptOrder: [
        (Life, an_adoption(order_id=None), [("acceptance.no_number", "order_id")]),
        (verified, an_adoption(), [("adoption.known_already", "order_id")]),
        (
            Life,
            an_adoption(
                lines=[OrderLine("TEA-250", 2, price=Money("8.50", "USD"))], agreed=Quote((quoted("L2", 2, "8.50"),))
            ),
            [("acceptance.other_currency", "lines[0].price"), ("adoption.unknown_line", "agreed.lines[0].line_id")],
        ),
        (
            Life,
            an_adoption(agreed=Quote((evolved(quoted("L1", 3, "8.50"), unit_price=Money("8.50", "USD")),))),
            [("adoption.other_quantity", "agreed.lines[0].quantity"), ("adoption.bad_prices", "agreed")],
        ),
    ],
    RecordFacts: [
        (Life, RecordFacts(ID, [Ordered("ERP", "SO-1", {"L1": 2})]), [("order.unknown", "order_id")]),
        (drafted, RecordFacts(ID, [Ordered("ERP", "SO-1", {"L1": 2})]), [("draft.not_placed", "order_id")]),
    ],
    AmendOrder: [
        (Life, AmendOrder(ID, {"L9": 1}), [("order.unknown", "order_id")]),
        (despatched, AmendOrder(ID, {"L9": 1}), [("amendment.unknown_line", "quantities[L9]")]),
        (
            lambda: cancelling(requested()),
            AmendOrder(ID, {"L1": 0, "L2": 0}),
            [("cancellation.requested", "")],
        ),
        (despatched, AmendOrder(ID, {"L1": 0, "L2": 0}), [("order.cannot_amend", "")]),
        (
            one_of_two_left,
            AmendOrder(ID, {"L1": 0}, prices={"L1": Money("1.00", "USD")}),
            [
                ("amendment.nothing_left", "quantities"),
                ("amendment.too_late", "quantities[L1]"),
                ("amendment.no_reason", "reason"),
                ("acceptance.other_currency", "prices[L1]"),
            ],
        ),
        (drafted, AmendOrder(ID, {"L9": 1}), [("draft.not_placed", "order_id")]),
        (
            verified,
            AmendOrder(ID, {"L9": 1, "L1": 1}, remove=["L1", "L8"], lines={"L7": LineChange(service="x")}),
            [
                ("amendment.unknown_line", "quantities[L9]"),
                ("amendment.unknown_line", "remove[1]"),
                ("amendment.unknown_line", "lines[L7]"),
                ("amendment.said_twice", "L1"),
            ],
        ),
        (
            packed,
            AmendOrder(ID, substitute={"L1": "TEA-250"}, lines={"L2": LineChange(method="digital", clear=["service"])}),
            [
                ("amendment.same_product", "substitute[L1].sku"),
                ("amendment.too_late", "substitute[L1]"),
                ("amendment.other_method", "lines[L2].method"),
            ],
        ),
        (
            packed,
            AmendOrder(ID, add=[OVER], lines={"L2": LineChange(service="express")}),
            [
                ("amendment.mixed_parcel", "P1"),
                ("acceptance.days_reversed", "add[0].deliver_by"),
            ],
        ),
        (verified, AmendOrder(ID, {"L1": 2}), [("amendment.nothing_changes", "quantities")]),
        (replacing, AmendOrder(ID, {"L2": 2}), [("amendment.replacement", "quantities[L2]")]),
        (
            lambda: verified(lines=KITS),
            AmendOrder(ID, {"L1": "2.5", "L1.2": 4}),
            [("amendment.broken_kit", "quantities[L1]"), ("amendment.kit_and_component", "quantities[L1.2]")],
        ),
        (
            lambda: verified(lines=KITS),
            AmendOrder(
                ID,
                remove=["L1.1"],
                substitute={"L1": "OTHER"},
                lines={"L1": LineChange(service="x"), "L1.2": LineChange(service="y")},
                add=[OrderLine("SET", "1.5", components=[Component("A", 1, 2), Component("B", 1)])],
            ),
            [
                ("amendment.kit_and_component", "remove[0]"),
                ("amendment.kit_and_component", "lines[L1.2]"),
                ("amendment.kit_substitute", "substitute[L1]"),
                ("acceptance.broken_kit", "add[0].quantity"),
                ("acceptance.kit_weights", "add[0].components"),
            ],
        ),
        (
            four_of_five_kits_left,
            AmendOrder(ID, {"L1": 3}, lines={"L1.2": LineChange(service="x")}, prices={"L1": Money("1.00", "USD")}),
            [
                ("amendment.too_late", "quantities[L1]"),
                ("amendment.too_late", "quantities[L1]"),
                ("amendment.too_late", "lines[L1.2]"),
                ("amendment.no_reason", "reason"),
                ("acceptance.other_currency", "prices[L1]"),
            ],
        ),
        (
            four_of_five_kits_left,
            AmendOrder(ID, lines={"L1": LineChange(service="x")}, prices={"L1": Money("1.00", "EUR")}, reason="late"),
            [("amendment.too_late", "prices[L1]")],
        ),
    ],
    ApproveAmendment: [
        (Life, ApproveAmendment(ID, "A1"), [("order.unknown", "order_id")]),
        (verified, ApproveAmendment(ID, "A1"), [("proposal.unknown", "proposal_id")]),
        (answered_proposal, ApproveAmendment(ID, "A1"), [("proposal.answered", "proposal_id")]),
        (
            lambda: proposal().do(AmendOrder(ID, remove=["L1"])).reply_all(),
            ApproveAmendment(ID, "A1"),
            [("amendment.too_late", "prices[L1]")],
        ),
    ],
    DeclineAmendment: [
        (Life, DeclineAmendment(ID, "A1"), [("order.unknown", "order_id")]),
        (verified, DeclineAmendment(ID, "A1"), [("proposal.unknown", "proposal_id")]),
        (answered_proposal, DeclineAmendment(ID, "A1"), [("proposal.answered", "proposal_id")]),
    ],
    CancelOrder: [
        (Life, CancelOrder(ID), [("order.unknown", "order_id")]),
        (despatched, CancelOrder(ID), [("cancellation.goods_have_left", ""), ("order.cannot_cancel", "")]),
        (lambda: cancelling(booked()), CancelOrder(ID), [("cancellation.requested", "")]),
        (lambda: cancelling(placed()), CancelOrder(ID), [("order.cannot_cancel", "")]),
    ],
    CancelLines: [
        (Life, CancelLines(ID, {"L9": 1}), [("order.unknown", "order_id")]),
        (despatched, CancelLines(ID, {"L9": 1, "L1": 9}), [("cancellation.unknown_line", "quantities[L9]")]),
        (lambda: cancelling(booked()), CancelLines(ID, {"L1": 9}), [("cancellation.requested", "")]),
        (
            despatched,
            CancelLines(ID, {"L1": 1, "L2": 1}),
            [
                ("order.cannot_cancel", ""),
                ("cancellation.too_late", "quantities[L1]"),
                ("cancellation.too_late", "quantities[L2]"),
            ],
        ),
        (verified, CancelLines(ID, {"L1": 3, "L2": 1}), [("cancellation.too_late", "quantities[L1]")]),
        (despatched, CancelLines(ID), [("order.cannot_cancel", ""), ("cancellation.nothing_left", "")]),
        (
            lambda: verified(lines=KITS),
            CancelLines(ID, {"L1": "0.5", "L1.1": 1}),
            [("cancellation.broken_kit", "quantities[L1]"), ("cancellation.kit_and_component", "quantities[L1.1]")],
        ),
        (
            lambda: verified(lines=KITS).do(CancelLines(ID, {"L1.2": 4})),
            CancelLines(ID, {"L1": 2}),
            [("cancellation.too_late", "quantities[L1]")],
        ),
    ],
    PlaceHold: [
        (Life, HOLD, [("order.unknown", "order_id")]),
        (
            verified,
            PlaceHold(ID, "credit", "P1", expires_at=NOW),
            [("hold.unknown_scope", "scope"), ("hold.already_over", "expires_at")],
        ),
    ],
    ReleaseHold: [
        (Life, ReleaseHold(ID, "H1"), [("order.unknown", "order_id")]),
        (verified, ReleaseHold(ID, "H1"), [("hold.unknown", "hold_id")]),
        (
            lambda: verified().do(HOLD, ReleaseHold(ID, "H1")),
            ReleaseHold(ID, "H1"),
            [("hold.already_released", "hold_id")],
        ),
    ],
    ResolveException: [
        (Life, ResolveException(ID, "X1", "pay"), [("order.unknown", "order_id")]),
        (placed, ResolveException(ID, "X1", "pay"), [("exception.unknown", "case_id")]),
        (
            lambda: placed().answer(QuotePrices, GaveUp(1)).do(ResolveException(ID, "X1", "try_again")),
            ResolveException(ID, "X1", "pay"),
            [("exception.closed", "case_id")],
        ),
        (
            lambda: placed().answer(QuotePrices, Refused("no")),
            ResolveException(ID, "X1", "pay"),
            [("exception.no_such_option", "option")],
        ),
    ],
    RecordReply: [
        (Life, RecordReply(ID, "K", Sent()), [("order.unknown", "order_id")]),
        (placed, RecordReply(ID, "K", Sent()), [("reply.unknown_ticket", "ticket")]),
    ],
    TakeStep: [
        (Life, TakeStep(ID, "dance", "F9"), [("order.unknown", "order_id")]),
        (verified, TakeStep(ID, "dance", "F9"), [("step.unknown_subject", "subject")]),
        (verified, TakeStep(ID, "dance"), [("step.unknown", "step")]),
        (verified, TakeStep(ID, "cancel"), [("step.not_yours", "step")]),
        (
            lambda: verified(FRAUD).do(TakeStep(ID, "review_fraud"), HOLD),
            TakeStep(ID, "review_fraud"),
            [("step.not_permitted", ""), ("hold.active", "H1")],
        ),
    ],
    ErasePersonalData: [
        (Life, ErasePersonalData(ID), [("order.unknown", "order_id")]),
        (
            lambda: cancelling(booked()).do(PlaceHold(ID, "credit")),
            ErasePersonalData(ID),
            [("erasure.goods_at_work", ""), ("erasure.cancelling", "")],
        ),
        (
            lambda: placed().answer(QuotePrices, Refused("no")).answer(ClaimStock, LATER, "C1"),
            ErasePersonalData(ID),
            [
                ("erasure.goods_at_work", ""),
                ("erasure.case_open", "X1"),
                ("erasure.answer_awaited", "K-1"),
                ("erasure.books_open", ""),
            ],
        ),
        (left_open, ErasePersonalData(ID), [("erasure.books_open", "")]),
        (lambda: delivered(THEY_PAY_LATER), ErasePersonalData(ID), [("erasure.money_owed", "")]),
        (
            lambda: verified().do(RecordPayment(ID, "bank", "7", eur(5)), CancelOrder(ID)).reply_all(),
            ErasePersonalData(ID),
            [("erasure.money_owed", "")],
        ),
    ],
    TimePassed: [(Life, TimePassed(ID), [("order.unknown", "order_id")])],
}
ROWS = [
    pytest.param(*case, id=f"{kind.__name__}-{number}")
    for kind, cases in BOOK.items()
    for number, case in enumerate(cases, 1)
]


@pytest.mark.parametrize(("situation", "command", "told"), ROWS)
def test_a_refusal_tells_everything_of_the_first_broken_tier(
    situation: Callable[[], Life], command: Command, told: list[tuple[str, str]]
) -> None:
    assert situation().refusal(command) == told


def test_an_order_whose_stock_was_not_asked_for_yet_does_not_wait_for_it() -> None:
    assert placed(BY_HAND).codes(StockArrived(ID)) == ["sourcing.nothing_waits"]


@pytest.mark.parametrize(
    ("situation", "command", "path"),
    [(packed, Reroute(ID, "F1"), "fulfillment_id"), (verified, Reroute(ID, location="HAM"), "location")],
)
def test_what_is_not_there_to_be_picked_is_not_rerouted(
    situation: Callable[[], Life], command: Command, path: str
) -> None:
    assert situation().refusal(command) == [("sourcing.nothing_to_reroute", path)]


def test_every_command_has_a_rule_book_in_this_table() -> None:
    assert set(BOOK) == {command for stage in STAGES for command in stage.commands}


def test_every_refusal_says_a_sentence_and_most_a_remedy() -> None:
    life = cancelling(booked()).do(PlaceHold(ID, "credit", note="over the limit"))
    remedies: dict[str, Any] = {}
    for command in (DespatchShipment(ID, "S1"), PackParcel(ID, "F1"), StartPicking(ID, "F1")):
        for violation in life.process.violations(life.order, command):
            assert violation.message
            remedies[violation.code] = violation.remedy
    assert remedies["hold.active"] == "ReleaseHold H1"
    assert remedies["fulfillment.cannot_pack"] == "possible while it is picked"
    assert remedies["fulfillment.cannot_start_picking"] == "possible while it is planned"


# -- rules of the host ----------------------------------------------------------------------------------------------


def no_pots_on_mondays(order: Any, command: Any, policy: Any) -> list[Violation]:
    """A rule of the host, which runs after ours."""
    return [Violation("house.no_pots", "no pots on Mondays", "F1"), Violation("house.rest", "rest", severity="warning")]


def test_a_rule_of_the_host_runs_after_all_of_ours() -> None:
    policy = attrs.evolve(STANDARD, rules={"start_picking": (no_pots_on_mondays,)})
    assert verified(policy).refusal(StartPicking(ID, "F1")) == [("house.no_pots", "F1")]
    assert verified(policy).refusal(StartPicking(ID, "F9")) == [("fulfillment.unknown", "fulfillment_id")]


def test_a_rule_of_the_host_that_only_warns_refuses_nothing() -> None:
    policy = attrs.evolve(
        STANDARD, rules={"start_picking": (lambda o, c, p: [Violation("house.rest", "rest", severity="warning")],)}
    )
    assert verified(policy).do(StartPicking(ID, "F1")).happened[0] == "PickingStarted"


def test_booking_is_refused_while_another_answer_is_awaited() -> None:
    life = requested()
    assert life.refusal(BookShipment(ID, ["P1"])) == [("shipping.already_booked", "P1")]
    life.answer(BookCarrier)
    assert life.refusal(BookShipment(ID, ["P1"])) == [("shipping.already_booked", "P1")]


def test_a_plan_by_hand_needs_a_verified_order() -> None:
    assert placed(PLAN_BY_HAND).codes(PlanFulfillment(ID)) == ["sourcing.not_verified"]
