"""
The base class of channels.

Strategy: in a flood, the models of many rows are built at once, by columns (`bfxsync.wire.tables`).
Unless every frame is a usual one, that has no effect, and a loop processes each frame.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import Any, Callable

from bfxsync._base.aliases import NumberType
from bfxsync.errors import BfxError, RemoteError
from bfxsync.models.market_model import Reader
from bfxsync.models.rows import SCREEN_ERRORS
from bfxsync.models.stream import ChannelHeartbeat, Degraded
from bfxsync.wire.channels.shapes import FITS, Fits
from bfxsync.wire.channels.table_models import Models
from bfxsync.wire.frames import BULK_UPDATES, HEARTBEAT, TIMESTAMP, server_mts
from bfxsync.wire.recovery import RecoveryBudget
from bfxsync.wire.tables import Rows

# Raised by a frame that is not a list or is too short; a model's RemoteError has details.
FRAME_ERRORS = (RemoteError, RecursionError, *SCREEN_ERRORS)

Make = Callable[[Any, "list[Any]"], Any]
"""Builds a model from a row and its frame."""


class _Timing:
    """Whether frames of a channel end in the exchange's time."""

    __slots__ = ("is_timed",)

    def __init__(self) -> None:
        self.is_timed = False


def _foreign(title: str, row: Any) -> RemoteError:
    return RemoteError(f"{title}: a row of another channel", raw=row)


