"""What an amendment comes to: which units come and go, whose word that needs, and how the order reads then.

Units that nobody has in a parcel, and no fulfiller has, come and go at once. Others are wished back, as by a
cancellation: from a parcel, or from a fulfiller. And where goods are to go another way than somebody was told, that
somebody is asked: a carrier to void its booking, a fulfiller to do its work otherwise. Until then, and where they
decline, these goods go as they would have gone. A shipment that no carrier was asked about yet is planned anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import attrs

from orderflow.kits import Kit
from orderflow.ledger import CANCELLED, OPEN, ORDERED, Move, allocated, kind_of, units_by_line
from orderflow.messages import Event
from orderflow.order import Order, Redirection, Shipment
from orderflow.policy import Policy
from orderflow.stages.acceptance import PlacedLine, exploded_rows
from orderflow.stages.amending import AmendOrder, OrderAmended, PriceOverridden, changed_terms
from orderflow.stages.amendment_kits import changed_rows, of_components
from orderflow.stages.booking import ShipmentPlanned, ShipmentWithdrawn
from orderflow.stages.changes import (
    CancellationRequested,
    CancellationWithdrawn,
    asks_nobody,
    cancellable,
    still_wanted,
    wished,
)
from orderflow.stages.packing import way_of
from orderflow.stages.repricing import overridden
from orderflow.values.checked import evolved
from orderflow.values.numbers import EXACT, ZERO

__all__ = ["Plan", "had_back", "less_of", "plan_of", "redirected_lines", "reworked"]


@attrs.frozen
class Plan:
    """What an amendment comes to: the order before it and after it, units wished back, or wanted back after all."""

    before: Order
    after: Order
    amended: OrderAmended
    asked: tuple[Move, ...] = ()
    wanted_again: tuple[Move, ...] = ()
    overridden: PriceOverridden | None = None
    replanned: tuple[Event, ...] = ()

    @property
    def changes_anything(self) -> bool:
        """Whether the order is another one after it, or is to be."""
        return bool(self.asked) or self.changes_now

    @property
    def changes_now(self) -> bool:
        """Whether the order is another one at once, without anyone's word."""
        if self.wanted_again or self.overridden is not None:
            return True
        amended = self.amended
        if amended.moves or amended.added or amended.changed:
            return True
        return any(getattr(amended, name) is not None for name in ("ship_to", "terms", "instructions"))

    def events(self, at: datetime, reason: str) -> Iterator[Event]:
        """What happens by it."""
        if self.wanted_again:
            yield CancellationWithdrawn(at, self.wanted_again)
        if self.changes_now:
            yield evolved(self.amended, at=at, reason=self.amended.reason or reason)
        if self.overridden is not None:
            yield evolved(self.overridden, at=at)
        yield from (evolved(event, at=at) for event in self.replanned)
        if self.asked:
            yield CancellationRequested(at, self.amended.reason or reason, self.asked)


def plan_of(order: Order, command: AmendOrder, policy: Policy) -> Plan:
    """What an amendment of lines that exist comes to."""
    at = order.placed_at
    command = of_components(order, command)
    fewer, wanted_again, more = _units(order, command, policy)
    gone = wished(order, fewer, policy)
    moves = (*more, *(move for move in gone if asks_nobody(order, move)))
    ship_to = command.ship_to if command.ship_to != order.ship_to else None
    terms = changed_terms(order.terms, command)
    instructions = command.instructions if command.instructions != order.instructions else None
    added, kits = _added(order, command, moves)
    changed, changed_kits = changed_rows(order, command)
    amended = OrderAmended(
        at,
        moves,
        added,
        changed,
        ship_to,
        terms if terms != order.terms else None,
        instructions,
        reason=command.reason,
        kits=(*kits, *changed_kits),
    )
    amended = evolved(amended, moves=(*moves, *_given_anew(order, amended, policy)))
    after = amended.apply(order)
    amended = evolved(amended, redirections=tuple(_redirections(order, after, at)))
    agreed = overridden(after, command.prices, command.reason, at)
    return Plan(
        order,
        after if agreed is None else agreed.apply(after),
        amended,
        tuple(move for move in gone if not asks_nobody(order, move)),
        wanted_again,
        agreed,
        tuple(_replanned(order, after, at)),
    )


# -- units ----------------------------------------------------------------------------------------------------------


def less_of(order: Order, line_id: str, quantity: Decimal) -> Decimal:
    """How many units fewer of a line are wanted than so far; below zero, more."""
    return EXACT.subtract(still_wanted(order, line_id), quantity)


def had_back(order: Order, line_id: str, policy: Policy) -> Decimal:
    """Units of a line that can be had back without asking anyone."""
    units = cancellable(order, line_id, policy)
    moves = wished(order, {line_id: units}, policy)
    return units_by_line(move for move in moves if asks_nobody(order, move)).get(line_id, ZERO)


def _units(
    order: Order, command: AmendOrder, policy: Policy
) -> tuple[dict[str, Decimal], tuple[Move, ...], tuple[Move, ...]]:
    """By line, how many units fewer are wanted; which units wished back so far are wanted after all; those ordered."""
    fewer, again, more = dict[str, Decimal](), list[Move](), list[Move]()
    for line_id, quantity in command.wanted.items():
        less = less_of(order, line_id, quantity)
        if less > 0:
            fewer[line_id] = less
        elif less < 0:
            kept = tuple(_wanted_again(order, line_id, EXACT.minus(less)))
            again += kept
            if left := EXACT.subtract(EXACT.minus(less), units_by_line(kept).get(line_id, ZERO)):
                more.append(Move(line_id, ORDERED, OPEN, left))
    for line_id, said in command.substitute.items():
        units = had_back(order, line_id, policy)
        fewer[line_id] = units if said.quantity is None else min(units, said.quantity)
    return fewer, tuple(again), tuple(more)


