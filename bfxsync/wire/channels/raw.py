"""
Any channel, with its rows as received.

Strategy: the content is unknown, so no row is refused. The first frame is the snapshot; later
frames are updates, row by row. A bounded number of rows since the snapshot is kept for consumers
that start later or have fallen behind.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from bfxsync._base.aliases import NumberType
from bfxsync.models.raw import RawRow
from bfxsync.models.stream import Snapshot
from bfxsync.wire.channels.base import Channel
from bfxsync.wire.codec import dumps
from bfxsync.wire.frames import SEQ_ALL

RAW = "raw"
"""The first word of the identities of raw channels."""

_KEPT = 1_000


class RawChannel(Channel):
    """
    A channel by its name and fields.

    Parameters
    ----------
    name : str
    fields : dict
        JSON values of the subscribe message.
    known_as : tuple of str
        The fields by which the exchange recognizes a duplicate request.
    has_snapshot : bool
        False for a channel without snapshot: its subscription is live from its acknowledgement.
    """

    content = "rows"

    def __init__(
        self,
        name: str,
        fields: dict[str, Any],
        number: NumberType,
        known_as: tuple[str, ...],
        has_snapshot: bool = True,
    ) -> None:
        self.name = name
        self.fields = fields
        super().__init__({key: _text(value) for key, value in fields.items()}, number)
        self.symbol: str = self.arguments.get("symbol") or self.arguments.get("key", "")
        self.is_funding = False
        self._symbol = self.arguments.get("symbol")
        self._known_as = known_as
        self._has_snapshot = has_snapshot
        self._suffix = 0
        self._rows: deque[RawRow] = deque(maxlen=_KEPT)
        self._row_count = 0

    @property
    def identity(self) -> tuple[str, ...]:
        """The fields that identify it, marked as raw."""
        return (RAW, *self._known_as)

    def request(self) -> dict[str, Any]:
        """Return the fields of the subscribe message."""
        return {"channel": self.name, **self.fields}

    def set_flags(self, flags: int) -> None:
        """Record the flags of the socket, which determine how many numbers end a frame."""
        super().set_flags(flags)
        self._suffix = bool(flags & SEQ_ALL) + self.is_timed

    def feed_many(self, frames: list[list[Any]]) -> list[Any]:
        """Return the rows of the frames after a snapshot: the first frame, or an empty one."""
        if self.is_live or self._has_snapshot:
            return super().feed_many(frames)
        self._start([])
        return [Snapshot([]), *super().feed_many(frames)]

    def _feed(self, frame: list[Any], updates: list[Any]) -> None:
        tag, rows = self._read_frame(frame)
        if self.is_live:
            self._keep(rows)
            updates += rows
            return
        self._start(rows)
        updates.append(Snapshot(rows))
        # One row is also the first update, as that of a ticker.
        if tag is not None or not _is_rows(frame[1]):
            updates += rows

    def _read_frame(self, frame: list[Any]) -> tuple[str | None, list[RawRow]]:
        """Return the tag and the rows of a frame: all between channel id and suffix."""
        end = len(frame)
        while end > max(2, len(frame) - self._suffix) and type(frame[end - 1]) is int:
            end -= 1
        server_mts = frame[-1] if self.is_timed and end < len(frame) else None
        content: list[Any] = frame[1:end]
        tag = content.pop(0) if len(content) > 1 and _is_text(content[0]) else None
        rows: list[Any] = [content]
        if len(content) == 1 and content[0].__class__ is list:
            rows = content[0] if _is_rows(content[0]) else content
        return tag, [RawRow(row, tag, self._symbol, server_mts) for row in rows]

    def restart(self) -> list[Any]:
        """Return the rows since the exchange's snapshot, with a hole if older ones were dropped."""
        if not self.is_live:
            return []
        return [Snapshot(list(self._rows), has_hole=self._row_count > _KEPT)]

    def _start(self, rows: list[RawRow]) -> None:
        self.is_live = True
        self._rows.clear()
        self._row_count = 0
        self._keep(rows)

    def _keep(self, rows: list[RawRow]) -> None:
        self._rows.extend(rows)
        self._row_count += len(rows)


def _is_rows(value: Any) -> bool:
    """Return whether a value is a list of rows; an empty one has none."""
    return value.__class__ is list and (not value or value[0].__class__ is list)


def _is_text(value: Any) -> bool:
    return value.__class__ is str


def _text(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value)
