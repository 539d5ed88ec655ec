"""Collecting what the customer has and does not owe: it is a return for which nothing is due.

A parcel that was made good arrives after all, or more is despatched than was ordered: someone chooses whether the
customer keeps it, or it is collected (``collect``). To collect is to ask for a return in the customer's place, as soon
as the units are there: it is authorized, labelled, received and disposed of like any other, or refused, or cancelled.
Nothing is given back for such units, since the ledger and the prices know what was paid for; what else comes with them
is due as ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from orderflow.ledger import delivered, shipped
from orderflow.messages import Event
from orderflow.order import Case, Order, ReturnLine
from orderflow.policy import Policy
from orderflow.stages.losses import EXTRA
from orderflow.stages.returns_origin import with_customer
from orderflow.stages.returns_request import ReturnRequested
from orderflow.stages.stage import Stage, next_id
from orderflow.values.numbers import EXACT, ZERO

__all__ = ["STAGE"]

_BEYOND, _COLLECT = "despatch.beyond_tolerance", "collect"


def _follow(order: Order, policy: Policy, at: datetime) -> Iterable[Event]:
    """What is to be collected, and is with the customer by now, is asked back."""
    asked = {known.case_id for known in order.returns.values()}
    for case in order.cases.values():
        if case.chosen == _COLLECT and case.id not in asked and (lines := tuple(_to_collect(order, case))):
            return_id, state = next_id("R", order.returns), policy.lifecycles.return_.initial
            yield ReturnRequested(at, return_id, "return", "nothing", state, lines, case_id=case.id)
            return


def _to_collect(order: Order, case: Case) -> Iterable[ReturnLine]:
    """The units of a case that the customer has, parcel by parcel; none as long as some of them are on their way."""
    units, parcels = _meant(order, case)
    if any(order.ledger.balance(line_id, shipped(parcel_id)) for line_id in units for parcel_id in parcels):
        return
    for line_id, wanted in units.items():
        left = min(wanted, with_customer(order, line_id))
        for parcel_id in parcels:
            taken = min(left, order.ledger.balance(line_id, delivered(parcel_id)))
            if taken > 0:
                yield ReturnLine(line_id, taken, "not ordered", parcel_id)
                left = EXACT.subtract(left, taken)


def _meant(order: Order, case: Case) -> tuple[dict[str, Decimal], tuple[str, ...]]:
    """The units of a case for which nothing was paid, by line, and the parcels in which they were sent."""
    if case.code == EXTRA:
        return order.made_good(order.parcels[case.about]), (case.about,)
    found: dict[str, Decimal] = {}
    if case.code != _BEYOND:
        return found, ()
    for advice in order.despatch_advices.values():
        if advice.shipment_id == case.about:
            for line_id, units in advice.beyond.items():
                found[line_id] = min(units, order.unbilled.get(line_id, ZERO))
    return {line_id: units for line_id, units in found.items() if units}, order.shipments[case.about].parcel_ids


def _looks_at(order: Order) -> tuple[str, ...]:
    if not any(case.chosen == _COLLECT for case in order.cases.values()):
        return ("cases",)
    return ("cases", "ledger", "parcels", "returns", "unbilled")


STAGE = Stage(name="returns_collection", follow=_follow, looks_at=_looks_at)
