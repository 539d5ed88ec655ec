"""What users of other order systems suffer from, one test each: it cannot happen here.

The list reads like their issue trackers. Every test goes through the public API, with real systems in memory; where
several act at once, with threads and processes on one file.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest

from orderflow import (
    STANDARD,
    Actor,
    Address,
    AmendOrder,
    AuthorizeReturn,
    BookShipment,
    CancelLines,
    CancelOrder,
    ChangeRule,
    CommandRefused,
    DeliverDigital,
    DespatchedParcel,
    DespatchShipment,
    DisposeReturn,
    Lifecycles,
    MemoryStore,
    Money,
    Order,
    OrderFlow,
    OrderLine,
    PackParcel,
    Policy,
    ReceiveReturn,
    RecordCollection,
    RecordDespatch,
    RecordPayment,
    RecordPick,
    RecordRefund,
    RefuseReturn,
    RequestReturn,
    Reroute,
    ResolveException,
    ReturnLine,
    Scan,
    SqliteStore,
    StartPicking,
    Substitution,
    TakeStep,
    replay,
)
from orderflow.adapters.memory import MemoryFulfiller, MemoryInventory, PriceList
from orderflow.charges import RoundingRule
from orderflow.lifecycle.worked import WITH_FRAUD_REVIEW
from orderflow.ports import IssueStock
from tests.runtime.other_processes import ended_well, started
from tests.runtime.shop import STEPS, Only, Shop, beside, go_on, lead, place, tags, the_steps

BONN = Address("DE", "Weg 2", city="Bonn", postal_code="53111")


def shipped(flow: OrderFlow, order_id: str, contents: dict[str, Any] | None = None, work: str = "F1") -> Order:
    """All of a work is picked and packed, if it was not; the next parcel leaves, with these contents if it is new."""
    order = flow.get(order_id)
    if work not in order.fulfillments or order.fulfillments[work].state == "planned":
        flow.handle(StartPicking(order_id, work))
    if flow.get(order_id).fulfillments[work].state == "picking":
        flow.handle(RecordPick(order_id, work))
    for goods in (list(contents.items()) if contents else None, None):
        if flow.get(order_id).work_left(work):
            flow.handle(PackParcel(order_id, work, goods))
    order = flow.get(order_id)
    parcel = next(iter(waiting(order, work)), "P9")
    if order.shipment_of(parcel) is None:
        order = flow.handle(BookShipment(order_id, [parcel])).order
    return flow.handle(DespatchShipment(order_id, order.shipment_of(parcel).id)).order  # type: ignore[union-attr]


def units(order: Order) -> dict[str, str]:
    """Where all units of an order are."""
    return {kind: str(quantity) for kind, quantity in order.status.by_kind.items()}


def scanned(flow: OrderFlow, order_id: str, status: str) -> Order:
    """The carrier reports of the order's only parcel."""
    (number,) = flow.get(order_id).tracking_numbers
    flow.observe(Scan(number, status, flow.clock()))
    return flow.get(order_id)


def all_sent(flow: OrderFlow, order_id: str) -> Order:
    """Whatever of an order has not left leaves."""
    for _ in range(9):
        order = flow.get(order_id)
        works = (work.id for work in order.fulfillments.values() if order.work_left(work.id) or waiting(order, work.id))
        if (work := next(works, None)) is None:
            return order
        shipped(flow, order_id, None, work)
    raise AssertionError(f"{order_id} does not go on")


def waiting(order: Order, work: str) -> list[str]:
    """Parcels that are packed, and have not left."""
    return [p.id for p in order.parcels_of(work) if order.contents_of(p.id) and p.state in ("packed", "booked")]


def came_back(flow: OrderFlow, order_id: str, units: int, line_id: str = "L1", kind: Any = "return") -> str:
    """So many units of a line are returned, or exchanged, and lie at the dock; which return that is."""
    other = {"TEA": "POT", "POT": "TEA"}[flow.get(order_id).lines[line_id].sku] if kind == "exchange" else ""
    order = flow.handle(RequestReturn(order_id, [ReturnLine(line_id, units, sku=other)], kind)).order
    back = list(order.returns)[-1]
    flow.handle(AuthorizeReturn(order_id, back, label=False))
    flow.handle(ReceiveReturn(order_id, back, [(line_id, units)], reference=f"GR-{back}"))
    return back


def owed_by_line(order: Order) -> dict[str, Money]:
    """What is to be paid for each line."""
    return {line.line_id: line.amounts.total for line in order.totals.lines}


def in_threads(work: Callable[[int], Any], times: int) -> list[Any]:
    """The same, by many at once; what was refused, or came too late, is told instead of raised."""

    def tried(number: int) -> Any:
        try:
            return work(number)
        except CommandRefused as refused:
            return refused

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(tried, range(times)))


# -- selling what is not there, losing what is -----------------------------------------------------------------------


def test_01_two_customers_cannot_buy_the_same_last_unit(tmp_path: Path) -> None:
    """Oversell, because the check and the allocation are two transactions."""
    with SqliteStore(tmp_path / "orders.sqlite", synchronous="NORMAL") as store:
        stock = MemoryInventory({"TEA": 10}, location="BER")
        flow = Shop(store).flow(inventory=stock)

        in_threads(lambda number: flow.handle(place(lines=[("TEA", 1)])), 25)

        orders = [flow.get(row.order_id) for row in flow.find().orders]
        assert len(orders) == 25
        assert sum(order.ledger.of_kind("L1", "allocated") for order in orders) == stock.held("TEA") == 10
        assert sum(order.state == "verified" for order in orders) == 10
        for waiting in (order for order in orders if order.state == "acknowledged"):
            with pytest.raises(CommandRefused):
                flow.handle(StartPicking(waiting.id, "F1"))


