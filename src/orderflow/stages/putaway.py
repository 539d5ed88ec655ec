"""Put-away: goods that were picked, and are not wanted any more, go back on the shelf.

To cancel units releases their reservation; it does not carry them. What was in somebody's hands, picked or packed, when
it was cancelled is remembered until the location says that it is on the shelf again. Nothing waits for that but the
explanation, which says who is to do it.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orderflow.errors import Violation
from orderflow.messages import Command, Envelope, Event, command, event
from orderflow.order import Goods, Order
from orderflow.policy import Policy
from orderflow.stages.picking import as_goods, serials_in, the_fulfillment_exists, totals
from orderflow.stages.stage import Decision, Stage, Wait, order_exists, units_text
from orderflow.values.checked import checked, evolved, optional, tuple_of
from orderflow.values.frozenmap import FrozenMap
from orderflow.values.ids import as_id
from orderflow.values.numbers import EXACT, ZERO, plain

__all__ = ["STAGE", "GoodsPutAway", "RecordPutAway"]


@command("record_put_away")
class RecordPutAway(Command):
    """These goods are back on the shelf; without a list, everything of this fulfillment that was to go back."""

    order_id: str = checked(as_id)
    fulfillment_id: str = checked(as_id)
    goods: tuple[Goods, ...] | None = checked(optional(tuple_of(as_goods, at_least=1)), default=None)

    if TYPE_CHECKING:

        def __init__(
            self,
            order_id: str,
            fulfillment_id: str,
            goods: Iterable[Goods | tuple[str, Decimal | int | str]] | None = None,
        ) -> None: ...


@event("goods_put_away")
class GoodsPutAway(Event):
    """Goods that are not wanted any more are back on the shelf."""

    fulfillment_id: str
    goods: tuple[Goods, ...]

    def apply(self, order: Order) -> Order:
        """Nobody has them in hand any more; units with serial numbers may be picked again."""
        units = dict(order.put_away[self.fulfillment_id])
        for line_id, quantity in totals(self.goods).items():
            units[line_id] = EXACT.subtract(units[line_id], quantity)
        left = FrozenMap({line_id: quantity for line_id, quantity in units.items() if quantity})
        waiting = order.put_away
        waiting = waiting.set(self.fulfillment_id, left) if left else waiting.without(self.fulfillment_id)
        return self._forgotten(order).replace(put_away=waiting)

    def _forgotten(self, order: Order) -> Order:
        """The order without what was read off units that are back."""
        work = order.fulfillments[self.fulfillment_id]
        back = {serial for some in self.goods for serial in some.serials}
        if not back:
            return order
        taken = []
        for some in work.taken:
            left = tuple(serial for serial in some.serials if serial not in back)
            if left != some.serials:
                some = evolved(some.part(Decimal(len(left))), serials=left)
            if some.quantity:
                taken.append(some)
        return order.replace(fulfillments=order.fulfillments.set(work.id, work.replace(taken=tuple(taken))))


def the_goods_were_to_go_back(order: Order, command: RecordPutAway, policy: Policy) -> Iterable[Violation]:
    """No more goes back on the shelf than is in hand and not wanted any more; and something does."""
    waiting = order.put_away.get(command.fulfillment_id)
    if not waiting:
        told = f"{command.fulfillment_id} has nothing to put away"
        yield Violation("put_away.nothing", told, "fulfillment_id")
        return
    goods = command.goods or ()
    for line_id, quantity in totals(goods).items():
        if quantity > waiting.get(line_id, ZERO):
            index = next(index for index, some in enumerate(goods) if some.line_id == line_id)
            told = f"{plain(quantity)} of {line_id}, but {plain(waiting.get(line_id, ZERO))} were to go back"
            yield Violation("put_away.too_much", told, f"goods[{index}].quantity")


def serials_were_in_hand(order: Order, command: RecordPutAway, policy: Policy) -> Iterable[Violation]:
    """Of goods that were picked by serial number, only units that were picked are put away."""
    taken = order.fulfillments[command.fulfillment_id].taken
    known = serials_in(order, taken)
    read = {some.line_id for some in taken if some.serials}
    for index, some in enumerate(command.goods or ()):
        mine = serials_in(order, (some,)) if some.line_id in read else set()
        for _, serial in sorted(mine - known):
            yield Violation("put_away.serial_not_there", f"{serial} was not picked", f"goods[{index}].serials")


def _put_away(order: Order, command: RecordPutAway, policy: Policy, envelope: Envelope) -> Iterable[Event]:
    waiting = order.put_away[command.fulfillment_id]
    goods = command.goods or tuple(Goods(line_id, units) for line_id, units in waiting.items())
    yield GoodsPutAway(envelope.at, command.fulfillment_id, goods)


def _awaits(order: Order, policy: Policy) -> Iterable[Wait]:
    for fulfillment_id, units in order.put_away.items():
        who = order.fulfillments[fulfillment_id].location or "the warehouse"
        yield Wait(who, f"to put {units_text(order, units)} back on the shelf", f"fulfillment {fulfillment_id}")


def _candidates(order: Order, policy: Policy) -> Iterable[Any]:
    return (RecordPutAway(order.id, fulfillment_id) for fulfillment_id in order.put_away)


STAGE = Stage(
    name="putaway",
    commands=(RecordPutAway,),
    events=(GoodsPutAway,),
    decisions=(
        Decision(
            RecordPutAway,
            tiers=((order_exists,), (the_fulfillment_exists,), (the_goods_were_to_go_back,), (serials_were_in_hand,)),
            events=_put_away,
            candidates=_candidates,
        ),
    ),
    awaits=_awaits,
)
