"""Every event version that was ever released can be read, and says what it said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orderflow.codec import SHAPE, Codec
from orderflow.messages import Event
from tests.codec.written import GOLDEN, SHAPE_FILE, golden_file, readable, sample, shape_digest
from tests.strategies import all_events, all_stages

CODEC = Codec(all_stages())
RELEASED = sorted(path for path in GOLDEN.glob("*.json") if path != SHAPE_FILE)


@pytest.mark.parametrize("cls", all_events(), ids=lambda cls: cls.TAG)
def test_every_event_has_a_released_document(cls: type[Event]) -> None:
    assert golden_file(cls.TAG, cls.VERSION).exists(), "run: python -m tests.codec.write_golden"


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_a_released_document_is_still_read(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    assert path == golden_file(document["type"], document["v"])
    event = CODEC.load_event(document)
    if document["v"] == type(event).VERSION:
        assert readable(CODEC.dump_event(event)) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("cls", all_events(), ids=lambda cls: cls.TAG)
def test_a_released_document_says_what_it_said(cls: type[Event]) -> None:
    document = json.loads(golden_file(cls.TAG, cls.VERSION).read_text(encoding="utf-8"))
    assert CODEC.load_event(document) == sample(cls)


def test_a_snapshot_of_a_changed_shape_has_a_new_number() -> None:
    released = json.loads(SHAPE_FILE.read_text(encoding="utf-8"))
    assert released == {"shape": SHAPE, "digest": shape_digest()}, (
        "the classes inside an order have changed: raise codec.SHAPE, delete snapshot_shape.json and run "
        "python -m tests.codec.write_golden"
    )
