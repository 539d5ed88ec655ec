"""Anything that can be said to orderflow, made up from the annotations of its classes.

`values(kind)` builds any type that may stand in a message; `events(cls)`, `commands(cls)`, `requests(cls)` and
`replies(cls)` build messages of one class. What checks itself when it is made (values, commands) gets plausible fields;
what records facts without a check (events) gets odd ones as well: numbers with exponents, empty texts, other scripts.
"""

from __future__ import annotations

import typing
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NewType, Union, get_args, get_origin

import attrs
from hypothesis import assume
from hypothesis import strategies as st

from orderflow.commands import AmendOrder, CancelLines, CancelOrder
from orderflow.errors import InvalidInput
from orderflow.messages import Actor, Command, Envelope, Event
from orderflow.order import Parcel
from orderflow.ports import REPLIES, REQUESTS, Deferred, Request
from orderflow.process import STAGES
from orderflow.stages.stage import Stage
from orderflow.tracking import Scan
from orderflow.values.address import Address
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.money import Money
from orderflow.values.party import Contact, Party
from orderflow.values.quantity import Quantity
from orderflow.values.times import Window

__all__ = [
    "all_commands",
    "all_events",
    "all_stages",
    "amounts",
    "commands",
    "days",
    "events",
    "ids",
    "instants",
    "replies",
    "requests",
    "texts",
    "values",
]


def all_stages() -> tuple[Stage, ...]:
    """The standard stages."""
    return STAGES


def all_events() -> tuple[type[Event], ...]:
    """Every event of the standard stages."""
    return tuple(cls for stage in all_stages() for cls in stage.events)


def all_commands() -> tuple[type[Command], ...]:
    """Every command of the standard stages."""
    return tuple(cls for stage in all_stages() for cls in stage.commands)


# -- leaves ------------------------------------------------------------------------------------------------------------

ids = st.text("ABCDEFGHKLMN0123456789-_äß京", min_size=1, max_size=12)
texts = st.text(st.characters(codec="utf-8"), max_size=15)
instants = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
elsewhere = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
days = st.dates(date(1971, 1, 1), date(2200, 1, 1))
amounts = st.decimals(Decimal("0.0001"), Decimal(10**6), places=4) | st.integers(1, 999).map(Decimal)
_digits, _powers = st.integers(-(10**60), 10**60), st.integers(-60, 20)
any_numbers = (
    amounts
    | st.builds(lambda digits, power: Decimal(f"{digits}E{power}"), _digits, _powers)
    | st.sampled_from([Decimal("0E-10"), Decimal("-0"), Decimal("1E+3"), Decimal("0." + "3" * 59), Decimal("-12.300")])
)
currencies = st.sampled_from(["EUR", "JPY", "KWD", "USD"])
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"])

_PLAUSIBLE_LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    str: ids,
    int: st.integers(0, 10**6),
    bool: st.booleans(),
    Decimal: amounts,
    datetime: instants,
    date: days,
}
_ODD_LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: st.integers(),
    bool: st.booleans(),
    Decimal: any_numbers,
    datetime: st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC) | elsewhere),
    date: st.dates(),
}

#: Fields of self-checking classes that do not take just any id.
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "currency": currencies,
    "zone": zones,
    "method": st.sampled_from(["carrier", "pick_up", "digital", "supplier"]),
    "kind": st.sampled_from(["customer", "employee", "system"]),
    "locale": st.sampled_from(["en", "de-AT"]),
    "email": st.sampled_from(["", "ada@example.com"]),
}


# -- values ------------------------------------------------------------------------------------------------------------

_addresses = st.builds(
    Address,
    country=st.sampled_from(["DE", "AT"]).map(lambda country: "IE" if country == "AT" else country),
    lines=st.lists(ids, min_size=1, max_size=3).map(tuple),
    city=ids,
    postal_code=st.just("10119"),
    name=st.just("") | ids,
)
_windows = st.builds(lambda start, hours: Window(start, start + timedelta(hours=hours)), instants, st.integers(1, 1000))
_contacts = st.builds(
    Contact,
    email=_FIELDS["email"],
    phone=ids,
    locale=_FIELDS["locale"],
    channel=ids,
    wants=st.none() | st.frozensets(ids, max_size=3),
)
_OWN: dict[Any, st.SearchStrategy[Any]] = {
    Address: _addresses,
    Window: _windows,
    Contact: _contacts,
    Party: st.builds(
        Party, name=ids, id=st.just("") | ids, contact=st.none() | _contacts, address=st.none() | _addresses
    ),
    Quantity: st.builds(Quantity, amounts, ids),
    Actor: st.builds(Actor, ids, ids, st.none() | ids),
    Deferred: st.builds(Deferred, texts, instants, instants),
}
_MONEY = {
    False: st.builds(Money, amounts, currencies) | st.builds(Money, amounts, currencies).map(lambda paid: -paid * 7),
    True: st.builds(Money, amounts, currencies),
}


