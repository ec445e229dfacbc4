"""
Records all messages of a client's connections to a file.

Strategy: the connections' threads only append blocks of messages to a queue that is bounded in
bytes. Every quarter of a second the recorder's thread writes the queue and flushes the compressor,
so that a crash loses no more than that. If the disk is too slow, messages are dropped, and a line
reports how many.
"""

from __future__ import annotations

import os
import time
import zlib
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Union

from bfxsync._base.describe import error_text
from bfxsync._base.forks import reset_after_fork
from bfxsync._base.hosts import address_of
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync._base.shield import shielded, start_thread
from bfxsync._version import __version__
from bfxsync.errors import BfxError, NetworkError, UsageError
from bfxsync.recording.format import (
    Lost,
    Missing,
    Opened,
    Record,
    Sent,
    header,
    line_of,
    received_lines,
)
from bfxsync.recording.output_file import compressor, open_for_recording, write_all

_log = get_logger(__name__)

MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Limit of the queue in bytes, including the overhead of each message."""

_BATCH_S = 0.25
_BESIDE = 64
_PIECE = 8_192


class _Block(NamedTuple):
    """Received messages, or one sent, and their size in the queue."""

    connection: int
    at: float
    content: Union[List[bytes], str]
    size: int


class Recorder:
    """
    Writes a recording: gzipped JSON lines.

    All methods may be called from any thread. In a forked child they record nothing.

    Parameters
    ----------
    path : str or os.PathLike
        A new or empty file. Only its owner may read it, as it may contain account data. ``{time}``
        in the name is replaced by the current time: ``20261129T121700Z``.
    report : callable, optional
        Called on the recorder's thread with the error if the recording fails.
    max_waiting : int, optional
        Maximum number of bytes waiting to be written.
    append : bool
        Append to an existing recording, gzipped or not; an incomplete last line is removed.

    Raises
    ------
    UsageError
        The file cannot be created, or is neither empty nor a recording to append to.
    NetworkError
        No thread can be started.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        report: Callable[[BfxError], object] = lambda error: None,
        max_waiting: int = MAX_WAITING_BYTES,
        append: bool = False,
    ) -> None:
        self.error: BfxError | None = None
        """The failure that ended the recording."""
        self.missing_count: int = 0
        """Messages dropped because the queue was full."""
        self.report = report
        self._max_waiting = max_waiting
        self.path: str = _path_of(path, time.time())
        try:
            self._file, is_gzip = open_for_recording(self.path, append)
        except (OSError, ValueError) as exc:
            raise UsageError(f"cannot record to {self.path!r}: {exc}") from exc
        self._packer: Any = compressor() if is_gzip else _Uncompressed()
        self._is_over = False
        self._is_of_parent = False
        self._stopping = Latch()
        self._queue: SimpleQueue[Optional[Union[_Block, Record]]] = SimpleQueue()
        # Protects the two below, and the order of a `Missing` record and later ones.
        self._lock = Lock()
        self._waiting = 0
        self._missing: Dict[int, int] = {}
        try:
            self._write([header(time.time(), __version__)])
        except OSError as exc:
            self._file.close()
            raise UsageError(f"cannot record to {self.path!r}: {exc}") from exc
        reset_after_fork(self)
        self._thread = Thread(target=self._run, name="bfxsync-record", daemon=True)
        try:
            shielded(start_thread, self._thread)
        except NetworkError:
            self._file.close()
            raise

    # --- the threads of the connections -------------------------------------------------------

    def opened(self, connection: int, url: str) -> None:
        """Record that a connection was opened; in a forked child report that nothing is."""
        if self._is_of_parent and self.error is None:
            self.error = BfxError(
                f"nothing is recorded in this process: {self.path!r} belongs to the process that "
                "created the client, before a fork; create the client after it"
            )
            self.report(self.error)
        self._enqueue(Opened(connection, time.time(), _address(url)))

    def received(self, connection: int, messages: List[bytes]) -> None:
        """Record received messages; the list must not be changed afterwards."""
        size = sum(map(len, messages)) + _BESIDE * len(messages)
        self._enqueue_block(
            _Block(connection, time.time(), messages, size), len(messages)
        )

    def sent(self, connection: int, text: str) -> None:
        """Record a sent message, without its secrets."""
        size = len(text) + _BESIDE
        self._enqueue_block(_Block(connection, time.time(), text, size), 1)

    def lost(
        self, connection: int, code: int, reason: str, is_farewell: bool = False
    ) -> None:
        """Record that a connection was lost, or closed by its client."""
        self._enqueue(Lost(connection, time.time(), code, reason, is_farewell))

    def _enqueue(self, record: Union[Opened, Lost]) -> None:
        # Even if the queue is full: these are rare, and other records are useless without them.
        if self._is_over:
            return
        with self._lock:
            # Before the record, as the missing messages belong to the earlier connection.
            self._enqueue_missing(record.connection, record.at)
            self._queue.put(record)

    def _enqueue_missing(self, connection: int, at: float) -> None:
        missing = self._missing.pop(connection, 0)
        if missing:
            self._queue.put(Missing(connection, at, missing))

    def _enqueue_block(self, block: _Block, count: int) -> None:
        if self._is_over:
            return
        with self._lock:
            missing = self._missing.get(block.connection, 0)
            has_room = self._waiting + block.size <= self._max_waiting
            if has_room:
                self._waiting += block.size
                self._enqueue_missing(block.connection, block.at)
                self._queue.put(block)
            else:
                self._missing[block.connection] = missing + count
                self.missing_count += count
        if not has_room and not missing:
            _log.warning("the disk is too slow: messages are missing in a recording")

    # --- the end ------------------------------------------------------------------------------

    def stop(self) -> None:
        """End the recording after the queue is written; lock-free, safe in a signal handler."""
        self._is_over = True
        self._stopping.set()
        self._queue.put(None)

    def join(self, deadline: float) -> bool:
        """Wait for the thread until the deadline (monotonic time); False if it has not ended."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()

    def _reset_after_fork(self) -> None:
        """Release the parent's file in a forked child."""
        self._is_over = self._is_of_parent = True
        self._lock = Lock()
        self._stopping = Latch()
        self._queue = SimpleQueue()
        self._file.close()

    # --- the recorder's thread ----------------------------------------------------------------

    def _run(self) -> None:
        try:
            is_last = False
            while not is_last:
                items = [self._queue.get()]
                # Collect a batch: a wake-up for each block would slow down the connections.
                self._stopping.wait(_BATCH_S)
                while not self._queue.empty():
                    items.append(self._queue.get())
                # Not by `_stopping`, which may have been set before or after the batch.
                is_last = any(item is None for item in items)
                self._write(_lines(item) for item in items if item is not None)
                written = sum(item.size for item in items if isinstance(item, _Block))
                with self._lock:
                    self._waiting -= written
            with self._lock:
                # Messages dropped after the last recorded one.
                gaps = [
                    Missing(n, time.time(), count) for n, count in self._missing.items()
                ]
            self._write(map(line_of, gaps))
            write_all(self._file, self._packer.flush(zlib.Z_FINISH))
        except BaseException as exc:
            # Any exception, as no other thread would notice the end of the recording.
            self._fail(exc)
        finally:
            self._file.close()

    def _write(self, texts: Iterable[str]) -> None:
        parts: List[bytes] = []
        piece, size = [], 0
        for text in texts:
            piece.append(text)
            size += len(text)
            # In pieces, as the compressor releases the GIL: otherwise the connections' threads
            # would wait until the whole batch is formatted.
            if size >= _PIECE:
                parts.append(self._packer.compress("".join(piece).encode("ascii")))
                piece, size = [], 0
        parts.append(self._packer.compress("".join(piece).encode("ascii")))
        # All data up to this point can be decompressed, even after a crash.
        parts.append(self._packer.flush(zlib.Z_SYNC_FLUSH))
        write_all(self._file, b"".join(parts))

    def _fail(self, exc: BaseException) -> None:
        self._is_over = True
        self.error = BfxError(f"the recording has failed: {error_text(exc)}")
        self.error.__cause__ = exc
        # Frees the memory of the queue.
        self._queue = SimpleQueue()
        _log.error("%s", self.error)
        self.report(self.error)


def _path_of(path: object, now: float) -> str:
    name = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(name, str):
        raise UsageError(f"a recording must be the path of a file, not {path!r}")
    return name.replace("{time}", time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now)))


class _Uncompressed:
    """A compressor that does not compress, for appending to an uncompressed recording."""

    def compress(self, data: bytes) -> bytes:
        return data

    def flush(self, mode: int = zlib.Z_FINISH) -> bytes:
        return b""


def _address(url: str) -> str:
    """Return a URL without its query, which may hold a secret; empty if it has credentials."""
    address = address_of(url)
    return "" if address is None else str(address._replace(query=""))


def _lines(item: Union[_Block, Record]) -> str:
    if not isinstance(item, _Block):
        return line_of(item)
    if isinstance(item.content, str):
        return line_of(Sent(item.connection, item.at, item.content))
    return received_lines(item.connection, item.at, item.content)
