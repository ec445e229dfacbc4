"""
Real sessions, recorded frame by frame, as markets that can be played again.

What was captured is passed on as it came: the updates of the captured book, trades, tickers.
Everything else is derived from it: books of other precision or length, and tickers where there
were none. A raw book that was not captured holds one made-up order for each captured level.
``data/README.rst`` says where the bundled recordings come from; those of one's own client are
played just so.
"""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from bfxsync.errors import UsageError
from bfxsync.paper.engine.book import RAW, Entry
from bfxsync.paper.markets.market import BookChanged, Event, Market, TickerCame, Traded
from bfxsync.paper.markets.recordings import MarketStep, Recording, read
from bfxsync.paper.markets.tape import Row
from bfxsync.paper.text import encode, to_units

if TYPE_CHECKING:
    from importlib.abc import Traversable

_SUFFIX = ".jsonl.gz"

_PLACES = 12
"""A rate may have more; the units of the paper exchange have as many."""


def names() -> list[str]:
    """Return the names of the captures that there are."""
    return sorted(_bundled())


def load(name: str | os.PathLike[str]) -> Recording:
    """
    Read a capture of this name, or a recording from this path.

    As long as the file stays the same, so does the object.

    Raises
    ------
    UsageError
        There is none, or it cannot be read.
    """
    path = os.fspath(name)
    if path in names():
        return _read_bundled(path)
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        raise UsageError(
            f"no capture {name!r}; there are {', '.join(names())}, and those of which "
            "you give the path"
        ) from None
    if not stat.S_ISREG(found.st_mode):
        # It is read twice, and a pipe to which nobody writes would be waited for.
        raise UsageError(f"the recording {path!r} is not a regular file")
    return _read(path, found.st_mtime_ns, found.st_size)


def _bundled() -> dict[str, Traversable]:
    # The package may be in a zip archive, where its data has no path.
    files = resources.files("bfxsync.paper").joinpath("data").iterdir()
    return {
        file.name[: -len(_SUFFIX)]: file
        for file in files
        if file.name.endswith(_SUFFIX)
    }


@lru_cache(maxsize=8)
def _read_bundled(name: str) -> Recording:
    return read(_bundled()[name])


@lru_cache(maxsize=8)
def _read(path: str, _mtime_ns: int, _size: int) -> Recording:
    return read(Path(path))


class CapturedMarket(Market):
    """One symbol of a recording, at its beginning."""

    def __init__(self, recording: Recording, symbol: str) -> None:
        super().__init__(symbol)
        first = recording.first[symbol]
        self.captured_book = recording.books.get(symbol)
        self.captured_ticker = first.get("ticker")
        self._is_raw = self.captured_book is not None and self.captured_book[0] == RAW
        self._order_ids: dict[tuple[bool, int, int], int] = {}
        self._next_order_id = 1
        for row in reversed(first.get("trades", [])):
            self.record(row)
        for row in first.get("book", []):
            self._set(row)

    def record(self, row: Row) -> None:
        """Take a trade; of a rate, the twelve places that sums are made with."""
        super().record(
            [*row[:2], *(round(value, _PLACES) for value in row[2:4]), *row[4:]]
        )

    def apply(self, step: MarketStep) -> list[Event]:
        """Let the next thing happen, and say what it was."""
        if step.kind == "book":
            for row in step.rows:
                self._set(row)
            return [BookChanged([encode(row) for row in step.rows])]
        (row,) = step.rows
        if step.kind == "ticker":
            self.captured_ticker = row
            return [TickerCame(row)]
        # A confirmation repeats the trade, and is a trade of its own if that came before we did.
        if all(row[0] != known[0] for known in self.trades):
            self.record(row)
        return [Traded(step.kind, row)]

    def _set(self, row: Row) -> None:
        # Signs are the other way round for funding, which has a period before the rest.
        is_bid = (row[-1] > 0) != self.is_funding
        amount = _units(abs(row[-1]))
        if self._is_raw:
            period, price = row[1:3] if self.is_funding else (0, row[1])
            self._set_order(is_bid, Entry(_units(price), period, 1, amount, row[0]))
        else:
            period, count = row[1:3] if self.is_funding else (0, row[1])
            self._set_level(is_bid, Entry(_units(row[0]), period, count, amount))

    def _set_order(self, is_bid: bool, order: Entry) -> None:
        was_bid, old = self.book.orders.get(order.order_id, (is_bid, None))
        place = (is_bid, order.price, order.period)
        if old is not None and (was_bid, old.price, old.period) != place:
            self.book.remove(order.order_id)
        if order.price:
            self.book.put(is_bid, order)

    def _set_level(self, is_bid: bool, level: Entry) -> None:
        place = (is_bid, level.price, level.period)
        order_id = self._order_ids.get(place)
        if not level.orders:
            if order_id is not None:
                del self._order_ids[place]
                self.book.remove(order_id)
            return
        if order_id is None:
            order_id = self._order_ids[place] = self._next_order_id
            self._next_order_id += 1
        self.book.put(is_bid, level._replace(order_id=order_id))


def _units(value: float) -> int:
    return to_units(round(value, _PLACES))
