"""Array frames of one socket: sequence numbers and the suffixes of the set flags."""

from __future__ import annotations

from typing import Callable

from bfxsync._base.enums import Flag
from bfxsync.paper.faults import Faults


class FrameWriter:
    """
    Sends the array frames of one socket.

    Attributes
    ----------
    flags : int
        The flags that the client has set.
    """

    def __init__(
        self, send: Callable[[str], None], faults: Faults, now_mts: Callable[[], int]
    ) -> None:
        self.flags: int = 0
        self._send = send
        self._faults = faults
        self._now_mts = now_mts
        self._seq = 0
        self._has_shown_seq = False

    def write(self, chan_id: int, body: str, auth_seq: int | None = None) -> str:
        """
        Send a frame with the next sequence number, and return its text.

        `auth_seq` is the second number of a frame of the account channel.
        """
        if self._faults.armed:
            self._spoil_next_frame()
        # Every array frame counts, even while the numbers are not sent.
        self._seq += 1
        self._has_shown_seq = bool(self.flags & Flag.SEQ_ALL)
        suffix = f",{self._seq}" if self._has_shown_seq else ""
        if auth_seq is not None and self._has_shown_seq:
            suffix += f",{auth_seq}"
        return self._finish(chan_id, body, suffix)

    def write_uncounted(self, chan_id: int, body: str, auth_seq: int) -> None:
        """Send a frame of the account channel that has `auth_seq` as its only number."""
        suffix = f",{auth_seq}" if self.flags & Flag.SEQ_ALL else ""
        self._finish(chan_id, body, suffix)

    def _finish(self, chan_id: int, body: str, suffix: str) -> str:
        if self.flags & Flag.TIMESTAMP:
            suffix += f",{self._now_mts()}"
        text = f"[{chan_id},{body}{suffix}]"
        self._send(text)
        return text

    def _spoil_next_frame(self) -> None:
        garbage = self._faults.fire("garbage")
        if garbage is not None:
            self._send(garbage.options["text"])
        # A hole before the first number would go unnoticed.
        if (
            self._has_shown_seq
            and self.flags & Flag.SEQ_ALL
            and self._faults.fire("sequence_hole")
        ):
            self._seq += 1
