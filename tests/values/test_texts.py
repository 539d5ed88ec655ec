"""What messages read like, and how a host has them read otherwise."""

from __future__ import annotations

import pytest

from orderflow.stages.communication import KINDS
from orderflow.texts import TEXTS, Text, render, template

BODY = {
    "order": "WEB-7",
    "name": "Ada Krull",
    "lines": "2 × TEA-250",
    "total": "19.80 EUR",
    "promised": "2026-12-01",
    "expected": "2026-12-03",
}


def test_a_text_is_written_in_the_language_of_its_reader() -> None:
    assert render("delivery_delayed", "en", BODY) == Text(
        "Your order WEB-7 will be late",
        "Hello Ada Krull,\n"
        "We are sorry: 2 × TEA-250 will not arrive by Tuesday 1 December 2026, as promised.\n"
        "We now expect Thursday 3 December 2026.",
    )
    assert render("delivery_delayed", "de", BODY) == Text(
        "Ihre Bestellung WEB-7 kommt später",
        "Guten Tag Ada Krull,\n"
        "Es tut uns leid: 2 × TEA-250 kommt nicht wie zugesagt bis Dienstag, 1. Dezember 2026 an.\n"
        "Wir rechnen jetzt mit Donnerstag, 3. Dezember 2026.",
    )


def test_a_line_that_needs_what_nobody_said_is_left_out() -> None:
    body = {"order": "WEB-7", "lines": "2 × TEA-250", "promised": "2026-12-01", "expected": "", "name": ""}

    text = render("delivery_delayed", "en", body)

    assert text.body == "We are sorry: 2 × TEA-250 will not arrive by Tuesday 1 December 2026, as promised."


@pytest.mark.parametrize(
    ("locale", "subject"),
    [
        ("de-AT", "Ihre Bestellung WEB-7 wurde zugestellt"),
        ("DE", "Ihre Bestellung WEB-7 wurde zugestellt"),
        ("en-GB", "Your order WEB-7 was delivered"),
        ("fr", "Your order WEB-7 was delivered"),
        ("zh-Hant-TW", "Your order WEB-7 was delivered"),
    ],
)
def test_a_locale_falls_back_to_its_language_and_that_to_english(locale: str, subject: str) -> None:
    assert render("order_delivered", locale, BODY).subject == subject


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_text_of_its_own_in_every_language(kind: str, language: str) -> None:
    assert kind in TEXTS[language]
    text = render(kind, language, BODY)
    assert "WEB-7" in text.subject
    assert "{" not in str(text)


def test_a_kind_that_nobody_wrote_a_text_for_is_told_in_general() -> None:
    assert render("warranty_ends", "de", BODY).subject == "Neues zu Ihrer Bestellung WEB-7"
    assert template({})("warranty_ends", "de", BODY) == Text("warranty ends", "")


def test_texts_of_ones_own_go_over_the_standard_ones() -> None:
    own = template(
        {**TEXTS, "en": {**TEXTS["en"], "order_placed": "Cheers, {name}!"}, "en-AU": {"order_placed": "G'day"}}
    )

    assert own("order_placed", "en-GB", BODY).subject == "Cheers, Ada Krull!"
    assert own("order_placed", "en-AU", BODY).subject == "G'day"
    assert own("order_delivered", "en-AU", BODY).subject == "Your order WEB-7 was delivered"


def test_what_only_looks_like_a_day_or_a_name_is_left_alone() -> None:
    body = {"order": "{name}", "lines": "2026-99-99", "name": "Ada"}

    assert render("order_delivered", "en", body).subject == "Your order {name} was delivered"
    assert "2026-99-99" in render("order_delivered", "en", body).body
