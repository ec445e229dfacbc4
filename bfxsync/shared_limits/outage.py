"""The time in which the shared store is away, and a moment after it."""

from __future__ import annotations

from typing import Optional

import attrs

from bfxsync.shared_limits.fraction import Fraction
from bfxsync.shared_limits.window import Answer, Limit

TIMEOUT_S = 1.0
"""For each call of the store; `close` must end within two seconds."""

PROBE_S = 1.0
"""Time between two attempts to reach a store that is away."""

BEAT_S = 2.0
"""Time between two signs of life of a process, so that one without requests notices a loss too."""

SETTLE_S = max(PROBE_S, BEAT_S) + TIMEOUT_S + 0.5
"""After the return of a store: every process has noticed its loss by then."""


@attrs.frozen(eq=False)
class Outage:
    """One phase of an outage; the next phase is another object."""

    began: float
    fraction: Fraction
    error: str
    settled_at: Optional[float] = None
    """
    When the store is used again. None while it is away; infinite while the requests that were sent
    are added to it.
    """

    @property
    def is_away(self) -> bool:
        """Whether the store has not been reached yet."""
        return self.settled_at is None

    def is_over(self, now: float) -> bool:
        """Return whether the store is used again."""
        return self.settled_at is not None and now >= self.settled_at

    def request(
        self, key: str, owner: str, limit: Limit, now: float, longest_s: float
    ) -> Answer:
        """Claim or book a slot of this process's part; no slot after the return of the store."""
        if self.settled_at is None:
            answer = self.fraction.request(key, owner, limit, now, longest_s)
            return answer._replace(is_away=True)
        wait_s = min(max(self.settled_at - now, 0.01), SETTLE_S)
        return Answer(wait_s, wait_s <= longest_s, processes=self.fraction.parts)
