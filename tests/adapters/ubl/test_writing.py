"""What we answer and what we send is said in UBL, in the order of its schemas, and read again by somebody else."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest

from orderflow import (
    AmendOrder,
    AuthorizeReturn,
    BookShipment,
    CancelLines,
    CancelOrder,
    ConfirmOrder,
    DespatchShipment,
    PackParcel,
    ReceiveReturn,
    RecordPick,
    RefuseConfirmation,
    RejectOrder,
    RequestReturn,
    StartPicking,
)
from orderflow.adapters.ubl import (
    Agreement,
    read_order,
    write_despatch_advice,
    write_order_response,
    write_order_response_simple,
)
from orderflow.adapters.ubl.markup import parsed
from orderflow.adapters.ubl.orders import heading_of
from orderflow.adapters.ubl.reading import Reader
from orderflow.adapters.ubl.responses import line_number
from orderflow.adapters.ubl.writing import aggregate, basic
from orderflow.errors import InvalidInput
from orderflow.order import ConfirmedLine, Goods, Line, Order, Origin
from orderflow.tracking import Scan, TrackingStatus
from orderflow.values import Money
from orderflow.values.checked import evolved
from tests.adapters.ubl.documents import COMMON, line, order
from tests.adapters.ubl.shop import SELLER, Shop

CBC, CAC = f"{{{COMMON}BasicComponents-2}}", f"{{{COMMON}AggregateComponents-2}}"

#: What stands in what, in which order: written down by hand from the schemas of UBL 2.1, for what we write.
ORDER_OF = {
    "OrderResponse": """UBLVersionID ID SalesOrderID IssueDate IssueTime OrderResponseCode Note DocumentCurrencyCode
        OrderReference SellerSupplierParty BuyerCustomerParty OrderLine""",
    "OrderResponseSimple": """UBLVersionID ID IssueDate IssueTime AcceptedIndicator RejectionNote OrderReference
        SellerSupplierParty BuyerCustomerParty""",
    "DespatchAdvice": """UBLVersionID ID IssueDate IssueTime OrderReference DespatchSupplierParty DeliveryCustomerParty
        Shipment DespatchLine""",
    "BuyerCustomerParty": "SupplierAssignedAccountID Party",
    "DeliveryCustomerParty": "SupplierAssignedAccountID Party",
    "SellerSupplierParty": "Party",
    "DespatchSupplierParty": "Party",
    "Party": "PartyIdentification PartyName PostalAddress PartyTaxScheme Contact",
    "DeliveryParty": "PartyName Contact",
    "CarrierParty": "PartyName",
    "PartyIdentification": "ID",
    "PartyName": "Name",
    "PartyTaxScheme": "CompanyID TaxScheme",
    "TaxScheme": "ID",
    "PostalAddress": "StreetName AdditionalStreetName CityName PostalZone CountrySubentity AddressLine Country",
    "DeliveryAddress": "StreetName AdditionalStreetName CityName PostalZone CountrySubentity AddressLine Country",
    "AddressLine": "Line",
    "Country": "IdentificationCode",
    "Contact": "Name Telephone ElectronicMail",
    "OrderReference": "ID SalesOrderID",
    "OrderLine": "LineItem SellerSubstitutedLineItem OrderLineReference",
    "LineItem": "ID Note LineStatusCode Quantity Delivery Price Item",
    "SellerSubstitutedLineItem": "ID Item",
    "OrderLineReference": "LineID SalesOrderLineID OrderReference",
    "Delivery": """Quantity ActualDeliveryDate ActualDeliveryTime TrackingID DeliveryAddress PromisedDeliveryPeriod
        EstimatedDeliveryPeriod CarrierParty DeliveryParty Despatch""",
    "Despatch": "ActualDespatchDate ActualDespatchTime",
    "PromisedDeliveryPeriod": "EndDate",
    "EstimatedDeliveryPeriod": "EndDate",
    "Price": "PriceAmount BaseQuantity",
    "Item": "SellersItemIdentification ItemInstance",
    "SellersItemIdentification": "ID",
    "ItemInstance": "SerialID LotIdentification",
    "LotIdentification": "LotNumberID ExpiryDate",
    "Shipment": "ID GrossWeightMeasure TotalTransportHandlingUnitQuantity Consignment Delivery TransportHandlingUnit",
    "Consignment": "ID CarrierServiceInstructions CarrierParty",
    "TransportHandlingUnit": "ID TraceID HandlingUnitDespatchLine MeasurementDimension",
    "HandlingUnitDespatchLine": "ID DeliveredQuantity OrderLineReference Item",
    "DespatchLine": "ID DeliveredQuantity BackorderQuantity OutstandingQuantity OrderLineReference Item",
    "MeasurementDimension": "AttributeID Measure",
}  # fmt: skip
NEEDED = {
    "OrderResponse": "ID IssueDate OrderReference SellerSupplierParty BuyerCustomerParty",
    "OrderResponseSimple": "ID IssueDate AcceptedIndicator OrderReference SellerSupplierParty BuyerCustomerParty",
    "DespatchAdvice": "ID IssueDate DespatchSupplierParty DeliveryCustomerParty DespatchLine",
    "OrderLine": "LineItem",
    "LineItem": "ID Item",
    "DespatchLine": "ID OrderLineReference Item",
    "HandlingUnitDespatchLine": "ID OrderLineReference Item",
    "Shipment": "ID",
    "Consignment": "ID",
    "Price": "PriceAmount",
    "OrderReference": "ID",
    "OrderLineReference": "LineID",
    "PartyTaxScheme": "TaxScheme",
    "MeasurementDimension": "AttributeID",
}


def checked(content: bytes) -> ElementTree.Element:
    """A document, after its namespaces, the order of its elements and what it must have were looked at."""
    root = ElementTree.fromstring(content)
    kind = root.tag.partition("}")[2]
    assert root.tag == f"{{urn:oasis:names:specification:ubl:schema:xsd:{kind}-2}}{kind}"
    for element in root.iter():
        name = element.tag.partition("}")[2]
        if element is not root:
            assert element.tag == f"{CAC if name in ORDER_OF else CBC}{name}"
        if name not in ORDER_OF:
            assert element.text, f"{name} says nothing"
            continue
        names = [child.tag.partition("}")[2] for child in element]
        places = [ORDER_OF[name].split().index(child) for child in names]
        assert places == sorted(places), f"{name}: {names}"
        assert set(NEEDED.get(name, "").split()) <= set(names), f"{name}: {names}"
    return root


def said(element: ElementTree.Element, path: str) -> list[str]:
    """What stands at a path, written without prefixes."""
    steps = path.split("/")
    way = "/".join(f"{CAC if step in ORDER_OF else CBC}{step}" for step in steps)
    return [found.text or "" for found in element.findall(way)]


def confirmed(*lines: ConfirmedLine, given: str = "", **agreed: Any) -> tuple[ElementTree.Element, Any, Order]:
    """The answer to an order that was confirmed by hand, if lines are given."""
    agreement = Agreement(**agreed)
    shop = Shop(read_order(given or order(line("20", "100")), agreement).command)
    if lines:
        shop.does(ConfirmOrder(shop.order_id, lines))
    written = write_order_response(shop.order, SELLER, agreement)
    return checked(written.document), written.losses, shop.order


# -- answers --------------------------------------------------------------------------------------------------------


def test_an_order_that_is_accepted_as_it_stands_is_answered_so() -> None:
    answer, losses, placed = confirmed()

    assert said(answer, "OrderResponseCode") == ["AP"]
    assert said(answer, "OrderReference/ID") == ["PO-7"]
    assert said(answer, "SalesOrderID") == [placed.id]
    assert said(answer, "SellerSupplierParty/Party/PartyName/Name") == ["Tea House"]
    assert said(answer, "BuyerCustomerParty/SupplierAssignedAccountID") == ["C-12"]
    assert said(answer, "OrderLine/LineItem/ID") == ["20"]
    assert said(answer, "OrderLine/LineItem/LineStatusCode") == ["NoStatus"]
    assert said(answer, "OrderLine/LineItem/Quantity") == ["100"]
    assert said(answer, "OrderLine/OrderLineReference/LineID") == ["20"]
    assert said(answer, "OrderLine/OrderLineReference/SalesOrderLineID") == ["L1"]
    assert losses == ()


def test_units_on_several_days_at_one_price_are_one_row_with_several_deliveries() -> None:
    price = Money("9.90", "EUR")
    answer, _, _ = confirmed(
        ConfirmedLine("L1", 60, "changed", price, date(2026, 12, 1)),
        ConfirmedLine("L1", 40, "changed", price, date(2026, 12, 8)),
    )
    assert said(answer, "OrderResponseCode") == ["CA"]
    assert said(answer, "OrderLine/LineItem/Quantity") == ["100"]
    assert said(answer, "OrderLine/LineItem/Delivery/Quantity") == ["60", "40"]
    days = said(answer, "OrderLine/LineItem/Delivery/PromisedDeliveryPeriod/EndDate")
    assert days == ["2026-12-01", "2026-12-08"]


def test_sixty_as_ordered_and_forty_later_and_dearer_are_two_rows() -> None:
    answer, losses, _ = confirmed(
        ConfirmedLine("L1", 60, "accepted", Money("5.00", "EUR"), date(2026, 12, 1)),
        ConfirmedLine("L1", 40, "changed", Money("520", "EUR"), date(2026, 12, 8), price_per=100),
    )
    assert said(answer, "OrderLine/LineItem/ID") == ["20", "20-2"]
    assert said(answer, "OrderLine/LineItem/LineStatusCode") == ["NoStatus", "Revised"]
    assert said(answer, "OrderLine/LineItem/Price/PriceAmount") == ["5.00", "520.00"]
    assert said(answer, "OrderLine/LineItem/Price/BaseQuantity") == ["100"]
    assert said(answer, "OrderLine/OrderLineReference/LineID") == ["20", "20"]
    assert losses == ()


def test_another_price_is_another_row() -> None:
    answer, _, _ = confirmed(
        ConfirmedLine("L1", 60, "changed", Money("5.00", "EUR")),
        ConfirmedLine("L1", 40, "changed", Money("5.20", "EUR")),
    )
    assert said(answer, "OrderLine/LineItem/Price/PriceAmount") == ["5.00", "5.20"]


def test_a_line_that_came_instead_of_another_answers_that_one() -> None:
    shop = Shop(read_order(order(line("20", "5"), line("30", "2", sku="CUP"))).command)
    shop.does(AmendOrder(shop.order_id, substitute={"L1": "CUP"}))
    answer = checked(write_order_response(shop.order, SELLER).document)
    assert said(answer, "OrderLine/OrderLineReference/LineID") == ["30", "20"]
    assert said(answer, "OrderLine/OrderLineReference/SalesOrderLineID") == ["L2", "L3"]


def test_a_line_of_our_own_has_the_number_of_the_one_that_it_replaces() -> None:
    placed = Shop(read_order(order(line("20", "5"))).command).order
    replacing = Line("L2", "TEA", origin=Origin("replacement_of", "L1"))
    ours = Line("L3", "CUP")
    placed = placed.with_lines([(replacing, Decimal(1)), (ours, Decimal(1))])
    assert [line_number(placed, one) for one in placed.lines.values()] == ["20", "20", "L3"]


def test_what_stands_in_what_is_missing_and_what_is_not_to_be_had_are_told_apart_in_notes() -> None:
    answer, losses, _ = confirmed(
        ConfirmedLine("L1", 50, "substituted", sku="SENCHA"),
        ConfirmedLine("L1", 50, "backordered"),
        ConfirmedLine("L1", 7, "rejected", note="sold out"),
    )
    assert said(answer, "OrderLine/SellerSubstitutedLineItem/Item/SellersItemIdentification/ID") == ["SENCHA"]
    assert said(answer, "OrderLine/LineItem/LineStatusCode") == ["Revised", "Revised", "Cancelled"]
    assert said(answer, "OrderLine/LineItem/Note") == ["backordered", "sold out"]
    assert [(loss.path, loss.value) for loss in losses] == [
        ("confirmation.lines[L1].answer", "backordered"),
        ("confirmation.lines[L1].answer", "rejected"),
    ]


def test_what_was_cancelled_since_is_not_promised_any_more() -> None:
    shop = Shop(read_order(order(line("20", "100"), line("30", "2", sku="CUP"))).command)
    sooner, later = (
        ConfirmedLine("L1", units, "changed", day=date(2026, 12, day)) for units, day in ((60, 1), (40, 8))
    )
    shop.does(ConfirmOrder(shop.order_id, [sooner, later, ("L2", 2)]))
    shop.does(AmendOrder(shop.order_id, {"L1": 70}))
    answer = checked(write_order_response(shop.order, SELLER).document)
    assert said(answer, "OrderLine/LineItem/Quantity") == ["70", "2"]
    assert said(answer, "OrderLine/LineItem/Delivery/Quantity") == ["60", "10"]

    shop.does(AmendOrder(shop.order_id, {"L1": 60, "L2": 0}))
    answer = checked(write_order_response(shop.order, SELLER).document)
    assert said(answer, "OrderLine/LineItem/LineStatusCode") == ["Revised", "Cancelled"]
    assert said(answer, "OrderLine/LineItem/Note") == ["cancelled"]
    assert said(answer, "OrderResponseCode") == ["CA"]


def test_kits_are_answered_by_their_row_and_sent_by_component() -> None:
    """Ten kits under the customer's row 20, two of them cancelled, and a cup of another."""
    command = read_order(order(line("20", "10", sku="SET"), line("30", "2", sku="TEA"))).command
    kits = evolved(command.lines[0], components=(("CUP", 2), ("POT", 1)))
    shop = Shop(evolved(command, lines=(kits, *command.lines[1:])), {"CUP": 99, "POT": 99})
    answer = checked(write_order_response(shop.order, SELLER).document)
    assert said(answer, "OrderLine/OrderLineReference/LineID") == ["20", "30"]
    assert said(answer, "OrderLine/LineItem/Quantity") == ["10", "2"]

    shop.does(CancelLines(shop.order_id, {"L1": 2}))
    answer = checked(write_order_response(shop.order, SELLER).document)
    assert said(answer, "OrderLine/LineItem/Quantity") == ["8", "2"]

    shop.sends()
    advice = checked(write_despatch_advice(shop.order, "S1", SELLER).document)
    assert said(advice, "DespatchLine/OrderLineReference/LineID") == ["20", "20", "30"]
    assert said(advice, "DespatchLine/OrderLineReference/SalesOrderLineID") == ["L1.1", "L1.2", "L2"]
    assert said(advice, "DespatchLine/DeliveredQuantity") == ["16", "8", "2"]


