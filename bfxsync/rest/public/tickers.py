"""Tickers of one symbol or many, and their history."""

from __future__ import annotations

import reprlib
from functools import partial
from operator import attrgetter
from typing import Any, Callable, Mapping, Sequence, TypeVar

from bfxsync._base.aliases import NumberType, Symbol
from bfxsync.checks.symbols import check_funding, check_pair, check_symbols
from bfxsync.checks.times import Time, page_params
from bfxsync.errors import RemoteError
from bfxsync.models.market import FundingTicker, Ticker
from bfxsync.models.model_list import ModelDict, ModelList
from bfxsync.models.public import TickersHistory
from bfxsync.models.rows import read_rows
from bfxsync.rest.history.history import History
from bfxsync.rest.history.history_rows import HistoryRows
from bfxsync.rest.history.options import SortedHistoryOptions, Unpack, iterator
from bfxsync.rest.public.base import Budget, Endpoints, check_rows

M = TypeVar("M")

MOST_TICKERS_HISTORY = 250

_TICKER = Budget("ticker", 90)
_TICKERS = Budget("tickers", 30)
_TICKERS_HISTORY = Budget("tickers/hist")
_HISTORY = History(
    TickersHistory,
    MOST_TICKERS_HISTORY,
    identity_of=attrgetter("symbol"),
    from_both_ends=True,
)


class TickerEndpoints(Endpoints):
    """Tickers: best bid and ask, and the last 24 hours."""

    def get_t_ticker(self, symbol: Symbol) -> Ticker:
        """
        Return the ticker of a pair.

        ``GET ticker/{symbol}``, 90 requests per minute, shared with `get_f_ticker`.
        https://docs.bitfinex.com/reference/rest-public-ticker
        """
        pair = check_pair(symbol)
        row = self._get(f"ticker/{pair}", _TICKER)
        return self._one(self._reader(Ticker, pair), row)

    def get_f_ticker(self, symbol: Symbol) -> FundingTicker:
        """
        Return the ticker of a funding currency.

        ``GET ticker/{symbol}``, 90 requests per minute, shared with `get_t_ticker`.
        https://docs.bitfinex.com/reference/rest-public-ticker
        """
        currency = check_funding(symbol)
        row = self._get(f"ticker/{currency}", _TICKER)
        return self._one(self._reader(FundingTicker, currency), row)

    def get_tickers(
        self, symbols: Sequence[Symbol]
    ) -> dict[Symbol, Ticker | FundingTicker]:
        """
        Return the tickers of pairs and funding currencies, by symbol.

        ``GET tickers``, 30 requests per minute, shared with `get_t_tickers` and `get_f_tickers`.
        https://docs.bitfinex.com/reference/rest-public-tickers

        Parameters
        ----------
        symbols : list of str
            Symbols of either kind, or ``"ALL"``. Symbols that the exchange does not know are
            missing in the response.
        """
        return dict(self._tickers(_TICKER_OF, check_symbols("symbols", symbols)))

    def get_t_tickers(self, symbols: Sequence[Symbol]) -> ModelDict[Symbol, Ticker]:
        """
        Return the tickers of pairs, by symbol.

        ``GET tickers``, 30 requests per minute, shared with `get_tickers`.
        https://docs.bitfinex.com/reference/rest-public-tickers

        Parameters
        ----------
        symbols : list of str
            Symbols of pairs, or ``"ALL"`` for all pairs.
        """
        joined = check_symbols("symbols", symbols, check_pair)
        found = self._tickers({"t": Ticker.from_row}, joined)
        return ModelDict(found, Ticker, self._numbers)

    def get_f_tickers(
        self, symbols: Sequence[Symbol]
    ) -> ModelDict[Symbol, FundingTicker]:
        """
        Return the tickers of funding currencies, by symbol.

        ``GET tickers``, 30 requests per minute, shared with `get_tickers`.
        https://docs.bitfinex.com/reference/rest-public-tickers

        Parameters
        ----------
        symbols : list of str
            Symbols of funding currencies, or ``"ALL"`` for all funding currencies.
        """
        joined = check_symbols("symbols", symbols, check_funding)
        found = self._tickers({"f": FundingTicker.from_row}, joined)
        return ModelDict(found, FundingTicker, self._numbers)

    def get_tickers_history(
        self,
        symbols: Sequence[Symbol],
        *,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
        sort: int | None = None,
    ) -> ModelList[TickersHistory]:
        """
        Return hourly samples of the best bid and ask of pairs, up to one year back.

        ``GET tickers/hist``, 10 requests per minute (undocumented).
        https://docs.bitfinex.com/reference/rest-public-tickers-history

        Parameters
        ----------
        symbols : list of str
            Symbols of pairs, or ``"ALL"``; funding currencies have no such history.
        start, end : int or datetime, optional
            First and last time, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Number of rows, at most 250; default 100.
        sort : int, optional
            1: oldest first; -1: newest first, the default.
        """
        joined = check_symbols("symbols", symbols, check_pair)
        page = page_params(start, end, limit, sort, maximum=MOST_TICKERS_HISTORY)
        rows = self._get("tickers/hist", _TICKERS_HISTORY, {"symbols": joined, **page})
        return self._many(TickersHistory.from_row, rows)

    @iterator
    def iter_tickers_history(
        self,
        symbols: Sequence[Symbol],
        **options: Unpack[SortedHistoryOptions[TickersHistory]],
    ) -> HistoryRows[TickersHistory]:
        """
        Iterate over hourly bids and asks of pairs, by time and symbol, up to one year back.

        The exchange returns at most 250 rows per request. With many more pairs than that
        (``"ALL"``), one time may have more rows than can be read, which raises `RemoteError`:
        iterate over some of the pairs, then over the others.
        """
        joined = check_symbols("symbols", symbols, check_pair)
        get = partial(self.get_tickers_history, joined.split(","))
        return self._history(_HISTORY, get, f"tickers {joined}", options)

    def _tickers(
        self,
        readers: Mapping[str, Callable[[Any, NumberType, Symbol], M]],
        symbols: str,
    ) -> list[tuple[Symbol, M]]:
        """Return symbol and ticker of each row whose kind (pair or currency) has a reader."""

        def read(row: Any, number: NumberType) -> tuple[Symbol, M]:
            kind = _kind(row)
            if kind not in readers:
                raise RemoteError(
                    "expected a ticker that begins with the symbol of a pair or a funding "
                    f"currency, got {reprlib.repr(row)}",
                    raw=row,
                )
            return row[0], readers[kind](row[1:], number, row[0])

        rows = check_rows(self._get("tickers", _TICKERS, {"symbols": symbols}))
        others = set(_TICKER_OF) - set(readers)
        rows = [row for row in rows if _kind(row) not in others]
        return self._rows(partial(read_rows, read, rows, self._numbers))


def _kind(row: Any) -> str:
    """Return the first letter of a ticker's symbol."""
    is_ticker = isinstance(row, list) and row and isinstance(row[0], str)
    return row[0][:1] if is_ticker else ""


_TICKER_OF: dict[str, Callable[[Any, NumberType, Symbol], Ticker | FundingTicker]] = {
    "t": Ticker.from_row,
    "f": FundingTicker.from_row,
}
