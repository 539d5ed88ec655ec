"""Writing down what happened, and reading it back years later.

Every event, command, request and reply is written as one JSON object ``{"type": tag, "v": version, ...fields}``. The
tag is the storage name of a class and never changes; the version says which shape of it was written. A document of an
older version goes, step by step, through *upcasters*, plain functions over its fields; a newer one is left alone.
A snapshot of an order is not kept that well: it carries the number of its `SHAPE`, is never upcast, and whoever meets
another shape builds the order anew from its events.

Reading is strict, because a document that is nearly right is wrong: numbers of goods and money are texts, never JSON
numbers; a moment names its offset; nothing is coerced; nothing unknown is dropped. All problems of a document are told
at once, each with its path (``lines[0].line.sku``). What equals its default is not written, so that documents stay
small and a new field with a default needs no new version.

What a class looks like on paper is worked out from its annotations, when it is first met. Only then is cattrs imported,
which writes the functions for it.
"""

from __future__ import annotations

import hashlib
import json
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypeAlias, Union, get_args, get_origin

import attrs

from orderflow.errors import InvalidInput, NewerVersion, OrderflowError, Problems, UnknownType, Violation
from orderflow.messages import Actor, Command, Envelope, Event
from orderflow.order import Order, Parcel
from orderflow.ports import REPLIES, REQUESTS, Reply, Request
from orderflow.process import STAGES
from orderflow.stages.stage import Stage
from orderflow.tracking import Scan
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.money import Money, _money, as_currency
from orderflow.values.numbers import plain
from orderflow.values.times import as_instant

__all__ = ["SHAPE", "Codec", "Document", "MissingUpcaster", "SnapshotMismatch", "Upcaster", "standard_codec"]

SHAPE = 1
"""The shape of an order's snapshot: raised whenever a class in it gains, loses or changes a field."""

Document: TypeAlias = dict[str, Any]
"""A JSON object, as the standard library reads it."""

Upcaster: TypeAlias = Callable[[Document], Document]
"""Takes the fields of a document of one version (without its type and version), gives those of the next."""

_RESERVED = frozenset({"type", "v"})


class SnapshotMismatch(OrderflowError):
    """A snapshot has another shape than this program's orders: build the order from its events."""

    code = "codec.snapshot_mismatch"

    def __init__(self, found: object, expected: int) -> None:
        self.found, self.expected = found, expected
        super().__init__(f"the snapshot has shape {found!r}, this program knows {expected} ({self.code})")


class MissingUpcaster(OrderflowError):
    """A document is of an older version, and nobody says how to read it."""

    code = "codec.missing_upcaster"

    def __init__(self, tag: str, version: int) -> None:
        self.tag, self.version = tag, version
        super().__init__(f"no upcaster takes {tag!r} from version {version} to {version + 1} ({self.code})")


# -- leaves: how single values are written -----------------------------------------------------------------------------

Read: TypeAlias = Callable[[Any, Any], Any]
Write: TypeAlias = Callable[[Any], Any]


class _Form(NamedTuple):
    """How values of one type are read and written. No ``write``: they are JSON already."""

    read: Read
    write: Write | None = None


_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?(E[+-]?[0-9]{1,4})?", re.ASCII)
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_LONGEST_NUMBER = 100


def _wrong(code: str, expected: str, raw: Any) -> InvalidInput:
    return InvalidInput.because(f"codec.{code}", f"must be {expected}, not {_JSON_NAMES.get(type(raw), 'that')}")


_JSON_NAMES = {
    str: "this text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    NoneType: "null",
    dict: "an object",
    list: "a list",
}


def _read_text(raw: Any, kind: Any) -> str:
    if raw.__class__ is str:
        return raw
    raise _wrong("not_text", "text", raw)


def _read_int(raw: Any, kind: Any) -> int:
    if raw.__class__ is int:
        return raw
    raise _wrong("not_an_integer", "a whole number", raw)


def _read_flag(raw: Any, kind: Any) -> bool:
    if raw is True or raw is False:
        return raw
    raise _wrong("not_a_flag", "true or false", raw)


