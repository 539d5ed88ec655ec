"""A system that does not answer: patience, a case for a person, and a fresh start."""

from __future__ import annotations

from datetime import timedelta
from itertools import repeat
from pathlib import Path
from typing import Any

import attrs
import pytest

from orderflow import commands as c
from orderflow.adapters.memory import Flaky
from orderflow.defaults import STANDARD
from orderflow.errors import PortRefused, PortUnavailable
from orderflow.policy import Retry
from orderflow.runtime import OrderFlow
from orderflow.stores import OrderStore, SqliteStore
from tests.runtime.shop import NINE, STEPS, Only, Shop, beside, go_on, lead, next_due, place, tags

DOWN = PortUnavailable("the line is dead")


def broken(shop: Shop, method: str, *failures: Exception | None) -> Only:
    """A system of the shop one of whose methods fails so, or for ever."""
    name = {"claim": "inventory", "issue": "inventory", "quote": "pricing", "send": "notifications"}.get(
        method, "carriers"
    )
    port = Only(shop.ports[name], method, failures or repeat(DOWN), clock=shop.clock)
    shop.ports[name] = port
    return port


def turns(shop: Shop, flow: OrderFlow, most: int = 30) -> None:
    """The worker sleeps until something is due, and gives it its turn, until nothing is due."""
    for _ in range(most):
        moment = next_due(flow)
        if moment is None:
            return
        shop.clock.set(max(moment, shop.clock()))
        flow.run_due()
    raise AssertionError("never at rest")


@pytest.mark.parametrize(
    "failure", [DOWN, ConnectionError("reset by peer"), ValueError("not json"), TimeoutError(), KeyError("x")], ids=repr
)
@pytest.mark.parametrize("method", ["claim", "quote", "send"])
def test_a_port_that_fails_never_raises_out_of_handle_and_the_order_is_kept(
    store: OrderStore, method: str, failure: Exception
) -> None:
    shop = Shop(store)
    broken(shop, method, failure)
    flow = shop.flow()

    receipt = flow.handle(place())

    assert flow.get(receipt.order.id) == receipt.order
    assert list(beside(flow, receipt.order.id).values()) == [1]
    shop.passes(seconds=30)
    assert flow.run_due().advanced == (receipt.order.id,)
    assert flow.get(receipt.order.id).state == "verified"
    assert not beside(flow, receipt.order.id)


def test_the_reason_of_a_failure_is_kept_with_the_attempt(store: OrderStore) -> None:
    shop = Shop(store)
    broken(shop, "claim", ConnectionError("reset by peer"))
    flow = shop.flow()
    loaded = flow.store.load("main", lead(flow))

    assert loaded is not None
    assert loaded.attempts["claim/C1/1"].reason == "ConnectionError: reset by peer"


def test_it_is_asked_again_after_half_a_minute_and_then_after_twice_as_long_each_time(store: OrderStore) -> None:
    shop = Shop(store)
    port = broken(shop, "claim")
    flow = shop.flow()
    lead(flow)

    turns(shop, flow)

    assert [(moment - NINE).total_seconds() for moment in port.at] == [0, 30, 90, 210, 450, 930, 1890, 3810]


def test_the_pause_grows_no_longer_than_the_policy_says(store: OrderStore) -> None:
    retry = Retry(timedelta(seconds=10), 3, timedelta(minutes=1), attempts=5)
    shop = Shop(store, policy=attrs.evolve(STANDARD, retry=retry))
    port = broken(shop, "claim")
    flow = shop.flow()
    lead(flow)

    turns(shop, flow)

    assert [(moment - NINE).total_seconds() for moment in port.at] == [0, 10, 40, 100, 160]


def test_nobody_is_asked_before_the_pause_is_over(store: OrderStore) -> None:
    shop = Shop(store)
    port = broken(shop, "claim", DOWN)
    flow = shop.flow()
    order_id = lead(flow)

    shop.passes(seconds=29)

    assert flow.run_due().advanced == ()
    flow.advance(order_id)
    flow.handle(c.PlaceHold(order_id, "review", blocks=("pick",)))
    assert port.calls == 1
    shop.passes(seconds=1)
    flow.run_due()
    assert port.calls == 2
    assert flow.get(order_id).state == "verified"


