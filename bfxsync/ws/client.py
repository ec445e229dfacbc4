"""The WebSocket side as a user sees it."""

from __future__ import annotations

import functools
import logging
import os
import time
import uuid
import weakref
from decimal import Decimal
from threading import Lock
from typing import Any, Callable, Iterable, List, Mapping, Optional, TypeVar, overload

from bfxsync.errors import BfxError, ClosedError, NetworkError, UsageError
from bfxsync.models.stream import Degraded, Gap, Snapshot, Status
from bfxsync.types import ConnectionStatus, Flag, NumberType, SubscriptionStatus
from bfxsync.wire.channels import (
    Channel,
    channel_for,
    check_candle_symbol,
    check_timeframe,
)
from bfxsync.ws.arguments import (
    check_ca_bundle,
    check_callable,
    check_flags,
    check_timeout,
)
from bfxsync.ws.backoff import Backoff
from bfxsync.ws.connection import Settings
from bfxsync.ws.dispatch import Outlet, Routes
from bfxsync.ws.events import Handler, data_classes, kind_of
from bfxsync.ws.mailbox import check_policy, check_size
from bfxsync.ws.pool import CLOSE_TIMEOUT_S, Pool
from bfxsync.ws.stream import Ticket, Waiter
from bfxsync.ws.subscription import BookSubscription, Subscription, wait_for
from bfxsync.ws.transport import check_url, proxy_options

logger = logging.getLogger(__name__)

PUB_WSS_HOST = "wss://api-pub.bitfinex.com/ws/2"
"""The exchange's address for public channels."""

WSS_HOST = "wss://api.bitfinex.com/ws/2"
"""The exchange's address for accounts; it serves the public channels too."""

Callback = Optional[Callable[[Any], object]]

H = TypeVar("H", bound=Handler)
S = TypeVar("S", bound="WebSocketClient")

# Elsewhere a wait for a lock cannot be interrupted by Ctrl-C.
_WAIT_S = None if os.name == "posix" else 0.5


