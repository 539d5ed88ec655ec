"""The pages are one book: every page can be found, links lead somewhere, and the names in the text are names."""

from __future__ import annotations

import builtins
import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest

import orderflow
from orderflow.charges import Tranche
from orderflow.order import Claim, Order
from orderflow.policy import Policy
from orderflow.process import STAGES
from orderflow.stages.communication import KINDS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
INDEX = DOCS / "index.md"
PAGES = (ROOT / "README.md", ROOT / "benchmarks" / "README.md", *sorted(DOCS.rglob("*.md")))

#: Pages that people wrote; the others are made from the source, which cannot but know its names.
WRITTEN = tuple(page for page in PAGES if "This page is generated" not in page.read_text("utf-8")[:200])
CODES = (DOCS / "reference" / "errors.md").read_text("utf-8")


def prose(text: str) -> str:
    """A page without its fences and what the source wrote on it."""
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def links(text: str) -> Iterator[tuple[str, str]]:
    """The targets of links within the project: page, and anchor."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(text)):
        if "://" not in target:
            page, _, anchor = target.partition("#")
            yield page, anchor


def anchors(text: str) -> set[str]:
    """The anchors of a page: its headings, as they are made into addresses."""
    headings = re.findall(r"^#+ (.+)$", prose(text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


# -- every page can be found ------------------------------------------------------------------------------------------


def test_the_index_names_every_page_once() -> None:
    named = [(DOCS / page).resolve() for page, anchor in links(INDEX.read_text("utf-8")) if not anchor]
    pages = [page for page in sorted(DOCS.rglob("*.md")) if page != INDEX]

    assert sorted(page for page in named if page.is_relative_to(DOCS)) == pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_a_page_and_to_a_heading_on_it(page: Path) -> None:
    lost = []
    for target, anchor in links(page.read_text("utf-8")):
        there = (page.parent / target) if target else page
        if not there.exists() or (anchor and anchor not in anchors(there.read_text("utf-8"))):
            lost.append(f"{target}#{anchor}")

    assert lost == []


def test_a_heading_that_is_not_there_would_be_missed() -> None:
    assert "steps-that-wait-for-a-command" in anchors("## Steps that wait for a command\n")
    assert list(links("see [it](a.md#not-there), `x`, [out](https://example.org)")) == [("a.md", "not-there")]


@pytest.mark.parametrize("page", sorted((DOCS / "howto").glob("*.md")), ids=lambda page: page.stem)
def test_a_how_to_page_says_first_when_it_is_needed(page: Path) -> None:
    """Words come before the first example, and before the second heading."""
    _, _, after_title = page.read_text("utf-8").partition("\n\n")

    assert after_title[0] not in "#`|"


# -- the names in the text are names ----------------------------------------------------------------------------------


@cache
def names() -> dict[str, Any]:
    """Whatever has a name in the package, private names left out."""
    found: dict[str, Any] = {}
    for module in pkgutil.walk_packages(orderflow.__path__, "orderflow."):
        for name, held in vars(importlib.import_module(module.name)).items():
            if not name.startswith("_"):
                found.setdefault(name, held)
    return found


@cache
def fields() -> dict[str, Any]:
    """What stands before the dot in the text, and what is meant."""
    return {
        "order": Order,
        "Order": Order,
        "flow": orderflow.OrderFlow,
        "claim": Claim,
        "tranche": Tranche,
        **{name: held for name, held in names().items() if isinstance(held, type)},
    }


def has(owner: Any, name: str) -> bool:
    """Whether a class has an attribute, a field, or a method of this name."""
    if attrs.has(owner) and name in {field.name for field in attrs.fields(owner)}:
        return True
    return hasattr(owner, name) or name in getattr(owner, "__annotations__", {})


def strangers(text: str) -> list[str]:
    """What the text writes as code and nobody knows: names, and what a dot says about one that is known."""
    own = set(re.findall(r"\b[A-Z]\w+", "".join(re.findall(r"^```.*?^```", text, flags=re.MULTILINE | re.DOTALL))))
    unknown = []
    for code in re.findall(r"`([^`\n]+)`", prose(text)):
        for name in re.findall(r"(?<![\w.\"'/-])[A-Z][a-z]+(?:[A-Z][a-z]+)+\b", code):
            if name not in own and name not in names() and not hasattr(builtins, name):
                unknown.append(name)
        match = re.match(r"(\w+)\.([a-z]\w*)", code)
        is_about_us = match and match[1] in fields() and f"`{match[0]}`" not in CODES
        if match and is_about_us and not has(fields()[match[1]], match[2]):
            unknown.append(match[0])
    return unknown


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_writes_as_code_is_there(page: Path) -> None:
    assert strangers(page.read_text("utf-8")) == []


def test_a_name_that_is_not_there_would_be_seen() -> None:
    assert strangers("`PickShort` and `RecordPick`, `Policy.shortages`, `order.state`") == [
        "PickShort",
        "Policy.shortages",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_file_that_a_page_names_is_there(page: Path) -> None:
    written = re.findall(r"`((?:orderflow|tests|examples|docs|benchmarks)/[\w/.-]*)`", prose(page.read_text("utf-8")))
    homes = (ROOT, ROOT / "src")

    assert [path for path in written if not any((home / path).exists() for home in homes)] == []


# -- nothing is left out ----------------------------------------------------------------------------------------------


def test_every_field_of_a_policy_has_its_row() -> None:
    page = (DOCS / "howto" / "change-the-policy.md").read_text("utf-8")
    rows = "".join(row.split("|")[1] for row in page.splitlines() if row.startswith("| `"))

    assert [field.name for field in attrs.fields(Policy) if f"`{field.name}`" not in rows] == []


def test_every_kind_of_message_has_its_row() -> None:
    page = (DOCS / "howto" / "tell-the-customer.md").read_text("utf-8")
    rows = "".join(row.split("|")[1] for row in page.splitlines() if row.startswith("| `"))

    assert [kind for kind in KINDS if f"`{kind}`" not in rows] == []


def test_every_stage_and_every_command_stands_where_the_way_of_an_order_is_told() -> None:
    page = (DOCS / "explanation" / "process.md").read_text("utf-8")
    commands = [command.__name__ for stage in STAGES for command in stage.commands]

    assert [name for name in commands if f"`{name}`" not in page] == []
    assert [stage.name for stage in STAGES if f"`{stage.name}`" not in page] == []