def test_what_the_buyer_refused_is_not_in_the_next_answer() -> None:
    """100 asked for, 60 confirmed as asked and 40 later and dearer, in either order; the buyer keeps the 60."""
    as_asked = ConfirmedLine("L1", 60, "accepted", Money("5.00", "EUR"), date(2026, 12, 1))
    dearer = ConfirmedLine("L1", 40, "changed", Money("5.20", "EUR"), date(2026, 12, 8))
    for entries, refused_part in (((as_asked, dearer), 2), ((dearer, as_asked), 1)):
        shop = Shop(
            read_order(order(line("20", "100", "5.00"))).command,
            buyer_must_agree=lambda order, lines: any(one.answer == "changed" for one in lines),
        )
        shop.does(ConfirmOrder(shop.order_id, entries))
        shop.does(RefuseConfirmation(shop.order_id, parts=[refused_part], keep_rest=True))
        written = write_order_response(shop.order, SELLER)
        answer = checked(written.document)
        assert said(answer, "OrderLine/LineItem/Quantity") == ["60"]
        assert said(answer, "OrderLine/LineItem/Delivery/PromisedDeliveryPeriod/EndDate") == ["2026-12-01"]
        assert (said(answer, "OrderResponseCode"), written.losses) == (["AP"], ())


def test_partners_may_have_agreed_on_other_codes_and_units() -> None:
    answers = {"accepted": "5", "changed": "3", "backordered": "3", "substituted": "3", "rejected": "7"}
    answer, _, _ = confirmed(given=order(line(unit="XPK")), answers=answers, units={"XPK": "pack"})
    assert said(answer, "OrderLine/LineItem/LineStatusCode") == ["5"]
    (units,) = answer.iter(f"{CBC}Quantity")
    assert units.attrib == {"unitCode": "XPK"}


