"""What a fork leaves behind: the child's copies of locks and connections are made anew."""

from __future__ import annotations

import logging
import os
import weakref
from typing import Protocol


class Renewable(Protocol):
    """Something that a child process cannot use as it got it."""

    def _reset_after_fork(self) -> None:
        """Start anew; called in the child, before anything else runs there."""


logger = logging.getLogger(__name__)

_alive: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renew_after_fork(item: Renewable) -> None:
    """Renew it in every child process, as long as it lives."""
    _alive.add(item)


def _renew_all() -> None:
    for item in list(_alive):
        try:
            item._reset_after_fork()
        except Exception:
            # The others must have their turn all the same.
            logger.exception("%r could not be made anew after a fork", item)


if hasattr(os, "register_at_fork"):  # not on Windows, where there is no fork
    os.register_at_fork(after_in_child=_renew_all)
