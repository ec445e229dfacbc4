"""The command ``bfxsync board``: the screen until a key ends it, or plain lines."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from decimal import Decimal
from functools import partial
from queue import Empty
from typing import Any, Sequence

from bfxsync import Client, Order, Snapshot, UsageError
from bfxsync.cli.live.feed import Feed, Notices, ends_well, is_event, known_symbols
from bfxsync.cli.live.lines import line_of
from bfxsync.cli.live.stream import FLAGS
from bfxsync.cli.rows import number_text
from bfxsync.cli.shared import is_terminal, key_source, open_client, require
from bfxsync.cli.text import time_text

MOST_SYMBOLS = 9
"""As many as there are keys with digits."""

_INTERVAL_S = 0.5


def run(
    symbols: Sequence[str],
    timeframe: str,
    *,
    is_paper: bool,
    is_plain: bool,
    seconds: float | None,
) -> None:
    """Show the board until `seconds` have passed, a key or a signal."""
    if len(symbols) > MOST_SYMBOLS:
        raise UsageError(
            f"a board has {MOST_SYMBOLS} symbols at most, not {len(symbols)}"
        )
    is_screen = not is_plain and is_terminal(sys.stdout)
    if is_screen:
        require("rich", extra="cli")
    options: dict[str, Any] = {"numbers": Decimal, "flags": FLAGS}
    if not is_paper:
        options["credentials"] = key_source("if any")
    has_key = is_paper or bool(options["credentials"] or os.environ.get("BFX_API_KEY"))
    with ExitStack() as stack:
        if not is_screen:
            stack.enter_context(ends_well())
        bfx = stack.enter_context(
            open_client("board", paper=is_paper, is_held=is_screen, **options)
        )
        if is_screen:
            _screen(
                bfx,
                symbols,
                timeframe,
                "local exchange" if is_paper else "",
                has_key,
                seconds,
            )
        else:
            _lines(bfx, symbols, has_key, seconds)


def _screen(
    bfx: Client,
    symbols: Sequence[str],
    timeframe: str,
    host: str,
    has_key: bool,
    seconds: float | None,
) -> None:
    from bfxsync.cli.live.board_data import BoardData
    from bfxsync.cli.live.board_screen import BoardScreen
    from bfxsync.cli.live.keys import NEXT, PREVIOUS, QUIT, Keys

    with known_symbols(bfx, symbols):
        data = BoardData(bfx, symbols, timeframe, host, has_key)
    end = float("inf") if seconds is None else time.monotonic() + seconds
    with Keys() as keys, BoardScreen() as screen:
        key = ""
        while key != QUIT:
            if key in (NEXT, PREVIOUS):
                data.move(1 if key == NEXT else -1)
            elif key.isdecimal() and 1 <= int(key) <= len(data.symbols):
                data.select(data.symbols[int(key) - 1])
            screen.show(data.view())
            left_s = end - time.monotonic()
            if left_s <= 0:
                return
            try:
                key = keys.queue.get(timeout=min(_INTERVAL_S, left_s))
            except Empty:
                key = ""


def _lines(
    bfx: Client, symbols: Sequence[str], has_key: bool, seconds: float | None
) -> None:
    """Print tickers, trades and own orders as they come."""
    channels = ("ticker", "trades")
    requests = [
        {"channel": name, "symbol": symbol} for symbol in symbols for name in channels
    ]
    with known_symbols(bfx, symbols), Feed(bfx.wss, requests) as feed:
        if has_key:
            add = partial(feed.add, -1)
            bfx.wss.subscribe_account(add, on_event=add)
        notices = Notices("board")
        for got in feed.items(seconds):
            if got is None:
                continue
            at, item = got
            if at >= 0 and is_event(item):
                notices.tell(
                    f"{feed.subscriptions[at].symbol} {channels[at % 2]}", item
                )
                continue
            for text in [line_of(item)] if at >= 0 else _order_lines(item):
                print(text, flush=True)


def _order_lines(item: Any) -> list[str]:
    """Return the lines of an update or event of the account."""
    if isinstance(item, Snapshot):
        return [text for row in item.rows for text in _order_lines(row)]
    data = getattr(item, "data", None)
    orders = data if isinstance(data, list) else [data]
    return [order_line(order) for order in orders if isinstance(order, Order)]


def order_line(order: Order) -> str:
    """Return an own order as a line of text."""
    side = "sell" if order.amount_orig < 0 else "buy"
    price = "" if order.price is None else f" at {number_text(order.price)}"
    amount = number_text(abs(order.amount))
    text = f"{order.order_type} {side} {amount}{price}, {order.order_status}"
    return f"{time_text(order.mts_update)}  {order.symbol}  order {order.id}: {text}"
