"""Prices through several markets, the equity curve, and its numbers."""

from __future__ import annotations

import sys
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.backtest import Backtest, BacktestFailed, EquityPoint
from bfxsync.backtest.equity import MAX_POINTS, curve, interval_s, ratio
from bfxsync.backtest.valuation import legs_of, rates, value
from bfxsync.errors import UsageError
from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.model_list import ModelList

ONE = 10**12


@pytest.mark.parametrize(
    "symbol, legs",
    [
        ("tBTCUSD", ("BTC", "USD")),
        ("tTESTBTC:TESTUSD", ("TESTBTC", "TESTUSD")),
        ("tBTCF0:USTF0", ("BTC", "UST")),
    ],
)
def test_legs_of_a_pair(symbol, legs):
    assert legs_of(symbol) == legs


def test_rates_go_through_as_few_markets_as_possible():
    prices = {
        ("ETH", "BTC"): ONE // 20,
        ("BTC", "USD"): 100 * ONE,
        ("ETH", "USD"): 6 * ONE,
        ("BTC", "EUR"): 50 * ONE,
        ("XRP", "USD"): 0,
    }
    assert rates(prices, "USD") == {
        "USD": ONE,
        "BTC": 100 * ONE,
        "ETH": 6 * ONE,
        "EUR": 2 * ONE,
    }
    assert rates(prices, "EUR")["USD"] == ONE // 2
    assert rates({}, "USD") == {"USD": ONE}


def test_value_adds_what_has_a_price():
    known = {"USD": ONE, "BTC": 100 * ONE}
    amounts = [("USD", -5 * ONE), ("BTC", ONE // 2), ("USDF0", ONE)]
    assert value(amounts, known) == (46 * ONE, [])
    amounts = [("XRP", 1), ("ETH", ONE), ("LTC", 0)]
    assert value(amounts, known) == (0, ["ETH", "XRP"])


@given(st.lists(st.integers(0, 10**18), min_size=1))
def test_drawdown_is_the_loss_since_the_highest_value(values):
    points = curve(enumerate(values))
    for number, point in enumerate(points):
        highest = max(values[: number + 1])
        expected = (highest - values[number]) / highest if highest else 0
        assert point.drawdown_ratio == pytest.approx(expected, abs=1e-6)
        assert point.equity == values[number] / ONE


def test_last_sample_of_a_time_counts():
    points = curve([(1, ONE), (2, 3 * ONE), (2, 2 * ONE)])
    assert [(p.mts, p.equity, p.drawdown_ratio) for p in points] == [
        (1, 1, 0),
        (2, 2, 0),
    ]
    assert ratio(1, 0) == 0 and ratio(1, 3) == 0.333333


@pytest.mark.parametrize(
    "duration_s, expected",
    [(0, 1), (999, 1), (1001, 2), (86_400, 120), (10**9, 86_400)],
)
def test_interval_is_round_and_gives_few_points(duration_s, expected):
    assert interval_s(duration_s) == expected
    assert duration_s / expected <= MAX_POINTS or expected == 86_400


def result(**changes):
    at = datetime(2023, 11, 14, tzinfo=timezone.utc)
    row = [1, "tBTCUSD", 1_700_000_000_000, 7, 0.1, 100, "LIMIT", 100, 1]
    fills = [AccountTrade.from_row([*row, -0.0001, "BTC", 12345])]
    options = {
        "strategy": "/home/me/mine.py",
        "recording": "/data/day.jsonl",
        "currency": "USD",
        "begin": at,
        "end": at.replace(hour=2),
        "ended_by": "recording",
        "fills": ModelList(fills, AccountTrade),
        "equity": curve([(0, 100 * ONE), (60_000, 99 * ONE), (120_000, 101 * ONE)]),
        "fees": 0.01,
        "open_orders": 0,
        **changes,
    }
    return Backtest(**options)


def test_numbers_of_a_result():
    found = result()
    assert (found.start_equity, found.end_equity) == (100, 101)
    assert (found.return_ratio, found.max_drawdown_ratio) == (0.01, 0.01)
    assert found.simulated_s == 7200
    assert (
        repr(found) == "<Backtest of /home/me/mine.py: 1 fills, 100.00 to 101.00 USD>"
    )
    assert result(equity=curve([(0, 0)])).return_ratio == 0


def test_text_has_the_numbers_for_people():
    assert result().text().splitlines() == [
        "time      2023-11-14 00:00:00 to 2023-11-14 02:00:00 UTC",
        "          2 h 00 min, 0 recorded events",
        "equity    100.00 to 101.00 USD (+1.00, +1.000 %)",
        "drawdown  1.000 %",
        "fills     1, fees 0.01 USD",
    ]
    changes = {"open_orders": 2, "unpriced": ("XRP",), "callback_errors": 3}
    at = datetime(2023, 11, 14, 0, 1, 5, tzinfo=timezone.utc)
    text = result(ended_by="strategy", end=at, **changes).text()
    for line in (
        "          1 min 05 s, 0 recorded events",
        "fills     1, fees 0.01 USD; 2 orders still open",
        "no price  XRP (counted as nothing)",
        "ended     by the strategy, before the recording",
        "errors    3 exceptions in callbacks",
    ):
        assert line in text.splitlines()


def test_tables_leave_out_the_random_ids():
    found = result()
    assert found.fills_csv() == (
        "mts_create,id,symbol,order_id,exec_amount,exec_price,order_type,maker,fee,fee_currency\n"
        "1700000000000,1,tBTCUSD,7,0.1,100.0,LIMIT,1,-0.0001,BTC\n"
    )
    assert found.equity_csv().splitlines()[:3] == [
        "mts,equity,drawdown_ratio",
        "0,100.0,0.0",
        "60000,99.0,0.01",
    ]
    assert "12345" not in found.json() and "/home" not in found.json()
    assert '"begin": "2023-11-14T00:00:00.000+00:00"' in found.json()


def test_empty_tables_have_their_columns():
    found = result(fills=ModelList([], AccountTrade))
    assert found.fills_csv().count("\n") == 1
    assert EquityPoint.columns() == {
        "time": "datetime64[ns, UTC]",
        "equity": "float64",
        "drawdown_ratio": "float64",
    }


def test_a_frame_needs_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError):
        result().df()


def test_notebooks_show_a_picture_and_the_numbers():
    shown = result()._repr_html_()
    assert shown.startswith('<img src="data:image/svg+xml;base64,')
    assert "101.00 USD" in shown


def test_the_picture_is_written_to_a_file(tmp_path):
    result().plot(tmp_path / "equity.svg")
    assert (tmp_path / "equity.svg").read_text("utf-8") == result().svg()
    for path in ("equity.png", 7):
        with pytest.raises(UsageError, match="must be the name of a file .svg"):
            result().plot(path)
    assert result().chart(40, 8).count("\n") == 7


@pytest.mark.parametrize(
    "ended_by, error, expected",
    [
        ("interrupt", None, "early, by Ctrl-C"),
        ("error", OSError(), "early, by OSError"),
    ],
)
def test_text_says_what_has_ended_it(ended_by, error, expected):
    assert expected in result(ended_by=ended_by, error=error).text()
    failed = BacktestFailed("the strategy raised", result())
    assert failed.result.end_equity == 101
