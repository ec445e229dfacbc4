"""Plays the records of a recording in order and at the recorded times."""

from __future__ import annotations

import zlib
from datetime import datetime, timezone
from typing import Iterator

from bfxsync._base.clock import Clock
from bfxsync._base.logs import get_logger
from bfxsync.errors import RemoteError, UsageError
from bfxsync.recording.contents import Contents
from bfxsync.recording.files import read_lines
from bfxsync.recording.format import Record, is_line, read_line
from bfxsync.recording.session import RecordedSession
from bfxsync.wire.codec import Loads
from bfxsync.wire.outputs import Output

_log = get_logger(__name__)


def lines_of(path: str) -> Iterator[bytes]:
    """
    Yield the lines of a recording; a truncated last line is dropped.

    Raises `UsageError` if the file does not exist or is neither gzip nor JSON lines, and
    `RemoteError` if it is damaged in the middle.
    """
    has_lines = False
    try:
        for line in read_lines(path):
            if not line.endswith(b"\n") and not is_line(line):
                raise EOFError
            has_lines = True
            yield line
    except EOFError:
        _log.info("%s is truncated; its complete lines are used", path)
    except (OSError, ValueError, zlib.error) as exc:
        message = f"cannot read the recording {path!r}: {exc}"
        if has_lines:
            raise RemoteError(message) from exc
        raise UsageError(message) from exc


class RecordedClock(Clock):
    """The clock of a replay, in seconds since 1970: the time of the message being played."""

    def __init__(self, time: float) -> None:
        self.time = time

    def now(self) -> float:
        """Return the time of the current message."""
        return self.time

    def utc(self, at: float) -> datetime:
        """Convert a time of this clock to a datetime."""
        return datetime.fromtimestamp(at, timezone.utc)


class Player:
    """
    One pass through a recording: passes its records to a session, and computes when each is due.

    The clock is set to the time of each record; with `speed` None there are no pauses.
    """

    def __init__(
        self,
        path: str,
        contents: Contents,
        clock: RecordedClock,
        speed: float | None,
        loads: Loads,
    ) -> None:
        self.clock = clock
        self.session: RecordedSession = RecordedSession(contents, loads)
        self._path = path
        self._begin = clock.time = contents.begin or 0.0
        self._speed = speed

    def __iter__(self) -> Iterator[Record]:
        for line in lines_of(self._path):
            record = read_line(line)
            if record is not None:
                yield record

    def due_s(self, record: Record) -> float | None:
        """Return when to play a record, in seconds after the start; None for immediately."""
        return None if self._speed is None else (record.at - self._begin) / self._speed

    def play(self, record: Record) -> list[Output]:
        """Set the clock and process a record."""
        # The clock of the recording machine may have been set back.
        self.clock.time = max(self.clock.time, record.at)
        return self.session.play(record, self.clock.time)
