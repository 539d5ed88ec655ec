"""Kits in amendments: what is said about a kit is said about its components.

The id of a kit stands for whole kits: so many of them, all of them taken out, on these terms, at this price. It may be
said about a component by itself as well, but not about a kit and a component of it at once. Another product stands in
for a component; for a kit there is none, but the kit can be taken out, and another line or kit added.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import SimpleNamespace

from orderflow.errors import Violation
from orderflow.kits import Kit, terms_in_kit
from orderflow.order import Line, Order
from orderflow.policy import Policy
from orderflow.stages.amending import AmendOrder, LineChange, changed_terms
from orderflow.stages.changes import still_wanted
from orderflow.stages.kits import A_KIT_CAN_BE_ORDERED, lines_for, wanted_of_components
from orderflow.values.checked import evolved

__all__ = ["KIT_RULES", "changed_rows", "lines_of", "named_rows", "of_components", "units_of"]

#: The fields of an amendment that say what becomes of units: one of them for each.
_OF_UNITS = ("quantities", "remove", "substitute")


def named_rows(command: AmendOrder) -> Iterator[tuple[str, str]]:
    """Every line and kit that an amendment names, and where it does."""
    yield from ((row_id, f"quantities[{row_id}]") for row_id in command.quantities)
    yield from ((row_id, f"remove[{index}]") for index, row_id in enumerate(command.remove))
    for name in ("substitute", "lines", "prices"):
        yield from ((row_id, f"{name}[{row_id}]") for row_id in getattr(command, name))


def lines_of(order: Order, row_id: str) -> tuple[str, ...]:
    """The lines that an id stands for: those of the components of a kit, or the line itself."""
    kit = order.kits.get(row_id)
    return tuple(kit.components) if kit is not None else (row_id,)


def units_of(order: Order, row_id: str) -> tuple[str, ...]:
    """The lines of which units make up what an id stands for: those that stand in for components with these."""
    kit = order.kits.get(row_id)
    return tuple(lines_for(order, kit)) if kit is not None else (row_id,)


def of_components(order: Order, command: AmendOrder) -> AmendOrder:
    """The same amendment with the units of components in place of numbers of kits."""
    if order.kits.keys().isdisjoint((*command.quantities, *command.remove)):
        return command
    quantities = wanted_of_components(order, command.quantities, still_wanted)
    remove = tuple(line_id for row_id in command.remove for line_id in units_of(order, row_id))
    return evolved(command, quantities=quantities, remove=remove)


def changed_rows(order: Order, command: AmendOrder) -> tuple[tuple[Line, ...], tuple[Kit, ...]]:
    """The lines that read otherwise, and the kits that do, with all of their components."""
    lines, kits = list[Line](), list[Kit]()
    for row_id, said in command.lines.items():
        kit = order.kits.get(row_id)
        if kit is None:
            lines.append(_changed(order.lines[row_id], said))
            continue
        kits.append(kit.replace(line=_changed(kit.line, said)))
        for line in (_changed(order.lines[line_id], said) for line_id in kit.components):
            lines.append(line.replace(terms=terms_in_kit(kit.id, line.terms)))
    return (
        tuple(line for line in lines if line != order.lines[line.id]),
        tuple(kit for kit in kits if kit != order.kits[kit.id]),
    )


def _changed(line: Line, said: LineChange) -> Line:
    instructions = line.instructions if said.instructions is None else said.instructions
    return line.replace(terms=changed_terms(line.terms, said), instructions=instructions)


# -- rules ----------------------------------------------------------------------------------------------------------


def kits_are_amended_whole(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """Kits are spoken of in whole numbers."""
    for kit_id, quantity in command.quantities.items():
        if kit_id in order.kits and quantity % 1:
            kit = order.kits[kit_id]
            told = f"{kit.sku} is a kit: whole ones, or units of {', '.join(kit.components)}"
            yield Violation("amendment.broken_kit", told, f"quantities[{kit_id}]")


def a_kit_or_its_components_are_amended(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """One thing is said about a kit, and nothing else of the same about a component of it."""
    for names in (_OF_UNITS, ("lines",), ("prices",)):
        named = [(row_id, path) for row_id, path in named_rows(command) if path.partition("[")[0] in names]
        lines = units_of if names is _OF_UNITS else lines_of
        kits = [row_id for row_id, _ in named if row_id in order.kits]
        owner = {line_id: kit_id for kit_id in kits for line_id in lines(order, kit_id)}
        for line_id, path in named:
            if line_id in owner:
                told = f"{line_id} is a component of {owner[line_id]}, of which is spoken as well"
                yield Violation("amendment.kit_and_component", told, path)


def components_are_substituted(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """Another product stands in for a component of a kit, not for a kit."""
    for kit_id in command.substitute:
        if kit_id in order.kits:
            kit = order.kits[kit_id]
            told = f"{kit.sku} is a kit: its components {', '.join(kit.components)} can be substituted"
            remedy = f"substitute a component; or remove {kit_id}, and add another line"
            yield Violation("amendment.kit_substitute", told, f"substitute[{kit_id}]", remedy=remedy)


def kits_that_are_added_could_have_been_ordered(
    order: Order, command: AmendOrder, policy: Policy
) -> Iterable[Violation]:
    """Whole kits, with a price that can be shared out, as when an order is placed."""
    if any(row.components for row in command.add):
        for rule in A_KIT_CAN_BE_ORDERED:
            for violation in rule(None, SimpleNamespace(lines=command.add), policy):
                yield evolved(violation, path=violation.path.replace("lines[", "add[", 1))


KIT_RULES = (
    kits_are_amended_whole,
    a_kit_or_its_components_are_amended,
    components_are_substituted,
    kits_that_are_added_could_have_been_ordered,
)
