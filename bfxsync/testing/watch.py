"""
What a test leaves open, and which of its callbacks have raised.

Strategy: an observer of the class `Core` sees each client that is made during the test, with the
line that made it. Whatever is left is closed after it was described, so that only one test fails.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
import threading
import time
from traceback import format_exception
from types import FrameType
from typing import List, Set, Tuple

import bfxsync
from bfxsync._base.describe import (
    has_printable_traceback,
    traceback_of,
    traceback_text,
)
from bfxsync.testing.settle import is_of
from bfxsync.ws.core.core import CLOSE_TIMEOUT_S, OBSERVERS, Core, open_cores

_PACKAGE = os.path.dirname(bfxsync.__file__) + os.sep
_PLUGIN = "pytest_bfxsync"
_PREFIX = "bfxsync-"
_EXCHANGE = "bfxsync-paper"


class Watch:
    """Watches the clients of this process from now on, until `stop`."""

    def __init__(self) -> None:
        self._threads: Set[threading.Thread] = set(threading.enumerate())
        self._made: List[Tuple[Core, str]] = []
        self._left: List[str] = []
        OBSERVERS.append(self._note)

    def stop(self) -> None:
        """Stop watching."""
        OBSERVERS.remove(self._note)

    def _note(self, core: Core) -> None:
        self._made.append((core, _place_of_user()))

    def exchange_ends(self, port: int) -> None:
        """Find what is still connected to an exchange that is about to stop, and close it."""
        connected = _sockets_to(port)
        unclosed = open_cores()
        found = [each for each in self._made if is_of(each[0], port)]
        found = [(core, place) for core, place in found if core in unclosed]
        self._left += [
            _describe(core, place)
            for core, place in found
            if core.placement.links or connected
        ]
        if connected and not found:
            self._left.append("a connection to the exchange, not of a bfxsync client")
        for core, _ in found:
            core.close()

    def left(self) -> List[str]:
        """Return what is left open, and close it as far as possible."""
        unclosed = open_cores()
        for core, place in self._made:
            if core.placement.links and core in unclosed:
                self._left.append(_describe(core, place))
                core.close()
        made = {core for core, _ in self._made}
        # Clients from before the test may start threads in it, and end them later.
        has_older = any(core not in made for core in open_cores())
        prefix = _EXCHANGE if has_older else _PREFIX
        deadline = time.monotonic() + CLOSE_TIMEOUT_S
        for thread in threading.enumerate():
            if thread.name.startswith(prefix) and thread not in self._threads:
                # That of a client which was closed by a callback, or dropped, may end just now.
                thread.join(max(0.0, deadline - time.monotonic()))
                if thread.is_alive():
                    self._left.append(f"the thread {thread.name}")
        return self._left

    def callback_errors(self) -> List[str]:
        """Return a text about each client whose callbacks raised, with the last traceback."""
        found = []
        for core, place in self._made:
            count, last = core.dispatcher.error_count, core.dispatcher.last_error
            if last is not None:
                times = (
                    "an exception" if count == 1 else f"{count} exceptions, the last"
                )
                found.append(
                    f"a callback of the client made {place} raised {times}:\n"
                    + _traceback(last).rstrip()
                )
        return found


def _describe(core: Core, place: str) -> str:
    names = ", ".join(each.name for each in core.placement.subscribers())
    subscribed = f", subscribed to {names}" if names else ""
    state = "dropped" if core.lifetime.is_closing else core.status.value
    return f"the client made {place} ({state}{subscribed}); call its close()"


def _place_of_user() -> str:
    """Return where the innermost frame is that is not ours, for "made …"."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    if frame is None:
        return "by an unknown thread"
    path = frame.f_code.co_filename
    if frame.f_globals.get("__name__") == _PLUGIN:
        return "by a bfx_ fixture"
    shorter = os.path.relpath(path) if path.startswith(os.getcwd() + os.sep) else path
    return f"at {shorter}:{frame.f_lineno}"


def _traceback(exc: BaseException) -> str:
    if has_printable_traceback(exc):
        return "".join(format_exception(type(exc), exc, traceback_of(exc)))
    return traceback_text(exc)


def _sockets_to(port: int) -> int:
    """Return how many sockets of this process are connected to a port of this machine."""
    return sum(_is_connected_to(int(name), port) for name in os.listdir("/dev/fd"))


def _is_connected_to(descriptor: int, port: int) -> bool:
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return False
        with socket.socket(fileno=os.dup(descriptor)) as copy:
            is_inet = copy.family in (socket.AF_INET, socket.AF_INET6)
            return is_inet and copy.getpeername()[1] == port
    except OSError:
        # Not connected, or closed by another thread just now.
        return False
