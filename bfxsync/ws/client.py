"""The WebSocket side as a user sees it."""

from __future__ import annotations

import functools
import os
import time
import weakref
from decimal import Decimal
from typing import Any, Callable, Optional, TypeVar, overload

import attrs

from bfxsync._base.aliases import NumberType
from bfxsync._base.describe import also_half_made, with_parts_named_publicly
from bfxsync._base.enums import ConnectionStatus, Flag
from bfxsync._base.hidden import hide
from bfxsync._base.hosts import (
    PUB_WSS_HOST,
    check_wss_host,
    hostname_of,
    is_loopback,
    shown,
)
from bfxsync._base.logs import get_logger
from bfxsync._base.plain import plain_integer
from bfxsync._base.proxies import proxy_for
from bfxsync.checks.callbacks import check_callback
from bfxsync.checks.options import (
    check_bool,
    check_ca_bundle,
    check_flags,
    check_timeout,
)
from bfxsync.errors import BfxError, ClosedError, NetworkError, UsageError
from bfxsync.recording.recorder import Recorder
from bfxsync.wire.audit import HEARTBEAT_S, PING_AFTER_S, STALE_AFTER_S
from bfxsync.ws.core.core import CLOSE_TIMEOUT_S, Connect, Core
from bfxsync.ws.core.shared_subscription import Waiter
from bfxsync.ws.dispatch.events import Handler, arguments_of
from bfxsync.ws.dispatch.mailbox import check_size
from bfxsync.ws.io.backoff import Backoff
from bfxsync.ws.io.connection import Connection, ConnectionSettings
from bfxsync.ws.io.rate_limiter import SHARED, ConnectionRateLimiter
from bfxsync.ws.shorthands import Shorthands
from bfxsync.ws.stats import stats_of
from bfxsync.ws.subscription import out_of_time, wait_for

logger = get_logger(__name__)

Callback = Optional[Callable[[Any], object]]

H = TypeVar("H", bound=Handler)
S = TypeVar("S", bound="WebSocketClient")

# Elsewhere a wait for a lock cannot be interrupted by Ctrl-C.
_WAIT_S = None if os.name == "posix" else 0.5


