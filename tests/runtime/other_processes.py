"""What other processes do in these tests: work on one file together, and be killed in the middle of it."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orderflow import commands as c
from orderflow.adapters.memory import ManualClock
from orderflow.errors import CommandRefused
from orderflow.messages import Command
from orderflow.runtime import OrderFlow
from orderflow.stores import SqliteStore
from orderflow.tracking import Scan
from tests.runtime.shop import NINE, Shop, place, the_steps

ROOT = Path(__file__).resolve().parents[2]


def started(call: str) -> subprocess.Popen[str]:
    """``call``, an expression about this module's names, in a fresh interpreter."""
    return subprocess.Popen(
        [sys.executable, "-c", f"from tests.runtime.other_processes import *; {call}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def ended_well(process: subprocess.Popen[str]) -> None:
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said


def hold_again_and_again(path: str, who: str, times: int) -> None:
    """Another worker on the same file."""
    with Shop().flow(store=SqliteStore(path, synchronous="NORMAL")) as flow:
        for turn in range(times):
            flow.handle(c.PlaceHold("A-1001", f"{who}-{turn}"), command_id=f"{who}-{turn}")
            flow.handle(place(), command_id=f"basket-{turn}")


def be_told_again_and_again(path: str, number: str) -> None:
    """Another worker on the same file hears of an order, and of its arrival, over and over."""
    with Shop().flow(store=SqliteStore(path, synchronous="NORMAL")) as flow:
        for _ in range(8):
            assert flow.handle(place(), command_id="hook-1").replayed
            flow.observe(Scan(number, "delivered", NINE, id="evt-9"))


def send_again_and_again(path: str, order_id: str) -> None:
    """Another worker on the same file is told over and over that the goods have left; the systems are not there."""
    with OrderFlow(store=SqliteStore(path, synchronous="NORMAL"), clock=ManualClock(NINE), inline=False) as flow:
        for _ in range(8):
            with suppress(CommandRefused):
                flow.handle(c.DespatchShipment(order_id, "S1"))


# -- killed in the middle ----------------------------------------------------------------------------------------------


class Outside(Shop):
    """The systems of a shop that outlive the program: after every call their books are written to a file.

    At the ``fatal``-th call the program is killed: before the work, or after it and before it is answered.
    """

    def __init__(self, folder: Path, fatal: int = 0, *, after: bool = False) -> None:
        super().__init__(SqliteStore(folder / "orders.sqlite", synchronous="NORMAL", snapshot_every=7))
        self.file, self.fatal, self.after, self.calls = folder / "systems", fatal, after, 0
        self.systems = (self.inventory, self.carriers, self.notifications)
        if self.file.exists():
            for system, books in zip(self.systems, pickle.loads(self.file.read_bytes()), strict=True):
                system.restore(books)
        self.ports = {name: Kept(self, port) for name, port in self.ports.items()}

    def call(self, method: Callable[[Any], Any], request: Any) -> Any:
        self.calls += 1
        if self.calls == self.fatal and not self.after:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = method(request)
        self.file.with_suffix(".new").write_bytes(pickle.dumps([system.snapshot() for system in self.systems]))
        self.file.with_suffix(".new").replace(self.file)
        if self.calls == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


class Kept:
    """A port of a system that outlives the program."""

    def __init__(self, outside: Outside, port: Any) -> None:
        self.outside, self.port = outside, port

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self.port, name)
        return (lambda request: self.outside.call(asked, request)) if callable(asked) else asked


def script() -> list[tuple[str, Command]]:
    """One order is amended, goes out and comes back, another is cancelled once booked. Each command has its id."""
    told: list[tuple[str, Command]] = [
        ("place-1", place(lines=[("TEA", 3)])),
        ("amend-1", c.AmendOrder("A-1001", {"L1": 1})),
        ("place-2", place(lines=[("TEA", 2)])),
    ]
    for number, upto in ((1001, 5), (1002, 4)):
        steps = list(the_steps(f"A-{number}").items())[:upto]
        told += [(f"{name}-{number}", command) for name, command in steps]
    arrived = Scan("PA000001", "delivered", datetime(2026, 11, 24, 9, tzinfo=UTC))
    told += [
        ("cancel-2", c.CancelOrder("A-1002")),
        ("arrives", c.RecordTracking("A-1001", [arrived])),
        ("ask", c.RequestReturn("A-1001", [("L1", 1)])),
        ("agree", c.AuthorizeReturn("A-1001", "R1")),
        ("back", c.ReceiveReturn("A-1001", "R1")),
        ("shelve", c.DisposeReturn("A-1001", "R1")),
    ]
    return told


def lived(flow: OrderFlow) -> None:
    """The sender sends everything, whether or not it was sent before."""
    for command_id, command in script():
        try:
            flow.handle(command, command_id=command_id)
        except CommandRefused as refused:
            raise AssertionError(f"{command_id}: {refused}") from refused


def die_at_every_call(folder: str, calls: int) -> None:
    """One life for each call, each in a process of its own that is killed at that call, before or after the work."""
    for fatal in range(1, calls + 1):
        for after in (False, True):
            own = Path(folder, f"{fatal}-{'after' if after else 'before'}")
            own.mkdir()
            if (child := os.fork()) == 0:
                lived(Outside(own, fatal, after=after).flow())
                os._exit(1)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            assert code == -signal.SIGKILL, (own.name, code)
