"""
The public channels, and the check of subscription arguments.

Strategy: a channel gets its frames of a block in one call (`feed_many`), in order, so that a book
is compared with a checksum as it is at that frame. Only the channel keeps the state from which a
late or slow consumer starts (`restart`). Errors of unreadable frames go to `errors`; the other
frames of the block are processed.

https://docs.bitfinex.com/docs/ws-public
"""

from __future__ import annotations

from bfxsync._base.aliases import NumberType
from bfxsync._base.plain import plain_text
from bfxsync.checks.books import (
    FREQUENCIES,
    LENGTHS,
    PRECISIONS,
    check_book_argument,
)
from bfxsync.checks.candles import check_candle_key
from bfxsync.checks.keys import check_status_key
from bfxsync.checks.symbols import check_symbol
from bfxsync.errors import UsageError
from bfxsync.wire.channels.base import Channel
from bfxsync.wire.channels.book import BookChannel
from bfxsync.wire.channels.candles import CandlesChannel
from bfxsync.wire.channels.status import DerivativesChannel, LiquidationsChannel
from bfxsync.wire.channels.ticker import TickerChannel
from bfxsync.wire.channels.trades import TradesChannel

__all__ = [
    "BookChannel",
    "CHANNELS",
    "CandlesChannel",
    "Channel",
    "DerivativesChannel",
    "LiquidationsChannel",
    "TickerChannel",
    "TradesChannel",
    "channel_for",
]

_CLASSES: dict[str, type[Channel]] = {
    "ticker": TickerChannel,
    "trades": TradesChannel,
    "book": BookChannel,
    "candles": CandlesChannel,
    "status": DerivativesChannel,
}
CHANNELS = tuple(_CLASSES)

# The default of each argument of a book, and its values.
_BOOK_ARGUMENTS = {
    "prec": ("P0", PRECISIONS),
    "freq": ("F0", FREQUENCIES),
    "len": ("25", LENGTHS),
}


def channel_for(
    channel: str, *, number: NumberType = float, **arguments: object
) -> Channel:
    """Check the arguments of a subscription and make its channel."""
    name = plain_text(channel)
    if name not in _CLASSES:
        raise UsageError(
            f"channel must be one of {', '.join(CHANNELS)}, not {channel!r}"
        )
    made = _CLASSES[name]
    if name == "candles":
        checked = {"key": check_candle_key(arguments.pop("key", None))}
    elif name == "status":
        key = check_status_key(arguments.pop("key", None))
        checked = {"key": key}
        if key.startswith("liq:"):
            made = LiquidationsChannel
    else:
        checked = {"symbol": check_symbol(arguments.pop("symbol", None))}
    if name == "book":
        for argument, (default, allowed) in _BOOK_ARGUMENTS.items():
            value = arguments.pop(argument, default)
            checked[argument] = check_book_argument(argument, value, allowed)
    if arguments:
        raise UsageError(f"channel {name!r} takes no {', '.join(map(repr, arguments))}")
    return made(checked, number)
