"""Every event of the standard process, as one namespace: ``events.ParcelPacked``."""

from __future__ import annotations

from orderflow.stages.acceptance import OrderAcknowledged, OrderPlaced, OrderRejected
from orderflow.stages.advices import DespatchRecorded, FactFlagged, SurplusCharged
from orderflow.stages.amendment import OrderAmended
from orderflow.stages.answers import AnswerDeferred, DeferralClosed
from orderflow.stages.booking import (
    BookingAbandoned,
    BookingContradicted,
    BookingRefused,
    BookingRequested,
    ServiceChosen,
    ShipmentBooked,
    ShipmentPlanned,
    ShipmentWithdrawn,
)
from orderflow.stages.changes import CancellationDeclined, CancellationRequested, LinesCancelled, OrderCancelled
from orderflow.stages.checks import CheckDropped, CheckRecorded, CheckRequired
from orderflow.stages.communication import (
    MessageFailed,
    MessageQueued,
    MessageSent,
    MessageSuperseded,
    MessageWithheld,
)
from orderflow.stages.confirmation import ConfirmationAccepted, ConfirmationRefused, OrderConfirmed
from orderflow.stages.drafts import OrderDrafted
from orderflow.stages.exceptions import ExceptionRaised, ExceptionResolved
from orderflow.stages.fulfillers import FulfillerAskedAgain, WorkConfirmed, WorkDeclined, WorkWanted
from orderflow.stages.handover import GoodsHandedOver, PickupReady
from orderflow.stages.holds import HoldPlaced, HoldReleased, WarningRecorded
from orderflow.stages.losses import (
    DamageReported,
    DeliveryDelayed,
    DeliveryFailed,
    GoodsCredited,
    PatienceEnded,
    ProblemSettled,
    ReplacementOrdered,
)
from orderflow.stages.packing import PackingFinished, ParcelEmptied, ParcelPacked, ParcelUnpacked
from orderflow.stages.picking import GoodsPicked, OrderInFulfillment, PickedShort, PickingFinished, PickingStarted
from orderflow.stages.pricing import PriceQuoted, PriceRefused
from orderflow.stages.promises import PromiseAtRisk, PromiseKept, PromiseMade, PromiseMissed
from orderflow.stages.putaway import GoodsPutAway
from orderflow.stages.shipping import FulfillmentDespatched, GoodsDespatched, OrderShipped, ShipmentDivided, StockIssued
from orderflow.stages.sourcing import FulfillmentPlanned, FulfillmentWithdrawn, LinesReleased, SearchEnded, WorkRerouted
from orderflow.stages.steps import StepTaken
from orderflow.stages.stock import (
    BackorderAccepted,
    BackorderFilled,
    ClaimWanted,
    LineBackordered,
    LineSubstituted,
    ReservationLapsed,
    SearchReopened,
    StockClaimed,
    StockSought,
)
from orderflow.stages.tolerance import LinesClosedShort
from orderflow.stages.tracking import (
    DeliveryRevoked,
    EstimateChanged,
    GoodsDelivered,
    GoodsFound,
    GoodsLost,
    OrderCompleted,
    OrderDelivered,
    OrderReopened,
    StrayScanRecorded,
    TrackingRecorded,
)
from orderflow.stages.verification import OrderVerified
from orderflow.stages.voiding import OthersTold, ShipmentVoided, TakenOutOfBox, VoidDeclined, VoidWanted

__all__ = [
    "AnswerDeferred",
    "BackorderAccepted",
    "BackorderFilled",
    "BookingAbandoned",
    "BookingContradicted",
    "BookingRefused",
    "BookingRequested",
    "CancellationDeclined",
    "CancellationRequested",
    "CheckDropped",
    "CheckRecorded",
    "CheckRequired",
    "ClaimWanted",
    "ConfirmationAccepted",
    "ConfirmationRefused",
    "DamageReported",
    "DeferralClosed",
    "DeliveryDelayed",
    "DeliveryFailed",
    "DeliveryRevoked",
    "DespatchRecorded",
    "EstimateChanged",
    "ExceptionRaised",
    "ExceptionResolved",
    "FactFlagged",
    "FulfillerAskedAgain",
    "FulfillmentDespatched",
    "FulfillmentPlanned",
    "FulfillmentWithdrawn",
    "GoodsCredited",
    "GoodsDelivered",
    "GoodsDespatched",
    "GoodsFound",
    "GoodsHandedOver",
    "GoodsLost",
    "GoodsPicked",
    "GoodsPutAway",
    "HoldPlaced",
    "HoldReleased",
    "LineBackordered",
    "LineSubstituted",
    "LinesCancelled",
    "LinesClosedShort",
    "LinesReleased",
    "MessageFailed",
    "MessageQueued",
    "MessageSent",
    "MessageSuperseded",
    "MessageWithheld",
    "OrderAcknowledged",
    "OrderAmended",
    "OrderCancelled",
    "OrderCompleted",
    "OrderConfirmed",
    "OrderDelivered",
    "OrderDrafted",
    "OrderInFulfillment",
    "OrderPlaced",
    "OrderRejected",
    "OrderReopened",
    "OrderShipped",
    "OrderVerified",
    "OthersTold",
    "PackingFinished",
    "ParcelEmptied",
    "ParcelPacked",
    "ParcelUnpacked",
    "PatienceEnded",
    "PickedShort",
    "PickingFinished",
    "PickingStarted",
    "PickupReady",
    "PriceQuoted",
    "PriceRefused",
    "ProblemSettled",
    "PromiseAtRisk",
    "PromiseKept",
    "PromiseMade",
    "PromiseMissed",
    "ReplacementOrdered",
    "ReservationLapsed",
    "SearchEnded",
    "SearchReopened",
    "ServiceChosen",
    "ShipmentBooked",
    "ShipmentDivided",
    "ShipmentPlanned",
    "ShipmentVoided",
    "ShipmentWithdrawn",
    "StepTaken",
    "StockClaimed",
    "StockIssued",
    "StockSought",
    "StrayScanRecorded",
    "SurplusCharged",
    "TakenOutOfBox",
    "TrackingRecorded",
    "VoidDeclined",
    "VoidWanted",
    "WarningRecorded",
    "WorkConfirmed",
    "WorkDeclined",
    "WorkRerouted",
    "WorkWanted",
]
