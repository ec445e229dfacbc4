"""Statistics of the exchange, leaderboards, and statistics of funding markets."""

from __future__ import annotations

from functools import partial

from bfxsync._base.aliases import Symbol
from bfxsync.checks.keys import check_ranking, check_statistic
from bfxsync.checks.symbols import check_funding
from bfxsync.checks.times import Time, page_params
from bfxsync.models.model import of_symbol
from bfxsync.models.model_list import ModelList
from bfxsync.models.public import FundingStatistic, Leaderboard, Statistic
from bfxsync.rest.history.history import History
from bfxsync.rest.history.history_rows import HistoryRows
from bfxsync.rest.history.options import (
    HistoryOptions,
    SortedHistoryOptions,
    Unpack,
    iterator,
)
from bfxsync.rest.public.base import Budget, Endpoints

MOST_STATISTICS = 10_000
MOST_LEADERBOARDS = 10_000
MOST_FUNDING_STATISTICS = 250

_STATISTICS = Budget("stats1", 15)
_RANKINGS = Budget("rankings", 90)
_FUNDING = Budget("funding/stats")

_STATISTICS_HISTORY = History(Statistic, MOST_STATISTICS)
_FUNDING_HISTORY = History(FundingStatistic, MOST_FUNDING_STATISTICS, is_sortable=False)


class StatisticsEndpoints(Endpoints):
    """Statistics of the exchange, leaderboards, and statistics of funding markets."""

    def get_stats_hist(
        self,
        resource: str,
        *,
        sort: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[Statistic]:
        """
        Return samples of a statistic.

        ``GET stats1/{resource}/hist``, 15 requests per minute, shared by all statistics and with
        `get_stats_last`.
        https://docs.bitfinex.com/reference/rest-public-stats

        Parameters
        ----------
        resource : str
            Key: ``pos.size:1m:tBTCUSD:long`` (or ``short``), ``funding.size:1m:fUSD``,
            ``credits.size:1m:fUSD``, ``credits.size.sym:1m:fUSD:tBTCUSD``, ``vol.1d:30m:BFX``
            (or ``vol.7d``, ``vol.30d``), ``vwap:1d:tBTCUSD``.
        sort : int, optional
            1: oldest first; -1: newest first.
        start, end : int or datetime, optional
            First and last time, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Number of rows, at most 10,000.
        """
        path = f"stats1/{check_statistic(resource)}/hist"
        page = page_params(start, end, limit, sort, maximum=MOST_STATISTICS)
        return self._many(Statistic.from_row, self._get(path, _STATISTICS, page))

    @iterator
    def iter_stats(
        self, resource: str, **options: Unpack[SortedHistoryOptions[Statistic]]
    ) -> HistoryRows[Statistic]:
        """Iterate over the samples of a statistic; see `get_stats_hist`."""
        get = partial(self.get_stats_hist, resource)
        return self._history(
            _STATISTICS_HISTORY, get, check_statistic(resource), options
        )

    def get_stats_last(
        self,
        resource: str,
        *,
        sort: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> Statistic:
        """
        Return the newest sample of a statistic.

        ``GET stats1/{resource}/last``, 15 requests per minute, shared with `get_stats_hist`, which
        documents the parameters.
        https://docs.bitfinex.com/reference/rest-public-stats
        """
        path = f"stats1/{check_statistic(resource)}/last"
        page = page_params(start, end, limit, sort, maximum=MOST_STATISTICS)
        return self._one(Statistic.from_row, self._get(path, _STATISTICS, page))

    def get_leaderboards_hist(
        self,
        resource: str,
        *,
        sort: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[Leaderboard]:
        """
        Return rows of a leaderboard.

        ``GET rankings/{resource}/hist``, 90 requests per minute, shared with
        `get_leaderboards_last`.
        https://docs.bitfinex.com/reference/rest-public-rankings

        Parameters
        ----------
        resource : str
            Key of ranking, timeframe and symbol: ``vol`` (volume; ``3h``, ``1w``, ``1M``),
            ``plu`` (unrealised profit; ``3h``, ``1w``, ``1M``), ``plu_diff`` (its change;
            ``1w``, ``1M``) or ``plr`` (realised profit; ``1w``, ``1M``), as in
            ``vol:3h:tBTCUSD`` or ``plu_diff:1w:tGLOBAL:USD``.
        sort : int, optional
            1: oldest first; -1: newest first, the default.
        start, end : int or datetime, optional
            First and last time, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Number of rows, at most 10,000; default 125.
        """
        path = f"rankings/{check_ranking(resource)}/hist"
        page = page_params(start, end, limit, sort, maximum=MOST_LEADERBOARDS)
        return self._many(Leaderboard.from_row, self._get(path, _RANKINGS, page))

    def get_leaderboards_last(
        self,
        resource: str,
        *,
        sort: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> Leaderboard:
        """
        Return the newest row of a leaderboard.

        ``GET rankings/{resource}/last``, 90 requests per minute, shared with
        `get_leaderboards_hist`, which documents the parameters. The exchange documents the history
        only; use that to choose another row.
        https://docs.bitfinex.com/reference/rest-public-rankings
        """
        path = f"rankings/{check_ranking(resource)}/last"
        page = page_params(start, end, limit, sort, maximum=MOST_LEADERBOARDS)
        return self._one(Leaderboard.from_row, self._get(path, _RANKINGS, page))

    def get_funding_stats(
        self,
        symbol: Symbol,
        *,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[FundingStatistic]:
        """
        Return statistics of a currency's funding market, newest first.

        ``GET funding/stats/{symbol}/hist``, 10 requests per minute (undocumented).
        https://docs.bitfinex.com/reference/rest-public-funding-stats

        Parameters
        ----------
        symbol : str
            Symbol of a funding currency, such as ``fUSD``.
        start, end : int or datetime, optional
            First and last time, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Number of rows, at most 250.
        """
        currency = check_funding(symbol)
        page = page_params(start, end, limit, maximum=MOST_FUNDING_STATISTICS)
        rows = self._get(f"funding/stats/{currency}/hist", _FUNDING, page)
        return self._many(of_symbol(FundingStatistic.from_row, currency), rows)

    @iterator
    def iter_funding_stats(
        self, symbol: Symbol, **options: Unpack[HistoryOptions[FundingStatistic]]
    ) -> HistoryRows[FundingStatistic]:
        """Iterate over the statistics of a currency's funding market, newest first."""
        get = partial(self.get_funding_stats, symbol)
        title = f"funding {check_funding(symbol)}"
        return self._history(_FUNDING_HISTORY, get, title, options)
