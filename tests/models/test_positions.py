"""Positions and margin, from rows as the JSON readers return them."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_tables import (
    NUMBERS,
    Case,
    check_any_row,
    check_hostile,
    check_lengths,
    check_nulls,
    check_reads,
    check_tolerant,
    read,
)
from strategies import APPENDED, JSON_VALUES

from bfxsync.errors import RemoteError
from bfxsync.models import margin, positions

PAST = {
    0: ("symbol", "text"),
    1: ("status", "text"),
    2: ("amount", "number"),
    3: ("base_price", "number"),
    4: ("funding", "number"),
    5: ("funding_type", "int"),
    11: ("position_id", "int"),
    12: ("mts_create", "int"),
    13: ("mts_update", "int"),
}

# Rows of the exchange's documentation, with values in place of its nulls.
TABLE = {
    "Position": Case(
        positions.Position,
        '["tBTCUSD","ACTIVE",0.0195,8565.0267019,0,0,-0.33455568705000516,-0.0003117550117425625,'
        "7045.876419249083,3.0673001895895604,null,142355652,1574002216000,1574002217000,null,1,"
        'null,0.5,0.25,{"reason":"TRADE","order_id":34271018124,"liq_stage":null}]',
        {
            0: ("symbol", "text"),
            1: ("status", "text"),
            2: ("amount", "number"),
            3: ("base_price", "number"),
            4: ("margin_funding", "number"),
            5: ("margin_funding_type", "int"),
            6: ("pl", "number?"),
            7: ("pl_perc", "number?"),
            8: ("price_liq", "number?"),
            9: ("leverage", "number?"),
            11: ("position_id", "int?"),
            12: ("mts_create", "int?"),
            13: ("mts_update", "int?"),
            15: ("type", "int?"),
            17: ("collateral", "number?"),
            18: ("collateral_min", "number?"),
            19: ("meta", "object?"),
        },
    ),
    "PositionHistory": Case(
        positions.PositionHistory,
        '["tBTCUSD","CLOSED",0,8639.50216298,0.5,1,null,null,null,null,null,142355652,'
        "1574002216000,1574003099000,null,null,null,null,null,null]",
        PAST,
    ),
    "PositionSnapshot": Case(
        positions.PositionSnapshot,
        '["tETHUSD","ACTIVE",-0.2,167.01,0.5,1,null,null,null,null,null,142661142,1579552390000,'
        "1579552391000,null,null,null,null,null,null]",
        PAST,
    ),
    "PositionAudit": Case(
        positions.PositionAudit,
        '["tETHUSD","ACTIVE",0.9682,182.76,0.5,1,null,null,null,null,null,142358085,1574088504000,'
        '1574088505000,null,1,null,0.5,0.25,{"reason":"TRADE","order_id":34319724780}]',
        {
            **PAST,
            15: ("type", "int?"),
            17: ("collateral", "number?"),
            18: ("collateral_min", "number?"),
            19: ("meta", "object?"),
        },
    ),
    "PositionClaim": Case(
        positions.PositionClaim,
        '["tBTCUSD","ACTIVE",-0.001,10119,0.5,1,null,null,null,null,null,142031891,1568650294000,'
        '1568650295000,null,0,null,0.5,0.25,{"reason":"TRADE","order_id":31089337681}]',
        {
            0: ("symbol", "text"),
            1: ("position_status", "text"),
            2: ("amount", "number"),
            3: ("base_price", "number"),
            4: ("margin_funding", "number"),
            5: ("margin_funding_type", "int"),
            11: ("position_id", "int"),
            12: ("mts_create", "int"),
            13: ("mts_update", "int"),
            15: ("pos_type", "int?"),
            17: ("collateral", "number?"),
            18: ("min_collateral", "number?"),
            19: ("meta", "object?"),
        },
    ),
    "PositionIncrease": Case(
        positions.PositionIncrease,
        '["tBTCUSD",null,1.5,100]',
        {
            0: ("symbol", "text"),
            2: ("amount", "number"),
            3: ("base_price", "number"),
        },
    ),
}

CASES = pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)


def test_table_has_every_model() -> None:
    members = vars(positions).values()
    assert set(TABLE) == {m.__name__ for m in members if hasattr(m, "from_row")}


@NUMBERS
@CASES
def test_row_becomes_a_model(case: Case, number: Any) -> None:
    check_reads(case, number)


@CASES
def test_r12_null_is_none_or_an_error_and_never_zero(case: Case) -> None:
    check_nulls(case)


@CASES
def test_r12_row_may_end_after_what_must_be_there(case: Case) -> None:
    check_lengths(case)


@CASES
def test_r14_any_field_may_be_hostile(case: Case) -> None:
    check_hostile(case)


@NUMBERS
@settings(max_examples=50)
@given(appended=APPENDED)
def test_r14_appended_fields_change_nothing(number: Any, appended: list[Any]) -> None:
    for model, text, _ in TABLE.values():
        row = read(text, number)
        assert model.from_row(row + appended, number) == model.from_row(row, number)


@NUMBERS
@settings(max_examples=50)
@given(row=st.lists(JSON_VALUES, max_size=21) | JSON_VALUES)
def test_r14_any_row_is_read_or_is_a_remote_error(number: Any, row: Any) -> None:
    for case in TABLE.values():
        check_any_row(case, row, number)


@pytest.mark.parametrize("name", ["PositionClaim", "PositionIncrease"])
def test_row_of_a_notification_may_lack_anything(name: str) -> None:
    check_tolerant(TABLE[name])


@pytest.mark.parametrize("name", ["Position", "PositionAudit", "PositionClaim"])
def test_meta_may_be_an_object_or_its_text(name: str) -> None:
    case = TABLE[name]
    row = read(case.text)
    as_text = [*row[:19], json.dumps(row[19])]
    assert case.model.from_row(as_text) == case.model.from_row(row)
    assert case.model.from_row([*row[:19], None]).meta is None


# --- rows with rows in them -------------------------------------------------------------------

BASE = '["base",[-3631.798995959999,5.6376,299933.09380832,296301.29481236,4975.291049394]]'
SYMBOL = '["sym","tBTCUSD",[854774.7939165855,909999.9796645334,52.08,62.67,null,null]]'
INCREASE = (
    "[[10,0.1],[1.09965743,[516734.60048924293,518415.66409424297,11.5085657124553,"
    '11.702877580552862,null,null,null,null],6843080.04050819],null,null,[1.5,63345],["BTC","USD"]]'
)

# The model and its row, and where in that row each field is, in the order of the fields.
NESTED: dict[str, tuple[Any, str, list[list[int]]]] = {
    "BaseMarginInfo": (margin.BaseMarginInfo, BASE, [[1, n] for n in range(5)]),
    "SymbolMarginInfo": (
        margin.SymbolMarginInfo,
        SYMBOL,
        [[1], *([2, n] for n in range(4))],
    ),
    "PositionIncreaseInfo": (
        margin.PositionIncreaseInfo,
        INCREASE,
        [
            [0, 0],
            [0, 1],
            [1, 0],
            *([1, 1, n] for n in range(4)),
            [1, 2],
            [4, 0],
            [4, 1],
            [5, 0],
            [5, 1],
        ],
    ),
}
OPTIONAL = {
    "margin_min",
    "tradable_balance",
    "gross_balance",
    "buy",
    "sell",
    "funding_value",
    "funding_required",
    "funding_value_currency",
    "funding_required_currency",
}
MODELS = pytest.mark.parametrize("model, text, places", NESTED.values(), ids=NESTED)


def at(row: Any, place: list[int]) -> Any:
    for index in place:
        row = row[index]
    return row


def fields_of(model: Any, places: list[list[int]]) -> Any:
    names = [field.name for field in attrs.fields(model)]
    assert len(names) == len(places)
    return zip(names, places)


def test_every_model_of_margin_is_here() -> None:
    members = vars(margin).values()
    assert set(NESTED) == {m.__name__ for m in members if hasattr(m, "from_row")}


@NUMBERS
@MODELS
def test_nested_row_becomes_a_model(
    model: Any, text: str, places: Any, number: Any
) -> None:
    row = read(text, number)
    found = model.from_row(row, number)
    for name, place in fields_of(model, places):
        value, sent = getattr(found, name), at(row, place)
        if isinstance(sent, str):
            assert value == sent
        else:
            assert type(value) is number
            assert str(value) == str(number(sent))


@MODELS
def test_r12_null_in_a_nested_row_is_none_or_an_error(
    model: Any, text: str, places: Any
) -> None:
    for name, place in fields_of(model, places):
        row = read(text)
        at(row, place[:-1])[place[-1]] = None
        if name in OPTIONAL:
            assert getattr(model.from_row(row), name) is None
        else:
            with pytest.raises(RemoteError, match=rf"\.{name}: .* got None") as caught:
                model.from_row(row)
            assert caught.value.raw is row


def test_r12_increase_without_an_amount_needs_no_funding() -> None:
    found = margin.PositionIncreaseInfo.from_row(read(INCREASE)[:4])
    assert found == margin.PositionIncreaseInfo.from_row(
        read(INCREASE)[:4] + [None, None, "new"]
    )
    assert (found.funding_value, found.funding_required) == (None, None)
    assert found.funding_value_currency is found.funding_required_currency is None
    assert found.max_pos == 10


@MODELS
def test_r14_part_that_is_no_list_is_a_remote_error(
    model: Any, text: str, places: Any
) -> None:
    parts = {tuple(place[:depth]) for place in places for depth in range(1, len(place))}
    for part in parts:
        for bad in (1, "x", {}, True):
            row = read(text)
            at(row, list(part[:-1]))[part[-1]] = bad
            with pytest.raises(RemoteError, match="expected a list") as caught:
                model.from_row(row)
            assert caught.value.raw is row


@NUMBERS
@settings(max_examples=50)
@given(
    row=st.lists(st.lists(JSON_VALUES, max_size=5) | JSON_VALUES, max_size=7)
    | JSON_VALUES
)
def test_r14_any_nested_row_is_read_or_is_a_remote_error(number: Any, row: Any) -> None:
    for model, _, _ in NESTED.values():
        check_any_row(Case(model, "", {}), row, number)


def test_position_of_ten_columns_is_read() -> None:
    """As they were sent in 2018."""
    row = ["tBTCUSD", "ACTIVE", -0.01, 7700.5, -0.0003, 0, None, None, None, None]
    found = positions.Position.from_row(row)
    assert (found.symbol, found.amount, found.position_id) == ("tBTCUSD", -0.01, None)
