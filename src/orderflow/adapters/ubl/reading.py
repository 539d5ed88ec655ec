"""How a document is read so that nothing of it is lost in silence.

A `Reader` goes over the tree of a document and notes what it has used. Whatever has a text or an attribute and was not
used is a *loss*, with where it stands and why it is not kept; so the report is complete by construction, and what a
later UBL adds is in it without anybody's doing. What is read and does not fit together is a *flag*: it is read as it
stands, and somebody ought to look. What cannot be read at all is refused, all of it at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Final, TypeVar

from orderflow.adapters.ubl.agreement import Agreement
from orderflow.adapters.ubl.markup import Element
from orderflow.adapters.ubl.vocabulary import LINE_STATUSES, NAMESPACES, SEQUENCE, document_namespace, kind_of
from orderflow.errors import InvalidInput, Violation
from orderflow.values.ids import as_text
from orderflow.values.money import Money, as_currency
from orderflow.values.numbers import as_decimal, as_positive
from orderflow.values.record import record
from orderflow.values.times import instant_of

__all__ = ["Flag", "Loss", "Reader", "opened"]

T = TypeVar("T")


@record
class Loss:
    """Something that a document says and that is not kept: where, what, why, and in which line of the document."""

    path: str
    value: str
    why: str
    line: int = 0


@record
class Flag:
    """Something in a document that does not fit together and was read as it stands: somebody ought to look.

    ``stated`` and ``computed`` are numbers that ought to be equal.
    """

    code: str
    message: str
    path: str
    line: int = 0
    stated: Decimal | None = None
    computed: Decimal | None = None


_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)", re.ASCII)
#: How far a clock may be from UTC, as XML knows it: fourteen hours at the most.
_ZONE = r"(Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))?"
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})" + _ZONE, re.ASCII)
_CLOCK = re.compile(r"([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?" + _ZONE, re.ASCII)
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}

#: Why something is not kept, by the nearest element around it that is named here.
_WHY: Final = {
    "AccountingCost": "how the buyer books its cost is the buyer's",
    "AccountingCostCode": "how the buyer books its cost is the buyer's",
    "AllowanceCharge": "allowances and charges are agreed with the pricing system",
    "AnticipatedMonetaryTotal": "totals come of the pricing system's quote; the stated ones were checked",
    "Contract": "an order names no contract",
    "CustomizationID": "which rules a document follows is the partners' agreement",
    "DeliveryTerms": "terms of trade have no place; special terms are kept as instructions",
    "Item": "the product is known by its number, and described in the catalogue",
    "OriginatorCustomerParty": "an order has no originator beside its customer",
    "OriginatorParty": "an order has no originator beside its customer",
    "PaymentMeans": "payment is not agreed in an order",
    "PaymentTerms": "payment is not agreed in an order",
    "ProfileID": "which rules a document follows is the partners' agreement",
    "SellerSupplierParty": "of the seller, that is of ourselves, name, id, contact and address are kept",
    "Signature": "signatures are not checked",
    "TaxTotal": "taxes come of the pricing system's quote; the stated ones were checked",
    "Telefax": "a contact has no fax number",
    "TotalTaxAmount": "taxes come of the pricing system's quote; the stated ones were checked",
    "TransactionConditions": "conditions of trade have no place in an order",
    "UBLExtensions": "extensions mean what the partners agreed",
    "ValidityPeriod": "an order that was placed does not lapse by its sender's date",
}


def opened(root: Element, kind: str, agreement: Agreement) -> Reader:
    """A reader of a document that is of this kind, of UBL 2, and says nothing that its version cannot say.

    Raises:
        InvalidInput: ``ubl.other_document``: it is something else.
    """
    if (root.name, root.prefix) != (kind, document_namespace(kind)):
        told = f"must be a UBL 2 {kind}, not {root.name} of {root.prefix or 'no namespace'}"
        raise InvalidInput([Violation("ubl.other_document", told, root.path)])
    reader = Reader(root, agreement)
    version = root.first("UBLVersionID")
    reader.version = reader.text(version) if version is not None else ""
    if reader.version and not reader.version.startswith("2."):
        reader.refuse("ubl.other_version", f"must be UBL 2, not {reader.version[:20]!r}", version or root)
    if reader.version.startswith(("2.0", "2.1")):
        for element in _unheard_of(root):
            around = element.parent.name if element.parent is not None else ""
            reader.refuse("ubl.unknown_element", f"UBL {reader.version} has no {element.name} in {around}", element)
    for element in _out_of_place(root):
        reader.refuse("ubl.unknown_element", f"UBL has no {element.name} like this here", element)
    return reader


def _out_of_place(root: Element) -> Iterator[Element]:
    """Elements inside what says one thing only, and things that are said where UBL has aggregates alone."""
    for element in root.walk():
        if element.prefix == "cbc":
            yield from element.children
        elif element.prefix == "cac" and element.text.strip() and not element.children:
            yield element


def _unheard_of(element: Element) -> Iterator[Element]:
    """The elements that UBL does not have where they stand, as far as `SEQUENCE` knows."""
    known = SEQUENCE.get(kind_of(element.name))
    for child in element.children:
        if known is not None and (child.name not in known or child.prefix not in NAMESPACES):
            yield child
        elif child.name != "UBLExtensions":
            yield from _unheard_of(child)


class Reader:
    """Reads a document, and remembers what of it was used, what is wrong, and what does not fit together."""

    def __init__(self, root: Element, agreement: Agreement) -> None:
        self.root, self.agreement, self.version = root, agreement, ""
        self.currency = ""
        self.problems: list[Violation] = []
        self.flags: list[Flag] = []
        self._used: set[tuple[Element, str]] = set()
        self._why: dict[Element, str] = {}

    # -- what is noted -----------------------------------------------------------------------------------------------

    def refuse(self, code: str, message: str, at: Element, field: str = "") -> None:
        """Note something that cannot be read."""
        path = f"{at.path}/{field}" if field else at.path
        self.problems.append(Violation(code, f"{message} (line {at.line})", path))

    def flag(
        self, code: str, message: str, at: Element, stated: Decimal | None = None, computed: Decimal | None = None
    ) -> None:
        """Note something that does not fit together."""
        self.flags.append(Flag(code, message, at.path, at.line, stated, computed))

    def use(self, element: Element, attribute: str = "") -> None:
        """The text of an element, or an attribute, is used."""
        self._used.add((element, attribute))

    def lose(self, element: Element, why: str) -> None:
        """An element, and all in it, is not kept; ``why``."""
        for inner in element.walk():
            self._why[inner] = why
            self._used -= {(inner, name) for name in ("", *inner.attributes)}

    def raise_any(self) -> None:
        """Refuse the document, if anything in it cannot be read."""
        if self.problems:
            raise InvalidInput(tuple(dict.fromkeys(self.problems)))

    def losses(self) -> tuple[Loss, ...]:
        """Everything that the document says and that was not used, in its order."""
        return tuple(
            Loss(path, value, self._reason(element), element.line)
            for element, attribute, path, value in _sayings(self.root)
            if (element, attribute) not in self._used
        )

    def used(self) -> tuple[str, ...]:
        """The paths of everything that was used."""
        sayings = _sayings(self.root)
        return tuple(path for element, attribute, path, _ in sayings if (element, attribute) in self._used)

    def _reason(self, element: Element) -> str:
        around: Element | None = element
        while around is not None:
            if around in self._why:
                return self._why[around]
            if around.parent is not None and around.name in _WHY:
                return _WHY[around.name]
            around = around.parent
        return "an order has no place for it"

    @staticmethod
    def says(element: Element | None) -> bool:
        """Whether an element is there and says anything."""
        return element is not None and bool(element.text.strip())

    # -- what is read ------------------------------------------------------------------------------------------------

    def text(self, element: Element) -> str:
        """What an element says, without the blanks of the layout."""
        self.use(element)
        return " ".join(element.text.split())

    def read(self, element: Element | None, convert: Callable[[str], T]) -> T | None:
        """What an element says as ``convert`` takes it; nothing if it says nothing, a problem if it cannot be that."""
        if element is None or not (said := self.text(element)):
            return None
        try:
            return convert(said)
        except InvalidInput as invalid:
            for violation in invalid.violations:
                self.refuse(violation.code, f"{violation.message}: {said[:60]!r}", element, violation.path)
            return None

    def attempt(self, element: Element | None, convert: Callable[[str], T]) -> T | None:
        """As `read`; but what cannot be that is flagged and lost, and the document is read without it."""
        if element is None or not (said := self.text(element)):
            return None
        try:
            return convert(said)
        except InvalidInput as invalid:
            told = "; ".join(violation.message for violation in invalid.violations)
            self.flag("ubl.not_usable", f"{told}: {said[:60]!r}", element)
            self.lose(element, told)
            return None

    def number(self, element: Element | None) -> Decimal | None:
        """A decimal number, as XML Schema writes it."""
        return self.read(element, _as_number)

    def checked(self, element: Element | None) -> Decimal | None:
        """A number that is only checked: it stays a loss."""
        found = self.number(element)
        if element is not None:
            self._used.discard((element, ""))
        return found

    def positive(self, element: Element | None) -> Decimal | None:
        """A number above zero."""
        return self.read(element, lambda said: as_positive(_as_number(said)))

    def attribute(self, element: Element, name: str) -> str:
        """An attribute, empty if there is none."""
        self.use(element, name)
        return element.attributes.get(name, "").strip()

    def amount_currency(self, element: Element) -> str:
        """The currency of an amount: that of the order, where it does not say; another is flagged and lost."""
        said = self.attribute(element, "currencyID")
        if said and self.currency and said != self.currency:
            self.flag("ubl.other_currency", f"the amount is in {said}, the order in {self.currency}", element)
            self._used.discard((element, "currencyID"))
        return said or self.currency or self.agreement.currency or ""

    def money(self, element: Element | None) -> Money | None:
        """An amount with its own currency."""
        amount = self.number(element)
        if element is None or amount is None:
            return None
        try:
            currency = as_currency(self.amount_currency(element))
        except InvalidInput as invalid:
            self.refuse("ubl.unknown_currency", invalid.violations[0].message, element, "@currencyID")
            return None
        self.use(element, "currencyID")
        return Money(amount, currency)

    def is_said(self, element: Element | None) -> bool | None:
        """An indicator: true or false."""
        return self.read(element, _as_indicator)

    def day(self, element: Element | None) -> date | None:
        """A calendar day; an offset beside it changes nothing."""
        return self.read(element, _as_day)

    def instant(self, day: Element | None, clock: Element | None) -> datetime | None:
        """A day and a time of it, in the zone that the time names or the partners agreed."""
        date_, said = self.day(day), self.read(clock, _as_clock)
        if date_ is None or said is None or clock is None:
            return None
        at, offset = said
        try:
            if offset is None:
                return instant_of(date_, self.agreement.zone, at)
            return datetime.combine(date_, at, offset).astimezone(UTC)
        except (OverflowError, InvalidInput):
            self.refuse("ubl.bad_time", f"must be a time that UTC can express, not {date_} {at}", clock)
            return None

    def status(self, element: Element | None) -> str:
        """What a document says of a line; ``NoStatus`` where it says nothing."""
        return self.read(element, _as_status) or "NoStatus"

    def notes(self, *elements: Element) -> tuple[str, ...]:
        """Free texts, line by line as they were written."""
        said = (self.attempt_note(element) for element in elements)
        return tuple(note for note in said if note)

    def attempt_note(self, element: Element) -> str:
        """A free text; one that is too long is flagged and lost."""
        self.use(element)
        note = "\n".join(" ".join(row.split()) for row in element.text.strip().splitlines())
        try:
            return as_text(1000)(note)
        except InvalidInput as invalid:
            self.flag("ubl.not_usable", invalid.violations[0].message, element)
            self.lose(element, invalid.violations[0].message)
            return ""


def _sayings(root: Element) -> Iterator[tuple[Element, str, str, str]]:
    """Everything that is said: element, attribute or nothing, path, and the words."""
    for element in root.walk():
        path = element.path
        if element.text.strip():
            yield element, "", path, element.text.strip()
        for name, said in element.attributes.items():
            yield element, name, f"{path}/@{_attribute_name(name)}", said


def _attribute_name(name: str) -> str:
    namespace, _, local = name.rpartition(" ")
    return f"{{{namespace}}}{local}" if namespace else local


def _as_number(said: str) -> Decimal:
    if not _NUMBER.fullmatch(said):
        raise InvalidInput.because("ubl.bad_number", "must be a decimal number")
    whole, _, places = said.partition(".")
    digits = whole if whole not in ("", "+", "-") else f"{whole}0"
    return as_decimal(f"{digits}.{places}" if places else digits)


def _as_indicator(said: str) -> bool:
    if said not in _FLAGS:
        raise InvalidInput.because("ubl.bad_indicator", "must be true or false")
    return _FLAGS[said]


def _as_day(said: str) -> date:
    found = _DAY.fullmatch(said)
    try:
        return date.fromisoformat(found[1] if found else "")
    except ValueError:
        raise InvalidInput.because("ubl.bad_date", "must be a date of the calendar, like 2026-11-23") from None


def _as_clock(said: str) -> tuple[time, timezone | None]:
    found = _CLOCK.fullmatch(said)
    try:
        return time.fromisoformat(found[1] + (found[2] or "") if found else ""), _offset(found[3] if found else None)
    except ValueError:
        raise InvalidInput.because("ubl.bad_time", "must be a time of day, like 09:30:00Z") from None


def _offset(said: Any) -> timezone | None:
    if said is None or said == "Z":
        return None if said is None else UTC
    hours, minutes = int(said[1:3]), int(said[4:6])
    behind = -1 if said[0] == "-" else 1
    return timezone(behind * timedelta(hours=hours, minutes=minutes))


def _as_status(said: str) -> str:
    if said not in LINE_STATUSES:
        raise InvalidInput.because("ubl.unknown_line_status", f"must be one of {', '.join(LINE_STATUSES)}")
    return said
