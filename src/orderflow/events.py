"""Every event of the standard process, as one namespace: ``events.ParcelPacked``."""

from __future__ import annotations

from orderflow.stages.acceptance import OrderAcknowledged, OrderPlaced, OrderRejected
from orderflow.stages.advices import DespatchRecorded, FactFlagged, SurplusCharged
from orderflow.stages.amending import OrderAmended, PriceOverridden, RedirectionDeclined, RedirectionSettled
from orderflow.stages.answers import AnswerDeferred, DeferralClosed
from orderflow.stages.approval import AmendmentApproved, AmendmentDeclined, AmendmentMoot, AmendmentProposed
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
from orderflow.stages.cash import CashCollected, CashRemitted
from orderflow.stages.changes import (
    CancellationDeclined,
    CancellationRequested,
    CancellationWithdrawn,
    LinesCancelled,
    OrderCancelled,
)
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
from orderflow.stages.erasure import PersonalDataErased
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
from orderflow.stages.observation import FactsApplied, FactsRecorded, OrderAdopted, OrderSteppedBack
from orderflow.stages.packing import PackingFinished, ParcelEmptied, ParcelPacked, ParcelUnpacked
from orderflow.stages.payment import PaymentAwaited, PaymentRecorded, RefundRecorded
from orderflow.stages.picking import GoodsPicked, OrderInFulfillment, PickedShort, PickingFinished, PickingStarted
from orderflow.stages.pricing import PriceQuoted, PriceRefused
from orderflow.stages.promises import PromiseAtRisk, PromiseKept, PromiseMade, PromiseMissed
from orderflow.stages.putaway import GoodsPutAway
from orderflow.stages.returns import ReturnAuthorized, ReturnCancelled, ReturnClosed, ReturnRefused
from orderflow.stages.returns_disposition import ReturnDisposed, ReturnFinished, StockReceived
from orderflow.stages.returns_labels import (
    LabelBooked,
    LabelEnded,
    LabelRequested,
    LabelVoidWanted,
    ReturnCollected,
    ReturnTracked,
)
from orderflow.stages.returns_receiving import ReturnInspected, ReturnReceived, ReturnResolved, UnexpectedSettled
from orderflow.stages.returns_request import ReturnRequested
from orderflow.stages.returns_settlement import ExchangeOrdered, ReturnCredited
from orderflow.stages.settlement import ChargeRaised, CreditRaised
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
    "AmendmentApproved",
    "AmendmentDeclined",
    "AmendmentMoot",
    "AmendmentProposed",
    "AnswerDeferred",
    "BackorderAccepted",
    "BackorderFilled",
    "BookingAbandoned",
    "BookingContradicted",
    "BookingRefused",
    "BookingRequested",
    "CancellationDeclined",
    "CancellationRequested",
    "CancellationWithdrawn",
    "CashCollected",
    "CashRemitted",
    "ChargeRaised",
    "CheckDropped",
    "CheckRecorded",
    "CheckRequired",
    "ClaimWanted",
    "ConfirmationAccepted",
    "ConfirmationRefused",
    "CreditRaised",
    "DamageReported",
    "DeferralClosed",
    "DeliveryDelayed",
    "DeliveryFailed",
    "DeliveryRevoked",
    "DespatchRecorded",
    "EstimateChanged",
    "ExceptionRaised",
    "ExceptionResolved",
    "ExchangeOrdered",
    "FactFlagged",
    "FactsApplied",
    "FactsRecorded",
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
    "LabelBooked",
    "LabelEnded",
    "LabelRequested",
    "LabelVoidWanted",
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
    "OrderAdopted",
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
    "OrderSteppedBack",
    "OrderVerified",
    "OthersTold",
    "PackingFinished",
    "ParcelEmptied",
    "ParcelPacked",
    "ParcelUnpacked",
    "PatienceEnded",
    "PaymentAwaited",
    "PaymentRecorded",
    "PersonalDataErased",
    "PickedShort",
    "PickingFinished",
    "PickingStarted",
    "PickupReady",
    "PriceOverridden",
    "PriceQuoted",
    "PriceRefused",
    "ProblemSettled",
    "PromiseAtRisk",
    "PromiseKept",
    "PromiseMade",
    "PromiseMissed",
    "RedirectionDeclined",
    "RedirectionSettled",
    "RefundRecorded",
    "ReplacementOrdered",
    "ReservationLapsed",
    "ReturnAuthorized",
    "ReturnCancelled",
    "ReturnClosed",
    "ReturnCollected",
    "ReturnCredited",
    "ReturnDisposed",
    "ReturnFinished",
    "ReturnInspected",
    "ReturnReceived",
    "ReturnRefused",
    "ReturnRequested",
    "ReturnResolved",
    "ReturnTracked",
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
    "StockReceived",
    "StockSought",
    "StrayScanRecorded",
    "SurplusCharged",
    "TakenOutOfBox",
    "TrackingRecorded",
    "UnexpectedSettled",
    "VoidDeclined",
    "VoidWanted",
    "WarningRecorded",
    "WorkConfirmed",
    "WorkDeclined",
    "WorkRerouted",
    "WorkWanted",
]
