"""The commands ``bfxsync history candles`` and ``bfxsync history trades``."""

from __future__ import annotations

from typing import Any, Callable, TypeVar

import click

from bfxsync.cli.group import NamedGroup
from bfxsync.cli.shared import paper_option
from bfxsync.cli.values import TIME

F = TypeVar("F", bound=Callable[..., Any])

_EPILOG = """\
The end of the name of FILE says what it is: .csv, .parquet (extra arrow), or .db, .sqlite,
.sqlite3. A file that exists is continued after its last row, so after Ctrl-C, a crash or a day the
same command adds what is missing, and no row twice.

\b
exit codes besides those of bfxsync --help:
  0    the file has everything up to --until, or up to now
  130  ended with Ctrl-C: the rows so far are in the file
"""


def _options(function: F) -> F:
    for add in (
        paper_option,
        click.option(
            "--follow",
            is_flag=True,
            help="Go on live until Ctrl-C, which is exit code 0 then.",
        ),
        click.option("--out", "path", required=True, metavar="FILE", help="The file."),
        click.option("--until", type=TIME, help="Last time, inclusive (default: now)."),
        click.option(
            "--since",
            type=TIME,
            required=True,
            help="First time: 2024-01-31, 2024-01-31T12:00 (UTC), or an age such as 7d.",
        ),
    ):
        function = add(function)
    return function


@click.group(cls=NamedGroup)
def history() -> None:
    """Download candles or trades into a file, and continue it later."""


@history.command(epilog=_EPILOG)
@click.argument("symbol")
@click.option(
    "--tf",
    "timeframe",
    default="1m",
    metavar="TF",
    help="1m (default), 5m, 15m, 30m, 1h, 3h, 6h, 12h, 1D, 7D, 14D, 1M, or made from these: 45m.",
)
@_options
def candles(**options: Any) -> int:
    """Download the candles of SYMBOL, such as tBTCUSD, that are over."""
    from bfxsync.cli.download import run

    return run("candles", **options)


@history.command(epilog=_EPILOG)
@click.argument("symbol")
@_options
def trades(**options: Any) -> int:
    """Download the trades of SYMBOL, such as tBTCUSD or fUSD."""
    from bfxsync.cli.download import run

    return run("trades", timeframe=None, **options)
