"""
A lock between threads and processes, by a lock file; needs the extra ``multiprocess``.

Acquire it only on threads that no signal reaches (see `bfxsync._base.shield`): an interrupted
thread would keep it. It is free when its process has died, however that happened.
"""

from __future__ import annotations

import importlib
import inspect
import os
import stat
from contextlib import contextmanager
from threading import Lock
from typing import Any, Iterator

from bfxsync._base.forks import lazily
from bfxsync.errors import RequestTimeout, UsageError

_POLL_S = 0.002


class ProcessLock:
    """
    Protects a file by a second one with the suffix ``.lock``.

    Parameters
    ----------
    path : str
        The file that is protected.
    what : str
        What messages call it: ``nonce file``.
    failure : str
        Begins the message when others hold the lock for too long: ``no nonce``.

    Raises
    ------
    UsageError
        The extra is not installed.
    """

    def __init__(self, path: str, *, what: str, failure: str) -> None:
        try:
            filelock = lazily(lambda: importlib.import_module("filelock"))
        except ImportError as exc:
            raise UsageError(
                f'a {what} needs the extra "multiprocess": '
                'pip install "bfxsync[multiprocess]"'
            ) from exc
        self._path = path
        self._what = what
        self._failure = failure
        self._busy: type[Exception] = filelock.Timeout
        self._lock_kind: Any = filelock.FileLock
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        """Use new locks in a child process, which does not own the parent's."""
        # Acquired by threads that no signal reaches.
        self._thread_lock = Lock()
        # Shared by all threads, which the lock above serializes; older versions of filelock always
        # share it.
        names = inspect.signature(self._lock_kind.__init__).parameters
        options = {"thread_local": False} if "thread_local" in names else {}
        lock = _own(self._lock_kind)
        self._file_lock: Any = lock(self._path + ".lock", **options)

    @contextmanager
    def held(self, timeout_s: float) -> Iterator[None]:
        """Hold it; raises `RequestTimeout` if others have it for too long."""
        if not self._thread_lock.acquire(timeout=timeout_s):
            raise RequestTimeout(self._too_long(timeout_s), phase="connect")
        try:
            try:
                # Positional, as older versions spell the second parameter with three l.
                self._file_lock.acquire(timeout_s, _POLL_S)
            except self._busy as exc:
                raise RequestTimeout(
                    self._too_long(timeout_s), phase="connect"
                ) from exc
            except OSError as exc:
                raise self.unusable(exc) from exc
            try:
                yield
            finally:
                self._file_lock.release()
        finally:
            self._thread_lock.release()

    def check(self) -> None:
        """Refuse a lock file of another program: acquiring the lock would truncate it."""
        lock = self._path + ".lock"
        try:
            found = os.lstat(lock)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as exc:
            raise self.unusable(exc) from exc
        if not stat.S_ISREG(found.st_mode) or found.st_size:
            raise UsageError(
                f"{lock} is not an empty file, so it is not a lock file of this library; "
                "it was not changed"
            )

    def unusable(self, exc: Exception) -> UsageError:
        """Return the error for a file that cannot be read, written or locked."""
        return UsageError(f"the {self._what} {self._path} cannot be used: {exc}")

    def _too_long(self, timeout_s: float) -> str:
        return (
            f"{self._failure}: {self._path} was locked by others for {timeout_s:.1f} s"
        )


def path_of(path: object, name: str) -> str:
    """Return the absolute path of an argument."""
    if not isinstance(path, (str, os.PathLike)):
        raise UsageError(f"{name} must be the path of a file, not {path!r}")
    return os.path.abspath(os.fsdecode(path))


def _own(kind: Any) -> Any:
    """
    Return a lock class that only this process can release.

    A forked child has a copy of each lock, which is the same lock for the operating system: older
    versions of filelock release the parent's lock when the copy is deleted.
    """

    process = os.getpid()

    def release(self: Any, *args: Any, **options: Any) -> None:
        if os.getpid() == process:
            kind.release(self, *args, **options)

    return type(kind.__name__, (kind,), {"release": release})
