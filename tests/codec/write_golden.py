"""``python -m tests.codec.write_golden``: keep one document of every event that has none yet.

What is there is never written over: a released document stays readable for ever. Only a document that was never
released may be deleted by hand, and written anew.
"""

from __future__ import annotations

from orderflow.codec import SHAPE, Codec
from tests.codec.written import GOLDEN, SHAPE_FILE, golden_file, readable, sample, shape_digest
from tests.strategies import all_stages


def main() -> None:
    """Write what is missing, and say what was written."""
    GOLDEN.mkdir(exist_ok=True)
    codec = Codec(all_stages())
    for tag, cls in codec.events.items():
        path = golden_file(tag, cls.VERSION)
        if not path.exists():
            path.write_text(readable(codec.dump_event(sample(cls))), encoding="utf-8")
            print(f"written: {path.name}")
    if not SHAPE_FILE.exists():
        SHAPE_FILE.write_text(readable({"shape": SHAPE, "digest": shape_digest()}), encoding="utf-8")
        print(f"written: {SHAPE_FILE.name}")


if __name__ == "__main__":
    main()
