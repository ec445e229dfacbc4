"""Channels, endpoints and markets of an exchange agree with each other."""

from __future__ import annotations

from typing import Any, Iterator

import pytest

from bfxsync.paper import PaperExchange
from bfxsync.paper.markets import recipes
from bfxsync.paper.markets.market import is_derivative
from bfxsync.paper.markets.recipes import RECIPES

from . import market_figures as figures
from .rest.support import Rest
from .support import BookCopy, Client, is_event

pytestmark = pytest.mark.once

MTS = 1_700_000_000_000
DAY_MS = 86_400_000

each_symbol = pytest.mark.parametrize("symbol", list(RECIPES))


@pytest.fixture(scope="module")
def lively() -> Iterator[PaperExchange]:
    """One that is stepped, so that it stands still while it is compared."""
    with PaperExchange(paused=True, begin_mts=MTS, rate=20, ticker_s=1e-3) as exchange:
        yield exchange


@pytest.fixture(autouse=True)
def no_thread_is_left() -> None:
    """The exchange serves the whole file."""


def key_of(symbol: str, timeframe: str) -> str:
    periods = ":a30:p2:p120" if symbol.startswith("f") else ""
    return f"trade:{timeframe}:{symbol}{periods}"


@each_symbol
def test_channels_and_endpoints_tell_the_same(
    lively: PaperExchange, symbol: str
) -> None:
    is_funding = symbol.startswith("f")
    got: dict[str, list[Any]] = {}
    with Client(lively.url) as client, Rest(lively) as rest:
        for name in ("ticker", "trades", "book"):
            client.send(event="subscribe", channel=name, symbol=symbol, len="100")
        keys = {"candles": key_of(symbol, "1m")}
        if is_derivative(symbol):
            keys["status"] = f"deriv:{symbol}"
        for name, key in keys.items():
            client.send(event="subscribe", channel=name, key=key)
        names: dict[int, str] = {}
        while len(names) < 3 + len(keys):
            message = client.receive()
            if is_event("subscribed")(message):
                names[message["chanId"]] = message["channel"]
                got[message["channel"]] = []
            elif isinstance(message, list):
                got[names[message[0]]].append(message[1:])
        lively.step(15)
        client.send(event="ping")
        for message in client.until(is_event("pong"))[:-1]:
            got[names[message[0]]].append(message[1:])
        book = BookCopy(is_funding=is_funding)
        for (rows,) in got["book"]:
            book.feed(rows if isinstance(rows[0], list) else [rows])
        ticker = rest.get(f"ticker/{symbol}")
        assert book.rows() == rest.get(f"book/{symbol}/P0", len=100)
        assert got["ticker"][-1] == [ticker]
        trades = rest.get(f"trades/{symbol}/hist", limit=10_000, start=MTS - DAY_MS)
        executed = [m[1] for m in got["trades"] if m[0] in ("te", "fte")]
        assert len(executed) > 10
        assert executed[::-1] == trades[: len(executed)]
        minutes = rest.get(
            f"candles/{key_of(symbol, '1m')}/hist", limit=10_000, start=MTS - DAY_MS
        )
        assert got["candles"][-1] == [minutes[0]]
        check_ticker(ticker, book, minutes, trades, is_funding)
        if is_derivative(symbol):
            check_status(rest, symbol, got["status"])


def check_ticker(
    ticker: list[Any],
    book: BookCopy,
    minutes: list[Any],
    trades: list[Any],
    is_funding: bool,
) -> None:
    """A ticker must be that of a book, and of the candles and trades of a day."""
    bids = [row for row in book.rows() if (row[-1] > 0) != is_funding]
    asks = [row for row in book.rows() if (row[-1] > 0) == is_funding]
    sizes = [sum(abs(row[-1]) for row in side[:25]) for side in (bids, asks)]
    frr, values = (ticker[0], ticker[1:]) if is_funding else (None, ticker)
    step = 3 if is_funding else 2
    assert [values[0], values[step]] == [bids[0][0], asks[0][0]]
    assert [values[step - 1], values[2 * step - 1]] == pytest.approx(sizes)
    change, relative, last, volume, high, low = values[2 * step : 2 * step + 6]
    assert last == trades[0][3] == minutes[0][2]
    day = minutes[0][0] - DAY_MS + 60_000
    rows = [row for row in minutes if row[0] >= day]
    assert high == max(row[3] for row in rows)
    assert low == min(row[4] for row in rows)
    assert volume == pytest.approx(sum(row[5] for row in rows))
    assert change == pytest.approx(last - rows[-1][1], abs=1e-12)
    if frr is not None:
        assert trades[0][3] * 0.9 < frr < trades[0][3] * 1.1


