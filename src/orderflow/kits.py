"""Kits: several products sold together, at one price.

The customer orders so many *kits*; what is picked, sent and delivered are their *components*, so many of each for one
kit (the bill of material). So a kit is no line of the goods ledger: its components are, each an ordinary line with the
origin ``component_of``, and what the customer ordered stands beside them as a `Kit`, under the number of the row.

How many kits there are is derived, and always whole: as many as the scarcest component makes up. What is left over is
told in units of the components, never as a part of a kit.

A kit is quoted as one, and its price is shared out over its components, in proportion to their weights; equal for
every unit where nothing is said. The shares sum to the price, to the smallest unit, and become ordinary tranches: so
what is owed back for one component follows from the ordinary rule, and for all of them it is the price of the kit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import attrs

from orderflow.charges import Adjustment, Amounts, RoundingRule, Tranche, charged
from orderflow.errors import InvalidInput
from orderflow.ledger import Ledger, kind_of
from orderflow.parts import Frozen, Line, Origin, Terms
from orderflow.totals import COMPONENT_OF, LineTotal, apportioned
from orderflow.values.checked import checked, evolved, optional, tuple_of, value
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_reference
from orderflow.values.money import Money, sum_money
from orderflow.values.numbers import EXACT, ONE, ZERO, as_not_negative, mul, ratio_cut, round_to, total
from orderflow.values.quantity import as_amount, as_unit
from orderflow.values.record import record

__all__ = [
    "OF_A_KIT",
    "Component",
    "ComponentStatus",
    "Kit",
    "KitComponent",
    "KitStatus",
    "as_component",
    "as_ordered",
    "component_tranches",
    "exploded",
    "in_kits",
    "kit_status",
    "leaves",
    "sent_for",
    "terms_in_kit",
    "with_substitute",
]

#: How the name begins of the group in which the components of a kit leave all at once; no other name has a slash.
OF_A_KIT = "kit/"


def as_component(raw: Any) -> Component:
    """A `Component`, or a pair of product and quantity for one kit."""
    if isinstance(raw, Component):
        return raw
    if isinstance(raw, tuple | list) and len(raw) == 2:
        return Component(*raw)
    raise InvalidInput.because("kit.not_a_component", "must be a Component or a pair (sku, quantity)")


@value
class Component:
    """What one kit holds of a product: so many units of it.

    ``weight`` is what a unit counts when the price of the kit is shared out, its list price for instance; where no
    component of a kit has one, all units count alike. A component may be a kit itself, with ``components`` of its own:
    then these are what is sent.
    """

    sku: str = checked(as_reference)
    quantity: Decimal = checked(as_amount)
    weight: Decimal | None = checked(optional(as_not_negative), default=None)
    unit: str = checked(as_unit, default="each")
    components: tuple[Component, ...] = checked(tuple_of(as_component), default=())

    if TYPE_CHECKING:

        def __init__(
            self,
            sku: str,
            quantity: Decimal | int | str,
            weight: Decimal | int | str | None = None,
            unit: str = "each",
            components: Iterable[Component | tuple[str, Decimal | int | str]] = (),
        ) -> None: ...


def leaves(components: Iterable[Component], per_kit: Decimal = ONE) -> Iterator[tuple[Component, Decimal]]:
    """The components that are sent, those of kits in the kit included, with how many of each one kit holds."""
    for component in components:
        quantity = mul(per_kit, component.quantity)
        if component.components:
            yield from leaves(component.components, quantity)
        else:
            yield component, quantity


@record
class KitComponent:
    """What a line is in its kit: so many units for each, and what one counts when the price is shared out, if said."""

    per_kit: Decimal
    weight: Decimal | None = None

    @property
    def share(self) -> Fraction:
        """What it counts in all when the price of a kit is shared out: each unit by its weight, or all alike."""
        return Fraction(self.per_kit) * (1 if self.weight is None else Fraction(self.weight))


@record(slots=False)
class Kit(Frozen):
    """What the customer ordered as one, and the lines that are its components.

    ``line`` is the row as it was ordered: product, stated price, terms. ``prices`` are the quotes as they were given,
    for kits. ``substitutes`` are lines that stand in for components, with how many units of each do for one.
    """

    line: Line
    components: FrozenMap[str, KitComponent]
    prices: tuple[Tranche, ...] = ()
    substitutes: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)

    @property
    def id(self) -> str:
        """The number of the row."""
        return self.line.id

    @property
    def sku(self) -> str:
        """The product that the customer ordered."""
        return self.line.sku

    def priced(self, quoted: Tranche) -> Kit:
        """The kit after kits of it were priced."""
        return self.replace(prices=(*self.prices, quoted))

    def holds(self, kits: Decimal) -> dict[str, Decimal]:
        """The units of each component that so many kits hold."""
        return {line_id: EXACT.multiply(kits, part.per_kit) for line_id, part in self.components.items()}

    def complete(self, units: Mapping[str, Decimal]) -> Decimal:
        """How many whole kits so many units of the components make up.

        >>> pair = Kit(Line("L1", "SET"), FrozenMap({"A": KitComponent(Decimal(2)), "B": KitComponent(Decimal(1))}))
        >>> pair.complete({"A": Decimal(6), "B": Decimal(5)})
        Decimal('3')
        """
        parts = self.components.items()
        return min(EXACT.divide_int(max(ZERO, units.get(line_id, ZERO)), part.per_kit) for line_id, part in parts)

    def needed_for(self, units: Mapping[str, Decimal]) -> Decimal:
        """The least number of whole kits that hold at least so many units of the components."""
        most = ZERO
        for line_id, part in self.components.items():
            whole, rest = EXACT.divmod(max(ZERO, units.get(line_id, ZERO)), part.per_kit)
            most = max(most, EXACT.add(whole, ONE) if rest else whole)
        return most


def exploded(
    line: Line, kits: Decimal, components: Iterable[Component]
) -> tuple[Kit, tuple[tuple[Line, Decimal], ...]]:
    """A kit, and the lines of its components with their units, numbered under it: ``L2.1``, ``L2.2`` of ``L2``.

    The components are delivered on the terms of the kit; what is to leave all at once are all of its components.
    """
    terms = terms_in_kit(line.id, line.terms)
    parts: dict[str, KitComponent] = {}
    lines: list[tuple[Line, Decimal]] = []
    for number, (component, per_kit) in enumerate(leaves(components), 1):
        part = Line(
            f"{line.id}.{number}",
            component.sku,
            component.unit,
            terms=terms,
            instructions=line.instructions,
            requirements=line.requirements,
            origin=Origin("component_of", line.id),
            tolerance=line.tolerance,
        )
        parts[part.id] = KitComponent(per_kit, component.weight)
        lines.append((part, EXACT.multiply(kits, per_kit)))
    return Kit(line, FrozenMap(parts)), tuple(lines)


def terms_in_kit(kit_id: str, terms: Terms) -> Terms:
    """The terms of a kit, as its components have them: what is to leave all at once are all of its components."""
    return evolved(terms, complete=f"{OF_A_KIT}{kit_id}") if terms.complete == "line" else terms


def in_kits(kits: Mapping[str, Kit], quantities: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Units by line, told as they were ordered: as whole kits where they make these up, by the kit's id."""
    found: dict[str, Decimal] = {}
    left = dict(quantities)
    whole = {kit.id: kit.complete(quantities) for kit in kits.values()}
    owner = {line_id: kit for kit in kits.values() for line_id in kit.components}
    for line_id in quantities:
        kit = owner.get(line_id)
        if kit is not None and whole[kit.id] and kit.id not in found:
            found[kit.id] = whole[kit.id]
            for part, units in kit.holds(whole[kit.id]).items():
                left[part] = EXACT.subtract(left[part], units)
        if left[line_id] or kit is None:
            found[line_id] = left[line_id]
    return found