def test_02_an_order_that_was_accepted_is_there_whatever_fails_afterwards(tmp_path: Path) -> None:
    """Paid, but the order is missing: something after the payment failed, and took the order with it."""
    path = tmp_path / "orders.sqlite"
    with SqliteStore(path) as store:
        shop = Shop(store)
        down = {name: Only(getattr(shop, name), method, [OSError("down")] * 99) for name, method in DOWN.items()}
        receipt = shop.flow(**down).handle(place(), command_id="paid-4711")
        assert (receipt.order.state, receipt.failure) == ("acknowledged", None)

    with SqliteStore(path) as store:
        flow = Shop(store).flow()
        again = flow.handle(place(), command_id="paid-4711")
        assert (again.replayed, again.order.id) == (True, receipt.order.id)
        assert len(flow.find().orders) == 1
        flow.clock.advance(flow.process.policy.retry.longest)  # type: ignore[attr-defined]
        flow.run_due()
        assert flow.get(receipt.order.id).state == "verified"


DOWN = {"inventory": "claim", "pricing": "quote", "notifications": "send"}


def test_03_a_webhook_that_comes_twice_or_twice_at_once_counts_once(tmp_path: Path) -> None:
    """Duplicate or racing webhooks make two orders, two shipments, two mails."""
    path = tmp_path / "orders.sqlite"
    with SqliteStore(path, synchronous="NORMAL") as store:
        shop = Shop(store)
        flow = shop.flow()
        placed = in_threads(lambda number: flow.handle(place(), command_id="hook-1").order.id, 8)
        (order_id,) = set(placed)
        (number,) = go_on(flow, order_id).tracking_numbers
        scan = Scan(number, "delivered", flow.clock(), id="evt-9")

        others = [started(f"be_told_again_and_again({str(path)!r}, {number!r})") for _ in range(2)]
        in_threads(lambda _: flow.observe(scan), 8)
        for other in others:
            ended_well(other)

        assert [row.order_id for row in flow.find().orders] == [order_id]
        assert tags(flow, order_id).count("tracking_recorded") == 1
        assert tags(flow, order_id).count("goods_delivered") == 1
        kinds = [message.kind for message in shop.notifications.sent]
        assert len(kinds) == len(set(kinds))


class FullDisk(MemoryStore):
    """A store that cannot keep anything any more, once it is full."""

    is_full = False

    def append(self, *args: Any, **options: Any) -> None:
        """Keep a change, or fail."""
        if self.is_full:
            raise OSError("no space left on device")
        super().append(*args, **options)


def test_04_nobody_hears_of_what_was_not_kept() -> None:
    """Events are visible before the commit, or before a rollback: a mail for an order that does not exist."""
    store = FullDisk()
    shop = Shop(store)
    flow = shop.flow()
    order_id = flow.handle(place(lines=[("TEA", 3)])).order.id
    for step in the_steps(order_id).values():
        books, held = shop.books, flow.history(order_id)
        for command in (step, AmendOrder(order_id, {"L1": 2}), CancelLines(order_id), CancelOrder(order_id), place()):
            store.is_full = True
            with pytest.raises(OSError, match="no space"):
                flow.handle(command)
            flow.run_due()
            assert (shop.books, flow.history(order_id), len(flow.find().orders)) == (books, held, 1)
        store.is_full = False
        flow.handle(step)
    assert flow.get(order_id).state == "shipped"


class Hooks:
    """A host's own rules and strategies, all of which work, but for one call: that one fails."""

    def __init__(self, fatal: int) -> None:
        self.calls, self.fatal = 0, fatal

    def hooked(self, strategy: Callable[..., Any]) -> Callable[..., Any]:
        """A strategy of the host's."""

        def called(*args: Any) -> Any:
            self.calls += 1
            if self.calls == self.fatal:
                raise ZeroDivisionError("a bug of the host's")
            return strategy(*args)

        return called

    def policy(self) -> Policy:
        """The standard, through hooks; with a rule at each step, and checks of the host's own."""
        names = ("plan", "choose_rate", "draft", "shortage", "queue", "promise", "confirm", "buyer_must_agree")
        rules = {tag: (self.hooked(lambda *args: ()),) for tag in ("place_order", "pack_parcel", "despatch_shipment")}
        return attrs.evolve(
            STANDARD,
            **{name: self.hooked(getattr(STANDARD, name)) for name in names},
            rules=rules,
            verification=(self.hooked(lambda *args: ()),),
            fulfillers=self.hooked(lambda location: None),
            on_delivery=self.hooked(STANDARD.on_delivery),
            paid_first=self.hooked(lambda order: None),
        )


def a_life_through(hooks: Hooks) -> tuple[tuple[object, ...], list[str], str]:
    """An order goes its way though a hook fails: everything is kept, or nothing; what others know, and all events."""
    shop = Shop(MemoryStore())
    flow = shop.flow(policy=hooks.policy())
    commands = [place(lines=[("TEA", 3)], order_id="A-1"), *the_steps("A-1").values(), AmendOrder("A-1", {"L1": 2})]
    commands.insert(2, commands.pop())
    for command in commands:
        held = flow.history("A-1") if flow.find().orders else ()
        try:
            receipt = flow.handle(command)
        except ZeroDivisionError:
            assert (flow.history("A-1") if flow.find().orders else ()) == held
            receipt = flow.handle(command)
        assert receipt.failure is None or isinstance(receipt.failure, ZeroDivisionError)
        assert replay(recorded.event for recorded in flow.history("A-1")) == flow.get("A-1")
        flow.advance("A-1")
    return shop.books, sorted(tags(flow, "A-1")), flow.get("A-1").state


