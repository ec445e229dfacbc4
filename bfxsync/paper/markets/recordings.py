"""
Converts recorded frames to steps of markets.

Strategy: a file is read twice. A symbol may have had several books, so the first pass chooses the
most detailed one, and the second reads everything in order. The first snapshot of a channel is the
initial state of its market; a later one, after a reconnect, becomes the changes that lead to it:
the levels that differ, and the missed trades.
"""

from __future__ import annotations

import json
import math
import zlib
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, NamedTuple, Tuple

from bfxsync.errors import UsageError
from bfxsync.paper.engine.book import RAW, SIGNIFICANT_DIGITS
from bfxsync.paper.engine.units import Row
from bfxsync.recording.files import lines_in

if TYPE_CHECKING:
    from importlib.abc import Traversable

# Book updates within this time are one iteration of the matching engine.
_ITERATION_S = 0.05
_EXECUTIONS = ("te", "fte")
_CONFIRMATIONS = ("tu", "ftu")

# In order of preference. After P0 come raw books, which can be aggregated.
_PRECISIONS = ("P0", RAW, *list(SIGNIFICANT_DIGITS)[1:])

# Raised by malformed frames, which are recorded like all others and skipped here.
_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, RecursionError)

BookKey = Tuple[str, str, int]
"""Precision, frequency and length."""

_Place = Tuple[int, int]
"""Number of a connection, and id of a channel on it."""


class MarketStep(NamedTuple):
    """
    An event of one symbol.

    Attributes
    ----------
    at : float
        Seconds since the first data frame.
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
    The content of a recording; immutable.

    Attributes
    ----------
    first : dict
        By symbol and channel: the first snapshot or ticker.
    books : dict
        By symbol: precision, frequency and length of the recorded book.
    steps : list of MarketStep
        All later events, in order.
    begin_mts : int
        Time of the first data frame, in ms since 1970.
    """

    name: str
    first: Dict[str, Dict[str, List[Any]]]
    books: Dict[str, BookKey]
    steps: List[MarketStep]
    begin_mts: int = 0


class _Frame(NamedTuple):
    at: float
    connection: int
    body: Any
    is_break: bool = False


def read(file: Traversable) -> Recording:
    """Read a recording, or raise `UsageError` if that is impossible or it has no market data."""
    books = _choose_books(file)
    reader = _RecordingReader(Recording(file.name, {}, books, []))
    for frame in _frames(file):
        try:
            reader.feed(frame)
        except _MALFORMED:
            continue
    if not reader.recording.first:
        raise UsageError(f"there is no data of a market in {str(file)!r}")
    return reader.recording._replace(begin_mts=int((reader.begin or 0) * 1000))


def _choose_books(file: Traversable) -> Dict[str, BookKey]:
    found: Dict[str, BookKey] = {}
    for frame in _frames(file, only="subscribed"):
        try:
            if frame.body["channel"] == "book":
                symbol, key = frame.body["symbol"], _book_key(frame.body)
                found[symbol] = min(found.get(symbol, key), key, key=_preference)
        except _MALFORMED:
            continue
    return found


def _book_key(ack: Dict[str, Any]) -> BookKey:
    return ack["prec"], ack["freq"], int(ack["len"])


def _preference(key: BookKey) -> Tuple[int, str, int]:
    prec, freq, length = key
    return _PRECISIONS.index(prec), freq, -length


def _frames(file: Traversable, only: str = "") -> Iterator[_Frame]:
    """Yield the frames of the exchange, optionally only those that contain a word."""
    wanted = only.encode()
    try:
        with file.open("rb") as packed:
            for line in lines_in(packed):
                if wanted in line:
                    yield from _messages(json.loads(line))
    except EOFError:
        # The recording is truncated, as after a crash; the data read so far is valid.
        return
    except (OSError, zlib.error, *_MALFORMED) as exc:
        # The text of the others, such as KeyError, says nothing without their name.
        reason = str(exc) if isinstance(exc, (OSError, ValueError)) else repr(exc)
        raise UsageError(f"cannot read the recording {str(file)!r}: {reason}") from exc


def _messages(record: Dict[str, Any]) -> Iterator[_Frame]:
    connection = record.get("conn", 1)
    if "open" in record or "missing" in record:
        yield _Frame(record["t"], connection, None, is_break=True)
    if "frame" not in record or record.get("dir") == "client->server":
        return
    try:
        body = json.loads(record["frame"])
    except (ValueError, RecursionError):
        return  # malformed, see `_MALFORMED`
    yield _Frame(record["t"], connection, body)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _tag_of(content: object) -> str | None:
    """Return the text before the content of a frame, such as ``"te"``; None if there is none."""
    return content if isinstance(content, str) else None


