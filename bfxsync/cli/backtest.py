"""Runs a backtest for the command line, and prints what it has found out."""

from __future__ import annotations

import os
import shutil
import sys
import time
import traceback
from types import TracebackType
from typing import Any, Mapping, Optional, Sequence, TextIO

from bfxsync import BfxError, UsageError
from bfxsync.backtest import Backtest
from bfxsync.backtest import backtest as run_backtest
from bfxsync.backtest.loading import parameter
from bfxsync.cli.exit_codes import INTERRUPTED, OK, USAGE
from bfxsync.cli.shared import fail, is_terminal

_REDRAW_S = 0.2
# The numbers and the next prompt need the rest.
_REST_LINES = 10
_MOST_LINES = 24


def run(
    strategy: str,
    recording: str,
    *,
    output: str,
    is_equity: bool,
    balances: Sequence[str] = (),
    currency: Optional[str] = None,
    parameters: Sequence[str] = (),
    every: Optional[float] = None,
    step: Optional[float] = None,
    plot: Optional[str] = None,
) -> int:
    """Run it, print it, and return the exit code."""
    if plot is not None and not plot.endswith(".svg"):
        raise UsageError(f"--plot must name a file .svg, not {plot!r}")
    try:
        with _Progress(sys.stderr) as progress:
            result = run_backtest(
                strategy,
                recording,
                balances=read_balances(balances) if balances else None,
                currency=currency,
                parameters=dict(map(parameter, parameters)),
                every_s=every,
                step_s=step,
                check=False,
                on_progress=progress.show,
            )
    except Exception as exc:
        own = _frames_of(exc, os.path.abspath(strategy))
        if isinstance(exc, BfxError) or not (own or isinstance(exc, SyntaxError)):
            raise
        traceback.print_exception(type(exc), exc, own)
        reason = f"{strategy} cannot be imported: {type(exc).__name__}"
        return fail("bfxsync backtest", reason, USAGE)
    error = result.error
    if error is not None:
        # On stderr, and before the rest, as it may be long.
        traceback.print_exception(type(error), error, error.__traceback__)
    sys.stdout.write(_shown(result, output, is_equity))
    sys.stdout.flush()
    if plot is not None:
        try:
            result.plot(plot)
        except OSError as exc:
            reason = f"cannot write {plot}: {exc.strerror or exc}"
            return fail("bfxsync backtest", reason)
    if result.ended_by == "interrupt":
        return INTERRUPTED
    if error is not None or result.callback_errors:
        return fail("bfxsync backtest", _reason(result))
    return OK


def read_balances(texts: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    """Read ``USD=100`` and ``margin:USD=100``; the wallet is ``exchange`` by default."""
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        name, equals, amount = text.partition("=")
        wallet, colon, currency = name.rpartition(":")
        if not (equals and amount and currency):
            raise UsageError(
                f"--balance must look like USD=1000 or margin:USD=1000, not {text!r}"
            )
        amounts = found.setdefault(wallet if colon else "exchange", {})
        if currency in amounts:
            raise UsageError(f"--balance has {name} twice")
        amounts[currency] = amount
    return found


def _frames_of(error: BaseException, path: str) -> Optional[TracebackType]:
    """Return the traceback of an error from the first frame of a file on; None without one."""
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename != path:
        frame = frame.tb_next
    return frame


def _shown(result: Backtest, output: str, is_equity: bool) -> str:
    if output == "json":
        return result.json()
    if output == "csv":
        return result.equity_csv() if is_equity else result.fills_csv()
    if not sys.stdout.isatty():
        return result.text() + "\n"
    is_plain = not is_terminal(sys.stdout)
    size = shutil.get_terminal_size()
    height = min(size.lines - _REST_LINES, _MOST_LINES)
    chart = result.chart(size.columns, height, is_plain=is_plain)
    return f"{chart}\n\n{result.text()}\n"


def _reason(result: Backtest) -> str:
    if result.error is not None:
        return f"the strategy raised {type(result.error).__name__}"
    return f"callbacks of the strategy raised {result.callback_errors} exceptions"


class _Progress:
    """A bar on a terminal, which is removed at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_shown = stream.isatty()
        self._next_at = 0.0

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: Any) -> None:
        if self._is_shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def show(self, ratio: float) -> None:
        """Draw it, a few times per second; called by another thread."""
        now = time.monotonic()
        if self._is_shown and now >= self._next_at:
            self._next_at = now + _REDRAW_S
            done = round(ratio * 30)
            self._stream.write(f"\r[{'#' * done}{'.' * (30 - done)}] {ratio:4.0%}")
            self._stream.flush()