def test_that_the_buyer_must_agree_is_more_than_an_answer_can_say() -> None:
    shop = Shop(read_order(order()).command, buyer_must_agree=lambda order, lines: True)
    losses = write_order_response(shop.order, SELLER).losses
    assert [(loss.path, loss.value) for loss in losses] == [("confirmation.word", "waits")]


def test_an_order_is_acknowledged_rejected_or_cancelled_in_an_answer() -> None:
    waiting = Shop(read_order(order()).command, automatic=frozenset({"acknowledge"}))
    answer = checked(write_order_response(waiting.order, SELLER).document)
    assert (said(answer, "OrderResponseCode"), said(answer, "OrderLine/LineItem/ID")) == (["AB"], [])

    waiting.does(RejectOrder(waiting.order_id, reasons=[("credit", "The account is closed"), "limit"]))
    answer = checked(write_order_response(waiting.order, SELLER, number="R-1").document)
    assert (said(answer, "ID"), said(answer, "OrderResponseCode")) == (["R-1"], ["RE"])
    assert said(answer, "Note") == ["The account is closed; limit", "The account is closed", "limit"]


def test_a_simple_answer_says_yes_or_no_and_lists_what_it_leaves_out() -> None:
    shop = Shop(read_order(order()).command, stock={"TEA": 2})
    written = write_order_response_simple(shop.order, SELLER)
    assert said(checked(written.document), "AcceptedIndicator") == ["true"]
    assert [loss.value for loss in written.losses] == ["backordered: 3 of L1"]

    shop.does(CancelOrder(shop.order_id, "a mistake"))
    written = write_order_response_simple(shop.order, SELLER)
    answer = checked(written.document)
    assert (said(answer, "AcceptedIndicator"), said(answer, "RejectionNote")) == (["false"], ["a mistake"])
    assert written.losses == ()


