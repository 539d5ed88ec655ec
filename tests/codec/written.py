"""What was released, and the shape of a snapshot: how the golden files are made and what they are compared with."""

from __future__ import annotations

import hashlib
import json
import typing
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NewType, get_args, get_origin

import attrs

from orderflow.commands import CancelLines
from orderflow.consignment import SharedBox
from orderflow.messages import Command
from orderflow.order import Order
from orderflow.ports import BookCarrier, Request
from orderflow.values.address import Address
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.money import Money
from orderflow.values.party import Contact, Party
from orderflow.values.times import Window

__all__ = ["GOLDEN", "SHAPE_FILE", "golden_file", "readable", "sample", "shape_digest", "shape_of"]

GOLDEN = Path(__file__).parent / "golden"
SHAPE_FILE = GOLDEN / "snapshot_shape.json"

_ADDRESS = Address("DE", ("Torstrasse 1",), city="Berlin", postal_code="10119", name="Ada Krull")
_CONTACT = Contact("ada@example.com", locale="de-DE", wants=("shipped", "delivered"))
_SAMPLES: dict[Any, Any] = {
    int: 3,
    bool: True,
    Decimal: Decimal("2.50"),
    datetime: datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
    date: date(2026, 3, 5),
    Money: Money("57.70", "EUR"),
    Address: _ADDRESS,
    Contact: _CONTACT,
    Party: Party("Ada Krull", "C-7", _CONTACT, _ADDRESS, "DE811"),
    SharedBox: SharedBox("BOX-7", "8.2", {"A-1": "5.1"}, "340123450000000017", (30, 20, "12.5"), _ADDRESS),
    Window: Window(datetime(2026, 3, 5, 8, tzinfo=UTC), datetime(2026, 3, 5, 12, tzinfo=UTC)),
}
_TEXTS = {"currency": "EUR", "zone": "Europe/Berlin", "method": "carrier", "unit": "each", "locale": "de-DE"}


def golden_file(tag: str, version: int) -> Path:
    """Where the released document of an event's version is kept."""
    return GOLDEN / f"{tag}.{version}.json"


def readable(document: Any) -> str:
    """A document as it is kept: for people to read, with its fields in the order in which they are written."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def sample(kind: Any, name: str = "") -> Any:
    """One value of a type, the same each time, with every optional part of it given."""
    if kind is str:
        return _TEXTS.get(name, f"{name}-1")
    if kind in _SAMPLES:
        return _SAMPLES[kind]
    if isinstance(kind, NewType):
        return sample(kind.__supertype__, name)
    if kind is Any or kind is Request:
        return sample(BookCarrier)
    if kind is Command:
        return sample(CancelLines)
    if isinstance(kind, type) and get_origin(kind) is None:
        return list(kind)[-1] if issubclass(kind, Enum) else _sample_record(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return arguments[-1]
    if origin is tuple:
        return tuple(sample(one, name) for one in arguments if one is not ...)
    if origin is FrozenMap:
        return FrozenMap({sample(arguments[0], name): sample(arguments[1], name)})
    return sample(next(one for one in arguments if one is not NoneType), name)


def _sample_record(cls: type) -> Any:
    kinds = typing.get_type_hints(cls)
    return cls(**{field.name: sample(kinds[field.name], field.name) for field in attrs.fields(cls)})


def shape_of(root: type) -> dict[str, list[str]]:
    """The fields of a class and of every class inside it, with their types as they are annotated."""
    found: dict[str, list[str]] = {}
    left: list[Any] = [root]
    while left:
        kind = left.pop()
        left.extend(get_args(kind))
        if not isinstance(kind, type) or get_origin(kind) is not None or kind.__qualname__ in found:
            continue
        if issubclass(kind, Enum):
            found[kind.__qualname__] = [str(member.value) for member in kind]
        elif attrs.has(kind):
            kinds = typing.get_type_hints(kind)
            fields = attrs.fields(kind)
            found[kind.__qualname__] = [f"{field.name}: {_named(kinds[field.name])}" for field in fields]
            left.extend(kinds[field.name] for field in fields)
    return found


def _named(kind: Any) -> str:
    """A type as text that is the same for every version of Python."""
    if isinstance(kind, NewType):
        return _named(kind.__supertype__)
    arguments = [_named(one) for one in get_args(kind)]
    if not arguments:
        return getattr(kind, "__qualname__", repr(kind))
    origin = get_origin(kind)
    name = origin.__qualname__ if isinstance(origin, type) else str(origin).removeprefix("typing.")
    return f"{'Union' if name == 'UnionType' else name}[{', '.join(arguments)}]"


def shape_digest() -> str:
    """A digest of the shape of an order's snapshot."""
    written = json.dumps(shape_of(Order), sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()
