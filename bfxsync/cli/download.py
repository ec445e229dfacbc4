"""
Downloads of histories into files that grow: ``bfxsync history``.

Strategy: `bfx.candles` and `bfx.trades` read, a sink stores and says where to go on. Only what is
over by the exchange's clock is downloaded, so that no candle is stored before its last trade.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, Callable, Iterator, Optional

import attrs
import click

from bfxsync import BfxError, Client, UsageError
from bfxsync._base.aliases import Mts
from bfxsync.checks.candles import check_candle_symbol
from bfxsync.checks.symbols import check_symbol
from bfxsync.cli.exit_codes import INTERRUPTED, OK
from bfxsync.cli.shared import (
    is_terminal,
    open_client,
    require,
    sigterm_as_interrupt,
)
from bfxsync.joined.history import JoinedHistory
from bfxsync.joined.timeframes import Timeframe, check_joined_timeframe
from bfxsync.models import Candle, FundingTrade, Trade
from bfxsync.sinks.opening import open_sink
from bfxsync.sinks.sink import Sink

# So long after its end an interval is in REST for sure; see `bfxsync.joined.plans`.
_SETTLED_MS = 12_000

# A redraw for each row would cost more than the row.
_SHOWN_EVERY_S = 0.1

Show = Callable[["Progress"], object]


@attrs.define
class Progress:
    """How far a download is."""

    start: Mts
    end: Optional[Mts]
    count: int = 0
    at: Optional[Mts] = None
    started_at: float = attrs.field(factory=time.monotonic)

    @property
    def ratio(self) -> float:
        """The part that is done, by time."""
        if self.at is None or self.end is None or self.end <= self.start:
            return 0.0
        return (self.at - self.start) / (self.end - self.start)

    @property
    def rate(self) -> float:
        """Rows per second since the start."""
        return self.count / max(time.monotonic() - self.started_at, 1e-3)


def run(
    kind: str,
    symbol: str,
    timeframe: str | None,
    since: datetime,
    until: datetime | None,
    path: str,
    follow: bool,
    paper: bool,
) -> int:
    """Download into a file, show how far it is, and return the exit code."""
    # First, so that a wrong argument is told before a connection is made.
    symbol, frame, model = _checked(symbol, timeframe)
    if until is not None and follow:
        raise click.UsageError("--until and --follow exclude each other")
    if path.endswith(".parquet"):
        require("pyarrow", extra="arrow")
    with open_client(f"history {kind}", paper=paper) as bfx:
        with open_sink(path, model) as sink:
            before = sink.last
            code = OK
            try:
                with _progress_bar(symbol) as show, sigterm_as_interrupt():
                    download(bfx, sink, symbol, frame, since, until, follow, show)
            except KeyboardInterrupt:
                code = OK if follow else INTERRUPTED
            except BfxError:
                sink.close()
                if sink.count:
                    _say(f"{_told(sink)}; the same command goes on from there")
                raise
        told = _told(sink)
        if code == INTERRUPTED:
            _say(f"{told}; interrupted: the same command goes on from there")
        elif sink.count == 0:
            click.echo(f"{path}: nothing new" if before else f"{path}: {_none(symbol)}")
        else:
            click.echo(told)
    return code


def download(
    bfx: Client,
    sink: Sink[Any],
    symbol: str,
    frame: Timeframe | None,
    since: datetime,
    until: datetime | None = None,
    follow: bool = False,
    show: Show = lambda progress: None,
) -> None:
    """Add the rows of a history that the sink does not have, oldest first."""
    _check_origin(sink, symbol, frame)
    # Its date tells the exchange's time.
    bfx.rest.public.get_platform_status()
    last = None if follow else _last_mts(frame, until, _server_mts(bfx))
    start = sink.since(since)
    assert start is not None
    if last is not None and start > last:
        return
    progress = Progress(start, last)
    shown_at = 0.0
    with _history(bfx, symbol, frame, start, last) as history:
        for row in history:
            progress.count += sink.write(row)
            progress.at = row.mts
            if time.monotonic() - shown_at >= _SHOWN_EVERY_S:
                shown_at = time.monotonic()
                show(progress)
    progress.at = last
    show(progress)


def _history(
    bfx: Client, symbol: str, frame: Timeframe | None, start: Mts, last: Mts | None
) -> JoinedHistory[Any]:
    if frame is None:
        return bfx.trades(symbol, since=start, until=last)
    return bfx.candles(symbol, frame.name, since=start, until=last, closed=True)


def _server_mts(bfx: Client) -> Mts:
    skew_s = bfx.rest.stats()["clock_skew_s"] or 0.0
    return int((time.time() - skew_s) * 1000)


def _last_mts(frame: Timeframe | None, until: datetime | None, now_mts: Mts) -> Mts:
    """Return the last time of the rows that cannot change any more."""
    last = now_mts - _SETTLED_MS
    if frame is not None:
        # The start of the interval before the current one, or a whole interval before now.
        start = frame.floor(last)
        last = start - 1 if frame.has_known_starts else start - frame.following(0)
    return last if until is None else min(last, int(until.timestamp() * 1000))


def _checked(symbol: str, timeframe: str | None) -> tuple[str, Timeframe | None, Any]:
    """Return the symbol as rows have it, the timeframe of candles, and the model of the rows."""
    if timeframe is not None:
        frame = check_joined_timeframe("--tf", timeframe)
        return check_candle_symbol(symbol), frame, Candle
    symbol = check_symbol(symbol)
    return symbol, None, FundingTrade if symbol.startswith("f") else Trade


def _check_origin(sink: Sink[Any], symbol: str, frame: Timeframe | None) -> None:
    """Refuse a file with rows of something else, also if there is nothing to add."""
    if sink.last is None:
        return
    wanted, found = symbol, sink.last.symbol
    if frame is not None:
        wanted, found = f"{wanted} {frame.name}", f"{found} {sink.last.timeframe}"
    if wanted != found:
        raise UsageError(f"{sink.path!r} has rows of {found}, not of {wanted}")


def _told(sink: Sink[Any]) -> str:
    new = f"{sink.path}: {sink.count:,} new rows"
    return (
        new if sink.last is None else f"{new}, the last of {_time_text(sink.last.mts)}"
    )


def _none(symbol: str) -> str:
    return f"no rows: nothing was traded then, or the exchange has no {symbol}"


def _time_text(mts: Mts) -> str:
    time = datetime.fromtimestamp(mts / 1000, timezone.utc)
    return time.isoformat(sep=" ", timespec="seconds")[: -len("+00:00")] + " UTC"


def _say(text: str) -> None:
    click.echo(f"bfxsync history: {text}", err=True)


@contextmanager
def _progress_bar(title: str) -> Iterator[Show]:
    """Provide a function that shows the progress on stderr, if that is a terminal."""
    if not is_terminal(sys.stderr):
        yield lambda progress: None
        return
    require("rich")
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=Console(stderr=True),
        expand=True,
    )
    with bar:
        task = bar.add_task(title, total=1.0, told="")

        def show(progress: Any) -> None:
            day = "" if progress.at is None else _time_text(progress.at)[:16]
            done = "live" if progress.end is None else f"{progress.ratio:3.0%}"
            told = f"{done}  {progress.count:,} rows  {progress.rate:,.0f}/s  {day}"
            total = None if progress.end is None else 1.0
            bar.update(task, completed=progress.ratio, total=total, told=told)

        yield show
