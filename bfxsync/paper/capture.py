"""
Real sessions, recorded frame by frame, as markets that can be played again.

What was captured is passed on as it came: the updates of the captured book, trades, tickers.
Everything else is derived from it: books of other precision or length, and tickers where there
were none. A raw book holds one made-up order for each captured level. ``data/README.rst`` says
where the recordings come from.
"""

from __future__ import annotations

import gzip
import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Iterator, NamedTuple

from bfxsync.errors import UsageError
from bfxsync.paper.book import Entry
from bfxsync.paper.market import BookChanged, Event, Market, TickerCame, Traded
from bfxsync.paper.tape import Row
from bfxsync.paper.text import encode, to_units

_DATA = Path(__file__).parent / "data"

# Book updates this close together count as one iteration of the matching engine.
_ITERATION_S = 0.05
_TRADE_KINDS = ("te", "tu", "fte", "ftu")


class Step(NamedTuple):
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
    rows: list[Row]


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
    first: dict[str, dict[str, list[Any]]]
    books: dict[str, tuple[str, str, int]]
    steps: list[Step]


def names() -> list[str]:
    """Return the names of the captures that there are."""
    return sorted(path.name.partition(".")[0] for path in _DATA.glob("*.jsonl.gz"))


@lru_cache(maxsize=None)
def load(name: str) -> Recording:
    """Read a capture; the same object is returned every time."""
    if name not in names():
        raise UsageError(f"no capture {name!r}; there are {', '.join(names())}")
    recording = Recording(name, {}, {}, [])
    channels: dict[int, dict[str, Any]] = {}
    begin: float | None = None
    for at, frame in _server_frames(_DATA / f"{name}.jsonl.gz"):
        if isinstance(frame, dict):
            if frame["event"] == "subscribed":
                channels[frame["chanId"]] = frame
            continue
        if frame[1] == "hb":  # we make our own
            continue
        begin = at if begin is None else begin
        _take(recording, at - begin, channels[frame[0]], frame)
    return recording


def _server_frames(path: Path) -> Iterator[tuple[float, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if "frame" in record and record.get("dir") != "client->server":
                yield record["t"], json.loads(record["frame"])


def _take(
    recording: Recording, at: float, channel: dict[str, Any], frame: list[Any]
) -> None:
    name, symbol = channel["channel"], channel["symbol"]
    first = recording.first.setdefault(symbol, {})
    if name not in first:
        first[name] = frame[1]
        if name == "book":
            recording.books[symbol] = (
                channel["prec"],
                channel["freq"],
                int(channel["len"]),
            )
        return
    kind, row = (frame[1], frame[2]) if frame[1] in _TRADE_KINDS else (name, frame[1])
    last = recording.steps[-1] if recording.steps else None
    if (
        last is not None
        and kind == last.kind == "book"
        and symbol == last.symbol
        and at - last.at <= _ITERATION_S
    ):
        last.rows.append(row)
    else:
        recording.steps.append(Step(at, symbol, kind, [row]))


class CapturedMarket(Market):
    """One symbol of a recording, at its beginning."""

    def __init__(self, recording: Recording, symbol: str) -> None:
        super().__init__(symbol)
        first = recording.first[symbol]
        self.captured_book = recording.books.get(symbol)
        self.captured_ticker = first.get("ticker")
        self._order_ids: dict[tuple[bool, int], int] = {}
        self._next_order_id = 1
        for row in reversed(first.get("trades", [])):
            self.record(row)
        for row in first.get("book", []):
            self._set_level(row)

    def apply(self, step: Step) -> list[Event]:
        """Let the next thing happen, and say what it was."""
        if step.kind == "book":
            for row in step.rows:
                self._set_level(row)
            return [BookChanged([encode(row) for row in step.rows])]
        (row,) = step.rows
        if step.kind == "ticker":
            self.captured_ticker = row
            return [TickerCame(row)]
        # A confirmation repeats the trade, and is a trade of its own if that came before we did.
        if all(row[0] != known[0] for known in self.trades):
            self.record(row)
        return [Traded(step.kind, row)]

    def _set_level(self, row: Row) -> None:
        is_bid = row[2] > 0
        price, count, amount = to_units(row[0]), row[1], abs(to_units(row[2]))
        order_id = self._order_ids.get((is_bid, price))
        if not count:
            if order_id is not None:
                del self._order_ids[is_bid, price]
                self.book.remove(order_id)
            return
        if order_id is None:
            order_id = self._order_ids[is_bid, price] = self._next_order_id
            self._next_order_id += 1
        self.book.put(is_bid, Entry(price, 0, count, amount, order_id))
