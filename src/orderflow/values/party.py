"""Parties: who orders, who receives, who pays, and whom to tell.

A party is a person or a firm in one of the roles of an order. A contact is how to reach somebody: where, in which
language, over which channel, and about what. Nearly all of it is data about a person, and marked so: a store can erase
it from events and snapshots (see `orderflow.values.ids.ERASED`) and the order can still be replayed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from orderflow.errors import InvalidInput
from orderflow.values.address import Address, as_address
from orderflow.values.checked import checked, optional, tuple_of, value
from orderflow.values.ids import ERASED, as_id, as_id_or_blank, as_line

__all__ = ["Contact", "Party", "as_contact", "as_email", "as_locale", "as_party"]

_LONGEST_EMAIL = 254
_email_text = as_line(1000)
_locale_text = as_line(100)
_kinds = tuple_of(as_id)


def as_email(raw: Any) -> str:
    """An e-mail address that may well exist (``contact.email_malformed``); empty for none.

    The check is light on purpose: something, an ``@``, a domain, and no blanks. Only sending tells more.
    """
    email = _email_text(raw)
    if email in ("", ERASED):
        return email
    local, _, domain = email.rpartition("@")
    labels = domain.split(".")
    if not local or not all(labels) or len(email) > _LONGEST_EMAIL or any(map(str.isspace, email)) or "@" in local:
        raise InvalidInput.because("contact.email_malformed", "must be an e-mail address, like name@example.com")
    return email


def as_locale(raw: Any) -> str:
    """A language tag in the manner of BCP 47: ``en``, ``de-AT``, ``zh-Hant-TW`` (``contact.locale_malformed``)."""
    locale = _locale_text(raw)
    language, *subtags = locale.split("-")
    good_language = language.isascii() and language.isalpha() and 2 <= len(language) <= 8
    if not good_language or not all(tag.isascii() and tag.isalnum() and len(tag) <= 8 for tag in subtags):
        raise InvalidInput.because(
            "contact.locale_malformed", f"must be a language tag like 'en' or 'de-AT', not {locale[:40]!r}"
        )
    return locale


def _as_kinds(raw: Any) -> frozenset[str]:
    """Kinds of messages, from a set or a list."""
    return frozenset(_kinds(sorted(raw, key=str) if isinstance(raw, (set, frozenset)) else raw))


@value
class Contact:
    """How to reach somebody: where, in which language, over which channel, about what.

    ``channel`` is an open text (``email``, ``sms``, a host's own). ``wants`` names the kinds of messages that are
    wished for; ``None`` means all of them, an empty set none.
    """

    email: str = checked(as_email, default="", personal=True)
    phone: str = checked(as_line(50), default="", personal=True)
    locale: str = checked(as_locale, default="en")
    channel: str = checked(as_id, default="email")
    name: str = checked(as_line(200), default="", personal=True)
    wants: frozenset[str] | None = checked(optional(_as_kinds), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            email: str = "",
            phone: str = "",
            locale: str = "en",
            channel: str = "email",
            name: str = "",
            wants: Iterable[str] | None = None,
        ) -> None: ...

    def wants_kind(self, kind: str) -> bool:
        """Whether messages of this kind are wished for."""
        return self.wants is None or kind in self.wants


def as_contact(raw: Any) -> Contact:
    """A contact, and nothing else (``contact.not_a_contact``)."""
    if isinstance(raw, Contact):
        return raw
    raise InvalidInput.because("contact.not_a_contact", f"must be a Contact, not {type(raw).__name__}")


@value
class Party:
    """A person or firm in a role of the order: customer, ship-to, bill-to.

    ``id`` is what the host calls the party, a customer number say; ``tax_id`` a VAT or similar registration.
    """

    name: str = checked(as_line(200), default="", personal=True)
    id: str = checked(as_id_or_blank, default="", personal=True)
    contact: Contact | None = checked(optional(as_contact), default=None)
    address: Address | None = checked(optional(as_address), default=None)
    tax_id: str = checked(as_line(50), default="", personal=True)


def as_party(raw: Any) -> Party:
    """A party, from itself or from a name (``party.not_a_party``)."""
    if isinstance(raw, Party):
        return raw
    if isinstance(raw, str):
        return Party(name=raw)
    raise InvalidInput.because("party.not_a_party", f"must be a Party or a name, not {type(raw).__name__}")
