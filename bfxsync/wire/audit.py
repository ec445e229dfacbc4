"""
Nothing lost, nobody silent: sequence numbers and signs of life.

References
----------
https://docs.bitfinex.com/docs/ws-general
"""

from __future__ import annotations

PING_AFTER_S = 25.0
"""Silence after which a ping is sent; every channel has a heartbeat each 15 s."""

STALE_AFTER_S = 35.0
"""Silence after which the socket is given up."""

IDLE_PING_S = 20.0
"""A socket without subscriptions is closed by the exchange after 60 s without a client frame."""


class Sequence:
    """
    The counter of a socket: one more with every array frame of any channel.

    The first number seen is the baseline, as the flag may have come into force late.
    """

    def __init__(self) -> None:
        self.last: int | None = None

    def reset(self) -> None:
        """Begin anew, for a new socket."""
        self.last = None

    def accept_block(self, first: object, last: object, count: int) -> bool:
        """
        Take a whole block at once; False leaves everything as it was.

        The baseline never comes from here, but from a frame that was read with care: more
        numbers may have been appended to it.

        Only the ends are compared: a hole that is made up for by a repeated number inside the
        same block is not seen. TCP does neither.
        """
        if (
            type(last) is not int
            or type(first) is not int
            or last - first != count - 1
            or self.last is None
            or first != self.last + 1
        ):
            return False
        self.last = last
        return True

    def accept(self, seq: int | None) -> str | None:
        """Take one frame; return what is wrong, or None."""
        if seq is None:
            return "a frame without sequence number"
        if self.last is not None and seq != self.last + 1:
            return f"sequence number {seq} after {self.last}"
        self.last = seq
        return None


class Liveness:
    """When to send a ping, and when to give a silent socket up."""

    def __init__(self) -> None:
        self._received = 0.0
        self._sent = 0.0
        self._pinged = False

    def reset(self, now: float) -> None:
        """Begin anew, for a new socket."""
        self._received = self._sent = now
        self._pinged = False

    def received(self, now: float) -> None:
        """Note that the peer sent something."""
        self._received = now
        self._pinged = False

    def sent(self, now: float) -> None:
        """Note that something was sent to the peer."""
        self._sent = now

    def is_stale(self, now: float) -> bool:
        """Tell whether the peer was silent for too long."""
        return now >= self._received + STALE_AFTER_S

    def ping_due(self, now: float, *, idle: bool) -> bool:
        """Tell whether to send a ping now; `idle` means that nothing is subscribed."""
        return now >= self._ping_at(idle)

    def pinged(self) -> None:
        """Note that the ping for this silence went out."""
        self._pinged = True

    def deadline(self, *, idle: bool) -> float:
        """Return when to look again."""
        return min(self._received + STALE_AFTER_S, self._ping_at(idle))

    def _ping_at(self, idle: bool) -> float:
        silent = float("inf") if self._pinged else self._received + PING_AFTER_S
        return min(silent, self._sent + IDLE_PING_S) if idle else silent
