"""The WebSocket client."""

from __future__ import annotations

import os
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, TypeVar

import attrs

from bfxsync._base.aliases import NumberType
from bfxsync._base.cells import in_cell, is_notebook
from bfxsync._base.describe import also_half_made, with_parts_named_publicly
from bfxsync._base.enums import ConnectionStatus, Flag
from bfxsync._base.forks import lazily
from bfxsync._base.guesses import PARTS, ProposesNames
from bfxsync._base.hidden import hide
from bfxsync._base.hosts import PUB_WSS_HOST
from bfxsync._base.html import html_of
from bfxsync.checks.callbacks import check_callback
from bfxsync.checks.options import check_farewell
from bfxsync.errors import BfxError, ClosedError
from bfxsync.wire.audit import PING_AFTER_S, STALE_AFTER_S
from bfxsync.ws import account_methods, handlers, health, shorthands, waiting
from bfxsync.ws import subscribe as any_channel
from bfxsync.ws.core.core import CLOSE_TIMEOUT_S, Connect, Core
from bfxsync.ws.io.backoff import Backoff
from bfxsync.ws.io.links import open_connection
from bfxsync.ws.io.rate_limiter import SHARED, ConnectionRateLimiter
from bfxsync.ws.registry import SubscriptionRegistry
from bfxsync.ws.settings import (
    ConnectionSettings,
    pace_of,
    proxy_options,
    with_recording,
)
from bfxsync.ws.stats import stats_of

if TYPE_CHECKING:
    from bfxsync.shared_limits.budget import SharedBudget
    from bfxsync.wire.capabilities import Capabilities
    from bfxsync.ws.account import Account
    from bfxsync.ws.account_services import AccountServices
    from bfxsync.ws.inputs import Inputs

S = TypeVar("S", bound="WebSocketClient")


