"""
What a user asks of a connection.

A token names who asked; to the session it is opaque and comes back in the outputs.
"""

from __future__ import annotations

from typing import Hashable, Union

import attrs

from bfxsync.wire.channels import Channel


@attrs.frozen
class Subscribe:
    """
    Keep this channel subscribed.

    It has no deadline: it is requested until it works, is refused, or is given up. Repeated for the
    same token, it changes nothing.

    Attributes
    ----------
    is_resolved : bool
        It worked before, on another connection.
    """

    token: Hashable
    channel: Channel
    is_resolved: bool = False


@attrs.frozen
class Unsubscribe:
    """Give the channel up."""

    token: Hashable


@attrs.frozen
class Resubscribe:
    """Subscribe the channel anew, with its first arguments."""

    token: Hashable
    reason: str = "asked for by the user"


@attrs.frozen
class Ping:
    """Ask for a pong; `expires` is when to stop waiting for it."""

    token: Hashable
    expires: float


Command = Union[Subscribe, Unsubscribe, Resubscribe, Ping]
