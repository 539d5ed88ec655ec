"""Two worked extensions: how a host puts a state of its own into a standard lifecycle.

A stage acts by itself only where its event is permitted. With `WITH_FRAUD_REVIEW` an acknowledged order is no longer
verified automatically: ``verify`` is not permitted there until ``review_fraud`` was taken. With `WITH_ENGRAVING` goods
are packed only after ``engrave``.
"""

from __future__ import annotations

from orderflow.lifecycle.model import Lifecycle
from orderflow.lifecycle.standard import FULFILLMENT, ORDER

__all__ = ["WITH_ENGRAVING", "WITH_FRAUD_REVIEW"]

WITH_FRAUD_REVIEW: Lifecycle = ORDER.inserted(
    "fraud_review", after="acknowledged", by="review_fraud", taking=("verify",)
)
"""Every order is looked at before it is verified."""

WITH_ENGRAVING: Lifecycle = FULFILLMENT.inserted(
    "engraving",
    after="picked",
    by="engrave",
    taking=("pack", "finish_packing", "despatch", "hand_over", "finish_despatch"),
)
"""Every picked article is engraved before it is packed, or handed over."""
