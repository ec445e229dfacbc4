"""Status of derivatives, and liquidations."""

from __future__ import annotations

import random
import zlib
from collections import deque
from typing import Iterator, Mapping

from bfxsync.paper.engine.units import SCALE, Row
from bfxsync.paper.markets.bars import MINUTE_MS
from bfxsync.paper.markets.history import BEGIN
from bfxsync.paper.markets.market import Liquidated, Market, is_derivative
from bfxsync.paper.markets.tape import rows_between

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
    markets : mapping
        All markets by symbol; if the underlying has none, the market of the derivative is used.
    """

    def __init__(self, symbol: str, markets: Mapping[str, Market]) -> None:
        self._symbol = symbol
        self._markets = markets
        self._row: Row = []
        self._made_at = 0.0

    def row(self, mts: int) -> Row:
        """Return the current row, which changes every `CONTENT_S` seconds."""
        market = self._markets[self._symbol]
        if not self._row or market.clock - self._made_at >= CONTENT_S:
            self._made_at = market.clock
            price = _middle(market)
            spot = _middle(self._spot())
            self._row = self._make(mts, price, price if spot is None else spot)
        return self._row

    def past(self, minute: int) -> Row | None:
        """Return the row at the start of a minute; None without trades in the minute before it."""
        period = range(1)
        bar = self._markets[self._symbol].chart.bar(minute - 1, minute, period)
        if bar is None:
            return None
        spot = self._spot().chart.bar(minute - _QUARTER, minute, period) or bar
        prices = (bar.close / SCALE, spot.close / SCALE)
        return self._make(minute * MINUTE_MS, *prices)

    def _spot(self) -> Market:
        spot = f"{self._symbol.partition(':')[0][:-2]}USD"
        return self._markets[spot if spot in self._markets else self._symbol]

    def _make(self, mts: int, price: float | None, spot: float | None) -> Row:
        symbol = self._symbol
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
    Liquidated positions: past ones generated from the seed, and live ones.

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
        return [self.add(row)]

    def add(self, row: Row) -> Liquidated:
        """Add a liquidation to the past."""
        self._live.append(row)
        return Liquidated([row])

    def rows(
        self, start: int | None, end: int | None, newest_first: bool
    ) -> Iterator[Row]:
        """Iterate over the liquidations between two times in ms, both included."""
        return rows_between(
            self._minute,
            range(BEGIN, self._end),
            list(self._live),
            2,
            start,
            end,
            newest_first,
        )

    def _minute(self, minute: int) -> list[Row]:
        if noise(self._seed, minute) >= _HISTORIC_CHANCE:
            return []
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
        for symbol in self._markets:
            if is_derivative(symbol):
                yield symbol, self._markets[symbol]


def _middle(market: Market) -> float | None:
    bids, asks = market.book.depth("P0")
    if not len(bids) or not len(asks):
        return None
    return (bids.best().price + asks.best().price) / 2 / SCALE


def _position(dice: random.Random, mts: float, prices: Mapping[str, float]) -> Row:
    """Return the row of a position with a loss, as its liquidation begins."""
    symbol = dice.choice(sorted(prices))
    is_long = dice.random() < 0.5
    amount = round(dice.lognormvariate(0, 1) + 0.0001, 8) * (1 if is_long else -1)
    loss = dice.uniform(0.01, 0.05) * (1 if is_long else -1)
    base_price = round(prices[symbol] * (1 + loss), 8)
    if dice.random() < 0.25:
        mts += 0.25  # real ones have a fraction occasionally
    position_id = 150_000_000 + dice.randrange(10**7)
    row: Row = ["pos", position_id, mts, None, symbol, amount, base_price, None]
    return [*row, 0, 1, None, None]


def _executed(triggered: Row, mts: float) -> Row:
    """Return the execution of a triggered position, at a worse price."""
    price = round(triggered[6] * (0.98 if triggered[5] > 0 else 1.02), 8)
    return [*triggered[:2], max(mts, triggered[2]), *triggered[3:8], 1, 1, None, price]