@with_parts_named_publicly
class WebSocketClient(ProposesNames):
    """
    Live data of the exchange: callbacks, events, iteration, and state such as order books.

    The first subscription (or `start`) opens the connection. It is kept open until `close`;
    after a loss everything is resubscribed. User code runs on one dispatch thread, one callback
    at a time. All methods may be called from any thread and from callbacks.

    Parameters
    ----------
    host : str
        URL of the exchange.
    numbers : type
        `float` (default) or `decimal.Decimal`: the type of all number fields.
    flags : int
        Sum of `Flag` values.
    mailbox_size : int
        Maximum number of updates queued for one callback or iteration.
    timeout : float
        Seconds for each step of connecting, for blocking calls, and until a subscribe request
        without data is repeated.
    proxy : str, optional
        URL such as ``http://user:password@host:3128``; socks4, socks4a, socks5 and socks5h need
        the extra ``socks``. By default the proxy of the environment (``https_proxy``,
        ``all_proxy``, ``no_proxy``), except for loopback. If that is invalid, connecting raises
        `UsageError`.
    ca_bundle : str, optional
        File of certificate authorities to use instead of the system's.
    on_error : callable, optional
        Called with every error that belongs to no call: unreadable frames, failed checksums,
        exceptions of callbacks (the first of each class and line). They are logged as well.
    backoff : Backoff
        Delays between connection attempts.
    channels_per_connection : int
        Maximum number of channels per connection; more channels open more connections.
    ping_after, stale_after : float
        Seconds of silence until a ping is sent, and until the connection is reopened. While there
        are subscriptions, only their data and heartbeats count as a sign of life. If a single
        channel is silent for `stale_after`, only that channel is resubscribed. `stale_after` must
        exceed the 15 seconds between two heartbeats, except on loopback.
    dispatch_threads : int
        Number of threads that run callbacks. With 1 (default) callbacks never run concurrently.
        With more, any free thread serves the next subscription; callbacks of one subscription
        never overlap. With 0 callbacks run on the I/O thread: the fastest, for functions that
        return immediately; blocking calls raise `UsageError` there.
    pace : ConnectionRateLimiter
        Limits the rate of new connections; by default shared by all clients of the process.
    source : str, optional
        URL of a Redis server, to get market data from a relay instead of the exchange; needs the
        extra ``redis``: ``redis://user:password@host:6379/0?shard=main``. Options: ``shard`` (that
        of the relay), and ``pause_ms``, the pause between two reads (2). Subscriptions work as with
        a connection to the exchange, for the channels that the relay has.
    shared_budget : str, os.PathLike or SharedBudget, optional
        Limits the rate of new connections, and in a `Client` that of REST requests, together with
        other processes: a file for those of this machine (extra ``multiprocess``), or
        ``redis://host:6379/0?address=NAME`` for machines that share a public address (extra
        ``redis``). See `SharedBudget` and ``docs/explanation/limits.rst``.
    record : str or os.PathLike, optional
        New file to which every message received and sent is written, with its time and without
        secrets; see `bfxsync.replay`. ``{time}`` in its name is replaced by the time (UTC):
        ``20261129T121700Z``.
    record_append : bool
        Append to the file if it exists, gzipped or not, even if its last line is incomplete.

    Raises
    ------
    UsageError
        Invalid argument.

    https://docs.bitfinex.com/docs/ws-general
    """

    def __init__(
        self,
        host: str = PUB_WSS_HOST,
        *,
        numbers: NumberType = float,
        flags: int = Flag.SEQ_ALL | Flag.OB_CHECKSUM,
        mailbox_size: int = 10_000,
        timeout: float = 10.0,
        proxy: str | None = None,
        ca_bundle: str | None = None,
        on_error: Callable[[BaseException], object] | None = None,
        backoff: Backoff = Backoff(),
        channels_per_connection: int = 25,
        ping_after: float = PING_AFTER_S,
        stale_after: float = STALE_AFTER_S,
        dispatch_threads: int = 1,
        pace: ConnectionRateLimiter = SHARED,
        source: str | None = None,
        shared_budget: str | os.PathLike[str] | SharedBudget | None = None,
        record: str | os.PathLike[str] | None = None,
        record_append: bool = False,
    ) -> None:
        # First, so that no traceback shows a password in them.
        proxy, source, shared_budget = hide(proxy), hide(source), hide(shared_budget)
        settings = ConnectionSettings(
            url=host,
            numbers=numbers,
            flags=flags,
            mailbox_size=mailbox_size,
            timeout_s=timeout,
            ca_bundle=ca_bundle,
            backoff=backoff,
            channels_per_connection=channels_per_connection,
            ping_after_s=ping_after,
            stale_after_s=stale_after,
            dispatch_threads=dispatch_threads,
            pace=pace_of(pace, shared_budget),
            source=source,
            **proxy_options(host, proxy),
        )
        check_callback("on_error", on_error, "error")
        # Last, as it creates a file and a thread.
        settings = with_recording(settings, record, record_append)
        self._set_up(settings, on_error)

    def _set_up(
        self,
        settings: ConnectionSettings,
        on_error: Callable[[BaseException], object] | None,
        connect: Connect = open_connection,
        **options: Any,
    ) -> None:
        # Threads refer to the core and its arguments, so none of these may refer to this object.
        self._settings = settings
        self._core = Core(settings, in_cell(on_error), connect)
        if settings.recorder is not None:
            settings.recorder.report = self._core.publisher.report_now
        self._subscriptions = SubscriptionRegistry(settings, self._core, **options)
        self._end_with_self()

    def _use_account(
        self,
        url: str,
        proxy: str | None,
        make: Callable[[ConnectionSettings], AccountServices],
    ) -> None:
        """Enable the account; `make` is called with the settings of its connection."""
        proxy = hide(proxy)
        settings = attrs.evolve(
            self._settings, url=url, source=None, **proxy_options(url, proxy)
        )
        self._core.open_services = partial(make, settings)

    def _end_with_self(self) -> None:
        finalizer = weakref.finalize(self, self._core.abandon)
        # At interpreter exit `_close_all` closes the connections instead.
        finalizer.atexit = False  # type: ignore[misc]  # a property without a slot

    def __enter__(self: S) -> S:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @also_half_made
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._settings.place}: {self.status.value}>"

    _repr_html_ = html_of

    # --- subscriptions ------------------------------------------------------------------------

    subscribe = any_channel.subscribe
    subscribe_raw = any_channel.subscribe_raw
    subscribe_many = any_channel.subscribe_many
    unsubscribe = any_channel.unsubscribe
    resubscribe = any_channel.resubscribe

    subscribe_ticker = shorthands.subscribe_ticker
    subscribe_trades = shorthands.subscribe_trades
    subscribe_book = shorthands.subscribe_book
    subscribe_candles = shorthands.subscribe_candles
    subscribe_status = shorthands.subscribe_status
    subscribe_derivatives_status = shorthands.subscribe_derivatives_status
    subscribe_liquidations = shorthands.subscribe_liquidations

    subscribe_account = account_methods.subscribe_account
    authenticate = account_methods.authenticate
    wait_authenticated = account_methods.wait_authenticated
    notify = account_methods.notify

    on = handlers.on
    off = handlers.off

    wait_ready = waiting.wait_ready
    wait_on_update = waiting.wait_on_update
    wait_for = waiting.wait_for
    wait_closed = waiting.wait_closed
    health = health.health
    ping = waiting.ping
    send_ping = waiting.send_ping

    @property
    def account(self) -> Account:
        """
        The current state of the account: orders, positions, wallets, …

        Raises `UsageError` without a key.
        """
        return account_methods.account(self)

    @property
    def inputs(self) -> Inputs:
        """Orders, funding offers and messages of the account; `UsageError` without a key."""
        return account_methods.inputs(self)

    @property
    def caps(self) -> Capabilities:
        """
        The permissions of the key: ``bfx.wss.caps.can("orders.write")``.

        Those of the latest authentication. Raises `UsageError` before the first; see
        `wait_authenticated`.
        """
        return account_methods.caps(self)

    @property
    def shared_budget(self) -> SharedBudget | None:
        """The budget that limits connections together with other processes, or None."""
        return getattr(self._settings.pace, "budget", None)

    # --- lifetime -----------------------------------------------------------------------------

    @property
    def status(self) -> ConnectionStatus:
        """State of the (first) connection."""
        return self._core.status

    @property
    def exception(self) -> BfxError | None:
        """The fatal error that ended the client, or None."""
        return self._core.lifetime.exception

    @property
    def frame_count(self) -> int:
        """Messages received from the exchange, on all connections."""
        _, links, past = self._core.placement.overview()
        return past.frames + sum(link.session.frame_count for link in links)

    def stats(self) -> dict[str, Any]:
        """
        Return state and counters as plain data.

        Returns
        -------
        dict
            JSON-serializable. ``status``; ``frames`` (messages received), ``received_bytes`` and
            ``sent_bytes`` (of frames, inside TLS; 0 in a replay), ``frames_per_s`` and
            ``received_bytes_per_s`` (of open connections, over the last minute), ``updates`` and
            ``gaps`` (per subscription on the wire), ``heals`` (automatic resubscriptions),
            ``drops`` (updates dropped for slow consumers), ``queued`` (items now), ``lag_s`` (age
            of the oldest queued item), ``reconnects`` (by `LossCause`), ``clock_jumps``,
            ``connections_left`` (that may be opened now; None if not limited), ``shared_budget``
            (see `SharedBudget.stats`; None without one), ``errors``
            (reported to `on_error`, by class), ``error_count`` and ``last_error`` (exceptions of
            callbacks, event handlers and `on_error`; text of the latest). ``connections`` (with
            ``channels`` and their ``limit``, and ``is_account`` for that of the account) and
            ``subscriptions`` have the same for each. Totals
            include ended connections and subscriptions; event handlers count as consumers.
        """
        return stats_of(self._core)

    def start(self) -> None:
        """
        Open the connection in the background and return immediately.

        In a forked child this opens new connections with the same settings and event handlers, but
        without subscriptions: those belong to the parent.

        Raises
        ------
        ClosedError
            The client is closed.
        NetworkError
            No thread or file descriptor is available.
        UsageError
            gevent or eventlet has patched the standard library; see
            ``docs/explanation/threads.rst``.
        """
        if self._core.lifetime.is_forked:
            self._core = self._subscriptions.core = self._core.successor()
            self._end_with_self()
            handlers.open_account_if_handled(self._core)
        self._core.placement.first_link()

    def run(self) -> None:
        """
        Block until `close` is called by a callback or another thread, or until Ctrl-C.

        Returns immediately if the client has been closed, for example by a signal handler.

        Raises
        ------
        KeyboardInterrupt
            Ctrl-C; the client is closed first, but not in a notebook, where other cells use it.
        SystemExit
            A callback called ``sys.exit()``.
        BfxError
            A fatal error ended the client; a new connection would fail in the same way.
        UsageError
            Called from a callback: no other callback could run.
        """
        self._core.check_may_run("run")
        try:
            if self._core.lifetime.is_forked or not self._core.lifetime.is_closing:
                self.start()
            waiting.wait_stopped(self._core, None)
        except ClosedError:
            # Closed by another thread, between the two lines above.
            pass
        except BaseException as exc:
            if not (isinstance(exc, KeyboardInterrupt) and is_notebook()):
                self.close()
            raise
        self.close()
        waiting.raise_what_ended(self._core)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """
        Close all connections; returns within two seconds, from any state, thread or callback.

        Items queued for callbacks are delivered first, as far as time allows. Idempotent.

        Parameters
        ----------
        code : int
            Code of the close frame: 1000-1003, 1007-1011, 3000-4999. Only the first call sets it.
        reason : str
            Reason in the close frame, at most 123 bytes in UTF-8.
        """
        self._core.close(CLOSE_TIMEOUT_S, check_farewell(code, reason))


PARTS["wss"] = lambda: WebSocketClient
PARTS["wss.inputs"] = lambda: lazily(account_methods.inputs_class)
