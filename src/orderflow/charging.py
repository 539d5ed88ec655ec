"""Charging: what it means for the price of an order that units are priced, moved, closed short or given back.

Of each line an order keeps the tranches at which units were priced, how many of each were given back, how many came
beyond the order for nothing, and how many were given back although they had left. These functions are all that change
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from orderflow.charges import Tranche, given_back, measured_back, measured_out, taken_again
from orderflow.ledger import GIVEN_UP, GONE, SOURCES, SURPLUS, Move, kind_of, place_of, units_by_line
from orderflow.values.checked import evolved
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.numbers import EXACT, ZERO, ratio_cut, total

if TYPE_CHECKING:
    from orderflow.order import Order

__all__ = ["billed", "charged_units", "moved", "not_given_back", "quoted", "refunding", "repriced"]

_NOTHING: Mapping[str, Decimal] = FrozenMap()


def moved(order: Order, moves: Iterable[Move], unbilled: Mapping[str, Decimal] = _NOTHING) -> Order:
    """The order after units were moved, with what that means for what they cost.

    Units that came beyond the order are charged at the price of the newest tranche of their line, but for those
    of them that are ``unbilled``, or have no price to be charged at. Units that are cancelled, or closed short,
    are given back: those that cost nothing first, then those of the newest tranche.
    """
    moves = tuple(moves)
    more = units_by_line(move for move in moves if move.source == SURPLUS)
    for line_id, units in more.items():
        order = _came_beyond(order, line_id, units, unbilled.get(line_id, ZERO))
    gone = units_by_line(move for move in moves if move.target in GIVEN_UP and move.source not in GIVEN_UP)
    for line_id, units in gone.items():
        came = total(move.quantity for move in moves if move.line_id == line_id and move.source in SOURCES)
        live = EXACT.add(order.live_quantity(line_id), came)
        if order.lines[line_id].measure_unit:
            order, measured = _gave_back_measured(order, line_id, moves)
            units, live = EXACT.subtract(units, measured), EXACT.subtract(live, measured)
        order = _gave_back(order, line_id, units, live)
    for move in moves:
        if move.target.startswith("shipped:") and order.lines[move.line_id].measure_unit:
            order = _measured_out(order, move)
    return order


def _came_beyond(order: Order, line_id: str, units: Decimal, unbilled: Decimal) -> Order:
    """Surplus of a line, settled: charged at the newest tranche's price, or not charged."""
    tranches = order.tranches.get(line_id, ())
    free = min(units, unbilled) if tranches else units
    if free:
        order = order.replace(unbilled=order.unbilled.set(line_id, EXACT.add(order.unbilled.get(line_id, ZERO), free)))
    if charged := EXACT.subtract(units, free):
        newest = evolved(tranches[-1], surplus=EXACT.add(tranches[-1].surplus, charged))
        order = order.replace(tranches=order.tranches.set(line_id, (*tranches[:-1], newest)))
    return order


def _gave_back(order: Order, line_id: str, units: Decimal, live: Decimal) -> Order:
    """Units of a line taken back: of ``live`` ones those that cost nothing first."""
    order, unbilled, back = order, order.unbilled.get(line_id, ZERO), order.given_back
    if taken := min(units, unbilled):
        left = EXACT.subtract(unbilled, taken)
        order = order.replace(unbilled=order.unbilled.set(line_id, left) if left else order.unbilled.without(line_id))
    priced = EXACT.subtract(units, EXACT.subtract(live, charged_units(order, line_id)))
    if priced > 0:
        back = back.set(line_id, given_back(order.tranches[line_id], back.get(line_id, ()), priced))
    return order.replace(given_back=back)


def _gave_back_measured(order: Order, line_id: str, moves: Iterable[Move]) -> tuple[Order, Decimal]:
    """Of units taken back, those that were measured when they left, by that; and how many they were."""
    order, units = order, ZERO
    for move in moves:
        if move.line_id != line_id or move.target not in GIVEN_UP or kind_of(move.source) not in GONE:
            continue
        tranches, parcel = order.tranches.get(line_id, ()), order.parcels.get(place_of(move.source))
        measure = parcel.measure_of(line_id, move.quantity) if parcel is not None else None
        there = total(EXACT.subtract(one.measured_units, one.measured_units_back) for one in tranches)
        if measure is not None and (taken := min(move.quantity, there)):
            measure = ratio_cut(EXACT.multiply(measure, taken), move.quantity)
            made, back = measured_back(tranches, order.given_back.get(line_id, ()), taken, measure)
            order = order.replace(
                tranches=order.tranches.set(line_id, made), given_back=order.given_back.set(line_id, back)
            )
            units = EXACT.add(units, taken)
    return order, units


