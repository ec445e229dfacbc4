"""Flags and meta of an order, given as a sum, as a dict, or as switches of their own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync._base.enums import OrderFlag, OrderType
from bfxsync.checks.orders import (
    FLAG_SWITCHES,
    META_SWITCHES,
    check_flag_switches,
    check_flags_of_type,
    check_meta_switches,
)
from bfxsync.errors import UsageError

SWITCHES = st.sampled_from((None, False, True))
SUMS = st.none() | st.lists(st.sampled_from(list(OrderFlag))).map(
    lambda flags: int(sum(set(flags)))
)


@pytest.mark.parametrize(
    "flags, given, total",
    [
        (None, {}, None),
        (0, {}, 0),
        (None, {"hidden": None}, None),
        (None, {"hidden": False}, None),
        (None, {"hidden": True}, 64),
        (None, {"close": True, "reduce_only": True}, 1536),
        (None, {"hidden": True, "post_only": False}, 64),
        (0, {"post_only": True}, 4096),
        (64, {"hidden": True}, 64),
        (64, {"post_only": True, "close": False}, 4160),
    ],
    ids=str,
)
def test_switches_are_added_to_the_flags(flags: Any, given: Any, total: Any) -> None:
    found = check_flag_switches(flags, given)
    assert found == total and type(found) is type(total)


@given(SUMS, st.fixed_dictionaries(dict.fromkeys(FLAG_SWITCHES, SWITCHES)))
def test_flags_hold_what_is_on_and_nothing_that_is_off(flags: Any, given: Any) -> None:
    try:
        found = OrderFlag(check_flag_switches(flags, given) or 0)
    except UsageError as error:
        name = str(error).partition("=")[0]
        assert given[name] is False and flags & FLAG_SWITCHES[name]
        return
    for name, value in given.items():
        if value is not None:
            assert bool(found & FLAG_SWITCHES[name]) is value
    assert found & OrderFlag(flags or 0) == OrderFlag(flags or 0)


def test_switch_off_contradicts_its_flag_in_the_sum() -> None:
    with pytest.raises(UsageError, match="^hidden=False contradicts HIDDEN in flags$"):
        check_flag_switches(4160, {"hidden": False})


@pytest.mark.parametrize("name", [*FLAG_SWITCHES, *META_SWITCHES])
@pytest.mark.parametrize("value", ["yes", "", 0, 1, 64, [], object], ids=str)
def test_switch_that_is_neither_on_nor_off(name: str, value: Any) -> None:
    check: Any = check_flag_switches if name in FLAG_SWITCHES else check_meta_switches
    with pytest.raises(UsageError, match=f"^{name} must be True or False"):
        check(None, {name: value})


def test_change_refuses_to_remove_one_flag_of_unknown_ones() -> None:
    with pytest.raises(UsageError, match="^close must not be False without flags"):
        check_flag_switches(None, {"hidden": None, "close": False}, True)
    assert check_flag_switches(0, {"close": False}, True) == 0
    assert check_flag_switches(None, {"close": False, "hidden": True}, True) == 64
    assert check_flag_switches(None, {"close": None}, True) is None


@pytest.mark.parametrize(
    "meta, given, is_change, fields",
    [
        (None, {}, False, None),
        ({}, {}, False, {}),
        (None, {"make_visible": None}, True, None),
        (None, {"make_visible": False}, False, None),
        (None, {"make_visible": False}, True, {"make_visible": 0}),
        (None, {"make_visible": True}, False, {"make_visible": 1}),
        (
            {"x": 5},
            {"protect_selfmatch": True},
            False,
            {"x": 5, "protect_selfmatch": 1},
        ),
        ({"make_visible": True}, {"make_visible": True}, False, {"make_visible": True}),
        ({"make_visible": 0}, {"make_visible": False}, False, {"make_visible": 0}),
    ],
    ids=str,
)
def test_switches_are_fields_of_the_meta(
    meta: Any, given: Any, is_change: bool, fields: Any
) -> None:
    assert check_meta_switches(meta, given, is_change) == fields


def test_meta_that_is_given_is_not_changed() -> None:
    meta: dict[str, Any] = {}
    check_meta_switches(meta, {"make_visible": True})
    assert meta == {}


@pytest.mark.parametrize(
    "meta, is_on, match",
    [
        (1, False, "^make_visible=False contradicts make_visible in meta, which is 1"),
        (0, True, "^make_visible=True contradicts make_visible in meta, which is 0"),
        ("1", True, "^make_visible in meta must be True or False"),
        (None, True, "^make_visible in meta must be True or False"),
    ],
)
def test_switch_contradicts_another_value_in_the_meta(
    meta: Any, is_on: bool, match: str
) -> None:
    with pytest.raises(UsageError, match=match):
        check_meta_switches({"make_visible": meta}, {"make_visible": is_on})


@pytest.mark.parametrize("kind", list(OrderType), ids=str)
def test_only_orders_that_can_rest_may_be_post_only(kind: OrderType) -> None:
    check_flags_of_type(kind, None)
    check_flags_of_type(kind, OrderFlag.HIDDEN)
    if kind.value.endswith("LIMIT"):
        check_flags_of_type(kind, OrderFlag.POST_ONLY)
        return
    with pytest.raises(UsageError, match=f"^post_only must not be set for a {kind}"):
        check_flags_of_type(kind, OrderFlag.POST_ONLY)


@pytest.mark.parametrize("kind", list(OrderType), ids=str)
@pytest.mark.parametrize("name", ["reduce_only", "close"])
def test_only_orders_with_positions_may_reduce_them(kind: OrderType, name: str) -> None:
    flags = FLAG_SWITCHES[name] | OrderFlag.HIDDEN
    if not kind.value.startswith("EXCHANGE"):
        check_flags_of_type(kind, flags)
        return
    with pytest.raises(UsageError, match=f"^{name} must not be set for an {kind}"):
        check_flags_of_type(kind, flags)
