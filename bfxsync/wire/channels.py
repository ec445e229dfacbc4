"""
The public channels: what is asked, which answer belongs to it, and rows into models.

Strategy: a channel gets its frames whole and a block at a time (`feed_many`), in frame order, so
a book is compared with exactly the checksum that speaks of it. It is the only place that keeps
what a subscriber who comes late, or fell behind, needs to start from (`restart`). An unreadable
frame is put into `errors` and the others of its block go on.

References
----------
https://docs.bitfinex.com/docs/ws-public
"""

from __future__ import annotations

import re
import reprlib
from abc import ABC, abstractmethod
from collections import deque
from contextlib import nullcontext
from functools import partial
from typing import Any, Callable, ContextManager

from bfxsync.book import (
    AggregatedBook,
    FundingBook,
    FundingRawBook,
    OrderBook,
    RawBook,
)
from bfxsync.errors import BfxError, ChecksumMismatch, RemoteError, UsageError
from bfxsync.models.market import (
    BookUpdate,
    FundingBookUpdate,
    FundingRawBookUpdate,
    FundingTicker,
    FundingTrade,
    FundingTradeUpdate,
    RawBookUpdate,
    Ticker,
    Trade,
    TradeUpdate,
)
from bfxsync.models.rows import SCREEN_ERRORS
from bfxsync.models.stream import Checksum, Degraded, Snapshot
from bfxsync.types import NumberType
from bfxsync.wire.frames import CHECKSUM, HEARTBEAT

PRECISIONS = ("P0", "P1", "P2", "P3", "P4", "R0")
FREQUENCIES = ("F0", "F1")
LENGTHS = ("1", "25", "100", "250")

_SYMBOL = re.compile(r"t[A-Z0-9]{2,}(:[A-Z0-9]+)?|f[A-Z0-9]{2,}")

# A frame that is no list, or too short for what it says it is. A model's RemoteError says more.
_FRAME_ERRORS = (RemoteError, RecursionError, *SCREEN_ERRORS)

Guard = ContextManager[Any]


