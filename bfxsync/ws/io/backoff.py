"""Delays between connection attempts."""

from __future__ import annotations

import math
import random
from typing import Any

import attrs

from bfxsync.errors import UsageError

TOO_MANY_REQUESTS = 429

LONGEST_REFUSAL_S = 3600.0
"""Maximum ``Retry-After`` that is respected; larger values are considered mistakes."""


@attrs.frozen
class Backoff:
    """
    Exponential backoff with full jitter: from zero to a bound that doubles with every failure.

    Parameters
    ----------
    first_s : float
        Upper bound of the first delay.
    cap_s : float
        Largest upper bound.
    refused_s : float
        Minimum delay after HTTP status 429: the exchange blocks an address for a minute, and
        attempts during that minute prolong the block. A longer ``Retry-After`` is respected, up to
        an hour.
    stable_s : float
        A connection that lasted this long resets the delays.
    failures : int
        Consecutive failures so far.

    Raises
    ------
    UsageError
        A time is negative or not finite.
    """

    first_s: float = 1.0
    cap_s: float = 60.0
    refused_s: float = 60.0
    stable_s: float = 30.0
    failures: int = 0

    def __attrs_post_init__(self) -> None:
        # Checked here, not on the I/O thread: with NaN there would be no delay, and it would
        # reconnect in a busy loop.
        for name in ("first_s", "cap_s", "refused_s", "stable_s"):
            value: Any = getattr(self, name)
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not is_number or not 0 <= value < math.inf:
                raise UsageError(f"{name} must be a number of seconds, not {value!r}")

    def delay_s(
        self,
        code: int | None = None,
        jitter: float | None = None,
        retry_after_s: float | None = None,
    ) -> float:
        """
        Return the delay before the next attempt.

        `code` and `retry_after_s` are the HTTP status and ``Retry-After`` of a refused handshake.
        `jitter` is a fraction from 0 to 1, random by default.
        """
        # The exponent is bounded: after days of failures the power would overflow.
        bound = min(self.cap_s, self.first_s * 2.0 ** min(self.failures, 30))
        delay = bound * (random.random() if jitter is None else jitter)
        if code != TOO_MANY_REQUESTS:
            return delay
        asked_s = min(retry_after_s or 0.0, LONGEST_REFUSAL_S)
        return delay + max(self.refused_s, asked_s)

    def failed(self) -> Backoff:
        """Return the state after one more failure."""
        return attrs.evolve(self, failures=self.failures + 1)

    def reset(self) -> Backoff:
        """Return the state after a stable connection."""
        return attrs.evolve(self, failures=0)
