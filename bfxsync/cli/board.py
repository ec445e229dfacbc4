"""
Draws a `View` on the screen.

Strategy: every part gets a fixed number of rows, so that nothing scrolls in a terminal of any size.
Asks are above the bids, with the spread between them. Markets are side by side if the terminal is
wide enough, or too low to stack them. Details are omitted where there is no room.
"""

from __future__ import annotations

from typing import Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from bfxsync import BookUpdate, Ticker, Trade
from bfxsync.cli.summary import MarketView, Step, View
from bfxsync.cli.text import amount_text, decimals_of, ms_text, price_text, time_text

_BID = "green"
_ASK = "red"
_WARNING = "bold not dim white on red"
_TONES = {"buy": _BID, "sell": _ASK, "bad": _WARNING}

_SIDE_BY_SIDE_WIDTH = 72
_LEAST_SIDE_BY_SIDE_WIDTH = 52
_STACKED_HEIGHT = 13
# Beside a market the lines of an account would be cut.
_STACKED_ACCOUNT_HEIGHT = 8
_FULL_TICKER_HEIGHT = 16
_TIME_WIDTH = 36
_AMOUNT_WIDTH = 11

_EIGHTHS = ("", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589")
_FULL = "\u2588"


class Screen:
    """Full-screen display, as a context manager; `console` replaces the standard output."""

    interval_s: float = 0.125

    def __init__(self, host: str, console: Console | None = None) -> None:
        self._console = Console() if console is None else console
        # No refresh thread: `show` draws.
        self._live = Live(
            _line(f" connecting to {host}", "dim"),
            console=self._console,
            screen=True,
            auto_refresh=False,
        )

    def __enter__(self) -> Screen:
        self._live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, view: View) -> None:
        """Draw a view."""
        width, height = self._console.size
        self._live.update(draw(view, width, height), refresh=True)


def draw(view: View, width: int, height: int) -> RenderableType:
    """Return the whole screen; width and height are in characters."""
    rows = max(0, height - 3)
    count = len(view.markets) + bool(view.steps)
    wanted = _STACKED_ACCOUNT_HEIGHT if view.steps else _STACKED_HEIGHT
    is_low = rows // count < wanted
    if width >= (_LEAST_SIDE_BY_SIDE_WIDTH if is_low else _SIDE_BY_SIDE_WIDTH):
        markets = Table.grid(expand=True)
        for _ in range(count):
            markets.add_column(ratio=1)
        share = width // count
        panels = [_market(item, share, rows) for item in view.markets]
        if view.steps:
            panels.append(_account(view.steps, share, rows))
        markets.add_row(*panels)
        return Group(_header(view, width), markets, *_footer(view))
    share, rest = divmod(rows, count)
    panels = [
        _market(item, width, share + (index < rest))
        for index, item in enumerate(view.markets)
    ]
    if view.steps:
        panels.append(_account(view.steps, width, share))
    return Group(_header(view, width), *panels, *_footer(view))


def _header(view: View, width: int) -> Text:
    line = _line(" bfxsync demo", "bold")
    line.append(f"  {view.host}", "dim")
    end = f"{view.left_s:.0f} s left "
    state = "" if view.status == "open" else f" {view.status.upper()} "
    # Old versions of rich loop forever when they truncate to width 0.
    line.truncate(max(1, width - len(end) - len(state) - 2), overflow="ellipsis")
    line.append(" " * max(0, width - len(line) - len(end) - len(state) - 1))
    line.append(state, _WARNING)
    line.append(f" {end}")
    return line


def _footer(view: View) -> tuple[Text, Text]:
    total = view.total
    flow = _line(f" {view.frames_per_s:,.0f} frames/s   {total.update_count:,} updates")
    flow.append(f"   {len(total.gaps)} gaps", _WARNING if total.gaps else "")
    flow.append(f"   {total.verified_count:,} checksums ok", _BID)
    if total.mismatch_count:
        flow.append(f"   {total.mismatch_count:,} wrong", _WARNING)
    pace = _line(f" round trip {ms_text(view.round_trip_s)} ms", "dim")
    pace.append(f"   to callback {ms_text(view.lag_s)} ms   Ctrl-C ends", "dim")
    return flow, pace


