"""
What was recorded, frame by frame, as steps of markets.

Strategy: a file is read twice. A symbol may have had several books, so the first time only finds
the one that tells most, and the second takes everything in order. Each channel's first snapshot
is what its market begins with; a later one, after a reconnect, becomes the changes that lead to
it: the levels that are different, and the trades that nobody was told of.
"""

from __future__ import annotations

import json
import math
import zlib
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, NamedTuple, Tuple

from bfxsync.errors import UsageError
from bfxsync.paper.engine.book import RAW, SIGNIFICANT_DIGITS
from bfxsync.paper.markets.tape import Row
from bfxsync.recording.files import lines_in

if TYPE_CHECKING:
    from importlib.abc import Traversable

# Book updates this close together count as one iteration of the matching engine.
_ITERATION_S = 0.05
_EXECUTIONS = ("te", "fte")
_CONFIRMATIONS = ("tu", "ftu")

# The first is what tells most: of the others, raw books can be made coarser.
_PRECISIONS = ("P0", RAW, *list(SIGNIFICANT_DIGITS)[1:])

# What a frame raises that is not what it should be. It was recorded as it came, and the client
# had to bear it too.
_ODD = (LookupError, TypeError, ValueError, AttributeError, RecursionError)

BookKey = Tuple[str, str, int]
"""Precision, frequency and length."""

_Place = Tuple[int, int]
"""The number of a connection, and that of a channel on it."""


class MarketStep(NamedTuple):
    """
    What happened to one symbol at one time.

    Attributes
    ----------
    at : float
        Seconds since the first data frame.
    symbol : str
    kind : str
        ``book``, ``ticker``, or the kind of a trade event.
    rows : list
        One row, or for ``book`` all rows of an iteration.
    """

    at: float
    symbol: str
    kind: str
    rows: List[Row]


class Recording(NamedTuple):
    """
    A capture as it was read; nothing in it changes any more.

    Attributes
    ----------
    name : str
    first : dict
        By symbol and channel: the snapshot, or the first ticker.
    books : dict
        By symbol: precision, frequency and length of the captured book.
    steps : list of Step
        All that came after, in order.
    """

    name: str
    first: Dict[str, Dict[str, List[Any]]]
    books: Dict[str, BookKey]
    steps: List[MarketStep]


class _Frame(NamedTuple):
    at: float
    connection: int
    body: Any
    is_break: bool = False


def read(file: Traversable) -> Recording:
    """
    Read a recording, which may be in an archive.

    Raises
    ------
    UsageError
        It cannot be read, or holds no data of a market.
    """
    books = _choose_books(file)
    reader = _RecordingReader(Recording(file.name, {}, books, []))
    for frame in _frames(file):
        try:
            reader.take(frame)
        except _ODD:
            continue
    if not reader.recording.first:
        raise UsageError(f"there is no data of a market in {str(file)!r}")
    return reader.recording


def _choose_books(file: Traversable) -> Dict[str, BookKey]:
    found: Dict[str, BookKey] = {}
    for frame in _frames(file, only="subscribed"):
        try:
            if frame.body["channel"] == "book":
                symbol, key = frame.body["symbol"], _book_key(frame.body)
                found[symbol] = min(found.get(symbol, key), key, key=_preference)
        except _ODD:
            continue
    return found


def _book_key(ack: Dict[str, Any]) -> BookKey:
    return ack["prec"], ack["freq"], int(ack["len"])


def _preference(key: BookKey) -> Tuple[int, str, int]:
    prec, freq, length = key
    return _PRECISIONS.index(prec), freq, -length


def _frames(file: Traversable, only: str = "") -> Iterator[_Frame]:
    """Yield what came from the exchange, or those messages with this word in them."""
    wanted = only.encode()
    try:
        with file.open("rb") as packed:
            for line in lines_in(packed):
                if wanted in line:
                    yield from _messages(json.loads(line))
    except EOFError:
        # The recording was cut off, as by a crash; up to there it is good.
        return
    except (OSError, zlib.error, *_ODD) as exc:
        raise UsageError(f"cannot read the recording {str(file)!r}: {exc!r}") from exc


def _messages(record: Dict[str, Any]) -> Iterator[_Frame]:
    connection = record.get("conn", 1)
    if "open" in record or "missing" in record:
        yield _Frame(record["t"], connection, None, is_break=True)
    if "frame" not in record or record.get("dir") == "client->server":
        return
    try:
        body = json.loads(record["frame"])
    except (ValueError, RecursionError):
        return  # odd, see above
    yield _Frame(record["t"], connection, body)


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def _sound(rows: List[Any], width: int) -> List[Row]:
    """Return the rows that begin with so many numbers, without what more there is."""
    return [
        row[:width]
        for row in rows
        if len(row) >= width and all(map(_is_number, row[:width]))
    ]


