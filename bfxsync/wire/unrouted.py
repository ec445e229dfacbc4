"""
Frames of channels that nobody knows yet.

The exchange may send a channel's first frames before the acknowledgement that says whose they are.
"""

from __future__ import annotations

from typing import Any

from bfxsync._base.aliases import ChanId

PARKED_FRAMES = 1_000
"""Frames kept, over all unknown channels of a socket, until an acknowledgement names them."""

PARKED_BYTES = 4 * 2**20
"""Bytes that all of these had on the wire."""

PARKED_CHANNELS = 100
"""Unknown channels for which frames are kept."""


class UnroutedFrames:
    """The frames of all unknown channels of a socket, so many and no more."""

    def __init__(self) -> None:
        # None for a channel whose frames were too many to keep.
        self._frames: dict[ChanId, list[Any] | None] = {}
        # Of those that are kept, over all channels and by channel.
        self._count = self._size = 0
        self._sizes: dict[ChanId, int] = {}
        # False once there were more unknown channels than are kept.
        self._has_all = True

    def clear(self) -> None:
        """Begin anew, for a new socket."""
        self._frames.clear()
        self._sizes.clear()
        self._count = self._size = 0
        self._has_all = True

    def put(self, chan_id: ChanId, value: Any, size: int) -> None:
        """Keep a frame, if there is room; `size` is what it had on the wire."""
        if chan_id not in self._frames and len(self._frames) >= PARKED_CHANNELS:
            self._has_all = False
            return
        frames = self._frames.setdefault(chan_id, [])
        if frames is None:
            return
        if self._count >= PARKED_FRAMES or self._size + size > PARKED_BYTES:
            self._forget(chan_id, frames)
            self._frames[chan_id] = None
            return
        frames.append(value)
        self._count += 1
        self._size += size
        self._sizes[chan_id] = self._sizes.get(chan_id, 0) + size

    def take(self, chan_id: ChanId) -> list[Any] | None:
        """Take a channel's frames out, in order; None if some may not have been kept."""
        frames = self._frames.pop(chan_id, [] if self._has_all else None)
        self._forget(chan_id, frames or [])
        return frames

    def _forget(self, chan_id: ChanId, frames: list[Any]) -> None:
        self._count -= len(frames)
        self._size -= self._sizes.pop(chan_id, 0)
