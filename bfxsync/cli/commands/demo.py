"""The command ``bfxsync demo``."""

from __future__ import annotations

import logging
import shutil
import sys

import click

from bfxsync.cli import shared

_HELP = """\
\b
Trade on a local exchange: tBTCUSD live, a limit and a market
order, a forced disconnect, and the wallet before and after.
Nothing leaves this machine, and the money is play money.
With --live, tBTCUSD and tETHUSD of the real exchange are
shown instead, without a key and without orders.
"""

_EPILOG = """\
\b
The recording is 14 minutes long, of a quiet market. It plays
at 20 times its speed, or slower if it would end before
--seconds.

\b
exit codes:
  0    updates in every channel, every checksum matched, no gap
       but that of the forced disconnect, all orders filled
  1    otherwise, or the exchange cannot be reached; a line
       gives the reason
  2    invalid command line, or a missing package
  130  ended with Ctrl-C
"""

_NEXT = "Next: bfxsync demo --live (the real exchange; no key needed)"
_NEXT_AFTER_LIVE = """\
Next, a program of your own:

from bfxsync import Client

with Client() as bfx:
    bfx.wss.subscribe_trades("BTC/USD", print)
    bfx.wss.run()"""

# On fewer lines the summary has no empty ones, and on still fewer no tables.
_ROOMY_LINES, _TABLE_LINES = 30, 22


@click.command(help=_HELP, epilog=_EPILOG)
@click.option(
    "--seconds",
    type=shared.Seconds(),
    default=10.0,
    metavar="N",
    help="Duration, at least 1 (default: 10).",
)
@click.option("--live", is_flag=True, help="Connect to the real exchange, without key.")
@click.option(
    "--recorded", is_flag=True, help="Play a recording of the real tBTCUSD of 2018."
)
@click.option(
    "--plain",
    is_flag=True,
    help="A few lines of text instead of the screen, as without a terminal.",
)
def demo(seconds: float, live: bool, recorded: bool, plain: bool) -> int:
    """Run the demonstration."""
    if recorded and live:
        raise click.UsageError("--recorded cannot be combined with --live")
    from bfxsync import BfxError
    from bfxsync.cli import demo
    from bfxsync.cli.exit_codes import INTERRUPTED, OK
    from bfxsync.cli.log_lines import LogLines

    is_plain = plain or not shared.is_terminal(sys.stdout)
    needed = [] if is_plain else ["rich"]
    shared.require(*needed, *([] if live else ["aiohttp"]))
    name = "bfxsync demo"
    try:
        # Log lines must not disturb the screen. The warning about the forced disconnect is not one.
        level = logging.WARNING if live else logging.ERROR
        with LogLines("demo", is_held=not is_plain, level=level):
            summary = demo.run(
                seconds, is_live=live, is_recorded=recorded, is_plain=is_plain
            )
    except BfxError as exc:
        return shared.fail(name, shared.text_of(exc))
    lines = shutil.get_terminal_size().lines
    gap = "\n" if lines >= _ROOMY_LINES else ""
    text = summary.text(is_roomy=bool(gap), is_brief=lines < _TABLE_LINES)
    print(f"{gap}{text}", flush=True)
    if summary.problems and not summary.was_interrupted:
        return shared.fail(name, "; ".join(summary.problems))
    print(f"{gap}{_NEXT_AFTER_LIVE if live else _NEXT}", flush=True)
    return INTERRUPTED if summary.was_interrupted else OK
