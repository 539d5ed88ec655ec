"""Every code that the adapter tells is explained where its use is told."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "howto" / "exchange-ubl.md").read_text("utf-8")


def test_every_code_is_explained_and_nothing_else_is() -> None:
    sources = (ROOT / "src" / "orderflow" / "adapters" / "ubl").glob("*.py")
    told = {code for path in sources for code in re.findall(r'"(ubl\.[a-z_]+)"', path.read_text("utf-8"))}
    rows = "".join(row.split("|")[1] for row in PAGE.splitlines() if row.startswith("| `ubl."))

    assert len(told) > 40
    assert set(re.findall(r"`(ubl\.[a-z_]+)`", rows)) == told
