"""The work is done and the answer lost: what is asked for twice happens once, as far as the other side can help it."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pytest

from orderflow import commands as c
from orderflow.adapters.memory import Flaky, Mailbox, MemoryCarrier
from orderflow.errors import PortUnavailable
from orderflow.ports import BookCarrier, Repeats, SendMessage, Sent
from orderflow.runtime import OrderFlow
from orderflow.stores import MemoryStore, OrderStore
from orderflow.values.checked import evolved
from tests.runtime.shop import Only, Shop, go_on, lead, place, tags

LOST = PortUnavailable("the answer was lost")
PORT_OF = {"claim": "inventory", "issue": "inventory", "book": "carriers", "void": "carriers", "send": "notifications"}


def given_time(shop: Shop, flow: OrderFlow) -> None:
    """Time enough to ask everybody again, though not to ask for tracking."""
    for _ in range(6):
        shop.passes(minutes=3)
        flow.run_due()


def delivered(shop: Shop, flow: OrderFlow) -> str:
    """A life that ends at the door."""
    order_id = flow.handle(place(lines=[("TEA", 2), ("POT", 1)])).order.id
    for after, step in (("verified", "packed"), ("packed", "booked"), ("booked", "despatched")):
        given_time(shop, flow)
        go_on(flow, order_id, after, step)
    given_time(shop, flow)
    flow.observe(*shop.carriers.deliver("PA000001"))
    given_time(shop, flow)
    return order_id


def cancelled(shop: Shop, flow: OrderFlow) -> str:
    """A life that ends after a carrier was booked."""
    order_id = flow.handle(place()).order.id
    given_time(shop, flow)
    go_on(flow, order_id, upto="booked")
    given_time(shop, flow)
    flow.handle(c.CancelOrder(order_id))
    given_time(shop, flow)
    return order_id


LIVES = {"completed": delivered, "cancelled": cancelled}


def undisturbed(end: str) -> Shop:
    shop = Shop(MemoryStore())
    LIVES[end](shop, shop.flow())
    return shop


@pytest.mark.parametrize(
    ("end", "method"),
    [("completed", "claim"), ("completed", "book"), ("completed", "issue"), ("completed", "send"),
     ("cancelled", "claim"), ("cancelled", "book"), ("cancelled", "void"), ("cancelled", "send")],
)  # fmt: skip
def test_an_effect_whose_answer_was_lost_happens_once(store: OrderStore, end: str, method: str) -> None:
    shop = Shop(store)
    name = PORT_OF[method]
    port = Only(shop.ports[name], method, cycle([LOST, ConnectionResetError("peer"), None]), after=True)
    shop.ports[name] = port
    flow = shop.flow()

    order = flow.get(LIVES[end](shop, flow))

    assert port.failed >= 2
    assert order.state == end
    assert not order.cases
    assert shop.books == undisturbed(end).books


@pytest.mark.parametrize("end", LIVES)
def test_when_every_first_answer_is_lost_the_books_agree_all_the_same(store: OrderStore, end: str) -> None:
    shop = Shop(store)
    for name, port in shop.ports.items():
        shop.ports[name] = Flaky(port, cycle([LOST, None]), after=True)
    flow = shop.flow()

    order = flow.get(LIVES[end](shop, flow))

    assert order.state == end
    assert shop.books == undisturbed(end).books


def test_the_books_would_tell_of_an_effect_that_happened_twice() -> None:
    shop = Shop(MemoryStore())
    shop.ports["notifications"] = Only(PlainMail(shop.notifications), "send", [LOST], after=True)
    delivered(shop, shop.flow())

    assert shop.books != undisturbed("completed").books


def test_a_shipment_whose_booking_was_answered_late_is_booked_once_and_voided_once(store: OrderStore) -> None:
    shop = Shop(store)
    shop.ports["carriers"] = Only(shop.carriers, "book", [LOST] * 3, after=True)
    flow = shop.flow()
    order_id = lead(flow, upto="booked")
    assert shop.carriers.bookings == {"B1": "booked"}
    assert flow.get(order_id).shipments["S1"].booking is None

    flow.handle(c.CancelOrder(order_id))
    given_time(shop, flow)

    assert flow.get(order_id).state == "cancelled"
    assert shop.carriers.bookings == {"B1": "voided"}
    assert shop.inventory.held("TEA") == 0


# -- what the other side can do about repeated effects -----------------------------------------------------------------


class PlainMail:
    """Plain mail: what it is given it sends, however often it is given it."""

    repeats = Repeats.NEITHER

    def __init__(self, mailbox: Mailbox | None = None) -> None:
        self.mailbox = mailbox if mailbox is not None else Mailbox()
        self.asked: list[str] = []

    def send(self, request: SendMessage) -> Sent:
        self.asked.append("send")
        return self.mailbox.send(evolved(request, key=f"{request.key}#{len(self.mailbox)}"))


class SearchedMail(PlainMail):
    """The same, with a folder of sent messages that can be searched."""

    repeats = Repeats.LOOKS_UP

    def lookup(self, request: SendMessage) -> Sent | None:
        self.asked.append("lookup")
        keys = [message.key.partition("#")[0] for message in self.mailbox.sent]
        return Sent(f"found {request.key}") if request.key in keys else None


class SearchedCarrier(MemoryCarrier):
    """A carrier that books whatever it is asked for, and can be asked what it has booked."""

    repeats = Repeats.LOOKS_UP

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.asked: list[str] = []
        self.done: dict[str, Any] = {}

    def lookup(self, request: Any) -> Any:
        self.asked.append(f"lookup {request.id}")
        return self.done.get(request.key)

    def book(self, request: BookCarrier) -> Any:
        self.asked.append(request.id)
        booked = super().book(evolved(request, key=f"{request.key}#{len(self.asked)}"))
        self.done[request.key] = booked
        return booked

    def rates(self, request: Any) -> Any:
        self.asked.append(request.id)
        return super().rates(request)

    def track(self, request: Any) -> Any:
        self.asked.append(request.id)
        return super().track(request)


def test_what_can_be_looked_up_is_looked_up_before_each_effect_and_not_before_a_question(store: OrderStore) -> None:
    shop = Shop(store)
    carrier = SearchedCarrier(clock=shop.clock)
    flow = shop.flow(carriers=carrier)
    lead(flow, upto="despatched")
    shop.passes(hours=6)
    flow.run_due()

    assert carrier.asked[:4] == ["rates/S1", "lookup book/S1/1", "book/S1/1", "track/S1"]
    assert "lookup track/S1" not in carrier.asked


def test_what_is_found_is_the_answer_and_nothing_is_done_again(store: OrderStore) -> None:
    shop = Shop(store)
    carrier = SearchedCarrier(clock=shop.clock)
    flow = shop.flow(carriers=Only(carrier, "book", [LOST], after=True))
    order_id = lead(flow, upto="booked")
    shop.passes(seconds=30)
    flow.run_due()

    assert carrier.asked == ["rates/S1", "lookup book/S1/1", "book/S1/1", "lookup book/S1/1"]
    assert carrier.bookings == {"B1": "booked"}
    booking = flow.get(order_id).shipments["S1"].booking
    assert booking is not None
    assert booking.number == "B1"


def test_a_message_that_is_found_is_not_sent_again(store: OrderStore) -> None:
    shop = Shop(store)
    mail = SearchedMail()
    flow = shop.flow(notifications=Only(mail, "send", [LOST], after=True))
    order_id = lead(flow)
    given_time(shop, flow)

    assert [message.kind for message in mail.mailbox.sent] == ["order_placed", "order_verified"]
    assert {message.state for message in flow.get(order_id).messages.values()} == {"sent"}


def test_a_look_up_that_fails_is_tried_again_before_anything_is_done(store: OrderStore) -> None:
    shop = Shop(store)
    mail = SearchedMail()
    failing = iter([LOST])
    found = mail.lookup

    def lookup(request: SendMessage) -> Any:
        for failure in failing:
            mail.asked.append("lookup")
            raise failure
        return found(request)

    mail.lookup = lookup  # type: ignore[method-assign]
    flow = shop.flow(notifications=mail)
    order_id = flow.handle(place()).order.id
    assert mail.asked[0] == "lookup"
    given_time(shop, flow)

    assert sorted(message.kind for message in mail.mailbox.sent) == ["order_placed", "order_verified"]
    assert tags(flow, order_id).count("message_sent") == 2


def test_what_can_neither_recognise_nor_be_looked_up_does_it_at_least_once(store: OrderStore) -> None:
    shop = Shop(store)
    mail = PlainMail()
    flow = shop.flow(notifications=Only(mail, "send", [LOST], after=True))
    order_id = lead(flow)
    given_time(shop, flow)

    kinds = [message.kind for message in mail.mailbox.sent]
    assert sorted(kinds) == ["order_placed", "order_placed", "order_verified"]
    assert tags(flow, order_id).count("message_sent") == 2
