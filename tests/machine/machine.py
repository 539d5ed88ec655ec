"""The machine: a rule for every command there is, and rules for the world around, driven by chance.

Each rule takes a few bytes and chooses by them: an order, and a form of its command, which is one that `explain` names
(possible or not) or one that was made up, legal or not. Besides, there are rules that move a life on, so that parcels
leave and arrive although three in four commands are out of place.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from orderflow import commands as c
from orderflow.charges import TaxGroup
from orderflow.errors import PortRefused
from orderflow.messages import SYSTEM, Actor, Command
from orderflow.order import Goods, Order, ReturnLine
from orderflow.ports import Sent
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.advices import DespatchedParcel
from orderflow.stages.amending import LineChange
from orderflow.stages.authority import left_to_others
from orderflow.stages.holds import STEPS
from orderflow.stages.picking import ShortPick
from orderflow.stages.returns_disposition import Disposition
from orderflow.tracking import Scan
from orderflow.values import Address, Contact, Money, Party
from tests.laws.chance import Chance
from tests.machine.trade import PLACES, SKUS, Trade, refusing, unavailable

__all__ = ["COUNTED", "FORMS", "TradeMachine", "guided"]

DICE = st.binary(min_size=14, max_size=14)
BERLIN = Address("DE", "Torstrasse 1", city="Berlin", postal_code="10119", name="Ada Krull")
HAMBURG = Address("DE", "Hafenstrasse 3", city="Hamburg", postal_code="20359", name="Ada Krull")
ADA = Party("Ada Krull", contact=Contact("ada@example.org"))
UNITS = ("1", "2", "1", "3", "0.5", "7", "12", "99")
#: What was done by all machines of this process: commands accepted and refused, codes, events.
COUNTED: dict[str, Counter[str]] = {name: Counter() for name in ("accepted", "refused", "codes", "events")}

Form = Callable[[Trade, Chance, Order], Command]


# -- made up forms of commands -------------------------------------------------------------------------------------


def _line(dice: Chance) -> OrderLine:
    """A row of an order: a product, or a kit of several."""
    is_kit = dice.once_in(6)
    return OrderLine(
        "SET" if is_kit else dice.one((*SKUS, *SKUS, "ODD")) if dice.once_in(12) else dice.one(SKUS),
        dice.one(("2", "1", "3", "5", "0.5", "10", "14")),
        price=dice.one((None, None, Money("4.00", "EUR"), Money("1.00", "USD") if dice.once_in(3) else None)),
        not_before=date(2026, 11, 25) if dice.once_in(12) else None,
        service=dice.one((None, None, None, "express")),
        method=dice.one((None, None, None, None, None, "pick_up", "digital", "supplier")),
        complete=dice.one((None, None, None, "A", "line", "no")),
        under=dice.one((0, 0, 20)),
        over=dice.one((0, 0, 50)),
        components=[(SKUS[0], 2), (SKUS[1], "0.5")] if is_kit else (),
    )


def _wish(dice: Chance) -> dict[str, Any]:
    """What an order says."""
    return {
        "lines": [_line(dice) for _ in range(1 + dice.below(2))],
        "currency": "USD" if dice.once_in(20) else "EUR",
        "ship_to": None if dice.once_in(10) else BERLIN,
        "customer": dice.one((ADA, ADA, ADA, None)),
        "customer_reference": dice.one(("", "", "", "PO-7")),
        "reference": dice.one((None, None, None, "R-1")),
        "complete": dice.one((None, None, None, "order")),
        "requirements": dice.one(((), (), (), ("gift wrap",))) if dice.once_in(3) else (),
    }


def _place(trade: Trade, dice: Chance, order: Order | None) -> Command:
    wish = _wish(dice)
    if order is not None:
        wish["order_id"] = order.id
    return c.PlaceOrder(**wish)


def _draft(trade: Trade, dice: Chance, order: Order | None) -> Command:
    wish = _wish(dice)
    if dice.once_in(4):
        wish["lines"] = []
    if order is not None:
        wish["order_id"] = order.id
    return c.SaveDraft(**wish)


def _a_line(dice: Chance, order: Order) -> str:
    return "L9" if dice.once_in(9) else dice.one((*order.lines, *order.kits) or ("L1",))


def _work(dice: Chance, order: Order) -> str:
    return dice.one((*order.fulfillments, *order.fulfillments, "F9"))


def _box(dice: Chance, order: Order) -> str:
    return dice.one((*order.parcels, *order.parcels, "P9"))


def _shipment(dice: Chance, order: Order) -> str:
    return dice.one((*order.shipments, *order.shipments, "S9"))


def _goods(dice: Chance, order: Order) -> list[Goods]:
    chosen = {_a_line(dice, order) for _ in range(1 + dice.below(2))}
    return [Goods(line_id, Decimal(dice.one(UNITS)), lot=dice.one(("", "", "A"))) for line_id in sorted(chosen)]


def _quantities(dice: Chance, order: Order) -> dict[str, str]:
    return {_a_line(dice, order): dice.one(UNITS) for _ in range(1 + dice.below(2))}


def _pick(trade: Trade, dice: Chance, order: Order) -> Command:
    work, line_id = _work(dice, order), _a_line(dice, order)
    return dice.one(
        (
            c.RecordPick(order.id, work, _goods(dice, order)),
            c.RecordPick(order.id, work, _goods(dice, order)),
            c.RecordPick(order.id, work, short={line_id: "not found"}),
            c.RecordPick(order.id, work, (), short=[ShortPick(line_id, "damaged", dice.one(UNITS))]),
        )
    )


def _despatch_by_others(trade: Trade, dice: Chance, order: Order) -> Command:
    numbers = (*order.tracking_numbers, *(f"{order.id}-X{n}" for n in (1, 2)), "")
    parcels = [DespatchedParcel(_goods(dice, order), dice.one(numbers)) for _ in range(1 + dice.below(2))]
    document = dice.one(("D1", "D2", "D3"))
    return c.RecordDespatch(order.id, "ACME", document, parcels, "DHL", location=dice.one(PLACES))


def _reply(trade: Trade, dice: Chance, order: Order) -> Command:
    known = [ticket for ticket in order.deferrals if ticket in trade.slow.answers]
    if not known or dice.once_in(5):
        return c.RecordReply(order.id, "T-none", Sent())
    ticket = dice.one(known)
    return c.RecordReply(order.id, ticket, trade.slow.release(ticket))


def _answer(trade: Trade, dice: Chance, order: Order) -> Command:
    """What others decide, they decide as our own systems would."""
    theirs = left_to_others(order)
    if not theirs or dice.once_in(5):
        return c.RecordAnswer(order.id, dice.one((*(one.request.id for one in theirs), "quote")), Sent())
    request = dice.one(theirs).request
    try:
        return c.RecordAnswer(order.id, request.id, getattr(trade.systems, request.PORT[1])(request))
    except PortRefused:
        return c.RecordAnswer(order.id, "none", Sent())


def _amendment(trade: Trade, dice: Chance, order: Order) -> Command:
    """Other quantities most of the time; or anything else that can be amended, or two of them."""
    line = _a_line(dice, order)
    said: tuple[Callable[[], dict[str, Any]], ...] = (
        lambda: {"quantities": {line: dice.one(("0", "1", "4", "2.5", "12"))}},
        lambda: {"quantities": {line: dice.one(("3", "1", "6"))}},
        lambda: {"add": [_line(dice)]},
        lambda: {"remove": [line]},
        lambda: {"substitute": {line: (dice.one(SKUS), dice.one(("1", "2", "0.5")))}},
        lambda: {"ship_to": dice.one((BERLIN, HAMBURG, HAMBURG))},
        lambda: {"lines": {line: LineChange(ship_to=dice.one((BERLIN, HAMBURG)), clear=["not_before"])}},
        lambda: {"lines": {line: LineChange(not_before=date(2026, 11, 26), instructions=["ring twice"])}},
        lambda: {"lines": {line: LineChange(method=dice.one(("pick_up", "carrier")), complete=dice.one(("A", "no")))}},
        lambda: {"service": dice.one(("express", "standard")), "deliver_by": date(2026, 12, 1)},
        lambda: {"method": dice.one(("carrier", "pick_up"))},
        lambda: {"prices": {line: Money(dice.one(("3.33", "0", "9.99")), "EUR")}, "reason": "agreed on the phone"},
    )
    first = dice.one(said)()
    return c.AmendOrder(order.id, **(dice.one(said)() | first if dice.once_in(4) else first))


def _confirmed(trade: Trade, dice: Chance, order: Order) -> Command:
    lines = [
        (line_id, order.live_quantity(line_id), dice.one(("accepted", "changed", "rejected")))
        for line_id in order.lines
        if order.live_quantity(line_id)
    ]
    if not lines or dice.once_in(4):
        return c.ConfirmOrder(order.id, [(_a_line(dice, order), dice.one(UNITS), "accepted")])
    return c.ConfirmOrder(order.id, lines)


def _tracking(trade: Trade, dice: Chance, order: Order) -> Command:
    number = dice.one((*order.tracking_numbers, *order.tracking_numbers, "T-nobody"))
    return c.RecordTracking(order.id, [_scan(trade, dice, number) for _ in range(1 + dice.below(2))])


STATUSES = (
    "delivered",
    "in_transit",
    "delivered",
    "picked_up",
    "out_for_delivery",
    "delivery_failed",
    "on_hold",
    "delivery_delayed",
    "return_to_sender",
    "cancelled",
    "unknown",
    "pending",
)


def _scan(trade: Trade, dice: Chance, number: str) -> Scan:
    return Scan(
        number,
        dice.one(STATUSES),
        trade.clock() - timedelta(hours=dice.one((0, 0, 3, 60))),
        id=dice.one(("", "", "a", "b")),
        reason=dice.one(("", "", "", "lost", "damaged")),
        action_required=dice.once_in(4),
    )


def _step(trade: Trade, dice: Chance, order: Order) -> Command:
    subject = dice.one(("", "", *order.fulfillments, "F9"))
    return c.TakeStep(order.id, dice.one(("review_fraud", "engrave", "verify")), subject)


def _resolve(trade: Trade, dice: Chance, order: Order) -> Command:
    """A choice that does not tell what is not so."""
    honest = [
        c.ResolveException(order.id, case.id, option)
        for case in order.open_cases
        for option in case.options
        if not trade.would_mislead(order, case, option)
    ]
    if honest and not dice.once_in(5):
        return dice.one(honest)
    return c.ResolveException(order.id, dice.one((*order.cases, "X9")), "no_such_option")


def _back(dice: Chance, order: Order) -> str:
    return dice.one((*order.returns, *order.returns, "R9"))


def _request(trade: Trade, dice: Chance, order: Order) -> Command:
    lines = [
        ReturnLine(one.line_id, one.quantity, "worn", sku=dice.one(("", "", "CUP"))) for one in _goods(dice, order)
    ]
    kind, resolution = dice.one((("return", ""), ("return", "replacement"), ("exchange", ""), ("claim", "")))
    return c.RequestReturn(order.id, lines, kind, resolution)


def _receive(trade: Trade, dice: Chance, order: Order) -> Command:
    """What comes in: announced or not, brought back by a carrier, more or less, wrong, told twice."""
    goods, reference = _goods(dice, order), dice.one(("", "", "GR-1"))
    wrong = [("POT", 1)] if dice.once_in(5) else []
    way = dice.below(4)
    if way == 0 and order.parcels:
        return c.ReceiveReturn(order.id, parcel_id=_box(dice, order), goods=dice.one((None, goods)), location="BER")
    if way == 1:
        return c.ReceiveReturn(order.id, goods=goods, wrong=wrong, reference=reference, location=dice.one(PLACES))
    return c.ReceiveReturn(order.id, _back(dice, order), dice.one((None, goods)), wrong, reference=reference)


def _dispose(trade: Trade, dice: Chance, order: Order) -> Command:
    fates = ("restock", "scrap", "send_back")
    rows = [
        Disposition(one.line_id, one.quantity, dice.one(fates), dice.one((0, 0, 30))) for one in _goods(dice, order)
    ]
    return c.DisposeReturn(order.id, _back(dice, order), dice.one((None, rows)))


def _inspect(trade: Trade, dice: Chance, order: Order) -> Command:
    found = [(one.line_id, one.quantity, "worn") for one in _goods(dice, order)]
    deduct = {found[0][0]: dice.one((10, 50))} if dice.once_in(3) else {}
    return c.InspectReturn(order.id, _back(dice, order), dice.one((None, found)), deduct)


def _shared(trade: Trade, dice: Chance, order: Order) -> Command:
    return c.BookShipment(order.id, [_box(dice, order)], service=dice.one((None, "express", "standard", "slow")))


_TAXED = TaxGroup("standard", Decimal("0.19"))


def _some_money(dice: Chance) -> Money:
    """Of this order's currency, mostly; now and then more than a cent is worth."""
    return Money(dice.one(("1.00", "0.01", "4.99", "12.34", "100.00", "0.005")), dice.one(("EUR", "EUR", "EUR", "USD")))


