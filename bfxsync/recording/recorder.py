"""
Recording what goes over the wire, while it does.

Strategy: the threads that own the connections only append whole blocks to a queue that is bounded
in bytes. A thread of its own makes lines of them, a quarter of a second's worth at a time,
compresses them and writes them, complete up to there: a program that crashes loses no more. When
the disk cannot keep up, messages are left out, and a line says how many.
"""

from __future__ import annotations

import os
import time
import zlib
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Union

from bfxsync._base.describe import error_text
from bfxsync._base.forks import renew_after_fork
from bfxsync._base.hosts import address_of
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync._base.shield import shielded, start_thread
from bfxsync._version import __version__
from bfxsync.errors import BfxError, UsageError
from bfxsync.recording.files import LEVEL, open_for_recording, write_all
from bfxsync.recording.format import (
    Lost,
    Missing,
    Opened,
    Record,
    Sent,
    header,
    is_line,
    is_ours,
    line_of,
    received_lines,
)

logger = get_logger(__name__)

MAX_WAITING_BYTES = 64 * 1024 * 1024
"""What may wait to be written, with what each message takes beside its text."""

_BATCH_S = 0.25
_BESIDE = 64
_PIECE = 8_192

_GZIP = 16 + zlib.MAX_WBITS


class _Block(NamedTuple):
    """Messages that came, or one that went, and how many bytes it counts for."""

    connection: int
    at: float
    content: Union[List[bytes], str]
    size: int