@with_parts_named_publicly
class WebSocketClient(Shorthands):
    """
    Live data of the exchange, by callback, event, iteration or as state.

    The first subscription (or `start`) opens the connection; it is kept open, and everything is
    subscribed again after a loss, until `close`. User code runs on one dispatch thread, one
    callback at a time. All methods may be called from any thread and from callbacks.

    Parameters
    ----------
    host : str
        Address of the exchange.
    numbers : type
        `float` (default) or `decimal.Decimal`: the type of all number fields.
    flags : int
        Sum of `Flag` values.
    mailbox_size : int
        Updates that may wait for a callback or an iteration.
    timeout : float
        Seconds for a step of connecting, for a request to bring data before it is repeated, and for
        calls that wait.
    proxy : str, optional
        Such as ``http://user:password@host:3128``, or socks4, socks4a, socks5, socks5h, which need
        the extra ``socks``. Without it the environment decides, as for most programs:
        ``https_proxy``, ``all_proxy`` and ``no_proxy``; never for this machine itself. One of the
        environment that cannot be used is an error (`UsageError`) when a connection is wanted.
    ca_bundle : str, optional
        File of certificate authorities instead of the system's.
    on_error : callable, optional
        Gets every error that belongs to no call: unreadable frames, failed checksums,
        exceptions of callbacks (the first of each class and line). They are logged as well.
    backoff : Backoff
        Delays between attempts to connect.
    channels_per_connection : int
        More than these go to further connections.
    ping_after, stale_after : float
        Seconds of silence after which the exchange is asked for a sign of life, and after which
        the connection is made anew; while something is subscribed, only its data and heartbeats
        end a silence. One channel that is silent for `stale_after` while others are not is
        subscribed anew alone. That must be longer than the 15 seconds between two heartbeats,
        unless the host is this machine itself.
    dispatch_threads : int
        Threads on which callbacks run. With 1 (default) there are never two callbacks at once.
        With more, any free one serves the next subscription; those of one subscription still
        come one after the other. With 0 callbacks run on the thread that reads the socket: the
        fastest, for functions that return at once; what would wait raises `UsageError` there.
    pace : ConnectionRateLimiter
        How often connections are opened; shared by all clients of the process.
    record : str or os.PathLike, optional
        A file, not there yet, that gets every message in and out with its time, and no secrets;
        see `bfxsync.replay`. ``{time}`` in its name becomes the time (UTC): ``20261129T121700Z``.
    record_append : bool
        Continue the file if there is one, gzipped or not, also after a last line that was cut off.

    Raises
    ------
    UsageError
        An argument is impossible.

    References
    ----------
    https://docs.bitfinex.com/docs/ws-general
    """

    # Makes the connections; the pool holds it, so it must not hold this object.
    _connect: Connect = Connection

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
        record: str | os.PathLike[str] | None = None,
        record_append: bool = False,
    ) -> None:
        # First of all: from here on no frame shows a password in it.
        proxy = hide(proxy)
        if numbers is not float and numbers is not Decimal:
            raise UsageError(
                f"numbers must be float or decimal.Decimal, not {numbers!r}"
            )
        most_channels = plain_integer(channels_per_connection)
        if most_channels is None or most_channels < 1:
            raise UsageError(
                f"channels_per_connection must be a positive integer, "
                f"not {channels_per_connection!r}"
            )
        if not isinstance(backoff, Backoff):
            raise UsageError(f"backoff must be a Backoff, not {backoff!r}")
        if not isinstance(pace, ConnectionRateLimiter):
            raise UsageError(f"pace must be a ConnectionRateLimiter, not {pace!r}")
        thread_count = plain_integer(dispatch_threads)
        if thread_count is None or not 0 <= thread_count <= 64:
            raise UsageError(
                f"dispatch_threads must be an integer from 0 to 64, not {dispatch_threads!r}"
            )
        ping_after_s = check_timeout(ping_after, "ping_after")
        stale_after_s = check_timeout(stale_after, "stale_after")
        if stale_after_s <= ping_after_s:
            raise UsageError(
                f"stale_after must be longer than ping_after, not {stale_after!r} and "
                f"{ping_after!r}"
            )
        url = check_wss_host(host)
        if stale_after_s <= HEARTBEAT_S and not is_loopback(hostname_of(url)):
            # Every quiet channel would count as silent, and be subscribed anew without end. A
            # local exchange may be quicker.
            raise UsageError(
                f"stale_after must be longer than the {HEARTBEAT_S:g} s between two heartbeats "
                f"of a channel, not {stale_after!r}"
            )
        try:
            found, problem = proxy_for(url, proxy), None
        except UsageError as exc:
            if proxy is not None:
                raise
            # Raised when a connection is wanted: a program that uses nothing but REST on this
            # machine needs no proxy.
            found, problem = None, str(exc)
        settings = ConnectionSettings(
            url=url,
            flags=check_flags(flags),
            numbers=numbers,
            timeout_s=check_timeout(timeout),
            ping_after_s=ping_after_s,
            stale_after_s=stale_after_s,
            proxy=found,
            proxy_problem=problem,
            ca_bundle=check_ca_bundle(ca_bundle),
            mailbox_size=check_size(mailbox_size),
            backoff=backoff,
            pace=pace,
            channels_per_connection=most_channels,
            dispatch_threads=thread_count,
        )
        check_callback("on_error", on_error, "error")
        record_append = check_bool("record_append", record_append)
        if record is not None:
            # Last, as it makes a file and a thread.
            settings = attrs.evolve(
                settings, recorder=Recorder(record, append=record_append)
            )
        core = Core(settings, on_error, self._connect)
        if settings.recorder is not None:
            settings.recorder.report = core.reported
        super().__init__(settings, self._begin(core))

    def _begin(self, core: Core) -> Core:
        """Let the pool end with this object."""
        finalizer = weakref.finalize(self, core.abandon)
        # At the end of the program the pools are closed in an orderly way instead.
        finalizer.atexit = False  # type: ignore[misc]  # a property without a slot
        return core

    def __enter__(self: S) -> S:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @also_half_made
    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {shown(self._settings.url)}: {self.status.value}>"
        )

    # --- life ---------------------------------------------------------------------------------

    @property
    def status(self) -> ConnectionStatus:
        """How the (first) connection is now."""
        return self._core.status

    @property
    def exception(self) -> BfxError | None:
        """What ended the client for good, None if nothing did."""
        return self._core.exception

    @property
    def frame_count(self) -> int:
        """Messages that came from the exchange, over all connections."""
        _, connections, past = self._core.account()
        return past.frames + sum(line.session.frame_count for line in connections)

    def stats(self) -> dict[str, Any]:
        """
        Return how everything is and what was counted, as plain data.

        Returns
        -------
        dict
            Ready for JSON. ``status``; ``frames`` (messages of the exchange), ``updates`` and
            ``gaps`` (of subscriptions on the wire), ``heals`` (channels that were subscribed anew
            by themselves), ``drops`` (updates thrown away for slow consumers), ``queued`` (items
            that wait now), ``lag_s`` (the longest wait of them), ``reconnects`` (by `LossCause`),
            ``clock_jumps``, ``error_count`` and ``last_error`` (exceptions of callbacks, event
            handlers and `on_error`; the text of the latest); and the same for each
            of ``connections`` and ``subscriptions``. What ended stays in the totals, in which
            event handlers are consumers too.
        """
        return stats_of(self._core)

    def start(self) -> None:
        """
        Open the connection in the background, and return at once.

        In the child of a fork it begins anew, with the same settings and event handlers and
        without subscriptions: those are the parent's.

        Raises
        ------
        ClosedError
            The client is closed.
        NetworkError
            The machine has no thread or no descriptor left for it.
        UsageError
            gevent or eventlet has patched the standard library: see ``docs/threads.rst``.
        """
        if self._core.is_forked:
            self._core = self._begin(self._core.successor())
        self._core.start()

    def run(self) -> None:
        """
        Block until `close` is called, from a callback or another thread, or Ctrl-C.

        After `close` it returns at once: a signal handler may have closed the client just
        before.

        Raises
        ------
        KeyboardInterrupt
            After closing.
        SystemExit
            A callback called ``sys.exit()``.
        BfxError
            What ended the client for good: no other connection would do better.
        UsageError
            It was called by a callback: no other would be called while it waits.
        """
        self._core.check_may_run()
        try:
            if self._core.is_forked or not self._core.is_closing:
                self.start()
            while not self._core.stopped.wait(_WAIT_S):
                pass
        except ClosedError:
            # By another thread, between the two lines above.
            pass
        finally:
            self.close()
        if self._core.exit_by is not None:
            raise self._core.exit_by
        if self._core.exception is not None:
            raise self._core.exception

    def close(self) -> None:
        """
        End everything; returns within two seconds, from any state, thread or callback.

        What is queued for callbacks is delivered first, as far as time allows. Twice does no
        harm.
        """
        self._core.close(CLOSE_TIMEOUT_S)

    def wait_ready(self, timeout: float | None = None) -> None:
        """
        Wait until the connection is open and every subscription has its first data.

        Parameters
        ----------
        timeout : float, optional
            Seconds for all together; the client's own without it.

        Raises
        ------
        NetworkError
            Not connected in time, or the exchange is in maintenance (phase ``send``).
        SubscriptionRejected, RequestTimeout
            A subscription failed.
        """
        allowed_s = (
            self._settings.timeout_s if timeout is None else check_timeout(timeout)
        )
        deadline = time.monotonic() + allowed_s
        self._core.check_may_wait()
        connection = self._core.start()
        if not connection.is_open.wait(max(0.0, deadline - time.monotonic())):
            reason = connection.last_error
            raise out_of_time("client", allowed_s, False, reason) from reason
        # It is set at the end too.
        self._core.check_open()
        for subscriber in self._core.subscribers():
            rest = max(0.0, deadline - time.monotonic())
            wait_for(self._core, subscriber, rest, time.monotonic())

    def ping(self, timeout: float | None = None) -> float:
        """
        Send a ping and wait for the exchange's pong.

        Returns
        -------
        float
            Seconds between the two.

        Raises
        ------
        NetworkError
            With phase ``send``: not connected.
        RequestTimeout
            No pong in time.
        """
        allowed_s = (
            self._settings.timeout_s if timeout is None else check_timeout(timeout)
        )
        self._core.check_may_wait()
        connection = self._core.start()
        waiter = Waiter()
        start = time.monotonic()
        connection.ping(waiter, start + allowed_s)
        # The session gives up by itself; it is late only if its thread is.
        if not waiter.resolved.wait(allowed_s + CLOSE_TIMEOUT_S):
            raise NetworkError("no pong: the connection is being made", phase="send")
        if waiter.error is not None:
            self._core.check_exit()
            raise waiter.error
        return time.monotonic() - start

    # --- events -------------------------------------------------------------------------------

    @overload
    def on(self, event: str) -> Callable[[H], H]: ...

    @overload
    def on(self, event: str, callback: H) -> H: ...

    def on(self, event: str, callback: Any = None) -> Any:
        """
        Call a function at an event; as a decorator, or with the function.

        Names and arguments are the official client's: ``t_ticker_update(subscription,
        ticker)``, ``t_trades_snapshot(subscription, trades)``, ``open()``,
        ``disconnected(code, reason)`` and so on; `subscription` is a dict with the fields
        ``channel``, ``sub_id``, ``symbol``, …

        Raises
        ------
        UsageError
            There is no such event, or it is no plain function that takes these arguments.
        """
        takes = arguments_of(event)
        if callback is None:
            return functools.partial(self.on, event)
        check_callback("callback", callback, *takes)
        self._core.listeners.add(event, callback)
        self._core.listen()
        return callback

    def off(self, event: str, callback: Handler | None = None) -> None:
        """
        Call a function no more at an event; without a function, none of those that were.

        What it is called with just now it finishes. A notebook cell that registers handlers begins
        with this, or each run adds one more.

        Raises
        ------
        UsageError
            There is no such event, or the function is not registered for it.
        """
        self._core.listeners.remove(event, callback)
        # Confirmations and checksums are made only while somebody wants them.
        self._core.listen()
