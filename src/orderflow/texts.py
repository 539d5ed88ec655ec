"""Texts: what a message says, in the language of its reader.

A message is data: its kind and a body, frozen when it was queued. What that reads like is a *template*, a function of
kind, locale and body, and a matter of whoever sends it: replace it as you like, the order does not change. The one
here, `render`, has plain texts in English and German; a locale falls back to its language, a language to English.

A text is lines with ``{names}`` in them. A line that needs something the body does not say is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final, TypeAlias

from orderflow.values.frozenmap import FrozenMap
from orderflow.values.record import record

__all__ = ["TEXTS", "Template", "Text", "render", "template"]


@record
class Text:
    """A message to be read: a subject, which is all that a text message needs, and a body."""

    subject: str
    body: str

    def __str__(self) -> str:
        return f"{self.subject}\n\n{self.body}"


#: A text for a kind of message, in a locale, from its data.
Template: TypeAlias = Callable[[str, str, Mapping[str, str]], Text]

_ENGLISH: Mapping[str, str] = FrozenMap(
    {
        "": "News of your order {order}\n{lines}",
        "order_placed": """We received your order {order}
            Thank you. You ordered {lines}.
            The total is {total}.
            You asked for delivery by {wanted_by}.""",
        "order_verified": """Your order {order} is confirmed
            We have begun to work on {lines}.
            The total is {total}.
            You will have it by {promised}.""",
        "order_changed": """Your order {order} was changed
            It now holds {lines}.
            The total is {total}.""",
        "change_declined": """Part of your order {order} could not be changed any more
            It was too late for {lines}. It goes to {address}.""",
        "proposal_declined": """The change that you asked for is not possible: {order}
            Reason: {reason}""",
        "lines_cancelled": """Part of your order {order} was cancelled
            Cancelled: {lines}.
            This could not be cancelled any more: {declined}.
            Reason: {reason}
            The total is now {total}.""",
        "cancellation_declined": """Your order {order} could not be cancelled any more
            This will be delivered: {declined}.""",
        "goods_backordered": """Part of your order {order} has to wait
            Not in stock at the moment: {lines}. We send it as soon as it is there.""",
        "shipment_despatched": """Goods of your order {order} are on their way
            {lines}
            Carrier: {carrier}
            Tracking: {tracking}
            Expected on {estimate}.""",
        "out_for_delivery": """Your order {order} comes today
            {lines}
            Tracking: {tracking}""",
        "ready_for_pickup": """Your order {order} is ready to be collected
            {lines}
            Where: {place}
            Tracking: {tracking}""",
        "digital_delivered": """Here is what you ordered: {order}
            {lines}
            {proof}""",
        "delivery_failed": """We could not deliver your order {order}
            The carrier tried on {day}.
            Reason: {reason}
            Please get in touch with the carrier: {action}
            Tracking: {tracking}""",
        "action_required": """Your order {order} waits for you
            The carrier cannot go on without you.
            Reason: {reason}
            Tracking: {tracking}""",
        "return_to_sender": """A parcel of your order {order} is on its way back to us
            {lines}
            Reason: {reason}
            We will see to it.""",
        "delivery_delayed": """Your order {order} will be late
            We are sorry: {lines} will not arrive by {promised}, as promised.
            We now expect {expected}.""",
        "parcel_delivered": """A parcel of your order {order} was delivered
            {lines}
            The rest follows.""",
        "order_delivered": """Your order {order} was delivered
            {lines}
            We hope that you like it.""",
        "goods_lost": """A parcel of your order {order} was lost
            We are sorry. Missing: {lines}. We will see to it.""",
        "replacement_ordered": """We replace goods of your order {order}
            We send once more, free of charge: {lines}.""",
        "goods_credited": """We give you back the price of goods of your order {order}
            Given back: {lines}.""",
        "order_cancelled": """Your order {order} was cancelled
            {lines}
            Reason: {reason}""",
        "order_rejected": """We cannot accept your order {order}
            We are sorry.
            Reason: {reason}""",
    }
)
_GERMAN: Mapping[str, str] = FrozenMap(
    {
        "": "Neues zu Ihrer Bestellung {order}\n{lines}",
        "order_placed": """Ihre Bestellung {order} ist eingegangen
            Vielen Dank. Sie haben bestellt: {lines}.
            Der Gesamtbetrag ist {total}.
            Ihr Wunschtermin: {wanted_by}.""",
        "order_verified": """Ihre Bestellung {order} ist bestätigt
            Wir bearbeiten {lines}.
            Der Gesamtbetrag ist {total}.
            Sie erhalten sie bis {promised}.""",
        "order_changed": """Ihre Bestellung {order} wurde geändert
            Sie umfasst jetzt {lines}.
            Der Gesamtbetrag ist {total}.""",
        "change_declined": """Ein Teil Ihrer Bestellung {order} konnte nicht mehr geändert werden
            Zu spät war es für {lines}. Die Lieferung geht an {address}.""",
        "proposal_declined": """Die gewünschte Änderung ist nicht möglich: {order}
            Grund: {reason}""",
        "lines_cancelled": """Ein Teil Ihrer Bestellung {order} wurde storniert
            Storniert: {lines}.
            Nicht mehr storniert werden konnte: {declined}.
            Grund: {reason}
            Der Gesamtbetrag ist jetzt {total}.""",
        "cancellation_declined": """Ihre Bestellung {order} konnte nicht mehr storniert werden
            Sie erhalten: {declined}.""",
        "goods_backordered": """Ein Teil Ihrer Bestellung {order} verzögert sich
            Zurzeit nicht vorrätig: {lines}. Wir liefern, sobald die Ware da ist.""",
        "shipment_despatched": """Ware Ihrer Bestellung {order} ist unterwegs
            {lines}
            Versand mit {carrier}
            Sendungsnummer: {tracking}
            Voraussichtliche Ankunft: {estimate}.""",
        "out_for_delivery": """Ihre Bestellung {order} kommt heute
            {lines}
            Sendungsnummer: {tracking}""",
        "ready_for_pickup": """Ihre Bestellung {order} liegt zur Abholung bereit
            {lines}
            Wo: {place}
            Sendungsnummer: {tracking}""",
        "digital_delivered": """Hier ist Ihre Bestellung {order}
            {lines}
            {proof}""",
        "delivery_failed": """Ihre Bestellung {order} konnte nicht zugestellt werden
            Zustellversuch am {day}.
            Grund: {reason}
            Bitte wenden Sie sich an den Zusteller: {action}
            Sendungsnummer: {tracking}""",
        "action_required": """Ihre Bestellung {order} wartet auf Sie
            Ohne Sie kann der Zusteller nicht weitermachen.
            Grund: {reason}
            Sendungsnummer: {tracking}""",
        "return_to_sender": """Ein Paket Ihrer Bestellung {order} geht an uns zurück
            {lines}
            Grund: {reason}
            Wir kümmern uns darum.""",
        "delivery_delayed": """Ihre Bestellung {order} kommt später
            Es tut uns leid: {lines} kommt nicht wie zugesagt bis {promised} an.
            Wir rechnen jetzt mit {expected}.""",
        "parcel_delivered": """Ein Paket Ihrer Bestellung {order} wurde zugestellt
            {lines}
            Der Rest folgt.""",
        "order_delivered": """Ihre Bestellung {order} wurde zugestellt
            {lines}
            Viel Freude damit.""",
        "goods_lost": """Ein Paket Ihrer Bestellung {order} ist verloren gegangen
            Es tut uns leid. Es fehlt: {lines}. Wir kümmern uns darum.""",
        "replacement_ordered": """Wir ersetzen Ware Ihrer Bestellung {order}
            Wir senden noch einmal, kostenlos: {lines}.""",
        "goods_credited": """Wir erstatten Ihnen Ware Ihrer Bestellung {order}
            Erstattet: {lines}.""",
        "order_cancelled": """Ihre Bestellung {order} wurde storniert
            {lines}
            Grund: {reason}""",
        "order_rejected": """Wir können Ihre Bestellung {order} nicht annehmen
            Es tut uns leid.
            Grund: {reason}""",
    }
)

#: The texts, by language and kind; the first line is the subject, the kind ``""`` stands for all others.
TEXTS: Final[Mapping[str, Mapping[str, str]]] = FrozenMap({"en": _ENGLISH, "de": _GERMAN})

_MONTHS: Mapping[str, str] = FrozenMap(
    {
        "en": "January February March April May June July August September October November December",
        "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    }
)
_WEEKDAYS: Mapping[str, str] = FrozenMap(
    {
        "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    }
)
_DATES: Mapping[str, str] = FrozenMap({"en": "{} {} {} {}", "de": "{}, {}. {} {}"})
_HELLO: Mapping[str, str] = FrozenMap({"en": "Hello {name},", "de": "Guten Tag {name},"})
_NAME = re.compile(r"\{(\w+)\}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def template(texts: Mapping[str, Mapping[str, str]], fallback: str = "en") -> Template:
    """A template over texts of one's own, by language (or whole locale) and kind; put them over `TEXTS`, or alone.

    >>> short = template({"en": {"": "Order {order}: news"}})
    >>> short("order_delivered", "fr", {"order": "A-1"}).subject
    'Order A-1: news'
    """

    def rendering(kind: str, locale: str, body: Mapping[str, str]) -> Text:
        """The text of a message."""
        language = locale.partition("-")[0].lower()
        for known in (locale, language, fallback):
            written = texts.get(known, {}).get(kind)
            if written is not None:
                return _filled(written, known, body)
        for known in (locale, language, fallback):
            written = texts.get(known, {}).get("")
            if written is not None:
                return _filled(written, known, body)
        return Text(kind.replace("_", " "), "")

    return rendering


def _filled(written: str, locale: str, body: Mapping[str, str]) -> Text:
    """A text with its names filled in; lines that need what nobody said are left out."""
    language = locale.partition("-")[0].lower()
    subject, *lines = (line.strip() for line in written.splitlines())
    said = {name: _as_told(value, language) for name, value in body.items() if value}
    greeting = _HELLO.get(language, "")
    told = [line for line in (greeting, *lines) if line and all(name in said for name in _NAME.findall(line))]
    return Text(_with_names(subject, said), "\n".join(_with_names(line, said) for line in told))


def _with_names(line: str, said: Mapping[str, str]) -> str:
    return _NAME.sub(lambda found: said.get(found.group(1), ""), line)


def _as_told(value: str, language: str) -> str:
    """A day as people write it; everything else as it is."""
    if not _DAY.fullmatch(value):
        return value
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return value
    if language not in _MONTHS:
        return value
    weekday, month = _WEEKDAYS[language].split()[day.weekday()], _MONTHS[language].split()[day.month - 1]
    return _DATES[language].format(weekday, day.day, month, day.year)


#: The standard template: plain texts in English and German.
render: Template = template(TEXTS)
