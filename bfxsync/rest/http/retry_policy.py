"""
When a request is retried, and whether a failed write may have been executed.

A request is sent at most `MAX_ATTEMPTS` times, after a random delay, within the total timeout of
the call. Reads (GET, and the POSTs of ``calc/``, ``auth/r/`` and ``auth/calc/``) are retried after:

==============================  =================================================================
`NetworkError`                  the connection failed in any phase; without delay if it had been
                                idle: the server has closed it
`NotReady`                      11000 (not ready), 10008 (overtaken by others), 20060
                                (maintenance), HTTP 503
`NotReady`                      HTTP 502, 504, 520 to 527, 530: a gateway cannot reach the
                                exchange; 408: the server was about to close the connection
`RateLimited`                   by the exchange, with ``on_limit="wait"``: after its block, which
                                holds back all calls of that group
                                (`bfxsync.rest.http.rate_limiter`), if it is not longer than
                                ``max_wait_s``, or an hour
`NonceTooSmall`                 once and without delay, with a fresh nonce
`AuthError`                     without delay, if the key has been replaced
==============================  =================================================================

Writes are retried only where it is certain that nothing was executed:

==============================  =================================================================
`NetworkError`, ``connect``     there was no connection, so nothing was sent
`NotReady`, code 11000          the exchange has not started to process it
`RateLimited`                   as for reads
`NonceTooSmall`, `AuthError`    as for reads
==============================  =================================================================

Every other error would occur again and is raised immediately. A write may still have been executed,
and raises `OutcomeUnknown`, if

- the connection failed while sending it or while waiting for the response,
- the response is unreadable, or is that of a gateway (HTTP 408, 502 to 504, 520 to 530),
- the exchange itself does not know (10000, or a refusal without a code of the exchange).

Any other error of a write means that it was not executed.
"""

from __future__ import annotations

import random
from enum import IntEnum

from bfxsync.errors import (
    ApiError,
    BfxError,
    NetworkError,
    NonceTooSmall,
    NotReady,
    OutcomeUnknown,
    RateLimited,
    RemoteError,
    RequestTimeout,
)
from bfxsync.rest.http.rate_limiter import LONGEST_REFUSAL_S

MAX_ATTEMPTS = 4

RETRIED = (NetworkError, NotReady, RateLimited, NonceTooSmall)

NOT_READY_CODE = 11_000
"""Not processed; the exchange requests to send it again."""

UNKNOWN_ERROR_CODE = 10_000
"""The exchange does not know the outcome."""

REQUEST_TIMEOUT = 408

# A smaller code is the HTTP status, repeated by a gateway: {"code": 500, "error": "internal"}.
_LEAST_CODE = 1_000

_FIRST_DELAY_S = 0.5
_MAX_DELAY_S = 4.0


class RequestKind(IntEnum):
    """Kind of a request; among waiting signed requests the smallest kind is sent first."""

    ORDER = 0
    """Submits, updates or cancels orders."""
    WRITE = 1
    """Changes something else."""
    READ = 2
    """Changes nothing."""


def kind_of(method: str, path: str) -> RequestKind:
    """Infer the kind of a request from its method and path."""
    if method == "GET" or path.startswith(("calc/", "auth/r/", "auth/calc/")):
        return RequestKind.READ
    return RequestKind.ORDER if path.startswith("auth/w/order/") else RequestKind.WRITE


def may_repeat(error: BfxError, kind: RequestKind) -> bool:
    """Return whether a request may be sent again after this error."""
    if isinstance(error, (RateLimited, NonceTooSmall)):
        return True
    if kind is RequestKind.READ:
        return isinstance(error, (NetworkError, NotReady))
    if isinstance(error, NotReady):
        return error.code == NOT_READY_CODE
    return isinstance(error, NetworkError) and error.phase == "connect"


def is_uncertain(error: BfxError) -> bool:
    """Return whether a write that failed with this error may have been executed."""
    if isinstance(error, NetworkError):
        return error.phase != "connect"
    if isinstance(error, RemoteError):
        return True
    if not isinstance(error, ApiError) or isinstance(error, RateLimited):
        return False
    if error.code is not None and error.code >= _LEAST_CODE:
        return error.code == UNKNOWN_ERROR_CODE
    # Without a code of the exchange the response may be a gateway's. A client error of HTTP (4xx)
    # means that the request was not executed.
    status = error.http_status
    is_refused = status is not None and 400 <= status < 500
    return not is_refused or status == REQUEST_TIMEOUT


def unknown_outcome(error: BfxError) -> OutcomeUnknown:
    """Build the `OutcomeUnknown` of a write that failed with this error."""
    phase = error.phase if isinstance(error, NetworkError) else "receive"
    raw = getattr(error, "raw", None)
    unknown = OutcomeUnknown(
        f"{error.endpoint} may or may not have been executed: {error}",
        phase=phase,
        raw=raw,
    )
    unknown.endpoint, unknown.http_status = error.endpoint, error.http_status
    return unknown


class Retries:
    """
    The attempts of one call; decides whether, when and how it is retried.

    Attributes
    ----------
    remaining_s : float
        Remaining part of the total timeout.
    wait_left_s : float or None
        Remaining part of `max_wait_s`; None: no limit.
    needs_new_connection : bool
    is_nonce_retry : bool
        The next attempt follows a refused nonce.
    attempts : int
        Number of failed attempts.
    """

    def __init__(
        self,
        kind: RequestKind,
        is_signed: bool,
        total_s: float,
        max_wait_s: float | None,
    ) -> None:
        self._kind = kind
        self._is_signed = is_signed
        self.attempts: int = 0
        self.remaining_s: float = total_s
        self.wait_left_s = max_wait_s
        self.needs_new_connection: bool = False
        self.is_nonce_retry: bool = False

    def count_wait(self, waited_s: float) -> None:
        """Deduct a wait for a rate limit from `wait_left_s`."""
        if self.wait_left_s is not None:
            self.wait_left_s -= waited_s

    def count_refused_key(self, elapsed_s: float) -> None:
        """Count an attempt whose key had been replaced, and deduct its time."""
        self.attempts += 1
        self.remaining_s -= elapsed_s

    def delay_after(
        self, error: BfxError, elapsed_s: float, was_idle: bool
    ) -> float | None:
        """Return the delay before the next attempt; None if the error is final."""
        self.attempts += 1
        self.remaining_s -= elapsed_s
        delay_s = 0.0
        if isinstance(error, RateLimited):
            wait_left_s = self.wait_left_s
            longest_s = LONGEST_REFUSAL_S if wait_left_s is None else wait_left_s
            is_final = error.retry_after_s > longest_s
        elif isinstance(error, NonceTooSmall):
            is_final = (
                self.is_nonce_retry or self.remaining_s <= 0 or not self._is_signed
            )
            self.is_nonce_retry = True
        else:
            is_link = isinstance(error, NetworkError)
            is_stale = was_idle and is_link and not isinstance(error, RequestTimeout)
            self.needs_new_connection = self.needs_new_connection or is_link
            delay_s = 0.0 if is_stale else _delay_s(self.attempts)
            self.remaining_s -= delay_s
            is_final = self.remaining_s <= 0
        if is_final or self.attempts >= MAX_ATTEMPTS:
            return None
        return delay_s if may_repeat(error, self._kind) else None


def _delay_s(failures: int) -> float:
    """Return a random delay up to a bound that doubles with every failure."""
    return random.uniform(0, min(_MAX_DELAY_S, _FIRST_DELAY_S * 2 ** (failures - 1)))
