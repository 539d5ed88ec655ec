"""The parts of an order: its lines and what has become of them, each a frozen record.

Terms and lines as the customer gave them; claims, fulfillments, parcels and shipments as the work goes on; holds,
cases, messages, and what others were asked. A part says what it is and answers about itself; how the parts hang
together, the order knows (`orderflow.order`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

import attrs

from orderflow.consignment import Label, Leg, SharedBox
from orderflow.errors import InvalidInput
from orderflow.ledger import (
    Move,
)
from orderflow.messages import Actor, Command
from orderflow.tracking import Scan, Tracking, TrackingStatus, fold, united
from orderflow.values.address import Address
from orderflow.values.checked import PERSONAL, checked, evolved, optional, value
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id, as_text
from orderflow.values.money import Money, as_money
from orderflow.values.numbers import EXACT, ratio_cut, total
from orderflow.values.quantity import as_amount
from orderflow.values.record import field_names, record
from orderflow.values.times import Window, as_day

__all__ = [
    "Answer",
    "Booking",
    "Cancellation",
    "Case",
    "Choice",
    "Claim",
    "Confirmation",
    "ConfirmedLine",
    "Deferral",
    "DespatchAdvice",
    "Frozen",
    "Fulfillment",
    "Goods",
    "Handover",
    "Hold",
    "Line",
    "Message",
    "Origin",
    "Parcel",
    "Proposal",
    "Reason",
    "Redirection",
    "Search",
    "Shipment",
    "Status",
    "Terms",
    "Tolerance",
    "Waiver",
    "Work",
]

R = TypeVar("R", bound="Frozen")
_ZERO = Decimal(0)


class Frozen:
    """A frozen record with a fast way to the next one.

    A record lives in its ``__dict__``, so that the next one is a copied dictionary with a few entries changed, however
    many fields there are. What was worked out about a record may be remembered beside it, in `remembered`; it is never
    part of the record, nor taken over by the next one.
    """

    def replace(self: R, **changes: Any) -> R:
        """This record with some fields changed."""
        made: R = object.__new__(type(self))
        fields = made.__dict__
        fields.update(self.__dict__)
        fields.pop("_remembered", None)
        fields.update(changes)
        return made

    @property
    def remembered(self) -> dict[Any, Any]:
        """What was worked out about this very record, by whoever worked it out."""
        memory: dict[Any, Any] | None = self.__dict__.get("_remembered")
        if memory is None:
            memory = self.__dict__["_remembered"] = {}
        return memory


@record
class Terms:
    """Under which terms goods are to be delivered: those of a line, or of the order for lines that say nothing.

    ``deliver_by`` and ``not_before`` are calendar days in ``zone``, where the customer is. ``method`` is ``carrier``,
    ``pick_up`` (the customer collects), ``digital`` (nothing to carry) or ``supplier`` (a supplier of ours ships, from
    its own stock). ``complete`` says what leaves together or not at all: ``order``, ``line``,
    or the name of a group of lines; nothing, or ``no``, is as available.
    """

    deliver_by: date | None = None
    window: Window | None = None
    not_before: date | None = None
    zone: str | None = None
    ship_to: Address | None = None
    service: str | None = None
    carrier: str | None = None
    method: str | None = None
    supplier: str | None = None
    complete: str | None = None

    def over(self, base: Terms) -> Terms:
        """These terms, with what they leave open taken from ``base``."""
        if self == _NO_TERMS:
            return base
        mine = {name: held for name in _TERM_NAMES if (held := getattr(self, name)) is not None}
        return evolved(base, **mine)


_NO_TERMS = Terms()
_TERM_NAMES = field_names(Terms)


@record
class Origin:
    """Where a line comes from when the customer did not order it so: substitute, replacement, exchange, component."""

    kind: Literal["ordered", "substitute_for", "replacement_of", "exchange_for", "component_of"] = "ordered"
    line_id: str | None = None


@record
class Tolerance:
    """By how many per cent of what was ordered a delivery may fall short of it, or go beyond it, and still be it."""

    under: Decimal = _ZERO
    over: Decimal = _ZERO


_EXACTLY = Tolerance()
_ONE = Decimal(1)


@record(slots=False)
class Line(Frozen):
    """A row of the order. How many units it has, and where they are, the ledger says.

    Goods that are handled in pieces and priced by what they weigh, say, have a ``measure_unit``, and an
    ``estimated_measure`` for so many units (``estimated_for``). ``customer_reference`` is the customer's own number
    for the row.
    """

    id: str
    sku: str
    unit: str = "each"
    stated_price: Money | None = None
    terms: Terms = _NO_TERMS
    instructions: tuple[str, ...] = attrs.field(default=(), metadata=PERSONAL)
    requirements: tuple[str, ...] = ()
    origin: Origin = attrs.field(factory=Origin)
    tolerance: Tolerance = _EXACTLY
    measure_unit: str = ""
    estimated_measure: Decimal | None = None
    estimated_for: Decimal = Decimal(1)
    stated_per: Decimal = _ONE
    stated_with_tax: bool | None = None
    customer_reference: str = attrs.field(default="", metadata=PERSONAL)

    def estimate(self, units: Decimal) -> Decimal | None:
        """What so many units are expected to measure; ``None`` where goods are not priced by that.

        It is cut after a dozen places where it does not end: an estimate is not a reading.
        """
        if self.estimated_measure is None:
            return None
        return ratio_cut(EXACT.multiply(self.estimated_measure, units), self.estimated_for)

    def standing_in(self, line_id: str, sku: str) -> Line:
        """Another product in the place of this one."""
        origin = Origin("substitute_for", self.id)
        return self.replace(id=line_id, sku=sku, stated_price=None, origin=origin)

    @property
    def is_free(self) -> bool:
        """Whether it was paid for with another line: a replacement is never priced."""
        return self.origin.kind == "replacement_of"


@record
class Goods:
    """Units of one line as they are handled: how many, and what was read off them.

    ``measured`` is a weight or length that prices; it never enters the conservation of units.
    """

    line_id: str
    quantity: Decimal
    measured: Decimal | None = None
    lot: str = ""
    serials: tuple[str, ...] = ()
    expires_on: date | None = None

    @property
    def was_read(self) -> bool:
        """Whether more is known of these units than how many they are."""
        return bool(self.lot or self.serials) or self.measured is not None or self.expires_on is not None

    def part(self, quantity: Decimal) -> Goods:
        """So many of these units; what they measure is known of all of them together only."""
        if quantity == self.quantity:
            return self
        return evolved(self, quantity=quantity, measured=None, serials=self.serials[: int(quantity)])


@record(slots=False)
class Claim(Frozen):
    """Stock that we want held for a line, and what is known to be held. It converges: wanted is put until confirmed.

    ``wanted`` counts all units ever wanted under this claim, issued ones included; ``held`` is what the inventory
    system confirmed for ``confirmed`` (a revision), in the same counting. ``could_hold`` is the most that may be held
    by now, for all that we know: answers may have been lost. ``missed`` are units that are held by the books and cannot
    be had: they were not on the shelf, or the location is not to send them.
    """

    id: str
    line_id: str
    wanted: Decimal
    revision: int
    confirmed: int = 0
    held: Decimal = _ZERO
    location: str = ""
    could_hold: Decimal = _ZERO
    held_since: datetime | None = None
    held_until: datetime | None = None
    refusal: str = ""
    missed: Decimal = _ZERO

    @property
    def to_be_had(self) -> Decimal:
        """Units held that can indeed be had."""
        return EXACT.subtract(self.held, self.missed) if self.missed else self.held

    @property
    def is_settled(self) -> bool:
        """Whether the answer to the latest revision is known."""
        return self.confirmed == self.revision


@record
class Search:
    """How far the search for the units of a line went that the locations asked so far did not have.

    ``refused`` are the locations that had less than they were asked for, or less than they said. ``asking`` while the
    levels of all locations are awaited, under a ``number`` that only rises in an order; ``exhausted`` when there is
    nowhere left to ask. ``preferred`` is the location that someone named.
    """

    rounds: int = 0
    refused: tuple[str, ...] = ()
    asking: bool = False
    exhausted: bool = False
    preferred: str = ""
    number: int = 0


@record(slots=False)
class Fulfillment(Frozen):
    """The work of one location for this order.

    ``claims`` says by line under which claim its units are held. ``taken`` is what was read off the goods that were
    picked: those with a lot, serials, an expiry or a measure. ``ready_at`` is when what the customer collects was all
    there.
    """

    id: str
    location: str
    state: str
    planned: FrozenMap[str, Decimal]
    claims: FrozenMap[str, str] = attrs.field(factory=FrozenMap)
    taken: tuple[Goods, ...] = ()
    ready_at: datetime | None = None


@record
class Choice:
    """What was chosen about a problem of a parcel: it stands until a later report brings the problem up anew.

    ``since`` is the moment of the report that the problem began with. ``until`` is for how long we wait, at most.
    """

    option: str
    since: datetime
    until: datetime | None = None


@record(slots=False)
class Parcel(Frozen):
    """A handling unit: contents, weight, dimensions, and where it is on its way.

    Where it went wrong on the way: ``attempts`` and ``delays`` were told of so far, ``given_up`` is the code of the
    problem for which nobody counts on its arrival any more, ``replacements`` and ``credited`` say by line which lines
    replace its units and how many of them were credited, ``choices`` what was chosen about its other problems.
    ``earlier_legs`` are the numbers under which carriers bring it who do not bring it to the door. ``told`` is what
    others say of its way (`orderflow.facts.Delivered`): it counts like a carrier's report, and may be taken back.

    ``of_other_works`` are the units in it that are of other works than its own, by work and line, where a fulfiller has
    packed several into one parcel.
    """

    id: str
    fulfillment_id: str
    state: str
    contents: tuple[Goods, ...]
    weight_kg: Decimal | None = None
    dimensions_cm: tuple[Decimal, Decimal, Decimal] | None = None
    sscc: str = ""
    tracking_number: str = ""
    scans: tuple[Scan, ...] = ()
    tracking: Tracking = attrs.field(factory=Tracking)
    estimate: date | None = None
    attempts: int = 0
    delays: int = 0
    is_damaged: bool = False
    given_up: str = ""
    replacements: FrozenMap[str, tuple[str, ...]] = attrs.field(factory=FrozenMap)
    credited: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    choices: FrozenMap[str, Choice] = attrs.field(factory=FrozenMap)
    earlier_legs: tuple[str, ...] = ()
    told: tuple[Scan, ...] = ()
    of_other_works: FrozenMap[str, FrozenMap[str, Decimal]] = attrs.field(factory=FrozenMap)

    @property
    def is_reported(self) -> bool:
        """Whether anything at all is known of its way: by a carrier, or by somebody who says that it arrived."""
        return bool(self.scans or self.told)

    @property
    def reports(self) -> tuple[Scan, ...]:
        """Everything that is known of its way, in order."""
        return united(self.scans, self.told)

    def measure_of(self, line_id: str, units: Decimal) -> Decimal | None:
        """What units of a line in this parcel measure, by what was read when they were packed, if all was."""
        goods = [some for some in self.contents if some.line_id == line_id]
        readings = [some.measured for some in goods if some.measured is not None]
        if not goods or len(readings) < len(goods):
            return None
        packed_units, measure = total(some.quantity for some in goods), total(readings)
        return measure if units == packed_units else ratio_cut(EXACT.multiply(measure, units), packed_units)

    def with_scans(self, scans: tuple[Scan, ...]) -> Parcel:
        """This parcel with another set of reports, and what they amount to."""
        known = united(scans, self.told)
        meant = map(self._of_its_leg, known) if self.earlier_legs else known
        return self.replace(scans=scans, tracking=fold(meant))

    def _of_its_leg(self, scan: Scan) -> Scan:
        """What a carrier calls delivered who hands over to the next is on its way still."""
        if scan.status is TrackingStatus.DELIVERED and scan.tracking_number in self.earlier_legs:
            return evolved(scan, status=TrackingStatus.IN_TRANSIT, reason=scan.reason or "handed_over")
        return scan


@record
class Booking:
    """What a carrier agreed to: its number, the master tracking number, label, cost, the day it believes in.

    ``legs`` are the parts of the way where several carriers bring the parcels in turn; the last one delivers.
    """

    number: str
    carrier: str
    service: str
    tracking_number: str
    label: Label = attrs.field(factory=Label)
    cost: Money | None = None
    estimate: date | None = None
    legs: tuple[Leg, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """What all parcels of the booking are tracked by: the master number, and that of each leg."""
        return tuple(dict.fromkeys(filter(None, (self.tracking_number, *(leg.tracking_number for leg in self.legs)))))

    @property
    def earlier_legs(self) -> tuple[str, ...]:
        """The numbers of legs that end with a hand-over to the next carrier."""
        if not self.legs:
            return ()
        last = self.legs[-1].tracking_number
        return tuple(leg.tracking_number for leg in self.legs[:-1] if leg.tracking_number not in ("", last))


_NOTHING_CAME_OF_IT = frozenset({"refused", "withdrawn", "voided", "void_declined", "left_box"})
_WITH_A_CARRIER = frozenset({"requested", "booked", "void_wanted"})


@record(slots=False)
class Shipment(Frozen):
    """Parcels under one booking.

    ``stage`` says how far the booking is: ``planned`` (no carrier chosen), ``requested`` (asked, no answer),
    ``refused``, ``booked``, ``void_wanted``, ``void_declined`` (unwanted, and the carrier will not void it),
    ``voided``, ``withdrawn`` (given up before it was asked for), ``despatched``. ``request`` is the whole body of what
    was asked, frozen; ``generation`` counts bodies. ``unwanted`` is a booking that came after nobody waited for it any
    more, and is to be voided. ``numbers`` are all that it was ever tracked by. ``shared`` is the box, where other
    orders have goods in it; ``left_box`` says that this order's were taken out of it, ``others_know`` that those have
    heard that the booking is void.
    """

    id: str
    parcel_ids: tuple[str, ...]
    location: str
    ship_to: Address | None
    carrier: str = ""
    service: str = ""
    stage: str = "planned"
    generation: int = 0
    request: Any = None
    booking: Booking | None = None
    void_generation: int = 0
    despatched_at: datetime | None = None
    issue: Any = None
    issued: bool = False
    unwanted: bool = False
    numbers: tuple[str, ...] = ()
    shared: SharedBox | None = None
    others_know: bool = False

    @property
    def label(self) -> Label | None:
        """The label for its parcels, once they are booked."""
        return self.booking.label if self.booking is not None else None

    @property
    def is_live(self) -> bool:
        """Whether parcels travel, or are to travel, under this shipment; others came to nothing."""
        return not self.unwanted and self.stage not in _NOTHING_CAME_OF_IT

    @property
    def is_outstanding(self) -> bool:
        """Whether a carrier has a booking of it, or may have, and the parcels have not left."""
        return self.stage in _WITH_A_CARRIER


@record(slots=False)
class Handover(Frozen):
    """Goods that reached the customer without a carrier: collected (``pick_up``), or sent as data (``digital``).

    ``moves`` are the units; ``issue`` is what the inventory is to be told, where they left our stock.
    """

    id: str
    method: str
    moves: tuple[Move, ...]
    at: datetime
    fulfillment_id: str = ""
    parcel_ids: tuple[str, ...] = ()
    taken_by: str = attrs.field(default="", metadata=PERSONAL)
    proof: str = attrs.field(default="", metadata=PERSONAL)
    issue: Any = None
    issued: bool = False


@record(slots=False)
class Message(Frozen):
    """Something that someone is to be told: ``queued``, ``sent``, ``failed`` or ``superseded``; its body is frozen.

    ``recipient`` says which party of the order it is for. After ``send_before`` it is not worth sending any more. What
    was not to be told at all is kept as ``withheld``, with the reason, so that it is not told later either.
    """

    id: str
    kind: str
    subject: str
    channel: str
    to: str = attrs.field(metadata=PERSONAL)
    locale: str
    body: FrozenMap[str, str] = attrs.field(metadata=PERSONAL)
    state: str = "queued"
    failure: str = attrs.field(default="", metadata=PERSONAL)
    recipient: str = "customer"
    send_before: datetime | None = None


@record(slots=False)
class Hold(Frozen):
    """A reasoned blocker: what it is about (the order, a fulfillment, a parcel), which steps it blocks, until when.

    A hold that a rule placed names the rule and a digest of the facts it was about.
    """

    id: str
    code: str
    scope: str = ""
    blocks: tuple[str, ...] = ()
    note: str = attrs.field(default="", metadata=PERSONAL)
    placed_at: datetime | None = None
    expires_at: datetime | None = None
    released_at: datetime | None = None
    facts: str = attrs.field(default="", metadata=PERSONAL)

    @property
    def is_active(self) -> bool:
        """Whether the hold still blocks."""
        return self.released_at is None


@record
class Waiver:
    """A rule's objection that a person has seen and released: it stays away until the facts change."""

    code: str
    facts: str = attrs.field(metadata=PERSONAL)


