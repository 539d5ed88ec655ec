"""The standard lifecycles: an order, a fulfillment, a parcel, a return.

They gate the steps of the process and know nothing of facts: goods that left have left, whatever the state says. Most
hosts start from these and extend them by value.
"""

from __future__ import annotations

from orderflow.lifecycle.model import Lifecycle, Step

__all__ = ["FULFILLMENT", "ORDER", "PARCEL", "RETURN"]

ORDER = Lifecycle(
    name="order",
    version=1,
    initial="draft",
    steps=(
        Step("draft", "place", "placed"),
        Step("draft", "cancel", "cancelled"),
        Step("placed", "acknowledge", "acknowledged"),
        Step("placed", "reject", "rejected"),
        Step("placed", "cancel", "cancelled"),
        Step("acknowledged", "verify", "verified"),
        Step("acknowledged", "reject", "rejected"),
        Step("acknowledged", "cancel", "cancelled"),
        Step("verified", "start_fulfillment", "in_fulfillment"),
        Step("verified", "cancel", "cancelled"),
        Step("in_fulfillment", "ship", "shipped"),
        Step("in_fulfillment", "cancel", "cancelled"),
        Step("shipped", "deliver", "delivered"),
        Step("shipped", "close", "completed"),
        Step("delivered", "complete", "completed"),
        Step("delivered", "reopen", "shipped"),
        Step("completed", "reopen", "shipped"),
    ),
    final=("rejected", "cancelled"),
    resting=("completed",),
)
"""An order, from its draft or arrival to its completion. A completed order rests: news against it reopens it.

To *close* is to complete an order of which nothing has arrived and all was credited."""

FULFILLMENT = Lifecycle(
    name="fulfillment",
    version=1,
    initial="planned",
    steps=(
        Step("planned", "start_picking", "picking"),
        Step("planned", "record_despatch", "despatched"),
        Step("planned", "submit", "submitted"),
        Step("planned", "cancel", "cancelled"),
        Step("submitted", "record_despatch", "despatched"),
        Step("submitted", "cancel", "cancelled"),
        Step("picking", "pick", "picking"),
        Step("picking", "finish_picking", "picked"),
        Step("picking", "record_despatch", "despatched"),
        Step("picking", "cancel", "cancelled"),
        Step("picked", "pack", "picked"),
        Step("picked", "finish_packing", "packed"),
        Step("picked", "unpack", "picked"),
        Step("picked", "record_despatch", "despatched"),
        Step("picked", "despatch", "picked"),
        Step("picked", "hand_over", "picked"),
        Step("picked", "finish_despatch", "despatched"),
        Step("picked", "cancel", "cancelled"),
        Step("packed", "unpack", "picked"),
        Step("packed", "despatch", "packed"),
        Step("packed", "hand_over", "packed"),
        Step("packed", "finish_despatch", "despatched"),
        Step("packed", "record_despatch", "despatched"),
        Step("packed", "cancel", "cancelled"),
    ),
    final=("despatched", "cancelled"),
)
"""The work of one location: ours, or submitted to the fulfiller who runs it.

What is done parcel by parcel (pack, unpack, despatch, hand over) stays in place. Whoever works elsewhere and tells of
it afterwards (``record_despatch``) skips the steps between.
"""

PARCEL = Lifecycle(
    name="parcel",
    version=1,
    initial="packed",
    steps=(
        Step("packed", "unpack", "unpacked"),
        Step("packed", "book", "booked"),
        Step("packed", "record_despatch", "despatched"),
        Step("packed", "hand_over", "delivered"),
        Step("booked", "unbook", "packed"),
        Step("booked", "despatch", "despatched"),
        Step("despatched", "deliver", "delivered"),
        Step("delivered", "reopen", "despatched"),
    ),
    final=("unpacked",),
    resting=("delivered",),
)
"""A parcel: packed, booked with a carrier, under way, delivered; or handed over to who collects it. To unpack a booked
one, unbook it first."""

RETURN = Lifecycle(
    name="return",
    version=1,
    initial="requested",
    steps=(
        Step("requested", "authorize", "authorized"),
        Step("requested", "refuse", "refused"),
        Step("requested", "cancel", "cancelled"),
        Step("requested", "receive", "received"),
        Step("authorized", "collect", "in_transit"),
        Step("authorized", "receive", "received"),
        Step("authorized", "cancel", "cancelled"),
        Step("authorized", "close", "closed"),
        Step("in_transit", "receive", "received"),
        Step("in_transit", "close", "closed"),
        Step("received", "receive", "received"),
        Step("received", "inspect", "inspected"),
        Step("received", "dispose", "received"),
        Step("received", "finish", "disposed"),
        Step("received", "close", "closed"),
        Step("inspected", "receive", "received"),
        Step("inspected", "inspect", "inspected"),
        Step("inspected", "dispose", "inspected"),
        Step("inspected", "finish", "disposed"),
        Step("inspected", "close", "closed"),
        Step("disposed", "receive", "received"),
        Step("disposed", "close", "closed"),
        Step("refused", "receive", "received"),
        Step("cancelled", "receive", "received"),
        Step("closed", "receive", "received"),
    ),
    resting=("refused", "cancelled", "closed"),
)
"""A return: asked for, authorized or refused, under way, received, inspected, disposed of, closed.

What is disposed of part by part stays in place, and is finished when nothing is left at the dock. Goods that turn up
have turned up, whatever was said: they open a return that was over. Take the step to dispose away from received, and
nothing is disposed of that nobody has inspected.
"""
