"""README shows the quickstart as it is, and what it prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
QUICKSTART = ROOT / "examples" / "quickstart.py"


def test_readme_has_the_quickstart_word_for_word() -> None:
    assert f"```python\n{QUICKSTART.read_text(encoding='utf-8')}```" in README


def test_readme_shows_what_the_quickstart_prints() -> None:
    printed = subprocess.run(
        [sys.executable, "-X", "utf8", str(QUICKSTART)], capture_output=True, encoding="utf-8", check=True
    ).stdout

    assert f"```text\n{printed}```" in README


def test_every_page_that_readme_and_the_index_point_to_is_there() -> None:
    missing = []
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for target in _links(page.read_text(encoding="utf-8")):
            if not (page.parent / target).exists():
                missing.append(f"{page.relative_to(ROOT)}: {target}")

    assert missing == []


def _links(text: str) -> list[str]:
    """The targets of links within the project, without their anchors."""
    targets = [part.partition(")")[0].partition("#")[0] for part in text.split("](")[1:]]
    return [target for target in targets if target and "://" not in target]


def test_a_link_to_nowhere_would_be_seen() -> None:
    assert _links("see [this](docs/nowhere.md#there) and [that](https://example.org)") == ["docs/nowhere.md"]
