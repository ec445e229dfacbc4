"""
The public channels, and the check of subscription arguments.

Strategy: a channel gets its frames of a block in one call (`feed_many`), in order, so that a book
is compared with a checksum as it is at that frame. Only the channel keeps the state from which a
late or slow consumer starts (`restart`). Errors of unreadable frames go to `errors`; the other
frames of the block are processed.

https://docs.bitfinex.com/docs/ws-public
"""

from __future__ import annotations

from typing import Mapping

from bfxsync._base.aliases import NumberType
from bfxsync._base.plain import plain_text
from bfxsync.checks.books import (
    FREQUENCIES,
    LENGTHS,
    PRECISIONS,
    check_book_argument,
)
from bfxsync.checks.candles import check_candle_key
from bfxsync.checks.fields import check_channel, check_fields
from bfxsync.checks.keys import check_status_key
from bfxsync.checks.options import check_bool
from bfxsync.checks.symbols import check_symbol
from bfxsync.errors import UsageError
from bfxsync.wire.channels.base import Channel
from bfxsync.wire.channels.book import BookChannel
from bfxsync.wire.channels.candles import CandlesChannel
from bfxsync.wire.channels.raw import RAW, RawChannel
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
    "RawChannel",
    "TickerChannel",
    "TradesChannel",
    "channel_for",
    "raw_channel_for",
    "rival_of",
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


def raw_channel_for(
    channel: str,
    fields: Mapping[str, object],
    *,
    number: NumberType = float,
    has_snapshot: bool = True,
) -> RawChannel:
    """Check the fields of a subscription, and make a channel that leaves rows as they are."""
    name, checked = check_channel(channel), check_fields(fields)
    has_snapshot = check_bool("has_snapshot", has_snapshot)
    try:
        known_as = channel_for(name, **checked).identity
    except UsageError:
        known_as = (name, *(f"{key}={value}" for key, value in checked.items()))
    return RawChannel(name, checked, number, known_as, has_snapshot)


def rival_of(identity: tuple[str, ...]) -> tuple[str, ...]:
    """Return the identity of the same channel in the other form, raw or not."""
    return identity[1:] if identity[0] == RAW else (RAW, *identity)
