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

    Said again of the same token, it is for one more user, and what counts is the longest time.

    Attributes
    ----------
    timeout_s : float
        For the first data, counted from when the request goes out.
    expires : float or None
        When to give up if the request could not go out at all; None waits for ever.
    is_resolved : bool
        It worked before, on another connection: it is asked for until it works again.
    """

    token: Hashable
    channel: Channel
    timeout_s: float
    expires: float | None = None
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
