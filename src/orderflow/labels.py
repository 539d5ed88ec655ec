"""Labels: by what an order is found in a store, beside its state and numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from orderflow.ledger import (
    BACKORDERED,
    OPEN,
    received,
    returning,
)
from orderflow.values.ids import ERASED, digest
from orderflow.values.party import Party

if TYPE_CHECKING:
    from orderflow.order import Order

__all__ = ["customer_reference_labels", "labels_of", "relabelled"]

#: The fields on which labels depend.
_LABELLED_BY = (
    "fulfillments",
    "put_away",
    "returns",
    "ledger",
    "lines",
    "claims",
    "customer",
    "customer_reference",
    "milestones",
    "erased_at",
)
#: The milestones with which an order is over.
_ENDS = ("completed", "cancelled", "rejected")
_NO_LABELS: frozenset[str] = frozenset()


def labels_of(order: Order) -> Iterator[str]:
    """The labels of an order, as `Order.labels` tells them."""
    for fulfillment in order.fulfillments.values():
        if order.work_left(fulfillment.id):
            yield f"location:{fulfillment.location}"
    for claim in order.claims.values():
        if claim.location and order.ledger.balance(claim.line_id, OPEN):
            yield f"location:{claim.location}"
    for fulfillment_id in order.put_away:
        yield f"put_away:{order.fulfillments[fulfillment_id].location}"
    for one in order.returns.values():
        if one.location and any(place(one.id) in order.ledger.held for place in (returning, received)):
            yield f"return:{one.location}"
    for line_id in order.ledger.held.get(BACKORDERED, ()):
        yield f"backorder:{order.lines[line_id].sku}"
    yield from customer_reference_labels(order.customer_reference, order.customer)
    ended = [order.milestones[end] for end in _ENDS if end in order.milestones]
    if ended and order.erased_at is None and all(one.ended for one in order.returns.values()):
        yield f"ended:{max(ended):%Y-%m}"


def relabelled(order: Order, before: Order | None) -> tuple[frozenset[str], frozenset[str]]:
    """The labels that this order has and ``before`` did not, and the other way round."""
    if before is None:
        return order.labels, _NO_LABELS
    then, now = before.__dict__, order.__dict__
    if all(then[field] is now[field] for field in _LABELLED_BY):
        return _NO_LABELS, _NO_LABELS
    return order.labels - before.labels, before.labels - order.labels


def customer_reference_labels(reference: str, customer: Party | None) -> tuple[str, ...]:
    """The labels of orders with a number that a customer gave: by the number alone, and by it and the customer.

    A customer without an id of its own is known by its name, of which only a digest is shown. What was erased is found
    by nobody.
    """
    if reference in ("", ERASED):
        return ()
    who = customer.id or digest(customer.name) if customer is not None else ""
    return f"customer_reference:{reference}", f"customer_reference:{reference} of {who}"
