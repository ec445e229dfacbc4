"""
Draws an `ExchangeView` below the existing text of the terminal.

Strategy: the text on how to connect stays on the screen as ordinary text, which can be selected and
copied. Only the lines below it are drawn again, as many as fit.
"""

from __future__ import annotations

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from bfxsync import Ticker
from bfxsync.cli.activity import ExchangeView
from bfxsync.cli.text import decimals_of, price_text, time_text

_MIN_LINES = 6
_UP, _DOWN = "green", "red"
_ACCOUNTS = 4
"""Maximum number of accounts shown; further ones are only counted."""


class LiveArea:
    """The lines at the bottom, as a context manager; `console` replaces the standard output."""

    interval_s: float = 0.25

    def __init__(self, used_lines: int, console: Console | None = None) -> None:
        self._console = Console() if console is None else console
        self._used_lines = used_lines
        # No refresh thread: `show` draws.
        self._live = Live(console=self._console, auto_refresh=False, transient=True)

    def __enter__(self) -> LiveArea:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, view: ExchangeView) -> None:
        """Draw a view."""
        # One line is for the cursor.
        room = max(_MIN_LINES, self._console.height - self._used_lines - 1)
        self._live.update(draw(view, min(room, self._console.height - 1)), refresh=True)


def draw(view: ExchangeView, height: int) -> Group:
    """Return lines, at most `height`, each cut to the width of the terminal."""
    lines = [_header(view), *_accounts(view)]
    if len(lines) + len(view.tickers) < height:
        lines += [_ticker(symbol, ticker) for symbol, ticker in view.tickers]
    rest = max(0, height - len(lines))
    latest = view.latest[-rest:] if rest else ()
    return Group(*lines[:height], *(_line(f" {text}") for text in latest))


def _header(view: ExchangeView) -> Text:
    line = _line(f" {time_text(view.mts)}  ", "bold")
    line.append(
        f"connections {view.connections:,}  frames {view.frames_sent:,}"
        f"  requests {view.rest_requests:,}"
    )
    line.append("  Ctrl-C ends", "dim")
    return line


def _accounts(view: ExchangeView) -> list[Text]:
    lines = [_line(f" {text}") for text in view.accounts[:_ACCOUNTS]]
    if len(view.accounts) > _ACCOUNTS:
        lines.append(_line(f" and {len(view.accounts) - _ACCOUNTS} more", "dim"))
    return lines


def _ticker(symbol: str, ticker: Ticker | None) -> Text:
    line = _line(f" {symbol:<13}", "bold")
    if ticker is None or ticker.last_price is None:
        return line.append("-", "dim")
    change = ticker.daily_change_relative or 0.0
    decimals = decimals_of(ticker.last_price)
    price = price_text(ticker.last_price, decimals)
    line.append(f"{price:>12}  {change:+7.2%}", _DOWN if change < 0 else _UP)
    bid, ask = price_text(ticker.bid, decimals), price_text(ticker.ask, decimals)
    return line.append(f"  bid {bid}  ask {ask}", "dim")


def _line(text: str, style: str = "") -> Text:
    # Appended with its own style, which later parts would otherwise inherit.
    return Text(no_wrap=True, overflow="ellipsis").append(text, style)
