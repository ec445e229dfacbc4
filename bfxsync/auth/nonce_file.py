"""
A nonce shared by the processes of one machine through a file; needs the extra ``multiprocess``.

Strategy: the file holds the last nonce as text of fixed length, so that one small write replaces
it, and a lock file next to it (``filelock``) admits one process at a time. It is read for every
nonce. A process that dies leaves its last nonce in the file, or the one before, if the last one was
not yet written and so not yet sent.

Both locks are acquired and released on short-lived threads, which Ctrl-C never reaches: an
interrupted caller stops waiting and leaves nothing locked. An I/O thread gets its nonce delivered
(`FileNonce.draw`) instead of waiting for other processes.
"""

from __future__ import annotations

import os
import re
import time
from _thread import get_ident
from contextlib import contextmanager
from io import FileIO
from typing import Callable, Iterator, Optional, TypeVar

import attrs

from bfxsync._base.latch import Latch
from bfxsync._base.process_lock import ProcessLock, path_of
from bfxsync._base.regular_files import open_regular
from bfxsync._base.shield import Work, later
from bfxsync.auth.nonce import MAX_NONCE, Nonce
from bfxsync.errors import UsageError

R = TypeVar("R")

DEFAULT_TIMEOUT_S = 10.0

_LENGTH = len(str(MAX_NONCE))
_OWN = re.compile(rb"[0-9]{%d}\n" % _LENGTH)


@attrs.define(eq=False)
class _Hold:
    """The locks of the file, held by a helper thread on behalf of another thread."""

    owner: int = attrs.field(factory=get_ident)
    """The thread that may use the file."""
    granted: Latch = attrs.field(factory=Latch)
    """Set when the locks are held or have failed."""
    over: Latch = attrs.field(factory=Latch)
    """Set when the locks can be released."""
    error: Optional[Exception] = None
    """Why the locks could not be acquired."""


class FileNonce(Nonce):
    """
    Strictly increasing nonces over all processes that use the same file.

    Parameters
    ----------
    path : str or os.PathLike
        The file, created if missing, as is a lock file with the suffix ``.lock``. Use one per
        key, on a local disk. A file with other contents is never overwritten.
    clock : callable
        Seconds since 1970.
    timeout : float
        Seconds to wait for other processes.

    Raises
    ------
    UsageError
        The extra is not installed, or the file is unusable or has other contents.
    """

    is_shared = True

    def __init__(
        self,
        path: str | os.PathLike[str],
        clock: Callable[[], float] = time.time,
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        super().__init__(clock)
        self._path = path_of(path, "nonce_file")
        self._timeout = timeout
        self._process_lock = ProcessLock(
            self._path, what="nonce file", failure="no nonce"
        )
        # The largest nonce so far; accessed only while the file is locked.
        self._largest = 0
        self._hold: Optional[_Hold] = None
        # Checked before a lock file is created, as the file may belong to another program.
        self._process_lock.check()
        if os.path.lexists(self._path):
            with self._opened() as file:
                self._read(file)

        def write_first() -> None:
            with self._opened() as file:
                self._write(file, self._read(file))

        self.exclusive(timeout, write_first)

    def next(self) -> int:
        """
        Return the next nonce.

        Raises
        ------
        RequestTimeout
            Other processes held the lock for too long.
        NetworkError
            No thread could be started, or Python is shutting down.
        UsageError
            The file has become unusable, or the largest nonce was used.
        """
        hold = self._hold
        if hold is not None and hold.owner == get_ident() and not hold.over.is_set:
            return self._draw()
        work = Work(self._draw_locked)
        work.start()
        return work.result()

    def draw(self, deliver: Callable[[int | Exception], object]) -> None:
        """Draw the next nonce without blocking; `deliver` is called on another thread."""

        def bring() -> None:
            result: int | Exception
            try:
                result = self._draw_locked()
            except Exception as error:
                result = error
            deliver(result)

        later(bring)

    def exclusive(self, timeout: float, work: Callable[[], R]) -> R:
        """
        Call a function while no other process and no other thread draws a nonce.

        Raises `RequestTimeout` if others held the lock for `timeout` seconds.
        """
        hold = _Hold()
        try:
            # Released twice, as Ctrl-C may interrupt the first time.
            try:
                later(self._keep, hold, timeout)
                hold.granted.wait_in_naps()
                if hold.error is not None:
                    raise hold.error
                return work()
            finally:
                hold.over.set()
        finally:
            hold.over.set()

    def _reset_after_fork(self) -> None:
        """Reset in a child process, which does not own the parent's locks."""
        self._hold = None
        self._process_lock.reset_after_fork()

    def _keep(self, hold: _Hold, timeout: float) -> None:
        """Hold the locks until `hold.over` is set."""
        try:
            with self._process_lock.held(timeout):
                self._hold = hold
                hold.granted.set()
                hold.over.wait()
                self._hold = None
        except Exception as exc:
            hold.error = exc
        hold.granted.set()

    def _draw_locked(self) -> int:
        with self._process_lock.held(self._timeout):
            return self._draw()

    def _draw(self) -> int:
        with self._opened() as file:
            # The clock is read under the lock, so that the nonces of all processes follow it.
            now = int(self._clock() * 1_000_000)
            nonce = self._after(max(self._largest, self._read(file)), now)
            # Before the write, which may fail half-way.
            self._largest = nonce
            self._write(file, nonce)
        return nonce

    @contextmanager
    def _opened(self) -> Iterator[FileIO]:
        """Open the file, creating it if missing."""
        try:
            # Not truncated: a process that dies in between must not lose the nonce.
            file = open_regular(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        except (OSError, ValueError) as exc:
            raise self._process_lock.unusable(exc) from exc
        with file:
            yield file

    def _read(self, file: FileIO) -> int:
        try:
            data = file.read(_LENGTH + 2)
        except OSError as exc:
            raise self._process_lock.unusable(exc) from exc
        if not data:
            return 0
        # A file in any other format belongs to another program.
        if not _OWN.fullmatch(data) or int(data) > MAX_NONCE:
            raise UsageError(
                f"{self._path} does not contain a nonce of this library; it was not changed"
            )
        return int(data)

    def _write(self, file: FileIO, nonce: int) -> None:
        data = b"%0*d\n" % (_LENGTH, nonce)
        try:
            file.seek(0)
            if file.write(data) != len(data):
                raise OSError("the nonce was written only in part")
        except OSError as exc:
            raise self._process_lock.unusable(exc) from exc
