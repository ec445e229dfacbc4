"""
The public channels, and the check of subscription arguments.

Strategy: a channel gets its frames of a block in one call (`feed_many`), in order, so that a book
is compared with a checksum as it is at that frame. Only the channel keeps the state from which a
late or slow consumer starts (`restart`). Errors of unreadable frames go to `errors`; the other
frames of the block are processed.

References
----------
https://docs.bitfinex.com/docs/ws-public
"""

from __future__ import annotations

import re

from bfxsync._base.aliases import NumberType
from bfxsync._base.plain import plain_integer, plain_text
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
    "FREQUENCIES",
    "LENGTHS",
    "LiquidationsChannel",
    "PRECISIONS",
    "TIMEFRAMES",
    "TickerChannel",
    "TradesChannel",
    "channel_for",
    "check_candle_key",
    "check_candle_symbol",
    "check_symbol",
    "check_timeframe",
]

PRECISIONS = ("P0", "P1", "P2", "P3", "P4", "R0")
FREQUENCIES = ("F0", "F1")
LENGTHS = ("1", "25", "100", "250")

TIMEFRAMES = (
    "1m",
    "5m",
    "15m",
    "30m",
    "1h",
    "3h",
    "6h",
    "12h",
    "1D",
    "7D",
    "14D",
    "1M",
)

_SECTION = re.compile(r"(a\d+:)?p\d+(:p\d+)?")
_SYMBOL = re.compile(r"t[A-Z0-9]{2,}(:[A-Z0-9]+)?|f[A-Z0-9]{2,}")

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
        key = _check_status_key(arguments.pop("key", None))
        made = LiquidationsChannel if key.startswith("liq:") else DerivativesChannel
        checked = {"key": key}
    else:
        checked = {"symbol": check_symbol(arguments.pop("symbol", None))}
        made = TickerChannel if channel == "ticker" else TradesChannel
    if channel == "book":
        made = BookChannel
        checked["prec"] = _one_of("prec", arguments.pop("prec", "P0"), PRECISIONS)
        checked["freq"] = _one_of("freq", arguments.pop("freq", "F0"), FREQUENCIES)
        checked["len"] = _one_of("len", arguments.pop("len", "25"), LENGTHS)
    if arguments:
        raise UsageError(
            f"channel {channel!r} takes no {', '.join(map(repr, arguments))}"
        )
    return made(checked, number)


def check_timeframe(timeframe: object) -> str:
    """
    Return a timeframe as it is sent: a week may be called ``1W`` too.

    Raises
    ------
    UsageError
        There is no such timeframe.
    """
    text = plain_text(timeframe)
    if text == "1W":
        return "7D"
    if text is None or text not in TIMEFRAMES:
        raise UsageError(
            f"timeframe must be one of {', '.join(TIMEFRAMES)} (or 1W), not {timeframe!r}"
        )
    return text


def check_candle_key(key: object) -> str:
    """
    Return the key of a candle channel as it is sent.

    Raises
    ------
    UsageError
        It is not of the form ``trade:1m:tBTCUSD``, ``trade:1m:fUSD:p30`` or
        ``trade:1m:fUSD:a30:p2:p30``.
    """
    parts = (plain_text(key) or "").split(":", 2)
    if len(parts) != 3 or parts[0] != "trade":
        raise UsageError(f"key must be such as 'trade:1m:tBTCUSD', not {key!r}")
    return f"trade:{check_timeframe(parts[1])}:{check_candle_symbol(parts[2])}"


def check_candle_symbol(symbol: object) -> str:
    """
    Return the symbol of candles, of funding with its period or periods.

    Raises
    ------
    UsageError
        It is not of the form ``tBTCUSD``, ``fUSD:p30`` or ``fUSD:a30:p2:p30``.
    """
    text = plain_text(symbol)
    if text is None or not text.startswith("f"):
        return check_symbol(symbol)
    currency, _, section = text.partition(":")
    if not _SECTION.fullmatch(section):
        raise UsageError(
            "candles of funding need a period, or an aggregation of periods, such as "
            f"'{currency}:p30' or '{currency}:a30:p2:p30', not {symbol!r}"
        )
    return f"{check_symbol(currency)}:{section}"


def _check_status_key(key: object) -> str:
    text = plain_text(key)
    if text == "liq:global":
        return text
    if text is None or not text.startswith("deriv:"):
        raise UsageError(
            f"key must be 'liq:global' or such as 'deriv:tBTCF0:USTF0', not {key!r}"
        )
    return f"deriv:{check_symbol(text[6:])}"


def check_symbol(symbol: object) -> str:
    """
    Return the symbol if it looks like one.

    Raises
    ------
    UsageError
        It has no prefix, or letters that no symbol has.
    """
    text = plain_text(symbol)
    if text is None:
        raise UsageError(
            f"symbol must be text such as 'tBTCUSD' or 'fUSD', not {symbol!r}"
        )
    if _SYMBOL.fullmatch(text):
        return text
    symbol = text
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
    whole = plain_integer(value)
    text = plain_text(value) if whole is None else str(whole)
    if text is None or text not in allowed:
        raise UsageError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    return text
