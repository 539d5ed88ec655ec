"""Facts: what others did with an order, as they tell it.

An ERP, a warehouse, a carrier's portal or an old shop says what it has done: what was ordered, reserved, picked, sent,
delivered, invoiced, paid, cancelled, returned. Each *fact* is a frozen value that names who says so (``source``), in
which paper (``document``), in which ``revision`` of it, and, where that is known, when it happened (``occurred_at``).

A fact says *all* that its document says, never what is new in it: quantities are cumulative by line for that document.
So of one document only the highest revision counts; a revision without any quantity takes all of it back; and who
sends a document twice has said nothing new. What several documents of a kind say adds up: two despatch notes of six
and four units are ten units sent.

=============  ===================================================================================================
`Ordered`      what is ordered, by line: of several documents the latest that names a line decides on it
`Confirmed`    what the buyer was told that will be sent
`Reserved`     what is held for the order now, beside what has left; who sends it need not take the reservation back
`Picked`       what was taken from the shelf, ever: what has left since is not in hand any more
`Despatched`   what left, parcel by parcel
`Delivered`    which parcels arrived, by their numbers, by the despatch note, or counted by line
`Returned`     what came back, and what became of it
`Cancelled`    what will not be sent
`Invoiced`     what was billed: a quantity, an amount, or both
`Paid`         what was paid
=============  ===================================================================================================

What a set of facts amounts to, `orderflow.observations` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, get_args

import attrs

from orderflow.errors import InvalidInput
from orderflow.values.checked import checked, optional, tuple_of, value
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_line, as_reference, as_sscc, as_text
from orderflow.values.money import Money, as_money
from orderflow.values.numbers import as_not_negative, as_positive, plain
from orderflow.values.quantity import by_line
from orderflow.values.times import as_instant

__all__ = [
    "KINDS",
    "Cancelled",
    "Confirmed",
    "Delivered",
    "Despatched",
    "Fact",
    "Invoiced",
    "Ordered",
    "Package",
    "Paid",
    "Picked",
    "Reserved",
    "Returned",
    "as_fact",
    "current",
    "key_of",
    "position_of",
    "text_of",
    "united",
]

_NOTHING: FrozenMap[str, Decimal] = FrozenMap()
_number = as_line(128)
#: What is told without a time comes after everything that has one.
_LATEST = datetime.max.replace(tzinfo=UTC)


def _as_revision(raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 0:
        raise InvalidInput.because("fact.not_a_revision", "must be a whole number from 0")
    return raw


def _as_quantities(raw: Any) -> FrozenMap[str, Decimal]:
    """What a document says of each line; a line of which it says nothing any more may be left out, or be zero."""
    said = by_line(raw, as_not_negative)
    return FrozenMap({line_id: units for line_id, units in said.items() if units})


def _as_ordered(raw: Any) -> FrozenMap[str, Decimal]:
    """What is ordered of each line; zero says that nothing of it is wanted any more."""
    return by_line(raw, as_not_negative)


def _as_contents(raw: Any) -> FrozenMap[str, Decimal]:
    return by_line(raw, as_positive)


def _as_products(raw: Any) -> FrozenMap[str, str]:
    if not isinstance(raw, Mapping):
        raise InvalidInput.because("shape.not_a_map", f"must be products by line, not {type(raw).__name__}")
    return FrozenMap({as_id(line_id): as_reference(sku) for line_id, sku in raw.items()})


def _as_disposition(raw: Any) -> str:
    if raw not in ("restocked", "scrapped", "sent_back"):
        raise InvalidInput.because("fact.unknown_disposition", "must be restocked, scrapped or sent_back")
    return str(raw)


@value
class Ordered:
    """What is ordered, by line, as the order stands by this revision of it.

    A line that is not named stays as it is. ``products`` says which product a line is of that was not there before.
    """

    TAG: ClassVar[str] = "ordered"

    source: str = checked(as_id)
    document: str = checked(as_reference)
    quantities: FrozenMap[str, Decimal] = checked(_as_ordered, default=_NOTHING)
    revision: int = checked(_as_revision, default=1)
    occurred_at: datetime | None = checked(optional(as_instant), default=None)
    products: FrozenMap[str, str] = checked(_as_products, default=FrozenMap())

    if TYPE_CHECKING:

        def __init__(
            self,
            source: str,
            document: str,
            quantities: Mapping[str, Decimal | int | str] = ...,
            revision: int = 1,
            occurred_at: datetime | None = None,
            products: Mapping[str, str] = ...,
        ) -> None: ...


@value
class Confirmed:
    """What was confirmed to the buyer, by line."""

    TAG: ClassVar[str] = "confirmed"

    source: str = checked(as_id)
    document: str = checked(as_reference)
    quantities: FrozenMap[str, Decimal] = checked(_as_quantities, default=_NOTHING)
    revision: int = checked(_as_revision, default=1)
    occurred_at: datetime | None = checked(optional(as_instant), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            source: str,
            document: str,
            quantities: Mapping[str, Decimal | int | str] = ...,
            revision: int = 1,
            occurred_at: datetime | None = None,
        ) -> None: ...


@value
class Reserved:
    """What is held for the order now, at one location."""

    TAG: ClassVar[str] = "reserved"

    source: str = checked(as_id)
    document: str = checked(as_reference)
    quantities: FrozenMap[str, Decimal] = checked(_as_quantities, default=_NOTHING)
    revision: int = checked(_as_revision, default=1)
    occurred_at: datetime | None = checked(optional(as_instant), default=None)
    location: str = checked(_number, default="")

    if TYPE_CHECKING:

        def __init__(
            self,
            source: str,
            document: str,
            quantities: Mapping[str, Decimal | int | str] = ...,
            revision: int = 1,
            occurred_at: datetime | None = None,
            location: str = "",
        ) -> None: ...


@value
class Picked:
    """What was taken from the shelf for the order at one location, ever."""

    TAG: ClassVar[str] = "picked"

    source: str = checked(as_id)
    document: str = checked(as_reference)
    quantities: FrozenMap[str, Decimal] = checked(_as_quantities, default=_NOTHING)
    revision: int = checked(_as_revision, default=1)
    occurred_at: datetime | None = checked(optional(as_instant), default=None)
    location: str = checked(_number, default="")

    if TYPE_CHECKING:

        def __init__(
            self,
            source: str,
            document: str,
            quantities: Mapping[str, Decimal | int | str] = ...,
            revision: int = 1,
            occurred_at: datetime | None = None,
            location: str = "",
        ) -> None: ...


@value
class Package:
    """A parcel as somebody says that it left: what is in it by line, and how it is known."""

    contents: FrozenMap[str, Decimal] = checked(_as_contents)
    tracking_number: str = checked(_number, default="")
    sscc: str = checked(as_sscc, default="")
    weight_kg: Decimal | None = checked(optional(as_positive), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            contents: Mapping[str, Decimal | int | str],
            tracking_number: str = "",
            sscc: str = "",
            weight_kg: Decimal | int | str | None = None,
        ) -> None: ...


def _as_package(raw: Any) -> Package:
    if isinstance(raw, Package):
        return raw
    if isinstance(raw, Mapping):
        return Package(raw)
    raise InvalidInput.because("fact.not_a_package", f"must be a Package, not {type(raw).__name__}")


@value
class Despatched:
    """What left by one despatch note, parcel by parcel; without parcels, the note is taken back.

    ``tracking_number`` is that of the whole shipment, where there is one; ``occurred_at`` is when it left.
    """

    TAG: ClassVar[str] = "despatched"

    source: str = checked(as_id)
    document: str = checked(as_reference)
    parcels: tuple[Package, ...] = checked(tuple_of(_as_package), default=())
    revision: int = checked(_as_revision, default=1)
    occurred_at: datetime | None = checked(optional(as_instant), default=None)
    carrier: str = checked(_number, default="")
    service: str = checked(_number, default="")
    tracking_number: str = checked(_number, default="")
    location: str = checked(_number, default="")

    if TYPE_CHECKING:

        def __init__(
            self,
            source: str,
            document: str,
            parcels: Iterable[Package | Mapping[str, Decimal | int | str]] = ...,
            revision: int = 1,
            occurred_at: datetime | None = None,
            carrier: str = "",
            service: str = "",
            tracking_number: str = "",
            location: str = "",
        ) -> None: ...


@value
class Delivered:
    """What has reached the customer: ``parcels`` by tracking number, SSCC or despatch note, or ``quantities`` by line.

    Quantities are counted off parcel by parcel, in the order in which these left: a parcel has arrived when all that
    is in it has.
    """

    TAG: ClassVar[str] = "delivered"

    source: str = checked(as_id)
    document: str = checked(as_reference)
    parcels: tuple[str, ...] = checked(tuple_of(as_reference), default=())
    quantities: FrozenMap[str, Decimal] = checked(_as_quantities, default=_NOTHING)
    revision: int = checked(_as_revision, default=1)
    occurred_at: datetime | None = checked(optional(as_instant), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            source: str,
            document: str,
            parcels: Iterable[str] = ...,
            quantities: Mapping[str, Decimal | int | str] = ...,
            revision: int = 1,
            occurred_at: datetime | None = None,
        ) -> None: ...


@value
class Returned:
    """What came back, and what became of it: ``restocked``, ``scrapped`` or ``sent_back`` to the customer."""

    TAG: ClassVar[str] = "returned"

    source: str = checked(as_id)
    document: str = checked(as_reference)
    quantities: FrozenMap[str, Decimal] = checked(_as_quantities, default=_NOTHING)
    revision: int = checked(_as_revision, default=1)
    occurred_at: datetime | None = checked(optional(as_instant), default=None)
    disposition: str = checked(_as_disposition, default="restocked")

    if TYPE_CHECKING:

        def __init__(
            self,
            source: str,
            document: str,
            quantities: Mapping[str, Decimal | int | str] = ...,
            revision: int = 1,
            occurred_at: datetime | None = None,
            disposition: str = "restocked",
        ) -> None: ...


@value
class Cancelled:
    """What will not be sent."""

    TAG: ClassVar[str] = "cancelled"

    source: str = checked(as_id)
    document: str = checked(as_reference)
    quantities: FrozenMap[str, Decimal] = checked(_as_quantities, default=_NOTHING)
    revision: int = checked(_as_revision, default=1)
    occurred_at: datetime | None = checked(optional(as_instant), default=None)
    reason: str = checked(as_text(1000), default="", personal=True)

    if TYPE_CHECKING:

        def __init__(
            self,
            source: str,
            document: str,
            quantities: Mapping[str, Decimal | int | str] = ...,
            revision: int = 1,
            occurred_at: datetime | None = None,
            reason: str = "",
        ) -> None: ...


@value
class Invoiced:
    """What was billed by one invoice: units, what they come to, or both."""

    TAG: ClassVar[str] = "invoiced"

    source: str = checked(as_id)
    document: str = checked(as_reference)
    quantities: FrozenMap[str, Decimal] = checked(_as_quantities, default=_NOTHING)
    amount: Money | None = checked(optional(as_money), default=None)
    revision: int = checked(_as_revision, default=1)
    occurred_at: datetime | None = checked(optional(as_instant), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            source: str,
            document: str,
            quantities: Mapping[str, Decimal | int | str] = ...,
            amount: Money | None = None,
            revision: int = 1,
            occurred_at: datetime | None = None,
        ) -> None: ...


@value
class Paid:
    """What was paid by one payment; without an amount, it is taken back."""

    TAG: ClassVar[str] = "paid"

    source: str = checked(as_id)
    document: str = checked(as_reference)
    amount: Money | None = checked(optional(as_money), default=None)
    revision: int = checked(_as_revision, default=1)
    occurred_at: datetime | None = checked(optional(as_instant), default=None)


Fact: TypeAlias = (
    Ordered | Confirmed | Reserved | Picked | Despatched | Delivered | Returned | Cancelled | Invoiced | Paid
)

#: Every kind of fact, in the order in which they are looked at: what has left weighs more than what is written.
KINDS: tuple[type[Any], ...] = (
    Ordered,
    Confirmed,
    Despatched,
    Returned,
    Delivered,
    Cancelled,
    Picked,
    Reserved,
    Invoiced,
    Paid,
)
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}
assert set(KINDS) == set(get_args(Fact))


def as_fact(raw: Any) -> Any:
    """A fact, and nothing else (``fact.not_a_fact``)."""
    if type(raw) not in _RANK:
        raise InvalidInput.because("fact.not_a_fact", f"must be a fact, not {type(raw).__name__}")
    return raw


def key_of(fact: Fact) -> tuple[str, str, str]:
    """Which document a fact is about: of each kind, a source has as many as it has names for."""
    return fact.TAG, fact.source, fact.document


def position_of(fact: Fact) -> tuple[Any, ...]:
    """Where a fact stands in the one total order of all facts: kind, time, document, revision, and what it says."""
    when = fact.occurred_at or _LATEST
    return _RANK[type(fact)], when, fact.source, fact.document, fact.revision, _Body(fact)


class _Body:
    """What a fact says, to be compared by; it is written out only where nothing else tells two facts apart."""

    __slots__ = ("fact",)

    def __init__(self, fact: Fact) -> None:
        self.fact = fact

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Body) and self.fact == other.fact

    def __lt__(self, other: _Body) -> bool:
        return _written(self.fact) < _written(other.fact)

    __hash__ = None  # type: ignore[assignment]


def _written(held: Any) -> str:
    """What a value says, in one text that is the same for equal values, however they came to be."""
    if attrs.has(type(held)):
        return f"({','.join(_written(getattr(held, field.name)) for field in attrs.fields(type(held)))})"
    if isinstance(held, Mapping):
        return f"{{{','.join(f'{name}={_written(held[name])}' for name in sorted(held))}}}"
    if isinstance(held, tuple):
        return f"[{','.join(map(_written, held))}]"
    if isinstance(held, Decimal):
        return plain(held)
    if isinstance(held, datetime):
        return held.astimezone(UTC).isoformat()
    return held.isoformat() if isinstance(held, date) else str(held)


def united(known: tuple[Fact, ...], news: Iterable[Fact]) -> tuple[Fact, ...]:
    """The set of ``known`` and ``news`` in the one total order; ``known`` itself where there is no news."""
    fresh = set(news).difference(known)
    if not fresh:
        return known
    return tuple(sorted((*known, *fresh), key=position_of))


def current(facts: Iterable[Fact]) -> tuple[tuple[Fact, ...], tuple[Fact, ...]]:
    """Of each document what its highest revision says; and what contradicts that under the same revision.

    Facts are given in the one total order, and so are these. Where two bodies bear one revision, the later one in that
    order counts: whoever came first.
    """
    newest: dict[tuple[str, str, str], list[Fact]] = {}
    for fact in facts:
        held = newest.setdefault(key_of(fact), [])
        if held and fact.revision > held[-1].revision:
            held.clear()
        if not held or fact.revision == held[-1].revision:
            held.append(fact)
    counting = sorted((held[-1] for held in newest.values()), key=position_of)
    beside = sorted((fact for held in newest.values() for fact in held[:-1]), key=position_of)
    return tuple(counting), tuple(beside)


def text_of(fact: Fact) -> str:
    """``ERP despatched 4711 (revision 2)``: by what a person calls a fact."""
    revision = f" (revision {fact.revision})" if fact.revision != 1 else ""
    return f"{fact.source} {fact.TAG} {fact.document}{revision}"
