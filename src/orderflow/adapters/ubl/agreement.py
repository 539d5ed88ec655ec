"""What two partners have agreed outside their documents.

A document leaves open what its sender and receiver know: whose product numbers count, in which zone its days are, under
which channel its number is unique. EDI people call this the interchange agreement; one is made for each partner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from orderflow.adapters.ubl.vocabulary import ANSWERS, UNITS
from orderflow.errors import InvalidInput
from orderflow.stages.acceptance import as_method
from orderflow.values.address import Address, as_address, as_country
from orderflow.values.checked import as_flag, checked, optional, value
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id
from orderflow.values.money import as_currency
from orderflow.values.quantity import as_unit
from orderflow.values.record import record
from orderflow.values.times import as_zone

__all__ = ["STANDARD_AGREEMENT", "Agreement", "ItemNumbers", "sellers_number_first"]


@record
class ItemNumbers:
    """The numbers by which a line names its product: ours, the world's (a GTIN), the buyer's, the maker's."""

    sellers: str = ""
    standard: str = ""
    buyers: str = ""
    manufacturers: str = ""


def sellers_number_first(numbers: ItemNumbers) -> str:
    """Our own number, else the standard one, else the buyer's, else the manufacturer's."""
    return numbers.sellers or numbers.standard or numbers.buyers or numbers.manufacturers


def _as_rule(raw: Any) -> Callable[[ItemNumbers], str]:
    if not callable(raw):
        raise InvalidInput.because("ubl.not_a_rule", "must be a function of ItemNumbers")
    return raw  # type: ignore[no-any-return]


def _as_units(raw: Any) -> FrozenMap[str, str]:
    if not isinstance(raw, Mapping):
        raise InvalidInput.because("ubl.not_units", "must map unit codes to units")
    return FrozenMap({as_unit(code): as_unit(unit) for code, unit in raw.items()})


def _as_answers(raw: Any) -> FrozenMap[str, str]:
    if not isinstance(raw, Mapping) or set(raw) != set(ANSWERS):
        raise InvalidInput.because("ubl.not_answers", f"must map {', '.join(ANSWERS)} to a code each")
    return FrozenMap({answer: as_id(code) for answer, code in raw.items()})


@value
class Agreement:
    """What is agreed with a partner, and so not said in its documents.

    ``sku`` chooses or looks up our product from the numbers of a line. ``units`` maps codes of UN/ECE Recommendation 20
    to our units; other codes are taken as they are, and ``unit`` is meant where none is given. ``zone`` is where days
    and clock times are when they do not say. An order's number is unique in its ``channel``: give each partner one.
    ``needs_number`` is for those who always number their orders; without it, an order without a number gets one of
    ours. ``currency``, ``country`` and ``ship_to`` are meant where a document names none.
    """

    sku: Callable[[ItemNumbers], str] = checked(_as_rule, default=sellers_number_first)
    channel: str = checked(as_id, default="ubl")
    tenant: str = checked(as_id, default="main")
    zone: str = checked(as_zone, default="UTC")
    currency: str | None = checked(optional(as_currency), default=None)
    country: str | None = checked(optional(as_country), default=None)
    ship_to: Address | None = checked(optional(as_address), default=None)
    method: str = checked(as_method, default="carrier")
    unit: str = checked(as_unit, default="each")
    units: FrozenMap[str, str] = checked(_as_units, default=FrozenMap(UNITS))
    needs_number: bool = checked(as_flag, default=True)
    answers: FrozenMap[str, str] = checked(_as_answers, default=FrozenMap(ANSWERS))

    if TYPE_CHECKING:

        def __init__(
            self,
            sku: Callable[[ItemNumbers], str] = sellers_number_first,
            channel: str = "ubl",
            tenant: str = "main",
            zone: str = "UTC",
            currency: str | None = None,
            country: str | None = None,
            ship_to: Address | None = None,
            method: str = "carrier",
            unit: str = "each",
            units: Mapping[str, str] = UNITS,
            needs_number: bool = True,
            answers: Mapping[str, str] = ANSWERS,
        ) -> None: ...

    def unit_of(self, code: str) -> str:
        """Our unit for a code."""
        return self.units.get(code, code) if code else self.unit

    def code_of(self, unit: str) -> str:
        """The code for a unit of ours."""
        return next((code for code, ours in self.units.items() if ours == unit), unit)


STANDARD_AGREEMENT = Agreement()
"""Nothing in particular is agreed."""
