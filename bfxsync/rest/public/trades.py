"""Trades of pairs and of funding."""

from __future__ import annotations

from bfxsync.checks.arguments import Time, check_funding, check_pair, page_params
from bfxsync.models.market import FundingTrade, Trade
from bfxsync.rest.public.base import Budget, Endpoints
from bfxsync.types import Symbol

MOST_TRADES = 10_000

_TRADES = Budget("trades", 15)


class TradeEndpoints(Endpoints):
    """What was traded."""

    def get_t_trades(
        self,
        pair: Symbol,
        *,
        limit: int | None = None,
        start: Time = None,
        end: Time = None,
        sort: int | None = None,
    ) -> list[Trade]:
        """
        Return trades of a pair.

        At most 15 requests a minute, together with `get_f_trades`.

        Parameters
        ----------
        pair : str
            Its symbol, such as ``tBTCUSD``.
        limit : int, optional
            Rows, at most 10,000; 125 without it.
        start, end : int or datetime, optional
            First and last time, both included: milliseconds, or with a time zone.
        sort : int, optional
            1: oldest first; -1: newest first, as without it.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-trades
        """
        path = f"trades/{check_pair(pair)}/hist"
        page = page_params(
            start=start, end=end, limit=limit, sort=sort, maximum=MOST_TRADES
        )
        return self._many(Trade.from_row, self._get(path, _TRADES, page))

    def get_f_trades(
        self,
        currency: Symbol,
        *,
        limit: int | None = None,
        start: Time = None,
        end: Time = None,
        sort: int | None = None,
    ) -> list[FundingTrade]:
        """
        Return funding trades of a currency.

        At most 15 requests a minute, together with `get_t_trades`.

        Parameters
        ----------
        currency : str
            Its symbol, such as ``fUSD``.
        limit : int, optional
            Rows, at most 10,000; 125 without it.
        start, end : int or datetime, optional
            First and last time, both included: milliseconds, or with a time zone.
        sort : int, optional
            1: oldest first; -1: newest first, as without it.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-trades
        """
        path = f"trades/{check_funding(currency)}/hist"
        page = page_params(
            start=start, end=end, limit=limit, sort=sort, maximum=MOST_TRADES
        )
        return self._many(FundingTrade.from_row, self._get(path, _TRADES, page))