def test_05_a_hook_that_throws_leaves_nothing_half_done() -> None:
    """A hook throws, and the state is half committed."""
    sound = Hooks(fatal=0)
    books, happened, state = a_life_through(sound)
    assert (sound.calls > 40, state) == (True, "shipped")

    for fatal in range(1, sound.calls + 1):
        assert a_life_through(Hooks(fatal)) == (books, happened, state), fatal


def test_06_goods_leave_once_and_are_booked_out_once(tmp_path: Path) -> None:
    """Double fulfillment, double reduction of stock."""
    path = tmp_path / "orders.sqlite"
    with SqliteStore(path, synchronous="NORMAL") as store:
        shop = Shop(store)
        stock = shop.ports["inventory"] = Only(shop.inventory, "issue", [OSError("the answer was lost")], after=True)
        flow = shop.flow()
        order_id = lead(flow, "booked")

        other = started(f"send_again_and_again({str(path)!r}, {order_id!r})")
        answers = in_threads(lambda number: flow.handle(DespatchShipment(order_id, "S1")), 6)
        ended_well(other)
        shop.passes(days=1)
        flow.run_due()

        assert sum(isinstance(answer, CommandRefused) for answer in answers) >= 5
        assert tags(flow, order_id).count("goods_despatched") == 1
        assert units(flow.get(order_id)) == {"shipped": "2"}
        assert (stock.port.on_hand("TEA"), stock.port.held("TEA")) == (88, 0)
        for again in (PackParcel(order_id, "F1"), RecordPick(order_id, "F1"), BookShipment(order_id, ["P1"])):
            with pytest.raises(CommandRefused):
                flow.handle(again)


# -- changing an order -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS[:-1])
def test_07_no_order_is_stuck_in_the_middle_of_an_edit(step: str) -> None:
    """Stuck in edit states: an edit is refused, left unfinished, or fails on the way, and nothing goes on any more."""
    shop = Shop(MemoryStore())
    prices = Only(shop.pricing, "quote", [None, *[OSError("down")] * 2])
    asking = attrs.evolve(STANDARD, changes=(ChangeRule("*", actor="customer", verdict="approval"), ChangeRule()))
    flow = shop.flow(policy=asking, pricing=prices)
    order_id = lead(flow, step, lines=[("TEA", 3)])
    before = flow.get(order_id)

    with pytest.raises(CommandRefused):
        flow.handle(AmendOrder(order_id, {"L1": 2, "L9": 1}))
    flow.preview(AmendOrder(order_id, {"L1": 1}))
    proposed = flow.handle(AmendOrder(order_id, {"L1": 1}), by=Actor("customer", "ada")).order
    assert (units(proposed), list(proposed.proposals)) == (units(before), ["A1"])
    for shipment in before.shipments.values():
        shop.carriers.handed_over(shipment.booking.number)  # type: ignore[union-attr]
    flow.handle(AmendOrder(order_id, ship_to=BONN, add=[("POT", 1)]))
    assert flow.get(order_id).unpriced_units

    for _ in range(3):
        shop.passes(hours=2)
        flow.run_due()
    assert units(all_sent(flow, order_id)) == {"shipped": "4"}
    assert flow.get(order_id).proposals["A1"].word == "moot"


def test_08_after_any_edits_the_money_is_what_the_lines_say() -> None:
    """Wrong money after an edit: totals of before, discounts that are lost, refunds of what was kept."""
    prices = {"TEA": Decimal("9.90"), "POT": Decimal("24.00"), "CUP": Decimal("0.07")}
    for seed in range(12):
        dice, shop = Random(seed), Shop(MemoryStore())
        shop.inventory.receive("CUP", 400, "BER")
        flow = shop.flow(pricing=PriceList(prices), policy=attrs.evolve(STANDARD, charge_on="order"))
        order = flow.handle(place(lines=[("TEA", 5), ("POT", 3)])).order
        for _ in range(8):
            line_id, wanted = dice.choice(list(order.lines)), dice.randint(1, 9)
            edits: list[dict[str, Any]] = [
                {"quantities": {line_id: wanted}},
                {"add": [(dice.choice(list(prices)), wanted)]},
                {"remove": [line_id]},
                {"substitute": {line_id: Substitution("CUP", ratio=2)}},
            ]
            try:
                order = flow.handle(AmendOrder(order.id, **dice.choice(edits))).order
            except CommandRefused:
                continue
            due = sum(order.live_quantity(line.id) * prices[line.sku] for line in order.lines.values())
            assert order.total == Money(due, "EUR")
            assert (order.charged - order.credited).total == order.total
            assert (order.balance.payable, order.balance.difference) == (order.total, Money("0", "EUR"))


@pytest.mark.parametrize("step", STEPS[:-1])
def test_09_an_order_is_edited_until_it_leaves(step: str) -> None:
    """An order cannot be edited after it was confirmed: only cancelled, and placed again."""
    shop = Shop(MemoryStore())
    flow = shop.flow(pricing=PriceList({"TEA": "9.90", "POT": "24.00"}))
    order_id = lead(flow, step, lines=[("TEA", 3)])
    assert flow.get(order_id).confirmation is not None

    flow.handle(AmendOrder(order_id, {"L1": 5}, ship_to=BONN, add=[("POT", 2), ("TEA", 1)]))
    flow.handle(AmendOrder(order_id, {"L3": 4}, remove=["L2"]))

    order = all_sent(flow, order_id)
    assert units(order) == {"shipped": "9", "cancelled": "2"}
    left = [shipment for shipment in order.shipments.values() if shipment.stage == "despatched"]
    assert {shipment.ship_to.city for shipment in left} == {"Bonn"}
    assert (order.total, shop.inventory.on_hand("TEA")) == (Money("89.10", "EUR"), 81)


# -- parts of an order -----------------------------------------------------------------------------------------------


