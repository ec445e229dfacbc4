"""
The live commands at a terminal: a part below the existing text that is drawn again.

Strategy: trades and closed candles are printed above it and stay. Nothing is drawn between the
updates, and at most eight times a second.
"""

from __future__ import annotations

import time
from typing import Any, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from bfxsync import Candle
from bfxsync.cli.live.drawing import DIM, DOWN, UP, Cell, line
from bfxsync.cli.live.ladder import ladder
from bfxsync.cli.live.lines import line_of
from bfxsync.cli.live.tables import tickers
from bfxsync.cli.text import time_text

_INTERVAL_S = 0.125
_LADDER_WIDTH = 60


class TerminalView:
    """
    Draws what the live commands show; a context manager.

    `show` takes an update, or None, and draws what has changed. `console` replaces the standard
    output.
    """

    def __init__(self, names: Sequence[str], console: Console | None = None) -> None:
        self.names = names
        self.console: Console = Console() if console is None else console
        # No refresh thread: `show` draws.
        self._live = Live(console=self.console, auto_refresh=False)
        self._drawn_at = 0.0
        self._has_changed = False

    def __enter__(self) -> TerminalView:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._draw()
        self._live.stop()

    def show(self, item: Any) -> None:
        """Take an update, and draw unless that was done a moment ago."""
        if item is not None:
            self._has_changed = True
            self.take(item)
        if time.monotonic() - self._drawn_at >= _INTERVAL_S:
            self._draw()

    def _draw(self) -> None:
        if self._has_changed:
            self._has_changed = False
            self._drawn_at = time.monotonic()
            self._live.update(self.draw(*self.console.size), refresh=True)

    def take(self, item: Any) -> None:
        """Keep an update, or print it above the part that is drawn."""
        raise NotImplementedError

    def draw(self, width: int, height: int) -> RenderableType:
        """Return the part that is drawn."""
        return Text("")

    def print(self, row: Text) -> None:
        """Print a line above the part that is drawn."""
        self.console.print(row, soft_wrap=True)


class TickerView(TerminalView):
    """A row for each symbol."""

    def __init__(self, names: Sequence[str], console: Console | None = None) -> None:
        super().__init__(names, console)
        self._found: dict[str, Any] = {}
        self._mts: int | None = None

    def take(self, item: Any) -> None:
        """Keep the latest ticker of a symbol."""
        self._found[item.symbol] = item
        self._mts = item.server_mts

    def draw(self, width: int, height: int) -> RenderableType:
        """Return the table, and its time."""
        rows = tickers(self.names, self._found, width)
        return Group(*rows[: max(1, height - 2)], _as_of(self._mts))


class BookView(TerminalView):
    """A ladder for each symbol, one below the other."""

    def __init__(
        self, names: Sequence[str], levels: int, console: Console | None = None
    ) -> None:
        super().__init__(names, console)
        self._levels = levels
        self._found: dict[str, Any] = {}

    def take(self, item: Any) -> None:
        """Keep the latest levels of a symbol."""
        self._found[item.symbol] = item

    def draw(self, width: int, height: int) -> RenderableType:
        """Return the ladders, with as many levels as there is room for."""
        shown = [self._found[name] for name in self.names if name in self._found]
        room = (height - 1) // max(1, len(shown)) - 1
        rows: list[Text] = []
        for change in shown:
            most = 2 * min(self._levels, max(len(change.bids), len(change.asks))) + 1
            # An odd number of rows: the spread is in the middle.
            count = min(most, room - (room + 1) % 2)
            if count >= 3:
                rows.append(
                    line(Cell(change.symbol, "bold"), Cell(_clock(change.mts), DIM))
                )
                rows += ladder(
                    change.bids,
                    change.asks,
                    min(width - 1, _LADDER_WIDTH),
                    count,
                    has_shades=has_shades(self.console),
                )
        return Group(*rows)


class TradesView(TerminalView):
    """Prints trades in colours."""

    def take(self, item: Any) -> None:
        """Print a trade."""
        self.print(line(Cell(line_of(item), DOWN if item.amount < 0 else UP)))


class CandlesView(TerminalView):
    """Prints closed candles; the current ones are drawn."""

    def __init__(self, names: Sequence[str], console: Console | None = None) -> None:
        super().__init__(names, console)
        self._current: dict[str, Candle] = {}

    def take(self, item: Any) -> None:
        """Keep the current candle of a symbol, and print the one before it."""
        current = self._current.get(item.symbol)
        if current is not None and item.mts > current.mts:
            self.print(_candle(current))
        if current is None or item.mts >= current.mts:
            self._current[item.symbol] = item
        else:
            # The exchange has corrected the one before.
            self.print(_candle(item))

    def draw(self, width: int, height: int) -> RenderableType:
        """Return the current candles."""
        return Group(*map(_candle, [*self._current.values()][: max(1, height - 2)]))


def view_of(channel: str, names: Sequence[str], levels: int) -> TerminalView:
    """Return the view for a channel."""
    if channel == "book":
        return BookView(names, levels)
    return {"ticker": TickerView, "trades": TradesView, "candles": CandlesView}[
        channel
    ](names)


def has_shades(console: Console) -> bool:
    """Return whether a terminal has enough colours for dark bars."""
    return console.color_system in ("256", "truecolor")


def _candle(candle: Candle) -> Text:
    # Rather on two lines than without its last digits.
    style = DOWN if candle.close < candle.open else UP
    return Text(line_of(candle), style, no_wrap=False, overflow="fold")


def _as_of(mts: int | None) -> Text:
    return line(Cell(f"as of{_clock(mts)}; Ctrl-C ends", DIM))


def _clock(mts: int | None) -> str:
    return "" if mts is None else f" {time_text(mts)} UTC"
