"""Writing down what happened, and reading it back years later.

Every event, command, request and reply is written as one JSON object ``{"type": tag, "v": version, ...fields}``. The
tag is the storage name of a class and never changes; the version says which shape of it was written. A document of an
older version goes, step by step, through *upcasters*, plain functions over its fields; a newer one is left alone.
A snapshot of an order is not kept that well: it carries the number of its `SHAPE`, is never upcast, and whoever meets
another shape builds the order anew from its events.

Reading is strict, because a document that is nearly right is wrong: numbers of goods and money are texts, never JSON
numbers; a moment names its offset; nothing is coerced; nothing unknown is dropped. All problems of a document are told
at once, each with its path (``lines[0].line.sku``). What equals its default is not written, so that documents stay
small and a new field with a default needs no new version.

What a class looks like on paper is worked out from its annotations, when it is first met. Only then is cattrs imported,
which writes the functions for it.

`orderflow.codec.leaves` knows how single values are written; `orderflow.codec.forms`, what a class made of them looks
like; `orderflow.codec.family`, which class stands under which tag, and how old versions are read. The `Codec` puts them
together.
"""

from __future__ import annotations

from orderflow.codec.codec import SHAPE, Codec, SnapshotMismatch, standard_codec
from orderflow.codec.family import Document, MissingUpcaster, Upcaster

__all__ = ["SHAPE", "Codec", "Document", "MissingUpcaster", "SnapshotMismatch", "Upcaster", "standard_codec"]
