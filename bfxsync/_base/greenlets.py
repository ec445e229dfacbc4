"""Detects gevent and eventlet, which replace real threads by cooperative ones."""

from __future__ import annotations

import _thread
import select
import socket
import ssl
import time

from bfxsync.errors import UsageError

_PACKAGES = ("gevent", "eventlet")


def patched_by() -> str | None:
    """Return the package that has patched a module that connections depend on, or None."""
    # Checked at every call: a program may patch late, and each module separately.
    for part in (
        socket.socket,
        ssl.SSLContext,
        select.select,
        time.sleep,
        _thread.start_new_thread,
        _thread.allocate_lock,
    ):
        package = str(getattr(part, "__module__", "")).partition(".")[0]
        if package in _PACKAGES:
            return package
    return None


def check_threads() -> None:
    """
    Raise `UsageError` if gevent or eventlet has patched the standard library.

    With only some locks or modules patched, a wait could block the thread it waits for.
    """
    package = patched_by()
    if package is not None:
        raise UsageError(
            f"{package} has patched the standard library; connections need real threads and "
            "sockets, so open them in a process that is not patched"
        )
