"""What a user holds: a subscription, and the view of its book."""

from __future__ import annotations

import logging
import time
from threading import Lock
from typing import Any, Callable, Iterator

from bfxsync.errors import ClosedError, NetworkError, RequestTimeout, UsageError
from bfxsync.models.market import FundingTradeUpdate, TradeUpdate
from bfxsync.models.stream import Checksum, Degraded, Gap, Snapshot, Status
from bfxsync.types import SubscriptionStatus
from bfxsync.wire.channels import BookChannel
from bfxsync.wire.outputs import Acknowledged
from bfxsync.ws.arguments import check_timeout
from bfxsync.ws.mailbox import Mailbox
from bfxsync.ws.pool import Pool
from bfxsync.ws.stream import Ticket

logger = logging.getLogger(__name__)

_EVENTS = (Snapshot, Gap, Status, Degraded)

# Made only for event handlers; neither data nor events of a subscription.
_EXTRAS = (TradeUpdate, FundingTradeUpdate, Checksum, Acknowledged)

# The session's own deadline for an answer comes first; this is in case its thread is busy.
_GRACE_S = 0.5


def wait_for(pool: Pool, ticket: Ticket, allowed_s: float, start: float) -> None:
    """
    Wait for the first data of a ticket.

    The time allowed counts from `start`, or from the moment in which the request went out if
    that was later. Raises the ticket's error, `RequestTimeout` or `NetworkError`.
    """
    while True:
        asked_at = ticket.asked_at
        begin = start if asked_at is None else max(start, asked_at)
        deadline = begin + allowed_s + _GRACE_S
        if ticket.resolved.wait(max(0.0, deadline - time.monotonic())):
            break
        if asked_at is not ticket.asked_at:
            continue  # it went out meanwhile
        if asked_at is not None:
            raise RequestTimeout(f"{ticket.name}: no data within {allowed_s:g} s")
        home = pool.home(ticket)
        message = f"{ticket.name}: not connected within {allowed_s:g} s"
        cause = home.last_error if home is not None else None
        raise NetworkError(message, phase="connect") from cause
    if ticket.error is not None:
        raise ticket.error


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
        self, client: object, pool: Pool, ticket: Ticket, timeout_s: float
    ) -> None:
        # A subscription keeps its client alive.
        self._client = client
        self._pool = pool
        self._ticket = ticket
        self._timeout_s = timeout_s
        self._called_at = time.monotonic()
        self.channel = ticket.channel.name
        self.symbol = ticket.channel.symbol
        self.sub_id = ticket.subscription["sub_id"]
        # Protects the making of the reader.
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._ticket.name}: {self.status.value}>"

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.unsubscribe()

    def __getitem__(self, key: str) -> str:
        """Return a field as the official client names it: `channel`, `sub_id`, `symbol`, …"""
        return self._ticket.subscription[key]

    @property
    def status(self) -> SubscriptionStatus:
        """How it is now."""
        return self._ticket.status

    @property
    def is_active(self) -> bool:
        """False once it was refused, unsubscribed, or its client closed."""
        return self._ticket.is_active

    @property
    def exception(self) -> Exception | None:
        """Why it was refused, or None."""
        return self._ticket.error

    @property
    def update_count(self) -> int:
        """Updates that came from the exchange, whether they were consumed or not."""
        return self._ticket.update_count

    @property
    def gap_count(self) -> int:
        """How often the link was lost or data was known to be missing."""
        return self._ticket.gap_count

    @property
    def dropped_count(self) -> int:
        """Updates thrown away because the consumer was too slow."""
        boxes = [self._ticket.reader]
        if self._ticket.outlet is not None:
            boxes.append(self._ticket.outlet.mailbox)
        return sum(box.dropped_count for box in boxes if box is not None)

    @property
    def lag_s(self) -> float:
        """Seconds from the I/O thread to the callback, for the last batch; 0 without callback."""
        outlet = self._ticket.outlet
        return 0.0 if outlet is None else outlet.mailbox.lag_s

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
            With phase ``connect``: the request could not go out.
        ClosedError
            The client was closed meanwhile.
        """
        if timeout is None:
            wait_for(self._pool, self._ticket, self._timeout_s, self._called_at)
        else:
            start = time.monotonic()
            wait_for(self._pool, self._ticket, check_timeout(timeout), start)

    def unsubscribe(self) -> None:
        """End it. What is queued for the callback is still delivered; twice does no harm."""
        self._pool.detach(self._ticket)

    close = unsubscribe

    def __iter__(self) -> Iterator[Any]:
        """
        Yield data; it ends with the subscription or the client.

        What came before the first use of the iterator is not yielded; see `events`.
        """
        # Here, not at the first item: from now on nothing is missed.
        return self._data(self._reader())

    def events(self) -> Iterator[Any]:
        """Yield data, and `Snapshot`, `Gap`, `Status` and `Degraded` between it."""
        return self._items(self._reader())

    def _data(self, reader: Mailbox) -> Iterator[Any]:
        while True:
            try:
                yield self._next_data(reader, None)
            except StopIteration:
                return

    def _items(self, reader: Mailbox) -> Iterator[Any]:
        # A method, so that the iterator keeps the subscription and with it the client.
        while True:
            try:
                item = reader.get()
            except StopIteration:
                return
            if not isinstance(item, _EXTRAS):
                yield item

    def get(self, timeout: float | None = None) -> Any:
        """
        Return the next update.

        Parameters
        ----------
        timeout : float, optional
            Seconds; without it as long as it takes.

        Raises
        ------
        RequestTimeout
            Nothing came in time.
        ClosedError
            The subscription or the client was closed.
        """
        timeout_s = None if timeout is None else check_timeout(timeout)
        try:
            return self._next_data(self._reader(), timeout_s)
        except StopIteration:
            raise ClosedError(f"{self._ticket.name} is closed") from None
        except RequestTimeout:
            raise
        except TimeoutError:
            raise RequestTimeout(
                f"{self._ticket.name}: no update within {timeout_s:g} s"
            ) from None

    def _next_data(self, reader: Mailbox, timeout: float | None) -> Any:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            rest = None if deadline is None else max(0.0, deadline - time.monotonic())
            item = reader.get(rest)
            if isinstance(item, (Gap, Degraded)):
                logger.warning("%s: %s", self._ticket.name, item)
            elif not isinstance(item, (*_EVENTS, *_EXTRAS)):
                return item

    def _reader(self) -> Mailbox:
        ticket = self._ticket
        if ticket.outlet is not None:
            raise UsageError(
                "a subscription with a callback cannot be read from as well"
            )
        with self._lock:
            reader = ticket.reader
            if reader is None:
                reader = ticket.reader = Mailbox(ticket.size, ticket.policy)
                home = self._pool.home(ticket)
                if home is not None:
                    home.read(ticket, reader)
                else:
                    reader.close(ticket.error)
        return reader


class BookSubscription(Subscription):
    """A subscription to an order book, which is kept current in the background."""

    @property
    def book(self) -> BookView:
        """The book; reading it takes no message from the callback or the iteration."""
        return BookView(self._client, self._ticket)


class BookView:
    """
    A book as the exchange last described it; read it from any thread.

    Every read sees a state that existed after a whole message. Levels are `BookUpdate` objects
    (or the raw and funding kinds), best first.
    """

    def __init__(self, client: object, ticket: Ticket) -> None:
        self._client = client
        self._ticket = ticket

    def __repr__(self) -> str:
        return f"<BookView {self._ticket.name}: {self._ticket.status.value}>"

    @property
    def best_bid(self) -> Any:
        """The highest bid, None without bids."""
        return self._read(lambda book: book.best_bid)

    @property
    def best_ask(self) -> Any:
        """The lowest ask, None without asks."""
        return self._read(lambda book: book.best_ask)

    def bids(self, count: int | None = None) -> list[Any]:
        """Return the best bids, best first; all of them without `count`."""
        result: list[Any] = self._read(lambda book: book.bids(_check_count(count)))
        return result

    def asks(self, count: int | None = None) -> list[Any]:
        """Return the best asks, best first; all of them without `count`."""
        result: list[Any] = self._read(lambda book: book.asks(_check_count(count)))
        return result

    def levels(self, count: int | None = None) -> tuple[list[Any], list[Any]]:
        """Return bids and asks of the same moment."""
        checked = _check_count(count)
        result: tuple[list[Any], list[Any]] = self._read(
            lambda book: (book.bids(checked), book.asks(checked))
        )
        return result

    def checksum(self) -> int:
        """Return the local checksum, as a signed 32-bit integer."""
        result: int = self._read(lambda book: book.checksum())
        return result

    def __len__(self) -> int:
        """Return the number of levels of both sides."""
        result: int = self._read(len)
        return result

    @property
    def is_live(self) -> bool:
        """False before the first snapshot, after a gap, and after the end."""
        return self._ticket.status is SubscriptionStatus.LIVE

    @property
    def verified_count(self) -> int:
        """Checksums of the exchange that were equal to the local one."""
        return self._channel.verified_count

    @property
    def mismatch_count(self) -> int:
        """Checksums of the exchange that were not."""
        return self._channel.mismatch_count

    @property
    def unknown_deletes(self) -> int:
        """Deletes of levels that were not there."""
        return self._channel.book.unknown_deletes

    @property
    def _channel(self) -> BookChannel:
        channel = self._ticket.channel
        assert isinstance(channel, BookChannel)
        return channel

    def _read(self, read: Callable[[Any], Any]) -> Any:
        channel = self._channel
        with channel.guard:
            return read(channel.book)


def _check_count(count: int | None) -> int | None:
    if count is not None and (type(count) is not int or count < 0):
        raise UsageError(f"count must be a non-negative integer or None, not {count!r}")
    return count
