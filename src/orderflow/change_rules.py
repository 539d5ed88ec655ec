"""What may still change, at which stage, by whom: data.

A *modification* is one kind of change (fewer units, another address); the *stage* is how far the goods are that it is
about; an *actor* is of a kind (``customer``, ``merchant``, ``system``). A `ChangeRule` names any of the three, or ``*``
for whatever they are, and says what becomes of such a change: it is allowed, denied, or proposed to someone who may
allow it. The first rule that fits decides, and what no rule fits is denied.

The stage is derived, never stored. Where a change takes or redirects units it is that of the furthest of these units;
of any other change it is that of the furthest unit of the line, or of the whole order where it is about no line: so
ten units more of a line of which four have left is a change at the stage ``shipped``. What is only possible (nobody
takes back what has left) no rule can allow; rules say what is *permitted*.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs

from orderflow.errors import InvalidInput
from orderflow.ledger import GIVEN_UP, Account, kind_of, place_of
from orderflow.order import Order
from orderflow.values.checked import checked, tuple_of, value
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id

__all__ = [
    "CHANGES",
    "MODIFICATIONS",
    "STAGES",
    "ChangeRule",
    "Modification",
    "Verdict",
    "furthest",
    "furthest_of_lines",
    "rule_for",
    "stage_at",
]

#: What becomes of a change: allowed, denied, or proposed to someone who may approve it.
Verdict: TypeAlias = Literal["allow", "deny", "approval"]
_VERDICTS = ("allow", "deny", "approval")

#: The kinds of changes of an order that was placed.
MODIFICATIONS: FrozenMap[str, str] = FrozenMap(
    {
        "increase": "more units of a line",
        "decrease": "fewer units of a line",
        "add_line": "a line more",
        "remove_line": "a line taken out",
        "substitute": "another product for units that can still be had back",
        "address": "another delivery address, of the order or of a line",
        "dates": "another day by which, before which, or time at which goods are wanted",
        "terms": "another carrier, service or way of delivery, or what is to leave together",
        "instructions": "other instructions, of the order or of a line",
        "price": "a price agreed by hand",
        "cancel_lines": "units cancelled (`CancelLines`)",
        "cancel_order": "the whole order cancelled (`CancelOrder`)",
    }
)

#: How far goods are, in the order in which they come there.
STAGES: FrozenMap[str, str] = FrozenMap(
    {
        "placed": "not given to any location, and the order is not confirmed yet",
        "confirmed": "not given to any location, and the order is confirmed",
        "allocated": "given to a location, where nobody has begun",
        "picking": "at a location that has begun, or with a fulfiller",
        "picked": "taken from the shelf",
        "packed": "in a parcel that no carrier was asked to take",
        "booked": "in a parcel for which a carrier was asked, or has agreed",
        "shipped": "on the way, or lost there",
        "delivered": "with the customer, or on the way back",
    }
)
_RANK = {stage: rank for rank, stage in enumerate(STAGES)}


def _as_modification(raw: Any) -> str:
    if raw != "*" and raw not in MODIFICATIONS:
        raise InvalidInput.because(
            "change_rule.unknown_modification", f"must be * or one of {', '.join(MODIFICATIONS)}"
        )
    return str(raw)


def _as_stage(raw: Any) -> str:
    if raw != "*" and raw not in STAGES:
        raise InvalidInput.because("change_rule.unknown_stage", f"must be * or one of {', '.join(STAGES)}")
    return str(raw)


def _as_verdict(raw: Any) -> Any:
    if raw not in _VERDICTS:
        raise InvalidInput.because("change_rule.unknown_verdict", f"must be one of {', '.join(_VERDICTS)}")
    return raw


@value
class ChangeRule:
    """What becomes of a kind of change, at a stage, by a kind of actor; ``*`` is any.

    ``approved_by`` names the kinds of actors who may approve what needs approval; where it names none, it is approved
    by whoever may make that change. Nobody approves what they proposed themselves.
    """

    modification: str = checked(_as_modification, default="*")
    stage: str = checked(_as_stage, default="*")
    actor: str = checked(as_id, default="*")
    verdict: Verdict = checked(_as_verdict, default="allow")
    approved_by: tuple[str, ...] = checked(tuple_of(as_id), default=())

    if TYPE_CHECKING:

        def __init__(
            self,
            modification: str = "*",
            stage: str = "*",
            actor: str = "*",
            verdict: Verdict = "allow",
            approved_by: Iterable[str] = (),
        ) -> None: ...

    def fits(self, modification: Modification, actor: str) -> bool:
        """Whether this rule is about such a change by such an actor."""
        return (
            self.modification in ("*", modification.kind)
            and self.stage in ("*", modification.stage)
            and self.actor in ("*", actor)
        )


@attrs.frozen
class Modification:
    """One change that a command asks for: its kind, the stage of the goods that it is about, and where it says so."""

    kind: str
    stage: str
    path: str = ""


#: What is allowed unless a host says otherwise: whatever is possible, but that customers make their own prices.
CHANGES: tuple[ChangeRule, ...] = (ChangeRule("price", "*", "customer", "deny"), ChangeRule())
_DENIED = ChangeRule(verdict="deny")


def rule_for(rules: Iterable[ChangeRule], modification: Modification, actor: str) -> ChangeRule:
    """The first rule that fits; a denial where none does.

    >>> rules = (ChangeRule("*", "packed", "customer", "deny"), ChangeRule("address"))
    >>> [rule_for(rules, Modification("address", stage), "customer").verdict for stage in ("picked", "packed")]
    ['allow', 'deny']
    """
    return next((rule for rule in rules if rule.fits(modification, actor)), _DENIED)


def stage_at(order: Order, account: Account, initial: str) -> str:
    """The stage of units in an account; ``initial`` is the state of work that nobody has begun."""
    kind, place = kind_of(account), place_of(account)
    if kind in ("open", "backordered"):
        return "confirmed" if "confirmed" in order.milestones else "placed"
    if kind == "allocated":
        is_begun = place in order.works or order.fulfillments[place].state != initial
        return "picking" if is_begun else "allocated"
    if kind == "packed":
        shipment = order.shipment_of(place)
        return "booked" if shipment is not None and shipment.is_outstanding else "packed"
    if kind in ("picked", "shipped"):
        return kind
    return "shipped" if kind == "lost" else "delivered"


def furthest(order: Order, accounts: Iterable[Account], initial: str) -> str:
    """The stage of those units that are furthest; where there are none, that of an order of which nothing was begun."""
    stages = (stage_at(order, account, initial) for account in accounts if kind_of(account) not in GIVEN_UP)
    least = "confirmed" if "confirmed" in order.milestones else "placed"
    return max(stages, key=_RANK.__getitem__, default=least)


def furthest_of_lines(order: Order, line_ids: Iterable[str], initial: str) -> str:
    """The stage of the furthest unit of some lines."""
    return furthest(order, (account for line in line_ids for account, _ in order.ledger.accounts(line)), initial)
