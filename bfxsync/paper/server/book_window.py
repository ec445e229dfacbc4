"""Windows: the best levels of a book in the subscribers' state, their changes and checksums."""

from __future__ import annotations

import zlib
from itertools import islice, zip_longest

from bfxsync.paper.engine.book import RAW, BookLevels, Entry
from bfxsync.paper.engine.units import units_text

CHECKSUM_LEVELS = 25


class Window:
    """
    The best entries of a book in the state that its subscribers have.

    Parameters
    ----------
    prec : str
        Precision; only whether it is ``R0`` matters here.
    length : int
        Entries per side.
    is_funding : bool
        Rows of funding differ, and have opposite signs.
    """

    def __init__(
        self, depth: BookLevels, prec: str, length: int, is_funding: bool = False
    ) -> None:
        self._depth = depth
        self._length = length
        self._is_raw = prec == RAW
        self._is_funding = is_funding
        self._bid_sign = -1 if is_funding else 1
        self._bids = depth.bids.top(length)
        self._asks = depth.asks.top(length)

    def snapshot(self) -> list[str]:
        """Return all rows: bids, then asks, each best first."""
        bids, asks = self.sides()
        return bids + asks

    def sides(self) -> tuple[list[str], list[str]]:
        """Return the rows of bids and of asks, best first."""
        sign = self._bid_sign
        bids = [self._row(sign, entry) for entry in self._bids.values()]
        return bids, [self._row(-sign, entry) for entry in self._asks.values()]

    def update(self) -> list[str]:
        """Advance to the current book, and return the rows that update a copy in the same way."""
        bids = self._depth.bids.top(self._length)
        asks = self._depth.asks.top(self._length)
        removed: list[str] = []
        changed: list[str] = []
        for sign, old, new in (
            (self._bid_sign, self._bids, bids),
            (-self._bid_sign, self._asks, asks),
        ):
            if old == new:
                continue
            removed += [
                self._removal(sign, e) for key, e in old.items() if key not in new
            ]
            changed += [
                self._row(sign, e) for key, e in new.items() if old.get(key) != e
            ]
        self._bids, self._asks = bids, asks
        # Removals first, so that a copy never holds more than `length` entries of a side.
        return removed + changed

    def lossy_update(self) -> list[str] | None:
        """
        Advance like `update`, but leave out the first row that affects the checksum.

        Without such a row, return None and do not advance.
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
                # A copy of a raw book keys orders by id: the row of a moved order replaces
                # the old one, with or without its removal.
                if before is not None and after is None and before.order_id in ids:
                    continue
                copy = {k: entry for k, entry in new.items() if k != key}
                if before is not None:
                    copy[key] = before
                if self._checked(copy) == self._checked(new):
                    continue
                rows = self.update()
                rows.remove(
                    self._row(sign, after) if after else self._removal(sign, old[key])
                )
                return rows
        return None

    def checksum(self) -> int:
        """
        Return the CRC-32 of the best 25 entries of each side as a signed integer.

        https://docs.bitfinex.com/docs/ws-websocket-checksum
        """
        parts: list[str] = []
        pairs = zip_longest(self._bids.values(), self._asks.values())
        for bid, ask in islice(pairs, CHECKSUM_LEVELS):
            for sign, entry in ((self._bid_sign, bid), (-self._bid_sign, ask)):
                if entry is not None:
                    parts += self._checked_parts(sign, entry)
        return checksum_of(":".join(parts))

    def _row(self, sign: int, entry: Entry) -> str:
        period = f"{entry.period}," if self._is_funding else ""
        price, amount = units_text(entry.price), units_text(sign * entry.amount)
        if self._is_raw:
            return f"[{entry.order_id},{period}{price},{amount}]"
        return f"[{price},{period}{entry.orders},{amount}]"

    def _removal(self, sign: int, entry: Entry) -> str:
        key = entry.order_id if self._is_raw else units_text(entry.price)
        period = f"{entry.period}," if self._is_funding else ""
        return f"[{key},{period}0,{sign}]"

    def _checked(self, side: dict[tuple[int, int], Entry]) -> list[tuple[str, str]]:
        best = sorted(side)[:CHECKSUM_LEVELS]
        return [self._checked_parts(1, side[key]) for key in best]

    def _checked_parts(self, sign: int, entry: Entry) -> tuple[str, str]:
        key = str(entry.order_id) if self._is_raw else units_text(entry.price)
        return key, units_text(sign * entry.amount)


class WholeBook(Window):
    """
    The window of a recorded book, which has no other levels than its subscribers.

    Updates are sent as recorded, so the window is advanced only when it is read.
    """

    def sides(self) -> tuple[list[str], list[str]]:
        self.update()
        return super().sides()

    def checksum(self) -> int:
        self.update()
        return super().checksum()


def checksum_of(text: str) -> int:
    """Return the CRC-32 of ASCII text as a signed 32-bit integer."""
    value = zlib.crc32(text.encode("ascii"))
    return value - (1 << 32) if value >= 1 << 31 else value
