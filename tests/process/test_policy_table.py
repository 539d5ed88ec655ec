"""A policy can be read by people who did not write it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from orderflow.change_rules import MODIFICATIONS, STAGES, ChangeRule
from orderflow.defaults import STANDARD
from orderflow.policy import REVIEWED, Authority, Check, Policy
from orderflow.policy_table import changes_table, policy_table
from orderflow.values import Money


def row(table: str, name: str) -> list[str]:
    """What stands beside a name, in the last table that has it."""
    (found, *_) = [line for line in reversed(table.splitlines()) if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in found.strip("|").split(" | ")[1:]]


def test_every_setting_is_in_the_table_with_what_it_means() -> None:
    table = policy_table(STANDARD)
    settings = table.partition("### Every setting")[2]
    for field in attrs.fields(Policy):
        assert all(row(settings, f"`{field.name}`")), f"{field.name} says nothing"


def test_a_setting_that_the_docstring_does_not_mention_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    told = (Policy.__doc__ or "").replace("retry: how", "again: how")
    monkeypatch.setattr(Policy, "__doc__", told)
    assert row(policy_table(STANDARD), "`retry`")[-1] == ""


def a_tea_is_green(order: Any, command: Any, policy: Any) -> tuple[()]:
    """Every tea is green.

    And nothing else is said here.
    """
    return ()


def test_strategies_and_rules_stand_there_by_their_names_and_first_sentences() -> None:
    table = policy_table(attrs.evolve(STANDARD, rules={"pack_parcel": (a_tea_is_green,)}))
    assert row(table, "`rules`")[0] == "`pack_parcel`: `a_tea_is_green`: Every tea is green."
    assert row(table, "`draft`")[0].startswith("`Audience`: ")


@pytest.mark.parametrize(
    ("name", "held", "shown"),
    [
        ("expire_after", timedelta(days=2), "2 days"),
        ("expire_after", None, "nothing"),
        ("poll_every", timedelta(minutes=90), "90 min"),
        ("renew_before", timedelta(seconds=90), "90 s"),
        ("price_tolerance", Money("0.10", "EUR"), "0.10 EUR"),
        ("price_tolerance", Decimal(2), "2"),
        ("severities", {"verification.price_differs": "error"}, "`verification.price_differs`: error"),
        ("guards", {}, "nothing"),
    ],
)
def test_settings_are_shown_in_words(name: str, held: Any, shown: str) -> None:
    assert row(policy_table(attrs.evolve(STANDARD, **{name: held})), f"`{name}`")[0] == shown


def test_a_check_is_shown_with_its_parts() -> None:
    table = policy_table(attrs.evolve(STANDARD, checks=[Check("credit", "the bank", timedelta(days=30))]))
    assert row(table, "`checks`")[0].startswith(
        "name: credit<br>who: the bank<br>valid_for: 30 days<br>facts: `what_is"
    )


def test_what_happens_by_itself_who_decides_and_what_weighs_how_much() -> None:
    table = policy_table(
        attrs.evolve(
            STANDARD,
            automatic=["verify"],
            authority=Authority(price="theirs"),
            severities=dict.fromkeys(REVIEWED, "warning"),
        )
    )
    steps = table.partition("### Who decides")[0]
    assert (row(steps, "`verify`")[0], row(steps, "`plan`")[0]) == ("yes", "no: by command")
    assert (row(table, "price"), row(table, "stock")) == (["others, whom we wait for"], ["we"])
    assert row(table, "`verification.price_differs`")[0] == "warning"


OURS = (
    ChangeRule("price", actor="customer", verdict="deny"),
    ChangeRule("*", "booked", "customer", "approval", ["merchant", "carrier"]),
    ChangeRule("address"),
)


def test_the_rules_of_what_may_still_change_are_printed_in_their_order() -> None:
    table = changes_table(attrs.evolve(STANDARD, changes=OURS))
    assert table.splitlines()[2:] == [
        "| `price` | any | `customer` | denied |",
        "| any | `booked` | `customer` | allowed once it is approved by merchant or carrier |",
        "| `address` | any | any | allowed |",
        "| anything else | any | anyone | denied |",
    ]
    assert table in policy_table(attrs.evolve(STANDARD, changes=OURS))


def test_every_change_at_every_stage_is_printed_for_an_actor() -> None:
    table = changes_table(attrs.evolve(STANDARD, changes=OURS), "customer")
    verdicts = {name: dict(zip(STAGES, row(table, f"`{name}`"), strict=True)) for name in MODIFICATIONS}
    assert set(verdicts["price"].values()) == {"no"}
    assert {stage: said for stage, said in verdicts["address"].items() if said != "yes"} == {"booked": "if approved"}
    assert {stage: said for stage, said in verdicts["increase"].items() if said != "no"} == {"booked": "if approved"}
    assert row(changes_table(STANDARD, "merchant"), "`price`") == ["yes"] * len(STAGES)
