"""Times in the HTTP headers of REST responses and WebSocket handshakes."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from functools import lru_cache
from typing import Callable

from bfxsync._base.forks import lazily

BLOCK_S = 60.0
"""How long the exchange blocks an address after too many requests."""

_LONGEST_WAIT_S = 86_400.0


def retry_after_s(text: str | None, date: str | None, now: float) -> float:
    """
    Return the seconds of a ``Retry-After`` header, or `BLOCK_S` if it is missing or invalid.

    If its value is a date, the seconds count from the ``Date`` header of the same response, or from
    `now` (seconds since 1970) if that is missing or invalid.
    """
    if text is None:
        return BLOCK_S
    try:
        wait_s = float(text)
    except ValueError:
        moment_s = moment_of(text)
        if moment_s is None:
            return BLOCK_S
        sent_s = moment_of(date)
        wait_s = moment_s - (now if sent_s is None else sent_s)
    if not math.isfinite(wait_s):
        return BLOCK_S
    return min(max(wait_s, 1.0), _LONGEST_WAIT_S)


# Responses within a second have the same.
@lru_cache(maxsize=16)
def moment_of(date: str | None) -> float | None:
    """Return a date header as seconds since 1970; None if it is missing or invalid."""
    try:
        moment = lazily(_date_reader)(date or "")
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.timestamp()


def _date_reader() -> Callable[[str], datetime]:
    # Imported lazily: the module is large, and streaming alone never needs it.
    from email.utils import parsedate_to_datetime

    return parsedate_to_datetime
