"""Cartonization: into which boxes goods go, by weight and volume.

A box has an inside and a most weight; a product has a weight and a size per unit, as the host's catalogue has them.
What fits is counted by weight and by volume; how things lie in a box is left to whoever packs it. Goods that are too
big or too heavy for any box travel by themselves, one unit at a time.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from orderflow.consignment import as_dimensions
from orderflow.order import Goods
from orderflow.values.checked import checked, evolved, optional, value
from orderflow.values.numbers import EXACT, ONE, ZERO, as_not_negative, as_positive

__all__ = ["Box", "Measure", "Packable", "first_fit_decreasing", "weight_of"]

Sides = tuple[Decimal, Decimal, Decimal]


@value
class Measure:
    """What one unit of a product weighs, in kg, and its sides, in cm, where these are known."""

    weight_kg: Decimal | None = checked(optional(as_positive), default=None)
    dimensions_cm: Sides | None = checked(optional(as_dimensions), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            weight_kg: Decimal | int | str | None = None,
            dimensions_cm: tuple[Decimal | int | str, Decimal | int | str, Decimal | int | str] | None = None,
        ) -> None: ...

    @property
    def volume(self) -> Decimal | None:
        """In cubic centimetres."""
        return None if self.dimensions_cm is None else _volume(self.dimensions_cm)


@value
class Box:
    """A kind of box: the most that its contents may weigh, its inner sides, and what it weighs itself."""

    max_weight_kg: Decimal | None = checked(optional(as_positive), default=None)
    dimensions_cm: Sides | None = checked(optional(as_dimensions), default=None)
    tare_kg: Decimal = checked(as_not_negative, default=ZERO)

    if TYPE_CHECKING:

        def __init__(
            self,
            max_weight_kg: Decimal | int | str | None = None,
            dimensions_cm: tuple[Decimal | int | str, Decimal | int | str, Decimal | int | str] | None = None,
            tare_kg: Decimal | int | str = 0,
        ) -> None: ...

    @property
    def volume(self) -> Decimal | None:
        """In cubic centimetres."""
        return None if self.dimensions_cm is None else _volume(self.dimensions_cm)


@attrs.frozen
class Packable:
    """Goods of one kind that are to be put into boxes, and what one unit of them measures."""

    goods: Goods
    measure: Measure


def weight_of(packables: Iterable[Packable]) -> Decimal | None:
    """What goods weigh together; ``None`` where that is not known of all of them."""
    total = ZERO
    for one in packables:
        if one.measure.weight_kg is None:
            return None
        total = EXACT.add(total, EXACT.multiply(one.measure.weight_kg, one.goods.quantity))
    return total


def first_fit_decreasing(packables: tuple[Packable, ...], box: Box) -> tuple[tuple[Packable, ...], ...]:
    """The biggest first, each into the first box with room for it; a new box where there is none.

    >>> tea = Packable(Goods("L1", Decimal(5)), Measure("0.4"))
    >>> pot = Packable(Goods("L2", Decimal(1)), Measure("1.5"))
    >>> [[(p.goods.line_id, int(p.goods.quantity)) for p in some] for some in first_fit_decreasing((tea, pot), Box(2))]
    [[('L2', 1), ('L1', 1)], [('L1', 4)]]
    """
    boxes: list[list[Packable]] = []
    for one in sorted(packables, key=_size, reverse=True):
        left: Packable | None = one
        for contents in boxes:
            left = _filled(contents, left, box)
        while left is not None:
            boxes.append([])
            before = left.goods.quantity
            left = _filled(boxes[-1], left, box)
            if left is not None and left.goods.quantity == before:
                alone = min(ONE, before)
                boxes[-1].append(attrs.evolve(left, goods=left.goods.part(alone)))
                left = _rest(left, alone)
    return tuple(tuple(contents) for contents in boxes)


def _size(one: Packable) -> tuple[Decimal, Decimal]:
    return one.measure.volume or ZERO, one.measure.weight_kg or ZERO


def _filled(contents: list[Packable], one: Packable | None, box: Box) -> Packable | None:
    """Put into a box what it has room for, and give back the rest."""
    if one is None or (contents and not _has_room_at_all(contents, box)):
        return one
    fits = _units_that_fit(contents, one, box)
    if not fits:
        return one
    contents.append(attrs.evolve(one, goods=one.goods.part(fits)))
    return _rest(one, fits)


def _has_room_at_all(contents: list[Packable], box: Box) -> bool:
    """Whether what is in a box respects its limits: something too big for any box travels alone."""
    return all(used <= limit for limit, used, _ in _limits(contents, contents[0].measure, box))


def _rest(one: Packable, taken: Decimal) -> Packable | None:
    left = EXACT.subtract(one.goods.quantity, taken)
    if not left:
        return None
    later = evolved(one.goods, quantity=left, measured=None, serials=one.goods.serials[int(taken) :])
    return attrs.evolve(one, goods=later)


def _units_that_fit(contents: list[Packable], one: Packable, box: Box) -> Decimal:
    """Whole units, but for what is left at the end of something that is not counted in whole ones."""
    fits = one.goods.quantity
    for limit, used, each in _limits(contents, one.measure, box):
        room = EXACT.subtract(limit, used)
        if EXACT.multiply(each, fits) > room:
            fits = Decimal(max(0, int(EXACT.divide_int(room, each)))) if room > 0 else ZERO
    return fits


def _limits(contents: Iterable[Packable], measure: Measure, box: Box) -> Iterable[tuple[Decimal, Decimal, Decimal]]:
    """For weight and for volume: the limit, what of it is used, and what one unit more needs."""
    contents = tuple(contents)
    if box.max_weight_kg is not None and measure.weight_kg is not None:
        used = sum_of(EXACT.multiply(c.measure.weight_kg or ZERO, c.goods.quantity) for c in contents)
        yield box.max_weight_kg, used, measure.weight_kg
    if box.volume is not None and measure.volume is not None:
        used = sum_of(EXACT.multiply(c.measure.volume or ZERO, c.goods.quantity) for c in contents)
        yield box.volume, used, measure.volume


def sum_of(numbers: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    total = ZERO
    for number in numbers:
        total = EXACT.add(total, number)
    return total


def _volume(sides: Sides) -> Decimal:
    return EXACT.multiply(EXACT.multiply(sides[0], sides[1]), sides[2])
