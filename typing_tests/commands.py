"""What commands take: what people write, wider than what they hold. Checked by ``mypy --strict``, never run."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import assert_type

from orderflow import (
    Address,
    AmendOrder,
    BookShipment,
    Goods,
    OrderLine,
    PackParcel,
    Party,
    PlaceHold,
    PlaceOrder,
    Quantity,
    RecordPick,
    RecordTracking,
    Scan,
)
from orderflow.values import FrozenMap


def an_order_is_placed_from_pairs_or_lines(home: Address, ada: Party) -> None:
    PlaceOrder([("TEA-250", 2)], "EUR")
    PlaceOrder([("TEA-250", "2.5"), ("POT-1", Decimal(1)), ("RICE", Quantity("4.25", "kg"))], "EUR")
    PlaceOrder((OrderLine("TEA-250", 2), ("POT-1", 1)), "EUR", home, ada)
    placed = PlaceOrder(
        lines=[("TEA-250", 2)], currency="EUR", ship_to=home, customer="Ada Byron", deliver_by=date(2026, 11, 26)
    )
    assert_type(placed.lines, tuple[OrderLine, ...])
    assert_type(placed.lines[0].quantity, Decimal)
    assert_type(placed.customer, Party | None)
    assert_type(placed.order_id, str | None)


def an_order_is_not_placed_from_anything_else(home: Address) -> None:
    PlaceOrder([("TEA-250", 2.5)], "EUR")  # type: ignore[list-item]
    PlaceOrder(["TEA-250"], "EUR")  # type: ignore[list-item]
    PlaceOrder("TEA-250", "EUR")  # type: ignore[arg-type]
    PlaceOrder([("TEA-250", 2)])  # type: ignore[call-arg]
    PlaceOrder([("TEA-250", 2)], "EUR", "Hauptstr. 1, Berlin")  # type: ignore[arg-type]
    PlaceOrder([("TEA-250", 2)], "EUR", home, deliver_by="2026-11-26")  # type: ignore[arg-type]
    OrderLine("TEA-250", 2.5)  # type: ignore[arg-type]


def goods_are_named_by_line_and_quantity(tea: Goods) -> None:
    assert_type(RecordPick("A-1001", "F1").goods, tuple[Goods, ...] | None)
    RecordPick("A-1001", "F1", [("L1", 2), ("L2", "0.5"), tea])
    RecordPick("A-1001", "F1", [("L1", 2.0)])  # type: ignore[list-item]
    PackParcel("A-1001", "F1", [("L1", 2)], weight_kg="1.2", dimensions_cm=(30, "20", Decimal(10)))
    PackParcel("A-1001", "F1", weight_kg=1.2)  # type: ignore[arg-type]
    PackParcel("A-1001", "F1", dimensions_cm=(30, 20))  # type: ignore[arg-type]
    PackParcel("A-1001")  # type: ignore[call-arg]


def an_amendment_maps_lines_to_quantities() -> None:
    amendment = AmendOrder("A-1001", {"L1": 3})
    assert_type(amendment.quantities, FrozenMap[str, Decimal])
    AmendOrder("A-1001", FrozenMap({"L1": Decimal(3)}))
    AmendOrder("A-1001", {"L1": "2.5", "L2": 0})
    AmendOrder("A-1001", {"L1": 2.5})  # type: ignore[dict-item]
    AmendOrder("A-1001", [("L1", 3)])  # type: ignore[arg-type]


def lists_may_be_of_any_kind(scan: Scan) -> None:
    assert_type(PlaceHold("A-1001", "review", blocks=["pick"]).blocks, tuple[str, ...])
    assert_type(BookShipment("A-1001", {"P1": 1}.keys()).parcel_ids, tuple[str, ...] | None)
    assert_type(RecordTracking("A-1001", [scan]).scans, tuple[Scan, ...])
    PlaceHold("A-1001", "review", blocks=[1])  # type: ignore[list-item]
    RecordTracking("A-1001", scan)  # type: ignore[arg-type]


def commands_are_frozen(command: PackParcel) -> None:
    command.weight_kg = Decimal(1)  # type: ignore[misc]
