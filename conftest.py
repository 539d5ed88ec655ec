"""What every test stands on: the hypothesis profiles, and the examples of README, docs and docstrings run as tests.

In Markdown a fence ```` ```python ```` is a test; one that begins with ``>>>`` is checked like a doctest. The fences of
one page share their names and run, from top to bottom, in an empty folder of their own. ``<!--- skip: next -->`` above
a fence leaves it out. In ``src`` every ``>>>`` of a docstring is a test.
"""

from __future__ import annotations

import doctest
import gc
import os
import tempfile
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sybil import Sybil
from sybil.document import PythonDocStringDocument
from sybil.integration.pytest import SybilItem
from sybil.parsers.doctest import DocTestParser
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser
from sybil.sybil import SybilCollection
from xdist.scheduler import LoadScopeScheduling

pytest.register_assert_rewrite("orderflow.testing")

# Thousands of values that never change, and hardly a circle among them: looking for circles less often is a tenth less.
gc.set_threshold(50_000, 20, 50)

settings.register_profile("dev", deadline=None)
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    max_examples=60,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))

# Sybil takes for granted that an exception came out of the example. A warning that becomes an error when the garbage is
# collected (a file left open) did not, and would stop the whole run with an internal error in place of one failure.
cut_to_the_example = SybilItem._traceback_filter


def cut_where_possible(item: SybilItem, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:
    try:
        return cut_to_the_example(item, excinfo)
    except IndexError:
        return excinfo.traceback


SybilItem._traceback_filter = cut_where_possible  # type: ignore[method-assign]

#: Tests that take long each: any process takes one of them, and they begin first, so that none is left for the end.
LONG = ("tests/proof/", "tests/laws/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    rank = {folder: number for number, folder in enumerate(LONG)}
    items.sort(key=lambda item: next((rank[folder] for folder in LONG if item.nodeid.startswith(folder)), len(LONG)))


class InPlaces(LoadScopeScheduling):  # type: ignore[misc]
    """Over several processes: a page or a module stays in one piece, as the examples of a page need; not long tests."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(LONG) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> InPlaces | None:
    """What ``--dist loadfile`` means here; anything else means what it says."""
    return InPlaces(config, log) if config.getoption("dist") == "loadfile" else None


LENIENT = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def enter_an_empty_folder(namespace: dict[str, Any]) -> None:
    namespace["_came_from"] = os.getcwd()
    namespace["_folder"] = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    os.chdir(namespace["_folder"].name)


def leave_it(namespace: dict[str, Any]) -> None:
    os.chdir(namespace["_came_from"])
    namespace["_folder"].cleanup()


pages = Sybil(
    name="pages",
    parsers=[PythonCodeBlockParser(doctest_optionflags=LENIENT), SkipParser()],
    patterns=["README.md", "docs/**/*.md", "docs/*.md"],
    setup=enter_an_empty_folder,
    teardown=leave_it,
)
docstrings = Sybil(
    name="docstrings",
    path="src",
    parsers=[DocTestParser(LENIENT)],
    patterns=["*.py"],
    document_types={".py": PythonDocStringDocument},
)
pytest_collect_file = SybilCollection([pages, docstrings]).pytest()