class Channel(ABC):
    """One subscribed channel: its arguments, its state on the current socket, and its updates."""

    name: str
    content = "a row"
    """Content of a frame, for error messages."""
    is_whole = False
    """Whether each frame holds the whole state."""

    def __init__(self, arguments: dict[str, str], number: NumberType) -> None:
        self.arguments = arguments
        """Fields of the request, repeated unchanged after a reconnect."""
        # After the first words of a key: "trade:1m:fUSD:p30", "deriv:tBTCF0:USTF0".
        words = 2 if self.name == "candles" else 1
        key = arguments.get("key", "")
        self.symbol: str = arguments.get("symbol") or key.split(":", words)[-1]
        """Or the last part of the key: ``fUSD:p30``, ``tBTCF0:USTF0``, ``global``."""
        self.is_funding: bool = self.symbol.startswith("f")
        self.is_live: bool = False
        """Whether the first data on this socket has arrived."""
        self.extras = False
        """
        Whether to return the items for event handlers only: `TradeUpdate`, `Checksum`,
        `ChannelHeartbeat` and `AccountMessage`.
        """
        self.wants_last = False
        """Whether only the last data frame of each block is wanted; only if `is_whole`."""
        self.skipped_count = 0
        """Number of data frames left out because of `wants_last`; the consumer resets it."""
        self.errors: list[BfxError] = []
        """Errors of frames since this was last cleared."""
        self.resync_reason: str | None = None
        """Why the channel must be subscribed again, such as updates without a snapshot."""
        self.is_degraded: bool = False
        """Whether the data is known to be wrong, and subscribing again did not help."""
        self.is_bulk: bool = False
        """Whether updates may be lists of rows (`Flag.BULK_UPDATES` on this socket)."""
        self._timing = _Timing()
        self.has_event: bool = False
        """Whether the last updates include an event that need not be the first."""
        self.recovery: RecoveryBudget = RecoveryBudget()
        self.unanswered = 0
        """Consecutive requests without data, on any open socket; extends the next one's time."""
        self.seen_at: float | None = None
        """Time of the last frame on this socket, heartbeats and acknowledgement included."""
        self.lost_at: float | None = None
        """Time of the last frame before the latest loss."""
        # As `Any`, since mypy takes the type Decimal for one without a hash.
        self._number: Any = number
        self._table_models: Models | None = None

    @property
    def is_timed(self) -> bool:
        """Whether frames end in the exchange's time (`Flag.TIMESTAMP` on this socket)."""
        return self._timing.is_timed

    @is_timed.setter
    def is_timed(self, is_timed: bool) -> None:
        self._timing.is_timed = is_timed

    @property
    def table_models(self) -> Models | None:
        """Builds models from many frames by columns; None if that is not possible."""
        return self._table_models

    @property
    def title(self) -> str:
        """Name, and symbol if there is one, for messages."""
        return f"{self.name} {self.symbol}".rstrip()

    @property
    def identity(self) -> tuple[str, ...]:
        """The fields by which the exchange recognizes a duplicate request."""
        return (self.name, *self.arguments.values())

    def request(self) -> dict[str, Any]:
        """Return the fields of the subscribe message."""
        return {"channel": self.name, **self.arguments}

    def matches(self, body: dict[str, Any]) -> bool:
        """
        Return whether a response without `subId` belongs to this channel.

        A length may be echoed as text or number. Other fields may be missing, but channel and
        symbol must be there.
        """
        name = "key" if "key" in self.arguments else "symbol"
        echoed = {"channel": None, name: None, **body}
        return all(
            key not in echoed or str(echoed[key]) == str(value)
            for key, value in self.request().items()
        )

    def set_flags(self, flags: int) -> None:
        """Set the flags of the socket on which the channel was acknowledged."""
        self.is_bulk = bool(flags & BULK_UPDATES)
        self.is_timed = bool(flags & TIMESTAMP)

    def feed_one(self, frame: list[Any]) -> list[Any]:
        """Return the updates of one frame, as most blocks have."""
        return self.feed_many([frame])

    def feed_many(self, frames: list[list[Any]]) -> list[Any]:
        """Return the updates of frames of this channel, in order."""
        updates: list[Any] = []
        feed = self._feed
        for frame in frames:
            try:
                if frame[1] == HEARTBEAT:
                    self._handle_heartbeat(updates)
                else:
                    feed(frame, updates)
            except FRAME_ERRORS as exc:
                self._fail(exc, frame, updates)
            if self.resync_reason is not None:
                # Data is ignored until the channel is subscribed again.
                break
        return updates

    def feed_rows(self, rows: Rows) -> list[Any]:
        """Return the updates of frames whose models are built already, in order."""
        updates = self._feed_models(rows) if self.is_live else None
        return self.feed_many(rows.frames()) if updates is None else updates

    @abstractmethod
    def _feed(self, frame: list[Any], updates: list[Any]) -> None:
        """Append the updates of a frame of data."""

    def _feed_models(self, rows: Rows) -> list[Any] | None:
        """Return the updates; None, without effect, if a frame is unusual."""

    def _read_usual(self, frame: list[Any]) -> Any:
        """Return the model of a frame with a single row; None if it must be read by `_feed`."""
        try:
            row = frame[1]
            if row.__class__ is list and row and row[0].__class__ is not list:
                made = self._read(row, server_mts(frame) if self.is_timed else None)
                if self._fits(row, made):
                    return made
        except FRAME_ERRORS:
            pass
        return None

    @abstractmethod
    def restart(self) -> list[Any]:
        """Return the updates from which a new consumer starts; none before the first data."""

    def lose(self) -> None:
        """Reset the state of the lost socket."""
        self.is_live = False
        self.resync_reason = None
        if self.seen_at is not None:
            self.lost_at = self.seen_at
        self.seen_at = None

    def suspend(self, jump_s: float) -> None:
        """Move all recorded times back by the duration of a suspend."""
        if self.seen_at is not None:
            self.seen_at -= jump_s

    def _maker(self, model: Any, *origin: str) -> Make:
        """
        Return a function that builds models from rows, and refuses rows of other channels.

        `origin` has the fields of the models other than the symbol.
        """
        read: Reader = model.reader(self._number, self.symbol, *origin)
        fits: Fits = FITS[model]
        self._read, self._fits = read, fits
        # Not the channel itself: in a cycle, the candles or levels of one that was unsubscribed
        # would stay until the next full garbage collection, of which there are few.
        timing, foreign = self._timing, partial(_foreign, self.title)

        def make(row: Any, frame: list[Any]) -> Any:
            made = read(row, server_mts(frame) if timing.is_timed else None)
            if not fits(row, made):
                raise foreign(row)
            return made

        return make

    def _foreign(self, row: Any) -> RemoteError:
        return _foreign(self.title, row)

    def _distrust(self, reason: str, updates: list[Any]) -> None:
        """Request a resubscription; if the budget is spent, report the channel as degraded."""
        if not self.recovery.is_spent(self.seen_at or 0.0):
            self.resync_reason = reason
        elif self.is_live and not self.is_degraded:
            self.is_degraded = self.has_event = True
            updates.append(Degraded(f"{reason}, and subscribing again did not help"))

    def _handle_heartbeat(self, updates: list[Any]) -> None:
        """Handle a heartbeat: after a while a degraded channel gets another resubscription."""
        if self.extras and self.is_live:
            updates.append(ChannelHeartbeat())
        if self.is_degraded and self.is_live:
            self._distrust("the data has been wrong for some time", updates)

    def _fail(self, exc: Exception, frame: object, updates: list[Any]) -> None:
        """Handle an unreadable frame: record its error, and request a resubscription."""
        if not isinstance(exc, RemoteError):
            exc = RemoteError(f"{self.title}: unreadable frame: {exc}", raw=frame)
        self.errors.append(exc)
        self._distrust(f"{self.content} could not be read", updates)

    def _models(self, make: Make, rows: list[Any], frame: list[Any]) -> list[Any]:
        """Build a model from each row of a frame; errors of unreadable rows are recorded."""
        models = []
        for row in rows:
            try:
                models.append(make(row, frame))
            except RemoteError as exc:
                self.errors.append(exc)
        return models
