"""Current order books."""

from __future__ import annotations

from typing import Any

from bfxsync._base.aliases import Symbol
from bfxsync.checks.books import check_length, check_precision
from bfxsync.checks.symbols import check_funding, check_pair
from bfxsync.models.market import (
    BookUpdate,
    FundingBookUpdate,
    FundingRawBookUpdate,
    RawBookUpdate,
)
from bfxsync.models.model_list import ModelList
from bfxsync.rest.public.base import Budget, Endpoints

_BOOK = Budget("book", 240)

_RAW = "R0"


class BookEndpoints(Endpoints):
    """
    Order books: both sides in one list, distinguished by the sign of the amount.

    ``wss.subscribe_book`` keeps a book current.
    """

    def get_t_book(
        self, pair: Symbol, precision: str = "P0", *, len: int | None = None
    ) -> ModelList[BookUpdate]:
        """
        Return the price levels of a pair's book; bids have positive amounts.

        ``GET book/{pair}/{precision}``, 240 requests per minute, shared by all books.
        https://docs.bitfinex.com/reference/rest-public-book

        Parameters
        ----------
        pair : str
            Its symbol, such as ``tBTCUSD``.
        precision : str
            Aggregation of prices: ``P0`` (finest) to ``P4``.
        len : int, optional
            Levels per side: 1, 25 (the default) or 100.
        """
        symbol = check_pair(pair)
        rows = self._book(symbol, check_precision(precision, "get_t_raw_book"), len)
        return self._many(self._reader(BookUpdate, symbol), rows)

    def get_f_book(
        self, currency: Symbol, precision: str = "P0", *, len: int | None = None
    ) -> ModelList[FundingBookUpdate]:
        """
        Return the levels of a funding book; bids have negative amounts.

        ``GET book/{currency}/{precision}``, 240 requests per minute, shared by all books.
        https://docs.bitfinex.com/reference/rest-public-book

        Arguments as for `get_t_book`, with the symbol of a funding currency, such as ``fUSD``.
        """
        symbol = check_funding(currency)
        rows = self._book(symbol, check_precision(precision, "get_f_raw_book"), len)
        return self._many(self._reader(FundingBookUpdate, symbol), rows)

    def get_t_raw_book(
        self, pair: Symbol, *, len: int | None = None
    ) -> ModelList[RawBookUpdate]:
        """
        Return the individual orders of a pair's book; bids have positive amounts.

        ``GET book/{pair}/R0``, 240 requests per minute, shared by all books.
        https://docs.bitfinex.com/reference/rest-public-book

        Arguments as for `get_t_book`.
        """
        symbol = check_pair(pair)
        rows = self._book(symbol, _RAW, len)
        return self._many(self._reader(RawBookUpdate, symbol), rows)

    def get_f_raw_book(
        self, currency: Symbol, *, len: int | None = None
    ) -> ModelList[FundingRawBookUpdate]:
        """
        Return the individual offers of a funding book; bids have negative amounts.

        ``GET book/{currency}/R0``, 240 requests per minute, shared by all books.
        https://docs.bitfinex.com/reference/rest-public-book

        Arguments as for `get_f_book`.
        """
        symbol = check_funding(currency)
        rows = self._book(symbol, _RAW, len)
        return self._many(self._reader(FundingRawBookUpdate, symbol), rows)

    def _book(self, symbol: Symbol, precision: str, length: object) -> Any:
        params = {"len": None if length is None else check_length(length)}
        return self._get(f"book/{symbol}/{precision}", _BOOK, params)
