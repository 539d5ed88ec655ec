"""The law of the codec: what is written and read again is what it was, through real JSON text."""

from __future__ import annotations

import importlib
import json
import pkgutil
import threading
import typing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import orderflow.stages
from orderflow.codec import SHAPE, Codec, SnapshotMismatch, standard_codec
from orderflow.errors import InvalidInput, UnknownType
from orderflow.messages import Command, Event
from orderflow.order import Goods, Order, Parcel, Shipment
from orderflow.ports import REPLIES, REQUESTS, BookCarrier, IssueStock
from orderflow.stages.acceptance import OrderLine, OrderPlaced, PlacedLine, PlaceOrder
from orderflow.stages.packing import PackParcel, ParcelPacked
from orderflow.stages.pricing import PriceQuoted
from orderflow.tracking import Scan, TrackingStatus
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.money import Money
from tests import strategies as some
from tests.codec.written import sample

CODEC = Codec(some.all_stages())
QUICK = settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def through_text(document: Any) -> Any:
    return json.loads(json.dumps(document, allow_nan=False))


@pytest.mark.parametrize("cls", some.all_events(), ids=lambda cls: cls.TAG)
def test_every_event_is_read_as_it_was_written(cls: type[Event]) -> None:
    @QUICK
    @given(some.events(cls))
    def law(event: Event) -> None:
        read = CODEC.event_from_json(CODEC.event_to_json(event))
        assert type(read) is cls
        assert read == event
        assert CODEC.dump_event(read) == CODEC.dump_event(event)

    law()


@pytest.mark.parametrize("cls", some.all_commands(), ids=lambda cls: cls.TAG)
def test_every_command_is_read_as_it_was_written_and_keeps_its_fingerprint(cls: type[Command]) -> None:
    @QUICK
    @given(some.commands(cls))
    def law(command: Command) -> None:
        read = CODEC.command_from_json(CODEC.command_to_json(command))
        assert type(read) is cls
        assert read == command
        assert CODEC.fingerprint(read) == CODEC.fingerprint(command)

    law()


@pytest.mark.parametrize("cls", REQUESTS, ids=lambda cls: cls.TAG)
def test_every_request_is_read_as_it_was_written(cls: Any) -> None:
    @QUICK
    @given(some.requests(cls))
    def law(request: Any) -> None:
        assert CODEC.load_request(through_text(CODEC.dump_request(request))) == request

    law()


@pytest.mark.parametrize("cls", REPLIES, ids=lambda cls: cls.TAG)
def test_every_reply_is_read_as_it_was_written(cls: Any) -> None:
    @QUICK
    @given(some.replies(cls))
    def law(reply: Any) -> None:
        read = CODEC.load_reply(through_text(CODEC.dump_reply(reply)))
        assert type(read) is cls
        assert read == reply

    law()


@QUICK
@given(some.envelopes, some.scans)
def test_envelopes_actors_and_scans_are_read_as_they_were_written(envelope: Any, scan: Any) -> None:
    assert CODEC.load_envelope(through_text(CODEC.dump_envelope(envelope))) == envelope
    assert CODEC.load_actor(through_text(CODEC.dump_actor(envelope.by))) == envelope.by
    assert CODEC.load_scan(through_text(CODEC.dump_scan(scan))) == scan


def order_parts() -> dict[str, Any]:
    return typing.get_type_hints(Order)


@pytest.mark.parametrize("part", [field.name for field in attrs.fields(Order)])
def test_a_snapshot_keeps_every_part_of_an_order(part: str) -> None:
    @QUICK
    @given(some.values(order_parts()[part]))
    def law(held: Any) -> None:
        order = attrs.evolve(sample(Order), **{part: held}, parcels=FrozenMap()) if part != "parcels" else bare(held)
        read = CODEC.order_from_json(CODEC.order_to_json(order))
        assert read == order

    law()


def bare(parcels: Any) -> Order:
    return Order("main", "main", "R1", "R1", 1, "placed", "EUR", AT, parcels=parcels)


