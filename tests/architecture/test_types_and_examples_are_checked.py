"""The settings of mypy and of the documentation's examples bite too."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.architecture.guards import ROOT, copy_of_the_package, run


def test_the_package_tells_type_checkers_that_it_is_typed() -> None:
    assert (ROOT / "src" / "orderflow" / "py.typed").is_file()


def test_a_wrong_type_and_a_missing_one_are_found(tmp_path: Path) -> None:
    copy = copy_of_the_package(tmp_path)
    (copy / "host.py").write_text(
        "from typing import assert_type\n"
        "from orderflow.errors import InvalidInput\n"
        "def untyped(order): return order\n"
        "assert_type(InvalidInput([]).codes, list[str])\n"
        "codes = ''.join(1)  # type: ignore\n"
    )

    verdict = run(copy, "-m", "mypy", "--cache-dir=mypy_cache", "--follow-imports=silent", "host.py")

    assert "host.py:3: error: Function is missing a type annotation  [no-untyped-def]" in verdict.said
    assert "host.py:4: error: Expression is of type" in verdict.said
    assert "host.py:5: error:" in verdict.said
    assert "[ignore-without-code]" in verdict.said


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("README.md", "```python\nassert 2 + 2 == 5\n```\n"),
        ("README.md", "```python\n>>> 2 + 2\n5\n```\n"),
        ("docs/how-to/add.md", "```python\nsum_of = 2\n```\n\n```python\nassert sum_of == 5\n```\n"),
        ("src/shop/add.py", '"""Adds.\n\n>>> 2 + 2\n5\n"""\n'),
    ],
)
def test_an_example_that_lies_is_found(tmp_path: Path, file: str, text: str) -> None:
    for name in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / name, tmp_path)
    for needed in ("tests", "docs", "src"):
        (tmp_path / needed).mkdir()
    (tmp_path / "README.md").touch()
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text)

    verdict = run(tmp_path, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider")

    assert not verdict.content
    assert f"FAILED {file}::sybil" in verdict.said
    assert "1 failed" in verdict.said
