"""
Histories of any length: iterators that ask for page after page.

All take the same options, which `iter_candles` explains. Arguments are checked by the call;
requests are sent when rows are wanted, and count against the same budgets as every other
request: when one is used up, the iterator waits, or raises, as the client was told to. An
iterator that has raised is at its end. Another one goes on where it was: the same call with
``resume_after=`` the last row that came.

`HistoryEndpoints` stands before the groups that it is made of where all are composed.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any, Iterator, Sequence

from bfxsync.checks.arguments import (
    Time,
    check_funding,
    check_pair,
    check_symbols,
)
from bfxsync.checks.options import check_bool
from bfxsync.models.market import FundingTrade, Trade
from bfxsync.models.public import FundingStatistic, Statistic, TickersHistory
from bfxsync.models.status import Candle, DerivativesStatus, Liquidation
from bfxsync.rest.history.iterate import IterationOptions, filled, iterate
from bfxsync.rest.public.candles import MOST_CANDLES, CandleEndpoints
from bfxsync.rest.public.resources import candle_key, check_timeframe, statistic
from bfxsync.rest.public.statistics import (
    MOST_FUNDING_STATISTICS,
    MOST_STATISTICS,
    StatisticsEndpoints,
)
from bfxsync.rest.public.status import (
    MOST_DERIVATIVES_STATUS,
    MOST_LIQUIDATIONS,
    StatusEndpoints,
)
from bfxsync.rest.public.tickers import MOST_TICKERS_HISTORY, TickerEndpoints
from bfxsync.rest.public.trades import MOST_TRADES, TradeEndpoints
from bfxsync.types import Symbol
from bfxsync.wire.channels import check_symbol


class HistoryEndpoints(
    TickerEndpoints,
    TradeEndpoints,
    CandleEndpoints,
    StatusEndpoints,
    StatisticsEndpoints,
):
    """Histories of any length."""

    # The wall clock, in seconds.
    _clock = staticmethod(time.time)

    def iter_candles(
        self,
        symbol: Symbol,
        tf: str = "1m",
        *,
        start: Time = None,
        end: Time = None,
        sort: int = 1,
        limit: int | None = None,
        resume_after: Candle | None = None,
        progress: bool = False,
        fill: bool = False,
    ) -> Iterator[Candle]:
        """
        Iterate over candles, however many there are; each interval comes once.

        The interval that is under way comes too if the range includes it, as it is when it is
        asked for.

        Parameters
        ----------
        symbol, tf : str
            As for `get_candles_hist`.
        start, end : int or datetime, optional
            First and last time, both included: milliseconds, or with a time zone. None: from
            the oldest, to the newest that the exchange has.
        sort : int, optional
            1: oldest first; -1: newest first.
        limit : int, optional
            Rows to ask for at once; the largest number that the exchange allows without it. To
            get fewer rows, stop iterating (`itertools.islice`).
        resume_after : Candle, optional
            The last row that an earlier iterator with the same arguments gave.
        progress : bool, optional
            Show a bar; needs the extra ``progress``. It shows a part of the whole when it is
            known where the iteration ends, and the number of rows otherwise.
        fill : bool, optional
            Also give a candle for each interval without trades: all four prices are the last
            close, the volume is 0. When `start` is given the first one may be such a candle,
            which costs one request more; when `end` is given the last one may be, up to the
            last interval that is over. Before the first trade of all there is nothing to fill
            with. A candle that cannot be read raises, also with ``strict=False``.

        Raises
        ------
        RemoteError
            When rows are wanted: the answers do not fit what was asked for; a row cannot be
            read, and those of the same page that can have been given; or more rows have one
            time than the exchange gives at once.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-candles
        """
        options = self._options(start, end, sort, limit, resume_after, progress)
        key = candle_key(symbol, tf)
        get = partial(self.get_candles_hist, symbol, tf)
        fill = check_bool("fill", fill)
        if fill:
            # A candle that cannot be read is no interval without trades.
            options = options._replace(skip=None)
        candles = iterate(get, Candle, key, options, MOST_CANDLES, has_own_times=True)
        if not fill:
            return candles
        return filled(candles, get, check_timeframe(tf), options, self._numbers(0))

    def iter_trades(
        self,
        symbol: Symbol,
        *,
        start: Time = None,
        end: Time = None,
        sort: int = 1,
        limit: int | None = None,
        resume_after: Trade | FundingTrade | None = None,
        progress: bool = False,
    ) -> Iterator[Trade] | Iterator[FundingTrade]:
        """Iterate over the trades of a pair or of a funding currency, as the symbol says."""
        options = self._options(start, end, sort, limit, resume_after, progress)
        if check_symbol(symbol).startswith("f"):
            return self._iter_f_trades(symbol, options)
        return self._iter_t_trades(symbol, options)

    def iter_t_trades(
        self,
        pair: Symbol,
        *,
        start: Time = None,
        end: Time = None,
        sort: int = 1,
        limit: int | None = None,
        resume_after: Trade | None = None,
        progress: bool = False,
    ) -> Iterator[Trade]:
        """
        Iterate over the trades of a pair; those of one millisecond by their ids.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-trades
        """
        return self._iter_t_trades(
            pair, self._options(start, end, sort, limit, resume_after, progress)
        )

    def iter_f_trades(
        self,
        currency: Symbol,
        *,
        start: Time = None,
        end: Time = None,
        sort: int = 1,
        limit: int | None = None,
        resume_after: FundingTrade | None = None,
        progress: bool = False,
    ) -> Iterator[FundingTrade]:
        """
        Iterate over the funding trades of a currency; those of one millisecond by their ids.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-trades
        """
        return self._iter_f_trades(
            currency, self._options(start, end, sort, limit, resume_after, progress)
        )

    def iter_tickers_history(
        self,
        symbols: Sequence[Symbol],
        *,
        start: Time = None,
        end: Time = None,
        sort: int = 1,
        limit: int | None = None,
        resume_after: TickersHistory | None = None,
        progress: bool = False,
    ) -> Iterator[TickersHistory]:
        """
        Iterate over hourly bids and asks of pairs, one year back; those of one time by symbol.

        The exchange gives at most 250 rows at once. If many more pairs than that are asked for
        (``"ALL"``), one time may have more rows than can be read, which raises `RemoteError`:
        ask for some of the pairs and then for the others.

        Parameters
        ----------
        symbols : list of str
            Symbols of pairs, or ``"ALL"``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-tickers-history
        """
        joined = check_symbols("symbols", symbols, check_pair)
        return iterate(
            partial(self.get_tickers_history, joined.split(",")),
            TickersHistory,
            f"tickers {joined}",
            self._options(start, end, sort, limit, resume_after, progress),
            MOST_TICKERS_HISTORY,
            lambda row: row.symbol,
            from_both_ends=True,
        )

    def iter_derivatives_status(
        self,
        key: Symbol,
        *,
        start: Time = None,
        end: Time = None,
        sort: int = 1,
        limit: int | None = None,
        resume_after: DerivativesStatus | None = None,
        progress: bool = False,
    ) -> Iterator[DerivativesStatus]:
        """
        Iterate over the state of a derivative; the rows do not carry the key.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-derivatives-status-history
        """
        return iterate(
            partial(self.get_derivatives_status_history, check_pair(key)),
            DerivativesStatus,
            f"status {key}",
            self._options(start, end, sort, limit, resume_after, progress),
            MOST_DERIVATIVES_STATUS,
        )

    def iter_liquidations(
        self,
        *,
        start: Time = None,
        end: Time = None,
        sort: int = 1,
        limit: int | None = None,
        resume_after: Liquidation | None = None,
        progress: bool = False,
    ) -> Iterator[Liquidation]:
        """
        Iterate over the liquidations of all symbols; at most 3 requests a minute of 500 rows.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-liquidations
        """
        return iterate(
            self.get_liquidations,
            Liquidation,
            "liquidations",
            self._options(start, end, sort, limit, resume_after, progress),
            MOST_LIQUIDATIONS,
            # A position is seen more than once: when it is taken over, and when it is sold.
            lambda row: (
                row.pos_id,
                row.is_match,
                row.is_market_sold,
                row.amount,
                row.base_price,
            ),
        )

    def iter_stats(
        self,
        resource: str,
        *,
        start: Time = None,
        end: Time = None,
        sort: int = 1,
        limit: int | None = None,
        resume_after: Statistic | None = None,
        progress: bool = False,
    ) -> Iterator[Statistic]:
        """
        Iterate over the samples of a statistic.

        Parameters
        ----------
        resource : str
            Which one, as for `get_stats_hist`.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-stats
        """
        return iterate(
            partial(self.get_stats_hist, resource),
            Statistic,
            statistic(resource),
            self._options(start, end, sort, limit, resume_after, progress),
            MOST_STATISTICS,
        )

    def iter_funding_stats(
        self,
        symbol: Symbol,
        *,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
        resume_after: FundingStatistic | None = None,
        progress: bool = False,
    ) -> Iterator[FundingStatistic]:
        """
        Iterate over the numbers of a currency's funding market.

        Always newest first: the exchange has no other order for these.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-funding-stats
        """

        def get(*, sort: int, **page: Any) -> list[FundingStatistic]:
            return self.get_funding_stats(symbol, **page)

        return iterate(
            get,
            FundingStatistic,
            f"funding {check_funding(symbol)}",
            self._options(start, end, -1, limit, resume_after, progress),
            MOST_FUNDING_STATISTICS,
        )

    def _iter_t_trades(
        self, pair: Symbol, options: IterationOptions
    ) -> Iterator[Trade]:
        get = partial(self.get_t_trades, check_pair(pair))
        return iterate(
            get,
            Trade,
            f"trades {pair}",
            options,
            MOST_TRADES,
            lambda trade: trade.id,
            from_both_ends=True,
        )

    def _iter_f_trades(
        self, currency: Symbol, options: IterationOptions
    ) -> Iterator[FundingTrade]:
        get = partial(self.get_f_trades, check_funding(currency))
        return iterate(
            get,
            FundingTrade,
            f"trades {currency}",
            options,
            MOST_TRADES,
            lambda trade: trade.id,
            from_both_ends=True,
        )

    def _options(
        self,
        start: Time,
        end: Time,
        sort: int,
        limit: int | None,
        resume_after: Any,
        progress: bool,
    ) -> IterationOptions:
        now_mts = int(self._clock() * 1000)
        return IterationOptions(
            start, end, sort, limit, resume_after, progress, now_mts, self._skip
        )
