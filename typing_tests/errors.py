"""What type checkers must infer of errors. Checked by ``mypy --strict``, never run."""

from __future__ import annotations

from typing import assert_type

from orderflow.errors import CommandRefused, InvalidInput, Problems, Violation


def an_error_tells_its_violations(invalid: InvalidInput, refused: CommandRefused) -> None:
    assert_type(invalid.violations, tuple[Violation, ...])
    assert_type(refused.codes, tuple[str, ...])
    assert_type(refused.command, str)


def an_attempt_gives_what_the_conversion_gives(problems: Problems, raw: object) -> None:
    def to_length(given: object) -> int:
        return len(str(given))

    assert_type(problems.attempt("length", to_length, raw), int | None)


def a_violation_is_frozen(violation: Violation) -> None:
    violation.code = "other"  # type: ignore[misc]
