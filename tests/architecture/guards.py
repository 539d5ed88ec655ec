"""How the guards are run: over the real package, and over a copy into which a violation was put."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import attrs

__all__ = ["ROOT", "Verdict", "copy_of_the_package", "fill_in", "inject", "lint_imports", "ruff", "run"]

ROOT = Path(__file__).resolve().parents[2]


@attrs.frozen
class Verdict:
    """What a guard said, and whether it was content."""

    content: bool
    said: str


def run(where: Path, *arguments: str) -> Verdict:
    """Run this interpreter in ``where``, with the package that lies under ``where/src``."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=where,
        env={"PYTHONPATH": str(where / "src"), "PYTHONDONTWRITEBYTECODE": "1", "PATH": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return Verdict(done.returncode == 0, done.stdout + done.stderr)


def lint_imports(where: Path) -> Verdict:
    """The layers and the forbidden imports, as pyproject.toml states them."""
    return run(where, "-c", "from importlinter.cli import lint_imports_command as main; main()", "--no-cache")


def ruff(where: Path, rules: str) -> Verdict:
    """Ruff with the project's settings, but only these rules."""
    return run(where, "-m", "ruff", "check", "--no-cache", "--output-format=concise", "--select", rules, "src")


def copy_of_the_package(where: Path) -> Path:
    """Copy the package and its settings to ``where``."""
    shutil.copy(ROOT / "pyproject.toml", where)
    shutil.copytree(ROOT / "src" / "orderflow", where / "src" / "orderflow", ignore=shutil.ignore_patterns("*.pyc"))
    return where


def file_of(package: Path, module: str) -> Path:
    """Where a module or package (``stages/packing``) is written."""
    path = package / module
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def inject(where: Path, module: str, code: str) -> None:
    """Write ``code`` at the end of ``module`` (``stages/packing``), which is made where it does not exist yet."""
    package = where / "src" / "orderflow"
    path = file_of(package, module)
    path.parent.mkdir(exist_ok=True)
    if path.parent != package:
        (path.parent / "__init__.py").touch()
    path.write_text((path.read_text() if path.exists() else "") + f"\n\n{code}\n")


def fill_in(where: Path, *modules: str) -> None:
    """Make an empty module for each of ``modules`` that is not written yet."""
    for module in modules:
        if not file_of(where / "src" / "orderflow", module).exists():
            inject(where, module, "")
