"""Whatever is known about a person stands in fields that are marked as personal, wherever it travels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import pytest

from orderflow.order import Message
from orderflow.stages.communication import MessageQueued
from orderflow.values import Address, Contact, Party
from tests.scenario import Life, booked, despatched

MARK = "Zyx"
SOMEBODY = {
    "ship_to": Address("DE", f"{MARK} street 1", city=f"{MARK}hausen", postal_code="10119", name=f"{MARK} Krull"),
    "customer": Party(f"{MARK} Krull", contact=Contact(f"{MARK.lower()}@example.org", phone="+49 30 1234567")),
}


def unmarked(held: Any, path: str = "") -> Iterator[str]:
    """The paths of personal data that no marked field stands over."""
    if isinstance(held, str):
        if MARK.lower() in held.lower() or "1234567" in held:
            yield path
    elif isinstance(held, Mapping):
        for key, value in held.items():
            yield from unmarked(value, f"{path}[{key}]")
    elif isinstance(held, tuple | list | set | frozenset):
        for index, value in enumerate(held):
            yield from unmarked(value, f"{path}[{index}]")
    elif attrs.has(type(held)):
        for field in attrs.fields(type(held)):
            if not field.metadata.get("personal"):
                yield from unmarked(getattr(held, field.name), f"{path}.{field.name}")


def lives() -> list[Life]:
    """One that was told everything, one that was only just booked (its address is in the request to the carrier)."""
    return [despatched(**SOMEBODY).reply_all(), booked(**SOMEBODY)]


def test_personal_data_stands_in_marked_fields_of_every_event() -> None:
    for life in lives():
        for event in life.history:
            assert list(unmarked(event, type(event).__name__)) == []


def test_personal_data_stands_in_marked_fields_of_the_order_and_of_every_request() -> None:
    for life in lives():
        assert list(unmarked(life.order, "order")) == []
        for request in life.requests:
            assert list(unmarked(request, request.id)) == []


@pytest.mark.parametrize("cls", [Message, MessageQueued])
def test_a_mark_that_is_missing_is_noticed(cls: type) -> None:
    """The very walk that finds nothing above finds what an unmarked field of these classes would hold."""
    life = despatched(**SOMEBODY).reply_all()
    held = next(iter(life.order.messages.values())) if cls is Message else life.history
    told = held if isinstance(held, list) else [held]
    bodies = [one for one in told if isinstance(one, cls)]
    assert bodies
    assert any(MARK.lower() in str(one.to).lower() for one in bodies)
    assert list(unmarked({"to": bodies[0].to})) == ["[to]"]
