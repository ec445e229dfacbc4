"""The clock that provides the times of data on an I/O thread."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone


class Clock:
    """The clock of a session; a replay uses a simulated one."""

    def now(self) -> float:
        """Return the current time in monotonic seconds."""
        return time.monotonic()

    def utc(self, at: float) -> datetime:
        """Convert a time of this clock to UTC."""
        return datetime.now(timezone.utc) - timedelta(seconds=self.now() - at)


CLOCK = Clock()
