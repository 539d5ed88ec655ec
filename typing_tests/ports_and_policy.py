"""What hosts put in: ports, plain functions of a policy, stages. Checked by ``mypy --strict``, never run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

import attrs

from orderflow import (
    STANDARD,
    AsyncOrderFlow,
    ChangeRule,
    Command,
    Envelope,
    Event,
    Lifecycles,
    Order,
    OrderFlow,
    OrderProcess,
    PackParcel,
    Policy,
    Retry,
    Step,
    Violation,
)
from orderflow.adapters.memory import Deferring, Flaky, Mailbox, ManualClock, MemoryCarrier, MemoryInventory, PriceList
from orderflow.lifecycle import ORDER
from orderflow.order import Shipment
from orderflow.policy import Allocation, Available, Draft
from orderflow.ports import (
    CarrierPort,
    Deferred,
    InventoryPort,
    NotificationPort,
    PricingPort,
    Quote,
    QuotePrices,
    Rate,
    SendMessage,
    Sent,
)
from orderflow.process import STAGES
from orderflow.stages.stage import Decision, Stage, order_exists
from orderflow.values import FrozenMap

# -- ports ----------------------------------------------------------------------------------------------------------


def the_systems_in_memory_are_ports() -> None:
    inventory: InventoryPort = MemoryInventory({"TEA-250": 100, "POT-1": 5})
    pricing: PricingPort = PriceList({"TEA-250": "9.90"}, currency="EUR")
    carriers: CarrierPort = MemoryCarrier()
    notifications: NotificationPort = Mailbox()
    clock = ManualClock(datetime(2026, 11, 23, tzinfo=UTC))
    OrderFlow(inventory=inventory, pricing=pricing, carriers=carriers, notifications=notifications, clock=clock)
    AsyncOrderFlow(inventory=inventory, pricing=pricing, carriers=carriers, notifications=notifications, clock=clock)


def one_port_is_not_another() -> None:
    OrderFlow(inventory=PriceList({"TEA-250": "9.90"}))  # type: ignore[arg-type]
    carriers: CarrierPort = MemoryInventory()  # type: ignore[assignment]
    MemoryInventory({"TEA-250": 0.5})  # type: ignore[arg-type]
    OrderFlow(carriers=carriers, clock=datetime(2026, 11, 23, tzinfo=UTC))  # type: ignore[arg-type]


class Remote:
    """A port whose methods are coroutines, and which need not inherit from anything."""

    async def quote(self, request: QuotePrices) -> Quote | Deferred:
        raise NotImplementedError

    async def send(self, request: SendMessage) -> Sent:
        raise NotImplementedError


class Mistaken:
    """A port that answers with something else."""

    def quote(self, request: QuotePrices) -> str:
        raise NotImplementedError


def a_port_may_be_a_coroutine_but_must_answer_the_question() -> None:
    AsyncOrderFlow(pricing=Remote(), notifications=Remote())
    AsyncOrderFlow(pricing=Mistaken())  # type: ignore[arg-type]
    OrderFlow(pricing=Mistaken())  # type: ignore[arg-type]


def a_system_can_be_made_to_misbehave(stock: MemoryInventory) -> None:
    OrderFlow(inventory=Flaky(stock, [None]))
    OrderFlow(inventory=Deferring(stock, ("claim",)))


# -- policy ---------------------------------------------------------------------------------------------------------


def everything_from_berlin(order: Order, available: tuple[Available, ...]) -> Iterable[Allocation]:
    yield Allocation("BER", FrozenMap({held.line_id: held.quantity for held in available}))


def the_first(order: Order, shipment: Shipment, rates: tuple[Rate, ...]) -> Rate | None:
    return rates[0] if rates else None


def silence(order: Order, kind: str, subject: str) -> Draft | None:
    return None


def a_parcel_can_be_carried(order: Order, command: PackParcel, policy: Policy) -> Iterable[Violation]:
    if command.weight_kg is not None and command.weight_kg > 30:
        yield Violation("acme.too_heavy", "too heavy", "weight_kg")


def large_orders_are_looked_at(order: Order) -> Iterable[Violation]:
    return [Violation("acme.large", "large", severity="hold")]


def is_large(order: Order, subject: str) -> bool:
    return order.total.amount > 1000


def a_policy_takes_plain_functions() -> None:
    policy = Policy(
        plan=everything_from_berlin,
        choose_rate=the_first,
        draft=silence,
        rules={"pack_parcel": (a_parcel_can_be_carried,)},
        verification=(large_orders_are_looked_at,),
        guards={"large": is_large},
        automatic=frozenset({"acknowledge", "plan"}),
        retry=Retry(attempts=3, longest=timedelta(minutes=5)),
        poll_every=None,
    )
    assert_type(policy.rules["pack_parcel"][0](Order.__new__(Order), None, policy), Iterable[Violation])
    assert_type(attrs.evolve(STANDARD, guards={"large": lambda order, subject: True}), Policy)
    OrderFlow(policy=policy)
    OrderProcess(policy)


def a_policy_takes_nothing_else() -> None:
    Policy(plan=the_first, choose_rate=the_first, draft=silence)  # type: ignore[arg-type]
    Policy(everything_from_berlin, the_first)  # type: ignore[call-arg]
    assert_type(attrs.evolve(STANDARD, changes=[ChangeRule("price", verdict="deny"), ChangeRule()]), Policy)
    attrs.evolve(STANDARD, changes=["deny"])  # type: ignore[list-item]
    attrs.evolve(STANDARD, poll_every=3600)  # type: ignore[arg-type]
    attrs.evolve(STANDARD, verification=(a_parcel_can_be_carried,))  # type: ignore[arg-type]
    attrs.evolve(STANDARD, no_such_thing=True)  # type: ignore[call-arg]
    OrderFlow(policy=OrderProcess(STANDARD))  # type: ignore[arg-type]
    Violation("acme.large", "large", severity="fatal")  # type: ignore[arg-type]


def a_lifecycle_is_extended_by_values() -> None:
    reviewed = ORDER.inserted("fraud_review", after="acknowledged", by="review_fraud", taking=("verify",))
    attrs.evolve(STANDARD, lifecycles=Lifecycles(order=reviewed.extended(Step("fraud_review", "cancel", "cancelled"))))
    Lifecycles(order="order")  # type: ignore[arg-type]


# -- stages ---------------------------------------------------------------------------------------------------------


def nothing_happens(order: Order, command: Any, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    return ()


def a_candidate(order: Order, policy: Policy) -> Iterable[Command]:
    return (PackParcel(order.id, "F1"),)


def milestones_only(order: Order) -> tuple[str, ...] | None:
    return ("milestones",) if order.milestones else None


def a_stage_is_a_value_of_plain_functions() -> None:
    decision = Decision(PackParcel, tiers=((order_exists,),), events=nothing_happens, candidates=a_candidate)
    stage = Stage("gifts", commands=(PackParcel,), decisions=(decision,), looks_at=milestones_only)
    OrderProcess(STANDARD, (*STAGES, stage))
    Decision(PackParcel, (), nothing_happens, candidates=lambda order: ())  # type: ignore[misc, arg-type]
    Stage("gifts", looks_at="milestones")  # type: ignore[arg-type]
