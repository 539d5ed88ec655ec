"""Postal addresses: where goods and letters go.

Which parts an address needs differs from country to country. The rules here are data, after the addressing systems
that the Universal Postal Union publishes for its members: where a postal code is needed and what it looks like, where
the region (state, province, prefecture) belongs to the address, and where there is no town to name because the country
is one. They are deliberately mild: what a clerk would still deliver is not refused.

The shape of a postal code is written with ``N`` for a digit, ``A`` for a letter and every other character for itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from orderflow.errors import InvalidInput, Problems
from orderflow.values.checked import checked, tuple_of, value
from orderflow.values.ids import ERASED, as_line

__all__ = ["COUNTRIES", "Address", "as_address", "as_country"]


def _codes(text: str) -> list[str]:
    """The codes of a table that is written like prose."""
    return text.split()


COUNTRIES: Final = frozenset(
    _codes("""
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC
    CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD
    GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH
    KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW
    MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC
    SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY
    UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """)
)
"""The country codes of ISO 3166-1 alpha-2."""

_POSTAL_SHAPES = {
    "AT": "NNNN",
    "AU": "NNNN",
    "BE": "NNNN",
    "BG": "NNNN",
    "BR": "NNNNN-NNN|NNNNNNNN",
    "CA": "ANA NAN|ANANAN",
    "CH": "NNNN",
    "CN": "NNNNNN",
    "CZ": "NNN NN|NNNNN",
    "DE": "NNNNN",
    "DK": "NNNN",
    "EE": "NNNNN",
    "ES": "NNNNN",
    "FI": "NNNNN",
    "FR": "NNNNN",
    "GB": "AN NAA|ANN NAA|AAN NAA|AANN NAA|ANA NAA|AANA NAA|ANNAA|ANNNAA|AANNAA|AANNNAA|ANANAA|AANANAA",
    "GR": "NNN NN|NNNNN",
    "HR": "NNNNN",
    "HU": "NNNN",
    "ID": "NNNNN",
    "IN": "NNNNNN|NNN NNN",
    "IT": "NNNNN",
    "JP": "NNN-NNNN|NNNNNNN",
    "KR": "NNNNN",
    "LI": "NNNN",
    "LT": "NNNNN|LT-NNNNN",
    "LU": "NNNN|L-NNNN",
    "LV": "LV-NNNN|NNNN",
    "MX": "NNNNN",
    "MY": "NNNNN",
    "NL": "NNNN AA|NNNNAA",
    "NO": "NNNN",
    "NZ": "NNNN",
    "PL": "NN-NNN",
    "PT": "NNNN-NNN|NNNN",
    "RO": "NNNNNN",
    "SE": "NNN NN|NNNNN",
    "SG": "NNNNNN",
    "SI": "NNNN",
    "SK": "NNN NN|NNNNN",
    "TH": "NNNNN",
    "TR": "NNNNN",
    "UA": "NNNNN",
    "US": "NNNNN|NNNNN-NNNN",
    "ZA": "NNNN",
}
"""The countries that need a postal code, with the shapes it may have.