def _read_decimal(raw: Any, kind: Any) -> Decimal:
    if raw.__class__ is str and len(raw) <= _LONGEST_NUMBER and _DECIMAL.fullmatch(raw):
        return Decimal(raw)
    raise _wrong("not_a_decimal", "a decimal number written as text", raw)


def _finite(number: Any) -> Decimal:
    if number.__class__ is Decimal and number.is_finite():
        return number
    raise InvalidInput.because("codec.not_a_decimal", f"must be a finite Decimal, not {type(number).__name__}")


def _write_decimal(number: Any) -> str:
    return str(_finite(number))


def _write_plain(number: Any) -> str:
    return plain(_finite(number))


def _read_instant(raw: Any, kind: Any) -> datetime:
    written = _INSTANT.fullmatch(raw) if raw.__class__ is str else None
    if written is None:
        raise _wrong("not_an_instant", "a moment like 2026-03-01T12:00:00+00:00", raw)
    if written[2] is None:
        raise InvalidInput.because("codec.naive_datetime", "must name its offset, like +00:00")
    try:
        return as_instant(datetime.fromisoformat(raw))
    except InvalidInput:
        raise
    except ValueError:
        raise _wrong("not_an_instant", "a moment that exists", raw) from None


def _write_instant(moment: Any) -> str:
    if moment.__class__ is datetime and moment.tzinfo is UTC:
        return moment.isoformat()
    if isinstance(moment, datetime) and moment.utcoffset() is None:
        raise InvalidInput.because("codec.naive_datetime", "must be aware of its zone")
    return as_instant(moment).isoformat()


def _read_day(raw: Any, kind: Any) -> date:
    if raw.__class__ is str and _DAY.fullmatch(raw):
        try:
            return date.fromisoformat(raw)
        except ValueError:
            pass
    raise _wrong("not_a_day", "a day like 2026-03-01", raw)


def _write_day(day: Any) -> str:
    if day.__class__ is date:
        return day.isoformat()
    raise InvalidInput.because("codec.not_a_day", f"must be a date without a time, not {type(day).__name__}")


def _read_money(raw: Any, kind: Any) -> Money:
    """``57.70 EUR``. What is on file may be unrounded, with more digits than input may have."""
    amount, blank, currency = raw.partition(" ") if raw.__class__ is str else ("", "", "")
    if not blank or len(amount) > _LONGEST_NUMBER or not _DECIMAL.fullmatch(amount):
        raise _wrong("not_money", "an amount and a currency, like 57.70 EUR", raw)
    return _money(Decimal(amount), as_currency(currency))


def _write_money(money: Money) -> str:
    return f"{_finite(money.amount)} {money.currency}"


def _write_plain_money(money: Money) -> str:
    return f"{_write_plain(money.amount)} {money.currency}"


_LEAVES: Mapping[Any, _Form] = {
    str: _Form(_read_text),
    int: _Form(_read_int),
    bool: _Form(_read_flag),
    Decimal: _Form(_read_decimal, _write_decimal),
    datetime: _Form(_read_instant, _write_instant),
    date: _Form(_read_day, _write_day),
    Money: _Form(_read_money, _write_money),
}

#: Equal values in one writing: for fingerprints.
_CANONICAL: Mapping[Any, _Form] = {
    **_LEAVES,
    Decimal: _Form(_read_decimal, _write_plain),
    Money: _Form(_read_money, _write_plain_money),
}


# -- wholes: how values made of values are written ---------------------------------------------------------------------


def _optional(form: _Form) -> _Form:
    read, write = form

    def read_optional(raw: Any, kind: Any) -> Any:
        return None if raw is None else read(raw, kind)

    def write_optional(held: Any) -> Any:
        return None if held is None else write(held)  # type: ignore[misc]

    return _Form(read_optional, write_optional if write else None)


def _choice(kind: Any) -> _Form:
    """A `typing.Literal`: one of a few texts or numbers."""
    allowed = get_args(kind)

    def read(raw: Any, kind: Any) -> Any:
        for one in allowed:
            if one == raw and one.__class__ is raw.__class__:
                return one
        raise InvalidInput.because("codec.not_a_choice", f"must be one of {', '.join(map(str, allowed))}")

    return _Form(read)