def as_ordered(kits: Mapping[str, Kit], lines: Iterable[LineTotal]) -> tuple[LineTotal, ...]:
    """What lines cost, told as they were ordered: components that make up whole kits and nothing else as these."""
    by_line = {line.line_id: line for line in lines}
    found: dict[str, LineTotal] = {}
    owner = {line_id: kit for kit in kits.values() for line_id in kit.components}
    for line_id, line in by_line.items():
        kit = owner.get(line_id)
        mine = [by_line[part] for part in kit.components if part in by_line] if kit is not None else []
        told = in_kits(kits, {one.line_id: one.quantity for one in mine})
        if kit is None or told.keys() != {kit.id}:
            found[line_id] = line
        elif kit.id not in found:
            amounts = mine[0].amounts
            for one in mine[1:]:
                amounts = amounts + one.amounts
            found[kit.id] = LineTotal(kit.id, told[kit.id], amounts)
    return tuple(found.values())


# -- where kits are ---------------------------------------------------------------------------------------------------


@record
class ComponentStatus:
    """Where the units of one component are, in units of it: those of lines that stand in for it included.

    ``loose`` are units the customer has that make up no whole kit.
    """

    line_id: str
    sku: str
    per_kit: Decimal
    by_kind: Mapping[str, Decimal]
    loose: Decimal


@record
class KitStatus:
    """How many whole kits were ordered, are wanted still, can be had, have left, and have reached the customer.

    ``available`` counts kits of which every component is held for the order or has left; ``shipped`` those that are on
    their way or arrived. Of neither is what comes back: ``delivered`` are kits that the customer has.
    """

    kit_id: str
    sku: str
    ordered: Decimal
    wanted: Decimal
    available: Decimal
    shipped: Decimal
    delivered: Decimal
    components: tuple[ComponentStatus, ...]


