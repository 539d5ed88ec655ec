"""Parties and contacts: who it is and how to reach them."""

from __future__ import annotations

from typing import Any

import pytest

from orderflow.errors import InvalidInput
from orderflow.values import ERASED, Address, Contact, Party, as_contact, as_party, evolved, personal_fields


@pytest.mark.parametrize("email", ["", "ada@example.com", "a.b+c@sub.example.co.uk", "root@localhost", ERASED])
def test_plausible_email_addresses_are_taken(email: str) -> None:
    assert Contact(email).email == email


@pytest.mark.parametrize(
    "email", ["ada", "@example.com", "ada@", "a b@example.com", "a@b@c", "a@b..c", "a@" + "b" * 260]
)
def test_implausible_email_addresses_are_refused(email: str) -> None:
    with pytest.raises(InvalidInput, match=r"^email: .*contact\.email_malformed"):
        Contact(email)


def test_an_email_address_cannot_smuggle_in_a_second_header() -> None:
    with pytest.raises(InvalidInput, match=r"text\.bad_character"):
        Contact("ada@example.com\nBcc: eve@example.com")


@pytest.mark.parametrize("locale", ["en", "de-AT", "zh-Hant-TW", "es-419"])
def test_language_tags_are_taken(locale: str) -> None:
    assert Contact(locale=locale).locale == locale


@pytest.mark.parametrize("locale", ["", "e", "en_US", "en-", "12", "de-toolongtag", "\u00e9n"])
def test_what_is_no_language_tag_is_refused(locale: str) -> None:
    with pytest.raises(InvalidInput, match=r"contact\.locale_malformed"):
        Contact(locale=locale)


def test_a_contact_wants_all_kinds_unless_it_names_them() -> None:
    assert Contact().wants_kind("shipped")
    assert not Contact(wants=()).wants_kind("shipped")
    assert Contact(wants=["shipped"]).wants == frozenset({"shipped"}) == Contact(wants={"shipped"}).wants


@pytest.mark.parametrize(
    ("wants", "path", "code"),
    [("shipped", "wants", "shape.not_a_list"), (["ok", ""], "wants[1]", "id.empty"), ({7}, "wants[0]", "id.not_text")],
)
def test_wanted_kinds_are_a_set_of_names(wants: Any, path: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Contact(wants=wants)
    assert [(v.path, v.code) for v in refused.value.violations] == [(path, code)]


def test_a_name_is_enough_for_a_party() -> None:
    assert as_party("Ada Krull") == Party(name="Ada Krull")
    assert as_party(Party("Ada")) == Party("Ada")


def test_all_problems_of_a_party_are_told_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        Party(name=7, id="a/b", contact="ada@example.com", address="Berlin")  # type: ignore[arg-type]
    assert [(v.path, v.code) for v in refused.value.violations] == [
        ("name", "text.not_text"),
        ("id", "id.bad_character"),
        ("contact", "contact.not_a_contact"),
        ("address", "address.not_an_address"),
    ]


def test_what_is_no_party_or_contact_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"party\.not_a_party"):
        as_party(None)
    with pytest.raises(InvalidInput, match=r"contact\.not_a_contact"):
        as_contact({})


def test_personal_fields_are_marked_and_can_be_erased() -> None:
    assert personal_fields(Contact) == {"email", "phone", "name"}
    assert personal_fields(Party) == {"name", "id", "tax_id"}
    party = Party("Ada", "C1", Contact("ada@example.com"), Address("HK", "1 Road"), "DE1")
    contact = evolved(Contact("ada@example.com"), **dict.fromkeys(personal_fields(Contact), ERASED))
    erased = evolved(party, contact=contact, **dict.fromkeys(personal_fields(Party), ERASED))
    assert (erased.name, erased.id, erased.tax_id) == (ERASED, ERASED, ERASED)
