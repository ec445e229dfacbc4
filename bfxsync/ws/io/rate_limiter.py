"""
How often connections may be opened, over all clients of a process.

The exchange counts by address and blocks it for a minute when there were too many; attempts within
that minute prolong it. So whoever wants to open a connection reserves a moment for it first.

References
----------
https://docs.bitfinex.com/docs/requirements-and-limitations
"""

from __future__ import annotations

from bisect import insort
from threading import Lock
from typing import Dict, List
from urllib.parse import urlsplit

import attrs

from bfxsync._base.forks import renew_after_fork
from bfxsync._base.hosts import is_loopback

SPARE_S = 1.0
"""Added to each window, for connections that are long on their way."""


@attrs.frozen
class ConnectionBudget:
    """So many connections in so many seconds."""

    count: int
    window_s: float


# 15 is what older pages say of the public host, 20 what newer ones do.
PUBLIC_BUDGET = ConnectionBudget(15, 60.0)
BUDGETS = {"api.bitfinex.com": ConnectionBudget(5, 15.0)}


class ConnectionRateLimiter:
    """
    The openings of a process, by host.

    Parameters
    ----------
    exempt_loopback : bool
        Do not count connections to this machine itself.
    """

    def __init__(self, *, exempt_loopback: bool = True) -> None:
        self._exempt_loopback = exempt_loopback
        # Protects everything below.
        self._lock = Lock()
        # Sorted; those of the last window, and those to come.
        self._openings: Dict[str, List[float]] = {}
        self._blocked_until: Dict[str, float] = {}
        renew_after_fork(self)

    def reserve(self, url: str, now: float) -> float:
        """Return the moment at which a connection may be opened; it counts from then on."""
        host = self._host(url)
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
                # Fewer than the budget come after that one, so no window with the new one in it
                # has more.
                at = max(at, openings[-budget.count] + apart_s)
            insort(openings, at)
        return at

    def give_back(self, url: str, at: float) -> None:
        """Take a reserved moment off the books: no connection was, or will be, opened then."""
        host = self._host(url)
        if host is not None:
            with self._lock:
                openings = self._openings.get(host, [])
                if at in openings:
                    openings.remove(at)

    def blocked_until(self, url: str) -> float:
        """Return the moment until which nobody may; one that has passed if anybody may."""
        with self._lock:
            return self._blocked_until.get(self._host(url) or "", float("-inf"))

    def block(self, url: str, until: float) -> None:
        """Let nobody open a connection to this host before that moment."""
        host = self._host(url)
        if host is not None:
            with self._lock:
                before = self._blocked_until.get(host, until)
                self._blocked_until[host] = max(before, until)

    def _reset_after_fork(self) -> None:
        """Go on in a child process, where the lock may have been held by nobody's thread."""
        self._lock = Lock()

    def _host(self, url: str) -> str | None:
        """Return what is counted together; None if nothing is counted."""
        host = urlsplit(url).hostname or ""
        if self._exempt_loopback and is_loopback(host):
            return None
        return host


SHARED = ConnectionRateLimiter()
"""That of all clients of the process."""