@cache
def values(kind: Any, plausible: bool = False) -> st.SearchStrategy[Any]:
    """Values of any type that may stand in a message; with ``plausible``, such as pass the checks of commands."""
    if kind in _OWN:
        return _OWN[kind]
    if kind is Money:
        return _MONEY[plausible]
    leaves = _PLAUSIBLE_LEAVES if plausible else _ODD_LEAVES
    if kind in leaves:
        return leaves[kind]
    if isinstance(kind, NewType):
        return values(kind.__supertype__, plausible)
    if kind is Any:
        return st.none() | st.deferred(lambda: st.one_of([values(cls) for cls in (*REQUESTS, *REPLIES)]))
    if kind is Command:
        return st.deferred(lambda: st.one_of([values(cls, True) for cls in (AmendOrder, CancelLines, CancelOrder)]))
    if kind is Request:
        return st.deferred(lambda: st.one_of([values(cls) for cls in REQUESTS]))
    if isinstance(kind, type) and get_origin(kind) is None:
        return st.sampled_from(kind) if issubclass(kind, Enum) else st.deferred(lambda: _records(kind, plausible))
    return _generic(kind, plausible)


def _generic(kind: Any, plausible: bool) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is Union or origin is UnionType:
        return st.one_of([st.none() if one is NoneType else values(one, plausible) for one in arguments])
    if origin is tuple and arguments[1:] == (...,):
        return st.lists(values(arguments[0], plausible), min_size=int(plausible), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*(values(one, plausible) for one in arguments))
    if origin is frozenset:
        return st.frozensets(values(arguments[0], plausible), max_size=3)
    if origin is FrozenMap:
        keys, held = (values(one, plausible) for one in arguments)
        return st.dictionaries(keys, held, max_size=3).map(FrozenMap)
    raise TypeError(f"no strategy for {kind}")


@cache
def _records(cls: type, plausible: bool) -> st.SearchStrategy[Any]:
    """Instances of an attrs class. Those that the class itself refuses do not count."""
    kinds = typing.get_type_hints(cls)
    fields = {field.name: _field(field, kinds[field.name], plausible) for field in attrs.fields(cls)}
    required = {name for name, field in attrs.fields_dict(cls).items() if field.default is attrs.NOTHING}
    if cls is Parcel:
        del fields["tracking"]

    def build(given: dict[str, Any]) -> Any:
        try:
            made = cls(**given)
        except InvalidInput:
            assume(False)
        return made.with_scans(made.scans) if isinstance(made, Parcel) else made

    optional = {name: strategy for name, strategy in fields.items() if name not in required}
    return st.fixed_dictionaries({name: fields[name] for name in sorted(required)}, optional=optional).map(build)


def _field(field: Any, kind: Any, plausible: bool) -> st.SearchStrategy[Any]:
    checks_itself = field.converter is not None
    if checks_itself and field.name in _FIELDS and kind in (str, str | None):
        return _FIELDS[field.name]
    return values(kind, plausible or checks_itself)


# -- messages ----------------------------------------------------------------------------------------------------------


def events(cls: type[Event]) -> st.SearchStrategy[Any]:
    """Events of a class, odd ones among them."""
    return values(cls)


def commands(cls: type[Command]) -> st.SearchStrategy[Any]:
    """Commands of a class, all of them well-formed."""
    return values(cls, True)


def requests(cls: type[Request] | None = None) -> st.SearchStrategy[Any]:
    """Requests of a class, or of any."""
    return values(cls or Request)


def replies(cls: type[Any] | None = None) -> st.SearchStrategy[Any]:
    """Replies of a class, or of any."""
    return values(cls) if cls else st.one_of([values(one) for one in REPLIES])


envelopes: st.SearchStrategy[Envelope] = values(Envelope)
scans: st.SearchStrategy[Scan] = values(Scan)
