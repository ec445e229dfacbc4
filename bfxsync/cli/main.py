"""The command line, its exit codes, and its log lines on stderr."""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
from collections import deque
from typing import Any, Callable, Deque, Sequence

from bfxsync import BfxError, UsageError, __version__
from bfxsync.cli import demo, paper
from bfxsync.paper import PaperAccount

OK = 0
FAILED = 1
USAGE = 2
INTERRUPTED = 130

_MAX_SECONDS = 86_400
_MAX_HELD = 50

_DEMO = """\
Trade on a local exchange: tBTCUSD live, a limit and a market
order, a forced disconnect, and the wallet before and after.
Nothing leaves this machine, and the money is play money.
With --live, tBTCUSD and tETHUSD of the real exchange are
shown instead, without a key and without orders."""

_DEMO_END = """\
The recording is 14 minutes long, of a quiet market. It plays
at 20 times its speed, or slower if it would end before
--seconds.

exit codes:
  0    updates in every channel, every checksum matched, no gap
       but that of the forced disconnect, all orders filled
  1    otherwise, or the exchange cannot be reached; a line
       gives the reason
  2    invalid command line, or a missing package
  130  ended with Ctrl-C"""

_PAPER = """\
Run a local exchange with markets, accounts and play money
until Ctrl-C or SIGTERM. It prints how to connect, then what
the accounts do. It answers programs of this machine only,
and no web pages."""

_PAPER_END = """\
A file of accounts is a JSON list of objects with api_key,
api_secret, balances and permissions, each optional:
[{"balances": {"exchange": {"USD": 1000, "BTC": "0.5"}}}]

A fault is a name with its options, as those of
PaperExchange.inject (docs/testing.rst); --fault may be
given several times.

exit codes:
  0    stopped by Ctrl-C or SIGTERM
  1    it could not start, such as on a port in use
  2    invalid command line, or a missing package"""

_NEXT = "Next: bfxsync demo --live (the real exchange; no key needed)"
_NEXT_AFTER_LIVE = """\
Next, a program of your own:

from bfxsync import Client

with Client() as bfx:
    bfx.wss.subscribe_trades("BTC/USD", print)
    bfx.wss.run()"""

# On fewer lines the summary has no empty ones, and on still fewer no tables.
_ROOMY_LINES, _TABLE_LINES = 30, 22


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
        return _paper(arguments) if arguments.command == "paper" else _demo(arguments)
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
        return _fail_without(missing)
    try:
        # Log lines must not disturb the screen. The warning about the forced disconnect is not one.
        level = logging.WARNING if arguments.live else logging.ERROR
        with LogLines("demo", is_held=not is_plain, level=level):
            summary = demo.run(
                arguments.seconds,
                is_live=arguments.live,
                is_recorded=arguments.recorded,
                is_plain=is_plain,
            )
    except BfxError as exc:
        return _fail(_text_of(exc), FAILED)
    lines = shutil.get_terminal_size().lines
    gap = "\n" if lines >= _ROOMY_LINES else ""
    text = summary.text(is_roomy=bool(gap), is_brief=lines < _TABLE_LINES)
    print(f"{gap}{text}", flush=True)
    if summary.problems and not summary.was_interrupted:
        return _fail("; ".join(summary.problems), FAILED)
    print(f"{gap}{_NEXT_AFTER_LIVE if arguments.live else _NEXT}", flush=True)
    return INTERRUPTED if summary.was_interrupted else OK


def _paper(arguments: argparse.Namespace) -> int:
    is_plain = arguments.plain or not demo.is_terminal(sys.stdout)
    missing = demo.missing_packages(is_live=False, is_plain=is_plain)
    if missing:
        return _fail_without(missing, "paper")
    names = "host port seed speed rate accounts".split()
    options = {name: getattr(arguments, name) for name in names}
    options["allowed_hosts"] = arguments.allow_host
    options["captures"] = arguments.recording
    options["journal_path"] = arguments.journal
    try:
        with LogLines("paper", is_held=not is_plain):
            paper.run(options, arguments.fault, is_plain=is_plain)
    except UsageError as exc:
        return _fail(_text_of(exc), USAGE, "paper")
    except BfxError as exc:
        return _fail(_text_of(exc), FAILED, "paper")
    return OK


def _fail(reason: str, code: int, command: str = "demo") -> int:
    print(f"bfxsync {command}: {reason}", file=sys.stderr, flush=True)
    return code


def _fail_without(packages: Sequence[str], command: str = "demo") -> int:
    names = " and ".join(packages)
    reason = f'{names} missing: pip install "bfxsync[cli,paper]"'
    return _fail(reason, USAGE, command)


def _text_of(error: BfxError) -> str:
    text, cause = str(error), str(error.__cause__ or "")
    # Many errors name their cause themselves.
    return text if cause in text else f"{text} ({cause})"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bfxsync", description="Synchronous client for the Bitfinex API v2."
    )
    parser.add_argument("--version", action="version", version=f"bfxsync {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command")
    command = commands.add_parser(
        "demo",
        help="trade on a local exchange, or show live markets of the real one",
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
    _add_paper(commands)
    return parser


def _add_paper(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "paper",
        help="run a local exchange for programs of yours",
        description=_PAPER,
        epilog=_PAPER_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def add(name: str, type: Callable[[str], Any], metavar: str, **more: Any) -> None:
        command.add_argument(name, type=type, metavar=metavar, **more)

    add(
        "--port",
        int,
        "N",
        default=paper.PORT,
        help="0: any free port (default: %(default)s)",
    )
    add(
        "--seed",
        int,
        "N",
        default=1,
        help="of the simulated markets (default: %(default)s)",
    )
    add(
        "--speed",
        float,
        "X",
        default=1.0,
        help="60: a minute passes in a second (default: 1)",
    )
    add(
        "--rate",
        float,
        "X",
        help="events per second of each market (default: as in recordings)",
    )
    add(
        "--accounts",
        _accounts,
        "N|FILE",
        default="1",
        help="number of accounts, or a JSON file of them (default: 1)",
    )
    add(
        "--recording",
        str,
        "NAME",
        action="append",
        default=[],
        help="play it: btcusd-20181112, public-20210417, or a file",
    )
    add(
        "--fault",
        _fault,
        "TEXT",
        action="append",
        default=[],
        help='such as "lost_answer path=auth/w/order/submit times=2"',
    )
    add("--journal", str, "FILE", help="journal, and what it continues from")
    add("--host", str, "NAME", default="127.0.0.1", help="address to listen on")
    add(
        "--allow-host",
        str,
        "NAME",
        action="append",
        default=[],
        help="answer to this host name, too, such as that of a container",
    )
    command.add_argument(
        "--plain",
        action="store_true",
        help="lines of text instead of a live view, as without a terminal",
    )


def _fault(text: str) -> tuple[str, dict[str, Any]]:
    try:
        return paper.fault_of(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None


def _accounts(text: str) -> list[PaperAccount]:
    try:
        return paper.accounts_of(text)
    except (OSError, ValueError) as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None


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
    Prints warnings and errors of the library, within a ``with`` block, or those from a level on.

    With `is_held` the latest 50 lines are printed at the end, as a screen is drawn until then.
    """

    def __init__(
        self, command: str, *, is_held: bool, level: int = logging.WARNING
    ) -> None:
        super().__init__(level)
        self.setFormatter(logging.Formatter(f"bfxsync {command}: %(message)s"))
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
