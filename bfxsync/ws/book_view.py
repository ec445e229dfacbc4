"""
The view of a book that a subscription keeps current.

Strategy: a reader holds no lock. It looks at the book's version, reads, and looks again: if the
I/O thread has changed the book meanwhile, it reads once more. So a reader that is interrupted, or
a signal handler that reads what the interrupted code was reading, stops nobody.
"""

from __future__ import annotations

import sys
import time
from datetime import datetime
from typing import Any, Callable, TypeVar

from bfxsync._base.describe import also_half_made
from bfxsync._base.enums import SubscriptionStatus
from bfxsync.book.queries import BookQueries, BookSnapshot, check_count
from bfxsync.errors import ClosedError
from bfxsync.wire.channels import BookChannel
from bfxsync.ws.core.shared_subscription import Subscriber

T = TypeVar("T")

# Tries after which a reader does not only let other threads run, but waits for a moment.
_PATIENCE = 20
_MOMENT_S = 0.0001


class BookView(BookQueries[Any]):
    """
    A book as the exchange last described it; read it from any thread.

    Every read sees a state that existed after a whole message; two reads in a row may see two.
    `snapshot` and `levels` give several things of the same moment. Levels are `BookUpdate`
    objects (or the raw and funding kinds), best first; treat them as read-only. Between a gap
    and the snapshot after it the book is empty.

    References
    ----------
    https://docs.bitfinex.com/reference/ws-public-books
    https://docs.bitfinex.com/docs/ws-websocket-checksum
    """

    def __init__(
        self,
        keeper: object,
        subscriber: Subscriber,
        has_writer: Callable[[], bool] = lambda: True,
    ) -> None:
        # The handle, which keeps the client: a book that is held is still subscribed to.
        self._keeper = keeper
        self._subscriber = subscriber
        self._has_writer = has_writer

    @also_half_made
    def __repr__(self) -> str:
        return f"<BookView {self._subscriber.name}: {self._subscriber.status.value}>"

    def __len__(self) -> int:
        """Return the number of levels of both sides."""
        return self._read(lambda channel: len(channel.book))

    @property
    def is_funding(self) -> bool:
        """Whether it is of a funding currency: rates for prices, signs the other way round."""
        return self._channel.is_funding

    # --- levels -------------------------------------------------------------------------------

    def bids(self, count: int | None = None) -> list[Any]:
        """Return the best bids, best first; all of them without `count`."""
        check_count(count)
        return self._read(lambda channel: channel.book.bids(count))

    def asks(self, count: int | None = None) -> list[Any]:
        """Return the best asks, best first; all of them without `count`."""
        check_count(count)
        return self._read(lambda channel: channel.book.asks(count))

    def levels(self, count: int | None = None) -> tuple[list[Any], list[Any]]:
        """Return bids and asks of the same moment, each best first; all without `count`."""
        check_count(count)
        return self._read(lambda channel: channel.book.levels(count))

    def snapshot(self) -> BookSnapshot:
        """Return a copy of the book as it is now; it answers what the book does."""

        def copy(channel: BookChannel) -> BookSnapshot:
            bids, asks = channel.book.levels()
            return BookSnapshot(
                channel.symbol,
                channel.arguments["prec"],
                tuple(bids),
                tuple(asks),
                self._is_live(channel),
                self._utc(channel.verified_at),
            )

        return self._read(copy)

    # --- trust --------------------------------------------------------------------------------

    @property
    def is_live(self) -> bool:
        """
        Whether the book is known to be whole.

        False before the first snapshot, between a gap and the snapshot after it, during the
        exchange's maintenance, while it is degraded, and after the end.
        """
        return self._is_live(self._channel)

    @property
    def is_stale(self) -> bool:
        """
        Whether the book may be old: it is not live, or no frame came for `stale_after`.

        Every channel has a heartbeat each 15 seconds, quiet or busy; `stale_after` is the
        client's option, 35 seconds without it.
        """
        return not self.is_live or self._subscriber.is_stale

    @property
    def age(self) -> float | None:
        """
        Seconds since the last frame of any kind, heartbeats included.

        None before the first frame of the channel on the present connection.
        """
        return self._subscriber.age_s

    @property
    def verified_at(self) -> datetime | None:
        """
        When the exchange's checksum was equal to the local one last (UTC).

        None if it was not since the exchange's last snapshot, and for funding books, which are
        not verified. The time is counted back from now at each read, so it may differ by a
        little from read to read: `verified_count` tells whether there was another checksum.
        """
        return self._utc(self._channel.verified_at)

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

    def checksum(self) -> int:
        """Return the local checksum, as a signed 32-bit integer."""
        return self._read(lambda channel: channel.book.checksum())

    # --- within -------------------------------------------------------------------------------

    @property
    def _channel(self) -> BookChannel:
        channel = self._subscriber.channel
        assert isinstance(channel, BookChannel)
        return channel

    def _is_live(self, channel: BookChannel) -> bool:
        # The status follows the channel by a moment, in which the book is wrong or empty already.
        return (
            self._subscriber.status is SubscriptionStatus.LIVE
            and channel.is_live
            and channel.resync_reason is None
            and not channel.is_degraded
        )

    def _utc(self, at: float | None) -> datetime | None:
        return None if at is None else self._subscriber.clock.utc(at)

    def _read(self, read: Callable[[BookChannel], T]) -> T:
        """Read a state between two blocks of messages."""
        tries = 0
        while True:
            detached = self._subscriber.detached
            if detached is not None:
                # Each time: forked within a read, it finds the parent's writing never ended.
                raise detached.with_traceback(None)
            channel = self._channel
            version = channel.version
            if version % 2 == 0:
                try:
                    answer = read(channel)
                except Exception:
                    # Of a book that was changed meanwhile it says nothing.
                    if channel.version == version:
                        raise
                else:
                    if channel.version == version:
                        return answer
            elif sys.is_finalizing() or not self._has_writer():
                raise ClosedError(
                    f"{self._subscriber.name}: the book was left half changed by a thread that has "
                    "ended, or is being changed by this one"
                )
            tries += 1
            time.sleep(0.0 if tries < _PATIENCE else _MOMENT_S)
