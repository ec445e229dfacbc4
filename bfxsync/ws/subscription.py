"""What a user holds: a subscription."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, Callable, Iterator

from bfxsync._base.describe import also_half_made
from bfxsync._base.enums import SubscriptionStatus
from bfxsync._base.plain import plain_real
from bfxsync.checks.options import check_timeout
from bfxsync.errors import (
    BfxError,
    ClosedError,
    NetworkError,
    RequestTimeout,
    UsageError,
)
from bfxsync.models.stream import Degraded, Gap, Snapshot, Status
from bfxsync.ws.book_view import BookView
from bfxsync.ws.core.core import Core
from bfxsync.ws.core.shared_subscription import Subscriber
from bfxsync.ws.dispatch.event_log import EventLog
from bfxsync.ws.dispatch.mailbox import Mailbox

_EVENTS = frozenset((Snapshot, Gap, Status, Degraded))


def wait_for(
    core: Core, subscriber: Subscriber, allowed_s: float, start: float
) -> None:
    """
    Wait for the first data of a ticket.

    The time allowed counts from `start`, or from the moment in which the request went out if
    that was later. Raises the ticket's error, or what `out_of_time` says.
    """
    core.check_may_wait()
    while True:
        asked_at = subscriber.asked_at
        begin = start if asked_at is None else max(start, asked_at)
        deadline = begin + allowed_s
        if subscriber.resolved.wait(max(0.0, deadline - time.monotonic())):
            break
        if asked_at is not subscriber.asked_at:
            continue  # it went out meanwhile
        home = core.home(subscriber)
        reason = subscriber.delay or (home.last_error if home is not None else None)
        error = out_of_time(subscriber.name, allowed_s, asked_at is not None, reason)
        raise error from reason
    if subscriber.error is not None:
        core.check_exit()
        # Raised each time that somebody waits: the traceback is each one's own.
        raise subscriber.error.with_traceback(None)


def out_of_time(
    name: str, allowed_s: float, was_asked: bool, reason: BfxError | None
) -> NetworkError:
    """Return the error of a waiting call whose time has passed, with what is known of why."""
    because = f": {reason}" if reason is not None else ""
    within = f"within {allowed_s:g} s{because}"
    if was_asked:
        return RequestTimeout(f"{name}: no data {within}")
    if reason is None or isinstance(reason, NetworkError):
        return NetworkError(f"{name}: not connected {within}", phase="connect")
    # The connection stands, and the exchange takes no requests.
    return NetworkError(f"{name}: not requested {within}", phase="send")


class Subscription:
    """
    One subscription of one user.

    It is made by the client's ``subscribe*`` methods. Without a callback it can be iterated
    over. As a context manager it unsubscribes at the end.

    Attributes
    ----------
    channel : str
        ``ticker``, ``trades``, ``book``, ``candles`` or ``status``.
    symbol : str
    sub_id : str
        A name for it, the user's or a random one.
    """

    def __init__(
        self, client: object, core: Core, subscriber: Subscriber, timeout_s: float
    ) -> None:
        # A subscription keeps its client alive.
        self._client = client
        self._core = core
        self._subscriber = subscriber
        self._timeout_s = timeout_s
        self._called_at = time.monotonic()
        self.channel = subscriber.channel.name
        self.symbol = subscriber.channel.symbol
        self.sub_id = subscriber.subscription["sub_id"]
        self._log_event = EventLog(subscriber.name)

    def __del__(self) -> None:
        subscriber = getattr(self, "_subscriber", None)
        # What was never read has its events and callbacks as readers, a callback is one itself.
        # What was read, nobody can read any more.
        if subscriber is None or subscriber.reader is None or subscriber.has_callback:
            return
        if subscriber.is_active:
            self._core.drop(subscriber)

    @also_half_made
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._subscriber.name}: {self.status.value}>"

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.unsubscribe()

    def __getitem__(self, key: str) -> str:
        """Return a field as the official client names it: `channel`, `sub_id`, `symbol`, …"""
        return self._subscriber.subscription[key]

    def __contains__(self, key: object) -> bool:
        """Tell whether there is such a field; of the data nothing is read."""
        return key in self._subscriber.subscription

    def keys(self) -> list[str]:
        """Return the names of the fields, so that ``dict(handle)`` has them all."""
        return list(self._subscriber.subscription)

    @property
    def status(self) -> SubscriptionStatus:
        """How it is now."""
        return self._subscriber.status

    @property
    def is_active(self) -> bool:
        """False once it was refused, unsubscribed, or its client closed."""
        return self._subscriber.is_active

    @property
    def exception(self) -> Exception | None:
        """
        Why it was refused, or why it still has no data although it is requested again and again.

        None while all is well. `is_active` tells the two apart.
        """
        return self._subscriber.error or self._subscriber.delay

    @property
    def update_count(self) -> int:
        """Updates that came from the exchange, whether they were consumed or not."""
        return self._subscriber.update_count

    @property
    def gap_count(self) -> int:
        """How often the link was lost or data was known to be missing."""
        return self._subscriber.gap_count

    @property
    def dropped_count(self) -> int:
        """Updates thrown away because the consumer was too slow."""
        return self._subscriber.dropped_count

    @property
    def queued_count(self) -> int:
        """Updates and events that wait for the callback or the iteration."""
        return self._subscriber.queued_count

    @property
    def error_count(self) -> int:
        """Exceptions that its callback, or `on_event`, has raised."""
        callback_queue = self._subscriber.callback_queue
        return 0 if callback_queue is None else callback_queue.errors.count

    @property
    def last_error(self) -> BaseException | None:
        """The latest of them; its traceback begins with the callback."""
        callback_queue = self._subscriber.callback_queue
        return None if callback_queue is None else callback_queue.errors.last

    @property
    def heal_count(self) -> int:
        """How often the channel was subscribed anew by itself, as something was wrong with it."""
        return self._subscriber.channel.recovery.count

    @property
    def lag_s(self) -> float:
        """Seconds that the oldest item waits for the callback or iteration, or the last one did."""
        return self._subscriber.lag_s

    @property
    def age(self) -> float | None:
        """
        Seconds since the last frame of any kind, heartbeats included.

        The exchange sends one at least every 15 seconds, so this tells silence from quiet. None
        before the first frame on the present connection.
        """
        return self._subscriber.age_s

    @property
    def is_stale(self) -> bool:
        """True if what was last delivered may be old: not live, or no frame for `stale_after`."""
        return self._subscriber.is_stale

    def wait_ready(self, timeout: float | None = None) -> None:
        """
        Wait until the first data has been applied.

        Parameters
        ----------
        timeout : float, optional
            Seconds from the moment in which the request went out; the subscription's own
            without it.

        Raises
        ------
        SubscriptionRejected
            The exchange refused it.
        RequestTimeout
            No data came in time.
        NetworkError
            It could not be requested in time: with phase ``connect``, as there is no connection;
            with phase ``send``, as the exchange is in maintenance. The message and the cause of
            both say what is known of why.
        ClosedError
            The client was closed meanwhile.
        """
        if timeout is None:
            wait_for(self._core, self._subscriber, self._timeout_s, self._called_at)
        else:
            start = time.monotonic()
            wait_for(self._core, self._subscriber, check_timeout(timeout), start)

    def unsubscribe(self) -> None:
        """End it. What is queued for the callback is still delivered; twice does no harm."""
        self._core.detach(self._subscriber)

    close = unsubscribe

    def __iter__(self) -> Iterator[Any]:
        """
        Yield data; it ends with the subscription or the client.

        What came before the first use of the iterator is not yielded; see `events`. Several
        threads may share an iterator.

        Raises
        ------
        SystemExit
            A callback called ``sys.exit()``, which has closed the client.
        """
        return _Items(self, self._next_data)

    def events(self) -> Iterator[Any]:
        """Yield data, and `Snapshot`, `Gap`, `Status` and `Degraded` between it."""
        return _Items(self, self._next_item)

    def get(self, timeout: float | None = None) -> Any:
        """
        Return the next update.

        Parameters
        ----------
        timeout : float, optional
            Seconds; 0 only takes what is there, and without it it takes as long as it takes.

        Raises
        ------
        RequestTimeout
            Nothing came in time.
        ClosedError
            The subscription or the client was closed.
        SystemExit
            A callback called ``sys.exit()``, which has closed the client.
        """
        timeout_s: float | None = None
        if timeout is not None:
            timeout_s = 0.0 if plain_real(timeout) == 0 else check_timeout(timeout)
        reader = self._reader()
        if timeout_s == 0.0 and self._subscriber.channel.is_live:
            # What there is to begin with may be on its way, the first time.
            reader.begun.wait(self._timeout_s)
        try:
            return self._next_data(reader, timeout_s)
        except StopIteration:
            raise ClosedError(f"{self._subscriber.name} is closed") from None
        except RequestTimeout:
            raise
        except TimeoutError:
            raise RequestTimeout(
                f"{self._subscriber.name}: no update within {timeout_s:g} s"
            ) from None

    def _next_data(self, reader: Mailbox, timeout_s: float | None = None) -> Any:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        rest_s = timeout_s
        while True:
            item = self._next_item(reader, rest_s)
            # Nothing may be called before it is returned, or an interrupt might lose it.
            if item.__class__ not in _EVENTS:
                return item
            if self._subscriber.callback_queue is None:
                self._log_event(item)
            if deadline is not None:
                rest_s = max(0.0, deadline - time.monotonic())

    def _next_item(self, reader: Mailbox, timeout_s: float | None = None) -> Any:
        self._check_may_read()
        try:
            return reader.get(timeout_s)
        except StopIteration:
            self._core.check_exit()
            raise

    def _check_may_read(self) -> None:
        detached = self._subscriber.detached
        if detached is not None:
            raise detached.with_traceback(None)
        self._core.check_may_wait()

    def _reader(self) -> Mailbox:
        subscriber = self._subscriber
        self._check_may_read()
        if subscriber.has_callback:
            raise UsageError(
                "a subscription with a callback cannot be read from as well"
            )
        reader = subscriber.reading()
        if not reader.is_asked_for:
            # Twice does no harm, as when this is interrupted before the last line.
            home = self._core.home(subscriber)
            if home is not None:
                home.read(subscriber, reader)
            else:
                reader.close(subscriber.error)
            reader.is_asked_for = True
        return reader


class _Items:
    """
    An iterator over what a subscription receives.

    It is no generator: an interrupt would end that for good, and two threads could not share it.
    It keeps the subscription, and with it the client.
    """

    def __init__(
        self, subscription: Subscription, following: Callable[[Mailbox], Any]
    ) -> None:
        self._subscription = subscription
        self._following = following
        # Here, not at the first item: from now on nothing is missed.
        self._reader = subscription._reader()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self._following(self._reader)


class BookSubscription(Subscription):
    """A subscription to an order book, which is kept current in the background."""

    @property
    def book(self) -> BookView:
        """The book; reading it takes no message from the callback or the iteration."""
        return BookView(
            self, self._subscriber, partial(self._core.has_writer, self._subscriber)
        )