def _enum(kind: type[Enum]) -> _Form:
    """An enumeration, by value."""
    members = {member.value: member for member in kind}

    def read(raw: Any, kind: Any) -> Any:
        found = members.get(raw) if raw.__class__ in (str, int) else None
        if found is None or found.value.__class__ is not raw.__class__:
            raise InvalidInput.because("codec.not_a_choice", f"must be one of {', '.join(map(str, members))}")
        return found

    return _Form(read, attrgetter("value"))


def _items(read: Read, raw: Any) -> list[Any]:
    """The items of a list, with the problems of all of them under their index."""
    if raw.__class__ is not list:
        raise _wrong("not_a_list", "a list", raw)
    try:
        return [read(item, None) for item in raw]
    except InvalidInput:
        problems = Problems()
        for index, item in enumerate(raw):
            with problems.at(f"[{index}]"):
                read(item, None)
        raise InvalidInput(problems) from None


def _tuple(item: _Form) -> _Form:
    read, write = item

    def read_tuple(raw: Any, kind: Any) -> tuple[Any, ...]:
        return tuple(_items(read, raw))

    def write_tuple(held: Any) -> list[Any]:
        return [write(one) for one in held]  # type: ignore[misc]

    return _Form(read_tuple, write_tuple if write else list)


def _set(item: _Form) -> _Form:
    """A set is written as a sorted list, and read from a list without repeats."""
    read, write = item

    def read_set(raw: Any, kind: Any) -> frozenset[Any]:
        items = _items(read, raw)
        if len(set(items)) != len(items):
            raise InvalidInput.because("codec.repeated_item", "must not name anything twice")
        return frozenset(items)

    def write_set(held: Any) -> list[Any]:
        return sorted(write(one) for one in held) if write else sorted(held)

    return _Form(read_set, write_set)


def _fixed_tuple(forms: tuple[_Form, ...]) -> _Form:
    def read_fixed(raw: Any, kind: Any) -> tuple[Any, ...]:
        if raw.__class__ is not list or len(raw) != len(forms):
            raise InvalidInput.because("codec.not_a_list", f"must be a list of {len(forms)} items")
        problems = Problems()
        made = []
        for index, (form, item) in enumerate(zip(forms, raw, strict=True)):
            with problems.at(f"[{index}]"):
                made.append(form.read(item, None))
        problems.raise_any()
        return tuple(made)

    def write_fixed(held: Any) -> list[Any]:
        return [form.write(one) if form.write else one for form, one in zip(forms, held, strict=True)]

    return _Form(read_fixed, write_fixed)


def _map(key: _Form, item: _Form) -> _Form:
    """A `FrozenMap` with texts for keys is an object."""
    read_key, (read, write) = key.read, item

    def read_map(raw: Any, kind: Any) -> FrozenMap[Any, Any]:
        if raw.__class__ is not dict:
            raise _wrong("not_an_object", "an object", raw)
        try:
            return FrozenMap({read_key(name, None): read(held, None) for name, held in raw.items()})
        except InvalidInput:
            problems = Problems()
            for name, held in raw.items():
                with problems.at(f"[{name}]"):
                    read_key(name, None)
                    read(held, None)
            raise InvalidInput(problems) from None

    def write_map(held: Any) -> dict[str, Any]:
        return {name: write(one) for name, one in held.items()}  # type: ignore[misc]

    return _Form(read_map, write_map if write else dict)


# -- classes -----------------------------------------------------------------------------------------------------------


class _Forms:
    """The form of every class that was met so far, worked out at the first meeting.

    Two threads that meet a class at once both work it out, each in a draft of its own, and come to the same.
    """

    def __init__(self, leaves: Mapping[Any, _Form]) -> None:
        self.leaves = leaves
        self.records: dict[type, _Form] = {}
        self._converter: Any = None

    def record(self, cls: type) -> _Form:
        """A class with fields: an object."""
        found = self.records.get(cls)
        if found is None:
            draft = _Draft(self)
            found = draft.record(cls)
            self.records.update(draft.records)
        return found

    @property
    def converter(self) -> Any:
        """What cattrs wants to have along, although every hook is ours."""
        if self._converter is None:
            from cattrs import Converter

            self._converter = Converter()
        return self._converter


