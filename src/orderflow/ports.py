"""What orderflow asks of the systems around it, and what they may answer.

Five ports: inventory, pricing, carriers, fulfillers, notifications. Each method takes one request value and returns one
reply value, in a plain or an ``async`` form. Two kinds of request:

*Effects* (claim stock, issue and receive stock, book, void, put work, send) carry an idempotency ``key`` made of
tenant, order, purpose and generation; the same key always carries the same body, because the intention was written down
whole before it was asked for. A *claim* is a PUT under one key with rising revisions: an older revision than the newest
seen is ignored and answered with what is held, and zero releases (and fences a key never seen). The *work* of a
fulfiller is a PUT in the same manner. *Queries* (levels, rates, quote, tracking) have no key and may be asked again.

A port raises `PortUnavailable` (try again later; any unknown exception counts as that) or `PortRefused` (a business
answer: no), or returns `Deferred` (the answer will come). What a port can do about repeated effects it declares:
see `Repeats`.
"""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

import attrs

from orderflow.charges import Adjustment, Amounts, TaxGroup
from orderflow.errors import InvalidInput
from orderflow.order import Booking, Goods
from orderflow.tracking import Scan
from orderflow.values.address import Address
from orderflow.values.checked import PERSONAL
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.money import Money
from orderflow.values.party import Party
from orderflow.values.record import record

__all__ = [
    "EFFECTS",
    "REPLIES",
    "REQUESTS",
    "BookCarrier",
    "BookReturn",
    "Booked",
    "CarrierPort",
    "ClaimStock",
    "Deferred",
    "FulfillerPort",
    "GaveUp",
    "InventoryPort",
    "IssueLine",
    "IssueStock",
    "Issued",
    "Level",
    "Levels",
    "NotificationPort",
    "ParcelBody",
    "PricingPort",
    "PutWork",
    "QueryLevels",
    "QueryRates",
    "QueryTracking",
    "Quote",
    "QuoteLine",
    "QuotePrices",
    "QuotedLine",
    "Rate",
    "Rates",
    "ReceiveLine",
    "ReceiveStock",
    "Received",
    "Refused",
    "Repeats",
    "Reply",
    "Request",
    "Scans",
    "SendMessage",
    "Sent",
    "StockHeld",
    "TellOrders",
    "Told",
    "TrackReturn",
    "VoidBooking",
    "VoidReturn",
    "Voided",
    "WorkAccepted",
    "WorkLine",
]


class Repeats(StrEnum):
    """What a port does when the same effect is asked for twice, as it will be after a crash.

    ``deduplicates``: it remembers keys and answers a repeated one as the first time. ``looks_up``: it does not, but its
    ``lookup(request)`` finds what was done under a key, and is asked before each effect. ``neither`` (plain SMTP): an
    effect happens at least once, and in the rare crash between the call and its record twice.
    """

    DEDUPLICATES = "deduplicates"
    LOOKS_UP = "looks_up"
    NEITHER = "neither"


# -- requests ----------------------------------------------------------------------------------------------------------


@record
class Request:
    """Something wanted from outside. ``id`` names it within its order, also between attempts."""

    TAG: ClassVar[str] = ""
    PORT: ClassVar[tuple[str, str]] = ("", "")

    order_id: str
    id: str


@record
class ClaimStock(Request):
    """PUT: hold ``quantity`` units of a product for a line, counting those already issued under this claim."""

    TAG = "claim_stock"
    PORT = ("inventory", "claim")

    key: str
    claim_id: str
    revision: int
    sku: str
    unit: str
    quantity: Decimal
    location: str = ""


@record
class IssueLine:
    """Units of a product that left a location, and the claim they were held under."""

    claim_key: str
    sku: str
    unit: str
    quantity: Decimal


@record
class IssueStock(Request):
    """Goods issue: these units have left the location; they are no longer on hand, nor held."""

    TAG = "issue_stock"
    PORT = ("inventory", "issue")

    key: str
    location: str
    lines: tuple[IssueLine, ...]


@record
class ReceiveLine:
    """Units of a product that came back and go on the shelf again, and what was read off them."""

    sku: str
    unit: str
    quantity: Decimal
    lot: str = ""
    serials: tuple[str, ...] = ()
    expires_on: date | None = None
    measured: Decimal | None = None


