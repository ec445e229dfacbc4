"""
Limits the rate of new connections of all clients in a process.

The exchange counts connections per address and blocks the address for a minute if there are too
many; attempts during that minute prolong the block. So a time is reserved for every connection.

https://docs.bitfinex.com/docs/requirements-and-limitations
"""

from __future__ import annotations

from bisect import insort
from threading import Lock
from typing import Any, Dict, List
from urllib.parse import urlsplit

import attrs

from bfxsync._base.forks import reset_after_fork
from bfxsync._base.hosts import is_loopback
from bfxsync.shared_limits.window import SPARE_S as SPARE_S


@attrs.frozen
class ConnectionBudget:
    """Maximum number of connections within a time window."""

    count: int
    window_s: float


# The exchange's older documentation says 15 for the public host, the newer 20.
PUBLIC_BUDGET = ConnectionBudget(15, 60.0)
BUDGETS = {"api.bitfinex.com": ConnectionBudget(5, 15.0)}


class ConnectionRateLimiter:
    """
    Schedules the connections of a process, per host.

    Parameters
    ----------
    exempt_loopback : bool
        Do not limit connections to this machine.
    """

    def __init__(self, *, exempt_loopback: bool = True) -> None:
        self._exempt_loopback = exempt_loopback
        # Protects everything below.
        self._lock = Lock()
        # Times of the last window and future ones, sorted.
        self._openings: Dict[str, List[float]] = {}
        self._blocked_until: Dict[str, float] = {}
        reset_after_fork(self)

    def reserve(self, url: str, now: float) -> float:
        """Reserve and return the earliest time for a connection; it counts from now on."""
        host = self.host_of(url)
        if host is None:
            return now
        budget = BUDGETS.get(host, PUBLIC_BUDGET)
        apart_s = budget.window_s + SPARE_S
        with self._lock:
            openings = self._openings.setdefault(host, [])
            while openings and openings[0] + apart_s <= now:
                del openings[0]
            at = max(now, self._blocked_until.get(host, now))
            if len(openings) >= budget.count:
                # Fewer openings than the budget follow that one, so no window that contains the new
                # one exceeds the budget.
                at = max(at, openings[-budget.count] + apart_s)
            insort(openings, at)
        return at

    def review(self, url: str, at: float, now: float) -> float:
        """Return when a reserved connection may be opened: not before the end of a block."""
        if self.blocked_until(url) > at:
            # Another connection was refused. All waiting connections reserve again, or they would
            # connect at the same time.
            self.give_back(url, at)
            return self.reserve(url, now)
        return at

    def give_back(self, url: str, at: float) -> None:
        """Cancel an unused reservation."""
        host = self.host_of(url)
        if host is not None:
            with self._lock:
                openings = self._openings.get(host, [])
                if at in openings:
                    openings.remove(at)

    def blocked_until(self, url: str) -> float:
        """Return the end of the block of this host; minus infinity if it is not blocked."""
        with self._lock:
            return self._blocked_until.get(self.host_of(url) or "", float("-inf"))

    def left(self, url: str, now: float) -> int | None:
        """Return the number of connections that may be opened now; None if not limited."""
        host = self.host_of(url)
        if host is None:
            return None
        budget = BUDGETS.get(host, PUBLIC_BUDGET)
        # Without the lock, as a user's thread may be interrupted while it holds it: each step is
        # one call in C.
        if self._blocked_until.get(host, now) > now:
            return 0
        since = now - budget.window_s - SPARE_S
        used = sum(at > since for at in list(self._openings.get(host, ())))
        return max(budget.count - used, 0)

    def block(self, url: str, until: float) -> None:
        """Allow no connection to this host before that time."""
        host = self.host_of(url)
        if host is not None:
            with self._lock:
                before = self._blocked_until.get(host, until)
                self._blocked_until[host] = max(before, until)

    def stats(self) -> Dict[str, Any] | None:
        """Return the state of the shared budget; None without one."""
        return None

    def _reset_after_fork(self) -> None:
        """Replace the lock, whose holder does not exist in a forked child."""
        self._lock = Lock()

    def host_of(self, url: str) -> str | None:
        """Return the host by which connections are counted; None if they are exempt."""
        host = urlsplit(url).hostname or ""
        if self._exempt_loopback and is_loopback(host):
            return None
        return host


SHARED = ConnectionRateLimiter()
"""The default for all clients of the process."""
