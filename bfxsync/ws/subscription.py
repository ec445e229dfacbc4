"""The handle of a subscription."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Iterator, Union

from bfxsync._base.describe import also_half_made
from bfxsync._base.enums import SubscriptionStatus
from bfxsync._base.html import html_of
from bfxsync.checks.containers import optional
from bfxsync.checks.times import check_seconds, check_seconds_or_zero
from bfxsync.errors import (
    BfxError,
    ClosedError,
    NetworkError,
    RequestTimeout,
    UsageError,
)
from bfxsync.models.stream import Degraded, Gap, Snapshot, Status
from bfxsync.ws.core.core import Core
from bfxsync.ws.core.subscriber import Subscriber
from bfxsync.ws.dispatch.claims import Claim, handed_over
from bfxsync.ws.dispatch.event_log import EventLog
from bfxsync.ws.dispatch.mailbox import Mailbox

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    T_co = TypeVar("T_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    T_co = TypeVar("T_co", covariant=True)

S = TypeVar("S", bound="Subscription[Any]")

_EVENTS = frozenset((Snapshot, Gap, Status, Degraded))


def wait_for(
    core: Core, subscriber: Subscriber, allowed_s: float, start: float
) -> None:
    """
    Wait for the first data of a subscriber, or raise its error, or that of `timeout_error`.

    The time counts from `start`, or from the time of the request if that is later.
    """
    core.check_may_wait()
    while True:
        requested_at = subscriber.requested_at
        deadline = allowed_s + (
            start if requested_at is None else max(start, requested_at)
        )
        if subscriber.resolved.wait(max(0.0, deadline - time.monotonic())):
            break
        if requested_at is not subscriber.requested_at:
            continue  # it was sent meanwhile
        home = subscriber.home
        reason = subscriber.delay or (home.last_error if home is not None else None)
        # Not by a variable, which its own traceback would keep.
        raise timeout_error(
            subscriber.name, allowed_s, requested_at is not None, reason
        ) from reason
    if subscriber.error is not None:
        core.lifetime.check_exit()
        # Raised in every waiting call, each with its own traceback.
        raise subscriber.error.with_traceback(None)


def timeout_error(
    name: str, allowed_s: float, was_requested: bool, reason: BfxError | None
) -> NetworkError:
    """Return the error of a waiting call that timed out, with the reason if it is known."""
    because = f": {reason}" if reason is not None else ""
    within = f"within {allowed_s:g} s{because}"
    if was_requested:
        return RequestTimeout(f"{name}: no data {within}")
    if reason is None or isinstance(reason, NetworkError):
        return NetworkError(f"{name}: not connected {within}", phase="connect")
    # The connection is open, and the exchange accepts no requests.
    return NetworkError(f"{name}: not requested {within}", phase="send")


class Subscription(Generic[T_co]):
    """
    One subscription of one user, returned by the client's ``subscribe*`` methods.

    Without a callback it can be iterated over. As a context manager it unsubscribes at the end.
    To type checkers it is generic in its data: a ``Subscription[Ticker]`` yields `Ticker`.

    Attributes
    ----------
    channel : str
        ``ticker``, ``trades``, ``book``, ``candles`` or ``status``; with `subscribe_raw` any.
    symbol : str
    sub_id : str
        Name of the subscription: as passed by the user, or random.
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
        self.channel: str = subscriber.channel.name
        self.symbol: str = subscriber.channel.symbol
        self.sub_id: str = subscriber.subscription["sub_id"]
        self._log_event = EventLog(subscriber.name)

    def __del__(self) -> None:
        subscriber = getattr(self, "_subscriber", None)
        # A subscription with a callback is still in use, and so is one that was never read: it
        # feeds event handlers. One that was read has lost its only reader.
        if subscriber is None or subscriber.reader is None or subscriber.has_callback:
            return
        if subscriber.is_active:
            self._core.placement.drop(subscriber)

    @also_half_made
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._subscriber.name}: {self.status.value}>"

    _repr_html_ = html_of

    def __enter__(self: S) -> S:
        return self

    def __exit__(self, *_: object) -> None:
        self.unsubscribe()

    def __getitem__(self, key: str) -> str:
        """Return a field as the official client names it: `channel`, `sub_id`, `symbol`, …"""
        return self._subscriber.subscription[key]

    def __contains__(self, key: object) -> bool:
        """Return whether there is such a field; reads no data."""
        return key in self._subscriber.subscription

    def keys(self) -> list[str]:
        """Return the names of the fields, for ``dict(subscription)``."""
        return list(self._subscriber.subscription)

    @property
    def status(self) -> SubscriptionStatus:
        """Current state."""
        return self._subscriber.status

    @property
    def is_active(self) -> bool:
        """False once it was rejected, quarantined or unsubscribed, or its client closed."""
        return self._subscriber.is_active

    @property
    def exception(self) -> Exception | None:
        """
        Why it was rejected or quarantined, or why repeated requests have brought no data yet.

        None if there is no error. `status` shows which of these it is.
        """
        return self._subscriber.ended_by or self._subscriber.delay

    @property
    def update_count(self) -> int:
        """Updates received from the exchange, consumed or not."""
        return self._subscriber.update_count

    @property
    def gap_count(self) -> int:
        """Number of gaps: the connection was lost, or data was missing."""
        return self._subscriber.gap_count

    @property
    def dropped_count(self) -> int:
        """Updates dropped because the consumer was too slow."""
        return self._subscriber.dropped_count

    @property
    def queued_count(self) -> int:
        """Updates and events queued for the callback or the iteration."""
        return self._subscriber.queued_count

    @property
    def error_count(self) -> int:
        """Exceptions raised by its callback or by `on_event`."""
        callback_queue = self._subscriber.callback_queue
        return 0 if callback_queue is None else callback_queue.errors.count

    @property
    def last_error(self) -> BaseException | None:
        """The latest exception of its callbacks; the traceback begins with the callback."""
        callback_queue = self._subscriber.callback_queue
        return None if callback_queue is None else callback_queue.errors.last

    @property
    def heal_count(self) -> int:
        """Automatic resubscriptions of the channel, after wrong data or silence."""
        return self._subscriber.channel.recovery.count

    @property
    def lag_s(self) -> float:
        """Seconds that the oldest queued item has waited; if none is queued, the last one."""
        return self._subscriber.lag_s

    @property
    def age(self) -> float | None:
        """
        Seconds since the last frame of any kind, heartbeats included.

        The exchange sends at least one every 15 seconds, so this distinguishes a silent channel
        from a quiet market. None before the first frame on the current connection.
        """
        return self._subscriber.age_s

    @property
    def is_stale(self) -> bool:
        """Whether the data may be outdated: not live, or no frame for `stale_after`."""
        return self._subscriber.is_stale

    def wait_ready(self, timeout: float | None = None) -> None:
        """
        Wait until the first data has been applied.

        The timeout counts from the time of the request; by default it is that of the subscription.
        Raises the errors of `WebSocketClient.subscribe`.
        """
        allowed_s, start = self._timeout_s, self._called_at
        if timeout is not None:
            allowed_s, start = check_seconds("timeout", timeout), time.monotonic()
        wait_for(self._core, self._subscriber, allowed_s, start)

    def unsubscribe(self) -> None:
        """End the subscription; updates queued for the callback are still delivered. Idempotent."""
        self._core.placement.detach(self._subscriber)

    def close(self) -> None:
        """Same as `unsubscribe`."""
        self.unsubscribe()

    def __iter__(self) -> Iterator[T_co]:
        """
        Yield data until the subscription or the client ends.

        Data from before the first use of the iterator is not yielded; see `events`. Several
        threads may share an iterator.

        Raises
        ------
        SystemExit
            A callback called ``sys.exit()``, which has closed the client.
        """
        return handed_over(partial(self._claim_data, self._reader()))

    def events(self) -> Iterator[Union[T_co, Snapshot[T_co], Gap, Status, Degraded]]:
        """Yield data and events (`Snapshot`, `Gap`, `Status`, `Degraded`) in order."""
        return handed_over(partial(self._claim_item, self._reader()))

    def get(self, timeout: float | None = None) -> T_co:
        """
        Return the next update.

        Parameters
        ----------
        timeout : float, optional
            Seconds; 0 returns only a queued update. By default the call waits indefinitely.

        Raises
        ------
        RequestTimeout
            No update in time.
        ClosedError
            The subscription or the client was closed.
        SystemExit
            A callback called ``sys.exit()``, which has closed the client.
        """
        timeout_s = optional(check_seconds_or_zero, "timeout", timeout)
        reader = self._reader()
        if timeout_s == 0.0 and self._subscriber.channel.is_live:
            # At the first call, the local state may be about to arrive.
            reader.begun.wait(self._timeout_s)
        try:
            # A loop instead of next(): an interrupt after the call would lose its result.
            for item in handed_over(partial(self._claim_data, reader, timeout_s)):
                return item  # type: ignore[no-any-return]
        except RequestTimeout:
            raise
        except TimeoutError:
            raise RequestTimeout(
                f"{self._subscriber.name}: no update within {timeout_s:g} s"
            ) from None
        raise ClosedError(f"{self._subscriber.name} is closed")

    def _claim_data(self, reader: Mailbox, timeout_s: float | None = None) -> Claim:
        """Claim the next update; log events before it."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        rest_s = timeout_s
        while True:
            claimed, number, _ = claim = self._claim_item(reader, rest_s)
            item: Any = claimed.get(number)
            if item.__class__ not in _EVENTS:
                return claim
            claimed.pop(number, None)
            if self._subscriber.callback_queue is None:
                self._log_event(item)
            if deadline is not None:
                rest_s = max(0.0, deadline - time.monotonic())

    def _claim_item(self, reader: Mailbox, timeout_s: float | None = None) -> Claim:
        self._check_may_read()
        try:
            return reader.claim(timeout_s)
        except StopIteration:
            self._core.lifetime.check_exit()
            raise

    def _next_item(self, reader: Mailbox, timeout_s: float | None = None) -> Any:
        """Return the next update or event, on a thread that no signal reaches."""
        claimed, number, _ = self._claim_item(reader, timeout_s)
        return claimed.pop(number)

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
            # Idempotent: this may be interrupted before the last line.
            home = subscriber.home
            if home is not None:
                home.read(subscriber, reader)
            else:
                reader.close(subscriber.ended_by)
            reader.is_asked_for = True
        return reader
