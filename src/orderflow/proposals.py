"""Proposals for parcels: how what is picked could be put into boxes.

A proposal is nothing but the commands that would pack it so, in an order in which they are accepted as they are. The
strategy is `Policy.pack`; what products weigh and measure the host's catalogue knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from orderflow.cartons import Box, Measure, Packable, weight_of
from orderflow.order import Goods, Order
from orderflow.policy import Policy
from orderflow.stages.packing import PackParcel, on_the_table, way_of
from orderflow.values.numbers import EXACT

__all__ = ["propose_parcels"]

_UNKNOWN = Measure()


def _unknown(sku: str) -> Measure:
    return _UNKNOWN


def propose_parcels(
    order: Order,
    fulfillment_id: str,
    policy: Policy,
    box: Box,
    measure_of: Callable[[str], Measure] = _unknown,
) -> tuple[PackParcel, ...]:
    """The parcels into which everything that is picked could go, as commands.

    Goods that go different ways are never put together. A parcel's weight is proposed where that of every unit is
    known; its sides are those of the box.

    Raises:
        KeyError: the order has no such fulfillment.
    """
    found: list[PackParcel] = []
    for goods in _by_way(order, on_the_table(order, fulfillment_id)):
        packables = tuple(Packable(some, measure_of(order.lines[some.line_id].sku)) for some in goods)
        for contents in policy.pack(packables, box):
            weight = weight_of(contents)
            found.append(
                PackParcel(
                    order.id,
                    fulfillment_id,
                    [one.goods for one in contents],
                    None if weight is None else EXACT.add(weight, box.tare_kg),
                    box.dimensions_cm,
                )
            )
    return tuple(found)


def _by_way(order: Order, goods: Iterable[Goods]) -> Iterable[list[Goods]]:
    ways: dict[Any, list[Goods]] = {}
    for some in goods:
        ways.setdefault(way_of(order, some.line_id), []).append(some)
    return ways.values()
