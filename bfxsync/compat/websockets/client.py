"""
`WssClient`, with the methods and messages of the class of ohenrik/bitfinex.

Strategy: a thin layer above `bfxsync.Client`, which has the connections, the thread of callbacks
and all waiting. What is remembered here is the list of subscriptions, so that a client can be
stopped and started again: each time with another `bfxsync.Client`, as a closed one stays closed.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from threading import Thread, current_thread
from typing import Any, Dict, List, Mapping, Sequence

from bfxsync import BfxError, Client, ConnectionStatus, SubscriptionRejected, UsageError
from bfxsync._base.describe import also_half_made
from bfxsync._base.hidden import hide
from bfxsync._base.logs import get_logger
from bfxsync._base.shield import start_thread
from bfxsync.checks.books import PRECISIONS, check_book_argument
from bfxsync.checks.callbacks import check_callback
from bfxsync.checks.candles import candle_key
from bfxsync.checks.numbers import check_positive
from bfxsync.checks.symbols import check_symbol
from bfxsync.compat.utils import create_cid, get_nonce, order_symbol
from bfxsync.compat.websockets.channel import Channel, Handler
from bfxsync.compat.websockets.orders import OrderMethods

__all__ = ["WssClient"]

_log = get_logger(__name__)

# By which a callback ends the program.
_ENDS = (SystemExit, KeyboardInterrupt)

_ENDED = (ConnectionStatus.CLOSED, ConnectionStatus.FAILED)
_ACCOUNT = "auth"
# Microseconds since 1970, as nonces are here, are seconds times this.
_OUR_MULTIPLIER = 1_000_000


class WssClient(OrderMethods):
    """
    Raw messages of the exchange by callback, and orders, as in the package ``bitfinex``.

    Callbacks get what the exchange sends, parsed: ``[chanId, row]``, ``[chanId, rows]`` (a
    snapshot), ``[chanId, "te", row]``, ``[chanId, "hb"]``, and the events ``subscribed``, ``auth``,
    ``error`` and ``pong`` as dicts. They run on one thread, one at a time; their exceptions are
    logged. ``docs/howto/moving.rst`` has what differs.

    Parameters
    ----------
    key, secret : str, optional
        By default the environment variables ``BFX_API_KEY`` and ``BFX_API_SECRET``, if set.
    nonce_multiplier : float
        Without effect: nonces are always larger than those of any multiplier up to 1,000,000.
    **options
        Those of `bfxsync.Client`, such as `on_error`, `proxy` and `wss_host`.

    Attributes
    ----------
    daemon : bool
        False: the program runs until `stop`, or until Ctrl-C. Read by `start`.
    """

    def __init__(
        self,
        key: str | None = None,
        secret: str | None = None,
        nonce_multiplier: float = 1.0,
        **options: Any,
    ) -> None:
        # First, so that no traceback shows them.
        key, secret = hide(key), hide(secret)
        check_positive("nonce_multiplier", nonce_multiplier)
        check_callback("on_error", options.get("on_error"), "error")
        if "filters" in options:
            raise UsageError("filters must be passed to authenticate()")
        if nonce_multiplier > _OUR_MULTIPLIER:
            _log.warning(
                "nonces here are smaller than with nonce_multiplier=%s: a key that was used with "
                "it is refused, use a new one",
                nonce_multiplier,
            )
        self.key = key
        self.nonce_multiplier = nonce_multiplier
        self.daemon: bool = False
        self._secret = secret
        self._options = options
        self._on_error = options.get("on_error")
        self._numbers = itertools.count(1)
        self._channels: Dict[str, Channel] = {}
        self._account: Channel | None = None
        self._filters: List[str] | None = None
        self._thread: Thread | None = None
        self._is_running = False
        self._client = self._make_client()

    @also_half_made
    def __repr__(self) -> str:
        state = "running" if self._is_running else "stopped"
        return f"<{type(self).__name__}: {state}, {len(self._conns)} channels>"

    @property
    def _conns(self) -> Dict[str, object]:
        """The names of all channels, for `ping` and `stop_socket`."""
        account = {} if self._account is None else {_ACCOUNT: self._account}
        return {**self._channels, **account}

    def _nonce(self) -> str:
        return get_nonce(self.nonce_multiplier)

    # --- lifetime -----------------------------------------------------------------------------

    def start(self) -> None:
        """
        Open the connections in the background, and start the thread that keeps the program alive.

        Does nothing if it is running. After `stop` it starts again, with the same subscriptions.
        """
        if self.is_alive() and self._is_running:
            return
        if self._client.wss.status in _ENDED:
            # A fatal error or `sys.exit` has ended it.
            self._replace_client()
        self._thread = Thread(
            target=self._stay_alive, name="bfxsync-compat", daemon=self.daemon
        )
        self._is_running = True
        try:
            start_thread(self._thread)
        except BaseException:
            self._is_running = False
            raise
        self._open_all()

    def stop(self) -> None:
        """Close all connections, and let the program end; subscriptions are kept for `start`."""
        self._is_running = False
        for channel in (*self._channels.values(), self._account):
            if channel is not None:
                channel.was_stopped = True
        self._replace_client()
        self.join()

    def close(self) -> None:
        """Close all connections and forget their subscriptions; later ones open new connections."""
        self._channels, self._account, self._filters = {}, None, None
        self._replace_client()

    def stop_socket(self, conn_key: str) -> None:
        """End one subscription, by the name that its method has returned; ignore unknown names."""
        if conn_key == _ACCOUNT and self._account is not None:
            self._account = None
            if self._is_running:
                self._client.wss.off("account_message", self._on_account_message)
        channel = self._channels.pop(conn_key, None)
        if channel is not None and channel.handle is not None:
            channel.handle.unsubscribe()

    def is_alive(self) -> bool:
        """Return whether it was started, and neither stopped nor ended by a fatal error."""
        return self._thread is not None and self._thread.is_alive()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended."""
        if self._thread is not None and self._thread is not current_thread():
            self._thread.join(timeout)

    def setDaemon(self, daemonic: bool) -> None:
        """Set `daemon`, as in `threading.Thread`."""
        self.daemon = daemonic

    def _stay_alive(self) -> None:
        while self._is_running:
            client = self._client
            with suppress(BfxError, *_ENDS):
                # An error was logged.
                client.wss.wait_closed()
            if client is self._client:
                # By an error, or by other code. `start` makes a new one.
                self._is_running = False

    def _make_client(self) -> Client:
        options = {**self._options, "on_error": self._report, "filters": self._filters}
        client = Client(self.key, self._secret, **options)
        client.wss.on("heartbeat", self._on_heartbeat)
        return client

    def _replace_client(self) -> None:
        former, self._client = self._client, self._make_client()
        former.close()

    def _open_all(self) -> None:
        for name, channel in list(self._channels.items()):
            channel.open(self._client, name)
        if self._account is not None:
            self._open_account()

    def _running_client(self) -> Client:
        if not self._is_running:
            raise UsageError("call start() first")
        return self._client

    # --- subscriptions ------------------------------------------------------------------------

    def subscribe_to_ticker(self, symbol: str, callback: Handler) -> str | bool:
        """
        Subscribe to the ticker of a pair or a currency.

        Returns
        -------
        str or bool
            The name of the subscription; False if this callback is subscribed already. Another
            callback for the same data is refused with `UsageError`, except after `stop`.
        """
        checked = check_symbol(order_symbol(symbol))
        fields = {"channel": "ticker", "symbol": checked}
        return self._subscribe(f"ticker_{checked}", fields, callback)

    def subscribe_to_trades(self, symbol: str, callback: Handler) -> str | bool:
        """Subscribe to trades: a snapshot, ``te`` and ``tu``; see `subscribe_to_ticker`."""
        checked = check_symbol(order_symbol(symbol))
        fields = {"channel": "trades", "symbol": checked}
        return self._subscribe(f"trades_{checked}", fields, callback)

    def subscribe_to_orderbook(
        self, symbol: str, precision: str, callback: Handler
    ) -> str | bool:
        """
        Subscribe to an order book with 25 levels per side; see `subscribe_to_ticker`.

        Parameters
        ----------
        precision : str
            ``P0`` to ``P4``, or ``R0``. Each precision is a subscription of its own.
        """
        checked = check_symbol(order_symbol(symbol))
        precision = check_book_argument("precision", precision, PRECISIONS)
        fields = {"channel": "book", "symbol": checked, "prec": precision}
        fields.update(freq="F0", len="25")
        return self._subscribe(f"order_{checked}_{precision}", fields, callback)

    def subscribe_to_candles(
        self, symbol: str, timeframe: str | None, callback: Handler
    ) -> str | bool:
        """
        Subscribe to candles; see `subscribe_to_ticker`.

        Parameters
        ----------
        timeframe : str or None
            ``1m`` (also if None), ``5m``, ``15m``, ``30m``, ``1h``, ``3h``, ``6h``, ``12h``,
            ``1D``, ``7D``, ``14D`` or ``1M``.
        """
        timeframe = "1m" if timeframe is None else timeframe
        key = candle_key(order_symbol(symbol), timeframe, "timeframe")
        name = f"candles_{symbol}_{timeframe}"
        return self._subscribe(name, {"channel": "candles", "key": key}, callback)

    def authenticate(
        self, callback: Handler | None = None, filters: Sequence[str] | None = None
    ) -> str | bool:
        """
        Authenticate, and subscribe to all messages of the account; orders need it.

        Parameters
        ----------
        callback : callable, optional
            Called with each message, also with the answers to orders.
        filters : list of str, optional
            What the exchange sends; see `bfxsync.Client`. By default everything.

        Returns
        -------
        str or bool
            ``"auth"``; False if that has happened already, with the same arguments.

        Raises
        ------
        UsageError
            There is no key, or it was called with other arguments before.
        """
        check_callback("callback", callback, "message")
        callback = _ignore if callback is None else callback
        wanted = None if filters is None else list(filters)
        known, filters = self._account, self._filters
        if known is not None and not known.is_replaceable:
            if (known.callback, filters) == (callback, wanted):
                return False
            raise UsageError(
                "the account has another callback or other filters; call stop_socket('auth') or "
                "close() first"
            )
        # Raises without a key.
        _ = self._client.wss.inputs
        self._account, self._filters = Channel(0, {}, callback), wanted
        try:
            if wanted != filters:
                # A client has its filters from the beginning.
                self._replace_client()
                if self._is_running:
                    self._open_all()
            elif self._is_running:
                self._open_account()
        except BaseException:
            self._account, self._filters = known, filters
            raise
        return _ACCOUNT

    def ping(self, channel: str = _ACCOUNT) -> int:
        """
        Send a ping; the callback of the channel gets the ``pong``, with the returned `cid`.

        Parameters
        ----------
        channel : str
            The name that a subscribe method has returned, or ``"auth"``.
        """
        client = self._running_client()
        known = self._conns.get(channel)
        if not isinstance(known, Channel):
            names = ", ".join(self._conns) or "none"
            raise UsageError(f"channel must be one of {names}, not {channel!r}")
        cid = create_cid()
        answer = known.pong(cid)
        if channel == _ACCOUNT:
            reply = client.wss.inputs.ping()
            reply.add_done_callback(lambda reply: answer(reply.result(0)))
        else:
            client.wss.send_ping(answer)
        return cid

    def _subscribe(
        self, name: str, fields: Mapping[str, str], callback: Handler
    ) -> str | bool:
        if callback is None:
            raise UsageError("callback must be a function, not None")
        check_callback("callback", callback, "message")
        known = self._channels.get(name)
        if known is not None and not known.is_replaceable:
            if known.callback == callback:
                return False
            raise UsageError(
                f"{name} has another callback; call stop_socket({name!r}) first"
            )
        channel = Channel(next(self._numbers), fields, callback)
        self._channels[name] = channel
        if self._is_running:
            try:
                channel.open(self._client, name)
            except BaseException:
                self._channels.pop(name, None)
                raise
        return name

    def _open_account(self) -> None:
        account = self._account
        if account is not None:
            account.was_stopped = False
            self._client.wss.on("account_message", self._on_account_message)

    # --- messages, on the dispatch thread -----------------------------------------------------

    def _on_heartbeat(self, subscription: Mapping[str, str]) -> None:
        channel = self._channels.get(subscription["sub_id"])
        if channel is not None:
            channel.on_heartbeat()

    def _on_account_message(self, message: Any) -> None:
        account = self._account
        if account is not None:
            account.callback(message)

    def _report(self, error: BaseException) -> None:
        """Pass the refusal of a subscription to its callback, as the exchange sent it."""
        try:
            if self._on_error is not None:
                self._on_error(error)
        finally:
            raw = getattr(error, "raw", None)
            if isinstance(error, SubscriptionRejected) and isinstance(raw, Mapping):
                for channel in list(self._channels.values()):
                    channel.on_refused(raw)


def _ignore(message: object) -> None:
    """Handle messages for which there is no callback."""