#: For each command a way to make it up; what explain names is added to that.
FORMS: dict[str, Form] = {
    "AcceptConfirmation": lambda t, d, o: c.AcceptConfirmation(o.id),
    "AcknowledgeOrder": lambda t, d, o: c.AcknowledgeOrder(o.id),
    "AmendOrder": _amendment,
    "ApproveAmendment": lambda t, d, o: c.ApproveAmendment(o.id, d.one((*o.proposals, *o.proposals, "A9"))),
    "ApproveOrder": lambda t, d, o: c.ApproveOrder(o.id),
    "AuthorizeReturn": lambda t, d, o: c.AuthorizeReturn(
        o.id, _back(d, o), d.one((None, _quantities(d, o))), goodwill=True, label=not d.once_in(3)
    ),
    "BookShipment": _shared,
    "CancelLines": lambda t, d, o: c.CancelLines(o.id, d.one((None, _quantities(d, o), _quantities(d, o)))),
    "CancelOrder": lambda t, d, o: c.CancelOrder(o.id, "changed my mind"),
    "CancelReturn": lambda t, d, o: c.CancelReturn(o.id, _back(d, o)),
    "CloseReturn": lambda t, d, o: c.CloseReturn(o.id, _back(d, o)),
    "ChargeFee": lambda t, d, o: c.ChargeFee(o.id, "late change", _some_money(d), d.one((None, _TAXED))),
    "CompleteOrder": lambda t, d, o: c.CompleteOrder(o.id),
    "ConfirmOrder": _confirmed,
    "DeclineAmendment": lambda t, d, o: c.DeclineAmendment(o.id, d.one((*o.proposals, *o.proposals, "A9"))),
    "DeliverDigital": lambda t, d, o: c.DeliverDigital(o.id, d.one((None, _goods(d, o)))),
    "DespatchShipment": lambda t, d, o: c.DespatchShipment(o.id, d.one((None, _shipment(d, o)))),
    "ErasePersonalData": lambda t, d, o: c.ErasePersonalData(o.id),
    "DisposeReturn": _dispose,
    "InspectReturn": _inspect,
    "GrantGoodwill": lambda t, d, o: c.GrantGoodwill(o.id, "late", _some_money(d), d.one((None, _TAXED))),
    "PackParcel": lambda t, d, o: c.PackParcel(o.id, _work(d, o), d.one((None, _goods(d, o), _goods(d, o))), "1.5"),
    "PlaceDraft": lambda t, d, o: c.PlaceDraft(o.id),
    "PlaceHold": lambda t, d, o: c.PlaceHold(
        o.id,
        "review",
        d.one(("", "", *o.fulfillments, "F9")),
        d.one(((), (d.one(STEPS),), (d.one(STEPS),))),
        expires_at=t.clock() + timedelta(hours=5) if d.once_in(2) else None,
    ),
    "PlaceOrder": _place,
    "PlanFulfillment": lambda t, d, o: c.PlanFulfillment(o.id),
    "ReceiveReturn": _receive,
    "RecordAnswer": _answer,
    "RecordCash": lambda t, d, o: c.RecordCash(
        o.id, _shipment(d, o), "DHL", d.one(("c1", "c2")), _some_money(d), d.one(("collected", "remitted"))
    ),
    "RecordCheck": lambda t, d, o: c.RecordCheck(o.id, d.one(("credit", "credit", "fraud")), d.one((True, False))),
    "RecordCollection": lambda t, d, o: c.RecordCollection(o.id, _work(d, o), "Ada", d.one(((), _goods(d, o)))),
    "RecordDespatch": _despatch_by_others,
    "RecordPayment": lambda t, d, o: c.RecordPayment(
        o.id, "bank", d.one(("a", "b")), _some_money(d), d.one(("authorized", "captured", "voided", "failed"))
    ),
    "RecordPick": _pick,
    "RecordPutAway": lambda t, d, o: c.RecordPutAway(o.id, _work(d, o), d.one((None, _goods(d, o)))),
    "RecordRefund": lambda t, d, o: c.RecordRefund(
        o.id, "bank", d.one(("r", "s")), _some_money(d), d.one(("requested", "refunded", "failed"))
    ),
    "RecordReply": _reply,
    "RecordTracking": _tracking,
    "RefuseConfirmation": lambda t, d, o: c.RefuseConfirmation(
        o.id, d.one(((), (_a_line(d, o),))), parts=d.one(((), (1 + d.below(2),))), keep_rest=d.once_in(2)
    ),
    "RefuseReturn": lambda t, d, o: c.RefuseReturn(o.id, _back(d, o), "worn"),
    "RecordVoid": lambda t, d, o: c.RecordVoid(o.id, _shipment(d, o), d.one(("B1", "B2"))),
    "RejectOrder": lambda t, d, o: c.RejectOrder(o.id, "no"),
    "ReleaseHold": lambda t, d, o: c.ReleaseHold(o.id, d.one((*o.holds, "H9"))),
    "RequestReturn": _request,
    "Reroute": lambda t, d, o: c.Reroute(
        o.id, d.one((None, _work(d, o))), d.one((None, *PLACES)), d.one((None, *PLACES))
    ),
    "ResolveException": _resolve,
    "SaveDraft": _draft,
    "StartPicking": lambda t, d, o: c.StartPicking(o.id, _work(d, o)),
    "StockArrived": lambda t, d, o: c.StockArrived(o.id, d.one((None, *SKUS)), d.one((None, *PLACES))),
    "TakeStep": _step,
    "TimePassed": lambda t, d, o: c.TimePassed(o.id),
    "UnpackParcel": lambda t, d, o: c.UnpackParcel(o.id, _box(d, o)),
    "VoidShipment": lambda t, d, o: c.VoidShipment(o.id, _shipment(d, o)),
    "WaiveFee": lambda t, d, o: c.WaiveFee(o.id, d.one((*o.settlement.documents, "I9")), d.one((None, _some_money(d)))),
}

