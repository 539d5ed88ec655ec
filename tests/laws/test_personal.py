"""Whatever is known about a person stands in fields that are marked as personal, wherever it travels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_type_hints

import attrs
import pytest

from orderflow.codec import standard_codec
from orderflow.commands import (
    AuthorizeReturn,
    CancelOrder,
    CloseReturn,
    DisposeReturn,
    PlaceHold,
    ReceiveReturn,
    RecordTracking,
    RefuseReturn,
    RequestReturn,
)
from orderflow.messages import Envelope
from orderflow.order import Message, Order, ReturnLine
from orderflow.ports import REPLIES, REQUESTS
from orderflow.stages.communication import MessageQueued
from orderflow.stores.base import Attempt, CommandRecord, Recorded
from orderflow.values import Address, Contact, Party
from tests.scenario import ID, Life, booked, delivered, despatched, scan, verified

MARK = "Zyx"
SOMEBODY = {
    "ship_to": Address("DE", f"{MARK} street 1", city=f"{MARK}hausen", postal_code="10119", name=f"{MARK} Krull"),
    "customer": Party(f"{MARK} Krull", contact=Contact(f"{MARK.lower()}@example.org", phone="+49 30 1234567")),
    "instructions": [f"ring at {MARK}"],
    "customer_reference": f"for {MARK}",
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
    told = despatched(**SOMEBODY).do(PlaceHold(ID, "review", note=f"{MARK} called"))
    told.do(RecordTracking(ID, [scan("delivered", location=f"{MARK}hausen", raw=f"signed {MARK}")]))
    back = delivered(**SOMEBODY).do(RequestReturn(ID, [ReturnLine("L1", 2, f"{MARK} is sad", note=f"{MARK} says")]))
    back.do(AuthorizeReturn(ID, "R1", {"L1": 1}, f"{MARK} has opened one")).reply_all()
    back.do(ReceiveReturn(ID, "R1", wrong=[("LETTER", 1, f"of {MARK}")], findings=[("L1", 1, "bad", f"{MARK}")]))
    back.do(DisposeReturn(ID, "R1"), RequestReturn(ID, [("L1", 1)]), RefuseReturn(ID, "R2", f"{MARK} again"))
    back.do(RequestReturn(ID, [("L1", 1)]), AuthorizeReturn(ID, "R3"), CloseReturn(ID, "R3", f"{MARK} keeps it"))
    gone = verified(**SOMEBODY).do(CancelOrder(ID, f"{MARK} is gone"))
    return [told.reply_all(), back.reply_all(), booked(**SOMEBODY), gone]


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


# -- every class that a store or a port sees ---------------------------------------------------------------------------

#: What fields are called in which people, or other systems, write as they please.
WORDS = frozenset(
    (
        *("note", "reason", "message", "text", "evidence", "instructions", "why", "failure", "comment", "description"),
        *("proof", "taken_by", "to", "body", "customer_reference", "phone", "email", "receipt", "facts", "raw"),
    )
)
#: Those of them that are nobody's words, with the reason.
NOT_PERSONAL = {
    "DeliveryFailed.reason": "a word of the tracking vocabulary",
    "DeliveryDelayed.reason": "a word of the tracking vocabulary",
    "Scan.reason": "a word of the tracking vocabulary",
    "Tracking.reason": "a word of the tracking vocabulary",
    "Adjustment.description": "the price list's name for a discount, charge or tax",
    "PersonalDataErased.reason": "the record of an erasure stays: it proves that it was done",
    **dict.fromkeys(("Document.reason", "ChargeRaised.reason", "CreditRaised.reason"), "a word of ours"),
    **dict.fromkeys(
        ("AdoptOrder.facts", "RecordFacts.facts", "FactsRecorded.facts", "Observed.facts"),
        "papers of others: what is written on them in words is marked in each",
    ),
    "Payment.facts": "amounts, by what was told of them",
    "WorkRerouted.to": "a location",
    "Reroute.to": "a location",
}


def everything_written() -> set[type]:
    """Commands, events, requests, replies, the order, what is recorded beside it, and all that these are made of."""
    codec = standard_codec()
    found: set[type] = set()
    beside = (Order, Envelope, CommandRecord, Recorded, Attempt)
    waiting: list[Any] = [*codec.commands.values(), *codec.events.values(), *REQUESTS, *REPLIES, *beside]
    while waiting:
        kind = waiting.pop()
        waiting += get_args(kind)
        if isinstance(kind, type) and attrs.has(kind) and kind not in found:
            found.add(kind)
            waiting += get_type_hints(kind).values()
    return found


def test_whatever_people_write_is_marked_wherever_it_is_written_down() -> None:
    """A field that is called like words is marked, or stands in the list of those that are not, with the reason."""
    unmarked = {
        f"{cls.__name__}.{field.name}"
        for cls in everything_written()
        for field in attrs.fields(cls)
        if field.name in WORDS and not field.metadata.get("personal")
    }
    assert unmarked == set(NOT_PERSONAL)
