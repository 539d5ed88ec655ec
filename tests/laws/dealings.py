"""Dealings with one order, made up: it is changed, sent, lost, found, sent back and paid, by commands only.

A real shop with its systems in memory is driven by bytes. A move that is out of place is refused, and nothing has
happened; a bookkeeper listens to whatever does happen, and audits after every move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs

from orderflow import commands as c
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.charges import RoundingRule, TaxGroup
from orderflow.defaults import STANDARD
from orderflow.errors import CommandRefused
from orderflow.kits import Component
from orderflow.ledger import kind_of, place_of
from orderflow.messages import Command
from orderflow.order import Goods, Order, ReturnLine
from orderflow.policy import Policy, Substitute
from orderflow.runtime import OrderFlow
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.advices import DespatchedParcel
from orderflow.stages.returns_disposition import Disposition
from orderflow.tracking import Scan
from orderflow.values import Address, Money, Rounding
from tests.laws.bookkeeper import Bookkeeper, kept
from tests.laws.chance import Chance, Script

__all__ = ["Dealings", "dealt"]

HOME = Address("DE", "Hauptstr. 1", city="Berlin", postal_code="10115")
BEGUN = datetime(2026, 11, 23, 9, tzinfo=UTC)
SKUS = ("ROPE", "POT", "CUP", "HAM")
REDUCED = TaxGroup("reduced", Decimal("0.07"))
#: What goods cost; a rope by the metre, nails by the hundred, hams by what they weigh.
PRICES: tuple[dict[str, Any], ...] = (
    {"ROPE": "3.333", "POT": [(0, "10.03"), (3, "9.99")], "CUP": "4.60", "HAM": "14.90", "SET": "30.00"},
    {"ROPE": "0.105", "POT": "0.005", "CUP": "1250", "HAM": "7.777", "SET": "99.99"},
    {"ROPE": "1", "POT": [(0, "33.3"), (2, "0")], "CUP": "0.35", "HAM": "3.3333", "SET": "0.07"},
)
EXTRAS: tuple[dict[str, Any], ...] = (
    {"tax": "0.19"},
    {"tax": "0.19", "tax_included": True},
    {"tax": "0.19", "shipping": "5", "order_discount": "3", "handling": "1"},
    {"tax": "0.19", "tax_included": True, "shipping": "7", "order_discount": "3", "discount_percent": "3"},
    {"discount_percent": "7.5", "shipping": "1"},
)


def _always(choice: Any) -> Callable[[Order, str], Any]:
    def choose(order: Order, line_id: str) -> Any:
        is_one = isinstance(choice, Substitute) and order.lines[line_id].origin.kind == "substitute_for"
        return "wait" if is_one else choice

    return choose


def _policy(dice: Chance) -> Policy:
    return attrs.evolve(
        STANDARD,
        charge_on=dice.one(("order", "despatch", "delivery")),
        credit_on=dice.one(("disposed", "received", "inspected", "authorized")),
        exchange_on=dice.one(("received", "authorized")),
        rounding=RoundingRule(
            dice.one(tuple(Rounding)), dice.one(("line", "document")), dice.one((None, "line", "group"))
        ),
        shortage=_always(dice.one(("backorder", "wait", "cancel", Substitute("CUP", Decimal(2))))),
    )


class Dealings:
    """One order, the shop it was placed in, and the bookkeeper."""

    def __init__(self, setting: bytes) -> None:
        dice = Chance(setting)
        self.clock = ManualClock(BEGUN)
        self.currency = dice.one(("EUR", "JPY", "KWD"))
        groups = dice.one(({}, {"CUP": REDUCED, "HAM": REDUCED}))
        shop = dice.one(EXTRAS)
        prices = PriceList(
            dice.one(PRICES), self.currency, tax_groups=groups if "tax" in shop else None,
            base_quantities=dice.one(({}, {"CUP": 3})), **shop,
        )  # fmt: skip
        stock = dict.fromkeys(SKUS, 1000) | {"POT": dice.one((1000, 4))}
        self.carrier = MemoryCarrier(clock=self.clock)
        self.flow = OrderFlow(
            inventory=MemoryInventory(stock, location="BER", clock=self.clock),
            pricing=prices,
            carriers=self.carrier,
            notifications=Mailbox(),
            clock=self.clock,
            policy=_policy(dice),
        )
        self.books = Bookkeeper()
        self.told: list[str] = []
        self.documents = 0
        lines = [self._line(dice) for _ in range(1 + dice.below(3))]
        placed = self.flow.handle(c.PlaceOrder(lines, self.currency, HOME, order_id="A-1"))
        self.told.append(f"placed {lines} at {prices!r}, {shop}, {groups}, {placed.order.rounding}")
        self.audit()

    @staticmethod
    def _line(dice: Chance) -> OrderLine:
        sku = dice.one((*SKUS, "SET"))
        terms: dict[str, Any] = {"under": dice.one((0, 0, 20)), "over": dice.one((0, 0, 50))}
        if sku == "SET":
            weights = dice.one(((None, None), (1, 3)))
            parts = [Component("POT", dice.one((2, 1)), weights[0]), Component("CUP", "0.5", weights[1])]
            return OrderLine(sku, dice.one((3, 1, 5)), components=parts)
        if sku == "HAM":
            return OrderLine(sku, dice.one((4, 3)), "piece", measure_unit="kg", estimated_measure="4.7", **terms)
        return OrderLine(sku, dice.one(("4.25", "1.333", "0.5") if sku == "ROPE" else ("3", "7", "1")), **terms)

    @property
    def order(self) -> Order:
        """The order as it is."""
        return self.flow.get("A-1")

    # -- what happens ------------------------------------------------------------------------------------------------

    def gives(self, *commands: Command) -> bool:
        """Give commands until one is refused; whether any was accepted."""
        accepted = False
        for command in commands:
            try:
                receipt = self.flow.handle(command)
            except CommandRefused:
                break
            if receipt.failure is not None:
                raise receipt.failure
            accepted = True
            self.told.append(str(command))
            self.audit()
        return accepted

    def scanned(self, number: str, status: str, reason: str = "") -> None:
        """The carrier says something."""
        self.told.append(f"{number} {status} {reason}")
        self.flow.observe(Scan(number, status, self.clock(), reason=reason))
        self.audit()

    def audit(self) -> None:
        """The bookkeeper hears what has happened, and looks at the papers."""
        for recorded in self.flow.history("A-1")[self.books.heard :]:
            self.books.hears(recorded.event)
        self.books.audits(self.order)

    def move(self, drawn: bytes) -> None:
        """One move by chance."""
        dice = Chance(drawn)
        self.clock.advance(timedelta(minutes=7))
        dice.weighed(_MOVES)(self, dice)

    # -- goods leave and arrive --------------------------------------------------------------------------------------

    def sends(self, dice: Chance) -> None:
        """Some of what is allocated is picked, packed, and leaves."""
        order = self.order
        for work in order.fulfillments.values():
            self.gives(c.StartPicking("A-1", work.id))
            self.gives(c.RecordPick("A-1", work.id, self._some(dice, f"allocated:{work.id}") or ()))
            goods = self._some(dice, f"picked:{work.id}")
            if goods and self.gives(c.PackParcel("A-1", work.id, goods)) and not dice.once_in(5):
                self.leaves()

    def leaves(self) -> None:
        """Whatever is packed leaves."""
        self.gives(c.BookShipment("A-1"))
        for shipment in self.order.shipments.values():
            if shipment.is_live and shipment.stage != "despatched":
                self.gives(c.DespatchShipment("A-1", shipment.id))

    def _some(self, dice: Chance, account: str) -> list[Goods]:
        found = []
        for line_id in self.order.lines:
            there = self.order.ledger.balance(line_id, account)
            if there:
                units = _part(dice, there, self.order.lines[line_id].sku)
                measured = units * Decimal(dice.one(("1.2", "0.9", "1.333"))) if self._is_ham(line_id) else None
                found.append(Goods(line_id, units, measured=measured if not dice.once_in(6) else None))
        return found

    def _is_ham(self, line_id: str) -> bool:
        return bool(self.order.lines[line_id].measure_unit)

    def others_send(self, dice: Chance) -> None:
        """Somebody else sent goods, perhaps more than were ordered."""
        line_id, number = dice.one(tuple(self.order.lines)), f"X-{len(self.order.parcels)}"
        goods = Goods(line_id, Decimal(dice.one((1, 2, 9))), measured=Decimal("1.7") if self._is_ham(line_id) else None)
        self.gives(c.RecordDespatch("A-1", "ACME", number, [DespatchedParcel([goods], number)], location="BER"))

    def arrives(self, dice: Chance) -> None:
        """A parcel is delivered, gets lost, comes back, or is found."""
        numbers = self.order.tracking_numbers
        if numbers:
            how = (("delivered", ""), ("delivered", ""), ("delivery_failed", "lost"), ("return_to_sender", ""))
            self.scanned(dice.one(numbers), *dice.one((*how, ("in_transit", ""), ("delivered", "damaged"))))

    # -- what is wanted changes --------------------------------------------------------------------------------------

    def amends(self, dice: Chance) -> None:
        """More, less, other, cheaper."""
        line_id = dice.one(tuple(self.order.lines))
        more: tuple[Callable[[], dict[str, Any]], ...] = (
            lambda: {"quantities": {line_id: dice.one(("5", "1", "8", "2.5", "0"))}},
            lambda: {"quantities": {line_id: dice.one(("9", "0.25", "3.333"))}},
            lambda: {"prices": {line_id: Money(dice.one(("2.5", "0", "7.77")), self.currency)}, "reason": "agreed"},
            lambda: {"substitute": {line_id: (dice.one(SKUS[:3]), dice.one(("1", "2", "0.5")))}},
            lambda: {"add": [self._line(dice)]},
            lambda: {"remove": [line_id]},
        )
        self.gives(c.AmendOrder("A-1", **dice.one(more)()))

    def cancels(self, dice: Chance) -> None:
        """Some units, or all that can still be cancelled, or the order."""
        line_id = dice.one(tuple(self.order.lines))
        some = {line_id: dice.one(("1", "0.5", "2"))}
        self.gives(c.CancelOrder("A-1") if dice.once_in(9) else c.CancelLines("A-1", dice.one((some, some, None))))

    # -- what comes back ---------------------------------------------------------------------------------------------

    def wants_to_return(self, dice: Chance) -> None:
        """Some of what arrived is wanted no more, or is to be exchanged, or was broken."""
        lines = self._lines_back(lambda there, sku: _part(dice, there, sku), dice.one(("", "CUP")))
        if lines:
            kinds = (("return", ""), ("return", ""), ("return", "replacement"), ("exchange", ""), ("claim", ""))
            kind = dice.one(kinds)
            self.gives(c.RequestReturn("A-1", lines[: 1 + dice.below(3)], *kind))
            self.gives(c.AuthorizeReturn("A-1", list(self.order.returns)[-1])) if self.order.returns else None

    def _lines_back(self, part: Callable[[Decimal, str], Decimal], sku: str = "") -> list[ReturnLine]:
        found = []
        for line_id, line in self.order.lines.items():
            there = sum(
                (units for account, units in self.order.ledger.accounts(line_id) if kind_of(account) == "delivered"),
                Decimal(0),
            )
            if there:
                found.append(ReturnLine(line_id, part(there, line.sku), "worn", sku=sku))
        return found

    def receives(self, dice: Chance) -> None:
        """A part of a return comes in, or all of it, or more."""
        for known in self.order.returns.values():
            goods: Any = [
                Goods(move, _part(dice, units, "ROPE"), measured=Decimal("1.1") if self._is_ham(move) else None)
                for move, units in self._held(known.id, "returning")
            ]
            self.gives(c.ReceiveReturn("A-1", known.id, dice.one((None, goods)) or None))

    def _held(self, return_id: str, kind: str) -> list[tuple[str, Decimal]]:
        return [
            (line_id, units)
            for line_id in self.order.lines
            for account, units in self.order.ledger.accounts(line_id)
            if kind_of(account) == kind and place_of(account) == return_id
        ]

    def disposes(self, dice: Chance) -> None:
        """What came in is looked at, some of its worth kept back, and put where it goes."""
        for known in self.order.returns.values():
            held = self._held(known.id, "received")
            if held and dice.once_in(2):
                deduct = {held[0][0]: dice.one((10, 50, 33))} if dice.once_in(2) else {}
                self.gives(c.InspectReturn("A-1", known.id, deduct=deduct))
            fates = ("restock", "scrap", "send_back", "restock")
            rows = [Disposition(one, _part(dice, units, "ROPE"), dice.one(fates)) for one, units in held]
            self.gives(c.DisposeReturn("A-1", known.id, dice.one((None, rows, rows)) or None))

    # -- money and cases ---------------------------------------------------------------------------------------------

    def pays(self, dice: Chance) -> None:
        """Payments, refunds, fees and goodwill."""
        amount = Money(dice.one(("1", "5", "100", "17")), self.currency)
        documents = (*self.order.settlement.documents, "none")
        self.gives(
            dice.one(
                (
                    c.RecordPayment("A-1", "bank", dice.one(("a", "b")), amount),
                    c.GrantGoodwill("A-1", "late", amount, dice.one((None, REDUCED))),
                    c.ChargeFee("A-1", "late change", amount, dice.one((None, REDUCED))),
                    c.WaiveFee("A-1", dice.one(documents), dice.one((None, Money(1, self.currency)))),
                    c.RecordRefund("A-1", "bank", dice.one(("r", "s")), amount),
                )
            )
        )

    def decides(self, dice: Chance) -> None:
        """Somebody settles a case."""
        for case in self.order.open_cases:
            self.gives(c.ResolveException("A-1", case.id, dice.one(tuple(case.options))))

    def comes_in(self, dice: Chance) -> None:
        """Time passes, and whoever is due gets a turn."""
        self.clock.advance(timedelta(days=dice.one((1, 9))))
        for failure in self.flow.run_due().failed.values():
            raise failure
        self.audit()

    # -- the end -----------------------------------------------------------------------------------------------------

    def everything_goes_back(self) -> bool:
        """Whatever can be given back is; whether all of it was."""
        chooses = ("refund", "credit", "cancel_rest", "keep", "accept")
        for _ in range(8):
            if all(kept(row) == 0 for row in self.books.rows.values()):
                return True
            self.clock.advance(timedelta(hours=1))
            self.gives(c.CancelLines("A-1"))
            for case in self.order.open_cases:
                option = next((one for one in chooses if one in case.options), case.options[0])
                self.gives(c.ResolveException("A-1", case.id, option))
            self.leaves()
            for number in self.order.tracking_numbers:
                self.scanned(number, "delivered")
            if lines := self._lines_back(lambda there, sku: there):
                self.gives(c.RequestReturn("A-1", lines))
            for known in self.order.returns.values():
                for step in (c.AuthorizeReturn, c.ReceiveReturn, c.InspectReturn, c.DisposeReturn):
                    self.gives(step("A-1", known.id))
        return False


def _part(dice: Chance, units: Decimal, sku: str) -> Decimal:
    """All, or some, in whole pieces where goods come in pieces; in cuts of a rope."""
    if sku != "ROPE":
        return min(units, Decimal(dice.one((1, 2, 100))))
    return dice.one((units, min(units, Decimal("0.333")), min(units, Decimal(1))))


_MOVES: tuple[tuple[int, Callable[[Dealings, Chance], None]], ...] = (
    (6, Dealings.sends),
    (4, Dealings.arrives),
    (4, Dealings.amends),
    (2, Dealings.cancels),
    (4, Dealings.wants_to_return),
    (3, Dealings.receives),
    (3, Dealings.disposes),
    (2, Dealings.pays),
    (2, Dealings.decides),
    (1, Dealings.others_send),
    (1, Dealings.comes_in),
)


def dealt(script: Script) -> tuple[Dealings, bool]:
    """Whole dealings, and whether everything was given back in the end. What fails says how it came to that."""
    dealings = Dealings(script.setting)
    try:
        for drawn in script.moves:
            dealings.move(drawn)
        return dealings, dealings.everything_goes_back()
    except BaseException as error:
        error.add_note("\n".join(dealings.told))
        raise


def counted(many: Iterable[Dealings]) -> set[str]:
    """Everything that happened in any of them."""
    return {name for one in many for name in one.books.seen}