def test_10_a_part_of_a_line_is_shipped_and_the_rest_follows() -> None:
    """Part of a line shipped breaks the order: it is stuck, or all of it counts as shipped."""
    shop = Shop(MemoryStore())
    flow = shop.flow()
    order_id = lead(flow, "picked", lines=[("TEA", 4)])
    flow.handle(PackParcel(order_id, "F1", [("L1", 1)]))
    flow.handle(BookShipment(order_id, ["P1"]))
    order = flow.handle(DespatchShipment(order_id, "S1")).order
    assert (order.status.word, units(order)) == ("partly shipped", {"shipped": "1", "picked": "3"})
    assert scanned(flow, order_id, "delivered").state == "in_fulfillment"

    order = shipped(flow, order_id, {"L1": 1})
    assert units(order) == {"delivered": "1", "shipped": "1", "packed": "2"}
    order = all_sent(flow, order_id)
    assert (order.state, units(order)) == ("shipped", {"delivered": "1", "shipped": "3"})
    for parcel in order.parcels.values():
        flow.observe(Scan(parcel.tracking_number, "delivered", flow.clock()))
    assert (flow.get(order_id).state, shop.inventory.on_hand("TEA")) == ("completed", 86)


#: How the lines of an order end, each in its own way: sent and delivered, lost and made good, downloaded, collected at
#: a counter, cancelled before and after it was picked.
ENDS: dict[str, Callable[[OrderFlow, str], Any]] = {
    "delivered": lambda flow, order_id: reported(flow, order_id, "L1", "delivered"),
    "lost": lambda flow, order_id: (
        reported(flow, order_id, "L2", "unknown", reason="lost"),
        flow.handle(ResolveException(order_id, flow.get(order_id).open_cases[0].id, "refund")),
    ),
    "downloaded": lambda flow, order_id: flow.handle(DeliverDigital(order_id, proof="download-1")),
    "collected": lambda flow, order_id: flow.handle(RecordCollection(order_id, "F2", goods=[("L4", 1)])),
    "cancelled": lambda flow, order_id: flow.handle(CancelLines(order_id, {"L5": 2})),
    "cancelled too": lambda flow, order_id: flow.handle(CancelLines(order_id, {"L6": 1})),
}


def reported(flow: OrderFlow, order_id: str, line_id: str, status: str, reason: str = "") -> None:
    """The carrier reports of the parcel with this line."""
    order = flow.get(order_id)
    (parcel,) = (one for one in order.parcels.values() if line_id in {goods.line_id for goods in one.contents})
    flow.observe(Scan(parcel.tracking_number, status, flow.clock(), reason=reason))


@pytest.mark.parametrize("seed", range(8))
def test_11_an_order_of_all_kinds_of_lines_completes_with_the_last_of_them(seed: int) -> None:
    """Mixed virtual, refunded, cancelled and shipped lines: the order never completes."""
    shop = Shop(MemoryStore())
    flow = shop.flow(pricing=PriceList({"TEA": "9.90", "POT": "24.00", "E-BOOK": "5.00"}))
    sold = [("TEA", 2, "carrier"), ("TEA", 1, "carrier"), ("E-BOOK", 1, "digital"), ("POT", 1, "pick_up")]
    sold += [("POT", 2, "carrier"), ("TEA", 1, "pick_up")]
    order = flow.handle(place(lines=[OrderLine(sku, units, method=method) for sku, units, method in sold])).order
    for work in order.fulfillments:
        flow.handle(StartPicking(order.id, work))
        flow.handle(RecordPick(order.id, work))
    for line_id, quantity in (("L1", 2), ("L2", 1)):
        parcel = list(flow.handle(PackParcel(order.id, "F1", [(line_id, quantity)])).order.parcels)[-1]
        flow.handle(BookShipment(order.id, [parcel]))
        flow.handle(DespatchShipment(order.id))
    assert units(flow.get(order.id)) == {"shipped": "3", "picked": "4", "open": "1"}

    for end in Random(seed).sample(list(ENDS), len(ENDS)):
        assert flow.get(order.id).state != "completed"
        ENDS[end](flow, order.id)

    order = flow.get(order.id)
    assert (order.state, units(order)) == ("completed", {"delivered": "4", "lost": "1", "cancelled": "3"})
    assert order.total == Money("48.80", "EUR")


def test_12_lines_and_units_are_cancelled_one_by_one() -> None:
    """There is no cancelling of a line, or of a part of one: all or nothing."""
    flow = Shop(MemoryStore()).flow()
    order = flow.handle(place(lines=[("TEA", 3), ("POT", 2)])).order
    before = order.total

    order = flow.handle(CancelLines(order.id, {"L1": 1})).order
    assert units(order) == {"allocated": "4", "cancelled": "1"}
    order = flow.handle(CancelLines(order.id, {"L2": 2})).order

    assert units(order) == {"allocated": "2", "cancelled": "3"}
    assert (order.credited.total, order.total + order.credited.total) == (before - order.total, before)
    assert order.state == "verified"


def test_13_cancelling_gives_back_exactly_what_was_held() -> None:
    """Cancelling corrupts the stock: given back twice, or not, or what was never taken."""
    shop = Shop(MemoryStore())
    flow = shop.flow(inline=True)
    for upto, wanted in (("verified", 2), ("picked", 2), ("packed", 2), ("booked", 2)):
        order_id = lead(flow, upto, lines=[("TEA", wanted)])
        assert shop.inventory.held("TEA") == wanted
        flow.handle(CancelOrder(order_id))
        for again in (CancelOrder(order_id), CancelLines(order_id)):
            with pytest.raises(CommandRefused):
                flow.handle(again)
        flow.advance(order_id)
        assert flow.get(order_id).state == "cancelled"
        assert (shop.inventory.on_hand("TEA"), shop.inventory.available("TEA")) == (90, 90)


