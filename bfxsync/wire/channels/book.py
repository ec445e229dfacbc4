"""Order books."""

from __future__ import annotations

from typing import Any

from bfxsync._base.aliases import NumberType
from bfxsync._base.enums import SubscriptionStatus
from bfxsync.book.book import (
    AggregatedBook,
    FundingBook,
    FundingRawBook,
    OrderBook,
    RawBook,
)
from bfxsync.errors import ChecksumMismatch, RemoteError
from bfxsync.models.market import (
    BookUpdate,
    FundingBookUpdate,
    FundingRawBookUpdate,
    RawBookUpdate,
)
from bfxsync.models.stream import Checksum, Gap, Snapshot, Status
from bfxsync.wire.channels.base import FRAME_ERRORS, Channel
from bfxsync.wire.frames import CHECKSUM, HEARTBEAT


class BookChannel(Channel):
    """
    An order book, kept here in frame order and compared with the exchange's checksums.

    Attributes
    ----------
    book : OrderBook
    version : int
        Odd while the book is being changed, which happens once for a block of frames. Another
        thread that finds it even, reads, and finds it the same has seen a state between two
        blocks. Nothing of the user's runs meanwhile, no logging either: it might read the book.
    verified_count, mismatch_count : int
        Checksums that were equal and that were not.
    verified_at : float or None
        When a checksum was equal last (monotonic time); None since the last snapshot.
    """

    name = "book"

    def __init__(self, arguments: dict[str, str], number: NumberType) -> None:
        super().__init__(arguments, number)
        raw = arguments["prec"] == "R0"
        self.book: OrderBook[Any]
        if self.is_funding:
            self.book = FundingRawBook() if raw else FundingBook()
            self._make = self._maker(FundingRawBookUpdate if raw else FundingBookUpdate)
        else:
            self.book = RawBook() if raw else AggregatedBook()
            self._make = self._maker(RawBookUpdate if raw else BookUpdate)
        self.version = 0
        self.verified_count = 0
        self.mismatch_count = 0
        self.verified_at: float | None = None

    def feed_many(self, frames: list[list[Any]]) -> list[Any]:
        """Apply the frames to the book and return its changes."""
        updates: list[Any] = []
        append = updates.append
        read, fits, apply = self._read, self._fits, self.book.apply
        self.version += 1
        try:
            for frame in frames:
                try:
                    row = frame[1]
                    if row.__class__ is not list:
                        self._take_text(frame, updates)
                    elif self.is_live and row and row[0].__class__ is not list:
                        # What `_make` does, without a call for it: this is the hot path.
                        update = read(row)
                        if not fits(row, update):
                            raise self._foreign(row)
                        apply(update)
                        append(update)
                        continue
                    else:
                        self._take_rows(row, updates)
                except FRAME_ERRORS as exc:
                    self._fail(exc, frame)
                    self._distrust("a frame of the book could not be read", updates)
                if self.resync_reason is not None:
                    # What follows belongs to a book that is given up, and nobody may read it.
                    self.book.reset()
                    break
        finally:
            self.version += 1
        return updates

    def restart(self) -> list[Any]:
        """Return all levels: bids from the best, then asks from the best."""
        if not self.is_live:
            return []
        return [Snapshot(self.book.bids() + self.book.asks())]

    def lose(self) -> None:
        """Empty the book: what it would show is no longer known."""
        self.version += 1
        try:
            super().lose()
            self.verified_at = None
            self.book.reset()
        finally:
            self.version += 1

    def suspend(self, jump_s: float) -> None:
        """Take that all that was noted is older than the clock says."""
        super().suspend(jump_s)
        if self.verified_at is not None:
            self.verified_at -= jump_s

    def _take_rows(self, rows: list[Any], updates: list[Any]) -> None:
        if rows and rows[0].__class__ is not list:
            self.resync_reason = "a book's update came before its snapshot"
            return
        levels = self._models(self._make, rows)
        if self.is_live and (self.is_bulk or not rows):
            for level in levels:
                self.book.apply(level)
            updates.extend(levels)
        elif levels or not rows:
            if self.is_live:
                # Only a snapshot is a list then; what led to it was not sent.
                updates.append(Gap("the exchange has sent a new snapshot"))
                self.verified_at = None
                self.has_event = True
            self.book.reset(levels)
            self.is_live = True
            self.is_degraded = False
            updates.append(Snapshot(self.book.bids() + self.book.asks()))
        if len(levels) < len(rows):
            self._distrust("levels of the book could not be read", updates)

    def _take_text(self, frame: list[Any], updates: list[Any]) -> None:
        if frame[1] == HEARTBEAT:
            # Not every book has checksums, and a quiet one has none for long.
            self._beat(updates)
            return
        if frame[1] != CHECKSUM or type(frame[2]) is not int:
            raise RemoteError(
                f"{self.symbol}: neither levels nor a checksum", raw=frame
            )
        if not self.is_live:
            return
        if self.extras:
            updates.append(Checksum(frame[2]))
        # The exchange's checksums of funding books do not follow its documentation.
        if self.is_funding:
            return
        actual = self.book.checksum()
        if actual == frame[2]:
            self.verified_count += 1
            self.verified_at = self.seen_at
            if self.is_degraded:
                self.is_degraded = False
                self.has_event = True
                updates.append(Status(SubscriptionStatus.LIVE))
            return
        self.mismatch_count += 1
        self.errors.append(
            ChecksumMismatch(self.symbol, expected=frame[2], actual=actual)
        )
        self._distrust("the checksum of the book did not match", updates)
