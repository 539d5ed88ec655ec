"""What type checkers must infer of the values. Checked by ``mypy --strict``, never run."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, assert_type

from orderflow import Address, Contact, Money, Order, Party, Quantity, Scan
from orderflow.order import Parcel
from orderflow.values import FrozenMap, evolved, optional, tuple_of


def a_frozen_map_keeps_its_types(held: FrozenMap[str, int]) -> None:
    assert_type(held["a"], int)
    assert_type(held.get("a"), int | None)
    assert_type(held.set("b", 2), FrozenMap[str, int])
    assert_type(held.without("a"), FrozenMap[str, int])
    assert_type(held.merged({"c": 3}), FrozenMap[str, int])
    assert_type(held.copy(), FrozenMap[str, int])
    assert_type(FrozenMap({"a": Decimal(1)}), FrozenMap[str, Decimal])
    held.set("b", "two")  # type: ignore[arg-type]
    held.set(2, 2)  # type: ignore[arg-type]
    held.merged({"c": "three"})  # type: ignore[dict-item]


def an_order_holds_its_parts_by_id(order: Order) -> None:
    assert_type(order.parcels, FrozenMap[str, Parcel])
    assert_type(order.parcels["P1"], Parcel)
    assert_type(order.total, Money)
    assert_type(order.live_quantity("L1"), Decimal)
    assert_type(order.tracking_numbers, tuple[str, ...])
    order.state = "completed"  # type: ignore[misc]


def converters_keep_what_they_convert_to(raw: Any) -> None:
    def as_length(given: Any) -> int:
        return len(given)

    assert_type(optional(as_length)(raw), int | None)
    assert_type(tuple_of(as_length, at_least=1)(raw), tuple[int, ...])
    assert_type(optional(tuple_of(as_length))(raw), tuple[int, ...] | None)


def a_changed_copy_is_of_the_same_type(party: Party) -> None:
    assert_type(evolved(party, name="Ada Byron"), Party)


def money_is_exact() -> None:
    assert_type(Money("9.90", "EUR") + Money(1, "EUR"), Money)
    assert_type(Money(Decimal("9.90"), "EUR") * 3, Money)
    assert_type(3 * Money("9.90", "EUR"), Money)
    assert_type(-Money("9.90", "EUR"), Money)
    Money(9.9, "EUR")  # type: ignore[arg-type]
    Money("9.90", "EUR") + Decimal(1)  # type: ignore[operator]
    Money("9.90", "EUR") * 0.19  # type: ignore[operator]
    Money("9.90", "EUR") * Money("9.90", "EUR")  # type: ignore[operator]


def values_take_what_people_write(at: datetime) -> None:
    Quantity("4.25", "kg")
    Quantity(3)
    Address("DE", "Hauptstr. 1", city="Berlin", postal_code="10115")
    Address("DE", ["Hauptstr. 1", "Hinterhaus"], city="Berlin", postal_code="10115")
    Party("Ada Byron", contact=Contact("ada@example.org"))
    assert_type(Scan("TRK1", "delivered", at).occurred_at, datetime)
    Quantity(4.25, "kg")  # type: ignore[arg-type]
    Address("DE", 1, city="Berlin")  # type: ignore[arg-type]
    Party("Ada Byron", contact="ada@example.org")  # type: ignore[arg-type]
    Scan("TRK1", "delivered", "2026-11-23")  # type: ignore[arg-type]


def values_are_frozen(money: Money, address: Address) -> None:
    money.amount = Decimal(0)  # type: ignore[misc]
    address.city = "Wien"  # type: ignore[misc]
