"""Lives of orders, made up: a host's policy, an order, and a sequence of moves, each right, wrong, late or absurd.

`live(script)` is one life, as the steps (order before, action, events or refusal, order after). An *honest* life has
only answers that a true world gave, though they may be refusals, late, repeated, or lost; otherwise systems also answer
what cannot be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

import attrs
from hypothesis import strategies as st

from orderflow import commands as c
from orderflow.charges import RoundingRule
from orderflow.defaults import (
    STANDARD,
    one_fulfillment_a_line,
    one_fulfillment_a_location,
)
from orderflow.errors import CommandRefused, OrderflowError, VersionConflict, Violation
from orderflow.explain import explain
from orderflow.kits import Component
from orderflow.lifecycle.worked import WITH_ENGRAVING, WITH_FRAUD_REVIEW
from orderflow.messages import SYSTEM, Actor, Command, Envelope, Event
from orderflow.order import Order
from orderflow.policy import AUTOMATIC, Lifecycles, Policy, Shortage, Substitute
from orderflow.ports import Booked, Request
from orderflow.process import OrderProcess, pending
from orderflow.sources import Source, Sourcing, fewest_locations, take_in_order
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.holds import STEPS
from orderflow.stages.picking import ShortPick
from orderflow.tracking import Scan
from orderflow.values.address import Address
from orderflow.values.numbers import Rounding
from orderflow.values.party import Contact, Party
from tests.laws.chance import Chance, Script, numbered, scripts
from tests.laws.world import LOCATIONS, World, deferral, impossible_replies, lost, scan

__all__ = ["Answered", "Given", "Life", "Living", "Step", "fails_somewhere", "live", "lives"]

BEGUN = datetime(2026, 3, 2, 9, tzinfo=UTC)
CURRENCIES = ("EUR", "JPY", "KWD")
_HOME = Address("DE", "Hauptstr. 1", city="Berlin", postal_code="10115")
_WORK = Address("DE", "Weg 2", city="Bonn", postal_code="53111")
_SOON = date(2026, 3, 4)


@attrs.frozen
class Given:
    """A command was given."""

    command: Command
    envelope: Envelope


@attrs.frozen
class Answered:
    """A port answered, or is said to have."""

    request: Request
    reply: Any
    at: datetime


Action: TypeAlias = Given | Answered


@attrs.frozen
class Step:
    """What one action did: ``events``, or ``refused`` with nothing."""

    before: Order | None
    action: Action
    events: tuple[Event, ...]
    after: Order | None
    refused: CommandRefused | VersionConflict | None = None

    @property
    def action_at(self) -> datetime:
        """When it was."""
        return self.action.envelope.at if isinstance(self.action, Given) else self.action.at


@attrs.frozen(repr=False)
class Life:
    """The life of an order under one policy."""

    process: OrderProcess
    steps: tuple[Step, ...]
    world: World
    now: datetime

    @property
    def order(self) -> Order:
        """The order at the end."""
        order = self.steps[-1].after
        assert order is not None
        return order

    @property
    def events(self) -> tuple[Event, ...]:
        """Everything that happened."""
        return tuple(event for step in self.steps for event in step.events)

    @property
    def asked(self) -> dict[tuple[str, Request], Request]:
        """Every request that was ever pending."""
        found: dict[tuple[str, Request], Request] = {}
        for step in self.steps:
            if step.after is not None:
                for wanted in pending(step.after):
                    found[(wanted.request.id, wanted.request)] = wanted.request
        return found

    def __repr__(self) -> str:
        policy = self.process.policy
        host = f"{policy.lifecycles.order.states} {policy.plan.__name__} without {set(AUTOMATIC - policy.automatic)}"
        told = [_told(step) for step in self.steps]
        return "\n".join([f"a life under {host}, {policy.rounding}:", *told])[:20_000]


def _told(step: Step) -> str:
    action = step.action
    if isinstance(action, Given):
        did = f"{action.envelope.at:%d %H:%M} {action.command}"
    else:
        did = f"{action.at:%d %H:%M} {action.request.id} <- {action.reply}"
    came = f"refused: {step.refused}" if step.refused else " ".join(type(event).__name__ for event in step.events)
    return f"  {did[:300]}\n      -> {came[:300] or 'nothing'}"


# -- the host and the order --------------------------------------------------------------------------------------------


def large_orders_are_reviewed(order: Order) -> Iterable[Violation]:
    """A person looks at every line of ten or more."""
    for line_id in order.lines:
        if order.live_quantity(line_id) >= 10:
            yield Violation("review.large", f"{order.live_quantity(line_id)} of {line_id}", line_id, "hold")


def by_name(order: Order, source: Source) -> str:
    """As in the telephone book."""
    return source.location


def never_from_munich(order: Order, source: Source) -> bool:
    """That location serves shops only."""
    return source.location != "MUC"


def drawn_sourcing(chance: Chance) -> Sourcing:
    """How this host looks for what is short."""
    return Sourcing(
        allocate=chance.one((fewest_locations, take_in_order)),
        rank=chance.one((STANDARD.sourcing.rank, by_name)),
        filters=chance.one(((), (never_from_munich,))),
        ask=chance.one(("when_short", "when_short", "first", "never")),
        rounds=chance.one((5, 1, 2)),
    )


def always(choice: Shortage) -> Callable[[Order, str], Shortage]:
    """What becomes of units that nobody has; a substitute is not substituted."""

    def choose(order: Order, line_id: str) -> Shortage:
        is_one = isinstance(choice, Substitute) and order.lines[line_id].origin.kind == "substitute_for"
        return "wait" if is_one else choice

    return choose


_SHORTAGES: tuple[Shortage, ...] = (
    "wait",
    "wait",
    "wait",
    "backorder",
    "hold",
    "cancel",
    "reject",
    Substitute("CUP", Decimal("2")),
)


def drawn_policy(chance: Chance) -> Policy:
    """How this host works."""
    lifecycles = chance.one(
        (
            Lifecycles(),
            Lifecycles(),
            Lifecycles(order=WITH_FRAUD_REVIEW),
            Lifecycles(fulfillment=WITH_ENGRAVING),
            Lifecycles(order=WITH_FRAUD_REVIEW, fulfillment=WITH_ENGRAVING),
        )
    )
    by_hand = {step for step in sorted(AUTOMATIC) if chance.below(24) == 23}
    return attrs.evolve(
        STANDARD,
        lifecycles=lifecycles,
        plan=chance.one((one_fulfillment_a_location, one_fulfillment_a_line)),
        sourcing=drawn_sourcing(chance),
        shortage=always(chance.one(_SHORTAGES)),
        release_before=timedelta(hours=chance.one((0, 12))),
        automatic=AUTOMATIC - by_hand,
        verification=chance.one(((), (), (large_orders_are_reviewed,))),
        rounding=RoundingRule(chance.one(tuple(Rounding)), "line"),
        fulfillers=chance.one(({}, {}, {"HAM": "ACME"}, {"HAM": "ACME", "BER": "ACME"})),
    )


def drawn_kit(chance: Chance, plain: bool) -> OrderLine:
    """Several products at one price, some of it a part of a unit for each kit."""
    weights = chance.one((None, None, 1, 7))
    parts = [
        Component(chance.one(("TEA", "POT", "CUP")), chance.quantity(), weights) for _ in range(1 + chance.below(3))
    ]
    complete = None if plain else chance.one((None, "line"))
    return OrderLine("SET", 1 + chance.below(5), complete=complete, components=parts)


def drawn_order(chance: Chance, plain: bool = False) -> c.PlaceOrder:
    """What the customer wants; a plain order is sent as soon and as far as it is there."""
    lines = [
        drawn_kit(chance, plain)
        if chance.once_in(6)
        else OrderLine(
            chance.one(("TEA", "POT", "CUP")),
            chance.quantity(),
            service=chance.one((None, None, None, "express")),
            ship_to=_WORK if chance.once_in(12) else None,
            complete=None if plain else chance.one((None, None, None, None, "A", "line", "no")),
            not_before=None if plain or not chance.once_in(9) else _SOON,
        )
        for _ in range(1 + chance.below(4))
    ]
    ada = Party("Ada", contact=Contact("ada@example.org")) if chance.below(4) != 3 else None
    complete = "order" if not plain and chance.once_in(6) else None
    return c.PlaceOrder(lines, chance.one(CURRENCIES), _HOME, ada, order_id="A-1", reference="R-1", complete=complete)


# -- moves -------------------------------------------------------------------------------------------------------------

_WORK_COMMANDS = (
    c.AcknowledgeOrder,
    c.PlanFulfillment,
    c.StartPicking,
    c.RecordPick,
    c.PackParcel,
    c.BookShipment,
    c.DespatchShipment,
    c.ResolveException,
    c.ReleaseHold,
)


class Living:
    """A life while it is lived; every move leaves a step."""

    def __init__(self, process: OrderProcess, honest: bool) -> None:
        self.process, self.honest = process, honest
        self.world = World()
        self.order: Order | None = None
        self.now = BEGUN
        self.steps: list[Step] = []
        self.known: dict[tuple[str, Any], Request] = {}
        self.told: list[tuple[Request, Any]] = []

    # -- the two ways in which anything happens ----------------------------------------------------------------------

    def give(self, command: Command, expected: int | None = None, by: Actor = SYSTEM) -> Step:
        """Give a command."""
        envelope = Envelope(self.now, by, expected_version=expected)
        action = Given(command, envelope)
        try:
            outcome = self.process.carry_out(self.order, command, envelope)
        except (CommandRefused, VersionConflict) as refused:
            return self._stepped(Step(self.order, action, (), self.order, refused))
        return self._stepped(Step(self.order, action, outcome.events, outcome.order))

    def answer(self, request: Request, reply: Any) -> Step:
        """Answer a request."""
        assert self.order is not None
        if isinstance(reply, Booked):
            self.world.untold.pop(request.id, None)
        outcome = self.process.settle(self.order, request, reply, self.now)
        self.told.append((request, reply))
        return self._stepped(Step(self.order, Answered(request, reply, self.now), outcome.events, outcome.order))

    def _stepped(self, step: Step) -> Step:
        self.steps.append(step)
        self.order = step.after
        if self.order is not None:
            for wanted in pending(self.order):
                self.known.setdefault((wanted.request.id, wanted.request), wanted.request)
        return step

    # -- moves by chance ---------------------------------------------------------------------------------------------

    def move(self, drawn: bytes) -> None:
        """One move; none where the bytes say so."""
        chance = Chance(drawn)
        assert self.order is not None
        name = chance.weighed(_MOVES if self.honest else _MOVES_OF_LIARS)
        if name == "rest":
            return
        self.now += timedelta(minutes=chance.one((1, 0, 30, 600)))
        getattr(self, f"_{name}")(chance, self.order)

    def _goes_on(self, chance: Chance, order: Order) -> None:
        """What is next in a life without trouble."""
        wanted = [one for one in pending(order) if one.not_before is None and not one.repeats]
        if wanted:
            request = chance.one(wanted).request
            self.answer(request, self.world.does(request, chance, self.now))
            return
        possible = [step for step in explain(order, self.process).possible if isinstance(step, _WORK_COMMANDS)]
        own = self._own_steps(order)
        if possible or own:
            self.give(chance.one([*own, *possible]))
        elif order.tracking_numbers:
            number = chance.one(order.tracking_numbers)
            self.give(c.RecordTracking(order.id, (Scan(number, "delivered", self.now),)))

    def _own_steps(self, order: Order) -> list[Command]:
        found: list[Command] = []
        if "review_fraud" in self.process.policy.lifecycles.order.events_from(order.state):
            found.append(c.TakeStep(order.id, "review_fraud"))
        for fulfillment in order.fulfillments.values():
            if "engrave" in self.process.policy.lifecycles.fulfillment.events_from(fulfillment.state):
                found.append(c.TakeStep(order.id, "engrave", fulfillment.id))
        return found

    def _answers(self, chance: Chance, order: Order) -> None:
        """A pending request is answered, one way or another."""
        wanted = pending(order)
        if not wanted:
            return
        request = chance.one(wanted).request
        how = chance.weighed(((4, "yes"), (3, "no"), (3, "later"), (2, "lost"), (2, "lost on the way")))
        if how == "later":
            if chance.once_in(2):
                self._does_untold(request, chance)
            self.answer(request, deferral(request, chance, self.now))
        elif how.startswith("lost"):
            if how != "lost":
                self._does_untold(request, chance)
            self.answer(request, lost(chance))
        else:
            self.answer(request, self.world.does(request, chance, self.now, generous=how == "yes"))

    def _does_untold(self, request: Request, chance: Chance) -> None:
        """It is done, and the answer is under way for long."""
        self.world.untold[request.id] = (request, self.world.does(request, chance, self.now))

    def _answers_late(self, chance: Chance, order: Order) -> None:
        """An answer of old comes, or comes again."""
        old = [*self.world.untold.values(), *self.told]
        if old:
            request, reply = chance.one(old)
            self.answer(request, reply)

    def _answers_by_ticket(self, chance: Chance, order: Order) -> None:
        """The answer to a deferred request comes by another way."""
        if order.deferrals:
            deferred = chance.one(tuple(order.deferrals.values()))
            reply = self.world.does(deferred.request, chance, self.now, generous=chance.below(3) < 2)
            self.give(c.RecordReply(order.id, deferred.ticket, reply))

    def _answers_absurdly(self, chance: Chance, order: Order) -> None:
        """Something that cannot be, or the answer to another question."""
        asked = [one.request for one in pending(order)] if chance.below(2) else []
        asked = asked or list(self.known.values())
        if asked:
            request = chance.one(asked)
            self.answer(request, chance.one(impossible_replies(request, self.now)))

    def _commands(self, chance: Chance, order: Order) -> None:
        """Any command that could be named now, possible or not."""
        explained = explain(order, self.process)
        named = [*explained.possible, *(one.command for one in explained.not_possible)]
        if chance.below(6):
            named = [command for command in named if not isinstance(command, c.CancelOrder | c.RejectOrder)]
        self.give(chance.one(named))

    def _amends(self, chance: Chance, order: Order) -> None:
        """Other quantities, of lines or of kits."""
        rows = (*order.lines, *order.kits)
        lines = {chance.one(rows): chance.one((chance.quantity(), Decimal(0))) for _ in range(2)}
        self.give(c.AmendOrder(order.id, lines))

    def _holds(self, chance: Chance, order: Order) -> None:
        """Something is in the way."""
        scope = chance.one(("", "", *order.fulfillments, *order.parcels, "F99"))
        blocks = (chance.one(STEPS),) if chance.below(3) else ()
        until = self.now + timedelta(hours=5) if chance.once_in(2) else None
        self.give(c.PlaceHold(order.id, "review", scope, blocks, expires_at=until))

    def _cancels(self, chance: Chance, order: Order) -> None:
        """The customer wants nothing, or the merchant does not."""
        self.give(chance.one((c.CancelOrder(order.id), c.CancelOrder(order.id), c.RejectOrder(order.id, "no"))))

    def _cancels_some(self, chance: Chance, order: Order) -> None:
        """The customer wants fewer units, or not the rest."""
        line = chance.one(tuple(order.lines))
        some = {line: chance.one((Decimal("0.5"), Decimal(1), chance.quantity()))}
        self.give(chance.one((c.CancelLines(order.id, some), c.CancelLines(order.id, some), c.CancelLines(order.id))))

    def _waits(self, chance: Chance, order: Order) -> None:
        """Time passes."""
        self.now += timedelta(hours=chance.one((1, 6, 30, 500)))
        self.give(c.TimePassed(order.id))

    def _handles_some(self, chance: Chance, order: Order) -> None:
        """Goods are picked or packed in part, unpacked, booked one by one."""
        fulfillment = chance.one((*order.fulfillments, "F99"))
        line, units = chance.one(tuple(order.lines)), chance.one(("1", "0.5", "0.001", "2"))
        parcel = chance.one((*order.parcels, "P99"))
        self.give(
            chance.one(
                (
                    c.RecordPick(order.id, fulfillment, ((line, units),)),
                    c.PackParcel(order.id, fulfillment, ((line, units),)),
                    c.PackParcel(order.id, fulfillment, ((line, units), (line, units)), weight_kg="1.5"),
                    c.UnpackParcel(order.id, parcel),
                    c.BookShipment(order.id, (parcel,), service=chance.one((None, "express"))),
                    c.BookShipment(order.id, tuple(order.parcels) or None, "DHL", "express"),
                )
            )
        )

    def _sources(self, chance: Chance, order: Order) -> None:
        """Goods are not found, taken away from a location, or come in."""
        fulfillment = chance.one((*order.fulfillments, "F99"))
        line, units = chance.one(tuple(order.lines)), chance.one(("1", "0.5", "0.001", "2"))
        elsewhere = chance.one((None, None, *LOCATIONS))
        self.give(
            chance.one(
                (
                    c.RecordPick(order.id, fulfillment, short={line: "not found"}),
                    c.RecordPick(order.id, fulfillment, short=[ShortPick(line, "damaged", units)]),
                    c.RecordPick(order.id, fulfillment, (), short=[ShortPick(line, "damaged", units)]),
                    c.Reroute(order.id, fulfillment, to=elsewhere),
                    c.Reroute(order.id, location=chance.one(LOCATIONS), to=elsewhere),
                    c.StockArrived(order.id),
                    c.StockArrived(order.id, order.lines[line].sku),
                )
            )
        )

    def _is_reported(self, chance: Chance, order: Order) -> None:
        """A carrier reports."""
        number = chance.one((*order.tracking_numbers, *order.tracking_numbers, "T-nobody"))
        reports = [scan(number, chance, self.now) for _ in range(1 + chance.below(2))]
        self.give(c.RecordTracking(order.id, reports))

    def _blunders(self, chance: Chance, order: Order) -> None:
        """A command that makes no sense here."""
        self.give(
            chance.one(
                (
                    c.TakeStep(order.id, "verify"),
                    c.TakeStep(order.id, "engrave", chance.one((*order.fulfillments, "F99"))),
                    c.TakeStep(order.id, "review_fraud"),
                    c.PlaceOrder((("TEA", 1),), "EUR", _HOME, order_id=order.id),
                    c.ReleaseHold(order.id, "H99"),
                    c.ReleaseHold(order.id, "H1"),
                    c.ResolveException(order.id, chance.one((*order.cases, "X99")), "try_again"),
                    c.RecordReply(order.id, "T-none", impossible_replies(_ANY, self.now)[0]),
                    c.AmendOrder(order.id, {"L99": 1}),
                    c.StartPicking(order.id, "F99"),
                    c.DespatchShipment(order.id),
                )
            )
        )

    def _has_seen_another_version(self, chance: Chance, order: Order) -> None:
        """The sender names a version."""
        self.give(c.CancelOrder(order.id), expected=max(0, order.version - chance.below(3)))


_ANY = Request("A-1", "any")
_MOVES = (
    (1, "rest"),
    (114, "goes_on"),
    (26, "answers"),
    (14, "answers_late"),
    (6, "answers_by_ticket"),
    (14, "commands"),
    (12, "amends"),
    (8, "holds"),
    (3, "cancels"),
    (6, "cancels_some"),
    (8, "waits"),
    (16, "handles_some"),
    (16, "sources"),
    (12, "is_reported"),
    (4, "blunders"),
    (2, "has_seen_another_version"),
)
_MOVES_OF_LIARS = (*((weight - 14 if name == "goes_on" else weight, name) for weight, name in _MOVES),)
_MOVES_OF_LIARS = (*_MOVES_OF_LIARS, (14, "answers_absurdly"))


def live(script: Script, honest: bool = True) -> Life:
    """A whole life."""
    chance = Chance(script.setting)
    policy, order = drawn_policy(chance), drawn_order(chance)
    policy = attrs.evolve(policy, charge_on=chance.one(("despatch", None, "delivery", "order")))
    living = Living(OrderProcess(policy), honest)
    living.give(order)
    for drawn in script.moves:
        living.move(drawn)
    return Life(living.process, tuple(living.steps), living.world, living.now)


def lives(honest: bool = False, least: int = 12, most: int = 60) -> st.SearchStrategy[Life]:
    """Lives of every kind; an honest one has only answers that a true world gave."""
    return scripts(least, most).map(lambda script: live(script, honest))


def fails_somewhere(law: Callable[[Life], None], honest: bool = False, tries: int = 600) -> bool:
    """Whether a law is broken by one of some lives: how each law is seen to bite when a fault is put in."""
    for number in range(tries):
        try:
            law(live(numbered(number), honest))
        except (AssertionError, OrderflowError, RuntimeError):
            return True
    return False
