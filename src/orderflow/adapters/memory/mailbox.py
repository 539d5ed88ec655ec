"""A mailbox: every message that was sent, to be read.

A message that is sent twice under one key is one message. What it reads like is a template's matter
(`orderflow.texts`); the mailbox takes any.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar

from orderflow.adapters.memory.books import Books, same_body
from orderflow.ports import Repeats, SendMessage, Sent
from orderflow.texts import Template, render

__all__ = ["Mailbox"]


class Mailbox(Books):
    """A messaging system in memory, and all that was sent through it."""

    BOOKS = ("_sent", "_by_key", "_by_order")
    repeats: ClassVar[Repeats] = Repeats.DEDUPLICATES

    def __init__(self, template: Template = render) -> None:
        self.template = template
        self._sent: list[SendMessage] = []
        self._by_key: dict[str, tuple[object, Sent]] = {}
        self._by_order: dict[str, tuple[SendMessage, ...]] = {}

    def __len__(self) -> int:
        return len(self._sent)

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        return "\n".join(self.render(message) for message in self._sent)

    def __repr__(self) -> str:
        return f"Mailbox({len(self._sent)} sent)"

    @property
    def sent(self) -> list[SendMessage]:
        """Every message, in the order in which they were sent."""
        return list(self._sent)

    def send(self, request: SendMessage) -> Sent:
        """Send one message; under a key only once (``notifications.key_reused``)."""
        body = (request.kind, request.channel, request.to, request.locale, request.body)
        known = same_body(self._by_key, request.key, body, "notifications")
        if known is not None:
            return known
        self._sent.append(request)
        self._by_order[request.order_id] = (*self._by_order.get(request.order_id, ()), request)
        receipt = Sent(f"M{len(self._sent)}")
        self._by_key[request.key] = (body, receipt)
        return receipt

    def for_order(self, order_id: str) -> list[SendMessage]:
        """What was sent about an order."""
        return list(self._by_order.get(order_id, ()))

    def render(self, message: SendMessage) -> str:
        """A message as a text to read: to whom, about what, and what the template makes of it."""
        text = self.template(message.kind, message.locale, {"order": message.order_id, **message.body})
        return f"To: {message.to} ({message.channel})\nSubject: {text.subject}\n\n{text.body}\n"

    def fingerprint(self) -> Hashable:
        """What was sent under which key, whatever the order of sending."""
        return frozenset((key, body) for key, (body, _) in self._by_key.items())
