"""What time it is, for those who look at data that was noted on an I/O thread."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone


class Clock:
    """The clock by which a session notes when it saw something; a replay has another one."""

    def now(self) -> float:
        """Return the time as sessions are told it: monotonic seconds."""
        return time.monotonic()

    def utc(self, at: float) -> datetime:
        """Return the time of day at one of its moments."""
        return datetime.now(timezone.utc) - timedelta(seconds=self.now() - at)


CLOCK = Clock()
