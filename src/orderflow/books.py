"""What is kept of what others did: the facts that an order was told, and the books that it has by them.

Books are a statement of where units are that are under observation, and of what is ordered, by the facts alone.
`orderflow.observations` draws them up, and `orderflow.reconciliation` leads an order's own ledger to them.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from orderflow import facts as told
from orderflow.facts import Despatched, Fact, Invoiced, Paid
from orderflow.ledger import Account, allocated, picked
from orderflow.tracking import Anomaly, Scan
from orderflow.tracking import united as reports_united
from orderflow.values.checked import evolved
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.money import Money, sum_money
from orderflow.values.numbers import EXACT, ZERO
from orderflow.values.record import record

__all__ = ["Books", "Observed", "ObservedParcel", "ObservedShipment", "in_hand_of"]


@record
class ObservedParcel:
    """A parcel that facts tell of: what is in it by now (nothing, where it does not count), and how it is known.

    ``told`` are reports that facts stand for, that it was delivered, and those of its whole shipment.
    """

    id: str
    fulfillment_id: str
    contents: FrozenMap[str, Decimal]
    tracking_number: str = ""
    sscc: str = ""
    weight_kg: Decimal | None = None
    told: tuple[Scan, ...] = ()


@record
class ObservedShipment:
    """What left by one despatch note: its parcels, and who carries them."""

    id: str
    parcel_ids: tuple[str, ...]
    document: str
    location: str = ""
    carrier: str = ""
    service: str = ""
    tracking_number: str = ""
    despatched_at: datetime | None = None


@record
class Books:
    """What others have done with an order, by the facts: the books that it is to have.

    ``in_hand`` and ``returned`` are by account; those of ``returned`` name the parcel out of which units came back.
    """

    ordered: FrozenMap[str, Decimal]
    products: FrozenMap[str, str] = FrozenMap()
    works: FrozenMap[str, str] = FrozenMap()
    parcels: FrozenMap[str, ObservedParcel] = FrozenMap()
    shipments: FrozenMap[str, ObservedShipment] = FrozenMap()
    returned: FrozenMap[str, FrozenMap[str, Decimal]] = FrozenMap()
    cancelled: FrozenMap[str, Decimal] = FrozenMap()
    in_hand: FrozenMap[str, FrozenMap[str, Decimal]] = FrozenMap()
    anomalies: tuple[Anomaly, ...] = ()

    @property
    def each_once(self) -> Books:
        """The same books, with reports in which nothing differs any more told once of each parcel."""
        twice = [one for one in self.parcels.values() if one.told and len(set(one.told)) < len(one.told)]
        if not twice:
            return self
        parcels = {one.id: evolved(one, told=reports_united((), one.told)) for one in twice}
        return evolved(self, parcels=self.parcels.merged(parcels))


@record
class Observed:
    """What an order has of others: every fact that it was told, and the books that it has by them.

    ``adopted`` is what was ordered of each line when observation began; ``scans`` are reports under the number of a
    whole shipment that facts tell of: which parcels they are about, the facts decide. An order that others have
    begun was taken over at ``adopted_at``.
    """

    adopted: FrozenMap[str, Decimal]
    facts: tuple[Fact, ...]
    books: Books
    scans: tuple[Scan, ...] = ()
    adopted_at: datetime | None = None

    @property
    def numbers(self) -> frozenset[str]:
        """The numbers of whole shipments, and the second ones of parcels, of all that was ever told."""
        notes = [fact for fact in self.facts if isinstance(fact, Despatched) and fact.parcels]
        second = (one.sscc for fact in notes for one in fact.parcels if one.tracking_number)
        return frozenset(filter(None, (*(fact.tracking_number for fact in notes), *second)))

    @property
    def invoiced(self) -> dict[str, Decimal]:
        """What others have billed, by line."""
        billed: dict[str, Decimal] = {}
        for fact in told.current(self.facts)[0]:
            for line_id, units in fact.quantities.items() if isinstance(fact, Invoiced) else ():
                billed[line_id] = EXACT.add(billed.get(line_id, ZERO), units)
        return billed

    def amount(self, kind: type[Invoiced | Paid], currency: str) -> Money:
        """What others have billed, or were paid, as far as amounts were told, in the currency of the order."""
        counting = (fact for fact in told.current(self.facts)[0] if isinstance(fact, kind))
        amounts = (fact.amount for fact in counting if fact.amount is not None and fact.amount.currency == currency)
        return sum_money(amounts, currency)


def in_hand_of(books: Books) -> tuple[Account, ...]:
    """The accounts of reservations and picks that facts told of."""
    return tuple(account(work) for work in books.works for account in (allocated, picked))
