"""What an order says about people is erased from everything that is held of it, and the order stays."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from orderflow import commands as c
from orderflow import facts
from orderflow.defaults import STANDARD
from orderflow.errors import CommandRefused, ErasureFailed
from orderflow.messages import Actor, Command, Event, event
from orderflow.messages import command as c_command
from orderflow.order import Order
from orderflow.policy import Authority
from orderflow.process import STAGES, OrderProcess, replay
from orderflow.runtime import AsyncOrderFlow, OrderFlow
from orderflow.stages.erasure import HOLD, PersonalDataErased, erased_order
from orderflow.stages.stage import Decision, Stage
from orderflow.stores import MemoryStore, OrderStore, SqliteStore
from orderflow.tracking import Scan
from orderflow.values import Address, Contact, Party
from orderflow.values.checked import PERSONAL, checked
from orderflow.values.ids import ERASED, as_id, as_line
from tests.runtime.shop import Shop, go_on, lead, place

MARK = "Zyx"
HOME = Address("DE", f"{MARK} street 1", f"{MARK}hausen", postal_code="10119", name=f"{MARK} Krull", phone=f"+{MARK}")
SOMEBODY = Party(f"{MARK} Krull", f"{MARK}-7", Contact(f"{MARK}@example.org", f"+{MARK}", name=MARK), HOME, f"DE{MARK}")
SAID: dict[str, Any] = {
    "ship_to": HOME,
    "customer": SOMEBODY,
    "bill_to": SOMEBODY,
    "customer_reference": f"for {MARK}",
    "instructions": [f"ring at {MARK}"],
}
CLERK = Actor("employee", f"{MARK}.clerk", f"{MARK}.customer")
OFFICER = Actor("employee", "privacy-officer")
WHY = "request of 12 May"


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OrderStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    with SqliteStore(tmp_path / "orders.sqlite", synchronous="NORMAL", snapshot_every=4) as opened:
        yield opened


def told_everything(flow: OrderFlow, **changes: Any) -> str:
    """An order that is over, with words about people wherever there is room for them."""
    order_id = lead(flow, **(SAID | changes))
    flow.handle(c.PlaceHold(order_id, "review", note=f"{MARK} called"), by=CLERK, reason=f"{MARK} asked")
    flow.handle(c.ReleaseHold(order_id, "H1"), by=CLERK, command_id=f"released-{order_id}", reason=f"{MARK} is fine")
    go_on(flow, order_id)
    scanned(flow, order_id, "delivered")
    assert flow.get(order_id).state == "completed"
    return order_id


def scanned(flow: OrderFlow, order_id: str, status: str) -> Order:
    (number,) = flow.get(order_id).tracking_numbers
    (receipt,) = flow.observe(Scan(number, status, flow.clock(), location=f"{MARK}hausen", raw=f"signed: {MARK}"))
    return receipt.order


def all_that_is_held(store: OrderStore) -> str:
    """Everything that a store holds, as text."""
    if isinstance(store, MemoryStore):
        world = store.snapshot()
        return repr(world) + repr([kept.loaded.order.__dict__ for kept in world._orders.values()])
    assert isinstance(store, SqliteStore)
    files = (Path(f"{store._path}{end}") for end in ("", "-wal", "-shm"))
    return "".join(file.read_bytes().decode("utf-8", "replace") for file in files if file.exists())


def is_said(text: object) -> bool:
    return MARK.lower() in str(text).lower()


def refusal(flow: OrderFlow, order_id: str, **said: Any) -> list[str]:
    with pytest.raises(CommandRefused) as refused:
        flow.erase(order_id, **said)
    return list(refused.value.codes)


# -- what is erased, and what stays ----------------------------------------------------------------------------------


def test_nothing_personal_is_left_of_an_order_in_anything_that_is_held(store: OrderStore) -> None:
    flow = Shop(store).flow()
    order_id = told_everything(flow)
    assert is_said(all_that_is_held(store))

    receipt = flow.erase(order_id, by=OFFICER, reason=WHY)

    assert not is_said(all_that_is_held(store))
    assert not is_said(repr((receipt, flow.history(order_id), flow.explain(order_id), store.load("main", order_id))))


def test_what_is_left_is_the_order_without_its_people(store: OrderStore) -> None:
    flow = Shop(store).flow()
    order_id = told_everything(flow)
    before = flow.get(order_id)

    order = flow.erase(order_id, by=OFFICER, reason=WHY).order

    assert order == flow.get(order_id) == replay(recorded.event for recorded in flow.history(order_id))
    assert order == erased_order(before).replace(version=before.version + 1, erased_at=flow.clock())
    assert (order.ledger, order.total, order.totals, order.milestones) == (
        before.ledger,
        before.total,
        before.totals,
        before.milestones,
    )
    assert order.parcels["P1"].tracking == before.parcels["P1"].tracking
    assert order.ship_to is not None
    assert order.customer is not None
    assert order.customer.contact is not None
    assert (order.ship_to.country, order.ship_to.city, order.ship_to.lines) == ("DE", ERASED, (ERASED,))
    assert (order.customer.name, order.customer.id, order.customer.contact.email) == (ERASED, ERASED, ERASED)
    assert order.customer.contact.locale == "en"


def test_the_erasure_itself_is_on_record_with_who_and_why(store: OrderStore) -> None:
    flow = Shop(store).flow()
    order_id = told_everything(flow)

    receipt = flow.erase(order_id, by=OFFICER, reason=WHY, command_id="art-17")

    last = flow.history(order_id)[-1]
    assert last.event == PersonalDataErased(flow.clock(), str(OFFICER), WHY)
    assert (last.by, last.cause) == (OFFICER, "art-17")
    known = store.command("main", "art-17")
    assert known is not None
    assert (known.by, known.reason) == (OFFICER, WHY)
    assert flow.erase(order_id, by=OFFICER, reason=WHY, command_id="art-17").version == receipt.version


def test_to_erase_twice_is_to_erase_once(store: OrderStore) -> None:
    flow = Shop(store).flow()
    order_id = told_everything(flow)
    flow.erase(order_id, by=OFFICER)
    held = flow.history(order_id)

    assert flow.erase(order_id, by=CLERK).events == ()

    assert flow.history(order_id) == held


def test_the_kind_of_who_acted_stays_and_systems_are_no_people(store: OrderStore) -> None:
    flow = Shop(store).flow()
    order_id = told_everything(flow)
    flow.erase(order_id, by=OFFICER)

    actors = {recorded.by for recorded in flow.history(order_id)}

    assert actors == {Actor("system", "orderflow"), Actor("employee", ERASED, ERASED), OFFICER}


def test_other_orders_of_the_same_customer_stay_as_they_are(store: OrderStore) -> None:
    flow = Shop(store).flow()
    order_id, other = told_everything(flow), lead(flow, **{**SAID, "customer_reference": ""})
    before = flow.get(other), flow.history(other)

    flow.erase(order_id)

    assert before == (flow.get(other), flow.history(other))
    assert flow.get(other).ship_to == HOME


def test_nothing_personal_is_left_of_an_adopted_order_and_of_what_others_told(store: OrderStore) -> None:
    """Reports of a whole shipment that differ in a carrier's words alone are one, as they are of a single parcel."""
    flow = Shop(store).flow()
    now = flow.clock()
    parcels = [facts.Package({"L1": 4}), facts.Package({"L1": 6}, "1Z9")]
    told = [
        facts.Despatched("ERP", "DN", parcels, occurred_at=now, tracking_number="M1"),
        facts.Delivered("ERP", "POD", ["M1"], occurred_at=now),
        facts.Cancelled("ERP", "C1", {"L1": 1}, reason=f"{MARK} was ill"),
    ]
    order_id = flow.adopt(c.AdoptOrder("SO-77", [("TEA", 10)], "EUR", now, told, **SAID)).order.id
    for number in ("M1", "1Z9"):
        for word in ("one", "other"):
            flow.observe(Scan(number, "in_transit", now, location=f"{MARK} {word}"))
            flow.observe(Scan(number, "delivered", now, raw=f"signed: {MARK} {word}"))
    assert is_said(all_that_is_held(store))
    before = len(flow.history(order_id))

    order = flow.erase(order_id).order

    assert not is_said(all_that_is_held(store))
    assert order == replay(recorded.event for recorded in flow.history(order_id)) == erased_order(order)
    assert not any(one.event.TAG == "facts_applied" for one in flow.history(order_id)[before:])
    assert flow.erase(order_id).events == ()
    flow.observe(Scan("M1", "delivered", now, raw=f"signed: {MARK}"))
    assert flow.record_facts(order_id, told).events == ()
    assert not is_said(all_that_is_held(store))


