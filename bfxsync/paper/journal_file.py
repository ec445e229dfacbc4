"""
The file of a journal: JSON lines, each with a number and a checksum.

Strategy: a line has everything that happened in one step of the exchange: a request, its response,
and its effects on all accounts. It is written with one call before any of it is sent, so a killed
exchange loses only unacknowledged steps. A truncated line is the last one and has no line feed; it
is removed. Any other damage raises an error, as no state is better than a wrong one.
"""

from __future__ import annotations

import json
import os
import zlib
from io import FileIO
from typing import Any, Dict, Iterator

from bfxsync._base.regular_files import open_regular
from bfxsync.errors import UsageError

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

Line = Dict[str, Any]

FORMAT = "bfxsync paper journal 1"
_BLOCK = 1 << 20


class JournalFile:
    """
    An open file, locked against other exchanges where the platform can do that.

    Use `read` to its end before `write`.

    Raises
    ------
    UsageError
        The file cannot be opened, is in use, or is not a journal.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._count = 0
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        try:
            self._file: FileIO = open_regular(path, flags)
        except (OSError, ValueError) as exc:
            raise UsageError(f"the journal {path!r} cannot be opened: {exc}") from exc
        try:
            self._lock()
        except BaseException:
            self._file.close()
            raise

    def read(self) -> Iterator[Line]:
        """
        Yield the lines after the first, and remove an incomplete last one.

        Raises
        ------
        UsageError
            The file is not a journal, or it is damaged.
        """
        rest = b""
        while True:
            block = self._file.read(_BLOCK)
            if not block:
                break
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                found = self._parse(line)
                if self._count > 1:
                    yield found
            if not self._count and not _opening().startswith(rest):
                raise self._not_ours()
        if rest:
            size = os.fstat(self._file.fileno()).st_size
            self._file.truncate(size - len(rest))
        if not self._count:
            self._append({"format": FORMAT})

    def last_mts(self) -> int:
        """Return the time of the last complete line, 0 if there is none; before `read`."""
        tail, position = b"", self._file.seek(0, os.SEEK_END)
        while position and tail.count(b"\n") < 2:
            begin = max(position - _BLOCK, 0)
            self._file.seek(begin)
            tail = self._file.read(position - begin) + tail
            position = begin
        self._file.seek(0)
        lines = tail.split(b"\n")[:-1]
        try:
            mts = json.loads(lines[-1])["mts"] if lines else 0
        except (ValueError, KeyError, TypeError):
            return 0  # damage is reported by `read`
        return mts if type(mts) is int else 0

    def write(self, line: Line) -> None:
        """Append a line; an `OSError` closes the file, so that nothing follows a partial line."""
        try:
            self._append(line)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _append(self, line: Line) -> None:
        self._count += 1
        rest = memoryview(_encode({"line": self._count, **line}))
        while rest:
            rest = rest[self._file.write(rest) or 0 :]

    def _parse(self, text: bytes) -> Line:
        number = self._count + 1
        body, mark, checksum = text.rpartition(b',"crc32":"')
        if number == 1 and not text.startswith(_opening()[:20]):
            raise self._not_ours()
        try:
            is_whole = checksum == b'%08x"}' % zlib.crc32(body)
            line = json.loads(text) if mark and is_whole else None
        except ValueError:
            line = None
        if not isinstance(line, dict) or line.get("line") != number:
            raise UsageError(
                f"the journal {self._path!r} is damaged in line {number};"
                " move it away to start a new one"
            )
        if number == 1 and line.get("format") != FORMAT:
            raise UsageError(
                f"the journal {self._path!r} is of another version: {line.get('format')!r}"
            )
        self._count = number
        return line

    def _not_ours(self) -> UsageError:
        return UsageError(f"{self._path!r} is not a journal; it is left as it is")

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"the journal {self._path!r} is in use by another exchange"
            ) from None
        except OSError:
            pass  # not all file systems have locks


def _encode(line: Line) -> bytes:
    body = json.dumps(line, separators=(",", ":"))[:-1].encode()
    return body + b',"crc32":"%08x"}\n' % zlib.crc32(body)


def _opening() -> bytes:
    return _encode({"line": 1, "format": FORMAT})