@record
class ReceiveStock(Request):
    """Goods receipt: these units are on hand again at a location, and held for nobody."""

    TAG = "receive_stock"
    PORT = ("inventory", "receive")

    key: str
    location: str
    lines: tuple[ReceiveLine, ...]


@record
class QueryLevels(Request):
    """How much of some products is available where."""

    TAG = "query_levels"
    PORT = ("inventory", "levels")

    skus: tuple[str, ...]


@record
class QuoteLine:
    """Units of a product to be priced; ``already`` counts units of the line priced before (for quantity breaks).

    ``stated`` is the unit price that the customer stated. Goods that are priced by what they measure come with what
    these units are estimated to ``measure``, and the unit of that.
    """

    line_id: str
    sku: str
    unit: str
    quantity: Decimal
    already: Decimal = Decimal(0)
    stated: Money | None = None
    measure: Decimal | None = None
    measure_unit: str = ""


@record
class QuotePrices(Request):
    """What do these units cost this customer, tax included or added as the price list has it.

    ``shipping_charged`` says that an earlier quote is in force, with what is charged once per order.
    """

    TAG = "quote_prices"
    PORT = ("pricing", "quote")

    currency: str
    customer: Party | None
    ship_to: Address | None
    lines: tuple[QuoteLine, ...]
    shipping_charged: bool = False


@record
class ParcelBody:
    """A parcel as a carrier needs to know it."""

    parcel_id: str
    weight_kg: Decimal | None
    dimensions_cm: tuple[Decimal, Decimal, Decimal] | None
    contents: tuple[Goods, ...]
    sscc: str = ""


@record
class QueryRates(Request):
    """What would carriers charge, and when would they deliver."""

    TAG = "query_rates"
    PORT = ("carriers", "rates")

    shipment_id: str
    location: str
    ship_to: Address | None
    parcels: tuple[ParcelBody, ...]


@record
class BookCarrier(Request):
    """Book a carrier's service for parcels. The whole body was frozen when the booking was decided.

    ``collect`` is what the carrier is to collect from whoever receives them, all of them together (cash on delivery).
    """

    TAG = "book_carrier"
    PORT = ("carriers", "book")

    key: str
    shipment_id: str
    generation: int
    carrier: str
    service: str
    location: str
    ship_to: Address | None
    parcels: tuple[ParcelBody, ...]
    reference: str = ""
    collect: Money | None = None


@record
class BookReturn(BookCarrier):
    """Book a carrier's service the other way round: what a return label needs.

    The parcels go from ``ship_from``, where the customer is, to ``location``, which is ours; there is no ``ship_to``.
    """

    TAG = "book_return"
    PORT = ("carriers", "book")

    ship_from: Address | None = None


@record
class VoidBooking(Request):
    """Cancel a booking; the carrier may refuse, for instance because it has the parcels."""

    TAG = "void_booking"
    PORT = ("carriers", "void")

    key: str
    shipment_id: str
    number: str


@record
class VoidReturn(VoidBooking):
    """Cancel the booking of a return label that nobody is going to use."""

    TAG = "void_return"
    PORT = ("carriers", "void")


@record
class QueryTracking(Request):
    """What has the carrier seen of these parcels."""

    TAG = "query_tracking"
    PORT = ("carriers", "track")

    shipment_id: str
    tracking_numbers: tuple[str, ...]


@record
class TellOrders(Request):
    """Other orders are to hear that the booking of a box in which they have goods was voided for all.

    No system of the host's is asked: the runtime gives each of them a `RecordVoid`. Who drives orders without it does.
    """

    TAG = "tell_orders"
    PORT = ("orders", "tell")

    shipment_id: str
    number: str
    order_ids: tuple[str, ...]


@record
class TrackReturn(QueryTracking):
    """What has the carrier seen of a parcel that comes back."""

    TAG = "track_return"
    PORT = ("carriers", "track")


@record
class SendMessage(Request):
    """Tell someone something, through a channel, in a locale. ``body`` is data for the template of its kind."""

    TAG = "send_message"
    PORT = ("notifications", "send")

    key: str
    message_id: str
    kind: str
    channel: str
    to: str = attrs.field(metadata=PERSONAL)
    locale: str
    body: FrozenMap[str, str] = attrs.field(metadata=PERSONAL)


