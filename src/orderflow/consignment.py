"""What parcels travel as: the label on them, the legs of their way, and boxes that several orders share.

One booking may be carried by several carriers in turn, each under a number of its own: its *legs*. A parcel has arrived
when the last leg says so; what an earlier carrier calls delivered was handed over to the next.

A *shared box* holds goods of several orders under one booking. Each order knows the whole box by the same id, so that
whichever of them asks the carrier first, all of them ask for the same thing in the same words, and there is one
booking. Its freight is shared out over the orders, to the last cent.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from orderflow.errors import InvalidInput, Problems
from orderflow.values.address import Address, as_address
from orderflow.values.checked import PERSONAL, checked, optional, tuple_of, value
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_sscc
from orderflow.values.money import Money, split
from orderflow.values.numbers import as_positive
from orderflow.values.record import record

__all__ = ["Label", "Leg", "SharedBox", "as_dimensions", "as_shared_box"]


@record
class Label:
    """What is stuck on the parcels: its data (base64, where it is no text) in a format (``PDF``, ``ZPL``), or its url.

    It names the recipient, so it is personal data.
    """

    data: str = attrs.field(default="", metadata=PERSONAL)
    format: str = ""
    url: str = attrs.field(default="", metadata=PERSONAL)


@record
class Leg:
    """A part of the way, by one carrier under its own tracking number, from one place to another."""

    carrier: str
    tracking_number: str
    origin: str = attrs.field(default="", metadata=PERSONAL)
    destination: str = attrs.field(default="", metadata=PERSONAL)


def as_dimensions(raw: Any) -> tuple[Decimal, Decimal, Decimal]:
    """Length, width and height in cm (``packing.not_three_sides``)."""
    sides = tuple_of(as_positive)(raw)
    if len(sides) != 3:
        raise InvalidInput.because("packing.not_three_sides", "must be length, width and height in cm")
    return (sides[0], sides[1], sides[2])


def _as_box_id(raw: Any) -> str:
    """An id that is nobody's ordinal: shipments of one order are called S1, S2, ..."""
    box_id = as_id(raw)
    if box_id[0] == "S" and box_id[1:].isdigit():
        raise InvalidInput.because("shipping.shared_id_reserved", "is the name of a shipment of one order")
    return box_id


def _as_shares(raw: Any) -> FrozenMap[str, Decimal]:
    """By order, how much of the box is its own, in whatever measure: in the order of the ids, whoever says it."""
    if not isinstance(raw, Mapping) or not raw:
        raise InvalidInput.because("shipping.no_shares", "must map order ids to their shares of the box")
    problems = Problems()
    found: dict[str, Decimal] = {}
    for order_id in sorted(raw, key=str):
        share = problems.attempt(f"[{order_id}]", as_positive, raw[order_id])
        if share is not None:
            found[as_id(order_id)] = share
    problems.raise_any()
    return FrozenMap(found)


@value
class SharedBox:
    """A box with goods of several orders, as each of them knows it: the same words in every order.

    ``id`` is the box's own, and used for one booking; ``weight_kg`` is that of the whole box. ``shares`` says what part
    of it is whose, by order id: kilograms, or whatever the freight is to be shared by. ``ship_to`` is where the box
    goes, if not to the address that the orders have in common.
    """

    id: str = checked(_as_box_id)
    weight_kg: Decimal = checked(as_positive)
    shares: FrozenMap[str, Decimal] = checked(_as_shares)
    sscc: str = checked(as_sscc, default="")
    dimensions_cm: tuple[Decimal, Decimal, Decimal] | None = checked(optional(as_dimensions), default=None)
    ship_to: Address | None = checked(optional(as_address), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            id: str,
            weight_kg: Decimal | int | str,
            shares: Mapping[str, Decimal | int | str],
            sscc: str = "",
            dimensions_cm: tuple[Decimal | int | str, Decimal | int | str, Decimal | int | str] | None = None,
            ship_to: Address | None = None,
        ) -> None: ...

    def part_of(self, order_id: str, freight: Money) -> Money:
        """What an order bears of the freight; the parts of all orders sum to it.

        >>> box = SharedBox("BOX-7", "8.2", {"A": "5.1", "B": "3.1"})
        >>> str(box.part_of("A", Money("6.40", "EUR"))), str(box.part_of("B", Money("6.40", "EUR")))
        ('3.98 EUR', '2.42 EUR')
        """
        exponent = freight.amount.normalize().as_tuple().exponent
        assert isinstance(exponent, int)
        parts = split(freight, tuple(self.shares.values()), max(freight.digits, -exponent))
        return parts[list(self.shares).index(order_id)]


def as_shared_box(raw: Any) -> SharedBox:
    """A `SharedBox`, and nothing else (``shipping.not_a_shared_box``)."""
    if not isinstance(raw, SharedBox):
        raise InvalidInput.because("shipping.not_a_shared_box", f"must be a SharedBox, not {type(raw).__name__}")
    return raw
