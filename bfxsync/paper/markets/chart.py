"""The candles of one symbol, historic and live."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Iterator, List, NamedTuple

from bfxsync.paper.engine.units import SCALE
from bfxsync.paper.markets.bars import MINUTE_MS, TIMEFRAMES, Bar, chain, overlay
from bfxsync.paper.markets.history import History

CandleRow = List[float]

# The aggregations that the exchange documents.
_AGGREGATIONS = ("a10", "a30")


class CandleKey(NamedTuple):
    """
    A key of candles: ``trade:1m:tBTCUSD``, ``trade:1h:fUSD:p30``, ``trade:1h:fUSD:a30:p2:p30``.

    Attributes
    ----------
    timeframe : str
        A key of `bars.TIMEFRAMES`.
    periods : range
        Funding periods whose trades count; for a pair only 0.
    """

    timeframe: str
    symbol: str
    periods: range

    @property
    def text(self) -> str:
        """The normal form of equivalent keys."""
        text = f"trade:{self.timeframe}:{self.symbol}"
        if not self.symbol.startswith("f"):
            return text
        first, last = self.periods[0], self.periods[-1]
        return f"{text}:p{first}" if first == last else f"{text}:a30:p{first}:p{last}"

    @classmethod
    def parse(cls, text: object) -> CandleKey | None:
        """Parse a key; None if it is invalid. The symbol is not checked."""
        if not isinstance(text, str):
            return None
        kind, _, rest = text.partition(":")
        timeframe, _, rest = rest.partition(":")
        timeframe = "7D" if timeframe == "1W" else timeframe
        if kind != "trade" or timeframe not in TIMEFRAMES:
            return None
        if not rest.startswith("f"):
            # Symbols may contain a colon.
            return cls(timeframe, rest, range(1))
        symbol, *parts = rest.split(":")
        if len(parts) == 3 and parts[0] in _AGGREGATIONS:
            parts = parts[1:]
        elif len(parts) != 1:
            return None
        if not all(part[:1] == "p" and part[1:].isdecimal() for part in parts):
            return None
        periods = range(int(parts[0][1:]), int(parts[-1][1:]) + 1)
        return cls(timeframe, symbol, periods) if periods else None


class Chart:
    """The bars of a market by minute, aggregated to candles."""

    def __init__(self, history: History | None = None) -> None:
        self._history = history
        self._minutes: list[int] = []
        self._bars: dict[int, dict[int, Bar]] = {}
        self._count = 0

    def record(self, mts: int, price: int, amount: int, period: int) -> None:
        """Add a trade; price and amount in units, the amount positive."""
        minute = mts // MINUTE_MS
        if minute not in self._bars:
            self._bars[minute] = {}
            insort(self._minutes, minute)
        bars = self._bars[minute]
        self._count += 1
        trade = Bar(price, price, price, price, amount, self._count, self._count)
        known = bars.get(period)
        bars[period] = chain((known, trade)) or trade

    def bar(self, begin: int, end: int, periods: range) -> Bar | None:
        """Return the bar from one minute until before another, None without trades."""
        return chain(self._pieces(begin, end, periods))

    def row(self, key: CandleKey, begin: int) -> CandleRow | None:
        """Return the candle that begins at this minute, None without trades."""
        end = TIMEFRAMES[key.timeframe].following(begin)
        bar = self.bar(begin, end, key.periods)
        if bar is None:
            return None
        prices = (bar.open, bar.close, bar.high, bar.low, bar.volume)
        return [begin * MINUTE_MS, *(units / SCALE for units in prices)]

    def rows(
        self,
        key: CandleKey,
        start: int | None = None,
        end: int | None = None,
        newest_first: bool = True,
    ) -> Iterator[CandleRow]:
        """Iterate over the candles that begin between two times in ms, both included."""
        floor, following = TIMEFRAMES[key.timeframe]
        # A long interval may start before the first trade.
        first, last = floor(self._first()), self._last()
        if start is not None:
            first = max(first, -(-start // MINUTE_MS))
        if end is not None:
            last = min(last, end // MINUTE_MS)
        if first > last:
            return
        begin = floor(last if newest_first else first)
        while begin <= last and (begin >= first or not newest_first):
            row = self.row(key, begin) if begin >= first else None
            if row is not None:
                yield row
            begin = floor(begin - 1) if newest_first else following(begin)

    def _pieces(self, begin: int, end: int, periods: range) -> Iterator[Bar | None]:
        if self._history is not None:
            for span in self._history.spans(begin, end):
                yield from self._live(begin, span.begin, periods)
                yield from self._history.pieces(span, periods)
                begin = span.end
        yield from self._live(begin, end, periods)

    def _live(self, begin: int, end: int, periods: range) -> Iterator[Bar | None]:
        minutes = self._minutes
        for minute in minutes[bisect_left(minutes, begin) : bisect_left(minutes, end)]:
            bars = self._bars[minute]
            yield overlay(bar for period, bar in bars.items() if period in periods)

    def _first(self) -> int:
        if self._history is not None:
            return self._history.begin
        return self._minutes[0] if self._minutes else 0

    def _last(self) -> int:
        past = self._history.end - 1 if self._history is not None else -1
        return max(self._minutes[-1], past) if self._minutes else past
