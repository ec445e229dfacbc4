"""The commands ``bfxsync record`` and ``bfxsync replay``."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from decimal import Decimal
from functools import partial
from typing import Any, Callable, List, Mapping, Sequence

from bfxsync import BfxError, BookSubscription, Client, Gap, Replay, UsageError, replay
from bfxsync.cli.live.feed import Feed, Notices, ends_well, is_event, known_symbols
from bfxsync.cli.live.lines import BookState
from bfxsync.cli.live.stream import FLAGS, Emit, change_of, emitter, request_of
from bfxsync.cli.rows import RowWriter
from bfxsync.cli.shared import is_terminal, open_client

CHANNELS = ("ticker", "trades", "book", "candles")

_STATUS_S = {True: 1.0, False: 60.0}
"""Seconds between two lines of `record`, at a terminal and elsewhere."""


def record(
    path: str,
    symbols: Sequence[str],
    channels: Sequence[str],
    *,
    timeframe: str,
    levels: int,
    is_append: bool,
    is_paper: bool,
    seconds: float | None,
) -> None:
    """Record channels of some symbols until `seconds` have passed or a signal."""
    path = path.replace("{time}", time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
    if not is_append and os.path.exists(path) and os.path.getsize(path):
        raise UsageError(f"{path} is not empty: continue it with --append")
    errors: List[BaseException] = []
    options: dict[str, Any] = {
        "flags": FLAGS,
        "record": path,
        "record_append": is_append,
        "on_error": errors.append,
    }
    gaps = 0

    def on_event(event: Any) -> None:
        nonlocal gaps
        gaps += isinstance(event, Gap)

    requests = [
        {**request_of(channel, symbol, timeframe, levels), "on_event": on_event}
        for symbol in symbols
        for channel in channels
    ]
    with ExitStack() as stack:
        bfx = stack.enter_context(open_client("record", paper=is_paper, **options))
        with known_symbols(bfx, symbols):
            bfx.wss.subscribe_many(requests)
        with ends_well():
            number = "1 channel" if len(requests) == 1 else f"{len(requests)} channels"
            print(f"recording {number} to {path}; Ctrl-C ends", flush=True)
            _watch(bfx, errors, seconds)
        frames = bfx.wss.frame_count
    _check(errors)
    size = f", {os.path.getsize(path):,} bytes" if os.path.exists(path) else ""
    with ends_well():
        print(f"recorded {frames:,} frames, {gaps:,} gaps{size}", flush=True)


def _watch(bfx: Client, errors: Sequence[BaseException], seconds: float | None) -> None:
    """Print the number of frames from time to time, in place at a terminal."""
    is_screen = is_terminal(sys.stdout)
    began = time.monotonic()
    end = float("inf") if seconds is None else began + seconds
    told_at = began
    while time.monotonic() < end:
        time.sleep(max(0.0, min(0.1, end - time.monotonic())))
        _check(errors)
        if bfx.wss.exception is not None:
            raise bfx.wss.exception
        now = time.monotonic()
        if now - told_at >= _STATUS_S[is_screen]:
            told_at = now
            text = f"{bfx.wss.frame_count:,} frames in {now - began:,.0f} s"
            print(
                f"\r{text}" if is_screen else text,
                end="" if is_screen else "\n",
                flush=True,
            )
    if is_screen:
        print("\r", end="", flush=True)


def _check(errors: Sequence[BaseException]) -> None:
    """Raise the error that ended the recording; others are gaps or wrong checksums."""
    for error in errors:
        if type(error) is BfxError:
            raise error


def play(
    path: str,
    symbols: Sequence[str],
    channels: Sequence[str],
    *,
    output: str,
    speed: float | None,
    count: int | None,
    levels: int,
    every_s: float,
    is_info: bool,
) -> None:
    """Print what a recording has: its contents, or its updates."""
    with ends_well(), replay(path, speed=speed, numbers=Decimal) as recording:
        if is_info:
            _print_contents(recording, output)
            return
        found = _chosen(recording, symbols, channels)
        if output == "text":
            levels = 1  # a line shows the best ones
        kinds = {(channel, symbol.startswith("f")) for channel, symbol, _ in found}
        if output == "csv" and len(kinds) > 1:
            raise UsageError(
                "--csv needs one kind of rows: choose by --channel and symbol"
            )
        emits: dict[Any, Emit] = {
            kind: emitter(
                kind[0], output, kind[1], levels, has_channel=output == "json"
            )
            for kind in sorted(kinds)
        }
        books = [_Book(levels, every_s) for _ in found]
        requests = []
        for number, (channel, _, fields) in enumerate(found):
            # The state of a book is read as its updates are played.
            requests.append(dict(fields))
            if channel == "book":
                requests[-1]["callback"] = books[number].on_update
        with Feed(recording, requests) as feed:
            for number, handle in enumerate(feed.subscriptions):
                if isinstance(handle, BookSubscription):
                    books[number].begin(handle, partial(feed.add, number))
            recording.start()
            _print_updates(feed, found, emits, count)


def _print_updates(
    feed: Feed, found: Sequence[Any], emits: Mapping[Any, Emit], count: int | None
) -> None:
    notices = Notices("replay")
    done = 0
    for got in feed.items():
        if got is None:
            continue
        at, item = got
        channel, symbol, _ = found[at]
        if is_event(item):
            notices.tell(f"{symbol} {channel}", item)
            continue
        emits[channel, symbol.startswith("f")](item)
        done += 1
        if done == count:
            return


def _chosen(
    recording: Replay, symbols: Sequence[str], channels: Sequence[str]
) -> list[tuple[str, str, dict[str, Any]]]:
    """Return channel, symbol and fields of what is to be played."""
    wanted = {_letters(symbol) for symbol in symbols}
    found = []
    for fields in recording.channels:
        channel, symbol = fields["channel"], _symbol_of(fields)
        is_wanted = not wanted or _letters(symbol) in wanted
        # Raw books have orders instead of levels.
        is_known = channel in CHANNELS and fields.get("prec") != "R0"
        if is_wanted and is_known and channel in (channels or CHANNELS):
            found.append((channel, symbol, fields))
    missing = wanted - {_letters(symbol) for _, symbol, _ in found}
    if not found or missing:
        known = ", ".join(map(_title, recording.channels)) or "nothing"
        raise UsageError(f"not in the recording, which has {known}")
    return found


def _symbol_of(fields: Mapping[str, Any]) -> str:
    """Return the symbol of a channel; of candles it is in the key, with periods of funding."""
    symbol = str(fields.get("symbol") or str(fields.get("key", "")).split(":", 2)[-1])
    return symbol.partition(":")[0] if symbol.startswith("f") else symbol


def _letters(symbol: str) -> str:
    """Return what all spellings of a symbol have in common: BTCUSD of BTC/USD and tBTCUSD."""
    is_prefixed = symbol[:1] == "t" and symbol[1:2].isupper()
    text = "".join(filter(str.isalnum, symbol[is_prefixed:]))
    return text if symbol.startswith("f") and symbol[1:2].isupper() else text.upper()


def _title(fields: Mapping[str, Any]) -> str:
    return " ".join(str(value) for value in fields.values())


def _print_contents(recording: Replay, output: str) -> None:
    """Print the channels of a recording, and its times."""
    times = (recording.begin, recording.end)
    if output == "text":
        begin, end = (time and f"{time:%Y-%m-%d %H:%M:%S}" for time in times)
        print(f"from {begin} to {end} UTC, {recording.missing_count} messages missing")
        for fields in recording.channels:
            print(_title(fields))
        return
    writer = RowWriter(output, ("channel", "symbol", "key", "begin", "end"))
    for fields in recording.channels:
        symbol = _symbol_of(fields)
        writer.write({**fields, "symbol": symbol, "begin": times[0], "end": times[1]})


class _Book:
    """Puts the state of a book into a feed as its updates are played."""

    def __init__(self, levels: int, every_s: float) -> None:
        self._levels = levels
        self._every_ms = every_s * 1000
        self._due_mts = 0.0
        self._state: BookState | None = None
        self._put: Callable[[Any], None] | None = None
        self._symbol = ""

    def begin(self, handle: BookSubscription[Any], put: Callable[[Any], None]) -> None:
        """Set what it reads, before the replay is started."""
        self._state = BookState(handle.book, self._levels)
        self._symbol, self._put = handle.symbol, put

    def on_update(self, update: Any) -> None:
        """Read the book, unless that was done a moment ago by the time of the recording."""
        mts = update.server_mts
        if mts is not None and mts < self._due_mts:
            return
        if self._state is None or self._put is None or not self._state.has_changed():
            return
        self._due_mts = (mts or 0) + self._every_ms
        self._put(change_of(self._symbol, self._state))
