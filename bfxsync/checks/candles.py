"""Checks of timeframes and candle keys, the same for both transports."""

from __future__ import annotations

import re

from bfxsync._base.guesses import did_you_mean
from bfxsync._base.plain import plain_text
from bfxsync.checks.numbers import PERIODS, check_integer
from bfxsync.checks.symbols import check_symbol, find_symbol
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

# A funding currency with one period, or with an aggregation and the first and last period.
_FUNDING = r"(f[A-Z0-9]{2,})(?::a[1-9][0-9]*:p([1-9][0-9]{0,2}))?:p([1-9][0-9]{0,2})"


def check_timeframe(name: str, timeframe: object) -> str:
    """
    Return the timeframe of candles.

    A week has two names: ``1W`` in the exchange's documentation, ``7D`` in its clients and server.
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
    """
    Return the symbol of candles: ``tBTCUSD``, ``fUSD:p30`` or ``fUSD:a30:p2:p30``.

    Funding needs a period of 2 to 120 days, or an aggregation with its first and last period.
    """
    text = plain_text(symbol)
    # Not "fetusd", which is a pair.
    if text is None or not text.startswith("f") or _is_pair(text):
        return check_symbol(symbol)
    match = re.fullmatch(_FUNDING, text)
    if match is None:
        meant = _propose_funding(text)
        raise UsageError(
            "symbol of funding candles must be a currency with its period, as 'fUSD:p30', or "
            f"with a range of periods, as 'fUSD:a30:p2:p30', not {symbol!r}"
            + did_you_mean(meant and repr(meant))
        )
    last = check_integer("period", int(match[3]), PERIODS)
    if match[2] and check_integer("period", int(match[2]), PERIODS) > last:
        raise UsageError(f"the first period must not be above the last in {symbol!r}")
    return text


def _propose_funding(text: str) -> str | None:
    currency, colon, periods = text[1:].partition(":")
    proposal = f"f{currency.upper()}{colon}{periods.lower()}"
    return proposal if re.fullmatch(_FUNDING, proposal) else None


def _is_pair(text: str) -> bool:
    return (find_symbol(text) or "").startswith("t")


def check_candle_key(key: object) -> str:
    """Return the key of candles: ``trade:1m:tBTCUSD``, ``trade:1h:fUSD:a30:p2:p30``."""
    parts = (plain_text(key) or "").split(":", 2)
    if len(parts) != 3 or parts[0] != "trade":
        raise UsageError(f"key must look like 'trade:1m:tBTCUSD', not {key!r}")
    return candle_key(parts[2], parts[1], "timeframe")


def candle_key(symbol: object, timeframe: object, name: str) -> str:
    """Return the key of the candles of a symbol; `name` is the argument of the timeframe."""
    return f"trade:{check_timeframe(name, timeframe)}:{check_candle_symbol(symbol)}"
