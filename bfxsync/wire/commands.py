"""
Commands of users to a session.

A token identifies the user's object. It is opaque to the session and comes back in the outputs.
"""

from __future__ import annotations

from typing import Hashable, Union

import attrs

from bfxsync.wire.channels import Channel


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
    reason: str = "asked for by the user"


@attrs.frozen
class Ping:
    """Send a ping, and wait for its pong until `expires`."""

    token: Hashable
    expires: float


Command = Union[Subscribe, Unsubscribe, Resubscribe, Ping]
