"""Trades of pairs and of funding."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import Any

from bfxsync._base.aliases import Symbol
from bfxsync.checks.symbols import check_funding, check_pair, check_symbol
from bfxsync.checks.times import Time, page_params
from bfxsync.models.market import FundingTrade, Trade
from bfxsync.models.model_list import ModelList
from bfxsync.rest.history.history import History
from bfxsync.rest.history.history_rows import HistoryRows
from bfxsync.rest.history.options import SortedHistoryOptions, Unpack, iterator
from bfxsync.rest.public.base import Budget, Endpoints

MOST_TRADES = 10_000

_TRADES = Budget("trades", 15)
_T_HISTORY = History(
    Trade, MOST_TRADES, identity_of=attrgetter("id"), from_both_ends=True
)
_F_HISTORY = History(
    FundingTrade, MOST_TRADES, identity_of=attrgetter("id"), from_both_ends=True
)


class TradeEndpoints(Endpoints):
    """Public trades."""

    def get_t_trades(
        self,
        pair: Symbol,
        *,
        limit: int | None = None,
        start: Time = None,
        end: Time = None,
        sort: int | None = None,
    ) -> ModelList[Trade]:
        """
        Return trades of a pair.

        ``GET trades/{pair}/hist``, 15 requests per minute, shared with `get_f_trades`.
        https://docs.bitfinex.com/reference/rest-public-trades

        Parameters
        ----------
        pair : str
            Symbol, such as ``tBTCUSD``.
        limit : int, optional
            Number of rows, at most 10,000; default 125.
        start, end : int or datetime, optional
            First and last time, inclusive: Unix milliseconds, or an aware datetime.
        sort : int, optional
            1: oldest first; -1: newest first, the default.
        """
        symbol = check_pair(pair)
        page = page_params(start, end, limit, sort, maximum=MOST_TRADES)
        rows = self._get(f"trades/{symbol}/hist", _TRADES, page)
        return self._many(self._reader(Trade, symbol), rows)

    def get_f_trades(
        self,
        currency: Symbol,
        *,
        limit: int | None = None,
        start: Time = None,
        end: Time = None,
        sort: int | None = None,
    ) -> ModelList[FundingTrade]:
        """
        Return funding trades of a currency.

        ``GET trades/{currency}/hist``, 15 requests per minute, shared with `get_t_trades`.
        https://docs.bitfinex.com/reference/rest-public-trades

        Arguments as for `get_t_trades`, with the symbol of a funding currency, such as ``fUSD``.
        """
        symbol = check_funding(currency)
        page = page_params(start, end, limit, sort, maximum=MOST_TRADES)
        rows = self._get(f"trades/{symbol}/hist", _TRADES, page)
        return self._many(self._reader(FundingTrade, symbol), rows)

    @iterator
    def iter_trades(
        self,
        symbol: Symbol,
        **options: Unpack[SortedHistoryOptions[Trade | FundingTrade]],
    ) -> HistoryRows[Trade] | HistoryRows[FundingTrade]:
        """
        Iterate over the trades of a pair or a funding currency.

        ``GET trades/{symbol}/hist``, 15 requests per minute.
        https://docs.bitfinex.com/reference/rest-public-trades
        """
        # Whether resume_after is of the right kind is checked at run time.
        given: Any = options
        if check_symbol(symbol).startswith("f"):
            return self.iter_f_trades(symbol, **given)
        return self.iter_t_trades(symbol, **given)

    @iterator
    def iter_t_trades(
        self, pair: Symbol, **options: Unpack[SortedHistoryOptions[Trade]]
    ) -> HistoryRows[Trade]:
        """Iterate over the trades of a pair; trades of the same millisecond are ordered by id."""
        pair = check_pair(pair)
        get = partial(self.get_t_trades, pair)
        return self._history(_T_HISTORY, get, f"trades {pair}", options)

    @iterator
    def iter_f_trades(
        self, currency: Symbol, **options: Unpack[SortedHistoryOptions[FundingTrade]]
    ) -> HistoryRows[FundingTrade]:
        """Iterate over a currency's funding trades; those of one millisecond are ordered by id."""
        currency = check_funding(currency)
        get = partial(self.get_f_trades, currency)
        return self._history(_F_HISTORY, get, f"trades {currency}", options)
