"""Checks of timeframes and candle keys, the same for both transports."""

from __future__ import annotations

import re

from bfxsync._base.plain import plain_text
from bfxsync.checks.numbers import PERIODS, check_integer
from bfxsync.checks.symbols import check_pair, check_symbol
from bfxsync.errors import UsageError

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

# A funding currency with one period, or with an aggregation and the first and last period.
_FUNDING = re.compile(r"(f[A-Z0-9]{2,})(?::a[1-9]\d*:p(\d{1,3}))?:p(\d{1,3})", re.ASCII)


def check_timeframe(name: str, timeframe: object) -> str:
    """
    Return the length of a candle's interval.

    A week has two names: the exchange's page says ``1W``, its clients and the server say ``7D``.
    Both are accepted, and ``7D`` is sent.
    """
    text = plain_text(timeframe)
    if text == "1W":
        return "7D"
    if text is None or text not in TIMEFRAMES:
        raise UsageError(
            f"{name} must be one of {', '.join(TIMEFRAMES)} (or 1W), not {timeframe!r}"
        )
    return text


def check_candle_symbol(symbol: object) -> str:
    """Return the symbol of candles: ``tBTCUSD``, ``fUSD:p30`` or ``fUSD:a30:p2:p30``."""
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


def check_candle_key(key: object) -> str:
    """Return the key of a candle channel as it is sent."""
    parts = (plain_text(key) or "").split(":", 2)
    if len(parts) != 3 or parts[0] != "trade":
        raise UsageError(f"key must be such as 'trade:1m:tBTCUSD', not {key!r}")
    timeframe = check_timeframe("timeframe", parts[1])
    return f"trade:{timeframe}:{check_candle_symbol(parts[2])}"


def candle_key(symbol: object, timeframe: object, name: str) -> str:
    """Return the key of the candles of a symbol; `name` is that of the timeframe's argument."""
    checked = check_timeframe(name, timeframe)
    text = plain_text(symbol)
    if text is None or not text.startswith("f"):
        return f"trade:{checked}:{check_pair(symbol)}"
    match = _FUNDING.fullmatch(text)
    if match is None:
        raise UsageError(
            "symbol of funding candles must be a currency with its period, as 'fUSD:p30', or "
            f"with a range of periods, as 'fUSD:a30:p2:p30', not {symbol!r}"
        )
    last = check_integer("period", int(match[3]), PERIODS)
    if match[2] and check_integer("period", int(match[2]), PERIODS) > last:
        raise UsageError(f"the first period must not be above the last in {symbol!r}")
    return f"trade:{checked}:{text}"
