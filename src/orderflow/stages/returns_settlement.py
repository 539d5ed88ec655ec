"""Making good what came back: in money, by other goods, or by the same goods once more; and the end of a return.

What is due is worked out from what is there, and what was done is subtracted, so nothing is made good twice and it does
not matter in which order things are known. Per line of a return, as many units are due as the policy's basis says
(``Policy.credit_on``): authorized, received, inspected or disposed of. And whatever a return says, no more units are
credited than were paid for and are not with the customer any more: of a line and all that replaces it,

    owed = charged and not given back  -  what the customer keeps, or is still to get

so a unit that was refunded as lost and then comes back is not refunded again, and units that came for nothing go back
first. Credits go by unit (`orderflow.order.Order.refunding`), through the one counter that cancellations and losses
use; goods that are priced by what they measure go back by the measure of what came back. A deduction is a share of the
units' worth, and stays withheld.

What is wanted in exchange is a line of the same order, priced like any other; a replacement is one that is free. Both
travel as goods do, and an order that was over is open again until they arrive.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal

import attrs

from orderflow.ledger import kind_of, place_of, received, returning
from orderflow.messages import Event, event
from orderflow.order import Line, Order, Origin, Return
from orderflow.policy import Policy
from orderflow.returns import added
from orderflow.stages.returns import ReturnClosed, replaced_under, with_return
from orderflow.stages.stage import Stage
from orderflow.values.checked import evolved
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.numbers import EXACT, ZERO, ratio_cut, total
from orderflow.values.record import record

__all__ = ["STAGE", "ExchangeOrdered", "ReturnCredited", "Successor", "owed"]


@record
class Successor:
    """So many units of a product are sent, under a line of their own, for units of another line."""

    line_id: str
    instead_of: str
    sku: str
    quantity: Decimal
    is_free: bool = False


@event("exchange_ordered")
class ExchangeOrdered(Event):
    """What is wanted for returned or claimed goods is ordered: other goods at their price, or the same for nothing."""

    return_id: str
    lines: tuple[Successor, ...]

    def apply(self, order: Order) -> Order:
        """There are lines more, with open units, beside what was ordered."""
        successors = dict(order.returns[self.return_id].successors)
        for one in self.lines:
            successors[one.instead_of] = (*successors.get(one.instead_of, ()), one.line_id)
        made = order.with_lines((_succeeding(order.lines[one.instead_of], one), one.quantity) for one in self.lines)
        return with_return(made, self.return_id, successors=FrozenMap(successors))


def _succeeding(line: Line, one: Successor) -> Line:
    """The line under which goods are sent for those of another: with its terms, and measured like it, if the same."""
    kept = {} if one.sku == line.sku else {"measure_unit": "", "estimated_measure": None}
    origin = Origin("replacement_of" if one.is_free else "exchange_for", line.id)
    return line.replace(id=one.line_id, sku=one.sku, stated_price=None, stated_with_tax=None, origin=origin, **kept)


@event("return_credited")
class ReturnCredited(Event):
    """Units of a return are given back in money, by line, but for what ``withheld`` of them are worth.

    ``measures`` is what they measure, where that is what is priced.
    """

    return_id: str
    quantities: FrozenMap[str, Decimal]
    withheld: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    measures: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)

    def apply(self, order: Order) -> Order:
        """The units are given back."""
        known = order.returns[self.return_id]
        worth = {id: EXACT.subtract(units, self.withheld.get(id, ZERO)) for id, units in self.quantities.items()}
        return with_return(
            order.refunding({line_id: units for line_id, units in worth.items() if units}, self.measures),
            known.id,
            credited=added(known.credited, self.quantities.items()),
            withheld=added(known.withheld, self.withheld.items()),
            credits=known.credits + 1,
        )


# -- what is owed ---------------------------------------------------------------------------------------------------


def owed(order: Order, line_id: str, basis: str) -> Decimal:
    """Units that were paid for with a line, and that the customer neither keeps nor is still to get."""
    family = [line.id for line in order.lines.values() if order.paid_line(line.id) == line_id]
    most = left = order.not_given_back(line_id)
    for member in family:
        left = EXACT.subtract(left, order.live_quantity(member))
        for known in order.returns.values():
            left = EXACT.add(left, _gone_back(order, known, member, basis))
            left = EXACT.subtract(left, known.withheld.get(member, ZERO))
        left = EXACT.add(left, _made_good(order, member))
    return max(ZERO, min(most, left))


def _gone_back(order: Order, known: Return, line_id: str, basis: str) -> Decimal:
    """Units that the customer does not keep because of a return."""
    coming = ZERO
    if basis == "authorized" and not known.ended:
        coming = order.ledger.balance(line_id, returning(known.id))
    return known.back(line_id, coming)


def _made_good(order: Order, line_id: str) -> Decimal:
    """Units that are made good although they did not come back: by a claim, or in a loss; none of them by both."""
    claimed = total(known.claimed(line_id) for known in order.returns.values())
    settled = total(known.settled.get(line_id, ZERO) for known in order.returns.values())
    made = [order.made_good(one) for one in order.parcels.values() if one.replacements or one.credited]
    lost = total(one.get(line_id, ZERO) for one in made)
    if not claimed or not lost:
        return EXACT.add(claimed, lost)
    return min(EXACT.add(claimed, lost), EXACT.add(order.with_customer(line_id), settled))


def _credit(order: Order, known: Return, basis: str) -> ReturnCredited | None:
    """What of a return is to be given back now."""
    quantities: dict[str, Decimal] = {}
    withheld: dict[str, Decimal] = {}
    measures: dict[str, Decimal] = {}
    most: dict[str, Decimal] = {}
    for line_id in _lines_of(known):
        done = known.credited.get(line_id, ZERO)
        units = EXACT.subtract(_due_in_money(order, known, line_id, basis), done)
        paid = order.paid_line(line_id)
        if units <= 0:
            continue
        most[paid] = most[paid] if paid in most else owed(order, paid, basis)
        units = min(units, most[paid])
        if units <= 0:
            continue
        most[paid] = EXACT.subtract(most[paid], units)
        quantities[line_id] = units
        kept = EXACT.subtract(known.deducted.get(line_id, ZERO), known.withheld.get(line_id, ZERO))
        if kept := max(ZERO, min(kept, units)):
            withheld[line_id] = kept
        if (measure := _measure(order, known, line_id, done, units)) is not None:
            worth = EXACT.subtract(units, kept)
            measures[line_id] = measure if not kept else ratio_cut(EXACT.multiply(measure, worth), units)
    if not quantities:
        return None
    return ReturnCredited(known.opened_at, known.id, FrozenMap(quantities), FrozenMap(withheld), FrozenMap(measures))


def _due_in_money(order: Order, known: Return, line_id: str, basis: str) -> Decimal:
    """Units that are due to be given back: where others are sent for them, those of which these are not wanted."""
    due = known.due(line_id, basis)
    if known.resolution != "replacement":
        return due
    if not order.is_over:
        due = min(due, total(order.ledger.ordered(other) for other in known.successors.get(line_id, ())))
    return EXACT.subtract(due, replaced_under(order, known, line_id))


def _lines_of(known: Return) -> Iterator[str]:
    return iter(dict.fromkeys((*known.authorized, *known.received)))


def _measure(order: Order, known: Return, line_id: str, done: Decimal, units: Decimal) -> Decimal | None:
    """What units measure that are given back, after ``done`` of them: as read at the dock, or else as they left."""
    if not order.lines[line_id].measure_unit:
        return None
    before = EXACT.add(done, known.settled.get(line_id, ZERO))
    so_far, by_then = known.measure_of(line_id, before), known.measure_of(line_id, EXACT.add(before, units))
    if so_far is not None and by_then is not None:
        return EXACT.subtract(by_then, so_far)
    for move in known.taken:
        parcel = order.parcels.get(place_of(move.source))
        if move.line_id == line_id and parcel is not None and kind_of(move.source) != "received":
            return parcel.measure_of(line_id, units)
    return None


# -- what follows ---------------------------------------------------------------------------------------------------


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """Goods are ordered, money is given back, and what is settled is closed: return by return."""
    for known in order.returns.values():
        if known.ended in ("refused", "cancelled") or not known.resolution:
            continue
        ordered = _ordered(order, known, policy)
        if ordered:
            yield ExchangeOrdered(at, known.id, ordered)
            return
        credit = _credit(order, known, policy.credit_on)
        if credit is not None:
            yield evolved(credit, at=at)
            return
        if not known.ended and "close_return" in policy.automatic and _is_settled(order, known):
            state = policy.return_step(order, known, "close")
            if state is not None:
                yield ReturnClosed(at, known.id, state)
                return


def _ordered(order: Order, known: Return, policy: Policy) -> tuple[Successor, ...]:
    """What is to be sent for units of a return, and was not ordered yet."""
    if known.resolution not in ("exchange", "replacement") or order.is_over:
        return ()
    is_free = known.resolution == "replacement"
    basis = "received" if policy.exchange_on == "received" or known.kind == "undelivered" else "authorized"
    number, found = len(order.lines), []
    for line_id in _lines_of(known):
        done = total(order.ledger.ordered(successor) for successor in known.successors.get(line_id, ()))
        units = EXACT.subtract(EXACT.subtract(known.due(line_id, basis), known.credited.get(line_id, ZERO)), done)
        if not is_free:
            units = EXACT.subtract(known.due(line_id, basis), done)
        elif known.kind == "undelivered":
            units = min(units, owed(order, order.paid_line(line_id), basis))
        for sku, more in _by_product(order, known, line_id, units):
            number += 1
            found.append(Successor(f"L{number}", line_id, sku, more, is_free))
    return tuple(found)


def _by_product(order: Order, known: Return, line_id: str, units: Decimal) -> Iterator[tuple[str, Decimal]]:
    """So many units more of each product that is sent for units of a line: as was asked, the first ones first."""
    wanted: dict[str, Decimal] = {}
    for line in known.lines:
        if line.line_id == line_id:
            sku = line.sku or order.lines[line_id].sku
            wanted[sku] = EXACT.add(wanted.get(sku, ZERO), line.quantity)
    ordered = dict.fromkeys(wanted, ZERO)
    for successor in known.successors.get(line_id, ()):
        sku = order.lines[successor].sku
        ordered[sku] = EXACT.add(ordered.get(sku, ZERO), order.ledger.ordered(successor))
    left = units
    for sku, most in wanted.items():
        if (more := min(left, EXACT.subtract(most, ordered[sku]))) > 0:
            yield sku, more
            left = EXACT.subtract(left, more)
    if left > 0:
        yield next(iter(wanted), order.lines[line_id].sku), left


def _is_settled(order: Order, known: Return) -> bool:
    """Whether nothing of a return is open: no goods, no question, no word of the inventory or of a carrier."""
    held = order.ledger.held
    if not known.authorized and not known.receipts:
        return False
    return (
        returning(known.id) not in held
        and received(known.id) not in held
        and not known.unexpected
        and not known.restockings
        and (known.shipment is None or known.shipment.stage != "requested")
        and order.case_about(known.id) is None
    )


def _looks_at(order: Order) -> tuple[str, ...]:
    if not order.returns:
        return ("returns",)
    return ("returns", "ledger", "parcels", "tranches", "given_back", "cases", "lines", "milestones")


STAGE = Stage(
    name="returns_settlement",
    events=(ExchangeOrdered, ReturnCredited),
    follow=_follow,
    looks_at=_looks_at,
)
