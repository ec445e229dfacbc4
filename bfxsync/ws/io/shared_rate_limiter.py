"""
Limits the rate of new connections of several processes or machines.

Strategy: as `ConnectionRateLimiter`, but the slots are those of a shared budget. A connection that
waits asks for its slot again when it is due, and every second while the budget's store is away.
The I/O thread has no socket then, and an answer takes at most two timeouts of the store.
"""

from __future__ import annotations

import time
from typing import Any, Dict, Tuple

from bfxsync.shared_limits.budget import SharedBudget, Turn
from bfxsync.shared_limits.outage import PROBE_S
from bfxsync.shared_limits.window import SPARE_S, Limit
from bfxsync.ws.io.rate_limiter import BUDGETS, PUBLIC_BUDGET, ConnectionRateLimiter


class SharedConnectionLimiter(ConnectionRateLimiter):
    """Schedules connections by a shared budget, per host."""

    def __init__(self, budget: SharedBudget) -> None:
        super().__init__(exempt_loopback=budget.exempt_loopback)
        self.budget = budget
        # The turns of connections that wait or were just opened, by host and time, each with the
        # time at which it is asked for again.
        self._turns: Dict[Tuple[str, float], Tuple[Turn, float]] = {}

    def reserve(self, url: str, now: float) -> float:
        """Reserve and return the earliest time for a connection; `review` it at that time."""
        host = self.host_of(url)
        if host is None:
            return now
        for key in list(self._turns):
            if key[1] + _limit(host).window_s < now:
                self._turns.pop(key, None)
        return self._ask(host, self.budget.turn(_key(host), _limit(host)), now)

    def review(self, url: str, at: float, now: float) -> float:
        """Return when a reserved connection may be opened; asks the budget again if it is due."""
        host = self.host_of(url) or ""
        turn, again_at = self._turns.get((host, at), (None, 0.0))
        if turn is None or now < min(at, again_at):
            return at
        self._turns.pop((host, at), None)
        return self._ask(host, turn, now)

    def give_back(self, url: str, at: float) -> None:
        """Cancel an unused reservation."""
        turn, _ = self._turns.pop((self.host_of(url) or "", at), (None, 0.0))
        if turn is not None:
            turn.give_up()

    def blocked_until(self, url: str) -> float:
        """Return the end of the block of this host, as far as known."""
        host = self.host_of(url)
        if host is None:
            return float("-inf")
        known = self.budget.latest(_key(host), _limit(host).window_s)
        return time.monotonic() + known.blocked_s if known.blocked_s else float("-inf")

    def left(self, url: str, now: float) -> int | None:
        """Return the number of connections that may be opened now, as far as known."""
        host = self.host_of(url)
        if host is None:
            return None
        limit = _limit(host)
        known = self.budget.latest(_key(host), limit.window_s)
        return 0 if known.blocked_s else max(limit.requests - known.used, 0)

    def block(self, url: str, until: float) -> None:
        """Allow no connection of any process to this host before that time."""
        host = self.host_of(url)
        if host is not None:
            self.budget.block(_key(host), max(until - time.monotonic(), 0.001))

    def stats(self) -> Dict[str, Any] | None:
        """Return the state of the shared budget."""
        return self.budget.stats()

    def _ask(self, host: str, turn: Turn, now: float) -> float:
        began = time.monotonic()
        answer = turn.ask()
        if answer.wait_s <= 0:
            # Kept, as the connection may not be opened after all.
            self._turns[host, now] = turn, float("inf")
            return now
        at = now + (time.monotonic() - began) + answer.wait_s
        self._turns[host, at] = turn, now + PROBE_S if answer.is_away else at
        return at


def _key(host: str) -> str:
    return f"ws:{host}"


def _limit(host: str) -> Limit:
    budget = BUDGETS.get(host, PUBLIC_BUDGET)
    return Limit(budget.count, budget.window_s + SPARE_S)
