"""Unreadable rows: an error, or with ``strict=False`` a warning."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import Callable, Iterator

from bfxsync._base.logs import get_logger
from bfxsync.errors import RemoteError

Skip = Callable[[RemoteError], None]
"""Receives the error of a list whose readable rows are returned."""

_log = get_logger(__name__)

_is_strict: ContextVar[bool] = ContextVar("bfxsync_strict", default=False)


@contextmanager
def strictly() -> Iterator[None]:
    """
    Raise for unreadable rows within this ``with`` block, also with ``strict=False``.

    For code that draws conclusions from missing rows: that a history has ended, or that a write
    was not executed.
    """
    token = _is_strict.set(True)
    try:
        yield
    finally:
        _is_strict.reset(token)


def must_raise() -> bool:
    """Return whether this is within `strictly`."""
    return _is_strict.get()


def warn_of_unreadable(error: RemoteError) -> None:
    """Log how many rows of a list were skipped, and why."""
    where = f"{error.endpoint}: " if error.endpoint else ""
    _log.warning("%s%s; they are left out (strict=False)", where, error)
