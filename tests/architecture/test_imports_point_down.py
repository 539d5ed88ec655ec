"""Who may import whom; and for every contract a case that breaks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.guards import ROOT, copy_of_the_package, fill_in, inject, lint_imports

LAYERS = "Imports point down only"
PURE = "Below the runtime there is no I/O, no clock and no chance"
STATEMACHINE = "Only the lifecycle's chart and drawing know python-statemachine"
CATTRS = "Only the codec knows cattrs"
FACE = "No module below the roof imports the package's face"


def test_the_package_keeps_every_import_contract() -> None:
    verdict = lint_imports(ROOT)
    assert verdict.content, verdict.said


@pytest.mark.parametrize(
    ("module", "code", "contract", "named"),
    [
        ("values/intruder", "import orderflow.errors, orderflow.runtime", LAYERS, "orderflow.runtime"),
        ("errors", "from orderflow import values", LAYERS, "orderflow.errors -> orderflow.values"),
        ("order", "import orderflow.stages", LAYERS, "orderflow.order -> orderflow.stages"),
        ("order", "def later():\n    import orderflow.process", LAYERS, "orderflow.order -> orderflow.process"),
        ("ledger", "import orderflow.charges", LAYERS, "orderflow.ledger -> orderflow.charges"),
        ("stages/intruder", "from orderflow import process", LAYERS, "orderflow.stages.intruder -> orderflow.process"),
        ("process", "from orderflow import defaults", LAYERS, "orderflow.process -> orderflow.defaults"),
        ("stores/intruder", "from orderflow import runtime", LAYERS, "orderflow.stores.intruder -> orderflow.runtime"),
        ("a_module_without_a_floor", "", LAYERS, "orderflow.a_module_without_a_floor"),
        ("ledger", "import random", PURE, "orderflow.ledger -> random"),
        ("stages/intruder", "import sqlite3", PURE, "orderflow.stages.intruder -> sqlite3"),
        ("values/intruder", "from urllib.request import urlopen", PURE, "orderflow.values.intruder -> urllib"),
        ("codec", "def load():\n    from time import time", PURE, "orderflow.codec -> time"),
        ("codec/intruder", "def load():\n    from time import time", PURE, "orderflow.codec.intruder -> time"),
        ("errors", "import logging", PURE, "orderflow.errors -> logging"),
        ("order", "import statemachine", STATEMACHINE, "orderflow.order -> statemachine"),
        ("lifecycle/intruder", "from statemachine import State", STATEMACHINE, "lifecycle.intruder -> statemachine"),
        ("stages/intruder", "from cattrs import Converter", CATTRS, "orderflow.stages.intruder -> cattrs"),
        ("order", "from orderflow import __version__", FACE, "orderflow.order -> orderflow"),
    ],
)
def test_a_forbidden_import_is_found_and_named(
    tmp_path: Path, module: str, code: str, contract: str, named: str
) -> None:
    copy = copy_of_the_package(tmp_path)
    fill_in(copy, "runtime", "stores", "stages", "lifecycle", "process", "defaults", "charges", "order", "ledger")
    inject(copy, module, code)

    verdict = lint_imports(copy)

    assert not verdict.content
    assert f"{contract} BROKEN" in verdict.said
    assert named in verdict.said


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("runtime/guest", "import asyncio, logging, time, uuid"),
        ("stores/guest", "import sqlite3"),
        ("adapters/guest", "import urllib.request, orderflow"),
        ("lifecycle/chart", "def compiled():\n    import statemachine"),
        ("codec", "def converter():\n    import cattrs"),
        ("codec/guest", "def converter():\n    import cattrs"),
    ],
)
def test_an_import_in_its_place_is_not_held_against_anyone(tmp_path: Path, module: str, code: str) -> None:
    copy = copy_of_the_package(tmp_path)
    inject(copy, module, code)

    verdict = lint_imports(copy)

    assert f"{PURE} " in verdict.said
    assert f"orderflow.{module.replace('/', '.')} ->" not in verdict.said
