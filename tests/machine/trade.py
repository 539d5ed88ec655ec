"""A trade for the machine: real systems in memory on one telephone line, a flow over them, and an auditor an order.

Whatever is done goes through `Trade.give` (a command) or one of the moves of the world; both listen to what happened,
and `Trade.check` says what must hold after every move. Nothing of the library is used but its public face.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import count
from typing import Any

import attrs

from orderflow import commands as c
from orderflow.adapters.memory import (
    Deferring,
    Flaky,
    Mailbox,
    ManualClock,
    MemoryCarrier,
    MemoryFulfiller,
    MemoryInventory,
    PriceList,
)
from orderflow.change_rules import ChangeRule
from orderflow.charges import RoundingRule
from orderflow.codec import standard_codec
from orderflow.defaults import STANDARD, one_fulfillment_a_line, one_fulfillment_a_location
from orderflow.errors import CommandRefused, DuplicateOrder, PortRefused, PortUnavailable, Violation
from orderflow.explain import Explanation
from orderflow.lifecycle.worked import WITH_ENGRAVING, WITH_FRAUD_REVIEW
from orderflow.messages import Command
from orderflow.order import Order
from orderflow.policy import AUTOMATIC, Authority, Check, Lifecycles, Policy, Shortage, Substitute
from orderflow.ports import Repeats
from orderflow.process import evolve, pending
from orderflow.runtime import OrderFlow
from orderflow.stages.authority import left_to_others
from orderflow.stores import MemoryStore
from orderflow.values import Rounding, zero
from tests.laws.chance import Chance
from tests.laws.test_documents import credits_take_no_more_than_was_charged
from tests.machine.auditor import Auditor

__all__ = ["PLACES", "SKUS", "Trade"]

SKUS, PLACES = ("TEA", "POT", "CUP"), ("BER", "HAM")
BEGUN = datetime(2026, 11, 23, 9, tzinfo=UTC)
_CODEC = standard_codec()
#: By hand what is otherwise automatic, now and then.
_STEPS = sorted(AUTOMATIC)


class Systems:
    """The systems around, by the questions they answer; ``done`` is all that they did and said, answers lost or not."""

    repeats = Repeats.DEDUPLICATES

    def __init__(self, *systems: Any) -> None:
        self._systems = systems
        self.done: list[tuple[str, Any, Any]] = []

    def __getattr__(self, method: str) -> Callable[[Any], Any]:
        if method.startswith("_"):
            raise AttributeError(method)
        answer = next(getattr(system, method) for system in self._systems if hasattr(system, method))

        def asked(request: Any) -> Any:
            reply = answer(request)
            self.done.append((method, request, reply))
            return reply

        return asked


class Line(Flaky):
    """The telephone line to all systems: by question, what goes wrong with the next ones."""

    def __init__(self, port: Any) -> None:
        self.troubles: defaultdict[str, deque[tuple[Exception, bool]]] = defaultdict(deque)
        self._asking = ""
        super().__init__(port, self._next_trouble())

    def _next_trouble(self) -> Iterator[Exception | None]:
        while True:
            waiting = self.troubles[self._asking]
            trouble, self.after = waiting.popleft() if waiting else (None, False)
            yield trouble

    def _ask(self, method: str, request: Any) -> Any:
        self._asking = method
        return super()._ask(method, request)


def _large_ones_are_reviewed(order: Order) -> Iterable[Violation]:
    for line_id in order.lines:
        if order.live_quantity(line_id) >= 10:
            yield Violation("review.large", f"{order.live_quantity(line_id)} of {line_id}", line_id, "hold")


def _always(choice: Shortage) -> Callable[[Order, str], Shortage]:
    def choose(order: Order, line_id: str) -> Shortage:
        is_one = isinstance(choice, Substitute) and order.lines[line_id].origin.kind == "substitute_for"
        return "wait" if is_one else choice

    return choose


def _whoever_gets_less(order: Order, lines: Any) -> bool:
    return any(line.answer != "accepted" for line in lines)


def _always_agree(order: Order, lines: Any) -> bool:
    return True


def _always_in_cash(order: Order) -> bool:
    return True


_SHORTAGES: tuple[Shortage, ...] = ("wait", "wait", "backorder", "backorder", "hold", "cancel", "reject")


#: A host that lets customers propose most of what is late, and nobody agree to a price alone.
_CHANGES = (
    ChangeRule("price", "*", "*", "approval", ["merchant", "system"]),
    ChangeRule("*", "booked", "customer", "deny"),
    *(ChangeRule("*", stage, "customer", "approval") for stage in ("allocated", "picking", "picked", "packed")),
    ChangeRule(),
)


def _policy(dice: Chance) -> Policy:
    """How this host works."""
    by_hand = {step for step in _STEPS if dice.once_in(8)}
    lifecycles = dice.one((Lifecycles(), Lifecycles(), Lifecycles(order=WITH_FRAUD_REVIEW, fulfillment=WITH_ENGRAVING)))
    rules = (
        RoundingRule(),
        RoundingRule(Rounding.HALF_EVEN, "line", "group"),
        RoundingRule(Rounding.HALF_UP, "document"),
        RoundingRule(Rounding.DOWN, "document", "line"),
    )
    theirs = dice.one((Authority(), Authority(), Authority(price="theirs"), Authority(booking="theirs")))
    sourcing = attrs.evolve(STANDARD.sourcing, ask=dice.one(("when_short", "first")), rounds=dice.one((5, 2)))
    return attrs.evolve(
        STANDARD,
        automatic=AUTOMATIC - by_hand,
        lifecycles=lifecycles,
        plan=dice.one((one_fulfillment_a_location, one_fulfillment_a_line)),
        sourcing=sourcing,
        shortage=_always(dice.one((*_SHORTAGES, Substitute("CUP", Decimal(2))))),
        rounding=dice.one(rules),
        authority=theirs,
        verification=dice.one(((), (), (_large_ones_are_reviewed,))),
        checks=dice.one(((), (), (Check("credit", valid_for=timedelta(days=3)),))),
        buyer_must_agree=dice.one((STANDARD.buyer_must_agree, _whoever_gets_less, _always_agree)),
        fulfillers=dice.one(({}, {"HAM": "ACME"})),
        expire_after=dice.one((None, None, timedelta(days=2))),
        price_tolerance=Decimal(5),
        changes=dice.one((STANDARD.changes, STANDARD.changes, _CHANGES)),
        credit_on=dice.one(("disposed", "disposed", "received", "authorized", "inspected")),
        exchange_on=dice.one(("received", "authorized")),
        charge_on=dice.one(("despatch", "delivery", "order", None)),
        on_delivery=dice.one((STANDARD.on_delivery, STANDARD.on_delivery, _always_in_cash)),
    )


def _with_tax(order: Order) -> Iterator[bool]:
    return (tranche.tax_included for tranches in order.tranches.values() for tranche in tranches)


def sign(document: Any) -> int:
    return 1 if document.kind == "charge" else -1


class Trade:
    """The flow, the systems and the books of everybody."""

    def __init__(self, drawn: bytes = b"") -> None:
        dice = Chance(drawn)
        self.clock = ManualClock(BEGUN)
        self.received: Counter[tuple[str, str]] = Counter()
        self.read: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        stock = {("TEA", "BER"): 6, ("TEA", "HAM"): 5, ("POT", "BER"): 3, ("POT", "HAM"): 8, ("CUP", "BER"): 12}
        self.received.update(stock)
        hold_for = dice.one((None, None, timedelta(days=1)))
        self.inventory = MemoryInventory(stock, location="BER", clock=self.clock, hold_for=hold_for)
        self.carrier = MemoryCarrier(clock=self.clock, hands_over=dice.one(({}, {"express": ("LASTMILE",)})))
        self.mailbox = Mailbox()
        self.fulfiller = MemoryFulfiller("ACME", ["HAM"], capacity=dice.one(({}, {"TEA": 4})))
        self.prices = self._price_list(dice)
        self.systems = Systems(self.inventory, self.prices, self.carrier, self.mailbox, self.fulfiller)
        self.slow = Deferring(self.systems, (), clock=self.clock)
        self.line = Line(self.slow)
        numbers = count(1)
        names = ("inventory", "pricing", "carriers", "notifications", "fulfillers")
        self.store = MemoryStore()
        self.flow = OrderFlow(
            **dict.fromkeys(names, self.line),  # type: ignore[arg-type]
            store=self.store,
            policy=_policy(dice),
            clock=self.clock,
            new_id=lambda: f"id-{next(numbers)}",
        )
        self.ids: list[str] = []
        self.auditors: dict[str, Auditor] = {}
        self.replayed: dict[str, Order] = {}
        self.accepted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        self.told: list[str] = []
        self.misled: set[str] = set()
        self._explained: dict[str, tuple[Any, Explanation]] = {}

    @staticmethod
    def _price_list(dice: Chance) -> PriceList:
        said: dict[str, Any] = dice.one(
            (
                {},
                {"tax": "0.19", "shipping": "4.90"},
                {"tax": "0.19", "tax_included": True, "order_discount": "3.00"},
                {"tax": "0.07", "handling": "1.50", "discount_percent": "3"},
            )
        )
        prices: dict[str, Any] = {"TEA": [(0, "4.65"), (5, "4.19")], "POT": "24.35", "CUP": "10.00", "SET": "33.33"}
        return PriceList(prices, base_quantities={"CUP": 3}, **said)

    # -- what can be seen --------------------------------------------------------------------------------------------

    def order(self, order_id: str) -> Order:
        """An order as it is kept."""
        return self.flow.get(order_id)

    @property
    def orders(self) -> list[Order]:
        """All orders and drafts."""
        return [self.order(order_id) for order_id in self.ids]

    @property
    def open(self) -> list[Order]:
        """Those of which something is still to come."""
        return [order for order in self.orders if not order.is_over and "completed" not in order.milestones]

    @property
    def books(self) -> tuple[Any, ...]:
        """Everything that anyone knows; a number that was drawn for an order that was refused is gone."""
        systems = (self.inventory, self.carrier, self.mailbox, self.fulfiller)
        return self.orders, self.store.fingerprint()[:-1], *(system.fingerprint() for system in systems)

    def explained(self, order: Order) -> Explanation:
        """The explanation of an order, asked for once while nothing happens."""
        now = (order.version, self.clock())
        known = self._explained.get(order.id)
        if known is None or known[0] != now:
            known = self._explained[order.id] = now, self.flow.explain(order)
        return known[1]

    def candidates(self, order: Order, name: str) -> tuple[list[Command], list[Command]]:
        """The forms in which a command is said to be possible, and those in which it is said not to be."""
        told = self.explained(order)
        possible = [command for command in told.possible if type(command).__name__ == name]
        return possible, [one.command for one in told.not_possible if type(one.command).__name__ == name]

    # -- what happens ------------------------------------------------------------------------------------------------

    def give(self, command: Command, **said: Any) -> bool:
        """Give a command. Where it is refused, nothing has happened; whether it was accepted."""
        name, before = type(command).__name__, self.books
        quiet = not any(self._is_overdue(order) for order in before[0])
        self.told.append(f"{self.clock():%d %H:%M} {command}")
        try:
            receipt = self.flow.handle(command, **said)
        except (CommandRefused, DuplicateOrder) as refused:
            if quiet and self.books != before:
                raise AssertionError(f"{name} was refused, and something has changed") from refused
            self.refused[name] += 1
            self.codes.update(violation.code for violation in getattr(refused, "violations", ()))
            self.listen()
            return False
        if receipt.failure is not None:
            raise receipt.failure
        self.accepted[name] += 1
        self.knows(receipt.order.id)
        return True

    def does(self, what: Callable[[], Any]) -> Any:
        """The world moves."""
        result = what()
        self.listen()
        return result

    def passes(self, time: timedelta) -> None:
        """Time goes on, and whoever is due gets a turn."""
        self.told.append(f"{self.clock():%d %H:%M} {time} pass")
        self.clock.advance(time)
        report = self.does(self.flow.run_due)
        for failure in report.failed.values():
            raise failure

    def knows(self, order_id: str) -> None:
        """There may be an order more."""
        if order_id not in self.ids:
            self.ids.append(order_id)
            self.auditors[order_id] = Auditor()
        self.listen()

    def listen(self) -> None:
        """The auditors hear what has happened."""
        for order_id, auditor in self.auditors.items():
            for recorded in self.flow.history(order_id)[auditor.heard :]:
                auditor.hears(recorded.event)
                self.replayed[order_id] = evolve(self.replayed.get(order_id), recorded.event)

    def _is_overdue(self, order: Order) -> bool:
        moment = self.flow.process.attention(order)
        return moment is not None and moment <= self.clock()

    # -- what must hold ----------------------------------------------------------------------------------------------

    def check(self) -> None:
        """After every move."""
        for order in self.orders:
            self.auditors[order.id].agrees(order)
            assert self.replayed[order.id] == order, "the history makes another order"
            assert order.ledger.is_balanced()
            self._check_claims(order)
            self._check_documents(order)
            self._check_somebody_is_waited_for(order)
        self._check_shelves()
        self._check_letters()

    def _check_claims(self, order: Order) -> None:
        auditor = self.auditors[order.id]
        for claim_id, (_, wanted) in auditor.claims.items():
            entry = self.inventory.claims().get(f"main/{order.id}/claim/{claim_id}")
            if entry is None:
                continue
            assert entry.reserved <= max(entry.wanted - entry.issued, Decimal(0)), f"{claim_id} holds too much: {entry}"
            claim = order.claims[claim_id]
            if claim.is_settled and not claim.refusal and not order.unissued:
                assert Fraction(entry.wanted) == wanted, f"{claim_id}: {wanted} is wanted, {entry}"
                assert Fraction(entry.reserved) <= wanted

    def _check_documents(self, order: Order) -> None:
        """What was raised stays; credits take no more of a charge than it has; what is left is what is agreed."""
        raised, read = order.settlement.documents, self.read[order.id]
        assert dict(list(raised.items())[: len(read)]) == read, "a document was changed"
        self.read[order.id] = dict(raised)
        credits_take_no_more_than_was_charged(
            [one for one in raised.values() if one.reason != "goodwill"], any(_with_tax(order))
        )
        fees = [one.total for one in raised.values() if one.kind == "charge" and not one.lines[0].line_id]
        assert all(order.balance.payable >= zero(order.currency) for _ in fees), "more was given than was charged"
        agreed = Fraction(order.total.amount) + sum(
            (
                sign(one) * Fraction(line.amounts.total.amount)
                for one in raised.values()
                for line in one.lines
                if not line.line_id
            ),
            Fraction(),
        )
        assert abs(Fraction(order.balance.payable.amount) - agreed) <= Fraction(5 * len(raised) + 5, 100)

    def _check_somebody_is_waited_for(self, order: Order) -> None:
        if order.is_over or order.is_draft or "completed" in order.milestones:
            return
        if pending(order) or self.flow.process.attention(order) is not None:
            return
        told = self.explained(order)
        assert told.waiting_for or told.missing or order.open_cases or order.active_holds, (
            f"nobody is waited for:\n{told}"
        )

    def _check_shelves(self) -> None:
        booked: Counter[str] = Counter()
        under_way: Counter[str] = Counter()
        back: Counter[str] = Counter()
        coming_back: Counter[str] = Counter()
        for auditor in self.auditors.values():
            booked.update(auditor.issued)
            back.update(auditor.restocked)
            for units in auditor.to_receive.values():
                coming_back.update(units)
            for units in auditor.to_issue.values():
                under_way.update(units)
        for sku in SKUS:
            issued = Fraction(self.inventory.issued(sku))
            assert booked[sku] <= issued <= booked[sku] + under_way[sku], f"{sku}: {issued} issued, {booked[sku]} left"
            more = Fraction(0)
            for place in PLACES:
                there = self.inventory.on_hand(sku, place) + self.inventory.issued(sku, place)
                assert there >= self.received[sku, place], f"{sku} at {place}"
                more += Fraction(there) - self.received[sku, place]
            assert back[sku] <= more <= back[sku] + coming_back[sku], f"{sku}: {more} came back, {back[sku]} booked"

    def _check_letters(self) -> None:
        sent = self.mailbox.sent
        assert len({message.key for message in sent}) == len(sent)
        told = Counter((message.order_id, message.kind, message.id, message.to) for message in sent)
        assert all(times == 1 for times in told.values()), told

    def check_slowly(self, dice: Chance) -> None:
        """What takes longer, now and then: a snapshot is read back, and an explanation is held to its word."""
        for order in self.orders:
            if not dice.once_in(3):
                continue
            assert _CODEC.order_from_json(_CODEC.order_to_json(order)) == order
            told = self.flow.explain(order)
            if told.possible:
                self.flow.preview(dice.one(told.possible))
            if told.not_possible:
                self._is_refused(dice.one(told.not_possible))

    def check_every_explanation(self) -> None:
        """Each command that is called possible is accepted, each other one refused for the reasons told."""
        for order in self.orders:
            assert _CODEC.order_from_json(_CODEC.order_to_json(order)) == order
            told = self.flow.explain(order)
            for command in told.possible:
                self.flow.preview(command)
            for impossible in told.not_possible:
                self._is_refused(impossible)

    def _is_refused(self, impossible: Any) -> None:
        try:
            self.flow.preview(impossible.command)
        except CommandRefused as refused:
            if refused.violations != impossible.reasons:
                raise AssertionError(f"{impossible} is refused for other reasons") from refused
        else:
            raise AssertionError(f"{impossible.command} is called impossible, and is not: {impossible.reasons}")

    # -- the end -----------------------------------------------------------------------------------------------------

    def comes_to_rest(self) -> None:
        """Every line works again, goods come in, every question is answered; then nothing is left behind."""
        self.line.troubles.clear()
        self.slow.methods = frozenset()
        for sku in SKUS:
            for place in PLACES:
                self.does(lambda sku=sku, place=place: self.inventory.receive(sku, 100, place))
                self.received[sku, place] += 100
        for turn in range(12):
            self.passes(timedelta(hours=5))
            for order in self.orders:
                self._settles(order, turn)
        self.check()
        for order in self.orders:
            self._check_rest(order)

    def _settles(self, order: Order, turn: int) -> None:
        for deferral in order.deferrals.values():
            if not deferral.answered and deferral.ticket in self.slow.answers:
                self.give(c.RecordReply(order.id, deferral.ticket, self.slow.release(deferral.ticket)))
        for left in left_to_others(self.order(order.id)):
            with suppress(PortRefused):
                answer = getattr(self.systems, left.request.PORT[1])(left.request)
                self.give(c.RecordAnswer(order.id, left.request.id, answer))
        for case in self.order(order.id).open_cases:
            honest = [option for option in case.options if not self.would_mislead(order, case, option)]
            self.give(c.ResolveException(order.id, case.id, honest[turn % len(honest)]))

    def would_mislead(self, order: Order, case: Any, option: str) -> bool:
        """Whether a choice tells what is not so: that a carrier was not booked who was, say."""
        if option == "not_booked":
            return any(request.id == case.about for method, request, _ in self.systems.done if method == "book")
        return option in ("released_by_hand", "booked_by_hand", "nothing_is_done", "all_is_done")

    def _check_rest(self, order: Order) -> None:
        asked = [one for one in pending(order) if not one.repeats]
        auditor = self.auditors[order.id]
        now = [one for one in asked if one.not_before is None]
        assert not now, f"{order} still wants {now}"
        booked = {
            reply.booking.number
            for m, request, reply in self.systems.done
            if m == "book" and request.order_id == order.id
        }
        for number in booked:
            if number in auditor.labels:
                self._check_label(order, number)
                continue
            shipment = order.shipments.get(auditor.bookings.get(number, ""))
            state = self.carrier.bookings[number]
            if state == "voided" or auditor.bookings.get(number, "") in auditor.insisted:
                continue
            assert shipment is not None, f"{number} is booked, and nobody knows of it"
            if order.is_over or not shipment.is_live:
                assert state != "booked" or shipment.stage == "despatched", (
                    f"{number} of {order} is {state}: {shipment}"
                )
        if order.is_over:
            held = {key: entry for key, entry in self.inventory.claims().items() if f"/{order.id}/" in key}
            assert not any(entry.reserved for entry in held.values()), f"{order} still holds {held}"

    def _check_label(self, order: Order, number: str) -> None:
        """A label that nobody will use is void, or the carrier would not have it."""
        known = order.returns[self.auditors[order.id].labels[number]]
        assert known.shipment is not None
        if known.ended and not known.tracking.has_moved and self.carrier.bookings[number] != "voided":
            assert known.shipment.stage == "void_declined", f"{number} of {known.id} is not void"


def unavailable(times: int, after: bool) -> list[tuple[Exception, bool]]:
    """Nobody answers so many times; ``after``: they do what they are asked, and the answer is lost."""
    return [(PortUnavailable("the line is down"), after)] * times


def refusing(code: str) -> list[tuple[Exception, bool]]:
    """A business answer: no."""
    return [(PortRefused(code, "not this time"), False)]