def test_14_what_comes_back_is_put_on_the_shelf_once() -> None:
    """Restocked twice: by the cancellation and the refund, by the return and the refund, or by a second click."""
    shop = Shop(MemoryStore())
    stock = shop.ports["inventory"] = Only(shop.inventory, "receive", [OSError("the answer was lost")], after=True)
    flow = shop.flow(policy=attrs.evolve(STANDARD, charge_on="despatch"))
    order_id = flow.handle(place(lines=[("TEA", 5)])).order.id
    flow.handle(CancelLines(order_id, {"L1": 1}))
    shipped(flow, order_id)
    scanned(flow, order_id, "delivered")
    assert (stock.port.on_hand("TEA"), stock.port.available("TEA")) == (86, 86)

    came_back(flow, order_id, 3)
    assert stock.port.on_hand("TEA") == 86
    with pytest.raises(CommandRefused):
        flow.handle(DisposeReturn(order_id, "R1", [("L1", 2), ("L1", 2)]))
    in_threads(lambda _: flow.handle(DisposeReturn(order_id, "R1", [("L1", 2), ("L1", 1, "scrap")])), 4)
    for again in (DisposeReturn(order_id, "R1"), AuthorizeReturn(order_id, "R1"), CancelLines(order_id)):
        with pytest.raises(CommandRefused):
            flow.handle(again)
    flow.handle(ReceiveReturn(order_id, "R1", [("L1", 3)], reference="GR-R1"))
    flow.handle(RecordRefund(order_id, "stripe", "re_1", Money("35.34", "EUR")))
    shop.passes(days=1)
    flow.run_due()

    assert (stock.port.on_hand("TEA"), stock.port.available("TEA")) == (88, 88)
    assert units(flow.get(order_id)) == {"delivered": "1", "restocked": "2", "scrapped": "1", "cancelled": "1"}


def test_15_what_has_not_left_can_be_cancelled_and_what_was_not_voided_is_not_cancelled() -> None:
    """Shipped orders cannot be cancelled at all; or the void fails, and the order is cancelled all the same."""
    shop = Shop(MemoryStore())
    flow = shop.flow()
    part = flow.handle(place(lines=[("TEA", 3)])).order.id
    shipped(flow, part, {"L1": 1})
    assert units(flow.handle(CancelLines(part)).order) == {"shipped": "1", "cancelled": "2"}

    booked = lead(flow, "booked")
    shop.carriers.handed_over(flow.get(booked).shipments["S1"].booking.number)  # type: ignore[union-attr]
    order = flow.handle(CancelOrder(booked)).order

    assert order.state != "cancelled"
    assert units(order) == {"packed": "2"}
    assert tags(flow, booked).count("cancellation_declined") == 1
    assert units(flow.handle(DespatchShipment(booked)).order) == {"shipped": "2"}


# -- money that comes and goes ---------------------------------------------------------------------------------------


def test_16_a_payment_that_comes_too_late_wakes_nothing_and_no_clock_ends_what_was_paid_or_refunded() -> None:
    """A cancelled order gets paid, and is sent; a nightly job cancels orders that were refunded."""
    policy = attrs.evolve(STANDARD, paid_first="paid", charge_on="despatch", expire_after=timedelta(days=2))
    shop = Shop(MemoryStore(), policy=policy)
    flow = shop.flow()
    cancelled, paid = flow.handle(place()).order, flow.handle(place()).order
    assert (list(cancelled.fulfillments), cancelled.total) == ([], Money("23.56", "EUR"))
    flow.handle(CancelOrder(cancelled.id))
    for order_id in (cancelled.id, paid.id):
        flow.handle(RecordPayment(order_id, "stripe", f"pi_{order_id}", Money("23.56", "EUR")))
    for _ in range(3):
        shop.passes(days=3)
        flow.run_due()

    order = flow.get(cancelled.id)
    assert (order.state, list(order.fulfillments), units(order)) == ("cancelled", [], {"cancelled": "2"})
    assert (order.balance.status, order.balance.credit_owed) == ("credit owed", Money("23.56", "EUR"))
    shipped(flow, paid.id)
    scanned(flow, paid.id, "delivered")
    flow.handle(RecordRefund(paid.id, "stripe", "re_1", Money("23.56", "EUR")))
    for _ in range(3):
        shop.passes(days=3)
        flow.run_due()
    assert (flow.get(paid.id).state, units(flow.get(paid.id))) == ("completed", {"delivered": "2"})


def test_17_a_refund_that_failed_is_owed_still() -> None:
    """A failed refund counts as done: the customer waits for money that nobody sends any more."""
    flow = Shop(MemoryStore()).flow(policy=attrs.evolve(STANDARD, charge_on="order"))
    owed = Money("23.56", "EUR")
    for told in permutations(("requested", "refunded", "failed")):
        order_id = flow.handle(place()).order.id
        flow.handle(RecordPayment(order_id, "stripe", "pi_1", owed))
        flow.handle(CancelOrder(order_id))
        for state in told:
            flow.handle(RecordRefund(order_id, "stripe", "re_1", owed, state))
            flow.handle(RecordRefund(order_id, "stripe", "re_1", owed, state))
        balance = flow.get(order_id).balance
        assert (balance.status, balance.credit_owed, str(balance.refunded)) == ("credit owed", owed, "0.00 EUR"), told
        assert balance.refunding.is_zero

        balance = flow.handle(RecordRefund(order_id, "stripe", "re_2", owed)).order.balance
        assert (balance.status, balance.credit_owed.is_zero) == ("refunded", True)


# -- stock -----------------------------------------------------------------------------------------------------------