#: What is given by several kinds of actors, who may not do the same (`Policy.changes`).
BY_SOMEBODY = ("AmendOrder", "CancelLines", "CancelOrder", "ApproveAmendment", "DeclineAmendment")
SOMEBODY = (SYSTEM, Actor("customer", "ada"), Actor("merchant", "max"), Actor("merchant", "eve"))

#: What is done next in a life without trouble: by the office, the warehouse, at the gate.
OFFICE = (
    "AcknowledgeOrder", "ApproveOrder", "RecordCheck", "AcceptConfirmation", "ConfirmOrder", "ReleaseHold", "TakeStep",
    "PlanFulfillment", "RecordAnswer", "ResolveException", "PlaceDraft",
)  # fmt: skip
WAREHOUSE = (
    "StartPicking", "RecordPick", "PackParcel", "TakeStep", "RecordCollection", "DeliverDigital", "RecordPutAway",
)  # fmt: skip
GATE = ("BookShipment", "DespatchShipment", "CompleteOrder")
DOCK = ("RequestReturn", "AuthorizeReturn", "ReceiveReturn", "InspectReturn", "DisposeReturn")

_TIMES = tuple(timedelta(hours=hours) for hours in (1, 0.2, 5, 5, 26, 100))
_QUESTIONS = ("claim", "issue", "receive", "levels", "quote", "rates", "book", "void", "put", "track", "send")


