"""
A nonce that the processes of one machine share, kept in a file; needs the extra ``multiprocess``.

Strategy: the file holds the last number as text of a fixed length, so that it is overwritten by one
small write, and a lock file beside it (``filelock``) lets one process at a time read and write it.
It is read for every nonce. A process that dies leaves its last number, or the one before it, which
only the same process could have sent.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import stat
import time
from contextlib import contextmanager
from threading import RLock
from typing import Any, Callable, Iterator

from bfxsync.auth import MAX_NONCE, Nonce
from bfxsync.errors import RequestTimeout, UsageError

DEFAULT_TIMEOUT_S = 10.0
_POLL_S = 0.002

_LENGTH = len(str(MAX_NONCE))
_OWN = re.compile(rb"[0-9]{%d}\n" % _LENGTH)

# A named pipe would be waited for.
_FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class FileNonce(Nonce):
    """
    Strictly increasing numbers over all processes that use the same file.

    Parameters
    ----------
    path : str or os.PathLike
        The file; it is made if there is none, and another one with ``.lock`` behind its name. One
        for each key, on a local disk. What it does not hold itself is never overwritten.
    clock : callable
        Seconds since 1970.
    timeout : float
        Seconds to wait for other processes.

    Raises
    ------
    UsageError
        The extra is not installed, the file cannot be used, or holds something else.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        clock: Callable[[], float] = time.time,
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        super().__init__(clock)
        try:
            filelock = importlib.import_module("filelock")
        except ImportError as exc:
            raise UsageError(
                'a nonce file needs the extra "multiprocess": '
                'pip install "bfxsync[multiprocess]"'
            ) from exc
        self._path = _path_of(path)
        self._timeout = timeout
        self._busy: type[Exception] = filelock.Timeout
        self._lock_kind: Any = filelock.FileLock
        self._reset_after_fork()
        # Before the lock is made beside what may be somebody's file.
        self._check_lock()
        if os.path.lexists(self._path):
            with self._opened() as number:
                self._read(number)
        with self._held(timeout), self._opened() as number:
            self._write(number, self._read(number))

    def next(self) -> int:
        """
        Return the next number.

        Raises
        ------
        RequestTimeout
            Other processes have kept the file for too long.
        UsageError
            The file cannot be used any more, or the largest possible number was used.
        """
        with self._held(self._timeout), self._opened() as number:
            # Read the clock under the lock: numbers then follow it, whoever draws them.
            now = int(self._clock() * 1_000_000)
            self._last = self._after(max(self._last, self._read(number)), now)
            self._write(number, self._last)
            return self._last

    @contextmanager
    def exclusive(self, timeout: float) -> Iterator[None]:
        """
        Keep other processes and threads from drawing a number for a while.

        Raises
        ------
        RequestTimeout
            Others have kept the file for so many seconds.
        """
        with self._held(timeout):
            yield

    def _reset_after_fork(self) -> None:
        """Start anew in a child process; the parent's hold of the file is not the child's."""
        # Reentrant: a number is drawn while `exclusive` holds it.
        self._thread_lock = RLock()
        # One for all threads, which the lock above keeps apart; older ones are so anyway.
        names = inspect.signature(self._lock_kind.__init__).parameters
        options = {"thread_local": False} if "thread_local" in names else {}
        lock = _own(self._lock_kind)
        self._file_lock: Any = lock(self._path + ".lock", **options)

    @contextmanager
    def _held(self, timeout: float) -> Iterator[None]:
        if not self._thread_lock.acquire(timeout=timeout):
            raise RequestTimeout(self._too_long(timeout), phase="connect")
        try:
            try:
                # By position, as older versions spell the second one with three l.
                self._file_lock.acquire(timeout, _POLL_S)
            except self._busy as exc:
                raise RequestTimeout(self._too_long(timeout), phase="connect") from exc
            except OSError as exc:
                raise self._unusable(exc) from exc
            try:
                yield
            finally:
                self._file_lock.release()
        finally:
            self._thread_lock.release()

    def _check_lock(self) -> None:
        """Refuse a lock file that is somebody's: to take the lock would empty it."""
        lock = self._path + ".lock"
        try:
            found = os.lstat(lock)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as exc:
            raise self._unusable(exc) from exc
        if not stat.S_ISREG(found.st_mode) or found.st_size:
            raise UsageError(
                f"{lock} is not an empty file, so it is not a lock of this library's; "
                "it is left as it is"
            )

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """Open the file, which is made if there is none, and yield its descriptor."""
        try:
            # Not truncated: a process that dies in between must not lose the number.
            number = os.open(self._path, _FLAGS, 0o666)
        except (OSError, ValueError) as exc:
            raise self._unusable(exc) from exc
        try:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise self._unusable(OSError("it is not a regular file"))
            yield number
        finally:
            os.close(number)

    def _read(self, number: int) -> int:
        try:
            data = os.read(number, _LENGTH + 2)
        except OSError as exc:
            raise self._unusable(exc) from exc
        if not data:
            return 0
        # Exactly what is written here, or it is somebody's file.
        if not _OWN.fullmatch(data) or int(data) > MAX_NONCE:
            raise UsageError(
                f"{self._path} holds something else than a nonce of this library's; "
                "it is left as it is"
            )
        return int(data)

    def _write(self, number: int, nonce: int) -> None:
        data = b"%0*d\n" % (_LENGTH, nonce)
        try:
            os.lseek(number, 0, os.SEEK_SET)
            if os.write(number, data) != len(data):
                raise OSError("it was not written as a whole")
        except OSError as exc:
            raise self._unusable(exc) from exc

    def _too_long(self, timeout: float) -> str:
        return f"no nonce: others have kept {self._path} for {timeout:.1f} s"

    def _unusable(self, exc: Exception) -> UsageError:
        return UsageError(f"the nonce file {self._path} cannot be used: {exc}")


def _path_of(path: object) -> str:
    if not isinstance(path, (str, os.PathLike)):
        raise UsageError(f"nonce_file must be the path of a file, not {path!r}")
    return os.path.abspath(os.fsdecode(path))


def _own(kind: Any) -> Any:
    """
    Return a class of locks that nobody but this process lets go.

    A child has a copy of each, and to the system both are one: when older versions of filelock
    drop the copy, they end the hold of the parent.
    """

    process = os.getpid()

    def release(self: Any, *args: Any, **options: Any) -> None:
        if os.getpid() == process:
            kind.release(self, *args, **options)

    return type(kind.__name__, (kind,), {"release": release})
