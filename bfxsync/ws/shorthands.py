"""One method for each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bfxsync.wire.channels import check_candle_symbol, check_timeframe
from bfxsync.ws.subscribe import Callback, Subscribing
from bfxsync.ws.subscription import BookSubscription, Subscription

if TYPE_CHECKING:
    from typing_extensions import TypedDict, Unpack

    class SubscribeOptions(TypedDict, total=False):
        """What every channel takes, see `Subscribing.subscribe`."""

        sub_id: str | None
        on_event: Callback
        wait: bool
        timeout: float | None
        policy: str
        mailbox_size: int | None


class Shorthands(Subscribing):
    """The part of a client that knows each channel's arguments."""

    def subscribe_ticker(
        self,
        symbol: str,
        callback: Callback = None,
        **options: Unpack[SubscribeOptions],
    ) -> Subscription:
        """
        Subscribe to the best prices and 24-hour figures of a symbol.

        The callback gets a `Ticker` (a `FundingTicker` for a funding currency), about every
        15 seconds; the first at once. The options are those of `subscribe`.

        References
        ----------
        https://docs.bitfinex.com/reference/ws-public-ticker
        """
        return self.subscribe(
            "ticker",
            symbol=symbol,
            callback=callback,
            **options,
        )

    def subscribe_trades(
        self,
        symbol: str,
        callback: Callback = None,
        **options: Unpack[SubscribeOptions],
    ) -> Subscription:
        """
        Subscribe to the trades of a symbol.

        The callback gets each `Trade` (a `FundingTrade` for a funding currency) once, also
        those missed in a gap as far as the exchange's snapshot goes back. The options are those of
        `subscribe`.

        References
        ----------
        https://docs.bitfinex.com/reference/ws-public-trades
        """
        return self.subscribe(
            "trades",
            symbol=symbol,
            callback=callback,
            **options,
        )

    def subscribe_book(
        self,
        symbol: str,
        callback: Callback = None,
        *,
        prec: str = "P0",
        freq: str = "F0",
        len: int | str = 25,  # noqa: A002 – the exchange's word
        **options: Unpack[SubscribeOptions],
    ) -> BookSubscription:
        """
        Subscribe to the order book of a symbol, and keep it in `BookSubscription.book`.

        The callback gets a `BookUpdate` for each level that changes (`RawBookUpdate` with
        ``R0``, and the funding kinds for a funding currency).

        Parameters
        ----------
        symbol : str
        callback : callable, optional
        prec : str
            ``P0`` to ``P4``: prices of 5 to 1 significant digits; ``R0``: single orders.
        freq : str
            ``F0``: as it happens; ``F1``: every 2 seconds.
        len : int
            Levels of each side: 1, 25, 100 or 250.
        **options
            ``on_event``, ``wait``, ``timeout``, ``policy``, ``mailbox_size``: see `subscribe`.

        References
        ----------
        https://docs.bitfinex.com/reference/ws-public-books
        https://docs.bitfinex.com/reference/ws-public-raw-books
        """
        subscription = self.subscribe(
            "book",
            symbol=symbol,
            prec=prec,
            freq=freq,
            len=len,
            callback=callback,
            **options,
        )
        assert isinstance(subscription, BookSubscription)
        return subscription

    def subscribe_candles(
        self,
        symbol: str,
        timeframe: str,
        callback: Callback = None,
        **options: Unpack[SubscribeOptions],
    ) -> Subscription:
        """
        Subscribe to the candles of a symbol.

        The callback gets a `Candle` whenever the current one changes, sometimes the one before
        once more, and none for an empty interval. The options are those of
        `subscribe`.

        Parameters
        ----------
        symbol : str
            A pair, or a funding currency with its period ``fUSD:p30``, or with an aggregation of
            periods ``fUSD:a30:p2:p30``.
        timeframe : str
            ``1m``, ``5m``, ``15m``, ``30m``, ``1h``, ``3h``, ``6h``, ``12h``, ``1D``, ``7D`` (or
            ``1W``), ``14D``, ``1M``.
        callback : callable, optional
        **options
            ``on_event``, ``wait``, ``timeout``, ``policy``, ``mailbox_size``: see `subscribe`.

        References
        ----------
        https://docs.bitfinex.com/reference/ws-public-candles
        """
        key = f"trade:{check_timeframe(timeframe)}:{check_candle_symbol(symbol)}"
        return self.subscribe(
            "candles",
            key=key,
            callback=callback,
            **options,
        )

    def subscribe_status(
        self,
        key: str,
        callback: Callback = None,
        **options: Unpack[SubscribeOptions],
    ) -> Subscription:
        """
        Subscribe to the state of a derivative, or to all liquidations.

        The callback gets a `DerivativesStatus` about once a second (the exchange repeats
        itself), or a `Liquidation`. An unknown derivative gets no answer from the exchange at
        all, so that the call ends with its timeout. The options are those of
        `subscribe`.

        Parameters
        ----------
        key : str
            ``deriv:tBTCF0:USTF0`` or ``liq:global``.
        callback : callable, optional
        **options
            ``on_event``, ``wait``, ``timeout``, ``policy``, ``mailbox_size``: see `subscribe`.

        References
        ----------
        https://docs.bitfinex.com/reference/ws-public-status
        """
        return self.subscribe(
            "status",
            key=key,
            callback=callback,
            **options,
        )