class _Draft:
    """The forms of a class and of all that is inside it, while they are being worked out."""

    def __init__(self, forms: _Forms) -> None:
        self._forms = forms
        self._leaves = forms.leaves
        self.records = dict(forms.records)

    def of(self, kind: Any) -> _Form:
        """How a type is written; `TypeError` for one that cannot be."""
        if (leaf := self._leaves.get(kind)) is not None:
            return leaf
        if isinstance(kind, NewType):
            return self.of(kind.__supertype__)
        if kind is Any:
            return _optional(self.tagged("request or reply", (*REQUESTS, *REPLIES)))
        if kind is Request:
            return self.tagged("request", REQUESTS)
        if isinstance(kind, type) and get_origin(kind) is None:
            return self._of_class(kind)
        return self._of_generic(kind, get_origin(kind), get_args(kind))

    def _of_class(self, kind: type) -> _Form:
        if issubclass(kind, Enum):
            return _enum(kind)
        if attrs.has(kind):
            return self.record(kind)
        raise TypeError(f"no way is known to write a {kind.__name__} down")

    def _of_generic(self, kind: Any, origin: Any, arguments: tuple[Any, ...]) -> _Form:
        if origin is Annotated:
            return self.of(arguments[0])
        if origin is Literal:
            return _choice(kind)
        if origin is Union or origin is UnionType:
            return self._of_union(arguments)
        if origin is tuple and len(arguments) == 2 and arguments[1] is ...:
            return _tuple(self.of(arguments[0]))
        if origin is tuple:
            return _fixed_tuple(tuple(map(self.of, arguments)))
        if origin is frozenset:
            return _set(self.of(arguments[0]))
        if origin is FrozenMap and self.of(arguments[0]).read is _read_text:
            return _map(self.of(arguments[0]), self.of(arguments[1]))
        raise TypeError(f"no way is known to write {kind} down")

    def _of_union(self, members: tuple[Any, ...]) -> _Form:
        real = tuple(member for member in members if member is not NoneType)
        if len(real) == 1:
            form = self.of(real[0])
        elif set(real) <= {*REQUESTS, *REPLIES}:
            form = self.tagged("request or reply", real)
        else:
            raise TypeError(f"no way is known to tell {' | '.join(map(str, real))} apart")
        return form if len(real) == len(members) else _optional(form)

    def tagged(self, what: str, classes: Iterable[type]) -> _Form:
        """One of several classes, told apart by their tags."""
        family = _Family(what, classes, self._forms, {})
        return _Form(lambda raw, kind: family.load(raw), family.dump)

    def record(self, cls: type) -> _Form:
        """A class with fields: an object."""
        found = self.records.get(cls)
        if found is None:
            # a class that contains itself finds this while it is being worked out
            self.records[cls] = _Form(
                lambda raw, kind: self.records[cls].read(raw, kind),
                lambda held: self.records[cls].write(held),  # type: ignore[misc]
            )
            found = self.records[cls] = self._made(cls)
        return found

    def _made(self, cls: type) -> _Form:
        from cattrs import override
        from cattrs.fns import identity
        from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn

        kinds = typing.get_type_hints(cls, include_extras=True)
        overrides: dict[str, Any] = {}
        for field in attrs.fields(cls):
            if cls is Parcel and field.name == "tracking":
                overrides[field.name] = override(omit=True)
                continue
            try:
                form = self.of(kinds[field.name])
            except TypeError as unknown:
                raise TypeError(f"{cls.__qualname__}.{field.name}: {unknown}") from None
            overrides[field.name] = override(struct_hook=form.read, unstruct_hook=form.write or identity)
        write: Write = make_dict_unstructure_fn(cls, self._forms.converter, _cattrs_omit_if_default=True, **overrides)
        read: Read = make_dict_structure_fn(
            cls,
            self._forms.converter,
            _cattrs_forbid_extra_keys=True,
            _cattrs_detailed_validation=True,
            _cattrs_prefer_attrib_converters=False,
            **overrides,
        )
        return _Form(_parcel_reader(_record_reader(read)) if cls is Parcel else _record_reader(read), write)


