"""The ground: values that check themselves.

Numbers that are exact, money that knows its currency, quantities, addresses, parties, times and ids. All are frozen and
hashable, and all tell every problem at once when they cannot be what they are asked to be.
"""

from __future__ import annotations

from orderflow.values.address import Address, as_address, as_country
from orderflow.values.checked import checked, evolved, optional, personal_fields, tuple_of, value
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import ERASED, as_id, as_id_or_blank, as_line, as_reference, as_text, ordinal
from orderflow.values.money import (
    CURRENCY_DIGITS,
    Money,
    as_currency,
    as_money,
    split,
    sum_money,
    zero,
)
from orderflow.values.numbers import (
    EXACT,
    Rounding,
    add,
    as_decimal,
    as_not_negative,
    as_positive,
    mul,
    neg,
    plain,
    ratio_rounded,
    round_to,
    sub,
)
from orderflow.values.party import Contact, Party, as_contact, as_email, as_locale, as_party
from orderflow.values.quantity import Quantity, as_amount, as_quantity, as_unit
from orderflow.values.times import Window, as_day, as_instant, as_zone, clock_in, day_in, instant_of

__all__ = [
    "CURRENCY_DIGITS",
    "ERASED",
    "EXACT",
    "Address",
    "Contact",
    "FrozenMap",
    "Money",
    "Party",
    "Quantity",
    "Rounding",
    "Window",
    "add",
    "as_address",
    "as_amount",
    "as_contact",
    "as_country",
    "as_currency",
    "as_day",
    "as_decimal",
    "as_email",
    "as_id",
    "as_id_or_blank",
    "as_instant",
    "as_line",
    "as_locale",
    "as_money",
    "as_not_negative",
    "as_party",
    "as_positive",
    "as_quantity",
    "as_reference",
    "as_text",
    "as_unit",
    "as_zone",
    "checked",
    "clock_in",
    "day_in",
    "evolved",
    "instant_of",
    "mul",
    "neg",
    "optional",
    "ordinal",
    "personal_fields",
    "plain",
    "ratio_rounded",
    "round_to",
    "split",
    "sub",
    "sum_money",
    "tuple_of",
    "value",
    "zero",
]
