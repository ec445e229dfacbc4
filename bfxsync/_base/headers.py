"""What the headers of HTTP say of times, in answers of REST and to handshakes."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Callable

from bfxsync._base.forks import lazily

BLOCK_S = 60.0
"""For so long the exchange refuses an address that has asked too often."""

_LONGEST_WAIT_S = 86_400.0


def retry_after_s(text: str | None, date: str | None, now: float) -> float:
    """
    Return what a ``Retry-After`` header asks for; the exchange's block without a good one.

    Parameters
    ----------
    text : str or None
        The header, which may be a date.
    date : str or None
        The ``Date`` of the same answer: by that clock the other one is meant.
    now : float
        Seconds since 1970 by this machine's clock, for an answer without a good one.
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


def moment_of(date: str | None) -> float | None:
    """Return the seconds since 1970 of a header with a date; None without a good one."""
    try:
        moment = lazily(_date_reader)(date or "")
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.timestamp()


def _date_reader() -> Callable[[str], datetime]:
    # Here, as it loads much and few need it: who streams only never does.
    from email.utils import parsedate_to_datetime

    return parsedate_to_datetime