@record(slots=False)
class Case(Frozen):
    """An exception that someone must settle by choosing an option.

    ``about`` is a part of the order, or the id of a request, which is not asked again until the case is settled.
    """

    id: str
    code: str
    about: str
    message: str = attrs.field(metadata=PERSONAL)
    options: tuple[str, ...]
    raised_at: datetime
    is_about_request: bool = False
    chosen: str = ""


@record(slots=False)
class Deferral(Frozen):
    """An answer that will come later, under a ticket; the request is kept as it was asked."""

    request_id: str
    ticket: str
    request: Any
    ask_after: datetime
    give_up_at: datetime
    answered: bool = False


@record
class Cancellation:
    """The wish to cancel the whole order, or some units of it, until everyone who has them has answered.

    ``waiting`` are the units of a wish for some of them that a parcel or another's work still holds: each move says
    which. ``cancelled`` and ``declined`` say, by line, what has come of the wish so far. ``of_order`` marks a wish for
    the whole order of which only a part could be had.
    """

    requested_at: datetime
    reason: str = attrs.field(default="", metadata=PERSONAL)
    waiting: tuple[Move, ...] = ()
    cancelled: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    declined: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    of_order: bool = False


@record
class Redirection:
    """Another way for goods that others have under the old one: a booked parcel, or the work of a fulfiller.

    ``place`` is the shipment or fulfillment, ``line_ids`` are the lines in it that are to go otherwise. ``word`` is
    ``waits`` until whoever has them answers, then ``settled`` or ``declined``, with ``code`` and ``message``: then they
    go as they would have gone. ``told`` is what a fulfiller was asked before.
    """

    place: str
    line_ids: tuple[str, ...]
    asked_at: datetime
    told: Any = None
    word: Literal["waits", "settled", "declined"] = "waits"
    code: str = ""
    message: str = attrs.field(default="", metadata=PERSONAL)


