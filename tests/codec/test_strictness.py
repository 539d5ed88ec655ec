"""What the codec does not read, with the code and path of every refusal; and documents of other versions."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.charges import RoundingRule
from orderflow.codec import Codec, MissingUpcaster
from orderflow.errors import InvalidInput, NewerVersion, OrderflowError, UnknownType
from orderflow.messages import Command, Event, command, event
from orderflow.order import Order
from orderflow.ports import Booked, Reply, Request, Voided
from orderflow.stages.acceptance import OrderPlaced
from orderflow.stages.packing import PackParcel
from orderflow.values.checked import checked
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id
from orderflow.values.money import Money
from tests.codec.written import sample
from tests.strategies import all_stages

CODEC = Codec(all_stages())
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def document() -> dict[str, Any]:
    """A good document with many parts, fresh each time."""
    copy: dict[str, Any] = json.loads(json.dumps(CODEC.dump_event(sample(OrderPlaced))))
    return copy


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good document with one thing in it changed, or taken out (`...`)."""
    made = document()
    *steps, last = (
        int(step) if step.isdigit() else step for step in path.replace("[", ".").replace("]", "").split(".")
    )
    held: Any = made
    for step in steps:
        held = held[step]
    if value is ...:
        del held[last]
    else:
        held[last] = value
    return made


