"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random

import attrs

TOO_MANY_REQUESTS = 429


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
        attempts within it prolong that.
    stable_s : float
        A connection that held for so long makes the next failure the first again.
    failures : int
        In a row, so far.
    """

    first_s: float = 1.0
    cap_s: float = 60.0
    refused_s: float = 60.0
    stable_s: float = 30.0
    failures: int = 0

    def delay_s(self, code: int | None = None, jitter: float | None = None) -> float:
        """Return the delay; `code` is the HTTP status of a refused handshake."""
        # The exponent is bounded too: after days of failures the power would overflow.
        bound = min(self.cap_s, self.first_s * 2.0 ** min(self.failures, 30))
        delay = bound * (random.random() if jitter is None else jitter)
        return delay + self.refused_s if code == TOO_MANY_REQUESTS else delay

    def failed(self) -> Backoff:
        """Return the state after one more failure."""
        return attrs.evolve(self, failures=self.failures + 1)

    def reset(self) -> Backoff:
        """Return the state after a connection that held."""
        return attrs.evolve(self, failures=0)
