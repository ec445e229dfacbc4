"""
The book channel.

https://docs.bitfinex.com/reference/ws-public-books
https://docs.bitfinex.com/docs/ws-websocket-checksum
"""

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
from bfxsync.wire.channels.table_models import table_models
from bfxsync.wire.frames import CHECKSUM, HEARTBEAT, OB_CHECKSUM, server_mts
from bfxsync.wire.tables import Rows

CROSSED_S = 5.0
"""
How long a book without checksums may be crossed: a price change takes several messages, and in
between bids may be above asks.
"""


class BookChannel(Channel):
    """
    An order book, updated in frame order and verified with the exchange's checksums.

    Without the flag OB_CHECKSUM, and for funding, a book that stays crossed is known to be wrong.
    """

    resync_reason: str | None
    has_event: bool
    is_degraded: bool

    name = "book"
    content = "a frame of the book"

    def __init__(self, arguments: dict[str, str], number: NumberType) -> None:
        super().__init__(arguments, number)
        raw = arguments["prec"] == "R0"
        self.book: OrderBook[Any]
        model: Any
        if self.is_funding:
            self.book = FundingRawBook() if raw else FundingBook()
            model = FundingRawBookUpdate if raw else FundingBookUpdate
        else:
            self.book = RawBook() if raw else AggregatedBook()
            model = RawBookUpdate if raw else BookUpdate
        self.level_type: Any = model
        self.number: NumberType = number
        self._make = self._maker(model)
        self._table_models = table_models(model, self._number)
        self.version: int = 0
        """
        Odd while a block of frames is applied.

        A thread that reads the book between two equal, even values has seen the state between two
        blocks. While it is odd, no user code may run, and nothing may be logged, as a handler might
        read the book.
        """
        self.is_recorded: bool = False
        """
        Whether this is a replay, where nothing can be resubscribed: crossed books that the recorded
        client replaced are known from its requests, not from times, as clocks may jump.
        """
        self._has_checksums = False
        # Since when the book has been crossed at the end of every block.
        self._crossed_at: float | None = None
        self.verified_count: int = 0
        """Checksums that matched."""
        self.mismatch_count: int = 0
        self.verified_at: float | None = None
        """Time of the last match (monotonic); None after a snapshot."""

    def set_flags(self, flags: int) -> None:
        """Set the flags of the socket on which the channel was acknowledged."""
        super().set_flags(flags)
        # The exchange's checksums of funding books do not follow its documentation.
        self._has_checksums = bool(flags & OB_CHECKSUM) and not self.is_funding

    def feed_one(self, frame: list[Any]) -> list[Any]:
        """Apply one frame to the book and return its changes."""
        if self.is_live and self._has_checksums:
            update = self._read_usual(frame)
            if update is not None:
                self.version += 1
                try:
                    self.book.apply(update)
                finally:
                    self.version += 1
                return [update]
        return self.feed_many([frame])

    def feed_many(self, frames: list[list[Any]]) -> list[Any]:
        """Apply the frames to the book and return its changes."""
        updates: list[Any] = []
        append = updates.append
        read, fits, apply = self._read, self._fits, self.book.apply
        is_timed = self.is_timed
        self.version += 1
        try:
            for frame in frames:
                try:
                    row = frame[1]
                    if (
                        self.is_live
                        and row.__class__ is list
                        and row
                        and row[0].__class__ is not list
                    ):
                        # `_make`, inlined in the hot path.
                        update = read(row, server_mts(frame)) if is_timed else read(row)
                        if not fits(row, update):
                            raise self._foreign(row)
                        apply(update)
                        append(update)
                        continue
                    self._feed(frame, updates)
                except FRAME_ERRORS as exc:
                    self._fail(exc, frame, updates)
                if self.resync_reason is not None:
                    # Until the next snapshot the book must not be read.
                    self.book.reset()
                    break
            if not (self._has_checksums or self.is_recorded):
                self._check_crossing(updates)
        finally:
            self.version += 1
        return updates

    def _feed_models(self, rows: Rows) -> list[Any] | None:
        # Checksums and heartbeats stand between levels, and see the book as it is there.
        if not all(frame[1].__class__ is str for _, frame in rows.others):
            return None
        updates: list[Any] = []
        self.version += 1
        try:
            self._apply_models(rows, updates)
            if not (self._has_checksums or self.is_recorded):
                self._check_crossing(updates)
        finally:
            self.version += 1
        return updates

    def restart(self) -> list[Any]:
        """Return all levels: bids from the best, then asks from the best."""
        if not self.is_live:
            return []
        return [Snapshot(self.book.bids() + self.book.asks())]

    def lose(self) -> None:
        """Reset the state of the lost socket, and empty the book."""
        self.version += 1
        try:
            super().lose()
            self.verified_at = self._crossed_at = None
            self.book.reset()
        finally:
            self.version += 1

    def suspend(self, jump_s: float) -> None:
        """Move all recorded times back by the duration of a suspend."""
        super().suspend(jump_s)
        if self.verified_at is not None:
            self.verified_at -= jump_s

    def _apply_models(self, rows: Rows, updates: list[Any]) -> None:
        start = 0
        for count, (index, frame) in enumerate(rows.others):
            stop = index - count
            self._apply_many(rows.models[start:stop], updates)
            start = stop
            try:
                self._handle_text(frame, updates)
            except FRAME_ERRORS as exc:
                self._fail(exc, frame, updates)
            if self.resync_reason is not None:
                # Until the next snapshot the book must not be read.
                self.book.reset()
                return
        self._apply_many(rows.models[start:] if start else rows.models, updates)

    def _apply_many(self, levels: list[Any], updates: list[Any]) -> None:
        self.book.apply_many(levels)
        updates += levels

    def _feed(self, frame: list[Any], updates: list[Any]) -> None:
        if frame[1].__class__ is list:
            self._apply_rows(frame, updates)
        else:
            self._handle_text(frame, updates)

    def _apply_rows(self, frame: list[Any], updates: list[Any]) -> None:
        rows = frame[1]
        if rows and rows[0].__class__ is not list:
            self.resync_reason = "a book's update came before its snapshot"
            return
        levels = self._models(self._make, rows, frame)
        if self.is_live and (self.is_bulk or not rows):
            for level in levels:
                self.book.apply(level)
            updates.extend(levels)
        elif levels or not rows:
            if self.is_live:
                # Without bulk updates a list is a snapshot, whose changes are unknown.
                updates.append(Gap("the exchange has sent a new snapshot"))
                self.verified_at = None
                self.has_event = True
            self.book.reset(levels)
            self.is_live = True
            self.is_degraded = False
            updates.append(Snapshot(self.book.bids() + self.book.asks()))
        if len(levels) < len(rows):
            self._distrust("levels of the book could not be read", updates)

    def _handle_text(self, frame: list[Any], updates: list[Any]) -> None:
        if frame[1] == HEARTBEAT:
            # Not all books have checksums, and a quiet one gets few.
            self._handle_heartbeat(updates)
            return
        if frame[1] != CHECKSUM or type(frame[2]) is not int:
            raise RemoteError(
                f"{self.symbol}: neither levels nor a checksum", raw=frame
            )
        if not self.is_live:
            return
        if self.extras:
            updates.append(Checksum(frame[2]))
        if self.is_funding:
            return
        actual = self.book.checksum(keep_texts=True)
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

    def _check_crossing(self, updates: list[Any]) -> None:
        """Resubscribe a book that stays crossed, as after a wrong checksum."""
        crossing = self.book.crossing() if self.is_live else None
        now = self.seen_at or 0.0
        if crossing is None:
            self._crossed_at = None
        elif self._crossed_at is None:
            self._crossed_at = now
        elif now - self._crossed_at >= CROSSED_S:
            self._crossed_at = None
            bid, ask = crossing
            error = f"{self.title}: the book is crossed: {bid!r} is above {ask!r}"
            self.errors.append(RemoteError(error, raw=[bid, ask]))
            self._distrust("bids of the book were above asks", updates)
            if self.resync_reason is not None:
                # Until the next snapshot the book must not be read.
                self.book.reset()
