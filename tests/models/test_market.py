"""Every model alone, from rows as the JSON readers return them."""

from __future__ import annotations

from typing import Any

import pytest
from model_tables import NUMBERS, read

from bfxsync import models
from bfxsync.errors import RemoteError


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
    row = read("FundingTicker", number)[:length]
    available = models.FundingTicker.from_row(row, number).frr_amount_available
    assert available == (None if length < 16 else number("5678.5"))


def test_confirmations_are_trades_of_their_kind() -> None:
    assert issubclass(models.TradeUpdate, models.Trade)
    assert issubclass(models.FundingTradeUpdate, models.FundingTrade)
    row = [1, 2, 3, 4]
    assert models.TradeUpdate.from_row(row) != models.Trade.from_row(row)