def test_18_goods_leave_from_where_they_are_held() -> None:
    """Reservation and ship location disagree."""
    shop = Shop(MemoryStore())
    stock = MemoryInventory({("TEA", "BER"): 5, ("TEA", "HAM"): 9}, clock=shop.clock)
    flow = shop.flow(inventory=stock)
    order = flow.handle(place(lines=[("TEA", 4)])).order
    assert order.fulfillments["F1"].location == "HAM"

    order = flow.handle(Reroute(order.id, location="HAM", to="BER")).order

    for work in order.fulfillments.values():
        for line_id, claim_id in work.claims.items():
            assert (order.claims[claim_id].location, order.claims[claim_id].line_id) == (work.location, line_id)
    works = [work for work in order.fulfillments.values() if order.work_left(work.id)]
    for work in works:
        shipped(flow, order.id, None, work.id)

    issues = [event.issue for event in (r.event for r in flow.history(order.id)) if event.TAG == "goods_despatched"]
    assert issues
    for issue in issues:
        assert isinstance(issue, IssueStock)
        assert {stock.claims()[line.claim_key].location for line in issue.lines} == {issue.location}
    assert (stock.on_hand("TEA", "BER"), stock.on_hand("TEA", "HAM"), stock.held("TEA")) == (1, 9, 0)


def test_19_reservations_do_not_drift() -> None:
    """Reservation drift that needs a repair tool: after a while the sum of what is held is not what orders wait for."""
    shop, dice = Shop(MemoryStore()), Random(7)
    stock = shop.ports["inventory"] = Only(shop.inventory, "claim", [None, OSError("lost"), None] * 60, after=True)
    flow = shop.flow()
    for _ in range(30):
        order_id = flow.handle(place(lines=[("TEA", dice.randint(1, 5))])).order.id
        for change in dice.sample(CHANGES, 2):
            try:
                change(flow, order_id, dice.randint(1, 3))
            except CommandRefused:
                continue
    for _ in range(6):
        shop.passes(hours=6)
        flow.run_due(limit=200)

    orders = [flow.get(row.order_id) for row in flow.find().orders]
    sent = sum(order.ledger.of_kind("L1", "shipped") for order in orders)
    waiting = sum(order.live_quantity("L1") - order.missing("L1") for order in orders) - sent
    assert sent == stock.port.issued("TEA") > 0
    assert stock.port.held("TEA") == waiting > 0
    assert stock.port.on_hand("TEA") == 90 - sent
    assert not stock.port.discrepancies


#: What happens to orders, in any order: each with so many units.
CHANGES: list[Callable[[OrderFlow, str, int], Any]] = [
    lambda flow, order_id, units: flow.handle(CancelOrder(order_id)),
    lambda flow, order_id, units: flow.handle(CancelLines(order_id, {"L1": units})),
    lambda flow, order_id, units: flow.handle(AmendOrder(order_id, {"L1": units})),
    lambda flow, order_id, units: flow.handle(StartPicking(order_id, "F1")),
    lambda flow, order_id, units: shipped(flow, order_id, {"L1": units}),
]


# -- goods that come back --------------------------------------------------------------------------------------------


def test_20_goods_come_back_when_that_was_agreed_and_are_received_without_any_refund() -> None:
    """No return authorization; or goods cannot be received without being refunded at once."""
    shop = Shop(MemoryStore())
    flow = shop.flow(policy=attrs.evolve(STANDARD, charge_on="despatch"))
    order_id = flow.handle(place(lines=[("TEA", 3)])).order.id
    shipped(flow, order_id)
    order = scanned(flow, order_id, "delivered")
    before, documents = order.total, list(order.settlement.documents)

    flow.handle(RequestReturn(order_id, [("L1", 1)]))
    order = flow.handle(RefuseReturn(order_id, "R1", "it was opened")).order
    assert (order.returns["R1"].state, units(order)) == ("refused", {"delivered": "3"})
    flow.handle(RequestReturn(order_id, [("L1", 2)]))
    with pytest.raises(CommandRefused):
        flow.handle(DisposeReturn(order_id, "R2"))
    flow.handle(AuthorizeReturn(order_id, "R2", label=False))
    order = flow.handle(ReceiveReturn(order_id, "R2")).order

    assert units(order) == {"delivered": "1", "received": "2"}
    assert (order.total, list(order.settlement.documents), len(order.settlement.refunds)) == (before, documents, 0)
    order = flow.handle(DisposeReturn(order_id, "R2", [("L1", 1), ("L1", 1, "send_back")])).order
    assert (order.total, order.balance.credited) == (Money("23.56", "EUR"), before - Money("23.56", "EUR"))


def test_21_units_come_back_as_often_as_they_went_out_and_no_oftener() -> None:
    """Return-of-return arithmetic: what was exchanged comes back as well, and the sums are wrong."""
    for seed in range(8):
        dice, shop = Random(seed), Shop(MemoryStore())
        flow = shop.flow(pricing=PriceList({"TEA": "9.90", "POT": "24.00"}, tax="0.19", order_discount="1.00"))
        order_id = flow.handle(place(lines=[("TEA", 4)])).order.id
        for _ in range(12):
            order = all_sent(flow, order_id)
            for number in order.tracking_numbers:
                flow.observe(Scan(number, "delivered", flow.clock()))
            order = flow.get(order_id)
            there = {one: held for one in order.lines if (held := int(order.ledger.of_kind(one, "delivered")))}
            if not there:
                break
            line_id, held = dice.choice(list(there.items()))
            with pytest.raises(CommandRefused):
                flow.handle(RequestReturn(order_id, [(line_id, held + 1)]))
            kind, part = dice.choice(["return", "return", "exchange"]), dice.randint(1, held)
            order = flow.handle(DisposeReturn(order_id, came_back(flow, order_id, part, line_id, kind))).order
            assert order.credited.total <= order.charged.total
            assert shop.inventory.on_hand("TEA") + shop.inventory.on_hand("POT") == 180 - sum(
                order.ledger.of_kind(one, "delivered") for one in order.lines
            )
        for line_id in flow.get(order_id).lines:
            if left := flow.get(order_id).ledger.of_kind(line_id, "delivered"):
                flow.handle(DisposeReturn(order_id, came_back(flow, order_id, int(left), line_id)))
        order = flow.get(order_id)
        assert set(units(order)) == {"restocked"}
        assert (order.credited, order.total) == (order.charged, Money("0", "EUR"))