#: Origins of lines that are sent in place of another.
_INSTEAD = frozenset({"substitute_for", "replacement_of"})
#: Kinds of accounts whose units will not make up a kit that the customer has; of those it has, and of those that left.
_NOT_TO_BE_HAD = frozenset({"lost", "cancelled", "closed_short", "returning", "received", "restocked", "scrapped"})
_WITH_CUSTOMER = frozenset({"delivered", "sent_back"})
_UNDER_WAY = _WITH_CUSTOMER | {"shipped"}


def kit_status(
    kit: Kit, ledger: Ledger, lines: Mapping[str, Line], waiting: Mapping[str, Decimal] = FrozenMap()
) -> KitStatus:
    """Where the units of a kit are; ``waiting`` are those of each line that nobody has in stock."""
    kinds = _by_component(kit, ledger, lines, waiting)
    short = {line_id: held.pop("waiting", ZERO) for line_id, held in kinds.items()}
    units = {line_id: _summed(held, held.keys() - _NOT_TO_BE_HAD) for line_id, held in kinds.items()}
    there = {line_id: EXACT.subtract(units[line_id], short[line_id]) for line_id in kinds}
    delivered = {line_id: _summed(held, _WITH_CUSTOMER) for line_id, held in kinds.items()}
    whole = kit.complete(delivered)
    beyond = kit.holds(whole)
    return KitStatus(
        kit.id,
        kit.sku,
        kit.complete({line_id: ledger.ordered(line_id) for line_id in kit.components}),
        kit.complete(_wanted(kit, ledger, lines)),
        kit.complete(there),
        kit.complete({line_id: _summed(held, _UNDER_WAY) for line_id, held in kinds.items()}),
        whole,
        tuple(
            ComponentStatus(
                line_id,
                lines[line_id].sku,
                part.per_kit,
                FrozenMap(kinds[line_id]),
                EXACT.subtract(delivered[line_id], beyond[line_id]),
            )
            for line_id, part in kit.components.items()
        ),
    )


def _summed(held: Mapping[str, Decimal], kinds: Iterable[str]) -> Decimal:
    return total(held.get(kind, ZERO) for kind in kinds)


def _by_component(
    kit: Kit, ledger: Ledger, lines: Mapping[str, Line], waiting: Mapping[str, Decimal]
) -> dict[str, dict[str, Decimal]]:
    """Units of each component by kind of account, and how many of them are waited for (``waiting``)."""
    found: dict[str, dict[str, Decimal]] = {line_id: {} for line_id in kit.components}
    for line_id, component, per in sent_for(kit, lines):
        held = found[component]
        for account, units in ledger.accounts(line_id):
            kind = kind_of(account)
            held[kind] = EXACT.add(held.get(kind, ZERO), ratio_cut(units, per))
        if line_id in waiting:
            held["waiting"] = EXACT.add(held.get("waiting", ZERO), ratio_cut(waiting[line_id], per))
    return found


def _wanted(kit: Kit, ledger: Ledger, lines: Mapping[str, Line]) -> dict[str, Decimal]:
    """Units of each component that are wanted: what replaces a lost one is no further unit."""
    found = dict.fromkeys(kit.components, ZERO)
    for line_id, component, per in sent_for(kit, lines):
        if not lines[line_id].is_free:
            found[component] = EXACT.add(found[component], ratio_cut(ledger.live(line_id), per))
    return found


def sent_for(kit: Kit, lines: Mapping[str, Line]) -> Iterator[tuple[str, str, Decimal]]:
    """The lines whose units make up kits, with the component and how many units of the line do for one of it."""
    for line_id in lines:
        component, per = _component(kit, lines, line_id)
        if component in kit.components:
            yield line_id, component, per


def _component(kit: Kit, lines: Mapping[str, Line], line_id: str) -> tuple[str, Decimal]:
    """The line for which a line is sent, at whatever remove."""
    per, line = ONE, lines[line_id]
    while line.origin.kind in _INSTEAD and line.origin.line_id is not None:
        per = EXACT.multiply(per, kit.substitutes.get(line.id, ONE))
        line = lines[line.origin.line_id]
    return line.id, per


def with_substitute(
    kits: FrozenMap[str, Kit], lines: Mapping[str, Line], substitute: str, per: Decimal
) -> FrozenMap[str, Kit]:
    """The kits after a line came to stand in for another, so many units for one: a component's kit remembers it."""
    for kit in kits.values():
        if _component(kit, lines, substitute)[0] in kit.components:
            return kits.set(kit.id, kit.replace(substitutes=kit.substitutes.set(substitute, per)))
    return kits


