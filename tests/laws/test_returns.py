"""Whatever comes back, in whatever order: no unit twice, no cent twice, and nothing on the shelf that did not come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow.charges import COMPONENTS, RoundingRule
from orderflow.commands import (
    AuthorizeReturn,
    BookShipment,
    CancelReturn,
    CloseReturn,
    DespatchShipment,
    DisposeReturn,
    InspectReturn,
    PackParcel,
    ReceiveReturn,
    RecordPick,
    RecordTracking,
    RefuseReturn,
    RequestReturn,
    ResolveException,
    StartPicking,
)
from orderflow.errors import CommandRefused
from orderflow.ledger import SENT_BACK
from orderflow.messages import Command, Envelope, Event
from orderflow.order import Goods, Order
from orderflow.policy import Policy
from orderflow.ports import Reply, Request
from orderflow.process import pending
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.returns_disposition import Disposition, ReturnDisposed
from orderflow.stages.returns_receiving import ReturnReceived
from orderflow.values import FrozenMap, Rounding
from orderflow.values.numbers import total
from tests.laws.chance import Chance
from tests.scenario import ID, ONE_PLACE, Life, a_place_order, scan

ROUNDINGS = (RoundingRule(), RoundingRule(Rounding.HALF_EVEN, "document"), RoundingRule(Rounding.DOWN, "line", "group"))
HAM = OrderLine("HAM", 5, "piece", measure_unit="kg", estimated_measure="6.0")
KINDS = (("return", ""), ("return", ""), ("exchange", ""), ("claim", ""), ("return", "replacement"))
FATES = ("restock", "restock", "scrap", "send_back")


def _policy(dice: Chance) -> Policy:
    return attrs.evolve(
        ONE_PLACE,
        credit_on=dice.one(("disposed", "received", "inspected", "authorized")),
        exchange_on=dice.one(("received", "authorized")),
        rounding=dice.one(ROUNDINGS),
        automatic=ONE_PLACE.automatic | dice.one((frozenset(), frozenset({"authorize_return"}))),
    )


class Quick(Life):
    """A life that is looked at closely at its end only."""

    def do(self, *commands: Command) -> Quick:
        for command in commands:
            outcome = self.process.carry_out(self._order, command, Envelope(self.now))
            self._happened(outcome.events, outcome.order)
        return self

    def hears(self, request: Request, reply: Reply) -> Quick:
        outcome = self.process.settle(self.order, request, reply, self.now)
        self._happened(outcome.events, outcome.order)
        return self

    def _happened(self, events: Iterable[Event], order: Order) -> None:
        self.events = tuple(events)
        self.history += self.events
        self._order = order

    def ends(self) -> None:
        """The books balance, its events make the order again, and nothing more follows."""
        assert self.order.ledger.is_balanced()
        assert self.loaded == self.order
        assert pending(self.loaded) == pending(self.order)
        assert self._forgetful.consequences(self.loaded, self.now) == ()


def _two_parcels(policy: Policy) -> Quick:
    """Seven packets and five hams, in two parcels on their way."""
    life = Quick(policy).do(a_place_order(lines=[("TEA-250", 7), HAM])).reply_all()
    life.do(StartPicking(ID, "F1"), RecordPick(ID, "F1")).reply_all()
    for units, pieces, kilograms in ((4, 2, "2.37"), (3, 3, "3.71")):
        contents = [("L1", units), Goods("L2", Decimal(pieces), measured=Decimal(kilograms))]
        life.do(PackParcel(ID, "F1", contents))
    life.do(BookShipment(ID, ["P1"], service="a"), BookShipment(ID, ["P2"], service="a")).reply_all()
    return life.do(DespatchShipment(ID, "S1"), DespatchShipment(ID, "S2")).reply_all()


def _goods(dice: Chance) -> list[Goods]:
    line = dice.one(("L1", "L2"))
    units = Decimal(dice.one(("1", "2", "3", "9")))
    measured = dice.one((None, units * Decimal("1.3"))) if line == "L2" else None
    return [Goods(line, units, measured)]


def _dispositions(dice: Chance) -> Any:
    rows = [Disposition(g.line_id, g.quantity, dice.one(FATES), dice.one((0, 0, 35))) for g in _goods(dice)]
    return dice.one((None, rows))


def _tries(dice: Chance, order: Order) -> Command:
    """Something that somebody tries, in place or out of place."""
    back, goods = dice.one((*order.returns, *order.returns, "R1")), _goods(dice)
    kind, resolution = dice.one(
        (("return", ""), ("return", ""), ("exchange", ""), ("claim", ""), ("return", "replacement"))
    )
    number, status = dice.one(("T-S1-1", "T-S2-1")), dice.one(("delivered", "delivered", "return_to_sender", "unknown"))
    case = dice.one(order.open_cases) if order.open_cases else None
    ways: tuple[Command, ...] = (
        RequestReturn(ID, [(goods[0].line_id, goods[0].quantity)], kind, resolution),
        RequestReturn(ID, [(goods[0].line_id, goods[0].quantity)], kind, resolution),
        AuthorizeReturn(ID, back, deduct={goods[0].line_id: 20} if dice.once_in(4) else {}),
        AuthorizeReturn(ID, back),
        RefuseReturn(ID, back) if dice.once_in(3) else CancelReturn(ID, back),
        ReceiveReturn(ID, back, dice.one((None, goods, goods))),
        ReceiveReturn(ID, back, goods),
        ReceiveReturn(ID, goods=goods) if dice.once_in(2) else ReceiveReturn(ID, parcel_id=dice.one(("P1", "P2"))),
        InspectReturn(ID, back, deduct={goods[0].line_id: 10} if dice.once_in(3) else {}),
        DisposeReturn(ID, back, _dispositions(dice)),
        DisposeReturn(ID, back, _dispositions(dice)),
        CloseReturn(ID, back),
        RecordTracking(ID, [scan(status, number, 30 + dice.below(40), reason="lost" if status == "unknown" else "")]),
        RecordTracking(ID, [scan("delivered", number, 80)]),
        ResolveException(ID, case.id, dice.one(case.options)) if case is not None else CloseReturn(ID, back),
    )
    return dice.one(ways)


def _lived(script: bytes) -> Quick:
    dice = Chance(script)
    life = _two_parcels(_policy(dice))
    life.do(RecordTracking(ID, [scan("delivered", "T-S1-1", 20)]))
    for _ in range(16):
        command = _tries(dice, life.order)
        try:
            life.do(command)
        except CommandRefused:
            continue
        if not dice.once_in(4):
            life.reply_all()
        _check(life)
    life.ends()
    return life


def _check(life: Life) -> None:
    order = life.order
    _money_is_never_more_than_was_charged(order)
    _no_unit_came_back_twice(life)
    _the_shelf_got_what_was_restocked(life)
    basis = life.process.policy.credit_on
    for known in order.returns.values():
        for line_id, units in known.credited.items():
            # what was credited when it was authorized, and then never came, was credited all the same
            assert basis == "authorized" or units <= known.due(line_id, basis)
            assert known.withheld.get(line_id, Decimal(0)) <= min(units, known.deducted.get(line_id, Decimal(0)))


def _money_is_never_more_than_was_charged(order: Order) -> None:
    charged, credited = order.charged, order.credited
    for name in COMPONENTS:
        assert abs(getattr(credited, name).amount) <= abs(getattr(charged, name).amount), name
    for line_id, tranches in order.tranches.items():
        back = order.given_back.get(line_id, ())
        assert all(0 <= gone <= tranche.units for gone, tranche in zip(back, tranches, strict=False))
        # who has paid for a unit and was not given it back has it, or is to get it, or it is on record why not
        assert order.not_given_back(line_id) >= 0


def _no_unit_came_back_twice(life: Life) -> None:
    """By the receipts alone: of a line no more came than left, and was not sent back to the customer."""
    came: defaultdict[str, Decimal] = defaultdict(Decimal)
    for event in life.history:
        for move in event.moves if isinstance(event, ReturnReceived | ReturnDisposed) else ():
            if isinstance(event, ReturnReceived):
                came[move.line_id] += move.quantity
            elif move.target == SENT_BACK:
                came[move.line_id] -= move.quantity
            assert came[move.line_id] <= life.order.ledger.ordered(move.line_id)


def _the_shelf_got_what_was_restocked(life: Life) -> None:
    told: defaultdict[str, Decimal] = defaultdict(Decimal)
    keys = set()
    for event in life.history:
        for receipt in event.receipts if isinstance(event, ReturnDisposed) else ():
            assert receipt.key not in keys
            keys.add(receipt.key)
            for line in receipt.lines:
                told[line.sku] += line.quantity
    kept: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line_id, line in life.order.lines.items():
        kept[line.sku] += life.order.ledger.balance(line_id, "restocked")  # type: ignore[arg-type]
    assert {sku: units for sku, units in told.items() if units} == {sku: units for sku, units in kept.items() if units}


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=300, max_size=300))
def test_whatever_comes_back_is_counted_once(script: bytes) -> None:
    _lived(script)


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=40, max_size=40))
def test_who_returns_everything_in_any_parts_is_given_back_everything(script: bytes) -> None:
    dice = Chance(script)
    life = _two_parcels(_policy(dice)).do(
        RecordTracking(ID, [scan("delivered", "T-S1-1", 20), scan("delivered", "T-S2-1", 20)])
    )
    number = 0
    while wanted := {id: units for id in ("L1", "L2") if (units := life.order.ledger.of_kind(id, "delivered"))}:
        line_id = dice.one(sorted(wanted))
        units = min(wanted[line_id], Decimal(dice.one(("1", "2", "0.5", "3"))))
        number += 1
        life.do(
            RequestReturn(ID, [(line_id, units)], dice.one(("return", "return", "claim")) if units == 9 else "return")
        )
        if life.order.returns[f"R{number}"].is_requested:
            life.do(AuthorizeReturn(ID, f"R{number}"))
        life.reply_all().do(ReceiveReturn(ID, f"R{number}"), DisposeReturn(ID, f"R{number}"))
        if life.order.returns[f"R{number}"].ended != "closed":
            life.reply_all()
    assert life.order.total.amount == 0
    assert life.order.credited == life.order.charged
    assert life.order.status.by_kind == FrozenMap({"restocked": total((Decimal(7), Decimal(5)))})
    assert all(one.ended == "closed" for one in life.order.returns.values())
    life.ends()


@pytest.mark.parametrize("loss", ["refund", "reship"])
@settings(max_examples=15, deadline=None)
@given(st.binary(min_size=30, max_size=30))
def test_what_was_made_good_as_lost_is_not_made_good_once_more(loss: str, script: bytes) -> None:
    dice = Chance(script)
    life = _two_parcels(_policy(dice)).do(RecordTracking(ID, [scan("delivered", "T-S1-1", 20)]))
    life.do(RecordTracking(ID, [scan("unknown", "T-S2-1", 40, reason="lost")])).reply_all()
    life.do(ResolveException(ID, life.case.id, loss)).reply_all()
    before = life.order.total
    if dice.once_in(2):
        life.do(RecordTracking(ID, [scan("delivered", "T-S2-1", 60)])).reply_all()
    life.do(ReceiveReturn(ID, goods=[("L1", 3), ("L2", 3)], parcel_id="P2"))
    life.reply_all().do(DisposeReturn(ID, "R1")).reply_all()
    assert life.order.total == before
