"""
The interface of sessions, and the commands of users to them.

A token identifies the user's object. It is opaque to the session and comes back in the outputs.
"""

from __future__ import annotations

from typing import Hashable, Protocol, Union

import attrs

from bfxsync.wire.channels import Channel
from bfxsync.wire.outputs import Output


@attrs.frozen
class Subscribe:
    """
    Keep this channel subscribed.

    It is requested until it has data, is refused, or is unsubscribed. A repetition for the same
    token has no effect.
    """

    token: Hashable
    channel: Channel
    is_resolved: bool = False
    """Whether it had data before, on another connection."""


@attrs.frozen
class Unsubscribe:
    """End the subscription."""

    token: Hashable


@attrs.frozen
class Resubscribe:
    """Subscribe the channel again, with the same arguments."""

    token: Hashable
    reason: str = "requested by the user"


@attrs.frozen
class Ping:
    """Send a ping, and wait for its pong until `expires`."""

    token: Hashable
    expires: float


Command = Union[Subscribe, Unsubscribe, Resubscribe, Ping]


class SessionProtocol(Protocol):
    """
    The subscriptions of one link: commands in, outputs out, without I/O or a clock.

    `wire.session.Session` communicates with the exchange over a socket,
    `recording.session.RecordedSession` replays a recording.
    """

    @property
    def frame_count(self) -> int:
        """Messages received so far."""
        ...

    @property
    def ping_s(self) -> float | None:
        """Duration of the last ping that was answered, in seconds."""

    def apply(self, command: Command, now: float) -> list[Output]:
        """Execute a command of the user."""
        ...

    def lose(self, reason: str) -> list[Output]:
        """Handle the end of the link; subscriptions are kept."""
        ...
