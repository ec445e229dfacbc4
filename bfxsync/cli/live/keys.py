"""Reads single keys of a terminal in a thread, and restores the terminal."""

from __future__ import annotations

import os
import select
import signal
import sys
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

from bfxsync._base.shield import start_thread

QUIT, NEXT, PREVIOUS, REDRAW = "quit", "next", "previous", "redraw"

_NAP_S = 0.2
_NAMES = {
    "q": QUIT,
    "Q": QUIT,
    "\x04": QUIT,  # Ctrl-D
    "\t": NEXT,
    "\x1b[C": NEXT,
    "\x1b[B": NEXT,
    "\x1b[Z": PREVIOUS,
    "\x1b[D": PREVIOUS,
    "\x1b[A": PREVIOUS,
}


class Keys:
    """
    Keys and signals as names in a queue; a context manager.

    Ctrl-C and SIGTERM are `QUIT`, a resized terminal is `REDRAW`. Without a terminal at the
    standard input, or on systems without termios, there are the signals only.
    """

    def __init__(self) -> None:
        self.queue: SimpleQueue[str] = SimpleQueue()
        self._stopping = Event()
        self._thread: Thread | None = None
        self._modes: list[Any] | None = None
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Keys:
        names = {"SIGINT": QUIT, "SIGTERM": QUIT, "SIGWINCH": REDRAW}
        for signal_name, name in names.items():
            number = getattr(signal, signal_name, None)
            if number is not None:
                self._handlers[number] = signal.signal(number, self._putter(name))
        if sys.stdin.isatty():
            self._start(sys.stdin.fileno())
        return self

    def _putter(self, name: str) -> Any:
        # A `SimpleQueue` may be put to in a signal handler.
        return lambda *_: self.queue.put(name)

    def _start(self, descriptor: int) -> None:
        try:
            import termios
            import tty
        except ImportError:
            return
        thread = Thread(
            target=self._read, args=(descriptor,), name="bfxsync-keys", daemon=True
        )
        # First: if that fails, `__exit__` is not called, which restores the terminal.
        start_thread(thread)
        self._thread = thread
        self._modes = termios.tcgetattr(descriptor)
        # Keys at once and not echoed; Ctrl-C stays a signal.
        tty.setcbreak(descriptor)

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        if self._modes is not None:
            import termios

            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._modes)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _read(self, descriptor: int) -> None:
        while not self._stopping.is_set():
            if not select.select([descriptor], [], [], _NAP_S)[0]:
                continue
            try:
                data = os.read(descriptor, 64)
            except OSError:
                data = b""
            if not data:
                return  # the terminal has gone
            for name in names_of(data.decode("utf-8", "replace")):
                self.queue.put(name)


def names_of(text: str) -> list[str]:
    """Return the names of keys: those above, and digits; other keys have none."""
    found = []
    while text:
        length = 1
        if text.startswith("\x1b["):
            # The end of a sequence is its first character from "@" on.
            ends = (at for at, char in enumerate(text) if at > 1 and "@" <= char <= "~")
            length = next(ends, len(text)) + 1
        key, text = text[:length], text[length:]
        if key in _NAMES or key.isdecimal():
            found.append(_NAMES.get(key, key))
    return found
