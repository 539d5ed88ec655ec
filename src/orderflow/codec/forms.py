"""What a class looks like on paper: worked out from its annotations, when it is first met.

A class is an object with its fields; what equals its default is left out. A tuple is a list, a set a sorted list, a
`FrozenMap` an object; a value that may be one of several classes is a tagged document. Whatever is read in parts is
read to its end, so that the problems of all parts are told, each under its own path.

cattrs writes the functions for a class. Only this module knows it, and imports it when the first class is met.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from itertools import repeat
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin

import attrs

from orderflow.codec.family import Family
from orderflow.codec.leaves import Form, Read, Write, _wrong, as_it_is, one_of, read_text
from orderflow.errors import InvalidInput, Violation
from orderflow.messages import Command
from orderflow.order import Parcel
from orderflow.ports import REPLIES, REQUESTS, Request
from orderflow.values.frozenmap import FrozenMap

__all__ = ["Forms"]


# -- wholes: values made of values -------------------------------------------------------------------------------------


def _read_all(parts: Iterable[tuple[object, Read, Any]]) -> list[Any]:
    """Every part by its own way of reading; the problems of all of them, each under the name of its part."""
    made: list[Any] = []
    found: list[Violation] = []
    for name, read, raw in parts:
        try:
            made.append(read(raw, None))
        except InvalidInput as invalid:
            found += [violation.under(f"[{name}]") for violation in invalid.violations]
    if found:
        raise InvalidInput(found)
    return made


def _read_items(read: Read, raw: Any) -> list[Any]:
    if raw.__class__ is not list:
        raise _wrong("not_a_list", "a list", raw)
    return _read_all(zip(range(len(raw)), repeat(read), raw))


def _optional(form: Form) -> Form:
    read, write = form

    def read_optional(raw: Any, kind: Any) -> Any:
        return None if raw is None else read(raw, kind)

    def write_optional(held: Any) -> Any:
        return None if held is None else write(held)

    return Form(read_optional, as_it_is if write is as_it_is else write_optional)


def _tuple(item: Form) -> Form:
    read, write = item

    def read_tuple(raw: Any, kind: Any) -> tuple[Any, ...]:
        return tuple(_read_items(read, raw))

    def write_tuple(held: Any) -> list[Any]:
        return [write(one) for one in held]

    return Form(read_tuple, list if write is as_it_is else write_tuple)


def _set(item: Form) -> Form:
    """A set is written as a sorted list, and read from a list without repeats."""
    read, write = item

    def read_set(raw: Any, kind: Any) -> frozenset[Any]:
        items = _read_items(read, raw)
        held = frozenset(items)
        if len(held) != len(items):
            raise InvalidInput.because("codec.repeated_item", "must not name anything twice")
        return held

    def write_set(held: Any) -> list[Any]:
        return sorted(map(write, held))

    return Form(read_set, write_set)


def _fixed_tuple(forms: tuple[Form, ...]) -> Form:
    reads = tuple(form.read for form in forms)

    def read_fixed(raw: Any, kind: Any) -> tuple[Any, ...]:
        if raw.__class__ is not list or len(raw) != len(forms):
            raise InvalidInput.because("codec.not_a_list", f"must be a list of {len(forms)} items")
        return tuple(_read_all(zip(range(len(raw)), reads, raw, strict=True)))

    def write_fixed(held: Any) -> list[Any]:
        return [form.write(one) for form, one in zip(forms, held, strict=True)]

    return Form(read_fixed, write_fixed)


def _map(item: Form) -> Form:
    """A `FrozenMap` with texts for keys is an object."""
    read, write = item

    def read_entry(entry: tuple[Any, Any], kind: Any) -> tuple[str, Any]:
        return read_text(entry[0], kind), read(entry[1], kind)

    def read_map(raw: Any, kind: Any) -> FrozenMap[str, Any]:
        if raw.__class__ is not dict:
            raise _wrong("not_an_object", "an object", raw)
        return FrozenMap(_read_all(zip(raw, repeat(read_entry), raw.items())))

    def write_map(held: Any) -> dict[str, Any]:
        return {name: write(one) for name, one in held.items()}

    return Form(read_map, dict if write is as_it_is else write_map)


# -- classes -----------------------------------------------------------------------------------------------------------


class Forms:
    """The form of every class that was met so far, worked out at the first meeting.

    Two threads that meet a class at once both work it out, each in a draft of its own, and come to the same.
    """

    def __init__(self, leaves: Mapping[Any, Form], commands: tuple[type[Command], ...] = ()) -> None:
        self.leaves = leaves
        self.commands = commands
        self.records: dict[type, Form] = {}

    def record(self, cls: type) -> Form:
        """A class with fields: an object."""
        found = self.records.get(cls)
        if found is None:
            draft = _Draft(self)
            found = draft.record(cls)
            self.records.update(draft.records)
        return found


class _Draft:
    """The forms of a class and of all that is inside it, while they are being worked out."""

    def __init__(self, forms: Forms) -> None:
        self._forms = forms
        self._leaves = forms.leaves
        self.records = dict(forms.records)

    def of(self, kind: Any) -> Form:
        """How a type is written; `TypeError` for one that cannot be."""
        if (leaf := self._leaves.get(kind)) is not None:
            return leaf
        if isinstance(kind, NewType):
            return self.of(kind.__supertype__)
        if kind is Any:
            return _optional(self.tagged("request or reply", (*REQUESTS, *REPLIES)))
        if kind is Request:
            return self.tagged("request", REQUESTS)
        if kind is Command:
            return self.tagged("command", self._forms.commands)
        if isinstance(kind, type) and get_origin(kind) is None:
            return self._of_class(kind)
        return self._of_generic(kind, get_origin(kind), get_args(kind))

    def _of_class(self, kind: type) -> Form:
        if issubclass(kind, Enum):
            return one_of([(member.value, member) for member in kind], attrgetter("value"))
        if attrs.has(kind):
            return self.record(kind)
        raise TypeError(f"no way is known to write a {kind.__name__} down")

    def _of_generic(self, kind: Any, origin: Any, arguments: tuple[Any, ...]) -> Form:
        if origin is Annotated:
            return self.of(arguments[0])
        if origin is Literal:
            return one_of(zip(arguments, arguments, strict=True))
        if origin is Union or origin is UnionType:
            return self._of_union(arguments)
        if origin is tuple and len(arguments) == 2 and arguments[1] is ...:
            return _tuple(self.of(arguments[0]))
        if origin is tuple:
            return _fixed_tuple(tuple(map(self.of, arguments)))
        if origin is frozenset:
            return _set(self.of(arguments[0]))
        if origin is FrozenMap and self.of(arguments[0]).read is read_text:
            return _map(self.of(arguments[1]))
        raise TypeError(f"no way is known to write {kind} down")

    def _of_union(self, members: tuple[Any, ...]) -> Form:
        real = tuple(member for member in members if member is not NoneType)
        if len(real) == 1:
            form = self.of(real[0])
        elif set(real) <= {*REQUESTS, *REPLIES}:
            form = self.tagged("request or reply", real)
        else:
            raise TypeError(f"no way is known to tell {' | '.join(map(str, real))} apart")
        return form if len(real) == len(members) else _optional(form)

    def tagged(self, what: str, classes: Iterable[type]) -> Form:
        """One of several classes, told apart by their tags."""
        family: Family[Any] = Family(what, classes, self._forms.record, {})
        return Form(lambda raw, kind: family.load(raw), family.dump)

    def record(self, cls: type) -> Form:
        """A class with fields: an object."""
        found = self.records.get(cls)
        if found is None:
            # a class that contains itself finds this while it is being worked out
            self.records[cls] = Form(
                lambda raw, kind: self.records[cls].read(raw, kind),
                lambda held: self.records[cls].write(held),
            )
            found = self.records[cls] = self._made(cls)
        return found

    def _made(self, cls: type) -> Form:
        from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn

        ways = dict(self._ways(cls))
        write: Write = make_dict_unstructure_fn(cls, _converter(), _cattrs_omit_if_default=True, **ways)
        generated: Read = make_dict_structure_fn(
            cls,
            _converter(),
            _cattrs_forbid_extra_keys=True,
            _cattrs_detailed_validation=True,
            _cattrs_prefer_attrib_converters=False,
            **ways,
        )
        read = _record_reader(generated)
        return Form(_parcel_reader(read) if cls is Parcel else read, write)

    def _ways(self, cls: type) -> Iterator[tuple[str, Any]]:
        """How each field of a class is written, in the words of cattrs."""
        from cattrs import override
        from cattrs.fns import identity

        kinds = typing.get_type_hints(cls, include_extras=True)
        for field in attrs.fields(cls):
            if cls is Parcel and field.name == "tracking":
                yield field.name, override(omit=True)
                continue
            try:
                read, write = self.of(kinds[field.name])
            except TypeError as unknown:
                raise TypeError(f"{cls.__qualname__}.{field.name}: {unknown}") from None
            yield field.name, override(struct_hook=read, unstruct_hook=identity if write is as_it_is else write)


@cache
def _converter() -> Any:
    """What cattrs wants to have along, although every hook is ours."""
    from cattrs import Converter

    return Converter()


def _record_reader(generated: Read) -> Read:
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
