"""Tickers: of one symbol, of many, and as they were."""

from __future__ import annotations

from typing import Any, Callable, Sequence

from bfxsync.errors import RemoteError
from bfxsync.models.market import FundingTicker, Ticker
from bfxsync.models.public import TickersHistory
from bfxsync.rest.arguments import (
    Time,
    check_funding,
    check_pair,
    check_symbols,
    page_params,
)
from bfxsync.rest.public.base import Budget, Endpoints, check_rows
from bfxsync.types import NumberType, Symbol

MOST_TICKERS_HISTORY = 250

_TICKER = Budget("ticker", 90)
_TICKERS = Budget("tickers", 30)
_HISTORY = Budget("tickers/hist")


class TickerEndpoints(Endpoints):
    """Best bid and ask, and the last 24 hours."""

    def get_t_ticker(self, symbol: Symbol) -> Ticker:
        """
        Return the ticker of a pair.

        At most 90 requests a minute, together with `get_f_ticker`.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-ticker
        """
        path = f"ticker/{check_pair(symbol)}"
        return self._one(Ticker.from_row, self._get(path, _TICKER))

    def get_f_ticker(self, symbol: Symbol) -> FundingTicker:
        """
        Return the ticker of a funding currency.

        At most 90 requests a minute, together with `get_t_ticker`.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-ticker
        """
        path = f"ticker/{check_funding(symbol)}"
        return self._one(FundingTicker.from_row, self._get(path, _TICKER))

    def get_tickers(
        self, symbols: Sequence[Symbol]
    ) -> dict[Symbol, Ticker | FundingTicker]:
        """
        Return the tickers of pairs and funding currencies, by symbol.

        At most 30 requests a minute, together with `get_t_tickers` and `get_f_tickers`.

        Parameters
        ----------
        symbols : list of str
            Symbols of either kind, or ``"ALL"``. One that the exchange does not know is
            missing in the answer.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-tickers
        """
        rows = self._ticker_rows(check_symbols("symbols", symbols))
        return {symbol: self._one(_reader(symbol), row) for symbol, row in rows}

    def get_t_tickers(self, symbols: Sequence[Symbol]) -> dict[Symbol, Ticker]:
        """
        Return the tickers of pairs, by symbol; as `get_tickers`.

        Parameters
        ----------
        symbols : list of str
            Symbols of pairs, or ``"ALL"`` for all pairs.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-tickers
        """
        rows = self._ticker_rows(check_symbols("symbols", symbols, check_pair))
        return {
            symbol: self._one(Ticker.from_row, row)
            for symbol, row in rows
            if symbol.startswith("t")
        }

    def get_f_tickers(self, symbols: Sequence[Symbol]) -> dict[Symbol, FundingTicker]:
        """
        Return the tickers of funding currencies, by symbol; as `get_tickers`.

        Parameters
        ----------
        symbols : list of str
            Symbols of funding currencies, or ``"ALL"`` for all of them.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-tickers
        """
        rows = self._ticker_rows(check_symbols("symbols", symbols, check_funding))
        return {
            symbol: self._one(FundingTicker.from_row, row)
            for symbol, row in rows
            if symbol.startswith("f")
        }

    def get_tickers_history(
        self,
        symbols: Sequence[Symbol],
        *,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
        sort: int | None = None,
    ) -> list[TickersHistory]:
        """
        Return best bids and asks of pairs, a sample every hour, for one year back.

        The exchange names no limit of requests; 10 a minute are sent.

        Parameters
        ----------
        symbols : list of str
            Symbols of pairs, or ``"ALL"``; there is no such history of funding currencies.
        start, end : int or datetime, optional
            First and last time, both included: milliseconds, or with a time zone.
        limit : int, optional
            Rows, at most 250; 100 without it.
        sort : int, optional
            1: oldest first; -1: newest first, as without it.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-tickers-history
        """
        joined = check_symbols("symbols", symbols, check_pair)
        page = page_params(
            start=start, end=end, limit=limit, sort=sort, maximum=MOST_TICKERS_HISTORY
        )
        rows = self._get("tickers/hist", _HISTORY, {"symbols": joined, **page})
        return self._many(TickersHistory.from_row, rows)

    def _ticker_rows(self, symbols: str) -> list[tuple[Symbol, list[Any]]]:
        """Return each row without the symbol that leads it, and that symbol."""
        rows = check_rows(self._get("tickers", _TICKERS, {"symbols": symbols}))
        for row in rows:
            if not isinstance(row, list) or not row or not isinstance(row[0], str):
                raise RemoteError(
                    "expected a ticker that begins with its symbol", raw=row
                )
        return [(row[0], row[1:]) for row in rows]


def _reader(symbol: Symbol) -> Callable[[Any, NumberType], Ticker | FundingTicker]:
    if symbol.startswith("t"):
        return Ticker.from_row
    if symbol.startswith("f"):
        return FundingTicker.from_row
    raise RemoteError(f"neither a pair nor a funding currency: {symbol!r}", raw=symbol)
