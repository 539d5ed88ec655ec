"""Where units come from that come back: what the customer has, in which parcels it came, and what was made good of it.

Units come back out of those parcels first for which nothing is due any more, so that nothing is made good twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from orderflow.ledger import SENT_BACK, Account, Move, delivered, kind_of, place_of, returning
from orderflow.order import Order, Return
from orderflow.stages.losses import DAMAGED, EXTRA
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.numbers import EXACT, ZERO, total

__all__ = ["at_the_customers", "location_of", "moves_back", "settled_in", "with_customer"]

#: Kinds of accounts whose units the customer has.
_WITH_CUSTOMER = ("delivered", "sent_back")


def at_the_customers(order: Order, line_id: str) -> list[Account]:
    """Where the ledger has units of a line that the customer has, in the order in which they come back.

    First those of parcels that arrived after they were made good, unless the customer may keep them: nothing is due for
    them. Last what was sent back to the customer.
    """
    held = [account for account, _ in order.ledger.accounts(line_id) if kind_of(account) in _WITH_CUSTOMER]
    return sorted(held, key=lambda account: (account == SENT_BACK, not _is_extra(order, account, line_id)))


def _is_extra(order: Order, account: Account, line_id: str) -> bool:
    """Whether units have arrived that were made good before, and nobody has let the customer keep them."""
    parcel = order.parcels.get(place_of(account))
    if parcel is None or parcel.given_up in ("", DAMAGED) or not order.made_good(parcel).get(line_id):
        return False
    choice = parcel.choices.get(EXTRA)
    return choice is None or choice.option != "customer_keeps"


def with_customer(order: Order, line_id: str, place: str = "", beside: str = "") -> Decimal:
    """Units of a line that the customer has, has not asked to return, and was not made good for in a claim.

    ``beside`` is a request that is not counted: the one that is being looked at.
    """
    open_ones = (one for one in order.returns.values() if one.is_requested and one.id != beside)
    asked = [line for one in open_ones for line in one.lines]
    mine = [line for line in asked if line.line_id == line_id]
    claimed = total(one.claimed(line_id) for one in order.returns.values())
    free = EXACT.subtract(_delivered_in(order, line_id), EXACT.add(claimed, total(line.quantity for line in mine)))
    if place:
        there = total(line.quantity for line in mine if line.parcel_id == place)
        free = min(free, EXACT.subtract(_delivered_in(order, line_id, place), there))
    return max(ZERO, free)


def _delivered_in(order: Order, line_id: str, place: str = "") -> Decimal:
    """Units of a line that the customer has: out of one parcel, or of all, with what was sent back."""
    if place:
        return order.ledger.balance(line_id, delivered(place))
    return total(order.ledger.of_kind(line_id, kind) for kind in _WITH_CUSTOMER)


def moves_back(order: Order, known: Return, units: Mapping[str, Decimal]) -> tuple[Move, ...]:
    """Out of which parcels units are returned: as many as were named of each, then as units come back."""
    moves = []
    for line_id, wanted in units.items():
        mine = (line for line in known.lines if line.line_id == line_id)
        named = [(delivered(line.parcel_id), line.quantity) for line in mine if line.parcel_id]
        found: dict[Account, Decimal] = {}
        left = wanted
        for account, most in (*named, *((account, wanted) for account in at_the_customers(order, line_id))):
            there = EXACT.subtract(order.ledger.balance(line_id, account), found.get(account, ZERO))
            taken = min(left, most, there)
            if taken > 0:
                found[account] = EXACT.add(found.get(account, ZERO), taken)
                left = EXACT.subtract(left, taken)
        moves += [Move(line_id, account, returning(known.id), taken) for account, taken in found.items()]
    return tuple(moves)


def settled_in(order: Order, moves: Iterable[Move]) -> FrozenMap[str, Decimal]:
    """Of units that come under a return, those that were made good before: in each parcel they count first.

    So they do of what was sent back to the customer, and comes once more.
    """
    moves = tuple(moves)
    left = {parcel.id: order.made_good(parcel) for parcel in order.parcels.values()}
    left[place_of(SENT_BACK)] = {move.line_id: _settled_and_sent_back(order, move.line_id) for move in moves}
    for one in order.returns.values():
        settled = dict(one.settled)
        for move in one.taken:
            units = _made_good(left, move, settled.get(move.line_id, ZERO))
            settled[move.line_id] = EXACT.subtract(settled.get(move.line_id, ZERO), units)
    found: dict[str, Decimal] = {}
    for move in moves:
        if units := _made_good(left, move, move.quantity):
            found[move.line_id] = EXACT.add(found.get(move.line_id, ZERO), units)
    return FrozenMap(found)


def _made_good(left: dict[str, dict[str, Decimal]], move: Move, most: Decimal) -> Decimal:
    """Units of a move, at most so many, that were made good where it begins, of those that are left; they are less."""
    there = left.get(place_of(move.source), {})
    units = max(ZERO, min(move.quantity, most, there.get(move.line_id, ZERO)))
    if units:
        there[move.line_id] = EXACT.subtract(there[move.line_id], units)
    return units


def _settled_and_sent_back(order: Order, line_id: str) -> Decimal:
    """Units that had been made good before they came, and were sent back to the customer all the same."""
    found = ZERO
    for one in order.returns.values():
        kept = EXACT.subtract(one.received.get(line_id, ZERO), one.sent_back.get(line_id, ZERO))
        found = EXACT.add(found, max(ZERO, EXACT.subtract(one.settled.get(line_id, ZERO), kept)))
    return found


def location_of(order: Order, moves: Iterable[Move]) -> str:
    """Where goods go that came in parcels, or were handed over: where they were sent from, or sent back from."""
    for move in moves:
        if move.source == SENT_BACK:
            before = (one.location for one in order.returns.values() if move.line_id in one.sent_back)
            return next(filter(None, before), "")
        place = place_of(move.source)
        part = order.parcels.get(place) or order.handovers.get(place)
        work = order.fulfillments.get(part.fulfillment_id) if part is not None else None
        if work is not None and work.location:
            return work.location
    return ""
