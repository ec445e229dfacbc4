"""
`BtfxWss`, with the methods and queues of the class of btfxwss.

Strategy: a thin layer above `bfxsync.Client`. Its dispatch thread fills the queues, which are
bounded: a queue that is not read drops its oldest items.
"""

from __future__ import annotations

import time
from collections import defaultdict
from functools import partial
from logging import getLogger  # of the program, which may set its level
from queue import SimpleQueue
from threading import Event
from typing import Any, DefaultDict, Dict, List, Mapping, Tuple

import attrs

from bfxsync import BfxError, BookSubscription, Client, Subscription, UsageError
from bfxsync._base.describe import also_half_made
from bfxsync._base.hidden import hide
from bfxsync._base.logs import get_logger
from bfxsync.checks.books import (
    FREQUENCIES,
    LENGTHS,
    PRECISIONS,
    check_book_argument,
)
from bfxsync.checks.candles import candle_key
from bfxsync.checks.numbers import check_count
from bfxsync.checks.options import check_bool
from bfxsync.checks.symbols import check_symbol
from bfxsync.compat.contents import Content, Contents
from bfxsync.compat.entry_queue import EntryQueue
from bfxsync.compat.operations import request_calculations, send_operations
from bfxsync.compat.rows import row_of
from bfxsync.compat.utils import order_symbol

_log = get_logger(__name__)

Identifier = Tuple[str, ...]
"""Of a queue: ``("ticker", "BTCUSD")``, ``("candles", "BTCUSD", "1m")``, …"""

# What a client of bfxsync does instead of these options.
_UNUSED = {
    "timeout": "stale_after= is the silence after which it reconnects",
    "reconnect_interval": "backoff= sets the delays",
    "http_no_proxy": "the environment variable NO_PROXY names the hosts",
}


class Connection:
    """The part of the connection that programs look at: ``wss.conn.connected.is_set()``."""

    def __init__(self) -> None:
        self.connected: Event = Event()


@attrs.define(eq=False)
class _Channel:
    fields: Dict[str, str]
    queue: EntryQueue
    handle: Subscription[Any] | None = None


