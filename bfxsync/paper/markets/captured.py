"""
Markets that replay recorded sessions.

Recorded book updates, trades and tickers are passed on unchanged. Everything else is derived from
them: books of other precision or length, and tickers where none were recorded. A raw book that was
not recorded has one synthetic order per recorded level. ``data/README.rst`` has the sources of the
bundled recordings.

Orders of accounts do not change the recorded data. They match the recorded book, each amount only
once, and while they rest also recorded trades beyond their price.
"""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Iterator

from bfxsync.errors import UsageError
from bfxsync.paper.engine.book import RAW, Entry
from bfxsync.paper.engine.ids import IdSequence
from bfxsync.paper.engine.units import SCALE, Row, to_units
from bfxsync.paper.engine.venue import OnFill
from bfxsync.paper.markets.market import BookChanged, Event, Market, TickerCame, Traded
from bfxsync.paper.markets.recordings import MarketStep, Recording, read

if TYPE_CHECKING:
    from importlib.abc import Traversable

_SUFFIX = ".jsonl.gz"

_FIRST_TRADE_ID = 10**13
"""First id of trades with orders of accounts, far above the ids of the exchange."""
_PASSING = 0
"""The id of an order that represents a recorded trade."""
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
            f"a capture must be one of {', '.join(names())}, or the path of a recording, "
            f"not {name!r}"
        ) from None
    if not stat.S_ISREG(found.st_mode):
        # Only regular files: the file is read twice, and opening a pipe without a writer would
        # block.
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

    def __init__(
        self,
        recording: Recording,
        symbol: str,
        trade_ids: IdSequence | None = None,
    ) -> None:
        super().__init__(symbol)
        first = recording.first[symbol]
        self.captured_book: tuple[str, str, int] | None = recording.books.get(symbol)
        self.captured_ticker = first.get("ticker")
        self._is_raw = self.captured_book is not None and self.captured_book[0] == RAW
        self._order_ids: dict[tuple[bool, int, int], int] = {}
        self._next_order_id = 1
        self.shows_orders: bool = False
        self.account_orders: dict[int, OnFill] = {}
        # Amounts of recorded orders that orders of accounts have matched.
        self._taken: dict[int, int] = {}
        # The recorded trade that is being published, and whether its taker sold.
        self._passing: tuple[bool, Entry] | None = None
        self.trade_ids: IdSequence = trade_ids or IdSequence(_FIRST_TRADE_ID)
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
        """Apply the next step, and return its events."""
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
            period = row[4] if self.is_funding else 0
            trade = Entry(_units(row[3]), period, 1, _units(abs(row[2])), _PASSING)
            # The borrower, whose trades are negative, is the buyer of funding.
            self._passing = ((row[2] < 0) != self.is_funding, trade)
        return [Traded(step.kind, row)]

    def end_step(self) -> None:
        """Forget the trade of the last step, which later orders could not have matched."""
        self._passing = None
        self._taken.pop(_PASSING, None)

    def offers(self, is_buy: bool, is_resting: bool = False) -> Iterator[Entry]:
        """Yield the remaining offers of the other side, after a trade beyond their price."""
        if is_resting and self._passing is not None and self._passing[0] == is_buy:
            trade = self._passing[1]
            # At exactly that price, recorded orders may have been first.
            price = trade.price + (1 if is_buy else -1)
            yield from self._left(trade._replace(price=price))
        for entry in self.book.depth("R0").side(not is_buy):
            yield from self._left(entry)

    def trade(self, mts: int, is_buy: bool, part: Entry) -> Row:
        """Take a part of an offer, and return the row of the trade, which is not published."""
        self.withdraw(is_buy, part)
        amount = part.amount if is_buy else -part.amount
        row: Row = [next(self.trade_ids), mts, amount / SCALE, part.price / SCALE]
        return [*row, part.period] if self.is_funding else row

    def withdraw(self, is_buy: bool, part: Entry) -> None:
        taken = self._taken.get(part.order_id, 0)
        self._taken[part.order_id] = taken + part.amount

    def make_room(self, mts: int) -> None:
        """Do nothing: orders of accounts are not in the recorded book."""

    def continue_trade_ids(self, last_id: int) -> None:
        self.trade_ids.following = max(self.trade_ids.following, last_id + 1)

    def _left(self, entry: Entry) -> Iterator[Entry]:
        amount = entry.amount - self._taken.get(entry.order_id, 0)
        if amount > 0:
            yield entry._replace(amount=amount)

    def _remove(self, order_id: int) -> None:
        self.book.remove_order(order_id)
        self._taken.pop(order_id, None)

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
            self._remove(order.order_id)
        if order.price:
            self.book.set_order(is_bid, order)

    def _set_level(self, is_bid: bool, level: Entry) -> None:
        place = (is_bid, level.price, level.period)
        order_id = self._order_ids.get(place)
        if not level.orders:
            if order_id is not None:
                del self._order_ids[place]
                self._remove(order_id)
            return
        if order_id is None:
            order_id = self._order_ids[place] = self._next_order_id
            self._next_order_id += 1
        self.book.set_order(is_bid, level._replace(order_id=order_id))


def _units(value: float) -> int:
    return to_units(round(value, _PLACES))
