"""The mailbox and the clock in memory, and ports that misbehave on purpose."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import attrs
import pytest

from orderflow.adapters.memory import Deferring, Flaky, Mailbox, ManualClock, MemoryInventory
from orderflow.errors import InvalidInput, PortRefused, PortUnavailable
from orderflow.ports import (
    ClaimStock,
    Deferred,
    InventoryPort,
    NotificationPort,
    QueryLevels,
    Refused,
    Repeats,
    SendMessage,
    StockHeld,
)
from orderflow.stages.communication import KINDS
from orderflow.texts import Text
from orderflow.values import FrozenMap

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def mail(key: str = "K1", kind: str = "order_placed", order: str = "O1", **body: str) -> SendMessage:
    return SendMessage(order, key, key, "N1", kind, "email", "ada@example.org", "en", FrozenMap(body))


def claim(sku: str = "TEA", revision: int = 1) -> ClaimStock:
    return ClaimStock("O1", f"claim/{sku}/{revision}", sku, sku, revision, sku, "each", Decimal(2))


# -- mailbox -----------------------------------------------------------------------------------------------------------


def test_a_message_sent_twice_under_one_key_is_one_message() -> None:
    mailbox = Mailbox()
    assert isinstance(mailbox, NotificationPort)
    first = mailbox.send(mail())

    assert mailbox.send(attrs.evolve(mail(), id="again")) == first
    assert mailbox.sent == [mail()]


def test_a_key_is_not_used_for_another_message() -> None:
    mailbox = Mailbox()
    mailbox.send(mail())

    with pytest.raises(PortRefused) as refused:
        mailbox.send(mail(total="9.00 EUR"))
    assert refused.value.code == "notifications.key_reused"
    assert len(mailbox) == 1


def test_messages_are_kept_in_order_and_found_by_order() -> None:
    mailbox = Mailbox()
    sent = [mail("K1"), mail("K2", order="O2"), mail("K3", "order_delivered")]
    for message in sent:
        mailbox.send(message)

    assert mailbox.sent == sent
    assert mailbox.for_order("O1") == [sent[0], sent[2]]
    assert mailbox.for_order("O3") == []


def test_a_message_can_be_read() -> None:
    body = {"order": "WEB-7", "name": "Ada Krull", "tracking": "PA000001", "estimate": "2026-12-01", "carrier": ""}
    message = attrs.evolve(mail(kind="shipment_despatched"), body=FrozenMap(body))

    assert Mailbox().render(message) == (
        "To: ada@example.org (email)\n"
        "Subject: Goods of your order WEB-7 are on their way\n"
        "\n"
        "Hello Ada Krull,\n"
        "Tracking: PA000001\n"
        "Expected on Tuesday 1 December 2026.\n"
    )


def test_a_mailbox_takes_any_template() -> None:
    mailbox = Mailbox(lambda kind, locale, body: Text(f"{kind} in {locale}", ""))
    mailbox.send(mail())

    assert "Subject: order_placed in en" in str(mailbox)


@pytest.mark.parametrize("kind", [*KINDS, "news_of_a_host"])
def test_every_kind_of_message_names_its_order(kind: str) -> None:
    mailbox = Mailbox()
    mailbox.send(mail(kind=kind))

    assert "O1" in str(mailbox)
    assert "{" not in str(mailbox)


def test_a_restored_mailbox_is_what_it_was() -> None:
    mailbox = Mailbox()
    mailbox.send(mail())
    taken, before = mailbox.snapshot(), mailbox.fingerprint()
    mailbox.send(mail("K2"))
    assert mailbox.fingerprint() != before

    mailbox.restore(taken)
    assert (mailbox.fingerprint(), mailbox.sent, mailbox.for_order("O1")) == (before, [mail()], [mail()])


# -- clock -------------------------------------------------------------------------------------------------------------


def test_a_clock_stands_still_until_it_is_moved() -> None:
    clock = ManualClock(NINE)
    assert (clock(), clock()) == (NINE, NINE)
    clock.advance(HOUR)
    clock.set(NINE + 3 * HOUR)
    assert clock() == NINE + 3 * HOUR


def test_a_clock_never_goes_back() -> None:
    clock = ManualClock(NINE)
    for move in (lambda: clock.advance(-HOUR), lambda: clock.set(NINE - HOUR)):
        with pytest.raises(InvalidInput, match=r"clock\.backwards"):
            move()
    assert clock() == NINE


# -- faults ------------------------------------------------------------------------------------------------------------


def test_a_flaky_port_fails_by_its_script_and_then_works() -> None:
    inventory = MemoryInventory({"TEA": 5})
    flaky = Flaky(inventory, [None, PortUnavailable("no answer"), PortRefused("inventory.closed")])
    assert flaky.levels(QueryLevels("O1", "levels", ("TEA",))).levels[0].on_hand == 5

    with pytest.raises(PortUnavailable):
        flaky.claim(claim())
    with pytest.raises(PortRefused):
        flaky.claim(claim())
    assert inventory.held("TEA") == 0
    assert flaky.claim(claim()).held == 2
    assert (flaky.calls, flaky.failed) == (4, 2)


def test_a_flaky_port_passes_for_the_port_it_hides() -> None:
    flaky = Flaky(MemoryInventory({"TEA": 5}), [])

    assert isinstance(flaky, InventoryPort)
    assert flaky.repeats is Repeats.DEDUPLICATES
    assert flaky.on_hand("TEA") == 5
    assert flaky.calls == 0


def test_an_answer_may_get_lost_after_the_work_was_done() -> None:
    inventory = MemoryInventory({"TEA": 5})
    flaky = Flaky(inventory, [PortUnavailable()], after=True)

    with pytest.raises(PortUnavailable):
        flaky.claim(claim())
    assert inventory.held("TEA") == 2
    assert flaky.claim(claim()).held == 2


def test_the_answer_of_an_async_port_may_get_lost_too() -> None:
    inventory = MemoryInventory({"TEA": 5})

    class Remote:
        async def claim(self, request: ClaimStock) -> StockHeld:
            return inventory.claim(request)

    async def ask() -> None:
        await Flaky(Remote(), [PortUnavailable()], after=True).claim(claim())

    with pytest.raises(PortUnavailable):
        asyncio.run(ask())
    assert inventory.held("TEA") == 2


def test_a_deferring_port_answers_later() -> None:
    clock = ManualClock(NINE)
    deferring = Deferring(MemoryInventory({"TEA": 5}), ["claim"], clock=clock, ask_after=HOUR, give_up_after=9 * HOUR)
    first = deferring.claim(claim())
    clock.advance(HOUR)

    assert first == Deferred("T1", NINE + HOUR, NINE + 9 * HOUR)
    assert deferring.claim(claim()) == Deferred("T1", NINE + 2 * HOUR, NINE + 9 * HOUR)
    assert deferring.answers == {"T1": StockHeld(1, Decimal(2), "MAIN")}
    assert deferring.release("T1") == deferring.claim(claim()) == StockHeld(1, Decimal(2), "MAIN")
    assert deferring.levels(QueryLevels("O1", "levels", ("TEA",))).levels[0].available == 3


def test_a_refusal_can_come_later_too() -> None:
    deferring = Deferring(MemoryInventory({}), ["claim"], clock=ManualClock(NINE))
    ticket = deferring.claim(claim()).ticket
    answer = deferring.release(ticket)

    assert isinstance(answer, Refused)
    assert answer.code == "inventory.unknown_product"
    with pytest.raises(PortRefused):
        deferring.claim(claim())


def test_a_restored_deferring_port_has_forgotten_its_tickets() -> None:
    inventory = MemoryInventory({"TEA": 5})
    deferring = Deferring(inventory, ["claim"], clock=ManualClock(NINE))
    taken, before = deferring.snapshot(), deferring.fingerprint()
    deferring.claim(claim())
    assert deferring.fingerprint() != before

    deferring.restore(taken)
    assert (deferring.answers, inventory.held("TEA")) == ({}, 0)
    assert deferring.fingerprint() == before
