"""Checks of keys with colons: statistics, rankings, configuration, status, settings."""

from __future__ import annotations

from bfxsync._base.plain import plain_text
from bfxsync.checks.symbols import check_funding, check_pair
from bfxsync.checks.texts import check_choice, check_pattern
from bfxsync.errors import UsageError

_CONF_KEY = r"pub(:[A-Za-z0-9_.]+)+"
_SETTING_KEY = r"api:[A-Za-z0-9_-]*"

SIDES = ("long", "short")

# By statistic: its only timeframe, and the last part of its key.
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


def check_statistic(resource: object) -> str:
    """Return the key of a statistic: ``pos.size:1m:tBTCUSD:long``, ``vol.1d:30m:BFX``."""
    key, size, about = _parts("resource", resource, "pos.size:1m:tBTCUSD:long")
    check_choice("key of resource", key, tuple(_STATISTICS))
    only_size, subject = _STATISTICS[key]
    check_choice(f"size of {key!r}", size, (only_size,))
    if subject == "exchange":
        check_choice(f"symbol of {key!r}", about, ("BFX",))
    elif subject == "pair":
        about = check_pair(about)
    elif subject == "pair and side":
        pair, _, side = about.rpartition(":")
        check_choice(f"side of {key!r}", side, SIDES)
        about = f"{check_pair(pair)}:{side}"
    else:
        currency, colon, pair = about.partition(":")
        checked = check_funding(currency)
        if colon or subject == "funding currency and pair":
            if subject == "funding currency":
                raise UsageError(
                    f"{key!r} takes a funding currency only, not {about!r}"
                )
            checked = f"{checked}:{check_pair(pair)}"
        about = checked
    return f"{key}:{size}:{about}"


def check_ranking(resource: object) -> str:
    """Return the key of a ranking: ``vol:3h:tBTCUSD``, ``plu_diff:1w:tGLOBAL:USD``."""
    key, timeframe, symbol = _parts("resource", resource, "vol:3h:tBTCUSD")
    check_choice("key of resource", key, tuple(_RANKINGS))
    check_choice(f"timeframe of {key!r}", timeframe, _RANKINGS[key])
    return f"{key}:{timeframe}:{check_pair(symbol)}"


def _parts(name: str, value: object, example: str) -> tuple[str, str, str]:
    """Split at the first two colons; a symbol may contain another."""
    parts = (plain_text(value) or "").split(":", 2)
    if len(parts) != 3:
        raise UsageError(f"{name} must be a key such as {example!r}, not {value!r}")
    return parts[0], parts[1], parts[2]


def check_conf_key(key: object) -> str:
    """Return the key of one configuration value: ``pub:list:pair:exchange``."""
    expected = "be one key such as 'pub:list:pair:exchange'"
    return check_pattern("config", key, _CONF_KEY, expected)


def check_status_key(key: object) -> str:
    """Return the key of a status channel: ``liq:global``, ``deriv:tBTCF0:USTF0``."""
    text = plain_text(key)
    if text == "liq:global":
        return text
    if text is None or not text.startswith("deriv:"):
        raise UsageError(
            f"key must be 'liq:global' or look like 'deriv:tBTCF0:USTF0', not {key!r}"
        )
    return f"deriv:{check_pair(text[6:])}"


def check_setting_key(name: str, value: object) -> str:
    """Return the key of a user setting: ``api:bot-config``."""
    expected = "be 'api:' and letters, digits, '_' and '-'"
    return check_pattern(name, value, _SETTING_KEY, expected)
