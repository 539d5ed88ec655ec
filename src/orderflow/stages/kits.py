"""Kits in commands: what may be ordered as one, and what a number of kits stands for.

Commands speak of kits as the customer ordered them: so many whole ones, by the id of the row. What is moved are units
of their components. Who cancels kits, cancels every component of them; who wants another number of kits, wants what
that number takes: units that make up no whole kit are used before more are ordered, and stay where fewer kits are
wanted. A component can be spoken of by itself as well, by its own id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from orderflow.errors import InvalidInput, Violation
from orderflow.kits import Kit, leaves, sent_for
from orderflow.order import Order
from orderflow.policy import Policy
from orderflow.returns import ReturnLine
from orderflow.values.checked import evolved
from orderflow.values.numbers import EXACT, ZERO, as_decimal, mul, ratio_cut

__all__ = ["A_KIT_CAN_BE_ORDERED", "kits_are_whole", "lines_for", "path_of", "returned_of_kits", "wanted_of_components"]


def kits_are_ordered_whole(order: Order | None, command: Any, policy: Policy) -> Iterable[Violation]:
    """Nobody sends a part of a kit as such."""
    for index, row in enumerate(command.lines):
        if row.components and row.quantity % 1:
            yield Violation("acceptance.broken_kit", "kits are ordered whole", f"lines[{index}].quantity")


def kits_are_not_measured(order: Order | None, command: Any, policy: Policy) -> Iterable[Violation]:
    """A kit has its price as it is, whatever its components weigh."""
    for index, row in enumerate(command.lines):
        if row.components and (row.measure_unit is not None or row.estimated_measure is not None):
            told = "a kit is not priced by what it measures"
            yield Violation("acceptance.measured_kit", told, f"lines[{index}].measure_unit", remedy="a line of its own")


def the_price_of_a_kit_can_be_shared_out(order: Order | None, command: Any, policy: Policy) -> Iterable[Violation]:
    """Every component has a weight, or none has; and something bears the price."""
    for index, row in enumerate(command.lines):
        weights = [component.weight for component, _ in leaves(row.components)]
        said = [weight for weight in weights if weight is not None]
        if said and (len(said) < len(weights) or not any(said)):
            told = "all components need a weight, or none; and some need one above zero"
            yield Violation("acceptance.kit_weights", told, f"lines[{index}].components")


def components_can_be_counted(order: Order | None, command: Any, policy: Policy) -> Iterable[Violation]:
    """The units of every component, of kits in kits as well, are numbers that can be stored."""
    for index, row in enumerate(command.lines):
        try:
            for _, per_kit in leaves(row.components):
                as_decimal(mul(row.quantity, per_kit))
        except InvalidInput as invalid:
            for violation in invalid.violations:
                yield Violation(violation.code, violation.message, f"lines[{index}].components")


A_KIT_CAN_BE_ORDERED = (
    kits_are_ordered_whole,
    kits_are_not_measured,
    the_price_of_a_kit_can_be_shared_out,
    components_can_be_counted,
)


def kits_are_whole(order: Order, quantities: Mapping[str, Decimal], stage: str) -> Iterable[Violation]:
    """Kits are spoken of in whole numbers, and not together with components of theirs."""
    for kit in order.kits.values():
        if kit.id not in quantities:
            continue
        if quantities[kit.id] % 1:
            told = f"{kit.sku} is a kit: whole ones, or units of {', '.join(kit.components)}"
            yield Violation(f"{stage}.broken_kit", told, f"quantities[{kit.id}]")
        for line_id in kit.components:
            if line_id in quantities:
                told = f"{line_id} is a component of {kit.id}, of which is spoken as well"
                yield Violation(f"{stage}.kit_and_component", told, f"quantities[{line_id}]")


def wanted_of_components(
    order: Order, quantities: Mapping[str, Decimal], still_wanted: Callable[[Order, str], Decimal]
) -> Mapping[str, Decimal]:
    """How many units of each line are wanted, where so many kits are: of a kit, what that number of it takes.

    Lines that stand in for a component count as it: of these, fewer are wanted first.
    """
    if order.kits.keys().isdisjoint(quantities):
        return quantities
    found: dict[str, Decimal] = {}
    for row_id, quantity in quantities.items():
        kit = order.kits.get(row_id)
        if kit is None:
            found[row_id] = quantity
            continue
        held = {line_id: still_wanted(order, line_id) for line_id in lines_for(order, kit)}
        now = dict.fromkeys(kit.components, ZERO)
        for line_id, (component, per) in lines_for(order, kit).items():
            now[component] = EXACT.add(now[component], ratio_cut(held[line_id], per))
        fewer = EXACT.subtract(kit.complete(now), quantity)
        if fewer > 0:
            found |= _less(order, kit, held, kit.holds(fewer))
        else:
            more = {line_id: EXACT.subtract(units, now[line_id]) for line_id, units in kit.holds(quantity).items()}
            found |= held | {line_id: EXACT.add(held[line_id], max(ZERO, units)) for line_id, units in more.items()}
    return found


def lines_for(order: Order, kit: Kit) -> dict[str, tuple[str, Decimal]]:
    """The lines of which units make up kits and are charged: for which component, and how many of them do for one."""
    sent = sent_for(kit, order.lines)
    return {line_id: (component, per) for line_id, component, per in sent if not order.lines[line_id].is_free}


def _less(order: Order, kit: Kit, held: Mapping[str, Decimal], less: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """What is left of the lines of a kit when so many units of its components are not wanted any more."""
    left, to_go = dict(held), dict(less)
    for line_id, (component, per) in reversed(tuple(lines_for(order, kit).items())):
        taken = min(left[line_id], EXACT.multiply(to_go[component], per))
        left[line_id] = EXACT.subtract(left[line_id], taken)
        to_go[component] = EXACT.subtract(to_go[component], ratio_cut(taken, per))
    return left


def returned_of_kits(
    order: Order, lines: Iterable[ReturnLine], with_customer: Callable[[Order, str, str], Decimal]
) -> Iterator[tuple[int, ReturnLine]]:
    """What is returned, line by line, with the number of the row that says so: kits by what the customer has of them.

    What was sent in place of a component is returned for it; what is too much is too much of the component.
    """
    taken: dict[tuple[str, str], Decimal] = {}
    for index, row in enumerate(lines):
        kit = order.kits.get(row.line_id)
        units = {row.line_id: row.quantity} if kit is None else _sent(order, kit, row, taken, with_customer)
        for line_id, quantity in units.items():
            place = line_id, row.parcel_id
            taken[place] = EXACT.add(taken.get(place, ZERO), quantity)
            yield index, row if kit is None else evolved(row, line_id=line_id, quantity=quantity)


def _sent(
    order: Order,
    kit: Kit,
    row: ReturnLine,
    taken: Mapping[tuple[str, str], Decimal],
    with_customer: Callable[[Order, str, str], Decimal],
) -> dict[str, Decimal]:
    """The units of lines that make up so many kits, as far as the customer has them; the rest is of the components."""
    found, left = dict[str, Decimal](), kit.holds(row.quantity)
    for line_id, component, per in sent_for(kit, order.lines):
        free = EXACT.subtract(with_customer(order, line_id, row.parcel_id), taken.get((line_id, row.parcel_id), ZERO))
        if units := max(ZERO, min(free, EXACT.multiply(left[component], per))):
            found[line_id] = units
            left[component] = EXACT.subtract(left[component], ratio_cut(units, per))
    for component, units in left.items():
        if units:
            found[component] = EXACT.add(found.get(component, ZERO), units)
    return found


def path_of(order: Order, quantities: Mapping[str, Decimal], line_id: str) -> str:
    """Where a command speaks of a line: by its own id, or by that of its kit."""
    kit = order.kit_of(line_id) if line_id not in quantities and order.kits else None
    return f"quantities[{kit.id if kit is not None else line_id}]"
