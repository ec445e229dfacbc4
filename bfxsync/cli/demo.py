"""The demonstration: an exchange, a client that watches it, and a display."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Mapping, Protocol

from bfxsync import PUB_WSS_HOST
from bfxsync.cli.summary import FeedSummary, View
from bfxsync.cli.text import price_text
from bfxsync.cli.trading import SYMBOL
from bfxsync.cli.watch import Watch
from bfxsync.paper import PaperExchange

_CAPTURE = "btcusd-20181112"
_CAPTURE_S = 870.0
_SPEED = 20.0
# Longer than connecting and closing take, as the end of the recording closes the connection.
_CAPTURE_MARGIN_S = 5.0

# Events per second of a simulated market, so that its price changes several times a second.
_RATE = 200.0

_LOCAL_PING_S = 0.1
_LEAST_S = 0.01
# The real exchange is shared.
_LIVE_PING_S = 1.0


class Show(Protocol):
    """A display."""

    interval_s: float
    """Time between two views."""

    def show(self, view: View) -> None:
        """Display a view."""


def run(
    seconds: float, *, is_live: bool, is_recorded: bool, is_plain: bool
) -> FeedSummary:
    """
    Watch the real exchange (`is_live`), or watch and trade on a local one.

    `is_plain` prints lines instead of a screen. With `is_recorded` the local exchange plays the
    recording. `seconds` counts from the first data of all channels. Raises `BfxError` if the
    exchange is unreachable or rejects the connection.
    """
    with ExitStack() as stack:
        sources: dict[str, str]
        exchange = None
        if is_live:
            host, ping_s = PUB_WSS_HOST, _LIVE_PING_S
            sources = {"tBTCUSD": "live", "tETHUSD": "live"}
        else:
            exchange = stack.enter_context(local_exchange(seconds, is_recorded))
            host, ping_s = exchange.url, _LOCAL_PING_S
            sources = {SYMBOL: "simulated"}
            if is_recorded:
                speed = capture_speed(seconds)
                sources[SYMBOL] = f"recorded 2018-11-12, {speed:.3g}x"
        for symbol, source in sources.items():
            print(f"{symbol}: {source}")
        print(f"connecting to {host}", flush=True)
        show: Show
        if is_plain:
            show = Lines(seconds)
        else:
            from bfxsync.cli.board import Screen

            show = stack.enter_context(Screen(host))
        return watch(host, sources, seconds, show, ping_s=ping_s, exchange=exchange)


def capture_speed(seconds: float) -> float:
    """Return the highest speed at which the recording lasts long enough."""
    return min(_SPEED, _CAPTURE_S / (seconds + _CAPTURE_MARGIN_S))


def local_exchange(seconds: float, is_recorded: bool = False) -> PaperExchange:
    """Return an exchange with moving prices, and data in every channel within `seconds`."""
    # Intervals are in the exchange's time.
    speed = capture_speed(seconds) if is_recorded else 1.0
    return PaperExchange(
        captures=(_CAPTURE,) if is_recorded else (),
        speed=speed,
        rate=_RATE / speed,
        ticker_s=0.25 * speed,
        checksum_s=min(1.0, seconds / 4) * speed,
    )


def watch(
    host: str,
    sources: Mapping[str, str],
    seconds: float,
    show: Show,
    *,
    ping_s: float = _LOCAL_PING_S,
    exchange: PaperExchange | None = None,
) -> FeedSummary:
    """
    Watch some markets until the time is over or Ctrl-C; see `run` and `Watch`.

    With an exchange, trade there, too, and take longer if orders are not filled in time.
    """
    watching = Watch(host, sources, ping_s, exchange, seconds)
    was_interrupted = False
    try:
        with watching:
            _run_show(watching, seconds, show)
    except KeyboardInterrupt:
        was_interrupted = True
    return watching.summary(was_interrupted)


def _run_show(watching: Watch, seconds: float, show: Show) -> None:
    end = time.monotonic() + seconds
    while watching.failure is None:
        left_s = end - time.monotonic()
        if left_s <= 0 and not watching.is_trading:
            break
        show.show(watching.view(max(0.0, left_s)))
        # Less than the interval, as drawing takes time.
        time.sleep(min(show.interval_s, max(_LEAST_S, end - time.monotonic())))


class Lines:
    """Progress as about five lines of text."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.interval_s: float = seconds / 5
        self._next_s = self.interval_s / 2

    def show(self, view: View) -> None:
        """Print a line, except at the very start and soon after the last one."""
        passed_s = self._seconds - view.left_s
        if passed_s < self._next_s:
            return
        self._next_s = passed_s + self.interval_s / 2
        parts = [f"{passed_s:5.1f} s", f"{view.frame_count:8,} frames"]
        for market in view.markets:
            last = market.ticker.last_price if market.ticker is not None else None
            parts.append(f"{market.symbol} {price_text(last)}")
        print("  ".join(parts), flush=True)
