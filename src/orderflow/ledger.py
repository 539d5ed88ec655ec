"""The goods ledger: where the units of each line are.

Units move between *accounts*: ``open``, ``backordered``, ``allocated:F1``, ``picked:F1``, ``packed:P1``,
``shipped:P1``, ``delivered:P1``, ``returning:R1``, ``received:R1``, ``restocked``, ``cancelled`` and so on. They enter
from two sources, ``ordered`` and ``surplus``, whose balances are negative: they count what has come out of them. Every
event that touches goods is a list of moves, and no move can take more than its account holds. So the books balance by
construction:

    units in all accounts of a line = ordered + surplus

and what cannot be written down cannot happen: shipping what was not packed, restocking twice, losing a unit. Status is
derived from the balances, in exact quantities.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from typing import NewType

import attrs

from orderflow.errors import LedgerImbalance
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.numbers import EXACT, total_by
from orderflow.values.record import record

__all__ = [
    "BACKORDERED",
    "CAME_BACK",
    "CANCELLED",
    "CLOSED_SHORT",
    "GIVEN_UP",
    "GONE",
    "HERE",
    "KINDS",
    "OPEN",
    "ORDERED",
    "RESTOCKED",
    "SCRAPPED",
    "SENT_BACK",
    "SOURCES",
    "SURPLUS",
    "Account",
    "Ledger",
    "Move",
    "allocated",
    "delivered",
    "gone",
    "kind_of",
    "lost",
    "packed",
    "picked",
    "place_of",
    "received",
    "returning",
    "shipped",
    "units_by_line",
]

Account = NewType("Account", str)

ORDERED = Account("ordered")
SURPLUS = Account("surplus")
OPEN = Account("open")
BACKORDERED = Account("backordered")
CANCELLED = Account("cancelled")
CLOSED_SHORT = Account("closed_short")
RESTOCKED = Account("restocked")
SCRAPPED = Account("scrapped")
SENT_BACK = Account("sent_back")

#: Out of these all units come.
SOURCES = frozenset({ORDERED, SURPLUS})
#: In these are units that are not wanted any more.
GIVEN_UP = frozenset({CANCELLED, CLOSED_SHORT})
#: Between these and all other accounts units come to be wanted, or are wanted no more.
_NOT_WANTED = SOURCES | GIVEN_UP

#: Every kind of account, in the order in which goods pass through them.
KINDS = (
    "open",
    "backordered",
    "allocated",
    "picked",
    "packed",
    "shipped",
    "delivered",
    "returning",
    "received",
    "restocked",
    "scrapped",
    "sent_back",
    "lost",
    "cancelled",
    "closed_short",
)
#: Kinds of accounts whose units are with us, and have not left.
HERE = frozenset({"open", "backordered", "allocated", "picked", "packed"})
#: Kinds of accounts whose units have left.
GONE = frozenset({"shipped", "delivered", "lost"})
#: Kinds of accounts whose units have left, and come back.
CAME_BACK = frozenset({"returning", "received", "restocked", "scrapped", "sent_back"})

_ZERO = Decimal(0)


def allocated(fulfillment_id: str) -> Account:
    """Units assigned to the work of one location, not yet picked."""
    return Account(f"allocated:{fulfillment_id}")


def picked(fulfillment_id: str) -> Account:
    """Units taken from the shelf, not yet packed."""
    return Account(f"picked:{fulfillment_id}")


def packed(parcel_id: str) -> Account:
    """Units in a parcel that has not left."""
    return Account(f"packed:{parcel_id}")


def shipped(parcel_id: str) -> Account:
    """Units in a parcel on its way."""
    return Account(f"shipped:{parcel_id}")


def delivered(parcel_id: str) -> Account:
    """Units that reached the customer in a parcel."""
    return Account(f"delivered:{parcel_id}")


def lost(parcel_id: str) -> Account:
    """Units that left in a parcel and will not arrive: lost, or damaged beyond use."""
    return Account(f"lost:{parcel_id}")


def gone(parcel_id: str) -> tuple[Account, ...]:
    """Where the units of a parcel may be that has left: on its way, arrived, or lost."""
    return shipped(parcel_id), delivered(parcel_id), lost(parcel_id)


def returning(return_id: str) -> Account:
    """Units that the customer is to send back, or has sent."""
    return Account(f"returning:{return_id}")


def received(return_id: str) -> Account:
    """Units that came back, and of which nobody has decided yet what becomes of them."""
    return Account(f"received:{return_id}")


def kind_of(account: Account) -> str:
    """``packed`` of ``packed:P1``."""
    return account.partition(":")[0]


def place_of(account: Account) -> str:
    """``P1`` of ``packed:P1``; empty where the account has no place."""
    return account.partition(":")[2]


@record
class Move:
    """Units of one line go from one account to another."""

    line_id: str
    source: Account
    target: Account
    quantity: Decimal

    def __str__(self) -> str:
        return f"{self.quantity} {self.line_id} {self.source} -> {self.target}"


def _balances() -> FrozenMap[str, FrozenMap[Account, Decimal]]:
    return FrozenMap()


def units_by_line(moves: Iterable[Move]) -> FrozenMap[str, Decimal]:
    """How many units of each line some moves are about."""
    return FrozenMap(total_by((move.line_id, move.quantity) for move in moves))


@record(slots=False)
class Ledger:
    """The balances of every account of every line."""

    balances: FrozenMap[str, FrozenMap[Account, Decimal]] = attrs.field(factory=_balances)

    @property
    def held(self) -> dict[Account, dict[str, Decimal]]:
        """What each account that is not empty holds, by line; the sources are not among them. Worked out once."""
        index: dict[Account, dict[str, Decimal]] | None = self.__dict__.get("_held")
        if index is None:
            index = self.__dict__["_held"] = {}
            for line_id, line in self.balances.items():
                for account, quantity in line.items():
                    if account not in SOURCES:
                        index.setdefault(account, {})[line_id] = quantity
        return index

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of accounts that hold anything. Worked out once."""
        kinds: frozenset[str] | None = self.__dict__.get("_kinds")
        if kinds is None:
            kinds = self.__dict__["_kinds"] = frozenset(map(kind_of, self.held))
        return kinds

    @property
    def lives(self) -> dict[str, Decimal]:
        """Units of each line that are neither cancelled nor closed short, surplus included. Worked out once.

        The next ledger has the very same, as long as no more is ordered, comes beyond the order, or is given up.
        """
        known: dict[str, Decimal] | None = self.__dict__.get("_lives")
        if known is None:
            known = self.__dict__["_lives"] = {line_id: self._live(line_id) for line_id in self.balances}
        return known

    def _live(self, line_id: str) -> Decimal:
        came = EXACT.add(self.ordered(line_id), self.surplus(line_id))
        gone = EXACT.add(self.balance(line_id, CANCELLED), self.balance(line_id, CLOSED_SHORT))
        return EXACT.subtract(came, gone)

    def live(self, line_id: str) -> Decimal:
        """Units of a line, surplus included, that are neither cancelled nor closed short."""
        return self.lives.get(line_id, _ZERO)

    def kinds_of(self, line_id: str) -> frozenset[str]:
        """The kinds of accounts in which a line has units. Worked out once."""
        known: dict[str, frozenset[str]] = self.__dict__.setdefault("_kinds_of", {})
        kinds = known.get(line_id)
        if kinds is None:
            kinds = known[line_id] = frozenset(kind_of(account) for account, _ in self.accounts(line_id))
        return kinds

    def moved(self, moves: Iterable[Move]) -> Ledger:
        """The ledger after ``moves``, taken in order.

        Raises:
            LedgerImbalance: a move would take more than the account holds, or is not of a positive quantity.
        """
        touched: dict[str, dict[Account, Decimal]] = {}
        wanted_otherwise: set[str] = set()
        for move in moves:
            if move.quantity <= 0:
                raise LedgerImbalance(f"a move must be of a positive quantity: {move}")
            line = touched.get(move.line_id)
            if line is None:
                line = touched[move.line_id] = dict(self.balances.get(move.line_id, ()))
            left = EXACT.subtract(line.get(move.source, _ZERO), move.quantity)
            if left < 0 and move.source not in SOURCES:
                raise LedgerImbalance(f"{move.source} of {move.line_id} holds too little: {move}")
            if left:
                line[move.source] = left
            else:
                line.pop(move.source, None)
            line[move.target] = EXACT.add(line.get(move.target, _ZERO), move.quantity)
            if move.source in _NOT_WANTED or move.target in _NOT_WANTED:
                wanted_otherwise.add(move.line_id)
        if not touched:
            return self
        after = Ledger(self.balances.merged({line_id: FrozenMap(line) for line_id, line in touched.items()}))
        after._take_over(self, touched, wanted_otherwise)
        return after

    def _take_over(self, before: Ledger, touched: Collection[str], wanted_otherwise: Collection[str]) -> None:
        """What was worked out about the ledger before, where the moves since then did not touch it."""
        lives = before.__dict__.get("_lives")
        if lives is not None:
            if wanted_otherwise:
                lives = lives | {line_id: self._live(line_id) for line_id in wanted_otherwise}
            self.__dict__["_lives"] = lives
        if kinds := before.__dict__.get("_kinds_of"):
            self.__dict__["_kinds_of"] = {line_id: held for line_id, held in kinds.items() if line_id not in touched}

    def balance(self, line_id: str, account: Account) -> Decimal:
        """Units of a line in one account."""
        line = self.balances.get(line_id)
        return line.get(account, _ZERO) if line is not None else _ZERO

    def ordered(self, line_id: str) -> Decimal:
        """Units of a line that were ever ordered."""
        return self.balance(line_id, ORDERED).copy_abs()

    def surplus(self, line_id: str) -> Decimal:
        """Units of a line that came beyond the order."""
        return self.balance(line_id, SURPLUS).copy_abs()

    def accounts(self, line_id: str) -> Iterator[tuple[Account, Decimal]]:
        """The accounts of a line that hold units (the sources are not among them)."""
        line = self.balances.get(line_id)
        if line is not None:
            for account, quantity in line.items():
                if account not in SOURCES:
                    yield account, quantity

    def of_kind(self, line_id: str, kind: str) -> Decimal:
        """Units of a line in all accounts of one kind: all that is packed, in whatever parcel."""
        total = _ZERO
        for account, quantity in self.accounts(line_id):
            if kind_of(account) == kind:
                total = EXACT.add(total, quantity)
        return total

    def by_kind(self) -> dict[str, Decimal]:
        """Units of all lines by kind of account, in the order of `KINDS`; kinds that hold nothing are left out."""
        totals = total_by((kind_of(account), q) for line_id in self.balances for account, q in self.accounts(line_id))
        return {kind: totals[kind] for kind in KINDS if kind in totals}

    def holding(self, account: Account) -> dict[str, Decimal]:
        """What one account holds, by line: the contents of a parcel, the work of a fulfillment."""
        return dict(self.held.get(account, ()))

    def holds_any(self, account: Account) -> bool:
        """Whether an account holds units of any line."""
        return account in self.held

    def is_balanced(self) -> bool:
        """Whether every line sums to what was ordered and what came beyond it, and no account is below nothing."""
        for line in self.balances.values():
            total = _ZERO
            for account, quantity in line.items():
                if quantity < 0 and account not in SOURCES:
                    return False
                total = EXACT.add(total, quantity)
            if total:
                return False
        return True