class TradeMachine(RuleBasedStateMachine):
    """Up to two orders at a time, every command, and the world around."""

    def __init__(self) -> None:
        super().__init__()
        self.trade = Trade()

    @initialize(setting=st.binary(min_size=24, max_size=24), dice=DICE)
    def begins(self, setting: bytes, dice: bytes) -> None:
        """A host opens, and a first order comes in."""
        self.trade = Trade(setting)
        self._tries("PlaceOrder", Chance(dice), plain=True)

    # -- commands ----------------------------------------------------------------------------------------------------

    def _tries(self, name: str, dice: Chance, plain: bool = False) -> None:
        """Give one form of a command: one that is called possible, one that is not, or one that is made up."""
        trade = self.trade
        order = dice.one(trade.orders) if trade.orders else None
        if name in ("PlaceOrder", "SaveDraft"):
            again = order if order is not None and dice.once_in(4) else None
            if again is None and len(trade.open) >= 2:
                return
            trade.give(FORMS[name](trade, dice, again))  # type: ignore[arg-type]
            return
        if order is None:
            return
        possible, impossible = self._candidates(order, name)
        way = 5 + dice.below(3) if name == "AmendOrder" else dice.below(8)
        said = {"by": dice.one(SOMEBODY)} if name in BY_SOMEBODY else {}
        if possible and way < 5:
            trade.give(dice.one(possible), **said)
        elif impossible and way < 6:
            trade.give(dice.one(impossible), **said)
        else:
            trade.give(FORMS[name](trade, dice, order), **said)

    def _candidates(self, order: Order, name: str) -> tuple[list[Command], list[Command]]:
        possible, impossible = self.trade.candidates(order, name)
        if name == "ResolveException":
            possible = [one for one in possible if not self._misleads(order, one)]
        return possible, impossible

    def _misleads(self, order: Order, choice: Any) -> bool:
        return self.trade.would_mislead(order, order.cases[choice.case_id], choice.option)

    def does_the_first_of(self, names: Sequence[str], dice: Chance) -> None:
        """The first of these commands that is possible for any order."""
        for name in names:
            ways = [one for order in self.trade.orders for one in self._candidates(order, name)[0]]
            if ways:
                self.trade.give(dice.one(ways))
                return

    # -- a life goes on ----------------------------------------------------------------------------------------------

    def _goes_on(self, dice: Chance, *names: str) -> None:
        """So many steps of what is possible."""
        for _ in range(1 + dice.below(3)):
            ways = [
                one
                for order in self.trade.orders
                for name in names
                for one in self._candidates(order, name)[0]
                if not self._stops(one)
            ]
            if not ways:
                self._others_decide(dice)
                return
            self.trade.give(dice.one(ways))

    def _others_decide(self, dice: Chance) -> None:
        for order in self.trade.orders:
            if left_to_others(order):
                self.trade.give(_answer(self.trade, dice, order))

    @staticmethod
    def _stops(command: Any) -> bool:
        """Whether a choice would end the life."""
        return getattr(command, "option", "") in ("cancel_order", "cancel_rest") or (
            getattr(command, "passed", True) is False
        )

    @rule(dice=DICE)
    def the_office_works(self, dice: bytes) -> None:
        self._goes_on(Chance(dice), *OFFICE)

    @rule(dice=DICE)
    def the_warehouse_works(self, dice: bytes) -> None:
        self._goes_on(Chance(dice), *WAREHOUSE)

    @rule(dice=DICE)
    def the_carrier_comes(self, dice: bytes) -> None:
        self._goes_on(Chance(dice), *GATE)

    @rule(dice=DICE)
    def goods_come_back(self, dice: bytes) -> None:
        """Whatever was sent has arrived, and the customer does not want it."""
        chance = Chance(dice)
        for _ in range(3):
            self.everybody_works(dice)
        for number in [number for order in self.trade.orders for number in order.tracking_numbers]:
            scan = Scan(number, "delivered", self.trade.clock())
            self.trade.does(lambda scan=scan: self.trade.flow.observe(scan))
        for name in DOCK:
            self._goes_on(chance, name)

    @rule(dice=DICE)
    def the_customer_wants_something_else(self, dice: bytes) -> None:
        """Wherever it may be amended at once, or somebody is to agree to that first."""
        chance = Chance(dice)
        if self.trade.orders:
            order = chance.one(self.trade.orders)
            self.trade.give(_amendment(self.trade, chance, order), by=Actor("customer", "ada"))

    @rule(dice=DICE)
    def everybody_works(self, dice: bytes) -> None:
        chance = Chance(dice)
        for names in (OFFICE, WAREHOUSE, WAREHOUSE, GATE):
            self._goes_on(chance, *names)

    @rule(dice=DICE)
    def everybody_works_again(self, dice: bytes) -> None:
        self.everybody_works(dice)

    @rule(dice=DICE)
    def it_is_sent(self, dice: bytes) -> None:
        self.everybody_works(dice)

    @rule(dice=DICE)
    def it_arrives(self, dice: bytes) -> None:
        """Whatever is on its way is delivered."""
        chance = Chance(dice)
        numbers = [number for order in self.trade.orders for number in order.tracking_numbers]
        if numbers:
            scan = Scan(chance.one(numbers), "delivered", self.trade.clock())
            self.trade.does(lambda: self.trade.flow.observe(scan))

    # -- the world ---------------------------------------------------------------------------------------------------

    @rule(dice=DICE)
    def a_carrier_reports(self, dice: bytes) -> None:
        """In any order, again and again, and of numbers that nobody knows (yet)."""
        chance = Chance(dice)
        numbers = [number for order in self.trade.orders for number in order.tracking_numbers]
        scan = _scan(self.trade, chance, chance.one((*numbers, *numbers, "PA000001", "PA000003")))
        self.trade.does(lambda: self.trade.flow.observe([scan] * (1 + chance.below(2))))

    @rule(dice=DICE)
    def a_carrier_keeps_its_own_books(self, dice: bytes) -> None:
        """The carrier scans a parcel, and is asked for it when that is due."""
        chance = Chance(dice)
        numbers = [number for order in self.trade.orders for number in order.tracking_numbers if number[:2] == "PA"]
        if numbers:
            number, status = chance.one(numbers), chance.one(STATUSES)
            reason = chance.one(("", "", "lost", "damaged"))
            self.trade.does(lambda: self.trade.carrier.scan(number, status, reason=reason))

    @rule(dice=DICE)
    def goods_come_in(self, dice: bytes) -> None:
        chance = Chance(dice)
        sku, place, units = chance.one(SKUS), chance.one(PLACES), 1 + chance.below(9)
        self.trade.does(lambda: self.trade.inventory.receive(sku, units, place))
        self.trade.received[sku, place] += units
        self.trade.does(lambda: self.trade.flow.stock_arrived(sku, chance.one((None, place))))

    @rule(dice=DICE)
    def time_passes(self, dice: bytes) -> None:
        self.trade.passes(Chance(dice).one(_TIMES))

    @rule(dice=DICE)
    def a_line_is_down(self, dice: bytes) -> None:
        """The next questions of a kind find nobody, or are answered and the answer is lost; or the answer is no."""
        chance = Chance(dice)
        what = chance.one((*_QUESTIONS, "book", "send", "void", "quote"))
        no = {"book": "carrier.full", "send": "mail.bounced", "void": "carrier.too_late", "quote": "pricing.closed"}
        if what in no and chance.once_in(2):
            self.trade.line.troubles[what].extend(refusing(no[what]))
        else:
            self.trade.line.troubles[what].extend(unavailable(chance.one((1, 2, 10)), bool(chance.below(2))))

    @rule(dice=DICE)
    def somebody_is_slow(self, dice: bytes) -> None:
        """From now on some questions are answered later; or at once again."""
        some = Chance(dice).one(((), ("claim",), ("book", "void"), ("quote",), ("put",), ("claim", "quote", "book")))
        self.trade.slow.methods = frozenset(some)

    @rule(dice=DICE)
    def the_fulfiller_works(self, dice: bytes) -> None:
        """It packs something of what it has taken on, sends it, and says so."""
        trade, chance = self.trade, Chance(dice)
        for key in trade.fulfiller.queue:
            trade.fulfiller.pack(key)
            if chance.once_in(3):
                continue
            sent, order_id = trade.fulfiller.send(key), key.split("/")[1]
            parcel = DespatchedParcel(tuple(sent.items()), f"{order_id}-F{len(trade.told)}")
            trade.give(c.RecordDespatch(order_id, "ACME", f"F{len(trade.told)}", [parcel], "DHL", location="HAM"))

    @rule(dice=DICE)
    def a_location_goes_dark(self, dice: bytes) -> None:
        chance = Chance(dice)
        if chance.once_in(3):
            place, to = chance.one(PLACES), chance.one((None, *PLACES))
            if place != to:
                self.trade.does(lambda: self.trade.flow.close_location(place, to))

    @rule(dice=DICE)
    def a_second_order_comes(self, dice: bytes) -> None:
        if len(self.trade.open) < 2:
            self.trade.give(_place(self.trade, Chance(dice), None))

    # -- what must hold ----------------------------------------------------------------------------------------------

    @invariant()
    def the_books_agree(self) -> None:
        self.trade.check()

    @rule(dice=DICE)
    def somebody_looks_closely(self, dice: bytes) -> None:
        self.trade.check_slowly(Chance(dice))

    def teardown(self) -> None:
        if sys.exc_info()[0] is not None:
            return
        trade = self.trade
        trade.check_every_explanation()
        trade.comes_to_rest()
        for name in ("accepted", "refused", "codes"):
            COUNTED[name].update(getattr(trade, name))
        for auditor in trade.auditors.values():
            COUNTED["events"].update(auditor.seen)


