"""The commands ``bfxsync ticker|trades|book|candles``."""

from __future__ import annotations

from typing import Any, Callable

import click

from bfxsync.cli.commands.options import (
    count_option,
    every_option,
    levels_option,
    seconds_option,
    timeframe_option,
)
from bfxsync.cli.shared import output_options, paper_option

_EPILOG = """\
\b
A terminal shows colours and updates in place; a pipe, a file
and TERM=dumb get a line per update. Gaps, and when data has
come again, are told on stderr. Ctrl-C and "| head" end with
exit code 0.
"""


def _live(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what the live commands have in common."""
    for decorate in (
        click.option(
            "--plain", "is_plain", is_flag=True, help="Lines also at a terminal."
        ),
        paper_option,
        output_options,
        seconds_option,
        count_option("updates"),
        click.argument("symbols", nargs=-1, required=True, metavar="SYMBOL..."),
    ):
        function = decorate(function)
    return click.command(epilog=_EPILOG)(function)


def _last(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        "--last",
        type=click.IntRange(0, 240),
        default=10,
        metavar="N",
        help=f"Begin with the last N {what} (default: 10).",
    )


def _run(
    channel: str, paper: bool, count: int | None, seconds: float | None, **more: Any
) -> None:
    from bfxsync.cli.live.stream import Limits, stream

    stream(channel, is_paper=paper, limits=Limits(count, seconds), **more)


@_live
def ticker(**options: Any) -> None:
    """Show best prices and 24-hour figures, such as of BTC/USD or fUSD."""
    _run("ticker", **options)


@_live
@_last("trades")
def trades(**options: Any) -> None:
    """Show trades, each once; the side is that of the taker."""
    _run("trades", **options)


@_live
@every_option()
@click.option(
    "--prec",
    type=click.Choice(["P0", "P1", "P2", "P3", "P4"]),
    default="P0",
    help="P0 to P4: prices of 5 to 1 digits (default: P0).",
)
@levels_option()
def book(**options: Any) -> None:
    """Show the order book; each row is its state, amounts are positive."""
    _run("book", **options)


@_live
@_last("candles")
@timeframe_option("Their length")
@click.option(
    "--closed",
    is_flag=True,
    help="Each candle once, when it is closed; none is missing after a gap.",
)
def candles(closed: bool, **options: Any) -> None:
    """Show candles: the current one at each change."""
    if not closed:
        _run("candles", **options)
        return
    from bfxsync.cli.live.closed import closed_candles
    from bfxsync.cli.live.stream import Limits

    limits = Limits(options["count"], options["seconds"])
    closed_candles(
        options["symbols"],
        options["timeframe"],
        output=options["output"],
        is_paper=options["paper"],
        limits=limits,
        last=options["last"],
    )
