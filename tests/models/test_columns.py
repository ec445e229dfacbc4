"""Rows read by columns: as single rows are read, or not at all."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_tables import CASES, NUMBERS
from strategies import JSON_VALUES

from bfxsync.models import (
    BookUpdate,
    DerivativesStatus,
    FundingBookUpdate,
    FundingRawBookUpdate,
    FundingTicker,
    FundingTrade,
    FundingTradeUpdate,
    RawBookUpdate,
    Ticker,
    Trade,
    TradeUpdate,
)

SCREENED = (Ticker, Trade, TradeUpdate, BookUpdate, RawBookUpdate)
OTHERS = (
    *[FundingTicker, FundingTrade, FundingTradeUpdate, FundingBookUpdate],
    *[FundingRawBookUpdate, DerivativesStatus],
)
EVERY = pytest.mark.parametrize("model", [*SCREENED, *OTHERS], ids=lambda m: m.__name__)

ODD = JSON_VALUES | st.sampled_from(
    [None, True, "5", math.inf, math.nan, 5, 5.0, -1, 2**63, -(2**63) - 1, 10**400]
    + [Decimal(5), Decimal("0.5"), Decimal("NaN"), Decimal("-Infinity"), {"a": 1}]
)


def row_of(model: Any, number: Any) -> list[Any]:
    """Return the row of the documentation, with a number where it has a null."""
    row = list(CASES[model.__name__].read(number))
    return [number(2) if value is None else value for value in row]


@NUMBERS
@EVERY
def test_usual_rows_are_read_as_one_by_one(model: Any, number: Any) -> None:
    rows = [row_of(model, number), [*row_of(model, number), None, "x"]]
    columns = model.column_reader(number)(list(zip(*rows)))
    assert list(map(repr, map(model, *columns))) == [
        repr(model.from_row(row, number)) for row in rows
    ]


@NUMBERS
@EVERY
@given(data=st.data())
def test_what_columns_accept_single_rows_are_read_as(
    model: Any, number: Any, data: Any
) -> None:
    rows: list[Any] = [row_of(model, number) for _ in range(3)]
    for _ in range(data.draw(st.integers(1, 3))):
        row = rows[data.draw(st.integers(0, 2))]
        row[data.draw(st.integers(0, len(row) - 1))] = data.draw(ODD)
    columns = model.column_reader(number)(list(zip(*rows)))
    if columns is not None:
        assert list(map(repr, map(model, *columns))) == [
            repr(model.from_row(row, number)) for row in rows
        ]


@NUMBERS
@EVERY
def test_too_few_columns_need_a_closer_look(model: Any, number: Any) -> None:
    read = model.column_reader(number)
    columns = list(zip(row_of(model, number), row_of(model, number)))
    assert read(columns[:2]) is None
    assert read([]) is None
