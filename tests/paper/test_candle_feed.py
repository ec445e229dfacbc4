from __future__ import annotations

import json
from typing import Any

import pytest

from bfxsync.paper.markets.market import BookChanged, Market, Traded
from bfxsync.paper.markets.random import RandomMarket
from bfxsync.paper.markets.recipes import RECIPES
from bfxsync.paper.server.feeds import Identity
from bfxsync.paper.server.market_data import MarketData

from .test_feeds import Listener

MINUTE_MS = 60_000
BEGIN = 1_700_000_000_000 - 1_700_000_000_000 % MINUTE_MS


class Stage:
    """A market whose trades are ours, and a listener to its candles."""

    def __init__(self, market: Market, key: str) -> None:
        self.market_data = MarketData()
        self.market = market
        self.market_data.add(market)
        self.identity = Identity("candles", market.symbol, key=key)
        self.listener, self.first = self.listen()
        self.trade_id = 0

    def listen(self) -> tuple[Listener, Any]:
        listener = Listener()
        first = self.market_data.subscribe(self.identity, listener)
        assert first is not None
        return listener, json.loads(first)

    def trade(self, at_ms: int, price: float, amount: float = 1, *period: int) -> None:
        self.trade_id += 1
        row = [self.trade_id, BEGIN + at_ms, amount, price, *period]
        self.market.record(row)
        self.market_data.publish(self.market, [Traded("te", row), BookChanged()])
        self.market_data.publish(self.market, [Traded("tu", row)])

    def got(self) -> list[Any]:
        """What has come since the last look, with times from the beginning in seconds."""
        rows = [row for (row,) in self.listener.got]
        self.listener.got.clear()
        return [[(row[0] - BEGIN) // 1000, *row[1:]] for row in rows]


@pytest.fixture
def stage() -> Stage:
    return Stage(Market("tETHUSD"), "trade:1m:tETHUSD")


def test_each_change_of_the_candle_is_one_row(stage: Stage) -> None:
    assert stage.first == []
    stage.trade(0, 2500)
    stage.trade(10, 2510, -2)
    stage.trade(59_999, 2490, 0.5)
    assert stage.got() == [
        [0, 2500, 2500, 2500, 2500, 1],
        [0, 2500, 2510, 2510, 2500, 3],
        [0, 2500, 2490, 2510, 2490, 3.5],
    ]


def test_every_second_candle_is_sent_once_more_after_the_next(stage: Stage) -> None:
    for minute in range(5):
        stage.trade(minute * MINUTE_MS, 2500 + minute)
    assert [row[0] // 60 for row in stage.got()] == [0, 1, 2, 1, 3, 4, 3]


def test_an_empty_interval_has_no_row(stage: Stage) -> None:
    stage.trade(0, 2500)
    stage.trade(7 * MINUTE_MS, 2501)
    stage.trade(7 * MINUTE_MS + 1, 2502)
    assert [row[0] // 60 for row in stage.got()] == [0, 7, 7]


def test_a_late_trade_changes_the_candle_of_its_time(stage: Stage) -> None:
    stage.trade(0, 2500)
    stage.trade(MINUTE_MS, 2501)
    stage.got()
    stage.trade(MINUTE_MS - 1, 2400, 2)
    assert stage.got() == [[0, 2500, 2400, 2500, 2400, 3]]
    stage.trade(MINUTE_MS + 1, 2501)
    assert stage.got() == [[60, 2501, 2501, 2501, 2501, 2]]


def test_several_trades_of_one_order_are_one_row(stage: Stage) -> None:
    events = []
    for trade_id in (1, 2, 3):
        row = [trade_id, BEGIN, 1, 2500 + trade_id]
        stage.market.record(row)
        events.append(Traded("te", row))
    stage.market_data.publish(stage.market, events)
    assert stage.got() == [[0, 2501, 2503, 2503, 2501, 3]]


def test_a_late_subscriber_gets_what_the_others_know(stage: Stage) -> None:
    stage.trade(0, 2500)
    stage.trade(MINUTE_MS, 2501)
    _, first = stage.listen()
    assert [(row[0] - BEGIN) // MINUTE_MS for row in first] == [1, 0]
    stage.got()
    # The confirmation of a trade that the snapshot has changes nothing.
    row = [stage.trade_id, BEGIN + MINUTE_MS, 1, 2501]
    stage.market_data.publish(stage.market, [Traded("tu", row)])
    assert stage.got() == []


def test_trades_of_other_periods_change_nothing() -> None:
    stage = Stage(Market("fUSD"), "trade:5m:fUSD:a30:p2:p30")
    stage.trade(0, 0.0002, 100, 120)
    assert stage.got() == []
    stage.trade(1, 0.0003, 100, 30)
    stage.trade(2, 0.0001, 100, 120)
    stage.trade(3, 0.0004, -100, 2)
    assert [row[1:] for row in stage.got()] == [
        [0.0003, 0.0003, 0.0003, 0.0003, 100],
        [0.0003, 0.0004, 0.0004, 0.0003, 200],
    ]


@pytest.mark.parametrize("timeframe", ["1m", "3h", "1D"])
def test_a_snapshot_has_240_candles_newest_first(timeframe: str) -> None:
    market = RandomMarket(RECIPES["tBTCUSD"], 1, BEGIN)
    stage = Stage(market, f"trade:{timeframe}:tBTCUSD")
    times = [row[0] for row in stage.first]
    assert len(times) == 240 and times == sorted(set(times), reverse=True)
    newest = stage.first[0]
    stage.trade(1, newest[4] * 2)
    (row,) = stage.got()
    if row[0] * 1000 + BEGIN == newest[0]:
        assert row[1] == newest[1] and row[3] == newest[4] * 2
    else:
        assert timeframe == "1m" and row[1] == newest[4] * 2