#: Commands after which there is not much left to be done.
ENDS = ("CancelOrder", "CancelLines", "RejectOrder", "ErasePersonalData")
_WORLD = (
    "everybody_works", "goods_come_back", "it_arrives", "it_is_sent", "the_warehouse_works", "the_office_works",
    "the_customer_wants_something_else", "the_customer_wants_something_else", "time_passes", "goods_come_in",
    "somebody_is_slow",
)  # fmt: skip


def guided(number: int, steps: int, done: Counter[str]) -> None:
    """A life that seeks what was rarely ``done`` so far: a machine by its own bytes, without any luck."""
    drawn = hashlib.shake_256(f"guided {number}".encode()).digest(38 + steps * 64)
    machine, dice = TradeMachine(), Chance(drawn[38:])
    machine.begins(drawn[:24], drawn[24:38])
    trade = machine.trade
    for step in range(steps):
        rare = sorted(FORMS, key=lambda name: (done[name] + trade.accepted[name], name))
        if step < steps - 5:
            rare = [name for name in rare if name not in ENDS]
        bytes_of_step = bytes(dice.below(256) for _ in range(14))
        if not trade.open:
            machine.a_second_order_comes(bytes_of_step)
        way = dice.below(5)
        if way < 2:
            getattr(machine, dice.one(_WORLD))(bytes_of_step)
        elif way < 4:
            machine.does_the_first_of(rare, dice)
        else:
            machine._tries(dice.one(rare[:20]), Chance(bytes_of_step))
        machine.the_books_agree()
    machine.teardown()


def snake(name: str) -> str:
    """``PackParcel`` as ``pack_parcel``."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _a_rule(name: str) -> Callable[[TradeMachine, bytes], None]:
    def given(self: TradeMachine, dice: bytes) -> None:
        self._tries(name, Chance(dice))

    given.__name__ = snake(name)
    return given


for _name in FORMS:
    setattr(TradeMachine, snake(_name), rule(dice=DICE)(_a_rule(_name)))
