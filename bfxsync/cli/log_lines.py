"""Log lines of the library on stderr, in the form of the command's own."""

from __future__ import annotations

import logging
import sys
from collections import deque
from typing import Deque

_MAX_HELD = 50


class LogLines(logging.Handler):
    """
    Prints warnings and errors of the library, within a ``with`` block, or those from a level on.

    With `is_held` the latest 50 lines are printed at the end, as a screen is drawn until then.
    """

    def __init__(
        self, command: str, *, is_held: bool, level: int = logging.WARNING
    ) -> None:
        super().__init__(level)
        self.setFormatter(logging.Formatter(f"bfxsync {command}: %(message)s"))
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
