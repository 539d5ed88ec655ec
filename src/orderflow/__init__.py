"""Order processing: from the order that arrives to the goods at the door.

Values, pure functions, and ports around them. The few names that most programs need are here. Everything else is found
by the word of the trade: commands and events as the namespaces `orderflow.commands` and `orderflow.events`, a stage as
its module in `orderflow.stages`, the ports in `orderflow.ports`, values in `orderflow.values`, the runnable parts in
`orderflow.adapters` and `orderflow.stores`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from orderflow import commands, events, facts
from orderflow.change_rules import ChangeRule
from orderflow.commands import (
    AcceptConfirmation,
    AcknowledgeOrder,
    AdoptOrder,
    AmendOrder,
    ApproveAmendment,
    ApproveOrder,
    AuthorizeReturn,
    BookShipment,
    CancelLines,
    CancelOrder,
    CancelReturn,
    ChargeFee,
    CloseReturn,
    CompleteOrder,
    ConfirmOrder,
    DeclineAmendment,
    DeliverDigital,
    DespatchShipment,
    DisposeReturn,
    ErasePersonalData,
    GrantGoodwill,
    InspectReturn,
    PackParcel,
    PlaceDraft,
    PlaceHold,
    PlaceOrder,
    PlanFulfillment,
    ReceiveReturn,
    RecordAnswer,
    RecordCash,
    RecordCheck,
    RecordCollection,
    RecordDespatch,
    RecordFacts,
    RecordPayment,
    RecordPick,
    RecordPutAway,
    RecordRefund,
    RecordReply,
    RecordTracking,
    RecordVoid,
    RefuseConfirmation,
    RefuseReturn,
    RejectOrder,
    ReleaseHold,
    RequestReturn,
    Reroute,
    ResolveException,
    SaveDraft,
    StartPicking,
    StockArrived,
    TakeStep,
    UnpackParcel,
    VoidShipment,
    WaiveFee,
)
from orderflow.defaults import STANDARD
from orderflow.errors import (
    CommandRefused,
    InvalidInput,
    OrderflowError,
    PortRefused,
    PortUnavailable,
    VersionConflict,
    Violation,
)
from orderflow.explain import Explanation, explain
from orderflow.kits import Component
from orderflow.lifecycle import Lifecycle, Step
from orderflow.messages import Actor, Command, Envelope, Event
from orderflow.order import ConfirmedLine, Goods, Order, ReturnLine
from orderflow.policy import Authority, Check, Lifecycles, Policy, Retry
from orderflow.process import OrderProcess, evolve, pending, replay
from orderflow.runtime import OrderFlow, Receipt
from orderflow.stages.acceptance import OrderLine
from orderflow.stages.advices import DespatchedParcel
from orderflow.stages.amending import LineChange, PriceOverride, Substitution
from orderflow.stages.returns_disposition import Disposition
from orderflow.tracking import Scan, TrackingStatus
from orderflow.values import Address, Contact, Money, Party, Quantity, Window

if TYPE_CHECKING:
    from orderflow.runtime import AsyncOrderFlow
    from orderflow.stores import MemoryStore, SqliteStore

__version__ = "0.1.0"

#: What not every program needs is loaded when it is asked for by name.
_ON_DEMAND = {
    "AsyncOrderFlow": "orderflow.runtime",
    "MemoryStore": "orderflow.stores",
    "SqliteStore": "orderflow.stores",
}


def __getattr__(name: str) -> Any:
    module = _ON_DEMAND.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(module), name)


__all__ = [
    "STANDARD",
    "AcceptConfirmation",
    "AcknowledgeOrder",
    "Actor",
    "Address",
    "AdoptOrder",
    "AmendOrder",
    "ApproveAmendment",
    "ApproveOrder",
    "AsyncOrderFlow",
    "Authority",
    "AuthorizeReturn",
    "BookShipment",
    "CancelLines",
    "CancelOrder",
    "CancelReturn",
    "ChangeRule",
    "ChargeFee",
    "Check",
    "CloseReturn",
    "Command",
    "CommandRefused",
    "CompleteOrder",
    "Component",
    "ConfirmOrder",
    "ConfirmedLine",
    "Contact",
    "DeclineAmendment",
    "DeliverDigital",
    "DespatchShipment",
    "DespatchedParcel",
    "DisposeReturn",
    "Disposition",
    "Envelope",
    "ErasePersonalData",
    "Event",
    "Explanation",
    "Goods",
    "GrantGoodwill",
    "InspectReturn",
    "InvalidInput",
    "Lifecycle",
    "Lifecycles",
    "LineChange",
    "MemoryStore",
    "Money",
    "Order",
    "OrderFlow",
    "OrderLine",
    "OrderProcess",
    "OrderflowError",
    "PackParcel",
    "Party",
    "PlaceDraft",
    "PlaceHold",
    "PlaceOrder",
    "PlanFulfillment",
    "Policy",
    "PortRefused",
    "PortUnavailable",
    "PriceOverride",
    "Quantity",
    "Receipt",
    "ReceiveReturn",
    "RecordAnswer",
    "RecordCash",
    "RecordCheck",
    "RecordCollection",
    "RecordDespatch",
    "RecordFacts",
    "RecordPayment",
    "RecordPick",
    "RecordPutAway",
    "RecordRefund",
    "RecordReply",
    "RecordTracking",
    "RecordVoid",
    "RefuseConfirmation",
    "RefuseReturn",
    "RejectOrder",
    "ReleaseHold",
    "RequestReturn",
    "Reroute",
    "ResolveException",
    "Retry",
    "ReturnLine",
    "SaveDraft",
    "Scan",
    "SqliteStore",
    "StartPicking",
    "Step",
    "StockArrived",
    "Substitution",
    "TakeStep",
    "TrackingStatus",
    "UnpackParcel",
    "VersionConflict",
    "Violation",
    "VoidShipment",
    "WaiveFee",
    "Window",
    "commands",
    "events",
    "evolve",
    "explain",
    "facts",
    "pending",
    "replay",
]
