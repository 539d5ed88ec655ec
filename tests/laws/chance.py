"""Chance that shrinks well: bytes drawn by hypothesis, and a way to choose by them.

A life is written as a list of short scripts, one a move. Hypothesis makes lists shorter and bytes smaller; so what is
to be small and plain stands first among the options.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

import attrs
from hypothesis import strategies as st

__all__ = ["SETTING", "Chance", "Script", "numbered", "scripts"]

T = TypeVar("T")

#: How many bytes describe the host and the order, and how many each move.
SETTING, MOVE = 32, 10


class Chance:
    """Choices by bytes; when they are used up, the first option is taken."""

    def __init__(self, drawn: bytes) -> None:
        self._drawn = iter(drawn)

    def below(self, most: int) -> int:
        """A number from zero to one less than ``most``."""
        return next(self._drawn, 0) % most

    def one(self, options: Sequence[T]) -> T:
        """One of some options."""
        return options[self.below(len(options))]

    def once_in(self, times: int) -> bool:
        """Rarely; never when bytes are zero."""
        return self.below(times) == times - 1

    def weighed(self, table: Sequence[tuple[int, T]]) -> T:
        """One of some options, each as often as its weight says."""
        at = self.below(sum(weight for weight, _ in table))
        for weight, option in table:
            at -= weight
            if at < 0:
                return option
        raise AssertionError("the weights do not add up")

    def quantity(self) -> Decimal:
        """Some units, whole or not."""
        return Decimal(self.one(("1", "2", "3", "10", "0.5", "4.25", "7", "1.333", "0.001")))


@attrs.frozen
class Script:
    """A whole life in bytes: the setting, then the moves."""

    setting: bytes
    moves: tuple[bytes, ...]


def scripts(least: int = 12, most: int = 60) -> st.SearchStrategy[Script]:
    """Lives of so many moves."""
    moves = st.lists(st.binary(min_size=MOVE, max_size=MOVE), min_size=least, max_size=most).map(tuple)
    return st.builds(Script, st.binary(min_size=SETTING, max_size=SETTING), moves)


def numbered(number: int, moves: int = 45) -> Script:
    """The same life for the same number: for cases in which a law must be seen to fail."""
    drawn = hashlib.shake_256(str(number).encode()).digest(SETTING + moves * MOVE)
    cut = (drawn[at : at + MOVE] for at in range(SETTING, len(drawn), MOVE))
    return Script(drawn[:SETTING], tuple(cut))
