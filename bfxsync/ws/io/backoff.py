"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import math
import random
from typing import Any

import attrs

from bfxsync.errors import UsageError

TOO_MANY_REQUESTS = 429

LONGEST_REFUSAL_S = 3600.0
"""The exchange may ask to wait for so long; what is more is taken for a mistake."""


@attrs.frozen
class Backoff:
    """
    Delays with full jitter: anything from zero to a bound that doubles with every failure.

    Parameters
    ----------
    first_s : float
        Bound of the first delay.
    cap_s : float
        Largest bound.
    refused_s : float
        Smallest delay after HTTP status 429: the exchange blocks an address for a minute, and
        attempts within it prolong that. An answer that asks for more (``Retry-After``) gets it,
        up to an hour.
    stable_s : float
        A connection that held for so long makes the next failure the first again.
    failures : int
        In a row, so far.

    Raises
    ------
    UsageError
        A time is no finite number of seconds, or negative.
    """

    first_s: float = 1.0
    cap_s: float = 60.0
    refused_s: float = 60.0
    stable_s: float = 30.0
    failures: int = 0

    def __attrs_post_init__(self) -> None:
        # Here, and not on the thread that would wait: without a delay, as after a comparison with
        # NaN, it would knock again and again.
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
        Return the delay.

        Parameters
        ----------
        code : int, optional
            The HTTP status of a refused handshake.
        jitter : float, optional
            From 0 to 1; random without it.
        retry_after_s : float, optional
            What a refusal with status 429 has asked for.
        """
        # The exponent is bounded too: after days of failures the power would overflow.
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
        """Return the state after a connection that held."""
        return attrs.evolve(self, failures=0)
