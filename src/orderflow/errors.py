"""What can go wrong, and how it is said.

There are two kinds of trouble. A *violation* is a broken rule, told to whoever asked: it has a stable dotted code for
programs, the path of the field for forms, a sentence for people and, where there is one, a remedy. Violations come in
groups, because someone who has three mistakes to mend wants to hear of all three. An *error* is an exception with
attributes; those that carry violations are raised only after everything that could be checked was checked, and raising
one means that nothing has happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

import attrs

__all__ = [
    "CommandIdReused",
    "CommandRefused",
    "DuplicateOrder",
    "ErasureFailed",
    "InvalidInput",
    "LedgerImbalance",
    "LifecycleError",
    "NewerVersion",
    "OrderflowError",
    "PortRefused",
    "PortUnavailable",
    "Problems",
    "UnknownOrder",
    "UnknownType",
    "VersionConflict",
    "Violation",
]

T = TypeVar("T")
Severity = Literal["error", "hold", "warning"]
_SEVERITIES = ("error", "hold", "warning")


@attrs.frozen
class Violation:
    """A broken rule, as it is told to whoever asked.

    ``code`` is stable and dotted (``shipping.nothing_packed``); ``path`` names the field of the input
    (``lines[0].quantity``) or the part of the order (``F1``); ``remedy`` says what would help. ``severity`` is
    ``error`` (refuses), ``hold`` (places a hold for review) or ``warning`` (is recorded).
    """

    code: str
    message: str
    path: str = ""
    severity: Severity = "error"
    remedy: str = ""

    def __attrs_post_init__(self) -> None:
        if self.severity not in _SEVERITIES:
            raise ValueError(f"a severity is {', '.join(_SEVERITIES)}, not {self.severity!r}")

    def under(self, prefix: str) -> Violation:
        """The same violation, seen from one level further out."""
        if not self.path:
            joined = prefix
        elif self.path.startswith("["):
            joined = prefix + self.path
        else:
            joined = f"{prefix}.{self.path}"
        return attrs.evolve(self, path=joined)

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{where}{self.message} ({self.code}){remedy}"


class OrderflowError(Exception):
    """The base of every error that orderflow raises on purpose."""


class _WithViolations(OrderflowError):
    """An error that tells every reason at once."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations: tuple[Violation, ...] = tuple(violations)
        super().__init__(self.violations)

    @property
    def codes(self) -> tuple[str, ...]:
        """The stable codes, in the order in which the rules are stated."""
        return tuple(violation.code for violation in self.violations)

    def __str__(self) -> str:
        if len(self.violations) == 1:
            return str(self.violations[0])
        listed = "\n".join(f"  - {violation}" for violation in self.violations)
        return f"{len(self.violations)} problems:\n{listed}"


class InvalidInput(_WithViolations, ValueError):
    """A value cannot be what it says it is: wrong type, missing part, impossible number."""

    @classmethod
    def because(cls, code: str, message: str, path: str = "") -> InvalidInput:
        """An invalid input with a single reason."""
        return cls([Violation(code, message, path)])


class LifecycleError(_WithViolations, ValueError):
    """A lifecycle as it is written down cannot work; every reason is listed."""


class CommandRefused(_WithViolations):
    """A command may not happen now. Nothing has happened; every reason is listed."""

    def __init__(self, command: str, violations: Iterable[Violation]) -> None:
        super().__init__(violations)
        self.command = command

    def __str__(self) -> str:
        return f"{self.command} refused: {super().__str__()}"


class VersionConflict(OrderflowError):
    """The order has moved on since the caller looked at it (optimistic lock)."""

    code = "order.version_conflict"

    def __init__(self, order_id: str, expected: int, actual: int) -> None:
        self.order_id, self.expected, self.actual = order_id, expected, actual
        super().__init__(f"order {order_id} is at version {actual}, not {expected} ({self.code})")


class UnknownOrder(OrderflowError, LookupError):
    """No order has this id in this tenant."""

    code = "order.unknown"

    def __init__(self, order_id: str) -> None:
        self.order_id = order_id
        super().__init__(f"no order {order_id!r} ({self.code})")


class DuplicateOrder(OrderflowError):
    """The tenant and channel already have an order with this reference."""

    code = "order.duplicate_reference"

    def __init__(self, reference: str, channel: str) -> None:
        self.reference, self.channel = reference, channel
        super().__init__(f"channel {channel!r} already has an order {reference!r} ({self.code})")


class CommandIdReused(OrderflowError):
    """A command id came back with another body: the caller's idempotency key is not a key."""

    code = "command.id_reused"

    def __init__(self, command_id: str) -> None:
        self.command_id = command_id
        super().__init__(f"command id {command_id!r} was used before with another body ({self.code})")


class UnknownType(OrderflowError):
    """A document names an event, command or state that this program does not know."""

    code = "codec.unknown_type"

    def __init__(self, tag: str, what: str = "event") -> None:
        self.tag = tag
        super().__init__(f"unknown {what} {tag!r} ({self.code})")


class NewerVersion(OrderflowError):
    """A document was written by a newer program; this one leaves the order alone."""

    code = "codec.newer_version"

    def __init__(self, tag: str, version: int, known: int) -> None:
        self.tag, self.version, self.known = tag, version, known
        super().__init__(f"{tag!r} has version {version}, this program knows up to {known} ({self.code})")


class PortUnavailable(OrderflowError):
    """The system behind a port did not answer; asking again may help."""

    code = "port.unavailable"

    def __init__(self, message: str = "no answer") -> None:
        super().__init__(message)


class PortRefused(OrderflowError):
    """The system behind a port gave a business answer: no. Asking again will not help."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code, self.message = code, message or code
        super().__init__(f"{self.message} ({code})")


class ErasureFailed(OrderflowError):
    """Without what is personal, the events of an order would make another order: nothing was erased."""

    code = "erasure.other_order"

    def __init__(self, order_id: str) -> None:
        self.order_id = order_id
        super().__init__(
            f"the events of {order_id} mean something else without what is personal in them ({self.code}): "
            "an event of the host's depends on a field that it marks as personal"
        )


class LedgerImbalance(OrderflowError, AssertionError):
    """A move would take more than an account holds: a bug of the rules above the ledger, never bad input."""


class Problems:
    """Gathers every violation of one input before any is raised.

    >>> problems = Problems()
    >>> with problems.at("lines[0]"):
    ...     raise InvalidInput.because("quantity.not_positive", "must be more than zero", "quantity")
    >>> [violation.path for violation in problems]
    ['lines[0].quantity']
    """

    def __init__(self) -> None:
        self._found: list[Violation] = []

    def __iter__(self) -> Iterator[Violation]:
        return iter(self._found)

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, code: str, message: str, path: str = "") -> None:
        """Note one violation."""
        self._found.append(Violation(code, message, path))

    @contextmanager
    def at(self, path: str) -> Iterator[None]:
        """Note what the block finds invalid under ``path``, and go on."""
        try:
            yield
        except InvalidInput as invalid:
            self._found.extend(violation.under(path) for violation in invalid.violations)

    def attempt(self, path: str, convert: Callable[[Any], T], raw: Any) -> T | None:
        """``convert(raw)``, or ``None`` with the violations noted under ``path``."""
        with self.at(path):
            return convert(raw)
        return None

    def raise_any(self) -> None:
        """Raise everything that was found, if anything was."""
        if self._found:
            raise InvalidInput(self._found)