# -- what is said of an order ----------------------------------------------------------------------------------------


def test_22_nearly_all_is_not_all() -> None:
    """A roll-up by percentage: 99.9996 % is read as delivered."""
    shop = Shop(MemoryStore())
    flow = shop.flow(inventory=MemoryInventory({"TEA": 100_000}, location="BER"))
    order_id = flow.handle(place(lines=[("TEA", 100_000)])).order.id
    shipped(flow, order_id, {"L1": "99999.6"})

    order = scanned(flow, order_id, "delivered")

    assert units(order) == {"delivered": "99999.6", "packed": "0.4"}
    assert (order.status.word, order.state) == ("partly delivered", "in_fulfillment")
    order = all_sent(flow, order_id)
    assert units(order) == {"delivered": "99999.6", "shipped": "0.4"}
    assert (order.status.word, order.state) == ("partly delivered", "shipped")
    assert "delivered" not in order.milestones
    assert order.line_status("L1").word == "partly delivered"


def test_23_no_cent_is_lost_or_made_over_any_prices_and_a_discount_is_shared_out_once() -> None:
    """Cent drift, and discounts that are shared out anew over the lines that are left."""
    for seed in range(25):
        dice, shop = Random(seed), Shop(MemoryStore())
        currency, places = dice.choice((("EUR", 2), ("JPY", 0), ("KWD", 3)))
        tax, included = dice.choice(("0", "0.07", "0.19", "0.213")), dice.choice((True, False))

        def amount(least: int, most: int) -> Decimal:
            return Decimal(dice.randint(least, most)).scaleb(-places)  # noqa: B023

        prices = PriceList(
            {"TEA": amount(1, 3000), "POT": amount(1, 99999)},
            currency,
            tax=tax,
            tax_included=included,
            discount_percent=dice.choice(("0", "3", "33.3")),
            order_discount=amount(0, 40),
            shipping=amount(0, 700),
        )
        rule = RoundingRule(per=dice.choice(("line", "document")), tax_per=dice.choice((None, "line", "group")))
        flow = shop.flow(pricing=prices, policy=attrs.evolve(STANDARD, charge_on="order", rounding=rule))
        wanted = {"L1": dice.randint(1, 7), "L2": dice.randint(1, 7), "L3": dice.randint(1, 7)}
        lines = list(zip(("TEA", "POT", "TEA"), wanted.values(), strict=True))
        order = flow.handle(place(lines=lines, currency=currency)).order
        for line_id in ("L1", "L2"):
            wanted[line_id] += dice.randint(1, 4)
            order = flow.handle(AmendOrder(order.id, {line_id: wanted[line_id]})).order
        charged = order.charged

        while wanted:
            line_id = dice.choice(list(wanted))
            part = dice.randint(1, wanted[line_id])
            others = {known: owed for known, owed in owed_by_line(order).items() if known != line_id}
            order = flow.handle(CancelLines(order.id, {line_id: part})).order
            assert {known: owed for known, owed in owed_by_line(order).items() if known != line_id} == others
            assert order.charged == charged
            assert order.total + order.credited.total == charged.total
            assert order.balance.payable == order.total + order.balance.difference
            assert order.balance.credited <= order.balance.charged
            if wanted[line_id] == part:
                del wanted[line_id]
            else:
                wanted[line_id] -= part
        assert (order.credited, order.total.is_zero) == (charged, True)
        assert (order.balance.credited, order.balance.status) == (order.balance.charged, "nothing owed")


def test_24_a_state_of_ones_own_is_respected_everywhere_and_what_blocks_is_told() -> None:
    """Hard-coded checks of states defeat custom flows, and nobody says why something is blocked."""
    policy = attrs.evolve(STANDARD, lifecycles=Lifecycles(order=WITH_FRAUD_REVIEW))
    flow = Shop(MemoryStore(), policy=policy).flow()
    order = flow.handle(place()).order
    assert order.state == "acknowledged"

    told = flow.explain(order)
    assert "someone to take the step review_fraud (the order)" in map(str, told.waiting_for)
    impossible = {type(one.command).__name__: one.reasons for one in told.not_possible}
    assert all(reason.code and reason.message for reasons in impossible.values() for reason in reasons)
    with pytest.raises(CommandRefused) as refused:
        flow.handle(TakeStep(order.id, "verify"))
    assert refused.value.codes == ("step.not_yours",)

    flow.handle(TakeStep(order.id, "review_fraud"))

    assert flow.get(order.id).state == "verified"
    assert go_on(flow, order.id).state == "shipped"


def test_25_a_late_report_takes_nothing_back() -> None:
    """A late tracking event un-delivers an order, or erases its tracking."""
    shop = Shop(MemoryStore())
    flow = shop.flow()
    order_id = lead(flow, "despatched")
    (number,) = flow.get(order_id).tracking_numbers
    shop.passes(hours=30)
    order = scanned(flow, order_id, "delivered")
    delivered_at = order.parcels["P1"].tracking.delivered_at

    flow.observe(Scan(number, "in_transit", flow.clock().replace(hour=1)))
    shop.passes(hours=1)
    order = scanned(flow, order_id, "out_for_delivery")

    assert order.state == "completed"
    assert units(order) == {"delivered": "2"}
    assert order.parcels["P1"].tracking.delivered_at == delivered_at
    assert len(order.parcels["P1"].scans) == 3
    assert [anomaly.code for anomaly in order.anomalies] == ["tracking.cannot_follow"]


