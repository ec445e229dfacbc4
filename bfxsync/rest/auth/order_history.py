"""Closed orders, OTC orders and the account's trades."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import Sequence

from bfxsync._base.aliases import Symbol
from bfxsync.checks.containers import optional
from bfxsync.checks.ids import check_id, check_ids
from bfxsync.checks.numbers import check_integer
from bfxsync.checks.symbols import check_optional_symbol, check_pair
from bfxsync.checks.times import Time, page_params
from bfxsync.models.account_trades import AccountTrade, OrderTrade, WeightedAverages
from bfxsync.models.model import of_symbol
from bfxsync.models.model_list import ModelList
from bfxsync.models.orders import Order, OtcOrder
from bfxsync.rest.auth.base import Budget, SignedEndpoints, path_for
from bfxsync.rest.history.history import History, newest_first
from bfxsync.rest.history.history_rows import HistoryRows
from bfxsync.rest.history.options import (
    HistoryOptions,
    SortedHistoryOptions,
    Unpack,
    iterator,
)
from bfxsync.rest.history.order_pages import OrderPages

MOST_ORDERS = 2500
MOST_OTC_ORDERS = 500
MOST_ACCOUNT_TRADES = 2500

_ORDERS = Budget("auth/r/orders/hist", 90)
_OTC = Budget("auth/r/orders/otc/hist", 90)
_ORDER_TRADES = Budget("auth/r/order/trades", 90)
_TRADES = Budget("auth/r/trades/hist", 90)
_AVERAGES = Budget("auth/r/trades/calc")

_LIMITS = range(1, 10**9)

_ORDER_HISTORY = newest_first(Order, MOST_ORDERS, "mts_create")
_OTC_HISTORY = newest_first(OtcOrder, MOST_OTC_ORDERS, "mts_create")
_TRADE_HISTORY = History(
    AccountTrade,
    MOST_ACCOUNT_TRADES,
    attrgetter("mts_create"),
    # Ids are unique within a pair, and a self-trade is listed for both orders.
    attrgetter("id", "symbol", "order_id"),
    from_both_ends=True,
)


class OrderHistoryEndpoints(SignedEndpoints):
    """Closed orders, OTC orders and the account's trades."""

    def get_orders_history(
        self,
        *,
        symbol: Symbol | None = None,
        ids: Sequence[int] | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[Order]:
        """
        Return closed orders of the last two weeks, newest first.

        ``POST auth/r/orders[/{symbol}]/hist``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-orders-history

        Parameters
        ----------
        symbol : str, optional
            Only orders of this pair, such as ``tBTCUSD``.
        ids : list of int, optional
            Only orders with these ids.
        start, end : int or datetime, optional
            First and last time of creation, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Rows, at most 2,500.
        """
        path = path_for(_ORDERS, symbol, check_pair)
        page = page_params(start, end, limit, maximum=MOST_ORDERS)
        body = {**page, "id": optional(check_ids, "ids", ids)}
        return self._read_many(_ORDERS, Order.from_row, body, path=path)

    @iterator
    def iter_orders_history(
        self, *, symbol: Symbol | None = None, **options: Unpack[HistoryOptions[Order]]
    ) -> HistoryRows[Order]:
        """Iterate over closed orders, newest first; see `get_orders_history`."""
        check_optional_symbol(symbol, check_pair)
        get = OrderPages(partial(self.get_orders_history, symbol=symbol), MOST_ORDERS)
        return self._history(_ORDER_HISTORY, get, "orders", options)

    def get_otc_orders_history(
        self,
        *,
        symbol: Symbol | None = None,
        ids: Sequence[int] | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[OtcOrder]:
        """
        Return over-the-counter orders, newest first.

        ``POST auth/r/orders/otc[/{symbol}]/hist``, 90 requests per minute.
        https://docs.bitfinex.com/reference/otc-orders-history

        Parameters
        ----------
        symbol : str, optional
            Only orders of this pair, such as ``tBTCUSD``.
        ids : list of int, optional
            Only orders with these ids.
        start, end : int or datetime, optional
            First and last time, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Rows, at most 500; default 25.
        """
        path = path_for(_OTC, symbol, check_pair)
        page = page_params(start, end, limit, maximum=MOST_OTC_ORDERS)
        body = {**page, "id": optional(check_ids, "ids", ids)}
        return self._read_many(_OTC, OtcOrder.from_row, body, path=path)

    @iterator
    def iter_otc_orders_history(
        self,
        *,
        symbol: Symbol | None = None,
        **options: Unpack[HistoryOptions[OtcOrder]],
    ) -> HistoryRows[OtcOrder]:
        """Iterate over over-the-counter orders, newest first; see `get_otc_orders_history`."""
        check_optional_symbol(symbol, check_pair)
        get = partial(self.get_otc_orders_history, symbol=symbol)
        return self._history(_OTC_HISTORY, get, "OTC orders", options)

    def get_order_trades(self, symbol: Symbol, id: int) -> ModelList[OrderTrade]:
        """
        Return an order's trades of the last ten days; `symbol` is its pair, such as ``tBTCUSD``.

        ``POST auth/r/order/{symbol}:{id}/trades``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-order-trades
        """
        path = f"auth/r/order/{check_pair(symbol)}:{check_id('id', id)}/trades"
        return self._read_many(_ORDER_TRADES, OrderTrade.from_row, path=path)

    def get_trades_history(
        self,
        *,
        symbol: Symbol | None = None,
        sort: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[AccountTrade]:
        """
        Return the account's trades.

        ``POST auth/r/trades[/{symbol}]/hist``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-trades

        Parameters
        ----------
        symbol : str, optional
            Only trades of this pair, such as ``tBTCUSD``.
        sort : int, optional
            1: oldest first; -1: newest first, the default.
        start, end : int or datetime, optional
            First and last time, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Rows, at most 2,500.
        """
        path = path_for(_TRADES, symbol, check_pair)
        page = page_params(start, end, limit, sort, maximum=MOST_ACCOUNT_TRADES)
        return self._read_many(_TRADES, AccountTrade.from_row, page, path)

    @iterator
    def iter_trades_history(
        self,
        *,
        symbol: Symbol | None = None,
        **options: Unpack[SortedHistoryOptions[AccountTrade]],
    ) -> HistoryRows[AccountTrade]:
        """Iterate over the account's trades; see `get_trades_history`."""
        check_optional_symbol(symbol, check_pair)
        get = partial(self.get_trades_history, symbol=symbol)
        return self._history(_TRADE_HISTORY, get, "own trades", options)

    def get_trades_weighted_averages(
        self,
        symbol: Symbol,
        *,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> WeightedAverages:
        """
        Return the amounts bought and sold of a pair, and their average prices.

        ``POST auth/r/trades/calc`` (undocumented), 10 requests per minute.
        https://github.com/bitfinexcom/bfx-api-node-rest

        Parameters
        ----------
        symbol : str
            The pair, such as ``tBTCUSD``.
        start, end : int or datetime, optional
            First and last time, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Number of trades to evaluate.
        """
        if limit is not None:
            check_integer("limit", limit, _LIMITS)
        page = page_params(start, end, limit)
        pair = check_pair(symbol)
        read = of_symbol(WeightedAverages.from_row, pair)
        return self._read(_AVERAGES, read, {"symbol": pair, **page})
