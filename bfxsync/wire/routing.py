"""
Maps the channel ids of a socket to subscriptions.

Frames may arrive before the acknowledgement of their channel, so frames of unknown ids are kept.
After an unsubscribe, frames of the channel may still arrive until the exchange confirms it.

https://docs.bitfinex.com/docs/ws-general
"""

from __future__ import annotations

from typing import Any

from bfxsync._base.aliases import ChanId
from bfxsync.wire.codec import dumps
from bfxsync.wire.outputs import Send
from bfxsync.wire.subscription_state import SubscriptionState

MAX_FRAMES = 1_000
"""Frames kept for all unknown channels of a socket together."""

MAX_BYTES = 4 * 2**20
"""Total size of these frames on the wire."""

MAX_CHANNELS = 100
"""Unknown channels for which frames are kept."""


class UnroutedFrames:
    """A bounded number of frames of all unknown channels of a socket."""

    def __init__(self) -> None:
        # None for a channel of which frames were dropped.
        self._frames: dict[ChanId, list[Any] | None] = {}
        self._count = self._size = 0
        self._sizes: dict[ChanId, int] = {}
        # False after frames of further unknown channels were dropped.
        self._has_all = True

    def clear(self) -> None:
        """Drop everything, for a new socket."""
        self._frames.clear()
        self._sizes.clear()
        self._count = self._size = 0
        self._has_all = True

    def keep(self, chan_id: ChanId, value: Any, size: int) -> None:
        """Keep a frame if there is room; `size` is its length on the wire."""
        if chan_id not in self._frames and len(self._frames) >= MAX_CHANNELS:
            self._has_all = False
            return
        frames = self._frames.setdefault(chan_id, [])
        if frames is None:
            return
        if self._count >= MAX_FRAMES or self._size + size > MAX_BYTES:
            self._free(chan_id, frames)
            self._frames[chan_id] = None
            return
        frames.append(value)
        self._count += 1
        self._size += size
        self._sizes[chan_id] = self._sizes.get(chan_id, 0) + size

    def claim(self, chan_id: ChanId) -> list[Any] | None:
        """Remove and return the frames of a channel; None if some may have been dropped."""
        frames = self._frames.pop(chan_id, [] if self._has_all else None)
        self._free(chan_id, frames or [])
        return frames

    def _free(self, chan_id: ChanId, frames: list[Any]) -> None:
        self._count -= len(frames)
        self._size -= self._sizes.pop(chan_id, 0)


class RoutingTable:
    """The channel ids of a socket: in use, being unsubscribed, or unknown."""

    def __init__(self) -> None:
        self.entries: dict[ChanId, SubscriptionState] = {}
        """The subscription of each id in use; always the same dictionary."""
        self.unrouted: UnroutedFrames = UnroutedFrames()
        self._closing: set[ChanId] = set()

    def clear(self) -> None:
        """Forget all ids, for a new socket."""
        self.entries.clear()
        self._closing.clear()
        self.unrouted.clear()

    @property
    def channel_count(self) -> int:
        """Number of channels that the exchange counts, including unconfirmed unsubscribes."""
        return len(self.entries) + len(self._closing)

    def is_closing(self, chan_id: ChanId) -> bool:
        """Return whether an unsubscribe of this channel is not confirmed yet."""
        return chan_id in self._closing

    def keep_unrouted(self, chan_id: ChanId, value: Any, size: int) -> None:
        """Keep a frame of an unknown channel; drop it if the channel is being unsubscribed."""
        if chan_id not in self._closing:
            self.unrouted.keep(chan_id, value, size)

    def bind(self, entry: SubscriptionState, chan_id: ChanId) -> list[Any]:
        """Assign a channel to a subscription, and return its frames so far."""
        entry.chan_id = chan_id
        self._closing.discard(chan_id)
        self.entries[chan_id] = entry
        frames = self.unrouted.claim(chan_id)
        if frames is None:
            reason = "too many frames arrived before the acknowledgement"
            entry.channel.resync_reason = reason
        return frames or []

    def unsubscribe(self, entry: SubscriptionState) -> list[Send]:
        """Unsubscribe the channel of a subscription, if it has one."""
        chan_id = entry.chan_id
        if chan_id is None:
            return []
        entry.chan_id = None
        self.entries.pop(chan_id, None)
        return [self._close(chan_id)]

    def refuse(self, chan_id: ChanId) -> Send:
        """Unsubscribe a channel whose request was withdrawn before the acknowledgement."""
        self.unrouted.claim(chan_id)
        return self._close(chan_id)

    def _close(self, chan_id: ChanId) -> Send:
        self._closing.add(chan_id)
        return Send(dumps({"event": "unsubscribe", "chanId": chan_id}))

    def confirm_closed(self, chan_id: ChanId) -> SubscriptionState | None:
        """Free an id; return the subscription that still used it, if any."""
        self._closing.discard(chan_id)
        entry = self.entries.pop(chan_id, None)
        if entry is not None:
            entry.chan_id = None
        return entry
