"""A frozen map reads like a dict and never changes."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.values import FrozenMap

maps = st.dictionaries(st.text(max_size=3), st.integers())


def change_in_place(held: Any) -> None:
    held |= {"b": 2}


@pytest.mark.parametrize(
    "change",
    [
        lambda held: held.__setitem__("b", 2),
        lambda held: held.__delitem__("a"),
        lambda held: held.update(b=2),
        lambda held: held.pop("a"),
        lambda held: held.popitem(),
        lambda held: held.setdefault("b", 2),
        lambda held: held.clear(),
        change_in_place,
    ],
)
def test_nothing_changes_a_frozen_map(change: Callable[[Any], Any]) -> None:
    held = FrozenMap({"a": 1})
    with pytest.raises(TypeError, match="cannot be changed"):
        change(held)
    assert held == {"a": 1}


@given(maps, st.text(max_size=3), st.integers())
def test_set_and_without_agree_with_a_dict(content: dict[str, int], key: str, item: int) -> None:
    held = FrozenMap(content)
    assert held.set(key, item) == {**content, key: item}
    assert held.without(key) == {k: v for k, v in content.items() if k != key}
    assert held == content


@given(maps, maps)
def test_merged_agrees_with_a_dict(left: dict[str, int], right: dict[str, int]) -> None:
    expected = left | right
    for merged in (FrozenMap(left).merged(right), FrozenMap(left) | right, left | FrozenMap(right)):
        assert merged == expected
        assert type(merged) is FrozenMap


@given(maps)
def test_equal_maps_hash_alike_whatever_their_order(content: dict[str, int]) -> None:
    turned = dict(reversed(content.items()))
    assert hash(FrozenMap(content)) == hash(FrozenMap(turned))


def test_a_map_is_hashable_only_if_its_values_are() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(FrozenMap({"a": []}))


def test_copies_are_the_map_itself_and_pickles_come_back_equal() -> None:
    held = FrozenMap({"a": FrozenMap({"b": 1})})
    assert copy.copy(held) is held
    assert copy.deepcopy(held) is held
    assert held.copy() is held
    back = pickle.loads(pickle.dumps(held))
    assert back == held
    assert type(back) is type(back["a"]) is FrozenMap
