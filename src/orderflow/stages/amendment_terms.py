"""Rules of an amendment about where goods go, how and when: what can still be had otherwise, and what would make sense.

What is ordered in addition is held to the rules of placing an order, and so is every line that is to read otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from types import SimpleNamespace

from orderflow.errors import Violation
from orderflow.ledger import HERE, Account, allocated, kind_of
from orderflow.order import Line, Order
from orderflow.policy import Policy
from orderflow.stages import acceptance
from orderflow.stages.amending import AmendOrder
from orderflow.stages.amendment_kits import lines_of
from orderflow.stages.amendment_plan import plan_of, redirected_lines
from orderflow.stages.drafts import drafted_line
from orderflow.stages.packing import way_of
from orderflow.values.checked import evolved

__all__ = ["TERMS_RULES"]

_OF_ANY_ORDER = (
    acceptance.carried_goods_have_an_address,
    acceptance.stated_prices_are_in_the_orders_currency,
    acceptance.a_measure_is_estimated_in_its_unit,
    acceptance.days_are_in_order,
)


def goods_that_have_left_go_where_they_go(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """Terms of a line change as long as some of it is here, or to come."""
    for line_id in command.lines:
        accounts = (account for one in lines_of(order, line_id) for account, _ in order.ledger.accounts(one))
        if not any(kind_of(account) in HERE for account in accounts):
            told = f"no unit of {line_id} is here that could go otherwise"
            yield Violation("amendment.too_late", told, f"lines[{line_id}]")


def a_method_is_changed_before_work_begins(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """Whether a carrier brings goods or customers collect them is settled before somebody handles them."""
    after = plan_of(order, command, policy).after
    for line_id in order.lines:
        before, now = order.method_of(line_id), after.method_of(line_id)
        if before == now or not order.live_quantity(line_id):
            continue
        row_id = _row_of(order, command, line_id)
        path = f"lines[{row_id}].method" if row_id else "method"
        if {before, now} != {"carrier", "pick_up"}:
            told = f"{line_id} is delivered by {before}; it cannot become {now}"
            yield Violation("amendment.other_method", told, path, remedy="remove the line, and add another")
        elif any(_is_begun(order, account, policy) for account, _ in order.ledger.accounts(line_id)):
            yield Violation("amendment.too_late", f"units of {line_id} are being handled for {before}", path)


def _row_of(order: Order, command: AmendOrder, line_id: str) -> str:
    """Under which id an amendment says something about a line by itself: its own, or that of its kit."""
    kit = order.kit_of(line_id)
    return next((id for id in (line_id, kit.id if kit is not None else "") if id in command.lines), "")


def _is_begun(order: Order, account: Account, policy: Policy) -> bool:
    """Whether somebody handles, or has handled, what is in an account, so that it is not given out anew."""
    kind = kind_of(account)
    if kind != "allocated":
        return kind in ("picked", "packed")
    initial = policy.lifecycles.fulfillment.initial
    is_free = {allocated(work.id) for work in order.fulfillments.values() if work.state == initial}
    return account not in is_free or account in map(allocated, order.works)


def a_parcel_still_goes_one_way(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """Goods that are in one parcel are redirected together."""
    after = plan_of(order, command, policy).after
    redirected = redirected_lines(order, after)
    for parcel_id in order.parcels if redirected else ():
        lines = tuple(order.contents_of(parcel_id))
        if redirected.intersection(lines) and len({way_of(after, line_id) for line_id in lines}) > 1:
            told = f"{' and '.join(lines)} are together in {parcel_id}, and would go different ways"
            shipment = order.shipment_of(parcel_id)
            first = f"VoidShipment {shipment.id}, " if shipment is not None else ""
            yield Violation("amendment.mixed_parcel", told, parcel_id, remedy=f"{first}UnpackParcel {parcel_id}")


def what_is_amended_could_have_been_ordered(order: Order, command: AmendOrder, policy: Policy) -> Iterable[Violation]:
    """Lines that are added, or read otherwise, are such as could be ordered."""
    after = plan_of(order, command, policy).after
    paths = dict(_to_be_checked(order, after, command))
    lines = (drafted_line(_by_itself(after.lines[line_id]), after.live_quantity(line_id)) for line_id in paths)
    said = SimpleNamespace(
        lines=(*lines, *command.add),
        ship_to=after.ship_to,
        method=after.terms.method or "carrier",
        currency=after.currency,
        deliver_by=after.terms.deliver_by,
        not_before=after.terms.not_before,
    )
    named = (*paths.values(), *(f"add[{index}]" for index, _ in enumerate(command.add)))
    for rule in _OF_ANY_ORDER:
        for violation in rule(after, said, policy):
            yield evolved(violation, path=_path(violation.path, named))


def _by_itself(line: Line) -> Line:
    """A line whatever it is to leave together with: components leave together with those of their kit."""
    return line.replace(terms=evolved(line.terms, complete=None))


def _to_be_checked(order: Order, after: Order, command: AmendOrder) -> Iterator[tuple[str, str]]:
    """Lines that read otherwise, and where the amendment says so."""
    is_general = after.terms != order.terms
    for line_id in order.lines:
        row_id = _row_of(order, command, line_id)
        if after.live_quantity(line_id) and (is_general or row_id):
            yield line_id, f"lines[{row_id or line_id}]"


def _path(path: str, named: tuple[str, ...]) -> str:
    """The path of a line in an order that is placed, as it is in the amendment."""
    if path == "ship_to":
        return f"{named[0]}.ship_to"
    return re.sub(r"^lines\[(\d+)\]", lambda found: named[int(found.group(1))], path)


TERMS_RULES = (
    goods_that_have_left_go_where_they_go,
    a_method_is_changed_before_work_begins,
    a_parcel_still_goes_one_way,
    what_is_amended_could_have_been_ordered,
)
