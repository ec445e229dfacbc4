"""
The sequence number of an authenticated socket.

Strategy: every array frame counts, as on other sockets, except that a notification may or may not
do so, and that it may have one number (of which counter is unclear) or two. The next frame with a
certain number settles how many of the notifications before it counted; only a number beyond all of
them is a gap. The second number, which counts the messages of channel 0, is not used: it is
missing, repeated or 0 in too many places.

https://docs.bitfinex.com/docs/ws-general
"""

from __future__ import annotations

from typing import Any

from bfxsync.wire.frames import HEARTBEAT, SEQ_ALL, suffix

NOTIFICATION = "n"


class AccountSequence:
    """Counts the frames of an authenticated socket; the first certain number is the baseline."""

    def __init__(self) -> None:
        self._last: int | None = None
        # Frames since then that may or may not have counted.
        self._uncertain = 0

    def reset(self) -> None:
        """Forget the baseline, for a new socket."""
        self._last = None
        self._uncertain = 0

    def accept(self, code: object, seq: int | None, auth_seq: int | None) -> str | None:
        """Count one frame; return the problem with its number, or None."""
        if code == NOTIFICATION and (seq is None or auth_seq is None):
            self.accept_uncertain()
            return None
        if seq is None:
            if code != HEARTBEAT:
                return "a frame without sequence number"
            # Its suffix may have another form with some flags.
            self.accept_uncertain()
            return None
        last = self._last
        if last is not None:
            if code == NOTIFICATION and seq <= last:
                # It repeats a number, and so did not count.
                return None
            if not last < seq <= last + 1 + self._uncertain:
                return f"sequence number {seq} after {last}"
        elif code == NOTIFICATION:
            # It may repeat the number before it, so the next frame is the baseline.
            return None
        self._last = seq
        self._uncertain = 0
        return None

    def accept_uncertain(self) -> None:
        """Count a frame that may or may not have counted, such as an unreadable one."""
        self._uncertain += 1

    def accept_block(self, frames: list[Any], flags: int) -> bool:
        """Count frames of channel 0; False, without effect, if one of them needs a closer look."""
        if not flags & SEQ_ALL:
            return all(frame[0] == 0 for frame in frames)
        before = self._last, self._uncertain
        for frame in frames:
            if frame.__class__ is not list or len(frame) < 2 or frame[0] != 0:
                break
            code = frame[1]
            start = 2 if code == HEARTBEAT else 3
            if len(frame) > start and code != NOTIFICATION:
                seq = frame[start]
                if seq.__class__ is int and seq - 1 == self._last:
                    # Nearly always.
                    self._last = seq
                    self._uncertain = 0
                    continue
            seq, auth_seq, _ = suffix(frame, start, flags)
            if self.accept(code, seq, auth_seq) is not None:
                break
        else:
            return True
        self._last, self._uncertain = before
        return False
