"""The command line, its exit codes, and its log lines on stderr."""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
from collections import deque
from typing import Deque, Sequence

from bfxsync import BfxError, __version__
from bfxsync.cli import demo

OK = 0
FAILED = 1
USAGE = 2
INTERRUPTED = 130

_MAX_SECONDS = 86_400
_MAX_HELD = 50

_DEMO = """\
Show tickers, trades and books of tBTCUSD and tETHUSD, live,
and print counts and latencies at the end. Without --live
nothing leaves this machine: a local exchange simulates both
markets."""

_DEMO_END = """\
The recording is 14 minutes long, of a quiet market. It plays
at 20 times its speed, or slower if it would end before
--seconds.

exit codes:
  0    updates in every channel, no gap, every checksum matched
  1    otherwise, or the exchange cannot be reached; a line
       gives the reason
  2    invalid command line, or a missing package
  130  ended with Ctrl-C"""

_NEXT = "Next: bfxsync demo --live (the real exchange; no key needed)"
_NEXT_AFTER_LIVE = """\
Next, a program of your own:

from bfxsync import Client

with Client() as bfx:
    bfx.wss.subscribe_trades("BTC/USD", print)
    bfx.wss.run()"""

# On fewer lines the summary has no empty ones.
_ROOMY_LINES = 24


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command and return its exit code; `argv` replaces the arguments of the process.

    Raises `SystemExit`: 2 for invalid arguments; 0 after ``--help`` and ``--version``.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
        return OK
    try:
        return _demo(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has closed it. The interpreter's last flush must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _demo(arguments: argparse.Namespace) -> int:
    is_plain = arguments.plain or not demo.is_terminal(sys.stdout)
    missing = demo.missing_packages(is_live=arguments.live, is_plain=is_plain)
    if missing:
        names = " and ".join(missing)
        return _fail(f'{names} missing: pip install "bfxsync[cli,paper]"', USAGE)
    try:
        # Log lines must not disturb the screen.
        with LogLines(is_held=not is_plain):
            summary = demo.run(
                arguments.seconds,
                is_live=arguments.live,
                is_recorded=arguments.recorded,
                is_plain=is_plain,
            )
    except BfxError as exc:
        text, cause = str(exc), str(exc.__cause__ or "")
        # Many errors name their cause themselves.
        return _fail(text if cause in text else f"{text} ({cause})", FAILED)
    gap = "\n" if shutil.get_terminal_size().lines >= _ROOMY_LINES else ""
    print(f"{gap}{summary.text(is_roomy=bool(gap))}", flush=True)
    if summary.problems and not summary.was_interrupted:
        return _fail("; ".join(summary.problems), FAILED)
    print(f"{gap}{_NEXT_AFTER_LIVE if arguments.live else _NEXT}", flush=True)
    return INTERRUPTED if summary.was_interrupted else OK


def _fail(reason: str, code: int) -> int:
    print(f"bfxsync demo: {reason}", file=sys.stderr, flush=True)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bfxsync", description="Synchronous client for the Bitfinex API v2."
    )
    parser.add_argument("--version", action="version", version=f"bfxsync {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command")
    command = commands.add_parser(
        "demo",
        help="show live markets, from a local exchange or the real one",
        description=_DEMO,
        epilog=_DEMO_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "--seconds",
        type=_seconds,
        default=10.0,
        metavar="N",
        help="duration, at least 1 (default: 10)",
    )
    source = command.add_mutually_exclusive_group()
    source.add_argument(
        "--live",
        action="store_true",
        help="connect to the real exchange; no key needed",
    )
    source.add_argument(
        "--recorded",
        action="store_true",
        help="play a recording of the real tBTCUSD of 2018",
    )
    command.add_argument(
        "--plain",
        action="store_true",
        help="a few lines of text instead of the screen, as without a terminal",
    )
    return parser


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    # NaN is not within the bounds either.
    if not 1 <= seconds <= _MAX_SECONDS:
        raise argparse.ArgumentTypeError(
            f"expected a number from 1 to {_MAX_SECONDS}, not {text!r}"
        )
    return seconds


class LogLines(logging.Handler):
    """
    Prints warnings and errors of the library, within a ``with`` block.

    With `is_held` the latest 50 lines are printed at the end, as a screen is drawn until then.
    """

    def __init__(self, *, is_held: bool) -> None:
        super().__init__(logging.WARNING)
        self.setFormatter(logging.Formatter("bfxsync demo: %(message)s"))
        self._is_held = is_held
        self._held: Deque[str] = deque(maxlen=_MAX_HELD)

    def __enter__(self) -> LogLines:
        logging.getLogger("bfxsync").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("bfxsync").removeHandler(self)
        for line in self._held:
            print(line, file=sys.stderr)
        self._held.clear()

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line, or hold it back."""
        line = self.format(record)
        if self._is_held:
            self._held.append(line)
        else:
            print(line, file=sys.stderr, flush=True)