class _RecordingReader:
    """Takes frames, and knows what they are the answer to."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self._begin: float | None = None
        # By place: what was acknowledged, and those of which no data has come since.
        self._channels: Dict[_Place, Dict[str, Any]] = {}
        self._fresh: set[_Place] = set()
        # By symbol: the rows of the book as it is, and the trades that are known.
        self._levels: Dict[str, Dict[Any, Row]] = {}
        self._trades: Dict[str, set[int]] = {}

    def take(self, frame: _Frame) -> None:
        """Take the next frame, or the opening of a connection, or a hole in what it brought."""
        body = frame.body
        if frame.is_break:
            # After a hole nothing can be told until the channels have been subscribed again.
            for place in [p for p in self._channels if p[0] == frame.connection]:
                del self._channels[place]
        elif isinstance(body, dict):
            if body.get("event") == "subscribed":
                place = (frame.connection, body["chanId"])
                self._channels[place] = body
                self._fresh.add(place)
        elif isinstance(body, list):
            self._take_data(frame)

    def _take_data(self, frame: _Frame) -> None:
        place = (frame.connection, frame.body[0])
        ack = self._channels.get(place)
        if ack is None or not self._is_taken(ack):
            return
        symbol, channel, content = ack["symbol"], ack["channel"], frame.body[1]
        if isinstance(content, str) and content not in _EXECUTIONS + _CONFIRMATIONS:
            # Heartbeats and checksums: there are others when it is played.
            return
        if not _is_number(frame.at):
            raise ValueError("no time")
        begin = self._begin = frame.at if self._begin is None else self._begin
        is_first = place in self._fresh
        self._fresh.discard(place)
        steps = self.recording.steps
        # The clock of a machine may be set back.
        at = max(frame.at - begin, steps[-1].at if steps else 0.0)
        if channel == "ticker":
            self._take_ticker(at, symbol, content)
            return
        # Those of funding have a period beside the rate.
        width = (4 if channel == "trades" else 3) + symbol.startswith("f")
        if channel == "trades":
            kind = content if isinstance(content, str) else None
            rows = _sound([frame.body[2]] if kind else content, width)
            self._take_trades(at, symbol, kind, rows)
        elif is_first:
            self._take_snapshot(at, symbol, _sound(content, width))
        else:
            rows = content if content and isinstance(content[0], list) else [content]
            self._take_levels(at, symbol, _sound(rows, width))

    def _is_taken(self, ack: Dict[str, Any]) -> bool:
        channel = ack["channel"]
        if channel == "book":
            return self.recording.books[ack["symbol"]] == _book_key(ack)
        return channel in ("ticker", "trades")

    def _take_ticker(self, at: float, symbol: str, row: Row) -> None:
        first = self.recording.first.setdefault(symbol, {})
        if first.setdefault("ticker", row) is not row:
            self._step(at, symbol, "ticker", row)

    def _take_trades(
        self, at: float, symbol: str, kind: str | None, rows: List[Row]
    ) -> None:
        """Take one trade of a kind, or a snapshot of them."""
        known = self._trades.setdefault(symbol, set())
        if kind is not None:
            for row in rows:
                # It may be known from a snapshot, which overtook it.
                if kind in _CONFIRMATIONS or row[0] not in known:
                    self._step(at, symbol, kind, row)
                known.add(row[0])
            return
        first = self.recording.first.setdefault(symbol, {})
        if first.setdefault("trades", rows) is not rows:
            kind = "fte" if symbol.startswith("f") else "te"
            for row in reversed(rows):
                if row[0] not in known:
                    self._step(at, symbol, kind, row)
        known.update(row[0] for row in rows)

    def _take_snapshot(self, at: float, symbol: str, rows: List[Row]) -> None:
        first = self.recording.first.setdefault(symbol, {})
        new = {self._key(symbol, row): row for row in rows}
        if first.setdefault("book", rows) is rows:
            self._levels[symbol] = new
            return
        old = self._levels[symbol]
        # Deletes first, so that a copy never holds more than the length of the book.
        changes = [self._gone(symbol, old[key]) for key in old if key not in new]
        changes += [row for key, row in new.items() if old.get(key) != row]
        self._take_levels(at, symbol, changes)

    def _take_levels(self, at: float, symbol: str, rows: List[Row]) -> None:
        if not rows:
            return
        levels, gone_at = self._levels.setdefault(symbol, {}), self._gone_at(symbol)
        for row in rows:
            key = self._key(symbol, row)
            if row[gone_at]:
                levels[key] = row
            else:
                levels.pop(key, None)
        steps = self.recording.steps
        last = steps[-1] if steps else None
        if (
            last is not None
            and last.kind == "book"
            and last.symbol == symbol
            and at - last.at <= _ITERATION_S
        ):
            last.rows.extend(rows)
        else:
            steps.append(MarketStep(at, symbol, "book", list(rows)))

    def _step(self, at: float, symbol: str, kind: str, row: Row) -> None:
        self.recording.steps.append(MarketStep(at, symbol, kind, [row]))

    # --- rows of books ------------------------------------------------------------------------

    def _is_raw(self, symbol: str) -> bool:
        return self.recording.books[symbol][0] == RAW

    def _gone_at(self, symbol: str) -> int:
        """Return the place of the value that is 0 when the row means the end of its level."""
        return 1 + symbol.startswith("f")

    def _key(self, symbol: str, row: Row) -> Any:
        if self._is_raw(symbol):
            return row[0]
        # A funding level has a period beside its rate.
        return (row[-1] > 0, *row[: 1 + symbol.startswith("f")])

    def _gone(self, symbol: str, row: Row) -> Row:
        # Behind a rate and behind the number of an offer stands the same: the period.
        return [*row[: self._gone_at(symbol)], 0, 1 if row[-1] > 0 else -1]
