"""Reads the command line, and turns what happens into exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Sequence

from bfxsync import BfxError, __version__
from bfxsync.cli import demo
from bfxsync.cli.log_lines import LogLines

OK = 0
FAILED = 1
USAGE = 2
INTERRUPTED = 130

_MAX_SECONDS = 86_400

_DEMO = """\
Show tickers, trades and books of tBTCUSD and tETHUSD, live, and sum up at the
end what came and how fast. Without --live nothing leaves this machine: a local
exchange plays real trades and book updates of 2018 for tBTCUSD, and makes up a
market for tETHUSD."""

_DEMO_END = """\
The recording is 14 minutes long. It plays 20 times as fast as it was, and slower
if it would end before --seconds are over.

exit codes:
  0    every channel had updates, nothing is missing, every checksum was right
  1    one of these is not so, or the exchange cannot be reached; a line says why
  2    the command line is wrong, or a package is missing
  130  ended with Ctrl-C"""


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command, and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process without it.

    Raises
    ------
    SystemExit
        With 2: the arguments are wrong; with 0: after ``--help`` and ``--version``.
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
        # Whoever read our output has seen enough. The interpreter's last flush must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _demo(arguments: argparse.Namespace) -> int:
    is_plain = arguments.plain or not demo.is_terminal(sys.stdout)
    missing = demo.missing_packages(is_live=arguments.live, is_plain=is_plain)
    if missing:
        names = " and ".join(missing)
        return _fail(f'{names} missing: pip install "bfxsync[cli,paper]"', USAGE)
    try:
        # What is logged must not fall into the screen.
        with LogLines(is_held=not is_plain):
            summary = demo.run(
                arguments.seconds, is_live=arguments.live, is_plain=is_plain
            )
    except BfxError as exc:
        cause = "" if exc.__cause__ is None else f" ({exc.__cause__})"
        return _fail(f"{exc}{cause}", FAILED)
    print(f"\n{summary.text()}", flush=True)
    if summary.was_interrupted:
        return INTERRUPTED
    if summary.problems:
        return _fail("; ".join(summary.problems), FAILED)
    return OK


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
        help="how long, at least 1 (default: 10)",
    )
    command.add_argument(
        "--live",
        action="store_true",
        help="connect to the real exchange; no key needed",
    )
    command.add_argument(
        "--plain",
        action="store_true",
        help="a few lines of text instead of the screen, as when the output is no terminal",
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