def test_after_the_last_attempt_a_person_has_to_choose_and_nobody_is_asked_any_more(store: OrderStore) -> None:
    shop = Shop(store)
    port = broken(shop, "claim")
    flow = shop.flow()
    order_id = lead(flow)
    turns(shop, flow)

    (case,) = flow.get(order_id).open_cases

    assert (case.code, case.about, case.options) == ("port.gave_up", "claim/C1/1", ("try_again",))
    assert "the line is dead" in case.message
    assert next_due(flow) is None
    assert not beside(flow, order_id)
    assert c.ResolveException(order_id, case.id, "try_again") in flow.explain(order_id).possible
    shop.passes(days=9)
    flow.advance(order_id)
    assert port.calls == 8


def test_to_try_again_asks_at_once_and_counts_anew(store: OrderStore) -> None:
    shop = Shop(store)
    port = broken(shop, "claim", *[DOWN] * 9)
    flow = shop.flow()
    order_id = lead(flow)
    turns(shop, flow)

    flow.handle(c.ResolveException(order_id, "X1", "try_again"))

    assert port.calls == 9
    assert beside(flow, order_id) == {"claim/C1/1": 1}
    assert next_due(flow) == shop.clock() + timedelta(seconds=30)
    turns(shop, flow)
    assert flow.get(order_id).state == "verified"
    assert not list(flow.get(order_id).open_cases)


@pytest.mark.parametrize(
    ("method", "options"), [("book", {"try_again", "not_booked"}), ("send", {"try_again", "give_up"})]
)
def test_what_can_be_done_without_can_be_given_up(store: OrderStore, method: str, options: set[str]) -> None:
    shop = Shop(store)
    broken(shop, method)
    flow = shop.flow()
    order_id = lead(flow, upto="booked")
    turns(shop, flow)

    assert {option for case in flow.get(order_id).open_cases for option in case.options} == options


def test_asking_in_vain_never_moves_the_order(store: OrderStore) -> None:
    shop = Shop(store)
    broken(shop, "claim")
    flow = shop.flow()
    order_id = lead(flow)
    version, history = flow.get(order_id).version, flow.history(order_id)

    for _ in range(6):
        shop.clock.set(next_due(flow) or shop.clock())
        flow.run_due()

    assert beside(flow, order_id) == {"claim/C1/1": 7}
    assert flow.get(order_id).version == version
    assert flow.history(order_id) == history


def test_attempts_outlive_the_process(path: Path) -> None:
    shop = Shop()
    port = broken(shop, "claim")
    with shop.flow(store=SqliteStore(path)) as flow:
        order_id = lead(flow)
        shop.passes(seconds=30)
        flow.run_due()
        before = flow.store.load("main", order_id)

    with shop.flow(store=SqliteStore(path)) as flow:
        assert flow.store.load("main", order_id) == before
        assert beside(flow, order_id) == {"claim/C1/1": 2}
        assert next_due(flow) == NINE + timedelta(seconds=90)
        turns(shop, flow)
        assert port.calls == 8
        assert [case.code for case in flow.get(order_id).open_cases] == ["port.gave_up"]


def test_one_system_that_is_down_does_not_keep_the_others_from_answering(store: OrderStore) -> None:
    shop = Shop(store)
    broken(shop, "quote")
    flow = shop.flow()

    order = flow.get(lead(flow))

    assert order.claims["C1"].held == 2
    assert "order_placed" in [message.kind for message in shop.notifications.sent]
    assert order.state == "acknowledged"


def test_every_system_may_fail_every_other_time_and_the_life_comes_to_its_end(store: OrderStore) -> None:
    shop = Shop(store)
    for name, port in shop.ports.items():
        shop.ports[name] = Flaky(port, [DOWN, None] * 40)
    flow = shop.flow()
    order_id = flow.handle(place()).order.id
    turns(shop, flow)
    for step in STEPS[1:]:
        go_on(flow, order_id, STEPS[STEPS.index(step) - 1], step)
        for _ in range(4):
            shop.passes(minutes=5)
            flow.run_due()
    shop.carriers.deliver("PA000001")
    for _ in range(3):
        shop.passes(hours=7)
        flow.run_due()
    turns(shop, flow)

    order = flow.get(order_id)
    assert order.state == "completed"
    assert not order.cases
    assert (shop.inventory.issued("TEA"), shop.inventory.held("TEA")) == (2, 0)


