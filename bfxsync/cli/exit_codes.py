"""The exit codes of the command ``bfxsync``, and which error has which."""

from __future__ import annotations

from bfxsync import (
    ApiError,
    BfxError,
    NetworkError,
    NotExecuted,
    OutcomeUnknown,
    UsageError,
)

OK = 0
FAILED = 1
USAGE = 2
REFUSED = 3
NO_NETWORK = 4
UNKNOWN = 5
"""A write may or may not have been executed."""
INTERRUPTED = 130

_CODES = (
    (UsageError, USAGE),
    (ApiError, REFUSED),
    (OutcomeUnknown, UNKNOWN),
    (NetworkError, NO_NETWORK),
)
_PROOFS = {"refused": REFUSED, "absent": FAILED}


def code_of(error: BfxError) -> int:
    """Return the exit code of an error that ends a command."""
    if isinstance(error, NotExecuted) and error.proof in _PROOFS:
        return _PROOFS[error.proof]
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)
