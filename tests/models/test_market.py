"""Every model alone, from rows as the JSON readers return them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import APPENDED, JSON_VALUES

from bfxsync import models
from bfxsync.errors import RemoteError
from bfxsync.models import market

# Model, the row's text on the wire, and the field at each index (None: not read).
TABLE: dict[str, tuple[Any, str, list[str | None]]] = {
    "Ticker": (
        models.Ticker,
        "[7616.5,31.89055171,7617.5,43.358118629999986,-550.8,-0.0674,7617.1,8314.7,8257,7500]",
        [
            "bid",
            "bid_size",
            "ask",
            "ask_size",
            "daily_change",
            "daily_change_relative",
            "last_price",
            "volume",
            "high",
            "low",
        ],
    ),
    "FundingTicker": (
        models.FundingTicker,
        "[0.0003,0.0002,30,3000000.5,1e-7,2,121.25,0.00001,0.02,0.0004,4e6,0.0007,1.7e-8,"
        "null,null,5678.5]",
        [
            "frr",
            "bid",
            "bid_period",
            "bid_size",
            "ask",
            "ask_period",
            "ask_size",
            "daily_change",
            "daily_change_relative",
            "last_price",
            "volume",
            "high",
            "low",
            None,
            None,
            "frr_amount_available",
        ],
    ),
    "Trade": (
        models.Trade,
        "[388063448,1567526214876,-1.918524,10682]",
        ["id", "mts", "amount", "price"],
    ),
    "TradeUpdate": (
        models.TradeUpdate,
        "[388063448,1567526214876,1.918524,10682.5]",
        ["id", "mts", "amount", "price"],
    ),
    "FundingTrade": (
        models.FundingTrade,
        "[133323543,1574694605000,-59.84,0.00023647,2]",
        ["id", "mts", "amount", "rate", "period"],
    ),
    "FundingTradeUpdate": (
        models.FundingTradeUpdate,
        "[133323543,1574694605000,59,1e-7,120]",
        ["id", "mts", "amount", "rate", "period"],
    ),
    "BookUpdate": (
        models.BookUpdate,
        "[8744.9,2,-0.45603413]",
        ["price", "count", "amount"],
    ),
    "FundingBookUpdate": (
        models.FundingBookUpdate,
        "[0.0003301,30,1,-3862.874]",
        ["rate", "period", "count", "amount"],
    ),
    "RawBookUpdate": (
        models.RawBookUpdate,
        "[34006738527,8744.9,0.25603413]",
        ["order_id", "price", "amount"],
    ),
    "FundingRawBookUpdate": (
        models.FundingRawBookUpdate,
        "[645902785,30,0.0003301,-3862.874]",
        ["offer_id", "period", "rate", "amount"],
    ),
}

INTEGERS = {
    "id",
    "mts",
    "count",
    "period",
    "bid_period",
    "ask_period",
    "order_id",
    "offer_id",
}

CASES = pytest.mark.parametrize("model, text, fields", TABLE.values(), ids=TABLE)

NUMBERS = pytest.mark.parametrize("number", [float, Decimal])


def tokens(text: str) -> list[Any]:
    """Return the row with each number as its own text."""
    row: list[Any] = json.loads(text, parse_float=str, parse_int=str)
    return row


def read(text: str, number: Any) -> list[Any]:
    row: list[Any] = json.loads(text, parse_float=number)
    return row


def assert_fields(
    found: Any, fields: list[str | None], row: list[Any], number: Any
) -> None:
    wanted = {name: token for name, token in zip(fields, row) if name is not None}
    assert {field.name for field in attrs.fields(type(found))} == set(wanted)
    for name, token in wanted.items():
        value = getattr(found, name)
        if name in INTEGERS:
            assert type(value) is int
            assert value == int(token)
        elif number is Decimal:
            assert type(value) is Decimal
            assert str(value) == str(Decimal(token))
        else:
            assert type(value) in (int, float)
            assert value == float(token)


def test_table_has_every_model_of_the_market() -> None:
    assert set(TABLE) == {
        name
        for name, item in vars(market).items()
        if isinstance(item, type) and item.__module__ == market.__name__
    }


@NUMBERS
@CASES
def test_row_becomes_a_model(
    model: Any, text: str, fields: list[str | None], number: Any
) -> None:
    found = model.from_row(read(text, number), number)
    assert type(found) is model
    assert_fields(found, fields, tokens(text), number)


@NUMBERS
@CASES
def test_numbers_sent_as_text_are_numbers(
    model: Any, text: str, fields: list[str | None], number: Any
) -> None:
    found = model.from_row(tokens(text), number)
    assert_fields(found, fields, tokens(text), number)


@CASES
def test_model_has_no_dict(model: Any, text: str, fields: list[str | None]) -> None:
    assert not hasattr(model.from_row(read(text, float)), "__dict__")


@CASES
def test_r12_missing_or_null_is_never_zero(
    model: Any, text: str, fields: list[str | None]
) -> None:
    row = read(text, float)
    needed = [i for i, name in enumerate(fields) if name and i < 13]
    for index in needed:
        changed: list[Any] = list(row)
        changed[index] = None
        # A pair that was never traded has a ticker, and an empty side of a book no price.
        if model in (models.Ticker, models.FundingTicker):
            for number in (float, Decimal):
                found = model.from_row(changed, number)
                assert getattr(found, str(fields[index])) is None
        else:
            with pytest.raises(RemoteError, match=f".{fields[index]}: .* got None"):
                model.from_row(changed)
        with pytest.raises(RemoteError, match=f"expected at least {needed[-1] + 1} "):
            model.from_row(row[:index])


@CASES
def test_r14_any_field_may_be_hostile(
    model: Any, text: str, fields: list[str | None]
) -> None:
    row = read(text, float)
    for index, name in enumerate(fields):
        if name is None:
            continue
        for bad in ["", "x", [1], {}, {"a": []}]:
            changed: list[Any] = list(row)
            changed[index] = bad
            with pytest.raises(RemoteError, match=rf"\.{name}: expected"):
                model.from_row(changed)


@CASES
def test_integers_are_of_64_bits(
    model: Any, text: str, fields: list[str | None]
) -> None:
    row = read(text, float)
    for index, name in enumerate(fields):
        if name not in INTEGERS or name in ("mts", "count"):
            continue
        for good, bad in [(2**63 - 1, 2**63), (-(2**63), -(2**63) - 1)]:
            row[index] = good
            assert getattr(model.from_row(row), name) == good
            row[index] = bad
            with pytest.raises(RemoteError, match=f"{name}: expected an integer"):
                model.from_row(row)
        row[index] = 1


@CASES
def test_r14_integer_too_long_for_a_float_is_a_remote_error(
    model: Any, text: str, fields: list[str | None]
) -> None:
    row = read(text, float)
    row[0] = 10**400
    row[1] = 0.5
    with pytest.raises(RemoteError):
        model.from_row(row)


@pytest.mark.parametrize(
    "model, row",
    [
        (models.Trade, [True, 2, 3, 4]),
        (models.Trade, [1, True, 3, 4]),
        (models.Trade, [1.5, 2, 3, 4]),
        (models.BookUpdate, [1, True, 3]),
        (models.BookUpdate, [1, 2.5, 3]),
        (models.RawBookUpdate, [True, 2, 3]),
        (models.RawBookUpdate, [1.5, 2, 3]),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else str(value),
)
def test_what_must_be_an_integer_is_neither_a_bool_nor_a_fraction(
    model: Any, row: list[Any]
) -> None:
    with pytest.raises(RemoteError, match="expected an integer"):
        model.from_row(row)


@pytest.mark.parametrize(
    "model, row, name",
    [
        (models.Trade, [7.0, 8, 1, 1], "id"),
        (models.Trade, [7, 8.0, 1, 1], "mts"),
        (models.BookUpdate, [1, 7.0, 1], "count"),
        (models.RawBookUpdate, [7.0, 1, 1], "order_id"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_integer_written_with_a_point_is_an_integer(
    model: Any, row: list[Any], name: str
) -> None:
    assert type(getattr(model.from_row(row), name)) is int


@NUMBERS
@pytest.mark.parametrize("length", [13, 15, 16])
def test_funding_ticker_of_an_old_server_has_no_amount_available(
    length: int, number: Any
) -> None:
    row = read(TABLE["FundingTicker"][1], number)[:length]
    available = models.FundingTicker.from_row(row, number).frr_amount_available
    assert available == (None if length < 16 else number("5678.5"))


def test_confirmations_are_trades_of_their_kind() -> None:
    assert issubclass(models.TradeUpdate, models.Trade)
    assert issubclass(models.FundingTradeUpdate, models.FundingTrade)
    row = [1, 2, 3, 4]
    assert models.TradeUpdate.from_row(row) != models.Trade.from_row(row)


@given(st.sampled_from(sorted(TABLE)), APPENDED, st.sampled_from([float, Decimal]))
def test_r14_appended_columns_change_nothing(
    name: str, appended: list[Any], number: Any
) -> None:
    model, text, _ = TABLE[name]
    row = read(text, number)
    assert model.from_row(row + appended, number) == model.from_row(row, number)


@given(
    st.sampled_from(sorted(TABLE)),
    st.lists(JSON_VALUES, max_size=16) | JSON_VALUES,
    st.sampled_from([float, Decimal]),
)
def test_r14_any_json_is_a_model_or_a_remote_error(
    name: str, row: Any, number: Any
) -> None:
    model = TABLE[name][0]
    try:
        found = model.from_row(row, number)
    except RemoteError:
        return
    assert type(found) is model
