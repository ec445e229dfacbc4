"""
The methods of `WebSocketClient` that subscribe to one channel each, with the types of their data.

Strategy: the type of the data follows from the symbol if that is a literal or a `FundingSymbol`,
else from the callback; otherwise the symbol counts as a trading pair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Union, overload

from bfxsync._base.aliases import FundingSymbol
from bfxsync.checks.candles import check_candle_symbol, check_timeframe
from bfxsync.checks.symbols import check_pair
from bfxsync.models.market import (
    BookUpdate,
    FundingBookUpdate,
    FundingRawBookUpdate,
    FundingTicker,
    FundingTrade,
    RawBookUpdate,
    Ticker,
    Trade,
)
from bfxsync.models.status import Candle, DerivativesStatus, Liquidation
from bfxsync.ws.stateful_subscriptions import BookSubscription, CandleSubscription
from bfxsync.ws.subscription import Subscription

if TYPE_CHECKING:
    from typing_extensions import Literal, Unpack

    from bfxsync.ws.registry import SubscribeOptions
    from bfxsync.ws.subscribe import HasRegistry

    AnyFundingSymbol = Union[
        FundingSymbol,
        Literal["fUSD", "fUST", "fEUR", "fGBP", "fJPY", "fBTC", "fETH", "fXRP", "fLTC"],
    ]
    Precision = Literal["P0", "P1", "P2", "P3", "P4"]

    class BookOptions(SubscribeOptions, total=False):
        """The options of `subscribe_book` that do not change the type of its data."""

        freq: str
        len: int | str


# The first overloads overlap on purpose: a literal funding currency is a `str` as well.


@overload
def subscribe_ticker(  # type: ignore[overload-overlap]  # pyright: ignore
    self: HasRegistry,
    symbol: AnyFundingSymbol,
    callback: Callable[[FundingTicker], object] | None = None,
    **options: Unpack[SubscribeOptions],
) -> Subscription[FundingTicker]: ...


@overload
def subscribe_ticker(
    self: HasRegistry,
    symbol: str,
    callback: Callable[[Ticker], object] | None = None,
    **options: Unpack[SubscribeOptions],
) -> Subscription[Ticker]: ...


@overload
def subscribe_ticker(
    self: HasRegistry,
    symbol: str,
    callback: Callable[[FundingTicker], object],
    **options: Unpack[SubscribeOptions],
) -> Subscription[FundingTicker]: ...


def subscribe_ticker(
    self: HasRegistry,
    symbol: str,
    callback: Any = None,
    **options: Unpack[SubscribeOptions],
) -> Subscription[Any]:
    """
    Subscribe to the best prices and 24-hour figures of a symbol.

    The callback gets a `Ticker` (a `FundingTicker` for a funding currency) about every
    15 seconds, the first at once. The options are those of `subscribe`.

    https://docs.bitfinex.com/reference/ws-public-ticker
    """
    return self._subscriptions.open(
        self, "ticker", {"symbol": symbol}, callback, **options
    )


@overload
def subscribe_trades(  # type: ignore[overload-overlap]  # pyright: ignore
    self: HasRegistry,
    symbol: AnyFundingSymbol,
    callback: Callable[[FundingTrade], object] | None = None,
    **options: Unpack[SubscribeOptions],
) -> Subscription[FundingTrade]: ...


@overload
def subscribe_trades(
    self: HasRegistry,
    symbol: str,
    callback: Callable[[Trade], object] | None = None,
    **options: Unpack[SubscribeOptions],
) -> Subscription[Trade]: ...


@overload
def subscribe_trades(
    self: HasRegistry,
    symbol: str,
    callback: Callable[[FundingTrade], object],
    **options: Unpack[SubscribeOptions],
) -> Subscription[FundingTrade]: ...


def subscribe_trades(
    self: HasRegistry,
    symbol: str,
    callback: Any = None,
    **options: Unpack[SubscribeOptions],
) -> Subscription[Any]:
    """
    Subscribe to the trades of a symbol.

    The callback gets each `Trade` (`FundingTrade` for a funding currency) once. Trades that were
    missed in a gap are delivered after it, as far as the exchange's snapshot has them. The options
    are those of `subscribe`.

    https://docs.bitfinex.com/reference/ws-public-trades
    """
    return self._subscriptions.open(
        self, "trades", {"symbol": symbol}, callback, **options
    )


@overload
def subscribe_book(  # type: ignore[overload-overlap]  # pyright: ignore
    self: HasRegistry,
    symbol: AnyFundingSymbol,
    callback: Callable[[FundingBookUpdate], object] | None = None,
    *,
    prec: Precision = "P0",
    **options: Unpack[BookOptions],
) -> BookSubscription[FundingBookUpdate]: ...


@overload
def subscribe_book(  # type: ignore[overload-overlap]  # pyright: ignore
    self: HasRegistry,
    symbol: AnyFundingSymbol,
    callback: Callable[[FundingRawBookUpdate], object] | None = None,
    *,
    prec: Literal["R0"],
    **options: Unpack[BookOptions],
) -> BookSubscription[FundingRawBookUpdate]: ...


@overload
def subscribe_book(
    self: HasRegistry,
    symbol: str,
    callback: Callable[[BookUpdate], object] | None = None,
    *,
    prec: Precision = "P0",
    **options: Unpack[BookOptions],
) -> BookSubscription[BookUpdate]: ...


@overload
def subscribe_book(
    self: HasRegistry,
    symbol: str,
    callback: Callable[[RawBookUpdate], object] | None = None,
    *,
    prec: Literal["R0"],
    **options: Unpack[BookOptions],
) -> BookSubscription[RawBookUpdate]: ...


@overload
def subscribe_book(
    self: HasRegistry,
    symbol: str,
    callback: Callable[[FundingBookUpdate], object],
    *,
    prec: Precision = "P0",
    **options: Unpack[BookOptions],
) -> BookSubscription[FundingBookUpdate]: ...


@overload
def subscribe_book(
    self: HasRegistry,
    symbol: str,
    callback: Callable[[Union[BookUpdate, RawBookUpdate]], object] | None = None,
    *,
    prec: str,
    **options: Unpack[BookOptions],
) -> BookSubscription[Union[BookUpdate, RawBookUpdate]]: ...


def subscribe_book(
    self: HasRegistry,
    symbol: str,
    callback: Any = None,
    *,
    prec: str = "P0",
    freq: str = "F0",
    len: int | str = 25,  # noqa: A002 – the exchange's word
    **options: Unpack[SubscribeOptions],
) -> BookSubscription[Any]:
    """
    Subscribe to the order book of a symbol, kept current in `BookSubscription.book`.

    The callback gets a `BookUpdate` for each level that changes (`RawBookUpdate` with ``R0``, and
    the funding kinds for a funding currency). The options are those of `subscribe`.

    Parameters
    ----------
    prec : str
        ``P0`` to ``P4``: prices of 5 to 1 significant digits; ``R0``: single orders.
    freq : str
        ``F0``: in real time; ``F1``: every 2 seconds.
    len : int
        Levels of each side: 1, 25, 100 or 250.

    https://docs.bitfinex.com/reference/ws-public-books
    https://docs.bitfinex.com/reference/ws-public-raw-books
    """
    arguments = {"symbol": symbol, "prec": prec, "freq": freq, "len": len}
    handle = self._subscriptions.open(self, "book", arguments, callback, **options)
    assert isinstance(handle, BookSubscription)
    return handle


def subscribe_candles(
    self: HasRegistry,
    symbol: str,
    timeframe: str,
    callback: Callable[[Candle], object] | None = None,
    **options: Unpack[SubscribeOptions],
) -> CandleSubscription:
    """
    Subscribe to the candles of a symbol; `CandleSubscription.candles` has the latest ones.

    The callback gets the current `Candle` whenever it changes, sometimes the previous one again,
    and none for an interval without trades. The options are those of `subscribe`.

    Parameters
    ----------
    symbol : str
        A pair, or a funding currency with its period ``fUSD:p30``, or with an aggregation of
        periods ``fUSD:a30:p2:p30``.
    timeframe : str
        ``1m``, ``5m``, ``15m``, ``30m``, ``1h``, ``3h``, ``6h``, ``12h``, ``1D``, ``7D`` (or
        ``1W``), ``14D``, ``1M``.

    https://docs.bitfinex.com/reference/ws-public-candles
    """
    timeframe = check_timeframe("timeframe", timeframe)
    key = f"trade:{timeframe}:{check_candle_symbol(symbol)}"
    handle = self._subscriptions.open(
        self, "candles", {"key": key}, callback, **options
    )
    assert isinstance(handle, CandleSubscription)
    return handle


@overload
def subscribe_status(  # type: ignore[overload-overlap]  # pyright: ignore
    self: HasRegistry,
    key: Literal["liq:global"],
    callback: Callable[[Liquidation], object] | None = None,
    **options: Unpack[SubscribeOptions],
) -> Subscription[Liquidation]: ...


@overload
def subscribe_status(
    self: HasRegistry,
    key: str,
    callback: Callable[[DerivativesStatus], object] | None = None,
    **options: Unpack[SubscribeOptions],
) -> Subscription[DerivativesStatus]: ...


def subscribe_status(
    self: HasRegistry,
    key: str,
    callback: Any = None,
    **options: Unpack[SubscribeOptions],
) -> Subscription[Any]:
    """
    Subscribe to the status of a derivative, or to all liquidations.

    The callback gets a `DerivativesStatus` about once a second, whether it has changed or not, or
    a `Liquidation`. The exchange does not answer for an unknown derivative: the call ends with
    its timeout. The options are those of `subscribe`.

    Parameters
    ----------
    key : str
        ``deriv:tBTCF0:USTF0`` or ``liq:global``.

    https://docs.bitfinex.com/reference/ws-public-status
    """
    return self._subscriptions.open(self, "status", {"key": key}, callback, **options)


def subscribe_derivatives_status(
    self: HasRegistry,
    symbol: str,
    callback: Callable[[DerivativesStatus], object] | None = None,
    **options: Unpack[SubscribeOptions],
) -> Subscription[DerivativesStatus]:
    """
    Subscribe to the mark price, funding and open interest of a derivative: ``tBTCF0:USTF0``.

    Same as `subscribe_status` with the key ``deriv:{symbol}``: the callback gets a
    `DerivativesStatus` about once a second.

    https://docs.bitfinex.com/reference/ws-public-status
    """
    key = f"deriv:{check_pair(symbol)}"
    return self._subscriptions.open(self, "status", {"key": key}, callback, **options)


def subscribe_liquidations(
    self: HasRegistry,
    callback: Callable[[Liquidation], object] | None = None,
    **options: Unpack[SubscribeOptions],
) -> Subscription[Liquidation]:
    """
    Subscribe to the liquidations of positions of all symbols.

    Same as `subscribe_status` with the key ``liq:global``: the callback gets each `Liquidation`,
    whose `symbol` is that of the position.

    https://docs.bitfinex.com/reference/ws-public-status
    """
    return self._subscriptions.open(
        self, "status", {"key": "liq:global"}, callback, **options
    )
