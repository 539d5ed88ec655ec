"""Who hears of what: the standard strategies of communication.

An `Audience` says for each kind of message which parties of the order hear of it; each party's contact says by which
channel, in which locale, and of which kinds it wants to hear at all. What a message says is data; what that reads like
is a matter of templates (`orderflow.texts`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import TypeAlias

import attrs

from orderflow.documents import Document
from orderflow.ledger import units_by_line
from orderflow.order import Cancellation, Fulfillment, Order, Parcel, Redirection, Return, Shipment
from orderflow.policy import Draft
from orderflow.stages.stage import units_text
from orderflow.tracking import TrackingStatus
from orderflow.values.address import Address
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.numbers import EXACT, plain, total, total_by
from orderflow.values.party import Contact

__all__ = ["PARTIES", "SUPERSEDED_BY", "TOLD_WITHIN", "Audience", "body_of", "tell_the_customer"]

#: What about a parcel is stale once something later is known of it.
_ON_ITS_WAY = ("out_for_delivery", "ready_for_pickup", "delivery_failed", "action_required")
_CHANGES = ("order_changed", "lines_cancelled", "change_declined", "proposal_declined")
_BEFORE_THE_END = ("order_placed", "order_verified", "goods_backordered", "payment_awaited", *_CHANGES)

#: Which unsent messages a later one about the same part of the order makes stale.
SUPERSEDED_BY: Mapping[str, tuple[str, ...]] = FrozenMap(
    {
        "order_changed": ("order_changed",),
        "order_cancelled": (*_BEFORE_THE_END, "delivery_delayed"),
        "order_rejected": _BEFORE_THE_END,
        "out_for_delivery": _ON_ITS_WAY,
        "ready_for_pickup": _ON_ITS_WAY,
        "delivery_failed": _ON_ITS_WAY,
        "action_required": ("out_for_delivery", "action_required"),
        "goods_lost": _ON_ITS_WAY,
        "return_to_sender": (*_ON_ITS_WAY, "parcel_delivered", "order_delivered"),
        "parcel_delivered": _ON_ITS_WAY,
        "order_delivered": (
            "order_verified",
            "goods_backordered",
            "shipment_despatched",
            "delivery_delayed",
            "parcel_delivered",
            *_ON_ITS_WAY,
        ),
        "delivery_delayed": ("delivery_delayed",),
        "payment_awaited": ("payment_awaited",),
    }
)
#: How long after the fact a message of a kind is still worth sending.
TOLD_WITHIN: Mapping[str, timedelta] = FrozenMap(
    {
        "out_for_delivery": timedelta(hours=12),
        "delivery_failed": timedelta(days=2),
        "action_required": timedelta(days=7),
    }
)

#: How a party of an order is reached about a kind and subject.
Reach: TypeAlias = Callable[[Order, str], Contact | None]


def _customer(order: Order, subject: str) -> Contact | None:
    return order.customer.contact if order.customer is not None else None


def _bill_to(order: Order, subject: str) -> Contact | None:
    return order.bill_to.contact if order.bill_to is not None else None


def _ship_to(order: Order, subject: str) -> Contact | None:
    """Who receives the goods is reached by the phone number of the address; in the customer's language."""
    address = _address(order, subject)
    if address is None or not address.phone:
        return None
    customer = _customer(order, subject)
    locale = customer.locale if customer is not None else "en"
    return Contact(phone=address.phone, locale=locale, channel="sms", name=address.name)


def _address(order: Order, subject: str) -> Address | None:
    part = subject.partition(" ")[0]
    shipment = order.shipments.get(part) or (order.shipment_of(part) if part in order.parcels else None)
    return shipment.ship_to if shipment is not None else order.ship_to


#: The parties of an order, and how each is reached.
PARTIES: Mapping[str, Reach] = FrozenMap({"customer": _customer, "bill_to": _bill_to, "ship_to": _ship_to})


@attrs.frozen
class Audience:
    """A strategy for ``Policy.draft``: which parties hear of which kinds; ``""`` stands for every other kind.

    Each is told by its own channel, in its own locale, of the kinds that it wants to hear of, and nobody twice.

    >>> both = Audience({"": ("customer",), "out_for_delivery": ("customer", "ship_to"), "order_verified": ()})
    """

    parties: Mapping[str, Iterable[str]] = attrs.field(factory=lambda: FrozenMap({"": ("customer",)}))
    reach: Mapping[str, Reach] = PARTIES

    def __call__(self, order: Order, kind: str, subject: str) -> tuple[Draft, ...]:
        """The drafts of a message, one for each who is to hear of it."""
        body: FrozenMap[str, str] | None = None
        drafts: dict[tuple[str, str], Draft] = {}
        for party in self.parties.get(kind, self.parties.get("", ())):
            contact = self.reach[party](order, subject)
            if contact is None or not contact.wants_kind(kind):
                continue
            to = contact.phone if contact.channel in ("sms", "phone") else contact.email
            if to and (contact.channel, to) not in drafts:
                body = body or body_of(order, kind, subject)
                named = body.set("name", contact.name) if contact.name else body
                drafts[contact.channel, to] = Draft(contact.channel, to, contact.locale, named, party)
        return tuple(drafts.values())


