"""Updates as rows for programs, and as plain lines, with all digits that the exchange sent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Mapping, Sequence

from bfxsync import (
    BookView,
    Candle,
    FundingTicker,
    FundingTrade,
    Ticker,
    Trade,
)
from bfxsync.cli.rows import iso_text, number_text
from bfxsync.cli.text import time_text

_MODELS: Mapping[tuple[str, bool], Any] = {
    ("ticker", False): Ticker,
    ("ticker", True): FundingTicker,
    ("trades", False): Trade,
    ("trades", True): FundingTrade,
    ("candles", False): Candle,
    ("candles", True): Candle,
}
_SIDES = ("bid", "ask")
Levels = Sequence[Any]


def columns_of(channel: str, is_funding: bool) -> list[str]:
    """Return the columns of the updates of a channel other than the book."""
    names = _MODELS[channel, is_funding].columns(Decimal, symbol=True)
    first = ["time", "symbol"] + ["timeframe"] * (channel == "candles")
    return first + [name for name in names if name not in first]


def row_of(update: Any) -> dict[str, Any]:
    """Return an update as a row: its time, of the exchange, and all its fields."""
    return {**update.to_dict(), "time": _iso(_mts_of(update))}


def line_of(update: Any) -> str:
    """Return an update as a line of text."""
    begin = f"{_clock(_mts_of(update))}  {update.symbol}"
    if isinstance(update, Candle):
        # Short, as it is to fit into a terminal of 80 columns.
        begin += f" {update.timeframe}"
        parts = ("open", "high", "low", "close", "volume")
        return "  ".join(
            [begin, *(f"{part[0]} {_number(getattr(update, part))}" for part in parts)]
        )
    elif isinstance(update, (Trade, FundingTrade)):
        is_funding = isinstance(update, FundingTrade)
        side = ("buy ", "sell") if not is_funding else ("lend", "take")
        price = update.rate if isinstance(update, FundingTrade) else update.price
        amount = number_text(abs(update.amount))
        end = f"  {update.period} days" if isinstance(update, FundingTrade) else ""
        return (
            f"{begin}  {side[update.amount < 0]}  {amount} at {number_text(price)}{end}"
        )
    else:
        begin += f"  {_number(update.last_price)}  {percent_text(update)}"
        parts = ("bid", "ask", "high", "low", "volume")
    return "  ".join(
        [begin, *(f"{part} {_number(getattr(update, part))}" for part in parts)]
    )


def percent_text(ticker: Ticker | FundingTicker) -> str:
    """Return the daily change in percent, with its sign."""
    ratio = ticker.daily_change_relative
    return "-" if ratio is None else f"{ratio:+.2%}"


# --- books ------------------------------------------------------------------------------------


def book_columns(output: str, levels: int) -> list[str]:
    """Return the columns of the state of a book: of CSV one for each number."""
    if output == "json":
        return ["time", "symbol", "bids", "asks"]
    names = ("{}{}", "{}{}_amount", "{}{}_count")
    return ["time", "symbol"] + [
        name.format(side, number)
        for number in range(1, levels + 1)
        for side in _SIDES
        for name in names
    ]


def book_row(
    output: str, symbol: str, mts: int | None, bids: Levels, asks: Levels
) -> dict[str, Any]:
    """
    Return the state of a book as a row.

    Amounts are positive on both sides. In JSON a level is [price, count, amount], of a funding book
    [rate, period, count, amount].
    """
    row: dict[str, Any] = {"time": _iso(mts), "symbol": symbol}
    for side, levels in zip(_SIDES, (bids, asks)):
        if output == "json":
            row[f"{side}s"] = [
                [*price_of(level), level.count, abs(level.amount)] for level in levels
            ]
            continue
        for number, level in enumerate(levels, 1):
            row[f"{side}{number}"] = price_of(level)[0]
            row[f"{side}{number}_amount"] = abs(level.amount)
            row[f"{side}{number}_count"] = level.count
    return row


def book_line(symbol: str, mts: int | None, bids: Levels, asks: Levels) -> str:
    """Return the best levels of a book as a line of text."""
    parts = [f"{_clock(mts)}  {symbol}"]
    for side, levels in zip(_SIDES, (bids, asks)):
        level = levels[0] if levels else None
        price = "-" if level is None else number_text(price_of(level)[0])
        amount = "" if level is None else f" x {number_text(abs(level.amount))}"
        parts.append(f"{side} {price}{amount}")
    if bids and asks:
        spread = price_of(asks[0])[0] - price_of(bids[0])[0]
        parts.append(f"spread {number_text(spread)}")
    return "  ".join(parts)


def price_of(level: Any) -> list[Any]:
    """Return the price of a level, or rate and period of a funding book."""
    return [level.price] if hasattr(level, "price") else [level.rate, level.period]


class BookState:
    """The best levels of a book, and whether they differ from those that were read before."""

    def __init__(self, book: BookView, count: int) -> None:
        self._book = book
        self._count = count
        self.bids: Levels = ()
        self.asks: Levels = ()

    def has_changed(self) -> bool:
        """Read the book; return whether its best levels are others, and there are some."""
        bids, asks = self._book.levels(self._count)
        if not bids and not asks:
            return False  # between a gap and the next snapshot
        is_same = (bids, asks) == (self.bids, self.asks)
        self.bids, self.asks = bids, asks
        return not is_same


def _mts_of(update: Any) -> int | None:
    mts = getattr(update, "mts", None)
    return update.server_mts if mts is None else mts


def _iso(mts: int | None) -> str | None:
    return None if mts is None else iso_text(mts)


def _clock(mts: int | None) -> str:
    return "--:--:--" if mts is None else time_text(mts)


def _number(value: Any) -> str:
    return "-" if value is None else number_text(value)
