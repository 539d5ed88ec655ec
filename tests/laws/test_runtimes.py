"""Runtimes: plain and awaited come to the same, and a command under one id has one effect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderflow import commands as c
from orderflow.adapters.memory import Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.errors import CommandIdReused, CommandRefused, VersionConflict
from orderflow.messages import Command
from orderflow.runtime import AsyncOrderFlow, OrderFlow
from orderflow.stores import MemoryStore
from orderflow.tracking import Scan
from orderflow.values.address import Address
from orderflow.values.party import Contact, Party
from tests.laws.chance import Chance

_HOME = Address("DE", "Hauptstr. 1", city="Berlin", postal_code="10115")
_ADA = Party("Ada", contact=Contact("ada@example.org"))
PLACE = c.PlaceOrder((("TEA", 2), ("POT", "1.5")), "EUR", _HOME, _ADA, order_id="A-1")


class Awaited:
    """A port whose every answer has to be awaited."""

    def __init__(self, port: Any) -> None:
        self._port = port
        self.repeats = port.repeats

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        async def asked(request: Any) -> Any:
            await asyncio.sleep(0)
            return method(request)

        return asked


def systems(clock: ManualClock, stock: int) -> dict[str, Any]:
    """The four ports, in memory."""
    return {
        "inventory": MemoryInventory({"TEA": stock, "POT": 5}, location="BER", clock=clock),
        "pricing": PriceList({"TEA": "9.90", "POT": "24.00"}, tax="0.19"),
        "carriers": MemoryCarrier(clock=clock),
        "notifications": Mailbox(),
    }


def told(drawn: Iterable[bytes]) -> list[tuple[str, Any]]:
    """What the application does, one thing after the other; much of it is refused."""
    ways: list[tuple[str, Any]] = [("handle", PLACE)]
    for chance in map(Chance, drawn):
        fulfillment = chance.one(("F1", "F1", "F2"))
        ways.append(
            chance.weighed(
                (
                    (4, ("handle", c.StartPicking("A-1", fulfillment))),
                    (4, ("handle", c.RecordPick("A-1", fulfillment))),
                    (4, ("handle", c.PackParcel("A-1", fulfillment))),
                    (4, ("handle", c.BookShipment("A-1"))),
                    (4, ("handle", c.DespatchShipment("A-1"))),
                    (2, ("handle", c.AmendOrder("A-1", {"L1": chance.one((1, 3, 9))}))),
                    (1, ("handle", c.CancelOrder("A-1"))),
                    (2, ("handle", c.PlaceHold("A-1", "review", blocks=("pick",)))),
                    (2, ("handle", c.ReleaseHold("A-1", "H1"))),
                    (3, ("observe", chance.one(("delivered", "in_transit")))),
                    (3, ("run_due", chance.one((1, 10, 60)))),
                )
            )
        )
    return ways


_IN_ORDER = (c.StartPicking, c.RecordPick, c.PackParcel)
USUAL = [
    ("handle", PLACE),
    *(("handle", command("A-1", "F1")) for command in _IN_ORDER),
    ("handle", c.BookShipment("A-1")),
    ("handle", c.DespatchShipment("A-1")),
    ("observe", "delivered"),
    ("run_due", 60),
]


def _settings(clock: ManualClock) -> dict[str, Any]:
    numbers = count(1)
    return {"store": MemoryStore(), "clock": clock, "new_id": lambda: f"id-{next(numbers)}"}


def _now() -> ManualClock:
    return ManualClock(datetime(2026, 3, 2, 9, tzinfo=UTC))


def lived(ways: list[tuple[str, Any]], stock: int) -> tuple[Any, ...]:
    """Done with the plain runtime: what was answered, the order, the history, and what the systems know."""
    clock = _now()
    ports = systems(clock, stock)
    said: list[Any] = []
    with OrderFlow(**ports, **_settings(clock)) as flow:
        for way, what in ways:
            clock.advance(timedelta(minutes=7))
            try:
                if way == "handle":
                    said.append(flow.handle(what))
                elif way == "observe":
                    numbers = flow.get("A-1").tracking_numbers or ("T-early",)
                    said.append(flow.observe(Scan(numbers[0], what, clock())))
                else:
                    clock.advance(timedelta(minutes=what))
                    said.append(flow.run_due())
            except CommandRefused as refused:
                said.append(str(refused))
        return said, flow.get("A-1"), flow.history("A-1"), [port.fingerprint() for port in ports.values()]


async def lived_awaiting(ways: list[tuple[str, Any]], stock: int) -> tuple[Any, ...]:
    """The same with the awaited runtime and awaited ports."""
    clock = _now()
    ports = systems(clock, stock)
    said: list[Any] = []
    async with AsyncOrderFlow(**{name: Awaited(port) for name, port in ports.items()}, **_settings(clock)) as flow:
        for way, what in ways:
            clock.advance(timedelta(minutes=7))
            try:
                if way == "handle":
                    said.append(await flow.handle(what))
                elif way == "observe":
                    numbers = (await flow.get("A-1")).tracking_numbers or ("T-early",)
                    said.append(await flow.observe(Scan(numbers[0], what, clock())))
                else:
                    clock.advance(timedelta(minutes=what))
                    said.append(await flow.run_due())
            except CommandRefused as refused:
                said.append(str(refused))
        return said, await flow.get("A-1"), await flow.history("A-1"), [port.fingerprint() for port in ports.values()]


ways_drawn = st.lists(st.binary(min_size=6, max_size=6), min_size=3, max_size=25).map(told)


def test_the_usual_life_ends_completed_in_both_runtimes() -> None:
    _, order, _, _ = lived(USUAL, 9)
    _, awaited, _, _ = asyncio.run(lived_awaiting(USUAL, 9))

    assert order.state == awaited.state == "completed"


@settings(max_examples=40)
@given(ways_drawn, st.sampled_from([9, 1, 0]))
def test_the_plain_and_the_awaited_runtime_agree(ways: list[tuple[str, Any]], stock: int) -> None:
    assert asyncio.run(lived_awaiting(ways, stock)) == lived(ways, stock)


def test_a_runtime_that_asks_nobody_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Awaited, "__getattr__", lambda self, name: lambda request: None)

    assert asyncio.run(lived_awaiting(USUAL[:1], 9)) != lived(USUAL[:1], 9)


# -- the command record ------------------------------------------------------------------------------------------------


class Flow:
    """An application in the middle of a life."""

    def __init__(self, ways: list[tuple[str, Any]]) -> None:
        self.clock = _now()
        self.ports = systems(self.clock, 9)
        self.store = MemoryStore()
        self.flow = OrderFlow(**self.ports, **(_settings(self.clock) | {"store": self.store}))
        for number, (way, what) in enumerate(ways):
            if way == "handle":
                try:
                    self.flow.handle(what, command_id=f"way-{number}")
                except CommandRefused:
                    continue

    @property
    def everything(self) -> tuple[Any, ...]:
        """All that is known anywhere."""
        return self.store.fingerprint(), *(port.fingerprint() for port in self.ports.values())


def _possible(flow: Flow, drawn: int) -> Command:
    possible = flow.flow.explain("A-1").possible
    return possible[drawn % len(possible)] if possible else c.PlaceHold("A-1", "review")


@settings(max_examples=40)
@given(ways_drawn, st.integers(0, 99), st.integers(0, 9))
def test_the_same_command_id_twice_has_one_effect_and_one_answer(
    ways: list[tuple[str, Any]], drawn: int, times: int
) -> None:
    flow = Flow(ways)
    command = _possible(flow, drawn)
    first = flow.flow.handle(command, command_id="once")
    before = flow.everything
    for _ in range(1 + times % 3):
        again = flow.flow.handle(command, command_id="once")
        assert again.replayed
        assert not first.replayed
        assert (again.events, again.version, again.command_id) == (first.events, first.version, first.command_id)

    assert flow.everything == before


@settings(max_examples=40)
@given(ways_drawn, st.integers(0, 99))
def test_a_command_id_with_another_body_is_refused_and_changes_nothing(ways: list[tuple[str, Any]], drawn: int) -> None:
    flow = Flow(ways)
    flow.flow.handle(_possible(flow, drawn), command_id="once")
    before = flow.everything

    with pytest.raises(CommandIdReused):
        flow.flow.handle(c.PlaceHold("A-1", "another-body"), command_id="once")
    assert flow.everything == before


@settings(max_examples=40)
@given(ways_drawn, st.integers(0, 99), st.integers(0, 200))
def test_another_version_than_the_sender_has_seen_is_a_conflict_and_changes_nothing(
    ways: list[tuple[str, Any]], drawn: int, seen: int
) -> None:
    flow = Flow(ways)
    version, before = flow.flow.get("A-1").version, flow.everything
    command = _possible(flow, drawn)
    expected = seen if seen != version else version + 1

    with pytest.raises(VersionConflict) as conflict:
        flow.flow.handle(command, expected_version=expected, command_id="never")
    assert (conflict.value.expected, conflict.value.actual) == (expected, version)
    assert flow.everything == before
    assert flow.flow.handle(command, expected_version=version).events


def test_a_refused_command_leaves_its_id_free() -> None:
    flow = Flow([("handle", PLACE)])
    with pytest.raises(CommandRefused):
        flow.flow.handle(c.DespatchShipment("A-1"), command_id="mine")

    assert not flow.flow.handle(c.StartPicking("A-1", "F1"), command_id="mine").replayed


def test_a_store_that_forgets_commands_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryStore, "command", lambda self, tenant, command_id: None)
    flow = Flow([("handle", PLACE)])
    flow.flow.handle(c.PlaceHold("A-1", "review"), command_id="once")

    with pytest.raises((VersionConflict, CommandIdReused)):
        flow.flow.handle(c.PlaceHold("A-1", "review"), command_id="once")