@record(slots=False)
class Proposal(Frozen):
    """A change that someone else has to approve: the command as it was given, by whom, and why.

    ``word`` is ``waits``, ``approved``, ``declined``, or ``moot`` when it is too late for any change.
    """

    id: str
    command: Command
    by: Actor
    proposed_at: datetime
    reason: str = attrs.field(default="", metadata=PERSONAL)
    word: Literal["waits", "approved", "declined", "moot"] = "waits"
    answer: str = attrs.field(default="", metadata=PERSONAL)


@record(slots=False)
class Work(Frozen):
    """What a fulfiller was asked to do: the work of a fulfillment at a location that others run. It converges.

    ``wanted`` counts, by line, all units ever wanted under this work, those that have left included; ``agreed`` is what
    the fulfiller will do, by its last answer, to the revision ``confirmed``. ``declined`` are the units that it would
    not do. ``request`` is the whole body of what was asked last, frozen.
    """

    fulfillment_id: str
    fulfiller: str
    revision: int
    wanted: FrozenMap[str, Decimal]
    request: Any = None
    confirmed: int = 0
    agreed: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)
    declined: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)

    @property
    def is_settled(self) -> bool:
        """Whether the answer to the latest revision is known."""
        return self.confirmed == self.revision


@record(slots=False)
class Answer(Frozen):
    """A check that somebody must answer on certain facts of the order, and the answer, once there is one."""

    check: str
    facts: str = attrs.field(metadata=PERSONAL)
    who: str
    asked_at: datetime
    passed: bool | None = None
    answered_at: datetime | None = None
    valid_until: datetime | None = None
    note: str = attrs.field(default="", metadata=PERSONAL)
    evidence: str = attrs.field(default="", metadata=PERSONAL)
    overridden: bool = False