def _valid_rows(rows: List[Any], width: int) -> List[Row]:
    """Return the rows that start with `width` numbers, cut to that width."""
    return [
        row[:width]
        for row in rows
        if len(row) >= width and all(map(_is_number, row[:width]))
    ]


class _RecordingReader:
    """Builds a recording from frames, and keeps track of the subscribed channels."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.begin: float | None = None
        # By place: the acknowledgements, and the channels without data so far.
        self._channels: Dict[_Place, Dict[str, Any]] = {}
        self._fresh: set[_Place] = set()
        # By symbol: the current rows of the book, and the ids of known trades.
        self._levels: Dict[str, Dict[Any, Row]] = {}
        self._trades: Dict[str, set[int]] = {}

    def feed(self, frame: _Frame) -> None:
        """Process a frame, the opening of a connection, or a gap in its frames."""
        body = frame.body
        if frame.is_break:
            # After a gap, data is unusable until the channels are subscribed again.
            for place in [p for p in self._channels if p[0] == frame.connection]:
                del self._channels[place]
        elif isinstance(body, dict):
            if body.get("event") == "subscribed":
                place = (frame.connection, body["chanId"])
                self._channels[place] = body
                self._fresh.add(place)
        elif isinstance(body, list):
            self._feed_data(frame)

    def _feed_data(self, frame: _Frame) -> None:
        place = (frame.connection, frame.body[0])
        ack = self._channels.get(place)
        if ack is None or not self._is_used(ack):
            return
        symbol, channel, content = ack["symbol"], ack["channel"], frame.body[1]
        kind = _tag_of(content)
        if kind is not None and kind not in _EXECUTIONS + _CONFIRMATIONS:
            # Heartbeats and checksums are generated when the recording is played.
            return
        if not _is_number(frame.at):
            raise ValueError("no time")
        begin = self.begin = frame.at if self.begin is None else self.begin
        is_first = place in self._fresh
        self._fresh.discard(place)
        steps = self.recording.steps
        # The clock may have been set back.
        at = max(frame.at - begin, steps[-1].at if steps else 0.0)
        if channel == "ticker":
            self._feed_ticker(at, symbol, content)
            return
        # Funding rows have a period beside the rate.
        width = (4 if channel == "trades" else 3) + symbol.startswith("f")
        if channel == "trades":
            rows = _valid_rows([frame.body[2]] if kind else content, width)
            self._feed_trades(at, symbol, kind, rows)
        elif is_first:
            self._feed_snapshot(at, symbol, _valid_rows(content, width))
        else:
            rows = content if content and isinstance(content[0], list) else [content]
            self._feed_levels(at, symbol, _valid_rows(rows, width))

    def _is_used(self, ack: Dict[str, Any]) -> bool:
        channel = ack["channel"]
        if channel == "book":
            return self.recording.books[ack["symbol"]] == _book_key(ack)
        return channel in ("ticker", "trades")

    def _feed_ticker(self, at: float, symbol: str, row: Row) -> None:
        first = self.recording.first.setdefault(symbol, {})
        if first.setdefault("ticker", row) is not row:
            self._step(at, symbol, "ticker", row)

    def _feed_trades(
        self, at: float, symbol: str, kind: str | None, rows: List[Row]
    ) -> None:
        """Process a trade of a kind, or a snapshot of trades."""
        known = self._trades.setdefault(symbol, set())
        if kind is not None:
            for row in rows:
                # A snapshot may have included the trade already.
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

    def _feed_snapshot(self, at: float, symbol: str, rows: List[Row]) -> None:
        first = self.recording.first.setdefault(symbol, {})
        new = {self._key(symbol, row): row for row in rows}
        if first.setdefault("book", rows) is rows:
            self._levels[symbol] = new
            return
        old = self._levels[symbol]
        # Removals first, so that a copy never holds more than the length of the book.
        changes = [self._removal(symbol, old[key]) for key in old if key not in new]
        changes += [row for key, row in new.items() if old.get(key) != row]
        self._feed_levels(at, symbol, changes)

    def _feed_levels(self, at: float, symbol: str, rows: List[Row]) -> None:
        if not rows:
            return
        levels, count_at = self._levels.setdefault(symbol, {}), self._count_at(symbol)
        for row in rows:
            key = self._key(symbol, row)
            if row[count_at]:
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

    def _count_at(self, symbol: str) -> int:
        """Return the index of the value that is 0 in removals."""
        return 1 + symbol.startswith("f")

    def _key(self, symbol: str, row: Row) -> Any:
        if self.recording.books[symbol][0] == RAW:
            return row[0]
        # A funding level has a period beside its rate.
        return (row[-1] > 0, *row[: 1 + symbol.startswith("f")])

    def _removal(self, symbol: str, row: Row) -> Row:
        # Both a rate and the id of an offer are followed by the period.
        return [*row[: self._count_at(symbol)], 0, 1 if row[-1] > 0 else -1]
