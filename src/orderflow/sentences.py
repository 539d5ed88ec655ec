"""What happened, in plain sentences: for people who read a history, not for programs.

A sentence is a template by the tag of its event. ``{field}`` is a field of the event in words: quantities with the
product and line they are of, prices, days, parcels. What stands in square brackets is left out where a field in it says
nothing. An event without a template (a host's own) is told by its tag and its fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import attrs

from orderflow.charges import Amounts, Tranche
from orderflow.facts import Package, text_of
from orderflow.ledger import Move, kind_of, place_of
from orderflow.messages import Event
from orderflow.order import Booking, ConfirmedLine, Goods, Line, Order, Reason, Redirection
from orderflow.ports import Request
from orderflow.promise import Promise
from orderflow.stages.acceptance import PlacedLine
from orderflow.stages.advices import SentParcel
from orderflow.stages.losses import Replacement
from orderflow.tracking import Anomaly, Scan
from orderflow.values.address import Address
from orderflow.values.numbers import plain
from orderflow.values.party import Party
from orderflow.values.record import field_names, speaks_for_itself

__all__ = ["SENTENCES", "sentence"]

SENTENCES: Final[Mapping[str, str]] = {
    "order_drafted": "a draft was saved[: {lines}]",
    "order_placed": "the order was placed: {lines}[, to {ship_to}][, for {customer}][; left to others: {theirs}]",
    "order_acknowledged": "the order was acknowledged",
    "order_rejected": "the order was rejected[: {reason}][; cancelled: {moves}]",
    "lines_closed_short": "what is missing lies within the tolerance and is closed: {moves}",
    "claim_wanted": "{quantity} of line {line_id} are to be held[ in {location}] (claim {claim_id}, {revision})",
    "stock_claimed": "{held} held under claim {claim_id}[ in {location}][ until {held_until}][, refused: {refusal}]",
    "stock_sought": "other locations were asked for {line_ids}",
    "search_reopened": "the search for {line_id} begins anew",
    "line_backordered": "{quantity} of line {line_id} wait for stock",
    "backorder_filled": "{quantity} of line {line_id} wait no longer",
    "backorder_accepted": "it was accepted that {line_id} waits for stock",
    "line_substituted": "{moves} are replaced by {quantity} of {substitute}",
    "reservation_lapsed": "claim {claim_id} lapsed[: {moves}]",
    "price_quoted": "prices are known: {tranches}",
    "price_refused": "there is no price ({code})[: {message}]",
    "check_required": "the check {check} is asked for[ from {who}]",
    "check_recorded": "the check {check} was {passed}[, overridden: {overridden}][: {note}][ ({evidence})]",
    "check_dropped": "the check {check} is not needed any more",
    "order_verified": "the order was verified",
    "order_confirmed": "the order was confirmed: {lines}[; the buyer must agree: {buyer_must_agree}]",
    "confirmation_accepted": "the buyer accepted the confirmation",
    "confirmation_refused": "the buyer refused the confirmation[ of {lines}][: {reason}]",
    "search_ended": "the search for {line_ids} has ended[, nobody has more of {exhausted}]",
    "work_rerouted": "work was taken away from {location}[, to go to {to}][: {moves}]",
    "lines_released": "{line_ids} may be worked on now",
    "fulfillment_planned": "{location} was given {fulfillment_id}: {quantities}",
    "fulfillment_withdrawn": "{fulfillment_id} was withdrawn",
    "work_wanted": "{fulfillment_id} is put to its fulfiller ({request})",
    "work_confirmed": "the fulfiller of {fulfillment_id} agreed to revision {revision}[: {quantities}]",
    "work_declined": "the fulfiller of {fulfillment_id} declined ({code})[: {quantities}][: {message}]",
    "fulfiller_asked_again": "the fulfiller of {fulfillment_id} is asked again",
    "picking_started": "picking of {fulfillment_id} began",
    "order_in_fulfillment": "work on the order began",
    "goods_picked": "picked for {fulfillment_id}: {goods}[, more than wanted: {surplus}][ ({reference})]",
    "picked_short": "{quantity} of line {line_id} were not found for {fulfillment_id}[: {reason}]",
    "picking_finished": "picking of {fulfillment_id} is finished",
    "parcel_packed": "parcel {parcel_id} of {fulfillment_id} was packed: {contents}[, {weight_kg} kg][, SSCC {sscc}]",
    "parcel_unpacked": "parcel {parcel_id} was unpacked",
    "parcel_emptied": "parcel {parcel_id} is empty, and no parcel any more",
    "packing_finished": "packing of {fulfillment_id} is finished",
    "shipment_planned": "shipment {shipment_id} was planned: {parcel_ids} from {location}[ with {carrier}][ {service}]",
    "service_chosen": "{carrier} {service} was chosen for {shipment_id}",
    "booking_requested": "a booking of {shipment_id} was asked for ({request})",
    "shipment_booked": "{shipment_id} was booked: {booking}[, tracked by {tracking_numbers}]",
    "booking_refused": "the carrier refused {shipment_id} ({code})[: {message}]",
    "booking_abandoned": "nobody waits for the booking of {shipment_id} any more",
    "booking_contradicted": "another booking came for {shipment_id}: {booking}",
    "shipment_withdrawn": "{shipment_id} was given up before it was booked",
    "void_wanted": "the booking of {shipment_id} is to be voided[: {reason}]",
    "shipment_voided": "the booking of {shipment_id} is void",
    "taken_out_of_box": "parcels were taken out of {shipment_id}",
    "others_told": "the other orders in {shipment_id} have heard that its booking is void",
    "void_declined": "the booking of {shipment_id} stays ({code})[: {message}]",
    "pickup_ready": "{fulfillment_id} is ready to be collected",
    "goods_handed_over": "handed over ({method}): {moves}[, taken by {taken_by}][, proof: {proof}]",
    "shipment_divided": "{parcel_ids} of {shipment_id} leave later, as {rest_id}",
    "goods_despatched": "shipment {shipment_id} left: {states}",
    "stock_issued": "the goods issue of {shipment_id} is booked",
    "fulfillment_despatched": "all of {fulfillment_id} has left",
    "order_shipped": "the order was shipped",
    "despatch_recorded": "{source} said in {document} that this left at {despatched_at}: {moves}[, beyond: {beyond}]",
    "fact_flagged": "something does not fit: {anomaly}",
    "surplus_charged": "what came beyond the order is charged: {quantities}",
    "tracking_recorded": "the carrier reported of {parcel_id}: {scans}",
    "stray_scans_recorded": "a carrier reported of a dead label: {scans}",
    "estimate_changed": "{parcel_id} is now expected[ on {estimate}]",
    "goods_delivered": "{parcel_id} was delivered at {delivered_at}",
    "delivery_revoked": "{parcel_id} is on its way again",
    "goods_lost": "{parcel_id} is lost",
    "goods_found": "{parcel_id} was found",
    "order_delivered": "the order was delivered",
    "order_completed": "the order is completed",
    "order_reopened": "the order is open again",
    "order_amended": "the order was changed[: {moves}][; more: {added}][; otherwise: {changed}][; it goes to {ship_to}]"
    "[; terms: {terms}][; instructions: {instructions}][; asked about: {redirections}][ ({reason})]",
    "delivery_failed": "delivery of {parcel_id} failed (attempt {attempts})[: {reason}]",
    "delivery_delayed": "delivery of {parcel_id} is delayed (delay {delays})[: {reason}]",
    "damage_reported": "{parcel_id} is damaged",
    "replacement_ordered": "{parcel_id} is replaced ({code}): {lines}",
    "goods_credited": "{parcel_id} is credited ({code}): {quantities}",
    "problem_settled": "{code} of {parcel_id} was settled: {option}[ until {until}]",
    "patience_ended": "{code} of {parcel_id} was waited for long enough",
    "cancellation_requested": "a cancellation was asked for[: {reason}][; waiting: {waiting}]",
    "lines_cancelled": "cancelled: {moves}[: {reason}]",
    "cancellation_declined": "a cancellation was declined ({code})[: {message}][; kept: {kept}]",
    "order_cancelled": "the order was cancelled[: {reason}][; cancelled: {moves}]",
    "goods_put_away": "back on the shelf, from {fulfillment_id}: {goods}",
    "promise_made": "promised: {promises}",
    "promise_at_risk": "{line_ids} will be late: promised for {promised}[, expected on {expected}]",
    "promise_missed": "{line_ids} are late: promised for {promised}[, happened at {happened}]",
    "promise_kept": "{line_ids} were in time: promised for {promised}",
    "message_queued": "{recipient} is to be told by {channel}: {kind}[ {subject}] ({message_id}, to {to})",
    "message_sent": "{message_id} was sent[, receipt {receipt}]",
    "message_failed": "{message_id} could not be sent ({code})",
    "message_superseded": "{message_id} is stale, by {by}, and will not be sent",
    "message_withheld": "nobody is told: {kind}[ {subject}][ ({why})]",
    "hold_placed": "hold {hold_id} ({code}) placed[ on {scope}][, blocking {blocks}][ until {expires_at}][: {note}]",
    "hold_released": "hold {hold_id} was released[, having expired: {expired}]",
    "warning_recorded": "a warning ({code}): {message}[ ({path})]",
    "exception_raised": "someone must choose ({case_id} {code}, about {about}): {message}[; options: {options}]",
    "exception_resolved": "{case_id} was settled: {option}[, by the policy: {by_policy}]",
    "answer_deferred": "the answer to {request} will come later, under ticket {ticket}",
    "deferral_closed": "ticket {ticket} is closed",
    "amendment_approved": "the change {proposal_id} was approved[: {note}]",
    "amendment_declined": "the change {proposal_id} was declined[: {reason}]",
    "amendment_moot": "nobody answered the change {proposal_id} in time",
    "amendment_proposed": "{by} asked for a change ({proposal_id})[: {reason}]",
    "cancellation_withdrawn": "units are wanted after all: {kept}",
    "price_overridden": "other prices were agreed by hand: {tranches}[: {reason}]",
    "redirection_declined": "{place} goes as it would have gone ({code})[: {message}]",
    "redirection_settled": "{place} goes the new way",
    "cash_collected": "{source} collected {amount} on delivery of {shipment_id} ({reference})",
    "cash_remitted": "{source} handed over {amount} for {shipment_id} ({reference})",
    "charge_raised": "charge {document_id} was raised: {lines}[; {reason}]",
    "credit_raised": "credit {document_id} was raised: {lines}[; {reason}]",
    "payment_awaited": "work waits until {amount} is paid",
    "payment_recorded": "{source} told of a payment ({reference}): {state}, {amount}[ by {method}]",
    "refund_recorded": "{source} told of a refund ({reference}): {state}, {amount}[ by {method}]",
    "exchange_ordered": "for return {return_id} this is sent: {lines}",
    "return_authorized": "return {return_id} was agreed[: {units}][; declined: {declined}][: {reason}]"
    "[; not given back: {deducted}]",
    "return_cancelled": "the goods of return {return_id} are kept after all",
    "return_closed": "return {return_id} is over[: {reason}]",
    "return_collected": "the goods of return {return_id} are on their way back",
    "return_credited": "for return {return_id} this is given back: {quantities}[; withheld: {withheld}]",
    "return_disposed": "of return {return_id}[, on the shelf: {restocked}][, scrapped: {scrapped}]"
    "[, sent back: {sent_back}][; not given back: {deducted}]",
    "return_finished": "everything of return {return_id} was dealt with",
    "return_inspected": "return {return_id} was looked at: {findings}[; not given back: {deducted}]",
    "return_label_booked": "a label for return {return_id} was booked: {booking}",
    "return_label_ended": "the label of return {return_id}: {stage}[ ({code})][: {message}]",
    "return_label_requested": "a label for return {return_id} is asked for anew ({request})",
    "return_label_void_wanted": "the label of return {return_id} is to be voided",
    "return_received": "this came back under {return_id}: {goods}[; unexpected: {unexpected}][; wrong: {wrong}]",
    "return_refused": "return {return_id} was refused: {reasons}",
    "return_requested": "return {return_id} was asked for ({kind}, {resolution}): {lines}",
    "return_resolved": "return {return_id} is made good: {resolution}",
    "return_tracked": "the carrier reported of return {return_id}: {scans}",
    "stock_received": "what came back under {return_id} is booked in",
    "unexpected_settled": "of what nobody had agreed to under {return_id} this is accepted: [{accepted}][{nothing}]",
    "facts_applied": "the books follow what others told[: {moves}]",
    "facts_recorded": "[others told: {facts}][carriers reported of what others sent: {scans}]",
    "order_adopted": "an order that others have begun is kept here from now on: {lines}",
    "order_stepped_back": "the order is where it was before: {state}",
    "personal_data_erased": "personal data was erased by {by}[: {reason}][, by force: {forced}]",
    "step_taken": "the step {step} was taken[, of {subject}]: {state}",
}
"""By the tag of an event: what is said of it."""

_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_FIELD = re.compile(r"\{(\w+)\}")


def sentence(event: Event, order: Order) -> str:
    """What happened, in words; ``order`` is the order after it, which knows the products of its lines."""
    template = SENTENCES.get(event.TAG)
    if template is None:
        return _by_its_fields(event, order)
    words = {name: _said(event, name, order) for name in _FIELD.findall(template)}
    kept = _OPTIONAL.sub(lambda part: part[1] if all(words[name] for name in _FIELD.findall(part[1])) else "", template)
    return _FIELD.sub(lambda part: words[part[1]], kept)


def _said(event: Event, name: str, order: Order) -> str:
    """A field of an event in words: one by one, where each is a statement of its own."""
    told = _ONE_BY_ONE.get((event.TAG, name))
    held = getattr(event, name)
    return _in_words(held, order, name) if told is None else "; ".join(told(one, order) for one in held)


def _by_its_fields(event: Event, order: Order) -> str:
    fields = [name for name in field_names(type(event)) if name != "at"]
    told = ((name, _in_words(getattr(event, name), order, name)) for name in fields)
    said = ", ".join(f"{name.replace('_', ' ')}: {words}" for name, words in told if words)
    tag = event.TAG.replace("_", " ")
    return f"{tag} ({said})" if said else tag


def _in_words(held: Any, order: Order, name: str = "") -> str:
    """A field in words; nothing where it says nothing."""
    if name == "passed":
        return "passed" if held else "not passed"
    if held is None or held is False or held == "":
        return ""
    if held is True:
        return "yes"
    if isinstance(held, str):
        return _line(held, order) if name in _LINE_FIELDS else held
    if isinstance(held, Decimal):
        return plain(held)
    if isinstance(held, Mapping):
        return ", ".join(_entry(key, value, order) for key, value in held.items())
    if isinstance(held, tuple | frozenset):
        parts = (_in_words(item, order, name) for item in held)
        return ", ".join(filter(None, parts))
    return _of_its_kind(held, order)


_UNITS = frozenset({"line_id", "quantity"})
#: The fields that name lines.
_LINE_FIELDS = frozenset({"line_id", "line_ids", "exhausted", "lines"})


def _of_its_kind(held: Any, order: Order) -> str:
    for cls in type(held).__mro__:
        if (told := _WORDS.get(cls)) is not None:
            return told(held, order)
    return _record(held, order) if attrs.has(type(held)) and not speaks_for_itself(held) else str(held)


def _record(held: Any, order: Order) -> str:
    """Something with parts: units of a line first, then whatever else it says."""
    names = field_names(type(held))
    is_units = set(names) >= _UNITS
    others = (name for name in names if not (is_units and name in _UNITS))
    told = ((name, _in_words(getattr(held, name), order, name)) for name in others)
    said = ", ".join(f"{name.replace('_', ' ')} {words}" for name, words in told if words and words != "0")
    if not is_units:
        return said
    units = _units(held.line_id, held.quantity, order)
    return f"{units} ({said})" if said else units


def _line(line_id: str, order: Order) -> str:
    line = order.lines.get(line_id)
    return f"{line_id} ({line.sku})" if line is not None else line_id


def _units(line_id: str, quantity: Decimal, order: Order) -> str:
    """``2 × TEA-250 (L1)``."""
    line = order.lines.get(line_id)
    return f"{plain(quantity)} × {line.sku} ({line_id})" if line is not None else f"{plain(quantity)} × {line_id}"


def _entry(key: Any, held: Any, order: Order) -> str:
    """An entry of a map: units of a line, or anything under a name."""
    if isinstance(held, Decimal):
        return _units(str(key), held, order)
    return f"{key} {_in_words(held, order)}".rstrip()


def _goods(held: Goods, order: Order) -> str:
    parts: list[str] = []
    if held.measured is not None:
        parts.append(f"{plain(held.measured)} {order.lines[held.line_id].measure_unit}".rstrip())
    parts += [f"lot {held.lot}"] if held.lot else []
    parts += [f"serials {' '.join(held.serials)}"] if held.serials else []
    parts += [f"expiring {held.expires_on}"] if held.expires_on else []
    return " ".join((_units(held.line_id, held.quantity, order), *([f"[{', '.join(parts)}]"] if parts else [])))


def _confirmed(held: ConfirmedLine, order: Order) -> str:
    units = _units(held.line_id, held.quantity, order)
    price = f" at {held.price}" if held.price is not None else ""
    return f"{units} {held.answer}{price}" + (f" for {held.day}" if held.day is not None else "")


def _booking(held: Booking, order: Order) -> str:
    return f"{held.carrier} {held.service} {held.number}".replace("  ", " ")


def _tranche(held: Tranche, order: Order) -> str:
    return f"{_units(held.line_id, held.quantity, order)} at {held.unit_price}"


def _scan(held: Scan, order: Order) -> str:
    where = f" in {held.location}" if held.location else ""
    return f"{held.status}{f' ({held.reason})' if held.reason else ''} at {_moment(held.occurred_at, order)}{where}"


def _numbered_scan(held: Scan, order: Order) -> str:
    return f"{held.tracking_number} {_scan(held, order)}"


def _way(held: Move, order: Order) -> str:
    """``4 × TEA-250 (L1) from open to shipped P@1Z1``."""
    source, target = (f"{kind_of(one)} {place_of(one)}".strip() for one in (held.source, held.target))
    return f"{_units(held.line_id, held.quantity, order)} from {source} to {target}"


def _fact(held: Any, order: Order) -> str:
    """``ERP despatched DN-1: 4 × TEA-250 (L1) under 1Z1``."""
    names = (name for name in field_names(type(held)) if name not in _HEAD)
    told = ((name, _in_words(getattr(held, name), order, name)) for name in names)
    parts = [words if name in _CONTENTS else f"{name.replace('_', ' ')} {words}" for name, words in told if words]
    return f"{text_of(held)}: {', '.join(parts) or 'nothing'}"


#: What stands at the head of a fact, and what it is about and needs no name.
_HEAD = frozenset({"source", "document", "revision"})
_CONTENTS = frozenset({"quantities", "parcels"})


def _package(held: Package, order: Order) -> str:
    numbers = " and ".join(filter(None, (held.tracking_number, held.sscc and f"SSCC {held.sscc}")))
    weight = f" of {plain(held.weight_kg)} kg" if held.weight_kg is not None else ""
    return _in_words(held.contents, order) + (f" under {numbers}" if numbers else "") + weight


#: Fields of which every entry is a statement of its own, by event and name.
_ONE_BY_ONE: dict[tuple[str, str], Callable[[Any, Order], str]] = {
    ("facts_recorded", "facts"): _fact,
    ("facts_recorded", "scans"): _numbered_scan,
    ("facts_applied", "moves"): _way,
}


def _promise(held: Promise, order: Order) -> str:
    return f"{_line(held.line_id, order)} by {held.deliver_by or held.ship_by or 'no day'}"


def _moment(held: datetime, order: Order) -> str:
    return f"{held:%Y-%m-%d %H:%M} UTC"


def _placed(held: PlacedLine, order: Order) -> str:
    return f"{plain(held.quantity)} × {held.line.sku} ({held.line.id})"


def _sent(held: SentParcel, order: Order) -> str:
    return held.parcel_id


_WORDS: dict[type, Callable[[Any, Order], str]] = {
    Move: lambda held, order: _units(held.line_id, held.quantity, order),
    Goods: _goods,
    Package: _package,
    PlacedLine: _placed,
    ConfirmedLine: _confirmed,
    Tranche: _tranche,
    Booking: _booking,
    Scan: _scan,
    Promise: _promise,
    SentParcel: _sent,
    Amounts: lambda held, order: str(held.total),
    Line: lambda held, order: f"{held.sku} ({held.id})",
    Replacement: lambda held, order: f"{held.line_id} for {held.replaces}",
    Request: lambda held, order: held.id,
    Redirection: lambda held, order: held.place,
    Reason: lambda held, order: f"{held.code}: {held.text}" if held.text else held.code,
    Address: lambda held, order: held.one_line(),
    Party: lambda held, order: held.name or held.id,
    Anomaly: lambda held, order: f"{held.code}: {held.message}",
    datetime: _moment,
    date: lambda held, order: held.isoformat(),
}