# -- and besides -----------------------------------------------------------------------------------------------------


def test_26_a_part_of_a_unit_is_sold_packed_sent_cancelled_and_credited() -> None:
    """Quantities are whole numbers: 1.5 m of cloth are refused, or sent as one."""
    shop = Shop(MemoryStore())
    flow = shop.flow(pricing=PriceList({"TEA": "9.90"}))
    order_id = flow.handle(place(lines=[("TEA", "2.75")])).order.id
    flow.handle(AmendOrder(order_id, {"L1": "2.5"}))
    flow.handle(CancelLines(order_id, {"L1": "0.375"}))

    order = shipped(flow, order_id, {"L1": "1.1"})

    assert units(order) == {"shipped": "1.1", "packed": "1.025", "cancelled": "0.625"}
    assert order.total == Money("21.04", "EUR")
    order = all_sent(flow, order_id)
    assert units(order) == {"shipped": "2.125", "cancelled": "0.625"}
    assert (shop.inventory.on_hand("TEA"), shop.inventory.held("TEA")) == (Decimal("87.875"), 0)


def test_27_nobody_is_told_the_same_twice() -> None:
    """Repeated mails: each retry, each second click, each job that runs again sends another one."""
    shop = Shop(MemoryStore())
    lost = [OSError("the answer was lost"), None, OSError("lost again")] * 9
    flow = shop.flow(notifications=Only(shop.notifications, "send", lost, after=True))
    order_id = flow.handle(place(), command_id="click").order.id
    for _ in range(3):
        flow.handle(place(), command_id="click")
        flow.advance(order_id)
    go_on(flow, order_id)
    for _ in range(3):
        scanned(flow, order_id, "delivered")
        shop.passes(hours=5)
        flow.run_due()

    kinds = [message.kind for message in shop.notifications.sent]
    assert kinds == ["order_placed", "order_verified", "shipment_despatched", "order_delivered"]
    assert not beside(flow, order_id)


def test_28_each_parcel_has_a_number_of_its_own_and_a_way_of_its_own() -> None:
    """One tracking number an order: a second parcel takes the place of the first."""
    shop = Shop(MemoryStore())
    flow = shop.flow()
    order_id = flow.handle(place(lines=[("TEA", 3)])).order.id
    flow.handle(StartPicking(order_id, "F1"))
    flow.handle(RecordPick(order_id, "F1"))
    for _ in range(3):
        flow.handle(PackParcel(order_id, "F1", [("L1", 1)]))
    flow.handle(BookShipment(order_id, ["P1", "P2"]))
    flow.handle(BookShipment(order_id, ["P3"]))
    flow.handle(DespatchShipment(order_id, "S1"))
    order = flow.handle(DespatchShipment(order_id, "S2")).order
    first, second, third = (parcel.tracking_number for parcel in order.parcels.values())
    assert len({first, second, third}) == 3

    flow.observe(Scan(second, "delivered", flow.clock()))
    flow.observe(Scan(third, "out_for_delivery", flow.clock()))

    order = flow.get(order_id)
    assert [order.parcels[parcel].tracking.status for parcel in ("P1", "P2", "P3")] == [
        "pending",
        "delivered",
        "out_for_delivery",
    ]
    assert {first, second, third} <= set(order.tracking_numbers)
    assert (order.status.word, order.state) == ("partly delivered", "shipped")
    assert flow.find(tracking_number=third).orders[0].order_id == order_id


def test_29_what_two_sellers_send_is_one_order_that_is_done_when_both_are() -> None:
    """An order of several sellers and its parts tell two stories: one is cancelled, and the whole is; or never ends."""
    shop = Shop(MemoryStore())
    stock = MemoryInventory({("TEA", "ANNA"): 9, ("POT", "BORIS"): 9}, clock=shop.clock)
    sellers = MemoryFulfiller("the sellers")
    policy = attrs.evolve(STANDARD, fulfillers={"ANNA": "Anna", "BORIS": "Boris"})
    flow = shop.flow(inventory=stock, policy=policy, fulfillers=sellers)
    order_id = flow.handle(place(lines=[("TEA", 2), ("POT", 3)])).order.id
    anna, boris = sellers.queue

    sellers.pack(boris, {"L2": 1})
    flow.handle(RecordDespatch(order_id, "Anna", "DN-1", [DespatchedParcel([("L1", 2)], "1Z1")]))
    flow.observe(Scan("1Z1", "delivered", flow.clock()))
    assert flow.get(order_id).state == "in_fulfillment"
    flow.handle(CancelLines(order_id, {"L2": 3}))
    flow.handle(RecordDespatch(order_id, "Boris", "DN-1", [DespatchedParcel([("L2", 1)], "1Z2")]))
    order = flow.get(order_id)
    assert (order.state, order.status.word) == ("shipped", "partly delivered")
    assert units(order) == {"delivered": "2", "shipped": "1", "cancelled": "2"}
    flow.observe(Scan("1Z2", "delivered", flow.clock()))

    order = flow.get(order_id)
    assert (order.state, order.status.word) == ("completed", "delivered")
    assert units(order) == {"delivered": "3", "cancelled": "2"}
    assert {work.location: work.state for work in order.fulfillments.values()} == {
        "ANNA": "despatched",
        "BORIS": "despatched",
    }
    assert sellers.works[anna].to_do["L1"] == 2
