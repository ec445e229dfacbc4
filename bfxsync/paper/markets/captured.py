"""
Markets that replay recorded sessions.

Recorded book updates, trades and tickers are passed on unchanged. Everything else is derived from
them: books of other precision or length, and tickers where none were recorded. A raw book that was
not recorded has one synthetic order per recorded level. ``data/README.rst`` has the sources of the
bundled recordings.
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
from bfxsync.paper.engine.units import Row, to_units
from bfxsync.paper.markets.market import BookChanged, Event, Market, TickerCame, Traded
from bfxsync.paper.markets.recordings import MarketStep, Recording, read

if TYPE_CHECKING:
    from importlib.abc import Traversable

_SUFFIX = ".jsonl.gz"

_PLACES = 12
"""Decimal places of units; recorded rates may have more."""


def names() -> list[str]:
    """Return the names of the bundled recordings."""
    return sorted(_bundled())


def load(name: str | os.PathLike[str]) -> Recording:
    """
    Read a bundled recording by its name, or any by its path.

    Returns the same object as long as the file is unchanged.

    Raises
    ------
    UsageError
        No such recording, or it cannot be read.
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
        # It is read twice, and opening a pipe without a writer would block.
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
    """One symbol of a recording, initially at its beginning."""

    def __init__(self, recording: Recording, symbol: str) -> None:
        super().__init__(symbol)
        first = recording.first[symbol]
        self.captured_book: tuple[str, str, int] | None = recording.books.get(symbol)
        self.captured_ticker = first.get("ticker")
        self._is_raw = self.captured_book is not None and self.captured_book[0] == RAW
        self._order_ids: dict[tuple[bool, int, int], int] = {}
        self._next_order_id = 1
        for row in reversed(first.get("trades", [])):
            self.record(row)
        for row in first.get("book", []):
            self._set(row)

    def record(self, row: Row) -> None:
        """Add a trade, with its numbers rounded to the decimal places of units."""
        super().record(
            [*row[:2], *(round(value, _PLACES) for value in row[2:4]), *row[4:]]
        )

    def apply(self, step: MarketStep) -> list[Event]:
        """Apply the next step, and return what happened."""
        if step.kind == "book":
            for row in step.rows:
                self._set(row)
            return [BookChanged(list(step.rows))]
        (row,) = step.rows
        if step.kind == "ticker":
            self.captured_ticker = row
            return [TickerCame(row)]
        # A confirmation repeats a trade, unless that was before the beginning of the recording.
        if all(row[0] != known[0] for known in self.trades):
            self.record(row)
        return [Traded(step.kind, row)]

    def _set(self, row: Row) -> None:
        # Funding has opposite signs, and a period before count and amount.
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
            self.book.remove_order(order.order_id)
        if order.price:
            self.book.set_order(is_bid, order)

    def _set_level(self, is_bid: bool, level: Entry) -> None:
        place = (is_bid, level.price, level.period)
        order_id = self._order_ids.get(place)
        if not level.orders:
            if order_id is not None:
                del self._order_ids[place]
                self.book.remove_order(order_id)
            return
        if order_id is None:
            order_id = self._order_ids[place] = self._next_order_id
            self._next_order_id += 1
        self.book.set_order(is_bid, level._replace(order_id=order_id))


def _units(value: float) -> int:
    return to_units(round(value, _PLACES))
