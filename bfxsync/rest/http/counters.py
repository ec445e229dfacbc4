"""Counters of the calls to one host."""

from __future__ import annotations

import time
from typing import Mapping, NamedTuple, Optional

from bfxsync._base.atomic import AtomicValue
from bfxsync._base.describe import error_text
from bfxsync._base.rates import RateMeter
from bfxsync.errors import BfxError


class Counts(NamedTuple):
    """
    Counters of all calls so far.

    Attributes
    ----------
    requests, retries : int
        Attempts, and repetitions among them.
    received_bytes, sent_bytes : int
        Bytes of HTTP inside TLS.
    errors : mapping of str to int
        Numbers of errors raised by calls, by class.
    last_error : str or None
        Text of the latest error.
    last_error_at : float
        Time of the latest error, by `time.monotonic`.
    """

    requests: int = 0
    retries: int = 0
    received_bytes: int = 0
    sent_bytes: int = 0
    errors: Mapping[str, int] = {}
    last_error: Optional[str] = None
    last_error_at: float = float("-inf")

    def plus(self, other: Counts) -> Counts:
        """Return the sum with the counts of another host."""
        later = max(self, other, key=lambda counts: counts.last_error_at)
        errors = dict(self.errors)
        for name, count in other.errors.items():
            errors[name] = errors.get(name, 0) + count
        return Counts(
            self.requests + other.requests,
            self.retries + other.retries,
            self.received_bytes + other.received_bytes,
            self.sent_bytes + other.sent_bytes,
            errors,
            later.last_error,
            later.last_error_at,
        )


class CallCounters:
    """Counts the calls of any number of threads, without a lock."""

    def __init__(self) -> None:
        self._counts = AtomicValue(Counts())
        self._meter = RateMeter(time.monotonic(), 1)

    def count_request(self, received: int, sent: int, is_retry: bool) -> None:
        """Count an attempt and its bytes."""
        counts = self._count(Counts(1, int(is_retry), received, sent))
        now = time.monotonic()
        if now >= self._meter.due:
            # Two threads may observe at the same time, which loses one sample.
            self._meter.observe(now, counts.requests)

    def _count(self, more: Counts) -> Counts:
        def add(counts: Counts) -> tuple[Counts, Counts]:
            total = counts.plus(more)
            return total, total

        return self._counts.update(add)

    def count_error(self, error: BfxError) -> None:
        """Count an error that a call raises."""
        self._count(
            Counts(
                errors={type(error).__name__: 1},
                last_error=error_text(error),
                last_error_at=time.monotonic(),
            )
        )

    def read(self) -> tuple[Counts, float]:
        """Return the counts, and the requests per second."""
        counts = self._counts.get()
        (rate,) = self._meter.rates(time.monotonic(), counts.requests)
        return counts, rate
