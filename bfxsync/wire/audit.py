"""
Nothing lost, nobody silent: sequence numbers, signs of life, and clocks that jump.

References
----------
https://docs.bitfinex.com/docs/ws-general
"""

from __future__ import annotations

from typing import Any, Mapping

from bfxsync._base.aliases import ChanId

HEARTBEAT_S = 15.0
"""Between two heartbeats of a channel, quiet or busy."""

PING_AFTER_S = 25.0
"""Silence after which a ping is sent: more than a heartbeat is late."""

STALE_AFTER_S = 35.0
"""Silence after which the socket is given up."""

PROBE_S = 5.0
"""Time for a sign of life after the clock has jumped."""

JUMP_S = 5.0
"""The wall clock gained so much on the monotonic one: the machine slept, or was set."""

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
    """
    When to send a ping, and when to give a silent socket up.

    While something is subscribed, the only signs of life are data and heartbeats of it: a gateway
    that is half dead answers pings and acknowledges requests for ever. Otherwise whatever comes is
    one, pongs too.

    Parameters
    ----------
    ping_after_s, stale_after_s : float
        Silence after which a ping is sent, and after which the socket is given up.

    Attributes
    ----------
    is_expecting : bool
        Something is subscribed.
    was_heard : bool
        There was data or a heartbeat of what is subscribed on this socket.
    alive_at : float
        When the last sign of life came, or the wait for the first one began.
    is_pinged : bool
        A ping went out in this silence.
    """

    def __init__(
        self,
        ping_after_s: float = PING_AFTER_S,
        stale_after_s: float = STALE_AFTER_S,
    ) -> None:
        self.is_expecting = False
        self.was_heard = False
        self._ping_after_s = ping_after_s
        self._stale_after_s = stale_after_s
        self.alive_at = 0.0
        self._sent = 0.0
        self.is_pinged = False
        # When a probe must have been answered; None without one.
        self._probe_until: float | None = None

    def reset(self, now: float) -> None:
        """Begin anew, for a new socket."""
        self._sent = now
        self.is_expecting = self.was_heard = False
        self._restart(now)

    def expect(self, is_expecting: bool, now: float) -> None:
        """Say whether something is subscribed; the first subscription has all its time."""
        if is_expecting and not self.is_expecting:
            self._restart(now)
        self.is_expecting = is_expecting

    def received(self, now: float) -> None:
        """Note that the peer sent something."""
        if self._probe_until is not None:
            # Any answer ends the doubt, and heartbeats come only every 15 s.
            self._restart(now)
        elif not self.is_expecting:
            self.alive_at = now
            self.is_pinged = False

    def heard(self, now: float) -> None:
        """Note data or a heartbeat of what is subscribed."""
        self.alive_at = now
        self.is_pinged = False
        self.was_heard = True

    def probe(self, now: float) -> None:
        """Ask for a sign of life at once: nobody knows how long the silence was."""
        self.is_pinged = False
        self._probe_until = min(self._stale_at, now + PROBE_S)

    def sent(self, now: float) -> None:
        """Note that something was sent to the peer."""
        self._sent = now

    def is_stale(self, now: float) -> bool:
        """Tell whether there was no sign of life for too long."""
        return now >= self._stale_at

    def ping_due(self, now: float, *, idle: bool) -> bool:
        """Tell whether to send a ping now; `idle` means that nothing is subscribed."""
        return now >= self._ping_at(idle)

    def pinged(self) -> None:
        """Note that the ping for this silence went out."""
        self.is_pinged = True

    def deadline(self, *, idle: bool) -> float:
        """Return when to look again."""
        return min(self._stale_at, self._ping_at(idle))

    @property
    def _stale_at(self) -> float:
        if self._probe_until is not None:
            return self._probe_until
        return self.alive_at + self._stale_after_s

    def _ping_at(self, idle: bool) -> float:
        silent = self.alive_at + self._ping_after_s
        if self.is_pinged:
            silent = float("inf")
        elif self._probe_until is not None:
            silent = self.alive_at
        return min(silent, self._sent + IDLE_PING_S) if idle else silent

    def _restart(self, now: float) -> None:
        self.alive_at = now
        self.is_pinged = False
        self._probe_until = None


class ChannelsWatch:
    """
    Which channels are silent while the socket is not.

    Every channel has a heartbeat each 15 s, quiet or busy. When a channel was last seen stands in
    itself, so that a frame costs one assignment; here is only when to look.

    While the socket as a whole is silent, or its thread was held up, no channel is judged: that
    is what `Liveness` is for. What comes next may belong to any of them, so each is given some
    time for it, but never all of its time again. Acknowledgements and pongs say nothing about
    channels, so only data and heartbeats of what is subscribed count as hearing of the socket.

    Attributes
    ----------
    refresh_at : float
        From when on the next frame of a channel asks for a `refresh`; most need none.
    """

    def __init__(self, stale_after_s: float = STALE_AFTER_S) -> None:
        self._stale_after_s = stale_after_s
        self._quiet_s = stale_after_s / 2
        # Less than that, so that the next one is judged before the socket counts as quiet again.
        self._grace_s = stale_after_s * 0.4
        self.refresh_at = 0.0
        self._since = 0.0
        self._refreshed = 0.0
        self._due: float | None = None

    def reset(self, now: float) -> None:
        """Count every silence from now on."""
        self._since = self._refreshed = self.refresh_at = now
        self._due = None

    def refresh(self, routes: Mapping[ChanId, Any], now: float) -> None:
        """Move the deadline on, so that it wakes nobody while all channels are heard of."""
        if now - self._refreshed >= self._quiet_s:
            heard_by = now - self._stale_after_s + self._grace_s
            self._since = max(self._since, heard_by)
        self._refreshed = now
        self.refresh_at = now + self._stale_after_s / 8
        self._due = None
        self.deadline(routes)

    def deadline(self, routes: Mapping[ChanId, Any]) -> float | None:
        """Return when a channel may have been silent for too long; None without channels."""
        if self._due is None and routes:
            self._due = self._stale_after_s + min(
                self._heard(entry) for entry in routes.values()
            )
        return self._due

    def silent(self, routes: Mapping[ChanId, Any], now: float) -> list[Any]:
        """Return the entries that have been silent for too long."""
        due = self.deadline(routes)
        if due is None or now < due:
            return []
        if now - self._refreshed >= self._quiet_s:
            # Until something comes; then it is looked at again.
            self._due = float("inf")
            return []
        self._due = None
        # The same sum as in the deadline, or rounding might find it due for ever.
        return [
            entry
            for entry in routes.values()
            if self._stale_after_s + self._heard(entry) <= now
        ]

    def _heard(self, entry: Any) -> float:
        return max(self._since, entry.channel.seen_at or self._since)


class ClockWatch:
    """
    Notice that the machine was suspended.

    The monotonic clock stands still meanwhile and the wall clock does not, so the one gains on
    the other. A wall clock that is set forward looks the same, and costs one ping.

    Attributes
    ----------
    jump_count : int
    """

    def __init__(self) -> None:
        self.jump_count = 0
        self._ahead_s: float | None = None

    def observe(self, now: float, wall: float) -> float:
        """Take both clocks' times; return by how many seconds they have jumped, mostly 0."""
        ahead_s = wall - now
        before_s, self._ahead_s = self._ahead_s, ahead_s
        if before_s is None or ahead_s - before_s < JUMP_S:
            return 0.0
        self.jump_count += 1
        return ahead_s - before_s
