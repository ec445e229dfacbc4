"""Frozen copies of order books."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from bfxsync._base.aliases import NumberType
from bfxsync._base.describe import also_half_made
from bfxsync.book.queries import BookQueries, L_co
from bfxsync.checks.numbers import check_level_count


@attrs.frozen(repr=False)
class BookSnapshot(BookQueries[L_co]):
    """
    A frozen copy of a book, with the same queries.

    Its levels are shared with other copies; treat them as read-only.

    Attributes
    ----------
    symbol : str
    prec : str
        ``P0`` to ``P4``, or ``R0``.
    bids, asks : tuple
        `BookUpdate` or the raw and funding kinds, best first.
    is_live : bool
        Whether the book was live at that moment, see `BookView.is_live`.
    verified_at : datetime or None
        Time (UTC) of the last matching checksum; None if there was none since the exchange's last
        snapshot.
    level_type : type, optional
        Class of the levels; None: that of the first one.
    numbers : type, optional
        `float` or `Decimal`, the type of the levels' numbers.
    """

    symbol: str
    prec: str
    bids: tuple[L_co, ...]
    asks: tuple[L_co, ...]
    is_live: bool
    verified_at: datetime | None
    level_type: Any = attrs.field(default=None, eq=False)
    numbers: NumberType | None = attrs.field(default=None, eq=False)

    @also_half_made
    def __repr__(self) -> str:
        sides = f"{len(self.bids)} bids, {len(self.asks)} asks"
        return f"<BookSnapshot {self.symbol} {self.prec}: {sides}>"

    def __len__(self) -> int:
        """Return the number of levels of both sides."""
        return len(self.bids) + len(self.asks)

    @property
    def is_funding(self) -> bool:
        """Whether this is a funding book: rates in place of prices, amounts with opposite signs."""
        return self.symbol.startswith("f")

    def levels(
        self, count: int | None = None
    ) -> tuple[tuple[L_co, ...], tuple[L_co, ...]]:
        """Return bids and asks, each best first: at most `count` of each, by default all."""
        check_level_count(count)
        return self.bids[:count], self.asks[:count]

    def _level_types(self) -> tuple[Any, NumberType | None]:
        return self.level_type, self.numbers
