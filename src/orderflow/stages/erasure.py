"""Erasure: what the order says about people is erased, and the order stays.

The books of an order outlive the people in it: what was sold, sent and paid has to be known for years; who it was may
have to be forgotten. `PersonalDataErased` empties every field that is marked as personal, in the order; the store does
the same, in one transaction, to everything that it holds of the order: events, records of commands, snapshots, labels,
what is parked for it (`OrderStore.erase`). Replaying what is left gives the very order.

What stays is what the books need and no person can be known by: products, quantities, prices, taxes, days, country and
region, the numbers of the order, its parcels and their tracking, states and codes. The record of the erasure stays with
who asked for it and why: that is the proof that it was done.

An erased order goes on by its rules, but for two. Nobody is told anything of it any more, and nothing is asked of
others for which a name or an address would be needed. And it takes in no personal data: commands and answers are
erased as they come (`orderflow.process`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orderflow import facts
from orderflow.books import Observed
from orderflow.errors import Violation
from orderflow.ledger import CANCELLED, CLOSED_SHORT, HERE
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Case, Order
from orderflow.policy import Policy
from orderflow.ports import PutWork, Request
from orderflow.stages.exceptions import ExceptionResolved
from orderflow.stages.holds import HoldPlaced
from orderflow.stages.stage import Decision, Stage, next_id, order_exists
from orderflow.tracking import Scan, united
from orderflow.values.checked import as_flag, checked, evolved
from orderflow.values.erasing import erased, says_erased
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import ERASED, as_id

__all__ = ["HOLD", "STAGE", "ErasePersonalData", "PersonalDataErased", "asked_of_nobody", "erased_order", "is_at_rest"]

#: The hold on an order that was erased while goods were still to be sent: nobody knows where to.
HOLD = "erasure.recipient_unknown"

#: Where units are that nobody handles any more.
_AT_REST = frozenset({"delivered", "lost", "restocked", "scrapped", "sent_back", CANCELLED, CLOSED_SHORT})


@command("erase_personal_data")
class ErasePersonalData(Command):
    """Erase what an order says about people, for good, from everything that the store holds of it.

    It is refused while the order is at work: goods under way, money owed, a case to be settled, an answer to come.
    With ``force`` it is not. What is still here is held, and so is a draft: nobody knows any more where it was to go.
    Who erases, and why, stays on record: the reason should not name whom it is about. It may be repeated, for what has
    come since.
    """

    order_id: str = checked(as_id)
    force: bool = checked(as_flag, default=False)


@event("personal_data_erased")
class PersonalDataErased(Event):
    """What the order said about people was erased: by whom, and why."""

    by: str
    reason: str = ""
    forced: bool = False

    def apply(self, order: Order) -> Order:
        """The order without what is personal; what was not sent yet is not sent any more."""
        made = erased_order(order)
        return made.replace(erased_at=order.erased_at or self.at)


def erased_order(order: Order) -> Order:
    """An order without what is personal: what was told and differs in nothing else is one, nothing more is sent."""
    made = erased(order)
    tracked: dict[str, Any] = {
        name: _tracked_anew(held) for name, held in made.__dict__.items() if isinstance(held, FrozenMap)
    }
    messages = {
        message.id: message.replace(state="withheld", failure=ERASED) if message.state == "queued" else message
        for message in made.messages.values()
    }
    observed = made.observed if made.observed is None else _observed_anew(made.observed)
    rest = {"messages": FrozenMap(messages), "observed": observed, "stray_scans": _as_a_set(made.stray_scans)}
    return made.replace(**(tracked | rest))


def _observed_anew(known: Observed) -> Observed:
    """What others told, as the set that is left of it."""
    return evolved(
        known,
        facts=facts.united((), known.facts),
        scans=_as_a_set(known.scans),
        books=known.books.each_once,
    )


def _tracked_anew(held: FrozenMap[str, Any]) -> FrozenMap[str, Any]:
    """Parts of an order; those that are tracked, by the reports that are left."""
    if not any(getattr(part, "scans", ()) or getattr(part, "told", ()) for part in held.values()):
        return held
    return FrozenMap({name: _as_told_once(part) for name, part in held.items()})


def _as_told_once(part: Any) -> Any:
    if getattr(part, "told", ()):
        part = part.replace(told=_as_a_set(part.told))
    return part.with_scans(_as_a_set(part.scans))


def _as_a_set(scans: tuple[Scan, ...]) -> tuple[Scan, ...]:
    return united((), scans)


def asked_of_nobody(request: Request) -> bool:
    """Whether a request lacks a name or an address that was erased, and is not asked; work can still be cancelled."""
    if isinstance(request, PutWork) and not any(line.quantity for line in request.lines):
        return False
    return says_erased(request)


# -- rules ----------------------------------------------------------------------------------------------------------


def is_at_rest(order: Order) -> bool:
    """Whether nobody handles goods of the order any more; of a draft nobody did yet."""
    kinds = order.ledger.kinds - _AT_REST
    return order.is_draft or not (kinds - {"shipped"} if "completed" in order.milestones else kinds)


def goods_are_at_rest(order: Order, command: ErasePersonalData, policy: Policy) -> Iterable[Violation]:
    """Whoever has goods in hand may need to know whose they are."""
    if not command.force and not is_at_rest(order):
        kinds = order.status.by_kind
        told = ", ".join(kind.replace("_", " ") for kind in kinds if kind not in _AT_REST)
        yield Violation("erasure.goods_at_work", f"units are {told}", remedy="wait, cancel, or force it")


def money_is_at_rest(order: Order, command: ErasePersonalData, policy: Policy) -> Iterable[Violation]:
    """Whoever collects money, or pays it back, has to know whose it is; where nobody here counts it, nothing is known.

    An order that others settle, and one without a document or a payment of which we raise no charges, say nothing.
    """
    counts = order.settlement.charge_on or not order.settlement.is_empty
    if command.force or not counts or "settlement" in order.theirs:
        return
    for amount, told in ((order.balance.owed, "by"), (order.balance.credit_owed, "to")):
        if not amount.is_zero:
            yield Violation(
                "erasure.money_owed", f"{amount} is owed {told} the customer", remedy="settle it, or force it"
            )


def nothing_is_to_be_settled(order: Order, command: ErasePersonalData, policy: Policy) -> Iterable[Violation]:
    """Whoever settles a case may have to ask the customer."""
    if command.force:
        return
    for case in order.open_cases:
        if not _is_about_a_message(case):
            yield Violation("erasure.case_open", f"{case.code} is to be settled", case.id, remedy="ResolveException")


def nothing_is_to_be_answered(order: Order, command: ErasePersonalData, policy: Policy) -> Iterable[Violation]:
    """What others were asked may come back with the name in it, and be about something that was agreed with it."""
    if command.force:
        return
    if order.is_cancelling or order.to_be_cancelled:
        yield Violation("erasure.cancelling", "a cancellation waits for its answer")
    for deferral in order.deferrals.values():
        if not deferral.answered and "send/" not in deferral.request_id:
            yield Violation("erasure.answer_awaited", f"{deferral.request_id} waits for its answer", deferral.ticket)
    if order.unissued or not all(claim.is_settled for claim in order.claims.values()):
        yield Violation("erasure.books_open", "a goods issue or a claim is not confirmed")


def _is_about_a_message(case: Case) -> bool:
    return case.code == "message.refused" or (case.is_about_request and case.about.startswith("send/"))


# -- decisions ------------------------------------------------------------------------------------------------------


def _erase(order: Order, command: ErasePersonalData, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    if order.erased_at is not None and erased_order(order) == order:
        return
    at = envelope.at
    yield PersonalDataErased(at, str(envelope.by), envelope.reason, command.force)
    for case in order.open_cases:
        if _is_about_a_message(case):
            yield ExceptionResolved(at, case.id, "moot")
    is_held = any(hold.code == HOLD for hold in order.active_holds)
    if not is_held and (order.is_draft or not order.ledger.kinds.isdisjoint(HERE)):
        yield HoldPlaced(at, next_id("H", order.holds), HOLD)


STAGE = Stage(
    name="erasure",
    commands=(ErasePersonalData,),
    events=(PersonalDataErased,),
    decisions=(
        Decision(
            ErasePersonalData,
            tiers=(
                (order_exists,),
                (goods_are_at_rest, money_is_at_rest, nothing_is_to_be_settled, nothing_is_to_be_answered),
            ),
            events=_erase,
        ),
    ),
    looks_at=lambda order: (),
)
