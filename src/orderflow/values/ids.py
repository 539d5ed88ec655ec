"""Names that others gave to things, and the words that people write.

A *reference* is somebody's key: an order number, a SKU, a tracking number. It is kept letter by letter as it came; what
would make two of them look alike on paper (blanks at the ends, control characters) is refused rather than mended. An
*id* is a key that becomes a part of keys: what would break a path built from ids (a slash) is refused as well. A *text*
is written for people; a *line* is a text on one line, fit for a label or the head of a letter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from orderflow.errors import InvalidInput

__all__ = [
    "ERASED",
    "as_id",
    "as_id_or_blank",
    "as_line",
    "as_reference",
    "as_sscc",
    "as_text",
    "digest",
    "ordinal",
]

ERASED: Final = "(erased)"
"""What a store leaves in place of personal data; every check here lets it pass, so that replay still works."""

_LONGEST_ID = 128


def as_id(raw: Any) -> str:
    """A key of our own, or one that becomes a part of keys: as `as_reference`, and without a slash.

    Raises:
        InvalidInput: ``id.not_text``, ``id.empty``, ``id.too_long`` (over 128 characters) or ``id.bad_character``
            (blanks at the ends, control characters, a slash).
    """
    if isinstance(raw, str) and "/" in raw:
        raise InvalidInput.because("id.bad_character", "must have no '/'")
    return as_reference(raw)


def as_reference(raw: Any) -> str:
    """Somebody's key for something, exactly as they write it: ``2026/77``, ``TEA-250``.

    Raises:
        InvalidInput: ``id.not_text``, ``id.empty``, ``id.too_long`` (over 128 characters) or ``id.bad_character``
            (blanks at the ends, control characters).
    """
    if not isinstance(raw, str):
        raise InvalidInput.because("id.not_text", f"must be text, not {type(raw).__name__}")
    if not raw:
        raise InvalidInput.because("id.empty", "must not be empty")
    if len(raw) > _LONGEST_ID:
        raise InvalidInput.because("id.too_long", f"must be at most {_LONGEST_ID} characters, not {len(raw)}")
    if raw != raw.strip() or _has_control(raw):
        raise InvalidInput.because("id.bad_character", "must have no blanks at its ends and no control character")
    return raw


def as_id_or_blank(raw: Any) -> str:
    """`as_id`, but the empty text is allowed and means that there is none."""
    if isinstance(raw, str) and not raw:
        return ""
    return as_id(raw)


def as_text(limit: int) -> Callable[[Any], str]:
    """A converter for free text of at most ``limit`` characters, which may have several lines.

    The converter raises `InvalidInput` with ``text.not_text``, ``text.too_long`` or ``text.bad_character`` (NUL, or
    half of a surrogate pair: no UTF-8 file and hardly a database can hold them).
    """

    def converting(raw: Any) -> str:
        text = _short_text(raw, limit)
        if "\x00" in text or not _can_be_encoded(text):
            raise InvalidInput.because("text.bad_character", "must not contain NUL or unpaired surrogates")
        return text

    return converting


def as_line(limit: int) -> Callable[[Any], str]:
    """A converter for text on one line: like `as_text`, but no control character at all may be in it."""

    def converting(raw: Any) -> str:
        text = _short_text(raw, limit)
        if _has_control(text):
            raise InvalidInput.because("text.bad_character", "must be one line without control characters")
        return text

    return converting


def as_sscc(raw: Any) -> str:
    """An SSCC, or nothing: 17 digits and a check digit, weighted 3 and 1 in turn (GS1 General Specifications, 7.9)."""
    if raw == "":
        return ""
    if not isinstance(raw, str) or len(raw) != 18 or not (raw.isascii() and raw.isdigit()):
        raise InvalidInput.because("packing.bad_sscc", "must be 18 digits")
    weighted = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(raw[:17]))
    if (10 - weighted % 10) % 10 != int(raw[17]):
        raise InvalidInput.because("packing.bad_sscc", "the check digit is wrong")
    return raw


def ordinal(prefix: str, count: int) -> str:
    """The id of a part of an order, counted from one within the order.

    >>> ordinal("F", 1)
    'F1'
    """
    return f"{prefix}{count}"


def _short_text(raw: Any, limit: int) -> str:
    if not isinstance(raw, str):
        raise InvalidInput.because("text.not_text", f"must be text, not {type(raw).__name__}")
    if len(raw) > limit:
        raise InvalidInput.because("text.too_long", f"must be at most {limit} characters, not {len(raw)}")
    return raw


def _can_be_encoded(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def digest(text: str) -> str:
    """A short digest of a text, to tell it from others, or to name it without showing it: 16 hexadecimal digits."""
    from hashlib import sha256  # what it loads, few programs need before their first order

    return sha256(text.encode()).hexdigest()[:16]


def _has_control(text: str) -> bool:
    """Whether text holds what is no mark on paper; independent of the Unicode version that Python knows."""
    if text.isascii():
        return not text.isprintable()
    return not _can_be_encoded(text) or any(
        character < " " or "\x7f" <= character <= "\x9f" or character in "\u2028\u2029" for character in text
    )