# -- despatch advices -----------------------------------------------------------------------------------------------


def sent(**packing: Any) -> Shop:
    shop = Shop(read_order(order(line("20", "5"), line("30", "2", sku="CUP"))).command, stock={"CUP": 1})
    shop.sends(
        Goods("L1", Decimal(3), lot="B7", expires_on=date(2027, 6, 1)),
        Goods("L1", Decimal(2), serials=("S1", "S2")),
        ("L2", 1),
        **packing,
    )
    return shop


def test_what_left_is_told_by_line_and_by_parcel() -> None:
    sscc = "340123450000000000"
    shop = sent(weight_kg="4.5", dimensions_cm=(40, 30, 20), sscc=sscc)
    written = write_despatch_advice(shop.order, "S1", SELLER)
    advice = checked(written.document)
    booking = shop.order.shipments["S1"].booking
    assert booking is not None

    assert said(advice, "OrderReference/ID") == ["PO-7"]
    assert said(advice, "DespatchLine/ID") == ["20", "30"]
    assert said(advice, "DespatchLine/DeliveredQuantity") == ["5", "1"]
    assert said(advice, "DespatchLine/BackorderQuantity") == ["1"]
    assert said(advice, "DespatchLine/OutstandingQuantity") == ["1"]
    assert said(advice, "DespatchLine/OrderLineReference/SalesOrderLineID") == ["L1", "L2"]
    assert said(advice, "DespatchLine/Item/SellersItemIdentification/ID") == ["TEA", "CUP"]
    assert said(advice, "DespatchLine/Item/ItemInstance/LotIdentification/LotNumberID") == ["B7"]
    assert said(advice, "DespatchLine/Item/ItemInstance/LotIdentification/ExpiryDate") == ["2027-06-01"]
    assert said(advice, "DespatchLine/Item/ItemInstance/SerialID") == ["S1", "S2"]
    unit = "Shipment/TransportHandlingUnit"
    assert said(advice, f"{unit}/ID") == [sscc]
    assert said(advice, f"{unit}/TraceID") == [shop.order.parcels["P1"].tracking_number]
    assert said(advice, f"{unit}/HandlingUnitDespatchLine/DeliveredQuantity") == ["5", "1"]
    assert said(advice, f"{unit}/MeasurementDimension/Measure") == ["4.5", "40", "30", "20"]
    assert said(advice, "Shipment/GrossWeightMeasure") == ["4.5"]
    assert said(advice, "Shipment/Consignment/ID") == [booking.number]
    assert said(advice, "Shipment/Delivery/CarrierParty/PartyName/Name") == [booking.carrier]
    assert said(advice, "Shipment/Delivery/TrackingID") == [booking.tracking_number]
    assert said(advice, "Shipment/Delivery/Despatch/ActualDespatchDate") == ["2026-12-01"]
    assert said(advice, "Shipment/Delivery/ActualDeliveryDate") == []
    assert {loss.path for loss in written.losses} >= {"shipments[S1].booking.label", "parcels[P1].id"}


