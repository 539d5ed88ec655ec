"""A dictionary that stays as it is.

The state of an order is frozen all the way down, so its maps are too. A `FrozenMap` is a real `dict` to whoever reads
it, with the speed of one; what would change it raises `TypeError`, and `set`, `without` and `merged` give a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, Self, TypeVar

__all__ = ["FrozenMap"]

K = TypeVar("K")
V = TypeVar("V")


class FrozenMap(dict[K, V]):
    """A map that nobody can change; hashable if its values are.

    >>> before = FrozenMap({"a": 1})
    >>> before.set("b", 2), before
    (FrozenMap({'a': 1, 'b': 2}), FrozenMap({'a': 1}))
    """

    __slots__ = ()

    def set(self, key: K, value: V) -> FrozenMap[K, V]:
        """The map with ``value`` under ``key``."""
        made = FrozenMap(self)
        dict.__setitem__(made, key, value)
        return made

    def without(self, key: K) -> FrozenMap[K, V]:
        """The map without ``key``; the same map if it is not there."""
        if key not in self:
            return self
        made = FrozenMap(self)
        dict.__delitem__(made, key)
        return made

    def merged(self, other: Mapping[K, V]) -> FrozenMap[K, V]:
        """The map with everything of ``other`` put over it."""
        if not other:
            return self
        made = FrozenMap(self)
        dict.update(made, other)
        return made

    def copy(self) -> Self:
        """Itself: what cannot change needs no copy."""
        return self

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __or__(self, other: Any) -> Any:
        return self.merged(other) if isinstance(other, Mapping) else NotImplemented

    def __ror__(self, other: Any) -> Any:
        return FrozenMap(other).merged(self) if isinstance(other, Mapping) else NotImplemented

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return (FrozenMap, (dict(self),))

    def __repr__(self) -> str:
        return f"FrozenMap({dict.__repr__(self)})"

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("a FrozenMap cannot be changed; set(), without() and merged() give a new one")

    __setitem__ = _refuse
    __delitem__ = _refuse
    __ior__ = _refuse
    clear = _refuse
    pop = _refuse
    popitem = _refuse
    setdefault = _refuse
    update = _refuse
