"""Candles of pairs and of funding."""

from __future__ import annotations

from bfxsync.checks.arguments import Time, page_params
from bfxsync.models.status import Candle
from bfxsync.rest.public.base import Budget, Endpoints
from bfxsync.rest.public.resources import candle_key
from bfxsync.types import Symbol

MOST_CANDLES = 10_000

_CANDLES = Budget("candles", 30)


class CandleEndpoints(Endpoints):
    """The trades of an interval: open, close, high, low, volume."""

    def get_candles_hist(
        self,
        symbol: Symbol,
        tf: str = "1m",
        *,
        sort: int | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> list[Candle]:
        """
        Return candles; there is none for an interval without trades.

        At most 30 requests a minute, together with `get_candles_last`.

        Parameters
        ----------
        symbol : str
            That of a pair. A funding currency stands with its period in days, ``fUSD:p30``, or
            with a range of periods, ``fUSD:a30:p2:p30``.
        tf : str
            Length of the interval: ``1m``, ``5m``, ``15m``, ``30m``, ``1h``, ``3h``, ``6h``,
            ``12h``, ``1D``, ``7D`` (also as ``1W``), ``14D`` or ``1M``.
        sort : int, optional
            1: oldest first; -1: newest first, as without it.
        start, end : int or datetime, optional
            First and last begin of an interval, both included: milliseconds, or with a time
            zone.
        limit : int, optional
            Rows, at most 10,000; 100 without it.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-candles
        """
        path = f"candles/{candle_key(symbol, tf)}/hist"
        page = page_params(
            start=start, end=end, limit=limit, sort=sort, maximum=MOST_CANDLES
        )
        return self._many(Candle.from_row, self._get(path, _CANDLES, page))

    def get_candles_last(self, symbol: Symbol, tf: str = "1m") -> Candle:
        """
        Return the candle of the interval that is under way, or of the last one with trades.

        At most 30 requests a minute, together with `get_candles_hist`, which says what the
        parameters may be.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-public-candles
        """
        path = f"candles/{candle_key(symbol, tf)}/last"
        return self._one(Candle.from_row, self._get(path, _CANDLES))

    # The official client has the same request under both names.
    get_seed_candles = get_candles_hist
