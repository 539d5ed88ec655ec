"""How documents are written: from parts, in the order that UBL wants, the same bytes every time.

Parts are named and given in any order; what stands where is read off the table of the vocabulary. A part that says
nothing is left out. A name that UBL does not have where it is put is a bug of ours, and fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypeAlias

from orderflow.adapters.ubl.markup import Element, rendered
from orderflow.adapters.ubl.reading import Loss
from orderflow.adapters.ubl.vocabulary import SEQUENCE, document_namespace, kind_of
from orderflow.errors import InvalidInput
from orderflow.values.address import Address
from orderflow.values.money import Money
from orderflow.values.numbers import plain
from orderflow.values.party import Contact, Party
from orderflow.values.record import record
from orderflow.values.times import clock_in, day_in

__all__ = [
    "Part",
    "Written",
    "address_part",
    "aggregate",
    "amount",
    "basic",
    "buyer_part",
    "document",
    "moment",
    "party_part",
    "quantity",
    "seller_part",
]

#: What XML 1.0 cannot hold, however it is written.
_IMPOSSIBLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@record
class Written:
    """A document as it is sent, and what we know and UBL cannot say."""

    document: bytes
    losses: tuple[Loss, ...] = ()


@record
class Part:
    """An element to be written: basic, with a text, or an aggregate of parts."""

    name: str
    text: str = ""
    parts: tuple[Part, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    is_basic: bool = True


Said: TypeAlias = "str | bool | date | Decimal | int | None"


def basic(name: str, said: Said, **attributes: str) -> Part | None:
    """An element with a text; nothing, where nothing is said.

    Raises:
        InvalidInput: ``ubl.cannot_be_written``: a character that XML does not have.
    """
    if said is None or said == "":
        return None
    text = _written(said)
    if _IMPOSSIBLE.search(text):
        raise InvalidInput.because("ubl.cannot_be_written", f"XML cannot hold {text[:60]!r}", name)
    return Part(name, text, attributes=tuple((key, value) for key, value in attributes.items() if value))


def _written(said: str | bool | date | Decimal | int) -> str:
    if isinstance(said, bool):
        return "true" if said else "false"
    if isinstance(said, date):
        return said.isoformat()
    return plain(said) if isinstance(said, Decimal) else str(said)


def quantity(name: str, units: Decimal | int | None, code: str = "") -> Part | None:
    """How many, in which unit."""
    return basic(name, units, unitCode=code)


def amount(name: str, money: Money | None) -> Part | None:
    """How much, with the digits of its currency at least."""
    return basic(name, str(money).rpartition(" ")[0], currencyID=money.currency) if money is not None else None


def aggregate(name: str, *parts: Part | None, needed: bool = False) -> Part | None:
    """An element of parts; nothing, where none of them says anything and it is not needed."""
    said = [part for part in parts if part is not None]
    if not said and not needed:
        return None
    places = {one: place for place, one in enumerate(SEQUENCE[kind_of(name)])}
    assert all(part.name in places for part in said), f"UBL has no such part in {name}: {[one.name for one in said]}"
    return Part(name, parts=tuple(sorted(said, key=lambda part: places[part.name])), is_basic=False)


def document(kind: str, *parts: Part | None) -> bytes:
    """A whole document of UBL 2.1."""
    whole = aggregate(kind, basic("UBLVersionID", "2.1"), *parts, needed=True)
    assert whole is not None
    root = Element(kind, document_namespace(kind))
    _grow(root, whole.parts)
    return rendered(root)


def _grow(parent: Element, parts: Iterable[Part]) -> None:
    for part in parts:
        prefix = "cbc" if part.is_basic else "cac"
        made = Element(part.name, prefix, dict(part.attributes), part.text, parent=parent)
        _grow(made, part.parts)


def moment(day: str, time: str, at: datetime | None, zone: str) -> tuple[Part | None, Part | None]:
    """A day and a time of it, as the calendar and the clocks of a zone show them."""
    if at is None:
        return None, None
    return basic(day, day_in(at, zone)), basic(time, clock_in(at, zone).isoformat("seconds"))


# -- parties --------------------------------------------------------------------------------------------------------


def seller_part(name: str, seller: Party) -> Part | None:
    """The seller, that is we."""
    return aggregate(name, party_part("Party", seller, seller.id), needed=True)


def buyer_part(name: str, buyer: Party | None) -> Part | None:
    """The customer, by the number that we gave it."""
    if buyer is None:
        return aggregate(name, needed=True)
    return aggregate(name, basic("SupplierAssignedAccountID", buyer.id), party_part("Party", buyer, ""), needed=True)


def party_part(name: str, party: Party | None, number: str) -> Part | None:
    """A party with everything that is known of it."""
    if party is None:
        return None
    return aggregate(
        name,
        aggregate("PartyIdentification", basic("ID", number)),
        aggregate("PartyName", basic("Name", party.name)),
        address_part("PostalAddress", party.address),
        _tax_part(party.tax_id),
        _contact_part(party.contact),
    )


def _tax_part(tax_id: str) -> Part | None:
    if not tax_id:
        return None
    return aggregate("PartyTaxScheme", basic("CompanyID", tax_id), aggregate("TaxScheme", basic("ID", "VAT")))


def _contact_part(contact: Contact | None) -> Part | None:
    if contact is None:
        return None
    return aggregate(
        "Contact",
        basic("Name", contact.name),
        basic("Telephone", contact.phone),
        basic("ElectronicMail", contact.email),
    )


def address_part(name: str, address: Address | None) -> Part | None:
    """An address: two lines of the street, and further ones as they are."""
    if address is None:
        return None
    street, second, *more = (*address.lines, "")
    return aggregate(
        name,
        basic("StreetName", street),
        basic("AdditionalStreetName", second),
        basic("CityName", address.city),
        basic("PostalZone", address.postal_code),
        basic("CountrySubentity", address.region),
        *(aggregate("AddressLine", basic("Line", line)) for line in more),
        aggregate("Country", basic("IdentificationCode", address.country)),
    )
