"""Resets objects in a forked child, and prevents forks during imports."""

from __future__ import annotations

import os
import time
import weakref
from _thread import get_ident
from typing import Callable, Dict, Protocol, TypeVar

from bfxsync._base.describe import type_name
from bfxsync._base.logs import get_logger


class Resettable(Protocol):
    """An object with state that a child process cannot use, such as a lock."""

    def _reset_after_fork(self) -> None:
        """Reset it; called in the child before anything else runs there."""


_log = get_logger(__name__)

T = TypeVar("T")

# The threads that are importing. Each step on a dict is one call in C, so no lock is needed.
_importing: Dict[object, int] = {}
_forking: Dict[int, bool] = {}

_PAUSE_S = 0.001
# Much longer than any import: an entry left behind by an interrupt must not block forks forever.
_LONGEST_WAIT_S = 5.0

_alive: weakref.WeakSet[Resettable] = weakref.WeakSet()


def reset_after_fork(item: Resettable) -> None:
    """Register an object, while it is alive, to be reset in every child process."""
    _alive.add(item)


def _reset_all() -> None:
    for item in list(_alive):
        try:
            item._reset_after_fork()
        except Exception as exc:
            # The other objects must still be reset.
            name = type_name(item)
            _log.error("a %s could not be reset after a fork", name, exc_info=exc)


def lazily(load: Callable[[], T]) -> T:
    """
    Call a function that imports modules, while no thread forks.

    A child that is forked while another thread imports a module inherits the lock of that module.
    As nothing releases it there, an import of that module in the child would never return.
    """
    me = object()
    try:
        # Removed twice, as Ctrl-C may interrupt the first call.
        try:
            _enter(me)
            return load()
        finally:
            _importing.pop(me, None)
    finally:
        _importing.pop(me, None)


def _enter(me: object) -> None:
    deadline = time.monotonic() + _LONGEST_WAIT_S
    is_inner = get_ident() in list(_importing.values())
    while True:
        # Announce the import, then look for forks; a forking thread does both in the same order.
        _importing[me] = get_ident()
        if is_inner or not _forking or time.monotonic() > deadline:
            return
        del _importing[me]
        time.sleep(_PAUSE_S)


def _before_fork() -> None:
    """Wait for the imports of other threads."""
    _forking[get_ident()] = True
    deadline = time.monotonic() + _LONGEST_WAIT_S
    while set(_importing.values()) - {get_ident()} and time.monotonic() < deadline:
        time.sleep(_PAUSE_S)


def _after_fork_in_parent() -> None:
    _forking.pop(get_ident(), None)


def _after_fork_in_child() -> None:
    _forking.clear()
    for token, thread in list(_importing.items()):
        if thread != get_ident():
            _importing.pop(token, None)
    _reset_all()


if hasattr(os, "register_at_fork"):  # not on Windows, where there is no fork
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
