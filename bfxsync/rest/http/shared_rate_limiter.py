"""
Rate limits of REST that several processes or machines share.

Strategy: as `RequestRateLimiter`, but the slots are those of a shared budget. A call that waits
asks for its slot again when it is due, as a refused request of any process may have moved it.
"""

from __future__ import annotations

import time
from typing import Any, Callable

from bfxsync._base.hosts import is_loopback
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync.errors import ClosedError
from bfxsync.rest.http.rate_limiter import (
    LONGEST_REFUSAL_S,
    WINDOW_S,
    WORTH_A_LOG_S,
    RateLimit,
    RequestRateLimiter,
    reason_of,
    refusal_of,
    wait_in_naps,
)
from bfxsync.shared_limits.budget import SharedBudget
from bfxsync.shared_limits.outage import PROBE_S
from bfxsync.shared_limits.window import Answer, Limit

_MANY_GROUPS = 256

_log = get_logger(__name__)


class SharedRequestLimiter(RequestRateLimiter):
    """
    Rate limits by host, port and group of endpoints, of a shared budget.

    The parameters are those of `RequestRateLimiter`.
    """

    def __init__(
        self,
        budget: SharedBudget,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[Latch, float], bool] = wait_in_naps,
    ) -> None:
        super().__init__(clock, wait, exempt_loopback=budget.exempt_loopback)
        self.budget = budget
        self._limits: dict[str, int] = {}
        self._logged_until: dict[str, float] = {}

    def acquire(
        self,
        host: str,
        group: str,
        per_minute: int,
        *,
        port: int = 443,
        max_wait_s: float | None = None,
        closed: Latch,
    ) -> float:
        """Wait until another request may be sent; as `RequestRateLimiter.acquire`."""
        if self._is_exempt(host):
            return super().acquire(
                host, group, per_minute, port=port, max_wait_s=max_wait_s, closed=closed
            )
        key = f"{_prefix(host, port)}{group}"
        turn = self.budget.turn(key, Limit(per_minute, WINDOW_S))
        if len(self._limits) >= _MANY_GROUPS:
            # Callers may use any number of paths and thus groups.
            self._limits, self._logged_until = {}, {}
        self._limits[key] = per_minute
        most_s = float("inf") if max_wait_s is None else max_wait_s
        began = self._clock()
        try:
            while True:
                answer = turn.ask(max(most_s - (self._clock() - began), 0.0))
                now = self._clock()
                is_refused = answer.blocked_s > 0
                is_too_long = max_wait_s is None and answer.wait_s > LONGEST_REFUSAL_S
                if not answer.is_booked or (is_refused and is_too_long):
                    raise refusal_of(group, per_minute, answer.wait_s, is_refused)
                if answer.wait_s <= 0:
                    return now - began
                self._log_wait(
                    key, now, answer, reason_of(group, per_minute, is_refused)
                )
                self._wait_for(answer, now, closed)
        except BaseException:
            turn.give_up()
            raise

    def limits(self, host: str, port: int = 443) -> dict[str, RateLimit]:
        """Return the groups of a host, as known from the last requests of this process."""
        found = super().limits(host, port)
        prefix = _prefix(host, port)
        for key in self.budget.keys():
            known = self.budget.latest(key, WINDOW_S)
            if key.startswith(prefix) and (known.used or known.blocked_s):
                found[key[len(prefix) :]] = self._state(key, known)
        return found

    def refuse(
        self, host: str, group: str, retry_after_s: float, *, port: int = 443
    ) -> None:
        """Block a group in all processes after a refusal by the exchange."""
        if self._is_exempt(host):
            super().refuse(host, group, retry_after_s, port=port)
        else:
            self.budget.block(f"{_prefix(host, port)}{group}", retry_after_s)

    def stats(self) -> dict[str, Any] | None:
        """Return the state of the shared budget."""
        return self.budget.stats()

    def _is_exempt(self, host: str) -> bool:
        return self.budget.exempt_loopback and is_loopback(host)

    def _wait_for(self, answer: Answer, now: float, closed: Latch) -> None:
        until = now + answer.wait_s
        if answer.is_away:
            until = min(until, now + PROBE_S)
        while now < until:
            if self._wait(closed, until - now):
                raise ClosedError("the client was closed")
            now = self._clock()

    def _log_wait(self, key: str, now: float, answer: Answer, reason: str) -> None:
        is_logged = self._logged_until.get(key, now) > now
        if answer.wait_s > WORTH_A_LOG_S and not is_logged:
            self._logged_until[key] = now + WINDOW_S
            _log.warning("%s: waiting %.1f s", reason, answer.wait_s)

    def _state(self, key: str, known: Answer) -> RateLimit:
        per_minute = self._limits.get(key)
        is_refused = known.blocked_s > 0
        left = None if per_minute is None else max(per_minute - known.used, 0)
        wait_s = known.blocked_s if is_refused or left else known.wait_s
        return RateLimit(
            per_minute, known.used, 0 if is_refused else left, wait_s, is_refused
        )


def _prefix(host: str, port: int) -> str:
    return f"rest:{host}:{port}:"
