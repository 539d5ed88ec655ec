"""The words of an amendment: the command that asks for it, its parts, and the events that record it.

An amendment is one command, however much it changes: it happens as a whole or not at all. What it says about the whole
order holds for every line that says nothing of its own; what it says about a line, for that line. Left out means: as it
was; what is to be taken back is named in ``clear``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, get_args

import attrs

from orderflow.charges import TaxGroup, Tranche, given_back
from orderflow.errors import InvalidInput, Problems
from orderflow.kits import Kit, with_substitute
from orderflow.ledger import CANCELLED, Move
from orderflow.messages import Command, Event, command, event
from orderflow.order import Line, Order, Redirection, Terms
from orderflow.stages.acceptance import OrderLine, PlacedLine, as_method, as_order_line, as_price, as_window, texts
from orderflow.stages.stage import by_line
from orderflow.values.address import Address, as_address
from orderflow.values.checked import PERSONAL, as_flag, checked, evolved, optional, tuple_of, value
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_reference, as_text
from orderflow.values.money import Money
from orderflow.values.numbers import ONE, as_not_negative, as_positive, ratio_cut, total
from orderflow.values.quantity import as_amount
from orderflow.values.times import Window, as_day

__all__ = [
    "DATES",
    "OF_LINES",
    "OF_ORDERS",
    "THE_WAY",
    "AmendOrder",
    "LineChange",
    "OrderAmended",
    "PriceOverridden",
    "PriceOverride",
    "RedirectionDeclined",
    "RedirectionSettled",
    "Substitution",
    "changed_terms",
]

_OrderTerm: TypeAlias = Literal["deliver_by", "not_before", "service", "carrier", "method", "complete"]
_LineTerm: TypeAlias = Literal[
    "deliver_by", "not_before", "service", "carrier", "method", "complete", "window", "ship_to"
]
#: The terms that an amendment may change: of an order, and of a line.
OF_ORDERS: tuple[str, ...] = get_args(_OrderTerm)
OF_LINES: tuple[str, ...] = get_args(_LineTerm)
#: The fields of an order that say where its goods go, and how.
THE_WAY = ("ship_to", "terms", "lines", "instructions")
DATES = frozenset({"deliver_by", "not_before", "window"})
T = TypeVar("T")


def _check_cleared(said: LineChange | AmendOrder) -> None:
    """What is to be taken back is not given anew as well."""
    problems = Problems()
    for index, name in enumerate(said.clear):
        if getattr(said, name) is not None:
            problems.add("amendment.said_twice", f"{name} is taken back, and given", f"clear[{index}]")
    problems.raise_any()


def _as_cleared(known: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    def one(raw: Any) -> Any:
        if raw not in known:
            raise InvalidInput.because("amendment.cannot_clear", f"must be one of {', '.join(known)}")
        return raw

    return tuple_of(one)


def _by_line(kind: str, convert: Callable[[Any], T]) -> Callable[[Any], FrozenMap[str, T]]:
    """A converter of mappings by line id; every problem is told with the line that it is about."""

    def converting(raw: Any) -> FrozenMap[str, T]:
        if not isinstance(raw, Mapping):
            raise InvalidInput.because("amendment.not_by_line", f"must map line ids to {kind}")
        problems, found = Problems(), dict[str, T]()
        for line_id, said in raw.items():
            with problems.at(f"[{line_id}]"):
                found[as_id(line_id)] = convert(said)
        problems.raise_any()
        return FrozenMap(found)

    return converting


def _as_quantities(raw: Any) -> FrozenMap[str, Decimal]:
    if not isinstance(raw, Mapping):
        raise InvalidInput.because("amendment.not_by_line", "must map line ids to their new quantities")
    return by_line(raw, as_not_negative)


def _as_tax_group(raw: Any) -> TaxGroup:
    if not isinstance(raw, TaxGroup):
        raise InvalidInput.because("amendment.not_a_tax_group", f"must be a TaxGroup, not {type(raw).__name__}")
    return raw


@value
class Substitution:
    """Another product for units of a line that can still be had back: ``ratio`` units of it for one.

    Without a ``quantity``, for all of them.
    """

    sku: str = checked(as_reference)
    ratio: Decimal = checked(as_positive, default=ONE)
    quantity: Decimal | None = checked(optional(as_amount), default=None)

    if TYPE_CHECKING:

        def __init__(
            self, sku: str, ratio: Decimal | int | str = 1, quantity: Decimal | int | str | None = None
        ) -> None: ...


@value
class PriceOverride:
    """A price agreed by hand, for ``per`` units, shown as the line's prices are: before tax, or with it.

    It takes the place of the list price and of discounts on the line; the line's share of shipping, and of what was
    agreed for the order as a whole, stays. ``tax_group`` and ``tax_included`` are for lines that have no price yet.
    """

    price: Money = checked(as_price)
    per: Decimal = checked(as_amount, default=ONE)
    tax_group: TaxGroup | None = checked(optional(_as_tax_group), default=None)
    tax_included: bool = checked(as_flag, default=False)

    if TYPE_CHECKING:

        def __init__(
            self,
            price: Money,
            per: Decimal | int | str = 1,
            tax_group: TaxGroup | None = None,
            tax_included: bool = False,
        ) -> None: ...


@value
class LineChange:
    """What is to be otherwise about a line: its own terms and instructions; ``clear`` names terms to be taken back.

    A line without an own term has the order's.
    """

    deliver_by: date | None = checked(optional(as_day), default=None)
    window: Window | None = checked(optional(as_window), default=None)
    not_before: date | None = checked(optional(as_day), default=None)
    ship_to: Address | None = checked(optional(as_address), default=None)
    service: str | None = checked(optional(as_reference), default=None)
    carrier: str | None = checked(optional(as_reference), default=None)
    method: str | None = checked(optional(as_method), default=None)
    complete: str | None = checked(optional(as_id), default=None)
    instructions: tuple[str, ...] | None = checked(optional(texts), default=None, personal=True)
    clear: tuple[_LineTerm, ...] = checked(_as_cleared(OF_LINES), default=())

    if TYPE_CHECKING:

        def __init__(
            self,
            deliver_by: date | None = None,
            window: Window | None = None,
            not_before: date | None = None,
            ship_to: Address | None = None,
            service: str | None = None,
            carrier: str | None = None,
            method: str | None = None,
            complete: str | None = None,
            instructions: Iterable[str] | None = None,
            clear: Iterable[_LineTerm] = (),
        ) -> None: ...

    def _check(self) -> None:
        _check_cleared(self)


def _as_substitution(raw: Any) -> Substitution:
    if isinstance(raw, tuple | list) and len(raw) == 2:
        return Substitution(*raw)
    return raw if isinstance(raw, Substitution) else Substitution(raw)


def _as_override(raw: Any) -> PriceOverride:
    return raw if isinstance(raw, PriceOverride) else PriceOverride(raw)


def _as_change(raw: Any) -> LineChange:
    if not isinstance(raw, LineChange):
        raise InvalidInput.because("amendment.not_a_change", f"must be a LineChange, not {type(raw).__name__}")
    return raw


@command("amend_order")
class AmendOrder(Command):
    """Change an order that was placed: how much of what, where to, when, how, at which price. All of it or nothing.

    ``quantities`` are how many units of a line are wanted from now on; zero takes it out, as ``remove`` does. ``add``
    are lines more. ``prices`` are agreed by hand, for units that have not left, and need a ``reason``. The id of a kit
    stands for whole kits, that of a component for units of it; only components can be substituted.
    """

    order_id: str = checked(as_id)
    quantities: FrozenMap[str, Decimal] = checked(_as_quantities, default=FrozenMap())
    add: tuple[OrderLine, ...] = checked(tuple_of(as_order_line), default=())
    remove: tuple[str, ...] = checked(tuple_of(as_id), default=())
    substitute: FrozenMap[str, Substitution] = checked(_by_line("substitutes", _as_substitution), default=FrozenMap())
    lines: FrozenMap[str, LineChange] = checked(_by_line("changes", _as_change), default=FrozenMap())
    prices: FrozenMap[str, PriceOverride] = checked(_by_line("prices", _as_override), default=FrozenMap())
    ship_to: Address | None = checked(optional(as_address), default=None)
    deliver_by: date | None = checked(optional(as_day), default=None)
    not_before: date | None = checked(optional(as_day), default=None)
    service: str | None = checked(optional(as_reference), default=None)
    carrier: str | None = checked(optional(as_reference), default=None)
    method: str | None = checked(optional(as_method), default=None)
    complete: str | None = checked(optional(as_id), default=None)
    instructions: tuple[str, ...] | None = checked(optional(texts), default=None, personal=True)
    clear: tuple[_OrderTerm, ...] = checked(_as_cleared(OF_ORDERS), default=())
    reason: str = checked(as_text(1000), default="", personal=True)

    if TYPE_CHECKING:

        def __init__(
            self,
            order_id: str,
            quantities: Mapping[str, Decimal | int | str] = ...,
            add: Iterable[OrderLine | tuple[str, Decimal | int | str]] = (),
            remove: Iterable[str] = (),
            substitute: Mapping[str, Substitution | str | tuple[str, Decimal | int | str]] = ...,
            lines: Mapping[str, LineChange] = ...,
            prices: Mapping[str, PriceOverride | Money] = ...,
            ship_to: Address | None = None,
            deliver_by: date | None = None,
            not_before: date | None = None,
            service: str | None = None,
            carrier: str | None = None,
            method: str | None = None,
            complete: str | None = None,
            instructions: Iterable[str] | None = None,
            clear: Iterable[_OrderTerm] = (),
            reason: str = "",
        ) -> None: ...

    def _check(self) -> None:
        _check_cleared(self)
        if self.instructions is None and not any(getattr(self, name) for name in _SAYING):
            raise InvalidInput.because("amendment.says_nothing", "must say what is to change")

    @property
    def wanted(self) -> dict[str, Decimal]:
        """How many units of lines are wanted from now on, as far as it says so by number, or that there are none."""
        return {**self.quantities, **dict.fromkeys(self.remove, Decimal(0))}


_SAYING = ("quantities", "add", "remove", "substitute", "lines", "prices", "ship_to", *OF_ORDERS, "clear")


def changed_terms(terms: Terms, said: AmendOrder | LineChange) -> Terms:
    """Terms as they are after a change of them."""
    names = OF_LINES if isinstance(said, LineChange) else OF_ORDERS
    stated = {name: new for name in names if (new := getattr(said, name)) is not None}
    return evolved(terms, **(dict.fromkeys(said.clear) | stated))


# -- events ---------------------------------------------------------------------------------------------------------


@event("order_amended")
class OrderAmended(Event):
    """Something else is wanted from now on; the moves say which units came, went, or are to be given work anew.

    ``added`` are lines more, ``changed`` lines as they read now; what is ``None`` of the order itself is as it was.
    ``redirections`` are the parcels and works that others have under the old way, for which they are to be asked.
    ``kits`` are those that were ordered, or read otherwise now.
    """

    moves: tuple[Move, ...]
    added: tuple[PlacedLine, ...] = ()
    changed: tuple[Line, ...] = ()
    ship_to: Address | None = None
    terms: Terms | None = None
    instructions: tuple[str, ...] | None = attrs.field(default=None, metadata=PERSONAL)
    redirections: tuple[Redirection, ...] = ()
    reason: str = attrs.field(default="", metadata=PERSONAL)
    kits: tuple[Kit, ...] = ()

    def apply(self, order: Order) -> Order:
        """The ledger has more or fewer live units, the order more lines, and other words."""
        after = order.moved(self.moves)
        if self.added:
            after = after.with_lines((placed.line, placed.quantity) for placed in self.added)
        said: dict[str, Any] = {"amendments": order.amendments + 1}
        for name in ("ship_to", "terms", "instructions"):
            if (new := getattr(self, name)) is not None:
                said[name] = new
        if self.changed:
            said["lines"] = after.lines.merged({line.id: line for line in self.changed})
        if self.kits or order.kits:
            said["kits"] = self._kits(after)
        if self.redirections:
            said["redirections"] = (*order.redirections, *self.redirections)
        after = after.replace(**said)
        return _held_back(order, after) if order.released and (self.changed or self.terms) else after

    def _kits(self, after: Order) -> FrozenMap[str, Kit]:
        """The kits as they read now; lines that stand in for components make up kits like these."""
        kits = after.kits.merged({kit.id: kit for kit in self.kits})
        for line in (placed.line for placed in self.added if placed.line.origin.kind == "substitute_for"):
            back = (move for move in self.moves if move.target == CANCELLED)
            gone = (move.quantity for move in back if move.line_id == line.origin.line_id)
            kits = with_substitute(kits, after.lines, line.id, ratio_cut(after.ledger.ordered(line.id), total(gone)))
        return kits


def _held_back(before: Order, after: Order) -> Order:
    """Lines that are wanted later than they were are not released any more."""
    kept = (id for id in before.released if after.terms_of(id).not_before == before.terms_of(id).not_before)
    return after.replace(released=tuple(kept))


@event("price_overridden")
class PriceOverridden(Event):
    """Units that have not left have another price, agreed by hand; by how many each line's earlier prices are less.

    ``kits`` are the prices of kits, as they were agreed; the tranches have them shared out over the components.
    """

    tranches: tuple[Tranche, ...]
    taken: FrozenMap[str, Decimal]
    reason: str = attrs.field(default="", metadata=PERSONAL)
    kits: tuple[Tranche, ...] = ()

    def apply(self, order: Order) -> Order:
        """The units leave the tranches that priced them, the newest first, and have one of their own."""
        tranches, back = dict(order.tranches), dict(order.given_back)
        for line_id, units in self.taken.items():
            back[line_id] = given_back(tranches[line_id], back.get(line_id, ()), units)
        for tranche in self.tranches:
            tranches[tranche.line_id] = (*tranches.get(tranche.line_id, ()), tranche)
        after = order.replace(tranches=FrozenMap(tranches), given_back=FrozenMap(back))
        if not self.kits:
            return after
        priced = {kit.id: kit for kit in (order.kits[one.line_id].priced(one) for one in self.kits)}
        return after.replace(kits=order.kits.merged(priced))


@event("redirection_settled")
class RedirectionSettled(Event):
    """What was booked, or with a fulfiller, under the old way goes the new one."""

    place: str

    def apply(self, order: Order) -> Order:
        """Nobody is waited for about it."""
        return _answered(order, self.place, word="settled")


@event("redirection_declined")
class RedirectionDeclined(Event):
    """It is too late for these goods: they go as they would have gone, whatever the order says by now."""

    place: str
    code: str
    message: str = attrs.field(default="", metadata=PERSONAL)

    def apply(self, order: Order) -> Order:
        """Nobody is waited for about it; a fulfiller does what it was asked before."""
        after = _answered(order, self.place, word="declined", code=self.code, message=self.message)
        work, wish = order.works.get(self.place), after.redirection_of(self.place)
        if work is None or wish is None:
            return after
        return after.replace(works=order.works.set(self.place, work.replace(request=wish.told)))


def _answered(order: Order, place: str, **answer: str) -> Order:
    """The order with an answer to every wish about a place that waits for one."""
    answered = (
        evolved(one, **answer) if one.place == place and one.word == "waits" else one for one in order.redirections
    )
    return order.replace(redirections=tuple(answered))
