"""The codec of one program: which messages it knows, and how they and its orders become JSON and come back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

from orderflow.codec.family import Document, Family, Upcaster
from orderflow.codec.forms import Forms
from orderflow.codec.leaves import CANONICAL, LEAVES, _wrong
from orderflow.errors import InvalidInput, OrderflowError, Problems, UnknownType
from orderflow.messages import Actor, Command, Envelope, Event
from orderflow.order import Order
from orderflow.ports import REPLIES, REQUESTS, Reply, Request
from orderflow.process import STAGES
from orderflow.stages.stage import Stage
from orderflow.tracking import Scan

__all__ = ["SHAPE", "Codec", "SnapshotMismatch", "standard_codec"]

T = TypeVar("T")

SHAPE = 2
"""The shape of an order's snapshot: raised whenever a class in it gains, loses or changes a field."""


class SnapshotMismatch(OrderflowError):
    """A snapshot has another shape than this program's orders: build the order from its events."""

    code = "codec.snapshot_mismatch"

    def __init__(self, found: object, expected: int) -> None:
        self.found, self.expected = found, expected
        super().__init__(f"the snapshot has shape {found!r}, this program knows {expected} ({self.code})")


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_encode_sorted = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False, sort_keys=True).encode


def _decode(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput.because("codec.not_json", "must be JSON") from None


class Codec:
    """Writes and reads the messages of some stages, and orders.

    A host gives its own ``events`` and ``commands`` along with those of the ``stages`` (the standard ones, if nothing
    is said), and an upcaster for each older version of a tag: ``{("parcel_packed", 1): fields_of_version_2}``.

    >>> from datetime import UTC, datetime
    >>> from orderflow.stages.holds import HoldReleased
    >>> standard_codec().event_to_json(HoldReleased(datetime(2026, 3, 1, 12, tzinfo=UTC), "H1"))
    '{"type":"hold_released","v":1,"at":"2026-03-01T12:00:00+00:00","hold_id":"H1"}'

    Raises:
        InvalidInput: ``codec.bad_tag``, ``codec.tag_used_twice`` or ``codec.reserved_field``, for every class
            concerned; ``codec.useless_upcaster`` for one that no tag and version will ever need.
    """

    def __init__(
        self,
        stages: Iterable[Stage] = STAGES,
        *,
        events: Iterable[type[Event]] = (),
        commands: Iterable[type[Command]] = (),
        upcasters: Mapping[tuple[str, int], Upcaster] | None = None,
    ) -> None:
        known = tuple(stages)
        steps = dict(upcasters or {})
        all_events = (*(cls for stage in known for cls in stage.events), *events)
        all_commands = (*(cls for stage in known for cls in stage.commands), *commands)
        self._record = record = Forms(LEAVES, all_commands).record
        self._events: Family[Event] = Family("event", all_events, record, steps)
        self._commands: Family[Command] = Family("command", all_commands, record, steps)
        self._requests: Family[Request] = Family("request", REQUESTS, record, steps)
        self._replies: Family[Reply] = Family("reply", REPLIES, record, steps)
        self._prints: Family[Command] = Family("command", all_commands, Forms(CANONICAL, all_commands).record, steps)
        self._refuse_useless(steps)

    def _refuse_useless(self, steps: Mapping[tuple[str, int], Upcaster]) -> None:
        problems = Problems()
        families = (self._events, self._commands, self._requests, self._replies)
        newest = {tag: version for family in families for tag, version in family.versions.items()}
        for tag, version in steps:
            if not 1 <= version < newest.get(tag, 1):
                problems.add("codec.useless_upcaster", f"no {tag!r} of version {version} is ever upcast", "upcasters")
        problems.raise_any()

    @property
    def events(self) -> Mapping[str, type[Event]]:
        """The known events by tag."""
        return self._events.tags

    @property
    def commands(self) -> Mapping[str, type[Command]]:
        """The known commands by tag."""
        return self._commands.tags

    # -- messages ----------------------------------------------------------------------------------------------------

    def dump_event(self, event: Event) -> Document:
        """An event as a document."""
        return self._events.dump(event)

    def load_event(self, document: Document) -> Event:
        """An event from its document, of this version or an older one.

        Raises:
            UnknownType: no event has this tag.
            NewerVersion: a newer program wrote it.
            MissingUpcaster: an older program wrote it, and a step is missing.
            InvalidInput: it is not what it says, with all problems and their paths.
        """
        return self._events.load(document)

    def event_to_json(self, event: Event) -> str:
        """An event as JSON text."""
        return _encode(self._events.dump(event))

    def event_from_json(self, text: str | bytes) -> Event:
        """An event from JSON text; see `load_event`."""
        return self.load_event(_decode(text))

    def dump_command(self, command: Command) -> Document:
        """A command as a document."""
        return self._commands.dump(command)

    def load_command(self, document: Document) -> Command:
        """A command from its document, with all its own checks."""
        return self._commands.load(document)

    def command_to_json(self, command: Command) -> str:
        """A command as JSON text."""
        return _encode(self._commands.dump(command))

    def command_from_json(self, text: str | bytes) -> Command:
        """A command from JSON text; see `load_command`."""
        return self.load_command(_decode(text))

    def fingerprint(self, command: Command) -> str:
        """A digest of what a command asks: equal commands have equal ones, however their numbers were written."""
        return hashlib.sha256(_encode_sorted(self._prints.dump(command)).encode("ascii")).hexdigest()

    def dump_request(self, request: Request) -> Document:
        """A request to a port as a document."""
        return self._requests.dump(request)

    def load_request(self, document: Document) -> Request:
        """A request to a port from its document."""
        return self._requests.load(document)

    def dump_reply(self, reply: Reply) -> Document:
        """A port's reply as a document."""
        return self._replies.dump(reply)

    def load_reply(self, document: Document) -> Reply:
        """A port's reply from its document."""
        return self._replies.load(document)

    # -- values that come without a tag --------------------------------------------------------------------------------

    def dump_scan(self, scan: Scan) -> Document:
        """A carrier's report as a document, without a tag."""
        return self._write(scan)

    def load_scan(self, document: Document) -> Scan:
        """A carrier's report from its document."""
        return self._read(Scan, document)

    def dump_actor(self, actor: Actor) -> Document:
        """Who acted, as a document."""
        return self._write(actor)

    def load_actor(self, document: Document) -> Actor:
        """Who acted, from the document."""
        return self._read(Actor, document)

    def dump_envelope(self, envelope: Envelope) -> Document:
        """The outside of a command as a document."""
        return self._write(envelope)

    def load_envelope(self, document: Document) -> Envelope:
        """The outside of a command from its document."""
        return self._read(Envelope, document)

    # -- orders --------------------------------------------------------------------------------------------------------

    def dump_order(self, order: Order) -> Document:
        """A snapshot of a whole order. What follows from the rest of it, such as parcels' tracking, is left out."""
        return {"type": "order", "shape": SHAPE, **self._write(order)}

    def load_order(self, document: Document) -> Order:
        """An order from its snapshot.

        Raises:
            SnapshotMismatch: it was taken in another shape, and the order is to be built from its events.
        """
        if document.__class__ is not dict:
            raise _wrong("not_an_object", "an object", document)
        fields = document.copy()
        if (tag := fields.pop("type", None)) != "order":
            raise UnknownType(str(tag), "snapshot")
        shape = fields.pop("shape", None)
        if shape.__class__ is not int or shape != SHAPE:
            raise SnapshotMismatch(shape, SHAPE)
        return self._read(Order, fields)

    def order_to_json(self, order: Order) -> str:
        """A snapshot as JSON text."""
        return _encode(self.dump_order(order))

    def order_from_json(self, text: str | bytes) -> Order:
        """An order from a snapshot's JSON text; see `load_order`."""
        return self.load_order(_decode(text))

    def _write(self, held: Any) -> Document:
        document: Document = self._record(held.__class__).write(held)
        return document

    def _read(self, cls: type[T], document: Any) -> T:
        made: T = self._record(cls).read(document, None)
        return made


@cache
def standard_codec() -> Codec:
    """The codec of the standard stages, made once."""
    return Codec()
