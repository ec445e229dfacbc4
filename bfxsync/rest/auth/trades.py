"""What an account has traded."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import Iterator

from bfxsync._base.aliases import Symbol
from bfxsync.checks.arguments import Time, check_integer, check_pair, page_params
from bfxsync.checks.order_arguments import check_id
from bfxsync.models.account_trades import AccountTrade, OrderTrade, WeightedAverages
from bfxsync.rest.auth.base import Budget, SignedEndpoints

MOST_ACCOUNT_TRADES = 2500

_ORDER_TRADES = Budget("auth/r/order/trades", 90)
_TRADES = Budget("auth/r/trades/hist", 90)
_AVERAGES = Budget("auth/r/trades/calc")

_LIMITS = range(1, 10**9)


class AccountTradeEndpoints(SignedEndpoints):
    """What this account has traded."""

    def get_order_trades(self, symbol: Symbol, id: int) -> list[OrderTrade]:
        """
        Return the trades of an order, of the last ten days.

        ``POST auth/r/order/{symbol}:{id}/trades``. Rate limit: 90 per minute.

        Parameters
        ----------
        symbol : str
            The order's pair, such as ``tBTCUSD``.
        id : int
            The order's id.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-order-trades
        """
        path = f"auth/r/order/{check_pair(symbol)}:{check_id('id', id)}/trades"
        return self._read_many(path, _ORDER_TRADES, OrderTrade.from_row)

    def get_trades_history(
        self,
        *,
        symbol: Symbol | None = None,
        sort: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> list[AccountTrade]:
        """
        Return the account's trades.

        ``POST auth/r/trades[/{symbol}]/hist``. Rate limit: 90 per minute.

        Parameters
        ----------
        symbol : str, optional
            Those of one pair only, such as ``tBTCUSD``.
        sort : int, optional
            1: oldest first; -1: newest first, as without it.
        start, end : int or datetime, optional
            First and last time, both included: milliseconds, or with a time zone.
        limit : int, optional
            Rows, at most 2,500.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-trades
        """
        path = "auth/r/trades/hist"
        if symbol is not None:
            path = f"auth/r/trades/{check_pair(symbol)}/hist"
        page = page_params(
            start=start, end=end, limit=limit, sort=sort, maximum=MOST_ACCOUNT_TRADES
        )
        return self._read_many(path, _TRADES, AccountTrade.from_row, page)

    def iter_trades_history(
        self,
        *,
        symbol: Symbol | None = None,
        start: Time = None,
        end: Time = None,
        sort: int = 1,
        limit: int | None = None,
        resume_after: AccountTrade | None = None,
        progress: bool = False,
    ) -> Iterator[AccountTrade]:
        """
        Iterate over the account's trades, however many there are; each comes once.

        Parameters
        ----------
        symbol, start, end
            As for `get_trades_history`.
        sort : int, optional
            1: oldest first, as without it; -1: newest first.
        limit : int, optional
            Rows to ask for at once, as many as possible without it. To get fewer rows, stop
            iterating.
        resume_after : AccountTrade, optional
            The last row that an earlier iterator with the same arguments gave.
        progress : bool, optional
            Show a bar; needs the extra ``progress``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-trades
        """
        if symbol is not None:
            check_pair(symbol)
        return self._iterate(
            partial(self.get_trades_history, symbol=symbol),
            AccountTrade,
            "own trades",
            MOST_ACCOUNT_TRADES,
            mts_of=attrgetter("mts_create"),
            # Each pair has ids of its own, and a trade with oneself is in it for both orders.
            identity_of=attrgetter("id", "symbol", "order_id"),
            start=start,
            end=end,
            limit=limit,
            resume_after=resume_after,
            progress=progress,
            sort=sort,
        )

    def get_trades_weighted_averages(
        self,
        symbol: Symbol,
        *,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> WeightedAverages:
        """
        Return what was bought and sold of a pair, and the average prices.

        ``POST auth/r/trades/calc``, undocumented. Rate limit: 10 per minute.

        Parameters
        ----------
        symbol : str
            The pair, such as ``tBTCUSD``.
        start, end : int or datetime, optional
            First and last time, both included: milliseconds, or with a time zone.
        limit : int, optional
            Trades to look at.

        References
        ----------
        https://github.com/bitfinexcom/bfx-api-node-rest
        """
        if limit is not None:
            check_integer("limit", limit, _LIMITS)
        page = page_params(start=start, end=end, limit=limit)
        body = {"symbol": check_pair(symbol), **page}
        return self._read(
            "auth/r/trades/calc", _AVERAGES, WeightedAverages.from_row, body
        )
