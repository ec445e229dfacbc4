"""Impossible arguments of histories are refused before anything is sent."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from bfxsync import Client, UsageError

NOW = datetime.now(timezone.utc)


@pytest.fixture(scope="module")
def bfx():
    # Nobody listens there.
    hosts = {"wss_host": "ws://127.0.0.1:9", "rest_host": "http://127.0.0.1:9"}
    with Client(**hosts) as client:
        yield client


COMMON = [
    ({"since": None}, "since must be an int of milliseconds"),
    ({"since": 1_700_000_000}, "since must be milliseconds since 1970"),
    ({"since": datetime(2024, 1, 1)}, "since must have a time zone"),
    ({"since": timedelta(0)}, "since must be a positive time before now"),
    ({"since": timedelta(days=-1)}, "since must be a positive time before now"),
    ({"since": timedelta.max}, "since must be a positive time before now"),
    ({"since": "yesterday"}, "since must be an int of milliseconds"),
    ({"until": 1}, r"since \(\d+\) must not be after until \(1\)"),
    ({"until": timedelta(1)}, "until must be an int of milliseconds"),
    ({"grace_s": -1}, "grace_s must be a number of seconds"),
    ({"grace_s": None}, "grace_s must be a number of seconds"),
    ({"limit": 0}, "limit must be"),
    ({"limit": 10_001}, "limit must be"),
    ({"limit": True}, "limit must be"),
    ({"mailbox_size": 0}, "mailbox_size must be an integer"),
    ({"timeout": 0}, "timeout must be a positive number"),
    ({"callback": 5}, "callback must be a function"),
    ({"callback": lambda: None}, "callback is called with 1 argument"),
    ({"callback": print, "on_event": 5}, "on_event must be a function"),
    ({"on_event": print}, "on_event needs a callback"),
]


@pytest.mark.parametrize("options, message", COMMON, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("name", ["candles", "trades"])
def test_what_no_history_can_have_is_refused(bfx, name, options, message):
    with pytest.raises(UsageError, match=message):
        getattr(bfx, name)("tBTCUSD", **{"since": NOW, **options})


@pytest.mark.parametrize(
    "symbol, timeframe, options, message",
    [
        ("tBTCUSD", "7m", {}, "timeframe must be one of"),
        ("tBTCUSD", None, {}, "timeframe must be one of"),
        ("fUSD", "1m", {}, "symbol of funding candles must be"),
        ("BTC", "1m", {}, "symbol must be"),
        ("tBTCUSD", "1m", {"fill": 1}, "fill must be"),
        ("tBTCUSD", "1m", {"closed": 1}, "closed must be"),
        ("tBTCUSD", "1m", {"on_close": 1}, "on_close must be a function"),
        (
            *("tBTCUSD", "1m"),
            {"closed": True, "callback": print},
            "closed=True is for iterating",
        ),
    ],
)
def test_what_no_candles_can_have_is_refused(bfx, symbol, timeframe, options, message):
    with pytest.raises(UsageError, match=message):
        bfx.candles(symbol, timeframe, since=NOW, **options)


def test_trades_need_a_symbol_of_the_exchange(bfx):
    with pytest.raises(UsageError, match="symbol must be"):
        bfx.trades("BTC", since=NOW)


def test_an_unknown_argument_is_a_type_error(bfx):
    with pytest.raises(TypeError, match="start"):
        bfx.candles("tBTCUSD", start=NOW)
    with pytest.raises(TypeError, match="since"):
        bfx.trades("tBTCUSD")


def test_callbacks_need_a_thread_of_their_own():
    with Client(dispatch_threads=0) as bfx:
        with pytest.raises(UsageError, match="needs a dispatch thread"):
            bfx.trades("tBTCUSD", since=NOW, callback=print)


def test_a_handle_says_what_it_is(bfx):
    history = bfx.candles("BTC/USD", "60m", since=timedelta(days=1))
    assert (history.symbol, history.timeframe) == ("tBTCUSD", "1h")
    assert repr(history) == "<JoinedHistory history of candles trade:1h:tBTCUSD: new>"
    assert not history.is_live
    assert history.exception is None
    assert bfx.trades("fUSD", since=NOW).timeframe is None
