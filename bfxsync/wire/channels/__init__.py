"""
The public channels: what is asked, which answer belongs to it, and rows into models.

Strategy: a channel gets its frames whole and a block at a time (`feed_many`), in frame order, so
a book is compared with exactly the checksum that speaks of it. It is the only place that keeps
what a subscriber who comes late, or fell behind, needs to start from (`restart`). An unreadable
frame is put into `errors` and the others of its block go on.

References
----------
https://docs.bitfinex.com/docs/ws-public
"""

from __future__ import annotations

import re
from contextlib import nullcontext

from bfxsync.errors import UsageError
from bfxsync.types import NumberType
from bfxsync.wire.channels.base import Channel, Guard
from bfxsync.wire.channels.book import BookChannel
from bfxsync.wire.channels.ticker import TickerChannel
from bfxsync.wire.channels.trades import TradesChannel

__all__ = [
    "BookChannel",
    "Channel",
    "FREQUENCIES",
    "Guard",
    "LENGTHS",
    "PRECISIONS",
    "TickerChannel",
    "TradesChannel",
    "channel_for",
    "check_symbol",
]

PRECISIONS = ("P0", "P1", "P2", "P3", "P4", "R0")
FREQUENCIES = ("F0", "F1")
LENGTHS = ("1", "25", "100", "250")

_SYMBOL = re.compile(r"t[A-Z0-9]{2,}(:[A-Z0-9]+)?|f[A-Z0-9]{2,}")

_CHANNELS: dict[str, type[Channel]] = {
    channel.name: channel for channel in (TickerChannel, TradesChannel, BookChannel)
}


def channel_for(
    channel: str,
    *,
    number: NumberType = float,
    guard: Guard = nullcontext(),
    **arguments: object,
) -> Channel:
    """
    Check the arguments of a subscription and make its channel.

    Raises
    ------
    UsageError
        There is no such channel, an argument is missing, unknown or impossible.
    """
    if not isinstance(channel, str) or channel not in _CHANNELS:
        raise UsageError(
            f"channel must be one of {', '.join(_CHANNELS)}, not {channel!r}"
        )
    checked = {"symbol": check_symbol(arguments.pop("symbol", None))}
    if channel == BookChannel.name:
        checked["prec"] = _one_of("prec", arguments.pop("prec", "P0"), PRECISIONS)
        checked["freq"] = _one_of("freq", arguments.pop("freq", "F0"), FREQUENCIES)
        checked["len"] = _one_of("len", arguments.pop("len", "25"), LENGTHS)
    if arguments:
        raise UsageError(
            f"channel {channel!r} takes no {', '.join(map(repr, arguments))}"
        )
    return _CHANNELS[channel](checked, number, guard)


def check_symbol(symbol: object) -> str:
    """
    Return the symbol if it looks like one.

    Raises
    ------
    UsageError
        It has no prefix, or letters that no symbol has.
    """
    if not isinstance(symbol, str):
        raise UsageError(
            f"symbol must be text such as 'tBTCUSD' or 'fUSD', not {symbol!r}"
        )
    if _SYMBOL.fullmatch(symbol):
        return symbol
    if _SYMBOL.fullmatch("t" + symbol):
        kind = "f" if len(symbol) < 6 else "t"
        raise UsageError(
            f"symbol {symbol!r} has no prefix ('t' for pairs, 'f' for funding currencies): "
            f"did you mean {kind + symbol!r}?"
        )
    raise UsageError(
        f"symbol must be 't' and a pair or 'f' and a currency in capitals, "
        f"such as 'tBTCUSD', 'tDOGE:USD' or 'fUSD', not {symbol!r}"
    )


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> str:
    """Return the value as text if it is allowed; lengths may be given as integers."""
    text = str(value) if type(value) is int else value
    if text not in allowed:
        raise UsageError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    return str(text)
