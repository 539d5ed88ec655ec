"""What a flow is built of, and what it is given, is looked at before anything is done with it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orderflow import commands as c
from orderflow.runtime import AsyncOrderFlow, OrderFlow
from orderflow.tracking import Scan
from tests.runtime.shop import NINE, Shop, lead, tags

FLOWS = [OrderFlow, AsyncOrderFlow]


class HalfAnInventory:
    """It holds stock, and cannot issue it."""

    def claim(self, request: Any) -> Any:
        raise NotImplementedError

    def levels(self, request: Any) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize("flow", FLOWS)
def test_what_is_no_port_is_refused_with_the_methods_that_it_lacks(flow: Any) -> None:
    with pytest.raises(TypeError, match=r"(?s)inventory.*claim.*issue.*levels"):
        flow(inventory={"A": 1})


@pytest.mark.parametrize("flow", FLOWS)
def test_what_is_half_a_port_is_refused_with_what_it_lacks_alone(flow: Any) -> None:
    with pytest.raises(TypeError, match="issue") as lacking:
        flow(inventory=HalfAnInventory())
    assert "claim" not in str(lacking.value)
    assert "levels" not in str(lacking.value)


@pytest.mark.parametrize("port", ["pricing", "carriers", "notifications"])
@pytest.mark.parametrize("flow", FLOWS)
def test_every_port_is_looked_at(flow: Any, port: str) -> None:
    with pytest.raises(TypeError, match=port):
        flow(**{port: "https://example.org"})


@pytest.mark.parametrize("flow", FLOWS)
def test_a_port_in_the_place_of_another_is_refused(flow: Any) -> None:
    with pytest.raises(TypeError, match="carriers"):
        flow(carriers=Shop().inventory)


@pytest.mark.parametrize("flow", FLOWS)
def test_a_flow_without_ports_is_built(flow: Any) -> None:
    assert flow().process.stages


@pytest.mark.parametrize("clock", [NINE, "now", 5])
@pytest.mark.parametrize("flow", FLOWS)
def test_a_clock_that_cannot_be_asked_is_refused(flow: Any, clock: Any) -> None:
    with pytest.raises(TypeError, match="clock"):
        flow(clock=clock)


# -- commands ----------------------------------------------------------------------------------------------------------

NO_COMMANDS: list[Any] = ["CancelOrder", None, c.CancelOrder, {"order_id": "A-1001"}, Scan("T", "delivered", NINE)]


@pytest.mark.parametrize("thing", NO_COMMANDS, ids=lambda thing: getattr(thing, "__name__", type(thing).__name__))
@pytest.mark.parametrize("ask", ["handle", "preview"])
def test_what_is_no_command_is_told_so(ask: str, thing: Any) -> None:
    with pytest.raises(TypeError, match="command"):
        getattr(Shop().flow(), ask)(thing)


def test_a_class_in_the_place_of_a_command_is_named() -> None:
    with pytest.raises(TypeError, match="CancelOrder"):
        Shop().flow().handle(c.CancelOrder)  # type: ignore[arg-type]


def test_for_asyncio_what_is_no_command_is_told_so_as_well() -> None:
    async def told(thing: Any) -> None:
        with pytest.raises(TypeError, match="command"):
            await AsyncOrderFlow().handle(thing)

    for thing in NO_COMMANDS:
        asyncio.run(told(thing))


# -- scans -------------------------------------------------------------------------------------------------------------


def ways() -> dict[str, Any]:
    return {"a list": list, "a tuple": tuple, "a generator": lambda scans: (scan for scan in scans)}


@pytest.mark.parametrize("way", ways())
def test_scans_may_come_in_one_go(way: str) -> None:
    shop = Shop()
    flow = shop.flow()
    order_id = lead(flow, upto="despatched")
    number = flow.get(order_id).tracking_numbers[0]
    scans = [Scan(number, status, shop.clock()) for status in ("picked_up", "delivered")]

    (receipt,) = flow.observe(ways()[way](scans))

    assert receipt.order.state == "completed"
    assert tags(flow, order_id).count("tracking_recorded") == 1


def test_no_scans_are_no_receipts() -> None:
    flow = Shop().flow()
    assert flow.observe() == ()
    assert flow.observe([]) == ()


NO_SCANS: list[tuple[Any, ...]] = [
    ("x",),
    ("",),
    (b"x",),
    (None,),
    (5,),
    (["x"],),
    ([None],),
    (Scan,),
    (Scan("T", "delivered", NINE), "x"),
    ([Scan("T", "delivered", NINE), "x"],),
    ([Scan("T", "delivered", NINE)], Scan("T", "delivered", NINE)),
]


@pytest.mark.parametrize("things", NO_SCANS, ids=lambda things: "-".join(type(thing).__name__ for thing in things))
def test_what_is_no_scan_is_told_so_and_nothing_is_kept(things: tuple[Any, ...]) -> None:
    flow = Shop().flow()
    with pytest.raises(TypeError, match=r"[Ss]can"):
        flow.observe(*things)
    assert flow.store.inbox("main", ["T"]) == ()


def test_for_asyncio_scans_are_looked_at_as_well() -> None:
    async def told() -> None:
        flow = AsyncOrderFlow()
        assert await flow.observe([Scan("T", "delivered", NINE)]) == ()
        with pytest.raises(TypeError, match=r"[Ss]can"):
            await flow.observe("x")  # type: ignore[arg-type]

    asyncio.run(told())
