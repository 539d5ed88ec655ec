"""What left, told to the customer: a despatch advice, parcel by parcel and line by line.

Each line of the order that has units in the shipment is a despatch line, with a number of its own: that of the
customer's row, or of ours where several lines are of one row. Each parcel is a transport handling unit, known by its
SSCC, with its weight, its sides, its tracking number and what is in it. What left is told as it left, also when some of
it has come back since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal

from orderflow.adapters.ubl.agreement import STANDARD_AGREEMENT, Agreement
from orderflow.adapters.ubl.reading import Loss
from orderflow.adapters.ubl.responses import line_number, order_reference
from orderflow.adapters.ubl.writing import (
    Part,
    Written,
    address_part,
    aggregate,
    basic,
    buyer_part,
    document,
    moment,
    quantity,
    seller_part,
)
from orderflow.errors import InvalidInput
from orderflow.order import Goods, Line, Order, Parcel, Shipment
from orderflow.tracking import TrackingStatus
from orderflow.values.numbers import plain, total, total_by
from orderflow.values.party import Party

__all__ = ["write_despatch_advice"]


def write_despatch_advice(
    order: Order,
    shipment_id: str,
    seller: Party,
    agreement: Agreement = STANDARD_AGREEMENT,
    *,
    number: str = "",
) -> Written:
    """What left in a shipment, as a DespatchAdvice of UBL 2.1.

    Written again after parcels have arrived, it says when. ``number`` is the number of the advice; without one, it is
    made of those of order and shipment.

    Raises:
        InvalidInput: ``ubl.unknown_shipment``, or ``ubl.not_despatched``: it has not left.
    """
    shipment = order.shipments.get(shipment_id)
    if shipment is None:
        raise InvalidInput.because("ubl.unknown_shipment", f"there is no shipment {shipment_id!r}", "shipment_id")
    if shipment.despatched_at is None:
        raise InvalidInput.because("ubl.not_despatched", f"{shipment_id} has not left", "shipment_id")
    parcels = [order.parcels[parcel_id] for parcel_id in shipment.parcel_ids]
    made = document(
        "DespatchAdvice",
        basic("ID", number or f"{order.id}-{shipment_id}"),
        *moment("IssueDate", "IssueTime", shipment.despatched_at, agreement.zone),
        order_reference(order),
        seller_part("DespatchSupplierParty", seller),
        buyer_part("DeliveryCustomerParty", order.customer),
        _shipment(order, shipment, parcels, agreement),
        *_despatch_lines(order, parcels, agreement),
    )
    return Written(made, tuple(_losses(order, shipment, parcels)))


# -- the shipment ---------------------------------------------------------------------------------------------------


def _shipment(order: Order, shipment: Shipment, parcels: list[Parcel], agreement: Agreement) -> Part | None:
    weights = [parcel.weight_kg for parcel in parcels]
    whole = total(weight for weight in weights if weight is not None) if None not in weights else None
    return aggregate(
        "Shipment",
        basic("ID", shipment.id),
        quantity("GrossWeightMeasure", whole, "KGM"),
        quantity("TotalTransportHandlingUnitQuantity", len(parcels)),
        _consignment(shipment),
        _delivery(order, shipment, parcels, agreement),
        *(_handling_unit(order, parcel, agreement) for parcel in parcels),
    )


def _consignment(shipment: Shipment) -> Part | None:
    booking = shipment.booking
    if booking is None:
        return None
    return aggregate(
        "Consignment",
        basic("ID", booking.number),
        basic("CarrierServiceInstructions", booking.service),
        _named("CarrierParty", booking.carrier),
    )


def _named(name: str, party: str) -> Part | None:
    return aggregate(name, aggregate("PartyName", basic("Name", party)))


def _delivery(order: Order, shipment: Shipment, parcels: list[Parcel], agreement: Agreement) -> Part | None:
    booking, to = shipment.booking, shipment.ship_to or order.ship_to
    estimate = booking.estimate if booking is not None else None
    recipient = None
    if to is not None:
        name = aggregate("PartyName", basic("Name", to.company or to.name))
        contact = aggregate("Contact", basic("Name", to.name if to.company else ""), basic("Telephone", to.phone))
        recipient = aggregate("DeliveryParty", name, contact)
    left = moment("ActualDespatchDate", "ActualDespatchTime", shipment.despatched_at, agreement.zone)
    return aggregate(
        "Delivery",
        *moment("ActualDeliveryDate", "ActualDeliveryTime", _arrived_at(parcels), _zone(order, agreement)),
        basic("TrackingID", booking.tracking_number if booking is not None else ""),
        address_part("DeliveryAddress", to),
        aggregate("EstimatedDeliveryPeriod", basic("EndDate", estimate)),
        _named("CarrierParty", booking.carrier if booking is not None else shipment.carrier),
        recipient,
        aggregate("Despatch", *left),
    )


def _zone(order: Order, agreement: Agreement) -> str:
    """Where the customer is: in whose calendar an arrival has a day."""
    return order.terms.zone or agreement.zone


def _arrived_at(parcels: Iterable[Parcel]) -> datetime | None:
    """When all of it had arrived."""
    moments = [_delivered_at(parcel) for parcel in parcels]
    return max((at for at in moments if at is not None), default=None) if None not in moments else None


def _delivered_at(parcel: Parcel) -> datetime | None:
    if parcel.tracking.status is not TrackingStatus.DELIVERED:
        return None
    reports = [scan.occurred_at for scan in parcel.scans if scan.status is TrackingStatus.DELIVERED]
    return max(reports, default=None)


# -- parcels and lines ----------------------------------------------------------------------------------------------


def _handling_unit(order: Order, parcel: Parcel, agreement: Agreement) -> Part | None:
    sides = zip(("LENGTH", "WIDTH", "HEIGHT"), parcel.dimensions_cm or (), strict=False)
    return aggregate(
        "TransportHandlingUnit",
        basic("ID", parcel.sscc or parcel.id),
        basic("TraceID", parcel.tracking_number),
        *(
            _despatch_line("HandlingUnitDespatchLine", order, order.lines[line_id], units, [parcel], agreement)
            for line_id, units in order.despatched_in(parcel.id).items()
        ),
        _measure("GROSS_WEIGHT", parcel.weight_kg, "KGM"),
        *(_measure(side, length, "CMT") for side, length in sides),
    )


def _measure(what: str, measure: Decimal | None, code: str) -> Part | None:
    if measure is None:
        return None
    return aggregate("MeasurementDimension", basic("AttributeID", what), quantity("Measure", measure, code))


def _despatch_lines(order: Order, parcels: list[Parcel], agreement: Agreement) -> Iterator[Part | None]:
    """What left of each line, and what is still to come."""
    sent = total_by(pair for parcel in parcels for pair in order.despatched_in(parcel.id).items())
    for line_id, line in order.lines.items():
        if line_id in sent:
            yield _despatch_line("DespatchLine", order, line, sent[line_id], parcels, agreement)


def _despatch_line(
    name: str, order: Order, line: Line, units: Decimal, parcels: list[Parcel], agreement: Agreement
) -> Part | None:
    code, waiting = agreement.code_of(line.unit), order.ledger.of_kind(line.id, "backordered")
    outstanding = total(order.ledger.of_kind(line.id, kind) for kind in _STILL_TO_COME)
    of_whole = name == "DespatchLine"
    reference = aggregate(
        "OrderLineReference",
        basic("LineID", line_number(order, line)),
        basic("SalesOrderLineID", line.id),
        order_reference(order),
    )
    goods = [some for parcel in parcels for some in parcel.contents if some.line_id == line.id]
    return aggregate(
        name,
        basic("ID", line.customer_reference or line.id),
        quantity("DeliveredQuantity", units, code),
        quantity("BackorderQuantity", waiting if of_whole and waiting else None, code),
        quantity("OutstandingQuantity", outstanding if of_whole and outstanding else None, code),
        reference,
        aggregate("Item", aggregate("SellersItemIdentification", basic("ID", line.sku)), *_instances(goods)),
    )


_STILL_TO_COME = ("open", "backordered", "allocated", "picked", "packed")


def _instances(goods: Iterable[Goods]) -> Iterator[Part | None]:
    """Lots, expiry dates and serial numbers of what was packed."""
    for some in goods:
        lot = aggregate("LotIdentification", basic("LotNumberID", some.lot), basic("ExpiryDate", some.expires_on))
        if not some.serials:
            yield aggregate("ItemInstance", lot)
        for serial in some.serials:
            yield aggregate("ItemInstance", basic("SerialID", serial), lot)


# -- what UBL cannot say --------------------------------------------------------------------------------------------


def _losses(order: Order, shipment: Shipment, parcels: Iterable[Parcel]) -> Iterator[Loss]:
    at, booking = f"shipments[{shipment.id}]", shipment.booking
    if booking is not None and booking.cost is not None:
        yield Loss(f"{at}.booking.cost", str(booking.cost), "what a carrier costs us is not for the customer")
    if booking is not None and (booking.label.data or booking.label.url):
        yield Loss(f"{at}.booking.label", booking.label.format, "a label is on the parcel, not in its advice")
    for index, leg in enumerate(booking.legs if booking is not None else ()):
        why = "an advice names the carrier of the whole way"
        yield Loss(f"{at}.booking.legs[{index}]", f"{leg.carrier} {leg.tracking_number}", why)
    if shipment.shared is not None:
        yield Loss(f"{at}.shared", shipment.shared.id, "an advice does not say that a box holds goods of other orders")
    for parcel in parcels:
        yield from _parcel_losses(parcel)


def _parcel_losses(parcel: Parcel) -> Iterator[Loss]:
    at = f"parcels[{parcel.id}]"
    if parcel.sscc:
        yield Loss(f"{at}.id", parcel.id, "a handling unit has one number: its SSCC")
    for index, some in enumerate(parcel.contents):
        if some.measured is not None:
            why = "a despatch line counts units; what they measure is on the invoice"
            yield Loss(f"{at}.contents[{index}].measured", plain(some.measured), why)
    if parcel.given_up or parcel.is_damaged:
        yield Loss(f"{at}.given_up", parcel.given_up or "damaged", "an advice says what left, not what became of it")