def test_the_document_that_the_table_spoils_is_good() -> None:
    assert CODEC.load_event(document()) == sample(OrderPlaced)


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("at", "2026-03-01T12:00:00", "codec.naive_datetime"),
        ("at", "2026-03-01", "codec.not_an_instant"),
        ("at", "2026-03-01 12:00:00+00:00", "codec.not_an_instant"),
        ("at", "2026-02-30T12:00:00+00:00", "codec.not_an_instant"),
        ("at", "2026-03-01T12:00:00+00:00\n", "codec.not_an_instant"),
        ("at", "20260301T120000+0000", "codec.not_an_instant"),
        ("at", "0001-01-01T00:00:00+14:00", "time.out_of_range"),
        ("at", 1772366400, "codec.not_an_instant"),
        ("at", None, "codec.not_an_instant"),
        ("at", ..., "codec.missing_field"),
        ("tenant", 7, "codec.not_text"),
        ("tenant", None, "codec.not_text"),
        ("tenant", ..., "codec.missing_field"),
        ("colour", "red", "codec.unknown_field"),
        ("lines", {}, "codec.not_a_list"),
        ("lines", "L1", "codec.not_a_list"),
        ("lines", None, "codec.not_a_list"),
        ("lines[0]", [], "codec.not_an_object"),
        ("lines[0]", "quantity", "codec.not_an_object"),
        ("lines[0].quantity", 2, "codec.not_a_decimal"),
        ("lines[0].quantity", 2.5, "codec.not_a_decimal"),
        ("lines[0].quantity", "2,5", "codec.not_a_decimal"),
        ("lines[0].quantity", " 2", "codec.not_a_decimal"),
        ("lines[0].quantity", "1_000", "codec.not_a_decimal"),
        ("lines[0].quantity", "٣", "codec.not_a_decimal"),
        ("lines[0].quantity", "NaN", "codec.not_a_decimal"),
        ("lines[0].quantity", "Infinity", "codec.not_a_decimal"),
        ("lines[0].quantity", "1E99999999", "codec.not_a_decimal"),
        ("lines[0].quantity", "9" * 101, "codec.not_a_decimal"),
        ("lines[0].quantity", True, "codec.not_a_decimal"),
        ("lines[0].line.sku", ["A"], "codec.not_text"),
        ("lines[0].line.sku", ..., "codec.missing_field"),
        ("lines[0].line.weight", "1", "codec.unknown_field"),
        ("lines[0].line.stated_price", "57.70", "codec.not_money"),
        ("lines[0].line.stated_price", "57.70 eur", "money.unknown_currency"),
        ("lines[0].line.stated_price", "57.70  EUR", "money.unknown_currency"),
        ("lines[0].line.stated_price", ["57.70", "EUR"], "codec.not_money"),
        ("lines[0].line.stated_price", "x EUR", "codec.not_money"),
        ("lines[0].line.origin.kind", "stolen", "codec.not_a_choice"),
        ("lines[0].line.instructions[0]", None, "codec.not_text"),
        ("terms.deliver_by", "2026-03-01T00:00:00+00:00", "codec.not_a_day"),
        ("terms.deliver_by", "2026-02-29", "codec.not_a_day"),
        ("terms.deliver_by", "20260301", "codec.not_a_day"),
        ("terms.deliver_by", 20260301, "codec.not_a_day"),
        ("terms.window.start", "2026-03-01T12:00:00", "codec.naive_datetime"),
        ("terms.window.end", "2020-01-01T00:00:00+00:00", "window.reversed"),
        ("rounding.rounding", "up", "codec.not_a_choice"),
        ("rounding.rounding", ["half_up"], "codec.not_a_choice"),
        ("ship_to.country", "XX", "address.unknown_country"),
        ("ship_to.postal_code", "ABC", "address.postal_code_malformed"),
        ("customer.contact.email", "nobody", "contact.email_malformed"),
        ("customer.contact.wants", ["shipped", "shipped"], "codec.repeated_item"),
        ("customer.contact.wants", "shipped", "codec.not_a_list"),
        ("customer.contact.wants[1]", 1, "codec.not_text"),
    ],
)
def test_a_document_that_is_nearly_right_is_refused_with_code_and_path(path: str, value: Any, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        CODEC.load_event(changed(path, value))
    where = path.removesuffix(".end") if code == "window.reversed" else path
    assert [(found.code, found.path) for found in caught.value.violations] == [(code, where)]


def test_all_problems_of_a_document_are_told_at_once() -> None:
    bad = changed("lines[0].quantity", 2)
    bad["at"] = "2026-03-01T12:00:00"
    bad["lines"][0]["line"]["colour"] = "red"
    bad["lines"].append({"line": {"id": "L2"}, "quantity": "1"})
    bad["ship_to"]["country"] = "XX"
    bad["customer"]["contact"]["email"] = "nobody"
    del bad["state"]
    with pytest.raises(InvalidInput) as caught:
        CODEC.load_event(bad)
    assert {(found.code, found.path) for found in caught.value.violations} == {
        ("codec.naive_datetime", "at"),
        ("codec.not_a_decimal", "lines[0].quantity"),
        ("codec.unknown_field", "lines[0].line.colour"),
        ("codec.missing_field", "lines[1].line.sku"),
        ("address.unknown_country", "ship_to.country"),
        ("contact.email_malformed", "customer.contact.email"),
        ("codec.missing_field", "state"),
    }


def test_a_command_from_a_document_is_checked_like_any_other() -> None:
    with pytest.raises(InvalidInput) as caught:
        CODEC.load_command({"type": "pack_parcel", "v": 1, "order_id": "", "fulfillment_id": "F1", "weight_kg": "-1"})
    assert [(found.code, found.path) for found in caught.value.violations] == [
        ("id.empty", "order_id"),
        ("quantity.not_positive", "weight_kg"),
    ]


@pytest.mark.parametrize("sides", [["1", "2"], ["1", "2", "3", "4"], "123"])
def test_three_sides_are_three(sides: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        CODEC.load_command(
            {"type": "pack_parcel", "v": 1, "order_id": "R1", "fulfillment_id": "F1", "dimensions_cm": sides}
        )
    assert [(found.code, found.path) for found in caught.value.violations] == [("codec.not_a_list", "dimensions_cm")]


def test_the_problems_of_all_sides_are_told() -> None:
    with pytest.raises(InvalidInput) as caught:
        CODEC.load_command(
            {"type": "pack_parcel", "v": 1, "order_id": "R1", "fulfillment_id": "F1", "dimensions_cm": [1, "2", 3]}
        )
    assert [found.path for found in caught.value.violations] == ["dimensions_cm[0]", "dimensions_cm[2]"]


@pytest.mark.parametrize(
    ("path", "value", "found_at", "code"),
    [
        (("version",), True, "version", "codec.not_an_integer"),
        (("version",), "1", "version", "codec.not_an_integer"),
        (("version",), 1.0, "version", "codec.not_an_integer"),
        (("shipments", "S1"), None, "shipments[S1]", "codec.not_an_object"),
        (("ledger", "balances", "L1"), {"open": 1}, "ledger.balances[L1][open]", "codec.not_a_decimal"),
        (("milestones",), [], "milestones", "codec.not_an_object"),
        (("claims",), {"C1": {}}, "claims[C1].id", "codec.missing_field"),
        (("deferrals",), {"Q1": {"request": {"v": 1}}}, "deferrals[Q1].request.type", "codec.missing_field"),
    ],
)
def test_a_bad_snapshot_is_refused_with_code_and_path(path: Any, value: Any, found_at: str, code: str) -> None:
    bad = CODEC.dump_order(Order("main", "main", "R1", "R1", 1, "placed", "EUR", AT))
    held = bad
    for step in path[:-1]:
        held = held.setdefault(step, {})
    held[path[-1]] = value
    with pytest.raises(InvalidInput) as caught:
        CODEC.load_order(bad)
    assert (code, found_at) in [(found.code, found.path) for found in caught.value.violations]


@pytest.mark.parametrize("flag", [1, 0, "true", None])
def test_a_flag_is_true_or_false_and_nothing_like_it(flag: Any) -> None:
    scan = {"tracking_number": "T1", "status": "in_transit", "occurred_at": "2026-03-01T12:00:00Z"}
    with pytest.raises(InvalidInput) as caught:
        CODEC.load_scan({**scan, "action_required": flag})
    assert [(found.code, found.path) for found in caught.value.violations] == [("codec.not_a_flag", "action_required")]


@pytest.mark.parametrize(
    ("head", "problems"),
    [
        ({}, [("codec.missing_field", "type"), ("codec.missing_field", "v")]),
        ({"type": "order_placed"}, [("codec.missing_field", "v")]),
        ({"type": None, "v": "1"}, [("codec.not_text", "type"), ("codec.not_an_integer", "v")]),
        ({"type": "order_placed", "v": 0}, [("codec.not_a_version", "v")]),
        ({"type": "order_placed", "v": True}, [("codec.not_an_integer", "v")]),
    ],
)
def test_a_document_must_say_what_it_is(head: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidInput) as caught:
        CODEC.load_event(head)
    assert [(found.code, found.path) for found in caught.value.violations] == problems


@pytest.mark.parametrize("text", ["", "{", "nonsense", b"\xff", "[" * 100_000])
def test_what_is_not_json_is_invalid_input(text: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        CODEC.event_from_json(text)
    assert caught.value.codes == ("codec.not_json",)


@pytest.mark.parametrize("text", ["[]", "null", "3", '"order_placed"'])
def test_json_that_is_no_object_is_invalid_input(text: str) -> None:
    for read in (CODEC.event_from_json, CODEC.command_from_json, CODEC.order_from_json):
        with pytest.raises(InvalidInput) as caught:
            read(text)
        assert caught.value.codes == ("codec.not_an_object",)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(scalars, lambda held: st.lists(held, max_size=3) | st.dictionaries(st.text(max_size=5), held))


@given(st.sampled_from(sorted(document())), anything)
def test_whatever_stands_in_a_document_only_our_own_errors_come_out(field: str, value: Any) -> None:
    with suppress(OrderflowError):
        CODEC.load_event({**document(), field: value})


# -- other versions ----------------------------------------------------------------------------------------------------


@event("label_torn", version=3)
class LabelTorn(Event):
    """A host's own event, in its third shape."""

    parcel_id: str
    cost: Money
    by: str = ""

    def apply(self, order: Order) -> Order:
        """Nothing of ours."""
        return order


@command("tear_label")
class TearLabel(Command):
    """A host's own command."""

    order_id: str = checked(as_id)
    parcel_id: str = checked(as_id)


def with_cost(fields: dict[str, Any]) -> dict[str, Any]:
    cents = fields.pop("cents")
    return {**fields, "cost": f"{cents}E-2 EUR"}


def renamed(fields: dict[str, Any]) -> dict[str, Any]:
    fields["parcel_id"] = fields.pop("box")
    return fields


HOST = Codec(
    all_stages(),
    events=(LabelTorn,),
    commands=(TearLabel,),
    upcasters={("label_torn", 1): renamed, ("label_torn", 2): with_cost},
)
TORN = LabelTorn(AT, "P1", Money("1.50", "EUR"))


def test_a_hosts_own_messages_are_written_like_ours() -> None:
    assert HOST.event_from_json(HOST.event_to_json(TORN)) == TORN
    asked = TearLabel("R1", "P1")
    assert HOST.command_from_json(HOST.command_to_json(asked)) == asked
    assert HOST.events["label_torn"] is LabelTorn
    assert HOST.commands["tear_label"] is TearLabel


@pytest.mark.parametrize(
    "old",
    [
        {"type": "label_torn", "v": 1, "at": "2026-03-01T12:00:00Z", "box": "P1", "cents": 150},
        {"type": "label_torn", "v": 2, "at": "2026-03-01T12:00:00Z", "parcel_id": "P1", "cents": 150},
        {"type": "label_torn", "v": 3, "at": "2026-03-01T12:00:00Z", "parcel_id": "P1", "cost": "1.50 EUR"},
    ],
    ids=["v1", "v2", "v3"],
)
def test_an_older_version_is_brought_up_step_by_step_and_the_document_stays_as_it_was(old: dict[str, Any]) -> None:
    before = json.dumps(old)
    assert HOST.load_event(old) == TORN
    assert json.dumps(old) == before


def test_a_missing_step_is_named() -> None:
    codec = Codec(all_stages(), events=(LabelTorn,), upcasters={("label_torn", 1): renamed})
    with pytest.raises(MissingUpcaster, match=r"'label_torn' from version 2 to 3 \(codec.missing_upcaster\)") as caught:
        codec.load_event({"type": "label_torn", "v": 1, "at": "2026-03-01T12:00:00Z", "box": "P1"})
    assert (caught.value.tag, caught.value.version) == ("label_torn", 2)


def test_a_newer_version_is_left_alone() -> None:
    with pytest.raises(NewerVersion) as caught:
        CODEC.load_event({**document(), "v": 2})
    assert (caught.value.tag, caught.value.version, caught.value.known) == ("order_placed", 2, 1)


@pytest.mark.parametrize(
    ("load", "what"),
    [
        (CODEC.load_event, "event"),
        (CODEC.load_command, "command"),
        (CODEC.load_request, "request"),
        (CODEC.load_reply, "reply"),
    ],
)
def test_an_unknown_tag_is_told_with_what_it_should_have_been(load: Any, what: str) -> None:
    with pytest.raises(UnknownType, match=f"unknown {what} 'tea_poured'") as caught:
        load({"type": "tea_poured", "v": 1})
    assert caught.value.tag == "tea_poured"


def test_an_unknown_request_inside_a_snapshot_is_an_unknown_type() -> None:
    snapshot = CODEC.dump_order(Order("main", "main", "R1", "R1", 1, "placed", "EUR", AT))
    request = {"type": "pour_tea", "v": 1}
    with pytest.raises(UnknownType, match="pour_tea"):
        CODEC.load_order({**snapshot, "deferrals": {"Q1": {"request": request}}})


def test_a_class_that_was_not_given_to_the_codec_is_not_written() -> None:
    with pytest.raises(UnknownType, match="label_torn"):
        CODEC.dump_event(TORN)
    with pytest.raises(UnknownType, match="pack_parcel"):
        CODEC.dump_event(PackParcel("R1", "F1"))  # type: ignore[arg-type]


# -- what a codec is made of -------------------------------------------------------------------------------------------


@event("label_torn")
class OtherLabelTorn(Event):
    """Has the tag of another event."""


@event("label.torn")
class DottedTag(Event):
    """Has a dot in its tag."""


@event("")
class NoTag(Event):
    """Has no tag."""


@event("typed")
class Typed(Event):
    """Has a field that the document needs for itself."""

    type: str


@pytest.mark.parametrize(
    ("classes", "code"),
    [
        ((LabelTorn, OtherLabelTorn), "codec.tag_used_twice"),
        ((DottedTag,), "codec.bad_tag"),
        ((NoTag,), "codec.bad_tag"),
        ((Typed,), "codec.reserved_field"),
    ],
)
def test_a_class_that_could_not_be_told_apart_is_refused_when_the_codec_is_made(classes: Any, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Codec(all_stages(), events=classes)
    assert [(found.code, found.path) for found in caught.value.violations] == [(code, classes[-1].__qualname__)]


def test_a_class_may_be_given_twice() -> None:
    assert Codec(all_stages(), events=(LabelTorn, LabelTorn)).events["label_torn"] is LabelTorn


@pytest.mark.parametrize("step", [("label_torn", 3), ("label_torn", 0), ("tea_poured", 1), ("order_placed", 1)])
def test_an_upcaster_that_is_never_needed_is_refused(step: tuple[str, int]) -> None:
    with pytest.raises(InvalidInput) as caught:
        Codec(all_stages(), events=(LabelTorn,), upcasters={step: renamed})
    assert caught.value.codes == ("codec.useless_upcaster",)


class Colour(Enum):
    """An enumeration of numbers."""

    RED = 1
    BLUE = 2


@attrs.frozen
class Box:
    """A class that contains itself."""

    size: int
    inside: tuple[Box, ...] = ()


@event("everything")
class Everything(Event):
    """Every type that a host may use in a message."""

    colour: Colour
    grade: Literal["a", 1]
    box: Box
    reply: Reply
    either: Booked | Voided | None
    request: Request | None
    names: FrozenMap[str, tuple[str, ...]]
    sizes: tuple[int, Decimal]
    rule: RoundingRule | None = None


def test_a_host_may_use_every_kind_of_field_in_its_messages() -> None:
    codec = Codec(all_stages(), events=(Everything,))
    event = sample_of_everything()
    written = codec.event_to_json(event)
    assert codec.event_from_json(written) == event
    assert json.loads(written)["either"] == {"type": "voided", "v": 1}


def sample_of_everything() -> Everything:
    return Everything(
        AT,
        Colour.BLUE,
        1,
        Box(1, (Box(2, (Box(3),)),)),
        sample(Booked),
        Voided(),
        None,
        FrozenMap(a=("b",)),
        (1, Decimal(2)),
    )


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("colour", True, "colour"),
        ("colour", "1", "colour"),
        ("grade", True, "grade"),
        ("grade", "1", "grade"),
        ("box", {"size": 1, "inside": [{"size": 1}, {"size": "2"}]}, "box.inside[1].size"),
        ("names", {"a": [1]}, "names[a][0]"),
        ("sizes", [1.0, "2"], "sizes[0]"),
    ],
)
def test_the_other_kinds_of_field_are_strict_too(field: str, value: Any, path: str) -> None:
    codec = Codec(all_stages(), events=(Everything,))
    with pytest.raises(InvalidInput) as caught:
        codec.load_event({**json.loads(codec.event_to_json(sample_of_everything())), field: value})
    assert [found.path for found in caught.value.violations] == [path]


def test_a_problem_deep_inside_is_told_after_one_reading() -> None:
    codec = Codec(all_stages(), events=(Everything,))
    box: dict[str, Any] = {"size": "1"}
    for _ in range(40):
        box = {"size": 1, "inside": [box]}
    with pytest.raises(InvalidInput) as caught:
        codec.load_event({**codec.dump_event(sample_of_everything()), "box": box})
    assert [found.path for found in caught.value.violations] == ["box" + ".inside[0]" * 40 + ".size"]


def test_one_of_a_few_replies_is_no_other_reply() -> None:
    codec = Codec(all_stages(), events=(Everything,))
    written = {**codec.dump_event(sample_of_everything()), "either": {"type": "issued", "v": 1}}
    with pytest.raises(UnknownType, match="issued"):
        codec.load_event(written)


@event("unwritable")
class Unwritable(Event):
    """Has a field of a type that is not exact."""

    weight: float


@event("ambiguous")
class Ambiguous(Event):
    """Has a field of which nobody can tell what it is."""

    either: int | str


@event("mutable")
class Mutable(Event):
    """Has a field that could be changed."""

    names: list[str]


@pytest.mark.parametrize("cls", [Unwritable, Ambiguous, Mutable])
def test_a_field_that_cannot_be_written_down_is_named(cls: type[Event]) -> None:
    codec = Codec(all_stages(), events=(cls,))
    with pytest.raises(TypeError, match=f"{cls.__name__}.{attrs.fields(cls)[1].name}: no way is known"):
        codec.dump_event(cls(AT, ()))  # type: ignore[call-arg]


def test_cattrs_is_not_imported_before_something_is_written() -> None:
    code = (
        "import sys, orderflow.codec as codec\n"
        "codec.standard_codec()\n"
        "assert 'cattrs' not in sys.modules\n"
        "from orderflow.messages import SYSTEM\n"
        "codec.standard_codec().dump_actor(SYSTEM)\n"
        "assert 'cattrs' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
