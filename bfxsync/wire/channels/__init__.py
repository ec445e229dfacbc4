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

CHANNELS = ("ticker", "trades", "book", "candles", "status")


def channel_for(
    channel: str,
    *,
    number: NumberType = float,
    **arguments: object,
) -> Channel:
    """
    Check the arguments of a subscription and make its channel.

    Raises
    ------
    UsageError
        There is no such channel, an argument is missing, unknown or impossible.
    """
    name = plain_text(channel)
    if name not in CHANNELS:
        raise UsageError(
            f"channel must be one of {', '.join(CHANNELS)}, not {channel!r}"
        )
    channel = name
    made: type[Channel]
    if channel == "candles":
        made, checked = CandlesChannel, {
            "key": check_candle_key(arguments.pop("key", None))
        }
    elif channel == "status":
        key = check_status_key(arguments.pop("key", None))
        made = LiquidationsChannel if key.startswith("liq:") else DerivativesChannel
        checked = {"key": key}
    else:
        checked = {"symbol": check_symbol(arguments.pop("symbol", None))}
        made = TickerChannel if channel == "ticker" else TradesChannel
    if channel == "book":
        made = BookChannel
        checked["prec"] = check_book_argument(
            "prec", arguments.pop("prec", "P0"), PRECISIONS
        )
        checked["freq"] = check_book_argument(
            "freq", arguments.pop("freq", "F0"), FREQUENCIES
        )
        checked["len"] = check_book_argument("len", arguments.pop("len", "25"), LENGTHS)
    if arguments:
        raise UsageError(
            f"channel {channel!r} takes no {', '.join(map(repr, arguments))}"
        )
    return made(checked, number)
