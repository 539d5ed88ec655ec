"""The reference says what the source says today, and says it of every code."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("stages.md", "commands.md", "errors.md", "cases.md", "tracking.md", "policy.md", "changes.md", "api.md")


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["docs_generate"] = module
    spec.loader.exec_module(module)
    return module


generate = loaded()


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_not_stale(name: str) -> None:
    kept = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")

    assert kept == generate.PAGES[name](), "stale: uv run docs/generate.py"


def test_every_page_that_is_made_is_looked_at() -> None:
    assert tuple(generate.PAGES) == PAGES


def test_every_code_that_the_rules_of_a_stage_write_down_is_on_the_page_of_errors() -> None:
    page = generate.errors()
    written = {
        code
        for path in generate.modules()
        for code in re.findall(r'(?:Violation|because|problems\.add)\(\s*"([a-z_]+\.[a-z_]+)"', path.read_text("utf-8"))
    }

    assert len(written) > 100
    assert {code for code in written if f"`{code}`" not in page} == set()


def test_a_code_that_only_a_run_would_know_is_asked_about() -> None:
    with pytest.raises(SystemExit, match="nobody says which codes"):
        generate.codes_in("shipping.{unheard_of}", "a_new_rule")


def test_a_rule_that_was_made_for_a_step_tells_that_step_in_its_code() -> None:
    from orderflow.stages.stage import order_may

    assert generate.rule_codes(order_may("verify")) == ("order.cannot_verify",)
    assert generate.rule_name(order_may("verify")) == 'order_may("verify")'


def test_what_the_pages_import_is_public() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    imported = {
        name
        for page in pages
        for name in re.findall(r"^(?:from|import) (orderflow[\w.]*)", page.read_text("utf-8"), re.M)
    }

    assert {"orderflow", "orderflow.ports"} <= imported
    assert imported - set(generate.PUBLIC) == set()
