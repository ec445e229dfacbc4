"""The commands ``bfxsync record`` and ``bfxsync replay``."""

from __future__ import annotations

from typing import Any

import click

from bfxsync.cli.commands.market import TIMEFRAMES
from bfxsync.cli.shared import Seconds, output_options, paper_option

_CHANNELS = ["ticker", "trades", "book", "candles"]

_RECORD_EPILOG = """\
\b
The file has every message as it came, with its time; it is
continued with --append and never overwritten. {time} in its
name is replaced by the time of the start. Ctrl-C and SIGTERM
end with exit code 0.
"""

_REPLAY_EPILOG = """\
\b
Rows and lines are those of ticker, trades, book and candles;
JSON has the channel as well. --every counts in the time of
the recording, which has the exchange's time if "bfxsync
record" made it.
"""


@click.command(epilog=_RECORD_EPILOG)
@click.argument("symbols", nargs=-1, required=True, metavar="SYMBOL...")
@click.option(
    "--out",
    "path",
    default="bfxsync-{time}.jsonl.gz",
    metavar="FILE",
    help="A .jsonl.gz file (default: bfxsync-{time}.jsonl.gz).",
)
@click.option(
    "--channel",
    "channels",
    type=click.Choice(_CHANNELS),
    multiple=True,
    help="May be given several times (default: ticker, trades, book).",
    metavar="NAME",
)
@click.option(
    "--tf",
    "timeframe",
    type=click.Choice(TIMEFRAMES),
    default="1m",
    metavar="TF",
    help="Length of the candles (default: 1m).",
)
@click.option(
    "--levels",
    type=click.IntRange(1, 250),
    default=25,
    metavar="N",
    help="Levels of each side of the books (default: 25).",
)
@click.option("--append", "is_append", is_flag=True, help="Continue the file.")
@click.option("--seconds", type=Seconds(0.1), metavar="N", help="End after N seconds.")
@paper_option
def record(symbols: Any, channels: Any, paper: bool, path: str, **options: Any) -> None:
    """Record market data into a file, for "bfxsync replay" and for programs."""
    from bfxsync.cli.live.recordings import record

    chosen = channels or ("ticker", "trades", "book")
    record(path, symbols, chosen, is_paper=paper, **options)


@click.command(epilog=_REPLAY_EPILOG)
@click.argument("path", metavar="FILE")
@click.argument("symbols", nargs=-1, metavar="[SYMBOL...]")
@click.option(
    "--channel",
    "channels",
    type=click.Choice(_CHANNELS),
    multiple=True,
    metavar="NAME",
    help="ticker, trades, book or candles (default: all).",
)
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    metavar="X",
    help="1: as fast as recorded (default: as fast as possible).",
)
@click.option("--count", type=click.IntRange(1), metavar="N", help="End after N rows.")
@click.option(
    "--levels",
    type=click.IntRange(1, 250),
    default=10,
    metavar="N",
    help="Levels of each side of a book (default: 10).",
)
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(0, 3600),
    default=0.5,
    metavar="S",
    help="Least seconds between two states of a book (default: 0.5).",
)
@click.option("--info", "is_info", is_flag=True, help="List channels and times only.")
@output_options
def replay(symbols: Any, channels: Any, path: str, **options: Any) -> None:
    """Print the updates of a recording, as they were, or list its contents."""
    from bfxsync.cli.live.recordings import play

    play(path, symbols, channels, **options)
