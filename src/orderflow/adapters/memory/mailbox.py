"""A mailbox: every message that was sent, to be read.

A message that is sent twice under one key is one message. The texts are plain; a host that sends real mail has its own
templates, this one only needs to be readable.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import ClassVar, Final

from orderflow.adapters.memory.books import Books, same_body
from orderflow.ports import Repeats, SendMessage, Sent
from orderflow.values.frozenmap import FrozenMap

__all__ = ["TEMPLATES", "Mailbox"]

TEMPLATES: Final[Mapping[str, str]] = FrozenMap(
    {
        "order_placed": "We received your order {order}. Thank you.",
        "order_verified": "Your order {order} is confirmed, and we have begun to work on it.",
        "shipment_despatched": "Goods of your order {order} are on their way.",
        "order_delivered": "Your order {order} was delivered.",
        "lines_cancelled": "A part of your order {order} was cancelled.",
        "order_cancelled": "Your order {order} was cancelled.",
        "order_rejected": "We are sorry: we cannot accept your order {order}.",
    }
)
"""One sentence for each kind of message; ``{order}`` is the customer's reference, or else the order's id."""


class Mailbox(Books):
    """A messaging system in memory, and all that was sent through it."""

    BOOKS = ("_sent", "_by_key", "_by_order")
    repeats: ClassVar[Repeats] = Repeats.DEDUPLICATES

    def __init__(self, templates: Mapping[str, str] = TEMPLATES) -> None:
        self.templates = templates
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
        """A message as a text to read: to whom, a sentence for its kind, and the rest of what it says."""
        order = message.body.get("reference") or message.order_id
        title = message.kind.replace("_", " ").capitalize()
        sentence = self.templates.get(message.kind, f"{title}: {{order}}.").replace("{order}", order)
        details = [
            f"{name.replace('_', ' ').capitalize()}: {said}"
            for name, said in message.body.items()
            if said and name != "reference"
        ]
        head = [f"To: {message.to} ({message.channel})", f"Subject: {title}", "", sentence]
        return "\n".join((*head, *(["", *details] if details else ()), ""))

    def fingerprint(self) -> Hashable:
        """What was sent under which key, whatever the order of sending."""
        return frozenset((key, body) for key, (body, _) in self._by_key.items())
