"""What users of other order systems suffer from, one test each: it cannot happen here.

The list reads like their issue trackers. Every test goes through the public API, with real adapters in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest

from orderflow import (
    STANDARD,
    AmendOrder,
    BookShipment,
    CancelLines,
    CancelOrder,
    CommandRefused,
    DeliverDigital,
    DespatchShipment,
    Lifecycles,
    MemoryStore,
    Order,
    OrderFlow,
    OrderLine,
    PackParcel,
    RecordPick,
    Reroute,
    Scan,
    SqliteStore,
    StartPicking,
    TakeStep,
    Violation,
)
from orderflow.adapters.memory import MemoryInventory, PriceList
from orderflow.lifecycle.worked import WITH_FRAUD_REVIEW
from orderflow.ports import IssueStock
from tests.runtime.shop import Only, Shop, go_on, lead, place, tags


def shipped(flow: OrderFlow, order_id: str, contents: dict[str, Any] | None = None, work: str = "F1") -> Order:
    """All of a work is picked and packed, if it was not; the next parcel leaves, with these contents if it is new."""
    order = flow.get(order_id)
    if work not in order.fulfillments or order.fulfillments[work].state == "planned":
        flow.handle(StartPicking(order_id, work))
        flow.handle(RecordPick(order_id, work))
    for goods in (list(contents.items()) if contents else None, None):
        if flow.get(order_id).work_left(work):
            flow.handle(PackParcel(order_id, work, goods))
    order = flow.get(order_id)
    waiting = [p.id for p in order.parcels_of(work) if order.contents_of(p.id) and not order.shipment_of(p.id)]
    shipment = list(flow.handle(BookShipment(order_id, waiting[:1] or ["P9"])).order.shipments)[-1]
    return flow.handle(DespatchShipment(order_id, shipment)).order


def units(order: Order) -> dict[str, str]:
    """Where all units of an order are."""
    return {kind: str(quantity) for kind, quantity in order.status.by_kind.items()}


def scanned(flow: OrderFlow, order_id: str, status: str) -> Order:
    """The carrier reports of the order's only parcel."""
    (number,) = flow.get(order_id).tracking_numbers
    flow.observe(Scan(number, status, flow.clock()))
    return flow.get(order_id)


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


def test_01_two_customers_cannot_buy_the_same_last_unit() -> None:
    """Oversell, because the check and the allocation are two transactions."""
    shop = Shop(MemoryStore())
    flow = shop.flow(inventory=MemoryInventory({"TEA": 10}, location="BER"))

    in_threads(lambda number: flow.handle(place(lines=[("TEA", 1)])), 25)

    orders = [flow.get(row.order_id) for row in flow.find().orders]
    assert len(orders) == 25
    assert sum(order.ledger.of_kind("L1", "allocated") for order in orders) == 10
    assert flow.ports.inventory.held("TEA") == 10  # type: ignore[union-attr]
    assert sum(order.state == "verified" for order in orders) == 10
    waiting = next(order for order in orders if order.state == "acknowledged")
    with pytest.raises(CommandRefused):
        flow.handle(StartPicking(waiting.id, "F1"))


def test_02_an_order_that_was_accepted_is_there_whatever_fails_afterwards(tmp_path: Path) -> None:
    """Paid, but the order is missing: something after the payment failed, and took the order with it."""
    path = tmp_path / "orders.sqlite"
    with SqliteStore(path) as store:
        shop = Shop(store)
        down = {name: Only(getattr(shop, name), method, [OSError("down")] * 99) for name, method in DOWN.items()}
        receipt = shop.flow(**down).handle(place(), command_id="paid-4711")
        assert receipt.order.state == "acknowledged"

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
    with SqliteStore(tmp_path / "orders.sqlite", synchronous="NORMAL") as store:
        shop = Shop(store)
        flow = shop.flow()
        placed = in_threads(lambda number: flow.handle(place(), command_id="hook-1").order.id, 8)
        assert set(placed) == {"A-1001"}
        go_on(flow, "A-1001")
        (number,) = flow.get("A-1001").tracking_numbers
        scan = Scan(number, "delivered", flow.clock(), id="evt-9")

        in_threads(lambda _: flow.observe(scan), 8)

        assert len(flow.find().orders) == 1
        assert tags(flow, "A-1001").count("tracking_recorded") == 1
        assert tags(flow, "A-1001").count("goods_delivered") == 1
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
    order_id = lead(flow)
    books, held = shop.books, flow.history(order_id)
    store.is_full = True

    with pytest.raises(OSError, match="no space"):
        flow.handle(CancelOrder(order_id))
    with pytest.raises(OSError, match="no space"):
        flow.handle(place())

    assert shop.books == books
    assert flow.history(order_id) == held
    assert flow.get(order_id).state == "verified"


