"""An order of UBL becomes the command that places it; what has no place is listed, what does not add up is flagged."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from orderflow.adapters.ubl import Agreement, ItemNumbers, OrderDocument, read_order
from orderflow.adapters.ubl.vocabulary import document_namespace
from orderflow.errors import InvalidInput
from orderflow.stages.acceptance import OrderLine
from orderflow.values import Address, Contact, Money, Party, Window
from tests.adapters.ubl.documents import CURRENCY, DELIVERY, HEAD, amount, document, line, order, status

HOME = Address("DE", "Torstrasse 1", city="Berlin", postal_code="10119")
STATED = amount("LineExtensionAmount", "49.50") + amount("PayableAmount", "49.50")
TOTALS = f"<cac:AnticipatedMonetaryTotal>{STATED}</cac:AnticipatedMonetaryTotal>"


def read_line(given: str, **agreed: Any) -> OrderLine:
    (made,) = read_order(order(given), Agreement(**agreed)).command.lines
    return made


def refused(given: str, agreement: Agreement | None = None) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        read_order(given, agreement or Agreement())
    return [(violation.code, violation.path) for violation in caught.value.violations]


def flagged(given: OrderDocument) -> list[tuple[str, Decimal | None, Decimal | None]]:
    return [(flag.code, flag.stated, flag.computed) for flag in given.flags]


# -- what is read ---------------------------------------------------------------------------------------------------


def test_an_order_is_read_with_its_number_its_parties_its_address_and_its_days() -> None:
    read = read_order(order(notes="<cbc:Note>Ring twice.\nThen wait.</cbc:Note>"), Agreement(channel="krull"))
    command = read.command

    assert (command.reference, command.customer_reference, command.channel) == ("PO-7", "PO-7", "krull")
    assert command.currency == "EUR"
    assert command.customer == Party(
        "Krull & Sons", "C-12", Contact("ada@example.org", "030 1234", name="Ada Krull"), HOME
    )
    assert command.ship_to == Address("DE", "Torstrasse 1", city="Berlin", postal_code="10119", company="Krull & Sons")
    assert (command.not_before, command.deliver_by) == (date(2026, 12, 1), date(2026, 12, 4))
    assert command.instructions == ("Ring twice.\nThen wait.",)
    assert (read.heading.number, read.heading.issued_on) == ("PO-7", date(2026, 11, 20))
    assert read.heading.seller == Party("Tea House")
    assert read.flags == ()


def test_a_row_is_read_with_product_quantity_price_and_its_own_number() -> None:
    assert read_line(line("20", "2.5", "4.60", per="100", unit="KGM")) == OrderLine(
        "TEA", "2.5", "kg", Money("4.60", "EUR"), price_per=100, customer_reference="20"
    )


def test_a_day_with_an_offset_is_that_day() -> None:
    read = read_order(order(head=HEAD.replace("2026-11-20", "2026-11-20+13:00")), Agreement(zone="Asia/Tokyo"))
    assert read.heading.issued_on == date(2026, 11, 20)


@pytest.mark.parametrize("offset", ["+15:00", "-14:30", "+09:75"])
def test_a_day_in_a_zone_that_there_is_not_is_no_day(offset: str) -> None:
    with pytest.raises(InvalidInput, match=r"ubl\.bad_date"):
        read_order(order(head=HEAD.replace("2026-11-20", f"2026-11-20{offset}")))


def test_a_customer_is_known_by_the_number_that_we_gave_it_then_by_its_own() -> None:
    own = "<cac:PartyIdentification><cbc:ID>K-99</cbc:ID></cac:PartyIdentification><cac:PartyName><cbc:Name>Krull"
    both = order().replace("<cac:PartyName><cbc:Name>Krull", own)
    alone = both.replace("<cbc:SupplierAssignedAccountID>C-12</cbc:SupplierAssignedAccountID>", "")
    customers = [read_order(given).command.customer for given in (both, alone)]
    assert [customer.id for customer in customers if customer is not None] == ["C-12", "K-99"]


def test_an_address_of_many_parts_stands_on_five_lines() -> None:
    parts = ("Postbox", "Floor", "Room", "AdditionalStreetName", "BuildingName", "Department", "PlotIdentification")
    more = "".join(f"<cbc:{part}>{number}{part}</cbc:{part}>" for number, part in enumerate(parts))
    given = DELIVERY.replace("<cbc:StreetName>", f"{more}<cbc:Postbox>77</cbc:Postbox><cbc:StreetName>")
    read = read_order(order(delivery=given))
    assert read.command.ship_to is not None
    assert read.command.ship_to.lines == (
        "5Department",
        "4BuildingName",
        "1Floor 2Room",
        "Torstrasse 1",
        "3AdditionalStreetName, 6PlotIdentification, 0Postbox",
    )
    assert [loss.value for loss in read.losses if loss.path.endswith("Postbox[2]")] == ["77"]


def test_hours_of_a_period_are_a_window_in_the_zone_that_is_said_or_agreed() -> None:
    hours = (
        "<cac:Delivery><cac:RequestedDeliveryPeriod><cbc:StartDate>2026-12-01</cbc:StartDate>"
        "<cbc:StartTime>09:00:00</cbc:StartTime><cbc:EndDate>2026-12-01</cbc:EndDate>"
        "<cbc:EndTime>12:00:00+00:00</cbc:EndTime></cac:RequestedDeliveryPeriod></cac:Delivery>"
    )
    nine_to_one = Window(datetime(2026, 12, 1, 8, tzinfo=UTC), datetime(2026, 12, 1, 12, tzinfo=UTC))
    of_line = read_line(line(more=hours), zone="Europe/Berlin")
    assert (of_line.window, of_line.not_before, of_line.deliver_by) == (nine_to_one, *[date(2026, 12, 1)] * 2)

    (of_order,) = read_order(order(delivery=hours), Agreement(zone="Europe/Berlin", ship_to=HOME)).command.lines
    assert (of_order.window, of_order.deliver_by) == (nine_to_one, None)


def test_a_row_says_for_itself_where_it_goes_and_whether_a_part_of_it_may_come_first() -> None:
    elsewhere = DELIVERY.replace("Torstrasse", "Lindenallee").replace("2026-12-04", "2026-12-02")
    whole = "<cbc:PartialDeliveryIndicator>{}</cbc:PartialDeliveryIndicator>"
    own = read_line(line(more=whole.format("false") + elsewhere))

    assert own.ship_to is not None
    assert (own.ship_to.lines, own.deliver_by, own.complete) == (("Lindenallee 1",), date(2026, 12, 2), "line")
    assert read_line(line(more=whole.format("true"))).complete == "no"
    assert read_line(line()).complete is None


def test_least_and_most_are_a_tolerance_where_they_are_an_exact_percentage() -> None:
    def bounds(least: str, most: str) -> str:
        return f"<cbc:MinimumQuantity>{least}</cbc:MinimumQuantity><cbc:MaximumQuantity>{most}</cbc:MaximumQuantity>"

    within = read_line(line(quantity="40", more=bounds("38", "44")))
    assert (within.under, within.over) == (Decimal(5), Decimal(10))
    read = read_order(order(line(quantity="3", more=bounds("2", "2"))))
    assert (read.command.lines[0].under, read.command.lines[0].over) == (0, 0)
    assert [flag.code for flag in read.flags] == ["ubl.bad_tolerance"] * 2
    assert {"MinimumQuantity", "MaximumQuantity"} <= {loss.path.rpartition(":")[2] for loss in read.losses}


def test_notes_and_special_terms_are_instructions() -> None:
    terms = (
        "<cac:DeliveryTerms><cbc:ID>DAP</cbc:ID><cbc:SpecialTerms>Unload by hand</cbc:SpecialTerms></cac:DeliveryTerms>"
    )
    given = line(more=terms).replace("<cac:LineItem>", "<cbc:Note>Fragile</cbc:Note><cac:LineItem>")
    assert read_line(given).instructions == ("Fragile", "Unload by hand")
    read = read_order(order(given))
    assert [(loss.value, loss.why) for loss in read.losses if loss.path.endswith("cac:DeliveryTerms/cbc:ID")] == [
        ("DAP", "terms of trade have no place; special terms are kept as instructions")
    ]


# -- what was agreed ------------------------------------------------------------------------------------------------


def test_whose_number_of_a_product_counts_is_agreed() -> None:
    buyers = "<cac:BuyersItemIdentification><cbc:ID>K-1</cbc:ID></cac:BuyersItemIdentification>"
    standard = "<cac:StandardItemIdentification><cbc:ID>4006381333931</cbc:ID></cac:StandardItemIdentification>"
    given = line().replace("</cac:Item>", f"{buyers}{standard}</cac:Item>")
    by_gtin = {"4006381333931": "SENCHA"}

    assert read_line(given).sku == "TEA"
    assert read_line(given, sku=lambda numbers: numbers.buyers).sku == "K-1"
    assert read_line(given, sku=lambda numbers: by_gtin[numbers.standard]).sku == "SENCHA"
    assert read_line(line(sku="").replace("</cac:Item>", f"{buyers}</cac:Item>")).sku == "K-1"


def test_units_are_those_of_the_agreement() -> None:
    assert read_line(line(unit="XPK")).unit == "XPK"
    assert read_line(line(unit="XPK"), units={"XPK": "pack"}).unit == "pack"
    assert read_line(line().replace(' unitCode="C62"', ""), unit="piece").unit == "piece"


def test_what_a_document_leaves_out_may_be_agreed() -> None:
    bare = document("Order", "<cbc:ID/>" + line(price="", sku=""))
    assert refused(bare) == [
        ("ubl.missing", "/Order"),
        ("ubl.no_item_number", "/Order/cac:OrderLine/cac:LineItem/cac:Item"),
        ("ubl.no_currency", "/Order"),
    ]
    agreed = Agreement(sku=lambda numbers: numbers.sellers or "TEA", currency="EUR", needs_number=False, ship_to=HOME)
    command = read_order(bare, agreed).command
    assert (command.reference, command.currency, command.ship_to, command.lines[0].sku) == (None, "EUR", HOME, "TEA")
    assert agreed.sku(ItemNumbers("A")) == "A"


def test_an_agreement_says_everything_that_is_wrong_with_it_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        Agreement(sku="TEA", zone="Mars", currency="XYZ", units=["C62"])  # type: ignore[arg-type]
    assert caught.value.codes == ("ubl.not_a_rule", "time.unknown_zone", "money.unknown_currency", "ubl.not_units")


def test_the_currency_of_an_order_that_names_none_is_that_of_its_prices() -> None:
    assert read_order(order(currency="")).command.currency == "EUR"
    mixed = line("1") + line("2").replace("EUR", "USD")
    assert refused(order(mixed, currency="")) == [("ubl.no_currency", "/Order")]


# -- what is refused ------------------------------------------------------------------------------------------------


def test_everything_that_cannot_be_read_is_told_at_once_with_its_place() -> None:
    given = order(
        line("1", "five", "-1"),
        line("1", "0", "1.2.3"),
        line("2", "1", before="<cbc:LineStatusCode>Perhaps</cbc:LineStatusCode>").replace("EUR", "EURO"),
        head=HEAD.replace("2026-11-20", "2026-02-30"),
        currency="<cbc:DocumentCurrencyCode>euro</cbc:DocumentCurrencyCode>",
    )
    row = "/Order/cac:OrderLine[{}]/cac:LineItem/cbc:{}"
    assert set(refused(given)) == {
        ("ubl.bad_date", "/Order/cbc:IssueDate"),
        ("money.unknown_currency", "/Order/cbc:DocumentCurrencyCode"),
        ("ubl.bad_number", row.format(1, "Quantity")),
        ("ubl.negative_price", "/Order/cac:OrderLine[1]/cac:LineItem/cac:Price/cbc:PriceAmount"),
        ("quantity.not_positive", row.format(2, "Quantity")),
        ("ubl.bad_number", "/Order/cac:OrderLine[2]/cac:LineItem/cac:Price/cbc:PriceAmount"),
        ("ubl.repeated_line", "/Order/cac:OrderLine[2]/cac:LineItem"),
        ("ubl.unknown_line_status", row.format(3, "LineStatusCode")),
        ("ubl.unknown_currency", "/Order/cac:OrderLine[3]/cac:LineItem/cac:Price/cbc:PriceAmount/@currencyID"),
    }


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        (document("Invoice", HEAD), "ubl.other_document", "/Invoice"),
        ("<Order/>", "ubl.other_document", "/Order"),
        (document("Order", HEAD + CURRENCY), "ubl.missing", "/Order"),
        (order(head=HEAD.replace("2.1", "3.0")), "ubl.other_version", "/Order/cbc:UBLVersionID"),
        (order(head=HEAD.replace("PO-7", " ")), "ubl.missing", "/Order"),
        (order("<cac:OrderLine/>"), "ubl.missing", "/Order/cac:OrderLine"),
        (order(notes="<cbc:Noted>x</cbc:Noted>"), "ubl.unknown_element", "/Order/cbc:Noted"),
        (order(notes="<cac:Note>x</cac:Note>"), "ubl.unknown_element", "/Order/cac:Note"),
        (order(notes="<cbc:Note>x<cbc:ID>1</cbc:ID>y</cbc:Note>"), "ubl.unknown_element", "/Order/cbc:Note/cbc:ID"),
        (order(head=HEAD.replace("2.1", "2.3"), notes="<cbc:Note>x<cbc:ID>1</cbc:ID>y</cbc:Note>"),
         "ubl.unknown_element", "/Order/cbc:Note/cbc:ID"),
        (order(notes="<Note>x</Note>"), "ubl.unknown_element", f"/Order/{{{document_namespace('Order')}}}Note"),
        (order(line(more="<cbc:PartialDeliveryIndicator>no</cbc:PartialDeliveryIndicator>")), "ubl.bad_indicator",
         "/Order/cac:OrderLine/cac:LineItem/cbc:PartialDeliveryIndicator"),
        (order(delivery=DELIVERY.replace("2026-12-04", "2026-11-04")), "ubl.days_reversed",
         "/Order/cac:Delivery/cac:RequestedDeliveryPeriod"),
        (order(notes="<cbc:IssueTime>9:30</cbc:IssueTime>"), "ubl.bad_time", "/Order/cbc:IssueTime"),
        (order(head=HEAD.replace("2026-11-20", "9999-12-31"), notes="<cbc:IssueTime>23:00:00-08:00</cbc:IssueTime>"),
         "ubl.bad_time", "/Order/cbc:IssueTime"),
        (order(head=HEAD.replace("2026-11-20", "2026-11-20T09:00:00")), "ubl.bad_date", "/Order/cbc:IssueDate"),
        (order(line("x" * 101)), "text.too_long", "/Order/cac:OrderLine/cac:LineItem/cbc:ID"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_place(given: str, code: str, path: str) -> None:
    assert (code, path) in refused(given)


def test_a_later_version_may_say_what_we_have_not_heard_of() -> None:
    read = read_order(order(head=HEAD.replace("2.1", "2.4"), notes="<cbc:Noted>x</cbc:Noted>"))
    assert ("/Order/cbc:Noted", "x") in {(loss.path, loss.value) for loss in read.losses}


# -- what does not fit together -------------------------------------------------------------------------------------


def test_a_hundred_times_a_hundred_stated_as_a_hundred_is_flagged_and_not_corrected() -> None:
    read = read_order(order(line(quantity="100", price="100.00", stated="100.00")))

    assert flagged(read) == [("ubl.line_amount", Decimal("100.00"), Decimal("10000.00"))]
    assert (read.command.lines[0].quantity, read.command.lines[0].price) == (100, Money("100.00", "EUR"))
    (flag,) = read.flags
    assert flag.path == "/Order/cac:OrderLine/cac:LineItem/cbc:LineExtensionAmount"
    assert flag.message == "quantity, price, allowances and charges come to 10000, 100 is stated"


ALLOWANCE = (
    "<cac:AllowanceCharge><cbc:ChargeIndicator>{}</cbc:ChargeIndicator><cbc:Amount currencyID='EUR'>{}</cbc:Amount>"
    "</cac:AllowanceCharge>"
)
TAX = "<cac:TaxTotal>{}<cac:TaxSubtotal>{}{}<cbc:Percent>{}</cbc:Percent></cac:TaxSubtotal></cac:TaxTotal>"


@pytest.mark.parametrize(
    ("given", "agrees"),
    [
        (line(stated="49.50"), True),
        (line(stated="49.5"), True),
        (line(stated="49.51"), False),
        (line(quantity="7", price="1", per="3", stated="2.33"), True),
        (line(quantity="1", price="0.125", stated="0.125"), True),
        (line(quantity="1", price="0.125", stated="0.13"), True),
        (line(quantity="1", price="0.125", stated="0.12"), True),
        (line(quantity="1", price="0.125", stated="0.11"), False),
        (line(stated="44.50", more=ALLOWANCE.format("false", "7") + ALLOWANCE.format("true", "2")), True),
        (line(stated="49.50", more=ALLOWANCE.format("false", "7")), False),
        (line(price="", stated="49.50"), None),
        (line(), None),
    ],
)
def test_a_row_is_reckoned_again(given: str, agrees: bool | None) -> None:
    read = read_order(order(given))
    assert read.line_sums[0].agrees is agrees
    assert [flag.code for flag in read.flags] == (["ubl.line_amount"] if agrees is False else [])


def whole(**stated: str) -> str:
    return "<cac:AnticipatedMonetaryTotal>{}</cac:AnticipatedMonetaryTotal>".format(
        "".join(amount(name, value) for name, value in stated.items())
    )


@pytest.mark.parametrize(
    ("totals", "code", "stated", "computed"),
    [
        (whole(LineExtensionAmount="50"), "ubl.line_total", "50", "49.50"),
        (whole(AllowanceTotalAmount="5"), "ubl.allowance_total", "5", "0"),
        (whole(ChargeTotalAmount="5"), "ubl.charge_total", "5", "0"),
        (whole(TaxExclusiveAmount="50"), "ubl.total_before_tax", "50", "49.50"),
        (whole(TaxInclusiveAmount="50"), "ubl.total_with_tax", "50", "49.50"),
        (whole(PayableAmount="50"), "ubl.payable", "50", "49.50"),
        (whole(PrepaidAmount="10", PayableRoundingAmount="0.50", PayableAmount="50"), "ubl.payable", "50", "40.00"),
        (TAX.format(amount("TaxAmount", "9"), "", amount("TaxAmount", "8"), "0"), "ubl.tax_total", "9", "8"),
        (
            TAX.format(
                amount("TaxAmount", "9"), amount("TaxableAmount", "49.50"), amount("TaxAmount", "9"), "19"
            ), "ubl.tax_amount", "9", "9.41",
        ),
    ],
)  # fmt: skip
def test_the_totals_are_reckoned_again(totals: str, code: str, stated: str, computed: str) -> None:
    assert flagged(read_order(order(line(stated="49.50"), totals=totals))) == [
        (code, Decimal(stated), Decimal(computed))
    ]


def test_totals_that_are_right_are_not_flagged() -> None:
    charges = ALLOWANCE.format("true", "5.00") + ALLOWANCE.format("false", "4.50")
    tax = TAX.format(amount("TaxAmount", "9.50"), amount("TaxableAmount", "50"), amount("TaxAmount", "9.50"), "19")
    totals = whole(
        LineExtensionAmount="49.50",
        TaxExclusiveAmount="50.00",
        TaxInclusiveAmount="59.50",
        AllowanceTotalAmount="4.50",
        ChargeTotalAmount="5.00",
        PrepaidAmount="9.50",
        PayableAmount="50.00",
    )
    read = read_order(order(line(stated="49.50"), totals=charges + tax + totals))
    assert read.flags == ()
    assert [one.agrees for one in read.totals] == [True] * 6


def test_taxes_of_rows_and_of_the_whole_are_compared() -> None:
    taxed = line(stated="49.50", more=amount("TotalTaxAmount", "9.41"))
    assert flagged(read_order(order(taxed, totals=f"<cac:TaxTotal>{amount('TaxAmount', '9')}</cac:TaxTotal>"))) == [
        ("ubl.tax_of_lines", Decimal("9"), Decimal("9.41"))
    ]
    assert flagged(read_order(order(taxed, totals=whole(PayableAmount="49.50")))) == [
        ("ubl.payable", Decimal("49.50"), Decimal("58.91"))
    ]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (order(line(stated="49.50").replace("EUR", "USD", 1)), "ubl.other_currency"),
        (order(line(per="1").replace("C62", "XPK", 1)), "ubl.units_differ"),
        (order(delivery=DELIVERY * 2), "ubl.several_deliveries"),
        (order(delivery=DELIVERY.replace("10119", "1011")), "ubl.address_not_usable"),
        (order(notes=f"<cbc:Note>{'x' * 1001}</cbc:Note>"), "ubl.not_usable"),
        (order().replace("ada@example.org", "ada"), "ubl.not_usable"),
        (order(notes="<cbc:CopyIndicator>true</cbc:CopyIndicator>"), "ubl.is_a_copy"),
        (order(notes="<cbc:LineCountNumeric>2</cbc:LineCountNumeric>"), "ubl.line_count"),
        (order(line(), line("20", before=status("Cancelled"))), "ubl.cancelled_line"),
    ],
)
def test_what_does_not_fit_is_read_as_it_stands_and_flagged(given: str, code: str) -> None:
    assert [flag.code for flag in read_order(given).flags] == [code]


def test_an_address_that_cannot_be_used_is_lost_as_a_whole() -> None:
    read = read_order(order(delivery=DELIVERY.replace("10119", "1011")))
    assert read.command.ship_to is None
    lost = {loss.value for loss in read.losses if "/cac:Address/" in loss.path}
    assert lost == {"Torstrasse", "1", "Berlin", "1011", "DE"}