#: The customer's contact hears of everything it wants to hear of, in its own locale, by its own channel.
tell_the_customer = Audience()


def body_of(order: Order, kind: str, subject: str) -> FrozenMap[str, str]:
    """The data of a message: what happened to which order, and what the recipient will want to know next."""
    body = {"order": order.reference, "name": order.customer.name if order.customer is not None else ""}
    part, _, rest = subject.partition(" ")
    if kind == "payment_awaited":
        body |= {"amount": subject}
    elif part in order.settlement.documents:
        body |= _document_body(order, order.settlement.documents[part])
    elif kind in ("lines_cancelled", "cancellation_declined"):
        body |= _cancellation_body(order, order.line_cancellations[int(subject) - 1])
    elif kind == "change_declined":
        body |= _redirection_body(order, order.redirections[int(subject) - 1])
    elif kind == "proposal_declined":
        body |= {"reason": order.proposals[subject].answer}
    elif part in order.shipments:
        body |= _shipment_body(order, order.shipments[part])
    elif part in order.fulfillments:
        body |= _pickup_body(order, order.fulfillments[part])
    elif part in order.handovers:
        handover = order.handovers[part]
        body |= {"lines": units_text(order, units_by_line(handover.moves)), "proof": handover.proof}
    elif part in order.returns:
        body |= _return_body(order, order.returns[part], kind)
    elif part in order.parcels:
        body |= _parcel_body(order, order.parcels[part], kind, rest)
    elif part and all(line_id in order.lines for line_id in part.split("+")):
        body |= _lines_body(order, kind, part.split("+"), rest)
    else:
        body |= _order_body(order, kind)
    return FrozenMap({name: said for name, said in body.items() if said})


def _order_body(order: Order, kind: str) -> dict[str, str]:
    units = {line_id: order.live_quantity(line_id) or order.ledger.ordered(line_id) for line_id in order.lines}
    for kit in order.kits.values():
        live = {line_id: order.live_quantity(line_id) for line_id in kit.components}
        units |= live if any(live.values()) else {}
    body = {"lines": _listed(order, units)}
    if order.tranches and order.is_priced and kind != "order_cancelled":
        body["total"] = str(order.total)
    if order.is_over:
        body["reason"] = order.over_because
    if order.wanted_by is not None:
        body["wanted_by"] = order.wanted_by.isoformat()
    promised = [due for standing in order.promises.values() if (due := standing.promise.due) is not None]
    if kind == "order_verified" and len(promised) == len(order.lines):
        body["promised"] = max(promised).isoformat()
    return body


def _document_body(order: Order, document: Document) -> dict[str, str]:
    """What a charge or credit is about, and what it comes to."""
    goods = [line for line in document.lines if line.line_id and line.quantity]
    units = total_by((line.line_id, line.quantity) for line in goods)
    fees = [line.description or line.code for line in document.lines if not line.line_id]
    return {
        "document": document.id,
        "lines": ", ".join((*([units_text(order, units)] if units else ()), *fees)),
        "amount": str(document.total),
        "tax": str(document.amounts.tax),
        "cites": ", ".join(dict.fromkeys(line.cites for line in document.lines if line.cites)),
    }


def _pickup_body(order: Order, fulfillment: Fulfillment) -> dict[str, str]:
    """What waits to be collected at a location of ours, and where."""
    units = {line_id: units for line_id, units in fulfillment.planned.items() if order.method_of(line_id) == "pick_up"}
    return {"place": fulfillment.location, "lines": units_text(order, units)}


def _cancellation_body(order: Order, wish: Cancellation) -> dict[str, str]:
    """What was cancelled, what could not be, and what is to be paid for the rest."""
    body = {
        "lines": units_text(order, wish.cancelled),
        "declined": units_text(order, wish.declined) if wish.declined else "",
        "reason": wish.reason,
    }
    if order.tranches and order.is_priced:
        body["total"] = str(order.total)
    return body