class BtfxWss:
    """
    Messages of the exchange in a queue for each channel and pair, as in the package ``btfxwss``.

    An entry is ``(content, received_at)``, where the content is ``[row]``, ``[rows]`` for a
    snapshot, or ``["te", row]``; one of `account` is ``(code, [row], received_at)``. Pairs may be
    written ``BTCUSD`` or ``tBTCUSD``. ``docs/howto/moving.rst`` has what differs.

    Parameters
    ----------
    key, secret : str, optional
        By default the environment variables ``BFX_API_KEY`` and ``BFX_API_SECRET``, if set.
    log_level : int, optional
        Level of the logger ``bfxsync``.
    queue_size : int
        Maximum number of entries of each queue. A full one drops its oldest entries, with a
        warning; that of a book starts again with a snapshot.
    url, http_proxy_host, http_proxy_port, http_proxy_auth, sslopt : optional
        As in ``btfxwss``; of `sslopt` only ``ca_certs``.
    **options
        Those of `bfxsync.Client`.
    """

    def __init__(
        self,
        key: str | None = None,
        secret: str | None = None,
        log_level: int | None = None,
        *,
        queue_size: int = 10_000,
        **options: Any,
    ) -> None:
        # First, so that no traceback shows them.
        key, secret = hide(key), hide(secret)
        if "http_proxy_auth" in options:
            options["http_proxy_auth"] = hide(options["http_proxy_auth"])
        self.conn: Connection = Connection()
        self._queue_size = check_count("queue_size", queue_size)
        self._make = partial(Client, key, secret, **_client_options(options))
        self._channels: Dict[Identifier, _Channel] = {}
        self._queues: DefaultDict[Identifier, EntryQueue]
        self._queues = defaultdict(lambda: EntryQueue("a channel", self._queue_size))
        self._is_account = self._is_running = False
        self._client: Client = self._make()
        if log_level is not None:
            getLogger("bfxsync").setLevel(log_level)

    @also_half_made
    def __repr__(self) -> str:
        state = "running" if self._is_running else "stopped"
        return f"<{type(self).__name__}: {state}, {len(self._channels)} channels>"

    @property
    def channel_configs(self) -> Dict[Identifier, Dict[str, str]]:
        """The subscribe messages of all channels."""
        return {
            identifier: {"event": "subscribe", **channel.fields}
            for identifier, channel in self._channels.items()
        }

    # --- lifetime -----------------------------------------------------------------------------

    def start(self) -> None:
        """Open the connection in the background; after `stop`, with the same subscriptions."""
        if self._is_running:
            return
        self._is_running = True
        wss, connected = self._client.wss, self.conn.connected
        wss.on("open", connected.set)
        wss.on("restored", lambda gap_s: connected.set())
        wss.on("disconnected", lambda code, reason: connected.clear())
        wss.start()
        for identifier, channel in list(self._channels.items()):
            self._open(identifier, channel)
        if self._is_account:
            wss.on("account_message", self._on_account_message)

    def stop(self) -> None:
        """Close all connections; subscriptions and queues are kept for `start`."""
        self._is_running = False
        former, self._client = self._client, self._make()
        former.close()
        self.conn.connected.clear()

    def reset(self) -> None:
        """Subscribe to all channels again."""
        client = self._running_client()
        for channel in list(self._channels.values()):
            if channel.handle is not None and channel.handle.is_active:
                client.wss.resubscribe(channel.handle.sub_id)

    def config(
        self,
        decimals_as_strings: bool = True,
        ts_as_dates: bool = False,
        sequencing: bool = False,
    ) -> None:
        """
        Do nothing, with a warning.

        The exchange ignores the flags for decimals as strings and times as dates, and sequence
        numbers are always requested and checked.
        """
        for name, value in (
            ("decimals_as_strings", decimals_as_strings),
            ("ts_as_dates", ts_as_dates),
            ("sequencing", sequencing),
        ):
            check_bool(name, value)
        _log.warning("config() has no effect")

    def _running_client(self) -> Client:
        if not self._is_running:
            raise UsageError("call start() first")
        return self._client

    # --- queues -------------------------------------------------------------------------------

    def tickers(self, pair: str) -> SimpleQueue[Any]:
        """Return the queue of a ticker."""
        return self._queues["ticker", _pair_of(pair)].entries

    def books(self, pair: str) -> SimpleQueue[Any]:
        """Return the queue of an order book."""
        return self._queues["book", _pair_of(pair)].entries

    def raw_books(self, pair: str) -> SimpleQueue[Any]:
        """Return the queue of an order book with single orders."""
        return self._queues["raw_book", _pair_of(pair)].entries

    def trades(self, pair: str) -> SimpleQueue[Any]:
        """Return the queue of the trades of a pair."""
        return self._queues["trades", _pair_of(pair)].entries

    def candles(self, pair: str, timeframe: str | None = None) -> SimpleQueue[Any]:
        """Return the queue of candles, by default of one minute."""
        return self._queues["candles", _pair_of(pair), timeframe or "1m"].entries

    @property
    def account(self) -> SimpleQueue[Any]:
        """The queue of all messages of the account."""
        return self._queues["account",].entries

    # --- subscriptions ------------------------------------------------------------------------

    def subscribe_to_ticker(self, pair: str) -> None:
        """Subscribe to a ticker; see `tickers`."""
        self._subscribe("ticker", pair)

    def unsubscribe_from_ticker(self, pair: str) -> None:
        """End the subscription; what is in the queue stays."""
        self._unsubscribe("ticker", _pair_of(pair))

    def subscribe_to_trades(self, pair: str) -> None:
        """Subscribe to trades: a snapshot, ``te`` and ``tu``; see `trades`."""
        self._subscribe("trades", pair)

    def unsubscribe_from_trades(self, pair: str) -> None:
        """End the subscription; what is in the queue stays."""
        self._unsubscribe("trades", _pair_of(pair))

    def subscribe_to_order_book(
        self, pair: str, prec: str = "P0", freq: str = "F0", len: Any = "25"
    ) -> None:
        """Subscribe to an order book; see `books`. A pair has one of each kind."""
        prec = check_book_argument("prec", prec, PRECISIONS)
        self._subscribe(
            "raw_book" if prec == "R0" else "book",
            pair,
            prec=prec,
            freq=check_book_argument("freq", freq, FREQUENCIES),
            len=check_book_argument("len", len, LENGTHS),
        )

    def unsubscribe_from_order_book(self, pair: str) -> None:
        """End the subscription; what is in the queue stays."""
        self._unsubscribe("book", _pair_of(pair))

    def subscribe_to_raw_order_book(
        self, pair: str, prec: str | None = None, freq: str = "F0", len: Any = "25"
    ) -> None:
        """Subscribe to an order book with single orders; see `raw_books`."""
        self.subscribe_to_order_book(pair, "R0" if prec is None else prec, freq, len)

    def unsubscribe_from_raw_order_book(
        self, pair: str, prec: str | None = None
    ) -> None:
        """End the subscription; what is in the queue stays."""
        self._unsubscribe("raw_book", _pair_of(pair))

    def subscribe_to_candles(self, pair: str, timeframe: str | None = None) -> None:
        """Subscribe to candles, by default of one minute; see `candles`."""
        timeframe = timeframe or "1m"
        key = candle_key(order_symbol(pair), timeframe, "timeframe")
        identifier = ("candles", _pair_of(pair), timeframe)
        self._add(identifier, {"channel": "candles", "key": key})

    def unsubscribe_from_candles(self, pair: str, timeframe: str | None = None) -> None:
        """End the subscription; what is in the queue stays."""
        self._unsubscribe("candles", _pair_of(pair), timeframe or "1m")

    def _subscribe(self, name: str, pair: str, **fields: str) -> None:
        channel = "book" if name == "raw_book" else name
        symbol = check_symbol(order_symbol(pair))
        self._add(
            (name, _pair_of(pair)), {"channel": channel, "symbol": symbol, **fields}
        )

    def _add(self, identifier: Identifier, fields: Dict[str, str]) -> None:
        self._running_client()
        known = self._channels.get(identifier)
        if known is not None and (known.handle is None or known.handle.is_active):
            if known.fields == fields:
                return
            raise UsageError(
                f"{' '.join(identifier)} has other arguments; unsubscribe from it first"
            )
        queue = self._queues[identifier]
        queue.name = " ".join(identifier)
        channel = _Channel(fields, queue)
        self._open(identifier, channel)
        self._channels[identifier] = channel

    def _open(self, identifier: Identifier, channel: _Channel) -> None:
        contents = Contents(
            channel.fields, partial(_on_content, channel), begin=_do_nothing
        )
        channel.handle = contents.subscribe(self._client, " ".join(identifier))

    def _unsubscribe(self, *identifier: str) -> None:
        channel = self._channels.pop(identifier, None)
        if channel is None:
            raise UsageError(f"there is no subscription to {' '.join(identifier)}")
        if channel.handle is not None:
            channel.handle.unsubscribe()

    # --- account ------------------------------------------------------------------------------

    def authenticate(self) -> None:
        """Put all messages of the account into the queue `account`; raises without a key."""
        client = self._running_client()
        if not self._is_account:
            client.wss.on("account_message", self._on_account_message)
            self._is_account = True

    def new_order(self, **order_settings: Any) -> None:
        """Send a new order, by the fields of the exchange: `type`, `symbol`, `amount`, …"""
        self.order_multi_op(("on", order_settings))

    def update_order(self, **order_settings: Any) -> None:
        """Change an order, by the fields of the exchange: `id`, `price`, …"""
        self.order_multi_op(("ou", order_settings))

    def cancel_order(self, multi: bool = False, **order_identifiers: Any) -> None:
        """Cancel an order by `id`, or `cid` and `cid_date`; with `multi` several, by lists."""
        code = "oc_multi" if check_bool("multi", multi) else "oc"
        self.order_multi_op((code, order_identifiers))

    def order_multi_op(self, *operations: object) -> None:
        """
        Send several operations together: pairs of a code and a dict of fields.

        Raises what `Inputs` does, and nothing was sent. Refusals come to the queue `account`, and
        are logged.
        """
        send_operations(self._running_client(), operations)

    def calc(self, *calculations: object) -> None:
        """Ask for values, which come to the queue `account`: ``"margin_sym_tBTCUSD"``, …"""
        request_calculations(self._running_client(), calculations)

    def _on_account_message(self, message: Any) -> None:
        if isinstance(message, list) and message[1] != "hb":
            _, code, *content = message
            self._queues["account",].add((code, content, time.time()))


