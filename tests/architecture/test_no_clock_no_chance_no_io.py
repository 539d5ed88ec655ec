"""Below the runtime nothing asks the time, draws lots or opens a file; and for every ban a case that breaks it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture.guards import ROOT, copy_of_the_package, inject, ruff

BANS = "TID251"
UPPER_FLOORS = ("adapters", "runtime", "stores", "testing")

# Ruff's ban knows modules only; these need no import.
BUILTINS = {"__import__", "breakpoint", "eval", "exec", "input", "open"}


def builtins_used_below_the_runtime(where: Path) -> list[str]:
    """Where the core names a builtin that reads, asks or runs text."""
    package = where / "src" / "orderflow"
    return [
        f"{path.relative_to(package)}:{node.lineno}: {node.id}"
        for path in sorted(package.rglob("*.py"))
        if path.relative_to(package).parts[0] not in UPPER_FLOORS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in BUILTINS
    ]


def test_the_package_asks_no_clock_and_draws_no_lots() -> None:
    verdict = ruff(ROOT, BANS)
    assert verdict.content, verdict.said


@pytest.mark.parametrize(
    ("module", "code", "named"),
    [
        ("ledger", "import datetime\nat = datetime.datetime.now()", "`datetime.datetime.now` is banned"),
        ("ledger", "from datetime import datetime as d\nat = d.now(tz=None)", "`datetime.datetime.now` is banned"),
        ("order", "from datetime import datetime\nat = datetime.utcnow()", "`datetime.datetime.utcnow` is banned"),
        ("order", "from datetime import datetime\nclock = datetime.today", "`datetime.datetime.today` is banned"),
        ("promise", "from datetime import date\nday = date.today()", "`datetime.date.today` is banned"),
        ("stages/intruder", "import time\nat = time.time()", "`time.time` is banned"),
        ("stages/intruder", "from time import monotonic", "`time.monotonic` is banned"),
        ("stages/intruder", "from time import perf_counter", "`time.perf_counter` is banned"),
        ("stages/intruder", "from time import sleep", "`time.sleep` is banned"),
        ("values/intruder", "import random", "`random` is banned"),
        ("values/intruder", "from random import choice", "`random` is banned"),
        ("values/intruder", "import secrets", "`secrets` is banned"),
        ("process", "from uuid import uuid4", "`uuid.uuid4` is banned"),
        ("process", "import uuid\nid = uuid.uuid1()", "`uuid.uuid1` is banned"),
        ("process", "import os\nid = os.urandom(8)", "`os.urandom` is banned"),
        ("defaults", "import os\nhome = os.environ['HOME']", "`os.environ` is banned"),
    ],
)
def test_a_banned_call_is_found_and_named(tmp_path: Path, module: str, code: str, named: str) -> None:
    copy = copy_of_the_package(tmp_path)
    inject(copy, module, code)

    verdict = ruff(copy, BANS)

    assert not verdict.content
    assert named in verdict.said
    assert module in verdict.said


def test_a_print_below_the_testing_kit_is_found(tmp_path: Path) -> None:
    copy = copy_of_the_package(tmp_path)
    inject(copy, "stages/intruder", "print('packed')")

    verdict = ruff(copy, "T20")

    assert not verdict.content
    assert "stages/intruder.py" in verdict.said


def test_the_core_opens_no_file_and_runs_no_text() -> None:
    assert builtins_used_below_the_runtime(ROOT) == []


@pytest.mark.parametrize("builtin", sorted(BUILTINS))
def test_a_builtin_that_reads_or_runs_is_found_and_named(tmp_path: Path, builtin: str) -> None:
    copy = copy_of_the_package(tmp_path)
    inject(copy, "stages/intruder", f"def later(name):\n    return {builtin}(name)")

    assert f"stages/intruder.py:4: {builtin}" in builtins_used_below_the_runtime(copy)


@pytest.mark.parametrize("floor", UPPER_FLOORS)
def test_the_upper_floors_may_ask_the_clock(tmp_path: Path, floor: str) -> None:
    copy = copy_of_the_package(tmp_path)
    inject(copy, f"{floor}/guest", "import random\nfrom datetime import datetime\nat = datetime.now()")

    assert f"{floor}/guest.py" not in ruff(copy, BANS).said
