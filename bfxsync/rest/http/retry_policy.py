"""
What a failure means for a request: whether it may be sent again, and whether it was executed.

Strategy: reads are repeated freely; a write only when it is certain that nothing came of it. When
that is certain, and when it is not known, is told by the table at the top of
`bfxsync.rest.http.transport`, which this is the text of.
"""

from __future__ import annotations

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
)

NOT_READY_CODE = 11_000
"""The exchange has not begun with it, and asks to send it again."""

UNKNOWN_ERROR_CODE = 10_000
"""The exchange does not know either."""

REQUEST_TIMEOUT = 408

# Below it a gateway repeats the status of HTTP: {"code": 500, "error": "internal"}.
_LEAST_CODE = 1_000


class RequestKind(IntEnum):
    """What a request does; of those that wait for their turn the smallest goes first."""

    ORDER = 0
    """Makes, changes or cancels orders."""
    WRITE = 1
    """Changes something else."""
    READ = 2
    """Changes nothing."""


def kind_of(method: str, path: str) -> RequestKind:
    """Return what a request does by its address."""
    if method == "GET" or path.startswith(("calc/", "auth/r/", "auth/calc/")):
        return RequestKind.READ
    return RequestKind.ORDER if path.startswith("auth/w/order/") else RequestKind.WRITE


def may_repeat(error: BfxError, kind: RequestKind) -> bool:
    """Tell whether the request may be sent again after this error."""
    if isinstance(error, (RateLimited, NonceTooSmall)):
        return True
    if kind is RequestKind.READ:
        return isinstance(error, (NetworkError, NotReady))
    if isinstance(error, NotReady):
        return error.code == NOT_READY_CODE
    return isinstance(error, NetworkError) and error.phase == "connect"


def is_uncertain(error: BfxError) -> bool:
    """Tell whether a write that failed so may have been executed all the same."""
    if isinstance(error, NetworkError):
        return error.phase != "connect"
    if isinstance(error, RemoteError):
        return True
    if not isinstance(error, ApiError) or isinstance(error, RateLimited):
        return False
    if error.code is not None and error.code >= _LEAST_CODE:
        return error.code == UNKNOWN_ERROR_CODE
    # Without a code of the exchange: a gateway spoke, or the exchange had no word for it. What
    # HTTP itself refuses for the sake of the request has not been executed.
    status = error.http_status
    is_refused = status is not None and 400 <= status < 500
    return not is_refused or status == REQUEST_TIMEOUT


def unknown_outcome(error: BfxError) -> OutcomeUnknown:
    """Build the error of a write that this one leaves open."""
    phase = error.phase if isinstance(error, NetworkError) else "receive"
    raw = getattr(error, "raw", None)
    unknown = OutcomeUnknown(
        f"{error.endpoint} may or may not have been executed: {error}",
        phase=phase,
        raw=raw,
    )
    unknown.endpoint, unknown.http_status = error.endpoint, error.http_status
    return unknown
