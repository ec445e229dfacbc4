"""Options of market data that several commands have; imports nothing heavy, for completion."""

from __future__ import annotations

from typing import Any, Callable, TypeVar

import click

from bfxsync.cli.shared import Seconds

F = TypeVar("F", bound=Callable[..., Any])

TIMEFRAMES = [
    "1m",
    "5m",
    "15m",
    "30m",
    "1h",
    "3h",
    "6h",
    "12h",
    "1D",
    "1W",
    "14D",
    "1M",
]


def timeframe_option(what: str = "Length of the candles") -> Callable[[F], F]:
    """Return the decorator for ``--tf``, the argument `timeframe`."""
    return click.option(
        "--tf",
        "timeframe",
        type=click.Choice(TIMEFRAMES),
        default="1m",
        metavar="TF",
        help=f"{what} (default: 1m).",
    )


def levels_option(default: int = 10, of: str = "") -> Callable[[F], F]:
    """Return the decorator for ``--levels``, with a text that follows "Levels of each side"."""
    return click.option(
        "--levels",
        type=click.IntRange(1, 250),
        default=default,
        metavar="N",
        help=f"Levels of each side{of} (default: {default}).",
    )


def every_option(of: str = "") -> Callable[[F], F]:
    """Return the decorator for ``--every``, the argument `every_s`."""
    return click.option(
        "--every",
        "every_s",
        type=click.FloatRange(0, 3600),
        default=0.5,
        metavar="S",
        help=f"Least seconds between two states{of} (default: 0.5).",
    )


def seconds_option(function: F) -> F:
    """Add ``--seconds``."""
    return click.option(
        "--seconds", type=Seconds(0.1), metavar="N", help="End after N seconds."
    )(function)


def count_option(of: str) -> Callable[[F], F]:
    """Return the decorator for ``--count``."""
    return click.option(
        "--count", type=click.IntRange(1), metavar="N", help=f"End after N {of}."
    )