def _measured_out(order: Order, move: Move) -> Order:
    """Goods have left that are priced by what they measure: from now on by what was read, if anything was."""
    parcel = order.parcels.get(place_of(move.target))
    measure = parcel.measure_of(move.line_id, move.quantity) if parcel is not None else None
    if measure is None:
        return order
    back = order.given_back.get(move.line_id, ())
    tranches = measured_out(order.tranches.get(move.line_id, ()), back, move.quantity, measure)
    return order.replace(tranches=order.tranches.set(move.line_id, tranches))


def charged_units(order: Order, line_id: str) -> Decimal:
    """Units of a line that are charged, and were not given back; or were, although they had left."""
    units = order.refunded.get(line_id, ZERO)
    for tranche in order.tranches.get(line_id, ()):
        units = EXACT.add(units, tranche.units)
    for back in order.given_back.get(line_id, ()):
        units = EXACT.subtract(units, back)
    return units


def quoted(order: Order, tranches: Iterable[Tranche], kits: Iterable[Tranche] = ()) -> Order:
    """The order after units were priced; of ``kits`` that were, components that nobody wants are given back."""
    held, priced = dict(order.tranches), dict(order.kits)
    for tranche in tranches:
        held[tranche.line_id] = (*held.get(tranche.line_id, ()), tranche)
    order = order.replace(tranches=FrozenMap(held))
    for tranche in kits:
        kit = priced[tranche.line_id].priced(tranche)
        priced[kit.id] = kit
        for line_id in kit.components:
            billed = EXACT.subtract(order.live_quantity(line_id), order.unbilled.get(line_id, ZERO))
            order = _gave_back(order, line_id, ZERO, billed)
    return order.replace(kits=FrozenMap(priced)) if priced else order


def billed(order: Order, line_id: str, units: Decimal) -> Order:
    """The order after someone chose to charge units that came beyond it and were not charged so far."""
    left = EXACT.subtract(order.unbilled[line_id], units)
    assert left >= 0, f"no more than {order.unbilled[line_id]} units of {line_id} are not charged"
    assert order.tranches.get(line_id), f"there is no price at which {line_id} could be charged"
    order = _came_beyond(order, line_id, units, ZERO)
    return order.replace(unbilled=order.unbilled.set(line_id, left) if left else order.unbilled.without(line_id))


def repriced(order: Order, wanted_again: Mapping[str, Decimal]) -> Order:
    """The order after others moved units: what is not wanted is given back, what is wanted again is as before."""
    for line_id in order.lines:
        unpriced = order.unpriced(line_id) if line_id in order.tranches else ZERO
        before = order.given_back.get(line_id, ())
        if unpriced < 0:
            back = given_back(order.tranches[line_id], before, EXACT.minus(unpriced))
            order = order.replace(given_back=order.given_back.set(line_id, back))
        elif unpriced > 0 and before:
            there = EXACT.subtract(total(before), order.refunded.get(line_id, ZERO))
            units = min(unpriced, there, wanted_again.get(line_id, ZERO))
            order = order.replace(given_back=order.given_back.set(line_id, taken_again(before, units)))
    return order


def refunding(order: Order, quantities: Mapping[str, Decimal], measures: Mapping[str, Decimal] = _NOTHING) -> Order:
    """The order after units that had left were given back; those of a free line are the units that it replaces.

    ``measures`` is what they measure, by line: goods that were charged by what they measured are given back by
    that; where it is not known, by what such units measured when they left.
    """
    for line_id, units in quantities.items():
        paid = order.paid_line(line_id)
        measure = measures.get(line_id)
        if (most := not_given_back(order, paid)) < units:
            measure = None if measure is None else ratio_cut(EXACT.multiply(measure, max(ZERO, most)), units)
            units = most
        if units > 0:
            order = _refunded(order, paid, units, measure)
    return order


def not_given_back(order: Order, line_id: str) -> Decimal:
    """Units that are charged under a line, and were not given back."""
    charged = total(tranche.units for tranche in order.tranches.get(line_id, ()))
    return EXACT.subtract(charged, total(order.given_back.get(line_id, ())))


def _refunded(order: Order, line_id: str, units: Decimal, measure: Decimal | None) -> Order:
    """The order after units of a line were given back that had left: those that were measured first."""
    tranches, back = order.tranches[line_id], order.given_back.get(line_id, ())
    there = total(EXACT.subtract(one.measured_units, one.measured_units_back) for one in tranches)
    if taken := min(units, there):
        if measure is None:
            read = total(EXACT.subtract(one.measured, one.measured_back) for one in tranches)
            measure = read if taken == there else ratio_cut(EXACT.multiply(read, taken), there)
        elif taken < units:
            measure = ratio_cut(EXACT.multiply(measure, taken), units)
        tranches, back = measured_back(tranches, back, taken, measure)
    back = given_back(tranches, back, EXACT.subtract(units, taken))
    return order.replace(
        tranches=order.tranches.set(line_id, tranches) if taken else order.tranches,
        given_back=order.given_back.set(line_id, back),
        refunded=order.refunded.set(line_id, EXACT.add(order.refunded.get(line_id, ZERO), units)),
    )