# -- what components cost ---------------------------------------------------------------------------------------------


def component_tranches(kit: Kit, quoted: Tranche, rule: RoundingRule) -> tuple[Tranche, ...]:
    """The price of kits, shared out over their components: tranches that sum to it in every part.

    What rounds for each line by itself is rounded before, for the kit as a whole.
    """
    weights = [part.share for part in kit.components.values()]
    rounded, prices = _rounded(quoted, rule), _shared(_worth(quoted), weights)
    adjusted = _adjusted(quoted, rounded, weights)
    amounts = _amounts(rounded, weights, adjusted, quoted.tax_included)
    made = []
    for index, (line_id, units) in enumerate(kit.holds(quoted.quantity).items()):
        unit_price, base = _unit_price(prices[index], units)
        made.append(
            evolved(
                quoted,
                line_id=line_id,
                quantity=units,
                unit_price=unit_price,
                base_quantity=base,
                amounts=amounts[index],
                adjustments=tuple(one for one in adjusted[index] if one.code and not one.amount.is_zero),
            )
        )
    return tuple(made)


def _amounts(
    whole: Amounts, weights: Sequence[Fraction], adjusted: Sequence[Sequence[Adjustment]], tax_included: bool
) -> list[Amounts]:
    """The components of the price, shared out; where it is shown with tax, the sum that is shown is."""
    shown = _shared(whole.total if tax_included else whole.net, weights)
    made = []
    for share, tax, mine in zip(shown, _shared(whole.tax, weights), adjusted, strict=True):
        parts = {
            name: sum_money((one.amount for one in mine if one.kind == kind), tax.currency)
            for kind, name in COMPONENT_OF.items()
        }
        net = share - tax - sum_money(parts.values(), tax.currency) if tax_included else share
        made.append(Amounts(net, tax=tax, **parts))
    return made


def _shared(amount: Money, weights: Sequence[Fraction]) -> tuple[Money, ...]:
    """An amount by weights, to the smallest unit; places in which it is nothing do not make it finer."""
    return apportioned(Money(EXACT.normalize(amount.amount), amount.currency), weights)


def _rounded(quoted: Tranche, rule: RoundingRule) -> Amounts:
    """The amounts of a kit, those rounded that round for each line; with prices shown with tax, the whole is."""
    raw, tax_per = quoted.amounts, rule.tax_per or rule.per
    if "line" not in (rule.per, tax_per):
        return raw
    rounded = charged((quoted,), evolved(rule, per="line", tax_per="line"), quoted.unit_price.currency)
    if rule.per == tax_per:
        return rounded
    amounts = evolved(rounded, tax=raw.tax) if rule.per == "line" else evolved(raw, tax=rounded.tax)
    whole = rounded if rule.per == "line" else raw
    return evolved(amounts, net=amounts.net + (whole.total - amounts.total)) if quoted.tax_included else amounts


def _worth(quoted: Tranche) -> Money:
    """What the kits come to at their price, as it is shown."""
    worth = quoted.unit_price * quoted.quantity
    return Money(ratio_cut(worth.amount, quoted.base_quantity), worth.currency)


def _unit_price(price: Money, units: Decimal) -> tuple[Money, Decimal]:
    """The price of one unit where it comes out even; otherwise of all of them."""
    each = ratio_cut(price.amount, units)
    if EXACT.multiply(each, units) != price.amount:
        return price, units
    shown = round_to(each, price.digits)
    return Money(shown if shown == each else each, price.currency), ONE


def _adjusted(quoted: Tranche, rounded: Amounts, weights: Sequence[Fraction]) -> list[list[Adjustment]]:
    """What each component bears of discounts, charges and shipping, by name; what nobody named has no code."""
    found: list[list[Adjustment]] = [[] for _ in weights]
    for kind, name in COMPONENT_OF.items():
        raw, whole = getattr(quoted.amounts, name), getattr(rounded, name)
        for one in _fitting([one for one in quoted.adjustments if one.kind == kind], raw, whole, kind):
            for bearing, share in zip(found, _shared(one.amount, weights), strict=True):
                bearing.append(evolved(one, amount=share))
    return found


def _fitting(named: list[Adjustment], raw: Money, whole: Money, kind: Any) -> Iterable[Adjustment]:
    """What an amount consists of, by name, so that it sums to the amount as it is rounded."""
    rest = raw - sum_money((one.amount for one in named), raw.currency)
    parts = [*named, Adjustment(kind, "", "", rest)] if not rest.is_zero else named
    exact = [Fraction(one.amount.amount) for one in parts]
    if raw == whole or not sum(exact):
        return parts
    fitted = apportioned(whole, exact)
    return [evolved(one, amount=amount) for one, amount in zip(parts, fitted, strict=True)]