def _record_reader(generated: Callable[[Any, Any], Any]) -> Read:
    """What cattrs wrote, with its errors told as ours."""
    from cattrs import ClassValidationError

    def read(raw: Any, kind: Any) -> Any:
        if raw.__class__ is not dict:
            raise _wrong("not_an_object", "an object", raw)
        try:
            return generated(raw, kind)
        except ClassValidationError as group:
            raise InvalidInput(_violations(group)) from None

    return read


def _parcel_reader(read: Read) -> Read:
    """A parcel's tracking is what its scans amount to; it is not on file."""

    def read_parcel(raw: Any, kind: Any) -> Parcel:
        parcel: Parcel = read(raw, kind)
        return parcel.with_scans(parcel.scans) if parcel.scans else parcel

    return read_parcel


def _violations(group: Any) -> Iterable[Violation]:
    """What is wrong with the fields of one object. An error that is nobody's input goes on as it is."""
    from cattrs import ForbiddenExtraKeysError

    noted, others = group.group_exceptions()
    for error, note in noted:
        if isinstance(error, InvalidInput):
            yield from (violation.under(note.name) for violation in error.violations)
        elif isinstance(error, KeyError) and error.args == (note.name,):
            yield Violation("codec.missing_field", "is missing", note.name)
        else:
            raise error
    for error in others:
        if isinstance(error, ForbiddenExtraKeysError):
            for name in sorted(error.extra_fields, key=str):
                yield Violation("codec.unknown_field", "is not known here", str(name))
        elif isinstance(error, InvalidInput):
            yield from error.violations
        else:
            raise error


# -- families: classes under tags --------------------------------------------------------------------------------------


class _Family:
    """Classes of one kind, under their tags and versions."""

    def __init__(
        self, what: str, classes: Iterable[type], forms: _Forms, upcasters: Mapping[tuple[str, int], Upcaster]
    ) -> None:
        self._what = what
        self._classes: dict[str, type] = {}
        self._forms = forms
        self._upcasters = upcasters
        self._writing: dict[type, tuple[Document, Write]] = {}
        self._reading: dict[str, tuple[int, Read]] = {}
        problems = Problems()
        for cls in classes:
            with problems.at(cls.__qualname__):
                self._register(cls, cls.TAG)  # type: ignore[attr-defined]
        problems.raise_any()

    @property
    def tags(self) -> Mapping[str, type]:
        """The classes by tag."""
        return dict(self._classes)

    def _register(self, cls: type, tag: str) -> None:
        if not tag or "." in tag:
            raise InvalidInput.because("codec.bad_tag", f"needs a tag without dots, not {tag!r}")
        if (other := self._classes.setdefault(tag, cls)) is not cls:
            raise InvalidInput.because("codec.tag_used_twice", f"has the tag {tag!r}, as {other.__qualname__} has")
        if taken := _RESERVED.intersection(field.name for field in attrs.fields(cls)):
            raise InvalidInput.because("codec.reserved_field", f"must not have a field {' or '.join(sorted(taken))}")

    def form(self, cls: type) -> _Form:
        """How the fields of one of the classes are written."""
        tag = getattr(cls, "TAG", "") or cls.__qualname__
        if self._classes.get(tag) is not cls:
            raise UnknownType(tag, self._what)
        return self._forms.record(cls)

    def dump(self, held: Any) -> Document:
        """``{"type": tag, "v": version, ...fields}``."""
        cls = held.__class__
        found = self._writing.get(cls)
        if found is None:
            write = self.form(cls).write
            assert write is not None
            found = self._writing[cls] = ({"type": cls.TAG, "v": _version_of(cls)}, write)
        head, write = found
        return {**head, **write(held)}

    def load(self, document: Any) -> Any:
        """The value that a document speaks of."""
        if document.__class__ is not dict:
            raise _wrong("not_an_object", "an object", document)
        fields = document.copy()
        tag, version = _head(fields)
        found = self._reading.get(tag)
        if found is None:
            cls = self._classes.get(tag)
            if cls is None:
                raise UnknownType(tag, self._what)
            found = self._reading[tag] = (_version_of(cls), self.form(cls).read)
        known, read = found
        if version != known:
            fields = self._upcast(tag, version, known, fields)
        return read(fields, None)

    def _upcast(self, tag: str, version: int, known: int, fields: Document) -> Document:
        if version > known:
            raise NewerVersion(tag, version, known)
        for step in range(version, known):
            upcaster = self._upcasters.get((tag, step))
            if upcaster is None:
                raise MissingUpcaster(tag, step)
            fields = upcaster(fields)
        return fields