def check_status(rest: Rest, symbol: str, got: list[Any]) -> None:
    """The status of a derivative must lie in the books of it and of its spot market."""
    (row,) = rest.get("status/deriv", keys=symbol)
    assert got[-1] == [row[1:]]
    for price, book in ((row[3], symbol), (row[4], f"{symbol[:4]}USD")):
        bid, *_, ask = rest.get(f"book/{book}/P0", len=1)
        # Made at most three seconds ago.
        assert bid[0] * 0.999 < price < ask[0] * 1.001
    assert min(row[3:5]) <= row[15] <= max(row[3:5])


@pytest.mark.parametrize(
    ("rate", "symbols"),
    [(20, list(RECIPES)), (None, ["tBTCUSD", "tETHUSD"])],
    ids=["lively", "recorded"],
)
def test_candle_history_joins_the_live_price(
    rate: float | None, symbols: list[str]
) -> None:
    with PaperExchange(paused=True, begin_mts=MTS + 23_456, rate=rate) as exchange:
        with Client(exchange.url) as client, Rest(exchange) as rest:
            for symbol in symbols:
                client.send(event="subscribe", channel="trades", symbol=symbol)
            client.send(event="ping")
            client.until(is_event("pong"))
            exchange.step(20 if rate else 60)
            for symbol in symbols:
                check_joint(rest, symbol)


def check_joint(rest: Rest, symbol: str) -> None:
    """The last candle of the past must end where the first live one begins."""
    recipe = RECIPES[symbol]
    path = f"candles/{key_of(symbol, '1m')}/hist"
    begin = MTS // 60_000 * 60_000
    before = rest.get(path, end=begin - 1, limit=1)[0]
    after = rest.get(path, start=begin, sort=1, limit=1)[0]
    assert before[0] < begin <= after[0]
    jump = abs(after[1] - before[2]) * 10**12 / recipe.tick
    # A spread, and the movement until the first trade; some minutes are empty.
    passed_s = (after[0] - before[0]) / 1000
    moved = 3 * recipe.ticks(recipe.volatility_bps) * passed_s**0.5
    assert jump <= recipe.ticks(recipe.traffic.spread_bps) + moved + 3, symbol
    ticker = rest.get(f"ticker/{symbol}")
    last = ticker[9 if symbol.startswith("f") else 6]
    assert last == rest.get(path, limit=1)[0][2]


def test_cross_rates_are_consistent_now_and_in_the_past(lively: PaperExchange) -> None:
    with Rest(lively) as rest:
        for _ in range(3):
            lively.step(1_000)
            rows = {row[0]: row for row in rest.get("tickers", symbols="ALL")}
            check_crosses(
                {symbol: (rows[symbol][1] + rows[symbol][3]) / 2 for symbol in PAIRS}
            )
        for end in (MTS - DAY_MS, MTS - 400 * DAY_MS):
            opens = {}
            for symbol in PAIRS:
                path = f"candles/trade:1D:{symbol}/hist"
                opens[symbol] = rest.get(path, end=end, limit=1)[0][2]
            check_crosses(opens)
        assert len(set(map(tuple, CROSSES))) == 7


PAIRS = [symbol for symbol in RECIPES if symbol.startswith("t")]
CROSSES = [
    ("tLTCBTC", "tLTCUSD", "tBTCUSD", 1.0),
    ("tETHBTC", "tETHUSD", "tBTCUSD", 1.0),
    ("tBTCUST", "tBTCUSD", "tUSTUSD", 1.0),
    ("tTESTBTC:TESTUSD", "tBTCUSD", None, 1.0),
    ("tBTCF0:USTF0", "tBTCUST", None, 1.0007),
    ("tETHF0:USTF0", "tETHUSD", "tUSTUSD", 1.0007),
    ("tBTCUSD", "tETHUSD", "tETHBTC", 1.0),
]


