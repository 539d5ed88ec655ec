"""Sources: which locations are asked to hold what is needed.

What a location does not have is sought at the others. The inventory says what is where; a `Sourcing` says who may serve
an order at all (*filter*), who comes first (*rank*), and how what is needed is divided among them (*allocate*). It is a
plan and no more: each location is then asked to hold its share, and what it does not hold is sought again. How the work
is split into fulfillments afterwards is another question (`Policy.plan`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Literal

import attrs

from orderflow.order import Order
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.numbers import EXACT, ZERO, add, sub, total

__all__ = ["Need", "Share", "Source", "Sourcing", "fewest_locations", "fullest_first", "take_in_order"]


@attrs.frozen
class Need:
    """Units of a line for which a location is sought."""

    line_id: str
    sku: str
    quantity: Decimal


@attrs.frozen
class Source:
    """A location that has something of what is needed: what is available there, by line.

    Where two lines are of one product, both are told all of it; it is given once.
    """

    location: str
    available: FrozenMap[str, Decimal]


@attrs.frozen
class Share:
    """Units of a line that a location is to hold for us."""

    line_id: str
    location: str
    quantity: Decimal


def fullest_first(order: Order, source: Source) -> Decimal:
    """Locations that have most come first."""
    return EXACT.minus(total(source.available.values()))


def take_in_order(order: Order, needs: tuple[Need, ...], sources: tuple[Source, ...]) -> Iterable[Share]:
    """The best location gives what it has, the next one the rest, and so on."""
    left = {need.line_id: need.quantity for need in needs}
    for source in sources:
        given: dict[str, Decimal] = {}
        for need in needs:
            there = sub(source.available.get(need.line_id, ZERO), given.get(need.sku, ZERO))
            taken = min(left[need.line_id], there)
            if taken > 0:
                yield Share(need.line_id, source.location, taken)
                left[need.line_id] = sub(left[need.line_id], taken)
                given[need.sku] = add(given.get(need.sku, ZERO), taken)


def fewest_locations(order: Order, needs: tuple[Need, ...], sources: tuple[Source, ...]) -> Iterable[Share]:
    """As few parcels as can be: whoever covers most of what is still needed comes next; the better one among equals."""
    left, rest = {need.line_id: need.quantity for need in needs}, list(sources)
    while rest and any(left.values()):
        best = max(rest, key=lambda source: _covered(source, needs, left))
        rest.remove(best)
        still = tuple(Need(need.line_id, need.sku, left[need.line_id]) for need in needs if left[need.line_id])
        for share in take_in_order(order, still, (best,)):
            left[share.line_id] = sub(left[share.line_id], share.quantity)
            yield share


def _covered(source: Source, needs: tuple[Need, ...], left: dict[str, Decimal]) -> Decimal:
    """How many of the units that are still needed a location has."""
    return total(min(left[need.line_id], source.available.get(need.line_id, ZERO)) for need in needs)


def _filters(raw: Iterable[Callable[[Order, Source], bool]]) -> tuple[Callable[[Order, Source], bool], ...]:
    return tuple(raw)


@attrs.frozen
class Sourcing:
    """How locations are chosen for what is needed: filter, rank, allocate; `Policy.plan` then splits the work.

    Attributes:
        allocate: how what is needed is divided among the sources, best first.
        rank: a key by which sources are sorted, smallest first; sources of equal rank stay in the inventory's order.
        filters: which sources may serve an order at all.
        ask: ``first``: levels are asked before anything is claimed; ``when_short``: the inventory chooses a location,
            and levels are asked for what it does not have there; ``never``: what it does not have there is short.
        rounds: how often the levels are asked for one line, as claims come back short.
    """

    allocate: Callable[[Order, tuple[Need, ...], tuple[Source, ...]], Iterable[Share]] = fewest_locations
    rank: Callable[[Order, Source], Any] = fullest_first
    filters: tuple[Callable[[Order, Source], bool], ...] = attrs.field(default=(), converter=_filters)
    ask: Literal["first", "when_short", "never"] = attrs.field(
        default="when_short", validator=attrs.validators.in_(("first", "when_short", "never"))
    )
    rounds: int = 5
