"""
A nonce that the processes of one machine share, kept in a file; needs the extra ``multiprocess``.

Strategy: the file holds the last number as text of a fixed length, so that it is overwritten by one
small write, and a lock file beside it (``filelock``) lets one process at a time read and write it.
It is read for every nonce. A process that dies leaves its last number, or the one before it, which
only the same process could have sent.

Both locks are taken and released by short-lived threads of our own, which Ctrl-C never reaches: a
caller that is interrupted stops waiting, and nothing stays locked behind it. So the thread of a
socket can have a number brought to it (`FileNonce.draw`) and need not wait for other processes.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import stat
import sys
import time
from _thread import get_ident, start_new_thread
from contextlib import contextmanager
from threading import Lock
from typing import Any, Callable, Iterator, Optional, TypeVar

import attrs

from bfxsync._base.forks import lazily
from bfxsync._base.latch import Latch
from bfxsync.auth.nonce import MAX_NONCE, Nonce
from bfxsync.errors import NetworkError, RequestTimeout, UsageError

R = TypeVar("R")

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

# Ctrl-C does not end a wait that it comes just before, and none at all on Windows.
_LONGEST_NAP_S = 1.0


@attrs.define(eq=False)
class _Hold:
    """
    The file, kept by a thread of ours for as long as another thread needs it.

    Attributes
    ----------
    owner : int
        The thread that may use the file meanwhile.
    granted, over : Latch
        The locks are taken, or could not be; they are no longer needed.
    error : Exception or None
        Why they could not be taken.
    """

    owner: int = attrs.field(factory=get_ident)
    granted: Latch = attrs.field(factory=Latch)
    over: Latch = attrs.field(factory=Latch)
    error: Optional[Exception] = None


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
            filelock = lazily(lambda: importlib.import_module("filelock"))
        except ImportError as exc:
            raise UsageError(
                'a nonce file needs the extra "multiprocess": '
                'pip install "bfxsync[multiprocess]"'
            ) from exc
        self._path = _path_of(path)
        self._timeout = timeout
        self._busy: type[Exception] = filelock.Timeout
        self._lock_kind: Any = filelock.FileLock
        # The largest number so far; only who has the file reads and writes it.
        self._largest = 0
        self._reset_after_fork()
        # Before the lock is made beside what may be somebody's file.
        self._check_lock()
        if os.path.lexists(self._path):
            with self._opened() as number:
                self._read(number)

        def write_first() -> None:
            with self._opened() as number:
                self._write(number, self._read(number))

        self.exclusive(timeout, write_first)

    def next(self) -> int:
        """
        Return the next number.

        Raises
        ------
        RequestTimeout
            Other processes have kept the file for too long.
        NetworkError
            There is no thread left for it, or Python is ending.
        UsageError
            The file cannot be used any more, or the largest possible number was used.
        """
        hold = self._hold
        if hold is not None and hold.owner == get_ident() and not hold.over.is_set:
            return self._draw()
        drawn: list[int | Exception] = []
        is_there = Latch()

        def deliver(result: int | Exception) -> None:
            drawn.append(result)
            is_there.set()

        self.draw(deliver)
        while not is_there.wait(_LONGEST_NAP_S):
            pass
        (result,) = drawn
        if isinstance(result, Exception):
            raise result
        return result

    def draw(self, deliver: Callable[[int | Exception], object]) -> None:
        """
        Draw the next number without waiting for other processes; see `Nonce.draw`.

        It is delivered on a thread of its own.
        """

        def bring() -> None:
            result: int | Exception
            try:
                with self._held(self._timeout):
                    result = self._draw()
            except Exception as error:
                result = error
            deliver(result)

        _start(bring)

    def exclusive(self, timeout: float, work: Callable[[], R]) -> R:
        """
        Call it while no other process and no other thread draws a number.

        Raises
        ------
        RequestTimeout
            Others have kept the file for so many seconds.
        """
        hold = _Hold()
        try:
            # Twice, as a Ctrl-C may come in the first.
            try:
                _start(self._keep, hold, timeout)
                while not hold.granted.wait(_LONGEST_NAP_S):
                    pass
                if hold.error is not None:
                    raise hold.error
                return work()
            finally:
                hold.over.set()
        finally:
            hold.over.set()

    def _reset_after_fork(self) -> None:
        """Start anew in a child process; the parent's hold of the file is not the child's."""
        self._hold: Optional[_Hold] = None
        # Taken by threads of ours only.
        self._thread_lock = Lock()
        # One for all threads, which the lock above keeps apart; older ones are so anyway.
        names = inspect.signature(self._lock_kind.__init__).parameters
        options = {"thread_local": False} if "thread_local" in names else {}
        lock = _own(self._lock_kind)
        self._file_lock: Any = lock(self._path + ".lock", **options)

    def _keep(self, hold: _Hold, timeout: float) -> None:
        """Keep the file until the hold is over."""
        try:
            with self._held(timeout):
                self._hold = hold
                hold.granted.set()
                hold.over.wait()
                self._hold = None
        except Exception as exc:
            hold.error = exc
        hold.granted.set()

    def _draw(self) -> int:
        with self._opened() as number:
            # The clock is read while the file is kept: numbers then follow it, whoever draws them.
            now = int(self._clock() * 1_000_000)
            nonce = self._after(max(self._largest, self._read(number)), now)
            # Before it is written, as that may fail half-way.
            self._largest = nonce
            self._write(number, nonce)
        return nonce

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


def _start(work: Callable[..., object], *arguments: object) -> None:
    try:
        if sys.is_finalizing():
            # In a `__del__`: before Python 3.12 a thread can be started then, but never runs.
            raise RuntimeError("Python is ending")
        start_new_thread(work, arguments)
    except RuntimeError as exc:
        raise NetworkError(f"no nonce: {exc}", phase="connect") from exc


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