def check_crosses(prices: dict[str, float]) -> None:
    for cross, base, quote, premium in CROSSES:
        expected = prices[base] / (prices[quote] if quote else 1.0) * premium
        # Half of the widest spreads, and what a quiet market has not yet followed.
        assert prices[cross] == pytest.approx(expected, rel=1.5e-3), cross


def test_a_market_without_watchers_has_a_past_of_that_time(
    lively: PaperExchange,
) -> None:
    with Rest(lively) as rest:
        for _ in range(3):
            rest.get("ticker/tXRPUSD")
            lively.step(200)
        lively.step(3_600)
        now = lively.now_mts
        trades = rest.get("trades/tXRPUSD/hist", limit=10_000, start=now - 5_000_000)
        assert [row[0] for row in trades] == sorted(
            {row[0] for row in trades}, reverse=True
        )
        times = [row[1] for row in trades]
        assert times == sorted(times, reverse=True)
        assert now - 120_000 < times[0] <= now
        # Some minutes are empty, and those in which it was looked at have few trades.
        assert max(late - early for late, early in zip(times, times[1:])) < 600_000
        key = "candles/trade:{}:tXRPUSD/hist"
        (hour,) = rest.get(key.format("1h"), limit=1, end=now - 3_600_000)
        minutes = rest.get(
            key.format("1m"), start=hour[0], end=hour[0] + 3_599_999, sort=1
        )
        assert hour[1:5] == [
            minutes[0][1],
            minutes[-1][2],
            max(row[3] for row in minutes),
            min(row[4] for row in minutes),
        ]
        assert hour[5] == pytest.approx(sum(row[5] for row in minutes))
        assert rest.get("ticker/tXRPUSD")[6] == trades[0][3]


@pytest.mark.parametrize(
    ("symbol", "recorded", "seconds"),
    [("tBTCUSD", "tBTCUSD", 250), ("tLTCUSD", "tIOTETH", 800)],
)
def test_simulated_markets_have_the_figures_of_recorded_ones(
    symbol: str, recorded: str, seconds: float
) -> None:
    ours, theirs = figures.simulated(symbol, seconds), figures.recorded(recorded)
    assert 0.7 < ours.iterations_per_s / theirs.iterations_per_s < 1.4
    assert 0.9 < ours.new / ours.gone < 1.1
    assert 0.4 < ours.spread_bps / theirs.spread_bps < 2.5
    assert 0.6 < ours.order_sigma / theirs.order_sigma < 1.4
    assert 0.5 < ours.trade_sigma / theirs.trade_sigma < 1.5
    ratio = theirs.order_size / theirs.trade_size
    assert 0.4 < ours.order_size / ours.trade_size / ratio < 2.5
    traffic = RECIPES[symbol].traffic
    assert 0.4 < ours.trades_per_s / traffic.rate / traffic.trade_ratio < 3
    # The price of the busy recording does not move.
    moving = figures.recorded("tTESTBTC:TESTUSD" if symbol == "tBTCUSD" else recorded)
    assert 0.5 < ours.volatility_10s_bps / moving.volatility_10s_bps < 1.5


def test_the_table_of_recipes_has_the_measured_figures() -> None:
    table = " ".join((recipes.__doc__ or "").split())
    found = [figures.recorded(symbol) for symbol in figures.RECORDED]
    lines = {
        "book iterations": " ".join(f"{f.iterations_per_s:.3g} /s" for f in found),
        "rows new/gone/other": " ".join(f"{f.new}/{f.gone}/{f.other}" for f in found),
        "volatility in 1 s": " ".join(f"{f.volatility_1s_bps:.2g}" for f in found),
        "volatility in 10 s": " ".join(f"{f.volatility_10s_bps:.2g}" for f in found),
    }
    for name, values in lines.items():
        assert f"{name} {values}" in table
