"""Keys in paths, with colons: candles, statistics, leaderboards, configuration."""

from __future__ import annotations

import re

from bfxsync._base.plain import plain_text
from bfxsync.checks.arguments import (
    PERIODS,
    check_choice,
    check_funding,
    check_integer,
    check_pair,
)
from bfxsync.errors import UsageError
from bfxsync.wire.channels import TIMEFRAMES

_WEEK = "1W"

# A funding currency and its periods: one, or all of a range grouped into so many.
_FUNDING = re.compile(r"(f[A-Z0-9]{2,})(?::a[1-9]\d*:p(\d{1,3}))?:p(\d{1,3})", re.ASCII)

_CONF_KEY = re.compile(r"pub(:[A-Za-z0-9_.]+)+")

# Dots alone would mean another path.
_NICKNAME = re.compile(r"(?!\.+$)[A-Za-z0-9_.-]+")

SIDES = ("long", "short")

# Statistic: its only size, and what it is about.
_STATISTICS = {
    "pos.size": ("1m", "pair and side"),
    "funding.size": ("1m", "funding currency"),
    "credits.size": ("1m", "funding currency"),
    "credits.size.sym": ("1m", "funding currency and pair"),
    "vol.1d": ("30m", "exchange"),
    "vol.7d": ("30m", "exchange"),
    "vol.30d": ("30m", "exchange"),
    "vwap": ("1d", "pair"),
}

_RANKINGS = {
    "plu_diff": ("1w", "1M"),
    "plu": ("3h", "1w", "1M"),
    "plr": ("1w", "1M"),
    "vol": ("3h", "1w", "1M"),
}


def check_timeframe(tf: object) -> str:
    """
    Return the length of a candle's interval.

    A week has two names: the exchange's page says ``1W``, its own clients and the server say
    ``7D``. Both are taken and ``7D`` is sent.

    Raises
    ------
    UsageError
        There is no such interval.
    """
    text = plain_text(tf)
    return check_choice("tf", "7D" if text == _WEEK else tf, TIMEFRAMES)


def candle_key(symbol: object, tf: object) -> str:
    """
    Return the key of candles: ``trade:1m:tBTCUSD``, ``trade:1h:fUSD:a30:p2:p30``.

    Raises
    ------
    UsageError
        The symbol or the timeframe is impossible, or a funding currency is without periods.
    """
    timeframe = check_timeframe(tf)
    text = plain_text(symbol)
    if text is None or not text.startswith("f"):
        return f"trade:{timeframe}:{check_pair(symbol)}"
    match = _FUNDING.fullmatch(text)
    if match is None:
        raise UsageError(
            "symbol of funding candles must be a currency with its period, as 'fUSD:p30', or "
            f"with a range of periods, as 'fUSD:a30:p2:p30', not {symbol!r}"
        )
    last = check_integer("period", int(match[3]), PERIODS)
    if match[2] and check_integer("period", int(match[2]), PERIODS) > last:
        raise UsageError(f"the first period must not be above the last in {symbol!r}")
    return f"trade:{timeframe}:{text}"


def statistic(resource: object) -> str:
    """
    Return the key of a statistic: ``pos.size:1m:tBTCUSD:long``, ``vol.1d:30m:BFX``.

    Raises
    ------
    UsageError
        There is no such statistic, or it is not about what follows.
    """
    key, size, about = _parts("resource", resource, "pos.size:1m:tBTCUSD:long")
    check_choice("key of resource", key, tuple(_STATISTICS))
    only_size, subject = _STATISTICS[key]
    check_choice(f"size of {key!r}", size, (only_size,))
    if subject == "exchange":
        check_choice(f"symbol of {key!r}", about, ("BFX",))
    elif subject == "pair":
        check_pair(about)
    elif subject == "pair and side":
        pair, _, side = about.rpartition(":")
        check_choice(f"side of {key!r}", side, SIDES)
        check_pair(pair)
    else:
        currency, colon, pair = about.partition(":")
        check_funding(currency)
        if colon or subject == "funding currency and pair":
            if subject == "funding currency":
                raise UsageError(
                    f"{key!r} takes a funding currency only, not {about!r}"
                )
            check_pair(pair)
    return f"{key}:{size}:{about}"


def ranking(resource: object) -> str:
    """
    Return the key of a ranking: ``vol:3h:tBTCUSD``, ``plu_diff:1w:tGLOBAL:USD``.

    Raises
    ------
    UsageError
        There is no such ranking, or not for that time.
    """
    key, timeframe, symbol = _parts("resource", resource, "vol:3h:tBTCUSD")
    check_choice("key of resource", key, tuple(_RANKINGS))
    check_choice(f"timeframe of {key!r}", timeframe, _RANKINGS[key])
    return f"{key}:{timeframe}:{check_pair(symbol)}"


def _parts(name: str, value: object, example: str) -> tuple[str, str, str]:
    """Split at the first two colons; a symbol may hold another."""
    parts = (plain_text(value) or "").split(":", 2)
    if len(parts) != 3:
        raise UsageError(f"{name} must be a key such as {example!r}, not {value!r}")
    return parts[0], parts[1], parts[2]


def conf_key(key: object) -> str:
    """
    Return the key of a configuration value: ``pub:list:pair:exchange``.

    Raises
    ------
    UsageError
        It does not begin with ``pub:``, or is several keys in one.
    """
    text = plain_text(key)
    if text is not None and _CONF_KEY.fullmatch(text):
        return text
    raise UsageError(
        f"config must be one key such as 'pub:list:pair:exchange', not {key!r}"
    )


def check_nickname(nickname: object) -> str:
    """
    Return a nickname that can stand in a path as it is.

    Raises
    ------
    UsageError
        It is no text, empty, or has signs that mean something else in a path.
    """
    text = plain_text(nickname)
    if text is not None and _NICKNAME.fullmatch(text):
        return text
    raise UsageError(
        f"nickname must be of letters, digits, '_', '-' and '.', not {nickname!r}"
    )
