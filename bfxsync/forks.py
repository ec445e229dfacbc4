"""What a fork leaves behind: the child's copies of locks and connections are made anew."""

from __future__ import annotations

import os
import weakref
from typing import Protocol

from bfxsync.describe import type_name
from bfxsync.logs import get_logger


class Renewable(Protocol):
    """Something that a child process cannot use as it got it."""

    def _reset_after_fork(self) -> None:
        """Start anew; called in the child, before anything else runs there."""


logger = get_logger(__name__)

_alive: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renew_after_fork(item: Renewable) -> None:
    """Renew it in every child process, as long as it lives."""
    _alive.add(item)


def _renew_all() -> None:
    for item in list(_alive):
        try:
            item._reset_after_fork()
        except Exception as exc:
            # The others must have their turn all the same.
            name = type_name(item)
            logger.error("a %s could not be reset after a fork", name, exc_info=exc)


if hasattr(os, "register_at_fork"):  # not on Windows, where there is no fork
    os.register_at_fork(after_in_child=_renew_all)
