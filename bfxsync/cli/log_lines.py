"""Warnings and errors of the library, printed by the command on stderr."""

from __future__ import annotations

import logging
import sys
from collections import deque
from typing import Deque

_MAX_HELD = 50


class LogLines(logging.Handler):
    """
    A log handler, installed within a ``with`` block.

    With `is_held` it keeps the latest 50 lines until the end, while a screen is drawn.
    """

    def __init__(self, *, is_held: bool) -> None:
        super().__init__(logging.WARNING)
        self.setFormatter(logging.Formatter("bfxsync demo: %(message)s"))
        self._is_held = is_held
        self._held: Deque[str] = deque(maxlen=_MAX_HELD)

    def __enter__(self) -> LogLines:
        logging.getLogger("bfxsync").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("bfxsync").removeHandler(self)
        for line in self._held:
            print(line, file=sys.stderr)
        self._held.clear()

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line, or hold it back."""
        line = self.format(record)
        if self._is_held:
            self._held.append(line)
        else:
            print(line, file=sys.stderr, flush=True)