def _wanted_again(order: Order, line_id: str, units: Decimal) -> Iterator[Move]:
    """Units in parcels that wait to be cancelled, and are wanted after all; what a fulfiller was told stands."""
    for move in order.to_be_cancelled:
        if move.line_id == line_id and units > 0 and kind_of(move.source) == "packed":
            taken = min(units, move.quantity)
            units = EXACT.subtract(units, taken)
            yield evolved(move, quantity=taken)


# -- lines ----------------------------------------------------------------------------------------------------------


def _added(order: Order, command: AmendOrder, moves: Iterable[Move]) -> tuple[tuple[PlacedLine, ...], tuple[Kit, ...]]:
    """The lines more: those that are ordered, with their kits, and those that stand in for units taken out."""
    number = len(order.lines) + 1
    lines, kits = exploded_rows(command.add, number)
    instead = tuple(_instead(order, command, moves, number + len(command.add)))
    return (*lines, *instead), kits


def _instead(order: Order, command: AmendOrder, moves: Iterable[Move], number: int) -> Iterator[PlacedLine]:
    """The lines that stand in for units taken out, numbered from here."""
    gone = units_by_line(move for move in moves if move.target == CANCELLED)
    for line_id, said in command.substitute.items():
        if units := gone.get(line_id, ZERO):
            line = order.lines[line_id].standing_in(f"L{number}", said.sku)
            yield PlacedLine(line, EXACT.multiply(units, said.ratio))
            number += 1


def reworked(before: Order, after: Order) -> tuple[str, ...]:
    """The lines of which units are to be given work anew: delivered by another method, or not before another day."""

    def way(order: Order, line_id: str) -> tuple[Any, ...]:
        return order.method_of(line_id), order.terms_of(line_id).not_before

    return tuple(line_id for line_id in before.lines if way(before, line_id) != way(after, line_id))


def _given_anew(order: Order, amended: OrderAmended, policy: Policy) -> Iterator[Move]:
    """Units at locations that have not begun, of lines that are to be given work anew."""
    after = amended.apply(order)
    initial = policy.lifecycles.fulfillment.initial
    for line_id in reworked(order, after) if amended.terms is not None or amended.changed else ():
        for work in order.fulfillments.values():
            units = after.ledger.balance(line_id, allocated(work.id))
            if units and work.state == initial and work.id not in order.works:
                yield Move(line_id, allocated(work.id), OPEN, units)


# -- the way of goods that others have ------------------------------------------------------------------------------


def redirected_lines(before: Order, after: Order) -> frozenset[str]:
    """The lines that go to another address, by another service or carrier, than so far."""
    if before.ship_to == after.ship_to and before.terms == after.terms and before.lines == after.lines:
        return frozenset()
    return frozenset(id for id in before.lines if way_of(before, id)[:3] != way_of(after, id)[:3])


def _reworded_lines(before: Order, after: Order) -> frozenset[str]:
    """The lines of which fulfillers are to be told otherwise: their way, or what is to be minded about them."""
    if before.instructions != after.instructions:
        return frozenset(before.lines)
    reworded = (id for id in before.lines if before.lines[id].instructions != after.lines[id].instructions)
    return redirected_lines(before, after) | frozenset(reworded)


def _redirections(before: Order, after: Order, at: datetime) -> Iterator[Redirection]:
    redirected = redirected_lines(before, after)
    for shipment in before.shipments.values() if redirected else ():
        lines = _lines_in(before, shipment) & redirected
        if shipment.is_live and shipment.is_outstanding and any(_differs(after, shipment, one) for one in lines):
            yield Redirection(shipment.id, tuple(sorted(lines)), at)
    reworded = _reworded_lines(before, after) if before.works else frozenset()
    for work in before.works.values() if reworded else ():
        lines = frozenset(after.ledger.holding(allocated(work.fulfillment_id))) & reworded
        if lines:
            yield Redirection(work.fulfillment_id, tuple(sorted(lines)), at, work.request)


def _lines_in(order: Order, shipment: Shipment) -> frozenset[str]:
    """The lines of which units are in the parcels of a shipment that has not left."""
    return frozenset(line_id for parcel_id in shipment.parcel_ids for line_id in order.contents_of(parcel_id))


def _differs(order: Order, shipment: Shipment, line_id: str) -> bool:
    """Whether a line is to go otherwise than a shipment was, or would be, booked."""
    ship_to, service, carrier, _ = way_of(order, line_id)
    return (
        ship_to != shipment.ship_to
        or service not in (None, shipment.service)
        or carrier not in (None, shipment.carrier)
    )


def _replanned(before: Order, after: Order, at: datetime) -> Iterator[Event]:
    """Shipments that no carrier was asked about yet, and whose goods go otherwise now, are planned anew."""
    redirected, number = redirected_lines(before, after), len(before.shipments)
    for shipment in before.shipments.values() if redirected else ():
        lines = sorted(_lines_in(before, shipment) & redirected)
        if shipment.stage != "planned" or not any(_differs(after, shipment, one) for one in lines):
            continue
        yield ShipmentWithdrawn(at, shipment.id)
        if shipment.shared is None:
            number += 1
            ship_to, service, carrier, _ = way_of(after, lines[0])
            yield ShipmentPlanned(
                at,
                f"S{number}",
                shipment.parcel_ids,
                shipment.location,
                ship_to,
                carrier or shipment.carrier,
                service or shipment.service,
            )
