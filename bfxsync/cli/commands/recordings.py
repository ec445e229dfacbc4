"""The commands ``bfxsync record`` and ``bfxsync replay``."""

from __future__ import annotations

from typing import Any

import click

from bfxsync.cli.commands.options import (
    count_option,
    every_option,
    levels_option,
    seconds_option,
    timeframe_option,
)
from bfxsync.cli.shared import output_options, paper_option

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
@timeframe_option()
@levels_option(25, " of the books")
@click.option("--append", "is_append", is_flag=True, help="Continue the file.")
@seconds_option
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
@count_option("rows")
@levels_option(of=" of a book")
@every_option(" of a book")
@click.option("--info", "is_info", is_flag=True, help="List channels and times only.")
@output_options
def replay(symbols: Any, channels: Any, path: str, **options: Any) -> None:
    """Print the updates of a recording, as they were, or list its contents."""
    from bfxsync.cli.live.recordings import play

    play(path, symbols, channels, **options)
