"""
When writes left, by which those are known that have no id of ours.

Strategy: a write leaves when its last attempt goes out, not when the call begins: it may wait for
minutes for a limit, for its turn, or after a refusal. Times are kept by both clocks, as the wall
clock may be set and the other one may stand still while the machine is suspended.
"""

from __future__ import annotations

import time

import attrs

_FAR = float("inf")


@attrs.define(eq=False)
class Passage:
    """
    One write on its way.

    Attributes
    ----------
    left_s, over_s : float
        When it left, and when its call was over, by this machine's clock, since 1970.
    left_at, over_at : float
        The same, by `time.monotonic`; infinite as long as it is on its way.
    """

    left_s: float = attrs.field(factory=time.time)
    left_at: float = attrs.field(factory=time.monotonic)
    over_s: float = _FAR
    over_at: float = _FAR

    def leave(self) -> None:
        """Note that it leaves now; what left before was refused."""
        self.left_s, self.left_at = time.time(), time.monotonic()

    def end(self) -> None:
        """Note that its call is over."""
        self.over_s, self.over_at = time.time(), time.monotonic()

    @property
    def lasted_s(self) -> float:
        """How long it may have been on its way, in seconds."""
        return max(self.over_s - self.left_s, self.over_at - self.left_at)

    @property
    def clock_shift_s(self) -> float:
        """
        By how much the wall clock was set forward since, in seconds; negative: set back.

        A time for which the machine was suspended counts too, as nothing tells it apart.
        """
        now_s, now_at = time.time(), time.monotonic()
        return (now_s - self.left_s) - (now_at - self.left_at)
