"""Candles of pairs and of funding."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable

from bfxsync._base.aliases import NumberType, Symbol
from bfxsync.checks.candles import candle_key, check_timeframe
from bfxsync.checks.options import check_bool
from bfxsync.checks.times import Time, page_params
from bfxsync.models.model_list import ModelList
from bfxsync.models.status import Candle
from bfxsync.rest.history.history import History
from bfxsync.rest.history.history_rows import HistoryRows
from bfxsync.rest.history.intervals import filled
from bfxsync.rest.history.options import (
    SortedHistoryOptions,
    Unpack,
    check_options,
    iterator,
)
from bfxsync.rest.history.pages import iterate
from bfxsync.rest.public.base import Budget, Endpoints

MOST_CANDLES = 10_000

_CANDLES = Budget("candles", 30)
_HISTORY = History(Candle, MOST_CANDLES, has_own_times=True)


class CandleEndpoints(Endpoints):
    """Candles: open, close, high, low and volume of an interval."""

    def get_candles_hist(
        self,
        symbol: Symbol,
        tf: str = "1m",
        *,
        sort: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[Candle]:
        """
        Return candles; intervals without trades have none.

        ``GET candles/trade:{tf}:{symbol}/hist``, 30 requests per minute, shared with
        `get_candles_last`.
        https://docs.bitfinex.com/reference/rest-public-candles

        Parameters
        ----------
        symbol : str
            Symbol of a pair, or of a funding currency with its period in days, ``fUSD:p30``, or
            with an aggregated range of periods, ``fUSD:a30:p2:p30``.
        tf : str
            Timeframe: ``1m``, ``5m``, ``15m``, ``30m``, ``1h``, ``3h``, ``6h``,
            ``12h``, ``1D``, ``7D`` (also as ``1W``), ``14D`` or ``1M``.
        sort : int, optional
            1: oldest first; -1: newest first, the default.
        start, end : int or datetime, optional
            First and last start of an interval, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Number of rows, at most 10,000; default 100.
        """
        key = candle_key(symbol, tf, "tf")
        page = page_params(start, end, limit, sort, maximum=MOST_CANDLES)
        rows = self._get(f"candles/{key}/hist", _CANDLES, page)
        return self._many(self._candle_reader(key), rows)

    @iterator
    def iter_candles(
        self,
        symbol: Symbol,
        tf: str = "1m",
        *,
        fill: bool = False,
        **options: Unpack[SortedHistoryOptions[Candle]],
    ) -> HistoryRows[Candle]:
        """
        Iterate over candles of any time range, one per interval.

        If the range includes the current interval, its candle is yielded as of the time of the
        request. Symbol and timeframe are as for `get_candles_hist`.

        Parameters
        ----------
        fill : bool, optional
            Also yield a candle for each interval without trades: all four prices are the last
            close, the volume is 0. With `start`, the first candle may be an added one, which takes
            one more request; with `end`, the last one may be too, up to the last interval that has
            ended. Intervals before the first trade ever are not filled. An unreadable candle raises
            `RemoteError`, also with ``strict=False``.
        """
        key = candle_key(symbol, tf, "tf")
        get = partial(self.get_candles_hist, symbol, tf)
        if not check_bool("fill", fill):
            return self._history(_HISTORY, get, key, options)
        iteration = check_options(_HISTORY, options, self._now_mts())
        # Raises for an unreadable candle, as its interval must not count as one without trades.
        candles = iterate(_HISTORY, get, key, iteration, skip=None)
        tf = check_timeframe("tf", tf)
        rows = filled(candles, get, tf, iteration, self._numbers(0))
        return HistoryRows(rows, Candle, self._numbers)

    def get_candles_last(
        self,
        symbol: Symbol,
        tf: str = "1m",
        *,
        sort: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> Candle:
        """
        Return the candle of the current interval, or of the last one with trades.

        ``GET candles/trade:{tf}:{symbol}/last``, 30 requests per minute, shared with
        `get_candles_hist`, which documents the parameters. The exchange's page lists the keyword
        arguments for the history only; use `get_candles_hist` to choose another candle.
        https://docs.bitfinex.com/reference/rest-public-candles
        """
        key = candle_key(symbol, tf, "tf")
        page = page_params(start, end, limit, sort, maximum=MOST_CANDLES)
        row = self._get(f"candles/{key}/last", _CANDLES, page)
        return self._one(self._candle_reader(key), row)

    def _candle_reader(self, key: str) -> Callable[[Any, NumberType], Candle]:
        _, timeframe, symbol = key.split(":", 2)
        return self._reader(Candle, symbol, timeframe)

    # The official client has the same request under both names.
    get_seed_candles = get_candles_hist