class Recorder:
    """
    A recording that is being made: gzipped JSON lines.

    All methods may be called from any thread. Nothing is written in the child of a fork.

    Parameters
    ----------
    path : str or os.PathLike
        Of a file that is not there yet, or empty. Nobody else may read it, as messages of an
        account would stand in it too. ``{time}`` in it becomes the time: ``20261129T121700Z``.
    report : callable, optional
        Gets the error if the recording fails, on the recording's own thread.
    max_waiting : int, optional
        Bytes that may wait to be written.
    append : bool
        The file may be a recording, gzipped or not, which is continued; a last line that was cut
        off is taken away from it.

    Attributes
    ----------
    path : str
    report : callable
    error : BfxError or None
        Why it ended early.
    missing_count : int
        Messages that were left out as too much was waiting.

    Raises
    ------
    UsageError
        The file cannot be made, or something stands in it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        report: Callable[[BfxError], object] = lambda error: None,
        max_waiting: int = MAX_WAITING_BYTES,
        append: bool = False,
    ) -> None:
        self.error: BfxError | None = None
        self.missing_count = 0
        self.report = report
        self._max_waiting = max_waiting
        self.path = _path_of(path, time.time())
        try:
            self._file, is_gzip = open_for_recording(
                self.path, append, is_line, is_ours
            )
        except (OSError, ValueError) as exc:
            raise UsageError(f"cannot record to {self.path!r}: {exc}") from exc
        self._packer: Any = (
            zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP) if is_gzip else _Plain()
        )
        self._is_over = False
        self._stopping = Latch()
        self._queue: SimpleQueue[Optional[Union[_Block, Record]]] = SimpleQueue()
        # Protects the two below, and the order of a gap and what follows it in the queue.
        self._lock = Lock()
        self._waiting = 0
        self._missing: Dict[int, int] = {}
        try:
            self._write([header(time.time(), __version__)])
        except OSError as exc:
            self._file.close()
            raise UsageError(f"cannot record to {self.path!r}: {exc}") from exc
        renew_after_fork(self)
        self._thread = Thread(target=self._run, name="bfxsync-record", daemon=True)
        shielded(start_thread, self._thread)

    # --- the threads of the connections -------------------------------------------------------

    def opened(self, connection: int, url: str) -> None:
        """Note that a connection was opened."""
        self._note(Opened(connection, time.time(), _address(url)))

    def received(self, connection: int, messages: List[bytes]) -> None:
        """Record messages that came, in order; the list must not change any more."""
        size = sum(map(len, messages)) + _BESIDE * len(messages)
        self._put(_Block(connection, time.time(), messages, size), len(messages))

    def sent(self, connection: int, text: str) -> None:
        """Record a message that went; what is secret in it is left out."""
        size = len(text) + _BESIDE
        self._put(_Block(connection, time.time(), text, size), 1)

    def lost(self, connection: int, code: int, reason: str) -> None:
        """Note that a connection was lost, or closed by its client: 1000 without reason."""
        self._note(Lost(connection, time.time(), code, reason))

    def _note(self, record: Union[Opened, Lost]) -> None:
        # Whatever waits: without it the rest could not be understood, and it is rare.
        if self._is_over:
            return
        with self._lock:
            # First what was missing on the connection as it was: the next one may be whole.
            self._note_missing(record.connection, record.at)
            self._queue.put(record)

    def _note_missing(self, connection: int, at: float) -> None:
        missing = self._missing.pop(connection, 0)
        if missing:
            self._queue.put(Missing(connection, at, missing))

    def _put(self, block: _Block, count: int) -> None:
        if self._is_over:
            return
        with self._lock:
            missing = self._missing.get(block.connection, 0)
            has_room = self._waiting + block.size <= self._max_waiting
            if has_room:
                self._waiting += block.size
                self._note_missing(block.connection, block.at)
                self._queue.put(block)
            else:
                self._missing[block.connection] = missing + count
                self.missing_count += count
        if not has_room and not missing:
            logger.warning("the disk is too slow: messages are missing in a recording")

    # --- the end ------------------------------------------------------------------------------

    def stop(self) -> None:
        """Let it write what waits, then end. Takes no lock: a signal handler may call it."""
        self._is_over = True
        self._stopping.set()
        self._queue.put(None)

    def join(self, deadline: float) -> bool:
        """Wait for that until the deadline (monotonic time); False if it takes longer."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()

    def _reset_after_fork(self) -> None:
        """Let go of the parent's file; for the child of a fork."""
        self._is_over = True
        self._lock = Lock()
        self._stopping = Latch()
        self._queue = SimpleQueue()
        self._file.close()

    # --- the recording's thread ---------------------------------------------------------------

    def _run(self) -> None:
        try:
            is_last = False
            while not is_last:
                items = [self._queue.get()]
                # More comes meanwhile: to be woken for every block would cost the others time.
                is_last = self._stopping.wait(_BATCH_S)
                self._take_all(items)
                self._write_items(items)
            self._write(map(line_of, self._gaps()))
            write_all(self._file, self._packer.flush(zlib.Z_FINISH))
        except BaseException as exc:
            # Whatever it is: only this thread can tell that the recording is not going on.
            self._fail(exc)
        finally:
            self._file.close()

    def _take_all(self, items: List[Optional[Union[_Block, Record]]]) -> None:
        while True:
            try:
                items.append(self._queue.get_nowait())
            except Empty:
                return

    def _write_items(self, items: List[Optional[Union[_Block, Record]]]) -> None:
        self._write(_lines(item) for item in items if item is not None)
        written = sum(item.size for item in items if isinstance(item, _Block))
        with self._lock:
            self._waiting -= written

    def _gaps(self) -> List[Missing]:
        """Return what nobody came to tell any more."""
        with self._lock:
            return [
                Missing(n, time.time(), count) for n, count in self._missing.items()
            ]

    def _write(self, texts: Iterable[str]) -> None:
        parts: List[bytes] = []
        piece, size = [], 0
        for text in texts:
            piece.append(text)
            size += len(text)
            # In pieces, as to compress one lets the other threads go on: else those of the
            # connections would wait until a quarter of a second's worth of lines is made.
            if size >= _PIECE:
                parts.append(self._packer.compress("".join(piece).encode("ascii")))
                piece, size = [], 0
        parts.append(self._packer.compress("".join(piece).encode("ascii")))
        # Whatever comes later, what stands there up to now can be read.
        parts.append(self._packer.flush(zlib.Z_SYNC_FLUSH))
        write_all(self._file, b"".join(parts))

    def _fail(self, exc: BaseException) -> None:
        self._is_over = True
        self.error = BfxError(f"the recording has failed: {error_text(exc)}")
        self.error.__cause__ = exc
        # What waits would only take memory.
        self._queue = SimpleQueue()
        logger.error("%s", self.error)
        self.report(self.error)


def _path_of(path: object, now: float) -> str:
    name = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(name, str):
        raise UsageError(f"a recording must be the path of a file, not {path!r}")
    return name.replace("{time}", time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now)))


class _Plain:
    """What a packer has, for a recording that somebody has unpacked."""

    def compress(self, data: bytes) -> bytes:
        return data

    def flush(self, mode: int = zlib.Z_FINISH) -> bytes:
        return b""


def _address(url: str) -> str:
    """Return a URL without what may be secret in it."""
    address = address_of(url)
    return "" if address is None else str(address._replace(query=""))


def _lines(item: Union[_Block, Record]) -> str:
    if not isinstance(item, _Block):
        return line_of(item)
    if isinstance(item.content, str):
        return line_of(Sent(item.connection, item.at, item.content))
    return received_lines(item.connection, item.at, item.content)
