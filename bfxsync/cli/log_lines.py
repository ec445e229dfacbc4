"""The library's warnings and errors, as lines of the command on stderr."""

from __future__ import annotations

import logging
import sys
from collections import deque
from types import TracebackType
from typing import Deque

_MAX_HELD = 50


class LogLines(logging.Handler):
    """
    A handler for as long as the context lasts.

    Parameters
    ----------
    is_held : bool
        Keep the lines until the end: a screen is drawn meanwhile. Of very many the latest stay.
    """

    def __init__(self, *, is_held: bool) -> None:
        super().__init__(logging.WARNING)
        self.setFormatter(logging.Formatter("bfxsync demo: %(message)s"))
        self._is_held = is_held
        self._held: Deque[str] = deque(maxlen=_MAX_HELD)

    def __enter__(self) -> LogLines:
        logging.getLogger("bfxsync").addHandler(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        logging.getLogger("bfxsync").removeHandler(self)
        for line in self._held:
            print(line, file=sys.stderr)
        self._held.clear()

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line, or keep it."""
        line = self.format(record)
        if self._is_held:
            self._held.append(line)
        else:
            print(line, file=sys.stderr, flush=True)
