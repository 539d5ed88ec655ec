"""How long lists are cut into pages.

An order gets a serial number when it is placed into a store. A page ends with the number of its last order, and that is
the cursor: the next page begins behind it, whatever was placed in between, so that no order is shown twice or left out.
"""

from __future__ import annotations

from orderflow.errors import InvalidInput, Problems

__all__ = ["LONGEST_PAGE", "page_bounds"]

LONGEST_PAGE = 1000
_LAST_SERIAL = 2**63 - 1


def page_bounds(cursor: str | None, limit: int) -> int:
    """The serial number behind which a page begins.

    Raises:
        InvalidInput: ``find.bad_cursor`` (no store gave it) or ``find.bad_limit`` (a page has 1 to 1000 orders).
    """
    problems = Problems()
    after = problems.attempt("cursor", _serial, cursor)
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= LONGEST_PAGE:
        problems.add("find.bad_limit", f"must be a whole number from 1 to {LONGEST_PAGE}", "limit")
    problems.raise_any()
    return after or 0


def _serial(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if isinstance(cursor, str) and cursor.isascii() and cursor.isdigit() and len(cursor) < 20:
        serial = int(cursor)
        if serial <= _LAST_SERIAL:
            return serial
    raise InvalidInput.because("find.bad_cursor", "must be the cursor of an earlier page")
