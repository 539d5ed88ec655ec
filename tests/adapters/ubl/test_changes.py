"""A change makes the order read as it says, whatever it read before; said twice, it changes nothing more."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from orderflow import AmendOrder, CancelOrder, Command, Order
from orderflow.adapters.ubl import (
    Agreement,
    OrderChangeDocument,
    read_order,
    read_order_cancellation,
    read_order_change,
)
from orderflow.errors import InvalidInput
from orderflow.values import Money
from orderflow.values.checked import evolved
from tests.adapters.ubl.documents import CURRENCY, DELIVERY, cancellation, change, line, order, status
from tests.adapters.ubl.shop import Shop

TWO = order(line("10"), line("20", "2", "3.00", sku="CUP"))


def shop_of(given: str = TWO) -> Shop:
    return Shop(read_order(given).command)


def applied(shop: Shop, given: str) -> Order:
    """The order after a change, which changes nothing when it comes again."""
    read = read_order_change(given)
    shop.does(*read.commands(shop.order))
    assert read.commands(shop.order) == ()
    return shop.order


def refused(given: str, shop: Shop) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        read_order_change(given).commands(shop.order)
    return [(violation.code, violation.path) for violation in caught.value.violations]


def wanted(order: Order) -> dict[str, Any]:
    return {f"{line.id} {line.sku}": order.live_quantity(line.id) for line in order.lines.values()}


# -- changes --------------------------------------------------------------------------------------------------------


def test_a_quantity_is_revised_of_the_line_that_the_customer_means() -> None:
    changed = change(
        line("20", "5", "3.00", sku="CUP", before=status("Revised")), more="<cbc:Note>More guests</cbc:Note>"
    )
    shop = shop_of()
    (command,) = read_order_change(changed).commands(shop.order)

    assert command == AmendOrder(shop.order_id, {"L2": 5}, reason="More guests")
    assert wanted(applied(shop, changed)) == {"L1 TEA": 5, "L2 CUP": 5}


def test_lines_are_added_and_cancelled() -> None:
    shop = shop_of()
    pot = line("30", "1", "20.00", sku="CUP", before=status("Added"))
    after = applied(shop, change(line("10", before=status("Cancelled")), pot))

    assert wanted(after) == {"L1 TEA": 0, "L2 CUP": 2, "L3 CUP": 1}
    assert after.lines["L3"].customer_reference == "30"


def test_another_product_under_the_same_number_takes_the_place_of_the_first() -> None:
    shop = shop_of()
    after = applied(shop, change(line("10", "4", "9.90", sku="CUP", before=status("Revised"))))
    assert wanted(after) == {"L1 TEA": 0, "L2 CUP": 2, "L3 CUP": 4}
    assert after.lines["L3"].customer_reference == "10"


def test_a_row_that_was_ordered_as_a_kit_is_changed_and_cancelled_as_one() -> None:
    command = read_order(order(line("10", "4", sku="SET"), line("20", "2", "3.00", sku="CUP"))).command
    kits = evolved(command.lines[0], components=(("MUG", 2), ("POT", 1)))
    shop = Shop(evolved(command, lines=(kits, *command.lines[1:])), {"MUG": 99, "POT": 99})
    after = applied(shop, change(line("10", "3", sku="SET", before=status("Revised"))))
    assert wanted(after) == {"L1.1 MUG": 6, "L1.2 POT": 3, "L2 CUP": 2}

    after = applied(shop, change(line("10", sku="SET", before=status("Cancelled"))))
    assert wanted(after) == {"L1.1 MUG": 0, "L1.2 POT": 0, "L2 CUP": 2}
    assert read_order_change(change(line("20", sku="CUP", before=status("Cancelled")))).commands(after) == (
        CancelOrder(after.id),
    )


def test_address_days_notes_and_what_leaves_together_are_changed_where_they_are_said() -> None:
    shop = shop_of()
    own = DELIVERY.replace("Torstrasse", "Lindenallee").replace("2026-12-04", "2026-12-09")
    whole = "<cbc:PartialDeliveryIndicator>false</cbc:PartialDeliveryIndicator>"
    row = line("10", more=whole + own).replace("<cac:LineItem>", "<cbc:Note>Fragile</cbc:Note><cac:LineItem>", 1)
    later = DELIVERY.replace("2026-12-04", "2026-12-11")
    after = applied(shop, change(row, delivery=later))

    terms = after.lines["L1"].terms
    assert terms.ship_to is not None
    assert (terms.ship_to.lines, terms.ship_to.company) == (("Lindenallee 1",), "Krull & Sons")
    assert (terms.deliver_by, terms.complete) == (date(2026, 12, 9), "line")
    assert after.lines["L1"].instructions == ("Fragile",)
    assert after.terms.deliver_by == date(2026, 12, 11)
    assert after.ship_to == shop_of().order.ship_to


def test_a_line_that_was_taken_out_comes_back_as_a_new_one() -> None:
    shop = shop_of()
    applied(shop, change(line("10", before=status("Cancelled"))))
    assert wanted(applied(shop, change(line("10", "3", before=status("Revised"))))) == {
        "L1 TEA": 0,
        "L2 CUP": 2,
        "L3 TEA": 3,
    }


def test_an_address_is_no_other_because_a_change_does_not_name_the_receiver_again() -> None:
    shop = shop_of()
    nameless = change(line("10"), delivery=DELIVERY).replace(
        "<cac:PartyName><cbc:Name>Krull &amp; Sons</cbc:Name></cac:PartyName>", ""
    )
    assert read_order_change(nameless).commands(shop.order) == ()


def test_another_price_is_an_override_for_whoever_may_agree_to_it() -> None:
    shop = shop_of()
    (command,) = read_order_change(change(line("10", price="9.00"))).commands(shop.order)
    assert isinstance(command, AmendOrder)
    (override,) = command.prices.values()
    assert (override.price, command.reason) == (Money("9.00", "EUR"), "order change C-1")
    assert applied(shop, change(line("10", price="9.90"))).amendments == 0


def test_what_reads_so_already_needs_no_command() -> None:
    shop = shop_of()
    assert read_order_change(change(line("10"), delivery=DELIVERY)).commands(shop.order) == ()


def test_a_change_that_takes_out_everything_is_a_cancellation() -> None:
    shop = shop_of()
    gone = change(
        *(line(number, before=status("Cancelled")) for number in ("10", "20")), more="<cbc:Note>Off</cbc:Note>"
    )
    assert read_order_change(gone).commands(shop.order) == (CancelOrder(shop.order_id, "Off"),)
    assert applied(shop, gone).state == "cancelled"


def test_a_change_that_does_not_go_with_the_order_is_refused_with_all_that_is_wrong() -> None:
    shop = shop_of()
    given = change(
        line("40", before=status("Revised")),
        line("50", before=status("Cancelled")),
        line("10", "7", before=status("Added")),
    )
    assert refused(given, shop) == [
        ("ubl.unknown_line", "lines[0]"),
        ("ubl.unknown_line", "lines[1]"),
        ("ubl.line_is_there", "lines[2]"),
    ]
    assert refused(change(line(), number="PO-8"), shop) == [("ubl.other_order", "order_number")]
    in_dollars = change(line(), more=CURRENCY).replace("EUR", "USD")
    assert refused(in_dollars, shop) == [("ubl.other_currency", "currency")]


def test_a_tolerance_is_beyond_an_amendment_and_is_told() -> None:
    shop = shop_of()
    read = read_order_change(change(line("10", more="<cbc:MinimumQuantity>4</cbc:MinimumQuantity>")))
    assert read.commands(shop.order) == ()
    assert [(loss.path, loss.value) for loss in read.unmet(shop.order)] == [("lines[0].under", "20")]


def test_a_change_is_reckoned_again_and_reports_its_losses() -> None:
    read = read_order_change(change(line("10", "100", "100.00", stated="100.00", before=status("Revised"))))
    assert [(flag.code, flag.computed) for flag in read.flags] == [("ubl.line_amount", Decimal("10000.00"))]
    assert [loss.value for loss in read.losses] == ["Green tea"]
    assert (read.sequence, read.order_number, read.heading.number) == ("1", "PO-7", "C-1")


def test_of_a_cancelled_line_only_the_number_counts() -> None:
    read: OrderChangeDocument = read_order_change(change(line("10", before=status("Cancelled"))))
    assert read.lines[0].line is None
    assert {loss.why for loss in read.losses} == {"of a line that is cancelled only the number counts"}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (change(line(before=status("Disputed"))), "ubl.disputed"),
        (change(line(), number=" "), "ubl.missing"),
        (change(), "ubl.missing"),
        (change(line(), line()), "ubl.repeated_line"),
        (order(), "ubl.other_document"),
    ],
)
def test_a_change_that_cannot_be_read_is_refused(given: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_order_change(given)
    assert caught.value.codes == (code,)


# -- cancellations --------------------------------------------------------------------------------------------------


def test_a_cancellation_cancels_with_its_reason() -> None:
    shop = shop_of()
    read = read_order_cancellation(cancellation("PO-6", "PO-7"))
    command: Command = read.command(shop.order)

    assert command == CancelOrder(shop.order_id, "Ordered by mistake")
    after = shop.does(command)
    assert (after.state, after.over_because) == ("cancelled", "Ordered by mistake")
    assert read.losses == ()


def test_a_cancellation_of_another_order_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"is about order PO-6, not PO-7 \(ubl.other_order\)"):
        read_order_cancellation(cancellation("PO-6")).command(shop_of().order)
    with pytest.raises(InvalidInput, match=r"ubl\.missing"):
        read_order_cancellation(cancellation())


def test_a_reason_that_is_too_long_is_cut_at_a_note_and_the_rest_is_listed() -> None:
    long = f"{'a' * 600}</cbc:CancellationNote><cbc:CancellationNote>{'b' * 600}"
    read = read_order_cancellation(cancellation("PO-7", note=long), Agreement())
    assert read.reason == "a" * 600
    assert [loss.value for loss in read.losses] == ["b" * 600]
    assert [flag.code for flag in read.flags] == ["ubl.not_usable"]