class Channel(ABC):
    """
    One channel as it was asked for.

    Attributes
    ----------
    arguments : dict of str
        The request's fields, sent again word for word after a reconnect.
    is_live : bool
        The first data of this connection has come.
    extras : bool
        Somebody wants the items that only events carry: `TradeUpdate` and `Checksum`.
    errors : list of BfxError
        What was wrong with frames since this was last cleared.
    resync_reason : str or None
        Why the channel must be subscribed anew: updates came without the snapshot before.
    """

    name: str

    def __init__(
        self, arguments: dict[str, str], number: NumberType, guard: Guard
    ) -> None:
        self.arguments = arguments
        self.symbol = arguments["symbol"]
        self.is_funding = self.symbol.startswith("f")
        self.is_live = False
        self.extras = False
        self.errors: list[BfxError] = []
        self.resync_reason: str | None = None
        self._number = number
        self.guard = guard

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes two requests the same to the exchange."""
        return (self.name, *self.arguments.values())

    def request(self) -> dict[str, str]:
        """Return the fields of the subscribe message."""
        return {"channel": self.name, **self.arguments}

    def matches(self, body: dict[str, Any]) -> bool:
        """
        Tell whether an answer without `subId` is about this channel.

        A length may come back as text or number, as it was sent; a field that is not echoed
        says nothing, but without channel and symbol there is no telling.
        """
        echoed = {"channel": None, "symbol": None, **body}
        return all(
            key not in echoed or str(echoed[key]) == value
            for key, value in self.request().items()
        )

    @abstractmethod
    def feed_many(self, frames: list[list[Any]]) -> list[Any]:
        """Return the updates of whole frames of this channel, in order."""

    @abstractmethod
    def restart(self) -> list[Any]:
        """Return what a consumer who starts now must get first; nothing before the first data."""

    def lose(self) -> None:
        """Forget what only held for the connection that is gone."""
        self.is_live = False
        self.resync_reason = None

    def _maker(self, model: Any) -> Callable[[Any], Any]:
        """Return the model's `from_row` for the client's numbers."""
        if self._number is float:
            make: Callable[[Any], Any] = model.from_row
            return make
        return partial(model.from_row, number=self._number)

    def _fail(self, exc: Exception, frame: object) -> None:
        if not isinstance(exc, RemoteError):
            exc = RemoteError(
                f"{self.name} {self.symbol}: unreadable frame: {exc}", raw=frame
            )
        self.errors.append(exc)

    def _models(self, make: Callable[[Any], Any], rows: list[Any]) -> list[Any]:
        """Make the rows of a list one by one, so that a bad one costs no other."""
        models = []
        for row in rows:
            try:
                models.append(make(row))
            except RemoteError as exc:
                self.errors.append(exc)
        return models


class TickerChannel(Channel):
    """Best prices and 24 hours; the first frame has the same flat shape as all others."""

    name = "ticker"

    def __init__(
        self, arguments: dict[str, str], number: NumberType, guard: Guard
    ) -> None:
        super().__init__(arguments, number, guard)
        self._make = self._maker(FundingTicker if self.is_funding else Ticker)
        self._last: Any = None

    def feed_many(self, frames: list[list[Any]]) -> list[Any]:
        """Return a ticker for every frame, a snapshot before the first."""
        make = self._make
        updates: list[Any] = []
        for frame in frames:
            try:
                row = frame[1]
                if row != HEARTBEAT:
                    updates.append(make(row))
            except _FRAME_ERRORS as exc:
                self._fail(exc, frame)
        if updates:
            self._last = updates[-1]
            if not self.is_live:
                self.is_live = True
                updates.insert(0, Snapshot([updates[0]]))
        return updates

    def restart(self) -> list[Any]:
        """Return the last ticker, which counts as an update too."""
        return [Snapshot([self._last]), self._last] if self.is_live else []


class TradesChannel(Channel):
    """
    Trades, each once.

    A trade comes as `te`, again as `tu`, and once more in the snapshot after a reconnect, so ids
    are remembered across connections. They rise, but may arrive out of order: a set, in two
    generations so that it stays bounded, and no comparison with the last one.
    """

    name = "trades"

    _REMEMBERED = 10_000
    _RECENT = 30

    def __init__(
        self, arguments: dict[str, str], number: NumberType, guard: Guard
    ) -> None:
        super().__init__(arguments, number, guard)
        funding = self.is_funding
        self._make = self._maker(FundingTrade if funding else Trade)
        self._make_update = self._maker(FundingTradeUpdate if funding else TradeUpdate)
        self._executed, self._confirmed = ("fte", "ftu") if funding else ("te", "tu")
        self._seen: set[int] = set()
        self._seen_before: set[int] = set()
        self._recent: deque[Any] = deque(maxlen=self._RECENT)
        self._had_snapshot = False

    def feed_many(self, frames: list[list[Any]]) -> list[Any]:
        """Return new trades, and confirmations when somebody wants them."""
        updates: list[Any] = []
        executed, confirmed = self._executed, self._confirmed
        for frame in frames:
            try:
                tag = frame[1]
                if tag == executed:
                    self._take(self._make(frame[2]), updates)
                elif tag == confirmed:
                    self._take_confirmation(frame[2], updates)
                elif tag.__class__ is list:
                    self._take_rows(tag, updates)
                elif tag != HEARTBEAT:
                    raise RemoteError(
                        f"unknown kind of trade {reprlib.repr(tag)}", raw=frame
                    )
            except _FRAME_ERRORS as exc:
                self._fail(exc, frame)
        if len(self._seen) > self._REMEMBERED:
            self._seen_before = self._seen
            self._seen = set()
        return updates

    def restart(self) -> list[Any]:
        """Return the latest trades, oldest first."""
        return [Snapshot(list(self._recent))] if self.is_live else []

    def _take(self, trade: Any, updates: list[Any]) -> None:
        if not self.is_live:
            # No snapshot came before: this channel was taken over from an earlier request.
            self.resync_reason = "a trade came before the snapshot"
        elif not self._was_seen(trade.id):
            self._seen.add(trade.id)
            self._recent.append(trade)
            updates.append(trade)

    def _take_confirmation(self, row: Any, updates: list[Any]) -> None:
        if not self._was_seen(row[0]):
            # A confirmation may overtake its trade, or be all that is left of it after a gap.
            self._take(self._make(row), updates)
        if self.extras and self.is_live:
            updates.append(self._make_update(row))

    def _was_seen(self, identity: int) -> bool:
        return identity in self._seen or identity in self._seen_before

    def _take_rows(self, rows: list[Any], updates: list[Any]) -> None:
        """Take a list of rows, newest first on the wire: the snapshot, or trades in bulk."""
        if rows and rows[0].__class__ is not list:
            self._take(self._make(rows), updates)
            return
        trades = self._models(self._make, rows[::-1])
        if self.is_live:
            for trade in trades:
                self._take(trade, updates)
            return
        self.is_live = True
        missed = [trade for trade in trades if not self._was_seen(trade.id)]
        self._recent.clear()
        self._recent.extend(trades)
        self._seen.update(trade.id for trade in missed)
        updates.append(Snapshot(trades))
        if self._had_snapshot:
            updates.extend(sorted(missed, key=lambda trade: trade.id))
        self._had_snapshot = True


class BookChannel(Channel):
    """
    An order book, kept here in frame order and compared with the exchange's checksums.

    Attributes
    ----------
    book : OrderBook
        Guarded by `guard`, which is entered once for a block of frames.
    verified_count, mismatch_count : int
        Checksums that were equal and that were not.
    """

    name = "book"

    def __init__(
        self, arguments: dict[str, str], number: NumberType, guard: Guard
    ) -> None:
        super().__init__(arguments, number, guard)
        raw = arguments["prec"] == "R0"
        self.book: OrderBook[Any]
        if self.is_funding:
            self.book = FundingRawBook() if raw else FundingBook()
            self._make = self._maker(FundingRawBookUpdate if raw else FundingBookUpdate)
        else:
            self.book = RawBook() if raw else AggregatedBook()
            self._make = self._maker(RawBookUpdate if raw else BookUpdate)
        self.verified_count = 0
        self.mismatch_count = 0
        self._is_degraded = False

    def feed_many(self, frames: list[list[Any]]) -> list[Any]:
        """Apply the frames to the book and return its changes."""
        updates: list[Any] = []
        append = updates.append
        make, apply = self._make, self.book.apply
        with self.guard:
            for frame in frames:
                try:
                    row = frame[1]
                    if row.__class__ is not list:
                        self._take_text(frame, updates)
                    elif self.is_live and row and row[0].__class__ is not list:
                        update = make(row)
                        apply(update)
                        append(update)
                    else:
                        self._take_rows(row, updates)
                except _FRAME_ERRORS as exc:
                    self._fail(exc, frame)
        return updates

    def restart(self) -> list[Any]:
        """Return all levels: bids from the best, then asks from the best."""
        if not self.is_live:
            return []
        with self.guard:
            return [Snapshot(self.book.bids() + self.book.asks())]

    def lose(self) -> None:
        """Empty the book: what it would show is no longer known."""
        super().lose()
        with self.guard:
            self.book.reset()

    def _take_rows(self, rows: list[Any], updates: list[Any]) -> None:
        if rows and rows[0].__class__ is not list:
            self.resync_reason = "a book's update came before its snapshot"
            return
        levels = self._models(self._make, rows)
        if self.is_live:
            for level in levels:
                self.book.apply(level)
            updates.extend(levels)
            return
        self.book.reset(levels)
        self.is_live = True
        self._is_degraded = False
        updates.append(Snapshot(self.book.bids() + self.book.asks()))

    def _take_text(self, frame: list[Any], updates: list[Any]) -> None:
        if frame[1] == HEARTBEAT:
            return
        if frame[1] != CHECKSUM or type(frame[2]) is not int:
            raise RemoteError(
                f"{self.symbol}: neither levels nor a checksum", raw=frame
            )
        if self.extras:
            updates.append(Checksum(frame[2]))
        # The exchange's checksums of funding books do not follow its documentation.
        if not self.is_live or self.is_funding:
            return
        actual = self.book.checksum()
        if actual == frame[2]:
            self.verified_count += 1
            return
        self.mismatch_count += 1
        mismatch = ChecksumMismatch(self.symbol, expected=frame[2], actual=actual)
        self.errors.append(mismatch)
        if not self._is_degraded:
            self._is_degraded = True
            updates.append(Degraded(str(mismatch)))


_CHANNELS: dict[str, type[Channel]] = {
    channel.name: channel for channel in (TickerChannel, TradesChannel, BookChannel)
}


def channel_for(
    channel: str,
    *,
    number: NumberType = float,
    guard: Guard = nullcontext(),
    **arguments: object,
) -> Channel:
    """
    Check the arguments of a subscription and make its channel.

    Raises
    ------
    UsageError
        There is no such channel, an argument is missing, unknown or impossible.
    """
    if not isinstance(channel, str) or channel not in _CHANNELS:
        raise UsageError(
            f"channel must be one of {', '.join(_CHANNELS)}, not {channel!r}"
        )
    checked = {"symbol": check_symbol(arguments.pop("symbol", None))}
    if channel == BookChannel.name:
        checked["prec"] = _one_of("prec", arguments.pop("prec", "P0"), PRECISIONS)
        checked["freq"] = _one_of("freq", arguments.pop("freq", "F0"), FREQUENCIES)
        checked["len"] = _one_of("len", arguments.pop("len", "25"), LENGTHS)
    if arguments:
        raise UsageError(
            f"channel {channel!r} takes no {', '.join(map(repr, arguments))}"
        )
    return _CHANNELS[channel](checked, number, guard)


def check_symbol(symbol: object) -> str:
    """
    Return the symbol if it looks like one.

    Raises
    ------
    UsageError
        It has no prefix, or letters that no symbol has.
    """
    if not isinstance(symbol, str):
        raise UsageError(
            f"symbol must be text such as 'tBTCUSD' or 'fUSD', not {symbol!r}"
        )
    if _SYMBOL.fullmatch(symbol):
        return symbol
    if _SYMBOL.fullmatch("t" + symbol):
        kind = "f" if len(symbol) < 6 else "t"
        raise UsageError(
            f"symbol {symbol!r} has no prefix ('t' for pairs, 'f' for funding currencies): "
            f"did you mean {kind + symbol!r}?"
        )
    raise UsageError(
        f"symbol must be 't' and a pair or 'f' and a currency in capitals, "
        f"such as 'tBTCUSD', 'tDOGE:USD' or 'fUSD', not {symbol!r}"
    )


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> str:
    """Return the value as text if it is allowed; lengths may be given as integers."""
    text = str(value) if type(value) is int else value
    if text not in allowed:
        raise UsageError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    return str(text)