@record
class WorkLine:
    """Units of a line that a fulfiller is to send; ``ship_to`` only where the line goes elsewhere than the work."""

    line_id: str
    sku: str
    unit: str
    quantity: Decimal
    ship_to: Address | None = None
    carrier: str = ""
    service: str = ""
    instructions: tuple[str, ...] = attrs.field(default=(), metadata=PERSONAL)


@record
class PutWork(Request):
    """PUT: pick, pack and send these units from a location of yours, counting those of this work that have left.

    Revision 1 submits the work; a higher one has smaller quantities, and zero cancels what has not been packed.
    """

    TAG = "put_work"
    PORT = ("fulfillers", "put")

    key: str
    fulfillment_id: str
    revision: int
    fulfiller: str
    location: str
    lines: tuple[WorkLine, ...]
    ship_to: Address | None = None
    instructions: tuple[str, ...] = attrs.field(default=(), metadata=PERSONAL)
    reference: str = ""


# -- replies -----------------------------------------------------------------------------------------------------------


@record
class StockHeld:
    """What is held under a claim after ``revision``, counted like the wanted quantity; possibly less, for a time."""

    TAG: ClassVar[str] = "stock_held"

    revision: int
    held: Decimal
    location: str = ""
    held_until: datetime | None = None


@record
class Issued:
    """The goods issue is in the books."""

    TAG: ClassVar[str] = "issued"


@record
class Received:
    """The goods receipt is in the books."""

    TAG: ClassVar[str] = "received"


@record
class Level:
    """Units of a product at a location: on hand, and of these not held for anyone."""

    sku: str
    location: str
    on_hand: Decimal
    available: Decimal


@record
class Levels:
    """How much is where."""

    TAG: ClassVar[str] = "levels"

    levels: tuple[Level, ...]


@record
class QuotedLine:
    """The price of some units: per unit, and the unrounded components for all of them.

    ``adjustments`` name what discount, charges and shipping consist of: of those kinds that are named, they sum to the
    component. ``tax_included`` says that prices are shown with tax, so that the sum is what must be paid to the cent.
    ``measure`` is what the amounts are for, where the goods are priced by what they measure.
    """

    line_id: str
    quantity: Decimal
    unit_price: Money
    amounts: Amounts
    base_quantity: Decimal = Decimal(1)
    adjustments: tuple[Adjustment, ...] = ()
    tax_group: TaxGroup | None = None
    tax_included: bool = False
    measure: Decimal | None = None


@record
class Quote:
    """The price of what was asked; ``adjustments`` are for the order as a whole, and are shared out over its lines."""

    TAG: ClassVar[str] = "quote"

    lines: tuple[QuotedLine, ...]
    adjustments: tuple[Adjustment, ...] = ()


@record
class Rate:
    """What one service would cost, and the day it would deliver."""

    carrier: str
    service: str
    cost: Money
    estimate: date | None = None


@record
class Rates:
    """What carriers would charge."""

    TAG: ClassVar[str] = "rates"

    rates: tuple[Rate, ...]


@record
class Booked:
    """The carrier took the booking; ``tracking_numbers`` is by parcel, where parcels have their own."""

    TAG: ClassVar[str] = "booked"

    booking: Booking
    tracking_numbers: FrozenMap[str, str] = attrs.field(factory=FrozenMap)


@record
class Voided:
    """The booking is void."""

    TAG: ClassVar[str] = "voided"


@record
class Told:
    """The other orders have heard of it."""

    TAG: ClassVar[str] = "told"


@record
class WorkAccepted:
    """What a fulfiller will do after ``revision``, by line, counted like the wanted quantity: what has left included.

    Less than was wanted: the rest is declined. More: it was packed already, and will be sent.
    """

    TAG: ClassVar[str] = "work_accepted"

    revision: int
    quantities: FrozenMap[str, Decimal]


@record
class Scans:
    """What the carrier has seen."""

    TAG: ClassVar[str] = "scans"

    scans: tuple[Scan, ...]


@record
class Sent:
    """The message is on its way; ``receipt`` is the provider's own id."""

    TAG: ClassVar[str] = "sent"

    receipt: str = attrs.field(default="", metadata=PERSONAL)


@record
class Refused:
    """A business answer: no, and why. Asking again will not help."""

    TAG: ClassVar[str] = "refused"

    code: str
    message: str = attrs.field(default="", metadata=PERSONAL)