_Answers = Literal["accepted", "changed", "backordered", "substituted", "rejected"]
_ANSWERS = get_args(_Answers)


def _as_answer(raw: Any) -> Any:
    if raw not in _ANSWERS:
        raise InvalidInput.because("confirmation.unknown_answer", f"must be one of {', '.join(_ANSWERS)}")
    return raw


@value
class ConfirmedLine:
    """What is confirmed of a line, or of some of its units: a line may have several, for several days.

    ``answer`` is ``accepted``, ``changed`` (in price, day or quantity), ``backordered``, ``substituted`` (by ``sku``)
    or ``rejected``. ``price`` is for ``price_per`` units; ``day`` is when they arrive.
    """

    line_id: str = checked(as_id)
    quantity: Decimal = checked(as_amount)
    answer: _Answers = checked(_as_answer, default="accepted")
    price: Money | None = checked(optional(as_money), default=None)
    day: date | None = checked(optional(as_day), default=None)
    sku: str = checked(as_text(128), default="")
    note: str = checked(as_text(1000), default="", personal=True)
    price_per: Decimal = checked(as_amount, default=_ONE)

    if TYPE_CHECKING:

        def __init__(
            self,
            line_id: str,
            quantity: Decimal | int | str,
            answer: _Answers = "accepted",
            price: Money | None = None,
            day: date | None = None,
            sku: str = "",
            note: str = "",
            price_per: Decimal | int | str = 1,
        ) -> None: ...


