"""Status of derivatives, and liquidations."""

from __future__ import annotations

import random
import zlib
from collections import deque
from typing import Iterable, Iterator, Mapping

from bfxsync.paper.engine.units import SCALE, Row
from bfxsync.paper.markets.bars import MINUTE_MS
from bfxsync.paper.markets.history import BEGIN
from bfxsync.paper.markets.market import Liquidated, Market

CONTENT_S = 3.0
"""How long a status stays the same, by the market's clock."""
LIQUIDATIONS = "liq:global"

_FUNDING_MS = 8 * 60 * MINUTE_MS
_QUARTER = 15
_HISTORIC_CHANCE = 0.25
_LIVE_KEPT = 1_000


def noise(*what: object) -> float:
    """Return a number from 0 up to 1 that depends only on the arguments."""
    return zlib.crc32(" ".join(map(str, what)).encode()) / 2**32


class Derivative:
    """
    The status of a derivative.

    Parameters
    ----------
    market : Market
        The market of the derivative.
    markets : mapping
        All markets by symbol; without that of the underlying, its own is used.
    """

    def __init__(self, market: Market, markets: Mapping[str, Market]) -> None:
        self._market = market
        self._markets = markets
        self._row: Row = []
        self._made_at = 0.0

    def row(self, mts: int) -> Row:
        """Return the current row, which changes every `CONTENT_S` seconds."""
        clock = self._market.clock
        if not self._row or clock - self._made_at >= CONTENT_S:
            self._made_at = clock
            price = _middle(self._market)
            spot = _middle(self._spot())
            self._row = self._make(mts, price, price if spot is None else spot)
        return self._row

    def past(self, minute: int) -> Row | None:
        """Return the row at the start of a minute, None without trades in the minute before."""
        period = range(1)
        bar = self._market.chart.bar(minute - 1, minute, period)
        if bar is None:
            return None
        spot = self._spot().chart.bar(minute - _QUARTER, minute, period) or bar
        prices = (bar.close / SCALE, spot.close / SCALE)
        return self._make(minute * MINUTE_MS, *prices)

    def _spot(self) -> Market:
        base = self._market.symbol.partition(":")[0]
        return self._markets.get(f"{base[:-2]}USD", self._market)

    def _make(self, mts: int, price: float | None, spot: float | None) -> Row:
        symbol = self._market.symbol
        event = mts // _FUNDING_MS + 1
        elapsed_ms = mts % _FUNDING_MS
        accrued = (noise(symbol, event) - 0.5) / 1000 * elapsed_ms / _FUNDING_MS
        current = (noise(symbol, event - 1) - 0.5) / 1000
        mark = None
        if price is not None and spot is not None:
            mark = (price + spot) / 2
        hour = mts // _FUNDING_MS * 8
        interest = 5_000 + 1_000 * noise(symbol, "interest", hour)
        fund = 62_000_000 + 1_000_000 * noise("fund", hour)
        # fmt: off
        return [
            mts, None, price, spot, None, round(fund, 8), None,
            event * _FUNDING_MS, round(accrued, 8), int(elapsed_ms // (1000 * CONTENT_S)),
            None, round(current, 8), None, None, mark, None, None, round(interest, 8),
            None, None, None, 0.0005, 0.0025,
        ]
        # fmt: on


class Liquidations:
    """
    Liquidated positions: a past generated from the seed, and live ones.

    Parameters
    ----------
    markets : mapping
        By symbol; the positions are in derivatives.
    mts : int
        End of the past.
    """

    symbol = LIQUIDATIONS

    def __init__(self, markets: Mapping[str, Market], seed: int, mts: int) -> None:
        self._markets = markets
        self._seed = f"{seed} {LIQUIDATIONS}"
        self._random = random.Random(self._seed)
        self._end = mts // MINUTE_MS
        self._live: deque[Row] = deque(maxlen=_LIVE_KEPT)
        self._triggered: Row | None = None

    def step(self, mts: int) -> list[Liquidated]:
        """Advance by one event: a position is triggered, then executed by the next step."""
        if self._triggered is None:
            middles = {name: _middle(market) for name, market in self._derivatives()}
            prices = {name: price for name, price in middles.items() if price}
            if not prices:
                return []
            row = self._triggered = _position(self._random, mts, prices)
        else:
            row, self._triggered = _executed(self._triggered, mts), None
        self._live.append(row)
        return [Liquidated([row])]

    def rows(
        self, start: int | None, end: int | None, newest_first: bool
    ) -> Iterator[Row]:
        """Iterate over the liquidations between two times in ms, both included."""
        live = list(self._live)
        if newest_first:
            live.reverse()
            parts: tuple[Iterable[Row], ...] = (live, self._past(start, end, -1))
        else:
            parts = (self._past(start, end, 1), live)
        for part in parts:
            for row in part:
                if (start is None or row[2] >= start) and (
                    end is None or row[2] <= end
                ):
                    yield row

    def _past(self, start: int | None, end: int | None, step: int) -> Iterator[Row]:
        first, last = BEGIN, self._end - 1
        if start is not None:
            first = max(first, start // MINUTE_MS)
        if end is not None:
            last = min(last, end // MINUTE_MS)
        for minute in range(first, last + 1)[::step]:
            if noise(self._seed, minute) < _HISTORIC_CHANCE:
                yield from self._minute(minute)[::step]

    def _minute(self, minute: int) -> list[Row]:
        dice = random.Random(f"{self._seed} {minute}")
        quarter = minute - minute % _QUARTER
        bars = {
            symbol: market.chart.bar(quarter, quarter + _QUARTER, range(1))
            for symbol, market in self._derivatives()
        }
        prices = {symbol: bar.close / SCALE for symbol, bar in bars.items() if bar}
        if not prices:
            return []
        mts = minute * MINUTE_MS + dice.randrange(MINUTE_MS // 2)
        triggered = _position(dice, mts, prices)
        later = mts + dice.randrange(MINUTE_MS // 2)
        return [triggered, _executed(triggered, later)]

    def _derivatives(self) -> Iterator[tuple[str, Market]]:
        for symbol, market in self._markets.items():
            if market.is_derivative:
                yield symbol, market


def _middle(market: Market) -> float | None:
    bids, asks = market.book.depth("P0")
    if not len(bids) or not len(asks):
        return None
    return (bids.best().price + asks.best().price) / 2 / SCALE


def _position(dice: random.Random, mts: float, prices: Mapping[str, float]) -> Row:
    """Return the trigger of a position whose entry price makes it a loss."""
    symbol = dice.choice(sorted(prices))
    is_long = dice.random() < 0.5
    amount = round(dice.lognormvariate(0, 1) + 0.0001, 8) * (1 if is_long else -1)
    loss = dice.uniform(0.01, 0.05) * (1 if is_long else -1)
    base_price = round(prices[symbol] * (1 + loss), 8)
    if dice.random() < 0.25:
        mts += 0.25  # real ones have a fraction occasionally
    position_id = 150_000_000 + dice.randrange(10**7)
    return [
        "pos",
        position_id,
        mts,
        None,
        symbol,
        amount,
        base_price,
        None,
        0,
        1,
        None,
        None,
    ]


def _executed(triggered: Row, mts: float) -> Row:
    """Return the execution of a triggered position, at a worse price."""
    price = round(triggered[6] * (0.98 if triggered[5] > 0 else 1.02), 8)
    return [*triggered[:2], max(mts, triggered[2]), *triggered[3:8], 1, 1, None, price]