Elsewhere there is none (Hong Kong, the Emirates) or nobody insists on it (Ireland); what is given is taken as it comes.
"""

_REGION_NEEDED = frozenset(_codes("AU BR CA CN IN JP MX US"))
"""Where the state, province or prefecture is part of the address."""

_CITY_NOT_NEEDED = frozenset(_codes("AX FK GI GS HK IO MC MO NF NR PN SG SH VA"))
"""City states, and islands with a single place."""

_LOCALITY_ROWS = {
    **dict.fromkeys(_codes("AU CA US"), "city region postal_code"),
    **dict.fromkeys(_codes("GB GG IM JE"), "city / region / postal_code"),
    **dict.fromkeys(_codes("BD IN ID JP KR NZ PK SG TH TW"), "city postal_code / region"),
    **dict.fromkeys(_codes("BR"), "city region / postal_code"),
    **dict.fromkeys(_codes("IE HU UA RU"), "city / region / postal_code"),
    **dict.fromkeys(_codes("CN"), "city / postal_code region"),
    **dict.fromkeys(_codes("IT ES MX MY"), "postal_code city region"),
}
"""How the place is written under the street, row by row; elsewhere it is as in most of Europe."""
_LOCALITY_ROWS_ELSEWHERE = "postal_code city / region"

_MOST_LINES = 5
_SHAPE_OF = {**dict.fromkeys(map(ord, "0123456789"), "N"), **dict.fromkeys(range(ord("A"), ord("Z") + 1), "A")}
_any_lines = tuple_of(as_line(100), at_least=1)


def as_country(raw: Any) -> str:
    """A country code of ISO 3166-1 alpha-2, in capitals (``address.unknown_country``)."""
    if isinstance(raw, str) and raw in COUNTRIES:
        return raw
    raise InvalidInput.because(
        "address.unknown_country", f"must be a country code of ISO 3166-1 alpha-2, not {repr(raw)[:40]}"
    )


def _as_lines(raw: Any) -> tuple[str, ...]:
    """One to five lines with something on each."""
    lines = _any_lines((raw,) if isinstance(raw, str) else raw)
    problems = Problems()
    for index, line in enumerate(lines):
        if not line.strip():
            problems.add("address.line_empty", "must not be blank", f"[{index}]")
    if len(lines) > _MOST_LINES:
        problems.add("address.too_many_lines", f"must be at most {_MOST_LINES} lines, not {len(lines)}")
    problems.raise_any()
    return lines


@value
class Address:
    """Where something is to be delivered, or to whom an invoice goes.

    ``lines`` is what stands above the town: street and number, building, post-box; one to five of them. ``region`` is a
    state, province or prefecture, as it is written in addresses of the country.

    >>> home = Address("DE", "Torstrasse 1", city="Berlin", postal_code="10119", name="Ada Krull")
    >>> home.one_line()
    'Ada Krull, Torstrasse 1, 10119 Berlin, DE'

    Raises:
        InvalidInput: for all that is amiss: ``address.unknown_country``; then ``address.postal_code_missing``,
            ``address.postal_code_malformed``, ``address.region_missing`` and ``address.city_missing``.
    """

    country: str = checked(as_country)
    lines: tuple[str, ...] = checked(_as_lines, personal=True)
    city: str = checked(as_line(100), default="", personal=True)
    region: str = checked(as_line(100), default="")
    postal_code: str = checked(as_line(20), default="", personal=True)
    name: str = checked(as_line(200), default="", personal=True)
    company: str = checked(as_line(200), default="", personal=True)
    phone: str = checked(as_line(50), default="", personal=True)

    if TYPE_CHECKING:

        def __init__(
            self,
            country: str,
            lines: str | Iterable[str],
            city: str = "",
            region: str = "",
            postal_code: str = "",
            name: str = "",
            company: str = "",
            phone: str = "",
        ) -> None: ...

    def _check(self) -> None:
        problems = Problems()
        _check_postal_code(problems, self.country, self.postal_code)
        if self.country in _REGION_NEEDED and not self.region.strip():
            problems.add("address.region_missing", f"is part of an address in {self.country}", "region")
        if self.country not in _CITY_NOT_NEEDED and not self.city.strip():
            problems.add("address.city_missing", f"is part of an address in {self.country}", "city")
        problems.raise_any()

    def rows(self) -> tuple[str, ...]:
        """The address as it is written on a label, row by row, in the order of its country."""
        head = (self.name, self.company, *self.lines)
        return (*(row for row in head if row), *self._locality(), self.country)

    def block(self) -> str:
        """The address for a label: one row under the other."""
        return "\n".join(self.rows())

    def one_line(self) -> str:
        """The address for a list or a sentence: with commas, on one line."""
        return ", ".join(self.rows())

    def _locality(self) -> tuple[str, ...]:
        pattern = _LOCALITY_ROWS.get(self.country, _LOCALITY_ROWS_ELSEWHERE)
        rows = (" ".join(filter(None, (getattr(self, part) for part in row.split()))) for row in pattern.split("/"))
        return tuple(row for row in rows if row)


def _check_postal_code(problems: Problems, country: str, postal_code: str) -> None:
    shapes = _POSTAL_SHAPES.get(country)
    if shapes is None or postal_code == ERASED:
        return
    if not postal_code.strip():
        problems.add("address.postal_code_missing", f"is part of an address in {country}", "postal_code")
    elif not _fits(postal_code, shapes):
        expected = shapes.replace("|", " or ")
        problems.add(
            "address.postal_code_malformed",
            f"must be written {expected} in {country} (N digit, A letter), not {postal_code!r}",
            "postal_code",
        )


def _fits(postal_code: str, shapes: str) -> bool:
    """Whether a code has one of the shapes, after a country prefix (``LV-``, ``L-``) where that is customary."""
    code = postal_code.upper()
    prefix, _, rest = code.rpartition("-")
    if prefix.isalpha() and not rest.isalpha():
        return f"{prefix}-{rest.translate(_SHAPE_OF)}" in shapes.split("|")
    return code.translate(_SHAPE_OF) in shapes.split("|")


def as_address(raw: Any) -> Address:
    """An address, and nothing else (``address.not_an_address``)."""
    if isinstance(raw, Address):
        return raw
    raise InvalidInput.because("address.not_an_address", f"must be an Address, not {type(raw).__name__}")
