"""What lies in the repository is the project's own: no traces of a machine, no lock file, no registry address."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture.guards import ROOT

# Put together from parts, so that this page does not find itself.
FOLDERS = "|".join(("ro" + "ot", "wo" + "rk", "tm" + "p", "ho" + "me", "Us" + "ers"))
MACHINE_PATH = re.compile(rf"(?<![\w.~}}])/(?:{FOLDERS})/[\w.]")
REGISTRY = re.compile(
    "|".join(("py" + r"pi\.org", "python" + r"hosted\.org", "registry" + r"\.npmjs", "deb" + r"ian\.org"))
)
LOCKS = {"uv" + ".lock", "poetry" + ".lock", "Pipfile" + ".lock", "pdm" + ".lock"}


def traces_in(text: str) -> list[str]:
    """The machine paths and registry addresses that a text names."""
    return [found.group() for pattern in (MACHINE_PATH, REGISTRY) for found in pattern.finditer(text)]


def committed_files() -> list[Path]:
    """What git holds or would take: everything that is not ignored."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nothing is committed")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_a_machine_path_or_a_registry() -> None:
    traces = {
        str(path.relative_to(ROOT)): found
        for path in committed_files()
        if (found := traces_in(path.read_text(encoding="utf-8", errors="ignore")))
    }

    assert traces == {}


def test_no_lock_file_is_committed() -> None:
    assert [path for path in committed_files() if path.name in LOCKS] == []


@pytest.mark.parametrize(
    "text",
    [
        "see /" + "work/main/README.md",
        'open("/' + 'tmp/orders.db")',
        "PATH=/" + "root/bin",
        "https://py" + "pi.org/project/x",
        "https://files.python" + "hosted.org/x.whl",
    ],
)
def test_a_trace_would_be_seen(text: str) -> None:
    assert traces_in(text)


@pytest.mark.parametrize(
    "text", ["orders/" + "work/list", "~/" + "tmp/x", "the /" + "work", "a/" + "home/b", "1/2 and 3/4"]
)
def test_a_path_of_the_project_is_no_trace(text: str) -> None:
    assert traces_in(text) == []