def test_a_shipment_in_a_snapshot_keeps_the_whole_body_of_what_was_asked() -> None:
    order = bare(FrozenMap()).replace(
        shipments=FrozenMap(
            {"S1": Shipment("S1", ("P1",), "W", None, request=sample(BookCarrier), issue=sample(IssueStock))}
        )
    )
    document = through_text(CODEC.dump_order(order))
    assert document["shipments"]["S1"]["request"]["type"] == "book_carrier"
    assert CODEC.load_order(document) == order


def test_the_tracking_of_a_parcel_is_not_written_but_follows_from_its_scans() -> None:
    parcel = Parcel("P1", "F1", "shipped", (Goods("L1", Decimal(1)),)).with_scans((Scan("T1", "delivered", AT),))
    document = through_text(CODEC.dump_order(bare(FrozenMap({"P1": parcel}))))
    assert "tracking" not in document["parcels"]["P1"]
    assert CODEC.load_order(document).parcels["P1"].tracking.status is TrackingStatus.DELIVERED


@pytest.mark.parametrize("shape", [SHAPE + 1, SHAPE - 1, None, str(SHAPE), True])
def test_a_snapshot_of_another_shape_is_not_read(shape: Any) -> None:
    document = {**CODEC.dump_order(bare(FrozenMap())), "shape": shape}
    with pytest.raises(SnapshotMismatch) as caught:
        CODEC.load_order(document)
    assert (caught.value.found, caught.value.expected) == (shape, SHAPE)


def test_an_event_is_no_snapshot() -> None:
    with pytest.raises(UnknownType, match="order_placed"):
        CODEC.load_order({"type": "order_placed", "shape": SHAPE})


# -- how things look on paper ------------------------------------------------------------------------------------------


def test_a_document_shows_its_tag_and_version_first_and_leaves_out_what_goes_without_saying() -> None:
    event = ParcelPacked(AT, "P1", "F1", (Goods("L1", Decimal("2.0")),), "packed", "packed", Decimal("1.25"))
    assert CODEC.event_to_json(event) == (
        '{"type":"parcel_packed","v":1,"at":"2026-03-01T12:00:00+00:00","parcel_id":"P1","fulfillment_id":"F1",'
        '"contents":[{"line_id":"L1","quantity":"2.0"}],"state":"packed","fulfillment_state":"packed","weight_kg":"1.25"}'
    )


def test_text_is_written_as_it_is() -> None:
    command = PlaceOrder((OrderLine("京", 1),), "EUR", instructions=("Schöne Grüße",))
    assert "Schöne Grüße" in CODEC.command_to_json(command)
    assert CODEC.command_from_json(CODEC.command_to_json(command).encode()) == command


def test_money_is_an_amount_and_a_currency() -> None:
    line = OrderLine("A", 1, price=Money("57.70", "EUR"))
    assert CODEC.dump_command(PlaceOrder((line,), "EUR"))["lines"][0]["price"] == "57.70 EUR"


def test_an_unrounded_amount_with_more_digits_than_input_may_have_is_read_again() -> None:
    exact = Money("1234567890.123456789", "EUR") * Decimal("0.123456789012345") * Decimal("1.000000000000001")
    quoted = sample(PriceQuoted)
    tranche = attrs.evolve(quoted.tranches[0], amounts=attrs.evolve(quoted.tranches[0].amounts, net=exact))
    event = attrs.evolve(quoted, tranches=(tranche,))
    assert CODEC.event_from_json(CODEC.event_to_json(event)) == event


def test_numbers_are_read_exactly_whatever_the_decimal_context_of_the_host_is() -> None:
    event = ParcelPacked(AT, "P1", "F1", (Goods("L1", Decimal("123456789.123")),), "packed", "packed")
    with localcontext(prec=3):
        assert CODEC.event_from_json(CODEC.event_to_json(event)) == event