# -- afterwards ------------------------------------------------------------------------------------------------------


def test_a_command_of_before_is_answered_by_its_id(store: OrderStore) -> None:
    flow = Shop(store).flow()
    order_id = told_everything(flow)
    flow.erase(order_id)

    receipt = flow.handle(c.ReleaseHold(order_id, "H1"), command_id=f"released-{order_id}")

    assert receipt.replayed
    assert [event.TAG for event in receipt.events] == ["hold_released"]


def test_no_label_of_the_customer_is_left_and_it_is_not_due_to_be_erased_any_more(store: OrderStore) -> None:
    flow = Shop(store).flow()
    order_id = told_everything(flow)
    assert [row.order_id for row in flow.find(label="ended:2026-11").orders] == [order_id]
    assert flow.find(label=f"customer_reference:for {MARK}").orders

    flow.erase(order_id)

    assert not flow.find(label="ended:2026-11").orders
    assert not flow.find(label=f"customer_reference:for {MARK}").orders
    assert not flow.find(label=f"customer_reference:{ERASED}").orders
    lead(flow, **SAID)
    assert not flow.get(order_id).labels


def test_a_report_that_comes_again_changes_nothing_and_brings_nobody_back(store: OrderStore) -> None:
    flow = Shop(store).flow()
    order_id = told_everything(flow)
    order = flow.erase(order_id).order

    assert scanned(flow, order_id, "delivered") == order

    assert not is_said(all_that_is_held(store))


