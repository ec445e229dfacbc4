"""Positions and margin, from rows as the JSON readers return them."""

from __future__ import annotations

from model_tables import read

from bfxsync.models import margin, positions

# --- rows with rows in them -------------------------------------------------------------------


def test_r12_increase_without_an_amount_needs_no_funding() -> None:
    found = margin.PositionIncreaseInfo.from_row(read("PositionIncreaseInfo")[:4])
    assert found == margin.PositionIncreaseInfo.from_row(
        read("PositionIncreaseInfo")[:4] + [None, None, "new"]
    )
    assert (found.funding_value, found.funding_required) == (None, None)
    assert found.funding_value_currency is found.funding_required_currency is None
    assert found.max_pos == 10


def test_position_of_ten_columns_is_read() -> None:
    """As they were sent in 2018."""
    row = ["tBTCUSD", "ACTIVE", -0.01, 7700.5, -0.0003, 0, None, None, None, None]
    found = positions.Position.from_row(row)
    assert (found.symbol, found.amount, found.position_id) == ("tBTCUSD", -0.01, None)