def _redirection_body(order: Order, wish: Redirection) -> dict[str, str]:
    """Which goods go as they would have gone, and where to."""
    shipment = order.shipments.get(wish.place)
    ship_to = shipment.ship_to if shipment is not None else wish.told.ship_to
    body = {"lines": ", ".join(order.lines[line_id].sku for line_id in wish.line_ids), "reason": wish.message}
    return body | ({"address": ", ".join((*ship_to.lines, ship_to.city))} if ship_to is not None else {})


def _lines_body(order: Order, kind: str, line_ids: list[str], expected: str) -> dict[str, str]:
    """About some lines: how many units are still to come, what was promised, and what is expected now."""
    if kind == "goods_backordered":
        late = {line_id: order.ledger.of_kind(line_id, "backordered") for line_id in line_ids}
    else:
        late = {line_id: _to_come(order, line_id) for line_id in line_ids}
    body = {"lines": _listed(order, late)}
    standings = [order.promises[line_id] for line_id in line_ids if line_id in order.promises]
    days = [day for s in standings for p in (*s.earlier, s.promise) if (day := p.due) is not None]
    if days:
        body["promised"] = min(days).isoformat()
    return body | {"expected": expected}


def _to_come(order: Order, line_id: str) -> Decimal:
    """Units of a line that are wanted and have not arrived."""
    arrived = ("delivered", "returning", "received", "restocked", "scrapped", "sent_back")
    return EXACT.subtract(order.live_quantity(line_id), total(order.ledger.of_kind(line_id, kind) for kind in arrived))


def _shipment_body(order: Order, shipment: Shipment) -> dict[str, str]:
    parcels = [order.parcels[parcel_id] for parcel_id in shipment.parcel_ids]
    body = {
        "shipment": shipment.id,
        "lines": _contents(order, parcels),
        "tracking": ", ".join(parcel.tracking_number for parcel in parcels if parcel.tracking_number),
    }
    booking = shipment.booking
    if booking is not None:
        body["carrier"] = booking.carrier
        body["tracking"] = body["tracking"] or booking.tracking_number
        if booking.estimate is not None:
            body["estimate"] = booking.estimate.isoformat()
    return body


def _parcel_body(order: Order, parcel: Parcel, kind: str, day: str) -> dict[str, str]:
    tracking, shipment = parcel.tracking, order.shipment_of(parcel.id)
    body = {"parcel": parcel.id, "lines": _contents(order, [parcel]), "tracking": parcel.tracking_number, "day": day}
    if shipment is not None:
        body["carrier"] = shipment.carrier
        if shipment.booking is not None and not parcel.tracking_number:
            body["tracking"] = shipment.booking.tracking_number
    if kind == "goods_credited":
        body["lines"] = units_text(order, parcel.credited)
    elif kind != "parcel_delivered":
        body["reason"] = tracking.reason.replace("_", " ")
    if tracking.action_required:
        body["action"] = tracking.reason.replace("_", " ") or "action required"
    last = parcel.reports[-1] if parcel.is_reported else None
    if last is not None and last.status is TrackingStatus.READY_FOR_PICKUP:
        body["place"] = last.location
    return body


def _return_body(order: Order, known: Return, kind: str) -> dict[str, str]:
    """What is returned, where it goes and how; what came; what is given back."""
    units: Mapping[str, Decimal] = known.authorized or known.requested
    if kind in ("return_received", "return_credited"):
        units = known.received if kind == "return_received" else known.credited
    body = {
        "return": known.id,
        "lines": units_text(order, units) if units else "",
        "reason": "; ".join(reason.text or reason.code for reason in known.reasons),
        "declined": units_text(order, known.declined) if known.declined else "",
        "place": known.location,
        "wrong": ", ".join(f"{plain(one.quantity)} × {one.sku}" for one in known.wrong),
    }
    if kind == "return_credited" and order.is_priced:
        body["total"] = str(order.total)
    label = known.shipment
    if label is not None and label.booking is not None:
        body |= {"carrier": label.booking.carrier, "tracking": label.booking.tracking_number}
        body["label"] = label.booking.label.url
    return body


def _contents(order: Order, parcels: Iterable[Parcel]) -> str:
    contents = [goods for parcel in parcels for goods in parcel.contents]
    if order.kits:
        return _listed(order, total_by((goods.line_id, goods.quantity) for goods in contents))
    return ", ".join(f"{plain(goods.quantity)} × {order.lines[goods.line_id].sku}" for goods in contents)


def _listed(order: Order, units: Mapping[str, Decimal]) -> str:
    """Units by line, as they were ordered: whole kits, and the rest by product."""
    rows = order.in_kits(units).items()
    return ", ".join(f"{plain(quantity)} × {order.name_of(row_id)}" for row_id, quantity in rows)
