"""What the subscribers of a book see of it: its best levels, the changes between two looks."""

from __future__ import annotations

import zlib
from itertools import zip_longest
from typing import Callable, NamedTuple

from bfxsync.paper.engine.book import RAW, BookLevels, Entry
from bfxsync.paper.text import units_text

CHECKSUM_LEVELS = 25


class BookLayout(NamedTuple):
    """How an entry becomes a row; the arguments are the wire's sign of its side, and the entry."""

    put: Callable[[int, Entry], str]
    gone: Callable[[int, Entry], str]


def _put_level(sign: int, level: Entry) -> str:
    return (
        f"[{units_text(level.price)},{level.orders},{units_text(sign * level.amount)}]"
    )


def _level_gone(sign: int, level: Entry) -> str:
    return f"[{units_text(level.price)},0,{sign}]"


def _put_funding_level(sign: int, level: Entry) -> str:
    amount = units_text(sign * level.amount)
    return f"[{units_text(level.price)},{level.period},{level.orders},{amount}]"


def _funding_level_gone(sign: int, level: Entry) -> str:
    return f"[{units_text(level.price)},{level.period},0,{sign}]"


def _put_order(sign: int, order: Entry) -> str:
    return f"[{order.order_id},{units_text(order.price)},{units_text(sign * order.amount)}]"


def _order_gone(sign: int, order: Entry) -> str:
    return f"[{order.order_id},0,{sign}]"


def _put_offer(sign: int, offer: Entry) -> str:
    amount = units_text(sign * offer.amount)
    return f"[{offer.order_id},{offer.period},{units_text(offer.price)},{amount}]"


def _offer_gone(sign: int, offer: Entry) -> str:
    return f"[{offer.order_id},{offer.period},0,{sign}]"


# By (is it raw, is it funding).
_LAYOUTS = {
    (False, False): BookLayout(_put_level, _level_gone),
    (False, True): BookLayout(_put_funding_level, _funding_level_gone),
    (True, False): BookLayout(_put_order, _order_gone),
    (True, True): BookLayout(_put_offer, _offer_gone),
}


class Window:
    """
    The best entries of a book as its subscribers know them.

    Parameters
    ----------
    depth : Depth
        Where the entries come from.
    prec : str
        Only whether it is raw matters here.
    length : int
        Entries per side.
    is_funding : bool
        Funding has other rows, and its signs the other way round.
    """

    def __init__(
        self, depth: BookLevels, prec: str, length: int, is_funding: bool = False
    ) -> None:
        self._depth = depth
        self._length = length
        self._is_raw = prec == RAW
        self._layout = _LAYOUTS[self._is_raw, is_funding]
        self._bid_sign = -1 if is_funding else 1
        self._bids = depth.bids.top(length)
        self._asks = depth.asks.top(length)

    def snapshot(self) -> list[str]:
        """Return all rows: bids from the highest price down, then asks from the lowest up."""
        bids, asks = self.sides()
        return bids + asks

    def sides(self) -> tuple[list[str], list[str]]:
        """Return the rows of the bids and those of the asks, the best first."""
        put, sign = self._layout.put, self._bid_sign
        bids = [put(sign, entry) for entry in self._bids.values()]
        return bids, [put(-sign, entry) for entry in self._asks.values()]

    def update(self) -> list[str]:
        """Move on to the book as it is, and return the rows that do the same to a copy."""
        bids = self._depth.bids.top(self._length)
        asks = self._depth.asks.top(self._length)
        gone: list[str] = []
        came: list[str] = []
        for sign, old, new in (
            (self._bid_sign, self._bids, bids),
            (-self._bid_sign, self._asks, asks),
        ):
            if old == new:
                continue
            gone += [
                self._layout.gone(sign, e) for key, e in old.items() if key not in new
            ]
            came += [
                self._layout.put(sign, e) for key, e in new.items() if old.get(key) != e
            ]
        self._bids, self._asks = bids, asks
        # Deletes first, so that a copy never holds more than `length` entries of a side.
        return gone + came

    def lossy_update(self) -> list[str] | None:
        """
        Move on like `update`, and leave out the first row without which a copy is another book.

        Returns
        -------
        list of str or None
            None, and nothing has moved, if no row matters to the checksum.
        """
        length = self._length
        for sign, old, new in (
            (self._bid_sign, self._bids, self._depth.bids.top(length)),
            (-self._bid_sign, self._asks, self._depth.asks.top(length)),
        ):
            ids = {entry.order_id for entry in new.values()} if self._is_raw else set()
            for key in {**old, **new}:
                before, after = old.get(key), new.get(key)
                if before == after:
                    continue
                # A copy of a raw book knows orders by id: one that has another price
                # takes the place of itself, whether its delete came or not.
                if before is not None and after is None and before.order_id in ids:
                    continue
                copy = {k: entry for k, entry in new.items() if k != key}
                if before is not None:
                    copy[key] = before
                if self._checked(copy) == self._checked(new):
                    continue
                if after is not None:
                    lost = self._layout.put(sign, after)
                else:
                    lost = self._layout.gone(sign, old[key])
                rows = self.update()
                rows.remove(lost)
                return rows
        return None

    def checksum(self) -> int:
        """
        Return the CRC-32 of the best 25 entries of each side as a signed integer.

        References
        ----------
        https://docs.bitfinex.com/docs/ws-websocket-checksum
        """
        parts: list[str] = []
        bids = list(self._bids.values())[:CHECKSUM_LEVELS]
        asks = list(self._asks.values())[:CHECKSUM_LEVELS]
        for bid, ask in zip_longest(bids, asks):
            for sign, entry in ((self._bid_sign, bid), (-self._bid_sign, ask)):
                if entry is not None:
                    parts += self._checked_parts(sign, entry)
        return checksum_of(":".join(parts))

    def _checked(self, side: dict[tuple[int, int], Entry]) -> list[tuple[str, str]]:
        best = sorted(side)[:CHECKSUM_LEVELS]
        return [self._checked_parts(1, side[key]) for key in best]

    def _checked_parts(self, sign: int, entry: Entry) -> tuple[str, str]:
        key = str(entry.order_id) if self._is_raw else units_text(entry.price)
        return key, units_text(sign * entry.amount)


class WholeBook(Window):
    """
    A window that never cuts anything off, for books that hold no more than their subscribers see.

    Who changes the book knows the rows already, so `update` need not be called each time.
    """

    def sides(self) -> tuple[list[str], list[str]]:
        """Return all rows, see `Window.sides`."""
        self.update()
        return super().sides()

    def checksum(self) -> int:
        """Return the checksum of the book as it is."""
        self.update()
        return super().checksum()


def checksum_of(text: str) -> int:
    """Return the CRC-32 of ASCII text as a signed 32-bit integer."""
    value = zlib.crc32(text.encode("ascii"))
    return value - (1 << 32) if value >= 1 << 31 else value