def test_written_again_after_its_arrival_an_advice_says_when() -> None:
    shop = sent()
    number = shop.order.parcels["P1"].tracking_number
    at = datetime(2026, 12, 2, 23, 30, tzinfo=UTC)
    shop.flow.observe(Scan(number, TrackingStatus.DELIVERED, at))
    agreement = Agreement(zone="Europe/Berlin")
    advice = checked(write_despatch_advice(shop.order, "S1", SELLER, agreement).document)

    assert said(advice, "Shipment/Delivery/ActualDeliveryDate") == ["2026-12-02"]
    assert said(advice, "Shipment/Delivery/ActualDeliveryTime") == ["23:30:00"]
    assert said(advice, "Shipment/TransportHandlingUnit/ID") == ["P1"]


def test_a_shipment_has_arrived_when_all_of_it_has() -> None:
    shop = Shop(read_order(order(line("20", "5"))).command)
    shop.does(StartPicking(shop.order_id, "F1"), RecordPick(shop.order_id, "F1"))
    shop.does(PackParcel(shop.order_id, "F1", [("L1", 3)]), PackParcel(shop.order_id, "F1", [("L1", 2)]))
    shop.does(BookShipment(shop.order_id, carrier="PARCELCO", service="standard"))
    with pytest.raises(InvalidInput, match=r"ubl\.not_despatched"):
        write_despatch_advice(shop.order, "S1", SELLER)

    shop.does(DespatchShipment(shop.order_id, "S1"))
    for number, days in (("P1", []), ("P2", ["2026-12-03"])):
        at = datetime(2026, 12, 3, 9, tzinfo=UTC)
        shop.flow.observe(Scan(shop.order.parcels[number].tracking_number, TrackingStatus.DELIVERED, at))
        advice = checked(write_despatch_advice(shop.order, "S1", SELLER).document)
        assert said(advice, "Shipment/Delivery/ActualDeliveryDate") == days
        assert said(advice, "Shipment/TotalTransportHandlingUnitQuantity") == ["2"]