def test_05_a_hook_that_throws_leaves_nothing_half_done() -> None:
    """A hook throws, and the state is half committed."""

    def a_broken_rule(order: Order | None, command: Any, policy: Any) -> Iterable[Violation]:
        raise ZeroDivisionError("a bug of the host's")

    def a_broken_choice(*args: Any) -> Any:
        raise ZeroDivisionError("a bug of the host's")

    shop = Shop(MemoryStore())
    sound = shop.flow()
    order_id = go_on(sound, lead(sound), upto="packed").id
    books, held = shop.books, sound.history(order_id)
    odd_rule = shop.flow(policy=attrs.evolve(STANDARD, rules={"book_shipment": (a_broken_rule,)}), store=sound.store)
    odd_choice = shop.flow(policy=attrs.evolve(STANDARD, choose_rate=a_broken_choice), store=sound.store)

    with pytest.raises(ZeroDivisionError):
        odd_rule.handle(BookShipment(order_id))
    assert (shop.books, sound.history(order_id)) == (books, held)

    receipt = odd_choice.handle(BookShipment(order_id))
    assert isinstance(receipt.failure, ZeroDivisionError)
    assert [event.TAG for event in receipt.events] == ["shipment_planned"]
    assert sound.advance(order_id).shipments["S1"].stage == "booked"


def test_06_goods_leave_once_and_are_booked_out_once() -> None:
    """Double fulfillment, double reduction of stock."""
    shop = Shop(MemoryStore())
    shop.inventory = Only(shop.inventory, "issue", [OSError("the answer was lost")], after=True)
    shop.ports["inventory"] = shop.inventory
    flow = shop.flow()
    order_id = lead(flow, "booked")

    answers = in_threads(lambda number: flow.handle(DespatchShipment(order_id, "S1")), 6)
    shop.passes(days=1)
    flow.run_due()

    assert sum(isinstance(answer, CommandRefused) for answer in answers) == 5
    assert tags(flow, order_id).count("goods_despatched") == 1
    assert units(flow.get(order_id)) == {"shipped": "2"}
    assert (shop.inventory.port.on_hand("TEA"), shop.inventory.port.held("TEA")) == (88, 0)
    for again in (PackParcel(order_id, "F1"), RecordPick(order_id, "F1"), BookShipment(order_id, ["P1"])):
        with pytest.raises(CommandRefused):
            flow.handle(again)


# -- parts of an order -----------------------------------------------------------------------------------------------


def test_10_a_part_of_a_line_is_shipped_and_the_rest_follows() -> None:
    """Part of a line shipped breaks the order: it is stuck, or all of it counts as shipped."""
    shop = Shop(MemoryStore())
    flow = shop.flow()
    order_id = flow.handle(place(lines=[("TEA", 3)])).order.id

    order = shipped(flow, order_id, {"L1": 1})
    assert (order.status.word, units(order)) == ("partly shipped", {"shipped": "1", "packed": "2"})
    assert scanned(flow, order_id, "delivered").state != "completed"

    order = shipped(flow, order_id)
    assert units(order) == {"delivered": "1", "shipped": "2"}
    flow.observe(Scan(order.tracking_numbers[-1], "delivered", flow.clock()))
    assert flow.get(order_id).state == "completed"
    assert shop.inventory.on_hand("TEA") == 87


def test_11_an_order_of_all_kinds_of_lines_completes() -> None:
    """Mixed virtual, cancelled and shipped lines: the order never completes."""
    shop = Shop(MemoryStore())
    shop.pricing = shop.ports["pricing"] = PriceList({"TEA": "9.90", "POT": "24.00", "E-BOOK": "5.00", "CARD": "1.00"})
    flow = shop.flow()
    lines = [
        OrderLine("TEA", 2),
        OrderLine("E-BOOK", 1, method="digital"),
        OrderLine("POT", 2),
        OrderLine("CARD", 1, method="pick_up"),
    ]
    shop.inventory.receive("CARD", 1, "BER")
    order_id = flow.handle(place(lines=lines)).order.id
    flow.handle(CancelLines(order_id, {"L3": 2}))
    flow.handle(DeliverDigital(order_id, proof="download-1"))
    order = flow.get(order_id)
    for work in order.fulfillments.values():
        if order.work_left(work.id) and "L1" in work.planned:
            shipped(flow, order_id, {"L1": 2}, work.id)
    scanned(flow, order_id, "delivered")
    assert flow.get(order_id).state != "completed"

    flow.handle(CancelLines(order_id))

    order = flow.get(order_id)
    assert (order.state, units(order)) == ("completed", {"delivered": "3", "cancelled": "3"})


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


# -- what is said of an order ----------------------------------------------------------------------------------------


def test_22_nearly_all_is_not_all() -> None:
    """A roll-up by percentage: 99.9996 % is read as delivered."""
    shop = Shop(MemoryStore())
    flow = shop.flow(inventory=MemoryInventory({"TEA": 100_000}, location="BER"))
    order_id = flow.handle(place(lines=[("TEA", 100_000)])).order.id
    shipped(flow, order_id, {"L1": "99999.6"})

    order = scanned(flow, order_id, "delivered")

    assert order.status.word == "partly delivered"
    assert units(order) == {"delivered": "99999.6", "packed": "0.4"}
    assert "delivered" not in order.milestones


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