@record(slots=False)
class Confirmation(Frozen):
    """The answer to an order, line by line: ``word`` is ``stands``, ``waits`` (for the buyer's) or ``refused``.

    ``refused`` are the lines, ``refused_parts`` the numbers of the entries, from one, that the buyer did not agree to.
    """

    lines: tuple[ConfirmedLine, ...]
    at: datetime
    word: str = "stands"
    refused: tuple[str, ...] = ()
    refused_parts: tuple[int, ...] = ()


@value
class Reason:
    """Why something was refused: a code for programs, and a sentence for people."""

    code: str = checked(as_id)
    text: str = checked(as_text(1000), default="", personal=True)


@record
class DespatchAdvice:
    """What somebody else said that they sent: which document said so, and which shipment of ours came of it.

    ``units`` is what was sent, by line; ``beyond`` is what of it nobody had ordered and no tolerance allows.
    """

    source: str
    document: str
    shipment_id: str
    units: FrozenMap[str, Decimal]
    numbers: tuple[str, ...] = ()
    beyond: FrozenMap[str, Decimal] = attrs.field(factory=FrozenMap)


@record
class Status:
    """Where the units of a line or order are, in exact quantities, and the one word for it."""

    word: str
    ordered: Decimal
    by_kind: Mapping[str, Decimal]
