"""The same market from two sides."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from bfxsync.paper import PaperExchange
from bfxsync.paper.markets.bars import TIMEFRAMES

from ..support import BookCopy, Client, is_event
from ..test_chart import candles_of
from .support import Rest

pytestmark = pytest.mark.once

BULK = 536870912


@pytest.mark.parametrize("symbol", ["tBTCUSD", "tLTCBTC", "fUSD", "tETHF0:USTF0"])
def test_a_quiet_market_is_the_same_in_channels_and_endpoints(
    still: PaperExchange, rest: Rest, symbol: str
) -> None:
    with Client(still.url) as client:
        for prec in ("P0", "P2", "P4", "R0"):
            for length in (1, 25, 100):
                chan_id = client.subscribe("book", symbol, prec=prec, len=length)
                assert client.receive() == [
                    chan_id,
                    rest.get(f"book/{symbol}/{prec}", len=length),
                ]
        client.subscribe("ticker", symbol)
        assert client.receive()[1] == rest.get(f"ticker/{symbol}")
        client.subscribe("trades", symbol)
        assert client.receive()[1] == rest.get(f"trades/{symbol}/hist", limit=30)
        suffix = ":a30:p2:p30" if symbol == "fUSD" else ""
        for timeframe in ("1m", "3h", "1M"):
            key = f"trade:{timeframe}:{symbol}{suffix}"
            client.subscribe_key("candles", key)
            rows = rest.get(f"candles/{key}/hist", limit=240)
            assert client.receive()[1] == rows
            assert rest.get(f"candles/{key}/last") == rows[0]


def test_channel_and_endpoint_agree_on_the_status_of_a_derivative(
    still: PaperExchange, rest: Rest
) -> None:
    for symbol in ("tBTCF0:USTF0", "tETHF0:USTF0"):
        with Client(still.url) as client:
            client.subscribe_key("status", f"deriv:{symbol}")
            (row,) = rest.get("status/deriv", keys=symbol)
            assert row == [symbol, *client.receive()[1]]


def test_a_book_that_is_asked_for_is_one_that_was_sent() -> None:
    with PaperExchange(rate=300) as exchange, Client(exchange.url) as client:
        with Rest(exchange) as rest:
            client.send(event="conf", flags=BULK)
            client.subscribe("book", "tETHUSD", prec="P0", len="25")
            copy = BookCopy()
            copy.feed(client.receive()[1])
            states = {json.dumps(copy.rows())}
            for _ in range(5):
                asked = json.dumps(rest.get("book/tETHUSD/P0"))
                deadline = time.monotonic() + 5
                while asked not in states:
                    assert time.monotonic() < deadline
                    copy.feed(client.receive()[1])
                    states.add(json.dumps(copy.rows()))


def test_candles_that_are_asked_for_are_those_that_were_sent() -> None:
    with PaperExchange(rate=300) as exchange, Client(exchange.url) as client:
        with Rest(exchange) as rest:
            keys = [f"trade:{timeframe}:tBTCUSD" for timeframe in TIMEFRAMES]
            for key in keys:
                client.send(event="subscribe", channel="candles", key=key)
            ids: dict[str, int] = {}
            sent: dict[int, list[Any]] = {}
            while len(ids) < len(keys):
                message = client.receive()
                if is_event("subscribed")(message):
                    ids[message["key"]] = message["chanId"]
                elif isinstance(message, list):
                    note(sent, message)
            for key, chan_id in 3 * list(ids.items()):
                asked = rest.get(f"candles/{key}/last")
                deadline = time.monotonic() + 5
                while asked not in sent.get(chan_id, []):
                    assert time.monotonic() < deadline
                    note(sent, client.receive())


def note(sent: dict[int, list[Any]], frame: list[Any]) -> None:
    """Write down the candles of a frame, be it a snapshot or a row."""
    chan_id, value = frame
    rows = value if isinstance(value[0], list) else [value]
    sent.setdefault(chan_id, []).extend(rows)


@pytest.mark.parametrize(
    ("symbol", "suffix", "periods"),
    [
        ("tBTCUSD", "", None),
        ("tLTCBTC", "", None),
        ("fUSD", ":p7", range(7, 8)),
        ("fUSD", ":a30:p2:p30", range(2, 31)),
    ],
)
def test_candles_are_made_of_the_trades_that_can_be_asked_for(
    rest: Rest, symbol: str, suffix: str, periods: range | None
) -> None:
    trades = rest.get(f"trades/{symbol}/hist", limit=10_000)
    assert len(trades) == 10_000
    times = [row[1] for row in trades]
    assert len(set(times)) < 9_000  # many share theirs
    # Whole intervals only: the oldest one may be cut.
    begin = (times[-1] // 1_800_000 + 1) * 1_800_000
    mine = [
        row
        for row in reversed(trades)
        if row[1] >= begin and (periods is None or row[4] in periods)
    ]
    for timeframe in ("1m", "5m", "30m"):
        candles = rest.get(
            f"candles/trade:{timeframe}:{symbol}{suffix}/hist",
            start=begin,
            sort=1,
            limit=10_000,
        )
        assert candles == candles_of(mine, timeframe)


def test_longer_candles_are_the_sums_of_their_minutes(
    rest: Rest,
) -> None:
    def halves(timeframe: str, start: int, end: int) -> list[Any]:
        path = f"candles/trade:{timeframe}:tETHUSD/hist"
        rows: list[Any] = rest.get(path, start=start, end=end, sort=1, limit=10_000)
        return rows

    newest = rest.get("candles/trade:12h:tETHUSD/last")[0]
    start, end = newest - 24 * 3_600_000, newest - 1
    minutes = halves("1m", start, end)
    assert 1_000 < len(minutes) < 24 * 60  # some are empty
    for timeframe in ("5m", "15m", "30m", "1h", "3h", "6h", "12h"):
        found: dict[int, list[Any]] = {}
        for row in minutes:
            begin = TIMEFRAMES[timeframe].floor(row[0] // 60_000) * 60_000
            found.setdefault(begin, []).append(row)
        rows = halves(timeframe, start, end)
        assert [row[0] for row in rows] == list(found)
        for row in rows:
            parts = found[row[0]]
            prices = (max(part[3] for part in parts), min(part[4] for part in parts))
            assert row[1:5] == [parts[0][1], parts[-1][2], *prices]
            assert row[5] == pytest.approx(sum(part[5] for part in parts), abs=1e-8)


def test_pages_of_ten_thousand_minutes_are_full_and_join(rest: Rest) -> None:
    end, rows = None, []
    for _ in range(3):
        page = rest.get("candles/trade:1m:tBTCUSD/hist", limit=10_000, end=end)
        assert len(page) == 10_000
        rows += page
        end = page[-1][0] - 1
    times = [row[0] for row in rows]
    assert times == sorted(set(times), reverse=True)
    assert times[0] - times[-1] > 30_000 * 60_000  # with gaps


def test_pages_backwards_and_forwards_bring_the_same_trades(rest: Rest) -> None:
    path = "trades/tBTCUSD/hist"
    backwards: dict[int, Any] = {}
    end = None
    while len(backwards) < 3_000:
        page = rest.get(path, limit=500, end=end)
        backwards.update((row[0], row) for row in page)
        end = page[-1][1]
    start = end
    forwards: dict[int, Any] = {}
    while True:
        page = rest.get(path, limit=500, start=start, sort=1)
        forwards.update((row[0], row) for row in page)
        if page[-1][1] == start:
            break
        start = page[-1][1]
    assert {**forwards, **backwards} == forwards
    assert sorted(backwards) == sorted(forwards)[-len(backwards) :]


def test_the_past_depends_on_the_seed_and_the_time_alone() -> None:
    path = "candles/trade:1m:tETHUSD/hist"
    found = []
    for seed in (1, 1, 2):
        with PaperExchange(seed=seed) as exchange, Rest(exchange) as rest:
            day = 1_700_006_400_000
            found.append(rest.get(path, start=day, end=day + 3_600_000, sort=1))
    assert found[0] == found[1] != found[2]


def test_a_recording_has_candles_and_trades_of_its_own() -> None:
    exchange = PaperExchange(captures=["btcusd-20181112"], speed=1e9, autoplay=False)
    with exchange, Rest(exchange) as rest, Client(exchange.url) as client:
        assert rest.get("stats1/vwap:1d:tBTCUSD/last") == []
        assert rest.get("stats1/vwap:1d:tBTCUSD/hist") == []
        assert rest.get("tickers/hist", symbols="tBTCUSD") == []
        before = rest.get("trades/tBTCUSD/hist")
        assert len(before) == 30 and len(before[0]) == 4
        key = "trade:1m:tBTCUSD"
        client.subscribe_key("candles", key)
        first = client.receive()[1]
        assert first == rest.get(f"candles/{key}/hist")
        assert first == candles_of(before[::-1], "1m")[::-1]
        exchange.play()
        messages = client.until(is_event("info"), deadline_s=30)
        rows = {row[0]: row for row in first}
        for chan_id, row in messages[:-1]:
            rows[row[0]] = row
        # 14.6 minutes with 123 trades; the last row of each minute is its candle.
        assert len(rows) > len(first) + 10
        assert sum(row[5] for row in rows.values()) > sum(row[5] for row in first)
