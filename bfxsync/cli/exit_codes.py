"""The exit codes of the command ``bfxsync``, and which error has which."""

from __future__ import annotations

from bfxsync import ApiError, BfxError, NetworkError, UsageError

OK = 0
FAILED = 1
USAGE = 2
REFUSED = 3
NO_NETWORK = 4
INTERRUPTED = 130

_CODES = ((UsageError, USAGE), (ApiError, REFUSED), (NetworkError, NO_NETWORK))


def code_of(error: BfxError) -> int:
    """Return the exit code of an error that ends a command."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)
