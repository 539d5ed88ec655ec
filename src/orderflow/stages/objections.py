"""Objections: what stands against verifying an order, when price and stock are in order.

Three voices: the host's own rules of verification, the *requirements* that the customer put on the order and its lines,
each a rule by its name, and the prices that the customer stated against those that are quoted. A requirement that no
rule of the policy knows is not passed over: a person looks at it. What our own voices object to weighs what the policy
says (``Policy.severities``); released for review, it stays away until the facts change.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from orderflow.charges import Tranche
from orderflow.errors import Violation
from orderflow.kits import Kit
from orderflow.order import Line, Order
from orderflow.policy import Policy
from orderflow.values.money import Money
from orderflow.values.numbers import plain

__all__ = ["objections_to", "prices_are_as_stated", "requirements_are_met"]


def objections_to(order: Order, policy: Policy) -> tuple[Violation, ...]:
    """What the host's rules, the customer's requirements and the stated prices have against verifying the order."""
    found = [violation for rule in policy.verification for violation in rule(order)]
    return (*found, *requirements_are_met(order, policy), *prices_are_as_stated(order, policy))


def requirements_are_met(order: Order, policy: Policy) -> Iterable[Violation]:
    """What the customer requires of the order and of its lines is met, by the rule of that name."""
    for name in order.requirements:
        yield from _asked(order, None, name, policy)
    for line in order.lines.values():
        if line.requirements and order.live_quantity(line.id):
            for name in line.requirements:
                yield from _asked(order, line.id, name, policy)


def _asked(order: Order, line_id: str | None, name: str, policy: Policy) -> Iterable[Violation]:
    rule = policy.requirements.get(name)
    if rule is not None:
        yield from rule(order, line_id)
        return
    severity = policy.severity("verification.unknown_requirement")
    if severity != "ignored":
        what = f"of {order.name_of(line_id)}" if line_id is not None else "of the order"
        told = f"nobody has said how the requirement {name!r} {what} is met"
        yield Violation("verification.unknown_requirement", told, line_id or "requirements", severity)


def prices_are_as_stated(order: Order, policy: Policy) -> Iterable[Violation]:
    """The quoted price of a line is not above the one that the customer stated, but for the tolerance."""
    severity = policy.severity("verification.price_differs")
    if severity == "ignored":
        return
    for line, tranches in _quoted_rows(order):
        if line.stated_price is None:
            continue
        for tranche in tranches:
            if _quoted(line, tranche) > _most(line, line.stated_price, policy):
                stated = f"{line.stated_price}{_per(line.stated_per)}{_taxed(line, line.stated_with_tax)} was stated"
                quoted = f"{tranche.unit_price}{_per(tranche.base_quantity)}{_taxed(line, tranche.tax_included)}"
                told = f"{line.sku}: {stated}, {quoted} is quoted"
                yield Violation("verification.price_differs", told, line.id, severity)
                break


def _quoted_rows(order: Order) -> Iterable[tuple[Line, tuple[Tranche, ...]]]:
    """What is wanted, row by row, with its quotes: those of kits are for the kits."""
    for row in order.rows:
        if isinstance(row, Kit):
            if any(order.live_quantity(line_id) for line_id in row.components):
                yield row.line, row.prices
        elif order.live_quantity(row.id):
            yield row, order.tranches.get(row.id, ())


def _per(base: object) -> str:
    return "" if base == 1 else f" per {plain(base)}"  # type: ignore[arg-type]


def _taxed(line: Line, with_tax: bool | None) -> str:
    """Whether a price has the tax in it, where the customer said so of its own."""
    return "" if line.stated_with_tax is None else " with tax" if with_tax else " without tax"


def _quoted(line: Line, tranche: Tranche) -> Fraction:
    """What is quoted for one unit: as the price list has it, or with or without tax where the customer said which."""
    price = Fraction(tranche.unit_price.amount) / Fraction(tranche.base_quantity)
    if line.stated_with_tax is None or line.stated_with_tax == tranche.tax_included:
        return price
    if tranche.tax_group is not None:
        with_tax = 1 + Fraction(tranche.tax_group.rate)
        return price * with_tax if line.stated_with_tax else price / with_tax
    whole = Fraction(tranche.amounts.net.amount)
    if line.stated_with_tax:
        whole += Fraction(tranche.amounts.tax.amount)
    return whole / Fraction(tranche.measure or tranche.quantity)


def _most(line: Line, stated: Money, policy: Policy) -> Fraction:
    """The highest price of one unit that counts as the stated one."""
    tolerance = policy.price_tolerance
    if isinstance(tolerance, Money):
        more = Fraction(tolerance.amount) if tolerance.currency == stated.currency else Fraction(0)
    else:
        more = Fraction(stated.amount) * Fraction(tolerance) / 100
    return (Fraction(stated.amount) + more) / Fraction(line.stated_per)
