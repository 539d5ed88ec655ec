"""``import orderflow`` is cheap: what is heavy or does I/O is loaded by whoever needs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.guards import ROOT, copy_of_the_package, inject, run

UPPER_FLOORS = ("adapters", "runtime", "stores", "testing")


def loaded_after(where: Path, statements: str) -> set[str]:
    """Every module that a fresh interpreter holds after ``statements``."""
    verdict = run(where, "-c", f"{statements}\nimport sys\nprint('loaded:', *sys.modules)")
    assert verdict.content, verdict.said
    return set(verdict.said.rpartition("loaded:")[2].split())


def the_core() -> str:
    """Import statements for every module below the runtime, but the chart and drawing of lifecycles."""
    package = ROOT / "src" / "orderflow"
    names = [
        ".".join(("orderflow", *path.relative_to(package).with_suffix("").parts)).removesuffix(".__init__")
        for path in sorted(package.rglob("*.py"))
        if path.relative_to(package).parts[0] not in UPPER_FLOORS and path.stem not in ("chart", "draw", "__main__")
    ]
    return "\n".join(f"import {name}" for name in names)


@pytest.mark.parametrize(
    "heavy",
    ["statemachine", "cattrs", "xml", "pyexpat", "orderflow.adapters", "orderflow.audit", "orderflow.conformance"],
)
def test_importing_orderflow_leaves_heavy_libraries_alone(heavy: str) -> None:
    assert heavy not in loaded_after(ROOT, "import orderflow")


def test_importing_the_whole_core_loads_nothing_that_does_io() -> None:
    loaded = loaded_after(ROOT, the_core())

    assert loaded & {"asyncio", "http", "random", "socket", "sqlite3", "statemachine", "subprocess", "uuid"} == set()


@pytest.mark.parametrize("heavy", ["statemachine", "cattrs", "sqlite3", "asyncio"])
def test_a_heavy_import_in_the_face_would_be_seen(tmp_path: Path, heavy: str) -> None:
    copy = copy_of_the_package(tmp_path)
    inject(copy, "__init__", f"import {heavy}")

    assert heavy in loaded_after(copy, "import orderflow")
