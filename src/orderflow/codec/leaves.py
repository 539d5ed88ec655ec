"""How single values are written: texts, numbers, money, moments, days, flags, and one of a few.

Nothing is coerced when a leaf is read: an amount of goods or money is a text, never a JSON number; a moment
names its offset; a flag is not a number. Two tables say how: `LEAVES` keeps a number as it was written (``2.50``);
`CANONICAL` gives equal numbers one writing (``2.5``), for fingerprints.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from types import NoneType
from typing import Any, NamedTuple, TypeAlias

from orderflow.errors import InvalidInput
from orderflow.values.money import Money, _money, as_currency
from orderflow.values.numbers import plain
from orderflow.values.times import as_instant

__all__ = ["CANONICAL", "LEAVES", "Form", "Read", "Write", "as_it_is", "one_of", "read_int", "read_text"]

Read: TypeAlias = Callable[[Any, Any], Any]
"""Takes what JSON holds, and, because cattrs gives it along, the type that is wanted, which nobody looks at."""

Write: TypeAlias = Callable[[Any], Any]
"""Takes a value, gives what JSON holds."""


def as_it_is(held: Any) -> Any:
    """The writing of what is JSON already; whoever writes many such values may leave the call out."""
    return held


class Form(NamedTuple):
    """How values of one type are read and written."""

    read: Read
    write: Write = as_it_is


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


def read_text(raw: Any, kind: Any) -> str:
    """A text, and nothing that could be made one."""
    if raw.__class__ is str:
        return raw
    raise _wrong("not_text", "text", raw)


def read_int(raw: Any, kind: Any) -> int:
    """A whole number; true is not one."""
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
        moment = datetime.fromisoformat(raw)
    except ValueError:
        raise _wrong("not_an_instant", "a moment that exists", raw) from None
    return as_instant(moment)


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


LEAVES: Mapping[Any, Form] = {
    str: Form(read_text),
    int: Form(read_int),
    bool: Form(_read_flag),
    Decimal: Form(_read_decimal, _write_decimal),
    datetime: Form(_read_instant, _write_instant),
    date: Form(_read_day, _write_day),
    Money: Form(_read_money, _write_money),
}

CANONICAL: Mapping[Any, Form] = {
    **LEAVES,
    Decimal: Form(_read_decimal, _write_plain),
    Money: Form(_read_money, _write_plain_money),
}


def one_of(choices: Iterable[tuple[Any, Any]], write: Write = as_it_is) -> Form:
    """One of a few: each text or number, and the value it stands for. A number is not a flag: 1 is not true."""
    known = {(raw.__class__, raw): stands_for for raw, stands_for in choices}
    classes = {cls for cls, _ in known}
    named = ", ".join(str(raw) for _, raw in known)

    def read(raw: Any, kind: Any) -> Any:
        if raw.__class__ in classes and (choice := (raw.__class__, raw)) in known:
            return known[choice]
        raise InvalidInput.because("codec.not_a_choice", f"must be one of {named}")

    return Form(read, write)