def test_a_kit_in_two_parcels_is_told_by_component_and_as_it_left() -> None:
    """Three kits of two cups and a pot, one pot of them still here; two cups come back later."""
    command = read_order(order(line("20", "3", sku="SET"), line("30", "1", sku="TEA"))).command
    kits = evolved(command.lines[0], components=(("CUP", 2), ("POT", 1)))
    shop = Shop(evolved(command, lines=(kits, *command.lines[1:])), {"CUP": 99, "POT": 99})
    shop.does(
        StartPicking(shop.order_id, "F1"),
        RecordPick(shop.order_id, "F1"),
        PackParcel(shop.order_id, "F1", [("L1.1", 4), ("L1.2", 1)]),
        PackParcel(shop.order_id, "F1", [("L1.1", 2), ("L1.2", 1), ("L2", 1)]),
        BookShipment(shop.order_id, carrier="PARCELCO", service="standard"),
        DespatchShipment(shop.order_id, "S1"),
    )
    advice = write_despatch_advice(shop.order, "S1", SELLER)
    written = checked(advice.document)
    assert said(written, "DespatchLine/ID") == ["L1.1", "L1.2", "30"], "each line of an advice has a number of its own"
    assert said(written, "DespatchLine/OrderLineReference/LineID") == ["20", "20", "30"]
    assert said(written, "DespatchLine/DeliveredQuantity") == ["6", "2", "1"]
    assert said(written, "DespatchLine/OutstandingQuantity") == ["1"]
    boxed = "Shipment/TransportHandlingUnit/HandlingUnitDespatchLine"
    assert said(written, f"{boxed}/DeliveredQuantity") == ["4", "1", "2", "1", "1"]

    for parcel in shop.order.parcels.values():
        shop.flow.observe(Scan(parcel.tracking_number, TrackingStatus.DELIVERED, shop.clock()))
    shop.does(RequestReturn(shop.order_id, [("L1.1", 2)]), AuthorizeReturn(shop.order_id, "R1"))
    shop.does(ReceiveReturn(shop.order_id, "R1"))
    again = checked(write_despatch_advice(shop.order, "S1", SELLER).document)
    assert said(again, "DespatchLine/DeliveredQuantity") == ["6", "2", "1"]


