"""
Sequence checks, heartbeat and ping liveness, clock-jump detection.

https://docs.bitfinex.com/docs/ws-general
"""

from __future__ import annotations

from typing import Any, Mapping

from bfxsync._base.aliases import ChanId

HEARTBEAT_S = 15.0
"""Interval of the heartbeats of each channel, quiet or busy."""

PING_AFTER_S = 25.0
"""Silence after which a ping is sent: the heartbeat is overdue."""

STALE_AFTER_S = 35.0
"""Silence after which the socket is replaced."""

PROBE_S = 5.0
"""Time for a sign of life after the clock has jumped."""

JUMP_S = 5.0
"""Lead of the wall clock over the monotonic one that counts as a suspend or a set clock."""

IDLE_PING_S = 20.0
"""Ping interval without subscriptions: the exchange closes such sockets after 60 s of silence."""


class Sequence:
    """
    The sequence number of a socket, which every array frame of any channel increments.

    The first number seen is the baseline, as the flag may take effect late.
    """

    def __init__(self) -> None:
        self.last: int | None = None

    def reset(self) -> None:
        """Forget the baseline, for a new socket."""
        self.last = None

    def accept_block(self, first: object, last: object, count: int) -> bool:
        """
        Count a block by its first and last numbers; if they are wrong, return False without effect.

        This never sets the baseline: further numbers may follow the sequence number of a frame, and
        only `frames.decode` distinguishes them. A missing number is not noticed if another number
        of the block is repeated; TCP causes neither.
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
        """Count one frame; return the problem with its number, or None."""
        if seq is None:
            return "a frame without sequence number"
        if self.last is not None and seq != self.last + 1:
            return f"sequence number {seq} after {self.last}"
        self.last = seq
        return None

    def accept_unreadable(self, frame: list[Any], index: int) -> None:
        """Count a frame that is unreadable except for its number, if that is the next one."""
        try:
            number = frame[index]
        except IndexError:
            return
        self.accept_block(number, number, 1)


class Liveness:
    """
    Decides when to ping, and when to replace a silent socket.

    While a channel is subscribed, only data and heartbeats are signs of life: a half-dead
    gateway answers pings and acknowledges requests forever. Otherwise any message is a sign of
    life.
    """

    def __init__(
        self, ping_after_s: float = PING_AFTER_S, stale_after_s: float = STALE_AFTER_S
    ) -> None:
        self.is_expecting: bool = False
        """Whether a channel is subscribed."""
        self.was_heard: bool = False
        """Whether data or a heartbeat of a subscription has arrived on this socket."""
        self.alive_at: float = 0.0
        """Time of the last sign of life; before the first one, when the wait for it began."""
        self.is_pinged: bool = False
        """Whether a ping was sent during the current silence."""
        self._ping_after_s = ping_after_s
        self._stale_after_s = stale_after_s
        self._sent = 0.0
        # Deadline of a probe.
        self._probe_until: float | None = None

    def reset(self, now: float) -> None:
        """Start with a new socket."""
        self._sent = now
        self.is_expecting = self.was_heard = False
        self._restart(now)

    def expect(self, is_expecting: bool, now: float) -> None:
        """Set whether a channel is subscribed; the first subscription restarts the silence."""
        if is_expecting and not self.is_expecting:
            self._restart(now)
        self.is_expecting = is_expecting

    def received(self, now: float) -> None:
        """Record a message of any kind from the peer."""
        if self._probe_until is not None:
            # Any response ends the probe, as heartbeats come only every 15 s.
            self._restart(now)
        elif not self.is_expecting:
            self.alive_at = now
            self.is_pinged = False

    def heard(self, now: float) -> None:
        """Record data or a heartbeat of a subscription, which also answers a probe."""
        self.alive_at = now
        self.is_pinged = False
        self.was_heard = True
        self._probe_until = None

    def probe(self, now: float) -> None:
        """Ping now and expect a response within `PROBE_S`, as the silence may have been long."""
        self.is_pinged = False
        self._probe_until = min(self._stale_at, now + PROBE_S)

    def sent(self, now: float) -> None:
        """Record a message to the peer."""
        self._sent = now

    def is_stale(self, now: float) -> bool:
        """Return whether the socket must be replaced."""
        return now >= self._stale_at

    def ping_due(self, now: float, *, idle: bool) -> bool:
        """Return whether to send a ping now; `idle`: no channel is subscribed."""
        return now >= self._ping_at(idle)

    def pinged(self) -> None:
        """Record that a ping was sent during this silence."""
        self.is_pinged = True

    def deadline(self, *, idle: bool) -> float:
        """Return when `is_stale` or `ping_due` may become true."""
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
    Finds channels that are silent while the socket is not.

    Every channel has a heartbeat each 15 s, quiet or busy. The time of its last frame is stored in
    the channel, so that a frame costs one assignment; this class only decides when to check.

    While the socket as a whole is silent, or its thread was blocked, no channel is checked: that is
    the task of `Liveness`. The next frames may belong to any channel, so each channel then gets a
    grace period, shorter than its full time. Acknowledgements and pongs do not count here.
    """

    def __init__(self, stale_after_s: float = STALE_AFTER_S) -> None:
        self._stale_after_s = stale_after_s
        self._quiet_s = stale_after_s / 2
        # Shorter, so that channels are checked before the socket counts as quiet again.
        self._grace_s = stale_after_s * 0.4
        self.refresh_at: float = 0.0
        """Time from which the next frame of a channel must call `refresh`; most need not."""
        self._since = 0.0
        self._refreshed = 0.0
        self._due: float | None = None

    def reset(self, now: float) -> None:
        """Restart the silence of all channels."""
        self._since = self._refreshed = self.refresh_at = now
        self._due = None

    def refresh(self, routes: Mapping[ChanId, Any], now: float) -> None:
        """Postpone the deadline, so that no thread wakes up while all channels have data."""
        if now - self._refreshed >= self._quiet_s:
            heard_by = now - self._stale_after_s + self._grace_s
            self._since = max(self._since, heard_by)
        self._refreshed = now
        self.refresh_at = now + self._stale_after_s / 8
        self._due = None
        self.deadline(routes)

    def deadline(self, routes: Mapping[ChanId, Any]) -> float | None:
        """Return when to call `silent`; None without channels."""
        if self._due is None and routes:
            self._due = self._stale_after_s + min(
                self._heard(entry) for entry in routes.values()
            )
        return self._due

    def silent(self, routes: Mapping[ChanId, Any], now: float) -> list[Any]:
        """Return the subscriptions that have been silent for too long."""
        due = self.deadline(routes)
        if due is None or now < due:
            return []
        if now - self._refreshed >= self._quiet_s:
            # Suspended until the next `refresh`.
            self._due = float("inf")
            return []
        self._due = None
        # The same sum as in `deadline`, or rounding could keep a channel due forever.
        return [
            entry
            for entry in routes.values()
            if self._stale_after_s + self._heard(entry) <= now
        ]

    def _heard(self, entry: Any) -> float:
        return max(self._since, entry.channel.seen_at or self._since)


class ClockWatch:
    """
    Detects that the machine was suspended.

    The monotonic clock stops during a suspend, and the wall clock does not. A wall clock that is
    set forward looks the same, and costs one ping.
    """

    def __init__(self) -> None:
        self.jump_count: int = 0
        """Jumps so far."""
        self._ahead_s: float | None = None

    def observe(self, now: float, wall: float) -> float:
        """Compare the clocks; return the seconds by which the wall clock has jumped, normally 0."""
        ahead_s = wall - now
        before_s, self._ahead_s = self._ahead_s, ahead_s
        if before_s is None or ahead_s - before_s < JUMP_S:
            return 0.0
        self.jump_count += 1
        return ahead_s - before_s
