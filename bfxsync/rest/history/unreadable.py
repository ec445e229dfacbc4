"""Rows that cannot be read: an error, or a warning if the client was told so."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import Callable, Iterator

from bfxsync._base.logs import get_logger
from bfxsync.errors import RemoteError

Skip = Callable[[RemoteError], None]
"""Gets the error of a list whose other rows are returned all the same."""

_log = get_logger(__name__)

_is_strict: ContextVar[bool] = ContextVar("bfxsync_strict", default=False)


@contextmanager
def strictly() -> Iterator[None]:
    """
    Let no row be skipped in this block, whatever the client was told.

    For what concludes something from rows that are not there: the end of a history, or that a
    write was not executed.
    """
    token = _is_strict.set(True)
    try:
        yield
    finally:
        _is_strict.reset(token)


def must_raise() -> bool:
    """Tell whether this is within `strictly`."""
    return _is_strict.get()


def warn_of_unreadable(error: RemoteError) -> None:
    """Log how many rows of a list are left out, and why."""
    where = f"{error.endpoint}: " if error.endpoint else ""
    _log.warning("%s%s; they are left out (strict=False)", where, error)