def test_a_measured_weight_is_listed_as_lost() -> None:
    shop = Shop(read_order(order(line("20", "1"))).command)
    shop.sends(Goods("L1", Decimal(1), Decimal("1.2")))
    losses = write_despatch_advice(shop.order, "S1", SELLER).losses
    assert ("parcels[P1].contents[0].measured", "1.2") in {(loss.path, loss.value) for loss in losses}


def test_only_what_has_left_is_advised() -> None:
    shop = Shop(read_order(order()).command)
    with pytest.raises(InvalidInput, match=r"ubl\.unknown_shipment"):
        write_despatch_advice(shop.order, "S9", SELLER)


# -- how it is written ----------------------------------------------------------------------------------------------


def test_the_same_order_is_written_as_the_same_bytes_in_utf_8() -> None:
    shop = Shop(read_order(order().replace("Ada Krull", "Åda <Krüll>".replace("<", "&lt;"))).command)
    once, again = (write_order_response(shop.order, SELLER) for _ in range(2))
    assert once == again
    assert "Åda &lt;Krüll&gt;".encode() in once.document


def test_what_is_written_is_what_would_be_read() -> None:
    """Buyer, seller and address of an answer are those of the order, by the reader that read the order."""
    shop = Shop(read_order(order()).command)
    heading = heading_of(Reader(parsed(write_order_response(shop.order, SELLER).document), Agreement()))
    assert (heading.buyer, heading.seller) == (shop.order.customer, SELLER)


def test_a_part_is_written_in_the_order_of_the_vocabulary_and_only_where_it_has_one() -> None:
    made = aggregate("Contact", basic("ElectronicMail", "a@b.c"), basic("Telefax", ""), basic("Name", "Ada"))
    assert made is not None
    assert [part.name for part in made.parts] == ["Name", "ElectronicMail"]
    assert aggregate("Contact") is None
    with pytest.raises(AssertionError, match="no such part"):
        aggregate("Contact", basic("Shoe", "43"))


def test_what_xml_cannot_hold_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"ubl\.cannot_be_written"):
        basic("Note", "ring the \x07")
