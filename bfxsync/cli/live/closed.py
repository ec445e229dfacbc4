"""``bfxsync candles --closed``: each candle once, also those that were missed in a gap."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Sequence

from bfxsync import Candle
from bfxsync.cli.live.feed import Feed, Notices, ends_well, known_symbols
from bfxsync.cli.live.stream import Limits, emitter, periods_of
from bfxsync.cli.shared import open_client

# Rather longer than shorter, as it counts back to the first candle.
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "D": timedelta(days=1),
    "W": timedelta(days=7),
    "M": timedelta(days=31),
}


def closed_candles(
    symbols: Sequence[str],
    timeframe: str,
    *,
    output: str,
    is_paper: bool,
    limits: Limits,
    last: int,
) -> None:
    """Print the `last` closed candles of each symbol, then each one as it closes."""
    since = (last + 1) * int(timeframe[:-1]) * _UNITS[timeframe[-1]]
    with ends_well(), ExitStack() as stack:
        bfx = stack.enter_context(
            open_client("candles", paper=is_paper, numbers=Decimal)
        )
        feed = stack.enter_context(Feed(bfx.wss, ()))
        notices = Notices("candles")
        histories = []
        with known_symbols(bfx, symbols):
            for at, symbol in enumerate(symbols):
                add = partial(feed.add, at)
                key = f"{symbol}{periods_of(symbol)}"
                histories.append(
                    bfx.candles(key, timeframe, since=since, on_close=add, on_event=add)
                )
        emit = emitter("candles", output, False, 1)
        done = 0
        for got in feed.items(limits.seconds):
            at, item = got or (0, None)
            if isinstance(item, Candle):
                emit(item)
                done += 1
                if done == limits.updates:
                    return
            elif item is not None:
                notices.tell(symbols[at], item)