def _version_of(cls: type) -> int:
    version: int = getattr(cls, "VERSION", 1)
    return version


def _head(fields: Document) -> tuple[str, int]:
    """The tag and version of a document, taken out of its fields."""
    problems = Problems()
    found: list[Any] = []
    for name, read in (("type", _read_text), ("v", _read_version)):
        with problems.at(name):
            if name not in fields:
                raise InvalidInput.because("codec.missing_field", "is missing")
            found.append(read(fields.pop(name), None))
    problems.raise_any()
    return found[0], found[1]


def _read_version(raw: Any, kind: Any) -> int:
    if _read_int(raw, kind) < 1:
        raise InvalidInput.because("codec.not_a_version", "must be a whole number from 1")
    return int(raw)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_encode_sorted = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False, sort_keys=True).encode


def _decode(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput.because("codec.not_json", "must be JSON") from None


class Codec:
    """Writes and reads the messages of some stages, and orders.

    A host gives its own ``events`` and ``commands`` along with those of the ``stages`` (the standard ones, if nothing
    is said), and an upcaster for each older version of a tag: ``{("parcel_packed", 1): fields_of_version_2}``.

    >>> from orderflow.stages.holds import HoldReleased
    >>> standard_codec().event_to_json(HoldReleased(datetime(2026, 3, 1, 12, tzinfo=UTC), "H1"))
    '{"type":"hold_released","v":1,"at":"2026-03-01T12:00:00+00:00","hold_id":"H1"}'

    Raises:
        InvalidInput: ``codec.bad_tag``, ``codec.tag_used_twice`` or ``codec.reserved_field``, for every class
            concerned; ``codec.useless_upcaster`` for one that no tag and version will ever need.
    """

    def __init__(
        self,
        stages: Iterable[Stage] = STAGES,
        *,
        events: Iterable[type[Event]] = (),
        commands: Iterable[type[Command]] = (),
        upcasters: Mapping[tuple[str, int], Upcaster] | None = None,
    ) -> None:
        known = tuple(stages)
        steps = dict(upcasters or {})
        self._forms = _Forms(_LEAVES)
        all_events = (*(cls for stage in known for cls in stage.events), *events)
        all_commands = (*(cls for stage in known for cls in stage.commands), *commands)
        self._events = _Family("event", all_events, self._forms, steps)
        self._commands = _Family("command", all_commands, self._forms, steps)
        self._requests = _Family("request", REQUESTS, self._forms, steps)
        self._replies = _Family("reply", REPLIES, self._forms, steps)
        self._prints = _Family("command", all_commands, _Forms(_CANONICAL), steps)
        self._refuse_useless(steps)

    def _refuse_useless(self, steps: Mapping[tuple[str, int], Upcaster]) -> None:
        problems = Problems()
        families = (self._events, self._commands, self._requests, self._replies)
        newest = {tag: _version_of(cls) for family in families for tag, cls in family.tags.items()}
        for tag, version in steps:
            if not 1 <= version < newest.get(tag, 1):
                problems.add("codec.useless_upcaster", f"no {tag!r} of version {version} is ever upcast", "upcasters")
        problems.raise_any()

    @property
    def events(self) -> Mapping[str, type[Event]]:
        """The known events by tag."""
        return self._events.tags

    @property
    def commands(self) -> Mapping[str, type[Command]]:
        """The known commands by tag."""
        return self._commands.tags

    # -- messages ----------------------------------------------------------------------------------------------------

    def dump_event(self, event: Event) -> Document:
        """An event as a document."""
        return self._events.dump(event)

    def load_event(self, document: Document) -> Event:
        """An event from its document, of this version or an older one.

        Raises:
            UnknownType: no event has this tag.
            NewerVersion: a newer program wrote it.
            MissingUpcaster: an older program wrote it, and a step is missing.
            InvalidInput: it is not what it says, with all problems and their paths.
        """
        event: Event = self._events.load(document)
        return event

    def event_to_json(self, event: Event) -> str:
        """An event as JSON text."""
        return _encode(self._events.dump(event))

    def event_from_json(self, text: str | bytes) -> Event:
        """An event from JSON text; see `load_event`."""
        return self.load_event(_decode(text))

    def dump_command(self, command: Command) -> Document:
        """A command as a document."""
        return self._commands.dump(command)

    def load_command(self, document: Document) -> Command:
        """A command from its document, with all its own checks."""
        command: Command = self._commands.load(document)
        return command

    def command_to_json(self, command: Command) -> str:
        """A command as JSON text."""
        return _encode(self._commands.dump(command))

    def command_from_json(self, text: str | bytes) -> Command:
        """A command from JSON text; see `load_command`."""
        return self.load_command(_decode(text))

    def fingerprint(self, command: Command) -> str:
        """A digest of what a command asks: equal commands have equal ones, however their numbers were written."""
        return hashlib.sha256(_encode_sorted(self._prints.dump(command)).encode("ascii")).hexdigest()

    def dump_request(self, request: Request) -> Document:
        """A request to a port as a document."""
        return self._requests.dump(request)

    def load_request(self, document: Document) -> Request:
        """A request to a port from its document."""
        request: Request = self._requests.load(document)
        return request

    def dump_reply(self, reply: Reply) -> Document:
        """A port's reply as a document."""
        return self._replies.dump(reply)

    def load_reply(self, document: Document) -> Reply:
        """A port's reply from its document."""
        reply: Reply = self._replies.load(document)
        return reply

    # -- values that come without a tag --------------------------------------------------------------------------------

    def dump_scan(self, scan: Scan) -> Document:
        """A carrier's report as a document, without a tag."""
        return self._write(scan)

    def load_scan(self, document: Document) -> Scan:
        """A carrier's report from its document."""
        scan: Scan = self._forms.record(Scan).read(document, None)
        return scan

    def dump_actor(self, actor: Actor) -> Document:
        """Who acted, as a document."""
        return self._write(actor)

    def load_actor(self, document: Document) -> Actor:
        """Who acted, from the document."""
        actor: Actor = self._forms.record(Actor).read(document, None)
        return actor

    def dump_envelope(self, envelope: Envelope) -> Document:
        """The outside of a command as a document."""
        return self._write(envelope)

    def load_envelope(self, document: Document) -> Envelope:
        """The outside of a command from its document."""
        envelope: Envelope = self._forms.record(Envelope).read(document, None)
        return envelope

    # -- orders --------------------------------------------------------------------------------------------------------

    def dump_order(self, order: Order) -> Document:
        """A snapshot of a whole order. What follows from the rest of it, such as parcels' tracking, is left out."""
        return {"type": "order", "shape": SHAPE, **self._write(order)}

    def load_order(self, document: Document) -> Order:
        """An order from its snapshot.

        Raises:
            SnapshotMismatch: it was taken in another shape, and the order is to be built from its events.
        """
        if document.__class__ is not dict:
            raise _wrong("not_an_object", "an object", document)
        fields = document.copy()
        if (tag := fields.pop("type", None)) != "order":
            raise UnknownType(str(tag), "snapshot")
        shape = fields.pop("shape", None)
        if shape.__class__ is not int or shape != SHAPE:
            raise SnapshotMismatch(shape, SHAPE)
        order: Order = self._forms.record(Order).read(fields, None)
        return order

    def order_to_json(self, order: Order) -> str:
        """A snapshot as JSON text."""
        return _encode(self.dump_order(order))

    def order_from_json(self, text: str | bytes) -> Order:
        """An order from a snapshot's JSON text; see `load_order`."""
        return self.load_order(_decode(text))

    def _write(self, held: Any) -> Document:
        write = self._forms.record(held.__class__).write
        assert write is not None
        document: Document = write(held)
        return document


@cache
def standard_codec() -> Codec:
    """The codec of the standard stages, made once."""
    return Codec()
