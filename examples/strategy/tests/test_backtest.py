"""The market maker over a recording."""

from __future__ import annotations

from bfxsync.backtest import backtest

from market_maker import strategy


def test_it_quotes_until_the_recording_ends():
    result = backtest(
        strategy.__file__,
        "public-20210417",
        balances={"exchange": {"TESTUSD": 10_000, "TESTBTC": 1}},
        currency="TESTUSD",
        parameters={"symbol": "tTESTBTC:TESTUSD", "edge": 0.00001},
        client_options={"max_order_value": {"TESTUSD": 1000}},
    )
    assert (result.ended_by, result.open_orders) == ("recording", 0)
    assert result.end_equity > 0.99 * result.start_equity