def test_a_later_fact_counts_but_brings_nobody_back(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow()
    order_id = told_everything(flow)
    told = len(flow.erase(order_id).order.messages)
    shop.passes(hours=30)

    order = scanned(flow, order_id, "return_to_sender")

    assert order.status.word == "shipped"
    assert len(order.messages) == told
    assert not is_said(repr(flow.history(order_id)))


def test_who_gives_a_command_later_and_why_is_not_put_on_record_again(store: OrderStore) -> None:
    flow = Shop(store).flow()
    order_id = told_everything(flow)
    flow.erase(order_id)

    said = {"command_id": "later", "by": CLERK, "reason": f"{MARK} rang"}
    held = flow.handle(c.PlaceHold(order_id, "review", note=f"{MARK} called"), **said)

    assert flow.handle(c.PlaceHold(order_id, "review", note=f"{MARK} called"), **said).events == held.events
    assert not is_said(repr((flow.history(order_id), store.command("main", "later"))))
    assert not is_said(all_that_is_held(store))


def test_nothing_more_is_sent_to_whom_was_erased(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow(notifications=None)
    order_id = told_everything(flow)
    assert {message.state for message in flow.get(order_id).messages.values()} == {"queued", "superseded"}

    flow.erase(order_id)
    online = shop.flow(store=flow.store)
    shop.passes(days=1)
    online.run_due()

    assert not shop.notifications.sent
    assert {message.state for message in online.get(order_id).messages.values()} == {"withheld", "superseded"}


def test_a_second_process_that_knew_the_order_forgets_too(tmp_path: Path) -> None:
    """What a process has in memory is brought up to date by the event itself."""
    path = tmp_path / "orders.sqlite"
    with SqliteStore(path) as first, SqliteStore(path) as second:
        shop = Shop()
        flow, other = shop.flow(store=first), shop.flow(store=second)
        order_id = told_everything(flow)
        assert other.get(order_id).ship_to == HOME

        flow.erase(order_id)

        assert other.get(order_id) == flow.get(order_id)
        other.handle(c.PlaceHold(order_id, "tax"))
        assert not is_said(all_that_is_held(second))


def test_many_orders_are_erased_with_one_purge(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "orders.sqlite") as store:
        flow = Shop(store).flow()
        ids = [told_everything(flow, customer_reference=f"{MARK} {number}") for number in range(2)]
        with store.purging_once():
            for order_id in ids:
                flow.erase(order_id)
            assert is_said(all_that_is_held(store))

        assert not is_said(all_that_is_held(store))


def test_an_asynchronous_flow_erases_too() -> None:
    shop = Shop(MemoryStore())
    order_id = told_everything(shop.flow())

    async def erased() -> Order:
        return (await AsyncOrderFlow(store=shop.store, clock=shop.clock).erase(order_id, reason=WHY)).order

    assert not is_said(repr(asyncio.run(erased())))


# -- not yet ---------------------------------------------------------------------------------------------------------


def test_an_order_at_work_is_not_erased(store: OrderStore) -> None:
    flow = Shop(store).flow()
    order_id = lead(flow, "despatched", **SAID)
    held = flow.history(order_id)

    assert refusal(flow, order_id) == ["erasure.goods_at_work"]
    assert flow.history(order_id) == held


def test_an_order_with_an_open_case_is_not_erased(store: OrderStore) -> None:
    flow = Shop(store).flow()
    order_id = told_everything(flow)
    (number,) = flow.get(order_id).tracking_numbers
    flow.observe(Scan(number, "delivered", flow.clock(), reason="damaged"))

    assert refusal(flow, order_id) == ["erasure.case_open"]


def test_by_force_what_is_still_here_is_held_and_nobody_is_asked_where_to(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow(inline=False)
    order_id = flow.handle(place(**SAID)).order.id
    flow.advance(order_id)
    lead_on = (c.StartPicking(order_id, "F1"), c.RecordPick(order_id, "F1"), c.PackParcel(order_id, "F1"))
    for command in (*lead_on, c.BookShipment(order_id, service="parcel", carrier="DHL")):
        flow.handle(command)
    books = shop.carriers.fingerprint(), shop.notifications.fingerprint()

    order = flow.erase(order_id, force=True, by=OFFICER).order
    flow.advance(order_id)

    assert [hold.code for hold in order.active_holds] == [HOLD]
    assert books == (shop.carriers.fingerprint(), shop.notifications.fingerprint())
    assert not is_said(all_that_is_held(store))
    assert HOLD in str(flow.explain(order_id))
    assert flow.erase(order_id, force=True).events == ()


def test_a_forced_order_can_be_cancelled(store: OrderStore) -> None:
    flow = Shop(store).flow()
    order_id = lead(flow, **SAID)
    flow.erase(order_id, force=True)

    order = flow.handle(c.CancelOrder(order_id, f"{MARK} is gone")).order

    assert order.state == "cancelled"
    assert not is_said(repr(flow.history(order_id)))


# -- a host's own ----------------------------------------------------------------------------------------------------


@attrs.frozen
class Birthday:
    """A record of the host's that does not say which of its fields are personal."""

    of: str
    day: int = 0


@event("greeted")
class Greeted(Event):
    """The host greeted somebody."""

    whom: Birthday = attrs.field(metadata=PERSONAL)
    note: str = ""

    def apply(self, order: Order) -> Order:
        """Nothing of it is kept in the order."""
        return order


@event("named")
class Named(Event):
    """A host's event whose meaning depends on a name."""

    name: str = attrs.field(metadata=PERSONAL)

    def apply(self, order: Order) -> Order:
        """The name decides how urgent it is."""
        return order.replace(priority="high" if self.name == MARK else "low")


def _greet(order: Order, command: Any, policy: Any, envelope: Any) -> list[Event]:
    named = [Named(envelope.at, command.name)] if command.odd else []
    return [Greeted(envelope.at, Birthday(command.name, 7)), *named]


@c_command("greet")
class Greet(Command):
    """Greet somebody."""

    order_id: str = checked(as_id)
    name: str = checked(as_line(100), personal=True)
    odd: bool = checked(bool, default=False)


GREETING = Stage("greeting", (Greet,), (Greeted, Named), (Decision(Greet, (), _greet),))


def test_events_of_a_host_are_erased_by_their_marks() -> None:
    flow = OrderFlow(process=OrderProcess(STANDARD, (*STAGES, GREETING)))
    order_id = flow.handle(place()).order.id
    flow.handle(Greet(order_id, MARK))
    flow.erase(order_id, force=True)

    (greeted,) = (r.event for r in flow.history(order_id) if isinstance(r.event, Greeted))
    assert greeted.whom == Birthday(ERASED, 0)


def test_an_event_whose_meaning_depends_on_a_name_is_not_erased_in_silence() -> None:
    flow = OrderFlow(process=OrderProcess(STANDARD, (*STAGES, GREETING)))
    order_id = flow.handle(place()).order.id
    flow.handle(Greet(order_id, MARK, odd=True))
    held = flow.history(order_id)

    with pytest.raises(ErasureFailed, match="mean something else"):
        flow.erase(order_id, force=True)

    assert flow.history(order_id) == held


def test_replay_knows_no_policy(store: OrderStore) -> None:
    """An order of which others decide all is erased like any other."""
    flow = Shop(store, policy=attrs.evolve(STANDARD, name="erp", authority=Authority(*["theirs"] * 5))).flow()
    order_id = flow.handle(place(**SAID)).order.id
    flow.erase(order_id, force=True)

    held = flow.history(order_id)
    assert {recorded.policy for recorded in held} == {"erp"}
    assert replay(recorded.event for recorded in held) == Shop(store).flow().get(order_id)
    assert not is_said(all_that_is_held(store))
