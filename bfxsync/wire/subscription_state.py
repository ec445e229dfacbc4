"""One subscription of a connection."""

from __future__ import annotations

from typing import Hashable

import attrs

from bfxsync._base.aliases import ChanId
from bfxsync.errors import BfxError
from bfxsync.wire.channels import Channel


@attrs.define(eq=False)
class SubscriptionState:
    """A subscription and its progress on the current socket."""

    token: Hashable
    channel: Channel
    is_resolved: bool = False
    """Data arrived once, on any socket: the user's call has returned."""
    deadline: float | None = None
    """When the current request expires; None after its first data."""
    sub_id: int | None = None
    """The `subId` of the unanswered request."""
    chan_id: ChanId | None = None
    was_requested: bool = False
    """A request was sent, on any socket."""
    retry_at: float | None = None
    """When to send the next request."""
    refusals: int = 0
    """Consecutive responses that asked to try again later."""
    unreadable: BfxError | None = None
    """Why the first data could not be read."""
    failures: list[float] = attrs.Factory(list)
    """Times at which the channel was silent, or its request unanswered, on this socket."""
