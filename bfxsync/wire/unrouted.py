"""
Frames of unknown channels.

The exchange may send the first frames of a channel before its acknowledgement.
"""

from __future__ import annotations

from typing import Any

from bfxsync._base.aliases import ChanId

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