def _on_content(channel: _Channel, content: Content) -> None:
    now = time.time()
    is_book = channel.fields["channel"] == "book"
    restart = partial(_book_of, channel, now) if is_book else None
    channel.queue.add((content, now), restart)


def _book_of(channel: _Channel, now: float) -> List[Any]:
    """Return the current book as an entry, if it is known: updates that follow change it again."""
    if not isinstance(channel.handle, BookSubscription):
        return []
    try:
        bids, asks = channel.handle.book.levels()
    except BfxError:
        return []
    return [([[row_of(level) for level in (*bids, *asks)]], now)]


def _do_nothing() -> None:
    """Handle the beginning of a snapshot, which is an entry like others."""


def _pair_of(pair: str) -> str:
    symbol = check_symbol(order_symbol(pair))
    return symbol[1:] if symbol.startswith("t") else symbol


def _client_options(options: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the options of `bfxsync.Client` for those of ``btfxwss``."""
    rest = dict(options)
    for name, instead in _UNUSED.items():
        if rest.pop(name, None) is not None:
            raise UsageError(f"{name} is not an option here: {instead}")
    host = rest.pop("http_proxy_host", None)
    port, auth = rest.pop("http_proxy_port", None), rest.pop("http_proxy_auth", None)
    if host is not None:
        user = "" if auth is None else ":".join(auth) + "@"
        rest["proxy"] = hide(f"http://{user}{host}:{port or 80}")
    url, sslopt = rest.pop("url", None), rest.pop("sslopt", None)
    if url is not None:
        rest["wss_host"] = url
    if sslopt:
        if set(sslopt) != {"ca_certs"}:
            raise UsageError(f"sslopt must have ca_certs only, not {list(sslopt)}")
        rest["ca_bundle"] = sslopt["ca_certs"]
    return rest