@record
class Deferred:
    """The answer will come under ``ticket``; ask again after ``ask_after``; after ``give_up_at`` it is a failure."""

    TAG: ClassVar[str] = "deferred"

    ticket: str
    ask_after: datetime
    give_up_at: datetime

    def __attrs_post_init__(self) -> None:
        for name in ("ask_after", "give_up_at"):
            moment = getattr(self, name)
            if not isinstance(moment, datetime) or moment.utcoffset() is None:
                raise InvalidInput.because("time.naive", "must be a datetime with a zone", name)


@record
class GaveUp:
    """The final failure: no answer after all attempts, or none in time."""

    TAG: ClassVar[str] = "gave_up"

    attempts: int
    reason: str = attrs.field(default="", metadata=PERSONAL)


Reply: TypeAlias = (
    StockHeld
    | Issued
    | Received
    | Levels
    | Quote
    | Rates
    | Booked
    | Voided
    | Told
    | WorkAccepted
    | Scans
    | Sent
    | Refused
    | Deferred
    | GaveUp
)

REQUESTS: tuple[type[Request], ...] = (
    ClaimStock,
    IssueStock,
    ReceiveStock,
    QueryLevels,
    QuotePrices,
    QueryRates,
    BookCarrier,
    VoidBooking,
    BookReturn,
    VoidReturn,
    TrackReturn,
    TellOrders,
    PutWork,
    QueryTracking,
    SendMessage,
)
REPLIES: tuple[type[Any], ...] = (
    StockHeld,
    Issued,
    Received,
    Levels,
    Quote,
    Rates,
    Booked,
    Voided,
    Told,
    WorkAccepted,
    Scans,
    Sent,
    Refused,
    Deferred,
    GaveUp,
)
#: The requests that change something outside, and so carry a key.
EFFECTS: frozenset[type[Request]] = frozenset(
    {ClaimStock, IssueStock, ReceiveStock, BookCarrier, VoidBooking, BookReturn, VoidReturn, PutWork, SendMessage}
)


# -- ports -------------------------------------------------------------------------------------------------------------


@runtime_checkable
class InventoryPort(Protocol):
    """The system that owns the truth about stock. A reservation, not a look at levels, decides."""

    def claim(self, request: ClaimStock) -> StockHeld | Deferred | Awaitable[StockHeld | Deferred]:
        """Put the wanted quantity of a claim, and say what is held."""
        ...

    def issue(self, request: IssueStock) -> Issued | Deferred | Awaitable[Issued | Deferred]:
        """Book goods out: they have left."""
        ...

    def receive(self, request: ReceiveStock) -> Received | Deferred | Awaitable[Received | Deferred]:
        """Book goods in that came back: they are on hand again."""
        ...

    def levels(self, request: QueryLevels) -> Levels | Awaitable[Levels]:
        """Say how much is where."""
        ...


@runtime_checkable
class PricingPort(Protocol):
    """The system that knows prices and taxes."""

    def quote(self, request: QuotePrices) -> Quote | Deferred | Awaitable[Quote | Deferred]:
        """Price the units asked for."""
        ...


@runtime_checkable
class CarrierPort(Protocol):
    """The carriers, through one door."""

    def rates(self, request: QueryRates) -> Rates | Deferred | Awaitable[Rates | Deferred]:
        """Say what services would cost."""
        ...

    def book(self, request: BookCarrier) -> Booked | Deferred | Awaitable[Booked | Deferred]:
        """Book a service for parcels; a `BookReturn` goes from the customer to us."""
        ...

    def void(self, request: VoidBooking) -> Voided | Deferred | Awaitable[Voided | Deferred]:
        """Cancel a booking."""
        ...

    def track(self, request: QueryTracking) -> Scans | Awaitable[Scans]:
        """Say what was seen of parcels."""
        ...


@runtime_checkable
class FulfillerPort(Protocol):
    """Whoever picks, packs and sends at locations that are not ours: third-party logistics, a marketplace, a shop."""

    def put(self, request: PutWork) -> WorkAccepted | Deferred | Awaitable[WorkAccepted | Deferred]:
        """Put the wanted quantities of a work, and say what will be done."""
        ...


@runtime_checkable
class NotificationPort(Protocol):
    """Whatever brings messages to people: mail, text messages, push."""

    def send(self, request: SendMessage) -> Sent | Deferred | Awaitable[Sent | Deferred]:
        """Send one message."""
        ...