def test_a_moment_is_written_in_utc() -> None:
    there = datetime(2026, 3, 1, 13, tzinfo=timezone(timedelta(hours=1)))
    event = ParcelPacked(there, "P1", "F1", (), "packed", "packed")
    assert CODEC.dump_event(event)["at"] == "2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"at": datetime(2026, 3, 1)}, "codec.naive_datetime"),
        ({"weight_kg": 1.5}, "codec.not_a_decimal"),
        ({"weight_kg": Decimal("NaN")}, "codec.not_a_decimal"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(change: dict[str, Any], code: str) -> None:
    event = ParcelPacked(AT, "P1", "F1", (), "packed", "packed")
    with pytest.raises(InvalidInput) as caught:
        CODEC.dump_event(attrs.evolve(event, **change))
    assert caught.value.codes == (code,)


# -- fingerprints ------------------------------------------------------------------------------------------------------


@given(st.decimals(1, 1000, places=3), st.dates(date(2026, 1, 1), date(2027, 1, 1)))
def test_equal_commands_have_one_fingerprint_however_their_numbers_are_written(amount: Decimal, day: date) -> None:
    one = PlaceOrder((OrderLine("A", amount, price=Money(amount, "EUR")),), "EUR", deliver_by=day)
    same = PlaceOrder((OrderLine("A", f"{amount}0", price=Money(f"{amount}0", "EUR")),), "EUR", deliver_by=day)
    assert one == same
    assert CODEC.fingerprint(one) == CODEC.fingerprint(same)


def test_another_body_or_another_command_has_another_fingerprint() -> None:
    commands = [
        PackParcel("R1", "F1"),
        PackParcel("R1", "F2"),
        PackParcel("R1", "F1", weight_kg=1),
        PackParcel("R1", "F1", contents=[("L1", 1)]),
        PackParcel("R1", "F1", contents=[("L1", 10)]),
    ]
    prints = [CODEC.fingerprint(command) for command in commands]
    assert len(set(prints)) == len(commands)
    assert all(len(one) == 64 for one in prints)


def test_a_fingerprint_stays_the_same_from_release_to_release() -> None:
    assert CODEC.fingerprint(PackParcel("R1", "F1", weight_kg="1.50")) == (
        "4e09588aa03a0cfc6e238b3c7c1d8fd8dcd64dcb5e4f74e67f4f76a4bb5e3826"
    )


# -- what is known -----------------------------------------------------------------------------------------------------


def test_every_event_and_command_of_a_stage_module_is_known_to_the_codec() -> None:
    known = {*some.all_events(), *some.all_commands()}
    for _, name, _ in pkgutil.iter_modules(orderflow.stages.__path__):
        module = importlib.import_module(f"orderflow.stages.{name}")
        for held in vars(module).values():
            if isinstance(held, type) and issubclass(held, (Event, Command)) and held.TAG:
                assert held in known, f"{held.__qualname__} is in no stage"


def test_the_standard_codec_is_made_once_and_knows_the_standard_stages() -> None:
    assert standard_codec() is standard_codec()
    assert set(standard_codec().events.values()) == set(some.all_events())
    assert set(standard_codec().commands.values()) == set(some.all_commands())


def test_threads_that_meet_a_class_at_the_same_moment_all_read_it() -> None:
    event = sample(OrderPlaced)
    for _ in range(5):
        fresh = Codec(some.all_stages())
        text = CODEC.event_to_json(event)
        start = threading.Barrier(4)

        def read(codec: Codec = fresh, text: str = text, start: threading.Barrier = start) -> Event:
            start.wait()
            return codec.event_from_json(text)

        with ThreadPoolExecutor(4) as pool:
            assert [done.result() for done in [pool.submit(read) for _ in range(4)]] == [event] * 4


def test_an_event_without_its_optional_parts_is_read_with_the_defaults() -> None:
    document = {
        "type": "order_placed",
        "v": 1,
        "at": "2026-03-01T12:00:00Z",
        "tenant": "main",
        "channel": "web",
        "reference": "R1",
        "order_id": "R1",
        "currency": "EUR",
        "state": "placed",
        "lines": [{"line": {"id": "L1", "sku": "A"}, "quantity": "2"}],
    }
    event = CODEC.load_event(document)
    assert isinstance(event, OrderPlaced)
    assert isinstance(event.lines[0], PlacedLine)
    assert event.lines[0].line.unit == "each"
    assert event.customer is None