@pytest.mark.parametrize("method", ["issue", "send"])
def test_a_system_that_fails_after_the_booking_is_asked_once_a_turn_too(store: OrderStore, method: str) -> None:
    shop = Shop(store)
    flow = shop.flow()
    order_id = lead(flow, upto="booked")
    port = broken(shop, method)
    flow = shop.flow()
    flow.handle(c.DespatchShipment(order_id))

    shop.passes(seconds=30)
    flow.run_due()

    assert [(moment - NINE).total_seconds() for moment in port.at] == [0, 30]


def test_a_moment_that_comes_while_a_system_fails_does_not_have_it_asked_twice(store: OrderStore) -> None:
    shop = Shop(store)
    port = broken(shop, "claim")
    slow = Slow(port, shop)
    flow = shop.flow(inventory=slow)
    order_id = lead(flow)
    in_a_moment = NINE + timedelta(seconds=33)
    flow.handle(c.PlaceHold(order_id, "until-then", expires_at=in_a_moment, blocks=("pick",)))
    shop.passes(seconds=30)
    slow.takes = timedelta(seconds=5)

    flow.run_due()

    assert "hold_released" in tags(flow, order_id)
    assert port.calls == 2
    assert beside(flow, order_id) == {"claim/C1/1": 2}


def test_a_system_that_fails_after_a_long_time_out_is_given_a_pause_too(store: OrderStore) -> None:
    shop = Shop(store)
    port = broken(shop, "claim")
    slow = Slow(port, shop)
    slow.takes = timedelta(seconds=60)

    lead(shop.flow(inventory=slow))

    assert port.calls == 1


class Slow:
    """A port behind another, that takes its time."""

    def __init__(self, port: Any, shop: Shop) -> None:
        self.port, self.shop, self.takes = port, shop, timedelta()

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self.port, name)
        if not callable(asked):
            return asked

        def waited(request: Any) -> Any:
            self.shop.clock.advance(self.takes)
            return asked(request)

        return waited


# -- no ----------------------------------------------------------------------------------------------------------------


def test_a_refusal_is_an_answer_and_is_not_asked_again(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow()
    order_id = lead(flow, lines=[("CUP", 1)])

    shop.passes(days=3)

    assert flow.run_due().advanced == ()
    assert flow.get(order_id).state == "acknowledged"
    assert {case.code for case in flow.get(order_id).open_cases} == {"pricing.refused", "stock.short"}


def test_a_price_that_was_refused_can_be_asked_for_again(store: OrderStore) -> None:
    shop = Shop(store)
    flow = shop.flow()
    shop.inventory.receive("CUP", 5)
    order_id = lead(flow, lines=[("CUP", 1)])
    (case,) = flow.get(order_id).open_cases
    shop.pricing.set_price("CUP", "3.00")

    flow.handle(c.ResolveException(order_id, case.id, "try_again"))

    assert flow.get(order_id).state == "verified"


def test_a_message_that_is_refused_has_failed_and_stops_nothing(store: OrderStore) -> None:
    shop = Shop(store)
    port = broken(shop, "send", *repeat(PortRefused("mail.no_such_box", "no such box"), 9))
    flow = shop.flow()

    order = flow.get(lead(flow, upto="despatched"))

    assert order.state == "shipped"
    assert {message.state for message in order.messages.values()} == {"failed"}
    assert port.calls == len(order.messages)


def test_a_carrier_that_refuses_leaves_the_choice_to_a_person(store: OrderStore) -> None:
    shop = Shop(store)
    port = broken(shop, "book", PortRefused("carrier.full", "no room today"))
    flow = shop.flow()
    order_id = lead(flow, upto="booked")
    (case,) = flow.get(order_id).open_cases

    assert case.code == "shipping.refused"
    assert "no room today" in case.message
    flow.handle(c.ResolveException(order_id, case.id, "try_again"))
    assert port.calls == 2
    assert flow.get(order_id).parcels["P1"].state == "booked"


def test_what_is_no_answer_at_all_becomes_a_case(store: OrderStore) -> None:
    shop = Shop(store)

    class Odd:
        def quote(self, request: Any) -> Any:
            return {"price": "9.90"}

    flow = shop.flow(pricing=Odd())
    (case,) = flow.get(lead(flow)).open_cases

    assert (case.code, case.about) == ("port.impossible_reply", "quote")
    assert next_due(flow) is None
