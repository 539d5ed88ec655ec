"""Every command of the standard process, as one namespace: ``commands.PackParcel``."""

from __future__ import annotations

from orderflow.stages.acceptance import AcknowledgeOrder, PlaceOrder, RejectOrder
from orderflow.stages.advices import RecordDespatch
from orderflow.stages.amendment import AmendOrder
from orderflow.stages.answers import RecordReply
from orderflow.stages.approval import ApproveAmendment, DeclineAmendment
from orderflow.stages.authority import RecordAnswer
from orderflow.stages.booking import BookShipment
from orderflow.stages.cash import RecordCash
from orderflow.stages.changes import CancelLines, CancelOrder
from orderflow.stages.checks import RecordCheck
from orderflow.stages.confirmation import AcceptConfirmation, ConfirmOrder, RefuseConfirmation
from orderflow.stages.drafts import PlaceDraft, SaveDraft
from orderflow.stages.erasure import ErasePersonalData
from orderflow.stages.exceptions import ResolveException
from orderflow.stages.handover import DeliverDigital, RecordCollection
from orderflow.stages.holds import PlaceHold, ReleaseHold
from orderflow.stages.observation import AdoptOrder, RecordFacts
from orderflow.stages.packing import PackParcel, UnpackParcel
from orderflow.stages.payment import RecordPayment, RecordRefund
from orderflow.stages.picking import RecordPick, StartPicking
from orderflow.stages.putaway import RecordPutAway
from orderflow.stages.returns import AuthorizeReturn, CancelReturn, CloseReturn, RefuseReturn
from orderflow.stages.returns_disposition import DisposeReturn
from orderflow.stages.returns_receiving import InspectReturn, ReceiveReturn
from orderflow.stages.returns_request import RequestReturn
from orderflow.stages.settlement import ChargeFee, GrantGoodwill, WaiveFee
from orderflow.stages.shipping import DespatchShipment
from orderflow.stages.sourcing import PlanFulfillment, Reroute, StockArrived
from orderflow.stages.steps import TakeStep, TimePassed
from orderflow.stages.tracking import CompleteOrder, RecordTracking
from orderflow.stages.verification import ApproveOrder
from orderflow.stages.voiding import RecordVoid, VoidShipment

__all__ = [
    "AcceptConfirmation",
    "AcknowledgeOrder",
    "AdoptOrder",
    "AmendOrder",
    "ApproveAmendment",
    "ApproveOrder",
    "AuthorizeReturn",
    "BookShipment",
    "CancelLines",
    "CancelOrder",
    "CancelReturn",
    "ChargeFee",
    "CloseReturn",
    "CompleteOrder",
    "ConfirmOrder",
    "DeclineAmendment",
    "DeliverDigital",
    "DespatchShipment",
    "DisposeReturn",
    "ErasePersonalData",
    "GrantGoodwill",
    "InspectReturn",
    "PackParcel",
    "PlaceDraft",
    "PlaceHold",
    "PlaceOrder",
    "PlanFulfillment",
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
    "SaveDraft",
    "StartPicking",
    "StockArrived",
    "TakeStep",
    "TimePassed",
    "UnpackParcel",
    "VoidShipment",
    "WaiveFee",
]