def _market(view: MarketView, width: int, height: int) -> Panel:
    # Without the border and its padding.
    inner = width - 4
    ticker = _ticker(view.ticker, inner)[: 2 if height >= _FULL_TICKER_HEIGHT else 1]
    # The border, and two rules.
    rows = max(0, height - 2 - len(ticker) - 2)
    known = max(len(view.bids), len(view.asks))
    depth = max(0, min((rows - rows // 3 - 1) // 2, known))
    trades = max(0, rows - 2 * depth - 1)
    content = Group(
        *ticker,
        Rule(style="dim"),
        *_ladder(view, depth, inner),
        Rule(style="dim"),
        *_trades(view, trades, inner),
    )
    title = _line(f" {view.symbol} ", "bold not dim")
    if not view.is_live:
        title.append("STALE ", _WARNING)
    return Panel(
        content,
        title=title,
        subtitle=_line(f" {view.source} ", "dim"),
        border_style="dim",
        height=max(height, 2),
        width=width,
    )


def _account(steps: Sequence[Step], width: int, height: int) -> Panel:
    rows = max(0, height - 2)
    shown = steps[-rows:] if rows else ()
    return Panel(
        Group(*(_line(step.line, _TONES.get(step.tone, "")) for step in shown)),
        title=_line(" account ", "bold not dim"),
        subtitle=_line(" play money ", "dim"),
        border_style="dim",
        height=max(height, 2),
        width=width,
    )


def _ticker(ticker: Ticker | None, width: int) -> tuple[Text, Text]:
    if ticker is None:
        return _line("no ticker", "dim"), _line("")
    change, ratio = ticker.daily_change, ticker.daily_change_relative
    if ticker.last_price is None or change is None or ratio is None:
        return _line("no trade yet", "dim"), _line("")
    decimals = decimals_of(ticker.last_price)
    style = _ASK if change < 0 else _BID
    first = _line(price_text(ticker.last_price, decimals), f"bold {style}")
    first.append(f"  {change:+,.{decimals}f}", style)
    first.append(f"  {ratio:+.2%}", style)
    second = _line("high ", "dim")
    second.append(price_text(ticker.high, decimals))
    second.append(" low ", "dim")
    second.append(price_text(ticker.low, decimals))
    volume = f"{ticker.volume or 0:,.0f}"
    if len(second) + len(" vol ") + len(volume) <= width:
        second.append(" vol ", "dim")
        second.append(volume)
    return first, second


def _ladder(view: MarketView, depth: int, width: int) -> list[RenderableType]:
    asks, bids = view.asks[:depth], view.bids[:depth]
    shown = [*asks, *bids]
    if not shown:
        return [_line("no book", "dim")]
    decimals = decimals_of(shown[0].price)
    price_width = max(len(price_text(level.price, decimals)) for level in shown)
    largest = max(abs(level.amount) for level in shown)
    bar_width = max(0, width - price_width - _AMOUNT_WIDTH - 4)

    def row(level: BookUpdate, style: str) -> Text:
        line = _line(f"{price_text(level.price, decimals):>{price_width}}", style)
        line.append(f"  {amount_text(level.amount):>{_AMOUNT_WIDTH}}  ")
        line.append(bar(abs(level.amount) / largest, bar_width), style)
        return line

    return [
        *_padded([row(level, _ASK) for level in reversed(asks)], depth, at_top=True),
        _spread(asks, bids, decimals),
        *_padded([row(level, _BID) for level in bids], depth),
    ]


def _spread(
    asks: Sequence[BookUpdate], bids: Sequence[BookUpdate], decimals: int
) -> Text:
    if not asks or not bids:
        return _line("one side only", "dim")
    return _line(f"spread {price_text(asks[0].price - bids[0].price, decimals)}", "dim")


def _trades(view: MarketView, count: int, room: int) -> list[Text]:
    shown = view.trades[:count]
    if not shown:
        return _padded([_line("no trades", "dim")][:count], count)
    decimals = decimals_of(shown[0].price)
    width = max(len(price_text(trade.price, decimals)) for trade in shown)

    def row(trade: Trade) -> Text:
        style, side = (_BID, "buy ") if trade.amount > 0 else (_ASK, "sell")
        line = _line(f"{price_text(trade.price, decimals):>{width}}", style)
        line.append(f"  {amount_text(trade.amount):>{_AMOUNT_WIDTH}}", style)
        line.append(f"  {side}", style)
        if room >= _TIME_WIDTH:
            line.append(f"  {time_text(trade.mts)}", "dim")
        return line

    return _padded([row(trade) for trade in shown], count)


def _padded(lines: list[Text], count: int, *, at_top: bool = False) -> list[Text]:
    """Pad with empty lines, so that nothing below moves."""
    empty = [_line("") for _ in range(count - len(lines))]
    return [*empty, *lines] if at_top else [*lines, *empty]


def bar(ratio: float, width: int) -> str:
    """Return a bar that fills `ratio` of the width, at least an eighth of a character."""
    whole, eighths = divmod(max(1, round(ratio * width * 8)), 8)
    return (_FULL * whole + _EIGHTHS[eighths]) if width else ""


def _line(text: str, style: str = "") -> Text:
    # Appended with its own style, which later parts would otherwise inherit.
    return Text(no_wrap=True, overflow="ellipsis").append(text, style)
