"""The command ``bfxsync relay``."""

from __future__ import annotations

from typing import Any

import click

from bfxsync.cli.commands.options import seconds_option, timeframe_option
from bfxsync.cli.shared import Seconds, paper_option

_EPILOG = """\
\b
Consumers use Client(source="redis://..."). Start a second
relay with the same channels on another machine: it takes
over when the first one ends or hangs. Give a URL with a
password by BFX_REDIS_URL, as others see the arguments.
The status is on stderr; Ctrl-C and SIGTERM give the lease
back and end with exit code 0.
"""

_CHANNELS = ["book", "trades", "ticker", "candles", "status"]


@click.command(epilog=_EPILOG)
@click.argument("symbols", nargs=-1, required=True, metavar="SYMBOL...")
@click.option(
    "--redis",
    "redis",
    required=True,
    envvar="BFX_REDIS_URL",
    metavar="URL",
    help="redis://host:6379/0, rediss://... or unix:///path.",
)
@click.option(
    "--channel",
    "channels",
    type=click.Choice(_CHANNELS),
    multiple=True,
    metavar="NAME",
    help="book, trades, ticker, candles or status of derivatives;"
    " several times (default: book, trades, ticker).",
)
@click.option(
    "--prec",
    type=click.Choice(["P0", "P1", "P2", "P3", "P4", "R0"]),
    default="P0",
    metavar="P",
    help="Of the books: P0 to P4, or R0 (default: P0).",
)
@click.option(
    "--len",
    "length",
    type=click.Choice(["1", "25", "100", "250"]),
    default="25",
    metavar="N",
    help="Levels of each side: 1, 25, 100 or 250 (default: 25).",
)
@timeframe_option()
@click.option("--liquidations", is_flag=True, help="Also all liquidations.")
@click.option(
    "--shard",
    default="main",
    metavar="NAME",
    help="Name of this set of channels (default: main).",
)
@click.option(
    "--ttl",
    "lease_ttl",
    type=Seconds(0.5),
    default=2.0,
    metavar="S",
    help="Seconds until another relay takes over (default: 2).",
)
@click.option(
    "--max-entries",
    type=click.IntRange(128, 10_000_000),
    default=10_000,
    metavar="N",
    help="Length of each stream (default: 10000).",
)
@seconds_option
@paper_option
def relay(symbols: Any, paper: bool, **options: Any) -> None:
    """Publish market data to Redis, for any number of consumers."""
    from bfxsync.cli.relay import run

    run(symbols, is_paper=paper, **options)
