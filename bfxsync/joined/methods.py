"""The methods of `Client` that join histories with the stream; importable without REST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, overload

from bfxsync._base.aliases import Mts, Symbol
from bfxsync._base.forks import lazily
from bfxsync.joined.registry import Histories

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from typing_extensions import Protocol

    from bfxsync.checks.times import Time
    from bfxsync.joined.history import JoinedHistory
    from bfxsync.models.market import FundingTrade, Trade
    from bfxsync.models.status import Candle
    from bfxsync.ws.shorthands import AnyFundingSymbol

    class HasHistories(Protocol):
        """A client, as far as these methods use it."""

        _histories: Histories


def candles(
    self: HasHistories,
    symbol: Symbol,
    timeframe: str = "1m",
    *,
    since: Mts | datetime | timedelta | str,
    until: Time = None,
    callback: Callable[[Candle], object] | None = None,
    on_close: Callable[[Candle], object] | None = None,
    on_event: Callable[[Any], object] | None = None,
    closed: bool = False,
    fill: bool = False,
    grace_s: float = 2.0,
    limit: int | None = None,
    mailbox_size: int | None = None,
    timeout: float | None = None,
) -> JoinedHistory[Candle]:
    """
    Return the candles from a time in the past on: pages of REST, then live.

    No candle is missing and none comes twice, also after reconnects: what was missed is read from
    REST. Candles come in order: each one of the past once, the current one at each change.

    Parameters
    ----------
    symbol : str
        A pair, or a funding currency with its period ``fUSD:p30``, or with an aggregation of
        periods ``fUSD:a30:p2:p30``.
    timeframe : str
        One of the exchange, or another that is made from the longest one that divides it: minutes
        and hours that divide a day (``2m``, ``45m``, ``4h``), up to 31 days that are no weeks
        (``3D``), months that divide a year (``3M``). These start at multiples of their length
        since 1970 (UTC), months in January; weeks are those of the exchange.
    since : int, datetime or timedelta
        First start of an interval, inclusive: Unix milliseconds, an aware datetime, or a time
        before now.
    until : int or datetime, optional
        Last start of an interval, inclusive; it may be in the future. By default it never ends.
    callback : callable, optional
        Called with each state of each candle, on a dispatch thread. Without callbacks the history
        is iterated over.
    on_close : callable, optional
        Called with each candle once it is closed: as a later one comes, or `grace_s` after its end
        by the exchange's clock.
    on_event : callable, optional
        Called, in order with the data, with `CandleCorrected` (a closed candle has changed), `Gap`
        (updates were lost and are read again), `Status` (``LIVE``: from here on it is live),
        `Degraded`. Without it they are logged.
    closed : bool
        Iterate over closed candles only, each once.
    fill : bool
        Add a candle for each interval without trades, for which the exchange has none: all four
        prices are the last close, the volume is 0. It comes with the next candle, or `grace_s`
        after its end. Those before the first trade ever are not added.
    grace_s : float
        See `on_close`.
    limit : int, optional
        Rows per request; by default the exchange's maximum.
    mailbox_size : int, optional
        Live updates that are kept while pages are read, by default as for subscriptions; more are
        dropped and read from REST.
    timeout : float, optional
        As for `subscribe`, which this does at once with a callback, otherwise on first use.

    Raises
    ------
    UsageError
        Invalid argument.
    BfxError
        With a callback: those of `subscribe`.
    """
    return lazily(_openers)[0](  # type: ignore[no-any-return]
        self,
        symbol,
        timeframe,
        since=since,
        until=until,
        callback=callback,
        on_close=on_close,
        on_event=on_event,
        closed=closed,
        fill=fill,
        grace_s=grace_s,
        limit=limit,
        mailbox_size=mailbox_size,
        timeout=timeout,
    )


@overload
def trades(  # type: ignore[overload-overlap]  # pyright: ignore
    self: HasHistories,
    symbol: AnyFundingSymbol,
    *,
    since: Mts | datetime | timedelta | str,
    until: Time = None,
    callback: Callable[[FundingTrade], object] | None = None,
    on_event: Callable[[Any], object] | None = None,
    grace_s: float = 0.25,
    limit: int | None = None,
    mailbox_size: int | None = None,
    timeout: float | None = None,
) -> JoinedHistory[FundingTrade]: ...


@overload
def trades(
    self: HasHistories,
    symbol: Symbol,
    *,
    since: Mts | datetime | timedelta | str,
    until: Time = None,
    callback: Callable[[Trade], object] | None = None,
    on_event: Callable[[Any], object] | None = None,
    grace_s: float = 0.25,
    limit: int | None = None,
    mailbox_size: int | None = None,
    timeout: float | None = None,
) -> JoinedHistory[Trade]: ...


def trades(
    self: HasHistories,
    symbol: Symbol,
    *,
    since: Mts | datetime | timedelta | str,
    until: Time = None,
    callback: Callable[..., object] | None = None,
    on_event: Callable[[Any], object] | None = None,
    grace_s: float = 0.25,
    limit: int | None = None,
    mailbox_size: int | None = None,
    timeout: float | None = None,
) -> JoinedHistory[Any]:
    """
    Return the trades from a time in the past on: pages of REST, then live.

    No trade is missing and none comes twice, also after reconnects: what was missed is read from
    REST. Trades come in the order of time and id.

    Parameters
    ----------
    symbol : str
        A pair or a funding currency.
    since : int, datetime or timedelta
        First time, inclusive: Unix milliseconds, an aware datetime, or a time before now.
    until : int or datetime, optional
        Last time, inclusive; it may be in the future. By default it never ends.
    callback : callable, optional
        Called with each trade, on a dispatch thread. Without it the history is iterated over.
    on_event : callable, optional
        Called, in order with the data, with `Gap` (updates were lost and are read again), `Status`
        (``LIVE``: from here on it is live), `LateTrade`, `Degraded`. Without it they are logged.
    grace_s : float
        Time for which a live trade is held back, as the exchange may send trades out of order; 0
        for none. One that comes even later is not delivered, but is a `LateTrade`.
    limit, mailbox_size, timeout
        As for `candles`.

    Raises
    ------
    UsageError
        Invalid argument.
    BfxError
        With a callback: those of `subscribe`.
    """
    return lazily(_openers)[1](  # type: ignore[no-any-return]
        self,
        symbol,
        since=since,
        until=until,
        callback=callback,
        on_event=on_event,
        grace_s=grace_s,
        limit=limit,
        mailbox_size=mailbox_size,
        timeout=timeout,
    )


def _openers() -> Any:
    from bfxsync.joined.opening import open_candles, open_trades

    return open_candles, open_trades
