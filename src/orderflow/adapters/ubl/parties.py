"""Who is who in a document, and where: parties, contacts and addresses as orderflow keeps them.

An address of UBL has twenty named parts; one of orderflow has up to five lines above the town, as they stand on a
label. What cannot be a contact or an address is flagged and lost as a whole: half an address is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orderflow.adapters.ubl.markup import Element
from orderflow.adapters.ubl.reading import Reader
from orderflow.errors import InvalidInput
from orderflow.values.address import Address
from orderflow.values.ids import as_id, as_line
from orderflow.values.party import Contact, Party, as_email
from orderflow.values.record import record

__all__ = ["Recipient", "address_of", "contact_of", "customer_party", "party_of", "recipient_of"]

_NAME, _PHONE = as_line(200), as_line(50)
_MOST_LINES = 5


@record
class Recipient:
    """Whose name stands on the label: a firm, a person, a telephone number."""

    company: str = ""
    name: str = ""
    phone: str = ""


def customer_party(reader: Reader, holder: Element | None) -> Party | None:
    """The buyer, or whoever pays: known by the number that the seller gave it, if one is said."""
    if holder is None:
        return None
    party = holder.first("Party")
    contacts = [*(party.all("Contact") if party is not None else ()), *holder.all("BuyerContact")]
    return party_of(reader, party, holder.first("SupplierAssignedAccountID"), contacts)


def party_of(
    reader: Reader, party: Element | None, number: Element | None = None, contacts: Iterable[Element] = ()
) -> Party | None:
    """A party with its name, its id, its contact and its address; nothing where none of these is said."""
    numbers = [number, *_numbers(party)]
    id = next((found for one in numbers if one is not None and (found := reader.attempt(one, as_id))), "")
    contact = contact_of(reader, party, next(iter(contacts), None))
    if party is None:
        return Party(id=id, contact=contact) if id or contact else None
    postal = party.first("PostalAddress")
    return Party(
        _party_name(reader, party),
        id,
        contact,
        address_of(reader, postal, Recipient()) if postal is not None else None,
        reader.attempt(party.first("PartyTaxScheme", "CompanyID"), _PHONE) or "",
    )


def _numbers(party: Element | None) -> Iterator[Element | None]:
    if party is not None:
        yield from (one.first("ID") for one in party.all("PartyIdentification"))
        yield party.first("EndpointID")


def _party_name(reader: Reader, party: Element | None) -> str:
    if party is None:
        return ""
    ways = (party.first("PartyName", "Name"), party.first("PartyLegalEntity", "RegistrationName"))
    return next((name for way in ways if way is not None and (name := reader.attempt(way, _NAME))), "")


def contact_of(reader: Reader, party: Element | None, contact: Element | None) -> Contact | None:
    """How to reach somebody; the name is that of the person, where the contact has none."""
    name = reader.attempt(contact.first("Name"), _NAME) if contact is not None else None
    if not name and party is not None:
        name = _person_name(reader, party.first("Person"))
    phone = reader.attempt(contact.first("Telephone"), _PHONE) if contact is not None else None
    email = reader.attempt(contact.first("ElectronicMail"), as_email) if contact is not None else None
    if not (name or phone or email):
        return None
    return Contact(email or "", phone or "", name=name or "")


def _person_name(reader: Reader, person: Element | None) -> str:
    if person is None:
        return ""
    parts = (reader.attempt(person.first(part), _NAME) for part in ("FirstName", "MiddleName", "FamilyName"))
    return " ".join(part for part in parts if part)


def recipient_of(reader: Reader, delivery: Element) -> Recipient:
    """Who receives a delivery: the delivery party, else the buyer; with the contact for deliveries."""
    party, buyer = delivery.first("DeliveryParty"), reader.root.first("BuyerCustomerParty")
    contact = party.first("Contact") if party is not None else None
    if contact is None and buyer is not None:
        contact = buyer.first("DeliveryContact")
    company = _party_name(reader, party) or _party_name(reader, buyer.first("Party") if buyer is not None else None)
    found = contact_of(reader, party, contact)
    if contact is not None and (email := contact.first("ElectronicMail")) is not None:
        reader.lose(email, "an address has no e-mail")
    return Recipient(company, found.name if found else "", found.phone if found else "")


def address_of(reader: Reader, element: Element, recipient: Recipient) -> Address | None:
    """An address; one that cannot be one of orderflow is flagged, and lost as a whole."""
    lines = _lines(reader, element)
    parts = {name: _said(reader, element, part) for name, part in _PARTS.items()}
    country = _said(reader, element, "Country", "IdentificationCode") or reader.agreement.country or ""
    region = _said(reader, element, "CountrySubentityCode") or _said(reader, element, "CountrySubentity")
    if not (lines or any(parts.values()) or region or country):
        return None
    try:
        return Address(
            country,
            lines,
            region=region,
            name=recipient.name,
            company=recipient.company,
            phone=recipient.phone,
            **parts,
        )
    except InvalidInput as invalid:
        told = "; ".join(f"{one.path} {one.message}" for one in invalid.violations)
        reader.flag("ubl.address_not_usable", told, element)
        reader.lose(element, f"the address cannot be used: {told}")
        return None


_PARTS = {"city": "CityName", "postal_code": "PostalZone"}
#: What stands on the lines above the town, row by row.
_ROWS = (
    ("Department",),
    ("MarkAttention",),
    ("MarkCare",),
    ("BuildingName",),
    ("Floor", "Room"),
    ("StreetName", "BuildingNumber"),
    ("AdditionalStreetName",),
    ("BlockName",),
    ("InhouseMail",),
    ("PlotIdentification",),
    ("CitySubdivisionName",),
    ("District",),
)


def _said(reader: Reader, element: Element, *way: str) -> str:
    found = element.first(*way)
    return reader.text(found) if found is not None else ""


def _lines(reader: Reader, element: Element) -> tuple[str, ...]:
    """The lines above the town; where there are more than five, the last ones stand on one."""
    rows = [" ".join(filter(None, (_said(reader, element, part) for part in row))) for row in _ROWS]
    rows += [_said(reader, one, "Line") for one in element.all("AddressLine")]
    if box := _said(reader, element, "Postbox"):
        rows.append(f"P.O. Box {box}" if box.isdigit() else box)
    rows = [row for row in rows if row]
    if len(rows) <= _MOST_LINES:
        return tuple(rows)
    return (*rows[: _MOST_LINES - 1], ", ".join(rows[_MOST_LINES - 1 :]))
