"""Status of the platform and of derivatives; liquidations."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import Sequence

from bfxsync._base.aliases import Symbol
from bfxsync.checks.symbols import check_pair, check_symbols
from bfxsync.checks.times import Time, page_params
from bfxsync.errors import RemoteError
from bfxsync.models.model_list import ModelDict, ModelList
from bfxsync.models.public import PlatformStatus
from bfxsync.models.status import DerivativesStatus, Liquidation, OpenInterest
from bfxsync.rest.history.history import History
from bfxsync.rest.history.history_rows import HistoryRows
from bfxsync.rest.history.options import SortedHistoryOptions, Unpack, iterator
from bfxsync.rest.public.base import Budget, Endpoints, check_rows

MOST_DERIVATIVES_STATUS = 5_000
MOST_LIQUIDATIONS = 500

_PLATFORM = Budget("platform", 30)
_DERIVATIVES = Budget("status", 90)
_DERIVATIVES_HISTORY = Budget("status/hist", 90)
_LIQUIDATIONS = Budget("liquidations", 3)


# A position may be listed twice: when the exchange takes it over, and when it sells it.
_position = attrgetter("pos_id", "is_match", "is_market_sold", "amount", "base_price")

_STATUS_ROWS = History(DerivativesStatus, MOST_DERIVATIVES_STATUS)
_OPEN_INTEREST_ROWS = History(OpenInterest, MOST_DERIVATIVES_STATUS)
_LIQUIDATION_ROWS = History(Liquidation, MOST_LIQUIDATIONS, identity_of=_position)


class StatusEndpoints(Endpoints):
    """Status of the platform and of derivatives; liquidations."""

    def get_platform_status(self) -> PlatformStatus:
        """
        Return the status of the platform: operative, or in maintenance.

        ``GET platform/status``, 30 requests per minute.
        https://docs.bitfinex.com/reference/rest-public-platform-status
        """
        row = self._get("platform/status", _PLATFORM)
        return self._one(PlatformStatus.from_row, row)

    def get_derivatives_status(
        self, keys: Sequence[Symbol]
    ) -> ModelDict[Symbol, DerivativesStatus]:
        """
        Return the status of derivatives, by symbol.

        ``GET status/deriv``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-public-derivatives-status

        Parameters
        ----------
        keys : list of str
            Symbols such as ``tBTCF0:USTF0``, or ``"ALL"``. Symbols that the exchange does not
            know are missing in the response.
        """
        params = {"keys": check_symbols("keys", keys, check_pair)}
        rows = self._get("status/deriv", _DERIVATIVES, params)
        found = self._many(DerivativesStatus.from_rest_row, rows)
        by_symbol = ((status.symbol, status) for status in found)
        return ModelDict(by_symbol, DerivativesStatus, self._numbers)

    def get_derivatives_status_history(
        self,
        key: Symbol,
        *,
        sort: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[DerivativesStatus]:
        """
        Return past statuses of a derivative.

        ``GET status/deriv/{key}/hist``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-public-derivatives-status-history

        Parameters
        ----------
        key : str
            Symbol, such as ``tBTCF0:USTF0``.
        sort : int, optional
            1: oldest first; -1: newest first.
        start, end : int or datetime, optional
            First and last time, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Number of rows, at most 5,000.
        """
        symbol = check_pair(key)
        page = page_params(start, end, limit, sort, maximum=MOST_DERIVATIVES_STATUS)
        path = f"status/deriv/{symbol}/hist"
        rows = self._get(path, _DERIVATIVES_HISTORY, page)
        return self._many(self._reader(DerivativesStatus, symbol), rows)

    @iterator
    def iter_derivatives_status(
        self, key: Symbol, **options: Unpack[SortedHistoryOptions[DerivativesStatus]]
    ) -> HistoryRows[DerivativesStatus]:
        """Iterate over past statuses of a derivative."""
        key = check_pair(key)
        get = partial(self.get_derivatives_status_history, key)
        return self._history(_STATUS_ROWS, get, f"status {key}", options)

    def get_open_interest(self, symbol: Symbol) -> OpenInterest:
        """
        Return the current open interest of a derivative, such as ``tBTCF0:USTF0``.

        ``GET status/deriv``, 90 requests per minute, shared with `get_derivatives_status`, which
        returns all fields, also of several derivatives. Raises `RemoteError` for a symbol that the
        exchange does not know. For margin positions see the statistic ``pos.size`` of
        `get_stats_hist`.
        https://docs.bitfinex.com/reference/rest-public-derivatives-status
        """
        key = check_pair(symbol)
        status = self.get_derivatives_status([key]).get(key)
        if status is None:
            raise RemoteError(f"{key}: the exchange sent no status of it", raw=[])
        return OpenInterest(status.mts, status.open_interest, symbol=key)

    def get_open_interest_history(
        self,
        symbol: Symbol,
        *,
        sort: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[OpenInterest]:
        """
        Return past open interests of a derivative.

        ``GET status/deriv/{symbol}/hist``, 90 requests per minute, shared with
        `get_derivatives_status_history`, which documents the other parameters.
        https://docs.bitfinex.com/reference/rest-public-derivatives-status-history
        """
        key = check_pair(symbol)
        page = page_params(start, end, limit, sort, maximum=MOST_DERIVATIVES_STATUS)
        rows = self._get(f"status/deriv/{key}/hist", _DERIVATIVES_HISTORY, page)
        return self._many(self._reader(OpenInterest, key), rows)

    @iterator
    def iter_open_interest(
        self, symbol: Symbol, **options: Unpack[SortedHistoryOptions[OpenInterest]]
    ) -> HistoryRows[OpenInterest]:
        """Iterate over past open interests of a derivative."""
        symbol = check_pair(symbol)
        get = partial(self.get_open_interest_history, symbol)
        return self._history(_OPEN_INTEREST_ROWS, get, f"interest {symbol}", options)

    def get_liquidations(
        self,
        *,
        sort: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[Liquidation]:
        """
        Return liquidations of positions of all symbols.

        ``GET liquidations/hist``, 3 requests per minute.
        https://docs.bitfinex.com/reference/rest-public-liquidations

        Parameters
        ----------
        sort : int, optional
            1: oldest first; -1: newest first.
        start, end : int or datetime, optional
            First and last time, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Number of rows, at most 500.
        """
        page = page_params(start, end, limit, sort, maximum=MOST_LIQUIDATIONS)
        items = check_rows(self._get("liquidations/hist", _LIQUIDATIONS, page))
        # Each row is in a list of its own, as on WebSocket, where a list may hold several. An
        # item that is not a list is reported with the rows.
        rows = [
            row
            for item in items
            for row in (item if isinstance(item, list) else [item])
        ]
        return self._many(Liquidation.from_row, rows)

    @iterator
    def iter_liquidations(
        self, **options: Unpack[SortedHistoryOptions[Liquidation]]
    ) -> HistoryRows[Liquidation]:
        """Iterate over liquidations of positions of all symbols."""
        return self._history(
            _LIQUIDATION_ROWS, self.get_liquidations, "liquidations", options
        )