class WebSocketClient:
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
        Seconds for a step of connecting, and for the first data of a subscription.
    proxy : str, optional
        Such as ``http://user:password@host:3128``; without it the environment decides, as for
        most programs (``https_proxy``, ``no_proxy``). SOCKS needs the package python-socks.
    ca_bundle : str, optional
        File of certificate authorities instead of the system's.
    on_error : callable, optional
        Gets every error that belongs to no call: unreadable frames, failed checksums,
        exceptions of callbacks (the first of each kind). They are logged as well.
    backoff : Backoff
        Delays between attempts to connect.
    channels_per_connection : int
        More than these go to further connections.

    Raises
    ------
    UsageError
        An argument is impossible.

    References
    ----------
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
    ) -> None:
        if numbers not in (float, Decimal):
            raise UsageError(
                f"numbers must be float or decimal.Decimal, not {numbers!r}"
            )
        if type(channels_per_connection) is not int or channels_per_connection < 1:
            raise UsageError(
                f"channels_per_connection must be a positive integer, "
                f"not {channels_per_connection!r}"
            )
        if not isinstance(backoff, Backoff):
            raise UsageError(f"backoff must be a Backoff, not {backoff!r}")
        proxy_options(proxy)
        settings = Settings(
            url=check_url(host),
            flags=check_flags(flags),
            numbers=numbers,
            timeout_s=check_timeout(timeout),
            proxy=proxy,
            ca_bundle=check_ca_bundle(ca_bundle),
            mailbox_size=check_size(mailbox_size),
            backoff=backoff,
            channels_per_connection=channels_per_connection,
        )
        self._settings = settings
        self._pool = Pool(settings, check_callable("on_error", on_error))
        self._sub_ids: weakref.WeakValueDictionary[str, Ticket] = (
            weakref.WeakValueDictionary()
        )
        finalizer = weakref.finalize(self, self._pool.abandon)
        # At the end of the program the pools are closed in an orderly way instead.
        finalizer.atexit = False  # type: ignore[misc]  # a property without a slot

    def __enter__(self: S) -> S:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._settings.url}: {self.status.value}>"

    # --- life ---------------------------------------------------------------------------------

    @property
    def status(self) -> ConnectionStatus:
        """How the (first) connection is now."""
        connections = self._pool.connections
        if connections:
            return connections[0].status
        return (
            ConnectionStatus.CLOSED if self._pool.is_closing else ConnectionStatus.NEW
        )

    @property
    def exception(self) -> BfxError | None:
        """What ended the client for good, None if nothing did."""
        return self._pool.exception

    @property
    def frame_count(self) -> int:
        """Messages that came from the exchange, over all connections."""
        return sum(
            connection.session.frame_count for connection in self._pool.connections
        )

    def start(self) -> None:
        """
        Open the connection in the background, and return at once.

        Raises
        ------
        ClosedError
            The client is closed.
        """
        self._pool.start()

    def run(self) -> None:
        """
        Block until `close` is called, from a callback or another thread, or Ctrl-C.

        After `close` it returns at once: a signal handler may have closed the client just
        before.

        Raises
        ------
        KeyboardInterrupt
            After closing.
        BfxError
            What ended the client for good: no other connection would do better.
        """
        try:
            if not self._pool.is_closing:
                self.start()
            while not self._pool.stopped.wait(_WAIT_S):
                pass
        except ClosedError:
            # By another thread, between the two lines above.
            pass
        finally:
            self.close()
        if self._pool.exception is not None:
            raise self._pool.exception

    def close(self) -> None:
        """
        End everything; returns within two seconds, from any state, thread or callback.

        What is queued for callbacks is delivered first, as far as time allows. Twice does no
        harm.
        """
        self._pool.close(CLOSE_TIMEOUT_S)

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
            Not connected in time.
        SubscriptionRejected, RequestTimeout
            A subscription failed.
        """
        allowed_s = (
            self._settings.timeout_s if timeout is None else check_timeout(timeout)
        )
        deadline = time.monotonic() + allowed_s
        connection = self._pool.start()
        if not connection.is_open.wait(max(0.0, deadline - time.monotonic())):
            raise NetworkError(
                f"not connected within {allowed_s:g} s", phase="connect"
            ) from connection.last_error
        # It is set at the end too.
        self._pool.check_open()
        for ticket in self._pool.tickets():
            rest = max(0.0, deadline - time.monotonic())
            wait_for(self._pool, ticket, rest, time.monotonic())

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
        connection = self._pool.start()
        waiter = Waiter()
        start = time.monotonic()
        connection.ping(waiter, start + allowed_s)
        # The session gives up by itself; it is late only if its thread is.
        if not waiter.resolved.wait(allowed_s + CLOSE_TIMEOUT_S):
            raise NetworkError("no pong: the connection is being made", phase="send")
        if waiter.error is not None:
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
            There is no such event, or it is no plain function.
        """
        if callback is None:
            return functools.partial(self.on, event)
        self._pool.listeners.add(event, check_callable("callback", callback))
        self._pool.listen()
        return callback

    # --- subscriptions ------------------------------------------------------------------------

    def subscribe(
        self,
        channel: str,
        sub_id: str | None = None,
        *,
        callback: Callback = None,
        on_event: Callback = None,
        wait: bool = True,
        timeout: float | None = None,
        policy: str = "resync",
        mailbox_size: int | None = None,
        **arguments: object,
    ) -> Subscription:
        """
        Subscribe to a channel, in the exchange's own words.

        Parameters
        ----------
        channel : str
            ``ticker``, ``trades``, ``book``, ``candles`` or ``status``.
        sub_id : str, optional
            A name for it, different from all others of this client.
        callback : callable, optional
            Gets the data, and nothing else, on the dispatch thread.
        on_event : callable, optional
            Gets `Snapshot`, `Gap`, `Status` and `Degraded`, between the data and in the same
            order; without it gaps are logged.
        wait : bool
            Return when the first data has been applied (default), or at once.
        timeout : float, optional
            Seconds for that, from the moment in which the request went out; the client's
            without it.
        policy : str
            What happens when the consumer is too slow: ``resync``, ``latest``, ``drop_oldest``.
        mailbox_size : int, optional
            The client's without it.
        **arguments
            ``symbol``, for books also ``prec``, ``freq`` and ``len``; ``key`` for candles and
            status.

        Raises
        ------
        UsageError
            An argument is impossible.
        SubscriptionRejected
            The exchange refused it.
        RequestTimeout, NetworkError
            No data in time; not connected in time.
        ClosedError
            The client is closed.

        References
        ----------
        https://docs.bitfinex.com/docs/ws-public
        """
        request = {
            "channel": channel,
            "sub_id": sub_id,
            "callback": callback,
            "on_event": on_event,
            "timeout": timeout,
            "policy": policy,
            "mailbox_size": mailbox_size,
            **arguments,
        }
        return self.subscribe_many([request], wait=wait)[0]

    def subscribe_many(
        self, requests: Iterable[Mapping[str, Any]], *, wait: bool = True
    ) -> List[Subscription]:
        """
        Subscribe to several channels without waiting for each in turn.

        Parameters
        ----------
        requests : iterable of mapping
            The arguments of `subscribe` for each: ``{"channel": "ticker", "symbol": "tBTCUSD",
            "callback": print}``.
        wait : bool
            Return when the first data of all has been applied, or at once. If one fails, its
            error is raised and none of them stays.
        """
        # All are checked before the first is sent.
        prepared = [self._prepare(**_check_request(request)) for request in requests]
        subscriptions: List[Subscription] = []
        try:
            for subscription, ticket, timeout_s in prepared:
                expires = time.monotonic() + timeout_s if wait else None
                self._pool.place(ticket, timeout_s, expires)
                subscriptions.append(subscription)
            if wait:
                for subscription in subscriptions:
                    subscription.wait_ready()
        except BaseException:
            # Also at Ctrl-C: a call that raises leaves nothing behind.
            for subscription in subscriptions:
                subscription.unsubscribe()
            raise
        return subscriptions

    def subscribe_ticker(
        self,
        symbol: str,
        callback: Callback = None,
        *,
        on_event: Callback = None,
        wait: bool = True,
        timeout: float | None = None,
        policy: str = "resync",
        mailbox_size: int | None = None,
    ) -> Subscription:
        """
        Subscribe to the best prices and 24-hour figures of a symbol.

        The callback gets a `Ticker` (a `FundingTicker` for a funding currency), about every
        15 seconds; the first at once. All other parameters are those of `subscribe`.

        References
        ----------
        https://docs.bitfinex.com/reference/ws-public-ticker
        """
        return self.subscribe(
            "ticker",
            symbol=symbol,
            callback=callback,
            on_event=on_event,
            wait=wait,
            timeout=timeout,
            policy=policy,
            mailbox_size=mailbox_size,
        )

    def subscribe_trades(
        self,
        symbol: str,
        callback: Callback = None,
        *,
        on_event: Callback = None,
        wait: bool = True,
        timeout: float | None = None,
        policy: str = "resync",
        mailbox_size: int | None = None,
    ) -> Subscription:
        """
        Subscribe to the trades of a symbol.

        The callback gets each `Trade` (a `FundingTrade` for a funding currency) once, also
        those missed in a gap as far as the exchange's snapshot goes back. All other parameters
        are those of `subscribe`.

        References
        ----------
        https://docs.bitfinex.com/reference/ws-public-trades
        """
        return self.subscribe(
            "trades",
            symbol=symbol,
            callback=callback,
            on_event=on_event,
            wait=wait,
            timeout=timeout,
            policy=policy,
            mailbox_size=mailbox_size,
        )

    def subscribe_book(
        self,
        symbol: str,
        callback: Callback = None,
        *,
        prec: str = "P0",
        freq: str = "F0",
        len: int | str = 25,  # noqa: A002 – the exchange's word
        on_event: Callback = None,
        wait: bool = True,
        timeout: float | None = None,
        policy: str = "resync",
        mailbox_size: int | None = None,
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
        on_event, wait, timeout, policy, mailbox_size
            See `subscribe`.

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
            on_event=on_event,
            wait=wait,
            timeout=timeout,
            policy=policy,
            mailbox_size=mailbox_size,
        )
        assert isinstance(subscription, BookSubscription)
        return subscription

    def subscribe_candles(
        self,
        symbol: str,
        timeframe: str,
        callback: Callback = None,
        *,
        on_event: Callback = None,
        wait: bool = True,
        timeout: float | None = None,
        policy: str = "resync",
        mailbox_size: int | None = None,
    ) -> Subscription:
        """
        Subscribe to the candles of a symbol.

        The callback gets a `Candle` whenever the current one changes, sometimes the one before
        once more, and none for an empty interval. All other parameters are those of
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
        on_event, wait, timeout, policy, mailbox_size
            See `subscribe`.

        References
        ----------
        https://docs.bitfinex.com/reference/ws-public-candles
        """
        key = f"trade:{check_timeframe(timeframe)}:{check_candle_symbol(symbol)}"
        return self.subscribe(
            "candles",
            key=key,
            callback=callback,
            on_event=on_event,
            wait=wait,
            timeout=timeout,
            policy=policy,
            mailbox_size=mailbox_size,
        )

    def subscribe_status(
        self,
        key: str,
        callback: Callback = None,
        *,
        on_event: Callback = None,
        wait: bool = True,
        timeout: float | None = None,
        policy: str = "resync",
        mailbox_size: int | None = None,
    ) -> Subscription:
        """
        Subscribe to the state of a derivative, or to all liquidations.

        The callback gets a `DerivativesStatus` about once a second (the exchange repeats
        itself), or a `Liquidation`. An unknown derivative gets no answer from the exchange at
        all, so that the call ends with its timeout. All other parameters are those of
        `subscribe`.

        Parameters
        ----------
        key : str
            ``deriv:tBTCF0:USTF0`` or ``liq:global``.
        callback : callable, optional
        on_event, wait, timeout, policy, mailbox_size
            See `subscribe`.

        References
        ----------
        https://docs.bitfinex.com/reference/ws-public-status
        """
        return self.subscribe(
            "status",
            key=key,
            callback=callback,
            on_event=on_event,
            wait=wait,
            timeout=timeout,
            policy=policy,
            mailbox_size=mailbox_size,
        )

    def unsubscribe(self, sub_id: str) -> None:
        """
        End a subscription by its name.

        Raises
        ------
        UsageError
            There is none of that name.
        """
        ticket = self._ticket(sub_id)
        self._pool.detach(ticket)
        ticket.end(None, SubscriptionStatus.CLOSED)

    def resubscribe(self, sub_id: str) -> None:
        """
        Subscribe one channel anew, with its first arguments: gap, snapshot, updates.

        Raises
        ------
        UsageError
            There is none of that name.
        """
        ticket = self._ticket(sub_id)
        home = self._pool.home(ticket)
        if home is not None:
            home.resubscribe(ticket)

    def _ticket(self, sub_id: str) -> Ticket:
        ticket = self._sub_ids.get(sub_id) if isinstance(sub_id, str) else None
        if ticket is None or not ticket.is_active:
            raise UsageError(f"there is no subscription with sub_id {sub_id!r}")
        return ticket

    def _prepare(
        self,
        channel: str,
        sub_id: str | None = None,
        callback: Callback = None,
        on_event: Callback = None,
        timeout: float | None = None,
        policy: str = "resync",
        mailbox_size: int | None = None,
        **arguments: object,
    ) -> tuple[Subscription, Ticket, float]:
        """Check the arguments of one subscription and make its parts."""
        check_callable("callback", callback)
        check_callable("on_event", on_event)
        checked_policy = check_policy(policy)
        settings = self._settings
        size = (
            settings.mailbox_size if mailbox_size is None else check_size(mailbox_size)
        )
        timeout_s = settings.timeout_s if timeout is None else check_timeout(timeout)
        made = channel_for(channel, number=settings.numbers, guard=Lock(), **arguments)
        outlet = None
        if callback is not None or on_event is not None:
            name = " ".join(made.identity)
            outlet = Outlet(
                name,
                _routes(made, name, callback, on_event),
                self._pool.dispatcher,
                size=size,
                policy=checked_policy,
            )
        fields = {
            "channel": made.name,
            "sub_id": self._new_sub_id(sub_id),
            **made.arguments,
        }
        ticket = Ticket(made, fields, outlet, size=size, policy=checked_policy)
        kind = BookSubscription if made.name == "book" else Subscription
        subscription = kind(self, self._pool, ticket, timeout_s)
        self._sub_ids[subscription.sub_id] = ticket
        return subscription, ticket, timeout_s

    def _new_sub_id(self, sub_id: str | None) -> str:
        if sub_id is None:
            return str(uuid.uuid4())
        if not isinstance(sub_id, str) or not sub_id:
            raise UsageError(f"sub_id must be text, not {sub_id!r}")
        taken = self._sub_ids.get(sub_id)
        if taken is not None and taken.is_active:
            raise UsageError(f"sub_id {sub_id!r} is taken by another subscription")
        return sub_id


def _check_request(request: object) -> Mapping[str, Any]:
    if not isinstance(request, Mapping) or "channel" not in request:
        raise UsageError(
            "a request must be a mapping with the channel and its arguments, such as "
            f"{{'channel': 'ticker', 'symbol': 'tBTCUSD'}}, not {request!r}"
        )
    return request


def _routes(
    channel: Channel, name: str, callback: Callback, on_event: Callback
) -> Routes:
    """Return which function gets what: data the callback, events `on_event` or the log."""
    routes: Routes = {}
    if callback is not None:
        kind = kind_of(channel)
        routes.update((model, callback) for model in data_classes(kind))
    if on_event is not None:
        routes.update((model, on_event) for model in (Snapshot, Gap, Status, Degraded))
    else:

        def log(item: object) -> None:
            logger.warning("%s: %s", name, item)

        routes.update((model, log) for model in (Gap, Degraded))
    return routes
