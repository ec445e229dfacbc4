"""
A read-only view of a subscription's order book.

Strategy: readers hold no lock. A reader compares the book's version before and after reading, and
reads again if the I/O thread has changed the book in between. So an interrupted reader, or a signal
handler that reads the same book, blocks no other thread.
"""

from __future__ import annotations

import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable

from bfxsync._base.aliases import NumberType
from bfxsync._base.describe import also_half_made
from bfxsync._base.enums import SubscriptionStatus
from bfxsync.book.queries import BookQueries
from bfxsync.book.snapshots import BookSnapshot
from bfxsync.checks.numbers import check_level_count
from bfxsync.errors import ClosedError
from bfxsync.wire.channels import BookChannel
from bfxsync.ws.core.subscriber import Subscriber

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    L_co = TypeVar("L_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    L_co = TypeVar("L_co", covariant=True)

T = TypeVar("T")

# Attempts after which a reader sleeps instead of only yielding to other threads.
_MAX_SPINS = 20
_PAUSE_S = 0.0001


class BookView(BookQueries[L_co]):
    """
    The current state of an order book; may be read from any thread.

    Each read sees the state after a whole message; consecutive reads may see different states.
    `snapshot` and `levels` return bids and asks of one state. Levels are `BookUpdate` objects (or
    the raw and funding kinds), best first; treat them as read-only. Between a gap and the next
    snapshot the book is empty.

    https://docs.bitfinex.com/reference/ws-public-books
    https://docs.bitfinex.com/docs/ws-websocket-checksum
    """

    def __init__(
        self,
        keeper: object,
        subscriber: Subscriber,
        has_writer: Callable[[], bool] = lambda: True,
    ) -> None:
        # The subscription, which keeps the client alive: a book in use stays subscribed.
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
        """Whether this is a funding book: rates in place of prices, amounts with opposite signs."""
        return self._channel.is_funding

    # --- levels -------------------------------------------------------------------------------

    def bids(self, count: int | None = None) -> list[L_co]:
        """Return the best bids, best first: at most `count`, by default all."""
        check_level_count(count)
        return self._read(lambda channel: channel.book.bids(count))

    def asks(self, count: int | None = None) -> list[L_co]:
        """Return the best asks, best first: at most `count`, by default all."""
        check_level_count(count)
        return self._read(lambda channel: channel.book.asks(count))

    def levels(self, count: int | None = None) -> tuple[list[L_co], list[L_co]]:
        """Return bids and asks of one state, each best first: at most `count`, by default all."""
        check_level_count(count)
        return self._read(lambda channel: channel.book.levels(count))

    def snapshot(self) -> BookSnapshot[L_co]:
        """Return a frozen copy of the book, with the same queries."""

        def copy(channel: BookChannel) -> BookSnapshot[L_co]:
            bids, asks = channel.book.levels()
            return BookSnapshot(
                channel.symbol,
                channel.arguments["prec"],
                tuple(bids),
                tuple(asks),
                self._is_live(channel),
                self._utc(channel.verified_at),
                *self._level_types(),
            )

        return self._read(copy)

    # --- trust --------------------------------------------------------------------------------

    @property
    def is_live(self) -> bool:
        """
        Whether the book is complete and current, as far as is known.

        False before the first snapshot, between a gap and the next snapshot, during maintenance
        of the exchange, while degraded, and after the end.
        """
        return self._is_live(self._channel)

    @property
    def is_stale(self) -> bool:
        """
        Whether the book may be outdated: not live, or no frame for `stale_after`.

        Every channel has a heartbeat each 15 seconds. `stale_after` is an option of the client,
        35 seconds by default.
        """
        return not self.is_live or self._subscriber.is_stale

    @property
    def age(self) -> float | None:
        """
        Seconds since the last frame of any kind, heartbeats included.

        None before the first frame of the channel on the current connection.
        """
        return self._subscriber.age_s

    @property
    def verified_at(self) -> datetime | None:
        """
        Time (UTC) of the last checksum of the exchange that matched the local one.

        None before the first match since the last snapshot, and for funding books, which have no
        checksums. The time is computed from its age at each read, so it may vary slightly between
        reads: compare `verified_count` to detect another checksum.
        # Meaningless
        """
        return self._utc(self._channel.verified_at)

    @property
    def verified_count(self) -> int:
        """Checksums of the exchange that matched the local one."""
        return self._channel.verified_count

    @property
    def mismatch_count(self) -> int:
        """Checksums of the exchange that did not match."""
        return self._channel.mismatch_count

    @property
    def unknown_deletes(self) -> int:
        """Deletions of levels that the book did not have."""
        return self._channel.book.unknown_deletes

    def checksum(self) -> int:
        """Return the local checksum, as a signed 32-bit integer."""
        return self._read(lambda channel: channel.book.checksum())

    # --- internal -----------------------------------------------------------------------------

    def _level_types(self) -> tuple[Any, NumberType]:
        return self._channel.level_type, self._channel.number

    @property
    def _channel(self) -> BookChannel:
        channel = self._subscriber.channel
        assert isinstance(channel, BookChannel)
        return channel

    def _is_live(self, channel: BookChannel) -> bool:
        # The status lags the channel slightly; meanwhile the book may be wrong or empty.
        return (
            self._subscriber.status is SubscriptionStatus.LIVE
            and channel.is_live
            and channel.resync_reason is None
            and not channel.is_degraded
        )

    def _utc(self, at: float | None) -> datetime | None:
        return None if at is None else self._subscriber.clock.utc(at)

    def _read(self, read: Callable[[BookChannel], T]) -> T:
        """Read the state between two blocks of messages."""
        tries = 0
        while True:
            detached = self._subscriber.detached
            if detached is not None:
                # Checked at each attempt: after a fork, a write in progress would never end.
                raise detached.with_traceback(None)
            channel = self._channel
            version = channel.version
            if version % 2 == 0:
                try:
                    answer = read(channel)
                except Exception:
                    # Meaningless if the book has been changed.
                    if channel.version == version:
                        raise
                else:
                    if channel.version == version:
                        return answer
            elif sys.is_finalizing() or not self._has_writer():
                raise ClosedError(
                    f"{self._subscriber.name}: the book cannot be read, as a change of it was "
                    "interrupted, or is in progress on this thread"
                )
            tries += 1
            time.sleep(0.0 if tries < _MAX_SPINS else _PAUSE_S)
