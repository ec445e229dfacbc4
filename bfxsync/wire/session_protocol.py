"""The interface of sessions: what a link needs, whether a socket or a recording is behind it."""

from __future__ import annotations

from typing import Protocol

from bfxsync.wire.commands import Command
from bfxsync.wire.outputs import Output


class SessionProtocol(Protocol):
    """
    The subscriptions of one link: commands in, outputs out, without I/O or a clock.

    `wire.session.Session` speaks to the exchange over a socket, `recording.session.RecordedSession`
    replays a recording.
    """

    @property
    def frame_count(self) -> int:
        """Messages received so far."""
        ...

    @property
    def ping_s(self) -> float | None:
        """Duration of the last ping that was answered."""

    def apply(self, command: Command, now: float) -> list[Output]:
        """Execute a command of the user."""
        ...

    def lose(self, reason: str) -> list[Output]:
        """Handle the end of the link; subscriptions are kept."""
        ...
