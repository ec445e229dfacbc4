"""The live commands: subscribe, then print or draw what arrives, until there is enough of it."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from decimal import Decimal
from typing import Any, Callable, Iterator, NamedTuple, Protocol, Sequence

from bfxsync import BookSubscription, Flag, Snapshot, UsageError
from bfxsync.cli.live.feed import Feed, Notices, ends_well, is_event, known_symbols
from bfxsync.cli.live.lines import (
    BookState,
    book_columns,
    book_line,
    book_row,
    columns_of,
    line_of,
    row_of,
)
from bfxsync.cli.rows import RowWriter
from bfxsync.cli.shared import is_terminal, open_client, require

FLAGS = Flag.SEQ_ALL | Flag.OB_CHECKSUM | Flag.TIMESTAMP
"""Those of the library, and the time of the exchange in every update."""


class Limits(NamedTuple):
    """When a live command ends without Ctrl-C; None is never."""

    updates: int | None = None
    seconds: float | None = None


class BookChange(NamedTuple):
    """The best levels of a book after a change."""

    symbol: str
    mts: int | None
    bids: Sequence[Any]
    asks: Sequence[Any]


class View(Protocol):
    """A part of the terminal in which updates are drawn; a context manager."""

    def __enter__(self) -> View: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, item: Any) -> None:
        """Take an update, or None, and draw if it is time to."""


Emit = Callable[[Any], object]


def stream(
    channel: str,
    symbols: Sequence[str],
    *,
    output: str,
    is_paper: bool,
    is_plain: bool,
    limits: Limits,
    last: int = 0,
    timeframe: str = "1m",
    levels: int = 10,
    prec: str = "P0",
    every_s: float = 0.5,
) -> None:
    """
    Run ``bfxsync ticker|trades|book|candles``.

    Parameters
    ----------
    last : int
        Number of past trades or candles to begin with.
    levels, prec, every_s
        Of books: levels of each side, precision of prices, least time between two rows.
    """
    is_view = output == "text" and not is_plain and is_terminal(sys.stdout)
    if is_view:
        require("rich", extra="cli")
    if output == "text" and not is_view:
        levels = 1  # a line shows the best ones
    is_funding = _is_funding(symbols)
    with ends_well(), ExitStack() as stack:
        # Not held back: a view prints them above itself.
        bfx = stack.enter_context(
            open_client(channel, paper=is_paper, numbers=Decimal, flags=FLAGS)
        )
        requests = [
            request_of(channel, symbol, timeframe, levels, prec) for symbol in symbols
        ]
        with known_symbols(bfx, symbols):
            feed = stack.enter_context(Feed(bfx.wss, requests))
        names = [handle.symbol for handle in feed.subscriptions]
        notices = Notices(channel)
        items = (
            book_changes(feed, notices, names, limits.seconds, levels, every_s)
            if channel == "book"
            else updates(
                feed, notices, names, limits.seconds, min(last, limits.updates or last)
            )
        )
        if is_view:
            from bfxsync.cli.live.views import view_of

            emit: Emit = stack.enter_context(view_of(channel, names, levels)).show
        else:
            emit = emitter(channel, output, is_funding, levels)
        _run(items, emit, limits.updates, is_view)


def _is_funding(symbols: Sequence[str]) -> bool:
    kinds = {symbol.startswith("f") for symbol in symbols}
    if len(kinds) > 1:
        raise UsageError("pairs and funding currencies need a command each")
    return True in kinds


def request_of(
    channel: str,
    symbol: str,
    timeframe: str = "1m",
    levels: int = 25,
    prec: str = "P0",
) -> dict[str, Any]:
    """Return the request of a subscription; candles of funding are of all periods by default."""
    request: dict[str, Any] = {"channel": channel, "symbol": symbol}
    if channel == "book":
        # The exchange has books of these lengths.
        length = next(length for length in (1, 25, 100, 250) if length >= levels)
        request.update(prec=prec, len=length)
    elif channel == "candles":
        key = f"trade:{timeframe}:{symbol}{periods_of(symbol)}"
        request = {"channel": channel, "key": key}
    return request


def periods_of(symbol: str) -> str:
    """Return the end of a key of candles: all periods of a funding currency without any."""
    return ":a30:p2:p30" if symbol.startswith("f") and ":" not in symbol else ""


def emitter(
    channel: str,
    output: str,
    is_funding: bool,
    levels: int,
    *,
    has_channel: bool = False,
) -> Emit:
    """Return a function that prints an update, at once; `has_channel` adds a column for it."""
    if output == "text":
        if channel == "book":
            return lambda item: print(book_line(*item), flush=True)
        return lambda item: print(line_of(item), flush=True)
    is_book = channel == "book"
    columns = (
        book_columns(output, levels) if is_book else columns_of(channel, is_funding)
    )
    first = {"channel": channel} if has_channel else {}
    writer = RowWriter(output, [*first, *columns])

    def emit(item: Any) -> None:
        row = book_row(output, *item) if is_book else row_of(item)
        writer.write({**first, **row})

    return emit


def _run(items: Iterator[Any], emit: Emit, count: int | None, is_view: bool) -> None:
    done = 0
    for item in items:
        if item is None and not is_view:
            continue
        emit(item)
        done += item is not None
        if done == count:
            return


def updates(
    feed: Feed,
    notices: Notices,
    names: Sequence[str],
    seconds: float | None,
    last: int,
) -> Iterator[Any]:
    """Yield updates, the `last` ones of the first snapshot before them; None while none comes."""
    begun: set[int] = set()
    for got in feed.items(seconds):
        if got is None:
            yield None
            continue
        at, item = got
        if not is_event(item):
            yield item
            continue
        notices.tell(names[at], item)
        if isinstance(item, Snapshot) and at not in begun:
            begun.add(at)
            yield from item.rows[-last:] if last else ()


def book_changes(
    feed: Feed,
    notices: Notices,
    names: Sequence[str],
    seconds: float | None,
    levels: int,
    every_s: float,
) -> Iterator[BookChange | None]:
    """Yield the best levels of a book when they have changed, each book every `every_s` at most."""
    states = [
        BookState(handle.book, levels)
        for handle in feed.subscriptions
        if isinstance(handle, BookSubscription)
    ]
    due = [0.0] * len(states)
    waiting: set[int] = set()
    for got in feed.items(seconds):
        if got is not None:
            at, item = got
            if is_event(item):
                notices.tell(names[at], item)
            waiting.add(at)
        now = time.monotonic()
        for at in [at for at in waiting if now >= due[at]]:
            waiting.discard(at)
            if states[at].has_changed():
                due[at] = now + every_s
                yield change_of(names[at], states[at])
        if got is None:
            yield None


def change_of(symbol: str, state: BookState) -> BookChange:
    """Return a change, with the time of its newest level."""
    times = [level.server_mts for level in (*state.bids, *state.asks)]
    newest = max((mts for mts in times if mts is not None), default=None)
    return BookChange(symbol, newest, state.bids, state.asks)
